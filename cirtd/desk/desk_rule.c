/* Rules: trying them without using them, the second person, and what they swallowed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"
#include "cirtd/rule_facts.h"
#include "model/tlp.h"
#include "rules/priority.h"
#include "rules/triage_rules.h"

/* A trial looks at this many stretches of the time asked for, and at this many observations of each. */
enum { WINDOWS = 8, WINDOW_OBSERVATIONS = 2500, ITEMS_MAX = 200, SETS_MAX = 100 };

/* --- what is compared: the sets in force, and those with the tried one in its place --- */

struct rule_sets {
    struct triage_rules *rules[SETS_MAX + 1]; /* in the order of their names */
    char *names[SETS_MAX + 1];
    size_t count;
};

static void sets_free(struct rule_sets *sets)
{
    for (size_t i = 0; i < sets->count; i++) {
        triage_rules_free(sets->rules[i]);
        free(sets->names[i]);
    }
}

/* What cannot be read is not in force: triage says so in its log. */
static void sets_add(struct rule_sets *sets, const char *name, const char *text)
{
    struct err ignored;
    if (sets->count > SETS_MAX || !triage_rules_parse(text, &sets->rules[sets->count], &ignored))
        return;
    sets->names[sets->count++] = mem_strdup(name);
}

static bool sets_hold(const struct rule_sets *sets)
{
    for (size_t i = 0; i < sets->count; i++)
        for (size_t k = 0; k < triage_rules_count(sets->rules[i]); k++)
            if (triage_rules_at(sets->rules[i], k)->holds)
                return true;
    return false;
}

/* Columns of the statement rule_cases. */
enum { CASES_ORD, CASES_REPORT, CASES_CASE };

/* One row that is held holds its report: by the first rule that holds one. */
struct hold {
    const char *rule, *reason; /* rule NULL: it is not held */
};

struct trial {
    struct desk_call *call;
    struct rule_sets before, after;
    struct hold held_before, held_after; /* the report at hand */
    const char *name;                    /* of the set that is tried */
    struct rule_facts_wanted wanted;
    struct filter_subject *subject;
    int64_t *hits; /* of the tried set's rules */
    size_t tried;  /* where it stands in after */
    json_t *items; /* an object: a key of what is shown together -> the item */
    json_t *last;  /* by the same keys: the report that was counted last */
    int64_t observations, changed, reports, hidden;
    bool is_sample;
};

static bool read_sets(struct trial *trial, const char *text, bool *replaces, struct err *err)
{
    struct db_rows *rows = NULL;
    bool is_added = false;
    if (!desk_run(trial->call, SQL_DESK_RULE_TEXTS, &rows, err))
        return false;
    *replaces = false;
    for (size_t i = 0; i < db_row_count(rows) && i < SETS_MAX; i++) {
        const char *name = db_get_text(rows, i, 0);
        int order = strcmp(name, trial->name);
        sets_add(&trial->before, name, db_get_text(rows, i, 1));
        if (order >= 0 && !is_added) {
            trial->tried = trial->after.count;
            sets_add(&trial->after, trial->name, text);
            is_added = true;
        }
        *replaces = *replaces || order == 0;
        if (order != 0)
            sets_add(&trial->after, name, db_get_text(rows, i, 1));
    }
    if (!is_added) {
        trial->tried = trial->after.count;
        sets_add(&trial->after, trial->name, text);
    }
    db_rows_free(rows);
    return true;
}

/* --- one observation, decided twice --- */

static void decide(struct trial *trial, const struct rule_sets *sets, struct triage_decision *decision)
{
    triage_rules_begin(decision, timestamp_now());
    for (size_t i = 0; i < sets->count; i++)
        triage_rules_apply(sets->rules[i], trial->call->arena, trial->subject, decision);
}

