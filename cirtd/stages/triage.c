/*
 * Triage: observations into cases. The work over a chunk is the database's (sql/functions/060_triage.sql); what only C can do is to
 * evaluate the site's rules. Where a site has none, no row comes here at all.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/rule_facts.h"
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "model/rsit.h"
#include "rules/priority.h"
#include "rules/triage_rules.h"

enum { REST_TIMES = 9, REST_MS_MAX = 5000 };

struct rule_set {
    char *name;
    int32_t version;
    struct triage_rules *rules;
    int64_t *hits; /* of the chunk, a rule each */
};

/* What rules did to an observation: keys of the steps that took effect. */
struct way {
    uint64_t hash;
    size_t first, count;
};

/* What goes back, a column a parameter of triage_decide(): the number of each observation's way (0: no rule did anything), and what each
 * way decides. */
enum decided { D_WAY, D_CLASS, D_PRIORITY, D_QUEUE, D_ASSIGN, D_TLP, D_DECISION, D_RULE, D_REASON, D_COUNT };
/* A column a parameter of triage_apply(). */
enum { C_NAME, C_TEXT, C_PRIORITY, C_SECONDS, C_COUNT };
/* Columns of triage_rule_explain() and triage_rule_items(). */
enum { S_WAY, S_SET, S_VERSION, S_RULE, S_KIND, S_ACTION, S_VALUE, S_COUNT };
enum { I_SET, I_TEMPLATE, I_IS_NOTE, I_TEXT, I_DUE, I_COUNT };

struct triage {
    struct rule_set *sets;
    size_t set_count;
    char *stamp; /* of the rules above; NULL: none read yet */
    struct arena *arena;
    struct filter_subject *subject;
    struct rule_facts_wanted wanted; /* by the rules above */
    struct db_array decided[D_COUNT], classes[C_COUNT], steps[S_COUNT], items[I_COUNT];
    /* Of the chunk: the ways, from number 1, and their keys; the table that finds a way's number by its hash; templates that were sent. */
    struct way *ways;
    uint64_t *keys;
    int32_t *way_at;
    const struct triage_template **templates;
    size_t way_count, way_capacity, key_count, key_capacity, way_places, template_count, template_capacity;
};

/* --- rules in force --- */

static void drop_rules(struct triage *triage)
{
    for (size_t i = 0; i < triage->set_count; i++) {
        free(triage->sets[i].name);
        free(triage->sets[i].hits);
        triage_rules_free(triage->sets[i].rules);
    }
    free(triage->sets);
    free(triage->stamp);
    rule_facts_wanted_clear(&triage->wanted);
    rule_facts_wanted_init(&triage->wanted);
    triage->sets = NULL;
    triage->set_count = 0;
    triage->stamp = NULL;
}

/* desk has read every set before it came into force; one that cannot be read all the same must not stop the others. */
static void add_set(struct triage *triage, const char *name, int32_t version, const char *text)
{
    struct err err;
    struct rule_set *set = &triage->sets[triage->set_count];
    if (!triage_rules_parse(text, &set->rules, &err)) {
        log_error("rules_unreadable", "set=%s version=%d %s", log_quote(name), (int)version, log_err(&err));
        return;
    }
    if (triage_rules_count(set->rules) == 0) {
        triage_rules_free(set->rules);
        return;
    }
    set->name = mem_strdup(name);
    set->version = version;
    set->hits = mem_calloc(triage_rules_count(set->rules), sizeof *set->hits);
    rule_facts_want(&triage->wanted, set->rules);
    triage->set_count++;
}

static bool read_rules(struct stage_run *run, const char *stamp, struct err *err)
{
    struct triage *triage = run->state;
    struct db_rows *rows = NULL;
    if (!db_run(run->db, SQL_TRIAGE_RULES, NULL, &rows, err))
        return false;
    drop_rules(triage);
    triage->sets = mem_calloc(db_row_count(rows) + 1, sizeof *triage->sets);
    for (size_t i = 0; i < db_row_count(rows); i++)
        add_set(triage, db_get_text(rows, i, 0), (int32_t)db_get_int(rows, i, 1), db_get_text(rows, i, 2));
    db_rows_free(rows);
    triage->stamp = mem_strdup(stamp);
    log_info("rules_read", "sets=%zu", triage->set_count);
    return true;
}

