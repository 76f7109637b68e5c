#include "cli/indicator_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/document.h"
#include "cli/field.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"
#include "codec/export.h"

/* BUFFER_MAX: of one page. */
enum { BUFFER_MAX = 256 * 1024 * 1024, REMARK_MAX = 64 * 1024 };

/* --- marking --- */

static json_t *values_of(const struct session *session)
{
    json_t *values = json_array();
    const char *operand;

    for (size_t i = 0; (operand = session_operand(session, i)); i++)
        json_array_append_new(values, json_string(operand));
    return values;
}

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static bool has_reason(struct session *session, const char *verb)
{
    if (!str_is_empty(options_text(&session->options, "message")))
        return true;
    session_fail(session, EXIT_USAGE, NULL, _("a reason is needed: cirt indicator %s VALUE -m WHY"), verb);
    return false;
}

/* --until and --confidence into the body. */
static bool add_times(struct session *session, json_t *body)
{
    const char *until = options_text(&session->options, "until"), *confidence = options_text(&session->options, "confidence");
    char when[TIMESTAMP_TEXT_SIZE];
    int64_t moment, number;

    if (until && !phrase_read(until, session->printer.screen.now, true, &moment)) {
        session_fail(session, EXIT_USAGE, _("for example 30d, friday, 2026-12-01"), _("--until does not understand '%s'"), until);
        return false;
    }
    if (confidence && !str_to_int64(confidence, 0, 100, &number)) {
        session_fail(session, EXIT_USAGE, NULL, _("--confidence takes a number from 0 to 100, not '%s'"), confidence);
        return false;
    }
    if (until) {
        timestamp_format(moment, when);
        json_object_set_new(body, "until", json_string(when));
    }
    if (confidence)
        json_object_set_new(body, "confidence", json_integer(number));
    return true;
}

int indicator_cmd_add(struct session *session)
{
    const struct options *options = &session->options;
    const char *name = options_text(options, "case");
    json_t *body, *answer;

    if (!has_reason(session, "add"))
        return session->exit_code;
    if (!name)
        return session_fail(session, EXIT_USAGE, NULL, _("an indicator is marked in a case: --case N"));
    body = json_pack("{s:o, s:s, s:o, s:o, s:o, s:s}", "values", values_of(session), "case", name, "type",
                     text_or_null(options_text(options, "type")), "role", text_or_null(options_text(options, "role")), "tlp",
                     text_or_null(options_text(options, "tlp")), "reason", options_text(options, "message"));
    if (!add_times(session, body)) {
        json_decref(body);
        return session->exit_code;
    }
    answer = session_post(session, mem_strdup("/v1/indicators"), body, -1);
    if (answer)
        session_done(session, answer, _("case %s: %zu marked, %s; undo: cirt indicator rm VALUE -m WHY"), name,
                     json_array_size(field_list(answer, "items")), field_or(json_array_get(field_list(answer, "items"), 0), "tlp", "-"));
    json_decref(answer);
    return session->exit_code;
}

int indicator_cmd_rm(struct session *session)
{
    json_t *answer;

    if (!has_reason(session, "rm"))
        return session->exit_code;
    answer =
        session_post(session, mem_strdup("/v1/indicators/withdraw"),
                     json_pack("{s:o, s:o, s:s}", "values", values_of(session), "type",
                               text_or_null(options_text(&session->options, "type")), "reason", options_text(&session->options, "message")),
                     -1);
    if (answer)
        session_done(session, answer,
                     ngettext("%zu value is no longer an indicator, whoever marked it",
                              "%zu values are no longer indicators, whoever marked them", json_array_size(field_list(answer, "items"))),
                     json_array_size(field_list(answer, "items")));
    json_decref(answer);
    return session->exit_code;
}

/* --- lists and documents --- */

struct exporting {
    struct session *session;
    const struct export_format *format;
    struct output output;
    struct buf bytes, behind, lost;
    struct export_writer writer; /* of a list */
    struct report *report;       /* the head of a document; what could not be written counts as its rejections */
    struct report *page;         /* of a case: all its values */
    struct statements *together; /* of page */
    struct document document;
    struct err err;
};

