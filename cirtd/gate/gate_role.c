#include "cirtd/gate/gate_role.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/gate/gate.h"

struct owner {
    const struct role_context *context;
    struct config *reloaded; /* what `gate` borrows from after a SIGHUP */
    struct gate_config gate;
    struct arena *arena; /* addresses and socket paths */
};

/* "127.0.0.1:8443", "[::1]:8443" */
static bool split_address(struct arena *arena, const char *text, struct gate_listener_config *listener, struct err *err)
{
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    if (!colon || !str_to_int64(colon + 1, 0, 65535, &port))
        return err_set(err, ERR_INPUT, "'%s' is no ADDRESS:PORT", text);
    bool has_brackets = text[0] == '[' && colon > text && colon[-1] == ']';
    listener->address = arena_strndup(arena, text + has_brackets, (size_t)(colon - text) - 2 * has_brackets);
    listener->port = (int)port;
    return true;
}

static bool add_listener(struct owner *owner, const struct config_gate *config, enum message_listener kind, const char *address,
                         struct err *err)
{
    struct gate_listener_config *listener = &owner->gate.listeners[owner->gate.listener_count++];
    listener->kind = kind;
    listener->tls = (struct mtls_settings){.certificate_path = config->cert,
                                           .key_path = config->key,
                                           .ca_path = config->ca,
                                           .crl_path = config->crl,
                                           .allow_tls12 = config->allow_tls12,
                                           .tickets = 0};
    return split_address(owner->arena, address, listener, err);
}

static size_t add_sockets(struct owner *owner, const char *directory, int workers, const char **sockets)
{
    for (int i = 0; i < workers; i++)
        sockets[i] = arena_printf(owner->arena, "%s/%s/%d.sock", owner->context->config->run, directory, i + 1);
    return (size_t)workers;
}

static bool fill(struct owner *owner, const struct config *config, struct err *err)
{
    bool is_feeds = str_equal(owner->context->role->name, "gate-feeds");
    const struct config_gate *section = is_feeds ? &config->gate_feeds : &config->gate_desk;
    gate_defaults(&owner->gate);
    if (!section->listen)
        return err_set(err, ERR_INPUT, "the configuration has no section %s", owner->context->role->name);
    if (!add_listener(owner, section, is_feeds ? MESSAGE_FEEDS : MESSAGE_ANALYSTS, section->listen, err) ||
        (section->rid && !add_listener(owner, section, MESSAGE_RID, section->rid, err)))
        return false;
    owner->gate.intake_count = add_sockets(owner, "intake", config->intake_workers, owner->gate.intake_sockets);
    /* The gate for feeds and peers has no section desk, so it cannot even name desk's sockets. */
    owner->gate.desk_count = is_feeds ? 0 : add_sockets(owner, "desk", config->desk_workers, owner->gate.desk_sockets);
    owner->gate.spool_dir = section->spool;
    owner->gate.limits.body_max = (uint64_t)section->body_max;
    owner->gate.limits.connections_max = (size_t)section->connections;
    owner->gate.limits.connections_per_address_max = (size_t)section->connections_per_address;
    return true;
}

static const struct gate_config *on_load(void *context, struct err *err)
{
    struct owner *owner = context;
    struct config *config = NULL;
    struct gate_config before = owner->gate;
    if (!role_reload(owner->context, &config, err))
        return NULL;
    if (!fill(owner, config, err)) {
        owner->gate = before;
        config_free(config);
        return NULL;
    }
    owner->gate.load = before.load;
    owner->gate.on_ready = before.on_ready;
    owner->gate.owner = owner;
    config_free(owner->reloaded);
    owner->reloaded = config;
    return &owner->gate;
}

static void on_ready(void *context, const int *ports, size_t count)
{
    UNUSED(context);
    for (size_t i = 0; i < count; i++)
        log_debug("listening", "port=%d", ports[i]);
}

static bool run(const struct role_context *context, struct err *err)
{
    struct owner owner = {.context = context, .arena = arena_new()};
    bool ok = fill(&owner, context->config, err);
    owner.gate.load = on_load;
    owner.gate.on_ready = on_ready;
    owner.gate.owner = &owner;
    ok = ok && gate_run(&owner.gate, err);
    config_free(owner.reloaded);
    arena_free(owner.arena);
    return ok;
}

bool gate_role_feeds(const struct role_context *context, struct err *err)
{
    return run(context, err);
}

bool gate_role_desk(const struct role_context *context, struct err *err)
{
    return run(context, err);
}
