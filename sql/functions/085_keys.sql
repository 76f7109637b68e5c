-- Keys of others and our own. A key that came with a file or a mail is a candidate: it counts for nothing until somebody who compared its
-- fingerprint pins it to a contact, an analyst or (two persons) a peer. What a key says of its owner is a claim.

DROP VIEW IF EXISTS visible_key CASCADE;

CREATE VIEW visible_key AS
SELECT k.fingerprint, k.protocol, key_state(k) AS state, false AS own, c.address AS contact, p.name AS peer, i.login AS analyst,
       CASE WHEN num_nonnulls(k.pinned, k.asked_by) > 0 THEN key_counts_for(k) ELSE k.addresses END AS addresses, k.claims, k.user_id,
       k.key_ids, k.can_encrypt, k.expires, k.source,
       (SELECT r.id FROM visible_report_key r WHERE r.id = k.source_report LIMIT 1) AS source_report, k.seen, k.pinned, b.login AS pinned_by, a.login AS asked_by,
       k.revoked, k.distrusted, d.login AS distrusted_by, k.distrust_reason, k.unusable, k.armoured AS text, false AS signs, k.can_encrypt AS decrypts
FROM mail_key k
    LEFT JOIN contact c ON c.id = k.contact_id
    LEFT JOIN peer p ON p.id = k.peer_id
    LEFT JOIN identity i ON i.id = k.identity_id
    LEFT JOIN identity a ON a.id = k.asked_by
    LEFT JOIN identity b ON b.id = k.pinned_by
    LEFT JOIN identity d ON d.id = k.distrusted_by
WHERE viewer() IS NOT NULL AND NOT EXISTS (SELECT FROM own_key o WHERE o.fingerprint = k.fingerprint)
UNION ALL
SELECT o.fingerprint, o.protocol, CASE WHEN o.gone IS NOT NULL THEN 'gone' WHEN o.revoked THEN 'revoked' WHEN o.expires <= now() THEN 'expired' ELSE 'own' END, true, NULL, NULL, NULL, o.addresses,
       o.addresses, o.user_id, o.key_ids, o.can_decrypt, o.expires, 'seal', NULL, o.seen, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, o.public_text, o.signs,
       o.can_decrypt
FROM own_key o WHERE viewer() IS NOT NULL;

-- What needs a person first.
CREATE OR REPLACE FUNCTION key_rank(p_state text) RETURNS int LANGUAGE sql IMMUTABLE
RETURN array_position(ARRAY['asked', 'own', 'pinned', 'expired', 'candidate', 'revoked', 'distrusted', 'gone'], p_state);

CREATE OR REPLACE FUNCTION key_json(k visible_key) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('fingerprint', k.fingerprint, 'protocol', k.protocol, 'state', k.state, 'own', k.own, 'of',
    CASE WHEN k.contact IS NOT NULL THEN json_build_object('contact', k.contact) WHEN k.peer IS NOT NULL THEN json_build_object('peer', k.peer)
         WHEN k.analyst IS NOT NULL THEN json_build_object('analyst', k.analyst) END,
    'addresses', k.addresses, 'claims', k.claims, 'user_id', k.user_id, 'key_ids', k.key_ids, 'can_encrypt', k.can_encrypt, 'expires', time_text(k.expires),
    'source', k.source, 'report', 'r' || k.source_report, 'seen', time_text(k.seen), 'pinned', time_text(k.pinned), 'pinned_by', k.pinned_by, 'asked_by', k.asked_by,
    'revoked', time_text(k.revoked), 'distrusted', time_text(k.distrusted), 'distrusted_by', k.distrusted_by, 'reason', k.distrust_reason, 'problem', k.unusable,
    'signs', k.signs);

