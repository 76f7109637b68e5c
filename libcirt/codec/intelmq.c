/*
 * Events of IntelMQ as its outputs write them in JSON: names with dots ("source.ip", "extra.reason") or the same nested ("source": {"ip"}).
 * Its harmonisation names the fields; what IntelMQ's own bots added (network, AS, country) counts like what the feed said.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/codec.h"
#include "codec/json_peek.h"
#include "codec/json_take.h"
#include "model/rsit.h"

static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    static const char *const names[] = {"classification.type", "source.ip", "time.source", "time.observation", "feed.name"};
    UNUSED(hints);
    if (json_peek_is(bytes, size, "__type", "Event"))
        return 85;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (json_peek_has(bytes, size, names[i]))
            return 80;
    bool nested = json_peek_has(bytes, size, "classification") &&
                  (json_peek_has(bytes, size, "feed") || json_peek_has(bytes, size, "source") || json_peek_has(bytes, size, "time"));
    return nested ? 70 : 0;
}

/* --- one shape for both --- */

/* The objects that IntelMQ's hierarchical output makes of names with dots. What is inside "extra" stays as it is. */
static const char *const nested_names[] = {"classification",
                                           "destination",
                                           "destination.geolocation",
                                           "event_description",
                                           "feed",
                                           "malware",
                                           "malware.hash",
                                           "misp",
                                           "product",
                                           "protocol",
                                           "source",
                                           "source.geolocation",
                                           "time"};

static bool is_nested(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(nested_names); i++)
        if (str_equal(name, nested_names[i]))
            return true;
    return false;
}

/* Moves the members of known objects up under names with dots. A name that is there both ways keeps the nested one in its object. */
static void flatten(json_t *event)
{
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < ARRAY_SIZE(nested_names); i++) {
            json_t *inner = json_incref(json_object_get(event, nested_names[i])), *member;
            const char *name;
            void *next;
            json_object_foreach_safe(inner, next, name, member)
            {
                char flat[80];
                if (strlen(name) > 40)
                    continue;
                strcat(strcat(strcpy(flat, nested_names[i]), "."), name);
                if (json_is_object(member) && !is_nested(flat))
                    continue;
                if (!json_object_get(event, flat) && json_object_set(event, flat, member) == 0)
                    json_object_del(inner, name);
            }
            json_decref(inner);
        }
    }
}

/* --- one event --- */

/* Types of IntelMQ that RSIT has no word for. */
static const char *class_of(const char *type)
{
    static const char *const others[] = {"dga-domain", "dga domain", "proxy", "tor"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (str_equal_nocase(type, others[i]))
            return "other/other";
    return rsit_claimed(type);
}

static bool read_times(struct observation *observation, json_t *event, const struct json_place *place, struct arena *arena, struct err *err)
{
    static const char *const names[] = {"time.source", "time.observation"};
    for (size_t i = 0; i < ARRAY_SIZE(names) && observation->time == TIMESTAMP_NONE; i++)
        if (!json_take_time(event, place, names[i], arena, &observation->time, &observation->time_text, &observation->time_rule, err))
            return false;
    return true;
}

struct end_field {
    const char *name;
    enum observable_type type;
};

static void read_end(const struct json_take *take, const char *end, enum sighting_role role)
{
    static const struct end_field fields[] = {{"fqdn", OBSERVABLE_DOMAIN},
                                              {"reverse_dns", OBSERVABLE_DOMAIN},
                                              {"url", OBSERVABLE_URL},
                                              {"asn", OBSERVABLE_ASN},
                                              {"geolocation.cc", OBSERVABLE_COUNTRY}};
    char name[40];
    size_t places = 0;
    places += json_take_addresses(take, strcat(strcat(strcpy(name, end), "."), "ip"), role);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        size_t added = json_take_sightings(take, strcat(strcat(strcpy(name, end), "."), fields[i].name), fields[i].type, role);
        places += fields[i].type == OBSERVABLE_DOMAIN || fields[i].type == OBSERVABLE_URL ? added : 0;
    }
    /* Beside an address the network only says whose it is: not all of it is meant. */
    if (!places)
        json_take_addresses(take, strcat(strcat(strcpy(name, end), "."), "network"), role);
}

/* What may be any text, of which one kind is a value that others know too: a mail address among accounts, a digest among the hashes of
 * version 1. The rest is no mistake, and stays. */
static void read_if_valid(const struct json_take *take, const char *name, enum observable_type type, enum sighting_role role)
{
    const char *text = json_string_value(json_object_get(take->object, name));
    if (text && report_add_sighting(take->report, take->observation, type, role, text))
        json_object_del(take->object, name);
}

