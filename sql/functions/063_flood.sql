-- From flood to cases: what a class's settings say about a chunk of triage (sql/functions/060_triage.sql, 062_triage_cases.sql).

-- What holds for each of these classes: what is set for it, else for its type, else for all.
CREATE OR REPLACE FUNCTION class_in_force(p_classes text[])
RETURNS TABLE (class text, window_days int, observations int, addresses int, immediate boolean, sectors text[], unowned int, relapse_days int, age_days int,
               priority smallint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT c, coalesce(a.window_days, b.window_days, w.window_days), coalesce(a.observations, b.observations, w.observations),
           coalesce(a.addresses, b.addresses, w.addresses), coalesce(a.immediate, b.immediate, w.immediate), coalesce(a.sectors, b.sectors, w.sectors),
           coalesce(a.unowned, b.unowned, w.unowned), coalesce(a.relapse_days, b.relapse_days, w.relapse_days), coalesce(a.age_days, b.age_days, w.age_days),
           coalesce(a.priority, b.priority, w.priority)
    FROM unnest(p_classes) c
    LEFT JOIN class_setting a ON a.class = c AND strpos(c, '/') > 0
    LEFT JOIN class_setting b ON b.class = split_part(c, '/', 1)
    JOIN class_setting w ON w.class = '*' $$;

CREATE OR REPLACE FUNCTION triage_classes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO triage_class
        SELECT f.class, make_interval(days => f.window_days), f.observations, f.addresses, f.immediate, f.sectors, f.unowned, make_interval(days => f.relapse_days), f.priority
        FROM class_in_force(ARRAY(SELECT DISTINCT c.class FROM triage_chunk c WHERE c.decision IS NULL)) f;
END $$;

-- The next version of an advisory may come a year later.
CREATE OR REPLACE FUNCTION case_is_young(k incident_case, p_join_for interval) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(k.reopened, k.opened) > now() - p_join_for OR k.join_key LIKE 'advisory %' $$;

-- Whether rows of its key may come to a case: it is open and not too old, or it ended lately and would come back. An expression, so that the planner
-- sees through it.
CREATE OR REPLACE FUNCTION case_may_be_joined(k incident_case, p_join_for interval, p_relapse_for interval) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (k.state IN ('new', 'open', 'waiting') AND case_is_young(k, p_join_for))
        OR (k.state IN ('resolved', 'closed') AND coalesce(k.closed, k.resolved) > now() - p_relapse_for
            AND coalesce(k.resolution, '') NOT IN ('false-positive', 'not-ours', 'duplicate')) $$;

-- --- advisories ---

-- All versions of an advisory (its number, by its issuer) are one case: they have the key "advisory HASH". Anybody may write its number: what proves less, or
-- more, has a case of its own.
CREATE OR REPLACE FUNCTION triage_advisories() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off AS $$
BEGIN
    UPDATE triage_chunk c SET grp = v.whole FROM (
        SELECT x.report_id, 'advisory ' || x.advisory || ' ' || x.assurance || triage_apart(min(x.kind), max(x.tlp)) AS whole FROM triage_chunk x
        WHERE x.advisory IS NOT NULL AND NOT x.is_person GROUP BY x.report_id, x.advisory, x.assurance) v
    WHERE v.report_id = c.report_id AND c.case_id IS NULL AND c.decision IS NULL;
END $$;

-- --- a document about nobody of ours ---

-- What a document about one matter says of nobody of ours is one case, with the document's title: its parts have the key "document 12". What has an
-- open case by its own key joins that, and a single value keeps its key, so that others find it.
CREATE OR REPLACE FUNCTION triage_documents() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM triage_chunk c WHERE c.is_document AND c.constituent_id IS NULL AND c.case_id IS NULL AND c.decision IS NULL) THEN
        RETURN;
    END IF;
    WITH lone AS MATERIALIZED (
        SELECT c.report_id, c.grp, c.drill_id, c.compartment_id, min(c.class) AS class,
               'document ' || c.report_id || triage_apart(min(c.kind), min(c.tlp)) AS whole FROM triage_chunk c
        WHERE c.is_document AND c.constituent_id IS NULL AND c.case_id IS NULL AND c.decision IS NULL AND c.no > 0
        GROUP BY c.report_id, c.grp, c.drill_id, c.compartment_id),
    fresh AS MATERIALIZED (
        SELECT l.*, s.join_for FROM lone l JOIN triage_class s ON s.class = l.class
        WHERE NOT coalesce((SELECT true FROM incident_case k WHERE k.join_key = l.grp AND k.drill_id = l.drill_id AND k.compartment_id = l.compartment_id
                            AND case_may_be_joined(k, s.join_for, s.relapse_for) LIMIT 1), false)),
    matter AS MATERIALIZED (
        SELECT f.whole FROM fresh f GROUP BY f.whole
        HAVING count(*) > 1 OR EXISTS (SELECT FROM incident_case k WHERE k.join_key = f.whole AND k.state IN ('new', 'open', 'waiting')))
    UPDATE triage_chunk c SET grp = f.whole, subject = NULL
        FROM fresh f JOIN matter m ON m.whole = f.whole
        WHERE c.report_id = f.report_id AND c.grp = f.grp AND c.is_document AND c.constituent_id IS NULL AND c.case_id IS NULL AND c.decision IS NULL;
