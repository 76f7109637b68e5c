#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "model/rsit.h"
#include "rules/priority.h"
#include "rules/triage_rules_tree.h"

enum { NAME_SIZE_MAX = 100, ITEM_SIZE_MAX = 1000 };

/* A template that is named somewhere; it may stand further down. */
struct reference {
    const char *name, *line, *at;
    size_t number;
};

/* A line being read. */
struct reader {
    struct triage_rules *rules;
    const char *line, *next; /* NUL-terminated; the first character not yet read */
    size_t number;
    struct err *err;
    struct reference *references;
    size_t reference_count, reference_capacity;
};

static bool fail_at(struct reader *reader, const char *at, const char *text)
{
    char place[64];
    size_t characters = 1;
    for (const char *c = reader->line; c < at; c++)
        characters += ((unsigned char)*c & 0xC0) != 0x80;
    snprintf(place, sizeof place, "line %zu, character %zu", reader->number, characters);
    return err_set_at(reader->err, ERR_INPUT, place, "%s", text);
}

static void skip_blanks(struct reader *reader)
{
    reader->next += strspn(reader->next, " \t");
}

/* --- "..." with \ escapes --- */

static bool read_quoted(struct reader *reader, const char **out)
{
    const char *opened = reader->next, *closing = opened + 1;
    while (*closing && *closing != '"')
        closing += *closing == '\\' && closing[1] ? 2 : 1;
    if (*closing != '"')
        return fail_at(reader, opened, "this quote is not closed");
    char *text = arena_calloc(reader->rules->arena, (size_t)(closing - opened), 1), *end = text;
    for (const char *c = opened + 1; c < closing; c++) {
        if (*c == '\\')
            c++;
        *end++ = *c;
    }
    reader->next = closing + 1;
    *out = text;
    return true;
}

/* --- words --- */

static bool is_word(const char *text, const char *extra, size_t size_max)
{
    size_t size = strlen(text);
    if (size == 0 || size > size_max || !isalnum((unsigned char)*text))
        return false;
    for (; *text; text++)
        if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) && !strchr(extra, *text))
            return false;
    return true;
}

static bool is_tag(const char *text)
{
    size_t size = strlen(text);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == ',' || *c == 0x7F)
            return false;
    return size > 0 && size <= 63 && (isalnum((unsigned char)*text) || (unsigned char)*text >= 0x80);
}

/* A login, a level, or a mail address. */
static bool is_recipient(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
    size_t size = strspn(text, allowed);
    if (size == 0 || !isalnum((unsigned char)*text) || strlen(text) > 254)
        return false;
    if (text[size] == '\0')
        return size <= 63;
    size_t domain = strspn(text + size + 1, allowed);
    return text[size] == '@' && domain > 0 && text[size + 1 + domain] == '\0';
}

/* --- actions --- */

static bool parse_class(struct reader *reader, const char *at, struct triage_rules_action *action, const char *value)
{
    char text[200];
    action->value = rsit_find(value);
    if (action->value)
        return true;
    const char *nearest = rsit_nearest(value);
    snprintf(text, sizeof text, "\"%.60s\" is no RSIT class%s%s%s", value, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
             nearest ? "\"?" : "");
    return fail_at(reader, at, text);
}

static bool parse_label(struct reader *reader, const char *at, struct triage_rules_action *action, const char *value)
{
    enum tlp label;
    if (!tlp_parse(value, &label) || (action->kind == TRIAGE_PAP && label == TLP_AMBER_STRICT))
        return fail_at(reader, at,
                       action->kind == TRIAGE_PAP ? "a PAP label is clear, green, amber or red"
                                                  : "a label is clear, green, amber, amber+strict or red");
    action->number = (int)label;
    action->value = tlp_name(label);
    return true;
}

static bool parse_template(struct reader *reader, const char *at, const char *value)
{
    if (!is_word(value, "-_.", 63))
        return fail_at(reader, at, "a template is a word of a-z, 0-9, \"-\", \"_\" and \".\"");
    reader->references = arena_grow(reader->rules->arena, reader->references, &reader->reference_capacity, reader->reference_count,
                                    sizeof *reader->references);
    reader->references[reader->reference_count++] =
        (struct reference){.name = value, .line = reader->line, .at = at, .number = reader->number};
    return true;
}

