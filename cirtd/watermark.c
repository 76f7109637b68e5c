#include "cirtd/watermark.h"

#include <sys/statvfs.h>

#include "base/log.h"

bool watermark_has_space(const struct config *config, enum watermark share)
{
    struct statvfs status;
    if (!config->database_data || statvfs(config->database_data, &status) != 0)
        return true;
    int64_t free_mb = (int64_t)(status.f_bavail * (status.f_frsize / 1024) / 1024);
    if (free_mb >= config->reserve_mb / (int64_t)share)
        return true;
    log_error("disk_nearly_full", "free_mb=%lld reserve_mb=%lld share=%d", (long long)free_mb, (long long)config->reserve_mb, (int)share);
    return false;
}
