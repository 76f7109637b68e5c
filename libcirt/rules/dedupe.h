/*
 * rules/dedupe.h - which observations are about the same thing: the key under which a case of the last 7 days is joined where no
 * rule says otherwise (contracts, "Triage when no rule says otherwise").
 */
#ifndef CIRT_RULES_DEDUPE_H
#define CIRT_RULES_DEDUPE_H

#include <stdint.h>

#include "base/mem.h"
#include "model/report.h"

#define DEDUPE_JOIN_SECONDS (7 * 24 * 3600)

/*
 * "CLASS constituent 12", else by the observation's first address or name (in the order source, infrastructure, victim, target,
 * other; addresses before names within a role): "CLASS 198.51.100.0/24", "CLASS 2001:db8:1::/48", "CLASS login.bank.example".
 * constituent_id 0: no constituent of ours; where several hold the same, triage names them all ("constituent 12+17"). class_name NULL
 * counts as other/undetermined. In the arena; NULL where the observation names nothing to join by: it opens a case of its own.
 */
const char *dedupe_key(struct arena *arena, const char *class_name, int64_t constituent_id, const struct observation *observation);

#endif
