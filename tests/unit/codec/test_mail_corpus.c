/*
 * A thousand mails of others (../shared/corpus/mail, skipped where it is not there): each is read, in little time and memory, and none is
 * refused that is a mail; what is read is what their authors' own tests expect. Differences that are meant stand in tables, with why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/mail_facts.h"
#include "codec/mime_body.h"
#include "support/file.h"

#define CORPUS TEST_CORPUS "/mail"

enum { CPU_MS_MAX = 2000, MEMORY_KB_MAX = 1024 * 1024, MAILS_MIN = 690 };

static void skip_without_corpus(void)
{
    if (access(CORPUS, R_OK) != 0) {
        print_message("no corpus at " CORPUS ": skipped\n");
        skip();
    }
}

struct file {
    char *bytes; /* exactly its size, so that a sanitizer sees who reads on */
    size_t size;
};

static bool read_file(const char *path, struct file *out)
{
    out->bytes = file_read_exact(path, &out->size);
    return out->bytes != NULL;
}

/* --- all of them --- */

/* What lies beside the mails, or is one only by name: without any header field. */
static const char *const no_mails[] = {
    "/keys/",
    "-keys/",
    "gnupg_home/",
    "secret-keys/",
    "public-keys/",
    "certificates/",
    "rfc4134-",
    "rfc9216-",
    "gmime-charsets/",
    "tb-smime-interop/",
    ".json",
    ".out",
    ".md",
    ".asc",
    ".p12",
    ".pem",
    ".list",
    ".tnef",
    ".crt",
    ".tsv",
    "/SOURCE",
    "/COPYING",
    ".openpgp-block",
    ".gpg.pub",
    "dkim/example.pub",
    "mimekit-tnef/",
    "/expiration.txt",
    "/tb-mime/basic5",                       /* begins with an empty line: a body without a header */
    "/ytnef/ytnef-oob-TNEFVersion-SwapWord", /* a TNEF stream */
    "/mimekit/messages/body.",               /* bodies alone */
    "/gmime/data/mime-part/",
    "/roundcube/format-flowed.txt",
    "/roundcube/imap_thread.txt",
    "/roundcube/BID-26800.txt", /* likewise */
};

static bool is_no_mail(const char *path)
{
    for (size_t i = 0; i < ARRAY_SIZE(no_mails); i++)
        if (strstr(path + strlen(CORPUS), no_mails[i]))
            return true;
    return false;
}

static size_t mails_read;

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void check_text(const char *path, const char *text)
{
    if (text && !str_is_utf8(text, strlen(text), NULL))
        fail_msg("%s: text that is not UTF-8", path);
}

static void check_one(const char *path)
{
    struct file file;
    struct report *report = NULL;
    struct mail_facts *facts = NULL;
    struct err err = {0};
    assert_true(read_file(path, &file));
    double before = cpu_ms();
    bool ok = codec_decode(codec_find("mail"), file.bytes, file.size, &codec_limits_default, NULL, &report, &err);
    if (ok && !mail_facts_read(file.bytes, file.size, &codec_limits_default, NULL, &facts, &err))
        fail_msg("%s: facts: %s", path, err.text);
    double took = cpu_ms() - before;
    if (took > CPU_MS_MAX)
        fail_msg("%s: %.0f ms", path, took);
    if (!ok && (err.code != ERR_INPUT || !err.at[0] || !is_no_mail(path)))
        fail_msg("%s: refused: %s: %s", path, err.at, err.text);
    if (ok) {
        check_text(path, report->description);
        check_text(path, report->summary);
        check_text(path, report->extra);
        check_text(path, report->reference);
        check_text(path, facts->message_id);
        mails_read += !is_no_mail(path);
    }
    mail_facts_free(facts);
    report_free(report);
    free(file.bytes);
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *where)
{
    UNUSED(status), UNUSED(where);
    if (type == FTW_F)
        check_one(path);
    return 0;
}

static void test_every_file(void **state)
{
    struct rusage usage;
    UNUSED(state);
    skip_without_corpus();
    assert_int_equal(nftw(CORPUS, visit, 20, FTW_PHYS), 0);
    if (mails_read < MAILS_MIN)
        fail_msg("%zu mails", mails_read);
    getrusage(RUSAGE_SELF, &usage);
    if (usage.ru_maxrss > MEMORY_KB_MAX)
        fail_msg("%ld KiB of memory", usage.ru_maxrss);
}

