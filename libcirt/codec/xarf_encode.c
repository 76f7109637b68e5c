/* Version 4, a report an observation. What the type wants and nobody said is never made up: another type is written then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/sha256.h"
#include "codec/xarf.h"

enum { ORG_MAX = 200, DESCRIPTION_MAX = 1000, UUID_SIZE = 37 };

/* --- small parts --- */

/* At most that many characters, which is what the schema counts. */
static json_t *cut_text(const char *text, size_t max)
{
    const char *end = text + strlen(text), *at = text;
    uint32_t ignored;
    for (size_t i = 0; i < max && at < end; i++)
        at += str_next_code_point(at, end, &ignored);
    return json_stringn(text, (size_t)(at - text));
}

static bool is_uuid(const char *text)
{
    if (!text || strlen(text) != UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < UUID_SIZE - 1; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
            return false;
    }
    return true;
}

/* A number of another kind gets a UUID made of it (RFC 9562, version 8), the same every time. */
static void make_uuid(const struct report *report, const struct observation *observation, size_t number, char uuid[UUID_SIZE])
{
    char hex[SHA256_HEX_SIZE];
    char *name = mem_printf("%s\n%s\n%zu\n%lld", report->reference_issuer ? report->reference_issuer : "",
                            report->reference ? report->reference : "", number, (long long)report_statement(observation));
    sha256_hex(name, strlen(name), hex);
    free(name);
    snprintf(uuid, UUID_SIZE, "%.8s-%.4s-8%.3s-9%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
}

static const char *text_at(const json_t *event, const char *name)
{
    return json_string_value(json_object_get(event, name));
}

/* The first address or name in that role, else the first AS number. */
static const struct sighting *find_in_role(const struct observation *observation, enum sighting_role role)
{
    const struct sighting *number = NULL;
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        if (sighting->role != role || sighting->type > OBSERVABLE_EMAIL)
            continue;
        if (sighting->type != OBSERVABLE_ASN)
            return sighting;
        number = number ? number : sighting;
    }
    return number;
}

/* What the report is about: a source where there is one, never what was hurt, since readers take it for the abuser. */
static const struct sighting *find_source(const struct observation *observation)
{
    static const enum sighting_role order[] = {ROLE_SOURCE, ROLE_INFRASTRUCTURE, ROLE_OTHER};
    const struct sighting *found = NULL;
    for (size_t r = 0; !found && r < ARRAY_SIZE(order); r++)
        found = find_in_role(observation, order[r]);
    return found;
}

/* --- members --- */

static const struct {
    const char *name;
    enum observable_type type;
    enum sighting_role role; /* ROLE_COUNT: any */
} places[] = {
    {"destination_ip", OBSERVABLE_IPV4, ROLE_TARGET},
    {"destination_ip", OBSERVABLE_IPV6, ROLE_TARGET},
    {"url", OBSERVABLE_URL, ROLE_SOURCE},
    {"smtp_from", OBSERVABLE_EMAIL, ROLE_SOURCE},
    {"smtp_to", OBSERVABLE_EMAIL, ROLE_VICTIM},
    {"target_url", OBSERVABLE_URL, ROLE_TARGET},
    {"country_code", OBSERVABLE_COUNTRY, ROLE_SOURCE},
    {"user_agent", OBSERVABLE_USER_AGENT, ROLE_COUNT},
    {"cve_id", OBSERVABLE_CVE, ROLE_COUNT},
};

static void set_hash(json_t *event, const struct sighting *sighting)
{
    if (sighting->type >= OBSERVABLE_MD5 && sighting->type <= OBSERVABLE_SHA512 && !json_object_get(event, "file_hash"))
        json_object_set_new(event, "file_hash", json_sprintf("%s:%s", observable_type_name(sighting->type), sighting->value));
}

