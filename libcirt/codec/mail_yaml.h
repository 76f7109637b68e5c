/* codec/mail_yaml.h - YAML from strangers as JSON: scalars are strings. libyaml is only called in mail_yaml.c. */
#ifndef CIRT_CODEC_MAIL_YAML_H
#define CIRT_CODEC_MAIL_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

/* What one stream may hold; beyond is ERR_LIMIT. */
enum { MAIL_YAML_SIZE_MAX = 1024 * 1024, MAIL_YAML_NODES_MAX = 20000, MAIL_YAML_DEPTH_MAX = 6 };

/*
 * Adds the documents of the stream to the array *out. ERR_INPUT with at "line 3" for wrong YAML, tags (also by a directive), anchors,
 * aliases, a key that is there twice or is no scalar, and NUL. On false *out has the documents before the fault.
 */
bool mail_yaml_read(const char *bytes, size_t size, json_t *out, struct err *err) MUST_CHECK;

#endif
