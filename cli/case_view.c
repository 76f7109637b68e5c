#include "cli/case_view.h"
#include "cli/known_good_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/words.h"

enum { MARGIN = 12, LIST_SHOWN_MAX = 20, ALSO_IN_MAX = 3, OBSERVABLES_MAX = 100 /* that the desk tells of a case */ };

static const struct table_column columns[] = {
    {N_("NO"), 0, true, false},     {N_("PRI"), 0, false, false}, {N_("DUE"), 1, false, false},   {N_("CLASS"), 2, false, true},
    {N_("STATE"), 5, false, false}, {N_("TLP"), 3, false, false}, {N_("OWNER"), 4, false, false}, {N_("SUMMARY"), 0, false, true},
};

static void row(struct table *table, const struct screen *screen, const json_t *item)
{
    if (json_is_null(json_object_get(item, "drill")) || field_number(item, "drill", 0) == 0)
        cell_plain(table, screen, json_object_get(item, "number"));
    else
        cell_text(table, screen, field_text(item, "id"));
    cell_priority(table, screen, item, "priority");
    cell_due(table, screen, item, "due");
    cell_text(table, screen, field_text(item, "class"));
    cell_text(table, screen, field_text(item, "state"));
    cell_tlp(table, screen, item, "tlp");
    cell_text(table, screen, field_text(item, "owner"));
    cell_outside(table, screen, field_text(item, "summary"));
}

static void footer(struct screen *screen, const json_t *answer, const void *is_default)
{
    char shown[PHRASE_SIZE], open[PHRASE_SIZE];
    size_t count = json_array_size(field_list(answer, "items"));
    int64_t all_open = field_number(answer, "open", -1);

    screen_number(screen, (int64_t)count, shown);
    screen_number(screen, all_open, open);
    if (count == 0 && !is_default)
        screen_text(screen, _("No such case.\n"));
    else if (count == 0)
        screen_printf(screen, _("Nothing needs you; %s open cases  (cirt ls is:open for all)\n"), open);
    else if (field_text(answer, "next"))
        screen_printf(screen, _("The first %s (%s cases are open); more with --limit %zu\n"), shown, open, count * 10);
    else if (is_default && all_open >= 0)
        screen_printf(screen, _("%s of %s open cases need you  (cirt ls is:open for all)\n"), shown, open);
}

const struct list_view case_view_list = {columns, ARRAY_SIZE(columns), row, NULL, footer};

/* "reports     " before the first line of a block, blanks before the others. */
static void margin(struct screen *screen, const char *title, size_t line)
{
    screen_style(screen, STYLE_DIM, line == 0 ? title : "");
    screen_pad(screen, MARGIN);
}

static void more(struct screen *screen, size_t count)
{
    if (count > LIST_SHOWN_MAX)
        screen_printf(screen, _("%*s… and %zu more\n"), MARGIN, "", count - LIST_SHOWN_MAX);
}

static void when(struct screen *screen, const json_t *item, const char *name)
{
    char text[PHRASE_SIZE];

    screen_when(screen, field_time(item, name), text);
    screen_text(screen, text);
}

static void harmless(struct screen *screen, const char *text)
{
    char *clean = screen_clean(screen, text, false);

    screen_text(screen, clean);
    free(clean);
}

/* A field of a line: begins a new line where it does not fit. */
static void member(struct screen *screen, const char *before, const json_t *answer, const char *name)
{
    size_t mark = screen_mark(screen);

    if (!field_text(answer, name))
        return;
    screen_text(screen, before);
    harmless(screen, field_text(answer, name));
    screen_field(screen, mark);
}

static void head(struct screen *screen, const json_t *answer)
{
    size_t mark;

    harmless(screen, field_text(answer, "id"));
    member(screen, "  ", answer, "class");
    screen_text(screen, "  ");
    screen_style(screen, str_equal(field_text(answer, "priority"), "critical") ? STYLE_RED : STYLE_PLAIN,
                 field_or(answer, "priority", "-"));
    member(screen, "  ", answer, "state");
    member(screen, _(" as "), answer, "resolution");
    mark = screen_mark(screen);
    screen_text(screen, "  ");
    screen_tlp(screen, field_text(answer, "tlp"));
    screen_field(screen, mark);
    member(screen, _("  PAP "), answer, "pap");
    member(screen, _("  severity "), answer, "severity");
    mark = screen_mark(screen);
    screen_text(screen, _("  owner "));
    harmless(screen, field_text(answer, "owner"));
    screen_field(screen, mark);
    member(screen, _("  queue "), answer, "queue");
    member(screen, _("  level "), answer, "level");
    mark = screen_mark(screen);
    screen_printf(screen, _("  revision %lld"), (long long)field_number(answer, "revision", 0));
    screen_field(screen, mark);
    screen_text(screen, "\n");
    /* Set in: it may be what a stranger wrote. */
    screen_outside_lines(screen, field_text(answer, "summary"), 2);
}

