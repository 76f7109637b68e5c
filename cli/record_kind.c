#include "cli/record_kind.h"

#include "cli/words.h"

const struct option_rule record_kind_peer_options[] = {
    {"title", OPTION_ONE, "TEXT", N_("what people call it")},
    {"url", OPTION_ONE, "URL", N_("its HTTPS address")},
    {"rid-url", OPTION_ONE, "URL", N_("where its RID listener is")},
    {"format", OPTION_ONE, "FORMAT",
     N_("what shares with it are written as: rid (the default), iodef, iodef-json, stix, misp, xarf, json, ndjson")},
    {"document-url", OPTION_ONE, "URL", N_("where shares are posted that are no RID messages; else to --rid-url")},
    {"issuer-name", OPTION_MANY, "NAME...", N_("names it may issue case numbers under")},
    {"feed", OPTION_MANY, "FEED...", N_("feeds of its own: what they bring as AMBER goes to no other peer")},
    {"ca", OPTION_ONE, "FILE", N_("its CA (PEM)")},
    {"key", OPTION_MANY, "HEX|CERTFILE...", N_("SHA-256 of its public keys, or certificates to take them from")},
    {"openpgp", OPTION_WORDS, "FILE...",
     N_("its OpenPGP keys, armoured, one a file; they count for --mail, else for the address in the key")},
    {"mail", OPTION_ONE, "ADDRESS", N_("its mail address")},
    {"enabled", OPTION_ONE, "yes|no", N_("whether it may call and be called")},
    {0},
};
static const struct record_field peer_fields[] = {
    {"title", "title", FIELD_TEXT},
    {"url", "url", FIELD_TEXT},
    {"rid-url", "rid_url", FIELD_TEXT},
    {"format", "format", FIELD_TEXT},
    {"document-url", "document_url", FIELD_TEXT},
    {"issuer-name", "issuer_names", FIELD_TEXTS},
    {"feed", "feeds", FIELD_TEXTS},
    {"ca", "ca", FIELD_CAS},
    {"key", "keys", FIELD_KEYS},
    {"openpgp", "openpgp", FIELD_OPENPGP},
    {"mail", "mail", FIELD_TEXT},
    {"enabled", "enabled", FIELD_SWITCH},
    {0},
};
const struct record_kind record_kind_peer = {"peer", "/v1/peers", "name", peer_fields, {"name", "title", "url", "mail", "enabled"}, NULL};

const struct option_rule record_kind_agreement_options[] = {
    {"peer", OPTION_ONE, "PEER", N_("with whom; the same as the operand of add")},
    {"from", OPTION_ONE, "DAY", N_("first day; today where it is not given")},
    {"until", OPTION_ONE, "DAY", N_("last day")},
    {"ceiling", OPTION_ONE, "LABEL", N_("the strictest TLP label that may go: clear green amber amber+strict red")},
    {"class", OPTION_MANY, "CLASS...", N_("only cases of these classes")},
    {"document", OPTION_ONE, "TEXT", N_("where the signed text lies")},
    {"enabled", OPTION_ONE, "yes|no", N_("whether it counts")},
    {0},
};
static const struct record_field agreement_fields[] = {
    {"peer", "peer", FIELD_TEXT},         {"from", "from", FIELD_START},
    {"until", "until", FIELD_END},        {"ceiling", "ceiling", FIELD_TEXT},
    {"class", "classes", FIELD_TEXTS},    {"document", "document", FIELD_TEXT},
    {"enabled", "enabled", FIELD_SWITCH}, {0},
};
const struct record_kind record_kind_agreement = {
    "agreement", "/v1/agreements", "peer", agreement_fields, {"id", "peer", "ceiling", "from", "until", "enabled"}, NULL};

