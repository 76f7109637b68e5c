#include "cli/key_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/list.h"
#include "cli/words.h"

enum { MARGIN = 12, SOON_DAYS = 30, CLAIMS_SHOWN_MAX = 10 };

static const struct table_column columns[] = {
    {N_("STATE"), 0, false, false}, {N_("WHOSE"), 0, false, true},     {N_("ENDS"), 0, false, false},
    {N_("KEY"), 0, false, false},   {N_("PROTOCOL"), 1, false, false},
};

void key_view_groups(const char *fingerprint, char text[KEY_VIEW_GROUPS_SIZE])
{
    size_t size = strlen(fingerprint), used = 0;

    for (size_t i = 0; i < size && used + 4 < KEY_VIEW_GROUPS_SIZE; i++) {
        if (i > 0 && i % 4 == 0)
            text[used++] = ' ';
        if (i > 0 && i == size / 2)
            text[used++] = ' ';
        text[used++] = fingerprint[i];
    }
    text[used] = '\0';
}

const char *key_view_owner(const json_t *key)
{
    const json_t *of = field_object(key, "of");
    const char *peer = field_text(of, "peer"), *analyst = field_text(of, "analyst");

    return peer ? peer : analyst ? analyst : field_text(of, "contact");
}

const char *key_view_short(const json_t *key)
{
    const char *fingerprint = field_or(key, "fingerprint", "-");
    size_t size = strlen(fingerprint);

    return size > KEY_VIEW_SHORT ? fingerprint + size - KEY_VIEW_SHORT : fingerprint;
}

char *key_view_state(const struct screen *screen, const json_t *key)
{
    const json_t *of = field_object(key, "of");
    const char *state = field_or(key, "state", "-"), *owner = key_view_owner(key);
    const char *kind = field_text(of, "peer") ? _("the peer ") : field_text(of, "analyst") ? _("the analyst ") : "";
    char *clean, *text;

    if (field_is(key, "own") && str_equal(state, "own"))
        return mem_strdup(field_is(key, "signs") ? _("ours: what leaves is signed with it") : _("ours"));
    if (!owner)
        return screen_clean(screen, state, false);
    clean = screen_clean(screen, owner, false);
    if (str_equal(state, "pinned"))
        text = mem_printf(_("pinned to %s%s"), kind, clean);
    else if (str_equal(state, "asked"))
        text = mem_printf(_("to be pinned to %s%s: waits for a second person"), kind, clean);
    else
        text = mem_printf(_("%s, of %s%s"), state, kind, clean);
    free(clean);
    return text;
}

char *key_view_end(const struct screen *screen, const json_t *key)
{
    int64_t end = field_time(key, "expires");
    char text[PHRASE_SIZE];

    if (end == TIMESTAMP_NONE)
        return mem_strdup(_("never"));
    if (end > screen->now + 2 * INT64_C(86400) * TIMESTAMP_SECOND && !screen->exact) {
        phrase_exact(end, text); /* the day, not "Tue" */
        return mem_printf("%.10s", text);
    }
    if (end > screen->now) {
        screen_due(screen, end, text);
        return mem_strdup(text);
    }
    screen_when(screen, end, text);
    return mem_printf(_("ended %s"), text);
}

/* ---- the list ---- */

static bool ends_as(const char *fingerprint, const char *other, size_t digits)
{
    size_t a = strlen(fingerprint), b = strlen(other);

    return a >= digits && b >= digits && strcmp(fingerprint + a - digits, other + b - digits) == 0;
}

/* The end of the fingerprint, as long as no other of the list has the same. */
static json_t *short_name(const json_t *items, size_t which)
{
    const char *fingerprint = field_or(json_array_get(items, which), "fingerprint", "");
    size_t digits = strlen(fingerprint) < KEY_VIEW_SHORT ? strlen(fingerprint) : KEY_VIEW_SHORT;

    for (size_t i = 0; i < json_array_size(items); i++)
        if (i != which && ends_as(fingerprint, field_or(json_array_get(items, i), "fingerprint", ""), digits))
            digits = strlen(fingerprint);
    return json_string(fingerprint + strlen(fingerprint) - digits);
}

