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
