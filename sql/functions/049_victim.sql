-- Whoever was hurt is blocked nowhere: values that are a victim's or a target's, whatever else is said of them elsewhere.

-- Which of these, by their places from 1, were seen as a victim's or target's; of networks, whether such an address lies in one. It counts where somebody
-- we know said so, or where it is a constituent's: else a stranger could take his own servers off every list by calling them victims. What stands in a
-- drill does not count, and what is not for everybody (a compartment, RED) for those only who read it, so that a list tells nobody else of it.
-- By the indexes of sighting, whatever the planner takes an array for.
CREATE OR REPLACE FUNCTION victims_among(p_types smallint[], p_values text[], p_hosts text[], p_addrs inet[]) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_viewer bigint := viewer();
BEGIN
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT u.ord, u.type, u.value, u.host, u.addr FROM unnest(p_types, p_values, p_hosts, p_addrs) WITH ORDINALITY u(type, value, host, addr, ord)),
    hit AS (
        SELECT a.ord, s.report_id, s.origin, s.value, s.host, s.type, s.tlp, s.compartment_id FROM asked a
            CROSS JOIN LATERAL (SELECT x.* FROM sighting x WHERE x.addr = a.addr AND x.type = a.type AND x.role IN (2, 3) AND x.drill_id = 0) s
            WHERE a.addr IS NOT NULL
        UNION ALL SELECT a.ord, s.report_id, s.origin, s.value, s.host, s.type, s.tlp, s.compartment_id FROM asked a
            CROSS JOIN LATERAL (SELECT x.* FROM sighting x WHERE x.addr BETWEEN network(a.addr) AND set_masklen(broadcast(a.addr), CASE family(a.addr) WHEN 4 THEN 32 ELSE 128 END)
                                AND x.addr << a.addr AND x.role IN (2, 3) AND x.drill_id = 0) s
            WHERE a.type = 3 AND a.addr IS NOT NULL
        UNION ALL SELECT a.ord, s.report_id, s.origin, s.value, s.host, s.type, s.tlp, s.compartment_id FROM asked a
            CROSS JOIN LATERAL (SELECT x.* FROM sighting x WHERE x.host IS NOT NULL AND reverse(x.host) = reverse(a.host) AND x.value = a.value AND x.type = a.type
                                AND x.role IN (2, 3) AND x.drill_id = 0) s
            WHERE a.addr IS NULL AND a.host IS NOT NULL
        UNION ALL SELECT a.ord, s.report_id, s.origin, s.value, s.host, s.type, s.tlp, s.compartment_id FROM asked a
            CROSS JOIN LATERAL (SELECT x.* FROM sighting x WHERE x.addr IS NULL AND x.host IS NULL AND hashtextextended(x.value, 0) = hashtextextended(a.value, 0)
                                AND x.value = a.value AND x.type = a.type AND x.role IN (2, 3) AND x.drill_id = 0) s
            WHERE a.addr IS NULL AND a.host IS NULL)
    SELECT DISTINCT h.ord FROM hit h JOIN sender o ON o.id = h.origin
    WHERE ((h.compartment_id = 0 AND h.tlp < 4)
           OR (v_viewer IS NOT NULL AND (h.tlp < 4 OR viewer_reads_report(h.report_id))
               AND (h.compartment_id = 0 OR EXISTS (SELECT FROM compartment_member m WHERE m.compartment_id = h.compartment_id AND m.identity_id = v_viewer))))
      AND (o.identity_id IS NOT NULL OR o.peer_id IS NOT NULL OR reports_vouched(ARRAY[h.report_id], ARRAY[h.origin]) <> '{}'
           OR EXISTS (SELECT FROM find_constituents(observable_type_name(h.type), coalesce(h.host, h.value))));
END $$;
