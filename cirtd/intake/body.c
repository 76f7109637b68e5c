#include "cirtd/intake/body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/unpack.h"

/* A body that unpacks to more than this many times its size, beyond the first piece, is a bomb. Honest CSV packs 20 to 1. */
enum { RATIO_MAX = 200 };

struct body {
    const struct message_request *request;
    uint64_t size_max, done; /* unpacked */
    size_t read;             /* of the request's own bytes */
    bool is_gzip, is_ended;
    bool is_between; /* behind a member of the gzip stream; another may follow */
    z_stream zip;
    struct unpack *unpack; /* of a document that is an archive */
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
    body->is_gzip = is_gzip;
    body->packed = request->body_fd >= 0 ? mem_calloc(1, BODY_PIECE) : NULL;
    body->piece = is_gzip ? mem_calloc(1, BODY_PIECE) : NULL;
    if (is_gzip && inflateInit2(&body->zip, 15 + 16) != Z_OK)
        BUG("inflateInit2");
    *out = body;
    return true;
}

void body_close(struct body *body)
{
    if (!body)
        return;
    if (body->is_gzip)
        inflateEnd(&body->zip);
    unpack_close(body->unpack);
    free(body->packed);
    free(body->piece);
    free(body);
}

bool body_rewind(struct body *body, struct err *err)
{
    body->done = 0;
    body->read = 0;
    body->is_ended = body->is_between = false;
    body->zip.avail_in = 0;
    unpack_close(body->unpack);
    body->unpack = NULL;
    body->has_begun = false;
    body->pending = NULL;
    if (body->is_gzip && inflateReset(&body->zip) != Z_OK)
        return err_set(err, ERR_INTERNAL, "inflateReset");
    return true;
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

/* One step; RFC 1952, section 2.2: a gzip file is a series of members, and what the later ones hold belongs to it. */
static bool inflate_some(struct body *body, struct err *err)
{
    z_stream *zip = &body->zip;
    int result = body->is_between ? inflateReset(zip) : Z_OK;
    body->is_between = false;
    if (result == Z_OK)
        result = inflate(zip, Z_NO_FLUSH);
    body->is_between = result == Z_STREAM_END;
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR ||
           err_set_at(err, ERR_INPUT, "Content-Encoding", "not a gzip stream: %s", zip->msg ? zip->msg : "broken");
}

static bool decode_content(struct body *body, size_t *size, struct err *err)
{
    z_stream *zip = &body->zip;
    zip->next_out = (unsigned char *)body->piece;
    zip->avail_out = BODY_PIECE;
    while (zip->avail_out == BODY_PIECE && !body->is_ended) {
        if (zip->avail_in == 0) {
            const char *bytes = NULL;
            size_t packed = 0;
            if (!read_packed(body, &bytes, &packed, err))
                return false;
            if (packed == 0 && !body->is_between)
                return err_set_at(err, ERR_INPUT, "Content-Encoding", "the gzip stream ends too early");
            body->is_ended = packed == 0;
            zip->next_in = (unsigned char *)(uintptr_t)bytes;
            zip->avail_in = (unsigned)packed;
        }
        if (!body->is_ended && !inflate_some(body, err))
            return false;
    }
    *size = BODY_PIECE - zip->avail_out;
    if (body->done > BODY_PIECE && body->done > body->read * RATIO_MAX)
        return err_set(err, ERR_LIMIT, "the gzip stream unpacks to more than %d times its size", RATIO_MAX);
    return true;
}

bool body_next_sent(struct body *body, const char **bytes, size_t *size, struct err *err)
{
    bool ok;
    if (body->is_gzip) {
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
