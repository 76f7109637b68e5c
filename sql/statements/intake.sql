-- name: callers
SELECT encode(key, 'hex'), enabled, identity_id, login, role, peer_id, peer, sender_id, default_tlp, default_class, malformed_today,
    $2::bigint FROM callers($1::bytea[])

-- name: report_begin
SELECT report_id, received_us FROM report_begin()

-- name: report_raw_add
SELECT report_raw_add($1::bigint, $2::int, $3::bytea)

-- name: report_rows
SELECT report_rows($1::bigint[], ARRAY[now()], $2::bigint[], $3::int[], $4::int[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::bigint[], $11::text[], $12::text[], $13::int[], $14::int[], $15::text[], $16::int[], $17::int[], $18::smallint[], $19::smallint[],
    $20::smallint[], $21::boolean[], $22::inet[], $23::text[], $24::text[])

-- name: reports_insert
SELECT ord, report_id, is_duplicate, state FROM reports_insert($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bytea[],
    $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[], $12::smallint[], $13::boolean[], $14::text[], $15::text[], $16::text[],
    $17::text[], $18::text[], $19::text[], $20::text[], $21::timestamptz[], $22::text[], $23::text[], $24::text[], $25::int[], $26::int[],
    $27::text[], $28::text[], $29::text[], $30::text[], $31::text[],
    $32::int[], $33::int[], $34::bytea[],
    $35::int[], $36::int[], $37::timestamptz[], $38::text[], $39::text[], $40::text[], $41::text[], $42::bigint[], $43::text[], $44::text[],
    $45::int[], $46::int[], $47::text[],
    $48::int[], $49::int[], $50::smallint[], $51::smallint[], $52::smallint[], $53::boolean[], $54::inet[], $55::text[], $56::text[])

-- name: report_of_sender
SELECT report_of_sender($1::bigint, $2::bigint)

-- name: incoming_insert
SELECT incoming_id, verdict FROM incoming_insert($1::bigint, $2::bigint, $3::text, $4::text, $5::smallint, $6::int)

-- name: issuer_may
SELECT incoming_issuer_may($1::bigint, $2::text, $3::text)
