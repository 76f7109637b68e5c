#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Parsers quote their input in messages, and a message may be cut inside a character: neither may reach JSON or a terminal. */
static void make_utf8(char *text)
{
    size_t bad_at;
    for (; !str_is_utf8(text, strlen(text), &bad_at); text += bad_at)
        text[bad_at] = '?';
}

static void PRINTF_LIKE(4, 0) err_fill(struct err *err, enum err_code code, const char *at, const char *format, va_list args)
{
    err->code = code;
    snprintf(err->at, sizeof err->at, "%s", at);
    vsnprintf(err->text, sizeof err->text, format, args);
    make_utf8(err->at);
    make_utf8(err->text);
}

bool err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_fill(err, code, "", format, args);
    va_end(args);
    return false;
}

bool err_set_at(struct err *err, enum err_code code, const char *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_fill(err, code, at, format, args);
    va_end(args);
    return false;
}

bool err_context(struct err *err, const char *format, ...)
{
    char before[sizeof err->text];
    char joined[sizeof err->text * 2 + 3];
    va_list args;
    va_start(args, format);
    vsnprintf(before, sizeof before, format, args);
    va_end(args);
    snprintf(joined, sizeof joined, "%s: %s", before, err->text);
    memcpy(err->text, joined, sizeof err->text - 1);
    err->text[sizeof err->text - 1] = '\0';
    make_utf8(err->text);
    return false;
}

void err_clear(struct err *err)
{
    err->code = ERR_NONE;
    err->at[0] = '\0';
    err->text[0] = '\0';
}

const char *err_code_name(enum err_code code)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",     [ERR_INPUT] = "input", [ERR_NOT_FOUND] = "not-found", [ERR_CONFLICT] = "conflict",
        [ERR_DENIED] = "denied", [ERR_LIMIT] = "limit", [ERR_AGAIN] = "again",         [ERR_INTERNAL] = "internal",
    };
    return names[code];
}

void err_bug(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "BUG at %s:%d: ", file, line);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}
