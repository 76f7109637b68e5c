#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/iodef.h"
#include "codec/iodef_json.h"
#include "codec/iodef_sight.h"

/* What an element is in JSON. Those that are not in the table are objects of which there is one. */
enum form {
    FORM_OBJECT,
    FORM_TEXT,
    FORM_TIME,
    FORM_NUMBER,
    FORM_TEXTS, /* multilingual, each a string or an object with its language; always a list */
    FORM_LIST,  /* of objects */
    FORM_INNER, /* a wrapper: what is in it belongs to the parent */
};

static const struct {
    const char *parent, *name; /* parent NULL: any */
    enum form form;
} forms[] = {
    {NULL, "Incident", FORM_LIST},
    {NULL, "GenerationTime", FORM_TIME},
    {NULL, "DetectTime", FORM_TIME},
    {NULL, "EndTime", FORM_TIME},
    {NULL, "Description", FORM_TEXTS},
    {"Incident", "Assessment", FORM_LIST},
    {NULL, "IncidentCategory", FORM_TEXTS},
    {NULL, "Contact", FORM_LIST},
    {NULL, "ContactName", FORM_TEXTS},
    {NULL, "Email", FORM_LIST},
    {NULL, "EmailTo", FORM_TEXT},
    {NULL, "EventData", FORM_LIST},
    {NULL, "Method", FORM_LIST},
    {NULL, "Reference", FORM_LIST},
    {NULL, "ID", FORM_TEXT},
    {NULL, "Flow", FORM_INNER},
    {NULL, "System", FORM_LIST},
    {NULL, "Address", FORM_LIST},
    {NULL, "DomainData", FORM_LIST},
    {NULL, "Name", FORM_TEXT},
    {NULL, "Service", FORM_LIST},
    {NULL, "Port", FORM_NUMBER},
    {NULL, "Counter", FORM_LIST},
    {NULL, "Record", FORM_INNER},
    {NULL, "RecordData", FORM_LIST},
    {NULL, "RecordItem", FORM_LIST},
    {NULL, "FileData", FORM_LIST},
    {NULL, "File", FORM_LIST},
    {NULL, "FileName", FORM_TEXT},
    {NULL, "Hash", FORM_LIST},
    {NULL, "DigestValue", FORM_TEXT},
    {NULL, "IndicatorData", FORM_INNER},
    {NULL, "Indicator", FORM_LIST},
    {NULL, "AdditionalData", FORM_LIST},
};

static enum form form_of(const struct xml_element *element)
{
    const char *parent = element->parent ? element->parent->name : "";
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        if (str_equal(forms[i].name, element->name) && (!forms[i].parent || str_equal(forms[i].parent, parent)))
            return forms[i].form;
    return FORM_OBJECT;
}

static void append(json_t *object, const char *name, json_t *value)
{
    json_t *list = json_object_get(object, name);
    if (!list) {
        list = json_array();
        json_object_set_new(object, name, list);
    }
    json_array_append_new(list, value);
}

static json_t *number_of(const char *text)
{
    int64_t whole;
    if (str_to_int64(text, INT64_MIN, INT64_MAX, &whole))
        return json_integer(whole);
    return json_real(strtod(text, NULL));
}

/* RFC 3339 needs the zone that xs:dateTime may leave out; the decoder reads such a time as UTC, too. */
static json_t *time_of(const char *text)
{
    const char *clock = strchr(text, 'T');
    bool has_zone = clock && strpbrk(clock, "Zz+-");
    return has_zone ? json_string(text) : json_sprintf("%sZ", text);
}

/* A plain string would be English (RFC 8727 section 2.2.5), so that another language of the document is said with each. */
static json_t *multilingual(const struct xml_element *element, const char *document_lang)
{
    const char *lang = xml_attribute(element, XML_SPACE_XML, "lang"), *id = xml_attribute(element, "", "translation-id");
    if (!lang && document_lang && !str_starts_nocase(document_lang, "en"))
        lang = document_lang;
    if (!lang && !id)
        return json_string(element->text);
    json_t *object = json_object();
    json_object_set_new(object, "value", json_string(element->text));
    if (lang)
        json_object_set_new(object, "lang", json_string(lang));
    if (id)
        json_object_set_new(object, "translation-id", json_string(id));
    return object;
}

static bool is_counter(const struct xml_element *element)
{
    return str_equal(element->name, "Counter");
}

