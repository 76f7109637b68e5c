#include "cli/report_mail.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/words.h"

enum { TEXT_INDENT = 2, INDENT = 6, NAME_COLUMNS = 40, LISTED_MAX = 50, ENTRIES_MAX = 20 };

void report_mail_short(struct screen *screen, const char *hex)
{
    size_t size = hex ? strlen(hex) : 0;

    if (size > 12)
        screen_printf(screen, "%.4s…%s", hex, hex + size - 4);
    else
        screen_value(screen, hex, 16);
}

static void when(struct screen *screen, const char *before, const json_t *object, const char *name)
{
    char text[PHRASE_SIZE];

    if (!field_text(object, name))
        return;
    screen_when(screen, field_time(object, name), text);
    screen_text(screen, before);
    screen_text(screen, text);
}

/* " A, B, C and 3 more"; ends the line. What a mail says of its keys is its sender's, too. */
static void keys(struct screen *screen, const json_t *list)
{
    enum { SHOWN = 3 };
    size_t count = json_array_size(list);
    struct buf text;

    buf_init(&text, 1024 * 1024);
    for (size_t i = 0; i < count && i < SHOWN; i++)
        buf_printf(&text, "%s%s", i ? ", " : "", json_string_value(json_array_get(list, i)));
    if (count > SHOWN)
        buf_printf(&text, _(" and %zu more"), count - SHOWN);
    screen_text(screen, " ");
    screen_value_line(screen, buf_text(&text), false, INDENT + 2);
    buf_clear(&text);
}

/* --- the summary --- */

static void verified(struct screen *screen, const json_t *object)
{
    const char *key_now = field_or(object, "key_now", "valid");
    size_t mark;

    screen_style(screen, STYLE_GREEN, _("SIGNED by "));
    screen_value(screen, field_text(object, "signer"), NAME_COLUMNS);
    screen_text(screen, _(", key "));
    report_mail_short(screen, field_text(object, "fingerprint"));
    screen_text(screen, ",");
    mark = screen_mark(screen);
    screen_text(screen, _(" covers the whole message"));
    screen_text(screen, field_text(object, "signed") ? "," : "");
    screen_field(screen, mark);
    mark = screen_mark(screen);
    when(screen, _(" made "), object, "signed");
    screen_field(screen, mark);
    screen_text(screen, "\n");
    if (field_is(object, "fresh"))
        screen_printf(screen, _("%*sfresh: signed within a day of its arrival, and to us\n"), INDENT, "");
    if (strcmp(key_now, "valid") != 0) {
        screen_printf(screen, "%*s", INDENT, "");
        screen_style(screen, STYLE_YELLOW, _("the key is no longer valid: "));
        screen_value(screen, key_now, 20);
        screen_text(screen, "\n");
    }
}

/* "good, but of somebody else": a name from outside stands within our words, so that they are broken as its own would be. */
static void not_sender(struct screen *screen, const char *signer)
{
    char *words = mem_printf(_("the signature is good but its key belongs to %s, not to the sender, or the mail names somebody else as its "
                               "sender or for answers. "
                               "Treat as unsigned."),
                             signer);

    screen_value_line(screen, words, false, INDENT);
    free(words);
}

static void not_verified(struct screen *screen, const json_t *object, const char *summary)
{
    static const struct {
        const char *summary, *text;
    } texts[] = {
        {"unprotected", N_("not signed.")},
        {"unknown-key", N_("the key that signed it is not known here, or no longer trusted. Treat as unsigned.")},
        {"not-sender", N_("the signature is good but its key does not belong to the sender, or the mail names somebody else as its sender "
                          "or for answers. Treat as unsigned.")},
        {"bad", N_("the signature cannot be checked or does not fit the text: changed, broken or forged.")},
        {"expired", N_("the key or the signature had expired. Treat as unsigned.")},
        {"revoked", N_("the key that signed it is revoked. Treat as unsigned.")},
        {"mixed", N_("only some parts are signed, or there are several signatures. Treat as unsigned.")},
    };
    const char *signer = field_text(object, "signer"), *text = _("not understood. Treat as unsigned.");

    screen_style(screen, STYLE_YELLOW, _("NOT VERIFIED: "));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (strcmp(summary, texts[i].summary) == 0)
            text = _(texts[i].text);
    if (strcmp(summary, "not-sender") == 0 && signer)
        not_sender(screen, signer);
    else
        screen_words(screen, text, INDENT);
    if (strcmp(summary, "unknown-key") == 0 && json_array_size(field_list(object, "unknown_keys")) > 0) {
        screen_printf(screen, _("%*sits key:"), INDENT, "");
        keys(screen, field_list(object, "unknown_keys"));
    }
}