-- A key by its fingerprint (also with blanks), the end of it or a key id (8 digits at least), or an address. Never a guess: what fits two is refused.
CREATE OR REPLACE FUNCTION key_find(p_text text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_hex text := regexp_replace(upper(p_text), '^0X|[[:space:]:]', '', 'g');
    v_found text[];
BEGIN
    IF v_hex ~ '^([0-9A-F]{40}|[0-9A-F]{64})$' THEN
        v_found := ARRAY(SELECT v.fingerprint FROM visible_key v WHERE v.fingerprint = v_hex);
    ELSIF v_hex ~ '^[0-9A-F]{8,63}$' THEN
        v_found := ARRAY(SELECT v.fingerprint FROM visible_key v WHERE right(v.fingerprint, length(v_hex)) = v_hex
                         OR EXISTS (SELECT FROM unnest(v.key_ids) x WHERE right(x, length(v_hex)) = v_hex AND v.protocol = 'openpgp') ORDER BY 1 LIMIT 6);
    ELSIF mail_address(p_text) IS NOT NULL THEN
        v_found := ARRAY(SELECT v.fingerprint FROM visible_key v WHERE v.addresses @> ARRAY[mail_address(p_text)] AND (v.pinned IS NOT NULL OR v.own) ORDER BY 1 LIMIT 6);
        IF cardinality(v_found) = 0 THEN
            v_found := ARRAY(SELECT v.fingerprint FROM visible_key v WHERE v.addresses @> ARRAY[mail_address(p_text)] OR v.claims @> ARRAY[mail_address(p_text)]
                             ORDER BY 1 LIMIT 6);
        END IF;
    ELSE
        PERFORM refuse('CI404', format('"%s" is no key', left(p_text, 100)), 'a fingerprint, the last 8 or more digits of one, or an address: cirt key ls');
    END IF;
    IF cardinality(v_found) = 0 THEN
        PERFORM refuse('CI404', format('there is no key "%s"', left(p_text, 100)), 'cirt key ls   (cirt key import FILE brings one in)');
    ELSIF cardinality(v_found) > 1 THEN
        PERFORM refuse('CI409', format('"%s" fits more than one key', left(p_text, 100)), 'name one of them in full: ' || array_to_string(v_found, ' '),
                       json_build_object('keys', v_found));
    END IF;
    RETURN v_found[1];
END $$;

-- The reports whose verdict rests on a key, or would with it, are judged anew.
CREATE OR REPLACE FUNCTION key_recheck(p_fingerprint text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_names text[] := p_fingerprint || (SELECT k.key_ids FROM mail_key k WHERE k.fingerprint = p_fingerprint);
    v_reports bigint[];
BEGIN
    v_reports := ARRAY(SELECT DISTINCT d.report_id FROM report_verdict d
        WHERE (d.parts <> '[]' AND jsonb_path_query_array(d.parts, '$[*].fingerprint') ?| v_names) OR (d.unknown_keys <> '{}' AND d.unknown_keys && v_names)
        ORDER BY 1 DESC LIMIT 10000);
    PERFORM key_reports_again(v_reports);
END $$;

-- --- taking in ---

-- Adds a key as a candidate, or takes what a newer copy of a known one says. "new", "known", "changed". A revocation is never taken back.
CREATE OR REPLACE FUNCTION key_take(p_key jsonb, p_source text, p_report bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_fingerprint text := upper(p_key ->> 'fingerprint');
    v_text text := p_key ->> 'armoured';
    v_expires timestamptz := (p_key ->> 'expires')::timestamptz;
    -- Of a certificate its CA's lists say it, not its text.
    v_revoked timestamptz := CASE WHEN (p_key -> 'revoked')::text = 'true' AND p_key ->> 'protocol' IS DISTINCT FROM 'smime' THEN now() END;
    v_ids text[] := ARRAY(SELECT DISTINCT left(x, 1000) FROM jsonb_array_elements_text(coalesce(p_key -> 'key_ids', '[]')) x LIMIT 64);
    v_claims text[] := ARRAY(SELECT DISTINCT mail_address(x) FROM jsonb_array_elements_text(coalesce(p_key -> 'claims', '[]')) x WHERE mail_address(x) IS NOT NULL LIMIT 100);
    v_limit int := CASE WHEN p_source IN ('file', 'record') THEN 524288 ELSE 65536 END;
    k mail_key;
    v_is_newer boolean;
BEGIN
    IF coalesce(v_fingerprint, '') !~ '^([0-9A-F]{40}|[0-9A-F]{64})$' OR coalesce(v_text, '') = '' THEN
        PERFORM refuse('CI422', 'a key needs its fingerprint and its text (armoured, or PEM)', 'cirt key import FILE makes both', '{"at": "/fingerprint"}');
    ELSIF coalesce(p_key ->> 'protocol', 'openpgp') NOT IN ('openpgp', 'smime') THEN
        PERFORM refuse('CI422', 'the protocol is openpgp or smime', NULL, '{"at": "/protocol"}');
    ELSIF v_text ~ 'PRIVATE KEY' THEN
        PERFORM refuse('CI422', 'that is a private key: it belongs to its owner alone and is not taken', 'export the public one', '{"at": "/armoured"}');
    ELSIF length(v_text) > v_limit THEN
        PERFORM refuse('CI413', format('the key has %s bytes, the most is %s', length(v_text), v_limit), 'gpg --export-options export-minimal --armor --export KEY');
    ELSIF EXISTS (SELECT FROM own_key o WHERE o.fingerprint = v_fingerprint) THEN
        RETURN 'own';
    END IF;
    INSERT INTO mail_key AS x (fingerprint, protocol, addresses, claims, armoured, key_ids, user_id, can_encrypt, expires, revoked, source, source_report)
        VALUES (v_fingerprint, coalesce(p_key ->> 'protocol', 'openpgp'), '{}', v_claims, v_text, v_ids, left(p_key ->> 'user_id', 256),
                coalesce((p_key ->> 'can_encrypt')::boolean, true), v_expires, v_revoked, p_source, p_report)
        ON CONFLICT (fingerprint) DO NOTHING;
    IF FOUND THEN
        RETURN 'new';
    END IF;
    SELECT * INTO k FROM mail_key x WHERE x.fingerprint = v_fingerprint FOR UPDATE;
    -- What a mail brings changes no key that somebody decided about: verify merges it, and says so by key_confirmed().
    IF p_source NOT IN ('file', 'record') AND (k.source IN ('file', 'record') OR num_nonnulls(k.pinned, k.asked_by, k.distrusted) > 0) THEN
        UPDATE mail_key x SET seen = now() WHERE x.fingerprint = v_fingerprint AND x.seen < now() - interval '1 hour';
        RETURN CASE WHEN k.pinned IS NOT NULL THEN 'pinned' ELSE 'known' END;
    END IF;
    v_is_newer := k.armoured <> v_text OR (v_revoked IS NOT NULL AND k.revoked IS NULL) OR (p_key ? 'expires' AND k.expires IS DISTINCT FROM v_expires);
    UPDATE mail_key x SET armoured = CASE WHEN x.revoked IS NULL OR v_revoked IS NOT NULL THEN v_text ELSE x.armoured END, seen = now(), expires = CASE WHEN p_key ? 'expires' THEN v_expires ELSE x.expires END, revoked = coalesce(x.revoked, v_revoked),
        key_ids = CASE WHEN cardinality(v_ids) > 0 THEN v_ids ELSE x.key_ids END, claims = CASE WHEN cardinality(v_claims) > 0 THEN v_claims ELSE x.claims END,
        user_id = CASE WHEN p_key ? 'user_id' THEN left(p_key ->> 'user_id', 256) ELSE x.user_id END,
        can_encrypt = coalesce((p_key ->> 'can_encrypt')::boolean, x.can_encrypt), unusable = CASE WHEN x.armoured = v_text THEN x.unusable END,
        source = CASE WHEN p_source = 'file' AND x.source NOT IN ('file', 'record') THEN 'file' ELSE x.source END,
        changed = CASE WHEN v_is_newer THEN clock_timestamp() ELSE x.changed END
        WHERE x.fingerprint = v_fingerprint;
    IF v_is_newer AND k.pinned IS NOT NULL THEN
        PERFORM key_recheck(v_fingerprint);
    END IF;
    RETURN CASE WHEN v_is_newer THEN 'changed' ELSE 'known' END;
END $$;

-- By a person, from a file.
CREATE OR REPLACE FUNCTION key_add(p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_outcome text;
    v_fingerprint text := upper(p_body ->> 'fingerprint');
    v_was text;
BEGIN
    PERFORM record_check(p_body, '{protocol,fingerprint,key_ids,claims,user_id,expires,can_encrypt,revoked,armoured}');
    SELECT key_state(k) INTO v_was FROM mail_key k WHERE k.fingerprint = v_fingerprint;
    v_outcome := key_take(p_body, 'file', NULL);
    IF v_outcome = 'own' THEN
        PERFORM refuse('CI409', format('%s is our own key: seal keeps it', v_fingerprint), 'cirt key ls own');
    ELSIF v_outcome <> 'known' THEN
        PERFORM journal_append(0, viewer_login(), CASE v_outcome WHEN 'new' THEN 'key import' ELSE 'key refresh' END, v_fingerprint,
                               jsonb_build_object('expires', p_body -> 'expires', 'revoked', p_body -> 'revoked'));
    END IF;
    RETURN (SELECT json_join(key_json(v), json_build_object('outcome', v_outcome, 'was', v_was)) FROM visible_key v WHERE v.fingerprint = v_fingerprint);
END $$;

-- What verify found when it took a pinned key into its home: the facts are GnuPG's own and stand over what was said before. p_armoured: the merged copy where
-- a mail brought newer signatures of the key's owner, else NULL. p_problem: why it cannot be used, else NULL. p_looked: the text that verify looked at, NULL
-- with p_armoured. What another text has become meanwhile (somebody brought its revocation) is looked at again; an older look never takes it back.
SELECT drop_overloads('key_confirmed');
CREATE OR REPLACE FUNCTION key_confirmed(p_fingerprint text, p_key_ids text[], p_claims text[], p_user_id text, p_expires timestamptz, p_revoked boolean,
                                         p_can_encrypt boolean, p_armoured text, p_problem text, p_looked text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    k mail_key;
    v_now timestamptz := clock_timestamp();
BEGIN
    SELECT * INTO k FROM mail_key x WHERE x.fingerprint = p_fingerprint AND x.pinned IS NOT NULL FOR UPDATE;
    IF k.fingerprint IS NULL OR p_looked <> k.armoured OR (p_looked IS NULL AND coalesce(k.confirmed < k.changed, true)) THEN
        RETURN;
    ELSIF p_problem IS NOT NULL THEN
        UPDATE mail_key x SET unusable = left(p_problem, 200), confirmed = v_now WHERE x.fingerprint = p_fingerprint;
        IF k.unusable IS DISTINCT FROM left(p_problem, 200) THEN
            PERFORM journal_append(0, 'verify', 'key unusable', p_fingerprint, jsonb_build_object('why', left(p_problem, 200)));
        END IF;
        RETURN;
    END IF;
    UPDATE mail_key x SET key_ids = p_key_ids, claims = ARRAY(SELECT DISTINCT mail_address(a) FROM unnest(p_claims) a WHERE mail_address(a) IS NOT NULL LIMIT 100),
        user_id = left(p_user_id, 256), expires = p_expires, can_encrypt = p_can_encrypt, unusable = NULL, confirmed = v_now,
        -- A revocation stays in the text, so what GnuPG does not find in it was never there; of certificates the lists speak.
        revoked = CASE WHEN p_revoked THEN coalesce(x.revoked, v_now) WHEN x.protocol = 'smime' THEN x.revoked END, armoured = coalesce(p_armoured, x.armoured),
        changed = CASE WHEN p_armoured <> x.armoured THEN v_now ELSE x.changed END
        WHERE x.fingerprint = p_fingerprint;
    IF p_revoked IS DISTINCT FROM (k.revoked IS NOT NULL) OR p_expires IS DISTINCT FROM k.expires OR k.unusable IS NOT NULL THEN
        PERFORM key_recheck(p_fingerprint);
    END IF;
    IF (k.protocol = 'openpgp' AND p_revoked IS DISTINCT FROM (k.revoked IS NOT NULL)) OR p_armoured <> k.armoured THEN
        PERFORM journal_append(0, 'verify', 'key refresh', p_fingerprint, jsonb_build_object('expires', time_text(p_expires), 'revoked', p_revoked));
    END IF;
END $$;

-- Pinned keys that verify has not looked at since they changed.
CREATE OR REPLACE FUNCTION keys_unconfirmed() RETURNS TABLE (fingerprint text, protocol text, armoured text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT k.fingerprint, k.protocol, k.armoured FROM mail_key k WHERE k.pinned IS NOT NULL AND coalesce(k.confirmed < k.changed, true) ORDER BY k.changed LIMIT 4 $$;

-- Certificates of others that have not ended, pinned or not (a CA of ours may speak for them): to be held against new revocation lists.
CREATE OR REPLACE FUNCTION key_certificates() RETURNS TABLE (fingerprint text, armoured text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT k.fingerprint, k.armoured FROM mail_key k WHERE k.protocol = 'smime' AND k.revoked IS NULL AND coalesce(k.expires > now(), true) ORDER BY k.fingerprint $$;

-- One of them stands in a revocation list.
CREATE OR REPLACE FUNCTION key_revoked(p_fingerprint text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE k mail_key;
BEGIN
    UPDATE mail_key x SET revoked = now() WHERE x.fingerprint = p_fingerprint AND x.protocol = 'smime' AND x.revoked IS NULL RETURNING * INTO k;
    IF k.fingerprint IS NOT NULL THEN
        PERFORM journal_append(0, 'verify', 'key revoked', coalesce(format('%s of %s', k.fingerprint, key_owner_name(k)), k.fingerprint));
        PERFORM key_recheck(k.fingerprint);
    END IF;
END $$;

-- --- pinning ---

-- The other's addresses that a key shall count for: none of them may be known as somebody else's.
CREATE OR REPLACE FUNCTION key_addresses(p_given text[], p_contact bigint, p_peer bigint, p_identity bigint) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_addresses text[];
    v_bad text;
BEGIN
    v_addresses := ARRAY(SELECT DISTINCT mail_address(a) FROM unnest(p_given) a);
    IF array_position(v_addresses, NULL) IS NOT NULL THEN
        PERFORM refuse('CI422', 'an address in the list is none', 'as name@domain.example', '{"at": "/addresses"}');
    END IF;
    SELECT c.address INTO v_bad FROM contact c WHERE c.address = ANY (v_addresses)
        AND (coalesce(c.peer_id <> p_peer, c.peer_id IS NOT NULL) OR coalesce(c.identity_id <> p_identity, c.identity_id IS NOT NULL)) LIMIT 1;
    IF v_bad IS NOT NULL THEN
        PERFORM refuse('CI409', format('%s is the address of a peer or an analyst', v_bad),
                       (SELECT CASE WHEN c.peer_id IS NOT NULL THEN 'pin the key to the peer: --peer ' || (SELECT p.name FROM peer p WHERE p.id = c.peer_id)
                                    ELSE 'pin the key to the analyst: --analyst ' || (SELECT i.login FROM identity i WHERE i.id = c.identity_id) END FROM contact c WHERE c.address = v_bad));
    END IF;
    RETURN v_addresses;
END $$;

-- The second pair of eyes for a peer's key. True: granted now; false: asked now, and somebody else must say the same.
CREATE OR REPLACE FUNCTION key_four_eyes(k mail_key, p_peer peer, p_addresses text[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_subject text := format('%s for %s: %s', k.fingerprint, p_peer.name, array_to_string(p_addresses, ' '));
BEGIN
    IF k.pinned IS NULL AND k.asked_by IS NOT NULL AND k.peer_id = p_peer.id AND k.addresses <@ p_addresses AND k.addresses @> p_addresses AND k.asked_by <> viewer() THEN
        IF NOT viewer_is('lead') AND NOT viewer_is('admin') AND (SELECT i.role NOT IN ('lead', 'admin') FROM identity i WHERE i.id = k.asked_by) THEN
            PERFORM refuse('CI403', 'one of the two who pin a peer''s key must be a lead or an admin', 'ask one of them to repeat this');
        END IF;
        UPDATE approval a SET granted_by = viewer(), granted = now() WHERE a.id = (SELECT max(x.id) FROM approval x WHERE x.action = 'key pin' AND x.subject = v_subject AND x.granted IS NULL);
        RETURN true;
    END IF;
    UPDATE mail_key x SET peer_id = p_peer.id, contact_id = NULL, identity_id = NULL, asked_by = viewer(), addresses = p_addresses, pinned = NULL, pinned_by = NULL
        WHERE x.fingerprint = k.fingerprint;
    IF k.asked_by IS DISTINCT FROM viewer() OR k.peer_id IS DISTINCT FROM p_peer.id OR NOT (k.addresses <@ p_addresses AND k.addresses @> p_addresses) THEN
        INSERT INTO approval (action, subject, asked_by) VALUES ('key pin', v_subject, viewer());
        PERFORM journal_append(0, viewer_login(), 'key pin asked', v_subject);
    END IF;
    RETURN false;
END $$;

CREATE OR REPLACE FUNCTION key_owner_name(k mail_key) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce((SELECT 'the peer ' || p.name FROM peer p WHERE p.id = k.peer_id), (SELECT 'the analyst ' || i.login FROM identity i WHERE i.id = k.identity_id),
                    (SELECT c.address FROM contact c WHERE c.id = k.contact_id)) $$;

-- Pins the key to exactly one of the three; see docs/API.md. The decision is the caller's, who compared the fingerprint.
CREATE OR REPLACE FUNCTION key_pin_to(p_fingerprint text, p_contact bigint, p_peer bigint, p_identity bigint, p_addresses text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    k mail_key;
    v_peer peer;
    v_addresses text[] := key_addresses(p_addresses, p_contact, p_peer, p_identity);
    v_is_same boolean;
BEGIN
    SELECT * INTO k FROM mail_key x WHERE x.fingerprint = p_fingerprint FOR UPDATE;
    v_is_same := (k.contact_id, k.peer_id, k.identity_id) IS NOT DISTINCT FROM (p_contact, p_peer, p_identity);
    IF k.revoked IS NOT NULL THEN
        PERFORM refuse('CI409', format('its owner has revoked the key %s', p_fingerprint), 'ask for a new key');
    ELSIF k.unusable IS NOT NULL AND k.pinned IS NOT NULL THEN
        PERFORM refuse('CI409', format('the key %s cannot be used: %s', p_fingerprint, k.unusable), 'a good copy: cirt key refresh FILE');
    ELSIF k.pinned IS NOT NULL AND NOT v_is_same THEN
        PERFORM refuse('CI409', format('the key %s is pinned to %s', p_fingerprint, key_owner_name(k)), format('where that is wrong: cirt key distrust %s -m WHY', p_fingerprint));
    ELSIF k.pinned IS NOT NULL AND k.addresses <@ v_addresses AND k.addresses @> v_addresses THEN
        RETURN;
    END IF;
    IF p_peer IS NOT NULL THEN
        SELECT * INTO STRICT v_peer FROM peer p WHERE p.id = p_peer;
        IF NOT key_four_eyes(k, v_peer, v_addresses) THEN
            IF k.pinned IS NOT NULL THEN
                PERFORM key_recheck(p_fingerprint);
            END IF;
            RETURN;
        END IF;
    END IF;
    UPDATE mail_key x SET contact_id = p_contact, peer_id = p_peer, identity_id = p_identity, addresses = v_addresses, pinned = now(), pinned_by = viewer(),
        asked_by = CASE WHEN p_peer IS NOT NULL THEN x.asked_by END, distrusted = NULL, distrusted_by = NULL, distrust_reason = NULL, changed = clock_timestamp()
        WHERE x.fingerprint = p_fingerprint RETURNING * INTO k;
    PERFORM journal_append(0, viewer_login(), 'key pin', format('%s for %s', p_fingerprint, key_owner_name(k)),
                           jsonb_build_object('addresses', v_addresses, 'asked_by', (SELECT i.login FROM identity i WHERE i.id = k.asked_by)));
    PERFORM key_recheck(p_fingerprint);
END $$;

CREATE OR REPLACE FUNCTION key_pin(p_key text, p_contact text, p_peer text, p_analyst text, p_addresses text[]) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_fingerprint text := regexp_replace(upper(p_key), '[[:space:]]', '', 'g');
    v_contact contact;
    v_peer peer;
    v_identity identity;
BEGIN
    IF num_nonnulls(p_contact, p_peer, p_analyst) <> 1 THEN
        PERFORM refuse('CI422', 'a key is pinned to one contact, peer or analyst', 'cirt key pin FINGERPRINT --contact ADDRESS');
    ELSIF v_fingerprint !~ '^([0-9A-F]{40}|[0-9A-F]{64})$' THEN
        PERFORM refuse('CI422', format('"%s" is no whole fingerprint', left(p_key, 100)), 'who pins a key has compared all of its digits: cirt key show KEY', '{"at": "/key"}');
    ELSIF NOT EXISTS (SELECT FROM mail_key k WHERE k.fingerprint = key_find(v_fingerprint)) THEN
        PERFORM refuse('CI409', format('%s is our own key', v_fingerprint), 'cirt key ls own');
    END IF;
    IF p_contact IS NOT NULL THEN
        IF mail_address(p_contact) IS NULL THEN
            PERFORM refuse('CI422', format('"%s" is no mail address', left(p_contact, 100)), 'as name@domain.example', '{"at": "/contact"}');
        END IF;
        -- Who pins a key to an address vouches for it.
        v_contact.id := contact_remember(p_contact);
        SELECT * INTO STRICT v_contact FROM contact c WHERE c.id = v_contact.id;
        PERFORM key_pin_to(v_fingerprint, v_contact.id, NULL, NULL, v_contact.address || p_addresses);
        UPDATE contact c SET is_known = true, vouched_by = coalesce(c.vouched_by, viewer()) WHERE c.id = v_contact.id AND NOT c.is_known;
    ELSIF p_peer IS NOT NULL THEN
        SELECT * INTO v_peer FROM peer p WHERE p.name = upper(p_peer);
        IF v_peer.id IS NULL THEN
            PERFORM record_missing('peer', p_peer);
        ELSIF mail_address(v_peer.mail) IS NULL AND coalesce(cardinality(p_addresses), 0) = 0 THEN
            PERFORM refuse('CI422', format('the record of %s names no mail address that the key could count for', v_peer.name), format('cirt peer set %s --mail ADDRESS', v_peer.name));
        END IF;
        PERFORM key_pin_to(v_fingerprint, NULL, v_peer.id, NULL, CASE WHEN cardinality(p_addresses) > 0 THEN p_addresses ELSE ARRAY[v_peer.mail] END);
    ELSE
        SELECT * INTO v_identity FROM identity i WHERE i.login = lower(p_analyst);
        IF v_identity.id IS NULL THEN
            PERFORM record_missing('analyst', p_analyst);
        ELSIF NOT viewer_is('admin') THEN
            PERFORM refuse('CI403', 'keys of our own people are an admin''s to pin', format('ask one: cirt key pin %s --analyst %s', v_fingerprint, v_identity.login));
        ELSIF mail_address(v_identity.mail) IS NULL THEN
            PERFORM refuse('CI422', format('the record of %s names no mail address', v_identity.login), format('cirt analyst set %s --mail ADDRESS', v_identity.login));
        END IF;
        PERFORM key_pin_to(v_fingerprint, NULL, NULL, v_identity.id, v_identity.mail || p_addresses);
    END IF;
    RETURN (SELECT key_json(v) FROM visible_key v WHERE v.fingerprint = v_fingerprint);
END $$;

-- From now on the key counts nowhere, also for what it signed before. It can be pinned again.
CREATE OR REPLACE FUNCTION key_distrust_one(p_fingerprint text, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE k mail_key;
BEGIN
    SELECT * INTO k FROM mail_key x WHERE x.fingerprint = p_fingerprint FOR UPDATE;
    IF k.distrusted IS NOT NULL AND k.asked_by IS NULL THEN
        RETURN;
    END IF;
    UPDATE mail_key x SET distrusted = now(), distrusted_by = viewer(), distrust_reason = left(p_reason, 1000), pinned = NULL, pinned_by = NULL, asked_by = NULL
        WHERE x.fingerprint = p_fingerprint;
    PERFORM journal_append(0, viewer_login(), 'key distrust', coalesce(format('%s of %s', p_fingerprint, key_owner_name(k)), p_fingerprint), jsonb_build_object('reason', left(p_reason, 1000)));
    PERFORM key_recheck(p_fingerprint);
END $$;

CREATE OR REPLACE FUNCTION key_distrust(p_key text, p_reason text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_fingerprint text := key_find(p_key);
BEGIN
    IF EXISTS (SELECT FROM own_key o WHERE o.fingerprint = v_fingerprint) THEN
        PERFORM refuse('CI409', format('%s is our own key', v_fingerprint), 'it leaves when it leaves the home of seal: docs/OPERATIONS.md');
    ELSIF coalesce(btrim(p_reason), '') = '' THEN
        PERFORM refuse('CI422', 'distrusting a key needs a reason', format('cirt key distrust %s -m WHY', v_fingerprint), '{"at": "/reason"}');
    END IF;
    PERFORM key_distrust_one(v_fingerprint, btrim(p_reason));
    RETURN (SELECT key_json(v) FROM visible_key v WHERE v.fingerprint = v_fingerprint);
END $$;

-- The member `openpgp` of a peer's or analyst's record: the keys become exactly these, each {fingerprint, addresses, armoured} and what key_add() takes besides.
-- It is key_pin() for each: an analyst's counts at once, a peer's waits for a second person. One that leaves is distrusted, and kept.
CREATE OR REPLACE FUNCTION record_openpgp(p_identity bigint, p_peer bigint, p_list jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    e jsonb;
    v_fingerprint text;
BEGIN
    IF jsonb_typeof(p_list) = 'null' THEN
        p_list := '[]';
    ELSIF jsonb_typeof(p_list) <> 'array' THEN
        PERFORM refuse('CI422', 'openpgp must be a list', NULL, '{"at": "/openpgp"}');
    END IF;
    PERFORM key_distrust_one(k.fingerprint, 'it left the record') FROM mail_key k
        WHERE (k.identity_id = p_identity OR k.peer_id = p_peer) AND num_nonnulls(k.pinned, k.asked_by) > 0 AND k.protocol = 'openpgp'
        AND k.fingerprint NOT IN (SELECT upper(x ->> 'fingerprint') FROM jsonb_array_elements(p_list) x WHERE x ->> 'fingerprint' IS NOT NULL);
    FOR e IN SELECT x FROM jsonb_array_elements(p_list) x LOOP
        v_fingerprint := upper(e ->> 'fingerprint');
        IF (jsonb_typeof(e -> 'addresses') IS DISTINCT FROM 'array' OR jsonb_array_length(e -> 'addresses') = 0) AND (e -> 'revoked')::text IS DISTINCT FROM 'true' THEN
            PERFORM refuse('CI422', 'an OpenPGP key needs fingerprint, addresses and armoured', NULL, '{"at": "/openpgp"}');
        ELSIF key_take(e, 'record', NULL) = 'own' THEN
            PERFORM refuse('CI409', format('the OpenPGP key %s is our own', v_fingerprint));
        END IF;
        -- A record may name a key that its owner has revoked since: that is how the revocation comes here.
        IF (SELECT k.revoked IS NULL OR num_nonnulls(k.identity_id, k.peer_id) = 0 FROM mail_key k WHERE k.fingerprint = v_fingerprint) THEN
            PERFORM key_pin_to(v_fingerprint, NULL, p_peer, p_identity, ARRAY(SELECT jsonb_array_elements_text(e -> 'addresses')));
        END IF;
    END LOOP;
END $$;

-- --- the key to write with ---

-- The key that mail to an address is encrypted to. fingerprint NULL: none can be used; reason says why, hint what would help.
CREATE OR REPLACE FUNCTION contact_key(p_address text, OUT fingerprint text, OUT protocol text, OUT expires timestamptz, OUT reason text, OUT hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_address text := mail_address(p_address);
    k mail_key;
    v_state text;
BEGIN
    SELECT x.fingerprint, x.protocol, x.expires INTO contact_key.fingerprint, contact_key.protocol, contact_key.expires FROM (
        SELECT y.fingerprint, y.protocol, y.expires, y.pinned FROM keys_of_address(v_address) y
            WHERE key_state(y) = 'pinned' AND y.can_encrypt AND y.unusable IS NULL AND key_owner_enabled(y)
        UNION ALL
        SELECT o.fingerprint, o.protocol, o.expires, o.seen FROM own_key o
            WHERE o.addresses @> ARRAY[v_address] AND o.can_decrypt AND o.gone IS NULL AND NOT o.revoked AND coalesce(o.expires > now(), true)) x
        ORDER BY x.protocol, x.pinned DESC LIMIT 1;
    IF contact_key.fingerprint IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT y.* INTO k FROM keys_of_address(v_address) y
        ORDER BY array_position(ARRAY['pinned', 'asked', 'expired', 'revoked', 'candidate', 'distrusted'], key_state(y)), y.seen DESC LIMIT 1;
    v_state := CASE WHEN k.fingerprint IS NULL THEN 'none' ELSE key_state(k) END;
    reason := CASE v_state
        WHEN 'pinned' THEN CASE WHEN k.unusable IS NOT NULL THEN 'its key cannot be used: ' || k.unusable WHEN NOT k.can_encrypt THEN 'its key is for signatures only'
                                ELSE 'whom its key belongs to is disabled' END
        WHEN 'asked' THEN 'its key waits for a second person'
        WHEN 'expired' THEN 'its key ended ' || left(time_text(k.expires), 10)
        WHEN 'revoked' THEN 'its key was revoked'
        WHEN 'distrusted' THEN 'its key is distrusted here'
        WHEN 'candidate' THEN 'a key that claims this address is not pinned'
        ELSE 'no key of it is known' END;
    hint := CASE v_state
        WHEN 'asked' THEN format('another person: cirt key pin %s --peer %s', right(k.fingerprint, 16), (SELECT p.name FROM peer p WHERE p.id = k.peer_id))
        WHEN 'candidate' THEN format('compare it, then: cirt key pin %s --contact %s', right(k.fingerprint, 16), v_address)
        WHEN 'expired' THEN 'ask for a newer copy: cirt key refresh FILE'
        ELSE 'ask for its key: cirt key import FILE' END;
END $$;

-- --- our own ---

-- What seal has in its homes, public parts: [{fingerprint, protocol, key_ids, addresses, user_id, public_text, expires, can_sign, can_decrypt, signs}].
-- What is not in the list has gone. With a key that is new here, mail that nobody could open is tried again. Gives how many were new.
CREATE OR REPLACE FUNCTION own_keys_publish(p_keys jsonb) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    e jsonb;
    v_new text[] := '{}';
    v_ids text[] := '{}';
    v_gone text;
    v_key_ids text[];
BEGIN
    FOR e IN SELECT x FROM jsonb_array_elements(p_keys) x ORDER BY x ->> 'fingerprint' LOOP
        v_key_ids := ARRAY(SELECT jsonb_array_elements_text(e -> 'key_ids'));
        IF NOT EXISTS (SELECT FROM own_key o WHERE o.fingerprint = e ->> 'fingerprint' AND o.gone IS NULL AND o.key_ids @> v_key_ids) THEN
            v_new := v_new || (e ->> 'fingerprint');
            v_ids := v_ids || CASE WHEN (e ->> 'can_decrypt')::boolean THEN v_key_ids || CASE e ->> 'protocol' WHEN 'openpgp' THEN ARRAY[repeat('0', 16)] ELSE '{}' END ELSE '{}' END;
        END IF;
        INSERT INTO own_key AS o (fingerprint, protocol, key_ids, addresses, user_id, public_text, expires, can_sign, can_decrypt, signs, revoked)
            VALUES (e ->> 'fingerprint', e ->> 'protocol', v_key_ids,
                    ARRAY(SELECT mail_address(a) FROM jsonb_array_elements_text(e -> 'addresses') a WHERE mail_address(a) IS NOT NULL), e ->> 'user_id', e ->> 'public_text',
                    (e ->> 'expires')::timestamptz, (e ->> 'can_sign')::boolean, (e ->> 'can_decrypt')::boolean, (e ->> 'signs')::boolean,
                    coalesce((e ->> 'revoked')::boolean, false))
            ON CONFLICT (fingerprint) DO UPDATE SET key_ids = EXCLUDED.key_ids, addresses = EXCLUDED.addresses, user_id = EXCLUDED.user_id,
                public_text = EXCLUDED.public_text, expires = EXCLUDED.expires, can_sign = EXCLUDED.can_sign, can_decrypt = EXCLUDED.can_decrypt, signs = EXCLUDED.signs,
                revoked = EXCLUDED.revoked, seen = now(), gone = NULL;
    END LOOP;
    IF cardinality(v_new) > 0 THEN
        PERFORM journal_append(0, 'seal', 'own key', array_to_string(v_new, ' '));
    END IF;
    FOR v_gone IN UPDATE own_key o SET gone = now(), signs = false WHERE o.gone IS NULL
            AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_keys) x WHERE x ->> 'fingerprint' = o.fingerprint) RETURNING o.fingerprint LOOP
        PERFORM journal_append(0, 'seal', 'own key gone', v_gone);
    END LOOP;
    IF cardinality(v_ids) > 0 THEN
        PERFORM key_reports_again(ARRAY(SELECT d.report_id FROM report_verdict d WHERE d.needed_keys <> '{}' AND d.needed_keys && v_ids
            AND NOT EXISTS (SELECT FROM report_verdict n WHERE n.report_id = d.report_id AND n.checked > d.checked) ORDER BY 1 DESC LIMIT 10000));
    END IF;
    RETURN cardinality(v_new);
END $$;

-- Decode and verify judge these reports anew: what they were worth rested on a key that changed.
CREATE OR REPLACE FUNCTION key_reports_again(p_reports bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF cardinality(p_reports) > 0 AND to_regprocedure('cirt.reports_recheck(bigint[])') IS NOT NULL THEN
        PERFORM reports_recheck(p_reports);
    END IF;
END $$;

-- --- time ---

-- Our keys and pinned ones that end within the days, or ended less than 30 days ago.
CREATE OR REPLACE VIEW key_ending AS
SELECT o.fingerprint, o.expires, 'us' AS whose, true AS own, NULL::bigint AS peer_id FROM own_key o
    WHERE o.gone IS NULL AND NOT o.revoked AND (o.signs OR o.can_decrypt) AND o.expires > now() - interval '30 days'
UNION ALL
SELECT k.fingerprint, k.expires, key_owner_name(k), false, k.peer_id FROM mail_key k
    WHERE k.pinned IS NOT NULL AND k.distrusted IS NULL AND k.revoked IS NULL AND k.expires > now() - interval '30 days';

-- 30, 14, 7 and 1 days before the end of a key: the site's journal and who is on duty are told, each once a key and day count.
CREATE OR REPLACE FUNCTION clock_key_warnings(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v record;
    v_days int;
BEGIN
    done := 0;
    more := false;
    FOR v IN
        WITH due AS (
            SELECT e.*, (SELECT min(d) FROM unnest(ARRAY[1, 7, 14, 30]) d WHERE e.expires <= now() + make_interval(days => d)) AS days FROM key_ending e WHERE e.expires > now()),
        told AS (
            INSERT INTO key_warning (fingerprint, expires, days) SELECT d.fingerprint, d.expires, d.days FROM due d WHERE d.days IS NOT NULL ON CONFLICT DO NOTHING
            RETURNING fingerprint, days)
        SELECT d.* FROM due d JOIN told t USING (fingerprint, days) ORDER BY d.expires, d.fingerprint
    LOOP
        PERFORM journal_append(0, 'clock', 'key ends', format('%s of %s', v.fingerprint, v.whose), jsonb_build_object('expires', time_text(v.expires), 'days', v.days));
        v_days := least(v.days, v_days);
        done := done + 1;
    END LOOP;
    -- Which key, the mail does not say: it may go in clear.
    IF done > 0 AND EXISTS (SELECT FROM mta a WHERE a.smtp IS NOT NULL) THEN
        PERFORM mail_automatic('warning', NULL, NULL, i.mail, 'en', 'Keys for mail end soon',
                               format(E'Keys that our mail rests on end soon: %s, the first within %s.\n\nWhich, and whose:  cirt key expiring\n', done,
                                      CASE v_days WHEN 1 THEN 'a day' ELSE v_days || ' days' END))
            FROM identity i WHERE i.enabled AND i.level = 'duty' AND mail_address(i.mail) IS NOT NULL ORDER BY i.id;
    END IF;
END $$;

-- What doctor says of keys.
CREATE OR REPLACE FUNCTION key_checks() RETURNS TABLE (name text, ok boolean, text text, hint text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT 'our key ' || right(o.fingerprint, 8), coalesce(o.expires > now() + interval '14 days', true),
           o.protocol || CASE WHEN o.signs THEN ', signs' ELSE '' END || CASE WHEN o.can_decrypt THEN ', decrypts' ELSE '' END
               || coalesce(CASE WHEN o.expires > now() THEN ', to ' ELSE ', ended ' END || time_text(o.expires), ', without end'),
           CASE WHEN o.expires <= now() + interval '30 days' THEN 'a longer one, or a new one: docs/OPERATIONS.md, "Keys for mail"' END
    FROM own_key o WHERE o.gone IS NULL AND NOT o.revoked AND (o.signs OR coalesce(o.expires > now() - interval '30 days', true))
    UNION ALL
    SELECT 'our keys', false, 'seal has keys, but not the one that is to sign: no mail leaves', 'seal { key } in cirtd.conf must name one of: cirt key ls own'
    WHERE EXISTS (SELECT FROM own_key o WHERE o.gone IS NULL) AND NOT EXISTS (SELECT FROM own_key o WHERE o.gone IS NULL AND NOT o.revoked AND o.signs AND o.can_sign)
    UNION ALL
    SELECT 'key of ' || p.name, e.expires > now() + interval '14 days', CASE WHEN e.expires > now() THEN 'ends ' ELSE 'ended ' END || time_text(e.expires) || ', ' || e.fingerprint,
           'ask for a newer copy: cirt key refresh FILE'
    FROM key_ending e JOIN peer p ON p.id = e.peer_id AND p.enabled WHERE e.expires <= now() + interval '30 days'
    UNION ALL
    SELECT 'others'' keys', count(*) FILTER (WHERE k.unusable IS NOT NULL) = 0,
           format('%s pinned', count(*) FILTER (WHERE key_state(k) = 'pinned'))
               || coalesce(', ' || nullif(count(*) FILTER (WHERE k.pinned IS NOT NULL AND k.expires BETWEEN now() AND now() + interval '30 days'), 0) || ' end within 30 days', '')
               || coalesce(', ' || nullif(count(*) FILTER (WHERE key_state(k) = 'asked'), 0) || ' wait for a second person', '')
               || coalesce(', ' || nullif(count(*) FILTER (WHERE k.unusable IS NOT NULL AND k.pinned IS NOT NULL), 0) || ' cannot be used', ''),
           CASE WHEN count(*) FILTER (WHERE key_state(k) = 'asked' OR (k.pinned IS NOT NULL AND (k.unusable IS NOT NULL OR k.expires <= now() + interval '30 days'))) > 0
                THEN 'cirt key ls asked; cirt key expiring' END
    FROM mail_key k $$;
