-- Indicators: what reports and analysts mark for detection, what was withdrawn, and the lists that leave.

DROP VIEW IF EXISTS visible_indicator_said, visible_indicator_seen, visible_indicator_mark, visible_export, visible_export_item, known_sender, vouched_mail, refuted_case CASCADE;

-- Whose word marks something for detection: those we registered, and contacts of whom DMARC or a signature proves that they wrote (as reports_vouched()).
-- Anybody may mail a document that calls a bank's name an indicator.
CREATE VIEW known_sender AS SELECT s.id FROM sender s WHERE s.identity_id IS NOT NULL OR s.peer_id IS NOT NULL;
CREATE VIEW vouched_mail AS
SELECT f.report_id FROM report_mail f JOIN contact c ON c.address = f.author AND c.is_known
WHERE f.dmarc = 'pass' OR (SELECT v.summary FROM report_verdict v WHERE v.report_id = f.report_id ORDER BY v.checked DESC LIMIT 1) = 'verified';

-- Cases that people rejected or closed as false positives, with when; and what was merged into such a one.
CREATE VIEW refuted_case AS
WITH RECURSIVE refuted AS (
    SELECT c.id, c.closed FROM incident_case c WHERE c.state = 'rejected' OR (c.state = 'closed' AND c.resolution = 'false-positive')
    UNION SELECT c.id, r.closed FROM refuted r JOIN incident_case c ON c.merged_into = r.id)
SELECT r.id, r.closed FROM refuted r;

-- Marked by a report of somebody known, and not withdrawn; victims and targets are never indicators, and a drill has none. Nor has what nobody took on: a
-- peer's document that was declined or is not decided on yet, a mail that is held, a report that was dropped; of one of which a part is in a case, that
-- part counts.
CREATE VIEW visible_indicator_said AS
SELECT s.type, s.value, s.role, s.tlp, s.pap, s.confidence, s.valid_until AS until, s.addr, s.host, s.received AS marked, s.personal, s.report_id,
       s.observation_no, NULL::bigint AS case_number, NULL::bigint AS case_id, s.compartment_id <> 0 AS restricted
FROM visible_sighting s
WHERE s.is_indicator AND s.role NOT IN (2, 3) AND s.drill_id = 0
  AND (EXISTS (SELECT FROM known_sender k WHERE k.id = s.origin) OR EXISTS (SELECT FROM vouched_mail m WHERE m.report_id = s.report_id))
  AND NOT EXISTS (SELECT FROM indicator_withdrawal w WHERE md5(w.value) = md5(s.value) AND w.type = s.type AND w.ended IS NULL)
  AND NOT EXISTS (SELECT FROM report_outcome o WHERE o.report_id = s.report_id AND o.state IN ('held', 'dropped')
                  AND NOT EXISTS (SELECT FROM case_member m WHERE m.report_id = s.report_id AND m.until IS NULL AND m.observations @> s.observation_no));

-- Of these what is in no refuted case; an observation is in one case. For whole lists: what was refuted is put together for all of it first.
CREATE VIEW visible_indicator_seen AS
SELECT s.* FROM visible_indicator_said s LEFT JOIN (
    SELECT m.report_id, range_agg(m.observations) AS observations FROM refuted_case r JOIN case_member m ON m.case_id = r.id WHERE m.until IS NULL GROUP BY m.report_id) x
    ON x.report_id = s.report_id
WHERE (x.observations @> s.observation_no) IS NOT TRUE;

-- Marked by an analyst in a case that the viewer may see; after its end, where the case was refuted.
CREATE VIEW visible_indicator_mark AS
SELECT m.type, m.value, m.role, m.tlp, m.pap, m.confidence, m.until, m.addr, m.host, m.marked, m.type = 7 AS personal,
       NULL::bigint AS report_id, NULL::int AS observation_no, v.number::bigint AS case_number, m.case_id, m.compartment_id <> 0 AS restricted
FROM indicator_mark m JOIN visible_case_key v ON v.id = m.case_id
WHERE m.ended IS NULL AND m.drill_id = 0 AND (m.tlp < 4 OR viewer_reads_case(m.case_id))
  AND NOT EXISTS (SELECT FROM refuted_case r WHERE r.id = m.case_id AND r.closed >= m.marked);

-- Only one's own: what another one asked for he was allowed to see, perhaps I am not. For a day: the clock takes items away after that, and half a list
-- would be taken for a whole one.
CREATE VIEW visible_export AS
SELECT x.id, x.made, x.format, x.filter, x.ceiling, x.tlp, x.items, x.withheld, x.at_type IS NULL AS is_whole
FROM export x WHERE x.made_by = viewer() AND x.made > now() - interval '1 day';
CREATE VIEW visible_export_item AS
SELECT i.export_id, i.type, i.start, i.no, i.content FROM export_item i JOIN visible_export x ON x.id = i.export_id WHERE x.is_whole;

-- The cases a value is in, with those in which an analyst marked it.
CREATE OR REPLACE FUNCTION indicator_cases(p_value text, p_addr inet, p_host text, p_marked bigint[]) RETURNS bigint[] LANGUAGE sql STABLE
RETURN ARRAY(SELECT DISTINCT n FROM unnest(find_case_numbers(p_value, p_addr, p_host, NULL) || p_marked) n WHERE n IS NOT NULL ORDER BY n DESC);

