#include "cli/record_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/file.h"
#include "cli/key_file.h"
#include "cli/list.h"
#include "cli/record_kind.h"
#include "cli/rule_cmd.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"
#include "crypto/mtls.h"

enum { RECORD_MARGIN = 15 };

/* ---- from options to members; each gives NULL with err set where the value is wrong ---- */

static json_t *file_value(const char *path, struct err *err)
{
    char *text = file_text(path, err);
    json_t *value = text ? json_string(text) : NULL;

    if (text && !value)
        err_set(err, ERR_INPUT, _("%s is not UTF-8 text"), path);
    free(text);
    return value;
}

static json_t *cas_value(const char *path, struct err *err)
{
    json_t *value = file_value(path, err);

    if (!value || mtls_only_certificates(json_string_value(value), err))
        return value;
    err_context(err, "%s", path);
    json_decref(value);
    return NULL;
}

static json_t *key_value(const char *text, struct err *err)
{
    unsigned char key[MTLS_KEY_SIZE];
    char hex[2 * MTLS_KEY_SIZE + 1];

    if (!str_from_hex(text, key, sizeof key) && !mtls_file_key_sha256(text, key, err))
        return NULL;
    str_hex(key, sizeof key, hex);
    return json_string(hex);
}

static json_t *number_value(const char *text, struct err *err)
{
    int64_t number;

    if (str_to_int64(str_starts_nocase(text, "AS") ? text + 2 : text, 0, UINT32_MAX, &number))
        return json_integer(number);
    err_set(err, ERR_INPUT, _("'%s' is no number"), text);
    return NULL;
}

static json_t *contact_value(const char *text)
{
    const char *open = strrchr(text, '<'), *close = open ? strchr(open, '>') : NULL;
    json_t *contact = json_object();

    if (*text == '+') {
        json_object_set_new(contact, "phone", json_string(text));
    } else if (close) {
        size_t size = (size_t)(open - text);
        while (size > 0 && text[size - 1] == ' ')
            size--;
        if (size > 0)
            json_object_set_new(contact, "name", json_stringn(text, size));
        json_object_set_new(contact, "email", json_stringn(open + 1, (size_t)(close - open - 1)));
    } else {
        json_object_set_new(contact, "email", json_string(text));
    }
    return contact;
}

static json_t *day_value(const char *text, bool at_end, struct err *err)
{
    char when[TIMESTAMP_TEXT_SIZE];
    int64_t moment;

    if (!phrase_read(text, timestamp_now(), at_end, &moment)) {
        err_set(err, ERR_INPUT, _("'%s' is no day or time; for example 2027-03-31, tomorrow, 30d"), text);
        return NULL;
    }
    timestamp_format(moment, when);
    return json_string(when);
}

static json_t *switch_value(const char *text, struct err *err)
{
    if (str_equal_nocase(text, "yes") || str_equal_nocase(text, "true"))
        return json_true();
    if (str_equal_nocase(text, "no") || str_equal_nocase(text, "false"))
        return json_false();
    err_set(err, ERR_INPUT, _("'%s' is neither yes nor no"), text);
    return NULL;
}

static json_t *seconds_value(const char *text, struct err *err)
{
    int64_t seconds;

    if (timestamp_parse_duration(text, &seconds) && seconds > 0)
        return json_integer(seconds);
    err_set(err, ERR_INPUT, _("'%s' is no length of time; for example 90s, 15m, 6h, 1d"), text);
    return NULL;
}

static json_t *count_value(const char *text, struct err *err)
{
    int64_t number;

    if (str_to_int64(text, 0, INT64_C(1000000000000), &number))
        return json_integer(number);
    err_set(err, ERR_INPUT, _("'%s' is no number"), text);
    return NULL;
}

/* "500MB", "500M", "500000000": powers of ten, as sizes are printed. */
static json_t *bytes_value(const char *text, struct err *err)
{
    static const char units[] = "kMGT";
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits, *known = *unit && *unit != 'B' ? strchr(units, *unit == 'K' ? 'k' : *unit) : NULL;
    char number[16];
    int64_t size = 0, factor = 1;

    snprintf(number, sizeof number, "%.*s", (int)digits, text);
    for (const char *u = units; known && u <= known; u++)
        factor *= 1000;
    unit += known != NULL;
    if ((str_equal(unit, "") || str_equal(unit, "B")) && str_to_int64(number, 1, INT64_C(100000000000000) / factor, &size))
        return json_integer(size * factor);
    err_set(err, ERR_INPUT, _("'%s' is no size; for example 500MB"), text);
    return NULL;
}