END $$;

-- --- a flood of addresses that are nobody's ---

-- The key of the case that such rows of a sender share: "CLASS sender 12"; of a stranger's rows about owners "CLASS stranger 12".
CREATE OR REPLACE FUNCTION triage_is_rest(p_join_key text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_join_key ~ '^\S+ (sender|stranger) \d+( [a-z]+)*$';

CREATE OR REPLACE FUNCTION sender_name(p_sender bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(i.login, p.name, s.address) FROM sender s LEFT JOIN identity i ON i.id = s.identity_id LEFT JOIN peer p ON p.id = s.peer_id
    WHERE s.id = p_sender $$;

-- Rows of machines about addresses and names that belong to no constituent have a case a /24, /48 or name, as long as these are few. What would open
-- more of them than one sender may have open in a class and window goes into one case of that sender and class, and so does what comes while
-- that one is open. A key that has a case joins it all the same. Each sender's rows by themselves: nobody's flood takes others' rows along.
-- A document that one of ours uploads is always a case of its own.
CREATE OR REPLACE FUNCTION triage_rest() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET work_mem = '64MB' AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM triage_chunk c WHERE c.constituent_id IS NULL AND NOT c.is_person AND c.case_id IS NULL AND c.decision IS NULL) THEN
        RETURN;
    END IF;
    WITH lone AS MATERIALIZED (
        SELECT c.grp, c.drill_id, c.compartment_id, c.sender_id, min(c.class) AS class,
               min(c.class) || ' sender ' || c.sender_id || triage_apart(min(c.kind), min(c.tlp)) AS rest FROM triage_chunk c
        WHERE c.constituent_id IS NULL AND NOT c.is_person AND c.case_id IS NULL AND c.decision IS NULL AND NOT (c.is_ours AND c.grp LIKE 'document %')
        GROUP BY c.grp, c.drill_id, c.compartment_id, c.sender_id),
    fresh AS MATERIALIZED (
        SELECT l.*, s.join_for, s.unowned FROM lone l JOIN triage_class s ON s.class = l.class
        WHERE NOT coalesce((SELECT true FROM incident_case k WHERE k.join_key = l.grp AND k.drill_id = l.drill_id AND k.compartment_id = l.compartment_id
                            AND case_may_be_joined(k, s.join_for, s.relapse_for) LIMIT 1), false)),
    crowd AS MATERIALIZED (
        SELECT f.class, f.sender_id, f.rest, f.drill_id, f.compartment_id, count(*) AS fresh, min(f.join_for) AS join_for, min(f.unowned) AS unowned FROM fresh f
        GROUP BY f.class, f.sender_id, f.rest, f.drill_id, f.compartment_id),
    over AS MATERIALIZED (
        SELECT w.* FROM crowd w
        WHERE w.fresh > w.unowned
           OR w.fresh + (SELECT count(*) FROM incident_case k WHERE k.sender_id = w.sender_id AND k.class = w.class AND k.drill_id = w.drill_id
                         AND k.compartment_id = w.compartment_id AND k.state IN ('new', 'open', 'waiting') AND k.opened > now() - w.join_for
                         AND k.constituent_id IS NULL) > w.unowned
           OR EXISTS (SELECT FROM incident_case k WHERE k.join_key = w.rest AND k.drill_id = w.drill_id
                      AND k.compartment_id = w.compartment_id AND k.state IN ('new', 'open', 'waiting') AND coalesce(k.reopened, k.opened) > now() - w.join_for))
    UPDATE triage_chunk c SET grp = f.rest, subject = NULL
        FROM fresh f JOIN over o ON o.rest = f.rest AND o.drill_id = f.drill_id AND o.compartment_id = f.compartment_id
        WHERE c.grp = f.grp AND c.sender_id = f.sender_id AND c.drill_id = f.drill_id AND c.compartment_id = f.compartment_id AND c.decision IS NULL;
END $$;

-- How many cases about owners one whom nobody knows may have open. He may write what he likes: a single mail could name every owner in every class.
CREATE OR REPLACE FUNCTION stranger_cases_max() RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 25;

-- So do a stranger's rows about our constituents, over all classes: what would open more cases than he may have goes into one of his a class. A stranger's
-- are those of an address that is no contact's of whom DMARC or a signature proves it.
CREATE OR REPLACE FUNCTION triage_strangers() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET work_mem = '64MB' AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM triage_chunk c WHERE c.constituent_id IS NOT NULL AND NOT c.is_person AND c.case_id IS NULL AND c.decision IS NULL AND EXISTS (
                       SELECT FROM sender s WHERE s.id = c.sender_id AND s.address IS NOT NULL)) THEN
        RETURN;
    END IF;
    WITH known AS MATERIALIZED (
        SELECT l.report_id FROM triage_letter l WHERE l.is_known),
    who AS MATERIALIZED (
        SELECT s.id, s.address IS NOT NULL AS is_stranger FROM sender s WHERE s.id = ANY (ARRAY(SELECT DISTINCT c.sender_id FROM triage_chunk c))),
    lone AS MATERIALIZED (
        SELECT c.grp, c.drill_id, c.compartment_id, min(c.class) AS class, min(c.sender_id) AS sender_id,
               min(c.class) || ' stranger ' || min(c.sender_id) || triage_apart(min(c.kind), min(c.tlp)) AS rest
        FROM triage_chunk c JOIN who w ON w.id = c.sender_id LEFT JOIN known n ON n.report_id = c.report_id
        WHERE c.constituent_id IS NOT NULL AND NOT c.is_person AND c.case_id IS NULL AND c.decision IS NULL AND NOT c.is_released
        GROUP BY c.grp, c.drill_id, c.compartment_id HAVING bool_and(w.is_stranger AND (c.assurance = 0 OR n.report_id IS NULL))),
    fresh AS MATERIALIZED (
        SELECT l.*, s.join_for FROM lone l JOIN triage_class s ON s.class = l.class
        WHERE NOT coalesce((SELECT true FROM incident_case k WHERE k.join_key = l.grp AND k.drill_id = l.drill_id AND k.compartment_id = l.compartment_id
                            AND case_may_be_joined(k, s.join_for, s.relapse_for) LIMIT 1), false)),
    crowd AS MATERIALIZED (
        SELECT f.sender_id, f.drill_id, f.compartment_id, count(*) AS fresh, max(f.join_for) AS join_for FROM fresh f GROUP BY f.sender_id, f.drill_id, f.compartment_id),
    over AS MATERIALIZED (
        SELECT w.sender_id, w.drill_id, w.compartment_id FROM crowd w
        WHERE w.fresh + (SELECT count(*) FROM incident_case k WHERE k.sender_id = w.sender_id AND k.drill_id = w.drill_id AND k.compartment_id = w.compartment_id
                         AND k.state IN ('new', 'open', 'waiting') AND k.opened > now() - w.join_for AND k.constituent_id IS NOT NULL) > stranger_cases_max())
    UPDATE triage_chunk c SET grp = f.rest, subject = NULL, constituent_id = NULL, owners = NULL
        FROM fresh f JOIN over o ON o.sender_id = f.sender_id AND o.drill_id = f.drill_id AND o.compartment_id = f.compartment_id
        WHERE c.grp = f.grp AND c.drill_id = f.drill_id AND c.compartment_id = f.compartment_id AND c.decision IS NULL;
