/* The gate with workers that die or hang, slow clients, too many of them, and too long bodies. */
#include "../../support/gate_fixture.h"

static void dead_workers(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct client client;
    struct reply reply;

    prepare(&fixture);
    start(&fixture);
    client_open(&client, fixture.ports[0], "feed");
    reply = client_ask(&client, "POST", REPORTS "?name=die", "", "x", 1);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.head, "Retry-After: "));
    free(reply.body);
    int64_t until = timestamp_monotonic_ms() + 5000;
    do { /* the toy worker takes connections again at once */
        reply = client_ask(&client, "POST", REPORTS, "", "y", 1);
        free(reply.body);
    } while (reply.status == 503 && timestamp_monotonic_ms() < until);
    assert_int_equal(reply.status, 200);

    stop_process(fixture.intake, SIGKILL);
    fixture.intake = 0;
    unlink(in_dir("intake.sock"));
    do
        usleep(1000);
    while ((reply = client_ask(&client, "GET", "/healthz", "", NULL, 0), free(reply.body), reply.status) == 200 &&
           timestamp_monotonic_ms() < until);
    assert_int_equal(reply.status, 503);
    client_close(&client);
    client_open(&client, fixture.ports[1], "analyst");
    expect(&client, "GET", "/v1/cases", NULL, 200, NULL); /* the desk is another worker */
    /* told before the body is sent */
    reply = client_ask(&client, "POST", REPORTS, "Expect: 100-continue\r\nContent-Length: 5\r\n", NULL, 0);
    assert_int_equal(reply.status, 503);
    free(reply.body);
    client_close(&client);

    fixture.intake = start_worker(in_dir("intake.sock"));
    client_open(&client, fixture.ports[0], "feed");
    until = timestamp_monotonic_ms() + 5000;
    do {
        reply = client_ask(&client, "GET", "/healthz", "", NULL, 0);
        free(reply.body);
    } while (reply.status == 503 && timestamp_monotonic_ms() < until);
    assert_int_equal(reply.status, 200);
    expect(&client, "POST", REPORTS "?name=broken", "x", 500, NULL);
    client_close(&client);
    stop(&fixture);
}

