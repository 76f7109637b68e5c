#include "model/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "model/filter_tree.h"
#include "model/tlp.h"

enum {
    BOTH = FILTER_CASE | FILTER_REPORT,
    WIDE = FILTER_CASE | FILTER_REPORT | FILTER_RULE | FILTER_INDICATOR | FILTER_ITEM,
    VALUES_ROOM = 64
};

/* To add a field: a row here, one in docs/FILTERS.md (checked by unit_model_filter), fragments in sql/filters/ for cases, reports and
 * indicators (checked by the db tests), and a line in the getters of those who use filters as predicates. At most 64 rows. */
const struct filter_field filter_fields[] = {
    {"number", FILTER_NUMBER, FILTER_CASE, "the case's number"},
    {"state", FILTER_TEXT, BOTH, "exactly this state"},
    {"is", FILTER_TEXT, BOTH, "open (new, open, waiting), overdue, mine, unowned; any"},
    {"class", FILTER_CLASS, WIDE, "RSIT class, type or an alias of it"},
    {"kind", FILTER_TEXT, BOTH | FILTER_RULE | FILTER_ITEM,
     "of a case: incident, vulnerability, notice, request; of a mail: message, auto-reply, list, bounce, mdn; of an item: what it is"},
    {"priority", FILTER_PRIORITY, FILTER_CASE, "urgency"},
    {"severity", FILTER_PRIORITY, FILTER_CASE, "impact"},
    {"tlp", FILTER_TLP, WIDE, "label"},
    {"owner", FILTER_TEXT, FILTER_CASE, "login; me"},
    {"queue", FILTER_TEXT, FILTER_CASE, "queue"},
    {"tag", FILTER_TEXT, FILTER_CASE, "tag"},
    {"due", FILTER_TIME, FILTER_CASE, "the next deadline"},
    {"opened", FILTER_TIME, FILTER_CASE, "when it was opened"},
    {"updated", FILTER_TIME, FILTER_CASE, "the last change"},
    {"closed", FILTER_TIME, FILTER_CASE, "when it was closed"},
    {"summary", FILTER_WORD, BOTH | FILTER_RULE, "words of the summary"},
    {"peer", FILTER_TEXT, FILTER_CASE | FILTER_ITEM, "the peer it was shared with or came from"},
    {"compartment", FILTER_TEXT, FILTER_CASE, "compartment"},
    {"drill", FILTER_TEXT, BOTH, "the drill it belongs to"},
    {"channel", FILTER_TEXT, FILTER_REPORT | FILTER_RULE, "the way it came: https, mail, rid, drop, poll, taxii, phone, ..."},
    {"sender", FILTER_TEXT, FILTER_REPORT | FILTER_RULE, "who sent it, as the channel knows"},
    {"format", FILTER_TEXT, FILTER_REPORT | FILTER_RULE, "codec"},
    {"author", FILTER_TEXT, FILTER_REPORT | FILTER_RULE, "the only From address of a mail"},
    {"assurance", FILTER_TEXT, FILTER_REPORT | FILTER_RULE,
     "what the channel proves about the sender: pinned-key, certificate, dmarc, unknown"},
    {"signed", FILTER_TEXT, FILTER_REPORT | FILTER_RULE,
     "unprotected, verified, unknown-key, not-sender, bad, expired, revoked, mixed; fresh"},
    {"signer", FILTER_TEXT, FILTER_REPORT | FILTER_RULE, "who signed it, where verified"},
    {"encryption", FILTER_TEXT, FILTER_REPORT | FILTER_RULE, "part, whole, undecryptable; none"},
    {"auth", FILTER_TEXT, FILTER_REPORT | FILTER_RULE, "what our own MTA found: dmarc-pass, spf-fail, dkim-none, ..."},
    {"spam", FILTER_SCORE, FILTER_REPORT | FILTER_RULE, "what our own MTA says: yes, no, or its score"},
    {"received", FILTER_TIME, FILTER_REPORT, "when it came"},
    {"size", FILTER_NUMBER, FILTER_REPORT | FILTER_RULE, "bytes"},
    {"case", FILTER_NUMBER, FILTER_REPORT, "number of the case it belongs to"},
    {"description", FILTER_WORD, FILTER_RULE, "words of the description"},
    {"claimed.class", FILTER_TEXT, FILTER_RULE, "the class in the sender's own words"},
    {"claimed.tlp", FILTER_TLP, FILTER_RULE, "the label the document itself carries"},
    {"claimed.reporter", FILTER_TEXT, FILTER_RULE, "the reporter's mail address as the document has it"},
    {"ip", FILTER_ADDRESS, WIDE, "address or network"},
    {"domain", FILTER_DOMAIN, WIDE, "name and all below it, also in URLs and mail addresses"},
    {"url", FILTER_TEXT, WIDE, "URL"},
    {"email", FILTER_TEXT, WIDE, "mail address"},
    {"hash", FILTER_TEXT, WIDE, "MD5, SHA-1, SHA-256 or SHA-512"},
    {"asn", FILTER_ASN, WIDE, "autonomous system"},
    {"cve", FILTER_TEXT, WIDE, "CVE id"},
    {"port", FILTER_NUMBER, BOTH | FILTER_RULE | FILTER_ITEM, "source or target port"},
    {"country", FILTER_TEXT, BOTH | FILTER_RULE, "two letters"},
    {"known-good", FILTER_TEXT, FILTER_RULE, "short name of a known-good list that a value is on; none"},
    {"sector", FILTER_TEXT, BOTH | FILTER_RULE, "sector of the constituent"},
    {"constituent", FILTER_TEXT, BOTH | FILTER_RULE, "constituent"},
    {"count", FILTER_NUMBER, BOTH | FILTER_RULE, "observations; of one observation: how often"},
    {"type", FILTER_TEXT, FILTER_INDICATOR | FILTER_ITEM, "type of the observable: ipv4, domain, url, ..."},
    {"confidence", FILTER_NUMBER, FILTER_INDICATOR, "0 to 100"},
    {"expires", FILTER_TIME, FILTER_INDICATOR, "end of the indicator"},
    {"text", FILTER_WORD, WIDE, "what a bare word searches: summary, notes, text of reports"},
};
const size_t filter_field_count = ARRAY_SIZE(filter_fields);

