/* cli/openpgp_key.h - an OpenPGP key in a file as the desk wants it: the desk itself reads no keys. */
#ifndef CIRT_CLI_OPENPGP_KEY_H
#define CIRT_CLI_OPENPGP_KEY_H

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

/* {fingerprint, addresses, armoured} of the one public key in an armoured file. address: the only one it may sign for; NULL: the one in
 * its first user id, which is a claim of its maker that the caller takes over. NULL with err set. */
json_t *openpgp_key_read(const char *path, const char *address, struct err *err) MUST_CHECK;

#endif
