/*
 * store/report_store.h - reports into the database, many at a time. What is added is written straight into the form that goes to the
 * server, so that a batch holds nothing twice.
 */
#ifndef CIRT_STORE_REPORT_STORE_H
#define CIRT_STORE_REPORT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "model/report.h"
#include "store/db.h"

enum { REPORT_SHA256_SIZE = 32, REPORT_RAW_CHUNK = 1024 * 1024 };

/* How a report came. Strings are copied. */
struct report_envelope {
    int64_t id;        /* 0: numbered when stored; else the one it has got already */
    const char *route; /* "triage", "hold", "none"; what only takes indicators back has no need of triage */
    int64_t sender_id;
    const char *channel, *assurance;
    unsigned char sha256[REPORT_SHA256_SIZE];
    int64_t size;
    const char *name, *media_type; /* or NULL */
    const char *state;             /* "received", "decoding", "malformed" */
    const char *format;            /* or NULL */
    enum tlp tlp;                  /* effective, never TLP_NONE */
    bool tlp_assumed;
    enum tlp
        tlp_least; /* asked for by who handed it over: nothing in the report is wider, whatever its own label; zero: nothing was asked */
    const char *error, *error_at; /* of a malformed one; else NULL */
    int64_t observations;         /* how many it has, where they were stored by report_batch_store_rows(); else 0 */
    const char *default_class;    /* the sender's, where the report names none; or NULL */
    bool has_confidence;
    int default_confidence; /* the sender's, of sightings that name none */
};

/* It is malformed, and error and at say why. What calls itself RED is that, assumed, as nobody could read it. bytes: of the document. */
void report_envelope_malformed(struct report_envelope *envelope, const char *error, const char *at, const char *bytes, size_t size);

struct report_batch;
struct report_batch *report_batch_new(void);
void report_batch_free(struct report_batch *batch);
void report_batch_reset(struct report_batch *batch);
size_t report_batch_count(const struct report_batch *batch);
/* How much it holds, in bytes, to know when it is enough. */
size_t report_batch_size(const struct report_batch *batch);

/* Adds one report. report NULL: only the envelope (malformed, or not decoded yet). raw NULL: its bytes are stored already.
 * An observation without time, and sightings without label, take the report's. */
void report_batch_add(struct report_batch *batch, const struct report_envelope *envelope, const struct report *report, const char *raw,
                      size_t raw_size);

struct report_result {
    int64_t id;
    bool is_duplicate; /* the same bytes from the same sender within 30 days: id is that report's */
    bool is_malformed; /* state of the report with that id */
    enum tlp tlp;      /* of a duplicate: the label that it was stored with; else TLP_NONE */
};
/* Runs the statement (reports_insert of the caller's role) over the batch: results[0..count) in the order of adding. */
bool report_batch_store(struct db *db, enum sql_statement statement, struct report_batch *batch, struct report_result *results,
                        struct err *err) MUST_CHECK;

/* Only the observations of `report`, in as many statements as they need, numbered from *next_no (moved on), for the report whose id the
 * envelope has: statement is report_rows of the role. */
bool report_batch_store_rows(struct db *db, enum sql_statement statement, struct report_batch *batch,
                             const struct report_envelope *envelope, const struct report *report, int32_t *next_no,
                             struct err *err) MUST_CHECK;

#endif
