#include "cli/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/words.h"

bool file_bytes(const char *path, struct buf *out, struct err *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char block[8192];
    size_t got;
    bool ok;

    if (!file)
        return err_set(err, ERR_INPUT, _("%s cannot be read: %s"), path, strerror(errno));
    while (!out->full && (got = fread(block, 1, sizeof block, file)) > 0)
        buf_add(out, block, got);
    if (ferror(file))
        ok = err_set(err, ERR_INPUT, _("%s cannot be read: %s"), path, strerror(errno));
    else
        ok = !out->full || err_set(err, ERR_LIMIT, _("%s is longer than %zu bytes"), path, out->size_max);
    if (file != stdin)
        fclose(file);
    return ok;
}

char *file_text(const char *path, struct err *err)
{
    struct buf out;
    char *text = NULL;

    buf_init(&out, FILE_TEXT_MAX);
    if (file_bytes(path, &out, err)) {
        if (out.size > 0 && memchr(out.bytes, '\0', out.size))
            err_set(err, ERR_INPUT, _("%s is not text"), path);
        else
            text = mem_strdup(buf_text(&out));
    }
    buf_clear(&out);
    return text;
}
