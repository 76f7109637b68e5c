/* IDEA0 (CESNET, Warden): security events in JSON. Keys are CamelCase, and unique whatever their case; private ones begin with "_". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/codec.h"
#include "codec/json_peek.h"
#include "codec/json_take.h"
#include "model/rsit.h"

static int probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(hints);
    if (json_peek_is(bytes, size, "Format", "IDEA0") || json_peek_is(bytes, size, "format", "IDEA0"))
        return 90;
    return json_peek_has(bytes, size, "DetectTime") && json_peek_has(bytes, size, "Category") ? 70 : 0;
}

/* --- keys --- */

/* The names we look for. */
static const char *const known_names[] = {
    "Format", "ID",      "DetectTime", "CreateTime", "EventTime", "Category", "Confidence", "Description", "Note", "ConnCount", "Ref",
    "Source", "Target",  "Attach",     "Type",       "Hostname",  "IP4",      "IP6",        "MAC",         "Port", "Proto",     "URL",
    "Email",  "Spoofed", "Imprecise",  "Anonymised", "ASN",       "PTR",      "Hash",       "FileName",    "TLP",
};

static const char *known_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(known_names); i++)
        if (str_equal_nocase(name, known_names[i]))
            return known_names[i];
    return name;
}

static json_t *canonical(const json_t *value, const struct json_place *place, struct err *err);

static bool add_canonical(json_t *to, json_t *seen, const char *name, const json_t *value, const struct json_place *place, struct err *err)
{
    struct json_place here = {.up = place, .name = name};
    char *lower = mem_strdup(name);
    str_lower(lower);
    bool is_new = !json_object_get(seen, lower) && json_object_set_new(seen, lower, json_true()) == 0;
    free(lower);
    if (!is_new)
        return json_value_fail(&here, ERR_INPUT, err, "is there twice: keys must differ by more than upper and lower case");
    json_t *member = canonical(value, &here, err);
    return member && json_object_set_new(to, known_name(name), member) == 0;
}

static json_t *canonical_object(const json_t *object, const struct json_place *place, struct err *err)
{
    json_t *to = json_object(), *seen = json_object(), *member;
    const char *name;
    bool ok = true;
    json_object_foreach((json_t *)object, name, member)
    {
        ok = ok && add_canonical(to, seen, name, member, place, err);
    }
    json_decref(seen);
    if (ok)
        return to;
    json_decref(to);
    return NULL;
}

static json_t *canonical_array(const json_t *array, const struct json_place *place, struct err *err)
{
    json_t *to = json_array(), *element;
    size_t index;
    bool ok = true;
    json_array_foreach((json_t *)array, index, element)
    {
        struct json_place here = {.up = place, .index = index};
        json_t *copy = ok ? canonical(element, &here, err) : NULL;
        ok = copy && json_array_append_new(to, copy) == 0;
    }
    if (ok)
        return to;
    json_decref(to);
    return NULL;
}

/* A copy in which the names we know are written as the definition writes them; NULL with an error where a key is there twice. */
static json_t *canonical(const json_t *value, const struct json_place *place, struct err *err)
{
    if (json_is_object(value))
        return canonical_object(value, place, err);
    if (json_is_array(value))
        return canonical_array(value, place, err);
    return json_incref((json_t *)value);
}

/* --- class --- */

/* The tree of categories; one that is not here is looked up by its branch. "Test" is deliberately missing: what a document says about
 * itself decides nothing. */
