#include "cli/attachment.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/words.h"
#include "codec/base64.h"

enum { ATTACHED_MAX = 10 * 1024 * 1024 };

static const char *media_type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".txt", "text/plain"}, {".log", "text/plain"},      {".csv", "text/csv"},        {".json", "application/json"},
        {".xml", "text/xml"},   {".pdf", "application/pdf"}, {".png", "image/png"},       {".jpg", "image/jpeg"},
        {".asc", "text/plain"}, {".zip", "application/zip"}, {".gz", "application/gzip"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (str_ends(name, types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}

static bool read_file(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat state;
    char block[16384];
    ssize_t got = 0;

    if (fd < 0 || fstat(fd, &state) != 0 || !S_ISREG(state.st_mode)) {
        if (fd >= 0)
            close(fd);
        return err_set(err, ERR_INPUT, fd < 0 ? _("%s cannot be read") : _("%s is no file"), path);
    }
    while ((got = read(fd, block, sizeof block)) > 0 && buf_add(out, block, (size_t)got))
        ;
    close(fd);
    if (out->full)
        return err_set(err, ERR_LIMIT, _("%s is larger than %d bytes: too much to send"), path, ATTACHED_MAX);
    return got == 0 || err_set(err, ERR_INPUT, _("%s cannot be read"), path);
}

bool attachment_read(const char *path, json_t *list, struct err *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct buf bytes, text;
    bool ok;

    buf_init(&bytes, ATTACHED_MAX);
    buf_init(&text, 2 * ATTACHED_MAX);
    ok = read_file(path, &bytes, err);
    if (ok) {
        base64_encode(&text, (const unsigned char *)buf_text(&bytes), bytes.size);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s}", "name", name, "media_type", media_type_of(name), "base64", buf_text(&text)));
    }
    buf_clear(&bytes);
    buf_clear(&text);
    return ok;
}
