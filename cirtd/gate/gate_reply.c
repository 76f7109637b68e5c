#include "cirtd/gate/gate_reply.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <http_parser.h>

#include "wire/api.h"
#include "wire/problem.h"

static const char *reason_of(int status)
{
    switch (status) {
#define XX(number, name, text)                                                                                                             \
    case number:                                                                                                                           \
        return #text;
        HTTP_STATUS_MAP(XX)
#undef XX
    default:
        return "Unknown";
    }
}

/* "Name: value\r\n" lines, and nothing that could end the head or begin another line. */
static bool are_lines(const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "\r\n");
        const char *colon = memchr(text, ':', size);
        if (!colon || colon == text || text[size] != '\r' || text[size + 1] != '\n')
            return false;
        text += size + 2;
    }
    return true;
}

static void renew_date(struct gate_reply_date *date)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm tm;

    if (now == date->second)
        return;
    date->second = now;
    gmtime_r(&now, &tm);
    snprintf(date->line, sizeof date->line, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
             tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

bool gate_reply_head(struct buf *out, const struct message_response *response, bool keeps_alive, struct gate_reply_date *date)
{
    bool has_length = response->status >= 200 && response->status != 204 && response->status != 304;

    if (strpbrk(response->content_type, "\r\n") || !are_lines(response->headers))
        return false;
    buf_printf(out, "HTTP/1.1 %d %s\r\n", response->status, reason_of(response->status));
    renew_date(date);
    buf_add_text(out, date->line);
    if (*response->content_type) {
        buf_add_text(out, "Content-Type: ");
        buf_add_text(out, response->content_type);
        buf_add_text(out, "\r\n");
    }
    if (has_length)
        buf_printf(out, "Content-Length: %zu\r\n", response->body_size);
    buf_add_text(out, "Cache-Control: no-store\r\n");
    buf_add_text(out, response->headers);
    buf_add_text(out, keeps_alive ? "\r\n" : "Connection: close\r\n\r\n");
    return true;
}

void gate_reply_problem(struct buf *out, int status, const char *detail)
{
    problem_begin(out, status, detail);
    buf_add_text(out, "}\n");
}

void gate_reply_allow(enum message_listener listener, const char *path, char *text, size_t size)
{
    static const struct {
        enum message_method method;
        const char *name;
    } methods[] = {{MESSAGE_GET, "GET, HEAD"}, {MESSAGE_POST, "POST"}, {MESSAGE_PUT, "PUT"}, {MESSAGE_DELETE, "DELETE"}};
    struct api_match match;
    size_t used = 0;

    *text = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        if (api_find(listener, methods[i].method, path, &match) && match.endpoint)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "Allow: ", methods[i].name);
    if (used)
        snprintf(text + used, size - used, "\r\n");
}
