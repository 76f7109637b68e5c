/*
 * wire/problem.h - application/problem+json (RFC 9457), as every role answers what it refuses. type is always about:blank, so title is
 * the status's own phrase (RFC 9110, section 15).
 */
#ifndef CIRT_WIRE_PROBLEM_H
#define CIRT_WIRE_PROBLEM_H

#include "base/buf.h"

/* The detail of 503 where the database failed: whatever it said stands in the log alone. */
#define PROBLEM_AGAIN "the database is away, busy or nearly full; try again"

/* "Conflict" of 409; "Error" of a status that we never answer. */
const char *problem_title(int status);

/* {"type":..,"title":..,"status":..,"detail":..  and left open, so that members may follow, each behind a comma, and then '}'. */
void problem_begin(struct buf *body, int status, const char *detail);

#endif
