-- Settings of classes, what waits below them, and suppressions: what desk shows and changes.

DROP VIEW IF EXISTS visible_class_setting, visible_waiting, visible_suppression, visible_suppressed, visible_statement CASCADE;
CREATE VIEW visible_class_setting AS
SELECT s.class, s.window_days, s.observations, s.addresses, s.immediate, s.sectors, s.unowned, s.relapse_days, s.age_days, s.priority, s.changed, i.login AS changed_by
FROM class_setting s LEFT JOIN identity i ON i.id = s.changed_by WHERE viewer() IS NOT NULL;

CREATE VIEW visible_waiting AS
SELECT w.class, w.join_key, k.name AS constituent, sender_name(w.sender_id) AS sender, w.report_id, w.rows, cardinality(w.subjects) AS subjects, w.tlp, w.since,
       w.first_seen, w.last_seen, w.drill_id
FROM waiting_row w LEFT JOIN constituent k ON k.id = w.constituent_id
WHERE viewer() IS NOT NULL
  AND (w.compartment_id = 0 OR w.compartment_id IN (SELECT m.compartment_id FROM compartment_member m WHERE m.identity_id = viewer()))
  AND (w.tlp < 4 OR viewer_reads_report(w.report_id));

CREATE VIEW visible_suppression AS
SELECT s.id, s.name, s.class, k.name AS constituent, sender_name(s.sender_id) AS sender, s.value, s.until, s.reason, s.created, i.login AS created_by, s.ended,
       e.login AS ended_by, s.approved, p.login AS approved_by, s.rows, s.last_row,
       CASE WHEN s.ended IS NOT NULL THEN 'ended' WHEN s.until <= now() THEN 'over' WHEN s.approved IS NULL THEN 'waiting' ELSE 'active' END AS state,
       CASE WHEN w.suppression_id IS NOT NULL THEN json_build_object('id', w.approval_id, 'until', time_text(w.until), 'reason', w.reason, 'asked', time_text(w.asked), 'asked_by', a.login,
           'mine', w.asked_by = viewer()) END AS waiting
FROM suppression s LEFT JOIN constituent k ON k.id = s.constituent_id LEFT JOIN identity i ON i.id = s.created_by LEFT JOIN identity e ON e.id = s.ended_by
    LEFT JOIN identity p ON p.id = s.approved_by LEFT JOIN suppression_waiting w ON w.suppression_id = s.id LEFT JOIN identity a ON a.id = w.asked_by
WHERE viewer() IS NOT NULL;

CREATE VIEW visible_suppressed AS
SELECT r.suppression_id, r.report_id, r.received, r.observations, r.at FROM suppressed_row r JOIN visible_report_whole v ON v.id = r.report_id AND v.received = r.received;

-- What a sender stated, of reports one may see.
CREATE VIEW visible_statement AS
SELECT o.report_id, o.received, o.no, t.first_seen, t.last_seen, t.rows FROM observation o
    JOIN visible_report_key v ON v.id = o.report_id AND v.received = o.received
    JOIN report r ON r.id = o.report_id AND r.received = o.received
    JOIN report_content c ON c.report_id = o.report_id AND c.received = o.received
    CROSS JOIN LATERAL (SELECT greatest(c.tlp, max(i.tlp)) AS tlp FROM sighting i WHERE i.report_id = o.report_id AND i.received = o.received AND i.observation_no = o.no) x
    CROSS JOIN LATERAL (SELECT s.first_seen, s.last_seen, s.rows FROM statement s
        WHERE s.bucket = ANY (ARRAY[statement_bucket(now()), statement_bucket(now()) - 1]) AND s.statement = statement_number(o.statement, x.tlp, o.compartment_id) AND s.sender_id = r.sender_id
          AND s.drill_id = r.drill_id ORDER BY s.bucket DESC LIMIT 1) t;

-- --- classes ---

