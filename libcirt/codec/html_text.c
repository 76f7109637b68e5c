#include "codec/html_text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libxml/HTMLparser.h>

#include "base/attr.h"
#include "base/str.h"

enum { TAG_NAME_MAX = 16, LINK_MAX = 2048 };

struct reader {
    const char *at, *end;
    struct buf *out;
    bool at_blank;           /* nothing but blanks since the line began */
    char link[LINK_MAX + 1]; /* target of the link that is open, or "" */
    size_t link_text_at;     /* where its text begins in out */
};

static void add_newline(struct reader *reader)
{
    struct buf *out = reader->out;
    if (out->size >= 2 && out->bytes[out->size - 1] == '\n' && out->bytes[out->size - 2] == '\n')
        return;
    if (out->size > 0)
        buf_add_char(out, '\n');
    reader->at_blank = true;
}

static void add_character(struct reader *reader, const char *bytes, size_t size)
{
    if (size == 1 && isspace((unsigned char)*bytes)) {
        if (!reader->at_blank)
            buf_add_char(reader->out, ' ');
        reader->at_blank = true;
        return;
    }
    buf_add(reader->out, bytes, size);
    reader->at_blank = false;
}

static size_t utf8_write(uint32_t code_point, char out[4])
{
    if (code_point < 0x20 || code_point > 0x10ffff || (code_point >= 0xd800 && code_point < 0xe000))
        code_point = code_point == '\n' || code_point == '\t' ? ' ' : 0xfffd;
    if (code_point == 0xa0) /* no-break space */
        code_point = ' ';
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t size = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i-- > 1; code_point >>= 6)
        out[i] = (char)(0x80 | (code_point & 0x3f));
    out[0] = (char)(heads[size] | code_point);
    return size;
}

/* Marks of ASCII that HTML 5 gave names, which libxml2's table of HTML 4 lacks: a host or an address may be written with them. 0: none. */
static uint32_t mark_of(const char *name)
{
    static const struct {
        const char *name;
        char mark;
    } marks[] = {{"apos", '\''},  {"colon", ':'},  {"sol", '/'},    {"bsol", '\\'},  {"period", '.'}, {"commat", '@'},
                 {"comma", ','},  {"semi", ';'},   {"lpar", '('},   {"rpar", ')'},   {"lsqb", '['},   {"rsqb", ']'},
                 {"lbrack", '['}, {"rbrack", ']'}, {"lcub", '{'},   {"rcub", '}'},   {"num", '#'},    {"quest", '?'},
                 {"equals", '='}, {"percnt", '%'}, {"plus", '+'},   {"lowbar", '_'}, {"hyphen", '-'}, {"dash", '-'},
                 {"excl", '!'},   {"ast", '*'},    {"dollar", '$'}, {"verbar", '|'}, {"Tab", '\t'},   {"NewLine", '\n'}};
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
        if (str_equal(name, marks[i].name))
            return (uint32_t)marks[i].mark;
    return 0;
}

/* The character of "&name;" at text; returns the entity's size, 0 where it is none. */
static size_t entity_read(const char *text, const char *end, char out[4], size_t *out_size)
{
    size_t size = 1;
    while (text + size < end && size < 12 && (isalnum((unsigned char)text[size]) || text[size] == '#'))
        size++;
    if (text + size == end || text[size] != ';')
        return 0;
    if (text[1] == '#') {
        bool is_hex = text[2] == 'x' || text[2] == 'X';
        unsigned long value = strtoul(text + (is_hex ? 3 : 2), NULL, is_hex ? 16 : 10);
        *out_size = utf8_write(value > 0x10ffff ? 0xfffd : (uint32_t)value, out);
        return size + 1;
    }
    char name[12];
    memcpy(name, text + 1, size - 1);
    name[size - 1] = '\0';
    const htmlEntityDesc *known = htmlEntityLookup((const xmlChar *)name);
    uint32_t code_point = known ? known->value : mark_of(name);
    if (!code_point)
        return 0;
    *out_size = utf8_write(code_point, out);
    return size + 1;
}

static void read_text(struct reader *reader)
{
    char out[4];
    size_t out_size = 0;
    size_t entity = *reader->at == '&' ? entity_read(reader->at, reader->end, out, &out_size) : 0;
    if (entity) {
        add_character(reader, out, out_size);
        reader->at += entity;
        return;
    }
    add_character(reader, reader->at, 1);
    reader->at++;
}

/* The end of the tag that begins at text: its '>', or the end. A '>' in quotes is none. */
static const char *tag_end(const char *text, const char *end)
{
    char quote = '\0';
    for (; text < end; text++) {
        if (quote)
            quote = *text == quote ? '\0' : quote;
        else if (*text == '"' || *text == '\'')
            quote = *text;
        else if (*text == '>')
            return text;
    }
    return end;
}

/* What stands behind "name=" in the tag, in any case; NULL where there is no such attribute. */
static const char *find_attribute(const char *tag, const char *end, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = tag + 1; at + size < end; at++) {
        if (strncasecmp(at, name, size) != 0 || !strchr(" \t\r\n\f/\"'", at[-1]) || !strchr(" \t\r\n=", at[size]))
            continue;
        at += size;
        while (at < end && (isspace((unsigned char)*at) || *at == '='))
            at++;
        return at;
    }
    return NULL;
}

