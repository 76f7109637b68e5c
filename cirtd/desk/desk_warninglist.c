/* Known-good lists in MISP's warninglist format: what their entries mean is found out here, once; the database compares. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cirtd/desk/desk_inside.h"
#include "model/observable.h"

enum { ENTRY_SIZE_MAX = 1000, SUBSTRING_SIZE_MIN = 4, SUBSTRINGS_MAX = 100 };

/* MISP's attribute types that are observables of ours; of a composite ("filename|md5") each part counts. */
static const struct {
    const char *attribute;
    enum observable_type type;
} attributes[] = {
    {"ip-src", OBSERVABLE_IPV4},
    {"ip-src", OBSERVABLE_IPV6},
    {"ip-src", OBSERVABLE_CIDR},
    {"ip-dst", OBSERVABLE_IPV4},
    {"ip-dst", OBSERVABLE_IPV6},
    {"ip-dst", OBSERVABLE_CIDR},
    {"ip", OBSERVABLE_IPV4},
    {"ip", OBSERVABLE_IPV6},
    {"domain", OBSERVABLE_DOMAIN},
    {"hostname", OBSERVABLE_DOMAIN},
    {"onion-address", OBSERVABLE_DOMAIN},
    {"url", OBSERVABLE_URL},
    {"uri", OBSERVABLE_URL},
    {"link", OBSERVABLE_URL},
    {"email", OBSERVABLE_EMAIL},
    {"email-src", OBSERVABLE_EMAIL},
    {"email-dst", OBSERVABLE_EMAIL},
    {"email-reply-to", OBSERVABLE_EMAIL},
    {"target-email", OBSERVABLE_EMAIL},
    {"dns-soa-email", OBSERVABLE_EMAIL},
    {"whois-registrant-email", OBSERVABLE_EMAIL},
    {"md5", OBSERVABLE_MD5},
    {"sha1", OBSERVABLE_SHA1},
    {"sha256", OBSERVABLE_SHA256},
    {"sha512", OBSERVABLE_SHA512},
    {"AS", OBSERVABLE_ASN},
    {"vulnerability", OBSERVABLE_CVE},
    {"mac-address", OBSERVABLE_MAC},
    {"user-agent", OBSERVABLE_USER_AGENT},
    {"filename", OBSERVABLE_FILENAME},
    {"btc", OBSERVABLE_CRYPTO},
    {"dash", OBSERVABLE_CRYPTO},
    {"xmr", OBSERVABLE_CRYPTO},
    {"phone-number", OBSERVABLE_PHONE},
    {"whois-registrant-phone", OBSERVABLE_PHONE},
};

static void mark_attribute(const char *name, size_t size, bool types[OBSERVABLE_TYPE_COUNT])
{
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
        if (strlen(attributes[i].attribute) == size && strncasecmp(attributes[i].attribute, name, size) == 0)
            types[attributes[i].type] = true;
}

/* "{1,2,3}"; "{}" where no attribute is one of ours: such a list is kept like any other, and says nothing. One that names none speaks of
 * all. */
static const char *types_of(struct desk_call *call)
{
    bool types[OBSERVABLE_TYPE_COUNT] = {false}, any = false;
    const json_t *list = json_object_get(call->body, "matching_attributes"), *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        const char *name = json_is_string(item) ? json_string_value(item) : "";
        for (size_t size; *name; name += size + (name[size] == '|')) {
            size = strcspn(name, "|");
            mark_attribute(name, size, types);
        }
    }
    struct buf out;
    buf_init(&out, 256);
    for (int type = OBSERVABLE_IPV4; type < OBSERVABLE_TYPE_COUNT; type++) {
        if (!types[type] && json_array_size(list) > 0)
            continue;
        buf_printf(&out, "%s%d", any ? "," : "", type);
        any = true;
    }
    const char *text = arena_printf(call->arena, "{%s}", buf_text(&out));
    buf_clear(&out);
    return text;
}

/* --- entries: each gives the form that is compared, or NULL --- */

static const char *network_entry(struct arena *arena, const char *text)
{
    enum observable_type type = OBSERVABLE_CIDR;
    /* 0.0.0.0/8 is on every list of reserved networks, 0.0.0.0 alone is nobody's. */
    return observable_read(arena, &type, text);
}