/* The first value of each place. */
static void set_sightings(json_t *event, const struct observation *observation)
{
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *s = &observation->sightings[i];
        for (size_t k = 0; k < ARRAY_SIZE(places); k++)
            if (places[k].type == s->type && (places[k].role == s->role || places[k].role == ROLE_COUNT) &&
                !json_object_get(event, places[k].name))
                json_object_set_new(event, places[k].name, json_string(s->value));
        set_hash(event, s);
        int64_t asn;
        if (s->type == OBSERVABLE_ASN && s->role == ROLE_SOURCE && str_to_int64(s->value, 1, UINT32_MAX, &asn) &&
            !json_object_get(event, "asn"))
            json_object_set_new(event, "asn", json_integer(asn));
    }
}

static void set_numbers(json_t *event, const struct observation *observation)
{
    if (observation->source_port > 0)
        json_object_set_new(event, "source_port", json_integer(observation->source_port));
    if (observation->target_port > 0)
        json_object_set_new(event, "destination_port", json_integer(observation->target_port));
    if (observation->count != 1)
        json_object_set_new(event, "attempt_count", json_integer(observation->count));
    if (observation->protocol)
        json_object_set_new(event, "protocol", json_string(observation->protocol));
}

static void set_texts(json_t *event, const struct report *report, const struct observation *observation)
{
    const char *description = observation->description ? observation->description : report->description;
    if (!str_is_empty(description))
        json_object_set_new(event, "description", cut_text(description, DESCRIPTION_MAX));
    if (report->tlp == TLP_NONE)
        return;
    json_t *tags = json_object_get(event, "tags");
    if (!json_is_array(tags)) {
        tags = json_array();
        json_object_set_new(event, "tags", tags);
    }
    json_array_append_new(tags, json_sprintf("tlp:%s", tlp_name(report->tlp)));
}

/* One number for the whole report, where all its values have the same. */
static void set_confidence(json_t *event, const struct observation *observation)
{
    int common = observation->sighting_count ? observation->sightings[0].confidence : -1;
    for (size_t i = 1; i < observation->sighting_count; i++)
        if (observation->sightings[i].confidence != common)
            return;
    if (common >= 0)
        json_object_set_new(event, "confidence", json_real(common / 100.0));
}

static bool set_contact(json_t *event, const char *member, const char *name, const char *email, struct err *err)
{
    const json_t *there = json_object_get(event, member);
    const char *domain = xarf_mail_domain(email), *kept = text_at(there, "domain");
    if (text_at(there, "org") && text_at(there, "contact") && kept)
        return true; /* another than that of the report's first observation */
    if (!domain)
        return err_set(err, ERR_INPUT, "X-ARF needs the mail address of the reporter: the report has none");
    json_t *contact = json_object();
    json_object_set_new(contact, "org", cut_text(str_is_empty(name) ? domain : name, ORG_MAX));
    json_object_set_new(contact, "contact", json_string(email));
    json_object_set_new(contact, "domain", json_string(kept ? kept : domain));
    json_object_set_new(event, member, contact);
    return true;
}

static bool set_contacts(json_t *event, const struct report *report, struct err *err)
{
    bool has_reporter = !str_is_empty(report->reporter_email), has_creator = !str_is_empty(report->creator_email);
    const char *reporter = has_reporter ? report->reporter_email : report->creator_email;
    const char *creator = has_creator ? report->creator_email : report->reporter_email;
    return set_contact(event, "reporter", has_reporter ? report->reporter_name : report->creator_name, reporter, err) &&
           set_contact(event, "sender", has_creator ? report->creator_name : report->reporter_name, creator, err);
}

/* --- category and type --- */

