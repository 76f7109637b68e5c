/* cli/constituent_file.h - files of constituents: CSV with a header, or JSON as the API writes it; read into parts of an import, and
 * written. */
#ifndef CIRT_CLI_CONSTITUENT_FILE_H
#define CIRT_CLI_CONSTITUENT_FILE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* Takes items (a part: a list of constituents as POST /v1/imports reads them). False ends the reading; err is set or the user told. */
typedef bool (*constituent_file_send)(void *context, json_t *items, struct err *err);

/* Reads path ("-": standard input), up to 256 MiB. ERR_INPUT with the line, column or place. Rows that are wrong by themselves are left
 * out, and added to faults, a list: {at, error}. */
bool constituent_file_read(const char *path, constituent_file_send send, void *context, json_t *faults, struct err *err) MUST_CHECK;

/* The list of GET /v1/holdings as a CSV that constituent_file_read() reads: a row a value held, with from and until. */
void constituent_file_write(struct buf *out, const json_t *items);

#endif