static void times(struct screen *screen, const json_t *answer)
{
    char text[PHRASE_SIZE];
    int64_t due = field_time(answer, "due");

    screen_age(screen, field_time(answer, "opened"), text);
    screen_printf(screen, _("opened %s"), text);
    screen_age(screen, field_time(answer, "updated"), text);
    screen_printf(screen, _("   changed %s"), text);
    if (due != TIMESTAMP_NONE) {
        size_t mark = screen_mark(screen);
        screen_due(screen, due, text);
        screen_text(screen, due < screen->now ? "   " : _("   due "));
        screen_style(screen, due < screen->now ? STYLE_RED : STYLE_PLAIN, text);
        screen_field(screen, mark);
    }
    if (field_text(answer, "waiting_for")) {
        size_t mark = screen_mark(screen);
        screen_when(screen, field_time(answer, "wait_until"), text);
        screen_text(screen, _("   waiting for "));
        harmless(screen, field_text(answer, "waiting_for"));
        screen_printf(screen, _(" until %s"), text);
        screen_field(screen, mark);
    }
    screen_text(screen, "\n\n");
}

/* "seen 12,040 times, first 3 d ago, last 2 h ago; 11,000 say nothing new; 40 waited": where machines saw it more than once. */
static void sightings(struct screen *screen, const json_t *answer)
{
    char text[PHRASE_SIZE];
    int64_t repeats = field_number(answer, "repeats", 0), waited = field_number(answer, "waited", 0);

    if (field_number(answer, "observations", 0) < 2 || field_time(answer, "first_seen") == TIMESTAMP_NONE)
        return;
    screen_number(screen, field_number(answer, "observations", 0), text);
    screen_printf(screen, _("seen %s times"), text);
    screen_age(screen, field_time(answer, "first_seen"), text);
    screen_printf(screen, _(", first %s"), text);
    screen_age(screen, field_time(answer, "last_seen"), text);
    screen_printf(screen, _(", last %s"), text);
    screen_number(screen, repeats, text);
    if (repeats > 0)
        screen_printf(screen, _("; %s say nothing new"), text);
    screen_number(screen, waited, text);
    if (waited > 0)
        screen_printf(screen, _("; %s waited below the threshold"), text);
    screen_text(screen, "\n\n");
}

/* "signed: YY-CERT, encrypted", or in the standard's word that it is not. */
static char *signature_text(const struct screen *screen, const json_t *signature)
{
    const char *summary = field_text(signature, "summary"), *signer = field_text(signature, "signer");
    const char *encryption = field_or(signature, "encryption", "none"), *copy_of = field_text(signature, "copy_of");
    const char *sealed = strcmp(encryption, "whole") == 0           ? _(", encrypted")
                         : strcmp(encryption, "undecryptable") == 0 ? _(", not opened")
                                                                    : "";
    bool is_verified = str_equal(summary, "verified") && signer, is_plain = str_equal(summary, "unprotected");
    char *clean, *text;

    if (!summary)
        return mem_strdup("");
    clean = screen_clean(screen, is_verified ? signer : summary, false);
    text = mem_printf("%s%s%s%s%s",
                      is_verified ? _("signed: ")
                      : is_plain  ? _("not signed")
                                  : _("NOT VERIFIED: "),
                      is_plain ? "" : clean, sealed, copy_of ? _(", copy of ") : "", copy_of ? copy_of : "");
    free(clean);
    return text;
}

