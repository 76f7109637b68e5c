#include "cirtd/outgoing_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cirtd/config.h"
#include "model/defang.h"

enum { NAME, VALUE };

void outgoing_text_add(struct outgoing_values *values, const char *name, const char *value)
{
    if (values->count == OUTGOING_VALUES_MAX)
        BUG("more than %d values for a template", OUTGOING_VALUES_MAX);
    values->items[values->count++] = (struct mail_template_value){.name = name, .value = value};
}

/* What was seen goes into a mail as it goes onto a screen: nobody clicks on it. */
static const char *defanged(struct arena *arena, const char *text)
{
    struct buf out;
    buf_init(&out, OUTGOING_TEXT_BYTES_MAX);
    while (*text) {
        size_t size = strcspn(text, "\n");
        defang_add(&out, arena_strndup(arena, text, size));
        text += size + (text[size] == '\n');
        if (*text)
            buf_add_char(&out, '\n');
    }
    const char *copy = arena_strdup(arena, buf_text(&out));
    buf_clear(&out);
    return copy;
}

bool outgoing_text_values(struct db *db, struct db_params *params, enum sql_statement statement, int64_t mail, struct arena *arena,
                          struct outgoing_values *values, struct err *err)
{
    struct db_rows *rows = NULL;
    *values = (struct outgoing_values){.items = arena_calloc(arena, OUTGOING_VALUES_MAX, sizeof *values->items)};
    db_params_reset(params);
    db_int8(params, mail);
    bool ok = db_run(db, statement, params, &rows, err);
    db_params_reset(params);
    for (size_t row = 0; ok && row < db_row_count(rows); row++) {
        const char *name = arena_strdup(arena, db_get_text(rows, row, NAME)), *value = db_get_text(rows, row, VALUE);
        if (value)
            value = str_equal(name, "observables") ? defanged(arena, value) : arena_strdup(arena, value);
        outgoing_text_add(values, name, value);
    }
    db_rows_free(rows);
    return ok;
}

/* The first of the languages' folders that has one; the template's text is the caller's. */
static bool find_template(const char *folder, const char *occasion, const char *language, char folders[][MAIL_TEMPLATE_FOLDER_SIZE],
                          size_t *found, char **text, struct err *err)
{
    size_t count = mail_template_folders(language, NULL, folders);
    for (size_t i = 0; i < count; i++) {
        char *path = mem_printf("%s/%s/%s.txt", folder, folders[i], occasion);
        bool is_there = access(path, F_OK) == 0, ok = is_there && config_read_file(path, text, err);
        free(path);
        *found = i;
        if (is_there)
            return ok;
    }
    return err_set(err, ERR_NOT_FOUND, "there is no template \"%.40s\" in %.200s, in no language (outgoing: templates)", occasion, folder);
}

bool outgoing_text_render(const char *folder, const char *occasion, const char *language, const struct outgoing_values *values,
                          struct arena *arena, const char **subject, const char **text, struct err *err)
{
    char folders[MAIL_TEMPLATE_FOLDERS_MAX][MAIL_TEMPLATE_FOLDER_SIZE], *source = NULL;
    size_t found = 0;
    struct buf head, body;
    if (!find_template(folder, occasion, language, folders, &found, &source, err))
        return false;
    buf_init(&head, OUTGOING_TEXT_BYTES_MAX);
    buf_init(&body, OUTGOING_TEXT_BYTES_MAX);
    const char *name = arena_printf(arena, "%s/%s.txt", folders[found], occasion);
    bool ok = mail_template_render(name, source, folders[found], values->items, values->count, &head, &body, err);
    if (ok && (head.full || body.full))
        ok = err_set(err, ERR_LIMIT, "the text of %s becomes larger than %d bytes", name, OUTGOING_TEXT_BYTES_MAX);
    *subject = arena_strdup(arena, buf_text(&head));
    *text = arena_strdup(arena, buf_text(&body));
    buf_clear(&head);
    buf_clear(&body);
    free(source);
    return ok;
}
