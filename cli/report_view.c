#include "cli/report_view.h"
#include "cli/extra_view.h"
#include "cli/known_good_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/report_mail.h"
#include "cli/words.h"

enum { VALUES_MAX = 64 * 1024, INDENT = 6 };

static const struct table_column columns[] = {
    {N_("REPORT"), 0, false, false}, {N_("RECEIVED"), 0, false, false}, {N_("SENDER"), 3, false, false}, {N_("SIGNED"), 2, false, false},
    {N_("FORMAT"), 5, false, false}, {N_("STATE"), 0, false, false},    {N_("TLP"), 4, false, false},    {N_("OBS"), 6, true, false},
    {N_("CASE"), 0, true, false},    {N_("SUMMARY"), 1, false, true},
};

/* "yes" is verified and nothing else. */
static void cell_signed(struct table *table, const json_t *item)
{
    static const struct {
        const char *summary, *mark;
    } marks[] = {{"verified", N_("yes")},  {"unprotected", N_("no")}, {"unknown-key", N_("who?")}, {"not-sender", N_("other")},
                 {"expired", N_("ended")}, {"revoked", N_("ended")},  {"mixed", N_("part")}};
    const char *summary = field_text(item, "signed"), *mark = summary ? _("bad") : "-";
    bool is_good = str_equal(summary, "verified");

    for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
        if (str_equal(summary, marks[i].summary))
            mark = _(marks[i].mark);
    table_add(table, is_good ? STYLE_GREEN : !summary || str_equal(summary, "unprotected") ? STYLE_PLAIN : STYLE_YELLOW, mark);
}

/* "42" is enough for a case of ours, of a drill's the whole name; "42 +3" where it is in three more. */
static void cell_case(struct table *table, const struct screen *screen, const json_t *item)
{
    const char *name = field_text(item, "case"), *number = name ? strrchr(name, '-') : NULL;
    const char *shown = number && !str_starts(name, "EX-") ? number + 1 + strspn(number + 1, "0") : name;
    int64_t others = field_number(item, "case_count", 0) - 1;
    char count[PHRASE_SIZE], *both;

    screen_number(screen, others, count);
    both = others > 0 ? mem_printf("%s +%s", shown, count) : NULL;
    cell_text(table, screen, both ? both : shown);
    free(both);
}

/* Of what could not be read: why. */
static void cell_summary(struct table *table, const struct screen *screen, const json_t *item)
{
    const char *error = str_equal(field_text(item, "state"), "malformed") ? field_text(item, "error") : NULL, *at = field_text(item, "at");
    char *why = error && at ? mem_printf("%s: %s", at, error) : NULL;
    cell_outside(table, screen, why ? why : error ? error : field_text(item, "summary"));
    free(why);
}

static void row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_text(table, screen, field_text(item, "id"));
    cell_when(table, screen, item, "received");
    cell_text(table, screen, field_text(item, "sender"));
    cell_signed(table, item);
    cell_text(table, screen, field_text(item, "format"));
    cell_text(table, screen, field_text(item, "state"));
    cell_tlp(table, screen, item, "tlp");
    cell_number(table, screen, item, "observations");
    cell_case(table, screen, item);
    cell_summary(table, screen, item);
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
    if (str_equal(field_text(item, "state"), "malformed"))
        cell_summary(table, screen, item);
    else
        cell_outside(table, screen, field_text(item, "reason"));
}

const struct list_view report_view_held = {held_columns, ARRAY_SIZE(held_columns), held_row, N_("No such report."), NULL};

bool report_view_are_held(const json_t *answer)
{
    const json_t *items = field_list(answer, "items");
    bool are_held = json_array_size(items) > 0;

    for (size_t i = 0; i < json_array_size(items); i++) {
        const char *state = field_text(json_array_get(items, i), "state");
        are_held = are_held && (str_equal(state, "held") || str_equal(state, "dropped") || str_equal(state, "malformed"));
    }
    return are_held;
}

char *report_view_cases(const json_t *answer)
{
    enum { NAMED_MAX = 3 };
    const json_t *list = field_list(answer, "cases");
    size_t count = json_array_size(list);
    struct buf text;
    char *copy;

    if (count < 2) {
        char *one = field_plain(json_object_get(answer, "case"));
        copy = one ? mem_printf(_("case %s"), one) : NULL;
        free(one);
        return copy;
    }
    buf_init(&text, VALUES_MAX);
    buf_printf(&text, _("%zu cases: "), count);
    for (size_t i = 0; i < count && i < NAMED_MAX; i++)
        buf_printf(&text, "%s%s", i ? ", " : "", json_string_value(json_array_get(list, i)));
    buf_add_text(&text, count > NAMED_MAX ? ", ..." : "");
    copy = mem_strdup(buf_text(&text));
    buf_clear(&text);
    return copy;
}

