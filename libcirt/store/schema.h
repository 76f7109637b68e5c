/* store/schema.h - bringing a database to this program's schema, and telling whether it is there. */
#ifndef CIRT_STORE_SCHEMA_H
#define CIRT_STORE_SCHEMA_H

#include "base/attr.h"
#include "base/err.h"
#include "store/db.h"

/* What SQL_COMMON_SCHEMA_VERSION must answer: "0004 5f0c…", the last migration, and a digest over every embedded script. */
const char *schema_version(void);

struct schema_site {
    const char *name, *prefix, *domain, *zone;
};
/* As a member of cirt_owner: runs the migrations that are missing (each in a transaction, its SHA-256 recorded; a recorded one whose text
 * changed is ERR_INTERNAL), then makes all functions, views and grants anew in one transaction. *applied: how many migrations ran. */
bool schema_migrate(struct db *db, const struct schema_site *site, int *applied, struct err *err) MUST_CHECK;

/* The first identity, an admin, where there is none yet; ERR_CONFLICT where there is one of another key. key is 64 hex digits. */
bool schema_first_admin(struct db *db, const char *login, const char *key, struct err *err) MUST_CHECK;

#endif
