#include "codec/iodef_texts.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/iodef.h"

bool iodef_texts_differ(const struct xml_element *element, const char *document_lang)
{
    for (struct xml_element *d = xml_child(element, IODEF_SPACE, "Description"); d; d = xml_next(d)) {
        const char *lang = xml_attribute(d, XML_SPACE_XML, "lang");
        if (xml_attribute(d, "", "translation-id") || (lang && !str_equal(lang, document_lang)))
            return true;
    }
    return false;
}

static json_t *first_incident(const json_t *extra)
{
    return json_array_get(json_object_get(extra, "Incident"), 0);
}

static const char *text_of(const json_t *item)
{
    return json_string_value(json_is_string(item) ? item : json_object_get(item, "#text"));
}

/* Nothing but what goes into a Description. */
static bool is_writable(const json_t *item)
{
    size_t known = 1 + (json_object_get(item, "@lang") != NULL) + (json_object_get(item, "@translation-id") != NULL);
    return text_of(item) && (json_is_string(item) || json_object_size(item) == known);
}

/* The list, where it says together what the description says. */
static bool is_description(const json_t *list, const char *description)
{
    struct buf joined;
    size_t i;
    json_t *item;
    bool ok = json_array_size(list) > 0 && description;
    buf_init(&joined, SIZE_MAX / 4);
    json_array_foreach((json_t *)list, i, item)
    {
        ok = ok && is_writable(item);
        if (ok && joined.size)
            buf_add_text(&joined, "\n\n");
        if (ok)
            buf_add_text(&joined, text_of(item));
    }
    ok = ok && str_equal(buf_text(&joined), description);
    buf_clear(&joined);
    return ok;
}

static void write_item(struct xml_write *writer, const json_t *item)
{
    xml_write_open(writer, "Description");
    xml_write_attribute(writer, "xml:lang", json_string_value(json_object_get(item, "@lang")));
    xml_write_attribute(writer, "translation-id", json_string_value(json_object_get(item, "@translation-id")));
    xml_write_text(writer, text_of(item));
    xml_write_close(writer, "Description");
}

static void write_list(struct xml_write *writer, json_t *holder)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(holder, "Description"), i, item) write_item(writer, item);
    json_object_del(holder, "Description");
}

static void drop_empty_incident(json_t *extra)
{
    json_t *list = json_object_get(extra, "Incident");
    if (json_array_size(list) == 1 && json_is_object(json_array_get(list, 0)) && json_object_size(json_array_get(list, 0)) == 0)
        json_object_del(extra, "Incident");
}

char *iodef_texts_write(struct xml_write *writer, const char *description, const char *extra_text, bool is_incident)
{
    json_t *extra = extra_text ? json_loads(extra_text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *holder = is_incident ? first_incident(extra) : extra;
    char *rest = NULL;
    if (is_description(json_object_get(holder, "Description"), description)) {
        write_list(writer, holder);
        drop_empty_incident(extra);
        rest = json_object_size(extra) ? json_dumps(extra, JSON_COMPACT | JSON_SORT_KEYS) : mem_strdup("");
    } else if (!str_is_empty(description)) {
        xml_write_leaf(writer, "Description", description);
    }
    json_decref(extra);
    return rest ? rest : mem_strdup(extra_text ? extra_text : "");
}

void iodef_texts_merge(json_t *kept, json_t *found)
{
    json_t *incident = first_incident(kept), *more = first_incident(found);
    if (json_is_object(incident) && json_is_object(more))
        json_object_update_missing(incident, more);
    json_object_update_missing(kept, found);
}
