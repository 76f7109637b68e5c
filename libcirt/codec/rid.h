/*
 * codec/rid.h - Real-time Inter-network Defense (RFC 6545): the envelope in which peers pass IODEF documents. Transport is elsewhere
 * (RFC 6546). No signatures are checked here.
 */
#ifndef CIRT_CODEC_RID_H
#define CIRT_CODEC_RID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"

#define RID_SPACE "urn:ietf:params:xml:ns:iodef-rid-2.0"

/* MsgType (section 5.2). */
enum rid_type {
    RID_REPORT = 1,
    RID_INVESTIGATION_REQUEST,
    RID_TRACE_REQUEST,
    RID_QUERY,
    RID_RESULT,
    RID_ACKNOWLEDGEMENT,
    RID_OTHER /* ext-value, or nothing we know */
};

/* AuthorizationStatus of an Acknowledgement (section 5.3). */
enum rid_status { RID_STATUS_NONE, RID_APPROVED, RID_DENIED, RID_PENDING, RID_STATUS_OTHER };

/* Why it was denied. */
enum rid_justification {
    RID_JUSTIFICATION_NONE,
    RID_SYSTEM_RESOURCE,
    RID_AUTHENTICATION,
    RID_AUTHENTICATION_ORIGIN,
    RID_ENCRYPTION,
    RID_UNRECOGNIZED_FORMAT,
    RID_CANNOT_PROCESS,
    RID_JUSTIFICATION_OTHER
};

enum { RID_LIST_MAX = 8 };

/* A message as it was read. Strings live in the arena and die with rid_free(). Absent texts are NULL. */
struct rid {
    struct arena *arena;
    enum rid_type type;
    const char *type_name;   /* as written */
    const char *destination; /* MsgDestination: "RIDSystem", "SourceOfIncident" */
    const char *node;        /* whom it is for: an address or a name */
    const char *incident_id, *incident_issuer;
    const char *regions[RID_LIST_MAX], *traffic[RID_LIST_MAX]; /* PolicyRegion, TrafficType: the first ones */
    size_t region_count, traffic_count;
    enum rid_status status; /* of an Acknowledgement, else RID_STATUS_NONE */
    enum rid_justification justification;
    const char *document; /* the embedded document as XML of its own, NULL where there is none */
    size_t document_size;
    const char *document_space; /* its namespace */
    const char *document_name;  /* its root element */
    unsigned document_line;     /* where it starts in the message */
};

/* ERR_INPUT with the place for what is no RID message, or an incomplete one; the embedded document is not looked into. On true *out
 * is the caller's. */
bool rid_parse(const char *bytes, size_t size, const struct codec_limits *limits, struct rid **out, struct err *err) MUST_CHECK;
void rid_free(struct rid *message); /* NULL is fine */

/* As rid_parse(), and refuses (ERR_INPUT) what is no Acknowledgement. */
bool rid_parse_acknowledgement(const char *bytes, size_t size, const struct codec_limits *limits, struct rid **out,
                               struct err *err) MUST_CHECK;

/* What we write around a document or answer. */
struct rid_envelope {
    const char *node;        /* the peer's address (an IP address by section 5.2; a name is taken too) */
    const char *region;      /* PolicyRegion; NULL for "PeerToPeer" */
    const char *traffic;     /* TrafficType; NULL for "Attack" */
    const char *incident_id; /* with its issuer; both may be NULL */
    const char *incident_issuer;
    const char *restriction; /* of the policy element: "private", "need-to-know", "public" (IODEF v1 knows no TLP); NULL for none */
};

/* Adds a Report message around an IODEF v2 document (its bytes as iodef_codec writes them; ERR_INPUT where they are no XML). The
 * schema of RFC 6545 names IODEF v1 only: v2 is declared by ext-Version 2.00 and ext-XMLSchemaID. */
bool rid_encode_report(const struct rid_envelope *envelope, const char *iodef, size_t size, struct buf *out, struct err *err) MUST_CHECK;

bool rid_encode_acknowledgement(const struct rid_envelope *envelope, enum rid_status status, enum rid_justification justification,
                                struct buf *out, struct err *err) MUST_CHECK;

const char *rid_justification_name(enum rid_justification justification); /* NULL for none */

extern const struct codec rid_codec;

#endif
