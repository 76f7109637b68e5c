-- name: listen
LISTEN cirt_triage

-- name: claim
SELECT id, attempts FROM triage_claim(60000, false)

-- name: claim_part
SELECT id, attempts FROM triage_claim(60000, true)

-- name: settle
SELECT triage_settle(q.id, q.attempts) FROM unnest($1::bigint[], $2::int[]) q(id, attempts)

-- name: fail
SELECT triage_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: take
SELECT observations, released, yields FROM triage_take($1::bigint, 60000)

-- name: rules_stamp
SELECT triage_rules_stamp()

-- name: rules
SELECT name, version, text FROM triage_rules()

-- name: facts
SELECT ord, class, class_claim, tlp, tlp_claim, channel, sender, format, assurance, signed, signer, size, summary, description, observed, reporter,
    count, source_port, target_port, constituent, sector, kind, author, dmarc, spf, dkim, spam, spam_score, encryption, fresh
FROM triage_rule_facts($1::boolean, $2::boolean, $3::boolean)

-- name: sightings
SELECT ord, type, value, host FROM triage_rule_sightings($1::smallint[], $2::boolean)

-- name: decide
SELECT triage_decide($1::int[], $2::text[], $3::smallint[], $4::text[], $5::text[], $6::smallint[], $7::text[], $8::text[], $9::text[])

-- name: explain
SELECT triage_rule_explain($1::int[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[])

-- name: items
SELECT triage_rule_items($1::text[], $2::text[], $3::boolean[], $4::text[], $5::bigint[])

-- name: hits
SELECT triage_hits($1::text[], $2::int[], $3::text[], $4::bigint[])

-- name: apply
SELECT opened, joined, observations FROM triage_apply($1::text[], $2::text[], $3::smallint[], $4::int[])