static const struct {
    const char *category, *name;
} classes[] = {
    {"Abusive.Spam", "abusive-content/spam"},
    {"Abusive.Harassment", "abusive-content/harmful-speech"},
    {"Abusive.Child", "abusive-content/violence"},
    {"Abusive.Sexual", "abusive-content/violence"},
    {"Abusive.Violence", "abusive-content/violence"},
    {"Malware", "malicious-code/infected-system"},
    {"Recon.Scanning", "information-gathering/scanner"},
    {"Recon.Sniffing", "information-gathering/sniffing"},
    {"Recon.SocialEngineering", "information-gathering/social-engineering"},
    {"Recon", "information-gathering/scanner"},
    {"Attempt.Exploit", "intrusion-attempts/ids-alert"},
    {"Attempt.Login", "intrusion-attempts/brute-force"},
    {"Attempt.NewSignature", "intrusion-attempts/exploit"},
    {"Intrusion.AdminCompromise", "intrusions/privileged-account-compromise"},
    {"Intrusion.UserCompromise", "intrusions/unprivileged-account-compromise"},
    {"Intrusion.AppCompromise", "intrusions/application-compromise"},
    {"Intrusion.Botnet", "malicious-code/infected-system"},
    {"Intrusion", "intrusions/system-compromise"},
    {"Availability.DoS", "availability/dos"},
    {"Availability.DDoS", "availability/ddos"},
    {"Availibility.DDoS", "availability/ddos"}, /* as detectors of NEMEA spell it */
    {"Availability.Sabotage", "availability/sabotage"},
    {"Availability.Outage", "availability/outage"},
    {"Information.UnauthorizedAccess", "information-content-security/unauthorised-information-access"},
    {"Information.UnauthorizedModification", "information-content-security/unauthorised-information-modification"},
    {"Fraud.UnauthorizedUsage", "fraud/unauthorised-use-of-resources"},
    {"Fraud.Copyright", "fraud/copyright"},
    {"Fraud.Masquerade", "fraud/masquerade"},
    {"Fraud.Phishing", "fraud/phishing"},
    {"Fraud.Scam", "fraud/masquerade"},
    {"Vulnerable.Open", "vulnerable/potentially-unwanted-accessible"},
    {"Vulnerable", "vulnerable/vulnerable-system"},
    {"Other", "other/other"},
};

static const char *class_of(const char *category)
{
    char branch[64];
    size_t size = strcspn(category, ".");
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        if (str_equal_nocase(category, classes[i].category))
            return classes[i].name;
    if (size >= sizeof branch)
        return NULL;
    memcpy(branch, category, size);
    branch[size] = '\0';
    return category[size] ? class_of(branch) : NULL;
}

/* Some write what should be a list of one without the list. */
static void as_list(json_t *event, const char *name)
{
    json_t *value = json_object_get(event, name);
    if (json_is_string(value) || json_is_object(value))
        json_object_set_new(event, name, json_pack("[O]", value));
}

/* The first category that says something to us is the class, else the first; an event of several keeps the list. */
static bool read_categories(json_t *event, const struct json_place *place, struct arena *arena, struct observation *observation,
                            struct err *err)
{
    struct json_place here = {.up = place, .name = "Category"};
    as_list(event, "Category");
    const json_t *categories = json_object_get(event, "Category"), *category;
    size_t index;
    if (!json_is_array(categories) || !json_array_size(categories))
        return json_value_fail(&here, ERR_INPUT, err, categories ? "must be an array of categories" : "is missing");
    json_array_foreach(categories, index, category)
    {
        struct json_place inside = {.up = &here, .index = index};
        const char *text;
        if (!json_value_text(category, &inside, arena, &text, err))
            return false;
        const char *name = text ? class_of(text) : NULL;
        if (text && (!observation->class_claim || (name && !observation->class_name))) {
            observation->class_claim = text;
            observation->class_name = name;
        }
    }
    if (!observation->class_claim)
        return json_value_fail(&here, ERR_INPUT, err, "must be an array of categories");
    if (json_array_size(categories) == 1)
        json_object_del(event, "Category");
    return true;
}

/* --- Source[] and Target[] --- */

static bool is_true(const json_t *end, const char *name)
{
    return json_is_true(json_object_get(end, name));
}

