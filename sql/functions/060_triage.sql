-- Triage: observations into cases. Set-based over a chunk of some thousand observations, which lie in two temporary tables between the calls
-- of a transaction: triage_chunk, a row an observation, and triage_group, a row a case that is opened or joined.

-- --- the queue ---

-- More mails wait to be read, or to be checked, than are taken at once. Then they come first, for some seconds: what is triaged together costs less.
CREATE OR REPLACE FUNCTION mails_pour_in() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM inbox q WHERE q.attempts = 0 AND q.failed IS NULL OFFSET 64)
        OR EXISTS (SELECT FROM to_verify q WHERE q.attempts = 0 AND q.failed IS NULL OFFSET 64);
END $$;

-- Leases the next row. Small neighbours are put together up to p_chunk observations; a row that failed before is taken alone, and one that
-- took its worker down five times is set aside. p_parts: only a part of a large report, so that small ones come together in the hands of one worker.
SELECT drop_overloads('triage_claim');
CREATE OR REPLACE FUNCTION triage_claim(p_chunk int, p_parts boolean) RETURNS TABLE (id bigint, attempts int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    t to_triage;
BEGIN
    LOOP
        SELECT * INTO t FROM to_triage q WHERE q.failed IS NULL AND q.not_before <= now() AND (q.until_no IS NOT NULL OR NOT p_parts)
            ORDER BY q.id LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF t.id IS NULL THEN
            RETURN;
        END IF;
        EXIT WHEN t.attempts < 5;
        PERFORM triage_fail(t.id, t.attempts, coalesce(t.error, 'its work never ended'), true);
    END LOOP;
    IF t.received > now() - interval '10 seconds' AND mails_pour_in() THEN
        RETURN;
    END IF;
    IF t.attempts = 0 AND t.next_no = 0 AND t.until_no IS NULL AND t.observations < p_chunk THEN
        WITH near AS (
            SELECT q.id, q.observations FROM to_triage q
            WHERE q.id > t.id AND q.failed IS NULL AND q.not_before <= now() AND q.attempts = 0 AND q.next_no = 0 AND q.until_no IS NULL AND q.released = t.released
              AND q.repeated = t.repeated
              AND abs(lower(q.reports) - lower(t.reports)) < 10 * p_chunk
            ORDER BY q.id LIMIT 500 FOR UPDATE SKIP LOCKED),
        fitting AS (
            SELECT n.id, t.observations + sum(n.observations) OVER (ORDER BY n.id) AS total FROM near n),
        gone AS (
            DELETE FROM to_triage q USING fitting f WHERE q.id = f.id AND f.total <= p_chunk
            RETURNING q.reports, q.received, q.received_until, q.observations)
        SELECT t.reports + coalesce(range_agg(g.reports), '{}'), least(t.received, min(g.received)),
               greatest(t.received, t.received_until, max(g.received), max(g.received_until)), t.observations + coalesce(sum(g.observations), 0)
        INTO t.reports, t.received, t.received_until, t.observations FROM gone g;
    END IF;
    RETURN QUERY UPDATE to_triage q SET reports = t.reports, received = t.received, received_until = t.received_until,
        observations = t.observations, attempts = q.attempts + 1, not_before = now() + queue_lease()
        WHERE q.id = t.id RETURNING q.id, q.attempts;
END $$;

-- Where the lease is still held: the row goes, or waits for its next pass where something is left of it.
CREATE OR REPLACE FUNCTION triage_settle(p_id bigint, p_attempts int) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RETURN QUERY DELETE FROM to_triage q WHERE q.id = p_id AND q.attempts = p_attempts AND isempty(q.reports) RETURNING q.id;
    RETURN QUERY UPDATE to_triage q SET attempts = 0, not_before = now()
        WHERE q.id = p_id AND q.attempts = p_attempts AND NOT isempty(q.reports) RETURNING q.id;
END $$;

-- Later; a row of many reports that keeps failing is halved, so that the bad one ends up alone and is set aside.
CREATE OR REPLACE FUNCTION triage_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    t to_triage;
    v_middle bigint;
BEGIN
    SELECT * INTO t FROM to_triage q WHERE q.id = p_id AND q.attempts = p_attempts FOR UPDATE;
    IF t.id IS NULL THEN
        RETURN;
    ELSIF NOT p_final AND t.attempts < 2 THEN
        UPDATE to_triage q SET not_before = now() + interval '1 second', error = p_error WHERE q.id = p_id;
        RETURN;
    END IF;
    SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY i) + 1 INTO v_middle
        FROM unnest(t.reports) r, generate_series(lower(r), upper(r) - 1) i HAVING count(*) > 1;
    IF v_middle IS NOT NULL THEN
        INSERT INTO to_triage (reports, received, received_until, observations, attempts, released, repeated, error)
            VALUES (t.reports * int8multirange(int8range(v_middle, NULL)), t.received, t.received_until, greatest(t.observations / 2, 1), 1, t.released, t.repeated, p_error);
        UPDATE to_triage q SET reports = t.reports * int8multirange(int8range(NULL, v_middle)), observations = greatest(t.observations / 2, 1),
            attempts = 1, not_before = now(), error = p_error WHERE q.id = p_id;
    ELSIF p_final OR t.attempts >= 5 THEN
        UPDATE to_triage q SET failed = now(), error = p_error WHERE q.id = p_id;
    ELSE
        UPDATE to_triage q SET not_before = now() + make_interval(secs => 2 ^ t.attempts), error = p_error WHERE q.id = p_id;
    END IF;
