/* From the outbox to a peer: a small TLS server of the test's own answers well, badly, late or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "base/str.h"
#include "cirtd/config.h"
#include "support/cluster.h"
#include "support/pki.h"
#include "support/stage_child.h"

enum { REQUEST_MAX = 64 * 1024, ANSWER_HUGE = 100 * 1000 };

struct fixture {
    char dir[32];
    int listener;
    pid_t push, server;
};

/* --- the peer --- */

static size_t read_request(SSL *tls, char request[REQUEST_MAX])
{
    size_t size = 0, got = 0;
    while (size < REQUEST_MAX - 1 && SSL_read_ex(tls, request + size, REQUEST_MAX - 1 - size, &got)) {
        size += got;
        request[size] = '\0';
        const char *length = strstr(request, "Content-Length: "), *body = strstr(request, "\r\n\r\n");
        if (length && body && size >= (size_t)(body + 4 - request) + strtoul(length + strlen("Content-Length: "), NULL, 10))
            break;
    }
    return size;
}

/* answer: the whole HTTP answer; "": the connection is closed without a word. Each request is kept as the file "request". */
static void serve_one(const struct fixture *fixture, SSL_CTX *context, int connection, const char *answer)
{
    static char request[REQUEST_MAX];
    SSL *tls = SSL_new(context);
    SSL_set_fd(tls, connection);
    if (SSL_accept(tls) == 1) {
        size_t size = read_request(tls, request), done;
        char path[64];
        snprintf(path, sizeof path, "%s/request", fixture->dir);
        FILE *file = size ? fopen(path, "we") : NULL;
        if (file) {
            X509 *shown = SSL_get1_peer_certificate(tls);
            fprintf(file, "certificate: %s\n", shown ? "yes" : "no");
            X509_free(shown);
            fwrite(request, 1, size, file);
            fclose(file);
        }
        if (*answer && size)
            SSL_write_ex(tls, answer, strlen(answer), &done);
        SSL_shutdown(tls);
    }
    SSL_free(tls);
    close(connection);
}

static void server_start(struct fixture *fixture, const char *answer)
{
    char path[PKI_PATH_SIZE];
    snprintf(path, sizeof path, "%s/request", fixture->dir);
    unlink(path);
    fixture->server = fork();
    if (fixture->server)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    pki_must(SSL_CTX_use_certificate_file(context, pki_path(path, fixture->dir, "peer", "crt"), SSL_FILETYPE_PEM) == 1, path);
    pki_must(SSL_CTX_use_PrivateKey_file(context, pki_path(path, fixture->dir, "peer", "key"), SSL_FILETYPE_PEM) == 1, path);
    pki_must(SSL_CTX_load_verify_locations(context, pki_path(path, fixture->dir, "ourca", "crt"), NULL) == 1, path);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    for (;;) {
        int connection = accept(fixture->listener, NULL, NULL);
        if (connection >= 0)
            serve_one(fixture, context, connection, answer);
    }
}

static void server_stop(struct fixture *fixture)
{
    if (!fixture->server)
        return;
    kill(fixture->server, SIGKILL);
    waitpid(fixture->server, NULL, 0);
    fixture->server = 0;
}

/* The last request, "" for none; the caller's. */
static char *last_request(const struct fixture *fixture)
{
    char path[64], *text = NULL;
    struct err err;
    snprintf(path, sizeof path, "%s/request", fixture->dir);
    return config_read_file(path, &text, &err) ? text : mem_strdup("");
}

/* --- the outbox --- */

static long long ready(void)
{
    return cluster_number("SELECT test.ready('YY-CERT')");
}

static bool reaches(const char *wanted, const char *query, long long share)
{
    char text[300];
    snprintf(text, sizeof text, "%s %lld", query, share);
    return stage_child_reaches(text, wanted);
}

static void expect_state(long long share, const char *wanted)
{
    assert_true(reaches(wanted, "SELECT state FROM cirt.share WHERE id =", share));
}

