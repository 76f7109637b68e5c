#include "rules/priority.h"

#include <stddef.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"

static const char *const names[] = {"critical", "high", "medium", "low"};

/* A class or one type; the first row that fits counts. */
static const struct {
    const char *name;
    int priority;
} by_class[] = {
    {"availability/sabotage", PRIORITY_CRITICAL},
    {"malicious-code/c2-server", PRIORITY_CRITICAL},
    {"abusive-content/violence", PRIORITY_HIGH},
    {"availability/misconfiguration", PRIORITY_MEDIUM},
    {"availability", PRIORITY_HIGH},
    {"fraud/phishing", PRIORITY_HIGH},
    {"information-content-security", PRIORITY_HIGH},
    {"intrusions", PRIORITY_HIGH},
    {"malicious-code/malware-distribution", PRIORITY_HIGH},
    {"abusive-content/spam", PRIORITY_LOW},
    {"fraud/copyright", PRIORITY_LOW},
    {"information-gathering/scanner", PRIORITY_LOW},
    {"intrusion-attempts/brute-force", PRIORITY_LOW},
    {"intrusion-attempts/ids-alert", PRIORITY_LOW},
    {"vulnerable/potentially-unwanted-accessible", PRIORITY_LOW},
    {"test", PRIORITY_LOW},
};

const char *priority_name(int priority)
{
    return priority >= PRIORITY_CRITICAL && priority <= PRIORITY_LOW ? names[priority - 1] : NULL;
}

bool priority_parse(const char *name, int *priority)
{
    for (int i = PRIORITY_CRITICAL; i <= PRIORITY_LOW; i++) {
        if (name && str_equal_nocase(name, names[i - 1])) {
            *priority = i;
            return true;
        }
    }
    return false;
}

int priority_of_class(const char *class_name)
{
    for (size_t i = 0; class_name && i < ARRAY_SIZE(by_class); i++) {
        size_t size = strlen(by_class[i].name);
        if (str_starts(class_name, by_class[i].name) && (class_name[size] == '\0' || class_name[size] == '/'))
            return by_class[i].priority;
    }
    return PRIORITY_MEDIUM;
}

int64_t priority_due(int priority, int64_t from)
{
    static const int64_t hours[] = {1, 4, 24, 120};
    int row = priority < PRIORITY_CRITICAL ? PRIORITY_CRITICAL : priority > PRIORITY_LOW ? PRIORITY_LOW : priority;
    return from + hours[row - 1] * 3600 * TIMESTAMP_SECOND;
}