static void add_attributes(json_t *object, const struct xml_element *element)
{
    for (const struct xml_attribute *a = element->attributes; a; a = a->next) {
        bool is_number = str_equal(a->name, "ip-protocol") || str_equal(a->name, "specIndex");
        const char *value = is_counter(element) && str_equal(a->value, "counter") ? "count" : a->value; /* the word of RFC 8727 */
        json_object_set_new(object, a->name, is_number ? number_of(value) : json_string(value));
    }
}

static void add_text(json_t *object, const struct xml_element *element)
{
    bool has_id = str_equal(element->name, "IncidentID") || str_equal(element->name, "IndicatorID");
    bool is_number = is_counter(element) || str_equal(element->name, "Confidence");
    bool is_data = str_equal(element->name, "AdditionalData") || str_equal(element->name, "RecordItem");
    if (element->first || (!element->text[0] && !is_data))
        return;
    json_object_set_new(object, has_id ? "id" : "value", is_number ? number_of(element->text) : json_string(element->text));
}

static void add_own(json_t *event, const char *name, const char *value)
{
    append(event, "AdditionalData",
           json_pack("{ss ss ss ss}", "value", value, "name", name, "dtype", "string", "formatid", IODEF_FORMAT_ID));
}

/* A port or count without an address beside it: a Node of JSON must have one, so they become data of the event. */
static void add_lone_system(json_t *event, const struct xml_element *system)
{
    const char *category = xml_attribute(system, "", "category");
    for (const struct xml_element *child = system->first; child; child = child->next) {
        const char *protocol = xml_attribute(child, "", "ip-protocol");
        const struct xml_element *port = xml_child(child, IODEF_SPACE, "Port");
        if (protocol && iodef_sight_protocol_name(protocol))
            add_own(event, "protocol", iodef_sight_protocol_name(protocol));
        if (port)
            add_own(event, str_equal(category, "source") ? "source_port" : "target_port", port->text);
        if (is_counter(child))
            add_own(event, "count", child->text);
    }
}

static bool is_lone_system(const struct xml_element *element)
{
    const struct xml_element *node = str_equal(element->name, "System") ? xml_child(element, IODEF_SPACE, "Node") : NULL;
    return node && !node->first;
}

static json_t *object_of(const struct xml_element *element, const char *lang);

static void add_child(json_t *object, const struct xml_element *child, const char *lang);

static void add_children(json_t *object, const struct xml_element *element, const char *lang)
{
    for (const struct xml_element *child = element->first; child; child = child->next)
        add_child(object, child, lang);
}

/* Those whose place in JSON is not that of their name. */
static bool add_special(json_t *object, const struct xml_element *child, const char *lang)
{
    if (str_equal(child->name, "SystemImpact"))
        append(object, "Impact", json_pack("{so}", child->name, object_of(child, lang)));
    else if (str_equal(child->name, "ObservableReference"))
        json_object_set_new(object, "uid-ref", json_string(xml_attribute(child, "", "uid-ref")));
    else if (str_equal(child->name, "DigestMethod"))
        json_object_set_new(object, child->name, json_string(xml_attribute(child, "", "Algorithm")));
    else if (is_lone_system(child))
        add_lone_system(object, child);
    else
        return false;
    return true;
}

static void add_child(json_t *object, const struct xml_element *child, const char *lang)
{
    if (add_special(object, child, lang))
        return;
    switch (form_of(child)) {
    case FORM_TEXT:
        json_object_set_new(object, child->name, json_string(child->text));
        break;
    case FORM_TIME:
        json_object_set_new(object, child->name, time_of(child->text));
        break;
    case FORM_NUMBER:
        json_object_set_new(object, child->name, number_of(child->text));
        break;
    case FORM_TEXTS:
        append(object, child->name, multilingual(child, lang));
        break;
    case FORM_LIST:
        append(object, child->name, object_of(child, lang));
        break;
    case FORM_INNER:
        add_children(object, child, lang);
        break;
    case FORM_OBJECT:
        json_object_set_new(object, child->name, object_of(child, lang));
        break;
    }
}

static json_t *object_of(const struct xml_element *element, const char *lang)
{
    json_t *object = json_object();
    add_text(object, element);
    add_attributes(object, element);
    if (str_equal(element->name, "DomainData")) {
        json_object_set_new(object, "system-status", json_string("unknown"));
        json_object_set_new(object, "domain-status", json_string("unknown"));
    }
    add_children(object, element, lang);
    return object;
}

json_t *iodef_json_write(const struct xml_element *document)
{
    json_t *object = object_of(document, xml_attribute(document, XML_SPACE_XML, "lang"));
    json_object_set_new(object, "version", json_string("2.0"));
    return object;
}
