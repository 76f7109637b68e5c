/* Patterns taken apart: the grammar of STIX 2.1 part 9, what may stand alone, and what is refused with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/stix_pattern.h"

/* "file:hashes.MD5=a,b" a comparison, "!" before negated ones, "-" before those that are not alone; joined by blanks. */
static char *describe(const char *text)
{
    struct arena *arena = arena_new();
    struct stix_pattern pattern;
    struct err err = {0};
    struct buf out;
    buf_init(&out, 1u << 20);
    if (!stix_pattern_parse(arena, text, &pattern, &err)) {
        buf_printf(&out, "%s: %s", err.at, err.text);
    } else {
        static const char *const names[] = {"=", " IN ", " LIKE ", " MATCHES ", " SUBSET ", " SUPERSET ", " ORDER ", " EXISTS"};
        for (size_t i = 0; i < pattern.comparison_count; i++) {
            const struct stix_pattern_comparison *c = &pattern.comparisons[i];
            buf_printf(&out, "%s%s%s%s:%s%s", i ? "; " : "", c->is_negated ? "!" : "", c->is_alone ? "" : "-", c->object_type, c->path,
                       names[c->operator]);
            for (size_t k = 0; k < c->value_count; k++)
                buf_printf(&out, "%s%s", k ? "," : "", c->values[k] ? c->values[k] : "(bytes)");
        }
        if (pattern.has_qualifiers)
            buf_add_text(&out, " (qualified)");
    }
    char *copy = mem_strdup(buf_text(&out));
    buf_clear(&out);
    arena_free(arena);
    return copy;
}

static void reads(const char *text, const char *wanted)
{
    char *found = describe(text);
    assert_string_equal(found, wanted);
    free(found);
}

static void single_comparisons(void **state)
{
    (void)state;
    reads("[ipv4-addr:value = '198.51.100.7']", "ipv4-addr:value=198.51.100.7");
    reads("[file:hashes.'SHA-256' = 'ab']", "file:hashes.SHA-256=ab");
    reads("[file:hashes.MD5 == 'ab']", "file:hashes.MD5=ab");
    reads("[autonomous-system:number = 64500]", "autonomous-system:number=64500");
    reads("[x:y = -1.5 OR x:y = +2 OR x:y = true]", "x:y=-1.5; x:y=+2; x:y=true");
    reads("[a:b != 'x']", "!a:b=x");
    reads("[a:b NOT = 'x']", "!a:b=x");
    reads("[a:b NOT != 'x']", "a:b=x");
    reads("[a:b <> 'x']", "!a:b=x");
    reads("[a:b NOT IN ('x')]", "!a:b IN x");
    reads("[a:b IN ('x', 'y',3)]", "a:b IN x,y,3");
    reads("[a:b LIKE '%x_']", "a:b LIKE %x_");
    reads("[a:b MATCHES '^x\\\\.']", "a:b MATCHES ^x\\.");
    reads("[a:b ISSUBSET '198.51.100.0/24']", "a:b SUBSET 198.51.100.0/24");
    reads("[a:b ISSUPERSET '198.51.100.0/24']", "a:b SUPERSET 198.51.100.0/24");
    reads("[a:b > 5 OR a:b <= t'2026-01-01T00:00:00Z']", "a:b ORDER 5; a:b ORDER 2026-01-01T00:00:00Z");
    reads("[EXISTS a:b]", "a:b EXISTS");
    reads("[a:b = h'00ff' OR a:b = b'AAA=']", "a:b=(bytes); a:b=(bytes)");
}

static void paths_keep_their_indexes_and_lose_their_quotes(void **state)
{
    (void)state;
    reads("[domain-name:resolves_to_refs[*].value = 'x']", "domain-name:resolves_to_refs[*].value=x");
    reads("[a:b[0].c[12].d = 'x']", "a:b[0].c[12].d=x");
    reads("[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'x']",
          "network-traffic:extensions.http-request-ext.request_header.User-Agent=x");
    reads("[a:'quoted first' = 'x']", "a:quoted first=x");
}

static void strings_are_unescaped(void **state)
{
    (void)state;
    reads("[a:b = 'it\\'s \\\\ here']", "a:b=it's \\ here");
    reads("[a:b = '']", "a:b=");
    reads("[a:b = '] OR [']", "a:b=] OR [");
    reads("[a:b = 'é\n\t']", "a:b=é\n\t");
}

static void a_backslash_that_escapes_nothing_is_kept(void **state)
{
    (void)state;
    reads("[file:name = 'C:\\Temp\\evil.exe']", "file:name=C:\\Temp\\evil.exe");
    reads("[file:name = 'C:\\\\Temp\\\\evil.exe']", "file:name=C:\\Temp\\evil.exe");
    reads("[url:value = 'http://evil-bs.example/a\\b']", "url:value=http://evil-bs.example/a\\b");
    reads("[a:b = 'b\\u00fccher']", "a:b=b\\u00fccher");
    reads("[a:b = 'a\\\\\\'b' OR a:b = '\\\\\\n']", "a:b=a\\'b; a:b=\\\\n");
    reads("[a:b LIKE 'C:\\Users\\%' OR a:b IN ('x\\y')]", "a:b LIKE C:\\Users\\%; a:b IN x\\y");
}