static bool parse_value(struct reader *reader, const char *at, struct triage_rules_action *action, const char *value)
{
    action->value = value;
    switch (action->kind) {
    case TRIAGE_CLASS:
        return parse_class(reader, at, action, value);
    case TRIAGE_PRIORITY:
    case TRIAGE_SEVERITY:
        if (!priority_parse(value, &action->number))
            return fail_at(reader, at, "a priority or severity is critical, high, medium or low");
        action->value = priority_name(action->number);
        return true;
    case TRIAGE_QUEUE:
        return is_word(value, "-_.", 63) || fail_at(reader, at, "a queue is a word of a-z, 0-9, \"-\", \"_\" and \".\"");
    case TRIAGE_OWNER:
        return is_word(value, "-_.", 63) || fail_at(reader, at, "an owner is a login");
    case TRIAGE_TAG:
        action->value = *value == '+' ? value + 1 : value;
        return is_tag(action->value) || fail_at(reader, at, "a tag is one word; rules add tags (tag:+word), they never take them away");
    case TRIAGE_TLP:
    case TRIAGE_PAP:
        return parse_label(reader, at, action, value);
    case TRIAGE_TEMPLATE:
        return parse_template(reader, at, value);
    case TRIAGE_NOTIFY:
        return is_recipient(value) || fail_at(reader, at, "notify needs a login, a level or a mail address");
    case TRIAGE_HOLD:
    case TRIAGE_DROP:
    case TRIAGE_SUPPRESS:
        break;
    }
    return fail_at(reader, at, "hold and drop take a reason in quotes: drop \"test traffic\"");
}

/* To add an action: docs/CONTRIBUTING.md says what else there is to do beside a row here. */
static const struct {
    const char *name;
    enum triage_action kind;
    bool has_value;
} action_names[] = {
    {"class", TRIAGE_CLASS, true}, {"priority", TRIAGE_PRIORITY, true},  {"severity", TRIAGE_SEVERITY, true}, {"queue", TRIAGE_QUEUE, true},
    {"owner", TRIAGE_OWNER, true}, {"assign", TRIAGE_OWNER, true},       {"tlp", TRIAGE_TLP, true},           {"pap", TRIAGE_PAP, true},
    {"tag", TRIAGE_TAG, true},     {"template", TRIAGE_TEMPLATE, true},  {"notify", TRIAGE_NOTIFY, true},     {"hold", TRIAGE_HOLD, false},
    {"drop", TRIAGE_DROP, false},  {"suppress", TRIAGE_SUPPRESS, false},
};

static bool find_action(struct reader *reader, const char *at, const char *name, size_t *row)
{
    char text[200];
    size_t nearest = 0;
    unsigned best = UINT_MAX;
    for (size_t i = 0; i < ARRAY_SIZE(action_names); i++) {
        if (str_equal(name, action_names[i].name)) {
            *row = i;
            return true;
        }
        unsigned distance = str_starts(action_names[i].name, name) ? 0 : str_distance(name, action_names[i].name);
        if (distance < best) {
            best = distance;
            nearest = i;
        }
    }
    snprintf(text, sizeof text, "unknown action \"%.40s\"; did you mean \"%s\"?", name, action_names[nearest].name);
    return fail_at(reader, at, text);
}

/* ` until:2027-03-31` behind the reason of suppress: its last day, in UTC. The action's value says it to people. */
static bool read_until(struct reader *reader, struct triage_rules_action *action)
{
    char moment[32];
    skip_blanks(reader);
    const char *at = reader->next, *day = at + strlen("until:");
    size_t size = strcspn(at, " \t,#"), day_size = size < strlen("until:") ? 0 : size - strlen("until:");
    if (!str_starts(at, "until:") || day_size != strlen("2027-03-31"))
        return fail_at(reader, at, "suppress needs its last day: suppress \"yearly audit\" until:2027-03-31");
    snprintf(moment, sizeof moment, "%.10s 00:00:00", day);
    if (!timestamp_parse_utc(moment, &action->until))
        return fail_at(reader, day, "there is no such day; a last day is YYYY-MM-DD");
    action->until += 24 * 3600 * TIMESTAMP_SECOND;
    action->value = arena_printf(reader->rules->arena, "suppressed until %.10s: %s", day, action->value);
    reader->next = at + size;
    return true;
}

/* The reason behind hold, drop and suppress: hold may go without, what is thrown away needs one. */
static bool read_reason(struct reader *reader, const char *at, struct triage_rules_action *action)
{
    skip_blanks(reader);
    if (*reader->next == '"') {
        const char *opened = reader->next;
        if (!read_quoted(reader, &action->value))
            return false;
        if (str_is_empty(action->value))
            return fail_at(reader, opened, "this reason is empty");
        return action->kind != TRIAGE_SUPPRESS || read_until(reader, action);
    }
    if (action->kind == TRIAGE_HOLD)
        return true;
    return fail_at(reader, at,
                   action->kind == TRIAGE_DROP ? "drop needs its reason: drop \"test traffic\""
                                               : "suppress needs its reason and last day: suppress \"yearly audit\" until:2027-03-31");
}