static void encryption(struct screen *screen, const json_t *object)
{
    const char *kind = field_or(object, "encryption", "none");

    if (strcmp(kind, "whole") == 0)
        screen_text(screen, _("It was encrypted to us as a whole.\n"));
    else if (strcmp(kind, "part") == 0)
        screen_text(screen, _("A part of it is encrypted.\n"));
    else if (strcmp(kind, "undecryptable") == 0)
        screen_text(screen, _("It is encrypted and cannot be opened with our keys.\n"));
    if (json_array_size(field_list(object, "needed_keys")) > 0) {
        screen_printf(screen, _("%*sit would need the key"), INDENT, "");
        keys(screen, field_list(object, "needed_keys"));
    }
}

void report_mail_verdict(struct screen *screen, const json_t *report)
{
    const json_t *object = field_object(report, "signature");
    const char *summary = field_text(object, "summary");

    if (!summary && str_equal(field_text(report, "channel"), "mail")) {
        screen_style(screen, STYLE_YELLOW, _("NOT VERIFIED: "));
        screen_text(screen, _("not looked at yet.\n"));
    }
    if (!summary)
        return;
    if (strcmp(summary, "verified") == 0)
        verified(screen, object);
    else
        not_verified(screen, object, summary);
    if (field_text(object, "copy_of"))
        screen_printf(screen, _("A COPY: what is signed in it came before, in %s.\n"), field_text(object, "copy_of"));
    encryption(screen, object);
}

/* --- the head --- */

/* Whether what stands inside of the signed or encrypted part may be believed as much as the part. */
static bool is_covered(const json_t *report)
{
    const json_t *object = field_object(report, "signature");

    return str_equal(field_text(object, "summary"), "verified") || str_equal(field_text(object, "encryption"), "whole");
}

/* "From: a@b.example, c@d.example": addresses only; the names beside them are whatever the sender likes. */
static void addresses(struct screen *screen, const char *title, const json_t *list, size_t most)
{
    size_t count = json_array_size(list);
    struct buf text;

    if (count == 0)
        return;
    buf_init(&text, 1024 * 1024);
    for (size_t i = 0; i < count && i < most; i++)
        buf_printf(&text, "%s%s", i ? ", " : "", field_or(json_array_get(list, i), "address", "-"));
    if (count > most)
        buf_printf(&text, _(" and %zu more"), count - most);
    screen_text(screen, title);
    screen_value_line(screen, buf_text(&text), false, INDENT);
    buf_clear(&text);
}

static void line(struct screen *screen, const char *title, const char *value)
{
    if (!value)
        return;
    screen_text(screen, title);
    screen_value_line(screen, value, true, INDENT);
}

/* Where a mail has its own header inside of what covers it, that is the one to read; the outer one stands beside it where it differs. */
static void from(struct screen *screen, const json_t *report, const json_t *mail)
{
    const json_t *inside = field_object(mail, "protected");
    const json_t *list = field_list(report, "from");

    if (is_covered(report) && field_is(inside, "from_differs")) {
        screen_style(screen, STYLE_YELLOW, _("Two senders. "));
        screen_words(screen, _("Inside and outside of what is covered it names another:"), INDENT);
        line(screen, _("From (covered): "), field_text(inside, "from"));
        addresses(screen, _("From (outside): "), list, 5);
        return;
    }
    addresses(screen, _("From: "), list, 5);
    if (json_array_size(list) > 1)
        screen_text(screen, _("      several senders: no signature counts for them\n"));
}