static bool refresh_rules(struct stage_run *run, struct err *err)
{
    struct triage *triage = run->state;
    struct db_rows *rows = NULL;
    if (!db_run(run->db, SQL_TRIAGE_RULES_STAMP, NULL, &rows, err))
        return false;
    const char *stamp = db_get_text(rows, 0, 0);
    bool ok = str_equal(stamp, triage->stamp) || read_rules(run, stamp, err);
    db_rows_free(rows);
    return ok;
}

/* --- deciding --- */

static size_t set_of(const struct triage *triage, const struct triage_step *step)
{
    size_t i = 0;
    while (i + 1 < triage->set_count && triage->sets[i].rules != step->rules)
        i++;
    return i;
}

/* Each rule that matched counts once an observation, whether or not an earlier one had decided. */
static void count_hits(struct triage *triage, const struct triage_decision *decision)
{
    const struct triage_step *last = NULL;
    for (size_t i = 0; i < decision->step_count; i++) {
        const struct triage_step *step = &decision->steps[i];
        if (!last || last->rules != step->rules || last->rule_no != step->rule_no)
            triage->sets[set_of(triage, step)].hits[step->rule_no]++;
        last = step;
    }
}

/* The rule that held or dropped it, else the first that did anything. */
static const char *telling_rule(const struct triage_decision *decision)
{
    const char *first = NULL;
    for (size_t i = 0; i < decision->step_count; i++) {
        const struct triage_step *step = &decision->steps[i];
        if (step->took_effect && (step->kind == TRIAGE_HOLD || step->kind == TRIAGE_DROP || step->kind == TRIAGE_SUPPRESS))
            return step->rule;
        if (step->took_effect && !first)
            first = step->rule;
    }
    return first;
}

static void add_level(struct db_array *array, int level, int none)
{
    if (level == none)
        db_array_add_null(array);
    else
        db_array_add_int2(array, (int16_t)level);
}

static void add_decision(struct triage *triage, const struct triage_decision *decision, const char *rule, bool is_released)
{
    db_array_add_text(&triage->decided[D_CLASS], decision->class_name);
    add_level(&triage->decided[D_PRIORITY], decision->priority, 0);
    db_array_add_text(&triage->decided[D_QUEUE], decision->queue);
    db_array_add_text(&triage->decided[D_ASSIGN], decision->owner);
    add_level(&triage->decided[D_TLP], (int)decision->tlp, (int)TLP_NONE);
    db_array_add_text(&triage->decided[D_DECISION], is_released ? NULL : decision->drop ? "drop" : decision->hold ? "hold" : NULL);
    db_array_add_text(&triage->decided[D_RULE], rule);
    db_array_add_text(&triage->decided[D_REASON], decision->reason);
}

/* --- ways: observations that fare alike share a decision and its steps --- */

static uint64_t step_key(const struct triage *triage, const struct triage_step *step)
{
    return (uint64_t)set_of(triage, step) << 32 | step->action_no;
}

static bool is_same_way(const struct triage *triage, const struct way *way, const struct triage_decision *decision)
{
    size_t k = 0;
    for (size_t i = 0; i < decision->step_count; i++) {
        if (!decision->steps[i].took_effect)
            continue;
        if (k == way->count || triage->keys[way->first + k] != step_key(triage, &decision->steps[i]))
            return false;
        k++;
    }
    return k == way->count;
}

static void add_item(struct triage *triage, const struct rule_set *set, const struct triage_template *template)
{
    for (size_t i = 0; i < template->item_count; i++) {
        db_array_add_text(&triage->items[I_SET], set->name);
        db_array_add_text(&triage->items[I_TEMPLATE], template->name);
        db_array_add_bool(&triage->items[I_IS_NOTE], template->items[i].is_note);
        db_array_add_text(&triage->items[I_TEXT], template->items[i].text);
        db_array_add_int8(&triage->items[I_DUE], template->items[i].due_seconds);
    }
}

