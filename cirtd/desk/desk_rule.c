/* Trying rules without using them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"
#include "model/observable.h"
#include "model/tlp.h"
#include "rules/priority.h"
#include "rules/triage_rules.h"

enum {
    COLUMN_ID,
    COLUMN_SENDER,
    COLUMN_CHANNEL,
    COLUMN_FORMAT,
    COLUMN_ASSURANCE,
    COLUMN_CLASS,
    COLUMN_TLP,
    COLUMN_SUMMARY,
    COLUMN_DESCRIPTION,
    COLUMN_SIZE,
    COLUMN_OBSERVATIONS,
    COLUMN_SIGNED,
    COLUMN_SIGNER,
    COLUMN_SEEN,
    COLUMN_CASE,
    COLUMN_KIND,
    COLUMN_AUTHOR,
    COLUMN_DMARC,
    COLUMN_SPF,
    COLUMN_DKIM,
    COLUMN_SPAM,
    COLUMN_SPAM_SCORE,
    COLUMN_ENCRYPTION,
    COLUMN_FRESH
};

/* One report of the sample, as the rules see it. */
struct sample {
    const struct db_rows *rows;
    size_t row;
    const json_t *seen; /* [[type, value], ..] */
    struct arena *arena;
};

static bool is_of_field(const char *type, const char *field)
{
    static const struct {
        const char *field, *types;
    } fields[] = {{"ip", " ipv4 ipv6 cidr "}, {"hash", " md5 sha1 sha256 sha512 "}};
    char word[40];
    snprintf(word, sizeof word, " %.30s ", type);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (str_equal(fields[i].field, field))
            return strstr(fields[i].types, word) != NULL;
    return str_equal(type, field);
}

static size_t seen_values(const struct sample *sample, const char *field, struct filter_value *values, size_t max)
{
    size_t count = 0, i;
    json_t *pair;
    json_array_foreach(sample->seen, i, pair)
    {
        const char *type = json_string_value(json_array_get(pair, 0)), *value = json_string_value(json_array_get(pair, 1));
        enum observable_type number;
        if (!type || !value || count == max || !observable_type_parse(type, &number))
            continue;
        if (str_equal(field, "domain"))
            value = observable_host(sample->arena, number, value);
        else if (!is_of_field(type, field))
            continue;
        if (value)
            values[count++] = (struct filter_value){.text = value};
    }
    return count;
}

/* A field may have several columns. */
static const struct {
    const char *field;
    int column;
    bool is_number;
} columns[] = {
    {"sender", COLUMN_SENDER, false},
    {"channel", COLUMN_CHANNEL, false},
    {"format", COLUMN_FORMAT, false},
    {"class", COLUMN_CLASS, false},
    {"assurance", COLUMN_ASSURANCE, false},
    {"tlp", COLUMN_TLP, false},
    {"summary", COLUMN_SUMMARY, false},
    {"description", COLUMN_DESCRIPTION, false},
    {"text", COLUMN_SUMMARY, false},
    {"text", COLUMN_DESCRIPTION, false},
    {"size", COLUMN_SIZE, true},
    {"count", COLUMN_OBSERVATIONS, true},
    {"signed", COLUMN_SIGNED, false},
    {"signed", COLUMN_FRESH, false},
    {"signer", COLUMN_SIGNER, false},
    {"kind", COLUMN_KIND, false},
    {"author", COLUMN_AUTHOR, false},
    {"encryption", COLUMN_ENCRYPTION, false},
    {"auth", COLUMN_DMARC, false},
    {"auth", COLUMN_SPF, false},
    {"auth", COLUMN_DKIM, false},
    {"spam", COLUMN_SPAM, false},
    {"spam", COLUMN_SPAM_SCORE, true},
};

static size_t get_value(const void *object, const char *field, struct filter_value *values, size_t max)
{
    const struct sample *sample = object;
    bool is_column = false;
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(columns) && count < max; i++) {
        if (!str_equal(columns[i].field, field))
            continue;
        is_column = true;
        if (db_is_null(sample->rows, sample->row, columns[i].column))
            continue;
        values[count] = (struct filter_value){0};
        if (columns[i].is_number)
            values[count++].number = db_get_int(sample->rows, sample->row, columns[i].column);
        else
            values[count++].text = db_get_text(sample->rows, sample->row, columns[i].column);
    }
    return is_column ? count : seen_values(sample, field, values, max);
}

static void set_text(json_t *object, const char *name, const char *value)
{
    if (value)
        json_object_set_new(object, name, json_string(value));
}