/* The rule that did one of these kinds; NULL: none did. */
static const char *rule_that(const struct triage_decision *decision, enum triage_action first, enum triage_action last)
{
    for (size_t i = 0; i < decision->step_count; i++)
        if (decision->steps[i].took_effect && decision->steps[i].kind >= first && decision->steps[i].kind <= last)
            return decision->steps[i].rule;
    return NULL;
}

/* Looks ahead over the rows of the report that `facts` stands at, which come one after another. */
static void find_hold(struct trial *trial, const struct rule_sets *sets, struct rule_facts facts, const struct db_rows *cases,
                      struct hold *hold)
{
    const char *report = db_get_text(cases, facts.row, CASES_REPORT);
    *hold = (struct hold){0};
    do {
        struct triage_decision decision;
        filter_subject_set(trial->subject, &facts, rule_facts_get);
        decide(trial, sets, &decision);
        if (decision.hold)
            *hold = (struct hold){rule_that(&decision, TRIAGE_HOLD, TRIAGE_HOLD), decision.reason};
    } while (!hold->rule && rule_facts_next(&facts) && facts.row < db_row_count(cases) &&
             str_equal(db_get_text(cases, facts.row, CASES_REPORT), report));
}

static void find_holds(struct trial *trial, const struct rule_facts *facts, const struct db_rows *cases)
{
    if (sets_hold(&trial->before))
        find_hold(trial, &trial->before, *facts, cases, &trial->held_before);
    if (sets_hold(&trial->after))
        find_hold(trial, &trial->after, *facts, cases, &trial->held_after);
}

static void count_hits(struct trial *trial, const struct triage_decision *decision)
{
    const struct triage_step *last = NULL;
    for (size_t i = 0; i < decision->step_count; i++) {
        const struct triage_step *step = &decision->steps[i];
        if (step->rules == trial->after.rules[trial->tried] && (!last || last->rule_no != step->rule_no || last->rules != step->rules))
            trial->hits[step->rule_no]++;
        last = step;
    }
}

/* What is left of it after all: words by kind, NULL where there is none. */
struct outcome {
    const char *class_name, *priority, *severity, *queue, *owner, *tlp, *pap, *tags, *templates, *notices, *kept;
};

static const char *listed(struct arena *arena, const struct triage_decision *decision, enum triage_action kind)
{
    const char *all = NULL;
    for (size_t i = 0; i < decision->step_count; i++)
        if (decision->steps[i].kind == kind && decision->steps[i].took_effect)
            all = arena_printf(arena, "%s%s%s", all ? all : "", all ? " " : "", decision->steps[i].value);
    return all;
}

static struct outcome outcome_of(struct arena *arena, const struct triage_decision *decision, const struct hold *hold,
                                 const struct rule_facts *facts)
{
    struct outcome outcome = {0};
    if (hold->rule || decision->drop) {
        const char *word = hold->rule ? "hold" : "drop", *reason = hold->rule ? hold->reason : decision->reason;
        outcome.kept = reason ? arena_printf(arena, "%s: %s", word, reason) : word;
        return outcome;
    }
    const char *found = db_get_text(facts->facts, facts->row, RULE_FACTS_CLASS);
    enum tlp label = (enum tlp)db_get_int(facts->facts, facts->row, RULE_FACTS_TLP);
    outcome.class_name = decision->class_name ? decision->class_name : found;
    outcome.priority = priority_name(decision->priority ? decision->priority : priority_of_class(outcome.class_name));
    outcome.severity = priority_name(decision->severity);
    outcome.queue = decision->queue ? decision->queue : "national";
    outcome.owner = decision->owner;
    outcome.tlp = tlp_name(tlp_strictest(label, decision->tlp));
    outcome.pap = tlp_name(decision->pap);
    outcome.tags = listed(arena, decision, TRIAGE_TAG);
    outcome.templates = listed(arena, decision, TRIAGE_TEMPLATE);
    outcome.notices = listed(arena, decision, TRIAGE_NOTIFY);
    return outcome;
}

