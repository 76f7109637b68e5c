#include "codec/schemeless.h"

#include <string.h>

#include "base/str.h"
#include "model/public_suffix.h"

/* Longer ones are no values that anything could be compared with. */
enum { TEXT_SIZE_MAX = 1024 };

/* A name before a port is one, and so is one that begins as web servers' do, or ends in a suffix that people can register below. */
static bool is_host(const char *domain, bool has_port)
{
    return domain && (has_port || str_starts(domain, "www.") || public_suffix_of(domain));
}

bool schemeless_add(struct report *report, struct observation *observation, enum sighting_role role, const char *text)
{
    struct arena *arena = report_row_arena(report);
    size_t size = strcspn(text, ":/?#");
    const char *next = text + size, *host = arena_strndup(arena, text, size), *value;
    size_t digits = *next == ':' ? strspn(next + 1, "0123456789") : 0;
    bool has_port = digits && (!next[1 + digits] || next[1 + digits] == '/');
    enum observable_type type = OBSERVABLE_IPV4;
    const char *blank = text + strcspn(text, " \t");
    if (blank[strspn(blank, " \t")]) /* words */
        return false;
    if ((!has_port && *next != '/') || strlen(text) > TEXT_SIZE_MAX)
        return false;
    if (!(value = observable_read(arena, &type, host))) {
        type = OBSERVABLE_DOMAIN;
        value = observable_read(arena, &type, host);
        if (!is_host(value, has_port))
            return false;
    }
    return report_add_sighting(report, observation, OBSERVABLE_TEXT, role, text) &&
           report_add_sighting(report, observation, type, role, value);
}