static enum style state_style(const char *state)
{
    if (str_equal(state, "pinned") || str_equal(state, "own"))
        return STYLE_GREEN;
    if (str_equal(state, "asked") || str_equal(state, "candidate"))
        return STYLE_YELLOW;
    return STYLE_RED;
}

/* Whom it is pinned to; of one that is not, what it says, which is its maker's word only. */
static char *whose(const struct screen *screen, const json_t *item)
{
    const char *owner = key_view_owner(item);
    char *says, *text;

    if (field_is(item, "own"))
        return mem_strdup(field_is(item, "signs") ? _("us, signs") : _("us"));
    if (owner)
        return screen_clean(screen, owner, false);
    says = screen_clean(screen, field_text(item, "user_id"), true);
    text = mem_printf(_("says: %s"), says);
    free(says);
    return text;
}

static void row(struct table *table, const struct screen *screen, const json_t *item)
{
    int64_t end = field_time(item, "expires");
    bool ended = end != TIMESTAMP_NONE && end <= screen->now;
    bool is_soon = end != TIMESTAMP_NONE && end < screen->now + SOON_DAYS * INT64_C(86400) * TIMESTAMP_SECOND;

    table_take(table, state_style(field_text(item, "state")), screen_clean(screen, field_text(item, "state"), false));
    table_take(table, STYLE_PLAIN, whose(screen, item));
    table_take(table, ended ? STYLE_RED : is_soon ? STYLE_YELLOW : STYLE_PLAIN, key_view_end(screen, item));
    cell_text(table, screen, field_text(item, "short"));
    cell_text(table, screen, field_text(item, "protocol"));
}

int key_view_list(struct session *session, json_t *answer, const char *empty)
{
    struct list_view view = {columns, ARRAY_SIZE(columns), row, empty, NULL};
    json_t *items = json_object_get(answer, "items");

    for (size_t i = 0; !session->has_json && i < json_array_size(items); i++)
        json_object_set_new(json_array_get(items, i), "short", short_name(items, i));
    return list_print(session, answer, &view, NULL);
}

/* ---- one ---- */

static void title(struct screen *screen, const char *text)
{
    screen_style(screen, STYLE_DIM, text);
    screen_pad(screen, MARGIN);
}

static void line(struct screen *screen, const char *name, const char *text)
{
    char *clean = screen_clean(screen, text, false);

    title(screen, name);
    screen_words(screen, clean, MARGIN);
    free(clean);
}

static void texts(struct screen *screen, const char *name, const json_t *list, bool is_outside)
{
    size_t count = json_array_size(list);

    for (size_t i = 0; i < count && i < CLAIMS_SHOWN_MAX; i++) {
        title(screen, i ? "" : name);
        char *clean = screen_clean(screen, json_string_value(json_array_get(list, i)), is_outside);
        screen_words(screen, clean, MARGIN);
        free(clean);
    }
    if (count > CLAIMS_SHOWN_MAX)
        screen_printf(screen, _("%*s… and %zu more\n"), MARGIN, "", count - CLAIMS_SHOWN_MAX);
}

/* Those that the user id does not show already. */
static const json_t *other_claims(const json_t *key, json_t **others)
{
    const char *user_id = field_or(key, "user_id", "");
    const json_t *all = field_list(key, "claims");

    *others = json_array();
    for (size_t i = 0; i < json_array_size(all); i++)
        if (!strcasestr(user_id, json_string_value(json_array_get(all, i))))
            json_array_append(*others, json_array_get(all, i));
    return *others;
}

static void claims(struct screen *screen, const json_t *key)
{
    json_t *others;
    char *clean = screen_clean(screen, field_text(key, "user_id"), true);

    if (field_is(key, "own")) {
        line(screen, _("name"), field_text(key, "user_id"));
    } else {
        title(screen, _("says"));
        screen_words(screen, clean, MARGIN);
        texts(screen, "", other_claims(key, &others), true);
        title(screen, "");
        screen_text(screen, _("that is its maker's word, nothing more\n"));
        json_decref(others);
    }
    free(clean);
}

