#include "cirtd/stages/fetch_drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/stage.h"
#include "cirtd/stages/fetch_store.h"
#include "cirtd/stages/fetch_stuck.h"
#include "cirtd/watermark.h"

/* QUIET_S: a file whose closing we did not see is finished when nobody wrote to it for so long. STUCK_MS: till a file that could not be
 * put away is tried again. WRITTEN_MS: events of files that are being written are looked at no more often. */
enum { SCAN_MS = 10 * 1000, QUIET_S = 30, STUCK_MS = 5 * 60 * 1000, NO_SPACE_MS = 5000, WRITTEN_MS = 50, READY_MAX = 10000 };
#define DOCUMENT_BYTES_MAX (INT64_C(1) << 30)
/* What a file is called while it is put away: a name that nobody else uses. */
#define TAKEN ".taken"

/* The columns of `folders`, and of `malformed`. */
enum { ID, NAME, SIZE_MAX_, KEEPS, OVER_QUOTA };
enum { MALFORMED_REPORT, MALFORMED_FEED, MALFORMED_NAME, MALFORMED_SHA256, MALFORMED_REASON };

/* Names of files, in order of their coming. */
struct names {
    char **items;
    size_t count, capacity;
};

struct folder {
    int64_t id;
    char *name;
    int fd, watch;
    int64_t size_max;
    bool keeps_files, is_wanted;
    int64_t rest_until_ms;
    bool rests_for_quota; /* and goes on as soon as it may */
    int told_waiting;     /* whether its record says that files wait for space; -1: not known */
    struct names ready;   /* finished files, the oldest first */
    struct names written; /* files that somebody began to write since we watch, and did not close yet */
    struct fetch_stuck stuck;
    size_t others; /* how many of what lies there are no files */
};

struct drop {
    const struct role_context *context;
    struct db *db;
    struct db_params *params;
    int root, inotify;
    struct folder *folders;
    size_t folder_count, folder_capacity;
    int64_t read_ms, scan_ms; /* when folders and files are looked through again */
};

/* Is it the name of a file that somebody still writes, by custom? */
static bool is_temporary(const char *name)
{
    static const char *const ends[] = {"~", ".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".swp", ".lock"};
    if (name[0] == '.')
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        if (str_ends_nocase(name, ends[i]))
            return true;
    return false;
}

/* --- names --- */

/* Their count where it is not among them. */
static size_t find_name(const struct names *names, const char *name)
{
    size_t i = 0;
    while (i < names->count && !str_equal(names->items[i], name))
        i++;
    return i;
}

static bool has_name(const struct names *names, const char *name)
{
    return find_name(names, name) < names->count;
}

/* Once. Beyond READY_MAX the scan finds it later. */
static void add_name(struct names *names, const char *name)
{
    if (names->count >= READY_MAX || has_name(names, name))
        return;
    names->items = mem_grow(names->items, &names->capacity, names->count, sizeof *names->items);
    names->items[names->count++] = mem_strdup(name);
}

static void remove_name(struct names *names, size_t at)
{
    if (at >= names->count)
        return;
    free(names->items[at]);
    memmove(names->items + at, names->items + at + 1, (--names->count - at) * sizeof *names->items);
}

static void forget_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    names->count = 0;
}

static void rest(struct folder *folder, int64_t ms)
{
    folder->rest_until_ms = timestamp_monotonic_ms() + ms;
}

/* True: it was not stuck before. Where there are too many, the folder is not ours to tidy, and rests as a whole. */
static bool set_stuck(struct folder *folder, const char *name, const struct stat *file, int64_t report_id)
{
    bool is_new = !fetch_stuck_find(&folder->stuck, file);
    if (!fetch_stuck_set(&folder->stuck, name, file, report_id, timestamp_monotonic_ms() + STUCK_MS)) {
        forget_names(&folder->ready);
        rest(folder, STUCK_MS);
    }
    return is_new;
}

/* --- the folders there are --- */

static void folder_close(struct drop *drop, struct folder *folder)
{
    forget_names(&folder->ready);
    forget_names(&folder->written);
    free(folder->ready.items);
    free(folder->written.items);
    fetch_stuck_clear(&folder->stuck);
    free(folder->name);
    if (folder->watch >= 0)
        inotify_rm_watch(drop->inotify, folder->watch);
    if (folder->fd >= 0)
        close(folder->fd);
}