-- What is set, in the API's words. own: those that this row says itself.
CREATE OR REPLACE FUNCTION class_list(p_classes text[], p_priorities smallint[], p_shows_waiting boolean) RETURNS SETOF json
LANGUAGE sql STABLE AS $$
    WITH open AS MATERIALIZED (
        SELECT k.class, count(*) AS cases FROM visible_case_key k WHERE k.state IN ('new', 'open', 'waiting') AND k.drill_id = 0 GROUP BY k.class),
    low AS MATERIALIZED (
        SELECT w.class, sum(w.rows) AS rows FROM visible_waiting w WHERE w.drill_id = 0 GROUP BY w.class)
    SELECT CASE WHEN p_shows_waiting THEN json_join(v.item, json_build_object('waiting_list', (
               SELECT coalesce(json_agg(json_build_object('key', x.join_key, 'class', x.class, 'constituent',
               x.constituent, 'observations', x.rows, 'reports', x.reports, 'first_seen', time_text(x.first_seen), 'last_seen', time_text(x.last_seen)) ORDER BY x.rows DESC,
               x.join_key), '[]')
               FROM (SELECT w.join_key, w.class, w.constituent, sum(w.rows) AS rows, json_agg('r' || w.report_id ORDER BY w.report_id) AS reports, min(w.first_seen) AS first_seen,
                            max(w.last_seen) AS last_seen
                     FROM visible_waiting w WHERE w.drill_id = 0 AND f.class IN (w.class, split_part(w.class, '/', 1), '*')
                     GROUP BY w.join_key, w.class, w.constituent ORDER BY sum(w.rows) DESC, 1 LIMIT 100) x))) ELSE v.item END
    FROM unnest(p_classes, p_priorities) WITH ORDINALITY u(class, priority, ord) JOIN class_in_force(p_classes) f ON f.class = u.class
    CROSS JOIN LATERAL (SELECT json_build_object('class', f.class, 'window', f.window_days, 'observations', f.observations, 'addresses', f.addresses, 'immediate', f.immediate,
               'sectors', f.sectors, 'unowned', f.unowned, 'relapse', f.relapse_days, 'age', f.age_days, 'priority', priority_name(coalesce(f.priority, u.priority)),
               'own', (SELECT array_remove(ARRAY[CASE WHEN s.window_days IS NOT NULL THEN 'window' END, CASE WHEN s.observations IS NOT NULL THEN 'observations' END,
                       CASE WHEN s.addresses IS NOT NULL THEN 'addresses' END, CASE WHEN s.immediate IS NOT NULL THEN 'immediate' END,
                       CASE WHEN s.sectors IS NOT NULL THEN 'sectors' END, CASE WHEN s.unowned IS NOT NULL THEN 'unowned' END,
                       CASE WHEN s.relapse_days IS NOT NULL THEN 'relapse' END, CASE WHEN s.age_days IS NOT NULL THEN 'age' END,
                       CASE WHEN s.priority IS NOT NULL THEN 'priority' END], NULL) FROM visible_class_setting s WHERE s.class = f.class),
               'open', (SELECT coalesce(sum(o.cases), 0) FROM open o WHERE f.class IN (o.class, split_part(o.class, '/', 1), '*')),
               'waiting', (SELECT coalesce(sum(l.rows), 0) FROM low l WHERE f.class IN (l.class, split_part(l.class, '/', 1), '*'))) AS item) v
    ORDER BY u.ord $$;

-- A number of the body within its bounds; null clears.
CREATE OR REPLACE FUNCTION class_number(p_body jsonb, p_name text, p_old int, p_low int, p_high int) RETURNS int
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT p_body ? p_name THEN
        RETURN p_old;
    ELSIF p_body -> p_name = 'null' THEN
        RETURN NULL;
    ELSIF jsonb_typeof(p_body -> p_name) <> 'number' OR p_body ->> p_name !~ '^\d{1,9}$' OR (p_body ->> p_name)::int NOT BETWEEN p_low AND p_high THEN
        PERFORM refuse('CI422', format('%s is a whole number from %s to %s', p_name, p_low, p_high), NULL, json_build_object('at', '/' || p_name));
    END IF;
    RETURN (p_body ->> p_name)::int;
