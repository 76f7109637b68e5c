/*
 * rules/mail_disclosure.h - may a text with this label, out of this case, go by mail to these people, and under what protection. Pure; the
 * database holds the same rules whoever calls.
 *
 * TLP 2.0 (FIRST, August 2022) as mail can keep it. Every mail is signed. All that see each other's names (To, Cc) get the same message;
 * each hidden recipient (Bcc) gets one of his own, decided by itself.
 * - Encrypted where everyone of that message has a usable key, whatever the label. OpenPGP and S/MIME may stand side by side: a piece each.
 * - Else in clear, and only where everyone of that message may get it so: CLEAR and GREEN always; AMBER to whom a waiver of his contact or
 *   agreement covers it today; AMBER+STRICT where a named person decided it for this very mail.
 * - AMBER+STRICT leaves at all only by that decision.
 * - RED never goes by mail; no label counts as RED.
 * - A restricted case never goes in clear, and of our own people to its readers only.
 * - Of an exercise, nobody outside of it gets mail.
 * - Our own intake never gets it: it would come back as a report.
 */
#ifndef CIRT_RULES_MAIL_DISCLOSURE_H
#define CIRT_RULES_MAIL_DISCLOSURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/tlp.h"

enum mail_disclosure_scheme { MAIL_DISCLOSURE_OPENPGP = 1, MAIL_DISCLOSURE_SMIME = 2 };

/* USABLE: pinned to this recipient, neither revoked nor expired, and encrypts. */
enum mail_disclosure_key_state {
    MAIL_DISCLOSURE_KEY_NONE,
    MAIL_DISCLOSURE_KEY_USABLE,
    MAIL_DISCLOSURE_KEY_CANDIDATE, /* known, pinned to nobody */
    MAIL_DISCLOSURE_KEY_EXPIRED,
    MAIL_DISCLOSURE_KEY_REVOKED,
    MAIL_DISCLOSURE_KEY_DISTRUSTED,
    MAIL_DISCLOSURE_KEY_SIGNS_ONLY
};

/* The best one of its scheme that the recipient has. */
struct mail_disclosure_key {
    enum mail_disclosure_key_state state;
    const char *fingerprint; /* NULL where there is none */
};

/* Leave to write to somebody in clear. */
struct mail_disclosure_waiver {
    enum tlp up_to;         /* what is above AMBER counts as AMBER */
    int64_t from, until;    /* microseconds; in force from the first, until before the second */
    const char *granted_by; /* a login */
    bool is_of_agreement;   /* of the peer, not of the contact */
};

enum mail_disclosure_place { MAIL_DISCLOSURE_TO, MAIL_DISCLOSURE_CC, MAIL_DISCLOSURE_BCC };

struct mail_disclosure_recipient {
    const char *address;
    enum mail_disclosure_place place;
    struct mail_disclosure_key openpgp, smime;
    const struct mail_disclosure_waiver *waiver; /* NULL: none. The one that reaches furthest of those in force, else the last one */
    bool is_disabled;                            /* his contact was switched off */
    bool is_intake;                              /* mail to this address comes to us as a report */
    bool is_ours;                                /* one of our own people */
    bool may_read;                               /* one of our own people who may read the case */
    bool takes_part;                             /* in the exercise that the case belongs to */
};

struct mail_disclosure_mail {
    enum tlp tlp;      /* TLP_NONE: unknown, counts as RED */
    enum tlp attached; /* the strictest label of its attachments; TLP_NONE: none has one */
    bool is_restricted, is_drill;
    bool answers_encrypted;          /* what it answers came encrypted to us */
    const char *strict_decided_by;   /* who decided that this very mail may go, though AMBER+STRICT or an answer in clear; NULL: nobody */
    bool signs_openpgp, signs_smime; /* which keys of our own sign; a recipient's key of a scheme that we cannot sign in is of no use */
    const struct mail_disclosure_recipient *recipients;
    size_t recipient_count;
};

enum mail_disclosure_goes { MAIL_DISCLOSURE_STAYS, MAIL_DISCLOSURE_ENCRYPTED, MAIL_DISCLOSURE_CLEAR };

enum mail_disclosure_reason {
    MAIL_DISCLOSURE_OK,
    MAIL_DISCLOSURE_NOBODY,       /* no recipient */
    MAIL_DISCLOSURE_NO_OWN_KEY,   /* nothing of ours signs */
    MAIL_DISCLOSURE_LABEL_RED,    /* or none */
    MAIL_DISCLOSURE_LABEL_STRICT, /* no decision */
    MAIL_DISCLOSURE_ATTACHED,     /* above the label of the mail */
    MAIL_DISCLOSURE_INTAKE,       /* these are about one recipient, whatever the others have */
    MAIL_DISCLOSURE_DISABLED,
    MAIL_DISCLOSURE_NOT_READER,
    MAIL_DISCLOSURE_NOT_IN_DRILL,
    MAIL_DISCLOSURE_NO_KEY,       /* he has none to be used, so that the message would have to go in clear, which he may not get */
    MAIL_DISCLOSURE_NOT_IN_CLEAR, /* he has a key, another has none, and he may not get it in clear */
    MAIL_DISCLOSURE_OTHERS        /* nothing against him: another one stands in the way */
};

struct mail_disclosure_outcome {
    enum mail_disclosure_goes goes;
    enum mail_disclosure_scheme scheme;          /* of the message that this recipient gets; 0 where it stays */
    const char *fingerprint;                     /* of the key it is encrypted to, borrowed from the recipient; NULL in clear */
    const struct mail_disclosure_waiver *waiver; /* that it rests on, or NULL */
    enum mail_disclosure_reason reason;
    char text[240];  /* "encrypted, OpenPGP", "in clear: waiver of lead up to TLP:AMBER until 2027-03-01", "no usable key (...)" */
    char hint[1200]; /* what would help, commands ready for a shell, or "" */
};

struct mail_disclosure_verdict {
    bool is_sendable;                   /* everyone gets it */
    enum mail_disclosure_goes visible;  /* how To and Cc get it; where there are none, how the hidden ones do, CLEAR if any does */
    enum mail_disclosure_reason reason; /* MAIL_DISCLOSURE_OK, or why not: the first that applies */
    size_t clear_count, stays_count;
    char text[400];  /* "" or the sentence of the refusal, naming who stands in the way */
    char hint[1200]; /* of the first who does, or "" */
};

/* outcomes: recipient_count of them. now in microseconds. */
struct mail_disclosure_verdict mail_disclosure_decide(const struct mail_disclosure_mail *mail, int64_t now,
                                                      struct mail_disclosure_outcome *outcomes);

#endif
