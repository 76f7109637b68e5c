#include "cli/options.h"

#include <string.h>

#include "base/str.h"
#include "cli/words.h"

static const struct option_rule *find(const struct option_rule *const *rules, const char *name, size_t size)
{
    for (; *rules; rules++)
        for (const struct option_rule *rule = *rules; rule->name; rule++)
            if (strlen(rule->name) == size && strncmp(rule->name, name, size) == 0)
                return rule;
    return NULL;
}

static bool unknown(const struct option_rule *const *rules, const char *word, struct err *err)
{
    const char *nearest = NULL;
    unsigned best = 4;

    for (; *rules; rules++)
        for (const struct option_rule *rule = *rules; rule->name; rule++) {
            unsigned distance = str_distance(word + 2, rule->name);
            if (distance < best && 2 * distance <= strlen(word + 2)) {
                best = distance;
                nearest = rule->name;
            }
        }
    if (nearest)
        return err_set(err, ERR_INPUT, _("no option %s; did you mean --%s?"), word, nearest);
    return err_set(err, ERR_INPUT, _("no option %s here"), word);
}

static void add_value(struct options *options, const struct option_rule *rule, const char *text)
{
    options->values = arena_grow(options->arena, options->values, &options->value_capacity, options->value_count, sizeof *options->values);
    options->values[options->value_count++] = (struct option_value){rule->name, text};
}

static void add_operand(struct options *options, const char *word)
{
    options->operands =
        arena_grow(options->arena, options->operands, &options->operand_capacity, options->operand_count, sizeof *options->operands);
    options->operands[options->operand_count++] = word;
}

static void add_item(struct options *options, const struct option_rule *rule, const char *word)
{
    if (rule->shape != OPTION_MANY) {
        add_value(options, rule, word);
        return;
    }
    while (*word) {
        size_t size = strcspn(word, ",");
        if (size > 0)
            add_value(options, rule, arena_strndup(options->arena, word, size));
        word += size + (word[size] == ',');
    }
}

/* The values behind words[at]; returns how many words were taken, 0 with err set where one is missing. */
static size_t take_values(const char *const *words, size_t at, size_t count, const struct option_rule *rule, struct options *options,
                          struct err *err)
{
    size_t next = at + 1;

    if (rule->shape == OPTION_SWITCH) {
        add_value(options, rule, NULL);
        return 1;
    }
    if (next < count)
        add_item(options, rule, words[next++]);
    else if (!err_set(err, ERR_INPUT, _("--%s needs %s"), rule->name, rule->argument))
        return 0;
    while (rule->shape != OPTION_ONE && next < count && words[next][0] != '-')
        add_item(options, rule, words[next++]);
    return next - at;
}

static const char *long_name(const char *word)
{
    if (strcmp(word, "-m") == 0)
        return "message";
    if (strcmp(word, "-o") == 0)
        return "out";
    if (strcmp(word, "-h") == 0)
        return "help";
    return strncmp(word, "--", 2) == 0 && word[2] ? word + 2 : NULL;
}

bool options_parse(const char *const *words, size_t count, const struct option_rule *const *rules, struct options *options, struct err *err)
{
    memset(options, 0, sizeof *options);
    options->arena = arena_new();
    for (size_t i = 0; i < count;) {
        const char *name = long_name(words[i]);
        const struct option_rule *rule;
        size_t size, taken = 1;

        if (strcmp(words[i], "--") == 0) {
            while (++i < count)
                add_operand(options, words[i]);
            break;
        }
        if (!name) {
            add_operand(options, words[i++]);
            continue;
        }
        size = strcspn(name, "=");
        rule = find(rules, name, size);
        if (!rule)
            return unknown(rules, words[i], err);
        if (name[size] && rule->shape == OPTION_SWITCH)
            return err_set(err, ERR_INPUT, _("--%s takes no value"), rule->name);
        if (name[size])
            add_item(options, rule, name + size + 1);
        else if ((taken = take_values(words, i, count, rule, options, err)) == 0)
            return false;
        i += taken;
    }
    return true;
}

void options_clear(struct options *options)
{
    arena_free(options->arena);
    memset(options, 0, sizeof *options);
}

bool options_has(const struct options *options, const char *name)
{
    for (size_t i = 0; i < options->value_count; i++)
        if (strcmp(options->values[i].name, name) == 0)
            return true;
    return false;
}

const char *options_text(const struct options *options, const char *name)
{
    for (size_t i = options->value_count; i-- > 0;)
        if (strcmp(options->values[i].name, name) == 0)
            return options->values[i].text;
    return NULL;
}

const char *options_item(const struct options *options, const char *name, size_t index)
{
    for (size_t i = 0; i < options->value_count; i++)
        if (strcmp(options->values[i].name, name) == 0 && index-- == 0)
            return options->values[i].text;
    return NULL;
}

const char *options_joined(const struct options *options, size_t first)
{
    const char *text = "";

    for (size_t i = first; i < options->operand_count; i++)
        text = i == first ? options->operands[i] : arena_printf(options->arena, "%s %s", text, options->operands[i]);
    return text;
}
