/*
 * Walks the registry: what every codec promises, held against its samples in tests/data/<name>/{good,bad,fuzz}. A codec without samples
 * fails. After a change that is meant, CIRT_TEST_REWRITE=1 writes the .expected.json files anew: read the difference before you keep it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/codec.h"
#include "support/file.h"
#include "support/report_dump.h"

struct sample {
    char *path, *name, *bytes;
    char *mapping; /* of the file beside it that ends in .mapping, or NULL */
    size_t size;
};

typedef void (*sample_visitor)(const struct codec *codec, const struct sample *sample);

static bool is_sample(const char *name)
{
    return name[0] != '.' && !str_ends(name, ".expected.json") && !str_ends(name, ".error") && !str_ends(name, ".mapping");
}

static char *read_mapping(const char *path)
{
    size_t size = 0;
    char *beside = mem_printf("%s.mapping", path), *bytes = file_read_exact(beside, &size);
    char *text = bytes ? mem_printf("%.*s", (int)size, bytes) : NULL;
    free(bytes);
    free(beside);
    return text;
}

static struct codec_hints hints_of(const struct sample *sample)
{
    return (struct codec_hints){.name = sample->name, .mapping = sample->mapping};
}

/* Calls visit for each sample of tests/data/<codec>/<kind>; returns how many there are. */
static size_t for_each_sample(const struct codec *codec, const char *kind, sample_visitor visit)
{
    char *folder = mem_printf("%s/%s/%s", TEST_DATA, codec->name, kind);
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    size_t samples = 0;
    for (int i = 0; i < count; i++) {
        struct sample sample = {.name = entries[i]->d_name, .path = mem_printf("%s/%s", folder, entries[i]->d_name)};
        struct stat status;
        if (is_sample(sample.name) && stat(sample.path, &status) == 0 && S_ISREG(status.st_mode)) {
            sample.bytes = file_read_exact(sample.path, &sample.size);
            assert_non_null(sample.bytes);
            sample.mapping = read_mapping(sample.path);
            visit(codec, &sample);
            samples++;
        }
        free(sample.mapping);
        free(sample.bytes);
        free(sample.path);
        free(entries[i]);
    }
    free(entries);
    free(folder);
    return samples;
}

static void for_each_codec(const char *kind, sample_visitor visit, bool required)
{
    for (size_t i = 0; i < codec_count; i++) {
        size_t samples = for_each_sample(codec_registry[i], kind, visit);
        if (required && !samples)
            fail_msg("no samples in tests/data/%s/%s", codec_registry[i]->name, kind);
    }
}

static char *dump_text(const struct codec *codec, const struct sample *sample, size_t chunk, struct err *err)
{
    struct codec_hints hints = hints_of(sample);
    json_t *dump = report_dump_sample(codec, sample->bytes, sample->size, &hints, chunk, err);
    if (!dump)
        return NULL;
    char *text = report_dump_text(dump);
    json_decref(dump);
    return text;
}

/* --- good samples --- */

