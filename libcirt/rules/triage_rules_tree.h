/* rules/triage_rules_tree.h - the parsed form of rules, private to triage_rules.c and triage_rules_parse.c. All in the rules' arena but the
 * filters. */
#ifndef CIRT_RULES_TRIAGE_RULES_TREE_H
#define CIRT_RULES_TRIAGE_RULES_TREE_H

#include "rules/triage_rules.h"

struct triage_rules_action {
    enum triage_action kind;
    const char *written; /* "priority:high" */
    const char *value;   /* class, queue, tag, login, ...; reason or NULL */
    int64_t until;       /* of suppress */
    int number;          /* priority, severity, label */
    size_t no;           /* of all actions of the set */
};

struct triage_rules_rule {
    struct triage_rule shown;
    struct filter *filter;
    struct triage_rules_action *actions;
    size_t action_count, action_capacity;
};

struct triage_rules {
    struct arena *arena;
    struct triage_rules_rule *rules;
    size_t count, capacity, actions;
    struct triage_template *templates;
    size_t template_count, template_capacity;
};

#endif
