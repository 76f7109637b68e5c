#include "codec/iodef_encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/base64.h"
#include "codec/iodef.h"
#include "codec/iodef_label.h"
#include "codec/iodef_sight.h"
#include "codec/iodef_texts.h"
#include "codec/xml_write.h"

enum { ID_SIZE = 64, NUMBER_SIZE = 24 };

/* Where an observable has its place in an EventData. */
enum part { PART_SYSTEM, PART_METHOD, PART_RECORD, PART_NONE };

/* Indicators as they are met in an event, to be listed behind all of them. Numbers follow the order of writing, so that a document read
 * and written again is the same. */
struct indicator {
    size_t number;
    const struct sighting *sighting;
};

struct encoder {
    struct xml_write *writer;
    const struct observation *observation;
    size_t number;                /* of the observation, from 1 */
    struct indicator *indicators; /* heap */
    size_t indicator_count, indicator_capacity;
    bool source_port_done, target_port_done, count_done, protocol_done;
};

struct codec_writer {
    const struct report *report;
    enum tlp pap;
    char *extra; /* what the texts leave of it */
    size_t observation_count;
    bool has_indicators;
    struct xml_write now, behind;
};

/* With a character replaced it would be another value, which nobody saw. */
static enum part part_of(const struct sighting *sighting)
{
    if (!xml_write_can_hold(sighting->value))
        return PART_NONE;
    switch (sighting->type) {
    case OBSERVABLE_IPV4:
    case OBSERVABLE_IPV6:
    case OBSERVABLE_CIDR:
    case OBSERVABLE_ASN:
    case OBSERVABLE_DOMAIN:
    case OBSERVABLE_URL:
    case OBSERVABLE_EMAIL:
    case OBSERVABLE_MAC:
        return PART_SYSTEM;
    case OBSERVABLE_CVE:
        return PART_METHOD;
    default:
        return PART_RECORD;
    }
}

static void add_text(struct xml_write *writer, const char *name, const char *text)
{
    if (!str_is_empty(text))
        xml_write_leaf(writer, name, text);
}

static void add_own_data(struct xml_write *writer, const char *name, const char *text)
{
    if (str_is_empty(text))
        return;
    xml_write_open(writer, "AdditionalData");
    xml_write_attribute(writer, "dtype", "string");
    xml_write_attribute(writer, "name", name);
    xml_write_attribute(writer, "formatid", IODEF_FORMAT_ID);
    xml_write_text(writer, text);
    xml_write_close(writer, "AdditionalData");
}

/* The text as it came is kept where it is an xs:dateTime of that moment. */
static bool is_schema_time(const char *text, int64_t moment)
{
    int64_t read;
    if (!text || strlen(text) < 19 || text[10] != 'T' || (!timestamp_parse_rfc3339(text, &read) && !timestamp_parse_utc(text, &read)))
        return false;
    return read == moment && text[strspn(text, "0123456789-+:.TZ")] == '\0';
}

static void add_time(struct xml_write *writer, const char *name, int64_t moment, const char *written)
{
    char text[TIMESTAMP_TEXT_SIZE];
    if (moment == TIMESTAMP_NONE)
        return;
    timestamp_format(moment, text);
    xml_write_leaf(writer, name, is_schema_time(written, moment) ? written : text);
}

static void add_class(struct xml_write *writer, const char *claim, const char *name)
{
    if (str_is_empty(claim))
        claim = name;
    if (str_is_empty(claim))
        return;
    xml_write_open(writer, "Assessment");
    xml_write_leaf(writer, "IncidentCategory", claim);
    xml_write_open(writer, "SystemImpact"); /* the schema wants an impact beside the category */
    xml_write_attribute(writer, "type", "unknown");
    xml_write_close(writer, "SystemImpact");
    xml_write_close(writer, "Assessment");
}

static void format_id(char id[ID_SIZE], size_t observation, size_t number)
{
    snprintf(id, ID_SIZE, "o%zu-%zu", observation, number);
}

