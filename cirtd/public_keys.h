/*
 * cirtd/public_keys.h - the public keys and certificates of others, in a stage's own GnuPG home and S/MIME context: verify's for all
 * signatures, seal's for those inside an encryption and for encrypting. They come from the table of pinned keys, never from a network;
 * whose one is, is the pin's word alone.
 */
#ifndef CIRT_CIRTD_PUBLIC_KEYS_H
#define CIRT_CIRTD_PUBLIC_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/stage.h"
#include "crypto/openpgp.h"
#include "crypto/smime.h"

enum { PUBLIC_KEYS_RECENT = 32 };

/* Zeroed at the start, and where all are to be taken again. */
struct public_keys {
    int64_t since; /* the newest change that was taken, microseconds */
    struct {
        char fingerprint[OPENPGP_FINGERPRINT_SIZE];
        int64_t changed;
    } recent[PUBLIC_KEYS_RECENT]; /* taken lately: the database tells the last seconds' again and again */
    size_t next;
};

/* Takes what came or changed since the last call. statement is `keys` of the stage's role; smime may be NULL: no certificates then. One
 * key that is not taken is logged, and stops no other. */
bool public_keys_take(struct public_keys *keys, struct stage_run *run, enum sql_statement statement, struct openpgp *openpgp,
                      struct smime *smime, struct err *err) MUST_CHECK;

#endif
