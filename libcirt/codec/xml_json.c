#include "codec/xml_json.h"

#include <string.h>

static const char BLANKS[] = " \t\r\n";

static json_t *trimmed(const char *text)
{
    text += strspn(text, BLANKS);
    size_t size = strlen(text);
    while (size && strchr(BLANKS, text[size - 1]))
        size--;
    return json_stringn(text, size);
}

static bool is_blank(const char *text)
{
    return text[strspn(text, BLANKS)] == '\0';
}

static void append(json_t *object, const char *key, json_t *value)
{
    json_t *list = json_object_get(object, key);
    if (!list) {
        list = json_array();
        json_object_set_new(object, key, list);
    }
    json_array_append_new(list, value);
}

static void add_attributes(json_t *object, const struct xml_element *element)
{
    char key[128];
    for (const struct xml_attribute *a = element->attributes; a; a = a->next) {
        if (a->is_used || strlen(a->name) > sizeof key - 2)
            continue;
        key[0] = '@';
        memcpy(key + 1, a->name, strlen(a->name) + 1);
        json_object_set_new(object, key, json_string(a->value));
    }
}

static void add_children(json_t *object, const struct xml_element *element)
{
    for (const struct xml_element *child = element->first; child; child = child->next) {
        json_t *rest = xml_json_rest(child);
        if (!rest)
            continue;
        append(object, child->name, rest);
    }
}

/* Text between children, of mixed content: its order against the children is not kept. */
static void add_text(json_t *object, const struct xml_element *element)
{
    if (element->is_used)
        return;
    if (!is_blank(element->text))
        json_object_set_new(object, "#text", trimmed(element->text));
    for (const struct xml_element *child = element->first; child; child = child->next)
        if (!is_blank(child->tail))
            append(object, "#tail", trimmed(child->tail));
}

json_t *xml_json_rest(const struct xml_element *element)
{
    if (!element->is_used && !element->attributes && !element->first)
        return trimmed(element->text);
    json_t *object = json_object();
    add_attributes(object, element);
    add_text(object, element);
    add_children(object, element);
    if (element->is_used && json_object_size(object) == 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

size_t xml_json_weight(const struct xml_element *element)
{
    enum { OBJECT_BYTES = 240, STRING_BYTES = 80, MEMBER_BYTES = 80, LIST_BYTES = 240 }; /* as jansson 2.14 takes them */
    if (!element->is_used && !element->attributes && !element->first)
        return STRING_BYTES + strlen(element->text);
    size_t weight = 0;
    for (const struct xml_attribute *a = element->attributes; a; a = a->next)
        weight += a->is_used ? 0 : STRING_BYTES + MEMBER_BYTES + strlen(a->value);
    if (!element->is_used && !is_blank(element->text))
        weight += STRING_BYTES + MEMBER_BYTES + strlen(element->text);
    const char *name = NULL; /* of the child before: each name has a list */
    for (const struct xml_element *child = element->first; child; child = child->next) {
        size_t inside = xml_json_weight(child);
        weight += inside + (inside && !(name && strcmp(name, child->name) == 0) ? LIST_BYTES : 0);
        weight += !element->is_used && !is_blank(child->tail) ? STRING_BYTES + strlen(child->tail) : 0;
        name = inside ? child->name : name;
    }
    return weight || !element->is_used ? weight + OBJECT_BYTES : 0;
}

void xml_json_use_attribute(struct xml_element *element, const char *name)
{
    for (struct xml_attribute *a = element->attributes; a; a = a->next)
        if (!a->space[0] && strcmp(a->name, name) == 0)
            a->is_used = true;
}

void xml_json_use_all(struct xml_element *element)
{
    element->is_used = true;
    for (struct xml_attribute *a = element->attributes; a; a = a->next)
        a->is_used = true;
    for (struct xml_element *child = element->first; child; child = child->next)
        xml_json_use_all(child);
}
