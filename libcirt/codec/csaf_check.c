#include "codec/csaf_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/json_value.h"

/* Members of groups looked at for impact statements: a document can ask for far more than it has bytes. */
enum { LOOKS_MAX = 2000000 };

struct check {
    json_t *products; /* product_id: number of the relationship that makes it, -1 for all others */
    json_t *groups;   /* group_id: its product_ids, an array */
    const json_t *root;
    size_t looks;
    struct err *err;
};

static const struct json_place document = {0};

static bool fail(const struct check *check, const struct json_place *place, const char *text)
{
    return json_value_fail(place, ERR_INPUT, check->err, "%s", text);
}

static bool is_any(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; word && i < count; i++)
        if (str_equal(word, words[i]))
            return true;
    return false;
}

/* --- 6.1.1 to 6.1.5: products and groups --- */

static bool define(struct check *check, const json_t *product, json_int_t maker, const struct json_place *place)
{
    struct json_place here = {.up = place, .name = "product_id"};
    const char *id = json_string_value(json_object_get(product, "product_id"));
    if (!id || !*id)
        return fail(check, &here, "is missing");
    if (json_object_get(check->products, id))
        return fail(check, &here, "is defined twice (CSAF 2.0, 6.1.2)");
    json_object_set_new(check->products, id, json_integer(maker));
    return true;
}

static bool define_branches(struct check *check, const json_t *parent, const struct json_place *place)
{
    struct json_place here = {.up = place, .name = "branches"};
    const json_t *branch;
    size_t index;
    json_array_foreach(json_object_get(parent, "branches"), index, branch)
    {
        struct json_place inside = {.up = &here, .index = index}, product = {.up = &inside, .name = "product"};
        const json_t *defined = json_object_get(branch, "product");
        if ((defined && !define(check, defined, -1, &product)) || !define_branches(check, branch, &inside))
            return false;
    }
    return true;
}

static bool define_products(struct check *check, const json_t *tree, const struct json_place *place)
{
    struct json_place names = {.up = place, .name = "full_product_names"}, relations = {.up = place, .name = "relationships"};
    const json_t *element;
    size_t index;
    json_array_foreach(json_object_get(tree, "full_product_names"), index, element)
    {
        struct json_place inside = {.up = &names, .index = index};
        if (!define(check, element, -1, &inside))
            return false;
    }
    json_array_foreach(json_object_get(tree, "relationships"), index, element)
    {
        struct json_place inside = {.up = &relations, .index = index}, product = {.up = &inside, .name = "full_product_name"};
        if (!define(check, json_object_get(element, "full_product_name"), (json_int_t)index, &product))
            return false;
    }
    return define_branches(check, tree, place);
}

static bool check_reference(const struct check *check, const json_t *known, const json_t *id, const struct json_place *place)
{
    const char *name = json_string_value(id);
    if (name && json_object_get(known, name))
        return true;
    return fail(check, place,
                known == check->products ? "names a product that is not defined (CSAF 2.0, 6.1.1)"
                                         : "names a group that is not defined (CSAF 2.0, 6.1.4)");
}

/* An array of ids, where there is one. */
static bool check_references(const struct check *check, const json_t *known, const json_t *object, const char *name,
                             const struct json_place *place)
{
    struct json_place here = {.up = place, .name = name};
    const json_t *id;
    size_t index;
    json_array_foreach(json_object_get(object, name), index, id)
    {
        struct json_place inside = {.up = &here, .index = index};
        if (!check_reference(check, known, id, &inside))
            return false;
    }
    return true;
}

static bool define_groups(struct check *check, const json_t *tree, const struct json_place *place)
{
    struct json_place here = {.up = place, .name = "product_groups"};
    const json_t *group;
    size_t index;
    json_array_foreach(json_object_get(tree, "product_groups"), index, group)
    {
        struct json_place inside = {.up = &here, .index = index}, name = {.up = &inside, .name = "group_id"};
        const char *id = json_string_value(json_object_get(group, "group_id"));
        if (!id || !*id)
            return fail(check, &name, "is missing");
        if (json_object_get(check->groups, id))
            return fail(check, &name, "is defined twice (CSAF 2.0, 6.1.5)");
        if (!check_references(check, check->products, group, "product_ids", &inside))
            return false;
        json_t *members = json_object_get(group, "product_ids");
        json_object_set_new(check->groups, id, json_is_array(members) ? json_incref(members) : json_array());
    }
    return true;
}

/* --- 6.1.3: a product that is made of itself --- */

static const char *const reference_names[] = {"product_reference", "relates_to_product_reference"};

/* Relationships that wait for what another one makes, as lists: waiting[i] begins the list of those that wait for i. */
struct waiters {
    size_t *waiting, *next, *open; /* next: two a relationship; open: how many it still waits for */
    size_t count;
};
static const size_t nobody = (size_t)-1;