static void add_observable_id(struct encoder *encoder, const struct sighting *sighting)
{
    char id[ID_SIZE];
    if (!sighting->is_indicator)
        return;
    encoder->indicators =
        mem_grow(encoder->indicators, &encoder->indicator_capacity, encoder->indicator_count, sizeof *encoder->indicators);
    struct indicator *indicator = &encoder->indicators[encoder->indicator_count++];
    *indicator = (struct indicator){.number = encoder->indicator_count, .sighting = sighting};
    format_id(id, encoder->number, indicator->number);
    xml_write_attribute(encoder->writer, "observable-id", id);
}

/* A host has one address here: two make two systems, of whatever family. */
static unsigned type_bit(enum observable_type type)
{
    bool is_address = type == OBSERVABLE_IPV4 || type == OBSERVABLE_IPV6 || type == OBSERVABLE_CIDR;
    return 1U << (is_address ? OBSERVABLE_IPV4 : type);
}

/* How many sightings from `from` on make one element: neighbours (leaving out other parts) of one role and label. A system has at
 * most one value of a type. */
static size_t run_end(const struct observation *observation, size_t from, enum part part)
{
    const struct sighting *first = &observation->sightings[from];
    unsigned types = 0;
    size_t i = from;
    for (; i < observation->sighting_count; i++) {
        const struct sighting *s = &observation->sightings[i];
        if (part_of(s) != part)
            continue;
        if (s->role != first->role || s->tlp != first->tlp || (part == PART_SYSTEM && (types & type_bit(s->type))))
            break;
        types |= type_bit(s->type);
    }
    return i;
}

/* The next sighting of that part, or the count. */
static size_t next_of(const struct observation *observation, size_t from, enum part part)
{
    while (from < observation->sighting_count && part_of(&observation->sightings[from]) != part)
        from++;
    return from;
}

static const char *address_category(const struct sighting *sighting)
{
    switch (sighting->type) {
    case OBSERVABLE_IPV4:
        return "ipv4-addr";
    case OBSERVABLE_IPV6:
        return "ipv6-addr";
    case OBSERVABLE_CIDR:
        return strchr(sighting->value, ':') ? "ipv6-net" : "ipv4-net";
    case OBSERVABLE_ASN:
        return "asn";
    case OBSERVABLE_EMAIL:
        return "e-mail";
    case OBSERVABLE_MAC:
        return "mac";
    default:
        return "site-uri";
    }
}

static void add_address(struct encoder *encoder, const struct sighting *sighting)
{
    struct xml_write *writer = encoder->writer;
    const char *element = sighting->type == OBSERVABLE_DOMAIN ? "DomainData" : "Address";
    xml_write_open(writer, element);
    if (sighting->type != OBSERVABLE_DOMAIN)
        xml_write_attribute(writer, "category", address_category(sighting));
    add_observable_id(encoder, sighting);
    if (sighting->type == OBSERVABLE_DOMAIN)
        xml_write_leaf(writer, "Name", sighting->value);
    else
        xml_write_text(writer, sighting->value);
    xml_write_close(writer, element);
}

static void add_service(struct encoder *encoder, int port)
{
    char number[NUMBER_SIZE];
    const char *protocol = encoder->observation->protocol;
    int protocol_number = protocol ? iodef_sight_protocol_number(protocol) : -1;
    xml_write_open(encoder->writer, "Service");
    if (protocol_number >= 0) {
        snprintf(number, sizeof number, "%d", protocol_number);
        xml_write_attribute(encoder->writer, "ip-protocol", number);
        encoder->protocol_done = true;
    }
    snprintf(number, sizeof number, "%d", port);
    xml_write_leaf(encoder->writer, "Port", number);
    xml_write_close(encoder->writer, "Service");
}

static void add_ports(struct encoder *encoder, enum sighting_role role)
{
    const struct observation *observation = encoder->observation;
    if (role == ROLE_SOURCE && observation->source_port >= 0 && !encoder->source_port_done) {
        add_service(encoder, observation->source_port);
        encoder->source_port_done = true;
    }
    if (role == ROLE_TARGET && observation->target_port >= 0 && !encoder->target_port_done) {
        add_service(encoder, observation->target_port);
        encoder->target_port_done = true;
    }
}

