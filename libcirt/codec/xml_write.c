#include "codec/xml_write.h"

#include <string.h>

#include "base/str.h"

bool xml_write_is_character(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0xD800) || (c >= 0xE000 && c < 0xFFFE) || c >= 0x10000;
}

bool xml_write_can_hold(const char *text)
{
    const char *end = text + strlen(text);
    while (text < end) {
        uint32_t c = (unsigned char)*text;
        size_t size = c < 0x80 ? 1 : str_next_code_point(text, end, &c);
        if (!xml_write_is_character(c) || (c == 0xFFFD && size == 1))
            return false;
        text += size;
    }
    return true;
}

/* Blanks inside an attribute are written as references, else every reader turns them into spaces. */
static const char *reference_for(uint32_t c, bool in_attribute)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return in_attribute ? "&quot;" : NULL;
    case '\r':
        return "&#13;";
    case '\n':
        return in_attribute ? "&#10;" : NULL;
    case '\t':
        return in_attribute ? "&#9;" : NULL;
    default:
        return NULL;
    }
}

static void add_escaped(struct buf *out, const char *text, bool in_attribute)
{
    const char *end = text + strlen(text);
    while (text < end) {
        uint32_t c;
        size_t size = str_next_code_point(text, end, &c);
        const char *reference = reference_for(c, in_attribute);
        if (reference)
            buf_add_text(out, reference);
        else if (!xml_write_is_character(c) || c == 0xFFFD)
            buf_add_text(out, "\xEF\xBF\xBD");
        else
            buf_add(out, text, size);
        text += size;
    }
}

static void finish_tag(struct xml_write *writer)
{
    if (writer->is_tag_open)
        buf_add_char(writer->out, '>');
    writer->is_tag_open = false;
}

static void indent(struct xml_write *writer)
{
    buf_add_char(writer->out, '\n');
    for (unsigned i = 0; i < writer->depth; i++)
        buf_add_text(writer->out, "  ");
}

void xml_write_start(struct xml_write *writer, struct buf *out)
{
    *writer = (struct xml_write){.out = out};
    buf_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
}

void xml_write_open(struct xml_write *writer, const char *name)
{
    finish_tag(writer);
    indent(writer);
    buf_printf(writer->out, "<%s", name);
    writer->is_tag_open = true;
    writer->has_text = false;
    writer->depth++;
}

void xml_write_attribute(struct xml_write *writer, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(writer->out, " %s=\"", name);
    add_escaped(writer->out, value, true);
    buf_add_char(writer->out, '"');
}

void xml_write_text(struct xml_write *writer, const char *text)
{
    finish_tag(writer);
    add_escaped(writer->out, text, false);
    writer->has_text = true;
}

void xml_write_close(struct xml_write *writer, const char *name)
{
    writer->depth--;
    if (writer->is_tag_open) {
        buf_add_text(writer->out, "/>");
    } else {
        if (!writer->has_text)
            indent(writer);
        buf_printf(writer->out, "</%s>", name);
    }
    writer->is_tag_open = false;
    writer->has_text = false;
    if (writer->depth == 0)
        buf_add_char(writer->out, '\n');
}

void xml_write_leaf(struct xml_write *writer, const char *name, const char *text)
{
    if (!text)
        return;
    xml_write_open(writer, name);
    xml_write_text(writer, text);
    xml_write_close(writer, name);
}

/* Each attribute with a namespace brings its own prefix: rare, and no bookkeeping. */
static void add_attributes(struct buf *out, const struct xml_element *element)
{
    unsigned count = 0;
    for (const struct xml_attribute *a = element->attributes; a; a = a->next) {
        if (str_equal(a->space, XML_SPACE_XML)) {
            buf_printf(out, " xml:%s=\"", a->name);
        } else if (a->space[0]) {
            buf_printf(out, " xmlns:n%u=\"", ++count);
            add_escaped(out, a->space, true);
            buf_printf(out, "\" n%u:%s=\"", count, a->name);
        } else {
            buf_printf(out, " %s=\"", a->name);
        }
        add_escaped(out, a->value, true);
        buf_add_char(out, '"');
    }
}

static void add_element(struct buf *out, const struct xml_element *element, const char *default_space)
{
    buf_printf(out, "<%s", element->name);
    if (!str_equal(element->space, default_space)) {
        buf_add_text(out, " xmlns=\"");
        add_escaped(out, element->space, true);
        buf_add_char(out, '"');
    }
    add_attributes(out, element);
    buf_add_char(out, '>');
    add_escaped(out, element->text, false);
    for (const struct xml_element *child = element->first; child; child = child->next) {
        add_element(out, child, element->space);
        add_escaped(out, child->tail, false);
    }
    buf_printf(out, "</%s>", element->name);
}

void xml_write_element(struct buf *out, const struct xml_element *element)
{
    add_element(out, element, "");
}