static json_t *one_value(enum field_shape shape, const char *text, struct err *err)
{
    json_t *value;

    switch (shape) {
    case FIELD_NUMBER:
    case FIELD_NUMBERS:
        return number_value(text, err);
    case FIELD_FILE:
        return file_value(text, err);
    case FIELD_CAS:
        return cas_value(text, err);
    case FIELD_KEYS:
        return key_value(text, err);
    case FIELD_START:
    case FIELD_END:
        return day_value(text, shape == FIELD_END, err);
    case FIELD_CONTACTS:
        return contact_value(text);
    case FIELD_SWITCH:
        return switch_value(text, err);
    case FIELD_WORD:
        return json_true();
    case FIELD_SECONDS:
        return seconds_value(text, err);
    case FIELD_COUNT:
        return count_value(text, err);
    case FIELD_BYTES:
        return bytes_value(text, err);
    default:
        value = json_string(text);
        if (!value)
            err_set(err, ERR_INPUT, _("a value is not UTF-8"));
        return value;
    }
}

static bool is_list(enum field_shape shape)
{
    return shape == FIELD_TEXTS || shape == FIELD_NUMBERS || shape == FIELD_OPENPGP || shape == FIELD_KEYS || shape == FIELD_CONTACTS;
}

/* "--fresh none", as filters say that a field has no value. */
static bool is_taken_away(enum field_shape shape, const char *text)
{
    return shape != FIELD_SWITCH && shape != FIELD_WORD && str_equal_nocase(text, "none");
}

static bool set_field(const struct options *options, const struct record_field *field, json_t *body, struct err *err)
{
    json_t *list, *value;
    const char *text;

    if (!is_list(field->shape)) {
        text = options_text(options, field->option);
        value = is_taken_away(field->shape, text) ? json_null() : one_value(field->shape, text, err);
        return value && json_object_set_new(body, field->member, value) == 0;
    }
    list = json_array();
    json_object_set_new(body, field->member, list);
    text = options_item(options, field->option, 0);
    if (text && is_taken_away(field->shape, text) && !options_item(options, field->option, 1))
        return true; /* all of them */
    for (size_t i = 0; (text = options_item(options, field->option, i)); i++) {
        value =
            field->shape == FIELD_OPENPGP ? key_file_record(text, options_text(options, "mail"), err) : one_value(field->shape, text, err);
        if (!value)
            return false;
        json_array_append_new(list, value);
    }
    return true;
}

/* The members that the options name; NULL: told. */
static json_t *members(struct session *session)
{
    json_t *body = json_object();
    struct err err = {0};

    for (const struct record_field *field = session->command->record->fields; field->option; field++) {
        if (!options_has(&session->options, field->option) || set_field(&session->options, field, body, &err))
            continue;
        err_context(&err, "--%s", field->option);
        session_fail_err(session, EXIT_USAGE, NULL, &err);
        json_decref(body);
        return NULL;
    }
    return body;
}

/* ---- the commands ---- */

static bool is_day(const struct record_kind *kind, const char *member)
{
    for (const struct record_field *field = kind->fields; field->option; field++)
        if (str_equal(field->member, member))
            return field->shape == FIELD_START || field->shape == FIELD_END;
    return false;
}

/* Ends and beginnings that people give as days are days, even today's. */
static void when_text(const struct screen *screen, const struct record_kind *kind, const json_t *record, const char *member,
                      char text[PHRASE_SIZE])
{
    int64_t moment = field_time(record, member);

    if (is_day(kind, member) && !screen->exact)
        phrase_day(moment, text);
    else
        screen_when(screen, moment, text);
}

static void row(struct table *table, const struct screen *screen, const json_t *item, const struct record_kind *kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(kind->columns) && kind->columns[i]; i++) {
        const json_t *value = json_object_get(item, kind->columns[i]);
        char text[PHRASE_SIZE];
        if (field_time(item, kind->columns[i]) != TIMESTAMP_NONE) {
            when_text(screen, kind, item, kind->columns[i], text);
            table_add(table, STYLE_PLAIN, text);
        } else if (json_is_integer(value))
            cell_number(table, screen, item, kind->columns[i]);
        else
            cell_plain(table, screen, value);
    }
}

