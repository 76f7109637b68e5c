/*
 * Asks servers for feeds: one claim is one request. An HTTPS feed is one document; a TAXII 2.1 collection comes in pages, and a page and
 * the cursor behind it are one transaction, so that each is stored once whoever dies in between (OASIS TAXII 2.1, sections 3.4 and 5.4).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/stage.h"
#include "cirtd/stages/fetch_credentials.h"
#include "cirtd/stages/fetch_download.h"
#include "cirtd/stages/fetch_store.h"
#include "cirtd/stages/fetch_trail.h"
#include "cirtd/stages/stages.h"
#include "cirtd/watermark.h"
#include "codec/taxii_page.h"
#include "crypto/digest.h"

enum {
    POLL_MS = 1000,
    CONNECT_MS = 15 * 1000,
    REQUEST_MS = 30 * 60 * 1000,
    SLOW_S = 60,
    REST_S = 60,
    REST_MAX_S = 86400,
    AHEAD_S = 3600, /* so far a server's clock may be ahead of ours */
    PAGE_OBJECTS = 1000,
    PAGE_OBJECTS_MAX = 16000
};
/* Of so many objects it is kept that they came; eight bytes each, of their SHA-256. */
enum { SEEN_MAX = 2 * PAGE_OBJECTS_MAX, SEEN_SIZE = 8 };
#define DOCUMENT_BYTES_MAX (INT64_C(1) << 30)
/* A page is a whole document: read at once, here and by decode. */
#define PAGE_BYTES_MAX (INT64_C(16) * 1024 * 1024)
#define TAXII_MEDIA    "application/taxii+json;version=2.1"

/* The columns of `claim`. */
enum { ID, ATTEMPTS, NAME, KIND, URL, CREDENTIALS, CA, SIZE_MAX_, ETAG, MODIFIED, ADDED_AFTER, QUERY_AFTER, NEXT, SEEN, PAGE_LIMIT, TRAIL };

/* Where a feed stands; what the transaction writes. Strings are the arena's. */
struct cursor {
    const char *etag, *modified, *added_after, *query_after, *next;
    struct buf *seen; /* which objects the last page had, while there are more */
    int page_limit;   /* 0: the usual */
    struct fetch_trail trail;
    bool more;
};

/* The claim at hand. */
struct poll {
    struct arena *arena;
    struct fetch_download download;
    struct fetch_document document;
    struct cursor cursor;
    struct buf seen, had; /* cursor.seen is one of them: what the page before had, and this one has */
    int rest_s;           /* > 0: it was asked in vain, and is asked again then */
    bool is_refused;      /* it answered that it does not want to be asked now: a failure, however it is put */
    const char *error;    /* why, or NULL */
};

static void forget(struct poll *poll)
{
    fetch_download_clear(&poll->download);
    arena_reset(poll->arena);
    buf_reset(&poll->seen);
    buf_reset(&poll->had);
    poll->document = (struct fetch_document){.fd = -1};
    poll->cursor = (struct cursor){0};
    poll->rest_s = 0;
    poll->is_refused = false;
    poll->error = NULL;
}

static const char *text_of(struct poll *poll, const struct db_rows *rows, size_t row, int column)
{
    return db_is_null(rows, row, column) ? NULL : arena_strdup(poll->arena, db_get_text(rows, row, column));
}

/* Whether all up to that date may be taken as stored: a date, of which nothing that is still to come lies before; none before `after`,
 * where that is one. */
static bool is_usable_date(const char *date, const char *after)
{
    int64_t moment, from;
    if (!timestamp_parse_rfc3339(date, &moment) || moment > timestamp_now() + AHEAD_S * TIMESTAMP_SECOND)
        return false;
    return !after || !timestamp_parse_rfc3339(after, &from) || moment >= from;
}

/* The same in UTC, as TAXII 2.1 (1.6) has it; the fraction keeps its digits. */
static const char *in_utc(struct poll *poll, const char *date)
{
    char text[TIMESTAMP_TEXT_SIZE];
    int64_t moment;
    if (date[strlen(date) - 1] == 'Z' || !timestamp_parse_rfc3339(date, &moment))
        return date;
    timestamp_format(moment, text);
    const char *fraction = strchr(date, '.');
    return arena_printf(poll->arena, "%.19s%.*sZ", text, fraction ? 1 + (int)strspn(fraction + 1, "0123456789") : 0,
                        fraction ? fraction : "");
}

