-- name: partitions
SELECT done, more FROM clock_partitions()

-- name: escalate
SELECT done, more FROM clock_escalate()

-- name: waiting
SELECT done, more FROM clock_waiting()

-- name: expire
SELECT done, more FROM clock_expire()

-- name: digests
SELECT done, more FROM clock_digests()

-- name: anchor
SELECT done, more FROM clock_anchor()

-- name: age
SELECT done, more FROM clock_age()

-- name: flood
SELECT done, more FROM clock_flood()

-- name: forget
SELECT done, more FROM clock_forget()

-- name: key_warnings
SELECT done, more FROM clock_key_warnings()

-- name: keys_forgotten
SELECT done, more FROM clock_keys_forgotten()

-- name: feeds
SELECT done, more FROM clock_feeds()

-- name: feed_notices
SELECT done, more FROM clock_feed_notices()

-- --- mail that leaves ---

-- name: expire_mail
SELECT done, more FROM clock_expire_mail()

-- name: acknowledge
SELECT done, more FROM mail_acknowledge($1::text, $2::int, $3::int)

-- name: compose_listen
LISTEN cirt_to_compose

-- name: compose_claim
SELECT id, attempts, mail_id, occasion, lang, subject, body FROM mail_compose_claim()

-- name: compose_settle
SELECT mail_compose_settle(q.id, q.attempts) FROM unnest($1::bigint[], $2::int[]) q(id, attempts)

-- name: compose_fail
SELECT mail_compose_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: mail_variables
SELECT name, value FROM mail_variables($1::bigint)

-- name: mail_composed
SELECT mail_composed($1::bigint, $2::text, $3::text, $4::text)

-- name: mail_outline
SELECT id, state, occasion, sender, subject, body, lang, tlp, in_reply_to, refs, auto_submitted, case_name, case_tlp, team, is_restricted, is_drill, is_closed, attached,
       signs_openpgp, signs_smime FROM mail_outline($1::bigint)

-- name: mail_routes
SELECT no, kind, address, name, openpgp, openpgp_state, smime, smime_state, waiver_up_to, (extract(epoch FROM waiver_from) * 1000000)::bigint,
       (extract(epoch FROM waiver_until) * 1000000)::bigint, waiver_by, waiver_of_peer, is_disabled, is_intake, is_ours, may_read, takes_part, is_known, time_text(bounced)
FROM mail_routes($1::bigint)

-- name: mail_files
SELECT name, media_type, bytes FROM mail_files($1::bigint)

-- name: mail_send
SELECT mail_send($1::bigint, NULL, false, $2::text, 0, $3::jsonb, $4::bytea[])
