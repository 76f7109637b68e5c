#include "codec/misp_attribute.h"

#include <string.h>

#include "base/str.h"
#include "codec/schemeless.h"

/* What a part of a value is. Beyond the types of observables: */
enum {
    PART_NONE = 0,
    PART_ADDRESS = 100, /* of either family, a network, a range */
    PART_SOURCE_PORT,
    PART_TARGET_PORT,
    PART_GUESS,   /* an address or a name */
    PART_HOST,    /* a name, and where a sender has none for a machine its address */
    PART_URL,     /* often written without its scheme, and then a name */
    PART_ACCOUNT, /* written as a mail address or somehow else */
    PART_PERSON   /* who somebody is: no value to look for, to find others by, or to give to anybody */
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
    {"domain", PART_HOST, PART_NONE, ROLE_INFRASTRUCTURE},
    {"hostname", PART_HOST, PART_NONE, ROLE_INFRASTRUCTURE},
    {"domain|ip", PART_HOST, PART_ADDRESS, ROLE_INFRASTRUCTURE},
    {"hostname|port", PART_HOST, PART_TARGET_PORT, ROLE_INFRASTRUCTURE},
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
    {"md5", OBSERVABLE_MD5, PART_NONE, ROLE_OTHER},
    {"sha1", OBSERVABLE_SHA1, PART_NONE, ROLE_OTHER},
    {"sha256", OBSERVABLE_SHA256, PART_NONE, ROLE_OTHER},
    {"sha512", OBSERVABLE_SHA512, PART_NONE, ROLE_OTHER},
    {"x509-fingerprint-md5", OBSERVABLE_MD5, PART_NONE, ROLE_OTHER},
    {"x509-fingerprint-sha1", OBSERVABLE_SHA1, PART_NONE, ROLE_OTHER},
    {"x509-fingerprint-sha256", OBSERVABLE_SHA256, PART_NONE, ROLE_OTHER},
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
    {"filename|sha3-224", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|sha3-256", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|sha3-384", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
    {"filename|sha3-512", OBSERVABLE_FILENAME, OBSERVABLE_TEXT, ROLE_OTHER},
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
    {"eppn", PART_ACCOUNT, PART_NONE, ROLE_OTHER},
    {"jabber-id", PART_ACCOUNT, PART_NONE, ROLE_OTHER},
    {"email-src-display-name", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"email-dst-display-name", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"whois-registrant-name", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"whois-registrant-phone", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"first-name", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"middle-name", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"last-name", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"full-name", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"date-of-birth", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"place-of-birth", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"passport-number", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"identity-card-number", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"redress-number", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"visa-number", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"frequent-flyer-number", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"passenger-name-record-locator-number", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"primary-residence", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"payment-details", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"travel-details", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"cc-number", PART_PERSON, PART_NONE, ROLE_OTHER},
    {"port", PART_TARGET_PORT, PART_NONE, ROLE_OTHER},
};

/* Where an object's template says of a value what its type does not: the role, and that it is on the way (the relays of a mail, up to the
 * receiver's own) and so none to look for. To add one: a row, the relation NULL for all of an object. */
struct object_role {
    const char *object, *relation;
    enum sighting_role role;
    bool is_on_the_way;
};

static const struct object_role object_roles[] = {
    {"ddos", "ip-dst", ROLE_VICTIM, false},
    {"ddos", "domain-dst", ROLE_VICTIM, false},
    {"victim", NULL, ROLE_VICTIM, false},
    {"network-traffic", "src_ip", ROLE_SOURCE, false},
    {"network-traffic", "src_hostname", ROLE_SOURCE, false},
    {"network-connection", "hostname-src", ROLE_SOURCE, false},
    {"network-socket", "hostname-src", ROLE_SOURCE, false},
    {"email", "received-header-ip", ROLE_OTHER, true},
    {"email", "received-header-hostname", ROLE_OTHER, true},
};

/* Which side a port is of; one by itself is the target's, of a relation that is not here nobody's. */
static const struct {
    const char *relation;
    int part;
} port_sides[] = {
    {"src-port", PART_SOURCE_PORT},    {"src_port", PART_SOURCE_PORT},         {"source-port", PART_SOURCE_PORT},
    {"source_port", PART_SOURCE_PORT}, {"dst-port", PART_TARGET_PORT},         {"dst_port", PART_TARGET_PORT},
    {"dest-port", PART_TARGET_PORT},   {"dest_port", PART_TARGET_PORT},        {"destination-port", PART_TARGET_PORT},
    {"port", PART_TARGET_PORT},        {"destination_port", PART_TARGET_PORT},
};

/* Long texts (rules for YARA, Snort) are no values that anything could be compared with. */
enum { TEXT_SIZE_MAX = 1024 };

/* An attribute while it is read. */
struct reading {
    const struct json_take *take;
    const char *type, *relation, *value;
    bool is_marked; /* to_ids */
};

bool misp_attribute_flag(const json_t *object, const char *name, bool *is_set)
{
    const json_t *flag = json_object_get(object, name);
    const char *word = json_string_value(flag);
    bool is_true = json_is_true(flag) || (json_is_number(flag) && json_number_value(flag) == 1) || str_equal(word, "1") ||
                   str_equal_nocase(word, "true");
    bool is_false = !flag || json_is_false(flag) || json_is_null(flag) || (json_is_number(flag) && json_number_value(flag) == 0) ||
                    str_equal(word, "") || str_equal(word, "0") || str_equal_nocase(word, "false");
    if (is_true || is_false)
        *is_set = is_true;
    return is_true || is_false;
}

bool misp_attribute_read_flag(const struct json_take *take, const char *name, bool otherwise)
{
    struct json_place here = {.up = take->place, .name = name};
    bool is_set = otherwise;
    if (!misp_attribute_flag(take->object, name, &is_set))
        json_take_reject(take->report, &here, "is neither true nor false");
    return is_set;
}

static const struct attribute_type *find_type(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_SIZE(types); i++)
        if (str_equal(name, types[i].name))
            return &types[i];
    return NULL;
}