static void read_cursor(struct poll *poll, struct db_rows *rows, size_t row)
{
    size_t size = 0;
    const unsigned char *seen = db_get_bytes(rows, row, SEEN, &size);
    buf_reset(&poll->seen);
    UNUSED(!seen || buf_add(&poll->seen, seen, size));
    poll->cursor = (struct cursor){.etag = text_of(poll, rows, row, ETAG),
                                   .modified = text_of(poll, rows, row, MODIFIED),
                                   .added_after = text_of(poll, rows, row, ADDED_AFTER),
                                   .query_after = text_of(poll, rows, row, QUERY_AFTER),
                                   .next = text_of(poll, rows, row, NEXT),
                                   .seen = &poll->seen,
                                   .page_limit = (int)db_get_int(rows, row, PAGE_LIMIT)};
    const unsigned char *trail = db_get_bytes(rows, row, TRAIL, &size);
    if (trail && size == sizeof poll->cursor.trail)
        memcpy(&poll->cursor.trail, trail, size);
    if (poll->cursor.added_after && !is_usable_date(poll->cursor.added_after, NULL))
        poll->cursor.added_after = NULL; /* such were taken before */
    if (poll->cursor.added_after)
        poll->cursor.added_after = in_utc(poll, poll->cursor.added_after); /* so were such with an offset */
}

/* --- what is asked for --- */

static void add_query(struct buf *url, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(url, "&%s=", name);
    http_client_add_escaped(url, value);
}

static int page_limit(const struct cursor *cursor)
{
    return cursor->page_limit && !cursor->next ? cursor->page_limit : PAGE_OBJECTS;
}

/* .../collections/ID/ and what of its objects is wanted. A `next` goes with the query it came of. */
static const char *taxii_url(struct poll *poll, const char *collection)
{
    struct buf url;
    struct cursor *cursor = &poll->cursor;
    buf_init(&url, 16 * 1024);
    buf_add_text(&url, collection);
    if (!str_ends(collection, "/"))
        buf_add_char(&url, '/');
    if (!str_ends(buf_text(&url), "/objects/"))
        buf_add_text(&url, "objects/");
    buf_printf(&url, "?limit=%d", page_limit(cursor));
    if (!cursor->next)
        cursor->query_after = cursor->added_after;
    add_query(&url, "added_after", cursor->query_after);
    add_query(&url, "next", cursor->next);
    const char *text = arena_strdup(poll->arena, buf_text(&url));
    buf_clear(&url);
    return text;
}

/* The last segment of the path: file names tell formats. */
static const char *name_of_url(struct poll *poll, const char *url)
{
    size_t size = strcspn(url, "?#"), start = size;
    while (start > 0 && url[start - 1] != '/')
        start--;
    return start < size ? arena_strndup(poll->arena, url + start, size - start) : NULL;
}

static void take_settings(struct fetch_download_order *order, const struct db_rows *rows, size_t row,
                          const struct fetch_credentials *credentials)
{
    order->settings = (struct http_client_settings){.ca_pem = db_get_text(rows, row, CA),
                                                    .uses_system_ca = db_is_null(rows, row, CA),
                                                    .cert_file = credentials->cert_file,
                                                    .key_file = credentials->key_file,
                                                    .connect_timeout_ms = CONNECT_MS,
                                                    .timeout_ms = REQUEST_MS,
                                                    .slow_s = SLOW_S,
                                                    .answer_bytes_max = 64 * 1024};
    order->headers = (const char *const *)credentials->headers;
    order->size_max = db_is_null(rows, row, SIZE_MAX_) ? DOCUMENT_BYTES_MAX : db_get_int(rows, row, SIZE_MAX_);
}

/* What TLS said is about a certificate; whose it was, and where it is named, is not among its words. */
static void explain_failure(const struct fetch_download_order *order, const char *credentials, struct err *err)
{
    bool is_alert = strstr(err->text, "alert") != NULL;
    if (err->code == ERR_INPUT && (str_starts(err->text, "certificate ") || str_starts(err->text, "private key ")))
        err_context(err, "credentials %s", credentials);
    else if (str_starts(err->text, "Could not resolve host"))
        err_set(err, err->code, "its host is not found: is %s right, and does this machine's resolver answer?", order->url);
    else if (err->code != ERR_DENIED)
        return;
    else if (is_alert && order->settings.cert_file)
        err_context(err, "its server refused the certificate of credentials %s", credentials);
    else if (is_alert)
        err_context(err, "its server refused us, who show no client certificate (--credentials may name one)");
    else if (str_starts(err->text, "SSL certificate problem"))
        err_context(err, "we do not believe its server (--ca names a CA of its own)");
}

