#include "cirtd/stages/decode_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/unpack.h"

/* Of what is unpacked, as intake has it: with 300 bytes a row, 14 million rows. */
#define STREAM_BYTES_MAX (UINT64_C(4) * 1024 * 1024 * 1024)

struct decode_source {
    struct decode_job *job;
    struct db_rows *rows; /* of the chunk at hand */
    int32_t chunk_no;     /* of the next one */
    bool is_whole;        /* the bytes came with the claim */
    const char *stored;   /* a stored piece that was not given yet */
    size_t stored_size;
    struct unpack *unpack;
    const char *piece; /* of the document, looked at and not given yet; NULL: none */
    size_t piece_size;
};

static bool read_chunk(struct decode_source *source, struct err *err)
{
    struct decode_job *job = source->job;
    source->stored_size = 0;
    if (source->is_whole)
        return true;
    db_rows_free(source->rows);
    source->rows = NULL;
    db_params_reset(job->run->params);
    db_int8(job->run->params, job->report_id);
    db_int4(job->run->params, source->chunk_no++);
    if (!db_run(job->run->db, SQL_DECODE_CHUNK, job->run->params, &source->rows, err))
        return false;
    if (db_row_count(source->rows) > 0)
        source->stored = (const char *)db_get_bytes(source->rows, 0, 0, &source->stored_size);
    return true;
}

/* As unpack_source has it, and for documents that are not packed. */
static bool next_stored(void *context, const char **bytes, size_t *size, struct err *err)
{
    struct decode_source *source = context;
    if (source->stored_size == 0 && !read_chunk(source, err))
        return false;
    *bytes = source->stored;
    *size = source->stored_size;
    source->stored_size = 0;
    return true;
}

static bool next_piece(struct decode_source *source, const char **bytes, size_t *size, struct err *err)
{
    return source->unpack ? unpack_next(source->unpack, bytes, size, err) : next_stored(source, bytes, size, err);
}

/* A mail never is an archive itself. */
static bool begin(struct decode_source *source, struct err *err)
{
    struct decode_job *job = source->job;
    const char *name = db_get_text(job->rows, job->row, DECODE_NAME);
    snprintf(job->name, sizeof job->name, "%s", name ? name : "");
    if (source->stored_size == 0 && !read_chunk(source, err))
        return false;
    if (unpack_format(source->stored, source->stored_size)) {
        if (!unpack_open(&(struct unpack_source){source, next_stored}, STREAM_BYTES_MAX, &source->unpack, err))
            return false;
        unpack_document_name(source->unpack, job->name, job->name, sizeof job->name);
    }
    return next_piece(source, &source->piece, &source->piece_size, err);
}

bool decode_source_open(struct decode_job *job, const void *first, size_t first_size, struct decode_source **out, struct err *err)
{
    struct decode_source *source = mem_calloc(1, sizeof *source);
    source->job = job;
    source->is_whole = first != NULL;
    source->stored = first ? first : "";
    source->stored_size = first ? first_size : 0;
    if (begin(source, err)) {
        *out = source;
        return true;
    }
    decode_source_close(source);
    return false;
}

void decode_source_close(struct decode_source *source)
{
    if (!source)
        return;
    unpack_close(source->unpack);
    db_rows_free(source->rows);
    free(source);
}

const char *decode_source_head(const struct decode_source *source, size_t *size)
{
    *size = source->piece ? source->piece_size : 0;
    return source->piece ? source->piece : "";
}

bool decode_source_is_packed(const struct decode_source *source)
{
    return source->unpack != NULL;
}

bool decode_source_next(struct decode_source *source, const char **bytes, size_t *size, struct err *err)
{
    if (!source->piece)
        return next_piece(source, bytes, size, err);
    *bytes = source->piece;
    *size = source->piece_size;
    source->piece = NULL;
    return true;
}

bool decode_source_rest(struct decode_source *source, struct buf *out, struct err *err)
{
    const char *bytes = NULL;
    size_t size = 0;
    do {
        if (!decode_source_next(source, &bytes, &size, err))
            return false;
        if (!buf_add(out, bytes, size))
            return err_set(err, ERR_LIMIT, "a document of this format has at most %zu bytes", out->size_max);
    } while (size > 0);
    return true;
}
