/* model/defang.h - text as it is shown where nobody shall click on it by mistake; observable_refang() reads it again. */
#ifndef CIRT_MODEL_DEFANG_H
#define CIRT_MODEL_DEFANG_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

/*
 * Adds text harmless (str_add_harmless(), with its line ends) and defanged: hxxp, and [.] and [@] in the names of hosts and in mail
 * addresses, wherever they stand in it. A name counts by its suffix; one that is all of the text counts by its form, unless its ending is a
 * file's. Bare addresses stay as they are. False: it does not fit.
 */
bool defang_add(struct buf *buf, const char *text);

#endif
