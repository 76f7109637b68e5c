#include "model/public_suffix.h"

#include <stdbool.h>
#include <string.h>

#include <libpsl.h>

/* The built-in list: nothing is read from disk or fetched. libpsl says of any name that ends in a single letter that it is a suffix. */
static bool is_suffix(const char *name, int type)
{
    const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;
    return last[0] && last[1] && psl_is_public_suffix2(psl_builtin(), name, type | PSL_TYPE_NO_STAR_RULE);
}

const char *public_suffix_registrable(const char *domain)
{
    const char *suffix = psl_unregistrable_domain(psl_builtin(), domain);
    bool is_known = suffix && suffix > domain && is_suffix(suffix, PSL_TYPE_ANY);
    return is_known ? psl_registrable_domain(psl_builtin(), domain) : NULL;
}

const char *public_suffix_of(const char *domain)
{
    const char *found = NULL;
    for (const char *dot = domain; !found && (dot = strchr(dot, '.')); dot++)
        if (is_suffix(dot + 1, PSL_TYPE_ICANN))
            found = dot + 1;
    return found && !is_suffix(domain, PSL_TYPE_ICANN) ? found : NULL;
}
