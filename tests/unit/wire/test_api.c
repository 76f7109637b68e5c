/* wire/api: which endpoint a path means, who may call it, and what a query says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/api.h"

static struct api_match found(enum message_listener listener, enum message_method method, const char *path)
{
    struct api_match match;

    assert_true(api_find(listener, method, path, &match));
    return match;
}

static void ids_and_rows_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_endpoint_count; i++) {
        assert_true(api_endpoints[i].path[0] == '/');
        assert_true(api_endpoints[i].summary[0] != '\0');
        assert_true(api_endpoints[i].listeners != 0);
        for (size_t j = i + 1; j < api_endpoint_count; j++) {
            assert_string_not_equal(api_endpoints[i].id, api_endpoints[j].id);
            if (api_endpoints[i].method == api_endpoints[j].method && strcmp(api_endpoints[i].path, api_endpoints[j].path) == 0)
                assert_true((api_endpoints[i].listeners & api_endpoints[j].listeners) == 0);
        }
    }
}

/* Every row can be reached: no row above hides it. */
static void every_row_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_endpoint_count; i++)
        for (int listener = MESSAGE_FEEDS; listener <= MESSAGE_RID; listener++)
            if (api_endpoints[i].listeners & (1u << listener))
                assert_ptr_equal(found((enum message_listener)listener, api_endpoints[i].method, api_endpoints[i].path).endpoint,
                                 &api_endpoints[i]);
}

static void parameters_are_decoded(void **state)
{
    struct api_match match = found(MESSAGE_ANALYSTS, MESSAGE_POST, "/v1/cases/XX-CERT-2026-000042/take?x=1");

    (void)state;
    assert_string_equal(match.endpoint->id, "case_take");
    assert_string_equal(match.parameters[0], "XX-CERT-2026-000042");
    match = found(MESSAGE_ANALYSTS, MESSAGE_GET, "/v1/constituents/Telecom%20A%2Fnorth");
    assert_string_equal(match.endpoint->id, "constituent_show");
    assert_string_equal(match.parameters[0], "Telecom A/north");
}

static void words_win_over_parameters(void **state)
{
    (void)state;
    assert_string_equal(found(MESSAGE_ANALYSTS, MESSAGE_POST, "/v1/rules/test").endpoint->id, "rule_test");
    assert_string_equal(found(MESSAGE_ANALYSTS, MESSAGE_POST, "/v1/rules/triage").endpoint->id, "rule_set");
}

static void other_places_are_told_apart(void **state)
{
    struct api_match match = found(MESSAGE_FEEDS, MESSAGE_GET, "/v1/cases");

    (void)state;
    assert_null(match.endpoint);
    assert_true(match.other_listener);
    assert_false(match.other_method);
    match = found(MESSAGE_ANALYSTS, MESSAGE_DELETE, "/v1/cases/42");
    assert_null(match.endpoint);
    assert_true(match.other_method);
    match = found(MESSAGE_ANALYSTS, MESSAGE_GET, "/v1/nothing");
    assert_null(match.endpoint);
    assert_false(match.other_method || match.other_listener);
    match = found(MESSAGE_RID, MESSAGE_POST, "/v1/reports");
    assert_null(match.endpoint);
    assert_true(match.other_listener);
    assert_null(found(MESSAGE_ANALYSTS, MESSAGE_GET, "/v1/cases//journal").endpoint);
    assert_null(found(MESSAGE_ANALYSTS, MESSAGE_GET, "/v1/cases/").endpoint);
    assert_null(found(MESSAGE_ANALYSTS, MESSAGE_GET, "/v1/cases/1/journal/2/3/4/5/6/7/8").endpoint);
}

static void reports_are_read_by_two_rows(void **state)
{
    (void)state;
    assert_int_equal(found(MESSAGE_FEEDS, MESSAGE_GET, "/v1/reports/r81").endpoint->worker, API_INTAKE);
    assert_int_equal(found(MESSAGE_FEEDS, MESSAGE_GET, "/v1/reports/r81").endpoint->permission, API_OWN_REPORT);
    assert_int_equal(found(MESSAGE_ANALYSTS, MESSAGE_GET, "/v1/reports/r81").endpoint->worker, API_DESK);
}

static void malformed_paths_are_refused(void **state)
{
    static const char *const bad[] = {"", "v1/cases", "/v1/cases/%", "/v1/cases/%4", "/v1/cases/%zz", "/v1/cases/%00"};
    char path[API_PARAMETER_SIZE + 40];
    struct api_match match;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(api_find(MESSAGE_ANALYSTS, MESSAGE_GET, bad[i], &match));
    memset(path, 'a', sizeof path);
    memcpy(path, "/v1/cases/", 10);
    path[10 + API_PARAMETER_SIZE] = '\0';
    assert_false(api_find(MESSAGE_ANALYSTS, MESSAGE_GET, path, &match));
    path[10 + API_PARAMETER_SIZE - 1] = '\0';
    assert_true(api_find(MESSAGE_ANALYSTS, MESSAGE_GET, path, &match));
}

