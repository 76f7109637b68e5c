#include "codec/iodef_sight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/base64.h"
#include "codec/iodef.h"
#include "codec/iodef_label.h"
#include "codec/iodef_sci.h"
#include "codec/xml_json.h"
#include "codec/xml_text.h"

enum { DIGEST_MAX = 160 };

static const struct {
    const char *category;
    enum observable_type type;
} address_types[] = {
    {"ipv4-addr", OBSERVABLE_IPV4}, {"ipv6-addr", OBSERVABLE_IPV6},     {"ipv4-net", OBSERVABLE_CIDR},
    {"ipv6-net", OBSERVABLE_CIDR},  {"ipv4-net-mask", OBSERVABLE_CIDR}, {"ipv6-net-mask", OBSERVABLE_CIDR},
    {"asn", OBSERVABLE_ASN},        {"e-mail", OBSERVABLE_EMAIL},       {"mac", OBSERVABLE_MAC},
    {"site-uri", OBSERVABLE_URL},   {"domain-name", OBSERVABLE_DOMAIN}, {"http-user-agent", OBSERVABLE_USER_AGENT},
};

/* Lists whose lines name several things ("192.0.2.1, 80, tcp"), and what their first two are: OBSERVABLE_TEXT where it is no value. */
static const struct {
    const char *type;
    enum observable_type first, second;
} bulk_tuples[] = {
    {"ipv4-port", OBSERVABLE_IPV4, OBSERVABLE_TEXT},
    {"ipv6-port", OBSERVABLE_IPV6, OBSERVABLE_TEXT},
    {"domain-to-ipv4", OBSERVABLE_DOMAIN, OBSERVABLE_IPV4},
    {"domain-to-ipv6", OBSERVABLE_DOMAIN, OBSERVABLE_IPV6},
    {"domain-to-ipv4-timestamp", OBSERVABLE_DOMAIN, OBSERVABLE_IPV4},
    {"domain-to-ipv6-timestamp", OBSERVABLE_DOMAIN, OBSERVABLE_IPV6},
};

static const struct {
    const char *category;
    enum sighting_role role;
} system_roles[] = {
    {"source", ROLE_SOURCE},
    {"target", ROLE_TARGET},
    {"infrastructure", ROLE_INFRASTRUCTURE},
};

static const struct {
    int number;
    const char *name;
} protocols[] = {{1, "icmp"}, {2, "igmp"}, {6, "tcp"}, {17, "udp"}, {41, "ipv6"}, {47, "gre"}, {50, "esp"}, {58, "icmpv6"}, {132, "sctp"}};

const char *iodef_sight_protocol_name(const char *number)
{
    int64_t value;
    if (!str_to_int64(number, 0, 255, &value))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
        if (protocols[i].number == value)
            return protocols[i].name;
    return NULL;
}

int iodef_sight_protocol_number(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
        if (str_equal_nocase(protocols[i].name, name))
            return protocols[i].number;
    return -1;
}

static struct arena *arena_of(struct iodef_sight *sight)
{
    return report_row_arena(sight->reader->report);
}

/* An id that indicators of this document may refer to. */
static void remember_name(struct iodef_sight *sight, struct xml_element *element, size_t count)
{
    struct iodef_reader *reader = sight->reader;
    const char *id = xml_attribute(element, "", "observable-id");
    if (!id)
        return;
    reader->named = mem_grow(reader->named, &reader->named_capacity, reader->named_count, sizeof *reader->named);
    reader->named[reader->named_count++] = (struct iodef_named){
        .id = arena_strdup(reader->report->arena, id),
        .observation = reader->report->observation_count - 1,
        .first = sight->observation->sighting_count - count,
        .count = count,
    };
    xml_json_use_attribute(element, "observable-id");
}

static bool is_network_type(enum observable_type type)
{
    return type <= OBSERVABLE_EMAIL || type == OBSERVABLE_MAC;
}

void iodef_sight_mark(struct sighting *sighting, const struct iodef_marking *marking)
{
    if (sighting->role == ROLE_VICTIM)
        return;
    sighting->is_indicator = true;
    if (!marking)
        return;
    sighting->confidence = marking->confidence;
    sighting->valid_until = marking->valid_until;
}

