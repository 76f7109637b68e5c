-- name: listen
LISTEN cirt_share

-- name: claim
SELECT id, attempts, kind, share_id, version, delivery_id FROM share_claim()

-- name: settle
SELECT share_settle(q.id, q.attempts) FROM unnest($1::bigint[], $2::int[]) q(id, attempts)

-- name: fail
SELECT share_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: open
SELECT share_open($1::bigint)

-- name: head
-- Times of agreements end in 2200 here: "infinity" is no number.
SELECT version, tlp, (extract(epoch FROM ordered) * 1000000)::bigint, case_name, class, peer_id, peer, peer_enabled, rid_url, ceiling,
       array_to_string(classes, ' '), agreed, (extract(epoch FROM greatest(valid_from, '1970-01-01'::timestamptz)) * 1000000)::bigint,
       (extract(epoch FROM least(valid_until, '2200-01-01'::timestamptz)) * 1000000)::bigint, team, prefix, domain, format, part, by_mail
FROM releasable_share

-- name: items
SELECT no, kind, ref, content, encode(sha256, 'hex'), tlp, origin_peer, personal, shareable, restricted FROM releasable_item ORDER BY no

-- name: queued
SELECT share_queued($1::bigint, $2::int, $3::bytea, $4::bytea, $5::text)

-- name: answer
SELECT status, answer, case_name, prefix, format FROM releasable_answer WHERE id = $1::bigint

-- name: answered
SELECT share_answered($1::bigint, $2::text, $3::text)
