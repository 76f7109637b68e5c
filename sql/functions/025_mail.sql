-- Decoding, verifying and opening: the queues inbox, to_verify and to_open, and what their stages write. A claim leases rows by moving
-- not_before ahead and counting the attempt; a settled row goes; after eight tries, or at once where the fault is in the input, it is set aside.
-- Fresh rows come many at a time. A row that was claimed before comes alone, so that one which kills its worker takes no other down with it.

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

-- --- decode ---

CREATE OR REPLACE FUNCTION inbox_claim()
RETURNS TABLE (id bigint, attempts int, report_id bigint, sender_id bigint, channel text, name text, media_type text, format text,
               tlp smallint, default_tlp smallint, default_class text)
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
           i.default_tlp, i.default_class
    FROM taken t JOIN report r ON r.id = t.report_id AND r.received = t.received
    JOIN report_content c ON c.report_id = r.id AND c.received = r.received
    JOIN sender s ON s.id = r.sender_id LEFT JOIN identity i ON i.id = s.identity_id
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

-- What seal made of the encrypted root of a mail: no row, not tried; bytes NULL, not to be opened.
CREATE OR REPLACE FUNCTION inbox_clear(p_report bigint) RETURNS TABLE (bytes bytea, signatures jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT bytes, signatures FROM report_clear WHERE report_id = p_report AND inbox_holds(p_report) ORDER BY opened DESC LIMIT 1 $$;

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
    v_triaged boolean;
    v_ids bigint[] := p_ids;
    v_peer bigint;
    v_refused text;
BEGIN
    IF cardinality(p_ids) <> 1 THEN
        RAISE EXCEPTION 'one report at a time, not %', cardinality(p_ids) USING ERRCODE = 'CI400';
    END IF;
    PERFORM stage_holds(inbox_holds(p_ids[1]), p_ids[1]);
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
    INSERT INTO report_content_before
        SELECT c.*, now() FROM report_content c WHERE c.report_id = p_ids[1] AND c.received = v_report.received
            AND (c.description IS NOT NULL OR c.summary IS NOT NULL OR c.error IS NOT NULL);
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
    END IF;
    IF v_peer IS NOT NULL AND v_refused IS NULL THEN
        PERFORM incoming_insert(p_ids[1], v_peer, p_reference_issuer[1], p_reference[1], p_tlp[1], cardinality(s_value));
    END IF;
    PERFORM pg_notify('cirt_changes', '');
    RETURN QUERY SELECT 1, p_ids[1], false, p_state[1];
END $$;

-- Hands the signed parts to verify. A later decoding replaces what still waits of an earlier one.
CREATE OR REPLACE FUNCTION inbox_to_verify(p_report bigint, p_message jsonb, p_paths text[], p_bytes bytea[], p_signatures bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_id bigint;
BEGIN
    PERFORM stage_holds(inbox_holds(p_report), p_report);
    DELETE FROM to_verify WHERE report_id = p_report;
    INSERT INTO to_verify (report_id, received, message) SELECT r.id, r.received, p_message FROM report r WHERE r.id = p_report RETURNING id INTO v_id;
    INSERT INTO signed_part (to_verify_id, path, protocol, bytes, signature)
        SELECT v_id, u.path, 'openpgp', u.bytes, u.signature FROM unnest(p_paths, p_bytes, p_signatures) u(path, bytes, signature);
    PERFORM pg_notify('cirt_to_verify', '');
END $$;

CREATE OR REPLACE FUNCTION inbox_to_open(p_report bigint, p_path text, p_bytes bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM stage_holds(inbox_holds(p_report), p_report);
    DELETE FROM to_open WHERE report_id = p_report;
    INSERT INTO to_open (report_id, received, path, protocol, bytes) SELECT r.id, r.received, p_path, 'openpgp', p_bytes FROM report r WHERE r.id = p_report;
    PERFORM pg_notify('cirt_to_open', '');
END $$;

-- The verdict on a mail; then it goes where p_route says ('triage', 'hold') unless it was triaged before.
CREATE OR REPLACE FUNCTION report_verdict_store(
    p_report bigint, p_summary text, p_encryption text, p_covers text, p_signer text, p_fingerprint text, p_key_now text, p_signed timestamptz,
    p_parts jsonb, p_route text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_received timestamptz;
    v_observations int;
BEGIN
    PERFORM stage_holds(inbox_holds(p_report) OR EXISTS (SELECT FROM to_verify q WHERE q.report_id = p_report AND q.attempts > 0 AND q.failed IS NULL), p_report);
    SELECT c.received, c.observations INTO STRICT v_received, v_observations FROM report_content c WHERE c.report_id = p_report;
    INSERT INTO report_verdict (report_id, received, summary, encryption, covers, signer, fingerprint, key_now, signed, parts)
        VALUES (p_report, v_received, p_summary, p_encryption, p_covers, p_signer, p_fingerprint, p_key_now, p_signed, p_parts);
    UPDATE report_content SET state = 'received' WHERE report_id = p_report AND received = v_received AND state = 'decoding';
    IF NOT EXISTS (SELECT FROM report_outcome WHERE report_id = p_report) THEN
        PERFORM reports_route(ARRAY[p_report], ARRAY[p_route], v_received, ARRAY[v_observations]);
    END IF;
    PERFORM pg_notify('cirt_changes', '');
END $$;

-- --- verify ---

CREATE OR REPLACE FUNCTION to_verify_claim() RETURNS TABLE (id bigint, attempts int, report_id bigint, message jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM queue_commits_lazily();
    RETURN QUERY
    WITH spent AS (
        UPDATE to_verify q SET failed = now(), error = coalesce(q.error, queue_died(q.attempts))
        WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND queue_is_spent(q.attempts)),
    again AS (
        SELECT q.id FROM to_verify q WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND NOT queue_is_spent(q.attempts)
        ORDER BY q.not_before, q.id LIMIT 1 FOR UPDATE SKIP LOCKED),
    fresh AS (
        SELECT q.id FROM to_verify q WHERE q.failed IS NULL AND q.attempts = 0 AND NOT EXISTS (SELECT FROM again)
        ORDER BY q.id LIMIT 32 FOR UPDATE SKIP LOCKED),
    due AS (SELECT a.id FROM again a UNION ALL SELECT f.id FROM fresh f),
    taken AS (
        UPDATE to_verify q SET attempts = q.attempts + 1, not_before = now() + queue_lease() FROM due WHERE q.id = due.id
        RETURNING q.id, q.attempts, q.report_id, q.message)
    SELECT t.id, t.attempts, t.report_id, t.message FROM taken t ORDER BY t.id;
END $$;

DROP FUNCTION IF EXISTS to_verify_settle(bigint, int);
CREATE OR REPLACE FUNCTION to_verify_settle(p_ids bigint[], p_attempts int[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM queue_commits_lazily();
    RETURN QUERY DELETE FROM to_verify q USING unnest(p_ids, p_attempts) u(id, attempts) WHERE q.id = u.id AND q.attempts = u.attempts RETURNING q.id;
END $$;

CREATE OR REPLACE FUNCTION to_verify_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    UPDATE to_verify SET error = p_error, not_before = now() + queue_rest(attempts),
        failed = CASE WHEN p_final OR queue_is_spent(attempts) THEN now() END
    WHERE id = p_id AND attempts = p_attempts $$;

CREATE OR REPLACE FUNCTION to_verify_parts(p_id bigint) RETURNS TABLE (path text, bytes bytea, signature bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT path, bytes, signature FROM signed_part WHERE to_verify_id = p_id ORDER BY path $$;

-- Keys that came or changed since then, for verify's and seal's own homes. Those of the last ten seconds come again and again: a transaction that
-- began before the newest we know may have committed after it.
CREATE OR REPLACE FUNCTION pinned_keys(p_since_us bigint) RETURNS TABLE (fingerprint text, armoured text, changed_us bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT k.fingerprint, k.armoured, (extract(epoch FROM k.changed) * 1000000)::bigint FROM mail_key k
    WHERE k.distrusted IS NULL AND k.pinned IS NOT NULL AND k.protocol = 'openpgp'
      AND k.changed > least(timestamptz 'epoch' + p_since_us * interval '1 microsecond', now() - interval '10 seconds') ORDER BY k.changed $$;

-- Whom a key is pinned to; no row where nobody vouches for it.
CREATE OR REPLACE FUNCTION pinned_identities(p_fingerprints text[]) RETURNS TABLE (fingerprint text, name text, addresses text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT k.fingerprint, coalesce(i.name, i.login, p.name), k.addresses FROM mail_key k
    LEFT JOIN identity i ON i.id = k.identity_id LEFT JOIN peer p ON p.id = k.peer_id
    WHERE k.fingerprint = ANY (p_fingerprints) AND k.distrusted IS NULL AND k.pinned IS NOT NULL AND coalesce(i.enabled, p.enabled) $$;

-- --- seal ---

CREATE OR REPLACE FUNCTION to_open_claim() RETURNS TABLE (id bigint, attempts int, report_id bigint, path text, bytes bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM queue_commits_lazily();
    RETURN QUERY
    WITH spent AS (
        UPDATE to_open q SET failed = now(), error = coalesce(q.error, queue_died(q.attempts))
        WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND queue_is_spent(q.attempts)),
    again AS (
        SELECT q.id FROM to_open q WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND NOT queue_is_spent(q.attempts)
        ORDER BY q.not_before, q.id LIMIT 1 FOR UPDATE SKIP LOCKED),
    fresh AS (
        SELECT q.id FROM to_open q WHERE q.failed IS NULL AND q.attempts = 0 AND NOT EXISTS (SELECT FROM again)
        ORDER BY q.id LIMIT 4 FOR UPDATE SKIP LOCKED),
    due AS (SELECT a.id FROM again a UNION ALL SELECT f.id FROM fresh f),
    taken AS (
        UPDATE to_open q SET attempts = q.attempts + 1, not_before = now() + queue_lease() FROM due WHERE q.id = due.id
        RETURNING q.id, q.attempts, q.report_id, q.path, q.bytes)
    SELECT t.id, t.attempts, t.report_id, t.path, t.bytes FROM taken t ORDER BY t.id;
END $$;

DROP FUNCTION IF EXISTS to_open_settle(bigint, int);
CREATE OR REPLACE FUNCTION to_open_settle(p_ids bigint[], p_attempts int[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM queue_commits_lazily();
    RETURN QUERY DELETE FROM to_open q USING unnest(p_ids, p_attempts) u(id, attempts) WHERE q.id = u.id AND q.attempts = u.attempts RETURNING q.id;
END $$;

CREATE OR REPLACE FUNCTION to_open_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    UPDATE to_open SET error = p_error, not_before = now() + queue_rest(attempts),
        failed = CASE WHEN p_final OR queue_is_spent(attempts) THEN now() END
    WHERE id = p_id AND attempts = p_attempts $$;

-- What came of it; p_bytes NULL: not to be opened, p_needed are the keys that could. Back to decode in either case.
CREATE OR REPLACE FUNCTION report_opened(p_report bigint, p_path text, p_bytes bytea, p_needed text[], p_signatures jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM stage_holds(EXISTS (SELECT FROM to_open q WHERE q.report_id = p_report AND q.path = p_path AND q.attempts > 0 AND q.failed IS NULL), p_report);
    INSERT INTO report_clear (report_id, received, path, bytes, needed_keys, signatures)
        SELECT r.id, r.received, p_path, p_bytes, p_needed, p_signatures FROM report r WHERE r.id = p_report
        ON CONFLICT (report_id, step, path) DO UPDATE
        SET bytes = EXCLUDED.bytes, needed_keys = EXCLUDED.needed_keys, signatures = EXCLUDED.signatures, opened = now();
    INSERT INTO inbox (report_id, received) SELECT r.id, r.received FROM report r WHERE r.id = p_report;
    PERFORM pg_notify('cirt_inbox', '');
END $$;