/* The value of the attribute that names where the tag leads. */
static void read_link(struct reader *reader, const char *tag, const char *end, const char *attribute)
{
    reader->link[0] = '\0';
    const char *found = find_attribute(tag, end, attribute);
    if (!found)
        return;
    char quote = found < end && (*found == '"' || *found == '\'') ? *found++ : ' ';
    size_t size = 0;
    size_t bad_at;
    while (found < end && *found != quote && size + 4 < LINK_MAX) {
        size_t out_size = 1, entity = *found == '&' ? entity_read(found, end, reader->link + size, &out_size) : 0;
        bool is_passed_over = strchr("\t\r\n", *found) != NULL; /* as browsers do */
        if (!entity && !is_passed_over)
            reader->link[size] = *found;
        found += entity ? entity : 1;
        size += is_passed_over ? 0 : out_size;
    }
    if (!str_is_utf8(reader->link, size, &bad_at))
        size = bad_at; /* cut within a character */
    reader->link[size] = '\0';
    reader->link_text_at = reader->out->size;
}

/* Phishing says one thing and links to another: show the target unless the text is it. */
static void close_link(struct reader *reader)
{
    size_t at = reader->link_text_at < reader->out->size ? reader->link_text_at : reader->out->size;
    const char *target = reader->link, *address = strchr(target, ':');
    bool is_address = str_starts_nocase(target, "mailto:") || str_starts_nocase(target, "tel:");
    bool is_target = is_address || str_starts(target, "//") || strstr(target, "://") || strstr(target, ":\\\\");
    if (is_target && !strstr(buf_text(reader->out) + at, is_address ? address + 1 : target)) {
        buf_printf(reader->out, " <%s>", reader->link);
        reader->at_blank = false;
    }
    reader->link[0] = '\0';
}

/* What parts one line from the next, as browsers show it. */
static bool is_block(const char *name)
{
    static const char *const blocks[] = {
        "p",          "br",       "div",    "tr",      "li",      "ul",     "ol",    "table",   "h1",     "h2",
        "h3",         "h4",       "h5",     "h6",      "hr",      "dd",     "dt",    "dl",      "pre",    "blockquote",
        "section",    "article",  "header", "footer",  "main",    "nav",    "aside", "address", "center", "figure",
        "figcaption", "fieldset", "legend", "details", "summary", "dialog", "menu",  "dir",     "option", "optgroup",
        "select",     "textarea", "button", "label",   "caption", "form",   "map",   "area",    "svg",    "iframe"};
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
        if (str_equal(name, blocks[i]))
            return true;
    return false;
}

/* Where a tag leads beside "a": the target is told at once. */
static const char *target_of(const char *name)
{
    static const struct {
        const char *tag, *attribute;
    } targets[] = {{"form", "action"}, {"area", "href"}, {"button", "formaction"}, {"input", "formaction"},
                   {"iframe", "src"},  {"frame", "src"}, {"meta", "content"}};
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
        if (str_equal(name, targets[i].tag))
            return targets[i].attribute;
    return NULL;
}

/* That target, where the tag has it; a link that is open ends before it. */
static void tell_target(struct reader *reader, const char *tag, const char *end, const char *attribute)
{
    if (!find_attribute(tag, end, attribute))
        return;
    close_link(reader);
    read_link(reader, tag, end, attribute);
    /* <meta http-equiv="refresh" content="0; url=http://a.example/">: where the browser goes by itself. */
    char *url = str_equal(attribute, "content") ? strcasestr(reader->link, "url=") : NULL;
    if (url)
        memmove(reader->link, url + 4, strlen(url + 4) + 1);
    close_link(reader);
}

/* Skips to behind </name>. */
static void skip_content(struct reader *reader, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = reader->at; at < reader->end; at++) {
        at = memchr(at, '<', (size_t)(reader->end - at));
        if (!at)
            break;
        if ((size_t)(reader->end - at) > size + 2 && at[1] == '/' && strncasecmp(at + 2, name, size) == 0) {
            const char *end = tag_end(at, reader->end);
            reader->at = end < reader->end ? end + 1 : end;
            return;
        }
    }
    reader->at = reader->end;
}

static void read_tag(struct reader *reader)
{
    const char *tag = reader->at + 1;
    if ((size_t)(reader->end - reader->at) >= 4 && memcmp(reader->at, "<!--", 4) == 0) {
        const char *end = memmem(reader->at + 4, (size_t)(reader->end - reader->at - 4), "-->", 3);
        reader->at = end ? end + 3 : reader->end;
        return;
    }
    if (tag == reader->end || (!isalpha((unsigned char)*tag) && *tag != '/' && *tag != '!' && *tag != '?')) {
        add_character(reader, "<", 1);
        reader->at++;
        return;
    }
    bool is_closing = *tag == '/';
    char name[TAG_NAME_MAX + 1];
    size_t size = 0;
    for (const char *at = tag + is_closing; at < reader->end && isalnum((unsigned char)*at) && size < TAG_NAME_MAX; at++)
        name[size++] = (char)tolower((unsigned char)*at);
    name[size] = '\0';
    const char *end = tag_end(tag, reader->end);
    reader->at = end < reader->end ? end + 1 : end;
    const char *target = is_closing ? NULL : target_of(name);
    if (is_block(name))
        add_newline(reader);
    if (target)
        tell_target(reader, tag, end, target);
    else if (str_equal(name, "td") || str_equal(name, "th"))
        add_character(reader, " ", 1);
    else if (!is_closing && (str_equal(name, "script") || str_equal(name, "style") || str_equal(name, "title")))
        skip_content(reader, name);
    else if (str_equal(name, "a") && is_closing)
        close_link(reader);
    else if (str_equal(name, "a"))
        read_link(reader, tag, end, find_attribute(tag, end, "href") ? "href" : "xlink:href");
}

bool html_text(const char *html, size_t size, struct buf *out)
{
    struct reader *reader = &(struct reader){.at = html, .end = html + size, .out = out, .at_blank = true};
    while (reader->at < reader->end && !out->full) {
        if (*reader->at == '<')
            read_tag(reader);
        else
            read_text(reader);
    }
    if (reader->link[0])
        close_link(reader);
    return !out->full;
}