static void rewrite(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void equals_expected(const struct codec *codec, const struct sample *sample)
{
    struct err err = {0};
    char *text = dump_text(codec, sample, 0, &err);
    if (!text)
        fail_msg("%s: refused: %s: %s", sample->path, err.at, err.text);
    char *path = mem_printf("%s.expected.json", sample->path);
    if (getenv("CIRT_TEST_REWRITE"))
        rewrite(path, text);
    size_t size = 0;
    char *expected = file_read_exact(path, &size);
    if (!expected)
        fail_msg("%s is missing", path);
    if (size != strlen(text) || memcmp(expected, text, size) != 0)
        fail_msg("%s: decodes otherwise than %s.expected.json says:\n%s", sample->path, sample->name, text);
    free(expected);
    free(path);
    free(text);
}

static void good_samples_decode_as_expected(void **state)
{
    (void)state;
    for_each_codec("good", equals_expected, true);
}

static void same_in_chunks(const struct codec *codec, const struct sample *sample)
{
    struct err err = {0};
    char *whole = dump_text(codec, sample, 0, &err), *sevens = dump_text(codec, sample, 7, &err), *ones = dump_text(codec, sample, 1, &err);
    assert_non_null(whole);
    assert_string_equal(whole, sevens);
    assert_string_equal(whole, ones);
    free(whole);
    free(sevens);
    free(ones);
}

static void chunks_make_no_difference(void **state)
{
    (void)state;
    for_each_codec("good", same_in_chunks, true);
}

static void is_recognised(const struct codec *codec, const struct sample *sample)
{
    struct codec_hints hints = hints_of(sample);
    const struct codec *found = codec_probe(sample->bytes, sample->size, &hints);
    if (found != codec)
        fail_msg("%s is taken for %s", sample->path, found ? found->name : "nothing");
}

static void good_samples_are_recognised(void **state)
{
    (void)state;
    for_each_codec("good", is_recognised, true);
}

/* Cut anywhere before its last character that is no blank, a whole document is no longer one. Not of mail: nothing marks its end. */
static void refuses_its_halves(const struct codec *codec, const struct sample *sample)
{
    if (codec->shape != CODEC_WHOLE || str_equal(codec->name, "mail"))
        return;
    size_t end = sample->size;
    while (end && strchr(" \t\r\n", sample->bytes[end - 1]))
        end--;
    size_t step = end / 200 + 1;
    for (size_t cut = 0; cut < end; cut += step) {
        struct report *report = NULL;
        struct err err = {0};
        char *half = mem_calloc(cut, 1);
        memcpy(half, sample->bytes, cut);
        if (codec_decode(codec, half, cut, &codec_limits_default, NULL, &report, &err))
            fail_msg("%s: its first %zu of %zu bytes are accepted", sample->path, cut, end);
        assert_true(err.code == ERR_INPUT || err.code == ERR_LIMIT);
        free(half);
    }
}

static void cut_documents_are_refused(void **state)
{
    (void)state;
    for_each_codec("good", refuses_its_halves, true);
}

/* What the documents of a sample say, written again. */
struct writer {
    const struct codec *codec;
    struct buf out;
};

static bool write_report(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    struct writer *writer = context;
    (void)first_line, (void)bytes, (void)size;
    return writer->codec->encode(report, &writer->out, err);
}

static bool ignore_bad_line(void *context, const struct err *why, size_t line, const char *bytes, size_t size, struct err *err)
{
    (void)context, (void)why, (void)line, (void)bytes, (void)size, (void)err;
    return true;
}

static void recode(struct writer *writer, const char *bytes, size_t size)
{
    struct err err = {0};
    const struct codec *codec = writer->codec;
    buf_init(&writer->out, 64u * 1024 * 1024);
    bool ok;
    if (codec->shape == CODEC_LINES) {
        struct codec_sink sink = {.context = writer, .on_report = write_report, .on_bad_line = ignore_bad_line};
        struct codec_stream *stream = codec->open(&codec_limits_default, NULL, &sink);
        ok = codec->feed(stream, bytes, size, &err) && codec->finish(stream, &err);
        codec->close(stream);
    } else {
        struct report *report = NULL;
        ok = codec_decode(codec, bytes, size, &codec_limits_default, NULL, &report, &err) && codec->encode(report, &writer->out, &err);
        report_free(report);
    }
    if (!ok)
        fail_msg("%s: cannot be read and written again: %s: %s", codec->name, err.at, err.text);
}

static void writes_the_same_again(const struct codec *codec, const struct sample *sample)
{
    if (!codec->encode)
        return;
    struct writer first = {.codec = codec}, second = {.codec = codec};
    recode(&first, sample->bytes, sample->size);
    recode(&second, first.out.bytes, first.out.size);
    assert_true(first.out.size > 0);
    assert_string_equal(buf_text(&first.out), buf_text(&second.out));
    buf_clear(&first.out);
    buf_clear(&second.out);
}

static void writing_is_stable(void **state)
{
    (void)state;
    for_each_codec("good", writes_the_same_again, true);
}

/* --- bad samples --- */

static void is_refused(const struct codec *codec, const struct sample *sample)
{
    struct codec_hints hints = hints_of(sample);
    struct report *report = NULL;
    struct err err = {0};
    if (codec_decode(codec, sample->bytes, sample->size, &codec_limits_default, &hints, &report, &err))
        fail_msg("%s is accepted", sample->path);
    if (err.code != ERR_INPUT && err.code != ERR_LIMIT)
        fail_msg("%s is refused as %s, not as wrong input", sample->path, err_code_name(err.code));
    if (!*err.at)
        fail_msg("%s is refused without a place: %s", sample->path, err.text);
    char *path = mem_printf("%s.error", sample->path), *message = mem_printf("%s: %s", err.at, err.text);
    size_t size = 0;
    char *wanted = file_read_exact(path, &size);
    if (!wanted)
        fail_msg("%s is missing; the message is: %s", path, message);
    while (size && wanted[size - 1] == '\n')
        size--;
    if (!size || !memmem(message, strlen(message), wanted, size))
        fail_msg("%s: \"%.*s\" is not in: %s", sample->path, (int)size, wanted, message);
    free(wanted);
    free(message);
    free(path);
}

static void bad_samples_are_refused_with_a_place(void **state)
{
    (void)state;
    for_each_codec("bad", is_refused, true);
}

/* Inputs that once crashed or hung a codec, or were read otherwise in chunks than in whole, found by the fuzz drivers. */
static void survives(const struct codec *codec, const struct sample *sample)
{
    static const size_t chunks[] = {0, 7, 1};
    char *said[ARRAY_SIZE(chunks)];
    for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
        struct err err = {0};
        said[i] = dump_text(codec, sample, chunks[i], &err);
        if (!said[i] && (err.code == ERR_NONE || err.code == ERR_INTERNAL))
            fail_msg("%s: refused as %s: %s", sample->path, err_code_name(err.code), err.text);
        if (!said[i])
            said[i] = mem_printf("%s: %s", err.at, err.text);
        assert_string_equal(said[i], said[0]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(chunks); i++)
        free(said[i]);
}

static void fuzz_findings_stay_fixed(void **state)
{
    (void)state;
    for_each_codec("fuzz", survives, false);
}

/* --- the table itself --- */

static void rows_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < codec_count; i++) {
        const struct codec *codec = codec_registry[i];
        assert_true(codec->name && codec->media_type && codec->standard && codec->summary && codec->probe);
        assert_ptr_equal(codec_find(codec->name), codec);
        if (codec->shape == CODEC_WHOLE)
            assert_non_null(codec->decode);
        else
            assert_true(codec->open && codec->feed && codec->finish && codec->close);
    }
    assert_null(codec_find("no-such-format"));
    assert_null(codec_find(NULL));
}

