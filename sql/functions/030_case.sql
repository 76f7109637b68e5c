-- The verbs of case work. Each locks the case, checks the caller's revision, the owner and the state, changes it, appends exactly one entry to
-- its journal and returns the case in short form. The caller is viewer(); a case that the viewer may not see does not exist.

-- What is refused tells a person what is wrong (message), what to do (hint) and programs what they need (detail, members of the problem).
CREATE OR REPLACE FUNCTION refuse(p_state text, p_text text, p_hint text DEFAULT NULL, p_detail json DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = p_state, MESSAGE = p_text, HINT = coalesce(p_hint, ''), DETAIL = coalesce(p_detail::text, '');
END $$;

-- The identity behind a key, and from here to the end of the transaction the viewer. No row for a key that nobody registered.
CREATE OR REPLACE FUNCTION desk_caller(p_key bytea, OUT id bigint, OUT login text, OUT role text, OUT enabled boolean, OUT name text,
                                       OUT level text, OUT utc_offset_minutes int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    SELECT i.id, coalesce(i.login, p.name), coalesce(i.role, 'peer'), coalesce(i.enabled, p.enabled), i.name, i.level
        INTO id, login, role, enabled, name, level
        FROM registered_key k LEFT JOIN identity i ON i.id = k.identity_id LEFT JOIN peer p ON p.id = k.peer_id WHERE k.key_sha256 = p_key;
    utc_offset_minutes := site_offset();
    PERFORM set_config('cirt.viewer', CASE WHEN enabled THEN coalesce(id::text, '') ELSE '' END, true);
    PERFORM set_config('lock_timeout', '20s', true); -- less than a statement has: who waits for another's lock says it again, who asks for too much does not
END $$;

-- Minutes east of UTC, now, of the site's zone: an offset ("+07:00", as people mean it) or a name that PostgreSQL knows.
CREATE OR REPLACE FUNCTION site_offset() RETURNS int
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_zone text;
BEGIN
    SELECT zone INTO v_zone FROM site;
    IF v_zone ~ '^[+-]\d\d:?\d\d$' THEN
        RETURN (substr(v_zone, 1, 1) || '1')::int * (substr(v_zone, 2, 2)::int * 60 + right(v_zone, 2)::int);
    END IF;
    RETURN coalesce((SELECT extract(epoch FROM n.utc_offset) / 60 FROM pg_timezone_names n WHERE n.name = v_zone)::int, 0);
END $$;

CREATE OR REPLACE FUNCTION viewer_login() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT login FROM identity WHERE id = viewer() $$;

-- A case by its full name (any case), its number (never a drill's), or a number that a peer or old system gave it ("NUMBER" or "ISSUER NUMBER").
CREATE OR REPLACE FUNCTION case_find(p_ref text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_id bigint; v_more bigint;
BEGIN
    IF p_ref ~ '^\d{1,18}$' THEN
        SELECT v.id INTO v_id FROM visible_case_key v WHERE v.number = p_ref::bigint AND v.drill_id = 0;
    ELSE
        SELECT v.id INTO v_id FROM visible_case_key v WHERE v.name = upper(p_ref);
    END IF;
    IF v_id IS NULL THEN
        SELECT min(a.case_id), max(a.case_id) INTO v_id, v_more FROM visible_alias a
            WHERE a.alias = p_ref OR (a.issuer, a.alias) = (split_part(p_ref, ' ', 1), split_part(p_ref, ' ', 2));
        IF v_id <> v_more THEN
            PERFORM refuse('CI409', format('"%s" is the number of more than one case', left(p_ref, 100)), 'name the issuer before it, or use our own number');
        END IF;
    END IF;
    IF v_id IS NULL THEN
        PERFORM refuse('CI404', format('there is no case "%s"', left(p_ref, 100)), 'cirt ls is:any lists all cases you may see');
    END IF;
    RETURN v_id;
END $$;

CREATE OR REPLACE FUNCTION case_short(p_case bigint) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT case_json(v) FROM visible_case v WHERE v.id = p_case $$;

-- --- what holds for cases ---

-- Which state may follow which. What is finished goes back to open only, so that the journal shows who reopened it.
CREATE OR REPLACE FUNCTION case_may_move(p_from text, p_to text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN (p_from, p_to) IN (VALUES
    ('new', 'open'), ('new', 'waiting'), ('new', 'resolved'), ('new', 'closed'), ('new', 'rejected'), ('new', 'merged'),
    ('open', 'waiting'), ('open', 'resolved'), ('open', 'closed'), ('open', 'rejected'), ('open', 'merged'),
    ('waiting', 'open'), ('waiting', 'resolved'), ('waiting', 'closed'), ('waiting', 'rejected'), ('waiting', 'merged'),
    ('resolved', 'open'), ('resolved', 'closed'), ('resolved', 'merged'),
    ('closed', 'open'), ('rejected', 'open'), ('merged', 'open'));

-- The next deadline: the first look at a new case counts from its opening, the next update from now; who waits has said until when.
CREATE OR REPLACE FUNCTION case_due(p_state text, p_priority int, p_opened timestamptz, p_waiting_until timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE
RETURN CASE p_state
    WHEN 'new' THEN p_opened + (ARRAY['1 hour', '4 hours', '1 day', '5 days'])[p_priority]::interval
    WHEN 'open' THEN now() + (ARRAY['4 hours', '1 day', '3 days', '7 days'])[p_priority]::interval
    WHEN 'waiting' THEN p_waiting_until END;

-- As much of a text as can be indexed whatever it says: PostgreSQL refuses the words of a text beyond 1 MiB, and each letter may take four bytes and
-- be counted twice (a word with a hyphen is a word, and so are its parts).
CREATE OR REPLACE FUNCTION case_text_body(p_text text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT left(p_text, 100000) $$;

-- Text that people find the case by; the same text is kept once.
CREATE OR REPLACE FUNCTION case_text_add(p_case bigint, p_tlp int, p_body text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    INSERT INTO case_text (case_id, tlp, hash64, body) SELECT p_case, p_tlp, hashtextextended(t.body, 0), t.body
    FROM case_text_body(p_body) t(body) WHERE t.body <> '' ON CONFLICT (case_id, hash64) DO UPDATE SET tlp = least(case_text.tlp, EXCLUDED.tlp) WHERE case_text.tlp > EXCLUDED.tlp
$$;

-- An enabled person who can own a case.
CREATE OR REPLACE FUNCTION case_person(p_login text) RETURNS identity
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_who identity;
BEGIN
    SELECT * INTO v_who FROM identity i
        WHERE CASE WHEN p_login = 'me' THEN i.id = viewer() ELSE i.login = p_login END AND i.enabled AND i.role IN ('analyst', 'lead', 'admin');
    IF v_who.id IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is nobody who can own a case', left(p_login, 100)), 'cirt analyst ls lists who can');
    END IF;
    RETURN v_who;
END $$;

-- Locks the case for a verb. p_free: a verb that anybody may use on any case (notes, tags, calling for help); the others are the owner's, and a
-- lead's. p_states: the states in which the verb makes sense, NULL for all.
CREATE OR REPLACE FUNCTION case_lock(p_ref text, p_revision int, p_free boolean, p_states text[]) RETURNS incident_case
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case;
    v_last json;
    v_owner text;
BEGIN
    SELECT * INTO c FROM incident_case k WHERE k.id = case_find(p_ref) FOR UPDATE;
    -- Looked at again: while the lock was waited for, the case may have become somebody else's secret.
    PERFORM case_find(p_ref);
    IF p_revision IS NULL THEN
        PERFORM refuse('CI428', 'an edit needs the revision it was made on (If-Match)', 'read the case first, send its revision');
    END IF;
    IF c.revision <> p_revision THEN
        SELECT json_build_object('revision', c.revision, 'changed_by', p.payload::json ->> 'actor', 'changed_at', time_text(j.recorded), 'change',
                                 coalesce(p.payload::json ->> 'text', p.payload::json ->> 'action')) INTO v_last
            FROM journal j LEFT JOIN journal_payload p USING (case_id, seq) WHERE j.case_id = c.id ORDER BY j.seq DESC LIMIT 1;
        PERFORM refuse('CI412', format('case %s changed: %s %s (revision %s)', c.number, v_last ->> 'changed_by', v_last ->> 'change', c.revision),
                       format('look at it, then repeat: cirt show %s', c.number), v_last);
    END IF;
    IF NOT p_free AND c.owner_id <> viewer() AND NOT viewer_is('lead') AND NOT viewer_is('admin') THEN
        SELECT login INTO v_owner FROM identity WHERE id = c.owner_id;
        PERFORM refuse('CI409', format('case %s is %s''s', c.number, v_owner), format('take it from them: cirt take %s --steal -m WHY', c.number),
                       json_build_object('owner', v_owner, 'revision', c.revision));
    END IF;
    IF NOT c.state = ANY (p_states) THEN
        PERFORM refuse('CI409', format('case %s is %s', c.number, c.state), CASE WHEN c.state IN ('resolved', 'closed', 'rejected', 'merged')
                       THEN format('open it again: cirt reopen %s', c.number) END, json_build_object('state', c.state, 'revision', c.revision));
    END IF;
    RETURN c;
END $$;

-- Writes the changed case back, with one journal entry.
CREATE OR REPLACE FUNCTION case_save(c incident_case, p_action text, p_text text, p_details jsonb DEFAULT NULL) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    UPDATE incident_case k SET summary = c.summary, title = c.title, state = c.state, class = c.class, priority = c.priority, tlp = c.tlp, owner_id = c.owner_id, level = c.level,
        closed = c.closed, resolved = c.resolved, due = c.due, confirmed_at = c.confirmed_at, resolution = c.resolution, waiting_for = c.waiting_for,
        waiting_until = c.waiting_until, merged_into = c.merged_into, updated = now(), revision = k.revision + 1
        WHERE k.id = c.id;
    PERFORM journal_append(c.id, viewer_login(), p_action, p_text, p_details);
    RETURN case_short(c.id);
END $$;

-- Moves to a state with all that hangs on it.
CREATE OR REPLACE FUNCTION case_moved(c incident_case, p_state text) RETURNS incident_case
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF NOT case_may_move(c.state, p_state) THEN
        PERFORM refuse('CI409', format('case %s is %s and cannot become %s', c.number, c.state, p_state), NULL, json_build_object('state', c.state));
    END IF;
    c.state := p_state;
    c.waiting_for := NULL;
    c.waiting_until := NULL;
    c.merged_into := NULL;
    IF p_state IN ('closed', 'rejected') THEN
        c.closed := now();
    ELSIF p_state = 'resolved' THEN
        c.resolved := now();
    ELSE
        c.closed := NULL;
        c.resolved := NULL;
        c.resolution := NULL;
    END IF;
    IF p_state IN ('open', 'waiting', 'resolved') THEN
        c.confirmed_at := coalesce(c.confirmed_at, now());
    END IF;
    c.due := case_due(p_state, c.priority, c.opened, NULL);
    RETURN c;
END $$;

-- Somebody new has it: a new case has had its first look; what is RED gets the name of who reads it, and keeps the one who read it.
CREATE OR REPLACE FUNCTION case_owned(c incident_case, p_who identity) RETURNS incident_case
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF c.compartment_id <> 0 AND NOT EXISTS (SELECT FROM compartment_member m WHERE m.compartment_id = c.compartment_id AND m.identity_id = p_who.id) THEN
        PERFORM refuse('CI422', format('%s is not in the circle that case %s is kept in', p_who.login, c.number));
    END IF;
    IF c.tlp = 4 THEN
        INSERT INTO case_reader (case_id, identity_id) SELECT DISTINCT c.id, u.who FROM unnest(ARRAY[c.owner_id, p_who.id, viewer()]) u(who)
            WHERE u.who IS NOT NULL ON CONFLICT DO NOTHING;
    END IF;
    c.owner_id := p_who.id;
    IF c.state = 'new' THEN
        c := case_moved(c, 'open');
    ELSIF c.state = 'open' THEN
        c.due := case_due('open', c.priority, c.opened, NULL);
    END IF;
    RETURN c;
END $$;

-- --- the verbs ---

CREATE OR REPLACE FUNCTION case_take(p_ref text, p_revision int, p_steal boolean, p_reason text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, true, ARRAY['new', 'open', 'waiting', 'resolved']);
    v_me identity := case_person('me');
    v_owner text;
BEGIN
    IF c.owner_id = v_me.id THEN
        PERFORM refuse('CI409', format('case %s is yours already', c.number), NULL, json_build_object('owner', v_me.login, 'revision', c.revision));
    ELSIF c.owner_id IS NOT NULL THEN
        SELECT login INTO v_owner FROM identity WHERE id = c.owner_id;
        IF NOT coalesce(p_steal, false) THEN
            PERFORM refuse('CI409', format('case %s is %s''s', c.number, v_owner), format('take it from them: cirt take %s --steal -m WHY', c.number),
                           json_build_object('owner', v_owner, 'revision', c.revision));
        ELSIF coalesce(p_reason, '') = '' THEN
            PERFORM refuse('CI422', 'to take a case from somebody needs a reason', format('cirt take %s --steal -m WHY', c.number));
        END IF;
    END IF;
    RETURN case_save(case_owned(c, v_me), 'take', CASE WHEN v_owner IS NULL THEN 'took it' ELSE format('took it from %s: %s', v_owner, p_reason) END,
                     jsonb_build_object('owner', v_me.login, 'before', v_owner, 'reason', p_reason));
END $$;

CREATE OR REPLACE FUNCTION case_assign(p_ref text, p_revision int, p_to text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, false, ARRAY['new', 'open', 'waiting', 'resolved']);
    v_who identity := case_person(coalesce(p_to, ''));
BEGIN
    RETURN case_save(case_owned(c, v_who), 'assign', format('gave it to %s', v_who.login),
                     jsonb_build_object('owner', v_who.login, 'before', (SELECT login FROM identity WHERE id = c.owner_id)));
END $$;

CREATE OR REPLACE FUNCTION case_unassign(p_ref text, p_revision int) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, false, ARRAY['new', 'open', 'waiting', 'resolved']);
    v_owner text;
BEGIN
    IF c.owner_id IS NULL THEN
        PERFORM refuse('CI409', format('case %s is nobody''s', c.number), NULL, json_build_object('owner', NULL, 'revision', c.revision));
    END IF;
    SELECT login INTO v_owner FROM identity WHERE id = c.owner_id;
    IF c.tlp = 4 THEN
        INSERT INTO case_reader (case_id, identity_id) VALUES (c.id, c.owner_id) ON CONFLICT DO NOTHING;
    END IF;
    c.owner_id := NULL;
    RETURN case_save(c, 'unassign', format('took it off %s', v_owner), jsonb_build_object('before', v_owner));
END $$;

-- To a level (its one holder becomes the owner; where it has none or several the case is nobody's and all of them see it), or to a person.
CREATE OR REPLACE FUNCTION case_escalate(p_ref text, p_revision int, p_to text, p_reason text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, true, ARRAY['new', 'open', 'waiting', 'resolved']);
    v_to text := coalesce(p_to, CASE WHEN c.level IN ('lead', 'duty') THEN 'duty' ELSE 'lead' END);
    v_holders identity[];
    v_before text;
BEGIN
    IF coalesce(p_reason, '') = '' THEN
        PERFORM refuse('CI422', 'to escalate needs a reason', format('cirt escalate %s --to %s -m WHY', c.number, v_to));
    END IF;
    SELECT login INTO v_before FROM identity WHERE id = c.owner_id;
    IF v_to IN ('lead', 'duty') OR EXISTS (SELECT FROM identity i WHERE i.level = v_to) THEN
        v_holders := ARRAY(SELECT i FROM identity i WHERE i.level = v_to AND i.enabled AND i.role IN ('analyst', 'lead', 'admin')
            AND (c.compartment_id = 0 OR EXISTS (SELECT FROM compartment_member m WHERE (m.compartment_id, m.identity_id) = (c.compartment_id, i.id))));
        c.level := v_to;
    ELSE
        v_holders := ARRAY[case_person(v_to)];
        c.level := v_holders[1].level;
    END IF;
    IF c.tlp = 4 THEN
        INSERT INTO case_reader (case_id, identity_id) SELECT DISTINCT c.id, u.who
            FROM (SELECT h.id FROM unnest(v_holders) h UNION VALUES (c.owner_id), (viewer())) u(who) WHERE u.who IS NOT NULL ON CONFLICT DO NOTHING;
    END IF;
    IF cardinality(v_holders) = 1 THEN
        c := case_owned(c, v_holders[1]);
    ELSE
        c.owner_id := NULL;
    END IF;
    c.due := least(c.due, case_due('new', c.priority, now(), NULL));
    RETURN case_save(c, 'escalate', format('escalated to %s: "%s"', v_to, p_reason), jsonb_build_object('to', v_to, 'before', v_before, 'reason', p_reason));
END $$;

CREATE OR REPLACE FUNCTION case_check_summary(p_summary text) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF coalesce(btrim(p_summary, E' \t\r\n'), '') = '' THEN
        PERFORM refuse('CI422', 'a case needs a summary');
    ELSIF length(p_summary) > 500 THEN
        PERFORM refuse('CI422', 'a summary has at most 500 characters', 'put the rest into a note');
    END IF;
END $$;

CREATE OR REPLACE FUNCTION case_priority(p_ref text, p_revision int, p_priority text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, false, ARRAY['new', 'open', 'waiting', 'resolved']);
    v_before text := priority_name(c.priority);
BEGIN
    c.priority := priority_number(lower(p_priority));
    IF c.priority IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is no priority', left(p_priority, 100)), 'one of critical, high, medium, low');
    END IF;
    c.due := case_due(c.state, c.priority, c.opened, c.waiting_until);
    RETURN case_save(c, 'priority', format('priority %s (was %s)', priority_name(c.priority), v_before),
                     jsonb_build_object('priority', priority_name(c.priority), 'before', v_before));
END $$;

-- What a case is called from now on; it is still found by what it was called.
CREATE OR REPLACE FUNCTION case_summary(p_ref text, p_revision int, p_summary text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, false, ARRAY['new', 'open', 'waiting', 'resolved']);
    v_before text := c.summary;
BEGIN
    PERFORM case_check_summary(p_summary);
    c.summary := p_summary;
    c.title := NULL;
    PERFORM case_text_add(c.id, c.tlp, c.summary);
    RETURN case_save(c, 'summary', format('summary "%s" (was "%s")', c.summary, v_before), jsonb_build_object('summary', c.summary, 'before', v_before));
END $$;

-- p_class is a stored name: desk has looked it up in the taxonomy.
CREATE OR REPLACE FUNCTION case_classify(p_ref text, p_revision int, p_class text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, false, ARRAY['new', 'open', 'waiting', 'resolved']);
    v_before text := c.class;
BEGIN
    IF p_class !~ '^[a-z-]+/[a-z0-9-]+$' THEN
        PERFORM refuse('CI422', format('"%s" is no class', left(p_class, 100)));
    END IF;
    c.class := p_class;
    RETURN case_save(c, 'classify', format('classified %s (was %s)', p_class, v_before), jsonb_build_object('class', p_class, 'before', v_before));
END $$;

-- The strictest label that somebody outside gave to anything in the case; NULL where nothing came from outside.
CREATE OR REPLACE FUNCTION case_label_from_outside(p_case bigint) RETURNS smallint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT max(l.tlp)::smallint FROM (
        SELECT max(r.tlp) FROM case_member m JOIN report_content r ON r.report_id = m.report_id AND r.received = m.received
            WHERE m.case_id = p_case AND m.until IS NULL
        UNION ALL
        SELECT max(s.tlp) FROM case_member m JOIN sighting s ON s.report_id = m.report_id AND s.received = m.received
            AND m.observations @> s.observation_no WHERE m.case_id = p_case AND m.until IS NULL
        UNION ALL
        SELECT max(n.tlp) FROM note n WHERE n.case_id = p_case AND n.origin IS NOT NULL) l(tlp)
$$;

CREATE OR REPLACE FUNCTION case_tlp(p_ref text, p_revision int, p_tlp text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, false, NULL);
    v_before smallint := c.tlp;
    v_outside smallint;
BEGIN
    c.tlp := tlp_number(lower(p_tlp));
    IF c.tlp IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is no label', left(p_tlp, 100)), 'one of clear, green, amber, amber+strict, red');
    END IF;
    IF c.tlp < v_before THEN
        v_outside := case_label_from_outside(c.id);
        IF v_outside > c.tlp THEN
            PERFORM refuse('CI422', format('what is in case %s came as TLP:%s, and only its source may widen that', c.number, upper(tlp_name(v_outside))),
                           'ask who sent it for a wider label', json_build_object('tlp', tlp_name(v_outside)));
        END IF;
        UPDATE case_text t SET tlp = c.tlp WHERE t.case_id = c.id AND t.hash64 = hashtextextended(c.summary, 0) AND t.body = c.summary;
    ELSIF c.tlp = 4 AND v_before < 4 THEN
        INSERT INTO case_reader (case_id, identity_id) SELECT DISTINCT c.id, u.who FROM unnest(ARRAY[c.owner_id, viewer()]) u(who)
            WHERE u.who IS NOT NULL ON CONFLICT DO NOTHING;
    END IF;
    RETURN case_save(c, 'tlp', format('label %s (was %s)', tlp_name(c.tlp), tlp_name(v_before)),
                     jsonb_build_object('tlp', tlp_name(c.tlp), 'before', tlp_name(v_before)));
END $$;

CREATE OR REPLACE FUNCTION case_tag(p_ref text, p_revision int, p_add text[], p_remove text[]) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, true, NULL);
    v_tag text;
BEGIN
    IF cardinality(coalesce(p_add, '{}')) + cardinality(coalesce(p_remove, '{}')) = 0 THEN
        PERFORM refuse('CI400', 'no tag is named', format('cirt tag %s +TAG -TAG', c.number));
    END IF;
    FOREACH v_tag IN ARRAY coalesce(p_add, '{}') LOOP
        IF v_tag IS NULL OR v_tag !~ '^[[:alnum:]][^[:space:][:cntrl:],]{0,62}$' THEN
            PERFORM refuse('CI422', format('"%s" is no tag', left(v_tag, 100)), 'a letter or digit first, no blanks or commas, at most 63 characters');
        END IF;
    END LOOP;
    p_add := ARRAY(SELECT DISTINCT u FROM unnest(p_add) u WHERE NOT EXISTS (SELECT FROM case_tag t WHERE t.case_id = c.id AND t.tag = u));
    p_remove := ARRAY(SELECT DISTINCT t.tag FROM case_tag t WHERE t.case_id = c.id AND t.tag = ANY (p_remove));
    IF cardinality(p_add) + cardinality(p_remove) = 0 THEN
        RETURN case_short(c.id);
    END IF;
    DELETE FROM case_tag t WHERE t.case_id = c.id AND t.tag = ANY (p_remove);
    INSERT INTO case_tag (case_id, tag) SELECT DISTINCT c.id, u FROM unnest(p_add) u ON CONFLICT DO NOTHING;
    RETURN case_save(c, 'tag', (SELECT 'tags ' || string_agg(x.tag, ' ') FROM (SELECT '+' || u AS tag FROM unnest(p_add) u
                     UNION ALL SELECT '-' || u FROM unnest(p_remove) u) x), jsonb_build_object('add', p_add, 'remove', p_remove));
END $$;

CREATE OR REPLACE FUNCTION case_note(p_ref text, p_revision int, p_text text, p_tlp text, p_share boolean) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, true, NULL);
    v_tlp smallint := coalesce(tlp_number(lower(p_tlp)), c.tlp);
    v_note bigint;
BEGIN
    IF p_tlp IS NOT NULL AND tlp_number(lower(p_tlp)) IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is no label', left(p_tlp, 100)), 'one of clear, green, amber, amber+strict, red');
    ELSIF coalesce(btrim(p_text, E' \t\r\n'), '') = '' THEN
        PERFORM refuse('CI422', 'a note needs text', format('cirt note %s -m TEXT', c.number));
    ELSIF length(p_text) > 65536 THEN
        PERFORM refuse('CI422', 'a note has at most 65536 characters', 'keep long texts as a report of the case');
    ELSIF v_tlp = 4 AND coalesce(p_share, false) THEN
        PERFORM refuse('CI422', 'TLP:RED is for named persons and is never shared');
    END IF;
    INSERT INTO note (case_id, drill_id, compartment_id, author_id, text, tlp, share)
        VALUES (c.id, c.drill_id, c.compartment_id, viewer(), p_text, v_tlp, coalesce(p_share, false)) RETURNING id INTO v_note;
    PERFORM case_text_add(c.id, v_tlp, p_text);
    c.due := CASE WHEN c.state = 'open' THEN case_due('open', c.priority, c.opened, NULL) ELSE c.due END;
    RETURN case_save(c, 'note', format('wrote note %s%s', v_note, CASE WHEN p_share THEN ' (to share)' ELSE '' END),
                     jsonb_build_object('note', v_note, 'tlp', tlp_name(v_tlp), 'sha256', encode(sha256(convert_to(p_text, 'UTF8')), 'hex')));
END $$;

-- One more thing to do, or that one is done: its id as the case tells it. The history calls it by its place in the case, as people do. Helping hands may
-- do both, as they may write notes.
CREATE OR REPLACE FUNCTION case_task(p_ref text, p_revision int, p_add text, p_due timestamptz, p_done bigint) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, true, NULL);
    v_task bigint;
    v_done timestamptz;
    v_place bigint;
BEGIN
    IF (p_done IS NULL) = (coalesce(btrim(p_add, E' \t\r\n'), '') = '') THEN
        PERFORM refuse('CI422', 'a task is added by its text, or done by its number', format('cirt task %s add TEXT, or cirt task %s done N', c.number, c.number));
    ELSIF length(p_add) > 500 THEN
        PERFORM refuse('CI422', 'a task has at most 500 characters', 'a note may be longer');
    ELSIF p_done IS NULL THEN
        INSERT INTO task (case_id, drill_id, compartment_id, text, due) VALUES (c.id, c.drill_id, c.compartment_id, p_add, p_due) RETURNING id INTO v_task;
        SELECT count(*) INTO v_place FROM task t WHERE t.case_id = c.id;
        RETURN json_join(case_save(c, 'task', format('added task %s', v_place), jsonb_build_object('task', v_task, 'sha256', encode(sha256(convert_to(p_add, 'UTF8')), 'hex'))),
                         json_build_object('task', v_place));
    END IF;
    SELECT t.id, t.done INTO v_task, v_done FROM task t WHERE t.case_id = c.id AND t.id = p_done;
    IF v_task IS NULL THEN
        PERFORM refuse('CI404', format('case %s has no task %s', c.number, p_done), format('cirt task %s', c.number));
    ELSIF v_done IS NOT NULL THEN
        PERFORM refuse('CI409', 'that is done already', format('cirt task %s', c.number));
    END IF;
    UPDATE task t SET done = now() WHERE t.id = v_task;
    SELECT count(*) INTO v_place FROM task t WHERE t.case_id = c.id AND t.id <= v_task;
    RETURN json_join(case_save(c, 'task', format('did task %s', v_place), jsonb_build_object('task', v_task)), json_build_object('task', v_place));
END $$;

CREATE OR REPLACE FUNCTION case_state(p_ref text, p_revision int, p_state text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, false, NULL);
    v_before text := c.state;
BEGIN
    IF p_state IS NULL OR p_state NOT IN ('new', 'open', 'waiting', 'resolved', 'closed', 'rejected', 'merged') THEN
        PERFORM refuse('CI422', format('"%s" is no state', left(p_state, 100)), 'one of open, waiting, resolved, closed, rejected');
    ELSIF p_state = 'waiting' THEN
        PERFORM refuse('CI422', 'to wait needs to say for whom and until when', format('cirt wait %s --for WHO --until T', c.number));
    ELSIF p_state = 'closed' AND c.resolution IS NULL THEN
        PERFORM refuse('CI422', format('case %s needs a resolution', c.number),
                       format('cirt close %s --as fixed|mitigated|false-positive|not-ours|no-answer|duplicate', c.number));
    ELSIF p_state = 'merged' THEN
        PERFORM refuse('CI422', 'no case is merged by hand', format('cirt close %s --as duplicate -m ''of case ...''', c.number));
    END IF;
    RETURN case_save(case_moved(c, p_state), 'state', format('state %s (was %s)', p_state, v_before), jsonb_build_object('state', p_state, 'before', v_before));
END $$;

CREATE OR REPLACE FUNCTION case_wait(p_ref text, p_revision int, p_for text, p_until timestamptz) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, false, ARRAY['new', 'open', 'waiting', 'resolved']);
BEGIN
    IF coalesce(btrim(p_for), '') = '' OR p_until IS NULL THEN
        PERFORM refuse('CI422', 'to wait needs to say for whom and until when', format('cirt wait %s --for WHO --until T', c.number));
    ELSIF p_until <= now() THEN
        PERFORM refuse('CI422', 'to wait until a moment that has passed makes no sense', 'a time ahead: --until 2d');
    ELSIF c.state = 'resolved' THEN
        c := case_moved(c, 'open');
    END IF;
    IF c.state <> 'waiting' THEN
        c := case_moved(c, 'waiting');
    END IF;
    c.waiting_for := p_for;
    c.waiting_until := p_until;
    c.due := p_until;
    RETURN case_save(c, 'wait', format('waits for %s until %s', p_for, time_text(p_until)), jsonb_build_object('for', p_for, 'until', time_text(p_until)));
END $$;

CREATE OR REPLACE FUNCTION case_close(p_ref text, p_revision int, p_as text, p_note text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, false, ARRAY['new', 'open', 'waiting', 'resolved']);
BEGIN
    IF p_as IS NULL OR p_as NOT IN ('fixed', 'mitigated', 'false-positive', 'not-ours', 'no-answer', 'duplicate') THEN
        PERFORM refuse('CI422', CASE WHEN p_as IS NULL THEN format('case %s needs a resolution', c.number)
                       ELSE format('"%s" is no resolution', left(p_as, 100)) END,
                       format('cirt close %s --as fixed|mitigated|false-positive|not-ours|no-answer|duplicate', c.number));
    END IF;
    c := case_moved(c, 'closed');
    c.resolution := p_as;
    IF coalesce(p_note, '') <> '' THEN
        INSERT INTO note (case_id, drill_id, compartment_id, author_id, text, tlp)
            VALUES (c.id, c.drill_id, c.compartment_id, viewer(), p_note, c.tlp);
        PERFORM case_text_add(c.id, c.tlp, p_note);
    END IF;
    RETURN case_save(c, 'close', format('closed as %s', p_as), jsonb_build_object('resolution', p_as));
END $$;

CREATE OR REPLACE FUNCTION case_reopen(p_ref text, p_revision int, p_reason text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, false, ARRAY['resolved', 'closed', 'rejected', 'merged']);
BEGIN
    RETURN case_save(case_moved(c, 'open'), 'reopen', 'opened it again' || coalesce(': "' || nullif(p_reason, '') || '"', ''),
                     jsonb_build_object('reason', p_reason));
END $$;

-- A new row with its number, name, deadline, tally and searchable summary; no journal entry. For people's cases and accepted documents of peers.
CREATE OR REPLACE FUNCTION case_insert(p_summary text, p_class text, p_kind text, p_tlp int, p_priority int) RETURNS incident_case
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case;
    v_number bigint := nextval('case_number_seq');
BEGIN
    INSERT INTO incident_case (number, name, kind, class, priority, tlp, summary, due)
        SELECT v_number, format('%s-%s-%s', s.prefix, to_char(now() AT TIME ZONE 'UTC' + make_interval(mins => site_offset()), 'YYYY'),
                                lpad(v_number::text, greatest(6, length(v_number::text)), '0')),
               p_kind, p_class, p_priority, p_tlp, p_summary, case_due('new', p_priority, now(), NULL)
        FROM site s RETURNING * INTO c;
    INSERT INTO case_tally (case_id) VALUES (c.id);
    PERFORM case_text_add(c.id, c.tlp, c.summary);
    RETURN c;
END $$;

CREATE OR REPLACE FUNCTION case_open(p_summary text, p_class text, p_kind text, p_tlp text, p_priority text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case;
    v_tlp smallint := coalesce(tlp_number(lower(p_tlp)), 2);
    v_priority smallint := coalesce(priority_number(lower(p_priority)), 3);
BEGIN
    PERFORM case_check_summary(p_summary);
    IF p_tlp IS NOT NULL AND tlp_number(lower(p_tlp)) IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is no label', left(p_tlp, 100)), 'one of clear, green, amber, amber+strict, red');
    ELSIF p_priority IS NOT NULL AND priority_number(lower(p_priority)) IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is no priority', left(p_priority, 100)), 'one of critical, high, medium, low');
    ELSIF p_kind IS NOT NULL AND p_kind NOT IN ('incident', 'vulnerability', 'notice', 'request') THEN
        PERFORM refuse('CI422', format('"%s" is no kind of case', left(p_kind, 100)), 'one of incident, vulnerability, notice, request');
    END IF;
    c := case_insert(p_summary, coalesce(p_class, 'other/undetermined'), coalesce(p_kind, 'incident'), v_tlp, v_priority);
    IF c.tlp = 4 THEN
        INSERT INTO case_reader (case_id, identity_id) VALUES (c.id, viewer());
    END IF;
    PERFORM journal_append(c.id, viewer_login(), 'open', 'opened by hand', jsonb_build_object('class', c.class, 'tlp', tlp_name(c.tlp)));
    RETURN case_short(c.id);
END $$;

-- Hands a malformed report to decode again, and one that was held or dropped, or that triage could not work, to triage; the bytes are as they came.
DROP FUNCTION IF EXISTS report_replay(bigint);
CREATE OR REPLACE FUNCTION report_replay(p_report bigint, p_format text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    r visible_report;
    v_kept bigint;
BEGIN
    SELECT * INTO r FROM visible_report v WHERE v.id = p_report;
    IF r.id IS NULL THEN
        PERFORM refuse('CI404', format('there is no report r%s', p_report));
    ELSIF report_release(p_report) THEN
        PERFORM journal_append(0, viewer_login(), 'release', format('lets report r%s go on to triage', p_report), jsonb_build_object('report', 'r' || p_report));
        RETURN;
    ELSIF r.state <> 'malformed' AND NOT EXISTS (SELECT FROM inbox i WHERE i.report_id = p_report AND i.failed IS NOT NULL) THEN
        PERFORM refuse('CI409', format('report r%s is %s and stays as it is: replay reads malformed reports again, and lets held or dropped ones go on to triage', p_report, r.state),
                       format('what became of it: cirt report show r%s', p_report),
                       json_build_object('state', r.state));
    END IF;
    PERFORM mapping_check(p_format);
    -- Beyond the quota, or the longest document, only the beginning was kept: read as if it were all, the rest would be lost without a word.
    SELECT coalesce(sum(length(w.bytes)), 0) INTO v_kept FROM report_raw w WHERE w.report_id = p_report AND w.received = r.received;
    IF v_kept < r.size THEN
        PERFORM refuse('CI409', format('of report r%s only the first %s of %s bytes were kept', p_report, v_kept, r.size),
                       'what was wrong with it: cirt report show r' || p_report || '; its sender has to send it again, changed or in parts',
                       json_build_object('state', r.state));
    END IF;
    DELETE FROM inbox i WHERE i.report_id = p_report;
    INSERT INTO inbox (report_id, received) VALUES (p_report, r.received);
    UPDATE report_content c SET state = 'decoding', format = coalesce(p_format, c.format) WHERE c.report_id = p_report AND c.received = r.received;
    PERFORM journal_append(0, viewer_login(), 'replay', format('decodes report r%s again', p_report) || coalesce(' as ' || p_format, ''), jsonb_build_object('report', 'r' || p_report));
    PERFORM pg_notify('cirt_inbox', '');
END $$;
