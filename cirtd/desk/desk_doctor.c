#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/str.h"
#include "cirtd/desk/desk_inside.h"
#include "cirtd/places.h"
#include "store/schema.h"

static void add_check(struct buf *body, size_t *count, const char *name, bool ok, const char *text, const char *hint)
{
    buf_add_text(body, (*count)++ ? ",{\"name\":" : "{\"name\":");
    str_add_json(body, name);
    buf_printf(body, ",\"ok\":%s,\"text\":", ok ? "true" : "false");
    str_add_json(body, text);
    buf_add_text(body, ",\"hint\":");
    if (hint)
        str_add_json(body, hint);
    else
        buf_add_text(body, "null");
    buf_add_char(body, '}');
}

/* Who waits: the shares of cirtd/watermark.h. */
static const char *room_hint(int64_t free_mb, int64_t reserve_mb)
{
    return free_mb >= reserve_mb       ? NULL
           : free_mb >= reserve_mb / 2 ? "feeds are refused until there is room: enlarge the disk, or remove old partitions"
           : free_mb >= reserve_mb / 4
               ? "feeds and mail are refused until there is room: enlarge the disk, or remove old partitions"
               : "feeds, mail and analysts' reports are refused until there is room: enlarge the disk, or remove old partitions";
}

static bool check_disk(struct desk_call *call, const char *name, const char *path, const char *what, size_t *count)
{
    struct statvfs disk;
    if (str_is_empty(path))
        return true;
    if (statvfs(path, &disk) != 0) {
        add_check(
            &call->answer->body, count, name, false, arena_printf(call->arena, "%s cannot be looked at: %s", path, strerror(errno)),
            "nobody watches its free space: name a folder on it in cirtd.conf, database { data } or { wal }, that cirt's users can reach");
        return false;
    }
    int64_t free_mb = (int64_t)(disk.f_bavail / 1024 * disk.f_frsize / 1024);
    bool ok = free_mb >= call->desk->reserve_mb;
    add_check(&call->answer->body, count, name, ok,
              arena_printf(call->arena, "%lld MB free for %s, %lld MB held in reserve", (long long)free_mb, what,
                           (long long)call->desk->reserve_mb),
              room_hint(free_mb, call->desk->reserve_mb));
    return ok;
}

static bool check_disks(struct desk_call *call, size_t *count)
{
    bool data_ok = check_disk(call, "disk", call->desk->data_path, "the database", count);
    return check_disk(call, "disk of the WAL", call->desk->wal_path, "the database's WAL", count) && data_ok;
}

/* Maps that are left out; silent where all are read. */
static bool check_places(struct desk_call *call, size_t *count)
{
    const char *path, *fault;
    bool ok = true;
    for (size_t i = 0; places_check(call->desk->places, i, &path, &fault); i++) {
        if (fault)
            add_check(&call->answer->body, count, "places", false, arena_printf(call->arena, "%s: %s", path, fault),
                      "nothing is looked up in it: fetch it again, or take it out of cirtd.conf, desk { mmdb }");
        ok = ok && !fault;
    }
    return ok;
}

static bool run_doctor(struct desk_call *call, struct err *err)
{
    struct buf *body = &call->answer->body;
    struct db_rows *rows = NULL;
    size_t count = 0;
    if (!desk_run(call, SQL_DESK_DOCTOR, &rows, err))
        return false;
    buf_add_text(body, "{\"checks\":[");
    /* A database of another schema would not have answered. */
    add_check(body, &count, "schema", true, schema_version(), NULL);
    bool ok = check_disks(call, &count), are_places_ok = check_places(call, &count);
    ok = ok && are_places_ok;
    for (size_t i = 0; i < db_row_count(rows); i++) {
        add_check(body, &count, db_get_text(rows, i, 0), db_get_bool(rows, i, 1), db_get_text(rows, i, 2), db_get_text(rows, i, 3));
        ok = ok && db_get_bool(rows, i, 1);
    }
    buf_printf(body, "],\"ok\":%s}", ok ? "true" : "false");
    db_rows_free(rows);
    return true;
}

const struct desk_route desk_doctor_routes[] = {{"doctor", run_doctor}, {NULL, NULL}};