static const struct export_format *format_of(struct session *session, bool for_case)
{
    const char *name = options_text(&session->options, "format");
    const struct export_format *format = export_find(name);
    struct buf names;

    if (format)
        return format;
    buf_init(&names, 1024);
    for (size_t i = 0; i < export_format_count; i++)
        if (!for_case || !export_formats[i].is_block_list)
            buf_printf(&names, "%s%s", names.size ? " " : "", export_formats[i].name);
    if (name)
        session_fail(session, EXIT_USAGE, buf_text(&names), _("'%s' is no format"), name);
    else
        session_fail(session, EXIT_USAGE, buf_text(&names), _("as what? --format F"));
    buf_clear(&names);
    return NULL;
}

static bool sid_of(struct session *session, int64_t *sid)
{
    const char *text = options_text(&session->options, "sid");

    *sid = 0;
    if (!text || str_to_int64(text, EXPORT_SID_FIRST, EXPORT_SID_LAST, sid))
        return true;
    session_fail(session, EXIT_USAGE, NULL, _("--sid takes a number from %d to %d, not '%s'"), EXPORT_SID_FIRST, EXPORT_SID_LAST, text);
    return false;
}

static enum tlp label_of(const json_t *answer)
{
    enum tlp label = TLP_NONE;
    const char *text = field_text(answer, "tlp");

    return text && tlp_parse(text, &label) ? label : TLP_NONE;
}

static bool flush(struct exporting *job)
{
    return output_write(&job->output, &job->bytes, &job->err) && output_write_behind(&job->output, &job->behind, &job->err);
}

static struct codec_out out_of(struct exporting *job)
{
    return (struct codec_out){.now = &job->bytes, .behind = &job->behind};
}

/* The page goes. */
static bool write_page(struct exporting *job, struct report **taken)
{
    const struct codec_out out = out_of(job);
    struct report *page = *taken;
    bool ok;

    *taken = NULL;
    if (job->format->codec) {
        ok = document_add_page(&job->document, page, &out, &job->err);
    } else {
        ok = export_report(&job->writer, page, &job->bytes, &job->err);
        job->report->rejected_total += page->rejected_total;
    }
    report_free(page);
    if (ok && (job->bytes.full || job->behind.full))
        ok = err_set(&job->err, ERR_LIMIT, _("a page of the document is larger than %d bytes"), BUFFER_MAX);
    return ok && flush(job);
}

static bool take_page(struct exporting *job, const json_t *items, const char *team)
{
    struct report *page = document_new(team, NULL, NULL, TIMESTAMP_NONE);

    for (size_t i = 0; i < json_array_size(items); i++)
        if (!document_add_indicator(page, json_array_get(items, i)))
            page->rejected_total++;
    return write_page(job, &page);
}

/* Each a report of its own, under its own label. */
static bool take_lines(struct exporting *job, const json_t *items, const char *team)
{
    bool ok = true;

    for (size_t i = 0; ok && i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        struct report *line = document_new(team, NULL, field_text(item, "tlp"), TIMESTAMP_NONE);
        if (document_add_indicator(line, item))
            ok = job->format->codec->encode(line, &job->bytes, &job->err);
        else
            job->report->rejected_total++;
        report_free(line);
    }
    return ok && flush(job);
}

typedef bool take_items(struct exporting *job, const json_t *items, const char *team);

/* All pages of the list at path, which is this function's. */
static bool take_pages(struct exporting *job, char *path, take_items *take, const char *team)
{
    char *cursor = mem_strdup("");
    bool ok = true;

    while (ok && cursor) {
        json_t *page = session_get(job->session, url_with(mem_strdup(path), "cursor", cursor));
        free(cursor);
        cursor = page && field_text(page, "next") ? mem_strdup(field_text(page, "next")) : NULL;
        ok = page && take(job, field_list(page, "items"), team);
        json_decref(page);
    }
    free(cursor);
    free(path);
    return ok;
}

static bool finish(struct exporting *job)
{
    const struct codec_out out = out_of(job);

    if (job->document.writer && !document_finish(&job->document, &out, &job->lost, &job->err))
        return false;
    return flush(job) && output_finish(&job->output, &job->err);
}

