/* The gate as its clients and workers see it when all is well, and when a client may not. */
#include "../../support/gate_fixture.h"

static void requests_reach_the_worker(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct client client;
    unsigned char key[MTLS_KEY_SIZE];
    char hex[2 * MTLS_KEY_SIZE + 1];
    struct err err;

    prepare(&fixture);
    start(&fixture);
    client_open(&client, fixture.ports[0], "feed");
    assert_true(mtls_file_key_sha256(in_dir("feed.crt"), key, &err));
    str_hex(key, sizeof key, hex);
    for (int i = 0; i < 3; i++) {
        struct reply reply = client_ask(&client, "POST", REPORTS "?format=x",
                                        "Content-Type: text/xml\r\nContent-Encoding: gzip\r\nIf-Match: \"9\"\r\n", "hello", 5);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "hello");
        assert_int_equal(reply.reads, 1); /* head and body in one record */
        assert_non_null(strstr(reply.head, hex));
        assert_non_null(strstr(reply.head, "X-Seen: 1 2 text/xml gzip \"9\" 127.0.0.1 inline\r\n"));
        assert_null(strstr(reply.head, "Connection: close"));
        free(reply.body);
    }
    client_close(&client);
    client_open(&client, fixture.ports[1], "analyst");
    struct reply reply = client_ask(&client, "GET", "/v1/cases", "", NULL, 0);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.head, "X-Seen: 2 1 "));
    free(reply.body);
    reply = client_ask(&client, "HEAD", "/v1/cases", "", NULL, 0);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.head, "X-Seen: 2 1 ")); /* GET for the worker */
    free(reply.body);
    expect(&client, "POST", REPORTS, "x", 200, "x");
    client_close(&client);
    stop(&fixture);
}

static void large_bodies_go_by_descriptor(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct client client;
    size_t size = (1 << 20) + 17;
    char *body = malloc(size);

    assert_non_null(body);
    for (size_t i = 0; i < size; i++)
        body[i] = (char)('a' + i * 31 % 26);
    for (int in_files = 0; in_files < 2; in_files++) {
        prepare(&fixture);
        fixture.config.spool_dir = in_files ? dir : NULL;
        fixture.config.limits.spool_max = 2 << 20;
        start(&fixture);
        client_open(&client, fixture.ports[0], "feed");
        for (int i = 0; i < 4; i++) { /* the spool has room for one at a time */
            struct reply reply = client_ask(&client, "POST", REPORTS, "", body, size);
            assert_int_equal(reply.status, 200);
            assert_int_equal(reply.body_size, size);
            assert_memory_equal(reply.body, body, size);
            assert_non_null(strstr(reply.head, " file\r\n"));
            free(reply.body);
        }
        struct reply reply = client_ask(&client, "POST", REPORTS, "Expect: 100-continue\r\n", body, 3 << 20 > size ? size : size);
        assert_int_equal(reply.status, 100);
        free(reply.body);
        reply = client_receive(&client, true);
        assert_int_equal(reply.body_size, size);
        free(reply.body);
        client_text(&client, "POST " REPORTS " HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
        reply = client_receive(&client, true);
        assert_int_equal(reply.status, 503);
        assert_non_null(strstr(reply.body, "spool"));
        free(reply.body);
        client_close(&client);
        stop(&fixture);
    }
    free(body);
}

static void chunks_and_pipelines(void **state)
{
    UNUSED(state);
    static const char chunked[] =
        "POST " REPORTS "?a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    struct fixture fixture;
    struct client client;
    struct buf stream;

    prepare(&fixture);
    start(&fixture);
    client_open(&client, fixture.ports[0], "feed");
    for (size_t i = 0; i < sizeof chunked - 1; i++)
        client_send(&client, chunked + i, 1);
    struct reply reply = client_receive(&client, true);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "abcdefg");
    free(reply.body);

    buf_init(&stream, 1 << 20);
    for (int i = 0; i < 200; i++)
        if (i % 3)
            buf_printf(&stream, "POST " REPORTS " HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n%04d", i);
        else
            buf_add_text(&stream, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    client_send(&client, stream.bytes, stream.size);
    for (int i = 0; i < 200; i++) {
        char number[16];
        snprintf(number, sizeof number, "%04d", i);
        reply = client_receive(&client, true);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, i % 3 ? number : "{\"status\":\"ok\"}\n");
        free(reply.body);
    }
    buf_clear(&stream);
    client_close(&client);
    stop(&fixture);
}

