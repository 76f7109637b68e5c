/* Constituents as a file of many, their history, and whose a value is. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/desk/desk_inside.h"
#include "codec/mail_write.h"
#include "model/observable.h"
#include "model/observable_address.h"

enum { ERRORS_MAX = 20, NAME_SIZE_MAX = 63, TEXT_SIZE_MAX = 1000, MAIL_ADDRESS_SIZE_MAX = 254, PHONE_DIGITS_MIN = 3 };

static const char *const holdings[] = {"networks", "asns", "domains"};
static const char *const texts[] = {"title", "sector", "criticality", "lang"};

/* What is wrong in a part of a file: the first places of it, each with its error. */
struct faults {
    struct desk_call *call;
    const char *at; /* of the item being read */
    json_t *list;
    size_t count;
};

static void fault(struct faults *faults, const char *format, const char *value)
{
    char *shown = arena_printf(faults->call->arena, "%.100s", value ? value : "");
    char *end;
    /* Cut between two characters. */
    for (size_t bad; !str_is_utf8(shown, strlen(shown), &bad);)
        shown[bad] = '\0';
    end = strstr(format, "%s");
    if (++faults->count > ERRORS_MAX)
        return;
    char *text = end ? arena_printf(faults->call->arena, "%.*s%s%s", (int)(end - format), format, shown, end + 2)
                     : arena_strdup(faults->call->arena, format);
    json_array_append_new(faults->list, json_pack("{s:s, s:s}", "at", faults->at, "error", text));
}

/* --- values --- */

/* The network as the database writes it; NULL where bits are set behind the prefix, or it is none. An address alone is a network of one. */
static const char *network_normal(struct arena *arena, const char *text)
{
    unsigned char given[16], kept[16];
    const char *slash = strchr(text, '/');
    char *address = slash ? arena_strndup(arena, text, (size_t)(slash - text)) : arena_strdup(arena, text);
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, address, given) != 1)
        return NULL;
    if (!slash)
        return arena_printf(arena, "%s/%d", address, family == AF_INET ? 32 : 128);
    const char *normal = observable_normalise(arena, OBSERVABLE_CIDR, text);
    if (!normal || !(slash = strchr(normal, '/')))
        return NULL;
    char *network = arena_strndup(arena, normal, (size_t)(slash - normal));
    if (inet_pton(family, network, kept) != 1 || memcmp(given, kept, family == AF_INET ? 4 : 16) != 0)
        return NULL;
    return normal;
}

/* "10.0.0.5-10.0.0.20" as the fewest networks that cover just these; the number of them, 0 where it is no range. */
static size_t range_networks(struct arena *arena, const char *text, const char *networks[OBSERVABLE_RANGE_MAX])
{
    enum observable_type types[OBSERVABLE_RANGE_MAX];
    const char *dash = strchr(text, '-');
    if (!dash)
        return 0;
    size_t size = (size_t)(dash - text), count;
    while (size > 0 && text[size - 1] == ' ')
        size--;
    count = observable_address_range(arena, arena_strndup(arena, text, size), dash + 1 + strspn(dash + 1, " "), networks, types);
    for (size_t i = 0; i < count; i++)
        networks[i] = network_normal(arena, networks[i]);
    return count;
}

/* The normal form of a value, of a range several; the number of them, 0: it is none. */
static size_t normal_values(struct arena *arena, const char *kind, const char *text, const char *values[OBSERVABLE_RANGE_MAX])
{
    if (str_equal(kind, "networks"))
        values[0] = network_normal(arena, text);
    else
        values[0] = observable_normalise(arena, str_equal(kind, "asns") ? OBSERVABLE_ASN : OBSERVABLE_DOMAIN, text);
    if (values[0])
        return 1;
    return str_equal(kind, "networks") ? range_networks(arena, text, values) : 0;
}

static const char *value_text(struct arena *arena, const json_t *value)
{
    return json_is_integer(value) ? arena_printf(arena, "%lld", (long long)json_integer_value(value)) : json_string_value(value);
}

