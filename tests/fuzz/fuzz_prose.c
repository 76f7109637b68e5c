/* Any bytes as prose, and as HTML made to prose: within the limits, each find in its normal form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/extract.h"
#include "codec/html_text.h"

static void extract(const char *text)
{
    struct report *report = report_new("mail");
    struct observation *observation = report_add_observation(report);
    if (extract_observables(text, report, observation) > EXTRACT_MAX)
        abort();
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *found = &observation->sightings[i];
        const char *again = observable_normalise(report->arena, found->type, found->value);
        if (!again || strcmp(again, found->value) != 0)
            abort();
    }
    report_free(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_calloc(size + 1, 1);
    if (size)
        memcpy(text, data, size);
    extract(text);
    struct buf html;
    buf_init(&html, 256 * 1024);
    UNUSED(html_text(text, strlen(text), &html));
    extract(buf_text(&html));
    buf_clear(&html);
    free(text);
    return 0;
}
