#include "cli/mail_form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/field.h"
#include "cli/words.h"

enum { FORM_MAX = 4 * 1024 * 1024 };

const char mail_form_help[] =
    N_("The text goes below the empty line. People are parted by commas; who stands in Bcc gets a message of his own.");

enum line_shape { LINE_PEOPLE, LINE_TEXT, LINE_LABEL };
static const struct {
    const char *title, *member;
    enum line_shape shape;
} lines[] = {
    {"To", "to", LINE_PEOPLE},         {"Cc", "cc", LINE_PEOPLE},  {"Bcc", "bcc", LINE_PEOPLE},
    {"Subject", "subject", LINE_TEXT}, {"TLP", "tlp", LINE_LABEL}, {"Language", "lang", LINE_LABEL},
};

/* --- people --- */

static char *trimmed(const char *from, size_t size)
{
    while (size > 0 && strchr(" \t\r\n", *from))
        from++, size--;
    while (size > 0 && strchr(" \t\r\n", from[size - 1]))
        size--;
    return mem_printf("%.*s", (int)size, from);
}

/* "\"Doe, John\"" without its quotes, in place. */
static void unquote(char *name)
{
    size_t size = strlen(name), to = 0;

    if (size < 2 || name[0] != '"' || name[size - 1] != '"')
        return;
    for (size_t from = 1; from + 1 < size; from++) {
        if (name[from] == '\\' && from + 2 < size)
            from++;
        name[to++] = name[from];
    }
    name[to] = '\0';
}

/* How much of the text is one person: up to a comma or semicolon outside of quotes and angle brackets. */
static size_t person_size(const char *text)
{
    bool quoted = false, angled = false;
    size_t at = 0;

    for (; text[at]; at++) {
        if (text[at] == '\\' && quoted && text[at + 1])
            at++;
        else if (text[at] == '"')
            quoted = !quoted;
        else if ((text[at] == '<' || text[at] == '>') && !quoted)
            angled = text[at] == '<';
        else if ((text[at] == ',' || text[at] == ';') && !quoted && !angled)
            break;
    }
    return at;
}

static bool add_person(const char *text, size_t size, json_t *list, struct err *err)
{
    char *whole = trimmed(text, size), *open = strrchr(whole, '<'), *name = NULL, *address;
    size_t end = strlen(whole);
    bool ok = true;

    if (!*whole) {
        free(whole);
        return true;
    }
    if (open && whole[end - 1] == '>') {
        name = trimmed(whole, (size_t)(open - whole));
        unquote(name);
        address = trimmed(open + 1, (size_t)(whole + end - 1 - open) - 1);
    } else {
        address = mem_strdup(whole);
    }
    if (!strchr(address, '@') || strpbrk(address, " \t<>,"))
        ok = err_set(err, ERR_INPUT, _("'%s' is no mail address"), whole);
    else
        json_array_append_new(list, json_pack("{s:s, s:s?}", "address", address, "name", name && *name ? name : NULL));
    free(name);
    free(address);
    free(whole);
    return ok;
}

bool mail_form_people(const char *text, json_t *list, struct err *err)
{
    while (*text) {
        size_t size = person_size(text);

        if (!add_person(text, size, list, err))
            return false;
        text += size + (text[size] != '\0');
    }
    return true;
}

void mail_form_add_person(struct buf *out, const json_t *person)
{
    const char *name = field_text(person, "name");

    if (!str_is_empty(name)) {
        bool is_plain = !strpbrk(name, ",;<>\"\\@()");
        buf_add_text(out, is_plain ? "" : "\"");
        for (const char *c = name; *c; c++) {
            if (!is_plain && (*c == '"' || *c == '\\'))
                buf_add_char(out, '\\');
            buf_add_char(out, *c);
        }
        buf_add_text(out, is_plain ? " " : "\" ");
    }
    buf_printf(out, str_is_empty(name) ? "%s" : "<%s>", field_or(person, "address", ""));
}

