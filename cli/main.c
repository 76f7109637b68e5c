#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/help_cmd.h"
#include "cli/session.h"
#include "cli/words.h"

/* The words without those of the command, and which command that is. */
struct line {
    const struct command *command;
    const char **words;
    size_t count;
};

static bool has_word(const char *const *words, size_t count, const char *wanted)
{
    for (size_t i = 0; i < count && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], wanted) == 0)
            return true;
    return false;
}

static const struct command *named(const char *words)
{
    const char *const split[] = {words};
    size_t used;

    return commands_find(split, 1, &used);
}

/* "42" or "XX-CERT-2026-000042" */
static bool is_case(const char *word)
{
    size_t size = strlen(word), digits = 0, year = 0;

    while (digits < size && word[size - 1 - digits] >= '0' && word[size - 1 - digits] <= '9')
        digits++;
    if (digits == size)
        return size > 0;
    if (digits == 0 || word[size - 1 - digits] != '-')
        return false;
    for (size_t at = size - 1 - digits; at > 0 && word[at - 1] >= '0' && word[at - 1] <= '9'; at--)
        year++;
    return year == 4 && size > digits + 6 && word[size - digits - 6] == '-';
}

static bool is_filter(const char *word)
{
    return strchr(word, ':') || *word == '-' || *word == '(' || *word == '"';
}

/* Whether an option that stands before its command takes the next word: of one name, all commands' options do or none does. */
static bool takes_value(const char *word)
{
    for (size_t i = 0; i <= commands_count; i++) {
        const struct option_rule *rule = i < commands_count ? commands_table[i].options : commands_common_options;
        for (; rule && rule->name; rule++)
            if (strcmp(rule->name, word + 2) == 0 && rule->shape != OPTION_SWITCH)
                return true;
    }
    return false;
}

/* Where the first word that is neither an option nor an option's value stands; count where there is none. */
static size_t first_word(const char *const *words, size_t count)
{
    size_t at = 0;

    for (; at < count && strncmp(words[at], "--", 2) == 0 && words[at][2]; at++)
        if (takes_value(words[at]))
            at++;
    return at < count ? at : count;
}

static int unknown_command(struct session *session, const char *const *words, size_t count)
{
    char *both = count > 1 ? mem_printf("%s %s", words[0], words[1]) : mem_strdup(words[0]);
    const char *nearest = commands_nearest(both);
    char *hint, *noun = mem_printf("%s ", words[0]), *verbs = mem_strdup("");

    for (size_t i = 0; i < commands_count; i++)
        if (str_starts(commands_table[i].words, noun)) {
            char *longer = mem_printf("%s%s%s", verbs, *verbs ? ", " : "", commands_table[i].words + strlen(noun));
            free(verbs);
            verbs = longer;
        }
    if (!nearest)
        nearest = commands_nearest(words[0]);
    hint = *verbs    ? mem_printf("cirt help %s", words[0])
           : nearest ? mem_printf(_("Did you mean: cirt %s"), nearest)
                     : mem_strdup("cirt help");
    if (*verbs && count > 1 && nearest && str_starts(nearest, noun))
        session_fail(session, EXIT_USAGE, hint, _("no command '%s'; did you mean: cirt %s"), both, nearest);
    else if (*verbs)
        session_fail(session, EXIT_USAGE, hint, _("cirt %s needs one of: %s"), words[0], verbs);
    else
        session_fail(session, EXIT_USAGE, hint, _("no command '%s'"), words[0]);
    free(both);
    free(hint);
    free(noun);
    free(verbs);
    return session->exit_code;
}

