#include "codec/stix_object.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"

enum kind { KIND_TEXT, KIND_TIME, KIND_LIST, KIND_REFERENCES, KIND_OBJECT, KIND_COUNT, KIND_PERCENT, KIND_BOOLEAN, KIND_NUMBER };

struct member {
    const char *name;
    enum kind kind;
};

/* What any object may have: not needed, but right where it is there. */
static const struct member common_members[] = {
    {"created", KIND_TIME},
    {"modified", KIND_TIME},
    {"valid_from", KIND_TIME},
    {"valid_until", KIND_TIME},
    {"first_observed", KIND_TIME},
    {"last_observed", KIND_TIME},
    {"first_seen", KIND_TIME},
    {"last_seen", KIND_TIME},
    {"published", KIND_TIME},
    {"description", KIND_TEXT},
    {"name", KIND_TEXT},
    {"created_by_ref", KIND_TEXT},
    {"lang", KIND_TEXT},
    {"labels", KIND_LIST},
    {"object_marking_refs", KIND_REFERENCES},
    {"object_refs", KIND_REFERENCES},
    {"granular_markings", KIND_LIST},
    {"external_references", KIND_LIST},
    {"extensions", KIND_OBJECT},
    {"revoked", KIND_BOOLEAN},
    {"confidence", KIND_PERCENT},
};

enum { NEEDED_MAX = 5 };

enum class {
    CLASS_DOMAIN,     /* SDOs, SROs and meta objects: created and modified are needed too */
    CLASS_OBSERVABLE, /* what there is, without anybody saying something of it */
    CLASS_FRAME       /* neither */
};

/* What each type must have. */
static const struct {
    const char *type;
    enum class class;
    struct member needed[NEEDED_MAX];
} types[] = {
    {"indicator", CLASS_DOMAIN, {{"pattern", KIND_TEXT}}},
    {"observed-data", CLASS_DOMAIN, {{"first_observed", KIND_TIME}, {"last_observed", KIND_TIME}, {"number_observed", KIND_COUNT}}},
    {"sighting", CLASS_DOMAIN, {{"sighting_of_ref", KIND_TEXT}}},
    {"relationship", CLASS_DOMAIN, {{"relationship_type", KIND_TEXT}, {"source_ref", KIND_TEXT}, {"target_ref", KIND_TEXT}}},
    {"report", CLASS_DOMAIN, {{"name", KIND_TEXT}, {"published", KIND_TIME}, {"object_refs", KIND_REFERENCES}}},
    {"grouping", CLASS_DOMAIN, {{"context", KIND_TEXT}, {"object_refs", KIND_REFERENCES}}},
    {"incident", CLASS_DOMAIN, {{"name", KIND_TEXT}}},
    {"identity", CLASS_DOMAIN, {{"name", KIND_TEXT}}},
    {"vulnerability", CLASS_DOMAIN, {{"name", KIND_TEXT}}},
    {"note", CLASS_DOMAIN, {{"content", KIND_TEXT}, {"object_refs", KIND_REFERENCES}}},
    {"opinion", CLASS_DOMAIN, {{"opinion", KIND_TEXT}, {"object_refs", KIND_REFERENCES}}},
    {"attack-pattern", CLASS_DOMAIN, {{"name", KIND_TEXT}}},
    {"campaign", CLASS_DOMAIN, {{"name", KIND_TEXT}}},
    {"course-of-action", CLASS_DOMAIN, {{"name", KIND_TEXT}}},
    {"infrastructure", CLASS_DOMAIN, {{"name", KIND_TEXT}}},
    {"intrusion-set", CLASS_DOMAIN, {{"name", KIND_TEXT}}},
    {"location", CLASS_DOMAIN, {{0}}},
    {"malware", CLASS_DOMAIN, {{0}}},
    {"malware-analysis", CLASS_DOMAIN, {{0}}},
    {"threat-actor", CLASS_DOMAIN, {{"name", KIND_TEXT}}},
    {"tool", CLASS_DOMAIN, {{"name", KIND_TEXT}}},
    {"language-content", CLASS_DOMAIN, {{"object_ref", KIND_TEXT}, {"contents", KIND_OBJECT}}},
    {"extension-definition",
     CLASS_DOMAIN,
     {{"name", KIND_TEXT}, {"schema", KIND_TEXT}, {"version", KIND_TEXT}, {"extension_types", KIND_LIST}}},
    {"ipv4-addr", CLASS_OBSERVABLE, {{"value", KIND_TEXT}}},
    {"ipv6-addr", CLASS_OBSERVABLE, {{"value", KIND_TEXT}}},
    {"domain-name", CLASS_OBSERVABLE, {{"value", KIND_TEXT}}},
    {"email-addr", CLASS_OBSERVABLE, {{"value", KIND_TEXT}}},
    {"mac-addr", CLASS_OBSERVABLE, {{"value", KIND_TEXT}}},
    {"url", CLASS_OBSERVABLE, {{"value", KIND_TEXT}}},
    {"autonomous-system", CLASS_OBSERVABLE, {{"number", KIND_NUMBER}}},
    {"directory", CLASS_OBSERVABLE, {{"path", KIND_TEXT}}},
    {"mutex", CLASS_OBSERVABLE, {{"name", KIND_TEXT}}},
    {"software", CLASS_OBSERVABLE, {{"name", KIND_TEXT}}},
    {"network-traffic", CLASS_OBSERVABLE, {{"protocols", KIND_LIST}}},
    {"artifact", CLASS_OBSERVABLE, {{0}}},
    {"email-message", CLASS_OBSERVABLE, {{0}}},
    {"file", CLASS_OBSERVABLE, {{0}}},
    {"process", CLASS_OBSERVABLE, {{0}}},
    {"user-account", CLASS_OBSERVABLE, {{0}}},
    {"windows-registry-key", CLASS_OBSERVABLE, {{0}}},
    {"x509-certificate", CLASS_OBSERVABLE, {{0}}},
    {"user-agent", CLASS_OBSERVABLE, {{0}}},
    {"phone-number", CLASS_OBSERVABLE, {{0}}},
    {"cryptocurrency-wallet", CLASS_OBSERVABLE, {{0}}},
    {"hostname", CLASS_OBSERVABLE, {{0}}},
    {"x-opencti-hostname", CLASS_OBSERVABLE, {{0}}},
    {"marking-definition", CLASS_FRAME, {{0}}},
    {"bundle", CLASS_FRAME, {{0}}},
};

