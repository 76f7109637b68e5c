/*
 * codec/statements.h - a case's document: each value says where it was seen, and what stood together in a report stands together in the
 * document again. Statements that say the same become one, with their first and last time and how often.
 */
#ifndef CIRT_CODEC_STATEMENTS_H
#define CIRT_CODEC_STATEMENTS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/attr.h"
#include "model/report.h"

struct statements;

/* Of that report, which has no observation yet. */
struct statements *statements_new(struct report *report);
void statements_free(struct statements *statements); /* NULL is fine */

/* Adds a value, in each statement of item {statements further} as case_statements() has them; by itself where it names none. what: type,
 * role, value as it is to be normalised, and what holds for it in each; behind it what is told beside it (an address's network), count in
 * all. class_name: what a statement without a class of its own is about, an RSIT class that lives as long as the report; where values of
 * one differ, it has none. False: the first is no such value, and nothing is added; others that are none are left out. */
bool statements_add(struct statements *statements, const json_t *item, const struct sighting *what, size_t count,
                    const char *class_name) MUST_CHECK;

/* After the last value: the report's observations, each of other values in other roles, of another class, or in another manner. */
void statements_finish(struct statements *statements);

#endif
