#include "model/filter.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "model/filter_tree.h"
#include "model/tlp.h"

enum {
    BOTH = FILTER_CASE | FILTER_REPORT,
    WIDE = FILTER_CASE | FILTER_REPORT | FILTER_RULE | FILTER_INDICATOR | FILTER_ITEM,
    VALUES_MAX = 256
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
    {"tag", FILTER_TEXT, FILTER_CASE | FILTER_RULE | FILTER_INDICATOR, "tag"},
    {"due", FILTER_TIME, FILTER_CASE, "the next deadline"},
    {"opened", FILTER_TIME, FILTER_CASE, "when it was opened"},
    {"updated", FILTER_TIME, FILTER_CASE, "the last change"},
    {"closed", FILTER_TIME, FILTER_CASE, "when it was closed"},
    {"summary", FILTER_WORD, BOTH | FILTER_RULE, "words of the summary"},
    {"peer", FILTER_TEXT, FILTER_CASE | FILTER_ITEM, "the peer it was shared with or came from"},
    {"compartment", FILTER_TEXT, FILTER_CASE, "compartment"},
    {"drill", FILTER_TEXT, BOTH, "the drill it belongs to"},
    {"channel", FILTER_TEXT, FILTER_REPORT | FILTER_RULE, "the way it came: feed, mail, phone, ..."},
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
    {"reporter", FILTER_TEXT, FILTER_RULE, "the reporter's mail address as the document has it"},
    {"claimed.class", FILTER_TEXT, FILTER_RULE, "the class in the sender's own words"},
    {"claimed.tlp", FILTER_TLP, FILTER_RULE, "the label the document itself carries"},
    {"ip", FILTER_ADDRESS, WIDE, "address or network"},
    {"domain", FILTER_DOMAIN, WIDE, "name and all below it, also in URLs and mail addresses"},
    {"url", FILTER_TEXT, WIDE, "URL"},
    {"email", FILTER_TEXT, WIDE, "mail address"},
    {"hash", FILTER_TEXT, WIDE, "MD5, SHA-1, SHA-256 or SHA-512"},
    {"asn", FILTER_ASN, WIDE, "autonomous system"},
    {"cve", FILTER_TEXT, WIDE, "CVE id"},
    {"port", FILTER_NUMBER, BOTH | FILTER_RULE | FILTER_ITEM, "source or target port"},
    {"country", FILTER_TEXT, BOTH | FILTER_RULE, "two letters"},
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

/* --- the predicate --- */

struct network {
    int family;
    unsigned length;
    unsigned char bytes[16];
};

static bool network_parse(const char *text, struct network *network)
{
    char address[INET6_ADDRSTRLEN];
    size_t size = strcspn(text, "/");
    if (size >= sizeof address)
        return false;
    memcpy(address, text, size);
    address[size] = '\0';
    network->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    int64_t longest = network->family == AF_INET6 ? 128 : 32, length = longest;
    if (inet_pton(network->family, address, network->bytes) != 1 ||
        (text[size] == '/' && !str_to_int64(text + size + 1, 0, longest, &length)))
        return false;
    network->length = (unsigned)length;
    return true;
}

static bool network_contains(const struct network *outer, const struct network *inner)
{
    if (outer->family != inner->family || outer->length > inner->length)
        return false;
    unsigned whole = outer->length / 8, rest = outer->length % 8;
    if (memcmp(outer->bytes, inner->bytes, whole) != 0)
        return false;
    return rest == 0 || ((outer->bytes[whole] ^ inner->bytes[whole]) & (0xFF00 >> rest) & 0xFF) == 0;
}

static bool networks_overlap(const char *a, const char *b)
{
    struct network first, second;
    return network_parse(a, &first) && network_parse(b, &second) &&
           (network_contains(&first, &second) || network_contains(&second, &first));
}

static bool is_at_or_below(const char *name, const char *domain)
{
    size_t size = strlen(name), domain_size = strlen(domain);
    if (size < domain_size || !str_equal_nocase(name + size - domain_size, domain))
        return false;
    return size == domain_size || name[size - domain_size - 1] == '.';
}

static bool contains_nocase(const char *text, const char *word)
{
    for (; *text; text++)
        if (str_starts_nocase(text, word))
            return true;
    return *word == '\0';
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
    default:
        *number = value->number;
        return value->number != TIMESTAMP_NONE;
    }
}

static bool is_numeric(enum filter_kind kind)
{
    return kind == FILTER_NUMBER || kind == FILTER_TIME || kind == FILTER_TLP || kind == FILTER_PRIORITY;
}

static bool is_value_present(enum filter_kind kind, const struct filter_value *value)
{
    int64_t number;
    return is_numeric(kind) ? value_number(kind, value, &number) : kind == FILTER_SCORE || value->text != NULL;
}

static bool equals_text(enum filter_kind kind, const char *value, const char *wanted)
{
    switch (kind) {
    case FILTER_ADDRESS:
        return networks_overlap(value, wanted);
    case FILTER_DOMAIN:
        return is_at_or_below(value, wanted);
    case FILTER_ASN:
        return str_equal(str_starts_nocase(value, "as") ? value + 2 : value, wanted);
    default:
        return str_equal_nocase(value, wanted);
    }
}

static bool value_passes(const struct filter_field *field, const struct filter_test *test, const struct filter_value *value)
{
    int64_t number, wanted;
    switch (test->comparison) {
    case FILTER_RANGE:
        return value_number(field->kind, value, &number) && number >= test->from && number <= test->to;
    case FILTER_EQUAL:
        if (is_numeric(field->kind))
            return value_number(field->kind, value, &number) && str_to_int64(test->text, INT64_MIN, INT64_MAX, &wanted) && number == wanted;
        return value->text && equals_text(field->kind, value->text, test->text);
    case FILTER_PREFIX:
        return value->text && str_starts_nocase(value->text, test->text);
    case FILTER_CONTAINS:
        return value->text && contains_nocase(value->text, test->text);
    case FILTER_NONE:
        break;
    }
    return false;
}

static bool test_passes(const struct filter_field *field, const struct filter_test *test, const struct filter_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (test->comparison == FILTER_NONE ? is_value_present(field->kind, &values[i]) : value_passes(field, test, &values[i]))
            return test->comparison != FILTER_NONE;
    }
    return test->comparison == FILTER_NONE;
}

static bool term_matches(const struct filter_node *term, const void *object, filter_getter get)
{
    struct filter_value values[VALUES_MAX];
    size_t count = get(object, term->field->name, values, VALUES_MAX);
    for (size_t i = 0; i < term->test_count; i++)
        if (test_passes(term->field, &term->tests[i], values, count))
            return true;
    return false;
}

/* Goes as deep as the parser let the tree become: FILTER_DEPTH_MAX. */
static bool node_matches(const struct filter_node *node, const void *object, filter_getter get)
{
    switch (node->type) {
    case FILTER_NODE_ALL:
        return true;
    case FILTER_NODE_AND:
        for (const struct filter_node *child = node->first; child; child = child->next)
            if (!node_matches(child, object, get))
                return false;
        return true;
    case FILTER_NODE_OR:
        for (const struct filter_node *child = node->first; child; child = child->next)
            if (node_matches(child, object, get))
                return true;
        return false;
    case FILTER_NODE_NOT:
        return !node_matches(node->first, object, get);
    case FILTER_NODE_TERM:
        return term_matches(node, object, get);
    }
    return false;
}

bool filter_matches(const struct filter *filter, const void *object, filter_getter get)
{
    return node_matches(filter->root, object, get);
}
