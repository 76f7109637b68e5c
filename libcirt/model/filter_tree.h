/*
 * model/filter_tree.h - the parsed form of a filter, private to filter.c, filter_parse.c, filter_value.c, filter_pattern.c and
 * filter_to_sql.c. Everything but the compiled patterns lives in the filter's arena.
 */
#ifndef CIRT_MODEL_FILTER_TREE_H
#define CIRT_MODEL_FILTER_TREE_H

#include "base/mem.h"
#include "model/filter.h"

enum { FILTER_SIZE_MAX = 64 * 1024, FILTER_DEPTH_MAX = 32, FILTER_TESTS_MAX = 4096 };

enum filter_comparison { FILTER_EQUAL, FILTER_PREFIX, FILTER_NONE, FILTER_RANGE, FILTER_CONTAINS, FILTER_MATCHES };

struct filter_network {
    int family; /* 0: it could not be read */
    unsigned length;
    unsigned char bytes[16];
};

/* One of a term's alternatives. */
struct filter_test {
    enum filter_comparison comparison;
    const char *text;              /* equal, prefix, contains: the normalised value; tlp and priority as their numbers */
    const char *lower;             /* contains: text in small letters */
    struct filter_network network; /* of an address that is equal */
    struct filter_pattern *pattern;
    /* Of a numeric kind, equal too. range: both ends included; INT64_MIN and INT64_MAX are open. Time in microseconds, tlp and priority as
     * their numbers. */
    int64_t from, to;
};

enum filter_node_type { FILTER_NODE_ALL, FILTER_NODE_AND, FILTER_NODE_OR, FILTER_NODE_NOT, FILTER_NODE_TERM };

struct filter_node {
    enum filter_node_type type;
    struct filter_node *first, *last, *next; /* children of and, or, not; the next sibling */
    const struct filter_field *field;        /* of a term */
    struct filter_test *tests;               /* of a term: one must hold */
    size_t test_count, test_capacity;
};

struct filter {
    struct arena *arena;
    unsigned object; /* FILTER_CASE, ... */
    struct filter_node *root;
    struct filter_pattern **patterns; /* freed with it */
    size_t pattern_count, pattern_capacity;
    uint64_t mentioned; /* a bit for each row of filter_fields[] */
    struct filter_parameter *parameters;
    size_t parameter_count, parameter_capacity;
};

/* A value as it was written. */
struct filter_word {
    const char *text; /* without quotes and escapes */
    bool is_quoted;   /* some part was in quotes: "none" and "me" are then plain text */
    bool has_star;    /* it ends in a * that was not quoted; text still holds it */
};

/* Reads one value of a field into *test. The error has no place yet. */
bool filter_value_parse(struct arena *arena, const struct filter_field *field, const struct filter_context *context,
                        const struct filter_word *word, struct filter_test *test, struct err *err) MUST_CHECK;

/* An address or network with its length; false for anything else. */
bool filter_value_network(const char *text, struct filter_network *network) MUST_CHECK;

/* 1 critical .. 4 low, as a number for "critical", "high", "medium", "low"; false for another name. */
bool filter_value_priority(const char *name, int64_t *number) MUST_CHECK;

/* --- filter_pattern.c: PCRE2 with limits --- */

/* What lies behind the first FILTER_PATTERN_TEXT_MAX bytes of a text is not looked at; a pattern that has used its budget finds nothing
 * until it rests. */
enum { FILTER_PATTERN_SIZE_MAX = 1000, FILTER_PATTERN_TEXT_MAX = 4096, FILTER_PATTERN_BUDGET_MS = 1000 };

struct filter_pattern;
/* NULL: err says why, *bad_at where (bytes). */
struct filter_pattern *filter_pattern_new(const char *text, struct err *err, size_t *bad_at) MUST_CHECK;
void filter_pattern_free(struct filter_pattern *pattern); /* NULL is fine */
/* Anywhere in the text, upper and lower case alike. False where a limit was met. */
bool filter_pattern_matches(struct filter_pattern *pattern, const char *text);
void filter_pattern_rest(struct filter_pattern *pattern);
bool filter_pattern_met_limit(const struct filter_pattern *pattern);

#endif
