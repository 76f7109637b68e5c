-- Mail that a machine writes: acknowledgements, warnings. It is ordered here as a draft without an author; the clock gives it its text and sends it.

-- Orders one. p_case NULL: about no case. p_report: what it answers. p_subject and p_body NULL: the template of the occasion says it. Label CLEAR: it says
-- nothing that is not.
CREATE OR REPLACE FUNCTION mail_automatic(p_occasion text, p_case bigint, p_report bigint, p_address text, p_lang text, p_subject text, p_body text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_contact bigint := contact_remember(p_address, NULL);
    v_thread bigint;
    v_id bigint;
BEGIN
    IF p_case IS NOT NULL THEN
        v_thread := thread_with(p_case, v_contact, NULL, NULL);
    END IF;
    INSERT INTO mail (case_id, drill_id, compartment_id, thread_id, occasion, answers, sender, subject, body, lang, tlp, auto_submitted)
        SELECT p_case, coalesce(k.drill_id, 0), coalesce(k.compartment_id, 0), v_thread, p_occasion, p_report, '', coalesce(p_subject, ''), coalesce(p_body, ''),
               coalesce(p_lang, contact_lang(v_contact, p_case)), 0, CASE WHEN p_report IS NULL THEN 'auto-generated' ELSE 'auto-replied' END
        FROM (SELECT) one LEFT JOIN incident_case k ON k.id = p_case RETURNING id INTO v_id;
    PERFORM mail_set_recipients(v_id, jsonb_build_array(jsonb_build_object('kind', 'to', 'address', p_address)));
    PERFORM mail_set_references(v_id);
    INSERT INTO to_compose (mail_id) VALUES (v_id);
    PERFORM pg_notify('cirt_to_compose', '');
    RETURN v_id;
END $$;

-- --- the clock gives it its text ---

CREATE OR REPLACE FUNCTION mail_compose_claim() RETURNS TABLE (id bigint, attempts int, mail_id bigint, occasion text, lang text, subject text, body text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM mail_compose_fail(q.id, q.attempts, coalesce(q.error, queue_died(q.attempts)), true) FROM to_compose q WHERE q.not_before <= now() AND queue_is_spent(q.attempts);
    RETURN QUERY
    WITH due AS (SELECT q.id FROM to_compose q WHERE q.not_before <= now() ORDER BY q.attempts = 0, q.not_before, q.id LIMIT 1 FOR UPDATE SKIP LOCKED),
    taken AS (UPDATE to_compose q SET attempts = q.attempts + 1, not_before = now() + queue_lease() FROM due WHERE q.id = due.id RETURNING q.*)
    SELECT t.id, t.attempts, m.id, m.occasion, m.lang, m.subject, m.body FROM taken t JOIN mail m ON m.id = t.mail_id;
END $$;

CREATE OR REPLACE FUNCTION mail_compose_settle(p_id bigint, p_attempts int) RETURNS SETOF bigint
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ DELETE FROM to_compose q WHERE q.id = p_id AND q.attempts = p_attempts RETURNING q.id $$;

-- What cannot be sent is given up; nobody waits for it.
CREATE OR REPLACE FUNCTION mail_compose_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    q to_compose;
BEGIN
    UPDATE to_compose x SET error = p_error, not_before = now() + queue_rest(x.attempts) WHERE x.id = p_id AND x.attempts = p_attempts RETURNING * INTO q;
    IF q.id IS NOT NULL AND (p_final OR queue_is_spent(q.attempts)) THEN
        DELETE FROM to_compose x WHERE x.id = q.id;
        UPDATE mail m SET state = 'dropped', error = left(p_error, 500), updated = now() WHERE m.id = q.mail_id AND m.state = 'draft';
        UPDATE acknowledgement a SET outcome = left(p_error, 200) WHERE a.mail_id = q.mail_id;
        PERFORM share_mail_becomes(q.mail_id, 'dropped', p_error);
    END IF;
END $$;

-- The text of a machine's draft; only while its row is at hand.
CREATE OR REPLACE FUNCTION mail_composed(p_mail bigint, p_sender text, p_subject text, p_body text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    UPDATE mail m SET sender = p_sender, subject = p_subject, body = p_body, updated = now() WHERE m.id = p_mail AND m.state = 'draft' AND m.author_id IS NULL
        AND EXISTS (SELECT FROM to_compose q WHERE q.mail_id = m.id AND q.attempts > 0);
    IF NOT FOUND THEN
        PERFORM refuse('CI409', format('m%s is not at hand', p_mail));
    END IF;
END $$;

-- --- acknowledgements ---

-- Why the sender of this mail is not told that it arrived, or NULL: only whom we can be sure of, never a machine, never ourselves, once, and not in floods.
CREATE OR REPLACE FUNCTION acknowledge_stops(w report_mail, p_case bigint, p_sender text, p_per_domain int, p_per_hour int) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT CASE
        WHEN NOT EXISTS (SELECT FROM mta a WHERE a.smtp IS NOT NULL) THEN 'no MTA configured'
        WHEN w.kind <> 'message' OR w.is_automatic OR w.mail_from = '' OR w.author ~ '^(mailer-daemon|no-?reply|do-?not-?reply|owner-[^@]*|[^@]*-(request|bounces?|owner))@'
            THEN 'written by a machine'
        WHEN w.spam IS TRUE THEN 'spam'
        WHEN mail_is_intake(w.author, p_sender) OR EXISTS (SELECT FROM identity i WHERE lower(i.mail) = w.author)
            OR EXISTS (SELECT FROM own_key k WHERE k.addresses @> ARRAY[w.author]) THEN 'our own address'
        WHEN NOT (w.dmarc IS NOT DISTINCT FROM 'pass' OR c.is_known IS TRUE
                  OR coalesce((SELECT d.summary = 'verified' FROM report_verdict d WHERE d.report_id = w.report_id ORDER BY d.checked DESC LIMIT 1), false))
            THEN 'sender not assured: no DMARC pass, no good signature, no known contact'
        WHEN c.enabled IS FALSE THEN 'the contact is disabled'
        WHEN c.bounced IS NOT NULL THEN 'mail to it came back'
        WHEN k.drill_id <> 0 THEN 'an exercise'
        WHEN EXISTS (SELECT FROM mail m JOIN mail_recipient r ON r.mail_id = m.id AND r.address = w.author
                     WHERE m.case_id = p_case AND m.state NOT IN ('draft', 'dropped', 'recalled')) THEN 'in correspondence already'
        WHEN (SELECT count(*) FROM acknowledgement a WHERE a.outcome = 'sent' AND a.at > now() - interval '1 hour'
              AND split_part(a.address, '@', 2) = split_part(w.author, '@', 2)) >= p_per_domain THEN format('%s were sent to its domain within the hour', p_per_domain)
        WHEN (SELECT count(*) FROM acknowledgement a WHERE a.outcome = 'sent' AND a.at > now() - interval '1 hour') >= p_per_hour
            THEN format('%s were sent within the hour', p_per_hour) END
    FROM incident_case k LEFT JOIN contact c ON c.address = w.author WHERE k.id = p_case $$;

-- Mails that found their case since the last time: each sender is told its number, once a case. p_sender: our address.
CREATE OR REPLACE FUNCTION mail_acknowledge(p_sender text, p_per_domain int, p_per_hour int, OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    w report_mail;
    v_case bigint;
    v_stop text;
    v_seen int := 0;
BEGIN
    done := 0;
    FOR w IN SELECT x.* FROM report_mail x LEFT JOIN report_outcome o ON o.report_id = x.report_id
             WHERE x.looked_at IS NULL AND (o.state IN ('triaged', 'dropped') OR x.received < now() - interval '3 days')
             ORDER BY x.report_id LIMIT 100 FOR UPDATE OF x SKIP LOCKED LOOP
        v_seen := v_seen + 1;
        UPDATE report_mail x SET looked_at = now() WHERE x.report_id = w.report_id;
        SELECT m.case_id INTO v_case FROM case_member m WHERE m.report_id = w.report_id AND m.until IS NULL ORDER BY m.since, m.case_id LIMIT 1;
        CONTINUE WHEN v_case IS NULL OR mail_address(w.author) IS NULL OR w.received < now() - interval '3 days';
        v_stop := acknowledge_stops(w, v_case, p_sender, p_per_domain, p_per_hour);
        INSERT INTO acknowledgement AS a (case_id, address, report_id, outcome) VALUES (v_case, w.author, w.report_id, coalesce(v_stop, 'sent'))
            ON CONFLICT (case_id, address) DO UPDATE SET report_id = EXCLUDED.report_id, outcome = EXCLUDED.outcome, at = now() WHERE a.outcome <> 'sent' AND a.mail_id IS NULL;
        IF FOUND AND v_stop IS NULL THEN
            UPDATE acknowledgement a SET mail_id = mail_automatic('acknowledgement', v_case, w.report_id, w.author, NULL, NULL, NULL)
                WHERE a.case_id = v_case AND a.address = w.author;
            done := done + 1;
        END IF;
    END LOOP;
    more := v_seen = 100;
END $$;

-- What no MTA took in time is given up, also where push is stopped or has no MTA; push does the same for what it has in hand.
CREATE OR REPLACE FUNCTION clock_expire_mail(OUT done bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    o outbox_mail;
BEGIN
    done := 0;
    FOR o IN SELECT x.* FROM outbox_mail x WHERE x.expires <= now() - interval '1 minute' AND (x.leased_until IS NULL OR x.leased_until <= now())
             ORDER BY x.mail_id, x.id LIMIT 200 FOR UPDATE SKIP LOCKED LOOP
        PERFORM mail_push_stopped(o.id, o.attempts, 'expired');
        DELETE FROM outbox_mail x WHERE x.id = o.id;
        PERFORM mail_becomes(o.mail_id, 'clock', coalesce(o.error, 'no MTA took it'));
        done := done + 1;
    END LOOP;
    more := done = 200;
END $$;

-- What doctor says of mail that leaves.
CREATE OR REPLACE FUNCTION mail_checks() RETURNS TABLE (name text, ok boolean, text text, hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    a mta;
    v_waiting bigint := (SELECT count(*) FROM outbox_mail);
    v_oldest timestamptz := (SELECT min(m.decided) FROM outbox_mail o JOIN mail m ON m.id = o.mail_id);
    v_failed bigint := (SELECT count(*) FROM mail m WHERE m.state IN ('failed', 'expired', 'bounced') AND m.updated > now() - interval '7 days');
BEGIN
    SELECT * INTO a FROM mta;
    RETURN QUERY SELECT 'mail out', CASE WHEN a.smtp IS NULL THEN v_waiting = 0 ELSE a.error IS NULL AND coalesce(v_oldest > now() - interval '1 hour', true) END,
        concat_ws(', ', CASE WHEN a.one IS NULL THEN 'push has not told of an MTA yet' WHEN a.smtp IS NULL THEN 'no MTA configured' ELSE 'by ' || a.smtp END,
            v_waiting || ' waiting', 'the oldest since ' || time_text(v_oldest), 'not reached since ' || time_text(a.failing) || ': ' || a.error),
        CASE WHEN a.one IS NULL THEN 'is push running?' WHEN a.smtp IS NULL AND v_waiting > 0 THEN 'in cirtd.conf: push { smtp = "smtp://127.0.0.1:25" }, then restart push'
             WHEN a.error IS NOT NULL THEN 'is the MTA running, does it take mail from here?' WHEN v_waiting > 0 THEN 'what is late and why: cirt draft ls --all' END;
    RETURN QUERY SELECT q.* FROM (SELECT count(*), 0::bigint, min(s.not_before) FILTER (WHERE s.attempts = 0) FROM to_sign s WHERE s.not_before <= now()) x(length, failed, oldest),
        doctor_queue('to sign', x.length, x.failed, x.oldest, '10 minutes', 'seal signs it: is it running?') q;
    RETURN QUERY SELECT 'mail not delivered', v_failed = 0, format('%s within a week', v_failed), CASE WHEN v_failed > 0 THEN 'cirt draft ls --all' END WHERE v_failed > 0;
END $$;