const struct option_rule record_kind_constituent_options[] = {
    {"title", OPTION_ONE, "TEXT", N_("what people call it")},
    {"network", OPTION_MANY, "CIDR...", N_("its networks")},
    {"asn", OPTION_MANY, "N...", N_("its autonomous systems")},
    {"domain", OPTION_MANY, "DOMAIN...", N_("its domains")},
    {"contact", OPTION_WORDS, "'NAME <MAIL>'...", N_("whom to tell; a phone number starts with +")},
    {"sector", OPTION_ONE, "WORD", N_("energy, finance, ...")},
    {"criticality", OPTION_ONE, "WORD", N_("how much hangs on it")},
    {"lang", OPTION_ONE, "TAG", N_("the language it reads (BCP 47)")},
    {"enabled", OPTION_ONE, "yes|no", N_("whether it is served")},
    {0},
};
static const struct record_field constituent_fields[] = {
    {"title", "title", FIELD_TEXT},
    {"network", "networks", FIELD_TEXTS},
    {"asn", "asns", FIELD_NUMBERS},
    {"domain", "domains", FIELD_TEXTS},
    {"contact", "contacts", FIELD_CONTACTS},
    {"sector", "sector", FIELD_TEXT},
    {"criticality", "criticality", FIELD_TEXT},
    {"lang", "lang", FIELD_TEXT},
    {"enabled", "enabled", FIELD_SWITCH},
    {0},
};
const struct record_kind record_kind_constituent = {
    "constituent", "/v1/constituents", "name", constituent_fields, {"name", "title", "networks", "asns", "domains", "sector", "enabled"},
    NULL};

const struct option_rule record_kind_suppression_options[] = {
    {"class", OPTION_ONE, "CLASS", N_("rows of this class, or of all of a type (fraud)")},
    {"constituent", OPTION_ONE, "CONSTITUENT", N_("rows about this constituent")},
    {"sender", OPTION_ONE, "WHO", N_("rows from this sender")},
    {"value", OPTION_ONE, "VALUE", N_("rows with this address, network, name (and all below it) or other observable")},
    {"until", OPTION_ONE, "T", N_("its end, within a year: 30d, 2027-03-31")},
    {"reason", OPTION_ONE, "WHY", N_("why nobody needs to look")},
    {0},
};
const struct option_rule record_kind_suppression_set_options[] = {
    {"until", OPTION_ONE, "T", N_("its end, within a year: 30d, 2027-03-31")},
    {"reason", OPTION_ONE, "WHY", N_("why nobody needs to look")},
    {0},
};
static const struct record_field suppression_fields[] = {
    {"class", "class", FIELD_TEXT},
    {"constituent", "constituent", FIELD_TEXT},
    {"sender", "sender", FIELD_TEXT},
    {"value", "value", FIELD_TEXT},
    {"until", "until", FIELD_END},
    {"reason", "reason", FIELD_TEXT},
    {0},
};
const struct record_kind record_kind_suppression = {
    "suppression",
    "/v1/suppressions",
    "name",
    suppression_fields,
    {"name", "value", "class", "constituent", "sender", "state", "until", "waits_for", "reason", "observations"},
    N_("has ended; it stays listed")};

const struct option_rule record_kind_class_options[] = {
    {"window", OPTION_ONE, "DAYS", N_("a case is joined while it is younger")},
    {"observations", OPTION_ONE, "N", N_("a case is opened by so many rows within the window; before, they wait")},
    {"addresses", OPTION_ONE, "N", N_("and by so many different addresses or names")},
    {"immediate", OPTION_ONE, "yes|no", N_("a case is opened by the first row all the same")},
    {"sector", OPTION_MANY, "WORD...", N_("so it is for constituents of these sectors")},
    {"unowned", OPTION_ONE, "N", N_("cases about nobody's addresses that one sender may have open; the rest shares one")},
    {"relapse", OPTION_ONE, "DAYS", N_("what is seen again so soon after its end opens its case again")},
    {"age", OPTION_ONE, "DAYS", N_("what nobody touched and was not seen for so long is resolved; 0: never")},
    {"priority", OPTION_ONE, "P", N_("of a new case, where no rule says otherwise")},
    {0},
};
static const struct record_field class_fields[] = {
    {"window", "window", FIELD_NUMBER},       {"observations", "observations", FIELD_NUMBER},
    {"addresses", "addresses", FIELD_NUMBER}, {"immediate", "immediate", FIELD_SWITCH},
    {"sector", "sectors", FIELD_TEXTS},       {"unowned", "unowned", FIELD_NUMBER},
    {"relapse", "relapse", FIELD_NUMBER},     {"age", "age", FIELD_NUMBER},
    {"priority", "priority", FIELD_TEXT},     {0},
};
const struct record_kind record_kind_class = {"class",
                                              "/v1/classes",
                                              "class",
                                              class_fields,
                                              {"class", "window", "observations", "addresses", "open", "waiting", "immediate"},
                                              N_("has no numbers of its own any more: cirt class show says what holds")};

