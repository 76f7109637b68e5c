#include "cli/warninglist_cmd.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/field.h"
#include "cli/file.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

/* A request of the API holds 4 MiB; the longest entries have 1000 bytes. */
enum { LIST_BYTES_MAX = 64 * 1024 * 1024, PART_ENTRIES = 20000, PART_BYTES = 2 * 1024 * 1024 };

/* "rfc1918" of "warninglists/rfc1918/list.json", "mine" of "mine.json". */
static char *short_name(const char *path)
{
    char *copy = mem_strdup(path), *slash = strrchr(copy, '/'), *name = slash ? slash + 1 : copy;

    if (slash && str_equal(name, "list.json")) {
        *slash = '\0';
        slash = strrchr(copy, '/');
        name = slash ? slash + 1 : copy;
    } else if (str_ends(name, ".json")) {
        name[strlen(name) - strlen(".json")] = '\0';
    }
    name = mem_strdup(name);
    free(copy);
    str_lower(name);
    return name;
}

/* As MISP takes them: of several types the first; of entries with comments, {"192.0.2.0/24": "lab"}, the entries. */
static void make_plain(json_t *list)
{
    json_t *entries = json_object_get(list, "list"), *type = json_object_get(list, "type"), *comment, *names;
    const char *entry;

    if (json_is_array(type))
        json_object_set(list, "type", json_array_size(type) ? json_array_get(type, 0) : json_null());
    if (!json_is_object(entries))
        return;
    names = json_array();
    json_object_foreach(entries, entry, comment) json_array_append_new(names, json_string(entry));
    json_object_set_new(list, "list", names);
}

/* Told with the file's name, so that the rest of many can go on. */
static bool check_list(struct session *session, const char *path, const json_t *list)
{
    static const char *const texts[] = {"name", "type", "description", "category"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const json_t *member = json_object_get(list, texts[i]);
        if (member && !json_is_string(member) && !json_is_null(member))
            return session_fail(session, EXIT_NOT_ACCEPTED, NULL, _("%s is no warninglist: its %s is no text"), path, texts[i]), false;
    }
    if (!json_is_array(json_object_get(list, "list")))
        return session_fail(session, EXIT_NOT_ACCEPTED, NULL, _("%s is no warninglist: a JSON object with name, type and list"), path),
               false;
    return true;
}

static json_t *read_list(struct session *session, const char *path)
{
    struct err err = {0};
    struct buf bytes;
    json_error_t fault;
    json_t *list = NULL;

    buf_init(&bytes, LIST_BYTES_MAX);
    if (!file_bytes(path, &bytes, &err)) {
        session_fail_err(session, EXIT_USAGE, NULL, &err);
    } else {
        size_t mark = str_starts(buf_text(&bytes), "\xef\xbb\xbf") ? 3 : 0;
        list = json_loadb(buf_text(&bytes) + mark, bytes.size - mark, JSON_REJECT_DUPLICATES, &fault);
        if (!list)
            session_fail(session, EXIT_NOT_ACCEPTED, NULL, _("%s is no warninglist: line %d: %s"), path, fault.line, fault.text);
    }
    buf_clear(&bytes);
    make_plain(list);
    if (list && check_list(session, path, list))
        return list;
    json_decref(list);
    return NULL;
}

/* The entries from *at on that fit into a request, moved there. */
static json_t *take_part(const json_t *entries, size_t *at)
{
    json_t *part = json_array();
    size_t size = 0;

    for (; *at < json_array_size(entries) && json_array_size(part) < PART_ENTRIES && size < PART_BYTES; (*at)++) {
        json_t *entry = json_array_get(entries, *at);
        size += json_is_string(entry) ? json_string_length(entry) + 4 : 8;
        json_array_append(part, entry);
    }
    return part;
}

static json_t *send_list(struct session *session, const char *name, const json_t *list)
{
    const json_t *entries = json_object_get(list, "list");
    json_t *head = json_copy((json_t *)list), *answer;
    size_t at = 0;

    json_object_set_new(head, "short_name", json_string(name));
    json_object_set_new(head, "list", take_part(entries, &at));
    json_object_set_new(head, "more", json_boolean(at < json_array_size(entries)));
    answer = session_post(session, mem_strdup("/v1/warninglists"), head, -1);
    while (answer && at < json_array_size(entries)) {
        json_t *body = json_pack("{s:O, s:o}", "type", json_object_get(list, "type"), "list", take_part(entries, &at));
        json_object_set_new(body, "more", json_boolean(at < json_array_size(entries)));
        json_decref(answer);
        answer = session_post(session, url_path("/v1/warninglists/{}/entries", name), body, -1);
    }
    return answer;
}

/* What is to be said of the list that was taken, beside its entries. */
static char *remark(const json_t *answer)
{
    int64_t skipped = field_number(answer, "skipped", 0);

    if (json_array_size(field_list(answer, "types")) == 0)
        return mem_strdup(_(", of a kind of value that no report has"));
    return skipped > 0 ? mem_printf(_(", %lld that say nothing to match"), (long long)skipped) : mem_strdup("");
}

static void render_done(struct screen *screen, const json_t *answer, const void *line)
{
    const json_t *warning;
    size_t index;
    char *text = screen_clean(screen, line, false);

    screen_printf(screen, "%s\n", text);
    json_array_foreach(field_list(answer, "warnings"), index, warning)
    {
        screen_text(screen, _("warning: "));
        screen_own_lines(screen, json_string_value(warning), 0);
    }
    free(text);
}

static void import_file(struct session *session, const char *path)
{
    const char *name = options_text(&session->options, "name");
    json_t *list = read_list(session, path), *answer = NULL;
    char *chosen = name ? mem_strdup(name) : short_name(path);

    if (list && (answer = send_list(session, chosen, list))) {
        int64_t entries = field_number(answer, "entries", 0);
        char *beside = remark(answer), *line;
        line = mem_printf(ngettext("warninglist %s: %lld entry%s", "warninglist %s: %lld entries%s", (unsigned long)entries), chosen,
                          (long long)entries, beside);
        session_print(session, answer, render_done, line);
        free(line);
        free(beside);
    }
    json_decref(list);
    json_decref(answer);
    free(chosen);
}

int warninglist_cmd_import(struct session *session)
{
    if (options_text(&session->options, "name") && session_operand(session, 1))
        return session_fail(session, EXIT_USAGE, NULL, _("--name is for one file"));
    return session_each_file(session, import_file);
}
