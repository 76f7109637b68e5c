#include "cirtd/rule_facts.h"

#include <string.h>

#include "base/str.h"
#include "model/observable.h"
#include "model/tlp.h"

/* Columns of the statement facts. */
enum fact {
    F_ORD,
    F_CLASS,
    F_CLASS_CLAIM,
    F_TLP,
    F_TLP_CLAIM,
    F_CHANNEL,
    F_SENDER,
    F_FORMAT,
    F_ASSURANCE,
    F_SIGNED,
    F_SIGNER,
    F_SIZE,
    F_SUMMARY,
    F_DESCRIPTION,
    F_OBSERVED,
    F_REPORTER,
    F_COUNT,
    F_SOURCE_PORT,
    F_TARGET_PORT,
    F_CONSTITUENT,
    F_SECTOR,
    F_KIND,
    F_AUTHOR,
    F_DMARC,
    F_SPF,
    F_DKIM,
    F_SPAM,
    F_SPAM_SCORE,
    F_ENCRYPTION,
    F_FRESH,
    F_END
};
_Static_assert((int)F_ORD == RULE_FACTS_ORD && (int)F_CLASS == RULE_FACTS_CLASS && (int)F_TLP == RULE_FACTS_TLP &&
                   (int)F_END == RULE_FACTS_COUNT,
               "the columns of rule_facts.h");

/* A field of the filter language out of facts: text, a label, or a number. Fields that join several columns have several rows. */
static const struct {
    const char *field;
    enum fact fact;
    enum { TEXT, LABEL, NUMBER } kind;
} fact_fields[] = {
    {"class", F_CLASS, TEXT},
    {"claimed.class", F_CLASS_CLAIM, TEXT},
    {"tlp", F_TLP, LABEL},
    {"claimed.tlp", F_TLP_CLAIM, LABEL},
    {"channel", F_CHANNEL, TEXT},
    {"sender", F_SENDER, TEXT},
    {"format", F_FORMAT, TEXT},
    {"assurance", F_ASSURANCE, TEXT},
    {"signed", F_SIGNED, TEXT},
    {"signer", F_SIGNER, TEXT},
    {"size", F_SIZE, NUMBER},
    {"summary", F_SUMMARY, TEXT},
    {"description", F_DESCRIPTION, TEXT},
    {"description", F_OBSERVED, TEXT},
    {"text", F_SUMMARY, TEXT},
    {"text", F_DESCRIPTION, TEXT},
    {"text", F_OBSERVED, TEXT},
    {"claimed.reporter", F_REPORTER, TEXT},
    {"count", F_COUNT, NUMBER},
    {"port", F_SOURCE_PORT, NUMBER},
    {"port", F_TARGET_PORT, NUMBER},
    {"constituent", F_CONSTITUENT, TEXT},
    {"sector", F_SECTOR, TEXT},
    {"kind", F_KIND, TEXT},
    {"author", F_AUTHOR, TEXT},
    {"auth", F_DMARC, TEXT},
    {"auth", F_SPF, TEXT},
    {"auth", F_DKIM, TEXT},
    {"spam", F_SPAM, TEXT},
    {"spam", F_SPAM_SCORE, NUMBER},
    {"encryption", F_ENCRYPTION, TEXT},
    {"signed", F_FRESH, TEXT},
};

/* The number under which triage_rule_sightings() gives the lists that a sighting is on; no type of an observable. */
#define KNOWN_GOOD 100
/* The numbers under which it gives the name and sector of each owner but the first. */
#define OWNER_NAME   101
#define OWNER_SECTOR 102

/* A field out of the sightings: of these types; by_host: any that has a host. */
static const struct {
    const char *field;
    int from, to;
    bool by_host;
} sighting_fields[] = {
    {"ip", OBSERVABLE_IPV4, OBSERVABLE_CIDR, false},      {"asn", OBSERVABLE_ASN, OBSERVABLE_ASN, false},
    {"domain", OBSERVABLE_IPV4, OBSERVABLE_TEXT, true},   {"url", OBSERVABLE_URL, OBSERVABLE_URL, false},
    {"email", OBSERVABLE_EMAIL, OBSERVABLE_EMAIL, false}, {"hash", OBSERVABLE_MD5, OBSERVABLE_SHA512, false},
    {"cve", OBSERVABLE_CVE, OBSERVABLE_CVE, false},       {"country", OBSERVABLE_COUNTRY, OBSERVABLE_COUNTRY, false},
    {"known-good", KNOWN_GOOD, KNOWN_GOOD, false},        {"constituent", OWNER_NAME, OWNER_NAME, false},
    {"sector", OWNER_SECTOR, OWNER_SECTOR, false},
};

