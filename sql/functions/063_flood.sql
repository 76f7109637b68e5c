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

-- --- a flood of addresses that are nobody's ---

-- The key of the case that such rows of a sender share: "CLASS sender 12".
CREATE OR REPLACE FUNCTION triage_is_rest(p_join_key text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_join_key ~ '^\S+ sender \d+$';

CREATE OR REPLACE FUNCTION sender_name(p_sender bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(i.login, p.name, s.address) FROM sender s LEFT JOIN identity i ON i.id = s.identity_id LEFT JOIN peer p ON p.id = s.peer_id
    WHERE s.id = p_sender $$;

-- Rows of machines about addresses and names that belong to no constituent have a case a /24, /48 or name, as long as these are few. What would open
-- more of them than one sender may have open in a class and window goes into one case of that sender and class, and so does what comes while
-- that one is open. A key that has a case joins it all the same.
CREATE OR REPLACE FUNCTION triage_rest() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET work_mem = '64MB' AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM triage_chunk c WHERE c.constituent_id IS NULL AND NOT c.is_person AND c.case_id IS NULL AND c.decision IS NULL) THEN
        RETURN;
    END IF;
    WITH lone AS MATERIALIZED (
        SELECT c.grp, c.drill_id, c.compartment_id, min(c.class) AS class, min(c.sender_id) AS sender_id FROM triage_chunk c
        WHERE c.constituent_id IS NULL AND NOT c.is_person AND c.case_id IS NULL AND c.decision IS NULL GROUP BY c.grp, c.drill_id, c.compartment_id),
    fresh AS MATERIALIZED (
        SELECT l.*, s.join_for, s.unowned FROM lone l JOIN triage_class s ON s.class = l.class
        WHERE NOT coalesce((SELECT true FROM incident_case k WHERE k.join_key = l.grp AND k.drill_id = l.drill_id AND k.compartment_id = l.compartment_id
                            AND ((k.state IN ('new', 'open', 'waiting') AND coalesce(k.reopened, k.opened) > now() - s.join_for)
                                 OR (k.state IN ('resolved', 'closed') AND coalesce(k.closed, k.resolved) > now() - s.relapse_for
                                     AND coalesce(k.resolution, '') NOT IN ('false-positive', 'not-ours', 'duplicate'))) LIMIT 1), false)),
    crowd AS MATERIALIZED (
        SELECT f.class, f.sender_id, f.drill_id, f.compartment_id, count(*) AS fresh, min(f.join_for) AS join_for, min(f.unowned) AS unowned FROM fresh f
        GROUP BY f.class, f.sender_id, f.drill_id, f.compartment_id),
    over AS MATERIALIZED (
        SELECT w.* FROM crowd w
        WHERE w.fresh > w.unowned
           OR w.fresh + (SELECT count(*) FROM incident_case k WHERE k.sender_id = w.sender_id AND k.class = w.class AND k.drill_id = w.drill_id
                         AND k.compartment_id = w.compartment_id AND k.state IN ('new', 'open', 'waiting') AND k.opened > now() - w.join_for) > w.unowned
           OR EXISTS (SELECT FROM incident_case k WHERE k.join_key = w.class || ' sender ' || w.sender_id AND k.drill_id = w.drill_id
                      AND k.compartment_id = w.compartment_id AND k.state IN ('new', 'open', 'waiting') AND coalesce(k.reopened, k.opened) > now() - w.join_for))
    UPDATE triage_chunk c SET grp = f.class || ' sender ' || f.sender_id, subject = NULL
        FROM fresh f JOIN over o ON o.class = f.class AND o.sender_id = f.sender_id AND o.drill_id = f.drill_id AND o.compartment_id = f.compartment_id
        WHERE c.grp = f.grp AND c.drill_id = f.drill_id AND c.compartment_id = f.compartment_id AND c.decision IS NULL;
END $$;

-- How many different addresses and names lie in what joined nothing.
CREATE OR REPLACE FUNCTION triage_count() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off AS $$
BEGIN
    IF EXISTS (SELECT FROM triage_group g WHERE g.case_id IS NULL) THEN
        UPDATE triage_group g SET subjects = x.subjects
            FROM (SELECT c.grp, c.drill_id, c.compartment_id, count(DISTINCT c.value) AS subjects
                  FROM triage_chunk c JOIN triage_group y ON y.grp = c.grp AND y.drill_id = c.drill_id AND y.compartment_id = c.compartment_id AND y.case_id IS NULL
                  WHERE c.decision IS NULL GROUP BY c.grp, c.drill_id, c.compartment_id) x
            WHERE x.grp = g.grp AND x.drill_id = g.drill_id AND x.compartment_id = g.compartment_id;
    END IF;
END $$;
