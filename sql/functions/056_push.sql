-- The outbox and what becomes of its rows. push knows peers' addresses and documents that are ready to go; it reads no table.

-- A document that is due, one at a time: it is judged now and goes now, not after the minutes that others take before it. Peers take turns by lot, so that
-- one who is slow, or has many, does not hold up the others. stop: it does not go, and its share becomes this ('' where a newer order took its place); reason says why. A lease is longer than a request may take.
-- url: NULL where the peer has no address for such a document.
SELECT drop_overloads('push_claim');
CREATE OR REPLACE FUNCTION push_claim()
RETURNS TABLE (id bigint, attempts int, share_id bigint, peer text, url text, ca text, keys bytea, document bytea, media_type text, stop text, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    r record;
BEGIN
    -- What is ready for a disabled peer waits until it is enabled again, or expires.
    FOR r IN SELECT s.id, s.version, p.enabled, p.name FROM outbox o JOIN share s ON s.id = o.share_id AND s.version = o.version JOIN peer p ON p.id = s.peer_id
             WHERE s.state = CASE WHEN p.enabled THEN 'held' ELSE 'queued' END ORDER BY s.id FOR UPDATE OF s LOOP
        PERFORM share_becomes(r.id, r.version, 'push', CASE WHEN r.enabled THEN 'queued' ELSE 'held' END,
                              CASE WHEN NOT r.enabled THEN format('peer %s is disabled', r.name) END);
    END LOOP;
    RETURN QUERY
    WITH ready AS (
        SELECT DISTINCT ON (s.peer_id) o.id
        FROM outbox o JOIN share s ON s.id = o.share_id JOIN peer p ON p.id = s.peer_id
        WHERE (o.leased_until IS NULL OR o.leased_until <= now()) AND (p.enabled AND o.not_before <= now() OR o.expires <= now() OR s.version <> o.version)
        ORDER BY s.peer_id, o.not_before, o.id),
    due AS (SELECT o.id FROM outbox o WHERE o.id IN (SELECT y.id FROM ready y) AND (o.leased_until IS NULL OR o.leased_until <= now())
            ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED),
    taken AS (
        UPDATE outbox o SET attempts = o.attempts + 1, leased_until = now() + interval '2 minutes' FROM due WHERE o.id = due.id RETURNING o.*),
    judged AS (
        SELECT t.*, s.peer_id, s.format, w.why, CASE WHEN s.version <> t.version OR s.state NOT IN ('queued', 'held') THEN '' WHEN t.expires <= now() THEN 'expired'
                                    WHEN w.why IS NOT NULL THEN 'failed' END AS stop
        FROM taken t JOIN share s ON s.id = t.share_id CROSS JOIN LATERAL (SELECT share_stops(s.id) AS why OFFSET 0) w)
    SELECT j.id, j.attempts, j.share_id, p.name, CASE WHEN j.format <> 'rid' THEN coalesce(p.document_url, p.rid_url) ELSE p.rid_url END, p.ca,
           (SELECT string_agg(k.key_sha256, ''::bytea ORDER BY k.key_sha256) FROM registered_key k WHERE k.peer_id = p.id),
           CASE WHEN j.stop IS NULL THEN j.document END, j.media_type, j.stop,
           CASE j.stop WHEN '' THEN 'a newer order took its place'
                       WHEN 'expired' THEN format('not delivered within %s days: %s', extract(day FROM age(j.expires, j.expires - interval '14 days')),
                                                  coalesce(j.error, 'the peer is disabled'))
                       WHEN 'failed' THEN j.why END
    FROM judged j JOIN peer p ON p.id = j.peer_id;
END $$;

CREATE OR REPLACE FUNCTION push_settle(p_id bigint, p_attempts int) RETURNS SETOF bigint
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ DELETE FROM outbox o WHERE o.id = p_id AND o.attempts = p_attempts RETURNING o.id $$;

-- A try that may succeed later: 5 seconds, then twice as long each time up to an hour, a fifth more or less, for all that waits for this peer.
CREATE OR REPLACE FUNCTION push_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_again timestamptz := now() + least(interval '5 seconds' * power(2, least(p_attempts - 1, 20)), interval '1 hour') * (0.8 + 0.4 * random());
    o outbox;
BEGIN
    UPDATE outbox x SET error = p_error, not_before = v_again, leased_until = NULL WHERE x.id = p_id AND x.attempts = p_attempts RETURNING * INTO o;
    IF o.id IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO delivery (share_id, version, part, outcome) SELECT o.share_id, o.version, s.part, p_error FROM share s WHERE s.id = o.share_id;
    IF p_final THEN
        DELETE FROM outbox x WHERE x.id = o.id;
        PERFORM share_becomes(o.share_id, o.version, 'push', 'failed', p_error);
    ELSE
        UPDATE outbox x SET not_before = v_again FROM share s, share mine
            WHERE mine.id = o.share_id AND s.peer_id = mine.peer_id AND x.share_id = s.id AND x.leased_until IS NULL AND x.not_before < v_again;
    END IF;
END $$;

-- The peer answered with this status and body. 2xx: it has the document, and share reads what it said; anything else that comes here has failed for good.
CREATE OR REPLACE FUNCTION push_answered(p_id bigint, p_attempts int, p_status int, p_answer bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    o outbox;
    v_delivery bigint;
    v_peer peer;
BEGIN
    SELECT * INTO o FROM outbox x WHERE x.id = p_id AND x.attempts = p_attempts FOR UPDATE;
    IF o.id IS NULL THEN
        RAISE EXCEPTION 'the lease of delivery % ran out', p_id USING ERRCODE = 'CI409';
    END IF;
    INSERT INTO delivery (share_id, version, part, status, outcome, answer)
        SELECT o.share_id, o.version, s.part, p_status, 'answered', p_answer FROM share s WHERE s.id = o.share_id RETURNING id INTO v_delivery;
    SELECT p.* INTO v_peer FROM share s JOIN peer p ON p.id = s.peer_id WHERE s.id = o.share_id;
    IF p_status BETWEEN 200 AND 299 THEN
        PERFORM share_becomes(o.share_id, o.version, 'push', 'sent', NULL);
        INSERT INTO to_share (kind, share_id, version, delivery_id) VALUES ('answer', o.share_id, o.version, v_delivery);
        UPDATE outbox x SET not_before = now() FROM share s WHERE s.peer_id = v_peer.id AND x.share_id = s.id AND x.not_before > now();
        PERFORM pg_notify('cirt_share', '');
    ELSE
        PERFORM share_becomes(o.share_id, o.version, 'push', 'failed', format('%s answered %s', v_peer.name, p_status));
        IF octet_length(p_answer) > 0 THEN -- perhaps it says why
            INSERT INTO to_share (kind, share_id, version, delivery_id) VALUES ('answer', o.share_id, o.version, v_delivery);
            PERFORM pg_notify('cirt_share', '');
        END IF;
    END IF;
END $$;

-- What must not go any more, as push_claim() said.
CREATE OR REPLACE FUNCTION push_stopped(p_id bigint, p_attempts int, p_stop text, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    o outbox;
BEGIN
    SELECT * INTO o FROM outbox x WHERE x.id = p_id AND x.attempts = p_attempts FOR UPDATE;
    IF o.id IS NOT NULL AND p_stop IN ('failed', 'expired') THEN
        INSERT INTO delivery (share_id, version, part, outcome) SELECT o.share_id, o.version, s.part, p_reason FROM share s WHERE s.id = o.share_id;
        PERFORM share_becomes(o.share_id, o.version, 'push', p_stop, p_reason);
    END IF;
END $$;
