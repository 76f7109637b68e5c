-- name: listen
LISTEN cirt_to_verify

-- name: claim
SELECT id, attempts, report_id, message FROM to_verify_claim()

-- name: settle
SELECT to_verify_settle FROM to_verify_settle($1::bigint[], $2::int[])

-- name: fail
SELECT to_verify_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: parts
SELECT path, bytes, signature FROM to_verify_parts($1::bigint)

-- name: keys
SELECT fingerprint, armoured, changed_us FROM pinned_keys($1::bigint)

-- name: identities
SELECT i.fingerprint, i.name, a.address FROM pinned_identities($1::text[]) i CROSS JOIN LATERAL unnest(i.addresses) a(address)
ORDER BY i.fingerprint, a.address

-- name: verdict
SELECT report_verdict_store($1::bigint, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::timestamptz, $9::jsonb, $10::text)
