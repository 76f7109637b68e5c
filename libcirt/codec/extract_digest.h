/* codec/extract_digest.h - digests that stand in prose in several pieces. */
#ifndef CIRT_CODEC_EXTRACT_DIGEST_H
#define CIRT_CODEC_EXTRACT_DIGEST_H

#include <stddef.h>

enum { EXTRACT_DIGEST_SIZE = 64 + 1 }; /* SHA-256 in hex */

/* The size of the two halves of a SHA-256 that begin at `at`, which are no MD5, behind a word that says so; whole is the digest. Else 0.
 * context: the word before, lower case. */
size_t extract_digest_halves(const char *at, const char *context, char whole[EXTRACT_DIGEST_SIZE]);
/* The same of an MD5, SHA-1 or SHA-256 in groups of eight digits with a blank between them ("3395856C E81F2B73 ..."). Where more digits
 * stand before or behind, as in a dump of memory, it is none. text: where all of it begins. */
size_t extract_digest_groups(const char *text, const char *at, char whole[EXTRACT_DIGEST_SIZE]);

#endif
