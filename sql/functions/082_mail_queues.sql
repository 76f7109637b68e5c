-- What follows a decision to mail: seal signs (to_sign), push hands over (outbox_mail), bounces come back, people recall.

-- Locks are taken in one order everywhere: queue, mail, case, journal. A deadlock that ends push between the MTA's word and its record would be dear.

-- The state of a mail that was sent follows from its pieces and recipients; here it is written, and the history told of what is final.
CREATE OR REPLACE FUNCTION mail_becomes(p_mail bigint, p_actor text, p_error text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    m mail;
    v_state text;
BEGIN
    SELECT * INTO m FROM mail x WHERE x.id = p_mail FOR UPDATE;
    PERFORM 1 FROM incident_case k WHERE k.id = m.case_id FOR NO KEY UPDATE;
    v_state := CASE
        WHEN EXISTS (SELECT FROM to_sign q WHERE q.mail_id = m.id AND q.attempts > 0) THEN 'signing'
        WHEN EXISTS (SELECT FROM to_sign q WHERE q.mail_id = m.id) THEN m.state
        WHEN EXISTS (SELECT FROM outbox_mail o WHERE o.mail_id = m.id) THEN 'queued'
        ELSE (SELECT CASE WHEN bool_or(r.state = 'bounced') THEN 'bounced'
                          WHEN bool_or(r.state = 'failed') THEN CASE WHEN bool_and(r.status = 'expired') FILTER (WHERE r.state = 'failed') THEN 'expired' ELSE 'failed' END
                          ELSE 'sent' END FROM mail_recipient r WHERE r.mail_id = m.id) END;
    UPDATE mail x SET state = v_state, error = p_error, updated = now(), sent = CASE WHEN v_state = 'sent' THEN coalesce(x.sent, now()) ELSE x.sent END WHERE x.id = m.id;
    IF v_state <> m.state AND v_state IN ('sent', 'failed', 'expired') THEN
        PERFORM journal_append(coalesce(m.case_id, 0), p_actor, 'mail ' || v_state,
            format('m%s: %s', m.id, v_state) || coalesce(', ' || (SELECT string_agg(r.address || coalesce(' (' || r.status || ')', ''), ', ' ORDER BY r.no) FROM mail_recipient r
                WHERE r.mail_id = m.id AND r.state IN ('failed', 'bounced')), ''), jsonb_build_object('mail', 'm' || m.id));
    END IF;
    IF v_state <> m.state AND m.share_id IS NOT NULL THEN
        PERFORM share_mail_becomes(m.id, v_state, p_error);
    END IF;
    IF v_state <> m.state AND m.case_id IS NOT NULL THEN
        UPDATE incident_case k SET updated = now() WHERE k.id = m.case_id;
    END IF;
END $$;

-- Until seal took it. What went comes back into no mailbox.
CREATE OR REPLACE FUNCTION mail_recall(p_mail bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    m mail;
    v_pieces bigint;
BEGIN
    -- In seal's order: the queue first.
    PERFORM 1 FROM to_sign q WHERE q.mail_id = p_mail ORDER BY q.id FOR UPDATE;
    SELECT * INTO m FROM mail x WHERE x.id = (SELECT v.id FROM visible_mail v WHERE v.id = p_mail) FOR UPDATE;
    IF m.id IS NULL THEN
        PERFORM refuse('CI404', format('there is no mail m%s', p_mail), 'cirt draft ls --all');
    END IF;
    SELECT count(*) INTO v_pieces FROM mail_piece p WHERE p.mail_id = m.id;
    IF m.state <> 'waiting' OR m.author_id IS NULL OR (SELECT count(*) FROM to_sign q WHERE q.mail_id = m.id AND q.attempts = 0) <> v_pieces THEN
        PERFORM refuse('CI409', CASE WHEN m.state = 'draft' THEN format('m%s was not sent', m.id) WHEN m.state = 'recalled' THEN format('m%s is recalled already', m.id)
                       ELSE format('m%s is gone (%s)', m.id, m.state) END, NULL, json_build_object('state', m.state));
    END IF;
    DELETE FROM to_sign q WHERE q.mail_id = m.id;
    UPDATE mail x SET state = 'recalled', revision = x.revision + 1, updated = now() WHERE x.id = m.id;
    PERFORM journal_append(coalesce(m.case_id, 0), viewer_login(), 'mail recalled', format('recalled m%s before it left', m.id), jsonb_build_object('mail', 'm' || m.id));
END $$;

-- --- seal ---

-- Why this piece must not be signed, or NULL. It needs a decision, that decision's entry in the journal, naming its hash, and a way that is good today.
CREATE OR REPLACE FUNCTION mail_piece_stops(p_mail bigint, p_no int) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT CASE
        WHEN m.decided IS NULL OR m.decision IS NULL THEN 'nobody decided to send it'
        WHEN m.state NOT IN ('waiting', 'signing', 'queued', 'sent') THEN format('it is %s', m.state)
        WHEN j.payload::jsonb ->> 'action' IS DISTINCT FROM 'mail' OR j.payload::jsonb #>> '{details,mail}' IS DISTINCT FROM 'm' || m.id
            OR j.payload::jsonb #>> '{details,message_id}' IS DISTINCT FROM m.message_id THEN 'its entry in the journal is missing'
        WHEN p.sha256 <> sha256(p.payload) OR NOT coalesce(j.payload::jsonb #> '{details,pieces}' ? encode(p.sha256, 'hex'), false)
            THEN 'it is not what was decided on: its hash is another one'
        ELSE coalesce(share_mail_stops(m.id), mail_way_stops(m.id, p.no)) END
    FROM mail m JOIN mail_piece p ON p.mail_id = m.id AND p.no = p_no
        LEFT JOIN (journal e JOIN journal_payload j ON j.case_id = e.case_id AND j.seq = e.seq AND e.commitment = sha256(j.salt || convert_to(j.payload, 'UTF8')))
            ON e.case_id = coalesce(m.case_id, 0) AND e.seq = m.journal_seq
    WHERE m.id = p_mail $$;

-- Takes a piece out of the way that cannot be signed: its recipients do not get it.
CREATE OR REPLACE FUNCTION mail_piece_fails(p_mail bigint, p_no int, p_actor text, p_error text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    DELETE FROM to_sign q WHERE q.mail_id = p_mail AND q.piece_no = p_no;
    UPDATE mail_recipient r SET state = 'failed', status = left(p_error, 500), at = now() FROM mail_piece p
        WHERE p.mail_id = p_mail AND p.no = p_no AND r.mail_id = p_mail AND r.address = ANY (p.recipients) AND r.state = 'waiting';
    PERFORM mail_becomes(p_mail, p_actor, left(p_error, 500));
END $$;

-- Pieces whose time has come, with the certificates of those they are encrypted to (S/MIME; OpenPGP keys seal has already). Fresh ones by the handful,
-- one that failed before alone.
CREATE OR REPLACE FUNCTION mail_sign_claim()
RETURNS TABLE (id bigint, attempts int, mail_id bigint, protocol text, protection text, message_id text, fingerprints text[], certificates text, head text, payload bytea,
               sha256 text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    q record;
    v_stop text;
    v_ids bigint[] := '{}';
BEGIN
    FOR q IN SELECT x.id, x.mail_id, x.piece_no, x.attempts, x.error FROM to_sign x WHERE x.not_before <= now() AND x.failed IS NULL
             ORDER BY x.attempts = 0, x.not_before, x.id LIMIT 4 FOR UPDATE SKIP LOCKED LOOP
        EXIT WHEN cardinality(v_ids) > 0 AND q.attempts > 0;
        v_stop := CASE WHEN queue_is_spent(q.attempts) THEN coalesce(q.error, queue_died(q.attempts)) ELSE mail_piece_stops(q.mail_id, q.piece_no) END;
        IF v_stop IS NOT NULL THEN
            PERFORM mail_piece_fails(q.mail_id, q.piece_no, 'seal', v_stop);
        ELSE
            v_ids := v_ids || q.id;
            EXIT WHEN q.attempts > 0;
        END IF;
    END LOOP;
    UPDATE mail m SET state = 'signing' FROM to_sign x WHERE x.id = ANY (v_ids) AND m.id = x.mail_id AND m.state = 'waiting';
    RETURN QUERY
    WITH taken AS (UPDATE to_sign x SET attempts = x.attempts + 1, not_before = now() + queue_lease() WHERE x.id = ANY (v_ids) RETURNING x.*)
    SELECT t.id, t.attempts, t.mail_id, p.protocol, p.protection, m.message_id, p.fingerprints,
           (SELECT coalesce(string_agg(k.armoured, E'\n'), '') FROM mail_key k WHERE k.fingerprint = ANY (p.fingerprints) AND p.protocol = 'smime'), p.head, p.payload,
           encode(p.sha256, 'hex')
    FROM taken t JOIN mail_piece p ON p.mail_id = t.mail_id AND p.no = t.piece_no JOIN mail m ON m.id = t.mail_id ORDER BY t.id;
END $$;

CREATE OR REPLACE FUNCTION mail_sign_settle(p_id bigint, p_attempts int) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_mail bigint;
BEGIN
    DELETE FROM to_sign q WHERE q.id = p_id AND q.attempts = p_attempts RETURNING q.mail_id INTO v_mail;
    IF v_mail IS NOT NULL THEN
        PERFORM mail_becomes(v_mail, 'seal', NULL);
        RETURN NEXT p_id;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION mail_sign_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    q to_sign;
BEGIN
    UPDATE to_sign x SET error = p_error, not_before = now() + queue_rest(x.attempts) WHERE x.id = p_id AND x.attempts = p_attempts RETURNING * INTO q;
    IF q.id IS NOT NULL AND (p_final OR queue_is_spent(q.attempts)) THEN
        PERFORM mail_piece_fails(q.mail_id, q.piece_no, 'seal', p_error);
    ELSIF q.id IS NOT NULL THEN
        UPDATE mail m SET error = left(p_error, 500) WHERE m.id = q.mail_id;
    END IF;
END $$;

-- The whole message, signed, on its way to push.
CREATE OR REPLACE FUNCTION mail_signed(p_id bigint, p_attempts int, p_bytes bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    q to_sign;
BEGIN
    SELECT * INTO q FROM to_sign x WHERE x.id = p_id AND x.attempts = p_attempts AND x.attempts > 0 FOR UPDATE;
    IF q.id IS NULL THEN
        RAISE EXCEPTION 'the lease of piece % ran out', p_id USING ERRCODE = 'CI409';
    END IF;
    INSERT INTO outbox_mail (mail_id, piece_no, bytes, sha256) VALUES (q.mail_id, q.piece_no, p_bytes, sha256(p_bytes));
    PERFORM pg_notify('cirt_outbox_mail', '');
END $$;

-- --- push ---

-- One message at a time. A lease is longer than SMTP may take; but it is good only as long as the session that took it lives (it holds a lock of that
-- number), so that what a killed push held is taken up at once. stop: it does not go any more.
CREATE OR REPLACE FUNCTION mail_push_claim()
RETURNS TABLE (id bigint, attempts int, mail_id bigint, sender text, recipients text[], message_id text, bytes bytea, stop text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    o outbox_mail;
BEGIN
    SELECT x.* INTO o FROM outbox_mail x
        WHERE (x.not_before <= now() OR x.expires <= now())
          AND (x.leased_until IS NULL OR x.leased_until <= now() OR NOT EXISTS (
              SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                AND l.classid = 20264 AND l.objid::bigint = x.id % 2147483648))
        ORDER BY x.not_before, x.id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF o.id IS NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_unlock_all();
    PERFORM pg_advisory_lock(20264, (o.id % 2147483648)::int);
    UPDATE outbox_mail x SET attempts = x.attempts + 1, leased_until = now() + interval '20 minutes' WHERE x.id = o.id RETURNING * INTO o;
    RETURN QUERY SELECT o.id, o.attempts, o.mail_id, CASE WHEN m.auto_submitted IS NULL THEN m.sender ELSE '' END,
        ARRAY(SELECT r.address FROM mail_recipient r WHERE r.mail_id = m.id AND r.address = ANY (p.recipients) AND r.state IN ('waiting', 'delayed') ORDER BY r.no),
        m.message_id, o.bytes, CASE WHEN o.expires <= now() THEN 'expired' WHEN o.sha256 <> sha256(o.bytes) THEN 'its bytes are not those that seal signed'
            ELSE coalesce(share_mail_stops(m.id), mail_way_stops(m.id, o.piece_no)) END
        FROM mail m JOIN mail_piece p ON p.mail_id = m.id AND p.no = o.piece_no WHERE m.id = o.mail_id;
END $$;

-- What the MTA said of each recipient: 2xx it has it, 4xx later, 5xx never.
CREATE OR REPLACE FUNCTION mail_pushed(p_id bigint, p_attempts int, p_addresses text[], p_codes int[], p_texts text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    o outbox_mail;
BEGIN
    SELECT * INTO o FROM outbox_mail x WHERE x.id = p_id AND x.attempts = p_attempts FOR UPDATE;
    IF o.id IS NULL THEN
        RAISE EXCEPTION 'the lease of message % ran out', p_id USING ERRCODE = 'CI409';
    END IF;
    UPDATE mail_recipient r SET state = CASE u.code / 100 WHEN 2 THEN 'sent' WHEN 5 THEN 'failed' ELSE 'delayed' END, status = left(u.text, 500), at = now()
        FROM unnest(p_addresses, p_codes, p_texts) u(address, code, text) WHERE r.mail_id = o.mail_id AND r.address = u.address AND r.state IN ('waiting', 'delayed');
    -- There is nobody of that name (RFC 3463 section 3.2): as good as a bounce.
    UPDATE contact c SET bounced = coalesce(c.bounced, now()), bounce = left(u.text, 500) FROM unnest(p_addresses, p_codes, p_texts) u(address, code, text)
        WHERE c.address = u.address AND u.code / 100 = 5 AND u.text ~ '^\d{3} 5\.1\.\d';
    -- The MTA answers again: what waited for it need not wait longer.
    UPDATE mta SET error = NULL, failing = NULL WHERE error IS NOT NULL;
    UPDATE outbox_mail x SET not_before = now(), error = NULL WHERE x.error IS NOT NULL AND x.id <> o.id AND x.not_before > now();
END $$;

-- The row goes when nobody waits any more; else the rest is tried again: after a minute, then twice as long up to an hour.
CREATE OR REPLACE FUNCTION mail_push_settle(p_id bigint, p_attempts int) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    o outbox_mail;
    v_waits boolean;
BEGIN
    SELECT * INTO o FROM outbox_mail x WHERE x.id = p_id AND x.attempts = p_attempts FOR UPDATE;
    IF o.id IS NULL THEN
        RETURN;
    END IF;
    SELECT EXISTS (SELECT FROM mail_recipient r JOIN mail_piece p ON p.mail_id = r.mail_id AND p.no = o.piece_no
                   WHERE r.mail_id = o.mail_id AND r.address = ANY (p.recipients) AND r.state IN ('waiting', 'delayed')) INTO v_waits;
    IF v_waits THEN
        UPDATE outbox_mail x SET leased_until = NULL, error = NULL,
            not_before = now() + least(interval '1 minute' * power(2, least(x.attempts - 1, 20)), interval '1 hour') * (0.8 + 0.4 * random()) WHERE x.id = o.id;
    ELSE
        DELETE FROM outbox_mail x WHERE x.id = o.id;
    END IF;
    PERFORM mail_becomes(o.mail_id, 'push', (SELECT r.status FROM mail_recipient r WHERE r.mail_id = o.mail_id AND r.state IN ('delayed', 'failed', 'bounced')
                                             ORDER BY r.state = 'delayed', r.no LIMIT 1));
    RETURN NEXT o.id;
END $$;

-- The MTA was not reached: whatever waits for it waits longer, 5 seconds at first, then twice as long up to half an hour.
CREATE OR REPLACE FUNCTION mail_push_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_since timestamptz := coalesce((SELECT a.failing FROM mta a), now());
    v_again timestamptz := now() + least(greatest(now() - v_since, interval '5 seconds'), interval '30 minutes') * (0.8 + 0.4 * random());
    v_mail bigint;
BEGIN
    UPDATE outbox_mail x SET error = p_error, not_before = v_again, leased_until = NULL WHERE x.id = p_id AND x.attempts = p_attempts RETURNING x.mail_id INTO v_mail;
    IF v_mail IS NULL THEN
        RETURN;
    END IF;
    UPDATE mail m SET error = left(p_error, 500), updated = now() WHERE m.id = v_mail;
    IF NOT p_final THEN
        UPDATE mta SET error = p_error, failing = v_since;
        UPDATE outbox_mail x SET error = p_error, not_before = v_again WHERE x.leased_until IS NULL AND x.not_before < v_again;
    END IF;
END $$;

-- What does not go any more, as mail_push_claim() said.
CREATE OR REPLACE FUNCTION mail_push_stopped(p_id bigint, p_attempts int, p_stop text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    o outbox_mail;
BEGIN
    SELECT * INTO o FROM outbox_mail x WHERE x.id = p_id AND x.attempts = p_attempts FOR UPDATE;
    UPDATE mail_recipient r SET state = 'failed', status = p_stop, at = now() FROM mail_piece p
        WHERE o.id IS NOT NULL AND p.mail_id = o.mail_id AND p.no = o.piece_no AND r.mail_id = o.mail_id AND r.address = ANY (p.recipients) AND r.state IN ('waiting', 'delayed');
END $$;

-- Which MTA there is, told from time to time. NULL: none; then nothing is handed over. p_anew: the settings may be others now, so what failed is tried.
CREATE OR REPLACE FUNCTION mta_tell(p_smtp text, p_anew boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO mta (smtp, told) VALUES (p_smtp, now()) ON CONFLICT (one) DO UPDATE SET smtp = EXCLUDED.smtp, told = EXCLUDED.told,
        error = CASE WHEN NOT p_anew THEN mta.error END, failing = CASE WHEN NOT p_anew THEN mta.failing END;
    IF p_anew THEN
        UPDATE outbox_mail x SET not_before = now() WHERE x.error IS NOT NULL AND x.leased_until IS NULL AND x.not_before > now();
    END IF;
END $$;

-- --- what comes back ---

-- What a bounce (RFC 3464) says about a mail of ours: the recipient's state follows, and for good the contact's. Who it is about is told by the address,
-- or by there being only one. Nobody guesses a Message-ID of 128 random bits: it comes from where the mail went.
CREATE OR REPLACE FUNCTION mail_bounced(p_message_id text, p_recipient text, p_status text, p_text text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    m mail;
    r mail_recipient;
    v_said text := left(concat_ws(' ', p_status, p_text), 500);
    v_state text := CASE left(p_status, 1) WHEN '2' THEN 'delivered' WHEN '4' THEN 'delayed' ELSE 'bounced' END;
BEGIN
    SELECT * INTO m FROM mail x WHERE x.message_id = btrim(p_message_id, ' <>') AND x.state IN ('signing', 'queued', 'sent', 'failed', 'bounced', 'expired') FOR UPDATE;
    IF m.id IS NULL THEN
        RETURN;
    END IF;
    PERFORM 1 FROM incident_case k WHERE k.id = m.case_id FOR NO KEY UPDATE;
    SELECT * INTO r FROM mail_recipient x WHERE x.mail_id = m.id AND (x.address = lower(p_recipient) OR (SELECT count(*) FROM mail_recipient o WHERE o.mail_id = m.id) = 1)
        ORDER BY x.address <> lower(coalesce(p_recipient, x.address)) LIMIT 1;
    IF r.no IS NULL OR r.state NOT IN ('sent', 'delivered', 'delayed', 'waiting') OR (v_state = 'delayed' AND r.state = 'delivered') THEN
        RETURN;
    END IF;
    -- What the MTA only has not got rid of yet is not ours to try again.
    UPDATE mail_recipient x SET state = CASE v_state WHEN 'delayed' THEN x.state ELSE v_state END, status = v_said, at = now() WHERE x.mail_id = m.id AND x.no = r.no;
    IF v_state = 'bounced' THEN
        UPDATE contact c SET bounced = coalesce(c.bounced, now()), bounce = v_said WHERE c.id = r.contact_id;
        PERFORM journal_append(coalesce(m.case_id, 0), 'triage', 'mail bounced', format('m%s came back from %s: %s', m.id, r.address, v_said), jsonb_build_object('mail', 'm' || m.id));
    ELSIF v_state = 'delivered' THEN
        UPDATE contact c SET bounced = NULL, bounce = NULL WHERE c.id = r.contact_id AND c.bounced IS NOT NULL;
    END IF;
    PERFORM mail_becomes(m.id, 'triage', CASE v_state WHEN 'bounced' THEN v_said ELSE m.error END);
END $$;