/* The run and the claim that a download is for. */
struct wanted {
    struct stage_run *run;
    int64_t feed;
    int32_t attempts;
};

/* Not where somebody paused or removed it. Where the database does not answer it is gone on with. */
static bool is_wanted(void *context)
{
    const struct wanted *wanted = context;
    struct stage_run *run = wanted->run;
    struct db_rows *rows = NULL;
    struct err ignored;
    db_params_reset(run->params);
    db_int8(run->params, wanted->feed);
    db_int4(run->params, wanted->attempts);
    bool is = !db_run(run->db, SQL_FETCH_WANTED, run->params, &rows, &ignored) || db_get_bool(rows, 0, 0);
    db_rows_free(rows);
    return is;
}

static bool download(struct stage_run *run, struct db_rows *rows, size_t row, bool is_taxii, struct err *err)
{
    struct poll *poll = run->state;
    struct fetch_credentials credentials;
    const struct config *config = run->context->config;
    struct wanted wanted = {run, db_get_int(rows, row, ID), (int32_t)db_get_int(rows, row, ATTEMPTS)};
    struct fetch_download_order order = {.spool = config->fetch_spool, .is_wanted = is_wanted, .context = &wanted};
    const char *name = db_get_text(rows, row, CREDENTIALS);
    if (!fetch_credentials_read(config->fetch_credentials, db_is_null(rows, row, CREDENTIALS) ? NULL : name, &credentials, err)) {
        fetch_credentials_clear(&credentials);
        return false;
    }
    take_settings(&order, rows, row, &credentials);
    if (is_taxii) {
        order.url = taxii_url(poll, db_get_text(rows, row, URL));
        order.accept = TAXII_MEDIA;
        order.size_max = order.size_max < PAGE_BYTES_MAX ? order.size_max : PAGE_BYTES_MAX;
    } else {
        order.url = db_get_text(rows, row, URL);
        order.name = db_get_text(rows, row, NAME);
        order.etag = poll->cursor.etag;
        order.modified = poll->cursor.modified;
    }
    bool ok = fetch_download(&order, &poll->download, err);
    if (!ok)
        explain_failure(&order, name, err);
    fetch_credentials_clear(&credentials);
    return ok;
}

/* --- what the answer means --- */

/* Objects of a page, and which of them came with the one before. */
struct repeats {
    struct poll *poll;
    size_t objects, known;
};

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, SEEN_SIZE);
}

/* Of a page of any length the last ones are kept: no others may come again. By `next` none is left out, but that all came is known. */
static bool is_repeat(void *context, const char *bytes, size_t size)
{
    struct repeats *repeats = context;
    const struct buf *seen = &repeats->poll->seen;
    struct buf *had = &repeats->poll->had;
    unsigned char digest[DIGEST_SHA256_SIZE];
    digest_sha256(bytes, size, digest);
    bool is_known = seen->size && bsearch(digest, seen->bytes, seen->size / SEEN_SIZE, SEEN_SIZE, compare);
    if (!buf_add(had, digest, SEEN_SIZE))
        memcpy(had->bytes + repeats->objects % SEEN_MAX * SEEN_SIZE, digest, SEEN_SIZE); /* the oldest goes */
    repeats->objects++;
    repeats->known += is_known;
    return is_known && !repeats->poll->cursor.next;
}

/* The file becomes the page without what came before. */
static bool rewrite(const struct poll *poll, const struct buf *bytes, struct err *err)
{
    size_t done = 0;
    ssize_t n = 0;
    while (done < bytes->size && (n = pwrite(poll->download.fd, bytes->bytes + done, bytes->size - done, (off_t)done)) > 0)
        done += (size_t)n;
    return (done == bytes->size && ftruncate(poll->download.fd, (off_t)done) == 0) ||
           err_set(err, ERR_AGAIN, "the page cannot be written: %s", strerror(errno));
}

