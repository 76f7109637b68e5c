#include "codec/xml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "base/str.h"
#include "codec/xml_text.h"

static const char BLANKS[] = " \t\r\n";

/* What the callbacks of libxml2 build on. */
struct reader {
    xmlParserCtxtPtr parser;
    struct xml_document *document;
    struct xml_element *open; /* the innermost element not yet closed */
    struct buf text;          /* character data since the last tag */
    unsigned depth, depth_max, elements, attributes, namespaces;
    bool failed;
    struct err *err;
};

static void reader_fail(struct reader *reader, enum err_code code, int line, const char *what)
{
    if (reader->failed)
        return;
    reader->failed = true;
    char at[32];
    snprintf(at, sizeof at, "line %d", line > 0 ? line : 1);
    err_set_at(reader->err, code, at, "%s", what);
    xmlStopParser(reader->parser);
}

static int line_of(const struct reader *reader)
{
    return reader->parser->input ? reader->parser->input->line : 1;
}

/* Character data belongs behind the last child, or to the element itself where it has none yet. */
static void flush_text(struct reader *reader)
{
    if (!reader->open || reader->text.size == 0)
        return;
    const char *text = arena_strndup(reader->document->arena, reader->text.bytes, reader->text.size);
    if (reader->open->last)
        reader->open->last->tail = text;
    else
        reader->open->text = text;
    buf_reset(&reader->text);
}

static const char *copy_name(struct reader *reader, const xmlChar *name)
{
    return name ? arena_strdup(reader->document->arena, (const char *)name) : "";
}

/* A child often has its parent's namespace: no need for another copy of the long name. */
static const char *copy_space(struct reader *reader, const xmlChar *space)
{
    if (space && reader->open && str_equal(reader->open->space, (const char *)space))
        return reader->open->space;
    return copy_name(reader, space);
}

/* libxml2 gives five pointers an attribute: name, prefix, namespace, start and end of the value. */
static void copy_attributes(struct reader *reader, struct xml_element *element, int count, const xmlChar **attributes)
{
    struct xml_attribute **end = &element->attributes;
    for (int i = 0; i < count; i++, attributes += 5) {
        struct xml_attribute *attribute = arena_calloc(reader->document->arena, 1, sizeof *attribute);
        attribute->name = copy_name(reader, attributes[0]);
        attribute->space = copy_name(reader, attributes[2]);
        attribute->value = arena_strndup(reader->document->arena, (const char *)attributes[3], (size_t)(attributes[4] - attributes[3]));
        *end = attribute;
        end = &attribute->next;
    }
}

static void append_child(struct xml_element *parent, struct xml_element *child)
{
    child->parent = parent;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *space, int namespace_count,
                     const xmlChar **namespaces, int attribute_count, int defaulted_count, const xmlChar **attributes)
{
    UNUSED(prefix);
    UNUSED(namespaces);
    UNUSED(defaulted_count);
    struct reader *reader = context;
    flush_text(reader);
    reader->namespaces += (unsigned)namespace_count;
    reader->attributes += (unsigned)attribute_count;
    if (++reader->depth > reader->depth_max)
        return reader_fail(reader, ERR_LIMIT, line_of(reader), "elements are nested too deeply");
    if (++reader->elements > XML_ELEMENTS_MAX || reader->attributes > XML_ATTRIBUTES_ALL_MAX || reader->namespaces > XML_NAMESPACES_MAX)
        return reader_fail(reader, ERR_LIMIT, line_of(reader), "too many elements, attributes or namespaces");
    struct xml_element *element = arena_calloc(reader->document->arena, 1, sizeof *element);
    element->name = copy_name(reader, name);
    element->space = copy_space(reader, space);
    element->text = element->tail = "";
    element->line = (unsigned)line_of(reader);
    copy_attributes(reader, element, attribute_count, attributes);
    if (reader->open)
        append_child(reader->open, element);
    else
        reader->document->root = element;
    reader->open = element;
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *space)
{
    UNUSED(name);
    UNUSED(prefix);
    UNUSED(space);
    struct reader *reader = context;
    flush_text(reader);
    reader->open = reader->open->parent;
    reader->depth--;
}

