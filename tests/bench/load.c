/*
 * tests/bench/load.c - sends distinct native reports over kept-alive mutual-TLS connections, one POST in flight on each, and prints one
 * JSON object of what was acknowledged and how fast. One thread, documents made before the clock starts, so that it costs the server under
 * test little of the same two cores.
 *
 *   load --port N --ca FILE --cert FILE --key FILE --mode single|lines [--connections 64] [--documents N] [--body 1000] [--seed N]
 * [--seconds N]
 *
 * --seconds: begin no request after so long, and take refusals as they come: the server is to be offered too much.
 * single: a document a request. lines: NDJSON, --body documents a request. The clock stops at the last acknowledgement.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

enum { CONNECTIONS_MAX = 1024, ANSWER_MAX = 1024 * 1024, DOCUMENT_MAX = 2048 };

struct options {
    int port, connections, documents, body, seconds;
    unsigned seed;
    bool is_lines;
    const char *ca, *cert, *key;
};

/* A request as it goes over the wire. */
struct request {
    char *bytes;
    size_t size;
    int documents;
};

struct connection {
    SSL *ssl;
    int fd;
    const struct request *request; /* in flight, or NULL */
    size_t sent;
    char *answer; /* ANSWER_MAX + 1 */
    size_t received;
    double started;
};

struct load {
    struct options options;
    struct request *requests;
    int request_count, next, done;
    struct connection connections[CONNECTIONS_MAX];
    double *latencies;                       /* ms, one a request */
    long acknowledged, refused, retry_after; /* documents; retry_after: refused with 429 or 503 and a time to come again */
    double deadline;                         /* begin nothing after this; 0: send all */
    double last;
    int epoll_fd;
};

__attribute__((format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (!memory)
        die("out of memory");
    return memory;
}

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* --- documents --- */

/* Some 600 bytes, all different. Addresses from 198.18.0.0/15, the network that RFC 2544 sets aside for benchmarks: 512 networks of /24. */
static size_t make_document(char out[DOCUMENT_MAX], unsigned seed, int number)
{
    static const char *const classes[] = {"malicious-code/infected-system", "malicious-code/c2-server", "fraud/phishing",
                                          "information-gathering/scanner"};
    unsigned n = (unsigned)number, mixed = (n + seed) * 2654435761u;
    int size = snprintf(
        out, DOCUMENT_MAX,
        "{\"description\":\"Sensor %u of the test network saw a host talk to an address on the list of known command servers\","
        "\"class\":\"%s\",\"time\":\"2026-11-%02uT%02u:%02u:%02uZ\",\"reference\":\"B%u-%u\","
        "\"observations\":[{\"time\":\"2026-11-%02uT%02u:%02u:%02uZ\",\"class\":\"%s\",\"count\":%u,"
        "\"description\":\"Connection with a pattern of the family that fills this text up to the length of an average row\","
        "\"source\":{\"ip\":\"198.%u.%u.%u\",\"port\":%u},"
        "\"target\":{\"%s\":\"%shost-%u-%u.bench.example%s\",\"port\":%u}}]}",
        mixed % 97, classes[mixed >> 8 & 3], 1 + n % 20, n / 7 % 24, n / 11 % 60, n % 60, seed, n, 1 + n % 20, n / 7 % 24, n / 11 % 60,
        n % 60, classes[mixed >> 8 & 3], 1 + n % 9, 18 + (mixed >> 10 & 1), mixed >> 11 & 255, mixed >> 19 & 255, 1024 + n % 60000,
        n & 1 ? "url" : "domain", n & 1 ? "http://" : "", seed, n, n & 1 ? "/gate.php?id=1" : "", n & 1 ? 80 : 53);
    if (size < 0 || size >= DOCUMENT_MAX)
        die("a document is too long");
    return (size_t)size;
}

static struct request make_request(const struct options *options, int first, int count)
{
    char document[DOCUMENT_MAX], head[256];
    char *body = allocate((size_t)count * DOCUMENT_MAX);
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        size_t length = make_document(document, options->seed, first + i);
        memcpy(body + size, document, length);
        size += length;
        if (options->is_lines)
            body[size++] = '\n';
    }
    int head_size = snprintf(
        head, sizeof head, "POST /v1/reports HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/%s\r\nContent-Length: %zu\r\n\r\n",
        options->port, options->is_lines ? "x-ndjson" : "json", size);
    struct request request = {.bytes = allocate((size_t)head_size + size), .size = (size_t)head_size + size, .documents = count};
    memcpy(request.bytes, head, (size_t)head_size);
    memcpy(request.bytes + head_size, body, size);
    free(body);
    return request;
}