/* Type says what an end is; "CC" is who gives the orders to bots. */
static bool gives_orders(const json_t *end)
{
    const json_t *types = json_object_get(end, "Type"), *type;
    size_t index;
    json_array_foreach((json_t *)types, index, type)
    {
        if (json_is_string(type) && str_equal_nocase(json_string_value(type), "CC"))
            return true;
    }
    return json_is_string(types) && str_equal_nocase(json_string_value(types), "CC");
}

static bool is_about_bots(const char *class_name)
{
    return str_equal(class_name, "malicious-code/infected-system");
}

/* In an event about bots their master is none of them. */
static const char *class_of_source(const char *class_name, const json_t *source)
{
    return is_about_bots(class_name) && gives_orders(source) ? "malicious-code/c2-server" : class_name;
}

/* What bots call is nobody's victim; but whom their master calls. */
static enum sighting_role role_of_targets(const char *class_name, const json_t *sources)
{
    const json_t *source;
    size_t index;
    json_array_foreach((json_t *)sources, index, source)
    {
        if (is_about_bots(class_name) && json_is_object(source) && !gives_orders(source))
            return ROLE_INFRASTRUCTURE;
    }
    return ROLE_TARGET;
}

static void read_port(json_t *end, int *port)
{
    int64_t number;
    json_t *ports = json_object_get(end, "Port");
    if (json_is_array(ports) && json_array_size(ports) == 1) {
        json_t *only = json_incref(json_array_get(ports, 0));
        json_object_set_new(end, "Port", only);
    }
    if (*port < 0 && json_take_number(end, "Port", 0, 65535, &number))
        *port = (int)number;
}

/* The first is the transport; what is above it stays. */
static void read_protocol(json_t *end, struct report *report, struct observation *observation)
{
    json_t *protocols = json_object_get(end, "Proto");
    const char *first = json_string_value(json_is_array(protocols) ? json_array_get(protocols, 0) : protocols);
    if (!first || str_is_empty(first) || (observation->protocol && !str_equal_nocase(first, observation->protocol)))
        return;
    if (!observation->protocol) {
        char *copy = arena_strdup(report_row_arena(report), first);
        str_lower(copy);
        observation->protocol = copy;
    }
    if (json_is_array(protocols) && json_array_size(protocols) > 1)
        json_array_remove(protocols, 0);
    else
        json_object_del(end, "Proto");
}

/* An anonymised or imprecise address is none; a network that holds it still says something. */
static void take_addresses(const struct json_take *take, const char *name, enum sighting_role role)
{
    bool is_vague = is_true(take->object, "Anonymised") || is_true(take->object, "Imprecise");
    const json_t *value = json_object_get(take->object, name), *element;
    size_t index, networks = 0;
    json_array_foreach((json_t *)value, index, element)
    {
        const char *text = json_string_value(element);
        networks += text && strchr(text, '/');
    }
    if (!is_vague || (json_is_array(value) && networks == json_array_size(value)))
        UNUSED(json_take_addresses(take, name, role));
}

/* A spoofed address is that of somebody who has nothing to do with it, or suffers it. */
static void read_end(const struct json_take *event, json_t *end, const struct json_place *place, enum sighting_role role, int *port)
{
    static const struct {
        const char *name;
        enum observable_type type;
    } values[] = {{"Hostname", OBSERVABLE_DOMAIN}, {"PTR", OBSERVABLE_DOMAIN}, {"URL", OBSERVABLE_URL},
                  {"Email", OBSERVABLE_EMAIL},     {"MAC", OBSERVABLE_MAC},    {"ASN", OBSERVABLE_ASN}};
    struct json_take take = {.report = event->report, .observation = event->observation, .object = end, .place = place};
    if (is_true(end, "Spoofed"))
        role = ROLE_VICTIM;
    else if (role == ROLE_TARGET && gives_orders(end))
        role = ROLE_INFRASTRUCTURE;
    take_addresses(&take, "IP4", role);
    take_addresses(&take, "IP6", role);
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        UNUSED(json_take_sightings(&take, values[i].name, values[i].type, role));
    read_port(end, port);
    read_protocol(end, event->report, event->observation);
}

