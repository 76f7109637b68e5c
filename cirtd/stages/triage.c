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
#include "cirtd/stage.h"
#include "cirtd/stages/stages.h"
#include "model/observable.h"
#include "model/rsit.h"
#include "rules/priority.h"
#include "rules/triage_rules.h"

enum { REST_MS_MAX = 5000 };

struct rule_set {
    char *name;
    int32_t version;
    struct triage_rules *rules;
    int64_t *hits; /* of the chunk, a rule each */
};

/* One observation as the rules see it, and its sightings. */
struct observed {
    struct db_rows *facts, *sightings;
    size_t row, first, count;
};

/* What goes back, a column a parameter of triage_decide() and of triage_apply(). */
enum decided { D_ORD, D_CLASS, D_PRIORITY, D_QUEUE, D_ASSIGN, D_TLP, D_DECISION, D_RULE, D_REASON, D_COUNT };
enum { T_ORD, T_TAG, T_COUNT };
enum { C_NAME, C_TEXT, C_PRIORITY, C_SECONDS, C_COUNT };

struct triage {
    struct rule_set *sets;
    size_t set_count;
    char *stamp; /* of the rules above; NULL: none read yet */
    struct arena *arena;
    struct db_array decided[D_COUNT], tags[T_COUNT], classes[C_COUNT];
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

/* --- what a rule asks for --- */

/* Columns of the statement facts. */
enum fact {
    F_ORD,
    F_CLASS,
    F_CLASS_CLAIM,
    F_TLP,
    F_TLP_CLAIM,
    F_CHANNEL,
    F_SENDER,
    F_FORMAT,
    F_ASSURANCE,
    F_SIGNED,
    F_SIGNER,
    F_SIZE,
    F_SUMMARY,
    F_DESCRIPTION,
    F_OBSERVED,
    F_REPORTER,
    F_COUNT,
    F_SOURCE_PORT,
    F_TARGET_PORT,
    F_CONSTITUENT,
    F_SECTOR,
    F_KIND,
    F_AUTHOR,
    F_DMARC,
    F_SPF,
    F_DKIM,
    F_SPAM,
    F_SPAM_SCORE,
    F_ENCRYPTION,
    F_FRESH
};

/* A field of the filter language out of facts: text, a label, or a number. Fields that join several columns have several rows. */
static const struct {
    const char *field;
    enum fact fact;
    enum { TEXT, LABEL, NUMBER } kind;
} fact_fields[] = {
    {"class", F_CLASS, TEXT},
    {"claimed.class", F_CLASS_CLAIM, TEXT},
    {"tlp", F_TLP, LABEL},
    {"claimed.tlp", F_TLP_CLAIM, LABEL},
    {"channel", F_CHANNEL, TEXT},
    {"sender", F_SENDER, TEXT},
    {"format", F_FORMAT, TEXT},
    {"assurance", F_ASSURANCE, TEXT},
    {"signed", F_SIGNED, TEXT},
    {"signer", F_SIGNER, TEXT},
    {"size", F_SIZE, NUMBER},
    {"summary", F_SUMMARY, TEXT},
    {"description", F_DESCRIPTION, TEXT},
    {"description", F_OBSERVED, TEXT},
    {"text", F_SUMMARY, TEXT},
    {"text", F_DESCRIPTION, TEXT},
    {"text", F_OBSERVED, TEXT},
    {"reporter", F_REPORTER, TEXT},
    {"count", F_COUNT, NUMBER},
    {"port", F_SOURCE_PORT, NUMBER},
    {"port", F_TARGET_PORT, NUMBER},
    {"constituent", F_CONSTITUENT, TEXT},
    {"sector", F_SECTOR, TEXT},
    {"kind", F_KIND, TEXT},
    {"author", F_AUTHOR, TEXT},
    {"auth", F_DMARC, TEXT},
    {"auth", F_SPF, TEXT},
    {"auth", F_DKIM, TEXT},
    {"spam", F_SPAM, TEXT},
    {"spam", F_SPAM_SCORE, NUMBER},
    {"encryption", F_ENCRYPTION, TEXT},
    {"signed", F_FRESH, TEXT},
};

/* A field out of the sightings: of these types; by_host: any that has a host. */
static const struct {
    const char *field;
    enum observable_type from, to;
    bool by_host;
} sighting_fields[] = {
    {"ip", OBSERVABLE_IPV4, OBSERVABLE_CIDR, false},      {"asn", OBSERVABLE_ASN, OBSERVABLE_ASN, false},
    {"domain", OBSERVABLE_IPV4, OBSERVABLE_TEXT, true},   {"url", OBSERVABLE_URL, OBSERVABLE_URL, false},
    {"email", OBSERVABLE_EMAIL, OBSERVABLE_EMAIL, false}, {"hash", OBSERVABLE_MD5, OBSERVABLE_SHA512, false},
    {"cve", OBSERVABLE_CVE, OBSERVABLE_CVE, false},       {"country", OBSERVABLE_COUNTRY, OBSERVABLE_COUNTRY, false},
};

static size_t facts_of(const struct observed *observed, const char *field, struct filter_value *values, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(fact_fields) && count < max; i++) {
        int column = (int)fact_fields[i].fact;
        if (!str_equal(fact_fields[i].field, field) || db_is_null(observed->facts, observed->row, column))
            continue;
        struct filter_value *value = &values[count++];
        *value = (struct filter_value){0};
        if (fact_fields[i].kind == TEXT)
            value->text = db_get_text(observed->facts, observed->row, column);
        else
            value->number = db_get_int(observed->facts, observed->row, column);
        if (fact_fields[i].kind == LABEL)
            value->text = tlp_name((enum tlp)value->number);
    }
    return count;
}

