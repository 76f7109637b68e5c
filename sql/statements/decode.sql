-- name: listen
LISTEN cirt_inbox

-- name: claim
SELECT id, attempts, report_id, sender_id, channel, name, media_type, format, tlp, default_tlp, default_class, is_first, mail_from,
    raw, has_steps, confidence FROM inbox_claim()

-- name: settle
SELECT inbox_settle FROM inbox_settle($1::bigint[], $2::int[])

-- name: fail
SELECT inbox_fail($1::bigint, $2::int, $3::text, $4::boolean)

-- name: chunk
SELECT inbox_chunk FROM inbox_chunk($1::bigint, $2::int)

-- name: rows_begin
SELECT inbox_rows_begin($1::bigint)

-- name: columns
SELECT feed_columns_seen($1::bigint, $2::bigint, $3::text, $4::text, $5::boolean, $6::smallint)

-- name: split
SELECT inbox_split($1::bigint)

-- name: malformed
SELECT inbox_malformed($1::bigint, $2::bigint)

-- name: steps
SELECT step, path, kind, protocol, bytes, needed, signatures, problem, is_stale FROM inbox_steps($1::bigint)

-- name: facts
SELECT inbox_facts($1::bigint[], $2::text[])

-- name: reports_decoded
SELECT ord, report_id, is_duplicate, state, NULL::smallint AS tlp FROM reports_decoded($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bytea[], $7::bigint[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::smallint[], $13::boolean[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[],
    $19::text[], $20::text[], $21::timestamptz[], $22::text[], $23::text[], $24::text[], $25::int[], $26::int[], $27::text[],
    $28::text[], $29::text[], $30::text[], $31::text[], $32::smallint[], $33::text[], $34::int[], $35::int[], $36::bytea[],
    $37::int[], $38::int[], $39::timestamptz[], $40::text[], $41::text[], $42::text[], $43::text[], $44::bigint[], $45::text[],
    $46::text[], $47::int[], $48::int[], $49::text[], $50::bigint[], $51::int[], $52::int[], $53::smallint[], $54::smallint[],
    $55::smallint[], $56::boolean[], $57::inet[], $58::text[], $59::text[], $60::smallint[], $61::smallint[], $62::timestamptz[], $63::text[], $64::bigint[],
    $65::timestamptz[], $66::int[], $67::bigint[], $68::timestamptz[])

-- name: key_offer
SELECT key_offer_add($1::bigint, $2::text, $3::bytea)

-- name: attachments
SELECT inbox_attachments($1::bigint, $2::text[], $3::text[], $4::text[], $5::bytea[])

-- name: to_verify
SELECT inbox_to_verify($1::bigint[], $2::text[], $3::int[], $4::int[], $5::text[], $6::text[], $7::bytea[], $8::bytea[])

-- name: to_open
SELECT inbox_to_open($1::bigint, $2::int, $3::text[], $4::text[], $5::text[], $6::bytea[])

-- name: verdicts
SELECT verdicts_store($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])

-- name: rows
SELECT inbox_rows($1::bigint[], $2::bigint[], $3::int[], $4::int[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
    $11::text[], $12::text[], $13::int[], $14::int[], $15::text[], $16::bigint[], $17::int[], $18::int[], $19::smallint[],
    $20::smallint[], $21::smallint[], $22::boolean[], $23::inet[], $24::text[], $25::text[], $26::smallint[], $27::smallint[],
    $28::timestamptz[], $29::text[], $30::bigint[], $31::timestamptz[], $32::int[], $33::bigint[], $34::timestamptz[])

-- name: line_reports
SELECT ord, report_id, is_duplicate, state, NULL::smallint AS tlp FROM inbox_lines($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bytea[], $7::bigint[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::smallint[], $13::boolean[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[],
    $19::text[], $20::text[], $21::timestamptz[], $22::text[], $23::text[], $24::text[], $25::int[], $26::int[], $27::text[],
    $28::text[], $29::text[], $30::text[], $31::text[], $32::smallint[], $33::text[], $34::int[], $35::int[], $36::bytea[],
    $37::int[], $38::int[], $39::timestamptz[], $40::text[], $41::text[], $42::text[], $43::text[], $44::bigint[], $45::text[],
    $46::text[], $47::int[], $48::int[], $49::text[], $50::bigint[], $51::int[], $52::int[], $53::smallint[], $54::smallint[],
    $55::smallint[], $56::boolean[], $57::inet[], $58::text[], $59::text[], $60::smallint[], $61::smallint[], $62::timestamptz[], $63::text[], $64::bigint[],
    $65::timestamptz[], $66::int[], $67::bigint[], $68::timestamptz[])

-- name: mapping
SELECT mapping_text($1::text)