/* --- made to take long --- */

static const struct {
    const char *what, *before, *again, *after;
    int times;
} bombs[] = {
    {"encoded words", "From: a@b.example\r\nSubject: ", "=?utf-8?Q?=C3=A4?= ", "\r\n\r\nx", 12000},
    {"parameters", "From: a@b.example\r\nContent-Type: text/plain", "; name*1*=utf-8''%C3%A4", "\r\n\r\nx", 10000},
    {"addresses", "From: ", "a@b.example,", "c@d.example\r\n\r\nx", 20000},
    {"groups of addresses", "From: ", "g: ", "a@b.example;\r\n\r\nx", 60000},
    {"fields", "From: a@b.example\r\n", "From:\r\n", "\r\nx", 30000},
    {"tags", "From: a@b.example\r\nSubject: ", "[a][", "\r\n\r\nx", 60000},
    {"bytes of no charset", "From: a@b.example\r\nContent-Type: text/plain; charset=euc-kr\r\n\r\n", "\xff\xff\xff\xff", "", 3000000},
    {"words", "From: a@b.example\r\n\r\n", "hxxp://a.example/x 192.0.2.1 ", "", 400000},
    {"links", "From: a@b.example\r\nContent-Type: text/html\r\n\r\n", "<a href=\"http://x\"></a>", "", 400000},
    {"comments", "From: a@b.example\r\nContent-Type: text/html\r\n\r\n", "<!--", "", 3000000},
    {"armoured blocks", "From: a@b.example\r\n\r\n", "-----BEGIN PGP MESSAGE-----\n\nhAIDANIBAA==\n-----END PGP MESSAGE-----\n", "",
     150000},
    {"blocks without end", "From: a@b.example\r\n\r\n", "-----BEGIN PGP SIGNED MESSAGE-----\n", "", 300000},
    {"signatures beside a file", "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
     "--b\r\nContent-Type: application/octet-stream; name=x.sig\r\n\r\n-----BEGIN PGP SIGNATURE-----\n\niAEE\n-----END PGP "
     "SIGNATURE-----\r\n",
     "--b\r\nContent-Type: text/plain; name=x\r\n\r\nx\r\n--b--\r\n", 990},
    {"recipients of a bounce", "Return-Path: <>\r\nFrom: mailer-daemon@b.example\r\nSubject: undeliverable\r\n\r\n",
     "<a@b.example>:\nwhy\n", "", 300000},
    {"CMS lengths", "From: a@b.example\r\nContent-Type: application/pkcs7-mime\r\n\r\n", "\x30\x80", "", 5000000},
    {"boundaries", "From: a@b.example\r\nContent-Type: text/plain\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n", "--b\r\n\r\n", "",
     500000},
};

/* (A sanitizer's own checks of string functions take time by the square.) */
static void test_bombs(void **state)
{
    UNUSED(state);
#if defined(__SANITIZE_ADDRESS__)
    skip();
#endif
    for (size_t i = 0; i < ARRAY_SIZE(bombs); i++) {
        struct buf mail;
        struct report *report = NULL;
        struct mail_facts *facts = NULL;
        struct err err;
        buf_init(&mail, 32 * 1024 * 1024);
        buf_add_text(&mail, bombs[i].before);
        for (int k = 0; k < bombs[i].times; k++)
            buf_add_text(&mail, bombs[i].again);
        buf_add_text(&mail, bombs[i].after);
        double before = cpu_ms();
        if (codec_decode(codec_find("mail"), mail.bytes, mail.size, &codec_limits_default, NULL, &report, &err) &&
            !mail_facts_read(mail.bytes, mail.size, &codec_limits_default, NULL, &facts, &err))
            fail_msg("%s: %s", bombs[i].what, err.text);
        double took = cpu_ms() - before;
        if (took > CPU_MS_MAX)
            fail_msg("%s: %.0f ms", bombs[i].what, took);
        mail_facts_free(facts);
        report_free(report);
        buf_clear(&mail);
    }
}

/* --- GMime's charsets --- */

static void add_file(const char *name, const char *charset, struct buf *out)
{
    struct file file;
    char *path = mem_printf(CORPUS "/gmime-charsets/%s", name);
    assert_true(read_file(path, &file));
    buf_init(out, 64 * 1024);
    assert_true(mime_text(charset, file.bytes, file.size, out));
    free(file.bytes);
    free(path);
}