const char *stix_object_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text && *text ? text : NULL;
}

int64_t stix_object_time(const json_t *object, const char *name)
{
    int64_t moment;
    const char *text = stix_object_text(object, name);
    return text && timestamp_parse_rfc3339(text, &moment) ? moment : TIMESTAMP_NONE;
}

/* --- places --- */

static const struct json_place root_place = {0}, objects_place = {.up = &root_place, .name = "objects"};

struct places {
    struct json_place object, member;
};

static const struct json_place *place_of(const struct stix_object *object, const char *member, struct places *places)
{
    *places = (struct places){.object = {.up = object->list, .index = object->list_index}, .member = {.name = member}};
    places->member.up = object->list ? &places->object : &root_place;
    return member ? &places->member : places->member.up;
}

bool stix_object_fail(const struct stix_object *object, const char *member, enum err_code code, struct err *err, const char *text)
{
    struct places places;
    return json_value_fail(place_of(object, member, &places), code, err, "%s", text);
}

const char *stix_object_place(const struct stix_object *object, const char *member, struct arena *arena)
{
    struct err err;
    stix_object_fail(object, member, ERR_INPUT, &err, "");
    return arena_strdup(arena, err.at);
}

/* --- checks --- */

static bool is_list_of_text(const json_t *list)
{
    size_t index;
    json_t *element;
    json_array_foreach(list, index, element)
    {
        if (!json_is_string(element))
            return false;
    }
    return json_is_array(list);
}

static bool is_whole(const json_t *value, json_int_t min, json_int_t max)
{
    return json_is_integer(value) && json_integer_value(value) >= min && json_integer_value(value) <= max;
}