static const char *value_fault(const char *kind)
{
    if (str_equal(kind, "networks"))
        return "\"%s\" is no network: an address with its prefix length and no bits set behind it, as 198.51.100.0/24, or a range, as "
               "198.51.100.5-198.51.100.20";
    return str_equal(kind, "asns") ? "\"%s\" is no AS number" : "\"%s\" is no domain";
}

static bool is_day(const char *text)
{
    int64_t ignored;
    char noon[40];
    if (strlen(text) != 10)
        return false;
    snprintf(noon, sizeof noon, "%s 12:00:00", text);
    return timestamp_parse_utc(noon, &ignored);
}

/* A day or a moment, as it stands; the database knows the site's midnight. */
static json_t *moment_of(struct faults *faults, const json_t *holding, const char *member)
{
    const json_t *value = json_object_get(holding, member);
    const char *text = json_string_value(value);
    int64_t ignored;
    if (!value || json_is_null(value) || (text && !*text))
        return json_null();
    if (text && (is_day(text) || timestamp_parse_rfc3339(text, &ignored)))
        return json_string(text);
    fault(faults, "\"%s\" is neither a day nor a moment, as 2026-03-31 or 2026-03-31T12:00:00Z", text);
    return json_null();
}

/* Days of one form are compared here, so that their fault is told with the others; the rest by the database. */
static void check_order(struct faults *faults, const json_t *holding, const char *value)
{
    const char *from = json_string_value(json_object_get(holding, "from")), *until = json_string_value(json_object_get(holding, "until"));
    if (from && until && is_day(from) && is_day(until) && strcmp(until, from) < 0)
        fault(faults, "%s ends before it begins", value);
}

/* "198.51.100.0/24", 64500, or {"value", "from", "until"} becomes such an object with the value's normal form, of a range several. */
static void add_holding(struct faults *faults, const char *kind, const json_t *given, json_t *list)
{
    struct arena *arena = faults->call->arena;
    const char *text = value_text(arena, json_is_object(given) ? json_object_get(given, "value") : given);
    const char *values[OBSERVABLE_RANGE_MAX];
    size_t count = text ? normal_values(arena, kind, text, values) : 0;
    if (count == 0)
        fault(faults, value_fault(kind), text);
    else
        check_order(faults, given, text);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "value", values[i], "from", moment_of(faults, given, "from"), "until",
                                              moment_of(faults, given, "until")));
}

static void read_holdings(struct faults *faults, json_t *item, const char *kind)
{
    json_t *list = json_object_get(item, kind), *normal, *one;
    size_t i;
    if (!list)
        return;
    if (json_is_null(list) || !json_is_array(list)) {
        if (!json_is_null(list))
            fault(faults, "%s must be a list", kind);
        json_object_set_new(item, kind, json_array());
        return;
    }
    normal = json_array();
    json_array_foreach(list, i, one) add_holding(faults, kind, one, normal);
    json_object_set_new(item, kind, normal);
}

/* Without blanks, control characters and these. */
static bool is_word_without(const char *text, const char *others)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr(others, *c))
            return false;
    return *text;
}

static bool has_control(const char *text)
{
    const char *end = text + strlen(text);
    uint32_t c;
    for (size_t step; (step = str_next_code_point(text, end, &c)) != 0; text += step)
        if (c < ' ' || (c >= 0x7f && c < 0xa0))
            return true;
    return false;
}

/* Whether a mail can be written to it, and a contact have it: mail_address() in the database, which takes blanks around it. */
static bool is_mail_address(const char *text)
{
    char word[MAIL_ADDRESS_SIZE_MAX + 1] = "";
    struct buf written;
    struct err ignored;
    text += strspn(text, " ");
    size_t size = strlen(text);
    while (size > 0 && text[size - 1] == ' ')
        size--;
    if (size > MAIL_ADDRESS_SIZE_MAX)
        return false;
    memcpy(word, text, size);
    buf_init(&written, MAIL_ADDRESS_SIZE_MAX);
    bool ok = is_word_without(word, "<>") && strchr(word, '@') == strrchr(word, '@') && mail_field_address(&written, word, &ignored) &&
              !written.full;
    buf_clear(&written);
    return ok;
}

