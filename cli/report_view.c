#include "cli/report_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/words.h"

enum { VALUES_MAX = 64 * 1024 };

static const struct table_column columns[] = {
    {N_("REPORT"), 0, false, false}, {N_("RECEIVED"), 0, false, false}, {N_("SENDER"), 2, false, false}, {N_("SIGNED"), 6, false, false},
    {N_("FORMAT"), 3, false, false}, {N_("STATE"), 0, false, false},    {N_("TLP"), 4, false, false},    {N_("OBS"), 5, true, false},
    {N_("CASE"), 0, false, false},   {N_("SUMMARY"), 1, false, true},
};

/* "yes" is verified and nothing else; what is signed and not verified says why in its own word. */
static void cell_signed(struct table *table, const struct screen *screen, const json_t *item)
{
    const char *summary = field_text(item, "signed");
    bool is_good = str_equal(summary, "verified");
    char *clean = screen_clean(screen, summary, false);

    if (!summary)
        table_add(table, STYLE_PLAIN, "-");
    else if (is_good || str_equal(summary, "unprotected"))
        table_add(table, is_good ? STYLE_GREEN : STYLE_PLAIN, is_good ? _("yes") : _("no"));
    else
        table_add(table, STYLE_YELLOW, clean);
    free(clean);
}

static void row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_text(table, screen, field_text(item, "id"));
    cell_when(table, screen, item, "received");
    cell_text(table, screen, field_text(item, "sender"));
    cell_signed(table, screen, item);
    cell_text(table, screen, field_text(item, "format"));
    cell_text(table, screen, field_text(item, "state"));
    cell_tlp(table, screen, item, "tlp");
    cell_number(table, screen, item, "observations");
    cell_plain(table, screen, json_object_get(item, "case"));
    cell_outside(table, screen, field_text(item, "summary"));
}

const struct list_view report_view_list = {columns, ARRAY_SIZE(columns), row, N_("No such report."), NULL};

static const struct table_column held_columns[] = {
    {N_("REPORT"), 0, false, false}, {N_("RECEIVED"), 2, false, false}, {N_("SENDER"), 1, false, false},
    {N_("STATE"), 4, false, false},  {N_("SUMMARY"), 3, false, false},  {N_("REASON"), 0, false, true},
};

/* Columns do not grow without end: the reason is what decides here. */
static char *beginning(const struct screen *screen, const char *text)
{
    enum { SHOWN = 32 };
    char *clean = screen_clean(screen, text, true), *cut;
    size_t size = 0;
    uint32_t code_point;

    for (int i = 0; i < SHOWN && clean[size]; i++)
        size += str_next_code_point(clean + size, clean + strlen(clean), &code_point);
    cut = mem_printf("%.*s%s", (int)size, clean, clean[size] && screen->columns ? "…" : screen->columns ? "" : clean + size);
    free(clean);
    return cut;
}

static void held_row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_text(table, screen, field_text(item, "id"));
    cell_when(table, screen, item, "received");
    cell_text(table, screen, field_text(item, "sender"));
    cell_text(table, screen, field_text(item, "state"));
    table_take(table, STYLE_PLAIN, beginning(screen, field_text(item, "summary")));
    cell_outside(table, screen, field_text(item, "reason"));
}

const struct list_view report_view_held = {held_columns, ARRAY_SIZE(held_columns), held_row, N_("No such report."), NULL};

bool report_view_are_held(const json_t *answer)
{
    const json_t *items = field_list(answer, "items");
    bool are_held = json_array_size(items) > 0;

    for (size_t i = 0; i < json_array_size(items); i++) {
        const char *state = field_text(json_array_get(items, i), "state");
        are_held = are_held && (str_equal(state, "held") || str_equal(state, "dropped"));
    }
    return are_held;
}

static void harmless(struct screen *screen, const char *text)
{
    char *clean = screen_clean(screen, text, false);

    screen_text(screen, clean);
    free(clean);
}

/* "5c1e…a07b" */
static void add_short(struct screen *screen, const char *hex)
{
    size_t size = hex ? strlen(hex) : 0;

    if (size > 12)
        screen_printf(screen, "%.4s…%s", hex, hex + size - 4);
    else
        harmless(screen, hex);
}