static void alternatives_stand_alone_and_members_do_not(void **state)
{
    (void)state;
    reads("[a:b = 1 OR a:b = 2] OR [c:d = 3]", "a:b=1; a:b=2; c:d=3");
    reads("[a:b = 1 AND c:d = 2]", "-a:b=1; -c:d=2");
    reads("[a:b = 1 OR a:c = 2 AND a:d = 3]", "a:b=1; -a:c=2; -a:d=3");
    reads("[(a:b = 1 OR a:c = 2) AND a:d = 3]", "-a:b=1; -a:c=2; -a:d=3");
    reads("[a:b = 1] AND [c:d = 2]", "-a:b=1; -c:d=2");
    reads("[a:b = 1] FOLLOWEDBY [c:d = 2]", "-a:b=1; -c:d=2");
    reads("[a:b = 1] OR ([c:d = 2] FOLLOWEDBY [e:f = 3])", "a:b=1; -c:d=2; -e:f=3");
    reads("[a:b = 1] FOLLOWEDBY [c:d = 2] OR [e:f = 3]", "-a:b=1; -c:d=2; -e:f=3");
}

static void a_digest_is_enough_to_know_a_file(void **state)
{
    (void)state;
    reads("[file:hashes.MD5 = 'a' AND file:name = 'b' AND file:hashes.'SHA-1' = 'c']",
          "file:hashes.MD5=a; -file:name=b; file:hashes.SHA-1=c");
    reads("[file:hashes.MD5 = 'a' AND process:name = 'b']", "-file:hashes.MD5=a; -process:name=b");
    reads("[file:hashes.MD5 = 'a'] FOLLOWEDBY [a:b = 1]", "-file:hashes.MD5=a; -a:b=1");
    reads("[x509-certificate:hashes.'SHA-1' = 'a' AND x509-certificate:issuer = 'b']",
          "x509-certificate:hashes.SHA-1=a; -x509-certificate:issuer=b");
    reads("[file:hashes.MD5 = 'a' AND artifact:hashes.MD5 = 'b']", "-file:hashes.MD5=a; -artifact:hashes.MD5=b");
}

/* What says more of a value is no member of its own: the value alone is what is looked for. */
static void details_of_a_value_do_not_count(void **state)
{
    (void)state;
    reads("[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = 'a']",
          "-network-traffic:dst_ref.type=ipv4-addr; network-traffic:dst_ref.value=a");
    reads("[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value IN ('a', 'b') AND network-traffic:dst_port = 1]",
          "-network-traffic:dst_ref.type=domain-name; network-traffic:dst_ref.value IN a,b; -network-traffic:dst_port=1");
    reads("[url:value = 'a' AND url:x_misp_host = 'b' AND url:x_misp_port = 1]", "url:value=a; -url:x_misp_host=b; -url:x_misp_port=1");
    reads("[network-traffic:src_ref.type = 'x' AND network-traffic:src_ref.value = 'a' AND network-traffic:dst_port = 1]",
          "-network-traffic:src_ref.type=x; -network-traffic:src_ref.value=a; -network-traffic:dst_port=1");
    reads("[network-traffic:dst_ref.type != 'x' AND network-traffic:dst_ref.value = 'a']",
          "!-network-traffic:dst_ref.type=x; -network-traffic:dst_ref.value=a");
    reads("[network-traffic:dst_ref.type = 'x' AND network-traffic:dst_ref.value = 'a'] REPEATS 5 TIMES",
          "-network-traffic:dst_ref.type=x; -network-traffic:dst_ref.value=a (qualified)");
    reads("[(network-traffic:dst_ref.value = 'a' OR network-traffic:src_ref.value = 'b') AND network-traffic:dst_ref.type = 'x']",
          "-network-traffic:dst_ref.value=a; -network-traffic:src_ref.value=b; -network-traffic:dst_ref.type=x");
}

static void qualifiers(void **state)
{
    (void)state;
    reads("[a:b = 1] WITHIN 5 SECONDS", "a:b=1 (qualified)");
    reads("[a:b = 1] WITHIN 5.5 SECONDS", "a:b=1 (qualified)");
    reads("[a:b = 1] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'", "a:b=1 (qualified)");
    reads("[a:b = 1] START '2026-01-01T00:00:00Z' STOP '2026-02-01T00:00:00Z'", "a:b=1 (qualified)");
    reads("[a:b = 1] REPEATS 5 TIMES WITHIN 1800 SECONDS", "-a:b=1 (qualified)");
    reads("([a:b = 1] AND [a:c = 2]) WITHIN 5 SECONDS", "-a:b=1; -a:c=2 (qualified)");
}

