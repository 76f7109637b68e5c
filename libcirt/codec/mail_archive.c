#include "codec/mail_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/str.h"
#include "codec/mime_body.h"

/* What an archive may come to while it is read through for its names. */
enum { THROUGH_SIZE_MAX = 64 * 1024 * 1024, NAME_SIZE_MAX = 500 };

static const struct kind {
    const char *format, *magic;
    size_t size, at;
    bool is_listed;
} kinds[] = {
    {"zip", "PK\003\004", 4, 0, true},
    {"zip", "PK\005\006", 4, 0, true},
    {"gzip", "\x1f\x8b", 2, 0, true},
    {"bzip2", "BZh", 3, 0, true},
    {"rar", "Rar!\x1a\x07", 6, 0, true},
    {"7z", "7z\xbc\xaf\x27\x1c", 6, 0, false},
    {"xz",
     "\xfd"
     "7zXZ",
     5, 0, false},
    {"tar", "ustar", 5, 257, true},
};

static const struct kind *kind_of(const char *bytes, size_t size)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (size >= kinds[i].at + kinds[i].size && memcmp(bytes + kinds[i].at, kinds[i].magic, kinds[i].size) == 0)
            return &kinds[i];
    return NULL;
}

/* How to get from one name to the next. */
enum way {
    BY_DIRECTORY, /* of a zip */
    THROUGH,      /* all that lies between, unpacked and thrown away: bounded. A zip that lost its directory, a rar, which may be solid */
    PACKED        /* the same in a filter, in which a tar may be */
};

/* libarchive with the one format that the first bytes name, and no program of the system ever run as a filter. */
static struct archive *open_archive(const struct kind *kind, enum way way, const char *bytes, size_t size)
{
    struct archive *archive = archive_read_new();
    if (way == BY_DIRECTORY) {
        archive_read_support_format_zip_seekable(archive);
    } else if (str_equal(kind->format, "zip")) {
        archive_read_support_format_zip_streamable(archive);
    } else if (str_equal(kind->format, "rar")) {
        archive_read_support_format_rar(archive);
        archive_read_support_format_rar5(archive);
    } else {
        archive_read_support_filter_gzip(archive);
        archive_read_support_filter_bzip2(archive);
        archive_read_support_format_tar(archive);
        archive_read_support_format_raw(archive);
    }
    if (archive_read_open_memory(archive, bytes, size) < ARCHIVE_WARN) {
        archive_read_free(archive);
        return NULL;
    }
    return archive;
}

static const char *name_copy(struct arena *arena, struct archive_entry *entry)
{
    const char *name = archive_entry_pathname_utf8(entry);
    struct buf text;
    if (!name)
        name = archive_entry_pathname(entry);
    size_t size = name ? strlen(name) : 0;
    buf_init(&text, 4 * NAME_SIZE_MAX + 16);
    mime_text(NULL, name, size < NAME_SIZE_MAX ? size : NAME_SIZE_MAX, &text);
    char *copy = arena_strdup(arena, buf_text(&text));
    for (char *at = copy; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    buf_clear(&text);
    return copy;
}

static void add_entry(struct arena *arena, struct archive_entry *entry, struct mail_archive *out)
{
    out->entry_total++;
    out->is_encrypted |= archive_entry_is_encrypted(entry) != 0;
    if (out->entry_count == MAIL_ARCHIVE_ENTRIES_KEPT)
        return;
    if (!out->entries)
        out->entries = arena_calloc(arena, MAIL_ARCHIVE_ENTRIES_KEPT, sizeof *out->entries);
    out->entries[out->entry_count++] = (struct mail_archive_entry){
        .name = name_copy(arena, entry), .size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : -1};
}

/* Reads the entry's data away, so that skipping it is bounded. */
static bool pass_data(struct archive *archive, size_t *through)
{
    const void *block;
    size_t size;
    la_int64_t offset;
    while (archive_read_data_block(archive, &block, &size, &offset) == ARCHIVE_OK) {
        *through += size;
        if (*through > THROUGH_SIZE_MAX)
            return false;
    }
    return true;
}

static void list_entries(struct archive *archive, enum way way, struct arena *arena, struct mail_archive *out)
{
    struct archive_entry *entry;
    size_t through = 0;
    int result;
    while ((result = archive_read_next_header(archive, &entry)) == ARCHIVE_OK || result == ARCHIVE_WARN) {
        if (out->entry_total == MAIL_ARCHIVE_ENTRIES_MAX) {
            out->is_cut = true;
            return;
        }
        if (way == PACKED && archive_format(archive) == ARCHIVE_FORMAT_RAW) {
            /* One compressed file: its size would only come out by unpacking. */
            add_entry(arena, entry, out);
            return;
        }
        add_entry(arena, entry, out);
        if (way == PACKED)
            out->format = "tar";
        /* What the folder of a zip holds is not given out, but unpacked all the same. */
        if (way == THROUGH && str_equal(out->format, "zip") && archive_entry_filetype(entry) != S_IFREG) {
            out->is_cut = true;
            return;
        }
        if (way != BY_DIRECTORY && !archive_entry_is_encrypted(entry) && !pass_data(archive, &through)) {
            out->is_cut = true;
            return;
        }
    }
    out->is_encrypted |= archive_read_has_encrypted_entries(archive) > 0;
    if (result != ARCHIVE_EOF) {
        const char *why = archive_error_string(archive);
        out->is_cut = true;
        out->problem = arena_strdup(arena, why && str_is_utf8(why, strlen(why), NULL) ? why : "broken");
    }
}

static void list(const struct kind *kind, enum way way, const char *bytes, size_t size, struct arena *arena, struct mail_archive *out)
{
    *out = (struct mail_archive){.format = kind->format};
    struct archive *archive = kind->is_listed ? open_archive(kind, way, bytes, size) : NULL;
    if (archive)
        list_entries(archive, way, arena, out);
    else
        out->problem = kind->is_listed ? "broken" : "not listed";
    archive_read_free(archive);
}

bool mail_archive_list(const char *bytes, size_t size, struct arena *arena, struct mail_archive *out)
{
    const struct kind *kind = kind_of(bytes, size);
    *out = (struct mail_archive){.format = NULL};
    if (!kind)
        return false;
    enum way way = str_equal(kind->format, "zip")                                        ? BY_DIRECTORY
                   : str_equal(kind->format, "gzip") || str_equal(kind->format, "bzip2") ? PACKED
                                                                                         : THROUGH;
    list(kind, way, bytes, size, arena, out);
    if (way == BY_DIRECTORY && out->problem && out->entry_total == 0)
        list(kind, THROUGH, bytes, size, arena, out);
    return true;
}

static bool ends_nocase(const char *text, const char *suffix)
{
    size_t size = text ? strlen(text) : 0, suffix_size = strlen(suffix);
    return size > suffix_size && strcasecmp(text + size - suffix_size, suffix) == 0;
}

bool mail_archive_is_feed(const struct mail_archive *archive, const char *name)
{
    if (archive->entry_total != 1 || archive->is_encrypted || archive->is_cut)
        return false;
    if (str_equal(archive->format, "zip"))
        return ends_nocase(archive->entries[0].name, ".csv");
    return str_equal(archive->format, "gzip") && (ends_nocase(name, ".csv.gz") || ends_nocase(archive->entries[0].name, ".csv"));
}
