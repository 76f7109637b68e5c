#include "base/seqpacket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

enum { BACKLOG = 128, SOCKET_BUFFER = 4 * SEQPACKET_SIZE_MAX };

static bool address_of(const char *path, struct sockaddr_un *address, struct err *err)
{
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof address->sun_path)
        return err_set(err, ERR_INPUT, "socket path %s has %zu bytes; at most %zu are possible", path, size, sizeof address->sun_path - 1);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, size + 1);
    return true;
}

/* The kernel may give less than asked (net.core.wmem_max); one packet always fits in its default. */
static bool socket_new(int flags, int *fd, struct err *err)
{
    int size = SOCKET_BUFFER;
    *fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
    if (*fd < 0)
        return err_set(err, ERR_INTERNAL, "socket: %s", strerror(errno));
    setsockopt(*fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return true;
}

static bool remove_old_socket(const char *path, struct err *err)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT || err_set(err, ERR_INTERNAL, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(status.st_mode))
        return err_set(err, ERR_CONFLICT, "%s exists and is no socket", path);
    if (unlink(path) != 0 && errno != ENOENT)
        return err_set(err, ERR_INTERNAL, "removing %s: %s", path, strerror(errno));
    return true;
}

bool seqpacket_listen(const char *path, mode_t mode, int *fd, struct err *err)
{
    struct sockaddr_un address;
    int made = -1;
    if (!address_of(path, &address, err) || !remove_old_socket(path, err) || !socket_new(SOCK_NONBLOCK, &made, err))
        return false;
    /* fchmod before bind: Linux takes the mode of the file from the socket's, so that it is never open to more, not even briefly. */
    if (fchmod(made, mode) != 0 || bind(made, (struct sockaddr *)&address, sizeof address) != 0 || chmod(path, mode) != 0 ||
        listen(made, BACKLOG) != 0) {
        err_set(err, ERR_INTERNAL, "listening on %s: %s", path, strerror(errno));
        close(made);
        return false;
    }
    *fd = made;
    return true;
}

bool seqpacket_connect(const char *path, int *fd, struct err *err)
{
    struct sockaddr_un address;
    int made = -1;
    if (!address_of(path, &address, err) || !socket_new(0, &made, err))
        return false;
    if (connect(made, (struct sockaddr *)&address, sizeof address) != 0) {
        bool absent = errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN;
        err_set(err, absent ? ERR_AGAIN : ERR_INTERNAL, "connecting to %s: %s", path, strerror(errno));
        close(made);
        return false;
    }
    *fd = made;
    return true;
}

bool seqpacket_peer_uid(int fd, uid_t *uid, struct err *err)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return err_set(err, ERR_INTERNAL, "SO_PEERCRED: %s", strerror(errno));
    *uid = credentials.uid;
    return true;
}

/* Room for one descriptor, aligned as the kernel wants it. */
union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

bool seqpacket_send(int fd, const void *bytes, size_t size, int passed_fd, struct err *err)
{
    union control control = {0};
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (size == 0 || size > SEQPACKET_SIZE_MAX)
        return err_set(err, ERR_LIMIT, "a packet holds 1 to %d bytes, not %zu", SEQPACKET_SIZE_MAX, size);
    if (passed_fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof passed_fd);
        memcpy(CMSG_DATA(header), &passed_fd, sizeof passed_fd);
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return true;
    bool passing = errno == EAGAIN || errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN || errno == ENOBUFS;
    return err_set(err, passing ? ERR_AGAIN : ERR_INTERNAL, "sending a packet: %s", strerror(errno));
}

/* The padding of the control buffer has room for a second descriptor that a hostile sender could slip in: it is closed. */
static int take_descriptor(struct msghdr *message)
{
    int kept = -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int passed;
            memcpy(&passed, CMSG_DATA(header) + i * sizeof passed, sizeof passed);
            if (kept < 0)
                kept = passed;
            else
                close(passed);
        }
    }
    return kept;
}

bool seqpacket_receive(int fd, void *bytes, size_t size_max, size_t *size, int *passed_fd, struct err *err)
{
    union control control = {0};
    struct iovec part = {.iov_base = bytes, .iov_len = size_max};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t received;
    do
        received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received < 0 && errno == ECONNRESET)
        received = 0;
    if (received < 0)
        return err_set(err, errno == EAGAIN ? ERR_AGAIN : ERR_INTERNAL, "receiving a packet: %s", strerror(errno));
    *passed_fd = take_descriptor(&message);
    *size = (size_t)received;
    if (message.msg_flags & MSG_TRUNC) {
        if (*passed_fd >= 0)
            close(*passed_fd);
        *passed_fd = -1;
        return err_set(err, ERR_LIMIT, "a packet was larger than %zu bytes", size_max);
    }
    return true;
}
