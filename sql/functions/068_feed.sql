-- Feeds as people see and change them. Each is an identity of role feed (its name, keys, label and class) with a record of how it comes.

DROP VIEW IF EXISTS visible_feed, visible_feed_notice CASCADE;
CREATE VIEW visible_feed AS
SELECT i.id, i.login AS name, i.name AS title, i.mail, i.default_tlp, i.default_class, i.enabled,
       ARRAY(SELECT encode(k.key_sha256, 'hex') FROM registered_key k WHERE k.identity_id = i.id ORDER BY k.added, 1) AS keys,
       f.kind, f.paused, f.format, f.confidence, f.url, f.credentials, f.ca, f.every_s, f.fresh_s, f.documents_per_hour, f.bytes_per_hour, f.document_bytes_max,
       f.keeps_files, (SELECT p.name FROM peer p WHERE p.id = f.peer_id) AS peer, s.id AS sender_id, t.not_before, t.asked, t.started, CASE WHEN t.attempts > 0 AND fetch_is_locked(t.identity_id) THEN t.started END AS fetching, t.ended, t.failures, t.failed, t.error, t.added_after, t.more, t.brought,
       -- What it is not fetched for till the next hour, although it is due.
       CASE WHEN f.kind IN ('https', 'taxii') AND (t.more OR t.not_before < feed_next_hour()) THEN (SELECT l.words FROM feed_limit(s.id, f.documents_per_hour, f.bytes_per_hour) l) END AS used_up,
       (SELECT max(y.last) FROM feed_tally y WHERE y.sender_id = s.id AND y.documents > y.duplicates) AS last,
       CASE f.kind WHEN 'drop' THEN (SELECT d.folder || '/' || i.login FROM drop_root d) END AS folder
FROM identity i JOIN feed f ON f.identity_id = i.id JOIN sender s ON s.identity_id = i.id JOIN feed_state t ON t.identity_id = i.id
WHERE i.role = 'feed' AND viewer() IS NOT NULL;

CREATE VIEW visible_feed_notice AS
SELECT n.identity_id, n.kind, n.subject, n.text, n.raised, n.ended, (SELECT i.login FROM identity i WHERE i.id = n.ended_by) AS ended_by
FROM feed_notice n WHERE viewer() IS NOT NULL;

-- What came since a moment, as members of an object.
CREATE OR REPLACE FUNCTION feed_counts(p_sender bigint, p_since timestamptz, p_until timestamptz) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT json_build_object('documents', coalesce(sum(t.documents), 0), 'duplicates', coalesce(sum(t.duplicates), 0), 'malformed', coalesce(sum(t.malformed), 0),
        'refused', coalesce(sum(t.refused), 0), 'bytes', coalesce(sum(t.bytes), 0), 'rows', coalesce(sum(t.rows), 0),
        'new', coalesce(sum(t.rows - t.known), 0), 'known', coalesce(sum(t.known), 0), 'rejected', coalesce(sum(t.rejected), 0),
        'lag', round(sum(t.lag_s) / nullif(sum(t.lag_rows), 0)))
    FROM feed_tally t WHERE viewer() IS NOT NULL AND t.sender_id = p_sender AND t.hour >= p_since AND t.hour < p_until $$;

