#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/unpack.h"

struct file {
    const char *name, *bytes;
    size_t size;
};

static char *packed;
static size_t packed_size;

static void make(bool is_zip, const struct file *files, size_t count, const char *password)
{
    enum { ROOM = 1 << 20 };
    struct archive *archive = archive_write_new();
    free(packed);
    packed = mem_calloc(ROOM, 1);
    if (is_zip) {
        archive_write_set_format_zip(archive);
        if (password) {
            assert_int_equal(archive_write_set_options(archive, "zip:encryption=zipcrypt"), ARCHIVE_OK);
            assert_int_equal(archive_write_set_passphrase(archive, password), ARCHIVE_OK);
        }
    } else {
        archive_write_set_format_raw(archive);
        archive_write_add_filter_gzip(archive);
    }
    assert_int_equal(archive_write_open_memory(archive, packed, ROOM, &packed_size), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, files[i].name);
        archive_entry_set_size(entry, (la_int64_t)files[i].size);
        archive_entry_set_filetype(entry, str_ends(files[i].name, "/") ? AE_IFDIR : AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        if (files[i].size)
            assert_int_equal(archive_write_data(archive, files[i].bytes, files[i].size), (la_ssize_t)files[i].size);
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
}

/* A source that gives the archive in pieces. */
struct pieces {
    size_t at, piece;
};

static bool next_piece(void *context, const char **bytes, size_t *size, struct err *err)
{
    struct pieces *pieces = context;
    UNUSED(err);
    size_t left = packed_size - pieces->at;
    *size = left < pieces->piece ? left : pieces->piece;
    *bytes = packed + pieces->at;
    pieces->at += *size;
    return true;
}

/* What the archive unpacks to in pieces of that size, or NULL with err set. The caller frees it. */
static char *unpacked(size_t piece, uint64_t size_max, size_t *size, struct err *err)
{
    struct pieces pieces = {0, piece};
    const struct unpack_source source = {&pieces, next_piece};
    struct unpack *unpack = NULL;
    struct buf out;
    const char *bytes = NULL;
    size_t part = 0;
    buf_init(&out, 1 << 26);
    bool ok = unpack_open(&source, size_max, &unpack, err);
    while ((ok = ok && unpack_next(unpack, &bytes, &part, err)) && part > 0)
        assert_true(buf_add(&out, bytes, part));
    if (ok) {
        /* All that was sent was seen, so that it could be hashed. */
        assert_int_equal(pieces.at, packed_size);
        assert_true(unpack_next(unpack, &bytes, &part, err) && part == 0);
    }
    unpack_close(unpack);
    *size = out.size;
    char *copy = ok ? mem_strdup(buf_text(&out)) : NULL;
    buf_clear(&out);
    return copy;
}

static void comes_out_as_it_went_in(void **state)
{
    static const struct file one[] = {{"folder/", "", 0},
                                      {"folder/2026-03-01-scan_smb-x.csv", "timestamp,ip\n2026-03-01,192.0.2.1\n", 34},
                                      {"__MACOSX/folder/._2026-03-01-scan_smb-x.csv", "Mac OS X", 8}};
    UNUSED(state);
    for (int is_zip = 0; is_zip < 2; is_zip++) {
        make(is_zip, is_zip ? one : one + 1, is_zip ? 3 : 1, NULL);
        assert_string_equal(unpack_format(packed, packed_size), is_zip ? "zip" : "gzip");
        for (size_t piece = 1; piece < 100; piece += 7) {
            struct err err = {0};
            size_t size = 0;
            char *text = unpacked(piece, 1000, &size, &err);
            if (!text)
                fail_msg("%s", err.text);
            assert_string_equal(text, one[1].bytes);
            free(text);
        }
        char name[100] = "today.csv.gz";
        struct buf out;
        struct err err = {0};
        buf_init(&out, 1000);
        assert_true(unpack_memory(packed, packed_size, &out, name, sizeof name, &err));
        assert_string_equal(name, is_zip ? "2026-03-01-scan_smb-x.csv" : "today.csv");
        assert_string_equal(buf_text(&out), one[1].bytes);
        buf_clear(&out);
    }
    assert_null(unpack_format("timestamp,ip", 12));
    assert_null(unpack_format("PK", 2));
}

static void expect_refused(enum err_code code, const char *text, uint64_t size_max)
{
    struct err err = {0};
    size_t size = 0;
    char *out = unpacked(512, size_max, &size, &err);
    assert_null(out);
    assert_int_equal(err.code, code);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
    assert_string_equal(err.at, "archive");
}

static void refuses(void **state)
{
    static const struct file two[] = {{"a.csv", "a", 1}, {"b.csv", "b", 1}}, none[] = {{"folder/", "", 0}};
    static char zeros[8 << 20];
    const struct file bomb[] = {{"a.csv", zeros, sizeof zeros}};
    UNUSED(state);
    make(true, two, 2, NULL);
    expect_refused(ERR_INPUT, "more than one file", 1000);
    make(true, NULL, 0, NULL);
    assert_string_equal(unpack_format(packed, packed_size), "zip");
    expect_refused(ERR_INPUT, "no file", 1000);
    make(true, none, 1, NULL);
    expect_refused(ERR_INPUT, "no file", 1000);
    make(true, two, 1, "secret");
    expect_refused(ERR_INPUT, "password", 1000);
    make(true, bomb, 1, NULL);
    expect_refused(ERR_LIMIT, "times as large", sizeof zeros);
    expect_refused(ERR_LIMIT, "larger than 100000 bytes", 100000);
    make(false, bomb, 1, NULL);
    expect_refused(ERR_LIMIT, "times as large", sizeof zeros);
    packed_size /= 2;
    expect_refused(ERR_INPUT, "broken", sizeof zeros);
    make(true, two, 1, NULL);
    char *inner = packed;
    size_t inner_size = packed_size;
    packed = NULL;
    const struct file zipped[] = {{"a.csv", inner, inner_size}};
    make(false, zipped, 1, NULL);
    expect_refused(ERR_INPUT, "once more", 100000);
    free(inner);
    make(true, two, 1, NULL);
    packed_size = 20;
    expect_refused(ERR_INPUT, "broken", 1000);
}

/* A flipped bit may leave an address that is one: what the checksum and the length behind the stream are for. */
static void a_damaged_gzip_is_refused(void **state)
{
    static const char text[] = "timestamp,ip\n2026-11-20 00:00:00,203.0.113.1\n2026-11-20 00:00:01,198.51.100.3\n";
    const struct file file[] = {{"a.csv", text, sizeof text - 1}};
    size_t size = 0, unchanged = 0;
    UNUSED(state);
    make(false, file, 1, NULL);
    for (size_t i = 10; i < packed_size; i++) { /* behind the header, whose time and system nobody checks */
        for (int bit = 0; bit < 8; bit++) {
            struct err err = {0};
            packed[i] ^= (char)(1 << bit);
            char *out = unpacked(512, 10000, &size, &err);
            unchanged += out && strcmp(out, text) == 0;
            assert_true(!out || strcmp(out, text) == 0);
            free(out);
            packed[i] ^= (char)(1 << bit);
        }
    }
    assert_true(unchanged < 8); /* the bits that fill the last byte of the data */
    for (size_t cut = 1; cut < packed_size; cut += 5) {
        packed_size -= cut;
        expect_refused(ERR_INPUT, "broken", 10000);
        packed_size += cut;
    }
}

/* RFC 1952: several members are one file; gzip passes over zeros behind the last, and nothing else. */
static void what_follows_a_gzip_member(void **state)
{
    const struct file file[] = {{"a.csv", "a,b\n", 4}};
    struct err err = {0};
    size_t size = 0;
    UNUSED(state);
    make(false, file, 1, NULL);
    size_t one = packed_size;
    memcpy(packed + one, packed, one);
    memset(packed + 2 * one, 0, 512);
    for (size_t zeros = 0; zeros <= 512; zeros += 256) {
        packed_size = 2 * one + zeros;
        char *out = unpacked(1, 10000, &size, &err);
        assert_string_equal(out ? out : err.text, "a,b\na,b\n");
        free(out);
    }
    packed[2 * one + 300] = 'x';
    expect_refused(ERR_INPUT, "broken", 10000);
}

/* Passing over what a folder holds would unpack it, without an end. */
static void a_folder_holds_little(void **state)
{
    enum { SIZE = 400000 };
    static const char head[] = "PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0"
                               "\x80\x1a\6\0\x80\x1a\6\0\2\0\0\0a/"; /* 400,000 bytes, as they are */
    const struct file file[] = {{"a.csv", "a", 1}};
    UNUSED(state);
    make(true, file, 1, NULL);
    char *whole = mem_calloc(1, sizeof head - 1 + SIZE + packed_size);
    memcpy(whole, head, sizeof head - 1);
    memcpy(whole + sizeof head - 1 + SIZE, packed, packed_size);
    free(packed);
    packed = whole;
    packed_size += sizeof head - 1 + SIZE;
    expect_refused(ERR_INPUT, "beside its one file", 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(comes_out_as_it_went_in), cmocka_unit_test(refuses),
                                       cmocka_unit_test(a_damaged_gzip_is_refused), cmocka_unit_test(what_follows_a_gzip_member),
                                       cmocka_unit_test(a_folder_holds_little)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(packed);
    return failed;
}