static void subject(struct screen *screen, const json_t *report, const json_t *mail)
{
    const json_t *inside = field_object(mail, "protected");
    const char *covered = is_covered(report) ? field_text(inside, "subject") : NULL, *shown = field_text(report, "summary");

    if (!covered) {
        line(screen, _("Subject: "), shown);
        return;
    }
    line(screen, _("Subject (covered): "), covered);
    if (!str_equal(covered, shown))
        line(screen, _("Subject (outside): "), shown);
}

static void about(struct screen *screen, const json_t *mail)
{
    static const struct {
        const char *kind, *text;
    } kinds[] = {
        {"auto-reply", N_("an automatic answer")},
        {"list", N_("mail of a list, or in bulk")},
        {"bounce", N_("a delivery report")},
        {"mdn", N_("a receipt")},
    };
    const json_t *object = field_object(mail, "about");
    const char *kind = field_or(mail, "kind", "message");

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strcmp(kind, kinds[i].kind) == 0)
            screen_printf(screen, "%s\n", _(kinds[i].text));
    if (!object)
        return;
    screen_printf(screen, "%*s", TEXT_INDENT, "");
    screen_value(screen, field_text(object, "recipient"), NAME_COLUMNS);
    screen_text(screen, ": ");
    screen_value(screen, field_text(object, "status"), 12);
    screen_text(screen, " ");
    screen_value_line(screen, field_or(object, "text", ""), true, INDENT);
}

/* What our own mail server found out. */
static void server(struct screen *screen, const json_t *mail)
{
    static const char *const names[][2] = {{"dmarc", "DMARC"}, {"spf", "SPF"}, {"dkim", "DKIM"}};
    const json_t *score = json_object_get(mail, "spam_score"), *spam = json_object_get(mail, "spam");
    const char *between = _("our mail server: ");

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!field_text(mail, names[i][0]))
            continue;
        screen_printf(screen, "%s%s ", between, names[i][1]);
        screen_value(screen, field_text(mail, names[i][0]), 16);
        between = ", ";
    }
    if (json_is_boolean(spam)) {
        screen_text(screen, between);
        screen_style(screen, json_is_true(spam) ? STYLE_YELLOW : STYLE_PLAIN, json_is_true(spam) ? _("SPAM") : _("no spam"));
        between = ", ";
    }
    if (json_is_number(score)) {
        screen_printf(screen, _("%sspam score %.1f"), between, json_number_value(score));
        between = ", ";
    }
    if (*between == ',')
        screen_text(screen, "\n");
}

static bool are_same(const json_t *a, const json_t *b)
{
    bool are = json_array_size(a) == json_array_size(b);

    for (size_t i = 0; are && i < json_array_size(a); i++)
        are = str_equal_nocase(field_text(json_array_get(a, i), "address"), field_text(json_array_get(b, i), "address"));
    return are;
}

static void header(struct screen *screen, const json_t *report, const json_t *mail)
{
    const json_t *headers = field_object(mail, "headers");

    from(screen, report, mail);
    if (!are_same(field_list(headers, "reply_to"), field_list(report, "from")))
        addresses(screen, _("Reply-To: "), field_list(headers, "reply_to"), 3);
    addresses(screen, _("To: "), field_list(headers, "to"), 3);
    addresses(screen, _("Cc: "), field_list(headers, "cc"), 3);
    subject(screen, report, mail);
    about(screen, mail);
    server(screen, mail);
}

/* --- signatures --- */

/* " of YY-CERT", whose the key is. */
static void owner(struct screen *screen, const json_t *part, unsigned columns)
{
    size_t mark = screen_mark(screen);

    if (!field_text(part, "signer"))
        return;
    screen_text(screen, _(" of "));
    screen_value(screen, field_text(part, "signer"), columns);
    screen_field(screen, mark);
}