static void add_count(struct encoder *encoder)
{
    char number[NUMBER_SIZE];
    if (encoder->observation->count == 1 || encoder->count_done)
        return;
    encoder->count_done = true;
    snprintf(number, sizeof number, "%lld", (long long)encoder->observation->count);
    xml_write_open(encoder->writer, "Counter");
    xml_write_attribute(encoder->writer, "type", "counter");
    xml_write_attribute(encoder->writer, "unit", "event");
    xml_write_text(encoder->writer, number);
    xml_write_close(encoder->writer, "Counter");
}

static void add_system_role(struct xml_write *writer, enum sighting_role role)
{
    if (role == ROLE_SOURCE || role == ROLE_TARGET || role == ROLE_INFRASTRUCTURE) {
        xml_write_attribute(writer, "category", sighting_role_name(role));
        return;
    }
    xml_write_attribute(writer, "category", "ext-value");
    xml_write_attribute(writer, "ext-category", sighting_role_name(role));
}

/* The sightings from..to of the system part; none at all for ports and counts that have no address beside them. */
static void add_system(struct encoder *encoder, enum sighting_role role, size_t from, size_t to)
{
    struct xml_write *writer = encoder->writer;
    const struct sighting *sightings = encoder->observation->sightings;
    xml_write_open(writer, "System");
    add_system_role(writer, role);
    if (from < to)
        iodef_label_write(writer, sightings[from].tlp);
    xml_write_open(writer, "Node");
    for (size_t i = from; i < to; i++)
        if (part_of(&sightings[i]) == PART_SYSTEM)
            add_address(encoder, &sightings[i]);
    xml_write_close(writer, "Node");
    add_ports(encoder, role);
    add_count(encoder);
    xml_write_close(writer, "System");
}

static bool has_role(const struct observation *observation, enum sighting_role role)
{
    for (size_t i = 0; i < observation->sighting_count; i++)
        if (observation->sightings[i].role == role && part_of(&observation->sightings[i]) == PART_SYSTEM)
            return true;
    return false;
}

static void add_flow(struct encoder *encoder)
{
    const struct observation *observation = encoder->observation;
    size_t first = next_of(observation, 0, PART_SYSTEM);
    bool lone_source = observation->source_port >= 0 && !has_role(observation, ROLE_SOURCE);
    bool lone_target = observation->target_port >= 0 && !has_role(observation, ROLE_TARGET);
    bool lone_count = observation->count != 1 && first == observation->sighting_count && !lone_source && !lone_target;
    if (first == observation->sighting_count && !lone_source && !lone_target && !lone_count)
        return;
    xml_write_open(encoder->writer, "Flow");
    for (size_t i = first, end; i < observation->sighting_count; i = next_of(observation, end, PART_SYSTEM)) {
        end = run_end(observation, i, PART_SYSTEM);
        add_system(encoder, observation->sightings[i].role, i, end);
    }
    if (lone_source)
        add_system(encoder, ROLE_SOURCE, 0, 0);
    if (lone_target)
        add_system(encoder, ROLE_TARGET, 0, 0);
    if (lone_count)
        add_system(encoder, ROLE_OTHER, 0, 0);
    xml_write_close(encoder->writer, "Flow");
}

static void add_method(struct encoder *encoder, size_t from, size_t to)
{
    struct xml_write *writer = encoder->writer;
    const struct sighting *sightings = encoder->observation->sightings;
    xml_write_open(writer, "Method");
    iodef_label_write(writer, sightings[from].tlp);
    for (size_t i = from; i < to; i++) {
        if (part_of(&sightings[i]) != PART_METHOD)
            continue;
        xml_write_open(writer, "Reference");
        add_observable_id(encoder, &sightings[i]);
        xml_write_open(writer, "enum:ReferenceName");
        xml_write_attribute(writer, "specIndex", "1"); /* CVE, by the registry of RFC 7495 */
        xml_write_leaf(writer, "enum:ID", sightings[i].value);
        xml_write_close(writer, "enum:ReferenceName");
        xml_write_close(writer, "Reference");
    }
    add_own_data(writer, "role", sighting_role_name(sightings[from].role));
    xml_write_close(writer, "Method");
}