/* All elements of Source or Target; those of which nothing is left go. */
static void read_ends(const struct json_take *event, const char *name, enum sighting_role role, int *port)
{
    struct json_place here = {.up = event->place, .name = name};
    json_t *ends = json_take_member(event->object, name), *left = json_array(), *end;
    size_t index;
    json_array_foreach(ends, index, end)
    {
        struct json_place inside = {.up = &here, .index = index};
        if (json_is_object(end))
            read_end(event, end, &inside, role, port);
        if (!json_is_object(end) || json_object_size(end))
            json_array_append(left, end);
    }
    if (ends && !json_is_array(ends))
        json_object_set(event->object, name, ends);
    else if (json_array_size(left))
        json_object_set(event->object, name, left);
    json_decref(left);
    json_decref(ends);
}

/* --- Ref and Attach --- */

/* "cve:CVE-2026-1234"; other references stay. */
static void read_references(const struct json_take *take)
{
    json_t *references = json_take_member(take->object, "Ref"), *left = json_array(), *reference;
    size_t index;
    json_array_foreach(references, index, reference)
    {
        const char *text = json_string_value(reference);
        bool is_cve = text && str_starts_nocase(text, "cve:") &&
                      report_add_sighting(take->report, take->observation, OBSERVABLE_CVE, ROLE_OTHER, text + strlen("cve:"));
        if (!is_cve)
            json_array_append(left, reference);
    }
    json_object_set(take->object, "Ref", references && !json_is_array(references) ? references : left);
    json_decref(left);
    json_decref(references);
}

/* "sha1:0c4a...": the name of the algorithm and the digits. What is attached stays as it is, encoded: the content is never looked at. */
static void read_hashes(const struct json_take *take, json_t *attachment, const struct json_place *place)
{
    struct json_place here = {.up = place, .name = "Hash"};
    const json_t *hashes = json_object_get(attachment, "Hash"), *hash;
    size_t index;
    json_array_foreach((json_t *)hashes, index, hash)
    {
        struct json_place inside = {.up = &here, .index = index};
        const char *text = json_string_value(hash), *digits = text ? strchr(text, ':') : NULL;
        enum observable_type type;
        char name[8];
        if (!digits || digits - text >= (ptrdiff_t)sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(digits - text), text);
        bool is_hash = observable_type_parse(name, &type) && type >= OBSERVABLE_MD5 && type <= OBSERVABLE_SHA512;
        if (is_hash && !report_add_sighting(take->report, take->observation, type, ROLE_OTHER, digits + 1))
            json_take_reject(take->report, &inside, "is no valid hash");
    }
}

static void read_attachments(const struct json_take *event)
{
    struct json_place here = {.up = event->place, .name = "Attach"};
    json_t *attachments = json_object_get(event->object, "Attach"), *attachment;
    size_t index;
    json_array_foreach(attachments, index, attachment)
    {
        struct json_place inside = {.up = &here, .index = index};
        struct json_take take = {.report = event->report, .observation = event->observation, .object = attachment, .place = &inside};
        if (!json_is_object(attachment))
            continue;
        read_hashes(event, attachment, &inside);
        UNUSED(json_take_sightings(&take, "FileName", OBSERVABLE_FILENAME, ROLE_OTHER));
    }
}

/* --- one event --- */

static bool fail_member(const struct json_place *place, const char *name, struct err *err, const char *text)
{
    struct json_place here = {.up = place, .name = name};
    return json_value_fail(&here, ERR_INPUT, err, "%s", text);
}

