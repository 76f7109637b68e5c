/* codec/mail_reading.h - what the files that read a mail (mail.c, mail_parts.c, mail_opened.c, mail_extra.c) share. Nobody else's. */
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
enum { MAIL_TEXT_SIZE_MAX = 1024 * 1024, MAIL_LISTED_MAX = 200 };

/* How the part at hand is protected. OWN: it was opened apart from the message. */
enum mail_cover { MAIL_COVER_NONE, MAIL_COVER_PART, MAIL_COVER_WHOLE, MAIL_COVER_OWN };

/* One mail, or one entity that was opened on its own (then has_marks is false, and the text is its own). */
struct mail_reading {
    const struct mime *mime;
    const struct mail_layers *layers;
    const struct mail_hints *hints;
    const struct codec_limits *limits;
    struct report *report;
    struct buf text;
    bool is_cut;
    bool has_signed; /* something in it is signed: what is not must be marked */
    json_t *attachments, *texts, *reports, *opened;
};

/* mail_parts.c: text and attachments of the part and all below it. */
void mail_parts_read(struct mail_reading *reading, int index, enum mail_cover cover);
const char *mail_cover_name(enum mail_cover cover); /* "none", "part", "whole", "own" */

/* mail_opened.c: what was opened apart from the message, each as {"path","kind",..,"text"} in reading->opened. */
void mail_opened_read(struct mail_reading *reading);

/* mail_extra.c: report->extra. */
void mail_extra_write(struct mail_reading *reading);

/* "<a@b>" without its brackets, the arena's; NULL where there is none. */
const char *mail_extra_message_id(struct arena *arena, const char *text);

#endif