static void add_change(json_t *changes, const char *kind, const char *before, const char *after)
{
    if (!str_equal(before, after))
        json_object_set_new(changes, kind, json_pack("{s:s?, s:s?}", "from", before, "to", after));
}

/* NULL where nothing is. A hold or drop takes all the rest with it, so that is said alone. */
static json_t *changes_between(const struct outcome *before, const struct outcome *after)
{
    json_t *changes = json_object();
    add_change(changes, "kept", before->kept, after->kept);
    if (before->class_name && after->class_name) {
        add_change(changes, "class", before->class_name, after->class_name);
        add_change(changes, "priority", before->priority, after->priority);
        add_change(changes, "severity", before->severity, after->severity);
        add_change(changes, "queue", before->queue, after->queue);
        add_change(changes, "owner", before->owner, after->owner);
        add_change(changes, "tlp", before->tlp, after->tlp);
        add_change(changes, "pap", before->pap, after->pap);
        add_change(changes, "tags", before->tags, after->tags);
        add_change(changes, "template", before->templates, after->templates);
        add_change(changes, "notify", before->notices, after->notices);
    }
    if (json_object_size(changes))
        return changes;
    json_decref(changes);
    return NULL;
}

/* Which actions make each kind of change. */
static const struct {
    const char *change;
    enum triage_action first, last;
} causes[] = {{"kept", TRIAGE_HOLD, TRIAGE_SUPPRESS},
              {"class", TRIAGE_CLASS, TRIAGE_CLASS},
              {"priority", TRIAGE_PRIORITY, TRIAGE_PRIORITY},
              {"severity", TRIAGE_SEVERITY, TRIAGE_SEVERITY},
              {"queue", TRIAGE_QUEUE, TRIAGE_QUEUE},
              {"owner", TRIAGE_OWNER, TRIAGE_OWNER},
              {"tlp", TRIAGE_TLP, TRIAGE_TLP},
              {"pap", TRIAGE_PAP, TRIAGE_PAP},
              {"tags", TRIAGE_TAG, TRIAGE_TAG},
              {"template", TRIAGE_TEMPLATE, TRIAGE_TEMPLATE},
              {"notify", TRIAGE_NOTIFY, TRIAGE_NOTIFY}};

static bool took(const struct triage_decision *decision, const struct triage_step *like)
{
    for (size_t i = 0; i < decision->step_count; i++) {
        const struct triage_step *step = &decision->steps[i];
        if (step->took_effect && step->kind == like->kind && str_equal(step->value, like->value))
            return true;
    }
    return false;
}

enum { RULES_NAMED_MAX = 8 };

struct rule_names {
    const char *names[RULES_NAMED_MAX];
    size_t count;
};

static void add_name(struct rule_names *rules, const char *name)
{
    for (size_t i = 0; i < rules->count; i++)
        if (str_equal(rules->names[i], name))
            return;
    if (rules->count < RULES_NAMED_MAX)
        rules->names[rules->count++] = name;
}

/* Adds the rules of `decision` that did what `other` lacks, of the causes of this change; false: none did. */
static bool add_rules(struct rule_names *rules, size_t cause, const struct triage_decision *decision, const struct triage_decision *other)
{
    bool is_any = false;
    for (size_t i = 0; i < decision->step_count; i++) {
        const struct triage_step *step = &decision->steps[i];
        if (!step->took_effect || step->kind < causes[cause].first || step->kind > causes[cause].last || took(other, step))
            continue;
        add_name(rules, step->rule);
        is_any = true;
    }
    return is_any;
}

/* The rules that make the changes: those that now do what was not done, else those that fall silent. */
static const char *rules_of(struct arena *arena, const json_t *changes, const struct triage_decision *before,
                            const struct triage_decision *after)
{
    struct rule_names rules = {.count = 0};
    const char *all = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
        if (json_object_get(changes, causes[i].change) && !add_rules(&rules, i, after, before))
            add_rules(&rules, i, before, after);
    for (size_t i = 0; i < rules.count; i++)
        all = all ? arena_printf(arena, "%s, %s", all, rules.names[i]) : rules.names[i];
    return all;
}