-- What of a case is an indicator now: said by its reports, or marked in it. An analyst's mark says until when and how sure.
CREATE OR REPLACE FUNCTION case_indicators(p_case bigint) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT coalesce(json_agg(json_build_object('type', observable_type_name(g.type), 'value', g.value, 'role', sighting_role_name(g.role), 'tlp', tlp_name(g.tlp),
            'confidence', g.confidence, 'until', time_text(g.expires), 'marked', time_text(g.marked), 'by', CASE WHEN g.by_analyst THEN 'analyst' ELSE 'report' END)
            ORDER BY g.type, g.value), '[]')
    FROM (
        SELECT x.type, x.value, min(x.role) AS role, max(x.tlp) AS tlp, max(x.confidence) AS confidence, max(x.marked) AS marked,
               CASE WHEN bool_and(x.until IS NOT NULL) THEN max(x.until) END AS expires, bool_or(x.case_id IS NOT NULL) AS by_analyst
        FROM (SELECT m.* FROM visible_indicator_mark m WHERE m.case_id = p_case
              UNION ALL
              (SELECT s.* FROM visible_member m
                   JOIN visible_indicator_said s ON s.report_id = m.report_id AND s.marked = m.received AND m.observations @> s.observation_no
               WHERE m.case_id = p_case AND NOT EXISTS (SELECT FROM refuted_case r WHERE r.id = p_case) ORDER BY s.report_id DESC LIMIT 20000)) x
        GROUP BY x.type, x.value ORDER BY x.type, x.value LIMIT 1000) g);
END $$;