/* "2 Mar 2025 by lead, asked by analyst" */
static void deed(struct screen *screen, const json_t *key, const char *name, const char *time, const char *who, const char *more)
{
    char when[PHRASE_SIZE], *text;

    if (field_time(key, time) == TIMESTAMP_NONE)
        return;
    screen_when(screen, field_time(key, time), when);
    text = mem_printf(field_text(key, who) ? _("%s by %s%s%s") : "%s%.0s%s%s", when, field_or(key, who, ""), more ? ": " : "",
                      more ? more : "");
    line(screen, name, text);
    free(text);
}

static void history(struct screen *screen, const json_t *key)
{
    char *asked = field_text(key, "asked_by") ? mem_printf(_("asked by %s"), field_text(key, "asked_by")) : NULL;
    char seen[PHRASE_SIZE], *came;

    if (field_time(key, "pinned") == TIMESTAMP_NONE && asked)
        line(screen, _("asked"), asked);
    deed(screen, key, _("pinned"), "pinned", "pinned_by", asked);
    deed(screen, key, _("revoked"), "revoked", "",
         str_equal(field_text(key, "protocol"), "smime") ? _("in a revocation list of its CA")
                                                         : _("its owner says that it counts no more"));
    deed(screen, key, _("distrusted"), "distrusted", "distrusted_by", field_text(key, "reason"));
    screen_when(screen, field_time(key, "seen"), seen);
    came = mem_printf("%s%s%s, %s", field_or(key, "source", "-"), field_text(key, "report") ? _(" in ") : "", field_or(key, "report", ""),
                      seen);
    line(screen, _("from"), came);
    free(asked);
    free(came);
}

/* What somebody who reads this will do next. */
static void next_step(struct screen *screen, const json_t *key)
{
    const char *name = key_view_short(key), *state = field_text(key, "state");
    const char *claim = json_string_value(json_array_get(field_list(key, "claims"), 0));
    char *clean;

    if (str_equal(state, "candidate")) {
        clean = screen_clean(screen, claim ? claim : "ADDRESS", false);
        screen_printf(screen, _("Compare the digits with its owner, not by mail, then:\n  cirt key pin %s --contact %s\n"), name, clean);
        free(clean);
    } else if (str_equal(state, "asked")) {
        screen_printf(screen, _("A second person compares the digits, then:\n  cirt key pin %s --peer %s\n"), name,
                      field_or(field_object(key, "of"), "peer", "-"));
    } else if (str_equal(state, "expired") && !field_is(key, "own")) {
        screen_text(screen, _("A newer copy of the same key:\n  cirt key refresh FILE\n"));
    }
}

void key_view_one(struct screen *screen, const json_t *key, const void *context)
{
    char groups[KEY_VIEW_GROUPS_SIZE], *state = key_view_state(screen, key), *end = key_view_end(screen, key);
    const char *protocol = field_or(key, "protocol", "-");

    UNUSED(context);
    key_view_groups(field_or(key, "fingerprint", ""), groups);
    screen_words(screen, groups, 0);
    line(screen, _("state"), state);
    line(screen, _("kind"), str_equal(protocol, "smime") ? _("S/MIME certificate") : _("OpenPGP key"));
    title(screen, _("ends"));
    screen_printf(screen, "%s%s\n", end, field_is(key, "can_encrypt") ? "" : _("   for signatures only"));
    if (field_text(key, "problem"))
        line(screen, _("unusable"), field_text(key, "problem"));
    texts(screen, _("counts for"), field_is(key, "own") ? NULL : field_list(key, "addresses"), false);
    claims(screen, key);
    if (!field_is(key, "own"))
        history(screen, key);
    next_step(screen, key);
    free(state);
    free(end);
}
