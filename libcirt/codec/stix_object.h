/* codec/stix_object.h - the objects of a STIX document: what they must have, and finding them by id. */
#ifndef CIRT_CODEC_STIX_OBJECT_H
#define CIRT_CODEC_STIX_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "codec/json_value.h"
#include "model/tlp.h"

struct stix_object {
    const json_t *json;
    const char *type, *id;
    size_t index;                  /* in items[] */
    int64_t modified;              /* TIMESTAMP_NONE where it has no such time */
    const struct json_place *list; /* where the list that it is in stands; NULL: the document is this object */
    size_t list_index;
    bool is_old;         /* a newer version of it is in the document, or it is left out */
    bool is_left_out;    /* it is not what it must be: only kept, with its labels. type and id may be NULL */
    bool is_seen;        /* an observation has taken what it holds */
    bool is_used;        /* the report says what it says: it need not be kept beside */
    enum tlp label, pap; /* what a marking-definition says: stix_marking_read() */
};

struct stix_document {
    struct stix_object *items; /* in the order of the document; heap */
    size_t count, capacity;
    struct stix_object **by_id; /* the newest version of each, sorted */
    size_t id_count;
    const json_t *frame; /* the bundle or envelope around them; NULL where there is none */
    json_t *lists;       /* of the bundles within, which are items without theirs */
    struct arena *arena;
};

/* Takes a bundle, a TAXII envelope, a list of objects or a single one; bundles within a bundle or list are read with it. Checks what the
 * report is made from: types, ids, times, what each known type must have; unknown types and members are let through. Of several objects
 * those that are wrong are left out. ERR_INPUT with the JSON pointer where none is right, or a wrong one may hide a label. Takes out of the
 * tree what says nothing (members that are null) and writes 85.0 as 85. Whatever it returns, clear *out. */
bool stix_object_read(json_t *root, struct stix_document *out, struct err *err) MUST_CHECK;
void stix_object_clear(struct stix_document *document);

/* False, with its fault, for one that was left out. */
bool stix_object_is_whole(const struct stix_object *object, struct err *err) MUST_CHECK;

/* An address, file or the like, which says of nobody that anything happened. Of types that we do not know, what has no `created`. */
bool stix_object_is_observable(const struct stix_object *object);

/* Its maker took it back. */
bool stix_object_is_revoked(const struct stix_object *object);

/* Of STIX 2.0, where `labels` is the vocabulary that 2.1 has in indicator_types and the like. */
bool stix_object_is_20(const struct stix_object *object);

/* The newest version, or NULL. */
struct stix_object *stix_object_find(const struct stix_document *document, const char *id);

/* A member that is a non-empty string, else NULL. */
const char *stix_object_text(const json_t *object, const char *name);

/* A member that is a time, else TIMESTAMP_NONE. */
int64_t stix_object_time(const json_t *object, const char *name);

/* Sets the error at the object's member (NULL: the object itself); returns false. */
bool stix_object_fail(const struct stix_object *object, const char *member, enum err_code code, struct err *err, const char *text);

/* The JSON pointer to the object's member, in the arena. */
const char *stix_object_place(const struct stix_object *object, const char *member, struct arena *arena);

#endif
