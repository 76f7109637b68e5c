-- What happens because time passes. Every function may run again at any moment; each returns how much it did and whether more waits.

-- Makes one missing partition of the current and the next two months, at most: one table's locks at a time, given up after a second. A month
-- whose rows are in the default partition already stays there.
CREATE OR REPLACE FUNCTION clock_partitions(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET lock_timeout = '1s' SET timezone = 'UTC' AS $$
DECLARE
    v_table text;
    v_name text;
    v_month timestamptz;
    v_is_late boolean;
BEGIN
    done := 0;
    more := false;
    FOREACH v_table IN ARRAY ARRAY['report', 'report_raw', 'report_content', 'observation', 'sighting'] LOOP
        FOR i IN 0..2 LOOP
            v_month := date_trunc('month', now()) + make_interval(months => i);
            v_name := v_table || to_char(v_month, '_YYYY_MM');
            CONTINUE WHEN to_regclass('cirt.' || v_name) IS NOT NULL;
            EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE received >= $1 AND received < $2)', v_table || '_default')
                INTO v_is_late USING v_month, v_month + interval '1 month';
            CONTINUE WHEN v_is_late;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', v_name, v_table, v_month, v_month + interval '1 month');
            done := 1;
            more := true;
            RETURN;
        END LOOP;
    END LOOP;
END $$;

