/* Where addresses are: what the registries' files and the MaxMind files of this machine say, beside what reports say. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"
#include "cirtd/places.h"

enum { VALUES_MAX = 100 };

static void add_mapped(const struct desk_call *call, const char *value, json_t *list)
{
    struct place found[PLACES_MAX];
    size_t count = places_find(call->desk->places, call->arena, value, found);
    for (size_t i = 0; i < count; i++) {
        char built[TIMESTAMP_TEXT_SIZE];
        timestamp_format(found[i].built, built);
        built[strcspn(built, "T")] = '\0';
        json_t *place = json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s}", "value", value, "country", found[i].country, "name", found[i].name,
                                  "network", found[i].network, "source", found[i].source, "date", built);
        json_object_set_new(place, "asn", found[i].asn ? json_integer(found[i].asn) : json_null());
        json_array_append_new(list, place);
    }
}

static bool add_registered(struct desk_call *call, const json_t *values, json_t *list, struct err *err)
{
    struct db_rows *rows = NULL;
    char *text = json_dumps(values, JSON_COMPACT);
    db_text(call->params, text);
    bool ok = desk_run(call, SQL_DESK_RIR_PLACES, &rows, err);
    for (size_t i = 0; ok && i < db_row_count(rows); i++)
        json_array_append_new(list, json_loads(db_get_text(rows, i, 0), 0, NULL));
    db_rows_free(rows);
    free(text);
    return ok;
}

/* The answer is an object that is complete: its last member is opened again. */
static bool add_places(struct desk_call *call, const json_t *values, struct err *err)
{
    struct buf *body = &call->answer->body;
    json_t *list = json_array(), *value;
    size_t i;
    bool ok = json_array_size(values) == 0 || add_registered(call, values, list, err);
    json_array_foreach(values, i, value) add_mapped(call, json_string_value(value), list);
    if (ok) {
        char *text = json_dumps(list, JSON_COMPACT);
        body->size--;
        buf_printf(body, ",\"places\":%s}", text);
        free(text);
    }
    json_decref(list);
    return ok;
}

bool desk_place_add(struct desk_call *call, enum observable_type type, const char *value, struct err *err)
{
    bool is_placed = type == OBSERVABLE_IPV4 || type == OBSERVABLE_IPV6 || type == OBSERVABLE_CIDR || type == OBSERVABLE_ASN;
    json_t *values = is_placed ? json_pack("[s]", value) : json_array();
    bool ok = add_places(call, values, err);
    json_decref(values);
    return ok;
}

static bool is_unplaced(const json_t *item)
{
    const char *type = json_string_value(json_object_get(item, "type"));
    return (str_equal(type, "ipv4") || str_equal(type, "ipv6") || str_equal(type, "cidr")) &&
           (!json_is_string(json_object_get(item, "country")) || !json_is_string(json_object_get(item, "asn")));
}

bool desk_place_add_case(struct desk_call *call, struct err *err)
{
    json_t *answer = json_loads(buf_text(&call->answer->body), 0, NULL), *values = json_array(), *item;
    const json_t *list = json_object_get(answer, "observable_list");
    size_t i;
    json_array_foreach(list, i, item) if (is_unplaced(item) && json_array_size(values) < VALUES_MAX)
        json_array_append(values, json_object_get(item, "value"));
    bool ok = add_places(call, values, err);
    json_decref(values);
    json_decref(answer);
    return ok;
}

/* --- the registries' files --- */

static bool add_rows(struct desk_call *call, const char *registry, struct err *err)
{
    const json_t *rows = json_object_get(call->body, "rows");
    bool more = false;
    if (!json_is_array(rows))
        return desk_problem_set(call, 422, "[type, start, value, country, date, status]", err, "the rows of the file are missing");
    if (!desk_body_bool(call, "more", &more, err))
        return false;
    char *text = json_dumps(rows, JSON_COMPACT);
    db_text(call->params, registry);
    db_text(call->params, text);
    bool ok = desk_run(call, SQL_DESK_RIR_ADD, NULL, err);
    free(text);
    if (!ok || more) {
        call->answer->status = 202;
        buf_add_text(&call->answer->body, ok ? "{\"loaded\":false}" : "");
        return ok;
    }
    db_text(call->params, registry);
    return desk_run_one(call, SQL_DESK_RIR_END, 200, "registry", err);
}

bool desk_place_import(struct desk_call *call, struct err *err)
{
    const char *registry, *serial;
    if (!desk_body_text(call, "registry", &registry, err) || !desk_body_text(call, "serial", &serial, err))
        return false;
    db_text(call->params, registry);
    db_text(call->params, serial);
    return desk_run(call, SQL_DESK_RIR_BEGIN, NULL, err) && add_rows(call, registry, err);
}

bool desk_place_import_more(struct desk_call *call, struct err *err)
{
    return add_rows(call, call->name, err);
}

bool desk_place_list(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    return desk_run(call, SQL_DESK_RIR_LIST, &rows, err) && desk_page_answer(call, rows, err);
}

bool desk_place_remove(struct desk_call *call, struct err *err)
{
    db_text(call->params, call->name);
    if (!desk_run(call, SQL_DESK_RIR_REMOVE, NULL, err))
        return false;
    call->answer->status = 204;
    call->answer->content_type = "";
    return true;
}
