/* A mail as cirt shows it: what is ours stands at the margin, what is the sender's is set in; nothing is called signed that is not
 * verified. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/report_view.h"

static char *shown(json_t *report, unsigned columns)
{
    struct screen screen;
    setenv("TZ", "UTC", 1);
    tzset();
    screen_open(&screen, open("/dev/null", O_WRONLY), false, false);
    screen.columns = columns;
    screen.has_colour = false;
    screen.now = 1796083200 * (int64_t)TIMESTAMP_SECOND; /* 2026-12-01T00:00:00Z */
    report_view_render(&screen, report, NULL);
    char *text = mem_strdup(buf_text(&screen.out));
    close(screen.fd);
    screen_clear(&screen);
    return text;
}

/* With ' for ". */
static json_t *parsed(const char *text)
{
    char *copy = mem_strdup(text);
    json_error_t error;
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    json_t *value = json_loads(copy, JSON_DECODE_ANY, &error);
    if (!value)
        fail_msg("%s: %s", copy, error.text);
    free(copy);
    return value;
}

/* A report with all that there is; the tests change what matters to them. */
static json_t *mail(void)
{
    return parsed("{'id': 'r81', 'format': 'mail', 'channel': 'mail', 'size': 14000, 'received': '2026-11-30T09:12:00Z', 'sender': "
                  "'team@yy-cert.example',"
                  " 'sha256': '5c1e0000000000000000000000000000000000000000000000000000000a07b', 'state': 'triaged', 'tlp': 'amber', "
                  "'tlp_assumed': true,"
                  " 'case': 'XX-CERT-2026-000040', 'summary': 'kit', 'description': 'Look at http://evil.example/x', 'observations': 0, "
                  "'observation_list': [],"
                  " 'from': [{'address': 'team@yy-cert.example', 'name': 'Somebody else'}],"
                  " 'signature': {'summary': 'unprotected', 'encryption': 'none', 'parts': []},"
                  " 'mail': {'kind': 'message', 'headers': {'from': [{'address': 'team@yy-cert.example'}], 'to': [{'address': "
                  "'incident@xx-cert.example'}]},"
                  "  'texts': [{'path': '1', 'type': 'text/plain', 'covered': 'none', 'at': 0, 'size': 29}], 'attachments': [], "
                  "'opened_parts': [], 'layers': []}}");
}

static void set(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, parsed(text));
}

static json_t *member(json_t *report, const char *name)
{
    return json_object_get(report, name);
}

#define assert_shown(report, expected) check_shown(report, expected, __LINE__)
static void check_shown(json_t *report, const char *expected, int line)
{
    char *text = shown(report, 80);
    if (!str_equal(text, expected))
        fail_msg("line %d:\n%s", line, text);
    free(text);
    json_decref(report);
}

#define HEAD                                                                                                                               \
    "r81  mail, 14 kB, yesterday 09:12 from team@yy-cert.example by mail\n"                                                                \
    "SHA-256 5c1e…a07b   triaged   TLP:AMBER (assumed)   case XX-CERT-2026-000040\n"
#define BODY "\n  Look at hxxp://evil[.]example/x\n"

static void unsigned_mail(void **state)
{
    (void)state;
    assert_shown(mail(), HEAD "NOT VERIFIED: not signed.\nFrom: team@yy-cert.example\nTo: incident@xx-cert.example\nSubject: kit\n" BODY);
}

static void verified_mail(void **state)
{
    (void)state;
    json_t *report = mail();
    set(report, "signature",
        "{'summary': 'verified', 'signer': 'YY-CERT team', 'fingerprint': '8A30AAAABBBBCCCCDDDD0000111122223333019F2', 'covers': 'whole', "
        "'key_now': 'valid',"
        " 'signed': '2026-11-30T09:11:40Z', 'fresh': true, 'encryption': 'whole', 'parts': [{'path': '1', 'verdict': 'good', 'covered': "
        "true}]}");
    set(member(report, "mail"), "protected", "{'subject': 'kit on 198.51.100.7', 'subject_differs': true}");
    set(report, "summary", "'...'");
    assert_shown(
        report, HEAD
        "SIGNED by YY-CERT team, key 8A30…19F2, covers the whole message,\nmade yesterday 09:11\n"
        "      fresh: signed within a day of its arrival, and to us\nIt was encrypted to us as a whole.\n"
        "From: team@yy-cert.example\nTo: incident@xx-cert.example\nSubject (covered): kit on 198.51.100.7\nSubject (outside): ...\n" BODY);
}