static void roles_may_what_the_contract_says(void **state)
{
    (void)state;
    assert_true(api_role_may("feed", API_SUBMIT));
    assert_true(api_role_may("feed", API_OWN_REPORT));
    assert_false(api_role_may("feed", API_READ));
    assert_true(api_role_may("peer", API_RID));
    assert_false(api_role_may("peer", API_SUBMIT));
    assert_true(api_role_may("analyst", API_WORK));
    assert_false(api_role_may("analyst", API_SHARE));
    assert_true(api_role_may("lead", API_SHARE));
    assert_false(api_role_may("lead", API_ADMIN));
    assert_true(api_role_may("admin", API_ADMIN));
    assert_true(api_role_may("auditor", API_READ));
    assert_false(api_role_may("auditor", API_WORK));
    assert_false(api_role_may("auditor", API_SUBMIT));
    assert_false(api_role_may("root", API_READ));
    assert_false(api_role_may(NULL, API_READ));
    assert_true(api_role_may(NULL, API_PUBLIC));
    assert_false(api_role_may("admin", API_NOBODY));
}

/* Drafts of mail have revisions of their own. */
static void every_edit_needs_a_revision(void **state)
{
    static const char *const without[] = {"mail_add", "case_tell"}, *const mails[] = {"mail_edit", "mail_send"};
    (void)state;
    for (size_t i = 0; i < api_endpoint_count; i++) {
        const struct api_endpoint *endpoint = &api_endpoints[i];
        bool is_edit = endpoint->permission == API_WORK && strncmp(endpoint->path, "/v1/cases/{case}/", 17) == 0;
        for (size_t k = 0; k < ARRAY_SIZE(without); k++) {
            is_edit = is_edit && strcmp(endpoint->id, without[k]) != 0;
            is_edit = is_edit || strcmp(endpoint->id, mails[k]) == 0;
        }
        assert_int_equal(endpoint->needs_revision, is_edit);
    }
}

static void query_values_are_decoded(void **state)
{
    char value[8];

    (void)state;
    assert_true(api_query_value("/v1/cases?q=a+b%3A&limit=5", "q", value, sizeof value));
    assert_string_equal(value, "a b:");
    assert_true(api_query_value("/v1/cases?q=a&limit=5", "limit", value, sizeof value));
    assert_string_equal(value, "5");
    assert_true(api_query_value("/v1/cases?q=", "q", value, sizeof value));
    assert_string_equal(value, "");
    assert_false(api_query_value("/v1/cases?q", "q", value, sizeof value));
    assert_false(api_query_value("/v1/cases?xq=1", "q", value, sizeof value));
    assert_false(api_query_value("/v1/cases", "q", value, sizeof value));
    assert_false(api_query_value("/v1/cases?q=%zz", "q", value, sizeof value));
    assert_false(api_query_value("/v1/cases?q=a%00b", "q", value, sizeof value));
    assert_false(api_query_value("/v1/cases?q=12345678", "q", value, sizeof value));
    assert_true(api_query_value("/v1/cases?q=1234567", "q", value, sizeof value));
}

static char *openapi(void)
{
    static char text[512 * 1024];
    FILE *file = fopen(TEST_DATA "/../../docs/openapi.yaml", "r");
    size_t size;

    assert_non_null(file);
    size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    assert_true(size > 0 && size < sizeof text - 1);
    text[size] = '\0';
    return text;
}

/* docs/openapi.yaml: each endpoint has its operation under its path, and no operation is left over. */
static void every_endpoint_is_documented(void **state)
{
    static const char *const methods[] = {
        [MESSAGE_GET] = "get", [MESSAGE_POST] = "post", [MESSAGE_HEAD] = "head", [MESSAGE_DELETE] = "delete"};
    const char *text = openapi();
    size_t operations = 0;

    (void)state;
    for (size_t i = 0; i < api_endpoint_count; i++) {
        const struct api_endpoint *endpoint = &api_endpoints[i];
        char line[200];
        const char *path, *end, *found;

        snprintf(line, sizeof line, "\n  %s:\n", endpoint->path);
        path = strstr(text, line);
        if (!path)
            fail_msg("docs/openapi.yaml has no path %s", endpoint->path);
        end = strstr(path + 3, "\n  /");
        snprintf(line, sizeof line, ": %s\n", endpoint->id);
        found = strstr(path, line);
        if (!found || (end && found > end))
            fail_msg("docs/openapi.yaml has no operation %s under %s", endpoint->id, endpoint->path);
        snprintf(line, sizeof line, "\n    %s:\n", methods[endpoint->method]);
        found = strstr(path, line);
        if (!found || (end && found > end))
            fail_msg("docs/openapi.yaml has no %s under %s", methods[endpoint->method], endpoint->path);
    }
    for (const char *at = text; (at = strstr(at, "operationId: ")); at++)
        operations++;
    for (const char *at = text; (at = strstr(at, "x-on-feeds: ")); at++)
        operations++;
    assert_int_equal(operations, api_endpoint_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_rows_are_unique),      cmocka_unit_test(every_row_is_found),
        cmocka_unit_test(parameters_are_decoded),       cmocka_unit_test(words_win_over_parameters),
        cmocka_unit_test(other_places_are_told_apart),  cmocka_unit_test(reports_are_read_by_two_rows),
        cmocka_unit_test(malformed_paths_are_refused),  cmocka_unit_test(roles_may_what_the_contract_says),
        cmocka_unit_test(every_edit_needs_a_revision),  cmocka_unit_test(query_values_are_decoded),
        cmocka_unit_test(every_endpoint_is_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
