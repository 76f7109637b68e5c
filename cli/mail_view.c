#include "cli/mail_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/cell.h"
#include "cli/field.h"
#include "cli/mail_form.h"
#include "cli/table.h"
#include "cli/words.h"

enum { MARGIN = 10, PEOPLE_SHOWN_MAX = 3, RECIPIENT_COLUMN_MAX = 46 };

/* --- pieces --- */

static void harmless(struct screen *screen, const char *text)
{
    char *clean = screen_clean(screen, text, false);

    screen_text(screen, clean);
    free(clean);
}

/* What we wrote, as it leaves but for the isolates (U+2068, U+2069) that right-to-left templates put around values: a terminal that knows
 * them shows nothing, and as U+FFFD they would hide the text. The caller's. */
static char *ours(const struct screen *screen, const char *text)
{
    struct buf out;
    char *clean;

    buf_init(&out, strlen(text) + 1);
    for (const char *at = text; *at;) {
        bool is_isolate = !screen->raw && (str_starts(at, "\xE2\x81\xA8") || str_starts(at, "\xE2\x81\xA9"));
        if (!is_isolate)
            buf_add_char(&out, *at);
        at += is_isolate ? 3 : 1;
    }
    clean = screen_clean(screen, buf_text(&out), false);
    buf_clear(&out);
    return clean;
}

char *mail_view_person(const struct screen *screen, const json_t *person)
{
    struct buf both;

    buf_init(&both, 1024 * 1024);
    mail_form_add_person(&both, person);
    char *clean = screen_clean(screen, both.size ? buf_text(&both) : "-", false);
    buf_clear(&both);
    return clean;
}

/* "a, b, c and 2 more"; all of them where most is 0. The caller's. */
static char *people(const struct screen *screen, const json_t *list, size_t most)
{
    struct buf out;
    size_t count = json_array_size(list), shown = most && count > most ? most : count;
    char *text;

    buf_init(&out, 1024 * 1024);
    for (size_t i = 0; i < shown; i++) {
        char *person = mail_view_person(screen, json_array_get(list, i));
        buf_printf(&out, "%s%s", i ? ", " : "", person);
        free(person);
    }
    if (count > shown)
        buf_printf(&out, _(" and %zu more"), count - shown);
    text = mem_strdup(count ? buf_text(&out) : "-");
    buf_clear(&out);
    return text;
}

static void margin(struct screen *screen, const char *title)
{
    screen_style(screen, STYLE_DIM, title);
    screen_pad(screen, MARGIN);
}

static void line_words(struct screen *screen, const char *title, const char *text)
{
    margin(screen, title);
    screen_words(screen, text, MARGIN);
}

static void line_outside(struct screen *screen, const char *title, const char *text)
{
    char *clean = ours(screen, text ? text : "");

    line_words(screen, title, clean);
    free(clean);
}

static void line_people(struct screen *screen, const char *title, const json_t *list)
{
    char *text = json_array_size(list) ? people(screen, list, 0) : NULL;

    if (text)
        line_words(screen, title, text);
    free(text);
}

static void attachments(struct screen *screen, const json_t *mail)
{
    const json_t *list = field_list(mail, "attachments");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        char size[PHRASE_SIZE];

        margin(screen, i == 0 ? _("attached") : "");
        harmless(screen, field_text(item, "name"));
        phrase_bytes(field_number(item, "size", 0), size);
        screen_printf(screen, "  %s  ", size);
        harmless(screen, field_text(item, "media_type"));
        screen_end_line(screen);
    }
}

/* What leaves is shown as it leaves: harmless, but links are not defanged. */
void mail_view_text(struct screen *screen, const json_t *mail)
{
    const char *text = field_or(mail, "text", "");

    while (*text) {
        size_t size = strcspn(text, "\n");
        char *line = mem_printf("%.*s", (int)size, text), *clean = size ? ours(screen, line) : mem_strdup("");

        screen_words(screen, clean, (unsigned)strspn(clean, "> "));
        free(clean);
        free(line);
        text += size + (text[size] == '\n');
    }
}

/* "8A30…19F2" */
static char *short_key(const char *fingerprint)
{
    size_t size = fingerprint ? strlen(fingerprint) : 0;

    if (size < 16)
        return mem_strdup(fingerprint ? fingerprint : "");
    return mem_printf("%.4s…%s", fingerprint, fingerprint + size - 4);
}

/* --- recipients --- */

