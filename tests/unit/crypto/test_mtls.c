#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../support/pki.h"
#include "../../support/tls_client.h"
#include "crypto/mtls.h"

static char dir[] = "/tmp/cirt-mtls-XXXXXX";

static int make_certificates(void **state)
{
    UNUSED(state);
    if (!mkdtemp(dir))
        return -1;
    pki_issue(dir, NULL, "ca", PKI_CA, 1, -PKI_DAY, PKI_DAY);
    pki_issue(dir, NULL, "other-ca", PKI_CA, 1, -PKI_DAY, PKI_DAY);
    pki_issue(dir, "ca", "gate", PKI_SERVER, 2, -PKI_DAY, PKI_DAY);
    pki_issue(dir, "ca", "client", PKI_CLIENT, 3, -PKI_DAY, PKI_DAY);
    pki_issue(dir, "ca", "revoked", PKI_CLIENT, 4, -PKI_DAY, PKI_DAY);
    pki_issue(dir, "ca", "expired", PKI_CLIENT, 5, -2 * PKI_DAY, -PKI_DAY);
    pki_issue(dir, "ca", "early", PKI_CLIENT, 6, PKI_DAY, 2 * PKI_DAY);
    pki_issue(dir, "other-ca", "stranger", PKI_CLIENT, 4, -PKI_DAY, PKI_DAY);
    pki_crl(dir, "ca", "ca", 4, PKI_DAY);
    pki_crl(dir, "ca", "stale", 4, -3600);
    return 0;
}

static int remove_certificates(void **state)
{
    UNUSED(state);
    char command[PKI_PATH_SIZE];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

struct paths {
    char certificate[PKI_PATH_SIZE], key[PKI_PATH_SIZE], ca[PKI_PATH_SIZE], crl[PKI_PATH_SIZE];
};

static struct mtls_settings settings_of(struct paths *paths, const char *name, const char *ca, const char *crl)
{
    struct mtls_settings settings = {.ca_path = pki_path(paths->ca, dir, ca, "crt")};
    if (name) {
        settings.certificate_path = pki_path(paths->certificate, dir, name, "crt");
        settings.key_path = pki_path(paths->key, dir, name, "key");
    }
    if (crl)
        settings.crl_path = pki_path(paths->crl, dir, crl, "crl");
    return settings;
}

struct pair {
    int fds[2];
    struct mtls_context *context;
    struct mtls_session *server;
    struct tls_client client;
    struct err server_err;
};

static void pair_open(struct pair *pair, const char *client, const char *server_ca, const char *crl, const char *host)
{
    struct paths paths;
    struct err err;
    struct mtls_settings settings = settings_of(&paths, "gate", server_ca, crl);

    assert_true(mtls_server_new(&settings, &pair->context, &err));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair->fds), 0);
    pair->server = mtls_accept(pair->context, pair->fds[0]);
    tls_client_open(&pair->client, pair->fds[1], pki_path(paths.ca, dir, "ca", "crt"),
                    client ? pki_path(paths.certificate, dir, client, "crt") : NULL,
                    client ? pki_path(paths.key, dir, client, "key") : NULL, host);
    err_clear(&pair->server_err);
}

static void pair_close(struct pair *pair)
{
    mtls_session_free(pair->server);
    mtls_context_free(pair->context);
    tls_client_close(&pair->client);
    close(pair->fds[0]);
    close(pair->fds[1]);
}

/* Turns both ends until the server has a verdict. */
static enum mtls_result shake(struct pair *pair)
{
    enum mtls_result server = MTLS_WANT_READ, client = MTLS_WANT_READ;

    for (int turn = 0; turn < 20 && (server == MTLS_WANT_READ || server == MTLS_WANT_WRITE); turn++) {
        if (client != MTLS_FAILED)
            client = tls_client_handshake(&pair->client);
        if (client == MTLS_FAILED)
            shutdown(pair->fds[1], SHUT_WR);
        server = mtls_handshake(pair->server, &pair->server_err);
    }
    return server;
}

static void client_is_known_by_its_key(void **state)
{
    UNUSED(state);
    struct pair pair;
    unsigned char seen[MTLS_KEY_SIZE], expected[MTLS_KEY_SIZE];
    char path[PKI_PATH_SIZE], text[16];
    size_t size;
    struct err err;

    pair_open(&pair, "client", "ca", "ca", "localhost");
    assert_int_equal(shake(&pair), MTLS_DONE);
    assert_true(mtls_peer_key_sha256(pair.server, seen));
    assert_true(mtls_file_key_sha256(pki_path(path, dir, "client", "crt"), expected, &err));
    assert_memory_equal(seen, expected, MTLS_KEY_SIZE);

    assert_int_equal(tls_client_write(&pair.client, "hello", 5, &size), MTLS_DONE);
    assert_int_equal(mtls_read(pair.server, text, sizeof text, &size, &err), MTLS_DONE);
    assert_int_equal(size, 5);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(mtls_read(pair.server, text, sizeof text, &size, &err), MTLS_WANT_READ);
    tls_client_close(&pair.client);
    assert_int_equal(mtls_read(pair.server, text, sizeof text, &size, &err), MTLS_CLOSED);
    pair_close(&pair);
}

static void client_without_certificate_has_no_key(void **state)
{
    UNUSED(state);
    struct pair pair;
    unsigned char key[MTLS_KEY_SIZE];

    pair_open(&pair, NULL, "ca", "ca", "127.0.0.1");
    assert_int_equal(shake(&pair), MTLS_DONE);
    assert_false(mtls_peer_key_sha256(pair.server, key));
    pair_close(&pair);
}

