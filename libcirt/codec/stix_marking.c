#include "codec/stix_marking.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"

#define MARKING "marking-definition--"
/* OpenCTI had AMBER+STRICT before TLP 2.0 had an id for it: under this one, and in these words beside a statement "custom", as it has all
 * markings of a site's own. */
#define OPENCTI_STRICT MARKING "826578e1-40ad-459f-bc73-ede076f81f37"
#define OPENCTI_WORDS  "x_opencti_definition"
#define OPENCTI_TYPE   "x_opencti_definition_type"

#define TLP_EXTENSION "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
/* Access Control Specification, as CISA's AIS has it. */
#define ACS_EXTENSION "extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce"

/* STIX 2.1 section 7.2.1.4; OASIS, TLP 2.0 as an extension (2022). */
static const struct {
    const char *id;
    enum tlp label;
    bool is_tlp2;
} fixed[] = {
    {MARKING "94868c89-83c2-464b-929b-a1a8aa3c8487", TLP_CLEAR, true},
    {MARKING "bab4a63c-aed9-4cf5-a766-dfca5abac2bb", TLP_GREEN, true},
    {MARKING "55d920b0-5e8b-4f79-9ee9-91f868d9b421", TLP_AMBER, true},
    {MARKING "939a9414-2ddd-4d32-a0cd-375ea402b003", TLP_AMBER_STRICT, true},
    {MARKING "e828b379-4e03-4974-9ac4-e53a884c97c1", TLP_RED, true},
    {MARKING "613f2e26-407d-48c7-9eca-b8e91df99dc9", TLP_CLEAR, false},
    {MARKING "34098fce-860f-48ae-8e50-ebd3cc5e41da", TLP_GREEN, false},
    {MARKING "f88d31f6-486f-44da-b317-01333bde0b82", TLP_AMBER, false},
    {MARKING "5e57c739-391a-4eb3-b6be-7d15ca92d5ed", TLP_RED, false},
};

static const char *const pap_texts[] = {"PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", NULL, "PAP:RED"};

const char *stix_marking_pap_text(enum tlp pap)
{
    return pap >= TLP_CLEAR && pap <= TLP_RED ? pap_texts[pap] : NULL;
}

static enum tlp pap_of(const char *text)
{
    if (!text || !str_starts_nocase(text, "PAP:"))
        return TLP_NONE;
    if (str_equal_nocase(text, "PAP:WHITE"))
        return TLP_CLEAR;
    for (size_t i = 0; i < ARRAY_SIZE(pap_texts); i++)
        if (pap_texts[i] && str_equal_nocase(text, pap_texts[i]))
            return (enum tlp)i;
    return TLP_NONE;
}

bool stix_marking_is_fixed(const char *id)
{
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        if (str_equal(fixed[i].id, id))
            return true;
    return false;
}

/* --- what a marking-definition says --- */

typedef enum tlp (*text_reader)(const char *name, const char *text);

/* "TLP:AMBER", "TLP:GREEN, and not beyond ..." */
static enum tlp label_of_words(const char *text)
{
    enum tlp label = tlp_in_text(text);
    return label == TLP_NONE && str_starts_nocase(text, "TLP") && !isalnum((unsigned char)text[3]) ? TLP_AMBER_STRICT : label;
}

/* A member of such a name is a label, whoever defined it: OpenCTI's TLP, TLP 2.0 as an extension, FIRST's IEP. */
static enum tlp label_of_text(const char *name, const char *text)
{
    bool is_label = str_equal_nocase(name, "tlp") || str_equal_nocase(name, "tlp_2_0");
    return is_label ? tlp_claimed(text) : label_of_words(text);
}

static enum tlp pap_of_text(const char *name, const char *text)
{
    UNUSED(name);
    return pap_of(text);
}

/* The strictest that the value says, or anything in it. */
static enum tlp strictest_text(const char *name, const json_t *value, text_reader read)
{
    enum tlp label = TLP_NONE;
    const char *key;
    size_t index;
    json_t *inner;
    if (json_is_string(value))
        return read(name, json_string_value(value));
    json_object_foreach((json_t *)value, key, inner)
    {
        label = tlp_strictest(label, strictest_text(key, inner, read));
    }
    json_array_foreach(value, index, inner)
    {
        label = tlp_strictest(label, strictest_text(name, inner, read));
    }
    return label;
}

static enum tlp read_definition(const json_t *marking, text_reader read)
{
    static const char *const members[] = {"name", "extensions", OPENCTI_WORDS};
    const char *type = stix_object_text(marking, "definition_type");
    enum tlp label = strictest_text(type ? type : "definition", json_object_get(marking, "definition"), read);
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        label = tlp_strictest(label, strictest_text(members[i], json_object_get(marking, members[i]), read));
    return label;
}

/* Copyright and the like: it restricts nobody. */
static bool is_plain_statement(const json_t *marking)
{
    const json_t *definition = json_object_get(marking, "definition");
    const char *type = stix_object_text(marking, OPENCTI_TYPE);
    return stix_object_text(definition, "statement") && json_object_size(definition) == 1 && (!type || str_equal_nocase(type, "statement"));
}

