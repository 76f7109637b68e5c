/* Documents written in pieces: they say what the same report says that is written at once, and take no more memory the longer they are. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/codec.h"
#include "support/report_dump.h"

enum { PIECE = 300, SOME = 1000, MANY = 30000, HEAP_MAX = 1024 * 1024 };

/* What a list of indicators says of itself. */
static struct report *head_of_list(void)
{
    struct report *report = report_new("json");
    report->reference = "x7";
    report->reference_issuer = "XX-CERT";
    report->creator_name = "XX-CERT";
    report->creator_email = "incident@xx-cert.example";
    report->summary = "Indicators of XX-CERT";
    report->tlp = TLP_GREEN;
    report->time = 1700000000 * TIMESTAMP_SECOND;
    return report;
}

/* Addresses, domains and URLs, each an indicator of its own; every tenth is seen together with another value. */
static void add_indicators(struct report *report, size_t from, size_t to)
{
    char value[100];
    for (size_t i = from; i < to; i++) {
        struct observation *observation = report_add_observation(report);
        static const enum observable_type types[] = {OBSERVABLE_IPV4, OBSERVABLE_DOMAIN, OBSERVABLE_URL};
        enum observable_type type = types[i % 3];
        if (type == OBSERVABLE_IPV4)
            snprintf(value, sizeof value, "10.%zu.%zu.%zu", i >> 16, i >> 8 & 255, i & 255);
        else
            snprintf(value, sizeof value, "%sh%zu.example.net%s", type == OBSERVABLE_URL ? "http://" : "", i,
                     type == OBSERVABLE_URL ? "/x" : "");
        assert_true(report_add_sighting(report, observation, type, ROLE_INFRASTRUCTURE, value));
        snprintf(value, sizeof value, "beside%zu.example.org", i);
        if (i % 10 == 0)
            assert_true(report_add_sighting(report, observation, OBSERVABLE_DOMAIN, ROLE_OTHER, value));
        observation->time = (1690000000 + (int64_t)i) * TIMESTAMP_SECOND;
        observation->sightings[0].is_indicator = true;
        observation->sightings[0].confidence = (int)(i % 101);
        if (i % 7 == 0)
            observation->sightings[0].valid_until = 1800000000 * TIMESTAMP_SECOND;
    }
}

/* Where pieces go: kept, or only counted. */
struct sink {
    bool keeps;
    size_t size;
    struct buf now, behind, all, all_behind;
};

static void take(struct sink *sink)
{
    assert_false(sink->now.full || sink->behind.full);
    sink->size += sink->now.size + sink->behind.size;
    if (sink->keeps) {
        buf_add(&sink->all, buf_text(&sink->now), sink->now.size);
        buf_add(&sink->all_behind, buf_text(&sink->behind), sink->behind.size);
    }
    buf_reset(&sink->now);
    buf_reset(&sink->behind);
}

/* The most that the heap grew by between the second piece and the last. */
static size_t write_pieces(const struct codec *codec, size_t count, struct sink *sink)
{
    struct report *head = head_of_list();
    struct err err = {0};
    buf_init(&sink->now, 16 * 1024 * 1024);
    buf_init(&sink->behind, 16 * 1024 * 1024);
    buf_init(&sink->all, 256 * 1024 * 1024);
    buf_init(&sink->all_behind, 256 * 1024 * 1024);
    const struct codec_out out = {.now = &sink->now, .behind = &sink->behind};
    struct codec_writer *writer = codec->pieces->open(head, &out, &err);
    size_t before = 0, most = 0;
    assert_non_null(writer);
    for (size_t from = 0; from < count; from += PIECE) {
        struct report *piece = report_new("json");
        add_indicators(piece, from, from + PIECE < count ? from + PIECE : count);
        if (!codec->pieces->add(writer, piece, &out, &err))
            fail_msg("%s: %s", codec->name, err.text);
        report_free(piece);
        take(sink);
        size_t in_use = mallinfo2().uordblks;
        if (from == PIECE)
            before = in_use;
        if (from > PIECE && in_use > before && in_use - before > most)
            most = in_use - before;
    }
    assert_true(codec->pieces->finish(writer, &out, &err));
    take(sink);
    buf_add(&sink->all, buf_text(&sink->all_behind), sink->all_behind.size);
    codec->pieces->close(writer);
    report_free(head);
    buf_clear(&sink->now);
    buf_clear(&sink->behind);
    return most;
}