/* When it happened, else when it was seen. */
static bool read_times(struct observation *observation, json_t *event, const struct json_place *place, struct arena *arena, struct err *err)
{
    const char *name = json_object_get(event, "EventTime") ? "EventTime" : "DetectTime";
    if (!json_is_string(json_object_get(event, "DetectTime")))
        return fail_member(place, "DetectTime", err, json_object_get(event, "DetectTime") ? "must be a time" : "is missing");
    return json_take_time(event, place, name, arena, &observation->time, &observation->time_text, &observation->time_rule, err);
}

/* Written as 0..1; -1 where it is not. */
static int take_confidence(json_t *event)
{
    const json_t *confidence = json_object_get(event, "Confidence");
    double share = json_number_value(confidence);
    if (!json_is_number(confidence) || !(share >= 0 && share <= 1))
        return -1;
    json_object_del(event, "Confidence");
    return (int)(share * 100 + 0.5);
}

/* A document of one event is that event's: its number and time are the report's. */
static bool read_head(struct report *report, json_t *event, const struct json_place *place, struct err *err)
{
    if (place->up)
        return true;
    report->reference = json_take_text(event, "ID", report->arena);
    return json_take_time(event, place, "CreateTime", report->arena, &report->time, &report->time_text, &report->time_rule, err);
}

/* --- more than one source --- */

/* Each source is somebody else's business, so each becomes an observation of its own. Of the targets a few stand beside each. */
enum { TARGETS_REPEATED = 8 };

/* Takes all but the first element of Source out of the event. */
static json_t *split_sources(json_t *event)
{
    json_t *sources = json_object_get(event, "Source"), *more = json_array(), *first = json_array(), *source;
    size_t index;
    json_array_foreach(sources, index, source)
    {
        json_array_append(index ? more : first, source);
    }
    if (json_array_size(more))
        json_object_set(event, "Source", first);
    json_decref(first);
    return more;
}

/* The targets that each further source is given, too: their places among the sightings of the first; none where there are more. */
struct targets {
    size_t at[TARGETS_REPEATED], count;
};

static struct targets targets_of(const struct observation *head)
{
    struct targets targets = {.count = 0};
    for (size_t i = 0; i < head->sighting_count; i++) {
        if (head->sightings[i].role != ROLE_TARGET && head->sightings[i].role != ROLE_INFRASTRUCTURE)
            continue;
        if (targets.count == TARGETS_REPEATED)
            return (struct targets){.count = 0};
        targets.at[targets.count++] = i;
    }
    return targets;
}

static void add_source(const struct json_take *event, size_t first, const struct targets *targets, const char *class_name, json_t *source,
                       const struct json_place *place, enum tlp label, int confidence)
{
    struct report *report = event->report;
    struct observation *observation = report_add_observation(report), *head = &report->observations[first];
    *observation = (struct observation){.time = head->time,
                                        .time_text = head->time_text,
                                        .time_rule = head->time_rule,
                                        .class_claim = head->class_claim,
                                        .class_name = class_of_source(class_name, source),
                                        .count = 1,
                                        .description = head->description,
                                        .protocol = head->protocol,
                                        .source_port = -1,
                                        .target_port = head->target_port};
    struct json_take take = {.report = report, .observation = observation, .object = event->object, .place = event->place};
    /* Room at once for what is known to come: doubling would leave twice as much behind. */
    observation->sighting_capacity = targets->count + 1;
    observation->sightings = arena_calloc(report_row_arena(report), observation->sighting_capacity, sizeof *observation->sightings);
    if (json_is_object(source))
        read_end(&take, source, place, ROLE_SOURCE, &observation->source_port);
    for (size_t i = 0; i < targets->count; i++) {
        const struct sighting *target = &head->sightings[targets->at[i]];
        UNUSED(report_add_sighting(report, observation, target->type, target->role, target->value));
    }
    json_take_label(report, observation, label);
    json_take_confidence(observation, confidence);
    json_t *rest = json_object();
    json_object_set(rest, "Source", source);
    observation->extra = json_take_rest(rest, report_row_arena(report));
    json_decref(rest);
}

