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
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_received timestamptz := now();
    v_senders bigint[] := senders_of_addresses(ARRAY(SELECT coalesce(nullif(f, ''), '<>') FROM unnest(p_from) WITH ORDINALITY u(f, ord) ORDER BY u.ord));
    v_sha256 bytea[] := ARRAY(SELECT sha256(u.bytes) FROM unnest(p_bytes) WITH ORDINALITY u(bytes, ord) ORDER BY u.ord);
    v_known bigint[];
    v_new bigint[]; -- 0 for those that came before
    v_row bigint;
BEGIN
    SELECT n.o_known, n.o_new INTO v_known, v_new FROM reports_number(array_fill(0::bigint, ARRAY[cardinality(p_from)]), v_senders, v_sha256) n;
    INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size, media_type)
        SELECT u.id, v_received, u.sender, 'mail', 'unknown', u.sha256, length(u.bytes), 'message/rfc822'
        FROM unnest(v_new, v_senders, v_sha256, p_bytes) u(id, sender, sha256, bytes) WHERE u.id <> 0;
    -- What a mail is worth shows only when it is decoded and verified; till then it is an unknown's, under the usual label.
    INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed)
        SELECT u.id, v_received, 'decoding', 'mail', 2, true FROM unnest(v_new) u(id) WHERE u.id <> 0;
    -- Chunks of 1 MiB, as everywhere; an empty message is one empty chunk.
    INSERT INTO report_raw (report_id, received, no, bytes)
        SELECT u.id, v_received, n, substr(u.bytes, n * 1048576 + 1, 1048576)
        FROM unnest(v_new, p_bytes) u(id, bytes), generate_series(0, greatest((length(u.bytes) + 1048575) / 1048576, 1) - 1) n WHERE u.id <> 0;
    INSERT INTO report_mail (report_id, received, mail_from, recipients)
        SELECT u.id, v_received, u.mail_from, p_recipients[u.upto - u.count + 1 : u.upto]
        FROM (SELECT w.*, sum(w.count) OVER (ORDER BY w.ord) AS upto
              FROM unnest(v_new, p_from, p_recipient_counts) WITH ORDINALITY w(id, mail_from, count, ord)) u
        WHERE u.id <> 0;
    WITH made AS (INSERT INTO inbox (report_id, received) SELECT u.id, v_received FROM unnest(v_new) u(id) WHERE u.id <> 0 RETURNING id)
        SELECT min(m.id) INTO v_row FROM made m;
    -- Commits that notify wait for each other and wake every stage. Where rows wait already, decode is at work, and looks again when it is through.
    IF v_row IS NOT NULL AND NOT EXISTS (SELECT FROM inbox q WHERE q.id BETWEEN v_row - 100 AND v_row - 1 AND q.failed IS NULL) THEN
        PERFORM pg_notify('cirt_inbox', '');
    END IF;
    IF 0 = ANY (v_new) THEN
        -- In the order of their numbers: two batches cannot wait for each other.
        PERFORM mail_again(u.id, p_recipients[u.upto - u.count + 1 : u.upto])
            FROM (SELECT w.*, sum(w.count) OVER (ORDER BY w.ord) AS upto FROM unnest(v_known, v_new, p_recipient_counts) WITH ORDINALITY w(id, new, count, ord)
                  ORDER BY w.id, w.ord) u
            WHERE u.new = 0;
    END IF;
    RETURN QUERY SELECT u.ord::int, CASE u.new WHEN 0 THEN u.known ELSE u.new END, u.new = 0 FROM unnest(v_known, v_new) WITH ORDINALITY u(known, new, ord);
END $$;
