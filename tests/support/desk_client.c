#include "support/desk_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "cirtd/desk/desk.h"
#include "model/observable.h"
#include "model/tlp.h"
#include "support/cluster.h"

static const struct {
    const char *login, *role, *level;
} people[] = {
    {"lead", "lead", "lead"},     {"analyst", "analyst", NULL}, {"analyst2", "analyst", NULL}, {"admin", "admin", NULL},
    {"auditor", "auditor", NULL}, {"feed", "feed", NULL},       {"gone", "analyst", NULL},
};

struct desk_client {
    struct db *db;
    struct desk *desk;
    struct desk_answer answer;
};

static void key_of(const char *login, unsigned char key[MESSAGE_KEY_SIZE])
{
    memset(key, 0, MESSAGE_KEY_SIZE);
    snprintf((char *)key, MESSAGE_KEY_SIZE, "key of %s", login);
}

static void register_people(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(people); i++) {
        unsigned char key[MESSAGE_KEY_SIZE];
        char hex[2 * MESSAGE_KEY_SIZE + 1];
        key_of(people[i].login, key);
        str_hex(key, sizeof key, hex);
        char *sql = mem_printf(
            "INSERT INTO cirt.identity (login, role, level, enabled) VALUES ('%s', '%s', nullif('%s', ''), %s) ON CONFLICT DO NOTHING;"
            "INSERT INTO cirt.registered_key (key_sha256, identity_id) SELECT decode('%s', 'hex'), id FROM cirt.identity"
            " WHERE login = '%s' ON CONFLICT DO NOTHING",
            people[i].login, people[i].role, people[i].level ? people[i].level : "", str_equal(people[i].login, "gone") ? "false" : "true",
            hex, people[i].login);
        cluster_execute(sql);
        free(sql);
    }
}

struct desk_client *desk_client_new(void)
{
    const struct db_config config = {.host = getenv("PGHOST"), .port = getenv("PGPORT"), .name = getenv("PGDATABASE"), .role = "desk"};
    const struct desk_settings settings = {
        .data_path = NULL, .address = "incident@xx-cert.example", .templates = SOURCE_DIR "/packaging/templates", .recall_s = 60};
    struct desk_client *client = mem_calloc(1, sizeof *client);
    register_people();
    client->db = db_new(&config);
    client->desk = desk_new(client->db, &settings);
    buf_init(&client->answer.body, 1);
    return client;
}

void desk_client_free(struct desk_client *client)
{
    buf_clear(&client->answer.body);
    desk_free(client->desk);
    db_free(client->db);
    free(client);
}

int desk_client_setup(void **state)
{
    *state = desk_client_new();
    return 0;
}

int desk_client_teardown(void **state)
{
    desk_client_free(*state);
    return 0;
}

const char *desk_client_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "(none)";
}

size_t desk_client_size(const json_t *object, const char *name)
{
    return json_array_size(json_object_get(object, name));
}

json_t *desk_client_call(struct desk_client *client, const char *who, enum message_method method, const char *path, const char *if_match,
                         const char *body, int *status)
{
    struct message_request request = {.id = 1,
                                      .listener = MESSAGE_ANALYSTS,
                                      .method = method,
                                      .path = path,
                                      .content_type = body ? "application/json" : "",
                                      .content_encoding = "",
                                      .if_match = if_match ? if_match : "",
                                      .peer_address = "192.0.2.1",
                                      .body = body ? body : "",
                                      .body_size = body ? strlen(body) : 0,
                                      .body_fd = -1};
    key_of(who, request.key);
    buf_clear(&client->answer.body);
    desk_handle(client->desk, &request, &client->answer);
    *status = client->answer.status;
    return json_loadb(buf_text(&client->answer.body), client->answer.body.size, 0, NULL);
}

static json_t *expect(struct desk_client *client, int status, const char *what, json_t *answer, int got)
{
    if (got != status)
        fail_msg("%s: %d instead of %d: %s", what, got, status, buf_text(&client->answer.body));
    return answer;
}

json_t *desk_client_get(struct desk_client *client, const char *who, int status, const char *path)
{
    int got;
    json_t *answer = desk_client_call(client, who, MESSAGE_GET, path, NULL, NULL, &got);
    return expect(client, status, path, answer, got);
}

json_t *desk_client_post(struct desk_client *client, const char *who, int status, const char *path, const char *body)
{
    int got;
    json_t *answer = desk_client_call(client, who, MESSAGE_POST, path, NULL, body, &got);
    return expect(client, status, path, answer, got);
}

json_t *desk_client_edit(struct desk_client *client, const char *who, int status, int64_t number, const char *verb, const char *body)
{
    char path[100], revision[100], sql[150];
    int got;
    snprintf(sql, sizeof sql, "SELECT coalesce(max(revision), 1) FROM cirt.incident_case WHERE number = %lld", (long long)number);
    snprintf(revision, sizeof revision, "\"%lld\"", cluster_number(sql));
    snprintf(path, sizeof path, "/v1/cases/%lld/%s", (long long)number, verb);
    json_t *answer = desk_client_call(client, who, MESSAGE_POST, path, revision, body, &got);
    return expect(client, status, path, answer, got);
}

const char *desk_client_bytes(const struct desk_client *client, size_t *size)
{
    *size = client->answer.body.size;
    return buf_text(&client->answer.body);
}

