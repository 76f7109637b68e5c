#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/seqpacket.h"

struct pair {
    char folder[32], path[64];
    int listener, client, server;
};

static int make_pair(void **state)
{
    struct pair *pair = mem_calloc(1, sizeof *pair);
    struct err err = {0};
    snprintf(pair->folder, sizeof pair->folder, "/tmp/seqpacket.XXXXXX");
    if (!mkdtemp(pair->folder))
        return -1;
    snprintf(pair->path, sizeof pair->path, "%s/s", pair->folder);
    if (!seqpacket_listen(pair->path, 0600, &pair->listener, &err) || !seqpacket_connect(pair->path, &pair->client, &err))
        return -1;
    pair->server = accept4(pair->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    *state = pair;
    return pair->server < 0 ? -1 : 0;
}

static int drop_pair(void **state)
{
    struct pair *pair = *state;
    close(pair->listener);
    if (pair->client >= 0)
        close(pair->client);
    close(pair->server);
    unlink(pair->path);
    rmdir(pair->folder);
    free(pair);
    return 0;
}

static void largest_packet(void **state)
{
    struct pair *pair = *state;
    struct err err = {0};
    char *sent = mem_calloc(SEQPACKET_SIZE_MAX + 1, 1), *got = mem_calloc(SEQPACKET_SIZE_MAX, 1);
    size_t size;
    int passed;
    memset(sent, 'x', SEQPACKET_SIZE_MAX);
    assert_true(seqpacket_send(pair->client, sent, SEQPACKET_SIZE_MAX, -1, &err));
    assert_true(seqpacket_receive(pair->server, got, SEQPACKET_SIZE_MAX, &size, &passed, &err));
    assert_int_equal(size, SEQPACKET_SIZE_MAX);
    assert_memory_equal(sent, got, size);
    assert_int_equal(passed, -1);
    assert_false(seqpacket_send(pair->client, sent, SEQPACKET_SIZE_MAX + 1, -1, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_true(seqpacket_send(pair->client, sent, 100, -1, &err));
    assert_false(seqpacket_receive(pair->server, got, 10, &size, &passed, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    free(sent);
    free(got);
}

static void descriptor(void **state)
{
    struct pair *pair = *state;
    struct err err = {0};
    char bytes[16];
    size_t size;
    int pipes[2], passed;
    assert_int_equal(pipe(pipes), 0);
    assert_true(seqpacket_send(pair->client, "r", 1, pipes[0], &err));
    assert_true(seqpacket_receive(pair->server, bytes, sizeof bytes, &size, &passed, &err));
    assert_true(passed >= 0);
    assert_true(fcntl(passed, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(pipes[1], "hello", 5), 5);
    assert_int_equal(read(passed, bytes, sizeof bytes), 5);
    close(passed);
    close(pipes[0]);
    close(pipes[1]);
}

/* A sender of its own that puts two descriptors into one packet. */
static void send_two(int fd, int passed)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(header), (int[]){passed, passed}, 2 * sizeof(int));
    assert_int_equal(sendmsg(fd, &message, 0), 1);
}

static void only_one_descriptor(void **state)
{
    struct pair *pair = *state;
    struct err err = {0};
    char bytes[16];
    size_t size;
    int passed, before = dup(0);
    close(before);
    send_two(pair->client, 0);
    assert_true(seqpacket_receive(pair->server, bytes, sizeof bytes, &size, &passed, &err));
    assert_int_equal(passed, before);
    int next = dup(0);
    assert_int_equal(next, before + 1);
    close(next);
    close(passed);
}

static void ends(void **state)
{
    struct pair *pair = *state;
    struct err err = {0};
    char bytes[16];
    size_t size = 9;
    int passed;
    uid_t uid;
    assert_true(seqpacket_peer_uid(pair->server, &uid, &err));
    assert_int_equal(uid, getuid());
    assert_false(seqpacket_receive(pair->server, bytes, sizeof bytes, &size, &passed, &err));
    assert_int_equal(err.code, ERR_AGAIN);
    close(pair->client);
    pair->client = -1;
    assert_true(seqpacket_receive(pair->server, bytes, sizeof bytes, &size, &passed, &err));
    assert_int_equal(size, 0);
    assert_false(seqpacket_send(pair->server, "x", 1, -1, &err));
    assert_int_equal(err.code, ERR_AGAIN);
}

static void paths(void **state)
{
    struct pair *pair = *state;
    struct err err = {0};
    struct stat status;
    int fd;
    char path[200], file[64];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_false(seqpacket_listen(path, 0600, &fd, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(stat(pair->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    snprintf(file, sizeof file, "%s/none", pair->folder);
    assert_false(seqpacket_connect(file, &fd, &err));
    assert_int_equal(err.code, ERR_AGAIN);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    assert_false(seqpacket_listen(file, 0600, &fd, &err));
    assert_int_equal(err.code, ERR_CONFLICT);
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(largest_packet, make_pair, drop_pair),
        cmocka_unit_test_setup_teardown(descriptor, make_pair, drop_pair),
        cmocka_unit_test_setup_teardown(only_one_descriptor, make_pair, drop_pair),
        cmocka_unit_test_setup_teardown(ends, make_pair, drop_pair),
        cmocka_unit_test_setup_teardown(paths, make_pair, drop_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