static bool read_page(struct poll *poll, struct taxii_page *page, struct repeats *repeats, struct err *err)
{
    struct buf bytes;
    char *end;
    ssize_t n = 0;
    buf_init(&bytes, (size_t)PAGE_BYTES_MAX + 64 * 1024);
    while ((end = buf_reserve(&bytes, 64 * 1024)) && (n = pread(poll->download.fd, end, 64 * 1024, (off_t)bytes.size)) > 0)
        buf_used(&bytes, (size_t)n);
    bool ok = end && n == 0 ? taxii_page_read(buf_text(&bytes), bytes.size, page, err)
                            : err_set(err, ERR_AGAIN, "the page cannot be read: %s", strerror(errno));
    *repeats = (struct repeats){.poll = poll};
    if (poll->seen.size)
        qsort(poll->seen.bytes, poll->seen.size / SEEN_SIZE, SEEN_SIZE, compare);
    if (ok && page->has_objects && taxii_page_leave_out(&bytes, is_repeat, repeats) && repeats->known > 0)
        ok = rewrite(poll, &bytes, err);
    buf_clear(&bytes);
    return ok;
}

/* A date shortly before, from which all of that date come; NULL where it is none. */
static const char *shortly_before(struct poll *poll, const char *date)
{
    char text[TIMESTAMP_TEXT_SIZE];
    int64_t moment;
    if (!date || !timestamp_parse_rfc3339(date, &moment))
        return NULL;
    timestamp_format(moment - 1, text);
    return arena_strdup(poll->arena, text);
}

static void no_way_on(struct poll *poll, const char *feed, const char *why)
{
    log_warn("taxii_no_way_on", "feed=%s %s", feed, log_quote(why));
    poll->error = why;
}

/*
 * By date, where there are more and no `next`: from shortly before the last date on, since more objects may have it, and what came is left
 * out. Where all came the page was too short for a date, and a longer one is asked for; beyond what the server gives at once, the rest of
 * that date cannot be had.
 */
static void move_by_date(struct poll *poll, const char *last, const struct repeats *repeats, const char *feed)
{
    struct cursor *cursor = &poll->cursor;
    const char *before = shortly_before(poll, last);
    bool is_same_date = str_equal(before, cursor->added_after), is_new = repeats->known < repeats->objects;
    int limit = page_limit(cursor);
    cursor->more = before && (is_new || !is_same_date);
    if (cursor->more) {
        cursor->page_limit = is_same_date ? cursor->page_limit : 0;
        cursor->seen = &poll->had;
        cursor->added_after = before;
    } else if (before && repeats->objects >= (size_t)limit && limit < PAGE_OBJECTS_MAX) {
        cursor->page_limit = 2 * limit;
        cursor->more = true;
    } else if (before) {
        no_way_on(poll, feed, arena_printf(poll->arena, "it has more of %s than it gives at once: some of that may be missing", last));
        cursor->more = true;
        cursor->added_after = last;
        cursor->seen = NULL;
        cursor->page_limit = 0;
    } else {
        no_way_on(poll, feed, "it has more, but neither `next` nor a date leads there");
    }
}

static bool brings_nothing(const struct taxii_page *page, const struct repeats *repeats)
{
    return !page->has_objects || (repeats->known > 0 && repeats->known == repeats->objects);
}

/* The date of the last object, where the server tells one that can be believed; else NULL. */
static const char *last_date(struct poll *poll, const char *feed)
{
    const char *date = poll->download.added_last;
    if (!*date || is_usable_date(date, poll->cursor.added_after))
        return *date ? in_utc(poll, arena_strdup(poll->arena, date)) : NULL;
    log_warn("taxii_date_not_taken", "feed=%s date=%s cursor=%s", feed, log_quote(date),
             poll->cursor.added_after ? poll->cursor.added_after : "-");
    return NULL;
}

/* A run that leads nowhere ends here; the next one begins behind the last date. */
static void keep_trail(struct poll *poll, const struct taxii_page *page, const struct repeats *repeats, const char *feed)
{
    struct cursor *cursor = &poll->cursor;
    enum fetch_trail_verdict verdict =
        fetch_trail_step(&cursor->trail, cursor->next, poll->had.bytes, poll->had.size, brings_nothing(page, repeats));
    if (cursor->more && verdict != FETCH_TRAIL_ON) {
        no_way_on(poll, feed,
                  verdict == FETCH_TRAIL_CIRCLE ? "it has more, but its pages lead round in a circle"
                                                : "it has more, but page after page brings nothing new");
        cursor->next = cursor->query_after = NULL;
        cursor->page_limit = 0;
        cursor->more = false;
    }
    if (!cursor->more)
        cursor->trail = (struct fetch_trail){0};
}

