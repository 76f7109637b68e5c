#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/timestamp.h"

enum { LINE_MAX_SIZE = 8192, QUOTE_MAX = 600, RING_SIZE = 4 };

/* The process's one log: who writes, from which level on, and whether the journal takes the time. */
static struct {
    char name[64];
    enum log_level threshold;
    bool is_journal;
} log_state = {.name = "cirt", .threshold = LOG_LEVEL_INFO};

void log_open(const char *name, enum log_level threshold)
{
    snprintf(log_state.name, sizeof log_state.name, "%s", name);
    log_state.threshold = threshold;
    log_state.is_journal = getenv("JOURNAL_STREAM") != NULL && !isatty(STDERR_FILENO);
}

/* One write, so that the lines of several processes on one stderr never mix. */
static void write_line(const char *line, size_t size)
{
    while (size) {
        ssize_t written = write(STDERR_FILENO, line, size);
        if (written <= 0)
            return;
        line += written;
        size -= (size_t)written;
    }
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    static const int syslog_levels[] = {3, 4, 6, 7};
    if (level > log_state.threshold)
        return;
    char line[LINE_MAX_SIZE];
    int used;
    if (log_state.is_journal) {
        used = snprintf(line, sizeof line, "<%d>%s %s ", syslog_levels[level], log_state.name, event);
    } else {
        char now[TIMESTAMP_TEXT_SIZE];
        timestamp_format(timestamp_now() / 1000 * 1000, now);
        used = snprintf(line, sizeof line, "%s %s %s %s ", now, names[level], log_state.name, event);
    }
    size_t size = (size_t)used;
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + size, sizeof line - size - 1, format, args);
    va_end(args);
    if (more > 0)
        size += (size_t)more < sizeof line - size - 2 ? (size_t)more : sizeof line - size - 2;
    while (size && line[size - 1] == ' ')
        size--;
    line[size++] = '\n';
    write_line(line, size);
}

/* The next of a few static buffers. */
static char *ring_next(void)
{
    static char ring[RING_SIZE][QUOTE_MAX * 2 + 200];
    static unsigned next;
    return ring[next++ % RING_SIZE];
}

/* text quoted and harmless into out, cut to QUOTE_MAX bytes. */
static size_t quote_into(char *out, size_t out_size, const char *text)
{
    struct buf harmless;
    buf_init(&harmless, QUOTE_MAX);
    str_add_harmless(&harmless, text ? text : "", false);
    size_t size = 0;
    out[size++] = '"';
    for (const char *c = buf_text(&harmless); *c && size + 6 < out_size; c++) {
        if (*c == '"' || *c == '\\')
            out[size++] = '\\';
        out[size++] = *c;
    }
    size += (size_t)snprintf(out + size, out_size - size, "%s\"", harmless.full ? "..." : "");
    buf_clear(&harmless);
    return size;
}

const char *log_quote(const char *text)
{
    char *out = ring_next();
    quote_into(out, QUOTE_MAX * 2 + 200, text);
    return out;
}

const char *log_err(const struct err *err)
{
    char *out = ring_next();
    size_t room = QUOTE_MAX * 2 + 200;
    size_t size = (size_t)snprintf(out, room, "code=%s ", err_code_name(err->code));
    if (err->at[0]) {
        size += (size_t)snprintf(out + size, room - size, "at=");
        size += quote_into(out + size, 180, err->at);
        out[size++] = ' ';
    }
    size += (size_t)snprintf(out + size, room - size, "error=");
    quote_into(out + size, room - size, err->text);
    return out;
}
