/* Events of n6 (CERT Polska), as its REST API and streams give them in JSON. */
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "codec/codec.h"
#include "codec/json_peek.h"
#include "codec/json_take.h"
#include "model/rsit.h"

static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(hints);
    static const char *const sure[] = {"source", "confidence", "restriction"}; /* not all readers are told the source */
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(sure); i++)
        count += json_peek_has(bytes, size, sure[i]);
    return count >= 2 && json_peek_has(bytes, size, "category") && json_peek_has(bytes, size, "time") ? 75 : 0;
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

/* What was added from there on and is said already: addresses of one AS and country name these once. An event has a handful, so only the
 * last ones are looked at. */
static void drop_repeated(struct observation *observation, size_t from)
{
    enum { LOOK_BACK = 200 };
    size_t kept = from;
    for (size_t i = from; i < observation->sighting_count; i++) {
        const struct sighting *added = &observation->sightings[i];
        size_t k = kept > LOOK_BACK ? kept - LOOK_BACK : 0;
        while (k < kept && (observation->sightings[k].type != added->type || observation->sightings[k].role != added->role ||
                            !str_equal(observation->sightings[k].value, added->value)))
            k++;
        if (k == kept)
            observation->sightings[kept++] = *added;
    }
    observation->sighting_count = kept;
}

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
    size_t before = event->observation->sighting_count;
    UNUSED(json_take_sightings(&take, "asn", OBSERVABLE_ASN, role));
    UNUSED(json_take_sightings(&take, "cc", OBSERVABLE_COUNTRY, role));
    drop_repeated(event->observation, before);
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
        bool is_place; /* where a bot or scanner goes, else where the address is */
    } values[] = {{"fqdn", OBSERVABLE_DOMAIN, true},   {"url", OBSERVABLE_URL, true},  {"email", OBSERVABLE_EMAIL, false},
                  {"phone", OBSERVABLE_PHONE, false},  {"md5", OBSERVABLE_MD5, false}, {"sha1", OBSERVABLE_SHA1, false},
                  {"sha256", OBSERVABLE_SHA256, false}};
    enum sighting_role role = address_role(category);
    bool is_bot = str_equal(category, "bots"), goes_there = is_bot || str_equal(category, "scanning");
    /* What a bot talks to is a sinkhole or its master, nobody's victim. */
    enum sighting_role far_role = is_bot ? ROLE_INFRASTRUCTURE : ROLE_TARGET;
    int64_t port;
    read_addresses(take, role);
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        bool is_hash = values[i].type >= OBSERVABLE_MD5 && values[i].type <= OBSERVABLE_SHA256;
        enum sighting_role place_role = goes_there && values[i].is_place ? far_role : role;
        UNUSED(json_take_sightings(take, values[i].name, values[i].type, is_hash ? ROLE_OTHER : place_role));
    }
    UNUSED(json_take_addresses(take, "dip", far_role));
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
static const struct {
    const char *word;
    enum tlp label;
} restrictions[] = {{"public", TLP_CLEAR}, {"need-to-know", TLP_AMBER_STRICT}, {"internal", TLP_RED}};

static bool find_restriction(const json_t *event, enum tlp *label)
{
    const char *word = json_string_value(json_object_get(event, "restriction"));
    for (size_t i = 0; word && i < ARRAY_SIZE(restrictions); i++) {
        if (str_equal(word, restrictions[i].word)) {
            *label = restrictions[i].label;
            return true;
        }
    }
    return false;
}

static enum tlp label_of(const json_t *event)
{
    enum tlp label;
    const json_t *said = json_object_get(event, "restriction");
    return find_restriction(event, &label) ? label : said && !json_is_null(said) ? TLP_RED : TLP_NONE;
}

/* Another word stays. */
static void read_restriction(const struct json_take *take)
{
    enum tlp label;
    json_take_label(take->report, take->observation, label_of(take->object));
    if (find_restriction(take->object, &label))
        json_object_del(take->object, "restriction");
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

/* --- events that are over --- */

/* An entry of a list that was taken off it, ran out, or stands there anew: nothing of it goes on. */
static bool is_over(const json_t *event)
{
    static const char *const words[] = {"delisted", "expired", "replaced"};
    const char *status = json_string_value(json_object_get(event, "status"));
    for (size_t i = 0; status && i < ARRAY_SIZE(words); i++)
        if (str_equal(status, words[i]))
            return true;
    return false;
}

/* Till all events are read, an observation without a class that holds the whole of it as extra: keep_over(). */
static void read_over(const struct json_take *take)
{
    report_withdraw(take->report, json_string_value(json_object_get(take->object, "id")), TIMESTAMP_NONE);
    take->observation->extra = json_take_rest(take->object, report_row_arena(take->report));
    json_take_empty(take->object);
    if (json_object_get(take->object, "restriction"))
        read_restriction(take);
    else
        json_take_label(take->report, take->observation, TLP_AMBER); /* there is no value left that could go without a label */
}

/* Moves them out of the observations into the report's extra. */
static void keep_over(struct report *report)
{
    struct buf over;
    size_t kept = 0;
    buf_init(&over, SIZE_MAX / 2); /* bounded by the document */
    for (size_t i = 0; i < report->observation_count; i++) {
        const struct observation *observation = &report->observations[i];
        if (observation->class_claim)
            report->observations[kept++] = *observation;
        else
            buf_printf(&over, "%s%s", over.size ? "," : "{\"n6_over\":[", observation->extra);
    }
    report->observation_count = kept;
    if (over.size && buf_add_text(&over, "]}"))
        report->extra = arena_strdup(report->arena, buf_text(&over));
    buf_clear(&over);
}

/* --- the codec --- */

static bool read_event(struct report *report, json_t *event, const struct json_place *place, struct err *err)
{
    if (!json_is_object(event))
        return json_value_fail(place, ERR_INPUT, err, "must be an event, an object");
    struct arena *arena = report_row_arena(report);
    struct observation *observation = report_add_observation(report);
    struct json_take take = {.report = report, .observation = observation, .object = event, .place = place};
    struct json_place here = {.up = place, .name = "category"};
    if (is_over(event) && json_is_string(json_object_get(event, "category"))) {
        read_over(&take);
        return true;
    }
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
    if (!json_take_events(bytes, size, "n6", limits, label_of, read_event, out, err))
        return false;
    keep_over(*out);
    report_settle_label(*out);
    return true;
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