static void reports(struct screen *screen, const json_t *answer)
{
    static const struct table_column block[] = {{"", 0, false, false}, {"", 0, false, false}, {"", 3, false, false},
                                                {"", 2, false, false}, {"", 0, false, true},  {"", 0, false, false}};
    const json_t *list = field_list(answer, "report_list");
    char *number = field_plain(json_object_get(answer, "number"));
    size_t count = json_array_size(list), first = count > LIST_SHOWN_MAX ? count - LIST_SHOWN_MAX : 0;
    int64_t earlier = field_number(answer, "reports", (int64_t)count) - (int64_t)(count - first);
    struct table *table = table_new(block, ARRAY_SIZE(block));

    for (size_t i = first; i < count; i++) {
        const json_t *item = json_array_get(list, i), *signature = field_object(item, "signature");
        bool is_signed = str_equal(field_text(signature, "summary"), "verified");

        cell_text(table, screen, field_text(item, "id"));
        cell_when(table, screen, item, "received");
        cell_text(table, screen, field_or(item, "format", field_text(item, "channel")));
        cell_text(table, screen, field_text(item, "sender"));
        cell_outside(table, screen, field_text(item, "summary"));
        table_take(table, is_signed ? STYLE_GREEN : STYLE_YELLOW, signature_text(screen, signature));
    }
    table_print_block(table, screen, _("reports"), MARGIN);
    if (earlier > 0)
        screen_printf(screen, _("%*s… and %lld earlier: cirt report ls case:%s\n"), MARGIN, "", (long long)earlier, number);
    free(number);
    table_free(table);
}

/* "also in 31, 40", "also in 31, 40 and 7 more" where there is no room for all; "" where it is in no other. */
static char *also_in(const struct screen *screen, const json_t *item)
{
    const json_t *cases = json_object_get(item, "cases");
    size_t count = json_array_size(cases), shown = screen->columns && count > ALSO_IN_MAX ? ALSO_IN_MAX - 1 : count;
    struct buf text;
    char *also;

    if (count == 0)
        return mem_strdup("");
    buf_init(&text, 4096);
    for (size_t i = 0; i < shown; i++) {
        char *number = field_plain(json_array_get(cases, i));
        buf_printf(&text, "%s%s", i ? ", " : _("also in "), number);
        free(number);
    }
    if (shown < count)
        buf_printf(&text, _(" and %zu more"), count - shown);
    also = screen_clean(screen, buf_text(&text), false);
    buf_clear(&text);
    return also;
}

/* "AS64500 XX"; "" where neither is known. */
static char *origin(const struct screen *screen, const json_t *item)
{
    char *asn = field_plain(json_object_get(item, "asn"));
    const char *country = field_text(item, "country");
    char *both = mem_printf("%s%s%s%s", asn ? "AS" : "", asn ? asn : "", asn && country ? " " : "", country ? country : "");
    char *clean = *both ? screen_clean(screen, both, false) : mem_strdup("");

    free(asn);
    free(both);
    return clean;
}

static void observables(struct screen *screen, const json_t *answer)
{
    static const struct table_column block[] = {{"", 0, false, false}, {"", 0, false, true},  {"", 0, false, false},
                                                {"", 3, false, false}, {"", 2, false, false}, {"", 4, false, false}};
    const json_t *list = field_list(answer, "observable_list");
    char *number = field_plain(json_object_get(answer, "number"));
    struct table *table = table_new(block, ARRAY_SIZE(block));

    for (size_t i = 0; i < json_array_size(list) && i < LIST_SHOWN_MAX; i++) {
        const json_t *item = json_array_get(list, i);
        const char *type = field_text(item, "type");
        char seen[SCREEN_SPAN_SIZE] = "";

        if (field_text(item, "first_seen"))
            screen_span(screen, field_time(item, "first_seen"), field_time(item, "last_seen"), seen);
        cell_text(table, screen, type);
        table_take(table, STYLE_PLAIN, cell_observable(screen, type, field_text(item, "value")));
        cell_text(table, screen, field_or(item, "role", ""));
        table_take(table, STYLE_PLAIN, origin(screen, item));
        table_add(table, STYLE_PLAIN, seen);
        table_take(table, STYLE_PLAIN, also_in(screen, item));
    }
    table_print_block(table, screen, _("observables"), MARGIN);
    if (json_array_size(list) < OBSERVABLES_MAX)
        more(screen, json_array_size(list));
    else
        screen_printf(screen, _("%*s… of the newest %d; all: cirt show %s --format csv\n"), MARGIN, "", OBSERVABLES_MAX, number);
    free(number);
    table_free(table);
}

