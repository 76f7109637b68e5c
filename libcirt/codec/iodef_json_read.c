#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "codec/iodef.h"
#include "codec/iodef_json.h"
#include "codec/json_value.h"

enum { ATTRIBUTE_NAME_MAX = 100, SCALAR_MAX = 64, POINTER_MAX = XML_PLACE_SIZE - 10 };

struct builder {
    struct arena *arena;
    size_t elements;
    const char *lang; /* of the document or the Incident being read: texts that say the same say nothing */
    struct err *err;
};

static bool fail(struct builder *builder, const char *pointer, enum err_code code, const char *what)
{
    struct xml_element at = {.name = "", .space = "", .pointer = pointer};
    return xml_fail(builder->err, code, IODEF_NAME, &at, "%s", what);
}

/* Names that live in another namespace than IODEF's. The parent is NULL where it does not matter. */
static const struct {
    const char *parent, *name, *space;
} foreign[] = {
    {NULL, "AttackPattern", IODEF_SCI_SPACE},
    {NULL, "Vulnerability", IODEF_SCI_SPACE},
    {NULL, "Weakness", IODEF_SCI_SPACE},
    {NULL, "Platform", IODEF_SCI_SPACE},
    {NULL, "Scoring", IODEF_SCI_SPACE},
    {NULL, "RawData", IODEF_SCI_SPACE},
    {"Reference", "ReferenceName", IODEF_ENUM_SPACE},
    {"ReferenceName", "ID", IODEF_ENUM_SPACE},
    {"Hash", "DigestMethod", IODEF_DSIG_SPACE},
    {"Hash", "DigestValue", IODEF_DSIG_SPACE},
};

static const char *space_of(const struct xml_element *parent, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
        if (str_equal(foreign[i].name, name) && (!foreign[i].parent || str_equal(foreign[i].parent, parent->name)))
            return foreign[i].space;
    return IODEF_SPACE;
}

/* The wrapper classes that JSON leaves out (RFC 8727 section 3). */
static const struct {
    const char *parent, *name, *wrapper;
} wrappers[] = {
    {"EventData", "System", "Flow"},
    {"EventData", "RecordData", "Record"},
    {"Incident", "Indicator", "IndicatorData"},
    {"Service", "ApplicationHeaderField", "ApplicationHeader"},
};

static bool append(struct builder *builder, struct xml_element *parent, const char *space, const char *name, const char *pointer,
                   struct xml_element **out)
{
    if (++builder->elements > XML_ELEMENTS_MAX)
        return fail(builder, pointer, ERR_LIMIT, "too many elements");
    struct xml_element *element = *out = arena_calloc(builder->arena, 1, sizeof *element);
    element->space = space;
    element->name = name;
    element->text = element->tail = "";
    element->pointer = pointer;
    element->parent = parent;
    if (parent->last)
        parent->last->next = element;
    else
        parent->first = element;
    parent->last = element;
    return true;
}

static bool add_attribute(struct builder *builder, struct xml_element *element, const char *space, const char *name, const char *value)
{
    unsigned count = 0;
    struct xml_attribute **end = &element->attributes;
    for (; *end; end = &(*end)->next)
        count++;
    if (count == XML_ATTRIBUTES_MAX)
        return fail(builder, element->pointer, ERR_LIMIT, "too many members");
    struct xml_attribute *attribute = *end = arena_calloc(builder->arena, 1, sizeof *attribute);
    attribute->space = space;
    attribute->name = name;
    attribute->value = value;
    return true;
}

/* NULL for what is no string, number or boolean. */
static const char *scalar_text(struct builder *builder, const json_t *value)
{
    if (json_is_string(value))
        return arena_strndup(builder->arena, json_string_value(value), json_string_length(value));
    if (!json_is_number(value) && !json_is_boolean(value))
        return NULL;
    struct buf text;
    buf_init(&text, SCALAR_MAX);
    json_value_write(value, &text);
    const char *copy = arena_strdup(builder->arena, buf_text(&text));
    buf_clear(&text);
    return copy;
}

/* Never longer than a place: a long name over many elements would else be copied to each. */
static const char *join_pointer(struct builder *builder, const char *pointer, const char *part)
{
    char joined[XML_PLACE_SIZE * 2];
    int size = snprintf(joined, sizeof joined, "%s/%.60s", str_equal(pointer, "/") ? "" : pointer, part);
    bool is_long = size >= POINTER_MAX;
    return arena_printf(builder->arena, "%s%s", is_long ? "..." : "", is_long ? joined + size - (POINTER_MAX - 3) : joined);
}

