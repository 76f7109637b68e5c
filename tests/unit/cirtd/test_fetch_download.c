/* cirtd/stages/fetch_download against a server that hands its document over a few bytes at a time. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "base/timestamp.h"
#include "cirtd/stages/fetch_download.h"
#include "support/pki.h"

static struct {
    char dir[64], ca[PKI_PATH_SIZE], url[64];
    int told; /* a byte for each request */
    pid_t server;
} site;

/* A tenth of a second for every ten bytes. */
static void drip(SSL *ssl)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 100000\r\n\r\n";
    char request[4096];
    if (SSL_accept(ssl) != 1 || SSL_read(ssl, request, sizeof request) <= 0 || SSL_write(ssl, head, sizeof head - 1) <= 0)
        return;
    while (SSL_write(ssl, "0123456789", 10) == 10)
        usleep(100 * 1000);
}

static void run_server(int fd, int tell)
{
    char path[PKI_PATH_SIZE];
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX_use_certificate_chain_file(context, pki_path(path, site.dir, "server", "crt"));
    SSL_CTX_use_PrivateKey_file(context, pki_path(path, site.dir, "server", "key"), SSL_FILETYPE_PEM);
    for (;;) {
        int connection = accept(fd, NULL, NULL);
        SSL *ssl = SSL_new(context);
        if (write(tell, "", 1) != 1)
            _exit(1);
        SSL_set_fd(ssl, connection);
        drip(ssl);
        SSL_free(ssl);
        close(connection);
    }
}

static int setup(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int ends[2], fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)state;
    strcpy(site.dir, "/tmp/cirt-test-XXXXXX");
    assert_non_null(mkdtemp(site.dir));
    pki_issue(site.dir, NULL, "ca", PKI_CA, 1, -PKI_DAY, PKI_DAY);
    pki_issue(site.dir, "ca", "server", PKI_SERVER, 2, -PKI_DAY, PKI_DAY);
    pki_path(site.ca, site.dir, "ca", "crt");
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address) | listen(fd, 10) | pipe(ends), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(site.url, sizeof site.url, "https://127.0.0.1:%d/list.csv", ntohs(address.sin_port));
    site.server = fork();
    assert_true(site.server >= 0);
    if (site.server == 0)
        run_server(fd, ends[1]);
    site.told = ends[0];
    close(fd);
    close(ends[1]);
    return 0;
}

static int teardown(void **state)
{
    char command[100];
    (void)state;
    kill(site.server, SIGKILL);
    waitpid(site.server, NULL, 0);
    snprintf(command, sizeof command, "rm -r %s", site.dir);
    return system(command);
}

static struct fetch_download_order order(long slow_s)
{
    return (struct fetch_download_order){
        .settings = {.ca_file = site.ca, .connect_timeout_ms = 5000, .timeout_ms = 60000, .slow_s = slow_s, .answer_bytes_max = 1000},
        .url = site.url,
        .spool = site.dir,
        .name = "list",
        .size_max = 1000000};
}

static struct err fails(const struct fetch_download_order *order)
{
    struct fetch_download download;
    struct err err = {0};
    assert_false(fetch_download(order, &download, &err));
    fetch_download_clear(&download);
    return err;
}

/* It is given up, and not tried again at once although the rest could be asked for: others wait. */
static void a_slow_server_is_given_up(void **state)
{
    char requests[10];
    struct fetch_download_order slow = order(1);
    int64_t begun_ms = timestamp_monotonic_ms();
    (void)state;
    struct err err = fails(&slow);
    assert_int_equal(err.code, ERR_AGAIN);
    assert_true(timestamp_monotonic_ms() - begun_ms < 20000);
    assert_non_null(strstr(err.text, "too slow"));
    assert_int_equal(read(site.told, requests, sizeof requests), 1);
}

static bool until_it_has_begun(void *context)
{
    int *asked = context;
    return ++*asked < 2;
}

static void what_is_not_wanted_any_more_is_given_up(void **state)
{
    int asked = 0;
    struct fetch_download_order unwanted = order(0);
    (void)state;
    unwanted.is_wanted = until_it_has_begun;
    unwanted.context = &asked;
    assert_int_equal(fails(&unwanted).code, ERR_CONFLICT);
    assert_int_equal(asked, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_server_is_given_up),
        cmocka_unit_test(what_is_not_wanted_any_more_is_given_up),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
