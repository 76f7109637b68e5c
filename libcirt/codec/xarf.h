/*
 * codec/xarf.h - X-ARF in JSON: abuse reports of version 4 (xarf.org) and version 3 (Abusix and others). Versions 0.1 and 0.2 are mails:
 * codec/mail_xarf.h. docs/FORMATS.md, section X-ARF, says what becomes what.
 */
#ifndef CIRT_CODEC_XARF_H
#define CIRT_CODEC_XARF_H

#include <jansson.h>

#include "codec/codec.h"
#include "codec/json_take.h"

#define XARF_VERSION "4.2.0" /* what we write */

/* The member of a document of ours that holds what X-ARF has no place for. */
#define XARF_OWN "cirt"

extern const struct codec xarf_codec;

/* One report into an observation, by the version of its document: as json_take_reader. */
bool xarf_v3_read(struct report *report, json_t *event, const struct json_place *place, struct err *err) MUST_CHECK;
bool xarf_v4_read(struct report *report, json_t *event, const struct json_place *place, struct err *err) MUST_CHECK;

/* ERR_INPUT at the member, which "is missing", "must be a string", ...; returns false. */
bool xarf_fail(const struct json_place *place, const char *name, struct err *err, const char *text);

/* A value of any kind that observable_guess() knows, or an array of them; what is none stays. Returns how many were added. */
size_t xarf_take_guessed(const struct json_take *take, const char *name, enum sighting_role role);

/* "sha256:0c4a...", the same without the name (its length tells), or an object of digests by the name of their algorithm. */
void xarf_take_hash(const struct json_take *take, const char *name);

/* Of the same value in the same role one is enough. */
void xarf_unique(struct observation *observation);

/* X-ARF knows no report without a source: who knows only a target names it as that, too. It is nobody's attacker: what is a target or
 * victim is no source beside it. */
void xarf_spare_targets(struct observation *observation);

/* The value's domain part where it is a mail address, else NULL. */
const char *xarf_mail_domain(const char *address);

/* RSIT's name for a category and type of version 4, or for a type of an earlier version (any case, "-" and "_" alike); NULL. */
const char *xarf_class_find(const char *category, const char *type);
const char *xarf_class_legacy(const char *report_class, const char *type);

/*
 * The list of evidence in member `name` becomes one that tells of each item what it is: its members without the payload, its size and
 * SHA-256, short text as "text", and a "warning" where the hash that came with it is another or the payload is no base64. Members are
 * called as in version 4. A bad item never refuses the report.
 */
void xarf_evidence_take(json_t *event, const char *name);

/* The same list as evidence to be sent: items whose text was kept. NULL for none. The caller's. */
json_t *xarf_evidence_write(const json_t *list);

/* What only we say, written and read back. `written` is the report as far as X-ARF's own members say it. */
void xarf_own_write(json_t *event, const struct report *report, const struct observation *observation);
void xarf_own_read(struct report *report, struct observation *observation, const json_t *own);

/* ERR_INPUT where there is no time, no address of a reporter, or no source in it. */
extern const struct codec_pieces xarf_pieces;
/* The same in one. */
bool xarf_encode(const struct report *report, struct buf *out, struct err *err) MUST_CHECK;

#endif
