#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/str.h"
#include "model/rsit.h"

/* "Test" in content marks nothing. */
static void claims(void **state)
{
    UNUSED(state);
    assert_string_equal(rsit_claimed("Phishing"), "fraud/phishing");
    assert_null(rsit_claimed("nothing of the kind"));
    assert_null(rsit_claimed("test"));
    assert_null(rsit_claimed("TEST/Test"));
    assert_null(rsit_claimed("rsit:test=\"test\""));
}

static void names(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text, *name;
    } rows[] = {
        {"fraud/phishing", "fraud/phishing"},
        {"phishing", "fraud/phishing"},
        {"Phishing", "fraud/phishing"},
        {"FRAUD / Phishing", "fraud/phishing"},
        {"rsit:fraud=\"phishing\"", "fraud/phishing"},
        {"ecsirt:intrusion-attempts=\"brute-force\"", "intrusion-attempts/brute-force"},
        {"Login attempts", "intrusion-attempts/brute-force"},
        {"brute_force", "intrusion-attempts/brute-force"},
        {"ransomware", "malicious-code/infected-system"},
        {"botnet drone", "malicious-code/infected-system"},
        {"malware/botnet drone", "malicious-code/infected-system"},
        {"intrusion-attempts/ids alert", "intrusion-attempts/ids-alert"},
        {"c&c", "malicious-code/c2-server"},
        {"C&C", "malicious-code/c2-server"},
        {"DDoS", "availability/ddos"},
        {"defacement", "information-content-security/unauthorised-information-modification"},
        {"spam", "abusive-content/spam"},
        {"malware", "malicious-code/infected-system"},
        {"other/unknown", "other/undetermined"},
        {"test", "test/test"},
        {"(Child) Sexual Exploitation/Sexual/Violent Content", "abusive-content/violence"},
        {"csirt-americas:ddos", "availability/ddos"},
        {"europol-event:hosting-phishing-sites", "fraud/phishing"},
        {"csirt_case_classification:incident-category=\"DOS\"", "availability/dos"},
        {"copyright-issue", "fraud/copyright"},
        {"europol-incident:malware=\"distribution\"", "malicious-code/malware-distribution"},
        {"europol-incident:malware=\"infection\"", "malicious-code/infected-system"},
        {"europol-incident:availability=\"dos-ddos\"", "availability/dos"},
        {"europol-incident:intrusion-attempt=\"exploitation-vulnerability\"", "intrusion-attempts/ids-alert"},
        {"europol-incident:intrusion-attempt=\"login-attempt\"", "intrusion-attempts/brute-force"},
        {"europol-incident:intrusion=\"exploitation-vulnerability\"", "intrusions/application-compromise"},
        {"europol-incident:intrusion=\"compromising-account\"", "intrusions/unprivileged-account-compromise"},
        {"europol-incident:information-security=\"unauthorized-access\"", "information-content-security/unauthorised-information-access"},
        {"europol-incident:information-security=\"unauthorized-modification\"",
         "information-content-security/unauthorised-information-modification"},
        {"exploitation-vulnerability", NULL},
        {"unauthorized-access", NULL},
        {"distribution", NULL},
        {"CERT-XLM:fraud=\"phishing\"", "fraud/phishing"},
        {"CERT-XLM:malicious-code=\"trojan-malware\"", "malicious-code/infected-system"},
        {"CERT-XLM:intrusion-attempts=\"new-attack-signature\"", "intrusion-attempts/exploit"},
        {"CERT-XLM:conformity=\"regulator\"", NULL},
        {"bots", "malicious-code/infected-system"},
        {"malurl", "malicious-code/malware-distribution"},
        {"unauthorized-login", "intrusions/unprivileged-account-compromise"},
        {"fraud", NULL},
        {"malicious-code", NULL},
        {"cooking/phishing", NULL},
        {"fraud/", NULL},
        {"", NULL},
        {"   ", NULL},
        {"x:=\"", NULL},
        {"nothing of the kind", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *found = rsit_find(rows[i].text);
        if (!str_equal(found, rows[i].name))
            fail_msg("%s gave %s", rows[i].text, found ? found : "(none)");
    }
    assert_null(rsit_find(NULL));
    char large[4000];
    memset(large, 'a', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    assert_null(rsit_find(large));
}

/* What IntelMQ 1 to 3 calls its types. */
static void types_of_intelmq(void **state)
{
    UNUSED(state);
    /* clang-format off */
    static const char *const types[] = {
        "application-compromise", "backdoor", "blacklist", "botnet drone", "brute-force", "burglary", "c&c", "c2-server", "c2server",
        "compromised", "copyright", "data-leak", "data-loss", "ddos", "ddos-amplifier", "defacement", "dga domain", "dga-domain", "dos",
        "dropzone", "exploit", "harmful-speech", "ids alert", "ids-alert", "infected system", "infected-system", "information-disclosure",
        "leak", "malware", "malware configuration", "malware-configuration", "malware-distribution", "masquerade", "misconfiguration",
        "other", "outage", "phishing", "potentially-unwanted-accessible", "privileged-account-compromise", "proxy", "ransomware",
        "sabotage", "scanner", "sniffing", "social-engineering", "spam", "system-compromise", "tor", "unauthorised-information-access",
        "Unauthorised-information-modification", "unauthorised-use-of-resources", "unauthorized-command", "unauthorized-login",
        "unauthorized-use-of-resources", "undetermined", "unknown", "unprivileged-account-compromise", "violence", "vulnerable client",
        "vulnerable service", "vulnerable-system", "weak-crypto"};
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (!rsit_claimed(types[i]))
            fail_msg("%s is unknown", types[i]);
}

static void complete(void **state)
{
    UNUSED(state);
    assert_int_equal(rsit_class_count, 39);
    for (size_t i = 0; i < rsit_class_count; i++) {
        assert_string_equal(rsit_find(rsit_classes[i].name), rsit_classes[i].name);
        assert_string_equal(rsit_find(rsit_classes[i].text), rsit_classes[i].name);
    }
}

/* The value of a "key": "..." line, copied to out; NULL where the line has none. */
static const char *json_value(const char *line, const char *key, char *out, size_t size)
{
    const char *at = strstr(line, key);
    const char *start = at ? strchr(at + strlen(key), '"') : NULL;
    const char *end = start ? strchr(start + 1, '"') : NULL;
    if (!end || (size_t)(end - start) > size)
        return NULL;
    snprintf(out, size, "%.*s", (int)(end - start - 1), start + 1);
    return out;
}

/* Each machine value of the published RSIT and of eCSIRT's list is known. */
static void published_lists(void **state)
{
    UNUSED(state);
    static const char *const files[] = {TEST_CORPUS "/misp/taxonomies/rsit/machinetag.json",
                                        TEST_CORPUS "/misp/taxonomies/ecsirt/machinetag.json"};
    unsigned known = 0;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        FILE *file = fopen(files[i], "r");
        if (!file) {
            print_message("skipped: no corpus here\n");
            skip();
        }
        char line[4096], value[128];
        while (fgets(line, sizeof line, file)) {
            /* Types are nested below their class: their lines are indented further than those of the classes. */
            if (strspn(line, " ") < 10 || !json_value(line, "\"value\":", value, sizeof value))
                continue;
            if (!rsit_find(value))
                fail_msg("%s is not known", value);
            known++;
        }
        fclose(file);
    }
    assert_int_equal(known, 39 + 43);
}

static void nearest(void **state)
{
    UNUSED(state);
    assert_string_equal(rsit_nearest("fraud/phising"), "fraud/phishing");
    assert_string_equal(rsit_nearest("ransomwere"), "malicious-code/infected-system");
    assert_null(rsit_nearest("nonsense"));
    assert_null(rsit_nearest("foo"));
    assert_null(rsit_nearest(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names),    cmocka_unit_test(types_of_intelmq), cmocka_unit_test(claims),
                                       cmocka_unit_test(complete), cmocka_unit_test(published_lists),  cmocka_unit_test(nearest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
