/*
 * cli/options.h - the words of a command line: options are --long, -m, -o and -h; every other word that starts with "-" is an operand
 * ("tag 42 -noise"); "--" ends options. "--with A B", "--with A,B" and repeats are the same.
 */
#ifndef CIRT_CLI_OPTIONS_H
#define CIRT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"

enum option_shape {
    OPTION_SWITCH,
    OPTION_ONE,  /* one value; the last one given counts */
    OPTION_MANY, /* values up to the next word that starts with "-", split at commas */
    OPTION_WORDS /* as OPTION_MANY, commas stay: file names, people */
};

/* A list of rules ends with a row without a name. */
struct option_rule {
    const char *name; /* "steal" */
    enum option_shape shape;
    const char *argument; /* "WHO" for help; NULL for a switch */
    const char *help;     /* N_() */
};

struct option_value {
    const char *name; /* the rule's */
    const char *text; /* NULL for a switch */
};

struct options {
    struct arena *arena;
    const char **operands;
    size_t operand_count, operand_capacity;
    struct option_value *values;
    size_t value_count, value_capacity;
};

/* rules: NULL-terminated array of rule lists; words stay borrowed. ERR_INPUT names the nearest option for an unknown one. The caller
 * clears *options, on false too. */
bool options_parse(const char *const *words, size_t count, const struct option_rule *const *rules, struct options *options,
                   struct err *err) MUST_CHECK;
void options_clear(struct options *options);

bool options_has(const struct options *options, const char *name);
/* The last value, or NULL. */
const char *options_text(const struct options *options, const char *name);
/* The index-th value of a many option, or NULL behind the last. */
const char *options_item(const struct options *options, const char *name, size_t index);
/* Operands from the first-th on, joined by blanks; the options' memory. "" for none. */
const char *options_joined(const struct options *options, size_t first);

#endif
