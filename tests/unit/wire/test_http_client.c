/* wire/http_client: what is refused before a byte is sent, and how a dead end is told. TLS itself is tested by the flow tests. */
#include <arpa/inet.h>
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

#include "wire/http_client.h"

static void make_file(char *path, mode_t mode)
{
    int fd;

    strcpy(path, "/tmp/cirt-test-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static struct http_client_settings settings_with(const char *ca, const char *key)
{
    return (struct http_client_settings){
        .ca_file = ca, .cert_file = key, .key_file = key, .connect_timeout_ms = 2000, .timeout_ms = 2000, .answer_bytes_max = 1000};
}

static void a_key_others_may_read_is_refused(void **state)
{
    char ca[32], key[32];
    struct http_client_settings settings;
    struct http_client *client = NULL;
    struct err err;

    (void)state;
    make_file(ca, 0644);
    make_file(key, 0640);
    settings = settings_with(ca, key);
    assert_false(http_client_open(&settings, &client, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "may be read by others"));
    assert_int_equal(chmod(key, 0600), 0);
    assert_true(http_client_open(&settings, &client, &err));
    http_client_close(client);
    unlink(ca);
    unlink(key);
}

static void missing_settings_are_refused(void **state)
{
    struct http_client_settings none = {0}, half = {.ca_pem = "x", .cert_file = "/nonexistent"},
                                absent = settings_with("/nonexistent/ca", NULL);
    struct http_client *client = NULL;
    struct err err;

    (void)state;
    assert_false(http_client_open(&none, &client, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_false(http_client_open(&half, &client, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_false(http_client_open(&absent, &client, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "/nonexistent/ca"));
}

/* A port of the loopback on which nobody listens: bound, never listening. */
static int dead_port(int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    *fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static enum err_code code_of(const char *url)
{
    char ca[32];
    struct http_client_settings settings;
    struct http_client_request request = {.method = "GET", .url = url, .body_fd = -1, .output_fd = -1};
    struct http_client_answer answer;
    struct http_client *client = NULL;
    struct err err = {0};

    make_file(ca, 0644);
    settings = settings_with(ca, NULL);
    assert_true(http_client_open(&settings, &client, &err));
    assert_false(http_client_send(client, &request, &answer, &err));
    http_client_answer_clear(&answer);
    http_client_close(client);
    unlink(ca);
    return err.code;
}

static void nobody_listening_is_again(void **state)
{
    char url[64];
    int fd;

    (void)state;
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", dead_port(&fd));
    assert_int_equal(code_of(url), ERR_AGAIN);
    close(fd);
}

static void only_https_is_spoken(void **state)
{
    (void)state;
    assert_int_equal(code_of("http://127.0.0.1/"), ERR_INPUT);
    assert_int_equal(code_of("file:///etc/passwd"), ERR_INPUT);
}

static void escaping_leaves_only_unreserved(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_true(http_client_add_escaped(&out, "a-Z_0.~ /?&=+%\xc3\xa9"));
    assert_string_equal(buf_text(&out), "a-Z_0.~%20%2F%3F%26%3D%2B%25%C3%A9");
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_others_may_read_is_refused), cmocka_unit_test(missing_settings_are_refused),
        cmocka_unit_test(nobody_listening_is_again),        cmocka_unit_test(only_https_is_spoken),
        cmocka_unit_test(escaping_leaves_only_unreserved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
