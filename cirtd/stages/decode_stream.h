/* cirtd/stages/decode_stream.h - documents that are decoded as they are read, so that memory does not grow with them. */
#ifndef CIRT_CIRTD_STAGES_DECODE_STREAM_H
#define CIRT_CIRTD_STAGES_DECODE_STREAM_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/stages/decode_source.h"

/* Row formats: any number of observations of the report at hand. False with err as a stage's work; is_malformed: the document is at fault,
 * and nothing of it was left behind. */
bool decode_stream_rows(struct decode_job *job, struct decode_source *source, bool *is_malformed, struct err *err) MUST_CHECK;

/* A report that was read at once and has many values: its observations are written in parts and leave it, so that what is sent to the
 * database does not come on top of it as a whole. Does nothing where they are few. */
bool decode_stream_parts(struct decode_job *job, struct report *report, struct err *err) MUST_CHECK;

/* Lines: each becomes a report of its own, of the same sender, as if it had come alone; the one at hand keeps the bytes and says so. */
bool decode_stream_lines(struct decode_job *job, struct decode_source *source, bool *is_malformed, struct err *err) MUST_CHECK;

#endif
