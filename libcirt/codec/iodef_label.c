#include "codec/iodef_label.h"

#include "base/str.h"
#include "codec/iodef.h"

static const struct {
    const char *restriction;
    enum tlp label;
    bool is_tlp; /* the word is a TLP label: nothing more to remember */
} restrictions[] = {
    {"white", TLP_CLEAR, true},
    {"green", TLP_GREEN, true},
    {"amber", TLP_AMBER, true},
    {"red", TLP_RED, true},
    {"public", TLP_CLEAR, false},
    {"partner", TLP_AMBER, false},
    {"private", TLP_AMBER, false},
    {"need-to-know", TLP_AMBER_STRICT, false},
    {"ext-value", TLP_AMBER_STRICT, true},
};

static struct xml_attribute *find_attribute(struct xml_element *element, const char *name)
{
    struct xml_attribute *a = element->attributes;
    while (a && (a->space[0] || !str_equal(a->name, name)))
        a = a->next;
    return a;
}

static enum tlp with_extension(const char *restriction, enum tlp label, enum tlp exact)
{
    bool is_pair = str_equal(restriction, "ext-value") || (label == TLP_RED && exact == TLP_AMBER_STRICT);
    return is_pair ? exact : tlp_strictest(label, exact);
}

bool iodef_label_read(struct xml_element *element, enum tlp inherited, enum tlp *label, struct err *err)
{
    struct xml_attribute *restriction = find_attribute(element, "restriction");
    struct xml_attribute *extension = find_attribute(element, "ext-restriction");
    *label = inherited;
    if (!restriction)
        return true;
    if (str_equal(restriction->value, "default")) {
        restriction->is_used = true;
        return true;
    }
    size_t i = 0;
    while (i < ARRAY_SIZE(restrictions) && !str_equal(restrictions[i].restriction, restriction->value))
        i++;
    if (i == ARRAY_SIZE(restrictions))
        return xml_fail(err, ERR_INPUT, IODEF_NAME, element, "restriction \"%.60s\" is unknown", restriction->value);
    *label = restrictions[i].label;
    restriction->is_used = restriction->is_used || restrictions[i].is_tlp;
    enum tlp exact;
    if (extension && tlp_parse(extension->value, &exact)) {
        *label = with_extension(restriction->value, *label, exact);
        extension->is_used = true;
    } else if (extension && str_equal(restriction->value, "ext-value")) {
        *label = tlp_strictest(*label, tlp_claimed(extension->value));
    }
    return true;
}

void iodef_label_write(struct xml_write *writer, enum tlp label)
{
    static const char *const nearest[] = {
        [TLP_CLEAR] = "white", [TLP_GREEN] = "green", [TLP_AMBER] = "amber", [TLP_AMBER_STRICT] = "red", [TLP_RED] = "red",
    };
    if (label == TLP_NONE)
        return;
    xml_write_attribute(writer, "restriction", nearest[label]);
    if (label == TLP_CLEAR || label == TLP_AMBER_STRICT)
        xml_write_attribute(writer, "ext-restriction", tlp_label(label));
}
