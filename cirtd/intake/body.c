#include "cirtd/intake/body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/gunzip.h"
#include "codec/unpack.h"

/* A body that unpacks to more than this many times its size, beyond the first piece, is a bomb. Honest CSV packs 20 to 1. */
enum { RATIO_MAX = 200 };

struct body {
    const struct message_request *request;
    uint64_t size_max, done; /* unpacked */
    size_t read;             /* of the request's own bytes */
    struct gunzip *gunzip;   /* of a Content-Encoding; NULL without */
    struct unpack *unpack;   /* of a document that is an archive */
    bool has_begun;
    const char *pending; /* a piece that was looked at and not given yet */
    size_t pending_size;
    body_tap tap;
    void *tap_context;
    char *packed, *piece; /* BODY_PIECE each; NULL where the request's own bytes serve */
};

bool body_open(const struct message_request *request, uint64_t size_max, struct body **out, struct err *err)
{
    bool is_gzip = str_equal_nocase(request->content_encoding, "gzip") || str_equal_nocase(request->content_encoding, "x-gzip");
    if (!is_gzip && !str_is_empty(request->content_encoding) && !str_equal_nocase(request->content_encoding, "identity"))
        return err_set_at(err, ERR_INPUT, "Content-Encoding", "%s is not understood; send gzip or none", request->content_encoding);
    struct body *body = mem_calloc(1, sizeof *body);
    body->request = request;
    body->size_max = size_max;
    body->packed = request->body_fd >= 0 ? mem_calloc(1, BODY_PIECE) : NULL;
    body->piece = is_gzip ? mem_calloc(1, BODY_PIECE) : NULL;
    body->gunzip = is_gzip ? gunzip_new() : NULL;
    *out = body;
    return true;
}

void body_close(struct body *body)
{
    if (!body)
        return;
    gunzip_free(body->gunzip);
    unpack_close(body->unpack);
    free(body->packed);
    free(body->piece);
    free(body);
}

void body_rewind(struct body *body)
{
    body->done = 0;
    body->read = 0;
    unpack_close(body->unpack);
    body->unpack = NULL;
    body->has_begun = false;
    body->pending = NULL;
    if (body->gunzip)
        gunzip_reset(body->gunzip);
}

void body_rewind_coded(struct body *body)
{
    gunzip_free(body->gunzip);
    body->gunzip = NULL;
    body_rewind(body);
}

bool body_is_damaged(const struct err *err)
{
    return err->code == ERR_INPUT && str_equal(err->at, "Content-Encoding");
}

/* The request's own bytes; the descriptor's offset is not used, so that it can be read twice. */
static bool read_packed(struct body *body, const char **bytes, size_t *size, struct err *err)
{
    const struct message_request *request = body->request;
    size_t left = request->body_size - body->read;
    *size = left < BODY_PIECE ? left : BODY_PIECE;
    if (request->body_fd < 0) {
        *bytes = request->body ? request->body + body->read : "";
    } else if (*size > 0) {
        ssize_t n = pread(request->body_fd, body->packed, *size, (off_t)body->read);
        if (n <= 0)
            return err_set(err, ERR_INTERNAL, "the spooled body cannot be read: %s", n < 0 ? strerror(errno) : "it is too short");
        *size = (size_t)n;
        *bytes = body->packed;
    }
    body->read += *size;
    return true;
}

static bool decode_content(struct body *body, size_t *size, struct err *err)
{
    const char *bytes = NULL, *why = NULL;
    size_t packed = 0;
    *size = 0;
    while (*size == 0 && !gunzip_is_done(body->gunzip)) {
        if (gunzip_wants(body->gunzip)) {
            if (!read_packed(body, &bytes, &packed, err))
                return false;
            gunzip_feed(body->gunzip, bytes, packed);
        }
        if (!gunzip_next(body->gunzip, body->piece, BODY_PIECE, size, &why))
            return err_set_at(err, ERR_INPUT, "Content-Encoding", "not a whole gzip stream: %s", why);
    }
    if (body->done > BODY_PIECE && body->done > body->read * RATIO_MAX)
        return err_set(err, ERR_LIMIT, "the gzip stream unpacks to more than %d times its size", RATIO_MAX);
    return true;
}

bool body_next_sent(struct body *body, const char **bytes, size_t *size, struct err *err)
{
    bool ok;
    if (body->gunzip) {
        ok = decode_content(body, size, err);
        *bytes = body->piece;
    } else {
        ok = read_packed(body, bytes, size, err);
    }
    body->done += ok ? *size : 0;
    if (ok && body->done > body->size_max)
        return err_set(err, ERR_LIMIT, "more than %llu bytes", (unsigned long long)body->size_max);
    return ok;
}

/* --- the document in it --- */

void body_set_tap(struct body *body, body_tap tap, void *context)
{
    body->tap = tap;
    body->tap_context = context;
}

static bool next_tapped(void *context, const char **bytes, size_t *size, struct err *err)
{
    struct body *body = context;
    if (body->pending) {
        *bytes = body->pending;
        *size = body->pending_size;
        body->pending = NULL;
        return true;
    }
    return body_next_sent(body, bytes, size, err) && (!body->tap || !*size || body->tap(body->tap_context, *bytes, *size, err));
}

/* An archive is told by its first bytes. */
static bool begin(struct body *body, struct err *err)
{
    const char *bytes = NULL;
    size_t size = 0;
    body->has_begun = true;
    if (!next_tapped(body, &bytes, &size, err))
        return false;
    body->pending = bytes;
    body->pending_size = size;
    const struct unpack_source source = {body, next_tapped};
    return !unpack_format(bytes, size) || unpack_open(&source, body->size_max, &body->unpack, err);
}

bool body_next(struct body *body, const char **bytes, size_t *size, struct err *err)
{
    if (!body->has_begun && !begin(body, err))
        return false;
    return body->unpack ? unpack_next(body->unpack, bytes, size, err) : next_tapped(body, bytes, size, err);
}

bool body_is_packed(const struct body *body)
{
    return body->unpack != NULL;
}

void body_document_name(const struct body *body, const char *name, char *out, size_t out_size)
{
    if (body->unpack)
        unpack_document_name(body->unpack, name, out, out_size);
    else
        snprintf(out, out_size, "%s", name);
}

static bool whole(struct body *body, bool (*next)(struct body *, const char **, size_t *, struct err *), struct buf *out, struct err *err)
{
    const char *bytes = NULL;
    size_t size = 0;
    buf_reset(out);
    do {
        if (!next(body, &bytes, &size, err))
            return false;
        if (!buf_add(out, bytes, size))
            return err_set(err, ERR_LIMIT, "a document of this format has at most %zu bytes", out->size_max);
    } while (size > 0);
    return true;
}

bool body_whole(struct body *body, struct buf *out, struct err *err)
{
    return whole(body, body_next, out, err);
}

bool body_whole_sent(struct body *body, struct buf *out, struct err *err)
{
    return whole(body, body_next_sent, out, err);
}
