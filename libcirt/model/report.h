/*
 * model/report.h - what somebody sent, as the codecs leave it: claims, not facts. The envelope (sender, channel, digest,
 * raw bytes) is the caller's; a report here is the readable content.
 *
 * A report owns an arena: every string below lives there and dies with report_free().
 */
#ifndef CIRT_MODEL_REPORT_H
#define CIRT_MODEL_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/timestamp.h"
#include "model/observable.h"
#include "model/tlp.h"

/* This observable in this role in this observation. */
struct sighting {
    enum observable_type type;
    enum sighting_role role;
    const char *value;      /* normalised */
    const char *original;   /* of a URL: as it was written, where that is not its value; else NULL */
    enum tlp tlp;           /* TLP_NONE: as the report */
    bool is_indicator;      /* the sender marked it for detection */
    int confidence;         /* 0..100; -1 where nobody said */
    int64_t valid_until;    /* of an indicator, microseconds; TIMESTAMP_NONE where it has no end */
    int64_t indicator_id;   /* report_indicator_id() of the name its sender gave the indicator; 0 where it has none */
    int64_t indicator_time; /* when its sender last changed that indicator, by his own word; TIMESTAMP_NONE where he does not say */
};

/* What the sender takes back, or no longer marks for detection. */
struct withdrawal {
    int64_t indicator_id; /* report_indicator_id() */
    int64_t time;         /* as indicator_time */
};

/* One statement: at T, source S did C to target D. */
struct observation {
    int64_t time;                 /* microseconds; TIMESTAMP_NONE where nobody said */
    const char *time_text;        /* as it was written, or NULL */
    const char *time_rule;        /* how it was read: "rfc3339", "utc-assumed", ...; NULL with time_text */
    const char *class_claim;      /* as the sender named it, or NULL */
    const char *class_name;       /* rsit_claimed() of it, or NULL */
    int64_t count;                /* how often; 1 where nobody said */
    const char *description;      /* or NULL */
    const char *protocol;         /* "tcp", ...; or NULL */
    int source_port, target_port; /* -1 where nobody said */
    const char *extra;            /* JSON object text of all that has no place above, or NULL */
    struct sighting *sightings;
    size_t sighting_count, sighting_capacity;
};

/* A part of a document that was left out while the rest was taken (a CSV row, an NDJSON line). */
struct rejection {
    const char *at;   /* "line 7" */
    const char *text; /* why */
};

struct report {
    struct arena *arena;
    const char *format;                   /* the codec's name */
    const char *description;              /* or NULL */
    const char *summary;                  /* one line, or NULL: the caller makes one */
    const char *lang;                     /* BCP 47, or NULL */
    const char *class_claim, *class_name; /* as in struct observation */
    enum tlp tlp;                         /* the document's own label, TLP_NONE where it has none */
    bool is_partly_labelled;              /* tlp is of some of its values or words: what was agreed with the sender binds beside it */
    enum tlp pap;                         /* what may be done with it (PAP: clear, green, amber, red); TLP_NONE where it does not say */
    bool is_list;                         /* of indicators: what is said of a value has the same name in the next list (stix) */
    const char *case_kind;                /* "vulnerability", "notice", "request"; NULL: incident */
    int64_t time;                         /* the document's own time, or TIMESTAMP_NONE */
    const char *time_text, *time_rule;
    const char *reference;        /* the sender's own number for it, or NULL */
    const char *reference_issuer; /* whose number (IODEF IncidentID@name), or NULL */
    int part;                     /* of several documents about that number: which, from 2; the first, or the only one: 0 or 1 */
    const char *reporter_name, *reporter_email; /* personal: kept apart by the store; or NULL */
    const char *creator_name, *creator_email;   /* the team that wrote the document, for its peers (IODEF Contact role creator); or NULL */
    const char *extra;                          /* JSON object text, or NULL */
    const char *columns,
        *columns_of; /* of a table: the names of its columns as they came, joined by commas, and what kind of table it is; or NULL */
    struct observation *observations;
    size_t observation_count, observation_capacity;
    struct withdrawal *withdrawn;
    size_t withdrawn_count, withdrawn_capacity;
    struct rejection *rejections; /* the first REPORT_REJECTIONS_KEPT */
    size_t rejection_count, rejection_capacity;
    size_t rejected_total;
    size_t duplicate_total; /* observations that say what another in the document says; counted by the caller (rules/repeat.h) */
};