/* Adds one value that stands in (or, for digests, is named by) element. *added tells whether it was such a value. */
static bool add(struct iodef_sight *sight, struct xml_element *element, enum observable_type type, bool is_guess, const char *text,
                bool *added)
{
    struct iodef_reader *reader = sight->reader;
    *added = false;
    if (++reader->sightings > reader->limits->observations_max * IODEF_SIGHTINGS_PER_OBSERVATION)
        return xml_fail(reader->err, ERR_LIMIT, IODEF_NAME, element, "more sightings than the limit");
    struct observation *observation = sight->observation;
    enum sighting_role role = is_guess || is_network_type(type) ? sight->network_role : sight->role;
    size_t before = observation->sighting_count;
    if (!(is_guess ? report_add_guessed(reader->report, observation, role, text)
                   : report_add_sighting(reader->report, observation, type, role, text)))
        return true;
    *added = true;
    if (observation->sighting_count == before)
        return true;
    struct sighting *sighting = &observation->sightings[observation->sighting_count - 1];
    sighting->tlp = sight->tlp;
    if (sight->is_indicator)
        iodef_sight_mark(sighting, sight->marking);
    remember_name(sight, element, 1);
    return true;
}

bool iodef_sight_value(struct iodef_sight *sight, struct xml_element *element, enum observable_type type, const char *text, bool *added)
{
    return add(sight, element, type, false, text, added);
}

static void reject_why(struct iodef_sight *sight, const struct xml_element *element, const char *why)
{
    struct report *report = sight->reader->report;
    char place[XML_PLACE_SIZE] = "", harmless[160];
    if (report->rejected_total < REPORT_REJECTIONS_KEPT)
        xml_place(element, place);
    xml_text_harmless(why, harmless, sizeof harmless);
    report_reject(report, place, harmless);
}

static void reject(struct iodef_sight *sight, const struct xml_element *element, const char *what, const char *text)
{
    char why[160];
    if (observable_is_absent(text))
        return;
    snprintf(why, sizeof why, "\"%.80s\" is no %s", text, what);
    reject_why(sight, element, why);
}

static bool find_address_type(const struct xml_element *element, const char *attribute, const char *extension, enum observable_type *type)
{
    const char *category = xml_attribute(element, "", attribute);
    if (str_equal(category, "ext-value")) {
        const char *extended = xml_attribute(element, "", extension);
        if (str_equal(extended, "fqdn"))
            extended = observable_type_name(OBSERVABLE_DOMAIN);
        return extended && observable_type_parse(extended, type);
    }
    for (size_t i = 0; category && i < ARRAY_SIZE(address_types); i++)
        if (str_equal(address_types[i].category, category)) {
            *type = address_types[i].type;
            return true;
        }
    return false;
}

static bool sight_address(struct iodef_sight *sight, struct xml_element *address)
{
    enum observable_type type = OBSERVABLE_TEXT;
    bool is_guess = !xml_attribute(address, "", "category"), added;
    if (!is_guess && !find_address_type(address, "category", "ext-category", &type))
        return true;
    bool is_quoted = address->text[strspn(address->text, " \t\r\n")] == '"'; /* "a b"@bank.example */
    const char *text = is_quoted ? xml_text(arena_of(sight), address) : xml_text_packed(arena_of(sight), address);
    if (!add(sight, address, type, is_guess, text, &added))
        return false;
    if (added) {
        address->is_used = true;
        xml_json_use_attribute(address, "category");
        xml_json_use_attribute(address, "ext-category");
    } else if (type != OBSERVABLE_URL) {
        /* A site-uri may be relative to the host (RFC 8274 example): kept, and no mistake. */
        reject(sight, address, is_guess ? "address" : observable_type_name(type), text);
    }
    return true;
}

static bool sight_domain(struct iodef_sight *sight, struct xml_element *domain)
{
    struct xml_element *name = xml_child(domain, IODEF_SPACE, "Name");
    bool added;
    if (!name)
        return true;
    const char *text = xml_text_packed(arena_of(sight), name);
    if (!add(sight, domain, OBSERVABLE_DOMAIN, false, text, &added))
        return false;
    if (added)
        domain->is_used = name->is_used = true;
    else
        reject(sight, name, "domain", text);
    return true;
}

/* How often it happened: a whole number of events is ours, rates and bytes stay in extra. "count" is the word of RFC 8727. */
static void read_counter(struct iodef_sight *sight, struct xml_element *counter)
{
    int64_t count;
    const char *type = xml_attribute(counter, "", "type");
    if ((!str_equal(type, "counter") && !str_equal(type, "count")) || !str_equal(xml_attribute(counter, "", "unit"), "event") ||
        !str_to_int64(xml_text(arena_of(sight), counter), 1, INT64_MAX, &count))
        return;
    sight->observation->count = count;
    counter->is_used = true;
    xml_json_use_attribute(counter, "type");
    xml_json_use_attribute(counter, "unit");
}

