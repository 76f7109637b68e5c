#include "model/rsit.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"

enum { NAME_SIZE_MAX = 96 };

/* RSIT 1003, in the order of the publication. */
const struct rsit_class rsit_classes[] = {
    {"abusive-content/spam", "Spam"},
    {"abusive-content/harmful-speech", "Harmful Speech"},
    {"abusive-content/violence", "(Child) Sexual Exploitation/Sexual/Violent Content"},
    {"malicious-code/infected-system", "Infected System"},
    {"malicious-code/c2-server", "C2 Server"},
    {"malicious-code/malware-distribution", "Malware Distribution"},
    {"malicious-code/malware-configuration", "Malware Configuration"},
    {"information-gathering/scanner", "Scanning"},
    {"information-gathering/sniffing", "Sniffing"},
    {"information-gathering/social-engineering", "Social Engineering"},
    {"intrusion-attempts/ids-alert", "Exploitation of Known Vulnerabilities"},
    {"intrusion-attempts/brute-force", "Login Attempts"},
    {"intrusion-attempts/exploit", "New Attack Signature"},
    {"intrusions/privileged-account-compromise", "Privileged Account Compromise"},
    {"intrusions/unprivileged-account-compromise", "Unprivileged Account Compromise"},
    {"intrusions/application-compromise", "Application Compromise"},
    {"intrusions/system-compromise", "System Compromise"},
    {"intrusions/burglary", "Burglary"},
    {"availability/dos", "Denial of Service"},
    {"availability/ddos", "Distributed Denial of Service"},
    {"availability/misconfiguration", "Misconfiguration"},
    {"availability/sabotage", "Sabotage"},
    {"availability/outage", "Outage"},
    {"information-content-security/unauthorised-information-access", "Unauthorised Access to Information"},
    {"information-content-security/unauthorised-information-modification", "Unauthorised Modification of Information"},
    {"information-content-security/data-loss", "Data Loss"},
    {"information-content-security/data-leak", "Leak of Confidential Information"},
    {"fraud/unauthorised-use-of-resources", "Unauthorised Use of Resources"},
    {"fraud/copyright", "Copyright"},
    {"fraud/masquerade", "Masquerade"},
    {"fraud/phishing", "Phishing"},
    {"vulnerable/weak-crypto", "Weak Cryptography"},
    {"vulnerable/ddos-amplifier", "DDoS Amplifier"},
    {"vulnerable/potentially-unwanted-accessible", "Potentially Unwanted Accessible Services"},
    {"vulnerable/information-disclosure", "Information disclosure"},
    {"vulnerable/vulnerable-system", "Vulnerable System"},
    {"other/other", "Uncategorised"},
    {RSIT_UNDETERMINED, "Undetermined"},
    {RSIT_TEST, "Test"},
};
const size_t rsit_class_count = ARRAY_SIZE(rsit_classes);

/* Names without a class, lower case, "-" between words, to types that are unique in RSIT. The first block is what eCSIRT.net mkVI
 * and RSIT before 1003 called things, the second is how people and feeds say it. */