void filter_free(struct filter *filter)
{
    if (!filter)
        return;
    for (size_t i = 0; i < filter->pattern_count; i++)
        filter_pattern_free(filter->patterns[i]);
    arena_free(filter->arena);
    free(filter);
}

bool filter_mentions(const struct filter *filter, const char *field)
{
    for (size_t i = 0; i < filter_field_count; i++)
        if (str_equal(filter_fields[i].name, field))
            return filter->mentioned >> i & 1;
    return false;
}

void filter_rest(struct filter *filter)
{
    for (size_t i = 0; i < filter->pattern_count; i++)
        filter_pattern_rest(filter->patterns[i]);
}

bool filter_met_limit(const struct filter *filter)
{
    for (size_t i = 0; i < filter->pattern_count; i++)
        if (filter_pattern_met_limit(filter->patterns[i]))
            return true;
    return false;
}

/* --- the object under test: each field's values, got once and made ready for comparing --- */

struct known_value {
    struct filter_value value;
    const char *lower; /* of words: the text in small letters */
    struct filter_network network;
    int64_t number; /* by which values of its kind are ordered, where it has one */
    bool has_number;
};

struct filter_subject {
    const void *object;
    filter_getter get;
    uint64_t known; /* a bit for each row of filter_fields[] */
    size_t first[64], count[64];
    struct known_value *values;
    size_t used, capacity;
    struct arena *arena;
};

struct filter_subject *filter_subject_new(void)
{
    struct filter_subject *subject = mem_calloc(1, sizeof *subject);
    subject->arena = arena_new();
    return subject;
}

void filter_subject_free(struct filter_subject *subject)
{
    if (!subject)
        return;
    arena_free(subject->arena);
    free(subject->values);
    free(subject);
}

void filter_subject_set(struct filter_subject *subject, const void *object, filter_getter get)
{
    subject->object = object;
    subject->get = get;
    subject->known = 0;
    subject->used = 0;
    arena_reset(subject->arena);
}

/* The number by which values of this kind are ordered; false where the value has none. */
static bool value_number(enum filter_kind kind, const struct filter_value *value, int64_t *number)
{
    enum tlp label;
    switch (kind) {
    case FILTER_TLP:
        if (!tlp_parse(value->text, &label))
            return false;
        *number = label;
        return true;
    case FILTER_PRIORITY:
        return value->text && filter_value_priority(value->text, number);
    case FILTER_SCORE:
        *number = value->number;
        return value->text == NULL;
    case FILTER_NUMBER:
    case FILTER_TIME:
        *number = value->number;
        return value->number != TIMESTAMP_NONE;
    default:
        return false;
    }
}

static void learn(struct filter_subject *subject, enum filter_kind kind, const struct filter_value *value)
{
    subject->values = mem_grow(subject->values, &subject->capacity, subject->used, sizeof *subject->values);
    struct known_value *known = &subject->values[subject->used++];
    *known = (struct known_value){.value = *value};
    known->has_number = value_number(kind, value, &known->number);
    if (kind == FILTER_WORD && value->text) {
        char *lower = arena_strdup(subject->arena, value->text);
        str_lower(lower);
        known->lower = lower;
    } else if (kind == FILTER_ADDRESS && value->text && !filter_value_network(value->text, &known->network)) {
        known->network.family = 0;
    }
}

