/* codec/mail_attachment.h - reports that came attached to a mail: found by type or content, decoded, and taken into the mail's report. */
#ifndef CIRT_CODEC_MAIL_ATTACHMENT_H
#define CIRT_CODEC_MAIL_ATTACHMENT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "codec/codec.h"
#include "model/report.h"

struct mail_attachment {
    const char *path;  /* of the part */
    const char *name;  /* file name, or NULL */
    const char *type;  /* media type */
    const char *bytes; /* transfer encoding undone */
    size_t size;
};

/*
 * Looks whether it is a document of a known format; then its observations, rejections ("part 1.2: line 7"), class (where the mail has none)
 * and label (the strictest counts) become the report's. A document that is refused is one rejection: the mail stands, and is RED where the
 * document calls itself so; that holds for refused lines, too.
 * Returns what to tell about it ({"path","format","observations",..}), the caller's; NULL where it is no report.
 */
json_t *mail_attachment_read(const struct mail_attachment *attachment, const struct codec_limits *limits, struct report *report);

/* For what is read in no other way either: the report is RED where its bytes or its name say so. */
void mail_attachment_unread(const struct mail_attachment *attachment, struct report *report);

#endif