static bool enter_waiters(struct check *check, const json_t *relations, struct waiters *waiters, const struct json_place *place)
{
    for (size_t i = 0; i < waiters->count; i++) {
        const json_t *relation = json_array_get(relations, i);
        struct json_place inside = {.up = place, .index = i};
        for (size_t k = 0; k < ARRAY_SIZE(reference_names); k++) {
            struct json_place here = {.up = &inside, .name = reference_names[k]};
            const json_t *id = json_object_get(relation, reference_names[k]);
            if (!check_reference(check, check->products, id, &here))
                return false;
            json_int_t maker = json_integer_value(json_object_get(check->products, json_string_value(id)));
            if (maker < 0)
                continue;
            waiters->next[2 * i + k] = waiters->waiting[maker];
            waiters->waiting[maker] = 2 * i + k;
            waiters->open[i]++;
        }
    }
    return true;
}

/* Takes away what waits for nothing, again and again; what is left goes in circles. Returns one of these, or nobody. */
static size_t find_circle(const struct waiters *waiters)
{
    size_t *ready = mem_calloc(waiters->count + 1, sizeof *ready), count = 0, done = 0, left = nobody;
    for (size_t i = 0; i < waiters->count; i++)
        if (!waiters->open[i])
            ready[count++] = i;
    while (done < count) {
        size_t entry = waiters->waiting[ready[done++]];
        for (; entry != nobody; entry = waiters->next[entry])
            if (--waiters->open[entry / 2] == 0)
                ready[count++] = entry / 2;
    }
    for (size_t i = 0; i < waiters->count && left == nobody; i++)
        if (waiters->open[i])
            left = i;
    free(ready);
    return left;
}

static bool check_relations(struct check *check, const json_t *tree, const struct json_place *place)
{
    struct json_place here = {.up = place, .name = "relationships"};
    const json_t *relations = json_object_get(tree, "relationships");
    struct waiters waiters = {.count = json_array_size(relations)};
    waiters.waiting = mem_calloc(waiters.count + 1, sizeof *waiters.waiting);
    waiters.next = mem_calloc(2 * waiters.count + 1, sizeof *waiters.next);
    waiters.open = mem_calloc(waiters.count + 1, sizeof *waiters.open);
    for (size_t i = 0; i < waiters.count; i++)
        waiters.waiting[i] = nobody;
    bool ok = enter_waiters(check, relations, &waiters, &here);
    size_t circle = ok ? find_circle(&waiters) : nobody;
    if (circle != nobody) {
        struct json_place inside = {.up = &here, .index = circle};
        ok = fail(check, &inside, "makes a product of itself (CSAF 2.0, 6.1.3)");
    }
    free(waiters.waiting);
    free(waiters.next);
    free(waiters.open);
    return ok;
}

/* --- a vulnerability --- */

/* 6.1.6: which words exclude each other. "recommended" excludes nothing. */
static const struct {
    const char *name;
    json_int_t group;
} statuses[] = {
    {"first_affected", 1}, {"known_affected", 1}, {"last_affected", 1},       {"known_not_affected", 2},
    {"first_fixed", 3},    {"fixed", 3},          {"under_investigation", 4}, {"recommended", 0},
};

static bool check_status(struct check *check, const json_t *status, const struct json_place *place)
{
    json_t *seen = json_object();
    bool ok = true;
    for (size_t i = 0; ok && i < ARRAY_SIZE(statuses); i++) {
        struct json_place here = {.up = place, .name = statuses[i].name};
        const json_t *id;
        size_t index;
        ok = check_references(check, check->products, status, statuses[i].name, place);
        json_array_foreach(json_object_get(status, statuses[i].name), index, id)
        {
            struct json_place inside = {.up = &here, .index = index};
            const json_t *before = ok ? json_object_get(seen, json_string_value(id)) : NULL;
            if (!ok || !statuses[i].group)
                break;
            if (before && json_integer_value(before) != statuses[i].group)
                ok = fail(check, &inside, "contradicts what is said of the product before (CSAF 2.0, 6.1.6)");
            json_object_set_new(seen, json_string_value(id), json_integer(statuses[i].group));
        }
    }
    json_decref(seen);
    return ok;
}

/* 6.1.8, as far as the schema of CVSS goes: what must be there. */
static bool check_cvss(const struct check *check, const json_t *cvss, bool needs_severity, const struct json_place *place)
{
    static const char *const needed[] = {"version", "vectorString", "baseScore", "baseSeverity"};
    for (size_t i = 0; i < ARRAY_SIZE(needed) - !needs_severity; i++) {
        struct json_place here = {.up = place, .name = needed[i]};
        const json_t *member = json_object_get(cvss, needed[i]);
        if (!(i == 2 ? json_is_number(member) : json_is_string(member)))
            return fail(check, &here, member ? "is of the wrong kind (CSAF 2.0, 6.1.8)" : "is missing (CSAF 2.0, 6.1.8)");
    }
    double score = json_number_value(json_object_get(cvss, "baseScore"));
    struct json_place here = {.up = place, .name = "baseScore"};
    return score >= 0 && score <= 10 ? true : fail(check, &here, "must be 0 to 10 (CSAF 2.0, 6.1.8)");
}

