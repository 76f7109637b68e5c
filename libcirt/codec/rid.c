#include "codec/rid.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/str.h"
#include "codec/iodef.h"
#include "codec/iodef_label.h"
#include "codec/xml.h"
#include "codec/xml_json.h"
#include "codec/xml_text.h"
#include "codec/xml_write.h"

static const char *const type_names[] = {
    [RID_REPORT] = "Report",
    [RID_INVESTIGATION_REQUEST] = "InvestigationRequest",
    [RID_TRACE_REQUEST] = "TraceRequest",
    [RID_QUERY] = "Query",
    [RID_RESULT] = "Result",
    [RID_ACKNOWLEDGEMENT] = "Acknowledgement",
    [RID_OTHER] = "ext-value",
};
static const char *const status_names[] = {
    [RID_APPROVED] = "Approved",
    [RID_DENIED] = "Denied",
    [RID_PENDING] = "Pending",
    [RID_STATUS_OTHER] = "ext-value",
};
static const char *const justification_names[] = {
    [RID_SYSTEM_RESOURCE] = "SystemResource",
    [RID_AUTHENTICATION] = "Authentication",
    [RID_AUTHENTICATION_ORIGIN] = "AuthenticationOrigin",
    [RID_ENCRYPTION] = "Encryption",
    [RID_UNRECOGNIZED_FORMAT] = "UnrecognizedFormat",
    [RID_CANNOT_PROCESS] = "CannotProcess",
    [RID_JUSTIFICATION_OTHER] = "Other",
};

/* "Report", ...; "ext-value" for RID_OTHER */
static const char *type_name(enum rid_type type)
{
    return type_names[type];
}

/* NULL for none */
static const char *status_name(enum rid_status status)
{
    return status_names[status];
}

const char *rid_justification_name(enum rid_justification justification)
{
    return justification_names[justification];
}

/* The index of the name, or `otherwise`. */
static unsigned find_name(const char *const *names, size_t count, const char *name, unsigned otherwise)
{
    for (unsigned i = 1; i < count; i++)
        if (str_equal(names[i], name))
            return i;
    return otherwise;
}

/* Node and IncidentID are IODEF's: of version 1 by the schema, of version 2 by some peers. */
static struct xml_element *iodef_child(const struct xml_element *parent, const char *name)
{
    struct xml_element *child = xml_child(parent, IODEF_SPACE_V1, name);
    return child ? child : xml_child(parent, IODEF_SPACE, name);
}

static const char *copy_attribute(struct rid *message, const struct xml_element *element, const char *name)
{
    return arena_strdup(message->arena, xml_attribute(element, "", name));
}

static bool need_attribute(struct rid *message, const struct xml_element *element, const char *name, const char **value, struct err *err)
{
    *value = copy_attribute(message, element, name);
    return *value || xml_fail(err, ERR_INPUT, "RID", element, "attribute %s is missing", name);
}

/* An extended value stands in a second attribute. */
static const char *with_extension(struct rid *message, const struct xml_element *element, const char *value, const char *extension)
{
    const char *extended = str_equal(value, "ext-value") ? copy_attribute(message, element, extension) : NULL;
    return extended ? extended : value;
}

static bool read_regions(struct rid *message, const struct xml_element *policy, struct err *err)
{
    struct xml_element *element = xml_child(policy, RID_SPACE, "PolicyRegion");
    if (!element)
        return xml_fail_missing(err, "RID", policy, "PolicyRegion");
    for (; element; element = xml_next(element)) {
        const char *value;
        if (!need_attribute(message, element, "region", &value, err))
            return false;
        if (message->region_count < RID_LIST_MAX)
            message->regions[message->region_count++] = with_extension(message, element, value, "ext-region");
    }
    return true;
}

static bool read_traffic(struct rid *message, const struct xml_element *policy, struct err *err)
{
    struct xml_element *element = xml_child(policy, RID_SPACE, "TrafficType");
    if (!element)
        return xml_fail_missing(err, "RID", policy, "TrafficType");
    for (; element; element = xml_next(element)) {
        const char *value;
        if (!need_attribute(message, element, "type", &value, err))
            return false;
        if (message->traffic_count < RID_LIST_MAX)
            message->traffic[message->traffic_count++] = with_extension(message, element, value, "ext-type");
    }
    return true;
}

