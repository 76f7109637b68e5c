/*
 * tests/support/cluster.h - the private PostgreSQL that tests/support/with-cluster started for this program. Any role
 * logs in by name, without a password. Every call fails the test (cmocka's fail_msg) where the server refuses.
 */
#ifndef CIRT_TESTS_SUPPORT_CLUSTER_H
#define CIRT_TESTS_SUPPORT_CLUSTER_H

#include <stdbool.h>

#include "base/attr.h"

/* "host=... port=... dbname=cirt user=cirt_<role>" in a buffer of the caller; role "postgres" is the superuser. */
enum { CLUSTER_CONNINFO_SIZE = 256 };
const char *cluster_conninfo(const char *role, char conninfo[CLUSTER_CONNINFO_SIZE]);

/* The folder of the sockets: PGHOST. */
const char *cluster_host(void);

/* Runs statements as the superuser. */
void cluster_execute(const char *sql);

/* The first column of the first row, "" for NULL or no row; the caller frees. As the superuser. */
char *cluster_text(const char *sql);
long long cluster_number(const char *sql);

/* Runs one statement as cirt_<role>: true where it is allowed; false with its SQLSTATE ("42501": not permitted). */
bool cluster_may(const char *role, const char *sql, char sqlstate[6]);

/* Prepares one statement as cirt_<role>, without running it; as cluster_may(). message (may be NULL) is the caller's to free. */
bool cluster_prepares(const char *role, const char *sql, char sqlstate[6], char **message);

#endif