END $$;

-- How many different addresses and names lie in what joined nothing.
CREATE OR REPLACE FUNCTION triage_count() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (SELECT FROM triage_group g WHERE g.case_id IS NULL) THEN
        UPDATE triage_group g SET subjects = x.subjects
            FROM (SELECT c.grp, c.drill_id, c.compartment_id, count(DISTINCT c.value) AS subjects
                  FROM triage_chunk c JOIN triage_group y ON y.grp = c.grp AND y.drill_id = c.drill_id AND y.compartment_id = c.compartment_id AND y.case_id IS NULL
                  WHERE c.decision IS NULL GROUP BY c.grp, c.drill_id, c.compartment_id) x
            WHERE x.grp = g.grp AND x.drill_id = g.drill_id AND x.compartment_id = g.compartment_id;
    END IF;
END $$;

-- --- suppression ---

CREATE OR REPLACE FUNCTION suppression_said(s suppression) RETURNS text LANGUAGE sql STABLE
RETURN format('suppressed until %s: %s', to_char(s.until AT TIME ZONE 'UTC', 'YYYY-MM-DD'), s.reason);

-- Rows of machines that a suppression names open and join no case; each is counted and kept with it. What people write, and what an analyst let go, is
-- never suppressed, nor is a row of a drill, nor what has the class only by a rule: that takes one person, a suppression two.
CREATE OR REPLACE FUNCTION triage_suppress() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    span chunk_range := triage_range();
BEGIN
    IF NOT EXISTS (SELECT FROM suppression s WHERE s.until > now() AND s.ended IS NULL AND s.approved IS NOT NULL) THEN
        RETURN;
    END IF;
    WITH valid AS MATERIALIZED (
        SELECT s.*, suppression_said(s) AS said FROM suppression s WHERE s.until > now() AND s.ended IS NULL AND s.approved IS NOT NULL),
    named AS MATERIALIZED (
        SELECT DISTINCT v.id, s.report_id, s.observation_no AS no FROM valid v JOIN triage_sightings(span) s
          ON s.addr <<= v.addr OR s.host = v.host OR right(s.host, length(v.host) + 1) = '.' || v.host OR s.value = v.other),
    hit AS MATERIALIZED (
        SELECT DISTINCT ON (c.ord) c.ord, v.id, v.name, v.said FROM valid v
        JOIN triage_chunk c ON (v.class IS NULL OR (v.class IN (c.class, split_part(c.class, '/', 1))
                                                    AND (c.came_class IS NULL OR v.class IN (c.came_class, split_part(c.came_class, '/', 1)))))
             AND (v.constituent_id IS NULL OR c.constituent_id = v.constituent_id OR v.constituent_id = ANY (c.owners)) AND (v.sender_id IS NULL OR c.sender_id = v.sender_id)
        LEFT JOIN named n ON n.id = v.id AND n.report_id = c.report_id AND n.no = c.no
        WHERE (v.value IS NULL OR n.id IS NOT NULL) AND c.decision IS NULL AND c.case_id IS NULL AND NOT c.is_person AND NOT c.is_released AND NOT c.is_repeat
          AND c.drill_id = 0 AND c.no > 0
        ORDER BY c.ord, v.id)
    UPDATE triage_chunk c SET decision = 'drop', suppression_id = h.id, rule = 'suppression ' || h.name,
        reason = h.said
        FROM hit h WHERE h.ord = c.ord;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO suppressed_row AS r (suppression_id, report_id, received, observations)
        SELECT c.suppression_id, c.report_id, min(c.received), range_agg(int4range(c.no, c.no + 1)) FROM triage_chunk c
        WHERE c.suppression_id IS NOT NULL GROUP BY c.suppression_id, c.report_id ORDER BY 1, 2
        ON CONFLICT (suppression_id, report_id) DO UPDATE SET observations = r.observations + EXCLUDED.observations;
    UPDATE suppression s SET rows = s.rows + x.rows, last_row = now()
        FROM (SELECT c.suppression_id, count(*) AS rows FROM triage_chunk c WHERE c.suppression_id IS NOT NULL GROUP BY c.suppression_id) x
        WHERE x.suppression_id = s.id;
