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

-- p_verb 'accept': what is held or was dropped goes on to triage, and no rule holds it again. 'reject': what is held is dropped, and why is said;
-- it can be accepted later. A peer's document is accepted or declined as incoming instead. One entry in the site's journal a call.
-- {count: how many (would be) changed, unchanged: how many are no longer held, items: the first 100 as they were}
CREATE OR REPLACE FUNCTION reports_decide(p_verb text, p_reports bigint[], p_reason text, p_dry_run boolean) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_due bigint[];
    v_items json;
BEGIN
    PERFORM reports_named(p_reports, 'cirt report ls state:held lists what waits');
    -- Locked in the order of their numbers: two of these calls cannot wait for each other.
    v_due := ARRAY(SELECT o.report_id FROM (
        SELECT x.report_id FROM report_outcome x WHERE x.report_id = ANY (p_reports) AND (x.state = 'held' OR (p_verb = 'accept' AND x.state = 'dropped'))
            AND NOT EXISTS (SELECT FROM incoming n WHERE n.report_id = x.report_id)
        ORDER BY x.report_id FOR UPDATE) o);
    SELECT coalesce(json_agg(report_json(r) ORDER BY r.received, r.id), '[]') INTO v_items FROM visible_report r WHERE r.id = ANY (v_due[:100]);
    IF NOT p_dry_run AND cardinality(v_due) > 0 THEN
        IF p_verb = 'accept' THEN
            WITH gone AS (
                DELETE FROM report_outcome o WHERE o.report_id = ANY (v_due) RETURNING o.report_id, o.received)
            INSERT INTO to_triage (reports, received, received_until, observations, released)
                SELECT range_agg(int8range(c.report_id, c.report_id + 1)), min(c.received), max(c.received), sum(greatest(c.observations, 1)), true
                FROM gone g JOIN report_content c ON c.report_id = g.report_id AND c.received = g.received;
            PERFORM pg_notify('cirt_triage', '');
        ELSE
            UPDATE report_outcome o SET state = 'dropped', rule = NULL, held_for = NULL, reason = p_reason, at = now() WHERE o.report_id = ANY (v_due);
        END IF;
        PERFORM journal_append(0, viewer_login(), CASE p_verb WHEN 'accept' THEN 'release' ELSE 'reject' END,
            CASE p_verb WHEN 'accept' THEN 'lets ' ELSE 'turns away ' END
            || CASE cardinality(v_due) WHEN 1 THEN 'report r' || v_due[1] ELSE cardinality(v_due) || ' held reports' END
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
