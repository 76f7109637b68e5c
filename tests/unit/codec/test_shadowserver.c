/* File names, batches, and the samples of others (compared with what IntelMQ makes of them) where they are at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"
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

/* --- the corpus --- */

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *bytes = mem_calloc(4u << 20, 1);
    *size = fread(bytes, 1, 4u << 20, file);
    fclose(file);
    return bytes;
}

static struct report *decode_file(const char *path, const char *name)
{
    size_t size = 0;
    char *bytes = read_file(path, &size);
    assert_non_null(bytes);
    struct codec_hints hints = {.name = name};
    assert_string_equal(codec_probe(bytes, size, &hints)->name, "shadowserver");
    struct report *report = NULL;
    struct err err = {0};
    if (!codec_decode(codec_find("shadowserver"), bytes, size, &codec_limits_default, &hints, &report, &err))
        fail_msg("%s: %s: %s", path, err.at, err.text);
    free(bytes);
    return report;
}

/* True where the observation has that value, whatever its type and role. */
static bool has_value(const struct observation *observation, const char *value)
{
    for (size_t i = 0; i < observation->sighting_count; i++)
        if (str_equal_nocase(observation->sightings[i].value, value))
            return true;
    return false;
}

static void expect_observable(const struct observation *observation, const json_t *event, const char *key, const char *where)
{
    const json_t *value = json_object_get(event, key);
    if (!value)
        return;
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    const char *text = json_is_integer(value) ? number : json_string_value(value);
    bool in_extra = observation->extra && strcasestr(observation->extra, text);
    /* Names that are no domain (with a wrong character in them) are kept in extra. */
    if (!has_value(observation, text) && !(in_extra && strstr(key, "dns")))
        fail_msg("%s: %s %s is missing", where, key, text);
}

static void expect_port(int port, const json_t *event, const char *key, const char *where)
{
    const json_t *value = json_object_get(event, key);
    if (value && json_integer_value(value) != port)
        fail_msg("%s: %s is %d, not %lld", where, key, port, (long long)json_integer_value(value));
}

static void expect_moment(const struct observation *observation, const json_t *event, const char *where)
{
    const char *text = json_string_value(json_object_get(event, "time.source"));
    int64_t time;
    if (text && (!timestamp_parse_rfc3339(text, &time) || time != observation->time))
        fail_msg("%s: the time is not %s", where, text);
}

static size_t compare_with_intelmq(const char *name)
{
    char *csv = mem_printf("%s/shadowserver/intelmq-3.2/%s.csv", TEST_CORPUS, name);
    char *json = mem_printf("%s/shadowserver/intelmq-3.2-expected/%s.expected.json", TEST_CORPUS, name);
    char *file_name = mem_printf("2026-01-01-%s-test.csv", name);
    struct report *report = decode_file(csv, file_name);
    json_t *expected = json_load_file(json, 0, NULL), *events = json_object_get(expected, "EVENTS");
    size_t count = json_array_size(events);
    /* IntelMQ's tests look at the first rows of a file only. */
    if (report->observation_count < count || report->rejected_total)
        fail_msg("%s: %zu observations, %zu expected (%s: %s)", name, report->observation_count, count,
                 report->rejection_count ? report->rejections[0].at : "", report->rejection_count ? report->rejections[0].text : "");
    for (size_t i = 0; i < count; i++) {
        char *where = mem_printf("%s, row %zu", name, i + 1);
        const json_t *event = json_array_get(events, i);
        const struct observation *observation = &report->observations[i];
        static const char *const values[] = {"source.ip",
                                             "source.network",
                                             "destination.ip",
                                             "source.asn",
                                             "destination.asn",
                                             "source.geolocation.cc",
                                             "destination.geolocation.cc",
                                             "source.reverse_dns",
                                             "destination.reverse_dns"};
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            expect_observable(observation, event, values[k], where);
        expect_port(observation->source_port, event, "source.port", where);
        expect_port(observation->target_port, event, "destination.port", where);
        expect_moment(observation, event, where);
        free(where);
    }
    json_decref(expected);
    report_free(report);
    free(csv);
    free(json);
    free(file_name);
    return count;
}

static DIR *open_corpus(const char *folder)
{
    char *path = mem_printf("%s/shadowserver/%s", TEST_CORPUS, folder);
    DIR *files = opendir(path);
    if (!files)
        print_message("skipped: %s is not there\n", path);
    free(path);
    if (!files)
        skip();
    return files;
}

static void current_layouts_read_as_intelmq_reads_them(void **state)
{
    (void)state;
    DIR *files = open_corpus("intelmq-3.2");
    size_t events = 0;
    for (struct dirent *entry; (entry = readdir(files));) {
        /* population_http_proxy: quotes written as backslash, quote, which no CSV knows; its rows are rejected. */
        if (!str_ends(entry->d_name, ".csv") || str_starts(entry->d_name, "population_http_proxy"))
            continue;
        char *name = mem_strdup(entry->d_name);
        name[strlen(name) - 4] = '\0';
        events += compare_with_intelmq(name);
        free(name);
    }
    closedir(files);
    assert_true(events > 50);
}

static void old_layouts_lose_no_row(void **state)
{
    (void)state;
    DIR *files = open_corpus("intelmq-2020-legacy");
    for (struct dirent *entry; (entry = readdir(files));) {
        if (!str_ends(entry->d_name, ".csv"))
            continue;
        char *path = mem_printf("%s/shadowserver/intelmq-2020-legacy/%s", TEST_CORPUS, entry->d_name);
        struct report *report = decode_file(path, entry->d_name);
        if (report->rejected_total || !report->observation_count)
            fail_msg("%s: %zu rows, %zu rejected (%s: %s)", entry->d_name, report->observation_count, report->rejected_total,
                     report->rejection_count ? report->rejections[0].at : "", report->rejection_count ? report->rejections[0].text : "");
        if (!report->class_name)
            fail_msg("%s: no class for its type", entry->d_name);
        report_free(report);
        free(path);
    }
    closedir(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_names_tell_the_type),
        cmocka_unit_test(the_longest_type_counts),
        cmocka_unit_test(rows_come_in_batches),
        cmocka_unit_test(an_endless_row_is_a_limit),
        cmocka_unit_test(current_layouts_read_as_intelmq_reads_them),
        cmocka_unit_test(old_layouts_lose_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
