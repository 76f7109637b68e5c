/* Any text as a filter, for each object: parsed, evaluated, compiled; the values never reach the SQL text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/filter.h"

static size_t get(const void *object, const char *field, struct filter_value *values, size_t max)
{
    const char *text = object;
    for (size_t i = 0; i < 3 && i < max; i++)
        values[i] = (struct filter_value){.text = i == 2 ? NULL : text, .number = (int64_t)(strlen(field) + i)};
    return max < 3 ? max : 3;
}

static const char *fragment(void *context, unsigned object, const char *field, const char *comparison, struct filter_parameter *parameters,
                            bool is_required)
{
    UNUSED(is_required);
    UNUSED(context);
    UNUSED(object);
    UNUSED(field);
    UNUSED(parameters);
    return str_equal(comparison, "none") ? "x IS NULL" : str_equal(comparison, "range") ? "x BETWEEN $1 AND $2" : "x = $1";
}

static void compile(struct filter *filter)
{
    struct buf sql;
    struct err err;
    const struct filter_parameter *parameters;
    size_t count;
    buf_init(&sql, 4 * 1024 * 1024);
    if (filter_to_sql(filter, fragment, NULL, 1, &sql, &parameters, &count, &err) &&
        strspn(buf_text(&sql), "x=$0123456789 ()tresuISNOLABEWDRTU") != sql.size)
        abort();
    buf_clear(&sql);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned objects[] = {FILTER_CASE, FILTER_REPORT, FILTER_RULE, FILTER_INDICATOR, FILTER_ITEM};
    char *text = mem_calloc(size + 1, 1);
    if (size)
        memcpy(text, data, size);
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        struct filter_context context = {
            .object = objects[i], .now = INT64_C(1770000000000000), .zone_minutes = 60, .me = i ? "lead" : NULL};
        struct filter *filter = NULL;
        struct err err = {0};
        if (filter_parse(text, &context, &filter, &err)) {
            filter_matches(filter, text, get);
            compile(filter);
        } else if (err.code == ERR_NONE || err.text[0] == '\0') {
            abort();
        }
        filter_free(filter);
    }
    free(text);
    return 0;
}
