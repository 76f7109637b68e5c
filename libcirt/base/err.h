/*
 * base/err.h - what went wrong, where, and what the caller can do about it.
 *
 * A function that can fail returns bool (MUST_CHECK) and takes a `struct err *err` last, never NULL. On false
 * exactly one err_set() has happened; callers above may add context. The owner of the item (a stage's loop, the
 * desk's dispatcher, the CLI's main) logs it once.
 */
#ifndef CIRT_BASE_ERR_H
#define CIRT_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/attr.h"

/* What the caller can do, not what broke. */
enum err_code {
    ERR_NONE,
    ERR_INPUT,     /* the input is wrong; the same input will fail again */
    ERR_NOT_FOUND, /* no such thing, or not for this reader */
    ERR_CONFLICT,  /* the thing changed meanwhile, or is in another state */
    ERR_DENIED,    /* not allowed */
    ERR_LIMIT,     /* too large, too deep, too many */
    ERR_AGAIN,     /* passing trouble: retry later */
    ERR_INTERNAL   /* our fault, or a broken installation */
};

struct err {
    enum err_code code;
    char at[160];   /* the place in the input ("line 7", "/IODEF-Document/Incident[1]", "/observations/3/source/ip"), or "" */
    char text[512]; /* one sentence without a full stop, for a person; both always UTF-8 */
};

/* Fills *err and returns false, so that `return err_set(...)` reads well. */
bool err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* As err_set(), with the place in the input. */
bool err_set_at(struct err *err, enum err_code code, const char *at, const char *format, ...) PRINTF_LIKE(4, 5);

/* Puts "context: " before the text of an error already set; returns false. */
bool err_context(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

void err_clear(struct err *err);

/* "input", "not-found", ...: for logs. */
const char *err_code_name(enum err_code code);

/* A broken invariant in our own code: says where on stderr and aborts. Always compiled in. */
#define BUG(...) err_bug(__FILE__, __LINE__, __VA_ARGS__)
void err_bug(const char *file, int line, const char *format, ...) PRINTF_LIKE(3, 4) __attribute__((noreturn));

#endif
