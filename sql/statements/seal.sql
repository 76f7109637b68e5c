-- name: listen
LISTEN cirt_to_open

-- name: claim
SELECT id, attempts, report_id, step, path, protocol, bytes FROM to_open_claim()

-- name: settle
SELECT to_open_settle FROM to_open_settle($1::bigint[], $2::int[])

-- name: fail
SELECT to_open_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: keys
SELECT fingerprint, protocol, armoured, changed_us FROM pinned_keys($1::bigint)

-- name: opened
SELECT report_opened($1::bigint, $2::int, $3::text, $4::bytea, $5::text[], $6::jsonb, $7::text)

-- --- signing what leaves ---

-- name: sign_listen
LISTEN cirt_to_sign

-- name: sign_claim
SELECT id, attempts, mail_id, protocol, protection, message_id, array_to_string(fingerprints, ' '), certificates, head, payload, sha256 FROM mail_sign_claim()

-- name: sign_settle
SELECT mail_sign_settle(q.id, q.attempts) FROM unnest($1::bigint[], $2::int[]) q(id, attempts)

-- name: sign_fail
SELECT mail_sign_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: sign_signed
SELECT mail_signed($1::bigint, $2::int, $3::bytea)

-- name: own_keys
SELECT own_keys_publish($1::jsonb)
