#include "cirtd/stages/fetch_download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/config.h"
#include "cirtd/stage.h"
#include "codec/unpack.h"

/* TRIES: at one go, as long as each brings something. PARTS_MAX: answers of which each is a part of what was asked for. */
enum { REDIRECTS_MAX = 3, TRIES = 5, PARTS_MAX = 1000, URL_SIZE = 4096, HEADERS_MAX = 16, WANTED_MS = 2000 };

/* What one download has at hand. */
struct pull {
    const struct fetch_download_order *order;
    struct fetch_download *download;
    int spool, part; /* descriptors */
    int64_t size;    /* of the part */
    int64_t end;     /* what size is to be when the answer at hand is whole, where that is a part: its Content-Range */
    int64_t total;   /* of the document, where the answer at hand is a part of it */
    bool asks_rest;  /* the request at hand has a Range */
    bool is_misfit;  /* the answer at hand is no part of what we have: that is thrown away */
    bool is_begun;   /* of the answer at hand a first piece was taken */
    bool is_slow;    /* the answer at hand took too long: nothing that is tried again while others wait */
    bool is_unwanted;
    int64_t wanted_ms; /* when it is next asked whether it is wanted */
    char validator[FETCH_DOWNLOAD_ETAG_SIZE], encoding[32];
    char content_encoding[32], content_range[100];
};

/* --- what is half there: NAME.part, and NAME.whose says of which version of which document it is --- */

