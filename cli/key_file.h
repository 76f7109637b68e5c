/*
 * cli/key_file.h - keys in files as the desk wants them. The desk itself reads no keys: GnuPG (in a home of its own that is gone
 * afterwards) and OpenSSL read them here, and verify confirms what was said of them. Nothing of the analyst's own GnuPG is touched.
 */
#ifndef CIRT_CLI_KEY_FILE_H
#define CIRT_CLI_KEY_FILE_H

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

enum { KEY_FILE_BYTES_MAX = 4 * 1024 * 1024, KEY_FILE_KEY_BYTES_MAX = 512 * 1024 };

/* All public keys of a file (OpenPGP armoured or binary, certificates as PEM, DER or .p7b), each {protocol, fingerprint, key_ids, claims,
 * user_id, expires, can_encrypt, revoked, armoured}. NULL with err set: ERR_INPUT for a file without a key or with a private one, ERR_LIMIT
 * for one that is too large. */
json_t *key_file_read(const char *path, struct err *err) MUST_CHECK;

/* Makes key (one of the above) hold as well what the text that the desk has of it holds: a revocation in either counts. */
bool key_file_merge(json_t *key, const char *known, struct err *err) MUST_CHECK;

/* The one OpenPGP key of a file with `addresses`, those it shall count for: address, or where NULL the one in its first user id, which is a
 * claim of its maker that the caller takes over. NULL with err set. */
json_t *key_file_record(const char *path, const char *address, struct err *err) MUST_CHECK;

#endif
