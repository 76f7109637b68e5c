#include "cli/mapping_cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/cell.h"
#include "cli/field.h"
#include "cli/file.h"
#include "cli/session.h"
#include "cli/words.h"
#include "codec/codec.h"
#include "codec/unpack.h"
#include "model/tlp.h"

enum { SHOWN = 10, SHOWN_MOST = 10000, REJECTED_SHOWN = 10, INDENT = 6, VALUES_MAX = 64 * 1024 };

/* What came out so far. */
struct trial {
    json_t *observations; /* the first of them */
    size_t shown_most;
    json_int_t rows, indicators;
    json_t *head;
};

/* --- reading --- */

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text)
        json_object_set_new(object, name, json_string(text));
}

static void set_number(json_t *object, const char *name, int64_t number)
{
    if (number >= 0)
        json_object_set_new(object, name, json_integer(number));
}

static void set_time(json_t *object, const char *name, int64_t time)
{
    char text[TIMESTAMP_TEXT_SIZE];

    if (time == TIMESTAMP_NONE)
        return;
    timestamp_format(time, text);
    set_text(object, name, text);
}

static json_t *observable(const struct sighting *sighting)
{
    json_t *object = json_pack("{s:s, s:s, s:s}", "role", sighting_role_name(sighting->role), "type", observable_type_name(sighting->type),
                               "value", sighting->value);

    if (sighting->is_indicator)
        json_object_set_new(object, "indicator", json_true());
    set_number(object, "confidence", sighting->confidence);
    set_text(object, "tlp", tlp_name(sighting->tlp));
    return object;
}

/* With the names that the API has for these members. */
static json_t *observation(const struct observation *from)
{
    json_t *object = json_object(), *list = json_array(), *extra = from->extra ? json_loads(from->extra, 0, NULL) : NULL;

    set_time(object, "time", from->time);
    set_text(object, "class", from->class_name);
    set_text(object, "class_claim", from->class_claim);
    set_text(object, "description", from->description);
    set_text(object, "protocol", from->protocol);
    set_number(object, "source_port", from->source_port);
    set_number(object, "target_port", from->target_port);
    set_number(object, "count", from->count);
    for (size_t i = 0; i < from->sighting_count; i++)
        json_array_append_new(list, observable(&from->sightings[i]));
    json_object_set_new(object, "observables", list);
    if (extra)
        json_object_set_new(object, "extra", extra);
    return object;
}

static json_t *rejected(const struct report *report)
{
    json_t *list = json_array();

    for (size_t i = 0; i < report->rejection_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "at", report->rejections[i].at, "error", report->rejections[i].text));
    return list;
}

static bool on_report(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    struct trial *trial = context;

    UNUSED(first_line), UNUSED(bytes), UNUSED(size), UNUSED(err);
    for (size_t i = 0; i < report->observation_count; i++) {
        const struct observation *one = &report->observations[i];
        for (size_t k = 0; k < one->sighting_count; k++)
            trial->indicators += one->sightings[k].is_indicator;
        if (json_array_size(trial->observations) < trial->shown_most)
            json_array_append_new(trial->observations, observation(one));
    }
    trial->rows += (json_int_t)report->observation_count;
    json_decref(trial->head);
    trial->head = json_object();
    set_text(trial->head, "tlp", tlp_name(report->tlp));
    set_time(trial->head, "time", report->time);
    set_number(trial->head, "rejected_total", (int64_t)report->rejected_total);
    json_object_set_new(trial->head, "rejected", rejected(report));
    return true;
}

/* A file whose beginning was looked at. */
struct input {
    FILE *file;
    struct unpack *unpack; /* of an archive, or NULL */
    char block[65536];
    size_t held;
};

static bool next_block(void *context, const char **bytes, size_t *size, struct err *err)
{
    struct input *input = context;

    UNUSED(err);
    *size = input->held ? input->held : fread(input->block, 1, sizeof input->block, input->file);
    *bytes = input->block;
    input->held = 0;
    return true;
}

static bool next_piece(struct input *input, const char **bytes, size_t *size, struct err *err)
{
    return input->unpack ? unpack_next(input->unpack, bytes, size, err) : next_block(input, bytes, size, err);
}