static const struct object_role *find_object_role(const struct reading *reading, const char *object_name)
{
    for (size_t i = 0; object_name && i < ARRAY_SIZE(object_roles); i++)
        if (str_equal(object_name, object_roles[i].object) &&
            (!object_roles[i].relation || str_equal(reading->relation, object_roles[i].relation)))
            return &object_roles[i];
    return NULL;
}

static bool is_of_category(const struct reading *reading, const char *category)
{
    return str_equal(json_string_value(json_object_get(reading->take->object, "category")), category);
}

static bool add_port(int *port, const char *text)
{
    int64_t number;
    if (*port >= 0 || !str_to_int64(text, 0, 65535, &number))
        return false;
    *port = (int)number;
    return true;
}

/* The port of an attribute that is nothing else. */
static bool add_single_port(const struct reading *reading)
{
    struct observation *observation = reading->take->observation;
    int part = reading->relation ? PART_NONE : PART_TARGET_PORT;
    for (size_t i = 0; reading->relation && i < ARRAY_SIZE(port_sides); i++)
        if (str_equal(reading->relation, port_sides[i].relation))
            part = port_sides[i].part;
    return part != PART_NONE && add_port(part == PART_SOURCE_PORT ? &observation->source_port : &observation->target_port, reading->value);
}

static bool add_host(const struct json_take *take, enum sighting_role role, const char *text)
{
    return report_add_sighting(take->report, take->observation, OBSERVABLE_DOMAIN, role, text) ||
           json_take_address_text(take->report, take->observation, role, text);
}

static bool add_part(const struct reading *reading, int part, enum sighting_role role, const char *text)
{
    const struct json_take *take = reading->take;
    switch (part) {
    case PART_ADDRESS:
        return json_take_address_text(take->report, take->observation, role, text);
    case PART_GUESS:
        return report_add_guessed(take->report, take->observation, role, text) ||
               report_add_sighting(take->report, take->observation, OBSERVABLE_TEXT, role, text);
    case PART_HOST:
        return add_host(take, role, text);
    case PART_URL:
        return report_add_sighting(take->report, take->observation, OBSERVABLE_URL, role, text) ||
               report_add_guessed(take->report, take->observation, role, text);
    case PART_ACCOUNT:
        return report_add_sighting(take->report, take->observation, OBSERVABLE_EMAIL, role, text);
    case PART_PERSON:
        return false;
    case PART_SOURCE_PORT:
        return add_port(&take->observation->source_port, text);
    case PART_TARGET_PORT:
        return add_port(&take->observation->target_port, text);
    default:
        return report_add_sighting(take->report, take->observation, (enum observable_type)part, role, text);
    }
}