const struct option_rule record_kind_rule_options[] = {
    {"file", OPTION_ONE, "FILE", N_("the rules' text")},
    {0},
};
static const struct record_field rule_fields[] = {{"file", "text", FIELD_FILE}, {0}};
const struct record_kind record_kind_rule = {
    "rule", "/v1/rules", "name", rule_fields, {"name", "version", "changed", "changed_by", "waits_for", "over"}, N_("removed")};

const struct option_rule record_kind_mapping_options[] = {
    {"file", OPTION_ONE, "FILE", N_("what the columns mean (docs/FORMATS.md, csv)")},
    {0},
};
const struct record_kind record_kind_mapping = {
    "mapping", "/v1/mappings", "name", rule_fields, {"name", "format", "changed", "changed_by"}, N_("removed")};

const struct option_rule record_kind_analyst_options[] = {
    {"name", OPTION_ONE, "TEXT", N_("the person's name")},
    {"role", OPTION_ONE, "ROLE", N_("analyst lead admin auditor feed")},
    {"mail", OPTION_ONE, "ADDRESS", N_("the mail address")},
    {"key", OPTION_MANY, "HEX|CERTFILE...", N_("SHA-256 of the public keys, or certificates to take them from")},
    {"openpgp", OPTION_WORDS, "FILE...", N_("OpenPGP keys, armoured")},
    {"level", OPTION_ONE, "LEVEL", N_("where escalations reach this person")},
    {"default-tlp", OPTION_ONE, "LABEL", N_("feeds: the label of reports without one")},
    {"default-class", OPTION_ONE, "CLASS", N_("feeds: the class of reports without one")},
    {"enabled", OPTION_ONE, "yes|no", N_("whether the keys open anything")},
    {0},
};
static const struct record_field analyst_fields[] = {
    {"name", "name", FIELD_TEXT},
    {"role", "role", FIELD_TEXT},
    {"mail", "mail", FIELD_TEXT},
    {"key", "keys", FIELD_KEYS},
    {"openpgp", "openpgp", FIELD_OPENPGP},
    {"level", "level", FIELD_TEXT},
    {"default-tlp", "default_tlp", FIELD_TEXT},
    {"default-class", "default_class", FIELD_TEXT},
    {"enabled", "enabled", FIELD_SWITCH},
    {0},
};
const struct record_kind record_kind_analyst = {
    "analyst", "/v1/analysts", "login", analyst_fields, {"login", "name", "role", "level", "mail", "enabled"}, NULL};

const struct option_rule record_kind_contact_options[] = {
    {"name", OPTION_ONE, "TEXT", N_("the person's or desk's name")},
    {"lang", OPTION_ONE, "TAG", N_("the language it reads (BCP 47); else its constituent's")},
    {"constituent", OPTION_ONE, "CONSTITUENT", N_("whom it speaks for")},
    {"peer", OPTION_ONE, "PEER", N_("of which team it is (leads and admins)")},
    {"known", OPTION_ONE, "yes|no", N_("whether we vouch for it: mail from it opens cases")},
    {"bounced", OPTION_ONE, "no", N_("mail reaches it again")},
    {"enabled", OPTION_ONE, "yes|no", N_("whether we write to it")},
    {0},
};
static const struct record_field contact_fields[] = {
    {"name", "name", FIELD_TEXT},
    {"lang", "lang", FIELD_TEXT},
    {"constituent", "constituent", FIELD_TEXT},
    {"peer", "peer", FIELD_TEXT},
    {"known", "known", FIELD_SWITCH},
    {"bounced", "bounced", FIELD_SWITCH},
    {"enabled", "enabled", FIELD_SWITCH},
    {0},
};
const struct record_kind record_kind_contact = {
    "contact", "/v1/contacts", "address", contact_fields, {"address", "name", "lang", "constituent", "peer", "known"}, NULL};

