#include "codec/stix_observable.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "codec/schemeless.h"
#include "codec/stix.h"
#include "codec/stix_marking.h"

enum { FOLLOW_MAX = 4, SHOWN_MAX = 80, PATH_SIZE_MAX = 128, TEXT_WEIGHT = 8 };

/* How a value is read: as one type, as an address or network of either family, or as whatever it turns out to be. */
enum how { HOW_TYPE, HOW_ADDRESS, HOW_GUESS };

/* Where values stand. Paths are without indexes and quotes; those without a dot are properties of the object itself. */
static const struct {
    const char *object_type, *path;
    enum observable_type type;
    enum how how;
    enum sighting_role role; /* in a pattern; 0: by the type */
} places[] = {
    {"ipv4-addr", "value", OBSERVABLE_IPV4, HOW_ADDRESS, 0},
    {"ipv6-addr", "value", OBSERVABLE_IPV6, HOW_ADDRESS, 0},
    {"domain-name", "value", OBSERVABLE_DOMAIN, HOW_TYPE, 0},
    {"hostname", "value", OBSERVABLE_DOMAIN, HOW_TYPE, 0},
    {"x-opencti-hostname", "value", OBSERVABLE_DOMAIN, HOW_TYPE, 0},
    {"url", "value", OBSERVABLE_URL, HOW_TYPE, 0},
    {"email-addr", "value", OBSERVABLE_EMAIL, HOW_TYPE, 0},
    {"mac-addr", "value", OBSERVABLE_MAC, HOW_TYPE, 0},
    {"autonomous-system", "number", OBSERVABLE_ASN, HOW_TYPE, 0},
    {"file", "name", OBSERVABLE_FILENAME, HOW_TYPE, 0},
    {"artifact", "url", OBSERVABLE_URL, HOW_TYPE, 0},
    {"vulnerability", "name", OBSERVABLE_CVE, HOW_TYPE, 0},
    {"user-agent", "value", OBSERVABLE_USER_AGENT, HOW_TYPE, 0},
    {"phone-number", "value", OBSERVABLE_PHONE, HOW_TYPE, 0},
    {"cryptocurrency-wallet", "value", OBSERVABLE_CRYPTO, HOW_TYPE, 0},
    {"domain-name", "resolves_to_refs.value", OBSERVABLE_IPV4, HOW_GUESS, 0},
    {"ipv4-addr", "belongs_to_refs.number", OBSERVABLE_ASN, HOW_TYPE, ROLE_OTHER},
    {"ipv6-addr", "belongs_to_refs.number", OBSERVABLE_ASN, HOW_TYPE, ROLE_OTHER},
    {"email-message", "from_ref.value", OBSERVABLE_EMAIL, HOW_TYPE, ROLE_SOURCE},
    {"email-message", "sender_ref.value", OBSERVABLE_EMAIL, HOW_TYPE, ROLE_SOURCE},
    {"email-message", "to_refs.value", OBSERVABLE_EMAIL, HOW_TYPE, ROLE_TARGET},
    {"email-message", "cc_refs.value", OBSERVABLE_EMAIL, HOW_TYPE, ROLE_TARGET},
    {"email-message", "bcc_refs.value", OBSERVABLE_EMAIL, HOW_TYPE, ROLE_TARGET},
    {"email-message", "body_multipart.body_raw_ref.name", OBSERVABLE_FILENAME, HOW_TYPE, 0},
    {"process", "image_ref.name", OBSERVABLE_FILENAME, HOW_TYPE, 0},
    {"process", "binary_ref.name", OBSERVABLE_FILENAME, HOW_TYPE, 0}, /* of 2.0 */
    {"network-traffic", "src_ref.value", OBSERVABLE_IPV4, HOW_GUESS, ROLE_SOURCE},
    {"network-traffic", "dst_ref.value", OBSERVABLE_IPV4, HOW_GUESS, ROLE_INFRASTRUCTURE},
    {"network-traffic", "extensions.http-request-ext.request_header.User-Agent", OBSERVABLE_USER_AGENT, HOW_TYPE, 0},
};