/* As rules_of(); what holds a report has done so to all of its rows. */
static const char *rules_telling(const struct trial *trial, const json_t *changes, const struct triage_decision *before,
                                 const struct triage_decision *after)
{
    if (trial->held_after.rule)
        return trial->held_after.rule;
    if (trial->held_before.rule)
        return after->drop ? rule_that(after, TRIAGE_DROP, TRIAGE_SUPPRESS) : trial->held_before.rule;
    return rules_of(trial->call->arena, changes, before, after);
}

/* --- what is shown: a row a case, or a report in none, and change --- */

static void count_one(json_t *item, const char *member)
{
    json_object_set_new(item, member, json_integer(json_integer_value(json_object_get(item, member)) + 1));
}

static void add_item(struct trial *trial, const struct db_rows *cases, size_t row, const char *rule, json_t *changes)
{
    const char *report = db_get_text(cases, row, CASES_REPORT), *in_case = db_get_text(cases, row, CASES_CASE);
    char *what = json_dumps(changes, JSON_COMPACT);
    char *key = mem_printf("%s\t%s\t%s", in_case ? in_case : report, rule ? rule : "", what);
    json_t *item = json_object_get(trial->items, key);
    if (!item && json_object_size(trial->items) < ITEMS_MAX) {
        item = json_pack("{s:s?, s:s, s:I, s:I, s:s?, s:O}", "case", in_case, "report", report, "reports", (json_int_t)0, "observations",
                         (json_int_t)0, "rule", rule, "changes", changes);
        json_object_set_new(trial->items, key, item);
    }
    /* The rows of a report come one after another. */
    if (item && !str_equal(json_string_value(json_object_get(trial->last, key)), report)) {
        json_object_set_new(trial->last, key, json_string(report));
        count_one(item, "reports");
    }
    if (item)
        count_one(item, "observations");
    else
        trial->hidden++;
    trial->changed++;
    free(key);
    free(what);
}

static void try_one(struct trial *trial, const struct rule_facts *facts, const struct db_rows *cases)
{
    struct triage_decision before, after;
    struct arena *arena = trial->call->arena;
    filter_subject_set(trial->subject, facts, rule_facts_get);
    decide(trial, &trial->before, &before);
    decide(trial, &trial->after, &after);
    count_hits(trial, &after);
    trial->observations++;
    if (before.step_count == 0 && after.step_count == 0 && !trial->held_before.rule && !trial->held_after.rule)
        return;
    struct outcome first = outcome_of(arena, &before, &trial->held_before, facts);
    struct outcome second = outcome_of(arena, &after, &trial->held_after, facts);
    json_t *changes = changes_between(&first, &second);
    if (changes && facts->row < db_row_count(cases))
        add_item(trial, cases, facts->row, rules_telling(trial, changes, &before, &after), changes);
    json_decref(changes);
}

/* --- the observations --- */

static bool try_chunk(struct trial *trial, struct err *err)
{
    struct desk_call *call = trial->call;
    struct db_rows *rows = NULL, *sightings = NULL, *cases = NULL;
    rule_facts_ask(&trial->wanted, call->params);
    bool ok = desk_run(call, SQL_DESK_RULE_FACTS, &rows, err);
    if (ok && rule_facts_wants_sightings(&trial->wanted)) {
        rule_facts_ask_sightings(&trial->wanted, call->params);
        ok = desk_run(call, SQL_DESK_RULE_SIGHTINGS, &sightings, err);
    }
    ok = ok && desk_run(call, SQL_DESK_RULE_CASES, &cases, err);
    if (ok) {
        struct rule_facts facts;
        rule_facts_init(&facts, rows, sightings);
        const char *report = NULL;
        while (rule_facts_next(&facts)) {
            if (facts.row < db_row_count(cases) && !str_equal(db_get_text(cases, facts.row, CASES_REPORT), report)) {
                report = db_get_text(cases, facts.row, CASES_REPORT);
                find_holds(trial, &facts, cases);
            }
            try_one(trial, &facts, cases);
        }
    }
    db_rows_free(rows);
    db_rows_free(sightings);
    db_rows_free(cases);
    return ok;
}

