#include "cli/help_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/complete.h"
#include "cli/man.h"
#include "cli/session.h"
#include "cli/words.h"

/* A command with more to say of its own names the common options on a line: its help fits one screen of 24 lines. */
enum { OPTION_WIDTH = 26, COMMAND_WIDTH = 20, LINES_MANY = 7 };

static void print_options(struct screen *screen, const struct option_rule *rules)
{
    for (const struct option_rule *rule = rules; rule && rule->name; rule++) {
        char *left = mem_printf("--%s%s%s", rule->name, rule->argument ? " " : "", rule->argument ? rule->argument : "");
        screen_printf(screen, "  %-*s ", OPTION_WIDTH, left);
        screen_words(screen, _(rule->help), OPTION_WIDTH + 3);
        free(left);
    }
}

static void print_usage(struct screen *screen, const struct command *command)
{
    size_t mark = screen_mark(screen);

    screen_printf(screen, "cirt %s%s%s%s\n", command->words, *command->operands ? " " : "", command->operands,
                  command->options ? _(" [OPTIONS]") : "");
    screen_wrap(screen, mark);
}

static void print_common_options(struct screen *screen, const struct command *command)
{
    size_t own = 0;

    while (command->options && command->options[own].name)
        own++;
    for (size_t i = 0; i < COMMAND_EXAMPLES_MAX && command->examples[i]; i++)
        own++;
    if (own <= LINES_MANY) {
        screen_printf(screen, _("\nEverywhere:\n"));
        print_options(screen, commands_common_options);
        return;
    }
    size_t mark = screen_mark(screen);

    screen_text(screen, _("Everywhere (cirt help):"));
    for (const struct option_rule *rule = commands_common_options; rule->name; rule++)
        screen_printf(screen, " --%s", rule->name);
    screen_text(screen, "\n");
    screen_wrap(screen, mark);
}

void help_cmd_print(struct session *session, const struct command *command)
{
    struct screen *screen = &session->printer.screen;

    screen_printf(screen, "%s: %s\n\n", command->words, _(command->summary));
    for (size_t i = 0; i < COMMAND_EXAMPLES_MAX && command->examples[i]; i++)
        screen_printf(screen, "  %s\n", command->examples[i]);
    screen_text(screen, "\n");
    print_usage(screen, command);
    print_options(screen, command->options);
    print_common_options(screen, command);
}

static void print_line(struct screen *screen, const struct command *command)
{
    screen_printf(screen, "  %-*s ", COMMAND_WIDTH, command->words);
    screen_words(screen, _(command->summary), COMMAND_WIDTH + 3);
}

static const char *const common_verbs[] = {"ls", "show", "add", "set", "rm"};

static bool has_verb(const char *words, size_t noun_size, const char *verb)
{
    for (size_t i = 0; i < commands_count; i++) {
        const char *other = commands_table[i].words;
        if (strncmp(other, words, noun_size + 1) == 0 && str_equal(other + noun_size + 1, verb))
            return true;
    }
    return false;
}

/* Has its noun all of the verbs that records have? What has only some is listed verb by verb. */
static bool is_of_whole_record(const struct command *command)
{
    size_t noun = strcspn(command->words, " ");

    for (size_t i = 0; i < ARRAY_SIZE(common_verbs); i++)
        if (!command->words[noun] || !has_verb(command->words, noun, common_verbs[i]))
            return false;
    return true;
}

/* One of the verbs that the list of all commands names once. */
static bool is_common_verb(const struct command *command)
{
    const char *blank = strchr(command->words, ' ');

    for (size_t i = 0; blank && i < ARRAY_SIZE(common_verbs); i++)
        if (str_equal(blank + 1, common_verbs[i]))
            return is_of_whole_record(command);
    return false;
}

/* What is kept the same way for each kind of record: a line a kind. */
static void print_records(struct screen *screen)
{
    screen_text(screen, _("\nEach with ls, show, add, set, rm (cirt help peer):\n"));
    for (size_t i = 0; i < commands_count; i++) {
        const struct command *command = &commands_table[i];
        size_t noun = strcspn(command->words, " ");
        if (strcmp(command->words + noun, " ls") != 0 || !is_common_verb(command))
            continue;
        screen_printf(screen, "  %-*.*s ", COMMAND_WIDTH, (int)noun, command->words);
        screen_words(screen, _(command->summary), COMMAND_WIDTH + 3);
    }
}