/* NULL where the value is right, else what it must be. */
static const char *wrong_kind(const json_t *value, enum kind kind)
{
    int64_t moment;
    switch (kind) {
    case KIND_TEXT:
        return json_is_string(value) ? NULL : "must be a string";
    case KIND_TIME:
        return json_is_string(value) &&
                       (timestamp_parse_rfc3339(json_string_value(value), &moment) || timestamp_is_never(json_string_value(value)))
                   ? NULL
                   : "must be a time as RFC 3339 writes it, such as 2026-01-31T12:00:00.000Z";
    case KIND_LIST:
        return json_is_array(value) ? NULL : "must be a list";
    case KIND_REFERENCES:
        return is_list_of_text(value) ? NULL : "must be a list of ids";
    case KIND_OBJECT:
        return json_is_object(value) ? NULL : "must be an object";
    case KIND_COUNT:
        return is_whole(value, 1, INT64_MAX) ? NULL : "must be a whole number from 1";
    case KIND_PERCENT:
        return is_whole(value, 0, 100) ? NULL : "must be a whole number from 0 to 100";
    case KIND_NUMBER:
        return is_whole(value, 0, INT64_MAX) ? NULL : "must be a whole number from 0";
    case KIND_BOOLEAN:
        break;
    }
    return json_is_boolean(value) ? NULL : "must be true or false";
}

static bool check_member(const struct stix_object *object, const struct member *member, bool is_needed, struct err *err)
{
    const json_t *value = json_object_get(object->json, member->name);
    if (!value && is_needed) {
        struct places places;
        return json_value_fail(place_of(object, NULL, &places), ERR_INPUT, err, "%.60s needs %s", object->type, member->name);
    }
    const char *wrong = value ? wrong_kind(value, member->kind) : NULL;
    return wrong ? stix_object_fail(object, member->name, ERR_INPUT, err, wrong) : true;
}

static bool check_needed(const struct stix_object *object, size_t type, struct err *err)
{
    static const struct member versions[] = {{"created", KIND_TIME}, {"modified", KIND_TIME}};
    for (size_t i = 0; types[type].class == CLASS_DOMAIN && i < ARRAY_SIZE(versions); i++)
        if (!check_member(object, &versions[i], true, err))
            return false;
    for (size_t i = 0; i < NEEDED_MAX && types[type].needed[i].name; i++)
        if (!check_member(object, &types[type].needed[i], true, err))
            return false;
    return true;
}

/* The type, "--" and something that names it. The standard wants a UUID there; feeds that write something else are read all the same. */
static bool is_id_of(const char *id, const char *type)
{
    size_t size = strlen(type);
    return strncmp(id, type, size) == 0 && strncmp(id + size, "--", 2) == 0 && id[size + 2];
}

static bool check_identity(struct stix_object *object, struct err *err)
{
    struct places places;
    if (!json_is_object(object->json))
        return stix_object_fail(object, NULL, ERR_INPUT, err, "must be an object");
    object->type = stix_object_text(object->json, "type");
    object->id = stix_object_text(object->json, "id");
    if (!object->type)
        return stix_object_fail(object, json_object_get(object->json, "type") ? "type" : NULL, ERR_INPUT, err, "needs type, a string");
    if (!object->id)
        return stix_object_fail(object, json_object_get(object->json, "id") ? "id" : NULL, ERR_INPUT, err, "needs id, a string");
    if (!is_id_of(object->id, object->type))
        return json_value_fail(place_of(object, "id", &places), ERR_INPUT, err, "must begin with %.60s-- and go on", object->type);
    return true;
}

static bool check_observed(const struct stix_object *object, struct err *err)
{
    const json_t *objects = json_object_get(object->json, "objects");
    if (objects && !json_is_object(objects))
        return stix_object_fail(object, "objects", ERR_INPUT, err, "must be an object");
    if (!objects && !json_object_get(object->json, "object_refs"))
        return stix_object_fail(object, NULL, ERR_INPUT, err, "observed-data needs object_refs, or objects as in 2.0");
    int64_t last = stix_object_time(object->json, "last_observed");
    if (last != TIMESTAMP_NONE && last < stix_object_time(object->json, "first_observed"))
        return stix_object_fail(object, "last_observed", ERR_INPUT, err, "is before first_observed");
    return true;
}

