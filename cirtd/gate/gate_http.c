#include "cirtd/gate/gate_http.h"

#include <string.h>
#include <strings.h>

#include <http_parser.h>

#include "wire/message.h"

enum { REST_CAPACITY_MAX = 2048 };

enum phase {
    PHASE_HEAD,
    PHASE_LENGTH,    /* `left` bytes of a body with Content-Length */
    PHASE_SIZE,      /* hexadecimal digits of a chunk's size */
    PHASE_EXTENSION, /* behind them, up to the end of the line */
    PHASE_SIZE_LF,
    PHASE_DATA,
    PHASE_DATA_CR,
    PHASE_DATA_LF,
    PHASE_TRAILER, /* lines behind the last chunk, thrown away */
    PHASE_TRAILER_LF,
    PHASE_DONE,
    PHASE_BAD
};

/* What one head says, while http-parser goes through it. */
struct parse {
    struct gate_http *http;
    const char *name;
    size_t name_size;
    unsigned headers, hosts, lengths, codings;
    bool is_complete;
    int status;
    const char *detail;
    unsigned short major, minor;
    unsigned method;
    char *target;
    size_t target_size;
};

void gate_http_init(struct gate_http *http)
{
    *http = (struct gate_http){.phase = PHASE_HEAD};
    buf_init(&http->text, GATE_HTTP_HEAD_MAX);
}

void gate_http_clear(struct gate_http *http)
{
    buf_clear(&http->text);
}

bool gate_http_is_between(const struct gate_http *http)
{
    return http->phase == PHASE_HEAD && http->text.size == 0;
}

static enum gate_http_event bad(struct gate_http *http, int status, const char *detail)
{
    http->phase = PHASE_BAD;
    http->status = status;
    http->detail = detail;
    return GATE_HTTP_BAD;
}

static int refuse(struct parse *parse, int status, const char *detail)
{
    if (!parse->status) {
        parse->status = status;
        parse->detail = detail;
    }
    return -1;
}

static int on_url(http_parser *parser, const char *at, size_t size)
{
    struct parse *parse = parser->data;

    if (size > GATE_HTTP_TARGET_MAX)
        return refuse(parse, 414, "the request target is longer than 4 KiB");
    for (size_t i = 0; i < size; i++)
        if (at[i] <= ' ' || at[i] > '~' || at[i] == '#')
            return refuse(parse, 400, "the request target holds a byte that must be percent-encoded");
    /* The parser only borrowed what is the gate's own buffer: it may be cut with NULs once the parser is through. */
    parse->target = parse->http->text.bytes + (at - parse->http->text.bytes);
    parse->target_size = size;
    return 0;
}

static int on_header_field(http_parser *parser, const char *at, size_t size)
{
    struct parse *parse = parser->data;

    if (++parse->headers > GATE_HTTP_HEADERS_MAX)
        return refuse(parse, 431, "there are more than 100 header fields");
    /* Debian builds http-parser without its strict checks: it takes a name with a blank in it, even before the colon. */
    for (size_t i = 0; i < size; i++)
        if (at[i] <= ' ' || at[i] > '~' || strchr("\"(),/:;<=>?@[\\]{}", at[i]))
            return refuse(parse, 400, "a header field name holds a byte that is not allowed there");
    parse->name = at;
    parse->name_size = size;
    return 0;
}

static bool is_named(const struct parse *parse, const char *name)
{
    return strlen(name) == parse->name_size && strncasecmp(parse->name, name, parse->name_size) == 0;
}

static bool is_word(const char *at, size_t size, const char *word)
{
    return size == strlen(word) && strncasecmp(at, word, size) == 0;
}

static int take_length(struct parse *parse, const char *at, size_t size)
{
    uint64_t length = 0;

    if (++parse->lengths > 1 || size == 0 || size > 18)
        return refuse(parse, 400, "Content-Length is not one number");
    for (size_t i = 0; i < size; i++) {
        if (at[i] < '0' || at[i] > '9')
            return refuse(parse, 400, "Content-Length is not one number");
        length = length * 10 + (uint64_t)(at[i] - '0');
    }
    parse->http->head.content_length = length;
    return 0;
}

static int take_coding(struct parse *parse, const char *at, size_t size)
{
    if (++parse->codings > 1 || !is_word(at, size, "chunked"))
        return refuse(parse, 501, "the only transfer coding served here is chunked");
    parse->http->head.is_chunked = true;
    return 0;
}

