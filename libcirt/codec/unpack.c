#include "codec/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/gunzip.h"

enum { NAME_SIZE_MAX = 256, PIECE_MAX = 32 * 1024, BETWEEN_MAX = 256 * 1024 };

struct unpack {
    struct unpack_source source;
    struct archive *archive; /* of a zip */
    struct gunzip *gunzip;   /* else */
    char *block;             /* PIECE_MAX, what of the gzip stream was unpacked */
    size_t block_size;
    uint64_t size_max, read, done; /* packed bytes read, unpacked bytes given */
    struct err err;                /* of the source, which libarchive cannot pass on */
    bool source_failed, is_ended;
    const char *piece; /* what is left of the source's last */
    size_t piece_size;
    size_t between; /* bytes read while a header was looked for */
    bool is_between;
    char name[NAME_SIZE_MAX];
};

const char *unpack_format(const char *head, size_t size)
{
    /* The second is the end of an archive, which is all of an empty one. */
    if (size >= 4 && (memcmp(head, "PK\003\004", 4) == 0 || memcmp(head, "PK\005\006", 4) == 0))
        return "zip";
    return size >= 3 && memcmp(head, "\x1f\x8b\x08", 3) == 0 ? "gzip" : NULL;
}

/* Between the files libarchive unpacks what it passes over (what a folder holds, say), however large that becomes: so it gets little. */
static bool may_read(struct unpack *unpack, size_t size)
{
    unpack->between += unpack->is_between ? size : 0;
    return unpack->between <= BETWEEN_MAX ||
           err_set_at(&unpack->err, ERR_INPUT, "archive", "the archive holds more than %d bytes beside its one file", BETWEEN_MAX);
}

/* At most PIECE_MAX of the source's bytes; none at its end. */
static bool take_piece(struct unpack *unpack, const char **bytes, size_t *size, struct err *err)
{
    if (unpack->piece_size == 0 && !unpack->source.next(unpack->source.context, &unpack->piece, &unpack->piece_size, err))
        return false;
    *size = unpack->piece_size < PIECE_MAX ? unpack->piece_size : PIECE_MAX;
    *bytes = unpack->piece;
    unpack->piece += *size;
    unpack->piece_size -= *size;
    unpack->read += *size;
    return true;
}

static la_ssize_t on_read(struct archive *archive, void *context, const void **bytes)
{
    struct unpack *unpack = context;
    const char *piece = NULL;
    size_t size = 0;
    UNUSED(archive);
    unpack->source_failed = !take_piece(unpack, &piece, &size, &unpack->err) || !may_read(unpack, size);
    *bytes = piece;
    return unpack->source_failed ? -1 : (la_ssize_t)size;
}

/* Why libarchive gave up: the source's own error, or what it says of the archive. */
static bool fail(struct unpack *unpack, struct err *err)
{
    if (unpack->source_failed) {
        *err = unpack->err;
        return false;
    }
    const char *why = archive_error_string(unpack->archive);
    if (!why || !str_is_utf8(why, strlen(why), NULL))
        why = "";
    return err_set_at(err, ERR_INPUT, "archive", "the archive is broken%s%.*s", *why ? ": " : "", (int)strcspn(why, "\n"), why);
}

/* A folder, or what a Mac puts beside each file. */
static bool is_beside(struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);
    return archive_entry_filetype(entry) == S_IFDIR || (name && str_starts(name, "__MACOSX/"));
}

/* The next entry that is a file; *found false at the end. */
static bool next_file(struct unpack *unpack, struct archive_entry **entry, bool *found, struct err *err)
{
    int result;
    unpack->is_between = true;
    do {
        result = archive_read_next_header(unpack->archive, entry);
        *found = result == ARCHIVE_OK || result == ARCHIVE_WARN;
    } while (*found && is_beside(*entry));
    unpack->is_between = false;
    return *found || result == ARCHIVE_EOF || fail(unpack, err);
}

/* What follows the last slash, as far as it is harmless text. */
static void take_name(struct unpack *unpack, struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);
    const char *slash = name ? strrchr(name, '/') : NULL;
    if (slash)
        name = slash + 1;
    if (name && strlen(name) < sizeof unpack->name && str_is_utf8(name, strlen(name), NULL))
        snprintf(unpack->name, sizeof unpack->name, "%s", name);
    for (char *at = unpack->name; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '_';
}

/* --- gzip: libarchive would not compare its checksum --- */

/* Fills the block as far as the stream has bytes. */
static bool fill_block(struct unpack *unpack, struct err *err)
{
    const char *why = NULL, *bytes = NULL;
    size_t size = 0;
    unpack->block_size = 0;
    while (unpack->block_size < PIECE_MAX && !gunzip_is_done(unpack->gunzip)) {
        if (gunzip_wants(unpack->gunzip)) {
            if (!take_piece(unpack, &bytes, &size, err))
                return false;
            gunzip_feed(unpack->gunzip, bytes, size);
        }
        if (!gunzip_next(unpack->gunzip, unpack->block + unpack->block_size, PIECE_MAX - unpack->block_size, &size, &why))
            return err_set_at(err, ERR_INPUT, "archive", "the archive is broken: %s", why);
        unpack->block_size += size;
    }
    return true;
}

static bool begin_gzip(struct unpack *unpack, struct err *err)
{
    unpack->gunzip = gunzip_new();
    unpack->block = mem_calloc(1, PIECE_MAX);
    if (!fill_block(unpack, err))
        return false;
    if (unpack->block_size == 0)
        return err_set_at(err, ERR_INPUT, "archive", "there is nothing in the archive");
    return !unpack_format(unpack->block, unpack->block_size) ||
           err_set_at(err, ERR_INPUT, "archive", "what is in the archive is packed once more");
}