static void routes(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct client client;

    prepare(&fixture);
    start(&fixture);
    client_open(&client, fixture.ports[0], "feed");
    expect(&client, "GET", "/nowhere", NULL, 404, "no such path");
    expect(&client, "GET", "/v1/cases", NULL, 403, "listener");
    expect(&client, "GET", "/%zz", NULL, 400, "well-formed");
    expect(&client, "POST", "/rid", "<x/>", 200, "<x/>");
    expect(&client, "GET", "/metrics", NULL, 200, "cirt_gate_requests_total{status=\"404\"} 1");
    struct reply reply = client_ask(&client, "PUT", "/rid", "", NULL, 0);
    assert_int_equal(reply.status, 405);
    assert_non_null(strstr(reply.head, "Allow: POST\r\n"));
    free(reply.body);
    expect(&client, "OPTIONS", "/rid", NULL, 405, NULL);
    expect(&client, "OPTIONS", "*", NULL, 405, NULL);
    expect(&client, "GET", "/healthz", NULL, 200, "{\"status\":\"ok\"}");
    expect(&client, "BREW", "/", NULL, 501, NULL);
    assert_false(client_fill(&client)); /* what cannot be understood ends the connection */
    client_close(&client);

    client_open(&client, fixture.ports[2], "feed");
    expect(&client, "POST", "/", "<x/>", 200, "<x/>");
    reply = client_ask(&client, "GET", "/", "", NULL, 0);
    assert_int_equal(reply.status, 204);
    assert_null(strstr(reply.head, "Content-Length"));
    free(reply.body);
    reply = client_ask(&client, "HEAD", "/", "", NULL, 0);
    assert_int_equal(reply.status, 204);
    free(reply.body);
    expect(&client, "POST", "/rid", NULL, 404, NULL);
    expect(&client, "GET", "/v1/cases", NULL, 404, NULL);
    expect(&client, "DELETE", "/", NULL, 405, NULL);
    client_close(&client);
    stop(&fixture);
}

static void clients_without_certificate(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct client client;

    prepare(&fixture);
    start(&fixture);
    for (int i = 0; i < 2; i++) {
        client_open(&client, fixture.ports[i], NULL);
        expect(&client, "GET", "/healthz", NULL, 200, "ok");
        expect(&client, "GET", i ? "/v1/cases" : "/v1/reports/r1", NULL, 403, "a client certificate is needed");
        expect(&client, "GET", "/nowhere", NULL, 403, "a client certificate is needed");
        expect(&client, "GET", "/metrics", NULL, 200, "cirt_gate_connections 1");
        client_close(&client);
    }
    client_open(&client, fixture.ports[2], NULL);
    expect(&client, "GET", "/", NULL, 403, "a client certificate is needed");
    client_close(&client);
    stop(&fixture);
}

static void bad_certificates(void **state)
{
    UNUSED(state);
    static const char *const names[] = {"stranger", "expired", "revoked"};
    struct fixture fixture;
    struct client client;

    prepare(&fixture);
    start(&fixture);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        client_open(&client, fixture.ports[1], names[i]);
        client_text(&client, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_false(client_fill(&client));
        assert_int_equal(client.result, MTLS_FAILED); /* the alert, not a reset */
        assert_non_null(strstr(client.tls.reason, "alert"));
        client_close(&client);
    }
    client_open(&client, fixture.ports[0], "feed");
    expect(&client, "GET", "/metrics", NULL, 200, "cirt_gate_handshakes_failed_total 3\n");
    client_close(&client);
    stop(&fixture);
}

static void smuggled_requests_are_refused(void **state)
{
    UNUSED(state);
    static const char stream[] =
        "POST " REPORTS
        " HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    struct fixture fixture;
    struct client client;

    prepare(&fixture);
    start(&fixture);
    client_open(&client, fixture.ports[0], "feed");
    client_send(&client, stream, sizeof stream - 1);
    struct reply reply = client_receive(&client, true);
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.head, "Connection: close"));
    free(reply.body);
    assert_int_equal(client_receive(&client, true).status, 0); /* and nothing else */
    client_close(&client);
    stop(&fixture);
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* With Nagle's algorithm on the gate's side each of these waits 40 ms for the client's delayed acknowledgement. */
static void answers_do_not_wait_for_acknowledgements(void **state)
{
    UNUSED(state);
    enum { COUNT = 50 };
    struct fixture fixture;
    struct client client;
    int64_t times[COUNT];
    static char body[800];

    prepare(&fixture);
    start(&fixture);
    client_open(&client, fixture.ports[0], "feed");
    memset(body, 'x', sizeof body);
    for (int i = 0; i < COUNT; i++) {
        int64_t before = timestamp_now();
        struct reply reply = client_ask(&client, "POST", REPORTS, "", body, sizeof body);
        times[i] = timestamp_now() - before;
        assert_int_equal(reply.status, 200);
        free(reply.body);
    }
    qsort(times, COUNT, sizeof *times, compare_times);
    assert_true(times[COUNT / 2] < 20000); /* microseconds; usually 100 to 200 */
    client_close(&client);
    stop(&fixture);
}