static const char *digest_algorithm(enum observable_type type)
{
    switch (type) {
    case OBSERVABLE_MD5:
        return "http://www.w3.org/2001/04/xmldsig-more#md5";
    case OBSERVABLE_SHA1:
        return "http://www.w3.org/2000/09/xmldsig#sha1";
    case OBSERVABLE_SHA256:
        return "http://www.w3.org/2001/04/xmlenc#sha256";
    case OBSERVABLE_SHA512:
        return "http://www.w3.org/2001/04/xmlenc#sha512";
    default:
        return NULL;
    }
}

static void add_hash(struct xml_write *writer, const struct sighting *sighting)
{
    unsigned char bytes[64];
    size_t size = strlen(sighting->value) / 2;
    struct buf digest;
    buf_init(&digest, 128);
    if (size <= sizeof bytes && str_from_hex(sighting->value, bytes, size))
        base64_encode(&digest, bytes, size);
    xml_write_open(writer, "HashData");
    xml_write_attribute(writer, "scope", "file-contents");
    xml_write_open(writer, "Hash");
    xml_write_open(writer, "ds:DigestMethod");
    xml_write_attribute(writer, "Algorithm", digest_algorithm(sighting->type));
    xml_write_close(writer, "ds:DigestMethod");
    xml_write_leaf(writer, "ds:DigestValue", buf_text(&digest));
    xml_write_close(writer, "Hash");
    xml_write_close(writer, "HashData");
    buf_clear(&digest);
}

static bool is_file(const struct sighting *sighting)
{
    return sighting->type == OBSERVABLE_FILENAME || digest_algorithm(sighting->type);
}

static void add_file(struct encoder *encoder, const struct sighting *sighting)
{
    xml_write_open(encoder->writer, "File");
    add_observable_id(encoder, sighting);
    if (sighting->type == OBSERVABLE_FILENAME)
        xml_write_leaf(encoder->writer, "FileName", sighting->value);
    else
        add_hash(encoder->writer, sighting);
    xml_write_close(encoder->writer, "File");
}

/* IODEF has no place for a user agent or country that was seen: a record item named by its type. */
static void add_item(struct encoder *encoder, const struct sighting *sighting)
{
    struct xml_write *writer = encoder->writer;
    xml_write_open(writer, "RecordItem");
    xml_write_attribute(writer, "dtype", "string");
    xml_write_attribute(writer, "name", observable_type_name(sighting->type));
    xml_write_attribute(writer, "formatid", IODEF_FORMAT_ID);
    add_observable_id(encoder, sighting);
    xml_write_text(writer, sighting->value);
    xml_write_close(writer, "RecordItem");
}

static void add_files(struct encoder *encoder, size_t from, size_t to)
{
    const struct sighting *sightings = encoder->observation->sightings;
    bool is_open = false;
    for (size_t i = from; i < to; i++) {
        if (part_of(&sightings[i]) != PART_RECORD || !is_file(&sightings[i]))
            continue;
        if (!is_open)
            xml_write_open(encoder->writer, "FileData");
        is_open = true;
        add_file(encoder, &sightings[i]);
    }
    if (is_open)
        xml_write_close(encoder->writer, "FileData");
}

static void add_record_data(struct encoder *encoder, size_t from, size_t to)
{
    struct xml_write *writer = encoder->writer;
    const struct sighting *sightings = encoder->observation->sightings;
    xml_write_open(writer, "RecordData");
    iodef_label_write(writer, sightings[from].tlp);
    for (size_t i = from; i < to; i++)
        if (part_of(&sightings[i]) == PART_RECORD && !is_file(&sightings[i]))
            add_item(encoder, &sightings[i]);
    add_files(encoder, from, to);
    add_own_data(writer, "role", sighting_role_name(sightings[from].role));
    xml_write_close(writer, "RecordData");
}

static void add_record(struct encoder *encoder)
{
    const struct observation *observation = encoder->observation;
    size_t first = next_of(observation, 0, PART_RECORD);
    if (first == observation->sighting_count)
        return;
    xml_write_open(encoder->writer, "Record");
    for (size_t i = first, end; i < observation->sighting_count; i = next_of(observation, end, PART_RECORD)) {
        end = run_end(observation, i, PART_RECORD);
        add_record_data(encoder, i, end);
    }
    xml_write_close(encoder->writer, "Record");
}