/* "part 1.2: bad signature, key 8A30…19F2 of YY-CERT, over this part alone": what was found; the summary says what it is worth. */
static void signature(struct screen *screen, const json_t *part)
{
    const char *verdict = field_or(part, "verdict", "-");
    size_t mark;

    if (strcmp(verdict, "closed") == 0 || strcmp(verdict, "opened") == 0) /* no signatures: told with the text */
        return;

    screen_printf(screen, _("part %s: %s signature"), field_or(part, "path", "-"), verdict);
    if (field_text(part, "fingerprint")) {
        screen_text(screen, _(", key "));
        report_mail_short(screen, field_text(part, "fingerprint"));
    }
    owner(screen, part, NAME_COLUMNS);
    screen_text(screen, field_text(part, "made") ? "," : "");
    mark = screen_mark(screen);
    when(screen, _(" made "), part, "made");
    screen_field(screen, mark);
    screen_text(screen, field_is(part, "covered") ? "" : ",");
    mark = screen_mark(screen);
    screen_text(screen, field_is(part, "covered") ? "" : _(" over this part alone"));
    screen_field(screen, mark);
    screen_text(screen, "\n");
}

static void signatures(struct screen *screen, const json_t *report)
{
    const json_t *object = field_object(report, "signature");
    const json_t *list = field_list(object, "parts");
    bool is_verified = str_equal(field_text(object, "summary"), "verified");

    for (size_t i = 0; i < json_array_size(list) && i < LISTED_MAX && !(is_verified && json_array_size(list) == 1); i++)
        signature(screen, json_array_get(list, i));
}

/* The signature over this part: its own, or that of a part it is in. NULL: none. */
static const json_t *signature_of(const json_t *report, const char *path)
{
    const json_t *list = field_list(field_object(report, "signature"), "parts"), *best = NULL;
    size_t longest = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *over = field_or(json_array_get(list, i), "path", "");
        size_t size = strlen(over);
        bool is_over = str_starts(path, over) && (path[size] == '\0' || path[size] == '.' || path[size] == '#');

        if (is_over && size > longest) {
            best = json_array_get(list, i);
            longest = size;
        }
    }
    return best;
}

/* --- text --- */

static void cover(struct screen *screen, const json_t *report, const json_t *item)
{
    const char *covered = field_or(item, "covered", "none"), *path = field_or(item, "path", "-");
    const json_t *over = strcmp(covered, "part") == 0 ? signature_of(report, path) : NULL;

    if (strcmp(covered, "none") == 0) {
        screen_text(screen, _("not signed"));
    } else if (strcmp(covered, "whole") == 0) {
        screen_text(screen, str_equal(field_text(field_object(report, "signature"), "summary"), "verified")
                                ? _("covered by the signature")
                                : _("covered by a signature that is not verified"));
    } else if (strcmp(covered, "own") == 0) {
        screen_text(screen, _("opened apart from the message"));
    } else {
        screen_text(screen, over ? _("signed on its own") : _("signed on its own, not with the message"));
        if (over) {
            screen_printf(screen, _(": %s, key "), field_or(over, "verdict", "-"));
            report_mail_short(screen, field_text(over, "fingerprint"));
        }
        if (over)
            owner(screen, over, 20);
    }
}

/* Text under one protection needs no words about its parts. */
static bool needs_titles(const json_t *texts)
{
    const char *first = field_or(json_array_get(texts, 0), "covered", "none");

    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *item = json_array_get(texts, i);
        if (!str_equal(field_or(item, "covered", "none"), first) || str_equal(field_text(item, "covered"), "part") ||
            str_equal(field_text(item, "type"), "message/rfc822"))
            return true;
    }
    return false;
}

static bool is_within(const json_t *item, size_t size)
{
    int64_t at = field_number(item, "at", -1), length = field_number(item, "size", -1);

    return at >= 0 && length >= 0 && (uint64_t)at <= size && (uint64_t)length <= size - (uint64_t)at;
}

static bool are_within(const json_t *texts, const char *text)
{
    size_t size = strlen(text);
    bool fits = json_array_size(texts) > 0;

    for (size_t i = 0; i < json_array_size(texts); i++)
        fits = fits && is_within(json_array_get(texts, i), size);
    return fits;
}