-- Where values of a case were seen, for its document, by statement_key(): {statements:[{in time count class protocol source_port target_port}] further}, one for each
-- observation that says the value in that role, the newest first. in is the same for what stood together. Of all values not more than fit into a document,
-- of what was said most often the newest; further {time last count} sums up the others. An object: joins would be planned for a few values.
CREATE OR REPLACE FUNCTION statement_key(p_type smallint, p_role smallint, p_value text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN p_type || ' ' || p_role || ' ' || p_value;
CREATE OR REPLACE FUNCTION case_statements(p_case bigint, p_types smallint[], p_roles smallint[], p_values text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RETURN (
        WITH said AS (
            SELECT statement_key(s.type, s.role, s.value) AS key, s.report_id, s.observation_no, coalesce(o.time, s.received) AS time, o.count, o.class, o.protocol,
                   o.source_port, o.target_port
            FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND s.received = m.received AND m.observations @> s.observation_no
                JOIN visible_observation o ON o.report_id = s.report_id AND o.received = s.received AND o.no = s.observation_no
            WHERE m.case_id = p_case AND CASE WHEN statement_key(s.type, s.role, s.value) IN (
                SELECT statement_key(u.type, u.role, u.value) FROM unnest(p_types, p_roles, p_values) u(type, role, value)) THEN true END),
        aged AS (SELECT d.*, row_number() OVER (PARTITION BY d.key ORDER BY d.report_id DESC, d.observation_no DESC) AS age FROM said d),
        placed AS (SELECT d.*, row_number() OVER (ORDER BY d.age) <= 50000 AS fits FROM aged d),
        told AS (
            SELECT p.key, json_agg(json_strip_nulls(json_build_object('in', p.report_id || '.' || p.observation_no, 'time', time_text(p.time), 'count', p.count,
                       'class', p.class, 'protocol', p.protocol, 'source_port', p.source_port, 'target_port', p.target_port)) ORDER BY p.age) FILTER (WHERE p.fits) AS statements,
                   CASE WHEN NOT bool_and(p.fits) THEN json_build_object('time', time_text(min(p.time) FILTER (WHERE NOT p.fits)), 'last',
                       time_text(max(p.time) FILTER (WHERE NOT p.fits)), 'count', least(sum(p.count) FILTER (WHERE NOT p.fits), 9223372036854775807)) END AS further
            FROM placed p GROUP BY p.key)
        SELECT jsonb_object_agg(t.key, json_build_object('statements', t.statements, 'further', t.further)) FROM told t);
END $$;

-- All values of a case, each with each of its roles once, by pages: what was seen, and what an analyst marked though nobody saw it. In the order of type,
-- role and digest; cursor is where the next page goes on. AS number and country stand beside their address, as in case_observables(). With its statements for
-- who writes a document.
SELECT drop_overloads('case_values');
CREATE OR REPLACE FUNCTION case_values(p_case bigint, p_after text, p_limit bigint, p_with_statements boolean) RETURNS TABLE (item json, cursor text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_type smallint := coalesce(nullif(split_part(p_after, '.', 1), ''), '0')::smallint;
    v_role smallint := coalesce(nullif(split_part(p_after, '.', 2), ''), '0')::smallint;
    v_digest text := coalesce(split_part(p_after, '.', 3), '');
    v_is_refuted boolean := EXISTS (SELECT FROM refuted_case r WHERE r.id = p_case);
    v_has_address boolean := EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND s.received = m.received
        AND m.observations @> s.observation_no WHERE m.case_id = p_case AND s.addr IS NOT NULL);
BEGIN
    RETURN QUERY
    WITH mark AS MATERIALIZED (
        SELECT k.type, k.value, min(k.host) AS host, min(k.role) AS role, max(k.tlp) AS tlp, max(k.pap) AS pap, max(k.confidence) AS confidence, max(k.marked) AS marked,
               CASE WHEN bool_and(k.until IS NOT NULL) THEN max(k.until) END AS until
        FROM visible_indicator_mark k WHERE k.case_id = p_case GROUP BY k.type, k.value),
    seen AS MATERIALIZED (
        SELECT s.type, s.role, s.value, md5(s.value) AS digest, min(coalesce(o.time, s.received)) AS first, max(coalesce(o.time, s.received)) AS last,
               max(s.tlp) AS tlp, max(s.pap) AS pap, min(s.addr) AS addr, min(s.host) AS host, max(ARRAY[s.report_id, s.observation_no]) AS newest,
               bool_or(s.is_indicator AND s.role NOT IN (2, 3) AND s.drill_id = 0 AND (EXISTS (SELECT FROM known_sender k WHERE k.id = s.origin)
                   OR EXISTS (SELECT FROM vouched_mail v WHERE v.report_id = s.report_id))) AS indicator,
               max(s.confidence) FILTER (WHERE s.is_indicator) AS confidence,
               CASE WHEN bool_and(s.valid_until IS NOT NULL) FILTER (WHERE s.is_indicator) THEN max(s.valid_until) FILTER (WHERE s.is_indicator) END AS until,
               least(sum(o.count), 9223372036854775807) AS count, min(o.protocol) AS protocol,
               CASE WHEN min(o.source_port) = max(o.source_port) THEN min(o.source_port) END AS source_port,
               CASE WHEN min(o.target_port) = max(o.target_port) THEN min(o.target_port) END AS target_port
        FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND s.received = m.received AND m.observations @> s.observation_no
            LEFT JOIN visible_observation o ON o.report_id = s.report_id AND o.received = s.received AND o.no = s.observation_no
        WHERE m.case_id = p_case AND (s.type, s.role, md5(s.value)) > (v_type, v_role, v_digest) AND (s.type NOT IN (4, 16) OR NOT v_has_address)
        GROUP BY s.type, s.role, s.value ORDER BY s.type, s.role, 4 LIMIT p_limit),
    unseen AS (
        SELECT k.type, k.role, k.value, md5(k.value) AS digest, k.marked AS first, k.marked AS last, k.tlp, k.pap, CASE WHEN k.type <= 3 THEN k.value::inet END AS addr, k.host, NULL::bigint[] AS newest, false AS indicator,
               NULL::smallint AS confidence, NULL::timestamptz AS until, NULL::numeric AS count, NULL::text AS protocol, NULL::int AS source_port, NULL::int AS target_port
        FROM mark k WHERE (k.type, k.role, md5(k.value)) > (v_type, v_role, v_digest) AND NOT EXISTS (
            SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND s.received = m.received AND m.observations @> s.observation_no
            WHERE m.case_id = p_case AND s.type = k.type AND s.value = k.value)),
    page AS MATERIALIZED (SELECT * FROM (SELECT * FROM seen UNION ALL SELECT * FROM unseen) u ORDER BY u.type, u.role, u.digest LIMIT p_limit),
    marked AS (
        SELECT array_agg(g.type) AS types, array_agg(g.value) AS values, array_agg(g.host) AS hosts, array_agg(g.addr) AS addrs
        FROM page g WHERE g.role NOT IN (2, 3) AND (g.indicator OR EXISTS (SELECT FROM mark k WHERE k.type = g.type AND k.value = g.value))),
    victim AS MATERIALIZED (SELECT DISTINCT m.types[v] AS type, m.values[v] AS value FROM marked m CROSS JOIN LATERAL victims_among(m.types, m.values, m.hosts, m.addrs) v),
    told AS MATERIALIZED (SELECT case_statements(p_case, array_agg(g.type), array_agg(g.role), array_agg(g.value)) AS all FROM page g WHERE p_with_statements)
    SELECT json_build_object('type', observable_type_name(g.type), 'value', g.value, 'role', sighting_role_name(g.role), 'tlp', tlp_name(greatest(g.tlp, k.tlp)),
               'pap', tlp_name(greatest(g.pap, k.pap)), 'first_seen', time_text(g.first), 'last_seen', time_text(g.last),
               'asn', CASE WHEN g.addr IS NOT NULL THEN (SELECT min(a.value) FROM visible_sighting a WHERE a.report_id = g.newest[1] AND a.observation_no = g.newest[2]
                   AND a.role = g.role AND a.type = 4) END,
               'country', CASE WHEN g.addr IS NOT NULL THEN (SELECT min(a.value) FROM visible_sighting a WHERE a.report_id = g.newest[1] AND a.observation_no = g.newest[2]
                   AND a.role = g.role AND a.type = 16) END,
               'count', g.count, 'protocol', g.protocol, 'source_port', g.source_port, 'target_port', g.target_port,
               'indicator', i.yes, 'confidence', CASE WHEN i.yes THEN coalesce(k.confidence, g.confidence) END,
               'until', CASE WHEN i.yes THEN time_text(CASE WHEN k.type IS NOT NULL THEN k.until ELSE g.until END) END,
               'statements', d.said -> 'statements', 'further', CASE WHEN p_with_statements AND d.said IS NULL THEN jsonb_build_object('time', time_text(g.first), 'last',
                   time_text(g.last), 'count', g.count) ELSE d.said -> 'further' END),
           format('%s.%s.%s', g.type, g.role, g.digest)
    FROM page g LEFT JOIN mark k ON k.type = g.type AND k.value = g.value
        CROSS JOIN LATERAL (SELECT (SELECT t.all FROM told t) -> statement_key(g.type, g.role, g.value) AS said OFFSET 0) d
        CROSS JOIN LATERAL (SELECT g.role NOT IN (2, 3) AND NOT EXISTS (SELECT FROM victim x WHERE x.type = g.type AND x.value = g.value) AND (k.type IS NOT NULL OR (g.indicator AND NOT v_is_refuted AND NOT EXISTS (
            SELECT FROM indicator_withdrawal w WHERE md5(w.value) = md5(g.value) AND w.type = g.type AND w.ended IS NULL))) AS yes) i
    ORDER BY g.type, g.role, g.digest;
END $$;

-- What a history says of marks that stand in it: each by its value; those that stay with few (p_stays) by their number and, in details, their rows.
CREATE OR REPLACE FUNCTION indicator_names(p_marks bigint[], p_values text[], p_stays boolean[], OUT text text, OUT details jsonb, OUT stays boolean)
LANGUAGE sql IMMUTABLE AS $$
    SELECT concat_ws(' and ', left(string_agg(DISTINCT u.value, ', ') FILTER (WHERE NOT u.stays), 300),
               CASE WHEN bool_or(u.stays) THEN format('%s TLP:RED value%s', count(*) FILTER (WHERE u.stays), CASE WHEN count(*) FILTER (WHERE u.stays) > 1 THEN 's' END) END),
           jsonb_build_object('values', jsonb_agg(DISTINCT left(u.value, 300)) FILTER (WHERE NOT u.stays), 'marks', jsonb_agg(u.mark ORDER BY u.mark) FILTER (WHERE u.stays)),
           bool_or(u.stays)
    FROM unnest(p_marks, p_values, p_stays) u(mark, value, stays) $$;

-- Marks values in a case. The label is never wider than what the case's reports say of the value; nor is the PAP, or, of what they do not have, the case's. Everybody who sees the case reads its history: what is
-- RED in a case that is not, and why, stays in the mark.
CREATE OR REPLACE FUNCTION indicator_add(p_ref text, p_types smallint[], p_values text[], p_hosts text[], p_role text, p_tlp text, p_confidence int,
                                         p_until timestamptz, p_reason text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case;
    v_tlp smallint := tlp_number(lower(p_tlp));
    v_role smallint := (SELECT r FROM generate_series(1, 5) r WHERE sighting_role_name(r) = coalesce(lower(p_role), 'infrastructure'));
    v_names record;
    v record;
BEGIN
    SELECT * INTO c FROM incident_case k WHERE k.id = case_find(p_ref) FOR UPDATE;
    IF coalesce(btrim(p_reason, E' \t\r\n'), '') = '' THEN
        PERFORM refuse('CI422', 'marking an indicator needs a reason', 'cirt indicator add VALUE --case N -m WHY');
    ELSIF c.drill_id <> 0 THEN
        PERFORM refuse('CI422', 'a drill has no indicators', 'they would be blocked in earnest');
    ELSIF p_tlp IS NOT NULL AND v_tlp IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is no label', left(p_tlp, 100)), 'one of clear, green, amber, amber+strict, red');
    ELSIF v_role IS NULL OR v_role IN (2, 3) THEN
        PERFORM refuse('CI422', format('an indicator is source, infrastructure or other, not "%s"', left(p_role, 100)), 'victims and targets are never indicators');
    ELSIF p_confidence NOT BETWEEN 0 AND 100 THEN
        PERFORM refuse('CI422', 'confidence is a number from 0 to 100', NULL, '{"at": "/confidence"}');
    ELSIF p_until <= now() THEN
        PERFORM refuse('CI422', 'until is over already', NULL, '{"at": "/until"}');
    END IF;
    CREATE TEMP TABLE indicator_wanted ON COMMIT DROP AS
        SELECT u.type, u.value, min(u.host) AS host, max(s.tlp) AS tlp, max(s.pap) AS pap, coalesce(bool_or(s.role IN (2, 3)), false) AS hurt,
               bool_or(s.value IS NOT NULL) AS seen
        FROM unnest(p_types, p_values, p_hosts) u(type, value, host)
            LEFT JOIN (SELECT i.type, i.value, i.role, i.tlp, i.pap FROM visible_member m
                JOIN visible_sighting i ON i.report_id = m.report_id AND i.received = m.received AND m.observations @> i.observation_no
                WHERE m.case_id = c.id) s ON s.type = u.type AND s.value = u.value
        GROUP BY u.type, u.value;
    FOR v IN SELECT w.value, w.tlp, w.hurt FROM indicator_wanted w WHERE w.hurt OR v_tlp < w.tlp ORDER BY w.value LIMIT 1 LOOP
        IF v.hurt THEN
            PERFORM refuse('CI422', format('"%s" is a victim''s or target''s in case %s', left(v.value, 100), c.number), 'victims and targets are never indicators');
        END IF;
        PERFORM refuse('CI422', format('TLP:%s is wider than what was reported of "%s", TLP:%s', upper(tlp_name(v_tlp)), left(v.value, 100), upper(tlp_name(v.tlp))),
                       'ask its sender, or leave --tlp out');
    END LOOP;
    FOR v IN SELECT w.value FROM (SELECT array_agg(x.type) AS types, array_agg(x.value) AS values, array_agg(x.host) AS hosts,
                 array_agg(CASE WHEN x.type <= 3 THEN x.value::inet END) AS addrs FROM indicator_wanted x) a
             CROSS JOIN LATERAL (SELECT a.values[h] AS value FROM victims_among(a.types, a.values, a.hosts, a.addrs) h) w ORDER BY 1 LIMIT 1 LOOP
        PERFORM refuse('CI422', format('"%s" was a victim''s or target''s elsewhere', left(v.value, 100)), format('victims and targets are never indicators: cirt find %s', left(v.value, 100)));
    END LOOP;
    UPDATE indicator_withdrawal w SET ended = now() FROM indicator_wanted x
        WHERE md5(w.value) = md5(x.value) AND w.type = x.type AND w.ended IS NULL;
    UPDATE indicator_mark m SET ended = now() FROM indicator_wanted x
        WHERE m.case_id = c.id AND m.value = x.value AND m.type = x.type AND m.ended IS NULL;
    INSERT INTO indicator_mark (case_id, drill_id, compartment_id, type, value, role, addr, host, tlp, pap, confidence, until, reason, marked_by)
        SELECT c.id, c.drill_id, c.compartment_id, x.type, x.value, v_role, CASE WHEN x.type <= 3 THEN x.value::inet END, x.host,
               coalesce(v_tlp, greatest(x.tlp, c.tlp)), greatest(x.pap, CASE WHEN x.seen THEN (
                   SELECT max(tlp_number(r.value)) FROM case_rule r WHERE r.case_id = c.id AND r.kind = 'pap' AND tlp_number(r.value) <= c.pap) ELSE c.pap END), p_confidence, p_until, p_reason, viewer() FROM indicator_wanted x;
    SELECT n.* INTO v_names FROM (
        SELECT array_agg(m.id) AS marks, array_agg(m.value) AS values, array_agg(m.tlp = 4 AND c.tlp < 4) AS stays
        FROM indicator_mark m JOIN indicator_wanted x ON x.value = m.value AND x.type = m.type WHERE m.case_id = c.id AND m.ended IS NULL) a
        CROSS JOIN LATERAL indicator_names(a.marks, a.values, a.stays) n;
    PERFORM case_save(c, 'indicator', format('marks %s as indicator%s', v_names.text, CASE WHEN (SELECT count(*) FROM indicator_wanted) > 1 THEN 's' END)
            || CASE WHEN v_names.stays THEN '' ELSE ': ' || left(p_reason, 300) END,
        v_names.details || jsonb_build_object('until', time_text(p_until), 'confidence', p_confidence, 'tlp', tlp_name(v_tlp)));
    RETURN json_build_object('case', c.number, 'items', (
        SELECT json_agg(json_build_object('type', observable_type_name(m.type), 'value', m.value, 'role', sighting_role_name(m.role), 'tlp', tlp_name(m.tlp),
            'confidence', m.confidence, 'until', time_text(m.until)) ORDER BY m.type, m.value)
        FROM indicator_mark m JOIN indicator_wanted x ON x.value = m.value AND x.type = m.type WHERE m.case_id = c.id AND m.ended IS NULL));
END $$;

-- Where the viewer sees that a value is marked: in a case, or by reports (case_id NULL).
CREATE OR REPLACE FUNCTION indicator_places(p_type smallint, p_value text, p_host text) RETURNS TABLE (case_id bigint, tlp smallint, restricted boolean)
LANGUAGE sql STABLE AS $$
    SELECT m.case_id, m.tlp, m.restricted FROM visible_indicator_mark m WHERE m.value = p_value AND m.type = p_type
    UNION ALL
    SELECT NULL, s.tlp, s.restricted FROM visible_indicator_said s WHERE s.type = p_type AND s.addr = CASE WHEN p_type <= 3 THEN p_value::inet END
    UNION ALL
    SELECT NULL, s.tlp, s.restricted FROM visible_indicator_said s
        WHERE p_type > 3 AND s.host IS NOT NULL AND reverse(s.host) = reverse(p_host) AND s.value = p_value AND s.type = p_type
    UNION ALL
    SELECT NULL, s.tlp, s.restricted FROM visible_indicator_said s
        WHERE p_type > 3 AND p_host IS NULL AND s.addr IS NULL AND s.host IS NULL AND hashtextextended(s.value, 0) = hashtextextended(p_value, 0)
          AND s.value = p_value AND s.type = p_type $$;

-- Takes marks away, an analyst's and those of reports; all of them, or none where one is no indicator that the caller sees. The history of each case names
-- what was marked in it, as indicator_add(); the reason, which may speak of all of them, only where none of them is for few elsewhere.
CREATE OR REPLACE FUNCTION indicator_withdraw(p_types smallint[], p_values text[], p_hosts text[], p_reason text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_missing text;
    v_few bigint[];
    v_cases bigint[];
    v_texts text[];
    v_details jsonb[];
BEGIN
    IF coalesce(btrim(p_reason, E' \t\r\n'), '') = '' THEN
        PERFORM refuse('CI422', 'withdrawing an indicator needs a reason', 'cirt indicator rm VALUE -m WHY');
    END IF;
    SELECT min(u.value) INTO v_missing FROM unnest(p_types, p_values, p_hosts) u(type, value, host)
        WHERE NOT EXISTS (SELECT FROM indicator_places(u.type, u.value, u.host));
    IF v_missing IS NOT NULL THEN
        PERFORM refuse('CI404', format('"%s" is no indicator', left(v_missing, 100)), 'cirt indicator ls');
    END IF;
    v_few := ARRAY(SELECT DISTINCT coalesce(w.case_id, 0) FROM unnest(p_types, p_values, p_hosts) u(type, value, host)
                   CROSS JOIN LATERAL indicator_places(u.type, u.value, u.host) w WHERE w.tlp = 4 OR w.restricted);
    WITH ended AS (
        UPDATE indicator_mark m SET ended = now() FROM unnest(p_types, p_values) u(type, value), incident_case k
        WHERE m.value = u.value AND m.type = u.type AND m.ended IS NULL AND k.id = m.case_id RETURNING m.case_id, m.id, m.value, m.tlp = 4 AND k.tlp < 4 AS stays)
    SELECT array_agg(e.case_id), array_agg(n.text || CASE WHEN n.stays OR NOT v_few <@ ARRAY[e.case_id] THEN '' ELSE ': ' || left(p_reason, 300) END), array_agg(n.details)
        INTO v_cases, v_texts, v_details
        FROM (SELECT e.case_id, array_agg(e.id) AS marks, array_agg(e.value) AS values, array_agg(e.stays) AS stays FROM ended e GROUP BY e.case_id) e
        CROSS JOIN LATERAL indicator_names(e.marks, e.values, e.stays) n;
    IF v_cases IS NULL THEN
        -- Nobody but reports marked them.
        SELECT ARRAY[0::bigint], ARRAY[n.text || CASE WHEN n.stays THEN '' ELSE ': ' || left(p_reason, 300) END], ARRAY[n.details] INTO v_cases, v_texts, v_details
            FROM (SELECT array_agg(u.value) AS values, array_agg(EXISTS (SELECT FROM indicator_places(u.type, u.value, u.host) w WHERE w.tlp = 4 OR w.restricted)) AS stays
                  FROM unnest(p_types, p_values, p_hosts) u(type, value, host)) a
            CROSS JOIN LATERAL indicator_names(NULL, a.values, a.stays) n;
    END IF;
    INSERT INTO indicator_withdrawal (type, value, reason, withdrawn_by)
        SELECT DISTINCT u.type, u.value, p_reason, viewer() FROM unnest(p_types, p_values) u(type, value) ON CONFLICT DO NOTHING;
    PERFORM journal_append_many(v_cases, viewer_login(), 'indicator withdrawn', v_texts, v_details);
    RETURN json_build_object('items', (SELECT json_agg(DISTINCT jsonb_build_object('type', observable_type_name(u.type), 'value', u.value))
        FROM unnest(p_types, p_values) u(type, value)));
END $$;

-- --- lists, made part by part: however many indicators there are, a part is a transaction of a few seconds ---

-- How many marks of reports and analysts a part looks at.
CREATE OR REPLACE FUNCTION export_part_size() RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 20000;

-- Who may have a list of that label, now.
CREATE OR REPLACE FUNCTION export_may(p_ceiling smallint) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF p_ceiling = 4 THEN
        PERFORM refuse('CI422', 'TLP:RED is for named persons and never leaves as a list');
    ELSIF p_ceiling >= 2 AND NOT viewer_is('lead') AND NOT viewer_is('admin') THEN
        PERFORM refuse('CI403', format('TLP:%s in a list is a lead''s decision', upper(tlp_name(p_ceiling))), 'ask a lead, or leave --tlp out: CLEAR and GREEN');
    END IF;
END $$;

-- A new list, of which nothing is looked at yet: p_head {format, filter, tlp, blocks}. Its number.
CREATE OR REPLACE FUNCTION export_begin(p_head jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_ceiling smallint := coalesce(tlp_number(lower(p_head ->> 'tlp')), 1);
    v_id bigint;
BEGIN
    PERFORM export_may(v_ceiling);
    INSERT INTO export (made_by, format, filter, ceiling, blocks, at_type, at_key)
        VALUES (viewer(), p_head ->> 'format', p_head ->> 'filter', v_ceiling, (p_head ->> 'blocks')::boolean, 0, 0) RETURNING id INTO v_id;
    RETURN v_id;
END $$;

-- One's own list, locked.
CREATE OR REPLACE FUNCTION export_lock(p_export bigint) RETURNS export
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    x export;
BEGIN
    SELECT * INTO x FROM export o WHERE o.id = (SELECT v.id FROM visible_export v WHERE v.id = p_export) FOR UPDATE;
    IF x.id IS NULL THEN
        PERFORM refuse('CI404', format('there is no export x%s', p_export), 'lists are kept for a day: cirt indicator export');
    END IF;
    RETURN x;
END $$;

-- What is told of a list when it is whole.
CREATE OR REPLACE FUNCTION export_head(x export) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT json_build_object('export', 'x' || x.id, 'more', false, 'format', x.format, 'count', x.items, 'tlp', tlp_name(x.tlp), 'ceiling', tlp_name(x.ceiling), 'made',
        time_text(x.made), 'team', (SELECT s.prefix FROM site s), 'domain', (SELECT s.domain FROM site s), 'withheld', x.withheld)
$$;

-- The next part of a list: what the keys behind after and up to through hold. is_last: through is the end. Of a list that is whole {whole}, the answer
-- to its last part, which may have been lost.
CREATE OR REPLACE FUNCTION export_next(p_export bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_seqscan = off SET enable_sort = off AS $$
DECLARE
    x export := export_lock(p_export);
    v record;
BEGIN
    IF x.at_type IS NULL THEN
        PERFORM export_may(x.ceiling);
        RETURN jsonb_build_object('whole', export_head(x)::text);
    END IF;
    -- Arms of their own: each goes along its index.
    SELECT k.type, k.key INTO v FROM (
        (SELECT s.type, hashtextextended(s.value, 0) AS key FROM sighting s
            WHERE s.is_indicator AND (s.type, hashtextextended(s.value, 0)) > (x.at_type, x.at_key) ORDER BY 1, 2 LIMIT export_part_size())
        UNION ALL
        (SELECT m.type, hashtextextended(m.value, 0) FROM indicator_mark m
            WHERE m.ended IS NULL AND (m.type, hashtextextended(m.value, 0)) > (x.at_type, x.at_key) ORDER BY 1, 2 LIMIT export_part_size())) k
        ORDER BY 1, 2 OFFSET export_part_size() - 1 LIMIT 1;
    RETURN jsonb_build_object('export', x.id, 'format', x.format, 'filter', x.filter, 'after', jsonb_build_array(x.at_type, x.at_key), 'through',
        jsonb_build_array(coalesce(v.type, 32767), coalesce(v.key, 9223372036854775807)), 'is_last', v.type IS NULL);
END $$;

-- Each value of a part once, with when it was seen, and the class of what was seen last; a mark has the time and class of its own and its case's. Nothing of a
-- compartment is in it; of what a RED report says no more than the value that it gives free, and no class of a report or case whose label is stricter than the value's.
-- What stands in a RED case though it did not come as RED is RED by the house's decision, also for whom does not see the case.
DROP FUNCTION IF EXISTS export_part(jsonb);
CREATE OR REPLACE FUNCTION export_part(p_part jsonb)
RETURNS TABLE (type smallint, value text, role smallint, tlp smallint, pap smallint, first timestamptz, last timestamptz, addr inet, host text, personal boolean,
               confidence int, expires timestamptz, newest bigint[], class text)
LANGUAGE plpgsql STABLE ROWS 20000 SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_seqscan = off AS $$
DECLARE
    v_type smallint := p_part #>> '{after,0}';
    v_key bigint := p_part #>> '{after,1}';
    v_last_type smallint := p_part #>> '{through,0}';
    v_last_key bigint := p_part #>> '{through,1}';
BEGIN
    RETURN QUERY
    WITH closed AS MATERIALIZED (
        SELECT m.report_id, range_agg(m.observations) AS observations FROM incident_case k JOIN case_member m ON m.case_id = k.id
        WHERE k.tlp = 4 AND m.until IS NULL GROUP BY m.report_id)
    SELECT s.type, s.value, min(s.role), max(CASE WHEN y.closed THEN 4 ELSE s.tlp END)::smallint, max(s.pap), min(w.time), max(w.time), min(s.addr), min(s.host),
           bool_or(s.personal), max(s.confidence)::int, CASE WHEN bool_and(s.until IS NOT NULL) THEN max(s.until) END,
           max(ARRAY[s.report_id, s.observation_no]) FILTER (WHERE s.report_id IS NOT NULL),
           (array_agg(w.class ORDER BY w.time DESC) FILTER (WHERE w.class IS NOT NULL))[1]
    FROM (SELECT * FROM visible_indicator_seen UNION ALL SELECT * FROM visible_indicator_mark) s
        LEFT JOIN report_content c ON c.report_id = s.report_id AND c.received = s.marked AND c.tlp < 4
        LEFT JOIN observation o ON o.report_id = c.report_id AND o.received = c.received AND o.no = s.observation_no
        LEFT JOIN visible_case_key k ON k.id = s.case_id AND k.tlp <= s.tlp
        LEFT JOIN closed x ON x.report_id = c.report_id AND x.observations @> s.observation_no
        CROSS JOIN LATERAL (SELECT CASE WHEN s.report_id IS NULL THEN EXISTS (SELECT FROM incident_case q WHERE q.id = s.case_id AND q.tlp = 4)
                                   ELSE x.report_id IS NOT NULL AND NOT EXISTS (SELECT FROM sighting g WHERE g.report_id = s.report_id AND g.received = s.marked
                                       AND g.observation_no = s.observation_no AND g.tlp = 4) END) y(closed)
        CROSS JOIN LATERAL (SELECT least(coalesce(o.time, s.marked), s.marked), CASE WHEN s.report_id IS NULL THEN k.class WHEN c.tlp <= s.tlp THEN coalesce(o.class, c.class) END) w(time, class)
    WHERE NOT s.restricted AND (s.type, hashtextextended(s.value, 0)) > (v_type, v_key) AND (s.type, hashtextextended(s.value, 0)) <= (v_last_type, v_last_key)
    GROUP BY s.type, s.value;
END $$;

-- Which of these, by their places from 1, are in a case with PAP:AMBER or PAP:RED that the viewer sees. A case has the strictest PAP of its reports and of what rules gave
-- it: a rule's holds for all of it, a report's for what that one brought.
CREATE OR REPLACE FUNCTION careful_among(p_types smallint[], p_values text[], p_hosts text[], p_addrs inet[]) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_nestloop = on AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM incident_case k WHERE k.pap >= 2 AND k.drill_id = 0) THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT u.ord, u.type, u.value, u.host, u.addr FROM unnest(p_types, p_values, p_hosts, p_addrs) WITH ORDINALITY u(type, value, host, addr, ord)),
    seen AS (
        SELECT a.ord, s.report_id, s.received, s.observation_no, s.pap FROM asked a JOIN visible_sighting s ON s.addr = a.addr AND s.type = a.type WHERE a.addr IS NOT NULL
        UNION ALL
        SELECT a.ord, s.report_id, s.received, s.observation_no, s.pap
            FROM asked a JOIN visible_sighting s ON s.host IS NOT NULL AND reverse(s.host) = reverse(a.host) AND s.value = a.value AND s.type = a.type
            WHERE a.addr IS NULL AND a.host IS NOT NULL
        UNION ALL
        SELECT a.ord, s.report_id, s.received, s.observation_no, s.pap
            FROM asked a JOIN visible_sighting s ON s.addr IS NULL AND s.host IS NULL AND hashtextextended(s.value, 0) = hashtextextended(a.value, 0)
                AND s.value = a.value AND s.type = a.type
            WHERE a.addr IS NULL AND a.host IS NULL)
    SELECT DISTINCT n.ord FROM seen n JOIN visible_member m ON m.report_id = n.report_id AND m.received = n.received AND m.observations @> n.observation_no
        JOIN incident_case k ON k.id = m.case_id WHERE k.pap >= 2 AND k.drill_id = 0 AND (n.pap >= 2 OR EXISTS (
            SELECT FROM case_rule r WHERE r.case_id = k.id AND r.kind = 'pap' AND tlp_number(r.value) BETWEEN 2 AND k.pap));
END $$;

-- Loopback, private, shared, link-local, benchmark, multicast, mapped, translated and reserved addresses (RFC 6890), or a network with some of them: who blocks these cuts
-- off himself. Each site has its own. Of IPv6 all that is not global unicast (2000::/3), and in that Teredo (RFC 4380), benchmark, ORCHID and 6to4 (RFC 7526): there
-- an IPv4 address has another spelling.
CREATE OR REPLACE FUNCTION is_everybodys_own(p_addr inet) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_addr && ANY (('{0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,192.0.0.0/24,192.168.0.0/16,198.18.0.0/15,224.0.0.0/3,'
    '::/3,4000::/2,8000::/1,2001::/32,2001:2::/48,2001:10::/28,2001:20::/28,2002::/16}')::inet[]);

-- The same of names: those that each network answers for itself, or nobody does (RFC 6761, 6762, 8375), and what the net itself stands on (arpa).
CREATE OR REPLACE FUNCTION is_everybodys_own_name(p_host text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_host ~ '(^|\.)(arpa|internal|invalid|local|localdomain|localhost)$';

-- The address that a URL stands on; NULL: a name.
CREATE OR REPLACE FUNCTION url_address(p_url text) RETURNS inet LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN a << '::ffff:0:0/96' THEN '0.0.0.0'::inet + (a - '::ffff:0:0'::inet) ELSE a END FROM rir_address(btrim(url_host(p_url), '[]')) a $$;

-- Takes a part of what the filter found into the list: p_part as export_next() made it. Why something is withheld is counted: its label, that it is somebody's
-- name, that somebody was hurt there, that it is known to be good, that its PAP, that of a report that has it in a case, or that a rule gave such a case,
-- forbids to act on it where others see it (AMBER, RED) in lists that block. These have URLs without their fragments, which no request has: several may be one. {export, more, looked_at, of} where there
-- is more to look at.
DROP FUNCTION IF EXISTS export_items_max(), export_make(jsonb, smallint[], text[], smallint[], smallint[], smallint[], smallint[], timestamptz[], timestamptz[], timestamptz[], text[], inet[], boolean[]);
SELECT drop_overloads('export_take');
CREATE OR REPLACE FUNCTION export_take(p_part jsonb, p_types smallint[], p_values text[], p_roles smallint[], p_tlps smallint[], p_paps smallint[],
    p_confidences smallint[], p_untils timestamptz[], p_firsts timestamptz[], p_lasts timestamptz[], p_hosts text[], p_addrs inet[], p_personal boolean[], p_classes text[])
RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    x export := export_lock((p_part ->> 'export')::bigint);
    v_values text[] := CASE WHEN x.blocks THEN ARRAY(SELECT CASE u.type WHEN 6 THEN split_part(u.value, '#', 1) ELSE u.value END
        FROM unnest(p_types, p_values) WITH ORDINALITY u(type, value, ord) ORDER BY u.ord) ELSE p_values END;
    v_items int;
    v_tlp smallint;
    v_withheld jsonb;
BEGIN
    PERFORM export_may(x.ceiling);
    IF x.at_type IS NULL OR jsonb_build_array(x.at_type, x.at_key) <> p_part -> 'after' THEN
        PERFORM refuse('CI409', format('that part of x%s was looked at already', x.id));
    END IF;
    WITH asked AS MATERIALIZED (
        SELECT u.* FROM unnest(p_types, v_values, p_roles, p_tlps, p_paps, p_confidences, p_untils, p_firsts, p_lasts, p_personal, p_classes)
            WITH ORDINALITY u(type, value, role, tlp, pap, confidence, until, first, last, personal, class, ord)),
    careful AS MATERIALIZED (SELECT c AS ord FROM careful_among(p_types, p_values, p_hosts, p_addrs) c WHERE x.blocks),
    known AS MATERIALIZED (
        SELECT g.ord FROM known_good(p_types, v_values, p_hosts, p_addrs, '1 day') g
        -- Who blocks a network blocks what a list knows within it.
        UNION SELECT u.ord FROM unnest(p_types, p_addrs) WITH ORDINALITY u(type, addr, ord)
            CROSS JOIN LATERAL (SELECT FROM warninglist_network n JOIN warninglist w ON w.id = n.list_id AND w.loaded AND w.types && '{1,2,3}'
                                WHERE n.network >= network(u.addr) AND n.network <= set_masklen(broadcast(u.addr), CASE family(u.addr) WHEN 4 THEN 32 ELSE 128 END)
                                LIMIT 1) y
            WHERE u.type = 3
        UNION SELECT u.ord FROM unnest(p_types, v_values, p_hosts, p_addrs) WITH ORDINALITY u(type, value, host, addr, ord)
            WHERE x.blocks AND (is_everybodys_own(CASE u.type WHEN 6 THEN url_address(u.value) ELSE u.addr END) OR is_everybodys_own_name(u.host))
        -- Zones and rules block a domain with all below it. "." and "/" are neighbours in ASCII; an entry with "/" in it is a URL that happens to end so.
        UNION SELECT u.ord FROM unnest(p_types, p_hosts) WITH ORDINALITY u(type, host, ord)
            CROSS JOIN LATERAL (SELECT FROM (SELECT y.list_id, y.value FROM warninglist_entry y
                                             WHERE reverse(y.value) ~>=~ (reverse(u.host) || '.') AND reverse(y.value) ~<~ (reverse(u.host) || '/') OFFSET 0) e
                                JOIN warninglist w ON w.id = e.list_id AND w.loaded AND 5 = ANY (w.types) WHERE strpos(e.value, '/') = 0 LIMIT 1) y
            WHERE u.type = 5 AND x.blocks),
    victim AS MATERIALIZED (SELECT v AS ord FROM victims_among(p_types, v_values, p_hosts, p_addrs) v
                            UNION SELECT v FROM victims_behind(p_types, v_values, p_hosts, p_addrs) v WHERE x.blocks),
    judged AS MATERIALIZED (
        SELECT a.*, CASE WHEN a.tlp > x.ceiling THEN 'label' WHEN a.personal OR a.role IN (2, 3) THEN 'personal' WHEN h.ord IS NOT NULL THEN 'victim' WHEN k.ord IS NOT NULL THEN 'known_good'
                         WHEN x.blocks AND (a.pap >= 2 OR c.ord IS NOT NULL) THEN 'pap' END AS why
        FROM asked a LEFT JOIN known k ON k.ord = a.ord LEFT JOIN victim h ON h.ord = a.ord LEFT JOIN careful c ON c.ord = a.ord),
    kept AS (
        INSERT INTO export_item (export_id, no, type, start, content)
        SELECT x.id, x.items + row_number() OVER (ORDER BY j.type, j.value), j.type, left(j.value, 100), json_build_object('type', observable_type_name(j.type), 'value',
                   j.value, 'role', sighting_role_name(j.role), 'tlp', tlp_name(j.tlp), 'pap', tlp_name(j.pap), 'confidence', j.confidence, 'until', time_text(j.until),
                   'first_seen', time_text(j.first), 'last_seen', time_text(j.last), 'class', j.class)::text
        FROM (SELECT DISTINCT ON (g.type, g.value) g.* FROM judged g WHERE g.why IS NULL ORDER BY g.type, g.value, g.tlp DESC) j
        WHERE CASE WHEN x.blocks AND j.type = 6 THEN NOT EXISTS (SELECT FROM export_item i WHERE i.export_id = x.id AND i.type = j.type AND i.start = left(j.value, 100)
                                                                 AND i.content::json ->> 'value' = j.value) ELSE true END
        RETURNING 1)
    SELECT (SELECT count(*) FROM kept), (SELECT max(j.tlp) FROM judged j WHERE j.why IS NULL),
           (SELECT jsonb_object_agg(w, (SELECT count(*) FROM judged j WHERE j.why = w) + coalesce((x.withheld ->> w)::bigint, 0))
            FROM unnest(ARRAY['label', 'personal', 'victim', 'known_good', 'pap']) w)
        INTO v_items, v_tlp, v_withheld;
    UPDATE export o SET items = o.items + v_items, tlp = greatest(o.tlp, v_tlp), withheld = v_withheld, looked_at = o.looked_at + export_part_size(),
        at_type = CASE WHEN NOT (p_part ->> 'is_last')::boolean THEN (p_part #>> '{through,0}')::smallint END,
        at_key = CASE WHEN NOT (p_part ->> 'is_last')::boolean THEN (p_part #>> '{through,1}')::bigint END
        WHERE o.id = x.id RETURNING * INTO x;
    IF x.at_type IS NOT NULL THEN
        RETURN json_build_object('export', 'x' || x.id, 'more', true, 'looked_at', x.looked_at, 'of', greatest(x.looked_at, (
            SELECT sum(c.reltuples)::bigint FROM pg_partition_tree('sighting_key') t JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf)));
    END IF;
    PERFORM journal_append(0, viewer_login(), 'export', format('takes %s indicators as %s, up to TLP:%s', x.items, x.format, upper(tlp_name(x.ceiling))),
        jsonb_build_object('export', 'x' || x.id, 'filter', x.filter, 'format', x.format, 'tlp', tlp_name(x.ceiling), 'items', x.items, 'withheld', x.withheld));
    RETURN export_head(x);
END $$;
