-- What may leave, the order to send it, and what becomes of a peer's document.

-- Mail addresses that are a peer's: those of its record, of contacts that stand for it, and of its keys, whether or not they are enabled now.
CREATE OR REPLACE FUNCTION peer_addresses() RETURNS TABLE (address text, peer_id bigint)
LANGUAGE plpgsql STABLE ROWS 50 SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT lower(p.mail), p.id FROM peer p WHERE p.mail IS NOT NULL
    UNION SELECT c.address, c.peer_id FROM contact c WHERE c.peer_id IS NOT NULL
    UNION SELECT lower(a), k.peer_id FROM mail_key k, unnest(k.addresses) a WHERE k.peer_id IS NOT NULL;
END $$;

-- Which peers speak in reports, a row a report that has any: another than p_peer (NULL: none), and whether it is p_peer's own.
-- A peer speaks in what it sent over TLS, what its feed brought, what was issued under its name or reported with its address (by telephone); in a mail from its address, signed with its key,
-- or that passes on its words: a mail within a mail, a quotation (report_mail.voices). That needs no proof, since it only keeps things home. To be a
-- peer's own, so that what is AMBER+STRICT may go back to it, a mail must be signed by it as a whole.
CREATE OR REPLACE FUNCTION report_voices(p_reports bigint[], p_received timestamptz[], p_peer bigint) RETURNS TABLE (report_id bigint, other bigint, is_theirs boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = on AS $$
    WITH u AS (SELECT DISTINCT x.id, x.received FROM unnest(p_reports, p_received) x(id, received)),
    letter AS (
        SELECT u.id, m.author, d.summary, d.covers, d.parts, ARRAY(SELECT DISTINCT a FROM unnest(m.voices || m.author || lower(btrim(m.mail_from, '<>'))) a) AS addresses
        FROM u JOIN report_mail m ON m.report_id = u.id
            LEFT JOIN LATERAL (SELECT v.* FROM report_verdict v WHERE v.report_id = u.id ORDER BY v.checked DESC LIMIT 1) d ON true),
    voice AS (
        SELECT u.id, coalesce(s.peer_id, f.peer_id) AS peer_id, true AS is_sure
            FROM u JOIN report r ON r.id = u.id AND r.received = u.received JOIN sender s ON s.id = r.sender_id LEFT JOIN feed f ON f.identity_id = s.identity_id
            WHERE coalesce(s.peer_id, f.peer_id) IS NOT NULL
        UNION ALL
        SELECT u.id, n.peer_id, false FROM u JOIN report_content c ON c.report_id = u.id AND c.received = u.received JOIN peer_issuer_name n ON n.name = c.reference_issuer
        UNION ALL
        SELECT u.id, p.peer_id, false FROM u JOIN report_reporter w ON w.report_id = u.id AND w.received = u.received JOIN peer_addresses() p ON p.address = lower(w.email)
        UNION ALL
        SELECT l.id, p.peer_id, coalesce(p.address = l.author AND l.summary = 'verified' AND l.covers = 'whole', false)
            FROM letter l CROSS JOIN unnest(l.addresses) a JOIN peer_addresses() p ON p.address = a
        UNION ALL
        SELECT u.id, p, false FROM u JOIN report_mail m ON m.report_id = u.id CROSS JOIN unnest(m.peers) p
        UNION ALL
        SELECT l.id, k.peer_id, false FROM letter l CROSS JOIN jsonb_array_elements(l.parts) e JOIN mail_key k ON k.fingerprint = e ->> 'fingerprint' AND k.peer_id IS NOT NULL)
    SELECT v.id, max(v.peer_id) FILTER (WHERE v.peer_id <> p_peer), coalesce(bool_or(v.is_sure) FILTER (WHERE v.peer_id = p_peer), false)
    FROM voice v GROUP BY v.id $$;

-- The same of all reports of a case.
CREATE OR REPLACE FUNCTION case_voices(p_case bigint, p_peer bigint) RETURNS TABLE (report_id bigint, other bigint, is_theirs boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT v.report_id, v.other, v.is_theirs
    FROM (SELECT array_agg(m.report_id) AS reports, array_agg(m.received) AS received FROM case_member m WHERE m.case_id = p_case AND m.until IS NULL) m
        CROSS JOIN LATERAL report_voices(m.reports, m.received, p_peer) v $$;

-- The peer other than this one whose AMBER report a case was opened from: its summary, and the value that it names, are that peer's words. NULL: nobody's.
CREATE OR REPLACE FUNCTION case_words_peer(p_case bigint, p_peer bigint) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT v.other
    FROM (SELECT m.report_id, m.received FROM case_member m WHERE m.case_id = p_case ORDER BY m.since_seq, m.report_id LIMIT 1) f
        CROSS JOIN LATERAL report_voices(ARRAY[f.report_id], ARRAY[f.received], p_peer) v
        LEFT JOIN report_content c ON c.report_id = f.report_id AND c.received = f.received
    WHERE coalesce(c.tlp, 2) >= 2 $$;

-- No document says that what stands in it is not real.
CREATE OR REPLACE FUNCTION share_refuse_drill(p_case bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM incident_case k WHERE k.id = p_case AND k.drill_id <> 0) THEN
        PERFORM refuse('CI422', 'what is of a drill goes to no peer', 'it would be taken for real');
    END IF;
END $$;

-- Was it rejected, or closed as a false positive? Then nothing in it is for detection (refuted_case). plpgsql: that view is made later.
CREATE OR REPLACE FUNCTION case_is_refuted(p_case bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ BEGIN RETURN EXISTS (SELECT FROM refuted_case r WHERE r.id = p_case); END $$;

-- Everything in a case that could go to a peer, each item once: the case itself, what was seen (its strictest label), notes. ref names the item in
-- an order; content is what the document is written from. origin_peer: the peer who said it, 0 for us and others who are no peers; where another
-- peer's AMBER is among what was seen, that peer. p_after: the ref of a value; then the case and the values behind that one, no notes. One value more
-- than a document has (SHARE_VALUES_MAX, SHARE_BYTES_MAX of desk): there it says that there are more.
SELECT drop_overloads('share_candidates');
CREATE OR REPLACE FUNCTION share_candidates(p_ref text, p_peer text, p_after text)
RETURNS TABLE (kind text, ref text, text text, type text, value text, role text, class text, tlp smallint, to_share boolean, personal boolean,
               origin_peer bigint, restricted boolean, content text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_case bigint := case_find(p_ref);
    v_peer bigint := coalesce((SELECT p.id FROM peer p WHERE p.name = upper(p_peer)), 0);
    v_restricted boolean := (SELECT v.compartment_id <> 0 FROM visible_case v WHERE v.id = v_case);
    v_is_refuted boolean := case_is_refuted(v_case);
    v_type smallint := observable_type_number(split_part(p_after, ' ', 1));
    v_role smallint := sighting_role_number(split_part(p_after, ' ', 2));
    v_value text := substr(p_after, length(split_part(p_after, ' ', 1)) + length(split_part(p_after, ' ', 2)) + 3);
BEGIN
    PERFORM share_refuse_drill(v_case);
    IF p_after IS NOT NULL AND num_nulls(v_type, v_role) > 0 THEN
        PERFORM refuse('CI422', format('"%s" is no value that an order could go on behind', left(p_after, 100)), 'as "next" said it');
    END IF;
    RETURN QUERY
    WITH accepted AS (SELECT n.peer_id, n.tlp FROM incoming n WHERE n.case_id = v_case AND n.state = 'accepted')
    SELECT 'case', v.name, v.summary, NULL, NULL, NULL, v.class, v.tlp, true, false,
           coalesce((SELECT max(n.peer_id) FROM accepted n WHERE n.tlp >= 2 AND n.peer_id <> v_peer), case_words_peer(v_case, v_peer),
                    (SELECT v_peer FROM accepted HAVING count(*) = v.reports AND count(*) > 0), 0), v_restricted,
           json_build_object('id', v.name, 'class', v.class, 'kind', v.kind, 'priority', priority_name(v.priority), 'tlp', tlp_name(v.tlp),
                             'pap', tlp_name(v.pap), 'summary', v.summary, 'opened', time_text(v.opened))::text
        FROM visible_case v WHERE v.id = v_case;
    RETURN QUERY
    WITH voice AS MATERIALIZED (SELECT * FROM case_voices(v_case, v_peer)),
    -- All that is behind p_after, before any of it is looked at closely: a case may have many times what one document holds.
    ahead AS MATERIALIZED (
        SELECT s.type, s.value, s.role, s.tlp, s.personal, s.is_indicator, s.origin, s.report_id, s.received, s.observation_no, s.pap, s.addr, s.host
        FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND s.received = m.received AND m.observations @> s.observation_no
        WHERE m.case_id = v_case AND (p_after IS NULL OR (s.type, s.role, s.value) > (v_type, v_role, v_value))),
    bound AS MATERIALIZED (
        SELECT b.type, b.role, b.value FROM (SELECT DISTINCT a.type, a.role, a.value FROM ahead a ORDER BY a.type, a.role, a.value LIMIT 20001) b
        ORDER BY b.type DESC, b.role DESC, b.value DESC LIMIT 1),
    seen AS (
        SELECT s.type, s.value, s.role, max(s.tlp) AS tlp, bool_or(s.personal) AS personal,
               bool_or(s.is_indicator AND s.role NOT IN (2, 3) AND (EXISTS (SELECT FROM known_sender k WHERE k.id = s.origin)
                   OR EXISTS (SELECT FROM vouched_mail v WHERE v.report_id = s.report_id))) AS indicator, max(s.pap) AS pap, min(s.addr) AS addr, min(s.host) AS host,
               coalesce(max(x.other) FILTER (WHERE s.tlp >= 2), CASE WHEN bool_and(coalesce(x.is_theirs, false)) THEN v_peer END, 0) AS origin_peer,
               min(o.class) AS class
        FROM ahead s JOIN bound b ON (s.type, s.role, s.value) <= (b.type, b.role, b.value)
            JOIN visible_observation o ON o.report_id = s.report_id AND o.received = s.received AND o.no = s.observation_no
            LEFT JOIN voice x ON x.report_id = s.report_id
        GROUP BY s.type, s.value, s.role),
    marked AS MATERIALIZED (SELECT array_agg(g.type) AS types, array_agg(g.value) AS values, array_agg(g.host) AS hosts, array_agg(g.addr) AS addrs FROM seen g WHERE g.indicator),
    victim AS MATERIALIZED (SELECT DISTINCT m.types[v] AS type, m.values[v] AS value FROM marked m CROSS JOIN LATERAL victims_among(m.types, m.values, m.hosts, m.addrs) v),
    fitting AS MATERIALIZED (
        SELECT y.* FROM (SELECT z.*, sum(octet_length(z.value)) OVER (ORDER BY z.type, z.role, z.value) - octet_length(z.value) AS before FROM seen z) y
        WHERE y.before <= 8 * 1024 * 1024),
    told AS MATERIALIZED (SELECT case_statements(v_case, array_agg(y.type), array_agg(y.role), array_agg(y.value)) AS all FROM fitting y)
    SELECT 'sighting', observable_type_name(g.type) || ' ' || sighting_role_name(g.role) || ' ' || g.value, g.value, observable_type_name(g.type), g.value,
           sighting_role_name(g.role), g.class, g.tlp, true, g.personal, g.origin_peer, v_restricted,
           json_build_object('type', observable_type_name(g.type), 'value', g.value, 'role', sighting_role_name(g.role), 'tlp', tlp_name(g.tlp),
                             'statements', d.said -> 'statements', 'further', d.said -> 'further', 'class', g.class, 'pap', tlp_name(g.pap), 'indicator', g.indicator AND NOT v_is_refuted AND NOT EXISTS (
                                 SELECT FROM indicator_withdrawal w WHERE md5(w.value) = md5(g.value) AND w.type = g.type AND w.ended IS NULL)
                                 AND NOT EXISTS (SELECT FROM victim x WHERE x.type = g.type AND x.value = g.value))::text
        FROM fitting g CROSS JOIN LATERAL (SELECT (SELECT t.all FROM told t) -> statement_key(g.type, g.role, g.value) AS said OFFSET 0) d
        ORDER BY g.type, g.role, g.value;
    RETURN QUERY
    SELECT 'note', n.id::text, left(n.text, 200), NULL, NULL, NULL, NULL, n.tlp, n.share, false, 0::bigint, v_restricted,
           json_build_object('text', n.text, 'time', time_text(n.written), 'tlp', tlp_name(n.tlp))::text
        FROM visible_note n WHERE n.case_id = v_case AND p_after IS NULL ORDER BY n.id;
END $$;

-- The item's own part of libcirt/rules/disclosure.c; the agreement's part is share_items_refused().
CREATE OR REPLACE FUNCTION share_item_may(p_tlp int, p_origin_peer bigint, p_peer bigint, p_to_share boolean, p_personal boolean, p_restricted boolean)
RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN p_tlp < 4 AND (p_tlp < 3 OR p_origin_peer = p_peer) AND (p_tlp < 2 OR p_origin_peer IN (0, p_peer)) AND p_to_share AND NOT p_personal
    AND NOT p_restricted;

-- 'fraud' covers 'fraud/phishing'; NULL covers all.
CREATE OR REPLACE FUNCTION agreement_covers(p_classes text[], p_class text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN p_classes IS NULL OR p_class = ANY (p_classes) OR split_part(p_class, '/', 1) = ANY (p_classes);

-- Orders a share of exactly these items ([{kind, ref}]), as that format. Another order for the same case and peer is the next version of the same share.
-- What is too long for one document is ordered part by part: p_next is the ref of the last value that was looked at, NULL where none is left; the order that
-- goes on says that as p_after. Until it is whole nothing leaves.
SELECT drop_overloads('share_order');
CREATE OR REPLACE FUNCTION share_order(p_ref text, p_peer text, p_agreement bigint, p_version int, p_tlp int, p_filter text, p_items jsonb, p_format text,
                                       p_after text, p_next text, p_by_mail boolean) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case;
    p peer;
    s share;
    v_stays text;
    v_count int;
BEGIN
    SELECT * INTO c FROM incident_case k WHERE k.id = case_find(p_ref) FOR UPDATE;
    SELECT * INTO p FROM peer x WHERE x.name = upper(p_peer);
    IF p.id IS NULL THEN
        PERFORM record_missing('peer', p_peer);
    ELSIF NOT p.enabled THEN
        PERFORM refuse('CI422', format('peer %s is disabled', p.name), format('cirt peer set %s --enabled true', p.name));
    ELSIF p_by_mail AND p_format = 'rid' THEN
        PERFORM refuse('CI422', 'RID goes by HTTPS', '--format iodef');
    END IF;
    SELECT * INTO s FROM share x WHERE x.case_id = c.id AND x.peer_id = p.id ORDER BY x.id LIMIT 1 FOR UPDATE;
    IF p_after IS NOT NULL AND (s.state <> 'planned' OR s.ordered_by <> viewer() OR s.ordered_to IS DISTINCT FROM p_after OR s.format <> p_format
            OR s.by_mail <> p_by_mail OR s.filter IS DISTINCT FROM p_filter) THEN
        PERFORM refuse('CI409', format('the order for %s does not go on there: another one took its place', p.name), format('begin anew: cirt share %s --with %s', c.number, p.name));
    ELSIF p_after IS NOT NULL THEN
        UPDATE share x SET tlp = greatest(x.tlp, p_tlp), parts = x.parts + (jsonb_array_length(p_items) > 0)::int, ordered = now(),
            labels = CASE WHEN jsonb_array_length(p_items) > 0 THEN x.labels || p_tlp::smallint ELSE x.labels END WHERE x.id = s.id RETURNING * INTO s;
    ELSIF s.id IS NULL THEN
        INSERT INTO share (case_id, drill_id, compartment_id, peer_id, agreement_id, agreement_version, tlp, labels, state, filter, format, by_mail, ordered_by, ordered_to)
            VALUES (c.id, c.drill_id, c.compartment_id, p.id, p_agreement, p_version, p_tlp, ARRAY[p_tlp], 'planned', p_filter, p_format, p_by_mail, viewer(), coalesce(p_next, ''))
            RETURNING * INTO s;
    ELSE
        DELETE FROM outbox o WHERE o.share_id = s.id AND (o.leased_until IS NULL OR o.leased_until < now());
        UPDATE share x SET version = x.version + 1, agreement_id = p_agreement, agreement_version = p_version, tlp = p_tlp, labels = ARRAY[p_tlp], state = 'planned', filter = p_filter,
            format = p_format, by_mail = p_by_mail, ordered = now(), ordered_by = viewer(), ordered_to = coalesce(p_next, ''), parts = 1, part = 1, taken = 0, sent = NULL, acknowledged = NULL
            WHERE x.id = s.id RETURNING * INTO s;
    END IF;
    WITH wanted AS (SELECT DISTINCT w ->> 'kind' AS kind, w ->> 'ref' AS ref FROM jsonb_array_elements(p_items) w),
    item AS (
        SELECT k.kind, k.ref, k.content, k.tlp, NOT share_item_may(k.tlp, k.origin_peer, p.id, k.to_share, k.personal, k.restricted) AS stays
        FROM share_candidates(p_ref, p_peer, p_after) k JOIN wanted w USING (kind, ref) WHERE jsonb_array_length(p_items) > 0),
    kept AS (
        INSERT INTO share_item (share_id, version, part, no, kind, ref, content, sha256, tlp)
        SELECT s.id, s.version, s.parts, (SELECT coalesce(max(t.no), 0) FROM share_item t WHERE t.share_id = s.id AND t.version = s.version)
               + row_number() OVER (ORDER BY i.kind, i.ref), i.kind, i.ref, i.content, sha256(convert_to(i.content, 'UTF8')), i.tlp
        FROM item i WHERE NOT i.stays RETURNING 1)
    SELECT (SELECT count(*) FROM kept), (SELECT min(i.ref) FROM item i WHERE i.stays) INTO v_count, v_stays;
    IF v_stays IS NOT NULL THEN
        PERFORM refuse('CI422', format('"%s" stays in the house', left(v_stays, 100)), format('cirt share %s --with %s --dry-run says why', c.number, p.name));
    ELSIF (v_count = 0 AND p_after IS NULL) OR v_count <> (SELECT count(DISTINCT (w ->> 'kind', w ->> 'ref')) FROM jsonb_array_elements(p_items) w) THEN
        PERFORM refuse('CI422', 'the order names items that the case does not have', format('cirt share %s --with %s --dry-run', c.number, p.name));
    END IF;
    -- A whole one waits for the share stage from here on (share_is_planned()).
    UPDATE share x SET ordered_to = p_next,
        error = CASE WHEN p_next IS NOT NULL THEN format('not ordered as a whole, nothing leaves: cirt share %s --with %s', c.number, p.name) END WHERE x.id = s.id;
    IF p_next IS NULL THEN
        SELECT count(*) INTO v_count FROM share_item t WHERE t.share_id = s.id AND t.version = s.version;
        UPDATE incident_case k SET updated = now() WHERE k.id = c.id;
        PERFORM journal_append(c.id, viewer_login(), 'share', format('shares %s items with %s as TLP:%s%s%s', v_count, p.name, upper(tlp_name(s.tlp)),
                CASE WHEN s.format <> 'rid' THEN ', ' || s.format ELSE '' END || CASE WHEN s.by_mail THEN ' by mail' ELSE '' END, CASE WHEN s.parts > 1 THEN format(', in %s documents', s.parts) ELSE '' END),
            jsonb_build_object('share', 's' || s.id, 'version', s.version, 'peer', p.name, 'format', s.format,
                               'agreement', format('a%s version %s', s.agreement_id, s.agreement_version)));
        PERFORM pg_notify('cirt_share', '');
    END IF;
    RETURN (SELECT share_json(v) FROM visible_share v WHERE v.id = s.id);
END $$;

-- A peer's document, not yet decided, locked.
CREATE OR REPLACE FUNCTION incoming_lock(p_incoming bigint) RETURNS incoming
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    n incoming;
BEGIN
    SELECT * INTO n FROM incoming x WHERE x.id = (SELECT v.id FROM visible_incoming v WHERE v.id = p_incoming) FOR UPDATE;
    IF n.id IS NULL THEN
        PERFORM refuse('CI404', format('there is no incoming document i%s', p_incoming), 'cirt incoming ls');
    ELSIF n.state <> 'new' THEN
        PERFORM refuse('CI409', format('i%s was %s already', p_incoming, n.state), NULL, json_build_object('state', n.state));
    END IF;
    RETURN n;
END $$;

-- Makes a case of a peer's document, or adds it to one: the one named, or the one that an earlier document of the same foreign case became.
-- The case is never wider than the document's label.
CREATE OR REPLACE FUNCTION incoming_accept(p_incoming bigint, p_ref text, p_priority int) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    n incoming := incoming_lock(p_incoming);
    r report_content;
    c incident_case;
    v_peer text;
    v_alias bigint;
    v_case bigint;
    v_seq bigint;
    v_numbers int4multirange;
BEGIN
    SELECT name INTO v_peer FROM peer WHERE id = n.peer_id;
    SELECT * INTO r FROM report_content x WHERE x.report_id = n.report_id AND x.received = n.received;
    SELECT a.case_id INTO v_alias FROM case_alias a WHERE a.issuer = n.issuer AND a.alias = n.theirs;
    IF NOT EXISTS (SELECT FROM visible_case_key v WHERE v.id = v_alias) AND v_alias IS NOT NULL THEN
        PERFORM refuse('CI404', format('there is no incoming document i%s', p_incoming), 'cirt incoming ls');
    END IF;
    v_case := CASE WHEN p_ref IS NOT NULL THEN case_find(p_ref) ELSE v_alias END;
    IF v_case <> v_alias THEN
        PERFORM refuse('CI409', format('%s %s is case %s here', n.issuer, n.theirs, (SELECT name FROM incident_case WHERE id = v_alias)),
                       format('accept it there: cirt incoming accept i%s', n.id));
    END IF;
    IF v_case IS NULL THEN
        c := case_insert(left(coalesce(nullif(r.summary, ''), nullif(split_part(r.description, E'\n', 1), ''), format('%s %s', n.issuer, n.theirs)), 500),
                         coalesce(r.class, 'other/undetermined'), 'incident', n.tlp, p_priority);
        IF c.tlp = 4 THEN
            INSERT INTO case_reader (case_id, identity_id) VALUES (c.id, viewer());
        END IF;
        v_seq := journal_append(c.id, viewer_login(), 'open', format('opened from %s %s, sent by %s', n.issuer, n.theirs, v_peer),
                                jsonb_build_object('incoming', 'i' || n.id, 'report', 'r' || n.report_id, 'class', c.class, 'tlp', tlp_name(c.tlp)));
    ELSE
        SELECT * INTO c FROM incident_case k WHERE k.id = v_case FOR UPDATE;
        IF c.state IN ('closed', 'rejected', 'merged') THEN
            PERFORM refuse('CI409', format('case %s is %s', c.number, c.state), format('cirt reopen %s', c.number), json_build_object('state', c.state));
        END IF;
        IF n.tlp = 4 AND c.tlp < 4 THEN
            INSERT INTO case_reader (case_id, identity_id) SELECT DISTINCT c.id, u.who FROM unnest(ARRAY[c.owner_id, viewer()]) u(who)
                WHERE u.who IS NOT NULL ON CONFLICT DO NOTHING;
        END IF;
        UPDATE incident_case k SET tlp = greatest(k.tlp, n.tlp), updated = now(), revision = k.revision + 1 WHERE k.id = c.id;
        v_seq := journal_append(c.id, viewer_login(), 'join', format('added %s %s, sent by %s', n.issuer, n.theirs, v_peer),
                                jsonb_build_object('incoming', 'i' || n.id, 'report', 'r' || n.report_id));
    END IF;
    INSERT INTO case_alias (case_id, issuer, alias) VALUES (c.id, n.issuer, n.theirs) ON CONFLICT DO NOTHING;
    SELECT coalesce(int4multirange(int4range(min(o.no), max(o.no) + 1)), '{}') INTO v_numbers FROM observation o
        WHERE o.report_id = n.report_id AND o.received = n.received HAVING count(*) > 0;
    PERFORM case_member_add(ARRAY[c.id], ARRAY[c.drill_id], ARRAY[c.compartment_id], ARRAY[n.report_id], ARRAY[n.received],
                            ARRAY[coalesce(v_numbers, '{}')], ARRAY[v_seq], ARRAY['incoming']);
    INSERT INTO case_tally AS t (case_id, reports, observations) VALUES (c.id, 1, r.observations)
        ON CONFLICT (case_id) DO UPDATE SET reports = t.reports + 1, observations = t.observations + EXCLUDED.observations;
    PERFORM case_text_add(c.id, r.tlp, coalesce(r.description, ''));
    INSERT INTO report_outcome (report_id, received, state, reason) VALUES (n.report_id, n.received, 'triaged', 'accepted from ' || v_peer)
        ON CONFLICT (report_id) DO UPDATE SET state = EXCLUDED.state, reason = EXCLUDED.reason, at = now();
    UPDATE incoming SET state = 'accepted', case_id = c.id, decided_by = viewer(), decided = now() WHERE id = n.id;
    RETURN (SELECT incoming_json(v) FROM visible_incoming v WHERE v.id = n.id);
END $$;

CREATE OR REPLACE FUNCTION incoming_decline(p_incoming bigint, p_reason text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    n incoming := incoming_lock(p_incoming);
BEGIN
    IF coalesce(btrim(p_reason), '') = '' THEN
        PERFORM refuse('CI422', 'to decline needs a reason', format('cirt incoming decline i%s -m WHY', n.id));
    END IF;
    UPDATE incoming SET state = 'declined', decided_by = viewer(), decided = now(), reason = p_reason WHERE id = n.id;
    INSERT INTO report_outcome (report_id, received, state, reason) VALUES (n.report_id, n.received, 'dropped', p_reason)
        ON CONFLICT (report_id) DO UPDATE SET state = EXCLUDED.state, reason = EXCLUDED.reason, at = now();
    -- Of what is RED the reason stays with it: the history is for everybody who sees the case.
    PERFORM journal_append(coalesce(n.case_id, 0), viewer_login(), 'decline', format('declined %s %s', n.issuer, n.theirs) || CASE WHEN n.tlp < 4 THEN ': ' || p_reason ELSE '' END,
                           jsonb_build_object('incoming', 'i' || n.id));
    RETURN (SELECT incoming_json(v) FROM visible_incoming v WHERE v.id = n.id);
END $$;