static void piece(struct screen *screen, const json_t *report, const json_t *item, bool has_title)
{
    const char *text = field_text(report, "description") + field_number(item, "at", 0);
    char *copy = mem_printf("%.*s", (int)field_number(item, "size", 0), text);
    bool is_forwarded = str_equal(field_text(item, "type"), "message/rfc822");

    if (has_title) {
        screen_text(screen, "\n");
        screen_printf(screen, is_forwarded ? _("part %s, a forwarded message (") : _("part %s ("), field_or(item, "path", "-"));
        cover(screen, report, item);
        screen_text(screen, ")\n");
    }
    screen_outside_lines(screen, copy, TEXT_INDENT);
    free(copy);
}

/* What is closed and was not opened has no text, and is named. */
static void closed(struct screen *screen, const json_t *mail)
{
    const json_t *layers = field_list(mail, "layers"), *opened = field_list(mail, "opened_parts");

    for (size_t i = 0; i < json_array_size(layers) && i < LISTED_MAX; i++) {
        const json_t *layer = json_array_get(layers, i);
        const char *path = field_or(layer, "path", "-");
        bool is_apart = false;

        for (size_t k = 0; k < json_array_size(opened); k++)
            is_apart = is_apart || str_equal(field_text(json_array_get(opened, k), "path"), path);
        if (!str_equal(field_text(layer, "kind"), "encrypted") || str_equal(field_text(layer, "covers"), "whole") || is_apart)
            continue;
        screen_printf(screen, _("\npart %s (encrypted, not opened: it stands inside of another text)\n"), path);
    }
}

static void text(struct screen *screen, const json_t *report, const json_t *mail)
{
    const char *description = field_text(report, "description");
    const json_t *texts = field_list(mail, "texts");
    bool has_titles = needs_titles(texts);

    if (!description)
        return;
    if (!has_titles)
        screen_text(screen, "\n");
    if (!are_within(texts, description))
        screen_outside_lines(screen, description, TEXT_INDENT);
    else
        for (size_t i = 0; i < json_array_size(texts); i++)
            piece(screen, report, json_array_get(texts, i), has_titles);
    if (field_is(mail, "text_is_cut"))
        screen_printf(screen, _("the text is longer: cirt report raw %s\n"), field_or(report, "id", "-"));
}

/* --- attachments --- */

static void archive(struct screen *screen, const json_t *object)
{
    const json_t *entries = field_list(object, "entries");
    char count[PHRASE_SIZE], size[PHRASE_SIZE];

    if (!object)
        return;
    screen_number(screen, field_number(object, "entry_total", 0), count);
    screen_printf(screen, _("%*s%s archive, %s files%s\n"), INDENT, "", field_or(object, "format", "-"), count,
                  field_is(object, "encrypted") ? _(", with a password: kept closed") : "");
    for (size_t i = 0; i < json_array_size(entries) && i < ENTRIES_MAX; i++) {
        const json_t *entry = json_array_get(entries, i);
        phrase_bytes(field_number(entry, "size", 0), size);
        screen_printf(screen, "%*s", INDENT + 2, "");
        screen_value(screen, field_text(entry, "name"), 60);
        screen_printf(screen, "  %s\n", json_is_integer(json_object_get(entry, "size")) ? size : "");
    }
    if (json_array_size(entries) > ENTRIES_MAX)
        screen_printf(screen, _("%*s… and %zu more\n"), INDENT + 2, "", json_array_size(entries) - ENTRIES_MAX);
    if (field_text(object, "problem")) {
        screen_printf(screen, "%*s", INDENT, "");
        screen_value_line(screen, field_text(object, "problem"), true, INDENT);
    }
}

/* What reports in it gave. */
static void read_as(struct screen *screen, const json_t *mail, const char *path)
{
    const json_t *list = field_list(mail, "attached_reports");
    char count[PHRASE_SIZE];

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (!str_equal(field_text(item, "path"), path))
            continue;
        screen_number(screen, field_number(item, "observations", 0), count);
        screen_printf(
            screen, field_is(item, "accepted") ? _("%*sread as %s, %s observations\n") : _("%*sread as %s, with faults, %s observations\n"),
            INDENT, "", field_or(item, "format", "-"), count);
    }
}

