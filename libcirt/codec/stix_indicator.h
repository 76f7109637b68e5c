/* codec/stix_indicator.h - indicators as observations, by themselves and with the observed data that they rest on. */
#ifndef CIRT_CODEC_STIX_INDICATOR_H
#define CIRT_CODEC_STIX_INDICATOR_H

#include <stdbool.h>

#include "base/attr.h"
#include "codec/stix_read.h"

/* As an observation of its own. False with the reader's err set at a limit. */
bool stix_indicator_read(struct stix_reader *reader, struct stix_object *indicator) MUST_CHECK;
/* Into the observation that its observed data became: values seen and asked for are marked, those only asked for stay at the end. */
bool stix_indicator_merge(struct stix_reader *reader, struct stix_object *indicator, size_t number) MUST_CHECK;

#endif