static const struct {
    const char *key;
    enum observable_type type;
} hash_keys[] = {{"MD5", OBSERVABLE_MD5}, {"SHA-1", OBSERVABLE_SHA1}, {"SHA-256", OBSERVABLE_SHA256}, {"SHA-512", OBSERVABLE_SHA512}};

static const struct {
    const char *name;
    enum sighting_role role;
} reference_roles[] = {
    {"src_ref", ROLE_SOURCE}, {"dst_ref", ROLE_TARGET}, {"from_ref", ROLE_SOURCE}, {"sender_ref", ROLE_SOURCE},
    {"to_refs", ROLE_TARGET}, {"cc_refs", ROLE_TARGET}, {"bcc_refs", ROLE_TARGET},
};

static struct observation *observation_of(const struct stix_sight *sight)
{
    return &sight->reader->report->observations[sight->observation];
}

/* As others write it too: SHA256, sha-1. */
static bool find_hash(const char *key, enum observable_type *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(hash_keys); i++) {
        const char *a = key, *b = hash_keys[i].key;
        char without[8];
        size_t size = 0;
        for (const char *c = b; *c; c++)
            if (*c != '-')
                without[size++] = *c;
        without[size] = '\0';
        if (str_equal_nocase(a, b) || str_equal_nocase(a, without)) {
            *type = hash_keys[i].type;
            return true;
        }
    }
    return false;
}

static enum sighting_role network_role(enum observable_type type)
{
    return type <= OBSERVABLE_EMAIL || type == OBSERVABLE_MAC ? ROLE_INFRASTRUCTURE : ROLE_OTHER;
}

enum sighting_role stix_observable_pattern_role(enum observable_type type)
{
    return network_role(type);
}

/* --- one value --- */

static void reject(const struct stix_sight *sight, const char *place, const char *type, const char *text)
{
    struct report *report = sight->reader->report;
    char shown[SHOWN_MAX + 1] = "", why[SHOWN_MAX + 80];
    if (sight->is_repeat)
        return;
    if (report->rejected_total < REPORT_REJECTIONS_KEPT) {
        size_t cut;
        snprintf(shown, sizeof shown, "%s", text);
        if (!str_is_utf8(shown, strlen(shown), &cut))
            shown[cut] = '\0';
    }
    snprintf(why, sizeof why, "\"%s\" is no %s", shown, type);
    report_reject(report, place, why);
}

static bool count_sighting(const struct stix_sight *sight)
{
    struct stix_reader *reader = sight->reader;
    if (++reader->sighting_count <= reader->limits->observations_max * STIX_SIGHTINGS_PER_OBSERVATION)
        return true;
    return stix_object_fail(sight->owner, NULL, ERR_LIMIT, reader->err, "more sightings than the limit");
}

/* *added tells whether it was such a value. */
static bool add(const struct stix_sight *sight, enum observable_type type, enum how how, enum sighting_role role, const char *text,
                bool *added)
{
    struct report *report = sight->reader->report;
    struct observation *observation = observation_of(sight);
    *added = false;
    if (!count_sighting(sight))
        return false;
    *added =
        how == HOW_TYPE ? report_add_sighting(report, observation, type, role, text) : report_add_guessed(report, observation, role, text);
    if (!*added && type == OBSERVABLE_URL) /* many call a host a URL, or write it without a scheme */
        *added = report_add_sighting(report, observation, OBSERVABLE_DOMAIN, role, text) ||
                 report_add_sighting(report, observation, OBSERVABLE_IPV4, role, text) || schemeless_add(report, observation, role, text);
    if (*added && how == HOW_ADDRESS && observation->sightings[observation->sighting_count - 1].type > OBSERVABLE_CIDR) {
        observation->sighting_count--;
        *added = false;
    }
    return true;
}

/* --- observables --- */

/* One observable on its way into the report. */
struct item {
    const struct stix_sight *sight;
    const json_t *json;
    enum tlp label;
    enum sighting_role role;
    unsigned depth;
    size_t used;                      /* members that say nothing the report does not */
    const struct stix_object *object; /* NULL: in a map */
    const char *id;
};

static bool follow(const struct stix_sight *sight, const char *id, enum sighting_role role, unsigned depth, bool *found);