/* --- zip --- */

/* libarchive with the one form that is read here, and no program of the system ever run as a filter. */
static bool begin_zip(struct unpack *unpack, struct err *err)
{
    struct archive_entry *entry;
    bool found = false;
    unpack->archive = archive_read_new();
    archive_read_support_format_zip_streamable(unpack->archive);
    if (archive_read_open(unpack->archive, unpack, NULL, on_read, NULL) < ARCHIVE_WARN)
        return fail(unpack, err);
    if (!next_file(unpack, &entry, &found, err))
        return false;
    if (!found)
        return err_set_at(err, ERR_INPUT, "archive", "there is no file in the archive");
    if (archive_entry_is_encrypted(entry))
        return err_set_at(err, ERR_INPUT, "archive", "the archive is protected by a password");
    take_name(unpack, entry);
    return true;
}

/* The first byte tells which it is. */
static bool begin(struct unpack *unpack, struct err *err)
{
    if (!unpack->source.next(unpack->source.context, &unpack->piece, &unpack->piece_size, err))
        return false;
    return unpack->piece_size > 0 && *unpack->piece == '\x1f' ? begin_gzip(unpack, err) : begin_zip(unpack, err);
}

bool unpack_open(const struct unpack_source *source, uint64_t size_max, struct unpack **out, struct err *err)
{
    struct unpack *unpack = mem_calloc(1, sizeof *unpack);
    unpack->source = *source;
    unpack->size_max = size_max;
    if (begin(unpack, err)) {
        *out = unpack;
        return true;
    }
    unpack_close(unpack);
    return false;
}

void unpack_close(struct unpack *unpack)
{
    if (!unpack)
        return;
    archive_read_free(unpack->archive);
    gunzip_free(unpack->gunzip);
    free(unpack->block);
    free(unpack);
}

/* Behind the file: nothing but directories of the archive, whose bytes belong to the document all the same. */
static bool end(struct unpack *unpack, struct err *err)
{
    struct archive_entry *entry;
    bool found = false;
    const char *bytes = NULL;
    size_t size = 0;
    if (!next_file(unpack, &entry, &found, err))
        return false;
    if (found)
        return err_set_at(err, ERR_INPUT, "archive", "there is more than one file in the archive; send each by itself");
    do {
        if (!unpack->source.next(unpack->source.context, &bytes, &size, err))
            return false;
    } while (size > 0);
    unpack->is_ended = true;
    return true;
}

static bool next_of_gzip(struct unpack *unpack, const char **bytes, size_t *size, struct err *err)
{
    if (unpack->block_size == 0 && !fill_block(unpack, err))
        return false;
    *bytes = unpack->block;
    *size = unpack->block_size;
    unpack->block_size = 0;
    return true;
}

static bool next_of_zip(struct unpack *unpack, const char **bytes, size_t *size, struct err *err)
{
    const void *block = NULL;
    la_int64_t offset = 0;
    while (!unpack->is_ended && *size == 0) {
        int result = archive_read_data_block(unpack->archive, &block, size, &offset);
        if (result == ARCHIVE_EOF) {
            *size = 0;
            return end(unpack, err);
        }
        if (result != ARCHIVE_OK)
            return fail(unpack, err);
        *bytes = block;
    }
    return true;
}

bool unpack_next(struct unpack *unpack, const char **bytes, size_t *size, struct err *err)
{
    *size = 0;
    *bytes = "";
    if (!(unpack->gunzip ? next_of_gzip : next_of_zip)(unpack, bytes, size, err))
        return false;
    unpack->done += *size;
    if (unpack->done > unpack->size_max)
        return err_set_at(err, ERR_LIMIT, "archive", "what is packed is larger than %llu bytes", (unsigned long long)unpack->size_max);
    if (unpack->done > UNPACK_SMALL && unpack->done > unpack->read * UNPACK_RATIO_MAX)
        return err_set_at(err, ERR_LIMIT, "archive", "what is packed is more than %d times as large as the archive", UNPACK_RATIO_MAX);
    return true;
}

void unpack_document_name(const struct unpack *unpack, const char *name, char *out, size_t out_size)
{
    size_t size = name ? strlen(name) : 0;
    if (unpack->name[0])
        name = unpack->name;
    else if (size > 3 && str_ends(name, ".gz"))
        size -= 3;
    size = unpack->name[0] ? strlen(name) : size;
    size = size < out_size ? size : out_size - 1;
    if (name)
        memmove(out, name, size);
    out[size] = '\0';
}

struct memory {
    const char *bytes;
    size_t size;
};

/* The whole archive as one piece. */
static bool next_of_memory(void *context, const char **bytes, size_t *size, struct err *err)
{
    struct memory *memory = context;
    UNUSED(err);
    *bytes = memory->bytes;
    *size = memory->size;
    memory->size = 0;
    return true;
}

bool unpack_memory(const char *bytes, size_t size, struct buf *out, char *name, size_t name_size, struct err *err)
{
    struct memory memory = {bytes, size};
    const struct unpack_source source = {&memory, next_of_memory};
    struct unpack *unpack = NULL;
    const char *part = NULL;
    size_t part_size = 0;
    bool ok = unpack_open(&source, out->size_max, &unpack, err);
    if (ok && name)
        unpack_document_name(unpack, name, name, name_size);
    while ((ok = ok && unpack_next(unpack, &part, &part_size, err)) && part_size > 0)
        if (!buf_add(out, part, part_size))
            ok = err_set_at(err, ERR_LIMIT, "archive", "what is packed is larger than %zu bytes", out->size_max);
    unpack_close(unpack);
    return ok;
}
