/* Templates: the language, and every file that is shipped. */
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
#include "codec/mail_template.h"
#include "codec/mail_write.h"
#include "support/file.h"

#define FSI "\xE2\x81\xA8"
#define PDI "\xE2\x81\xA9"
#define BAD "\xEF\xBF\xBD"

static const struct mail_template_value sample[] = {
    {"case", "XX-CERT-2026-000042"},
    {"reference", "[XX-CERT-2026-000042]"},
    {"team", "XX-CERT"},
    {"signature", "XX-CERT, national CIRT\nincident@xx-cert.example"},
    {"contact", "Telecom A"},
    {"summary", "C2 server, 3 addresses"},
    {"class", "malicious-code/c2-server"},
    {"label", "TLP:AMBER"},
    {"date", "2026-11-20 10:12 UTC"},
    {"due", "2026-11-23 12:00 UTC"},
    {"observables", "198.51.100.7\nhxxp://c2[.]yy[.]example/gate"},
    {"text", "Which host had 198.51.100.7?"},
    {"quote", "2026-11-20 10:12 UTC, Alice:\n> Hello"},
};

static bool render(const char *text, const char *language, const struct mail_template_value *values, size_t count, char **subject,
                   char **body, struct err *err)
{
    struct buf subject_out, body_out;
    buf_init(&subject_out, 10000);
    buf_init(&body_out, 100000);
    bool ok = mail_template_render("xx/test.txt", text, language, values, count, &subject_out, &body_out, err);
    *subject = mem_strdup(buf_text(&subject_out));
    *body = mem_strdup(buf_text(&body_out));
    buf_clear(&subject_out);
    buf_clear(&body_out);
    return ok;
}

