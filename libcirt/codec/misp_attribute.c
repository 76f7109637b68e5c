#include "codec/misp_attribute.h"

#include <string.h>

#include "base/str.h"

/* What a part of a value is. Beyond the types of observables: */
enum {
    PART_NONE = 0,
    PART_ADDRESS = 100, /* of either family, a network, a range */
    PART_SOURCE_PORT,
    PART_TARGET_PORT,
    PART_GUESS, /* an address or a name */
    PART_URL    /* often written without its scheme, and then a name */
};

struct attribute_type {
    const char *name;
    int first, second; /* an observable_type or a PART */
    enum sighting_role role;
};

/* To add a type: a row. Sorted by kind; types that are not here are indicators of type text where to_ids says so, else they stay in
 * extra. MISP's "ip-dst" is where malware calls, so it is nobody's victim. */
static const struct attribute_type types[] = {
    {"ip-src", PART_ADDRESS, PART_NONE, ROLE_SOURCE},
    {"ip-dst", PART_ADDRESS, PART_NONE, ROLE_INFRASTRUCTURE},
    {"ip-src|port", PART_ADDRESS, PART_SOURCE_PORT, ROLE_SOURCE},
    {"ip-dst|port", PART_ADDRESS, PART_TARGET_PORT, ROLE_INFRASTRUCTURE},
    {"domain", OBSERVABLE_DOMAIN, PART_NONE, ROLE_INFRASTRUCTURE},
    {"hostname", OBSERVABLE_DOMAIN, PART_NONE, ROLE_INFRASTRUCTURE},
    {"domain|ip", OBSERVABLE_DOMAIN, PART_ADDRESS, ROLE_INFRASTRUCTURE},
    {"hostname|port", OBSERVABLE_DOMAIN, PART_TARGET_PORT, ROLE_INFRASTRUCTURE},
    {"onion-address", OBSERVABLE_DOMAIN, PART_NONE, ROLE_INFRASTRUCTURE},
    {"url", PART_URL, PART_NONE, ROLE_INFRASTRUCTURE},
    {"uri", PART_URL, PART_NONE, ROLE_INFRASTRUCTURE},
    {"AS", OBSERVABLE_ASN, PART_NONE, ROLE_OTHER},
    {"mac-address", OBSERVABLE_MAC, PART_NONE, ROLE_OTHER},
    {"user-agent", OBSERVABLE_USER_AGENT, PART_NONE, ROLE_OTHER},
    {"email", OBSERVABLE_EMAIL, PART_NONE, ROLE_OTHER},
    {"email-src", OBSERVABLE_EMAIL, PART_NONE, ROLE_SOURCE},
    {"email-reply-to", OBSERVABLE_EMAIL, PART_NONE, ROLE_SOURCE},
    {"email-dst", OBSERVABLE_EMAIL, PART_NONE, ROLE_TARGET},
    {"dns-soa-email", OBSERVABLE_EMAIL, PART_NONE, ROLE_OTHER},
    {"whois-registrant-email", OBSERVABLE_EMAIL, PART_NONE, ROLE_OTHER},
    {"phone-number", OBSERVABLE_PHONE, PART_NONE, ROLE_OTHER},
    {"whois-registrant-phone", OBSERVABLE_PHONE, PART_NONE, ROLE_OTHER},
    {"md5", OBSERVABLE_MD5, PART_NONE, ROLE_OTHER},
    {"sha1", OBSERVABLE_SHA1, PART_NONE, ROLE_OTHER},
    {"sha256", OBSERVABLE_SHA256, PART_NONE, ROLE_OTHER},
    {"sha512", OBSERVABLE_SHA512, PART_NONE, ROLE_OTHER},
    {"filename", OBSERVABLE_FILENAME, PART_NONE, ROLE_OTHER},
    {"email-attachment", OBSERVABLE_FILENAME, PART_NONE, ROLE_OTHER},
    {"attachment", OBSERVABLE_FILENAME, PART_NONE, ROLE_OTHER},
    {"malware-sample", OBSERVABLE_FILENAME, OBSERVABLE_MD5, ROLE_OTHER},
    {"filename|md5", OBSERVABLE_FILENAME, OBSERVABLE_MD5, ROLE_OTHER},
    {"filename|sha1", OBSERVABLE_FILENAME, OBSERVABLE_SHA1, ROLE_OTHER},
    {"filename|sha256", OBSERVABLE_FILENAME, OBSERVABLE_SHA256, ROLE_OTHER},
    {"filename|sha512", OBSERVABLE_FILENAME, OBSERVABLE_SHA512, ROLE_OTHER},
    {"filename|authentihash", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|impfuzzy", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|imphash", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|pehash", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|sha224", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|sha384", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|sha512/224", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|sha512/256", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|ssdeep", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|tlsh", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|vhash", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"vulnerability", OBSERVABLE_CVE, PART_NONE, ROLE_OTHER},
    {"btc", OBSERVABLE_CRYPTO, PART_NONE, ROLE_OTHER},
    {"dash", OBSERVABLE_CRYPTO, PART_NONE, ROLE_OTHER},
    {"xmr", OBSERVABLE_CRYPTO, PART_NONE, ROLE_OTHER},
    {"target-email", OBSERVABLE_EMAIL, PART_NONE, ROLE_VICTIM},
    {"target-machine", PART_GUESS, PART_NONE, ROLE_VICTIM},
    {"target-user", OBSERVABLE_TEXT, PART_NONE, ROLE_VICTIM},
    {"target-org", OBSERVABLE_TEXT, PART_NONE, ROLE_VICTIM},
    {"target-external", OBSERVABLE_TEXT, PART_NONE, ROLE_VICTIM},
    {"port", PART_TARGET_PORT, PART_NONE, ROLE_OTHER},
};