enum { REPORT_REJECTIONS_KEPT = 100 };

struct report *report_new(const char *format);
void report_free(struct report *report); /* NULL is fine */

/* A new, empty observation at the end: valid until the next call. */
struct observation *report_add_observation(struct report *report);

/* What a document, or a batch of rows, may hold: one that is no longer than allowed could still name a million. Beyond, a value takes the
 * place of the one before, and the document is to be refused: report_check_full() sets ERR_LIMIT, with the place. */
enum { REPORT_SIGHTINGS_MAX = 300000 };
bool report_check_full(const struct report *report, const char *at, struct err *err) MUST_CHECK;
/* Room for sightings that the caller adds itself; false, and the report is full, where there is none. */
bool report_take_room(struct report *report, size_t count) MUST_CHECK;

/* Normalises with observable_read() and adds; false (nothing added, no error) where the text is no such value, so that the caller may keep
 * it in `extra` or reject it. */
bool report_add_sighting(struct report *report, struct observation *observation, enum observable_type type, enum sighting_role role,
                         const char *text);
/* As above, type found by observable_guess(). */
bool report_add_guessed(struct report *report, struct observation *observation, enum sighting_role role, const char *text);

/* For qsort() and bsearch() over pointers to sightings: by type and value. */
int report_compare_values(const void *a, const void *b);

/* The address that a URL has for a host counts as a value of its own (of its role and label, no indicator), as a name is found by the URL:
 * it has an owner, joins cases, meets rules. Once for each label; not where the observation names it anyway. */
void report_add_hosts(struct report *report);
void report_add_hosts_row(struct report *report, struct observation *observation);

/* Adds the fewest networks that cover exactly the addresses first..last, both of one family; a single address as such. False (nothing
 * added) where these are no range, and once the ranges of the report (of its batch, where it has several) became some 200,000 networks: a
 * few letters name hundreds. */
bool report_add_range(struct report *report, struct observation *observation, enum sighting_role role, const char *first, const char *last);

/* What the observation states, without its time and count: the same statement has the same number at any time, never 0. */
int64_t report_statement(const struct observation *observation);

/* The sender's own name for an indicator (the id of a STIX object, the UUID of an attribute) as a number, never 0; 0 for NULL and "". */
int64_t report_indicator_id(const char *name);

/* What the sender named so is no indicator any more, since that time. NULL and "" are nothing. */
void report_withdraw(struct report *report, const char *name, int64_t time);

/* Where the label is made of what the values say: a value without one is as we agreed with the sender, so where all others have a wide
 * one (clear, green) the report has none of its own, and nothing is widened. */
void report_settle_label(struct report *report);
/* The label of the report, and of its values without one: its own, or the agreed one (of the sender; TLP_NONE: none), or of a report that
 * is partly labelled the stricter of both, where nothing was agreed AMBER. TLP_NONE: neither. */
enum tlp report_label_agreed(const struct report *report, enum tlp agreed);

/*
 * "TLP:RED" may stand in any text of a document (tlp_in_text()), or in a member that its format does not know, for whoever reads it there:
 * AMBER and stricter narrow, GREEN and CLEAR say nothing. In what is said of one observation, its values and the report, whose bytes are
 * kept as a whole; in summary and description, all of it; in the report's extra, the report and values without a label of their own.
 */
void report_label_words(struct report *report);
/* Of a document that comes row by row: the row's values are narrowed; what is returned (TLP_NONE: nothing was said) the caller owes to the
 * report, as report_narrow() does it. */
enum tlp report_label_row(const struct report *report, struct observation *observation);
/* The report, while the values that have its label by having none of their own keep it. */
void report_narrow(struct report *report, enum tlp label);

/* Counts a rejection and keeps it among the first REPORT_REJECTIONS_KEPT. Copies both texts. */
void report_reject(struct report *report, const char *at, const char *text);

/* Empties the observation list (a streaming decoder after its batch was stored); rejections and head fields stay. The memory
 * of the observations is given back: they live in an arena of their own. */
void report_drop_observations(struct report *report);

/* The arena for strings of the observations of the current batch. */
struct arena *report_row_arena(struct report *report);

#endif