END $$;

-- --- documents without a row ---

-- A feed's document that states nothing (no observation; of class and text no more than the feed's own default) is kept, and opens no case: a collection of
-- names and reports, or an empty page, comes at each poll; so does a table without rows. One about no incident (an advisory), a mail, a text in our own format, what a rule gives to somebody or calls urgent, and
-- what an analyst let go do.
CREATE OR REPLACE FUNCTION triage_empty() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    span chunk_range;
BEGIN
    IF NOT EXISTS (SELECT FROM triage_chunk c WHERE c.no = 0 AND NOT c.is_person AND c.decision IS NULL) THEN
        RETURN;
    END IF;
    span := triage_range();
    UPDATE triage_chunk c SET decision = 'wait', reason = 'a document of a feed without any observation'
        FROM sender s, identity i, report_content rc
        WHERE c.no = 0 AND NOT c.is_person AND c.decision IS NULL AND c.case_id IS NULL AND c.kind IS NULL AND NOT c.is_released AND NOT c.is_repeat
          AND c.assign IS NULL AND coalesce(c.priority, 4) > 2 AND s.id = c.sender_id AND i.id = s.identity_id AND i.role = 'feed'
          AND rc.report_id = c.report_id AND rc.received = c.received AND rc.report_id BETWEEN span.low AND span.high AND rc.received BETWEEN span.since AND span.until
          AND coalesce(rc.format, 'mail') <> 'mail'
          AND (NOT c.has_text OR rc.format = 'shadowserver' OR rc.format LIKE 'csv:%'
               OR (rc.format NOT IN ('json', 'ndjson') AND (c.class = 'other/undetermined' OR c.class = i.default_class)));
END $$;

-- --- thresholds ---

