/*
 * rules/signature.h - what the signatures and encryption of a mail say about the message as a whole: one summary (RFC 9787).
 *
 * A good signature proves nothing about the sender. "verified" needs all of: exactly one From address, and no other one in the protected
 * header; nobody else whom we know named by Sender, Reply-To or the name in From; every part that is shown inside the signed envelope at
 * the root; all signatures of the envelope good (one, or several of nested layers); their keys all of one and the same somebody we know,
 * who has the From address. Whose a key is: its full fingerprint is pinned to them, or a CA of ours speaks for its certificate and the
 * address in it. Pure.
 */
#ifndef CIRT_RULES_SIGNATURE_H
#define CIRT_RULES_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

/* The numbers are the database's. */
enum signature_verdict {
    SIGNATURE_GOOD = 1,
    SIGNATURE_BAD = 2,
    SIGNATURE_UNKNOWN_KEY = 3,
    SIGNATURE_EXPIRED_KEY = 4,
    SIGNATURE_REVOKED_KEY = 5,
    SIGNATURE_EXPIRED = 6,
    SIGNATURE_ERROR = 7
};
enum signature_summary {
    SIGNATURE_UNPROTECTED,
    SIGNATURE_VERIFIED,
    SIGNATURE_SUMMARY_UNKNOWN_KEY, /* good or not to be checked: nobody's we know */
    SIGNATURE_NOT_SENDER,          /* good, by somebody we know, who is not the one From address */
    SIGNATURE_SUMMARY_BAD,
    SIGNATURE_SUMMARY_EXPIRED, /* at signing */
    SIGNATURE_SUMMARY_REVOKED,
    SIGNATURE_MIXED /* several signatures that differ, or a good one that covers only a part */
};
enum signature_encryption { ENCRYPTION_NONE, ENCRYPTION_PART, ENCRYPTION_WHOLE, ENCRYPTION_UNDECRYPTABLE };

/* Whose a key is. */
struct signature_identity {
    const char *id;               /* the same for all keys of one: "peer 7" */
    const char *name;             /* "YY-CERT team" */
    const char *const *addresses; /* any case */
    size_t address_count;
};

/* One signature found. */
struct signature_part {
    const char *path;
    bool is_envelope; /* as struct mail_layer: in the chain from the root, and sound */
    enum signature_verdict verdict;
    const char *fingerprint;                   /* full, of the primary key; "" or NULL where unknown */
    const char *key_now;                       /* "valid", "expired", "revoked", or NULL */
    const struct signature_identity *identity; /* NULL: nobody's that we know */
};

/* One encrypted structure found. */
struct signature_cipher {
    bool is_envelope;
    bool is_opened;
};

struct signature_mail {
    const char *const *from; /* every address of every From field */
    size_t from_count;
    bool from_differs;        /* the protected header (RFC 9788) names another sender than the outer one */
    const char *const *named; /* ids (signature_identity) of those we know whom Sender, Reply-To or the name in From names */
    size_t named_count;
    const struct signature_part *parts; /* the outermost first */
    size_t part_count;
    const struct signature_cipher *ciphers;
    size_t cipher_count;
};

struct signature_result {
    enum signature_summary summary;
    const struct signature_part *part; /* the outermost signature of the envelope, where all say the same; else NULL */
    const char *signer;                /* the identity's name for verified and not-sender, else NULL */
    const char *fingerprint;           /* of that part, or NULL */
    const char *covers;                /* "whole", "part", or NULL where nothing is signed */
    const char *key_now;               /* of the envelope's signatures: the worst; or NULL */
    enum signature_encryption encryption;
};

/* Borrows from mail. */
struct signature_result signature_summarise(const struct signature_mail *mail);

/* The names in JSON and filters: "unprotected", "verified", "unknown-key", "not-sender", "bad", "expired", "revoked", "mixed". */
const char *signature_summary_name(enum signature_summary summary);
const char *signature_verdict_name(enum signature_verdict verdict); /* "good", "bad", "unknown-key", "expired-key", ... as openpgp */
bool signature_verdict_parse(const char *name, enum signature_verdict *verdict);
const char *signature_encryption_name(enum signature_encryption encryption); /* "none", "part", "whole", "undecryptable" */

#endif