static void on_text(void *context, const xmlChar *text, int size)
{
    struct reader *reader = context;
    if (reader->open)
        buf_add(&reader->text, text, (size_t)size);
}

/* The text check has refused a DOCTYPE already; this is the second lock on that door. */
static void on_doctype(void *context, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    UNUSED(name);
    UNUSED(external);
    UNUSED(system);
    struct reader *reader = context;
    reader_fail(reader, ERR_INPUT, line_of(reader), "a DOCTYPE is not allowed: documents with a DTD are refused");
}

static void on_error(void *context, xmlErrorPtr error)
{
    struct reader *reader = context;
    if (error->level < XML_ERR_ERROR || reader->failed)
        return;
    char what[200];
    snprintf(what, sizeof what, "%s", error->message ? error->message : "not well-formed");
    what[strcspn(what, "\n")] = '\0';
    char harmless[sizeof what];
    xml_text_harmless(what, harmless, sizeof harmless);
    reader_fail(reader, ERR_INPUT, error->line, harmless);
}

static bool parse(struct reader *reader)
{
    /* Replacing entities matters for values with &amp; only (libxml2 leaves them half decoded else): nobody can declare any. */
    xmlCtxtUseOptions(reader->parser, XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_IGNORE_ENC | XML_PARSE_NOXINCNODE);
    memset(reader->parser->sax, 0, sizeof *reader->parser->sax);
    reader->parser->sax->initialized = XML_SAX2_MAGIC;
    reader->parser->sax->startElementNs = on_start;
    reader->parser->sax->endElementNs = on_end;
    reader->parser->sax->characters = on_text;
    reader->parser->sax->cdataBlock = on_text;
    reader->parser->sax->internalSubset = on_doctype;
    reader->parser->sax->serror = on_error;
    reader->parser->userData = reader;
    xmlParseDocument(reader->parser);
    if (!reader->failed && (!reader->parser->wellFormed || !reader->document->root))
        reader_fail(reader, ERR_INPUT, line_of(reader), "not a well-formed XML document");
    return !reader->failed;
}

static bool read_text(struct reader *reader, const struct buf *text)
{
    if (text->size == 0)
        return err_set_at(reader->err, ERR_INPUT, "line 1", "the document is empty");
    reader->parser = xmlCreateMemoryParserCtxt(text->bytes, (int)text->size);
    if (!reader->parser)
        return err_set(reader->err, ERR_INTERNAL, "libxml2 gave no parser");
    reader->document = mem_calloc(1, sizeof *reader->document);
    reader->document->arena = arena_new();
    buf_init(&reader->text, text->size);
    bool ok = parse(reader);
    buf_clear(&reader->text);
    if (reader->parser->myDoc)
        xmlFreeDoc(reader->parser->myDoc);
    reader->parser->myDoc = NULL;
    xmlFreeParserCtxt(reader->parser);
    return ok;
}

bool xml_read(const char *bytes, size_t size, unsigned depth_max, struct xml_document **out, struct err *err)
{
    struct reader reader = {.depth_max = depth_max < XML_DEPTH_MAX ? depth_max : XML_DEPTH_MAX, .err = err};
    if (size > INT32_MAX / 4)
        return err_set_at(err, ERR_LIMIT, "line 1", "the document is too large");
    struct buf text;
    buf_init(&text, size * 2 + 4);
    bool ok =
        xml_text_to_utf8(bytes, size, &text, err) && xml_text_check(buf_text(&text), XML_ATTRIBUTES_MAX, err) && read_text(&reader, &text);
    buf_clear(&text);
    if (ok)
        *out = reader.document;
    else
        xml_free(reader.document);
    return ok;
}

void xml_free(struct xml_document *document)
{
    if (!document)
        return;
    arena_free(document->arena);
    free(document);
}

bool xml_is(const struct xml_element *element, const char *space, const char *name)
{
    return str_equal(element->name, name) && str_equal(element->space, space);
}