/* The cursor behind this page. Pages follow by `next`, or where the server has none by date; one that would lead to itself is the last. */
static void move_cursor(struct poll *poll, const struct taxii_page *page, const struct repeats *repeats, const char *feed)
{
    struct cursor *cursor = &poll->cursor;
    const char *last = last_date(poll, feed);
    const char *next = page->more && page->next[0] ? arena_strdup(poll->arena, page->next) : NULL;
    bool leads_on = next && !str_equal(next, cursor->next);
    cursor->next = leads_on ? next : NULL;
    cursor->query_after = leads_on ? cursor->query_after : NULL;
    if (page->more && !next) {
        move_by_date(poll, last, repeats, feed);
        return;
    }
    cursor->more = leads_on;
    cursor->added_after = last ? last : cursor->added_after;
    if (page->has_objects)
        cursor->seen = leads_on ? &poll->had : NULL;
    cursor->page_limit = 0;
    if (page->more && !leads_on)
        no_way_on(poll, feed, "it has more, but neither `next` nor a date leads there");
}

static bool take_document(struct stage_run *run, struct db_rows *rows, size_t row, bool is_taxii, struct err *err)
{
    struct poll *poll = run->state;
    struct taxii_page page = {0};
    struct repeats repeats = {0};
    struct fetch_document *document = &poll->document;
    if (is_taxii && !read_page(poll, &page, &repeats, err))
        return false;
    if (is_taxii) {
        move_cursor(poll, &page, &repeats, db_get_text(rows, row, NAME));
        keep_trail(poll, &page, &repeats, db_get_text(rows, row, NAME));
    }
    poll->cursor.etag = !is_taxii && poll->download.etag[0] ? arena_strdup(poll->arena, poll->download.etag) : NULL;
    poll->cursor.modified = !is_taxii && poll->download.modified[0] ? arena_strdup(poll->arena, poll->download.modified) : NULL;
    if (is_taxii && brings_nothing(&page, &repeats))
        return true;
    document->feed = db_get_int(rows, row, ID);
    document->attempts = (int32_t)db_get_int(rows, row, ATTEMPTS);
    document->fd = poll->download.fd;
    document->name =
        is_taxii ? arena_printf(poll->arena, "%s.json", db_get_text(rows, row, NAME)) : name_of_url(poll, db_get_text(rows, row, URL));
    document->media_type = poll->download.media_type[0] ? poll->download.media_type : NULL;
    if (document->name && !str_is_utf8(document->name, strlen(document->name), NULL))
        document->name = NULL;
    return fetch_store_digest(document, DOCUMENT_BYTES_MAX, err);
}

/* Asked to wait, or asked for a page that is not there any more: no fault of the feed's record. */
static bool take_refusal(struct poll *poll, bool has_credentials, struct err *err)
{
    int status = poll->download.status;
    if (status == 429 || status == 503) {
        long rest_s = poll->download.retry_after_s >= 0 ? poll->download.retry_after_s : REST_S;
        poll->rest_s = rest_s < 1 ? 1 : rest_s > REST_MAX_S ? REST_MAX_S : (int)rest_s;
        poll->is_refused = true;
        poll->error = arena_printf(poll->arena, "it answered %d and asks to wait", status);
        return true;
    }
    if (poll->cursor.next && (status == 400 || status == 404 || status == 410 || status == 422)) {
        /* Its pages have ended: on by date, without what the last one had. */
        const char *before = poll->seen.size ? shortly_before(poll, poll->cursor.added_after) : NULL;
        poll->cursor.added_after = before ? before : poll->cursor.added_after;
        poll->cursor.next = poll->cursor.query_after = NULL;
        poll->cursor.trail = (struct fetch_trail){.idle = poll->cursor.trail.idle}; /* another `next` leads through the same pages */
        poll->cursor.more = true;
        return true;
    }
    if (status == 401 || status == 403)
        return err_set(err, ERR_DENIED,
                       has_credentials ? "it answered %d: are the credentials right?"
                                       : "it answered %d, and no credentials are set (--credentials names them)",
                       status);
    return err_set(err, status >= 500 || status == 408 ? ERR_AGAIN : ERR_INPUT, "it answered %d", status);
}

