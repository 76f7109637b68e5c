#include "codec/shadowserver_table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"

#define SCANNED   "vulnerable/vulnerable-system"
#define REACHABLE "vulnerable/potentially-unwanted-accessible"
#define AMPLIFIER "vulnerable/ddos-amplifier"
#define WEAK      "vulnerable/weak-crypto"
#define INFECTED  "malicious-code/infected-system"

/*
 * To add a type: a row. What the class column says is our reading of the vendor's page by RSIT 1003: a service that answers
 * strangers and is worth closing is REACHABLE, one with a known hole SCANNED, one that multiplies traffic AMPLIFIER.
 * In amplification reports the "source" is the forged one, the victim of the attack.
 */
static const struct shadowserver_type types[] = {
    {"blacklist", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"blocklist", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"botnet_drone", INFECTED, ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"caida_ip_spoofer", "fraud/masquerade", ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"cisco_smart_install", REACHABLE, ROLE_SOURCE, ROLE_TARGET},
    {"compromised_account", "information-content-security/data-leak", ROLE_VICTIM, ROLE_TARGET},
    {"compromised_iot", "intrusions/system-compromise", ROLE_SOURCE, ROLE_TARGET},
    {"compromised_website", "intrusions/system-compromise", ROLE_SOURCE, ROLE_TARGET},
    {"darknet", "information-gathering/scanner", ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"ddos_amplification", "availability/ddos", ROLE_VICTIM, ROLE_INFRASTRUCTURE},
    {"device_id", "other/undetermined", ROLE_SOURCE, ROLE_TARGET},
    {"dns_openresolver", AMPLIFIER, ROLE_SOURCE, ROLE_TARGET},
    {"drone_brute_force", "intrusion-attempts/brute-force", ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"event4_ddos_participant", "availability/ddos", ROLE_SOURCE, ROLE_TARGET},
    {"event4_honeypot", "information-gathering/scanner", ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"event4_honeypot_brute_force", "intrusion-attempts/brute-force", ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"event4_honeypot_ddos", "availability/ddos", ROLE_SOURCE, ROLE_TARGET},
    {"event4_honeypot_ddos_amp", "availability/ddos", ROLE_VICTIM, ROLE_INFRASTRUCTURE},
    {"event4_honeypot_ddos_target", "availability/ddos", ROLE_SOURCE, ROLE_VICTIM},
    {"event4_ip_spoofer", "fraud/masquerade", ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"event4_microsoft_sinkhole", INFECTED, ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"event4_sinkhole", INFECTED, ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"event4_sinkhole_dns", "other/other", ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"hp_http_scan", "information-gathering/scanner", ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"hp_ics_scan", "information-gathering/scanner", ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"malware_url", "malicious-code/malware-distribution", ROLE_SOURCE, ROLE_TARGET},
    {"microsoft_sinkhole", INFECTED, ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"netcore_router", SCANNED, ROLE_SOURCE, ROLE_TARGET},
    {"outdated_dnssec_key", WEAK, ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"phish_url", "fraud/phishing", ROLE_SOURCE, ROLE_TARGET},
    {"population", REACHABLE, ROLE_SOURCE, ROLE_TARGET},
    {"population_http_proxy", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"population_isakmp", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"population_ntrip", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"ransomware_victim", "intrusions/system-compromise", ROLE_VICTIM, ROLE_TARGET},
    {"sandbox_conn", "malicious-code/malware-distribution", ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"sandbox_dns", "other/other", ROLE_INFRASTRUCTURE, ROLE_INFRASTRUCTURE},
    {"sandbox_url", "malicious-code/malware-distribution", ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"scan_", REACHABLE, ROLE_SOURCE, ROLE_TARGET},
    {"scan_adb", SCANNED, ROLE_SOURCE, ROLE_TARGET},
    {"scan_badsecrets", WEAK, ROLE_SOURCE, ROLE_TARGET},
    {"scan_chargen", AMPLIFIER, ROLE_SOURCE, ROLE_TARGET},
    {"scan_ddos_middlebox", AMPLIFIER, ROLE_SOURCE, ROLE_TARGET},
    {"scan_dns", AMPLIFIER, ROLE_SOURCE, ROLE_TARGET},
    {"scan_exchange", SCANNED, ROLE_SOURCE, ROLE_TARGET},
    {"scan_http", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"scan_http_proxy", REACHABLE, ROLE_SOURCE, ROLE_TARGET},
    {"scan_imap", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"scan_isakmp", SCANNED, ROLE_SOURCE, ROLE_TARGET},
    {"scan_loop_dos", AMPLIFIER, ROLE_SOURCE, ROLE_TARGET},
    {"scan_memcached", AMPLIFIER, ROLE_SOURCE, ROLE_TARGET},
    {"scan_nat_pmp", SCANNED, ROLE_SOURCE, ROLE_TARGET},
    {"scan_netis_router", SCANNED, ROLE_SOURCE, ROLE_TARGET},
    {"scan_ntpmonitor", AMPLIFIER, ROLE_SOURCE, ROLE_TARGET},
    {"scan_pop3", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"scan_post_exploitation_framework", INFECTED, ROLE_SOURCE, ROLE_TARGET},
    {"scan_qotd", AMPLIFIER, ROLE_SOURCE, ROLE_TARGET},
    {"scan_quic", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"scan_slp", AMPLIFIER, ROLE_SOURCE, ROLE_TARGET},
    {"scan_smtp", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"scan_ssdp", AMPLIFIER, ROLE_SOURCE, ROLE_TARGET},
    {"scan_ssh", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"scan_ssl", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"scan_ssl_freak", WEAK, ROLE_SOURCE, ROLE_TARGET},
    {"scan_ssl_poodle", WEAK, ROLE_SOURCE, ROLE_TARGET},
    {"scan_stun", "other/other", ROLE_SOURCE, ROLE_TARGET},
    {"scan_synfulknock", "intrusions/system-compromise", ROLE_SOURCE, ROLE_TARGET},
    {"sinkhole", INFECTED, ROLE_SOURCE, ROLE_INFRASTRUCTURE},
    {"spam_url", "abusive-content/spam", ROLE_SOURCE, ROLE_TARGET},
    {"special", SCANNED, ROLE_SOURCE, ROLE_TARGET},
    {"ssl_scan", WEAK, ROLE_SOURCE, ROLE_TARGET}, /* scan_ssl_poodle as it was called first */
};

