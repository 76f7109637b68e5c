-- Triage rules: what they see of a chunk, what they did to cases, what they swallowed, and the second person.

-- --- what rules see of the chunk in the temporary tables of sql/functions/060_triage.sql ---

DROP VIEW IF EXISTS visible_rule, visible_case_rule, visible_swallowed CASCADE;
DROP FUNCTION IF EXISTS triage_facts();
DROP FUNCTION IF EXISTS triage_sightings();

-- Only asked for where there are rules, and only what some rule mentions: p_text the texts of reports, p_observation what only observations have,
-- p_reporter the claimed reporter. Without nested loops, as triage_fill(), and without merges: of tables that were never analysed the planner expects one row,
-- and would merge by the report alone, all observations of one with each other.
CREATE OR REPLACE FUNCTION triage_rule_facts(p_text boolean, p_observation boolean, p_reporter boolean)
RETURNS TABLE (ord int, class text, class_claim text, tlp smallint, tlp_claim smallint, channel text, sender text, format text, assurance text,
               signed text, signer text, size bigint, summary text, description text, observed text, reporter text, count bigint, source_port int,
               target_port int, constituent text, sector text, kind text, author text, dmarc text, spf text, dkim text, spam text, spam_score bigint,
               encryption text, fresh text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    span chunk_range := triage_range();
BEGIN
    RETURN QUERY SELECT c.ord, c.class, coalesce(o.class_claim, rc.class_claim), c.tlp, CASE WHEN NOT rc.tlp_assumed THEN rc.tlp END, r.channel,
           s.name, rc.format, report_assurance(r.channel, r.assurance, l.summary, l.dmarc), l.summary, l.signer, r.size,
           CASE WHEN p_text THEN report_summary(rc.summary, rc.description) END, CASE WHEN p_text THEN rc.description END, CASE WHEN p_text THEN o.description END,
           rr.email, coalesce(o.count, 0), o.source_port, o.target_port, k.name, k.sector, CASE WHEN l.is_mail THEN l.kind END, l.author,
           'dmarc-' || l.dmarc, 'spf-' || l.spf, 'dkim-' || l.dkim, CASE WHEN l.spam THEN 'yes' WHEN NOT l.spam THEN 'no' END,
           (l.spam_score::numeric * 1000)::bigint, nullif(l.encryption, 'none'), CASE WHEN l.is_fresh THEN 'fresh' END
    FROM triage_chunk c
    JOIN report r ON r.id = c.report_id AND r.received = c.received AND r.id BETWEEN span.low AND span.high AND r.received BETWEEN span.since AND span.until
    JOIN report_content rc ON rc.report_id = c.report_id AND rc.received = c.received AND rc.report_id BETWEEN span.low AND span.high
         AND rc.received BETWEEN span.since AND span.until
    -- Asked within, not with ON: what is not wanted is not read.
    LEFT JOIN (SELECT * FROM triage_observations(span) x WHERE p_observation) o ON o.report_id = c.report_id AND o.no = c.no
    LEFT JOIN (SELECT s.id, coalesce(i.login, p.name, s.address) AS name FROM sender s LEFT JOIN identity i ON i.id = s.identity_id
               LEFT JOIN peer p ON p.id = s.peer_id WHERE s.id = ANY (ARRAY(SELECT DISTINCT x.sender_id FROM triage_chunk x))) s ON s.id = c.sender_id
    LEFT JOIN (SELECT * FROM report_reporter x WHERE p_reporter AND x.report_id BETWEEN span.low AND span.high) rr ON rr.report_id = c.report_id AND rr.received = c.received
    LEFT JOIN constituent k ON k.id = c.constituent_id
    LEFT JOIN triage_letter l ON l.report_id = c.report_id
    ORDER BY c.ord;
END $$;

-- Sightings of these types, and with p_hosts all that have a host. Types beyond those of observables: 100 lists that they are on, 101 and 102 names and
-- sectors of the owners behind the first.
CREATE OR REPLACE FUNCTION triage_rule_sightings(p_types smallint[], p_hosts boolean) RETURNS TABLE (ord int, type smallint, value text, host text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    span chunk_range := triage_range();
BEGIN
    RETURN QUERY SELECT c.ord, s.type, s.value, s.host FROM triage_chunk c
    JOIN triage_sightings(span) s ON s.report_id = c.report_id AND s.observation_no = c.no AND (s.type = ANY (p_types) OR (p_hosts AND s.host IS NOT NULL))
    WHERE p_hosts OR EXISTS (SELECT FROM unnest(p_types) t WHERE t < 100)
    UNION ALL SELECT g.ord, 100::smallint, g.list, NULL FROM triage_known_lists(100 = ANY (p_types)) g
    UNION ALL SELECT c.ord, t.type, CASE t.type WHEN 101 THEN k.name ELSE k.sector END, NULL FROM triage_chunk c
        CROSS JOIN unnest(p_types) t(type) CROSS JOIN LATERAL unnest(c.owners) u(owner) JOIN constituent k ON k.id = u.owner
        WHERE t.type IN (101, 102) AND u.owner <> c.constituent_id
    ORDER BY 1;
END $$;

-- --- what they did ---

-- triage_rule_step: what makes a decision, the `way` of an observation of the chunk (those that fare alike share one);
-- triage_rule_item: what the templates in it give.
CREATE OR REPLACE FUNCTION triage_rule_tables() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF to_regclass('pg_temp.triage_rule_step') IS NULL THEN
        CREATE TEMP TABLE triage_rule_step (way int, place int, set_name text, version int, rule text, kind text, action text, value text) ON COMMIT DELETE ROWS;
        CREATE TEMP TABLE triage_rule_item (set_name text, template text, place int, is_note boolean, body text, due_seconds bigint) ON COMMIT DELETE ROWS;
        CREATE TEMP TABLE triage_rule_said (case_id bigint, is_new boolean, assurance smallint, set_name text, version int, rule text, kind text, action text, value text,
            place int, observations bigint, report_id bigint, is_first boolean, applied boolean, note text) ON COMMIT DELETE ROWS;
    END IF;
    DELETE FROM triage_rule_step;
    DELETE FROM triage_rule_item;
    DELETE FROM triage_rule_said;
END $$;

SELECT drop_overloads('triage_rule_explain'), drop_overloads('triage_rule_tags');
CREATE OR REPLACE FUNCTION triage_rule_explain(p_way int[], p_set text[], p_version int[], p_rule text[], p_kind text[], p_action text[], p_value text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO triage_rule_step SELECT u.way, u.place, u.set_name, u.version, u.rule, u.kind, u.action, u.value
        FROM unnest(p_way, p_set, p_version, p_rule, p_kind, p_action, p_value) WITH ORDINALITY u(way, set_name, version, rule, kind, action, value, place);
END $$;

CREATE OR REPLACE FUNCTION triage_rule_items(p_set text[], p_template text[], p_is_note boolean[], p_body text[], p_due bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO triage_rule_item SELECT u.set_name, u.template, u.place, u.is_note, u.body, u.due
        FROM unnest(p_set, p_template, p_is_note, p_body, p_due) WITH ORDINALITY u(set_name, template, is_note, body, due, place);
END $$;

-- Sightings of these observations are not wider than this. Few are expected: each by its own probe of the index.
CREATE OR REPLACE FUNCTION sightings_narrow(p_reports bigint[], p_received timestamptz[], p_numbers int[], p_tlps smallint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    WITH said AS MATERIALIZED (SELECT u.* FROM unnest(p_reports, p_received, p_numbers, p_tlps) u(report_id, received, no, tlp))
    UPDATE sighting s SET tlp = d.tlp FROM said d WHERE s.report_id = d.report_id AND s.received = d.received AND s.observation_no = d.no AND s.tlp < d.tlp;
END $$;

-- What a rule labels is no wider for that: the values of the row, and the report where all of its rows were labelled. Before any case has them: the summary of a case
-- (sql/functions/059_seen.sql) knows a value by the label that it has then. What came again is in its cases already.
CREATE OR REPLACE FUNCTION triage_rule_labels() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    span chunk_range;
    v record;
BEGIN
    IF NOT EXISTS (SELECT FROM triage_rule_step s WHERE s.kind = 'tlp') THEN
        RETURN;
    END IF;
    span := triage_range();
    SELECT array_agg(c.report_id) AS reports, array_agg(c.received) AS received, array_agg(c.no) AS numbers, array_agg(l.tlp) AS tlps INTO v
        FROM triage_chunk c JOIN (SELECT s.way, max(tlp_number(s.value)) AS tlp FROM triage_rule_step s WHERE s.kind = 'tlp' GROUP BY s.way) l ON l.way = c.way
        WHERE NOT c.is_repeat;
    PERFORM sightings_narrow(v.reports, v.received, v.numbers, v.tlps);
    UPDATE triage_seen t SET is_red = true FROM unnest(v.reports, v.numbers, v.tlps) u(report_id, no, tlp)
        WHERE u.tlp = 4 AND t.report_id = u.report_id AND t.no = u.no;
    UPDATE report_content r SET tlp = x.tlp
        FROM (SELECT u.report_id, min(u.tlp) AS tlp, count(*) AS rows FROM unnest(v.reports, v.tlps) u(report_id, tlp) GROUP BY u.report_id) x
        WHERE r.report_id = x.report_id AND r.report_id BETWEEN span.low AND span.high AND r.received BETWEEN span.since AND span.until
          AND r.tlp < x.tlp AND x.rows >= greatest(r.observations, 1);
END $$;

-- Reports and observations that a rule itself kept back or threw away; what an analyst let go is not kept back again. The rule that held a report has held all of it.
CREATE OR REPLACE FUNCTION triage_rule_swallow() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off AS $$
BEGIN
    WITH hit AS MATERIALIZED (
        SELECT s.set_name, s.rule, s.version, s.kind, s.value, c.report_id, c.received, c.no, s.kind = 'hold' AND c.rule = s.rule AS holds_all
        FROM triage_rule_step s JOIN triage_chunk c ON c.way = s.way
        WHERE s.kind IN ('hold', 'drop', 'suppress') AND c.decision = CASE s.kind WHEN 'hold' THEN 'hold' ELSE 'drop' END AND c.held_for IS NULL AND NOT c.is_repeat)
    INSERT INTO rule_swallowed AS w (set_name, rule, version, kind, reason, report_id, received, observations)
    SELECT a.set_name, a.rule, min(a.version), a.kind, min(a.value), a.report_id, min(a.received), coalesce(range_agg(int4range(a.no, a.no + 1)) FILTER (WHERE a.no > 0), '{}')
    FROM (SELECT h.set_name, h.rule, h.version, h.kind, h.value, h.report_id, h.received, h.no FROM hit h
          UNION ALL
          SELECT h.set_name, h.rule, h.version, 'hold', h.value, c.report_id, c.received, c.no
          FROM (SELECT DISTINCT x.set_name, x.rule, x.version, x.value, x.report_id FROM hit x WHERE x.holds_all) h
          JOIN triage_chunk c ON c.report_id = h.report_id) a
    GROUP BY a.set_name, a.rule, a.kind, a.report_id ORDER BY a.report_id, 1, 2, 4
    ON CONFLICT (report_id, set_name, rule, kind) DO UPDATE SET observations = w.observations + EXCLUDED.observations;
END $$;

-- What was said of each case of the chunk, once a rule and action.
CREATE OR REPLACE FUNCTION triage_rule_gather() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET enable_sort = off AS $$
BEGIN
    INSERT INTO triage_rule_said (case_id, is_new, assurance, set_name, version, rule, kind, action, value, place, observations, report_id)
    SELECT g.case_id, bool_or(g.is_new), max(g.assurance), s.set_name, min(s.version), s.rule, min(s.kind), s.action, min(s.value), min(s.place), sum(g.observations), min(g.report_id)
    FROM (SELECT x.case_id, c.way, bool_or(x.is_new) AS is_new, max(c.assurance) AS assurance, count(*) AS observations, min(c.report_id) AS report_id
          FROM triage_chunk c
          JOIN triage_group x ON x.grp = c.grp AND x.drill_id = c.drill_id AND x.compartment_id = c.compartment_id AND x.case_id IS NOT NULL AND NOT x.is_quiet
          WHERE c.way IS NOT NULL AND c.decision IS NULL AND NOT c.is_repeat
          GROUP BY x.case_id, c.way) g
    JOIN triage_rule_step s ON s.way = g.way AND s.kind NOT IN ('hold', 'drop', 'suppress')
    GROUP BY g.case_id, s.set_name, s.rule, s.action;
END $$;

-- Severity and PAP, as triage_change() treats priority and TLP: who joins raises the impact of a case that nobody has looked at, narrows what may be done, and
-- changes nothing where the case rests on a channel that proves more.
CREATE OR REPLACE FUNCTION triage_rule_levels() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    UPDATE incident_case k SET severity = CASE WHEN x.is_new OR (k.state = 'new' AND k.owner_id IS NULL) THEN least(k.severity, x.severity) ELSE k.severity END,
        pap = greatest(k.pap, x.pap), updated = now()
    FROM (SELECT s.case_id, bool_or(s.is_new) AS is_new, min(priority_number(s.value)) FILTER (WHERE s.kind = 'severity') AS severity,
                 max(tlp_number(s.value)) FILTER (WHERE s.kind = 'pap') AS pap
          FROM triage_rule_said s JOIN incident_case y ON y.id = s.case_id AND s.assurance >= y.assurance
          WHERE s.kind IN ('severity', 'pap') GROUP BY s.case_id) x
    WHERE k.id = x.case_id AND (x.severity < coalesce(k.severity, 5) OR x.pap > coalesce(k.pap, -1));
END $$;

-- Tags tell people where to look (a list of -tag:noise leaves out what has it): what proves less than the channel a case rests on adds none, nor does a rule
-- bring back what an analyst took away.
CREATE OR REPLACE FUNCTION triage_rule_tags() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO case_tag (case_id, tag)
        SELECT s.case_id, s.value FROM triage_rule_said s JOIN incident_case k ON k.id = s.case_id AND s.assurance >= k.assurance
        WHERE s.kind = 'tag' AND NOT EXISTS (SELECT FROM case_rule r WHERE r.case_id = s.case_id AND r.kind = 'tag' AND r.value = s.value AND r.applied)
        ORDER BY 1, 2 ON CONFLICT DO NOTHING;
END $$;

-- A case that is opened gets the tasks and notes of its templates.
CREATE OR REPLACE FUNCTION triage_rule_templates() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM triage_rule_item) THEN
        RETURN;
    END IF;
    INSERT INTO task (case_id, drill_id, compartment_id, text, due)
        SELECT k.id, k.drill_id, k.compartment_id, i.body, now() + make_interval(secs => nullif(i.due_seconds, 0))
        FROM (SELECT DISTINCT s.case_id, s.set_name, s.value FROM triage_rule_said s WHERE s.kind = 'template' AND s.is_new) s
        JOIN triage_rule_item i ON i.set_name = s.set_name AND i.template = s.value AND NOT i.is_note
        JOIN incident_case k ON k.id = s.case_id ORDER BY k.id, i.place;
    INSERT INTO note (case_id, drill_id, compartment_id, text, tlp)
        SELECT k.id, k.drill_id, k.compartment_id, i.body, k.tlp
        FROM (SELECT DISTINCT s.case_id, s.set_name, s.value FROM triage_rule_said s WHERE s.kind = 'template' AND s.is_new) s
        JOIN triage_rule_item i ON i.set_name = s.set_name AND i.template = s.value AND i.is_note
        JOIN incident_case k ON k.id = s.case_id ORDER BY k.id, i.place;
END $$;

-- Whether what was said changed the case, and if not, why.
CREATE OR REPLACE FUNCTION triage_rule_judge() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    UPDATE triage_rule_said s SET applied = j.note IS NULL, note = j.note
    FROM (SELECT x.case_id, x.set_name, x.rule, x.action, CASE
            WHEN x.kind = 'owner' AND x.is_new AND i.login IS DISTINCT FROM x.value THEN 'nobody of this login may own it'
            WHEN x.kind IN ('owner', 'queue', 'template') AND NOT x.is_new THEN 'it was open already'
            WHEN x.kind IN ('priority', 'severity') AND NOT x.is_new AND (k.state <> 'new' OR k.owner_id IS NOT NULL) THEN 'it was in hand already'
            WHEN x.kind IN ('priority', 'severity', 'tlp', 'pap', 'tag') AND x.assurance < k.assurance THEN 'it rests on a channel that proves more'
            WHEN x.kind = 'tag' AND NOT EXISTS (SELECT FROM case_tag t WHERE t.case_id = x.case_id AND t.tag = x.value) THEN 'somebody took it away'
            WHEN x.kind = 'class' AND k.class <> x.value THEN 'others in it are of another class'
            WHEN x.kind = 'tlp' AND k.tlp > tlp_number(x.value) THEN 'it was narrower already'
            WHEN x.kind = 'pap' AND k.pap > tlp_number(x.value) THEN 'it was narrower already'
            WHEN x.kind = 'priority' AND k.priority < priority_number(x.value) THEN 'it was higher already'
            WHEN x.kind = 'severity' AND k.severity < priority_number(x.value) THEN 'it was higher already' END AS note
          FROM triage_rule_said x JOIN incident_case k ON k.id = x.case_id LEFT JOIN identity i ON i.id = k.owner_id) j
    WHERE j.case_id = s.case_id AND j.set_name = s.set_name AND j.rule = s.rule AND j.action = s.action;
END $$;

CREATE OR REPLACE FUNCTION triage_rule_remember() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    WITH kept AS (
        INSERT INTO case_rule AS r (case_id, set_name, version, rule, action, kind, value, place, opened, applied, note, observations, report_id)
        SELECT s.case_id, s.set_name, s.version, s.rule, s.action, s.kind, s.value, s.place, s.is_new, s.applied, s.note, s.observations, s.report_id
        FROM triage_rule_said s ORDER BY s.case_id, s.set_name, s.rule, s.action
        ON CONFLICT (case_id, set_name, rule, action) DO UPDATE SET version = EXCLUDED.version, observations = r.observations + EXCLUDED.observations, last = now(),
            -- A notice goes out the first time or not at all (triage_rule_notify()).
            applied = r.applied OR (EXCLUDED.applied AND EXCLUDED.kind <> 'notify'),
            note = CASE WHEN EXCLUDED.kind = 'notify' THEN r.note WHEN NOT r.applied THEN EXCLUDED.note END
        RETURNING r.case_id, r.set_name, r.rule, r.action, r.xmax = 0 AS is_first)
    UPDATE triage_rule_said s SET is_first = k.is_first FROM kept k
        WHERE k.case_id = s.case_id AND k.set_name = s.set_name AND k.rule = s.rule AND k.action = s.action;
END $$;

-- --- notices ---

-- Whom notify:WHO means: an address as it is; a login; else all of that level. Only persons of ours may hear of what is RED or of a closed circle, and only
-- those who read it.
CREATE OR REPLACE FUNCTION triage_rule_audience(p_who text, p_case bigint, p_compartment int, p_tlp smallint) RETURNS TABLE (address text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT lower(p_who) WHERE p_who LIKE '%@%' AND p_compartment = 0 AND p_tlp < 4
    UNION
    SELECT lower(i.mail) FROM identity i
    WHERE p_who NOT LIKE '%@%' AND i.enabled AND i.role IN ('analyst', 'lead', 'admin') AND i.mail IS NOT NULL
      AND (i.login = lower(p_who) OR (lower(i.level) = lower(p_who) AND NOT EXISTS (SELECT FROM identity x WHERE x.login = lower(p_who) AND x.enabled)))
      AND (p_compartment = 0 OR EXISTS (SELECT FROM compartment_member m WHERE m.compartment_id = p_compartment AND m.identity_id = i.id))
      AND (p_tlp < 4 OR EXISTS (SELECT FROM case_reader r WHERE r.case_id = p_case AND r.identity_id = i.id)
           OR EXISTS (SELECT FROM incident_case k WHERE k.id = p_case AND k.owner_id = i.id)) $$;

-- The mail says that there is something to look at. What it is about stands in it only where the label lets anybody of the community know, and never in strangers' words.
CREATE OR REPLACE FUNCTION triage_rule_mail(p_address text, k incident_case, p_rule text, p_is_new boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RETURN mail_automatic('warning', NULL, NULL, p_address, NULL, format('[%s] %s', k.name, CASE WHEN p_is_new THEN 'opened by triage' ELSE 'more has come in' END),
        format(E'%s: a rule of triage asks you to look at it.\n%s\ncirt show %s\n', k.name,
               CASE WHEN k.tlp < 2 THEN format(E'\nClass: %s\nPriority: %s\nRule: %s\n', k.class, priority_name(k.priority), p_rule) ELSE '' END, k.number));
END $$;

-- At most once a case and rule, and 60 an hour to one address.
CREATE OR REPLACE FUNCTION triage_rule_notify() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    s record;
    k incident_case;
    v_to text[];
    v_note text;
BEGIN
    IF NOT EXISTS (SELECT FROM triage_rule_said x WHERE x.kind = 'notify' AND x.is_first) THEN
        RETURN;
    END IF;
    DELETE FROM rule_notice n WHERE n.at < now() - interval '1 day';
    FOR s IN SELECT * FROM triage_rule_said x WHERE x.kind = 'notify' AND x.is_first ORDER BY x.case_id, x.place LOOP
        SELECT * INTO k FROM incident_case x WHERE x.id = s.case_id;
        v_to := ARRAY(SELECT a.address FROM triage_rule_audience(s.value, k.id, k.compartment_id, k.tlp) a
                      WHERE (SELECT count(*) FROM rule_notice n WHERE n.address = a.address AND n.at > now() - interval '1 hour') < 60
                        AND NOT EXISTS (SELECT FROM contact c WHERE c.address = a.address AND (NOT c.enabled OR c.bounced IS NOT NULL)));
        v_note := CASE WHEN NOT EXISTS (SELECT FROM mta a WHERE a.smtp IS NOT NULL) THEN 'no MTA configured'
                       WHEN k.drill_id <> 0 AND s.value LIKE '%@%' THEN 'an exercise stays with us'
                       WHEN NOT EXISTS (SELECT FROM triage_rule_audience(s.value, k.id, k.compartment_id, k.tlp)) THEN 'nobody who may know of it'
                       WHEN cardinality(v_to) = 0 THEN 'too many within the hour, or mail to it comes back' END;
        IF v_note IS NULL THEN
            PERFORM triage_rule_mail(a, k, s.rule, s.is_new) FROM unnest(v_to) a;
            INSERT INTO rule_notice (address, case_id) SELECT a, k.id FROM unnest(v_to) a;
        ELSE
            UPDATE case_rule r SET applied = false, note = v_note
                WHERE r.case_id = s.case_id AND r.set_name = s.set_name AND r.rule = s.rule AND r.action = s.action;
            UPDATE triage_rule_said x SET applied = false
                WHERE x.case_id = s.case_id AND x.set_name = s.set_name AND x.rule = s.rule AND x.action = s.action;
        END IF;
    END LOOP;
END $$;

-- One entry a case: what rules did for the first time.
CREATE OR REPLACE FUNCTION triage_rule_journal() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_cases bigint[];
    v_texts text[];
    v_details jsonb[];
BEGIN
    SELECT array_agg(x.case_id ORDER BY x.case_id), array_agg(x.said ORDER BY x.case_id), array_agg(x.details ORDER BY x.case_id) INTO v_cases, v_texts, v_details
    FROM (SELECT r.case_id, left(string_agg(r.said, '; ' ORDER BY r.place), 2000) AS said, jsonb_build_object('rules', jsonb_agg(r.details ORDER BY r.place)) AS details
          FROM (SELECT s.case_id, min(s.place) AS place, format('rule "%s" of %s: %s', s.rule, s.set_name, string_agg(s.action, ', ' ORDER BY s.place)) AS said,
                       jsonb_build_object('set', s.set_name, 'version', min(s.version), 'rule', s.rule, 'actions', jsonb_agg(s.action ORDER BY s.place), 'report', 'r' || min(s.report_id)) AS details
                FROM triage_rule_said s WHERE s.is_first AND s.applied GROUP BY s.case_id, s.set_name, s.rule) r
          GROUP BY r.case_id) x;
    IF v_cases IS NOT NULL THEN
        PERFORM journal_append_many(v_cases, 'triage', 'rule', v_texts, v_details);
    END IF;
END $$;

-- What a report says may be done with it counts for its case: narrowing only, and not against a channel that proves more.
CREATE OR REPLACE FUNCTION triage_pap() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
    span chunk_range := triage_range();
BEGIN
    UPDATE incident_case k SET pap = greatest(k.pap, x.paps[k.assurance + 1])
    FROM (SELECT g.case_id, ARRAY[max(rc.pap), max(rc.pap) FILTER (WHERE c.assurance >= 1), max(rc.pap) FILTER (WHERE c.assurance >= 2),
                 max(rc.pap) FILTER (WHERE c.assurance >= 3)] AS paps
          FROM (SELECT rc.report_id, rc.pap FROM report_content rc WHERE rc.report_id BETWEEN span.low AND span.high AND rc.received BETWEEN span.since AND span.until
                AND rc.pap IS NOT NULL) rc
          JOIN (SELECT DISTINCT c.report_id, c.grp, c.drill_id, c.compartment_id, c.assurance FROM triage_chunk c WHERE c.decision IS NULL AND NOT c.is_repeat) c ON c.report_id = rc.report_id
          JOIN triage_group g ON g.grp = c.grp AND g.drill_id = c.drill_id AND g.compartment_id = c.compartment_id AND g.case_id IS NOT NULL AND NOT g.is_quiet
          GROUP BY g.case_id) x
    WHERE k.id = x.case_id AND x.paps[k.assurance + 1] > coalesce(k.pap, -1);
END $$;

-- All of it; the last step of triage_apply().
CREATE OR REPLACE FUNCTION triage_rule_effects() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM triage_pap();
    IF NOT EXISTS (SELECT FROM triage_rule_step) THEN
        RETURN;
    END IF;
    PERFORM triage_rule_swallow();
    PERFORM triage_rule_gather();
    PERFORM triage_rule_tags();
    PERFORM triage_rule_levels();
    PERFORM triage_rule_templates();
    PERFORM triage_rule_judge();
    PERFORM triage_rule_remember();
    PERFORM triage_rule_notify();
    PERFORM triage_rule_journal();
END $$;

-- --- trying rules: the chunk as triage would take it, of what the viewer may see ---

-- One report, or window p_window (from 0) of p_windows stretches of the reports since p_since: its first p_limit observations. is_cut: there are more.
CREATE OR REPLACE FUNCTION rule_trial_take(p_report bigint, p_since timestamptz, p_window int, p_windows int, p_limit int, OUT observations int, OUT reports bigint, OUT is_cut boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    t to_triage;
    v_low bigint := p_report;
    v_high bigint := p_report;
    v_total bigint;
    v_last_size bigint;
    v_since timestamptz := p_since;
BEGIN
    PERFORM triage_tables();
    PERFORM triage_letter_tables();
    observations := 0;
    reports := 0;
    is_cut := false;
    IF p_report IS NULL THEN
        SELECT r.id INTO v_low FROM report r WHERE r.received >= p_since ORDER BY r.received, r.id LIMIT 1;
        SELECT r.id INTO v_high FROM report r WHERE r.received >= p_since ORDER BY r.received DESC, r.id DESC LIMIT 1;
        SELECT v_low + (v_high + 1 - v_low) * p_window / p_windows, v_low + (v_high + 1 - v_low) * (p_window + 1) / p_windows - 1 INTO v_low, v_high;
    ELSE
        v_since := (SELECT k.received FROM visible_report_whole k WHERE k.id = p_report);
    END IF;
    WITH near AS (
        SELECT k.id, k.received, greatest(c.observations, 1) AS size FROM visible_report_whole k JOIN report_content c ON c.report_id = k.id AND c.received = k.received
        WHERE k.id BETWEEN v_low AND v_high AND k.received >= v_since AND c.report_id BETWEEN v_low AND v_high AND c.received >= v_since AND c.state = 'received'
        ORDER BY k.id LIMIT p_limit + 1),
    total AS (SELECT n.*, sum(n.size) OVER (ORDER BY n.id) AS total FROM near n)
    SELECT range_agg(int8range(x.id, x.id + 1)), min(x.received), max(x.received), count(*), max(x.total), (array_agg(x.size ORDER BY x.id DESC))[1]
        INTO t.reports, t.received, t.received_until, reports, v_total, v_last_size
        FROM total x WHERE x.total - x.size < p_limit;
    IF reports = 0 THEN
        RETURN;
    END IF;
    t.released := false;
    t.repeated := true; -- nothing is counted that was counted when it was triaged
    is_cut := v_total > p_limit OR EXISTS (SELECT FROM visible_report_whole k JOIN report_content c ON c.report_id = k.id AND c.received = k.received
        WHERE k.id > upper(t.reports) - 1 AND k.id <= v_high AND k.received >= v_since AND c.report_id <= v_high AND c.received >= v_since AND c.state = 'received');
    observations := triage_fill(t, lower(t.reports), 0, upper(t.reports) - 1, CASE WHEN v_total > p_limit THEN (p_limit - (v_total - v_last_size))::int ELSE 2147483647 END);
    PERFORM triage_letters();
    PERFORM triage_aliases();
END $$;

-- Which case each observation of the chunk is in, of those the viewer may see; in the order of triage_rule_facts().
CREATE OR REPLACE FUNCTION rule_trial_cases() RETURNS TABLE (ord int, report text, case_name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RETURN QUERY WITH member AS MATERIALIZED (
        SELECT m.report_id, m.observations, m.case_name FROM visible_member m WHERE m.report_id = ANY (ARRAY(SELECT DISTINCT x.report_id FROM triage_chunk x)))
    SELECT c.ord, 'r' || c.report_id, min(m.case_name) FROM triage_chunk c
        LEFT JOIN member m ON m.report_id = c.report_id AND (m.observations @> c.no OR isempty(m.observations))
        GROUP BY c.ord, c.report_id ORDER BY c.ord;
END $$;

-- --- rule sets: desk has parsed them before; every text that was in force is kept ---

-- A rule of a text is a line; the same line in the next version is the same rule.
-- What is written here and what libcirt/rules/triage_rules_parse.c reads as a rule that drops or suppresses may differ in one direction only: a name
-- that looks like such an action needs the second person too. until: when what a rule suppresses is over.
SELECT drop_overloads('rule_lines');
CREATE OR REPLACE FUNCTION rule_until(p_day text) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (p_day::date + 1)::timestamp AT TIME ZONE 'UTC';
EXCEPTION WHEN datetime_field_overflow THEN
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION rule_lines(p_text text) RETURNS TABLE (no bigint, rule text, line text, drops boolean, holds boolean, until timestamptz)
LANGUAGE sql STABLE AS $$
    WITH line AS (
        SELECT l.no, btrim(l.line, E' \t\r') AS line FROM string_to_table(p_text, E'\n') WITH ORDINALITY l(line, no))
    SELECT l.no, regexp_replace((regexp_match(l.line, '^rule\s*"((?:[^"\\]|\\.)*)"'))[1], '\\(.)', '\1', 'g'), l.line,
           l.line ~ '(=>|,)[ \t]*(drop|suppress)[ \t]*"', l.line ~ '(=>|,)[ \t]*hold',
           rule_until((regexp_match(l.line, '(?:=>|,)[ \t]*suppress[ \t]*"(?:[^"\\]|\\.)*"[ \t]*until:(\d{4}-\d{2}-\d{2})'))[1]) FROM line l WHERE l.line ~ '^rule[ \t"]' $$;

-- The rules that throw away, of all sets in the order in which they are asked, with p_text in the place of the set p_name (NULL: without it). `guards` are the
-- rules with hold before each, in its set and in those before it: they keep what it would throw away.
CREATE OR REPLACE FUNCTION rule_drops(p_name text, p_text text) RETURNS TABLE (set_name text, no bigint, rule text, line text, guards text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    WITH line AS MATERIALIZED (
        SELECT s.name, l.* FROM (SELECT r.name, r.text FROM rule_set r WHERE r.is_current AND r.name <> p_name UNION ALL SELECT p_name, p_text) s CROSS JOIN rule_lines(s.text) l
        WHERE l.drops OR l.holds)
    SELECT l.name, l.no, l.rule, l.line, ARRAY(SELECT g.line FROM line g WHERE g.holds AND (g.name, g.no) < (l.name, l.no)) FROM line l WHERE l.drops $$;

-- Those that throw away what the ones in force do not: new or changed ones, and those, of whatever set, that a rule with hold before them no longer guards.
SELECT drop_overloads('rule_new_drops');
CREATE OR REPLACE FUNCTION rule_new_drops(p_name text, p_text text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = cirt, pg_temp AS $$
    WITH before AS MATERIALIZED (
        SELECT d.* FROM rule_drops(p_name, (SELECT r.text FROM rule_set r WHERE r.name = p_name AND r.is_current)) d)
    SELECT coalesce(array_agg(CASE n.set_name WHEN p_name THEN n.rule ELSE n.rule || ' of ' || n.set_name END ORDER BY n.set_name <> p_name, n.set_name, n.no), '{}')
    FROM rule_drops(p_name, p_text) n
    WHERE NOT EXISTS (SELECT FROM before o WHERE o.set_name = n.set_name AND o.line = n.line AND n.guards @> o.guards) $$;

-- How often each rule of the current text matched; a rule whose line stays the same keeps its count over the versions.
CREATE OR REPLACE FUNCTION rule_hit_counts(p_name text, p_text text) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(json_object_agg(n.rule, coalesce(o.hits, 0)), '{}') FROM rule_lines(p_text) n
    LEFT JOIN (SELECT l.rule, l.line, sum(h.hits) AS hits FROM rule_set r CROSS JOIN rule_lines(r.text) l
               JOIN rule_hits h ON h.name = r.name AND h.version = r.version AND h.rule = l.rule WHERE r.name = p_name GROUP BY l.rule, l.line) o
        ON o.rule = n.rule AND o.line = n.line
    WHERE n.rule IS NOT NULL $$;

-- The rules whose suppression has ended.
CREATE OR REPLACE FUNCTION rule_over(p_text text) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT ARRAY(SELECT l.rule FROM rule_lines(p_text) l WHERE l.until <= now() ORDER BY l.no) $$;

-- A set that only waits has no version and text yet.
CREATE VIEW visible_rule AS
SELECT n.name, r.version, r.text, r.changed, i.login AS changed_by, rule_hit_counts(n.name, coalesce(r.text, '')) AS hits,
       rule_over(r.text) AS over,
       CASE WHEN w.name IS NOT NULL THEN json_build_object('id', w.approval_id, 'text', w.text, 'asked', time_text(w.asked), 'asked_by', a.login, 'drops', w.drops,
           'mine', w.asked_by = viewer()) END AS waiting
FROM (SELECT x.name FROM rule_set x WHERE x.is_current UNION SELECT x.name FROM rule_waiting x) n
    LEFT JOIN rule_set r ON r.name = n.name AND r.is_current
    LEFT JOIN identity i ON i.id = r.changed_by
    LEFT JOIN rule_waiting w ON w.name = n.name
    LEFT JOIN identity a ON a.id = w.asked_by
WHERE viewer() IS NOT NULL;

CREATE OR REPLACE FUNCTION rule_json(r visible_rule) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('name', r.name, 'text', r.text, 'version', r.version, 'changed', time_text(r.changed), 'changed_by', r.changed_by,
    'hits', r.hits, 'over', r.over, 'waits_for', CASE WHEN r.waiting IS NOT NULL THEN 'second person' END, 'waiting', r.waiting);

-- One transaction: triage sees the old text or the new one, never none.
CREATE OR REPLACE FUNCTION rule_put(p_name text, p_text text, p_by bigint) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_version int := (SELECT coalesce(max(r.version), 0) + 1 FROM rule_set r WHERE r.name = p_name);
BEGIN
    UPDATE rule_set r SET is_current = false WHERE r.name = p_name AND r.is_current;
    INSERT INTO rule_set (name, version, text, changed_by) VALUES (p_name, v_version, p_text, p_by);
    DELETE FROM rule_waiting w WHERE w.name = p_name;
    PERFORM pg_notify('cirt_rules', '');
    RETURN v_version;
END $$;

-- What is newly suppressed ends within a year, and not before it begins: what does not, with its line and character.
SELECT drop_overloads('rule_check_ends');
CREATE OR REPLACE FUNCTION rule_bad_ends(p_text text, p_drops text[]) RETURNS TABLE (no bigint, place int, said text)
LANGUAGE sql STABLE SET search_path = cirt, pg_temp AS $$
    SELECT l.no, regexp_instr(x.line, '(?:=>|,)[ \t]*suppress[ \t]*"(?:[^"\\]|\\.)*"[ \t]*(until:)', 1, 1, 0, '', 1),
           format('what "%s" suppresses %s', left(l.rule, 100), CASE WHEN l.until <= now() THEN 'is over already' ELSE 'does not end within a year' END)
    FROM rule_lines(p_text) l JOIN string_to_table(p_text, E'\n') WITH ORDINALITY x(line, no) ON x.no = l.no
    WHERE l.rule = ANY (p_drops) AND (l.until <= now() OR l.until > now() + interval '367 days') $$;

-- What reports are of: the formats of libcirt/codec.
CREATE OR REPLACE FUNCTION report_formats() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{json,ndjson,shadowserver,csv,iodef,iodef-json,xarf,rid,mail,csaf,idea,intelmq,misp,n6,stix}'::text[];

-- Whom and what the rules of a text name that nobody knows or nothing can be, and what does nothing in them: no fault, since it may come later, but often a typing
-- error. What is quoted is not looked at.
CREATE OR REPLACE FUNCTION rule_unknown(p_text text) RETURNS TABLE (no bigint, said text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    WITH line AS MATERIALIZED (
        SELECT l.no, split_part(b.bare, '=>', 1) AS filter, regexp_replace(substr(b.bare, strpos(b.bare, '=>')), '#.*', '') AS actions
        FROM rule_lines(p_text) l CROSS JOIN LATERAL (SELECT regexp_replace(l.line, '"(?:[^"\\]|\\.)*"', '""', 'g')) b(bare)),
    named AS (
        SELECT l.no, CASE m[1] WHEN 'assign' THEN 'owner' ELSE m[1] END AS kind, lower(m[2]) AS name FROM line l, regexp_matches(l.actions, '[>, \t](owner|assign|notify):([^ \t,]+)', 'g') m
        UNION
        SELECT l.no, m[1], lower(v) FROM line l, regexp_matches(l.filter, '[: \t(-](constituent|sector|sender|known-good|port|cve|hash|email|channel|format|assurance|signed|encryption|auth|country):([^ \t()]+)', 'g') m,
            string_to_table(m[2], ',') v
        WHERE v !~ '[*/"]' AND v NOT IN ('', 'none')
        UNION
        SELECT l.no, 'or', 'or' FROM line l WHERE l.filter ~ '[ \t)]or[ \t(]'
        UNION
        SELECT l.no, 'twice', m[1] FROM line l, regexp_matches(l.actions, '[>, \t](class|priority|severity|queue|owner):', 'g') m GROUP BY l.no, m[1] HAVING count(*) > 1)
    SELECT n.no, format(CASE n.kind WHEN 'owner' THEN 'nobody who may own a case has the login "%s"' WHEN 'notify' THEN 'no login and no level is "%s"'
                        WHEN 'constituent' THEN 'there is no constituent "%s"' WHEN 'sector' THEN 'no constituent is of the sector "%s"'
                        WHEN 'sender' THEN 'nobody who sends is "%s"'
                        WHEN 'known-good' THEN 'there is no known-good list "%s"' WHEN 'port' THEN 'there is no port %s' WHEN 'cve' THEN '"%s" is no CVE id'
                        WHEN 'hash' THEN '"%s" is no hash' WHEN 'email' THEN '"%s" is no mail address'
                        WHEN 'or' THEN '"%s" is a word to look for; either of two is OR' WHEN 'twice' THEN 'of several %s: only the first counts'
                        ELSE 'that is nothing that ' || n.kind || ' can be: "%s"' END, left(n.name, 100))
    FROM named n WHERE CASE n.kind
        WHEN 'constituent' THEN NOT EXISTS (SELECT FROM constituent k WHERE lower(k.name) = n.name)
        WHEN 'sender' THEN n.name NOT LIKE '%@%' AND NOT EXISTS (SELECT FROM identity i WHERE i.login = n.name) AND NOT EXISTS (SELECT FROM peer p WHERE lower(p.name) = n.name)
            AND NOT EXISTS (SELECT FROM sender s WHERE s.address = n.name)
        WHEN 'known-good' THEN NOT EXISTS (SELECT FROM warninglist w WHERE w.name = n.name)
        WHEN 'port' THEN n.name ~ '^[0-9]+$' AND n.name::numeric > 65535
        WHEN 'cve' THEN n.name !~ '^cve-[0-9]{4}-[0-9]{4,}$'
        WHEN 'hash' THEN n.name !~ '^([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})$'
        WHEN 'email' THEN n.name NOT LIKE '%@%'
        WHEN 'sector' THEN NOT EXISTS (SELECT FROM constituent k WHERE lower(k.sector) = n.name)
        WHEN 'country' THEN n.name !~ '^[a-z]{2}$'
        WHEN 'auth' THEN n.name !~ '^(dmarc|spf|dkim)-(none|pass|fail|softfail|neutral|policy|temperror|permerror)$' -- RFC 8601, 2.7
        WHEN 'format' THEN n.name <> ALL (report_formats()) AND n.name NOT LIKE 'csv:%'
        WHEN 'channel' THEN n.name NOT IN ('https', 'mail', 'rid', 'drop', 'poll', 'taxii', 'phone', 'walk-in', 'chat', 'letter')
        WHEN 'assurance' THEN n.name NOT IN ('pinned-key', 'certificate', 'dmarc', 'unknown')
        WHEN 'signed' THEN n.name NOT IN ('unprotected', 'verified', 'unknown-key', 'not-sender', 'bad', 'expired', 'revoked', 'mixed', 'fresh')
        WHEN 'encryption' THEN n.name NOT IN ('part', 'whole', 'undecryptable')
        WHEN 'or' THEN true WHEN 'twice' THEN true
        WHEN 'owner' THEN NOT EXISTS (SELECT FROM identity i WHERE i.login = n.name AND i.enabled AND i.role IN ('analyst', 'lead', 'admin'))
        ELSE n.name NOT LIKE '%@%' AND NOT EXISTS (SELECT FROM identity i WHERE i.enabled AND n.name IN (i.login, lower(i.level))) END
    ORDER BY 1, 2 $$;

-- What is wrong with a text beyond its grammar, and what is only told (is_wrong false); place NULL: somewhere in the line.
CREATE OR REPLACE FUNCTION rule_faults(p_name text, p_text text) RETURNS TABLE (no bigint, place int, said text, is_wrong boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT e.no, e.place, e.said, true FROM rule_bad_ends(p_text, rule_new_drops(p_name, p_text)) e
    UNION ALL SELECT u.no, NULL, string_agg(u.said, '; ' ORDER BY u.said), false FROM rule_unknown(p_text) u GROUP BY u.no ORDER BY 1, 4 DESC, 2 $$;

-- Takes effect at once, or waits for a second person where it throws away more; what waited before is superseded either way.
CREATE OR REPLACE FUNCTION rule_write(p_name text, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_name text := coalesce(p_name, p_body ->> 'name');
    v_text text := p_body ->> 'text';
    v_action text := CASE WHEN p_name IS NULL THEN 'add' ELSE 'set' END;
    v_in_force text;
    v_drops text[];
    v_approval bigint;
    v_gone text;
BEGIN
    PERFORM record_check(p_body, '{name,text}');
    IF coalesce(v_name, '') !~ '^[a-z][a-z0-9-]{0,62}$' THEN
        PERFORM refuse('CI422', format('"%s" is no name of a rule set', left(v_name, 100)), 'lower-case letters, digits and -', '{"at": "/name"}');
    ELSIF v_text IS NULL THEN
        PERFORM refuse('CI422', 'a rule set needs text', NULL, '{"at": "/text"}');
    END IF;
    PERFORM pg_advisory_xact_lock(20260103);
    SELECT r.text INTO v_in_force FROM rule_set r WHERE r.name = v_name AND r.is_current;
    IF p_name IS NULL AND (v_in_force IS NOT NULL OR EXISTS (SELECT FROM rule_waiting w WHERE w.name = v_name)) THEN
        PERFORM record_exists('rule', v_name);
    ELSIF p_name IS NOT NULL AND v_in_force IS NULL AND NOT EXISTS (SELECT FROM rule_waiting w WHERE w.name = v_name) THEN
        PERFORM record_missing('rule', p_name);
    END IF;
    SELECT format('what %s asked for on %s UTC and waited for a second person is gone with it', i.login, to_char(w.asked AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'))
        INTO v_gone FROM rule_waiting w JOIN identity i ON i.id = w.asked_by WHERE w.name = v_name;
    v_drops := rule_new_drops(v_name, v_text);
    PERFORM refuse('CI422', format('line %s, character %s: %s', e.no, e.place, e.said), 'a last day within a year from now: until:2027-03-31', '{"at": "/text"}')
        FROM (SELECT * FROM rule_bad_ends(v_text, v_drops) x ORDER BY x.no LIMIT 1) e;
    IF cardinality(v_drops) = 0 THEN
        PERFORM record_journal('rule', v_action, format('%s version %s', v_name, rule_put(v_name, v_text, viewer())), p_body);
    ELSE
        INSERT INTO approval (action, subject, asked_by) VALUES ('rule', format('%s: %s', v_name, encode(sha256(convert_to(v_text, 'UTF8')), 'hex')), viewer())
            RETURNING id INTO v_approval;
        INSERT INTO rule_waiting AS w (name, text, approval_id, asked_by, drops) VALUES (v_name, v_text, v_approval, viewer(), v_drops)
            ON CONFLICT (name) DO UPDATE SET text = EXCLUDED.text, approval_id = EXCLUDED.approval_id, asked_by = EXCLUDED.asked_by, asked = now(), drops = EXCLUDED.drops;
        PERFORM record_journal('rule', v_action || ' asked', format('%s waits for a second person: it drops or suppresses by %s', v_name, array_to_string(v_drops, ', ')), p_body);
    END IF;
    RETURN (SELECT json_join(rule_json(r), json_build_object('warnings', to_json(array_remove(ARRAY[v_gone], NULL)
                || ARRAY(SELECT format('line %s: %s', u.no, u.said) FROM rule_unknown(v_text) u ORDER BY u.no))))
            FROM visible_rule r WHERE r.name = v_name);
END $$;

-- The second person: another one, a lead or admin, who read exactly this text (p_id is the number that came with it).
CREATE OR REPLACE FUNCTION rule_approve(p_name text, p_id bigint) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    w rule_waiting;
BEGIN
    PERFORM pg_advisory_xact_lock(20260103);
    SELECT * INTO w FROM rule_waiting x WHERE x.name = p_name;
    IF w.name IS NULL THEN
        PERFORM refuse(CASE WHEN EXISTS (SELECT FROM visible_rule r WHERE r.name = p_name) THEN 'CI409' ELSE 'CI404' END,
                       format('no text of the rule set "%s" waits', left(p_name, 100)), 'cirt rule ls');
    ELSIF w.approval_id IS DISTINCT FROM p_id THEN
        PERFORM refuse('CI409', format('the text of "%s" that waits was changed meanwhile', p_name), format('read it again: cirt rule approve %s', p_name));
    ELSIF w.asked_by = viewer() THEN
        PERFORM refuse('CI403', 'a second person must approve what you asked for yourself', 'ask another lead or admin');
    ELSIF NOT viewer_is('lead') AND NOT viewer_is('admin') THEN
        PERFORM refuse('CI403', 'rules that drop or suppress are approved by a lead or an admin');
    END IF;
    UPDATE approval a SET granted_by = viewer(), granted = now() WHERE a.id = w.approval_id;
    PERFORM record_journal('rule', 'approve', format('%s version %s, asked by %s', p_name, rule_put(p_name, w.text, w.asked_by),
                           (SELECT i.login FROM identity i WHERE i.id = w.asked_by)), jsonb_build_object('drops', w.drops));
    RETURN (SELECT rule_json(r) FROM visible_rule r WHERE r.name = p_name);
END $$;

-- Whoever asked takes it back, or another refuses.
CREATE OR REPLACE FUNCTION rule_refuse(p_name text, p_reason text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_asked text := (SELECT i.login FROM rule_waiting w JOIN identity i ON i.id = w.asked_by WHERE w.name = p_name);
BEGIN
    DELETE FROM rule_waiting w WHERE w.name = p_name;
    IF NOT FOUND THEN
        PERFORM refuse(CASE WHEN EXISTS (SELECT FROM visible_rule r WHERE r.name = p_name) THEN 'CI409' ELSE 'CI404' END,
                       format('no text of the rule set "%s" waits', left(p_name, 100)), 'cirt rule ls');
    END IF;
    PERFORM record_journal('rule', 'refuse', format('%s, asked by %s%s', p_name, v_asked, coalesce(': ' || left(p_reason, 500), '')), '{}');
    RETURN json_build_object('name', p_name, 'refused', true);
END $$;

CREATE OR REPLACE FUNCTION rule_remove(p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_drops text[];
BEGIN
    PERFORM pg_advisory_xact_lock(20260103);
    IF NOT EXISTS (SELECT FROM visible_rule r WHERE r.name = p_name) THEN
        PERFORM record_missing('rule', p_name);
    END IF;
    v_drops := rule_new_drops(p_name, NULL);
    IF cardinality(v_drops) > 0 THEN
        PERFORM refuse('CI409', format('without what %s holds more is dropped or suppressed by %s', p_name, array_to_string(v_drops, ', ')),
                       format('a second person lets its rules with hold go: cirt rule set %s --file FILE without them, then remove it', p_name));
    END IF;
    UPDATE rule_set r SET is_current = false WHERE r.name = p_name AND r.is_current;
    DELETE FROM rule_waiting w WHERE w.name = p_name;
    PERFORM record_journal('rule', 'remove', p_name, '{}');
    PERFORM pg_notify('cirt_rules', '');
END $$;

-- --- what is shown ---

CREATE VIEW visible_case_rule AS
SELECT r.case_id, r.set_name, r.version, r.rule, r.action, r.place, r.opened, r.applied, r.note, r.observations, r.report_id, r.since, r.last
FROM case_rule r JOIN visible_case_key v ON v.id = r.case_id;

-- Which rule did what, in the order in which they spoke, the first 100. The first report only where the viewer may see it.
CREATE OR REPLACE FUNCTION case_rules(p_case bigint) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT coalesce(json_agg(json_build_object('rule', x.rule, 'set', x.set_name, 'version', x.version, 'opened', x.opened, 'actions', x.actions, 'observations', x.observations,
            'report', (SELECT 'r' || k.id FROM visible_report_key k WHERE k.id = x.report_id), 'first', time_text(x.since), 'last', time_text(x.last)) ORDER BY x.since, x.place), '[]')
    FROM (SELECT r.set_name, r.rule, max(r.version) AS version, bool_or(r.opened) AS opened, max(r.observations) AS observations, min(r.report_id) AS report_id, min(r.since) AS since,
                 max(r.last) AS last, min(r.place) AS place,
                 json_agg(json_build_object('action', r.action, 'applied', r.applied, 'note', r.note) ORDER BY r.place, r.action) AS actions
          FROM visible_case_rule r WHERE r.case_id = p_case GROUP BY r.set_name, r.rule ORDER BY min(r.since), min(r.place) LIMIT 100) x);
END $$;

-- Rows of rule_swallowed whose report the viewer may read: why a row was kept back may tell what is in it.
CREATE VIEW visible_swallowed AS
SELECT w.set_name, w.rule, w.version, w.kind, w.reason, w.report_id, w.received, w.observations, w.at FROM rule_swallowed w
    JOIN visible_report_whole k ON k.id = w.report_id AND k.received = w.received;

-- The first observables of what was swallowed of a report, to be recognised by.
CREATE OR REPLACE FUNCTION swallowed_values(w visible_swallowed) RETURNS json LANGUAGE sql STABLE
RETURN (SELECT coalesce(json_agg(s.value), '[]') FROM (
    SELECT x.value FROM visible_sighting x WHERE x.report_id = w.report_id AND x.received = w.received AND w.observations @> x.observation_no
    ORDER BY x.observation_no, x.role LIMIT 3) s);

-- How many of them have come into cases since: what was let go.
CREATE OR REPLACE FUNCTION swallowed_in_cases(w visible_swallowed) RETURNS bigint LANGUAGE sql STABLE
RETURN (SELECT coalesce(sum(upper(n) - lower(n)), 0) FROM unnest((SELECT range_agg(m.observations) FROM visible_member m WHERE m.report_id = w.report_id) * w.observations) n);

-- p_name a rule, or a set for all of its rules. A name that nothing has, or had when it swallowed something, is a typing error: "nothing" would calm for nothing.
CREATE OR REPLACE FUNCTION rule_swallowed_json(p_name text, p_since timestamptz, p_limit bigint, p_offset bigint) RETURNS SETOF json
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM visible_swallowed x WHERE x.rule = p_name OR x.set_name = p_name) AND NOT EXISTS (
        SELECT FROM visible_rule r WHERE r.name = p_name OR position('"' || replace(replace(p_name, '\', '\\'), '"', '\"') || '"' IN r.text) > 0) THEN
        PERFORM refuse('CI404', format('there is no rule and no set "%s"', left(p_name, 100)), 'cirt rule ls; cirt rule show SET');
    END IF;
    RETURN QUERY
    SELECT json_build_object('set', w.set_name, 'rule', w.rule, 'version', w.version, 'did', w.kind, 'reason', w.reason, 'report', 'r' || w.report_id, 'received', time_text(w.received),
            'at', time_text(w.at), 'observations', (SELECT coalesce(sum(upper(n) - lower(n)), 0) FROM unnest(w.observations) n), 'in_cases', swallowed_in_cases(w), 'values', swallowed_values(w), 'state', r.state,
            'sender', r.sender, 'summary', report_summary(r.summary, r.description))
    FROM (SELECT * FROM visible_swallowed x WHERE (x.rule = p_name OR x.set_name = p_name) AND (p_since IS NULL OR x.at >= p_since)
          ORDER BY x.at DESC, x.report_id DESC LIMIT p_limit OFFSET p_offset) w
    JOIN visible_report r ON r.id = w.report_id AND r.received = w.received ORDER BY w.at DESC, w.report_id DESC;
END $$;

-- --- the doctor ---

-- What waits for a second person, what has ended, and what was thrown away within a day, of reports that the viewer may see.
CREATE OR REPLACE FUNCTION rule_checks() RETURNS TABLE (name text, ok boolean, text text, hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT 'rules ' || w.name, true, format('wait for a second person since %s UTC, asked by %s', to_char(w.asked AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), i.login), format('cirt rule approve %s', w.name)
        FROM rule_waiting w JOIN identity i ON i.id = w.asked_by ORDER BY w.name;
    RETURN QUERY SELECT 'rules ' || r.name, true, format('what %s suppressed is over', string_agg(format('"%s"', l.rule), ', ' ORDER BY l.no)),
            'take it out, or set another last day: cirt rule set ' || r.name
        FROM rule_set r CROSS JOIN rule_lines(r.text) l WHERE r.is_current AND l.until <= now() GROUP BY r.name ORDER BY r.name;
    -- Each report and observation once, whatever rules dropped it, less what was let go and is in cases now.
    RETURN QUERY WITH swallowed AS MATERIALIZED (
            SELECT w.rule, w.report_id, w.observations - coalesce(c.observations, '{}') AS observations
            FROM (SELECT DISTINCT h.rule FROM rule_hits h) h JOIN visible_swallowed w ON w.rule = h.rule
            CROSS JOIN LATERAL (SELECT range_agg(m.observations) AS observations FROM case_member m WHERE m.report_id = w.report_id AND m.until IS NULL) c
            WHERE w.kind <> 'hold' AND w.at > now() - interval '1 day' AND (c.observations IS NULL OR NOT w.observations <@ c.observations)),
        report AS (SELECT s.report_id, range_agg(s.observations) AS observations FROM swallowed s GROUP BY s.report_id),
        most AS (SELECT s.rule FROM swallowed s GROUP BY s.rule ORDER BY sum((SELECT sum(upper(n) - lower(n)) FROM unnest(s.observations) n)) DESC NULLS LAST, s.rule LIMIT 1)
        SELECT 'dropped by rules', true, format('%s of %s within a day, most by "%s"',
               counted(coalesce(sum((SELECT sum(upper(n) - lower(n)) FROM unnest(r.observations) n)), 0), 'observation'), counted(count(*), 'report'), m.rule), format('cirt rule swallowed ''%s'' --since 1d', m.rule)
        FROM report r CROSS JOIN most m GROUP BY m.rule;
END $$;
