/* Events of n6 (CERT Polska), as its REST API and streams give them in JSON. */
#include <string.h>

#include "base/str.h"
#include "codec/codec.h"
#include "codec/json_peek.h"
#include "codec/json_take.h"
#include "model/rsit.h"

static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(hints);
    bool named = json_peek_has(bytes, size, "category") && json_peek_has(bytes, size, "source") && json_peek_has(bytes, size, "time");
    return named && (json_peek_has(bytes, size, "confidence") || json_peek_has(bytes, size, "restriction")) ? 75 : 0;
}

/* Categories that RSIT knows under another name, or that mean something else there. */
static const struct {
    const char *category, *name;
} classes[] = {
    {"amplifier", "vulnerable/ddos-amplifier"},
    {"backdoor", "intrusions/system-compromise"},
    {"bots", "malicious-code/infected-system"},
    {"cnc", "malicious-code/c2-server"},
    {"deface", "information-content-security/unauthorised-information-modification"},
    {"dns-query", "other/other"},
    {"dos-attacker", "availability/ddos"},
    {"dos-victim", "availability/ddos"},
    {"exposed", "vulnerable/potentially-unwanted-accessible"},
    {"flow", "other/other"},
    {"flow-anomaly", "other/other"},
    {"fraud", "fraud/masquerade"},
    {"leak", "information-content-security/data-leak"},
    {"malurl", "malicious-code/malware-distribution"},
    {"malware-action", "malicious-code/malware-configuration"},
    {"other", "other/other"},
    {"phish", "fraud/phishing"},
    {"proxy", "other/other"},
    {"sandbox-url", "other/other"},
    {"scam", "fraud/masquerade"},
    {"scanning", "information-gathering/scanner"},
    {"server-exploit", "intrusion-attempts/exploit"},
    {"spam", "abusive-content/spam"},
    {"spam-url", "abusive-content/spam"},
    {"tor", "other/other"},
    {"vulnerable", "vulnerable/vulnerable-system"},
    {"webinject", "malicious-code/malware-configuration"},
    {"whitelist", "other/other"},
};

static const char *class_of(const char *category)
{
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        if (str_equal(category, classes[i].category))
            return classes[i].name;
    return rsit_claimed(category);
}

/* What a category says about the address: whose doing it was, or who suffers it. */
static enum sighting_role address_role(const char *category)
{
    return str_equal(category, "dos-victim") || str_equal(category, "leak") ? ROLE_VICTIM : ROLE_SOURCE;
}

/* --- address[] --- */

static bool read_address(const struct json_take *event, json_t *address, const struct json_place *place, enum sighting_role role)
{
    static const char *const ips[] = {"ip", "ipv6"}, *const names[] = {"rdns"};
    if (!json_is_object(address))
        return false;
    struct json_take take = {.report = event->report, .observation = event->observation, .object = address, .place = place};
    if (str_equal(json_string_value(json_object_get(address, "dir")), "dst"))
        role = ROLE_TARGET;
    for (size_t i = 0; i < ARRAY_SIZE(ips); i++)
        UNUSED(json_take_addresses(&take, ips[i], role));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        UNUSED(json_take_sightings(&take, names[i], OBSERVABLE_DOMAIN, role));
    UNUSED(json_take_sightings(&take, "asn", OBSERVABLE_ASN, role));
    UNUSED(json_take_sightings(&take, "cc", OBSERVABLE_COUNTRY, role));
    return json_object_size(address) == 0;
}

/* Old events hold a single object. Elements of which something is left stay. */
static void read_addresses(const struct json_take *event, enum sighting_role role)
{
    struct json_place here = {.up = event->place, .name = "address"};
    json_t *addresses = json_take_member(event->object, "address"), *left = json_array(), *address;
    size_t index;
    if (json_is_array(addresses)) {
        json_array_foreach(addresses, index, address)
        {
            struct json_place inside = {.up = &here, .index = index};
            if (!read_address(event, address, &inside, role))
                json_array_append(left, address);
        }
    } else if (addresses && !read_address(event, addresses, &here, role)) {
        json_array_append(left, addresses);
    }
    if (json_array_size(left))
        json_object_set(event->object, "address", left);
    json_decref(left);
    json_decref(addresses);
}

/* --- one event --- */

