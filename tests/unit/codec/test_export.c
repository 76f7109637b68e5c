/* Lists that leave: what stands in them, what is left out, and that no value breaks out of its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "codec/csv_stream.h"
#include "codec/export.h"

static const struct export_head head = {.team = "XX-CERT", .tlp = TLP_GREEN, .time = 1700000000 * TIMESTAMP_SECOND};

struct given {
    enum observable_type type;
    const char *value;
    enum sighting_role role;
    bool is_indicator;
};

/* Values as they stand, normal or not: a list must not rest on what came before it. */
static struct report *report_of(const struct given *given, size_t count)
{
    struct report *report = report_new("json");
    for (size_t i = 0; i < count; i++) {
        struct observation *observation = report_add_observation(report);
        assert_true(report_add_sighting(report, observation, OBSERVABLE_TEXT, given[i].role, "x"));
        observation->sightings[0].type = given[i].type;
        observation->sightings[0].value = given[i].value;
        observation->sightings[0].is_indicator = given[i].is_indicator;
    }
    return report;
}

/* The list without its first line where that is a comment; the caller's buf. */
static void write_list(const char *name, const struct given *given, size_t count, struct buf *out, struct export_writer *writer)
{
    struct report *report = report_of(given, count);
    struct err err = {0};
    buf_init(out, 1024 * 1024);
    export_begin(writer, export_find(name), &head, out);
    if (!export_report(writer, report, out, &err))
        fail_msg("%s: %s", name, err.text);
    report_free(report);
}

static void is_list(const char *name, const struct given *given, size_t count, const char *wanted, size_t left_out)
{
    struct buf out;
    struct export_writer writer;
    write_list(name, given, count, &out, &writer);
    assert_string_equal(buf_text(&out), wanted);
    assert_int_equal(writer.left_out, left_out);
    assert_int_equal(writer.written + writer.left_out, count);
    buf_clear(&out);
}

#define COMMENT(start, name) start "TLP:GREEN  XX-CERT  " name "  2023-11-14T22:13:20Z\n"

static const struct given plain[] = {
    {OBSERVABLE_IPV4, "192.0.2.7", ROLE_SOURCE, true},
    {OBSERVABLE_CIDR, "198.51.100.0/24", ROLE_INFRASTRUCTURE, true},
    {OBSERVABLE_IPV6, "2001:db8::17", ROLE_SOURCE, true},
    {OBSERVABLE_DOMAIN, "evil.example", ROLE_INFRASTRUCTURE, true},
    {OBSERVABLE_URL, "http://evil.example:8080/a?b=c#d", ROLE_INFRASTRUCTURE, true},
    {OBSERVABLE_URL, "https://evil.example/x", ROLE_INFRASTRUCTURE, true},
    {OBSERVABLE_MD5, "d41d8cd98f00b204e9800998ecf8427e", ROLE_OTHER, true},
    {OBSERVABLE_IPV4, "192.0.2.8", ROLE_VICTIM, true},
    {OBSERVABLE_IPV4, "192.0.2.9", ROLE_TARGET, true},
    {OBSERVABLE_IPV4, "192.0.2.10", ROLE_SOURCE, false},
    {OBSERVABLE_CIDR, "0.0.0.0/0", ROLE_SOURCE, true},
    {OBSERVABLE_DOMAIN, "co.uk", ROLE_SOURCE, true},
    {OBSERVABLE_DOMAIN, "com", ROLE_SOURCE, true},
    {OBSERVABLE_DOMAIN, "github.io", ROLE_SOURCE, true},
};