static bool open_part(struct pull *pull, struct err *err)
{
    char path[128];
    const char *name = pull->order->name;
    pull->spool = open(pull->order->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (pull->spool < 0)
        return err_set(err, ERR_INTERNAL, "the spool folder %s: %s", pull->order->spool, strerror(errno));
    snprintf(path, sizeof path, "%s.part", name ? name : "");
    pull->part = name ? openat(pull->spool, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)
                      : openat(pull->spool, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    return pull->part >= 0 || err_set(err, ERR_INTERNAL, "the spool folder: %s", strerror(errno));
}

static void forget_part(struct pull *pull)
{
    char path[128];
    pull->size = 0;
    pull->validator[0] = pull->encoding[0] = '\0';
    if (!pull->order->name)
        return;
    snprintf(path, sizeof path, "%s.whose", pull->order->name);
    unlinkat(pull->spool, path, 0);
    if (ftruncate(pull->part, 0) != 0)
        log_warn("spool_not_emptied", "feed=%s error=%s", pull->order->name, log_quote(strerror(errno)));
}

/* Lines: URL, validator, encoding. */
static void recall_part(struct pull *pull)
{
    char path[128], *text = NULL, *rest = NULL;
    struct stat status;
    struct err ignored;
    if (!pull->order->name)
        return;
    snprintf(path, sizeof path, "%s.whose", pull->order->name);
    int fd = openat(pull->spool, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && fstat(pull->part, &status) == 0 && status.st_size > 0 && config_read_fd(fd, path, &text, &ignored);
    const char *url = ok ? strtok_r(text, "\n", &rest) : NULL, *validator = url ? strtok_r(NULL, "\n", &rest) : NULL,
               *encoding = validator ? strtok_r(NULL, "\n", &rest) : NULL;
    if (validator && str_equal(url, pull->order->url)) {
        snprintf(pull->validator, sizeof pull->validator, "%s", validator);
        snprintf(pull->encoding, sizeof pull->encoding, "%s", encoding ? encoding : "");
        pull->size = status.st_size;
    } else {
        forget_part(pull);
    }
    if (fd >= 0)
        close(fd);
    free(text);
}

/* Only a strong validator can say that the rest belongs to what we have (RFC 9110, section 13.1.5). */
static void note_part(struct pull *pull)
{
    char path[128];
    const char *etag = pull->download->etag;
    pull->validator[0] = '\0';
    if (!pull->order->name || !etag[0] || str_starts(etag, "W/"))
        return;
    snprintf(path, sizeof path, "%s.whose", pull->order->name);
    int fd = openat(pull->spool, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || dprintf(fd, "%s\n%s\n%s\n", pull->order->url, etag, pull->content_encoding) < 0)
        log_warn("spool_not_noted", "feed=%s error=%s", pull->order->name, log_quote(strerror(errno)));
    if (fd >= 0)
        close(fd);
    snprintf(pull->validator, sizeof pull->validator, "%s", etag);
    snprintf(pull->encoding, sizeof pull->encoding, "%s", pull->content_encoding);
}

/* --- the answer --- */

/* "bytes FIRST-LAST/TOTAL" (RFC 9110, section 14.4). False for anything else, an unknown total too: whether it is whole could not be told.
 */
static bool read_range(const char *text, int64_t *first, int64_t *end, int64_t *total)
{
    char copy[100], *rest = NULL;
    int64_t last;
    snprintf(copy, sizeof copy, "%s", text);
    if (!str_starts_nocase(copy, "bytes "))
        return false;
    const char *a = strtok_r(copy + strlen("bytes "), "-", &rest), *b = strtok_r(NULL, "/", &rest), *c = strtok_r(NULL, "", &rest);
    if (!a || !b || !c || !str_to_int64(a, 0, INT64_MAX - 1, first) || !str_to_int64(b, *first, INT64_MAX - 1, &last) ||
        !str_to_int64(c, last + 1, INT64_MAX, total))
        return false;
    *end = last + 1;
    return true;
}

static bool misfits(struct pull *pull, const char *why, struct err *err)
{
    forget_part(pull);
    pull->is_misfit = true;
    return err_set(err, ERR_AGAIN, "%s", why);
}

/* An answer to the whole document, or with all of it. */
static bool begin_whole(struct pull *pull, struct err *err)
{
    forget_part(pull);
    if (lseek(pull->part, 0, SEEK_SET) != 0 || ftruncate(pull->part, 0) != 0)
        return err_set(err, ERR_INTERNAL, "the spool folder: %s", strerror(errno));
    note_part(pull);
    return true;
}

/* A part is joined to what we have only where it begins there and is of the same version (RFC 9110, sections 13.1.5 and 15.3.7.3). */
static bool begin_answer(struct pull *pull, const struct http_client_answer *head, struct err *err)
{
    int64_t first = 0;
    pull->is_begun = true;
    pull->end = pull->total = 0;
    if (head->status != 206)
        return begin_whole(pull, err);
    bool is_range = read_range(pull->content_range, &first, &pull->end, &pull->total);
    if (is_range && first == 0 && pull->end == pull->total)
        return begin_whole(pull, err);
    if (!pull->asks_rest)
        return err_set(err, ERR_AGAIN, "it answered 206 with a part of the document, where the whole was asked for");
    if (!is_range || first != pull->size || !str_equal(pull->content_encoding, pull->encoding))
        return misfits(pull, "it answered with another part than was asked for", err);
    if (!str_equal(pull->download->etag, pull->validator))
        return misfits(pull, "it answered with a part of another version", err);
    return lseek(pull->part, pull->size, SEEK_SET) == pull->size || err_set(err, ERR_INTERNAL, "the spool folder: %s", strerror(errno));
}

static bool on_body(void *context, const struct http_client_answer *head, const char *bytes, size_t size, struct err *err)
{
    struct pull *pull = context;
    if (!pull->is_begun && !begin_answer(pull, head, err))
        return false;
    if (pull->size + (int64_t)size > pull->order->size_max) {
        forget_part(pull);
        return err_set(err, ERR_LIMIT, "the document is longer than %lld bytes", (long long)pull->order->size_max);
    }
    while (size > 0) {
        ssize_t done = write(pull->part, bytes, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return err_set(err, ERR_AGAIN, "the spool folder: %s", strerror(errno));
        bytes += done;
        size -= (size_t)done;
        pull->size += done;
    }
    return true;
}

struct header_list {
    const char *items[HEADERS_MAX + 1];
    size_t count;
    char *owned[HEADERS_MAX];
    size_t owned_count;
};

static void add_header(struct header_list *list, const char *name, const char *value)
{
    if (!value || !*value || list->count == HEADERS_MAX)
        return;
    list->owned[list->owned_count] = mem_printf("%s: %s", name, value);
    list->items[list->count++] = list->owned[list->owned_count++];
}

static void collect_headers(struct pull *pull, struct header_list *list)
{
    char range[40];
    for (size_t i = 0; pull->order->headers && pull->order->headers[i] && list->count < HEADERS_MAX; i++)
        list->items[list->count++] = pull->order->headers[i];
    add_header(list, "Accept-Encoding", "gzip");
    pull->asks_rest = pull->size > 0 && pull->validator[0];
    if (pull->asks_rest) {
        snprintf(range, sizeof range, "bytes=%lld-", (long long)pull->size);
        add_header(list, "Range", range);
        add_header(list, "If-Range", pull->validator);
    } else {
        add_header(list, "If-None-Match", pull->order->etag);
        add_header(list, "If-Modified-Since", pull->order->modified);
    }
}

static bool should_stop(void *context)
{
    struct pull *pull = context;
    int64_t now_ms = timestamp_monotonic_ms();
    if (pull->order->is_wanted && pull->wanted_ms <= now_ms) {
        pull->wanted_ms = now_ms + WANTED_MS;
        pull->is_unwanted = !pull->order->is_wanted(pull->order->context);
    }
    return pull->is_unwanted || stage_is_ending();
}

/* One request, one answer. */
static bool ask(struct pull *pull, struct http_client *client, const char *url, struct http_client_answer *answer, struct err *err)
{
    struct fetch_download *download = pull->download;
    struct header_list headers = {0};
    const struct http_client_wanted wanted[] = {
        {"ETag", download->etag, sizeof download->etag},
        {"Last-Modified", download->modified, sizeof download->modified},
        {"X-TAXII-Date-Added-Last", download->added_last, sizeof download->added_last},
        {"Content-Encoding", pull->content_encoding, sizeof pull->content_encoding},
        {"Content-Range", pull->content_range, sizeof pull->content_range},
    };
    struct http_client_request request = {.method = "GET",
                                          .url = url,
                                          .accept = pull->order->accept ? pull->order->accept : "*/*",
                                          .body_fd = -1,
                                          .output_fd = -1,
                                          .headers = headers.items,
                                          .wanted = wanted,
                                          .wanted_count = ARRAY_SIZE(wanted),
                                          .on_body = on_body,
                                          .should_stop = should_stop,
                                          .context = pull};
    collect_headers(pull, &headers);
    pull->is_begun = pull->is_misfit = false;
    bool ok = http_client_send(client, &request, answer, err);
    if (ok && answer->status / 100 == 2 && !pull->is_begun)
        ok = begin_answer(pull, answer, err); /* it has no body */
    if (ok && pull->end > 0 && answer->status == 206 && pull->size != pull->end)
        ok = misfits(pull, "it answered with a part of another length than it says", err);
    pull->is_slow = answer->was_too_slow;
    for (size_t i = 0; i < headers.owned_count; i++)
        free(headers.owned[i]);
    return ok;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Asks until there is an answer that is no redirect. */
static bool ask_along(struct pull *pull, struct http_client *client, struct err *err)
{
    char url[URL_SIZE];
    snprintf(url, sizeof url, "%s", pull->order->url);
    for (int i = 0; i <= REDIRECTS_MAX; i++) {
        struct http_client_answer answer;
        bool ok = ask(pull, client, url, &answer, err);
        pull->download->status = answer.status;
        pull->download->retry_after_s = answer.retry_after_s;
        snprintf(pull->download->media_type, sizeof pull->download->media_type, "%s", answer.content_type);
        if (ok && is_redirect(answer.status))
            ok = http_client_redirect(url, answer.location, sizeof url, err);
        http_client_answer_clear(&answer);
        if (!ok || !is_redirect(pull->download->status))
            return ok;
    }
    return err_set(err, ERR_INPUT, "it redirects more than %d times", REDIRECTS_MAX);
}

/* It failed: whether that is mended at once, as long as something comes, and comes fast enough; what does not fit is begun anew. */
static bool may_go_on(const struct pull *pull, int64_t had, const struct err *err)
{
    bool came_further = pull->size > had && pull->validator[0] && !pull->is_slow;
    return err->code == ERR_AGAIN && (came_further || pull->is_misfit) && !stage_is_ending();
}

/* Until the document is whole; what is left after TRIES is the next run's. */
static bool ask_again(struct pull *pull, struct http_client *client, struct err *err)
{
    int tries = 0, parts = 0;
    for (;;) {
        int64_t had = pull->size;
        if (ask_along(pull, client, err)) {
            bool is_part = pull->download->status == 206 && pull->size < pull->total;
            if (is_part && ++parts > PARTS_MAX)
                return err_set(err, ERR_AGAIN, "it gives the document in more than %d parts", PARTS_MAX);
            /* What we have is as long as the document, or not of it. */
            bool is_beyond = pull->download->status == 416 && had > 0;
            if (is_beyond)
                forget_part(pull);
            if (!is_part && !is_beyond)
                return true;
            continue;
        }
        if (pull->is_unwanted)
            return err_set(err, ERR_CONFLICT, "it is not wanted any more");
        if (!may_go_on(pull, had, err) || tries++ >= TRIES)
            return false;
        log_info("fetch_resumes", "url=%s bytes=%lld %s", log_quote(pull->order->url), (long long)pull->size, log_err(err));
    }
}

/* --- the document --- */

struct part_reader {
    int fd;
    off_t at;
    char bytes[64 * 1024];
};

static bool next_of_part(void *context, const char **bytes, size_t *size, struct err *err)
{
    struct part_reader *reader = context;
    ssize_t n = pread(reader->fd, reader->bytes, sizeof reader->bytes, reader->at);
    if (n < 0)
        return err_set(err, ERR_AGAIN, "the spool folder: %s", strerror(errno));
    reader->at += n;
    *bytes = reader->bytes;
    *size = (size_t)n;
    return true;
}

static bool copy_unpacked(struct unpack *unpack, int to, struct err *err)
{
    const char *bytes = NULL;
    size_t size = 0;
    do {
        if (!unpack_next(unpack, &bytes, &size, err))
            return false;
        if (size > 0 && write(to, bytes, size) != (ssize_t)size)
            return err_set(err, ERR_AGAIN, "the spool folder: %s", strerror(errno));
    } while (size > 0);
    return true;
}

static bool unpack_into(struct pull *pull, int to, struct err *err)
{
    struct part_reader *reader = mem_calloc(1, sizeof *reader);
    struct unpack *unpack = NULL;
    char head[4];
    reader->fd = pull->part;
    ssize_t n = pread(pull->part, head, sizeof head, 0);
    bool ok =
        (n > 0 && str_equal(unpack_format(head, (size_t)n), "gzip")) || err_set_at(err, ERR_INPUT, "Content-Encoding", "not a gzip stream");
    ok = ok && unpack_open(&(struct unpack_source){reader, next_of_part}, (uint64_t)pull->order->size_max, &unpack, err) &&
         copy_unpacked(unpack, to, err);
    unpack_close(unpack);
    free(reader);
    return ok;
}

/* Content-Encoding is taken off, as it is the connection's; a document that is a gzip file stays one. */
static bool finish(struct pull *pull, struct err *err)
{
    const char *encoding = pull->content_encoding;
    bool is_gzip = str_equal_nocase(encoding, "gzip") || str_equal_nocase(encoding, "x-gzip"), ok = true;
    int fd = pull->part;
    if (is_gzip) {
        fd = openat(pull->spool, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        ok = fd >= 0 ? unpack_into(pull, fd, err) : err_set(err, ERR_AGAIN, "the spool folder: %s", strerror(errno));
    } else if (encoding[0] && !str_equal_nocase(encoding, "identity")) {
        ok = err_set(err, ERR_INPUT, "it came with Content-Encoding %.20s", encoding);
    }
    if (ok && fd == pull->part)
        pull->part = -1;
    if (ok)
        pull->download->fd = fd;
    else if (is_gzip && fd >= 0)
        close(fd);
    return ok;
}

/* Whole, or of no use: gone from the folder. The descriptor stays. */
static void unlink_part(struct pull *pull)
{
    static const char *const ends[] = {"part", "whose"};
    char path[128];
    for (size_t i = 0; pull->order->name && i < ARRAY_SIZE(ends); i++) {
        snprintf(path, sizeof path, "%s.%s", pull->order->name, ends[i]);
        unlinkat(pull->spool, path, 0);
    }
}

bool fetch_download(const struct fetch_download_order *order, struct fetch_download *download, struct err *err)
{
    struct pull pull = {.order = order, .download = download, .spool = -1, .part = -1};
    struct http_client *client = NULL;
    *download = (struct fetch_download){.fd = -1, .retry_after_s = -1};
    bool ok = open_part(&pull, err);
    if (ok)
        recall_part(&pull);
    ok = ok && http_client_open(&order->settings, &client, err) && ask_again(&pull, client, err);
    if (ok && download->status / 100 == 2) {
        download->status = 200;
        ok = finish(&pull, err);
        unlink_part(&pull);
    }
    http_client_close(client);
    if (pull.part >= 0)
        close(pull.part);
    if (pull.spool >= 0)
        close(pull.spool);
    return ok;
}

void fetch_download_clear(struct fetch_download *download)
{
    if (download->fd >= 0)
        close(download->fd);
    download->fd = -1;
}
