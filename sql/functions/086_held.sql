-- Letting go and turning away what waits: many at once, each in one statement, at most 10,000.

-- Refuses where they are too many for one call, or one of them is none that the viewer sees.
CREATE OR REPLACE FUNCTION reports_named(p_reports bigint[], p_hint text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_missing bigint;
BEGIN
    IF cardinality(p_reports) > 10000 THEN
        PERFORM refuse('CI422', 'these are more than 10,000 reports', 'narrow the filter, with received: for example');
    END IF;
    SELECT min(u) INTO v_missing FROM unnest(p_reports) u WHERE NOT EXISTS (SELECT FROM visible_report_key v WHERE v.id = u);
    IF v_missing IS NOT NULL THEN
        PERFORM refuse('CI404', format('there is no report r%s', v_missing), p_hint);
    END IF;
END $$;

-- What rules and suppressions dropped of these reports and is in no case since, each by whom.
CREATE OR REPLACE FUNCTION report_aside(p_reports bigint[])
RETURNS TABLE (report_id bigint, did text, set_name text, rule text, suppression text, reason text, observations int4multirange)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = on SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY WITH member AS MATERIALIZED (
        SELECT m.report_id, range_agg(m.observations) AS observations FROM case_member m WHERE m.report_id = ANY (p_reports) AND m.until IS NULL GROUP BY m.report_id),
    dropped AS (
        SELECT w.report_id, w.kind, w.set_name, w.rule, NULL::text AS suppression, w.reason, w.observations FROM rule_swallowed w
        WHERE w.report_id = ANY (p_reports) AND w.kind IN ('drop', 'suppress')
        UNION ALL
        SELECT r.report_id, 'suppress', NULL, NULL, s.name, suppression_said(s), r.observations FROM suppression s
        JOIN suppressed_row r ON r.suppression_id = s.id AND r.report_id = ANY (p_reports))
    SELECT d.report_id, d.kind, d.set_name, d.rule, d.suppression, d.reason, d.observations - coalesce(m.observations, '{}')
    FROM dropped d LEFT JOIN member m ON m.report_id = d.report_id
    WHERE NOT isempty(d.observations - coalesce(m.observations, '{}')) ORDER BY d.report_id, lower(d.observations);
END $$;

-- Why rules or suppressions kept back a report, or rows of it: the first reason of a hold, else of what was dropped. No row: nothing did.
CREATE OR REPLACE FUNCTION report_kept_back(p_report bigint) RETURNS TABLE (rule text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT x.rule, x.reason FROM (
        SELECT w.kind <> 'hold' AS is_drop, lower(w.observations) AS first_no, w.rule, w.reason FROM rule_swallowed w WHERE w.report_id = p_report
        UNION ALL
        SELECT true, lower(r.observations), 'suppression ' || s.name, suppression_said(s) FROM suppression s
        JOIN suppressed_row r ON r.suppression_id = s.id AND r.report_id = p_report) x
    ORDER BY x.is_drop, x.first_no NULLS FIRST, x.rule LIMIT 1 $$;

-- What report_aside() says of one report, for its reader.
CREATE OR REPLACE FUNCTION report_set_aside(p_report bigint) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_object('did', a.did, 'set', a.set_name, 'rule', a.rule, 'suppression', a.suppression, 'reason', a.reason,
        'observations', (SELECT sum(upper(n) - lower(n)) FROM unnest(a.observations) n))), '[]')
    FROM report_aside(ARRAY(SELECT v.id FROM visible_report_whole v WHERE v.id = p_report)) a $$;

-- p_verb 'accept': what is held or was dropped, also of a report that else went through, goes on to triage, and no rule holds it again. 'reject': what is held is dropped, and why is said;
-- it can be accepted later. A peer's document is accepted or declined as incoming instead. One entry in the site's journal a call.
-- {count: how many (would be) changed, unchanged: how many have nothing to decide any longer, or nothing that their reader may decide since he reads them in part,
-- items: the first 100 as they were}
CREATE OR REPLACE FUNCTION reports_decide(p_verb text, p_reports bigint[], p_reason text, p_dry_run boolean) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_due bigint[];
    v_parts bigint[] := '{}'; -- those of v_due of which only rows were dropped: they stay triaged
    v_items json;
