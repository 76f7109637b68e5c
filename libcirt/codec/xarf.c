#include "codec/xarf.h"

#include <string.h>

#include "base/str.h"
#include "codec/json_peek.h"

static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(hints);
    if (json_peek_has(bytes, size, "xarf_version"))
        return 95;
    return json_peek_has(bytes, size, "ReporterInfo") && json_peek_has(bytes, size, "Version") ? 90 : 0;
}

bool xarf_fail(const struct json_place *place, const char *name, struct err *err, const char *text)
{
    struct json_place here = {.up = place, .name = name};
    return json_value_fail(&here, ERR_INPUT, err, "%s", text);
}

static bool add_guessed(const struct json_take *take, enum sighting_role role, const json_t *value)
{
    const char *text = json_string_value(value);
    return text && report_add_guessed(take->report, take->observation, role, text);
}

size_t xarf_take_guessed(const struct json_take *take, const char *name, enum sighting_role role)
{
    json_t *value = json_object_get(take->object, name), *item;
    size_t added = 0, i;
    if (json_is_array(value)) {
        json_array_foreach(value, i, item) added += add_guessed(take, role, item);
        if (added && added == json_array_size(value))
            json_object_del(take->object, name);
        return added;
    }
    added = add_guessed(take, role, value);
    if (added)
        json_object_del(take->object, name);
    return added;
}

static bool add_hash(const struct json_take *take, const char *algorithm, const char *digest)
{
    enum observable_type type;
    return digest && observable_type_parse(algorithm, &type) && type >= OBSERVABLE_MD5 && type <= OBSERVABLE_SHA512 &&
           report_add_sighting(take->report, take->observation, type, ROLE_OTHER, digest);
}

static void take_digests(const struct json_take *take, json_t *digests)
{
    static const char *const algorithms[] = {"md5", "sha1", "sha256", "sha512"};
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
        if (add_hash(take, algorithms[i], json_string_value(json_object_get(digests, algorithms[i]))))
            json_object_del(digests, algorithms[i]);
}

void xarf_take_hash(const struct json_take *take, const char *name)
{
    json_t *value = json_object_get(take->object, name);
    if (json_is_object(value))
        take_digests(take, value);
    else if (json_is_string(value) &&
             report_add_sighting(take->report, take->observation, OBSERVABLE_SHA256, ROLE_OTHER, json_string_value(value)))
        json_object_del(take->object, name);
}

enum { LOOK_AT = 500 }; /* where each is compared with each */

void xarf_unique(struct observation *observation)
{
    size_t kept = 0;
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *s = &observation->sightings[i];
        size_t k = kept > LOOK_AT ? kept : 0;
        while (k < kept && !(observation->sightings[k].type == s->type && observation->sightings[k].role == s->role &&
                             str_equal(observation->sightings[k].value, s->value)))
            k++;
        if (k == kept)
            observation->sightings[kept++] = *s;
    }
    observation->sighting_count = kept;
}

static bool is_hurt(const struct observation *observation, const struct sighting *sighting)
{
    for (size_t i = 0; i < observation->sighting_count && i < LOOK_AT; i++) {
        const struct sighting *s = &observation->sightings[i];
        if ((s->role == ROLE_TARGET || s->role == ROLE_VICTIM) && s->type == sighting->type && str_equal(s->value, sighting->value))
            return true;
    }
    return false;
}

void xarf_spare_targets(struct observation *observation)
{
    size_t kept = 0;
    for (size_t i = 0; i < observation->sighting_count; i++) {
        struct sighting sighting = observation->sightings[i];
        if (i >= LOOK_AT || sighting.role != ROLE_SOURCE || !is_hurt(observation, &sighting))
            observation->sightings[kept++] = sighting;
    }
    observation->sighting_count = kept;
}

const char *xarf_mail_domain(const char *address)
{
    const char *at = address ? strrchr(address, '@') : NULL;
    return at && at[1] ? at + 1 : NULL;
}

/* "tlp:amber" among the tags is a label. */
static void take_label(struct report *report, json_t *event)
{
    json_t *tags = json_object_get(event, "tags");
    for (size_t i = json_array_size(tags); i > 0; i--) {
        const char *tag = json_string_value(json_array_get(tags, i - 1));
        enum tlp label;
        if (!tag || !str_starts_nocase(tag, "tlp:"))
            continue;
        report->tlp = tlp_strictest(report->tlp, tlp_claimed(tag));
        if (tlp_parse(tag, &label))
            json_array_remove(tags, i - 1);
    }
}

static bool read_report(struct report *report, json_t *event, const struct json_place *place, struct err *err)
{
    if (!json_is_object(event))
        return json_value_fail(place, ERR_INPUT, err, "must be a report, an object");
    if (json_object_get(event, "xarf_version"))
        return xarf_v4_read(report, event, place, err);
    if (json_object_get(event, "Version"))
        return xarf_v3_read(report, event, place, err);
    return xarf_fail(place, "xarf_version", err, "is missing (nor is there a Version)");
}

/* Of several, one without a label is as we agreed with the sender: the wide ones of others do not widen it. */
static enum tlp joint_label(enum tlp before, enum tlp label)
{
    enum tlp strictest = tlp_strictest(before, label);
    bool is_settled = (before != TLP_NONE && label != TLP_NONE) || (strictest != TLP_NONE && strictest >= TLP_AMBER);
    return is_settled ? strictest : TLP_NONE;
}

static bool read_event(struct report *report, json_t *event, const struct json_place *place, struct err *err)
{
    enum tlp before = report->tlp;
    report->tlp = TLP_NONE;
    take_label(report, event); /* first: that of a report that is rejected counts too, since the bytes are kept as a whole */
    bool ok = read_report(report, event, place, err);
    report->is_partly_labelled = report->is_partly_labelled || report->tlp == TLP_NONE;
    if (place->index > 0)
        report->tlp = joint_label(before, report->tlp);
    return ok;
}

static bool decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints, struct report **out,
                   struct err *err)
{
    UNUSED(hints);
    return json_take_events(bytes, size, "xarf", limits, NULL, read_event, out, err);
}

const struct codec xarf_codec = {
    .name = "xarf",
    .media_type = "application/json",
    .standard = "X-ARF 4, 3 and 2",
    .summary = "X-ARF abuse reports in JSON, version 4, 3 and 2; one object or an array",
    .shape = CODEC_WHOLE,
    .probe = probe,
    .decode = decode,
    .encode = xarf_encode,
    .pieces = &xarf_pieces,
};
