/*
 * wire/api.h - the endpoint table that gate, intake, desk and cirt share: who may call what.
 *
 * To add an endpoint: a row in api_endpoints[] (api.c), a handler in cirtd/desk/ (or cirtd/intake/), its operation in
 * docs/openapi.yaml, a call in a db or flow test. tests/unit/wire/test_api.c and tests/checks fail until all are there.
 */
#ifndef CIRT_WIRE_API_H
#define CIRT_WIRE_API_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "wire/message.h"

/* What an identity may do; the role of an identity (feed, peer, analyst, lead, admin, auditor) maps to a set in api_role_may(). */
enum api_permission {
    API_SUBMIT,     /* feed, analyst, lead, admin: send reports */
    API_OWN_REPORT, /* feed: read what it sent */
    API_RID,        /* peer */
    API_READ,       /* analyst, lead, admin, auditor */
    API_WORK,       /* analyst, lead, admin: change cases */
    API_SHARE,      /* lead, admin: share, incoming accept, rules */
    API_ADMIN,      /* admin: peers, agreements, identities, constituents, feeds */
    API_PUBLIC,     /* anybody, also without a certificate */
    API_NOBODY
};
/* Who answers. */
enum api_worker { API_GATE, API_INTAKE, API_DESK };

struct api_endpoint {
    const char *id; /* "case_take": the operationId, the desk's handler */
    enum message_method method;
    const char *path; /* "/v1/cases/{case}/take"; {x} matches one segment */
    enum api_permission permission;
    enum api_worker worker;
    unsigned listeners;  /* bit 1 << MESSAGE_FEEDS | ...: where it is served */
    bool needs_revision; /* If-Match, else 428 */
    const char *summary;
};
extern const struct api_endpoint api_endpoints[];
extern const size_t api_endpoint_count;

enum { API_PARAMETERS_MAX = 4, API_PARAMETER_SIZE = 200 };
struct api_match {
    const struct api_endpoint *endpoint;                     /* NULL: no such path */
    bool other_method;                                       /* the path exists for another method only: 405 */
    bool other_listener;                                     /* it exists, but not on this listener: 403 */
    char parameters[API_PARAMETERS_MAX][API_PARAMETER_SIZE]; /* what stood for {x}, percent-decoded, in order */
};
/* path may carry a query. False for a path that is not well-formed (bad percent, NUL, segment too long). */
bool api_find(enum message_listener listener, enum message_method method, const char *path, struct api_match *match) MUST_CHECK;

/* "feed", "peer", "analyst", "lead", "admin", "auditor". An unknown role may nothing. */
bool api_role_may(const char *role, enum api_permission permission);

/* The decoded value of ?name= in the query of path, into value (size bytes); false where absent, badly encoded or too long. */
bool api_query_value(const char *path, const char *name, char *value, size_t size);

#endif
