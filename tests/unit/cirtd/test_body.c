#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cirtd/intake/body.h"

static char *pack(const char *bytes, size_t size, size_t *packed)
{
    z_stream zip = {0};
    assert_int_equal(deflateInit2(&zip, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&zip, size) + 32;
    char *out = mem_calloc(room, 1);
    zip.next_in = (unsigned char *)(uintptr_t)bytes;
    zip.avail_in = (unsigned)size;
    zip.next_out = (unsigned char *)out;
    zip.avail_out = (unsigned)room;
    assert_int_equal(deflate(&zip, Z_FINISH), Z_STREAM_END);
    *packed = zip.total_out;
    deflateEnd(&zip);
    return out;
}

static struct message_request request_of(const char *bytes, size_t size, const char *encoding)
{
    return (struct message_request){.body = bytes, .body_size = size, .body_fd = -1, .content_encoding = encoding};
}

static void expect_whole(const struct message_request *request, const char *bytes, size_t size)
{
    struct err err;
    struct body *body = NULL;
    struct buf out;
    buf_init(&out, 1 << 24);
    assert_true(body_open(request, 1 << 24, &body, &err));
    for (int round = 0; round < 2; round++) {
        if (!body_whole(body, &out, &err))
            fail_msg("%s", err.text);
        assert_int_equal(out.size, size);
        assert_memory_equal(out.bytes ? out.bytes : "", bytes, size);
        body_rewind(body);
    }
    body_close(body);
    buf_clear(&out);
}

static void comes_out_as_it_went_in(void **state)
{
    UNUSED(state);
    size_t size = 300001, packed_size;
    char *bytes = mem_calloc(size, 1);
    uint32_t random = 1;
    for (size_t i = 0; i < size; i++) {
        random = random * 1664525 + 1013904223;
        bytes[i] = (char)('a' + (random >> 24) % 26);
    }
    struct message_request plain = request_of(bytes, size, "");
    expect_whole(&plain, bytes, size);

    char *packed = pack(bytes, size, &packed_size);
    struct message_request zipped = request_of(packed, packed_size, "gzip");
    expect_whole(&zipped, bytes, size);

    FILE *file = tmpfile();
    assert_int_equal(fwrite(packed, 1, packed_size, file), packed_size);
    fflush(file);
    struct message_request spooled = {.body_size = packed_size, .body_fd = fileno(file), .content_encoding = "gzip"};
    expect_whole(&spooled, bytes, size);
    fclose(file);
    struct message_request empty = request_of("", 0, "");
    expect_whole(&empty, "", 0);
    free(packed);
    free(bytes);
}

static enum err_code code_of(const struct message_request *request, uint64_t size_max)
{
    struct err err = {0};
    struct body *body = NULL;
    struct buf out;
    buf_init(&out, 1 << 28);
    bool ok = body_open(request, size_max, &body, &err) && body_whole(body, &out, &err);
    body_close(body);
    buf_clear(&out);
    return ok ? ERR_NONE : err.code;
}

static void broken_and_huge_bodies_are_refused(void **state)
{
    UNUSED(state);
    size_t size = 64u << 20, packed_size;
    char *zeros = mem_calloc(size, 1), *bomb = pack(zeros, size, &packed_size);
    struct message_request request = request_of(bomb, packed_size, "gzip");
    assert_int_equal(code_of(&request, UINT64_MAX), ERR_LIMIT);
    struct message_request cut = request_of(bomb, packed_size / 2, "gzip");
    assert_int_not_equal(code_of(&cut, UINT64_MAX), ERR_NONE);
    struct message_request wrong = request_of("no gzip at all", 14, "gzip");
    assert_int_equal(code_of(&wrong, 1000), ERR_INPUT);
    struct message_request short_one = request_of("hello", 5, "gzip");
    short_one.content_encoding = "";
    assert_int_equal(code_of(&short_one, 4), ERR_LIMIT);
    assert_int_equal(code_of(&short_one, 5), ERR_NONE);
    short_one.content_encoding = "br";
    assert_int_equal(code_of(&short_one, 5), ERR_INPUT);
    free(zeros);
    free(bomb);
}

/* What "cat a.gz b.gz" and parallel packers write is one stream; what is no gzip behind it is not passed over. */
static void every_member_of_a_gzip_stream_counts(void **state)
{
    UNUSED(state);
    static const char *const parts[] = {"first\n", "", "second\n", "third"};
    struct buf packed;
    buf_init(&packed, 10000);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        size_t size;
        char *member = pack(parts[i], strlen(parts[i]), &size);
        buf_add(&packed, member, size);
        free(member);
    }
    struct message_request request = request_of(packed.bytes, packed.size, "gzip");
    expect_whole(&request, "first\nsecond\nthird", 18);
    buf_add_text(&packed, "rest");
    struct message_request longer = request_of(packed.bytes, packed.size, "gzip");
    assert_int_equal(code_of(&longer, 1000), ERR_INPUT);
    buf_clear(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_out_as_it_went_in),
        cmocka_unit_test(every_member_of_a_gzip_stream_counts),
        cmocka_unit_test(broken_and_huge_bodies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