/* Once a chunk, whichever rules name it. */
static void use_template(struct triage *triage, size_t set, const char *name)
{
    const struct triage_template *template = triage_rules_template(triage->sets[set].rules, name);
    for (size_t i = 0; template && i < triage->template_count; i++)
        if (triage->templates[i] == template)
            return;
    if (!template)
        BUG("a template that is not there was taken");
    triage->templates = mem_grow(triage->templates, &triage->template_capacity, triage->template_count, sizeof *triage->templates);
    triage->templates[triage->template_count++] = template;
    add_item(triage, &triage->sets[set], template);
}

static void add_step(struct triage *triage, int32_t way, const struct triage_step *step)
{
    static const char *const kinds[] = {
        [TRIAGE_CLASS] = "class",      [TRIAGE_PRIORITY] = "priority", [TRIAGE_SEVERITY] = "severity", [TRIAGE_QUEUE] = "queue",
        [TRIAGE_OWNER] = "owner",      [TRIAGE_TLP] = "tlp",           [TRIAGE_PAP] = "pap",           [TRIAGE_TAG] = "tag",
        [TRIAGE_NOTIFY] = "notify",    [TRIAGE_TEMPLATE] = "template", [TRIAGE_HOLD] = "hold",         [TRIAGE_DROP] = "drop",
        [TRIAGE_SUPPRESS] = "suppress"};
    size_t set = set_of(triage, step);
    db_array_add_int4(&triage->steps[S_WAY], way);
    db_array_add_text(&triage->steps[S_SET], triage->sets[set].name);
    db_array_add_int4(&triage->steps[S_VERSION], triage->sets[set].version);
    db_array_add_text(&triage->steps[S_RULE], step->rule);
    db_array_add_text(&triage->steps[S_KIND], kinds[step->kind]);
    db_array_add_text(&triage->steps[S_ACTION], step->action);
    db_array_add_text(&triage->steps[S_VALUE], step->value);
    if (step->kind == TRIAGE_TEMPLATE)
        use_template(triage, set, step->value);
}

static void add_way(struct triage *triage, const struct triage_decision *decision, uint64_t hash)
{
    triage->ways = mem_grow(triage->ways, &triage->way_capacity, triage->way_count, sizeof *triage->ways);
    struct way *way = &triage->ways[triage->way_count++];
    *way = (struct way){.hash = hash, .first = triage->key_count};
    for (size_t i = 0; i < decision->step_count; i++) {
        if (!decision->steps[i].took_effect)
            continue;
        triage->keys = mem_grow(triage->keys, &triage->key_capacity, triage->key_count, sizeof *triage->keys);
        triage->keys[triage->key_count++] = step_key(triage, &decision->steps[i]);
        way->count++;
        add_step(triage, (int32_t)triage->way_count, &decision->steps[i]);
    }
}

/* Half of the table's places are free at all times. */
static void grow_ways(struct triage *triage)
{
    if (2 * (triage->way_count + 1) <= triage->way_places)
        return;
    free(triage->way_at);
    triage->way_places = triage->way_places ? 2 * triage->way_places : 1024;
    triage->way_at = mem_calloc(triage->way_places, sizeof *triage->way_at);
    for (size_t i = 0; i < triage->way_count; i++) {
        size_t place = (size_t)(triage->ways[i].hash >> 32) % triage->way_places;
        while (triage->way_at[place])
            place = (place + 1) % triage->way_places;
        triage->way_at[place] = (int32_t)(i + 1);
    }
}

/* The number of the way that this decision went; a new one where none before went it. */
static int32_t way_of(struct triage *triage, const struct triage_decision *decision, const char *rule, bool is_released)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < decision->step_count; i++)
        if (decision->steps[i].took_effect)
            hash = (hash ^ step_key(triage, &decision->steps[i])) * UINT64_C(0x9E3779B97F4A7C15) ^ hash >> 29;
    grow_ways(triage);
    size_t place = (size_t)(hash >> 32) % triage->way_places;
    for (; triage->way_at[place]; place = (place + 1) % triage->way_places)
        if (is_same_way(triage, &triage->ways[triage->way_at[place] - 1], decision))
            return triage->way_at[place];
    add_way(triage, decision, hash);
    add_decision(triage, decision, rule, is_released);
    triage->way_at[place] = (int32_t)triage->way_count;
    return triage->way_at[place];
}