static void hanging_workers(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct client clients[3];

    prepare(&fixture);
    fixture.config.limits.worker_ms = 600;
    fixture.config.limits.requests_max = 2;
    fixture.config.limits.requests_per_address_max = 2;
    start(&fixture);
    for (int i = 0; i < 3; i++)
        client_open(&clients[i], fixture.ports[0], "feed");
    for (int i = 0; i < 2; i++) {
        client_text(&clients[i], "POST " REPORTS "?name=hang HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
        do { /* until it is under way */
            struct reply reply = client_ask(&clients[2], "GET", "/metrics", "", NULL, 0);
            bool is_there = strstr(reply.body, i ? "requests_in_flight 2\n" : "requests_in_flight 1\n");
            free(reply.body);
            if (is_there)
                break;
        } while (true);
    }
    expect(&clients[2], "POST", REPORTS, "x", 429, "this address");
    for (int i = 0; i < 2; i++) {
        struct reply reply = client_receive(&clients[i], true);
        assert_int_equal(reply.status, 503);
        assert_non_null(strstr(reply.body, "in time"));
        free(reply.body);
    }
    /* The worker still holds both: it takes no third. */
    expect(&clients[2], "POST", REPORTS, "x", 503, "too many requests");
    for (int i = 0; i < 3; i++)
        client_close(&clients[i]);
    stop(&fixture);
}

static void slow_clients_are_cut(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct client client;
    struct reply reply;

    prepare(&fixture);
    fixture.config.limits.handshake_ms = fixture.config.limits.head_ms = fixture.config.limits.body_grace_ms = 300;
    fixture.config.limits.idle_ms = 700;
    fixture.config.limits.body_rate_min = 1000;
    start(&fixture);

    int silent = connect_tcp(fixture.ports[0]);
    char byte;
    assert_int_equal(recv(silent, &byte, 1, 0), 0); /* no handshake */
    close(silent);

    client_open(&client, fixture.ports[0], "feed");
    for (int i = 0; i < 100 && poll(&(struct pollfd){.fd = client.fd, .events = POLLIN}, 1, 20) == 0; i++)
        client_text(&client, i ? "X" : "GET / HTTP/1.1\r\n"); /* a head that never ends */
    reply = client_receive(&client, true);
    assert_int_equal(reply.status, 408);
    free(reply.body);
    assert_false(client_fill(&client));
    client_close(&client);

    client_open(&client, fixture.ports[0], "feed");
    client_text(&client, "POST " REPORTS " HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 100 && poll(&(struct pollfd){.fd = client.fd, .events = POLLIN}, 1, 20) == 0; i++)
        client_text(&client, "x"); /* 50 bytes a second */
    reply = client_receive(&client, true);
    assert_int_equal(reply.status, 408);
    free(reply.body);
    client_close(&client);

    client_open(&client, fixture.ports[0], "feed");
    client_text(&client, "POST " REPORTS " HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 10; i++) { /* quick enough, though longer than the grace */
        char part[100];
        memset(part, 'x', sizeof part);
        usleep(40000);
        client_send(&client, part, sizeof part);
    }
    reply = client_receive(&client, true);
    assert_int_equal(reply.status, 200);
    free(reply.body);
    int64_t before = timestamp_monotonic_ms();
    assert_false(client_fill(&client)); /* idle too long */
    assert_true(timestamp_monotonic_ms() - before >= 500);
    assert_int_equal(client.result, MTLS_CLOSED);
    client_close(&client);
    stop(&fixture);
}

static void connections_are_limited(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct client clients[3];
    char byte;

    for (int total = 0; total < 2; total++) {
        prepare(&fixture);
        *(total ? &fixture.config.limits.connections_max : &fixture.config.limits.connections_per_address_max) = 3;
        start(&fixture);
        for (int i = 0; i < 3; i++) {
            client_open(&clients[i], fixture.ports[0], "feed");
            expect(&clients[i], "POST", REPORTS, "x", 200, "x");
        }
        int fourth = connect_tcp(fixture.ports[1]);
        assert_true(recv(fourth, &byte, 1, 0) <= 0); /* closed before a byte of TLS */
        close(fourth);
        expect(&clients[0], "POST", REPORTS, "x", 200, "x");
        client_close(&clients[1]);
        int64_t until = timestamp_monotonic_ms() + 5000;
        do { /* its place is free once the gate has seen the end */
            client_open(&clients[1], fixture.ports[0], "feed");
            if (clients[1].result == MTLS_DONE)
                break;
            client_close(&clients[1]);
        } while (timestamp_monotonic_ms() < until);
        expect(&clients[1], "POST", REPORTS, "x", 200, "x");
        for (int i = 0; i < 3; i++)
            client_close(&clients[i]);
        stop(&fixture);
    }
}

/* Held, never finished: they keep nobody out. Those that have only just come keep their places, as in a burst of good clients. */
static void handshakes_give_way(void **state)
{
    enum { HELD = 3 };
    UNUSED(state);
    struct fixture fixture;
    struct client inside, client;
    int held[HELD], now;
    char byte;

    prepare(&fixture);
    fixture.config.limits.handshakes_max = HELD;
    fixture.config.limits.handshake_crowded_ms = 600;
    start(&fixture);
    client_open(&inside, fixture.ports[0], "feed");
    expect(&inside, "POST", REPORTS, "x", 200, "x");
    for (int i = 0; i < HELD; i++) {
        held[i] = connect_tcp(fixture.ports[i]);
        assert_int_equal(send(held[i], "\x16\x03\x01", 3, 0), 3);
    }
    usleep(50 * 1000);
    now = connect_tcp(fixture.ports[0]);
    assert_true(recv(now, &byte, 1, 0) <= 0);
    close(now);
    usleep(600 * 1000);
    for (int i = 0; i < HELD; i++) {
        client_open(&client, fixture.ports[0], "feed");
        expect(&client, "POST", REPORTS, "x", 200, "x");
        client_close(&client);
    }
    /* Only as many as had to, the oldest first. */
    assert_true(recv(held[0], &byte, 1, 0) <= 0);
    for (int i = 1; i < HELD; i++)
        assert_int_equal(recv(held[i], &byte, 1, MSG_DONTWAIT), -1);
    expect(&inside, "POST", REPORTS, "x", 200, "x");
    for (int i = 0; i < HELD; i++)
        close(held[i]);
    client_close(&inside);
    stop(&fixture);
}

/* Who has most of the places gives way at once, to whoever has fewer; nobody has to give way to one that has as many. */
static void handshakes_are_shared_by_address(void **state)
{
    enum { HELD = 4 };
    UNUSED(state);
    struct fixture fixture;
    struct client client;
    int held[HELD], others[2], fifth;
    char byte;

    prepare(&fixture);
    fixture.config.limits.handshakes_max = HELD;
    fixture.config.limits.handshake_crowded_ms = 60000;
    start(&fixture);
    for (int i = 0; i < HELD; i++)
        held[i] = connect_tcp_from(i < 3 ? 2 : 3, fixture.ports[0]);
    client_open(&client, fixture.ports[0], "feed");
    expect(&client, "POST", REPORTS, "x", 200, "x");
    assert_true(recv(held[0], &byte, 1, 0) <= 0);
    for (int i = 1; i < HELD; i++)
        assert_int_equal(recv(held[i], &byte, 1, MSG_DONTWAIT), -1);
    /* 127.0.0.2 has two and 127.0.0.3 one, of four: the next of 3 finds a place, the one after it has to go without. */
    others[0] = connect_tcp_from(3, fixture.ports[0]);
    fifth = connect_tcp_from(2, fixture.ports[0]);
    assert_true(recv(fifth, &byte, 1, 0) <= 0);
    close(fifth);
    fifth = connect_tcp_from(3, fixture.ports[0]);
    assert_true(recv(fifth, &byte, 1, 0) <= 0);
    close(fifth);
    /* One who has none yet comes in, in the place of the oldest of those with most. */
    others[1] = connect_tcp_from(4, fixture.ports[0]);
    assert_true(recv(held[1], &byte, 1, 0) <= 0);
    assert_int_equal(recv(held[2], &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(recv(others[1], &byte, 1, MSG_DONTWAIT), -1);
    for (int i = 0; i < HELD; i++)
        close(held[i]);
    for (int i = 0; i < 2; i++)
        close(others[i]);
    client_close(&client);
    stop(&fixture);
}

static void bodies_are_limited(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct client client;

    prepare(&fixture);
    fixture.config.limits.body_max = 10;
    fixture.config.limits.desk_body_max = 5;
    start(&fixture);
    client_open(&client, fixture.ports[1], "analyst");
    expect(&client, "POST", REPORTS, "0123456789", 200, "0123456789");
    expect(&client, "POST", REPORTS, "0123456789a", 413, NULL);
    client_close(&client);
    client_open(&client, fixture.ports[1], "analyst");
    expect(&client, "POST", "/v1/cases", "12345", 200, NULL);
    expect(&client, "POST", "/v1/cases", "123456", 413, NULL);
    client_close(&client);
    client_open(&client, fixture.ports[0], "feed");
    client_text(&client, "POST " REPORTS " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n");
    struct reply reply = client_receive(&client, true);
    assert_int_equal(reply.status, 413);
    free(reply.body);
    client_close(&client);
    stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_workers),         cmocka_unit_test(hanging_workers),
        cmocka_unit_test(slow_clients_are_cut), cmocka_unit_test(connections_are_limited),
        cmocka_unit_test(handshakes_give_way),  cmocka_unit_test(handshakes_are_shared_by_address),
        cmocka_unit_test(bodies_are_limited),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
