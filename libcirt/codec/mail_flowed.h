/* codec/mail_flowed.h - text/plain in the form flowed with DelSp=yes (RFC 3676): lines that only the width of a screen broke, words and
 * links too, are put together. */
#ifndef CIRT_CODEC_MAIL_FLOWED_H
#define CIRT_CODEC_MAIL_FLOWED_H

#include "base/buf.h"

/* In place. Without DelSp words stay whole whatever is done, so it is left as it is. */
void mail_flowed_join(struct buf *text);

#endif
