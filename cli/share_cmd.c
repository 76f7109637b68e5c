#include "cli/share_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/document.h"
#include "cli/field.h"
#include "cli/list.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"
#include "codec/losses.h"

/* LINES_MOST: items of a kind and a decision that are shown one by one on a terminal, where there are more than ITEMS_MANY in all. */
enum { WAIT_MAX_MS = 60000, ITEMS_MANY = 100, LINES_MOST = 10, OBSERVABLES_LISTED = 100 /* of an incoming document, by the desk */ };

/* "goes", "goes as pseudonym (personal)", "stays: TLP:RED, named persons only" */
static char *decision(const struct screen *screen, const json_t *item)
{
    const char *reason = field_text(item, "reason");
    char *clean = reason ? screen_clean(screen, reason, false) : NULL, *text;

    if (field_is(item, "goes"))
        text = clean ? mem_printf(_("goes: %s"), clean) : mem_strdup(_("goes"));
    else
        text = clean ? mem_printf(_("stays: %s"), clean) : mem_strdup(_("stays"));
    free(clean);
    return text;
}

static char *agreement(const struct screen *screen, const json_t *peer)
{
    const json_t *object = field_object(peer, "agreement");
    char until[PHRASE_SIZE];

    if (!object)
        return mem_strdup(_("none in force"));
    screen_when(screen, field_time(object, "until"), until);
    char *text = mem_printf(_("to %.10s, ceiling "), field_or(object, "until", until)), *both, *ceiling;

    ceiling = screen_clean(screen, field_text(object, "ceiling"), false);
    for (char *c = ceiling; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    both = mem_printf("%s%s", text, ceiling);
    free(text);
    free(ceiling);
    return both;
}

static bool is_same(const json_t *a, const json_t *b)
{
    return str_equal(field_text(a, "kind"), field_text(b, "kind")) && json_equal(json_object_get(a, "ref"), json_object_get(b, "ref"));
}

/* The same item in the list of another peer: mostly at the same place. */
static const json_t *same_item(const json_t *peer, const json_t *item, size_t place)
{
    const json_t *items = field_list(peer, "items");

    if (is_same(json_array_get(items, place), item))
        return json_array_get(items, place);
    for (size_t i = 0; i < json_array_size(items); i++)
        if (is_same(json_array_get(items, i), item))
            return json_array_get(items, i);
    return NULL;
}

/* "ipv4   198.51.100.7", "note   list of victims" */
static char *item_name(const struct screen *screen, const json_t *item)
{
    const char *type = field_text(item, "type");
    char *text = cell_observable(screen, type, field_text(item, "text"));
    char *name = mem_printf("%-8s %s", type ? type : field_or(item, "kind", "-"), text);

    free(text);
    return name;
}

/* "misp does not carry: 3 labels, the class"; nothing where all is carried. */
static void not_carried(struct screen *screen, const json_t *peer)
{
    const json_t *losses = field_object(peer, "not_carried");
    struct buf lost;

    buf_init(&lost, 1024);
    for (size_t i = 0; i < losses_member_count; i++)
        document_tell_loss(&lost, losses_members[i].name, (size_t)field_number(losses, losses_members[i].name, 0));
    if (lost.size)
        screen_printf(screen, _("%s: %s does not carry %s.\n"), field_or(peer, "peer", "-"), field_or(peer, "format", "-"),
                      buf_text(&lost));
    buf_clear(&lost);
}

/* What is the same of many items: the kind, and what becomes of them with each peer. The caller's. */
static char *sort_of(const json_t *peers, const json_t *item, size_t place)
{
    char *text = mem_strdup(field_or(item, "type", field_or(item, "kind", "-")));

    for (size_t j = 0; j < json_array_size(peers); j++) {
        const json_t *there = same_item(json_array_get(peers, j), item, place);
        char *longer = mem_printf("%s|%d %s", text, field_is(there, "goes"), field_or(there, "reason", ""));
        free(text);
        text = longer;
    }
    return text;
}

static void item_row(struct table *table, const struct screen *screen, char *name, const json_t *peers, const json_t *item, size_t place)
{
    table_take(table, STYLE_PLAIN, name);
    for (size_t j = 0; j < json_array_size(peers); j++) {
        const json_t *there = same_item(json_array_get(peers, j), item, place);
        table_take(table, field_is(there, "goes") ? STYLE_GREEN : STYLE_YELLOW, decision(screen, there));
    }
}

/* Of many items on a terminal the first of each sort, then how many more there are. */
static void item_rows(struct table *table, const struct screen *screen, const json_t *peers)
{
    const json_t *items = field_list(json_array_get(peers, 0), "items");
    bool is_short = screen->is_terminal && json_array_size(items) > ITEMS_MANY;
    json_t *sorts = json_object(), *sort;
    const char *name;

    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (is_short) {
            char *text = sort_of(peers, item, i);
            if (!json_object_get(sorts, text))
                json_object_set_new(sorts, text, json_pack("{s:i, s:i}", "count", 0, "place", (int)i));
            sort = json_object_get(sorts, text);
            free(text);
            json_object_set_new(sort, "count", json_integer(field_number(sort, "count", 0) + 1));
            if (field_number(sort, "count", 0) > LINES_MOST)
                continue;
        }
        item_row(table, screen, item_name(screen, item), peers, item, i);
    }
    json_object_foreach(sorts, name, sort)
    {
        size_t place = (size_t)field_number(sort, "place", 0);
        const json_t *item = json_array_get(items, place);
        char count[PHRASE_SIZE];
        if (field_number(sort, "count", 0) <= LINES_MOST)
            continue;
        phrase_number(field_number(sort, "count", 0) - LINES_MOST, count);
        item_row(table, screen, mem_printf(_("%-8s and %s more"), field_or(item, "type", field_or(item, "kind", "-")), count), peers, item,
                 place);
    }
    json_decref(sorts);
}

