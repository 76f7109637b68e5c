#include "cli/complete.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/profile.h"
#include "cli/url.h"
#include "codec/codec.h"
#include "codec/export.h"
#include "model/filter.h"
#include "model/rsit.h"

struct place {
    struct session *session;
    const char *current; /* the word so far, behind prefix */
    const char *prefix;  /* "state:" while a filter's value is written */
    const struct command *command;
};

static bool is_harmless(const char *word)
{
    for (const char *c = word; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._:@+/,-", *c))
            return false;
    return *word != '\0' && strlen(word) <= 100;
}

static void offer(const struct place *place, const char *word)
{
    if (word && is_harmless(word) && str_starts(word, place->current))
        screen_printf(&place->session->printer.screen, "%s%s\n", place->prefix, word);
}

/* "critical|high|medium|low" */
static void offer_alternatives(const struct place *place, const char *text)
{
    char *copy = mem_strdup(text), *at = NULL;

    for (char *word = strtok_r(copy, "|, ", &at); word; word = strtok_r(NULL, "|, ", &at))
        offer(place, word);
    free(copy);
}

/* What is disabled is not offered, nor what has that role. */
static void offer_members(const struct place *place, const char *path, const char *member, const char *role)
{
    struct session *session = place->session;
    json_t *answer = NULL;
    const json_t *items;

    if (session->client || session_open(session))
        answer = session_get(session, mem_strdup(path));
    items = field_list(answer, "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        char *word = field_plain(json_object_get(item, member));
        if (!json_is_false(json_object_get(item, "enabled")) && (!role || !str_equal(field_text(item, "role"), role)))
            offer(place, word);
        free(word);
    }
    json_decref(answer);
}

static void offer_classes(const struct place *place)
{
    for (size_t i = 0; i < rsit_class_count; i++)
        offer(place, rsit_classes[i].name);
}

static void offer_fields(const struct place *place)
{
    for (size_t i = 0; i < filter_field_count; i++) {
        char *word = mem_printf("%s:", filter_fields[i].name);
        offer(place, word);
        free(word);
    }
}

static bool is_about(const struct place *place, const char *words)
{
    return place->command && str_starts(place->command->words, words);
}

static void offer_formats(const struct place *place)
{
    for (size_t i = 0; i < export_format_count; i++)
        if (is_about(place, "indicator") ||
            (is_about(place, "show") && (export_formats[i].codec || str_equal(export_formats[i].name, "csv"))))
            offer(place, export_formats[i].name);
    for (size_t i = 0; i < codec_count; i++)
        if (is_about(place, "share") || is_about(place, "peer") ? codec_registry[i]->encode || str_equal(codec_registry[i]->name, "rid")
                                                                : !is_about(place, "indicator") && !is_about(place, "show"))
            offer(place, codec_registry[i]->name);
}

/* "state:" and what it may be. */
static void offer_values(const struct place *place)
{
    unsigned object = is_about(place, "report") ? FILTER_REPORT : is_about(place, "indicator") ? FILTER_INDICATOR : FILTER_CASE;
    char *field = mem_printf("%.*s", (int)strcspn(place->current, ":"), place->current), *prefix = mem_printf("%s:", field);
    const char *const *names = filter_field_names(field, object);
    const struct place value = {place->session, place->current + strlen(prefix), prefix, place->command};

    for (; names && *names; names++)
        offer(&value, *names);
    if (str_equal(field, "class"))
        offer_classes(&value);
    else if (str_equal(field, "tlp"))
        offer_alternatives(&value, "clear|green|amber|amber+strict|red");
    else if (str_equal(field, "priority") || str_equal(field, "severity"))
        offer_alternatives(&value, "critical|high|medium|low");
    else if (str_equal(field, "owner")) {
        offer_alternatives(&value, "me|none");
        offer_members(&value, "/v1/analysts?limit=100", "login", "feed");
    } else if (str_equal(field, "peer"))
        offer_members(&value, "/v1/peers?limit=100", "name", NULL);
    free(prefix);
    free(field);
}

/* What the placeholders of help stand for. */
static const struct {
    const char *placeholder;
    const char *path, *member; /* asked from the desk */
    const char *words;         /* or these */
} sources[] = {
    {"CASE", "/v1/cases?q=is%3Aopen&limit=100", "number", NULL},
    {"REPORT", "/v1/reports?q=&limit=100", "id", NULL},
    {"INCOMING", "/v1/incoming?limit=100", "id", NULL},
    {"PEER", "/v1/peers?limit=100", "name", NULL},
    {"MAIL", "/v1/mails?limit=100", "id", NULL},
    {"LANGUAGE", NULL, NULL, "en|fr|es|ar|ru|zh"},
    {"AGREEMENT", "/v1/agreements?limit=100", "id", NULL},
    {"LOGIN", "/v1/analysts?limit=100", "login", NULL},
    {"ADDRESS", "/v1/contacts?limit=100", "address", NULL},
    {"KEY", "/v1/keys?limit=100", "fingerprint", NULL},
    {"WORD", NULL, NULL, "asked|own|pinned|candidate|expired|revoked|distrusted|openpgp|smime"},
    {"WHO", "/v1/analysts?limit=100", "login", NULL},
    {"LEVEL|WHO", "/v1/analysts?limit=100", "login", "lead|duty"},
    {"FEED", "/v1/feeds?limit=100", "name", NULL},
    {"CONSTITUENT", "/v1/constituents?limit=100", "name", NULL},
    {"LIST", "/v1/warninglists?limit=100", "name", NULL},
    {"REGISTRY", "/v1/registries?limit=100", "registry", NULL},
    {"SETTING", "/v1/settings", "name", NULL},
    {"RULES", "/v1/rules?limit=100", "name", NULL},
    {"MAPPING", "/v1/mappings?limit=100", "name", NULL},
    {"SUPPRESSION", "/v1/suppressions?limit=100", "name", NULL},
    {"STATE", NULL, NULL, "open|resolved|closed|rejected"},
    {"LABEL", NULL, NULL, "clear|green|amber|amber+strict|red"},
    {"RESOLUTION", NULL, NULL, "fixed|mitigated|false-positive|not-ours|no-answer|duplicate"},
    {"CHANNEL", NULL, NULL, "phone|walk-in|chat|letter"},
    {"ROLE", NULL, NULL, "analyst|lead|admin|auditor|feed"},
    {"LEVEL", NULL, NULL, "lead|duty"},
    {"K", NULL, NULL, "due|priority|opened|updated|number"},
};

static void offer_placeholder(const struct place *place, const char *text, size_t size)
{
    char name[80];

    if (size >= sizeof name)
        return;
    memcpy(name, text, size);
    name[size] = '\0';
    name[strcspn(name, "].")] = '\0'; /* "PEER..." and "[CASE]" */
    text = name + (*name == '[');
    if (strcmp(text, "CLASS") == 0)
        offer_classes(place);
    else if (strcmp(text, "FILTER") == 0 && strchr(place->current, ':'))
        offer_values(place);
    else if (strcmp(text, "FILTER") == 0)
        offer_fields(place);
    else if (strcmp(text, "F") == 0 || strcmp(text, "FORMAT") == 0)
        offer_formats(place);
    else if (islower((unsigned char)*text))
        offer_alternatives(place, text);
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        if (strcmp(sources[i].placeholder, text) != 0)
            continue;
        if (sources[i].words)
            offer_alternatives(place, sources[i].words);
        if (sources[i].path)
            offer_members(place, sources[i].path, sources[i].member, strstr(text, "WHO") ? "feed" : NULL);
    }
}

