#include "codec/mail_attachment.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "codec/gather.h"
#include "codec/mail_arf.h"
#include "codec/mail_xarf.h"
#include "model/tlp.h"

/* What one attachment gives to the mail's report. */
struct taking {
    struct report *report;
    const char *path;
    size_t observations_max, observation_count, report_count;
};

static void reject(struct taking *taking, const char *at, const char *text)
{
    char place[200];
    snprintf(place, sizeof place, "part %s%s%s", taking->path, at && *at ? ": " : "", at ? at : "");
    report_reject(taking->report, place, text);
}

/* Whoever may read the mail may read what is attached to it: what nobody could read binds by what it calls itself. */
static void keep_red(struct report *report, const char *bytes, size_t size)
{
    if (report->tlp != TLP_RED && tlp_red_in_bytes(bytes, size))
        report->tlp = TLP_RED;
}

/* A wide label is that of the values, not of the mail, which says more than what is attached to it. */
static void keep_label(struct report *report, enum tlp label)
{
    struct observation *observation = &report->observations[report->observation_count - 1];
    for (size_t i = 0; label < TLP_AMBER && i < observation->sighting_count; i++)
        if (observation->sightings[i].tlp == TLP_NONE)
            observation->sightings[i].tlp = label;
}

static bool take_observations(struct taking *taking, const struct report *from, struct err *err)
{
    if (taking->report->observation_count + from->observation_count > taking->observations_max)
        return err_set_at(err, ERR_LIMIT, "", "more than %zu observations", taking->observations_max);
    for (size_t i = 0; i < from->observation_count; i++) {
        gather_observation(taking->report, &from->observations[i]);
        keep_label(taking->report, from->tlp);
    }
    taking->observation_count += from->observation_count;
    return true;
}

static void take_head(struct taking *taking, const struct report *from)
{
    struct report *report = taking->report;
    if (!report->class_claim && from->class_claim) {
        report->class_claim = arena_strdup(report->arena, from->class_claim);
        report->class_name = arena_strdup(report->arena, from->class_name);
    }
    if (from->tlp >= TLP_AMBER)
        report->tlp = tlp_strictest(report->tlp, from->tlp);
}

static void take_rejections(struct taking *taking, const struct report *from)
{
    for (size_t i = 0; i < from->rejection_count; i++)
        reject(taking, from->rejections[i].at, from->rejections[i].text);
    taking->report->rejected_total += from->rejected_total - from->rejection_count;
}

static bool on_line(void *context, struct report *from, size_t first_line, const char *bytes, size_t size, struct err *err)
{
    struct taking *taking = context;
    UNUSED(first_line), UNUSED(bytes), UNUSED(size);
    taking->report_count++;
    take_head(taking, from);
    return take_observations(taking, from, err);
}

static bool on_bad_line(void *context, const struct err *why, size_t line, const char *bytes, size_t size, struct err *err)
{
    struct taking *taking = context;
    UNUSED(line), UNUSED(err);
    reject(taking, why->at, why->text);
    keep_red(taking->report, bytes, size);
    return true;
}

static bool take_lines(struct taking *taking, const struct codec *codec, const struct mail_attachment *attachment,
                       const struct codec_limits *limits, const struct codec_hints *hints, struct err *err)
{
    struct codec_sink sink = {.context = taking, .on_report = on_line, .on_bad_line = on_bad_line};
    struct codec_stream *stream = codec->open(limits, hints, &sink);
    bool ok = codec->feed(stream, attachment->bytes, attachment->size, err) && codec->finish(stream, err);
    codec->close(stream);
    return ok;
}

static bool take_document(struct taking *taking, const struct codec *codec, const struct mail_attachment *attachment,
                          const struct codec_limits *limits, const struct codec_hints *hints, struct err *err)
{
    struct report *from = NULL;
    if (!codec_decode(codec, attachment->bytes, attachment->size, limits, hints, &from, err))
        return false;
    taking->report_count = 1;
    bool ok = take_observations(taking, from, err);
    if (ok) {
        take_head(taking, from);
        take_rejections(taking, from);
    }
    report_free(from);
    return ok;
}

static const struct codec *find_codec(const struct mail_attachment *attachment, const struct codec_hints *hints)
{
    if (str_equal(attachment->type, mail_arf_codec.media_type))
        return &mail_arf_codec;
    const struct codec *codec = codec_probe(attachment->bytes, attachment->size, hints);
    if ((!codec || str_equal(codec->name, "mail")) && mail_xarf_is(attachment->bytes, attachment->size))
        return &mail_xarf_codec;
    if (!codec)
        codec = codec_find_media_type(hints->media_type);
    /* A mail in a mail is read as part of it. */
    return codec && str_equal(codec->name, "mail") ? NULL : codec;
}

void mail_attachment_unread(const struct mail_attachment *attachment, struct report *report)
{
    keep_red(report, attachment->bytes, attachment->size);
    if (attachment->name)
        keep_red(report, attachment->name, strlen(attachment->name));
}

json_t *mail_attachment_read(const struct mail_attachment *attachment, const struct codec_limits *limits, struct report *report)
{
    struct codec_hints hints = {.name = attachment->name, .media_type = attachment->type};
    struct taking taking = {.report = report, .path = attachment->path, .observations_max = limits->observations_max};
    const struct codec *codec = find_codec(attachment, &hints);
    if (!codec)
        return NULL;
    struct err err;
    err_clear(&err);
    bool ok = codec->shape == CODEC_LINES ? take_lines(&taking, codec, attachment, limits, &hints, &err)
                                          : take_document(&taking, codec, attachment, limits, &hints, &err);
    if (!ok) {
        reject(&taking, err.at, err.text);
        mail_attachment_unread(attachment, report);
    }
    return json_pack("{s:s, s:s, s:b, s:I}", "path", attachment->path, "format", codec->name, "accepted", ok, "observations",
                     (json_int_t)taking.observation_count);
}
