/*
 * codec/gunzip.h - a gzip stream (RFC 1952) piece by piece: of one member or several, what the later ones hold belongs to it (section
 * 2.2). The checksum and the length behind each member are compared: a damaged address is an address all the same.
 */
#ifndef CIRT_CODEC_GUNZIP_H
#define CIRT_CODEC_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct gunzip;
struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip *gunzip); /* NULL is fine */
/* Back to the beginning of a stream. */
void gunzip_reset(struct gunzip *gunzip);

/* The next packed bytes, when it wants some; they stay the caller's, valid until it wants more. size 0: there are no more. */
void gunzip_feed(struct gunzip *gunzip, const char *bytes, size_t size);
bool gunzip_wants(const struct gunzip *gunzip);
/* What can be unpacked of that into out: *size bytes of at most out_size. 0 where it wants more, or where all is done. */
bool gunzip_next(struct gunzip *gunzip, char *out, size_t out_size, size_t *size, const char **why) MUST_CHECK;
bool gunzip_is_done(const struct gunzip *gunzip);

#endif
