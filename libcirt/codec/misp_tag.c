#include "codec/misp_tag.h"

#include <string.h>

#include "base/str.h"
#include "codec/json_take.h"
#include "model/rsit.h"

/* As MISP writes them, as its indexes and older exports do: "EventTag": [{"Tag": {"name": ..}}], and as programs do that keep its events.
 * A label that is overlooked would widen. */
static const char *const tag_members[] = {"Tag", "EventTag", "AttributeTag", "tags"};

/* One without its array counts, too. */
static size_t size_of(const json_t *tags)
{
    return json_is_array(tags) ? json_array_size(tags) : json_is_object(tags) || json_is_string(tags);
}

static const char *name_of(const json_t *tag)
{
    const json_t *inner = json_object_get(tag, "Tag");
    const char *name = json_string_value(json_is_string(tag) ? tag : json_object_get(inner ? inner : tag, "name"));
    return name ? name + strspn(name, " ") : "";
}

static const char *tag_name(const json_t *owner, size_t index)
{
    for (size_t i = 0; i < ARRAY_SIZE(tag_members); i++) {
        const json_t *tags = json_object_get(owner, tag_members[i]);
        if (index < size_of(tags))
            return name_of(json_is_array(tags) ? json_array_get(tags, index) : tags);
        index -= size_of(tags);
    }
    return "";
}

static size_t tag_count(const json_t *owner)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(tag_members); i++)
        count += size_of(json_object_get(owner, tag_members[i]));
    return count;
}

/* --- labels --- */

static enum tlp tagged_label(const json_t *owner)
{
    enum tlp label = TLP_NONE;
    for (size_t i = 0; i < tag_count(owner); i++) {
        const char *name = tag_name(owner, i);
        enum tlp meant = str_starts_nocase(name, "tlp:") ? tlp_claimed(name) : tlp_in_text(name); /* "TLP-RED", "our:tlp=\"red\"" */
        label = tlp_strictest(label, meant);
    }
    return label;
}

static enum tlp distributed_label(const json_t *owner, bool is_labelled)
{
    static const enum tlp labels[] = {TLP_AMBER_STRICT, TLP_AMBER, TLP_GREEN, TLP_CLEAR, TLP_AMBER_STRICT, TLP_NONE};
    static const struct json_place nowhere = {0};
    struct err ignored;
    int64_t number;
    const json_t *distribution = json_object_get(owner, "distribution");
    if (!distribution || json_is_null(distribution) || (json_is_string(distribution) && !json_string_length(distribution)))
        return TLP_NONE;
    if (!json_value_number(distribution, &nowhere, 0, (int64_t)ARRAY_SIZE(labels) - 1, &number, &ignored))
        return TLP_AMBER_STRICT;
    return labels[number] == TLP_CLEAR && !is_labelled ? TLP_GREEN : labels[number];
}

enum tlp misp_tag_label(const json_t *owner, enum tlp around)
{
    enum tlp label = tlp_strictest(around, tagged_label(owner));
    return tlp_strictest(label, distributed_label(owner, label != TLP_NONE));
}

enum tlp misp_tag_pap(const json_t *owner, enum tlp pap)
{
    for (size_t i = 0; i < tag_count(owner); i++) {
        enum tlp one;
        const char *name = tag_name(owner, i);
        if (!str_starts_nocase(name, "PAP:"))
            continue;
        /* PAP has no AMBER+STRICT; what it does not have is as strict as can be. */
        if (!tlp_parse(name + strlen("PAP:"), &one) || one == TLP_AMBER_STRICT)
            one = TLP_RED;
        pap = tlp_strictest(pap, one);
    }
    return pap;
}

/* --- class --- */

/* Taxonomies whose values name kinds of incidents; those of others (a malware's name, a sector) mean something else. */
static const char *const incident_namespaces[] = {"ecsirt:",
                                                  "circl:incident-classification=",
                                                  "csirt_case_classification:",
                                                  "europol-incident:",
                                                  "europol-event:",
                                                  "csirt-americas:",
                                                  "enisa:",
                                                  "CERT-XLM:"};

