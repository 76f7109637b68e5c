/* cirtd/stages/fetch_download against a server that hands its document over a few bytes at a time, or in parts that do not fit. */
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

enum { LENGTH = 2000, BROKEN_AT = 500 };

/* A tenth of a second for every ten bytes. */
static void drip(SSL *ssl)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 100000\r\n\r\n";
    if (SSL_write(ssl, head, sizeof head - 1) <= 0)
        return;
    while (SSL_write(ssl, "0123456789", 10) == 10)
        usleep(100 * 1000);
}

/* Bytes first to last, both included, of the version whose ETag is that letter; broken off after `size` of them. */
static void give(SSL *ssl, int status, char version, int first, int last, int size)
{
    char bytes[LENGTH], head[300], range[100] = "";
    memset(bytes, version, sizeof bytes);
    if (status == 206)
        snprintf(range, sizeof range, "Content-Range: bytes %d-%d/%d\r\n", first, last, LENGTH);
    snprintf(head, sizeof head, "HTTP/1.1 %d x\r\nETag: \"%c\"\r\n%sConnection: close\r\nContent-Length: %d\r\n\r\n", status, version,
             range, last - first + 1);
    SSL_write(ssl, head, (int)strlen(head));
    if (size > 0)
        SSL_write(ssl, bytes, size);
}

/* The first answer breaks off; what comes of the rest depends on the path. */
static void serve(SSL *ssl)
{
    static const char later[] = "HTTP/1.1 503 x\r\nDate: Wed, 01 Jan 2020 00:00:00 GMT\r\nRetry-After: Wed, 01 Jan 2020 00:00:20 GMT\r\n"
                                "Connection: close\r\nContent-Length: 0\r\n\r\n";
    static bool has_changed; /* the rest was asked for */
    char request[4096] = "", path[100] = "";
    int first = 0;
    if (SSL_accept(ssl) != 1 || SSL_read(ssl, request, sizeof request - 1) <= 0 || sscanf(request, "GET %99s", path) != 1)
        return;
    const char *range = strstr(request, "Range: bytes=");
    if (range)
        first = atoi(range + strlen("Range: bytes="));
    bool is_changed = has_changed && strcmp(path, "/changed") == 0;
    has_changed = range && strcmp(path, "/changed") == 0;
    if (strcmp(path, "/list.csv") == 0)
        drip(ssl);
    else if (strcmp(path, "/later") == 0)
        SSL_write(ssl, later, sizeof later - 1);
    else if (strcmp(path, "/unasked") == 0)
        give(ssl, 206, 'a', 0, 599, 600);
    else if (strcmp(path, "/unasked-whole") == 0)
        give(ssl, 206, 'a', 0, LENGTH - 1, LENGTH);
    else if (!range && is_changed)
        give(ssl, 200, 'b', 0, LENGTH - 1, LENGTH);
    else if (!range)
        give(ssl, 200, 'a', 0, LENGTH - 1, BROKEN_AT);
    else if (strcmp(path, "/changed") == 0)
        give(ssl, 206, 'b', first, LENGTH - 1, LENGTH - first);
    else if (strcmp(path, "/emptied") == 0)
        give(ssl, 200, 'c', 0, -1, 0);
    else if (strcmp(path, "/parts") == 0)
        give(ssl, 206, 'a', first, first + 599 < LENGTH ? first + 599 : LENGTH - 1, first + 599 < LENGTH ? 600 : LENGTH - first);
    else
        give(ssl, 206, 'a', 0, 599, 600);
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
        serve(ssl);
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

static struct fetch_download_order order_of(const char *path, char url[100])
{
    struct fetch_download_order of = order(0);
    snprintf(url, 100, "%.*s%s", (int)(strrchr(site.url, '/') - site.url), site.url, path);
    of.url = url;
    return of;
}

static void brings(const char *path, char version, size_t length)
{
    char url[100], bytes[LENGTH + 1], wanted[LENGTH];
    struct fetch_download_order of = order_of(path, url);
    struct fetch_download download;
    struct err err = {0};
    memset(wanted, version, sizeof wanted);
    if (!fetch_download(&of, &download, &err))
        fail_msg("%s: %s", path, err.text);
    assert_int_equal(pread(download.fd, bytes, sizeof bytes, 0), length);
    assert_memory_equal(bytes, wanted, length);
    fetch_download_clear(&download);
}

static void what_is_not_of_one_version_is_not_joined(void **state)
{
    (void)state;
    brings("/changed", 'b', LENGTH);
    brings("/emptied", 'c', 0);
}

static void the_rest_of_a_part_is_asked_for(void **state)
{
    (void)state;
    brings("/parts", 'a', LENGTH);
}

static void a_part_is_not_the_whole(void **state)
{
    char url[100];
    struct fetch_download_order unasked = order_of("/unasked", url);
    (void)state;
    assert_non_null(strstr(fails(&unasked).text, "206 with a part"));
    brings("/unasked-whole", 'a', LENGTH);
    struct fetch_download_order elsewhere = order_of("/elsewhere", url);
    assert_non_null(strstr(fails(&elsewhere).text, "another part"));
}

/* Its clock is years behind. */
static void a_date_is_the_servers(void **state)
{
    char url[100];
    struct fetch_download_order later = order_of("/later", url);
    struct fetch_download download;
    struct err err = {0};
    (void)state;
    assert_true(fetch_download(&later, &download, &err));
    assert_int_equal(download.retry_after_s, 20);
    fetch_download_clear(&download);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_server_is_given_up),
        cmocka_unit_test(what_is_not_wanted_any_more_is_given_up),
        cmocka_unit_test(what_is_not_of_one_version_is_not_joined),
        cmocka_unit_test(the_rest_of_a_part_is_asked_for),
        cmocka_unit_test(a_part_is_not_the_whole),
        cmocka_unit_test(a_date_is_the_servers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