static void add_event(struct encoder *encoder)
{
    struct xml_write *writer = encoder->writer;
    const struct observation *observation = encoder->observation;
    xml_write_open(writer, "EventData");
    char *extra = iodef_texts_write(writer, observation->description, observation->extra, false);
    add_time(writer, "DetectTime", observation->time, observation->time_text);
    add_class(writer, observation->class_claim, observation->class_name);
    for (size_t i = next_of(observation, 0, PART_METHOD), end; i < observation->sighting_count;
         i = next_of(observation, end, PART_METHOD)) {
        end = run_end(observation, i, PART_METHOD);
        add_method(encoder, i, end);
    }
    add_flow(encoder);
    add_record(encoder);
    add_own_data(writer, "rsit", observation->class_name);
    if (!encoder->protocol_done)
        add_own_data(writer, "protocol", observation->protocol);
    add_own_data(writer, "extra", extra);
    xml_write_close(writer, "EventData");
    free(extra);
}

/* RFC 7970 has the number as the content of Confidence, its schema allows none there. */
static void add_confidence(struct xml_write *writer, int confidence)
{
    char number[NUMBER_SIZE];
    snprintf(number, sizeof number, "%d", confidence);
    if (confidence >= 0)
        add_own_data(writer, "confidence", number);
}

static void add_indicator(struct xml_write *writer, const char *issuer, size_t observation, const struct indicator *indicator)
{
    char id[ID_SIZE], indicator_id[ID_SIZE + 16];
    format_id(id, observation, indicator->number);
    snprintf(indicator_id, sizeof indicator_id, "indicator-%s", id);
    xml_write_open(writer, "Indicator");
    iodef_label_write(writer, indicator->sighting->tlp);
    xml_write_open(writer, "IndicatorID");
    xml_write_attribute(writer, "name", issuer);
    xml_write_attribute(writer, "version", "1");
    xml_write_text(writer, indicator_id);
    xml_write_close(writer, "IndicatorID");
    add_time(writer, "EndTime", indicator->sighting->valid_until, NULL);
    xml_write_open(writer, "ObservableReference");
    xml_write_attribute(writer, "uid-ref", id);
    xml_write_close(writer, "ObservableReference");
    add_confidence(writer, indicator->sighting->confidence);
    xml_write_close(writer, "Indicator");
}

static void add_indicators(struct codec_writer *writer, const struct encoder *encoder)
{
    for (size_t i = 0; i < encoder->indicator_count; i++) {
        if (!writer->has_indicators)
            xml_write_open(&writer->behind, "IndicatorData");
        writer->has_indicators = true;
        add_indicator(&writer->behind, writer->report->reference_issuer, encoder->number, &encoder->indicators[i]);
    }
}

static void add_contact(struct xml_write *writer, const char *role, const char *type, const char *name, const char *email)
{
    if (str_is_empty(name) && str_is_empty(email))
        return;
    xml_write_open(writer, "Contact");
    xml_write_attribute(writer, "role", role);
    xml_write_attribute(writer, "type", type);
    add_text(writer, "ContactName", name);
    if (!str_is_empty(email)) {
        xml_write_open(writer, "Email");
        xml_write_leaf(writer, "EmailTo", email);
        xml_write_close(writer, "Email");
    }
    xml_write_close(writer, "Contact");
}

static void add_contacts(struct xml_write *writer, const struct report *report)
{
    bool has_creator = !str_is_empty(report->creator_name) || !str_is_empty(report->creator_email);
    const char *name = has_creator ? report->creator_name : report->reference_issuer; /* there must be a Contact, with something in it */
    add_contact(writer, "creator", "organization", name, report->creator_email);
    add_contact(writer, "reporter", "person", report->reporter_name, report->reporter_email);
}