static const char *read_node(struct rid *message, const struct xml_element *node)
{
    static const char *const names[] = {"Address", "NodeName"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct xml_element *child = iodef_child(node, names[i]);
        if (child)
            return xml_text_packed(message->arena, child);
    }
    struct xml_element *domain = xml_child(node, IODEF_SPACE, "DomainData");
    struct xml_element *name = domain ? xml_child(domain, IODEF_SPACE, "Name") : NULL;
    return name ? xml_text_packed(message->arena, name) : NULL;
}

static struct xml_element *find_document(const struct xml_element *policy)
{
    struct xml_element *schema = xml_child(policy, RID_SPACE, "ReportSchema");
    struct xml_element *wrapper = schema ? xml_child(schema, RID_SPACE, "XMLDocument") : NULL;
    return wrapper ? wrapper->first : NULL;
}

static bool read_document(struct rid *message, const struct xml_element *document, size_t size_max, struct err *err)
{
    struct buf xml;
    buf_init(&xml, size_max);
    buf_add_text(&xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml_write_element(&xml, document);
    bool ok = !xml.full;
    if (!ok)
        err_set_at(err, ERR_LIMIT, "RID", "the embedded document is larger than %zu bytes", size_max);
    message->document = arena_strndup(message->arena, buf_text(&xml), xml.size);
    message->document_size = xml.size;
    message->document_space = arena_strdup(message->arena, document->space);
    message->document_name = arena_strdup(message->arena, document->name);
    message->document_line = document->line;
    buf_clear(&xml);
    return ok;
}

static bool read_policy(struct rid *message, const struct xml_element *policy, struct err *err)
{
    if (!need_attribute(message, policy, "MsgType", &message->type_name, err) ||
        !need_attribute(message, policy, "MsgDestination", &message->destination, err))
        return false;
    message->type = find_name(type_names, ARRAY_SIZE(type_names), message->type_name, RID_OTHER);
    message->type_name = with_extension(message, policy, message->type_name, "ext-MsgType");
    if (!read_regions(message, policy, err))
        return false;
    struct xml_element *node = iodef_child(policy, "Node");
    if (!node)
        return xml_fail_missing(err, "RID", policy, "Node");
    message->node = read_node(message, node);
    if (!read_traffic(message, policy, err))
        return false;
    struct xml_element *id = iodef_child(policy, "IncidentID");
    if (id) {
        message->incident_id = xml_text(message->arena, id);
        message->incident_issuer = copy_attribute(message, id, "name");
    }
    return true;
}

static bool read_status(struct rid *message, const struct xml_element *root, struct err *err)
{
    struct xml_element *element = xml_child(root, RID_SPACE, "RequestStatus");
    const char *status;
    if (message->type != RID_ACKNOWLEDGEMENT)
        return true;
    if (!element)
        return xml_fail_missing(err, "RID", root, "RequestStatus");
    if (!need_attribute(message, element, "AuthorizationStatus", &status, err))
        return false;
    message->status = find_name(status_names, ARRAY_SIZE(status_names), status, 0);
    if (!message->status)
        return xml_fail(err, ERR_INPUT, "RID", element, "AuthorizationStatus \"%.40s\" is unknown", status);
    const char *why = xml_attribute(element, "", "Justification");
    if (why)
        message->justification = find_name(justification_names, ARRAY_SIZE(justification_names), why, RID_JUSTIFICATION_OTHER);
    return true;
}

static bool read_message(struct rid *message, const struct xml_element *root, struct err *err)
{
    if (!xml_is(root, RID_SPACE, "RID"))
        return xml_fail(err, ERR_INPUT, "RID", root, "this is no RID message but \"%.60s\"", root->name);
    struct xml_element *policy = xml_child(root, RID_SPACE, "RIDPolicy");
    if (!policy)
        return xml_fail_missing(err, "RID", root, "RIDPolicy");
    return read_policy(message, policy, err) && read_status(message, root, err);
}

/* The message without its document. */
static bool read_envelope(const struct xml_document *document, struct rid **out, struct err *err)
{
    struct rid *message = mem_calloc(1, sizeof *message);
    message->arena = arena_new();
    if (!read_message(message, document->root, err)) {
        rid_free(message);
        return false;
    }
    *out = message;
    return true;
}

bool rid_parse(const char *bytes, size_t size, const struct codec_limits *limits, struct rid **out, struct err *err)
{
    struct xml_document *document = NULL;
    struct rid *message = NULL;
    if (size > limits->document_bytes_max)
        return err_set_at(err, ERR_LIMIT, "RID", "the message is larger than %zu bytes", limits->document_bytes_max);
    bool ok = xml_read(bytes, size, limits->depth_max, &document, err) && read_envelope(document, &message, err);
    struct xml_element *inner = ok ? find_document(xml_child(document->root, RID_SPACE, "RIDPolicy")) : NULL;
    ok = ok && (!inner || read_document(message, inner, limits->document_bytes_max, err));
    if (ok)
        *out = message;
    else
        rid_free(message);
    xml_free(document);
    return ok;
}

void rid_free(struct rid *message)
{
    if (!message)
        return;
    arena_free(message->arena);
    free(message);
}

bool rid_parse_acknowledgement(const char *bytes, size_t size, const struct codec_limits *limits, struct rid **out, struct err *err)
{
    struct rid *message = NULL;
    if (!rid_parse(bytes, size, limits, &message, err))
        return false;
    if (message->type != RID_ACKNOWLEDGEMENT) {
        err_set_at(err, ERR_INPUT, "RID, /RID/RIDPolicy[1]", "an Acknowledgement was expected, not \"%s\"", type_name(message->type));
        rid_free(message);
        return false;
    }
    *out = message;
    return true;
}

/* --- writing --- */

/* An IPv4 or IPv6 address goes into Address, anything else is a name. */
static void add_node(struct xml_write *writer, const char *node)
{
    bool is_ipv6 = strchr(node, ':') != NULL;
    bool is_ipv4 = !is_ipv6 && node[strspn(node, "0123456789.")] == '\0';
    xml_write_open(writer, "iodef:Node");
    if (is_ipv4 || is_ipv6) {
        xml_write_open(writer, "iodef:Address");
        xml_write_attribute(writer, "category", is_ipv6 ? "ipv6-addr" : "ipv4-addr");
        xml_write_text(writer, node);
        xml_write_close(writer, "iodef:Address");
    } else {
        xml_write_leaf(writer, "iodef:NodeName", node);
    }
    xml_write_close(writer, "iodef:Node");
}

static void add_empty(struct xml_write *writer, const char *element, const char *attribute, const char *value)
{
    xml_write_open(writer, element);
    xml_write_attribute(writer, attribute, value);
    xml_write_close(writer, element);
}

static void open_policy(struct xml_write *writer, const struct rid_envelope *envelope, enum rid_type type, struct buf *out)
{
    xml_write_start(writer, out);
    xml_write_open(writer, "rid:RID");
    xml_write_attribute(writer, "lang", "en");
    xml_write_attribute(writer, "xmlns:rid", RID_SPACE);
    xml_write_attribute(writer, "xmlns:iodef", IODEF_SPACE_V1);
    xml_write_open(writer, "rid:RIDPolicy");
    xml_write_attribute(writer, "MsgType", type_name(type));
    xml_write_attribute(writer, "MsgDestination", "RIDSystem");
    xml_write_attribute(writer, "restriction", envelope->restriction);
    add_empty(writer, "rid:PolicyRegion", "region", envelope->region ? envelope->region : "PeerToPeer");
    add_node(writer, envelope->node);
    add_empty(writer, "rid:TrafficType", "type", envelope->traffic ? envelope->traffic : "Attack");
    if (!envelope->incident_id || !envelope->incident_issuer)
        return;
    xml_write_open(writer, "iodef:IncidentID");
    xml_write_attribute(writer, "name", envelope->incident_issuer);
    xml_write_text(writer, envelope->incident_id);
    xml_write_close(writer, "iodef:IncidentID");
}

static bool close_message(struct xml_write *writer, struct err *err)
{
    xml_write_close(writer, "rid:RID");
    return !writer->out->full || err_set(err, ERR_LIMIT, "the RID message is larger than %zu bytes", writer->out->size_max);
}

bool rid_encode_report(const struct rid_envelope *envelope, const char *iodef, size_t size, struct buf *out, struct err *err)
{
    struct xml_document *document = NULL;
    struct xml_write writer;
    if (!xml_read(iodef, size, XML_DEPTH_MAX, &document, err))
        return err_context(err, "the document to send by RID");
    open_policy(&writer, envelope, RID_REPORT, out);
    xml_write_open(&writer, "rid:ReportSchema");
    xml_write_attribute(&writer, "Version", "ext-value");
    xml_write_attribute(&writer, "ext-Version", "2.00");
    xml_write_attribute(&writer, "XMLSchemaID", "ext-value");
    xml_write_attribute(&writer, "ext-XMLSchemaID", IODEF_SPACE);
    xml_write_open(&writer, "rid:XMLDocument");
    xml_write_attribute(&writer, "dtype", "xml");
    xml_write_attribute(&writer, "meaning", "xml");
    xml_write_text(&writer, "\n"); /* closes the tag: the document follows as it is */
    xml_write_element(out, document->root);
    xml_write_close(&writer, "rid:XMLDocument");
    xml_write_close(&writer, "rid:ReportSchema");
    xml_write_close(&writer, "rid:RIDPolicy");
    xml_free(document);
    return close_message(&writer, err);
}

bool rid_encode_acknowledgement(const struct rid_envelope *envelope, enum rid_status status, enum rid_justification justification,
                                struct buf *out, struct err *err)
{
    struct xml_write writer;
    open_policy(&writer, envelope, RID_ACKNOWLEDGEMENT, out);
    xml_write_close(&writer, "rid:RIDPolicy");
    xml_write_open(&writer, "rid:RequestStatus");
    xml_write_attribute(&writer, "AuthorizationStatus", status_name(status));
    xml_write_attribute(&writer, "Justification", rid_justification_name(justification));
    xml_write_close(&writer, "rid:RequestStatus");
    return close_message(&writer, err);
}

/* --- as a codec --- */

static json_t *list_of(const char *const *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static void use_attributes(struct xml_element *element)
{
    element->is_used = true;
    for (struct xml_attribute *a = element->attributes; a; a = a->next)
        a->is_used = true;
}

static void use_first(const struct xml_element *policy, const char *name)
{
    struct xml_element *element = xml_child(policy, RID_SPACE, name);
    for (size_t i = 0; element && i < RID_LIST_MAX; i++, element = xml_next(element))
        xml_json_use_all(element);
}

/* What read_policy() took, and the document with what declares its kind. */
static void mark_read(struct xml_element *policy, struct xml_element *document, const struct report *report, const struct rid *message)
{
    static const char *const attributes[] = {"MsgType", "ext-MsgType", "MsgDestination", "restriction", "ext-restriction"};
    struct xml_element *node = iodef_child(policy, "Node"), *id = iodef_child(policy, "IncidentID");
    struct xml_element *name = iodef_child(node, "Address") ? iodef_child(node, "Address") : iodef_child(node, "NodeName");
    policy->parent->is_used = policy->is_used = node->is_used = true;
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
        xml_json_use_attribute(policy, attributes[i]);
    use_first(policy, "PolicyRegion");
    use_first(policy, "TrafficType");
    if (name)
        use_attributes(name);
    if (id)
        id->is_used = true;
    if (id && str_equal(message->incident_issuer, report->reference_issuer))
        xml_json_use_attribute(id, "name");
    use_attributes(document->parent);
    use_attributes(document->parent->parent);
    xml_json_use_all(document);
}

/* The envelope as "rid" in the report's extra; rest is what has no name of its own there. */
static void add_envelope(struct report *report, const struct rid *message, json_t *rest)
{
    json_t *extra = report->extra ? json_loads(report->extra, 0, NULL) : NULL;
    json_t *envelope = json_object();
    extra = extra ? extra : json_object();
    json_object_set_new(envelope, "type", json_string(message->type_name));
    json_object_set_new(envelope, "destination", json_string(message->destination));
    json_object_set_new(envelope, "regions", list_of(message->regions, message->region_count));
    json_object_set_new(envelope, "traffic", list_of(message->traffic, message->traffic_count));
    if (message->node)
        json_object_set_new(envelope, "node", json_string(message->node));
    if (message->incident_id && !str_equal(message->incident_id, report->reference))
        json_object_set_new(envelope, "incident", json_string(message->incident_id));
    if (rest)
        json_object_set_new(envelope, "rest", rest);
    json_object_set_new(extra, "rid", envelope);
    char *text = json_dumps(extra, JSON_COMPACT | JSON_SORT_KEYS);
    report->extra = arena_strdup(report->arena, text);
    free(text);
    json_decref(extra);
}

/* What the envelope restricts it restricts for everything in it. */
static bool narrow(struct report *report, struct xml_element *policy, struct err *err)
{
    enum tlp label;
    if (!iodef_label_read(policy, TLP_NONE, &label, err))
        return false;
    report->tlp = tlp_strictest(report->tlp, label);
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++) {
            struct sighting *sighting = &report->observations[i].sightings[k];
            sighting->tlp = sighting->tlp == TLP_NONE ? TLP_NONE : tlp_strictest(sighting->tlp, label);
        }
    return true;
}

static bool decode_inner(struct xml_document *document, const struct rid *message, const struct codec_limits *limits, struct report **out,
                         struct err *err)
{
    struct xml_element *policy = xml_child(document->root, RID_SPACE, "RIDPolicy");
    struct xml_element *inner = find_document(policy);
    if (message->type == RID_ACKNOWLEDGEMENT)
        return xml_fail(err, ERR_INPUT, "RID", policy, "an Acknowledgement is an answer, no report");
    if (!inner)
        return xml_fail(err, ERR_INPUT, "RID", policy, "the %.40s carries no document", message->type_name);
    struct report *report = NULL;
    if (!iodef_decode_element(inner, "rid", limits, &report, err))
        return false;
    mark_read(policy, inner, report, message);
    bool is_small = xml_json_weight(document->root) <= XML_JSON_MAX;
    if (!is_small)
        xml_fail(err, ERR_LIMIT, "RID", policy, "holds more that is unknown here than can be kept");
    if (!is_small || !narrow(report, policy, err)) {
        report_free(report);
        return false;
    }
    add_envelope(report, message, xml_json_rest(document->root));
    *out = report;
    return true;
}

/* An IODEF document without an envelope is read too: both travel as text/xml and application/xml. */
static bool rid_decode(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints,
                       struct report **out, struct err *err)
{
    UNUSED(hints);
    struct xml_document *document = NULL;
    struct rid *message = NULL;
    if (!xml_read(bytes, size, limits->depth_max, &document, err))
        return false;
    bool ok = str_equal(document->root->name, "IODEF-Document")
                  ? iodef_decode_element(document->root, "iodef", limits, out, err)
                  : read_envelope(document, &message, err) && decode_inner(document, message, limits, out, err);
    rid_free(message);
    xml_free(document);
    return ok;
}

static int rid_probe(const char *bytes, size_t size, const struct codec_hints *hints)
{
    UNUSED(hints);
    return xml_text_mentions(bytes, size, RID_SPACE) ? 95 : 0;
}

const struct codec rid_codec = {
    .name = "rid",
    .media_type = "text/xml",
    .standard = "RFC 6545",
    .summary = "RID messages of peers, with the IODEF document (v2, v1) inside",
    .shape = CODEC_WHOLE,
    .probe = rid_probe,
    .decode = rid_decode,
};
