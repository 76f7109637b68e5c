/* codec/iodef_label.h - IODEF's restriction (RFC 7970 section 3.3.1, TLP 1.0 at most) and our labels (TLP 2.0). */
#ifndef CIRT_CODEC_IODEF_LABEL_H
#define CIRT_CODEC_IODEF_LABEL_H

#include "base/err.h"
#include "codec/xml.h"
#include "codec/xml_write.h"
#include "model/tlp.h"

/*
 * The label of an element from its restriction and ext-restriction; `inherited` where it has none, or "default".
 *   white, public CLEAR | green GREEN | amber, private, partner AMBER | need-to-know AMBER_STRICT | red RED |
 *   ext-value: the label in ext-restriction, AMBER_STRICT where that is no TLP label
 * ext-restriction beside another value counts where it is the exact label behind it (white + TLP:CLEAR, red + TLP:AMBER+STRICT), else
 * the stricter of both. An unknown restriction is ERR_INPUT. Marks what a TLP label says completely as used.
 */
bool iodef_label_read(struct xml_element *element, enum tlp inherited, enum tlp *label, struct err *err) MUST_CHECK;

/* Writes the attributes; nothing for TLP_NONE. */
void iodef_label_write(struct xml_write *writer, enum tlp label);

#endif
