#include "codec/json_value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* What jansson needs for a value beside its text, with malloc's share: an object (a table of 8), an array (8 places), a string or a name,
 * and what a further member or element adds. */
enum { OBJECT_BYTES = 224, ARRAY_BYTES = 128, STRING_BYTES = 80, FURTHER_BYTES = 48 };

static const char *line_text(size_t line, char at[40])
{
    snprintf(at, 40, "line %zu", line);
    return at;
}

static size_t bytes_of(char c)
{
    return c == '{' ? OBJECT_BYTES : c == '[' ? ARRAY_BYTES : c == '"' ? STRING_BYTES : c == ',' ? FURTHER_BYTES : 0;
}

/* Looks before the tree is built how deep it would be (jansson's own bound is 2048, reached only after everything above it was built) and
 * how large: a document of 16 MiB can ask for 900. Wrong syntax is left to jansson: here only what stands outside of strings counts. */
static bool check_shape(const char *bytes, size_t size, unsigned depth_max, struct err *err)
{
    char at[40];
    unsigned depth = 0;
    size_t line = 1, tree = size;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        tree += bytes_of(c);
        if (tree > JSON_VALUE_TREE_MAX)
            return err_set_at(err, ERR_LIMIT, line_text(line, at),
                              "too many values to be read at once: send it in parts, or a line each (NDJSON)");
        if (c == '"') {
            in_string = true;
        } else if (c == '\n') {
            line++;
        } else if (c == '{' || c == '[') {
            if (++depth > depth_max)
                return err_set_at(err, ERR_LIMIT, line_text(line, at), "nested deeper than %u levels", depth_max);
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return true;
}

/* jansson quotes the input in its messages, perhaps cut inside a character: those bytes must not travel on. */
static bool fail_syntax(const json_error_t *why, struct err *err)
{
    char at[60], text[JSON_ERROR_TEXT_LENGTH];
    snprintf(at, sizeof at, "line %d, column %d", why->line < 1 ? 1 : why->line, why->column < 1 ? 1 : why->column);
    bool is_nul = json_error_code(why) == json_error_null_character || json_error_code(why) == json_error_null_byte_in_key;
    snprintf(text, sizeof text, "%s", is_nul ? "a NUL character (\\u0000) in a text" : why->text);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c >= 0x7f || (unsigned char)*c < 0x20)
            *c = '?';
    enum err_code code = json_error_code(why) == json_error_stack_overflow ? ERR_LIMIT : ERR_INPUT;
    return err_set_at(err, code, at, "wrong JSON: %s", text);
}

static bool fail_nul(const char *bytes, const char *nul, struct err *err)
{
    size_t line = 1;
    for (const char *c = bytes; c < nul; c++)
        line += *c == '\n';
    char at[40];
    snprintf(at, sizeof at, "line %zu", line);
    return err_set_at(err, ERR_INPUT, at, "wrong JSON: a NUL byte");
}

void json_value_drop(const json_t *array, size_t index)
{
    json_array_set_new((json_t *)array, index, json_null());
}

bool json_value_is_utf16(const char *bytes, size_t size)
{
    size_t mark = size >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0) ? 2 : 0;
    if (size < mark + 2 || (bytes[mark] != '\0') == (bytes[mark + 1] != '\0'))
        return false;
    char first = bytes[mark] ? bytes[mark] : bytes[mark + 1];
    return first == '{' || first == '[' || (mark && strchr(" \t\r\n", first));
}

bool json_value_parse(const char *bytes, size_t size, const struct codec_limits *limits, json_t **out, struct err *err)
{
    if (size > limits->document_bytes_max)
        return err_set_at(err, ERR_LIMIT, "line 1", "larger than %zu bytes", limits->document_bytes_max);
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        bytes += 3;
        size -= 3;
    }
    if (json_value_is_utf16(bytes, size))
        return err_set_at(err, ERR_INPUT, "line 1", "wrong JSON: it is UTF-16, send it as UTF-8");
    /* jansson takes a NUL for the end of the text. */
    const char *nul = size ? memchr(bytes, '\0', size) : NULL;
    if (nul)
        return fail_nul(bytes, nul, err);
    if (!check_shape(bytes, size, limits->depth_max, err))
        return false;
    json_error_t why;
    *out = json_loadb(size ? bytes : "", size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    return *out ? true : fail_syntax(&why, err);
}