static void blanks_and_comments(void **state)
{
    (void)state;
    reads(" [ a:b='x'OR\ta:b\n=\r'y' ] ", "a:b=x; a:b=y");
    reads("/* one */ [a:b = 1 // two\n OR a:b = 2]", "a:b=1; a:b=2");
    reads("[a:b = 1 and a:b = 2]", "-a:b=1; -a:b=2");
}

static void what_is_no_pattern_has_a_place(void **state)
{
    (void)state;
    reads("", "character 1: \"[\" expected, not the end");
    reads("alert tcp any", "character 1: \"[\" expected, not \"alert\"");
    reads("[a:b = 'x", "character 8: a string that ends expected, not \"'\"");
    reads("[a:b = 'x'", "character 11: \"]\" expected, not the end");
    reads("[a:b 'x']", "character 6: an operator expected, not \"'x'\"");
    reads("[a = 'x']", "character 4: \":\" expected, not \"=\"");
    reads("[a:b = ]", "character 8: a constant expected, not \"]\"");
    reads("[a:b IN 'x']", "character 9: \"(\" expected, not \"'x'\"");
    reads("[a:b IN ('x' 'y')]", "character 14: \",\" expected, not \"'y'\"");
    reads("[a:b = 1] [a:b = 2]", "character 11: the end expected, not \"[\"");
    reads("[a:b = 1] REPEATS x TIMES", "character 19: a number expected, not \"x\"");
    reads("[a:b = 1] START t'2026-01-01T00:00:00Z'", "character 40: STOP expected, not the end");
    reads("[a:b = \"x\"]", "character 8: a pattern expected, not \"\"\"");
    reads("[a:b = é]", "character 8: a pattern expected, not \"é\"");
    reads("[a:b = 1] /* no end", "character 11: a comment that ends expected, not \"\"");
    reads("[a:b[x] = 1]", "character 6: an index or \"*\" expected, not \"x\"");
    reads("[a:b = 'x\\", "character 8: a string that ends expected, not \"'\"");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[1000];
    memset(text, '(', sizeof text);
    text[sizeof text - 1] = '\0';
    reads(text, "character 1: a pattern nested deeper than 64 levels");
    text[0] = '[';
    reads(text, "character 1: a pattern nested deeper than 64 levels");
}

/* A million comparisons take time in proportion: a quadratic parser would need hours. */
static void long_patterns_are_linear(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 64u << 20);
    buf_add_text(&text, "[a:b = 1");
    for (int i = 0; i < 300000; i++)
        buf_add_text(&text, " AND a:b = 1");
    buf_add_text(&text, "]");
    for (int i = 0; i < 100000; i++)
        buf_add_text(&text, " REPEATS 2 TIMES");
    struct arena *arena = arena_new();
    struct stix_pattern pattern;
    struct err err;
    clock_t start = clock();
    assert_true(stix_pattern_parse(arena, buf_text(&text), &pattern, &err));
    assert_int_equal(pattern.comparison_count, 300001);
    assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
    arena_free(arena);
    buf_clear(&text);
}

static void comparisons_know_their_text(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct stix_pattern pattern;
    struct err err;
    assert_true(stix_pattern_parse(arena, "[a:b = 1 OR  EXISTS c:d AND e:f NOT IN ('x' , 'y') ]", &pattern, &err));
    static const char *const wanted[] = {"a:b = 1", "EXISTS c:d", "e:f NOT IN ('x' , 'y')"};
    assert_int_equal(pattern.comparison_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pattern.comparisons[i].text_size, strlen(wanted[i]));
        assert_memory_equal(pattern.comparisons[i].text, wanted[i], strlen(wanted[i]));
    }
    arena_free(arena);
}

static void constants_read_back(void **state)
{
    (void)state;
    static const char *const values[] = {"", "plain", "it's", "\\", "\\'", "a\nb", "é']["};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        struct buf text;
        buf_init(&text, 1000);
        buf_add_text(&text, "[a:b = ");
        stix_pattern_add_constant(&text, values[i]);
        buf_add_text(&text, "]");
        char *wanted = mem_printf("a:b=%s", values[i]);
        reads(buf_text(&text), wanted);
        free(wanted);
        buf_clear(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_comparisons),
        cmocka_unit_test(paths_keep_their_indexes_and_lose_their_quotes),
        cmocka_unit_test(strings_are_unescaped),
        cmocka_unit_test(a_backslash_that_escapes_nothing_is_kept),
        cmocka_unit_test(alternatives_stand_alone_and_members_do_not),
        cmocka_unit_test(a_digest_is_enough_to_know_a_file),
        cmocka_unit_test(details_of_a_value_do_not_count),
        cmocka_unit_test(qualifiers),
        cmocka_unit_test(blanks_and_comments),
        cmocka_unit_test(what_is_no_pattern_has_a_place),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(long_patterns_are_linear),
        cmocka_unit_test(comparisons_know_their_text),
        cmocka_unit_test(constants_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
