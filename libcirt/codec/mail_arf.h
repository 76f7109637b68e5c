/*
 * codec/mail_arf.h - the message/feedback-report part of an abuse report by mail (ARF, RFC 5965; types of RFC 6430 and 6591), as reports
 * in a mail are read: codec/mail_attachment.h. All it says is the sender's claim.
 */
#ifndef CIRT_CODEC_MAIL_ARF_H
#define CIRT_CODEC_MAIL_ARF_H

#include "codec/codec.h"

/* Not in the registry: there is no such document without its mail. decode() gives a report of one observation; ERR_INPUT with the field
 * as place where there is not exactly one Feedback-Type, or another version than 1 and 0.1. */
extern const struct codec mail_arf_codec;

#endif