/* Long texts (rules for YARA, Snort) are no values that anything could be compared with. */
enum { TEXT_SIZE_MAX = 1024 };

bool misp_attribute_flag(const json_t *object, const char *name)
{
    const json_t *flag = json_object_get(object, name);
    return json_is_true(flag) || (json_is_integer(flag) && json_integer_value(flag) == 1) || str_equal(json_string_value(flag), "1");
}

static const struct attribute_type *find_type(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_SIZE(types); i++)
        if (str_equal(name, types[i].name))
            return &types[i];
    return NULL;
}

static bool add_port(int *port, const char *text)
{
    int64_t number;
    if (*port >= 0 || !str_to_int64(text, 0, 65535, &number))
        return false;
    *port = (int)number;
    return true;
}

static bool add_part(const struct json_take *take, int part, enum sighting_role role, const char *text)
{
    const char *relation = json_string_value(json_object_get(take->object, "object_relation"));
    bool is_source = part == PART_SOURCE_PORT || (part == PART_TARGET_PORT && str_equal(relation, "src-port"));
    switch (part) {
    case PART_ADDRESS:
        return json_take_address_text(take->report, take->observation, role, text);
    case PART_GUESS:
        return report_add_guessed(take->report, take->observation, role, text) ||
               report_add_sighting(take->report, take->observation, OBSERVABLE_TEXT, role, text);
    case PART_URL:
        return report_add_sighting(take->report, take->observation, OBSERVABLE_URL, role, text) ||
               report_add_guessed(take->report, take->observation, role, text);
    case PART_SOURCE_PORT:
    case PART_TARGET_PORT:
        return add_port(is_source ? &take->observation->source_port : &take->observation->target_port, text);
    default:
        return report_add_sighting(take->report, take->observation, (enum observable_type)part, role, text);
    }
}

static bool add_parts(const struct json_take *take, const struct attribute_type *type, const char *value)
{
    if (type->second == PART_NONE)
        return add_part(take, type->first, type->role, value);
    const char *bar = strrchr(value, '|');
    if (!bar)
        return false;
    const char *first = arena_strndup(report_row_arena(take->report), value, (size_t)(bar - value));
    size_t before = take->observation->sighting_count;
    if (add_part(take, type->first, type->role, first) && add_part(take, type->second, type->role, bar + 1))
        return true;
    take->observation->sighting_count = before; /* both or none */
    return false;
}

/* An indicator of a type that we do not know is still one. */
static bool add_unknown(const struct json_take *take, const char *value)
{
    return misp_attribute_flag(take->object, "to_ids") && strlen(value) <= TEXT_SIZE_MAX &&
           report_add_sighting(take->report, take->observation, OBSERVABLE_TEXT, ROLE_OTHER, value);
}

/* The transport that objects of connections name; what is above it ("https") stays. */
static bool add_protocol(const struct json_take *take, const char *name, const char *value)
{
    static const char *const transports[] = {"tcp", "udp", "icmp", "sctp"};
    const char *relation = json_string_value(json_object_get(take->object, "object_relation"));
    bool is_said = str_equal(name, "text") && (str_equal(relation, "protocol") || str_equal(relation, "layer4-protocol"));
    for (size_t i = 0; is_said && !take->observation->protocol && i < ARRAY_SIZE(transports); i++)
        if (str_equal_nocase(value, transports[i]))
            return take->observation->protocol = transports[i], true;
    return false;
}

bool misp_attribute_read(const struct json_take *take)
{
    const char *name = json_string_value(json_object_get(take->object, "type"));
    const char *value = json_string_value(json_object_get(take->object, "value"));
    const struct attribute_type *type = find_type(name);
    size_t before = take->observation->sighting_count;
    if (!value || json_take_is_absent(value))
        return false;
    if (add_protocol(take, name, value)) {
        json_object_del(take->object, "value");
        return true;
    }
    /* A path that is called a URL is no value that a machine could be found by, but perhaps one to look for. */
    bool is_added = type ? add_parts(take, type, value) || (type->first == PART_URL && add_unknown(take, value)) : add_unknown(take, value);
    if (!is_added) {
        struct json_place here = {.up = take->place, .name = "value"};
        /* A second port of an object has no place, but it is no fault either. */
        if (type && type->first != PART_TARGET_PORT)
            json_take_reject(take->report, &here, "is no valid value of its type");
        return false;
    }
    for (size_t i = before; i < take->observation->sighting_count; i++) {
        struct sighting *sighting = &take->observation->sightings[i];
        sighting->is_indicator = sighting->role != ROLE_VICTIM && misp_attribute_flag(take->object, "to_ids");
    }
    json_object_del(take->object, "value");
    return true;
}

