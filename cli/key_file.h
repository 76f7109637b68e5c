/* cli/key_file.h - keys in files as the desk wants them: the desk itself reads no keys, and verify confirms what is said here. */
#ifndef CIRT_CLI_KEY_FILE_H
#define CIRT_CLI_KEY_FILE_H

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

/* All public keys of a file (crypto/key_block.h), each {protocol, fingerprint, key_ids, claims, user_id, expires, can_encrypt, revoked,
 * armoured}. NULL with err set: ERR_INPUT for a file without a key or with a private one, ERR_LIMIT for one that is too large. */
json_t *key_file_read(const char *path, struct err *err) MUST_CHECK;

/* Makes key (one of the above) hold as well what the text that the desk has of it holds: a revocation in either counts. */
bool key_file_merge(json_t *key, const char *known, struct err *err) MUST_CHECK;

/* The one OpenPGP key of a file with `addresses`, those it shall count for: address, or where NULL the first that it names, which is a
 * claim of its maker that the caller takes over. NULL with err set. */
json_t *key_file_record(const char *path, const char *address, struct err *err) MUST_CHECK;

#endif
