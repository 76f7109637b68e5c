#include "cli/profile.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/words.h"

static const char *config_file(struct arena *arena)
{
    const char *named = getenv("CIRT_CONFIG"), *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    const char *own = NULL;

    if (!str_is_empty(named))
        return named;
    if (!str_is_empty(base))
        own = arena_printf(arena, "%s/cirt/cirt.conf", base);
    else if (!str_is_empty(home))
        own = arena_printf(arena, "%s/.config/cirt/cirt.conf", home);
    return own && access(own, F_OK) == 0 ? own : "/etc/cirt/cirt.conf";
}

/* libconfuse tells what is wrong by callback only; cfg_t has no place for ours, so the message goes where it is read, to stderr. */
static void on_config_error(cfg_t *cfg, const char *format, va_list list)
{
    char text[300];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    vsnprintf(text, sizeof text, format, list);
#pragma GCC diagnostic pop
    fprintf(stderr, _("cirt: %s, line %d: %s\n"), cfg->filename ? cfg->filename : "-", cfg->line, text);
}

static const char *path_in(const struct profile *profile, const char *path)
{
    const char *slash = strrchr(profile->file, '/');

    if (str_is_empty(path))
        return NULL;
    if (*path == '/' || !slash)
        return arena_strdup(profile->arena, path);
    return arena_printf(profile->arena, "%.*s/%s", (int)(slash - profile->file), profile->file, path);
}

static const char *url_of(struct profile *profile, const char *variable, const char *configured)
{
    const char *url = getenv(variable);
    char *copy;
    size_t size;

    if (str_is_empty(url))
        url = configured;
    if (str_is_empty(url))
        return NULL;
    copy = arena_strdup(profile->arena, url);
    size = strlen(copy);
    while (size > 0 && copy[size - 1] == '/')
        copy[--size] = '\0';
    return copy;
}

static bool fill(struct profile *profile, cfg_t *section, struct err *err)
{
    const char *pin = cfg_getstr(section, "pin"), *ca = getenv("CIRT_CA");

    profile->is_feed = str_is_empty(cfg_getstr(section, "desk_url"));
    profile->base_url = profile->is_feed ? url_of(profile, "CIRT_URL", cfg_getstr(section, "url"))
                                         : url_of(profile, "CIRT_DESK_URL", cfg_getstr(section, "desk_url"));
    if (!profile->base_url)
        return err_set(err, ERR_INPUT, _("profile %s in %s has neither desk_url nor url"), profile->name, profile->file);
    if (!str_starts(profile->base_url, "https://"))
        return err_set(err, ERR_INPUT, _("profile %s: %s is no https:// address"), profile->name, profile->base_url);
    profile->ca = str_is_empty(ca) ? path_in(profile, cfg_getstr(section, "ca")) : arena_strdup(profile->arena, ca);
    profile->cert = path_in(profile, cfg_getstr(section, "cert"));
    profile->key = path_in(profile, cfg_getstr(section, "key"));
    if (!profile->ca)
        return err_set(err, ERR_INPUT, _("profile %s in %s names no ca"), profile->name, profile->file);
    profile->has_pin = !str_is_empty(pin);
    if (profile->has_pin && !str_from_hex(pin, profile->pin, sizeof profile->pin))
        return err_set(err, ERR_INPUT, _("profile %s: pin is not the 64 hexadecimal digits of a SHA-256"), profile->name);
    return true;
}

static const char *all_names(struct arena *arena, cfg_t *config)
{
    const char *names = NULL;

    for (unsigned i = 0; i < cfg_size(config, "profile"); i++)
        names = arena_printf(arena, "%s%s%s", names ? names : "", names ? ", " : "", cfg_title(cfg_getnsec(config, "profile", i)));
    return names;
}

static bool choose(struct profile *profile, cfg_t *config, const char *name, struct err *err)
{
    cfg_t *section;

    profile->name = arena_strdup(profile->arena, name ? name : cfg_getstr(config, "default"));
    profile->names = all_names(profile->arena, config);
    section = cfg_gettsec(config, "profile", profile->name);
    if (!section)
        return err_set(err, ERR_INPUT, _("no profile %s in %s, which has: %s"), profile->name, profile->file,
                       profile->names ? profile->names : "-");
    return fill(profile, section, err);
}

bool profile_load(const char *name, struct profile *profile, struct err *err)
{
    cfg_opt_t in_profile[] = {
        CFG_STR("url", "", CFGF_NONE),  CFG_STR("desk_url", "", CFGF_NONE), CFG_STR("rid_url", "", CFGF_NONE), CFG_STR("ca", "", CFGF_NONE),
        CFG_STR("cert", "", CFGF_NONE), CFG_STR("key", "", CFGF_NONE),      CFG_STR("pin", "", CFGF_NONE),     CFG_END()};
    cfg_opt_t in_file[] = {CFG_STR("default", "lead", CFGF_NONE), CFG_SEC("profile", in_profile, CFGF_MULTI | CFGF_TITLE), CFG_END()};
    cfg_t *config;
    bool ok;

    memset(profile, 0, sizeof *profile);
    profile->arena = arena_new();
    profile->file = config_file(profile->arena);
    config = cfg_init(in_file, CFGF_NONE);
    cfg_set_error_function(config, on_config_error);
    switch (cfg_parse(config, profile->file)) {
    case CFG_SUCCESS:
        ok = choose(profile, config, name, err);
        break;
    case CFG_FILE_ERROR:
        ok = err_set(err, ERR_INPUT, _("configuration %s cannot be read: %s"), profile->file, strerror(errno));
        break;
    default:
        ok = err_set(err, ERR_INPUT, _("configuration %s is not understood"), profile->file);
    }
    cfg_free(config);
    return ok;
}

void profile_clear(struct profile *profile)
{
    arena_free(profile->arena);
    memset(profile, 0, sizeof *profile);
}
