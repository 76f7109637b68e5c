-- Fetching feeds: all that role fetch can do. It stores bytes for decode and moves the cursor of the feed they came from, in one transaction: what
-- a server handed over once is stored once, whoever dies in between.

-- What came of a sender in this hour, added up or not yet.
CREATE OR REPLACE FUNCTION feed_used(p_sender bigint, OUT documents bigint, OUT bytes bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(sum(u.documents), 0)::bigint, coalesce(sum(u.bytes), 0)::bigint FROM (
        SELECT t.documents, t.bytes FROM feed_tally t WHERE t.sender_id = p_sender AND t.hour = date_trunc('hour', now())
        UNION ALL
        SELECT c.documents, c.bytes FROM feed_count c WHERE c.sender_id = p_sender AND c.at >= date_trunc('hour', now())) u $$;

-- Which of its limits of an hour is used up: the member of its record, and in words; NULL: none.
CREATE OR REPLACE FUNCTION feed_limit(p_sender bigint, p_documents bigint, p_bytes bigint, OUT name text, OUT words text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT CASE WHEN u.documents >= p_documents THEN 'documents_per_hour' WHEN u.bytes >= p_bytes THEN 'bytes_per_hour' END,
           CASE WHEN u.documents >= p_documents THEN format('%s documents an hour', p_documents) WHEN u.bytes >= p_bytes THEN format('%s bytes an hour', p_bytes) END
    FROM feed_used(p_sender) u $$;

-- When a limit of an hour begins anew.
CREATE OR REPLACE FUNCTION feed_next_hour() RETURNS timestamptz LANGUAGE sql STABLE RETURN date_trunc('hour', now()) + interval '1 hour';

-- Seconds until it may send again; 0: now.
CREATE OR REPLACE FUNCTION feed_rest(p_sender bigint, p_documents bigint, p_bytes bigint) RETURNS int
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT CASE WHEN u.documents >= p_documents OR u.bytes >= p_bytes
                THEN greatest(ceil(extract(epoch FROM feed_next_hour() - clock_timestamp())), 1)::int ELSE 0 END
    FROM feed_used(p_sender) u $$;

CREATE OR REPLACE FUNCTION feed_notice_raise(p_feed bigint, p_kind text, p_subject text, p_text text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    INSERT INTO feed_notice (identity_id, kind, subject, text) VALUES (p_feed, p_kind, p_subject, p_text)
    ON CONFLICT (identity_id, kind, subject) WHERE ended IS NULL DO UPDATE SET text = EXCLUDED.text WHERE feed_notice.text <> EXCLUDED.text $$;
-- What comes again and again: what somebody has seen is not told again for a day.
DROP FUNCTION IF EXISTS feed_quota_raise(bigint, text);
CREATE OR REPLACE FUNCTION feed_notice_raise_daily(p_feed bigint, p_kind text, p_subject text, p_text text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT feed_notice_raise(p_feed, p_kind, p_subject, left(p_text, 500)) WHERE NOT EXISTS (
        SELECT FROM feed_notice n WHERE n.identity_id = p_feed AND n.kind = p_kind AND n.subject = p_subject AND n.ended_by IS NOT NULL AND n.ended > now() - interval '1 day') $$;
CREATE OR REPLACE FUNCTION feed_notice_end(p_feed bigint, p_kind text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ UPDATE feed_notice n SET ended = now() WHERE n.identity_id = p_feed AND n.kind = p_kind AND n.ended IS NULL $$;

-- Where the drop folders are; NULL: none is watched.
CREATE OR REPLACE FUNCTION fetch_tell_root(p_folder text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ INSERT INTO drop_root (folder) VALUES (p_folder) ON CONFLICT (one) DO UPDATE SET folder = EXCLUDED.folder $$;

-- The drop folders that are watched; is_over_quota: no more is taken from it in this hour.
SELECT drop_overloads('fetch_folders');
CREATE OR REPLACE FUNCTION fetch_folders() RETURNS TABLE (id bigint, name text, document_bytes_max bigint, keeps_files boolean, is_over_quota boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT i.id, i.login, f.document_bytes_max, f.keeps_files, feed_rest(s.id, f.documents_per_hour, f.bytes_per_hour) > 0
    FROM feed f JOIN identity i ON i.id = f.identity_id JOIN sender s ON s.identity_id = i.id
    WHERE f.kind = 'drop' AND i.enabled AND i.role = 'feed' AND NOT f.paused ORDER BY i.login $$;

-- Files a document for decode: its digest is known, its bytes follow by fetch_raw_add() in the same transaction. p_attempts: of the claim; NULL: of a
-- drop folder. verdict: 'stored', 'duplicate' (the report is the one of the first time), 'rest' (its quota of the hour is used up: rest_s), 'off' (paused
-- or removed meanwhile, or what lies in its folder is now too long).
CREATE OR REPLACE FUNCTION fetch_report(p_feed bigint, p_attempts int, p_sha256 bytea, p_size bigint, p_name text, p_media_type text,
                                        OUT verdict text, OUT report_id bigint, OUT rest_s int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v record;
    v_new bigint;
BEGIN
    rest_s := 0;
    SELECT f.kind, f.format, s.id AS sender_id, i.default_tlp, f.documents_per_hour, f.bytes_per_hour INTO v
        FROM feed f JOIN identity i ON i.id = f.identity_id JOIN sender s ON s.identity_id = i.id
        WHERE f.identity_id = p_feed AND i.enabled AND i.role = 'feed' AND NOT f.paused AND f.kind <> 'push' AND (f.kind = 'drop') = (p_attempts IS NULL)
              AND (f.kind <> 'drop' OR f.document_bytes_max IS NULL OR p_size <= f.document_bytes_max);
    IF v.kind IS NULL THEN
        verdict := 'off';
        RETURN;
    END IF;
    rest_s := feed_rest(v.sender_id, v.documents_per_hour, v.bytes_per_hour);
    IF rest_s > 0 THEN
        verdict := 'rest';
        PERFORM feed_notice_raise_daily(p_feed, 'quota', l.name, format('its %s are used up: the rest waits for the next hour', l.words))
            FROM feed_limit(v.sender_id, v.documents_per_hour, v.bytes_per_hour) l WHERE l.name IS NOT NULL;
        RETURN;
    END IF;
    SELECT n.o_known[1], n.o_new[1] INTO report_id, v_new FROM reports_number(ARRAY[0::bigint], ARRAY[v.sender_id], ARRAY[p_sha256]) n;
    verdict := CASE WHEN v_new = 0 THEN 'duplicate' ELSE 'stored' END;
    report_id := coalesce(nullif(v_new, 0), report_id);
    INSERT INTO feed_count (sender_id, documents, duplicates, bytes) VALUES (v.sender_id, 1, (verdict = 'duplicate')::int, p_size);
    UPDATE feed_state t SET brought = clock_timestamp() WHERE t.identity_id = p_feed AND verdict = 'stored' AND v.kind <> 'drop';
    IF verdict = 'duplicate' AND v.kind = 'drop' AND EXISTS (SELECT FROM report_content c WHERE c.report_id = fetch_report.report_id AND c.state = 'malformed') THEN
        PERFORM drop_malformed_add(report_id, p_name);
    END IF;
    IF verdict = 'duplicate' THEN
        RETURN;
    END IF;
    -- Whoever may write into a drop folder was let there by the operator; a server showed its certificate.
    INSERT INTO report (id, received, sender_id, channel, assurance, sha256, size, name, media_type)
        VALUES (report_id, now(), v.sender_id, CASE v.kind WHEN 'https' THEN 'poll' ELSE v.kind END, 'certificate', p_sha256, p_size, p_name, p_media_type);
    INSERT INTO report_content (report_id, received, state, format, tlp, tlp_assumed)
        VALUES (report_id, now(), 'decoding', v.format, coalesce(v.default_tlp, 2), true);
    INSERT INTO inbox (report_id, received) VALUES (report_id, now());
    PERFORM pg_notify('cirt_inbox', '');
END $$;

-- Only of a report that this transaction has filed.
CREATE OR REPLACE FUNCTION fetch_raw_add(p_report bigint, p_no int, p_bytes bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM stage_holds(EXISTS (SELECT FROM report r WHERE r.id = p_report AND r.received = now() AND r.channel IN ('drop', 'poll', 'taxii')
                                AND NOT EXISTS (SELECT FROM inbox i WHERE i.report_id = r.id AND i.attempts > 0)), p_report);
    INSERT INTO report_raw (report_id, received, no, bytes) VALUES (p_report, now(), p_no, p_bytes);
END $$;

-- What a drop folder could not take: counted, and told. p_why: 'document_max' (it is too long), 'empty', 'unmoved' (nor could it be
-- moved to failed/), or '' (it cannot be read). p_reason names the file: of a feed that is RED only how many there were is for everybody.
SELECT drop_overloads('fetch_refused');
CREATE OR REPLACE FUNCTION fetch_refused(p_feed bigint, p_why text, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO feed_count (sender_id, refused) SELECT s.id, 1 FROM sender s JOIN feed f ON f.identity_id = s.identity_id WHERE s.identity_id = p_feed;
    PERFORM feed_notice_raise(p_feed, CASE p_why WHEN 'document_max' THEN 'quota' ELSE 'unreadable' END, p_why, CASE WHEN i.default_tlp = 4 THEN
            format('%s refused within a day, the last one since it %s; file names are TLP:RED',
                   counted((SELECT sum(c.refused) FROM feed_count c WHERE c.sender_id = s.id)
                           + coalesce((SELECT sum(t.refused) FROM feed_tally t WHERE t.sender_id = s.id AND t.hour > now() - interval '1 day'), 0), 'document'),
                   CASE p_why WHEN 'document_max' THEN 'is too long' WHEN 'empty' THEN 'is empty' WHEN 'unmoved' THEN 'cannot be moved to failed/' ELSE 'cannot be read' END)
            ELSE p_reason END)
        FROM identity i JOIN sender s ON s.identity_id = i.id WHERE i.id = p_feed;
END $$;

-- What a feed that pushes sent beyond its quota, in so many documents: counted, and told.
CREATE OR REPLACE FUNCTION feed_refused(p_sender bigint, p_documents bigint, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_feed bigint := (SELECT f.identity_id FROM feed f JOIN sender s ON s.identity_id = f.identity_id WHERE s.id = p_sender);
BEGIN
    IF v_feed IS NULL OR p_documents < 1 THEN
        RETURN;
    END IF;
    INSERT INTO feed_count (sender_id, refused) VALUES (p_sender, p_documents);
    PERFORM feed_notice_raise_daily(v_feed, 'quota', coalesce(l.name, CASE WHEN f.document_bytes_max IS NOT NULL THEN 'document_max' ELSE '' END),
            CASE WHEN l.name IS NOT NULL THEN format('its %s are used up: its sender is told to come again in the next hour', l.words)
                 ELSE p_reason || CASE WHEN f.document_bytes_max IS NOT NULL THEN format(' (%s bytes)', f.document_bytes_max) ELSE '' END END)
        FROM feed f CROSS JOIN feed_limit(p_sender, f.documents_per_hour, f.bytes_per_hour) l WHERE f.identity_id = v_feed;
END $$;

-- Why the files of a drop folder are left where they lie; NULL: they are not.
CREATE OR REPLACE FUNCTION fetch_waits(p_feed bigint, p_why text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    UPDATE feed_state s SET error = left(p_why, 500), failed = CASE WHEN p_why IS NOT NULL THEN now() END
        FROM feed f WHERE f.identity_id = s.identity_id AND f.identity_id = p_feed AND f.kind = 'drop' AND s.error IS DISTINCT FROM left(p_why, 500) $$;

-- --- files that were taken, and turned out malformed ---

-- What is told in no name cannot be found again.
CREATE OR REPLACE FUNCTION drop_malformed_add(p_report bigint, p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO drop_malformed SELECT p_report, p_name WHERE p_name IS NOT NULL ON CONFLICT DO NOTHING;
    PERFORM pg_notify('cirt_feeds', '');
END $$;

CREATE OR REPLACE FUNCTION fetch_malformed() RETURNS TABLE (report_id bigint, feed bigint, name text, sha256 bytea, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT d.report_id, s.identity_id, d.name, r.sha256, format('%s is malformed: %s (cirt report show r%s)', d.name, concat_ws(', ', c.error, nullif(c.error_at, '')), d.report_id)
    FROM drop_malformed d JOIN report r ON r.id = d.report_id JOIN sender s ON s.id = r.sender_id
        JOIN report_content c ON c.report_id = r.id AND c.received = r.received ORDER BY d.report_id, d.name LIMIT 100 $$;

CREATE OR REPLACE FUNCTION fetch_malformed_settle(p_report bigint, p_name text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ DELETE FROM drop_malformed d WHERE d.report_id = p_report AND d.name = p_name $$;

-- --- asking servers ---

-- Who works on a feed holds its lock for as long as its connection lives: a claim needs no lease, and a fetch may take as long as it takes.
CREATE OR REPLACE FUNCTION fetch_lock(p_feed bigint) RETURNS boolean LANGUAGE sql AS
$$ SELECT pg_try_advisory_lock(20260106, (p_feed % 2147483647)::int) $$;
CREATE OR REPLACE FUNCTION fetch_unlock(p_feed bigint) RETURNS void LANGUAGE sql AS
$$ SELECT pg_advisory_unlock(20260106, (p_feed % 2147483647)::int) $$;
-- Does somebody work on it now?
CREATE OR REPLACE FUNCTION fetch_is_locked(p_feed bigint) RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                  AND l.classid = 20260106 AND l.objid = (p_feed % 2147483647)::int::oid AND l.objsubid = 2 AND l.granted) $$;

-- The feed that is due longest. One whose fetching took its worker down rests longer each time.
SELECT drop_overloads('fetch_claim'), drop_overloads('fetch_polled');
CREATE OR REPLACE FUNCTION fetch_claim()
RETURNS TABLE (id bigint, attempts int, name text, kind text, url text, credentials text, ca text, document_bytes_max bigint, etag text, last_modified text,
               added_after text, query_after text, next text, seen bytea, page_limit int, trail bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_id bigint;
    v_attempts int;
BEGIN
    FOR v_id IN SELECT f.identity_id FROM feed f JOIN feed_state s ON s.identity_id = f.identity_id JOIN identity i ON i.id = f.identity_id JOIN sender x ON x.identity_id = i.id
            WHERE f.kind IN ('https', 'taxii') AND NOT f.paused AND i.enabled AND i.role = 'feed' AND (s.not_before <= now() OR s.asked > coalesce(s.started, '-infinity'))
              AND feed_rest(x.id, f.documents_per_hour, f.bytes_per_hour) = 0
            ORDER BY s.not_before LOOP
        CONTINUE WHEN NOT fetch_lock(v_id);
        -- Another may have done it since we looked.
        UPDATE feed_state s SET attempts = s.attempts + 1, started = clock_timestamp(), not_before = now() + queue_rest(s.attempts + 1)
            WHERE s.identity_id = v_id AND (s.not_before <= now() OR s.asked > coalesce(s.started, '-infinity')) RETURNING s.attempts INTO v_attempts;
        IF FOUND THEN
            RETURN QUERY SELECT v_id, v_attempts, i.login, f.kind, f.url, f.credentials, f.ca, f.document_bytes_max, s.etag, s.last_modified, s.added_after, s.query_after, s.next, s.seen, s.page_limit, s.trail
                FROM feed f JOIN feed_state s ON s.identity_id = f.identity_id JOIN identity i ON i.id = f.identity_id WHERE f.identity_id = v_id;
            RETURN;
        END IF;
        PERFORM fetch_unlock(v_id);
    END LOOP;
END $$;

-- Whether a claim is still to be worked on: asked while a transfer runs, so that pausing a feed ends it.
CREATE OR REPLACE FUNCTION fetch_wanted(p_feed bigint, p_attempts int) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT EXISTS (SELECT FROM feed f JOIN feed_state s ON s.identity_id = f.identity_id JOIN identity i ON i.id = f.identity_id
                   WHERE f.identity_id = p_feed AND s.attempts = p_attempts AND f.kind IN ('https', 'taxii') AND NOT f.paused AND i.enabled) $$;

-- How long it is left alone after so many failures in a row, and what is told from the third on.
CREATE OR REPLACE FUNCTION fetch_back_off(p_failures int, p_every_s int) RETURNS interval LANGUAGE sql IMMUTABLE AS
$$ SELECT least(make_interval(secs => 30 * power(2, least(p_failures - 1, 20))), greatest(make_interval(secs => p_every_s), interval '1 hour')) $$;
CREATE OR REPLACE FUNCTION fetch_tell_failing(p_feed bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT feed_notice_raise(s.identity_id, 'failing', '', format('not fetched %s times: %s', s.failures, s.error)) FROM feed_state s WHERE s.identity_id = p_feed AND s.failures >= 3 $$;

-- How far it has come. p_rest_s > 0: in vain, for p_error; where it stands is as before then. p_is_refused: its server asks to be left alone, which is a
-- failure like another, and may last longer. That a server keeps something back is told until a run from the start has ended without that.
CREATE OR REPLACE FUNCTION fetch_polled(p_feed bigint, p_attempts int, p_etag text, p_last_modified text, p_added_after text, p_query_after text, p_next text, p_more boolean, p_seen bytea, p_page_limit int,
                                        p_trail bytea, p_rest_s int, p_is_refused boolean, p_error text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    UPDATE feed_state s SET etag = p_etag, last_modified = p_last_modified, added_after = p_added_after, query_after = p_query_after, next = p_next,
        more = CASE WHEN p_rest_s > 0 THEN s.more ELSE p_more END, incomplete = coalesce(p_error LIKE 'it has more%', false) OR s.incomplete AND (p_rest_s > 0 OR s.more),
        seen = p_seen, page_limit = nullif(p_page_limit, 0), trail = p_trail, failures = s.failures + p_is_refused::int,
        rest_s = CASE WHEN p_is_refused THEN greatest(p_rest_s, extract(epoch FROM fetch_back_off(s.failures + 1, f.every_s))::int) ELSE nullif(p_rest_s, 0) END,
        error = coalesce(p_error, CASE WHEN s.more AND s.error LIKE 'it has more%' THEN s.error END), failed = CASE WHEN p_rest_s > 0 THEN clock_timestamp() ELSE s.failed END
    FROM feed f WHERE f.identity_id = s.identity_id AND s.identity_id = p_feed AND s.attempts = p_attempts;
    SELECT fetch_tell_failing(p_feed) WHERE p_is_refused;
    SELECT CASE WHEN s.error LIKE 'it has more%' THEN feed_notice_raise_daily(p_feed, 'incomplete', '', s.error)
            WHEN NOT s.more AND NOT s.incomplete AND s.error IS NULL THEN feed_notice_end(p_feed, 'incomplete') END
        FROM feed_state s WHERE s.identity_id = p_feed $$;

-- Until the next time: at once where there is more of it, else after its interval, a little sooner or later so that not all come at once.
CREATE OR REPLACE FUNCTION fetch_settle(p_ids bigint[], p_attempts int[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_id bigint;
BEGIN
    FOR v_id IN UPDATE feed_state s SET attempts = 0, rest_s = NULL, failures = CASE WHEN s.rest_s IS NULL THEN 0 ELSE s.failures END,
                not_before = now() + CASE WHEN s.rest_s IS NOT NULL THEN make_interval(secs => s.rest_s) WHEN s.more THEN interval '0'
                    ELSE make_interval(secs => f.every_s * (0.95 + 0.1 * random())) END,
                ended = CASE WHEN s.rest_s IS NULL AND NOT s.more THEN clock_timestamp() ELSE s.ended END
            FROM unnest(p_ids, p_attempts) u(id, attempts) JOIN feed f ON f.identity_id = u.id WHERE s.identity_id = u.id AND s.attempts = u.attempts RETURNING s.identity_id LOOP
        PERFORM feed_notice_end(v_id, 'failing') FROM feed_state s WHERE s.identity_id = v_id AND s.failures = 0;
        PERFORM fetch_unlock(v_id);
        RETURN NEXT v_id;
    END LOOP;
END $$;

-- Later, and later each time; somebody is told after the third.
CREATE OR REPLACE FUNCTION fetch_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    UPDATE feed_state s SET attempts = 0, failures = s.failures + 1, failed = clock_timestamp(), error = p_error, not_before = now() + fetch_back_off(s.failures + 1, f.every_s)
        FROM feed f WHERE f.identity_id = s.identity_id AND s.identity_id = p_id AND s.attempts = p_attempts;
    IF FOUND THEN
        PERFORM fetch_tell_failing(p_id);
    END IF;
    PERFORM fetch_unlock(p_id);
END $$;

-- --- decoding what is large ---

CREATE OR REPLACE FUNCTION inbox_chunk(p_report bigint, p_no int) RETURNS SETOF bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT bytes FROM report_raw WHERE report_id = p_report AND no = p_no AND inbox_holds(p_report) $$;

-- Before the first row: what an earlier decoding read, or an earlier try of this transaction, goes. False where the report went through triage: it keeps what
-- it had. The row of the queue is locked till the end, so that a document that takes longer than a lease is nobody else's.
CREATE OR REPLACE FUNCTION inbox_rows_begin(p_report bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_received timestamptz;
BEGIN
    SELECT i.received INTO v_received FROM inbox i WHERE i.report_id = p_report AND i.attempts > 0 AND i.failed IS NULL LIMIT 1 FOR UPDATE;
    PERFORM stage_holds(v_received IS NOT NULL, p_report);
    IF EXISTS (SELECT FROM report_outcome o WHERE o.report_id = p_report AND o.state = 'triaged') THEN
        RETURN false;
    END IF;
    DELETE FROM observation o WHERE o.report_id = p_report AND o.received = v_received;
    DELETE FROM sighting s WHERE s.report_id = p_report AND s.received = v_received;
    UPDATE report_content c SET observations = 0 WHERE c.report_id = p_report AND c.received = v_received AND c.observations <> 0;
    RETURN true;
END $$;

SELECT drop_overloads('inbox_rows');
CREATE OR REPLACE FUNCTION inbox_rows(
    p_ids bigint[], p_senders bigint[],
    o_ord int[], o_no int[], o_time timestamptz[], o_time_text text[], o_time_rule text[], o_class text[], o_class_claim text[],
    o_count bigint[], o_description text[], o_protocol text[], o_source_port int[], o_target_port int[], o_extra text[], o_statement bigint[],
    s_ord int[], s_observation int[], s_type smallint[], s_role smallint[], s_tlp smallint[], s_indicator boolean[], s_addr inet[],
    s_host text[], s_value text[], s_pap smallint[], s_confidence smallint[], s_valid_until timestamptz[], s_original text[],
    s_indicator_id bigint[], s_indicator_time timestamptz[], w_ord int[], w_indicator_id bigint[], w_time timestamptz[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM report_rows(
        p_ids, inbox_received(p_ids), p_senders, o_ord, o_no, o_time, o_time_text, o_time_rule, o_class, o_class_claim, o_count, o_description,
        o_protocol, o_source_port, o_target_port, o_extra, o_statement, s_ord, s_observation, s_type, s_role, s_tlp, s_indicator, s_addr, s_host,
        s_value, s_pap, s_confidence, s_valid_until, s_original, s_indicator_id, s_indicator_time, w_ord, w_indicator_id, w_time);
END $$;

-- The lines of a report as reports of the same sender by the same way; p_ids all name the one they stand in.
SELECT drop_overloads('inbox_lines');
CREATE OR REPLACE FUNCTION inbox_lines(
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
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_n int := cardinality(p_ids);
    r report;
BEGIN
    SELECT x.* INTO r FROM inbox i JOIN report x ON x.id = i.report_id AND x.received = i.received WHERE i.report_id = p_ids[1] AND i.attempts > 0 AND i.failed IS NULL
        LIMIT 1 FOR UPDATE OF i;
    PERFORM stage_holds(r.id IS NOT NULL AND p_ids[1] = ALL (p_ids), p_ids[1]);
    RETURN QUERY SELECT n.ord, n.report_id, n.is_duplicate, n.state FROM reports_insert(
        array_fill(0::bigint, ARRAY[v_n]), p_route, array_fill(r.sender_id, ARRAY[v_n]), array_fill(r.channel, ARRAY[v_n]),
        array_fill(r.assurance, ARRAY[v_n]), p_sha256, p_size, p_name, p_media_type, p_state, p_format, p_tlp, p_tlp_assumed, p_class, p_class_claim,
        p_description, p_summary, p_lang, p_reference, p_reference_issuer, p_time, p_time_text, p_time_rule, p_extra, p_observations,
        p_rejected_total, p_rejected, p_error, p_error_at, p_reporter_name, p_reporter_email, p_pap, p_case_kind, r_ord, r_no, r_bytes, o_ord, o_no,
        o_time, o_time_text, o_time_rule, o_class, o_class_claim, o_count, o_description, o_protocol, o_source_port, o_target_port, o_extra,
        o_statement, s_ord, s_observation, s_type, s_role, s_tlp, s_indicator, s_addr, s_host, s_value, s_pap, s_confidence, s_valid_until, s_original,
        s_indicator_id, s_indicator_time, w_ord, w_indicator_id, w_time) n;
END $$;

-- A report whose lines are reports of their own: nothing is left for triage.
CREATE OR REPLACE FUNCTION inbox_split(p_report bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM stage_holds(inbox_holds(p_report), p_report);
    INSERT INTO report_outcome (report_id, received, state, reason) SELECT r.id, r.received, 'dropped', 'each of its lines is a report of its own' FROM report r WHERE r.id = p_report
        ON CONFLICT DO NOTHING;
END $$;

-- A malformed document counts against its sender's quota of the day; beyond it only head, hash and error are kept. One that was read before and stays
-- malformed was counted then, and is not cut: who replays it still looks for the fault.
CREATE OR REPLACE FUNCTION inbox_malformed(p_report bigint, p_quota bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    r report;
    v_bytes bigint;
BEGIN
    PERFORM stage_holds(inbox_holds(p_report), p_report);
    SELECT x.* INTO STRICT r FROM report x WHERE x.id = p_report;
    IF EXISTS (SELECT FROM report_content c WHERE c.report_id = r.id AND c.received = r.received AND c.error IS NOT NULL) THEN
        RETURN;
    END IF;
    INSERT INTO malformed_tally AS m (sender_id, day, bytes) VALUES (r.sender_id, current_date, r.size)
        ON CONFLICT (sender_id, day) DO UPDATE SET bytes = m.bytes + EXCLUDED.bytes RETURNING m.bytes INTO v_bytes;
    IF r.channel = 'drop' THEN
        PERFORM drop_malformed_add(r.id, r.name);
    END IF;
    IF v_bytes > p_quota AND r.size > 4096 THEN
        DELETE FROM report_raw w WHERE w.report_id = r.id AND w.received = r.received AND w.no > 0;
        UPDATE report_raw w SET bytes = substr(w.bytes, 1, 4096) WHERE w.report_id = r.id AND w.received = r.received AND w.no = 0;
    END IF;
END $$;

-- Names of columns in words: how many, and the first few.
CREATE OR REPLACE FUNCTION columns_words(p_names text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN cardinality(p_names) > 8 THEN cardinality(p_names) || ' columns, among them ' ELSE '' END || string_agg(x.name, ' ' ORDER BY x.no)
    FROM (SELECT CASE WHEN length(u.name) > 40 THEN left(u.name, 40) || '...' ELSE u.name END AS name, u.no FROM unnest(p_names) WITH ORDINALITY u(name, no) ORDER BY u.no LIMIT 8) x $$;

-- The columns of a table that a feed sent: told where they are others than those of the last one that could be read. Nothing for other senders, nor of
-- what is replayed: it came long ago. p_report: NULL where it came now; p_is_read: false where the document was refused. What somebody has seen is not told
-- again in the same words for a day, so that neither the next refused one nor the first that a changed mapping reads repeats it. Columns of what is RED (p_tlp:
-- the document's label) are compared among themselves, and counted, not named: everybody reads notices.
SELECT drop_overloads('feed_columns_seen');
CREATE OR REPLACE FUNCTION feed_columns_seen(p_sender bigint, p_report bigint, p_what text, p_columns text, p_is_read boolean, p_tlp smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_feed bigint := (SELECT f.identity_id FROM feed f JOIN sender s ON s.identity_id = f.identity_id WHERE s.id = p_sender);
    v_is_red boolean := p_tlp = 4 OR EXISTS (SELECT FROM identity i WHERE i.id = v_feed AND i.default_tlp = 4);
    v_what text := coalesce(left(p_what, 200), '') || CASE WHEN v_is_red THEN ' (TLP:RED)' ELSE '' END;
    v_subject text := CASE WHEN v_is_red THEN 'TLP:RED' ELSE v_what END;
    v_columns text := left(p_columns, 20000);
    v_old text;
    v_came text[];
    v_went text[];
    v_text text;
BEGIN
    IF v_feed IS NULL THEN
        RETURN;
    END IF;
    SELECT c.columns INTO v_old FROM feed_columns c WHERE c.sender_id = p_sender AND c.what = v_what;
    -- What is read for the first time has no fault yet.
    IF v_old = v_columns OR EXISTS (SELECT FROM report_content c WHERE c.report_id = p_report AND c.error IS NOT NULL) THEN
        RETURN;
    END IF;
    IF p_is_read THEN
        INSERT INTO feed_columns AS c (sender_id, what, columns) VALUES (p_sender, v_what, v_columns)
            ON CONFLICT (sender_id, what) DO UPDATE SET columns = EXCLUDED.columns, since = now();
    END IF;
    IF v_old IS NOT NULL THEN
        v_came := ARRAY(SELECT x FROM unnest(string_to_array(v_columns, ',')) WITH ORDINALITY u(x, no) WHERE x <> ALL (string_to_array(v_old, ',')) ORDER BY no);
        v_went := ARRAY(SELECT x FROM unnest(string_to_array(v_old, ',')) WITH ORDINALITY u(x, no) WHERE x <> ALL (string_to_array(v_columns, ',')) ORDER BY no);
        v_text := concat_ws('; ', 'the columns' || CASE WHEN v_is_red THEN '' ELSE coalesce(' of ' || nullif(v_what, ''), '') END || ' changed',
                            'new: ' || CASE WHEN v_is_red THEN nullif(cardinality(v_came), 0)::text ELSE columns_words(v_came) END,
                            'gone: ' || CASE WHEN v_is_red THEN nullif(cardinality(v_went), 0)::text ELSE columns_words(v_went) END,
                            CASE WHEN v_came = '{}' AND v_went = '{}' THEN 'another order' END, CASE WHEN v_is_red THEN 'their names are TLP:RED' END);
        PERFORM feed_notice_raise(v_feed, 'columns', v_subject, v_text) WHERE NOT EXISTS (
            SELECT FROM feed_notice n WHERE n.identity_id = v_feed AND n.kind = 'columns' AND n.subject = v_subject AND n.text = v_text AND n.ended > now() - interval '1 day');
    END IF;
END $$;