/* Items down, peers across: what goes to whom and why not. */
static void decisions(struct screen *screen, const json_t *answer)
{
    const json_t *peers = field_list(answer, "items");
    size_t count = json_array_size(peers), used = 1;
    struct table_column *columns = mem_calloc(count + 1, sizeof *columns);
    struct table *table;

    columns[0] = (struct table_column){"", 0, false, true};
    for (; used <= count; used++)
        columns[used].title = field_or(json_array_get(peers, used - 1), "peer", "-");
    table = table_new(columns, count + 1);
    table_add(table, STYLE_DIM, _("agreement"));
    for (size_t j = 0; j < count; j++)
        table_take(table, STYLE_PLAIN, agreement(screen, json_array_get(peers, j)));
    table_add(table, STYLE_DIM, _("format"));
    for (size_t j = 0; j < count; j++)
        table_take(table, STYLE_PLAIN, screen_clean(screen, field_or(json_array_get(peers, j), "format", "-"), false));
    item_rows(table, screen, peers);
    table_print(table, screen);
    table_free(table);
    free(columns);
}

static void count_items(const json_t *peer, size_t *goes, size_t *stays)
{
    const json_t *items = field_list(peer, "items");

    *goes = *stays = 0;
    for (size_t i = 0; i < json_array_size(items); i++)
        *(field_is(json_array_get(items, i), "goes") ? goes : stays) += 1;
}

/* "YY-CERT: by mail to soc@yy.example, encrypted." */
static void way(struct screen *screen, const json_t *peer)
{
    const char *protection = field_text(peer, "protection");
    char *address = screen_clean(screen, field_or(peer, "to", "-"), false);

    if (protection)
        screen_printf(screen,
                      str_equal(protection, "encrypted") ? _("%s: by mail to %s, encrypted.\n") : _("%s: by mail to %s, IN CLEAR.\n"),
                      field_or(peer, "peer", "-"), address);
    free(address);
}

/* "YY-CERT: 4,992 of 5,004 items go." where they are too many to be counted by eye. */
static void totals(struct screen *screen, const json_t *peer)
{
    size_t goes, stays;
    char some[PHRASE_SIZE], all[PHRASE_SIZE];

    count_items(peer, &goes, &stays);
    if (goes + stays <= ITEMS_MANY)
        return;
    phrase_number((int64_t)goes, some);
    phrase_number((int64_t)(goes + stays), all);
    if (field_number(peer, "documents", 1) > 1)
        screen_printf(screen, _("%s: %s of %s items go, in %lld documents.\n"), field_or(peer, "peer", "-"), some, all,
                      (long long)field_number(peer, "documents", 1));
    else
        screen_printf(screen, _("%s: %s of %s items go.\n"), field_or(peer, "peer", "-"), some, all);
}

