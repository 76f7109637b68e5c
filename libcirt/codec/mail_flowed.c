#include "codec/mail_flowed.h"

#include <string.h>

#include "base/attr.h"
#include "base/str.h"

struct line {
    const char *text; /* behind the quotation marks and one blank that protects what follows */
    size_t size, depth;
    bool is_flowed; /* the next one of the same depth belongs to it */
};

static struct line take_line(const char **at, const char *end)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at)), *stop = newline ? newline : end;
    struct line line = {.text = *at};
    *at = newline ? newline + 1 : end;
    stop -= stop > line.text && stop[-1] == '\r';
    while (line.text < stop && *line.text == '>')
        line.text++, line.depth++;
    line.text += line.text < stop && *line.text == ' ';
    line.size = (size_t)(stop - line.text);
    bool is_signature = line.size == 3 && memcmp(line.text, "-- ", 3) == 0;
    line.is_flowed = line.size && line.text[line.size - 1] == ' ' && !is_signature;
    line.size -= line.is_flowed;
    return line;
}

void mail_flowed_join(struct buf *text)
{
    struct buf out;
    struct line before = {0};
    buf_init(&out, 2 * text->size + 16);
    for (const char *start = buf_text(text), *at = start, *end = start + text->size; at < end;) {
        bool is_first = at == start;
        struct line line = take_line(&at, end);
        if (is_first || !before.is_flowed || line.depth != before.depth) {
            buf_add_text(&out, is_first ? "" : "\n");
            for (size_t i = 0; i < line.depth; i++)
                buf_add_char(&out, '>');
            buf_add_text(&out, line.depth ? " " : "");
        }
        buf_add(&out, line.text, line.size);
        before = line;
    }
    buf_add_text(&out, "\n");
    buf_clear(text);
    *text = out;
}

void mail_calendar_join(struct buf *text)
{
    struct buf out;
    buf_init(&out, text->size + 1);
    for (const char *at = buf_text(text); *at; at++) {
        size_t line = strspn(at, "\r\n");
        if (line && (at[line] == ' ' || at[line] == '\t'))
            at += line;
        else if (*at == '\\' && at[1] && strchr("nN,;\\", at[1]))
            buf_add_char(&out, *++at == 'n' || *at == 'N' ? '\n' : *at);
        else
            buf_add_char(&out, *at);
    }
    buf_clear(text);
    *text = out;
}