END $$;

-- p_class: desk has looked it up in the taxonomy. Null takes a class's own word back; of all classes ("*") it sets the default.
CREATE OR REPLACE FUNCTION class_write(p_class text, p_priority smallint, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    s class_setting;
BEGIN
    PERFORM record_check(p_body, '{window,observations,addresses,immediate,sectors,unowned,relapse,age,priority}');
    SELECT * INTO s FROM class_setting c WHERE c.class = p_class FOR UPDATE;
    s.window_days := class_number(p_body, 'window', s.window_days, 1, 3650);
    s.observations := class_number(p_body, 'observations', s.observations, 1, 1000000);
    s.addresses := class_number(p_body, 'addresses', s.addresses, 1, 1000);
    s.unowned := class_number(p_body, 'unowned', s.unowned, 0, 10000);
    s.relapse_days := class_number(p_body, 'relapse', s.relapse_days, 0, 3650);
    s.age_days := class_number(p_body, 'age', s.age_days, 0, 3650);
    IF p_body ? 'immediate' THEN
        IF jsonb_typeof(p_body -> 'immediate') NOT IN ('boolean', 'null') THEN
            PERFORM refuse('CI422', 'immediate is true or false', NULL, '{"at": "/immediate"}');
        END IF;
        s.immediate := (p_body ->> 'immediate')::boolean;
    END IF;
    IF p_body ? 'sectors' THEN
        s.sectors := CASE WHEN p_body -> 'sectors' <> 'null' THEN record_list(p_body, 'sectors') END;
    END IF;
    IF p_body ? 'priority' THEN
        s.priority := priority_number(lower(p_body ->> 'priority'));
        IF s.priority IS NULL AND p_body ->> 'priority' IS NOT NULL THEN
            PERFORM refuse('CI422', format('"%s" is no priority', left(p_body ->> 'priority', 100)), 'one of critical, high, medium, low', '{"at": "/priority"}');
        END IF;
    END IF;
    IF p_class = '*' THEN
        s := (s.class, coalesce(s.window_days, 7), coalesce(s.observations, 1), coalesce(s.addresses, 1), coalesce(s.immediate, false), coalesce(s.sectors, '{}'),
              coalesce(s.unowned, 25), coalesce(s.relapse_days, 14), coalesce(s.age_days, 30), s.priority, now(), viewer())::class_setting;
    END IF;
    INSERT INTO class_setting VALUES (p_class, s.window_days, s.observations, s.addresses, s.immediate, s.sectors, s.unowned, s.relapse_days, s.age_days, s.priority,
                                      now(), viewer())
        ON CONFLICT (class) DO UPDATE SET window_days = EXCLUDED.window_days, observations = EXCLUDED.observations, addresses = EXCLUDED.addresses,
            immediate = EXCLUDED.immediate, sectors = EXCLUDED.sectors, unowned = EXCLUDED.unowned, relapse_days = EXCLUDED.relapse_days,
            age_days = EXCLUDED.age_days, priority = EXCLUDED.priority, changed = now(), changed_by = EXCLUDED.changed_by;
    PERFORM record_journal('class', 'set', p_class, p_body);
    RETURN (SELECT class_list(ARRAY[p_class], ARRAY[p_priority], true));
END $$;

-- Back to what holds for the wider ones.
CREATE OR REPLACE FUNCTION class_remove(p_class text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF p_class = '*' THEN
        PERFORM refuse('CI409', 'what holds for all classes can be set, not removed', 'cirt class set ''*'' ...');
    END IF;
    DELETE FROM class_setting s WHERE s.class = p_class;
    IF NOT FOUND THEN
        PERFORM refuse('CI404', format('nothing is set for %s', left(p_class, 100)), 'cirt class ls');
    END IF;
    PERFORM record_journal('class', 'remove', p_class, '{}');
END $$;

-- --- suppressions ---

-- One alone tells the reports behind it, too.
CREATE OR REPLACE FUNCTION suppression_list(p_name text) RETURNS SETOF json
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_name IS NULL THEN v.item ELSE json_join(v.item, json_build_object('report_list', (
               SELECT coalesce(json_agg(json_build_object('report', 'r' || x.report_id, 'observations', x.rows, 'time', time_text(x.at)) ORDER BY x.report_id DESC), '[]')
               FROM (SELECT r.report_id, r.at, (SELECT sum(upper(n) - lower(n)) FROM unnest(r.observations) n) AS rows FROM visible_suppressed r
                     WHERE r.suppression_id = s.id ORDER BY r.report_id DESC LIMIT 100) x))) END
    FROM visible_suppression s CROSS JOIN LATERAL (
        SELECT json_build_object('name', s.name, 'state', s.state, 'class', s.class, 'constituent', s.constituent, 'sender', s.sender, 'value', s.value,
               'until', time_text(s.until), 'reason', s.reason, 'observations', s.rows, 'last_row', time_text(s.last_row), 'created', time_text(s.created),
               'created_by', s.created_by, 'approved', time_text(s.approved), 'approved_by', s.approved_by, 'ended', time_text(s.ended), 'ended_by', s.ended_by,
               'waits_for', CASE WHEN s.waiting IS NOT NULL THEN 'second person' || CASE WHEN s.state = 'active' THEN ': '
                   || concat_ws(' and ', CASE WHEN (s.waiting ->> 'until')::timestamptz <> s.until THEN 'until ' || left(s.waiting ->> 'until', 10) END,
                                CASE WHEN s.waiting ->> 'reason' IS NOT NULL THEN 'another reason' END) ELSE '' END END,
               'waiting', s.waiting) AS item) v
    WHERE p_name IS NULL OR s.name = p_name ORDER BY s.state <> 'active', s.until, s.name $$;

CREATE OR REPLACE FUNCTION suppression_until(p_body jsonb) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE v_until timestamptz;
BEGIN
    BEGIN
        v_until := (p_body ->> 'until')::timestamptz;
    EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow THEN
        v_until := NULL;
    END;
    IF v_until IS NULL OR v_until <= now() OR v_until > now() + interval '366 days' THEN
        PERFORM refuse('CI422', CASE WHEN v_until <= now() THEN 'the end of a suppression is to come' WHEN v_until IS NOT NULL THEN 'a suppression ends within a year from now'
                                     ELSE 'a suppression needs an end, within a year from now' END, 'cirt suppression add NAME --until 30d ...', '{"at": "/until"}');
    END IF;
    RETURN v_until;
END $$;

-- A value in the form that sightings have: an address or network, a name (with all below it), or anything else word for word.
CREATE OR REPLACE FUNCTION suppression_value(p_value text, OUT addr inet, OUT host text, OUT other text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    BEGIN
        addr := CASE WHEN p_value ~ '^[0-9a-fA-F:.]+(/\d+)?$' AND p_value ~ '[.:]' THEN p_value::inet END;
    EXCEPTION WHEN invalid_text_representation THEN
        addr := NULL;
    END;
    IF addr IS NULL AND p_value ~ '^[0-9a-fA-F:.]+/\d+$' THEN
        PERFORM refuse('CI422', format('"%s" is no network', left(p_value, 100)), 'an address with its prefix length, as 192.0.2.0/24', '{"at": "/value"}');
    ELSIF addr IS NULL AND p_value ~ '^\d+(\.\d+)+$|^[0-9a-fA-F:.]*::[0-9a-fA-F:.]*$' THEN
        PERFORM refuse('CI422', format('"%s" is no address', left(p_value, 100)), 'as 192.0.2.7 or 2001:db8::7', '{"at": "/value"}');
    ELSIF addr <> network(addr) THEN
        PERFORM refuse('CI422', format('"%s" is an address within the network %s', left(p_value, 100), network(addr)),
                       format('%s for the address alone, %s for all of the network', host(addr), network(addr)), '{"at": "/value"}');
    ELSIF addr IS NOT NULL THEN
        addr := network(addr);
    ELSIF p_value ~* '^([a-z0-9_-]+\.)+[a-z][a-z0-9-]+\.?$' THEN
        host := lower(rtrim(p_value, '.'));
    ELSE
        other := p_value;
    END IF;
END $$;

-- Lets another lead or admin look at it first: what waited before is superseded.
SELECT drop_overloads('suppression_ask');
CREATE OR REPLACE FUNCTION suppression_ask(p_id bigint, p_name text, p_until timestamptz, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_approval bigint;
BEGIN
    INSERT INTO approval (action, subject, asked_by) VALUES ('suppression', format('%s until %s', p_name, time_text(p_until)), viewer()) RETURNING id INTO v_approval;
    INSERT INTO suppression_waiting (suppression_id, approval_id, asked_by, until, reason) VALUES (p_id, v_approval, viewer(), p_until, p_reason)
        ON CONFLICT (suppression_id) DO UPDATE SET approval_id = EXCLUDED.approval_id, asked_by = EXCLUDED.asked_by, asked = now(), until = EXCLUDED.until,
            reason = EXCLUDED.reason;
END $$;

-- p_body's class: desk has looked it up in the taxonomy. What is suppressed stays as it was ordered; its end and reason may change. A new one, a later end
-- and another reason wait for a second person; meanwhile all stays as it was.
CREATE OR REPLACE FUNCTION suppression_write(p_name text, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    s suppression;
    v_name text := lower(coalesce(p_name, p_body ->> 'name'));
    v_until timestamptz;
    v_approved_reason text; -- of one in force
    v_other_reason text; -- that waits
    w suppression_waiting;
    v_gone text;
BEGIN
    PERFORM record_check(p_body, CASE WHEN p_name IS NULL THEN '{name,class,constituent,sender,value,until,reason}' ELSE '{until,reason}' END::text[]);
    SELECT * INTO s FROM suppression x WHERE x.name = v_name FOR UPDATE;
    IF p_name IS NULL THEN
        IF s.id IS NOT NULL THEN
            PERFORM record_exists('suppression', v_name);
        ELSIF coalesce(v_name, '') !~ '^[a-z0-9][a-z0-9._-]{0,62}$' THEN
            PERFORM refuse('CI422', format('"%s" is no name of a suppression', left(v_name, 100)), 'lower-case letters, digits, . _ -', '{"at": "/name"}');
        ELSIF num_nonnulls(p_body ->> 'class', p_body ->> 'constituent', p_body ->> 'sender', p_body ->> 'value') = 0 THEN
            PERFORM refuse('CI422', 'a suppression names a class, constituent, sender or value');
        END IF;
        s.class := p_body ->> 'class';
        s.constituent_id := (SELECT k.id FROM constituent k WHERE k.name = p_body ->> 'constituent');
        s.sender_id := (SELECT min(x.id) FROM sender x LEFT JOIN identity i ON i.id = x.identity_id LEFT JOIN peer p ON p.id = x.peer_id
                        WHERE p_body ->> 'sender' IN (i.login, p.name, x.address));
        IF s.constituent_id IS NULL AND p_body ->> 'constituent' IS NOT NULL THEN
            PERFORM record_missing('constituent', p_body ->> 'constituent');
        ELSIF s.sender_id IS NULL AND p_body ->> 'sender' IS NOT NULL THEN
            PERFORM refuse('CI404', format('there is no sender "%s": nobody of this name or address ever sent a report', left(p_body ->> 'sender', 100)),
                           'who sends: cirt feed ls; cirt peer ls; cirt report ls');
        END IF;
    ELSIF s.id IS NULL THEN
        PERFORM record_missing('suppression', p_name);
    ELSIF s.ended IS NOT NULL THEN
        PERFORM refuse('CI409', format('suppression %s was ended', s.name), 'add another one');
    END IF;
    SELECT * INTO w FROM suppression_waiting x WHERE x.suppression_id = s.id;
    v_until := CASE WHEN p_name IS NULL OR p_body ? 'until' THEN suppression_until(p_body) ELSE coalesce(w.until, s.until) END;
    v_approved_reason := CASE WHEN s.approved IS NOT NULL THEN s.reason END;
    s.reason := btrim(record_text(p_body, 'reason', s.reason));
    IF coalesce(length(s.reason), 0) NOT BETWEEN 1 AND 500 THEN
        PERFORM refuse('CI422', 'a suppression needs a reason, of at most 500 characters', 'cirt suppression add NAME --reason WHY ...', '{"at": "/reason"}');
    END IF;
    IF p_name IS NULL THEN
        INSERT INTO suppression (name, class, constituent_id, sender_id, value, addr, host, other, until, reason, created_by)
            SELECT v_name, s.class, s.constituent_id, s.sender_id, p_body ->> 'value', v.addr, v.host, v.other, v_until, s.reason, viewer()
            FROM suppression_value(nullif(p_body ->> 'value', '')) v RETURNING * INTO s;
    ELSE
        UPDATE suppression x SET until = CASE WHEN s.approved IS NULL THEN v_until ELSE least(v_until, x.until) END, reason = coalesce(v_approved_reason, s.reason)
            WHERE x.id = s.id;
    END IF;
    IF p_body ? 'until' AND w.until > s.until AND s.approved IS NOT NULL THEN
        v_gone := format('the end on %s, which %s asked for and which waited for a second person, is gone with it', to_char(w.until AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
                         (SELECT i.login FROM identity i WHERE i.id = w.asked_by));
    END IF;
    v_other_reason := CASE WHEN NOT p_body ? 'reason' THEN w.reason WHEN s.reason <> v_approved_reason THEN s.reason END;
    IF s.approved IS NULL OR v_until > s.until OR v_other_reason IS NOT NULL THEN
        PERFORM suppression_ask(s.id, v_name, v_until, v_other_reason);
    ELSE
        DELETE FROM suppression_waiting x WHERE x.suppression_id = s.id;
    END IF;
    PERFORM record_journal('suppression', CASE WHEN p_name IS NULL THEN 'add' ELSE 'set' END
        || CASE WHEN EXISTS (SELECT FROM suppression_waiting x WHERE x.suppression_id = s.id) THEN ' asked' ELSE '' END, v_name, p_body);
    RETURN json_join((SELECT suppression_list(v_name)), json_build_object('warnings', array_remove(ARRAY[v_gone], NULL)));
END $$;

-- The second person: another one, a lead or admin, who read exactly this (p_id is the number that came with it).
CREATE OR REPLACE FUNCTION suppression_approve(p_name text, p_id bigint) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    s suppression;
    w suppression_waiting;
BEGIN
    SELECT * INTO s FROM suppression x WHERE x.name = p_name FOR UPDATE;
    SELECT * INTO w FROM suppression_waiting x WHERE x.suppression_id = s.id;
    IF s.id IS NULL THEN
        PERFORM record_missing('suppression', p_name);
    ELSIF w.suppression_id IS NULL THEN
        PERFORM refuse('CI409', format('nothing of the suppression "%s" waits', left(p_name, 100)), 'cirt suppression ls');
    ELSIF w.approval_id IS DISTINCT FROM p_id THEN
        PERFORM refuse('CI409', format('what waits of "%s" was changed meanwhile', p_name), format('read it again: cirt suppression approve %s', p_name));
    ELSIF w.asked_by = viewer() THEN
        PERFORM refuse('CI403', 'a second person must approve what you asked for yourself', 'ask another lead or admin');
    ELSIF NOT viewer_is('lead') AND NOT viewer_is('admin') THEN
        PERFORM refuse('CI403', 'suppressions are approved by a lead or an admin');
    ELSIF w.until <= now() THEN
        PERFORM refuse('CI409', 'its end has passed while it waited', format('cirt suppression set %s --until 30d', p_name));
    END IF;
    UPDATE approval a SET granted_by = viewer(), granted = now() WHERE a.id = w.approval_id;
    UPDATE suppression x SET until = w.until, reason = coalesce(w.reason, x.reason), approved = now(), approved_by = viewer() WHERE x.id = s.id;
    DELETE FROM suppression_waiting x WHERE x.suppression_id = s.id;
    PERFORM record_journal('suppression', 'approve', format('%s, asked by %s', p_name, (SELECT i.login FROM identity i WHERE i.id = w.asked_by)),
                           jsonb_build_object('until', time_text(w.until)));
    RETURN (SELECT suppression_list(p_name));
END $$;

-- Whoever asked takes it back, or another refuses: one that never was in force is gone, of the others end and reason stay.
CREATE OR REPLACE FUNCTION suppression_refuse(p_name text, p_reason text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_id bigint := (SELECT s.id FROM suppression s WHERE s.name = p_name);
    v_asked text;
BEGIN
    IF v_id IS NULL THEN
        PERFORM record_missing('suppression', p_name);
    END IF;
    DELETE FROM suppression_waiting w USING identity i WHERE w.suppression_id = v_id AND i.id = w.asked_by RETURNING i.login INTO v_asked;
    IF v_asked IS NULL THEN
        PERFORM refuse('CI409', format('nothing of the suppression "%s" waits', left(p_name, 100)), 'cirt suppression ls');
    END IF;
    DELETE FROM suppression s WHERE s.id = v_id AND s.approved IS NULL;
    PERFORM record_journal('suppression', 'refuse', format('%s, asked by %s%s', p_name, v_asked, coalesce(': ' || left(p_reason, 500), '')), '{}');
    RETURN json_build_object('name', p_name, 'refused', true);
END $$;

-- For the doctor: what the thresholds of classes keep out of cases. One person sets them, so everybody is told.
CREATE OR REPLACE FUNCTION class_checks() RETURNS TABLE (name text, ok boolean, text text, hint text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT 'thresholds', true, format('%s of %s in no case, most of %s', counted(sum(x.rows), 'observation'), counted(sum(x.reports), 'report'), (array_agg(x.class ORDER BY x.rows DESC, x.class))[1]),
           format('cirt class show %s', (array_agg(x.class ORDER BY x.rows DESC, x.class))[1])
    FROM (SELECT w.class, sum(w.rows) AS rows, count(DISTINCT w.report_id) AS reports FROM waiting_row w WHERE w.tlp < 4 AND w.compartment_id = 0 AND w.drill_id = 0
          GROUP BY w.class) x HAVING count(*) > 0 $$;

-- What waits, for the doctor.
CREATE OR REPLACE FUNCTION suppression_checks() RETURNS TABLE (name text, ok boolean, text text, hint text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT 'suppression ' || s.name, true, format('waits for a second person since %s UTC, asked by %s', to_char(w.asked AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), i.login), format('cirt suppression approve %s', s.name)
    FROM suppression_waiting w JOIN suppression s ON s.id = w.suppression_id JOIN identity i ON i.id = w.asked_by WHERE w.until > now() ORDER BY s.name $$;

-- It ends now; it and what it held stay listed. One that never was in force is gone.
CREATE OR REPLACE FUNCTION suppression_remove(p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    DELETE FROM suppression_waiting w USING suppression s WHERE s.id = w.suppression_id AND s.name = p_name;
    DELETE FROM suppression s WHERE s.name = p_name AND s.approved IS NULL;
    IF FOUND THEN
        PERFORM record_journal('suppression', 'remove', p_name, '{}');
        RETURN;
    END IF;
    UPDATE suppression s SET ended = now(), ended_by = viewer() WHERE s.name = p_name AND s.ended IS NULL;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM suppression s WHERE s.name = p_name) THEN
            PERFORM refuse('CI409', format('suppression %s was ended before', left(p_name, 100)));
        END IF;
        PERFORM record_missing('suppression', p_name);
    END IF;
    PERFORM record_journal('suppression', 'remove', p_name, '{}');
END $$;