static bool check_object(struct stix_object *object, struct err *err)
{
    if (!check_identity(object, err))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(common_members); i++)
        if (!check_member(object, &common_members[i], false, err))
            return false;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (str_equal(types[i].type, object->type) && !check_needed(object, i, err))
            return false;
    object->modified = stix_object_time(object->json, "modified");
    int64_t created = stix_object_time(object->json, "created");
    if (created != TIMESTAMP_NONE && object->modified != TIMESTAMP_NONE && object->modified < created)
        return stix_object_fail(object, "modified", ERR_INPUT, err, "is before created");
    return str_equal(object->type, "observed-data") ? check_observed(object, err) : true;
}

/* One among others that is not what the standard wants is left out and told. Not where a label might be lost with it. */
static bool may_be_left_out(const struct stix_object *object, const struct err *err)
{
    const json_t *refs = json_object_get(object->json, "object_marking_refs"), *parts = json_object_get(object->json, "granular_markings");
    const json_t *labels = json_object_get(object->json, "labels");
    return err->code == ERR_INPUT && object->list && (!refs || is_list_of_text(refs)) && (!parts || json_is_array(parts)) &&
           (!labels || json_is_array(labels)) && !str_equal(stix_object_text(object->json, "type"), "marking-definition");
}

bool stix_object_is_observable(const struct stix_object *object)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (str_equal(types[i].type, object->type))
            return types[i].class == CLASS_OBSERVABLE;
    return object->type && !json_object_get(object->json, "created");
}

bool stix_object_is_revoked(const struct stix_object *object)
{
    return json_is_true(json_object_get(object->json, "revoked"));
}

bool stix_object_is_20(const struct stix_object *object)
{
    return !str_equal(stix_object_text(object->json, "spec_version"), "2.1");
}

bool stix_object_is_whole(const struct stix_object *object, struct err *err)
{
    struct stix_object copy = *object;
    return check_object(&copy, err);
}

/* --- the list --- */

