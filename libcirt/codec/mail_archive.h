/*
 * codec/mail_archive.h - archives attached to a mail: what is in them by name and size. They are never unpacked, but for a feed's: one
 * CSV alone in a zip or gzip, within limits (codec/unpack.h). What a password closes stays closed.
 */
#ifndef CIRT_CODEC_MAIL_ARCHIVE_H
#define CIRT_CODEC_MAIL_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

enum { MAIL_ARCHIVE_ENTRIES_KEPT = 100, MAIL_ARCHIVE_ENTRIES_MAX = 10000 };

struct mail_archive_entry {
    const char *name; /* one line of UTF-8; may hold anything, "../" too */
    int64_t size;     /* as the archive claims; -1 where it does not say */
};

struct mail_archive {
    const char *format;                 /* "zip", "gzip", "bzip2", "tar", "rar", "7z", "xz" */
    struct mail_archive_entry *entries; /* the first MAIL_ARCHIVE_ENTRIES_KEPT */
    size_t entry_count, entry_total;
    bool is_encrypted;   /* something in it needs a password */
    bool is_cut;         /* there may be more: it went beyond a limit */
    const char *problem; /* why it could not be listed, or not to the end; or NULL */
};

/* False where the bytes are no archive that is known here. Strings are the arena's. Lists without unpacking, except that a compressed tar
 * must be read through, up to a limit. 7z and xz are only named: reading their directories may take any amount of memory. */
bool mail_archive_list(const char *bytes, size_t size, struct arena *arena, struct mail_archive *out);

/* Whether it is a feed's: one file, .csv, in a zip or gzip, without password. name: the attachment's own (gzip may not name what is in it).
 */
bool mail_archive_is_feed(const struct mail_archive *archive, const char *name);

#endif
