/*
 * rules/triage_rules.h - a site's triage rules (docs/RULES.md): one rule a line,
 *
 *   rule "bank phishing": class:phishing domain:bank.example => priority:high, queue:banks, tag:+bank
 *
 * applied in order to each observation. The first rule that sets a thing wins; tags add up; a label only narrows; a drop ends it.
 */
#ifndef CIRT_RULES_TRIAGE_RULES_H
#define CIRT_RULES_TRIAGE_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/filter.h"
#include "model/tlp.h"

enum { TRIAGE_RULES_SIZE_MAX = 1024 * 1024, TRIAGE_RULES_COUNT_MAX = 2000 };

struct triage_rules;

/* One action of one rule on one object. */
struct triage_step {
    const char *rule;   /* the rule's name */
    size_t line;        /* in the file, from 1 */
    const char *action; /* as it was written: "priority:high" */
    bool took_effect;   /* false: an earlier rule had decided that */
};

/* What the rules made of an object. Strings belong to the rules. */
struct triage_decision {
    const char *class_name; /* NULL: unchanged */
    int priority;           /* 1..4; 0: unchanged */
    const char *queue;      /* NULL: unchanged */
    const char *assign;     /* a login; NULL: nobody */
    enum tlp tlp;           /* at least as strict as this; TLP_NONE: unchanged. The caller takes the stricter of this and the object's */
    bool hold, drop;        /* at most one */
    const char *reason;     /* of the hold or drop, or NULL */
    const char **tags;      /* each once */
    size_t tag_count, tag_capacity;
    struct triage_step *steps; /* what happened, in order */
    size_t step_count, step_capacity;
};

/* ERR_INPUT: at is "line 3" or "line 3, character 14"; ERR_LIMIT: too large. *out is the caller's. */
bool triage_rules_parse(const char *text, struct triage_rules **out, struct err *err) MUST_CHECK;
void triage_rules_free(struct triage_rules *rules); /* NULL is fine */

size_t triage_rules_count(const struct triage_rules *rules);
/* The name of rule i, from 0. */
const char *triage_rules_name(const struct triage_rules *rules, size_t i);

/* get gives the FILTER_RULE fields of the object as it came: what a rule sets is not seen by the next. Arrays in the arena. */
void triage_rules_apply(const struct triage_rules *rules, struct arena *arena, const void *object, filter_getter get,
                        struct triage_decision *decision);

/* One line a step for people: `line 3, rule "bank phishing": priority:high`, with " (decided before)" where it had no effect. */
const char *triage_rules_explain(const struct triage_decision *decision, struct arena *arena);

#endif
