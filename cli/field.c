#include "cli/field.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/timestamp.h"

const char *field_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

const char *field_or(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = field_text(object, name);

    return text ? text : otherwise;
}

int64_t field_number(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool field_is(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

int64_t field_time(const json_t *object, const char *name)
{
    const char *text = field_text(object, name);
    int64_t moment;

    return text && timestamp_parse_rfc3339(text, &moment) ? moment : TIMESTAMP_NONE;
}

const json_t *field_list(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_array(value) ? value : NULL;
}

const json_t *field_object(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_object(value) ? value : NULL;
}

static char *plain_list(const json_t *list)
{
    struct buf out;
    char *text;

    buf_init(&out, 1024 * 1024);
    for (size_t i = 0; i < json_array_size(list); i++) {
        char *one = field_plain(json_array_get(list, i));
        buf_printf(&out, "%s%s", i ? ", " : "", one ? one : "-");
        free(one);
    }
    text = out.size ? mem_strdup(buf_text(&out)) : NULL;
    buf_clear(&out);
    return text;
}

static char *plain_object(const json_t *object)
{
    char *dumped = json_dumps(object, JSON_COMPACT), *text = dumped ? mem_strdup(dumped) : NULL;

    free(dumped);
    return text;
}

char *field_plain(const json_t *value)
{
    if (!value)
        return NULL;
    switch (json_typeof(value)) {
    case JSON_STRING:
        return mem_strdup(json_string_value(value));
    case JSON_INTEGER:
        return mem_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return mem_printf("%g", json_real_value(value));
    case JSON_TRUE:
        return mem_strdup("yes");
    case JSON_FALSE:
        return mem_strdup("no");
    case JSON_ARRAY:
        return plain_list(value);
    case JSON_OBJECT:
        return plain_object(value);
    default:
        return NULL;
    }
}
