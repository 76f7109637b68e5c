-- name: feeds_listen
LISTEN cirt_feeds

-- name: folders
SELECT id, name, document_bytes_max, keeps_files FROM fetch_folders()

-- name: report
SELECT verdict, report_id, rest_s FROM fetch_report($1::bigint, $2::int, $3::bytea, $4::bigint, $5::text, $6::text)

-- name: raw_add
SELECT fetch_raw_add($1::bigint, $2::int, $3::bytea)

-- name: refused
SELECT fetch_refused($1::bigint, $2::text)