BEGIN
    PERFORM reports_named(p_reports, 'cirt report ls state:held lists what waits');
    -- Locked in the order of their numbers: two of these calls cannot wait for each other, and the second sees what the first did.
    PERFORM FROM report_outcome x WHERE x.report_id = ANY (p_reports) ORDER BY x.report_id FOR UPDATE;
    v_due := ARRAY(SELECT x.report_id FROM report_outcome x WHERE x.report_id = ANY (p_reports) AND (x.state = 'held' OR (p_verb = 'accept' AND x.state = 'dropped'))
            AND NOT EXISTS (SELECT FROM incoming n WHERE n.report_id = x.report_id)
        ORDER BY x.report_id);
    IF p_verb = 'accept' THEN
        v_parts := ARRAY(SELECT x.report_id FROM report_outcome x JOIN (SELECT DISTINCT a.report_id FROM report_aside(p_reports) a) a ON a.report_id = x.report_id
            WHERE x.state = 'triaged' AND NOT EXISTS (SELECT FROM to_triage q WHERE q.reports @> x.report_id AND q.failed IS NULL) ORDER BY x.report_id);
        v_parts := ARRAY(SELECT w.id FROM visible_report_whole w WHERE w.id = ANY (v_parts) ORDER BY w.id);
    END IF;
    v_due := ARRAY(SELECT w.id FROM visible_report_whole w WHERE w.id = ANY (v_due) ORDER BY w.id) || v_parts;
    SELECT coalesce(json_agg(report_json(r) ORDER BY r.received, r.id), '[]') INTO v_items FROM visible_report r WHERE r.id = ANY (v_due[:100]);
    IF NOT p_dry_run AND cardinality(v_due) > 0 THEN
        IF p_verb = 'accept' THEN
            DELETE FROM to_triage q WHERE q.failed IS NOT NULL AND q.reports IN (SELECT int8multirange(int8range(u, u + 1)) FROM unnest(v_parts) u);
            WITH gone AS (
                DELETE FROM report_outcome o WHERE o.report_id = ANY (v_due) AND o.report_id <> ALL (v_parts) RETURNING o.report_id, o.received)
            INSERT INTO to_triage (reports, received, received_until, observations, released)
                SELECT range_agg(int8range(c.report_id, c.report_id + 1)), min(c.received), max(c.received), sum(greatest(c.observations, 1)), true
                FROM (SELECT x.report_id, x.received FROM gone x UNION ALL
                      SELECT o.report_id, o.received FROM report_outcome o WHERE o.report_id = ANY (v_parts)) g JOIN report_content c ON c.report_id = g.report_id AND c.received = g.received;
            PERFORM pg_notify('cirt_triage', '');
        ELSE
            UPDATE report_outcome o SET state = 'dropped', rule = NULL, held_for = NULL, reason = p_reason, at = now() WHERE o.report_id = ANY (v_due);
        END IF;
        PERFORM journal_append(0, viewer_login(), CASE p_verb WHEN 'accept' THEN 'release' ELSE 'reject' END,
            CASE p_verb WHEN 'accept' THEN 'lets ' ELSE 'turns away ' END
            || concat_ws(' and ', CASE cardinality(v_due) - cardinality(v_parts) WHEN 0 THEN NULL WHEN 1 THEN 'report r' || v_due[1]
                                  ELSE cardinality(v_due) - cardinality(v_parts) || ' held reports' END,
                                  'what was dropped of ' || CASE cardinality(v_parts) WHEN 0 THEN NULL WHEN 1 THEN 'report r' || v_parts[1] ELSE cardinality(v_parts) || ' reports' END)
            || CASE p_verb WHEN 'accept' THEN ' go on to triage' ELSE ': ' || p_reason END,
            jsonb_build_object('reports', (SELECT jsonb_agg('r' || u) FROM unnest(v_due) u)));
    END IF;
    RETURN json_build_object('count', cardinality(v_due), 'unchanged', cardinality(p_reports) - cardinality(v_due), 'dry_run', p_dry_run, 'items', v_items);
END $$;

-- Hands malformed reports to decode again, as p_format from now on where it is named. Those of which only the head was kept stay: read as if it were
-- all, the rest would be lost without a word. As reports_decide: {count, unchanged, items, dry_run}.
CREATE OR REPLACE FUNCTION reports_replay(p_reports bigint[], p_format text, p_dry_run boolean) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_due bigint[];
    v_items json;
BEGIN
    PERFORM reports_named(p_reports, 'cirt report ls state:malformed lists them');
    PERFORM mapping_check(p_format);
    v_due := ARRAY(SELECT x.report_id FROM (
        SELECT c.report_id, c.received FROM report_content c WHERE c.report_id = ANY (p_reports) AND c.state = 'malformed' ORDER BY c.report_id FOR UPDATE) x
        JOIN report r ON r.id = x.report_id AND r.received = x.received
        WHERE r.size <= (SELECT coalesce(sum(length(w.bytes)), 0) FROM report_raw w WHERE w.report_id = x.report_id AND w.received = x.received)
        ORDER BY x.report_id);
    SELECT coalesce(json_agg(report_json(r) ORDER BY r.received, r.id), '[]') INTO v_items FROM visible_report r WHERE r.id = ANY (v_due[:100]);
    IF NOT p_dry_run AND cardinality(v_due) > 0 THEN
        DELETE FROM inbox i WHERE i.report_id = ANY (v_due);
        WITH waits AS (
            UPDATE report_content c SET state = 'decoding', format = coalesce(p_format, c.format) WHERE c.report_id = ANY (v_due) AND c.state = 'malformed'
            RETURNING c.report_id, c.received)
        INSERT INTO inbox (report_id, received) SELECT w.report_id, w.received FROM waits w ORDER BY w.report_id;
        PERFORM journal_append(0, viewer_login(), 'replay', format('decodes %s malformed reports again', cardinality(v_due)) || coalesce(' as ' || p_format, ''),
            jsonb_build_object('reports', (SELECT jsonb_agg('r' || u) FROM unnest(v_due) u)));
        PERFORM pg_notify('cirt_inbox', '');
    END IF;
    RETURN json_build_object('count', cardinality(v_due), 'unchanged', cardinality(p_reports) - cardinality(v_due), 'dry_run', p_dry_run, 'items', v_items);
END $$;