#define FEED_OPTIONS                                                                                                                       \
    {"https", OPTION_ONE, "URL", N_("one document that is fetched again and again")},                                                      \
        {"taxii", OPTION_ONE, "URL", N_("a TAXII 2.1 collection")},                                                                        \
        {"key", OPTION_MANY, "HEX|CERTFILE...", N_("SHA-256 of its public keys, or certificates to take them from")},                      \
        {"format", OPTION_ONE, "FORMAT", N_("what its documents are; else they are looked at")},                                           \
        {"tlp", OPTION_ONE, "LABEL", N_("the label of reports without one")},                                                              \
        {"class", OPTION_ONE, "CLASS", N_("the class of reports without one")},                                                            \
        {"confidence", OPTION_ONE, "0-100", N_("how sure what it says is, where it does not say")},                                        \
        {"every", OPTION_ONE, "TIME", N_("how often it is fetched, at most once a minute; 1h where not given")},                           \
        {"fresh", OPTION_ONE, "TIME", N_("something new is expected within; else a notice is raised")},                                    \
        {"documents-per-hour", OPTION_ONE, "N", N_("at most so many documents an hour")},                                                  \
        {"bytes-per-hour", OPTION_ONE, "SIZE", N_("so much an hour; what begins within it is taken whole")},                               \
        {"document-max", OPTION_ONE, "SIZE", N_("the longest document")},                                                                  \
        {"credentials", OPTION_ONE, "NAME", N_("the file with what the server wants to see, in the folder that only fetch reads")},        \
        {"keep", OPTION_ONE, "yes|no", N_("of a drop folder: whether files that were taken stay, in done/")},                              \
    {                                                                                                                                      \
        "ca", OPTION_ONE, "FILE", N_("the CA of its server (PEM); else the system's")                                                      \
    }
const struct option_rule record_kind_feed_add_options[] = {
    {"push", OPTION_SWITCH, NULL, N_("it sends to us, known by --key")},
    {"drop", OPTION_SWITCH, NULL, N_("files that other programs put into its folder")},
    FEED_OPTIONS,
    {0},
};
const struct option_rule record_kind_feed_set_options[] = {
    {"title", OPTION_ONE, "TEXT", N_("what people call it")},
    {"mail", OPTION_ONE, "ADDRESS", N_("whom to ask about it")},
    FEED_OPTIONS,
    {"enabled", OPTION_ONE, "yes|no", N_("whether anything is taken from it")},
    {0},
};
static const struct record_field feed_fields[] = {
    {"title", "title", FIELD_TEXT},
    {"push", "push", FIELD_WORD},
    {"drop", "drop", FIELD_WORD},
    {"https", "https", FIELD_TEXT},
    {"taxii", "taxii", FIELD_TEXT},
    {"key", "keys", FIELD_KEYS},
    {"format", "format", FIELD_TEXT},
    {"tlp", "default_tlp", FIELD_TEXT},
    {"class", "default_class", FIELD_TEXT},
    {"confidence", "confidence", FIELD_COUNT},
    {"every", "every", FIELD_SECONDS},
    {"fresh", "fresh", FIELD_SECONDS},
    {"documents-per-hour", "documents_per_hour", FIELD_COUNT},
    {"bytes-per-hour", "bytes_per_hour", FIELD_BYTES},
    {"document-max", "document_max", FIELD_BYTES},
    {"credentials", "credentials", FIELD_TEXT},
    {"ca", "ca", FIELD_CAS},
    {"keep", "keep", FIELD_SWITCH},
    {"mail", "mail", FIELD_TEXT},
    {"enabled", "enabled", FIELD_SWITCH},
    {0},
};
const struct record_kind record_kind_feed = {
    "feed", "/v1/feeds", "name", feed_fields, {"name", "kind", "state", "last", "documents", "duplicates", "malformed", "rows", "rejected"},
    NULL};

const struct option_rule record_kind_alias_options[] = {
    {"class", OPTION_ONE, "CLASS", N_("the class that the word means")},
    {0},
};
static const struct record_field alias_fields[] = {{"class", "class", FIELD_TEXT}, {0}};
const struct record_kind record_kind_alias = {"alias",      "/v1/aliases", "word", alias_fields, {"word", "class", "added", "added_by"},
                                              N_("removed")};

static const struct record_field warninglist_fields[] = {{0}};
const struct record_kind record_kind_warninglist = {
    "warninglist", "/v1/warninglists", "name", warninglist_fields, {"name", "title", "kind", "entries", "skipped", "marked", "imported"},
    N_("removed")};

const struct record_kind record_kind_rir = {
    "rir",        "/v1/registries", "registry", warninglist_fields, {"registry", "serial", "entries", "skipped", "imported", "imported_by"},
    N_("removed")};
