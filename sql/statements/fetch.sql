-- name: feeds_listen
LISTEN cirt_feeds

-- name: tell_root
SELECT fetch_tell_root($1::text)

-- name: folders
SELECT id, name, document_bytes_max, keeps_files, is_over_quota FROM fetch_folders()

-- name: report
SELECT verdict, report_id, rest_s FROM fetch_report($1::bigint, $2::int, $3::bytea, $4::bigint, $5::text, $6::text)

-- name: raw_add
SELECT fetch_raw_add($1::bigint, $2::int, $3::bytea)

-- name: refused
SELECT fetch_refused($1::bigint, $2::text, $3::text)

-- name: waits
SELECT fetch_waits($1::bigint, $2::text)

-- name: malformed
SELECT report_id, feed, name, sha256, reason FROM fetch_malformed()

-- name: malformed_settle
SELECT fetch_malformed_settle($1::bigint, $2::text)

-- name: claim
SELECT id, attempts, name, kind, url, credentials, ca, document_bytes_max, etag, last_modified, added_after, query_after, next, seen, page_limit, trail FROM fetch_claim()

-- name: wanted
SELECT fetch_wanted($1::bigint, $2::int)

-- name: polled
SELECT fetch_polled($1::bigint, $2::int, $3::text, $4::text, $5::text, $6::text, $7::text, $8::boolean, $9::bytea, $10::int, $11::bytea, $12::int, $13::boolean, $14::text)

-- name: settle
SELECT fetch_settle FROM fetch_settle($1::bigint[], $2::int[])

-- name: fail
SELECT fetch_fail($1::bigint, $2::int, $3::text, $4::boolean)