/* Tried once, to be tried again, and nothing said to be done. */
static void expect_retry(long long share, const char *error_part)
{
    char query[200];
    assert_true(reaches(
        "t", "SELECT attempts > 0 AND error IS NOT NULL AND leased_until IS NULL AND not_before > now() FROM cirt.outbox WHERE share_id =",
        share));
    expect_state(share, "queued");
    snprintf(query, sizeof query, "SELECT error FROM cirt.outbox WHERE share_id = %lld", share);
    char *error = cluster_text(query);
    if (!strstr(error, error_part) || !strstr(error, "YY-CERT"))
        fail_msg("'%s' does not say '%s'", error, error_part);
    free(error);
}

static void try_now(void)
{
    cluster_execute("UPDATE cirt.outbox SET not_before = now(); SELECT pg_notify('cirt_push', '')");
}

static const char taken[] = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 8\r\n\r\nreceived";

static void a_document_is_delivered(void **state)
{
    struct fixture *fixture = *state;
    server_start(fixture, taken);
    long long share = ready();
    expect_state(share, "sent");
    char *request = last_request(fixture), wanted[64];
    assert_non_null(strstr(request, "certificate: yes"));
    assert_non_null(strstr(request, "POST / HTTP/1.1"));
    assert_non_null(strstr(request, "Content-Type: text/xml"));
    snprintf(wanted, sizeof wanted, "\r\n\r\ndocument of s%lld", share);
    if (!str_ends(request, wanted))
        fail_msg("%s", request);
    assert_true(reaches("200 received", "SELECT status || ' ' || convert_from(answer, 'UTF8') FROM cirt.delivery WHERE share_id =", share));
    assert_true(reaches("1", "SELECT count(*) FROM cirt.to_share WHERE kind = 'answer' AND share_id =", share));
    assert_true(reaches("0", "SELECT count(*) FROM cirt.outbox WHERE share_id =", share));
    assert_true(reaches("t", "SELECT sent IS NOT NULL FROM cirt.share WHERE id =", share));
    free(request);
}

static void trouble_is_tried_again(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *answer, *said;
    } troubles[] = {
        {"", ""},
        {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", "answered 503"},
        {"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", "answered 429"},
        {"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", "answered 408"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
        server_start(fixture, troubles[i].answer);
        long long share = ready();
        expect_retry(share, troubles[i].said);
        server_stop(fixture);
        server_start(fixture, taken);
        try_now();
        expect_state(share, "sent");
        assert_true(reaches("2", "SELECT count(*) FROM cirt.delivery WHERE share_id =", share));
        server_stop(fixture);
    }
}

static void a_refusal_is_final(void **state)
{
    struct fixture *fixture = *state;
    static const char *const refusals[] = {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
                                           "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"};
    static const char *const said[] = {"YY-CERT answered 404", "YY-CERT answered 302"};
    static const char *const to_read[] = {"1", "0"}; /* why, where it says so */
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        server_start(fixture, refusals[i]);
        long long share = ready();
        expect_state(share, "failed");
        assert_true(reaches(said[i], "SELECT error FROM cirt.share WHERE id =", share));
        assert_true(reaches("0", "SELECT count(*) FROM cirt.outbox WHERE share_id =", share));
        assert_true(reaches(to_read[i], "SELECT count(*) FROM cirt.to_share WHERE share_id =", share));
        server_stop(fixture);
    }
}

