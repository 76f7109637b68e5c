/*
 * model/filter.h - the one filter language (docs/FILTERS.md): parsed once, evaluated as a predicate (rules, notices, share
 * selections) or compiled to parameterised SQL (lists).
 *
 *   words joined by blanks are AND; OR; a leading - is NOT; parentheses; field:a,b is either; "..." quotes, \ escapes;
 *   field:none absent; ranges field:a..b, ..b, a..; field:<n field:>n; field:/pattern/ (rules and shares only: PCRE2, with limits);
 *   a bare word is text search.
 */
#ifndef CIRT_MODEL_FILTER_H
#define CIRT_MODEL_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum filter_kind {
    FILTER_TEXT,     /* equal, any case; a trailing * is a prefix */
    FILTER_NUMBER,   /* equality and ranges */
    FILTER_TIME,     /* dates (2026-01, 2026-01-05, RFC 3339), relative (2h: from now; -2h; today, tomorrow, yesterday, now) and ranges */
    FILTER_TLP,      /* by strictness: ranges allowed */
    FILTER_PRIORITY, /* critical high medium low: ranges allowed */
    FILTER_ADDRESS,  /* an address or CIDR: contains or equals */
    FILTER_DOMAIN,   /* equal or below */
    FILTER_ASN,
    FILTER_CLASS, /* RSIT name or alias; a bare class ("fraud") matches all its types */
    FILTER_SCORE, /* yes, no, or a number with up to three decimals and ranges of them: in thousandths */
    FILTER_WORD   /* bare words: text search */
};

enum { FILTER_CASE = 1, FILTER_REPORT = 2, FILTER_RULE = 4, FILTER_INDICATOR = 8, FILTER_ITEM = 16 };

/* One field. The numbers of `id` are what SQL compilation and predicates switch on. */
struct filter_field {
    const char *name;
    enum filter_kind kind;
    unsigned objects; /* FILTER_CASE | ... : where it may be used */
    const char *help;
};
extern const struct filter_field filter_fields[];
extern const size_t filter_field_count;

struct filter;

/* Parses for one kind of object. ERR_INPUT: at is "character 12", the text names the nearest known field for an unknown one.
 * now and utc_offset resolve relative times and bare dates; zone_minutes is the analyst's or site's offset east of UTC. "" matches all. */
struct filter_context {
    unsigned object; /* one of FILTER_CASE, ... */
    int64_t now;     /* microseconds */
    int zone_minutes;
    const char *me; /* login for owner:me, or NULL */
};
bool filter_parse(const char *text, const struct filter_context *context, struct filter **out, struct err *err) MUST_CHECK;
void filter_free(struct filter *filter);

/* The names that a field of that object takes, NULL-terminated; NULL for fields that take others. */
const char *const *filter_field_names(const char *field, unsigned object);

/* True where the filter names the field anywhere (lists add their default selection only then). */
bool filter_mentions(const struct filter *filter, const char *field);

/* --- as a predicate --- */

/* One value of the object under test; a field may have many, or none. */
struct filter_value {
    const char *text; /* for text, address, domain, class, tlp and priority names, asn; yes or no of a score */
    int64_t number;   /* for number and time (microseconds); of a score without text its thousandths */
};
/* Gives the values of a field: fills at most `max`, returns how many. For FILTER_WORD, field is "text". */
typedef size_t (*filter_getter)(const void *object, const char *field, struct filter_value *values, size_t max);
bool filter_matches(const struct filter *filter, const void *object, filter_getter get);

/* For many filters on one object: each field is asked for once and kept until the next object. */
struct filter_subject;
struct filter_subject *filter_subject_new(void);
void filter_subject_free(struct filter_subject *subject); /* NULL is fine */
void filter_subject_set(struct filter_subject *subject, const void *object, filter_getter get);
bool filter_subject_passes(struct filter_subject *subject, const struct filter *filter);

/* The time that patterns may take together is counted from here on (FILTERS.md, "Patterns"). */
void filter_rest(struct filter *filter);
/* Since filter_rest() a pattern of it ran into a limit: in one text, where it was not found, or of its time, so that it finds nothing any
 * more. */
bool filter_met_limit(const struct filter *filter);

/* --- as SQL --- */

enum filter_parameter_type { FILTER_PARAMETER_TEXT, FILTER_PARAMETER_TEXT_ARRAY, FILTER_PARAMETER_NUMBER, FILTER_PARAMETER_TIME };
struct filter_parameter {
    enum filter_parameter_type type;
    const char *text; /* what goes to the server, in its text form (arrays as {"a","b"}); the filter's */
};
/*
 * A fragment for one field and comparison, out of sql/filters/<object>.sql, e.g. "owner.equal". "$1" and "$2" stand for the
 * comparison's own parameters, all in text form:
 *   equal   $1 an array: one of these; of a score "yes" and "no". Observables in their normal form, ASNs without "AS", labels and levels as
 * the database's numbers prefix  $1 the beginning; of a class "fraud/" range   $1 and $2, both ends included, NULL is open; numbers (labels
 * and levels too; a score's thousandths) or RFC 3339 text    $1 a word or words one after the other none    no parameters NULL where there
 * is none: ERR_INTERNAL; tests/checks/filters.py looks for all of them. is:... reaches SQL as other fields.
 * parameters are $1 and, of a range, $2, NULL where there are none; a text put in their place must live as long as the filter.
 * is_required: what does not meet the fragment does not meet the filter.
 */
typedef const char *(*filter_fragment)(void *context, unsigned object, const char *field, const char *comparison,
                                       struct filter_parameter *parameters, bool is_required);

/* Appends a boolean SQL expression and its parameters, numbered from first_parameter ($n). The values never enter the text. */
bool filter_to_sql(struct filter *filter, filter_fragment fragment, void *context, unsigned first_parameter, struct buf *sql,
                   const struct filter_parameter **parameters, size_t *parameter_count, struct err *err) MUST_CHECK;

#endif
