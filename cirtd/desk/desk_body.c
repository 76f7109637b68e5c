#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cirtd/desk/desk_inside.h"
#include "codec/json_value.h"

/* A body beyond the packet's size lies in an unlinked file. */
static bool read_file(int fd, size_t size, char *bytes, struct err *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, bytes + done, size - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(err, ERR_INTERNAL, "the body could not be read: %s", n < 0 ? strerror(errno) : "it is shorter than announced");
        done += (size_t)n;
    }
    return true;
}

static bool is_json(const char *content_type)
{
    size_t size = strcspn(content_type, "; ");
    return (size == 16 && str_starts_nocase(content_type, "application/json")) || size == 0;
}

bool desk_body_read(struct desk_call *call, struct err *err)
{
    const struct message_request *request = call->request;
    const struct codec_limits limits = {.document_bytes_max = DESK_BODY_BYTES_MAX, .depth_max = 16, .observations_max = 1};
    if (request->body_size == 0) {
        call->body = json_object();
        return true;
    }
    if (!is_json(request->content_type) || *request->content_encoding)
        return desk_problem_set(call, 415, "Content-Type: application/json", err, "the body of this call is JSON, not packed");
    if (request->body_size > DESK_BODY_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "the body has more than %d bytes", DESK_BODY_BYTES_MAX);
    const char *bytes = request->body;
    if (!bytes) {
        char *copy = arena_calloc(call->arena, request->body_size + 1, 1);
        if (!read_file(request->body_fd, request->body_size, copy, err))
            return false;
        bytes = copy;
    }
    if (!json_value_parse(bytes, request->body_size, &limits, &call->body, err))
        return false;
    return json_is_object(call->body) || err_set_at(err, ERR_INPUT, "/", "the body must be a JSON object");
}

static bool fail(struct desk_call *call, const char *member, const char *what, struct err *err)
{
    return err_set_at(err, ERR_INPUT, arena_printf(call->arena, "/%s", member), "%s must be %s", member, what);
}

bool desk_body_text(struct desk_call *call, const char *member, const char **out, struct err *err)
{
    const json_t *value = json_object_get(call->body, member);
    *out = NULL;
    if (!value || json_is_null(value))
        return true;
    if (!json_is_string(value))
        return fail(call, member, "a text", err);
    *out = json_string_value(value);
    return true;
}

bool desk_body_case(struct desk_call *call, const char **out, struct err *err)
{
    const json_t *value = json_object_get(call->body, "case");
    if (!json_is_integer(value))
        return desk_body_text(call, "case", out, err);
    *out = arena_printf(call->arena, "%lld", (long long)json_integer_value(value));
    return true;
}

bool desk_body_bool(struct desk_call *call, const char *member, bool *out, struct err *err)
{
    const json_t *value = json_object_get(call->body, member);
    *out = json_is_true(value);
    return !value || json_is_null(value) || json_is_boolean(value) || fail(call, member, "true or false", err);
}

bool desk_body_array(struct desk_call *call, const char *member, const char **out, struct err *err)
{
    const json_t *list = json_object_get(call->body, member);
    struct buf text;
    size_t i;
    json_t *item;
    *out = NULL;
    if (!list || json_is_null(list))
        return true;
    if (!json_is_array(list))
        return err_set_at(err, ERR_INPUT, arena_printf(call->arena, "/%s", member), "%s must be a list", member);
    buf_init(&text, DESK_BODY_BYTES_MAX);
    buf_add_char(&text, '{');
    bool ok = true;
    json_array_foreach(list, i, item)
    {
        ok = ok && json_is_string(item);
        buf_add_text(&text, i ? ",\"" : "\"");
        for (const char *c = json_is_string(item) ? json_string_value(item) : ""; *c; c++) {
            if (*c == '"' || *c == '\\')
                buf_add_char(&text, '\\');
            buf_add_char(&text, *c);
        }
        buf_add_char(&text, '"');
    }
    buf_add_char(&text, '}');
    *out = arena_strdup(call->arena, buf_text(&text));
    buf_clear(&text);
    return ok || err_set_at(err, ERR_INPUT, arena_printf(call->arena, "/%s", member), "%s must be a list of texts", member);
}