/* 6.1.7: one score a product and version of CVSS. */
static bool note_scored(struct check *check, const json_t *score, const char *version, json_t *seen, const struct json_place *place)
{
    struct json_place here = {.up = place, .name = "products"};
    const json_t *id;
    size_t index;
    json_array_foreach(json_object_get(score, "products"), index, id)
    {
        struct json_place inside = {.up = &here, .index = index};
        char *key = mem_printf("%.8s %s", version, json_string_value(id));
        bool is_new = !json_object_get(seen, key) && json_object_set_new(seen, key, json_true()) == 0;
        free(key);
        if (!is_new)
            return fail(check, &inside, "has two scores of the same version of CVSS (CSAF 2.0, 6.1.7)");
    }
    return true;
}

static bool check_score(struct check *check, const json_t *score, json_t *seen, const struct json_place *place)
{
    static const char *const names[] = {"cvss_v2", "cvss_v3"};
    if (!check_references(check, check->products, score, "products", place))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct json_place here = {.up = place, .name = names[i]};
        const json_t *cvss = json_object_get(score, names[i]);
        if (cvss && (!check_cvss(check, cvss, i == 1, &here) ||
                     !note_scored(check, score, json_string_value(json_object_get(cvss, "version")), seen, place)))
            return false;
    }
    return true;
}

static bool check_scores(struct check *check, const json_t *vulnerability, const struct json_place *place)
{
    struct json_place here = {.up = place, .name = "scores"};
    json_t *seen = json_object();
    const json_t *score;
    size_t index;
    bool ok = true;
    json_array_foreach(json_object_get(vulnerability, "scores"), index, score)
    {
        struct json_place inside = {.up = &here, .index = index};
        ok = ok && check_score(check, score, seen, &inside);
    }
    json_decref(seen);
    return ok;
}

/* --- 6.1.27: what each profile must say --- */

static bool has_any(const json_t *object, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (json_array_size(json_object_get(object, names[i])))
            return true;
    return false;
}

static void add_products(struct check *check, json_t *said, const json_t *ids)
{
    const json_t *id;
    size_t index;
    json_array_foreach((json_t *)ids, index, id)
    {
        if (check->looks++ < LOOKS_MAX && json_is_string(id))
            json_object_set_new(said, json_string_value(id), json_true());
    }
}

/* The products that flags, or threats of category impact, say something about. */
static json_t *products_with_statement(struct check *check, const json_t *vulnerability)
{
    static const char *const names[] = {"flags", "threats"};
    json_t *said = json_object(), *expanded = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const json_t *statement, *group;
        size_t index, inner;
        json_array_foreach(json_object_get(vulnerability, names[i]), index, statement)
        {
            if (i == 1 && !str_equal(json_string_value(json_object_get(statement, "category")), "impact"))
                continue;
            add_products(check, said, json_object_get(statement, "product_ids"));
            json_array_foreach(json_object_get(statement, "group_ids"), inner, group)
            {
                const char *name = json_string_value(group);
                if (!name || json_object_get(expanded, name))
                    continue;
                json_object_set_new(expanded, name, json_true());
                add_products(check, said, json_object_get(check->groups, name));
            }
        }
    }
    json_decref(expanded);
    return said;
}

/* 6.1.27.9 */
static bool check_impact(struct check *check, const json_t *vulnerability, const struct json_place *place)
{
    struct json_place status = {.up = place, .name = "product_status"}, here = {.up = &status, .name = "known_not_affected"};
    const json_t *ids = json_object_get(json_object_get(vulnerability, "product_status"), "known_not_affected"), *id;
    size_t index;
    bool ok = true;
    if (!json_array_size(ids))
        return true;
    json_t *said = products_with_statement(check, vulnerability);
    json_array_foreach((json_t *)ids, index, id)
    {
        struct json_place inside = {.up = &here, .index = index};
        if (ok && !json_object_get(said, json_string_value(id)))
            ok = fail(check, &inside, "is said to be not affected, but not why (CSAF 2.0, 6.1.27.9)");
    }
    json_decref(said);
    return check->looks <= LOOKS_MAX ? ok : json_value_fail(&here, ERR_LIMIT, check->err, "too many products in groups");
}

