#include "codec/iodef_v1.h"

#include "base/str.h"
#include "codec/iodef.h"
#include "model/rsit.h"

struct upgrade {
    struct arena *arena;
    struct err *err;
};

static struct xml_attribute *find_attribute(struct xml_element *element, const char *name)
{
    struct xml_attribute *a = element->attributes;
    while (a && (a->space[0] || !str_equal(a->name, name)))
        a = a->next;
    return a;
}

static void rename_attribute(struct xml_element *element, const char *from, const char *to)
{
    struct xml_attribute *a = find_attribute(element, from);
    if (a && !find_attribute(element, to))
        a->name = to;
}

static struct xml_attribute *add_attribute(struct upgrade *upgrade, struct xml_element *element, const char *name, const char *value)
{
    struct xml_attribute *a = arena_calloc(upgrade->arena, 1, sizeof *a);
    a->space = "";
    a->name = name;
    a->value = value;
    a->next = element->attributes;
    element->attributes = a;
    return a;
}

/* A new first child, at its parent's line. */
static struct xml_element *put_first(struct upgrade *upgrade, struct xml_element *parent, const char *space, const char *name)
{
    struct xml_element *child = arena_calloc(upgrade->arena, 1, sizeof *child);
    child->space = space;
    child->name = name;
    child->text = child->tail = "";
    child->line = parent->line;
    child->parent = parent;
    child->next = parent->first;
    parent->first = child;
    parent->last = parent->last ? parent->last : child;
    return child;
}

/* What was the element's own text becomes that of a new child. */
static struct xml_element *move_text(struct upgrade *upgrade, struct xml_element *element, const char *space, const char *name)
{
    struct xml_element *child = put_first(upgrade, element, space, name);
    child->text = element->text;
    element->text = "";
    return child;
}

static bool upgrade_incident(struct upgrade *upgrade, struct xml_element *incident)
{
    struct xml_element *time = xml_child(incident, incident->space, "ReportTime");
    bool is_v1 = str_equal(incident->space, IODEF_SPACE_V1);
    if (!time && is_v1)
        return xml_fail(upgrade->err, ERR_INPUT, "IODEF v1", incident, "ReportTime is missing");
    if (time && (is_v1 || !xml_child(incident, IODEF_SPACE, "GenerationTime")))
        time->name = "GenerationTime"; /* v1 knows one time of the document */
    return true;
}

static bool upgrade_email(struct upgrade *upgrade, struct xml_element *email)
{
    struct xml_attribute *meaning = find_attribute(email, "meaning");
    if (xml_child(email, IODEF_SPACE, "EmailTo"))
        return true;
    move_text(upgrade, email, IODEF_SPACE, "EmailTo");
    if (meaning && str_is_empty(meaning->value))
        meaning->is_used = true;
    return true;
}

static bool upgrade_node_name(struct upgrade *upgrade, struct xml_element *name)
{
    name->name = "DomainData";
    move_text(upgrade, name, IODEF_SPACE, "Name");
    return true;
}

/* v1 tells what is counted by type, and a rate by a duration beside it. */
static bool upgrade_counter(struct upgrade *upgrade, struct xml_element *counter)
{
    rename_attribute(counter, "ext-type", "ext-unit");
    struct xml_attribute *type = find_attribute(counter, "type");
    if (!type || find_attribute(counter, "unit"))
        return true;
    type->name = "unit";
    add_attribute(upgrade, counter, "type", find_attribute(counter, "duration") ? "rate" : "counter");
    return true;
}

static bool upgrade_service(struct upgrade *upgrade, struct xml_element *service)
{
    UNUSED(upgrade);
    rename_attribute(service, "ip_protocol", "ip-protocol");
    return true;
}

/* A CVE id among free names is the one thing that v2 has a form for (RFC 7495); other names stay text. */
static bool upgrade_reference_name(struct upgrade *upgrade, struct xml_element *name)
{
    const char *text = xml_text_packed(upgrade->arena, name);
    if (!str_starts_nocase(text, "CVE-"))
        return true;
    name->space = IODEF_ENUM_SPACE;
    move_text(upgrade, name, IODEF_ENUM_SPACE, "ID");
    return true;
}

/* v1 has no category of incidents: the type of impact is what it says of the class, the first that names one. It stays as an impact, too.
 */
static bool upgrade_impact(struct upgrade *upgrade, struct xml_element *impact)
{
    const char *type = xml_attribute(impact, "", "type");
    if (str_equal(type, "ext-value"))
        type = xml_attribute(impact, "", "ext-type");
    impact->name = "SystemImpact";
    if (type && !str_equal(type, "unknown") && rsit_claimed(type) && !xml_child(impact->parent, IODEF_SPACE, "IncidentCategory"))
        put_first(upgrade, impact->parent, IODEF_SPACE, "IncidentCategory")->text = type;
    return true;
}

static bool upgrade_data(struct upgrade *upgrade, struct xml_element *data)
{
    UNUSED(upgrade);
    rename_attribute(data, "meaning", "name");
    return true;
}

static const struct {
    const char *parent, *name; /* parent NULL: anywhere */
    bool (*run)(struct upgrade *upgrade, struct xml_element *element);
    bool is_for_v2; /* names that v2 has not, as those who only changed the namespace write them */
} rules[] = {
    {"IODEF-Document", "Incident", upgrade_incident, true},
    {"Contact", "Email", upgrade_email, true},
    {"Node", "NodeName", upgrade_node_name, true},
    {NULL, "Counter", upgrade_counter, false},
    {NULL, "Service", upgrade_service, true},
    {"Reference", "ReferenceName", upgrade_reference_name, false},
    {"Assessment", "Impact", upgrade_impact, true},
    {NULL, "AdditionalData", upgrade_data, false},
    {NULL, "RecordItem", upgrade_data, false},
};

static bool apply_rule(struct upgrade *upgrade, struct xml_element *element, bool is_v1)
{
    const char *parent = element->parent ? element->parent->name : "";
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if ((is_v1 || rules[i].is_for_v2) && str_equal(rules[i].name, element->name) &&
            (!rules[i].parent || str_equal(rules[i].parent, parent)))
            return rules[i].run(upgrade, element);
    return true;
}

static void upgrade_lang(struct xml_element *element)
{
    struct xml_attribute *lang = find_attribute(element, "lang");
    if (lang && !xml_attribute(element, XML_SPACE_XML, "lang"))
        lang->space = XML_SPACE_XML;
}

/* Children first: a rule may ask for what is still v1 below it, and puts v2 elements in. */
static bool upgrade_element(struct upgrade *upgrade, struct xml_element *element)
{
    bool is_v1 = str_equal(element->space, IODEF_SPACE_V1); /* in an extension there may be v1 elements again */
    if ((is_v1 || str_equal(element->space, IODEF_SPACE)) && !apply_rule(upgrade, element, is_v1))
        return false;
    for (struct xml_element *child = element->first; child; child = child->next)
        if (!upgrade_element(upgrade, child))
            return false;
    if (is_v1 || str_equal(element->space, IODEF_SPACE))
        upgrade_lang(element);
    if (str_equal(element->space, IODEF_SPACE_V1))
        element->space = IODEF_SPACE;
    return true;
}

bool iodef_v1_upgrade(struct arena *arena, struct xml_element *document, struct err *err)
{
    struct upgrade upgrade = {.arena = arena, .err = err};
    return upgrade_element(&upgrade, document);
}
