-- Decoding, verifying and opening: the queues inbox, to_verify and to_open, and what their stages write. A claim leases rows by moving
-- not_before ahead and counting the attempt; a settled row goes; after eight tries, or at once where the fault is in the input, it is set aside.
-- Fresh rows come many at a time. A row that was claimed before comes alone, so that one which kills its worker takes no other down with it.
--
-- A mail goes round: decode finds what is closed (encrypted, signed opaquely, compressed), seal or verify open it into report_clear, decode reads on
-- inside, step by step; then its signed parts go to verify, which writes the verdict.

-- How long a claimed row is another's: as long as a mail waits when its worker was killed. Work that takes longer is no harm: its row is
-- still settled by one only. How long a failed one rests.
CREATE OR REPLACE FUNCTION queue_lease() RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT interval '15 seconds' $$;
CREATE OR REPLACE FUNCTION queue_rest(p_attempts int) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT least(interval '1 second' * power(2, p_attempts), interval '10 minutes') $$;
CREATE OR REPLACE FUNCTION queue_is_spent(p_attempts int) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT p_attempts >= 8 $$;
-- The transaction that calls this does not wait for the disk. Only for what claims, works and settles in the database alone: after a crash of
-- PostgreSQL it is as if the stage had not come to these rows yet, and it does them again. What was acknowledged to a sender was on disk before, and
-- whoever acts on what is written here (triage, share, push) commits with a wait, which takes all that was written before along.
CREATE OR REPLACE FUNCTION queue_commits_lazily() RETURNS void LANGUAGE plpgsql AS
$$ BEGIN PERFORM set_config('synchronous_commit', 'off', true); END $$;
CREATE OR REPLACE FUNCTION queue_died(p_attempts int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT format('its worker ended %s times without an answer', p_attempts) $$;

-- The stages that read hostile bytes see and change no report but those in their hands: a claimed row of their queue names it.
CREATE OR REPLACE FUNCTION stage_holds(p_held boolean, p_report bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT p_held THEN
        RAISE EXCEPTION 'report r% is not at hand', p_report USING ERRCODE = 'CI403';
    END IF;
END $$;
CREATE OR REPLACE FUNCTION inbox_holds(p_report bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT EXISTS (SELECT FROM inbox i WHERE i.report_id = p_report AND i.attempts > 0 AND i.failed IS NULL) $$;

-- One at a time for a report: of two that opened the last two things of a step, each would take the other for still at work.
CREATE OR REPLACE FUNCTION report_lock(p_report bigint) RETURNS void LANGUAGE sql AS
$$ SELECT pg_advisory_xact_lock(20260104, (p_report % 2147483647)::int) $$;

-- Into the inbox, unless it waits there already.
CREATE OR REPLACE FUNCTION inbox_add(p_report bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO inbox (report_id, received) SELECT r.id, r.received FROM report r WHERE r.id = p_report
        AND NOT EXISTS (SELECT FROM inbox i WHERE i.report_id = p_report AND i.attempts = 0 AND i.failed IS NULL);
    PERFORM pg_notify('cirt_inbox', '');
END $$;

-- --- decode ---

DROP FUNCTION IF EXISTS inbox_claim();
CREATE FUNCTION inbox_claim()
RETURNS TABLE (id bigint, attempts int, report_id bigint, sender_id bigint, channel text, name text, media_type text, format text,
               tlp smallint, default_tlp smallint, default_class text, is_first boolean, mail_from text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM queue_commits_lazily();
    RETURN QUERY
    WITH spent AS (
        UPDATE inbox q SET failed = now(), error = coalesce(q.error, queue_died(q.attempts))
        WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND queue_is_spent(q.attempts)),
    again AS (
        SELECT q.id FROM inbox q WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND NOT queue_is_spent(q.attempts)
        ORDER BY q.not_before, q.id LIMIT 1 FOR UPDATE SKIP LOCKED),
    fresh AS (
        SELECT q.id FROM inbox q WHERE q.failed IS NULL AND q.attempts = 0 AND NOT EXISTS (SELECT FROM again)
        ORDER BY q.id LIMIT 64 FOR UPDATE SKIP LOCKED),
    due AS (SELECT a.id FROM again a UNION ALL SELECT f.id FROM fresh f),
    taken AS (
        UPDATE inbox q SET attempts = q.attempts + 1, not_before = now() + queue_lease() FROM due WHERE q.id = due.id
        RETURNING q.id, q.attempts, q.report_id, q.received)
    SELECT t.id, t.attempts, r.id, r.sender_id, r.channel, r.name, r.media_type, c.format, CASE WHEN c.tlp_assumed THEN NULL ELSE c.tlp END,
           i.default_tlp, i.default_class, c.state = 'decoding', m.mail_from
    FROM taken t JOIN report r ON r.id = t.report_id AND r.received = t.received
    JOIN report_content c ON c.report_id = r.id AND c.received = r.received
    JOIN sender s ON s.id = r.sender_id LEFT JOIN identity i ON i.id = s.identity_id
    LEFT JOIN report_mail m ON m.report_id = r.id
    ORDER BY t.id;
END $$;

DROP FUNCTION IF EXISTS inbox_settle(bigint, int);
CREATE OR REPLACE FUNCTION inbox_settle(p_ids bigint[], p_attempts int[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM queue_commits_lazily();
    RETURN QUERY DELETE FROM inbox q USING unnest(p_ids, p_attempts) u(id, attempts) WHERE q.id = u.id AND q.attempts = u.attempts RETURNING q.id;
END $$;

CREATE OR REPLACE FUNCTION inbox_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    UPDATE inbox SET error = p_error, not_before = now() + queue_rest(attempts),
        failed = CASE WHEN p_final OR queue_is_spent(attempts) THEN now() END
    WHERE id = p_id AND attempts = p_attempts $$;

-- The bytes of a report in their chunks, in order.
CREATE OR REPLACE FUNCTION inbox_bytes(p_report bigint) RETURNS SETOF bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT bytes FROM report_raw WHERE report_id = p_report AND inbox_holds(p_report) ORDER BY no $$;

-- What was closed in a mail and was opened, or tried. bytes NULL: it could not be opened. is_stale: to be tried again.
DROP FUNCTION IF EXISTS inbox_clear(bigint);
CREATE OR REPLACE FUNCTION inbox_steps(p_report bigint)
RETURNS TABLE (step int, path text, kind text, protocol text, bytes bytea, needed json, signatures jsonb, problem text, is_stale boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT step, path, kind, protocol, bytes, array_to_json(coalesce(needed_keys, '{}')), signatures, problem, is_stale
    FROM report_clear WHERE report_id = p_report AND inbox_holds(p_report) ORDER BY step, path $$;

-- As reports_insert, for reports that are stored already: what was read before is kept in report_content_before. A report that went through
-- triage keeps its observations and is not triaged again.
CREATE OR REPLACE FUNCTION reports_decoded(
    p_ids bigint[], p_route text[], p_sender bigint[], p_channel text[], p_assurance text[], p_sha256 bytea[], p_size bigint[], p_name text[],
    p_media_type text[], p_state text[], p_format text[], p_tlp smallint[], p_tlp_assumed boolean[], p_class text[], p_class_claim text[],
    p_description text[], p_summary text[], p_lang text[], p_reference text[], p_reference_issuer text[], p_time timestamptz[],
    p_time_text text[], p_time_rule text[], p_extra text[], p_observations int[], p_rejected_total int[], p_rejected text[], p_error text[],
    p_error_at text[], p_reporter_name text[], p_reporter_email text[],
    r_ord int[], r_no int[], r_bytes bytea[],
    o_ord int[], o_no int[], o_time timestamptz[], o_time_text text[], o_time_rule text[], o_class text[], o_class_claim text[],
    o_count bigint[], o_description text[], o_protocol text[], o_source_port int[], o_target_port int[], o_extra text[],
    s_ord int[], s_observation int[], s_type smallint[], s_role smallint[], s_tlp smallint[], s_indicator boolean[], s_addr inet[],
    s_host text[], s_value text[])
RETURNS TABLE (ord int, report_id bigint, is_duplicate boolean, state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_report report%ROWTYPE;
    v_before report_content%ROWTYPE;
    v_triaged boolean;
    v_ids bigint[] := p_ids;
    v_peer bigint;
    v_refused text;
BEGIN
    IF cardinality(p_ids) <> 1 THEN
        RAISE EXCEPTION 'one report at a time, not %', cardinality(p_ids) USING ERRCODE = 'CI400';
    END IF;
    PERFORM stage_holds(inbox_holds(p_ids[1]), p_ids[1]);
    PERFORM report_lock(p_ids[1]);
    SELECT * INTO STRICT v_report FROM report r WHERE r.id = p_ids[1];
    -- What a peer sent over RID becomes incoming, also when it could be read only the second time; and only under a name it may issue.
    IF v_report.channel = 'rid' AND p_state[1] = 'received' THEN
        p_route := ARRAY['hold'];
        SELECT s.peer_id INTO STRICT v_peer FROM sender s WHERE s.id = v_report.sender_id;
        v_refused := CASE WHEN p_reference[1] IS NULL OR p_reference_issuer[1] IS NULL THEN 'the document has no IncidentID with a name'
            ELSE (ARRAY['this peer may not issue names of ' || p_reference_issuer[1], 'another peer delivered this case first',
                        'the IncidentID is longer than 500 bytes'])
                 [array_position(ARRAY['name', 'owner', 'long'], incoming_issuer_may(v_peer, p_reference_issuer[1], p_reference[1]))] END;
        IF v_refused IS NOT NULL THEN
            p_state := ARRAY['malformed'];
            p_route := ARRAY['none'];
            p_error := ARRAY[v_refused];
        END IF;
    END IF;
    v_triaged := EXISTS (SELECT FROM report_outcome o WHERE o.report_id = p_ids[1] AND o.state = 'triaged');
    SELECT * INTO STRICT v_before FROM report_content c WHERE c.report_id = p_ids[1] AND c.received = v_report.received FOR UPDATE;
    IF num_nonnulls(v_before.description, v_before.summary, v_before.error) > 0
        AND (v_before.format, v_before.tlp, v_before.class, v_before.description, v_before.summary, v_before.reference, v_before.extra, v_before.error)
            IS DISTINCT FROM (p_format[1], p_tlp[1], p_class[1], p_description[1], p_summary[1], p_reference[1], p_extra[1], p_error[1]) THEN
        INSERT INTO report_content_before SELECT c.*, now() FROM report_content c WHERE c.report_id = p_ids[1] AND c.received = v_report.received;
    END IF;
    UPDATE report_content c SET decoded = now(), state = p_state[1], format = p_format[1], tlp = p_tlp[1], tlp_assumed = p_tlp_assumed[1],
        class = p_class[1], class_claim = p_class_claim[1], description = p_description[1], summary = p_summary[1], lang = p_lang[1],
        reference = p_reference[1], reference_issuer = p_reference_issuer[1], time = p_time[1], time_text = p_time_text[1],
        time_rule = p_time_rule[1], extra = p_extra[1], observations = p_observations[1], rejected_total = p_rejected_total[1],
        rejected = p_rejected[1]::jsonb, error = p_error[1], error_at = p_error_at[1]
    WHERE c.report_id = p_ids[1] AND c.received = v_report.received;
    IF p_reporter_name[1] IS NOT NULL OR p_reporter_email[1] IS NOT NULL THEN
        INSERT INTO report_reporter (report_id, received, name, email) VALUES (p_ids[1], v_report.received, p_reporter_name[1], p_reporter_email[1])
        ON CONFLICT ON CONSTRAINT report_reporter_pkey DO UPDATE SET name = EXCLUDED.name, email = EXCLUDED.email;
    END IF;
    IF NOT v_triaged THEN
        DELETE FROM observation o WHERE o.report_id = p_ids[1] AND o.received = v_report.received;
        DELETE FROM sighting s WHERE s.report_id = p_ids[1] AND s.received = v_report.received;
        PERFORM report_rows(v_ids, v_report.received, ARRAY[v_report.sender_id], o_ord, o_no, o_time, o_time_text, o_time_rule, o_class,
                            o_class_claim, o_count, o_description, o_protocol, o_source_port, o_target_port, o_extra, s_ord, s_observation,
                            s_type, s_role, s_tlp, s_indicator, s_addr, s_host, s_value);
        PERFORM reports_route(v_ids, p_route, v_report.received, p_observations);
    ELSIF p_state[1] = 'received' AND (p_observations[1] > 0 OR (v_before.description IS NULL AND p_description[1] IS NOT NULL))
        AND NOT EXISTS (SELECT FROM observation o WHERE o.report_id = p_ids[1] AND o.received = v_report.received) THEN
        PERFORM report_rows(v_ids, v_report.received, ARRAY[v_report.sender_id], o_ord, o_no, o_time, o_time_text, o_time_rule, o_class,
                            o_class_claim, o_count, o_description, o_protocol, o_source_port, o_target_port, o_extra, s_ord, s_observation,
                            s_type, s_role, s_tlp, s_indicator, s_addr, s_host, s_value);
        PERFORM report_read_late(p_ids[1]);
    END IF;
    IF v_peer IS NOT NULL AND v_refused IS NULL THEN
        PERFORM incoming_insert(p_ids[1], v_peer, p_reference_issuer[1], p_reference[1], p_tlp[1], cardinality(s_value));
    END IF;
    PERFORM pg_notify('cirt_changes', '');
    RETURN QUERY SELECT 1, p_ids[1], false, p_state[1];
END $$;

-- What came into cases closed and can be read now belongs to them: its observations, its words, and its label.
CREATE OR REPLACE FUNCTION report_read_late(p_report bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    r report_content%ROWTYPE;
    v_case bigint;
BEGIN
    SELECT * INTO STRICT r FROM report_content c WHERE c.report_id = p_report;
    FOR v_case IN SELECT k.id FROM incident_case k WHERE k.id IN (SELECT m.case_id FROM case_member m WHERE m.report_id = p_report AND m.until IS NULL)
            ORDER BY k.id FOR NO KEY UPDATE OF k LOOP
        UPDATE incident_case k SET tlp = greatest(k.tlp, r.tlp), updated = now() WHERE k.id = v_case;
        -- As triage names them where a case becomes RED.
        INSERT INTO case_reader (case_id, identity_id)
            SELECT k.id, i.id FROM incident_case k JOIN identity i ON i.enabled AND i.role IN ('lead', 'admin')
            WHERE k.id = v_case AND r.tlp = 4 AND NOT EXISTS (SELECT FROM case_reader x WHERE x.case_id = k.id)
              AND (k.compartment_id = 0 OR EXISTS (SELECT FROM compartment_member m WHERE m.compartment_id = k.compartment_id AND m.identity_id = i.id))
            ON CONFLICT DO NOTHING;
        IF r.observations > 0 THEN
            UPDATE case_member m SET observations = m.observations + int4multirange(int4range(1, r.observations + 1))
                WHERE m.case_id = v_case AND m.report_id = p_report AND m.until IS NULL;
            UPDATE case_tally t SET observations = t.observations + r.observations WHERE t.case_id = v_case;
        END IF;
        PERFORM case_text_add(v_case, r.tlp, r.summary), case_text_add(v_case, r.tlp, r.description);
        PERFORM journal_append(v_case, 'decode', 'read', format('report r%s can be read now%s', p_report, CASE WHEN r.observations > 0
            THEN format(', %s observations', r.observations) ELSE '' END), jsonb_build_object('report', 'r' || p_report, 'tlp', tlp_name(r.tlp)));
    END LOOP;
END $$;

-- What the mail says of itself, for finding its case and for rules: a JSON object with the names of report_mail's columns.
CREATE OR REPLACE FUNCTION inbox_facts(p_report bigint, p_facts jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE f report_mail;
BEGIN
    PERFORM stage_holds(inbox_holds(p_report), p_report);
    f := jsonb_populate_record(NULL::report_mail, p_facts - ARRAY['report_id', 'received', 'mail_from', 'recipients']);
    INSERT INTO report_mail AS m (report_id, received, mail_from, recipients, message_id, in_reply_to, refs, tags, author, kind, is_automatic,
                                  dmarc, spf, dkim, spam, spam_score, about, about_recipient, about_status, about_text)
        SELECT r.id, r.received, '', '{}', f.message_id, f.in_reply_to, coalesce(f.refs, '{}'), coalesce(f.tags, '{}'), f.author,
               coalesce(f.kind, 'message'), coalesce(f.is_automatic, false), f.dmarc, f.spf, f.dkim, f.spam, f.spam_score, f.about, f.about_recipient, f.about_status, f.about_text
        FROM report r WHERE r.id = p_report
        ON CONFLICT (report_id) DO UPDATE SET message_id = EXCLUDED.message_id, in_reply_to = EXCLUDED.in_reply_to, refs = EXCLUDED.refs,
            tags = EXCLUDED.tags, author = EXCLUDED.author, kind = EXCLUDED.kind, is_automatic = EXCLUDED.is_automatic, dmarc = EXCLUDED.dmarc, spf = EXCLUDED.spf, dkim = EXCLUDED.dkim,
            spam = EXCLUDED.spam, spam_score = EXCLUDED.spam_score, about = EXCLUDED.about, about_recipient = EXCLUDED.about_recipient,
            about_status = EXCLUDED.about_status, about_text = EXCLUDED.about_text;
END $$;

-- Hands the signed parts to verify. A later decoding replaces what still waits of an earlier one.
DROP FUNCTION IF EXISTS inbox_to_verify(bigint, jsonb, text[], bytea[], bytea[]);
CREATE OR REPLACE FUNCTION inbox_to_verify(p_report bigint, p_message jsonb, p_steps int[], p_paths text[], p_protocols text[], p_bytes bytea[],
                                           p_signatures bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_id bigint;
BEGIN
    PERFORM stage_holds(inbox_holds(p_report), p_report);
    DELETE FROM to_verify WHERE report_id = p_report;
    INSERT INTO to_verify (report_id, received, message) SELECT r.id, r.received, p_message FROM report r WHERE r.id = p_report RETURNING id INTO v_id;
    INSERT INTO signed_part (to_verify_id, step, path, protocol, bytes, signature)
        SELECT v_id, u.step, u.path, u.protocol, u.bytes, u.signature
        FROM unnest(p_steps, p_paths, p_protocols, p_bytes, p_signatures) u(step, path, protocol, bytes, signature);
    PERFORM pg_notify('cirt_to_verify', '');
END $$;

-- Hands what is closed in one step to who can open it: what is encrypted to seal, the rest to verify, which has no key and needs none.
DROP FUNCTION IF EXISTS inbox_to_open(bigint, text, bytea);
CREATE OR REPLACE FUNCTION inbox_to_open(p_report bigint, p_step int, p_paths text[], p_kinds text[], p_protocols text[], p_bytes bytea[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_id bigint;
BEGIN
    PERFORM stage_holds(inbox_holds(p_report), p_report);
    DELETE FROM to_open WHERE report_id = p_report;
    DELETE FROM to_verify WHERE report_id = p_report;
    INSERT INTO to_open (report_id, received, step, path, protocol, bytes)
        SELECT r.id, r.received, p_step, u.path, u.protocol, u.bytes
        FROM unnest(p_paths, p_kinds, p_protocols, p_bytes) u(path, kind, protocol, bytes), report r WHERE r.id = p_report AND u.kind = 'encrypted';
    IF FOUND THEN
        PERFORM pg_notify('cirt_to_open', '');
    END IF;
    IF NOT p_kinds <@ ARRAY['encrypted'] THEN
        INSERT INTO to_verify (report_id, received, message, unwraps) SELECT r.id, r.received, '{}', true FROM report r WHERE r.id = p_report RETURNING id INTO v_id;
        INSERT INTO signed_part (to_verify_id, step, path, kind, protocol, bytes, signature)
            SELECT v_id, p_step, u.path, u.kind, u.protocol, u.bytes, ''
            FROM unnest(p_paths, p_kinds, p_protocols, p_bytes) u(path, kind, protocol, bytes) WHERE u.kind <> 'encrypted';
        PERFORM pg_notify('cirt_to_verify', '');
    END IF;
END $$;

-- --- verify ---

-- One that nothing comes of. The row stays, for the doctor; but the mail goes on: as one whose signature cannot be checked.
CREATE OR REPLACE FUNCTION to_verify_set_aside(p_id bigint, p_error text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE q to_verify;
BEGIN
    UPDATE to_verify v SET failed = now(), error = p_error WHERE v.id = p_id AND v.failed IS NULL RETURNING * INTO q;
    IF q.id IS NULL THEN
        RETURN;
    ELSIF q.unwraps THEN
        PERFORM report_lock(q.report_id);
        INSERT INTO report_clear AS c (report_id, received, step, path, kind, protocol, problem)
            SELECT q.report_id, q.received, p.step, p.path, p.kind, p.protocol, p_error FROM signed_part p WHERE p.to_verify_id = p_id
            ON CONFLICT (report_id, step, path) DO UPDATE SET problem = EXCLUDED.problem, is_stale = false;
        PERFORM report_go_on(q.report_id);
    ELSE
        PERFORM verdict_write(q.report_id, 'bad', 'none', NULL, NULL, NULL, NULL, NULL,
            jsonb_build_array(jsonb_build_object('path', '1', 'covered', false, 'verdict', 'error', 'error', p_error)), NULL, NULL, '{}', '{}', '{}', '{}');
    END IF;
END $$;

DROP FUNCTION IF EXISTS to_verify_claim();
CREATE FUNCTION to_verify_claim() RETURNS TABLE (id bigint, attempts int, report_id bigint, message jsonb, unwraps boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM queue_commits_lazily();
    PERFORM to_verify_set_aside(q.id, coalesce(q.error, queue_died(q.attempts))) FROM to_verify q
        WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND queue_is_spent(q.attempts) FOR UPDATE SKIP LOCKED;
    RETURN QUERY
    WITH again AS (
        SELECT q.id FROM to_verify q WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND NOT queue_is_spent(q.attempts)
        ORDER BY q.not_before, q.id LIMIT 1 FOR UPDATE SKIP LOCKED),
    fresh AS (
        SELECT q.id FROM to_verify q WHERE q.failed IS NULL AND q.attempts = 0 AND NOT EXISTS (SELECT FROM again)
        ORDER BY q.id LIMIT 32 FOR UPDATE SKIP LOCKED),
    due AS (SELECT a.id FROM again a UNION ALL SELECT f.id FROM fresh f),
    taken AS (
        UPDATE to_verify q SET attempts = q.attempts + 1, not_before = now() + queue_lease() FROM due WHERE q.id = due.id
        RETURNING q.id, q.attempts, q.report_id, q.message, q.unwraps)
    SELECT t.id, t.attempts, t.report_id, t.message, t.unwraps FROM taken t ORDER BY t.id;
END $$;

DROP FUNCTION IF EXISTS to_verify_settle(bigint, int);
CREATE OR REPLACE FUNCTION to_verify_settle(p_ids bigint[], p_attempts int[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM queue_commits_lazily();
    RETURN QUERY DELETE FROM to_verify q USING unnest(p_ids, p_attempts) u(id, attempts) WHERE q.id = u.id AND q.attempts = u.attempts RETURNING q.id;
END $$;

CREATE OR REPLACE FUNCTION to_verify_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF p_final OR queue_is_spent(p_attempts) THEN
        PERFORM to_verify_set_aside(q.id, p_error) FROM to_verify q WHERE q.id = p_id AND q.attempts = p_attempts;
    ELSE
        UPDATE to_verify SET error = p_error, not_before = now() + queue_rest(attempts) WHERE id = p_id AND attempts = p_attempts;
    END IF;
END $$;

-- The parts of these rows, in order, as many rows as have p_bytes together (the first in any case); one row of NULLs where it has none.
DROP FUNCTION IF EXISTS to_verify_parts(bigint);
CREATE OR REPLACE FUNCTION to_verify_parts(p_ids bigint[], p_bytes bigint)
RETURNS TABLE (id bigint, step int, path text, kind text, protocol text, bytes bytea, signature bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    WITH size AS (
        SELECT u.id, u.ord, coalesce((SELECT sum(length(p.bytes) + length(p.signature)) FROM signed_part p WHERE p.to_verify_id = u.id), 0) AS size
        FROM unnest(p_ids) WITH ORDINALITY u(id, ord)),
    total AS (
        SELECT s.id, s.ord, sum(s.size) OVER (ORDER BY s.ord) AS total FROM size s)
    SELECT q.id, p.step, p.path, p.kind, p.protocol, p.bytes, p.signature
    FROM total t JOIN to_verify q ON q.id = t.id AND q.attempts > 0 AND q.failed IS NULL LEFT JOIN signed_part p ON p.to_verify_id = t.id
    WHERE t.ord = 1 OR t.total <= p_bytes ORDER BY t.ord, p.step, p.path;
END $$;

-- Keys that came or changed since then, for verify's and seal's own homes. Those of the last ten seconds come again and again: a transaction that
-- began before the newest we know may have committed after it.
DROP FUNCTION IF EXISTS pinned_keys(bigint);
CREATE FUNCTION pinned_keys(p_since_us bigint) RETURNS TABLE (fingerprint text, protocol text, armoured text, changed_us bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT k.fingerprint, k.protocol, k.armoured, (extract(epoch FROM k.changed) * 1000000)::bigint FROM mail_key k
    WHERE k.distrusted IS NULL AND k.pinned IS NOT NULL
      AND k.changed > least(timestamptz 'epoch' + p_since_us * interval '1 microsecond', now() - interval '10 seconds') ORDER BY k.changed $$;

-- Whose keys these are, an address a row. id: the same for all keys of one of them. is_refused: distrusted, or of one who is disabled: such a key
-- counts for nobody, whatever CA speaks for it; it comes with no address. No row where nobody has said a word about it.
DROP FUNCTION IF EXISTS pinned_identities(text[]);
CREATE OR REPLACE FUNCTION signer_identities(p_fingerprints text[])
RETURNS TABLE (fingerprint text, id text, name text, address text, is_refused boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT k.fingerprint, w.id, w.name, a.address, w.is_refused
    FROM mail_key k
    LEFT JOIN identity i ON i.id = k.identity_id LEFT JOIN peer p ON p.id = k.peer_id LEFT JOIN contact c ON c.id = k.contact_id
    CROSS JOIN LATERAL (SELECT CASE WHEN k.identity_id IS NOT NULL THEN 'identity ' || k.identity_id WHEN k.peer_id IS NOT NULL THEN 'peer ' || k.peer_id
                                    ELSE 'contact ' || k.contact_id END, coalesce(i.name, i.login, p.name, c.name, c.address),
                               k.distrusted IS NOT NULL OR NOT coalesce(i.enabled, p.enabled, c.enabled)) w(id, name, is_refused)
    LEFT JOIN LATERAL unnest(key_counts_for(k)) a(address) ON NOT w.is_refused
    WHERE k.fingerprint = ANY (p_fingerprints) AND (k.pinned IS NOT NULL OR k.distrusted IS NOT NULL) $$;

-- The name we know an address by, where somebody vouches for it: of a certificate that a CA of ours speaks for.
CREATE OR REPLACE FUNCTION contact_name(p_address text) RETURNS TABLE (id text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT CASE WHEN c.identity_id IS NOT NULL THEN 'identity ' || c.identity_id WHEN c.peer_id IS NOT NULL THEN 'peer ' || c.peer_id
                ELSE 'contact ' || c.id END, coalesce(i.name, i.login, p.name, c.name, c.address)
    FROM contact c LEFT JOIN identity i ON i.id = c.identity_id LEFT JOIN peer p ON p.id = c.peer_id
    WHERE c.address = lower(p_address) AND c.enabled AND c.is_known AND coalesce(i.enabled, p.enabled, true) $$;

-- --- the verdict ---

-- Where mail reaches us.
CREATE OR REPLACE FUNCTION is_our_address(p_address text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT EXISTS (SELECT FROM site s WHERE lower(p_address) = 'incident@' || lower(s.domain)
                   OR (lower(p_address) LIKE 'case+%' AND lower(p_address) LIKE '%@' || lower(s.domain)))
        OR EXISTS (SELECT FROM own_key k WHERE k.gone IS NULL AND lower(p_address) = ANY (k.addresses)) $$;

-- The report whose signed payload this repeats, or NULL where it is the first. A verified one is never the copy of one that is not: who sends
-- another's words before they themselves do would otherwise be the original.
CREATE OR REPLACE FUNCTION verdict_copy_of(p_report bigint, p_received timestamptz, p_summary text, p_payloads bytea[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_original bigint;
BEGIN
    INSERT INTO signed_payload (sha256, report_id, received) SELECT DISTINCT u.sha256, p_report, p_received FROM unnest(p_payloads) u(sha256) ORDER BY 1
        ON CONFLICT DO NOTHING;
    SELECT s.report_id INTO v_original FROM signed_payload s WHERE s.sha256 = ANY (p_payloads) AND s.report_id <> p_report ORDER BY s.received, s.report_id LIMIT 1;
    IF v_original IS NULL OR p_summary <> 'verified'
        OR (SELECT d.summary FROM report_verdict d WHERE d.report_id = v_original ORDER BY d.checked DESC LIMIT 1) = 'verified' THEN
        RETURN v_original;
    END IF;
    UPDATE signed_payload s SET report_id = p_report, received = p_received WHERE s.sha256 = ANY (p_payloads);
    RETURN NULL;
END $$;

-- Writes the verdict, and lets the report go on: to triage the first time; again where it was held and the verdict is another now. What was
-- triaged, or dropped, stays as it is.
CREATE OR REPLACE FUNCTION verdict_write(
    p_report bigint, p_summary text, p_encryption text, p_covers text, p_signer text, p_fingerprint text, p_key_now text, p_signed timestamptz,
    p_parts jsonb, p_protocol text, p_algorithm text, p_needed text[], p_unknown text[], p_payloads bytea[], p_to text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c record;
    before report_verdict;
    v report_verdict;
BEGIN
    PERFORM report_lock(p_report);
    SELECT k.received, k.observations, k.state INTO STRICT c FROM report_content k WHERE k.report_id = p_report;
    SELECT * INTO before FROM report_verdict d WHERE d.report_id = p_report ORDER BY d.checked DESC LIMIT 1;
    v.copy_of := CASE WHEN cardinality(p_payloads) > 0 THEN verdict_copy_of(p_report, c.received, p_summary, p_payloads) END;
    -- Within a day of its making; five minutes for clocks that go wrong.
    v.is_fresh := coalesce(p_summary = 'verified' AND v.copy_of IS NULL AND c.received BETWEEN p_signed - interval '5 minutes' AND p_signed + interval '24 hours'
        AND EXISTS (SELECT FROM unnest(p_to) u(address) WHERE is_our_address(u.address)
                    OR lower(u.address) IN (SELECT lower(btrim(r, '<>')) FROM report_mail m, unnest(m.recipients) r WHERE m.report_id = p_report)), false);
    INSERT INTO report_verdict (report_id, received, summary, encryption, covers, signer, fingerprint, key_now, signed, parts, protocol, algorithm,
                                is_fresh, copy_of, needed_keys, unknown_keys)
        VALUES (p_report, c.received, p_summary, p_encryption, p_covers, p_signer, p_fingerprint, p_key_now, p_signed, p_parts, p_protocol,
                p_algorithm, v.is_fresh, v.copy_of, p_needed, p_unknown);
    IF c.state = 'decoding' THEN
        UPDATE report_content SET state = 'received' WHERE report_id = p_report AND received = c.received;
    END IF;
    IF before.report_id IS NOT NULL AND (before.summary, before.encryption, before.signer, before.copy_of) IS DISTINCT FROM (p_summary, p_encryption, p_signer, v.copy_of) THEN
        DELETE FROM report_outcome o WHERE o.report_id = p_report AND o.state = 'held' AND o.rule IS NULL
            AND NOT EXISTS (SELECT FROM incoming n WHERE n.report_id = p_report);
        IF FOUND THEN
            c.state := 'decoding';
        END IF;
    END IF;
    IF c.state = 'decoding' AND NOT EXISTS (SELECT FROM report_outcome o WHERE o.report_id = p_report) THEN
        PERFORM reports_route(ARRAY[p_report], ARRAY['triage'], c.received, ARRAY[c.observations]);
    END IF;
    PERFORM pg_notify('cirt_changes', '');
END $$;

DROP FUNCTION IF EXISTS report_verdict_store(bigint, text, text, text, text, text, text, timestamptz, jsonb, text);
CREATE OR REPLACE FUNCTION report_verdict_store(
    p_report bigint, p_summary text, p_encryption text, p_covers text, p_signer text, p_fingerprint text, p_key_now text, p_signed timestamptz,
    p_parts jsonb, p_protocol text, p_algorithm text, p_needed text[], p_unknown text[], p_payloads bytea[], p_to text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM stage_holds(inbox_holds(p_report) OR EXISTS (SELECT FROM to_verify q WHERE q.report_id = p_report AND NOT q.unwraps AND q.attempts > 0
                                                         AND q.failed IS NULL), p_report);
    PERFORM verdict_write(p_report, p_summary, p_encryption, p_covers, p_signer, p_fingerprint, p_key_now, p_signed, p_parts, p_protocol, p_algorithm,
                          p_needed, p_unknown, p_payloads, p_to);
END $$;

-- --- opening: seal, and verify for what needs no key ---

-- Back to decode, when all that was closed in this step is open or given up. The caller has the lock.
CREATE OR REPLACE FUNCTION report_go_on(p_report bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM to_open q WHERE q.report_id = p_report AND q.failed IS NULL AND NOT EXISTS (
                       SELECT FROM report_clear c WHERE c.report_id = p_report AND c.step = q.step AND c.path = q.path AND NOT c.is_stale))
        AND NOT EXISTS (SELECT FROM to_verify q JOIN signed_part p ON p.to_verify_id = q.id
                        WHERE q.report_id = p_report AND q.failed IS NULL AND q.unwraps AND NOT EXISTS (
                            SELECT FROM report_clear c WHERE c.report_id = p_report AND c.step = p.step AND c.path = p.path AND NOT c.is_stale)) THEN
        PERFORM inbox_add(p_report);
    END IF;
END $$;

-- What came of it; p_bytes NULL: it could not be opened, p_needed are the keys that could. What was open stays open though its key is gone.
CREATE OR REPLACE FUNCTION report_clear_write(p_report bigint, p_step int, p_path text, p_kind text, p_protocol text, p_bytes bytea,
                                              p_needed text[], p_signatures jsonb, p_problem text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM report_lock(p_report);
    INSERT INTO report_clear AS c (report_id, received, step, path, kind, protocol, bytes, needed_keys, signatures, problem)
        SELECT r.id, r.received, p_step, p_path, p_kind, p_protocol, p_bytes, p_needed, p_signatures, p_problem FROM report r WHERE r.id = p_report
        ON CONFLICT (report_id, step, path) DO UPDATE SET kind = EXCLUDED.kind, protocol = EXCLUDED.protocol,
            bytes = coalesce(EXCLUDED.bytes, c.bytes),
            signatures = CASE WHEN EXCLUDED.bytes IS NULL AND c.bytes IS NOT NULL THEN c.signatures ELSE EXCLUDED.signatures END,
            needed_keys = EXCLUDED.needed_keys, problem = EXCLUDED.problem, opened = now(), is_stale = false;
    PERFORM report_go_on(p_report);
END $$;

DROP FUNCTION IF EXISTS report_opened(bigint, text, bytea, text[], jsonb);
CREATE OR REPLACE FUNCTION report_opened(p_report bigint, p_step int, p_path text, p_bytes bytea, p_needed text[], p_signatures jsonb, p_problem text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_protocol text;
BEGIN
    SELECT q.protocol INTO v_protocol FROM to_open q WHERE q.report_id = p_report AND q.step = p_step AND q.path = p_path AND q.attempts > 0 AND q.failed IS NULL;
    PERFORM stage_holds(FOUND, p_report);
    PERFORM report_clear_write(p_report, p_step, p_path, 'encrypted', v_protocol, p_bytes, p_needed, p_signatures, p_problem);
END $$;

CREATE OR REPLACE FUNCTION report_unwrapped(p_report bigint, p_step int, p_path text, p_bytes bytea, p_signatures jsonb, p_problem text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v signed_part;
BEGIN
    SELECT p.* INTO v FROM to_verify q JOIN signed_part p ON p.to_verify_id = q.id
        WHERE q.report_id = p_report AND q.unwraps AND q.attempts > 0 AND q.failed IS NULL AND p.step = p_step AND p.path = p_path;
    PERFORM stage_holds(FOUND, p_report);
    PERFORM report_clear_write(p_report, p_step, p_path, v.kind, v.protocol, p_bytes, '{}', p_signatures, p_problem);
END $$;

-- As to_verify_set_aside(): the mail goes on as one that cannot be opened.
CREATE OR REPLACE FUNCTION to_open_set_aside(p_id bigint, p_error text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE q to_open;
BEGIN
    UPDATE to_open o SET failed = now(), error = p_error WHERE o.id = p_id AND o.failed IS NULL RETURNING * INTO q;
    IF q.id IS NOT NULL THEN
        PERFORM report_clear_write(q.report_id, q.step, q.path, 'encrypted', q.protocol, NULL, '{}', '[]', p_error);
    END IF;
END $$;

DROP FUNCTION IF EXISTS to_open_claim();
CREATE FUNCTION to_open_claim() RETURNS TABLE (id bigint, attempts int, report_id bigint, step int, path text, protocol text, bytes bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM queue_commits_lazily();
    PERFORM to_open_set_aside(q.id, coalesce(q.error, queue_died(q.attempts))) FROM to_open q
        WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND queue_is_spent(q.attempts) FOR UPDATE SKIP LOCKED;
    RETURN QUERY
    WITH again AS (
        SELECT q.id FROM to_open q WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND NOT queue_is_spent(q.attempts)
        ORDER BY q.not_before, q.id LIMIT 1 FOR UPDATE SKIP LOCKED),
    fresh AS (
        SELECT q.id FROM to_open q WHERE q.failed IS NULL AND q.attempts = 0 AND NOT EXISTS (SELECT FROM again)
        ORDER BY q.id LIMIT 4 FOR UPDATE SKIP LOCKED),
    due AS (SELECT a.id FROM again a UNION ALL SELECT f.id FROM fresh f),
    taken AS (
        UPDATE to_open q SET attempts = q.attempts + 1, not_before = now() + queue_lease() FROM due WHERE q.id = due.id
        RETURNING q.id, q.attempts, q.report_id, q.step, q.path, q.protocol, q.bytes)
    SELECT t.id, t.attempts, t.report_id, t.step, t.path, t.protocol, t.bytes FROM taken t ORDER BY t.id;
END $$;

DROP FUNCTION IF EXISTS to_open_settle(bigint, int);
CREATE OR REPLACE FUNCTION to_open_settle(p_ids bigint[], p_attempts int[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM queue_commits_lazily();
    RETURN QUERY DELETE FROM to_open q USING unnest(p_ids, p_attempts) u(id, attempts) WHERE q.id = u.id AND q.attempts = u.attempts RETURNING q.id;
END $$;

CREATE OR REPLACE FUNCTION to_open_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF p_final OR queue_is_spent(p_attempts) THEN
        PERFORM to_open_set_aside(q.id, p_error) FROM to_open q WHERE q.id = p_id AND q.attempts = p_attempts;
    ELSE
        UPDATE to_open SET error = p_error, not_before = now() + queue_rest(attempts) WHERE id = p_id AND attempts = p_attempts;
    END IF;
END $$;

-- --- again ---

-- Mails to be opened, decoded and verified anew: a key came, was pinned, revoked or distrusted, or somebody asks. Their content stays till then,
-- and what was triaged is not triaged again. Others than judged mails are left alone. How many they are.
CREATE OR REPLACE FUNCTION reports_recheck(p_reports bigint[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_reports bigint[] := ARRAY(SELECT DISTINCT u.id FROM unnest(p_reports) u(id) WHERE EXISTS (SELECT FROM report_verdict d WHERE d.report_id = u.id) ORDER BY 1);
BEGIN
    -- Signatures inside an encryption show only when it is opened.
    UPDATE report_clear c SET is_stale = true FROM (
        SELECT x.report_id, x.step, x.path FROM report_clear x WHERE x.report_id = ANY (v_reports) AND (x.bytes IS NULL OR x.signatures <> '[]')
        ORDER BY 1, 2, 3 FOR UPDATE) o WHERE c.report_id = o.report_id AND c.step = o.step AND c.path = o.path;
    DELETE FROM to_open q WHERE q.report_id = ANY (v_reports) AND q.failed IS NOT NULL;
    DELETE FROM to_verify q WHERE q.report_id = ANY (v_reports) AND q.failed IS NOT NULL;
    PERFORM inbox_add(u.id) FROM unnest(v_reports) u(id);
    RETURN cardinality(v_reports);
END $$;

CREATE OR REPLACE FUNCTION report_verify(p_report bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE r visible_report;
BEGIN
    SELECT * INTO r FROM visible_report v WHERE v.id = p_report;
    IF r.id IS NULL THEN
        PERFORM refuse('CI404', format('there is no report r%s', p_report));
    ELSIF reports_recheck(ARRAY[p_report]) = 0 THEN
        PERFORM refuse('CI409', format('report r%s is %s', p_report, CASE WHEN r.channel = 'mail' THEN r.state || ', its signature was not looked at yet' ELSE 'no mail' END),
                       format('cirt report show r%s', p_report), json_build_object('state', r.state));
    END IF;
END $$;
