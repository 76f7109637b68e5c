/*
 * cli/profile.h - where the desk is and who we are there. From CIRT_CONFIG, else $XDG_CONFIG_HOME/cirt/cirt.conf or
 * ~/.config/cirt/cirt.conf, else /etc/cirt/cirt.conf, in libconfuse's syntax; paths in it are relative to the file:
 *
 *   default = "lead"
 *   profile "lead" { desk_url = "https://..." url = "https://..." ca = "ca.crt" cert = "lead.crt" key = "lead.key" pin = "hex" }
 *
 * desk_url is the analysts' listener; a profile without it (a feed's) speaks to url, the feeds' listener. pin is the SHA-256 of the
 * gate's public key, both listeners'. CIRT_DESK_URL, CIRT_URL and CIRT_CA stand over what the file says.
 */
#ifndef CIRT_CLI_PROFILE_H
#define CIRT_CLI_PROFILE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"

struct profile {
    struct arena *arena;
    const char *file; /* the configuration that was read */
    const char *name;
    const char *names;           /* of all in the file: "lead, analyst" */
    const char *base_url;        /* desk_url, or url where there is none; no slash at its end */
    bool is_feed;                /* base_url is the feeds' listener */
    const char *ca, *cert, *key; /* paths; cert and key may be NULL */
    bool has_pin;
    unsigned char pin[32];
};

/* name NULL: the default. ERR_INPUT with what to do in the text; the caller clears, on false too. */
bool profile_load(const char *name, struct profile *profile, struct err *err) MUST_CHECK;
void profile_clear(struct profile *profile);

#endif
