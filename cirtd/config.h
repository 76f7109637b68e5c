/*
 * cirtd/config.h - the configuration file, and each role's own part of it.
 *
 * A role sees site, run, log, database (where it has one) and the sections that its row in role.c names; everything else is left
 * empty. Under the supervisor it is handed just that part on a descriptor and refuses more.
 */
#ifndef CIRT_CIRTD_CONFIG_H
#define CIRT_CIRTD_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

/* Sections that a role may be allowed; bits. To add one: a bit, a row in sections[] and its options in config.c, packaging/cirtd.conf. */
enum config_section {
    CONFIG_DATABASE = 1,
    CONFIG_GATE_FEEDS = 2,
    CONFIG_GATE_DESK = 4,
    CONFIG_INTAKE = 8,
    CONFIG_MAIL = 16,
    CONFIG_VERIFY = 32,
    CONFIG_SEAL = 64,
    CONFIG_DESK = 128,
    CONFIG_PUSH = 256,
    CONFIG_SUPERVISOR = 512,
    CONFIG_OUTGOING = 1024,
    CONFIG_DECODE = 2048,
    CONFIG_FETCH = 4096,
    CONFIG_TRIAGE = 8192,
    CONFIG_ALL = 16383
};

struct config_gate {
    const char *listen, *rid;          /* "127.0.0.1:8443"; rid NULL or "" for none */
    const char *cert, *key, *ca, *crl; /* paths; crl NULL or "" for none */
    const char *spool;                 /* directory for large bodies, "" for memory files */
    bool allow_tls12;
    int64_t body_max; /* bytes */
    int connections, connections_per_address;
};

struct config {
    struct arena *arena; /* owns the strings */
    const char *site_name, *site_prefix, *site_domain, *site_zone;
    const char *run; /* directory of sockets */
    enum log_level log_level;
    const char *database_host, *database_port, *database_name, *database_sslmode, *database_password;
    const char *database_data; /* a path on the file system of PostgreSQL's data, NULL where unknown: for the watermarks */
    const char *database_wal;  /* the same of its WAL, where that is another; else NULL */
    int64_t reserve_mb;        /* free space below which feeds are refused; half of it: mail; a quarter: analysts' reports */
    struct config_gate gate_feeds, gate_desk;
    int intake_workers;
    int64_t document_max;       /* whole documents, bytes */
    int64_t malformed_quota_mb; /* kept bytes of malformed documents a sender and day */
    int triage_workers;
    int desk_workers;
    const char **desk_mmdb; /* MaxMind DB files, NULL-terminated */
    const char *mail_socket;
    const char **mail_users;     /* OS users that may deliver, NULL-terminated */
    const char **mail_addresses; /* accepted recipients; "case+*@domain" with a star; NULL-terminated */
    int64_t mail_max;
    int decode_workers;
    int64_t decode_document_max;       /* whole documents but mails, bytes */
    int64_t decode_malformed_quota_mb; /* as of intake, of what decode finds malformed */
    const char *decode_authserv_id;    /* the name our own MTA puts into Authentication-Results, or NULL: those of others prove nothing */
    const char *verify_gnupg;
    int verify_workers;
    const char *verify_smime_ca, *verify_smime_crl; /* PEM files: the CAs whose mail certificates count, what they revoked; or NULL */
    const char *seal_gnupg, *seal_key;
    const char *seal_smime, *seal_smime_key; /* folder of NAME.crt and NAME.key; SHA-256 of the certificate that signs; or NULL */
    const char *push_cert, *push_key;
    const char *push_smtp;                                 /* "smtp://HOST:PORT"; NULL: no MTA, mail waits */
    const char *push_smtp_user, *push_smtp_password_file;  /* NULL: no AUTH */
    const char *push_smtp_ca;                              /* NULL: the system's CAs */
    const char *outgoing_address;                          /* ours, in From; incident@ the site's domain where not said */
    const char *outgoing_templates;                        /* folder with a folder a language */
    bool outgoing_acknowledge;                             /* tell senders the number of their case */
    int acknowledge_per_domain_hour, acknowledge_per_hour; /* at most so many */
    int recall_s;                                          /* how long a sent mail can be recalled */
    int fetch_workers;                                     /* that poll; one more watches the drop folders */
    const char *fetch_drop;                                /* folder with a folder a feed; NULL: none */
    const char *fetch_spool;                               /* folder of what is half fetched */
    const char *fetch_credentials;                         /* folder of what servers want to see of us; NULL: none */
    const char *user_prefix, *secrets;                     /* supervisor's */
};

/* Reads text (name is for messages: the file's path). sections: which to take; is_strict: others in the text are ERR_DENIED, not skipped.
 * Unknown options, wrong types and missing needed values are ERR_INPUT with "FILE:LINE: ..." */
bool config_read(const char *name, const char *text, unsigned sections, bool is_strict, struct config **out, struct err *err) MUST_CHECK;
bool config_load(const char *path, unsigned sections, struct config **out, struct err *err) MUST_CHECK;
void config_free(struct config *config);

/* The part of the file text that those sections are, in the same syntax, with the database password put in where not NULL. The caller's. */
bool config_part(const char *name, const char *text, unsigned sections, const char *password, char **part, struct err *err) MUST_CHECK;

/* A whole small file (up to 1 MiB), NUL-terminated; the caller's. */
bool config_read_file(const char *path, char **text, struct err *err) MUST_CHECK;
/* The same from the start of an open descriptor, whatever its position. */
bool config_read_fd(int fd, const char *name, char **text, struct err *err) MUST_CHECK;

#endif
