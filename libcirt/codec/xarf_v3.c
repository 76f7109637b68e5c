/*
 * Version 3, and 2, which has the same members: ReporterInfo and Report, whose members are those of Abusix (SourceIp, Samples) or of the
 * conversion tables of xarf.org (Source, Attachment, AdditionalInfo). A member that is known must be what it is meant to be; unknown ones
 * are kept.
 */
#include <string.h>

#include "base/str.h"
#include "codec/xarf.h"

enum kind { KIND_TEXT, KIND_TIME, KIND_IP, KIND_URL, KIND_PORT, KIND_PORTS, KIND_COUNT, KIND_TRANSPORT };

static const struct {
    const char *name;
    enum kind kind;
} members[] = {
    {"ReportClass", KIND_TEXT},
    {"ReportType", KIND_TEXT},
    {"ReportSubType", KIND_TEXT},
    {"ReporterCaseID", KIND_TEXT},
    {"ReporterSeverity", KIND_TEXT},
    {"ReporterNotes", KIND_TEXT},
    {"Date", KIND_TIME},
    {"FirstSeen", KIND_TIME},
    {"SourceIp", KIND_IP},
    {"SourceIP", KIND_IP},
    {"SourcePort", KIND_PORT},
    {"SourceUrl", KIND_URL},
    {"DestinationIp", KIND_IP},
    {"DestinationPort", KIND_PORTS},
    {"AttackerIp", KIND_IP},
    {"AttackerPort", KIND_PORTS},
    {"ASN", KIND_COUNT},
    {"ByteCount", KIND_COUNT},
    {"PacketCount", KIND_COUNT},
    {"AttackCount", KIND_COUNT},
    {"FileSize", KIND_COUNT},
    {"FileName", KIND_TEXT},
    {"InfringedMaterial", KIND_TEXT},
    {"MaterialType", KIND_TEXT},
    {"CourtOrder", KIND_TEXT},
    {"ServiceName", KIND_TEXT},
    {"ServiceVersion", KIND_TEXT},
    {"TransportProtocol", KIND_TRANSPORT},
    {"Harasser", KIND_TEXT},
    {"HarassmentDescription", KIND_TEXT},
    {"MalwareName", KIND_TEXT},
    {"BotnetName", KIND_TEXT},
    {"SmtpMailFromAddress", KIND_TEXT},
    {"SmtpRcptToAddress", KIND_TEXT},
};

static bool is_number(const json_t *value, int64_t max)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= max;
}

static bool is_port_list(const json_t *value)
{
    size_t i;
    json_t *port;
    json_array_foreach((json_t *)value, i, port)
    {
        if (!is_number(port, 65535))
            return false;
    }
    return json_is_array(value);
}

static bool is_transport(const char *text)
{
    static const char *const names[] = {"tcp", "udp", "icmp", "sctp"};
    for (size_t i = 0; text && i < ARRAY_SIZE(names); i++)
        if (str_equal_nocase(text, names[i]))
            return true;
    return false;
}

static bool is_observable(struct arena *arena, const char *text, enum observable_type a, enum observable_type b)
{
    return text && (observable_normalise(arena, a, text) || observable_normalise(arena, b, text) || json_take_is_absent(text));
}

/* NULL where the value is of the kind, else what it must be. */
static const char *judge(const json_t *value, enum kind kind, struct arena *arena)
{
    const char *text = json_string_value(value);
    int64_t moment;
    switch (kind) {
    case KIND_TEXT:
        return text ? NULL : "must be a string";
    case KIND_TIME:
        return text && (timestamp_parse_rfc3339(text, &moment) || timestamp_parse_utc(text, &moment))
                   ? NULL
                   : "must be a time as RFC 3339 writes it";
    case KIND_IP:
        return is_observable(arena, text, OBSERVABLE_IPV4, OBSERVABLE_IPV6) ? NULL : "must be an IP address";
    case KIND_URL:
        return is_observable(arena, text, OBSERVABLE_URL, OBSERVABLE_URL) ? NULL : "must be a URL";
    case KIND_PORT:
        return is_number(value, 65535) ? NULL : "must be a port, 0 to 65535";
    case KIND_PORTS:
        return is_number(value, 65535) || is_port_list(value) ? NULL : "must be a port or several";
    case KIND_COUNT:
        return is_number(value, INT64_MAX) ? NULL : "must be a whole number from 0 on";
    case KIND_TRANSPORT:
        return is_transport(text) ? NULL : "must be tcp, udp, icmp or sctp";
    }
    return NULL;
}