/* What was said, to be said again: without it something else would go. */
static void same_options(struct screen *screen, const struct options *options)
{
    static const char *const names[] = {"only", "tlp", "format", "by"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = options_text(options, names[i]);
        bool is_plain = value && value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:.,/+-")] == '\0';

        if (value)
            screen_printf(screen, is_plain ? " --%s %s" : " --%s '%s'", names[i], value);
    }
}

static void render_dry(struct screen *screen, const json_t *answer, const void *context)
{
    const struct session *session = context;
    const json_t *peers = field_list(answer, "items");

    decisions(screen, answer);
    for (size_t i = 0; i < json_array_size(peers); i++)
        not_carried(screen, json_array_get(peers, i));
    for (size_t i = 0; i < json_array_size(peers); i++)
        totals(screen, json_array_get(peers, i));
    for (size_t i = 0; i < json_array_size(peers); i++)
        way(screen, json_array_get(peers, i));
    screen_text(screen, _("Nothing was sent."));
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const json_t *peer = json_array_get(peers, i);
        size_t goes, stays;
        count_items(peer, &goes, &stays);
        if (goes > 0) {
            screen_printf(screen, _("   Send what goes: cirt share %s --with %s"), session_operand(session, 0),
                          field_or(peer, "peer", "-"));
            same_options(screen, &session->options);
        } else if (!field_object(peer, "agreement"))
            screen_printf(screen, _("   See: cirt agreement ls"));
    }
    screen_text(screen, "\n");
}

static void render_sent(struct screen *screen, const json_t *answer, const void *context)
{
    const struct session *session = context;
    const json_t *peers = field_list(answer, "items");

    for (size_t i = 0; i < json_array_size(peers); i++) {
        const json_t *peer = json_array_get(peers, i), *items = field_list(peer, "items");
        size_t goes, stays;

        count_items(peer, &goes, &stays);
        screen_printf(screen, _("case %s -> %s: "), session_operand(session, 0), field_or(peer, "peer", "-"));
        if (field_text(peer, "share") && field_number(peer, "documents", 1) > 1)
            screen_printf(screen, _("%zu items in %lld documents, share %s %s"), goes, (long long)field_number(peer, "documents", 1),
                          field_text(peer, "share"), field_or(peer, "state", "-"));
        else if (field_text(peer, "share"))
            screen_printf(screen, _("%zu items, share %s %s"), goes, field_text(peer, "share"), field_or(peer, "state", "-"));
        else
            screen_text(screen, _("nothing goes"));
        screen_printf(screen, stays ? _(", %zu stay home\n") : "\n", stays);
        way(screen, peer);
        not_carried(screen, peer);
        for (size_t j = 0; j < json_array_size(items) && !field_text(peer, "share"); j++) {
            if (screen->is_terminal && json_array_size(items) > ITEMS_MANY && j == LINES_MOST) {
                screen_printf(screen, _("      and %zu more: say it with --dry-run\n"), json_array_size(items) - j);
                break;
            }
            char *name = item_name(screen, json_array_get(items, j)), *why = decision(screen, json_array_get(items, j));
            screen_printf(screen, "      %s  %s\n", name, why);
            free(name);
            free(why);
        }
    }
}

/* Nobody acknowledges by mail. */
static bool is_settled(const json_t *share)
{
    const char *state = field_text(share, "state");
    static const char *const settled[] = {"acknowledged", "accepted", "declined", "failed", "expired", "withdrawn", "held"};

    for (size_t i = 0; i < ARRAY_SIZE(settled); i++)
        if (str_equal(state, settled[i]))
            return true;
    return str_equal(state, "sent") && str_equal(field_text(share, "by"), "mail");
}

/* Of a list of shares the one with that number; borrowed, or NULL. */
static const json_t *share_of(const json_t *list, const char *share)
{
    size_t i;
    json_t *item;

    json_array_foreach(field_list(list, "items"), i, item)
    {
        if (str_equal(field_text(item, "id"), share))
            return item;
    }
    return NULL;
}