/* "; 3 have no place in rpz (2 sha256, 1 email)" */
static void add_left_out(struct buf *to, const struct export_writer *writer)
{
    const char *between = "";

    if (!writer->left_out)
        return;
    buf_printf(to, ngettext("; %zu has no place in %s (", "; %zu have no place in %s (", writer->left_out), writer->left_out,
               writer->format->name);
    for (int type = OBSERVABLE_IPV4; type < OBSERVABLE_TYPE_COUNT; type++) {
        if (!writer->left_out_type[type])
            continue;
        buf_printf(to, "%s%zu %s", between, writer->left_out_type[type], observable_type_name((enum observable_type)type));
        between = ", ";
    }
    buf_add_char(to, ')');
}

static void add_withheld(struct buf *to, const json_t *head)
{
    static const struct {
        const char *name, *text;
    } reasons[] = {
        {"label", N_("by their label (--tlp)")},      {"known_good", N_("known to be good (cirt warninglist ls)")},
        {"personal", N_("that name persons")},        {"victim", N_("that are a victim's or target's elsewhere (cirt find)")},
        {"pap", N_("that may not be blocked (PAP)")},
    };
    const json_t *withheld = field_object(head, "withheld");
    const char *between = _("; withheld: ");

    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        int64_t count = field_number(withheld, reasons[i].name, 0);
        if (count == 0)
            continue;
        buf_printf(to, "%s%lld %s", between, (long long)count, _(reasons[i].text));
        between = ", ";
    }
}

static void tell_export(const struct exporting *job, const json_t *head)
{
    const char *label = tlp_label(label_of(head));
    struct buf text;

    buf_init(&text, REMARK_MAX);
    /* The losses of a document count what it rejects, too. */
    size_t lost = job->document.writer ? job->document.losses.values : job->report->rejected_total;
    int64_t count = field_number(head, "count", 0) - (int64_t)(job->writer.left_out + lost);
    buf_printf(&text, ngettext("%lld indicator as %s%s%s", "%lld indicators as %s%s%s", (unsigned long)count), (long long)count,
               job->format->name, *label ? ", " : "", label);
    add_withheld(&text, head);
    add_left_out(&text, &job->writer);
    if (job->lost.size)
        buf_printf(&text, _("; %s does not carry %s"), job->format->name, buf_text(&job->lost));
    screen_remark("%s", buf_text(&text));
    buf_clear(&text);
}

static void clear(struct exporting *job)
{
    document_clear(&job->document);
    output_close(&job->output);
    buf_clear(&job->bytes);
    buf_clear(&job->behind);
    buf_clear(&job->lost);
    statements_free(job->together);
    report_free(job->page);
    report_free(job->report);
}

/* Told where nobody has told yet. */
static int end(struct exporting *job, bool ok)
{
    if (!ok && job->session->exit_code == EXIT_DONE)
        session_fail_err(job->session, EXIT_REFUSED,
                         job->err.code == ERR_LIMIT ? _("take csv, or of indicators ndjson, a block list, or a narrower filter") : NULL,
                         &job->err);
    if (!ok && !job->output.path && job->output.has_written && !job->session->has_json)
        fputs(_("what went to standard output is not whole\n"), stderr);
    clear(job);
    return job->session->exit_code;
}

static bool start(struct exporting *job, struct session *session, const struct export_format *format)
{
    *job = (struct exporting){.session = session, .format = format};
    buf_init(&job->bytes, BUFFER_MAX);
    buf_init(&job->behind, BUFFER_MAX);
    buf_init(&job->lost, 1024);
    return output_open(&job->output, options_text(&session->options, "out"), &job->err);
}

static bool write_export(struct exporting *job, const json_t *head, int64_t sid)
{
    const struct export_head list = {
        .team = field_text(head, "team"), .tlp = label_of(head), .time = field_time(head, "made"), .sid_first = sid};
    bool is_lines = job->format->codec && job->format->codec->shape == CODEC_LINES;

    if (!job->format->codec)
        export_begin(&job->writer, job->format, &list, &job->bytes);
    job->report = document_new(list.team, field_text(head, "export"), field_text(head, "tlp"), list.time);
    document_set_domain(job->report, field_text(head, "domain"));
    job->report->is_list = true;
    job->report->summary = arena_printf(job->report->arena, "Indicators of %s", list.team ? list.team : "-");
    job->document = (struct document){.codec = job->format->codec, .head = job->report};
    return take_pages(job, url_path("/v1/exports/{}", field_or(head, "export", "")), is_lines ? take_lines : take_page, list.team) &&
           finish(job);
}

