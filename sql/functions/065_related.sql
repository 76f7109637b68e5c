-- Cases that have to do with each other: they share something rare. Computed when a case is shown, over what the viewer may see, so that neither a
-- link nor a count tells of a hidden case. What that costs is bounded: at most 2,000 sightings of the case are read and 32 values of it looked up, of
-- each two more sightings a way than related.cases says, and of eight that are not settled by these, 500 (docs/PERFORMANCE.md).

-- Which of these reports somebody we know sent: analysts, feeds, peers, and contacts that a record or a person vouches for; of a mail its author, where DMARC
-- or a signature says that he is. What stands on its envelope anybody may write.
DROP FUNCTION IF EXISTS senders_known(bigint[]);
CREATE OR REPLACE FUNCTION reports_vouched(p_reports bigint[], p_origins bigint[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT u.report FROM unnest(p_reports, p_origins) u(report, origin) JOIN sender s ON s.id = u.origin
                 LEFT JOIN report_mail f ON f.report_id = u.report
                 WHERE s.identity_id IS NOT NULL OR s.peer_id IS NOT NULL
                    OR (EXISTS (SELECT FROM contact c WHERE c.address = coalesce(f.author, s.address) AND c.is_known)
                        AND (f.report_id IS NULL OR f.dmarc = 'pass'
                             OR (SELECT v.summary FROM report_verdict v WHERE v.report_id = u.report ORDER BY v.checked DESC LIMIT 1) = 'verified')));
END $$;

-- What a case may be related by, the kinds first that are least often shared by chance. `probe` says how it is looked up: an address, a network, a
-- name (of a domain or URL), or the value as it stands. AS numbers, countries and plain text relate nothing, nor do networks wider than /16 and /32.
CREATE OR REPLACE FUNCTION related_seeds(p_case bigint, p_count int) RETURNS TABLE (probe text, type smallint, value text, addr inet, host text, mine text[])
LANGUAGE plpgsql STABLE ROWS 32 SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT x.probe, min(x.type), x.value, min(x.addr), min(x.host), (array_agg(DISTINCT x.said))[:20]
    FROM (SELECT s.type, s.addr, s.role, CASE WHEN s.type IN (5, 6) AND s.host IS NOT NULL THEN s.host ELSE s.value END AS value, s.host, s.value AS said,
                 CASE WHEN s.type IN (1, 2) THEN 'address' WHEN s.type = 3 THEN 'network' WHEN s.type IN (5, 6) AND s.host IS NOT NULL THEN 'name'
                      WHEN s.host IS NOT NULL THEN 'mail' WHEN s.addr IS NULL THEN 'value' END AS probe
          FROM (SELECT m.report_id, m.received, m.observations FROM visible_member m WHERE m.case_id = p_case ORDER BY m.report_id DESC LIMIT 40) m
          CROSS JOIN LATERAL (SELECT r FROM unnest(m.observations) r LIMIT 40) n(r)
          CROSS JOIN LATERAL (SELECT v.type, v.addr, v.role, v.value, v.host FROM visible_sighting v WHERE v.report_id = m.report_id AND v.received = m.received
                                  AND v.observation_no >= lower(n.r) AND v.observation_no < upper(n.r) LIMIT 500) s
          WHERE s.type NOT IN (4, 16, 17) LIMIT 2000) x
    WHERE x.probe IS NOT NULL AND (x.type <> 3 OR masklen(x.addr) >= CASE family(x.addr) WHEN 4 THEN 16 ELSE 32 END)
    GROUP BY x.probe, x.value
    ORDER BY min(CASE WHEN x.type IN (8, 9, 10, 11, 18) THEN 1 WHEN x.type IN (6, 7, 13, 19) THEN 2 WHEN x.type IN (1, 2, 5) THEN 3 WHEN x.type = 3 THEN 4 ELSE 5 END),
             min(CASE x.role WHEN 1 THEN 1 WHEN 4 THEN 1 ELSE 2 END), count(*), x.value LIMIT p_count;
END $$;

-- Where else these values (of related_seeds) were seen, at most p_limit sightings of each value and way: each case with one, the value there, and whether
-- somebody we know put it in. `seen` is how many sightings were looked at; of a value in no other case that is all there is. One statement for all
-- values, by index only: whatever the planner thinks, a table is never read as a whole.
CREATE OR REPLACE FUNCTION related_found(p_case bigint, p_no int[], p_probe text[], p_value text[], p_addr inet[], p_host text[], p_mine text[], p_limit int)
RETURNS TABLE (no int, case_id bigint, theirs text, is_vouched boolean, seen int)
LANGUAGE plpgsql STABLE ROWS 100 SET search_path = cirt, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    WITH seed AS MATERIALIZED (
        SELECT * FROM unnest(p_no, p_probe, p_value, p_addr, p_host, p_mine) u(no, probe, value, addr, host, mine)),
    hit AS MATERIALIZED (
        SELECT d.no, x.report_id, x.observation_no, x.origin, x.value FROM seed d
            CROSS JOIN LATERAL (SELECT s.report_id, s.observation_no, s.origin, s.value FROM visible_sighting s WHERE s.addr = d.addr LIMIT p_limit) x
            WHERE d.probe = 'address'
        UNION ALL SELECT d.no, x.report_id, x.observation_no, x.origin, x.value FROM seed d
            CROSS JOIN LATERAL (SELECT s.report_id, s.observation_no, s.origin, s.value FROM visible_sighting s WHERE s.type = 3 AND s.addr >> d.addr
                                    AND masklen(s.addr) >= CASE family(d.addr) WHEN 4 THEN 16 ELSE 32 END LIMIT p_limit) x
            WHERE d.probe = 'address'
        UNION ALL SELECT d.no, x.report_id, x.observation_no, x.origin, x.value FROM seed d
            CROSS JOIN LATERAL (SELECT s.report_id, s.observation_no, s.origin, s.value FROM visible_sighting s WHERE s.type <> 3
                                    AND s.addr BETWEEN host(network(d.addr))::inet AND host(broadcast(d.addr))::inet LIMIT p_limit) x
            WHERE d.probe = 'network'
        UNION ALL SELECT d.no, x.report_id, x.observation_no, x.origin, x.value FROM seed d
            CROSS JOIN LATERAL (SELECT s.report_id, s.observation_no, s.origin, s.value FROM visible_sighting s WHERE s.type = 3 AND s.addr && d.addr
                                    AND masklen(s.addr) >= CASE family(d.addr) WHEN 4 THEN 16 ELSE 32 END LIMIT p_limit) x
            WHERE d.probe = 'network'
        UNION ALL SELECT d.no, x.report_id, x.observation_no, x.origin, x.value FROM seed d
            CROSS JOIN LATERAL (SELECT s.report_id, s.observation_no, s.origin, s.value FROM visible_sighting s WHERE s.host IS NOT NULL
                                    AND reverse(s.host) = reverse(d.host) AND CASE d.probe WHEN 'name' THEN s.type IN (5, 6) ELSE s.value = d.value END LIMIT p_limit) x
            WHERE d.probe IN ('name', 'mail')
        UNION ALL SELECT d.no, x.report_id, x.observation_no, x.origin, x.value FROM seed d
            CROSS JOIN LATERAL (SELECT s.report_id, s.observation_no, s.origin, s.value FROM visible_sighting s WHERE s.addr IS NULL AND s.host IS NULL
                                    AND hashtextextended(s.value, 0) = hashtextextended(d.value, 0) AND s.value = d.value LIMIT p_limit) x
            WHERE d.probe = 'value'),
    elsewhere AS MATERIALIZED (
        SELECT h.no, m.case_id, h.report_id, h.origin, h.value FROM hit h
        JOIN visible_member m ON m.report_id = h.report_id AND m.observations @> h.observation_no WHERE m.case_id <> p_case),
    who AS MATERIALIZED (SELECT DISTINCT e.report_id, e.origin FROM elsewhere e),
    vouched AS MATERIALIZED (SELECT reports_vouched(array_agg(w.report_id), array_agg(w.origin)) AS reports FROM who w)
    SELECT d.no, g.case_id, g.theirs, g.is_vouched, coalesce(c.seen, 0)::int
    FROM seed d LEFT JOIN (SELECT h.no, count(*) AS seen FROM hit h GROUP BY h.no) c ON c.no = d.no LEFT JOIN (
        SELECT e.no, e.case_id, coalesce(min(e.value) FILTER (WHERE e.value = ANY (string_to_array(f.mine, E'\x01'))), min(e.value)) AS theirs,
               bool_or(e.report_id = ANY (v.reports)) AS is_vouched
        FROM elsewhere e JOIN seed f ON f.no = e.no CROSS JOIN vouched v GROUP BY e.no, e.case_id) g ON g.no = d.no;
END $$;

-- Which of these values (by their place) stand on a known-good list: they relate nothing.
CREATE OR REPLACE FUNCTION related_known_good(p_types smallint[], p_values text[], p_hosts text[], p_addrs inet[]) RETURNS int[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT g.ord FROM known_good(p_types, p_values, p_hosts, p_addrs) g);
END $$;

-- "198.51.100.7 in both", and how a range or name stands to what is there.
CREATE OR REPLACE FUNCTION related_reason(p_probe text, p_value text, p_mine text, p_theirs text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN p_theirs = ANY (string_to_array(p_mine, E'\x01')) THEN p_theirs || ' in both'
            WHEN p_probe IN ('address', 'network') AND p_value::inet << p_theirs::inet THEN p_value || ' here is in ' || p_theirs || ' there'
            WHEN p_probe IN ('address', 'network') THEN p_value || ' here has ' || p_theirs || ' there in it'
            ELSE p_value || ' here, ' || p_theirs || ' there' END;

-- {related: the ten nearest cases with at most three reasons each, first what known senders said, rarest first; common: what is in too many cases to
-- relate any}.
CREATE OR REPLACE FUNCTION case_related(p_case bigint) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_above int := setting_number('related.cases');
    v_drill int := (SELECT k.drill_id FROM visible_case_key k WHERE k.id = p_case);
    v_limit int := v_above + 2;
    v_type smallint[];
    v_no int[];
    v_probe text[];
    v_value text[];
    v_addr inet[];
    v_host text[];
    v_mine text[];
    v_good int;
    v_many int[];
    r_no int[];
    r_case bigint[];
    r_theirs text[];
    r_vouched boolean[];
    r_seen int[];
BEGIN
    SELECT array_agg(s.type ORDER BY s.no), array_agg(s.no::int ORDER BY s.no), array_agg(s.probe ORDER BY s.no), array_agg(s.value ORDER BY s.no),
           array_agg(s.addr ORDER BY s.no), array_agg(s.host ORDER BY s.no), array_agg(array_to_string(s.mine, E'\x01') ORDER BY s.no)
        INTO v_type, v_no, v_probe, v_value, v_addr, v_host, v_mine
        FROM related_seeds(p_case, 32) WITH ORDINALITY s(probe, type, value, addr, host, mine, no);
    IF v_no IS NULL THEN
        RETURN '{"common": [], "related": []}';
    END IF;
    FOREACH v_good IN ARRAY related_known_good(v_type, v_value, v_host, v_addr) LOOP
        v_probe[v_good] := NULL;
    END LOOP;
    -- Most values are rare, and of a common one a few sightings show it. What was seen often, but not in many cases, is looked at closer.
    SELECT array_agg(f.no), array_agg(f.case_id), array_agg(f.theirs), array_agg(f.is_vouched), array_agg(f.seen) INTO r_no, r_case, r_theirs, r_vouched, r_seen
        FROM related_found(p_case, v_no, v_probe, v_value, v_addr, v_host, v_mine, v_limit) f;
    v_many := ARRAY(SELECT u.no FROM unnest(r_no, r_vouched, r_seen) u(no, is_vouched, seen) GROUP BY u.no
                    HAVING max(u.seen) >= v_limit AND count(*) FILTER (WHERE u.is_vouched) < v_above ORDER BY u.no LIMIT 8);
    IF v_many <> '{}' THEN
        SELECT array_agg(x.no), array_agg(x.case_id), array_agg(x.theirs), array_agg(x.is_vouched) INTO r_no, r_case, r_theirs, r_vouched FROM (
            SELECT u.no, u.case_id, u.theirs, u.is_vouched FROM unnest(r_no, r_case, r_theirs, r_vouched) u(no, case_id, theirs, is_vouched) WHERE u.no <> ALL (v_many)
            UNION ALL SELECT f.no, f.case_id, f.theirs, f.is_vouched FROM related_found(p_case, v_many, ARRAY(SELECT v_probe[i] FROM unnest(v_many) i),
                ARRAY(SELECT v_value[i] FROM unnest(v_many) i), ARRAY(SELECT v_addr[i] FROM unnest(v_many) i), ARRAY(SELECT v_host[i] FROM unnest(v_many) i),
                ARRAY(SELECT v_mine[i] FROM unnest(v_many) i), 500) f) x;
    END IF;
    -- This case is one of those that have it.
    RETURN (WITH found AS MATERIALIZED (
            SELECT u.*, count(*) FILTER (WHERE u.is_vouched) OVER (PARTITION BY u.no) AS known FROM unnest(r_no, r_case, r_theirs, r_vouched) u(no, case_id, theirs, is_vouched)),
        nearest AS (
            SELECT f.case_id, count(*) AS shared, min(f.known) AS rarity, bool_or(f.is_vouched) AS is_vouched, (array_agg(f.no ORDER BY f.known, f.no))[:3] AS nos,
                   (array_agg(f.theirs ORDER BY f.known, f.no))[:3] AS theirs
            FROM found f JOIN visible_case_key j ON j.id = f.case_id AND j.drill_id = v_drill AND j.state <> 'merged' WHERE f.known < v_above
            GROUP BY f.case_id ORDER BY bool_or(f.is_vouched) DESC, min(f.known), count(*) DESC, f.case_id DESC LIMIT 10)
        SELECT json_build_object('common', (
                SELECT coalesce(json_agg(json_build_object('type', observable_type_name(v_type[c.no]), 'value', v_value[c.no]) ORDER BY c.no), '[]')
                FROM (SELECT DISTINCT f.no FROM found f WHERE f.known >= v_above) c),
            'related', (
                SELECT coalesce(json_agg(json_build_object('case', k.name, 'number', k.number, 'class', k.class, 'state', k.state, 'tlp', tlp_name(k.tlp), 'shared', r.shared, 'reasons', (
                           SELECT json_agg(json_build_object('type', observable_type_name(v_type[u.no]), 'value', v_value[u.no], 'theirs', u.theirs,
                                                             'text', related_reason(v_probe[u.no], v_value[u.no], v_mine[u.no], u.theirs)) ORDER BY u.n)
                           FROM unnest(r.nos, r.theirs) WITH ORDINALITY u(no, theirs, n))) ORDER BY r.is_vouched DESC, r.rarity, r.shared DESC, r.case_id DESC), '[]')
                FROM nearest r JOIN visible_case_key k ON k.id = r.case_id)));
END $$;