static void expect_refused(const char *client, const char *server_ca, const char *crl, const char *reason)
{
    struct pair pair;

    pair_open(&pair, client, server_ca, crl, NULL);
    assert_int_equal(shake(&pair), MTLS_FAILED);
    assert_int_equal(pair.server_err.code, ERR_DENIED);
    if (!strstr(pair.server_err.text, reason))
        fail_msg("\"%s\" does not say \"%s\"", pair.server_err.text, reason);
    pair_close(&pair);
}

static void bad_certificates_break_the_handshake(void **state)
{
    UNUSED(state);
    expect_refused("stranger", "ca", NULL, "issuer");
    expect_refused("expired", "ca", NULL, "expired");
    expect_refused("early", "ca", NULL, "not yet valid");
    expect_refused("revoked", "ca", "ca", "revoked");
    expect_refused("revoked", "ca", "stale", "revoked");
    expect_refused("gate", "ca", NULL, "purpose");
}

static void crl_lets_others_pass(void **state)
{
    UNUSED(state);
    struct pair pair;

    pair_open(&pair, "client", "ca", "stale", NULL);
    assert_non_null(strstr(mtls_context_warning(pair.context), "stale.crl"));
    assert_int_equal(shake(&pair), MTLS_DONE);
    pair_close(&pair);
    /* a second CA that has no CRL; its serial 4 is not the first CA's serial 4 */
    pair_open(&pair, "stranger", "other-ca", "ca", NULL);
    assert_string_equal(mtls_context_warning(pair.context), "");
    assert_int_equal(shake(&pair), MTLS_DONE);
    pair_close(&pair);
}

static void open_private_key_is_refused(void **state)
{
    UNUSED(state);
    struct paths paths;
    struct mtls_context *context;
    struct err err;
    struct mtls_settings settings = settings_of(&paths, "gate", "ca", NULL);

    for (mode_t bit = 1; bit <= 040; bit <<= 1) {
        chmod(paths.key, 0600 | bit);
        assert_false(mtls_server_new(&settings, &context, &err));
        assert_non_null(strstr(err.text, "chmod 600"));
    }
    chmod(paths.key, 0600);
    assert_true(mtls_server_new(&settings, &context, &err));
    mtls_context_free(context);
    settings.key_path = pki_path(paths.crl, dir, "client", "key");
    assert_false(mtls_server_new(&settings, &context, &err));
    settings.key_path = "/nowhere/x.key";
    assert_false(mtls_server_new(&settings, &context, &err));
    assert_non_null(strstr(err.text, "/nowhere/x.key"));
}

static void key_of_file_is_that_of_openssl(void **state)
{
    UNUSED(state);
    unsigned char a[MTLS_KEY_SIZE], b[MTLS_KEY_SIZE];
    char path[PKI_PATH_SIZE], key[PKI_PATH_SIZE];
    struct err err;

    pki_path(path, dir, "client", "crt");
    assert_true(mtls_file_key_sha256(path, a, &err));
    assert_false(mtls_file_key_sha256(pki_path(key, dir, "client", "key"), b, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_false(mtls_file_key_sha256("/nowhere/x.crt", b, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    /* the same as openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum */
    char command[3 * PKI_PATH_SIZE], hex[65] = "", own[65];
    snprintf(command, sizeof command, "openssl x509 -in '%s' -noout -pubkey | openssl pkey -pubin -outform der | sha256sum", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fread(hex, 1, 64, pipe), 64);
    pclose(pipe);
    for (int i = 0; i < MTLS_KEY_SIZE; i++)
        snprintf(own + 2 * i, 3, "%02x", a[i]);
    assert_string_equal(own, hex);
}

/* The files of `names`, one behind the other, are certificates and nothing else; or why not. */
static void expect_only_certificates(const char *const names[2], const char *why)
{
    char text[16 * 1024] = "Our partner's CA:\n", path[PKI_PATH_SIZE];
    struct err err = {0};
    for (size_t i = 0, size = strlen(text); i < 2 && names[i]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        size += fread(text + size, 1, sizeof text - size - 1, file);
        fclose(file);
    }
    assert_int_equal(mtls_only_certificates(text, &err), why == NULL);
    if (why)
        assert_non_null(strstr(err.text, why));
}

static void files_of_cas_hold_nothing_else(void **state)
{
    UNUSED(state);
    expect_only_certificates((const char *const[2]){"ca.crt"}, NULL);
    expect_only_certificates((const char *const[2]){"ca.crt", "other-ca.crt"}, NULL);
    expect_only_certificates((const char *const[2]){NULL}, "no PEM certificate");
    expect_only_certificates((const char *const[2]){"client.key"}, "private key");
    expect_only_certificates((const char *const[2]){"ca.crt", "client.key"}, "private key");
    expect_only_certificates((const char *const[2]){"ca.crt", "ca.crl"}, "block 2 of its 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_is_known_by_its_key),           cmocka_unit_test(client_without_certificate_has_no_key),
        cmocka_unit_test(bad_certificates_break_the_handshake), cmocka_unit_test(crl_lets_others_pass),
        cmocka_unit_test(open_private_key_is_refused),          cmocka_unit_test(key_of_file_is_that_of_openssl),
        cmocka_unit_test(files_of_cas_hold_nothing_else),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
