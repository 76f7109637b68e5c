#include "cli/complete.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/url.h"
#include "model/filter.h"
#include "model/rsit.h"

struct place {
    struct session *session;
    const char *current; /* the word so far */
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
        screen_printf(&place->session->printer.screen, "%s\n", word);
}

/* "critical|high|medium|low" */
static void offer_alternatives(const struct place *place, const char *text)
{
    char *copy = mem_strdup(text), *at = NULL;

    for (char *word = strtok_r(copy, "| ", &at); word; word = strtok_r(NULL, "| ", &at))
        offer(place, word);
    free(copy);
}

static void offer_members(const struct place *place, const char *path, const char *member)
{
    struct session *session = place->session;
    json_t *answer = NULL;
    const json_t *items;

    if (session->client || session_open(session))
        answer = session_get(session, mem_strdup(path));
    items = field_list(answer, "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        char *word = field_plain(json_object_get(json_array_get(items, i), member));
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
    {"RULES", "/v1/rules?limit=100", "name", NULL},
    {"MAPPING", "/v1/mappings?limit=100", "name", NULL},
    {"SUPPRESSION", "/v1/suppressions?limit=100", "name", NULL},
    {"STATE", NULL, NULL, "new|open|waiting|resolved"},
    {"LABEL", NULL, NULL, "clear|green|amber|amber+strict|red"},
    {"RESOLUTION", NULL, NULL, "fixed|mitigated|false-positive|not-ours|no-answer|duplicate"},
    {"CHANNEL", NULL, NULL, "phone|walk-in|chat|letter"},
    {"ROLE", NULL, NULL, "analyst|lead|admin|auditor|feed"},
    {"LEVEL", NULL, NULL, "lead|duty"},
    {"F", NULL, NULL, "json|ndjson|iodef|shadowserver|mail"},
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
    else if (strcmp(text, "FILTER") == 0)
        offer_fields(place);
    else if (islower((unsigned char)*text))
        offer_alternatives(place, text);
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        if (strcmp(sources[i].placeholder, text) != 0)
            continue;
        if (sources[i].words)
            offer_alternatives(place, sources[i].words);
        if (sources[i].path)
            offer_members(place, sources[i].path, sources[i].member);
    }
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
    struct place place = {session, count ? words[count - 1] : ""};
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
    if (is_option(place.current))
        offer_options(&place, command);
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