static void head(struct screen *screen, const json_t *answer)
{
    char text[PHRASE_SIZE];
    char *number = field_plain(json_object_get(answer, "case"));
    size_t mark;

    screen_printf(screen, "%s  %s", field_or(answer, "id", "-"), field_or(answer, "format", field_or(answer, "channel", "-")));
    phrase_bytes(field_number(answer, "size", 0), text);
    screen_printf(screen, ", %s", text);
    screen_when(screen, field_time(answer, "received"), text);
    screen_printf(screen, _(", %s from "), text);
    harmless(screen, field_text(answer, "sender"));
    screen_printf(screen, _(" by %s"), field_or(answer, "channel", "-"));
    mark = screen_mark(screen);
    screen_text(screen, "   SHA-256 ");
    add_short(screen, field_text(answer, "sha256"));
    screen_field(screen, mark);
    mark = screen_mark(screen);
    screen_printf(screen, "   %s   ", field_or(answer, "state", "-"));
    screen_tlp(screen, field_text(answer, "tlp"));
    screen_text(screen, field_is(answer, "tlp_assumed") ? _(" (assumed)") : "");
    screen_field(screen, mark);
    mark = screen_mark(screen);
    if (number)
        screen_printf(screen, _("   case %s"), number);
    screen_field(screen, mark);
    screen_text(screen, "\n");
    free(number);
}

/* Addresses of the From fields: what the mail says of itself. */
static void from(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "from");

    for (size_t i = 0; i < json_array_size(list); i++) {
        screen_text(screen, i ? ", " : _("From: "));
        harmless(screen, field_or(json_array_get(list, i), "address", "-"));
    }
    if (json_array_size(list) > 0)
        screen_text(screen, "\n");
}

static void verified(struct screen *screen, const json_t *object)
{
    char text[PHRASE_SIZE];
    const char *key_now = field_or(object, "key_now", "valid");

    screen_style(screen, STYLE_GREEN, _("SIGNED by "));
    harmless(screen, field_text(object, "signer"));
    screen_text(screen, _(", key "));
    add_short(screen, field_text(object, "fingerprint"));
    screen_text(screen, _(", covers the whole message"));
    if (field_text(object, "signed")) {
        screen_when(screen, field_time(object, "signed"), text);
        screen_printf(screen, _(", made %s"), text);
    }
    if (strcmp(key_now, "valid") != 0) {
        screen_text(screen, "; ");
        screen_style(screen, STYLE_YELLOW, _("the key is no longer valid: "));
        harmless(screen, key_now);
    }
    screen_text(screen, "\n");
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
    const char *signer = field_text(object, "signer");

    screen_style(screen, STYLE_YELLOW, _("NOT VERIFIED: "));
    if (strcmp(summary, "not-sender") == 0 && signer) {
        screen_text(screen, _("the signature is good but its key belongs to "));
        harmless(screen, signer);
        screen_text(screen, _(", not to the sender, or the mail names somebody else as its sender or for answers. Treat as unsigned."));
    } else {
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
            if (strcmp(summary, texts[i].summary) == 0)
                screen_text(screen, _(texts[i].text));
    }
    screen_text(screen, "\n");
}

static void encryption(struct screen *screen, const json_t *object)
{
    const char *kind = field_or(object, "encryption", "none");

    if (strcmp(kind, "whole") == 0)
        screen_text(screen, _("It was encrypted to us as a whole.\n"));
    else if (strcmp(kind, "part") == 0)
        screen_text(screen, _("A part of it is encrypted and was not opened.\n"));
    else if (strcmp(kind, "undecryptable") == 0)
        screen_text(screen, _("It is encrypted and cannot be opened with our keys.\n"));
}

/* Only "verified" is shown as signed; everything else says first that it is not. */
static void signature(struct screen *screen, const json_t *answer)
{
    const json_t *object = field_object(answer, "signature");
    const char *summary = field_text(object, "summary");

    if (!summary && str_equal(field_text(answer, "channel"), "mail")) {
        screen_style(screen, STYLE_YELLOW, _("NOT VERIFIED: "));
        screen_text(screen, _("not looked at yet.\n"));
    }
    if (!summary)
        return;
    if (strcmp(summary, "verified") == 0)
        verified(screen, object);
    else
        not_verified(screen, object, summary);
    encryption(screen, object);
}

