#include <string.h>

#include "base/str.h"
#include "codec/xarf.h"

/* Category and type of version 4. */
static const struct {
    const char *category, *type, *name;
} classes[] = {
    {"messaging", "spam", "abusive-content/spam"},
    {"messaging", "bulk_messaging", "abusive-content/spam"},
    {"connection", "login_attack", "intrusion-attempts/brute-force"},
    {"connection", "port_scan", "information-gathering/scanner"},
    {"connection", "ddos", "availability/ddos"},
    {"connection", "infected_host", "malicious-code/infected-system"},
    {"connection", "reconnaissance", "information-gathering/scanner"},
    {"connection", "scraping", "information-gathering/scanner"},
    {"connection", "sql_injection", "intrusion-attempts/ids-alert"},
    {"connection", "vulnerability_scan", "information-gathering/scanner"},
    {"vulnerability", "cve", "vulnerable/vulnerable-system"},
    {"vulnerability", "open_service", "vulnerable/potentially-unwanted-accessible"},
    {"vulnerability", "misconfiguration", "vulnerable/vulnerable-system"},
    {"infrastructure", "botnet", "malicious-code/infected-system"},
    {"infrastructure", "compromised_server", "intrusions/system-compromise"},
    {"content", "phishing", "fraud/phishing"},
    {"content", "malware", "malicious-code/malware-distribution"},
    {"content", "csam", "abusive-content/violence"},
    {"content", "csem", "abusive-content/violence"},
    {"content", "exposed_data", "information-content-security/data-leak"},
    {"content", "brand_infringement", "fraud/masquerade"},
    {"content", "fraud", "fraud/masquerade"},
    {"content", "remote_compromise", "intrusions/system-compromise"},
    {"content", "suspicious_registration", "fraud/masquerade"},
    {"copyright", NULL, "fraud/copyright"},
    {"reputation", NULL, "other/other"},
};

const char *xarf_class_find(const char *category, const char *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        if (str_equal(classes[i].category, category) && (!classes[i].type || str_equal(classes[i].type, type)))
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