static bool check_profile_of(struct check *check, const json_t *vulnerability, const char *profile, const struct json_place *place)
{
    static const char *const vex[] = {"fixed", "known_affected", "known_not_affected", "under_investigation"}, *const ids[] = {"ids"};
    bool is_vex = str_equal(profile, "csaf_vex");
    const json_t *status = json_object_get(vulnerability, "product_status");
    if (!is_vex && !str_equal(profile, "csaf_security_advisory"))
        return true;
    if (!json_array_size(json_object_get(vulnerability, "notes")))
        return fail(check, place, "needs notes (CSAF 2.0, 6.1.27.5)");
    if (!is_vex)
        return json_object_size(status) ? true : fail(check, place, "needs a product_status (CSAF 2.0, 6.1.27.6)");
    if (!has_any(status, vex, ARRAY_SIZE(vex)))
        return fail(check, place, "says of no product whether it is affected (CSAF 2.0, 6.1.27.7)");
    if (!json_is_string(json_object_get(vulnerability, "cve")) && !has_any(vulnerability, ids, 1))
        return fail(check, place, "needs a CVE or another id (CSAF 2.0, 6.1.27.8)");
    return check_impact(check, vulnerability, place);
}

static bool check_notes(const struct check *check, const json_t *head)
{
    static const char *const categories[] = {"description", "details", "general", "summary"};
    struct json_place place = {.up = &document, .name = "document"};
    const json_t *note;
    size_t index;
    json_array_foreach(json_object_get(head, "notes"), index, note)
    {
        if (is_any(json_string_value(json_object_get(note, "category")), categories, ARRAY_SIZE(categories)))
            return true;
    }
    return fail(check, &place, "needs a note that says what it is about (CSAF 2.0, 6.1.27.1)");
}

static bool check_profile(const struct check *check)
{
    static const char *const informing[] = {"csaf_informational_advisory", "csaf_security_incident_response"}, *const advising[] = {
                                                                                                                   "csaf_security_advisory",
                                                                                                                   "csaf_vex"};
    const json_t *head = json_object_get(check->root, "document");
    const char *profile = json_string_value(json_object_get(head, "category"));
    struct json_place here = {.up = &document, .name = "vulnerabilities"};
    bool has_vulnerabilities = json_object_get(check->root, "vulnerabilities") != NULL;
    if (is_any(profile, informing, ARRAY_SIZE(informing)) && !check_notes(check, head))
        return false;
    if (str_equal(profile, informing[0]) && has_vulnerabilities)
        return fail(check, &here, "have no place in an informational advisory (CSAF 2.0, 6.1.27.3)");
    if (!is_any(profile, advising, ARRAY_SIZE(advising)))
        return true;
    if (!json_is_object(json_object_get(check->root, "product_tree")))
        return fail(check, &document, "needs a product_tree (CSAF 2.0, 6.1.27.4)");
    return has_vulnerabilities ? true : fail(check, &document, "needs vulnerabilities (CSAF 2.0, 6.1.27.11)");
}

/* --- all of it --- */

static bool check_vulnerability(struct check *check, const json_t *vulnerability, const char *profile, const struct json_place *place)
{
    static const char *const names[] = {"remediations", "threats", "flags"};
    struct json_place status = {.up = place, .name = "product_status"};
    if (!check_status(check, json_object_get(vulnerability, "product_status"), &status) || !check_scores(check, vulnerability, place))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct json_place here = {.up = place, .name = names[i]};
        const json_t *element;
        size_t index;
        json_array_foreach(json_object_get(vulnerability, names[i]), index, element)
        {
            struct json_place inside = {.up = &here, .index = index};
            if (!check_references(check, check->products, element, "product_ids", &inside) ||
                !check_references(check, check->groups, element, "group_ids", &inside))
                return false;
        }
    }
    return check_profile_of(check, vulnerability, profile, place);
}

static bool check_all(struct check *check)
{
    struct json_place tree_place = {.up = &document, .name = "product_tree"}, here = {.up = &document, .name = "vulnerabilities"};
    const json_t *tree = json_object_get(check->root, "product_tree"), *vulnerability;
    const char *profile = json_string_value(json_object_get(json_object_get(check->root, "document"), "category"));
    size_t index;
    if (!check_profile(check) || !define_products(check, tree, &tree_place) || !define_groups(check, tree, &tree_place) ||
        !check_relations(check, tree, &tree_place))
        return false;
    json_array_foreach(json_object_get(check->root, "vulnerabilities"), index, vulnerability)
    {
        struct json_place inside = {.up = &here, .index = index};
        if (!check_vulnerability(check, vulnerability, profile, &inside))
            return false;
    }
    return true;
}

bool csaf_check(const json_t *root, struct err *err)
{
    struct check check = {.products = json_object(), .groups = json_object(), .root = root, .err = err};
    bool ok = check_all(&check);
    json_decref(check.products);
    json_decref(check.groups);
    return ok;
}
