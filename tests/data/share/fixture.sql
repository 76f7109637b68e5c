-- Peers, a case and orders for tests/db/test_share.c and test_push.c; run as the superuser.
CREATE SCHEMA test;
SET search_path = test, cirt;
INSERT INTO identity (login, role) VALUES ('test-lead', 'lead');
INSERT INTO peer (name, rid_url) VALUES ('YY-CERT', 'https://[2001:db8::1]:4590/'), ('ZZ-CERT', 'https://zz-cert.example:4590/');

CREATE FUNCTION peer_of(p_name text) RETURNS bigint LANGUAGE sql AS $$ SELECT id FROM cirt.peer WHERE name = p_name $$;
CREATE FUNCTION sender_of(p_name text) RETURNS bigint LANGUAGE sql AS $$ SELECT id FROM cirt.sender WHERE peer_id = test.peer_of(p_name) $$;
INSERT INTO agreement (id, version, peer_id, valid_from, valid_until, ceiling)
    VALUES (1, 1, peer_of('YY-CERT'), now() - interval '1 day', 'infinity', 3), (2, 1, peer_of('ZZ-CERT'), now() - interval '1 day', 'infinity', 3);

CREATE FUNCTION make_case(p_class text, p_tlp int) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO cirt.incident_case (number, name, class, priority, tlp, summary)
        SELECT n, 'XX-CERT-2026-' || lpad(n::text, 6, '0'), p_class, 3, p_tlp, 'Phishing of example bank' FROM nextval('cirt.case_number_seq') n
        RETURNING id $$;

