/* tests/support/stix_bundle.h - STIX of tests, which has to be taken. */
#ifndef CIRT_TESTS_SUPPORT_STIX_BUNDLE_H
#define CIRT_TESTS_SUPPORT_STIX_BUNDLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/stix.h"

/* The caller's; the test fails where it is refused. */
static inline struct report *stix_decoded(const char *text)
{
    struct report *report = NULL;
    struct err err = {0};
    if (!codec_decode(&stix_codec, text, strlen(text), &codec_limits_default, NULL, &report, &err))
        fail_msg("refused: %s: %s\n%s", err.at, err.text, text);
    return report;
}

#endif
