/*
 * cirtd/signatures.h - signatures as verify and seal saw them, in the JSON that goes from stage to stage through the database
 * (report_clear.signatures, the message of to_verify): one form for both protocols, so that whoever judges them knows one.
 *
 *     {"protocol": "openpgp", "status": "good", "fingerprint": "...", "signer": "...", "hash": "SHA256", "algorithm": "EdDSA",
 *      "made": 1700000000000000 (microseconds), "key_now": "valid", "error": "...", "payload": SHA-256 of what is signed, hex,
 *      of S/MIME: "sound": all is right but perhaps the path to a CA, "chain": there is such a path, "addresses": of the certificate}
 *
 * What is not known is absent. No key, address or name in it is anybody's before the pin says so.
 */
#ifndef CIRT_CIRTD_SIGNATURES_H
#define CIRT_CIRTD_SIGNATURES_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "crypto/digest.h"
#include "crypto/openpgp.h"
#include "crypto/smime.h"
#include "rules/signature.h"

/* An array of them, the caller's. payload: the bytes that are signed. */
json_t *signatures_of_openpgp(const struct openpgp_signatures *seen, const void *payload, size_t size);

json_t *signatures_of_smime(const struct smime_signatures *seen, const void *payload, size_t size);

/* One where none could be looked at: "error", and why. */
json_t *signatures_broken(const char *protocol, const char *why);

/* The members of one. Strings are borrowed, "" where absent. */
const char *signatures_text(const json_t *signature, const char *member);
int64_t signatures_made(const json_t *signature); /* TIMESTAMP_NONE where it does not say */
/* is_pinned: somebody vouches for the very key; then a certificate needs no CA. */
enum signature_verdict signatures_verdict(const json_t *signature, bool is_pinned);

/* What makes a replay a replay: the same bytes, signed by the same key at the same time. False where the signature is not sound (one that
 * anybody could have put there says nothing of who had the words first). */
bool signatures_payload(const json_t *signature, unsigned char digest[DIGEST_SHA256_SIZE]);

#endif
