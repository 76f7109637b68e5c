-- name: listen
LISTEN cirt_to_verify

-- name: claim
SELECT id, attempts, report_id, message, unwraps FROM to_verify_claim()

-- name: settle
SELECT to_verify_settle FROM to_verify_settle($1::bigint[], $2::int[])

-- name: fail
SELECT to_verify_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: parts
SELECT id, step, path, kind, protocol, bytes, signature FROM to_verify_parts($1::bigint[], $2::bigint)

-- name: keys
SELECT fingerprint, protocol, armoured, changed_us FROM pinned_keys($1::bigint)

-- name: identities
SELECT fingerprint, id, name, address, is_refused FROM signer_identities($1::text[])

-- name: contacts
SELECT address, id, name, is_refused FROM contact_names($1::text[])

-- name: unwrapped
SELECT report_unwrapped($1::bigint, $2::int, $3::text, $4::bytea, $5::jsonb, $6::text)

-- name: verdicts
SELECT verdicts_store($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])

-- --- keys: pinned ones that changed, and those that mails brought along ---

-- name: keys_unconfirmed
SELECT fingerprint, protocol, armoured FROM keys_unconfirmed()

-- name: key_confirmed
SELECT key_confirmed($1::text, $2::text[], $3::text[], $4::text, $5::timestamptz, $6::boolean, $7::boolean, $8::text, $9::text, $10::text)

-- name: offer_listen
LISTEN cirt_key_offer

-- name: offer_claim
SELECT id, attempts, report_id, source, bytes FROM key_offer_claim()

-- name: offer_settle
SELECT key_offer_settle FROM key_offer_settle($1::bigint[], $2::int[])

-- name: offer_fail
SELECT key_offer_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: candidate
SELECT key_candidate_add($1::bigint, $2::jsonb)

-- name: offer
SELECT key_offer_add($1::bigint, $2::text, $3::bytea)

-- name: certificates
SELECT fingerprint, armoured FROM key_certificates()

-- name: key_revoked
SELECT key_revoked($1::text)
