-- The only way to write history. Every function here pins its search_path and runs as the owner; grants say who may call which.

-- Who looks: set for the transaction by desk. No other role of ours stands for a person, whatever it sets: the clock would decide in an analyst's name.
CREATE OR REPLACE FUNCTION viewer() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT CASE WHEN session_user = 'cirt_desk' OR session_user !~ '^cirt_' OR session_user IN ('cirt_reader', 'cirt_migrator')
               THEN nullif(current_setting('cirt.viewer', true), '')::bigint END $$;

CREATE OR REPLACE FUNCTION journal_payload_text(p_actor text, p_action text, p_text text, p_details jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = cirt, pg_temp AS
$$ SELECT jsonb_strip_nulls(jsonb_build_object('time', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                               'actor', p_actor, 'action', p_action, 'text', p_text, 'details', p_details))::text $$;

-- Appends one entry to the chain of each case given (each at most once); case 0 is the site's own chain. Returns (case_id, seq).
CREATE OR REPLACE FUNCTION journal_append_many(p_cases bigint[], p_actor text, p_action text, p_texts text[], p_details jsonb[])
RETURNS TABLE (case_id bigint, seq bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    -- Locked in the order of their numbers: two writers cannot wait for each other.
    PERFORM 1 FROM journal_head h WHERE h.case_id = ANY (p_cases) ORDER BY h.case_id FOR UPDATE;
    INSERT INTO journal_head (case_id, seq, hash)
        SELECT DISTINCT c, 0, sha256(convert_to('cirt journal, case ' || c, 'UTF8')) FROM unnest(p_cases) c
        WHERE NOT EXISTS (SELECT FROM journal_head h WHERE h.case_id = c) ORDER BY c;
    RETURN QUERY
    WITH entry AS MATERIALIZED (
        SELECT u.c, h.seq + 1 AS seq, h.hash AS previous, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) AS salt,
               journal_payload_text(p_actor, p_action, u.t, u.d) AS payload
        FROM unnest(p_cases, p_texts, p_details) u(c, t, d) JOIN journal_head h ON h.case_id = u.c),
    sealed AS MATERIALIZED (
        SELECT e.*, sha256(e.salt || convert_to(e.payload, 'UTF8')) AS commitment FROM entry e),
    kept AS (
        INSERT INTO journal_payload AS p (case_id, seq, salt, payload) SELECT s.c, s.seq, s.salt, s.payload FROM sealed s),
    chained AS (
        INSERT INTO journal AS j (case_id, seq, previous, commitment, hash)
        SELECT s.c, s.seq, s.previous, s.commitment, sha256(s.previous || int8send(s.seq) || s.commitment) FROM sealed s
        RETURNING j.case_id, j.seq, j.hash),
    headed AS (
        UPDATE journal_head h SET seq = k.seq, hash = k.hash FROM chained k WHERE h.case_id = k.case_id
        RETURNING h.case_id, h.seq)
    SELECT d.case_id, d.seq FROM headed d;
    PERFORM pg_notify('cirt_changes', '');
END $$;

CREATE OR REPLACE FUNCTION journal_append(p_case bigint, p_actor text, p_action text, p_text text DEFAULT NULL, p_details jsonb DEFAULT NULL)
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT m.seq FROM journal_append_many(ARRAY[p_case], p_actor, p_action, ARRAY[p_text], ARRAY[p_details]) m $$;

-- Erasure by law: the payload goes, the chain stays, and an entry says so. Refused under legal hold.
CREATE OR REPLACE FUNCTION journal_erase(p_case bigint, p_seq bigint, p_actor text, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM legal_hold l WHERE l.case_id = p_case AND (l.until IS NULL OR l.until > now())) THEN
        RAISE EXCEPTION 'case % is under legal hold', p_case USING ERRCODE = 'CI409';
    END IF;
    DELETE FROM journal_payload p WHERE p.case_id = p_case AND p.seq = p_seq;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no entry % in the journal of case %', p_seq, p_case USING ERRCODE = 'CI404';
    END IF;
    PERFORM journal_append(p_case, p_actor, 'erased', p_reason, jsonb_build_object('seq', p_seq));
END $$;

-- Checks every link of a chain (all chains with NULL); erased payloads cannot be opened, their links still hold.
CREATE OR REPLACE FUNCTION journal_verify(p_case bigint)
RETURNS TABLE (case_id bigint, seq bigint, why text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    WITH link AS (
        SELECT j.*, lag(j.hash) OVER w AS before, lag(j.seq) OVER w AS before_seq, p.salt, p.payload
        FROM journal j LEFT JOIN journal_payload p USING (case_id, seq)
        WHERE p_case IS NULL OR j.case_id = p_case
        WINDOW w AS (PARTITION BY j.case_id ORDER BY j.seq))
    SELECT l.case_id, l.seq, w.why FROM link l CROSS JOIN LATERAL (VALUES
        (CASE WHEN l.hash <> sha256(l.previous || int8send(l.seq) || l.commitment) THEN 'its hash is not that of its content' END),
        (CASE WHEN l.seq <> coalesce(l.before_seq, 0) + 1 THEN 'an entry before it is missing' END),
        (CASE WHEN l.previous <> coalesce(l.before, sha256(convert_to(CASE l.case_id WHEN 0 THEN 'cirt journal, site'
                    ELSE 'cirt journal, case ' || l.case_id END, 'UTF8'))) THEN 'it does not follow the entry before it' END),
        (CASE WHEN l.payload IS NOT NULL AND l.commitment <> sha256(l.salt || convert_to(l.payload, 'UTF8'))
              THEN 'its text is not the text that was committed' END)) w(why)
    WHERE w.why IS NOT NULL
    UNION ALL
    SELECT h.case_id, h.seq, 'entries behind the last one are missing' FROM journal_head h
    WHERE (p_case IS NULL OR h.case_id = p_case) AND h.seq > 0
      AND NOT EXISTS (SELECT FROM journal j WHERE j.case_id = h.case_id AND j.seq = h.seq AND j.hash = h.hash)
    ORDER BY 1, 2 $$;