static struct xml_element *find_from(struct xml_element *element, const char *space, const char *name)
{
    while (element && !xml_is(element, space, name))
        element = element->next;
    return element;
}

struct xml_element *xml_child(const struct xml_element *parent, const char *space, const char *name)
{
    return find_from(parent->first, space, name);
}

struct xml_element *xml_next(const struct xml_element *element)
{
    return find_from(element->next, element->space, element->name);
}

const char *xml_attribute(const struct xml_element *element, const char *space, const char *name)
{
    for (const struct xml_attribute *a = element->attributes; a; a = a->next)
        if (str_equal(a->name, name) && str_equal(a->space, space))
            return a->value;
    return NULL;
}

const char *xml_text(struct arena *arena, const struct xml_element *element)
{
    const char *start = element->text + strspn(element->text, BLANKS);
    size_t size = strlen(start);
    while (size && strchr(BLANKS, start[size - 1]))
        size--;
    return arena_strndup(arena, start, size);
}

const char *xml_text_packed(struct arena *arena, const struct xml_element *element)
{
    char *packed = arena_strdup(arena, element->text);
    char *to = packed;
    for (const char *from = packed; *from; from++)
        if (!strchr(BLANKS, *from))
            *to++ = *from;
    *to = '\0';
    return packed;
}

/* Among the children of its parent with this name, from 1. Counted only when asked: for all elements it would be quadratic. */
static unsigned position_of(const struct xml_element *element)
{
    unsigned position = 1;
    for (const struct xml_element *e = element->parent->first; e != element; e = e->next)
        position += xml_is(e, element->space, element->name);
    return position;
}

static void pointer_place(const char *pointer, char place[XML_PLACE_SIZE])
{
    char cut[XML_PLACE_SIZE];
    size_t size = strlen(pointer);
    bool is_long = size > XML_PLACE_SIZE - 10;
    snprintf(cut, sizeof cut, "%s%s", is_long ? "..." : "", is_long ? pointer + size - (XML_PLACE_SIZE - 10) : pointer);
    xml_text_harmless(cut, place, XML_PLACE_SIZE);
}

void xml_place(const struct xml_element *element, char place[XML_PLACE_SIZE])
{
    if (element->pointer)
        return pointer_place(element->pointer, place);
    char path[XML_PLACE_SIZE] = "";
    for (const struct xml_element *e = element; e; e = e->parent) {
        char joined[XML_PLACE_SIZE * 2];
        if (e->parent)
            snprintf(joined, sizeof joined, "/%.60s[%u]%s", e->name, position_of(e), path);
        else
            snprintf(joined, sizeof joined, "/%.60s%s", e->name, path);
        if (strlen(joined) > XML_PLACE_SIZE - 30) {
            snprintf(joined, sizeof joined, "...%s", path);
            memcpy(path, joined, strlen(joined) + 1);
            break;
        }
        memcpy(path, joined, strlen(joined) + 1);
    }
    char whole[XML_PLACE_SIZE * 2];
    snprintf(whole, sizeof whole, "line %u, %s", element->line, path);
    xml_text_harmless(whole, place, XML_PLACE_SIZE);
}

bool xml_fail_missing(struct err *err, const char *standard, const struct xml_element *parent, const char *name)
{
    for (const struct xml_element *child = parent->first; child; child = child->next)
        if (str_equal(child->name, name))
            return xml_fail(err, ERR_INPUT, standard, parent, "%s is missing: the one here is of another namespace, \"%.80s\"", name,
                            child->space);
    return xml_fail(err, ERR_INPUT, standard, parent, "%s is missing", name);
}

bool xml_fail(struct err *err, enum err_code code, const char *standard, const struct xml_element *element, const char *format, ...)
{
    char place[XML_PLACE_SIZE], at[sizeof err->at], text[sizeof err->text], harmless[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    xml_place(element, place);
    snprintf(at, sizeof at, "%s, %s", standard, place);
    xml_text_harmless(text, harmless, sizeof harmless);
    return err_set_at(err, code, at, "%s", harmless);
}