/* The Big5 one was made by leaving out what Big5 has not. */
static bool is_left_of(const char *part, const char *whole)
{
    for (; *whole && *part; whole++)
        part += *part == *whole;
    return *part == '\0';
}

static void test_charsets(void **state)
{
    static const struct {
        const char *file, *charset, *same, *same_charset;
        bool is_part;
    } rows[] = {
        {"chinese.big5.txt", "big5", "chinese.utf-8.txt", "utf-8", true},
        {"japanese.iso-2022-jp.txt", "ISO-2022-JP", "japanese.utf-8.txt", "UTF-8", false},
        {"cyrillic.koi8-r.txt", "koi8-r", "cyrillic.iso-8859-5.txt", "iso-8859-5", false},
    };
    UNUSED(state);
    skip_without_corpus();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf text, same;
        add_file(rows[i].file, rows[i].charset, &text);
        add_file(rows[i].same, rows[i].same_charset, &same);
        bool is_same = rows[i].is_part ? is_left_of(buf_text(&text), buf_text(&same)) : strcmp(buf_text(&text), buf_text(&same)) == 0;
        if (!is_same || text.size < 1000 || strstr(buf_text(&text), "\xef\xbf\xbd"))
            fail_msg("%s and %s differ", rows[i].file, rows[i].same);
        buf_clear(&text);
        buf_clear(&same);
    }
    struct buf french;
    add_file("french-fable.cp1252.txt", "cp1252", &french);
    assert_non_null(strstr(buf_text(&french), "\xc3\xa9"));
    buf_clear(&french);
}

/* --- Stalwart's answers --- */

/* Where we read it otherwise than mail-parser does, and why. */
static const struct {
    const char *place, *why;
} meant[] = {
    {"stalwart-legacy/009.eml To", "an encoded word says iso-8859-1 and holds UTF-8: the word is believed"},
    {"stalwart-legacy/010.eml", "8-bit letters in the header are read as windows-1252, not given up"},
    {"stalwart-legacy/022.eml", "likewise"},
    {"stalwart-legacy/027.eml", "likewise"},
    {"stalwart-legacy/033.eml", "8-bit letters without a charset are windows-1252, not given up"},
    {"stalwart-legacy/052.eml", "likewise"},
    {"stalwart-legacy/045.eml part 1.2", "CR CR LF: each CR ends a line, too"},
    {"stalwart-malformed/000.eml", "parts of nothing but a header are parts"},
    {"stalwart-malformed/005.eml", "\"--a----\" is no delimiter of the boundary \"a--\": it goes on behind it"},
    {"stalwart-malformed/009.eml", "the outer boundary ends the inner multipart (RFC 2046 section 5.1.2)"},
    {"stalwart-malformed/012.eml", "likewise"},
    {"stalwart-malformed/013.eml", "likewise: the same boundary within itself belongs to the outer one"},
    {"stalwart-malformed/016.eml", "likewise"},
    {"stalwart-malformed/019.eml", "boundaries are compared with their case; the header is cut by a line that is no field"},
    {"stalwart-malformed/021.eml", "two Content-Types in one header: the first counts, and the structure is broken"},
    {"stalwart-rfc/001.eml", "an address without a domain is an address"},
    {"stalwart-rfc/002.eml To", "the comment within a name stays where it stands"},
    {"stalwart-rfc/004.eml", "an address without a domain is an address"},
    {"stalwart-rfc/008.eml part 1.2",
     "a mail in base64 has no structure in these bytes; its text is read as a forwarded mail's all the same"},
    {"stalwart-thirdparty/002.eml", "stray characters in base64 are skipped, what stands behind the padding is read"},
    {"stalwart-thirdparty/005.eml part 1.5", "a boundary must begin a line"},
};

static bool meant_seen[ARRAY_SIZE(meant)];

/* A difference: one that is meant, or the test fails. */
static void differ(const char *file, const char *where, const char *ours, const char *theirs)
{
    char place[200];
    snprintf(place, sizeof place, "%s %s", file, where);
    for (size_t i = 0; i < ARRAY_SIZE(meant); i++) {
        if (str_starts(place, meant[i].place)) {
            meant_seen[i] = true;
            return;
        }
    }
    fail_msg("%s: \"%.300s\", not \"%.300s\"", place, ours ? ours : "absent", theirs ? theirs : "absent");
}

