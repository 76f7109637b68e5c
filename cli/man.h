/* cli/man.h - the man page, out of the table of commands. packaging/man/cirt.1 is what it prints. */
#ifndef CIRT_CLI_MAN_H
#define CIRT_CLI_MAN_H

#include "cli/screen.h"

void man_print(struct screen *screen);

#endif
