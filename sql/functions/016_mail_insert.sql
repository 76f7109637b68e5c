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

-- The same mail to further addresses of ours: one report, that knows them all. Triage looks at it again where a case is among them; it does so after
-- whoever has it in hand now (triage_repeats).
CREATE OR REPLACE FUNCTION mail_again(p_report bigint, p_recipients text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_new text[];
BEGIN
    PERFORM 1 FROM report_mail m WHERE m.report_id = p_report FOR UPDATE;
    v_new := ARRAY(SELECT DISTINCT a FROM unnest(p_recipients) a, report_mail m
                   WHERE m.report_id = p_report AND cardinality(m.recipients) < 1000 AND a <> ALL (m.recipients) ORDER BY a);
    IF cardinality(v_new) = 0 THEN
        RETURN;
    END IF;
    UPDATE report_mail m SET recipients = m.recipients || v_new WHERE m.report_id = p_report;
    IF EXISTS (SELECT FROM unnest(v_new) a WHERE a ILIKE 'case+%') THEN
        INSERT INTO to_triage (reports, received, observations, repeated)
            SELECT int8multirange(int8range(c.report_id, c.report_id + 1)), c.received, greatest(c.observations, 1), true
            FROM report_content c JOIN report_mail m ON m.report_id = c.report_id AND m.received = c.received WHERE c.report_id = p_report;
        PERFORM pg_notify('cirt_triage', '');
    END IF;
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
    -- In the order of their numbers: two batches cannot wait for each other.
    PERFORM mail_again(u.id, p_recipients[u.upto - u.count + 1 : u.upto])
        FROM (SELECT w.*, sum(w.count) OVER (ORDER BY w.ord) AS upto FROM unnest(v_ids, v_again, p_recipient_counts) WITH ORDINALITY w(id, again, count, ord)
              ORDER BY w.id, w.ord) u
        WHERE u.again;
    RETURN QUERY SELECT u.ord::int, u.id, u.again FROM unnest(v_ids, v_again) WITH ORDINALITY u(id, again, ord);
END $$;