static const struct {
    const char *alias, *name;
} rsit_aliases[] = {
    {"backdoor", "intrusions/system-compromise"},
    {"blacklist", "other/other"},
    {"bot", "malicious-code/infected-system"},
    {"botnet-drone", "malicious-code/infected-system"},
    {"c&c", "malicious-code/c2-server"},
    {"child/sexual/violence/...", "abusive-content/violence"},
    {"compromised", "intrusions/system-compromise"},
    {"defacement", "information-content-security/unauthorised-information-modification"},
    {"dialer", "malicious-code/infected-system"},
    {"dropzone", "information-content-security/data-leak"},
    {"exploiting-of-known-vulnerabilities", "intrusion-attempts/ids-alert"},
    {"malware", "malicious-code/infected-system"},
    {"open-for-abuse", "vulnerable/vulnerable-system"},
    {"outage-(no-malice)", "availability/outage"},
    {"ransomware", "malicious-code/infected-system"},
    {"rootkit", "malicious-code/infected-system"},
    {"spyware", "malicious-code/infected-system"},
    {"trojan", "malicious-code/infected-system"},
    {"unauthorized-use-of-resources", "fraud/unauthorised-use-of-resources"},
    {"unknown", RSIT_UNDETERMINED},
    {"virus", "malicious-code/infected-system"},
    {"vulnerable-service", "vulnerable/vulnerable-system"},
    {"worm", "malicious-code/infected-system"},

    {"account-compromise", "intrusions/unprivileged-account-compromise"},
    {"account-takeover", "intrusions/unprivileged-account-compromise"},
    {"amplifier", "vulnerable/ddos-amplifier"},
    {"botnet", "malicious-code/infected-system"},
    {"botnet-controller", "malicious-code/c2-server"},
    {"bruteforce", "intrusion-attempts/brute-force"},
    {"c2", "malicious-code/c2-server"},
    {"cc", "malicious-code/c2-server"},
    {"cnc", "malicious-code/c2-server"},
    {"command-and-control", "malicious-code/c2-server"},
    {"compromised-website", "intrusions/system-compromise"},
    {"csam", "abusive-content/violence"},
    {"data-breach", "information-content-security/data-leak"},
    {"denial-of-service", "availability/dos"},
    {"drone", "malicious-code/infected-system"},
    {"ids", "intrusion-attempts/ids-alert"},
    {"infection", "malicious-code/infected-system"},
    {"info-leak", "information-content-security/data-leak"},
    {"leak", "information-content-security/data-leak"},
    {"login-attack", "intrusion-attempts/brute-force"},
    {"malware-download", "malicious-code/malware-distribution"},
    {"malware-hosting", "malicious-code/malware-distribution"},
    {"malware-infection", "malicious-code/infected-system"},
    {"malware-url", "malicious-code/malware-distribution"},
    {"open-resolver", "vulnerable/ddos-amplifier"},
    {"password-guessing", "intrusion-attempts/brute-force"},
    {"phish", "fraud/phishing"},
    {"port-scan", "information-gathering/scanner"},
    {"portscan", "information-gathering/scanner"},
    {"recon", "information-gathering/scanner"},
    {"reconnaissance", "information-gathering/scanner"},
    {"scan", "information-gathering/scanner"},
    {"smishing", "fraud/phishing"},
    {"spear-phishing", "fraud/phishing"},
    {"unauthorized-information-access", "information-content-security/unauthorised-information-access"},
    {"unauthorized-information-modification", "information-content-security/unauthorised-information-modification"},
    {"unclassified", RSIT_UNDETERMINED},
    {"undefined", RSIT_UNDETERMINED},
    {"unsolicited-mail", "abusive-content/spam"},
    {"vishing", "fraud/phishing"},
    {"vulnerable-client", "vulnerable/vulnerable-system"},
    {"webshell", "intrusions/system-compromise"},
    {"website-defacement", "information-content-security/unauthorised-information-modification"},

    /* IntelMQ's older types, n6's categories. */
    {"application-login", "vulnerable/potentially-unwanted-accessible"},
    {"bots", "malicious-code/infected-system"},
    {"c2server", "malicious-code/c2-server"},
    {"deface", "information-content-security/unauthorised-information-modification"},
    {"dga-domain", "malicious-code/malware-configuration"},
    {"dos-attacker", "availability/dos"},
    {"dos-victim", "availability/dos"},
    {"hijack", "intrusions/system-compromise"},
    {"malurl", "malicious-code/malware-distribution"},
    {"malware-action", "malicious-code/infected-system"},
    {"malware-c2", "malicious-code/c2-server"},
    {"opendns", "vulnerable/ddos-amplifier"},
    {"payload-delivery", "malicious-code/malware-distribution"},
    {"proxy", "other/other"},
    {"sandbox-url", "malicious-code/malware-distribution"},
    {"scam", "fraud/masquerade"},
    {"server-exploit", "intrusion-attempts/ids-alert"},
    {"spam-url", "abusive-content/spam"},
    {"tor", "other/other"},
    {"unauthorized-command", "intrusions/unprivileged-account-compromise"},
    {"unauthorized-login", "intrusions/unprivileged-account-compromise"},
    {"webinject", "malicious-code/malware-configuration"},
    {"botnet-cc", "malicious-code/c2-server"},

    /* MISP's taxonomies: csirt-americas, csirt_case_classification, europol-event. */
    {"compromise", "intrusions/system-compromise"},
    {"compromised-asset", "intrusions/system-compromise"},
    {"compromised-information", "information-content-security/data-leak"},
    {"cryptojacking", "fraud/unauthorised-use-of-resources"},
    {"email", "abusive-content/spam"},
    {"external-hacking", "intrusions/system-compromise"},
    {"fastflux", "malicious-code/c2-server"},
    {"infoleak", "information-content-security/data-leak"},
    {"internal-hacking", "intrusions/unprivileged-account-compromise"},
    {"sqli", "intrusions/application-compromise"},
    {"sql-injection", "intrusions/application-compromise"},
    {"sql-injection-attempt", "intrusion-attempts/ids-alert"},
    {"xss", "intrusions/application-compromise"},
    {"xss-attempt", "intrusion-attempts/ids-alert"},
    {"vulnerability", "vulnerable/vulnerable-system"},
    {"brute-force-attempt", "intrusion-attempts/brute-force"},
    {"dictionary-attack-attempt", "intrusion-attempts/brute-force"},
    {"password-cracking-attempt", "intrusion-attempts/brute-force"},
    {"c&c-server-hosting", "malicious-code/c2-server"},
    {"connection-malware-port", "malicious-code/infected-system"},
    {"connection-malware-system", "malicious-code/infected-system"},
    {"infected-by-known-malware", "malicious-code/infected-system"},
    {"worm-spreading", "malicious-code/infected-system"},
    {"dissemination-malware-email", "malicious-code/malware-distribution"},
    {"hosting-malware-webpage", "malicious-code/malware-distribution"},
    {"dissemination-phishing-emails", "fraud/phishing"},
    {"hosting-phishing-sites", "fraud/phishing"},
    {"aggregation-information-phishing-schemes", "fraud/phishing"},
    {"illegitimate-use-name", "fraud/masquerade"},
    {"illegitimate-use-resources", "fraud/unauthorised-use-of-resources"},
    {"copyrighted-content", "fraud/copyright"},
    {"content-forbidden-by-law", "abusive-content/violence"},
    {"control-system-bypass", "intrusions/system-compromise"},
    {"unauthorized-access-system", "intrusions/system-compromise"},
    {"file-inclusion", "intrusions/application-compromise"},
    {"file-inclusion-attempt", "intrusion-attempts/ids-alert"},
    {"exploit-attempt", "intrusion-attempts/ids-alert"},
    {"data-exfiltration", "information-content-security/data-leak"},
    {"theft-access-credentials", "information-content-security/data-leak"},
    {"unauthorized-access-information", "information-content-security/unauthorised-information-access"},
    {"deletion-information", "information-content-security/unauthorised-information-modification"},
    {"modification-information", "information-content-security/unauthorised-information-modification"},
    {"disruption-data-transmission", "availability/outage"},
    {"exploit-framework-exhausting-resources", "availability/dos"},
    {"exploit-tool-exhausting-resources", "availability/dos"},
    {"email-flooding", "availability/dos"},
    {"flood", "availability/dos"},
    {"packet-flood", "availability/dos"},
    {"vandalism", "availability/sabotage"},
    {"dns-zone-transfer", "information-gathering/scanner"},
    {"network-scanning", "information-gathering/scanner"},
    {"system-probe", "information-gathering/scanner"},
    {"wiretapping", "information-gathering/sniffing"},
    {"unspecified", RSIT_UNDETERMINED},

    /* circl:incident-classification, europol-incident, CERT-XLM. Words that mean another thing elsewhere stand with their class. */
    {"copyright-issue", "fraud/copyright"},
    {"information-leak", "information-content-security/data-leak"},
    {"locker", "malicious-code/infected-system"},
    {"screenlocker", "malicious-code/infected-system"},
    {"malware/distribution", "malicious-code/malware-distribution"},
    {"dos-ddos", "availability/dos"},
    {"intrusion-attempt/exploitation-vulnerability", "intrusion-attempts/ids-alert"},
    {"intrusion/exploitation-vulnerability", "intrusions/application-compromise"},
    {"login-attempt", "intrusion-attempts/brute-force"},
    {"compromising-account", "intrusions/unprivileged-account-compromise"},
    {"information-security/unauthorized-access", "information-content-security/unauthorised-information-access"},
    {"information-security/unauthorized-modification", "information-content-security/unauthorised-information-modification"},
    {"botnet-member", "malicious-code/infected-system"},
    {"domain-compromise", "intrusions/privileged-account-compromise"},
    {"exploit-known-vuln", "intrusion-attempts/ids-alert"},
    {"spyware-rat", "malicious-code/infected-system"},
    {"trojan-malware", "malicious-code/infected-system"},

    /* STIX: types of malware and infrastructure. */
    {"adware", "malicious-code/infected-system"},
    {"amplification", "vulnerable/ddos-amplifier"},
    {"bootkit", "malicious-code/infected-system"},
    {"downloader", "malicious-code/infected-system"},
    {"dropper", "malicious-code/infected-system"},
    {"exfiltration", "information-content-security/data-leak"},
    {"exploit-kit", "malicious-code/malware-distribution"},
    {"hosting-malware", "malicious-code/malware-distribution"},
    {"keylogger", "malicious-code/infected-system"},
    {"remote-access-trojan", "malicious-code/infected-system"},
    {"resource-exploitation", "fraud/unauthorised-use-of-resources"},
    {"rogue-security-software", "malicious-code/infected-system"},
    {"screen-capture", "malicious-code/infected-system"},
    {"wiper", "malicious-code/infected-system"},
};