static void owners(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "constituent_list");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        margin(screen, _("owners"), i);
        harmless(screen, field_or(item, "title", field_text(item, "name")));
        screen_text(screen, field_text(item, "told") ? _("  told ") : _("  not told yet"));
        if (field_text(item, "told"))
            when(screen, item, "told");
        screen_text(screen, "\n");
    }
}

static void notes(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "note_list");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        margin(screen, _("notes"), i);
        when(screen, item, "time");
        member(screen, " ", item, "author");
        screen_text(screen, "  ");
        screen_tlp(screen, field_text(item, "tlp"));
        screen_text(screen, field_is(item, "share") ? _("  (may be shared)\n") : "\n");
        screen_outside_lines(screen, field_text(item, "text"), MARGIN + 2);
    }
}

static void shares(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "share_list");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        margin(screen, _("shared"), i);
        screen_printf(screen, "%s  ", field_or(item, "id", "-"));
        harmless(screen, field_text(item, "peer"));
        screen_printf(screen, _("  %lld items  "), (long long)field_number(item, "items", 0));
        harmless(screen, field_text(item, "state"));
        screen_text(screen, " ");
        when(screen, item, field_text(item, "acknowledged") ? "acknowledged" : "sent");
        member(screen, _("  theirs "), item, "theirs");
        screen_end_line(screen);
    }
}

static void related(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "related_list");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        margin(screen, _("related"), i);
        member(screen, "", item, "case");
        member(screen, "  ", item, "kind");
        member(screen, "  ", item, "class");
        member(screen, "  ", item, "state");
        screen_end_line(screen);
    }
}

/* "1 [ ] ask the host  due in 4h": the number is what `cirt task` calls it. */
static void task_lines(struct screen *screen, const json_t *list, size_t most)
{
    for (size_t i = 0; i < json_array_size(list) && i < most; i++) {
        const json_t *item = json_array_get(list, i);
        bool is_done = field_time(item, "done") != TIMESTAMP_NONE;
        char text[PHRASE_SIZE];

        margin(screen, _("tasks"), i);
        screen_printf(screen, is_done ? "%zu [x] " : "%zu [ ] ", i + 1);
        harmless(screen, field_text(item, "text"));
        if (!is_done && field_time(item, "due") != TIMESTAMP_NONE) {
            size_t mark = screen_mark(screen);
            screen_due(screen, field_time(item, "due"), text);
            screen_text(screen, field_time(item, "due") < screen->now ? "  " : _("  due "));
            screen_text(screen, text);
            screen_field_indented(screen, mark, MARGIN);
        }
        screen_end_line(screen);
    }
}

static void tasks(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "task_list");

    task_lines(screen, list, LIST_SHOWN_MAX);
    more(screen, json_array_size(list));
}

void case_view_tasks(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *list = field_list(answer, "items");

    UNUSED(context);
    if (json_array_size(list) == 0)
        screen_text(screen, _("No task.\n"));
    task_lines(screen, list, json_array_size(list));
}

/* "pap:amber", or what stood against it in parentheses. */
static void rule_action(struct screen *screen, const json_t *action, bool is_last)
{
    size_t mark = screen_mark(screen);

    screen_text(screen, " ");
    harmless(screen, field_text(action, "action"));
    if (!field_is(action, "applied")) {
        screen_text(screen, " (");
        harmless(screen, field_or(action, "note", "-"));
        screen_text(screen, ")");
    }
    if (!is_last)
        screen_text(screen, ",");
    screen_field_indented(screen, mark, MARGIN);
}

/* Which rule did what. */
static void rules(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "rule_list");

    for (size_t i = 0; i < json_array_size(list) && i < LIST_SHOWN_MAX; i++) {
        const json_t *item = json_array_get(list, i), *actions = field_list(item, "actions");

        margin(screen, _("rules"), i);
        screen_text(screen, "\"");
        harmless(screen, field_text(item, "rule"));
        screen_printf(screen, field_is(item, "opened") ? _("\" of %s, when it was opened:") : _("\" of %s, of what joined:"),
                      field_or(item, "set", "-"));
        for (size_t k = 0; k < json_array_size(actions); k++)
            rule_action(screen, json_array_get(actions, k), k + 1 == json_array_size(actions));
        int64_t count = field_number(item, "observations", 0);
        size_t mark = screen_mark(screen);
        screen_printf(screen, count == 1 ? _("  (%lld observation") : _("  (%lld observations"), (long long)count);
        if (field_text(item, "report"))
            screen_printf(screen, count == 1 ? _(" from %s") : _(", the first from %s"), field_text(item, "report"));
        screen_text(screen, ")");
        screen_field_indented(screen, mark, MARGIN);
        screen_end_line(screen);
    }
    more(screen, json_array_size(list));
}