static const char *host_entry(struct arena *arena, const char *text)
{
    text += *text == '.';
    enum observable_type type;
    const char *value = observable_normalise(arena, OBSERVABLE_DOMAIN, text);
    return value ? value : (value = observable_guess(arena, text, &type)) ? observable_host(arena, type, value) : NULL;
}

static const char *lower_entry(struct arena *arena, const char *text)
{
    char *lower = arena_strdup(arena, text);
    str_lower(lower);
    return lower;
}

static const char *string_entry(struct arena *arena, const char *text)
{
    enum observable_type type;
    const char *value = observable_guess(arena, text, &type);
    return value ? value : lower_entry(arena, text);
}

static const char *substring_entry(struct arena *arena, const char *text)
{
    return strlen(text) >= SUBSTRING_SIZE_MIN ? lower_entry(arena, text) : NULL;
}

/* The flags that PHP has, and those of JavaScript that it has not. */
#define PHP_FLAGS   "imsxuADUSXJ"
#define OTHER_FLAGS "dgvy"

/* Where the expression ends that PHP would write between two marks, flags behind them; NULL where it has none, as "/a/path". */
static const char *end_of_regex(const char *text)
{
    const char *end = *text && strchr("/#~@%!", *text) ? strrchr(text + 1, *text) : NULL;
    return end && !end[1 + strspn(end + 1, PHP_FLAGS OTHER_FLAGS)] ? end : NULL;
}

/* "/expression/flags" as PostgreSQL writes it: case by (?i), words' borders by \y, the end of the text by \Z. One with a flag that PHP does
 * not have (/g) matches nothing with MISP, so it is none with us. */
static const char *regex_entry(struct arena *arena, const char *text)
{
    static const char theirs[] = "bBz", ours[] = "yYZ";
    const char *end = end_of_regex(text), *known;
    if (end && strpbrk(end + 1, OTHER_FLAGS))
        return NULL;
    char *pattern = end ? arena_strndup(arena, text + 1, (size_t)(end - text - 1)) : arena_strdup(arena, text);
    for (char *at = pattern; (at = strchr(at, '\\')) && at[1]; at += 2)
        at[1] = (known = strchr(theirs, at[1])) ? ours[known - theirs] : at[1];
    bool ignores_case = end && strchr(end, 'i') && !str_starts(pattern, "(?i)");
    return *pattern ? arena_printf(arena, "%s%s", ignores_case ? "(?i)" : "", pattern) : NULL;
}

static const struct list_kind {
    const char *name;
    const char *(*entry)(struct arena *arena, const char *text);
} kinds[] = {
    {"cidr", network_entry}, {"hostname", host_entry}, {"string", string_entry}, {"substring", substring_entry}, {"regex", regex_entry},
};