static bool check_members(const json_t *report, const struct json_place *place, struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const json_t *value = json_object_get(report, members[i].name);
        const char *fault = value && !json_is_null(value) ? judge(value, members[i].kind, arena) : NULL;
        if (fault)
            return xarf_fail(place, members[i].name, err, fault);
    }
    return true;
}

/* What a report of that type cannot do without. */
static const struct {
    const char *type, *needs;
} needs[] = {
    {"OpenService", "ServiceName"},
    {"PotentiallyCompromisedAccount", "Account"},
    {"Harassment", "Harasser"},
};

static bool is_missing(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return !value || json_is_null(value) || (json_is_string(value) && str_is_empty(json_string_value(value))) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

static bool check_needs(const json_t *report, const struct json_place *place, struct err *err)
{
    static const char *const always[] = {"ReportClass", "ReportType", "Date"};
    const char *type = json_string_value(json_object_get(report, "ReportType"));
    for (size_t i = 0; i < ARRAY_SIZE(always); i++)
        if (is_missing(report, always[i]))
            return xarf_fail(place, always[i], err, "is missing");
    for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
        if (str_equal(needs[i].type, type) && is_missing(report, needs[i].needs))
            return xarf_fail(place, needs[i].needs, err, "is missing");
    return true;
}

static bool check_texts(const json_t *event, const char *name, const struct json_place *place, struct err *err)
{
    struct json_place here = {.up = place, .name = name};
    const char *member;
    json_t *value;
    if (!json_is_object(json_object_get(event, name)))
        return xarf_fail(place, name, err, json_object_get(event, name) ? "must be an object" : "is missing");
    json_object_foreach(json_object_get(event, name), member, value)
    {
        if (!json_is_string(value) && !json_is_null(value))
            return xarf_fail(&here, member, err, "must be a string");
    }
    return true;
}

/* An organisation must say how to reach it, a person need not. */
static bool check_reporter(const json_t *event, const struct json_place *place, struct err *err)
{
    struct json_place here = {.up = place, .name = "ReporterInfo"};
    const json_t *info = json_object_get(event, "ReporterInfo");
    if (!check_texts(event, "ReporterInfo", place, err))
        return false;
    bool is_person = str_equal(json_string_value(json_object_get(info, "ReporterType")), "Person");
    if (!is_person && is_missing(info, "ReporterOrgEmail"))
        return xarf_fail(&here, "ReporterOrgEmail", err, "is missing");
    return json_is_null(json_object_get(event, "OnBehalfOf")) || !json_object_get(event, "OnBehalfOf") ||
           check_texts(event, "OnBehalfOf", place, err);
}

/* Each is a payload of a type, or a file by its name. */
static bool check_samples(const json_t *report, const struct json_place *place, struct err *err)
{
    static const char *const texts[] = {"ContentType", "Description", "Payload", "FileName"};
    struct json_place here = {.up = place, .name = "Samples"};
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(report, "Samples"), i, item)
    {
        struct json_place inside = {.up = &here, .index = i};
        for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
            if (json_object_get(item, texts[k]) && !json_is_string(json_object_get(item, texts[k])))
                return xarf_fail(&inside, texts[k], err, "must be a string");
        if (is_missing(item, "Payload") && is_missing(item, "FileName"))
            return xarf_fail(&inside, "Payload", err, "is missing");
    }
    return true;
}

/* "3", "2.1", and as a number. */
static bool is_known(const json_t *version)
{
    const char *text = json_string_value(version);
    double number = json_number_value(version);
    return text ? (text[0] == '2' || text[0] == '3') && (!text[1] || text[1] == '.') : number >= 2 && number < 4;
}

