/* Version 4: one flat object; what members there are depends on category and type. */
#include <string.h>

#include "base/str.h"
#include "codec/xarf.h"
#include "model/rsit.h"
#include "model/tlp.h"

/* What 4.0 wanted; sender, and the domain of a contact, came later. */
static const char *const required[] = {"report_id", "timestamp", "reporter", "source_identifier", "category", "type"};
static const char *const contact_members[] = {"org", "contact"};

static bool check_contact(const json_t *event, const char *name, const struct json_place *place, struct err *err)
{
    struct json_place here = {.up = place, .name = name};
    const json_t *contact = json_object_get(event, name);
    if (!json_is_object(contact))
        return xarf_fail(place, name, err, "must be an object with org and contact");
    for (size_t i = 0; i < ARRAY_SIZE(contact_members); i++)
        if (str_is_empty(json_string_value(json_object_get(contact, contact_members[i]))))
            return xarf_fail(&here, contact_members[i], err,
                             json_object_get(contact, contact_members[i]) ? "must be a string" : "is missing");
    return true;
}

static bool check_required(const json_t *event, const struct json_place *place, struct err *err)
{
    const char *version = json_string_value(json_object_get(event, "xarf_version"));
    if (!version || !str_starts(version, "4."))
        return xarf_fail(place, "xarf_version", err, "must be 4.x.y");
    for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
        const json_t *value = json_object_get(event, required[i]);
        if (!value)
            return xarf_fail(place, required[i], err, "is missing");
        if (!str_equal(required[i], "reporter") && str_is_empty(json_string_value(value)))
            return xarf_fail(place, required[i], err, "must be a string");
    }
    return check_contact(event, "reporter", place, err) &&
           (!json_object_get(event, "sender") || check_contact(event, "sender", place, err));
}

/* A contact that another report of the document does not share stays with its own. */
static void take_contact(struct report *report, json_t *event, const char *member, const char **name, const char **email)
{
    json_t *contact = json_object_get(event, member);
    const char *org = json_string_value(json_object_get(contact, "org")), *mail = json_string_value(json_object_get(contact, "contact"));
    const char *domain = json_string_value(json_object_get(contact, "domain"));
    if (!contact)
        return;
    if (*name && !(str_equal(*name, org) && str_equal(*email, mail)))
        return;
    *name = arena_strdup(report->arena, org);
    *email = arena_strdup(report->arena, mail);
    json_object_del(contact, "org");
    json_object_del(contact, "contact");
    if (str_equal_nocase(domain, xarf_mail_domain(*email)))
        json_object_del(contact, "domain");
}

/* Of a document of one report its number is the document's. Who sent it gave it. */
static void take_reference(struct report *report, json_t *event, const struct json_place *place)
{
    if (place->up)
        return;
    const json_t *sender = json_object_get(event, "sender");
    sender = sender ? sender : json_object_get(event, "reporter");
    const char *domain = json_string_value(json_object_get(sender, "domain"));
    domain = domain ? domain : xarf_mail_domain(json_string_value(json_object_get(sender, "contact")));
    report->reference_issuer = arena_strdup(report->arena, domain);
    report->reference = json_take_text(event, "report_id", report->arena);
}

/* For reputation it is the threat that has a class, not the list that it stands on. */
static void take_class(struct observation *observation, json_t *event, struct arena *arena)
{
    const char *category = json_string_value(json_object_get(event, "category")), *type = json_string_value(json_object_get(event, "type"));
    const char *threat = json_string_value(json_object_get(event, "threat_type"));
    const char *exact = str_equal(category, "reputation") && threat ? rsit_claimed(threat) : NULL;
    observation->class_claim = arena_printf(arena, "%s/%s", category, type);
    observation->class_name = exact ? exact : xarf_class_find(category, type);
    json_object_del(event, "category");
    json_object_del(event, "type");
}