static bool sight_node(struct iodef_sight *sight, struct xml_element *node)
{
    node->is_used = true;
    for (struct xml_element *child = node->first; child; child = child->next) {
        bool ok = true;
        if (xml_is(child, IODEF_SPACE, "Address"))
            ok = sight_address(sight, child);
        else if (xml_is(child, IODEF_SPACE, "DomainData"))
            ok = sight_domain(sight, child);
        else if (xml_is(child, IODEF_SPACE, "Counter"))
            read_counter(sight, child);
        if (!ok)
            return false;
    }
    return true;
}

static void read_port(struct iodef_sight *sight, struct xml_element *service, enum sighting_role role)
{
    struct xml_element *port = xml_child(service, IODEF_SPACE, "Port");
    if (!port)
        port = xml_child(service, IODEF_SPACE, "Portlist"); /* ours where it is a list of one */
    int *place = role == ROLE_SOURCE ? &sight->observation->source_port : &sight->observation->target_port;
    int64_t number;
    if (!port || (role != ROLE_SOURCE && role != ROLE_TARGET))
        return;
    if (!str_to_int64(xml_text(arena_of(sight), port), 0, 65535, &number) || (*place != -1 && *place != number))
        return;
    *place = (int)number;
    service->is_used = port->is_used = true;
}

/* A number, or the name itself as others write it. */
static const char *find_protocol(const char *text)
{
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
        if (str_equal_nocase(protocols[i].name, text))
            return protocols[i].name;
    return iodef_sight_protocol_name(text);
}

static void read_service(struct iodef_sight *sight, struct xml_element *service, enum sighting_role role)
{
    const char *written = xml_attribute(service, "", "ip-protocol");
    const char *protocol = written ? find_protocol(written) : NULL;
    struct observation *observation = sight->observation;
    if (protocol && (!observation->protocol || str_equal(observation->protocol, protocol))) {
        observation->protocol = protocol;
        xml_json_use_attribute(service, "ip-protocol");
        service->is_used = true;
    }
    read_port(sight, service, role);
}

static bool find_role(struct xml_element *system, enum sighting_role *role)
{
    const char *category = xml_attribute(system, "", "category");
    if (str_equal(category, "ext-value"))
        category = xml_attribute(system, "", "ext-category");
    if (!category)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(system_roles); i++)
        if (str_equal(system_roles[i].category, category)) {
            *role = system_roles[i].role;
            return true;
        }
    return sighting_role_parse(category, role);
}

bool iodef_sight_system(struct iodef_sight *sight, struct xml_element *system)
{
    struct iodef_sight inner = *sight;
    if (!iodef_label_read(system, sight->tlp, &inner.tlp, sight->reader->err))
        return false;
    if (str_equal(xml_attribute(system, "", "spoofed"), "yes")) {
        inner.role = inner.network_role = ROLE_VICTIM; /* the address of somebody who has nothing to do with it, or suffers it */
    } else if (find_role(system, &inner.role)) {
        inner.network_role = inner.role;
        xml_json_use_attribute(system, "category");
        xml_json_use_attribute(system, "ext-category");
    }
    system->is_used = true;
    for (struct xml_element *child = system->first; child; child = child->next) {
        if (xml_is(child, IODEF_SPACE, "Node") && !sight_node(&inner, child))
            return false;
        if (xml_is(child, IODEF_SPACE, "Service"))
            read_service(&inner, child, inner.role);
        if (xml_is(child, IODEF_SPACE, "Counter"))
            read_counter(&inner, child);
    }
    return true;
}

static bool is_hex_digest(const char *text)
{
    size_t size = strlen(text);
    return (size == 32 || size == 40 || size == 64 || size == 128) && strspn(text, "0123456789abcdefABCDEF") == size;
}