-- What to do about a notice.
SELECT drop_overloads('feed_notice_hint');
CREATE OR REPLACE FUNCTION feed_notice_hint(p_kind text, p_subject text, p_feed text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN replace(CASE p_kind
    WHEN 'quota' THEN format('to let it send more: cirt feed set FEED --%s N (none: as much as it likes); then: cirt feed seen FEED', coalesce(replace(nullif(p_subject, ''), '_', '-'), 'documents-per-hour'))
    WHEN 'incomplete' THEN 'what came is here; ask who runs its server for the rest; then: cirt feed seen FEED'
    WHEN 'unreadable' THEN CASE p_subject WHEN 'empty' THEN 'its sender wrote nothing into it (it lies in failed/ of its folder): ask who sends it; then: cirt feed seen FEED'
        WHEN 'unmoved' THEN 'it lies where it was put, since it could not be moved to failed/ of its folder: let fetch write there, or take it out; then: cirt feed seen FEED'
        ELSE 'it lies in failed/ of its folder: let fetch''s group read it and move it back; then: cirt feed seen FEED' END
    WHEN 'failing' THEN 'its server, address or credentials: cirt feed show FEED; then: cirt feed run FEED --wait'
    WHEN 'silent' THEN 'ask who sends it; if it is to be expected less often: cirt feed set FEED --fresh TIME'
    WHEN 'malformed' THEN 'cirt report ls state:malformed sender:FEED; after a fix: cirt report replay sender:FEED; then: cirt feed seen FEED'
    WHEN 'columns' THEN 'is all still read that should be? cirt report ls sender:FEED; then: cirt feed seen FEED'
    WHEN 'rejected' THEN 'cirt report ls sender:FEED, and cirt report show says which rows, and why; do its columns or its mapping still fit (cirt mapping try)? then: cirt feed seen FEED'
    WHEN 'volume' THEN 'cirt report ls sender:FEED; then: cirt feed seen FEED'
    END, 'FEED', p_feed);

-- One word: what somebody should know first.
CREATE OR REPLACE FUNCTION feed_state_name(f visible_feed) RETURNS text LANGUAGE sql STABLE
RETURN CASE WHEN NOT f.enabled THEN 'off' WHEN f.paused THEN 'paused' ELSE coalesce(
    (SELECT n.kind FROM visible_feed_notice n WHERE n.identity_id = f.id AND n.ended IS NULL
     ORDER BY array_position(ARRAY['failing', 'silent', 'malformed', 'rejected', 'incomplete', 'columns', 'volume', 'unreadable', 'quota'], n.kind) LIMIT 1),
    CASE WHEN f.failures > 0 AND f.error NOT LIKE '%asks to wait' THEN 'failed' WHEN f.used_up IS NOT NULL OR f.error IS NOT NULL AND f.failed > coalesce(f.ended, '-infinity') THEN 'waiting'
         WHEN f.last IS NULL AND f.ended IS NULL THEN 'new' ELSE 'ok' END) END;

CREATE OR REPLACE FUNCTION feed_json(f visible_feed) RETURNS json LANGUAGE sql STABLE
RETURN json_join(json_build_object('name', f.name, 'title', f.title, 'kind', f.kind, 'state', feed_state_name(f), 'last', time_text(f.last)),
    json_join(feed_counts(f.sender_id, date_trunc('hour', now()) - interval '23 hours', 'infinity'), json_build_object(
        'url', f.url, 'folder', f.folder, 'format', f.format, 'default_tlp', tlp_name(f.default_tlp), 'default_class', f.default_class, 'confidence', f.confidence,
        'every', CASE WHEN f.kind IN ('https', 'taxii') THEN f.every_s END, 'fresh', f.fresh_s, 'documents_per_hour', f.documents_per_hour,
        'bytes_per_hour', f.bytes_per_hour, 'document_max', f.document_bytes_max, 'credentials', f.credentials, 'ca', f.ca,
        'keep', CASE WHEN f.kind = 'drop' THEN f.keeps_files END, 'keys', f.keys, 'mail', f.mail, 'peer', f.peer, 'paused', f.paused, 'enabled', f.enabled,
        'asked', time_text(f.asked), 'started', time_text(f.started), 'fetching', time_text(f.fetching), 'fetched', time_text(f.ended), 'brought', time_text(f.brought), 'next', CASE WHEN f.kind IN ('https', 'taxii') THEN time_text(CASE WHEN f.used_up IS NULL THEN f.not_before ELSE feed_next_hour() END) END, 'used_up', f.used_up,
        'cursor', f.added_after, 'failures', f.failures, 'failed', time_text(f.failed), 'error', f.error,
        'notices', (SELECT coalesce(json_agg(json_build_object('kind', n.kind, 'subject', nullif(n.subject, ''), 'text', n.text, 'since', time_text(n.raised),
                        'hint', feed_notice_hint(n.kind, n.subject, f.name)) ORDER BY n.raised), '[]')
                    FROM visible_feed_notice n WHERE n.identity_id = f.id AND n.ended IS NULL))));

-- One alone, with its last days and what was amiss before.
CREATE OR REPLACE FUNCTION feed_json_whole(f visible_feed) RETURNS json LANGUAGE sql STABLE
RETURN json_join(feed_json(f), json_build_object(
    'days', (SELECT json_agg(json_join(json_build_object('day', d::date), feed_counts(f.sender_id, d, d + interval '1 day')) ORDER BY d DESC)
             FROM generate_series(date_trunc('day', now()) - interval '6 days', date_trunc('day', now()), interval '1 day') d),
    'past_notices', (SELECT coalesce(json_agg(json_build_object('kind', n.kind, 'text', n.text, 'since', time_text(n.raised), 'ended', time_text(n.ended), 'ended_by', n.ended_by)
                                              ORDER BY n.raised DESC), '[]')
                     FROM (SELECT * FROM visible_feed_notice x WHERE x.identity_id = f.id AND x.ended IS NOT NULL ORDER BY x.raised DESC LIMIT 10) n)));

-- Exactly one way of coming; NULL where none is named.
CREATE OR REPLACE FUNCTION feed_kind(p_body jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE v text[];
BEGIN
    v := ARRAY(SELECT k FROM unnest('{push,drop,https,taxii}'::text[]) k WHERE p_body ? k AND p_body -> k NOT IN ('null', 'false'));
    IF cardinality(v) > 1 THEN
        PERFORM refuse('CI422', format('a feed comes one way, not by %s', array_to_string(v, ' and ')), 'one of push, drop, https, taxii', json_build_object('at', '/' || v[2]));
    ELSIF v[1] IN ('https', 'taxii') THEN
        PERFORM record_address_check(p_body, v[1], 'a file in the folder that only fetch reads, and --credentials its name');
    END IF;
    RETURN v[1];
END $$;

CREATE OR REPLACE FUNCTION feed_number(p_body jsonb, p_name text, p_old bigint, p_max bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_least int := CASE p_name WHEN 'confidence' THEN 0 WHEN 'every' THEN 60 ELSE 1 END;
BEGIN
    IF NOT p_body ? p_name OR p_body -> p_name = 'null' THEN
        RETURN CASE WHEN p_body ? p_name THEN NULL ELSE p_old END;
    ELSIF p_body ->> p_name !~ '^[0-9]{1,15}$' OR (p_body ->> p_name)::bigint NOT BETWEEN v_least AND p_max THEN
        PERFORM refuse('CI422', format('%s is a number from %s to %s%s', p_name, v_least, p_max, CASE WHEN p_name IN ('every', 'fresh') THEN ' (seconds)' END), NULL, json_build_object('at', '/' || p_name));
    END IF;
    RETURN (p_body ->> p_name)::bigint;
END $$;

-- p_name NULL: a new one.
CREATE OR REPLACE FUNCTION feed_write(p_name text, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v feed;
    v_kind text := feed_kind(p_body);
    v_name text := lower(coalesce(p_name, p_body ->> 'name'));
    v_old text;
    v_format text;
BEGIN
    PERFORM record_check(p_body, '{name,title,push,drop,https,taxii,format,default_tlp,default_class,confidence,every,fresh,documents_per_hour,bytes_per_hour,document_max,credentials,ca,keep,keys,mail,enabled}');
    IF p_name IS NULL AND v_kind IS NULL THEN
        PERFORM refuse('CI422', 'how does it come?', 'one of push, drop, https, taxii');
    ELSIF p_name IS NOT NULL AND NOT EXISTS (SELECT FROM visible_feed x WHERE x.name = v_name) THEN
        PERFORM record_missing('feed', p_name);
    ELSIF p_body ->> 'credentials' !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' THEN
        PERFORM refuse('CI422', 'credentials are named by a file name', 'the file lies in the folder that only fetch reads', '{"at": "/credentials"}');
    ELSIF p_name IS NULL AND EXISTS (SELECT FROM visible_feed x WHERE x.name = v_name AND NOT x.enabled) THEN
        PERFORM refuse('CI409', format('feed "%s" was removed, and what it brought stays its own', v_name), format('cirt feed set %s --enabled yes takes it up again', v_name));
    ELSIF p_name IS NULL AND EXISTS (SELECT FROM identity i WHERE i.login = v_name) THEN
        PERFORM record_exists(CASE WHEN EXISTS (SELECT FROM visible_feed x WHERE x.name = v_name) THEN 'feed' ELSE 'analyst' END, v_name);
    END IF;
    PERFORM mapping_check(p_body ->> 'format');
    -- The identity: one row for both, so that its sender, label and keys are the same wherever it is looked up.
    PERFORM analyst_write(CASE WHEN p_name IS NOT NULL THEN v_name END, jsonb_strip_nulls(jsonb_build_object('login', CASE WHEN p_name IS NULL THEN v_name END, 'role', 'feed'))
        || CASE WHEN p_body ? 'title' THEN jsonb_build_object('name', p_body -> 'title') ELSE '{}' END
        || (SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') FROM jsonb_each(p_body) e WHERE e.key IN ('default_tlp', 'default_class', 'keys', 'mail', 'enabled')));
    SELECT f.* INTO STRICT v FROM feed f JOIN identity i ON i.id = f.identity_id WHERE i.login = v_name FOR UPDATE OF f;
    IF v_kind IS NULL AND p_body -> v.kind = 'null' THEN
        PERFORM refuse('CI422', 'a feed comes some way', 'one of push, drop, https, taxii', json_build_object('at', '/' || v.kind));
    END IF;
    IF p_body ->> 'every' IS NOT NULL AND coalesce(v_kind, v.kind) NOT IN ('https', 'taxii') THEN
        PERFORM refuse('CI422', 'every is how often a server is asked, and this feed brings its documents itself', 'fresh says how often something new is expected', '{"at": "/every"}');
    END IF;
    v_old := v.url;
    v.kind := coalesce(v_kind, v.kind);
    v.url := CASE WHEN v_kind IS NULL THEN v.url WHEN v_kind IN ('https', 'taxii') THEN p_body ->> v_kind END;
    v_format := coalesce(record_text(p_body, 'format', v.format), CASE WHEN v.kind = 'taxii' THEN 'stix' END);
    -- As anything else no page could be read, and the cursor would go on all the same.
    IF v.kind = 'taxii' AND v_format <> 'stix' AND (v_kind IS NOT NULL OR p_body ? 'format') THEN
        PERFORM refuse('CI422', format('a TAXII feed brings STIX, which is not read as %s', v_format), 'say --format stix, or on a new feed none', '{"at": "/format"}');
    END IF;
    UPDATE feed f SET kind = v.kind, url = v.url, format = v_format, credentials = record_text(p_body, 'credentials', v.credentials),
        ca = record_text(p_body, 'ca', v.ca), confidence = feed_number(p_body, 'confidence', v.confidence, 100)::smallint,
        every_s = coalesce(feed_number(p_body, 'every', v.every_s, 2592000), 3600)::int, fresh_s = feed_number(p_body, 'fresh', v.fresh_s, 31536000)::int,
        documents_per_hour = feed_number(p_body, 'documents_per_hour', v.documents_per_hour, 1000000000),
        bytes_per_hour = feed_number(p_body, 'bytes_per_hour', v.bytes_per_hour, 100000000000000),
        document_bytes_max = feed_number(p_body, 'document_max', v.document_bytes_max, 100000000000),
        keeps_files = coalesce((p_body ->> 'keep')::boolean, v.keeps_files) WHERE f.identity_id = v.identity_id;
    IF p_body ?| '{documents_per_hour,bytes_per_hour}' THEN
        UPDATE feed_state s SET not_before = now() WHERE s.identity_id = v.identity_id AND s.error LIKE 'its quota%'; -- whether it may go on shows then
    END IF;
    UPDATE feed_state s SET not_before = now(), etag = NULL, last_modified = NULL, added_after = NULL, query_after = NULL, next = NULL, more = false, seen = NULL, trail = NULL, failures = 0, error = NULL
        WHERE s.identity_id = v.identity_id AND v.url IS DISTINCT FROM v_old; -- another source: nothing of it is known
    PERFORM record_journal('feed', CASE WHEN p_name IS NULL THEN 'add' ELSE 'set' END, v_name, p_body);
    PERFORM pg_notify('cirt_feeds', '');
    RETURN (SELECT feed_json(f) FROM visible_feed f WHERE f.name = v_name);
END $$;

-- What came of it stays its own; one that nothing ever came of goes whole.
CREATE OR REPLACE FUNCTION feed_remove(p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_feed bigint := (SELECT x.id FROM visible_feed x WHERE x.name = lower(p_name));
    v_sender bigint := (SELECT x.sender_id FROM visible_feed x WHERE x.name = lower(p_name));
BEGIN
    PERFORM feed_write(p_name, '{"enabled": false, "ca": null}');
    IF EXISTS (SELECT FROM report r WHERE r.sender_id = v_sender) OR EXISTS (SELECT FROM feed_count c WHERE c.sender_id = v_sender AND c.documents > 0)
            OR EXISTS (SELECT FROM feed_tally t WHERE t.sender_id = v_sender AND t.documents > 0) THEN
        RETURN;
    END IF;
    DELETE FROM feed_notice n WHERE n.identity_id = v_feed;
    DELETE FROM feed_state s WHERE s.identity_id = v_feed;
    DELETE FROM feed f WHERE f.identity_id = v_feed;
    DELETE FROM registered_key k WHERE k.identity_id = v_feed;
    DELETE FROM sender s WHERE s.id = v_sender;
    DELETE FROM identity i WHERE i.id = v_feed;
EXCEPTION WHEN foreign_key_violation THEN
    -- A suppression or a record names it: it stays, switched off.
    PERFORM feed_write(p_name, '{"enabled": false, "ca": null}');
END $$;

CREATE OR REPLACE FUNCTION feed_pause(p_name text, p_paused boolean) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    UPDATE feed f SET paused = coalesce(p_paused, true) FROM identity i WHERE i.id = f.identity_id AND i.role = 'feed' AND i.login = lower(p_name);
    IF NOT FOUND THEN
        PERFORM record_missing('feed', p_name);
    END IF;
    PERFORM record_journal('feed', CASE WHEN p_paused THEN 'pause' ELSE 'resume' END, lower(p_name), '{}');
    PERFORM pg_notify('cirt_feeds', '');
    RETURN (SELECT feed_json(f) FROM visible_feed f WHERE f.name = lower(p_name));
END $$;

-- Fetches it at the next moment, whatever its interval.
CREATE OR REPLACE FUNCTION feed_run(p_name text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    f visible_feed;
    v_limit record;
BEGIN
    SELECT * INTO f FROM visible_feed x WHERE x.name = lower(p_name);
    SELECT * INTO v_limit FROM feed_limit(f.sender_id, f.documents_per_hour, f.bytes_per_hour);
    IF f.id IS NULL THEN
        PERFORM record_missing('feed', p_name);
    ELSIF NOT f.enabled OR f.paused THEN
        PERFORM refuse('CI409', format('feed %s is %s', f.name, feed_state_name(f)), CASE WHEN f.enabled THEN 'cirt feed resume ' || f.name ELSE format('cirt feed set %s --enabled yes', f.name) END);
    ELSIF f.kind NOT IN ('https', 'taxii') THEN
        PERFORM refuse('CI409', format('feed %s brings its documents itself', f.name), 'only https and taxii are fetched');
    ELSIF v_limit.name IS NOT NULL THEN
        PERFORM refuse('CI409', format('feed %s has used up its %s: it goes on at %s', f.name, v_limit.words, to_char(feed_next_hour() AT TIME ZONE 'UTC', 'HH24:MI "UTC"')),
                       format('to let it go on now: cirt feed set %s --%s N', f.name, replace(v_limit.name, '_', '-')));
    END IF;
    UPDATE feed_state s SET asked = clock_timestamp() WHERE s.identity_id = f.id;
    PERFORM record_journal('feed', 'run', f.name, '{}');
    PERFORM pg_notify('cirt_feeds', '');
    RETURN (SELECT feed_json(x) FROM visible_feed x WHERE x.id = f.id);
END $$;

-- Somebody has looked: what does not end by itself is ended.
CREATE OR REPLACE FUNCTION feed_seen(p_name text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_id bigint := (SELECT x.id FROM visible_feed x WHERE x.name = lower(p_name));
BEGIN
    IF v_id IS NULL THEN
        PERFORM record_missing('feed', p_name);
    END IF;
    UPDATE feed_notice n SET ended = now(), ended_by = viewer() WHERE n.identity_id = v_id AND n.ended IS NULL AND n.kind NOT IN ('silent', 'failing');
    PERFORM record_journal('feed', 'seen', lower(p_name), '{}');
    RETURN (SELECT feed_json_whole(f) FROM visible_feed f WHERE f.id = v_id);
END $$;

-- --- what came: counted where it is stored, added up by the clock ---

-- p_new: 0 for what came before. Only of feeds. Called for every batch that is stored.
CREATE OR REPLACE FUNCTION feeds_received(p_sender bigint[], p_new bigint[], p_state text[], p_size bigint[], p_observations int[], p_rejected int[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO feed_count (sender_id, documents, duplicates, malformed, bytes, rows, rejected)
        SELECT u.sender, u.documents, u.duplicates, u.malformed, u.bytes, u.rows, u.rejected
        FROM (SELECT x.sender, count(*) AS documents, count(*) FILTER (WHERE x.new = 0) AS duplicates, count(*) FILTER (WHERE x.new <> 0 AND x.state = 'malformed') AS malformed,
                     sum(x.size) AS bytes, coalesce(sum(x.observations) FILTER (WHERE x.new <> 0), 0) AS rows, coalesce(sum(x.rejected) FILTER (WHERE x.new <> 0), 0) AS rejected
              FROM unnest(p_sender, p_new, p_state, p_size, p_observations, p_rejected) x(sender, new, state, size, observations, rejected) GROUP BY x.sender) u
        WHERE EXISTS (SELECT FROM sender s JOIN feed f ON f.identity_id = s.identity_id WHERE s.id = u.sender);
END $$;

-- A document that came before, where what was written of it was taken back.
CREATE OR REPLACE FUNCTION feed_repeated(p_sender bigint, p_size bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT feeds_received(ARRAY[p_sender], ARRAY[0::bigint], ARRAY['received'], ARRAY[p_size], ARRAY[0], ARRAY[0]) $$;

-- What decode read of documents that were counted when they came. Called before their content is written, so that what was read before is still known: one
-- that stays malformed when it is read again counts once, and one that can be read now counts no more, both of the hour in which it came.
CREATE OR REPLACE FUNCTION feeds_decoded(p_ids bigint[], p_received timestamptz[], p_sender bigint[], p_state text[], p_observations int[], p_rejected int[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    INSERT INTO feed_count (sender_id, rows, rejected)
        SELECT u.sender, u.rows, u.rejected
        FROM (SELECT x.sender, coalesce(sum(x.observations), 0) AS rows, coalesce(sum(x.rejected), 0) AS rejected
              FROM unnest(p_ids, p_received, p_sender, p_state, p_observations, p_rejected) x(id, received, sender, state, observations, rejected)
                  LEFT JOIN report_content c ON c.report_id = x.id AND c.received = x.received WHERE c.state = 'decoding' GROUP BY x.sender) u
        WHERE EXISTS (SELECT FROM sender s JOIN feed f ON f.identity_id = s.identity_id WHERE s.id = u.sender);
    INSERT INTO feed_count (sender_id, at, malformed)
        SELECT x.sender, x.received, CASE WHEN x.state = 'malformed' THEN 1 ELSE -1 END FROM unnest(p_ids, p_received, p_sender, p_state) x(id, received, sender, state)
            JOIN report_content c ON c.report_id = x.id AND c.received = x.received AND c.state = 'decoding'
        WHERE (x.state = 'malformed') = (c.error IS NULL) AND EXISTS (SELECT FROM sender s JOIN feed f ON f.identity_id = s.identity_id WHERE s.id = x.sender);
END $$;

-- Of the chunk that triage has in hand: how old what feeds told was when it came.
CREATE OR REPLACE FUNCTION triage_feeds() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO feed_count (sender_id, lag_rows, lag_s)
        SELECT x.sender_id, x.lag_rows, x.lag_s
        FROM (SELECT c.sender_id, count(*) AS lag_rows, sum(extract(epoch FROM c.received - c.time)) AS lag_s FROM triage_chunk c WHERE c.no > 0 AND NOT c.is_released AND c.time < c.received
              GROUP BY c.sender_id) x
        WHERE EXISTS (SELECT FROM sender s JOIN feed f ON f.identity_id = s.identity_id WHERE s.id = x.sender_id);
END $$;

CREATE OR REPLACE FUNCTION clock_feeds(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    WITH gone AS (DELETE FROM feed_count RETURNING *)
    INSERT INTO feed_tally AS t (sender_id, hour, last, documents, duplicates, malformed, refused, bytes, rows, rejected, known, lag_rows, lag_s)
        SELECT g.sender_id, date_trunc('hour', g.at), max(g.at), sum(g.documents), sum(g.duplicates), sum(g.malformed), sum(g.refused), sum(g.bytes), sum(g.rows), sum(g.rejected),
               sum(g.known), sum(g.lag_rows), sum(g.lag_s)
        FROM gone g GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (sender_id, hour) DO UPDATE SET last = greatest(t.last, EXCLUDED.last), documents = t.documents + EXCLUDED.documents,
            duplicates = t.duplicates + EXCLUDED.duplicates, malformed = t.malformed + EXCLUDED.malformed, refused = t.refused + EXCLUDED.refused,
            bytes = t.bytes + EXCLUDED.bytes, rows = t.rows + EXCLUDED.rows, rejected = t.rejected + EXCLUDED.rejected, known = t.known + EXCLUDED.known,
            lag_rows = t.lag_rows + EXCLUDED.lag_rows, lag_s = t.lag_s + EXCLUDED.lag_s;
    GET DIAGNOSTICS done = ROW_COUNT;
    more := false;
END $$;

-- Raises and ends notices: silent, where nothing new that could be read came for longer than is expected; malformed, where at least half of the new documents of a day cannot
-- be read; rejected, where of the rows of a day at least half, and ten, could not be read; volume, where the rows of a day, 100 at least, are more than double the median of the last seven days before on which it brought something (three at least, within 60 days). Tallies of more than 13 months go. What somebody has seen is not raised again for a day.
CREATE OR REPLACE FUNCTION clock_feed_notices(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_text text;
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS feed_amiss (feed bigint, kind text, text text) ON COMMIT DELETE ROWS;
    DELETE FROM feed_amiss;
    INSERT INTO feed_amiss
        SELECT f.identity_id, 'silent', format('nothing new%s since %s', CASE WHEN x.unread THEN ' that can be read' END, to_char(x.last AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
        FROM feed f JOIN identity i ON i.id = f.identity_id AND i.enabled AND i.role = 'feed' JOIN sender s ON s.identity_id = i.id
            CROSS JOIN LATERAL (SELECT coalesce(max(t.last) FILTER (WHERE t.documents > t.duplicates + t.malformed), i.created) AS last,
                                       max(t.last) FILTER (WHERE t.malformed > 0) > coalesce(max(t.last) FILTER (WHERE t.documents > t.duplicates + t.malformed), i.created) AS unread
                                FROM feed_tally t WHERE t.sender_id = s.id) x
        WHERE NOT f.paused AND x.last < now() - make_interval(secs => f.fresh_s);
    INSERT INTO feed_amiss
        SELECT s.identity_id, 'malformed', format('%s of %s new documents of a day cannot be read', x.malformed, x.new)
        FROM (SELECT t.sender_id, sum(t.malformed) AS malformed, sum(t.documents - t.duplicates) AS new FROM feed_tally t
              WHERE t.hour > now() - interval '1 day' GROUP BY t.sender_id) x
            JOIN sender s ON s.id = x.sender_id JOIN feed f ON f.identity_id = s.identity_id
        WHERE x.malformed > 0 AND x.malformed * 2 >= x.new;
    INSERT INTO feed_amiss
        SELECT s.identity_id, 'rejected', format('rejects %s of %s rows of a day', x.rejected, x.rows)
        FROM (SELECT t.sender_id, sum(t.rejected) AS rejected, sum(t.rows + t.rejected) AS rows FROM feed_tally t WHERE t.hour > now() - interval '1 day' GROUP BY t.sender_id) x
            JOIN sender s ON s.id = x.sender_id JOIN feed f ON f.identity_id = s.identity_id
        WHERE x.rejected >= 10 AND x.rejected * 2 >= x.rows;
    INSERT INTO feed_amiss
        SELECT s.identity_id, 'volume', format('%s rows in a day, where the days before had about %s', x.today, round(x.usual::numeric))
        FROM (SELECT d.sender_id, coalesce(max(d.rows) FILTER (WHERE d.ago = 0), 0) AS today, percentile_cont(0.5) WITHIN GROUP (ORDER BY d.rows) FILTER (WHERE d.ago > 0) AS usual,
                     count(*) FILTER (WHERE d.ago > 0) AS days
              FROM (SELECT e.*, count(*) FILTER (WHERE e.ago > 0) OVER (PARTITION BY e.sender_id ORDER BY e.ago) AS place
                    FROM (SELECT t.sender_id, floor(extract(epoch FROM now() - t.hour) / 86400)::int AS ago, sum(t.rows) AS rows FROM feed_tally t
                          WHERE t.hour > now() - interval '60 days' GROUP BY 1, 2) e) d WHERE d.place <= 7 GROUP BY d.sender_id) x
            JOIN sender s ON s.id = x.sender_id JOIN feed f ON f.identity_id = s.identity_id
        WHERE x.days >= 3 AND x.today > 2 * x.usual AND x.today >= 100;
    UPDATE feed_notice n SET ended = now() WHERE n.ended IS NULL AND n.kind IN ('silent', 'volume', 'malformed', 'rejected')
        AND NOT EXISTS (SELECT FROM feed_amiss a WHERE a.feed = n.identity_id AND a.kind = n.kind);
    INSERT INTO feed_notice (identity_id, kind, text)
        SELECT a.feed, a.kind, a.text FROM feed_amiss a
        WHERE NOT EXISTS (SELECT FROM feed_notice n WHERE n.identity_id = a.feed AND n.kind = a.kind AND (n.ended IS NULL OR (n.ended_by IS NOT NULL AND n.ended > now() - interval '1 day')))
        ON CONFLICT DO NOTHING;
    WITH told AS (
        UPDATE feed_notice n SET told = now() FROM identity i WHERE n.told IS NULL AND n.ended IS NULL AND i.id = n.identity_id AND i.enabled RETURNING i.login, n.kind, n.subject, n.text)
    SELECT count(*), string_agg(format(E'%s (%s): %s\n    %s', t.login, t.kind, t.text, feed_notice_hint(t.kind, t.subject, t.login)), E'\n' ORDER BY t.login, t.kind) INTO done, v_text FROM told t;
    -- Only names of feeds and counts are in it: it may go in clear.
    IF done > 0 AND EXISTS (SELECT FROM mta a WHERE a.smtp IS NOT NULL) THEN
        PERFORM mail_automatic('warning', NULL, NULL, i.mail, 'en', 'Feeds need a look', left(format(E'What our feeds do is not as usual:\n\n%s\n\nAll of them: cirt feed ls\n', v_text), 4000))
            FROM identity i WHERE i.enabled AND i.level = 'duty' AND mail_address(i.mail) IS NOT NULL ORDER BY i.id;
    END IF;
    DELETE FROM feed_tally t WHERE t.hour < now() - interval '400 days';
    more := false;
END $$;

-- For cirt doctor: what is amiss with feeds. One that is paused is as somebody wants it.
CREATE OR REPLACE FUNCTION feed_checks() RETURNS TABLE (name text, ok boolean, text text, hint text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT 'feed ' || i.login, false, n.kind || ': ' || n.text, feed_notice_hint(n.kind, n.subject, i.login)
    FROM feed_notice n JOIN identity i ON i.id = n.identity_id JOIN feed f ON f.identity_id = i.id WHERE n.ended IS NULL AND i.enabled AND NOT f.paused ORDER BY i.login, n.raised $$;
