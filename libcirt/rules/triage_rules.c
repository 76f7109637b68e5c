#include "rules/triage_rules.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "model/rsit.h"
#include "rules/priority.h"

enum action_kind { SET_CLASS, SET_PRIORITY, SET_QUEUE, SET_TLP, ADD_TAG, ASSIGN, HOLD, DROP };

struct action {
    enum action_kind kind;
    const char *written; /* "priority:high" */
    const char *value;   /* class, queue, tag, login; reason or NULL */
    int number;          /* priority, label */
};

struct rule {
    const char *name;
    size_t line;
    struct filter *filter;
    struct action *actions;
    size_t action_count, action_capacity;
};

struct triage_rules {
    struct arena *arena;
    struct rule *rules;
    size_t count, capacity;
};

/* A line being read. */
struct reader {
    struct triage_rules *rules;
    const char *line, *next; /* NUL-terminated; the first character not yet read */
    size_t number;
    struct err *err;
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

/* --- actions --- */

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

static bool parse_class(struct reader *reader, const char *at, struct action *action, const char *value)
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

static bool parse_value(struct reader *reader, const char *at, struct action *action, const char *value)
{
    enum tlp label;
    action->value = value;
    switch (action->kind) {
    case SET_CLASS:
        return parse_class(reader, at, action, value);
    case SET_PRIORITY:
        return priority_parse(value, &action->number) || fail_at(reader, at, "a priority is critical, high, medium or low");
    case SET_QUEUE:
        return is_word(value, "-_.", 63) || fail_at(reader, at, "a queue is a word of a-z, 0-9, \"-\", \"_\" and \".\"");
    case ASSIGN:
        return is_word(value, "-_.", 63) || fail_at(reader, at, "assign needs a login");
    case ADD_TAG:
        action->value = *value == '+' ? value + 1 : value;
        return is_tag(action->value) || fail_at(reader, at, "a tag is one word; rules add tags (tag:+word), they never take them away");
    case SET_TLP:
        if (!tlp_parse(value, &label))
            return fail_at(reader, at, "a label is clear, green, amber, amber+strict or red");
        action->number = (int)label;
        return true;
    case HOLD:
    case DROP:
        break;
    }
    return fail_at(reader, at, "hold and drop take a reason in quotes: drop \"test traffic\"");
}

/* To add an action: a row here, a case in parse_value() and in apply_action(), a row in docs/RULES.md. */
static const struct {
    const char *name;
    enum action_kind kind;
    bool has_value;
} action_names[] = {
    {"class", SET_CLASS, true}, {"priority", SET_PRIORITY, true}, {"queue", SET_QUEUE, true}, {"tlp", SET_TLP, true},
    {"tag", ADD_TAG, true},     {"assign", ASSIGN, true},         {"hold", HOLD, false},      {"drop", DROP, false},
};

static bool find_action(struct reader *reader, const char *at, const char *name, size_t *row)
{
    char text[200];
    size_t nearest = 0;
    for (size_t i = 0; i < ARRAY_SIZE(action_names); i++) {
        if (str_equal(name, action_names[i].name)) {
            *row = i;
            return true;
        }
        if (str_distance(name, action_names[i].name) < str_distance(name, action_names[nearest].name))
            nearest = i;
    }
    snprintf(text, sizeof text, "unknown action \"%.40s\"; did you mean \"%s\"?", name, action_names[nearest].name);
    return fail_at(reader, at, text);
}

/* The reason behind hold and drop: hold may go without, what is thrown away needs one. */
static bool read_reason(struct reader *reader, const char *at, struct action *action)
{
    skip_blanks(reader);
    if (*reader->next == '"')
        return read_quoted(reader, &action->value);
    return action->kind == HOLD || fail_at(reader, at, "drop needs its reason: drop \"test traffic\"");
}

static bool read_action(struct reader *reader, struct action *action)
{
    struct arena *arena = reader->rules->arena;
    const char *at = reader->next;
    size_t size = strcspn(at, ": \t,"), row = 0;
    if (size == 0)
        return fail_at(reader, at, "an action is missing here");
    if (!find_action(reader, at, arena_strndup(arena, at, size), &row))
        return false;
    *action = (struct action){.kind = action_names[row].kind};
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

static bool read_actions(struct reader *reader, struct rule *rule)
{
    for (;;) {
        struct action action;
        skip_blanks(reader);
        if (!read_action(reader, &action))
            return false;
        rule->actions = arena_grow(reader->rules->arena, rule->actions, &rule->action_capacity, rule->action_count, sizeof *rule->actions);
        rule->actions[rule->action_count++] = action;
        skip_blanks(reader);
        if (*reader->next == '\0' || *reader->next == '#')
            return true;
        if (*reader->next++ != ',')
            return fail_at(reader, reader->next - 1, "actions are separated by commas");
    }
}

/* --- rules --- */

/* The "=>" outside quotes, or NULL. */
static const char *find_arrow(const char *text)
{
    bool is_quoted = false;
    for (; *text; text++) {
        if (is_quoted && *text == '\\' && text[1])
            text++;
        else if (*text == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && text[0] == '=' && text[1] == '>')
            return text;
    }
    return NULL;
}

static bool read_filter(struct reader *reader, struct rule *rule)
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

static bool read_name(struct reader *reader, struct rule *rule)
{
    if (!str_starts(reader->next, "rule") || !strchr(" \t\"", reader->next[4]))
        return fail_at(reader, reader->next, "a line is: rule \"name\": FILTER => ACTION, ACTION");
    reader->next += 4;
    skip_blanks(reader);
    const char *at = reader->next;
    if (*at != '"')
        return fail_at(reader, at, "the rule's name in quotes is missing here");
    if (!read_quoted(reader, &rule->name))
        return false;
    if (str_is_empty(rule->name) || strlen(rule->name) > 100)
        return fail_at(reader, at, "a rule's name has 1 to 100 bytes");
    for (size_t i = 0; i < reader->rules->count; i++)
        if (str_equal(reader->rules->rules[i].name, rule->name))
            return fail_at(reader, at, "another rule has this name");
    skip_blanks(reader);
    if (*reader->next != ':')
        return fail_at(reader, reader->next, "\":\" is missing behind the name");
    reader->next++;
    return true;
}

static bool read_rule(struct reader *reader)
{
    struct triage_rules *rules = reader->rules;
    struct rule rule = {.line = reader->number};
    if (rules->count >= TRIAGE_RULES_COUNT_MAX)
        return err_set(reader->err, ERR_LIMIT, "there are more than %d rules", TRIAGE_RULES_COUNT_MAX);
    if (!read_name(reader, &rule) || !read_filter(reader, &rule))
        return false;
    /* In the list before its actions are read, so that its filter is freed with the others. */
    rules->rules = arena_grow(rules->arena, rules->rules, &rules->capacity, rules->count, sizeof *rules->rules);
    struct rule *kept = &rules->rules[rules->count++];
    *kept = rule;
    return read_actions(reader, kept);
}

static bool read_line(struct reader *reader)
{
    skip_blanks(reader);
    return *reader->next == '\0' || *reader->next == '#' || read_rule(reader);
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

bool triage_rules_parse(const char *text, struct triage_rules **out, struct err *err)
{
    if (!check_text(text, err))
        return false;
    struct triage_rules *rules = mem_calloc(1, sizeof *rules);
    rules->arena = arena_new();
    struct reader reader = {.rules = rules, .err = err};
    while (*text) {
        size_t size = strcspn(text, "\n"), shown = size && text[size - 1] == '\r' ? size - 1 : size;
        reader.line = reader.next = arena_strndup(rules->arena, text, shown);
        reader.number++;
        if (!read_line(&reader)) {
            triage_rules_free(rules);
            return false;
        }
        text += size + (text[size] == '\n');
    }
    *out = rules;
    return true;
}

void triage_rules_free(struct triage_rules *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < rules->count; i++)
        filter_free(rules->rules[i].filter);
    arena_free(rules->arena);
    free(rules);
}

size_t triage_rules_count(const struct triage_rules *rules)
{
    return rules->count;
}

const char *triage_rules_name(const struct triage_rules *rules, size_t i)
{
    return rules->rules[i].name;
}

/* --- applying --- */

static bool set_text(const char **slot, const char *value)
{
    if (*slot)
        return false;
    *slot = value;
    return true;
}

static bool add_tag(struct triage_decision *decision, struct arena *arena, const char *tag)
{
    for (size_t i = 0; i < decision->tag_count; i++)
        if (str_equal(decision->tags[i], tag))
            return false;
    decision->tags = arena_grow(arena, decision->tags, &decision->tag_capacity, decision->tag_count, sizeof *decision->tags);
    decision->tags[decision->tag_count++] = tag;
    return true;
}

static bool settle(struct triage_decision *decision, bool *slot, const char *reason)
{
    if (decision->hold || decision->drop)
        return false;
    *slot = true;
    decision->reason = reason;
    return true;
}

/* False where an earlier rule had decided it. */
static bool apply_action(struct triage_decision *decision, struct arena *arena, const struct action *action)
{
    switch (action->kind) {
    case SET_CLASS:
        return set_text(&decision->class_name, action->value);
    case SET_QUEUE:
        return set_text(&decision->queue, action->value);
    case ASSIGN:
        return set_text(&decision->assign, action->value);
    case ADD_TAG:
        return add_tag(decision, arena, action->value);
    case HOLD:
        return settle(decision, &decision->hold, action->value);
    case DROP:
        return settle(decision, &decision->drop, action->value);
    case SET_PRIORITY:
        if (decision->priority)
            return false;
        decision->priority = action->number;
        return true;
    case SET_TLP:
        if (action->number <= (int)decision->tlp)
            return false;
        decision->tlp = (enum tlp)action->number;
        return true;
    }
    return false;
}

static void apply_rule(const struct rule *rule, struct arena *arena, struct triage_decision *decision)
{
    for (size_t i = 0; i < rule->action_count; i++) {
        struct triage_step step = {.rule = rule->name, .line = rule->line, .action = rule->actions[i].written};
        step.took_effect = apply_action(decision, arena, &rule->actions[i]);
        decision->steps = arena_grow(arena, decision->steps, &decision->step_capacity, decision->step_count, sizeof *decision->steps);
        decision->steps[decision->step_count++] = step;
    }
}

void triage_rules_apply(const struct triage_rules *rules, struct arena *arena, const void *object, filter_getter get,
                        struct triage_decision *decision)
{
    *decision = (struct triage_decision){.tlp = TLP_NONE};
    for (size_t i = 0; i < rules->count && !decision->drop; i++)
        if (filter_matches(rules->rules[i].filter, object, get))
            apply_rule(&rules->rules[i], arena, decision);
}

const char *triage_rules_explain(const struct triage_decision *decision, struct arena *arena)
{
    struct buf buf;
    buf_init(&buf, TRIAGE_RULES_SIZE_MAX);
    for (size_t i = 0; i < decision->step_count; i++) {
        const struct triage_step *step = &decision->steps[i];
        buf_printf(&buf, "line %zu, rule \"%s\": %s%s\n", step->line, step->rule, step->action,
                   step->took_effect ? "" : " (decided before)");
    }
    const char *text = arena_strdup(arena, buf_text(&buf));
    buf_clear(&buf);
    return text;
}