static void head(struct screen *screen, const json_t *answer)
{
    char text[PHRASE_SIZE];
    char *cases = report_view_cases(answer);
    size_t mark;

    screen_printf(screen, "%s  %s", field_or(answer, "id", "-"), field_or(answer, "format", field_or(answer, "channel", "-")));
    phrase_bytes(field_number(answer, "size", 0), text);
    screen_printf(screen, ", %s", text);
    screen_when(screen, field_time(answer, "received"), text);
    screen_text(screen, ",");
    mark = screen_mark(screen);
    screen_printf(screen, " %s", text);
    if (field_text(answer, "sender")) { /* whoever sent it is not told */
        screen_text(screen, _(" from "));
        screen_value(screen, field_text(answer, "sender"), 32);
    }
    screen_field(screen, mark);
    mark = screen_mark(screen);
    screen_printf(screen, _(" by %s"), field_or(answer, "channel", "-"));
    screen_field(screen, mark);
    mark = screen_mark(screen);
    screen_text(screen, "   SHA-256 ");
    report_mail_short(screen, field_text(answer, "sha256"));
    screen_field(screen, mark);
    mark = screen_mark(screen);
    screen_printf(screen, "   %s   ", field_or(answer, "state", "-"));
    screen_tlp(screen, field_text(answer, "tlp"));
    screen_text(screen, field_is(answer, "tlp_assumed") ? _(" (assumed)") : "");
    screen_text(screen, field_is(answer, "partial") ? _(" (of this you read the rows of your cases)") : "");
    screen_field(screen, mark);
    mark = screen_mark(screen);
    if (cases)
        screen_printf(screen, "   %s", cases);
    screen_field(screen, mark);
    screen_text(screen, "\n");
    free(cases);
}

/* Of a mail that is its From, which stands with the mail. */
static void reporter(struct screen *screen, const json_t *answer)
{
    const json_t *who = field_object(answer, "reporter");
    const char *name = field_text(who, "name"), *email = field_text(who, "email");

    if (field_object(answer, "mail") || (!name && !email))
        return;
    char *text = mem_printf(name && email ? "%s <%s>" : "%s%s", name ? name : "", email ? email : "");
    screen_text(screen, _("reporter, as it says: "));
    screen_value_line(screen, text, true, INDENT);
    free(text);
}

static void trouble(struct screen *screen, const json_t *answer)
{
    if (!field_text(answer, "error"))
        return;
    screen_style(screen, STYLE_RED, _("not understood: "));
    if (*field_or(answer, "at", "") && !str_equal(field_text(answer, "at"), "/")) {
        screen_value(screen, field_text(answer, "at"), 40);
        screen_text(screen, ": ");
    }
    screen_value_line(screen, field_text(answer, "error"), true, INDENT);
    if (field_number(answer, "kept", INT64_MAX) < field_number(answer, "size", 0))
        screen_printf(screen, _("only its first %lld bytes were kept: its sender has to send it again\n"),
                      (long long)field_number(answer, "kept", 0));
    else
        screen_printf(screen, _("after a fix: cirt report replay %s\n"), field_or(answer, "id", "-"));
}

bool report_view_reason(struct screen *screen, const json_t *answer)
{
    const char *state = field_or(answer, "state", ""), *id = field_or(answer, "id", "-"), *reason = field_text(answer, "reason");
    bool is_held = str_equal(state, "held");
    const char *rule = is_held || str_equal(state, "dropped") ? field_text(answer, "rule") : NULL;

    if (!reason && !is_held && !rule)
        return false;
    screen_style(screen, is_held ? STYLE_YELLOW : STYLE_PLAIN, state);
    if (rule) {
        char *name = screen_clean(screen, rule, false);
        /* A suppression says itself that it is one: "suppression our-scanner". */
        screen_printf(screen, str_starts(name, "suppression ") ? _(" by %s") : _(" by rule \"%s\""), name);
        free(name);
    }
    screen_text(screen, reason ? ": " : "\n");
    if (reason)
        screen_value_line(screen, reason, rule == NULL, INDENT); /* a rule's is ours */
    if (is_held && field_text(answer, "incoming"))
        screen_printf(screen, _("%*scirt incoming show %s\n"), INDENT, "", field_text(answer, "incoming"));
    else if (is_held)
        screen_printf(screen, _("%*scirt report accept %s   or   cirt report reject %s -m WHY\n"), INDENT, "", id, id);
    else if (rule)
        screen_printf(screen, _("%*slet it go on: cirt report accept %s\n"), INDENT, "", id);
    return true;
}