static void attachment(struct screen *screen, const json_t *report, const json_t *mail, const json_t *item)
{
    char size[PHRASE_SIZE];
    char *named = mem_printf("%s  %s", field_or(item, "name", _("(without a name)")), field_or(item, "type", "-"));

    phrase_bytes(field_number(item, "size", 0), size);
    screen_printf(screen, _("attached, part %s (%s, "), field_or(item, "path", "-"), size);
    cover(screen, report, item);
    screen_printf(screen, ")\n%*s", TEXT_INDENT, "");
    screen_value_line(screen, named, false, INDENT);
    screen_printf(screen, "%*sSHA-256 %s\n", TEXT_INDENT, "", field_or(item, "sha256", "-"));
    if (field_text(item, "what")) {
        screen_printf(screen, "%*s", INDENT, "");
        screen_value_line(screen, field_text(item, "what"), true, INDENT);
    }
    archive(screen, field_object(item, "archive"));
    read_as(screen, mail, field_or(item, "path", "-"));
    free(named);
}

static void attachments(struct screen *screen, const json_t *report, const json_t *mail)
{
    const json_t *list = field_list(mail, "attachments");
    int64_t total = field_number(mail, "attachment_total", 0);

    if (json_array_size(list) > 0)
        screen_text(screen, "\n");
    for (size_t i = 0; i < json_array_size(list) && i < LISTED_MAX; i++)
        attachment(screen, report, mail, json_array_get(list, i));
    if (total > LISTED_MAX)
        screen_printf(screen, _("… and %lld more attachments\n"), (long long)total - LISTED_MAX);
}

/* --- what was opened apart from the message --- */

/* Its signatures say who signed it, and nothing about the mail. */
static void opened_signatures(struct screen *screen, const json_t *item)
{
    const json_t *list = field_list(item, "signatures");

    for (size_t i = 0; i < json_array_size(list) && i < LISTED_MAX; i++) {
        const json_t *one = json_array_get(list, i);
        screen_printf(screen, _("%*ssigned inside: %s, key "), INDENT, "", field_or(one, "status", field_or(one, "verdict", "-")));
        report_mail_short(screen, field_text(one, "fingerprint"));
        screen_text(screen, "\n");
    }
}

static void opened_part(struct screen *screen, const json_t *report, const json_t *mail, const json_t *item)
{
    const json_t *list = field_list(item, "attachments");
    char size[PHRASE_SIZE];

    phrase_bytes(field_number(item, "size", 0), size);
    screen_printf(screen,
                  field_is(item, "opened") ? _("\nOPENED APART from the message: part %s (%s, %s, %s)\n")
                                           : _("\nNOT OPENED: part %s (%s, %s)\n"),
                  field_or(item, "path", "-"), field_or(item, "form", "-"), field_or(item, "protocol", "-"), size);
    if (field_text(item, "name")) {
        screen_printf(screen, "%*s", TEXT_INDENT, "");
        screen_value_line(screen, field_text(item, "name"), false, INDENT);
    }
    if (field_text(item, "sha256"))
        screen_printf(screen, "%*sSHA-256 %s\n", TEXT_INDENT, "", field_text(item, "sha256"));
    opened_signatures(screen, item);
    screen_outside_lines(screen, field_text(item, "text"), TEXT_INDENT);
    for (size_t i = 0; i < json_array_size(list) && i < LISTED_MAX; i++)
        attachment(screen, report, mail, json_array_get(list, i));
}

static void opened_parts(struct screen *screen, const json_t *report, const json_t *mail)
{
    const json_t *list = field_list(mail, "opened_parts");

    for (size_t i = 0; i < json_array_size(list) && i < LISTED_MAX; i++)
        opened_part(screen, report, mail, json_array_get(list, i));
    if (json_array_size(list) > 0)
        screen_words(screen, _("Who sent the mail need not be able to read what was opened apart: do not quote it in an answer."), INDENT);
}

void report_mail_content(struct screen *screen, const json_t *report)
{
    const json_t *mail = field_object(report, "mail");

    header(screen, report, mail);
    signatures(screen, report);
    text(screen, report, mail);
    closed(screen, mail);
    attachments(screen, report, mail);
    opened_parts(screen, report, mail);
}