/* report 0: all since then. */
static bool try_window(struct trial *trial, int64_t report, int64_t since, int window, struct err *err)
{
    struct desk_call *call = trial->call;
    struct db_rows *rows = NULL;
    if (report)
        db_int8(call->params, report);
    else
        db_null(call->params);
    db_time(call->params, since);
    db_int4(call->params, window);
    db_int4(call->params, WINDOWS);
    db_int4(call->params, WINDOW_OBSERVATIONS);
    if (!desk_run(call, SQL_DESK_RULE_TAKE, &rows, err))
        return false;
    bool is_empty = db_get_int(rows, 0, 0) == 0;
    trial->reports += db_get_int(rows, 0, 1);
    trial->is_sample = trial->is_sample || db_get_bool(rows, 0, 2);
    db_rows_free(rows);
    return is_empty || try_chunk(trial, err);
}

/* "r81", or "last 7d". */
static bool try_against(struct trial *trial, const char *against, struct err *err)
{
    struct desk_call *call = trial->call;
    int64_t id, seconds;
    if (str_starts(against, "last ") && timestamp_parse_duration(against + 5, &seconds)) {
        bool ok = true;
        for (int window = 0; ok && window < WINDOWS; window++)
            ok = try_window(trial, 0, timestamp_now() - seconds * TIMESTAMP_SECOND, window, err);
        return ok;
    }
    if (!desk_query_id(call, 'r', against, &id, err))
        return desk_problem_set(call, 422, NULL, err, "\"%.60s\" is neither a report (r81) nor a time (last 7d)", against);
    if (!try_window(trial, id, TIMESTAMP_NONE, 0, err))
        return false;
    return trial->reports > 0 || err_set(err, ERR_NOT_FOUND, "there is no report \"%.60s\" that was read", against);
}

/* --- the answer --- */

/* What is wrong with a text: by its grammar, and by what else is in force or known (rule_faults). */
struct findings {
    const struct triage_fault *faults;
    size_t fault_count;
    const struct db_rows *told;
};

enum { TOLD_LINE, TOLD_PLACE, TOLD_TEXT, TOLD_IS_WRONG };

/* Into the line's object: error and at, or warning. */
static void add_findings(json_t *row, const struct findings *findings, size_t line)
{
    for (size_t i = 0; i < findings->fault_count; i++)
        if (findings->faults[i].line == line && !json_object_get(row, "error")) {
            json_object_set_new(row, "error", json_string(findings->faults[i].err.text));
            json_object_set_new(row, "at", json_string(findings->faults[i].err.at));
        }
    for (size_t i = 0; i < db_row_count(findings->told); i++) {
        bool is_wrong = db_get_bool(findings->told, i, TOLD_IS_WRONG);
        const char *member = is_wrong ? "error" : "warning";
        if ((size_t)db_get_int(findings->told, i, TOLD_LINE) != line || json_object_get(row, member))
            continue;
        json_object_set_new(row, member, json_string(db_get_text(findings->told, i, TOLD_TEXT)));
        if (is_wrong)
            json_object_set_new(row, "at", json_sprintf("line %zu, character %s", line, db_get_text(findings->told, i, TOLD_PLACE)));
    }
    json_object_set_new(row, "ok", json_boolean(!json_object_get(row, "error")));
}

static int64_t hits_of(const struct trial *trial, const struct triage_rules *rules, size_t line)
{
    for (size_t i = 0; rules && trial && i < triage_rules_count(rules); i++)
        if (triage_rules_at(rules, i)->line == line)
            return trial->hits[i];
    return -1;
}