/* /objects/3/value, or /objects/3/objects/0/value in 2.0. */
static const char *place_of(const struct item *item, const char *member)
{
    struct arena *arena = item->sight->reader->report->arena;
    if (item->object)
        return stix_object_place(item->object, member, arena);
    bool is_plain = strlen(item->id) <= SHOWN_MAX && !strpbrk(item->id, "/~");
    const char *map = stix_object_place(item->sight->owner, "objects", arena);
    return is_plain ? arena_printf(arena, "%s/%s/%s", map, item->id, member) : map;
}

static bool take_value(struct item *item, enum observable_type type, enum how how, const char *member, const json_t *value, bool *added)
{
    char number[24];
    const char *text = json_string_value(value);
    *added = false;
    if (json_is_integer(value) && type == OBSERVABLE_ASN) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        text = number;
    }
    if (!text)
        return true;
    size_t first = observation_of(item->sight)->sighting_count;
    if (!add(item->sight, type, how, item->role, text, added))
        return false;
    for (size_t i = first; i < observation_of(item->sight)->sighting_count; i++)
        observation_of(item->sight)->sightings[i].tlp = item->label;
    if (!*added && !observable_is_absent(text))
        reject(item->sight, item->sight->reader->report->rejected_total < REPORT_REJECTIONS_KEPT ? place_of(item, member) : "",
               observable_type_name(type), text);
    return true;
}

/* A file may have any number of digests, and some we have no type for: those stay in extra. */
static bool take_hashes(struct item *item)
{
    const json_t *hashes = json_object_get(item->json, "hashes");
    const char *key;
    json_t *value;
    size_t taken = 0;
    json_object_foreach((json_t *)hashes, key, value)
    {
        enum observable_type type;
        bool added = false;
        if (find_hash(key, &type) && !take_value(item, type, HOW_TYPE, "hashes", value, &added))
            return false;
        taken += added;
    }
    item->used += json_is_object(hashes) && taken == json_object_size(hashes);
    return true;
}

static bool take_places(struct item *item, const char *object_type)
{
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        const json_t *value = str_equal(places[i].object_type, object_type) ? json_object_get(item->json, places[i].path) : NULL;
        bool added = false;
        if (value && !take_value(item, places[i].type, places[i].how, places[i].path, value, &added))
            return false;
        item->used += added;
    }
    return true;
}

/* Ours has one property, named as its type. */
static bool take_own(struct item *item)
{
    for (int type = OBSERVABLE_IPV4; type < OBSERVABLE_TYPE_COUNT; type++) {
        const json_t *value = json_object_get(item->json, observable_type_name((enum observable_type)type));
        bool added = false;
        if (value &&
            !take_value(item, (enum observable_type)type, HOW_TYPE, observable_type_name((enum observable_type)type), value, &added))
            return false;
        item->used += added;
    }
    item->used += json_object_get(item->json, "nothing") != NULL; /* stands where there was nothing to see */
    item->used += json_object_size(json_object_get(json_object_get(item->json, "extensions"), STIX_EXTENSION_ID)) == 1;
    return true;
}

/* What an observation has one of. */
enum traffic { TRAFFIC_SOURCE_PORT, TRAFFIC_TARGET_PORT, TRAFFIC_PROTOCOL };
static const char *const traffic_members[] = {"src_port", "dst_port", "protocols"};

static void take_port(struct item *item, enum traffic which, int *port)
{
    const json_t *value = json_object_get(item->json, traffic_members[which]);
    if (item->sight->differing & 1u << which || !json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > 65535)
        return;
    if (*port != -1 && *port != json_integer_value(value))
        return;
    *port = (int)json_integer_value(value);
    item->used++;
}

/* Of ["ipv4", "tcp", "http"] the one that has ports; else the last, which is the most telling. NULL for none. */
static const char *protocol_of(const json_t *list)
{
    static const char *const carriers[] = {"tcp", "udp", "sctp", "icmp", "icmpv6"};
    size_t count = json_array_size(list);
    const char *protocol = count ? json_string_value(json_array_get(list, count - 1)) : NULL;
    for (size_t i = count; i-- > 0;)
        for (size_t k = 0; k < ARRAY_SIZE(carriers); k++) {
            const char *name = json_string_value(json_array_get(list, i));
            if (name && str_equal_nocase(name, carriers[k]))
                protocol = name;
        }
    return protocol;
}