/* --- the form --- */

static void write_line(struct buf *out, const char *title, enum line_shape shape, const json_t *value)
{
    struct buf line;

    buf_init(&line, FORM_MAX);
    for (size_t i = 0; shape == LINE_PEOPLE && i < json_array_size(value); i++) {
        buf_add_text(&line, i ? ", " : "");
        mail_form_add_person(&line, json_array_get(value, i));
    }
    if (json_is_string(value))
        buf_add_text(&line, json_string_value(value));
    buf_printf(out, "%s: ", title);
    str_add_harmless(out, buf_text(&line), false);
    buf_add_char(out, '\n');
    buf_clear(&line);
}

char *mail_form_write(const json_t *mail)
{
    struct buf out;
    char *text;

    buf_init(&out, FORM_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        write_line(&out, lines[i].title, lines[i].shape, json_object_get(mail, lines[i].member));
    buf_add_char(&out, '\n');
    str_add_harmless(&out, field_or(mail, "text", ""), true);
    text = mem_strdup(buf_text(&out));
    buf_clear(&out);
    return text;
}

static bool read_people(json_t *edit, const char *title, const char *member, const char *value, struct err *err)
{
    json_t *list = json_array();

    json_object_set_new(edit, member, list);
    if (mail_form_people(value, list, err))
        return true;
    snprintf(err->at, sizeof err->at, "%s", title);
    return false;
}

static bool read_line(json_t *edit, const char *title, const char *value, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        if (strcasecmp(title, lines[i].title) != 0)
            continue;
        if (lines[i].shape == LINE_PEOPLE)
            return read_people(edit, lines[i].title, lines[i].member, value, err);
        /* An empty label or language is "as it was"; an empty subject is an empty subject. */
        if (*value || lines[i].shape == LINE_TEXT)
            json_object_set_new(edit, lines[i].member, json_string(value));
        return true;
    }
    return err_set_at(err, ERR_INPUT, title, _("a mail has no such line here; its text goes below the first empty line"));
}

/* Cuts the next line off *text, with the lines that continue it (they begin with a blank); the caller's. */
static char *next_line(const char **text)
{
    struct buf line;
    char *whole;

    buf_init(&line, FORM_MAX);
    do {
        size_t size = strcspn(*text, "\n");
        char *piece = trimmed(*text, size);
        buf_add_text(&line, line.size ? " " : "");
        buf_add_text(&line, piece);
        free(piece);
        *text += size + ((*text)[size] != '\0');
    } while (line.size && (**text == ' ' || **text == '\t') && (*text)[strspn(*text, " \t")] != '\n');
    whole = mem_strdup(buf_text(&line));
    buf_clear(&line);
    return whole;
}

static bool read_head(json_t *edit, const char **text, struct err *err)
{
    while (**text) {
        char *line = next_line(text), *colon = strchr(line, ':');
        bool is_end = !*line, ok = true;

        if (!is_end && !colon)
            ok = err_set_at(err, ERR_INPUT, line, _("not a 'Name: value' line; the text goes below the first empty line"));
        if (!is_end && colon) {
            *colon = '\0';
            ok = read_line(edit, line, colon + 1 + strspn(colon + 1, " \t"), err);
        }
        free(line);
        if (is_end || !ok)
            return ok;
    }
    return true;
}

json_t *mail_form_read(const char *text, struct err *err)
{
    json_t *edit = json_object();
    bool ok = str_is_utf8(text, strlen(text), NULL) || err_set(err, ERR_INPUT, _("the text is not UTF-8"));

    if (ok && read_head(edit, &text, err)) {
        char *body = mem_printf("%s", text + strspn(text, "\r\n")), *end = body + strlen(body);

        while (end > body && strchr(" \t\r\n", end[-1]))
            *--end = '\0';
        json_object_set_new(edit, "text", json_string(body));
        free(body);
        return edit;
    }
    json_decref(edit);
    return NULL;
}