static enum style style_of(const char *goes)
{
    if (str_equal(goes, "encrypted"))
        return STYLE_GREEN;
    return str_equal(goes, "stays") || str_equal(goes, "failed") || str_equal(goes, "bounced") ? STYLE_RED : STYLE_YELLOW;
}

/* "encrypted, OpenPGP, 8A30…19F2", "in clear: TLP:GREEN", "stays: no key, ..." */
static char *how_it_goes(const struct screen *screen, const json_t *item)
{
    const char *goes = field_or(item, "goes", "-");
    char *reason = screen_clean(screen, field_or(item, "reason", goes), false), *key = short_key(field_text(item, "key")), *text;

    if (str_equal(goes, "stays"))
        text = mem_printf(str_starts(reason, "stays") ? "%s" : _("stays: %s"), reason);
    else
        text = mem_printf("%s%s%s", reason, *key ? ", " : "", key);
    free(reason);
    free(key);
    return text;
}

/* "sent, encrypted, 8A30…19F2", "bounced 09:41, encrypted: 5.1.1 no such user" */
static char *how_it_went(const struct screen *screen, const json_t *item)
{
    const char *protection = field_text(item, "protection"), *status = field_text(item, "status");
    char when[PHRASE_SIZE] = "", *key = short_key(field_text(item, "key")), *both, *clean;

    if (field_time(item, "at") != TIMESTAMP_NONE)
        screen_when(screen, field_time(item, "at"), when);
    both = mem_printf("%s%s%s%s%s%s%s%s%s", field_or(item, "state", "-"), *when ? " " : "", when, protection ? ", " : "",
                      protection ? (str_equal(protection, "signed") ? _("in clear") : protection) : "", *key ? ", " : "", key,
                      status ? ": " : "", status ? status : "");
    clean = screen_clean(screen, both, false);
    free(both);
    free(key);
    return clean;
}

static unsigned widest(const struct screen *screen, const json_t *list)
{
    unsigned width = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        char *person = mail_view_person(screen, json_array_get(list, i));
        unsigned columns = str_columns(person);
        width = columns > width ? columns : width;
        free(person);
    }
    return width;
}

/* Every one by name, nothing cut: "to   Alice <alice@yy.example>   encrypted, OpenPGP, 8A30…19F2". */
static void recipients(struct screen *screen, const json_t *list, char *(*how)(const struct screen *, const json_t *), const char *member)
{
    unsigned column = MARGIN + widest(screen, list) + 2;

    if (screen->columns && column > RECIPIENT_COLUMN_MAX)
        column = RECIPIENT_COLUMN_MAX;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        char *person = mail_view_person(screen, item), *text = how(screen, item);
        enum style style = style_of(field_text(item, member));
        bool is_wide = MARGIN + str_columns(person) + 1 > column;

        margin(screen, field_or(item, "kind", "to"));
        screen_text(screen, person);
        if (is_wide)
            screen_text(screen, "\n");
        screen_pad(screen, is_wide ? MARGIN + 2 : column);
        screen_text(screen, screen_style_start(screen, style));
        screen_words(screen, text, is_wide ? MARGIN + 2 : column);
        screen_text(screen, screen_style_end(screen, style));
        free(person);
        free(text);
    }
}

/* --- a preview --- */

static void preview_head(struct screen *screen, const json_t *preview, const json_t *mail)
{
    const char *outside = field_text(preview, "outside_subject"), *subject = field_or(preview, "subject", field_text(mail, "subject"));
    char *from = screen_clean(screen, field_text(mail, "from"), false);

    margin(screen, field_or(mail, "id", "-"));
    screen_tlp(screen, field_or(preview, "label", field_text(mail, "tlp")));
    screen_printf(screen, _("   from %s, signed"), from);
    screen_end_line(screen);
    line_outside(screen, _("subject"), subject);
    if (outside && !str_equal(outside, subject))
        line_outside(screen, _("outside"), outside);
    free(from);
}

static void preview_tail(struct screen *screen, const json_t *preview)
{
    const json_t *clear = field_list(preview, "clear"), *warnings = field_list(preview, "warnings");
    char *all = json_array_size(clear) ? field_plain(clear) : NULL;

    if (all) {
        screen_style(screen, STYLE_YELLOW, _("IN CLEAR  "));
        char *clean = screen_clean(screen, all, false);
        screen_words(screen, clean, MARGIN);
        free(clean);
    }
    for (size_t i = 0; i < json_array_size(warnings); i++)
        line_outside(screen, _("note"), json_string_value(json_array_get(warnings, i)));
    free(all);
}