static bool read_action(struct reader *reader, struct triage_rules_action *action)
{
    struct arena *arena = reader->rules->arena;
    const char *at = reader->next;
    size_t size = strcspn(at, ": \t,"), row = 0;
    if (size == 0)
        return fail_at(reader, at, "an action is missing here");
    if (!find_action(reader, at, arena_strndup(arena, at, size), &row))
        return false;
    *action = (struct triage_rules_action){.kind = action_names[row].kind};
    reader->next += size;
    if (action_names[row].has_value) {
        if (*reader->next != ':')
            return fail_at(reader, reader->next, "this action needs a value, as in priority:high");
        const char *value = ++reader->next;
        reader->next += strcspn(value, " \t,");
        if (!parse_value(reader, value, action, arena_strndup(arena, value, (size_t)(reader->next - value))))
            return false;
    } else if (!read_reason(reader, at, action)) {
        return false;
    }
    action->written = arena_strndup(arena, at, (size_t)(reader->next - at));
    return true;
}

static bool read_actions(struct reader *reader, struct triage_rules_rule *rule)
{
    for (;;) {
        struct triage_rules_action action;
        skip_blanks(reader);
        if (rule->action_count >= TRIAGE_RULES_ACTIONS_MAX)
            return fail_at(reader, reader->next, "a rule has at most 50 actions");
        if (!read_action(reader, &action))
            return false;
        rule->actions = arena_grow(reader->rules->arena, rule->actions, &rule->action_capacity, rule->action_count, sizeof *rule->actions);
        action.no = reader->rules->actions++;
        rule->actions[rule->action_count++] = action;
        rule->shown.holds = rule->shown.holds || action.kind == TRIAGE_HOLD;
        rule->shown.drops = rule->shown.drops || action.kind == TRIAGE_DROP || action.kind == TRIAGE_SUPPRESS;
        if (action.kind == TRIAGE_SUPPRESS && rule->shown.until == TIMESTAMP_NONE)
            rule->shown.until = action.until;
        skip_blanks(reader);
        if (*reader->next == '\0' || *reader->next == '#')
            return true;
        if (*reader->next++ != ',')
            return fail_at(reader, reader->next - 1, "actions are separated by commas");
    }
}

/* --- rules --- */

/* The "/" that closes the pattern which begins here, or NULL: "//" begins none. */
static const char *pattern_end(const char *opened)
{
    const char *end = opened + 1;
    if (*end == '/')
        return NULL;
    while (*end && *end != '/')
        end += *end == '\\' && end[1] ? 2 : 1;
    return *end ? end : NULL;
}

/* The "=>" outside quotes and patterns, or NULL. */
static const char *find_arrow(const char *text)
{
    const char *start = text, *end;
    bool is_quoted = false;
    for (; *text; text++) {
        if (is_quoted && *text == '\\' && text[1])
            text++;
        else if (*text == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && *text == '/' && text > start && strchr(":,", text[-1]) && (end = pattern_end(text)))
            text = end;
        else if (!is_quoted && text[0] == '=' && text[1] == '>')
            return text;
    }
    return NULL;
}

static bool read_filter(struct reader *reader, struct triage_rules_rule *rule)
{
    struct filter_context context = {.object = FILTER_RULE};
    const char *start = reader->next, *arrow = find_arrow(start);
    size_t character = 1;
    if (!arrow)
        return fail_at(reader, start, "\"=>\" and what to do are missing behind the filter");
    const char *text = arena_strndup(reader->rules->arena, start, (size_t)(arrow - start));
    reader->next = arrow + 2;
    if (filter_parse(text, &context, &rule->filter, reader->err))
        return true;
    /* The filter counts from its own beginning. */
    const char *number = strchr(reader->err->at, ' ');
    if (number)
        character = (size_t)strtoul(number, NULL, 10);
    for (; character > 1 && *start; character--)
        do
            start++;
        while (((unsigned char)*start & 0xC0) == 0x80);
    char what[sizeof reader->err->text];
    enum err_code code = reader->err->code;
    snprintf(what, sizeof what, "%s", reader->err->text);
    fail_at(reader, start, what);
    reader->err->code = code;
    return false;
}