static bool check(const json_t *event, const struct json_place *place, struct arena *arena, struct err *err)
{
    struct json_place inner = {.up = place, .name = "Report"};
    if (!is_known(json_object_get(event, "Version")))
        return xarf_fail(place, "Version", err, "must be 2 or 3");
    const json_t *report = json_object_get(event, "Report");
    if (!check_reporter(event, place, err))
        return false;
    if (!json_is_object(report))
        return xarf_fail(place, "Report", err, report ? "must be an object" : "is missing");
    return check_members(report, &inner, arena, err) && check_needs(report, &inner, err) && check_samples(report, &inner, err);
}

/* --- taking --- */

static void take_reporter(struct report *report, json_t *event, const struct json_place *place)
{
    json_t *info = json_object_get(event, "ReporterInfo");
    const char *domain = json_string_value(json_object_get(info, "ReporterOrgDomain"));
    if (place->up)
        return;
    report->reference = json_take_text(json_object_get(event, "Report"), "ReporterCaseID", report->arena);
    report->reference_issuer = report->reference ? arena_strdup(report->arena, domain) : NULL;
    report->reporter_name = json_take_text(info, "ReporterOrg", report->arena);
    report->reporter_email = json_take_text(info, "ReporterOrgEmail", report->arena);
    if (!report->reporter_name)
        report->reporter_name = json_take_text(info, "ReporterContactName", report->arena);
    if (!report->reporter_email)
        report->reporter_email = json_take_text(info, "ReporterContactEmail", report->arena);
    if (str_equal_nocase(domain, xarf_mail_domain(report->reporter_email)))
        json_object_del(info, "ReporterOrgDomain");
}

static void take_class(struct observation *observation, json_t *report, struct arena *arena)
{
    const char *report_class = json_string_value(json_object_get(report, "ReportClass"));
    const char *type = json_string_value(json_object_get(report, "ReportType"));
    observation->class_claim = arena_printf(arena, "%s/%s", report_class, type);
    observation->class_name = xarf_class_legacy(report_class, type);
    json_object_del(report, "ReportClass");
    json_object_del(report, "ReportType");
}

/* One port is ours; of several the list stays. */
static void take_port(json_t *object, const char *name, int *port)
{
    int64_t number;
    if (*port < 0 && json_take_number(object, name, 0, 65535, &number))
        *port = (int)number;
}

static const struct {
    const char *name;
    enum observable_type type;
    enum sighting_role role;
} places[] = {
    {"SourceUrl", OBSERVABLE_URL, ROLE_SOURCE},
    {"Url", OBSERVABLE_URL, ROLE_SOURCE},
    {"URL", OBSERVABLE_URL, ROLE_SOURCE},
    {"ASN", OBSERVABLE_ASN, ROLE_SOURCE},
    {"SmtpMailFromAddress", OBSERVABLE_EMAIL, ROLE_SOURCE},
    {"SMTPFrom", OBSERVABLE_EMAIL, ROLE_SOURCE},
    {"SmtpRcptToAddress", OBSERVABLE_EMAIL, ROLE_VICTIM},
    {"RpzDomain", OBSERVABLE_DOMAIN, ROLE_INFRASTRUCTURE},
    {"UserAgent", OBSERVABLE_USER_AGENT, ROLE_SOURCE},
    {"FileName", OBSERVABLE_FILENAME, ROLE_OTHER},
    {"CVE", OBSERVABLE_CVE, ROLE_OTHER},
};

static void take_hash(const struct json_take *take)
{
    json_t *hash = json_object_get(take->object, "FileHash");
    const char *algorithm = json_string_value(json_object_get(hash, "HashAlgorithm"));
    const char *value = json_string_value(json_object_get(hash, "HashValue"));
    enum observable_type type;
    bool is_part = json_is_false(json_object_get(hash, "HashComplete"));
    if (algorithm && value && !is_part && observable_type_parse(algorithm, &type) && type >= OBSERVABLE_MD5 && type <= OBSERVABLE_SHA512 &&
        report_add_sighting(take->report, take->observation, type, ROLE_OTHER, value))
        json_object_del(take->object, "FileHash");
}

