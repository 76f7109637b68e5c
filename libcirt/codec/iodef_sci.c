#include "codec/iodef_sci.h"

#include "base/str.h"
#include "codec/iodef.h"
#include "codec/iodef_label.h"

#define MMDEF_SPACE "http://xml/metadataSharing.xsd"

static const struct {
    const char *name;
    enum observable_type type;
} file_parts[] = {
    {"md5", OBSERVABLE_MD5},       {"sha1", OBSERVABLE_SHA1},         {"sha256", OBSERVABLE_SHA256},
    {"sha512", OBSERVABLE_SHA512}, {"filename", OBSERVABLE_FILENAME},
};

static const char *text_of(struct iodef_sight *sight, struct xml_element *element, enum observable_type type)
{
    struct arena *arena = report_row_arena(sight->reader->report);
    return type == OBSERVABLE_FILENAME ? xml_text(arena, element) : xml_text_packed(arena, element);
}

static bool sight_file(struct iodef_sight *sight, struct xml_element *file)
{
    for (struct xml_element *child = file->first; child; child = child->next)
        for (size_t i = 0; i < ARRAY_SIZE(file_parts); i++)
            if (xml_is(child, MMDEF_SPACE, file_parts[i].name) &&
                !iodef_sight_value(sight, child, file_parts[i].type, text_of(sight, child, file_parts[i].type), &child->is_used))
                return false;
    return true;
}

static bool sight_objects(struct iodef_sight *sight, struct xml_element *raw)
{
    struct xml_element *metadata = xml_child(raw, MMDEF_SPACE, "malwareMetaData");
    struct xml_element *objects = metadata ? xml_child(metadata, MMDEF_SPACE, "objects") : NULL;
    for (struct xml_element *file = objects ? xml_child(objects, MMDEF_SPACE, "file") : NULL; file; file = xml_next(file))
        if (!sight_file(sight, file))
            return false;
    return true;
}

static bool sight_content_id(struct iodef_sight *sight, struct xml_element *element)
{
    for (struct xml_attribute *a = element->attributes; a; a = a->next)
        if (str_equal(a->name, "ContentID") && str_starts_nocase(a->value, "CVE-"))
            return iodef_sight_value(sight, element, OBSERVABLE_CVE, a->value, &a->is_used);
    return true;
}

static bool sight_information(struct iodef_sight *sight, struct xml_element *element)
{
    if (!sight_content_id(sight, element))
        return false;
    for (struct xml_element *child = element->first; child; child = child->next) {
        if (xml_is(child, IODEF_SCI_SPACE, "RawData") && !sight_objects(sight, child))
            return false;
        if (xml_is(child, IODEF_SPACE, "Reference") && !iodef_sight_reference(sight, child))
            return false;
    }
    return true;
}

static bool sight_children(struct iodef_sight *sight, struct xml_element *parent)
{
    static const char *const names[] = {"Vulnerability", "AttackPattern", "Weakness"};
    for (struct xml_element *child = parent->first; child; child = child->next)
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            if (xml_is(child, IODEF_SCI_SPACE, names[i]) && !sight_information(sight, child))
                return false;
    return true;
}

bool iodef_sci_sight(struct iodef_sight *sight, struct xml_element *method)
{
    for (struct xml_element *data = xml_child(method, IODEF_SPACE, "AdditionalData"); data; data = xml_next(data)) {
        struct iodef_sight inner = *sight;
        if (!iodef_label_read(data, sight->tlp, &inner.tlp, sight->reader->err) || !sight_children(&inner, data))
            return false;
    }
    return sight_children(sight, method);
}
