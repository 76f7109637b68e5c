/* codec/mail_reading.h - what the files that read a mail (mail.c, mail_parts.c, mail_forward.c, mail_file.c, mail_opened.c, mail_extra.c)
 * share. Nobody else's. */
#ifndef CIRT_CODEC_MAIL_READING_H
#define CIRT_CODEC_MAIL_READING_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "codec/codec.h"
#include "codec/mail_layers.h"
#include "codec/mime.h"
#include "model/report.h"

/* The readable text of one mail; what is longer is cut and stays readable in the stored bytes. */
enum { MAIL_TEXT_SIZE_MAX = 1024 * 1024, MAIL_SOURCE_SIZE_MAX = 4 * MAIL_TEXT_SIZE_MAX, MAIL_LISTED_MAX = 200 };

/* How the part at hand is protected. UNCLEAR: it stands in what is signed, but where it begins and ends can be read in two ways. OWN: it
 * was opened apart from the message. */
enum mail_cover { MAIL_COVER_NONE, MAIL_COVER_UNCLEAR, MAIL_COVER_PART, MAIL_COVER_WHOLE, MAIL_COVER_OWN };

/* Text of the message that a forwarded mail says, not its sender. */
struct mail_range {
    size_t start, end;
};

/* One mail, or what was taken out of one and is read as a mail is: then depth is above 0, its layers protect nothing, and the lists are
 * those of the mail. */
struct mail_reading {
    const struct mime *mime;
    const struct mail_layers *layers;
    const struct mail_hints *hints;
    const struct codec_limits *limits;
    struct report *report;
    struct buf text;
    struct buf aside; /* text of alternatives and files that are not shown: read for what it names only */
    bool is_aside;    /* one of them is being read: `text` is that */
    bool is_cut;
    bool has_signed; /* something in it is signed: what is not must be marked */
    unsigned depth;
    struct mail_range *forwards; /* disjoint, in order; the report's arena's */
    size_t forward_count, forward_capacity, forward_total;
    json_t *attachments, *texts, *reports, *opened;
    size_t attachment_total;
    enum tlp field_label; /* the strictest that header fields name */
    enum tlp own_label;   /* the strictest in what it says, also where that was closed */
};

/* mail.c: the strictest TLP label that stands in the text becomes the report's, where it is stricter. */
void mail_label_read(struct mail_reading *reading, const char *text);
/* What only text names that is not shown (a link in the HTML beside a text, an attached list): an observation with that extra, without
 * what the one before it names, where has_shown. NULL where nothing is left. */
struct observation *mail_unshown_read(struct report *report, const struct buf *aside, bool has_shown, const char *extra);
/* Takes the label that fields of the part's header name ("X-TLP: RED", "Keywords: TLP:RED", the description of an attachment). */
void mail_fields_read(struct mail_reading *reading, const struct mime_part *part);
/* Such a one only narrows: where nothing else is said it binds from AMBER on. */
void mail_fields_label(struct report *report, enum tlp label);
/* A label on what is not shown binds the whole where it is strict, as one of an attached document does. */
void mail_unshown_label(struct report *report, const struct buf *aside);

/* mail_parts.c: text and attachments of the part and all below it. */
void mail_parts_read(struct mail_reading *reading, int index, enum mail_cover cover);
const char *mail_cover_name(enum mail_cover cover); /* "none" (UNCLEAR too), "part", "whole", "own" */
/* Text of ours between the parts' texts; a mark says what is signed, where something is. */
void mail_parts_add(struct mail_reading *reading, const char *text);
void mail_parts_mark(struct mail_reading *reading, const char *path, enum mail_cover cover);
/* What stands in the text from `at` on is this part's, for those who show part by part: bytes of the report's description. */
void mail_parts_list(struct mail_reading *reading, const char *path, const char *type, enum mail_cover cover, size_t at);

/* mail_forward.c: a mail within the mail, its text marked as such, its header's addresses an observation of their own. */
void mail_forward_read(struct mail_reading *reading, const struct mime_part *part, enum mail_cover cover);
/* The observables of text start..end, without those in forwarded mails in it, into the observation; returns how many. */
size_t mail_forward_extract(struct mail_reading *reading, size_t start, size_t end, struct observation *observation);

/* mail_file.c: an attachment: listed with its digest and what it is; reports in it are decoded. False where there is none, or only
 * a table that no codec knows. is_text: then it is read as text; what is not, is only searched for RED. */
bool mail_file_read(struct mail_reading *reading, const struct mime_part *part, enum mail_cover cover, bool is_text);

/* mail_opened.c: what was opened apart from the message, each as {"path","kind",..,"text"} in reading->opened. */
void mail_opened_read(struct mail_reading *reading);

/* mail_extra.c: report->extra. */
void mail_extra_write(struct mail_reading *reading);

/* "<a@b>" without its brackets, the arena's; NULL where there is none. */
const char *mail_extra_message_id(struct arena *arena, const char *text);
/* The next of the ids in brackets at *text (NULL: none), which moves behind it; NULL where there is none. */
const char *mail_extra_next_id(const char **text, size_t *size);

#endif