/* From one folder into another, as NUMBER-NAME where there is one of that name. other: the name it has there. */
static bool rename_to(int from_dir, const char *from, int dir, const char *name, int64_t number, char other[NAME_MAX + 1])
{
    snprintf(other, NAME_MAX + 1, "%s", name);
    bool ok = renameat2(from_dir, from, dir, other, RENAME_NOREPLACE) == 0;
    if (!ok && errno == EEXIST) {
        snprintf(other, NAME_MAX + 1, "%lld-%s", (long long)number, name);
        ok = renameat2(from_dir, from, dir, other, RENAME_NOREPLACE) == 0;
    }
    return ok;
}

/* What lies there since a crash, or since it could not be moved. Whether it was read is not known: it is read again, and known by its
 * digest if it was. */
static void give_back_taken(const struct folder *folder)
{
    char other[NAME_MAX + 1];
    UNUSED(rename_to(folder->fd, TAKEN, folder->fd, "taken", timestamp_now(), other));
}

/* The folder of a feed, made where it is not there: for its group too, so that an operator can let other users in. */
static bool folder_open(struct drop *drop, struct folder *folder)
{
    char path[64];
    if (mkdirat(drop->root, folder->name, 0770) == 0 && fchmodat(drop->root, folder->name, 02770, 0) != 0)
        log_warn("folder_mode", "feed=%s error=%s", folder->name, log_quote(strerror(errno)));
    folder->fd = openat(drop->root, folder->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder->fd < 0) {
        log_error("folder_not_open", "feed=%s error=%s", folder->name, log_quote(strerror(errno)));
        return false;
    }
    give_back_taken(folder);
    snprintf(path, sizeof path, "/proc/self/fd/%d", folder->fd);
    folder->watch = inotify_add_watch(drop->inotify, path, IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
    if (folder->watch < 0)
        log_warn("folder_not_watched", "feed=%s error=%s", folder->name, log_quote(strerror(errno)));
    log_info("folder_watched", "feed=%s", folder->name);
    return true;
}

/* Was it removed, or put elsewhere, and another made in its place? */
static bool is_gone(const struct drop *drop, const struct folder *folder)
{
    struct stat ours, there;
    return folder->fd >= 0 && (fstat(folder->fd, &ours) != 0 || fstatat(drop->root, folder->name, &there, AT_SYMLINK_NOFOLLOW) != 0 ||
                               ours.st_ino != there.st_ino || ours.st_dev != there.st_dev);
}

static struct folder *find_folder(struct drop *drop, int64_t id)
{
    for (size_t i = 0; i < drop->folder_count; i++)
        if (drop->folders[i].id == id)
            return &drop->folders[i];
    return NULL;
}

static void take_over(struct drop *drop, const struct db_rows *rows, size_t row)
{
    struct folder *folder = find_folder(drop, db_get_int(rows, row, ID));
    if (!folder) {
        drop->folders = mem_grow(drop->folders, &drop->folder_capacity, drop->folder_count, sizeof *drop->folders);
        folder = &drop->folders[drop->folder_count++];
        *folder = (struct folder){
            .id = db_get_int(rows, row, ID), .name = mem_strdup(db_get_text(rows, row, NAME)), .fd = -1, .watch = -1, .told_waiting = -1};
    }
    folder->is_wanted = true;
    folder->keeps_files = db_get_bool(rows, row, KEEPS);
    if (folder->rests_for_quota && !db_get_bool(rows, row, OVER_QUOTA)) {
        folder->rests_for_quota = false;
        folder->rest_until_ms = 0;
    }
    folder->size_max = db_is_null(rows, row, SIZE_MAX_) ? DOCUMENT_BYTES_MAX : db_get_int(rows, row, SIZE_MAX_);
}

/* Those that are not wanted any more, or were replaced, are closed; the latter come back with the next reading. */
static void drop_unwanted(struct drop *drop)
{
    size_t kept = 0;
    for (size_t i = 0; i < drop->folder_count; i++) {
        struct folder *folder = &drop->folders[i];
        if (folder->is_wanted && !is_gone(drop, folder))
            drop->folders[kept++] = *folder;
        else
            folder_close(drop, folder);
    }
    drop->folder_count = kept;
}

static bool read_folders(struct drop *drop, struct err *err)
{
    struct db_rows *rows = NULL;
    db_params_reset(drop->params);
    if (!db_run(drop->db, SQL_FETCH_FOLDERS, NULL, &rows, err))
        return false;
    for (size_t i = 0; i < drop->folder_count; i++)
        drop->folders[i].is_wanted = false;
    for (size_t row = 0; row < db_row_count(rows); row++)
        take_over(drop, rows, row);
    db_rows_free(rows);
    drop_unwanted(drop);
    for (size_t i = 0; i < drop->folder_count; i++)
        if (drop->folders[i].fd < 0 && folder_open(drop, &drop->folders[i]))
            drop->scan_ms = 0;
    return true;
}

/* --- the files in them --- */

static void add_ready(struct folder *folder, const char *name)
{
    const struct fetch_stuck_file *stuck = is_temporary(name) ? NULL : fetch_stuck_find_at(&folder->stuck, folder->fd, name);
    if (!is_temporary(name) && !(stuck && stuck->until_ms > timestamp_monotonic_ms()))
        add_name(&folder->ready, name);
}

/* What is no file is left where it lies: told where there is more of it than when we looked last. */
static void tell_others(struct folder *folder, size_t others, const char *name)
{
    if (others > folder->others)
        log_warn("not_a_file", "feed=%s name=%s others=%zu", folder->name, log_quote(name), others - 1);
    folder->others = others;
}

static bool is_ours(const char *name)
{
    return str_equal(name, "done") || str_equal(name, "failed");
}

/* What was finished before we watched, or without our being told. */
static void scan(struct folder *folder)
{
    struct stat status;
    int fd = folder->fd < 0 ? -1 : openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    time_t now = time(NULL);
    char other[NAME_MAX + 1] = "";
    size_t others = 0;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (is_temporary(entry->d_name) || fstatat(folder->fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (!S_ISREG(status.st_mode) && !is_ours(entry->d_name)) {
            snprintf(other, sizeof other, "%s", entry->d_name);
            others++;
        } else if (S_ISREG(status.st_mode) && now - status.st_mtime >= QUIET_S && !has_name(&folder->written, entry->d_name)) {
            add_ready(folder, entry->d_name);
        }
    }
    closedir(dir);
    tell_others(folder, others, other);
}

/* Names under which nothing is any more: whoever wrote there gave it another, or removed it. */
static void forget_gone(const struct folder *folder, struct names *names)
{
    for (size_t i = names->count; i-- > 0;)
        if (faccessat(folder->fd, names->items[i], F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
            remove_name(names, i);
}

/* Somebody made a file, or wrote to it: finished when it is closed, however long that takes. What was linked into the folder has its
 * content already, and nobody closes it. */
static void take_writing(struct folder *folder, const struct inotify_event *event)
{
    struct stat status;
    if (is_temporary(event->name) || has_name(&folder->written, event->name))
        return;
    if (event->mask & IN_CREATE &&
        (fstatat(folder->fd, event->name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode) || status.st_size > 0))
        return;
    add_name(&folder->written, event->name);
    remove_name(&folder->ready, find_name(&folder->ready, event->name));
}

static void take_event(struct drop *drop, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        drop->scan_ms = 0; /* what was missed is found when it is quiet */
        for (size_t i = 0; i < drop->folder_count; i++)
            forget_names(&drop->folders[i].written);
    }
    for (size_t i = 0; i < drop->folder_count; i++) {
        struct folder *folder = &drop->folders[i];
        if (folder->watch != event->wd || event->len == 0 || event->mask & IN_ISDIR)
            continue;
        if (event->mask & (IN_CREATE | IN_MODIFY)) {
            take_writing(folder, event);
        } else {
            remove_name(&folder->written, find_name(&folder->written, event->name));
            add_ready(folder, event->name);
        }
    }
}

/* False: there were none. */
static bool take_events(struct drop *drop)
{
    _Alignas(struct inotify_event) char bytes[16 * 1024];
    bool has_any = false;
    ssize_t size;
    while ((size = read(drop->inotify, bytes, sizeof bytes)) > 0) {
        has_any = true;
        for (const char *at = bytes; at < bytes + size;) {
            const struct inotify_event *event = (const void *)at;
            take_event(drop, event);
            at += sizeof *event + event->len;
        }
    }
    return has_any;
}

/* --- one file --- */

/* done/ or failed/; the caller's to close. -1: it cannot be had. */
static int open_beside(const struct folder *folder, const char *where)
{
    if (mkdirat(folder->fd, where, 0770) == 0)
        (void)!fchmodat(folder->fd, where, 02770, 0); /* against our umask */
    else if (errno != EEXIST)
        return -1;
    return openat(folder->fd, where, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The same into done/ or failed/ of folder. */
static bool move_to(const struct folder *folder, int from_dir, const char *from, const char *where, const char *name, int64_t number,
                    char other[NAME_MAX + 1])
{
    int dir = open_beside(folder, where);
    if (dir < 0)
        return false;
    bool ok = rename_to(from_dir, from, dir, name, number, other);
    close(dir);
    return ok;
}

static void write_reason(const struct folder *folder, const char *name, const char *reason)
{
    char path[NAME_MAX + 1];
    int dir = open_beside(folder, "failed");
    snprintf(path, sizeof path, "%.200s.reason", name);
    int fd = dir < 0 ? -1 : openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0660);
    if (fd < 0 || fchmod(fd, 0660) != 0 || dprintf(fd, "%s\n", reason) < 0) /* whoever delivered is to read it, whatever our umask */
        log_warn("reason_not_written", "feed=%s file=%s error=%s", folder->name, log_quote(name), log_quote(strerror(errno)));
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
}

/* To done/, or out of the folder, where it is stored; reason: why it is not, and it goes to failed/. file: as it was before it was read.
 * Its name may be given to a newer one at any moment: that one stays, and its event is still to come. False: it cannot be moved, and is
 * stuck. */
static bool put_away(struct folder *folder, const char *name, const struct stat *file, int64_t report_id, const char *reason)
{
    const char *where = reason ? "failed" : folder->keeps_files ? "done" : NULL;
    int64_t number = report_id ? report_id : timestamp_now();
    char other[NAME_MAX + 1];
    if (!fetch_stuck_is_at(folder->fd, name, file))
        return true;
    give_back_taken(folder);
    bool ok = renameat2(folder->fd, name, folder->fd, TAKEN, RENAME_NOREPLACE) == 0;
    bool is_newer = ok && !fetch_stuck_is_at(folder->fd, TAKEN, file);
    if (is_newer)
        ok = rename_to(folder->fd, TAKEN, folder->fd, name, number, other);
    else if (ok)
        ok = where ? move_to(folder, folder->fd, TAKEN, where, name, number, other) : unlinkat(folder->fd, TAKEN, 0) == 0;
    if (ok && reason && !is_newer)
        write_reason(folder, other, reason);
    if (ok || errno == ENOENT)
        return true;
    int error = errno;
    UNUSED(rename_to(folder->fd, TAKEN, folder->fd, name, number, other));
    if (set_stuck(folder, other, file, report_id))
        log_error("file_not_moved", "feed=%s file=%s to=%s error=%s", folder->name, log_quote(name), where ? where : "nowhere",
                  log_quote(strerror(error)));
    return false;
}

/* cause: a word of fetch_refused(). */
static bool tell_refused(struct drop *drop, const struct folder *folder, const char *cause, const char *reason, struct err *err)
{
    db_params_reset(drop->params);
    db_int8(drop->params, folder->id);
    db_text(drop->params, cause);
    db_text(drop->params, reason);
    return db_run(drop->db, SQL_FETCH_REFUSED, drop->params, NULL, err);
}

/* Moved first, since what is told says where it lies. What is stuck was told before. */
static bool refuse(struct drop *drop, struct folder *folder, const char *name, const struct stat *file, const char *cause, const char *why,
                   struct err *err)
{
    struct fetch_stuck_file *stuck = fetch_stuck_find(&folder->stuck, file);
    bool is_told = stuck && stuck->is_told, ok = true;
    char *reason = mem_printf("%s was not taken: %s", name, why);
    bool is_moved = put_away(folder, name, file, 0, reason);
    if (!is_told) {
        log_warn("document_refused", "feed=%s file=%s error=%s", folder->name, log_quote(name), log_quote(why));
        ok = tell_refused(drop, folder, is_moved || str_equal(cause, "document_max") ? cause : "unmoved", reason, err);
    }
    if (!is_moved && (stuck = fetch_stuck_find(&folder->stuck, file)))
        stuck->is_told = ok;
    free(reason);
    return ok;
}

static bool store(struct drop *drop, const struct fetch_document *document, struct fetch_result *result, struct err *err)
{
    if (!db_begin(drop->db, err))
        return false;
    if (fetch_store(drop->db, drop->params, document, result, err) && db_commit(drop->db, err))
        return true;
    db_rollback(drop->db);
    return false;
}

/* The file is open as fd. False with the database's fault in err. */
static bool take_open(struct drop *drop, struct folder *folder, const char *name, const struct stat *file, int fd, struct err *err)
{
    struct fetch_document document = {.feed = folder->id, .name = name, .fd = fd};
    struct fetch_result result;
    if (!str_is_utf8(name, strlen(name), NULL))
        document.name = NULL;
    if (!fetch_store_digest(&document, folder->size_max, err)) {
        const char *cause = err->code == ERR_LIMIT ? "document_max" : err->code == ERR_INPUT ? "empty" : "";
        return refuse(drop, folder, name, file, cause, err->text, err);
    }
    if (!store(drop, &document, &result, err)) {
        if (err->code != ERR_CONFLICT)
            return false;
        log_info("file_changes", "feed=%s file=%s", folder->name, log_quote(name));
        return true; /* its writer closes it again, or the scan finds it when it is quiet */
    }
    if (result.verdict == FETCH_REST)
        rest(folder, result.rest_s * INT64_C(1000));
    folder->rests_for_quota = result.verdict == FETCH_REST;
    if (result.verdict == FETCH_OFF) {
        drop->read_ms = 0;
        return err_set(err, ERR_AGAIN, "what is known of its feed has changed meanwhile");
    }
    if (result.verdict == FETCH_REST) {
        forget_names(&folder->ready);
        return true;
    }
    log_info("document_stored", "feed=%s file=%s report=r%lld size=%lld duplicate=%d", folder->name, log_quote(name),
             (long long)result.report_id, (long long)document.size, result.verdict == FETCH_DUPLICATE);
    UNUSED(put_away(folder, name, file, result.report_id, NULL));
    return true;
}

/* It could not be opened. Its writer may still be about to open it for us; after that it is put aside, so that it holds up no other. */
static bool take_closed(struct drop *drop, struct folder *folder, const char *name, int error, struct err *err)
{
    struct stat status;
    char why[160];
    if (error == ENOENT || error == ELOOP || fstatat(folder->fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    if (error == EACCES && S_ISREG(status.st_mode)) {
        snprintf(why, sizeof why, "it cannot be read (%s): fetch's user or group must be allowed to", strerror(error));
        return time(NULL) - status.st_mtime < QUIET_S || refuse(drop, folder, name, &status, "", why, err);
    }
    if (set_stuck(folder, name, &status, 0))
        log_error("file_not_open", "feed=%s file=%s error=%s", folder->name, log_quote(name), log_quote(strerror(error)));
    return true;
}

/* Has somebody opened it for writing? Only the owner of a file may ask, by a lease that is given back at once; of another's it is not
 * known. */
static bool is_open_for_writing(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
        return errno == EAGAIN;
    UNUSED(fcntl(fd, F_SETLEASE, F_UNLCK));
    return false;
}

/* A name is only a hint: what it names may be gone, growing, or no file at all. */
static bool take_file(struct drop *drop, struct folder *folder, const char *name, struct err *err)
{
    struct stat status;
    const struct fetch_stuck_file *stuck = fetch_stuck_find_at(&folder->stuck, folder->fd, name);
    if (stuck && stuck->report_id) {
        status = stuck->file;
        UNUSED(put_away(folder, name, &status, stuck->report_id, NULL)); /* it is stored: neither read nor counted again */
        return true;
    }
    int fd = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return take_closed(drop, folder, name, errno, err);
    bool is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    bool may_grow = is_file && status.st_size == 0 && time(NULL) - status.st_mtime < QUIET_S;
    bool ok = !is_file || may_grow || is_open_for_writing(fd) || take_open(drop, folder, name, &status, fd, err);
    close(fd);
    return ok;
}

/* Whoever looks at the feed is to see why nothing comes of what lies there. */
static void tell_waiting(struct drop *drop, struct folder *folder, bool is_waiting)
{
    struct err err;
    if (folder->told_waiting == is_waiting)
        return;
    db_params_reset(drop->params);
    db_int8(drop->params, folder->id);
    db_text(drop->params, is_waiting ? "no space for reports at the moment; its files wait" : NULL);
    if (db_run(drop->db, SQL_FETCH_WAITS, drop->params, NULL, &err))
        folder->told_waiting = is_waiting;
}

/* The oldest finished file of the first folder that has one. False: none was taken. */
static bool take_next(struct drop *drop, struct err *err)
{
    int64_t now_ms = timestamp_monotonic_ms();
    for (size_t i = 0; i < drop->folder_count; i++) {
        struct folder *folder = &drop->folders[i];
        if (folder->told_waiting == 1)
            forget_gone(folder, &folder->ready); /* what somebody took out of it waits no more */
        if (folder->ready.count == 0)
            tell_waiting(drop, folder, false);
        if (folder->ready.count == 0 || folder->rest_until_ms > now_ms)
            continue;
        bool has_space = watermark_has_space(drop->context->config, WATERMARK_FEEDS);
        tell_waiting(drop, folder, !has_space);
        if (!has_space) {
            rest(folder, NO_SPACE_MS);
            continue;
        }
        char *name = mem_strdup(folder->ready.items[0]); /* whoever works on it may empty the list */
        bool ok = take_file(drop, folder, name, err);
        if (ok)
            remove_name(&folder->ready, 0);
        else {
            log_warn("file_waits", "feed=%s file=%s %s", folder->name, log_quote(name), log_err(err));
            rest(folder, 1000);
        }
        free(name);
        return ok;
    }
    return false;
}

/* --- files that turned out malformed when decode read them --- */

/* Is it the file of that digest? Another may have its name, and ours be removed. */
static bool is_that_file(int dir, const char *name, const unsigned char *sha256)
{
    struct fetch_document document = {.fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    struct err ignored;
    if (document.fd < 0)
        return false;
    bool is_same = fetch_store_digest(&document, INT64_MAX, &ignored) && memcmp(document.sha256, sha256, sizeof document.sha256) == 0;
    close(document.fd);
    return is_same;
}

static void move_malformed(const struct folder *folder, int64_t report, const char *name, const unsigned char *sha256, const char *reason)
{
    char numbered[NAME_MAX + 1], other[NAME_MAX + 1];
    int done = openat(folder->fd, "done", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    snprintf(numbered, sizeof numbered, "%lld-%s", (long long)report, name);
    const char *names[] = {numbered, name};
    for (size_t i = 0; done >= 0 && i < ARRAY_SIZE(names); i++) {
        if (!is_that_file(done, names[i], sha256))
            continue;
        if (move_to(folder, done, names[i], "failed", names[i], report, other))
            write_reason(folder, other, reason);
        else
            log_error("file_not_moved", "feed=%s file=%s to=failed error=%s", folder->name, log_quote(names[i]),
                      log_quote(strerror(errno)));
        break;
    }
    if (done >= 0)
        close(done);
}

static bool settle_malformed(struct drop *drop, int64_t report, const char *name, struct err *err)
{
    db_params_reset(drop->params);
    db_int8(drop->params, report);
    db_text(drop->params, name);
    return db_run(drop->db, SQL_FETCH_MALFORMED_SETTLE, drop->params, NULL, err);
}

/* A name with a slash is no file's of ours. */
static bool put_malformed_away(struct drop *drop, struct err *err)
{
    struct db_rows *rows = NULL;
    bool ok = db_run(drop->db, SQL_FETCH_MALFORMED, NULL, &rows, err);
    for (size_t row = 0; ok && row < db_row_count(rows); row++) {
        const struct folder *folder = find_folder(drop, db_get_int(rows, row, MALFORMED_FEED));
        int64_t report = db_get_int(rows, row, MALFORMED_REPORT);
        const char *name = db_get_text(rows, row, MALFORMED_NAME);
        size_t size = 0;
        const unsigned char *sha256 = db_get_bytes(rows, row, MALFORMED_SHA256, &size);
        if (folder && folder->fd >= 0 && !strchr(name, '/') && size == DIGEST_SHA256_SIZE)
            move_malformed(folder, report, name, sha256, db_get_text(rows, row, MALFORMED_REASON));
        ok = settle_malformed(drop, report, name, err);
    }
    db_rows_free(rows);
    return ok;
}

/* --- the loop --- */

static bool look(struct drop *drop, struct err *err)
{
    int64_t now_ms = timestamp_monotonic_ms();
    take_events(drop);
    /* A file that came behind a change of its feed is taken as the feed is now. */
    if (db_wait_also(drop->db, -1, 0))
        drop->read_ms = 0;
    if (drop->read_ms <= now_ms) {
        if (!read_folders(drop, err) || !put_malformed_away(drop, err))
            return false;
        drop->read_ms = now_ms + SCAN_MS;
    }
    for (size_t i = 0; drop->scan_ms <= now_ms && i < drop->folder_count; i++) {
        forget_gone(&drop->folders[i], &drop->folders[i].written);
        fetch_stuck_forget_gone(&drop->folders[i].stuck, drop->folders[i].fd);
        scan(&drop->folders[i]);
    }
    if (drop->scan_ms <= now_ms)
        drop->scan_ms = now_ms + SCAN_MS;
    return true;
}

static bool has_ready(const struct drop *drop)
{
    for (size_t i = 0; i < drop->folder_count; i++)
        if (drop->folders[i].ready.count > 0)
            return true;
    return false;
}

static void wait_for_more(struct drop *drop)
{
    int64_t begun_ms = timestamp_monotonic_ms();
    bool is_notified = db_wait_also(drop->db, drop->inotify, 1000);
    if (is_notified)
        drop->read_ms = 0;
    if (is_notified || timestamp_monotonic_ms() - begun_ms >= 900)
        return;
    /* Woken early: by a file, or since the connection ended, and what was notified of with it. */
    if (!take_events(drop))
        drop->read_ms = 0;
    else if (!has_ready(drop))
        poll(NULL, 0, WRITTEN_MS);
}

static void turn(struct drop *drop)
{
    struct err err;
    err_clear(&err);
    if (!db_ready(drop->db, &err) || !look(drop, &err)) {
        log_debug("database_away", "%s", log_err(&err));
        db_wait(drop->db, 100);
    } else if (!take_next(drop, &err)) {
        wait_for_more(drop);
    }
}

static bool open_root(struct drop *drop)
{
    const char *path = drop->context->config->fetch_drop;
    drop->root = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (path && drop->root < 0)
        log_error("drop_not_open", "folder=%s error=%s", log_quote(path), log_quote(strerror(errno)));
    return drop->root >= 0;
}

/* So that people can be told where files go. */
static bool tell_root(struct drop *drop, bool has_root, struct err *err)
{
    db_params_reset(drop->params);
    db_text(drop->params, has_root ? drop->context->config->fetch_drop : NULL);
    return db_run(drop->db, SQL_FETCH_TELL_ROOT, drop->params, NULL, err);
}

bool fetch_drop_run(const struct role_context *context, struct err *err)
{
    struct drop drop = {.context = context, .db = stage_db(context), .params = db_params_new(), .root = -1};
    drop.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    stage_signals();
    signal(SIGIO, SIG_IGN); /* somebody waits for a lease that we give back anyway */
    bool ok = drop.inotify >= 0 || err_set(err, ERR_INTERNAL, "inotify: %s", strerror(errno));
    ok = ok && db_listen(drop.db, SQL_FETCH_FEEDS_LISTEN, err) && stage_connect(context, drop.db, err);
    bool has_root = ok && open_root(&drop);
    ok = ok && tell_root(&drop, has_root, err);
    while (ok && !stage_is_ending()) {
        if (has_root)
            turn(&drop);
        else
            db_wait(drop.db, SCAN_MS);
    }
    for (size_t i = 0; i < drop.folder_count; i++)
        folder_close(&drop, &drop.folders[i]);
    free(drop.folders);
    if (drop.root >= 0)
        close(drop.root);
    if (drop.inotify >= 0)
        close(drop.inotify);
    db_params_free(drop.params);
    db_free(drop.db);
    return ok || stage_is_ending();
}
