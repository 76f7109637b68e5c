#include <string.h>

#include "base/str.h"
#include "codec/xarf.h"

/* Category and type of version 4, as its standard has them and as its first version (4.0) had. A type stands for those that add a word to
 * it with an underscore, too ("phishing_site"); what stands first counts. */
static const struct {
    const char *category, *type, *name;
} classes[] = {
    {"messaging", "spam", "abusive-content/spam"},
    {"messaging", "bulk_messaging", "abusive-content/spam"},
    {"messaging", "phishing", "fraud/phishing"},
    {"messaging", "social_engineering", "information-gathering/social-engineering"},
    {"connection", "login_attack", "intrusion-attempts/brute-force"},
    {"connection", "port_scan", "information-gathering/scanner"},
    {"connection", "ddos", "availability/ddos"},
    {"connection", "auth_failure", "intrusion-attempts/brute-force"},
    {"connection", "ip_spoof", "fraud/masquerade"},
    {"connection", "ip_spoofing", "fraud/masquerade"},
    {"connection", "infected_host", "malicious-code/infected-system"},
    {"connection", "reconnaissance", "information-gathering/scanner"},
    {"connection", "scraping", "information-gathering/scanner"},
    {"connection", "sql_injection", "intrusion-attempts/ids-alert"},
    {"connection", "vulnerability_scan", "information-gathering/scanner"},
    {"vulnerability", "cve", "vulnerable/vulnerable-system"},
    {"vulnerability", "open_service", "vulnerable/potentially-unwanted-accessible"},
    {"vulnerability", "open", "vulnerable/potentially-unwanted-accessible"},
    {"vulnerability", "misconfiguration", "vulnerable/vulnerable-system"},
    {"vulnerability", "ssl", "vulnerable/weak-crypto"},
    {"vulnerability", "outdated_dnssec", "vulnerable/weak-crypto"},
    {"infrastructure", "botnet", "malicious-code/infected-system"},
    {"infrastructure", "bot", "malicious-code/infected-system"},
    {"infrastructure", "compromised_account", "intrusions/unprivileged-account-compromise"},
    {"infrastructure", "compromised", "intrusions/system-compromise"},
    {"content", "phishing", "fraud/phishing"},
    {"content", "malware", "malicious-code/malware-distribution"},
    {"content", "csam", "abusive-content/violence"},
    {"content", "csem", "abusive-content/violence"},
    {"content", "exposed_data", "information-content-security/data-leak"},
    {"content", "brand_infringement", "fraud/masquerade"},
    {"content", "fraud", "fraud/masquerade"},
    {"content", "remote_compromise", "intrusions/system-compromise"},
    {"content", "defacement", "intrusions/system-compromise"},
    {"content", "web_hack", "intrusions/system-compromise"},
    {"content", "spamvertised", "abusive-content/spam"},
    {"content", "suspicious_registration", "fraud/masquerade"},
    {"copyright", NULL, "fraud/copyright"},
    {"reputation", NULL, "other/other"},
};

static bool is_of_type(const char *type, const char *stem)
{
    return str_starts(type, stem) && (!type[strlen(stem)] || type[strlen(stem)] == '_');
}

const char *xarf_class_find(const char *category, const char *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        if (str_equal(classes[i].category, category) && (!classes[i].type || is_of_type(type, classes[i].type)))
            return classes[i].name;
    return NULL;
}

/* Report types of versions 0.1 to 3, letters and digits only. A class beside the type counts where the type means two things. */
static const struct {
    const char *report_class, *type, *name;
} legacy[] = {
    {NULL, "spam", "abusive-content/spam"},
    {NULL, "spamvertised", "abusive-content/spam"},
    {NULL, "regbot", "abusive-content/spam"},
    {NULL, "harvesting", "information-gathering/scanner"},
    {NULL, "badbot", "information-gathering/scanner"},
    {NULL, "loginattack", "intrusion-attempts/brute-force"},
    {NULL, "bruteforce", "intrusion-attempts/brute-force"},
    {NULL, "portscan", "information-gathering/scanner"},
    {NULL, "webcrawler", "information-gathering/scanner"},
    {NULL, "dos", "availability/dos"},
    {NULL, "ddos", "availability/ddos"},
    {NULL, "phishing", "fraud/phishing"},
    {"content", "malware", "malicious-code/malware-distribution"},
    {NULL, "malware", "malicious-code/infected-system"},
    {NULL, "malwareattack", "malicious-code/infected-system"},
    {NULL, "infection", "malicious-code/infected-system"},
    {NULL, "botnet", "malicious-code/infected-system"},
    {NULL, "botnetinfection", "malicious-code/infected-system"},
    {NULL, "rpz", "malicious-code/infected-system"},
    {NULL, "copyright", "fraud/copyright"},
    {NULL, "trademark", "fraud/masquerade"},
    {NULL, "fraud", "fraud/masquerade"},
    {NULL, "exploit", "intrusion-attempts/ids-alert"},
    {NULL, "webattack", "intrusion-attempts/ids-alert"},
    {NULL, "hackattack", "intrusion-attempts/ids-alert"},
    {NULL, "potentiallycompromisedaccount", "intrusions/unprivileged-account-compromise"},
    {NULL, "compromisedaccount", "intrusions/unprivileged-account-compromise"},
    {NULL, "compromisedserver", "intrusions/system-compromise"},
    {NULL, "compromisedwebsite", "intrusions/system-compromise"},
    {NULL, "childabuse", "abusive-content/violence"},
    {NULL, "harassment", "abusive-content/harmful-speech"},
    {NULL, "openservice", "vulnerable/potentially-unwanted-accessible"},
    {NULL, "openrelay", "vulnerable/vulnerable-system"},
    {NULL, "openproxy", "vulnerable/vulnerable-system"},
};

static bool same_letters(const char *text, const char *plain)
{
    for (; *text; text++) {
        if (strchr("-_ ", *text))
            continue;
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        if (c != *plain++)
            return false;
    }
    return *plain == '\0';
}

const char *xarf_class_legacy(const char *report_class, const char *type)
{
    for (size_t i = 0; type && i < ARRAY_SIZE(legacy); i++)
        if (same_letters(type, legacy[i].type) &&
            (!legacy[i].report_class || (report_class && same_letters(report_class, legacy[i].report_class))))
            return legacy[i].name;
    return NULL;
}