static void take_account(const struct json_take *take)
{
    struct json_take inner = *take;
    struct json_place here = {.up = take->place, .name = "Account"};
    inner.object = json_object_get(take->object, "Account");
    inner.place = &here;
    if (json_is_object(inner.object))
        json_take_sightings(&inner, "AccountEmail", OBSERVABLE_EMAIL, ROLE_VICTIM);
}

static void take_protocol(struct observation *observation, json_t *object, const char *name, struct arena *arena)
{
    const char *protocol = observation->protocol ? NULL : json_take_text(object, name, arena);
    if (!protocol)
        return;
    char *lower = arena_strdup(arena, protocol);
    str_lower(lower);
    observation->protocol = lower;
}

static void take_report(const struct json_take *take)
{
    struct arena *arena = report_row_arena(take->report);
    json_t *report = take->object;
    struct observation *observation = take->observation;
    json_take_addresses(take, "SourceIp", ROLE_SOURCE);
    json_take_addresses(take, "SourceIP", ROLE_SOURCE);
    json_take_addresses(take, "AttackerIp", ROLE_SOURCE);
    json_take_addresses(take, "DestinationIp", ROLE_TARGET);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        json_take_sightings(take, places[i].name, places[i].type, places[i].role);
    take_hash(take);
    take_account(take);
    take_port(report, "SourcePort", &observation->source_port);
    take_port(report, "AttackerPort", &observation->source_port);
    take_port(report, "DestinationPort", &observation->target_port);
    take_protocol(observation, report, "TransportProtocol", arena);
    take_protocol(observation, report, "Protocol", arena);
    UNUSED(json_take_number(report, "AttackCount", 1, INT64_MAX, &observation->count));
    observation->description = json_take_text(report, "AttackDescription", arena);
    if (!observation->description)
        observation->description = json_take_text(report, "HarassmentDescription", arena);
    if (!observation->description)
        observation->description = json_take_text(report, "ReporterNotes", arena);
}

/* Source{IP,Port} and AdditionalInfo of the other dialect. */
static void take_dialect(const struct json_take *take)
{
    struct json_take source = *take, more = *take;
    struct json_place source_place = {.up = take->place, .name = "Source"}, more_place = {.up = take->place, .name = "AdditionalInfo"};
    source.object = json_object_get(take->object, "Source");
    source.place = &source_place;
    more.object = json_object_get(take->object, "AdditionalInfo");
    more.place = &more_place;
    if (json_is_object(source.object)) {
        json_take_addresses(&source, "IP", ROLE_SOURCE);
        json_take_sightings(&source, "URL", OBSERVABLE_URL, ROLE_SOURCE);
        take_port(source.object, "Port", &take->observation->source_port);
    }
    if (!json_is_object(more.object))
        return;
    json_take_addresses(&more, "DestinationIP", ROLE_TARGET);
    json_take_sightings(&more, "SMTPFrom", OBSERVABLE_EMAIL, ROLE_SOURCE);
    json_take_sightings(&more, "URL", OBSERVABLE_URL, ROLE_SOURCE);
    xarf_take_guessed(&more, "C2Server", ROLE_INFRASTRUCTURE);
    take_port(more.object, "DestinationPort", &take->observation->target_port);
    take_protocol(take->observation, more.object, "Protocol", report_row_arena(take->report));
}

bool xarf_v3_read(struct report *report, json_t *event, const struct json_place *place, struct err *err)
{
    struct arena *arena = report_row_arena(report);
    struct json_place inner = {.up = place, .name = "Report"};
    if (!check(event, place, arena, err))
        return false;
    struct observation *observation = report_add_observation(report);
    json_t *body = json_object_get(event, "Report");
    struct json_take take = {.report = report, .observation = observation, .object = body, .place = &inner};
    if (!json_take_time(body, &inner, "Date", arena, &observation->time, &observation->time_text, &observation->time_rule, err))
        return false;
    take_reporter(report, event, place);
    take_class(observation, body, arena);
    take_report(&take);
    take_dialect(&take);
    if (!observation->sighting_count)
        json_take_reject(report, &inner, "names no source: no SourceIp, SourceUrl or Source that can be read");
    xarf_evidence_take(body, json_object_get(body, "Samples") ? "Samples" : "Attachment");
    observation->extra = json_take_rest(event, arena);
    return true;
}