/* The value between the quotes, looked up as a word. */
static const char *class_of_value(const char *tag, struct arena *arena)
{
    const char *start = strstr(tag, "=\"");
    size_t size = strlen(tag);
    if (!start || size < 2 || tag[size - 1] != '"' || start + 2 > tag + size - 1)
        return NULL;
    start += 2;
    return rsit_claimed(arena_strndup(arena, start, (size_t)(tag + size - 1 - start)));
}

static const char *class_of_tag(const char *tag, int rank, struct arena *arena)
{
    if (rank == 0)
        return str_starts_nocase(tag, "rsit:") ? rsit_claimed(tag) : NULL;
    if (rank == 2)
        return strchr(tag, ':') ? NULL : rsit_claimed(tag);
    for (size_t i = 0; i < ARRAY_SIZE(incident_namespaces); i++) {
        if (!str_starts_nocase(tag, incident_namespaces[i]))
            continue;
        const char *name = rsit_claimed(tag);
        return name ? name : class_of_value(tag, arena);
    }
    return NULL;
}

void misp_tag_class(const json_t *owner, struct arena *arena, const char **claim, const char **name)
{
    *claim = *name = NULL;
    for (int rank = 0; rank < 3 && !*name; rank++) {
        for (size_t i = 0; i < tag_count(owner) && !*name; i++) {
            const char *found = class_of_tag(tag_name(owner, i), rank, arena);
            if (!found)
                continue;
            *name = found;
            *claim = arena_strdup(arena, tag_name(owner, i));
        }
    }
}

int misp_tag_confidence(const json_t *owner)
{
    static const struct {
        const char *tag;
        int confidence;
    } tags[] = {
        {"misp:confidence-level=\"completely-confident\"", 100},
        {"misp:confidence-level=\"usually-confident\"", 75},
        {"misp:confidence-level=\"fairly-confident\"", 50},
        {"misp:confidence-level=\"rarely-confident\"", 25},
        {"misp:confidence-level=\"unconfident\"", 0},
        {"admiralty-scale:information-credibility=\"1\"", 90},
        {"admiralty-scale:information-credibility=\"2\"", 70},
        {"admiralty-scale:information-credibility=\"3\"", 50},
        {"admiralty-scale:information-credibility=\"4\"", 30},
        {"admiralty-scale:information-credibility=\"5\"", 10},
    };
    for (size_t i = 0; i < tag_count(owner); i++)
        for (size_t k = 0; k < ARRAY_SIZE(tags); k++)
            if (str_equal_nocase(tag_name(owner, i), tags[k].tag))
                return tags[k].confidence;
    return -1;
}

/* The text between the quotes of cirt:NAME="value"; NULL where there is no such tag. */
static const char *find_own(const json_t *owner, const char *name, size_t *value_size)
{
    size_t size = strlen(name), prefix = strlen(MISP_TAG_OWN);
    for (size_t i = 0; i < tag_count(owner); i++) {
        const char *tag = tag_name(owner, i);
        size_t length = strlen(tag);
        if (length < prefix + size + 3 || !str_starts(tag, MISP_TAG_OWN) || strncmp(tag + prefix, name, size) != 0)
            continue;
        const char *value = tag + prefix + size + 2;
        if (value[-2] != '=' || value[-1] != '"' || tag[length - 1] != '"')
            continue;
        *value_size = (size_t)(tag + length - 1 - value);
        return value;
    }
    return NULL;
}

const char *misp_tag_own(const json_t *owner, const char *name, struct arena *arena)
{
    size_t size;
    const char *value = find_own(owner, name, &size);
    return value ? arena_strndup(arena, value, size) : NULL;
}

bool misp_tag_own_number(const json_t *owner, const char *name, int64_t min, int64_t max, int64_t *number)
{
    char text[24];
    size_t size;
    const char *value = find_own(owner, name, &size);
    if (!value || size >= sizeof text)
        return false;
    memcpy(text, value, size);
    text[size] = '\0';
    return str_to_int64(text, min, max, number);
}
