#include "base/str.h"
#include "model/observable.h"

static const char *const role_names[ROLE_COUNT] = {
    [ROLE_SOURCE] = "source", [ROLE_TARGET] = "target", [ROLE_VICTIM] = "victim", [ROLE_INFRASTRUCTURE] = "infrastructure",
    [ROLE_OTHER] = "other",
};

const char *sighting_role_name(enum sighting_role role)
{
    return role >= ROLE_SOURCE && role < ROLE_COUNT ? role_names[role] : NULL;
}

bool sighting_role_parse(const char *name, enum sighting_role *role)
{
    for (size_t i = ROLE_SOURCE; i < ROLE_COUNT; i++) {
        if (str_equal_nocase(name, role_names[i])) {
            *role = (enum sighting_role)i;
            return true;
        }
    }
    return false;
}