/* Packed as a feed may send it: one file in a zip, or gzip. */
static bool look(struct input *input, struct err *err)
{
    const struct unpack_source source = {input, next_block};

    input->held = fread(input->block, 1, sizeof input->block, input->file);
    return !unpack_format(input->block, input->held) || unpack_open(&source, INT64_MAX, &input->unpack, err);
}

static bool read_csv(FILE *file, const char *mapping, struct trial *trial, struct err *err)
{
    const struct codec *codec = codec_find("csv");
    struct codec_hints hints = {.mapping = mapping};
    struct codec_sink sink = {.context = trial, .on_report = on_report};
    struct codec_stream *stream = codec->open(&codec_limits_default, &hints, &sink);
    struct input *input = mem_calloc(1, sizeof *input);
    const char *bytes;
    size_t size = 1;
    bool ok;

    input->file = file;
    ok = look(input, err);
    while (ok && size > 0) {
        ok = next_piece(input, &bytes, &size, err);
        ok = ok && (size == 0 || codec->feed(stream, bytes, size, err));
    }
    ok = ok && codec->finish(stream, err);
    unpack_close(input->unpack);
    free(input);
    codec->close(stream);
    return ok;
}

/* --- showing --- */

static void show_values(struct screen *screen, const json_t *item)
{
    const json_t *list = field_list(item, "observables");
    const char *role = NULL;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        char *value = cell_observable(screen, field_text(one, "type"), field_text(one, "value"));
        size_t mark;

        if (!str_equal(role, field_text(one, "role"))) {
            screen_printf(screen, "%s%*s%s", role ? "\n" : "", INDENT, "", field_text(one, "role"));
            role = field_text(one, "role");
        }
        mark = screen_mark(screen);
        screen_printf(screen, " %s%s", value, field_is(one, "indicator") ? _(" (for detection)") : "");
        screen_field_indented(screen, mark, INDENT);
        free(value);
    }
    screen_text(screen, "\n");
}

static void show_connection(struct screen *screen, const json_t *item)
{
    int64_t from = field_number(item, "source_port", -1), to = field_number(item, "target_port", -1);

    if (from < 0 && to < 0 && !field_text(item, "protocol"))
        return;
    screen_printf(screen, "%*s", INDENT - 1, "");
    if (field_text(item, "protocol")) {
        screen_text(screen, " ");
        screen_outside(screen, field_text(item, "protocol"));
    }
    if (from >= 0)
        screen_printf(screen, _(" from port %lld"), (long long)from);
    if (to >= 0)
        screen_printf(screen, _(" to port %lld"), (long long)to);
    screen_text(screen, "\n");
}

static void show_kept(struct screen *screen, const json_t *item)
{
    const char *name;
    json_t *value;
    struct buf text;

    buf_init(&text, VALUES_MAX);
    json_object_foreach((json_t *)field_object(item, "extra"), name, value)
    {
        buf_printf(&text, "%s%s=%s", text.size ? "  " : "", name, json_string_value(value));
    }
    if (field_text(item, "description"))
        buf_printf(&text, "%s%s", text.size ? "  " : "", field_text(item, "description"));
    if (text.size) {
        screen_printf(screen, _("%*skept "), INDENT, "");
        screen_value_line(screen, buf_text(&text), true, INDENT + 2);
    }
    buf_clear(&text);
}

static void show_observation(struct screen *screen, const json_t *item)
{
    char when[PHRASE_SIZE] = "";
    int64_t time = field_time(item, "time"), times = field_number(item, "count", 1);

    if (time != TIMESTAMP_NONE)
        screen_when(screen, time, when);
    screen_printf(screen, "\n%s  %s", *when ? when : _("without a time"), field_or(item, "class", _("no class")));
    if (field_text(item, "class_claim") && !str_equal(field_text(item, "class_claim"), field_text(item, "class"))) {
        screen_text(screen, _("  as they say: "));
        screen_value(screen, field_text(item, "class_claim"), 40);
    }
    if (times > 1)
        screen_printf(screen, _("  %lld times"), (long long)times);
    screen_text(screen, "\n");
    show_values(screen, item);
    show_connection(screen, item);
    show_kept(screen, item);
}

