/*
 * base/log.h - one line an event: time, level, role, event name, key=value. Never a payload, key or password.
 * Levels: error (a person must act), warn, info, debug. Goes to stderr; under systemd without time, with <N> prefix.
 */
#ifndef CIRT_BASE_LOG_H
#define CIRT_BASE_LOG_H

#include "base/attr.h"
#include "base/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* name appears in every line ("intake/1"); copied. */
void log_open(const char *name, enum log_level threshold);

/* event is a fixed word ("report_stored"); format gives the rest as key=value, outside text only through log_quote(). */
void log_event(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_error(event, ...) log_event(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  log_event(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

/* Outside text made harmless and quoted, in a ring of static buffers: good for one log call of up to four of them. */
const char *log_quote(const char *text);

/* code="..." at="..." error="..." of an err, for the end of a line. As log_quote(). */
const char *log_err(const struct err *err);

#endif