-- Groups that would open a case and are below the threshold of their class wait, with what waits for the same key already. No case waits that
-- a rule gives to somebody or calls urgent, that an analyst let go, of an immediate class or sector, of a person, of an advisory, or of a document: nothing will
-- join that. Nor is one with a row that names no address or name counted by them: no number of such rows would ever be enough.
CREATE OR REPLACE FUNCTION triage_wait() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM triage_class s WHERE (s.observations > 1 OR s.addresses > 1) AND NOT s.immediate) THEN
        RETURN;
    END IF;
    INSERT INTO triage_low (grp, drill_id, compartment_id, rows, subjects, need, need_subjects, days)
        SELECT g.grp, g.drill_id, g.compartment_id, g.observations, '{}', s.observations, s.addresses, extract(day FROM s.join_for)
        FROM triage_group g JOIN triage_class s ON s.class = g.class LEFT JOIN constituent k ON k.id = g.constituent_id
        WHERE g.case_id IS NULL AND g.join_key IS NOT NULL AND g.join_key !~ '^(document|advisory) ' AND NOT g.is_person AND NOT g.is_released AND g.observations > 0 AND g.assign IS NULL
          AND coalesce(g.priority, 4) > 2 AND NOT s.immediate AND (k.sector = ANY (s.sectors)) IS NOT TRUE
          AND (g.observations < s.observations OR g.subjects < s.addresses);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE triage_low l SET subjects = x.subjects, need_subjects = CASE WHEN x.names_all THEN l.need_subjects ELSE 0 END
        FROM (SELECT c.grp, c.drill_id, c.compartment_id, coalesce(array_agg(DISTINCT c.value) FILTER (WHERE c.value IS NOT NULL), '{}') AS subjects,
                     bool_and(c.value IS NOT NULL) AS names_all
              FROM triage_chunk c JOIN triage_low y ON y.grp = c.grp AND y.drill_id = c.drill_id AND y.compartment_id = c.compartment_id
              WHERE c.decision IS NULL GROUP BY c.grp, c.drill_id, c.compartment_id) x
        WHERE x.grp = l.grp AND x.drill_id = l.drill_id AND x.compartment_id = l.compartment_id;
    -- With what waits already, each key's by the index.
    UPDATE triage_low l SET all_rows = l.rows + coalesce(w.rows, 0), all_subjects = (
            SELECT count(DISTINCT u) FROM unnest(l.subjects || coalesce(w.subjects, '{}')) u), waited = w.rows, tlps = w.tlps, assurance = w.assurance
        FROM triage_low y LEFT JOIN LATERAL (
            SELECT sum(r.rows) AS rows, max(r.assurance) AS assurance,
                   ARRAY[max(r.tlp), max(r.tlp) FILTER (WHERE r.assurance >= 1), max(r.tlp) FILTER (WHERE r.assurance >= 2), max(r.tlp) FILTER (WHERE r.assurance >= 3)] AS tlps,
                   ARRAY(SELECT DISTINCT u FROM waiting_row q, unnest(q.subjects) u WHERE q.join_key = y.grp AND q.drill_id = y.drill_id
                         AND q.compartment_id = y.compartment_id AND q.since > now() - make_interval(days => y.days)) AS subjects
            FROM waiting_row r WHERE r.join_key = y.grp AND r.drill_id = y.drill_id AND r.compartment_id = y.compartment_id
              AND r.since > now() - make_interval(days => y.days)) w ON true
        WHERE y.grp = l.grp AND y.drill_id = l.drill_id AND y.compartment_id = l.compartment_id;
    UPDATE triage_group g SET tlp = greatest(g.tlp, l.tlps[1]), tlps = ARRAY(SELECT greatest(g.tlps[i], l.tlps[i]) FROM generate_series(1, 4) i ORDER BY i), assurance = greatest(g.assurance, l.assurance), subjects = l.all_subjects
        FROM triage_low l WHERE l.grp = g.grp AND l.drill_id = g.drill_id AND l.compartment_id = g.compartment_id
          AND l.all_rows >= l.need AND l.all_subjects >= l.need_subjects;
    DELETE FROM triage_low l WHERE l.all_rows >= l.need AND l.all_subjects >= l.need_subjects;
    INSERT INTO waiting_row AS w (join_key, drill_id, compartment_id, report_id, received, class, constituent_id, sender_id, observations, rows, subjects, tlp,
                                  assurance, first_seen, last_seen)
        SELECT c.grp, c.drill_id, c.compartment_id, c.report_id, min(c.received), min(c.class), min(c.constituent_id), min(c.sender_id),
               range_agg(int4range(c.no, c.no + 1)), count(*), coalesce(array_agg(DISTINCT c.value) FILTER (WHERE c.value IS NOT NULL), '{}'), max(c.tlp),
               min(c.assurance), min(c.time), max(c.time)
        FROM triage_chunk c JOIN triage_low l ON l.grp = c.grp AND l.drill_id = c.drill_id AND l.compartment_id = c.compartment_id
        WHERE c.decision IS NULL GROUP BY c.grp, c.drill_id, c.compartment_id, c.report_id ORDER BY 1, 2, 3, 4
        ON CONFLICT (join_key, drill_id, compartment_id, report_id) DO UPDATE SET observations = w.observations + EXCLUDED.observations,
            rows = w.rows + EXCLUDED.rows, subjects = ARRAY(SELECT DISTINCT u FROM unnest(w.subjects || EXCLUDED.subjects) u),
            tlp = greatest(w.tlp, EXCLUDED.tlp), first_seen = least(w.first_seen, EXCLUDED.first_seen), last_seen = greatest(w.last_seen, EXCLUDED.last_seen);
    UPDATE triage_chunk c SET decision = 'wait', reason = format('below the threshold of %s: %s within %s days', c.class, concat_ws(' and ',
            CASE WHEN l.all_rows < l.need THEN format('%s of %s observations', l.all_rows, l.need) END,
            CASE WHEN l.all_subjects < l.need_subjects THEN format('%s of %s addresses', l.all_subjects, l.need_subjects) END), l.days)
        FROM triage_low l WHERE l.grp = c.grp AND l.drill_id = c.drill_id AND l.compartment_id = c.compartment_id AND c.decision IS NULL;
    DELETE FROM triage_group g USING triage_low l WHERE l.grp = g.grp AND l.drill_id = g.drill_id AND l.compartment_id = g.compartment_id;