static void stops_after_the_last_answer(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct client client, idle;
    int status;

    prepare(&fixture);
    start(&fixture);
    client_open(&client, fixture.ports[0], "feed");
    client_open(&idle, fixture.ports[0], "feed");
    expect(&idle, "POST", REPORTS, "x", 200, "x");
    client_text(&client, "POST " REPORTS "?name=slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    usleep(100 * 1000);
    kill(fixture.gate, SIGTERM);
    assert_false(client_fill(&idle));
    assert_int_equal(connect_tcp(fixture.ports[0]), -1);
    struct reply reply = client_receive(&client, true);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.head, "Connection: close"));
    free(reply.body);
    client_close(&client);
    client_close(&idle);
    assert_int_equal(waitpid(fixture.gate, &status, 0), fixture.gate);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    stop_process(fixture.intake, SIGKILL);
    stop_process(fixture.desk, SIGKILL);
}

static bool is_served(int port, const char *name)
{
    struct client client;
    client_open(&client, port, name);
    struct reply reply = client_ask(&client, "POST", REPORTS, "", "x", 1);
    free(reply.body);
    client_close(&client);
    return reply.status == 200;
}

static void reload_takes_new_files_and_keeps_connections(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct client client;

    pki_crl(dir, "ca", "reload", 99, PKI_DAY);
    prepare(&fixture);
    for (size_t i = 0; i < fixture.config.listener_count; i++)
        fixture.config.listeners[i].tls.crl_path = in_dir("reload.crl");
    start(&fixture);
    client_open(&client, fixture.ports[0], "feed");
    expect(&client, "POST", REPORTS, "x", 200, "x");
    assert_true(is_served(fixture.ports[0], "feed"));

    pki_crl(dir, "ca", "reload", 10, PKI_DAY); /* revokes "feed" */
    kill(fixture.gate, SIGHUP);
    int64_t until = timestamp_monotonic_ms() + 5000;
    while (is_served(fixture.ports[0], "feed") && timestamp_monotonic_ms() < until)
        usleep(10000);
    assert_false(is_served(fixture.ports[0], "feed"));
    assert_true(is_served(fixture.ports[1], "analyst"));
    expect(&client, "POST", REPORTS, "x", 200, "x");

    FILE *file = fopen(in_dir("reload.crl"), "we"); /* a broken file changes nothing */
    assert_non_null(file);
    fclose(file);
    kill(fixture.gate, SIGHUP);
    usleep(100 * 1000);
    assert_true(is_served(fixture.ports[1], "analyst"));
    client_close(&client);
    stop(&fixture);
}

static void bad_settings_are_told_at_once(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct err err;

    prepare(&fixture);
    fixture.config.listeners[1].tls.key_path = in_dir("nowhere.key");
    assert_false(gate_run(&fixture.config, &err));
    assert_non_null(strstr(err.text, "listener analysts"));
    assert_non_null(strstr(err.text, "nowhere.key"));
    prepare(&fixture);
    fixture.config.listeners[0].address = "not an address";
    assert_false(gate_run(&fixture.config, &err));
    assert_int_equal(err.code, ERR_INPUT);
    prepare(&fixture);
    fixture.config.spool_dir = in_dir("nowhere");
    assert_false(gate_run(&fixture.config, &err));
    assert_int_equal(err.code, ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_reach_the_worker),     cmocka_unit_test(large_bodies_go_by_descriptor),
        cmocka_unit_test(chunks_and_pipelines),          cmocka_unit_test(routes),
        cmocka_unit_test(clients_without_certificate),   cmocka_unit_test(bad_certificates),
        cmocka_unit_test(smuggled_requests_are_refused), cmocka_unit_test(answers_do_not_wait_for_acknowledgements),
        cmocka_unit_test(stops_after_the_last_answer),   cmocka_unit_test(reload_takes_new_files_and_keeps_connections),
        cmocka_unit_test(bad_settings_are_told_at_once),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