static void test_block_lists(void **state)
{
    (void)state;
    is_list("blocklist-ip", plain, ARRAY_SIZE(plain), COMMENT("# ", "blocklist-ip") "192.0.2.7\n198.51.100.0/24\n2001:db8::17\n",
            ARRAY_SIZE(plain) - 3);
    is_list("blocklist-domain", plain, ARRAY_SIZE(plain), COMMENT("# ", "blocklist-domain") "evil.example\n", ARRAY_SIZE(plain) - 1);
    is_list("blocklist-url", plain, ARRAY_SIZE(plain),
            COMMENT("# ", "blocklist-url") "http://evil.example:8080/a?b=c\nhttps://evil.example/x\n", ARRAY_SIZE(plain) - 2);
    is_list("blocklist-hash", plain, ARRAY_SIZE(plain), COMMENT("# ", "blocklist-hash") "d41d8cd98f00b204e9800998ecf8427e\n",
            ARRAY_SIZE(plain) - 1);
}

#define ZONE                                                                                                                               \
    COMMENT("; ", "rpz")                                                                                                                   \
    "$TTL 300\n@ IN SOA localhost. hostmaster.localhost. (1700000000 3600 600 604800 300)\n@ IN NS localhost.\n"

static void test_rpz(void **state)
{
    static const struct given addresses[] = {
        {OBSERVABLE_IPV6, "2001:db8:0:1:0:0:0:17", ROLE_SOURCE, true},
        {OBSERVABLE_CIDR, "2001:db8::/32", ROLE_SOURCE, true},
        {OBSERVABLE_IPV6, "2001:db8:1:2:3:4:5:6", ROLE_SOURCE, true},
        {OBSERVABLE_IPV6, "2001:db8:0:0:1:0:0:1", ROLE_SOURCE, true},
        {OBSERVABLE_CIDR, "2000::/3", ROLE_SOURCE, true},
        {OBSERVABLE_IPV4, "192.0.2", ROLE_SOURCE, true},
    };
    /* What these would do has nothing to do with a domain. */
    static const struct given policies[] = {
        {OBSERVABLE_DOMAIN, "8.0.0.0.10.rpz-client-ip", ROLE_SOURCE, true},
        {OBSERVABLE_DOMAIN, "1.0.0.0.0.rpz-ip", ROLE_SOURCE, true},
        {OBSERVABLE_DOMAIN, "32.53.2.0.192.rpz-nsip", ROLE_SOURCE, true},
        {OBSERVABLE_DOMAIN, "ns1.bank.example.rpz-nsdname", ROLE_SOURCE, true},
        {OBSERVABLE_DOMAIN, "rpz-ip.example", ROLE_SOURCE, true},
    };
    (void)state;
    is_list("rpz", policies, ARRAY_SIZE(policies), ZONE "rpz-ip.example CNAME .\n*.rpz-ip.example CNAME .\n", 4);
    is_list("rpz", plain, ARRAY_SIZE(plain),
            ZONE "32.7.2.0.192.rpz-ip CNAME .\n24.0.100.51.198.rpz-ip CNAME .\n128.17.zz.db8.2001.rpz-ip CNAME .\n"
                 "evil.example CNAME .\n*.evil.example CNAME .\n",
            ARRAY_SIZE(plain) - 4);
    is_list("rpz", addresses, ARRAY_SIZE(addresses),
            ZONE "128.17.zz.1.0.db8.2001.rpz-ip CNAME .\n32.zz.db8.2001.rpz-ip CNAME .\n128.6.5.4.3.2.1.db8.2001.rpz-ip CNAME .\n"
                 "128.1.0.0.1.zz.db8.2001.rpz-ip CNAME .\n",
            2);
}

