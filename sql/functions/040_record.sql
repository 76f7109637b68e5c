-- What a site keeps about itself and others: peers, agreements, rules, analysts (constituents: 065_constituent.sql). Added and changed from a JSON
-- object: members that are not there stay as they are, null clears. Each change is an entry in the site's own journal (case 0). Nothing that was
-- used is erased.

CREATE OR REPLACE FUNCTION record_check(p_body jsonb, p_known text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_name text;
BEGIN
    IF jsonb_typeof(p_body) IS DISTINCT FROM 'object' THEN
        PERFORM refuse('CI400', 'the record must be a JSON object');
    END IF;
    SELECT k INTO v_name FROM jsonb_object_keys(p_body) k WHERE k <> ALL (p_known) LIMIT 1;
    IF v_name IS NOT NULL THEN
        PERFORM refuse('CI422', format('"%s" is no member of this record', left(v_name, 100)), 'members: ' || array_to_string(p_known, ' '),
                       json_build_object('at', '/' || v_name));
    END IF;
END $$;

-- A member as text: its new value where the object has it, else the old one.
CREATE OR REPLACE FUNCTION record_text(p_body jsonb, p_name text, p_old text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN p_body ? p_name THEN p_body ->> p_name ELSE p_old END;
-- An address that we call: https, and nothing secret in it, since everybody reads the record and the journal keeps it.
CREATE OR REPLACE FUNCTION record_address_check(p_body jsonb, p_name text, p_hint text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_body ->> p_name !~ '^https://[^[:space:][:cntrl:]]+$' OR length(p_body ->> p_name) > 2000 THEN
        PERFORM refuse('CI422', format('"%s" is no https:// address', left(p_body ->> p_name, 100)), NULL, json_build_object('at', '/' || p_name));
    ELSIF p_body ->> p_name ~ '^https:/+[^/?#]*@' THEN
        PERFORM refuse('CI422', 'a password has no place in an address', p_hint, json_build_object('at', '/' || p_name));
    END IF;
END $$;

CREATE OR REPLACE FUNCTION record_enabled(p_body jsonb, p_old boolean) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN coalesce((p_body ->> 'enabled')::boolean, p_old);

CREATE OR REPLACE FUNCTION record_list(p_body jsonb, p_name text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF NOT p_body ? p_name OR p_body -> p_name = 'null' THEN
        RETURN '{}';
    ELSIF jsonb_typeof(p_body -> p_name) <> 'array' THEN
        PERFORM refuse('CI422', format('%s must be a list', p_name), NULL, json_build_object('at', '/' || p_name));
    END IF;
    RETURN ARRAY(SELECT DISTINCT e FROM jsonb_array_elements_text(p_body -> p_name) e);
END $$;

-- The journal says who changed what; keys and certificates are in it by digest only.
CREATE OR REPLACE FUNCTION record_journal(p_kind text, p_action text, p_name text, p_body jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT journal_append(0, viewer_login(), p_kind || ' ' || p_action, p_name, p_body - ARRAY['openpgp', 'ca', 'contacts', 'text']
        || CASE WHEN p_body ? 'openpgp' AND p_body -> 'openpgp' <> 'null'
                THEN jsonb_build_object('openpgp', jsonb_path_query_array(p_body, '$.openpgp[*].fingerprint')) ELSE '{}' END
        || CASE WHEN p_body ->> 'ca' IS NOT NULL THEN jsonb_build_object('ca_sha256', encode(sha256(convert_to(p_body ->> 'ca', 'UTF8')), 'hex')) ELSE '{}' END
        || CASE WHEN p_body ->> 'text' IS NOT NULL THEN jsonb_build_object('text_sha256', encode(sha256(convert_to(p_body ->> 'text', 'UTF8')), 'hex')) ELSE '{}' END)
$$;

-- The keys of a person or a peer become exactly these. A key belongs to one of them only.
CREATE OR REPLACE FUNCTION record_keys(p_identity bigint, p_peer bigint, p_keys text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_key text;
BEGIN
    DELETE FROM registered_key k WHERE (k.identity_id = p_identity OR k.peer_id = p_peer) AND encode(k.key_sha256, 'hex') <> ALL (p_keys);
    FOREACH v_key IN ARRAY p_keys LOOP
        IF v_key IS NULL OR v_key !~ '^[0-9a-fA-F]{64}$' THEN
            PERFORM refuse('CI422', format('"%s" is no SHA-256 of a public key', left(v_key, 100)), '64 hexadecimal digits', json_build_object('at', '/keys'));
        END IF;
        IF EXISTS (SELECT FROM registered_key k WHERE k.key_sha256 = decode(v_key, 'hex')
                   AND (k.identity_id, k.peer_id) IS DISTINCT FROM (p_identity, p_peer)) THEN
            PERFORM refuse('CI409', format('the key %s… is registered for somebody else', left(v_key, 16)), 'one key, one identity: issue a new one');
        END IF;
        INSERT INTO registered_key (key_sha256, identity_id, peer_id) VALUES (decode(v_key, 'hex'), p_identity, p_peer) ON CONFLICT DO NOTHING;
    END LOOP;
END $$;

-- "peer", "add": what the caller named must (not) be there.
CREATE OR REPLACE FUNCTION record_missing(p_kind text, p_name text) RETURNS void LANGUAGE sql AS
$$ SELECT refuse('CI404', format('there is no %s "%s"', CASE p_kind WHEN 'rule' THEN 'rule set' ELSE p_kind END, left(p_name, 100)), format('cirt %s ls', p_kind)) $$;
CREATE OR REPLACE FUNCTION record_exists(p_kind text, p_name text) RETURNS void LANGUAGE sql AS
$$ SELECT refuse('CI409', format('the %s "%s" is there already', CASE p_kind WHEN 'rule' THEN 'rule set' ELSE p_kind END, left(p_name, 100)), format('cirt %s set %s changes it', p_kind, left(p_name, 100))) $$;

-- --- peers ---

-- p_name NULL: a new one.
CREATE OR REPLACE FUNCTION peer_write(p_name text, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v peer;
    v_name text := upper(coalesce(p_name, p_body ->> 'name'));
    v_issuer text;
    v_feeds bigint[];
    v_feed text;
BEGIN
    PERFORM record_check(p_body, '{name,title,url,rid_url,document_url,format,issuer_names,feeds,ca,keys,openpgp,mail,enabled}');
    PERFORM record_address_check(p_body, m, 'we show our certificate; theirs is known by --key') FROM unnest('{url,rid_url,document_url}'::text[]) m;
    SELECT * INTO v FROM peer p WHERE p.name = v_name FOR UPDATE;
    IF p_name IS NULL THEN
        IF v.id IS NOT NULL THEN
            PERFORM record_exists('peer', v_name);
        ELSIF coalesce(v_name, '') !~ '^[A-Z0-9][A-Z0-9-]{1,30}$' THEN
            PERFORM refuse('CI422', format('"%s" is no short name of a peer', left(v_name, 100)), 'capital letters, digits and -, 2 to 31', '{"at": "/name"}');
        END IF;
        INSERT INTO peer (name) VALUES (v_name) RETURNING * INTO v;
    ELSIF v.id IS NULL THEN
        PERFORM record_missing('peer', p_name);
    END IF;
    UPDATE peer SET title = record_text(p_body, 'title', title), url = record_text(p_body, 'url', url), rid_url = record_text(p_body, 'rid_url', rid_url),
        document_url = record_text(p_body, 'document_url', document_url), format = coalesce(record_text(p_body, 'format', format), 'rid'), ca = record_text(p_body, 'ca', ca), mail = record_text(p_body, 'mail', mail), enabled = record_enabled(p_body, enabled) WHERE id = v.id;
    IF p_body ? 'issuer_names' OR p_name IS NULL THEN
        DELETE FROM peer_issuer_name n WHERE n.peer_id = v.id AND n.name <> ALL (record_list(p_body, 'issuer_names'));
        -- What a peer may put into a case's number: its own name where nothing else is said.
        FOREACH v_issuer IN ARRAY CASE WHEN p_body ? 'issuer_names' THEN record_list(p_body, 'issuer_names') ELSE ARRAY[v_name] END LOOP
            IF EXISTS (SELECT FROM peer_issuer_name n WHERE n.name = v_issuer AND n.peer_id <> v.id)
               OR EXISTS (SELECT FROM site s WHERE v_issuer IN (s.prefix, s.name)) THEN
                PERFORM refuse('CI409', format('the name "%s" belongs to somebody else', left(v_issuer, 100)), NULL, '{"at": "/issuer_names"}');
            END IF;
            INSERT INTO peer_issuer_name (name, peer_id) VALUES (v_issuer, v.id) ON CONFLICT DO NOTHING;
        END LOOP;
    END IF;
    IF p_body ? 'feeds' THEN
        FOREACH v_feed IN ARRAY record_list(p_body, 'feeds') LOOP
            v_feeds := v_feeds || (SELECT f.identity_id FROM feed f JOIN identity i ON i.id = f.identity_id WHERE i.login = lower(v_feed));
            IF v_feeds[cardinality(v_feeds)] IS NULL THEN
                PERFORM record_missing('feed', v_feed);
            ELSIF EXISTS (SELECT FROM feed f WHERE f.identity_id = v_feeds[cardinality(v_feeds)] AND f.peer_id <> v.id) THEN
                PERFORM refuse('CI409', format('the feed "%s" is another peer''s', left(v_feed, 100)), NULL, '{"at": "/feeds"}');
            END IF;
        END LOOP;
        UPDATE feed f SET peer_id = CASE WHEN f.identity_id = ANY (v_feeds) THEN v.id END WHERE f.identity_id = ANY (v_feeds) OR f.peer_id = v.id;
    END IF;
    IF p_body ? 'keys' THEN
        PERFORM record_keys(NULL, v.id, record_list(p_body, 'keys'));
    END IF;
    IF p_body ? 'openpgp' THEN
        PERFORM record_openpgp(NULL, v.id, p_body -> 'openpgp');
    END IF;
    PERFORM record_journal('peer', CASE WHEN p_name IS NULL THEN 'add' ELSE 'set' END, v_name, p_body);
    RETURN (SELECT peer_json(p) FROM visible_peer p WHERE p.id = v.id);
END $$;

CREATE OR REPLACE FUNCTION peer_remove(p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    UPDATE peer SET enabled = false WHERE name = upper(p_name);
    IF NOT FOUND THEN
        PERFORM record_missing('peer', p_name);
    END IF;
    PERFORM record_journal('peer', 'remove', upper(p_name), '{"enabled": false}');
END $$;

-- --- agreements: a change is a new version, the old one stays what shares were made under ---

CREATE OR REPLACE FUNCTION agreement_write(p_name text, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v agreement;
BEGIN
    PERFORM record_check(p_body, '{peer,from,until,ceiling,classes,enabled,document}');
    IF p_name IS NULL THEN
        v.id := nextval('agreement_id_seq');
        v.version := 0;
        v.valid_from := now();
        v.enabled := true;
        v.ceiling := 2;
    ELSE
        SELECT * INTO v FROM agreement a WHERE 'a' || a.id = lower(p_name) AND a.is_current FOR UPDATE;
        IF v.id IS NULL THEN
            PERFORM record_missing('agreement', p_name);
        END IF;
    END IF;
    IF p_body ? 'peer' THEN
        SELECT p.id INTO v.peer_id FROM peer p WHERE p.name = upper(p_body ->> 'peer');
        IF v.peer_id IS NULL THEN
            PERFORM refuse('CI422', format('there is no peer "%s"', left(p_body ->> 'peer', 100)), 'cirt peer ls', '{"at": "/peer"}');
        END IF;
    END IF;
    v.valid_from := coalesce((p_body ->> 'from')::timestamptz, v.valid_from);
    v.valid_until := coalesce((p_body ->> 'until')::timestamptz, v.valid_until);
    v.ceiling := coalesce(CASE WHEN p_body ? 'ceiling' THEN coalesce(tlp_number(lower(p_body ->> 'ceiling')), -1) END, v.ceiling);
    v.enabled := record_enabled(p_body, v.enabled);
    v.document := record_text(p_body, 'document', v.document);
    IF p_body ? 'classes' THEN
        v.classes := nullif(record_list(p_body, 'classes'), '{}');
    END IF;
    IF v.peer_id IS NULL OR v.valid_until IS NULL THEN
        PERFORM refuse('CI422', 'an agreement needs peer and until', 'cirt agreement add --peer NAME --until DATE --ceiling amber');
    ELSIF v.ceiling NOT BETWEEN 0 AND 3 THEN
        PERFORM refuse('CI422', 'the ceiling of an agreement is one of clear, green, amber, amber+strict', 'TLP:RED is never shared', '{"at": "/ceiling"}');
    ELSIF v.valid_from >= v.valid_until THEN
        PERFORM refuse('CI422', 'the agreement ends before it begins', NULL, '{"at": "/until"}');
    END IF;
    UPDATE agreement a SET is_current = false WHERE a.id = v.id AND a.is_current;
    INSERT INTO agreement (id, version, peer_id, valid_from, valid_until, ceiling, classes, document, enabled, created_by)
        VALUES (v.id, v.version + 1, v.peer_id, v.valid_from, v.valid_until, v.ceiling, v.classes, v.document, v.enabled, viewer());
    PERFORM record_journal('agreement', CASE WHEN p_name IS NULL THEN 'add' ELSE 'set' END, format('a%s version %s', v.id, v.version + 1), p_body);
    RETURN (SELECT agreement_json(a) FROM visible_agreement a WHERE a.id = v.id);
END $$;

CREATE OR REPLACE FUNCTION agreement_remove(p_name text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT agreement_write(p_name, '{"enabled": false}') $$;

-- --- analysts: every identity that may call us, except peers ---

CREATE OR REPLACE FUNCTION analyst_write(p_name text, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v identity;
    v_login text := lower(coalesce(p_name, p_body ->> 'login'));
    v_role text := p_body ->> 'role';
BEGIN
    PERFORM record_check(p_body, '{login,name,role,mail,keys,openpgp,level,default_tlp,default_class,enabled}');
    SELECT * INTO v FROM identity i WHERE i.login = v_login FOR UPDATE;
    IF (p_body ? 'role' OR p_name IS NULL) AND (v_role IS NULL OR v_role NOT IN ('feed', 'analyst', 'lead', 'admin', 'auditor')) THEN
        PERFORM refuse('CI422', format('"%s" is no role', left(coalesce(v_role, ''), 100)), 'one of feed, analyst, lead, admin, auditor', '{"at": "/role"}');
    ELSIF p_body ->> 'default_tlp' IS NOT NULL AND tlp_number(lower(p_body ->> 'default_tlp')) IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is no label', left(p_body ->> 'default_tlp', 100)), NULL, '{"at": "/default_tlp"}');
    ELSIF p_body ->> 'level' !~ '^[a-z][a-z0-9-]{0,30}$' THEN
        PERFORM refuse('CI422', format('"%s" is no level', left(p_body ->> 'level', 100)), 'lead, duty, or a word of lower-case letters', '{"at": "/level"}');
    END IF;
    IF p_name IS NULL THEN
        IF v.id IS NOT NULL THEN
            PERFORM record_exists('analyst', v_login);
        ELSIF coalesce(v_login, '') !~ '^[a-z0-9][a-z0-9._-]{0,62}$' OR v_login IN ('me', 'none') THEN
            PERFORM refuse('CI422', format('"%s" is no login', left(v_login, 100)), 'lower-case letters, digits, . _ -; not "me" or "none", which filters have', '{"at": "/login"}');
        END IF;
        INSERT INTO identity (login, role) VALUES (v_login, v_role) RETURNING * INTO v;
    ELSIF v.id IS NULL THEN
        PERFORM record_missing('analyst', p_name);
    END IF;
    UPDATE identity SET name = record_text(p_body, 'name', name), role = coalesce(v_role, role), mail = record_text(p_body, 'mail', mail),
        level = record_text(p_body, 'level', level), default_class = record_text(p_body, 'default_class', default_class),
        default_tlp = CASE WHEN p_body ? 'default_tlp' THEN tlp_number(lower(p_body ->> 'default_tlp')) ELSE default_tlp END,
        enabled = record_enabled(p_body, enabled) WHERE id = v.id;
    IF p_body ? 'keys' THEN
        PERFORM record_keys(v.id, NULL, record_list(p_body, 'keys'));
    END IF;
    IF p_body ? 'openpgp' THEN
        PERFORM record_openpgp(v.id, NULL, p_body -> 'openpgp');
    END IF;
    IF NOT EXISTS (SELECT FROM identity i JOIN registered_key k ON k.identity_id = i.id WHERE i.role = 'admin' AND i.enabled) THEN
        PERFORM refuse('CI409', 'that would leave nobody who may administer this site', 'make somebody else admin first');
    END IF;
    PERFORM record_journal('analyst', CASE WHEN p_name IS NULL THEN 'add' ELSE 'set' END, v_login, p_body);
    RETURN (SELECT analyst_json(i) FROM visible_identity i WHERE i.id = v.id);
END $$;

CREATE OR REPLACE FUNCTION analyst_remove(p_name text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT analyst_write(p_name, '{"enabled": false}') $$;