static json_t *changes_of(const struct triage_decision *decision)
{
    json_t *changes = json_object();
    set_text(changes, "class", decision->class_name);
    set_text(changes, "priority", priority_name(decision->priority));
    set_text(changes, "queue", decision->queue);
    set_text(changes, "assign", decision->assign);
    set_text(changes, "tlp", tlp_name(decision->tlp));
    set_text(changes, decision->drop ? "drop" : "hold",
             decision->drop || decision->hold ? (decision->reason ? decision->reason : "") : NULL);
    if (decision->tag_count) {
        json_t *tags = json_array();
        for (size_t i = 0; i < decision->tag_count; i++)
            json_array_append_new(tags, json_string(decision->tags[i]));
        json_object_set_new(changes, "tags", tags);
    }
    return changes;
}

static json_t *try_rules(struct desk_call *call, const struct triage_rules *rules, const struct db_rows *rows)
{
    json_t *items = json_array();
    for (size_t row = 0; row < db_row_count(rows); row++) {
        json_t *seen = json_loads(db_get_text(rows, row, COLUMN_SEEN), 0, NULL);
        struct sample sample = {.rows = rows, .row = row, .seen = seen, .arena = call->arena};
        struct triage_decision decision;
        triage_rules_apply(rules, call->arena, &sample, get_value, &decision);
        if (decision.step_count)
            json_array_append_new(
                items, json_pack("{s:o, s:s?, s:s, s:o}", "report", json_sprintf("r%s", db_get_text(rows, row, COLUMN_ID)), "case",
                                 db_get_text(rows, row, COLUMN_CASE), "rule", decision.steps[0].rule, "changes", changes_of(&decision)));
        json_decref(seen);
    }
    return items;
}

/* Each line by itself, so that one answer tells all that is wrong. */
static json_t *check_lines(const char *text, bool *is_good)
{
    json_t *lines = json_array();
    json_int_t number = 0;
    *is_good = true;
    while (*text) {
        size_t size = strcspn(text, "\n"), blank = strspn(text, " \t\r");
        number++;
        if (blank < size && text[blank] != '#') {
            char *line = mem_printf("%.*s", (int)size, text);
            struct triage_rules *rules = NULL;
            struct err err;
            err_clear(&err);
            bool ok = triage_rules_parse(line, &rules, &err);
            *is_good = *is_good && ok;
            json_array_append_new(
                lines, json_pack("{s:I, s:s, s:b, s:s?}", "line", number, "text", line, "ok", ok, "error", ok ? NULL : err.text));
            triage_rules_free(rules);
            free(line);
        }
        text += size + (text[size] == '\n');
    }
    return lines;
}

/* "r81", or "last 7d". */
static bool read_sample(struct desk_call *call, const char *against, struct db_rows **rows, struct err *err)
{
    int64_t id, seconds;
    if (str_starts(against, "last ") && timestamp_parse_duration(against + 5, &seconds)) {
        db_null(call->params);
        db_time(call->params, timestamp_now() - seconds * TIMESTAMP_SECOND);
    } else if (desk_query_id(call, 'r', against, &id, err)) {
        db_int8(call->params, id);
        db_null(call->params);
    } else {
        return desk_problem_set(call, 422, NULL, err, "\"%.60s\" is neither a report (r81) nor a time (last 7d)", against);
    }
    return desk_run(call, SQL_DESK_RULE_SAMPLE, rows, err);
}

static bool test_rules(struct desk_call *call, struct err *err)
{
    const char *text, *against;
    struct triage_rules *rules = NULL;
    struct db_rows *rows = NULL;
    bool is_good;
    if (!desk_body_text(call, "text", &text, err) || !desk_body_text(call, "against", &against, err))
        return false;
    if (!text)
        return desk_problem_set(call, 422, "cirt rule test FILE", err, "the rules are missing");
    json_t *lines = check_lines(text, &is_good), *items = NULL;
    bool ok = !is_good || triage_rules_parse(text, &rules, err);
    if (!ok)
        call->problem.status = 422;
    if (ok && rules && against)
        ok = read_sample(call, against, &rows, err);
    if (ok) {
        items = rows ? try_rules(call, rules, rows) : json_array();
        json_t *answer = json_pack("{s:O, s:O, s:I}", "rules", lines, "items", items, "total", (json_int_t)(rows ? db_row_count(rows) : 0));
        char *whole = json_dumps(answer, JSON_COMPACT);
        buf_add_text(&call->answer->body, whole);
        free(whole);
        json_decref(answer);
    }
    json_decref(items);
    json_decref(lines);
    triage_rules_free(rules);
    db_rows_free(rows);
    return ok;
}

const struct desk_route desk_rule_routes[] = {{"rule_test", test_rules}, {NULL, NULL}};