static bool is_phone(const char *text)
{
    size_t digits = 0;
    for (const char *c = text; *c; c++)
        digits += *c >= '0' && *c <= '9';
    return digits >= PHONE_DIGITS_MIN && strchr("+(0123456789", *text);
}

static void read_contacts(struct faults *faults, json_t *item)
{
    json_t *list = json_object_get(item, "contacts"), *one, *value;
    const char *name;
    size_t i;
    if (!list)
        return;
    if (!json_is_array(list)) {
        if (!json_is_null(list))
            fault(faults, "contacts must be a list", NULL);
        json_object_set_new(item, "contacts", json_array());
    }
    json_array_foreach(json_object_get(item, "contacts"), i, one)
    {
        if (!json_is_object(one))
            fault(faults, "a contact is {name, email, phone}", NULL);
        json_object_foreach(one, name, value)
        {
            const char *text = json_string_value(value);
            if (!json_is_null(value) && (!text || strlen(text) > TEXT_SIZE_MAX))
                fault(faults, "%s of a contact is no text, or a long one", name);
            else if (text && has_control(text))
                fault(faults, "%s of a contact has a control character in it", name);
            else if (text && *text && str_equal(name, "email") && !is_mail_address(text))
                fault(faults, "\"%s\" is no mail address that can be written to: before the @ only ASCII, and no blanks", text);
            else if (text && *text && str_equal(name, "phone") && !is_phone(text))
                fault(faults, "\"%s\" is no phone number", text);
        }
    }
}

/* --- an item --- */

static bool is_short_name(const char *name)
{
    return is_word_without(name, "/?#") && strlen(name) <= NAME_SIZE_MAX;
}

static bool is_known(const char *member)
{
    static const char *const others[] = {"at", "name", "contacts", "enabled"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (str_equal(member, others[i]))
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(holdings); i++)
        if (str_equal(member, holdings[i]))
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (str_equal(member, texts[i]))
            return true;
    return false;
}

static bool is_level(const char *criticality)
{
    static const char *const levels[] = {"low", "medium", "high", "critical"};
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
        if (str_equal(criticality, levels[i]))
            return true;
    return false;
}

/* Sectors are words: settings and classes list them parted by blanks and commas. */
static void check_text(struct faults *faults, const json_t *item, const char *member)
{
    const json_t *value = json_object_get(item, member);
    const char *text = json_string_value(value);
    if (value && !json_is_null(value) && (!text || strlen(text) > TEXT_SIZE_MAX))
        fault(faults, "%s is no text, or a long one", member);
    else if (text && str_equal(member, "criticality") && !is_level(text))
        fault(faults, "\"%s\" is no criticality: one of low, medium, high, critical", text);
    else if (text && *text && str_equal(member, "lang") && !mail_write_is_language(text))
        fault(faults, "\"%s\" is no language: a tag as en, fr, zh-Hans (BCP 47)", text);
    else if (text && *text && str_equal(member, "sector") && !is_word_without(text, ","))
        fault(faults, "\"%s\" is no sector: one word, as energy", text);
    else if (text && has_control(text))
        fault(faults, "%s has a control character in it", member);
}

