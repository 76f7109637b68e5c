/* cli/progress.h - how far long work is: a bar with rate and remaining time on a terminal, a line every 10 s otherwise. */
#ifndef CIRT_CLI_PROGRESS_H
#define CIRT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *noun; /* what is counted; NULL: bytes */
    bool is_terminal;
    int64_t started_ms, told_ms;
};

/* noun: translated, or NULL. */
void progress_start(struct progress *progress, const char *noun);
/* For http_client_request.on_progress; context is a struct progress. Silent within the first second. */
void progress_step(void *context, int64_t done, int64_t total);
void progress_end(struct progress *progress); /* wipes the bar */

#endif
