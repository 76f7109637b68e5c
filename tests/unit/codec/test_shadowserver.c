/* File names, batches, and every cell of the reports of others; test_intelmq_outputs.c compares with what others make of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "codec/base64.h"
#include "codec/codec.h"
#include "codec/csv_stream.h"
#include "codec/shadowserver_table.h"
#include "codec/unpack.h"
#include "support/file.h"

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
    assert_string_equal(shadowserver_table_type("scan6_http_vulnerable")->class_name, "vulnerable/vulnerable-system");
    assert_string_equal(shadowserver_table_type("scan_something_new_vulnerable")->class_name, "vulnerable/vulnerable-system");
    assert_string_equal(shadowserver_table_type("scan_something_new")->prefix, "scan_");
    assert_string_equal(shadowserver_table_type("event6_sinkhole")->class_name, "malicious-code/infected-system");
    assert_int_equal(shadowserver_table_type("event4_honeypot_ddos_target")->target_role, ROLE_VICTIM);
    assert_int_equal(shadowserver_table_type("event4_honeypot_ddos_amp")->source_role, ROLE_VICTIM);
    assert_string_equal(shadowserver_table_type("cwsandbox_url")->prefix, "sandbox_url");
    assert_int_equal(shadowserver_table_column("host", "cwsandbox_url")->side, SIDE_TARGET);
    assert_string_equal(shadowserver_table_type("netis_router")->class_name, "vulnerable/vulnerable-system");
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

/* A row of so many bytes, fed in chunks. */
static bool is_row_taken(size_t row_size, size_t chunk)
{
    const struct codec *codec = codec_find("shadowserver");
    struct codec_limits limits = codec_limits_default;
    limits.document_bytes_max = 200;
    struct count count = {0};
    struct codec_sink sink = {.context = &count, .on_report = count_batch};
    struct codec_stream *stream = codec->open(&limits, NULL, &sink);
    struct err err = {0};
    char bytes[400];
    size_t size = (size_t)snprintf(bytes, sizeof bytes, "timestamp,ip,tag\n2026-01-01 00:00:00,192.0.2.1,%0*d\n", (int)row_size - 30, 7);
    bool ok = true;
    for (size_t at = 0; ok && at < size; at += chunk)
        ok = codec->feed(stream, bytes + at, size - at < chunk ? size - at : chunk, &err);
    ok = ok && codec->finish(stream, &err);
    codec->close(stream);
    if (!ok)
        assert_string_equal(err.at, "line 2");
    return ok;
}

/* A path is told by other columns, too: those are looked for once, not for each field. */
static void many_paths_are_soon_read(void **state)
{
    (void)state;
    struct buf text;
    struct report *report = NULL;
    struct err err = {0};
    buf_init(&text, 4 << 20);
    for (int row = 0; row < 400; row++) {
        buf_add_text(&text, row ? "2026-01-01 00:00:00,192.0.2.1" : "timestamp,ip");
        for (int i = 0; i < 990; i++)
            buf_add_text(&text, row ? ",/x" : ",http_url");
        buf_add_char(&text, '\n');
    }
    clock_t start = clock();
    assert_true(codec_decode(codec_find("shadowserver"), text.bytes, text.size, &codec_limits_default, NULL, &report, &err));
    assert_true(clock() - start < 3 * CLOCKS_PER_SEC);
    assert_int_equal(report->observation_count, 399);
    report_free(report);
    buf_clear(&text);
}

static void utf_16_is_read_as_utf_8_is(void **state)
{
    (void)state;
    static const char text[] = "Timestamp,IP,tag\r\n2026-01-01 00:00:00,192.0.2.1,x\r\n";
    char wide[2 * sizeof text] = "\xff\xfe";
    struct report *report = NULL;
    struct err err = {0};
    for (size_t i = 0; i + 1 < sizeof text; i++)
        wide[2 + 2 * i] = text[i];
    assert_ptr_equal(codec_probe(wide, sizeof wide, NULL), codec_find("shadowserver"));
    assert_true(codec_decode(codec_find("shadowserver"), wide, sizeof wide, &codec_limits_default, NULL, &report, &err));
    assert_int_equal(report->observation_count, 1);
    assert_string_equal(report->observations[0].sightings[0].value, "192.0.2.1");
    assert_string_equal(report->observations[0].extra, "{\"tag\":\"x\"}");
    report_free(report);
}