static int take_text(struct parse *parse, const char **text, const char *at, size_t size)
{
    if (**text)
        return refuse(parse, 400, "a header field that may come once came twice");
    if (size == 0) /* then `at` is the next line, which is still to be read */
        return 0;
    parse->http->text.bytes[at - parse->http->text.bytes + (ptrdiff_t)size] = '\0'; /* a blank or CR that was read already */
    *text = at;
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t size)
{
    struct parse *parse = parser->data;
    struct gate_http_head *head = &parse->http->head;

    if (!parse->name)
        return refuse(parse, 400, "a header line is folded");
    while (size && (at[size - 1] == ' ' || at[size - 1] == '\t'))
        size--;
    if (is_named(parse, "content-length"))
        return take_length(parse, at, size);
    if (is_named(parse, "transfer-encoding"))
        return take_coding(parse, at, size);
    if (is_named(parse, "host"))
        parse->hosts++;
    if (is_named(parse, "expect")) {
        if (!is_word(at, size, "100-continue"))
            return refuse(parse, 417, "the only expectation served here is 100-continue");
        head->expects_continue = true;
    }
    if (is_named(parse, "content-type"))
        return take_text(parse, &head->content_type, at, size);
    if (is_named(parse, "content-encoding"))
        return take_text(parse, &head->content_encoding, at, size);
    if (is_named(parse, "if-match"))
        return take_text(parse, &head->if_match, at, size);
    return 0;
}

static int on_headers_complete(http_parser *parser)
{
    struct parse *parse = parser->data;

    parse->is_complete = true;
    parse->major = parser->http_major;
    parse->minor = parser->http_minor;
    parse->method = parser->method;
    parse->http->head.keeps_alive = http_should_keep_alive(parser) != 0;
    http_parser_pause(parser, 1);
    return 0;
}

static int message_method_of(unsigned method)
{
    switch (method) {
    case HTTP_GET:
        return MESSAGE_GET;
    case HTTP_HEAD:
        return MESSAGE_HEAD;
    case HTTP_POST:
        return MESSAGE_POST;
    case HTTP_PUT:
        return MESSAGE_PUT;
    case HTTP_DELETE:
        return MESSAGE_DELETE;
    default:
        return 0;
    }
}

/* RFC 9112 section 3.2: origin form, absolute form (whose authority says nothing to us), "*" and, for CONNECT, an authority. */
static const char *path_of(char *target, size_t size)
{
    target[size] = '\0';
    if (*target == '/')
        return target;
    char *scheme = strstr(target, "://");
    char *path = scheme ? scheme + 3 + strcspn(scheme + 3, "/?") : NULL;
    return !path ? "*" : *path == '/' ? path : "/";
}

static void check_head(struct parse *parse)
{
    struct gate_http_head *head = &parse->http->head;

    if (parse->major != 1 || parse->minor > 1)
        refuse(parse, 505, "only HTTP/1.1 is spoken here");
    else if (parse->hosts > 1 || (parse->hosts == 0 && parse->minor == 1))
        refuse(parse, 400, "exactly one Host is needed");
    else if (head->is_chunked && (parse->lengths || parse->minor == 0))
        refuse(parse, 400, "Transfer-Encoding goes with neither Content-Length nor HTTP/1.0");
    else if (!parse->target)
        refuse(parse, 400, "there is no request target");
}

static int status_of(enum http_errno problem, const char **detail)
{
    *detail = problem == HPE_UNEXPECTED_CONTENT_LENGTH ? "Content-Length came twice, or with Transfer-Encoding" : "this is no HTTP request";
    switch (problem) {
    case HPE_INVALID_METHOD:
        *detail = "unknown method";
        return 501;
    case HPE_INVALID_VERSION:
        *detail = "only HTTP/1.1 is spoken here";
        return 505;
    default:
        return 400;
    }
}

/* The whole head stands in http->text. */
static enum gate_http_event parse_head(struct gate_http *http)
{
    static const http_parser_settings settings = {.on_url = on_url,
                                                  .on_header_field = on_header_field,
                                                  .on_header_value = on_header_value,
                                                  .on_headers_complete = on_headers_complete};
    struct parse parse = {.http = http};
    http_parser parser;

    http->head = (struct gate_http_head){.content_type = "", .content_encoding = "", .if_match = ""};
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &parse;
    http_parser_execute(&parser, &settings, http->text.bytes, http->text.size);
    if (!parse.is_complete && !parse.status)
        parse.status = status_of(HTTP_PARSER_ERRNO(&parser), &parse.detail);
    if (!parse.status)
        check_head(&parse);
    if (parse.status)
        return bad(http, parse.status, parse.detail);
    http->head.method = message_method_of(parse.method);
    http->head.target = path_of(parse.target, parse.target_size);
    http->head.has_body = http->head.is_chunked || http->head.content_length > 0;
    http->left = http->head.content_length;
    http->extra = 0;
    http->digits = 0;
    http->phase = http->head.is_chunked ? PHASE_SIZE : PHASE_LENGTH;
    return GATE_HTTP_HEAD;
}