static const struct list_kind *kind_of(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++)
        if (str_equal(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

/* What the part's entries are read as. Substrings are tried one by one, so there may be few; thousands of host names, as MISP's
 * disposable-email has them, are looked up as hosts, which is what they are meant for. The type is "string" where the list has none. */
static const struct list_kind *kind_of_part(struct desk_call *call, const char *type)
{
    const struct list_kind *kind = kind_of(type ? type : "string");
    const json_t *list = json_object_get(call->body, "list"), *item;
    size_t i, names = 0;
    if (!kind || kind->entry != substring_entry || json_array_size(list) <= SUBSTRINGS_MAX)
        return kind;
    json_array_foreach(list, i, item) names += json_is_string(item) && host_entry(call->arena, json_string_value(item));
    return names * 20 >= json_array_size(list) * 19 ? kind_of("hostname") : kind;
}

/* The part's entries into the list. */
static bool add_entries(struct desk_call *call, const char *name, const struct list_kind *kind, struct err *err)
{
    const json_t *list = json_object_get(call->body, "list"), *item;
    json_t *values = json_array();
    int64_t skipped = 0;
    size_t i;
    if (!json_is_array(list)) {
        json_decref(values);
        return desk_problem_set(call, 422, NULL, err, "a warninglist has its entries in the array \"list\"");
    }
    json_array_foreach(list, i, item)
    {
        const char *text = json_is_string(item) ? json_string_value(item) : "";
        const char *value = *text ? kind->entry(call->arena, text) : NULL;
        if (value && strlen(value) <= ENTRY_SIZE_MAX)
            json_array_append_new(values, json_string(value));
        else
            skipped++;
    }
    char *text = json_dumps(values, JSON_COMPACT);
    db_text(call->params, name);
    db_text(call->params, text);
    db_int8(call->params, skipped);
    struct db_rows *rows = NULL;
    bool ok = desk_run(call, SQL_DESK_WARNINGLIST_ADD, &rows, err);
    db_rows_free(rows);
    json_decref(values);
    free(text);
    return ok;
}

static bool finish(struct desk_call *call, const char *name, struct err *err)
{
    bool more = false;
    if (!desk_body_bool(call, "more", &more, err))
        return false;
    if (more) {
        call->answer->status = 202;
        buf_add_text(&call->answer->body, "{\"loaded\":false}");
        return true;
    }
    db_text(call->params, name);
    return desk_run_one(call, SQL_DESK_WARNINGLIST_END, 200, "warninglist", err);
}

/* The version is a number in most lists, a text in some. */
static const char *version_of(struct desk_call *call)
{
    const json_t *version = json_object_get(call->body, "version");
    return json_is_integer(version) ? arena_printf(call->arena, "%lld", (long long)json_integer_value(version))
                                    : json_string_value(version);
}

static bool import_list(struct desk_call *call, struct err *err)
{
    const char *name, *title, *description, *type, *category, *types = types_of(call);
    if (!desk_body_text(call, "short_name", &name, err) || !desk_body_text(call, "name", &title, err) ||
        !desk_body_text(call, "description", &description, err) || !desk_body_text(call, "type", &type, err) ||
        !desk_body_text(call, "category", &category, err))
        return false;
    const struct list_kind *kind = kind_of_part(call, type);
    if (!name || !title || !kind)
        return desk_problem_set(call, 422, "name, type (string hostname substring cidr regex) and list are needed", err,
                                "%s is no warninglist: its %s", name ? name : "this",
                                !name    ? "short_name is missing"
                                : !title ? "name is missing"
                                         : "type is none that we know");
    db_text(call->params, name);
    db_text(call->params, title);
    db_text(call->params, description);
    db_text(call->params, version_of(call));
    db_text(call->params, kind->name);
    db_text(call->params, types);
    db_text(call->params, category);
    struct db_rows *rows = NULL;
    bool ok = desk_run(call, SQL_DESK_WARNINGLIST_BEGIN, &rows, err);
    db_rows_free(rows);
    return ok && add_entries(call, name, kind, err) && finish(call, name, err);
}

static bool import_more(struct desk_call *call, struct err *err)
{
    const char *type;
    if (!desk_body_text(call, "type", &type, err))
        return false;
    const struct list_kind *kind = kind_of_part(call, type);
    if (!kind)
        return desk_problem_set(call, 422, "string hostname substring cidr regex", err, "the type is none that we know");
    return add_entries(call, call->name, kind, err) && finish(call, call->name, err);
}

static bool list_lists(struct desk_call *call, struct err *err)
{
    struct db_rows *rows = NULL;
    db_null(call->params);
    return desk_run(call, SQL_DESK_WARNINGLIST_LIST, &rows, err) && desk_page_answer(call, rows, err);
}

static bool show_list(struct desk_call *call, struct err *err)
{
    db_text(call->params, call->name);
    return desk_run_one(call, SQL_DESK_WARNINGLIST_LIST, 200, "warninglist", err);
}

static bool remove_list(struct desk_call *call, struct err *err)
{
    db_text(call->params, call->name);
    if (!desk_run(call, SQL_DESK_WARNINGLIST_REMOVE, NULL, err))
        return false;
    call->answer->status = 204;
    call->answer->content_type = "";
    return true;
}

/* Lists that are brought in whole: these, and the registries' (desk_place.c). */
const struct desk_route desk_warninglist_routes[] = {
    {"warninglist_import", import_list},  {"warninglist_entries", import_more},
    {"warninglist_list", list_lists},     {"warninglist_show", show_list},
    {"warninglist_remove", remove_list},  {"rir_import", desk_place_import},
    {"rir_rows", desk_place_import_more}, {"rir_list", desk_place_list},
    {"rir_remove", desk_place_remove},    {NULL, NULL},
};