static void how_long_a_row_may_be_is_the_same_in_all_chunks(void **state)
{
    (void)state;
    static const size_t chunks[] = {1000, 7, 1};
    for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
        assert_true(is_row_taken(200, chunks[i]));
        assert_false(is_row_taken(201, chunks[i]));
    }
}

/* --- every cell of every report --- */

struct table {
    const char *name;
    const struct report *report;
    char *columns[CSV_COLUMNS_MAX];
    size_t column_count, next, others; /* observations that are no rows, behind them */
    bool has_header;
};

static size_t cells_seen;

static bool has_value(const struct observation *observation, const char *text)
{
    struct arena *arena = arena_new();
    bool found = false;
    for (size_t i = 0; i < observation->sighting_count && !found; i++) {
        enum observable_type type = observation->sightings[i].type;
        const char *value = observable_read(arena, &type, text);
        found = value && str_equal(value, observation->sightings[i].value);
    }
    arena_free(arena);
    return found;
}

static bool says(const struct observation *observation, const json_t *extra, const char *column, const char *text)
{
    int64_t number, time;
    const char *kept = json_string_value(json_object_get(extra, column));
    if (str_ends(column, "port") && str_to_int64(text, 0, 65535, &number) &&
        (number == observation->source_port || number == observation->target_port))
        return true;
    if (str_equal(column, "count") && str_to_int64(text, 1, INT64_MAX, &number) && number == observation->count)
        return true;
    return (kept && str_equal(kept, text)) || has_value(observation, text) ||
           (observation->protocol && str_equal_nocase(observation->protocol, text)) ||
           (observation->class_claim && str_equal(observation->class_claim, text)) ||
           (timestamp_parse_utc(text, &time) && time == observation->time);
}

static bool is_none(const char *column, const char *text)
{
    static const char *const none[] = {"", "-", "0.0.0.0", "::", "none", "null", "n/a"};
    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        if (str_equal_nocase(text, none[i]))
            return true;
    return str_equal(text, "0") && (str_ends(column, "port") || str_ends(column, "asn"));
}

static bool check_row(void *context, size_t line, const char *const *cells, size_t count, struct err *err)
{
    struct table *table = context;
    UNUSED(err);
    if (!table->has_header) {
        for (size_t i = 0; i < count; i++)
            table->columns[table->column_count++] = mem_strdup(cells[i]);
        table->has_header = true;
        return true;
    }
    assert_true(table->next < table->report->observation_count);
    const struct observation *observation = &table->report->observations[table->next++];
    json_t *extra = observation->extra ? json_loads(observation->extra, 0, NULL) : json_object();
    for (size_t i = 0; i < count && i < table->column_count; i++) {
        cells_seen++;
        str_lower(table->columns[i]);
        if (!is_none(table->columns[i], cells[i]) && !says(observation, extra, table->columns[i], cells[i]))
            fail_msg("%s, line %zu: %s \"%s\" is lost", table->name, line, table->columns[i], cells[i]);
    }
    json_decref(extra);
    return true;
}

static void check_rows(struct table *table, const char *bytes, size_t size)
{
    struct err err = {0};
    if (table->report->rejected_total)
        fail_msg("%s: %s: %s", table->name, table->report->rejections[0].at, table->report->rejections[0].text);
    if (!table->report->class_name)
        fail_msg("%s: no class for its type", table->name);
    if (!csv_stream_read(bytes, size, check_row, table, &err))
        fail_msg("%s: %s: %s", table->name, err.at, err.text);
    assert_int_equal(table->next + table->others, table->report->observation_count);
    for (size_t i = 0; i < table->column_count; i++)
        free(table->columns[i]);
}