void mail_view_preview(struct screen *screen, const json_t *preview, const void *context)
{
    const json_t *mail = context;

    preview_head(screen, preview, mail);
    recipients(screen, field_list(preview, "recipients"), how_it_goes, "goes");
    attachments(screen, mail);
    preview_tail(screen, preview);
}

/* --- one mail --- */

static const char *state_word(const json_t *mail)
{
    return field_or(mail, "state", "-");
}

/* Not decided, or not any more: its recipients have no fate. */
static bool is_draft(const json_t *mail)
{
    return str_equal(state_word(mail), "draft") || str_equal(state_word(mail), "recalled") || str_equal(state_word(mail), "dropped");
}

static void show_times(struct screen *screen, const json_t *mail)
{
    static const char *const names[][2] = {
        {"created", N_("written ")}, {"sent", N_("   sent ")}, {"recall_until", N_("   can be recalled until ")}};
    bool any = false;

    margin(screen, _("when"));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char text[PHRASE_SIZE];
        size_t mark = screen_mark(screen);
        if (field_time(mail, names[i][0]) == TIMESTAMP_NONE)
            continue;
        screen_when(screen, field_time(mail, names[i][0]), text);
        screen_printf(screen, "%s%s", gettext(names[i][1]), text);
        if (i == 0 && field_text(mail, "created_by")) {
            screen_text(screen, _(" by "));
            harmless(screen, field_text(mail, "created_by"));
        }
        if (any)
            screen_field(screen, mark);
        any = true;
    }
    screen_text(screen, "\n");
}

void mail_view_show(struct screen *screen, const json_t *mail, const void *context)
{
    const char *number = field_text(mail, "case");

    UNUSED(context);
    margin(screen, field_or(mail, "id", "-"));
    screen_tlp(screen, field_text(mail, "tlp"));
    screen_printf(screen, "   %s, %s   ", field_or(mail, "occasion", "mail"), state_word(mail));
    harmless(screen, number ? number : "");
    screen_end_line(screen);
    line_outside(screen, _("subject"), field_text(mail, "subject"));
    line_outside(screen, _("from"), field_text(mail, "from"));
    show_times(screen, mail);
    if (field_text(mail, "error"))
        line_outside(screen, _("error"), field_text(mail, "error"));
    if (is_draft(mail)) {
        line_people(screen, _("to"), field_list(mail, "to"));
        line_people(screen, _("cc"), field_list(mail, "cc"));
        line_people(screen, _("bcc"), field_list(mail, "bcc"));
    } else {
        recipients(screen, field_list(mail, "recipients"), how_it_went, "state");
    }
    attachments(screen, mail);
    screen_text(screen, "\n");
    mail_view_text(screen, mail);
}

/* --- lists --- */

static const struct table_column columns[] = {
    {N_("MAIL"), 0, false, false}, {N_("CASE"), 1, false, false}, {N_("STATE"), 0, false, false},  {N_("TLP"), 3, false, false},
    {N_("WHEN"), 2, false, false}, {N_("TO"), 0, false, false},   {N_("SUBJECT"), 0, false, true},
};

static const json_t *all_recipients(const json_t *mail)
{
    return json_array_size(field_list(mail, "recipients")) ? field_list(mail, "recipients") : field_list(mail, "to");
}

static void row(struct table *table, const struct screen *screen, const json_t *mail)
{
    const json_t *to = all_recipients(mail);
    char *first = screen_clean(screen, field_or(json_array_get(to, 0), "address", "-"), false);

    cell_text(table, screen, field_text(mail, "id"));
    cell_text(table, screen, field_text(mail, "case"));
    cell_text(table, screen, state_word(mail));
    cell_tlp(table, screen, mail, "tlp");
    cell_when(table, screen, mail, field_text(mail, "sent") ? "sent" : "created");
    table_take(table, STYLE_PLAIN, json_array_size(to) > 1 ? mem_printf("%s +%zu", first, json_array_size(to) - 1) : mem_strdup(first));
    cell_outside(table, screen, field_text(mail, "subject"));
    free(first);
}

const struct list_view mail_view_list = {columns, ARRAY_SIZE(columns), row, N_("No such mail."), NULL};

