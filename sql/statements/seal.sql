-- name: listen
LISTEN cirt_to_open

-- name: claim
SELECT id, attempts, report_id, path, bytes FROM to_open_claim()

-- name: settle
SELECT to_open_settle FROM to_open_settle($1::bigint[], $2::int[])

-- name: fail
SELECT to_open_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: keys
SELECT fingerprint, armoured, changed_us FROM pinned_keys($1::bigint)

-- name: opened
SELECT report_opened($1::bigint, $2::text, $3::bytea, $4::text[], $5::jsonb)
