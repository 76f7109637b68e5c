#include "rules/case_state.h"

#include "base/str.h"

static const char *const names[CASE_STATE_COUNT] = {
    [CASE_STATE_NEW] = "new",           [CASE_STATE_OPEN] = "open",     [CASE_STATE_WAITING] = "waiting",
    [CASE_STATE_RESOLVED] = "resolved", [CASE_STATE_CLOSED] = "closed", [CASE_STATE_REJECTED] = "rejected",
    [CASE_STATE_MERGED] = "merged",
};

#define TO(state) (1U << CASE_STATE_##state)

/* From the row's state to any of these. What is finished goes back to open only, so that the journal shows who reopened it. */
static const unsigned moves[CASE_STATE_COUNT] = {
    [CASE_STATE_NEW] = TO(OPEN) | TO(WAITING) | TO(RESOLVED) | TO(CLOSED) | TO(REJECTED) | TO(MERGED),
    [CASE_STATE_OPEN] = TO(WAITING) | TO(RESOLVED) | TO(CLOSED) | TO(REJECTED) | TO(MERGED),
    [CASE_STATE_WAITING] = TO(OPEN) | TO(RESOLVED) | TO(CLOSED) | TO(REJECTED) | TO(MERGED),
    [CASE_STATE_RESOLVED] = TO(OPEN) | TO(CLOSED) | TO(MERGED),
    [CASE_STATE_CLOSED] = TO(OPEN),
    [CASE_STATE_REJECTED] = TO(OPEN),
    [CASE_STATE_MERGED] = TO(OPEN),
};

static const char *const resolutions[] = {"fixed", "mitigated", "false-positive", "not-ours", "no-answer", "duplicate"};

const char *case_state_name(enum case_state state)
{
    return names[state];
}

bool case_state_parse(const char *name, enum case_state *state)
{
    for (unsigned i = 0; i < CASE_STATE_COUNT; i++) {
        if (str_equal(name, names[i])) {
            *state = (enum case_state)i;
            return true;
        }
    }
    return false;
}

bool case_state_is_open(enum case_state state)
{
    return state == CASE_STATE_NEW || state == CASE_STATE_OPEN || state == CASE_STATE_WAITING;
}

bool case_state_may_move(enum case_state from, enum case_state to)
{
    return moves[from] >> to & 1;
}

const char *case_state_resolutions(void)
{
    return "fixed|mitigated|false-positive|not-ours|no-answer|duplicate";
}

bool case_state_is_resolution(const char *text)
{
    for (unsigned i = 0; i < ARRAY_SIZE(resolutions); i++)
        if (str_equal(text, resolutions[i]))
            return true;
    return false;
}

bool case_state_check(const char *from, const char *to, const char *resolution, struct err *err)
{
    enum case_state old, wanted;
    if (!case_state_parse(to, &wanted))
        return err_set(err, ERR_INPUT, "\"%.40s\" is no state: new, open, waiting, resolved, closed, rejected or merged", to);
    if (!case_state_parse(from, &old))
        return err_set(err, ERR_INTERNAL, "the case is in the unknown state \"%.40s\"", from);
    if (old == wanted)
        return err_set(err, ERR_CONFLICT, "it is %s already", to);
    if (!case_state_may_move(old, wanted))
        return err_set(err, ERR_CONFLICT, "what is %s cannot become %s%s", from, to, case_state_is_open(old) ? "" : "; it can be reopened");
    if (resolution && !case_state_is_resolution(resolution))
        return err_set(err, ERR_INPUT, "\"%.40s\" is no resolution: %s", resolution, case_state_resolutions());
    if (wanted == CASE_STATE_CLOSED && !resolution)
        return err_set(err, ERR_INPUT, "closing needs a resolution: %s", case_state_resolutions());
    return true;
}