static void render_list(struct screen *screen, const json_t *answer, const void *context)
{
    const struct session *session = context;
    const struct record_kind *kind = session->command->record;
    struct table_column columns[ARRAY_SIZE(kind->columns)] = {0};
    char titles[ARRAY_SIZE(kind->columns)][32];
    const json_t *items = field_list(answer, "items");
    size_t count = 0;
    struct table *table;

    for (; count < ARRAY_SIZE(kind->columns) && kind->columns[count]; count++) {
        snprintf(titles[count], sizeof titles[count], "%s", kind->columns[count]);
        for (char *c = titles[count]; *c; c++)
            *c = *c == '_' ? ' ' : *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
        columns[count] = (struct table_column){titles[count], (unsigned)count, false, count > 0 || kind == &record_kind_class};
    }
    table = table_new(columns, count);
    for (size_t i = 0; i < json_array_size(items); i++)
        row(table, screen, json_array_get(items, i), kind);
    if (json_array_size(items) > 0)
        table_print(table, screen);
    else if (session_operand(session, 0))
        screen_printf(screen, _("No such %s.\n"), kind->noun);
    else /* what comes as files is imported */
        screen_printf(screen, _("No %s yet: cirt help %s %s\n"), kind->noun, kind->noun,
                      kind == &record_kind_warninglist || kind == &record_kind_rir ? "import" : "add");
    table_free(table);
    if (field_text(answer, "next"))
        screen_printf(screen, _("%zu shown, there are more: --limit %zu\n"), json_array_size(items), json_array_size(items) * 10);
}

int record_cmd_ls(struct session *session)
{
    const struct record_kind *kind = session->command->record;
    const char *q = options_joined(&session->options, 0);
    char *path = url_with(mem_strdup(kind->path), "q", *q ? q : NULL);
    bool is_whole = session->has_json && !options_has(&session->options, "limit");

    return list_print_as(session, is_whole ? list_get_all(session, path) : list_get(session, path), render_list, session);
}

/* "name Abuse desk, email abuse@telecom-a.example": an object for people, without what is absent. */
static char *members_text(const json_t *object)
{
    struct buf out;
    const char *name;
    json_t *value;
    char *text;

    buf_init(&out, FILE_TEXT_MAX);
    json_object_foreach((json_t *)object, name, value)
    {
        char *plain = field_plain(value);
        if (plain && *plain)
            buf_printf(&out, "%s%s %s", out.size ? ", " : "", name, plain);
        free(plain);
    }
    text = mem_strdup(buf_text(&out));
    buf_clear(&out);
    return text;
}

static bool is_our_text(const struct record_kind *kind, const char *name)
{
    return (kind == &record_kind_rule || kind == &record_kind_mapping) && str_equal(name, "text");
}

static void render_value(struct screen *screen, const char *name, const json_t *value, bool is_ours)
{
    char *plain = json_is_object(value) ? members_text(value) : field_plain(value);
    bool is_long = plain && strchr(plain, '\n');
    char *clean = plain && !is_long ? screen_clean(screen, plain, false) : NULL;

    screen_printf(screen, "%-14s ", name);
    screen_words(screen, is_long ? "" : clean ? clean : "-", RECORD_MARGIN);
    if (is_long && is_ours)
        screen_own_lines(screen, plain, 4);
    else if (is_long)
        screen_outside_lines(screen, plain, 4);
    free(plain);
    free(clean);
}

static void render_hits(struct screen *screen, const json_t *rules)
{
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        char *name = screen_clean(screen, field_or(rule, "name", field_text(rule, "text")), false);
        char hits[PHRASE_SIZE];

        screen_number(screen, field_number(rule, "hits", 0), hits);
        screen_printf(
            screen,
            ngettext("%-14s line %lld, %s hit: %s%s\n", "%-14s line %lld, %s hits: %s%s\n", (unsigned long)field_number(rule, "hits", 0)),
            i ? "" : "rules", (long long)field_number(rule, "line", 0), hits, name,
            field_is(rule, "over") ? _(" (what it suppressed is over)") : "");
        free(name);
    }
}