static const struct known_value *values_of(struct filter_subject *subject, const struct filter_field *field, size_t *count)
{
    size_t row = (size_t)(field - filter_fields);
    if (!(subject->known >> row & 1)) {
        struct filter_value some[VALUES_ROOM], *values = some, *more = NULL;
        size_t room = VALUES_ROOM, got;
        while ((got = subject->get(subject->object, field->name, values, room)) == room) {
            room *= 8;
            free(more);
            values = more = mem_calloc(room, sizeof *values);
        }
        subject->first[row] = subject->used;
        subject->count[row] = got;
        for (size_t i = 0; i < got; i++)
            learn(subject, field->kind, &values[i]);
        free(more);
        subject->known |= UINT64_C(1) << row;
    }
    *count = subject->count[row];
    return *count ? &subject->values[subject->first[row]] : NULL;
}

/* --- the predicate --- */

static bool network_contains(const struct filter_network *outer, const struct filter_network *inner)
{
    if (outer->family != inner->family || outer->family == 0 || outer->length > inner->length)
        return false;
    unsigned whole = outer->length / 8, rest = outer->length % 8;
    if (memcmp(outer->bytes, inner->bytes, whole) != 0)
        return false;
    return rest == 0 || ((outer->bytes[whole] ^ inner->bytes[whole]) & (0xFF00 >> rest) & 0xFF) == 0;
}

static bool networks_overlap(const struct filter_network *a, const struct filter_network *b)
{
    return network_contains(a, b) || network_contains(b, a);
}

static bool is_at_or_below(const char *name, const char *domain)
{
    size_t size = strlen(name), domain_size = strlen(domain);
    if (size < domain_size || !str_equal_nocase(name + size - domain_size, domain))
        return false;
    return size == domain_size || name[size - domain_size - 1] == '.';
}

static bool is_numeric(enum filter_kind kind)
{
    return kind == FILTER_NUMBER || kind == FILTER_TIME || kind == FILTER_TLP || kind == FILTER_PRIORITY;
}

static bool is_present(enum filter_kind kind, const struct known_value *known)
{
    return is_numeric(kind) ? known->has_number : kind == FILTER_SCORE || known->value.text != NULL;
}

static bool equals(enum filter_kind kind, const struct filter_test *test, const struct known_value *known)
{
    const char *text = known->value.text;
    if (is_numeric(kind))
        return known->has_number && known->number == test->from;
    if (!text)
        return false;
    switch (kind) {
    case FILTER_ADDRESS:
        return networks_overlap(&known->network, &test->network);
    case FILTER_DOMAIN:
        return is_at_or_below(text, test->text);
    case FILTER_ASN:
        return str_equal(str_starts_nocase(text, "as") ? text + 2 : text, test->text);
    default:
        return str_equal_nocase(text, test->text);
    }
}

static bool value_passes(enum filter_kind kind, const struct filter_test *test, const struct known_value *known)
{
    const char *text = known->value.text;
    switch (test->comparison) {
    case FILTER_RANGE:
        return known->has_number && known->number >= test->from && known->number <= test->to;
    case FILTER_EQUAL:
        return equals(kind, test, known);
    case FILTER_PREFIX:
        return text && str_starts_nocase(text, test->text);
    case FILTER_CONTAINS:
        return known->lower && strstr(known->lower, test->lower);
    case FILTER_MATCHES:
        return text && filter_pattern_matches(test->pattern, text);
    case FILTER_NONE:
        break;
    }
    return false;
}

static bool test_passes(enum filter_kind kind, const struct filter_test *test, const struct known_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (test->comparison == FILTER_NONE ? is_present(kind, &values[i]) : value_passes(kind, test, &values[i]))
            return test->comparison != FILTER_NONE;
    }
    return test->comparison == FILTER_NONE;
}

static bool term_passes(const struct filter_node *term, struct filter_subject *subject)
{
    size_t count;
    const struct known_value *values = values_of(subject, term->field, &count);
    for (size_t i = 0; i < term->test_count; i++)
        if (test_passes(term->field->kind, &term->tests[i], values, count))
            return true;
    return false;
}

/* Goes as deep as the parser let the tree become: FILTER_DEPTH_MAX. */
static bool node_passes(const struct filter_node *node, struct filter_subject *subject)
{
    switch (node->type) {
    case FILTER_NODE_ALL:
        return true;
    case FILTER_NODE_AND:
        for (const struct filter_node *child = node->first; child; child = child->next)
            if (!node_passes(child, subject))
                return false;
        return true;
    case FILTER_NODE_OR:
        for (const struct filter_node *child = node->first; child; child = child->next)
            if (node_passes(child, subject))
                return true;
        return false;
    case FILTER_NODE_NOT:
        return !node_passes(node->first, subject);
    case FILTER_NODE_TERM:
        return term_passes(node, subject);
    }
    return false;
}

bool filter_subject_passes(struct filter_subject *subject, const struct filter *filter)
{
    return node_passes(filter->root, subject);
}

bool filter_matches(const struct filter *filter, const void *object, filter_getter get)
{
    struct filter_subject *subject = filter_subject_new();
    filter_subject_set(subject, object, get);
    bool passes = filter_subject_passes(subject, filter);
    filter_subject_free(subject);
    return passes;
}
