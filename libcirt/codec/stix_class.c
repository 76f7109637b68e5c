#include "codec/stix_class.h"

#include <string.h>

#include "base/str.h"
#include "model/rsit.h"

/* The first word of the list that is a class we know; *first_word: the first that may be meant as one. */
static void class_in_list(const json_t *list, bool is_meant, struct stix_class *class)
{
    size_t index;
    json_t *element;
    json_array_foreach(list, index, element)
    {
        const char *text = json_string_value(element);
        const char *found = text ? rsit_claimed(text) : NULL;
        if (class->name || !text)
            return;
        if (found && !str_equal(found, RSIT_UNDETERMINED)) {
            class->word = text;
            class->name = found;
        } else if (is_meant && !class->first_word && !strchr(text, ':')) {
            class->first_word = text;
        }
    }
}

/* OASIS, Incident Core. */
#define INCIDENT_EXTENSION "extension-definition--ef765651-680c-498d-9894-99799f2fa126"

/* incident_types stand in an extension; OpenCTI's incident_type is one word. */
static void class_of_incident(const json_t *incident, struct stix_class *class)
{
    const json_t *core = json_object_get(json_object_get(incident, "extensions"), INCIDENT_EXTENSION);
    json_t *word = json_pack("[O*]", json_object_get(incident, "incident_type"));
    class_in_list(json_object_get(core, "incident_types"), true, class);
    class_in_list(word, true, class);
    json_decref(word);
}

/* labels of 2.0 are what the *_types are in 2.1; there they are anything. */
static const struct stix_class *own_class(const struct stix_reader *reader, const struct stix_object *object)
{
    static const char *const lists[] = {"indicator_types", "report_types", "incident_types", "infrastructure_types", "malware_types"};
    struct stix_class *class = &reader->own_class[object->index];
    if (class->is_known)
        return class;
    class->is_known = true;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        class_in_list(json_object_get(object->json, lists[i]), true, class);
    class_of_incident(object->json, class);
    class_in_list(json_object_get(object->json, "labels"), stix_object_is_20(object), class);
    return class;
}

static const struct stix_class *full_class(const struct stix_reader *reader, const struct stix_object *object)
{
    struct stix_class *class = &reader->full_class[object->index];
    if (class->is_known)
        return class;
    *class = *own_class(reader, object);
    for (size_t i = reader->first_link[object->index]; i && !class->name; i = reader->links[i - 1].next) {
        const struct stix_link *link = &reader->links[i - 1];
        if (!str_equal(stix_object_text(link->relationship->json, "relationship_type"), "indicates"))
            continue;
        const struct stix_class *target = own_class(reader, link->target);
        class->word = target->word;
        class->name = target->name;
    }
    return class;
}

void stix_class_of(const struct stix_reader *reader, const struct stix_object *object, const char **claim, const char **name)
{
    const struct stix_class *class = full_class(reader, object);
    *claim = arena_strdup(report_row_arena(reader->report), class->word ? class->word : class->first_word);
    *name = class->name ? class->name : class->first_word ? rsit_claimed(class->first_word) : NULL;
}
