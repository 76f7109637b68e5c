#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "codec/mail_archive.h"
#include "codec/mail_attachment.h"
#include "codec/mail_reading.h"
#include "codec/mime_body.h"
#include "codec/sha256.h"
#include "codec/unpack.h"

/* What a feed's one file may come to. */
enum { FEED_SIZE_MAX = 64 * 1024 * 1024 };

/* --- archives --- */

static json_t *archive_told(const struct mail_archive *archive)
{
    json_t *entries = json_array();
    for (size_t i = 0; i < archive->entry_count; i++) {
        json_t *entry = json_pack("{s:s}", "name", archive->entries[i].name);
        if (archive->entries[i].size >= 0)
            json_object_set_new(entry, "size", json_integer(archive->entries[i].size));
        json_array_append_new(entries, entry);
    }
    json_t *told = json_pack("{s:s, s:o, s:I, s:b, s:b}", "format", archive->format, "entries", entries, "entry_total",
                             (json_int_t)archive->entry_total, "encrypted", archive->is_encrypted, "cut", archive->is_cut);
    if (archive->problem)
        json_object_set_new(told, "problem", json_string(archive->problem));
    return told;
}

/* The name of the packed file: what the zip calls it, the gzip's own without ".gz". */
static const char *packed_name(struct arena *arena, const struct mail_archive *archive, const char *name)
{
    size_t size = name ? strlen(name) : 0, suffix = strlen(".gz");
    bool is_named = str_equal(archive->format, "gzip") && size > suffix && strcasecmp(name + size - suffix, ".gz") == 0;
    return is_named ? arena_strndup(arena, name, size - suffix) : archive->entries[0].name;
}

static json_t *read_feed(struct mail_reading *reading, const struct mail_attachment *packed, const struct mail_archive *archive)
{
    struct buf csv;
    struct err err;
    json_t *told = NULL;
    buf_init(&csv, FEED_SIZE_MAX);
    if (unpack_memory(packed->bytes, packed->size, &csv, NULL, 0, &err)) {
        struct mail_attachment attachment = *packed;
        const char *name = packed_name(reading->report->arena, archive, packed->name), *slash = strrchr(name, '/');
        attachment.name = slash ? slash + 1 : name;
        attachment.type = "text/csv";
        attachment.bytes = buf_text(&csv);
        attachment.size = csv.size;
        told = mail_attachment_read(&attachment, reading->limits, reading->report);
    } else {
        char *place = arena_printf(reading->report->arena, "part %s", packed->path);
        report_reject(reading->report, place, err.text);
        /* Where it breaks off, what stands before that counts. */
        struct mail_attachment begun = {.bytes = buf_text(&csv), .size = csv.size};
        mail_attachment_unread(&begun, reading->report);
    }
    buf_clear(&csv);
    return told;
}

/* --- what it is --- */

/* For people who would open it; NULL where the type says enough. */
static const char *what_it_is(const struct mime_part *part, const struct buf *body)
{
    static const char tnef[] = "\x78\x9f\x3e\x22";
    if (str_equal(part->type, "message/partial"))
        return "a piece of a mail that was sent in pieces; they are never put together";
    if (str_equal(part->type, "message/external-body"))
        return "a reference to a file elsewhere; it is never fetched";
    if (body->size > 4 && memcmp(body->bytes, tnef, 4) == 0)
        return "TNEF (winmail.dat): Outlook's own container, not unpacked";
    return NULL;
}

/* Windows calls a csv Excel's, others anything; not what is text, which is read as that. */
static const char *type_of(const struct mime_part *part)
{
    bool is_csv = str_ends_nocase(part->name, ".csv") && !str_equal(part->type, "text/plain") && !codec_find_media_type(part->type);
    return is_csv ? "text/csv" : part->type;
}

/* A table whose columns nobody knows is a list that a team made by itself: its rejection stays, and it is a text like any other. What is
 * called so and is none (a spreadsheet) has zeros in it. */
static bool is_unknown_table(const json_t *told, const struct mail_attachment *attachment)
{
    const char *format = json_string_value(json_object_get(told, "format"));
    bool is_table = str_equal(format, "csv") || str_equal(format, "shadowserver");
    bool is_read = json_is_true(json_object_get(told, "accepted")) || json_integer_value(json_object_get(told, "observations")) > 0;
    return is_table && !is_read && !memchr(attachment->bytes, '\0', attachment->size);
}

bool mail_file_read(struct mail_reading *reading, const struct mime_part *part, enum mail_cover cover, bool is_text)
{
    struct buf body;
    struct mail_archive archive;
    char sha256[SHA256_HEX_SIZE];
    buf_init(&body, part->body_size + 1);
    mime_body(reading->mime, part, &body);
    sha256_hex(buf_text(&body), body.size, sha256);
    json_t *item = json_pack("{s:s, s:s, s:I, s:s, s:s}", "path", part->path, "type", part->type, "size", (json_int_t)body.size, "sha256",
                             sha256, "covered", mail_cover_name(cover));
    if (part->name)
        json_object_set_new(item, "name", json_string(part->name));
    const char *what = what_it_is(part, &body);
    if (what)
        json_object_set_new(item, "what", json_string(what));
    struct mail_attachment attachment = {
        .path = part->path, .name = part->name, .type = type_of(part), .bytes = buf_text(&body), .size = body.size};
    bool is_archive = mail_archive_list(attachment.bytes, attachment.size, reading->report->arena, &archive);
    if (is_archive)
        json_object_set_new(item, "archive", archive_told(&archive));
    reading->attachment_total++;
    if (json_array_size(reading->attachments) < MAIL_LISTED_MAX)
        json_array_append(reading->attachments, item);
    json_decref(item);
    json_t *told = is_archive && mail_archive_is_feed(&archive, part->name)
                       ? read_feed(reading, &attachment, &archive)
                       : mail_attachment_read(&attachment, reading->limits, reading->report);
    if (told)
        json_array_append_new(reading->reports, told);
    else if (!is_text)
        mail_attachment_unread(&attachment, reading->report);
    bool is_taken = told && (is_archive || !is_unknown_table(told, &attachment));
    buf_clear(&body);
    return is_taken;
}