static size_t sightings_of(const struct observed *observed, const char *field, struct filter_value *values, size_t max)
{
    size_t which = 0, count = 0;
    while (which < ARRAY_SIZE(sighting_fields) && !str_equal(sighting_fields[which].field, field))
        which++;
    for (size_t i = observed->first; which < ARRAY_SIZE(sighting_fields) && i < observed->first + observed->count && count < max; i++) {
        int64_t type = db_get_int(observed->sightings, i, 1);
        const char *text = db_get_text(observed->sightings, i, sighting_fields[which].by_host ? 3 : 2);
        if (text && type >= (int64_t)sighting_fields[which].from && type <= (int64_t)sighting_fields[which].to)
            values[count++] = (struct filter_value){.text = text};
    }
    return count;
}

static size_t get(const void *object, const char *field, struct filter_value *values, size_t max)
{
    const struct observed *observed = object;
    size_t count = facts_of(observed, field, values, max);
    return count ? count : sightings_of(observed, field, values, max);
}

/* --- deciding --- */

static const char *first_text(const char *a, const char *b)
{
    return a ? a : b;
}

/* Sets are applied in the order of their names, as rules are in the order of their lines. */
static void merge(struct triage_decision *all, const struct triage_decision *one)
{
    all->class_name = first_text(all->class_name, one->class_name);
    all->priority = all->priority ? all->priority : one->priority;
    all->queue = first_text(all->queue, one->queue);
    all->assign = first_text(all->assign, one->assign);
    all->tlp = tlp_strictest(all->tlp, one->tlp);
    if (!all->hold && !all->drop) {
        all->hold = one->hold;
        all->drop = one->drop;
        all->reason = one->reason;
    }
}

static void count_hits(struct rule_set *set, const struct triage_decision *decision)
{
    const char *last = NULL;
    for (size_t i = 0; i < decision->step_count; i++) {
        if (decision->steps[i].rule == last)
            continue;
        last = decision->steps[i].rule;
        for (size_t k = 0; k < triage_rules_count(set->rules); k++)
            if (triage_rules_name(set->rules, k) == last)
                set->hits[k]++;
    }
}

/* The rule that held or dropped it, else the first that did anything. */
static const char *telling_rule(const struct triage_decision *decision, const char *rule)
{
    for (size_t i = 0; i < decision->step_count; i++) {
        const char *action = decision->steps[i].action;
        if (decision->steps[i].took_effect && (str_starts(action, "hold") || str_starts(action, "drop")))
            return decision->steps[i].rule;
        if (!rule && decision->steps[i].took_effect)
            rule = decision->steps[i].rule;
    }
    return rule;
}

static void add_decision(struct triage *triage, int32_t ord, const struct triage_decision *decision, const char *rule, bool is_released)
{
    db_array_add_int4(&triage->decided[D_ORD], ord);
    db_array_add_text(&triage->decided[D_CLASS], decision->class_name);
    if (decision->priority)
        db_array_add_int2(&triage->decided[D_PRIORITY], (int16_t)decision->priority);
    else
        db_array_add_null(&triage->decided[D_PRIORITY]);
    db_array_add_text(&triage->decided[D_QUEUE], decision->queue);
    db_array_add_text(&triage->decided[D_ASSIGN], decision->assign);
    if (decision->tlp != TLP_NONE)
        db_array_add_int2(&triage->decided[D_TLP], (int16_t)decision->tlp);
    else
        db_array_add_null(&triage->decided[D_TLP]);
    db_array_add_text(&triage->decided[D_DECISION], is_released ? NULL : decision->drop ? "drop" : decision->hold ? "hold" : NULL);
    db_array_add_text(&triage->decided[D_RULE], rule);
    db_array_add_text(&triage->decided[D_REASON], decision->reason);
}

