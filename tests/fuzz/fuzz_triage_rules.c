/* Any text as a rules file: parsed, and applied to an observation where it is one; each fault has its place, and the first is what a plain
 * parse says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "rules/triage_rules.h"

static size_t get(const void *object, const char *field, struct filter_value *values, size_t max)
{
    if (max == 0 || strlen(field) % 3 == 0)
        return 0;
    values[0] = (struct filter_value){.text = object, .number = 7};
    return 1;
}

static void apply(struct triage_rules *rules)
{
    struct arena *arena = arena_new();
    struct triage_decision decision;
    struct filter_subject *subject = filter_subject_new();
    filter_subject_set(subject, "fraud/phishing", get);
    triage_rules_begin(&decision, 0);
    triage_rules_apply(rules, arena, subject, &decision);
    filter_subject_free(subject);
    if ((decision.hold && decision.drop) || decision.priority < 0 || decision.priority > 4 || decision.severity < 0 ||
        decision.severity > 4)
        abort();
    for (size_t i = 0; i < triage_rules_count(rules); i++)
        if (str_is_empty(triage_rules_at(rules, i)->name))
            abort();
    arena_free(arena);
}

/* What `cirt rule test` shows of a text that is no rules. */
static void check_faults(const char *text, const struct err *first)
{
    static struct triage_fault faults[TRIAGE_RULES_FAULTS_MAX];
    struct triage_rules *rules = NULL;
    size_t count = 0, lines = 1;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    if (triage_rules_parse_all(text, &rules, faults, &count) || count == 0 || count > TRIAGE_RULES_FAULTS_MAX)
        abort();
    if (strcmp(faults[0].err.text, first->text) != 0 || strcmp(faults[0].err.at, first->at) != 0)
        abort();
    for (size_t i = 0; i < count; i++)
        if (faults[i].err.text[0] == '\0' || faults[i].line > lines ||
            (faults[i].err.code == ERR_INPUT && !str_starts(faults[i].err.at, "line ")))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_calloc(size + 1, 1);
    struct triage_rules *rules = NULL;
    struct err err = {0};
    if (size)
        memcpy(text, data, size);
    if (triage_rules_parse(text, &rules, &err))
        apply(rules);
    else
        check_faults(text, &err);
    triage_rules_free(rules);
    free(text);
    return 0;
}
