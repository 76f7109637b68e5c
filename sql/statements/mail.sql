-- name: insert
SELECT report_id, is_duplicate FROM mail_insert($1::text, $2::text[], $3::bytea)
