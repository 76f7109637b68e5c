#include "model/public_suffix.h"

#include <stdbool.h>
#include <string.h>

#include <libpsl.h>

/* The built-in list: nothing is read from disk or fetched. */
const char *public_suffix_registrable(const char *domain)
{
    const char *suffix = psl_unregistrable_domain(psl_builtin(), domain);
    bool is_known = suffix && suffix > domain && psl_is_public_suffix2(psl_builtin(), suffix, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE);
    return is_known ? psl_registrable_domain(psl_builtin(), domain) : NULL;
}

const char *public_suffix_of(const char *domain)
{
    const char *found = NULL;
    for (const char *dot = domain; !found && (dot = strchr(dot, '.')); dot++)
        if (psl_is_public_suffix2(psl_builtin(), dot + 1, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE))
            found = dot + 1;
    return found && !psl_is_public_suffix2(psl_builtin(), domain, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) ? found : NULL;
}