static const struct {
    const char *name;
    enum observable_type type;
    enum sighting_role role;
} places[] = {
    {"url", OBSERVABLE_URL, ROLE_SOURCE},
    {"infringing_url", OBSERVABLE_URL, ROLE_SOURCE},
    {"domain", OBSERVABLE_DOMAIN, ROLE_SOURCE},
    {"asn", OBSERVABLE_ASN, ROLE_SOURCE},
    {"country_code", OBSERVABLE_COUNTRY, ROLE_SOURCE},
    {"smtp_from", OBSERVABLE_EMAIL, ROLE_SOURCE},
    {"smtp_to", OBSERVABLE_EMAIL, ROLE_VICTIM},
    {"target_url", OBSERVABLE_URL, ROLE_TARGET},
    {"submission_url", OBSERVABLE_URL, ROLE_INFRASTRUCTURE},
    {"redirect_chain", OBSERVABLE_URL, ROLE_INFRASTRUCTURE},
    {"user_agent", OBSERVABLE_USER_AGENT, ROLE_SOURCE},
    {"cve_id", OBSERVABLE_CVE, ROLE_OTHER},
    {"cve_ids", OBSERVABLE_CVE, ROLE_OTHER},
    {"exploit_cve", OBSERVABLE_CVE, ROLE_OTHER},
    {"vulnerability_cve", OBSERVABLE_CVE, ROLE_OTHER},
};

/* Members that are an object, or a list of them, which says more of each value than there is a place for. */
static const struct within {
    const char *name, *member;
    enum observable_type type; /* 0: it is found out */
    enum sighting_role role;
} within[] = {
    {"related_domains", "domain", OBSERVABLE_DOMAIN, ROLE_INFRASTRUCTURE},
    {"cryptocurrency_addresses", "address", OBSERVABLE_CRYPTO, ROLE_INFRASTRUCTURE},
    {"c2_servers", "address", 0, ROLE_INFRASTRUCTURE},
    {"linked_content", "target_url", OBSERVABLE_URL, ROLE_INFRASTRUCTURE},
    {"nzb_info", "nzb_url", OBSERVABLE_URL, ROLE_INFRASTRUCTURE},
    {"spam_indicators", "suspicious_links", OBSERVABLE_URL, ROLE_INFRASTRUCTURE},
    {"perpetrator_indicators", "ip_addresses", OBSERVABLE_IPV4, ROLE_SOURCE},
    {"vulnerability_exploited", "cve", OBSERVABLE_CVE, ROLE_OTHER},
    {"file_info", "file_hash", OBSERVABLE_SHA256, ROLE_OTHER},
    {"file_metadata", "filename", OBSERVABLE_FILENAME, ROLE_OTHER},
};

static void take_value(const struct json_take *take, const char *name, enum observable_type type, enum sighting_role role)
{
    if (!type)
        xarf_take_guessed(take, name, role);
    else
        json_take_sightings(take, name, type, role);
}

/* True: there was nothing else in it. It is left whole where there was: a port or a currency is of the value beside it. */
static bool take_one_within(const struct json_take *take, const struct within *row, const json_t *object, const struct json_place *place)
{
    json_t *copy = json_copy((json_t *)object);
    struct json_take inner = *take;
    inner.object = copy;
    inner.place = place;
    take_value(&inner, row->member, row->type, row->role);
    bool is_all = json_is_object(object) && json_object_size(copy) == 0;
    json_decref(copy);
    return is_all;
}

static void take_within(const struct json_take *take, const struct within *row)
{
    struct json_place list = {.up = take->place, .name = row->name};
    json_t *value = json_object_get(take->object, row->name), *item;
    bool is_all = true;
    size_t i;
    if (!json_is_object(value) && !json_is_object(json_array_get(value, 0))) {
        take_value(take, row->name, row->type, row->role);
        return;
    }
    if (json_is_object(value))
        is_all = take_one_within(take, row, value, &list);
    json_array_foreach(value, i, item)
    {
        struct json_place place = {.up = &list, .index = i};
        is_all = take_one_within(take, row, item, &place) && is_all;
    }
    if (is_all)
        json_object_del(take->object, row->name);
}