/* By id; of one id the newest first, of equals the one that came first. */
static int compare(const void *a, const void *b)
{
    const struct stix_object *left = *(struct stix_object *const *)a, *right = *(struct stix_object *const *)b;
    int order = strcmp(left->id, right->id);
    if (order)
        return order;
    if (left->modified != right->modified)
        return left->modified > right->modified ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

static void sort_by_id(struct stix_document *document)
{
    size_t count = 0;
    document->by_id = mem_calloc(document->count, sizeof *document->by_id);
    for (size_t i = 0; i < document->count; i++)
        if (!document->items[i].is_left_out)
            document->by_id[count++] = &document->items[i];
    qsort(document->by_id, count, sizeof *document->by_id, compare);
    for (size_t i = 0; i < count; i++) {
        struct stix_object *object = document->by_id[i];
        if (document->id_count && str_equal(document->by_id[document->id_count - 1]->id, object->id))
            object->is_old = true;
        else
            document->by_id[document->id_count++] = object;
    }
}

struct stix_object *stix_object_find(const struct stix_document *document, const char *id)
{
    struct stix_object key = {.id = id}, *wanted = &key;
    size_t low = 0, high = document->id_count;
    while (id && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(wanted->id, document->by_id[middle]->id);
        if (order == 0)
            return document->by_id[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* --- reading --- */

/* Null is absent, and 85.0 is the integer 85. */
static void tidy(json_t *object)
{
    enum { EXACT_MAX = 1 << 30 };
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(object, next, name, value)
    {
        double number = json_is_real(value) ? json_real_value(value) : 0.5;
        if (json_is_null(value))
            json_object_del(object, name);
        else if (number >= -EXACT_MAX && number <= EXACT_MAX && number == (double)(json_int_t)number)
            json_object_set_new(object, name, json_integer((json_int_t)number));
    }
}

/* The bundle or envelope and its list of objects, NULL where there is none (2.1 allows it); no frame for a single object, nor for a list
 * of objects with nothing around it. */
static bool find_list(json_t *root, const json_t **frame, json_t **list, struct err *err)
{
    const char *type = stix_object_text(root, "type");
    *frame = *list = NULL;
    if (json_is_array(root) && json_array_size(root)) {
        *list = root;
        return true;
    }
    if (!json_is_object(root))
        return json_value_fail(&root_place, ERR_INPUT, err,
                               "must be an object (a bundle, an envelope, a STIX object) or a list of STIX objects");
    tidy(root);
    if (type && !str_equal(type, "bundle"))
        return true;
    *frame = root;
    *list = json_object_get(root, "objects");
    if (!*list)
        return type || json_is_boolean(json_object_get(root, "more"))
                   ? true
                   : json_value_fail(&root_place, ERR_INPUT, err, "there are no objects in it");
    if (!json_is_array(*list))
        return json_value_fail(&objects_place, ERR_INPUT, err, "must be a list of objects");
    return true;
}

static struct stix_object *add_object(struct stix_document *document, json_t *json, const struct json_place *list, size_t index)
{
    document->items = mem_grow(document->items, &document->capacity, document->count, sizeof *document->items);
    struct stix_object *object = &document->items[document->count];
    *object = (struct stix_object){.json = json, .index = document->count++, .list = list, .list_index = index};
    return object;
}

/* The objects of a bundle within, taken out of it: it is an item of its own. NULL for what is none. */
static bool take_inner(struct stix_document *document, const struct stix_object *object, json_t *json, json_t **list, struct err *err)
{
    *list = str_equal(stix_object_text(json, "type"), "bundle") ? json_object_get(json, "objects") : NULL;
    if (!*list)
        return true;
    if (!json_is_array(*list))
        return stix_object_fail(object, "objects", ERR_INPUT, err, "must be a list of objects");
    json_array_append(document->lists, *list);
    json_object_del(json, "objects");
    return true;
}

/* As deep as the parser lets it be. */
static bool add_list(struct stix_document *document, json_t *list, const struct json_place *place, struct err *err)
{
    size_t index;
    json_t *json, *inner;
    json_array_foreach(list, index, json)
    {
        tidy(json);
        const struct stix_object *object = add_object(document, json, place, index);
        if (!take_inner(document, object, json, &inner, err))
            return false;
        struct json_place *places = inner ? arena_calloc(document->arena, 2, sizeof *places) : NULL;
        if (!inner)
            continue;
        places[0] = (struct json_place){.up = place, .index = index};
        places[1] = (struct json_place){.up = &places[0], .name = "objects"};
        if (!add_list(document, inner, &places[1], err))
            return false;
    }
    return true;
}

/* Leaves out what is wrong; *any: one was right, or there was none to be wrong. */
static bool check_objects(struct stix_document *document, bool *any, struct err *err)
{
    struct err why;
    size_t wrong = 0, bundles = 0;
    err_clear(err);
    for (size_t i = 0; i < document->count; i++) {
        struct stix_object *object = &document->items[i];
        if (check_object(object, &why)) {
            bundles += str_equal(object->type, "bundle");
            continue;
        }
        if (err->code == ERR_NONE || !may_be_left_out(object, &why))
            *err = why;
        if (!may_be_left_out(object, &why))
            return false;
        object->is_left_out = object->is_old = true;
        object->modified = TIMESTAMP_NONE;
        wrong++;
    }
    *any = wrong == 0 || wrong + bundles < document->count;
    return true;
}

bool stix_object_read(json_t *root, struct stix_document *out, struct err *err)
{
    json_t *list;
    bool any;
    *out = (struct stix_document){.arena = arena_new(), .lists = json_array()};
    if (!find_list(root, &out->frame, &list, err))
        return false;
    if (!out->frame && !list)
        add_object(out, root, NULL, 0);
    if (!add_list(out, list, out->frame ? &objects_place : &root_place, err) || !check_objects(out, &any, err) || !any)
        return false;
    err_clear(err);
    sort_by_id(out);
    return true;
}

void stix_object_clear(struct stix_document *document)
{
    free(document->items);
    free(document->by_id);
    json_decref(document->lists);
    arena_free(document->arena);
    *document = (struct stix_document){0};
}