/* A digest is base64 of its bytes (XML signature); others send hexadecimal, or base64 of "0x..." as in RFC 8274. NULL: none of these. */
static const char *read_digest(struct arena *arena, const struct xml_element *value)
{
    const char *text = xml_text_packed(arena, value);
    if (is_hex_digest(text))
        return text;
    unsigned char bytes[DIGEST_MAX + 1];
    char hex[2 * DIGEST_MAX + 1];
    size_t size;
    if (!base64_decode(text, bytes, DIGEST_MAX, &size))
        return NULL;
    bytes[size] = '\0';
    const char *inner = (const char *)bytes + (str_starts_nocase((const char *)bytes, "0x") ? 2 : 0);
    if (is_hex_digest(inner))
        return arena_strdup(arena, inner);
    str_hex(bytes, size, hex);
    return is_hex_digest(hex) ? arena_strdup(arena, hex) : NULL;
}

static bool sight_hash(struct iodef_sight *sight, struct xml_element *file, struct xml_element *hash)
{
    struct xml_element *value = xml_child(hash, IODEF_DSIG_SPACE, "DigestValue");
    bool added = false;
    if (!value)
        return true;
    const char *digest = read_digest(arena_of(sight), value);
    enum sighting_role network_role = sight->network_role;
    sight->network_role = sight->role; /* a guessed value would else get the role of an address */
    bool ok = !digest || add(sight, file, OBSERVABLE_TEXT, true, digest, &added);
    sight->network_role = network_role;
    if (added)
        xml_json_use_all(hash);
    else if (ok)
        reject(sight, value, "digest", xml_text(arena_of(sight), value));
    return ok;
}

static bool sight_hashes(struct iodef_sight *sight, struct xml_element *file, struct xml_element *data)
{
    if (str_equal(xml_attribute(data, "", "scope"), "file-contents"))
        xml_json_use_attribute(data, "scope");
    data->is_used = true;
    for (struct xml_element *hash = xml_child(data, IODEF_SPACE, "Hash"); hash; hash = xml_next(hash))
        if (!sight_hash(sight, file, hash))
            return false;
    return true;
}

static bool sight_file(struct iodef_sight *sight, struct xml_element *file)
{
    struct xml_element *name = xml_child(file, IODEF_SPACE, "FileName");
    struct xml_element *url = xml_child(file, IODEF_SPACE, "URL"); /* where it can be had */
    struct xml_element *data = xml_child(file, IODEF_SPACE, "HashData");
    file->is_used = true;
    if (name && !add(sight, file, OBSERVABLE_FILENAME, false, xml_text(arena_of(sight), name), &name->is_used))
        return false;
    if (url && !add(sight, file, OBSERVABLE_URL, false, xml_text_packed(arena_of(sight), url), &url->is_used))
        return false;
    return !data || sight_hashes(sight, file, data);
}

/* A FileData with an id stands for all its files. */
static bool sight_file_data(struct iodef_sight *sight, struct xml_element *data)
{
    struct iodef_sight inner = *sight;
    size_t before = sight->observation->sighting_count;
    if (!iodef_label_read(data, sight->tlp, &inner.tlp, sight->reader->err))
        return false;
    data->is_used = true;
    for (struct xml_element *file = xml_child(data, IODEF_SPACE, "File"); file; file = xml_next(file))
        if (!sight_file(&inner, file))
            return false;
    if (sight->observation->sighting_count > before)
        remember_name(&inner, data, sight->observation->sighting_count - before);
    return true;
}

static bool is_own(const struct xml_element *element)
{
    return str_equal(xml_attribute(element, "", "formatid"), IODEF_FORMAT_ID);
}

static bool sight_record_item(struct iodef_sight *sight, struct xml_element *item)
{
    const char *name = xml_attribute(item, "", "name");
    enum observable_type type;
    bool added;
    if (!name || !is_own(item) || !observable_type_parse(name, &type))
        return true;
    if (!add(sight, item, type, false, xml_text(arena_of(sight), item), &added))
        return false;
    if (added)
        xml_json_use_all(item);
    return true;
}

static bool sight_record_part(struct iodef_sight *sight, struct xml_element *part)
{
    if (xml_is(part, IODEF_SPACE, "FileData"))
        return sight_file_data(sight, part);
    if (xml_is(part, IODEF_SPACE, "RecordItem"))
        return sight_record_item(sight, part);
    return true;
}

static void read_own_role(struct iodef_sight *sight, struct xml_element *element)
{
    const char *role = iodef_event_own_data(sight->reader, element, "role");
    if (role && sighting_role_parse(role, &sight->role))
        sight->network_role = sight->role;
}