static void decide(struct triage *triage, const struct rule_facts *observed, bool is_released)
{
    struct triage_decision decision;
    triage_rules_begin(&decision, timestamp_now());
    filter_subject_set(triage->subject, observed, rule_facts_get);
    for (size_t i = 0; i < triage->set_count; i++)
        triage_rules_apply(triage->sets[i].rules, triage->arena, triage->subject, &decision);
    if (!is_released)
        count_hits(triage, &decision);
    /* Facts come in the order of the observations' numbers; one that has none went no way. */
    while (triage->decided[D_WAY].count + 1 < (size_t)db_get_int(observed->facts, observed->row, RULE_FACTS_ORD))
        db_array_add_int4(&triage->decided[D_WAY], 0);
    const char *rule = telling_rule(&decision);
    db_array_add_int4(&triage->decided[D_WAY], rule ? way_of(triage, &decision, rule, is_released) : 0);
}

static void decide_all(struct triage *triage, const struct db_rows *facts, const struct db_rows *sightings, bool is_released)
{
    struct rule_facts observed;
    rule_facts_init(&observed, facts, sightings);
    while (rule_facts_next(&observed))
        decide(triage, &observed, is_released);
    for (size_t i = 0; i < triage->set_count; i++)
        for (size_t k = 0; k < triage_rules_count(triage->sets[i].rules); k++)
            if (triage_rules_met_limit(triage->sets[i].rules, k))
                log_warn("pattern_slow", "set=%s rule=%s", log_quote(triage->sets[i].name),
                         log_quote(triage_rules_at(triage->sets[i].rules, k)->name));
}

static bool store_hits(struct stage_run *run, struct err *err)
{
    static const enum db_array_kind kinds[] = {DB_TEXT_ARRAY, DB_INT4_ARRAY, DB_TEXT_ARRAY, DB_INT8_ARRAY};
    struct triage *triage = run->state;
    struct db_array columns[ARRAY_SIZE(kinds)];
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        db_array_init(&columns[i], kinds[i]);
    for (size_t i = 0; i < triage->set_count; i++) {
        struct rule_set *set = &triage->sets[i];
        for (size_t k = 0; k < triage_rules_count(set->rules); k++) {
            if (set->hits[k] == 0)
                continue;
            db_array_add_text(&columns[0], set->name);
            db_array_add_int4(&columns[1], set->version);
            db_array_add_text(&columns[2], triage_rules_at(set->rules, k)->name);
            db_array_add_int8(&columns[3], set->hits[k]);
            set->hits[k] = 0;
        }
    }
    db_params_reset(run->params);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        db_array(run->params, &columns[i]);
    bool ok = columns[0].count == 0 || db_run(run->db, SQL_TRIAGE_HITS, run->params, NULL, err);
    db_params_reset(run->params);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        db_array_clear(&columns[i]);
    return ok;
}

/* What rules did, as the database will tell it of each case. */
static bool explain(struct stage_run *run, struct err *err)
{
    struct triage *triage = run->state;
    db_params_reset(run->params);
    for (int i = 0; i < S_COUNT; i++)
        db_array(run->params, &triage->steps[i]);
    if (!db_run(run->db, SQL_TRIAGE_EXPLAIN, run->params, NULL, err))
        return false;
    if (triage->template_count == 0)
        return true;
    db_params_reset(run->params);
    for (int i = 0; i < I_COUNT; i++)
        db_array(run->params, &triage->items[i]);
    return db_run(run->db, SQL_TRIAGE_ITEMS, run->params, NULL, err);
}