static void take_protocol(struct item *item)
{
    struct observation *observation = observation_of(item->sight);
    const json_t *list = json_object_get(item->json, traffic_members[TRAFFIC_PROTOCOL]);
    const char *protocol = protocol_of(list);
    if (!protocol || observation->protocol || item->sight->differing & 1u << TRAFFIC_PROTOCOL)
        return;
    observation->protocol = arena_strdup(report_row_arena(item->sight->reader->report), protocol);
    item->used += json_array_size(list) == 1;
}

/* A header is a list of values in 2.1, one of them in 2.0. */
static bool take_user_agent(struct item *item)
{
    const json_t *request = json_object_get(json_object_get(item->json, "extensions"), "http-request-ext");
    const json_t *agent = json_object_get(json_object_get(request, "request_header"), "User-Agent");
    size_t index;
    json_t *element;
    bool added;
    json_array_foreach(agent, index, element)
    {
        if (!take_value(item, OBSERVABLE_USER_AGENT, HOW_TYPE, "extensions", element, &added))
            return false;
    }
    return !agent || take_value(item, OBSERVABLE_USER_AGENT, HOW_TYPE, "extensions", agent, &added);
}

static bool take_traffic(struct item *item)
{
    struct observation *observation = observation_of(item->sight);
    take_port(item, TRAFFIC_SOURCE_PORT, &observation->source_port);
    take_port(item, TRAFFIC_TARGET_PORT, &observation->target_port);
    take_protocol(item);
    return take_user_agent(item);
}

/* *is_all: each of the ids is that of an observable. */
static bool take_ids(struct item *item, const char *name, const json_t *value, bool *is_all)
{
    enum sighting_role role = item->role;
    for (size_t i = 0; i < ARRAY_SIZE(reference_roles); i++)
        if (str_equal(reference_roles[i].name, name))
            role = reference_roles[i].role;
    bool found = false;
    size_t index;
    json_t *element;
    *is_all = true;
    if (json_is_string(value)) {
        if (!follow(item->sight, json_string_value(value), role, item->depth + 1, &found))
            return false;
        *is_all = found;
    }
    json_array_foreach(value, index, element)
    {
        const char *id = json_string_value(element);
        if (id && !follow(item->sight, id, role, item->depth + 1, &found))
            return false;
        *is_all = *is_all && id && found;
    }
    return true;
}

/* Those in lists and extensions too (parts of a mail, files in an archive), as deep as the parser lets them be. */
static bool take_inner_references(struct item *item, const json_t *value)
{
    const char *name;
    size_t index;
    json_t *inner;
    bool is_all;
    item->sight->reader->work += json_array_size(value) + json_object_size(value);
    json_object_foreach((json_t *)value, name, inner)
    {
        bool is_reference = str_ends(name, "_ref") || str_ends(name, "_refs");
        if (!(is_reference ? take_ids(item, name, inner, &is_all) : take_inner_references(item, inner)))
            return false;
    }
    json_array_foreach(value, index, inner)
    {
        if (!take_inner_references(item, inner))
            return false;
    }
    return true;
}

/* These say who made it, and under which label. */
static bool is_about_it(const char *name)
{
    static const char *const members[] = {"object_marking_refs", "granular_markings", "created_by_ref", "external_references"};
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (str_equal(members[i], name))
            return true;
    return false;
}

/* What an observed thing refers to was observed with it. */
static bool take_references(struct item *item)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)item->json, name, value)
    {
        bool is_reference = str_ends(name, "_ref") || str_ends(name, "_refs"), is_all = false;
        if (is_about_it(name))
            continue;
        if (!(is_reference ? take_ids(item, name, value, &is_all) : take_inner_references(item, value)))
            return false;
        item->used += is_all;
    }
    return true;
}

static void count_frame(struct item *item)
{
    static const char *const frame[] = {"type", "id", "spec_version"};
    for (size_t i = 0; i < ARRAY_SIZE(frame); i++)
        item->used += json_object_get(item->json, frame[i]) != NULL;
    const json_t *markings = json_object_get(item->json, "object_marking_refs");
    bool is_fixed = markings != NULL;
    size_t index;
    json_t *id;
    json_array_foreach(markings, index, id)
    {
        is_fixed = is_fixed && stix_marking_is_fixed(json_string_value(id));
    }
    item->used += is_fixed;
}