/* Other names of whole classes, for "malware/botnet drone". */
static const char *const class_aliases[] = {"malware",       "intrusion",        "intrusion-attempt", "information-security",
                                            "vulnerability", "incident-category"};

/* Lower case, blanks and "_" as "-", one between words, none at the ends. False where it does not fit: no name is so long. */
static bool normal_form(const char *text, char out[NAME_SIZE_MAX])
{
    size_t used = 0;
    for (; *text; text++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        if (strchr(" \t\r\n_-", c)) {
            if (used == 0 || out[used - 1] == '-' || out[used - 1] == '/')
                continue;
            c = '-';
        } else if (c == '/' && used && out[used - 1] == '-') {
            used--;
        }
        if (used + 1 >= NAME_SIZE_MAX)
            return false;
        out[used++] = c;
    }
    if (used && out[used - 1] == '-')
        used--;
    out[used] = '\0';
    return used > 0;
}

/* A machine tag, namespace:predicate="value" (MISP), becomes predicate/value in place; one of a taxonomy without values its predicate. */
static void unwrap_machine_tag(char *name)
{
    static const char *const namespaces[] = {"csirt-americas:", "europol-event:"};
    for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
        if (strncmp(name, namespaces[i], strlen(namespaces[i])) == 0)
            memmove(name, name + strlen(namespaces[i]), strlen(name + strlen(namespaces[i])) + 1);
    char *colon = strchr(name, ':');
    char *quoted = colon ? strstr(colon, "=\"") : NULL;
    size_t size = strlen(name);
    if (!quoted || size < 2 || name[size - 1] != '"' || quoted + 2 > name + size - 1)
        return;
    name[size - 1] = '\0';
    *quoted = '/';
    memmove(quoted + 1, quoted + 2, strlen(quoted + 2) + 1);
    memmove(name, colon + 1, strlen(colon + 1) + 1);
}

