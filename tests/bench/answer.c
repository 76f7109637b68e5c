/*
 * tests/bench/answer.c - an intake that looks at nothing: listens on a worker's socket, and answers each request of the gate at once, as
 * intake answers a report that it stored. What the gate costs by itself is measured so (tests/bench/scale).
 *
 *   answer SOCKET
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/seqpacket.h"
#include "wire/message.h"

static void die(const struct err *err)
{
    fprintf(stderr, "answer: %s\n", err->text);
    exit(1);
}

static void answer(int fd, uint64_t id, struct buf *out)
{
    static const char body[] = "{\"report\":\"r1\",\"observations\":1,\"duplicates\":0,\"rejected\":[],\"rejected_total\":0}";
    const struct message_response response = {.id = id,
                                              .status = 201,
                                              .content_type = "application/json",
                                              .headers = "",
                                              .body = body,
                                              .body_size = sizeof body - 1,
                                              .body_fd = -1};
    struct err err;
    if (!message_pack_response(&response, out, &err))
        die(&err);
    while (!seqpacket_send(fd, out->bytes, out->size, -1, &err))
        if (err.code != ERR_AGAIN)
            die(&err);
}

/* All that waits on the connection. False where the gate is gone. */
static bool take(int fd, char *packet, struct buf *out)
{
    struct message_request request;
    struct err err;
    size_t size = 0;
    int passed = -1;
    while (seqpacket_receive(fd, packet, SEQPACKET_SIZE_MAX, &size, &passed, &err)) {
        if (size == 0)
            return false;
        if (!message_unpack_request(packet, size, passed, &request, &err))
            die(&err);
        if (request.body_fd >= 0)
            close(request.body_fd);
        answer(fd, request.id, out);
    }
    return err.code == ERR_AGAIN;
}

int main(int argc, char **argv)
{
    struct err err;
    int listener = -1;
    struct buf out;
    buf_init(&out, SEQPACKET_SIZE_MAX);
    if (argc != 2 || !seqpacket_listen(argv[1], 0666, &listener, &err)) {
        fputs("usage: answer SOCKET\n", stderr);
        return 2;
    }
    char *packet = mem_calloc(1, SEQPACKET_SIZE_MAX);
    struct pollfd polled = {.fd = listener, .events = POLLIN};
    while (poll(&polled, 1, -1) >= 0) {
        if (polled.fd == listener)
            polled.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        else if (!take(polled.fd, packet, &out))
            break;
    }
    free(packet);
    return 0;
}
