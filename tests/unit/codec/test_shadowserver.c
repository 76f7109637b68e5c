/* File names and batches; test_intelmq_outputs.c has the samples of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/codec.h"
#include "codec/shadowserver_table.h"

static void expect_type(const char *name, const char *type, const char *date)
{
    char found[64] = "", day[11];
    bool ok = shadowserver_table_file_name(name, found, sizeof found, day);
    assert_int_equal(ok, type != NULL);
    if (ok) {
        assert_string_equal(found, type);
        assert_string_equal(day, date);
    }
}

static void file_names_tell_the_type(void **state)
{
    (void)state;
    expect_type("2015-01-01-dns_openresolver-sample-asn.csv", "dns_openresolver", "2015-01-01");
    expect_type("2020-04-03-scan_ics-sample-asn-delayed.csv", "scan_ics", "2020-04-03");
    expect_type("2024-07-04-scan6_smb-123-sample-asn.csv.zip", "scan6_smb", "2024-07-04");
    expect_type("/var/spool/x-y/2026-01-01-never_heard_of-x.csv", "never_heard_of", "2026-01-01");
    expect_type("scan_smb.csv", "scan_smb", "");
    expect_type("report.csv", NULL, NULL);
    expect_type("2026-01-01.csv", NULL, NULL);
    expect_type("2026-01-01-", NULL, NULL);
    expect_type("2026-01-01-Scan;rm-x.csv", NULL, NULL);
    expect_type("", NULL, NULL);
    expect_type(NULL, NULL, NULL);
}

static void the_longest_type_counts(void **state)
{
    (void)state;
    assert_string_equal(shadowserver_table_type("scan_http")->prefix, "scan_http");
    assert_string_equal(shadowserver_table_type("scan6_http_vulnerable")->prefix, "scan_http_vulnerable");
    assert_string_equal(shadowserver_table_type("scan_something_new")->prefix, "scan_");
    assert_string_equal(shadowserver_table_type("event6_sinkhole")->class_name, "malicious-code/infected-system");
    assert_int_equal(shadowserver_table_type("event4_honeypot_ddos_target")->target_role, ROLE_VICTIM);
    assert_int_equal(shadowserver_table_type("event4_honeypot_ddos_amp")->source_role, ROLE_VICTIM);
    assert_null(shadowserver_table_type("something_else"));
}

/* --- batches --- */

struct count {
    size_t batches, observations, largest, rejected;
    size_t first_lines[8];
};

static bool count_batch(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    (void)err;
    struct count *count = context;
    assert_null(bytes);
    assert_int_equal(size, 0);
    if (count->batches < 8)
        count->first_lines[count->batches] = first_line;
    count->batches++;
    count->observations += report->observation_count;
    if (report->observation_count > count->largest)
        count->largest = report->observation_count;
    count->rejected = report->rejected_total;
    return true;
}

static void rows_come_in_batches(void **state)
{
    (void)state;
    const struct codec *codec = codec_find("shadowserver");
    struct count count = {0};
    struct codec_sink sink = {.context = &count, .on_report = count_batch};
    struct codec_stream *stream = codec->open(&codec_limits_default, NULL, &sink);
    struct err err = {0};
    const char *header = "timestamp,ip\n";
    assert_true(codec->feed(stream, header, strlen(header), &err));
    for (int i = 0; i < 2500; i++) {
        char row[80];
        snprintf(row, sizeof row, "2026-01-01 00:00:00,192.0.2.%d\n", i % 10 ? i % 200 + 1 : 999);
        assert_true(codec->feed(stream, row, strlen(row), &err));
    }
    assert_true(codec->finish(stream, &err));
    codec->close(stream);
    assert_int_equal(count.observations, 2250);
    assert_int_equal(count.rejected, 250);
    assert_true(count.largest <= CODEC_BATCH);
    assert_int_equal(count.batches, 3);
    assert_int_equal(count.first_lines[0], 2);
    assert_int_equal(count.first_lines[1], 1002);
}

/* A quote that is never closed must not gather the rest of a feed in memory. */
static void an_endless_row_is_a_limit(void **state)
{
    (void)state;
    const struct codec *codec = codec_find("shadowserver");
    struct codec_limits limits = codec_limits_default;
    limits.document_bytes_max = 100000;
    struct count count = {0};
    struct codec_sink sink = {.context = &count, .on_report = count_batch};
    struct codec_stream *stream = codec->open(&limits, NULL, &sink);
    struct err err = {0};
    const char *start = "timestamp,ip\n2026-01-01 00:00:00,\"";
    assert_true(codec->feed(stream, start, strlen(start), &err));
    char part[1000];
    memset(part, 'x', sizeof part);
    part[999] = '\n';
    size_t parts = 0;
    while (parts < 1000 && codec->feed(stream, part, sizeof part, &err))
        parts++;
    assert_true(parts < 110);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.at, "line 2");
    codec->close(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_names_tell_the_type),
        cmocka_unit_test(the_longest_type_counts),
        cmocka_unit_test(rows_come_in_batches),
        cmocka_unit_test(an_endless_row_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
