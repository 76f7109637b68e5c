/*
 * rules/case_state.h - the states of a case and the moves between them. The database holds the same by constraint.
 *
 *   new, open, waiting     open work (is:open)
 *   resolved               our part is done
 *   closed                 final, with a resolution; only reopened
 *   rejected               it is none of our business
 *   merged                 it went on in another case
 */
#ifndef CIRT_RULES_CASE_STATE_H
#define CIRT_RULES_CASE_STATE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

enum case_state {
    CASE_STATE_NEW,
    CASE_STATE_OPEN,
    CASE_STATE_WAITING,
    CASE_STATE_RESOLVED,
    CASE_STATE_CLOSED,
    CASE_STATE_REJECTED,
    CASE_STATE_MERGED,
    CASE_STATE_COUNT
};

const char *case_state_name(enum case_state state);
bool case_state_parse(const char *name, enum case_state *state) MUST_CHECK;
bool case_state_is_open(enum case_state state);

/* True where the table has the move. A state may not move to itself. */
bool case_state_may_move(enum case_state from, enum case_state to);

/* The resolutions joined by "|", for messages and help. */
const char *case_state_resolutions(void);
bool case_state_is_resolution(const char *text); /* NULL is none */

/*
 * May a case in the state named `from` be moved to `to`? resolution: what is or gets set, NULL for none; closing needs one.
 * ERR_INPUT: `to` or the resolution is unknown, or missing (the text names what there is); ERR_CONFLICT: no such move from here.
 */
bool case_state_check(const char *from, const char *to, const char *resolution, struct err *err) MUST_CHECK;

#endif