/* What was dropped of it, by whom and how much, so long as it is in no case: a line each. */
static void set_aside(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "set_aside");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *rule = field_text(item, "rule");
        char *by = screen_clean(screen, rule ? rule : field_or(item, "suppression", "-"), false), count[PHRASE_SIZE];
        int64_t rows = field_number(item, "observations", 0);

        screen_number(screen, rows, count);
        screen_printf(screen, ngettext("%s observation ", "%s observations ", (unsigned long)rows), count);
        screen_style(screen, STYLE_YELLOW, str_equal(field_text(item, "did"), "drop") ? _("dropped") : _("suppressed"));
        screen_printf(screen, rule ? _(" by rule \"%s\": ") : _(" by suppression %s: "), by);
        screen_value_line(screen, field_or(item, "reason", "-"), false, INDENT); /* ours */
        free(by);
    }
    if (json_array_size(list) > 0 && str_equal(field_text(answer, "state"), "triaged"))
        screen_printf(screen, _("%*slet them go on: cirt report accept %s\n"), INDENT, "", field_or(answer, "id", "-"));
}

/* Whether the line of its reason would only say again what stands in set_aside(). */
static bool is_told(const json_t *answer)
{
    const json_t *list = field_list(answer, "set_aside");
    bool is_told = false;

    for (size_t i = 0; i < json_array_size(list); i++)
        is_told = is_told || str_equal(field_text(json_array_get(list, i), "reason"), field_text(answer, "reason"));
    return is_told && str_equal(field_text(answer, "state"), "triaged");
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
        if (field_text(one, "original")) {
            char *original = screen_clean(screen, field_text(one, "original"), true);
            buf_printf(&text, _(" (written %s)"), original);
            free(original);
        }
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
    if (field_text(item, "class") || !field_text(item, "class_claim"))
        cell_text(table, screen, field_or(item, "class", ""));
    else
        cell_outside(table, screen, field_text(item, "class_claim")); /* a word that nobody knew when it came */
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
    /* Set in: the first words of a line may be the sender's. */
    table_print_block(table, screen, "", 2);
    table_free(table);
    screen_number(screen, shown, first);
    screen_number(screen, all, total);
    if (all > shown && shown > 0)
        screen_printf(screen, _("first %s of %s; more with --limit N, all with --all\n"), first, total);
}

/* What of it could not be read, each with its place: the first ones. */
static void rejections(struct screen *screen, const json_t *answer)
{
    enum { SHOWN = 10 };
    const json_t *list = field_list(answer, "rejected_list");
    int64_t all = field_number(answer, "rejected", 0), shown = 0;
    char total[PHRASE_SIZE];

    if (all <= 0)
        return;
    screen_number(screen, all, total);
    screen_text(screen, "\n");
    screen_style(screen, STYLE_YELLOW, _("rejected: "));
    screen_printf(screen, _("%s, which could not be read\n"), total);
    for (; shown < SHOWN && (size_t)shown < json_array_size(list); shown++) {
        const json_t *item = json_array_get(list, (size_t)shown);
        screen_printf(screen, "%*s", INDENT, "");
        screen_value(screen, field_or(item, "at", "-"), 40);
        screen_text(screen, ": ");
        screen_value_line(screen, field_or(item, "error", "-"), true, INDENT);
    }
    if (all > shown)
        screen_printf(screen, _("%*s… and %lld more\n"), INDENT, "", (long long)(all - shown));
}

/* Set in, so that no line of the sender's can pass for one of ours ("SIGNED by ..."). */
static void description(struct screen *screen, const json_t *answer)
{
    if (!field_text(answer, "description"))
        return;
    screen_text(screen, "\n");
    screen_outside_lines(screen, field_text(answer, "description"), 2);
}

void report_view_render(struct screen *screen, const json_t *answer, const void *context)
{
    const int64_t *most = context;

    head(screen, answer);
    reporter(screen, answer);
    report_mail_verdict(screen, answer);
    if (!is_told(answer))
        report_view_reason(screen, answer);
    if (json_array_size(field_list(answer, "set_aside")) > 1 || !str_equal(field_text(answer, "state"), "dropped"))
        set_aside(screen, answer);
    trouble(screen, answer);
    if (field_object(answer, "mail"))
        report_mail_content(screen, answer);
    else
        description(screen, answer);
    if (json_array_size(field_list(answer, "known_good")) || json_array_size(field_list(answer, "places")))
        screen_text(screen, "\n");
    known_good_view(screen, answer);
    observations(screen, answer, most ? *most : REPORT_VIEW_OBSERVATIONS);
    rejections(screen, answer);
    extra_view(screen, answer);
}
