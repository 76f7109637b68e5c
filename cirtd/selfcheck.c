#include "cirtd/selfcheck.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

/* Names of rights in a message: the first dozen tell enough. */
enum { EXCESS_MAX = 512 };

static bool has_capabilities(void)
{
    char line[256];
    bool has = true;
    FILE *status = fopen("/proc/self/status", "re");
    if (!status)
        return true;
    while (fgets(line, sizeof line, status))
        if (str_starts(line, "CapEff:"))
            has = strtoull(line + strlen("CapEff:"), NULL, 16) != 0;
    fclose(status);
    return has;
}

static bool check_descriptors(int config_fd, struct err *err)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return err_set(err, ERR_INTERNAL, "/proc/self/fd cannot be read");
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        int64_t fd;
        if (str_to_int64(entry->d_name, 3, INT32_MAX, &fd) && fd != dirfd(dir) && fd != config_fd)
            ok = err_set(err, ERR_DENIED, "descriptor %lld was inherited and is too much for this role", (long long)fd);
    }
    closedir(dir);
    return ok;
}

bool selfcheck_process(int config_fd, struct err *err)
{
    if (geteuid() == 0 || getuid() == 0)
        return err_set(err, ERR_DENIED, "a role does not run as root: start it through cirtd run or its systemd unit");
    if (has_capabilities())
        return err_set(err, ERR_DENIED, "this process holds capabilities, which is too much for a role");
    return check_descriptors(config_fd, err);
}

static bool is_granted(const char *role, const char *right)
{
    for (size_t i = 0; i < sql_right_count; i++)
        if (str_equal(sql_rights[i].role, role) && str_equal(sql_rights[i].right, right))
            return true;
    return false;
}

static bool is_held(const struct db_rows *rows, const char *right)
{
    for (size_t i = 0; i < db_row_count(rows); i++)
        if (str_equal(db_get_text(rows, i, 0), right))
            return true;
    return false;
}

bool selfcheck_rights(const struct role *role, struct db *db, struct err *err)
{
    struct db_rows *rows = NULL;
    if (!db_run(db, SQL_COMMON_RIGHTS, NULL, &rows, err))
        return false;
    struct buf excess;
    buf_init(&excess, EXCESS_MAX);
    for (size_t i = 0; i < db_row_count(rows); i++)
        if (!is_granted(role->database, db_get_text(rows, i, 0)))
            buf_printf(&excess, "%s%s", excess.size ? ", " : "", db_get_text(rows, i, 0));
    bool ok = excess.size == 0 || err_set(err, ERR_DENIED, "database login cirt_%s holds too much: %s", role->database, buf_text(&excess));
    buf_clear(&excess);
    for (size_t i = 0; ok && i < sql_right_count; i++)
        if (str_equal(sql_rights[i].role, role->database) && !is_held(rows, sql_rights[i].right))
            ok = err_set(err, ERR_DENIED, "database login cirt_%s lacks a right: %s: run cirtd migrate", role->database,
                         sql_rights[i].right);
    db_rows_free(rows);
    return ok;
}