/* What a type must have besides; the order is that of preference. */
static const struct {
    const char *rsit, *category, *type;
    const char *needs[4];
} types[] = {
    {"fraud/phishing", "content", "phishing", {"url"}},
    {"malicious-code/malware-distribution", "content", "malware", {"url"}},
    {"malicious-code/infected-system", "infrastructure", "botnet", {"compromise_evidence"}},
    {"malicious-code/infected-system", "connection", "infected_host", {"bot_type", "first_seen", "protocol"}},
    {"intrusion-attempts/brute-force", "connection", "login_attack", {"first_seen", "protocol"}},
    {"information-gathering/scanner", "connection", "port_scan", {"first_seen", "protocol"}},
    {"information-gathering/scanner", "connection", "reconnaissance", {"first_seen", "protocol", "probed_resources"}},
    {"information-gathering/scanner", "connection", "scraping", {"first_seen", "protocol", "total_requests"}},
    {"information-gathering/scanner", "connection", "vulnerability_scan", {"first_seen", "protocol", "scan_type"}},
    {"intrusion-attempts/ids-alert", "connection", "sql_injection", {"first_seen", "protocol", "injection_point"}},
    {"availability/ddos", "connection", "ddos", {"first_seen", "protocol"}},
    {"availability/dos", "connection", "ddos", {"first_seen", "protocol"}},
    {"abusive-content/spam", "messaging", "spam", {"protocol"}},
    {"abusive-content/spam", "messaging", "bulk_messaging", {"protocol", "recipient_count"}},
    {"fraud/copyright", "copyright", "copyright", {"infringing_url"}},
    {"fraud/copyright", "copyright", "p2p", {"p2p_protocol"}},
    {"fraud/copyright", "copyright", "cyberlocker", {"infringing_url", "hosting_service"}},
    {"fraud/copyright", "copyright", "ugc_platform", {"infringing_url", "platform_name"}},
    {"fraud/copyright", "copyright", "link_site", {"infringing_url", "site_name"}},
    {"fraud/copyright", "copyright", "usenet", {"newsgroup"}},
    {"fraud/masquerade", "content", "brand_infringement", {"url", "infringement_type", "legitimate_site"}},
    {"fraud/masquerade", "content", "fraud", {"url", "fraud_type"}},
    {"fraud/masquerade", "content", "suspicious_registration", {"url", "registration_date", "suspicious_indicators"}},
    {"abusive-content/violence", "content", "csam", {"url", "classification", "detection_method"}},
    {"abusive-content/violence", "content", "csem", {"url", "exploitation_type", "detection_method"}},
    {"information-content-security/data-leak", "content", "exposed_data", {"url", "data_types", "exposure_method"}},
    {"intrusions/system-compromise", "content", "remote_compromise", {"url", "compromise_type"}},
    {"intrusions/system-compromise", "infrastructure", "compromised_server", {"compromise_method"}},
    {"vulnerable/vulnerable-system", "vulnerability", "cve", {"cve_id", "service", "service_port"}},
    {"vulnerable/vulnerable-system", "vulnerability", "misconfiguration", {"service"}},
    {"vulnerable/potentially-unwanted-accessible", "vulnerability", "open_service", {"service"}},
    {NULL, "reputation", "blocklist", {"threat_type"}},
    {NULL, "reputation", "threat_intelligence", {"threat_type"}},
};

/* The transports that all types of that category know. */
static bool is_protocol_of(const char *category, const char *protocol)
{
    if (str_equal(category, "connection"))
        return str_equal(protocol, "tcp") || str_equal(protocol, "udp");
    return str_equal(category, "messaging") ? str_equal(protocol, "smtp") || str_equal(protocol, "sms") : true;
}

/* Members that follow from what the report says anyhow. */
static void set_implied(json_t *event, const char *category, const char *type)
{
    const char *url = text_at(event, "url"), *description = text_at(event, "description");
    if (str_equal(category, "connection") && !json_object_get(event, "first_seen"))
        json_object_set(event, "first_seen", json_object_get(event, "timestamp"));
    if (str_equal(category, "copyright") && url && !json_object_get(event, "infringing_url"))
        json_object_set_new(event, "infringing_url", json_string(url));
    if (str_equal(type, "botnet") && description && !json_object_get(event, "compromise_evidence"))
        json_object_set_new(event, "compromise_evidence", json_string(description));
    if (str_equal(type, "spam") && json_object_get(event, "smtp_from") && !json_object_get(event, "protocol"))
        json_object_set_new(event, "protocol", json_string("smtp"));
}

