-- Owners in triage: who held it when it was observed, several who hold the same, and how urgent their cases are (docs/RULES.md).

-- Where in the order of owners something held stands, as a bit of triage_fill()'s number: 0 where it was held at the time of the observation (else of its
-- report), 1 where it is held only now; NULL, which leaves it out, where neither.
CREATE OR REPLACE FUNCTION triage_era(p_since timestamptz, p_until timestamptz, p_is_dated boolean, p_time timestamptz, p_received timestamptz) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN (p_since <= coalesce(p_time, p_received) OR NOT p_is_dated) AND (p_until IS NULL OR p_until > coalesce(p_time, p_received)) THEN 0::bigint
            WHEN p_since <= now() AND (p_until IS NULL OR p_until > now()) THEN 1::bigint << 59 END;

DROP FUNCTION IF EXISTS triage_co_owners(bigint, bigint[]);

-- What has several owners is handled by itself, so that all of a case is what each of its owners may be told.
CREATE OR REPLACE FUNCTION triage_owner_keys() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    UPDATE triage_chunk c SET grp = regexp_replace(c.grp, ' constituent \d+', ' constituent ' || array_to_string(c.owners, '+'))
        WHERE c.owners IS NOT NULL AND c.grp ~ ' constituent \d+';
END $$;

-- The others beside a case's first owner.
CREATE OR REPLACE FUNCTION triage_case_owners() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM triage_chunk c WHERE c.owners IS NOT NULL) THEN
        INSERT INTO case_owner (case_id, constituent_id)
            SELECT DISTINCT g.case_id, u.owner FROM triage_chunk c
            JOIN triage_group g ON g.grp = c.grp AND g.drill_id = c.drill_id AND g.compartment_id = c.compartment_id
            JOIN incident_case k ON k.id = g.case_id CROSS JOIN LATERAL unnest(c.owners) u(owner)
            WHERE c.owners IS NOT NULL AND c.decision IS NULL AND u.owner IS DISTINCT FROM k.constituent_id ORDER BY 1, 2
            ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- A level more urgent where an owner is critical, or of a sector that the site calls critical and not of low criticality; a level less where all are of low
-- criticality. What a rule says stands over it.
CREATE OR REPLACE FUNCTION owner_priority(p_priority smallint, p_first bigint, p_owners bigint[]) RETURNS smallint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v record;
BEGIN
    IF p_first IS NULL THEN
        RETURN p_priority;
    END IF;
    SELECT bool_or(k.criticality = 'critical' OR (lower(k.sector) = ANY (setting_words('priority.sectors')) AND k.criticality IS DISTINCT FROM 'low')) AS up,
           bool_and(k.criticality = 'low') AS down INTO v FROM constituent k WHERE k.id = p_first OR k.id = ANY (p_owners);
    RETURN CASE WHEN v.up THEN greatest(p_priority - 1, 1) WHEN v.down THEN least(p_priority + 1, 4) ELSE p_priority END;
END $$;

DROP VIEW IF EXISTS visible_case_owner CASCADE;
CREATE VIEW visible_case_owner AS
SELECT o.case_id, o.constituent_id, k.name AS constituent FROM case_owner o JOIN visible_case_key v ON v.id = o.case_id JOIN constituent k ON k.id = o.constituent_id;