END $$;

-- What waited for a key that has a case now goes into that case, and narrows its label where its channel proves as much.
CREATE OR REPLACE FUNCTION triage_attach() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM waiting_row) THEN
        RETURN;
    END IF;
    WITH due AS MATERIALIZED (
        SELECT DISTINCT g.join_key, g.drill_id, g.compartment_id, g.case_id, g.case_compartment_id, g.seq, s.join_for FROM triage_group g JOIN triage_class s ON s.class = g.class
        WHERE g.join_key IS NOT NULL AND NOT g.is_quiet),
    gone AS (
        DELETE FROM waiting_row w USING due d WHERE w.join_key = d.join_key AND w.drill_id = d.drill_id AND w.compartment_id = d.compartment_id
          AND w.since > now() - d.join_for
        RETURNING d.case_id, d.case_compartment_id, d.seq, w.drill_id, w.report_id, w.received, w.observations, w.rows, w.tlp, w.assurance, w.first_seen, w.last_seen),
    member AS MATERIALIZED (
        SELECT m.* FROM (SELECT array_agg(o.case_id) AS cases, array_agg(o.drill_id) AS drills, array_agg(o.case_compartment_id) AS compartments,
                                array_agg(o.report_id) AS reports, array_agg(o.received) AS received, array_agg(o.observations) AS observations,
                                array_agg(o.seq) AS seqs FROM gone o HAVING count(*) > 0) a
        CROSS JOIN LATERAL case_member_add(a.cases, a.drills, a.compartments, a.reports, a.received, a.observations, a.seqs, array_fill(NULL::text, ARRAY[cardinality(a.cases)])) m),
    kept AS (
        INSERT INTO triage_member SELECT m.case_id, m.report_id, m.received, m.is_new FROM member m),
    told AS (
        UPDATE report_outcome o SET reason = NULL FROM gone x WHERE x.report_id = o.report_id AND o.reason LIKE 'below the threshold%'),
    narrowed AS (
        UPDATE incident_case k SET tlp = x.tlp, updated = now()
            FROM (SELECT o.case_id, max(o.tlp) AS tlp FROM gone o JOIN incident_case y ON y.id = o.case_id AND o.assurance >= y.assurance GROUP BY o.case_id) x
            WHERE k.id = x.case_id AND x.tlp > k.tlp RETURNING k.id, k.tlp),
    -- So that those who may read it are named (triage_words).
    red AS (
        UPDATE triage_group g SET tlp = n.tlp FROM narrowed n WHERE n.id = g.case_id AND n.tlp > g.tlp)
    UPDATE case_tally t SET reports = t.reports + x.reports, observations = t.observations + x.rows, waited = t.waited + x.rows,
        first_seen = least(t.first_seen, x.first_seen), last_seen = greatest(t.last_seen, x.last_seen)
        FROM (SELECT o.case_id, sum(o.rows) AS rows, min(o.first_seen) AS first_seen, max(o.last_seen) AS last_seen,
                     (SELECT count(*) FROM member m WHERE m.case_id = o.case_id AND m.is_new) AS reports FROM gone o GROUP BY o.case_id) x
        WHERE t.case_id = x.case_id;
END $$;

-- --- what was stated before ---

CREATE OR REPLACE FUNCTION statement_bucket(p_at timestamptz) RETURNS smallint LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT floor(extract(epoch FROM p_at) / (28 * 86400))::smallint $$;

