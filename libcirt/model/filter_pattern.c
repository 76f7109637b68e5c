#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/filter_tree.h"

/*
 * Texts are strangers', patterns are people's who are no experts: whatever the two make of each other must end. PCRE2's match limit is
 * counted anew from each place where a match may begin and does not see what a single repeat reads, so it bounds no text as a whole: the
 * steps do, which are counted by callouts (one before each item of the pattern); a step reads at most the text once. The budget bounds all
 * texts together.
 */
enum { NESTING_MAX = 32, MATCH_LIMIT = 50000, STEPS_MAX = 50000, DEPTH_LIMIT = 1000, HEAP_LIMIT_KIB = 256 };

struct filter_pattern {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    int64_t spent_ns;
    int steps;              /* of the match at hand */
    bool is_spent, was_cut; /* its time is used up; a match ran into another limit */
};

static void *allocate(PCRE2_SIZE size, void *data)
{
    UNUSED(data);
    return mem_calloc(size, 1);
}

static void release(void *block, void *data)
{
    UNUSED(data);
    free(block);
}

static int count_step(pcre2_callout_block *block, void *data)
{
    struct filter_pattern *pattern = data;
    UNUSED(block);
    return ++pattern->steps > STEPS_MAX ? PCRE2_ERROR_CALLOUT : 0;
}

static pcre2_code *compile(pcre2_general_context *memory, const char *text, struct err *err, size_t *bad_at)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    PCRE2_UCHAR why[200];
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    pcre2_set_parens_nest_limit(context, NESTING_MAX);
    pcre2_code *compiled = pcre2_compile(
        (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT, &code, &offset, context);
    pcre2_compile_context_free(context);
    if (!compiled) {
        if (pcre2_get_error_message(code, why, sizeof why) < 0)
            snprintf((char *)why, sizeof why, "error %d", code);
        err_set(err, ERR_INPUT, "this pattern cannot be used: %s", (const char *)why);
        *bad_at = offset;
    }
    return compiled;
}

struct filter_pattern *filter_pattern_new(const char *text, struct err *err, size_t *bad_at)
{
    *bad_at = 0;
    if (strlen(text) > FILTER_PATTERN_SIZE_MAX) {
        err_set(err, ERR_LIMIT, "a pattern has at most %d bytes", FILTER_PATTERN_SIZE_MAX);
        return NULL;
    }
    pcre2_general_context *memory = pcre2_general_context_create(allocate, release, NULL);
    pcre2_code *code = compile(memory, text, err, bad_at);
    struct filter_pattern *pattern = NULL;
    if (code) {
        pattern = mem_calloc(1, sizeof *pattern);
        pattern->code = code;
        pattern->match = pcre2_match_data_create(1, memory);
        pattern->limits = pcre2_match_context_create(memory);
    }
    pcre2_general_context_free(memory);
    if (!pattern)
        return NULL;
    pcre2_set_callout(pattern->limits, count_step, pattern);
    pcre2_set_match_limit(pattern->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(pattern->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(pattern->limits, HEAP_LIMIT_KIB);
    return pattern;
}

void filter_pattern_free(struct filter_pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_match_context_free(pattern->limits);
    pcre2_match_data_free(pattern->match);
    pcre2_code_free(pattern->code);
    free(pattern);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool filter_pattern_matches(struct filter_pattern *pattern, const char *text)
{
    if (pattern->is_spent)
        return false;
    int64_t begun = now_ns();
    pattern->steps = 0;
    int found = pcre2_match(pattern->code, (PCRE2_SPTR)text, strnlen(text, FILTER_PATTERN_TEXT_MAX), 0, 0, pattern->match, pattern->limits);
    pattern->spent_ns += now_ns() - begun;
    pattern->is_spent = pattern->spent_ns > (int64_t)FILTER_PATTERN_BUDGET_MS * 1000000;
    /* 0: there were more groups than places for them. What ran into a limit was not found. */
    pattern->was_cut |= found < 0 && found != PCRE2_ERROR_NOMATCH;
    return found >= 0;
}

void filter_pattern_rest(struct filter_pattern *pattern)
{
    pattern->spent_ns = 0;
    pattern->is_spent = pattern->was_cut = false;
}

bool filter_pattern_met_limit(const struct filter_pattern *pattern)
{
    return pattern->is_spent || pattern->was_cut;
}
