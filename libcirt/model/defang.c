#include "model/defang.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "model/host_name.h"

enum { NAME_MAX_SIZE = 253 };

/* Adds size bytes with "." as "[.]" and "@" as "[@]", what its writer defanged already as it is. */
static void add_bracketed(struct buf *buf, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool is_bracketed = i > 0 && i + 1 < size && bytes[i - 1] == '[' && bytes[i + 1] == ']';
        if (!is_bracketed && (bytes[i] == '.' || bytes[i] == '@'))
            buf_printf(buf, "[%c]", bytes[i]);
        else
            buf_add_char(buf, bytes[i]);
    }
}

/* Up to the path. */
static size_t host_size(const char *text, const char *end)
{
    size_t size = strcspn(text, "/?# \t\n");
    return size < (size_t)(end - text) ? size : (size_t)(end - text);
}

/* --- names --- */

/* Letters of any script, but not their punctuation: "“evil.com”". */
static bool is_wide_letter(uint32_t code_point)
{
    return code_point > 0xBF && !(code_point >= 0x2000 && code_point <= 0x206F) && !(code_point >= 0x3000 && code_point <= 0x303F);
}

/* How much at text could be a name: letters, digits, hyphens, single dots. */
static size_t name_size(const char *text, const char *end)
{
    size_t size = 0, step;
    uint32_t code_point;
    for (; (step = str_next_code_point(text + size, end, &code_point)) != 0; size += step) {
        bool is_dot = code_point == '.' && text[size + 1] != '.';
        bool is_letter =
            code_point < 0x80 ? isalnum((int)code_point) || code_point == '-' || code_point == '_' : is_wide_letter(code_point);
        if (!is_dot && !is_letter)
            break;
    }
    return size;
}

/* By the suffix; is_alone: by the form. */
static bool is_host(const char *text, size_t size, bool is_alone)
{
    char name[NAME_MAX_SIZE + 1];
    if (size > NAME_MAX_SIZE)
        return false;
    memcpy(name, text, size);
    name[size] = '\0';
    str_lower(name);
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name || (!isalpha((unsigned char)dot[1]) && (unsigned char)dot[1] < 0x80))
        return false;
    return is_alone ? !host_name_ends_as_file(dot + 1) : str_starts(name, "www.") || host_name_has_suffix(name);
}

static void add_names(struct buf *buf, const char *text, size_t size, bool is_alone)
{
    static const char marks[] = ".-_";
    const char *at = text, *end = text + size;
    while (at < end) {
        size_t taken = name_size(at, end), before = 0, inner = taken;
        while (before < taken && strchr(marks, at[before]))
            before++;
        while (inner > before && strchr(marks, at[inner - 1]))
            inner--;
        bool is_name = inner > before && is_host(at + before, inner - before, is_alone && at == text);
        buf_add(buf, at, before);
        if (is_name)
            add_bracketed(buf, at + before, inner - before);
        else
            buf_add(buf, at + before, inner - before);
        buf_add(buf, at + inner, taken - inner);
        at += taken;
        if (is_name && at < end && strchr("/?#", *at))
            break; /* a path */
        if (taken == 0)
            buf_add_char(buf, *at++);
    }
    buf_add(buf, at, (size_t)(end - at));
}

/* --- words --- */

static void add_url(struct buf *buf, const char *url, const char *host, const char *end)
{
    if (str_starts_nocase(url, "http"))
        buf_printf(buf, "hxxp%.*s", (int)(host - url - 4), url + 4);
    else if (str_starts_nocase(url, "ftp"))
        buf_printf(buf, "fxp%.*s", (int)(host - url - 3), url + 3);
    else
        buf_add(buf, url, (size_t)(host - url));
    size_t size = host_size(host, end);
    add_bracketed(buf, host, size);
    buf_add(buf, host + size, (size_t)(end - host) - size);
}

static bool is_mail_like(const char *word, size_t size)
{
    const char *dot = memchr(word, '.', size);
    return memchr(word, '@', size) && dot && dot > word && dot + 1 < word + size && isalnum((unsigned char)dot[1]);
}

/* is_alone: the text is nothing but this word. */
static void add_word(struct buf *buf, const char *word, size_t size, bool is_alone)
{
    const char *end = word + size, *colon = memmem(word, size, "://", 3), *scheme = colon;
    size_t head = host_size(word, end);
    while (scheme && scheme > word && isalnum((unsigned char)scheme[-1]))
        scheme--;
    if (colon) {
        add_names(buf, word, (size_t)(scheme - word), false);
        add_url(buf, scheme, colon + 3, end);
    } else if (is_mail_like(word, head)) {
        add_bracketed(buf, word, head);
        buf_add(buf, word + head, size - head);
    } else
        add_names(buf, word, size, is_alone);
}

bool defang_add(struct buf *buf, const char *text)
{
    struct buf safe;
    buf_init(&safe, buf->size_max);
    str_add_harmless(&safe, text, true);
    const char *rest = buf_text(&safe);
    bool is_alone = rest[strcspn(rest, " \t\n")] == '\0';
    while (*rest) {
        size_t blanks = strspn(rest, " \t\n");
        buf_add(buf, rest, blanks);
        rest += blanks;
        size_t size = strcspn(rest, " \t\n");
        if (size)
            add_word(buf, rest, size, is_alone);
        rest += size;
    }
    bool fits = !safe.full && !buf->full;
    buf_clear(&safe);
    return fits;
}
