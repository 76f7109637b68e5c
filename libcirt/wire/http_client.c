#include "wire/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum { REFUSAL_WAIT_MS = 1000, REFUSAL_STEP_MS = 50, RETRY_AFTER_MAX_S = 366 * 86400 };

struct http_client {
    CURL *curl;
    struct http_client_settings settings;
    char trouble[CURL_ERROR_SIZE];
};

/* What the callbacks of one request need. */
struct exchange {
    CURL *curl;
    const struct http_client_request *request;
    struct http_client_answer *answer;
    off_t offset;
    bool too_large, write_failed, was_stopped;
    bool has_head;   /* the answer's head was read already */
    struct err *err; /* of on_body */
};

static bool is_readable(const char *path, const char *what, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_set(err, ERR_INPUT, "%s %s cannot be read: %s", what, path, strerror(errno));
    close(fd);
    return true;
}

static bool key_is_private(const char *path, struct err *err)
{
    struct stat status;

    if (!is_readable(path, "private key", err))
        return false;
    if (stat(path, &status) != 0)
        return err_set(err, ERR_INPUT, "private key %s cannot be read: %s", path, strerror(errno));
    if (status.st_mode & (S_IRWXG | S_IRWXO))
        return err_set(err, ERR_INPUT, "private key %s may be read by others (mode %04o): chmod 600 %s", path,
                       (unsigned)status.st_mode & 07777, path);
    return true;
}

static bool check_files(const struct http_client_settings *settings, struct err *err)
{
    if (settings->ca_file && !is_readable(settings->ca_file, "CA file", err))
        return false;
    if (settings->cert_file && !is_readable(settings->cert_file, "certificate", err))
        return false;
    return !settings->key_file || key_is_private(settings->key_file, err);
}

static size_t on_read(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    ssize_t got;

    do
        got = pread(exchange->request->body_fd, bytes, size * count, exchange->offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return CURL_READFUNC_ABORT;
    exchange->offset += got;
    return (size_t)got;
}

static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct exchange *exchange = context;

    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_FAIL;
    exchange->offset = offset;
    return CURL_SEEKFUNC_OK;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, bytes, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes += done;
        size -= (size_t)done;
    }
    return true;
}

static void read_head(const struct exchange *exchange);

static size_t on_write(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    long status = 0;

    size *= count;
    curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->request->on_body && status / 100 == 2) {
        if (!exchange->has_head)
            read_head(exchange);
        exchange->has_head = true;
        exchange->was_stopped = !exchange->request->on_body(exchange->request->context, exchange->answer, bytes, size, exchange->err);
        return exchange->was_stopped ? 0 : size;
    }
    if (exchange->request->output_fd >= 0 && status / 100 == 2) {
        exchange->write_failed = !write_all(exchange->request->output_fd, bytes, size);
        return exchange->write_failed ? 0 : size;
    }
    exchange->too_large = !buf_add(&exchange->answer->body, bytes, size);
    return exchange->too_large ? 0 : size;
}

static int on_transfer(void *context, curl_off_t total_down, curl_off_t down, curl_off_t total, curl_off_t sent)
{
    struct exchange *exchange = context;

    UNUSED(total_down);
    UNUSED(down);
    if (exchange->request->on_progress)
        exchange->request->on_progress(exchange->request->context, sent, total);
    return exchange->request->should_stop && exchange->request->should_stop(exchange->request->context);
}

/* What stays the same for every request of a client. */
static void set_up(struct http_client *client)
{
    const struct http_client_settings *settings = &client->settings;
    CURL *curl = client->curl;

    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->trouble);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "cirt/" CIRT_VERSION);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, settings->connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, settings->timeout_ms);
    if (settings->timeout_ms == 0) {
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 600L);
    }
    if (settings->slow_s > 0) {
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_CLIENT_SLOW);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, settings->slow_s);
    }
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!settings->uses_system_ca)
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    if (settings->ca_pem) {
        struct curl_blob blob = {(void *)settings->ca_pem, strlen(settings->ca_pem), CURL_BLOB_COPY};
        curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
    } else if (!settings->uses_system_ca) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca_file);
    }
    if (settings->cert_file) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, settings->cert_file);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, settings->key_file);
    }
}