/* CVE ids, a semicolon between them; any other id stays. */
static void read_vulnerabilities(const struct json_take *take)
{
    static const char name[] = "product.vulnerabilities", marks[] = ";, ";
    const char *text = json_string_value(json_object_get(take->object, name));
    bool are_all = text != NULL;
    for (const char *at = text; at && *(at += strspn(at, marks));) {
        size_t size = strcspn(at, marks);
        const char *id = arena_strndup(report_row_arena(take->report), at, size);
        are_all = report_add_sighting(take->report, take->observation, OBSERVABLE_CVE, ROLE_OTHER, id) && are_all;
        at += size;
    }
    if (are_all)
        json_object_del(take->object, name);
}

static void read_port(json_t *event, const char *name, int *port)
{
    int64_t number;
    if (json_take_number(event, name, 0, 65535, &number))
        *port = (int)number;
}

static void read_values(const struct json_take *take, const char *class_name)
{
    bool is_leak = str_equal(class_name, "information-content-security/data-leak");
    /* What an infected machine talks to is a sinkhole or its master, nobody's victim. */
    bool is_infected = str_equal(class_name, "malicious-code/infected-system");
    enum sighting_role target = is_infected ? ROLE_INFRASTRUCTURE : ROLE_TARGET;
    read_end(take, "source", ROLE_SOURCE);
    read_end(take, "destination", target);
    read_if_valid(take, "source.account", OBSERVABLE_EMAIL, is_leak ? ROLE_VICTIM : ROLE_SOURCE);
    read_if_valid(take, "destination.account", OBSERVABLE_EMAIL, target);
    read_port(take->object, "source.port", &take->observation->source_port);
    read_port(take->object, "destination.port", &take->observation->target_port);
    read_vulnerabilities(take);
    read_if_valid(take, "malware.hash", OBSERVABLE_MD5, ROLE_OTHER); /* or a longer one: its length tells */
    UNUSED(json_take_sightings(take, "malware.hash.md5", OBSERVABLE_MD5, ROLE_OTHER));
    UNUSED(json_take_sightings(take, "malware.hash.sha1", OBSERVABLE_SHA1, ROLE_OTHER));
    UNUSED(json_take_sightings(take, "malware.hash.sha256", OBSERVABLE_SHA256, ROLE_OTHER));
}

/* 0..100, also as a text; -1 where it is not. */
static int accuracy_of(const json_t *accuracy)
{
    const char *text = json_string_value(accuracy);
    char *end = "";
    double percent = text ? strtod(text, &end) : json_number_value(accuracy);
    bool is_number = text ? end != text && !*end : json_is_number(accuracy);
    return is_number && percent >= 0 && percent <= 100 ? (int)percent : -1;
}

static enum tlp label_of(const json_t *event)
{
    return json_take_claimed(json_object_get(event, "tlp"));
}

static void read_judgements(const struct json_take *take)
{
    enum tlp label;
    json_take_label(take->report, take->observation, label_of(take->object));
    if (tlp_parse(json_string_value(json_object_get(take->object, "tlp")), &label)) /* the word of another stays */
        json_object_del(take->object, "tlp");
    int accuracy = accuracy_of(json_object_get(take->object, "feed.accuracy"));
    if (accuracy >= 0) {
        json_take_confidence(take->observation, accuracy);
        json_object_del(take->object, "feed.accuracy");
    }
}

static bool read_event(struct report *report, json_t *event, const struct json_place *place, struct err *err)
{
    if (!json_is_object(event))
        return json_value_fail(place, ERR_INPUT, err, "must be an event, an object");
    if (str_equal(json_string_value(json_object_get(event, "__type")), "Report"))
        return json_value_fail(place, ERR_INPUT, err, "is a report of IntelMQ that was not parsed yet, no event");
    flatten(event);
    struct arena *arena = report_row_arena(report);
    struct observation *observation = report_add_observation(report);
    struct json_take take = {.report = report, .observation = observation, .object = event, .place = place};
    json_object_del(event, "__type");
    observation->class_claim = json_take_text(event, "classification.type", arena);
    observation->class_name = observation->class_claim ? class_of(observation->class_claim) : NULL;
    observation->description = json_take_text(event, "event_description.text", arena);
    observation->protocol = json_take_text(event, "protocol.transport", arena);
    if (observation->protocol)
        str_lower((char *)observation->protocol);
    if (!read_times(observation, event, place, arena, err))
        return false;
    read_values(&take, observation->class_name);
    if (!observation->class_claim && !observation->sighting_count && !observation->description)
        return json_value_fail(place, ERR_INPUT, err, "names nothing: no classification, no address, no description");
    read_judgements(&take);
    observation->extra = json_take_rest(event, arena);
    return true;
}

static bool decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints, struct report **out,
                   struct err *err)
{
    UNUSED(hints);
    return json_take_labelled_events(bytes, size, "intelmq", limits, label_of, read_event, out, err);
}

extern const struct codec intelmq_codec;
const struct codec intelmq_codec = {
    .name = "intelmq",
    .media_type = "application/json",
    .standard = "IntelMQ harmonisation",
    .summary = "IntelMQ events, one JSON object or an array",
    .shape = CODEC_WHOLE,
    .probe = probe,
    .decode = decode,
};
