-- Whom we write with. A contact is a mail address: one that a record names (constituent, peer, analyst), that an analyst vouches for, or that we
-- only remember. What records say comes here by triggers, so that nobody keeps the same address twice.

DROP VIEW IF EXISTS visible_contact CASCADE;

-- Brings the contacts of these addresses in step with what the records say of them. What an analyst vouches for stays known without them.
CREATE OR REPLACE FUNCTION contacts_sync(p_addresses text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_addresses text[] := ARRAY(SELECT DISTINCT mail_address(a) FROM unnest(p_addresses) a WHERE mail_address(a) IS NOT NULL);
BEGIN
    IF to_regclass('pg_temp.contact_said') IS NULL THEN
        CREATE TEMP TABLE contact_said (address text, name text, constituent_id bigint, peer_id bigint, identity_id bigint) ON COMMIT DELETE ROWS;
    END IF;
    DELETE FROM contact_said;
    INSERT INTO contact_said
        SELECT x.address, (array_agg(x.name ORDER BY x.rank, x.id) FILTER (WHERE x.name IS NOT NULL))[1], min(x.id) FILTER (WHERE x.rank = 1),
               min(x.id) FILTER (WHERE x.rank = 2), min(x.id) FILTER (WHERE x.rank = 3)
        FROM (SELECT lower(btrim(c.email)) AS address, 1 AS rank, c.constituent_id AS id, c.name FROM constituent_contact c
                  JOIN constituent k ON k.id = c.constituent_id AND k.enabled WHERE lower(btrim(c.email)) = ANY (v_addresses)
              UNION ALL SELECT mail_address(p.mail), 2, p.id, coalesce(p.title, p.name) FROM peer p WHERE p.enabled AND mail_address(p.mail) = ANY (v_addresses)
              UNION ALL SELECT mail_address(i.mail), 3, i.id, coalesce(i.name, i.login) FROM identity i WHERE i.enabled AND mail_address(i.mail) = ANY (v_addresses)) x
        GROUP BY x.address;
    INSERT INTO contact AS c (address, name, constituent_id, peer_id, identity_id)
        SELECT s.address, s.name, s.constituent_id, s.peer_id, s.identity_id FROM contact_said s ORDER BY s.address
        ON CONFLICT (address) DO UPDATE SET name = coalesce(EXCLUDED.name, c.name), is_known = true, identity_id = EXCLUDED.identity_id,
            constituent_id = coalesce(EXCLUDED.constituent_id, CASE WHEN c.vouched_by IS NOT NULL THEN c.constituent_id END),
            peer_id = coalesce(EXCLUDED.peer_id, CASE WHEN c.vouched_by IS NOT NULL THEN c.peer_id END);
    UPDATE contact c SET is_known = c.vouched_by IS NOT NULL, identity_id = NULL,
        constituent_id = CASE WHEN c.vouched_by IS NOT NULL THEN c.constituent_id END, peer_id = CASE WHEN c.vouched_by IS NOT NULL THEN c.peer_id END
        WHERE c.address = ANY (v_addresses) AND NOT EXISTS (SELECT FROM contact_said s WHERE s.address = c.address);
END $$;
CREATE OR REPLACE FUNCTION contact_sync(p_address text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$ SELECT contacts_sync(ARRAY[p_address]) $$;

CREATE OR REPLACE FUNCTION contact_follows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.mail IS DISTINCT FROM NEW.mail THEN
        PERFORM contact_sync(OLD.mail);
    END IF;
    PERFORM contact_sync(NEW.mail);
    RETURN NULL;
END $$;
-- A statement at a time: a file of constituents brings contacts by the ten thousand.
CREATE OR REPLACE FUNCTION contacts_follow() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_addresses text[] := '{}';
BEGIN
    IF TG_TABLE_NAME = 'constituent' THEN
        v_addresses := ARRAY(SELECT c.email FROM after_change n JOIN before_change o ON o.id = n.id AND o.enabled <> n.enabled
                             JOIN constituent_contact c ON c.constituent_id = n.id);
    ELSE
        IF TG_OP <> 'INSERT' THEN
            v_addresses := ARRAY(SELECT o.email FROM before_change o);
        END IF;
        IF TG_OP <> 'DELETE' THEN
            v_addresses := v_addresses || ARRAY(SELECT n.email FROM after_change n);
        END IF;
    END IF;
    IF cardinality(v_addresses) > 0 THEN
        PERFORM contacts_sync(v_addresses);
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS constituent_contact_contact ON constituent_contact;
CREATE OR REPLACE TRIGGER constituent_contact_add AFTER INSERT ON constituent_contact REFERENCING NEW TABLE AS after_change
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_follow();
CREATE OR REPLACE TRIGGER constituent_contact_change AFTER UPDATE ON constituent_contact REFERENCING OLD TABLE AS before_change NEW TABLE AS after_change
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_follow();
CREATE OR REPLACE TRIGGER constituent_contact_remove AFTER DELETE ON constituent_contact REFERENCING OLD TABLE AS before_change
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_follow();
DROP TRIGGER IF EXISTS constituent_to_contact ON constituent;
CREATE OR REPLACE TRIGGER constituent_enabled AFTER UPDATE ON constituent REFERENCING OLD TABLE AS before_change NEW TABLE AS after_change
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_follow();
CREATE OR REPLACE TRIGGER peer_to_contact AFTER INSERT OR UPDATE OF mail, enabled, title ON peer FOR EACH ROW EXECUTE FUNCTION contact_follows();
CREATE OR REPLACE TRIGGER identity_to_contact AFTER INSERT OR UPDATE OF mail, enabled, name ON identity FOR EACH ROW EXECUTE FUNCTION contact_follows();

-- Records older than the table.
DO $$ BEGIN
    PERFORM contact_sync(a) FROM (SELECT c.email AS a FROM constituent_contact c UNION SELECT p.mail FROM peer p UNION SELECT i.mail FROM identity i) x
    WHERE mail_address(a) IS NOT NULL AND NOT EXISTS (SELECT FROM contact c WHERE c.address = mail_address(a));
END $$;

-- The contact of an address that we are about to write to; remembered, not vouched for, where it is new. NULL for what is no address.
CREATE OR REPLACE FUNCTION contact_remember(p_address text, p_name text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_id bigint;
BEGIN
    INSERT INTO contact (address, name, is_known, created_by) SELECT mail_address(p_address), left(p_name, 200), false, viewer()
        WHERE mail_address(p_address) IS NOT NULL ON CONFLICT (address) DO NOTHING RETURNING id INTO v_id;
    RETURN coalesce(v_id, (SELECT c.id FROM contact c WHERE c.address = mail_address(p_address)));
END $$;

-- --- waivers: leave to send in clear up to a label ---

-- The waiver in force for an address that goes furthest: the contact's own, or its peer's. No row where there is none.
CREATE OR REPLACE FUNCTION contact_waiver(p_address text) RETURNS TABLE (id bigint, up_to smallint, until timestamptz, granted_by text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT w.id, w.up_to, w.until, i.login, w.reason FROM contact c JOIN waiver w ON w.contact_id = c.id OR w.peer_id = c.peer_id JOIN identity i ON i.id = w.granted_by
    WHERE c.address = mail_address(p_address) AND c.enabled AND w.ended IS NULL AND w.until > now() ORDER BY w.up_to DESC, w.until DESC LIMIT 1 $$;

CREATE OR REPLACE FUNCTION waiver_end(p_contact bigint, p_peer bigint) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_count int;
BEGIN
    UPDATE waiver w SET ended = now() WHERE (w.contact_id = p_contact OR w.peer_id = p_peer) AND w.ended IS NULL;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

-- A new one ends the one before it. p_until NULL: only ends it.
CREATE OR REPLACE FUNCTION waiver_write(p_contact bigint, p_peer bigint, p_whose text, p_up_to text, p_until timestamptz, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_label smallint := tlp_number(lower(p_up_to));
    v_ended int;
BEGIN
    IF v_label IS NULL OR v_label > 2 THEN
        PERFORM refuse('CI422', format('a waiver goes up to clear, green or amber, not "%s"', left(coalesce(p_up_to, ''), 40)),
                       'AMBER+STRICT in clear is decided for each message, RED never goes', '{"at": "/up_to"}');
    ELSIF p_until IS NULL OR p_until <= now() OR p_until > now() + interval '2 years' THEN
        PERFORM refuse('CI422', 'a waiver needs an end within two years', '--until DATE', '{"at": "/until"}');
    ELSIF coalesce(btrim(p_reason), '') = '' THEN
        PERFORM refuse('CI422', 'a waiver needs a reason', '-m WHY', '{"at": "/reason"}');
    END IF;
    v_ended := waiver_end(p_contact, p_peer);
    INSERT INTO waiver (contact_id, peer_id, up_to, reason, granted_by, until) VALUES (p_contact, p_peer, v_label, left(btrim(p_reason), 1000), viewer(), p_until);
    PERFORM journal_append(0, viewer_login(), 'waiver', p_whose, jsonb_build_object('up_to', tlp_name(v_label), 'until', time_text(p_until), 'reason', left(btrim(p_reason), 1000),
                           'replaces', nullif(v_ended, 0)));
END $$;

CREATE OR REPLACE FUNCTION waiver_cancel(p_contact bigint, p_peer bigint, p_whose text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF waiver_end(p_contact, p_peer) = 0 THEN
        PERFORM refuse('CI404', format('%s has no waiver', p_whose));
    END IF;
    PERFORM journal_append(0, viewer_login(), 'waiver ended', p_whose);
END $$;

-- --- what desk reads and calls ---

CREATE VIEW visible_contact AS
SELECT c.id, c.address, c.name, coalesce(c.lang, k.lang) AS lang, k.name AS constituent, p.name AS peer, i.login AS analyst, c.is_known, c.enabled, c.bounced,
       c.bounce,
       (SELECT coalesce(json_agg(json_build_object('fingerprint', y.fingerprint, 'protocol', y.protocol, 'state', key_state(y), 'expires', time_text(y.expires))
                                 ORDER BY y.pinned DESC NULLS LAST, y.fingerprint), '[]')
        FROM mail_key y WHERE y.addresses @> ARRAY[c.address] OR y.contact_id = c.id OR y.peer_id = c.peer_id OR y.identity_id = c.identity_id) AS keys,
       waiver_list(c.id, NULL) AS waivers
FROM contact c
    LEFT JOIN constituent k ON k.id = c.constituent_id
    LEFT JOIN peer p ON p.id = c.peer_id
    LEFT JOIN identity i ON i.id = c.identity_id
WHERE viewer() IS NOT NULL
  -- Whom nobody vouches for is remembered from correspondence, and known to those who may see some of that.
  AND (c.is_known OR c.created_by = viewer() OR NOT EXISTS (SELECT FROM mail_recipient r WHERE r.address = c.address)
       OR EXISTS (SELECT FROM mail_recipient r JOIN visible_mail m ON m.id = r.mail_id WHERE r.address = c.address));

CREATE OR REPLACE FUNCTION contact_json(c visible_contact) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('address', c.address, 'name', c.name, 'lang', c.lang, 'constituent', c.constituent, 'peer', c.peer, 'analyst', c.analyst, 'known', c.is_known,
    'enabled', c.enabled, 'bounced', time_text(c.bounced), 'bounce', c.bounce, 'keys', c.keys, 'waivers', c.waivers);

CREATE OR REPLACE FUNCTION contact_find(p_address text) RETURNS contact
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE c contact;
BEGIN
    SELECT * INTO c FROM contact x WHERE x.address = mail_address(p_address) FOR UPDATE;
    IF c.id IS NULL THEN
        PERFORM record_missing('contact', p_address);
    END IF;
    RETURN c;
END $$;

-- The body's checks that need no row.
CREATE OR REPLACE FUNCTION contact_check(p_body jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM record_check(p_body, '{address,name,lang,constituent,peer,known,enabled,bounced}');
    IF p_body ->> 'lang' !~ '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$' THEN
        PERFORM refuse('CI422', format('"%s" is no language', left(p_body ->> 'lang', 40)), 'a tag as en, fr, zh-Hans (BCP 47)', '{"at": "/lang"}');
    ELSIF p_body ->> 'name' ~ '[[:cntrl:]]' OR length(p_body ->> 'name') > 200 THEN
        PERFORM refuse('CI422', 'a name is one line of at most 200 characters', NULL, '{"at": "/name"}');
    ELSIF p_body ->> 'constituent' IS NOT NULL AND NOT EXISTS (SELECT FROM constituent k WHERE k.name = p_body ->> 'constituent') THEN
        PERFORM refuse('CI422', format('there is no constituent "%s"', left(p_body ->> 'constituent', 100)), 'cirt constituent ls', '{"at": "/constituent"}');
    ELSIF p_body ->> 'peer' IS NOT NULL AND NOT EXISTS (SELECT FROM peer p WHERE p.name = upper(p_body ->> 'peer')) THEN
        PERFORM refuse('CI422', format('there is no peer "%s"', left(p_body ->> 'peer', 100)), 'cirt peer ls', '{"at": "/peer"}');
    ELSIF p_body ? 'peer' AND NOT viewer_is('lead') AND NOT viewer_is('admin') THEN
        PERFORM refuse('CI403', 'whose address is a peer''s, a lead or admin says');
    ELSIF jsonb_typeof(p_body -> 'bounced') NOT IN ('null', 'boolean') OR (p_body -> 'bounced')::text = 'true' THEN
        PERFORM refuse('CI422', 'that mail came back can only be taken away: null', NULL, '{"at": "/bounced"}');
    END IF;
END $$;

CREATE OR REPLACE FUNCTION contact_write(p_name text, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c contact;
    v_address text := mail_address(coalesce(p_name, p_body ->> 'address'));
BEGIN
    PERFORM contact_check(p_body);
    IF p_name IS NOT NULL THEN
        c := contact_find(p_name);
    ELSIF v_address IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is no mail address', left(coalesce(p_body ->> 'address', ''), 100)), 'as name@domain.example', '{"at": "/address"}');
    ELSE
        INSERT INTO contact (address, created_by) VALUES (v_address, viewer()) ON CONFLICT (address) DO NOTHING RETURNING * INTO c;
        -- One that we only remember becomes known.
        IF c.id IS NULL THEN
            c := contact_find(v_address);
            IF c.is_known THEN
                PERFORM record_exists('contact', v_address);
            END IF;
        END IF;
    END IF;
    -- The row is looked at before this; what the object does not name stays.
    UPDATE contact x SET name = record_text(p_body, 'name', x.name), lang = record_text(p_body, 'lang', x.lang), enabled = record_enabled(p_body, x.enabled),
        constituent_id = CASE WHEN p_body ? 'constituent' THEN (SELECT k.id FROM constituent k WHERE k.name = p_body ->> 'constituent') ELSE x.constituent_id END,
        peer_id = CASE WHEN p_body ? 'peer' THEN (SELECT p.id FROM peer p WHERE p.name = upper(p_body ->> 'peer')) ELSE x.peer_id END,
        bounced = CASE WHEN p_body ? 'bounced' THEN NULL ELSE x.bounced END, bounce = CASE WHEN p_body ? 'bounced' THEN NULL ELSE x.bounce END,
        vouched_by = CASE WHEN (p_body -> 'known')::text = 'false' THEN NULL WHEN p_name IS NULL OR p_body ?| '{known,constituent,peer}' THEN viewer() ELSE x.vouched_by END,
        is_known = coalesce((p_body ->> 'known')::boolean, p_name IS NULL OR x.is_known)
        WHERE x.id = c.id;
    PERFORM contact_sync(v_address);
    PERFORM record_journal('contact', CASE WHEN p_name IS NULL THEN 'add' ELSE 'set' END, v_address, p_body - 'address');
    RETURN (SELECT contact_json(v) FROM visible_contact v WHERE v.id = c.id);
END $$;

-- One that was used stays as a row that is not written to; one that a record names is taken out there.
CREATE OR REPLACE FUNCTION contact_remove(p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c contact := contact_find(p_name);
    v_hint text;
BEGIN
    PERFORM contact_sync(c.address);
    v_hint := coalesce((SELECT format('cirt constituent show %s', k.name) FROM constituent_contact x JOIN constituent k ON k.id = x.constituent_id AND k.enabled
                        WHERE lower(btrim(x.email)) = c.address LIMIT 1),
                       (SELECT format('cirt peer show %s', p.name) FROM peer p WHERE p.enabled AND mail_address(p.mail) = c.address LIMIT 1),
                       (SELECT format('cirt analyst show %s', i.login) FROM identity i WHERE i.enabled AND mail_address(i.mail) = c.address LIMIT 1));
    IF v_hint IS NOT NULL THEN
        PERFORM refuse('CI409', format('a record names %s: it leaves when it leaves there', c.address), v_hint || '   (or: cirt contact set ' || c.address || ' --enabled no)');
    END IF;
    PERFORM record_journal('contact', 'remove', c.address, '{}');
    PERFORM waiver_end(c.id, NULL);
    IF EXISTS (SELECT FROM mail_key k WHERE k.contact_id = c.id) OR EXISTS (SELECT FROM waiver w WHERE w.contact_id = c.id)
       OR EXISTS (SELECT FROM thread t WHERE t.contact_id = c.id) OR EXISTS (SELECT FROM mail_recipient r WHERE r.address = c.address AND r.contact_id = c.id) THEN
        UPDATE contact x SET enabled = false, is_known = false, vouched_by = NULL WHERE x.id = c.id;
    ELSE
        DELETE FROM contact x WHERE x.id = c.id;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION contact_waiver_write(p_address text, p_up_to text, p_until timestamptz, p_reason text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE c contact := contact_find(p_address);
BEGIN
    PERFORM waiver_write(c.id, NULL, c.address, p_up_to, p_until, p_reason);
    RETURN (SELECT contact_json(v) FROM visible_contact v WHERE v.id = c.id);
END $$;

CREATE OR REPLACE FUNCTION contact_waiver_end(p_address text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE c contact := contact_find(p_address);
BEGIN
    PERFORM waiver_cancel(c.id, NULL, c.address);
END $$;

CREATE OR REPLACE FUNCTION peer_waiver_write(p_peer text, p_up_to text, p_until timestamptz, p_reason text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_peer bigint := (SELECT p.id FROM peer p WHERE p.name = upper(p_peer));
BEGIN
    IF v_peer IS NULL THEN
        PERFORM record_missing('peer', p_peer);
    END IF;
    PERFORM waiver_write(NULL, v_peer, upper(p_peer), p_up_to, p_until, p_reason);
    RETURN (SELECT peer_json(p) FROM visible_peer p WHERE p.id = v_peer);
END $$;

CREATE OR REPLACE FUNCTION peer_waiver_end(p_peer text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_peer bigint := (SELECT p.id FROM peer p WHERE p.name = upper(p_peer));
BEGIN
    IF v_peer IS NULL THEN
        PERFORM record_missing('peer', p_peer);
    END IF;
    PERFORM waiver_cancel(NULL, v_peer, upper(p_peer));
END $$;