static void show_rejected(struct screen *screen, const json_t *answer)
{
    const json_t *list = field_list(answer, "rejected");
    size_t shown = 0;

    for (; shown < json_array_size(list) && shown < REJECTED_SHOWN; shown++) {
        const json_t *item = json_array_get(list, shown);
        screen_printf(screen, "%*s%s: ", INDENT, "", field_or(item, "at", "-"));
        screen_outside(screen, field_text(item, "error"));
        screen_text(screen, "\n");
    }
    if (field_number(answer, "rejected_total", 0) > (int64_t)shown)
        screen_printf(screen, _("      … and %lld more\n"), (long long)(field_number(answer, "rejected_total", 0) - (int64_t)shown));
}

static void render(struct screen *screen, const json_t *answer, const void *context)
{
    const json_t *list = field_list(answer, "observations");
    int64_t rows = field_number(answer, "rows", 0);
    char count[PHRASE_SIZE], bad[PHRASE_SIZE], values[PHRASE_SIZE];

    UNUSED(context);
    screen_number(screen, rows, count);
    screen_number(screen, field_number(answer, "rejected_total", 0), bad);
    screen_number(screen, field_number(answer, "indicators", 0), values);
    screen_printf(screen, ngettext("%s observation", "%s observations", (unsigned long)rows), count);
    screen_printf(screen, _(", %s rejected, %s values for detection   "), bad, values);
    screen_tlp(screen, field_text(answer, "tlp"));
    screen_text(screen, "\n");
    show_rejected(screen, answer);
    for (size_t i = 0; i < json_array_size(list); i++)
        show_observation(screen, json_array_get(list, i));
    if (rows > (int64_t)json_array_size(list))
        screen_printf(screen, _("\nfirst %zu of %s; more with --limit N\n"), json_array_size(list), count);
}

/* --- the command --- */

static int tell(struct session *session, struct trial *trial)
{
    json_t *answer =
        json_pack("{s:I, s:I, s:O}", "rows", trial->rows, "indicators", trial->indicators, "observations", trial->observations);

    json_object_update(answer, trial->head);
    /* Nothing was read: whoever has this in a script wants to know. */
    if (!trial->rows && field_number(answer, "rejected_total", 0) > 0)
        session->exit_code = EXIT_NOT_ACCEPTED;
    session_print(session, answer, render, NULL);
    json_decref(answer);
    return session->exit_code;
}

static int try_file(struct session *session, FILE *file, const char *name, const char *mapping, const char *path, int64_t most)
{
    struct trial trial = {.observations = json_array(), .shown_most = (size_t)most, .head = json_object()};
    struct err err = {0};

    if (read_csv(file, mapping, &trial, &err))
        tell(session, &trial);
    else {
        /* A fault of the mapping is on a line of its file, not of the list. */
        err_context(&err, "%s", str_starts(err.text, "the mapping: ") ? path : name);
        session_fail_err(session, EXIT_NOT_ACCEPTED, NULL, &err);
    }
    json_decref(trial.observations);
    json_decref(trial.head);
    return session->exit_code;
}

int mapping_cmd_try(struct session *session)
{
    const char *name = session_operand(session, 0), *path = options_text(&session->options, "file");
    const char *limit = options_text(&session->options, "limit");
    struct err err = {0};
    int64_t most = SHOWN;
    FILE *file;

    if (!path)
        return session_fail(session, EXIT_USAGE, "cirt mapping try list.csv --file list.mapping", _("--file says which mapping to try"));
    if (limit && !str_to_int64(limit, 1, SHOWN_MOST, &most))
        return session_fail(session, EXIT_USAGE, NULL, _("--limit takes a number from 1 to %d, not '%s'"), SHOWN_MOST, limit);
    char *mapping = file_text(path, &err);
    if (!mapping)
        return session_fail_err(session, EXIT_USAGE, NULL, &err);
    file = str_equal(name, "-") ? stdin : fopen(name, "rb");
    if (file)
        try_file(session, file, name, mapping, path, most);
    else
        session_fail(session, EXIT_USAGE, NULL, _("%s cannot be read: %s"), name, strerror(errno));
    if (file && file != stdin)
        fclose(file);
    free(mapping);
    return session->exit_code;
}