/* "[ls|add TEXT...|done N]": the first word of each. */
static void offer_verbs(const struct place *place, const char *text)
{
    while (*text && *text != ']') {
        size_t size = strcspn(text, "|]"), word = strcspn(text, " |]");
        char *verb = mem_printf("%.*s", (int)word, text);
        offer(place, verb);
        free(verb);
        text += size + (text[size] == '|');
    }
}

static void offer_profiles(const struct place *place)
{
    struct profile profile;
    struct err ignored;

    if (profile_load(NULL, &profile, &ignored) || profile.names)
        offer_alternatives(place, profile.names);
    profile_clear(&profile);
}

static const struct option_rule *rule_of(const struct command *command, const char *word)
{
    const struct option_rule *const lists[] = {command && command->options ? command->options : commands_common_options,
                                               commands_common_options};

    for (size_t i = 0; str_starts(word, "--") && i < ARRAY_SIZE(lists); i++)
        for (const struct option_rule *rule = lists[i]; rule->name; rule++)
            if (strcmp(rule->name, word + 2) == 0)
                return rule;
    return NULL;
}

static void offer_options(const struct place *place, const struct command *command)
{
    const struct option_rule *const lists[] = {command ? command->options : NULL, commands_common_options};

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        for (const struct option_rule *rule = lists[i]; rule && rule->name; rule++) {
            char *word = mem_printf("--%s", rule->name);
            offer(place, word);
            free(word);
        }
}