/* The list, made part by part; NULL with the error told. */
static json_t *make_export(struct session *session, const char *format)
{
    struct progress progress;
    json_t *head = session_post(session, mem_strdup("/v1/exports"),
                                json_pack("{s:s, s:s, s:o}", "q", options_joined(&session->options, 0), "format", format, "tlp",
                                          text_or_null(options_text(&session->options, "tlp"))),
                                -1);

    progress_start(&progress, _("looked at"));
    while (head && field_is(head, "more")) {
        char *path = url_path("/v1/exports/{}/more", field_or(head, "export", ""));
        progress_step(&progress, field_number(head, "looked_at", 0), field_number(head, "of", 0));
        json_decref(head);
        head = session_post(session, path, json_object(), -1);
    }
    progress_end(&progress);
    return head;
}

int indicator_cmd_export(struct session *session)
{
    const struct export_format *format = format_of(session, false);
    struct exporting job;
    json_t *head = NULL;
    int64_t sid;
    bool ok;

    if (!format || !sid_of(session, &sid))
        return session->exit_code;
    ok = start(&job, session, format);
    if (ok)
        head = make_export(session, format->name);
    ok = head && write_export(&job, head, sid);
    if (ok)
        tell_export(&job, head);
    json_decref(head);
    return end(&job, ok);
}

/* --- a case --- */

static struct report *new_page(const struct exporting *job, const char *team)
{
    struct report *page = document_new(team, NULL, tlp_name(job->report->tlp), TIMESTAMP_NONE);

    page->class_name = job->report->class_name;
    return page;
}

/* Into a list at once. */
static bool take_listed(struct exporting *job, const json_t *items, const char *team)
{
    job->page = new_page(job, team);
    for (size_t i = 0; i < json_array_size(items); i++)
        document_add_observable(job->page, json_array_get(items, i));
    return write_page(job, &job->page);
}

/* A document of a case is one piece: what stood together may come with several pages. */
static bool take_told(struct exporting *job, const json_t *items, const char *team)
{
    if (!job->page) {
        job->page = new_page(job, team);
        job->together = statements_new(job->page);
    }
    for (size_t i = 0; i < json_array_size(items); i++)
        document_add_statements(job->page, job->together, json_array_get(items, i));
    return job->page->observation_count <= codec_limits_default.observations_max ||
           err_set(&job->err, ERR_LIMIT, _("more than %zu statements in one document"), codec_limits_default.observations_max);
}

static bool write_case(struct exporting *job, const json_t *answer, const json_t *me)
{
    const char *team = field_text(me, "prefix");
    const struct export_head head = {.team = team, .tlp = job->report->tlp, .time = timestamp_now()};
    char *path = url_path("/v1/cases/{}/observables", field_or(answer, "id", ""));
    bool is_list = !job->format->codec, ok;

    job->document = (struct document){.codec = job->format->codec, .head = job->report};
    if (is_list) {
        export_begin(&job->writer, job->format, &head, &job->bytes);
        buf_printf(&job->lost, "%s", _("the case's id, summary and notes"));
    }
    ok = is_list ? take_pages(job, path, take_listed, team) : take_pages(job, url_with(path, "statements", "1"), take_told, team);
    if (ok && job->together)
        statements_finish(job->together);
    return ok && (!job->page || write_page(job, &job->page)) && finish(job);
}

int indicator_cmd_show_case(struct session *session)
{
    const struct export_format *format = format_of(session, true);
    json_t *answer = NULL, *me = NULL;
    struct exporting job;
    bool ok;

    if (!format)
        return session->exit_code;
    if (format->is_block_list)
        return session_fail(session, EXIT_USAGE, "cirt indicator export --format ...", _("a case is no %s"), format->name);
    ok = start(&job, session, format);
    if (ok && (answer = session_get(session, url_path("/v1/cases/{}", session_operand(session, 0)))))
        me = session_get(session, mem_strdup("/v1/me"));
    ok = answer && me;
    if (ok) {
        job.report = document_of_case(answer, field_text(me, "prefix"));
        document_set_domain(job.report, field_text(me, "domain"));
        ok = write_case(&job, answer, me);
    }
    if (ok && job.lost.size)
        screen_remark(_("%s does not carry %s"), format->name, buf_text(&job.lost));
    json_decref(answer);
    json_decref(me);
    return end(&job, ok);
}