/* The inner header of what nobody verified and that was not encrypted is as good as none. */
static void uncovered_header(void **state)
{
    (void)state;
    json_t *report = mail();
    set(member(report, "mail"), "protected",
        "{'subject': 'Pay now', 'from': 'boss@xx-cert.example', 'from_differs': true, 'subject_differs': true}");
    set(report, "signature",
        "{'summary': 'bad', 'encryption': 'none', 'parts': [{'path': '1', 'verdict': 'bad', 'covered': true, 'fingerprint': '8A30'}]}");
    assert_shown(report,
                 HEAD "NOT VERIFIED: the signature cannot be checked or does not fit the text: changed,\n      broken or forged.\n"
                      "From: team@yy-cert.example\nTo: incident@xx-cert.example\nSubject: kit\npart 1: bad signature, key 8A30\n" BODY);
}

static void two_senders(void **state)
{
    (void)state;
    json_t *report = mail();
    set(member(report, "mail"), "protected", "{'subject': 'kit', 'from': 'other@yy-cert.example', 'from_differs': true}");
    set(report, "signature", "{'summary': 'not-sender', 'signer': 'The other', 'encryption': 'whole', 'parts': []}");
    char *text = shown(report, 80);
    assert_non_null(strstr(
        text,
        "NOT VERIFIED: the signature is good but its key belongs to The other, not to the\n      sender, or the mail names somebody else "
        "as its sender or for answers.\n      Treat as unsigned.\n"));
    assert_non_null(strstr(text, "Two senders. "));
    assert_non_null(strstr(text, "\nFrom (covered): other[@]yy-cert[.]example\nFrom (outside): team@yy-cert.example\n"));
    free(text);
    json_decref(report);
}

static void parts_under_their_own_cover(void **state)
{
    (void)state;
    json_t *report = mail();
    set(report, "description", "'fired[part 1.2: signed]promoted[x]From: a@b.example'");
    set(member(report, "mail"), "texts",
        "[{'path': '1.1', 'type': 'text/plain', 'covered': 'none', 'at': 0, 'size': 5},"
        " {'path': '1.2.1', 'type': 'text/plain', 'covered': 'part', 'at': 23, 'size': 8},"
        " {'path': '1.3', 'type': 'message/rfc822', 'covered': 'none', 'at': 34, 'size': 17}]");
    set(report, "signature",
        "{'summary': 'mixed', 'encryption': 'part', 'parts': [{'path': '1.2', 'verdict': 'good', 'covered': false, 'signer': 'manager',"
        " 'fingerprint': 'AA482B4FF773584F58D14563F18273C6FB579BE4', 'made': '2019-02-15T00:00:00Z'}, {'path': '1.4', 'verdict': "
        "'closed'}]}");
    set(member(report, "mail"), "layers", "[{'path': '1.4', 'kind': 'encrypted', 'covers': 'part'}]");
    assert_shown(
        report, HEAD
        "NOT VERIFIED: only some parts are signed, or there are several signatures. Treat\n      as unsigned.\nA part of it is encrypted.\n"
        "From: team@yy-cert.example\nTo: incident@xx-cert.example\nSubject: kit\n"
        "part 1.2: good signature, key AA48…9BE4 of manager, made 2019-02-15,\nover this part alone\n"
        "\npart 1.1 (not signed)\n  fired\n"
        "\npart 1.2.1 (signed on its own: good, key AA48…9BE4 of manager)\n  promoted\n"
        "\npart 1.3, a forwarded message (not signed)\n  From: a[@]b[.]example\n"
        "\npart 1.4 (encrypted, not opened: it stands inside of another text)\n");
}

static void closed_and_held(void **state)
{
    (void)state;
    json_t *report = mail();
    json_object_del(report, "description");
    set(report, "signature",
        "{'summary': 'unprotected', 'encryption': 'undecryptable', 'copy_of': 'r7', 'needed_keys': ['AAAABBBBCCCC0001', "
        "'AAAABBBBCCCC0002'], 'parts': []}");
    set(report, "state", "'held'");
    set(report, "reason", "'undecryptable: encrypted to others'");
    set(member(report, "mail"), "dmarc", "'fail'");
    set(member(report, "mail"), "spam", "true");
    set(member(report, "mail"), "spam_score", "7.25");
    set(member(report, "mail"), "kind", "'list'");
    char *text = shown(report, 80);
    assert_non_null(
        strstr(text, "NOT VERIFIED: not signed.\nA COPY: what is signed in it came before, in r7.\n"
                     "It is encrypted and cannot be opened with our keys.\n      it would need the key AAAABBBBCCCC0001, AAAABBBBCCCC0002\n"
                     "held: undecryptable: encrypted to others\n      cirt report accept r81   or   cirt report reject r81 -m WHY\n"));
    assert_non_null(strstr(text, "\nmail of a list, or in bulk\nour mail server: DMARC fail, SPAM, spam score 7.2\n"));
    free(text);
    json_decref(report);
}

