-- What decode writes of the reports in its hands: those of a batch at once. Plans as in 025_mail.sql.

-- When these reports came, in their order. Only those that decode has in hand.
CREATE OR REPLACE FUNCTION inbox_received(p_reports bigint[]) RETURNS timestamptz[]
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE v_received timestamptz[];
BEGIN
    SELECT array_agg((SELECT i.received FROM inbox i WHERE i.report_id = u.id AND i.attempts > 0 AND i.failed IS NULL LIMIT 1) ORDER BY u.ord) INTO v_received
        FROM unnest(p_reports) WITH ORDINALITY u(id, ord);
    PERFORM stage_holds(array_position(v_received, NULL) IS NULL, p_reports[array_position(v_received, NULL)]);
    RETURN v_received;
END $$;

-- One after the other, in an order that all keep.
CREATE OR REPLACE FUNCTION reports_lock(p_reports bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_id bigint;
BEGIN
    FOR v_id IN SELECT u.id FROM unnest(p_reports) u(id) ORDER BY 1 LOOP
        PERFORM report_lock(v_id);
    END LOOP;
END $$;

-- What a peer sent over RID becomes incoming, also when it could be read only the second time; and only under a name it may issue. Why it may not, or NULL.
CREATE OR REPLACE FUNCTION decoded_rid_refused(p_peer bigint, p_issuer text, p_reference text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE WHEN p_reference IS NULL OR p_issuer IS NULL THEN 'the document has no IncidentID with a name'
        ELSE (ARRAY['this peer may not issue names of ' || p_issuer, 'another peer delivered this case first', 'the IncidentID is longer than 500 bytes'])
             [array_position(ARRAY['name', 'owner', 'long'], incoming_issuer_may(p_peer, p_issuer, p_reference))] END;
END $$;

-- Where a fault is. A line that became a report of its own is told by its number in what was sent, also when it is read again by itself.
CREATE OR REPLACE FUNCTION place_in_lines(p_before text, p_format text, p_now text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN p_format = 'ndjson' AND p_before ~ '^line [0-9]+' THEN regexp_replace(p_now, '^line 1\M', substring(p_before FROM '^line [0-9]+')) ELSE p_now END;

SELECT drop_overloads('reports_decoded');
-- As reports_insert, for reports that are stored already: what was read before is kept in report_content_before. A report that went through
-- triage keeps its observations and is not triaged again.
CREATE OR REPLACE FUNCTION reports_decoded(
    p_ids bigint[], p_route text[], p_sender bigint[], p_channel text[], p_assurance text[], p_sha256 bytea[], p_size bigint[], p_name text[],
    p_media_type text[], p_state text[], p_format text[], p_tlp smallint[], p_tlp_assumed boolean[], p_class text[], p_class_claim text[],
    p_description text[], p_summary text[], p_lang text[], p_reference text[], p_reference_issuer text[], p_time timestamptz[],
    p_time_text text[], p_time_rule text[], p_extra text[], p_observations int[], p_rejected_total int[], p_rejected text[], p_error text[],
    p_error_at text[], p_reporter_name text[], p_reporter_email text[], p_pap smallint[], p_case_kind text[],
    r_ord int[], r_no int[], r_bytes bytea[],
    o_ord int[], o_no int[], o_time timestamptz[], o_time_text text[], o_time_rule text[], o_class text[], o_class_claim text[],
    o_count bigint[], o_description text[], o_protocol text[], o_source_port int[], o_target_port int[], o_extra text[], o_statement bigint[],
    s_ord int[], s_observation int[], s_type smallint[], s_role smallint[], s_tlp smallint[], s_indicator boolean[], s_addr inet[],
    s_host text[], s_value text[], s_pap smallint[], s_confidence smallint[], s_valid_until timestamptz[], s_original text[],
    s_indicator_id bigint[], s_indicator_time timestamptz[], w_ord int[], w_indicator_id bigint[], w_time timestamptz[])
RETURNS TABLE (ord int, report_id bigint, is_duplicate boolean, state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_n int := cardinality(p_ids);
    v_received timestamptz[] := inbox_received(p_ids);
    v_new bigint[];     -- those that triage has not seen; 0 for the others
    v_late bigint[];    -- those that it has seen, closed, and that say something now; 0 for the others
    v_sender bigint[];
    v_had boolean[];    -- an earlier decoding found observations
    v_was boolean[];    -- what an earlier decoding read is another thing, and is kept
    v_is_rid boolean[];
    v_peer bigint[] := array_fill(NULL::bigint, ARRAY[v_n]); -- who delivered it over RID, and may
    v_refused text;
BEGIN
    PERFORM reports_lock(p_ids);
    SELECT array_agg(x.sender_id ORDER BY u.ord), array_agg(x.channel = 'rid' ORDER BY u.ord) INTO STRICT v_sender, v_is_rid
        FROM unnest(p_ids, v_received) WITH ORDINALITY u(id, received, ord) LEFT JOIN report x ON x.id = u.id AND x.received = u.received;
    FOR i IN 1..v_n LOOP
        CONTINUE WHEN NOT v_is_rid[i] OR p_state[i] <> 'received';
        v_peer[i] := (SELECT x.peer_id FROM sender x WHERE x.id = v_sender[i]);
        v_refused := decoded_rid_refused(v_peer[i], p_reference_issuer[i], p_reference[i]);
        p_route[i] := CASE WHEN v_refused IS NULL THEN 'hold' ELSE 'none' END;
        IF v_refused IS NOT NULL THEN
            v_peer[i] := NULL;
            p_state[i] := 'malformed';
            p_error[i] := v_refused;
        END IF;
    END LOOP;
    SELECT array_agg(CASE WHEN y.triaged THEN 0 ELSE y.id END ORDER BY y.ord),
           array_agg(CASE WHEN y.triaged AND y.state = 'received' AND (y.observations > 0 OR (y.had_no_words AND y.description IS NOT NULL)) AND NOT EXISTS (
               SELECT FROM observation o WHERE o.report_id = y.id AND o.received = y.received) THEN y.id ELSE 0 END ORDER BY y.ord),
           array_agg(y.had > 0 ORDER BY y.ord), array_agg(y.was ORDER BY y.ord)
        INTO STRICT v_new, v_late, v_had, v_was
        FROM (SELECT u.*, EXISTS (SELECT FROM report_outcome o WHERE o.report_id = u.id AND o.state = 'triaged') AS triaged,
                     c.observations AS had, c.description IS NULL AS had_no_words, num_nonnulls(c.description, c.summary, c.error) > 0
                         AND (c.format, c.tlp, c.class, c.description, c.summary, c.reference, c.extra, c.error)
                             IS DISTINCT FROM (u.format, u.tlp, u.class, u.description, u.summary, u.reference, u.extra, u.error) AS was
              FROM unnest(p_ids, v_received, p_state, p_observations, p_format, p_tlp, p_class, p_description, p_summary, p_reference, p_extra, p_error) WITH ORDINALITY
                       u(id, received, state, observations, format, tlp, class, description, summary, reference, extra, error, ord)
                  LEFT JOIN report_content c ON c.report_id = u.id AND c.received = u.received) y;

    IF true = ANY (v_was) THEN
        INSERT INTO report_content_before (report_id, received, decoded, state, format, tlp, tlp_assumed, class, class_claim, description, summary, lang,
                                           reference, reference_issuer, time, time_text, time_rule, extra, observations, rejected_total, rejected,
                                           error, error_at, pap, case_kind)
            SELECT c.report_id, c.received, c.decoded, c.state, c.format, c.tlp, c.tlp_assumed, c.class, c.class_claim, c.description, c.summary, c.lang,
                   c.reference, c.reference_issuer, c.time, c.time_text, c.time_rule, c.extra, c.observations, c.rejected_total, c.rejected,
                   c.error, c.error_at, c.pap, c.case_kind
            FROM unnest(p_ids, v_received, v_was) u(id, received, was) JOIN report_content c ON c.report_id = u.id AND c.received = u.received
            WHERE u.was AND c.report_id = ANY (p_ids);
    END IF;
    PERFORM feeds_decoded(p_ids, v_received, v_sender, p_state, p_observations, p_rejected_total);
    -- What was assumed RED by its own words is so when it is read again and still cannot be understood.
    UPDATE report_content c SET decoded = now(), state = u.state, format = u.format, tlp = u.tlp,
        tlp_assumed = u.tlp_assumed OR (c.tlp_assumed AND c.tlp = 4 AND c.error IS NOT NULL AND u.state = 'malformed'), class = u.class,
        class_claim = u.class_claim, description = u.description, summary = u.summary, lang = u.lang, reference = u.reference,
        reference_issuer = u.reference_issuer, time = u.time, time_text = u.time_text, time_rule = u.time_rule, extra = u.extra,
        observations = u.observations, rejected_total = u.rejected_total, rejected = u.rejected::jsonb, error = u.error, error_at = place_in_lines(c.error_at, u.format, u.error_at), pap = u.pap,
        case_kind = u.case_kind
        FROM unnest(p_ids, v_received, p_state, p_format, p_tlp, p_tlp_assumed, p_class, p_class_claim, p_description, p_summary, p_lang, p_reference,
                    p_reference_issuer, p_time, p_time_text, p_time_rule, p_extra, p_observations, p_rejected_total, p_rejected, p_error, p_error_at, p_pap, p_case_kind)
             u(id, received, state, format, tlp, tlp_assumed, class, class_claim, description, summary, lang, reference, reference_issuer, time, time_text,
               time_rule, extra, observations, rejected_total, rejected, error, error_at, pap, case_kind)
        WHERE c.report_id = u.id AND c.received = u.received AND c.report_id = ANY (p_ids) AND c.received = ANY (v_received);
    INSERT INTO report_reporter (report_id, received, name, email)
        SELECT u.id, u.received, u.name, u.email FROM unnest(p_ids, v_received, p_reporter_name, p_reporter_email) u(id, received, name, email)
        WHERE u.name IS NOT NULL OR u.email IS NOT NULL
        ON CONFLICT ON CONSTRAINT report_reporter_pkey DO UPDATE SET name = EXCLUDED.name, email = EXCLUDED.email;
    IF true = ANY (v_had) THEN
        DELETE FROM observation o USING unnest(v_new, v_received, v_had) u(id, received, had) WHERE u.had AND o.report_id = u.id AND o.received = u.received
            AND o.report_id = ANY (v_new) AND o.received = ANY (v_received);
        DELETE FROM sighting s USING unnest(v_new, v_received, v_had) u(id, received, had) WHERE u.had AND s.report_id = u.id AND s.received = u.received
            AND s.report_id = ANY (v_new) AND s.received = ANY (v_received);
    END IF;
    PERFORM report_rows(ARRAY(SELECT n + l FROM unnest(v_new, v_late) WITH ORDINALITY u(n, l, ord) ORDER BY u.ord), v_received, v_sender,
                        o_ord, o_no, o_time, o_time_text, o_time_rule, o_class, o_class_claim, o_count, o_description, o_protocol, o_source_port, o_target_port, o_extra, o_statement, s_ord, s_observation, s_type, s_role, s_tlp, s_indicator, s_addr, s_host, s_value,
                        s_pap, s_confidence, s_valid_until, s_original, s_indicator_id,
                        s_indicator_time, w_ord, w_indicator_id, w_time);
    PERFORM reports_route(v_new, p_route, v_received, p_observations);
    FOR i IN 1..v_n LOOP
        IF v_late[i] <> 0 THEN
            PERFORM report_read_late(v_late[i]);
        END IF;
        IF v_peer[i] IS NOT NULL THEN
            PERFORM incoming_insert(p_ids[i], v_peer[i], p_reference_issuer[i], p_reference[i], p_tlp[i], (SELECT count(*)::int FROM unnest(s_ord) u WHERE u = i));
        END IF;
    END LOOP;
    PERFORM pg_notify('cirt_changes', '');
    RETURN QUERY SELECT u.ord::int, u.id, false, u.state FROM unnest(p_ids, p_state) WITH ORDINALITY u(id, state, ord);
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
            PERFORM case_member_add(ARRAY[m.case_id], ARRAY[m.drill_id], ARRAY[m.compartment_id], ARRAY[m.report_id], ARRAY[m.received],
                                    ARRAY[int4multirange(int4range(1, r.observations + 1))], ARRAY[m.since_seq], ARRAY[m.rule])
                FROM case_member m WHERE m.case_id = v_case AND m.report_id = p_report AND m.until IS NULL;
            UPDATE case_tally t SET observations = t.observations + r.observations WHERE t.case_id = v_case;
        END IF;
        PERFORM case_text_add(v_case, r.tlp, r.summary), case_text_add(v_case, r.tlp, r.description);
        PERFORM journal_append(v_case, 'decode', 'read', format('report r%s can be read now%s', p_report, CASE WHEN r.observations > 0
            THEN format(', %s observations', r.observations) ELSE '' END), jsonb_build_object('report', 'r' || p_report, 'tlp', tlp_name(r.tlp)));
    END LOOP;
END $$;

-- What mails say of themselves, for finding their cases and for rules: JSON objects with the names of report_mail's columns.
DROP FUNCTION IF EXISTS inbox_facts(bigint, jsonb);
CREATE OR REPLACE FUNCTION inbox_facts(p_reports bigint[], p_facts text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE v_received timestamptz[] := inbox_received(p_reports);
BEGIN
    INSERT INTO report_mail AS m (report_id, received, mail_from, recipients, message_id, in_reply_to, refs, tags, author, kind, is_automatic,
                                  dmarc, spf, dkim, spam, spam_score, about, about_recipient, about_status, about_text, voices)
        SELECT u.id, u.received, '', '{}', f.message_id, f.in_reply_to, coalesce(f.refs, '{}'), coalesce(f.tags, '{}'), f.author, coalesce(f.kind, 'message'),
               coalesce(f.is_automatic, false), f.dmarc, f.spf, f.dkim, f.spam, f.spam_score, f.about, f.about_recipient, f.about_status, f.about_text,
               coalesce(f.voices, '{}')
        FROM unnest(p_reports, v_received, p_facts) u(id, received, facts) CROSS JOIN LATERAL jsonb_to_record(u.facts::jsonb) f(message_id text, in_reply_to text,
             refs text[], tags text[], author text, kind text, is_automatic boolean, dmarc text, spf text, dkim text, spam boolean, spam_score real,
             about text, about_recipient text, about_status text, about_text text, voices text[])
        ON CONFLICT ON CONSTRAINT report_mail_pkey DO UPDATE SET message_id = EXCLUDED.message_id, in_reply_to = EXCLUDED.in_reply_to, refs = EXCLUDED.refs,
            tags = EXCLUDED.tags, author = EXCLUDED.author, kind = EXCLUDED.kind, is_automatic = EXCLUDED.is_automatic, dmarc = EXCLUDED.dmarc,
            spf = EXCLUDED.spf, dkim = EXCLUDED.dkim, spam = EXCLUDED.spam, spam_score = EXCLUDED.spam_score, about = EXCLUDED.about,
            about_recipient = EXCLUDED.about_recipient, about_status = EXCLUDED.about_status, about_text = EXCLUDED.about_text, voices = EXCLUDED.voices;
    WITH address AS MATERIALIZED (SELECT p.address, p.peer_id FROM peer_addresses() p),
    heard AS (
        SELECT r.report_id, array_agg(DISTINCT a.peer_id) AS peers FROM address a CROSS JOIN report_mail r
        WHERE r.report_id = ANY (p_reports) AND a.address = ANY (r.voices || r.author || lower(btrim(r.mail_from, '<>'))) AND a.peer_id <> ALL (r.peers)
        GROUP BY r.report_id)
    UPDATE report_mail m SET peers = m.peers || h.peers FROM heard h WHERE m.report_id = h.report_id;
END $$;

-- Hands the signed parts to verify; p_ord: whose a part is, its place in p_reports. A later decoding replaces what still waits of an earlier one.
DROP FUNCTION IF EXISTS inbox_to_verify(bigint, jsonb, text[], bytea[], bytea[]);
DROP FUNCTION IF EXISTS inbox_to_verify(bigint, jsonb, int[], text[], text[], bytea[], bytea[]);
CREATE OR REPLACE FUNCTION inbox_to_verify(p_reports bigint[], p_messages text[], p_ord int[], p_steps int[], p_paths text[], p_protocols text[], p_bytes bytea[],
                                           p_signatures bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_received timestamptz[] := inbox_received(p_reports);
    v_ids bigint[];
BEGIN
    DELETE FROM to_verify q WHERE q.report_id = ANY (p_reports);
    SELECT array_agg(nextval('to_verify_id_seq') ORDER BY u.ord) INTO v_ids FROM unnest(p_reports) WITH ORDINALITY u(id, ord);
    INSERT INTO to_verify (id, report_id, received, message) OVERRIDING SYSTEM VALUE
        SELECT u.id, u.report, u.received, u.message::jsonb FROM unnest(v_ids, p_reports, v_received, p_messages) u(id, report, received, message);
    INSERT INTO signed_part (to_verify_id, step, path, protocol, bytes, signature)
        SELECT v_ids[u.ord], u.step, u.path, u.protocol, u.bytes, u.signature
        FROM unnest(p_ord, p_steps, p_paths, p_protocols, p_bytes, p_signatures) u(ord, step, path, protocol, bytes, signature);
    -- Where rows wait already, verify is at work, and looks again when it is through.
    IF NOT EXISTS (SELECT FROM to_verify q WHERE q.id BETWEEN v_ids[1] - 100 AND v_ids[1] - 1 AND q.failed IS NULL) THEN
        PERFORM pg_notify('cirt_to_verify', '');
    END IF;
END $$;

CREATE OR REPLACE FUNCTION to_verify_takes_its_parts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    DELETE FROM signed_part p WHERE p.to_verify_id = ANY (ARRAY(SELECT g.id FROM gone g));
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS to_verify_gone ON to_verify;
CREATE TRIGGER to_verify_gone AFTER DELETE ON to_verify REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION to_verify_takes_its_parts();