/* --wait: until the peer has acknowledged, or for a minute in which nothing goes on; the state comes into the answer. */
static void wait_for(struct session *session, json_t *peer)
{
    int64_t until = timestamp_monotonic_ms() + WAIT_MAX_MS, part = 0;
    struct timespec pause = {0, 50 * 1000 * 1000};
    const char *share = field_text(peer, "share");

    while (share && session->exit_code == EXIT_DONE) {
        json_t *list = session_get(session, url_with(mem_strdup("/v1/shares"), "case", session_operand(session, 0)));
        const json_t *now = share_of(list, share);
        bool done = !now || is_settled(now);

        if (now)
            json_object_set(peer, "state", json_object_get(now, "state"));
        if (now && field_number(now, "part", 0) > part) {
            part = field_number(now, "part", 0);
            until = timestamp_monotonic_ms() + WAIT_MAX_MS;
        }
        json_decref(list);
        if (done || timestamp_monotonic_ms() > until)
            break;
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < 400 * 1000 * 1000)
            pause.tv_nsec *= 2;
    }
}

/* Each once, however often it was named. */
static json_t *list_of(const struct options *options, const char *name)
{
    json_t *list = json_array();
    const char *text;

    for (size_t i = 0; (text = options_item(options, name, i)); i++) {
        bool is_there = false;
        for (size_t k = 0; k < json_array_size(list); k++)
            is_there = is_there || str_equal_nocase(json_string_value(json_array_get(list, k)), text);
        if (!is_there)
            json_array_append_new(list, json_string(text));
    }
    return list;
}

static json_t *optional(const struct options *options, const char *name)
{
    const char *text = options_text(options, name);

    return text ? json_string(text) : json_null();
}

/* The case as it is asked for: to all peers, or (after not NULL) to one, the values behind that one. */
static json_t *ask(struct session *session, json_t *peers, const char *after)
{
    const struct options *options = &session->options;

    return session_post(session, url_path("/v1/cases/{}/shares", session_operand(session, 0)),
                        json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:s?}", "with", peers, "only", optional(options, "only"), "tlp",
                                  optional(options, "tlp"), "format", optional(options, "format"), "by", optional(options, "by"), "dry_run",
                                  options_has(options, "dry-run"), "after", after),
                        -1);
}

/* What the next document has comes to what those before it have. */
static void add_document(json_t *peer, const json_t *more)
{
    json_t *lost = json_object_get(peer, "not_carried");

    json_array_extend(json_object_get(peer, "items"), json_object_get(more, "items"));
    for (size_t i = 0; i < losses_member_count; i++) {
        int64_t count = field_number(field_object(more, "not_carried"), losses_members[i].name, 0);
        if (count > 0)
            json_object_set_new(lost, losses_members[i].name, json_integer(field_number(lost, losses_members[i].name, 0) + count));
    }
    json_object_set(peer, "next", json_object_get(more, "next"));
    json_object_set(peer, "state", json_object_get(more, "state"));
}

/* More than a document has goes as several: each is asked for by itself, and nothing leaves before the last one was. */
static bool ask_for_the_rest(struct session *session, json_t *peer)
{
    int64_t documents = 1;
    size_t goes, stays;

    while (field_text(peer, "next")) {
        json_t *answer = ask(session, json_pack("[s]", field_or(peer, "peer", "")), field_text(peer, "next"));
        const json_t *more = json_array_get(field_list(answer, "items"), 0);
        if (!answer)
            return false;
        count_items(more, &goes, &stays);
        documents += goes > 0;
        add_document(peer, more);
        json_decref(answer);
    }
    json_object_set_new(peer, "documents", json_integer(documents));
    return true;
}

int share_cmd_share(struct session *session)
{
    const struct options *options = &session->options;
    bool is_dry = options_has(options, "dry-run"), any = false;
    json_t *answer, *peers;

    if (!options_has(options, "with"))
        return session_fail(session, EXIT_USAGE, NULL, _("with whom? cirt share %s --with PEER..."), session_operand(session, 0));
    answer = ask(session, list_of(options, "with"), NULL);
    peers = json_object_get(answer, "items");
    for (size_t i = 0; i < json_array_size(peers); i++) {
        if (!ask_for_the_rest(session, json_array_get(peers, i))) {
            json_decref(answer);
            answer = NULL;
        }
    }
    if (!answer)
        return session->exit_code;
    for (size_t i = 0; i < json_array_size(peers); i++) {
        json_t *peer = json_array_get(peers, i);

        any = any || field_text(peer, "share");
        if (options_has(options, "wait") && !is_dry)
            wait_for(session, peer);
        if (str_equal(field_text(peer, "state"), "failed") || str_equal(field_text(peer, "state"), "expired"))
            session->exit_code = EXIT_REFUSED;
    }
    if (!is_dry && !any)
        session->exit_code = EXIT_REFUSED;
    session_print(session, answer, is_dry ? render_dry : render_sent, session);
    json_decref(answer);
    return session->exit_code;
}