static bool read_name(struct reader *reader, struct triage_rules_rule *rule)
{
    if (!str_starts(reader->next, "rule") || !strchr(" \t\"", reader->next[4]))
        return fail_at(reader, reader->next,
                       "a line is: rule \"name\": FILTER => ACTION, ACTION   or: template NAME: task \"...\", note \"...\"");
    reader->next += 4;
    skip_blanks(reader);
    const char *at = reader->next;
    if (*at != '"')
        return fail_at(reader, at, "the rule's name in quotes is missing here");
    if (!read_quoted(reader, &rule->shown.name))
        return false;
    if (str_is_empty(rule->shown.name) || strlen(rule->shown.name) > NAME_SIZE_MAX)
        return fail_at(reader, at, "a rule's name has 1 to 100 bytes");
    for (size_t i = 0; i < reader->rules->count; i++)
        if (str_equal(reader->rules->rules[i].shown.name, rule->shown.name))
            return fail_at(reader, at, "another rule has this name");
    skip_blanks(reader);
    if (*reader->next != ':')
        return fail_at(reader, reader->next, "\":\" is missing behind the name");
    reader->next++;
    return true;
}

static const char *trimmed(const struct reader *reader)
{
    const char *start = reader->line + strspn(reader->line, " \t");
    size_t size = strlen(start);
    while (size > 0 && strchr(" \t", start[size - 1]))
        size--;
    return arena_strndup(reader->rules->arena, start, size);
}

static bool read_rule(struct reader *reader)
{
    struct triage_rules *rules = reader->rules;
    struct triage_rules_rule rule = {.shown = {.line = reader->number, .text = trimmed(reader), .until = TIMESTAMP_NONE}};
    if (rules->count >= TRIAGE_RULES_COUNT_MAX)
        return err_set(reader->err, ERR_LIMIT, "there are more than %d rules", TRIAGE_RULES_COUNT_MAX);
    if (!read_name(reader, &rule) || !read_filter(reader, &rule))
        return false;
    /* In the list before its actions are read, so that its filter is freed with the others. */
    rules->rules = arena_grow(rules->arena, rules->rules, &rules->capacity, rules->count, sizeof *rules->rules);
    struct triage_rules_rule *kept = &rules->rules[rules->count++];
    *kept = rule;
    return read_actions(reader, kept);
}

/* --- templates --- */

/* " due:4h" behind a task, where it is there. */
static bool read_due(struct reader *reader, struct triage_item *item)
{
    skip_blanks(reader);
    if (!str_starts(reader->next, "due:"))
        return true;
    const char *at = reader->next + 4;
    size_t size = strcspn(at, " \t,#");
    if (item->is_note || !timestamp_parse_duration(arena_strndup(reader->rules->arena, at, size), &item->due_seconds))
        return fail_at(reader, reader->next, "a task is due after some time: due:90m, due:4h, due:2d");
    reader->next = at + size;
    return true;
}

static bool read_item(struct reader *reader, struct triage_item *item)
{
    const char *at = reader->next;
    *item = (struct triage_item){.is_note = str_starts(at, "note")};
    if ((!item->is_note && !str_starts(at, "task")) || !strchr(" \t\"", at[4]))
        return fail_at(reader, at, "a template has tasks and notes: task \"call the owner\" due:4h, note \"...\"");
    reader->next += 4;
    skip_blanks(reader);
    const char *text = reader->next;
    if (*text != '"')
        return fail_at(reader, text, "a text in quotes is missing here");
    if (!read_quoted(reader, &item->text))
        return false;
    if (str_is_empty(item->text) || strlen(item->text) > ITEM_SIZE_MAX)
        return fail_at(reader, text, "a task or note has 1 to 1,000 bytes");
    return read_due(reader, item);
}

static bool read_items(struct reader *reader, struct triage_template *template)
{
    for (;;) {
        struct triage_item item;
        skip_blanks(reader);
        if (template->item_count >= TRIAGE_RULES_ITEMS_MAX)
            return fail_at(reader, reader->next, "a template has at most 50 tasks and notes");
        if (!read_item(reader, &item))
            return false;
        template->items =
            arena_grow(reader->rules->arena, template->items, &template->item_capacity, template->item_count, sizeof *template->items);
        template->items[template->item_count++] = item;
        skip_blanks(reader);
        if (*reader->next == '\0' || *reader->next == '#')
            return true;
        if (*reader->next++ != ',')
            return fail_at(reader, reader->next - 1, "tasks and notes are separated by commas");
    }
}