END $$;

-- Hands a report to triage whatever was decided before: a held one that an analyst lets go, or one set aside after errors. Rules do not hold it
-- again; observations that are in a case stay where they are. A peer's document is accepted or declined instead. False where there is nothing to release.
CREATE OR REPLACE FUNCTION report_release(p_report bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_received timestamptz;
BEGIN
    UPDATE to_triage q SET failed = NULL, attempts = 0, not_before = now(), released = true WHERE q.failed IS NOT NULL AND q.reports @> p_report;
    IF NOT FOUND THEN
        DELETE FROM report_outcome o WHERE o.report_id = p_report AND o.state IN ('held', 'dropped')
            AND NOT EXISTS (SELECT FROM incoming n WHERE n.report_id = p_report) RETURNING o.received INTO v_received;
        IF v_received IS NULL THEN
            RETURN false;
        END IF;
        INSERT INTO to_triage (reports, received, observations, released)
            SELECT int8multirange(int8range(p_report, p_report + 1)), v_received, greatest(c.observations, 1), true
            FROM report_content c WHERE c.report_id = p_report AND c.received = v_received;
    END IF;
    PERFORM pg_notify('cirt_triage', '');
    RETURN true;
END $$;

-- --- a chunk ---

-- How much the channel proves: the number in incident_case.assurance.
CREATE OR REPLACE FUNCTION triage_assurance(p_assurance text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_assurance = 'pinned-key' THEN 3 WHEN p_assurance = 'certificate' THEN 2 WHEN p_assurance LIKE 'dmarc%' THEN 1 ELSE 0 END;

-- People write in by these ways and forms; rows that somebody uploads are a machine's.
CREATE OR REPLACE FUNCTION triage_is_person(p_channel text, p_role text, p_format text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_channel IN ('phone', 'walk-in', 'chat', 'letter')
    OR (coalesce(p_format, 'mail') IN ('mail', 'json') AND ((p_channel = 'mail' AND coalesce(p_role, '') <> 'feed') OR p_role IN ('analyst', 'lead', 'admin')));

-- A document about one matter: a STIX or MISP document that has a title, and any that one of ours uploads. Not tables, lists of events, single ones.
CREATE OR REPLACE FUNCTION triage_is_document(p_role text, p_format text, p_has_title boolean) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_format IN ('stix', 'misp') THEN p_has_title OR p_role IN ('analyst', 'lead', 'admin')
            ELSE p_format IN ('iodef', 'iodef-json', 'rid') AND p_role IN ('analyst', 'lead', 'admin') END IS TRUE;

-- The end of a key: what stands apart of its class and owner.
CREATE OR REPLACE FUNCTION triage_apart(p_kind text, p_tlp smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(' ' || p_kind, '') || CASE WHEN p_tlp = 4 THEN ' red' ELSE '' END;

-- What is handled together: a person's report, what has the same key, or a report that has none; what a
-- document calls no incident (a vulnerability, a notice) by itself, and what is RED too: few may read that case, and others' rows are not to be hidden in it.
SELECT drop_overloads('triage_grp');
CREATE OR REPLACE FUNCTION triage_grp(p_is_person boolean, p_report bigint, p_class text, p_constituent bigint, p_subject text, p_kind text, p_tlp smallint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN p_is_person THEN 'report ' || p_report
            WHEN p_constituent IS NOT NULL THEN p_class || ' constituent ' || p_constituent
            WHEN p_subject IS NOT NULL THEN p_class || ' ' || p_subject
            ELSE 'report ' || p_report || ' ' || p_class END || CASE WHEN p_is_person THEN '' ELSE triage_apart(p_kind, p_tlp) END;

CREATE OR REPLACE FUNCTION triage_tables() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF to_regclass('pg_temp.triage_chunk') IS NULL THEN
        CREATE TEMP TABLE triage_chunk (ord int, report_id bigint, received timestamptz, no int, sender_id bigint, drill_id int, compartment_id int,
            assurance smallint, is_person boolean, is_mail boolean, may_refer boolean, has_text boolean, is_partial boolean, is_released boolean, is_repeat boolean,
            is_quiet boolean, is_document boolean, is_ours boolean, class text, tlp smallint, constituent_id bigint, owners bigint[], subject text, value text, case_id bigint, grp text, way int, priority smallint, queue text,
            assign text, decision text, rule text, reason text, held_for text, time timestamptz, statement bigint, kind text, advisory text, suppression_id bigint, came_class text) ON COMMIT DELETE ROWS;
        CREATE TEMP TABLE triage_group (grp text, case_id bigint, is_new boolean, is_quiet boolean, number bigint, seq bigint, first_ord int, drill_id int, compartment_id int,
            case_compartment_id int, join_key text, is_person boolean, class text, last_class text, constituent_id bigint, subject text, value text, last_value text, subjects bigint,
            tlp smallint, assurance smallint, tlps smallint[], priority smallint, priorities smallint[], queue text, assign text, observations bigint, reports bigint,
            report_id bigint, last_report_id bigint, received timestamptz, rules text[], sender_id bigint, first_seen timestamptz, last_seen timestamptz,
            seens timestamptz[], is_again boolean, is_released boolean, kind text) ON COMMIT DELETE ROWS;
        -- One row: what the chunk spans.
        CREATE TEMP TABLE triage_span (low bigint, low_no int, high bigint, high_no int, since timestamptz, until timestamptz) ON COMMIT DELETE ROWS;
        -- What holds for the classes of the chunk.
        CREATE TEMP TABLE triage_class (class text, join_for interval, observations int, addresses int, immediate boolean, sectors text[], unowned int,
            relapse_for interval, priority smallint) ON COMMIT DELETE ROWS;
        -- Groups below a threshold, with what waits of them already.
        CREATE TEMP TABLE triage_low (grp text, drill_id int, compartment_id int, rows bigint, subjects text[], need int, need_subjects int, days int, all_rows bigint,
            all_subjects bigint, waited bigint, tlps smallint[], assurance smallint) ON COMMIT DELETE ROWS;
        -- What the rows of the chunk have of the blocks and groups that cases are found by (sql/functions/059_seen.sql).
        CREATE TEMP TABLE triage_seen (report_id bigint, no int, network inet, name text, is_red boolean, compartment_id int) ON COMMIT DELETE ROWS;
        -- A row a case and report that the chunk put together.
        CREATE TEMP TABLE triage_member (case_id bigint, report_id bigint, received timestamptz, is_new boolean) ON COMMIT DELETE ROWS;
    END IF;
    DELETE FROM triage_chunk;
    DELETE FROM triage_group;
    DELETE FROM triage_class;
    DELETE FROM triage_span;
    DELETE FROM triage_member;
    DELETE FROM triage_seen;
    DELETE FROM triage_low;
END $$;

-- What the chunk spans, as triage_fill() was asked. Statements that join the bulk tables say it too, so that the planner leaves partitions out and
-- reads one range of an index instead of a whole one. Their functions ask for generic plans: told the values, the planner takes a part of a report for all of
-- it, and reads the partition from end to end for each.
DROP TYPE IF EXISTS chunk_range CASCADE;
CREATE TYPE chunk_range AS (low bigint, low_no int, high bigint, high_no int, since timestamptz, until timestamptz);
CREATE FUNCTION triage_range() RETURNS chunk_range
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    span chunk_range;
BEGIN
    SELECT s.low, s.low_no, s.high, s.high_no, s.since, s.until INTO span FROM triage_span s;
    RETURN span;
END $$;

-- The chunk's observations and sightings; seen through by the planner. A part of a report is asked for by that report: where only a comparison of rows (report
-- and number) said where to stop, an index would be read to the end of the report.
DROP FUNCTION IF EXISTS triage_observations(chunk_range), triage_sightings(chunk_range);
CREATE FUNCTION triage_observations(c chunk_range) RETURNS SETOF observation LANGUAGE sql STABLE AS $$
    SELECT o.* FROM observation o WHERE c.low = c.high AND o.report_id = c.low AND o.no > c.low_no AND o.no <= c.high_no AND o.received BETWEEN c.since AND c.until
    UNION ALL
    SELECT o.* FROM observation o WHERE c.low <> c.high AND o.report_id BETWEEN c.low AND c.high AND o.received BETWEEN c.since AND c.until
        AND (o.report_id, o.no) > (c.low, c.low_no) AND (o.report_id, o.no) <= (c.high, c.high_no) $$;
CREATE FUNCTION triage_sightings(c chunk_range) RETURNS SETOF sighting LANGUAGE sql STABLE AS $$
    SELECT s.* FROM sighting s WHERE c.low = c.high AND s.report_id = c.low AND s.observation_no > c.low_no AND s.observation_no <= c.high_no
        AND s.received BETWEEN c.since AND c.until
    UNION ALL
    SELECT s.* FROM sighting s WHERE c.low <> c.high AND s.report_id BETWEEN c.low AND c.high AND s.received BETWEEN c.since AND c.until
        AND (s.report_id, s.observation_no) > (c.low, c.low_no) AND (s.report_id, s.observation_no) <= (c.high, c.high_no) $$;

-- The last two labels of a name.
CREATE OR REPLACE FUNCTION name_tail(p_host text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN split_part(p_host, '.', -2) || '.' || split_part(p_host, '.', -1);

-- The constituents that the sightings of the chunk belong to are looked up by joins: for an address by the lengths that registered networks have,
-- for a name by their numbers of labels (a lookup of its own by index would cost 0.1 ms each). All is joined and grouped by hashing: nobody can
-- estimate these intermediate results, and a nested loop over two of 4,000 rows takes seconds. What counts of an observation's sightings is told
-- by one number each, the smallest: `pick` of the sighting that names its subject (role, address before name, place), `owner` of the constituent
-- (role, whether it was held when the observation was made, else now, kind of look-up, the longest match, id); `owners` are these numbers.
CREATE OR REPLACE FUNCTION triage_fill(t to_triage, p_from bigint, p_first int, p_to bigint, p_last int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_sort = off SET work_mem = '64MB' AS $$
DECLARE
    v_since timestamptz := t.received;
    v_until timestamptz := coalesce(t.received_until, t.received);
    v_count int;
    span chunk_range := (p_from, p_first, p_to, p_last, v_since, v_until);
BEGIN
    INSERT INTO triage_span VALUES (span.low, span.low_no, span.high, span.high_no, span.since, span.until);
    -- What waits for addresses and names none: migration 0041 lets it go.
    WITH unnamed AS (
        DELETE FROM waiting_row w WHERE t.released AND w.subjects = '{}' AND w.report_id BETWEEN p_from AND p_to AND t.reports @> w.report_id
        RETURNING w.report_id, w.observations)
    INSERT INTO triage_chunk (owners, ord, report_id, received, no, sender_id, drill_id, compartment_id, assurance, is_person, is_mail, may_refer,
                              has_text, is_partial, is_released, is_repeat, is_quiet, is_document, is_ours, class, tlp, constituent_id, subject, value, grp, time, statement, kind, advisory)
    WITH content AS MATERIALIZED (
        SELECT c.report_id, c.class, c.tlp, c.format, c.summary IS NOT NULL OR c.description IS NOT NULL AS has_text, c.summary IS NOT NULL AS has_title, c.case_kind,
               CASE WHEN c.format = 'csaf' THEN md5(c.reference_issuer || ' ' || c.reference) END AS advisory, c.time AS issued FROM report_content c
        WHERE c.report_id BETWEEN p_from AND p_to AND c.received BETWEEN v_since AND v_until),
    sent AS MATERIALIZED (
        SELECT r.id, r.received, r.sender_id, r.channel, r.assurance, r.drill_id, r.compartment_id FROM report r
        WHERE r.id BETWEEN p_from AND p_to AND r.received BETWEEN v_since AND v_until AND t.reports @> r.id
          -- What came again is of interest only where it went through before; so is what was dropped of it and is let go.
          -- Rules are tried (t.id is NULL) on all.
          AND (t.id IS NULL OR t.repeated = EXISTS (SELECT FROM report_outcome o WHERE o.report_id = r.id AND o.report_id BETWEEN p_from AND p_to
                                   AND CASE WHEN t.repeated THEN o.state = 'triaged' ELSE NOT t.released OR o.state <> 'triaged' END))),
    who AS MATERIALIZED (
        SELECT s.id, i.role FROM sender s LEFT JOIN identity i ON i.id = s.identity_id
        WHERE s.id = ANY (ARRAY(SELECT DISTINCT e.sender_id FROM sent e))),
    -- What holds for all of a report is told once.
    envelope AS MATERIALIZED (
        SELECT r.id, r.received, r.sender_id, r.drill_id, r.compartment_id, triage_assurance(r.assurance) AS assurance, r.channel = 'mail' AS is_mail,
               p.is_person, p.is_ours, NOT p.is_person AND triage_is_document(w.role, c.format, c.has_title) AS is_document,
               (r.id = p_to AND p_last < 2147483647) OR (r.id = p_from AND t.next_no > 0) AS is_partial, c.class, c.tlp, c.has_text, c.case_kind, c.advisory,
               CASE WHEN c.advisory IS NOT NULL THEN c.issued END AS issued
        FROM sent r
        JOIN content c ON c.report_id = r.id
        LEFT JOIN who w ON w.id = r.sender_id
        CROSS JOIN LATERAL (SELECT triage_is_person(r.channel, w.role, c.format), coalesce(w.role IN ('analyst', 'lead', 'admin'), false)) p(is_person, is_ours)),
    statement AS MATERIALIZED (
        SELECT o.report_id, o.no, o.class, o.time, o.statement FROM triage_observations(span) o),
    seen AS MATERIALIZED (
        SELECT s.report_id, s.observation_no AS no, ('{1,4,3,2,5}'::bigint[])[s.role] AS rank, s.tlp, s.addr, s.host,
               CASE s.type WHEN 4 THEN s.value::bigint END AS asn, row_number() OVER () AS place FROM triage_sightings(span) s),
    length AS MATERIALIZED (
        SELECT n.family, n.length AS bits FROM constituent_length n WHERE n.family <> 0),
    depth AS MATERIALIZED (
        SELECT n.length AS labels FROM constituent_length n WHERE n.family = 0),
    -- Names are taken apart only where their last two labels are some registered name's, or one is registered that is a last label.
    name AS MATERIALIZED (
        SELECT s.report_id, s.no, s.rank, string_to_array(s.host, '.') AS labels FROM seen s WHERE s.host IS NOT NULL AND EXISTS (SELECT FROM depth)
          AND (name_tail(s.host) IN (SELECT name_tail(d.domain) FROM constituent_domain d) OR EXISTS (SELECT FROM depth p WHERE p.labels = 1))),
    -- What is registered for each, and then, once for all three, when it was held by somebody served: most is held now and was always.
    registered AS MATERIALIZED (
        SELECT s.report_id, s.no, (s.rank << 60) | (1::bigint << 57) | ((128 - l.bits)::bigint << 49) | n.constituent_id AS owner, n.since, least(n.until, k.disabled_at) AS until, n.is_dated FROM seen s
        JOIN length l ON l.family = family(s.addr) AND l.bits <= masklen(s.addr)
        JOIN constituent_network n ON n.network = network(set_masklen(s.addr, l.bits))
        JOIN constituent k ON k.id = n.constituent_id
        UNION ALL
        SELECT s.report_id, s.no, (s.rank << 60) | (2::bigint << 57) | n.constituent_id, n.since, least(n.until, k.disabled_at), n.is_dated FROM seen s
        JOIN constituent_asn n ON n.asn = s.asn
        JOIN constituent k ON k.id = n.constituent_id
        UNION ALL
        SELECT h.report_id, h.no, (h.rank << 60) | (3::bigint << 57) | ((200 - p.labels)::bigint << 49) | d.constituent_id, d.since, least(d.until, k.disabled_at), d.is_dated FROM name h
        JOIN depth p ON p.labels <= cardinality(h.labels)
        JOIN constituent_domain d ON d.domain = array_to_string(h.labels[cardinality(h.labels) - p.labels + 1:], '.')
        JOIN constituent k ON k.id = d.constituent_id),
    held AS MATERIALIZED (
        SELECT g.report_id, g.no, g.owner FROM registered g WHERE NOT g.is_dated AND g.until IS NULL
        UNION ALL
        SELECT g.report_id, g.no, g.owner | triage_era(g.since, g.until, g.is_dated, o.time, v_since) FROM registered g
        JOIN statement o ON o.report_id = g.report_id AND o.no = g.no WHERE g.is_dated OR g.until IS NOT NULL),
    -- Several owners by the same look-up are rare: where their numbers without the id cannot all be different (a bit each, of 61), they are gathered.
    told AS MATERIALIZED (
        SELECT f.report_id, f.no, max(f.tlp) AS tlp, min(f.pick) AS pick, min(f.owner) AS owner,
               bit_count(bit_or(1::bigint << ((f.owner >> 49) % 61)::int)::bit(64)) < count(f.owner) AS may_share FROM (
            SELECT s.report_id, s.no, s.tlp, CASE WHEN s.addr IS NOT NULL OR s.host IS NOT NULL
                   THEN (s.rank << 48) | ((s.addr IS NULL)::int::bigint << 47) | s.place END AS pick, NULL::bigint AS owner FROM seen s
            UNION ALL
            SELECT h.report_id, h.no, NULL, NULL, h.owner FROM held h) f
        GROUP BY f.report_id, f.no),
    -- All who hold as well as the first does: the same role, time, kind of look-up and length.
    shared AS MATERIALIZED (
        SELECT h.report_id, h.no, array_agg(DISTINCT h.owner & (1::bigint << 49) - 1) AS owners FROM told b
        JOIN held h ON h.report_id = b.report_id AND h.no = b.no AND h.owner >> 49 = b.owner >> 49
        WHERE b.may_share GROUP BY h.report_id, h.no HAVING count(DISTINCT h.owner) > 1),
    -- Where only rows of a report were dropped, only they are let go.
    aside AS MATERIALIZED (
        SELECT o.report_id, coalesce(range_agg(a.observations), '{}') AS observations FROM report_outcome o
        LEFT JOIN (SELECT d.report_id, d.observations FROM report_aside(CASE WHEN t.released THEN ARRAY(SELECT e.id FROM sent e) ELSE '{}' END) d
                   UNION ALL SELECT u.report_id, u.observations FROM unnamed u) a ON a.report_id = o.report_id
        WHERE t.released AND o.state = 'triaged' AND o.report_id BETWEEN p_from AND p_to GROUP BY o.report_id)
    SELECT x.owners, row_number() OVER (), e.id, e.received, coalesce(o.no, 0), e.sender_id, e.drill_id, e.compartment_id, e.assurance,
           e.is_person, e.is_mail, e.is_mail OR e.is_person, e.has_text, e.is_partial, t.released, t.repeated, false,
           e.is_document, e.is_ours, p.class, p.tlp, p.constituent_id, p.subject,
           coalesce(CASE WHEN masklen(j.addr) IN (32, 128) THEN host(j.addr) ELSE j.addr::text END, j.host),
           triage_grp(e.is_person, e.id, p.class, p.constituent_id, p.subject, e.case_kind, p.tlp), least(coalesce(e.issued, o.time, e.received), e.received), o.statement, e.case_kind, e.advisory
    FROM envelope e
    LEFT JOIN statement o ON o.report_id = e.id
    LEFT JOIN told b ON b.report_id = o.report_id AND b.no = o.no
    LEFT JOIN shared x ON x.report_id = o.report_id AND x.no = o.no
    LEFT JOIN (SELECT s.place, s.addr, s.host FROM seen s WHERE s.addr IS NOT NULL OR s.host IS NOT NULL) j ON j.place = b.pick & (1::bigint << 47) - 1
    CROSS JOIN LATERAL (SELECT coalesce(o.class, e.class, 'other/undetermined'), greatest(e.tlp, b.tlp), b.owner & (1::bigint << 49) - 1,
        CASE WHEN j.addr IS NULL THEN j.host
             ELSE network(set_masklen(j.addr, least(masklen(j.addr), CASE family(j.addr) WHEN 4 THEN 24 ELSE 48 END)))::text END)
        p(class, tlp, constituent_id, subject)
    LEFT JOIN aside a ON a.report_id = e.id
    WHERE NOT t.released OR a.observations @> o.no OR (a.report_id IS NULL
        AND NOT EXISTS (SELECT FROM case_member m WHERE m.report_id = e.id AND m.until IS NULL AND (o.no IS NULL OR m.observations @> o.no)));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

-- Takes the next p_limit observations of a leased row (whole reports, unless one is larger) into the chunk. What is left stays in the row.
-- yields: reports pour in at this moment, and these have not waited for long: senders' acknowledgements come first.
CREATE OR REPLACE FUNCTION triage_take(p_id bigint, p_limit int, OUT observations int, OUT released boolean, OUT yields boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    t to_triage;
    v_from bigint;
    v_to bigint;
    v_size bigint;
    v_last int;
BEGIN
    PERFORM triage_tables();
    PERFORM triage_rule_tables();
    SELECT * INTO t FROM to_triage q WHERE q.id = p_id;
    v_from := lower(t.reports);
    released := t.released OR t.repeated;
    yields := t.received > now() - interval '30 seconds'
        AND greatest(coalesce(t.received_until, t.received), (SELECT q.received FROM to_triage q WHERE q.id > p_id ORDER BY q.id DESC LIMIT 1)) > now() - interval '1 second';
    WITH report AS (
        SELECT c.report_id, coalesce(t.until_no, greatest(c.observations, 1)) - CASE c.report_id WHEN v_from THEN t.next_no ELSE 0 END AS size FROM report_content c
        WHERE c.report_id >= v_from AND c.report_id < upper(t.reports) AND t.reports @> c.report_id
          AND c.received BETWEEN t.received AND coalesce(t.received_until, t.received)
        ORDER BY c.report_id LIMIT p_limit),
    total AS (
        SELECT r.report_id, r.size, sum(r.size) OVER (ORDER BY r.report_id) AS total FROM report r)
    SELECT x.report_id, x.size INTO v_to, v_size FROM total x WHERE x.total - x.size < p_limit ORDER BY x.report_id DESC LIMIT 1;
    IF v_to IS NULL THEN
        observations := 0;
        UPDATE to_triage q SET reports = '{}' WHERE q.id = p_id;
        RETURN;
    END IF;
    v_last := CASE WHEN v_size > p_limit THEN CASE v_to WHEN v_from THEN t.next_no ELSE 0 END + p_limit ELSE coalesce(t.until_no, 2147483647) END;
    observations := triage_fill(t, v_from, t.next_no, v_to, v_last);
    PERFORM triage_letters();
    PERFORM triage_aliases();
    PERFORM triage_known_good();
    PERFORM triage_see();
    UPDATE to_triage q SET observations = greatest(q.observations - triage_take.observations, 1),
        reports = q.reports * int8multirange(int8range(CASE WHEN v_size > p_limit THEN v_to ELSE v_to + 1 END, NULL)),
        next_no = CASE WHEN v_size > p_limit THEN v_last ELSE 0 END WHERE q.id = p_id;
END $$;

-- Lays out what the summary of cases will say of the chunk, since whoever puts it into cases holds up all others meanwhile.
CREATE OR REPLACE FUNCTION triage_see() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    span chunk_range := triage_range();
BEGIN
    INSERT INTO triage_seen SELECT s.report_id, s.observation_no, network_block(s.addr), name_group(s.host), s.tlp = 4, s.compartment_id FROM triage_sightings(span) s
        WHERE s.addr IS NOT NULL OR s.host IS NOT NULL;
END $$;

-- --- rules ---

-- Changes with every change of the rules in force.
CREATE OR REPLACE FUNCTION triage_rules_stamp() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT coalesce(string_agg(r.name || ' ' || r.version, ',' ORDER BY r.name), '') FROM rule_set r WHERE r.is_current $$;

CREATE OR REPLACE FUNCTION triage_rules() RETURNS TABLE (name text, version int, text text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT r.name, r.version, r.text FROM rule_set r WHERE r.is_current ORDER BY r.name $$;

-- p_way: the way of the observation with this number, 0 where no rule did anything; the rest is what each way decides.
SELECT drop_overloads('triage_decide');
CREATE OR REPLACE FUNCTION triage_decide(p_way int[], p_class text[], p_priority smallint[], p_queue text[], p_assign text[], p_tlp smallint[],
                                         p_decision text[], p_rule text[], p_reason text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off AS $$
BEGIN
    UPDATE triage_chunk c SET way = u.way, class = coalesce(u.class, c.class), came_class = CASE WHEN u.class IS NOT NULL THEN c.class END, priority = u.priority, queue = u.queue, assign = u.assign,
        tlp = greatest(c.tlp, u.tlp), decision = u.decision, rule = u.rule, reason = u.reason,
        grp = CASE WHEN u.class IS NULL AND u.tlp IS NULL THEN c.grp
                   ELSE triage_grp(c.is_person, c.report_id, coalesce(u.class, c.class), c.constituent_id, c.subject, c.kind, greatest(c.tlp, u.tlp)) END
        FROM unnest(p_class, p_priority, p_queue, p_assign, p_tlp, p_decision, p_rule, p_reason) WITH ORDINALITY
             u(class, priority, queue, assign, tlp, decision, rule, reason, way)
        WHERE u.way = p_way[c.ord];
    -- One row that is held holds its report.
    IF 'hold' = ANY (p_decision) THEN
        UPDATE triage_chunk c SET decision = 'hold', rule = h.rule, reason = h.reason
            FROM (SELECT DISTINCT ON (x.report_id) x.report_id, x.rule, x.reason FROM triage_chunk x WHERE x.decision = 'hold' ORDER BY x.report_id, x.ord) h
            WHERE c.report_id = h.report_id;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION triage_hits(p_name text[], p_version int[], p_rule text[], p_hits bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    INSERT INTO rule_hits AS h (name, version, rule, hits)
    SELECT u.name, u.version, u.rule, u.hits FROM unnest(p_name, p_version, p_rule, p_hits) u(name, version, rule, hits) ORDER BY 1, 2, 3
    ON CONFLICT (name, version, rule) DO UPDATE SET hits = h.hits + EXCLUDED.hits $$;