/* curl takes pins as "sha256//" and base64, with semicolons between. */
static void add_pin(struct buf *text, const unsigned char *pin)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    buf_add_text(text, text->size ? ";sha256//" : "sha256//");
    for (size_t i = 0; i < HTTP_CLIENT_PIN_SIZE; i += 3) {
        bool is_last = i + 2 >= HTTP_CLIENT_PIN_SIZE; /* 32 bytes: the last group holds two */
        unsigned bits = (unsigned)pin[i] << 16 | (unsigned)pin[i + 1] << 8 | (is_last ? 0u : pin[i + 2]);
        for (int shift = 18; shift >= 0; shift -= 6)
            buf_add_char(text, is_last && shift == 0 ? '=' : digits[bits >> shift & 63]);
    }
}

static void set_pins(CURL *curl, const struct http_client_settings *settings)
{
    struct buf text;
    size_t count = settings->pin_count ? settings->pin_count : 1;

    buf_init(&text, count * 64);
    for (size_t i = 0; i < count; i++)
        add_pin(&text, settings->pin + i * HTTP_CLIENT_PIN_SIZE);
    curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, buf_text(&text));
    buf_clear(&text);
}

bool http_client_open(const struct http_client_settings *settings, struct http_client **out, struct err *err)
{
    struct http_client *client;

    if (!settings->ca_file && !settings->ca_pem && !settings->uses_system_ca)
        return err_set(err, ERR_INPUT, "no CA is given");
    if (!settings->cert_file != !settings->key_file)
        return err_set(err, ERR_INPUT, "a certificate and its private key go together");
    if (!check_files(settings, err))
        return false;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return err_set(err, ERR_INTERNAL, "curl cannot be initialised");
    client = mem_calloc(1, sizeof *client);
    client->settings = *settings;
    client->curl = curl_easy_init();
    if (!client->curl) {
        http_client_close(client);
        return err_set(err, ERR_INTERNAL, "curl cannot be initialised");
    }
    set_up(client);
    if (settings->pin)
        set_pins(client->curl, settings);
    *out = client;
    return true;
}

void http_client_close(struct http_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    curl_global_cleanup();
    free(client);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char *line;

    if (!value)
        return list;
    line = mem_printf("%s: %s", name, value);
    list = curl_slist_append(list, line);
    free(line);
    return list;
}

static struct curl_slist *headers_of(const struct http_client_request *request)
{
    struct curl_slist *list = add_header(NULL, "Accept", request->accept ? request->accept : "application/json");

    list = add_header(list, "Content-Type", request->content_type);
    list = add_header(list, "Content-Encoding", request->content_encoding);
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        list = curl_slist_append(list, request->headers[i]);
    return add_header(list, "If-Match", request->if_match);
}

static void set_body(CURL *curl, const struct http_client_request *request, struct exchange *exchange)
{
    bool from_file = request->body_fd >= 0;
    bool has_body = from_file || request->body || strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0;

    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
    if (!has_body) {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
        if (!from_file)
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? (const char *)request->body : "");
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, from_file ? on_read : NULL);
        curl_easy_setopt(curl, CURLOPT_READDATA, from_file ? exchange : NULL);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, from_file ? on_seek : NULL);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, exchange);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(request->method, "HEAD") == 0 ? 1L : 0L);
}

static void set_progress(CURL *curl, const struct http_client_request *request, struct exchange *exchange)
{
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, request->on_progress || request->should_stop ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
}

/* An alert of theirs, or our own refusal of their certificate, against a connection that merely broke. */
static bool is_refusal(CURLcode code, const char *trouble)
{
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_ISSUER_ERROR:
        return true;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return strstr(trouble, "alert") != NULL;
    default:
        return false;
    }
}

/* What a person can use of curl's words: the system's for a connection, OpenSSL's own for TLS. */
static const char *reason(const struct http_client *client, CURLcode code, char text[CURL_ERROR_SIZE])
{
    const char *routine = strstr(client->trouble, "routines::");
    long number = 0;

    if (code == CURLE_COULDNT_CONNECT && curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number) == CURLE_OK && number > 0)
        return strerror((int)number);
    if (!routine)
        return client->trouble[0] ? client->trouble : curl_easy_strerror(code);
    snprintf(text, CURL_ERROR_SIZE, "%s", routine + strlen("routines::"));
    text[strcspn(text, ",")] = '\0';
    if (strstr(text, "wrong version number") && strlen(text) < CURL_ERROR_SIZE / 2)
        strcat(text, ": the server does not speak TLS there");
    return text;
}