static void files_and_what_was_opened_apart(void **state)
{
    (void)state;
    json_t *report = mail(), *object = member(report, "mail");
    set(object, "attachments",
        "[{'path': '1.2', 'name': 'x.zip', 'type': 'application/zip', 'size': 14000, 'sha256': 'abc', 'covered': 'none', 'archive': "
        "{'format': 'zip',"
        " 'entries': [{'name': 'a.exe', 'size': 12}], 'entry_total': 1, 'encrypted': true}}, {'path': '1.3', 'type': 'application/json', "
        "'size': 3, 'sha256': 'def',"
        " 'covered': 'whole'}]");
    set(object, "attached_reports", "[{'path': '1.3', 'format': 'json', 'accepted': true, 'observations': 4}]");
    set(object, "opened_parts",
        "[{'path': '1.4', 'form': 'attached', 'protocol': 'openpgp', 'opened': true, 'size': 9, 'sha256': '123', 'name': 'note.pgp', "
        "'text': 'the clear',"
        " 'signatures': [{'status': 'good', 'fingerprint': 'AA482B4FF773584F58D14563F18273C6FB579BE4'}]},"
        " {'path': '1.5', 'form': 'inline', 'protocol': 'openpgp', 'opened': false}]");
    set(report, "description", "'x'");
    set(object, "texts", "[{'path': '1.1', 'type': 'text/plain', 'covered': 'none', 'at': 0, 'size': 1}]");
    char *text = shown(report, 80);
    assert_non_null(strstr(text,
                           "\n  x\n\nattached, part 1.2 (14 kB, not signed)\n  x.zip  application/zip\n  SHA-256 abc\n"
                           "      zip archive, 1 files, with a password: kept closed\n        a.exe  12 B\n"
                           "attached, part 1.3 (3 B, covered by a signature that is not verified)\n  (without a name)  application/json\n"
                           "  SHA-256 def\n      read as json, 4 observations\n"
                           "\nOPENED APART from the message: part 1.4 (attached, openpgp, 9 B)\n  note.pgp\n  SHA-256 123\n"
                           "      signed inside: good, key AA48…9BE4\n  the clear\n\nNOT OPENED: part 1.5 (inline, openpgp)\n"));
    free(text);
    json_decref(report);
}

/* --- whatever stands in it --- */

static const char *const hostile[] = {
    "SIGNED by YY-CERT team, key 8A30…19F2, covers the whole message",
    "x\nSIGNED by us\r\nSIGNED by us\rSIGNED by us",
    "\033[2J\033[HSIGNED by us\033[1000D\vSIGNED\fSIGNED\xc2\x85SIGNED",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxSIGNED\xc2\xa0"
    "by\xc2\xa0us,\xc2\xa0key\xc2\xa0"
    "8A30SIGNED\xc2\xa0"
    "by\xc2\xa0us,\xc2\xa0key\xc2\xa0"
    "8A30SIGNED\xc2\xa0"
    "by\xc2\xa0us,\xc2\xa0key\xc2\xa0"
    "8A30",
    "\xe2\x80\xaeSIGNED by us\xe2\x80\xa8SIGNED by us \xe2\x81\xa6SIGNED",
};

/* Every text of the sender's becomes a hostile one; names of ours stay. */
static void infect(json_t *value, const char *text)
{
    static const char *const ours[] = {"id",       "format",     "channel",     "state",    "tlp",    "path", "covered", "verdict",
                                       "kind",     "encryption", "case",        "received", "signed", "made", "copy_of", "form",
                                       "protocol", "sha256",     "fingerprint", "key_now",  "covers", "role", "class"};
    const char *name;
    json_t *item;
    size_t i;
    void *next;
    if (json_is_array(value)) {
        json_array_foreach(value, i, item) if (json_is_string(item)) json_array_set_new(value, i, json_string(text));
        else infect(item, text);
        return;
    }
    json_object_foreach_safe(value, next, name, item)
    {
        bool is_ours = false;
        for (size_t k = 0; k < ARRAY_SIZE(ours); k++)
            is_ours = is_ours || str_equal(ours[k], name);
        bool is_verdict = (str_equal(name, "summary") && json_object_get(value, "encryption")) ||
                          (str_equal(name, "status") && json_object_get(value, "fingerprint"));
        if (json_is_string(item) && !is_ours && !is_verdict)
            json_object_set_new(value, name, json_string(text));
        else if (json_is_object(item) || json_is_array(item))
            infect(item, text);
    }
}

