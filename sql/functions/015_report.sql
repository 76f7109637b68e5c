-- Taking reports in. Set-based: a call stores any number of reports with all that belongs to them; nothing is looked up row by row.
-- The contents of an array change no plan here: generic plans save planning each statement for each batch. Arrays of rows are read by subscript, in
-- plpgsql, which keeps its parameters taken apart: unnest() of several would write and read a value at a time, at five times the cost.

-- The registered caller behind each key; no row for others. Asked for every batch of requests: plpgsql, since it keeps its plans.
SELECT drop_overloads('callers');
CREATE OR REPLACE FUNCTION callers(p_keys bytea[])
RETURNS TABLE (key bytea, enabled boolean, identity_id bigint, login text, role text, peer_id bigint, peer text, sender_id bigint,
               default_tlp smallint, default_class text, malformed_today bigint, confidence smallint, rest_s int, paused boolean, document_bytes_max bigint, format text, quota text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT k.key_sha256, coalesce(i.enabled, p.enabled), i.id, i.login, coalesce(i.role, 'peer'), p.id, p.name, coalesce(si.id, sp.id),
           i.default_tlp, i.default_class,
           coalesce((SELECT m.bytes FROM malformed_tally m WHERE m.sender_id = coalesce(si.id, sp.id) AND m.day = current_date), 0),
           f.confidence, CASE WHEN f.documents_per_hour IS NULL AND f.bytes_per_hour IS NULL THEN 0 ELSE feed_rest(si.id, f.documents_per_hour, f.bytes_per_hour) END,
           f.paused, f.document_bytes_max, f.format, concat_ws(' and ', f.documents_per_hour || ' documents', f.bytes_per_hour || ' bytes')
    FROM registered_key k
    LEFT JOIN identity i ON i.id = k.identity_id
    LEFT JOIN sender si ON si.identity_id = i.id
    LEFT JOIN feed f ON f.identity_id = i.id AND i.role = 'feed'
    LEFT JOIN peer p ON p.id = k.peer_id
    LEFT JOIN sender sp ON sp.peer_id = p.id
    WHERE k.key_sha256 = ANY (p_keys);
END $$;

-- STABLE as extract() is: only so is it inlined.
CREATE OR REPLACE FUNCTION report_week(p_received timestamptz) RETURNS int LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT floor(extract(epoch FROM p_received) / 604800)::int $$;

-- An id and a time for a report whose rows come in several calls (report_rows, report_raw_add, reports_insert) of one transaction.
CREATE OR REPLACE FUNCTION report_begin(OUT report_id bigint, OUT received_us bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT nextval('report_id_seq'), (extract(epoch FROM now()) * 1000000)::bigint $$;

CREATE OR REPLACE FUNCTION report_raw_add(p_report bigint, p_no int, p_bytes bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ INSERT INTO report_raw (report_id, received, no, bytes) VALUES (p_report, now(), p_no, p_bytes) $$;

-- What the newest statement of a sender says of an indicator that it names holds for what it said of it before: a value that it no longer has ends now,
-- and no value holds longer than it says now. Newest is what was changed last by the sender's own word, which is no later than it came; without that word,
-- what came last. Never another sender's; and not by mail, whose sender shows only when it is verified.
SELECT drop_overloads('indicators_told'), drop_overloads('indicators_withdrawn');
CREATE OR REPLACE FUNCTION indicators_told(p_ids bigint[], p_received timestamptz[], p_senders bigint[], s_ord int[], s_type smallint[], s_value text[],
                                           s_valid_until timestamptz[], s_indicator_id bigint[], s_indicator_time timestamptz[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    WITH told AS MATERIALIZED (
        SELECT p_ids[u.ord] AS report_id, p_received[u.ord] AS received, p_senders[u.ord] AS sender, u.indicator_id,
               least(max(u.time), p_received[u.ord]) AS time, max(u.time) IS NULL AS is_timeless, jsonb_object_agg(u.type || ' ' || u.value, u.until) AS said
        FROM unnest(s_ord, s_type, s_value, s_valid_until, s_indicator_id, s_indicator_time) u(ord, type, value, until, indicator_id, time)
        WHERE u.indicator_id IS NOT NULL AND p_ids[u.ord] <> 0
          AND EXISTS (SELECT FROM report r WHERE r.id = p_ids[u.ord] AND r.received = p_received[u.ord] AND r.channel <> 'mail')
        GROUP BY u.ord, u.indicator_id),
    late AS MATERIALIZED (
        SELECT t.report_id, t.received, t.sender, t.indicator_id FROM told t WHERE NOT t.is_timeless
          AND (EXISTS (SELECT FROM indicator_revoked w WHERE w.sender_id = t.sender AND w.indicator_id = t.indicator_id AND w.time > t.time)
               OR EXISTS (SELECT FROM sighting n WHERE n.indicator_id = t.indicator_id AND n.origin = t.sender AND n.report_id <> t.report_id AND n.indicator_time > t.time))),
    ended AS (
        UPDATE sighting s SET valid_until = now() FROM late t
        WHERE s.report_id = t.report_id AND s.received = t.received AND s.indicator_id = t.indicator_id AND s.origin = t.sender
          AND (s.valid_until IS NULL OR s.valid_until > now()))
    UPDATE sighting s SET valid_until = CASE WHEN t.said ? (s.type || ' ' || s.value) THEN (t.said ->> (s.type || ' ' || s.value))::timestamptz ELSE now() END
    FROM told t WHERE s.indicator_id = t.indicator_id AND s.origin = t.sender AND (s.received, s.report_id) < (t.received, t.report_id)
      AND (t.is_timeless OR s.indicator_time IS NULL OR s.indicator_time <= t.time)
      AND NOT EXISTS (SELECT FROM late l WHERE l.report_id = s.report_id AND l.indicator_id = s.indicator_id)
      AND coalesce(s.valid_until, 'infinity') > CASE WHEN t.said ? (s.type || ' ' || s.value) THEN (t.said ->> (s.type || ' ' || s.value))::timestamptz ELSE now() END $$;
CREATE OR REPLACE FUNCTION indicators_withdrawn(p_ids bigint[], p_received timestamptz[], p_senders bigint[], w_ord int[], w_indicator_id bigint[],
                                                w_time timestamptz[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    WITH gone AS MATERIALIZED (
        SELECT p_ids[u.ord] AS report_id, p_received[u.ord] AS received, p_senders[u.ord] AS sender, u.indicator_id,
               CASE WHEN u.time IS NOT NULL THEN least(u.time, p_received[u.ord]) END AS time
        FROM unnest(w_ord, w_indicator_id, w_time) u(ord, indicator_id, time)
            JOIN report r ON r.id = p_ids[u.ord] AND r.received = p_received[u.ord] AND r.channel <> 'mail'
        WHERE p_ids[u.ord] <> 0),
    kept AS (
        INSERT INTO indicator_revoked AS w (sender_id, indicator_id, time)
        SELECT g.sender, g.indicator_id, max(g.time) FROM gone g WHERE g.time IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (sender_id, indicator_id) DO UPDATE SET time = EXCLUDED.time, received = now() WHERE EXCLUDED.time > w.time)
    UPDATE sighting s SET valid_until = now()
    FROM gone g WHERE s.indicator_id = g.indicator_id AND s.origin = g.sender AND (s.received, s.report_id) < (g.received, g.report_id)
      AND (s.indicator_time IS NULL OR g.time IS NULL OR s.indicator_time <= g.time) AND (s.valid_until IS NULL OR s.valid_until > now()) $$;

-- Observations and sightings of the reports p_ids; *_ord is the report's place in p_ids, from 1. Reports with id 0 are left out.
SELECT drop_overloads('report_rows'), drop_overloads('reports_insert');
CREATE OR REPLACE FUNCTION report_rows(
    p_ids bigint[], p_received timestamptz[], p_senders bigint[],
    o_ord int[], o_no int[], o_time timestamptz[], o_time_text text[], o_time_rule text[], o_class text[], o_class_claim text[],
    o_count bigint[], o_description text[], o_protocol text[], o_source_port int[], o_target_port int[], o_extra text[], o_statement bigint[],
    s_ord int[], s_observation int[], s_type smallint[], s_role smallint[], s_tlp smallint[], s_indicator boolean[], s_addr inet[],
    s_host text[], s_value text[], s_pap smallint[], s_confidence smallint[], s_valid_until timestamptz[], s_original text[],
    s_indicator_id bigint[], s_indicator_time timestamptz[], w_ord int[], w_indicator_id bigint[], w_time timestamptz[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF cardinality(w_ord) > 0 THEN
        PERFORM indicators_withdrawn(p_ids, p_received, p_senders, w_ord, w_indicator_id, w_time);
    END IF;
    IF cardinality(o_ord) = 0 AND cardinality(s_ord) = 0 THEN -- of an observation with many sightings, the rest comes alone
        RETURN;
    END IF;
    INSERT INTO observation (report_id, received, no, time, time_text, time_rule, class, class_claim, count, description, protocol,
                             source_port, target_port, extra, statement)
        SELECT p_ids[o_ord[i]], p_received[o_ord[i]], o_no[i], o_time[i], o_time_text[i], o_time_rule[i], o_class[i], o_class_claim[i], o_count[i],
               o_description[i], o_protocol[i], o_source_port[i], o_target_port[i], o_extra[i], o_statement[i]
        FROM generate_series(1, cardinality(o_ord)) i WHERE p_ids[o_ord[i]] <> 0;
    INSERT INTO sighting (report_id, received, observation_no, origin, type, role, tlp, personal, is_indicator, addr, host, value, pap, confidence,
                          valid_until, original, indicator_id, indicator_time)
        SELECT p_ids[s_ord[i]], p_received[s_ord[i]], s_observation[i], p_senders[s_ord[i]], s_type[i], s_role[i], s_tlp[i],
               s_role[i] = 3 OR s_type[i] = 7 OR (s_type[i] = 17 AND s_value[i] ~ '[^[:space:]@]@[^[:space:]@]+[.][[:alpha:]]'), -- a text with a mail address in it
               s_indicator[i], s_addr[i], s_host[i], s_value[i], s_pap[i], s_confidence[i], s_valid_until[i], s_original[i], s_indicator_id[i],
               CASE WHEN s_indicator_time[i] IS NOT NULL THEN least(s_indicator_time[i], p_received[s_ord[i]]) END
        FROM generate_series(1, cardinality(s_ord)) i WHERE p_ids[s_ord[i]] <> 0;
    IF cardinality(s_indicator_id) > 0 THEN
        PERFORM indicators_told(p_ids, p_received, p_senders, s_ord, s_type, s_value, s_valid_until, s_indicator_id, s_indicator_time);
    END IF;
END $$;

-- The part of a digest that leads its index.
CREATE OR REPLACE FUNCTION digest_hash64(p_sha256 bytea) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('x' || encode(substr(p_sha256, 1, 8), 'hex'))::bit(64)::bigint;

-- Numbers for reports that nobody has sent yet: o_new is 0 for bytes that the same sender sent within 30 days, o_known then is that report. p_ids: 0 to
-- number a report here, else an id of report_begin(). The digest row is what makes a report exist once; the rest is the caller's to write.
-- Digests are taken in sorted order, so that overlapping batches wait for each other instead of dying.
CREATE OR REPLACE FUNCTION reports_number(p_ids bigint[], p_sender bigint[], p_sha256 bytea[], OUT o_known bigint[], OUT o_new bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_received timestamptz := now();
    v_week int := report_week(clock_timestamp()); -- not now(): a long document's transaction may have begun a week ago
    v_weeks int[];
    v_n int := cardinality(p_sender);
    v_count int;
BEGIN
    -- Where a week ends, two that began on either side of it would both find their week free: then one waits for the other, and sees it below.
    IF report_week(clock_timestamp() - interval '1 minute') <> report_week(clock_timestamp() + interval '1 minute') THEN
        PERFORM pg_advisory_xact_lock(20260103);
    END IF;
    -- The other weeks there are, so that the look-up below probes no others. min() over a range reads one entry of the index; EXISTS or an
    -- equality may read the whole table, as it holds few different weeks.
    SELECT array_agg(w) INTO v_weeks FROM generate_series(v_week - 5, v_week + 1) w
    WHERE w <> v_week AND (SELECT min(d.week) FROM report_digest d WHERE d.week BETWEEN w AND w) IS NOT NULL;
    IF v_weeks IS NULL THEN
        o_known := array_fill(0::bigint, ARRAY[v_n]);
    ELSE
        SELECT array_agg(coalesce((
            SELECT d.report_id FROM report_digest d
            WHERE d.week = ANY (v_weeks) AND d.sender_id = p_sender[i] AND d.hash64 = digest_hash64(p_sha256[i]) AND d.sha256 = p_sha256[i]
              AND d.received > v_received - interval '30 days'
            LIMIT 1), 0) ORDER BY i) INTO o_known
        FROM generate_series(1, v_n) i;
    END IF;

    -- Numbers for the rest. Of this week's the row itself tells whether they came before.
    SELECT array_agg(CASE WHEN o_known[i] <> 0 THEN 0 WHEN p_ids[i] = 0 THEN nextval('report_id_seq') ELSE p_ids[i] END ORDER BY i) INTO o_new
    FROM generate_series(1, v_n) i;
    INSERT INTO report_digest (week, sender_id, hash64, sha256, report_id, received)
        SELECT v_week, p_sender[i], digest_hash64(p_sha256[i]), p_sha256[i], o_new[i], v_received FROM generate_series(1, v_n) i
        WHERE o_new[i] <> 0 ORDER BY 2, 3, 4, i
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_count = ROW_COUNT;

    -- The same bytes came this week, twice in this batch, or in another's that committed meanwhile: a new snapshot sees them.
    IF v_count < cardinality(array_remove(o_new, 0)) THEN
        SELECT array_agg(CASE WHEN x.found = o_new[x.i] THEN 0 ELSE x.found END ORDER BY x.i),
               array_agg(CASE WHEN x.found = o_new[x.i] THEN x.found ELSE 0 END ORDER BY x.i) INTO o_known, o_new
        FROM (SELECT i, CASE WHEN o_new[i] = 0 THEN o_known[i] ELSE (
                  SELECT d.report_id FROM report_digest d
                  WHERE d.week = v_week AND d.sender_id = p_sender[i] AND d.hash64 = digest_hash64(p_sha256[i]) AND d.sha256 = p_sha256[i]) END AS found
              FROM generate_series(1, v_n) i) x;
    END IF;
END $$;

-- Stores reports with what was read out of them. p_ids: 0 to number a report here, else an id of report_begin(). p_route: 'triage', 'hold', 'withdrawal',
-- 'none'. A report whose bytes the same sender sent within 30 days is not stored: its row says so, and tlp what label the stored one has.
CREATE OR REPLACE FUNCTION reports_insert(
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
RETURNS TABLE (ord int, report_id bigint, is_duplicate boolean, state text, tlp smallint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_received timestamptz := now();
    v_n int := coalesce(array_length(p_sender, 1), 0);
    v_known bigint[];
    v_new bigint[];
BEGIN
    SELECT n.o_known, n.o_new INTO v_known, v_new FROM reports_number(p_ids, p_sender, p_sha256) n;
    INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size, name, media_type)
        SELECT v_new[i], v_received, p_sender[i], p_channel[i], p_assurance[i], p_sha256[i], p_size[i], p_name[i], p_media_type[i]
        FROM generate_series(1, v_n) i WHERE v_new[i] <> 0;
    INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed, class, class_claim, description, summary, lang, reference,
                                reference_issuer, time, time_text, time_rule, extra, observations, rejected_total, rejected, error, error_at, pap,
                                case_kind)
        SELECT v_new[i], v_received, p_state[i], p_format[i], p_tlp[i], p_tlp_assumed[i], p_class[i], p_class_claim[i], p_description[i], p_summary[i],
               p_lang[i], p_reference[i], p_reference_issuer[i], p_time[i], p_time_text[i], p_time_rule[i], p_extra[i], p_observations[i],
               p_rejected_total[i], p_rejected[i]::jsonb, p_error[i], p_error_at[i], p_pap[i], p_case_kind[i]
        FROM generate_series(1, v_n) i WHERE v_new[i] <> 0;
    IF 'malformed' = ANY (p_state) THEN
        INSERT INTO malformed_tally AS m (sender_id, day, bytes)
            SELECT u.sender, current_date, sum(u.size) FROM unnest(p_sender, p_size, p_state) WITH ORDINALITY u(sender, size, state, ord)
            WHERE u.state = 'malformed' AND v_new[u.ord] <> 0 GROUP BY u.sender ORDER BY u.sender
            ON CONFLICT (sender_id, day) DO UPDATE SET bytes = m.bytes + EXCLUDED.bytes;
    END IF;
    INSERT INTO report_raw (report_id, received, no, bytes)
        SELECT v_new[r_ord[i]], v_received, r_no[i], r_bytes[i] FROM generate_series(1, cardinality(r_ord)) i WHERE v_new[r_ord[i]] <> 0;
    IF array_remove(p_reporter_name || p_reporter_email, NULL) <> '{}' THEN
        INSERT INTO report_reporter (report_id, received, name, email)
            SELECT v_new[i], v_received, p_reporter_name[i], p_reporter_email[i] FROM generate_series(1, v_n) i
            WHERE v_new[i] <> 0 AND (p_reporter_name[i] IS NOT NULL OR p_reporter_email[i] IS NOT NULL);
    END IF;
    PERFORM report_rows(v_new, array_fill(v_received, ARRAY[v_n]), p_sender, o_ord, o_no, o_time, o_time_text, o_time_rule, o_class, o_class_claim, o_count,
                        o_description, o_protocol, o_source_port, o_target_port, o_extra, o_statement, s_ord, s_observation, s_type, s_role, s_tlp,
                        s_indicator, s_addr, s_host, s_value, s_pap, s_confidence, s_valid_until, s_original, s_indicator_id,
                        s_indicator_time, w_ord, w_indicator_id, w_time);
    PERFORM reports_route(v_new, p_route, array_fill(v_received, ARRAY[v_n]), p_observations);
    PERFORM feeds_received(p_sender, v_new, p_state, p_size, p_observations, p_rejected_total);

    RETURN QUERY
    SELECT g.ord, CASE v_new[g.ord] WHEN 0 THEN v_known[g.ord] ELSE v_new[g.ord] END, v_new[g.ord] = 0,
           CASE v_new[g.ord] WHEN 0 THEN (SELECT c.state FROM report_content c WHERE c.report_id = v_known[g.ord]) ELSE p_state[g.ord] END,
           CASE v_new[g.ord] WHEN 0 THEN (SELECT c.tlp FROM report_content c WHERE c.report_id = v_known[g.ord]) END
    FROM generate_series(1, v_n) g(ord);
END $$;

-- Hands reports to the next stage; those with id 0 stay. One to_triage row a batch: triage works in ranges; a report of more observations than it takes at
-- once has a row for each part of so many, so that several workers share it.
DROP FUNCTION IF EXISTS reports_route(bigint[], text[], timestamptz, int[]);
CREATE OR REPLACE FUNCTION reports_route(p_ids bigint[], p_route text[], p_received timestamptz[], p_observations int[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    c_part CONSTANT int := 60000; -- as triage_claim() is asked (sql/statements/triage.sql)
    v_row bigint;
BEGIN
    IF 'triage' = ANY (p_route) THEN
        INSERT INTO to_triage (reports, received, received_until, observations)
            SELECT range_agg(int8range(u.id, u.id + 1)), min(u.received), nullif(max(u.received), min(u.received)), sum(greatest(u.observations, 1))
            FROM unnest(p_ids, p_route, p_received, p_observations) u(id, route, received, observations)
            WHERE u.id <> 0 AND u.route = 'triage' AND coalesce(u.observations, 0) <= c_part HAVING count(*) > 0
            RETURNING id INTO v_row;
        IF (SELECT max(u) FROM unnest(p_observations) u) > c_part THEN
            WITH part AS (
                INSERT INTO to_triage (reports, received, observations, next_no, until_no)
                SELECT int8multirange(int8range(u.id, u.id + 1)), u.received, least(u.observations - p, c_part), p, least(u.observations, p + c_part)
                FROM unnest(p_ids, p_route, p_received, p_observations) u(id, route, received, observations), generate_series(0, u.observations - 1, c_part) p
                WHERE u.id <> 0 AND u.route = 'triage' AND u.observations > c_part ORDER BY u.id, p
                RETURNING id)
            SELECT coalesce(v_row, min(p.id)) INTO v_row FROM part p;
        END IF;
        -- Commits that notify wait for each other and wake every stage. Where rows wait already, triage is at work or will poll.
        IF v_row IS NOT NULL AND NOT EXISTS (SELECT FROM to_triage q WHERE q.id BETWEEN v_row - 100 AND v_row - 1) THEN
            PERFORM pg_notify('cirt_triage', '');
        END IF;
    END IF;
    IF 'inbox' = ANY (p_route) THEN
        INSERT INTO inbox (report_id, received) SELECT u.id, u.received FROM unnest(p_ids, p_route, p_received) u(id, route, received) WHERE u.id <> 0 AND u.route = 'inbox';
        PERFORM pg_notify('cirt_inbox', '');
    END IF;
    IF 'withdrawal' = ANY (p_route) THEN -- of indicators, and nothing else: done when it is stored
        INSERT INTO report_outcome (report_id, received, state, reason)
            SELECT u.id, u.received, 'dropped', 'only takes indicators back' FROM unnest(p_ids, p_route, p_received) u(id, route, received) WHERE u.id <> 0 AND u.route = 'withdrawal'
            ON CONFLICT DO NOTHING;
    END IF;
    IF 'hold' = ANY (p_route) THEN
        INSERT INTO report_outcome (report_id, received, state, reason)
            SELECT u.id, u.received, 'held', 'came from a peer: cirt incoming ls' FROM unnest(p_ids, p_route, p_received) u(id, route, received) WHERE u.id <> 0 AND u.route = 'hold';
    END IF;
END $$;

-- A sender's own report, without case.
CREATE OR REPLACE FUNCTION report_of_sender(p_report bigint, p_sender bigint) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT json_build_object('id', 'r' || r.id, 'received', time_text(r.received), 'channel', r.channel, 'assurance', r.assurance, 'format', c.format,
        'sha256', encode(r.sha256, 'hex'), 'size', r.size, 'tlp', tlp_name(c.tlp), 'tlp_assumed', c.tlp_assumed,
        'state', coalesce(o.state, c.state), 'observations', c.observations, 'rejected', c.rejected_total, 'case', NULL,
        'error', c.error, 'at', c.error_at)
    FROM report r JOIN report_content c ON c.report_id = r.id AND c.received = r.received
    LEFT JOIN report_outcome o ON o.report_id = r.id
    WHERE r.id = p_report AND r.sender_id = p_sender $$;