static bool read_template(struct reader *reader)
{
    struct triage_rules *rules = reader->rules;
    struct triage_template template = {.line = reader->number};
    reader->next += strlen("template");
    skip_blanks(reader);
    const char *at = reader->next;
    if (*at == '"') {
        if (!read_quoted(reader, &template.name))
            return false;
    } else {
        reader->next += strcspn(at, ": \t");
        template.name = arena_strndup(rules->arena, at, (size_t)(reader->next - at));
    }
    if (!is_word(template.name, "-_.", 63))
        return fail_at(reader, at, "a template's name is a word of a-z, 0-9, \"-\", \"_\" and \".\"");
    if (triage_rules_template(rules, template.name))
        return fail_at(reader, at, "another template has this name");
    if (rules->template_count >= TRIAGE_RULES_TEMPLATES_MAX)
        return err_set(reader->err, ERR_LIMIT, "there are more than %d templates", TRIAGE_RULES_TEMPLATES_MAX);
    skip_blanks(reader);
    if (*reader->next != ':')
        return fail_at(reader, reader->next, "\":\" is missing behind the name");
    reader->next++;
    if (!read_items(reader, &template))
        return false;
    rules->templates =
        arena_grow(rules->arena, rules->templates, &rules->template_capacity, rules->template_count, sizeof *rules->templates);
    rules->templates[rules->template_count++] = template;
    return true;
}

/* --- the file --- */

static bool read_line(struct reader *reader)
{
    skip_blanks(reader);
    if (*reader->next == '\0' || *reader->next == '#')
        return true;
    bool is_template = str_starts(reader->next, "template") && strchr(" \t\"", reader->next[strlen("template")]);
    return is_template ? read_template(reader) : read_rule(reader);
}

static bool check_text(const char *text, struct err *err)
{
    size_t size = strnlen(text, TRIAGE_RULES_SIZE_MAX + 1), bad_at = 0, line = 1;
    if (size > TRIAGE_RULES_SIZE_MAX)
        return err_set(err, ERR_LIMIT, "rules have at most %d bytes", TRIAGE_RULES_SIZE_MAX);
    if (str_is_utf8(text, size, &bad_at))
        return true;
    for (size_t i = 0; i < bad_at; i++)
        line += text[i] == '\n';
    char place[40];
    snprintf(place, sizeof place, "line %zu", line);
    return err_set_at(err, ERR_INPUT, place, "this is not UTF-8");
}

static void add_fault(struct reader *reader, struct triage_fault *faults, size_t *count)
{
    if (*count < TRIAGE_RULES_FAULTS_MAX)
        faults[(*count)++] = (struct triage_fault){.line = reader->number, .err = *reader->err};
    err_clear(reader->err);
}

static void check_references(struct reader *reader, struct triage_fault *faults, size_t *count)
{
    for (size_t i = 0; i < reader->reference_count; i++) {
        const struct reference *reference = &reader->references[i];
        if (triage_rules_template(reader->rules, reference->name))
            continue;
        reader->line = reference->line;
        reader->number = reference->number;
        if (!fail_at(reader, reference->at, "there is no template of this name; a line makes it: template NAME: task \"...\""))
            add_fault(reader, faults, count);
    }
}

static void read_lines(struct reader *reader, const char *text, struct triage_fault *faults, size_t *count)
{
    while (*text && *count < TRIAGE_RULES_FAULTS_MAX) {
        size_t size = strcspn(text, "\n"), shown = size && text[size - 1] == '\r' ? size - 1 : size;
        reader->line = reader->next = arena_strndup(reader->rules->arena, text, shown);
        reader->number++;
        if (!read_line(reader)) {
            bool is_full = reader->err->code == ERR_LIMIT && reader->err->at[0] == '\0';
            add_fault(reader, faults, count);
            if (is_full)
                return;
        }
        text += size + (text[size] == '\n');
    }
    check_references(reader, faults, count);
}

bool triage_rules_parse_all(const char *text, struct triage_rules **out, struct triage_fault faults[TRIAGE_RULES_FAULTS_MAX], size_t *count)
{
    struct err err;
    struct triage_rules *rules = mem_calloc(1, sizeof *rules);
    struct reader reader = {.rules = rules, .err = &err};
    rules->arena = arena_new();
    *count = 0;
    err_clear(&err);
    if (check_text(text, &err))
        read_lines(&reader, text, faults, count);
    else
        add_fault(&reader, faults, count);
    if (*count) {
        triage_rules_free(rules);
        return false;
    }
    *out = rules;
    return true;
}

bool triage_rules_parse(const char *text, struct triage_rules **out, struct err *err)
{
    struct triage_fault *faults = mem_calloc(TRIAGE_RULES_FAULTS_MAX, sizeof *faults);
    size_t count;
    bool ok = triage_rules_parse_all(text, out, faults, &count);
    if (!ok)
        *err = faults[0].err;
    free(faults);
    return ok;
}