/* First words of commands, or the second ones where the first is there. Each once: the table keeps a noun's verbs together. */
static void offer_commands(const struct place *place, const char *first)
{
    char last[40] = "";

    for (size_t i = 0; i < commands_count; i++) {
        const char *words = commands_table[i].words, *blank = strchr(words, ' ');
        char word[40];

        if (commands_table[i].is_hidden || (first && (!blank || strncmp(words, first, strlen(first)) != 0 || words[strlen(first)] != ' ')))
            continue;
        snprintf(word, sizeof word, "%.*s", first ? 39 : (int)strcspn(words, " "), first ? blank + 1 : words);
        if (strcmp(word, last) != 0)
            offer(place, word);
        strcpy(last, word);
    }
}

static void offer_operand(const struct place *place, const struct command *command, size_t index)
{
    const char *at = command->operands;

    for (size_t i = 0; *at; i++) {
        size_t size = strcspn(at, " ");
        bool is_last = at[size] == '\0';
        if (i == index && *at == '[' && islower((unsigned char)at[1]) && strchr(at, '|')) {
            offer_verbs(place, at + 1);
            return;
        }
        if (i == index || (is_last && i < index && strstr(at, "...")) || (is_last && strncmp(at, "[FILTER]", 8) == 0)) {
            offer_placeholder(place, at, size);
            return;
        }
        at += size + !is_last;
    }
}

static bool is_option(const char *word)
{
    return strncmp(word, "--", 2) == 0;
}

int complete_words(struct session *session, const char *const *words, size_t count)
{
    struct place place = {session, count ? words[count - 1] : "", "", NULL};
    const char *operands[64] = {0};
    const struct option_rule *pending = NULL;
    const struct command *command = NULL;
    size_t operand_count = 0, used = 0;

    for (size_t i = 0; i + 1 < count; i++) {
        bool takes_it = pending && !is_option(words[i]);
        if (takes_it && pending->shape == OPTION_ONE) {
            pending = NULL;
        } else if (is_option(words[i])) {
            pending = rule_of(command, words[i]);
            if (pending && pending->shape == OPTION_SWITCH)
                pending = NULL;
        } else if (!takes_it && operand_count + 1 < ARRAY_SIZE(operands)) {
            operands[operand_count++] = words[i];
            if (!command)
                command = commands_find(operands, operand_count, &used);
        }
    }
    place.command = command;
    if (is_option(place.current))
        offer_options(&place, command);
    else if (pending && str_equal(pending->name, "profile"))
        offer_profiles(&place);
    else if (pending && pending->argument)
        offer_placeholder(&place, pending->argument, strlen(pending->argument));
    else if (!command || (operand_count == 1 && strcmp(command->words, "journal") == 0))
        offer_commands(&place, operand_count ? operands[0] : NULL);
    if (command && !is_option(place.current) && !pending)
        offer_operand(&place, command, operand_count - used);
    if (command && strcmp(command->words, "help") == 0)
        offer_commands(&place, operand_count > used ? operands[used] : NULL);
    session->exit_code = EXIT_DONE;
    return EXIT_DONE;
}
