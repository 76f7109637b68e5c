#include "cli/man.h"

#include <string.h>

#include "cli/commands.h"
#include "cli/words.h"

/* Every backslash is doubled once for C and stands for troff. */
static const char head[] =
    ".TH CIRT 1 \"\" \"cirt\" \"User commands\"\n"
    ".SH NAME\n"
    "cirt \\- work on the cases of a CIRT\n"
    ".SH SYNOPSIS\n"
    ".B cirt\n"
    ".RB [ \\-\\-profile\n"
    ".IR NAME ]\n"
    ".RB [ \\-\\-json ]\n"
    ".RI [ COMMAND \" [\" ARGUMENTS ]]\n"
    ".SH DESCRIPTION\n"
    "Without a command: what needs you, yours and unowned, overdue first. A number alone shows that case.\n"
    ".PP\n"
    "A\n"
    ".I CASE\n"
    "is a full id (XX\\-CERT\\-2026\\-000042, any case) or its number; drills have ids that begin with EX\\- and no\n"
    "number of their own. Options are \\-\\-long, \\-m and \\-h; any other word that begins with \\- is an operand\n"
    "(tag 42 \\-noise);\n"
    ".B \\-\\-\n"
    "ends options. \\-\\-with A B, \\-\\-with A,B and repeats are the same.\n"
    ".SH COMMANDS\n";

static const char tail[] =
    ".SH FILTERS\n"
    "Words joined by spaces: space is and, OR, a leading \\- is not, parentheses;\n"
    ".B field:a,b\n"
    "is either. A bare word searches summaries, notes and texts.\n"
    ".B is:open is:overdue is:any owner:me owner:none ip:192.0.2.0/24 domain:bank.example due:..2h opened:2026\\-01..2026\\-03\n"
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\ndone\n"
    ".TP\n.B 1\nrefused: no such thing, a collision, another state; or doctor or verify found something\n"
    ".TP\n.B 2\nusage, or an unknown filter field\n"
    ".TP\n.B 3\nnot allowed, or refused by TLS\n"
    ".TP\n.B 4\nnot reached, busy after several tries, or it took too long\n"
    ".TP\n.B 5\nthe document was not accepted; with \\-\\-strict also where a row of it was rejected\n"
    ".TP\n.B 6\nthe daemon failed\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B CIRT_CONFIG\nthe configuration; else\n.I ~/.config/cirt/cirt.conf\nor\n.I /etc/cirt/cirt.conf\n"
    ".TP\n.BR CIRT_DESK_URL \", \" CIRT_URL \", \" CIRT_CA\nstand over the profile's\n"
    ".TP\n.BR NO_COLOR \", \" VISUAL \", \" EDITOR \", \" TZ\nas everywhere\n"
    ".SH SEE ALSO\n"
    ".BR cirtd (8)\n";

/* troff reads a leading "." or "'" and every "\" and "-" as its own. */
static void plain(struct screen *screen, const char *text)
{
    if (*text == '.' || *text == '\'')
        screen_text(screen, "\\&");
    for (; *text; text++) {
        if (*text == '\\')
            screen_text(screen, "\\e");
        else if (*text == '-')
            screen_text(screen, "\\-");
        else
            screen_printf(screen, "%c", *text);
    }
}

static void option(struct screen *screen, const struct option_rule *rule)
{
    screen_text(screen, ".TP\n\\-\\-");
    plain(screen, rule->name);
    if (rule->argument) {
        screen_text(screen, " ");
        plain(screen, rule->argument);
    }
    screen_text(screen, "\n");
    plain(screen, _(rule->help));
    screen_text(screen, "\n");
}

static void command(struct screen *screen, const struct command *row)
{
    screen_text(screen, ".SS ");
    plain(screen, row->words);
    screen_text(screen, *row->operands ? " " : "");
    plain(screen, row->operands);
    screen_text(screen, "\n");
    plain(screen, _(row->summary));
    screen_text(screen, ".\n.PP\n.nf\n");
    for (size_t i = 0; i < COMMAND_EXAMPLES_MAX && row->examples[i]; i++) {
        plain(screen, row->examples[i]);
        screen_text(screen, "\n");
    }
    screen_text(screen, ".fi\n");
    for (const struct option_rule *rule = row->options; rule && rule->name; rule++)
        option(screen, rule);
}

void man_print(struct screen *screen)
{
    screen_text(screen, head);
    for (size_t i = 0; i < commands_count; i++)
        if (!commands_table[i].is_hidden)
            command(screen, &commands_table[i]);
    screen_text(screen, ".SH OPTIONS OF EVERY COMMAND\n");
    for (const struct option_rule *rule = commands_common_options; rule->name; rule++)
        option(screen, rule);
    screen_text(screen, tail);
}
