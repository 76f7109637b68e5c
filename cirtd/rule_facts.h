/*
 * cirtd/rule_facts.h - what rules see of observations: the rows of triage_rule_facts() and triage_rule_sightings()
 * (sql/functions/064_rule.sql) as fields of the filter language. Triage decides by it and desk tries rules by it, so that both see the
 * same.
 */
#ifndef CIRT_CIRTD_RULE_FACTS_H
#define CIRT_CIRTD_RULE_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/filter.h"
#include "rules/triage_rules.h"
#include "store/db.h"

/* Columns of the facts that others read too; the rest is rule_facts.c's. */
enum { RULE_FACTS_ORD, RULE_FACTS_CLASS, RULE_FACTS_TLP = 3, RULE_FACTS_COUNT = 30 };

/* What has to be asked for. */
struct rule_facts_wanted {
    bool text, observation, reporter, hosts;
    struct db_array types; /* of sightings */
};
void rule_facts_wanted_init(struct rule_facts_wanted *wanted);
void rule_facts_wanted_clear(struct rule_facts_wanted *wanted);
/* Adds what these rules mention. */
void rule_facts_want(struct rule_facts_wanted *wanted, const struct triage_rules *rules);
/* The parameters of the statement for facts, and of that for sightings. */
void rule_facts_ask(const struct rule_facts_wanted *wanted, struct db_params *params);
void rule_facts_ask_sightings(struct rule_facts_wanted *wanted, struct db_params *params);
/* False where no rule looks at any sighting. */
bool rule_facts_wants_sightings(const struct rule_facts_wanted *wanted);

/* One observation of the rows, and its sightings. Both in the order of the first column. */
struct rule_facts {
    const struct db_rows *facts, *sightings; /* sightings NULL: none were asked for */
    size_t row, first, count;
};
void rule_facts_init(struct rule_facts *facts, const struct db_rows *rows, const struct db_rows *sightings);
/* Goes to the first, then to the next; false behind the last. */
bool rule_facts_next(struct rule_facts *facts);

/* A filter_getter; object is a struct rule_facts. */
size_t rule_facts_get(const void *object, const char *field, struct filter_value *values, size_t max);
/* True for the fields that it knows. */
bool rule_facts_know(const char *field);

#endif