struct comparison {
    const char *file;
    const struct mime *mime;
};

/* Without CR, and blanks at the end: their tests and ours end lines differently. */
static char *plain(const char *text, size_t size)
{
    char *copy = mem_calloc(size + 1, 1), *to = copy;
    for (size_t i = 0; i < size; i++)
        if (text[i] != '\r')
            *to++ = text[i];
    while (to > copy && strchr(" \t\n", to[-1]))
        *--to = '\0';
    return copy;
}

static void compare_text(const struct comparison *at, const struct mime_part *part, const json_t *theirs)
{
    struct buf text;
    char *where = mem_printf("part %s", part->path);
    buf_init(&text, 16 * 1024 * 1024);
    mime_body_text(at->mime, part, &text);
    char *ours = plain(buf_text(&text), text.size), *wanted = plain(json_string_value(theirs), json_string_length(theirs));
    if (strcmp(ours, wanted) != 0)
        differ(at->file, where, ours, wanted);
    free(ours);
    free(wanted);
    free(where);
    buf_clear(&text);
}

static void compare_bytes(const struct comparison *at, const struct mime_part *part, const json_t *theirs)
{
    struct buf body;
    char *where = mem_printf("part %s", part->path);
    buf_init(&body, 16 * 1024 * 1024);
    mime_body(at->mime, part, &body);
    bool is_same = json_array_size(theirs) == body.size;
    for (size_t i = 0; is_same && i < body.size; i++)
        is_same = json_integer_value(json_array_get(theirs, i)) == (unsigned char)body.bytes[i];
    if (!is_same)
        differ(at->file, where, buf_text(&body), "other bytes");
    free(where);
    buf_clear(&body);
}

static void compare_addresses(const struct comparison *at, const struct mime_part *part, const char *field, const json_t *value)
{
    const json_t *theirs = json_object_get(json_object_get(value, "Address"), "List");
    size_t count, i;
    const json_t *item;
    struct mime_address *ours = mime_addresses(at->mime, part, field, &count);
    if (!theirs)
        return; /* groups have another form there */
    if (json_array_size(theirs) != count)
        differ(at->file, field, "another number of addresses", "");
    json_array_foreach(theirs, i, item)
    {
        const char *address = json_string_value(json_object_get(item, "address")), *name = json_string_value(json_object_get(item, "name"));
        if (i < count && !str_equal_nocase(ours[i].address, address ? address : ""))
            differ(at->file, field, ours[i].address, address);
        if (i < count && !str_equal(ours[i].name ? ours[i].name : "", name ? name : ""))
            differ(at->file, field, ours[i].name, name);
    }
}

static void compare_header(const struct comparison *at, const struct mime_part *part, const json_t *theirs)
{
    size_t i;
    const json_t *field;
    json_array_foreach(theirs, i, field)
    {
        const char *name = json_string_value(json_object_get(field, "name"));
        const json_t *value = json_object_get(field, "value");
        if (str_equal(name, "subject")) {
            const char *ours = mime_header_text(at->mime, part, "Subject"), *wanted = json_string_value(json_object_get(value, "Text"));
            if (!str_equal(ours ? ours : "", wanted ? wanted : ""))
                differ(at->file, "SUBJECT", ours, wanted);
        } else if (str_equal(name, "from") || str_equal(name, "to") || str_equal(name, "cc")) {
            compare_addresses(at, part, str_equal(name, "from") ? "From" : str_equal(name, "to") ? "To" : "Cc", value);
        }
    }
}

static void compare_message(const struct comparison *at, const json_t *theirs, int root);

/* The part and those below it, not into messages within. */
static void gather(const struct mime *mime, int index, int *order, size_t *count)
{
    order[(*count)++] = index;
    for (int child = mime->parts[index].first_child; child != MIME_NONE && !mime_is_message(&mime->parts[index]);
         child = mime->parts[child].next)
        gather(mime, child, order, count);
}

static void compare_body(const struct comparison *at, const struct mime_part *part, const json_t *body)
{
    const json_t *text = json_object_get(body, "Text"), *html = json_object_get(body, "Html"), *binary = json_object_get(body, "Binary");
    const json_t *message = json_object_get(body, "Message");
    char *where = mem_printf("part %s", part->path);
    if (!binary)
        binary = json_object_get(body, "InlineBinary");
    if (text || html)
        compare_text(at, part, text ? text : html);
    else if (binary)
        compare_bytes(at, part, binary);
    else if (message && part->first_child == MIME_NONE)
        differ(at->file, where, "no message", "a message");
    else if (message)
        compare_message(at, message, part->first_child);
    free(where);
}