static const struct table_column share_columns[] = {
    {N_("SHARE"), 0, false, false},  {N_("CASE"), 0, true, false},          {N_("PEER"), 0, false, false},   {N_("STATE"), 0, false, false},
    {N_("FORMAT"), 7, false, false}, {N_("BY"), 8, false, false},           {N_("ITEMS"), 4, true, false},   {N_("TLP"), 3, false, false},
    {N_("SENT"), 2, false, false},   {N_("ACKNOWLEDGED"), 1, false, false}, {N_("THEIRS"), 5, false, false}, {N_("NOTE"), 6, false, true},
};

/* "queued", or of several documents "queued 3/10": the one at hand. */
static void share_state(struct table *table, const struct screen *screen, const json_t *item)
{
    int64_t part = field_number(item, "part", 1), parts = field_number(item, "parts", 1);
    char *text = mem_printf("%s %lld/%lld", field_or(item, "state", "-"), (long long)part, (long long)parts);

    cell_text(table, screen, parts > 1 && !str_equal(field_text(item, "state"), "acknowledged") ? text : field_text(item, "state"));
    free(text);
}

static void share_row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_text(table, screen, field_text(item, "id"));
    cell_plain(table, screen, json_object_get(item, "case"));
    cell_text(table, screen, field_text(item, "peer"));
    share_state(table, screen, item);
    cell_text(table, screen, field_text(item, "format"));
    cell_text(table, screen, field_text(item, "by"));
    cell_number(table, screen, item, "items");
    cell_tlp(table, screen, item, "tlp");
    cell_when(table, screen, item, "sent");
    cell_when(table, screen, item, "acknowledged");
    cell_text(table, screen, field_text(item, "theirs"));
    cell_outside(table, screen, field_text(item, "error"));
}

int share_cmd_shares(struct session *session)
{
    static const struct list_view view = {share_columns, ARRAY_SIZE(share_columns), share_row, N_("Nothing was shared."), NULL};
    char *path = url_with(mem_strdup("/v1/shares"), "case", session_operand(session, 0));

    return list_print(session, list_get(session, path), &view, NULL);
}

static const struct table_column incoming_columns[] = {
    {N_("INCOMING"), 0, false, false}, {N_("PEER"), 0, false, false}, {N_("RECEIVED"), 0, false, false}, {N_("STATE"), 0, false, false},
    {N_("TLP"), 1, false, false},      {N_("ITEMS"), 3, true, false}, {N_("THEIRS"), 2, false, false},   {N_("CASE"), 0, false, false},
};

static void incoming_row(struct table *table, const struct screen *screen, const json_t *item)
{
    cell_text(table, screen, field_text(item, "id"));
    cell_text(table, screen, field_text(item, "peer"));
    cell_when(table, screen, item, "received");
    cell_text(table, screen, field_text(item, "state"));
    cell_tlp(table, screen, item, "tlp");
    cell_number(table, screen, item, "items");
    cell_text(table, screen, field_text(item, "theirs"));
    cell_plain(table, screen, json_object_get(item, "case"));
}

int share_cmd_incoming_ls(struct session *session)
{
    static const struct list_view view = {incoming_columns, ARRAY_SIZE(incoming_columns), incoming_row, N_("Nothing has come in."), NULL};

    return list_print(session, list_get(session, mem_strdup("/v1/incoming")), &view, NULL);
}

/* What they wrote; long ones in short, since report show has all of it. */
static void their_words(struct screen *screen, const json_t *answer)
{
    const char *text = field_or(answer, "description", ""), *end = text;
    size_t lines = 0;

    if (!*text || str_equal(text, field_text(answer, "summary")))
        return;
    for (; *end && lines < LINES_MOST; lines++)
        end += strcspn(end, "\n") + (end[strcspn(end, "\n")] == '\n');
    char *shown = mem_printf("%.*s", (int)(end - text), text);
    screen_text(screen, "\n");
    screen_outside_lines(screen, shown, 2);
    if (*end)
        screen_printf(screen, _("  … all of it: cirt report show %s\n"), field_or(answer, "report", "-"));
    screen_text(screen, "\n");
    free(shown);
}

