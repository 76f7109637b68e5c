#include <string.h>

#include "base/str.h"
#include "cirtd/desk/desk_inside.h"

const char *desk_query_text(struct desk_call *call, const char *name)
{
    size_t size = strlen(call->request->path) + 1;
    char *value = arena_calloc(call->arena, size, 1);
    return api_query_value(call->request->path, name, value, size) ? value : NULL;
}

bool desk_query_id(struct desk_call *call, char letter, const char *text, int64_t *id, struct err *err)
{
    const char *digits = text + ((*text | 0x20) == letter);
    UNUSED(call);
    return str_to_int64(digits, 1, INT64_MAX, id) ||
           err_set(err, ERR_NOT_FOUND, "there is no \"%.60s\": a number, or %c and a number", text, letter);
}