static void compare_message(const struct comparison *at, const json_t *theirs, int root)
{
    int order[MIME_PARTS_MAX];
    size_t count = 0, i;
    const json_t *parts = json_object_get(theirs, "parts"), *part;
    gather(at->mime, root, order, &count);
    if (json_array_size(parts) != count)
        differ(at->file, "PARTS", "another number of parts", "");
    json_array_foreach(parts, i, part)
    {
        if (i >= count)
            break;
        compare_header(at, &at->mime->parts[order[i]], json_object_get(part, "headers"));
        compare_body(at, &at->mime->parts[order[i]], json_object_get(part, "body"));
    }
}

static size_t compared;

static int visit_answer(const char *path, const struct stat *status, int type, struct FTW *where)
{
    struct file mail, answer;
    struct mime *mime;
    struct err err;
    UNUSED(status), UNUSED(where);
    if (type != FTW_F || !str_ends(path, ".json") || !strstr(path, "/stalwart-"))
        return 0;
    char *mail_path = mem_strdup(path);
    strcpy(strrchr(mail_path, '.'), ".eml");
    assert_true(read_file(path, &answer));
    json_t *theirs = json_loadb(answer.bytes, answer.size, JSON_ALLOW_NUL, NULL);
    if (theirs && read_file(mail_path, &mail)) {
        if (!mime_parse(mail.bytes, mail.size, MIME_DEPTH_MAX, &mime, &err))
            fail_msg("%s: %s", mail_path, err.text);
        struct comparison at = {.file = mail_path + strlen(CORPUS) + 1, .mime = mime};
        compare_message(&at, theirs, 0);
        mime_free(mime);
        free(mail.bytes);
        compared++;
    }
    json_decref(theirs);
    free(answer.bytes);
    free(mail_path);
    return 0;
}

static void test_answers(void **state)
{
    UNUSED(state);
    skip_without_corpus();
    assert_int_equal(nftw(CORPUS, visit_answer, 20, FTW_PHYS), 0);
    assert_true(compared >= 50);
    for (size_t i = 0; i < ARRAY_SIZE(meant); i++)
        if (!meant_seen[i])
            fail_msg("%s no longer differs", meant[i].place);
}

/* --- Thunderbird's texts --- */

static void test_thunderbird_texts(void **state)
{
    static const char *const same[] = {"base64-1",   "basic3",   "multipart-base64-1", "multipart1",
                                       "multipart4", "base64-3", "multipart-base64-2"};
    UNUSED(state);
    skip_without_corpus();
    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        struct file mail = {0}, answer = {0};
        struct report *report;
        struct err err;
        char *mail_path = mem_printf(CORPUS "/tb-mime/%s", same[i]), *answer_path = mem_printf("%s.out", mail_path);
        assert_true(read_file(mail_path, &mail) && read_file(answer_path, &answer));
        assert_true(codec_decode(codec_find("mail"), mail.bytes, mail.size, &codec_limits_default, NULL, &report, &err));
        /* Blanks are nobody's business here, nor are the tags that Thunderbird's test left in some. */
        char *wanted = mem_calloc(answer.size + 1, 1), *ours = mem_strdup(report->description), *to = wanted;
        bool in_tag = false;
        for (size_t k = 0; k < answer.size; k++) {
            in_tag = in_tag || answer.bytes[k] == '<';
            if (!in_tag && !strchr(" \r\n", answer.bytes[k]))
                *to++ = answer.bytes[k];
            in_tag = in_tag && answer.bytes[k] != '>';
        }
        to = ours;
        for (const char *at = report->description; *at; at++)
            if (!strchr(" \r\n", *at))
                *to++ = *at;
        *to = '\0';
        if (strcmp(ours, wanted) != 0)
            fail_msg("%s: %s, not %s", same[i], ours, wanted);
        free(ours);
        free(wanted);
        report_free(report);
        free(mail.bytes);
        free(answer.bytes);
        free(mail_path);
        free(answer_path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_file), cmocka_unit_test(test_bombs), cmocka_unit_test(test_charsets),
                                       cmocka_unit_test(test_answers), cmocka_unit_test(test_thunderbird_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