-- What few may see is counted by itself, or others' rows would tell that it was said again.
CREATE OR REPLACE FUNCTION statement_number(p_statement bigint, p_tlp smallint, p_compartment int) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_tlp < 4 AND p_compartment = 0 THEN p_statement ELSE hashtextextended(CASE p_tlp WHEN 4 THEN 'red ' ELSE '' END || p_compartment::text, p_statement) END;

-- Counts what each sender states, and in each case the rows that state what another one states there already, whoever said it: all are kept, one is
-- work. Each statement is looked up by the index, never by reading the table.
CREATE OR REPLACE FUNCTION triage_statements() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET enable_sort = off SET enable_seqscan = off SET work_mem = '64MB' AS $$
DECLARE
    v_now smallint := statement_bucket(now());
    v_buckets smallint[] := ARRAY[v_now]; -- a range of buckets would read all between
BEGIN
    IF EXISTS (SELECT FROM statement s WHERE s.bucket = v_now - 1) THEN
        v_buckets := v_buckets || (v_now - 1)::smallint;
    END IF;
    WITH stated AS MATERIALIZED (
        SELECT statement_number(c.statement, c.tlp, c.compartment_id) AS statement, c.drill_id, g.case_id, c.sender_id, count(*) AS rows, min(c.time) AS first_seen, max(c.time) AS last_seen
        FROM triage_chunk c JOIN triage_group g ON g.grp = c.grp AND g.drill_id = c.drill_id AND g.compartment_id = c.compartment_id
        WHERE c.decision IS NULL AND c.statement IS NOT NULL GROUP BY 1, c.drill_id, g.case_id, c.sender_id),
    found AS MATERIALIZED (
        SELECT k.* FROM (SELECT DISTINCT s.statement, s.drill_id FROM stated s ORDER BY 1) x
        CROSS JOIN LATERAL (SELECT y.* FROM statement y WHERE y.bucket = ANY (v_buckets) AND y.statement = x.statement AND y.drill_id = x.drill_id
                            LIMIT 100) k),
    mine AS MATERIALIZED (
        SELECT s.statement, s.sender_id, s.drill_id, max(s.case_id) AS case_id, sum(s.rows) AS rows, min(s.first_seen) AS first_seen, max(s.last_seen) AS last_seen
        FROM stated s GROUP BY s.statement, s.sender_id, s.drill_id),
    -- Where more say so than were looked at, what its own sender stated is looked up by itself.
    known AS MATERIALIZED (
        SELECT f.* FROM found f
        UNION SELECT y.* FROM mine m JOIN (SELECT f.statement, f.drill_id FROM found f GROUP BY f.statement, f.drill_id HAVING count(*) >= 100) c
            ON c.statement = m.statement AND c.drill_id = m.drill_id
        CROSS JOIN LATERAL (SELECT x.* FROM statement x WHERE x.bucket = ANY (v_buckets) AND x.statement = m.statement AND x.sender_id = m.sender_id
                            AND x.drill_id = m.drill_id) y),
    -- By the conflict, which looks each up by the index; a join might read the whole table.
    moved AS (
        INSERT INTO statement AS t (bucket, statement, sender_id, drill_id, case_id, rows, first_seen, last_seen)
        SELECT v_now, m.* FROM (SELECT x.statement, x.sender_id, x.drill_id, x.case_id, x.rows, x.first_seen, x.last_seen FROM mine x) m
        JOIN known k ON k.statement = m.statement AND k.sender_id = m.sender_id AND k.drill_id = m.drill_id AND k.bucket = v_now
        ON CONFLICT (bucket, statement, sender_id, drill_id) DO UPDATE SET case_id = EXCLUDED.case_id, rows = t.rows + EXCLUDED.rows,
            first_seen = least(t.first_seen, EXCLUDED.first_seen), last_seen = greatest(t.last_seen, EXCLUDED.last_seen)),
    -- New, or carried over from the bucket before. One chunk is worked at a time: nobody else inserts here.
    kept AS (
        INSERT INTO statement (bucket, statement, sender_id, drill_id, case_id, rows, first_seen, last_seen)
        SELECT v_now, m.statement, m.sender_id, m.drill_id, m.case_id, m.rows + coalesce(b.rows, 0), least(m.first_seen, b.first_seen), m.last_seen
        FROM mine m
        LEFT JOIN known n ON n.statement = m.statement AND n.sender_id = m.sender_id AND n.drill_id = m.drill_id AND n.bucket = v_now
        LEFT JOIN known b ON b.statement = m.statement AND b.sender_id = m.sender_id AND b.drill_id = m.drill_id AND b.bucket = v_now - 1
        WHERE n.statement IS NULL ORDER BY m.statement),
    -- How much of what a feed brings it stated before. The count is asked for each sender, not joined: mail has very many of them.
    fed AS (
        INSERT INTO feed_count (sender_id, known)
        SELECT x.sender_id, x.rows FROM (
            SELECT m.sender_id, sum(m.rows - CASE WHEN k.statement IS NULL THEN 1 ELSE 0 END) AS rows FROM mine m
            LEFT JOIN (SELECT DISTINCT n.statement, n.sender_id, n.drill_id FROM known n) k
                 ON k.statement = m.statement AND k.sender_id = m.sender_id AND k.drill_id = m.drill_id
            GROUP BY m.sender_id) x
        WHERE x.rows > 0 AND (SELECT count(*) FROM sender s JOIN feed f ON f.identity_id = s.identity_id WHERE s.id = x.sender_id) > 0),
    again AS (
        SELECT x.case_id, sum(x.rows) - count(*) FILTER (WHERE k.statement IS NULL) AS rows
        FROM (SELECT y.case_id, y.statement, y.drill_id, sum(y.rows) AS rows FROM stated y GROUP BY y.case_id, y.statement, y.drill_id) x
        LEFT JOIN (SELECT DISTINCT n.statement, n.drill_id, n.case_id FROM known n) k
             ON k.statement = x.statement AND k.drill_id = x.drill_id AND k.case_id = x.case_id
        GROUP BY x.case_id)
    UPDATE case_tally t SET repeats = t.repeats + a.rows FROM again a WHERE a.case_id = t.case_id AND a.rows > 0;