/* Fits a copy, so that what is implied for one type is not there for the next. */
static bool fit(json_t *event, size_t row)
{
    json_t *copy = json_copy(event);
    bool ok = true;
    set_implied(copy, types[row].category, types[row].type);
    for (size_t i = 0; i < ARRAY_SIZE(types[row].needs) && types[row].needs[i]; i++)
        ok = ok && json_object_get(copy, types[row].needs[i]);
    const char *protocol = text_at(copy, "protocol");
    ok = ok && (!protocol || is_protocol_of(types[row].category, protocol));
    if (ok) {
        json_object_update(event, copy);
        json_object_set_new(event, "category", json_string(types[row].category));
        json_object_set_new(event, "type", json_string(types[row].type));
    }
    json_decref(copy);
    return ok;
}

static bool is_claim(const char *claim, size_t row)
{
    size_t size = strlen(types[row].category);
    return claim && strncmp(claim, types[row].category, size) == 0 && claim[size] == '/' && str_equal(claim + size + 1, types[row].type);
}

static void set_type(json_t *event, const struct report *report, const struct observation *observation)
{
    const char *name = observation->class_name ? observation->class_name : report->class_name;
    const char *claim = observation->class_claim ? observation->class_claim : report->class_claim;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (is_claim(claim, i) && fit(event, i))
            return;
    for (size_t i = 0; name && i < ARRAY_SIZE(types); i++)
        if (str_equal(types[i].rsit, name) && fit(event, i))
            return;
    /* What threat it is, in words: the one type that holds anything. */
    if (!json_object_get(event, "threat_type"))
        json_object_set_new(event, "threat_type", json_string(name ? name : claim ? claim : "undetermined"));
    json_object_set_new(event, "category", json_string("reputation"));
    json_object_set_new(event, "type", json_string("threat_intelligence"));
}

/* --- the whole --- */

