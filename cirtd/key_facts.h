/* cirtd/key_facts.h - what a key says of itself, for the database. */
#ifndef CIRT_CIRTD_KEY_FACTS_H
#define CIRT_CIRTD_KEY_FACTS_H

#include "base/attr.h"
#include "base/err.h"
#include "cirtd/stage.h"
#include "crypto/key_block.h"

/* Tells what verify found when it looked at a pinned key: key, or where it cannot be used NULL and the problem. looked: the text that it
 * looked at, NULL where key is a newer copy, to be kept. What became another text meanwhile is left as it is. */
bool key_facts_confirm(struct stage_run *run, const char *fingerprint, const struct key_block_key *key, const char *problem,
                       const char *looked, struct err *err) MUST_CHECK;

#endif