static struct report *decode(const char *format, const char *bytes, size_t size, const char *name)
{
    struct codec_hints hints = {.name = name};
    struct report *report = NULL;
    struct err err = {0};
    const struct codec *probed = codec_probe(bytes, size, &hints);
    if (!probed || !str_equal(probed->name, format))
        fail_msg("%s is taken for %s", name, probed ? probed->name : "nothing");
    if (!codec_decode(probed, bytes, size, &codec_limits_default, &hints, &report, &err))
        fail_msg("%s: %s: %s", name, err.at, err.text);
    return report;
}

static void check_report(const char *path)
{
    struct table table = {.name = strrchr(path, '/') + 1};
    size_t size = 0;
    char *bytes = file_read(path, &size);
    assert_non_null(bytes);
    struct report *report = decode("shadowserver", bytes, size, table.name);
    table.report = report;
    check_rows(&table, bytes, size);
    report_free(report);
    free(bytes);
}

/* The one zip in a mail, found without our reader of mail: base64 that begins as a zip does, up to the boundary. */
static void unpack_attachment(const char *mail, struct buf *out)
{
    const char *at = strstr(mail, "\nUEsDB");
    char *text = mem_calloc(strlen(mail) + 1, 1), *end = text;
    size_t size = 0;
    struct err err = {0};
    assert_non_null(at);
    for (at++; *at && strncmp(at, "--", 2) != 0; at += strcspn(at, "\n") + (strchr(at, '\n') != NULL)) {
        size_t length = strcspn(at, "\r\n");
        memcpy(end, at, length);
        end += length;
    }
    assert_true(base64_decode(text, (unsigned char *)text, strlen(text), &size));
    if (!unpack_memory(text, size, out, NULL, 0, &err))
        fail_msg("%s", err.text);
    free(text);
}

/* The rows of the report that it brought, and what the mail itself says. */
static void check_mail(const char *path)
{
    struct table table = {.name = strrchr(path, '/') + 1, .others = 1};
    size_t size = 0;
    char *bytes = file_read(path, &size);
    assert_non_null(bytes);
    struct buf csv;
    struct report *report = decode("mail", bytes, size, table.name);
    buf_init(&csv, 4u << 20);
    unpack_attachment(bytes, &csv);
    table.report = report;
    check_rows(&table, csv.bytes, csv.size);
    buf_clear(&csv);
    report_free(report);
    free(bytes);
}

static size_t for_each(const char *pattern, void (*check)(const char *path))
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) {
        print_message("skipped: there is no %s\n", pattern);
        skip();
    }
    size_t count = found.gl_pathc;
    for (size_t i = 0; i < count; i++)
        check(found.gl_pathv[i]);
    globfree(&found);
    return count;
}

static void no_cell_of_any_report_is_lost(void **state)
{
    UNUSED(state);
    size_t count = for_each(TEST_CORPUS "/shadowserver/intelmq-3.2/*.csv", check_report);
    count += for_each(TEST_CORPUS "/shadowserver/intelmq-2020-legacy/*.csv", check_report);
    count += for_each(TEST_CORPUS "/shadowserver/abuseio-mails/*.eml", check_mail);
    print_message("%zu cells of %zu reports\n", cells_seen, count);
    assert_true(count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_names_tell_the_type),   cmocka_unit_test(the_longest_type_counts),
        cmocka_unit_test(rows_come_in_batches),       cmocka_unit_test(an_endless_row_is_a_limit),
        cmocka_unit_test(many_paths_are_soon_read),   cmocka_unit_test(how_long_a_row_may_be_is_the_same_in_all_chunks),
        cmocka_unit_test(utf_16_is_read_as_utf_8_is), cmocka_unit_test(no_cell_of_any_report_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
