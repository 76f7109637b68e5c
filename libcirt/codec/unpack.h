/*
 * codec/unpack.h - a document that came packed: one file in a zip, or gzip, as a stream with bounded memory. What is in an archive is
 * never written anywhere, and an archive in it is not unpacked.
 */
#ifndef CIRT_CODEC_UNPACK_H
#define CIRT_CODEC_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* What unpacks to more than this many times its size, beyond UNPACK_SMALL, is a bomb. Honest CSV packs 20 to 1. */
enum { UNPACK_RATIO_MAX = 200, UNPACK_SMALL = 4 * 1024 * 1024 };

/* Gives the packed bytes piece by piece, valid until the next call; size 0 is the end. */
struct unpack_source {
    void *context;
    bool (*next)(void *context, const char **bytes, size_t *size, struct err *err);
};

/* By the first bytes: "zip", "gzip", or NULL. */
const char *unpack_format(const char *head, size_t size);

struct unpack;
/* The source is read from its beginning. ERR_INPUT: broken, protected by a password, empty, or no file in it. */
bool unpack_open(const struct unpack_source *source, uint64_t size_max, struct unpack **out, struct err *err) MUST_CHECK;
void unpack_close(struct unpack *unpack); /* NULL is fine */

/* The next piece of the one file, valid until the next call; size 0 is the end, and then the source was read to its end too. ERR_LIMIT
 * beyond size_max or the ratio; ERR_INPUT where it is broken, or holds a second file. The source's own errors are passed on. */
bool unpack_next(struct unpack *unpack, const char **bytes, size_t *size, struct err *err) MUST_CHECK;

/* All of it, of an archive in memory, into out (added to; its maximum is size_max). name: as unpack_document_name() of itself gives it; may
 * be NULL. */
bool unpack_memory(const char *bytes, size_t size, struct buf *out, char *name, size_t name_size, struct err *err) MUST_CHECK;

/* The name of a document inside: "x.csv.gz" -> "x.csv"; the archive's own word where it has one. In out. */
void unpack_document_name(const struct unpack *unpack, const char *name, char *out, size_t out_size);

#endif