static void open_incident(struct codec_writer *writer)
{
    const struct report *report = writer->report;
    struct xml_write *now = &writer->now;
    xml_write_open(now, "Incident");
    xml_write_attribute(now, "purpose", "reporting");
    if (report->tlp == TLP_NONE)
        xml_write_attribute(now, "restriction", "default");
    iodef_label_write(now, report->tlp);
    xml_write_open(now, "IncidentID");
    xml_write_attribute(now, "name", report->reference_issuer);
    xml_write_text(now, report->reference);
    xml_write_close(now, "IncidentID");
    add_time(now, "GenerationTime", report->time, report->time_text);
    writer->extra = iodef_texts_write(now, report->description, report->extra, true);
    add_class(now, report->class_claim, report->class_name);
    add_contacts(now, report);
}

static bool can_be_written(const struct report *report, struct err *err)
{
    if (str_is_empty(report->reference) || str_is_empty(report->reference_issuer))
        return err_set(err, ERR_INPUT, "IODEF needs an IncidentID with its issuer: the report has no reference");
    return report->time != TIMESTAMP_NONE || err_set(err, ERR_INPUT, "IODEF needs a GenerationTime: the report has no time");
}

static struct codec_writer *open_document(const struct report *head, const struct codec_out *out, struct err *err)
{
    if (!can_be_written(head, err))
        return NULL;
    struct codec_writer *writer = mem_calloc(1, sizeof *writer);
    *writer = (struct codec_writer){.report = head, .pap = head->pap};
    struct xml_write *now = &writer->now;
    xml_write_start(now, out->now);
    xml_write_open(now, "IODEF-Document");
    xml_write_attribute(now, "version", "2.00");
    xml_write_attribute(now, "xml:lang", head->lang);
    xml_write_attribute(now, "xmlns", IODEF_SPACE);
    xml_write_attribute(now, "xmlns:ds", "http://www.w3.org/2000/09/xmldsig#");
    xml_write_attribute(now, "xmlns:enum", "urn:ietf:params:xml:ns:iodef-enum-1.0");
    open_incident(writer);
    writer->behind = (struct xml_write){.out = out->behind, .depth = now->depth};
    return writer;
}

static bool add_events(struct codec_writer *writer, const struct report *piece, const struct codec_out *out, struct err *err)
{
    UNUSED(out), UNUSED(err);
    writer->pap = tlp_strictest(writer->pap, piece->pap);
    for (size_t i = 0; i < piece->observation_count; i++) {
        struct encoder encoder = {.writer = &writer->now, .observation = &piece->observations[i], .number = ++writer->observation_count};
        add_event(&encoder);
        add_indicators(writer, &encoder);
        free(encoder.indicators);
    }
    return true;
}

static bool finish_document(struct codec_writer *writer, const struct codec_out *out, struct err *err)
{
    const struct report *report = writer->report;
    struct xml_write *behind = &writer->behind;
    UNUSED(out), UNUSED(err);
    if (writer->has_indicators)
        xml_write_close(behind, "IndicatorData");
    add_own_data(behind, "summary", report->summary);
    add_own_data(behind, "rsit", report->class_name);
    add_own_data(behind, "pap", tlp_name(writer->pap));
    add_own_data(behind, "kind", report->case_kind);
    add_own_data(behind, "extra", writer->extra);
    xml_write_close(behind, "Incident");
    xml_write_close(behind, "IODEF-Document");
    return true;
}

static void close_document(struct codec_writer *writer)
{
    free(writer->extra);
    free(writer);
}

const struct codec_pieces iodef_pieces = {open_document, add_events, finish_document, close_document};

bool iodef_encode(const struct report *report, struct buf *out, struct err *err)
{
    return codec_write_whole(&iodef_pieces, report, out, err);
}

bool iodef_encode_piece(const struct report *head, const struct report *piece, size_t number, struct buf *out, struct err *err)
{
    struct buf behind;
    const struct codec_out both = {.now = out, .behind = &behind};
    buf_init(&behind, out->size_max);
    struct codec_writer *writer = open_document(head, &both, err);
    if (writer)
        writer->observation_count = number;
    bool ok = codec_write_opened(&iodef_pieces, writer, piece, &both, err);
    buf_clear(&behind);
    return ok;
}