static void test_suricata(void **state)
{
    (void)state;
    is_list(
        "suricata", plain, 6,
        COMMENT("# ", "suricata") "alert ip any any <> [192.0.2.7] any (msg:\"XX-CERT indicator ipv4 192.0.2.7\"; metadata:role source; "
                                  "sid:1000000; rev:1;)\n"
                                  "alert ip any any <> [198.51.100.0/24] any (msg:\"XX-CERT indicator cidr 198.51.100.0/24\"; "
                                  "metadata:role infrastructure; sid:1000001; rev:1;)\n"
                                  "alert ip any any <> [2001:db8::17] any (msg:\"XX-CERT indicator ipv6 2001_db8__17\"; "
                                  "metadata:role source; sid:1000002; rev:1;)\n"
                                  "alert dns any any -> any any (msg:\"XX-CERT indicator domain evil.example\"; dns.query; dotprefix; "
                                  "content:\"|2e 65 76 69 6c 2e 65 78 61 6d 70 6c 65|\"; nocase; endswith; metadata:role "
                                  "infrastructure; sid:1000003; rev:1;)\n"
                                  "alert tls any any -> any any (msg:\"XX-CERT indicator domain evil.example\"; tls.sni; dotprefix; "
                                  "content:\"|2e 65 76 69 6c 2e 65 78 61 6d 70 6c 65|\"; nocase; endswith; metadata:role "
                                  "infrastructure; sid:1000004; rev:1;)\n"
                                  "alert http any any -> any 8080 (msg:\"XX-CERT indicator url http_//evil.example_8080/a_b_c_d\"; "
                                  "http.host; content:\"|65 76 69 6c 2e 65 78 61 6d 70 6c 65|\"; bsize:12; http.uri.raw; "
                                  "content:\"|2f 61 3f 62 3d 63|\"; bsize:6; metadata:role infrastructure; sid:1000005; rev:1;)\n",
        1);
}

/* The numbers end where Suricata's local ones do. */
static void test_sids_end(void **state)
{
    const struct export_head last = {.team = "XX-CERT", .tlp = TLP_NONE, .time = 0, .sid_first = EXPORT_SID_LAST - 1};
    struct export_writer writer;
    struct report *report = report_of(plain, 2);
    struct buf out;
    struct err err = {0};
    (void)state;
    buf_init(&out, 4096);
    export_begin(&writer, export_find("suricata"), &last, &out);
    assert_true(export_report(&writer, report, &out, &err));
    assert_int_equal(writer.written, 1);
    assert_int_equal(writer.left_out_type[OBSERVABLE_CIDR], 1);
    buf_clear(&out);
    report_free(report);
}

/* --- values that want out --- */

static const char *const hostile[] = {
    "evil.example\nbank.example",
    "evil.example CNAME .\nbank.example",
    "evil.example\"; sid:1; rev:2;) alert ip any any -> any any (",
    "x\\\"; content:\"|41|\"",
    "a;b.example",
    "a$INCLUDE.example",
    "@",
    "$ORIGIN example",
    "*.example",
    "# comment",
    "; comment",
    "",
    "evil.example\r\n",
    "\x1b[31m.example",
    "a..example",
    ".example",
    "example.",
    "192.0.2.7] any any -> [any",
    "192.0.2.7 ; drop",
    "192.0.2.7/24\n",
    "2001:db8::1\";)",
    "http://evil.example/\"; sid:1;)",
    "http://evil.example/a b",
    "http://evil.example/a\nb",
    "http://user@evil.example/",
    "http://evil.example:99999/",
    "http://[2001:db8::1]:80/x",
    "http:///x",
    "((((((",
    "\xff\xfe",
    "\xc3\xa9.example",
};

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; (text = strchr(text, '\n')); text++)
        lines++;
    return lines;
}

/* Each rule: one line, its options within the outer parentheses, exactly one sid of ours, quotes even. */
static void check_rule(const char *line)
{
    size_t quotes = 0;
    const char *options = strstr(line, " (msg:\"XX-CERT indicator "), *sid = strstr(line, " sid:");
    assert_non_null(options);
    assert_non_null(sid);
    assert_null(strstr(sid + 1, " sid:"));
    assert_string_equal(strchr(sid, ';'), "; rev:1;)");
    for (const char *at = line; *at; at++) {
        quotes += *at == '"';
        assert_true((unsigned char)*at >= ' ' && (unsigned char)*at < 0x7f && *at != '\\' && *at != '$' && *at != '#');
        assert_true(*at != '(' || at == options + 1);
        assert_true(*at != ')' || at[1] == '\0');
    }
    assert_true(quotes % 2 == 0);
}

static void check_zone_line(const char *line)
{
    size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789-_.*");
    assert_true(name > 0);
    assert_string_equal(line + name, " CNAME .");
}