/* The member that is the element's text in XML. */
static bool is_text(const struct xml_element *element, const char *name)
{
    bool has_id = str_equal(element->name, "IncidentID") || str_equal(element->name, "IndicatorID");
    return str_equal(name, "value") || (has_id && str_equal(name, "id")) ||
           (str_equal(element->name, "RegistryHandle") && str_equal(name, "handle"));
}

static bool is_attribute(const struct xml_element *element, const char *name)
{
    static const char *const capital[] = {"SpecID", "ContentID"};
    bool is_lower = name[0] >= 'a' && name[0] <= 'z';
    for (size_t i = 0; i < ARRAY_SIZE(capital) && !is_lower; i++)
        is_lower = str_equal(element->space, IODEF_SCI_SPACE) && str_equal(name, capital[i]);
    return is_lower && strlen(name) <= ATTRIBUTE_NAME_MAX;
}

static bool build_attribute(struct builder *builder, struct xml_element *element, const char *name, const char *value)
{
    bool is_lang = str_equal(name, "lang"), is_counter = str_equal(element->name, "Counter");
    bool is_status = str_equal(name, "system-status") || str_equal(name, "domain-status");
    if (is_lang && builder->lang && str_equal(builder->lang, value) && element->parent && !str_equal(element->name, "Incident"))
        return true;
    if (is_status && str_equal(element->name, "DomainData") && str_equal(value, "unknown"))
        return true; /* JSON must say it, and it says nothing */
    if (is_counter && str_equal(name, "type") && str_equal(value, "count"))
        value = "counter"; /* the word of RFC 7970 */
    return add_attribute(builder, element, is_lang ? XML_SPACE_XML : "", name, value);
}

static bool build_object(struct builder *builder, struct xml_element *element, const json_t *object);
static bool build_values(struct builder *builder, struct xml_element *parent, const char *name, const json_t *value, const char *pointer);

static bool build_child(struct builder *builder, struct xml_element *parent, const char *name, const json_t *value, const char *pointer)
{
    struct xml_element *child;
    if (!append(builder, parent, space_of(parent, name), name, pointer, &child))
        return false;
    if (json_is_object(value))
        return build_object(builder, child, value);
    if (json_is_array(value))
        return build_values(builder, child, name, value, pointer);
    const char *text = scalar_text(builder, value);
    if (str_equal(child->space, IODEF_DSIG_SPACE) && str_equal(name, "DigestMethod"))
        return add_attribute(builder, child, "", "Algorithm", text ? text : "");
    if (text)
        child->text = text;
    return true;
}

/* One or several: a list makes an element of each. */
static bool build_values(struct builder *builder, struct xml_element *parent, const char *name, const json_t *value, const char *pointer)
{
    if (!json_is_array(value))
        return build_child(builder, parent, name, value, pointer);
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)value, i, item)
    {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        if (!json_is_null(item) && !build_child(builder, parent, name, item, join_pointer(builder, pointer, number)))
            return false;
        json_value_drop(value, i);
    }
    return true;
}

/* In XML each is an element of its own that names what it refers to. */
static bool build_references(struct builder *builder, struct xml_element *parent, const json_t *value, const char *pointer)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < count; i++) {
        struct xml_element *reference;
        const char *text = scalar_text(builder, json_is_array(value) ? json_array_get(value, i) : value);
        if (!text)
            return fail(builder, pointer, ERR_INPUT, "must be a string");
        if (!append(builder, parent, IODEF_SPACE, "ObservableReference", pointer, &reference) ||
            !add_attribute(builder, reference, "", "uid-ref", text))
            return false;
    }
    return true;
}

/* Each item of Impact holds one of the impacts that stand in the Assessment itself in XML. */
static bool build_impacts(struct builder *builder, struct xml_element *assessment, const json_t *value, const char *pointer)
{
    size_t i;
    json_t *item;
    if (!json_is_array(value))
        return fail(builder, pointer, ERR_INPUT, "must be an array");
    json_array_foreach((json_t *)value, i, item)
    {
        if (!json_is_object(item))
            return fail(builder, pointer, ERR_INPUT, "must hold objects");
        if (!build_object(builder, assessment, item))
            return false;
    }
    return true;
}

