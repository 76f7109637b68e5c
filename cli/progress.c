#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "cli/phrase.h"
#include "cli/words.h"

enum { QUIET_MS = 1000, BAR_MS = 200, LINE_MS = 10000, BAR_WIDTH = 24 };

void progress_start(struct progress *progress, const char *noun)
{
    progress->noun = noun;
    progress->is_terminal = isatty(STDERR_FILENO);
    progress->started_ms = timestamp_monotonic_ms();
    progress->told_ms = 0;
}

static void phrase(const struct progress *progress, int64_t count, char text[PHRASE_SIZE])
{
    if (progress->noun)
        phrase_number(count, text);
    else
        phrase_bytes(count, text);
}

static void tell(const struct progress *progress, int64_t done, int64_t total, int64_t spent_ms)
{
    char part[PHRASE_SIZE], all[PHRASE_SIZE], rate[PHRASE_SIZE];
    int64_t per_second = done * 1000 / spent_ms, left = per_second > 0 ? (total - done) / per_second : 0;
    int filled = (int)(done * BAR_WIDTH / total);

    phrase(progress, done, part);
    phrase(progress, total, all);
    phrase(progress, per_second, rate);
    if (progress->is_terminal)
        fprintf(stderr, "\r[%.*s%*s] ", filled, "########################", BAR_WIDTH - filled, "");
    fprintf(stderr, _("%d%%  %s of %s%s%s  "), (int)(done * 100 / total), part, all, progress->noun ? " " : "",
            progress->noun ? progress->noun : "");
    /* What the system took is not yet there: on a bad line it takes longer than to hand it over. */
    if (done < total)
        fprintf(stderr, _("%s/s  %lld s left"), rate, (long long)left);
    else
        fputs(_("waiting for the answer"), stderr);
    fputs(progress->is_terminal ? "\033[K" : "\n", stderr);
}

void progress_step(void *context, int64_t done, int64_t total)
{
    struct progress *progress = context;
    int64_t now = timestamp_monotonic_ms(), spent = now - progress->started_ms;

    if (total <= 0 || done <= 0 || spent < QUIET_MS || now - progress->told_ms < (progress->is_terminal ? BAR_MS : LINE_MS))
        return;
    if (!progress->is_terminal && spent < LINE_MS)
        return;
    progress->told_ms = now;
    tell(progress, done, total, spent);
}

void progress_end(struct progress *progress)
{
    if (progress->is_terminal && progress->told_ms > 0)
        fputs("\r\033[K", stderr);
}
