#include "codec/misp_forms.h"

#include <string.h>

#include "base/attr.h"
#include "base/str.h"

static bool is_index(const char *name)
{
    return *name && !name[strspn(name, "0123456789")];
}

/* PHP writes a list that something was taken out of as an object, {"0": {...}, "2": {...}}. */
static json_t *list_of(json_t *object)
{
    const char *name;
    json_t *member, *list = json_array();
    json_object_foreach(object, name, member)
    {
        if (!json_is_object(member) && !is_index(name)) {
            json_decref(list);
            return NULL;
        }
        json_array_append(list, member);
    }
    return list;
}

void misp_forms_restore_lists(json_t *value)
{
    static const char *const lists[] = {"Attribute", "Object", "Tag", "EventTag", "AttributeTag", "tags"};
    const char *name;
    json_t *member, *list;
    size_t index;
    void *next;
    json_array_foreach(value, index, member) misp_forms_restore_lists(member);
    json_object_foreach_safe(value, next, name, member)
    {
        for (size_t i = 0; i < ARRAY_SIZE(lists) && json_is_object(member); i++) {
            if (!str_equal(name, lists[i]) || !(list = list_of(member)))
                continue;
            json_object_set_new(value, name, list);
            member = list;
        }
        misp_forms_restore_lists(member);
    }
}

void misp_forms_lend(json_t *item, json_t *element)
{
    const char *name;
    json_t *member;
    void *next;
    json_object_foreach_safe(item, next, name, member)
    {
        if (member == element || str_equal(name, "Event") || str_equal(name, "Object") || json_object_get(element, name))
            continue;
        json_object_set(element, name, member);
        json_object_del(item, name);
    }
}

void misp_forms_mark_deleted(json_t *item)
{
    static const char *const names[] = {"Object", "Attribute"};
    const char *action = json_string_value(json_object_get(item, "action"));
    bool is_deletion = str_equal(action, "delete") || str_equal(action, "soft-delete");
    for (size_t i = 0; is_deletion && i < ARRAY_SIZE(names); i++)
        if (json_is_object(json_object_get(item, names[i])))
            json_object_set_new(json_object_get(item, names[i]), "deleted", json_true());
}