/* A policy that we do not know (CUI, AIS, a site's own), and ACS also beside a label: all that we know of it is that it restricts. */
static bool is_strange_policy(const struct stix_object *marking, enum tlp said)
{
    if (json_object_get(json_object_get(marking->json, "extensions"), ACS_EXTENSION))
        return true;
    return said == TLP_NONE && marking->pap == TLP_NONE && !is_plain_statement(marking->json);
}

static enum tlp label_of_fixed(const char *id)
{
    enum tlp label = str_equal(id, OPENCTI_STRICT) ? TLP_AMBER_STRICT : TLP_NONE;
    for (size_t i = 0; id && i < ARRAY_SIZE(fixed); i++)
        if (str_equal(fixed[i].id, id))
            label = fixed[i].label;
    return label;
}

void stix_marking_read(struct stix_document *document)
{
    for (size_t i = 0; i < document->count; i++) {
        struct stix_object *object = &document->items[i];
        bool is_marking = str_equal(object->type, "marking-definition");
        enum tlp said = is_marking ? tlp_strictest(label_of_fixed(object->id), read_definition(object->json, label_of_text)) : TLP_NONE;
        object->pap = is_marking ? read_definition(object->json, pap_of_text) : TLP_NONE;
        object->label = is_marking && is_strange_policy(object, said) ? tlp_strictest(said, TLP_AMBER_STRICT) : said;
    }
}

/* --- what marks an object --- */

typedef enum tlp (*marking_reader)(const struct stix_document *document, const char *id);

static enum tlp label_of_id(const struct stix_document *document, const char *id)
{
    enum tlp label = label_of_fixed(id);
    const struct stix_object *marking = stix_object_find(document, id);
    return marking ? tlp_strictest(label, marking->label) : label;
}

static enum tlp pap_of_id(const struct stix_document *document, const char *id)
{
    const struct stix_object *marking = stix_object_find(document, id);
    return marking ? marking->pap : TLP_NONE;
}

static enum tlp strictest_marking(const struct stix_document *document, const json_t *object, marking_reader read)
{
    enum tlp label = TLP_NONE;
    size_t index;
    json_t *element;
    json_array_foreach(json_object_get(object, "object_marking_refs"), index, element)
    {
        label = tlp_strictest(label, read(document, json_string_value(element)));
    }
    json_array_foreach(json_object_get(object, "granular_markings"), index, element)
    {
        label = tlp_strictest(label, read(document, stix_object_text(element, "marking_ref")));
    }
    return label;
}

static bool is_unknown(const struct stix_document *document, const char *id)
{
    return id && !stix_marking_is_fixed(id) && !str_equal(id, OPENCTI_STRICT) && !stix_object_find(document, id);
}

/* Does it refer to a marking that is not in the document, as pages of TAXII do? */
static bool has_unknown_marking(const struct stix_document *document, const json_t *object)
{
    size_t index;
    json_t *element;
    json_array_foreach(json_object_get(object, "object_marking_refs"), index, element)
    {
        if (is_unknown(document, json_string_value(element)))
            return true;
    }
    json_array_foreach(json_object_get(object, "granular_markings"), index, element)
    {
        if (is_unknown(document, stix_object_text(element, "marking_ref")))
            return true;
    }
    return false;
}

enum tlp stix_marking_label(const struct stix_document *document, const json_t *object)
{
    enum tlp label = strictest_marking(document, object, label_of_id);
    size_t index;
    json_t *element;
    json_array_foreach(json_object_get(object, "labels"), index, element)
    {
        const char *text = json_string_value(element);
        label = tlp_strictest(label, text && str_starts_nocase(text, "tlp:") ? tlp_claimed(text) : tlp_in_text(text));
    }
    return label == TLP_NONE && has_unknown_marking(document, object) ? TLP_AMBER_STRICT : label;
}

enum tlp stix_marking_pap(const struct stix_document *document, const json_t *object)
{
    enum tlp pap = strictest_marking(document, object, pap_of_id);
    size_t index;
    json_t *element;
    json_array_foreach(json_object_get(object, "labels"), index, element)
    {
        pap = tlp_strictest(pap, pap_of(json_string_value(element)));
    }
    return pap;
}

const char *stix_marking_id(enum tlp label)
{
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        if (fixed[i].is_tlp2 && fixed[i].label == label)
            return fixed[i].id;
    return NULL;
}

json_t *stix_marking_object(enum tlp label)
{
    return json_pack("{ss ss ss ss ss s{s{ss ss}}}", "type", "marking-definition", "spec_version", "2.1", "id", stix_marking_id(label),
                     "created", "2022-10-01T00:00:00.000Z", "name", tlp_label(label), "extensions", TLP_EXTENSION, "extension_type",
                     "property-extension", "tlp_2_0", tlp_name(label));
}