/* What waits for a second person: who asked, when, and what it is. */
static void render_waiting(struct screen *screen, const json_t *answer, const json_t *waiting)
{
    const char *noun = field_list(waiting, "drops") ? "rule" : "suppression", *text = field_text(waiting, "text");
    char *drops = field_plain(json_object_get(waiting, "drops")), *clean = drops ? screen_clean(screen, drops, false) : NULL;
    char when[PHRASE_SIZE];

    screen_when(screen, field_time(waiting, "asked"), when);
    screen_printf(screen, _("%-14s asked by %s, %s"), "waiting", field_or(waiting, "asked_by", "-"), when);
    if (clean)
        screen_printf(screen, _("; it newly throws away: %s"), clean);
    if (field_time(waiting, "until") != TIMESTAMP_NONE) {
        phrase_day(field_time(waiting, "until"), when);
        screen_printf(screen, _("; its end: %s"), when);
    }
    if (field_text(waiting, "reason")) {
        screen_text(screen, _("; its reason: "));
        screen_outside(screen, field_text(waiting, "reason"));
    }
    screen_printf(screen, _("\n%*scirt %s approve %s   or   cirt %s refuse %s\n"), RECORD_MARGIN, "", noun, field_or(answer, "name", "-"),
                  noun, field_or(answer, "name", "-"));
    if (text)
        screen_own_lines(screen, text, 4);
    free(drops);
    free(clean);
}

/* Objects as lines, a column a member. */
static void render_objects(struct screen *screen, const char *name, const json_t *list)
{
    enum { COLUMNS_MAX = 9 };
    struct table_column columns[COLUMNS_MAX] = {0};
    const char *members[COLUMNS_MAX], *member;
    size_t count = 0;
    json_t *value;
    struct table *table;

    json_object_foreach(json_array_get(list, 0), member, value) if (count < COLUMNS_MAX)
    {
        columns[count] = (struct table_column){"", (unsigned)count, json_is_integer(value), count > 0};
        members[count++] = member;
    }
    table = table_new(columns, count);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        for (size_t k = 0; k < count; k++)
            if (field_time(item, members[k]) != TIMESTAMP_NONE)
                cell_when(table, screen, item, members[k]);
            else
                cell_plain(table, screen, json_object_get(item, members[k]));
    }
    table_print_block(table, screen, name, RECORD_MARGIN);
    table_free(table);
}

static void render_one(struct screen *screen, const json_t *answer, const void *context)
{
    const struct record_kind *kind = context;
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)answer, name, value)
    {
        if (strcmp(name, "waiting") == 0 && json_is_object(value)) {
            render_waiting(screen, answer, value);
            continue;
        }
        if (str_ends(name, "_list") && json_is_object(json_array_get(value, 0))) {
            render_objects(screen, name, value);
            continue;
        }
        bool is_many = json_is_array(value) && json_array_size(value) > 1;

        /* The rules stand in `text` already: what counts here is how often each was hit. */
        if (strcmp(name, "rules") == 0) {
            render_hits(screen, value);
        } else if (field_time(answer, name) != TIMESTAMP_NONE) {
            char text[PHRASE_SIZE];
            when_text(screen, kind, answer, name, text);
            screen_printf(screen, "%-14s %s\n", name, text);
        } else if (strcmp(name, "hits") != 0 && !is_many)
            render_value(screen, name, json_is_array(value) ? json_array_get(value, 0) : value, is_our_text(kind, name));
        for (size_t i = 0; is_many && strcmp(name, "rules") != 0 && i < json_array_size(value); i++)
            render_value(screen, i ? "" : name, json_array_get(value, i), false);
    }
}

char *record_cmd_path(const struct session *session)
{
    char *name = url_path("/{}", session_operand(session, 0));
    char *path = mem_printf("%s%s", session->command->record->path, name);

    free(name);
    return path;
}

int record_cmd_show(struct session *session)
{
    json_t *answer = session_get(session, record_cmd_path(session));

    if (answer)
        session_print(session, answer, render_one, session->command->record);
    json_decref(answer);
    return session->exit_code;
}

struct done {
    const char *text;
    bool is_new;
};

/* What a class's old numbers held back is not looked at again by itself. */
static void render_below(struct screen *screen, const json_t *answer)
{
    int64_t rows = field_number(answer, "waiting", 0);
    char count[PHRASE_SIZE];

    if (!field_text(answer, "class") || rows == 0)
        return;
    screen_number(screen, rows, count);
    screen_printf(
        screen,
        ngettext("%s observation waits; it is counted by the new numbers with the next one of its key: cirt class show '%s'\n",
                 "%s observations wait; they are counted by the new numbers with the next one of their key: cirt class show '%s'\n",
                 (unsigned long)rows),
        count, field_text(answer, "class"));
}

