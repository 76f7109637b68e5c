-- Triage, second half: the chunk's observations (sql/functions/060_triage.sql) into cases.

-- A group a case: by the case that is named, the person's report, or the key. Labels, urgency and when it was seen last are kept apart by what the channel
-- proves (tlps[1] of all, tlps[4] of a pinned key): what joins a case must not change what more assurance set, nor lend its word to what proves less. No aggregate here needs its rows sorted: what does
-- (counts of different things, a group of several classes) is asked for afterwards, of those groups only.
CREATE OR REPLACE FUNCTION triage_groups() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET enable_sort = off SET work_mem = '64MB' AS $$
BEGIN
    INSERT INTO triage_group (grp, case_id, is_new, is_again, is_quiet, first_ord, drill_id, compartment_id, join_key, is_person, class, last_class, constituent_id,
                              subject, value, last_value, tlp, assurance, tlps, priority, priorities, queue, assign, observations, reports, report_id, last_report_id,
                              received, sender_id, first_seen, last_seen, seens, is_released, kind, rules)
    SELECT c.grp, min(c.case_id), false, false, bool_or(c.is_quiet), min(c.ord), c.drill_id, c.compartment_id, CASE WHEN c.grp !~ '^(case|report) ' THEN c.grp END,
           bool_or(c.is_person), min(c.class), max(c.class), min(c.constituent_id), min(c.subject), min(c.value), max(c.value), max(c.tlp), max(c.assurance),
           ARRAY[max(c.tlp), max(c.tlp) FILTER (WHERE c.assurance >= 1), max(c.tlp) FILTER (WHERE c.assurance >= 2), max(c.tlp) FILTER (WHERE c.assurance >= 3)],
           min(c.priority), ARRAY[min(c.priority), min(c.priority) FILTER (WHERE c.assurance >= 1), min(c.priority) FILTER (WHERE c.assurance >= 2),
           min(c.priority) FILTER (WHERE c.assurance >= 3)], min(c.queue), min(c.assign), count(*) FILTER (WHERE c.no > 0), 1,
           min(c.report_id), max(c.report_id), min(c.received), min(c.sender_id), min(c.time), max(c.time),
           ARRAY[max(c.time), max(c.time) FILTER (WHERE c.assurance >= 1), max(c.time) FILTER (WHERE c.assurance >= 2), max(c.time) FILTER (WHERE c.assurance >= 3)], bool_or(c.is_released), min(c.kind), array_remove(CASE WHEN min(c.rule) = max(c.rule) THEN ARRAY[min(c.rule)] ELSE ARRAY[min(c.rule), max(c.rule)] END, NULL)
    FROM triage_chunk c WHERE c.decision IS NULL GROUP BY c.grp, c.drill_id, c.compartment_id;
    UPDATE triage_group g SET reports = x.reports, class = x.class, rules = x.rules
        FROM (SELECT c.grp, c.drill_id, c.compartment_id, count(DISTINCT c.report_id) AS reports, mode() WITHIN GROUP (ORDER BY c.class) AS class,
                     array_agg(DISTINCT c.rule) FILTER (WHERE c.rule IS NOT NULL) AS rules
              FROM triage_chunk c JOIN triage_group y ON y.grp = c.grp AND y.drill_id = c.drill_id AND y.compartment_id = c.compartment_id
                   AND (y.report_id <> y.last_report_id OR y.class <> y.last_class OR cardinality(y.rules) > 1)
              WHERE c.decision IS NULL GROUP BY c.grp, c.drill_id, c.compartment_id) x
        WHERE x.grp = g.grp AND x.drill_id = g.drill_id AND x.compartment_id = g.compartment_id;
END $$;

