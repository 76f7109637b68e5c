-- Which blocks of addresses and which groups of names a case has: a summary of the sightings of its members, kept with these and never behind them. It is
-- complete (find_seen_in() relies on it to say no), and what is not is_red is exact: sightings of a case neither go nor change their label
-- (a rule's label narrows them before: triage_rule_labels()).

CREATE OR REPLACE FUNCTION network_block(p_addr inet) RETURNS inet LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE family(p_addr) WHEN 4 THEN network(set_masklen(p_addr, least(masklen(p_addr), 24)))::inet ELSE network(set_masklen(p_addr, least(masklen(p_addr), 48)))::inet END;

-- The last two labels of a name, three where a country keeps its second ones for all (co.uk); reversed, so that what is below it begins with it. Coarse is
-- enough: what a group says no more of is looked up in the sightings.
CREATE OR REPLACE FUNCTION name_group(p_host text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN reverse(ltrim(CASE WHEN length(split_part(p_host, '.', -1)) = 2 AND split_part(p_host, '.', -2) = ANY ('{ac,co,com,edu,gob,gov,go,mil,ne,net,or,org}')
    THEN split_part(p_host, '.', -3) ELSE '' END || '.' || split_part(p_host, '.', -2) || '.' || split_part(p_host, '.', -1), '.'));

-- These blocks and groups are seen in these cases. Most are there already: a look is cheaper than a conflict.
CREATE OR REPLACE FUNCTION case_seen_put(p_cases bigint[], p_networks inet[], p_names text[], p_red boolean[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    WITH seen AS MATERIALIZED (SELECT u.* FROM unnest(p_cases, p_networks, p_names, p_red) u(case_id, network, name, is_red)),
    networks AS (
        INSERT INTO case_network AS n (case_id, network, is_red)
        SELECT g.* FROM (SELECT s.case_id, s.network, bool_and(s.is_red) AS is_red FROM seen s WHERE s.network IS NOT NULL GROUP BY 1, 2) g
        WHERE NOT EXISTS (SELECT FROM case_network h WHERE h.case_id = g.case_id AND h.network = g.network AND (NOT h.is_red OR g.is_red)) ORDER BY 1, 2
        ON CONFLICT (case_id, network) DO UPDATE SET is_red = false WHERE n.is_red AND NOT EXCLUDED.is_red)
    INSERT INTO case_name AS n (case_id, name, is_red)
    SELECT g.* FROM (SELECT s.case_id, s.name, bool_and(s.is_red) AS is_red FROM seen s WHERE s.name IS NOT NULL GROUP BY 1, 2) g
    WHERE NOT EXISTS (SELECT FROM case_name h WHERE h.case_id = g.case_id AND h.name = g.name AND (NOT h.is_red OR g.is_red)) ORDER BY 1, 2
    ON CONFLICT (case_id, name) DO UPDATE SET is_red = false WHERE n.is_red AND NOT EXCLUDED.is_red;
END $$;

-- The sightings of these observations of reports come into these cases. Each by its own probe of the index: a case's share of a report may lie scattered.
CREATE OR REPLACE FUNCTION case_seen_add(p_cases bigint[], p_compartments int[], p_reports bigint[], p_received timestamptz[], p_observations int4multirange[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    PERFORM case_seen_put(array_agg(g.case_id), array_agg(g.network), array_agg(g.name), array_agg(g.is_red)) FROM (
        SELECT u.case_id, network_block(s.addr) AS network, name_group(s.host) AS name, bool_and(s.tlp = 4 OR s.compartment_id <> u.compartment_id) AS is_red
        FROM unnest(p_cases, p_compartments, p_reports, p_received, p_observations) u(case_id, compartment_id, report_id, received, observations)
        CROSS JOIN LATERAL unnest(u.observations) r
        CROSS JOIN LATERAL (SELECT s.addr, s.host, s.tlp, s.compartment_id FROM sighting s
            WHERE s.report_id = u.report_id AND s.received = u.received AND s.observation_no >= lower(r) AND s.observation_no < upper(r) OFFSET 0) s
        WHERE s.addr IS NOT NULL OR s.host IS NOT NULL
        GROUP BY 1, 2, 3) g;
END $$;

-- These observations of these reports become members of these cases. Who calls it sees to the summary: case_member_add(), and triage, which has laid out what
-- its chunk has of it. (It is told by what is new, not by a trigger: what a member has already may be half a million scattered rows.)
CREATE OR REPLACE FUNCTION case_member_put(p_cases bigint[], p_drills int[], p_compartments int[], p_reports bigint[], p_received timestamptz[],
                                           p_observations int4multirange[], p_seqs bigint[], p_rules text[])
RETURNS TABLE (case_id bigint, report_id bigint, received timestamptz, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY INSERT INTO case_member AS m (case_id, drill_id, compartment_id, report_id, received, observations, since_seq, rule)
        SELECT * FROM unnest(p_cases, p_drills, p_compartments, p_reports, p_received, p_observations, p_seqs, p_rules) u(case_id, drill_id, compartment_id, report_id)
        ORDER BY u.case_id, u.report_id
        ON CONFLICT (case_id, report_id) WHERE until IS NULL DO UPDATE SET observations = m.observations + EXCLUDED.observations
        RETURNING m.case_id, m.report_id, m.received, m.xmax = 0;
END $$;

CREATE OR REPLACE FUNCTION case_member_add(p_cases bigint[], p_drills int[], p_compartments int[], p_reports bigint[], p_received timestamptz[],
                                           p_observations int4multirange[], p_seqs bigint[], p_rules text[])
RETURNS TABLE (case_id bigint, report_id bigint, received timestamptz, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT m.* FROM case_member_put(p_cases, p_drills, p_compartments, p_reports, p_received, p_observations, p_seqs, p_rules) m;
    PERFORM case_seen_add(p_cases, p_compartments, p_reports, p_received, p_observations);
END $$;

DROP TRIGGER IF EXISTS case_member_add ON case_member;
DROP TRIGGER IF EXISTS case_member_change ON case_member;
DROP FUNCTION IF EXISTS member_seen();

-- Members older than the table.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM case_network) AND NOT EXISTS (SELECT FROM case_name) THEN
        PERFORM case_seen_add(array_agg(m.case_id), array_agg(m.compartment_id), array_agg(m.report_id), array_agg(m.received), array_agg(m.observations))
            FROM case_member m WHERE m.until IS NULL AND NOT isempty(m.observations) GROUP BY m.report_id / 100;
    END IF;
END $$;