/* One line of success, where a new feed's files go, and a line for each key that does not count yet. */
static void render_done(struct screen *screen, const json_t *answer, const void *context)
{
    const struct done *done = context;
    const json_t *keys = field_list(answer, "mail_keys"), *warnings = field_list(answer, "warnings");
    char *text = screen_clean(screen, done->text, false);

    screen_printf(screen, "%s\n", text);
    if (done->is_new && field_text(answer, "folder"))
        screen_printf(screen, _("      its files go into %s\n"), field_text(answer, "folder"));
    if (done->is_new && str_equal(field_text(answer, "kind"), "push") && json_array_size(field_list(answer, "keys")) == 0)
        screen_printf(screen, _("      it has no key yet and cannot send: cirt feed set %s --key CERTFILE\n"),
                      field_or(answer, "name", "-"));
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        if (str_equal(field_text(key, "state"), "asked"))
            screen_printf(screen, _("its key waits for a second person: cirt key pin %s --peer %s\n"), field_or(key, "fingerprint", "-"),
                          field_or(answer, "name", "-"));
    }
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        screen_text(screen, _("warning: "));
        screen_own_lines(screen, json_string_value(json_array_get(warnings, i)), 0);
    }
    render_below(screen, answer);
    rule_cmd_waiting(screen, answer);
    free(text);
}

static int finish(struct session *session, json_t *answer, const char *what, bool is_new)
{
    const struct record_kind *kind = session->command->record;
    const char *name = session_operand(session, 0);
    char *text;

    if (!answer)
        return session->exit_code;
    text = mem_printf("%s %s %s", kind->noun, field_or(answer, "id", name ? name : field_or(answer, kind->name_member, "")),
                      !field_object(answer, "waiting")                   ? what
                      : str_equal(field_text(answer, "state"), "active") ? _("stays in force")
                                                                         : _("is not in force yet"));
    session_print(session, answer, render_done, &(struct done){text, is_new});
    free(text);
    json_decref(answer);
    return session->exit_code;
}

int record_cmd_add(struct session *session)
{
    const struct record_kind *kind = session->command->record;
    const char *name = session_operand(session, 0);
    json_t *body = members(session);

    if (!body)
        return session->exit_code;
    if (name)
        json_object_set_new(body, kind->name_member, json_string(name));
    if (!json_object_get(body, kind->name_member)) {
        json_decref(body);
        return session_fail(session, EXIT_USAGE, NULL, _("which %s? cirt %s add NAME ...   (cirt help %s add)"), kind->noun, kind->noun,
                            kind->noun);
    }
    return finish(session, session_post(session, mem_strdup(kind->path), body, -1), _("added"), true);
}

int record_cmd_set(struct session *session)
{
    json_t *body = members(session);

    if (!body)
        return session->exit_code;
    if (json_object_size(body) == 0) {
        json_decref(body);
        return session_fail(session, EXIT_USAGE, NULL, _("nothing to change was named: cirt help %s"), session->command->words);
    }
    return finish(session, session_post(session, record_cmd_path(session), body, -1), _("changed"), false);
}

static char *removal_question(const struct session *session, const json_t *rules)
{
    const char *name = session_operand(session, 0);
    size_t count = json_array_size(field_list(rules, "rules"));

    if (!rules)
        return mem_printf(_("Remove %s %s?"), session->command->record->noun, name);
    return mem_printf(ngettext("Remove the rules %s, %zu rule?", "Remove the rules %s, %zu rules?", count), name, count);
}

/* What became of it; of rules also whose text went with them. */
static char *removal_text(const struct session *session, const json_t *rules)
{
    const char *gone = session->command->record->gone;
    const json_t *waiting = field_object(rules, "waiting");

    if (waiting)
        return mem_printf(_("removed, and what %s asked for, which waited for a second person, is gone with it"),
                          field_or(waiting, "asked_by", "-"));
    return mem_strdup(gone ? _(gone) : _("removed; what was ever used is only disabled"));
}

int record_cmd_rm(struct session *session)
{
    bool is_rule = session->command->record == &record_kind_rule;
    json_t *rules = is_rule ? session_get(session, record_cmd_path(session)) : NULL;

    if (is_rule && !rules)
        return session->exit_code;
    char *question = removal_question(session, rules), *text = removal_text(session, rules);
    if (session_confirm(session, question))
        finish(session, session_delete(session, record_cmd_path(session)), text, false);
    free(question);
    free(text);
    json_decref(rules);
    return session->exit_code;
}
