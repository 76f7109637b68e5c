#include "cli/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/words.h"

static bool fail(const struct output *output, struct err *err)
{
    return err_set(err, ERR_INPUT, _("%s cannot be written: %s"), output->path ? output->path : _("standard output"), strerror(errno));
}

bool output_open(struct output *output, const char *path, struct err *err)
{
    mode_t mask = umask(0);
    int fd;

    umask(mask);
    *output = (struct output){.file = stdout};
    if (!path || strcmp(path, "-") == 0) {
        output->is_terminal = isatty(STDOUT_FILENO);
        return true;
    }
    output->path = path;
    output->file = NULL;
    output->unfinished = mem_printf("%s.XXXXXX", path);
    fd = mkstemp(output->unfinished);
    if (fd < 0) {
        free(output->unfinished);
        output->unfinished = NULL;
        return fail(output, err);
    }
    output->file = fdopen(fd, "w");
    return (output->file && fchmod(fd, 0666 & ~mask) == 0) || fail(output, err);
}

bool output_write(struct output *output, struct buf *bytes, struct err *err)
{
    bool ok;

    output->has_written = output->has_written || bytes->size;
    if (output->is_terminal) {
        struct buf harmless;
        buf_init(&harmless, 8 * bytes->size + 1);
        str_add_harmless(&harmless, buf_text(bytes), true);
        ok = fwrite(buf_text(&harmless), 1, harmless.size, output->file) == harmless.size;
        buf_clear(&harmless);
    } else {
        ok = fwrite(buf_text(bytes), 1, bytes->size, output->file) == bytes->size;
    }
    buf_reset(bytes);
    return ok || fail(output, err);
}

bool output_write_behind(struct output *output, struct buf *bytes, struct err *err)
{
    if (bytes->size && !output->behind)
        output->behind = tmpfile();
    if (bytes->size && (!output->behind || fwrite(buf_text(bytes), 1, bytes->size, output->behind) != bytes->size))
        return err_set(err, ERR_INPUT, _("a temporary file cannot be written: %s"), strerror(errno));
    buf_reset(bytes);
    return true;
}

static bool copy_behind(struct output *output, struct err *err)
{
    enum { AT_ONCE = 64 * 1024 };
    struct buf part;
    bool ok = fflush(output->behind) == 0, is_whole;

    buf_init(&part, AT_ONCE);
    rewind(output->behind);
    do {
        char *room = buf_reserve(&part, AT_ONCE);
        size_t size = room ? fread(room, 1, AT_ONCE, output->behind) : 0;
        buf_used(&part, size);
        is_whole = size == 0;
        ok = ok && (is_whole || output_write(output, &part, err));
    } while (ok && !is_whole);
    ok = ok && !ferror(output->behind);
    buf_clear(&part);
    return ok || err->code != ERR_NONE || err_set(err, ERR_INPUT, _("a temporary file cannot be read: %s"), strerror(errno));
}

bool output_finish(struct output *output, struct err *err)
{
    bool ok;

    if (output->behind && !copy_behind(output, err))
        return false;
    ok = fflush(output->file) == 0 && (!output->path || fsync(fileno(output->file)) == 0);

    if (ok && output->path) {
        ok = fclose(output->file) == 0;
        output->file = NULL;
        ok = ok && rename(output->unfinished, output->path) == 0;
        if (ok) {
            free(output->unfinished);
            output->unfinished = NULL;
        }
    }
    return ok || fail(output, err);
}

void output_close(struct output *output)
{
    if (output->file && output->path)
        fclose(output->file);
    if (output->behind)
        fclose(output->behind);
    if (output->unfinished)
        unlink(output->unfinished);
    free(output->unfinished);
    *output = (struct output){.file = NULL};
}