/* Each line with what is wrong in it, so that one answer tells all; how many observations it matched, where there was a trial. */
static json_t *lines_of(const char *text, const struct findings *findings, const struct trial *trial)
{
    json_t *lines = json_array();
    const struct triage_rules *rules = trial ? trial->after.rules[trial->tried] : NULL;
    for (size_t number = 1; *text; number++) {
        size_t size = strcspn(text, "\n"), blank = strspn(text, " \t\r");
        if (blank < size && text[blank] != '#') {
            char *line = mem_printf("%.*s", (int)size, text);
            int64_t hits = hits_of(trial, rules, number);
            json_t *row = json_pack("{s:I, s:s}", "line", (json_int_t)number, "text", line);
            if (row)
                add_findings(row, findings, number);
            if (row && hits >= 0)
                json_object_set_new(row, "hits", json_integer(hits));
            json_array_append_new(lines, row);
            free(line);
        }
        text += size + (text[size] == '\n');
    }
    return lines;
}

static void answer_with(struct desk_call *call, json_t *answer)
{
    char *whole = json_dumps(answer, JSON_COMPACT);
    buf_add_text(&call->answer->body, whole);
    free(whole);
    json_decref(answer);
}

static void answer_trial(struct trial *trial, const char *text, const struct findings *findings, bool replaces)
{
    json_t *items = json_array(), *item;
    const char *key;
    json_object_foreach(trial->items, key, item) json_array_append(items, item);
    answer_with(trial->call, json_pack("{s:o, s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:b}", "rules", lines_of(text, findings, trial), "name",
                                       trial->name, "replaces", replaces, "items", items, "observations", (json_int_t)trial->observations,
                                       "changed", (json_int_t)trial->changed, "reports", (json_int_t)trial->reports, "hidden",
                                       (json_int_t)trial->hidden, "sampled", trial->is_sample));
}

static bool run_trial(struct desk_call *call, const char *text, const char *name, const char *against, const struct findings *findings,
                      struct err *err)
{
    struct trial *trial = mem_calloc(1, sizeof *trial);
    bool replaces = false;
    trial->call = call;
    trial->name = name;
    trial->items = json_object();
    trial->last = json_object();
    trial->subject = filter_subject_new();
    rule_facts_wanted_init(&trial->wanted);
    bool ok = read_sets(trial, text, &replaces, err);
    if (ok) {
        for (size_t i = 0; i < trial->before.count; i++)
            rule_facts_want(&trial->wanted, trial->before.rules[i]);
        for (size_t i = 0; i < trial->after.count; i++)
            rule_facts_want(&trial->wanted, trial->after.rules[i]);
        trial->hits = mem_calloc(triage_rules_count(trial->after.rules[trial->tried]) + 1, sizeof *trial->hits);
        ok = try_against(trial, against, err);
    }
    if (ok)
        answer_trial(trial, text, findings, replaces);
    free(trial->hits);
    rule_facts_wanted_clear(&trial->wanted);
    filter_subject_free(trial->subject);
    json_decref(trial->items);
    json_decref(trial->last);
    sets_free(&trial->before);
    sets_free(&trial->after);
    free(trial);
    return ok;
}