static json_t *everything(void)
{
    json_t *report = mail(), *object = member(report, "mail");
    set(report, "signature",
        "{'summary': 'not-sender', 'signer': 'x', 'encryption': 'whole', 'needed_keys': ['x', 'y'], 'unknown_keys': ['x'], 'copy_of': "
        "'r1', 'parts': [{'path': '1.2',"
        " 'verdict': 'good', 'covered': false, 'signer': 'x', 'fingerprint': 'AA482B4FF773584F58D14563F18273C6FB579BE4'}]}");
    set(report, "state", "'held'");
    set(report, "reason", "'x'");
    set(report, "error", "'x'");
    set(report, "at", "'x'");
    set(report, "observations", "1");
    set(report, "observation_list",
        "[{'time': null, 'class': '', 'description': 'x', 'observables': [{'type': 'text', 'role': 'source', 'value': 'x'}]}]");
    set(object, "kind", "'bounce'");
    set(object, "about", "{'recipient': 'x', 'status': 'x', 'text': 'x'}");
    set(object, "dmarc", "'x'");
    set(object, "protected", "{'subject': 'x', 'from': 'x', 'from_differs': true}");
    set(member(object, "headers"), "reply_to", "[{'address': 'x'}]");
    set(object, "texts",
        "[{'path': '1.2.1', 'type': 'text/plain', 'covered': 'part', 'at': 0, 'size': 6}, {'path': '1.3', 'type': 'x', 'covered': 'none', "
        "'at': 6, 'size': 3}]");
    set(object, "attachments",
        "[{'path': '1.4', 'name': 'x', 'type': 'x', 'what': 'x', 'size': 1, 'sha256': 'ab', 'covered': 'none', 'archive': {'format': 'zip',"
        " 'entries': [{'name': 'x'}], 'problem': 'x'}}]");
    set(object, "opened_parts",
        "[{'path': '1.5', 'form': 'inline', 'protocol': 'openpgp', 'opened': true, 'name': 'x', 'text': 'x', 'signatures': [{'status': "
        "'good',"
        " 'fingerprint': 'x'}]}]");
    return report;
}

static bool is_ours_at_margin(const char *line)
{
    static const char *const words[] = {"r81  mail, ",
                                        "yesterday 09:12 from ",
                                        "by mail",
                                        "SHA-256 ",
                                        "triaged",
                                        "held",
                                        "TLP:",
                                        "case XX-",
                                        "NOT VERIFIED: ",
                                        "A COPY: ",
                                        "It was encrypted ",
                                        "not understood: ",
                                        "after a fix: ",
                                        "Two senders. ",
                                        "outside of what",
                                        "else:",
                                        "From",
                                        "Reply-To: ",
                                        "To: ",
                                        "Subject",
                                        "a delivery report",
                                        "our mail server: ",
                                        "part 1.",
                                        "of ",
                                        "over this part",
                                        "attached, part ",
                                        "OPENED APART ",
                                        "Who sent the mail "};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_starts(line, words[i]))
            return true;
    return *line == '\0' || str_starts(line, "  ");
}

static void nothing_of_the_senders_stands_at_the_margin(void **state)
{
    static const unsigned widths[] = {80, 60, 40, 132};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
        for (size_t w = 0; w < ARRAY_SIZE(widths); w++) {
            json_t *report = everything();
            infect(report, hostile[i]);
            char *text = shown(report, widths[w]), *rest = text, *line;
            while ((line = strsep(&rest, "\n")))
                if (!is_ours_at_margin(line) || strpbrk(line, "\033\r\v\f") || (strstr(line, "SIGNED") && str_columns(line) > widths[w]))
                    fail_msg("hostile text %zu, %u columns: \"%s\"", i, widths[w], line);
            free(text);
            json_decref(report);
        }
    }
}

/* Ranges that do not fit the text are not trusted. */
static void wrong_ranges(void **state)
{
    static const char *const texts[] = {"[{'path': '1', 'covered': 'none', 'at': 0, 'size': 4000}]",
                                        "[{'path': '1', 'covered': 'none', 'at': -1, 'size': 2}]",
                                        "[{'path': '1', 'covered': 'none', 'at': 9007199254740993, 'size': 9007199254740993}]",
                                        "[{'path': '1'}]",
                                        "[]",
                                        "null"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        json_t *report = mail();
        set(member(report, "mail"), "texts", texts[i]);
        char *text = shown(report, 80);
        assert_non_null(strstr(text, BODY));
        free(text);
        json_decref(report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_mail),
        cmocka_unit_test(verified_mail),
        cmocka_unit_test(uncovered_header),
        cmocka_unit_test(two_senders),
        cmocka_unit_test(parts_under_their_own_cover),
        cmocka_unit_test(closed_and_held),
        cmocka_unit_test(files_and_what_was_opened_apart),
        cmocka_unit_test(nothing_of_the_senders_stands_at_the_margin),
        cmocka_unit_test(wrong_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