/* Names of holes among their numbers are no fault. */
static void take_probed(const struct json_take *take)
{
    json_t *list = json_object_get(take->object, "vulnerabilities_probed"), *item;
    size_t added = 0, i;
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        added += text && report_add_sighting(take->report, take->observation, OBSERVABLE_CVE, ROLE_OTHER, text);
    }
    if (added && added == json_array_size(list))
        json_object_del(take->object, "vulnerabilities_probed");
}

static void take_sightings(const struct json_take *take)
{
    struct json_place source = {.up = take->place, .name = "source_identifier"};
    if (!xarf_take_guessed(take, "source_identifier", ROLE_SOURCE))
        json_take_reject(take->report, &source, "is no address, network or name");
    json_take_addresses(take, "destination_ip", ROLE_TARGET);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        json_take_sightings(take, places[i].name, places[i].type, places[i].role);
    for (size_t i = 0; i < ARRAY_SIZE(within); i++)
        take_within(take, &within[i]);
    take_probed(take);
    xarf_take_guessed(take, "c2_server", ROLE_INFRASTRUCTURE);
    xarf_take_hash(take, "file_hash");
    xarf_take_hash(take, "file_hashes");
    xarf_take_hash(take, "hash_values");
}

static void take_numbers(struct observation *observation, json_t *event, struct arena *arena)
{
    int64_t number;
    if (json_take_number(event, "source_port", 0, 65535, &number))
        observation->source_port = (int)number;
    if (json_take_number(event, "destination_port", 0, 65535, &number))
        observation->target_port = (int)number;
    if (!json_take_number(event, "attempt_count", 1, INT64_MAX, &observation->count))
        UNUSED(json_take_number(event, "attempts_count", 1, INT64_MAX, &observation->count));
    const char *protocol = json_take_text(event, "protocol", arena);
    if (!protocol)
        return;
    char *lower = arena_strdup(arena, protocol);
    str_lower(lower);
    observation->protocol = lower;
}

static void take_confidence(const struct json_take *take)
{
    const json_t *confidence = json_object_get(take->object, "confidence");
    double share = json_number_value(confidence);
    if (!json_is_number(confidence) || !(share >= 0 && share <= 1))
        return;
    json_object_del(take->object, "confidence");
    json_take_confidence(take->observation, (int)(share * 100 + 0.5));
}

/* The first drafts of 4.0.0 say "class". */
static void name_category(json_t *event)
{
    json_t *category = json_object_get(event, "category") ? NULL : json_take_member(event, "class");
    if (category)
        json_object_set_new(event, "category", category);
}

bool xarf_v4_read(struct report *report, json_t *event, const struct json_place *place, struct err *err)
{
    struct arena *arena = report_row_arena(report);
    name_category(event);
    if (!check_required(event, place, err))
        return false;
    struct observation *observation = report_add_observation(report);
    struct json_take take = {.report = report, .observation = observation, .object = event, .place = place};
    if (!json_take_time(event, place, "timestamp", arena, &observation->time, &observation->time_text, &observation->time_rule, err))
        return false;
    take_reference(report, event, place);
    take_contact(report, event, "reporter", &report->reporter_name, &report->reporter_email);
    take_contact(report, event, "sender", &report->creator_name, &report->creator_email);
    take_class(observation, event, arena);
    take_numbers(observation, event, arena);
    observation->description = json_take_text(event, "description", arena);
    take_sightings(&take);
    xarf_unique(observation);
    xarf_spare_targets(observation);
    take_confidence(&take);
    xarf_evidence_take(event, "evidence");
    json_t *own = json_take_member(event, XARF_OWN);
    observation->extra = json_take_rest(event, arena);
    xarf_own_read(report, observation, own);
    json_decref(own);
    return true;
}
