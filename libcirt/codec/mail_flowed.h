/* codec/mail_flowed.h - lines that only the width of a screen broke, within words and links too, are put together: text/plain in the form
 * flowed with DelSp=yes (RFC 3676), and calendars (RFC 5545). */
#ifndef CIRT_CODEC_MAIL_FLOWED_H
#define CIRT_CODEC_MAIL_FLOWED_H

#include "base/buf.h"

/* In place. Without DelSp words stay whole whatever is done, so it is left as it is. */
void mail_flowed_join(struct buf *text);

/* In place: folded lines are whole, and "\\n", "\\," and the like what they stand for. */
void mail_calendar_join(struct buf *text);

#endif