static bool fetch_facts(struct stage_run *run, struct db_rows **facts, struct db_rows **sightings, struct err *err)
{
    struct triage *triage = run->state;
    db_params_reset(run->params);
    rule_facts_ask(&triage->wanted, run->params);
    if (!db_run(run->db, SQL_TRIAGE_FACTS, run->params, facts, err))
        return false;
    if (!rule_facts_wants_sightings(&triage->wanted))
        return true;
    db_params_reset(run->params);
    rule_facts_ask_sightings(&triage->wanted, run->params);
    return db_run(run->db, SQL_TRIAGE_SIGHTINGS, run->params, sightings, err);
}

static bool apply_rules(struct stage_run *run, bool is_released, struct err *err)
{
    struct triage *triage = run->state;
    struct db_rows *facts = NULL, *sightings = NULL;
    bool ok = fetch_facts(run, &facts, &sightings, err);
    if (!ok)
        goto done;
    decide_all(triage, facts, sightings, is_released);
    db_params_reset(run->params);
    for (int i = 0; i < D_COUNT; i++)
        db_array(run->params, &triage->decided[i]);
    if (triage->way_count > 0)
        ok = db_run(run->db, SQL_TRIAGE_DECIDE, run->params, NULL, err) && explain(run, err);
    ok = ok && store_hits(run, err);
done:
    db_rows_free(facts);
    db_rows_free(sightings);
    return ok;
}

/* --- the stage --- */

static bool take(struct stage_run *run, int64_t id, int64_t *observations, bool *is_released, bool *yields, struct err *err)
{
    struct db_rows *rows = NULL;
    db_params_reset(run->params);
    db_int8(run->params, id);
    if (!db_run(run->db, SQL_TRIAGE_TAKE, run->params, &rows, err))
        return false;
    *observations = db_get_int(rows, 0, 0);
    *is_released = db_get_bool(rows, 0, 1);
    *yields = db_get_bool(rows, 0, 2);
    db_rows_free(rows);
    return true;
}

static void forget_chunk(struct triage *triage)
{
    for (int i = 0; i < D_COUNT; i++)
        db_array_reset(&triage->decided[i]);
    for (size_t i = 0; i < triage->set_count; i++)
        memset(triage->sets[i].hits, 0, triage_rules_count(triage->sets[i].rules) * sizeof *triage->sets[i].hits);
    for (int i = 0; i < S_COUNT; i++)
        db_array_reset(&triage->steps[i]);
    for (int i = 0; i < I_COUNT; i++)
        db_array_reset(&triage->items[i]);
    for (size_t i = 0; i < triage->set_count; i++)
        triage_rules_rest(triage->sets[i].rules);
    triage->way_count = triage->key_count = triage->template_count = 0;
    if (triage->way_at)
        memset(triage->way_at, 0, triage->way_places * sizeof *triage->way_at);
    arena_reset(triage->arena);
}

static bool work(struct stage_run *run, struct db_rows *claimed, size_t row, struct err *err)
{
    struct triage *triage = run->state;
    struct db_rows *rows = NULL;
    int64_t observations = 0;
    bool is_released = false, yields = false;
    int64_t begun_ms = timestamp_monotonic_ms();
    forget_chunk(triage);
    if (!take(run, db_get_int(claimed, row, 0), &observations, &is_released, &yields, err))
        return false;
    if (observations == 0)
        return true;
    if (!refresh_rules(run, err) || (triage->set_count > 0 && !apply_rules(run, is_released, err)))
        return false;
    db_params_reset(run->params);
    for (int i = 0; i < C_COUNT; i++)
        db_array(run->params, &triage->classes[i]);
    if (!db_run(run->db, SQL_TRIAGE_APPLY, run->params, &rows, err))
        return false;
    log_info("triaged", "observations=%lld opened=%lld joined=%lld", (long long)observations, (long long)db_get_int(rows, 0, 0),
             (long long)db_get_int(rows, 0, 1));
    db_rows_free(rows);
    /* While reports pour in, triage takes a tenth of a processor; the chunks that wait are put together meanwhile. */
    int64_t took_ms = timestamp_monotonic_ms() - begun_ms;
    if (yields)
        run->rest_ms = (int)(REST_TIMES * took_ms < REST_MS_MAX ? REST_TIMES * took_ms : REST_MS_MAX);
    return true;
}

