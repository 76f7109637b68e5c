/*
 * cli/record_cmd.h - peers, agreements, constituents, rules, analysts, contacts and feeds: kept the same way, told apart by a table.
 *
 * To add a kind of record: a row in kinds[] with its fields (record_cmd.c), an option list here, five rows in commands.c, five
 * endpoints in wire/api.c.
 */
#ifndef CIRT_CLI_RECORD_CMD_H
#define CIRT_CLI_RECORD_CMD_H

#include "cli/options.h"

struct session;
struct record_kind;

extern const struct record_kind record_cmd_peer, record_cmd_agreement, record_cmd_constituent, record_cmd_rule, record_cmd_suppression,
    record_cmd_class, record_cmd_mapping, record_cmd_analyst, record_cmd_contact, record_cmd_feed, record_cmd_alias, record_cmd_warninglist;
extern const struct option_rule record_cmd_peer_options[], record_cmd_agreement_options[], record_cmd_constituent_options[],
    record_cmd_rule_options[], record_cmd_suppression_options[], record_cmd_class_options[], record_cmd_mapping_options[],
    record_cmd_analyst_options[], record_cmd_contact_options[], record_cmd_feed_add_options[], record_cmd_feed_set_options[],
    record_cmd_alias_options[];

extern const struct record_kind record_cmd_rir;

int record_cmd_ls(struct session *session);
int record_cmd_show(struct session *session);
int record_cmd_add(struct session *session);
int record_cmd_set(struct session *session);
int record_cmd_rm(struct session *session);

/* "/v1/rules/triage": where the one that the operand names is. The caller's. */
char *record_cmd_path(const struct session *session);

#endif
