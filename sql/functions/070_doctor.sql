-- What is wrong with this installation, as far as the database knows.

CREATE OR REPLACE FUNCTION doctor_queue(p_name text, p_length bigint, p_failed bigint, p_oldest timestamptz, p_patience interval, p_hint text,
                                        OUT name text, OUT ok boolean, OUT text text, OUT hint text)
LANGUAGE sql STABLE AS $$
    SELECT p_name, p_failed = 0 AND coalesce(p_oldest > now() - p_patience, true),
           format('%s waiting, %s set aside', p_length, p_failed) || coalesce(', the oldest since ' || time_text(p_oldest), ''),
           CASE WHEN p_failed > 0 OR p_oldest <= now() - p_patience THEN p_hint END
$$;

CREATE OR REPLACE FUNCTION doctor_checks() RETURNS TABLE (name text, ok boolean, text text, hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_last timestamptz;
BEGIN
    SELECT max((regexp_match(pg_get_expr(k.relpartbound, k.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz) INTO v_last
        FROM pg_inherits h JOIN pg_class k ON k.oid = h.inhrelid WHERE h.inhparent = 'report'::regclass;
    RETURN QUERY SELECT 'partitions', coalesce(v_last > now() + interval '7 days', false),
        CASE WHEN v_last IS NULL THEN 'all reports go into the default partition' ELSE 'made up to ' || time_text(v_last) END,
        CASE WHEN v_last IS NULL OR v_last <= now() + interval '7 days' THEN 'the clock makes them: is it running?' END;
    RETURN QUERY SELECT q.* FROM (SELECT count(*), count(i.failed), min(r.received) FILTER (WHERE i.failed IS NULL) FROM inbox i
        LEFT JOIN report r ON r.id = i.report_id AND r.received = i.received) x(length, failed, oldest),
        doctor_queue('inbox', x.length, x.failed, x.oldest, '10 minutes', 'decode reads it: is it running? cirt report ls state:decoding') q;
    RETURN QUERY SELECT q.* FROM (SELECT count(*), count(i.failed), min(i.received) FILTER (WHERE i.failed IS NULL) FROM to_verify i) x(length, failed, oldest),
        doctor_queue('to verify', x.length, x.failed, x.oldest, '10 minutes', 'verify reads it: is it running?') q;
    RETURN QUERY SELECT q.* FROM (SELECT count(*), count(i.failed), min(i.received) FILTER (WHERE i.failed IS NULL) FROM to_open i) x(length, failed, oldest),
        doctor_queue('to decrypt', x.length, x.failed, x.oldest, '10 minutes', 'seal reads it: is it running?') q;
    RETURN QUERY SELECT q.* FROM (SELECT count(*), count(i.failed), min(i.received) FILTER (WHERE i.failed IS NULL) FROM to_triage i) x(length, failed, oldest),
        doctor_queue('to triage', x.length, x.failed, x.oldest, '10 minutes', 'triage reads it: is it running? cirt report ls state:received') q;
    RETURN QUERY SELECT q.* FROM (SELECT count(*), 0::bigint, min(s.ordered) FROM share s WHERE s.state = 'planned') x(length, failed, oldest),
        doctor_queue('shares to write', x.length, x.failed, x.oldest, '10 minutes', 'share and seal write them: are they running?') q;
    RETURN QUERY SELECT q.* FROM (SELECT count(*), count(*) FILTER (WHERE o.attempts >= 5), min(o.not_before) FROM outbox o) x(length, failed, oldest),
        doctor_queue('outbox', x.length, x.failed, x.oldest, '15 minutes', 'what is late and why: cirt shares') q;
    RETURN QUERY SELECT * FROM mail_checks();
    RETURN QUERY SELECT 'held reports', true, format('%s wait for a decision', count(*)), CASE WHEN count(*) > 0 THEN 'cirt report ls state:held' END
        FROM report_outcome o JOIN visible_report_key k ON k.id = o.report_id AND k.received = o.received WHERE o.state = 'held';
    RETURN QUERY SELECT * FROM rule_checks();
    RETURN QUERY SELECT * FROM suppression_checks();
    RETURN QUERY SELECT * FROM class_checks();
    RETURN QUERY SELECT 'known-good lists', true, 'none: block lists leave out nothing that everybody needs', 'MISP warninglists: cirt warninglist import FILE'
        WHERE NOT EXISTS (SELECT FROM warninglist w WHERE w.loaded);
    RETURN QUERY SELECT 'agreement ' || p.name, a.valid_until > now() + interval '14 days', CASE WHEN a.valid_until > now() THEN 'to ' ELSE 'ended ' END
        || time_text(a.valid_until), CASE WHEN a.valid_until <= now() + interval '30 days' THEN format('renew it: cirt agreement set a%s --until DATE', a.id) END
        FROM agreement a JOIN peer p ON p.id = a.peer_id WHERE a.is_current AND a.enabled AND p.enabled ORDER BY p.name, a.id;
    RETURN QUERY SELECT 'peer ' || p.name, false, 'no key is registered: it can neither call nor be called', format('cirt peer set %s --key CERTIFICATE', p.name)
        FROM peer p WHERE p.enabled AND NOT EXISTS (SELECT FROM registered_key k WHERE k.peer_id = p.id) ORDER BY p.name;
    RETURN QUERY SELECT 'escalation', count(*) > 0, format('%s of level duty, %s of level lead', count(*) FILTER (WHERE i.level = 'duty'), count(*)
        FILTER (WHERE i.level = 'lead')), CASE WHEN count(*) = 0 THEN 'nobody is told of escalations: cirt analyst set LOGIN --level duty' END
        FROM identity i WHERE i.enabled AND i.level IN ('lead', 'duty');
    RETURN QUERY SELECT k.* FROM key_checks() k;
    RETURN QUERY SELECT f.* FROM feed_checks() f;
END $$;

-- The chains of the journal: how much was checked, and what does not hold. Cases the viewer may not see are counted, not named.
CREATE OR REPLACE FUNCTION journal_check(p_ref text) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_case bigint := CASE WHEN p_ref IS NOT NULL THEN case_find(p_ref) END;
BEGIN
    RETURN (WITH bad AS MATERIALIZED (
            SELECT CASE WHEN b.case_id = 0 THEN 'site' ELSE v.name END AS "case", b.seq, b.why
            FROM journal_verify(v_case) b LEFT JOIN visible_case_key v ON v.id = b.case_id)
        SELECT json_build_object('ok', NOT EXISTS (SELECT FROM bad), 'entries', count(*), 'cases', count(DISTINCT j.case_id) FILTER (WHERE j.case_id <> 0),
               'bad', coalesce((SELECT json_agg(b) FROM (SELECT * FROM bad LIMIT 100) b), '[]'))
        FROM journal j WHERE v_case IS NULL OR j.case_id = v_case);
END $$;
