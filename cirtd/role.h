/*
 * cirtd/role.h - what each process is and may: the one table that supervisor, self-check, systemd units and docs follow.
 */
#ifndef CIRT_CIRTD_ROLE_H
#define CIRT_CIRTD_ROLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/config.h"

struct role;

/* What a running role has at hand. */
struct role_context {
    const struct role *role;
    int instance;                /* from 1 */
    const struct config *config; /* its own part */
    int config_fd;               /* the supervisor's descriptor, or -1 */
    const char *config_path;     /* or NULL */
};

struct role {
    const char *name;     /* "gate-feeds": the word behind cirtd, the OS user behind user_prefix */
    const char *database; /* its login is cirt_<database>; NULL: no database at all */
    unsigned sections;    /* enum config_section bits */
    const char *hostile;  /* what bytes of strangers it sees */
    const char *network, *secrets, *rights;
    int stop_order;                                /* SIGTERM goes to 1 first, to the next when those have ended */
    int (*instances)(const struct config *config); /* how many of it; NULL: one */
    bool (*run)(const struct role_context *context, struct err *err);
};

/*
 * To add a role: its entry function, a row here, sql/statements and sql/grants of its name, its login in packaging/database.sql, a unit in
 * packaging/systemd, its row in docs/ARCHITECTURE.md. tests/checks and the flow test of roles fail until all are there.
 */
extern const struct role role_table[];
extern const size_t role_count;

const struct role *role_find(const char *name); /* NULL where unknown */

/* Reads the role's part anew (SIGHUP). *out is the caller's. */
bool role_reload(const struct role_context *context, struct config **out, struct err *err) MUST_CHECK;

#endif
