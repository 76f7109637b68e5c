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
#include "model/defang.h"

enum { OUTPUT_MAX = 256 * 1024 * 1024, CELL_MAX = 64 * 1024, COLUMNS_DEFAULT = 80, COLUMNS_LEAST = 20, SET_IN = 6 };

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
    defang_add(&line, text);
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

/* How many columns text takes: our escape sequences take none. */
static unsigned columns_of(const char *text)
{
    unsigned columns = 0;

    while (*text) {
        size_t size = strcspn(text, "\033");
        char *part = mem_printf("%.*s", (int)size, text);

        columns += str_columns(part);
        free(part);
        text += size;
        text += *text ? strcspn(text, "m") : 0;
        text += *text == 'm';
    }
    return columns;
}

/* Where the line that is being written begins. */
static size_t line_start(const struct screen *screen)
{
    size_t at = screen->out.size;

    while (at > 0 && screen->out.bytes[at - 1] != '\n')
        at--;
    return at;
}

static const char *current_line(const struct screen *screen)
{
    return buf_text(&screen->out) + line_start(screen);
}

/* Copies text up to that many columns; escape sequences go along. */
static void add_cut(struct buf *out, const char *text, unsigned columns)
{
    const char *end = text + strlen(text);
    unsigned used = 0;

    while (text < end) {
        uint32_t code_point;
        size_t step = *text == '\033' ? strcspn(text, "m") + 1 : str_next_code_point(text, end, &code_point);
        char one[8] = "";

        if (step == 0 || step > (size_t)(end - text))
            return;
        if (*text != '\033') {
            memcpy(one, text, step < sizeof one ? step : sizeof one - 1);
            used += str_columns(one);
        }
        if (used > columns && *text != '\033')
            return;
        buf_add(out, text, step);
        text += step;
    }
}

/* The size of what stands before the blank where a line of at most `columns` may be broken, but not among those it begins with. Without
 * one: all of it, or where is_hard as much as fits. Our escape sequences take no columns. */
static size_t break_at(const char *text, unsigned columns, bool is_hard)
{
    size_t size = strlen(text), best = 0, first = strspn(text, " ");
    unsigned used = 0;
    uint32_t code_point;

    for (size_t at = 0, step; (step = str_next_code_point(text + at, text + size, &code_point)) != 0; at += step) {
        char one[8] = "";
        if (text[at] == '\033') {
            step = strcspn(text + at, "m") + (strchr(text + at, 'm') != NULL);
            continue;
        }
        if (at > first && text[at] == ' ' && text[at - 1] != ' ')
            best = at;
        memcpy(one, text + at, step < sizeof one ? step : sizeof one - 1);
        used += str_columns(one);
        if (used > columns && best > 0)
            return best;
        if (used > columns && is_hard && at > 0)
            return at;
    }
    return size;
}

/* A clean line; the first part goes on where the screen's line stands. */
static void add_broken(struct screen *screen, const char *text, unsigned indent, bool is_hard)
{
    while (*text) {
        unsigned used = columns_of(current_line(screen));
        unsigned room = screen->columns > used ? screen->columns - used : 1;
        size_t size = screen->columns ? break_at(text, room, is_hard) : strlen(text);

        buf_add(&screen->out, text, size);
        text += size + strspn(text + size, " ");
        if (*text)
            screen_printf(screen, "\n%*s", (int)indent, "");
    }
    screen_text(screen, "\n");
}

void screen_words(struct screen *screen, const char *text, unsigned indent)
{
    add_broken(screen, text, indent, false);
}

/* The size of "due       ", a label and the blanks that part it from its text: a line that has one is set in under the text. 0: none. */
static size_t label_size(const char *line)
{
    enum { LABEL_MAX = 16 };
    size_t blanks = strspn(line, " "), size = blanks;

    while (line[size] && size < blanks + LABEL_MAX && strncmp(line + size, "  ", 2) != 0)
        size++;
    return line[size] == ' ' && line[size + 1] == ' ' ? size + strspn(line + size, " ") : 0;
}

/* A line without its end. */
static void add_wrapped(struct screen *screen, const char *line)
{
    unsigned blanks = (unsigned)strspn(line, " "), most = screen->columns / 4;
    unsigned indent = (blanks < most ? blanks : most) + (blanks < SET_IN ? SET_IN - blanks : 0);
    size_t label = label_size(line);

    buf_add(&screen->out, line, label);
    if (label > 0 && columns_of(current_line(screen)) <= most + SET_IN)
        indent = columns_of(current_line(screen));
    add_broken(screen, line + label, indent, false);
}

void screen_wrap(struct screen *screen, size_t mark)
{
    if (screen->columns == 0 || screen->keeps_lines || mark >= screen->out.size)
        return;
    char *text = mem_strdup(buf_text(&screen->out) + mark), *line = text, *end;

    screen->out.size = mark;
    screen->out.bytes[mark] = '\0';
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        add_wrapped(screen, line);
    }
    screen_text(screen, line); /* not ended yet */
    free(text);
}

/* What stands in `text`, which is ours, on standard error. */
static void tell(const char *text, bool is_question)
{
    struct screen screen;

    screen_open(&screen, STDERR_FILENO, false, false);
    add_wrapped(&screen, text);
    if (is_question)
        screen.out.bytes[screen.out.size - 1] = ' ';
    if (!screen_flush(&screen))
        perror("cirt");
    screen_clear(&screen);
}

