-- The sender row of each mail address, made where it is new. In sorted order, so that two who make the same ones wait for each other and do not die.
DROP FUNCTION IF EXISTS sender_of_address(text);
CREATE OR REPLACE FUNCTION senders_of_addresses(p_addresses text[]) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE v_ids bigint[];
BEGIN
    FOR i IN 1..2 LOOP
        SELECT array_agg(s.id ORDER BY u.ord) INTO v_ids FROM unnest(p_addresses) WITH ORDINALITY u(address, ord) LEFT JOIN sender s ON s.address = lower(u.address);
        EXIT WHEN array_position(v_ids, NULL) IS NULL;
        INSERT INTO sender (address) SELECT DISTINCT lower(u.address) FROM unnest(p_addresses, v_ids) u(address, id) WHERE u.id IS NULL ORDER BY 1
            ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN v_ids;
END $$;

-- Messages as the MTA handed them over: reports of unknown senders, for decode to read. All that role mail can do. p_recipients holds those of all
-- messages one after the other, p_recipient_counts how many each has. All messages are stored, or none.
DROP FUNCTION IF EXISTS mail_insert(text, text[], bytea);
CREATE OR REPLACE FUNCTION mails_insert(p_from text[], p_recipients text[], p_recipient_counts int[], p_bytes bytea[])
RETURNS TABLE (ord int, report_id bigint, is_duplicate boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_n int := cardinality(p_from);
    v_senders bigint[] := senders_of_addresses(ARRAY(SELECT coalesce(nullif(f, ''), '<>') FROM unnest(p_from) WITH ORDINALITY u(f, ord) ORDER BY u.ord));
    v_none text[] := array_fill(NULL::text, ARRAY[v_n]);
    v_zero int[] := array_fill(0, ARRAY[v_n]);
    v_size bigint[];
    v_sha256 bytea[];
    v_ord int[];
    v_no int[];
    v_raw bytea[];
    v_ids bigint[];
    v_again boolean[];
BEGIN
    SELECT array_agg(length(u.bytes)::bigint ORDER BY u.ord), array_agg(sha256(u.bytes) ORDER BY u.ord) INTO v_size, v_sha256
        FROM unnest(p_bytes) WITH ORDINALITY u(bytes, ord);
    -- Chunks of 1 MiB, as everywhere; an empty message is one empty chunk.
    SELECT array_agg(u.ord::int), array_agg(n), array_agg(substr(u.bytes, n * 1048576 + 1, 1048576)) INTO v_ord, v_no, v_raw
        FROM unnest(p_bytes) WITH ORDINALITY u(bytes, ord), generate_series(0, greatest((length(u.bytes) + 1048575) / 1048576, 1) - 1) n;
    -- What a mail is worth shows only when it is decoded and verified; till then it is an unknown's, under the usual label.
    SELECT array_agg(i.report_id ORDER BY i.ord), array_agg(i.is_duplicate ORDER BY i.ord) INTO v_ids, v_again FROM reports_insert(
        v_zero::bigint[], array_fill('inbox'::text, ARRAY[v_n]), v_senders, array_fill('mail'::text, ARRAY[v_n]),
        array_fill('unknown'::text, ARRAY[v_n]), v_sha256, v_size, v_none, array_fill('message/rfc822'::text, ARRAY[v_n]),
        array_fill('decoding'::text, ARRAY[v_n]), array_fill('mail'::text, ARRAY[v_n]), array_fill(2::smallint, ARRAY[v_n]),
        array_fill(true, ARRAY[v_n]), v_none, v_none, v_none, v_none, v_none, v_none, v_none, array_fill(NULL::timestamptz, ARRAY[v_n]),
        v_none, v_none, v_none, v_zero, v_zero, v_none, v_none, v_none, v_none, v_none, v_ord, v_no, v_raw,
        '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}') i;
    INSERT INTO report_mail (report_id, received, mail_from, recipients)
        SELECT u.id, now(), u.mail_from, p_recipients[u.upto - u.count + 1 : u.upto]
        FROM (SELECT w.*, sum(w.count) OVER (ORDER BY w.ord) AS upto
              FROM unnest(v_ids, v_again, p_from, p_recipient_counts) WITH ORDINALITY w(id, again, mail_from, count, ord)) u
        WHERE NOT u.again;
    RETURN QUERY SELECT u.ord::int, u.id, u.again FROM unnest(v_ids, v_again) WITH ORDINALITY u(id, again, ord);
END $$;