static void init_arrays(struct triage *triage)
{
    static const enum db_array_kind decided[D_COUNT] = {
        [D_WAY] = DB_INT4_ARRAY,      [D_CLASS] = DB_TEXT_ARRAY,  [D_PRIORITY] = DB_INT2_ARRAY,
        [D_QUEUE] = DB_TEXT_ARRAY,    [D_ASSIGN] = DB_TEXT_ARRAY, [D_TLP] = DB_INT2_ARRAY,
        [D_DECISION] = DB_TEXT_ARRAY, [D_RULE] = DB_TEXT_ARRAY,   [D_REASON] = DB_TEXT_ARRAY};
    static const enum db_array_kind classes[C_COUNT] = {DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_INT2_ARRAY, DB_INT4_ARRAY};
    static const enum db_array_kind steps[S_COUNT] = {DB_INT4_ARRAY, DB_TEXT_ARRAY, DB_INT4_ARRAY, DB_TEXT_ARRAY,
                                                      DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY};
    static const enum db_array_kind items[I_COUNT] = {DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_BOOL_ARRAY, DB_TEXT_ARRAY, DB_INT8_ARRAY};
    for (int i = 0; i < D_COUNT; i++)
        db_array_init(&triage->decided[i], decided[i]);
    for (int i = 0; i < S_COUNT; i++)
        db_array_init(&triage->steps[i], steps[i]);
    for (int i = 0; i < I_COUNT; i++)
        db_array_init(&triage->items[i], items[i]);
    for (int i = 0; i < C_COUNT; i++)
        db_array_init(&triage->classes[i], classes[i]);
}

/* After SIGHUP too: then all is made already. */
static bool start(struct stage_run *run, struct err *err)
{
    UNUSED(err);
    if (run->state)
        return true;
    struct triage *triage = mem_calloc(1, sizeof *triage);
    triage->arena = arena_new();
    triage->subject = filter_subject_new();
    rule_facts_wanted_init(&triage->wanted);
    init_arrays(triage);
    for (size_t i = 0; i < rsit_class_count; i++) {
        db_array_add_text(&triage->classes[C_NAME], rsit_classes[i].name);
        db_array_add_text(&triage->classes[C_TEXT], rsit_classes[i].text);
        db_array_add_int2(&triage->classes[C_PRIORITY], (int16_t)priority_of_class(rsit_classes[i].name));
    }
    for (int priority = PRIORITY_CRITICAL; priority <= PRIORITY_LOW; priority++)
        db_array_add_int4(&triage->classes[C_SECONDS], (int32_t)(priority_due(priority, 0) / TIMESTAMP_SECOND));
    run->state = triage;
    return true;
}

static void stop(struct stage_run *run)
{
    struct triage *triage = run->state;
    if (!triage)
        return;
    drop_rules(triage);
    for (int i = 0; i < D_COUNT; i++)
        db_array_clear(&triage->decided[i]);
    for (int i = 0; i < C_COUNT; i++)
        db_array_clear(&triage->classes[i]);
    for (int i = 0; i < S_COUNT; i++)
        db_array_clear(&triage->steps[i]);
    for (int i = 0; i < I_COUNT; i++)
        db_array_clear(&triage->items[i]);
    rule_facts_wanted_clear(&triage->wanted);
    filter_subject_free(triage->subject);
    free(triage->ways);
    free(triage->keys);
    free(triage->way_at);
    free(triage->templates);
    arena_free(triage->arena);
    free(triage);
    run->state = NULL;
}

const struct stage triage_stage = {
    .role = "triage",
    .listen = SQL_TRIAGE_LISTEN,
    .claim = SQL_TRIAGE_CLAIM,
    .settle = SQL_TRIAGE_SETTLE,
    .fail = SQL_TRIAGE_FAIL,
    .poll_ms = 1000,
    .work = work,
    .start = start,
    .stop = stop,
};

/* The first worker takes all that comes; further ones help with large reports. */
bool triage_run(const struct role_context *context, struct err *err)
{
    struct stage parts = triage_stage;
    parts.claim = SQL_TRIAGE_CLAIM_PART;
    return stage_loop(context->instance == 1 ? &triage_stage : &parts, context, err);
}