static const char *find_type(const char *type)
{
    char text[NAME_SIZE_MAX];
    for (size_t i = 0; i < rsit_class_count; i++)
        if (str_equal(type, strchr(rsit_classes[i].name, '/') + 1))
            return rsit_classes[i].name;
    for (size_t i = 0; i < rsit_class_count; i++)
        if (normal_form(rsit_classes[i].text, text) && str_equal(type, text))
            return rsit_classes[i].name;
    for (size_t i = 0; i < ARRAY_SIZE(rsit_aliases); i++)
        if (str_equal(type, rsit_aliases[i].alias))
            return rsit_aliases[i].name;
    return NULL;
}

static bool is_class(const char *name, size_t size)
{
    for (size_t i = 0; i < rsit_class_count; i++)
        if (strncmp(rsit_classes[i].name, name, size) == 0 && rsit_classes[i].name[size] == '/')
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(class_aliases); i++)
        if (strncmp(class_aliases[i], name, size) == 0 && class_aliases[i][size] == '\0')
            return true;
    return false;
}

const char *rsit_find(const char *text)
{
    char name[NAME_SIZE_MAX];
    if (!text || !normal_form(text, name))
        return NULL;
    unwrap_machine_tag(name);
    for (size_t i = 0; i < rsit_class_count; i++)
        if (str_equal(name, rsit_classes[i].name))
            return rsit_classes[i].name;
    const char *found = find_type(name);
    const char *slash = strchr(name, '/');
    if (found || !slash || !is_class(name, (size_t)(slash - name)))
        return found;
    return find_type(slash + 1);
}

const char *rsit_claimed(const char *text)
{
    const char *name = rsit_find(text);
    return str_equal(name, RSIT_TEST) ? NULL : name;
}

static void prefer_nearer(const char *text, const char *candidate, const char *name, unsigned *best, const char **nearest)
{
    unsigned distance = str_distance(text, candidate);
    if (distance < *best) {
        *best = distance;
        *nearest = name;
    }
}

const char *rsit_nearest(const char *text)
{
    const char *nearest = RSIT_UNDETERMINED;
    unsigned best = UINT32_MAX;
    for (size_t i = 0; i < rsit_class_count; i++) {
        prefer_nearer(text, rsit_classes[i].name, rsit_classes[i].name, &best, &nearest);
        prefer_nearer(text, strchr(rsit_classes[i].name, '/') + 1, rsit_classes[i].name, &best, &nearest);
    }
    for (size_t i = 0; i < ARRAY_SIZE(rsit_aliases); i++)
        prefer_nearer(text, rsit_aliases[i].alias, rsit_aliases[i].name, &best, &nearest);
    return *text && best <= strlen(text) / 2 ? nearest : NULL;
}