/* The members that version 4 had and we did not understand, as they came; of any other format they go into our own member. */
static json_t *start_event(const struct observation *observation, json_t *own)
{
    json_t *extra = observation->extra ? json_loads(observation->extra, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *event = json_object();
    const char *version = text_at(extra, "xarf_version");
    if (version && str_starts(version, "4.")) {
        json_object_update(event, extra);
        json_object_del(event, "_internal");
        json_t *evidence = xarf_evidence_write(json_object_get(event, "evidence"));
        json_object_del(event, "evidence");
        if (evidence)
            json_object_set_new(event, "evidence", evidence);
    } else {
        json_object_set_new(own, "foreign", json_true());
        if (json_is_object(extra))
            json_object_set(own, "observation_extra", extra);
    }
    json_object_set_new(event, "xarf_version", json_string(XARF_VERSION));
    json_decref(extra);
    return event;
}

static bool set_time(json_t *event, const struct report *report, const struct observation *observation, struct err *err)
{
    char text[TIMESTAMP_TEXT_SIZE];
    int64_t moment = observation->time != TIMESTAMP_NONE ? observation->time : report->time, written;
    if (moment == TIMESTAMP_NONE)
        return err_set(err, ERR_INPUT, "X-ARF needs a time: the report has none");
    timestamp_format(moment, text);
    bool is_same = observation->time != TIMESTAMP_NONE && observation->time_text && strchr(observation->time_text, 'T') &&
                   timestamp_parse_rfc3339(observation->time_text, &written) && written == moment;
    json_object_set_new(event, "timestamp", json_string(is_same ? observation->time_text : text));
    return true;
}

static void set_id(json_t *event, const struct report *report, const struct observation *observation, size_t number)
{
    char uuid[UUID_SIZE];
    const char *kept = text_at(event, "report_id");
    make_uuid(report, observation, number, uuid);
    if (report->observation_count == 1 && number == 0 && is_uuid(report->reference))
        kept = report->reference;
    json_object_set_new(event, "report_id", json_string(is_uuid(kept) ? kept : uuid));
}

static bool fill(json_t *event, json_t *own, const struct report *report, const struct observation *observation, size_t number,
                 struct err *err)
{
    const struct sighting *source = find_source(observation);
    if (!source)
        return err_set(err, ERR_INPUT,
                       "X-ARF needs an address, name or AS number as source, not a victim's or target's: observation %zu has none",
                       number + 1);
    set_id(event, report, observation, number);
    if (!set_time(event, report, observation, err) || !set_contacts(event, report, err))
        return false;
    json_object_set_new(event, "source_identifier", json_sprintf("%s%s", source->type == OBSERVABLE_ASN ? "AS" : "", source->value));
    set_sightings(event, observation);
    set_numbers(event, observation);
    set_texts(event, report, observation);
    set_confidence(event, observation);
    set_type(event, report, observation);
    xarf_own_write(own, report, observation);
    if (observation->time == TIMESTAMP_NONE)
        json_object_set_new(own, "timeless", json_true());
    json_object_set(event, XARF_OWN, own);
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The same report is the same document, whether a member came from it or from us. */
static json_t *sort_members(json_t *event)
{
    const char *name, **names = mem_calloc(json_object_size(event) + 1, sizeof *names);
    json_t *value, *sorted = json_object();
    size_t count = 0;
    json_object_foreach(event, name, value) names[count++] = name;
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++)
        json_object_set(sorted, names[i], json_object_get(event, names[i]));
    free(names);
    json_decref(event);
    return sorted;
}

static json_t *encode_one(const struct report *report, const struct observation *observation, size_t number, struct err *err)
{
    json_t *own = json_object(), *event = start_event(observation, own);
    bool ok = fill(event, own, report, observation, number, err);
    json_decref(own);
    if (ok)
        return sort_members(event);
    json_decref(event);
    return NULL;
}

struct codec_writer {
    struct report head;
    size_t count;
    struct buf first; /* waits for the second: one report stands alone, several in an array */
};

static struct codec_writer *open_list(const struct report *head, const struct codec_out *out, struct err *err)
{
    UNUSED(out), UNUSED(err);
    struct codec_writer *writer = mem_calloc(1, sizeof *writer);
    writer->head = *head;
    buf_init(&writer->first, SIZE_MAX / 2);
    return writer;
}

static bool add_one(struct codec_writer *writer, const struct observation *observation, struct buf *out, struct err *err)
{
    json_t *event = encode_one(&writer->head, observation, writer->count, err);
    if (!event)
        return false;
    if (writer->count == 1) {
        buf_add_char(out, '[');
        buf_add(out, buf_text(&writer->first), writer->first.size);
        buf_clear(&writer->first);
    }
    if (writer->count > 0)
        buf_add_text(out, ",\n");
    json_value_write(event, writer->count++ ? out : &writer->first);
    json_decref(event);
    return true;
}

/* Each is a report of its own, with all that is said of the whole. */
static bool add_reports(struct codec_writer *writer, const struct report *piece, const struct codec_out *out, struct err *err)
{
    writer->head.pap = tlp_strictest(writer->head.pap, piece->pap);
    writer->head.observation_count = piece->observation_count;
    for (size_t i = 0; i < piece->observation_count; i++)
        if (!add_one(writer, &piece->observations[i], out->now, err))
            return false;
    return true;
}

static bool finish_list(struct codec_writer *writer, const struct codec_out *out, struct err *err)
{
    if (writer->count == 0)
        return err_set(err, ERR_INPUT, "X-ARF needs an observation: the report has none");
    buf_add(out->now, buf_text(&writer->first), writer->first.size);
    buf_add_text(out->now, writer->count > 1 ? "]\n" : "\n");
    return true;
}

static void close_list(struct codec_writer *writer)
{
    buf_clear(&writer->first);
    free(writer);
}

const struct codec_pieces xarf_pieces = {open_list, add_reports, finish_list, close_list};

bool xarf_encode(const struct report *report, struct buf *out, struct err *err)
{
    return codec_write_whole(&xarf_pieces, report, out, err);
}