/* "part 1.2: bad signature, key 8A30…19F2 of YY-CERT, over this part alone": what was found; the line above says what it is worth. */
static void parts(struct screen *screen, const json_t *answer)
{
    const json_t *object = field_object(answer, "signature");
    const json_t *list = field_list(object, "parts");

    if (str_equal(field_text(object, "summary"), "verified"))
        return;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *part = json_array_get(list, i);

        screen_printf(screen, _("part %s: %s"), field_or(part, "path", "-"), field_or(part, "verdict", "-"));
        screen_text(screen, _(" signature"));
        if (field_text(part, "fingerprint")) {
            screen_text(screen, _(", key "));
            add_short(screen, field_text(part, "fingerprint"));
        }
        if (field_text(part, "signer")) {
            screen_text(screen, _(" of "));
            harmless(screen, field_text(part, "signer"));
        }
        screen_text(screen, field_is(part, "covered") ? "\n" : _(", over this part alone\n"));
    }
}

static void trouble(struct screen *screen, const json_t *answer)
{
    if (!field_text(answer, "error"))
        return;
    screen_style(screen, STYLE_RED, _("not understood: "));
    if (field_text(answer, "at")) {
        harmless(screen, field_text(answer, "at"));
        screen_text(screen, ": ");
    }
    screen_outside(screen, field_text(answer, "error"));
    screen_printf(screen, _("\nafter a fix: cirt report replay %s\n"), field_or(answer, "id", "-"));
}

/* "source 198.51.100.20 AS64500 XX  target 192.0.2.17": values by role, in the order they came in. */
static char *values(const struct screen *screen, const json_t *item)
{
    const json_t *list = field_list(item, "observables");
    struct buf text;
    char *copy;

    buf_init(&text, VALUES_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i), *before = i > 0 ? json_array_get(list, i - 1) : NULL;
        char *value = cell_observable(screen, field_text(one, "type"), field_text(one, "value"));

        if (!before || !str_equal(field_text(before, "role"), field_text(one, "role")))
            buf_printf(&text, "%s%s", before ? "  " : "", field_or(one, "role", "-"));
        buf_printf(&text, " %s", value);
        free(value);
    }
    if (field_text(item, "description")) {
        char *clean = screen_clean(screen, field_text(item, "description"), true);
        buf_printf(&text, "%s%s", text.size ? "  " : "", clean);
        free(clean);
    }
    copy = mem_strdup(buf_text(&text));
    buf_clear(&text);
    return copy;
}

static void observation(struct table *table, const struct screen *screen, const json_t *item)
{
    int64_t times = field_number(item, "count", 1);
    char number[PHRASE_SIZE], *count;

    screen_number(screen, times, number);
    count = times > 1 ? mem_printf(_("%s times"), number) : mem_strdup("");
    cell_when(table, screen, item, "time");
    cell_text(table, screen, field_or(item, "class", ""));
    table_take(table, STYLE_PLAIN, count);
    table_take(table, STYLE_PLAIN, values(screen, item));
}

/* A line each, the first `most` of them. */
static void observations(struct screen *screen, const json_t *answer, int64_t most)
{
    static const struct table_column block[] = {{"", 0, false, false}, {"", 1, false, false}, {"", 2, false, false}, {"", 0, false, true}};
    const json_t *list = field_list(answer, "observation_list");
    struct table *table = table_new(block, ARRAY_SIZE(block));
    int64_t all = field_number(answer, "observations", 0), shown = 0;
    char first[PHRASE_SIZE], total[PHRASE_SIZE];

    for (; shown < most && (size_t)shown < json_array_size(list); shown++)
        observation(table, screen, json_array_get(list, (size_t)shown));
    if (shown > 0)
        screen_text(screen, "\n");
    table_print_block(table, screen, "", 0);
    table_free(table);
    screen_number(screen, shown, first);
    screen_number(screen, all, total);
    if (all > shown && shown > 0)
        screen_printf(screen, _("first %s of %s; more with --limit N, all with --all\n"), first, total);
}

void report_view_render(struct screen *screen, const json_t *answer, const void *context)
{
    const int64_t *most = context;

    head(screen, answer);
    from(screen, answer);
    signature(screen, answer);
    parts(screen, answer);
    trouble(screen, answer);
    if (field_text(answer, "description")) {
        screen_text(screen, "\n");
        /* Set in, so that no line of the sender's can pass for one of ours ("SIGNED by ..."). */
        screen_outside_lines(screen, field_text(answer, "description"), 2);
    }
    observations(screen, answer, most ? *most : REPORT_VIEW_OBSERVATIONS);
}
