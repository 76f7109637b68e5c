/* support/report_dump.h - a report as canonical JSON, for comparing what a codec made of a sample with what it should make. */
#ifndef CIRT_TESTS_REPORT_DUMP_H
#define CIRT_TESTS_REPORT_DUMP_H

#include <stddef.h>

#include <jansson.h>

#include "codec/codec.h"
#include "model/report.h"

/* Everything that is set; absent fields are left out. The caller's. */
json_t *report_dump(const struct report *report);

/* A sample decoded in pieces of chunk bytes (0: all at once) and dumped: for whole documents and rows the report, for lines
 * {"reports":[..],"bad_lines":[..]}. NULL with err set where it was refused. The caller's. */
json_t *report_dump_sample(const struct codec *codec, const char *bytes, size_t size, const struct codec_hints *hints, size_t chunk,
                           struct err *err);

/* Sorted keys, two blanks of indentation, a line feed at the end: how .expected.json files are written. The caller's (free). */
char *report_dump_text(const json_t *dump);

#endif
