#include "rules/dedupe.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "model/rsit.h"

/* The /24 or /48 around an address; a network that is wider already stays as it is. */
static const char *neighbourhood(struct arena *arena, const struct sighting *sighting)
{
    const char *slash = strchr(sighting->value, '/');
    int length = strchr(sighting->value, ':') ? 48 : 24;
    if (slash && atoi(slash + 1) <= length)
        return sighting->value;
    size_t size = slash ? (size_t)(slash - sighting->value) : strlen(sighting->value);
    return observable_normalise(arena, OBSERVABLE_CIDR, arena_printf(arena, "%.*s/%d", (int)size, sighting->value, length));
}

static bool is_address(enum observable_type type)
{
    return type == OBSERVABLE_IPV4 || type == OBSERVABLE_IPV6 || type == OBSERVABLE_CIDR;
}

static const char *subject_in_role(struct arena *arena, const struct observation *observation, enum sighting_role role)
{
    const char *host = NULL;
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        if (sighting->role != role)
            continue;
        if (is_address(sighting->type))
            return neighbourhood(arena, sighting);
        if (!host)
            host = observable_host(arena, sighting->type, sighting->value);
    }
    return host;
}

const char *dedupe_key(struct arena *arena, const char *class_name, int64_t constituent_id, const struct observation *observation)
{
    static const enum sighting_role order[] = {ROLE_SOURCE, ROLE_INFRASTRUCTURE, ROLE_VICTIM, ROLE_TARGET, ROLE_OTHER};
    if (!class_name)
        class_name = RSIT_UNDETERMINED;
    if (constituent_id)
        return arena_printf(arena, "%s constituent %lld", class_name, (long long)constituent_id);
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        const char *subject = subject_in_role(arena, observation, order[i]);
        if (subject)
            return arena_printf(arena, "%s %s", class_name, subject);
    }
    return NULL;
}
