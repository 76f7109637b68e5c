#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "rules/triage_rules_tree.h"

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

const struct triage_rule *triage_rules_at(const struct triage_rules *rules, size_t i)
{
    return &rules->rules[i].shown;
}

const struct triage_template *triage_rules_template(const struct triage_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->template_count; i++)
        if (str_equal(rules->templates[i].name, name))
            return &rules->templates[i];
    return NULL;
}

bool triage_rules_mention(const struct triage_rules *rules, const char *field)
{
    for (size_t i = 0; i < rules->count; i++)
        if (filter_mentions(rules->rules[i].filter, field))
            return true;
    return false;
}

void triage_rules_rest(struct triage_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        filter_rest(rules->rules[i].filter);
}

bool triage_rules_met_limit(const struct triage_rules *rules, size_t i)
{
    return filter_met_limit(rules->rules[i].filter);
}

/* --- applying --- */

static bool set_text(const char **slot, const char *value)
{
    if (*slot)
        return false;
    *slot = value;
    return true;
}

static bool set_number(int *slot, int value)
{
    if (*slot)
        return false;
    *slot = value;
    return true;
}

static bool narrow(enum tlp *slot, int label)
{
    if (label <= (int)*slot)
        return false;
    *slot = (enum tlp)label;
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

/* Templates of the same name in two sets are two. */
static bool is_said(const struct triage_decision *decision, const struct triage_rules *rules, const struct triage_rules_action *action)
{
    for (size_t i = 0; i < decision->step_count; i++) {
        const struct triage_step *step = &decision->steps[i];
        if (step->kind == action->kind && str_equal(step->value, action->value) &&
            (action->kind != TRIAGE_TEMPLATE || step->rules == rules))
            return true;
    }
    return false;
}

/* False where an earlier rule had decided it. */
static bool apply_action(const struct triage_rules *rules, struct triage_decision *decision, const struct triage_rules_action *action)
{
    switch (action->kind) {
    case TRIAGE_CLASS:
        return set_text(&decision->class_name, action->value);
    case TRIAGE_QUEUE:
        return set_text(&decision->queue, action->value);
    case TRIAGE_OWNER:
        return set_text(&decision->owner, action->value);
    case TRIAGE_PRIORITY:
        return set_number(&decision->priority, action->number);
    case TRIAGE_SEVERITY:
        return set_number(&decision->severity, action->number);
    case TRIAGE_TLP:
        return narrow(&decision->tlp, action->number);
    case TRIAGE_PAP:
        return narrow(&decision->pap, action->number);
    case TRIAGE_TAG:
    case TRIAGE_TEMPLATE:
    case TRIAGE_NOTIFY:
        return !is_said(decision, rules, action);
    case TRIAGE_HOLD:
        return settle(decision, &decision->hold, action->value);
    case TRIAGE_DROP:
    case TRIAGE_SUPPRESS:
        return settle(decision, &decision->drop, action->value);
    }
    return false;
}

static void apply_rule(const struct triage_rules *rules, size_t no, struct arena *arena, struct triage_decision *decision)
{
    const struct triage_rules_rule *rule = &rules->rules[no];
    for (size_t i = 0; i < rule->action_count; i++) {
        const struct triage_rules_action *action = &rule->actions[i];
        if (action->kind == TRIAGE_SUPPRESS && action->until <= decision->now)
            continue;
        struct triage_step step = {.rules = rules,
                                   .rule = rule->shown.name,
                                   .rule_no = no,
                                   .action_no = action->no,
                                   .line = rule->shown.line,
                                   .kind = action->kind,
                                   .action = action->written,
                                   .value = action->value};
        step.took_effect = apply_action(rules, decision, action);
        decision->steps = arena_grow(arena, decision->steps, &decision->step_capacity, decision->step_count, sizeof *decision->steps);
        decision->steps[decision->step_count++] = step;
    }
}

void triage_rules_begin(struct triage_decision *decision, int64_t now)
{
    *decision = (struct triage_decision){.tlp = TLP_NONE, .pap = TLP_NONE, .now = now};
}

void triage_rules_apply(const struct triage_rules *rules, struct arena *arena, struct filter_subject *subject,
                        struct triage_decision *decision)
{
    for (size_t i = 0; i < rules->count && !decision->drop; i++)
        if (filter_subject_passes(subject, rules->rules[i].filter))
            apply_rule(rules, i, arena, decision);
}