static void add_sources(const struct json_take *event, size_t first, const char *class_name, json_t *more, enum tlp label, int confidence)
{
    struct json_place here = {.up = event->place, .name = "Source"};
    const struct targets targets = targets_of(&event->report->observations[first]);
    json_t *source;
    size_t index;
    json_array_foreach(more, index, source)
    {
        struct json_place inside = {.up = &here, .index = index + 1};
        add_source(event, first, &targets, class_name, source, &inside, label, confidence);
    }
}

/* Mentat's: the standard itself has no label. The key in whatever case. */
static enum tlp label_of(const json_t *event)
{
    enum tlp label = TLP_NONE;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)event, name, value)
    {
        if (str_equal_nocase(name, "TLP"))
            label = tlp_strictest(label, json_take_claimed(value));
    }
    return label;
}

/* A word that is none stays. */
static enum tlp take_label(json_t *event)
{
    enum tlp label, claimed = label_of(event);
    if (tlp_parse(json_string_value(json_object_get(event, "TLP")), &label))
        json_object_del(event, "TLP");
    return claimed;
}

static bool read_canonical(struct report *report, json_t *event, const struct json_place *place, struct err *err)
{
    struct arena *arena = report_row_arena(report);
    size_t first = report->observation_count;
    struct observation *observation = report_add_observation(report);
    struct json_take take = {.report = report, .observation = observation, .object = event, .place = place};
    if (!str_equal(json_string_value(json_object_get(event, "Format")), "IDEA0"))
        return fail_member(place, "Format", err, "must be \"IDEA0\"");
    json_object_del(event, "Format");
    if (!json_is_string(json_object_get(event, "ID")) || str_is_empty(json_string_value(json_object_get(event, "ID"))))
        return fail_member(place, "ID", err, json_object_get(event, "ID") ? "must be a string" : "is missing");
    if (!read_times(observation, event, place, arena, err) || !read_categories(event, place, arena, observation, err) ||
        !read_head(report, event, place, err))
        return false;
    observation->description = json_take_text(event, "Description", arena);
    if (!observation->description)
        observation->description = json_take_text(event, "Note", arena);
    UNUSED(json_take_number(event, "ConnCount", 1, INT64_MAX, &observation->count));
    as_list(event, "Source");
    as_list(event, "Target");
    const char *class_name = observation->class_name;
    enum sighting_role target_role = role_of_targets(class_name, json_object_get(event, "Source"));
    json_t *more = split_sources(event);
    observation->class_name = class_of_source(class_name, json_array_get(json_object_get(event, "Source"), 0));
    read_ends(&take, "Source", ROLE_SOURCE, &observation->source_port);
    read_ends(&take, "Target", target_role, &observation->target_port);
    read_references(&take);
    read_attachments(&take);
    enum tlp label = take_label(event);
    json_take_label(report, observation, label);
    int confidence = take_confidence(event);
    json_take_confidence(observation, confidence);
    observation->extra = json_take_rest(event, arena);
    add_sources(&take, first, class_name, more, label, confidence);
    json_decref(more);
    return true;
}

static bool read_event(struct report *report, json_t *event, const struct json_place *place, struct err *err)
{
    if (!json_is_object(event))
        return json_value_fail(place, ERR_INPUT, err, "must be an event, an object");
    json_t *copy = canonical(event, place, err);
    bool ok = copy && read_canonical(report, copy, place, err);
    json_decref(copy);
    return ok;
}

static bool decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints, struct report **out,
                   struct err *err)
{
    UNUSED(hints);
    return json_take_labelled_events(bytes, size, "idea", limits, label_of, read_event, out, err);
}

extern const struct codec idea_codec;
const struct codec idea_codec = {
    .name = "idea",
    .media_type = "application/json",
    .standard = "IDEA0, CESNET",
    .summary = "IDEA0 events, one JSON object or an array",
    .shape = CODEC_WHOLE,
    .probe = probe,
    .decode = decode,
};
