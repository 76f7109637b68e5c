#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/seqpacket.h"
#include "wire/message.h"

static struct message_request sample_request(void)
{
    struct message_request request = {.id = UINT64_C(0x1234567890),
                                      .listener = MESSAGE_ANALYSTS,
                                      .method = MESSAGE_POST,
                                      .path = "/v1/reports?format=iodef",
                                      .content_type = "text/xml; charset=utf-8",
                                      .content_encoding = "gzip",
                                      .if_match = "\"7\"",
                                      .peer_address = "2001:db8::7",
                                      .body = "a\0b",
                                      .body_size = 3,
                                      .body_fd = -1};
    memset(request.key, 0xab, sizeof request.key);
    return request;
}

static void request_comes_back(void **state)
{
    UNUSED(state);
    struct message_request in = sample_request(), out;
    struct buf packet;
    struct err err;

    buf_init(&packet, SEQPACKET_SIZE_MAX);
    assert_true(message_pack_request(&in, &packet, &err));
    assert_true(message_unpack_request(packet.bytes, packet.size, -1, &out, &err));
    assert_int_equal(out.id, in.id);
    assert_int_equal(out.listener, MESSAGE_ANALYSTS);
    assert_int_equal(out.method, MESSAGE_POST);
    assert_memory_equal(out.key, in.key, MESSAGE_KEY_SIZE);
    assert_string_equal(out.path, in.path);
    assert_string_equal(out.content_type, in.content_type);
    assert_string_equal(out.content_encoding, "gzip");
    assert_string_equal(out.if_match, "\"7\"");
    assert_string_equal(out.peer_address, in.peer_address);
    assert_int_equal(out.body_size, 3);
    assert_memory_equal(out.body, "a\0b", 4);
    assert_int_equal(out.body_fd, -1);
    buf_clear(&packet);
}

static void absent_strings_are_empty(void **state)
{
    UNUSED(state);
    struct message_request in = {.listener = MESSAGE_FEEDS, .method = MESSAGE_GET, .path = "/", .body_fd = -1}, out;
    struct buf packet;
    struct err err;

    buf_init(&packet, SEQPACKET_SIZE_MAX);
    assert_true(message_pack_request(&in, &packet, &err));
    assert_true(message_unpack_request(packet.bytes, packet.size, -1, &out, &err));
    assert_string_equal(out.content_type, "");
    assert_string_equal(out.content_encoding, "");
    assert_int_equal(out.body_size, 0);
    buf_clear(&packet);
}

static void every_shorter_packet_is_refused(void **state)
{
    UNUSED(state);
    struct message_request in = sample_request(), out;
    struct message_response answer = {
        .id = 3, .status = 201, .content_type = "text/xml", .headers = "", .body = "xy", .body_size = 2, .body_fd = -1};
    struct message_response back;
    struct buf packet;
    struct err err;

    buf_init(&packet, SEQPACKET_SIZE_MAX);
    assert_true(message_pack_request(&in, &packet, &err));
    for (size_t size = 0; size < packet.size; size++) {
        char *copy = malloc(size + 1); /* exact size, so that a sanitizer sees one byte too many */
        assert_non_null(copy);
        memcpy(copy, packet.bytes, size);
        assert_false(message_unpack_request(copy, size, -1, &out, &err));
        assert_int_equal(err.code, ERR_INPUT);
        free(copy);
    }
    buf_add_char(&packet, 'x');
    assert_false(message_unpack_request(packet.bytes, packet.size, -1, &out, &err));
    assert_true(message_pack_response(&answer, &packet, &err));
    assert_false(message_unpack_request(packet.bytes, packet.size, -1, &out, &err));
    for (size_t size = 0; size < packet.size; size++)
        assert_false(message_unpack_response(packet.bytes, size, -1, &back, &err));
    buf_clear(&packet);
}

static void long_bodies_need_a_descriptor(void **state)
{
    UNUSED(state);
    static char body[MESSAGE_INLINE_BODY_MAX + 1];
    struct message_response in = {.id = 9, .status = 200, .content_type = "application/json", .headers = "", .body = body, .body_fd = -1},
                            out;
    struct buf packet;
    struct err err;
    char read_back[16];

    memset(body, 'q', sizeof body);
    buf_init(&packet, SEQPACKET_SIZE_MAX);
    in.body_size = MESSAGE_INLINE_BODY_MAX;
    assert_true(message_pack_response(&in, &packet, &err));
    in.body_size = sizeof body;
    assert_false(message_pack_response(&in, &packet, &err));
    assert_int_equal(err.code, ERR_LIMIT);

    assert_true(message_body_to_fd(body, sizeof body, &in.body_fd, &err));
    assert_true(message_pack_response(&in, &packet, &err));
    assert_false(message_unpack_response(packet.bytes, packet.size, -1, &out, &err)); /* the descriptor got lost */
    assert_true(message_unpack_response(packet.bytes, packet.size, in.body_fd, &out, &err));
    assert_null(out.body);
    assert_int_equal(out.body_size, sizeof body);
    assert_int_equal(read(out.body_fd, read_back, sizeof read_back), sizeof read_back);
    assert_memory_equal(read_back, body, sizeof read_back);
    assert_int_equal(write(out.body_fd, "no", 2), -1);
    assert_int_equal(ftruncate(out.body_fd, 0), -1);

    in.body_size = sizeof body + 1; /* more than the file holds */
    assert_true(message_pack_response(&in, &packet, &err));
    assert_false(message_unpack_response(packet.bytes, packet.size, in.body_fd, &out, &err));
    close(in.body_fd);
    buf_clear(&packet);
}

static void strange_descriptors_are_refused(void **state)
{
    UNUSED(state);
    struct message_request in = sample_request(), out;
    struct buf packet;
    struct err err;
    int pipe_fds[2];

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    buf_init(&packet, SEQPACKET_SIZE_MAX);
    assert_true(message_pack_request(&in, &packet, &err));
    assert_false(message_unpack_request(packet.bytes, packet.size, pipe_fds[0], &out, &err)); /* not announced */
    in.body_fd = pipe_fds[0];
    assert_true(message_pack_request(&in, &packet, &err));
    assert_false(message_unpack_request(packet.bytes, packet.size, pipe_fds[0], &out, &err)); /* no file */
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    buf_clear(&packet);
}

static void long_heads_are_refused(void **state)
{
    UNUSED(state);
    struct message_request in = sample_request();
    struct buf packet;
    struct err err;
    char *path = malloc(MESSAGE_HEAD_MAX + 1);

    assert_non_null(path);
    memset(path, '/', MESSAGE_HEAD_MAX);
    path[MESSAGE_HEAD_MAX] = '\0';
    in.path = path;
    buf_init(&packet, SEQPACKET_SIZE_MAX);
    assert_false(message_pack_request(&in, &packet, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_clear(&packet);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_comes_back),
        cmocka_unit_test(absent_strings_are_empty),
        cmocka_unit_test(every_shorter_packet_is_refused),
        cmocka_unit_test(long_bodies_need_a_descriptor),
        cmocka_unit_test(strange_descriptors_are_refused),
        cmocka_unit_test(long_heads_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