-- Finds and locks what is joined, in the order of ids as the desk's verbs do; what an analyst closed meanwhile is not joined. Where no case is open, one
-- that ended lately is: what was seen after its end opens it again, where its channel proves as much as what set it; what was seen before is laid
-- with it quietly; of an advisory a version that is newer than those it has opens it. What is RED is read by few: it joins what is RED, by whomever, and nothing else joins that.
CREATE OR REPLACE FUNCTION triage_join() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    UPDATE triage_group g SET case_id = (
        SELECT k.id FROM incident_case k WHERE k.join_key = g.join_key AND k.drill_id = g.drill_id AND k.compartment_id = g.compartment_id
          AND k.state IN ('new', 'open', 'waiting') AND case_is_young(k, s.join_for)
          AND (k.tlp = 4) = (g.tlp = 4) ORDER BY k.opened DESC LIMIT 1)
        FROM triage_class s WHERE s.class = g.class AND g.join_key IS NOT NULL;
    UPDATE triage_group g SET case_id = f.case_id, is_again = f.is_again, is_quiet = NOT f.is_again
        FROM (SELECT x.grp, x.drill_id, x.compartment_id, k.id AS case_id, coalesce(x.seens[k.assurance + 1] > k.ended, false) AS is_again
              FROM triage_group x JOIN triage_class s ON s.class = x.class
              CROSS JOIN LATERAL (
                  SELECT y.id, y.assurance, CASE WHEN y.join_key LIKE 'advisory %' THEN (SELECT t.last_seen FROM case_tally t WHERE t.case_id = y.id)
                                                ELSE coalesce(y.closed, y.resolved) END AS ended FROM incident_case y
                  WHERE y.join_key = x.join_key AND y.drill_id = x.drill_id AND y.compartment_id = x.compartment_id AND y.state IN ('resolved', 'closed')
                    AND (y.tlp = 4) = (x.tlp = 4) AND coalesce(y.closed, y.resolved) > now() - s.relapse_for AND coalesce(y.resolution, '') NOT IN ('false-positive', 'not-ours', 'duplicate')
                  ORDER BY coalesce(y.closed, y.resolved) DESC LIMIT 1) k
              WHERE x.case_id IS NULL AND x.join_key IS NOT NULL AND (x.last_seen <= k.ended OR x.seens[k.assurance + 1] > k.ended)) f
        WHERE f.grp = g.grp AND f.drill_id = g.drill_id AND f.compartment_id = g.compartment_id;
    WITH locked AS MATERIALIZED (
        SELECT k.id, k.state, k.compartment_id FROM incident_case k WHERE k.id IN (SELECT g.case_id FROM triage_group g) ORDER BY k.id FOR NO KEY UPDATE OF k)
    UPDATE triage_group g SET case_compartment_id = l.compartment_id,
        case_id = CASE WHEN l.state IN ('new', 'open', 'waiting') OR (g.join_key IS NULL AND l.state = 'resolved') OR (g.is_quiet AND l.state <> 'merged')
                       OR (g.is_again AND l.state IN ('resolved', 'closed')) THEN l.id END,
        is_again = g.is_again AND l.state IN ('resolved', 'closed')
        FROM locked l WHERE l.id = g.case_id;
END $$;