bool iodef_sight_record(struct iodef_sight *sight, struct xml_element *record_data)
{
    struct iodef_sight inner = *sight;
    if (!iodef_label_read(record_data, sight->tlp, &inner.tlp, sight->reader->err))
        return false;
    read_own_role(&inner, record_data);
    record_data->is_used = true;
    for (struct xml_element *part = record_data->first; part; part = part->next)
        if (!sight_record_part(&inner, part))
            return false;
    return true;
}

/* RFC 7495: a name in an enumeration, of which CVE is ours. */
bool iodef_sight_reference(struct iodef_sight *sight, struct xml_element *reference)
{
    struct xml_element *name = xml_child(reference, IODEF_ENUM_SPACE, "ReferenceName");
    struct xml_element *id = name ? xml_child(name, IODEF_ENUM_SPACE, "ID") : NULL;
    bool added = false;
    if (id && !add(sight, reference, OBSERVABLE_CVE, false, xml_text(arena_of(sight), id), &added))
        return false;
    if (added) {
        reference->is_used = true;
        xml_json_use_all(name);
    }
    return true;
}

bool iodef_sight_method(struct iodef_sight *sight, struct xml_element *method)
{
    struct iodef_sight inner = *sight;
    if (!iodef_label_read(method, sight->tlp, &inner.tlp, sight->reader->err))
        return false;
    read_own_role(&inner, method);
    method->is_used = true;
    for (struct xml_element *r = xml_child(method, IODEF_SPACE, "Reference"); r; r = xml_next(r))
        if (!iodef_sight_reference(&inner, r))
            return false;
    return iodef_sci_sight(&inner, method);
}

/* The next line of a list that is not empty, without blanks before it; NULL at the end. */
static char *next_line(char **rest)
{
    char *line = strsep(rest, "\r\n");
    while (line && !*(line += strspn(line, " \t")))
        line = strsep(rest, "\r\n");
    return line;
}

static bool add_line(struct iodef_sight *sight, struct xml_element *list, enum observable_type type, const char *text)
{
    bool added;
    if (!add(sight, list, type, false, text, &added))
        return false;
    if (!added)
        reject(sight, list, observable_type_name(type), text);
    return true;
}

/* Several values in a line. Behind a digest or a network stands what says more of it. *is_whole: nothing else is there. */
static bool add_words(struct iodef_sight *sight, struct xml_element *list, enum observable_type type, bool is_guess, const char *line,
                      bool *is_whole)
{
    char *rest = arena_strdup(arena_of(sight), line);
    bool is_first_only = is_guess || type == OBSERVABLE_CIDR, added;
    *is_whole = true;
    for (const char *word = strsep(&rest, " \t"); word; word = strsep(&rest, " \t")) {
        if (!*word)
            continue;
        if (!add(sight, list, type, is_guess, word, &added))
            return false;
        *is_whole = *is_whole && (added || observable_is_absent(word)) && !(is_first_only && rest);
        if (is_first_only)
            break;
    }
    return true;
}

static bool add_bulk_line(struct iodef_sight *sight, struct xml_element *list, enum observable_type type, bool is_guess, const char *line,
                          bool *is_whole)
{
    size_t before = sight->observation->sighting_count;
    if (!add(sight, list, type, is_guess, line, is_whole))
        return false;
    bool has_words = line[strcspn(line, " \t")] && (is_guess || (is_network_type(type) && type != OBSERVABLE_URL));
    if (!*is_whole && has_words && !add_words(sight, list, type, is_guess, line, is_whole))
        return false;
    *is_whole = *is_whole || observable_is_absent(line);
    const char *what = is_guess ? "digest" : observable_type_name(type);
    if (!*is_whole)
        reject(sight, list, sight->observation->sighting_count > before ? arena_printf(arena_of(sight), "%s alone", what) : what, line);
    return true;
}

/* A list holds a value a line. Lines of which not all was understood stay. */
static bool sight_bulk_lines(struct iodef_sight *sight, struct xml_element *list, enum observable_type type, bool is_guess)
{
    char *rest = arena_strdup(arena_of(sight), list->text);
    struct buf kept;
    buf_init(&kept, strlen(list->text) + 2);
    size_t before = sight->observation->sighting_count;
    bool ok = true;
    for (char *line = next_line(&rest); line && ok; line = next_line(&rest)) {
        bool is_whole = true;
        ok = add_bulk_line(sight, list, type, is_guess, line, &is_whole);
        if (!is_whole)
            buf_printf(&kept, kept.size ? "\n%s" : "%s", line);
    }
    list->is_used = kept.size == 0 && sight->observation->sighting_count > before;
    if (kept.size)
        list->text = arena_strdup(sight->reader->report->arena, buf_text(&kept));
    buf_clear(&kept);
    return ok;
}

