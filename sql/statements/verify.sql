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

-- name: contact
SELECT id, name FROM contact_name($1::text)

-- name: unwrapped
SELECT report_unwrapped($1::bigint, $2::int, $3::text, $4::bytea, $5::jsonb, $6::text)

-- name: verdict
SELECT report_verdict_store($1::bigint, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::timestamptz, $9::jsonb, $10::text, $11::text,
    $12::text[], $13::text[], $14::bytea[], $15::text[])
