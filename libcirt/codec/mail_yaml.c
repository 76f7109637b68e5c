#include "codec/mail_yaml.h"

#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "base/mem.h"

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the one at hand */
    bool has_event;
    size_t nodes;
    struct err *err;
};

static bool fail_at(struct reader *reader, enum err_code code, size_t line, const char *what)
{
    char at[32];
    snprintf(at, sizeof at, "line %zu", line + 1);
    return err_set_at(reader->err, code, at, "%s", what);
}

static bool fail(struct reader *reader, enum err_code code, const char *what)
{
    return fail_at(reader, code, reader->event.start_mark.line, what);
}

static bool is_plain(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return false;
    case YAML_SCALAR_EVENT:
        return !event->data.scalar.tag && !event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return !event->data.sequence_start.tag && !event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return !event->data.mapping_start.tag && !event->data.mapping_start.anchor;
    case YAML_DOCUMENT_START_EVENT:
        return event->data.document_start.tag_directives.start == event->data.document_start.tag_directives.end;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        break;
    }
    return true;
}

static bool next(struct reader *reader)
{
    if (reader->has_event)
        yaml_event_delete(&reader->event);
    reader->has_event = yaml_parser_parse(&reader->parser, &reader->event) != 0;
    if (!reader->has_event) {
        memset(&reader->event, 0, sizeof reader->event);
        return fail_at(reader, ERR_INPUT, reader->parser.problem_mark.line, "this is no YAML that can be read");
    }
    if (!is_plain(&reader->event))
        return fail(reader, ERR_INPUT, "tags, anchors and aliases of YAML are refused");
    if (++reader->nodes > MAIL_YAML_NODES_MAX)
        return fail(reader, ERR_LIMIT, "more than fits into a report");
    return true;
}

static json_t *read_node(struct reader *reader, unsigned depth);

static json_t *read_scalar(struct reader *reader)
{
    const char *text = (const char *)reader->event.data.scalar.value;
    size_t size = reader->event.data.scalar.length;
    if (memchr(text, '\0', size)) {
        fail(reader, ERR_INPUT, "a NUL");
        return NULL;
    }
    json_t *value = json_stringn(text, size);
    if (!value)
        fail(reader, ERR_INPUT, "this is not UTF-8");
    return value;
}

static bool read_items(struct reader *reader, json_t *list, unsigned depth)
{
    while (next(reader)) {
        if (reader->event.type == YAML_SEQUENCE_END_EVENT)
            return true;
        json_t *item = read_node(reader, depth);
        if (!item)
            return false;
        json_array_append_new(list, item);
    }
    return false;
}

static bool read_member(struct reader *reader, json_t *object, unsigned depth)
{
    json_t *key = reader->event.type == YAML_SCALAR_EVENT ? read_scalar(reader) : NULL;
    bool is_new = key && !json_object_get(object, json_string_value(key));
    bool ok = key                                       ? is_new || fail(reader, ERR_INPUT, "a key that is there twice")
              : reader->event.type == YAML_SCALAR_EVENT ? false
                                                        : fail(reader, ERR_INPUT, "a key must be a word");
    json_t *value = ok && next(reader) ? read_node(reader, depth) : NULL;
    ok = value && json_object_set_new(object, json_string_value(key), value) == 0;
    json_decref(key);
    return ok;
}

static bool read_members(struct reader *reader, json_t *object, unsigned depth)
{
    while (next(reader)) {
        if (reader->event.type == YAML_MAPPING_END_EVENT)
            return true;
        if (!read_member(reader, object, depth))
            return false;
    }
    return false;
}

/* The node that begins with the event at hand; NULL with err set. */
static json_t *read_node(struct reader *reader, unsigned depth)
{
    bool is_list = reader->event.type == YAML_SEQUENCE_START_EVENT;
    if (reader->event.type == YAML_SCALAR_EVENT)
        return read_scalar(reader);
    if (depth == 0) {
        fail(reader, ERR_LIMIT, "nested too deeply");
        return NULL;
    }
    json_t *node = is_list ? json_array() : json_object();
    if (is_list ? read_items(reader, node, depth - 1) : read_members(reader, node, depth - 1))
        return node;
    json_decref(node);
    return NULL;
}

static bool read_documents(struct reader *reader, json_t *out)
{
    while (next(reader)) {
        json_t *document;
        switch (reader->event.type) {
        case YAML_STREAM_END_EVENT:
            return true;
        case YAML_SCALAR_EVENT:
        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT:
            document = read_node(reader, MAIL_YAML_DEPTH_MAX);
            if (!document)
                return false;
            json_array_append_new(out, document);
            break;
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
        case YAML_ALIAS_EVENT:
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
            break;
        }
    }
    return false;
}

bool mail_yaml_read(const char *bytes, size_t size, json_t *out, struct err *err)
{
    struct reader reader = {.err = err};
    if (size > MAIL_YAML_SIZE_MAX)
        return err_set_at(err, ERR_LIMIT, "line 1", "larger than %d bytes", MAIL_YAML_SIZE_MAX);
    if (!yaml_parser_initialize(&reader.parser))
        return err_set(err, ERR_INTERNAL, "libyaml gave no parser");
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, size);
    bool ok = read_documents(&reader, out);
    if (reader.has_event)
        yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    return ok;
}