static void renders(void **state)
{
    UNUSED(state);
    static const struct {
        const char *what, *text, *language, *subject, *body;
    } rows[] = {
        {"simple", "Subject: About {{case}}\n\nHello {{contact}},\n\n{{text}}\n", "en", "About XX-CERT-2026-000042",
         "Hello Telecom A,\n\nWhich host had 198.51.100.7?\n"},
        {"comments, CRLF, no last line end", "# a\r\n#b\r\nSubject:x\r\n\r\ny\r\n# not a comment", "en", "x", "y\n# not a comment\n"},
        {"lines", "Subject: x\n\n{{signature}}\n", "en", "x", "XX-CERT, national CIRT\nincident@xx-cert.example\n"},
        {"twice in a line", "Subject: x\n\n{{team}}{{team}} {{ }}", "en", NULL, NULL},
        {"braces alone", "Subject: x\n\n} }} { {x}\n", "en", "x", "} }} { {x}\n"},
        {"right to left", "Subject: {{case}}\n\n{{signature}}\n{{?due}}{{due}} x\n", "ar-EG", FSI "XX-CERT-2026-000042" PDI,
         FSI "XX-CERT, national CIRT" PDI "\n" FSI "incident@xx-cert.example" PDI "\n" FSI "2026-11-23 12:00 UTC" PDI " x\n"},
        {"what stands where there is a value", "Subject: x\n\na\n\n{{?due}}until {{due}}\n\nb\n", "en", "x",
         "a\n\nuntil 2026-11-23 12:00 UTC\n\nb\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *subject, *body;
        struct err err;
        bool ok = render(rows[i].text, rows[i].language, sample, ARRAY_SIZE(sample), &subject, &body, &err);
        if (ok != (rows[i].body != NULL) || (ok && (strcmp(subject, rows[i].subject) != 0 || strcmp(body, rows[i].body) != 0)))
            fail_msg("%s: %s\n%s", rows[i].what, ok ? subject : err.text, body);
        free(subject);
        free(body);
    }
}

static void what_has_no_value_falls_away(void **state)
{
    UNUSED(state);
    static const struct mail_template_value values[] = {{"text", ""}, {"due", NULL}, {"class", " "}, {"team", "T"}};
    char *subject, *body;
    struct err err;
    assert_true(render(
        "Subject: x\n\na\n\n{{?text}}{{text}}\n\n{{?due}}by {{due}}\n{{?class}}{{?team}}{{class}}\n{{?team}}{{team}}\nb\n{{?case}}c\n",
        "en", values, ARRAY_SIZE(values), &subject, &body, &err));
    assert_string_equal(body, "a\n\nT\nb\n");
    free(subject);
    free(body);
}

/* A value is data, whatever it says. */
static void values_are_data(void **state)
{
    UNUSED(state);
    static const struct mail_template_value values[] = {
        {"summary", "{{signature}} {{nonsense}}\r\nBcc: x \x1b[31m \xE2\x80\xAE" PDI "x"},
        {"text", "{{?due}}\n" FSI "a\n\nb"},
    };
    char *subject, *body;
    struct err err;
    assert_true(render("Subject: {{summary}}\n\n{{text}}\n", "en", values, ARRAY_SIZE(values), &subject, &body, &err));
    assert_string_equal(subject, "{{signature}} {{nonsense}}\\r\\nBcc: x " BAD "[31m " BAD BAD "x");
    assert_string_equal(body, "{{?due}}\n" BAD "a\n\nb\n");
    free(subject);
    free(body);
    /* No value can end its own isolate. */
    assert_true(render("Subject: {{summary}}\n\n{{text}}\n", "he", values, ARRAY_SIZE(values), &subject, &body, &err));
    assert_string_equal(body, FSI "{{?due}}" PDI "\n" FSI BAD "a" PDI "\n\n" FSI "b" PDI "\n");
    assert_string_equal(strstr(subject, PDI), PDI);
    free(subject);
    free(body);
}

static void faults(void **state)
{
    UNUSED(state);
    static const struct {
        const char *what, *text, *at, *said;
    } rows[] = {
        {"unknown variable", "Subject: x\n\na\n{{sumary}}\n", "xx/test.txt line 4",
         "there is no variable {{sumary}}; the nearest is {{summary}}"},
        {"unknown in the subject", "# x\nSubject: {{Case}}\n\na\n", "xx/test.txt line 2", "no variable {{Case}}; the nearest is {{case}}"},
        {"unknown condition", "Subject: x\n\n{{?dew}}a\n", "xx/test.txt line 3", "the nearest is {{due}}"},
        {"very long", "Subject: x\n\n{{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}\n", "xx/test.txt line 3",
         "there is no variable"},
        {"no value", "Subject: x\n\n\n{{due}}\n", "xx/test.txt line 4", "{{due}} has no value here; begin the line with {{?due}}"},
        {"open", "Subject: x\n\na {{team\n}}\n", "xx/test.txt line 3", "{{ without }}"},
        {"condition within a line", "Subject: x\n\na {{?team}}b\n", "xx/test.txt line 3", "at the start of a line only"},
        {"no subject", "Hello\n\nx\n", "xx/test.txt line 1", "begins with its Subject: line"},
        {"only comments", "# a\n# b\n", "xx/test.txt", "has no Subject: line"},
        {"empty", "", "xx/test.txt", "has no Subject: line"},
        {"no blank line", "Subject: x\na\n", "xx/test.txt line 2", "a blank line stands between"},
        {"not UTF-8", "Subject: x\n\n\xFF\n", "xx/test.txt", "is not UTF-8"},
    };
    static const struct mail_template_value values[] = {{"team", "T"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *subject, *body;
        struct err err;
        if (render(rows[i].text, "en", values, ARRAY_SIZE(values), &subject, &body, &err))
            fail_msg("%s: taken", rows[i].what);
        if (strcmp(err.at, rows[i].at) != 0 || !strstr(err.text, rows[i].said))
            fail_msg("%s: %s: %s", rows[i].what, err.at, err.text);
        free(subject);
        free(body);
    }
}

static void too_long(void **state)
{
    UNUSED(state);
    struct buf subject, text;
    struct err err;
    buf_init(&subject, 100);
    buf_init(&text, 10);
    assert_false(
        mail_template_render("xx/test.txt", "Subject: x\n\n{{signature}}\n", "en", sample, ARRAY_SIZE(sample), &subject, &text, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_clear(&subject);
    buf_clear(&text);
}

static void folders(void **state)
{
    UNUSED(state);
    static const struct {
        const char *contact, *site, *folders;
    } rows[] = {
        {"fr-CA", "es", "fr-ca fr es en"},
        {"FR", "fr", "fr en"},
        {NULL, "pt-BR", "pt-br pt en"},
        {"en-GB", "en", "en-gb en"},
        {"zh-Hant-TW", NULL, "zh-hant-tw zh en"},
        {"../../etc", "en", "en"},
        {"", ".", "en"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "de", "de en"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char found[MAIL_TEMPLATE_FOLDERS_MAX][MAIL_TEMPLATE_FOLDER_SIZE], seen[300] = "";
        size_t count = mail_template_folders(rows[i].contact, rows[i].site, found);
        for (size_t k = 0; k < count; k++)
            snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", k ? " " : "", found[k]);
        assert_string_equal(seen, rows[i].folders);
    }
}

static void directions(void **state)
{
    UNUSED(state);
    static const char *const right_to_left[] = {"ar", "AR-eg", "he", "fa-IR", "ur", "az-Arab", "uz-arab-AF"};
    static const char *const left_to_right[] = {"en", "zh", "ru", "az", "ar-Latn", "arn", "", NULL};
    for (size_t i = 0; i < ARRAY_SIZE(right_to_left); i++)
        assert_true(mail_template_is_right_to_left(right_to_left[i]));
    for (size_t i = 0; i < ARRAY_SIZE(left_to_right); i++)
        assert_false(mail_template_is_right_to_left(left_to_right[i]));
}

/* --- the files that are shipped --- */

static char *read_template(const char *language, const char *occasion)
{
    char *name = mem_printf("%s/packaging/templates/%s/%s.txt", SOURCE_DIR, language, occasion);
    size_t size;
    char *text = file_read(name, &size);
    if (!text)
        fail_msg("there is no %s", name);
    free(name);
    return text;
}

/* What was made can be sent as it is. */
static void check_mail(const char *what, const char *language, const char *subject, const char *body)
{
    static const struct mail_person to[] = {{NULL, "noc@telecom-a.example"}};
    struct mail_draft draft = {.from = {"XX-CERT", "incident@xx-cert.example"},
                               .to = to,
                               .to_count = 1,
                               .reference = "XX-CERT-2026-000042",
                               .label = "TLP:AMBER",
                               .subject = subject,
                               .message_id = "<1@xx-cert.example>",
                               .language = language,
                               .text = body};
    struct err err;
    if (!mail_write_check(&draft, &err))
        fail_msg("%s: %s: %s", what, err.at, err.text);
}

static void check_lines(const char *what, const char *body, bool is_right_to_left)
{
    for (const char *line = body; *line;) {
        size_t size = strcspn(line, "\n");
        char *copy = mem_printf("%.*s", (int)size, line);
        if (str_columns(copy) > 80)
            fail_msg("%s: %u columns: %s", what, str_columns(copy), copy);
        if (strstr(copy, "{{") || strstr(copy, "}}") || (size && strchr(" \t", copy[size - 1])))
            fail_msg("%s: %s", what, copy);
        free(copy);
        line += size + (line[size] == '\n');
    }
    if (strstr(body, "\n\n\n") || is_right_to_left != (strstr(body, FSI) != NULL))
        fail_msg("%s:\n%s", what, body);
}

static void check_file(const char *language, const char *occasion, const struct mail_template_value *values, size_t count)
{
    char *text = read_template(language, occasion), *what = mem_printf("%s/%s", language, occasion), *subject, *body;
    struct err err;
    if (!render(text, language, values, count, &subject, &body, &err))
        fail_msg("%s: %s: %s", what, err.at, err.text);
    if (str_is_empty(subject) || str_columns(subject) > 70)
        fail_msg("%s: subject %s", what, subject);
    if (!strstr(body, "XX-CERT-2026-000042") || !strstr(body, "incident@xx-cert.example"))
        fail_msg("%s: says not which case, or who writes:\n%s", what, body);
    check_lines(what, body, str_equal(language, "ar"));
    check_mail(what, language, subject, body);
    free(text);
    free(what);
    free(subject);
    free(body);
}

static const char *const languages[] = {"en", "fr", "es", "ar", "ru", "zh"};

static void shipped(void **state)
{
    UNUSED(state);
    static const char *const occasions[] = {"acknowledgement", "notice", "question", "closing", "share"};
    for (size_t i = 0; i < ARRAY_SIZE(languages); i++)
        for (size_t k = 0; k < ARRAY_SIZE(occasions); k++)
            check_file(languages[i], occasions[k], sample, ARRAY_SIZE(sample));
}

/* The least that there always is. */
static void shipped_without_much(void **state)
{
    UNUSED(state);
    static const struct mail_template_value values[] = {{"case", "XX-CERT-2026-000042"},
                                                        {"reference", "[XX-CERT-2026-000042]"},
                                                        {"team", "XX-CERT"},
                                                        {"summary", "C2 server"},
                                                        {"signature", "incident@xx-cert.example"}};
    static const char *const occasions[] = {"notice", "question", "closing"};
    for (size_t i = 0; i < ARRAY_SIZE(languages); i++)
        for (size_t k = 0; k < ARRAY_SIZE(occasions); k++)
            check_file(languages[i], occasions[k], values, ARRAY_SIZE(values));
}

/* The automatic answer says nothing that a stranger wrote: it renders without what could. */
static void acknowledgements_say_nothing(void **state)
{
    UNUSED(state);
    static const struct mail_template_value values[] = {{"case", "XX-CERT-2026-000042"},
                                                        {"reference", "[XX-CERT-2026-000042]"},
                                                        {"team", "XX-CERT"},
                                                        {"signature", "incident@xx-cert.example"}};
    for (size_t i = 0; i < ARRAY_SIZE(languages); i++) {
        char *text = read_template(languages[i], "acknowledgement");
        if (strstr(text, "{{?"))
            fail_msg("%s: a condition in an acknowledgement", languages[i]);
        free(text);
        check_file(languages[i], "acknowledgement", values, ARRAY_SIZE(values));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders),
        cmocka_unit_test(what_has_no_value_falls_away),
        cmocka_unit_test(values_are_data),
        cmocka_unit_test(faults),
        cmocka_unit_test(too_long),
        cmocka_unit_test(folders),
        cmocka_unit_test(directions),
        cmocka_unit_test(shipped),
        cmocka_unit_test(shipped_without_much),
        cmocka_unit_test(acknowledgements_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