/* Ports and times of the tuples have no place beside each value: the list stays, too. */
static bool sight_bulk_tuples(struct iodef_sight *sight, struct xml_element *list, enum observable_type first, enum observable_type second)
{
    char *rest = arena_strdup(arena_of(sight), list->text);
    for (char *line = next_line(&rest); line; line = next_line(&rest)) {
        char *address = strsep(&line, ", \t");
        char *colon = first == OBSERVABLE_IPV4 ? strchr(address, ':') : NULL; /* 192.0.2.1:80 */
        if (colon)
            *colon = '\0';
        if (!add_line(sight, list, first, address))
            return false;
        if (second == OBSERVABLE_TEXT || !line)
            continue;
        line += strspn(line, ", \t");
        if (!add_line(sight, list, second, strsep(&line, ", \t")))
            return false;
    }
    return true;
}

/* Of a type that has no value of ours: how many there were is said. */
static void reject_bulk(struct iodef_sight *sight, const struct xml_element *bulk, const struct xml_element *list)
{
    const char *type = xml_attribute(bulk, "", "type");
    char *rest = arena_strdup(arena_of(sight), list->text), why[120];
    size_t count = 0;
    while (next_line(&rest))
        count++;
    snprintf(why, sizeof why, "lines of type \"%.40s\" are only kept: %zu", type ? type : "", count);
    if (count)
        reject_why(sight, list, why);
}

static bool sight_bulk(struct iodef_sight *sight, struct xml_element *bulk)
{
    enum observable_type type = OBSERVABLE_TEXT;
    struct xml_element *list = xml_child(bulk, IODEF_SPACE, "BulkObservableList");
    const char *said = xml_attribute(bulk, "", "type");
    bool is_hash = str_equal(said, "file-hash");
    if (!list)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(bulk_tuples); i++)
        if (str_equal(said, bulk_tuples[i].type))
            return sight_bulk_tuples(sight, list, bulk_tuples[i].first, bulk_tuples[i].second);
    if (!is_hash && !find_address_type(bulk, "type", "ext-type", &type)) {
        reject_bulk(sight, bulk, list);
        return true;
    }
    struct iodef_sight inner = *sight;
    if (is_hash)
        inner.network_role = sight->role;
    if (!sight_bulk_lines(&inner, list, type, is_hash))
        return false;
    if (list->is_used) {
        bulk->is_used = true;
        xml_json_use_attribute(bulk, "type");
        xml_json_use_attribute(bulk, "ext-type");
    }
    return true;
}

/* What the From field holds: an address, or a mailbox with a name before it, which stays. */
static bool sight_email(struct iodef_sight *sight, struct xml_element *email)
{
    struct xml_element *from = xml_child(email, IODEF_SPACE, "EmailFrom");
    if (!from)
        return true;
    const char *text = xml_text(arena_of(sight), from), *open = strrchr(text, '<');
    bool added;
    if (!add(sight, email, OBSERVABLE_EMAIL, false, xml_text_packed(arena_of(sight), from), &added))
        return false;
    if (!added)
        reject(sight, from, "email", text);
    from->is_used = added && (!open || open == text);
    email->is_used = from->is_used;
    return true;
}

static const struct {
    const char *name;
    bool (*read)(struct iodef_sight *sight, struct xml_element *element);
} contents[] = {
    {"System", iodef_sight_system}, {"Address", sight_address},         {"DomainData", sight_domain},
    {"EmailData", sight_email},     {"FileData", sight_file_data},      {"Reference", iodef_sight_reference},
    {"BulkObservable", sight_bulk}, {"RecordData", iodef_sight_record},
};

bool iodef_sight_observable(struct iodef_sight *sight, struct xml_element *observable)
{
    struct iodef_sight inner = *sight;
    if (!iodef_label_read(observable, sight->tlp, &inner.tlp, sight->reader->err))
        return false;
    observable->is_used = true;
    for (struct xml_element *child = observable->first; child; child = child->next)
        for (size_t i = 0; i < ARRAY_SIZE(contents); i++)
            if (xml_is(child, IODEF_SPACE, contents[i].name) && !contents[i].read(&inner, child))
                return false;
    return true;
}
