#include "codec/stix_extra.h"

#include <string.h>

#include "base/str.h"
#include "codec/stix.h"

const json_t *stix_extra_extension(const json_t *object)
{
    const json_t *extension = json_object_get(json_object_get(object, "extensions"), STIX_EXTENSION_ID);
    return json_is_object(extension) ? extension : NULL;
}

const char *stix_extra_own(const struct stix_reader *reader, const json_t *extension)
{
    const char *text = stix_object_text(extension, "extra");
    struct codec_limits limits = *reader->limits;
    json_t *value = NULL;
    struct err ignored;
    limits.depth_max += 4; /* what stood in a document of that depth, and what we put around it */
    bool is_object = text && json_value_parse(text, strlen(text), &limits, &value, &ignored) && json_is_object(value);
    json_decref(value);
    return is_object ? text : NULL;
}

json_t *stix_extra_rest(const json_t *object)
{
    static const char *const written[] = {
        "type",
        "spec_version",
        "id",
        "created",
        "modified",
        "created_by_ref",
        "name",
        "description",
        "pattern",
        "pattern_type",
        "valid_from",
        "valid_until",
        "confidence",
        "lang",
        "first_observed",
        "last_observed",
        "number_observed",
        "object_refs",
        "object_marking_refs",
        "labels",
        "published",
        "external_references",
        "extensions",
    };
    json_t *rest = json_copy((json_t *)object);
    for (size_t i = 0; i < ARRAY_SIZE(written); i++)
        json_object_del(rest, written[i]);
    if (json_object_size(rest))
        return rest;
    json_decref(rest);
    return NULL;
}

const char *stix_extra_text(const json_t *extra, struct arena *arena)
{
    struct buf text;
    if (!extra || !json_object_size(extra))
        return NULL;
    buf_init(&text, SIZE_MAX / 2);
    json_value_write(extra, &text);
    const char *copy = arena_strdup(arena, buf_text(&text));
    buf_clear(&text);
    return copy;
}
