#include "cli/editor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/words.h"

enum { TEXT_MAX = 1024 * 1024 };

static const char word_joiner[] = "\xE2\x81\xA0"; /* U+2060: shows nothing, breaks nothing */

static const char scissors[] = "# ------------------------ >8 ------------------------";

static bool read_all(int fd, struct buf *out, struct err *err)
{
    char block[4096];
    ssize_t got;

    while ((got = read(fd, block, sizeof block)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(err, ERR_INPUT, _("the text cannot be read: %s"), strerror(errno));
        if (!buf_add(out, block, (size_t)got))
            return err_set(err, ERR_LIMIT, _("the text is longer than %d bytes"), TEXT_MAX);
    }
    return true;
}

/* Whether a modeline of vim, Kate or Emacs could stand before this colon: "vim:", "vim>800:", "ex:", "Local Variables:". */
static bool is_modeline_colon(const char *start, const char *colon)
{
    static const char *const words[] = {"vim", "vi", "ex", "kate", "variables"};
    const char *word = colon;

    while (word > start && strchr("0123456789<>=", word[-1]))
        word--;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        size_t size = strlen(words[i]);
        if ((size_t)(word - start) >= size && strncasecmp(word - size, words[i], size) == 0)
            return true;
    }
    return false;
}

char *editor_disarm(const char *text)
{
    struct buf out;
    char *disarmed;

    buf_init(&out, 4 * strlen(text) + 1);
    for (const char *c = text; *c; c++) {
        bool is_emacs = *c == '-' && c >= text + 2 && c[-1] == '*' && c[-2] == '-';
        if (is_emacs || (*c == ':' && is_modeline_colon(text, c)))
            buf_add_text(&out, word_joiner);
        buf_add_char(&out, *c);
    }
    disarmed = mem_strdup(buf_text(&out));
    buf_clear(&out);
    return disarmed;
}

void editor_rearm(char *text)
{
    size_t size = sizeof word_joiner - 1;
    char *to = text;

    for (const char *from = text; *from;) {
        if (strncmp(from, word_joiner, size) == 0 && (from[size] == ':' || from[size] == '-'))
            from += size;
        else
            *to++ = *from++;
    }
    *to = '\0';
}

static bool run(const char *path, struct err *err)
{
    const char *visual = getenv("VISUAL"), *editor = getenv("EDITOR");
    const char *program = !str_is_empty(visual) ? visual : !str_is_empty(editor) ? editor : "editor";
    char *script = mem_printf("%s \"$1\"", program);
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        execl("/bin/sh", "sh", "-c", script, "sh", path, (char *)NULL);
        _exit(127);
    }
    free(script);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return err_set(err, ERR_INTERNAL, _("the editor cannot be started: %s"), strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return err_set(err, ERR_INPUT, _("the editor (%s) failed; nothing was sent"), program);
    return true;
}

static bool edit(int fd, const char *path, const char *start, const char *help, struct buf *out, struct err *err)
{
    char *disarmed = editor_disarm(start);
    int again;
    bool ok = dprintf(fd, "%s\n%s\n# %s\n", disarmed, scissors, help) >= 0;

    free(disarmed);
    if (!ok)
        return err_set(err, ERR_INTERNAL, _("%s cannot be written: %s"), path, strerror(errno));
    if (!run(path, err))
        return false;
    again = open(path, O_RDONLY | O_CLOEXEC); /* editors replace the file: the old descriptor shows the old text */
    if (again < 0)
        return err_set(err, ERR_INPUT, _("%s is gone: %s"), path, strerror(errno));
    ok = read_all(again, out, err);
    close(again);
    return ok;
}

static bool from_editor(const char *start, const char *help, struct buf *out, struct err *err)
{
    const char *folder = getenv("TMPDIR");
    char *path = mem_printf("%s/cirt-XXXXXX", str_is_empty(folder) ? "/tmp" : folder);
    int fd = mkostemp(path, O_CLOEXEC);
    bool ok;

    if (fd < 0) {
        ok = err_set(err, ERR_INTERNAL, _("%s cannot be made: %s"), path, strerror(errno));
    } else {
        ok = edit(fd, path, start, help, out, err);
        close(fd);
        unlink(path);
    }
    free(path);
    return ok;
}

bool editor_text(const char *start, const char *help, char **text, struct err *err)
{
    struct buf out;
    bool ok;

    buf_init(&out, TEXT_MAX);
    ok = isatty(STDIN_FILENO) ? from_editor(start, help, &out, err) : read_all(STDIN_FILENO, &out, err);
    if (ok && !str_is_utf8(buf_text(&out), out.size, NULL))
        ok = err_set(err, ERR_INPUT, _("the text is not UTF-8"));
    if (ok) {
        char *end, *cut;
        *text = mem_strdup(buf_text(&out));
        editor_rearm(*text);
        cut = strstr(*text, scissors);
        if (cut)
            *cut = '\0';
        for (end = *text + strlen(*text); end > *text && strchr(" \t\r\n", end[-1]);)
            *--end = '\0';
    }
    buf_clear(&out);
    return ok;
}

char *editor_keep(const char *text)
{
    const char *folder = getenv("TMPDIR");
    char *path = mem_printf("%s/cirt-kept-XXXXXX", str_is_empty(folder) ? "/tmp" : folder);
    int fd = mkostemp(path, O_CLOEXEC);
    bool ok = fd >= 0 && dprintf(fd, "%s\n", text) >= 0;

    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    if (!ok) {
        free(path);
        return NULL;
    }
    return path;
}