static void make_requests(struct load *load)
{
    const struct options *options = &load->options;
    int each = options->is_lines ? options->body : 1;
    load->request_count = (options->documents + each - 1) / each;
    load->requests = allocate((size_t)load->request_count * sizeof *load->requests);
    load->latencies = allocate((size_t)load->request_count * sizeof *load->latencies);
    for (int i = 0; i < load->request_count; i++) {
        int left = options->documents - i * each;
        load->requests[i] = make_request(options, i * each, left < each ? left : each);
    }
}

/* --- connections --- */

static SSL_CTX *make_context(const struct options *options)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_load_verify_locations(context, options->ca, NULL) != 1 ||
        SSL_CTX_use_certificate_chain_file(context, options->cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, options->key, SSL_FILETYPE_PEM) != 1)
        die("certificate, key or CA cannot be used");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

static void connect_one(struct load *load, struct connection *connection, SSL_CTX *context)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)load->options.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("port %d: %s", load->options.port, strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    connection->ssl = SSL_new(context);
    SSL_set_fd(connection->ssl, connection->fd);
    if (SSL_connect(connection->ssl) != 1)
        die("handshake failed");
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    connection->answer = allocate(ANSWER_MAX + 1);
    /* Writability is rarely waited for: edge-triggered, both are asked for once. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        die("epoll: %s", strerror(errno));
}

/* --- answers --- */

/* The whole answer's size once its head is there; 0 before. */
static size_t answer_size(struct connection *connection)
{
    connection->answer[connection->received] = '\0';
    const char *end = strstr(connection->answer, "\r\n\r\n");
    const char *length = strcasestr(connection->answer, "\r\ncontent-length:");
    if (!end)
        return 0;
    if (!length || length > end)
        die("an answer without Content-Length");
    return (size_t)(end + 4 - connection->answer) + strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
}

static int count_text(const char *text, const char *word)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        count++;
    return count;
}

static void count_answer(struct load *load, struct connection *connection)
{
    int status = atoi(connection->answer + strlen("HTTP/1.1 "));
    int good = status / 100 != 2 ? 0 : load->options.is_lines ? count_text(connection->answer, "\"status\":20") : 1;
    bool is_honest = (status == 429 || status == 503) && strcasestr(connection->answer, "\r\nretry-after:");
    if (good < connection->request->documents && load->refused == 0 && load->deadline == 0)
        fprintf(stderr, "load: the first refusal: %.400s\n", connection->answer);
    load->acknowledged += good;
    load->refused += connection->request->documents - good;
    load->retry_after += is_honest ? connection->request->documents : 0;
    load->last = now_ms();
    load->latencies[load->done++] = load->last - connection->started;
    connection->request = NULL;
}

/* --- the loop --- */