-- What the joined may change: they narrow a label and, by a rule, hurry a case nobody has looked at; never what higher assurance set. When it changed is exact to
-- a minute, so that a flood does not rewrite its case with each chunk. A relapse opens its case again.
CREATE OR REPLACE FUNCTION triage_change(p_seconds int[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    UPDATE incident_case k SET tlp = greatest(k.tlp, g.tlp), assurance = greatest(k.assurance, g.assurance), updated = now(),
        priority = CASE WHEN k.state = 'new' AND k.owner_id IS NULL THEN least(k.priority, g.priority) ELSE k.priority END,
        due = CASE WHEN k.state = 'new' AND k.owner_id IS NULL AND g.priority < k.priority
                   THEN least(k.due, now() + make_interval(secs => p_seconds[g.priority])) ELSE k.due END
    FROM (SELECT x.case_id, max(x.tlps[y.assurance + 1]) AS tlp, max(x.assurance) AS assurance, min(x.priorities[y.assurance + 1]) AS priority FROM triage_group x
          JOIN incident_case y ON y.id = x.case_id WHERE NOT x.is_new AND NOT x.is_quiet GROUP BY x.case_id) g
    WHERE k.id = g.case_id AND (k.updated < now() - interval '1 minute' OR g.tlp > k.tlp OR g.assurance > k.assurance OR (g.priority < k.priority AND k.state = 'new' AND k.owner_id IS NULL));
    UPDATE incident_case k SET state = 'open', resolution = NULL, closed = NULL, resolved = NULL, reopened = now(), updated = now(),
        due = case_due('open', k.priority, k.opened, NULL)
        WHERE k.id IN (SELECT g.case_id FROM triage_group g WHERE g.is_again);
END $$;

-- "Phishing: Telecom A, 12 addresses", and its title up to what is counted. Of a person what they wrote themselves, without a title.
SELECT drop_overloads('triage_summary');
CREATE OR REPLACE FUNCTION triage_summary(p_class text, p_who text, p_subjects bigint, p_value text, p_said text, OUT summary text, OUT title text) LANGUAGE sql STABLE AS $$
    SELECT coalesce(x.said, x.title || x.counted, concat_ws(': ', p_class, p_who)), CASE WHEN x.said IS NULL THEN x.title END
    FROM (SELECT nullif(left(btrim(split_part(btrim(p_said, E' \t\r\n'), E'\n', 1), E' \t\r'), 200), ''), p_class || ': ' || coalesce(p_who || ', ', ''),
                 CASE WHEN p_subjects > 1 THEN p_subjects || CASE WHEN p_value ~ '[:/]|^[0-9.]+$' THEN ' addresses' ELSE ' names' END
                      WHEN p_value IS DISTINCT FROM p_who THEN p_value END) x(said, title, counted) $$;

-- Opens a case a group that joined none.
CREATE OR REPLACE FUNCTION triage_open(p_classes text[], p_texts text[], p_priorities smallint[], p_seconds int[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_offset int;
BEGIN
    IF NOT EXISTS (SELECT FROM triage_group g WHERE g.case_id IS NULL) THEN
        RETURN;
    END IF;
    v_offset := site_offset();
    UPDATE triage_group g SET is_new = true, is_again = false, number = n.number
        FROM (SELECT x.grp, x.drill_id, x.compartment_id, nextval('case_number_seq') AS number
              FROM (SELECT * FROM triage_group y WHERE y.case_id IS NULL ORDER BY y.first_ord) x) n
        WHERE g.grp = n.grp AND g.drill_id = n.drill_id AND g.compartment_id = n.compartment_id;
    WITH opened AS (
        INSERT INTO incident_case AS k (number, name, kind, drill_id, compartment_id, class, priority, tlp, owner_id, queue, summary, title, lang, due, aware_at,
                                        constituent_id, join_key, assurance, sender_id)
        SELECT g.number, format('%s-%s-%s', CASE g.drill_id WHEN 0 THEN s.prefix ELSE 'EX' END, to_char(now() AT TIME ZONE 'UTC' + make_interval(mins => v_offset), 'YYYY'),
                                lpad(g.number::text, greatest(6, length(g.number::text)), '0')),
               coalesce(g.kind, 'incident'), g.drill_id, g.compartment_id, g.class, p.priority, g.tlps[g.assurance + 1], i.id, coalesce(g.queue, 'national'),
               w.summary, w.title,
               rc.lang, now() + make_interval(secs => p_seconds[p.priority]), g.received, g.constituent_id, g.join_key, g.assurance,
               CASE WHEN NOT g.is_person AND NOT r.is_rest AND (g.constituent_id IS NULL OR EXISTS (
                        SELECT FROM sender x WHERE x.id = g.sender_id AND x.address IS NOT NULL)) THEN g.sender_id END
        FROM triage_group g
        CROSS JOIN site s
        CROSS JOIN LATERAL (SELECT coalesce(triage_is_rest(g.join_key), false)) r(is_rest)
        LEFT JOIN triage_class l ON l.class = g.class
        LEFT JOIN unnest(p_classes, p_texts, p_priorities) t(class, text, priority) ON t.class = g.class
        LEFT JOIN triage_chunk f ON f.ord = g.first_ord
        CROSS JOIN LATERAL (SELECT coalesce(g.priorities[g.assurance + 1], owner_priority(coalesce(l.priority, t.priority, 3::smallint), g.constituent_id, f.owners))) p(priority)
        LEFT JOIN constituent o ON o.id = g.constituent_id
        LEFT JOIN identity i ON i.login = g.assign AND i.enabled AND i.role IN ('analyst', 'lead', 'admin')
             AND (g.compartment_id = 0 OR EXISTS (SELECT FROM compartment_member m WHERE m.compartment_id = g.compartment_id AND m.identity_id = i.id))
        LEFT JOIN report_content rc ON (g.is_person OR g.subject IS NULL) AND rc.report_id = g.report_id AND rc.received = g.received
        CROSS JOIN LATERAL triage_summary(
            coalesce(t.text, g.class),
            coalesce(o.title, o.name, g.subject, CASE WHEN r.is_rest THEN CASE WHEN g.join_key LIKE '% stranger %' THEN 'many owners'', from ' ELSE 'nobody''s, from ' END || sender_name(g.sender_id) END),
            g.subjects, g.value, CASE WHEN g.is_person OR (g.subject IS NULL AND NOT r.is_rest) THEN coalesce(nullif(rc.summary, ''), rc.description) END) w
        WHERE g.is_new ORDER BY g.number
        RETURNING k.id, k.number)
    UPDATE triage_group g SET case_id = o.id, case_compartment_id = g.compartment_id FROM opened o WHERE g.number = o.number;
    IF EXISTS (SELECT FROM triage_group g WHERE g.case_id IS NULL) THEN
        RAISE EXCEPTION 'a case was not opened: is the site set up (cirtd migrate)?';
    END IF;
    INSERT INTO case_tally (case_id) SELECT g.case_id FROM triage_group g WHERE g.is_new;
END $$;

-- "23 rows"; many are said in steps (1, 2, 5, 10 ...), so that a flood does not rewrite its case with each batch.
CREATE OR REPLACE FUNCTION triage_rows_said(p_rows bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_rows <= 10 THEN p_rows || CASE p_rows WHEN 1 THEN ' row' ELSE ' rows' END
                ELSE format('more than %s rows', btrim(to_char((SELECT max(s * p) FROM unnest(ARRAY[1, 2, 5]) s CROSS JOIN power(10, floor(log(p_rows - 1::numeric))) p WHERE s * p < p_rows), '999,999,999,999'))) END $$;

-- The summary of a case that took more is its title and how many rows it has, unless all are of the one value that it names.
CREATE OR REPLACE FUNCTION triage_grown() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    WITH grown AS MATERIALIZED (
        SELECT k.id, k.summary AS before, k.title || triage_rows_said(t.observations) AS after
        FROM (SELECT x.case_id, min(x.value) AS value, max(x.last_value) AS last_value FROM triage_group x WHERE NOT x.is_new GROUP BY x.case_id) g
        JOIN incident_case k ON k.id = g.case_id
        JOIN case_tally t ON t.case_id = g.case_id
        WHERE k.title IS NOT NULL AND t.observations > 0 AND k.summary <> k.title || triage_rows_said(t.observations)
          AND (k.summary = k.title || g.value AND g.value = g.last_value) IS NOT TRUE),
    found AS (
        UPDATE case_text t SET hash64 = hashtextextended(g.after, 0), body = g.after FROM grown g
        WHERE t.case_id = g.id AND t.hash64 = hashtextextended(g.before, 0) AND t.body = g.before
          AND NOT EXISTS (SELECT FROM case_text o WHERE o.case_id = g.id AND o.hash64 = hashtextextended(g.after, 0)))
    UPDATE incident_case k SET summary = g.after FROM grown g WHERE k.id = g.id;
END $$;

-- One entry a case.
CREATE OR REPLACE FUNCTION triage_journal() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_action text;
    v_cases bigint[];
    v_texts text[];
    v_details jsonb[];
BEGIN
    FOREACH v_action IN ARRAY ARRAY['join', 'open', 'reopen'] LOOP
        SELECT array_agg(x.case_id), array_agg(CASE v_action WHEN 'open' THEN 'opened by triage: ' WHEN 'reopen' THEN 'opened it again, it was seen after its end: '
                                               ELSE 'joined ' END
                   || CASE WHEN x.observations > 0 THEN counted(x.observations, 'observation') || ' of ' ELSE '' END || counted(x.reports, 'report')),
               array_agg(jsonb_build_object('reports', x.reports, 'observations', x.observations, 'first', 'r' || x.report_id, 'class', k.class,
                                            'tlp', tlp_name(k.tlp), 'rules', x.rules))
        INTO v_cases, v_texts, v_details
        FROM (SELECT g.case_id, sum(g.observations) AS observations, sum(g.reports) AS reports, min(g.report_id) AS report_id,
                     min(nullif(g.rules, '{}')) AS rules FROM triage_group g GROUP BY g.case_id
              HAVING v_action = CASE WHEN bool_or(g.is_new) THEN 'open' WHEN bool_or(g.is_again) THEN 'reopen' ELSE 'join' END ORDER BY g.case_id) x
        JOIN incident_case k ON k.id = x.case_id;
        IF v_cases IS NOT NULL THEN
            UPDATE triage_group g SET seq = j.seq FROM journal_append_many(v_cases, 'triage', v_action, v_texts, v_details) j WHERE g.case_id = j.case_id;
        END IF;
    END LOOP;
END $$;

-- Without nested loops, as in triage_fill().
CREATE OR REPLACE FUNCTION triage_members(OUT cases bigint[], OUT reports bigint[], OUT observations bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET enable_sort = off SET work_mem = '64MB' AS $$
DECLARE
    v record;
BEGIN
    SELECT array_agg(p.case_id) AS cases, array_agg(p.drill_id) AS drills, array_agg(p.compartment_id) AS compartments, array_agg(p.report_id) AS reports,
           array_agg(p.received) AS received, array_agg(p.numbers) AS numbers, array_agg(p.seq) AS seqs, array_agg(p.rule) AS rules, array_agg(p.count) AS counts INTO v
    FROM (SELECT g.case_id, g.drill_id, min(g.case_compartment_id) AS compartment_id, c.report_id, min(c.received) AS received,
                 count(*) FILTER (WHERE c.no > 0) AS count, min(g.seq) AS seq, min(c.rule) AS rule,
                 CASE WHEN count(*) = 1 THEN CASE WHEN min(c.no) > 0 THEN int4multirange(int4range(min(c.no), min(c.no) + 1)) ELSE '{}'::int4multirange END
                      ELSE range_agg(int4range(c.no, c.no + 1)) END AS numbers
          FROM triage_chunk c JOIN triage_group g ON g.grp = c.grp AND g.drill_id = c.drill_id AND g.compartment_id = c.compartment_id
          WHERE c.decision IS NULL GROUP BY g.case_id, g.drill_id, c.report_id) p;
    INSERT INTO triage_member SELECT m.case_id, m.report_id, m.received, m.is_new
        FROM case_member_put(v.cases, v.drills, v.compartments, v.reports, v.received, v.numbers, v.seqs, v.rules) m;
    PERFORM case_seen_put(array_agg(x.case_id), array_agg(x.network), array_agg(x.name), array_agg(x.is_red)) FROM (
        SELECT g.case_id, s.network, s.name, bool_and(s.is_red OR s.compartment_id <> g.case_compartment_id) AS is_red
        FROM triage_chunk c JOIN triage_group g ON g.grp = c.grp AND g.drill_id = c.drill_id AND g.compartment_id = c.compartment_id
        JOIN triage_seen s ON s.report_id = c.report_id AND s.no = c.no WHERE c.decision IS NULL GROUP BY g.case_id, s.network, s.name) x;
    SELECT array_agg(s.case_id), array_agg(s.reports), array_agg(s.observations) INTO cases, reports, observations
    FROM (SELECT x.case_id, sum(x.reports) AS reports, sum(x.observations) AS observations FROM (
              SELECT u.case_id, 0 AS reports, u.count AS observations FROM unnest(v.cases, v.counts) u(case_id, count)
              UNION ALL SELECT m.case_id, m.is_new::int, 0 FROM triage_member m) x GROUP BY x.case_id) s;
END $$;

-- What people find the case by, and who may read what is RED.
CREATE OR REPLACE FUNCTION triage_words() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    span chunk_range;
BEGIN
    INSERT INTO case_text (case_id, tlp, hash64, body)
        SELECT k.id, k.tlp, hashtextextended(k.summary, 0), k.summary FROM triage_group g JOIN incident_case k ON k.id = g.case_id WHERE g.is_new
        ON CONFLICT DO NOTHING;
    IF EXISTS (SELECT FROM triage_member x WHERE x.is_new) AND EXISTS (SELECT FROM triage_chunk c WHERE c.has_text) THEN
        SELECT min(x.report_id), max(x.report_id), min(x.received), max(x.received) INTO span.low, span.high, span.since, span.until FROM triage_member x WHERE x.is_new;
        INSERT INTO case_text (case_id, tlp, hash64, body, report_id)
            SELECT x.case_id, min(rc.tlp), hashtextextended(w.body, 0), w.body, CASE WHEN min(rc.tlp) = 4 THEN min(x.report_id) END
            FROM triage_member x
            JOIN report_content rc ON rc.report_id = x.report_id AND rc.received = x.received AND rc.report_id BETWEEN span.low AND span.high
                 AND rc.received BETWEEN span.since AND span.until
            CROSS JOIN LATERAL (VALUES (case_text_body(rc.summary)), (case_text_body(rc.description))) w(body)
            WHERE x.is_new AND w.body <> '' GROUP BY x.case_id, w.body ORDER BY 1, 3
            ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO case_reader (case_id, identity_id)
        SELECT DISTINCT k.id, i.id FROM triage_group g JOIN incident_case k ON k.id = g.case_id
        JOIN identity i ON i.enabled AND i.role IN ('lead', 'admin')
        WHERE g.tlp = 4 AND k.tlp = 4
          AND (k.compartment_id = 0 OR EXISTS (SELECT FROM compartment_member m WHERE m.compartment_id = k.compartment_id AND m.identity_id = i.id))
          AND NOT EXISTS (SELECT FROM case_reader r WHERE r.case_id = k.id)
        ON CONFLICT DO NOTHING;
END $$;

-- A report is triaged with the last of its parts that wait, whichever that is; dropped where all of it was; held at once. Rule and reason are those of the first row
-- that was kept back.
CREATE OR REPLACE FUNCTION triage_outcomes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off AS $$
BEGIN
    INSERT INTO report_outcome (report_id, received, state, rule, reason, held_for)
    SELECT x.report_id, x.received, CASE WHEN x.held THEN 'held' WHEN x.dropped AND NOT EXISTS (
               SELECT FROM case_member m WHERE m.report_id = x.report_id AND m.until IS NULL) THEN 'dropped' ELSE 'triaged' END,
           CASE WHEN x.held OR x.dropped OR x.waits IS NULL THEN coalesce(k.rule, x.rule) ELSE x.rule END,
           CASE WHEN x.held OR x.dropped OR x.waits IS NULL THEN k.reason ELSE x.waits END, CASE WHEN x.held THEN coalesce(x.held_for, 'rule') END
    FROM (SELECT c.report_id, min(c.received) AS received, bool_or(c.decision = 'hold') IS TRUE AS held, bool_and(c.decision = 'drop') AND count(c.decision) = count(*) AS dropped,
                 bool_or(c.is_partial) AS is_partial, min(c.rule) AS rule, min(c.ord) FILTER (WHERE c.decision IN ('hold', 'drop')) AS kept_ord,
                 min(c.reason) FILTER (WHERE c.decision = 'wait') AS waits, min(c.held_for) AS held_for
          FROM triage_chunk c WHERE NOT c.is_repeat GROUP BY c.report_id) x
    LEFT JOIN triage_chunk k ON k.ord = x.kept_ord
    WHERE x.held OR NOT x.is_partial OR NOT EXISTS (SELECT FROM to_triage q WHERE q.reports @> x.report_id)
    ON CONFLICT (report_id) DO NOTHING;
END $$;

-- What was let go says what it had been kept back for, whatever rules say now; rows that wait still say so.
CREATE OR REPLACE FUNCTION triage_let_go() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_reports bigint[] := ARRAY(SELECT DISTINCT c.report_id FROM triage_chunk c WHERE c.is_released);
BEGIN
    UPDATE report_outcome o SET rule = coalesce(k.rule, x.rule), reason = 'let go after: ' || k.reason
        FROM unnest(v_reports) u(report_id) JOIN report_outcome x ON x.report_id = u.report_id AND x.state = 'triaged'
        LEFT JOIN LATERAL report_kept_back(x.report_id) k ON true
        WHERE o.report_id = x.report_id AND NOT EXISTS (SELECT FROM waiting_row w WHERE w.report_id = x.report_id);
END $$;

-- The chunk into cases. p_classes, p_texts, p_priorities: the classes, what people read for them, and the urgency of each; p_seconds: until the
-- first look by urgency. One chunk at a time, so that two never open the same case.
SELECT drop_overloads('triage_apply');
CREATE OR REPLACE FUNCTION triage_apply(p_classes text[], p_texts text[], p_priorities smallint[], p_seconds int[],
                                        OUT opened bigint, OUT joined bigint, OUT observations bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_counts record;
BEGIN
    PERFORM triage_rule_labels();
    PERFORM pg_advisory_xact_lock(20260102);
    PERFORM triage_feeds();
    PERFORM triage_refer();
    PERFORM triage_repeats();
    PERFORM triage_hold();
    PERFORM triage_copies();
    PERFORM triage_bounces();
    PERFORM triage_suppress();
    PERFORM triage_empty();
    PERFORM triage_owner_keys();
    PERFORM triage_classes();
    PERFORM triage_advisories();
    PERFORM triage_documents();
    PERFORM triage_rest();
    PERFORM triage_strangers();
    PERFORM triage_groups();
    PERFORM triage_join();
    PERFORM triage_count();
    PERFORM triage_wait();
    PERFORM triage_open(p_classes, p_texts, p_priorities, p_seconds);
    PERFORM triage_case_owners();
    PERFORM triage_change(p_seconds);
    PERFORM triage_journal();
    SELECT * INTO v_counts FROM triage_members();
    UPDATE case_tally t SET reports = t.reports + u.reports, observations = t.observations + u.observations,
        first_seen = least(t.first_seen, g.first_seen), last_seen = greatest(t.last_seen, g.last_seen)
        FROM unnest(v_counts.cases, v_counts.reports, v_counts.observations) u(id, reports, observations)
        JOIN (SELECT x.case_id, min(x.first_seen) AS first_seen, max(x.last_seen) AS last_seen FROM triage_group x GROUP BY x.case_id) g ON g.case_id = u.id
        WHERE t.case_id = u.id;
    PERFORM triage_grown();
    PERFORM triage_attach();
    PERFORM triage_statements();
    PERFORM triage_words();
    PERFORM triage_outcomes();
    PERFORM triage_let_go();
    PERFORM triage_rule_effects();
    SELECT count(*) FILTER (WHERE g.is_new), count(*) FILTER (WHERE NOT g.is_new), sum(g.observations) INTO opened, joined, observations FROM triage_group g;
END $$;