/* Writes the pointer from its end: the chain runs upwards. Returns the start within text. */
static size_t render_place(const struct json_place *place, char *text, size_t start)
{
    for (; place && place->up; place = place->up) {
        char number[24];
        const char *part = place->name;
        if (!part) {
            snprintf(number, sizeof number, "%zu", place->index);
            part = number;
        }
        size_t size = strlen(part);
        if (size + 1 > start)
            break;
        start -= size;
        memcpy(text + start, part, size);
        text[--start] = '/';
    }
    return start;
}

bool json_value_fail(const struct json_place *place, enum err_code code, struct err *err, const char *format, ...)
{
    char at[sizeof err->at], text[sizeof err->text];
    at[sizeof at - 1] = '\0';
    size_t start = render_place(place, at, sizeof at - 1);
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set_at(err, code, at[start] ? at + start : "/", "%s", text);
}

bool json_value_text(const json_t *value, const struct json_place *place, struct arena *arena, const char **out, struct err *err)
{
    if (json_is_null(value)) {
        *out = NULL;
        return true;
    }
    if (!json_is_string(value))
        return json_value_fail(place, ERR_INPUT, err, "must be a string");
    *out = arena_strndup(arena, json_string_value(value), json_string_length(value));
    return true;
}

bool json_value_number(const json_t *value, const struct json_place *place, int64_t min, int64_t max, int64_t *out, struct err *err)
{
    if (json_is_integer(value) && json_integer_value(value) >= min && json_integer_value(value) <= max) {
        *out = json_integer_value(value);
        return true;
    }
    if (json_is_string(value) && str_to_int64(json_string_value(value), min, max, out))
        return true;
    return json_value_fail(place, ERR_INPUT, err, "must be a whole number from %lld to %lld", (long long)min, (long long)max);
}

static bool write_real(double value, struct buf *out)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (!strpbrk(text, ".e"))
        strcat(text, ".0"); /* so that it is read as a real again */
    return buf_add_text(out, text);
}

bool json_value_write_members(const json_t *object, struct buf *out)
{
    const char *name, *between = "";
    json_t *member;
    json_object_foreach((json_t *)object, name, member)
    {
        if (!buf_add_text(out, between) || !str_add_json(out, name) || !buf_add_char(out, ':') || !json_value_write(member, out))
            return false;
        between = ",";
    }
    return true;
}

static bool write_array(const json_t *array, struct buf *out)
{
    size_t index;
    json_t *element;
    if (!buf_add_char(out, '['))
        return false;
    json_array_foreach(array, index, element)
    {
        if ((index && !buf_add_char(out, ',')) || !json_value_write(element, out))
            return false;
    }
    return buf_add_char(out, ']');
}

bool json_value_write(const json_t *value, struct buf *out)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return buf_add_char(out, '{') && json_value_write_members(value, out) && buf_add_char(out, '}');
    case JSON_ARRAY:
        return write_array(value, out);
    case JSON_STRING:
        return str_add_json(out, json_string_value(value));
    case JSON_INTEGER:
        return buf_printf(out, "%lld", (long long)json_integer_value(value));
    case JSON_REAL:
        return write_real(json_real_value(value), out);
    case JSON_TRUE:
        return buf_add_text(out, "true");
    case JSON_FALSE:
        return buf_add_text(out, "false");
    case JSON_NULL:
        break;
    }
    return buf_add_text(out, "null");
}

void json_value_merge_missing(json_t *object, json_t *more)
{
    const char *name;
    json_t *member;
    json_object_foreach(more, name, member)
    {
        json_t *there = json_object_get(object, name);
        if (!there)
            json_object_set(object, name, member);
        else if (json_is_object(there) && json_is_object(member))
            json_value_merge_missing(there, member);
    }
}
