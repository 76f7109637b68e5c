/*
 * rules/triage_rules.h - a site's triage rules (docs/RULES.md): one rule or template a line,
 *
 *   rule "bank phishing": class:phishing domain:bank.example => priority:high, queue:banks, tag:+bank, template:phishing
 *   template phishing: task "ask the host to take it down" due:4h, note "The bank's desk: +41 ..."
 *
 * Rules are applied in order to each observation. The first rule that sets a thing wins; tags, templates and notices add up; a label only
 * narrows; a drop ends it, and so does a suppress until its last day is over. A site may have several sets, applied one after the other to
 * the same decision.
 */
#ifndef CIRT_RULES_TRIAGE_RULES_H
#define CIRT_RULES_TRIAGE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/filter.h"
#include "model/tlp.h"

enum {
    TRIAGE_RULES_SIZE_MAX = 1024 * 1024,
    TRIAGE_RULES_COUNT_MAX = 2000,
    TRIAGE_RULES_TEMPLATES_MAX = 200,
    TRIAGE_RULES_ITEMS_MAX = 50,
    TRIAGE_RULES_ACTIONS_MAX = 50,
    TRIAGE_RULES_FAULTS_MAX = 100
};

struct triage_rules;

enum triage_action {
    TRIAGE_CLASS,
    TRIAGE_PRIORITY,
    TRIAGE_SEVERITY,
    TRIAGE_QUEUE,
    TRIAGE_OWNER,
    TRIAGE_TLP,
    TRIAGE_PAP,
    TRIAGE_TAG,
    TRIAGE_TEMPLATE,
    TRIAGE_NOTIFY,
    TRIAGE_HOLD,
    TRIAGE_DROP,
    TRIAGE_SUPPRESS
};

/* One action of one rule on one object. */
struct triage_step {
    const struct triage_rules *rules; /* the set */
    const char *rule;                 /* the rule's name */
    size_t rule_no, action_no;        /* counted from 0 in the set */
    size_t line;                      /* in the file, from 1 */
    enum triage_action kind;
    const char *action, *value; /* "priority:HIGH", "high" (in its normal form); of hold, drop and suppress the reason or NULL */
    bool took_effect;           /* false: an earlier rule had decided that */
};

/* What the rules made of an object. Strings belong to the rules. */
struct triage_decision {
    const char *class_name;    /* NULL: unchanged */
    int priority, severity;    /* 1..4; 0: unchanged */
    const char *queue;         /* NULL: unchanged */
    const char *owner;         /* a login; NULL: nobody */
    enum tlp tlp, pap;         /* at least as strict as this; TLP_NONE: unchanged. The caller takes the stricter of this and the object's */
    bool hold, drop;           /* at most one; drop also where it is suppressed */
    const char *reason;        /* of the hold or drop, or NULL */
    int64_t now;               /* a suppression that is over does nothing */
    struct triage_step *steps; /* what happened, in order; tags, templates and notices are those that took effect */
    size_t step_count, step_capacity;
};

/* What template:NAME gives to a case that is opened. */
struct triage_item {
    bool is_note; /* else a task */
    const char *text;
    int64_t due_seconds; /* of a task, from when the case is opened; 0: none */
};
struct triage_template {
    const char *name;
    size_t line;
    struct triage_item *items;
    size_t item_count, item_capacity;
};

/* A rule as it stands in the file. */
struct triage_rule {
    const char *name, *text; /* the whole line, without blanks around it */
    size_t line;
    bool holds, drops; /* drops: also where it suppresses */
    int64_t until;     /* when what it suppresses is over; TIMESTAMP_NONE: it suppresses nothing */
};

/* ERR_INPUT: at is "line 3" or "line 3, character 14"; ERR_LIMIT: too large. *out is the caller's. */
bool triage_rules_parse(const char *text, struct triage_rules **out, struct err *err) MUST_CHECK;
/* As that, but goes on behind a fault: *faults are those of as many lines, and of templates that nobody made. */
struct triage_fault {
    size_t line; /* 0: of the whole */
    struct err err;
};
bool triage_rules_parse_all(const char *text, struct triage_rules **out, struct triage_fault faults[TRIAGE_RULES_FAULTS_MAX],
                            size_t *count) MUST_CHECK;
void triage_rules_free(struct triage_rules *rules); /* NULL is fine */

size_t triage_rules_count(const struct triage_rules *rules);
/* Rule i, from 0. */
const struct triage_rule *triage_rules_at(const struct triage_rules *rules, size_t i);
/* NULL where there is none of this name. */
const struct triage_template *triage_rules_template(const struct triage_rules *rules, const char *name);
/* True where the filter of any rule asks for the field. */
bool triage_rules_mention(const struct triage_rules *rules, const char *field);

/* --- applying --- */

/* An empty decision, made at that moment; rules are then applied to it, set after set. */
void triage_rules_begin(struct triage_decision *decision, int64_t now);
/* The subject gives the FILTER_RULE fields of the object as it came: what a rule sets is not seen by the next. Arrays in the arena. */
void triage_rules_apply(const struct triage_rules *rules, struct arena *arena, struct filter_subject *subject,
                        struct triage_decision *decision);

/* Patterns have one budget of time from here on (model/filter.h). */
void triage_rules_rest(struct triage_rules *rules);
/* A pattern of rule i has used it up, or ran into a limit in one text, where it was not found. */
bool triage_rules_met_limit(const struct triage_rules *rules, size_t i);

#endif
