-- name: listen
LISTEN cirt_push

-- name: claim
SELECT id, attempts, share_id, peer, rid_url, ca, keys, document, stop, reason FROM push_claim()

-- name: settle
SELECT push_settle(q.id, q.attempts) FROM unnest($1::bigint[], $2::int[]) q(id, attempts)

-- name: fail
SELECT push_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: answered
SELECT push_answered($1::bigint, $2::int, $3::int, $4::bytea)

-- name: stopped
SELECT push_stopped($1::bigint, $2::int, $3::text, $4::text)