json_t *desk_client_export(struct desk_client *client, const char *who, int status, const char *format, const char *tlp, const char *filter)
{
    json_t *body = json_pack("{s:s, s:s, s:s?}", "q", filter, "format", format, "tlp", tlp);
    char *text = json_dumps(body, 0);
    json_t *answer = desk_client_post(client, who, status, "/v1/exports", text);
    free(text);
    json_decref(body);
    return answer;
}

void desk_client_export_is(struct desk_client *client, const char *who, const char *format, const char *tlp, const char *filter,
                           const char *wanted)
{
    json_t *head = desk_client_export(client, who, 201, format, tlp, filter), *item;
    char path[100], found[1000] = "";
    size_t i;
    snprintf(path, sizeof path, "/v1/exports/%s", desk_client_text(head, "export"));
    json_t *items = desk_client_get(client, who, 200, path);
    json_array_foreach(json_object_get(items, "items"), i, item)
    {
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, "%s%s", i ? " " : "", desk_client_text(item, "value"));
    }
    assert_string_equal(found, wanted);
    assert_int_equal(json_integer_value(json_object_get(head, "count")), (json_int_t)json_array_size(json_object_get(items, "items")));
    json_decref(items);
    json_decref(head);
}

int64_t desk_client_case(struct desk_client *client, const char *summary, const char *tlp)
{
    json_t *body = json_pack("{s:s, s:s, s:s}", "summary", summary, "class", "phishing", "tlp", tlp);
    char *text = json_dumps(body, 0);
    json_t *answer = desk_client_post(client, "lead", 201, "/v1/cases", text);
    int64_t number = json_integer_value(json_object_get(answer, "number"));
    free(text);
    json_decref(body);
    json_decref(answer);
    return number;
}

static void add_sighting(struct arena *arena, int64_t id, const char *sender, enum tlp tlp, const char *observable)
{
    char type_text[32], value_text[200], role_text[32];
    enum observable_type type = OBSERVABLE_TEXT;
    enum sighting_role role = ROLE_OTHER;
    if (sscanf(observable, "%31s %199s %31s", type_text, value_text, role_text) != 3 || !observable_type_parse(type_text, &type) ||
        !sighting_role_parse(role_text, &role))
        fail_msg("\"%s\" is no observable", observable);
    const char *value = observable_normalise(arena, type, value_text), *host = observable_host(arena, type, value);
    cluster_execute(arena_printf(arena,
                                 "INSERT INTO cirt.sighting (report_id, received, observation_no, origin, type, role, tlp, personal, "
                                 "is_indicator, addr, host, value)"
                                 " SELECT r.id, r.received, 1, r.sender_id, %d, %d, %d, %d = 3, true, %s%s%s::inet, nullif('%s', ''), '%s'"
                                 " FROM cirt.report r WHERE r.id = %lld AND '%s' <> ''",
                                 (int)type, (int)role, (int)tlp, (int)role, type <= OBSERVABLE_CIDR ? "'" : "",
                                 type <= OBSERVABLE_CIDR ? value : "NULL", type <= OBSERVABLE_CIDR ? "'" : "", host ? host : "", value,
                                 (long long)id, sender));
}

int64_t desk_client_report(int64_t case_number, const char *tlp, const char *sender, const char *const *observables)
{
    struct arena *arena = arena_new();
    enum tlp label = TLP_AMBER;
    assert_true(tlp_parse(tlp, &label));
    int64_t id = cluster_number("SELECT nextval('cirt.report_id_seq')");
    cluster_execute(arena_printf(
        arena,
        "SET search_path = cirt;"
        "INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size, name)"
        " SELECT %lld, now(), s.id, 'feed', 'key', sha256('%lld'), 5, 'a.json' FROM sender s LEFT JOIN identity i ON i.id = s.identity_id"
        " LEFT JOIN peer p ON p.id = s.peer_id WHERE coalesce(i.login, p.name) = '%s';"
        "INSERT INTO report_raw SELECT id, received, 0, 'hel' FROM report WHERE id = %lld;"
        "INSERT INTO report_raw SELECT id, received, 1, 'lo' FROM report WHERE id = %lld;"
        "INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed, class, description, summary, observations)"
        " SELECT id, received, 'received', 'native', %d, false, 'fraud/phishing', 'a kit of %lld', 'a kit', 1 FROM report WHERE id = %lld;"
        "INSERT INTO observation (report_id, received, no, time, class, description) SELECT id, received, 1, now(), 'fraud/phishing', "
        "'seen'"
        " FROM report WHERE id = %lld",
        (long long)id, (long long)id, sender, (long long)id, (long long)id, (int)label, (long long)id, (long long)id, (long long)id));
    for (; *observables; observables++)
        add_sighting(arena, id, sender, label, *observables);
    if (case_number)
        cluster_execute(arena_printf(
            arena,
            "SET search_path = cirt;"
            "SELECT case_member_add(ARRAY[c.id], ARRAY[c.drill_id], ARRAY[c.compartment_id], ARRAY[r.id], ARRAY[r.received], "
            "ARRAY['{[1,2)}'::int4multirange],"
            " ARRAY[1::bigint], ARRAY[NULL::text]) FROM incident_case c, report r WHERE c.number = %lld AND r.id = %lld;"
            "INSERT INTO report_outcome (report_id, received, state) SELECT id, received, 'triaged' FROM report WHERE id = %lld;"
            "UPDATE case_tally t SET reports = reports + 1, observations = observations + 1 FROM incident_case c"
            " WHERE c.id = t.case_id AND c.number = %lld",
            (long long)case_number, (long long)id, (long long)id, (long long)case_number));
    arena_free(arena);
    return id;
}