-- A report of one sighting, by a peer or (NULL) by nobody we know, that is a member of the case.
CREATE FUNCTION see(p_case bigint, p_type int, p_role int, p_value text, p_tlp int, p_peer text, p_personal boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE r bigint := nextval('cirt.report_id_seq'); v_sender bigint;
BEGIN
    v_sender := coalesce(test.sender_of(p_peer), (cirt.senders_of_addresses(ARRAY['somebody@reporter.example']))[1]);
    INSERT INTO cirt.report (id, received, sender_id, channel, assurance, sha256, size) VALUES (r, '2026-03-01Z', v_sender, 'mail', 'unknown', '\x00', 1);
    INSERT INTO cirt.report_content (report_id, received, state, format, tlp, tlp_assumed, description)
        VALUES (r, '2026-03-01Z', 'received', 'mail', p_tlp, false, 'words of the reporter');
    INSERT INTO cirt.report_reporter (report_id, received, name, email) VALUES (r, '2026-03-01Z', 'Rita Reporter', 'somebody@reporter.example');
    INSERT INTO cirt.observation (report_id, received, no, time) VALUES (r, '2026-03-01Z', 0, '2026-02-28 10:00Z');
    INSERT INTO cirt.sighting (report_id, received, observation_no, origin, type, role, tlp, personal, value)
        VALUES (r, '2026-03-01Z', 0, v_sender, p_type, p_role, p_tlp, p_personal, p_value);
    INSERT INTO cirt.case_member (case_id, report_id, received, observations, since_seq) VALUES (p_case, r, '2026-03-01Z', '{[0,1)}', 1);
END $$;

CREATE FUNCTION make_note(p_case bigint, p_text text, p_tlp int, p_share boolean) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO cirt.note (case_id, text, tlp, share, written) VALUES (p_case, p_text, p_tlp, p_share, '2026-03-02 08:30Z') RETURNING id $$;

CREATE FUNCTION make_share(p_case bigint, p_peer text, p_tlp int) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO cirt.share (case_id, peer_id, agreement_id, agreement_version, tlp, state, ordered_by, ordered)
        SELECT p_case, a.peer_id, a.id, a.version, p_tlp, 'planned', (SELECT id FROM cirt.identity WHERE login = 'test-lead'), '2026-03-03 12:00Z'
        FROM cirt.agreement a WHERE a.peer_id = test.peer_of(p_peer) AND a.is_current RETURNING id $$;

-- In another format than RID.
CREATE FUNCTION make_share_as(p_case bigint, p_peer text, p_tlp int, p_format text) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO cirt.share (case_id, peer_id, agreement_id, agreement_version, tlp, format, state, ordered_by, ordered)
        SELECT p_case, a.peer_id, a.id, a.version, p_tlp, p_format, 'planned', (SELECT id FROM cirt.identity WHERE login = 'test-lead'), '2026-03-03 12:00Z'
        FROM cirt.agreement a WHERE a.peer_id = test.peer_of(p_peer) AND a.is_current RETURNING id $$;

-- One that is ordered part by part, and not whole yet.
CREATE FUNCTION make_open_share(p_case bigint, p_peer text, p_tlp int, p_format text, p_by_mail boolean DEFAULT false) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO cirt.share (case_id, peer_id, agreement_id, agreement_version, tlp, format, by_mail, state, ordered_by, ordered, ordered_to)
        SELECT p_case, a.peer_id, a.id, a.version, p_tlp, p_format, p_by_mail, 'planned', (SELECT id FROM cirt.identity WHERE login = 'test-lead'), now(), 'ipv4 source 192.0.2.1'
        FROM cirt.agreement a WHERE a.peer_id = test.peer_of(p_peer) AND a.is_current RETURNING id $$;

CREATE FUNCTION add_item(p_share bigint, p_kind text, p_ref text, p_content text, p_tlp int, p_part int DEFAULT 1) RETURNS void LANGUAGE sql AS $$
    INSERT INTO cirt.share_item (share_id, version, part, no, kind, ref, content, sha256, tlp)
        SELECT s.id, s.version, p_part, (SELECT count(*) FROM cirt.share_item t WHERE t.share_id = s.id AND t.version = s.version), p_kind, p_ref, p_content,
               sha256(convert_to(p_content, 'UTF8')), p_tlp
        FROM cirt.share s WHERE s.id = p_share $$;
CREATE FUNCTION add_case(p_share bigint) RETURNS void LANGUAGE sql AS $$
    SELECT test.add_item(p_share, 'case', c.name, json_build_object('id', c.name, 'class', c.class, 'pap', cirt.tlp_name(c.pap), 'summary', c.summary)::text, c.tlp)
    FROM cirt.share s JOIN cirt.incident_case c ON c.id = s.case_id WHERE s.id = p_share $$;
CREATE FUNCTION add_sighting(p_share bigint, p_type text, p_role text, p_value text, p_tlp int, p_indicator boolean DEFAULT false, p_part int DEFAULT 1)
RETURNS void LANGUAGE sql AS $$
    SELECT test.add_item(p_share, 'sighting', p_type || ' ' || p_role || ' ' || p_value,
        json_build_object('type', p_type, 'value', p_value, 'role', p_role, 'tlp', cirt.tlp_name(p_tlp), 'class', 'fraud/phishing', 'statements', json_build_array(json_build_object('in', '1.1',
                          'time', '2026-02-28T10:00:00Z', 'count', 7, 'protocol', 'tcp', 'source_port', 443)), 'indicator', p_indicator)::text, p_tlp, p_part) $$;
CREATE FUNCTION add_note(p_share bigint, p_note bigint) RETURNS void LANGUAGE sql AS $$
    SELECT test.add_item(p_share, 'note', n.id::text, json_build_object('text', n.text, 'time', '2026-03-02T08:30:00Z')::text, n.tlp) FROM cirt.note n WHERE n.id = p_note $$;

-- An answer of the peer to a share, as push leaves it.
CREATE FUNCTION answer(p_share bigint, p_status int, p_body bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE d bigint;
BEGIN
    UPDATE cirt.share SET state = 'sent' WHERE id = p_share;
    DELETE FROM cirt.to_share WHERE share_id = p_share;
    INSERT INTO cirt.delivery (share_id, version, status, outcome, answer) VALUES (p_share, 1, p_status, 'answered', p_body) RETURNING id INTO d;
    INSERT INTO cirt.to_share (kind, share_id, version, delivery_id) VALUES ('answer', p_share, 1, d);
    PERFORM pg_notify('cirt_share', '');
END $$;

-- A share whose document waits in the outbox.
CREATE FUNCTION ready(p_peer text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE s bigint;
BEGIN
    s := test.make_share(test.make_case('fraud/phishing', 1), p_peer, 2);
    PERFORM test.add_case(s);
    DELETE FROM cirt.to_share WHERE share_id = s;
    UPDATE cirt.share SET state = 'queued' WHERE id = s;
    INSERT INTO cirt.outbox (share_id, version, document, sha256) VALUES (s, 1, convert_to('document of s' || s, 'UTF8'), sha256(convert_to('document of s' || s, 'UTF8')));
    PERFORM pg_notify('cirt_push', '');
    RETURN s;
END $$;
-- Stages refuse to start where they hold more than their grants.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA test FROM PUBLIC;
