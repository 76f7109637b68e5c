/* The same for XML: elements, attributes and texts instead of bytes. */
#ifndef CIRT_FUZZ_XML_MUTATE_H
#define CIRT_FUZZ_XML_MUTATE_H

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "json_mutate.h"

/* An element below the root, each with the same chance. */
static void xml_mutate_pick(xmlNode *parent, xmlNode **out, unsigned *seen)
{
    for (xmlNode *node = parent->children; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        if (mutate_random(++*seen) == 0)
            *out = node;
        xml_mutate_pick(node, out, seen);
    }
}

static xmlNode *xml_mutate_element(xmlNode *root)
{
    unsigned seen = 0;
    xmlNode *node = root;
    xml_mutate_pick(root, &node, &seen);
    return node;
}

static xmlAttr *xml_mutate_attribute(xmlNode *root)
{
    for (int tries = 0; tries < 8; tries++) {
        xmlAttr *attribute = xml_mutate_element(root)->properties;
        for (unsigned skip = mutate_random(4); attribute && attribute->next && skip > 0; skip--)
            attribute = attribute->next;
        if (attribute)
            return attribute;
    }
    return NULL;
}

static void xml_mutate_once(xmlNode *root)
{
    xmlNode *node = xml_mutate_element(root), *other = xml_mutate_element(root);
    xmlAttr *attribute = xml_mutate_attribute(root);
    xmlNode *copy;
    switch (mutate_random(8)) {
    case 0: /* away */
        if (node != root) {
            xmlUnlinkNode(node);
            xmlFreeNode(node);
        }
        break;
    case 1: /* once more, there or elsewhere */
        copy = node != root ? xmlDocCopyNode(node, root->doc, 1) : NULL;
        if (copy)
            xmlAddChild(mutate_random(2) ? node->parent : other, copy);
        break;
    case 2:
        xmlNodeSetName(node, other->name);
        break;
    case 3:
        if (attribute)
            xmlRemoveProp(attribute);
        break;
    case 4: /* of another element */
        if (attribute)
            xmlSetProp(node, attribute->name, BAD_CAST mutate_text());
        break;
    case 5:
        if (attribute)
            xmlSetProp(attribute->parent, attribute->name, BAD_CAST mutate_text());
        break;
    default:
        if (node != root && !xmlFirstElementChild(node))
            xmlNodeSetContent(node, BAD_CAST mutate_text());
    }
}

static size_t xml_mutate(uint8_t *data, size_t size, size_t max_size)
{
    xmlDoc *document =
        size < 1 << 20 ? xmlReadMemory((const char *)data, (int)size, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
                       : NULL;
    xmlNode *root = document ? xmlDocGetRootElement(document) : NULL;
    xmlChar *text = NULL;
    int length = 0;
    if (root) {
        for (unsigned i = 0; i <= mutate_random(3); i++)
            xml_mutate_once(root);
        xmlDocDumpMemoryEnc(document, &text, &length, "UTF-8");
    }
    bool fits = text && length > 0 && (size_t)length <= max_size;
    if (fits)
        memcpy(data, text, (size_t)length);
    xmlFree(text);
    xmlFreeDoc(document);
    return fits ? (size_t)length : 0;
}

#endif
