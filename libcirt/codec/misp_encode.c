#include "codec/misp_encode.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/json_value.h"
#include "codec/misp_attribute.h"
#include "codec/misp_tag.h"
#include "codec/sha256.h"
#include "model/rsit.h"

enum { UUID_SIZE = 37 };

struct codec_writer {
    const struct report *report;
    const char *info;
    json_t *extra;        /* the report's */
    struct arena *arena;  /* emptied with each observation */
    json_t *attributes;   /* of the observation */
    json_t *tags_written; /* in the list being written: their names as members */
    char uuid[UUID_SIZE];
    enum tlp label, pap; /* of the event: the strictest so far */
    size_t observation_count, attribute_count;
    /* of the observation being written */
    const struct observation *observation;
    size_t number, written; /* number from 1, 0 for the report itself; attributes written of it */
    const char *first_uuid; /* that its first attribute had in MISP, or NULL */
    bool source_port_written, target_port_written;
};

/* --- names --- */

static bool is_uuid(const char *text)
{
    if (!text || strlen(text) != UUID_SIZE - 1)
        return false;
    for (size_t i = 0; text[i]; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

/* The same name gives the same UUID, so that a second export of a report updates the first. */
static void name_uuid(const char *name, char uuid[UUID_SIZE])
{
    char hex[SHA256_HEX_SIZE];
    sha256_hex(name, strlen(name), hex);
    snprintf(uuid, UUID_SIZE, "%.8s-%.4s-5%.3s-8%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
}

static void set_text(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, json_string(text ? text : ""));
}

static void set_number(json_t *object, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    set_text(object, name, text);
}

/* --- tags --- */

static json_t *start_tag_list(struct codec_writer *writer)
{
    json_object_clear(writer->tags_written);
    return json_array();
}

static void add_tag(struct codec_writer *writer, json_t *tags, const char *name)
{
    if (json_object_get(writer->tags_written, name))
        return;
    json_object_set_new(writer->tags_written, name, json_true());
    json_array_append_new(tags, json_pack("{sssb}", "name", name, "exportable", 1));
}

static void add_own_tag(struct codec_writer *writer, json_t *tags, const char *name, const char *value)
{
    if (!str_is_empty(value))
        add_tag(writer, tags, arena_printf(writer->arena, MISP_TAG_OWN "%s=\"%s\"", name, value));
}

static void add_own_number(struct codec_writer *writer, json_t *tags, const char *name, int64_t number)
{
    add_own_tag(writer, tags, name, arena_printf(writer->arena, "%lld", (long long)number));
}

/* The class as everybody knows it, and beside it the word of who named it. */
static void add_class(struct codec_writer *writer, json_t *tags, const char *claim, const char *name)
{
    bool is_test = str_equal(name, RSIT_TEST); /* a tag for tests marks nothing when it is read */
    const char *slash = name ? strchr(name, '/') : NULL;
    const char *tag = slash && !is_test ? arena_printf(writer->arena, "rsit:%.*s=\"%s\"", (int)(slash - name), name, slash + 1) : NULL;
    if (tag)
        add_tag(writer, tags, tag);
    if (claim || is_test)
        add_own_tag(writer, tags, "class", claim ? claim : name);
}

static bool is_local(const json_t *tag)
{
    bool is_set;
    return !misp_attribute_flag(tag, "local", &is_set) || is_set;
}

/* Takes the tags that must not leave out of whatever MISP left in extra. */
static void strip_local_tags(json_t *value)
{
    const char *name;
    json_t *member;
    size_t index;
    json_t *tags = json_is_object(value) ? json_object_get(value, "Tag") : NULL;
    if (json_is_array(tags)) {
        json_t *left = json_array();
        json_array_foreach(tags, index, member)
        {
            if (!is_local(member))
                json_array_append(left, member);
        }
        json_object_set_new(value, "Tag", left);
    }
    json_array_foreach(value, index, member)
    {
        strip_local_tags(member);
    }
    json_object_foreach(value, name, member)
    {
        strip_local_tags(member);
    }
}

static json_t *load_extra(const char *extra)
{
    json_t *value = extra ? json_loads(extra, 0, NULL) : NULL;
    strip_local_tags(value);
    return value;
}

/* --- attributes --- */

static json_t *new_attribute(struct codec_writer *writer, const char *type, const char *category, const char *value, bool to_ids)
{
    json_t *attribute = json_object();
    char uuid[UUID_SIZE];
    int64_t time = writer->observation ? writer->observation->time : TIMESTAMP_NONE;
    bool is_first = writer->written++ == 0;
    if (is_first && writer->first_uuid)
        snprintf(uuid, sizeof uuid, "%s", writer->first_uuid);
    else
        name_uuid(arena_printf(writer->arena, "%s %zu %zu", writer->uuid, writer->number, writer->written), uuid);
    set_text(attribute, "uuid", uuid);
    set_text(attribute, "id", "0");
    set_text(attribute, "event_id", "0");
    set_text(attribute, "type", type);
    set_text(attribute, "category", category);
    json_object_set_new(attribute, "to_ids", json_boolean(to_ids));
    set_text(attribute, "distribution", "5");
    set_text(attribute, "sharing_group_id", "0");
    set_number(attribute, "timestamp", (time == TIMESTAMP_NONE ? writer->report->time : time) / TIMESTAMP_SECOND);
    json_object_set_new(attribute, "deleted", json_false());
    json_object_set_new(attribute, "disable_correlation", json_false());
    set_text(attribute, "comment", is_first && writer->observation ? writer->observation->description : NULL);
    set_text(attribute, "value", value);
    json_array_append_new(writer->attributes, attribute);
    return attribute;
}

/* A moment that "timestamp" cannot say to the microsecond. */
static bool needs_time_tag(int64_t time)
{
    return time != TIMESTAMP_NONE && (time % TIMESTAMP_SECOND || time < TIMESTAMP_SECOND || time / TIMESTAMP_SECOND > INT32_MAX);
}

static void add_observation_tags(struct codec_writer *writer, json_t *tags)
{
    const struct observation *observation = writer->observation;
    char time[TIMESTAMP_TEXT_SIZE];
    add_class(writer, tags, observation->class_claim, observation->class_name);
    if (observation->count != 1)
        add_own_number(writer, tags, "count", observation->count);
    add_own_tag(writer, tags, "protocol", observation->protocol);
    if (observation->source_port >= 0 && !writer->source_port_written)
        add_own_number(writer, tags, "source-port", observation->source_port);
    if (observation->target_port >= 0 && !writer->target_port_written)
        add_own_number(writer, tags, "target-port", observation->target_port);
    if (needs_time_tag(observation->time)) {
        timestamp_format(observation->time, time);
        add_own_tag(writer, tags, "time", time);
    }
}

/* Tags of one attribute: which observation, what its text is (NULL: what its type says), and on the first all of the observation's. */
static json_t *start_tags(struct codec_writer *writer, const char *is)
{
    json_t *tags = start_tag_list(writer);
    add_own_number(writer, tags, "observation", (int64_t)writer->number);
    add_own_tag(writer, tags, "is", is);
    if (writer->observation && writer->written == 1)
        add_observation_tags(writer, tags);
    return tags;
}

static void add_own_attribute(struct codec_writer *writer, const char *type, const char *value, const char *is)
{
    json_t *attribute = new_attribute(writer, type, "Other", value, false);
    json_object_set_new(attribute, "Tag", start_tags(writer, is));
}

static void add_extra(struct codec_writer *writer, json_t *extra)
{
    struct buf text;
    buf_init(&text, SIZE_MAX / 2);
    if (json_object_size(extra) && json_value_write(extra, &text))
        add_own_attribute(writer, "other", buf_text(&text), "extra");
    buf_clear(&text);
}

/* "ip-dst|port" where MISP can say the port with the address: on the first attribute only, which has the tags for what is left. */
static const char *with_port(struct codec_writer *writer, const struct sighting *sighting, const char *type, const char **value)
{
    const struct observation *observation = writer->observation;
    bool is_address = sighting->type == OBSERVABLE_IPV4 || sighting->type == OBSERVABLE_IPV6, is_source = str_equal(type, "ip-src");
    int port = is_source ? observation->source_port : observation->target_port;
    bool *is_written = is_source ? &writer->source_port_written : &writer->target_port_written;
    if (!is_address || !str_starts(type, "ip-") || port < 0 || writer->written)
        return type;
    *is_written = true;
    *value = arena_printf(writer->arena, "%s|%d", *value, port);
    return is_source ? "ip-src|port" : "ip-dst|port";
}

static void add_sighting(struct codec_writer *writer, const struct sighting *sighting)
{
    const struct misp_attribute_type *as = misp_attribute_type(sighting->type, sighting->role);
    const char *value = sighting->original ? sighting->original : sighting->value;
    char until[TIMESTAMP_TEXT_SIZE];
    if (sighting->type == OBSERVABLE_ASN)
        value = arena_printf(writer->arena, "AS%s", value);
    const char *type = with_port(writer, sighting, as->type, &value);
    json_t *attribute = new_attribute(writer, type, as->category, value, sighting->is_indicator && sighting->role != ROLE_VICTIM);
    json_t *tags = start_tags(writer, as->is_own ? "value" : NULL);
    if (as->is_own)
        add_own_tag(writer, tags, "type", observable_type_name(sighting->type));
    if (sighting->role != as->role)
        add_own_tag(writer, tags, "role", sighting_role_name(sighting->role));
    if (sighting->confidence >= 0)
        add_own_number(writer, tags, "confidence", sighting->confidence);
    if (sighting->valid_until != TIMESTAMP_NONE) {
        timestamp_format(sighting->valid_until, until);
        add_own_tag(writer, tags, "valid-until", until);
    }
    json_object_set_new(attribute, "Tag", tags);
}

static void add_observation(struct codec_writer *writer, const struct observation *observation, size_t number)
{
    json_t *extra = load_extra(observation->extra);
    const char *uuid = json_string_value(json_object_get(json_object_get(extra, "Attribute"), "uuid"));
    writer->observation = observation;
    writer->number = number;
    writer->written = 0;
    writer->first_uuid = is_uuid(uuid) ? uuid : NULL;
    writer->source_port_written = writer->target_port_written = false;
    for (size_t i = 0; i < observation->sighting_count; i++)
        add_sighting(writer, &observation->sightings[i]);
    if (!observation->sighting_count)
        add_own_attribute(writer, "comment", "an observation that names no value", "nothing");
    add_extra(writer, extra);
    writer->first_uuid = NULL;
    json_decref(extra);
}

/* --- the event --- */

/* One line that says what it is about. */
static const char *info_of(const struct report *report)
{
    if (!str_is_empty(report->summary))
        return report->summary;
    const char *text = report->description ? report->description : "";
    text += strspn(text, " \t\r\n\v\f");
    size_t size = strcspn(text, "\r\n");
    return size ? arena_strndup(report->arena, text, size) : "Report";
}

/* The event's label binds all that is in it, so it is the strictest of all; what has none is amber. */
static void take_labels(struct codec_writer *writer, const struct report *piece)
{
    enum tlp other = writer->report->tlp == TLP_NONE ? TLP_AMBER : writer->report->tlp;
    writer->pap = tlp_strictest(writer->pap, piece->pap);
    for (size_t i = 0; i < piece->observation_count; i++)
        for (size_t k = 0; k < piece->observations[i].sighting_count; k++) {
            enum tlp label = piece->observations[i].sightings[k].tlp;
            writer->label = tlp_strictest(writer->label, label == TLP_NONE ? other : label);
        }
}

static void name_event(struct codec_writer *writer)
{
    const struct report *report = writer->report;
    if (is_uuid(report->reference)) {
        snprintf(writer->uuid, sizeof writer->uuid, "%s", report->reference);
        return;
    }
    const char *issuer = report->reference_issuer ? report->reference_issuer : "";
    /* An event of its own: attributes of another part would take the places of those before. */
    const char *part = report->part > 1 ? arena_printf(writer->arena, " part %d", report->part) : "";
    name_uuid(report->reference ? arena_printf(writer->arena, "event %s %s%s", issuer, report->reference, part)
                                : arena_printf(writer->arena, "event %s %lld %s", issuer, (long long)report->time, writer->info),
              writer->uuid);
}

static void add_event_tags(struct codec_writer *writer, json_t *tags, const json_t *extra)
{
    const struct report *report = writer->report;
    const json_t *tag;
    size_t index;
    add_own_tag(writer, tags, "event", "1");
    add_tag(writer, tags, arena_printf(writer->arena, "tlp:%s", tlp_name(writer->label)));
    if (writer->pap != TLP_NONE) {
        char *name = arena_printf(writer->arena, "PAP:%s", tlp_name(writer->pap == TLP_AMBER_STRICT ? TLP_RED : writer->pap));
        for (char *c = name; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        add_tag(writer, tags, name);
    }
    add_class(writer, tags, report->class_claim, report->class_name);
    add_own_tag(writer, tags, "reference", report->reference);
    add_own_tag(writer, tags, "creator", report->creator_name);
    add_own_tag(writer, tags, "lang", report->lang);
    add_own_tag(writer, tags, "case-kind", report->case_kind);
    json_array_foreach(json_object_get(json_object_get(extra, "Event"), "Tag"), index, tag)
    {
        const char *name = json_string_value(json_object_get(tag, "name"));
        bool is_ours = name && (str_starts(name, MISP_TAG_OWN) || str_starts_nocase(name, "tlp:") || str_starts_nocase(name, "PAP:") ||
                                str_starts_nocase(name, "rsit:"));
        if (!str_is_empty(name) && !is_ours && !json_is_false(json_object_get(tag, "exportable")))
            add_tag(writer, tags, name);
    }
}

/* A level that MISP knows, where the event came from there. */
static const char *level_of(const json_t *extra, const char *name, const char *levels, const char *otherwise)
{
    const char *level = json_string_value(json_object_get(json_object_get(extra, "Event"), name));
    return level && strlen(level) == 1 && strchr(levels, *level) ? level : otherwise;
}

static void add_owner(json_t *event, const char *name, const json_t *extra)
{
    const char *known = json_string_value(json_object_get(json_object_get(json_object_get(extra, "Event"), "Orgc"), "uuid"));
    char uuid[UUID_SIZE];
    if (str_is_empty(name))
        return;
    if (is_uuid(known))
        snprintf(uuid, sizeof uuid, "%s", known);
    else
        name_uuid(name, uuid);
    json_object_set_new(event, "Orgc", json_pack("{ssss}", "name", name, "uuid", uuid));
}

static void add_head(struct codec_writer *writer, json_t *event)
{
    const struct report *report = writer->report;
    char time[TIMESTAMP_TEXT_SIZE];
    timestamp_format(report->time, time);
    time[strlen("2026-01-31")] = '\0';
    set_text(event, "uuid", writer->uuid);
    set_text(event, "id", "0");
    set_text(event, "org_id", "0");
    set_text(event, "orgc_id", "0");
    set_text(event, "info", writer->info);
    set_text(event, "date", time);
    set_number(event, "timestamp", report->time / TIMESTAMP_SECOND);
    json_object_set_new(event, "published", json_false());
    set_text(event, "publish_timestamp", "0");
    set_text(event, "threat_level_id", level_of(writer->extra, "threat_level_id", "1234", "4"));
    set_text(event, "analysis", level_of(writer->extra, "analysis", "012", "0"));
    set_text(event, "sharing_group_id", "0");
    if (!str_is_empty(report->reporter_email))
        set_text(event, "event_creator_email", report->reporter_email);
    add_owner(event, report->reference_issuer, writer->extra);
}

/* What is not known before the last attribute. */
static void add_tail(struct codec_writer *writer, json_t *event)
{
    static const char *const distributions[] = {"3", "2", "1", "0", "0"}; /* what misp_tag_label() makes of them, the other way */
    json_t *tags = start_tag_list(writer);
    if (writer->label == TLP_NONE)
        writer->label = TLP_AMBER;
    add_event_tags(writer, tags, writer->extra);
    set_number(event, "attribute_count", (int64_t)writer->attribute_count);
    set_text(event, "distribution", distributions[writer->label]);
    json_object_set_new(event, "Tag", tags);
}

static void write_attributes(struct codec_writer *writer, struct buf *out)
{
    size_t index;
    json_t *attribute;
    json_array_foreach(writer->attributes, index, attribute)
    {
        if (writer->attribute_count++)
            buf_add_char(out, ',');
        json_value_write(attribute, out);
    }
    json_array_clear(writer->attributes);
    arena_reset(writer->arena);
}

static struct codec_writer *open_event(const struct report *head, const struct codec_out *out, struct err *err)
{
    if (head->time == TIMESTAMP_NONE) {
        UNUSED(err_set(err, ERR_INPUT, "an event of MISP needs a date: the report has no time"));
        return NULL;
    }
    struct codec_writer *writer = mem_calloc(1, sizeof *writer);
    json_t *event = json_object();
    *writer = (struct codec_writer){.report = head,
                                    .info = info_of(head),
                                    .extra = load_extra(head->extra),
                                    .arena = arena_new(),
                                    .attributes = json_array(),
                                    .tags_written = json_object(),
                                    .label = head->tlp,
                                    .pap = head->pap};
    name_event(writer);
    add_head(writer, event);
    buf_add_text(out->now, "{\"Event\":{");
    json_value_write_members(event, out->now);
    buf_add_text(out->now, ",\"Attribute\":[");
    json_decref(event);
    return writer;
}

static bool add_attributes(struct codec_writer *writer, const struct report *piece, const struct codec_out *out, struct err *err)
{
    UNUSED(err);
    take_labels(writer, piece);
    for (size_t i = 0; i < piece->observation_count; i++) {
        add_observation(writer, &piece->observations[i], ++writer->observation_count);
        write_attributes(writer, out->now);
    }
    return true;
}

static bool finish_event(struct codec_writer *writer, const struct codec_out *out, struct err *err)
{
    const struct report *report = writer->report;
    json_t *tail = json_object();
    UNUSED(err);
    writer->observation = NULL;
    writer->number = writer->written = 0;
    if (!str_is_empty(report->description) && !str_equal(report->description, writer->info))
        add_own_attribute(writer, "comment", report->description, "description");
    add_extra(writer, writer->extra);
    write_attributes(writer, out->now);
    add_tail(writer, tail);
    buf_add_text(out->now, "],");
    json_value_write_members(tail, out->now);
    buf_add_text(out->now, "}}\n");
    json_decref(tail);
    return true;
}

static void close_event(struct codec_writer *writer)
{
    json_decref(writer->attributes);
    json_decref(writer->tags_written);
    json_decref(writer->extra);
    arena_free(writer->arena);
    free(writer);
}

const struct codec_pieces misp_pieces = {open_event, add_attributes, finish_event, close_event};

bool misp_encode(const struct report *report, struct buf *out, struct err *err)
{
    return codec_write_whole(&misp_pieces, report, out, err);
}