/* scan_ANYTHING_vulnerable: what is behind the service's name counts. */
static const struct shadowserver_type vulnerable = {"scan_", SCANNED, ROLE_SOURCE, ROLE_TARGET};

/* "scan6_smb" as "scan_smb", "event6_sinkhole" as "event4_sinkhole"; and the names that reports had first. */
static void as_listed(const char *type, char *listed, size_t size)
{
    static const char *const twins[][2] = {{"scan6_", "scan_"},
                                           {"event6_", "event4_"},
                                           {"population6_", "population_"},
                                           {"cwsandbox_", "sandbox_"},
                                           {"netis_router", "scan_netis_router"}};
    for (size_t i = 0; i < ARRAY_SIZE(twins); i++) {
        if (str_starts(type, twins[i][0])) {
            snprintf(listed, size, "%s%s", twins[i][1], type + strlen(twins[i][0]));
            return;
        }
    }
    snprintf(listed, size, "%s", type);
}

const struct shadowserver_type *shadowserver_table_type(const char *type)
{
    char listed[100];
    as_listed(type, listed, sizeof listed);
    if (str_starts(listed, vulnerable.prefix) && str_ends(listed, "_vulnerable"))
        return &vulnerable;
    const struct shadowserver_type *longest = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (str_starts(listed, types[i].prefix) && (!longest || strlen(types[i].prefix) > strlen(longest->prefix)))
            longest = &types[i];
    return longest;
}

static bool has_date(const char *name)
{
    static const char form[] = "dddd-dd-dd-";
    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'd' ? !isdigit((unsigned char)name[i]) : name[i] != '-')
            return false;
    return true;
}

bool shadowserver_table_file_name(const char *name, char *type, size_t type_size, char date[11])
{
    date[0] = '\0';
    if (!name)
        return false;
    const char *base = strrchr(name, '/');
    base = base ? base + 1 : name;
    bool dated = has_date(base);
    if (dated) {
        memcpy(date, base, 10);
        date[10] = '\0';
        base += 11;
    }
    size_t size = strcspn(base, "-.");
    if (!size || size >= type_size || strspn(base, "abcdefghijklmnopqrstuvwxyz0123456789_") < size)
        return false;
    snprintf(type, type_size, "%.*s", (int)size, base);
    return dated || shadowserver_table_type(type);
}