static size_t facts_of(const struct rule_facts *facts, const char *field, struct filter_value *values, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(fact_fields) && count < max; i++) {
        int column = (int)fact_fields[i].fact;
        if (!str_equal(fact_fields[i].field, field) || db_is_null(facts->facts, facts->row, column))
            continue;
        struct filter_value *value = &values[count++];
        *value = (struct filter_value){0};
        if (fact_fields[i].kind == TEXT)
            value->text = db_get_text(facts->facts, facts->row, column);
        else
            value->number = db_get_int(facts->facts, facts->row, column);
        if (fact_fields[i].kind == LABEL)
            value->text = tlp_name((enum tlp)value->number);
    }
    return count;
}

static size_t sightings_of(const struct rule_facts *facts, const char *field, struct filter_value *values, size_t max)
{
    size_t which = 0, count = 0;
    while (which < ARRAY_SIZE(sighting_fields) && !str_equal(sighting_fields[which].field, field))
        which++;
    for (size_t i = facts->first; facts->sightings && which < ARRAY_SIZE(sighting_fields) && i < facts->first + facts->count && count < max;
         i++) {
        int64_t type = db_get_int(facts->sightings, i, 1);
        const char *text = db_get_text(facts->sightings, i, sighting_fields[which].by_host ? 3 : 2);
        if (text && type >= sighting_fields[which].from && type <= sighting_fields[which].to)
            values[count++] = (struct filter_value){.text = text};
    }
    return count;
}

size_t rule_facts_get(const void *object, const char *field, struct filter_value *values, size_t max)
{
    const struct rule_facts *facts = object;
    size_t count = facts_of(facts, field, values, max);
    return count + sightings_of(facts, field, values + count, max - count);
}

/* --- what to ask for --- */

void rule_facts_wanted_init(struct rule_facts_wanted *wanted)
{
    *wanted = (struct rule_facts_wanted){0};
    db_array_init(&wanted->types, DB_INT2_ARRAY);
}

void rule_facts_wanted_clear(struct rule_facts_wanted *wanted)
{
    db_array_clear(&wanted->types);
}

void rule_facts_want(struct rule_facts_wanted *wanted, const struct triage_rules *rules)
{
    for (size_t i = 0; i < ARRAY_SIZE(fact_fields); i++) {
        if (!triage_rules_mention(rules, fact_fields[i].field))
            continue;
        enum fact fact = fact_fields[i].fact;
        wanted->text = wanted->text || fact == F_SUMMARY || fact == F_DESCRIPTION || fact == F_OBSERVED;
        wanted->observation = wanted->observation || fact == F_OBSERVED || fact == F_CLASS_CLAIM || fact == F_COUNT ||
                              fact == F_SOURCE_PORT || fact == F_TARGET_PORT;
        wanted->reporter = wanted->reporter || fact == F_REPORTER;
    }
    for (size_t i = 0; i < ARRAY_SIZE(sighting_fields); i++) {
        if (!triage_rules_mention(rules, sighting_fields[i].field))
            continue;
        wanted->hosts = wanted->hosts || sighting_fields[i].by_host;
        for (int type = sighting_fields[i].from; !sighting_fields[i].by_host && type <= sighting_fields[i].to; type++)
            db_array_add_int2(&wanted->types, (int16_t)type);
    }
}

void rule_facts_ask(const struct rule_facts_wanted *wanted, struct db_params *params)
{
    db_bool(params, wanted->text);
    db_bool(params, wanted->observation);
    db_bool(params, wanted->reporter);
}

void rule_facts_ask_sightings(struct rule_facts_wanted *wanted, struct db_params *params)
{
    db_array(params, &wanted->types);
    db_bool(params, wanted->hosts);
}

bool rule_facts_wants_sightings(const struct rule_facts_wanted *wanted)
{
    return wanted->hosts || wanted->types.count > 0;
}

/* --- row by row --- */

void rule_facts_init(struct rule_facts *facts, const struct db_rows *rows, const struct db_rows *sightings)
{
    *facts = (struct rule_facts){.facts = rows, .sightings = sightings, .row = SIZE_MAX};
}

bool rule_facts_next(struct rule_facts *facts)
{
    facts->row++;
    if (facts->row >= db_row_count(facts->facts))
        return false;
    facts->first += facts->count;
    facts->count = 0;
    int64_t ord = db_get_int(facts->facts, facts->row, F_ORD);
    while (facts->sightings && facts->first + facts->count < db_row_count(facts->sightings) &&
           db_get_int(facts->sightings, facts->first + facts->count, 0) == ord)
        facts->count++;
    return true;
}

bool rule_facts_know(const char *field)
{
    for (size_t i = 0; i < ARRAY_SIZE(fact_fields); i++)
        if (str_equal(fact_fields[i].field, field))
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(sighting_fields); i++)
        if (str_equal(sighting_fields[i].field, field))
            return true;
    return false;
}
