#include "cirtd/config.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

enum { FILE_MAX = 1024 * 1024, PER_DOMAIN_HOUR_DEFAULT = 10, PER_HOUR_DEFAULT = 100, RECALL_S_DEFAULT = 60 };
enum { DOCUMENT_MAX_MB_DEFAULT = 16, MALFORMED_QUOTA_MB_DEFAULT = 64, TRIAGE_WORKERS_DEFAULT = 2 };

#define TEMPLATES_DEFAULT "/usr/share/cirt/templates"

static cfg_opt_t site_options[] = {
    CFG_STR("name", NULL, CFGF_NODEFAULT),
    CFG_STR("prefix", NULL, CFGF_NODEFAULT),
    CFG_STR("domain", NULL, CFGF_NODEFAULT),
    CFG_STR("zone", "+00:00", CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t database_options[] = {
    CFG_STR("host", "/run/postgresql", CFGF_NONE),
    CFG_INT("port", 5432, CFGF_NONE),
    CFG_STR("name", "cirt", CFGF_NONE),
    CFG_STR("sslmode", NULL, CFGF_NONE),
    CFG_STR("password", NULL, CFGF_NONE),
    CFG_STR("data", "", CFGF_NONE),
    CFG_STR("wal", "", CFGF_NONE),
    CFG_INT("reserve_mb", 1024, CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t gate_options[] = {
    CFG_STR("listen", NULL, CFGF_NODEFAULT),
    CFG_STR("rid", "", CFGF_NONE),
    CFG_STR("cert", NULL, CFGF_NODEFAULT),
    CFG_STR("key", NULL, CFGF_NODEFAULT),
    CFG_STR("ca", NULL, CFGF_NODEFAULT),
    CFG_STR("crl", "", CFGF_NONE),
    CFG_STR("spool", "", CFGF_NONE),
    CFG_BOOL("allow_tls12", cfg_false, CFGF_NONE),
    CFG_INT("body_max_mb", 1024, CFGF_NONE),
    CFG_INT("connections", 2000, CFGF_NONE),
    CFG_INT("connections_per_address", 200, CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t intake_options[] = {
    CFG_INT("workers", 2, CFGF_NONE),
    CFG_INT("document_max_mb", DOCUMENT_MAX_MB_DEFAULT, CFGF_NONE),
    CFG_INT("malformed_quota_mb", MALFORMED_QUOTA_MB_DEFAULT, CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t mail_options[] = {
    CFG_STR("socket", NULL, CFGF_NONE),
    CFG_STR_LIST("users", "{}", CFGF_NONE),
    CFG_STR_LIST("addresses", "{}", CFGF_NONE),
    CFG_INT("message_max_mb", 32, CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t decode_options[] = {
    CFG_INT("workers", 1, CFGF_NONE),
    CFG_STR("authserv_id", "", CFGF_NONE),
    CFG_INT("document_max_mb", DOCUMENT_MAX_MB_DEFAULT, CFGF_NONE),
    CFG_INT("malformed_quota_mb", MALFORMED_QUOTA_MB_DEFAULT, CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t verify_options[] = {
    CFG_STR("gnupg", NULL, CFGF_NODEFAULT),
    CFG_STR("smime_ca", "", CFGF_NONE),
    CFG_STR("smime_crl", "", CFGF_NONE),
    CFG_INT("workers", 2, CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t seal_options[] = {
    CFG_STR("gnupg", NULL, CFGF_NODEFAULT),
    CFG_STR("key", NULL, CFGF_NODEFAULT),
    CFG_STR("smime", "", CFGF_NONE),
    CFG_STR("smime_key", "", CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t triage_options[] = {CFG_INT("workers", TRIAGE_WORKERS_DEFAULT, CFGF_NONE), CFG_END()};
static cfg_opt_t desk_options[] = {CFG_INT("workers", 2, CFGF_NONE), CFG_STR_LIST("mmdb", "{}", CFGF_NONE), CFG_END()};
static cfg_opt_t push_options[] = {
    CFG_STR("cert", NULL, CFGF_NODEFAULT),
    CFG_STR("key", NULL, CFGF_NODEFAULT),
    CFG_STR("smtp", "", CFGF_NONE),
    CFG_STR("smtp_user", "", CFGF_NONE),
    CFG_STR("smtp_password_file", "", CFGF_NONE),
    CFG_STR("smtp_ca", "", CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t outgoing_options[] = {
    CFG_STR("address", "", CFGF_NONE),
    CFG_STR("templates", TEMPLATES_DEFAULT, CFGF_NONE),
    CFG_BOOL("acknowledge", cfg_true, CFGF_NONE),
    CFG_INT("acknowledge_per_domain_hour", PER_DOMAIN_HOUR_DEFAULT, CFGF_NONE),
    CFG_INT("acknowledge_per_hour", PER_HOUR_DEFAULT, CFGF_NONE),
    CFG_INT("recall_s", RECALL_S_DEFAULT, CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t fetch_options[] = {
    CFG_INT("workers", 1, CFGF_NONE),
    CFG_STR("drop", "/var/lib/cirt/drop", CFGF_NONE),
    CFG_STR("spool", "/var/lib/cirt/fetch", CFGF_NONE),
    CFG_STR("credentials", "/etc/cirt/feeds", CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t supervisor_options[] = {
    CFG_STR("user_prefix", "cirt-", CFGF_NONE),
    CFG_STR("secrets", "", CFGF_NONE),
    CFG_END(),
};

static cfg_opt_t options[] = {
    CFG_STR("run", "/run/cirt", CFGF_NONE),
    CFG_STR("log", "info", CFGF_NONE),
    CFG_SEC("site", site_options, CFGF_NONE),
    CFG_SEC("database", database_options, CFGF_NODEFAULT),
    CFG_SEC("gate-feeds", gate_options, CFGF_NODEFAULT),
    CFG_SEC("gate-desk", gate_options, CFGF_NODEFAULT),
    CFG_SEC("intake", intake_options, CFGF_NODEFAULT),
    CFG_SEC("mail", mail_options, CFGF_NODEFAULT),
    CFG_SEC("decode", decode_options, CFGF_NODEFAULT),
    CFG_SEC("verify", verify_options, CFGF_NODEFAULT),
    CFG_SEC("seal", seal_options, CFGF_NODEFAULT),
    CFG_SEC("triage", triage_options, CFGF_NODEFAULT),
    CFG_SEC("desk", desk_options, CFGF_NODEFAULT),
    CFG_SEC("push", push_options, CFGF_NODEFAULT),
    CFG_SEC("outgoing", outgoing_options, CFGF_NODEFAULT),
    CFG_SEC("fetch", fetch_options, CFGF_NODEFAULT),
    CFG_SEC("supervisor", supervisor_options, CFGF_NODEFAULT),
    CFG_END(),
};

static const struct {
    unsigned bit;
    const char *name;
} sections[] = {
    {CONFIG_DATABASE, "database"},
    {CONFIG_GATE_FEEDS, "gate-feeds"},
    {CONFIG_GATE_DESK, "gate-desk"},
    {CONFIG_INTAKE, "intake"},
    {CONFIG_MAIL, "mail"},
    {CONFIG_VERIFY, "verify"},
    {CONFIG_SEAL, "seal"},
    {CONFIG_DESK, "desk"},
    {CONFIG_PUSH, "push"},
    {CONFIG_OUTGOING, "outgoing"},
    {CONFIG_SUPERVISOR, "supervisor"},
    {CONFIG_DECODE, "decode"},
    {CONFIG_TRIAGE, "triage"},
    {CONFIG_FETCH, "fetch"},
};

/* libconfuse tells errors to a function without context: one reader at a time, which a process of ours is. */
static char last_error[512];
static const char *reading; /* the file's name: sections do not know it */

__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *format, va_list args)
{
    char text[400];
    vsnprintf(text, sizeof text, format, args);
    snprintf(last_error, sizeof last_error, "%s:%d: %s", reading, cfg ? cfg->line : 0, text);
}

static bool parse(const char *name, const char *text, cfg_t **out, struct err *err)
{
    cfg_t *cfg = cfg_init(options, CFGF_NONE);
    if (!cfg)
        BUG("cfg_init");
    cfg_set_error_function(cfg, on_error);
    last_error[0] = '\0';
    reading = name;
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    int result = file ? cfg_parse_fp(cfg, file) : CFG_PARSE_ERROR;
    if (file)
        fclose(file);
    if (result == CFG_SUCCESS) {
        *out = cfg;
        return true;
    }
    cfg_free(cfg);
    return err_set(err, ERR_INPUT, "%s", last_error[0] ? last_error : name);
}

struct reader {
    struct config *config;
    const char *name;
    struct err *err;
    bool ok;
};

static const char *need(struct reader *reader, cfg_t *section, const char *option)
{
    const char *value = cfg_getstr(section, option);
    if (str_is_empty(value) && reader->ok)
        reader->ok = err_set(reader->err, ERR_INPUT, "%s: %s.%s is missing", reader->name, cfg_name(section), option);
    return arena_strdup(reader->config->arena, value);
}

static const char *optional(struct reader *reader, cfg_t *section, const char *option)
{
    const char *value = cfg_getstr(section, option);
    return str_is_empty(value) ? NULL : arena_strdup(reader->config->arena, value);
}

static int64_t number(struct reader *reader, cfg_t *section, const char *option, int64_t min, int64_t max)
{
    int64_t value = cfg_getint(section, option);
    if ((value < min || value > max) && reader->ok)
        reader->ok = err_set(reader->err, ERR_INPUT, "%s: %s.%s is %lld, not within %lld..%lld", reader->name, cfg_name(section), option,
                             (long long)value, (long long)min, (long long)max);
    return value;
}

static const char **list(struct reader *reader, cfg_t *section, const char *option)
{
    unsigned count = cfg_size(section, option);
    const char **items = arena_calloc(reader->config->arena, count + 1, sizeof *items);
    for (unsigned i = 0; i < count; i++)
        items[i] = arena_strdup(reader->config->arena, cfg_getnstr(section, option, i));
    return items;
}

static void read_gate(struct reader *reader, cfg_t *section, struct config_gate *gate)
{
    if (!section)
        return;
    gate->listen = need(reader, section, "listen");
    gate->rid = optional(reader, section, "rid");
    gate->cert = need(reader, section, "cert");
    gate->key = need(reader, section, "key");
    gate->ca = need(reader, section, "ca");
    gate->crl = optional(reader, section, "crl");
    gate->spool = optional(reader, section, "spool");
    gate->allow_tls12 = cfg_getbool(section, "allow_tls12");
    gate->body_max = number(reader, section, "body_max_mb", 1, 1 << 20) * 1024 * 1024;
    gate->connections = (int)number(reader, section, "connections", 1, 100000);
    gate->connections_per_address = (int)number(reader, section, "connections_per_address", 1, 100000);
}

static void read_database(struct reader *reader, cfg_t *section)
{
    struct config *config = reader->config;
    if (!section)
        return;
    config->database_host = need(reader, section, "host");
    config->database_port = arena_printf(config->arena, "%lld", (long long)number(reader, section, "port", 1, 65535));
    config->database_name = need(reader, section, "name");
    config->database_sslmode = optional(reader, section, "sslmode");
    config->database_password = optional(reader, section, "password");
    config->database_data = optional(reader, section, "data");
    config->database_wal = optional(reader, section, "wal");
    config->reserve_mb = number(reader, section, "reserve_mb", 1, 1 << 30);
}

static void read_mail(struct reader *reader, cfg_t *section)
{
    struct config *config = reader->config;
    if (!section)
        return;
    config->mail_socket = optional(reader, section, "socket");
    if (!config->mail_socket)
        config->mail_socket = arena_printf(config->arena, "%s/mail/lmtp", config->run);
    config->mail_users = list(reader, section, "users");
    config->mail_addresses = list(reader, section, "addresses");
    config->mail_max = number(reader, section, "message_max_mb", 1, 1024) * 1024 * 1024;
}

static void read_push(struct reader *reader, cfg_t *section)
{
    struct config *config = reader->config;
    if (!section)
        return;
    config->push_cert = need(reader, section, "cert");
    config->push_key = need(reader, section, "key");
    config->push_smtp = optional(reader, section, "smtp");
    config->push_smtp_user = optional(reader, section, "smtp_user");
    config->push_smtp_password_file = optional(reader, section, "smtp_password_file");
    config->push_smtp_ca = optional(reader, section, "smtp_ca");
}

/* The section may be left out: what a site has to say stands in `site`. */
static void read_outgoing(struct reader *reader, cfg_t *section)
{
    struct config *config = reader->config;
    config->outgoing_address = section ? optional(reader, section, "address") : NULL;
    if (!config->outgoing_address)
        config->outgoing_address = arena_printf(config->arena, "incident@%s", config->site_domain);
    config->outgoing_templates = section ? need(reader, section, "templates") : TEMPLATES_DEFAULT;
    config->outgoing_acknowledge = !section || cfg_getbool(section, "acknowledge");
    config->acknowledge_per_domain_hour =
        section ? (int)number(reader, section, "acknowledge_per_domain_hour", 0, 100000) : PER_DOMAIN_HOUR_DEFAULT;
    config->acknowledge_per_hour = section ? (int)number(reader, section, "acknowledge_per_hour", 0, 100000) : PER_HOUR_DEFAULT;
    config->recall_s = section ? (int)number(reader, section, "recall_s", 0, 3600) : RECALL_S_DEFAULT;
}

/* The section may be left out. */
static void read_decode(struct reader *reader, cfg_t *section)
{
    struct config *config = reader->config;
    config->decode_workers = section ? (int)number(reader, section, "workers", 1, 16) : 1;
    config->decode_authserv_id = section ? optional(reader, section, "authserv_id") : NULL;
    config->decode_document_max = (section ? number(reader, section, "document_max_mb", 1, 1024) : DOCUMENT_MAX_MB_DEFAULT) * 1024 * 1024;
    config->decode_malformed_quota_mb = section ? number(reader, section, "malformed_quota_mb", 0, 1 << 20) : MALFORMED_QUOTA_MB_DEFAULT;
}

static void read_fetch(struct reader *reader, cfg_t *section)
{
    struct config *config = reader->config;
    if (!section)
        return;
    config->fetch_workers = (int)number(reader, section, "workers", 1, 15);
    config->fetch_drop = optional(reader, section, "drop");
    config->fetch_spool = need(reader, section, "spool");
    config->fetch_credentials = optional(reader, section, "credentials");
}

static void read_roles(struct reader *reader, cfg_t *cfg)
{
    struct config *config = reader->config;
    cfg_t *section;
    read_gate(reader, cfg_getsec(cfg, "gate-feeds"), &config->gate_feeds);
    read_gate(reader, cfg_getsec(cfg, "gate-desk"), &config->gate_desk);
    read_mail(reader, cfg_getsec(cfg, "mail"));
    if ((section = cfg_getsec(cfg, "intake"))) {
        config->intake_workers = (int)number(reader, section, "workers", 1, 16);
        config->document_max = number(reader, section, "document_max_mb", 1, 1024) * 1024 * 1024;
        config->malformed_quota_mb = number(reader, section, "malformed_quota_mb", 0, 1 << 20);
    }
    section = cfg_getsec(cfg, "triage");
    config->triage_workers = section ? (int)number(reader, section, "workers", 1, 16) : TRIAGE_WORKERS_DEFAULT;
    if ((section = cfg_getsec(cfg, "desk"))) {
        config->desk_workers = (int)number(reader, section, "workers", 1, 16);
        config->desk_mmdb = list(reader, section, "mmdb");
    }
    if ((section = cfg_getsec(cfg, "verify"))) {
        config->verify_gnupg = need(reader, section, "gnupg");
        config->verify_smime_ca = optional(reader, section, "smime_ca");
        config->verify_smime_crl = optional(reader, section, "smime_crl");
        config->verify_workers = (int)number(reader, section, "workers", 1, 16);
    }
    if ((section = cfg_getsec(cfg, "seal"))) {
        config->seal_gnupg = need(reader, section, "gnupg");
        config->seal_key = need(reader, section, "key");
        config->seal_smime = optional(reader, section, "smime");
        config->seal_smime_key = optional(reader, section, "smime_key");
    }
    read_push(reader, cfg_getsec(cfg, "push"));
    read_outgoing(reader, cfg_getsec(cfg, "outgoing"));
    read_decode(reader, cfg_getsec(cfg, "decode"));
    read_fetch(reader, cfg_getsec(cfg, "fetch"));
    if ((section = cfg_getsec(cfg, "supervisor"))) {
        config->user_prefix = optional(reader, section, "user_prefix");
        config->secrets = optional(reader, section, "secrets");
    }
}

static void read_site(struct reader *reader, cfg_t *cfg)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    struct config *config = reader->config;
    cfg_t *site = cfg_getsec(cfg, "site");
    config->site_name = need(reader, site, "name");
    config->site_prefix = need(reader, site, "prefix");
    config->site_domain = need(reader, site, "domain");
    config->site_zone = need(reader, site, "zone");
    config->run = need(reader, cfg, "run");
    const char *level = cfg_getstr(cfg, "log");
    size_t i = 0;
    while (i < ARRAY_SIZE(levels) && !str_equal(level, levels[i]))
        i++;
    if (i == ARRAY_SIZE(levels) && reader->ok)
        reader->ok = err_set(reader->err, ERR_INPUT, "%s: log is error, warn, info or debug, not %s", reader->name, level);
    config->log_level = (enum log_level)i;
}

/* Takes the sections that are not allowed out of the tree, or refuses them. */
static bool keep_allowed(cfg_t *cfg, const char *name, unsigned allowed, bool is_strict, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
        if (allowed & sections[i].bit || cfg_size(cfg, sections[i].name) == 0)
            continue;
        if (is_strict)
            return err_set(err, ERR_DENIED, "%s: section %s is too much for this role", name, sections[i].name);
        cfg_free_value(cfg_getopt(cfg, sections[i].name));
    }
    return true;
}

bool config_read(const char *name, const char *text, unsigned allowed, bool is_strict, struct config **out, struct err *err)
{
    cfg_t *cfg = NULL;
    if (!parse(name, text, &cfg, err))
        return false;
    struct config *config = mem_calloc(1, sizeof *config);
    config->arena = arena_new();
    struct reader reader = {.config = config, .name = name, .err = err, .ok = keep_allowed(cfg, name, allowed, is_strict, err)};
    if (reader.ok) {
        read_site(&reader, cfg);
        read_database(&reader, cfg_getsec(cfg, "database"));
        read_roles(&reader, cfg);
    }
    cfg_free(cfg);
    if (reader.ok)
        *out = config;
    else
        config_free(config);
    return reader.ok;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    if (config->database_password)
        explicit_bzero((void *)(uintptr_t)config->database_password, strlen(config->database_password));
    arena_free(config->arena);
    free(config);
}

bool config_read_fd(int fd, const char *name, char **text, struct err *err)
{
    struct buf buf;
    buf_init(&buf, FILE_MAX);
    bool ok = true;
    for (;;) {
        char *end = buf_reserve(&buf, 8192);
        if (!end) {
            ok = err_set(err, ERR_LIMIT, "%s: more than 1 MiB", name);
            break;
        }
        ssize_t n = pread(fd, end, 8192, (off_t)buf.size);
        if (n < 0)
            ok = err_set(err, ERR_INPUT, "%s: %s", name, strerror(errno));
        if (n <= 0)
            break;
        buf_used(&buf, (size_t)n);
    }
    if (ok)
        *text = mem_strdup(buf_text(&buf));
    buf_clear(&buf);
    return ok;
}

bool config_read_file(const char *path, char **text, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_INPUT, "%s: %s", path, strerror(errno));
    bool ok = config_read_fd(fd, path, text, err);
    close(fd);
    return ok;
}

bool config_load(const char *path, unsigned allowed, struct config **out, struct err *err)
{
    char *text = NULL;
    bool ok = config_read_file(path, &text, err) && config_read(path, text, allowed, false, out, err);
    free(text);
    return ok;
}

bool config_part(const char *name, const char *text, unsigned allowed, const char *password, char **part, struct err *err)
{
    cfg_t *cfg = NULL;
    if (!parse(name, text, &cfg, err))
        return false;
    bool ok = keep_allowed(cfg, name, allowed, false, err);
    if (ok && password && cfg_size(cfg, "database"))
        cfg_setstr(cfg_getsec(cfg, "database"), "password", password);
    char *printed = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&printed, &size);
    if (!file)
        BUG("open_memstream");
    cfg_print(cfg, file);
    fclose(file);
    cfg_free(cfg);
    if (ok)
        *part = printed;
    else
        free(printed);
    return ok;
}
