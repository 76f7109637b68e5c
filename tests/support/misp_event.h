/* tests/support/misp_event.h - MISP of tests, which has to be taken. */
#ifndef CIRT_TESTS_SUPPORT_MISP_EVENT_H
#define CIRT_TESTS_SUPPORT_MISP_EVENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/codec.h"

/* The caller's; the test fails where it is refused, and says where. */
static inline struct report *misp_decoded(const char *text, size_t size, const char *where)
{
    struct report *report = NULL;
    struct err err = {0};
    if (!codec_decode(codec_find("misp"), text, size, &codec_limits_default, NULL, &report, &err))
        fail_msg("%s: refused: %s: %s", where, err.at, err.text);
    return report;
}

static inline struct report *misp_decoded_text(const char *text)
{
    return misp_decoded(text, strlen(text), text);
}

#endif
