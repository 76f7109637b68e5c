#include "cli/screen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"

enum { OUTPUT_MAX = 256 * 1024 * 1024, CELL_MAX = 64 * 1024, COLUMNS_DEFAULT = 80, COLUMNS_LEAST = 20 };

static unsigned terminal_columns(int fd)
{
    struct winsize size;
    int64_t columns;

    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= COLUMNS_LEAST)
        return size.ws_col;
    if (getenv("COLUMNS") && str_to_int64(getenv("COLUMNS"), COLUMNS_LEAST, 10000, &columns))
        return (unsigned)columns;
    return COLUMNS_DEFAULT;
}

static bool wants_colour(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    return !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

void screen_open(struct screen *screen, int fd, bool exact, bool raw)
{
    memset(screen, 0, sizeof *screen);
    screen->fd = fd;
    screen->is_terminal = isatty(fd);
    screen->has_colour = screen->is_terminal && wants_colour();
    screen->columns = screen->is_terminal ? terminal_columns(fd) : 0;
    screen->exact = exact;
    screen->raw = raw;
    screen->now = timestamp_now();
    buf_init(&screen->out, OUTPUT_MAX);
}

bool screen_flush(struct screen *screen)
{
    const char *bytes = screen->out.bytes;
    size_t left = screen->out.size;

    while (left > 0) {
        ssize_t done = write(screen->fd, bytes, left);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        bytes += done;
        left -= (size_t)done;
    }
    buf_reset(&screen->out);
    return true;
}

void screen_clear(struct screen *screen)
{
    buf_clear(&screen->out);
}

void screen_text(struct screen *screen, const char *text)
{
    buf_add_text(&screen->out, text);
}

void screen_printf(struct screen *screen, const char *format, ...)
{
    va_list list;
    char *text;

    va_start(list, format);
    if (vasprintf(&text, format, list) >= 0) {
        buf_add_text(&screen->out, text);
        free(text);
    }
    va_end(list);
}

/* Defanging keeps line ends: they are taken out after it, so that a word behind one is still seen as a word. */
static void defanged(struct buf *out, const char *text)
{
    struct buf line;

    buf_init(&line, CELL_MAX);
    str_add_defanged(&line, text);
    str_add_harmless(out, buf_text(&line), false);
    buf_clear(&line);
}

static void clean(const struct screen *screen, struct buf *out, const char *text, bool defang)
{
    if (!text || !*text)
        buf_add_text(out, "-");
    else if (screen->raw)
        buf_add_text(out, text);
    else if (defang)
        defanged(out, text);
    else
        str_add_harmless(out, text, false);
}

void screen_outside(struct screen *screen, const char *text)
{
    clean(screen, &screen->out, text, true);
}

void screen_outside_lines(struct screen *screen, const char *text, unsigned indent)
{
    while (text && *text) {
        size_t size = strcspn(text, "\n");
        size_t shown = size > 0 && text[size - 1] == '\r' ? size - 1 : size;
        char *line = mem_printf("%.*s", (int)shown, text);

        screen_printf(screen, "%*s", (int)indent, "");
        if (*line)
            screen_outside(screen, line);
        screen_text(screen, "\n");
        free(line);
        text += size + (text[size] == '\n');
    }
}

void screen_pad(struct screen *screen, unsigned column)
{
    const char *text = buf_text(&screen->out);
    const char *line = strrchr(text, '\n');
    unsigned used = str_columns(line ? line + 1 : text);

    do
        screen_text(screen, " ");
    while (++used < column);
}

void screen_style(struct screen *screen, enum style style, const char *text)
{
    screen_text(screen, screen_style_start(screen, style));
    screen_text(screen, text);
    screen_text(screen, screen_style_end(screen, style));
}

char *screen_clean(const struct screen *screen, const char *text, bool defang)
{
    struct buf out;
    char *copy;

    buf_init(&out, CELL_MAX);
    clean(screen, &out, text, defang);
    copy = mem_strdup(buf_text(&out));
    buf_clear(&out);
    return copy;
}

void screen_due(const struct screen *screen, int64_t moment, char text[PHRASE_SIZE])
{
    if (screen->exact)
        phrase_exact(moment, text);
    else
        phrase_due(moment, screen->now, text);
}

void screen_when(const struct screen *screen, int64_t moment, char text[PHRASE_SIZE])
{
    if (screen->exact)
        phrase_exact(moment, text);
    else
        phrase_when(moment, screen->now, text);
}

void screen_age(const struct screen *screen, int64_t moment, char text[PHRASE_SIZE])
{
    if (screen->exact)
        phrase_exact(moment, text);
    else
        phrase_age(moment, screen->now, text);
}

void screen_number(const struct screen *screen, int64_t number, char text[PHRASE_SIZE])
{
    if (screen->exact)
        snprintf(text, PHRASE_SIZE, "%lld", (long long)number);
    else
        phrase_number(number, text);
}

/* TLP 2.0: text in the label's colour on black, here the nearest of the 256. */
static const char *const starts[] = {
    [STYLE_PLAIN] = "",
    [STYLE_BOLD] = "\033[1m",
    [STYLE_DIM] = "\033[2m",
    [STYLE_RED] = "\033[1;31m",
    [STYLE_YELLOW] = "\033[33m",
    [STYLE_GREEN] = "\033[32m",
    [STYLE_TLP_CLEAR] = "\033[38;5;231;48;5;16m",
    [STYLE_TLP_GREEN] = "\033[38;5;82;48;5;16m",
    [STYLE_TLP_AMBER] = "\033[38;5;214;48;5;16m",
    [STYLE_TLP_RED] = "\033[38;5;197;48;5;16m",
};

const char *screen_style_start(const struct screen *screen, enum style style)
{
    return screen->has_colour ? starts[style] : "";
}

const char *screen_style_end(const struct screen *screen, enum style style)
{
    return screen->has_colour && style != STYLE_PLAIN ? "\033[0m" : "";
}

enum style screen_tlp_style(const char *tlp)
{
    if (!tlp)
        return STYLE_PLAIN;
    if (strcmp(tlp, "red") == 0)
        return STYLE_TLP_RED;
    if (strncmp(tlp, "amber", 5) == 0)
        return STYLE_TLP_AMBER;
    if (strcmp(tlp, "green") == 0)
        return STYLE_TLP_GREEN;
    return strcmp(tlp, "clear") == 0 ? STYLE_TLP_CLEAR : STYLE_PLAIN;
}
