-- Shares that go by mail. The document becomes a mail of the case that no person writes: the clock gives it its text, seal signs and encrypts it, push hands
-- it over. Whether and how it may go is decided where it is for every mail (mail_decide()), and each step judges the share anew (share_stops()).

-- The mail, still without a document: to the address of the peer's record.
CREATE OR REPLACE FUNCTION share_mail_draft(p_case bigint, p_peer bigint, p_tlp int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    p peer;
    v_contact bigint;
    v_id bigint;
BEGIN
    SELECT * INTO p FROM peer x WHERE x.id = p_peer;
    v_contact := contact_remember(p.mail, coalesce(p.title, p.name));
    IF v_contact IS NULL THEN
        PERFORM refuse('CI422', format('%s has no mail address', p.name), format('cirt peer set %s --mail ADDRESS', p.name));
    END IF;
    INSERT INTO mail (case_id, drill_id, compartment_id, thread_id, occasion, sender, subject, body, lang, tlp)
        SELECT k.id, k.drill_id, k.compartment_id, thread_with(k.id, v_contact, NULL, NULL), 'share', '', '', '', contact_lang(v_contact, k.id), p_tlp
        FROM incident_case k WHERE k.id = p_case RETURNING id INTO v_id;
    PERFORM mail_set_recipients(v_id, jsonb_build_array(jsonb_build_object('kind', 'to', 'address', p.mail, 'name', coalesce(p.title, p.name))));
    PERFORM mail_set_references(v_id);
    RETURN v_id;
END $$;

-- How a share of the case under this label would go to the peer by mail: 'encrypted', 'signed' (in clear), or why not. Leaves nothing behind.
CREATE OR REPLACE FUNCTION share_mail_how(p_ref text, p_peer text, p_tlp int, OUT goes text, OUT why text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_mail bigint;
BEGIN
    IF EXISTS (SELECT FROM mta a WHERE a.smtp IS NULL) THEN
        why := 'no MTA is configured (push { smtp })';
        RETURN;
    END IF;
    v_mail := share_mail_draft(case_find(p_ref), (SELECT p.id FROM peer p WHERE p.name = upper(p_peer)), p_tlp);
    SELECT d.goes, d.why INTO goes, why FROM mail_decide(v_mail, false) d;
    RAISE EXCEPTION 'only looked at' USING ERRCODE = 'CI000';
EXCEPTION
    WHEN SQLSTATE 'CI000' THEN NULL;
    WHEN SQLSTATE 'CI422' THEN why := SQLERRM;
END $$;

-- The document is on its way by mail.
CREATE OR REPLACE FUNCTION share_mail(s share, p_document bytea, p_media_type text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_tlp smallint := coalesce(s.labels[s.part], s.tlp);
    v_mail bigint := share_mail_draft(s.case_id, s.peer_id, v_tlp);
BEGIN
    UPDATE mail m SET share_id = s.id, share_version = s.version, share_part = s.part WHERE m.id = v_mail;
    INSERT INTO mail_attachment (mail_id, no, name, media_type, bytes, sha256, tlp)
        SELECT v_mail, 1, c.name || CASE WHEN s.parts > 1 THEN format('-%s-of-%s', s.part, s.parts) ELSE '' END
               || CASE s.format WHEN 'iodef' THEN '.iodef.xml' WHEN 'iodef-json' THEN '.iodef.json' WHEN 'json' THEN '.json' WHEN 'ndjson' THEN '.ndjson' ELSE format('.%s.json', s.format) END,
               p_media_type, p_document, sha256(p_document), v_tlp
        FROM incident_case c WHERE c.id = s.case_id;
    INSERT INTO to_compose (mail_id) VALUES (v_mail);
    PERFORM pg_notify('cirt_to_compose', '');
END $$;

DROP FUNCTION IF EXISTS share_mail_way_stops(bigint); -- mail_way_stops() now, for every mail
-- Why a mail that takes a document of a share must not go any further, or NULL. How it goes is judged as for every mail (mail_way_stops()).
CREATE OR REPLACE FUNCTION share_mail_stops(p_mail bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT CASE WHEN s.version <> m.share_version THEN 'a newer order took its place'
                WHEN s.part <> m.share_part OR s.state <> 'queued' THEN format('the share is %s', s.state)
                ELSE coalesce(share_stops(s.id),
                    (SELECT format('%s is not reached at %s any more', p.name, r.address) FROM peer p JOIN mail_recipient r ON r.mail_id = m.id
                     WHERE p.id = s.peer_id AND r.address IS DISTINCT FROM lower(p.mail) ORDER BY r.no LIMIT 1)) END
    FROM mail m JOIN share s ON s.id = m.share_id WHERE m.id = p_mail $$;

-- What became of a mail becomes of the share. Nobody acknowledges by mail: what the MTA took is sent, and the next part follows.
CREATE OR REPLACE FUNCTION share_mail_becomes(p_mail bigint, p_state text, p_error text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    s share;
    v_delivery bigint;
BEGIN
    SELECT x.* INTO s FROM mail m JOIN share x ON x.id = m.share_id AND x.version = m.share_version AND x.state IN ('planned', 'queued', 'sent')
        WHERE m.id = p_mail AND (p_state <> 'sent' OR x.part = m.share_part) AND p_state IN ('sent', 'failed', 'expired', 'bounced', 'dropped') FOR UPDATE OF x;
    IF s.id IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO delivery (share_id, version, part, outcome) VALUES (s.id, s.version, s.part, concat_ws(': ', 'mail ' || p_state, p_error)) RETURNING id INTO v_delivery;
    IF p_state = 'sent' AND s.state = 'queued' THEN
        PERFORM share_becomes(s.id, s.version, 'push', 'sent', NULL);
        PERFORM share_goes_on(v_delivery, false, NULL);
    ELSIF p_state <> 'sent' THEN
        PERFORM share_becomes(s.id, s.version, 'push', CASE p_state WHEN 'expired' THEN 'expired' ELSE 'failed' END, coalesce(p_error, 'mail ' || p_state));
    END IF;
END $$;
