-- What the views of records show of keys and waivers.

-- What another's key is worth at this moment, in one word. A key whose pinning waits for a second person is "asked", also where it was distrusted before.
CREATE OR REPLACE FUNCTION key_state(k mail_key) RETURNS text LANGUAGE sql STABLE
RETURN CASE
    WHEN k.revoked IS NOT NULL THEN 'revoked'
    WHEN k.pinned IS NULL AND k.asked_by IS NOT NULL THEN 'asked'
    WHEN k.distrusted IS NOT NULL THEN 'distrusted'
    WHEN k.expires <= now() THEN 'expired'
    WHEN k.pinned IS NOT NULL THEN 'pinned'
    ELSE 'candidate' END;

-- The addresses that a pinned key counts for: those it was pinned for, and those that the records name its owner by.
CREATE OR REPLACE FUNCTION key_counts_for(k mail_key) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT x.a ORDER BY x.a), '{}') FROM (
        SELECT unnest(k.addresses) UNION SELECT c.address FROM contact c WHERE c.id = k.contact_id
        UNION SELECT c.address FROM contact c WHERE c.enabled AND (c.peer_id = k.peer_id OR c.identity_id = k.identity_id)) x(a) $$;

-- Those of an analyst or a peer that count, or did until they ended, or wait for a second person.
CREATE OR REPLACE FUNCTION key_list(p_identity bigint, p_peer bigint) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_object('fingerprint', k.fingerprint, 'protocol', k.protocol, 'state', key_state(k), 'addresses', key_counts_for(k),
                                               'expires', time_text(k.expires)) ORDER BY k.pinned DESC NULLS LAST, k.fingerprint), '[]')
    FROM mail_key k WHERE (k.identity_id = p_identity OR k.peer_id = p_peer) AND key_state(k) <> 'distrusted' AND viewer() IS NOT NULL $$;

CREATE OR REPLACE FUNCTION waiver_list(p_contact bigint, p_peer bigint) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_object('up_to', tlp_name(w.up_to), 'until', time_text(w.until), 'reason', w.reason, 'granted', time_text(w.granted),
                                               'granted_by', i.login) ORDER BY w.id), '[]')
    FROM waiver w JOIN identity i ON i.id = w.granted_by
    WHERE (w.contact_id = p_contact OR w.peer_id = p_peer) AND w.ended IS NULL AND w.until > now() AND viewer() IS NOT NULL $$;

-- Keys that have to do with an address: pinned for it or to whom it belongs, or such as claim it and are not pinned.
CREATE OR REPLACE FUNCTION keys_of_address(p_address text) RETURNS SETOF mail_key
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT k.* FROM mail_key k LEFT JOIN contact c ON c.address = mail_address(p_address)
    WHERE k.addresses @> ARRAY[mail_address(p_address)] OR k.contact_id = c.id OR k.peer_id = c.peer_id OR k.identity_id = c.identity_id
       OR (k.pinned IS NULL AND k.claims @> ARRAY[mail_address(p_address)]) $$;

-- Whom a key belongs to still takes part.
CREATE OR REPLACE FUNCTION key_owner_enabled(k mail_key) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce((SELECT p.enabled FROM peer p WHERE p.id = k.peer_id), (SELECT i.enabled FROM identity i WHERE i.id = k.identity_id),
                    (SELECT c.enabled FROM contact c WHERE c.id = k.contact_id), false) $$;
