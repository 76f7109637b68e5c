#include "wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first word tells a request from a response and from garbage, and changes with the layout. */
enum { REQUEST_MAGIC = 0x31515243, RESPONSE_MAGIC = 0x31535243 };

struct message_request_head {
    uint32_t magic;
    uint8_t listener, method, has_descriptor, zero;
    uint64_t id, body_size;
    unsigned char key[MESSAGE_KEY_SIZE];
};

struct message_response_head {
    uint32_t magic;
    uint16_t status;
    uint8_t has_descriptor, zero;
    uint64_t id, body_size;
};

static bool add_strings(struct buf *out, const char *const *strings, size_t count, struct err *err)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        const char *text = strings[i] ? strings[i] : "";
        size_t size = strlen(text) + 1;
        if (size > MESSAGE_HEAD_MAX - total)
            return err_set(err, ERR_LIMIT, "the strings of a message are longer than %d bytes", MESSAGE_HEAD_MAX);
        total += size;
        buf_add(out, text, size);
    }
    return true;
}

static bool add_body(struct buf *out, const char *body, size_t size, int fd, struct err *err)
{
    if (fd < 0) {
        if (size > MESSAGE_INLINE_BODY_MAX)
            return err_set(err, ERR_LIMIT, "a body of %zu bytes does not fit into a message", size);
        buf_add(out, body, size);
        buf_add_char(out, '\0');
    }
    if (out->full)
        return err_set(err, ERR_LIMIT, "the message does not fit into %zu bytes", out->size_max);
    return true;
}

bool message_pack_request(const struct message_request *request, struct buf *out, struct err *err)
{
    struct message_request_head head = {.magic = REQUEST_MAGIC,
                                        .listener = (uint8_t)request->listener,
                                        .method = (uint8_t)request->method,
                                        .has_descriptor = request->body_fd >= 0,
                                        .id = request->id,
                                        .body_size = request->body_size};
    const char *strings[] = {request->path, request->content_type, request->content_encoding, request->if_match, request->peer_address};

    memcpy(head.key, request->key, sizeof head.key);
    buf_reset(out);
    buf_add(out, &head, sizeof head);
    return add_strings(out, strings, ARRAY_SIZE(strings), err) && add_body(out, request->body, request->body_size, request->body_fd, err);
}

bool message_pack_response(const struct message_response *response, struct buf *out, struct err *err)
{
    struct message_response_head head = {.magic = RESPONSE_MAGIC,
                                         .status = (uint16_t)response->status,
                                         .has_descriptor = response->body_fd >= 0,
                                         .id = response->id,
                                         .body_size = response->body_size};
    const char *strings[] = {response->content_type, response->headers};

    buf_reset(out);
    buf_add(out, &head, sizeof head);
    return add_strings(out, strings, ARRAY_SIZE(strings), err) &&
           add_body(out, response->body, response->body_size, response->body_fd, err);
}

/* Takes count NUL-terminated strings from *cursor..end. */
static bool take_strings(const char **cursor, const char *end, const char ***targets, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *nul = memchr(*cursor, '\0', (size_t)(end - *cursor));
        if (!nul)
            return err_set(err, ERR_INPUT, "string %zu of the message has no end", i);
        *targets[i] = *cursor;
        *cursor = nul + 1;
    }
    return true;
}

static bool check_descriptor(int fd, uint64_t size, struct err *err)
{
    struct stat st;

    if (fd < 0)
        return err_set(err, ERR_INPUT, "the message's body descriptor is missing");
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size < size)
        return err_set(err, ERR_INPUT, "the message's descriptor holds no body of %llu bytes", (unsigned long long)size);
    return true;
}

/* What is left in the packet must be exactly the body and its NUL, or nothing where a descriptor holds it. */
static bool take_body(const char *cursor, const char *end, uint64_t size, bool has_descriptor, int fd, const char **body, struct err *err)
{
    size_t left = (size_t)(end - cursor);

    *body = NULL;
    if (has_descriptor)
        return left ? err_set(err, ERR_INPUT, "the message holds a body twice") : check_descriptor(fd, size, err);
    if (fd >= 0)
        return err_set(err, ERR_INPUT, "the message brings a descriptor that it does not name");
    if (left == 0 || size != left - 1 || cursor[size] != '\0')
        return err_set(err, ERR_INPUT, "the message's body is not %llu bytes", (unsigned long long)size);
    *body = cursor;
    return true;
}

bool message_unpack_request(const void *bytes, size_t size, int fd, struct message_request *request, struct err *err)
{
    struct message_request_head head;
    const char *cursor = bytes, *end = cursor + size;
    const char **targets[] = {&request->path, &request->content_type, &request->content_encoding, &request->if_match,
                              &request->peer_address};

    if (size < sizeof head)
        return err_set(err, ERR_INPUT, "a request of %zu bytes is too short", size);
    memcpy(&head, bytes, sizeof head);
    cursor += sizeof head;
    if (head.magic != REQUEST_MAGIC || head.zero || head.has_descriptor > 1)
        return err_set(err, ERR_INPUT, "this is no request of this version");
    if (head.listener < MESSAGE_FEEDS || head.listener > MESSAGE_RID || head.method < MESSAGE_GET || head.method > MESSAGE_DELETE)
        return err_set(err, ERR_INPUT, "unknown listener %d or method %d", head.listener, head.method);
    if (!take_strings(&cursor, end, targets, ARRAY_SIZE(targets), err) ||
        !take_body(cursor, end, head.body_size, head.has_descriptor, fd, &request->body, err))
        return false;
    request->id = head.id;
    request->listener = head.listener;
    request->method = head.method;
    memcpy(request->key, head.key, sizeof request->key);
    request->body_size = head.body_size;
    request->body_fd = fd;
    return true;
}

bool message_unpack_response(const void *bytes, size_t size, int fd, struct message_response *response, struct err *err)
{
    struct message_response_head head;
    const char *cursor = bytes, *end = cursor + size;
    const char **targets[] = {&response->content_type, &response->headers};

    if (size < sizeof head)
        return err_set(err, ERR_INPUT, "a response of %zu bytes is too short", size);
    memcpy(&head, bytes, sizeof head);
    cursor += sizeof head;
    if (head.magic != RESPONSE_MAGIC || head.zero || head.has_descriptor > 1)
        return err_set(err, ERR_INPUT, "this is no response of this version");
    if (head.status < 100 || head.status > 599)
        return err_set(err, ERR_INPUT, "there is no HTTP status %d", head.status);
    if (!take_strings(&cursor, end, targets, ARRAY_SIZE(targets), err) ||
        !take_body(cursor, end, head.body_size, head.has_descriptor, fd, &response->body, err))
        return false;
    response->id = head.id;
    response->status = head.status;
    response->body_size = head.body_size;
    response->body_fd = fd;
    return true;
}

bool message_body_to_fd(const char *body, size_t size, int *fd, struct err *err)
{
    int file = memfd_create("cirt-body", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (file < 0)
        return err_set(err, ERR_AGAIN, "no memory file for a body: %s", strerror(errno));
    for (size_t done = 0; done < size;) {
        ssize_t written = pwrite(file, body + done, size - done, (off_t)done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            close(file);
            return err_set(err, ERR_AGAIN, "a body of %zu bytes cannot be written: %s", size, strerror(errno));
        }
        done += (size_t)written;
    }
    if (fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        close(file);
        return err_set(err, ERR_INTERNAL, "a body cannot be sealed: %s", strerror(errno));
    }
    *fd = file;
    return true;
}