static void read_item(struct faults *faults, json_t *item, size_t number)
{
    const char *name, *member;
    json_t *value, *enabled;
    faults->at = json_string_value(json_object_get(item, "at"));
    if (!faults->at || strlen(faults->at) > 100) {
        faults->at = arena_printf(faults->call->arena, "/items/%zu", number);
        if (json_is_object(item))
            json_object_set_new(item, "at", json_string(faults->at));
    }
    if (!json_is_object(item)) {
        fault(faults, "a constituent is an object", NULL);
        return;
    }
    name = json_string_value(json_object_get(item, "name"));
    enabled = json_object_get(item, "enabled");
    if (str_is_empty(name))
        fault(faults, "name is missing", NULL);
    else if (!is_short_name(name))
        fault(faults, "\"%s\" is no short name: up to 63 characters without blanks and /", name);
    json_object_foreach(item, member, value)
    {
        if (!is_known(member))
            fault(faults, "\"%s\" is no member of a constituent", member);
    }
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        check_text(faults, item, texts[i]);
    if (enabled && !json_is_boolean(enabled))
        fault(faults, "enabled must be true or false", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(holdings); i++)
        read_holdings(faults, item, holdings[i]);
    read_contacts(faults, item);
}

static bool refuse_faults(struct desk_call *call, struct faults *faults, struct err *err)
{
    json_t *first = json_array_get(faults->list, 0);
    const char *hint = faults->count > 1 ? arena_printf(call->arena, "%zu more are wrong too", faults->count - 1) : NULL;
    json_t *members = json_pack("{s:O, s:O}", "at", json_object_get(first, "at"), "errors", faults->list);
    desk_problem_set(call, 422, hint, err, "%s", json_string_value(json_object_get(first, "error")));
    call->problem.members = json_dumps(members, JSON_COMPACT);
    json_decref(members);
    return false;
}

/* The list of a record's kind in its normal forms; what is no list the database refuses. */
static void normalise_list(struct faults *faults, json_t *record, const char *kind)
{
    struct arena *arena = faults->call->arena;
    json_t *list = json_object_get(record, kind), *normal, *one;
    size_t i;
    if (!json_is_array(list))
        return;
    normal = json_array();
    faults->at = arena_printf(arena, "/%s", kind);
    json_array_foreach(list, i, one)
    {
        const char *text = value_text(arena, one), *values[OBSERVABLE_RANGE_MAX];
        size_t count = text ? normal_values(arena, kind, text, values) : 0;
        if (count == 0)
            fault(faults, value_fault(kind), text);
        for (size_t k = 0; k < count; k++)
            json_array_append_new(normal, json_string(values[k]));
    }
    json_object_set_new(record, kind, normal);
}

bool desk_constituent_check(struct desk_call *call, struct err *err)
{
    struct faults faults = {.call = call, .list = json_array()};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        faults.at = arena_printf(call->arena, "/%s", texts[i]);
        check_text(&faults, call->body, texts[i]);
    }
    faults.at = "/contacts";
    read_contacts(&faults, call->body);
    for (size_t i = 0; i < ARRAY_SIZE(holdings); i++)
        normalise_list(&faults, call->body, holdings[i]);
    bool ok = faults.count == 0 || refuse_faults(call, &faults, err);
    json_decref(faults.list);
    return ok;
}

/* The address that a URL names in place of a host; NULL where there is none. */
static const char *url_address(struct arena *arena, const char *url, enum observable_type *type)
{
    const char *start = strstr(url, "://");
    if (!start)
        return NULL;
    start += 3;
    char *host = arena_strndup(arena, start, strcspn(start, "/?#")), *user = strrchr(host, '@');
    host = user ? user + 1 : host;
    if (*host == '[')
        host[strcspn(host, "]")] = '\0';
    else
        host[strcspn(host, ":")] = '\0';
    return observable_guess(arena, *host == '[' ? host + 1 : host, type);
}

/* --- calls --- */

static bool stage_import(struct desk_call *call, struct err *err)
{
    json_t *items = json_object_get(call->body, "items"), *item, *import = json_object_get(call->body, "import");
    struct faults faults = {.call = call, .list = json_array()};
    size_t i;
    bool ok = false;
    if (!json_is_array(items) || (import && !json_is_null(import) && !json_is_integer(import))) {
        err_set_at(err, ERR_INPUT, "/items",
                   "a part is {import, items}: the number of the import, none for the first part, and a list of constituents");
        goto done;
    }
    json_array_foreach(items, i, item) read_item(&faults, item, i);
    if (faults.count > 0) {
        refuse_faults(call, &faults, err);
        goto done;
    }
    if (json_is_integer(import))
        db_int8(call->params, json_integer_value(import));
    else
        db_null(call->params);
    char *text = json_dumps(items, JSON_COMPACT);
    db_text(call->params, text);
    ok = desk_run_one(call, SQL_DESK_CONSTITUENT_STAGE, 201, "import", err);
    free(text);
done:
    json_decref(faults.list);
    return ok;
}