/* Notes an alert of the other side that is more than a goodbye; text is curl's trace line. */
static int on_trace(CURL *curl, curl_infotype type, char *text, size_t size, void *context)
{
    static const char mark[] = "(IN), TLS alert, ";
    /* What curl and OpenSSL 3.0 have no word for: alert 116 of RFC 8446. */
    static const char certificate_required[] = "unknown (628)";
    char *trouble = context;
    const char *at = type == CURLINFO_TEXT ? memmem(text, size, mark, sizeof mark - 1) : NULL;

    UNUSED(curl);
    if (at && !memmem(text, size, "close notify", strlen("close notify"))) {
        at += sizeof mark - 1;
        if (memmem(text, size, certificate_required, sizeof certificate_required - 1))
            at = "certificate required";
        snprintf(trouble, CURL_ERROR_SIZE, "alert %.*s", (int)strcspn(at, ":\n"), at);
    }
    return 0;
}

/* Waits for the first read of a new connection, where TLS 1.3 tells a refusal. */
static void read_first(CURL *probe, const char *trouble)
{
    curl_socket_t socket = CURL_SOCKET_BAD;
    char byte;
    size_t got;

    if (curl_easy_getinfo(probe, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK || socket == CURL_SOCKET_BAD)
        return;
    for (int waited = 0; waited < REFUSAL_WAIT_MS && !*trouble; waited += REFUSAL_STEP_MS) {
        struct pollfd wait = {.fd = socket, .events = POLLIN};
        poll(&wait, 1, REFUSAL_STEP_MS);
        if (curl_easy_recv(probe, &byte, 1, &got) != CURLE_AGAIN)
            return;
    }
}

/*
 * A connection that broke without a word may have been refused: the alert is lost where the other end had closed before our request
 * was written. A second connection that says nothing tells which it was; the request is not said again. True: trouble holds why.
 */
static bool was_refused(struct http_client *client, CURLcode code, char trouble[CURL_ERROR_SIZE])
{
    CURL *probe;

    trouble[0] = '\0';
    if (code != CURLE_SSL_CONNECT_ERROR && code != CURLE_RECV_ERROR && code != CURLE_SEND_ERROR && code != CURLE_GOT_NOTHING)
        return false;
    probe = curl_easy_duphandle(client->curl);
    if (!probe)
        return false;
    curl_easy_setopt(probe, CURLOPT_ERRORBUFFER, NULL); /* why the request failed is still to be told */
    curl_easy_setopt(probe, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(probe, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(probe, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(probe, CURLOPT_TIMEOUT_MS, client->settings.connect_timeout_ms);
    curl_easy_setopt(probe, CURLOPT_DEBUGFUNCTION, on_trace);
    curl_easy_setopt(probe, CURLOPT_DEBUGDATA, trouble);
    curl_easy_setopt(probe, CURLOPT_VERBOSE, 1L);
    if (curl_easy_perform(probe) == CURLE_OK)
        read_first(probe, trouble);
    curl_easy_cleanup(probe);
    return trouble[0] != '\0';
}

/* What libcurl 7.88 says of a header line beyond its 100 KiB is that it has no memory; where it has none, nothing has come yet. */
static bool is_header_line_too_long(CURL *curl, CURLcode code)
{
    curl_off_t began = 0;
    return code == CURLE_OUT_OF_MEMORY && curl_easy_getinfo(curl, CURLINFO_STARTTRANSFER_TIME_T, &began) == CURLE_OK && began > 0;
}

static bool failed(struct http_client *client, CURLcode code, const struct exchange *exchange, struct err *err)
{
    char text[CURL_ERROR_SIZE], alert[CURL_ERROR_SIZE];
    const char *why = reason(client, code, text);

    exchange->answer->was_too_slow = code == CURLE_OPERATION_TIMEDOUT;
    if (exchange->was_stopped)
        return false; /* on_body said why */
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return err_set(err, ERR_AGAIN, "given up");
    if (exchange->too_large)
        return err_set(err, ERR_LIMIT, "the answer is larger than %zu bytes", client->settings.answer_bytes_max);
    if (is_header_line_too_long(client->curl, code))
        return err_set(err, ERR_LIMIT, "a header line of the answer is longer than 100 KiB");
    if (exchange->write_failed)
        return err_set(err, ERR_INTERNAL, "the answer cannot be written: %s", strerror(errno));
    if (is_refusal(code, why))
        return err_set(err, ERR_DENIED, "%s", why);
    if (was_refused(client, code, alert))
        return err_set(err, ERR_DENIED, "%s", alert);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
        return err_set(err, ERR_AGAIN, "%s", why);
    case CURLE_SSL_CERTPROBLEM:
        return err_set(err, ERR_INPUT, "certificate %s and private key %s do not belong together, or one of them is no PEM file",
                       client->settings.cert_file, client->settings.key_file);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, ERR_INPUT, "%s", why);
    default:
        return err_set(err, ERR_INTERNAL, "%s", why);
    }
}

static void copy_header(CURL *curl, const char *name, char *out, size_t size)
{
    struct curl_header *header;

    if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK && strlen(header->value) < size)
        strcpy(out, header->value);
}

static long retry_after(CURL *curl)
{
    char text[64] = "", sent[64] = "";
    char *end;
    copy_header(curl, "Retry-After", text, sizeof text);
    copy_header(curl, "Date", sent, sizeof sent);
    long seconds = strtol(text, &end, 10);
    if (end == text || *end) {
        /* By the clock of the other end, which may go wrong. */
        time_t date = *text ? curl_getdate(text, NULL) : -1, now = *sent ? curl_getdate(sent, NULL) : -1;
        now = now < 0 ? time(NULL) : now;
        seconds = date < 0 ? -1 : date > now ? (long)(date - now) : 0;
    }
    return seconds < 0 ? -1 : seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
}

static void read_head(const struct exchange *exchange)
{
    struct http_client_answer *answer = exchange->answer;
    CURL *curl = exchange->curl;
    long status = 0;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    copy_header(curl, "Location", answer->location, sizeof answer->location);
    copy_header(curl, "Content-Type", answer->content_type, sizeof answer->content_type);
    answer->content_type[strcspn(answer->content_type, "; ")] = '\0';
    for (char *c = answer->content_type; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    answer->retry_after_s = retry_after(curl);
    for (size_t i = 0; i < exchange->request->wanted_count; i++) {
        const struct http_client_wanted *wanted = &exchange->request->wanted[i];
        wanted->value[0] = '\0';
        copy_header(curl, wanted->name, wanted->value, wanted->size);
    }
}

bool http_client_send(struct http_client *client, const struct http_client_request *request, struct http_client_answer *answer,
                      struct err *err)
{
    struct exchange exchange = {.curl = client->curl, .request = request, .answer = answer, .err = err};
    struct curl_slist *headers = headers_of(request);
    CURLcode code;

    memset(answer, 0, sizeof *answer);
    answer->retry_after_s = -1;
    buf_init(&answer->body, client->settings.answer_bytes_max);
    client->trouble[0] = '\0';
    curl_easy_setopt(client->curl, CURLOPT_URL, request->url);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &exchange);
    set_body(client->curl, request, &exchange);
    set_progress(client->curl, request, &exchange);
    code = curl_easy_perform(client->curl);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return failed(client, code, &exchange, err);
    read_head(&exchange);
    return true;
}

void http_client_answer_clear(struct http_client_answer *answer)
{
    buf_clear(&answer->body);
}

bool http_client_redirect(char *url, const char *location, size_t size, struct err *err)
{
    static const CURLUPart same[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    CURLU *from = curl_url(), *to = curl_url();
    char *text = NULL;
    bool ok = from && to && curl_url_set(from, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_set(to, CURLUPART_URL, url, 0) == CURLUE_OK && curl_url_set(to, CURLUPART_URL, location, 0) == CURLUE_OK &&
              curl_url_get(to, CURLUPART_URL, &text, 0) == CURLUE_OK && strlen(text) < size;

    if (!ok)
        err_set(err, ERR_INPUT, "it redirects to nowhere");
    for (size_t i = 0; ok && i < ARRAY_SIZE(same); i++) {
        char *a = NULL, *b = NULL;
        curl_url_get(from, same[i], &a, CURLU_DEFAULT_PORT);
        curl_url_get(to, same[i], &b, CURLU_DEFAULT_PORT);
        if (!a || !b || strcasecmp(a, b) != 0)
            ok = err_set(err, ERR_DENIED, "it redirects to another place: %.200s", text);
        curl_free(a);
        curl_free(b);
    }
    if (ok)
        strcpy(url, text);
    curl_free(text);
    curl_url_cleanup(from);
    curl_url_cleanup(to);
    return ok;
}

bool http_client_add_escaped(struct buf *out, const char *text)
{
    bool all = true;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        all = (plain ? buf_add_char(out, (char)c) : buf_printf(out, "%%%02X", c)) && all;
    }
    return all;
}
