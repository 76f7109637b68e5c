-- name: listen
LISTEN cirt_push

-- name: claim
SELECT id, attempts, share_id, peer, url, ca, keys, document, media_type, stop, reason FROM push_claim()

-- name: settle
SELECT push_settle(q.id, q.attempts) FROM unnest($1::bigint[], $2::int[]) q(id, attempts)

-- name: fail
SELECT push_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: answered
SELECT push_answered($1::bigint, $2::int, $3::int, $4::bytea)

-- name: stopped
SELECT push_stopped($1::bigint, $2::int, $3::text, $4::text)

-- --- mail ---

-- name: mail_listen
LISTEN cirt_outbox_mail

-- name: mail_claim
SELECT id, attempts, mail_id, sender, array_to_string(recipients, ' '), message_id, bytes, stop FROM mail_push_claim()

-- name: mail_settle
SELECT mail_push_settle(q.id, q.attempts) FROM unnest($1::bigint[], $2::int[]) q(id, attempts)

-- name: mail_fail
SELECT mail_push_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: mail_pushed
SELECT mail_pushed($1::bigint, $2::int, $3::text[], $4::int[], $5::text[])

-- name: mail_stopped
SELECT mail_push_stopped($1::bigint, $2::int, $3::text)

-- name: mta_tell
SELECT mta_tell($1::text, $2::boolean)