static void check_hostile(const char *name, enum observable_type type, const char *value, size_t lines_head)
{
    const struct given given = {type, value, ROLE_SOURCE, true};
    struct export_writer writer;
    struct buf out;
    write_list(name, &given, 1, &out, &writer);
    size_t lines = count_lines(buf_text(&out));
    assert_true(lines <= lines_head + 2);
    assert_true(writer.written == 1 || lines == lines_head);
    char *line = strtok(out.bytes, "\n");
    for (size_t i = 0; line; line = strtok(NULL, "\n"), i++) {
        if (i < lines_head)
            continue;
        if (str_equal(name, "suricata"))
            check_rule(line);
        else if (str_equal(name, "rpz"))
            check_zone_line(line);
        else
            assert_true(strpbrk(line, " \r\t\x1b") == NULL && strchr("#;", line[0]) == NULL);
    }
    buf_clear(&out);
}

static void test_hostile(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
        for (int type = OBSERVABLE_IPV4; type < OBSERVABLE_TYPE_COUNT; type++) {
            check_hostile("blocklist-ip", (enum observable_type)type, hostile[i], 1);
            check_hostile("blocklist-domain", (enum observable_type)type, hostile[i], 1);
            check_hostile("blocklist-url", (enum observable_type)type, hostile[i], 1);
            check_hostile("blocklist-hash", (enum observable_type)type, hostile[i], 1);
            check_hostile("rpz", (enum observable_type)type, hostile[i], 4);
            check_hostile("suricata", (enum observable_type)type, hostile[i], 1);
        }
    }
}

/* A team's name is an operator's, but it stands in comments and messages. */
static void test_hostile_team(void **state)
{
    const struct export_head evil = {.team = "X\n\"; sid:1;) (", .tlp = TLP_RED, .time = 0};
    struct export_writer writer;
    struct report *report = report_of(plain, 1);
    struct buf out;
    struct err err = {0};
    (void)state;
    buf_init(&out, 4096);
    export_begin(&writer, export_find("suricata"), &evil, &out);
    assert_true(export_report(&writer, report, &out, &err));
    assert_int_equal(count_lines(buf_text(&out)), 2);
    assert_null(strstr(buf_text(&out), "sid:1;"));
    buf_clear(&out);
    report_free(report);
}

/* --- CSV --- */

struct rows {
    const struct given *given;
    size_t count;
    const char *const *cells; /* what must stand as value */
};

static bool take_row(void *context, size_t line, const char *const *cells, size_t count, struct err *err)
{
    struct rows *rows = context;
    (void)line;
    (void)err;
    assert_int_equal(count, 14);
    if (rows->count > 0)
        assert_string_equal(cells[1], rows->cells[rows->count - 1]);
    rows->count++;
    return true;
}

