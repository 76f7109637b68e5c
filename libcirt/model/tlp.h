/* model/tlp.h - Traffic Light Protocol 2.0 (FIRST, August 2022). */
#ifndef CIRT_MODEL_TLP_H
#define CIRT_MODEL_TLP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* In order of strictness; the numbers are the database's. TLP_NONE: nothing was said. */
enum tlp { TLP_NONE = -1, TLP_CLEAR = 0, TLP_GREEN = 1, TLP_AMBER = 2, TLP_AMBER_STRICT = 3, TLP_RED = 4 };

/* Reads "amber+strict", "TLP:AMBER+STRICT", any case; "white" (TLP 1.0) is CLEAR. False for anything else. */
bool tlp_parse(const char *text, enum tlp *label) MUST_CHECK;

/*
 * The strictest label that stands somewhere in the text: as "TLP:GREEN", blanks around the colon, which may be full-width, AMBER+STRICT
 * also with a blank, "-" or "_" for the plus; of several in one ("AMBER/RED") the strictest. What is written otherwise ("TLP RED", "TLP
 * (RED)", "TLP=RED", "TLP v2: RED", "RED (TLP)", "**TLP:** **RED**", on two lines, "Traffic Light Protocol: RED") only narrows: GREEN and
 * CLEAR are none there, unless to narrow a wider one. TLP_NONE where there is none. NULL has none.
 */
enum tlp tlp_in_text(const char *text);

/* What stands where a label belongs, or several tags do ("tlp:green,malware:x"); TLP_NONE where it says that there is none ("n/a"): one
 * that we do not know says more than none, so it is AMBER+STRICT, or RED where "red" is one of its words. */
enum tlp tlp_claimed(const char *text);

/* Whether a document that cannot be read calls itself RED: TLP:RED, "tlp": "red", TLP_RED, <tlp>red, IODEF's restriction="red", n6's
 * "restriction": "internal", STIX's marking, CSAF's "tlp": {"label": "RED"}. */
bool tlp_red_in_bytes(const char *bytes, size_t size);

/* The same piece by piece, over the seams between them; zeroed before the first piece. Of an endless document TLP_SEARCHED_MAX is enough.
 */
struct tlp_search {
    char tail[64]; /* what is looked for is shorter */
    size_t tail_size;
    size_t searched; /* bytes so far */
    /* Of a table with labels: a field that is just one of these, in any case, is RED too; NULL behind the last. NULL: it is none. */
    const char *const *words;
    char delimiter; /* of the fields, beside the usual ones */
};
#define TLP_SEARCHED_MAX (256u * 1024 * 1024)
bool tlp_search_red(struct tlp_search *search, const char *bytes, size_t size);

const char *tlp_name(enum tlp label);  /* "amber+strict"; NULL for TLP_NONE */
const char *tlp_label(enum tlp label); /* "TLP:AMBER+STRICT"; "" for TLP_NONE */
enum tlp tlp_strictest(enum tlp a, enum tlp b);

#endif
