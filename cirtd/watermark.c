#include "cirtd/watermark.h"

#include <sys/statvfs.h>

#include "base/log.h"
#include "base/timestamp.h"

/* Who is refused comes again and again; a line each would fill the disk that is full. */
static const int64_t TOLD_EVERY_MS = 10 * 1000;

/* Nobody told which file system it is, or it cannot be looked at: -1. */
static int64_t free_mb(const char *path)
{
    struct statvfs status;
    if (!path || statvfs(path, &status) != 0)
        return -1;
    return (int64_t)(status.f_bavail * (status.f_frsize / 1024) / 1024);
}

/* What is free on the fuller of the two; -1 where nobody told which they are. */
static int64_t least_mb(const struct config *config)
{
    int64_t data = free_mb(config->database_data), wal = free_mb(config->database_wal);
    return wal >= 0 && (data < 0 || wal < data) ? wal : data;
}

static bool is_to_be_told(void)
{
    static int64_t told;
    int64_t now = timestamp_monotonic_ms();
    if (told != 0 && now - told < TOLD_EVERY_MS)
        return false;
    told = now;
    return true;
}

bool watermark_has_space(const struct config *config, enum watermark share)
{
    int64_t left_mb = least_mb(config);
    if (left_mb < 0 || left_mb >= config->reserve_mb / (int64_t)share)
        return true;
    if (is_to_be_told())
        log_error("disk_nearly_full", "free_mb=%lld wal_mb=%lld reserve_mb=%lld share=%d", (long long)left_mb,
                  (long long)free_mb(config->database_wal), (long long)config->reserve_mb, (int)share);
    return false;
}