static void clear(struct sink *sink)
{
    buf_clear(&sink->all);
    buf_clear(&sink->all_behind);
}

/* What a reader has of the document, as text; the caller's. */
static char *read_back(const struct codec *codec, const struct buf *bytes)
{
    struct report *report = NULL;
    struct err err = {0};
    if (!codec_decode(codec, bytes->bytes, bytes->size, &codec_limits_default, NULL, &report, &err))
        fail_msg("%s: cannot be read: %s: %s", codec->name, err.at, err.text);
    json_t *dump = report_dump(report);
    char *text = report_dump_text(dump);
    json_decref(dump);
    report_free(report);
    return text;
}

static void test_pieces_say_what_the_whole_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < codec_count; i++) {
        const struct codec *codec = codec_registry[i];
        if (!codec->pieces)
            continue;
        struct sink sink = {.keeps = true};
        struct buf whole;
        struct err err = {0};
        struct report *report = head_of_list();
        buf_init(&whole, 16 * 1024 * 1024);
        add_indicators(report, 0, SOME);
        assert_true(codec->encode(report, &whole, &err));
        write_pieces(codec, SOME, &sink);
        char *wanted = read_back(codec, &whole), *found = read_back(codec, &sink.all);
        if (strcmp(found, wanted) != 0) {
            size_t at = 0;
            while (found[at] == wanted[at])
                at++;
            fail_msg("%s: %.200s\n--- where the whole says\n%.200s", codec->name, found + at, wanted + at);
        }
        free(wanted);
        free(found);
        report_free(report);
        buf_clear(&whole);
        clear(&sink);
    }
}

/* Whatever is written is gone from memory with its piece. */
static void test_memory_does_not_grow(void **state)
{
    (void)state;
    for (size_t i = 0; i < codec_count; i++) {
        const struct codec *codec = codec_registry[i];
        if (!codec->pieces)
            continue;
        struct sink sink = {0};
        size_t most = write_pieces(codec, MANY, &sink);
        if (most > HEAP_MAX)
            fail_msg("%s: %zu bytes more in use after %zu bytes of document", codec->name, most, sink.size);
        assert_true(sink.size > 3 * 1024 * 1024);
        clear(&sink);
    }
}

/* PAP is the strictest of all pieces, also where the last brings it. */
static void test_the_last_piece_may_be_the_strictest(void **state)
{
    (void)state;
    for (size_t i = 0; i < codec_count; i++) {
        const struct codec *codec = codec_registry[i];
        if (!codec->pieces)
            continue;
        struct report *head = head_of_list(), *piece = report_new("json"), *read = NULL;
        struct buf now, behind;
        struct err err = {0};
        buf_init(&now, 1024 * 1024);
        buf_init(&behind, 1024 * 1024);
        const struct codec_out out = {.now = &now, .behind = &behind};
        struct codec_writer *writer = codec->pieces->open(head, &out, &err);
        assert_non_null(writer);
        add_indicators(piece, 0, 1);
        assert_true(codec->pieces->add(writer, piece, &out, &err));
        report_drop_observations(piece);
        piece->pap = TLP_RED;
        add_indicators(piece, 1, 2);
        assert_true(codec->pieces->add(writer, piece, &out, &err) && codec->pieces->finish(writer, &out, &err));
        codec->pieces->close(writer);
        buf_add(&now, buf_text(&behind), behind.size);
        assert_true(codec_decode(codec, now.bytes, now.size, &codec_limits_default, NULL, &read, &err));
        assert_int_equal(read->observation_count, 2);
        assert_int_equal(read->pap, TLP_RED);
        report_free(read);
        report_free(piece);
        report_free(head);
        buf_clear(&now);
        buf_clear(&behind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_say_what_the_whole_says),
        cmocka_unit_test(test_memory_does_not_grow),
        cmocka_unit_test(test_the_last_piece_may_be_the_strictest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