/* False where the socket must be waited for. */
static bool is_again(struct connection *connection, int result)
{
    int error = SSL_get_error(connection->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        die("the server closed a connection (%d)", error);
    return false;
}

static bool send_more(struct connection *connection)
{
    const struct request *request = connection->request;
    while (connection->sent < request->size) {
        int n = SSL_write(connection->ssl, request->bytes + connection->sent, (int)(request->size - connection->sent));
        if (n <= 0)
            return is_again(connection, n);
        connection->sent += (size_t)n;
    }
    return true;
}

static bool receive_more(struct connection *connection)
{
    do {
        int n = SSL_read(connection->ssl, connection->answer + connection->received, (int)(ANSWER_MAX - connection->received));
        if (n <= 0)
            return is_again(connection, n);
        connection->received += (size_t)n;
    } while (answer_size(connection) == 0 || connection->received < answer_size(connection));
    return true;
}

static void start_next(struct load *load, struct connection *connection)
{
    connection->request = &load->requests[load->next++];
    connection->sent = connection->received = 0;
    connection->started = now_ms();
}

static void drive(struct load *load, struct connection *connection)
{
    for (;;) {
        if (!connection->request) {
            if (load->next == load->request_count || (load->deadline > 0 && now_ms() > load->deadline))
                return;
            start_next(load, connection);
        }
        if (!send_more(connection) || !receive_more(connection))
            return;
        count_answer(load, connection);
    }
}

static void run(struct load *load)
{
    struct epoll_event events[CONNECTIONS_MAX];
    for (int i = 0; i < load->options.connections; i++)
        drive(load, &load->connections[i]);
    while (load->done < (load->deadline > 0 && now_ms() > load->deadline ? load->next : load->request_count)) {
        int count = epoll_wait(load->epoll_fd, events, CONNECTIONS_MAX, 60000);
        if (count == 0)
            die("no answer for 60 s; %d of %d requests are done", load->done, load->request_count);
        for (int i = 0; i < count; i++)
            drive(load, events[i].data.ptr);
    }
}

/* --- result --- */

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_result(struct load *load, double started)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    double seconds = (load->last - started) / 1e3;
    long offered = load->acknowledged + load->refused;
    qsort(load->latencies, (size_t)load->done, sizeof *load->latencies, compare);
    printf("{\"mode\":\"%s\",\"connections\":%d,\"documents\":%ld,\"acknowledged\":%ld,\"refused\":%ld,\"retry_after\":%ld,\"seconds\":%."
           "3f,\"rate\":%.0f,"
           "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"client_cpu_us\":%.1f}\n",
           load->options.is_lines ? "lines" : "single", load->options.connections, offered, load->acknowledged, load->refused,
           load->retry_after, seconds, (double)load->acknowledged / seconds, load->latencies[load->done / 2],
           load->latencies[load->done * 99 / 100], cpu / (double)offered);
}

static void read_options(int argc, char **argv, struct options *options)
{
    enum { PORT, CA, CERT, KEY, MODE, CONNECTIONS, DOCUMENTS, BODY, SEED, SECONDS };
    static const struct option names[] = {{"port", 1, NULL, PORT},
                                          {"ca", 1, NULL, CA},
                                          {"cert", 1, NULL, CERT},
                                          {"key", 1, NULL, KEY},
                                          {"mode", 1, NULL, MODE},
                                          {"connections", 1, NULL, CONNECTIONS},
                                          {"documents", 1, NULL, DOCUMENTS},
                                          {"body", 1, NULL, BODY},
                                          {"seed", 1, NULL, SEED},
                                          {"seconds", 1, NULL, SECONDS},
                                          {NULL, 0, NULL, 0}};
    *options = (struct options){.connections = 64, .documents = 10000, .body = 1000, .seed = 1};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (option == CA)
            options->ca = optarg;
        else if (option == CERT)
            options->cert = optarg;
        else if (option == KEY)
            options->key = optarg;
        else if (option == MODE)
            options->is_lines = strcmp(optarg, "lines") == 0;
        else if (option == '?')
            die("see the head of tests/bench/load.c");
        else
            *(option == PORT          ? &options->port
              : option == CONNECTIONS ? &options->connections
              : option == DOCUMENTS   ? &options->documents
              : option == BODY        ? &options->body
              : option == SECONDS     ? &options->seconds
                                      : (int *)&options->seed) = atoi(optarg);
    }
    if (!options->ca || !options->cert || !options->key || options->port <= 0 || options->documents <= 0 || options->body <= 0 ||
        options->connections <= 0 || options->connections > CONNECTIONS_MAX)
        die("needs --port, --ca, --cert, --key");
}

int main(int argc, char **argv)
{
    static struct load load;
    read_options(argc, argv, &load.options);
    make_requests(&load);
    load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    SSL_CTX *context = make_context(&load.options);
    for (int i = 0; i < load.options.connections; i++)
        connect_one(&load, &load.connections[i], context);
    double started = now_ms();
    load.deadline = load.options.seconds ? started + load.options.seconds * 1e3 : 0;
    run(&load);
    print_result(&load, started);
    return load.refused == 0 ? 0 : 1;
}
