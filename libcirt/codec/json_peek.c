#include "codec/json_peek.h"

#include <string.h>

#include "codec/native.h"

/* A place in the text; end is where the known bytes end. */
struct peek {
    const char *at, *end;
};

static void skip_blanks(struct peek *peek)
{
    while (peek->at < peek->end && (*peek->at == ' ' || *peek->at == '\t' || *peek->at == '\r' || *peek->at == '\n'))
        peek->at++;
}

/* Stands on the first quote; behind it stands on what follows the last. False where the text is cut inside. */
static bool skip_string(struct peek *peek)
{
    for (peek->at++; peek->at < peek->end; peek->at++) {
        if (*peek->at == '\\')
            peek->at++;
        else if (*peek->at == '"')
            return peek->at++, true;
    }
    peek->at = peek->end;
    return false;
}

/* Over one value, up to the comma or bracket that ends it. */
static void skip_value(struct peek *peek)
{
    size_t depth = 0;
    while (peek->at < peek->end) {
        char c = *peek->at;
        if (c == '"') {
            if (!skip_string(peek))
                return;
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        peek->at++;
    }
}

/* Stands before a member: reads its name and stops at its value. False where there is none. */
static bool next_name(struct peek *peek, const char **name, size_t *size)
{
    skip_blanks(peek);
    if (peek->at < peek->end && *peek->at == ',') {
        peek->at++;
        skip_blanks(peek);
    }
    if (peek->at >= peek->end || *peek->at != '"')
        return false;
    *name = peek->at + 1;
    if (!skip_string(peek))
        return false;
    *size = (size_t)(peek->at - 1 - *name);
    skip_blanks(peek);
    if (peek->at >= peek->end || *peek->at != ':')
        return false;
    peek->at++;
    skip_blanks(peek);
    return true;
}

/* Stands before the first member of the top object. */
static bool start(struct peek *peek, const char *bytes, size_t size)
{
    *peek = (struct peek){.at = bytes + native_skip_blanks(bytes, size), .end = bytes + size};
    if (peek->at < peek->end && *peek->at == '[') {
        peek->at++;
        skip_blanks(peek);
    }
    return peek->at < peek->end && *peek->at++ == '{';
}

/* After the last member: another object behind this one, without a comma. */
static bool is_lines(struct peek *peek)
{
    skip_blanks(peek);
    if (peek->at >= peek->end || *peek->at != '}')
        return false;
    peek->at++;
    skip_blanks(peek);
    return peek->at < peek->end && *peek->at == '{';
}

/* value NULL: any. */
static bool find(const char *bytes, size_t size, const char *wanted, const char *value)
{
    struct peek peek;
    const char *name;
    size_t name_size, wanted_size = strlen(wanted);
    bool found = false;
    if (!start(&peek, bytes, size))
        return false;
    while (next_name(&peek, &name, &name_size)) {
        const char *from = peek.at;
        skip_value(&peek);
        if (name_size != wanted_size || memcmp(name, wanted, wanted_size) != 0)
            continue;
        size_t length = value ? strlen(value) : 0;
        found = !value ||
                ((size_t)(peek.at - from) >= length + 2 && *from == '"' && memcmp(from + 1, value, length) == 0 && from[length + 1] == '"');
    }
    return found && !is_lines(&peek);
}

bool json_peek_has(const char *bytes, size_t size, const char *name)
{
    return find(bytes, size, name, NULL);
}

bool json_peek_is(const char *bytes, size_t size, const char *name, const char *value)
{
    return find(bytes, size, name, value);
}

bool json_peek_native(const char *bytes, size_t size)
{
    static const char *const names[] = {"observations", "observables", "summary", "reference_issuer"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_peek_has(bytes, size, names[i]))
            return true;
    return false;
}
