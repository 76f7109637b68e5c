/*
 * rules/disclosure.h - may this item go to that peer, and why not. A pure function; the database refuses the same by constraint.
 *
 * TLP 2.0 (FIRST, August 2022) between CIRTs, as machines may apply it:
 *   RED           never: named persons only, and no machine is one. An unknown label counts as RED.
 *   AMBER+STRICT  stays in the organisation that has it; only the peer it came from may have it back
 *   AMBER         the organisation and its clients: what a peer told us under AMBER goes to no other peer
 *   GREEN, CLEAR  peers
 * Above that: an agreement in force with a ceiling at least as strict as the label, which names the class or none at all; nothing of
 * a restricted case; notes only where their author said so; no personal data. An item is sent with its own label, never a wider one.
 */
#ifndef CIRT_RULES_DISCLOSURE_H
#define CIRT_RULES_DISCLOSURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/tlp.h"

enum disclosure_kind { DISCLOSURE_CASE, DISCLOSURE_SIGHTING, DISCLOSURE_NOTE, DISCLOSURE_EVIDENCE };

struct disclosure_item {
    enum disclosure_kind kind;
    enum tlp tlp;           /* TLP_NONE: unknown, counts as RED */
    int64_t origin_peer;    /* the peer who said it; 0: we, or somebody who is no peer */
    const char *class_name; /* RSIT; NULL: unknown */
    bool is_personal;       /* names a person: a reporter, a victim's address */
    bool is_restricted;     /* of a compartment */
    bool is_shareable;      /* notes and evidence: marked with --share */
};

struct disclosure_agreement {
    int64_t valid_from, valid_until; /* microseconds; in force from the first, until before the second */
    bool enabled;
    enum tlp ceiling;
    const char *const *classes; /* RSIT names or bare classes ("fraud") */
    size_t class_count;         /* 0: all classes */
};

struct disclosure_peer {
    int64_t id;
    const char *name;
    bool enabled;
};

enum disclosure_reason {
    DISCLOSURE_GOES,
    DISCLOSURE_PEER_DISABLED,
    DISCLOSURE_NO_AGREEMENT,
    DISCLOSURE_NOT_YET,
    DISCLOSURE_ENDED,
    DISCLOSURE_LABEL_RED,
    DISCLOSURE_LABEL_STRICT,
    DISCLOSURE_LABEL_OF_OTHER_PEER,
    DISCLOSURE_ABOVE_CEILING,
    DISCLOSURE_CLASS_NOT_COVERED,
    DISCLOSURE_RESTRICTED,
    DISCLOSURE_NOT_MARKED,
    DISCLOSURE_PERSONAL
};

struct disclosure_verdict {
    enum disclosure_reason reason; /* DISCLOSURE_GOES, or why it stays: the first that applies */
    char text[160];                /* "goes", or after "stays: ": "TLP:RED, named persons only" */
    char hint[160];                /* what to do about it, a command where there is one, or "" */
};

/* agreement NULL: there is none. now in microseconds. */
struct disclosure_verdict disclosure_decide(const struct disclosure_item *item, const struct disclosure_agreement *agreement,
                                            const struct disclosure_peer *peer, int64_t now);

/* As disclosure_decide() for what concerns peer and agreement alone, for "in force" in lists. */
struct disclosure_verdict disclosure_decide_peer(const struct disclosure_agreement *agreement, const struct disclosure_peer *peer,
                                                 int64_t now);

#endif