static void thread_head(struct screen *screen, const json_t *thread)
{
    const json_t *contact = field_object(thread, "contact");
    char *person = mail_view_person(screen, contact);
    size_t mark;

    screen_style(screen, STYLE_BOLD, field_or(thread, "id", _("new")));
    screen_printf(screen, "  %s", person);
    mark = screen_mark(screen);
    screen_text(screen, "  ");
    screen_tlp(screen, field_text(thread, "tlp"));
    screen_field(screen, mark);
    if (field_text(thread, "lang")) {
        screen_text(screen, "  ");
        harmless(screen, field_text(thread, "lang"));
    }
    mark = screen_mark(screen);
    if (field_time(contact, "bounced") != TIMESTAMP_NONE)
        screen_style(screen, STYLE_RED, _("  mail to it came back"));
    else if (json_is_false(json_object_get(contact, "known")))
        screen_style(screen, STYLE_YELLOW, _("  nobody vouches for it"));
    screen_field(screen, mark);
    screen_text(screen, "\n");
    free(person);
}

/* "signed: YY-CERT team", in the standard's word that it is not; of ours its state and protection. The caller's. */
static char *item_note(const struct screen *screen, const json_t *report, const json_t *mail)
{
    const json_t *signature = field_object(report, "signature");
    const char *summary = field_text(signature, "summary"), *protection = is_draft(mail) ? NULL : field_text(mail, "protection");
    char *text, *clean;

    if (mail)
        text = mem_printf("%s%s%s", state_word(mail), protection ? ", " : "",
                          protection ? (str_equal(protection, "signed") ? _("in clear") : protection) : "");
    else if (str_equal(summary, "verified"))
        text = mem_printf(_("signed: %s"), field_or(signature, "signer", "-"));
    else
        text = summary && !str_equal(summary, "unprotected") ? mem_printf(_("NOT VERIFIED: %s"), summary) : mem_strdup(_("not signed"));
    clean = screen_clean(screen, text, false);
    free(text);
    return clean;
}

static void thread_items(struct screen *screen, const json_t *thread)
{
    static const struct table_column block[] = {
        {"", 0, false, false}, {"", 0, false, false}, {"", 0, false, false}, {"", 0, false, true}, {"", 1, false, false}};
    const json_t *list = field_list(thread, "items");
    struct table *table = table_new(block, ARRAY_SIZE(block));

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *report = field_object(item, "report"), *mail = field_object(item, "mail");
        const json_t *one = mail ? mail : report;

        if (str_equal(field_text(mail, "state"), "dropped"))
            continue;
        cell_when(table, screen, one, report ? "received" : field_text(mail, "sent") ? "sent" : "created");
        cell_text(table, screen, mail ? _("we") : _("they"));
        cell_text(table, screen, field_text(one, "id"));
        cell_outside(table, screen, field_or(one, "summary", field_text(one, "subject")));
        table_take(table, STYLE_PLAIN, item_note(screen, report, mail));
    }
    table_print_block(table, screen, "", 4);
    table_free(table);
}

void mail_view_threads(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *list = field_list(answer, "threads");

    for (size_t i = 0; i < json_array_size(list); i++) {
        thread_head(screen, json_array_get(list, i));
        thread_items(screen, json_array_get(list, i));
    }
    if (json_array_size(list) == 0)
        screen_printf(screen, _("Nobody wrote to this case by mail.   Write: cirt mail %s --to ADDRESS\n"), (const char *)context);
}

/* One that was sent, or (a preview) one that stays. */
static void told(struct screen *screen, const json_t *item, bool is_dry)
{
    if (json_object_get(item, "sendable")) {
        recipients(screen, field_list(item, "recipients"), how_it_goes, "goes");
        if (!is_dry)
            screen_printf(screen, _("          kept as a draft: cirt draft edit|send|rm %s\n"), field_or(item, "mail", "-"));
        return;
    }
    char *to = people(screen, all_recipients(item), PEOPLE_SHOWN_MAX);
    margin(screen, field_or(item, "id", "-"));
    screen_printf(screen, _("%s  leaves in a minute; take it back: cirt recall %s"), to, field_or(item, "id", "-"));
    screen_end_line(screen);
    free(to);
}

void mail_view_told(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *list = field_list(answer, "items");

    for (size_t i = 0; i < json_array_size(list); i++)
        told(screen, json_array_get(list, i), context != NULL);
    if (json_array_size(list) == 0)
        screen_text(screen, _("There is nobody to tell: no reporter with a mail address, or all were told.\n"));
}
