#include "cirtd/role.h"

#include <stdlib.h>

#include "base/str.h"
#include "cirtd/desk/desk_role.h"
#include "cirtd/gate/gate_role.h"
#include "cirtd/intake/intake.h"
#include "cirtd/mail/mail_role.h"
#include "cirtd/stages/stages.h"

static int role_desk_workers(const struct config *config)
{
    return config->desk_workers;
}

static int role_intake_workers(const struct config *config)
{
    return config->intake_workers;
}

static int role_decode_workers(const struct config *config)
{
    return config->decode_workers;
}

static int role_verify_workers(const struct config *config)
{
    return config->verify_workers;
}

static int role_triage_workers(const struct config *config)
{
    return config->triage_workers;
}

/* One watches the drop folders, the others poll. */
static int role_fetch_workers(const struct config *config)
{
    return 1 + (config->fetch_workers > 0 ? config->fetch_workers : 1);
}

/* clang-format off */
const struct role role_table[] = {
    {"gate-feeds", NULL, CONFIG_GATE_FEEDS | CONFIG_INTAKE, "TLS, HTTP head", "listens", "its TLS key", "no database",
     1, NULL, gate_role_feeds},
    {"gate-desk", NULL, CONFIG_GATE_DESK | CONFIG_INTAKE | CONFIG_DESK, "TLS, HTTP head", "listens", "its TLS key", "no database",
     1, NULL, gate_role_desk},
    {"mail", "mail", CONFIG_DATABASE | CONFIG_MAIL, "LMTP", "Unix socket", "none", "execute the inbox insert",
     1, NULL, mail_role_run},
    {"intake", "intake", CONFIG_DATABASE | CONFIG_INTAKE, "documents (decodes them)", "Unix socket", "none", "execute the insert functions",
     2, role_intake_workers, intake_run},
    {"fetch", "fetch", CONFIG_DATABASE | CONFIG_FETCH, "a feed's HTTP head and TAXII envelope; its documents unread", "outbound", "feed credentials",
     "execute the inbox insert, claim and settle feeds", 2, role_fetch_workers, fetch_run},
    {"decode", "decode", CONFIG_DATABASE | CONFIG_DECODE, "MIME, XML, JSON, archives", "PostgreSQL only", "none",
     "claim inbox, execute the insert functions", 3, role_decode_workers, decode_run},
    {"verify", "verify", CONFIG_DATABASE | CONFIG_VERIFY, "OpenPGP and CMS signatures", "PostgreSQL only", "public keys only",
     "claim signed parts, write verdicts", 3, role_verify_workers, verify_run},
    {"seal", "seal", CONFIG_DATABASE | CONFIG_SEAL, "what is encrypted to us", "PostgreSQL only", "GnuPG home and S/MIME folder with our secret keys",
     "claim to_open and to_sign, write results", 3, NULL, seal_run},
    {"triage", "triage", CONFIG_DATABASE | CONFIG_TRIAGE, "decoded values", "PostgreSQL only", "none", "read reports; insert and change cases",
     3, role_triage_workers, triage_run},
    {"clock", "clock", CONFIG_DATABASE | CONFIG_OUTGOING, "-", "PostgreSQL only", "none", "deadlines, escalation, partitions", 4, NULL, clock_run},
    {"desk", "desk", CONFIG_DATABASE | CONFIG_DESK | CONFIG_OUTGOING, "the API's JSON", "Unix socket", "none", "read views by viewer, change cases, order shares",
     2, role_desk_workers, desk_role_run},
    {"share", "share", CONFIG_DATABASE, "-", "PostgreSQL only", "none", "read what is releasable; write outbox",
     3, NULL, share_run},
    {"push", "push", CONFIG_DATABASE | CONFIG_PUSH, "a peer's HTTP status, the MTA's answers", "outbound", "client key, the MTA's password", "claim and settle outbox and outbox_mail",
     3, NULL, push_run},
};
/* clang-format on */
const size_t role_count = ARRAY_SIZE(role_table);

const struct role *role_find(const char *name)
{
    for (size_t i = 0; i < role_count; i++)
        if (str_equal(role_table[i].name, name))
            return &role_table[i];
    return NULL;
}

bool role_reload(const struct role_context *context, struct config **out, struct err *err)
{
    if (context->config_fd < 0)
        return config_load(context->config_path, context->role->sections, out, err);
    char *text = NULL;
    bool ok = config_read_fd(context->config_fd, "supervisor", &text, err) &&
              config_read("supervisor", text, context->role->sections, true, out, err);
    free(text);
    return ok;
}
