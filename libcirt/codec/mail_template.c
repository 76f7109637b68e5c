#include "codec/mail_template.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { NAME_SIZE_MAX = 30, VALUE_SIZE_MAX = 1024 * 1024 };

const char *const mail_template_names[] = {
    "case",        /* "XX-CERT-2026-000042" */
    "reference",   /* what to keep in the subject: "[XX-CERT-2026-000042]" */
    "team",        /* our name */
    "signature",   /* who signs, lines */
    "contact",     /* whom it goes to: name, else address */
    "summary",     /* of the case */
    "class",       /* RSIT: "fraud/phishing" */
    "label",       /* "TLP:AMBER" */
    "date",        /* when the case was opened */
    "due",         /* until when an answer is wanted */
    "observables", /* what was seen, lines, defanged */
    "text",        /* what the analyst wrote, lines */
    "quote",       /* what is answered, lines with "> " */
    NULL,
};

bool mail_template_is_right_to_left(const char *language)
{
    static const char *const bases[] = {"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ps", "sd", "syr", "ug", "ur", "yi"};
    static const char *const scripts[] = {"-arab", "-hebr", "-thaa", "-syrc"};
    char lower[MAIL_TEMPLATE_FOLDER_SIZE];
    snprintf(lower, sizeof lower, "%s", language ? language : "");
    str_lower(lower);
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
        if (strstr(lower, scripts[i]))
            return true;
    if (strstr(lower, "-latn") || strstr(lower, "-cyrl"))
        return false;
    lower[strcspn(lower, "-")] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
        if (str_equal(lower, bases[i]))
            return true;
    return false;
}

/* --- where to look --- */

