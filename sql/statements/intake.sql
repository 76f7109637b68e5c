-- name: callers
SELECT encode(key, 'hex'), enabled, identity_id, login, role, peer_id, peer, sender_id, default_tlp, default_class, malformed_today,
    $2::bigint, confidence, rest_s, paused, document_bytes_max, format, quota FROM callers($1::bytea[])

-- name: report_begin
SELECT report_id, received_us FROM report_begin()

-- name: report_raw_add
SELECT report_raw_add($1::bigint, $2::int, $3::bytea)

-- name: report_rows
SELECT report_rows($1::bigint[], ARRAY[now()], $2::bigint[], $3::int[], $4::int[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
    $11::text[], $12::text[], $13::int[], $14::int[], $15::text[], $16::bigint[], $17::int[], $18::int[], $19::smallint[],
    $20::smallint[], $21::smallint[], $22::boolean[], $23::inet[], $24::text[], $25::text[], $26::smallint[], $27::smallint[],
    $28::timestamptz[], $29::text[], $30::bigint[], $31::timestamptz[], $32::int[], $33::bigint[], $34::timestamptz[])

-- name: reports_insert
SELECT ord, report_id, is_duplicate, state, tlp FROM reports_insert($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bytea[], $7::bigint[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::smallint[], $13::boolean[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[],
    $19::text[], $20::text[], $21::timestamptz[], $22::text[], $23::text[], $24::text[], $25::int[], $26::int[], $27::text[],
    $28::text[], $29::text[], $30::text[], $31::text[], $32::smallint[], $33::text[], $34::int[], $35::int[], $36::bytea[],
    $37::int[], $38::int[], $39::timestamptz[], $40::text[], $41::text[], $42::text[], $43::text[], $44::bigint[], $45::text[],
    $46::text[], $47::int[], $48::int[], $49::text[], $50::bigint[], $51::int[], $52::int[], $53::smallint[], $54::smallint[],
    $55::smallint[], $56::boolean[], $57::inet[], $58::text[], $59::text[], $60::smallint[], $61::smallint[], $62::timestamptz[], $63::text[], $64::bigint[],
    $65::timestamptz[], $66::int[], $67::bigint[], $68::timestamptz[])

-- name: report_of_sender
SELECT report_of_sender($1::bigint, $2::bigint)

-- name: incoming_insert
SELECT incoming_id, verdict FROM incoming_insert($1::bigint, $2::bigint, $3::text, $4::text, $5::smallint, $6::int)

-- name: issuer_may
SELECT incoming_issuer_may($1::bigint, $2::text, $3::text)

-- name: columns
SELECT feed_columns_seen($1::bigint, NULL, $2::text, $3::text, $4::boolean, $5::smallint)

-- name: refused
SELECT feed_refused($1::bigint, $2::bigint, $3::text)

-- name: repeated
SELECT feed_repeated($1::bigint, $2::bigint)

-- name: mapping
SELECT mapping_text($1::text)
