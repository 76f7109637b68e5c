#include "cli/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/words.h"

char *file_text(const char *path, struct err *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char block[8192], *text = NULL;
    struct buf out;
    size_t got;

    if (!file) {
        err_set(err, ERR_INPUT, _("%s cannot be read: %s"), path, strerror(errno));
        return NULL;
    }
    buf_init(&out, FILE_TEXT_MAX);
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        buf_add(&out, block, got);
    if (ferror(file))
        err_set(err, ERR_INPUT, _("%s cannot be read: %s"), path, strerror(errno));
    else if (out.full)
        err_set(err, ERR_LIMIT, _("%s is longer than %d bytes"), path, FILE_TEXT_MAX);
    else if (out.size > 0 && memchr(out.bytes, '\0', out.size))
        err_set(err, ERR_INPUT, _("%s is not text"), path);
    else
        text = mem_strdup(buf_text(&out));
    buf_clear(&out);
    if (file != stdin)
        fclose(file);
    return text;
}