/* What is for detection, and until when. */
static void indicators(struct screen *screen, const json_t *answer)
{
    static const struct table_column block[] = {{"", 0, false, true}, {"", 1, false, false}, {"", 2, false, false}, {"", 0, false, false}};
    const json_t *list = field_list(answer, "indicator_list");
    struct table *table = table_new(block, ARRAY_SIZE(block));

    for (size_t i = 0; i < json_array_size(list) && i < LIST_SHOWN_MAX; i++) {
        const json_t *item = json_array_get(list, i);
        bool is_marked = str_equal(field_text(item, "by"), "analyst");
        char text[PHRASE_SIZE];

        table_take(table, STYLE_PLAIN, cell_observable(screen, field_text(item, "type"), field_text(item, "value")));
        cell_tlp(table, screen, item, "tlp");
        if (field_text(item, "until"))
            screen_when(screen, field_time(item, "until"), text);
        table_take(table, STYLE_PLAIN, field_text(item, "until") ? mem_printf(_("until %s"), text) : mem_strdup(""));
        table_add(table, STYLE_PLAIN, is_marked ? _("marked by an analyst") : _("as reported"));
    }
    table_print_block(table, screen, _("indicators"), MARGIN);
    more(screen, json_array_size(list));
    table_free(table);
}

/* Cases that share something rare, with what that is. */
static void alike(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "related"), *common = field_list(answer, "common");
    size_t before = json_array_size(field_list(answer, "related_list")), count = json_array_size(common);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *reasons = field_list(item, "reasons");
        int64_t shared = field_number(item, "shared", 0);

        margin(screen, _("related"), before + i);
        member(screen, "", item, "case");
        member(screen, "  ", item, "class");
        member(screen, "  ", item, "state");
        for (size_t k = 0; k < json_array_size(reasons) && (int64_t)k < shared; k++) {
            size_t mark = screen_mark(screen);
            screen_text(screen, "  ");
            screen_outside(screen, field_text(json_array_get(reasons, k), "text"));
            if (k + 1 < json_array_size(reasons) && (int64_t)k + 1 < shared)
                screen_text(screen, ";");
            screen_field_indented(screen, mark, MARGIN);
        }
        if (shared > (int64_t)json_array_size(reasons))
            screen_printf(screen, _("; %lld more"), (long long)(shared - (int64_t)json_array_size(reasons)));
        screen_end_line(screen);
    }
    if (count > 0) {
        margin(screen, _("common"), 0);
        screen_printf(screen, _("in too many cases to relate any: "));
        screen_outside(screen, field_text(json_array_get(common, 0), "value"));
        if (count > 1)
            screen_printf(screen, _(" and %zu more"), count - 1);
        screen_end_line(screen);
    }
}

static void tags(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "tags");
    char *text = json_array_size(list) ? field_plain(list) : NULL;

    if (!text)
        return;
    margin(screen, _("tags"), 0);
    harmless(screen, text);
    screen_text(screen, "\n");
    free(text);
}

static void last(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "last");

    for (size_t i = 0; i < json_array_size(list) && i < 3; i++) {
        const json_t *item = json_array_get(list, i);

        margin(screen, _("last"), i);
        when(screen, item, "time");
        member(screen, " ", item, "actor");
        screen_text(screen, " ");
        screen_outside(screen, field_or(item, "text", field_text(item, "action")));
        screen_end_line(screen);
    }
    if (json_array_size(list) > 0) {
        margin(screen, "", 0);
        screen_printf(screen, "(cirt journal %lld)\n", (long long)field_number(answer, "number", 0));
    }
}

void case_view_show(struct screen *screen, const json_t *answer, const void *context)
{
    static void (*const blocks[])(struct screen *, const json_t *) = {head,    times,       sightings,       tags,       tasks,  rules,
                                                                      reports, observables, known_good_view, indicators, owners, notes,
                                                                      shares,  related,     alike,           last};

    UNUSED(context);
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
        blocks[i](screen, answer);
}