static bool test_rules(struct desk_call *call, struct err *err)
{
    const char *text, *against, *name;
    struct triage_rules *rules = NULL;
    if (!desk_body_text(call, "text", &text, err) || !desk_body_text(call, "against", &against, err) ||
        !desk_body_text(call, "name", &name, err))
        return false;
    if (!text)
        return desk_problem_set(call, 422, "cirt rule test FILE", err, "the rules are missing");
    struct triage_fault *faults = mem_calloc(TRIAGE_RULES_FAULTS_MAX, sizeof *faults);
    struct findings findings = {.faults = faults};
    struct db_rows *told = NULL;
    bool is_good = triage_rules_parse_all(text, &rules, faults, &findings.fault_count);
    triage_rules_free(rules);
    if (!name)
        name = "triage";
    db_text(call->params, name);
    db_text(call->params, text);
    bool ok = (!is_good && faults[0].line == 0) || desk_run(call, SQL_DESK_RULE_FAULTS, &told, err);
    findings.told = told;
    for (size_t i = 0; told && i < db_row_count(told); i++)
        is_good = is_good && !db_get_bool(told, i, TOLD_IS_WRONG);
    if (ok && is_good && against)
        ok = run_trial(call, text, name, against, &findings, err);
    else if (ok && findings.fault_count && faults[0].line == 0)
        ok = desk_problem_set(call, 422, NULL, err, "%s", faults[0].err.text);
    else if (ok)
        answer_with(call, json_pack("{s:o}", "rules", lines_of(text, &findings, NULL)));
    db_rows_free(told);
    free(faults);
    return ok;
}

/* --- the second person, of rules and of suppressions --- */

static bool is_suppression(const struct desk_call *call)
{
    return str_starts(call->endpoint->id, "suppression");
}

static bool approve(struct desk_call *call, struct err *err)
{
    json_t *id = json_object_get(call->body, "id");
    if (!json_is_integer(id))
        return desk_problem_set(call, 422, "cirt rule approve NAME, cirt suppression approve NAME", err,
                                "the number of what waits is missing");
    db_text(call->params, call->name);
    db_int8(call->params, json_integer_value(id));
    return is_suppression(call) ? desk_run_one(call, SQL_DESK_SUPPRESSION_APPROVE, 200, "suppression", err)
                                : desk_run_one(call, SQL_DESK_RULE_APPROVE, 200, "rule", err);
}

static bool refuse(struct desk_call *call, struct err *err)
{
    const char *reason;
    if (!desk_body_text(call, "reason", &reason, err))
        return false;
    db_text(call->params, call->name);
    db_text(call->params, reason);
    return is_suppression(call) ? desk_run_one(call, SQL_DESK_SUPPRESSION_REFUSE, 200, "suppression", err)
                                : desk_run_one(call, SQL_DESK_RULE_REFUSE, 200, "rule", err);
}

/* --- what was swallowed --- */

/* ?rule=NAME&since=7d */
static bool list_swallowed(struct desk_call *call, struct err *err)
{
    const char *name = desk_query_text(call, "rule"), *since = desk_query_text(call, "since");
    struct desk_page page;
    struct db_rows *rows = NULL;
    int64_t seconds = 0, moment = TIMESTAMP_NONE;
    if (!name)
        return desk_problem_set(call, 422, "cirt rule swallowed NAME", err, "the name of a rule or rule set is missing");
    if (since && timestamp_parse_duration(since, &seconds))
        moment = timestamp_now() - seconds * TIMESTAMP_SECOND;
    else if (since && !timestamp_parse_rfc3339(since, &moment))
        return desk_problem_set(call, 422, NULL, err, "\"%.60s\" is no time: 7d, 12h, or RFC 3339", since);
    if (!desk_page_read(call, &page, err))
        return false;
    db_int8(call->params, page.limit);
    db_int8(call->params, page.offset);
    db_text(call->params, name);
    db_time(call->params, moment);
    if (!desk_run(call, SQL_DESK_RULE_SWALLOWED, &rows, err))
        return false;
    desk_page_add(call, rows, &page);
    buf_add_char(&call->answer->body, '}');
    db_rows_free(rows);
    return true;
}

const struct desk_route desk_rule_routes[] = {{"rule_test", test_rules},
                                              {"rule_approve", approve},
                                              {"rule_refuse", refuse},
                                              {"suppression_approve", approve},
                                              {"suppression_refuse", refuse},
                                              {"rule_swallowed", list_swallowed},
                                              {NULL, NULL}};