static bool act(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct poll *poll = run->state;
    bool is_taxii = str_equal(db_get_text(rows, row, KIND), "taxii");
    forget(poll);
    read_cursor(poll, rows, row);
    if (!watermark_has_space(run->context->config, WATERMARK_FEEDS)) {
        poll->rest_s = REST_S;
        poll->error = "no space for reports at the moment";
        return true;
    }
    if (!download(run, rows, row, is_taxii, err)) {
        poll->rest_s = REST_S;
        poll->error = "it was paused meanwhile";
        return err->code == ERR_CONFLICT;
    }
    if (poll->download.status == 304)
        return true;
    return poll->download.status == 200 ? take_document(run, rows, row, is_taxii, err)
                                        : take_refusal(poll, !db_is_null(rows, row, CREDENTIALS), err);
}

/* --- the transaction --- */

static bool store(struct stage_run *run, const char *feed, bool *is_stored, struct err *err)
{
    struct poll *poll = run->state;
    struct fetch_result result;
    *is_stored = true;
    if (poll->document.fd < 0)
        return true;
    if (!fetch_store(run->db, run->params, &poll->document, &result, err))
        return false;
    *is_stored = result.verdict == FETCH_STORED || result.verdict == FETCH_DUPLICATE;
    if (*is_stored)
        log_info("document_stored", "feed=%s report=r%lld size=%lld duplicate=%d", feed, (long long)result.report_id,
                 (long long)poll->document.size, result.verdict == FETCH_DUPLICATE);
    else
        poll->rest_s = result.verdict == FETCH_REST ? result.rest_s : REST_S;
    if (!*is_stored)
        poll->error = result.verdict == FETCH_REST ? "its quota of this hour is used up" : "it was paused meanwhile";
    return true;
}

static bool work(struct stage_run *run, struct db_rows *rows, size_t row, struct err *err)
{
    struct poll *poll = run->state;
    bool is_stored = true;
    if (!store(run, db_get_text(rows, row, NAME), &is_stored, err))
        return false;
    if (!is_stored)
        read_cursor(poll, rows, row); /* what is not stored is asked for again */
    const struct cursor *cursor = &poll->cursor;
    db_params_reset(run->params);
    db_int8(run->params, db_get_int(rows, row, ID));
    db_int4(run->params, (int32_t)db_get_int(rows, row, ATTEMPTS));
    db_text(run->params, cursor->etag);
    db_text(run->params, cursor->modified);
    db_text(run->params, cursor->added_after);
    db_text(run->params, cursor->query_after);
    db_text(run->params, cursor->next);
    db_bool(run->params, cursor->more);
    db_bytes(run->params, cursor->seen && cursor->seen->size ? cursor->seen->bytes : NULL, cursor->seen ? cursor->seen->size : 0);
    db_int4(run->params, cursor->page_limit);
    db_bytes(run->params, cursor->trail.pages + cursor->trail.idle > 0 ? &cursor->trail : NULL, sizeof cursor->trail);
    db_int4(run->params, poll->rest_s);
    db_bool(run->params, poll->is_refused);
    db_text(run->params, poll->error);
    return db_run(run->db, SQL_FETCH_POLLED, run->params, NULL, err);
}

static bool start(struct stage_run *run, struct err *err)
{
    UNUSED(err);
    if (run->state)
        return true;
    struct poll *poll = mem_calloc(1, sizeof *poll);
    poll->arena = arena_new();
    poll->download.fd = -1;
    buf_init(&poll->seen, (size_t)SEEN_MAX * SEEN_SIZE);
    buf_init(&poll->had, (size_t)SEEN_MAX * SEEN_SIZE);
    run->state = poll;
    return true;
}

static void stop(struct stage_run *run)
{
    struct poll *poll = run->state;
    if (!poll)
        return;
    fetch_download_clear(&poll->download);
    buf_clear(&poll->seen);
    buf_clear(&poll->had);
    arena_free(poll->arena);
    free(poll);
}

const struct stage fetch_poll_stage = {
    .role = "fetch",
    .listen = SQL_FETCH_FEEDS_LISTEN,
    .claim = SQL_FETCH_CLAIM,
    .settle = SQL_FETCH_SETTLE,
    .fail = SQL_FETCH_FAIL,
    .poll_ms = POLL_MS,
    .act = act,
    .work = work,
    .start = start,
    .stop = stop,
};
