/* codec/stix_statement.h - indicators, observed data, sightings and vulnerabilities as observations. */
#ifndef CIRT_CODEC_STIX_STATEMENT_H
#define CIRT_CODEC_STIX_STATEMENT_H

#include <stdbool.h>

#include "base/attr.h"
#include "codec/stix_read.h"

/* Reads all statements of the document into observations, in its order. An indicator that is based on observed data of the document is one
 * statement with it. False with err set at a limit. */
bool stix_statement_read_all(struct stix_reader *reader) MUST_CHECK;

/* Writes what is left over into the observations and puts their labels on their values; the report's label must be known. */
void stix_statement_finish(struct stix_reader *reader);
void stix_statement_clear(struct stix_reader *reader);

#endif