/* Sorted by meaning, not by name: it is looked up once a header. A row with `only` stands before one without. */
static const struct shadowserver_column columns[] = {
    {"timestamp", COLUMN_TIME, SIDE_OTHER, 0, NULL},
    {"ip", COLUMN_ADDRESS, SIDE_SOURCE, 0, NULL},
    {"src_ip", COLUMN_ADDRESS, SIDE_SOURCE, 0, NULL},
    {"dst_ip", COLUMN_ADDRESS, SIDE_TARGET, 0, NULL},
    {"dest_ip", COLUMN_ADDRESS, SIDE_TARGET, 0, NULL},
    {"cc_ip", COLUMN_ADDRESS, SIDE_TARGET, 0, NULL}, /* until 2019: what a drone called */
    {"cc", COLUMN_GUESS, SIDE_TARGET, 0, "botnet_drone"},
    {"port", COLUMN_PORT, SIDE_SOURCE, 0, NULL},
    {"src_port", COLUMN_PORT, SIDE_SOURCE, 0, NULL},
    {"dst_port", COLUMN_PORT, SIDE_TARGET, 0, NULL},
    {"dest_port", COLUMN_PORT, SIDE_TARGET, 0, NULL},
    {"cc_port", COLUMN_PORT, SIDE_TARGET, 0, NULL},
    {"protocol", COLUMN_PROTOCOL, SIDE_OTHER, 0, NULL},
    {"type", COLUMN_PROTOCOL, SIDE_OTHER, 0, "botnet_drone"},
    {"count", COLUMN_COUNT, SIDE_OTHER, 0, NULL},
    {"class", COLUMN_CLASS, SIDE_OTHER, 0, NULL},
    {"tag", COLUMN_TAGS, SIDE_OTHER, 0, NULL},
    {"vulnerability_id", COLUMN_TAGS, SIDE_OTHER, 0, NULL},
    {"asn", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_ASN, NULL},
    {"src_asn", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_ASN, NULL},
    {"dst_asn", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_ASN, NULL},
    {"dest_asn", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_ASN, NULL},
    {"cc_asn", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_ASN, NULL},
    {"geo", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_COUNTRY, NULL},
    {"src_geo", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_COUNTRY, NULL},
    {"dst_geo", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_COUNTRY, NULL},
    {"dest_geo", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_COUNTRY, NULL},
    {"cc_geo", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_COUNTRY, NULL},
    {"hostname", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_DOMAIN, NULL},
    {"src_hostname", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_DOMAIN, NULL},
    {"dst_hostname", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_DOMAIN, NULL},
    {"dst_dns", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_DOMAIN, NULL},
    {"dest_dns", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_DOMAIN, NULL},
    {"cc_dns", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_DOMAIN, NULL},
    {"http_host", COLUMN_GUESS, SIDE_SOURCE, 0, "compromised_"},
    {"http_host", COLUMN_GUESS, SIDE_TARGET, 0, NULL},
    {"host", COLUMN_GUESS, SIDE_TARGET, 0, "sandbox_"},
    {"request", COLUMN_OBSERVABLE, SIDE_INFRASTRUCTURE, OBSERVABLE_DOMAIN, "sandbox_dns"},
    {"response", COLUMN_GUESS, SIDE_INFRASTRUCTURE, 0, "sandbox_dns"},
    {"query", COLUMN_OBSERVABLE, SIDE_INFRASTRUCTURE, OBSERVABLE_DOMAIN, "event4_sinkhole_dns"},
    {"domain", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_DOMAIN, "event4_"},
    {"dst_network", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_CIDR, NULL},
    {"network", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_CIDR, "event4_ip_spoofer"},
    {"network", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_CIDR, "caida_ip_spoofer"},
    {"website", COLUMN_GUESS, SIDE_SOURCE, 0, "ransomware_victim"},
    {"leak_site_url", COLUMN_OBSERVABLE, SIDE_INFRASTRUCTURE, OBSERVABLE_URL, NULL},
    /* What a bot asked the sinkhole, or a scanner the honeypot, for; in other reports the host's own. */
    {"url", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_URL, "sinkhole"},
    {"url", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_URL, "microsoft_sinkhole"},
    {"url", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_URL, "botnet_drone"},
    {"url", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_URL, "hp_"},
    {"url", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_URL, NULL},
    {"http_url", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_URL, "scan_"},
    {"http_url", COLUMN_OBSERVABLE, SIDE_TARGET, OBSERVABLE_URL, NULL},
    {"cc_url", COLUMN_OBSERVABLE, SIDE_INFRASTRUCTURE, OBSERVABLE_URL, NULL},
    {"beacon_host", COLUMN_GUESS, SIDE_INFRASTRUCTURE, 0, NULL},
    {"payload_url", COLUMN_OBSERVABLE, SIDE_INFRASTRUCTURE, OBSERVABLE_URL, NULL},
    {"email", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_EMAIL, "compromised_account"},
    {"sender", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_EMAIL, "spam_url"},
    {"mac", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_MAC, NULL},
    {"mac_address", COLUMN_OBSERVABLE, SIDE_SOURCE, OBSERVABLE_MAC, NULL},
    {"md5", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_MD5, NULL},
    {"binary_md5", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_MD5, NULL},
    {"md5hash", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_MD5, NULL},
    {"file_md5", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_MD5, NULL},
    {"payload_md5", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_MD5, NULL},
    {"sha1", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_SHA1, NULL},
    {"binary_sha1", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_SHA1, NULL},
    {"sha256", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_SHA256, NULL},
    {"binary_sha256", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_SHA256, NULL},
    {"file_sha256", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_SHA256, NULL},
    {"sha512", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_SHA512, NULL},
    {"binary_sha512", COLUMN_OBSERVABLE, SIDE_OTHER, OBSERVABLE_SHA512, NULL},
};

const struct shadowserver_column *shadowserver_table_column(const char *name, const char *type)
{
    static const struct shadowserver_column kept = {NULL, COLUMN_KEPT, SIDE_OTHER, 0, NULL};
    char listed[100];
    as_listed(type, listed, sizeof listed);
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        if (str_equal(columns[i].name, name) && (!columns[i].only || str_starts(listed, columns[i].only)))
            return &columns[i];
    return &kept;
}