/* --- writing --- */

static const struct {
    enum observable_type type;
    enum sighting_role wanted; /* ROLE_COUNT: any */
    struct misp_attribute_type as;
} written[] = {
    {OBSERVABLE_IPV4, ROLE_SOURCE, {"ip-src", "Network activity", ROLE_SOURCE, false}},
    {OBSERVABLE_IPV4, ROLE_VICTIM, {"target-machine", "Targeting data", ROLE_VICTIM, false}},
    {OBSERVABLE_IPV4, ROLE_COUNT, {"ip-dst", "Network activity", ROLE_INFRASTRUCTURE, false}},
    {OBSERVABLE_IPV6, ROLE_SOURCE, {"ip-src", "Network activity", ROLE_SOURCE, false}},
    {OBSERVABLE_IPV6, ROLE_VICTIM, {"target-machine", "Targeting data", ROLE_VICTIM, false}},
    {OBSERVABLE_IPV6, ROLE_COUNT, {"ip-dst", "Network activity", ROLE_INFRASTRUCTURE, false}},
    {OBSERVABLE_CIDR, ROLE_SOURCE, {"ip-src", "Network activity", ROLE_SOURCE, false}},
    {OBSERVABLE_CIDR, ROLE_VICTIM, {"target-machine", "Targeting data", ROLE_VICTIM, false}},
    {OBSERVABLE_CIDR, ROLE_COUNT, {"ip-dst", "Network activity", ROLE_INFRASTRUCTURE, false}},
    {OBSERVABLE_ASN, ROLE_COUNT, {"AS", "Network activity", ROLE_OTHER, false}},
    {OBSERVABLE_DOMAIN, ROLE_VICTIM, {"target-machine", "Targeting data", ROLE_VICTIM, false}},
    {OBSERVABLE_DOMAIN, ROLE_COUNT, {"domain", "Network activity", ROLE_INFRASTRUCTURE, false}},
    {OBSERVABLE_URL, ROLE_COUNT, {"url", "Network activity", ROLE_INFRASTRUCTURE, false}},
    {OBSERVABLE_EMAIL, ROLE_SOURCE, {"email-src", "Payload delivery", ROLE_SOURCE, false}},
    {OBSERVABLE_EMAIL, ROLE_TARGET, {"email-dst", "Payload delivery", ROLE_TARGET, false}},
    {OBSERVABLE_EMAIL, ROLE_VICTIM, {"target-email", "Targeting data", ROLE_VICTIM, false}},
    {OBSERVABLE_EMAIL, ROLE_COUNT, {"email", "Payload delivery", ROLE_OTHER, false}},
    {OBSERVABLE_MD5, ROLE_COUNT, {"md5", "Payload delivery", ROLE_OTHER, false}},
    {OBSERVABLE_SHA1, ROLE_COUNT, {"sha1", "Payload delivery", ROLE_OTHER, false}},
    {OBSERVABLE_SHA256, ROLE_COUNT, {"sha256", "Payload delivery", ROLE_OTHER, false}},
    {OBSERVABLE_SHA512, ROLE_COUNT, {"sha512", "Payload delivery", ROLE_OTHER, false}},
    {OBSERVABLE_CVE, ROLE_COUNT, {"vulnerability", "External analysis", ROLE_OTHER, false}},
    {OBSERVABLE_MAC, ROLE_COUNT, {"mac-address", "Network activity", ROLE_OTHER, false}},
    {OBSERVABLE_USER_AGENT, ROLE_COUNT, {"user-agent", "Network activity", ROLE_OTHER, false}},
    {OBSERVABLE_FILENAME, ROLE_COUNT, {"filename", "Payload delivery", ROLE_OTHER, false}},
    {OBSERVABLE_PHONE, ROLE_COUNT, {"phone-number", "Other", ROLE_OTHER, false}},
};

/* A crypto-currency has no name with us, MISP has no type for a country of a machine. */
static const struct misp_attribute_type own_type = {"other", "Other", ROLE_OTHER, true};

const struct misp_attribute_type *misp_attribute_type(enum observable_type type, enum sighting_role role)
{
    for (size_t i = 0; i < ARRAY_SIZE(written); i++)
        if (written[i].type == type && (written[i].wanted == role || written[i].wanted == ROLE_COUNT))
            return &written[i].as;
    return &own_type;
}