static void their_values(struct screen *screen, const json_t *answer)
{
    static const struct table_column block[] = {{"", 0, false, false}, {"", 0, false, true}, {"", 0, false, false}};
    const json_t *list = field_list(answer, "observable_list");
    int64_t unseen = field_number(answer, "items", 0) - (int64_t)json_array_size(list);
    struct table *table = table_new(block, ARRAY_SIZE(block));

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        cell_text(table, screen, field_or(item, "type", "-"));
        table_take(table, STYLE_PLAIN, cell_observable(screen, field_text(item, "type"), field_text(item, "value")));
        cell_text(table, screen, field_or(item, "role", ""));
    }
    table_print_block(table, screen, "", 0);
    if (unseen > 0 && json_array_size(list) == OBSERVABLES_LISTED)
        screen_printf(screen, _("… all of them: cirt report show %s --all\n"), field_or(answer, "report", "-"));
    table_free(table);
}

static void render_incoming(struct screen *screen, const json_t *answer, const void *context)
{
    char received[PHRASE_SIZE];
    const char *id = field_or(answer, "id", "-");
    size_t mark;
    char *number = field_plain(json_object_get(answer, "case")), *theirs = screen_clean(screen, field_text(answer, "theirs"), false);

    UNUSED(context);
    screen_when(screen, field_time(answer, "received"), received);
    screen_printf(screen, _("%s  from %s, %s   "), id, field_or(answer, "peer", "-"), received);
    screen_tlp(screen, field_text(answer, "tlp"));
    screen_printf(screen, "   %s", field_or(answer, "state", "-"));
    mark = screen_mark(screen);
    screen_printf(screen, _("   theirs %s   report %s"), theirs, field_or(answer, "report", "-"));
    if (number)
        screen_printf(screen, _("   case %s"), number);
    screen_field(screen, mark);
    screen_text(screen, "\n");
    screen_outside_lines(screen, field_text(answer, "summary"), 0);
    their_words(screen, answer);
    their_values(screen, answer);
    if (field_text(answer, "joins"))
        screen_printf(screen, _("an update of what is %s here, which it joins\n"), field_text(answer, "joins"));
    if (!str_equal(field_text(answer, "state"), "accepted") && !str_equal(field_text(answer, "state"), "declined"))
        screen_printf(screen, _("cirt incoming accept %s%s   or   cirt incoming decline %s -m WHY\n"), id,
                      field_text(answer, "joins") ? "" : " [--case N]", id);
    free(number);
    free(theirs);
}

int share_cmd_incoming_show(struct session *session)
{
    json_t *answer = session_get(session, url_path("/v1/incoming/{}", session_operand(session, 0)));

    if (answer)
        session_print(session, answer, render_incoming, NULL);
    json_decref(answer);
    return session->exit_code;
}

int share_cmd_incoming_accept(struct session *session)
{
    const char *operand = session_operand(session, 0);
    json_t *body = json_pack("{s:o}", "case", optional(&session->options, "case"));
    json_t *answer = session_post(session, url_path("/v1/incoming/{}/accept", operand), body, -1);

    if (answer) {
        char *number = field_plain(json_object_get(answer, "case"));
        session_done(session, answer, _("%s accepted: case %s   (cirt %s)"), operand, number ? number : "-", number ? number : "ls");
        free(number);
    }
    json_decref(answer);
    return session->exit_code;
}

int share_cmd_incoming_decline(struct session *session)
{
    const char *operand = session_operand(session, 0), *reason = options_text(&session->options, "message");
    json_t *answer;

    if (str_is_empty(reason))
        return session_fail(session, EXIT_USAGE, NULL, _("declining needs a reason: cirt incoming decline %s -m WHY"), operand);
    answer = session_post(session, url_path("/v1/incoming/{}/decline", operand), json_pack("{s:s}", "reason", reason), -1);
    if (answer)
        session_done(session, answer, _("%s of %s declined"), operand, field_or(answer, "peer", _("the peer")));
    json_decref(answer);
    return session->exit_code;
}
