-- Keys that come with mails: decode and verify leave them here as bytes, verify looks at them by and by, with nobody waiting. They become candidates,
-- which count for nothing; of a pinned key the owner's newer signatures (a new end, a revocation) are taken.

-- The same bytes again are only noted. p_source 'autocrypt', 'attachment' or 'signature'. Too large, or too many at a time: left out.
CREATE OR REPLACE FUNCTION key_offer_add(p_report bigint, p_source text, p_bytes bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_known key_offer;
BEGIN
    SELECT * INTO v_known FROM key_offer o WHERE o.sha256 = sha256(p_bytes);
    IF v_known.id IS NOT NULL THEN
        IF v_known.offered < now() - interval '1 day' THEN
            UPDATE key_offer o SET offered = now() WHERE o.id = v_known.id;
            UPDATE mail_key k SET seen = now() WHERE k.fingerprint = ANY (v_known.fingerprints);
        END IF;
        RETURN;
    END IF;
    INSERT INTO key_offer (sha256, report_id, source, bytes) SELECT sha256(p_bytes), p_report, p_source, p_bytes
        WHERE length(p_bytes) BETWEEN 1 AND 65536 AND (SELECT count(*) FROM key_offer o WHERE o.bytes IS NOT NULL) < 10000 ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM pg_notify('cirt_key_offer', '');
    END IF;
END $$;

CREATE OR REPLACE FUNCTION key_offer_claim() RETURNS TABLE (id bigint, attempts int, report_id bigint, source text, bytes bytea)
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    WITH spent AS (
        UPDATE key_offer o SET bytes = NULL, error = coalesce(o.error, queue_died(o.attempts)) WHERE o.bytes IS NOT NULL AND o.not_before <= now() AND queue_is_spent(o.attempts)),
    due AS (
        SELECT o.id FROM key_offer o WHERE o.bytes IS NOT NULL AND o.not_before <= now() AND NOT queue_is_spent(o.attempts)
        ORDER BY o.not_before, o.id LIMIT 2 FOR UPDATE SKIP LOCKED)
    UPDATE key_offer o SET attempts = o.attempts + 1, not_before = now() + queue_lease() FROM due WHERE o.id = due.id
    RETURNING o.id, o.attempts, o.report_id, o.source, o.bytes $$;

CREATE OR REPLACE FUNCTION key_offer_settle(p_ids bigint[], p_attempts int[]) RETURNS SETOF bigint
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    UPDATE key_offer o SET bytes = NULL FROM unnest(p_ids, p_attempts) u(id, attempts) WHERE o.id = u.id AND o.attempts = u.attempts AND o.bytes IS NOT NULL RETURNING o.id $$;

CREATE OR REPLACE FUNCTION key_offer_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    UPDATE key_offer o SET error = left(p_error, 500), not_before = now() + queue_rest(o.attempts), bytes = CASE WHEN NOT p_final THEN o.bytes END
    WHERE o.id = p_id AND o.attempts = p_attempts $$;

-- What verify found in the offer that it has in hand, one key at a time (as key_take() wants it): "new", "known", "changed", "own"; "pinned": its owner's newer
-- signatures may be in it. Strangers can send any number: of those that claim one address the newest 20 are kept.
CREATE OR REPLACE FUNCTION key_candidate_add(p_offer bigint, p_key jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_fingerprint text := upper(p_key ->> 'fingerprint');
    v_outcome text;
    v_gone text[];
    o key_offer;
BEGIN
    SELECT * INTO o FROM key_offer x WHERE x.id = p_offer AND x.bytes IS NOT NULL AND x.attempts > 0;
    IF o.id IS NULL THEN
        RAISE EXCEPTION 'offer % is not at hand', p_offer USING ERRCODE = 'CI404';
    END IF;
    -- Strangers' faults are no errors.
    IF length(p_key ->> 'armoured') > 65536 THEN
        RETURN 'too large';
    END IF;
    v_outcome := key_take(p_key, o.source, o.report_id);
    UPDATE key_offer x SET fingerprints = x.fingerprints || v_fingerprint WHERE x.id = p_offer AND NOT x.fingerprints @> ARRAY[v_fingerprint];
    IF v_outcome = 'new' THEN
        WITH gone AS (
            DELETE FROM mail_key k WHERE k.fingerprint <> v_fingerprint AND k.fingerprint IN (
                SELECT n.fingerprint FROM (
                    SELECT x.fingerprint, row_number() OVER (PARTITION BY a ORDER BY x.fingerprint = v_fingerprint DESC, x.seen DESC, x.fingerprint) AS rank
                    FROM (SELECT unnest(m.claims) AS a FROM mail_key m WHERE m.fingerprint = v_fingerprint) w JOIN mail_key x ON x.claims @> ARRAY[w.a]
                    WHERE x.source NOT IN ('file', 'record') AND num_nonnulls(x.pinned, x.asked_by, x.distrusted, x.revoked) = 0) n WHERE n.rank > 20)
            RETURNING k.fingerprint)
        SELECT array_agg(g.fingerprint) INTO v_gone FROM gone g;
        -- Should one of them come again, it is looked at again.
        DELETE FROM key_offer x WHERE x.fingerprints && v_gone AND x.id <> p_offer AND x.bytes IS NULL;
    END IF;
    RETURN v_outcome;
END $$;

-- What nobody decided about and nobody sent for half a year is forgotten.
CREATE OR REPLACE FUNCTION clock_keys_forgotten(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    DELETE FROM mail_key k WHERE k.fingerprint = ANY (ARRAY(
        SELECT x.fingerprint FROM mail_key x WHERE x.source NOT IN ('file', 'record') AND num_nonnulls(x.pinned, x.asked_by, x.distrusted, x.revoked) = 0
        AND x.seen < now() - interval '180 days' LIMIT 1000));
    GET DIAGNOSTICS done = ROW_COUNT;
    more := done = 1000;
    DELETE FROM key_offer o WHERE o.bytes IS NULL AND o.offered < now() - interval '90 days';
END $$;
