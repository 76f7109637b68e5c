/* codec/json_peek.h - what stands at the top of a JSON document of which only the first bytes are known: for probes. */
#ifndef CIRT_CODEC_JSON_PEEK_H
#define CIRT_CODEC_JSON_PEEK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The top is the object that the text begins with, or the first element of the array that it begins with. Members inside of members
 * do not count: a document of another format may carry anything within itself. All of these are false
 * for a text in which a second object follows the first (lines of JSON), as far as the bytes show it.
 */
bool json_peek_has(const char *bytes, size_t size, const char *name);

/* As above, where the member's value is that string (as written, without escapes). */
bool json_peek_is(const char *bytes, size_t size, const char *name, const char *value);

/* True for what looks like a native report, whatever else stands beside: one that was read from another format carries what is left of
 * that among its own members. */
bool json_peek_native(const char *bytes, size_t size);

#endif