/* A list of lines is one text with a line each. */
static bool build_lines(struct builder *builder, struct xml_element *bulk, const json_t *value, const char *pointer)
{
    struct xml_element *list;
    struct buf text;
    size_t i;
    json_t *item;
    if (!append(builder, bulk, IODEF_SPACE, "BulkObservableList", pointer, &list))
        return false;
    buf_init(&text, SIZE_MAX / 4);
    json_array_foreach((json_t *)value, i, item)
    {
        const char *line = scalar_text(builder, item);
        buf_add_text(&text, line ? line : "");
        buf_add_char(&text, '\n');
    }
    list->text = arena_strdup(builder->arena, buf_text(&text));
    buf_clear(&text);
    return true;
}

static bool find_wrapper(struct builder *builder, struct xml_element *element, const char *name, struct xml_element **out)
{
    *out = element;
    for (size_t i = 0; i < ARRAY_SIZE(wrappers); i++)
        if (str_equal(wrappers[i].parent, element->name) && str_equal(wrappers[i].name, name)) {
            *out = xml_child(element, IODEF_SPACE, wrappers[i].wrapper);
            return *out || append(builder, element, IODEF_SPACE, wrappers[i].wrapper, element->pointer, out);
        }
    return true;
}

static bool build_member(struct builder *builder, struct xml_element *element, const char *name, const json_t *value)
{
    const char *pointer = join_pointer(builder, element->pointer, name), *text = scalar_text(builder, value);
    bool has_references = str_equal(element->name, "Indicator") || str_equal(element->name, "IndicatorExpression");
    if (is_text(element, name)) {
        if (!text)
            return fail(builder, pointer, ERR_INPUT, "must be a string");
        element->text = text;
        return true;
    }
    if (has_references && str_equal(name, "uid-ref"))
        return build_references(builder, element, value, pointer);
    if (str_equal(element->name, "Assessment") && str_equal(name, "Impact"))
        return build_impacts(builder, element, value, pointer);
    if (json_is_array(value) && str_equal(name, "BulkObservableList"))
        return build_lines(builder, element, value, pointer);
    if (text && is_attribute(element, name))
        return build_attribute(builder, element, name, text);
    struct xml_element *parent;
    return find_wrapper(builder, element, name, &parent) && build_values(builder, parent, name, value, pointer);
}

static bool build_object(struct builder *builder, struct xml_element *element, const json_t *object)
{
    const char *name, *outer_lang = builder->lang;
    json_t *value;
    if (str_equal(element->name, "Incident") && json_is_string(json_object_get(object, "lang")))
        builder->lang = json_string_value(json_object_get(object, "lang"));
    json_object_foreach((json_t *)object, name, value)
    {
        if (!json_is_null(value) && !build_member(builder, element, arena_strdup(builder->arena, name), value))
            return false;
    }
    builder->lang = outer_lang;
    return true;
}

/* "2.0" in JSON, "2.00" in XML. */
static bool check_version(struct builder *builder, struct xml_element *root, const json_t *document)
{
    const json_t *version = json_object_get(document, "version");
    const char *text = version ? scalar_text(builder, version) : NULL;
    if (!text)
        return fail(builder, "/", ERR_INPUT, "version is missing");
    if (!str_equal(text, "2.0") && !str_equal(text, "2.00") && !str_equal(text, "2"))
        return fail(builder, "/version", ERR_INPUT, "the version is not 2.0");
    for (struct xml_attribute *a = root->attributes; a; a = a->next)
        if (str_equal(a->name, "version"))
            a->value = "2.00";
    return true;
}

bool iodef_json_read(struct arena *arena, const json_t *document, struct xml_element **out, struct err *err)
{
    struct builder builder = {.arena = arena, .err = err};
    struct xml_element *root = arena_calloc(arena, 1, sizeof *root);
    root->space = IODEF_SPACE;
    root->name = "IODEF-Document";
    root->text = root->tail = "";
    root->pointer = "/";
    if (!json_is_object(document))
        return fail(&builder, "/", ERR_INPUT, "must be an object");
    builder.lang = json_string_value(json_object_get(document, "lang"));
    if (!build_object(&builder, root, document) || !check_version(&builder, root, document))
        return false;
    *out = root;
    return true;
}
