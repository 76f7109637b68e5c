#include "cirtd/stages/fetch_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/report_store.h"

/* Fills bytes (REPORT_RAW_CHUNK of them) from `offset` on; *size is less only at the end. */
static bool read_chunk(int fd, int64_t offset, char *bytes, size_t *size, struct err *err)
{
    *size = 0;
    while (*size < REPORT_RAW_CHUNK) {
        ssize_t n = pread(fd, bytes + *size, REPORT_RAW_CHUNK - *size, (off_t)(offset + (int64_t)*size));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_INTERNAL, "the file cannot be read: %s", strerror(errno));
        if (n == 0)
            break;
        *size += (size_t)n;
    }
    return true;
}

bool fetch_store_digest(struct fetch_document *document, int64_t size_max, struct err *err)
{
    struct digest *digest = digest_new();
    char *bytes = mem_calloc(1, REPORT_RAW_CHUNK);
    size_t size = 0;
    bool ok = true;
    document->size = 0;
    do {
        ok = read_chunk(document->fd, document->size, bytes, &size, err);
        if (ok)
            digest_add(digest, bytes, size);
        document->size += ok ? (int64_t)size : 0;
        if (ok && document->size > size_max)
            ok = err_set(err, ERR_LIMIT, "more than %lld bytes", (long long)size_max);
    } while (ok && size == REPORT_RAW_CHUNK);
    digest_finish(digest, document->sha256);
    digest_free(digest);
    free(bytes);
    return ok && (document->size > 0 || err_set(err, ERR_INPUT, "it is empty"));
}

/* The bytes of the report that was filed just now; read a second time, they must still be what the digest was taken of. */
static bool store_bytes(struct db *db, struct db_params *params, const struct fetch_document *document, int64_t report_id, struct err *err)
{
    unsigned char sha256[DIGEST_SHA256_SIZE];
    struct digest *digest = digest_new();
    char *bytes = mem_calloc(1, REPORT_RAW_CHUNK);
    int64_t done = 0;
    int32_t no = 0;
    size_t size = 0;
    bool ok = true;
    do {
        ok = read_chunk(document->fd, done, bytes, &size, err);
        if (!ok || size == 0)
            break;
        digest_add(digest, bytes, size);
        done += (int64_t)size;
        db_params_reset(params);
        db_int8(params, report_id);
        db_int4(params, no++);
        db_bytes(params, bytes, size);
        ok = db_run(db, SQL_FETCH_RAW_ADD, params, NULL, err);
    } while (ok && size == REPORT_RAW_CHUNK && done <= document->size);
    digest_finish(digest, sha256);
    digest_free(digest);
    free(bytes);
    if (ok && (done != document->size || memcmp(sha256, document->sha256, sizeof sha256) != 0))
        ok = err_set(err, ERR_CONFLICT, "the file changed while it was read");
    return ok;
}

static enum fetch_verdict read_verdict(const char *word)
{
    static const char *const words[] = {
        [FETCH_STORED] = "stored", [FETCH_DUPLICATE] = "duplicate", [FETCH_REST] = "rest", [FETCH_OFF] = "off"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_equal(words[i], word))
            return (enum fetch_verdict)i;
    BUG("fetch_report answered %s", word);
}

bool fetch_store(struct db *db, struct db_params *params, const struct fetch_document *document, struct fetch_result *result,
                 struct err *err)
{
    struct db_rows *rows = NULL;
    db_params_reset(params);
    db_int8(params, document->feed);
    if (document->attempts > 0)
        db_int4(params, document->attempts);
    else
        db_null(params);
    db_bytes(params, document->sha256, sizeof document->sha256);
    db_int8(params, document->size);
    db_text(params, document->name);
    db_text(params, document->media_type);
    if (!db_run(db, SQL_FETCH_REPORT, params, &rows, err))
        return false;
    *result = (struct fetch_result){
        .verdict = read_verdict(db_get_text(rows, 0, 0)), .report_id = db_get_int(rows, 0, 1), .rest_s = (int)db_get_int(rows, 0, 2)};
    db_rows_free(rows);
    return result->verdict != FETCH_STORED || store_bytes(db, params, document, result->report_id, err);
}