static bool take_item(struct item *item)
{
    const char *type = stix_object_text(item->json, "type");
    if (!type)
        return true;
    count_frame(item);
    if (!take_references(item) || !take_hashes(item) || !take_places(item, type))
        return false;
    if (str_equal(type, "network-traffic"))
        return take_traffic(item);
    return str_equal(type, STIX_OWN_TYPE) ? take_own(item) : true;
}

/* How much there is to look at: members and texts, of which more than a value can have is only looked at in lists (labels). */
static size_t weight_of(const json_t *json, size_t text_max)
{
    size_t weight = 1, index;
    const char *name;
    json_t *value;
    if (json_is_string(json)) {
        size_t size = json_string_length(json);
        return weight + (size < text_max ? size : text_max) / TEXT_WEIGHT;
    }
    json_object_foreach((json_t *)json, name, value)
    {
        weight += weight_of(value, OBSERVABLE_TEXT_MAX);
    }
    json_array_foreach(json, index, value)
    {
        weight += weight_of(value, SIZE_MAX);
    }
    return weight;
}

/* *found: there is such an observable, taken now or before. */
static bool follow(const struct stix_sight *sight, const char *id, enum sighting_role role, unsigned depth, bool *found)
{
    struct stix_object *object = sight->map ? NULL : stix_object_find(&sight->reader->document, id);
    const json_t *json = sight->map ? json_object_get(sight->map, id) : object ? object->json : NULL;
    *found = json_is_object(json);
    if (!*found || depth > FOLLOW_MAX || json_object_get(sight->taken, id))
        return true;
    json_object_set_new(sight->taken, id, json_true());
    if (object)
        object->is_seen = true;
    sight->reader->work += weight_of(json, OBSERVABLE_TEXT_MAX);
    if (sight->reader->work > STIX_WORK_MAX)
        return stix_object_fail(sight->owner, NULL, ERR_LIMIT, sight->reader->err, "too much is referred to again and again");
    struct item item = {.sight = sight,
                        .json = json,
                        .label = stix_marking_label(&sight->reader->document, json),
                        .role = role,
                        .depth = depth,
                        .object = object,
                        .id = id};
    if (!take_item(&item))
        return false;
    if (object && item.used == json_object_size(json))
        object->is_used = true;
    return true;
}

bool stix_observable_sight(const struct stix_sight *sight, const char *id, enum sighting_role role)
{
    bool found;
    return follow(sight, id, role, 0, &found);
}

/* What the network traffic looked at so far says. */
struct seen {
    const json_t *ports[TRAFFIC_PROTOCOL];
    const char *protocol;
    unsigned differing;
};

static void compare_traffic(struct stix_reader *reader, const json_t *json, struct seen *seen)
{
    if (!str_equal(stix_object_text(json, "type"), "network-traffic"))
        return;
    for (size_t i = 0; i < TRAFFIC_PROTOCOL; i++) {
        const json_t *port = json_object_get(json, traffic_members[i]);
        if (port && seen->ports[i] && json_integer_value(port) != json_integer_value(seen->ports[i]))
            seen->differing |= 1u << i;
        seen->ports[i] = port ? port : seen->ports[i];
    }
    const json_t *list = json_object_get(json, traffic_members[TRAFFIC_PROTOCOL]);
    const char *protocol = protocol_of(list);
    reader->work += json_array_size(list) + (protocol ? strlen(protocol) / 16 : 0);
    if (protocol && seen->protocol && !str_equal_nocase(protocol, seen->protocol))
        seen->differing |= 1u << TRAFFIC_PROTOCOL;
    seen->protocol = protocol ? protocol : seen->protocol;
}