static void decide(struct triage *triage, const struct observed *observed, bool is_released)
{
    struct triage_decision all = {.tlp = TLP_NONE};
    int32_t ord = (int32_t)db_get_int(observed->facts, observed->row, F_ORD);
    const char *rule = NULL;
    for (size_t i = 0; i < triage->set_count && !all.drop; i++) {
        struct triage_decision one;
        triage_rules_apply(triage->sets[i].rules, triage->arena, observed, get, &one);
        count_hits(&triage->sets[i], &one);
        bool was_settled = all.hold || all.drop;
        merge(&all, &one);
        if (!rule || (!was_settled && (one.hold || one.drop)))
            rule = telling_rule(&one, rule);
        for (size_t k = 0; k < one.tag_count; k++) {
            db_array_add_int4(&triage->tags[T_ORD], ord);
            db_array_add_text(&triage->tags[T_TAG], one.tags[k]);
        }
    }
    if (rule)
        add_decision(triage, ord, &all, rule, is_released);
}

static void decide_all(struct triage *triage, struct db_rows *facts, struct db_rows *sightings, bool is_released)
{
    struct observed observed = {.facts = facts, .sightings = sightings};
    for (observed.row = 0; observed.row < db_row_count(facts); observed.row++) {
        int64_t ord = db_get_int(facts, observed.row, F_ORD);
        observed.first += observed.count;
        observed.count = 0;
        while (observed.first + observed.count < db_row_count(sightings) &&
               db_get_int(sightings, observed.first + observed.count, 0) == ord)
            observed.count++;
        decide(triage, &observed, is_released);
    }
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
            db_array_add_text(&columns[2], triage_rules_name(set->rules, k));
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

static bool apply_rules(struct stage_run *run, bool is_released, struct err *err)
{
    struct triage *triage = run->state;
    struct db_rows *facts = NULL, *sightings = NULL;
    bool ok = db_run(run->db, SQL_TRIAGE_FACTS, NULL, &facts, err) && db_run(run->db, SQL_TRIAGE_SIGHTINGS, NULL, &sightings, err);
    if (!ok)
        goto done;
    decide_all(triage, facts, sightings, is_released);
    db_params_reset(run->params);
    for (int i = 0; i < D_COUNT; i++)
        db_array(run->params, &triage->decided[i]);
    ok = (triage->decided[D_ORD].count == 0 || db_run(run->db, SQL_TRIAGE_DECIDE, run->params, NULL, err)) && store_hits(run, err);
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
    for (int i = 0; i < T_COUNT; i++)
        db_array_reset(&triage->tags[i]);
    for (size_t i = 0; i < triage->set_count; i++)
        memset(triage->sets[i].hits, 0, triage_rules_count(triage->sets[i].rules) * sizeof *triage->sets[i].hits);
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
    for (int i = 0; i < T_COUNT; i++)
        db_array(run->params, &triage->tags[i]);
    if (!db_run(run->db, SQL_TRIAGE_APPLY, run->params, &rows, err))
        return false;
    log_info("triaged", "observations=%lld opened=%lld joined=%lld", (long long)observations, (long long)db_get_int(rows, 0, 0),
             (long long)db_get_int(rows, 0, 1));
    db_rows_free(rows);
    /* While reports pour in, triage takes a third of a processor; the chunks that wait are put together meanwhile. */
    int64_t took_ms = timestamp_monotonic_ms() - begun_ms;
    if (yields)
        run->rest_ms = (int)(2 * took_ms < REST_MS_MAX ? 2 * took_ms : REST_MS_MAX);
    return true;
}

static void init_arrays(struct triage *triage)
{
    static const enum db_array_kind decided[D_COUNT] = {
        [D_ORD] = DB_INT4_ARRAY,      [D_CLASS] = DB_TEXT_ARRAY,  [D_PRIORITY] = DB_INT2_ARRAY,
        [D_QUEUE] = DB_TEXT_ARRAY,    [D_ASSIGN] = DB_TEXT_ARRAY, [D_TLP] = DB_INT2_ARRAY,
        [D_DECISION] = DB_TEXT_ARRAY, [D_RULE] = DB_TEXT_ARRAY,   [D_REASON] = DB_TEXT_ARRAY};
    static const enum db_array_kind classes[C_COUNT] = {DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_INT2_ARRAY, DB_INT4_ARRAY};
    for (int i = 0; i < D_COUNT; i++)
        db_array_init(&triage->decided[i], decided[i]);
    db_array_init(&triage->tags[T_ORD], DB_INT4_ARRAY);
    db_array_init(&triage->tags[T_TAG], DB_TEXT_ARRAY);
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
    for (int i = 0; i < T_COUNT; i++)
        db_array_clear(&triage->tags[i]);
    for (int i = 0; i < C_COUNT; i++)
        db_array_clear(&triage->classes[i]);
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

bool triage_run(const struct role_context *context, struct err *err)
{
    return stage_loop(&triage_stage, context, err);
}