static bool apply_import(struct desk_call *call, struct err *err)
{
    bool prune, dry_run;
    int64_t id;
    if (!str_to_int64(call->name, 1, INT64_MAX, &id))
        return err_set(err, ERR_NOT_FOUND, "there is no import \"%.60s\"", call->name);
    if (!desk_body_bool(call, "prune", &prune, err) || !desk_body_bool(call, "dry_run", &dry_run, err))
        return false;
    db_int8(call->params, id);
    db_bool(call->params, prune);
    db_bool(call->params, dry_run);
    return desk_run_one(call, SQL_DESK_CONSTITUENT_IMPORT, 200, "import", err);
}

static bool export_constituents(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    const char *name = desk_query_text(call, "name");
    db_text(call->params, name);
    if (!desk_run(call, SQL_DESK_CONSTITUENT_EXPORT, &rows, err))
        return false;
    if (name && db_row_count(rows) == 0) {
        db_rows_free(rows);
        return err_set(err, ERR_NOT_FOUND, "there is no constituent \"%.60s\"", name);
    }
    desk_page_add(call, rows, NULL);
    buf_add_char(&call->answer->body, '}');
    db_rows_free(rows);
    return true;
}

/* ?q= a part of the name or title. Without a limit all of them, as of the other records. */
static bool list_constituents(struct desk_call *call, struct err *err)
{
    const char *q = desk_query_text(call, "q");
    struct db_rows *rows = NULL;
    q = str_is_empty(q) ? NULL : q;
    if (desk_query_text(call, "limit"))
        return desk_run_page(call, SQL_DESK_CONSTITUENT_PAGE, q, err);
    db_int8(call->params, INT32_MAX);
    db_int8(call->params, 0);
    db_text(call->params, q);
    return desk_run(call, SQL_DESK_CONSTITUENT_PAGE, &rows, err) && desk_page_answer(call, rows, err);
}

static bool find_owner(struct desk_call *call, struct err *err)
{
    const char *text = desk_query_text(call, "value"), *at = desk_query_text(call, "at");
    enum observable_type type;
    int64_t ignored;
    if (str_is_empty(text))
        return err_set(err, ERR_INPUT, "value is missing");
    const char *value = observable_guess(call->arena, text, &type);
    const char *host = value ? observable_host(call->arena, type, value) : NULL;
    if (value && type == OBSERVABLE_URL && !host)
        value = url_address(call->arena, value, &type);
    if (!value || (type != OBSERVABLE_IPV4 && type != OBSERVABLE_IPV6 && type != OBSERVABLE_CIDR && type != OBSERVABLE_ASN && !host))
        return err_set(err, ERR_INPUT, "\"%.100s\" is nobody's: an address, network, AS number, domain, URL or mail address has an owner",
                       text);
    if (at && !is_day(at) && !timestamp_parse_rfc3339(at, &ignored))
        return err_set(err, ERR_INPUT, "\"%.60s\" is neither a day nor a moment", at);
    db_text(call->params, observable_type_name(type));
    db_text(call->params, value);
    db_text(call->params, host);
    db_text(call->params, at);
    return desk_run_one(call, SQL_DESK_OWNER_FIND, 200, "value", err);
}

const struct desk_route desk_constituent_routes[] = {
    {"constituent_list", list_constituents},     {"constituent_stage", stage_import}, {"constituent_import", apply_import},
    {"constituent_export", export_constituents}, {"owner_find", find_owner},          {NULL, NULL},
};
