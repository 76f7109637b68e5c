#include "codec/gunzip.h"

#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/err.h"
#include "base/mem.h"

struct gunzip {
    z_stream zip;
    bool is_between; /* behind a member; another may follow */
    bool is_last;    /* no bytes come after those that it has */
};

struct gunzip *gunzip_new(void)
{
    struct gunzip *gunzip = mem_calloc(1, sizeof *gunzip);
    if (inflateInit2(&gunzip->zip, 15 + 16) != Z_OK)
        BUG("inflateInit2");
    return gunzip;
}

void gunzip_free(struct gunzip *gunzip)
{
    if (!gunzip)
        return;
    inflateEnd(&gunzip->zip);
    free(gunzip);
}

void gunzip_reset(struct gunzip *gunzip)
{
    gunzip->is_between = gunzip->is_last = false;
    gunzip->zip.avail_in = 0;
    if (inflateReset(&gunzip->zip) != Z_OK)
        BUG("inflateReset");
}

void gunzip_feed(struct gunzip *gunzip, const char *bytes, size_t size)
{
    gunzip->zip.next_in = (unsigned char *)(uintptr_t)bytes;
    gunzip->zip.avail_in = (unsigned)size;
    gunzip->is_last = size == 0;
}

bool gunzip_wants(const struct gunzip *gunzip)
{
    return gunzip->zip.avail_in == 0 && !gunzip->is_last;
}

bool gunzip_is_done(const struct gunzip *gunzip)
{
    return gunzip->is_last && gunzip->is_between;
}

/* gzip(1) passes over zeros behind a member, which tapes and some packers leave there. */
static void skip_zeros(z_stream *zip)
{
    while (zip->avail_in > 0 && *zip->next_in == 0) {
        zip->next_in++;
        zip->avail_in--;
    }
}

bool gunzip_next(struct gunzip *gunzip, char *out, size_t out_size, size_t *size, const char **why)
{
    z_stream *zip = &gunzip->zip;
    zip->next_out = (unsigned char *)out;
    zip->avail_out = (unsigned)out_size;
    if (gunzip->is_between)
        skip_zeros(zip);
    if (gunzip->is_between && zip->avail_in > 0) {
        gunzip->is_between = false;
        if (inflateReset(zip) != Z_OK)
            BUG("inflateReset");
    }
    int result = gunzip->is_between ? Z_OK : inflate(zip, Z_NO_FLUSH);
    gunzip->is_between = gunzip->is_between || result == Z_STREAM_END;
    *size = out_size - zip->avail_out;
    *why = zip->msg ? zip->msg : "broken";
    if (result == Z_BUF_ERROR && gunzip->is_last && *size == 0) {
        *why = "it ends too early";
        return false;
    }
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
}