unsigned stix_observable_differing(const struct stix_sight *sight, const json_t *references)
{
    struct seen seen = {.differing = 0};
    size_t index;
    const char *key;
    json_t *element;
    json_array_foreach(references, index, element)
    {
        const struct stix_object *object = stix_object_find(&sight->reader->document, json_string_value(element));
        compare_traffic(sight->reader, object ? object->json : NULL, &seen);
    }
    json_object_foreach((json_t *)sight->map, key, element)
    {
        compare_traffic(sight->reader, element, &seen);
    }
    return seen.differing;
}

/* --- patterns --- */

/* The path without its indexes. */
static bool plain_path(const char *path, char plain[PATH_SIZE_MAX])
{
    size_t size = 0;
    for (; *path; path++) {
        if (*path == '[')
            path += strcspn(path, "]");
        else if (size + 1 < PATH_SIZE_MAX)
            plain[size++] = *path;
        else
            return false;
        if (!*path)
            break;
    }
    plain[size] = '\0';
    return true;
}

struct place {
    enum observable_type type;
    enum how how;
    enum sighting_role role; /* 0: by the type */
};

/* "MD5" of "hashes.MD5", and of "image_ref.hashes.MD5": whatever has digests where a reference leads is a file. NULL where it is none. */
static const char *digest_key(const char *object_type, const char *path)
{
    bool has_digests = str_equal(object_type, "file") || str_equal(object_type, "artifact") || str_equal(object_type, "x509-certificate");
    const char *inner = strstr(path, ".hashes.");
    if (has_digests && str_starts(path, "hashes."))
        return path + strlen("hashes.");
    size_t before = inner ? (size_t)(inner - path) : 0;
    bool is_reference = (before > 4 && strncmp(inner - 4, "_ref", 4) == 0) || (before > 5 && strncmp(inner - 5, "_refs", 5) == 0);
    return is_reference ? inner + strlen(".hashes.") : NULL;
}

static bool find_place(const struct stix_pattern_comparison *comparison, struct place *place)
{
    char path[PATH_SIZE_MAX];
    const char *type = comparison->object_type;
    *place = (struct place){.how = HOW_TYPE};
    if (!plain_path(comparison->path, path))
        return false;
    const char *digest = digest_key(type, path);
    if (digest)
        return find_hash(digest, &place->type);
    if (str_equal(type, STIX_OWN_TYPE))
        return observable_type_parse(path, &place->type);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (str_equal(places[i].object_type, type) && str_equal(places[i].path, path)) {
            *place = (struct place){.type = places[i].type, .how = places[i].how, .role = places[i].role};
            return true;
        }
    return false;
}

/* LIKE without wildcards is equality; everything else that is no set of values cannot be looked up. */
static bool is_enumerable(const struct stix_pattern_comparison *comparison, const struct place *place)
{
    if (comparison->is_negated)
        return false;
    switch (comparison->operator) {
    case STIX_PATTERN_EQUAL:
    case STIX_PATTERN_IN:
        return true;
    case STIX_PATTERN_LIKE:
        return comparison->value_count == 1 && comparison->values[0] && !strpbrk(comparison->values[0], "%_");
    case STIX_PATTERN_SUBSET:
        return place->how != HOW_TYPE;
    case STIX_PATTERN_MATCHES:
    case STIX_PATTERN_SUPERSET:
    case STIX_PATTERN_ORDER:
    case STIX_PATTERN_EXISTS:
        break;
    }
    return false;
}

static bool take_port_of(const struct stix_sight *sight, const struct stix_pattern_comparison *comparison)
{
    struct observation *observation = observation_of(sight);
    int64_t port;
    bool is_source = str_equal(comparison->path, "src_port"), is_target = str_equal(comparison->path, "dst_port");
    if (!str_equal(comparison->object_type, "network-traffic") || !(is_source || is_target) || comparison->is_negated ||
        comparison->operator!= STIX_PATTERN_EQUAL || !comparison->values[0] || !str_to_int64(comparison->values[0], 0, 65535, &port))
        return false;
    int *place = is_source ? &observation->source_port : &observation->target_port;
    if (*place != -1 && *place != port)
        return false;
    *place = (int)port;
    return true;
}

static const char *pattern_place(const struct stix_sight *sight)
{
    struct report *report = sight->reader->report;
    return report->rejected_total < REPORT_REJECTIONS_KEPT ? stix_object_place(sight->owner, "pattern", report->arena) : "";
}

