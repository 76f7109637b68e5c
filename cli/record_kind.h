/*
 * cli/record_kind.h - the kinds of records that are kept by the commands of record_cmd.h: their options, and what these become.
 *
 * To add a kind of record: its options, fields and a row (record_kind.c), five rows in commands.c, five endpoints in wire/api.c.
 */
#ifndef CIRT_CLI_RECORD_KIND_H
#define CIRT_CLI_RECORD_KIND_H

#include "cli/options.h"

enum field_shape {
    FIELD_TEXT,
    FIELD_TEXTS,
    FIELD_NUMBER, /* a whole number */
    FIELD_NUMBERS,
    FIELD_FILE,     /* the text of a file */
    FIELD_CAS,      /* the same, of PEM certificates alone */
    FIELD_OPENPGP,  /* {fingerprint, addresses, armoured} of files with a key */
    FIELD_KEYS,     /* SHA-256 in hex, or a file with a certificate */
    FIELD_START,    /* a day or moment: its start */
    FIELD_END,      /* its last second */
    FIELD_CONTACTS, /* "Name <mail>", "mail", "+phone" */
    FIELD_SWITCH,   /* yes or no */
    FIELD_WORD,     /* true, where the option is there */
    FIELD_SECONDS,  /* a duration: 15m, 1d */
    FIELD_COUNT,    /* a number */
    FIELD_BYTES     /* a size: 500MB */
};

struct record_field {
    const char *option; /* NULL ends the list */
    const char *member;
    enum field_shape shape;
};

struct record_kind {
    const char *noun;
    const char *path;        /* "/v1/peers" */
    const char *name_member; /* what the operand of "add" becomes */
    const struct record_field *fields;
    const char *columns[11]; /* members shown by ls */
    const char *gone;        /* what `rm` did; NULL: what was ever used is disabled */
};

extern const struct record_kind record_kind_peer, record_kind_agreement, record_kind_constituent, record_kind_rule, record_kind_suppression,
    record_kind_class, record_kind_mapping, record_kind_analyst, record_kind_contact, record_kind_feed, record_kind_alias,
    record_kind_warninglist;
extern const struct option_rule record_kind_peer_options[], record_kind_agreement_options[], record_kind_constituent_options[],
    record_kind_rule_options[], record_kind_suppression_options[], record_kind_suppression_set_options[], record_kind_class_options[],
    record_kind_mapping_options[], record_kind_analyst_options[], record_kind_contact_options[], record_kind_feed_add_options[],
    record_kind_feed_set_options[], record_kind_alias_options[];

extern const struct record_kind record_kind_rir;

#endif
