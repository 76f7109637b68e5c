#include "cirtd/selfcheck.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

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

static const char *grants_of(const struct role *role)
{
    for (size_t i = 0; i < sql_script_count; i++)
        if (str_equal(sql_scripts[i].kind, "grants") && str_equal(sql_scripts[i].name, role->database))
            return sql_scripts[i].text;
    return "";
}

/* "SELECT, INSERT" and "name" into "SELECT name", "INSERT name". */
static void add_rights(struct arena *arena, char *privileges, const char *object, const char ***rights, size_t *count, size_t *capacity)
{
    for (char *save = NULL, *word = strtok_r(privileges, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
        *rights = arena_grow(arena, *rights, capacity, *count, sizeof **rights);
        (*rights)[(*count)++] = arena_printf(arena, "%s %s", word, object);
    }
}

/* The lines "GRANT EXECUTE ON FUNCTION name TO cirt_x;" and "GRANT SELECT, INSERT ON name TO cirt_x;" of a grants file. */
static size_t expected_rights(struct arena *arena, const char *grants, const char ***rights)
{
    static const char grant[] = "GRANT ", on[] = " ON ";
    size_t count = 0, capacity = 0;
    *rights = NULL;
    for (const char *line = grants; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        const char *object = strstr(line, on);
        if (!str_starts(line, grant) || !object)
            continue;
        char *privileges = arena_strndup(arena, line + strlen(grant), (size_t)(object - line) - strlen(grant));
        object += strlen(on);
        object += str_starts(object, "FUNCTION ") || str_starts(object, "SEQUENCE ") ? strlen("FUNCTION ") : 0;
        add_rights(arena, privileges, arena_strndup(arena, object, strcspn(object, "( ;")), rights, &count, &capacity);
    }
    return count;
}

static bool contains(const char *const *rights, size_t count, const char *right)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(rights[i], right))
            return true;
    return false;
}

bool selfcheck_rights(const struct role *role, struct db *db, struct err *err)
{
    struct db_rows *rows = NULL;
    if (!db_run(db, SQL_COMMON_RIGHTS, NULL, &rows, err))
        return false;
    struct arena *arena = arena_new();
    const char **expected = NULL;
    size_t expected_count = expected_rights(arena, grants_of(role), &expected);
    size_t count = db_row_count(rows);
    const char **held = arena_calloc(arena, count + 1, sizeof *held);
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        held[i] = db_get_text(rows, i, 0);
        if (ok && !contains(expected, expected_count, held[i]) && !str_equal(held[i], "SELECT schema_version"))
            ok = err_set(err, ERR_DENIED, "database login cirt_%s holds too much: %s", role->database, held[i]);
    }
    for (size_t i = 0; ok && i < expected_count; i++)
        if (!contains(held, count, expected[i]))
            ok = err_set(err, ERR_DENIED, "database login cirt_%s lacks a right: %s: run cirtd migrate", role->database, expected[i]);
    arena_free(arena);
    db_rows_free(rows);
    return ok;
}