static void test_csv(void **state)
{
    static const struct given given[] = {
        {OBSERVABLE_TEXT, "=cmd|' /C calc'!A0", ROLE_OTHER, false},
        {OBSERVABLE_PHONE, "+49301234", ROLE_OTHER, false},
        {OBSERVABLE_TEXT, "-1+2", ROLE_OTHER, false},
        {OBSERVABLE_TEXT, "@SUM(A1)", ROLE_OTHER, false},
        {OBSERVABLE_TEXT, "  =1", ROLE_OTHER, false},
        {OBSERVABLE_TEXT, "\t=1", ROLE_OTHER, false},
        {OBSERVABLE_TEXT, "＝1", ROLE_OTHER, false},
        {OBSERVABLE_TEXT, "a \"b\", c\r\nd", ROLE_VICTIM, false},
        {OBSERVABLE_IPV4, "192.0.2.7", ROLE_VICTIM, true},
        {OBSERVABLE_TEXT, "\"=1", ROLE_OTHER, false},
        {OBSERVABLE_URL, "http://evil.example/a;=cmd|'%20/C%20calc'!A0", ROLE_OTHER, false},
        {OBSERVABLE_TEXT, "x; @SUM(A1);y;-1", ROLE_OTHER, false},
        {OBSERVABLE_USER_AGENT, "ua\t=1+1", ROLE_OTHER, false},
        {OBSERVABLE_TEXT, "a\n=1\n\nb", ROLE_OTHER, false},
        {OBSERVABLE_TEXT, "a; b", ROLE_OTHER, false},
    };
    static const char *const wanted[] = {
        "'=cmd|' /C calc'!A0",
        "'+49301234",
        "'-1+2",
        "'@SUM(A1)",
        "'  =1",
        "'\t'=1",
        "'＝1",
        "a \"b\", c\r\nd",
        "192.0.2.7",
        "\"=1",
        "http://evil.example/a;'=cmd|'%20/C%20calc'!A0",
        "x;' @SUM(A1);y;'-1",
        "ua\t'=1+1",
        "a\n'=1\n\nb",
        "a; b",
    };
    struct rows rows = {.cells = wanted};
    struct export_writer writer;
    struct buf out;
    struct err err = {0};
    (void)state;
    write_list("csv", given, ARRAY_SIZE(given), &out, &writer);
    if (!csv_stream_read(out.bytes, out.size, take_row, &rows, &err))
        fail_msg("%s %s", err.at, err.text);
    assert_int_equal(rows.count, ARRAY_SIZE(given) + 1);
    assert_int_equal(writer.left_out, 0);
    assert_non_null(strstr(buf_text(&out), ",\"a; b\","));
    buf_clear(&out);
}

static void test_csv_columns(void **state)
{
    struct report *report = report_new("json");
    struct observation *observation = report_add_observation(report);
    struct export_writer writer;
    struct buf out;
    struct err err = {0};
    (void)state;
    assert_true(report_add_sighting(report, observation, OBSERVABLE_DOMAIN, ROLE_INFRASTRUCTURE, "Evil.example"));
    observation->time = 1700000000 * TIMESTAMP_SECOND;
    observation->class_name = "fraud/phishing";
    observation->count = 3;
    observation->target_port = 443;
    observation->protocol = "tcp";
    observation->description = "=1";
    observation->sightings[0].tlp = TLP_AMBER;
    observation->sightings[0].confidence = 0;
    observation->sightings[0].is_indicator = true;
    buf_init(&out, 4096);
    export_begin(&writer, export_find("csv"), &head, &out);
    assert_true(export_report(&writer, report, &out, &err));
    assert_non_null(strstr(buf_text(&out),
                           "\r\ndomain,evil.example,infrastructure,true,amber,0,,2023-11-14T22:13:20Z,fraud/phishing,3,tcp,,443,"
                           "\"'=1\"\r\n"));
    buf_reset(&out);
    observation->sightings[0].tlp = TLP_NONE; /* as the list's */
    assert_true(export_report(&writer, report, &out, &err));
    assert_non_null(strstr(buf_text(&out), "true,green,0,"));
    buf_clear(&out);
    report_free(report);
}

static void test_full(void **state)
{
    struct report *report = report_of(plain, 6);
    struct export_writer writer;
    struct buf out;
    struct err err = {0};
    (void)state;
    buf_init(&out, 150);
    export_begin(&writer, export_find("suricata"), &head, &out);
    assert_false(export_report(&writer, report, &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_clear(&out);
    report_free(report);
}

static void test_table(void **state)
{
    (void)state;
    assert_null(export_find("nothing"));
    assert_null(export_find(NULL));
    for (size_t i = 0; i < export_format_count; i++) {
        const struct export_format *format = &export_formats[i];
        assert_ptr_equal(export_find(format->name), format);
        assert_true(format->codec ? format->codec->encode != NULL && str_equal(format->codec->name, format->name)
                                  : format->begin && format->add);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_lists), cmocka_unit_test(test_rpz),         cmocka_unit_test(test_suricata),
        cmocka_unit_test(test_sids_end),    cmocka_unit_test(test_hostile),     cmocka_unit_test(test_hostile_team),
        cmocka_unit_test(test_csv),         cmocka_unit_test(test_csv_columns), cmocka_unit_test(test_full),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
