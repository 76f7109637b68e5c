-- name: insert
SELECT ord, report_id, is_duplicate FROM mails_insert($1::text[], $2::text[], $3::int[], $4::bytea[])
