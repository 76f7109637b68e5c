#include "cli/url.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/http_client.h"

enum { URL_MAX = 64 * 1024 };

static char *finish(struct buf *out)
{
    char *text = mem_strdup(buf_text(out));

    buf_clear(out);
    return text;
}

char *url_path(const char *pattern, ...)
{
    struct buf out;
    va_list list;

    buf_init(&out, URL_MAX);
    va_start(list, pattern);
    for (const char *at = pattern; *at; at++) {
        if (at[0] == '{' && at[1] == '}') {
            http_client_add_escaped(&out, va_arg(list, const char *));
            at++;
        } else {
            buf_add_char(&out, *at);
        }
    }
    va_end(list);
    return finish(&out);
}

char *url_with(char *path, const char *name, const char *value)
{
    struct buf out;

    if (!value)
        return path;
    buf_init(&out, URL_MAX);
    buf_printf(&out, "%s%c%s=", path, strchr(path, '?') ? '&' : '?', name);
    http_client_add_escaped(&out, value);
    free(path);
    return finish(&out);
}
