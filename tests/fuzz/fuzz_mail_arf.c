/*
 * Any bytes as the parts of abuse reports by mail: the fields of ARF and the YAML of X-ARF. A refusal has a place, what is read is text,
 * and extra is a JSON object.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/str.h"
#include "codec/mail_arf.h"
#include "codec/mail_xarf.h"

static const struct codec_limits limits = {.document_bytes_max = 1 << 20, .depth_max = 20, .observations_max = 1000};

static void check_text(const char *text)
{
    if (text && !str_is_utf8(text, strlen(text), NULL))
        BUG("not UTF-8: %s", text);
}

static void check_observation(const struct observation *observation)
{
    json_t *extra = observation->extra ? json_loads(observation->extra, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (observation->extra && !json_is_object(extra))
        BUG("no JSON object: %s", observation->extra);
    json_decref(extra);
    check_text(observation->class_claim);
    check_text(observation->description);
    check_text(observation->time_text);
    for (size_t i = 0; i < observation->sighting_count; i++)
        check_text(observation->sightings[i].value);
}

static void check(const struct codec *codec, const char *bytes, size_t size)
{
    struct report *report = NULL;
    struct err err = {0};
    if (!codec_decode(codec, bytes, size, &limits, NULL, &report, &err)) {
        if ((err.code != ERR_INPUT && err.code != ERR_LIMIT) || !*err.at)
            BUG("refused as %s at \"%s\": %s", err_code_name(err.code), err.at, err.text);
        check_text(err.text);
        return;
    }
    for (size_t i = 0; i < report->observation_count; i++)
        check_observation(&report->observations[i]);
    for (size_t i = 0; i < report->rejection_count; i++)
        check_text(report->rejections[i].text);
    report_free(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    check(&mail_arf_codec, (const char *)bytes, size);
    check(&mail_xarf_codec, (const char *)bytes, size);
    UNUSED(mail_xarf_is((const char *)bytes, size));
    return 0;
}