/* Finds the command and takes its words out; false: told. */
static bool split(struct session *session, const char *const *words, size_t count, struct line *line)
{
    size_t at = first_word(words, count), used = 0;

    line->words = mem_calloc(count + 1, sizeof *line->words);
    if (has_word(words, at, "--version"))
        line->command = named("version");
    else if (at == count)
        line->command = named(has_word(words, count, "--help") ? "help" : "ls");
    else if (strcmp(words[at], "-h") == 0)
        line->command = named("help");
    else if ((line->command = commands_find(words + at, count - at, &used)) == NULL)
        line->command = is_case(words[at]) ? named("show") : is_filter(words[at]) ? named("ls") : NULL;
    if (!line->command)
        return unknown_command(session, words + at, count - at) == EXIT_DONE;
    for (size_t i = 0; i < count; i++)
        if ((i < at || i >= at + used) && strcmp(words[i], "--version") != 0)
            line->words[line->count++] = words[i];
    return true;
}

/* JSON and the desk take nothing else. */
static bool all_utf8(struct session *session, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!str_is_utf8(words[i], strlen(words[i]), NULL)) {
            session_fail(session, EXIT_USAGE, NULL, _("word %zu is not UTF-8: %s"), i + 1, words[i]);
            return false;
        }
    return true;
}

static int usage(struct session *session, const char *what)
{
    const struct command *command = session->command;
    char *hint = mem_printf("cirt help %s", command->words);

    session_fail(session, EXIT_USAGE, hint, "%s: cirt %s %s", what, command->words, command->operands);
    free(hint);
    return session->exit_code;
}

static int wrong_option(struct session *session, const struct err *err)
{
    char *hint = mem_printf("cirt help %s", session->command->words);

    session_fail_err(session, EXIT_USAGE, hint, err);
    free(hint);
    return session->exit_code;
}

/* Parses the words and calls the command. */
static int run(struct session *session, const struct line *line)
{
    const struct option_rule *const rules[] = {commands_common_options, line->command->options, NULL};
    struct err err = {0};
    size_t count;

    session->command = line->command;
    if (!options_parse(line->words, line->count, rules, &session->options, &err))
        return wrong_option(session, &err);
    session->printer.screen.exact = options_has(&session->options, "exact");
    session->printer.screen.raw = options_has(&session->options, "raw");
    if (options_has(&session->options, "help") && strcmp(line->command->words, "help") != 0) {
        help_cmd_print(session, line->command);
        return EXIT_DONE;
    }
    count = session->options.operand_count;
    if (count < line->command->operands_least)
        return usage(session, _("something is missing"));
    if (count > line->command->operands_most)
        return usage(session, _("too many words"));
    if (line->command->needs == COMMAND_DESK && !session_open(session))
        return session->exit_code;
    return line->command->run(session);
}

/* "cirt __complete WORDS": the words are another command line's and are not parsed. */
static int complete(struct session *session, const char *const *words, size_t count)
{
    session->command = named("__complete");
    session->options.arena = arena_new();
    session->options.operands = (const char **)words;
    session->options.operand_count = count;
    return session->command->run(session);
}

int main(int argc, char **argv)
{
    const char *const *words = (const char *const *)argv + (argc > 0);
    size_t count = argc > 0 ? (size_t)argc - 1 : 0;
    struct session session = {0};
    struct line line = {0};
    int code;

    /* Not LC_NUMERIC: JSON numbers have a point everywhere. */
    setlocale(LC_CTYPE, "");
    setlocale(LC_MESSAGES, "");
    setlocale(LC_TIME, "");
    bindtextdomain("cirt", CIRT_LOCALE_DIR);
    textdomain("cirt");
    session.has_json = has_word(words, count, "--json");
    session.printer.kind = session.has_json ? &printer_json_kind : &printer_text_kind;
    screen_open(&session.printer.screen, STDOUT_FILENO, false, false);
    if (count > 0 && strcmp(words[0], "__complete") == 0)
        code = complete(&session, words + 1, count - 1);
    else
        code = all_utf8(&session, words, count) && split(&session, words, count, &line) ? run(&session, &line) : session.exit_code;
    if (!screen_flush(&session.printer.screen))
        code = session_fail(&session, EXIT_REFUSED, NULL, _("the output cannot be written: %s"), strerror(errno));
    session_close(&session);
    free(line.words);
    return code;
}