/* One byte of the head: true once it is whole. */
static bool scan(struct gate_http *http, char c, const char **problem)
{
    char previous = http->previous;

    http->previous = c;
    if ((c == '\n') != (previous == '\r')) {
        *problem = "a line of the head does not end in CR LF";
    } else if (c == '\0') {
        *problem = "the head holds a NUL";
    } else if ((c == ' ' || c == '\t') && http->line_size == 0) {
        *problem = "a line of the head begins with a blank";
    } else if (c == '\n') {
        bool is_empty = http->line_size == 0;
        http->line_size = 0;
        return is_empty;
    } else if (c != '\r') {
        http->line_size++;
    }
    return false;
}

static enum gate_http_event feed_head(struct gate_http *http, const char *bytes, size_t size, size_t *used)
{
    const char *problem = NULL;
    size_t i = 0;

    while (i < size && !problem) {
        size_t room = GATE_HTTP_HEAD_MAX - http->text.size;
        size_t begin = i, end = size - i < room ? size : i + room;
        bool is_whole = false;

        while (i < end && !is_whole && !problem)
            is_whole = scan(http, bytes[i++], &problem);
        buf_add(&http->text, bytes + begin, i - begin);
        if (is_whole && http->text.size == 2) /* RFC 9112 section 2.2: an empty line before the request is skipped */
            buf_reset(&http->text);
        else if (is_whole) {
            *used = i;
            return parse_head(http);
        } else if (!problem && i < size) {
            bool is_target = !memchr(http->text.bytes, '\n', http->text.size);
            return bad(http, is_target ? 414 : 431, is_target ? "the request line is longer than 4 KiB" : "the head is longer than 16 KiB");
        }
    }
    *used = i;
    return problem ? bad(http, 400, problem) : GATE_HTTP_MORE;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a chunk's framing or a trailer; false where it may not stand there. */
static bool frame(struct gate_http *http, char c)
{
    int digit;

    switch (http->phase) {
    case PHASE_SIZE:
        digit = hex_value(c);
        if (digit >= 0) {
            http->left = http->left * 16 + (unsigned)digit;
            return ++http->digits <= 15;
        }
        http->phase = c == '\r' ? PHASE_SIZE_LF : PHASE_EXTENSION;
        return http->digits > 0 && (c == '\r' || c == ';');
    case PHASE_EXTENSION:
        if (c == '\r')
            http->phase = PHASE_SIZE_LF;
        return c == '\r' || c == '\t' || (unsigned char)c >= ' ';
    case PHASE_SIZE_LF:
        http->phase = http->left ? PHASE_DATA : PHASE_TRAILER;
        http->line_size = 0;
        return c == '\n';
    case PHASE_DATA_CR:
        http->phase = PHASE_DATA_LF;
        return c == '\r';
    case PHASE_DATA_LF:
        http->phase = PHASE_SIZE;
        http->digits = 0;
        return c == '\n';
    case PHASE_TRAILER:
        if (c == '\r')
            http->phase = PHASE_TRAILER_LF;
        else
            http->line_size++;
        return c == '\r' || c == '\t' || (unsigned char)c >= ' ';
    default: /* PHASE_TRAILER_LF: an empty line ends the body */
        http->phase = http->line_size ? PHASE_TRAILER : PHASE_DONE;
        http->line_size = 0;
        return c == '\n';
    }
}

static enum gate_http_event give_piece(struct gate_http *http, const char *bytes, size_t size, size_t *used, int next)
{
    http->piece = bytes;
    http->piece_size = size < http->left ? size : (size_t)http->left;
    http->left -= http->piece_size;
    *used += http->piece_size;
    if (!http->left)
        http->phase = next;
    return GATE_HTTP_BODY;
}

enum gate_http_event gate_http_feed(struct gate_http *http, const char *bytes, size_t size, size_t *used)
{
    *used = 0;
    if (http->phase == PHASE_BAD)
        return GATE_HTTP_BAD;
    if (http->phase == PHASE_HEAD)
        return feed_head(http, bytes, size, used);
    if (http->phase == PHASE_LENGTH && !http->left)
        http->phase = PHASE_DONE;
    while (http->phase != PHASE_DONE) {
        if (*used == size)
            return GATE_HTTP_MORE;
        if (http->phase == PHASE_LENGTH || http->phase == PHASE_DATA)
            return give_piece(http, bytes + *used, size - *used, used, http->phase == PHASE_DATA ? PHASE_DATA_CR : PHASE_DONE);
        bool is_extra = http->phase == PHASE_EXTENSION || http->phase == PHASE_TRAILER;
        if (is_extra && ++http->extra > GATE_HTTP_HEAD_MAX)
            return bad(http, 431, "chunk extensions and trailers are longer than 16 KiB");
        if (!frame(http, bytes[(*used)++]))
            return bad(http, 400, "the chunks of the body are not well-formed");
    }
    buf_reset(&http->text);
    http->previous = '\0';
    http->line_size = 0;
    http->phase = PHASE_HEAD;
    return GATE_HTTP_END;
}

void gate_http_rest(struct gate_http *http)
{
    if (gate_http_is_between(http) && http->text.capacity > REST_CAPACITY_MAX)
        buf_clear(&http->text);
}