/* Who said that he has it gets it no second time, however much more he says, or fails to. */
static void an_answer_has_a_limit(void **state)
{
    struct fixture *fixture = *state;
    char *huge = mem_calloc(1, ANSWER_HUGE + 100);
    int head = sprintf(huge, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", ANSWER_HUGE);
    memset(huge + head, 'x', ANSWER_HUGE);
    server_start(fixture, huge);
    long long share = ready();
    expect_state(share, "sent");
    assert_true(reaches("65536", "SELECT sum(length(answer)) FROM cirt.delivery WHERE share_id =", share));
    assert_true(reaches("0", "SELECT count(*) FROM cirt.outbox WHERE share_id =", share));
    server_stop(fixture);
    free(huge);
    server_start(fixture, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\ncut short");
    share = ready();
    expect_state(share, "sent");
    assert_true(reaches("cut short", "SELECT convert_from(answer, 'UTF8') FROM cirt.delivery WHERE share_id =", share));
    server_stop(fixture);
    server_start(fixture, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000\r\n\r\ncut short");
    share = ready();
    expect_retry(share, "");
    server_stop(fixture);
    cluster_execute("DELETE FROM cirt.outbox");
}

/* The CA is right and the key is not one of the peer's: not a byte of the document leaves. Any one of several keys will do. */
static void the_pinned_key_decides(void **state)
{
    struct fixture *fixture = *state;
    cluster_execute("UPDATE cirt.registered_key SET key_sha256 = sha256(key_sha256) WHERE peer_id = test.peer_of('YY-CERT')");
    server_start(fixture, taken);
    long long share = ready();
    expect_retry(share, "");
    char *request = last_request(fixture);
    assert_string_equal(request, "");
    free(request);
    cluster_execute("INSERT INTO cirt.registered_key (key_sha256, peer_id) SELECT key, test.peer_of('YY-CERT') FROM test.peer_key");
    try_now();
    expect_state(share, "sent");
    cluster_execute("DELETE FROM cirt.registered_key WHERE peer_id = test.peer_of('YY-CERT')");
    share = ready();
    expect_retry(share, "registered key");
}

static void another_ca_is_refused(void **state)
{
    struct fixture *fixture = *state;
    cluster_execute("UPDATE cirt.peer SET ca = (SELECT other FROM test.peer_key) WHERE name = 'YY-CERT'");
    server_start(fixture, taken);
    long long share = ready();
    expect_retry(share, "");
    char *request = last_request(fixture);
    assert_string_equal(request, "");
    free(request);
}

/* A peer that is away holds up what waits for it, not what goes to others; the wait grows. */
static void a_peer_may_be_away(void **state)
{
    struct fixture *fixture = *state;
    cluster_execute("UPDATE cirt.peer SET rid_url = 'https://127.0.0.1:1/' WHERE name = 'YY-CERT'");
    long long share = ready();
    expect_retry(share, "refused");
    assert_true(reaches(
        "t", "SELECT not_before - now() BETWEEN interval '1 second' AND interval '6 seconds' FROM cirt.outbox WHERE share_id =", share));
    cluster_execute("UPDATE cirt.outbox SET attempts = 30");
    try_now();
    assert_true(reaches("t",
                        "SELECT attempts = 31 AND not_before - now() BETWEEN interval '40 minutes' AND interval '72 minutes' FROM "
                        "cirt.outbox WHERE share_id =",
                        share));
    cluster_execute("UPDATE cirt.peer SET rid_url = (SELECT url FROM test.peer_key) WHERE name = 'YY-CERT'");
    server_start(fixture, taken);
    long long later = ready(); /* an order made now is tried now, and wakes what waited */
    expect_state(later, "sent");
    expect_state(share, "sent");
}

static void a_disabled_peer_gets_nothing(void **state)
{
    struct fixture *fixture = *state;
    server_start(fixture, taken);
    long long share = cluster_number("BEGIN; CREATE TEMP TABLE s AS SELECT test.ready('YY-CERT') AS id;"
                                     "UPDATE cirt.peer SET enabled = false WHERE name = 'YY-CERT'; COMMIT; SELECT id FROM s");
    expect_state(share, "held");
    char *request = last_request(fixture);
    assert_string_equal(request, "");
    free(request);
    cluster_execute("UPDATE cirt.peer SET enabled = true WHERE name = 'YY-CERT'");
    expect_state(share, "sent");
}

static void an_ended_agreement_stops_it(void **state)
{
    struct fixture *fixture = *state;
    server_start(fixture, taken);
    long long share = cluster_number("BEGIN; CREATE TEMP TABLE s AS SELECT test.ready('YY-CERT') AS id;"
                                     "UPDATE cirt.agreement SET valid_until = now() WHERE id = 1; COMMIT; SELECT id FROM s");
    expect_state(share, "failed");
    assert_true(reaches("t", "SELECT error LIKE 'the agreement with YY-CERT ended%' FROM cirt.share WHERE id =", share));
    char *request = last_request(fixture);
    assert_string_equal(request, "");
    free(request);
}

/* Each is judged at the moment at which it goes, however many are due: what becomes of the second while the first is under way counts. */
static void each_is_judged_when_it_goes(void **state)
{
    UNUSED(state);
    char *claimed =
        cluster_text("BEGIN; DROP TABLE IF EXISTS test.claims; CREATE TABLE test.claims AS SELECT test.ready('YY-CERT') UNION SELECT "
                     "test.ready('ZZ-CERT');"
                     "CREATE TABLE test.one AS SELECT * FROM cirt.push_claim();"
                     "UPDATE cirt.agreement SET enabled = false WHERE peer_id <> test.peer_of((SELECT peer FROM test.one));"
                     "CREATE TABLE test.other AS SELECT * FROM cirt.push_claim();"
                     "UPDATE cirt.agreement SET enabled = true; DELETE FROM cirt.outbox; COMMIT;"
                     "SELECT concat_ws(' ', (SELECT count(*) FROM test.one), (SELECT count(*) FROM test.one WHERE stop IS NULL AND "
                     "document IS NOT NULL),"
                     " (SELECT count(*) FROM test.other), (SELECT count(*) FROM test.other WHERE stop = 'failed' AND document IS NULL"
                     " AND reason LIKE 'there is no agreement in force with%'))");
    assert_string_equal(claimed, "1 1 1 1");
    free(claimed);
}

/* A peer may be away for days: what became stricter meanwhile is not handed over when it comes back. */
static void what_was_narrowed_meanwhile_stays(void **state)
{
    struct fixture *fixture = *state;
    long long share = ready();
    expect_retry(share, "");
    cluster_execute("UPDATE cirt.incident_case SET tlp = 4 WHERE id = (SELECT max(case_id) FROM cirt.share)");
    server_start(fixture, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cluster_execute("UPDATE cirt.outbox SET not_before = now(); NOTIFY cirt_push");
    expect_state(share, "failed");
    assert_true(reaches("t", "SELECT error LIKE '%TLP:RED%' FROM cirt.share WHERE id =", share));
    char *request = last_request(fixture);
    assert_string_equal(request, "");
    free(request);
}

static void it_expires(void **state)
{
    struct fixture *fixture = *state;
    server_start(fixture, "");
    long long share = ready();
    expect_retry(share, "");
    cluster_execute("UPDATE cirt.outbox SET expires = now()");
    try_now();
    expect_state(share, "expired");
    assert_true(reaches("0", "SELECT count(*) FROM cirt.outbox WHERE share_id =", share));
    assert_true(reaches("t", "SELECT error LIKE 'not delivered within 14 days: YY-CERT%' FROM cirt.share WHERE id =", share));
}

/* --- the set-up --- */

static char *file_text(const struct fixture *fixture, const char *name)
{
    char path[PKI_PATH_SIZE], *text = NULL;
    struct err err;
    if (!config_read_file(pki_path(path, fixture->dir, name, "crt"), &text, &err))
        fail_msg("%s", err.text);
    return text;
}

static void key_of(const struct fixture *fixture, const char *name, char hex[2 * EVP_MAX_MD_SIZE + 1])
{
    EVP_PKEY *key;
    unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509 *certificate = pki_load(fixture->dir, name, &key);
    int length = i2d_PUBKEY(key, &der);
    pki_must(length > 0 && EVP_Digest(der, (size_t)length, digest, &size, EVP_sha256(), NULL), "digest");
    str_hex(digest, size, hex);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    X509_free(certificate);
}

static int listen_somewhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return listener;
}

static void register_peer(const struct fixture *fixture, int port)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1], *ca = file_text(fixture, "ca"), *other = file_text(fixture, "ourca");
    key_of(fixture, "peer", hex);
    char *sql =
        mem_printf("CREATE TABLE test.peer_key AS SELECT '\\x%s'::bytea AS key, 'https://127.0.0.1:%d/' AS url, '%s' AS ca, '%s' AS other;"
                   "INSERT INTO cirt.registered_key (key_sha256, peer_id) SELECT key, test.peer_of('YY-CERT') FROM test.peer_key;"
                   "UPDATE cirt.peer SET rid_url = k.url, ca = k.ca FROM test.peer_key k WHERE name = 'YY-CERT'",
                   hex, port, ca, other);
    cluster_execute(sql);
    free(sql);
    free(ca);
    free(other);
}

static int start(void **state)
{
    static struct fixture fixture = {.dir = "/tmp/cirt-push-XXXXXX"};
    struct err err;
    char *sql = NULL, config[200];
    int port;
    assert_non_null(mkdtemp(fixture.dir));
    pki_issue(fixture.dir, NULL, "ca", PKI_CA, 1, -PKI_DAY, PKI_DAY);
    pki_issue(fixture.dir, "ca", "peer", PKI_SERVER, 2, -PKI_DAY, PKI_DAY);
    pki_issue(fixture.dir, NULL, "ourca", PKI_CA, 1, -PKI_DAY, PKI_DAY);
    pki_issue(fixture.dir, "ourca", "push", PKI_CLIENT, 2, -PKI_DAY, PKI_DAY);
    if (!config_read_file(TEST_DATA "/share/fixture.sql", &sql, &err))
        fail_msg("%s", err.text);
    cluster_execute(sql);
    free(sql);
    fixture.listener = listen_somewhere(&port);
    register_peer(&fixture, port);
    snprintf(config, sizeof config, "push { cert = \"%s/push.crt\" key = \"%s/push.key\" }", fixture.dir, fixture.dir);
    fixture.push = stage_child_start("push", config);
    *state = &fixture;
    return 0;
}

/* After each test, however it ended. */
static int settle(void **state)
{
    server_stop(*state);
    cluster_execute("DELETE FROM cirt.outbox; DELETE FROM cirt.registered_key WHERE peer_id = test.peer_of('YY-CERT');"
                    "INSERT INTO cirt.registered_key (key_sha256, peer_id) SELECT key, test.peer_of('YY-CERT') FROM test.peer_key;"
                    "UPDATE cirt.peer SET enabled = true, rid_url = k.url, ca = k.ca FROM test.peer_key k WHERE name = 'YY-CERT';"
                    "UPDATE cirt.agreement SET valid_until = 'infinity'");
    return 0;
}

static int stop(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"ca.crt",   "ca.key",   "ourca.crt", "ourca.key", "peer.crt",
                                        "peer.key", "push.crt", "push.key",  "request"};
    bool ok = stage_child_stop(fixture->push);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", fixture->dir, names[i]);
        unlink(path);
    }
    rmdir(fixture->dir);
    return ok ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_document_is_delivered, settle),
        cmocka_unit_test_teardown(trouble_is_tried_again, settle),
        cmocka_unit_test_teardown(a_refusal_is_final, settle),
        cmocka_unit_test_teardown(an_answer_has_a_limit, settle),
        cmocka_unit_test_teardown(the_pinned_key_decides, settle),
        cmocka_unit_test_teardown(another_ca_is_refused, settle),
        cmocka_unit_test_teardown(a_peer_may_be_away, settle),
        cmocka_unit_test_teardown(a_disabled_peer_gets_nothing, settle),
        cmocka_unit_test_teardown(an_ended_agreement_stops_it, settle),
        cmocka_unit_test_teardown(it_expires, settle),
        cmocka_unit_test_teardown(what_was_narrowed_meanwhile_stays, settle),
        cmocka_unit_test_teardown(each_is_judged_when_it_goes, settle),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