END $$;

-- --- the clock ---

-- What nobody has touched and no feed has seen for as long as its class says is resolved. It comes back by itself where it is seen again. Who edits a case or
-- writes notes and tasks raises its revision; those that a rule's template laid down do not.
CREATE OR REPLACE FUNCTION clock_age(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_cases bigint[];
    v_texts text[];
    v_details jsonb[];
BEGIN
    WITH class AS MATERIALIZED (
        SELECT f.class, f.age_days FROM class_in_force(ARRAY(SELECT DISTINCT k.class FROM incident_case k WHERE k.state = 'new' AND k.join_key IS NOT NULL)) f
        WHERE f.age_days > 0),
    old AS MATERIALIZED (
        SELECT k.id, c.age_days, t.last_seen FROM incident_case k JOIN class c ON c.class = k.class JOIN case_tally t ON t.case_id = k.id
        WHERE k.state = 'new' AND k.owner_id IS NULL AND k.revision = 1 AND k.join_key IS NOT NULL
          AND greatest(t.last_seen, k.opened) < now() - make_interval(days => c.age_days)
          AND NOT EXISTS (SELECT FROM evidence n WHERE n.case_id = k.id) AND NOT EXISTS (SELECT FROM share n WHERE n.case_id = k.id)
          AND NOT EXISTS (SELECT FROM mail n WHERE n.case_id = k.id) AND NOT EXISTS (SELECT FROM thread n WHERE n.case_id = k.id)
          AND NOT EXISTS (SELECT FROM legal_hold n WHERE n.case_id = k.id AND (n.until IS NULL OR n.until > now()))
        ORDER BY k.id LIMIT 1000 FOR NO KEY UPDATE OF k SKIP LOCKED),
    changed AS (
        UPDATE incident_case k SET state = 'resolved', resolved = now(), due = NULL, updated = now() FROM old o WHERE k.id = o.id
        RETURNING k.id, o.age_days, o.last_seen)
    SELECT array_agg(c.id ORDER BY c.id), array_agg(format('resolved: not seen for %s days, and nobody has touched it', c.age_days) ORDER BY c.id),
           array_agg(jsonb_build_object('state', 'resolved', 'before', 'new', 'last_seen', time_text(c.last_seen), 'days', c.age_days) ORDER BY c.id)
        INTO v_cases, v_texts, v_details FROM changed c;
    done := coalesce(cardinality(v_cases), 0);
    more := done = 1000;
    IF done > 0 THEN
        PERFORM journal_append_many(v_cases, 'clock', 'state', v_texts, v_details);
    END IF;
END $$;

-- Waiting rows whose window is over (the reports stay), and statements that nobody repeated for two buckets.
CREATE OR REPLACE FUNCTION clock_flood(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_count bigint;
BEGIN
    DELETE FROM waiting_row w USING class_in_force(ARRAY(SELECT DISTINCT x.class FROM waiting_row x)) f
        WHERE f.class = w.class AND w.since <= now() - make_interval(days => f.window_days);
    GET DIAGNOSTICS done = ROW_COUNT;
    DELETE FROM statement s WHERE s.ctid = ANY (ARRAY(
        SELECT x.ctid FROM statement x WHERE x.bucket < statement_bucket(now()) - 1 ORDER BY x.bucket LIMIT 50000));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    done := done + v_count;
    more := v_count = 50000;
END $$;