static void read_values(const struct json_take *take, const char *category)
{
    static const struct {
        const char *name;
        enum observable_type type;
    } values[] = {{"fqdn", OBSERVABLE_DOMAIN}, {"url", OBSERVABLE_URL},   {"email", OBSERVABLE_EMAIL},  {"phone", OBSERVABLE_PHONE},
                  {"md5", OBSERVABLE_MD5},     {"sha1", OBSERVABLE_SHA1}, {"sha256", OBSERVABLE_SHA256}};
    enum sighting_role role = address_role(category);
    bool is_bot = str_equal(category, "bots");
    int64_t port;
    read_addresses(take, role);
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        bool is_hash = values[i].type >= OBSERVABLE_MD5 && values[i].type <= OBSERVABLE_SHA256;
        UNUSED(json_take_sightings(take, values[i].name, values[i].type, is_hash ? ROLE_OTHER : role));
    }
    /* What a bot talks to is a sinkhole or its master, nobody's victim. */
    UNUSED(json_take_addresses(take, "dip", is_bot ? ROLE_INFRASTRUCTURE : ROLE_TARGET));
    if (json_take_number(take->object, "sport", 0, 65535, &port))
        take->observation->source_port = (int)port;
    if (json_take_number(take->object, "dport", 0, 65535, &port))
        take->observation->target_port = (int)port;
}

/* The words of n6 on the scale of STIX 2.1, appendix A. */
static void read_confidence(const struct json_take *take)
{
    static const struct {
        const char *word;
        int confidence;
    } words[] = {{"low", 15}, {"medium", 50}, {"high", 85}};
    const char *word = json_string_value(json_object_get(take->object, "confidence"));
    for (size_t i = 0; word && i < ARRAY_SIZE(words); i++) {
        if (str_equal(word, words[i].word)) {
            json_take_confidence(take->observation, words[i].confidence);
            json_object_del(take->object, "confidence");
            return;
        }
    }
}

/* Who may get it. "internal" is for the operators of n6 alone, so for those it was given to. */
static void read_restriction(const struct json_take *take)
{
    static const struct {
        const char *word;
        enum tlp label;
    } words[] = {{"public", TLP_CLEAR}, {"need-to-know", TLP_AMBER_STRICT}, {"internal", TLP_RED}};
    const json_t *said = json_object_get(take->object, "restriction");
    const char *word = json_string_value(said);
    for (size_t i = 0; word && i < ARRAY_SIZE(words); i++) {
        if (str_equal(word, words[i].word)) {
            json_take_label(take->report, take->observation, words[i].label);
            json_object_del(take->object, "restriction");
            return;
        }
    }
    if (said && !json_is_null(said))
        json_take_label(take->report, take->observation, TLP_RED);
}

static void read_end(const struct json_take *take)
{
    int64_t end;
    const char *text = json_string_value(json_object_get(take->object, "expires"));
    if (!text || (!timestamp_parse_rfc3339(text, &end) && !timestamp_parse_utc(text, &end)))
        return;
    for (size_t i = 0; i < take->observation->sighting_count; i++)
        take->observation->sightings[i].valid_until = end;
    json_object_del(take->object, "expires");
}

static bool read_event(struct report *report, json_t *event, const struct json_place *place, struct err *err)
{
    if (!json_is_object(event))
        return json_value_fail(place, ERR_INPUT, err, "must be an event, an object");
    struct arena *arena = report_row_arena(report);
    struct observation *observation = report_add_observation(report);
    struct json_take take = {.report = report, .observation = observation, .object = event, .place = place};
    struct json_place here = {.up = place, .name = "category"};
    if (!(observation->class_claim = json_take_text(event, "category", arena)))
        return json_value_fail(&here, ERR_INPUT, err, "is missing");
    observation->class_name = class_of(observation->class_claim);
    if (!json_take_time(event, place, "time", arena, &observation->time, &observation->time_text, &observation->time_rule, err))
        return false;
    observation->protocol = json_take_text(event, "proto", arena);
    if (observation->protocol)
        str_lower((char *)observation->protocol);
    UNUSED(json_take_number(event, "count", 1, INT64_MAX, &observation->count));
    read_values(&take, observation->class_claim);
    if (!observation->sighting_count && observation->time == TIMESTAMP_NONE)
        return json_value_fail(place, ERR_INPUT, err, "names nothing: no address, no name, no time");
    read_confidence(&take);
    read_restriction(&take);
    read_end(&take);
    if (!place->up)
        report->reference = json_take_text(event, "id", report->arena);
    observation->extra = json_take_rest(event, arena);
    return true;
}

static bool decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints, struct report **out,
                   struct err *err)
{
    UNUSED(hints);
    return json_take_labelled_events(bytes, size, "n6", limits, read_event, out, err);
}

extern const struct codec n6_codec;
const struct codec n6_codec = {
    .name = "n6",
    .media_type = "application/json",
    .standard = "n6 REST API, events",
    .summary = "n6 events, one JSON object or an array",
    .shape = CODEC_WHOLE,
    .probe = probe,
    .decode = decode,
};