-- Nobody looked at a new case in time: it goes to the leads, and after as long again to who is on duty.
CREATE OR REPLACE FUNCTION clock_escalate(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_cases bigint[];
    v_levels text[];
    v_texts text[];
    v_details jsonb[];
BEGIN
    WITH late AS MATERIALIZED (
        SELECT k.id, CASE WHEN k.level IS NULL THEN 'lead' ELSE 'duty' END AS level FROM incident_case k
        WHERE k.state = 'new' AND k.due <= now()
          AND (k.level IS NULL OR (k.level = 'lead' AND k.due <= now() - (case_due('new', k.priority, now(), NULL) - now())))
        ORDER BY k.id LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED),
    changed AS (
        UPDATE incident_case k SET level = l.level, updated = now() FROM late l WHERE k.id = l.id RETURNING k.id, k.level, k.due, k.owner_id)
    SELECT array_agg(c.id ORDER BY c.id), array_agg(c.level ORDER BY c.id), array_agg(format('escalated to %s: nobody looked at it in time', c.level) ORDER BY c.id),
           array_agg(jsonb_build_object('to', c.level, 'due', time_text(c.due)) ORDER BY c.id)
        INTO v_cases, v_levels, v_texts, v_details FROM changed c;
    done := coalesce(cardinality(v_cases), 0);
    more := done = 1000;
    IF done > 0 THEN
        INSERT INTO case_reader (case_id, identity_id)
            SELECT k.id, i.id FROM unnest(v_cases, v_levels) u(id, level) JOIN incident_case k ON k.id = u.id AND k.tlp = 4
            JOIN identity i ON i.level = u.level AND i.enabled AND i.role IN ('analyst', 'lead', 'admin')
            WHERE k.compartment_id = 0 OR EXISTS (SELECT FROM compartment_member m WHERE m.compartment_id = k.compartment_id AND m.identity_id = i.id)
            ON CONFLICT DO NOTHING;
        PERFORM journal_append_many(v_cases, 'clock', 'escalate', v_texts, v_details);
    END IF;
END $$;

-- Who was waited for did not answer: somebody has to look again.
CREATE OR REPLACE FUNCTION clock_waiting(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_cases bigint[];
    v_texts text[];
    v_details jsonb[];
BEGIN
    WITH over AS MATERIALIZED (
        SELECT k.id, k.waiting_for, k.waiting_until FROM incident_case k WHERE k.state = 'waiting' AND k.waiting_until <= now()
        ORDER BY k.id LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED),
    changed AS (
        UPDATE incident_case k SET state = 'open', waiting_for = NULL, waiting_until = NULL, due = case_due('open', k.priority, k.opened, NULL), updated = now()
        FROM over o WHERE k.id = o.id RETURNING k.id, o.waiting_for, o.waiting_until)
    SELECT array_agg(c.id ORDER BY c.id), array_agg(format('waited for %s until %s; open again', c.waiting_for, time_text(c.waiting_until)) ORDER BY c.id),
           array_agg(jsonb_build_object('state', 'open', 'before', 'waiting', 'for', c.waiting_for, 'until', time_text(c.waiting_until)) ORDER BY c.id)
        INTO v_cases, v_texts, v_details FROM changed c;
    done := coalesce(cardinality(v_cases), 0);
    more := done = 1000;
    IF done > 0 THEN
        PERFORM journal_append_many(v_cases, 'clock', 'state', v_texts, v_details);
    END IF;
END $$;

-- What could not be handed over in time is given up, and its case says so. push does this itself; here is who does it where push is stopped.
CREATE OR REPLACE FUNCTION clock_expire(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    o record;
BEGIN
    done := 0;
    -- In the order of cases, as everybody who writes into several journals.
    FOR o IN SELECT x.id, x.share_id, x.version, coalesce('never delivered: ' || x.error, 'never delivered') AS reason FROM outbox x JOIN share s ON s.id = x.share_id
             WHERE x.expires <= now() - interval '1 minute' AND (x.leased_until IS NULL OR x.leased_until <= now())
             ORDER BY s.case_id, x.id LIMIT 1000 FOR UPDATE OF x SKIP LOCKED LOOP
        DELETE FROM outbox x WHERE x.id = o.id;
        INSERT INTO delivery (share_id, version, part, outcome) SELECT o.share_id, o.version, s.part, o.reason FROM share s WHERE s.id = o.share_id;
        IF EXISTS (SELECT FROM share s WHERE s.id = o.share_id AND s.version = o.version AND s.state IN ('planned', 'held', 'queued', 'sent', 'failed')) THEN
            PERFORM share_becomes(o.share_id, o.version, 'clock', 'expired', o.reason);
        END IF;
        done := done + 1;
    END LOOP;
    -- What somebody began to order part by part and left (ordered: when its last part was): it never was an order.
    FOR o IN SELECT s.id, s.version FROM share s WHERE s.state = 'planned' AND s.ordered_to IS NOT NULL AND s.ordered <= now() - interval '1 hour'
             ORDER BY s.case_id, s.id LIMIT 1000 FOR UPDATE SKIP LOCKED LOOP
        PERFORM share_becomes(o.id, o.version, 'clock', 'failed', 'it was never ordered as a whole');
    END LOOP;
    more := done = 1000;
END $$;

-- Duplicates are looked for over five weeks.
CREATE OR REPLACE FUNCTION clock_digests(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    DELETE FROM report_digest d WHERE d.ctid = ANY (ARRAY(
        SELECT x.ctid FROM report_digest x WHERE x.week < report_week(now()) - 6 ORDER BY x.week LIMIT 50000));
    GET DIAGNOSTICS done = ROW_COUNT;
    more := done = 50000;
    DELETE FROM malformed_tally m WHERE m.day < current_date - 31;
END $$;

-- What was written down about reports goes when these have gone (a site drops a month's partitions): what rules and suppressions swallowed of them, and the
-- marks of known-good values, which triage makes again for what comes, and which indicators were revoked. Words for classes that nobody used for 90 days go, too, and lists that left a day ago.
CREATE OR REPLACE FUNCTION clock_forget(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_report bigint := (SELECT r.id FROM report r ORDER BY r.id LIMIT 1);
    v_received timestamptz := (SELECT r.received FROM report r ORDER BY r.received LIMIT 1);
    v_count bigint;
BEGIN
    DELETE FROM rule_swallowed w WHERE w.ctid = ANY (ARRAY(
        SELECT x.ctid FROM rule_swallowed x WHERE x.report_id < v_report ORDER BY x.report_id LIMIT 20000));
    GET DIAGNOSTICS done = ROW_COUNT;
    more := done = 20000;
    DELETE FROM suppressed_row w WHERE w.ctid = ANY (ARRAY(
        SELECT x.ctid FROM suppression s CROSS JOIN LATERAL (
            SELECT r.ctid FROM suppressed_row r WHERE r.suppression_id = s.id AND r.report_id < v_report ORDER BY r.report_id LIMIT 20000) x LIMIT 20000));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    done := done + v_count;
    more := more OR v_count = 20000;
    DELETE FROM known_good_mark m WHERE m.ctid = ANY (ARRAY(
        SELECT x.ctid FROM known_good_mark x WHERE x.first < v_received ORDER BY x.first LIMIT 20000));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    done := done + v_count;
    more := more OR v_count = 20000;
    DELETE FROM indicator_revoked w WHERE w.ctid = ANY (ARRAY(
        SELECT x.ctid FROM indicator_revoked x WHERE x.received < v_received ORDER BY x.received LIMIT 20000));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    done := done + v_count;
    more := more OR v_count = 20000;
    DELETE FROM class_unmapped u WHERE u.last < now() - interval '90 days';
    GET DIAGNOSTICS v_count = ROW_COUNT;
    done := done + v_count;
    -- Nobody reads a list that is older than a day (visible_export). What was never whole went to nobody.
    DELETE FROM export_item i WHERE i.ctid = ANY (ARRAY(
        SELECT y.ctid FROM export x CROSS JOIN LATERAL (SELECT e.ctid FROM export_item e WHERE e.export_id = x.id LIMIT 20000) y
        WHERE x.made < now() - interval '1 day' LIMIT 20000));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    done := done + v_count;
    more := more OR v_count = 20000;
    DELETE FROM export x WHERE x.made < now() - interval '1 day' AND x.at_type IS NOT NULL AND NOT EXISTS (SELECT FROM export_item i WHERE i.export_id = x.id);
END $$;

-- Seals the heads of the chains that grew since the last anchor into the site's own chain. Entries of transactions that still run belong to the
-- next anchor; they are looked for from the anchor before the last, since numbers are given before transactions end.
CREATE OR REPLACE FUNCTION clock_anchor(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_through xid8 := pg_snapshot_xmin(pg_current_snapshot());
    v_since xid8 := coalesce((SELECT a.through FROM journal_anchor a ORDER BY a.seq DESC LIMIT 1), '0'::xid8);
    v_from bigint := coalesce((SELECT a.last_id FROM journal_anchor a ORDER BY a.seq DESC OFFSET 1 LIMIT 1), 0);
    v_last bigint := (SELECT max(j.id) FROM journal j);
    v_digest bytea;
    v_seq bigint;
BEGIN
    more := false;
    IF EXISTS (SELECT FROM journal_anchor a WHERE a.at > now() - interval '55 minutes') THEN
        done := 0;
        RETURN;
    END IF;
    SELECT count(*), sha256(string_agg(int8send(h.case_id) || int8send(h.seq) || h.hash, '' ORDER BY h.case_id)) INTO done, v_digest
        FROM (SELECT DISTINCT ON (j.case_id) j.case_id, j.seq, j.hash FROM journal j
              WHERE j.id > v_from AND j.case_id <> 0 AND j.transaction >= v_since AND j.transaction < v_through ORDER BY j.case_id, j.seq DESC) h;
    IF done > 0 THEN
        v_seq := journal_append(0, 'clock', 'anchor', format('sealed the journals of %s cases', done),
                                jsonb_build_object('heads', done, 'sha256', encode(v_digest, 'hex'), 'since', v_since::text, 'through', v_through::text));
        INSERT INTO journal_anchor (seq, through, last_id) VALUES (v_seq, v_through, v_last);
    END IF;
END $$;

-- A new site has its partitions before the first report comes.
DO $$ BEGIN WHILE (SELECT p.more FROM clock_partitions() p) LOOP END LOOP; END $$;
