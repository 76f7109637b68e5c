-- A message as the MTA handed it over: a report of an unknown sender, for decode to read. All that role mail can do.
CREATE OR REPLACE FUNCTION mail_insert(p_from text, p_recipients text[], p_bytes bytea, OUT report_id bigint, OUT is_duplicate boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    -- Chunks of 1 MiB, as everywhere; an empty message is one empty chunk.
    v_chunks int := greatest((length(p_bytes) + 1048575) / 1048576, 1);
    v_raw bytea[] := ARRAY(SELECT substr(p_bytes, n * 1048576 + 1, 1048576) FROM generate_series(0, v_chunks - 1) n ORDER BY n);
    v_no int[] := ARRAY(SELECT n FROM generate_series(0, v_chunks - 1) n);
    v_none text[] := ARRAY[NULL]::text[];
BEGIN
    -- What a mail is worth shows only when it is decoded and verified; till then it is an unknown's, under the usual label.
    SELECT i.report_id, i.is_duplicate INTO report_id, is_duplicate FROM reports_insert(
        ARRAY[0]::bigint[], ARRAY['inbox'], ARRAY[sender_of_address(coalesce(nullif(p_from, ''), '<>'))], ARRAY['mail'], ARRAY['unknown'],
        ARRAY[sha256(p_bytes)], ARRAY[length(p_bytes)]::bigint[], v_none, ARRAY['message/rfc822'], ARRAY['decoding'], ARRAY['mail'],
        ARRAY[2]::smallint[], ARRAY[true], v_none, v_none, v_none, v_none, v_none, v_none, v_none, ARRAY[NULL]::timestamptz[], v_none, v_none,
        v_none, ARRAY[0], ARRAY[0], v_none, v_none, v_none, v_none, v_none,
        array_fill(1, ARRAY[v_chunks]), v_no, v_raw,
        '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}') i;
    IF NOT is_duplicate THEN
        INSERT INTO report_mail (report_id, received, mail_from, recipients) VALUES (mail_insert.report_id, now(), p_from, p_recipients);
    END IF;
END $$;