static void print_all(struct screen *screen)
{
    screen_text(screen, _("cirt: tickets for a CIRT\n\n"
                          "  cirt                     what needs you\n"
                          "  cirt 42                  case 42\n"
                          "  cirt take 42             make it yours\n"
                          "  cirt help take           help on a command\n\n"));
    for (size_t i = 0; i < commands_count; i++)
        if (!commands_table[i].is_hidden && !is_common_verb(&commands_table[i]))
            print_line(screen, &commands_table[i]);
    print_records(screen);
    screen_printf(screen, _("\nEverywhere:\n"));
    print_options(screen, commands_common_options);
}

/* The verbs of a noun; false where there is no such noun. */
static bool print_noun(struct screen *screen, const char *noun)
{
    bool found = false;

    for (size_t i = 0; i < commands_count; i++) {
        const struct command *command = &commands_table[i];
        if (!str_starts(command->words, noun) || command->words[strlen(noun)] != ' ')
            continue;
        print_line(screen, command);
        found = true;
    }
    return found;
}

int help_cmd_help(struct session *session)
{
    struct screen *screen = &session->printer.screen;
    const struct options *options = &session->options;
    const struct command *command;
    size_t used = 0;

    if (options_has(options, "man")) {
        man_print(screen);
        return EXIT_DONE;
    }
    if (options->operand_count == 0) {
        print_all(screen);
        return EXIT_DONE;
    }
    command = commands_find(options->operands, options->operand_count, &used);
    if (command)
        help_cmd_print(session, command);
    else if (!print_noun(screen, options->operands[0])) {
        const char *nearest = commands_nearest(options_joined(options, 0));
        char *hint = nearest ? mem_printf("cirt help %s", nearest) : mem_strdup("cirt help");
        session_fail(session, EXIT_USAGE, hint, _("no command '%s'"), options_joined(options, 0));
        free(hint);
    }
    return session->exit_code;
}

int help_cmd_version(struct session *session)
{
    json_t *answer = json_pack("{s:s}", "version", CIRT_VERSION);

    session_done(session, answer, "cirt %s", CIRT_VERSION);
    json_decref(answer);
    return session->exit_code;
}

/* packaging/completions/cirt.bash is this text; tests/checks/help.sh compares them. */
int help_cmd_completion(struct session *session)
{
    screen_text(&session->printer.screen,
                "# bash completion for cirt, written by: cirt completion bash\n"
                "# Candidates come from the table of commands and from the desk, as plain words that cirt has filtered. They are\n"
                "# compared here and never reach compgen -W, which would run $(...) inside them.\n"
                "_cirt() {\n"
                "    local words=() word current shown\n"
                "    # The shell parts words at colons too: \"state:new\" comes in three.\n"
                "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD}\"; do\n"
                "        if ((${#words[@]})) && [[ $word == :* || ${words[-1]} == *: ]]; then\n"
                "            words[-1]+=$word\n"
                "        else\n"
                "            words+=(\"$word\")\n"
                "        fi\n"
                "    done\n"
                "    current=${words[-1]:-} COMPREPLY=()\n"
                "    shown=${current%\"${current##*:}\"}\n"
                "    while IFS= read -r word; do\n"
                "        [[ $word == \"$current\"* ]] && COMPREPLY+=(\"${word#\"$shown\"}\")\n"
                "    done < <(command cirt __complete \"${words[@]}\" 2>/dev/null)\n"
                "    # No file begins so: what stands before the colon is a field.\n"
                "    [[ $current != *:* ]] || compopt +o default 2>/dev/null\n"
                "    return 0\n"
                "}\n"
                "complete -o default -F _cirt cirt\n");
    return EXIT_DONE;
}

int help_cmd_complete(struct session *session)
{
    return complete_words(session, session->options.operands, session->options.operand_count);
}