void screen_remark(const char *format, ...)
{
    va_list list;
    char *text;

    va_start(list, format);
    if (vasprintf(&text, format, list) >= 0) {
        tell(text, false);
        free(text);
    }
    va_end(list);
}

void screen_remark_command(const char *remark, const char *format, ...)
{
    struct screen screen;
    va_list list;
    char *command;

    va_start(list, format);
    if (vasprintf(&command, format, list) < 0)
        command = NULL;
    va_end(list);
    screen_open(&screen, STDERR_FILENO, false, false);
    screen_text(&screen, remark);
    size_t mark = screen_mark(&screen);
    screen_printf(&screen, " %s", command ? command : "");
    screen_field_indented(&screen, mark, SET_IN);
    screen_text(&screen, "\n");
    if (!screen_flush(&screen))
        perror("cirt");
    screen_clear(&screen);
    free(command);
}

void screen_ask(const char *question)
{
    tell(question, true);
}

void screen_outside_lines(struct screen *screen, const char *text, unsigned indent)
{
    while (text && *text) {
        size_t size = strcspn(text, "\n");
        size_t shown = size > 0 && text[size - 1] == '\r' ? size - 1 : size;
        char *line = mem_printf("%.*s", (int)shown, text);
        char *harmless = *line ? screen_clean(screen, line, true) : mem_strdup("");
        unsigned blanks = (unsigned)strspn(harmless, " "), most = screen->columns / 4;

        screen_printf(screen, "%*s", (int)indent, "");
        add_broken(screen, harmless, indent + (blanks < most ? blanks : most), true);
        free(harmless);
        free(line);
        text += size + (text[size] == '\n');
    }
}

void screen_own_lines(struct screen *screen, const char *text, unsigned indent)
{
    while (text && *text) {
        size_t size = strcspn(text, "\n");
        char *line = mem_printf("%.*s", (int)size, text), *harmless = *line ? screen_clean(screen, line, false) : mem_strdup("");

        screen_printf(screen, "%*s%s\n", (int)indent, "", harmless);
        free(harmless);
        free(line);
        text += size + (text[size] == '\n');
    }
}

void screen_value(struct screen *screen, const char *text, unsigned columns)
{
    char *clean = screen_clean(screen, text, false);
    struct buf cut;

    buf_init(&cut, CELL_MAX);
    columns = screen->columns && columns > screen->columns * 2 / 5 ? screen->columns * 2 / 5 : columns;
    if (screen->columns && str_columns(clean) > columns) {
        add_cut(&cut, clean, columns - 1);
        buf_add_text(&cut, "…");
    } else {
        buf_add_text(&cut, clean);
    }
    screen_text(screen, buf_text(&cut));
    buf_clear(&cut);
    free(clean);
}

void screen_value_line(struct screen *screen, const char *text, bool defang, unsigned indent)
{
    char *clean = screen_clean(screen, text, defang);

    add_broken(screen, clean, indent, true);
    free(clean);
}

size_t screen_mark(const struct screen *screen)
{
    return screen->out.size;
}

void screen_field(struct screen *screen, size_t mark)
{
    screen_field_indented(screen, mark, 0);
}

void screen_field_indented(struct screen *screen, size_t mark, unsigned indent)
{
    size_t start = line_start(screen);

    if (screen->columns == 0 || mark <= start || columns_of(current_line(screen)) <= screen->columns)
        return;
    char *field = mem_strdup(buf_text(&screen->out) + mark + strspn(buf_text(&screen->out) + mark, " "));

    screen->out.size = mark;
    screen_printf(screen, "\n%*s%s", (int)indent, "", field);
    free(field);
}

void screen_end_line(struct screen *screen)
{
    if (screen->columns && columns_of(current_line(screen)) > screen->columns) {
        char *line = mem_strdup(current_line(screen));

        screen->out.size = line_start(screen);
        add_cut(&screen->out, line, screen->columns - 1);
        screen_text(screen, screen->has_colour ? "\033[0m…" : "…");
        free(line);
    }
    screen_text(screen, "\n");
}

void screen_tlp(struct screen *screen, const char *tlp)
{
    char *text = screen_clean(screen, tlp, false), *label = mem_printf("TLP:%s", text);

    for (char *c = label; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    screen_style(screen, screen_tlp_style(tlp), label);
    free(label);
    free(text);
}

void screen_pad(struct screen *screen, unsigned column)
{
    unsigned used = columns_of(current_line(screen));

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

void screen_span(const struct screen *screen, int64_t first, int64_t last, char text[SCREEN_SPAN_SIZE])
{
    char from[PHRASE_SIZE], to[PHRASE_SIZE];
    const char *clock;

    screen_when(screen, first, from);
    screen_when(screen, last, to);
    clock = strrchr(to, ' ');
    if (strcmp(from, to) == 0)
        snprintf(text, SCREEN_SPAN_SIZE, "%s", from);
    else if (clock && strncmp(from, to, (size_t)(clock - to) + 1) == 0)
        snprintf(text, SCREEN_SPAN_SIZE, "%s..%s", from, clock + 1);
    else
        snprintf(text, SCREEN_SPAN_SIZE, "%s..%s", from, to);
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