static bool take_pattern_values(const struct stix_sight *sight, const struct stix_pattern_comparison *comparison, const struct place *place,
                                bool is_indicator, bool *is_all)
{
    *is_all = comparison->value_count > 0;
    for (size_t i = 0; i < comparison->value_count; i++) {
        const char *text = comparison->values[i];
        enum sighting_role role = place->role ? place->role : network_role(place->type);
        bool added = false;
        size_t first = observation_of(sight)->sighting_count;
        if (text && !add(sight, place->type, place->how, role, text, &added))
            return false;
        *is_all = *is_all && added;
        for (size_t k = first; k < observation_of(sight)->sighting_count; k++) /* behind the first is only its host */
            observation_of(sight)->sightings[k].is_indicator =
                k == first && is_indicator && comparison->is_alone && role != ROLE_TARGET && role != ROLE_VICTIM;
        if (text && !added && !observable_is_absent(text))
            reject(sight, pattern_place(sight), observable_type_name(place->type), text);
    }
    return true;
}

bool stix_observable_pattern(const struct stix_sight *sight, const struct stix_pattern *pattern, bool is_indicator, json_t *not_decomposed)
{
    for (size_t i = 0; i < pattern->comparison_count; i++) {
        const struct stix_pattern_comparison *comparison = &pattern->comparisons[i];
        struct place place;
        bool is_all = false;
        if (find_place(comparison, &place) && is_enumerable(comparison, &place)) {
            if (!take_pattern_values(sight, comparison, &place, is_indicator, &is_all))
                return false;
        } else {
            is_all = take_port_of(sight, comparison) || (comparison->is_detail && !str_ends(comparison->path, "_port"));
        }
        if (!is_all)
            json_array_append_new(not_decomposed, json_stringn(comparison->text, comparison->text_size));
    }
    return true;
}

/* --- back --- */

const char *stix_observable_hash_key(enum observable_type type)
{
    for (size_t i = 0; i < ARRAY_SIZE(hash_keys); i++)
        if (hash_keys[i].type == type)
            return hash_keys[i].key;
    return NULL;
}

const char *stix_observable_object_type(const struct sighting *sighting)
{
    switch (sighting->type) {
    case OBSERVABLE_IPV4:
        return "ipv4-addr";
    case OBSERVABLE_IPV6:
        return "ipv6-addr";
    case OBSERVABLE_CIDR:
        return strchr(sighting->value, ':') ? "ipv6-addr" : "ipv4-addr";
    case OBSERVABLE_ASN:
        return "autonomous-system";
    case OBSERVABLE_DOMAIN:
        return "domain-name";
    case OBSERVABLE_URL:
        return "url";
    case OBSERVABLE_EMAIL:
        return "email-addr";
    case OBSERVABLE_MAC:
        return "mac-addr";
    case OBSERVABLE_MD5:
    case OBSERVABLE_SHA1:
    case OBSERVABLE_SHA256:
    case OBSERVABLE_SHA512:
    case OBSERVABLE_FILENAME:
        return "file";
    default:
        return STIX_OWN_TYPE;
    }
}

/* A key with a "-" is quoted. */
static void write_key(struct buf *out, const char *key)
{
    buf_printf(out, strchr(key, '-') ? "'%s'" : "%s", key);
}

void stix_observable_write_comparison(struct buf *out, const struct sighting *sighting)
{
    const char *type = stix_observable_object_type(sighting), *hash = stix_observable_hash_key(sighting->type);
    buf_printf(out, "%s:", type);
    if (hash) {
        buf_add_text(out, "hashes.");
        write_key(out, hash);
    } else if (str_equal(type, STIX_OWN_TYPE)) {
        write_key(out, observable_type_name(sighting->type));
    } else {
        buf_add_text(out, sighting->type == OBSERVABLE_ASN ? "number" : sighting->type == OBSERVABLE_FILENAME ? "name" : "value");
    }
    buf_add_text(out, sighting->type == OBSERVABLE_CIDR ? " ISSUBSET " : " = ");
    if (sighting->type == OBSERVABLE_ASN)
        buf_add_text(out, sighting->value);
    else
        stix_pattern_add_constant(out, sighting->value);
}