static bool add_parts(const struct reading *reading, const struct attribute_type *type, enum sighting_role role)
{
    const struct json_take *take = reading->take;
    if (type->first == PART_TARGET_PORT)
        return add_single_port(reading);
    if (type->second == PART_NONE)
        return add_part(reading, type->first, role, reading->value);
    const char *bar = strrchr(reading->value, '|');
    if (!bar)
        return false;
    const char *first = arena_strndup(report_row_arena(take->report), reading->value, (size_t)(bar - reading->value));
    size_t before = take->observation->sighting_count;
    /* A machine without a name has its address in both places. */
    if (add_part(reading, type->first, role, first) && (str_equal(first, bar + 1) || add_part(reading, type->second, role, bar + 1)))
        return true;
    take->observation->sighting_count = before; /* both or none */
    return false;
}

/* An indicator of a type that we do not know is still one. */
static bool add_unknown(const struct reading *reading, enum sighting_role role)
{
    return reading->is_marked && strlen(reading->value) <= TEXT_SIZE_MAX &&
           report_add_sighting(reading->take->report, reading->take->observation, OBSERVABLE_TEXT, role, reading->value);
}

/* The transport that objects of connections name; what is above it ("https") stays. */
static bool add_protocol(const struct reading *reading)
{
    static const char *const relations[] = {"protocol", "protocols", "layer3-protocol", "layer4-protocol"};
    static const char *const transports[] = {"tcp", "udp", "icmp", "sctp"};
    struct observation *observation = reading->take->observation;
    bool is_said = false;
    for (size_t i = 0; i < ARRAY_SIZE(relations); i++)
        is_said = is_said || str_equal(reading->relation, relations[i]);
    for (size_t i = 0; is_said && str_equal(reading->type, "text") && !observation->protocol && i < ARRAY_SIZE(transports); i++)
        if (str_equal_nocase(reading->value, transports[i]))
            return observation->protocol = transports[i], true;
    return false;
}

/* Adds the values; *names_host where beside the text its host is one. */
static bool add_values(const struct reading *reading, const struct attribute_type *type, enum sighting_role role, bool *names_host)
{
    if (!type)
        return !is_of_category(reading, "Person") && add_unknown(reading, role);
    if (add_parts(reading, type, role))
        return true;
    if (type->first != PART_URL)
        return false;
    *names_host = schemeless_add(reading->take->report, reading->take->observation, role, reading->value);
    /* A path that is called a URL is no value that a machine could be found by, but perhaps one to look for. */
    return *names_host || add_unknown(reading, role);
}

/* A second port of an object, or one of neither side, has no place, nor has a path without a host, or who somebody is; but they are no
 * fault. */
static bool is_fault(const struct reading *reading, const struct attribute_type *type)
{
    return type && type->first != PART_TARGET_PORT && type->first != PART_ACCOUNT && type->first != PART_PERSON &&
           !(type->first == PART_URL && *reading->value == '/');
}

bool misp_attribute_read(const struct json_take *take, const char *object_name)
{
    struct reading reading = {
        .take = take,
        .type = json_string_value(json_object_get(take->object, "type")),
        .relation = json_string_value(json_object_get(take->object, "object_relation")),
        .value = json_take_scalar(json_object_get(take->object, "value"), report_row_arena(take->report)),
    };
    const struct attribute_type *type = find_type(reading.type);
    struct observation *observation = take->observation;
    size_t before = observation->sighting_count;
    bool names_host = false;
    if (!reading.value || json_take_is_absent(reading.value))
        return false;
    const struct object_role *in_object = find_object_role(&reading, object_name);
    reading.is_marked = misp_attribute_read_flag(take, "to_ids", false) && !(in_object && in_object->is_on_the_way);
    enum sighting_role role = in_object                                    ? in_object->role
                              : is_of_category(&reading, "Targeting data") ? ROLE_VICTIM
                              : type                                       ? type->role
                                                                           : ROLE_OTHER;
    if (!add_protocol(&reading) && !add_values(&reading, type, role, &names_host)) {
        struct json_place here = {.up = take->place, .name = "value"};
        if (is_fault(&reading, type))
            json_take_reject(take->report, &here, "is no valid value of its type");
        return false;
    }
    for (size_t i = before; i < observation->sighting_count; i++)
        observation->sightings[i].is_indicator = reading.is_marked && observation->sightings[i].role != ROLE_VICTIM &&
                                                 (!names_host || observation->sightings[i].type == OBSERVABLE_TEXT);
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
