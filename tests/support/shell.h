/* tests/support/shell.h - commands of tests that use a program as its user would: gpg, openssl. */
#ifndef CIRT_TESTS_SUPPORT_SHELL_H
#define CIRT_TESTS_SUPPORT_SHELL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"

/* The test fails where the command does, and says which. */
static inline void PRINTF_LIKE(1, 2) shell(const char *format, ...)
{
    char command[1200];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(command, sizeof command, format, args);
    va_end(args);
    int status = size < (int)sizeof command ? system(command) : -1;
    if (status != 0)
        fail_msg("%s: status %d", command, status);
}

#endif