static void media_types_find_their_codec(void **state)
{
    (void)state;
    assert_string_equal(codec_find_media_type("application/json")->name, "json");
    assert_string_equal(codec_find_media_type("APPLICATION/JSON")->name, "json");
    assert_string_equal(codec_find_media_type("text/json")->name, "json");
    assert_true(codec_has_media_type(codec_find("csaf"), "text/json"));
    assert_false(codec_has_media_type(codec_find("iodef"), "text/json"));
    assert_string_equal(codec_find_media_type("application/jsonl")->name, "ndjson");
    assert_string_equal(codec_find_media_type("text/csv")->name, "shadowserver");
    assert_null(codec_find_media_type("application"));
    assert_null(codec_find_media_type(""));
    assert_null(codec_find_media_type(NULL));
}

static void nothing_is_recognised_in_noise(void **state)
{
    (void)state;
    assert_null(codec_probe("", 0, NULL));
    assert_null(codec_probe("\x89PNG\r\n\x1a\n", 8, NULL));
}

static void documents_beyond_the_limit_are_refused(void **state)
{
    (void)state;
    struct codec_limits small = codec_limits_default;
    small.document_bytes_max = 100;
    char bytes[101];
    memset(bytes, ' ', sizeof bytes);
    for (size_t i = 0; i < codec_count; i++) {
        struct report *report = NULL;
        struct err err = {0};
        /* Rows are bounded one by one; of a mail this bounds what it brings. */
        if (codec_registry[i]->shape == CODEC_ROWS || str_equal(codec_registry[i]->name, "mail"))
            continue;
        assert_false(codec_decode(codec_registry[i], bytes, sizeof bytes, &small, NULL, &report, &err));
        assert_int_equal(err.code, ERR_LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(media_types_find_their_codec),
        cmocka_unit_test(nothing_is_recognised_in_noise),
        cmocka_unit_test(good_samples_decode_as_expected),
        cmocka_unit_test(chunks_make_no_difference),
        cmocka_unit_test(good_samples_are_recognised),
        cmocka_unit_test(cut_documents_are_refused),
        cmocka_unit_test(writing_is_stable),
        cmocka_unit_test(bad_samples_are_refused_with_a_place),
        cmocka_unit_test(fuzz_findings_stay_fixed),
        cmocka_unit_test(documents_beyond_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
