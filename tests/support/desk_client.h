/*
 * tests/support/desk_client.h - calls of the desk without gate and socket: desk_handle() on the cluster of tests/support/with-cluster.
 * Identities lead, analyst, analyst2, admin, auditor, feed and a key nobody has; the disabled one is "gone".
 */
#ifndef CIRT_TESTS_SUPPORT_DESK_CLIENT_H
#define CIRT_TESTS_SUPPORT_DESK_CLIENT_H

#include <jansson.h>
#include <stdint.h>

#include "wire/message.h"

struct desk_client;
/* Registers the identities where they are not there yet. */
struct desk_client *desk_client_new(void);
void desk_client_free(struct desk_client *client);
/* Of a group of tests whose state is a client. */
int desk_client_setup(void **state);
int desk_client_teardown(void **state);

/* who: a login, or "nobody". if_match and body may be NULL. The answer's JSON is the caller's (json_decref); NULL where it is no JSON. */
json_t *desk_client_call(struct desk_client *client, const char *who, enum message_method method, const char *path, const char *if_match,
                         const char *body, int *status);
/* The same, failing the test where the status is another. */
json_t *desk_client_get(struct desk_client *client, const char *who, int status, const char *path);
json_t *desk_client_post(struct desk_client *client, const char *who, int status, const char *path, const char *body);
/* An edit of a case, with the revision that it has now. */
json_t *desk_client_edit(struct desk_client *client, const char *who, int status, int64_t number, const char *verb, const char *body);
/* The bytes of the last answer. */
const char *desk_client_bytes(const struct desk_client *client, size_t *size);

/* Of an answer: a member's text, "(none)" where it is none; how many are in its list. */
const char *desk_client_text(const json_t *object, const char *name);
size_t desk_client_size(const json_t *object, const char *name);

/* A list of indicators, of which only the head is answered (the caller's); tlp may be NULL. */
json_t *desk_client_export(struct desk_client *client, const char *who, int status, const char *format, const char *tlp,
                           const char *filter);
/* The same, failing the test where its values, sorted and joined by blanks, are others, or are not as many as its head says. */
void desk_client_export_is(struct desk_client *client, const char *who, const char *format, const char *tlp, const char *filter,
                           const char *wanted);

/* A new case by "lead"; its number. */
int64_t desk_client_case(struct desk_client *client, const char *summary, const char *tlp);

/* A report with one observation of one sighting of each observable "type value role" ("ipv4 198.51.100.7 source"), stored as by intake, in
 * a case (0 for none); its number. */
int64_t desk_client_report(int64_t case_number, const char *tlp, const char *sender, const char *const *observables);

#endif