static bool is_tag(const char *language)
{
    return language && strlen(language) < MAIL_TEMPLATE_FOLDER_SIZE && isalpha((unsigned char)language[0]) &&
           language[strspn(language, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static size_t add_folder(const char *language, size_t size, char folders[][MAIL_TEMPLATE_FOLDER_SIZE], size_t count)
{
    snprintf(folders[count], MAIL_TEMPLATE_FOLDER_SIZE, "%.*s", (int)size, language);
    str_lower(folders[count]);
    for (size_t i = 0; i < count; i++)
        if (str_equal(folders[i], folders[count]))
            return count;
    return count + 1;
}

size_t mail_template_folders(const char *contact_language, const char *site_language,
                             char folders[MAIL_TEMPLATE_FOLDERS_MAX][MAIL_TEMPLATE_FOLDER_SIZE])
{
    const char *const languages[] = {contact_language, site_language, "en"};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(languages); i++) {
        if (!is_tag(languages[i]))
            continue;
        count = add_folder(languages[i], strlen(languages[i]), folders, count);
        if (strchr(languages[i], '-'))
            count = add_folder(languages[i], strcspn(languages[i], "-"), folders, count);
    }
    return count;
}

/* --- rendering --- */

struct rendering {
    const char *file;
    size_t line;
    bool is_right_to_left, in_subject;
    const struct mail_template_value *values;
    size_t value_count;
    struct err *err;
};

static const char *place(const struct rendering *rendering, char at[160])
{
    snprintf(at, 160, "%.120s line %zu", rendering->file, rendering->line);
    return at;
}

static bool is_known(const char *name)
{
    for (const char *const *known = mail_template_names; *known; known++)
        if (str_equal(*known, name))
            return true;
    return false;
}

static const char *nearest_name(const char *name)
{
    const char *best = mail_template_names[0];
    for (const char *const *known = mail_template_names; *known; known++)
        if (str_distance(*known, name) < str_distance(best, name))
            best = *known;
    return best;
}

static const char *value_of(const struct rendering *rendering, const char *name)
{
    for (size_t i = 0; i < rendering->value_count; i++)
        if (str_equal(rendering->values[i].name, name))
            return rendering->values[i].value;
    return NULL;
}

/* The name in {{name}} or {{?name}} at text, which begins with "{{"; *end behind its "}}". */
static bool read_name(const struct rendering *rendering, const char *text, char name[NAME_SIZE_MAX + 1], const char **end)
{
    char at[160];
    const char *from = text + 2 + (text[2] == '?'), *close = strstr(from, "}}");
    if (!close)
        return err_set_at(rendering->err, ERR_INPUT, place(rendering, at), "{{ without }}");
    snprintf(name, NAME_SIZE_MAX + 1, "%.*s", (int)(close - from), from);
    *end = close + 2;
    if ((size_t)(close - from) > NAME_SIZE_MAX || !is_known(name))
        return err_set_at(rendering->err, ERR_INPUT, place(rendering, at), "there is no variable {{%s}}; the nearest is {{%s}}", name,
                          nearest_name(name));
    return true;
}

/* Line by line: an isolate ends with its paragraph anyway. */
static void add_isolated(const char *value, struct buf *out)
{
    for (const char *line = value; *line;) {
        size_t size = strcspn(line, "\n");
        if (size)
            buf_printf(out, "\xE2\x81\xA8%.*s\xE2\x81\xA9", (int)size, line);
        line += size;
        if (*line)
            buf_add_char(out, *line++);
    }
}

static void add_value(const struct rendering *rendering, const char *value, struct buf *out)
{
    struct buf safe;
    buf_init(&safe, VALUE_SIZE_MAX);
    str_add_harmless(&safe, value, !rendering->in_subject);
    if (rendering->is_right_to_left)
        add_isolated(buf_text(&safe), out);
    else
        buf_add(out, buf_text(&safe), safe.size);
    out->full = out->full || safe.full;
    buf_clear(&safe);
}

/* One line without its LF. */
static bool expand(const struct rendering *rendering, const char *line, struct buf *out)
{
    char name[NAME_SIZE_MAX + 1], at[160];
    for (const char *open; (open = strstr(line, "{{"));) {
        buf_add(out, line, (size_t)(open - line));
        if (open[2] == '?')
            return err_set_at(rendering->err, ERR_INPUT, place(rendering, at), "{{?...}} stands at the start of a line only");
        if (!read_name(rendering, open, name, &line))
            return false;
        const char *value = value_of(rendering, name);
        if (!value)
            return err_set_at(rendering->err, ERR_INPUT, place(rendering, at),
                              "{{%s}} has no value here; begin the line with {{?%s}} to leave it out", name, name);
        add_value(rendering, value, out);
    }
    buf_add_text(out, line);
    return true;
}

/* Passes over the {{?name}}s that a line begins with; *stands: all of them have a value. */
static bool read_conditions(const struct rendering *rendering, const char **line, bool *stands)
{
    char name[NAME_SIZE_MAX + 1];
    *stands = true;
    while (str_starts(*line, "{{?")) {
        if (!read_name(rendering, *line, name, line))
            return false;
        *stands = *stands && !str_is_empty(value_of(rendering, name));
    }
    return true;
}

/* The next line into *line (the caller frees), *text behind it; false at the end. */
static bool next_line(struct rendering *rendering, const char **text, char **line)
{
    if (!**text)
        return false;
    size_t size = strcspn(*text, "\n"), kept = size;
    while (kept > 0 && strchr(" \t\r", (*text)[kept - 1]))
        kept--;
    *line = mem_printf("%.*s", (int)kept, *text);
    *text += size + ((*text)[size] == '\n');
    rendering->line++;
    return true;
}

static bool render_subject(struct rendering *rendering, const char **text, struct buf *subject)
{
    static const char field[] = "Subject:";
    char *line = NULL, at[160];
    bool ok = true, has_subject = false;
    rendering->in_subject = true;
    while (ok && !has_subject && next_line(rendering, text, &line)) {
        has_subject = str_starts(line, field);
        if (has_subject)
            ok = expand(rendering, line + sizeof field - 1 + strspn(line + sizeof field - 1, " \t"), subject);
        else if (line[0] != '#')
            ok = err_set_at(rendering->err, ERR_INPUT, place(rendering, at), "a template begins with its Subject: line");
        free(line);
    }
    if (ok && !has_subject)
        ok = err_set_at(rendering->err, ERR_INPUT, rendering->file, "has no Subject: line");
    if (ok && next_line(rendering, text, &line)) {
        if (*line)
            ok = err_set_at(rendering->err, ERR_INPUT, place(rendering, at), "a blank line stands between the subject and the text");
        free(line);
    }
    rendering->in_subject = false;
    return ok;
}

static bool render_text(struct rendering *rendering, const char **text, struct buf *out)
{
    char *whole_line;
    bool ok = true, fell_away = false;
    while (ok && next_line(rendering, text, &whole_line)) {
        const char *line = whole_line;
        bool stands;
        ok = read_conditions(rendering, &line, &stands);
        if (ok && stands && !(fell_away && !*line)) {
            ok = expand(rendering, line, out);
            buf_add_char(out, '\n');
        }
        fell_away = !stands;
        free(whole_line);
    }
    return ok;
}

bool mail_template_render(const char *file, const char *template_text, const char *language, const struct mail_template_value *values,
                          size_t value_count, struct buf *subject, struct buf *text, struct err *err)
{
    struct rendering rendering = {.file = file,
                                  .is_right_to_left = mail_template_is_right_to_left(language),
                                  .values = values,
                                  .value_count = value_count,
                                  .err = err};
    if (!str_is_utf8(template_text, strlen(template_text), NULL))
        return err_set_at(err, ERR_INPUT, file, "is not UTF-8");
    if (!render_subject(&rendering, &template_text, subject) || !render_text(&rendering, &template_text, text))
        return false;
    if (subject->full || text->full)
        return err_set_at(err, ERR_LIMIT, file, "its text is larger than %zu bytes", text->size_max);
    return true;
}
