-- Mail that leaves: threads of a case, drafts, and the decision what may go to whom and how. What follows a decision is in 081_mail_queues.sql.

DROP VIEW IF EXISTS visible_thread, visible_mail, visible_mail_recipient, visible_mail_attachment, visible_correspondent CASCADE;

-- --- whom we write with ---

-- The language to write to somebody in: the contact's, else that of the organisation it stands for, else the one they wrote in.
CREATE OR REPLACE FUNCTION contact_lang(p_contact bigint, p_case bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(c.lang, k.lang, (SELECT r.lang FROM case_member m JOIN report_mail w ON w.report_id = m.report_id AND w.author = c.address
               JOIN report_content r ON r.report_id = m.report_id AND r.received = m.received
               WHERE m.case_id = p_case AND m.until IS NULL AND r.lang IS NOT NULL ORDER BY r.report_id DESC LIMIT 1), 'en')
    FROM contact c LEFT JOIN constituent k ON k.id = c.constituent_id WHERE c.id = p_contact $$;

-- Who wrote a report, where an answer would reach them: not at an address like "a b"@c, which no field or envelope of ours can hold.
CREATE OR REPLACE FUNCTION report_author(p_report bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce((SELECT CASE WHEN w.kind = 'message' THEN mail_address(w.author) END FROM report_mail w WHERE w.report_id = p_report),
                    (SELECT lower(r.email) FROM report_reporter r WHERE r.report_id = p_report AND r.email ~ '^[^@[:space:]<>]+@[^@[:space:]<>]+$'
                        AND NOT EXISTS (SELECT FROM report_mail w WHERE w.report_id = p_report))) $$;

-- Whether their mail was closed to others, in part or as a whole: what it says goes back closed too.
CREATE OR REPLACE FUNCTION report_is_closed(p_report bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce((SELECT d.encryption <> 'none' FROM report_verdict d WHERE d.report_id = p_report ORDER BY d.checked DESC LIMIT 1), false) $$;

-- --- views ---

-- With whom there are only RED mails is as little for everybody as these.
CREATE VIEW visible_thread AS
SELECT t.id, t.case_id, v.number AS case_number, v.name AS case_name, t.contact_id, c.address, c.name AS contact_name, c.is_known, c.bounced, t.addresses,
       t.tlp, t.lang, t.subject, t.opened
FROM thread t JOIN visible_case_key v ON v.id = t.case_id JOIN contact c ON c.id = t.contact_id
WHERE (t.tlp < 4 AND (EXISTS (SELECT FROM mail m WHERE m.thread_id = t.id AND (m.tlp < 4 OR m.author_id = viewer())) OR NOT EXISTS (SELECT FROM mail m WHERE m.thread_id = t.id)))
    OR viewer_reads_case(t.case_id);

CREATE VIEW visible_mail AS
SELECT m.id, m.case_id, v.number AS case_number, v.name AS case_name, m.thread_id, c.address AS contact, m.occasion, m.state, m.author_id, i.login AS author,
       m.answers, m.sender, m.subject, m.body, m.lang, m.tlp, m.message_id, m.in_reply_to, m.refs, m.auto_submitted, m.decided, m.is_strict_decided,
       m.not_before, m.sent, m.error, m.revision, m.created, m.updated
FROM mail m LEFT JOIN visible_case_key v ON v.id = m.case_id LEFT JOIN identity i ON i.id = m.author_id
    LEFT JOIN thread t ON t.id = m.thread_id LEFT JOIN contact c ON c.id = t.contact_id
WHERE viewer() IS NOT NULL AND (m.case_id IS NULL OR v.id IS NOT NULL) AND (m.tlp < 4 OR m.author_id = viewer() OR viewer_reads_case(m.case_id));

CREATE VIEW visible_mail_recipient AS
SELECT r.mail_id, r.no, r.kind, r.address, r.name, r.protection, r.fingerprint, r.state, r.status, r.at
FROM mail_recipient r JOIN visible_mail m ON m.id = r.mail_id;

CREATE VIEW visible_mail_attachment AS
SELECT a.mail_id, a.no, a.name, a.media_type, length(a.bytes) AS size, a.sha256, a.bytes
FROM mail_attachment a JOIN visible_mail m ON m.id = a.mail_id;

-- Everybody a case has to do with by mail: its threads, and who reported to it and was never answered (id NULL).
CREATE VIEW visible_correspondent AS
SELECT t.id, t.case_id, t.address, t.contact_name AS name, t.addresses, t.tlp, t.lang, t.subject FROM visible_thread t
UNION ALL
SELECT NULL, x.case_id, x.author, min(x.name), ARRAY[x.author], max(x.tlp), NULL, min(x.summary)
FROM (SELECT m.case_id, report_author(m.report_id) AS author, r.mail_from #>> '{0,name}' AS name, r.tlp, r.summary
      FROM visible_member m JOIN visible_report r ON r.id = m.report_id AND r.received = m.received
      WHERE r.channel IN ('mail', 'phone', 'walk-in', 'chat', 'letter') AND r.is_whole) x
WHERE x.author IS NOT NULL AND NOT EXISTS (SELECT FROM visible_thread t WHERE t.case_id = x.case_id AND x.author = ANY (t.addresses))
GROUP BY x.case_id, x.author;

CREATE OR REPLACE FUNCTION mail_people(p_mail bigint, p_kind text) RETURNS json LANGUAGE sql STABLE
RETURN (SELECT coalesce(json_agg(json_build_object('address', r.address, 'name', r.name) ORDER BY r.no), '[]')
        FROM visible_mail_recipient r WHERE r.mail_id = p_mail AND r.kind = p_kind);

-- What protects it, as decided: all the same, or 'mixed'.
CREATE OR REPLACE FUNCTION mail_protection(p_mail bigint) RETURNS text LANGUAGE sql STABLE
RETURN (SELECT CASE WHEN min(r.protection) = max(r.protection) THEN min(r.protection) WHEN count(r.protection) > 0 THEN 'mixed' END
        FROM visible_mail_recipient r WHERE r.mail_id = p_mail);

CREATE OR REPLACE FUNCTION mail_json(m visible_mail) RETURNS json LANGUAGE sql STABLE
RETURN json_join(
    json_build_object('id', 'm' || m.id, 'case', m.case_name, 'thread', 't' || m.thread_id, 'contact', m.contact, 'occasion', m.occasion, 'state', m.state,
        'from', m.sender, 'to', mail_people(m.id, 'to'), 'cc', mail_people(m.id, 'cc'), 'bcc', mail_people(m.id, 'bcc'), 'subject', m.subject, 'text', m.body,
        'lang', m.lang, 'tlp', tlp_name(m.tlp), 'protection', mail_protection(m.id), 'answers', 'r' || m.answers, 'message_id', m.message_id),
    json_build_object('created', time_text(m.created), 'created_by', m.author, 'updated', time_text(m.updated), 'sent', time_text(m.sent),
        'recall_until', CASE WHEN m.state = 'waiting' THEN time_text(m.not_before) END, 'error', m.error, 'strict', m.is_strict_decided,
        'recipients', (SELECT coalesce(json_agg(json_build_object('address', r.address, 'name', r.name, 'kind', r.kind, 'protection', r.protection, 'key',
            r.fingerprint, 'state', r.state, 'status', r.status, 'at', time_text(r.at)) ORDER BY r.no), '[]') FROM visible_mail_recipient r WHERE r.mail_id = m.id),
        'attachments', (SELECT coalesce(json_agg(json_build_object('name', a.name, 'media_type', a.media_type, 'size', a.size, 'sha256', encode(a.sha256, 'hex'))
            ORDER BY a.no), '[]') FROM visible_mail_attachment a WHERE a.mail_id = m.id), 'revision', m.revision));

-- What was said with one counterparty, both ways, the newest 100 of it.
CREATE OR REPLACE FUNCTION thread_items(p_case bigint, p_thread bigint, p_addresses text[]) RETURNS json LANGUAGE sql STABLE
RETURN (SELECT coalesce(json_agg(x.item ORDER BY x.at), '[]') FROM (
    SELECT y.* FROM (
        SELECT r.received AS at, json_build_object('direction', 'in', 'report', report_json(r)) AS item
            FROM visible_member m JOIN visible_report r ON r.id = m.report_id AND r.received = m.received
            WHERE m.case_id = p_case AND report_author(r.id) = ANY (p_addresses) AND r.is_whole
        UNION ALL
        SELECT coalesce(m.decided, m.created), json_build_object('direction', 'out', 'mail', mail_json(m)) FROM visible_mail m
            WHERE m.case_id = p_case AND m.thread_id = p_thread) y
    ORDER BY y.at DESC LIMIT 100) x);

CREATE OR REPLACE FUNCTION thread_json(t visible_correspondent) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('id', 't' || t.id, 'contact', json_build_object('address', t.address, 'name', t.name, 'lang', t.lang),
    'addresses', t.addresses, 'tlp', tlp_name(t.tlp), 'lang', t.lang, 'subject', t.subject, 'items', thread_items(t.case_id, t.id, t.addresses));

-- When an organisation was told of a case by mail, and when it answered after that.
CREATE OR REPLACE FUNCTION case_told(p_case bigint, p_constituent bigint, OUT told timestamptz, OUT answered timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    WITH t AS (
        SELECT max(m.decided) AS at FROM visible_mail m JOIN mail_recipient r ON r.mail_id = m.id JOIN contact c ON c.id = r.contact_id AND c.constituent_id = p_constituent
        WHERE m.case_id = p_case AND m.author_id IS NOT NULL AND m.state IN ('waiting', 'signing', 'queued', 'sent'))
    SELECT t.at, (SELECT max(v.received) FROM visible_member v JOIN report_mail w ON w.report_id = v.report_id AND w.kind = 'message'
                  JOIN contact c ON c.address = w.author AND c.constituent_id = p_constituent WHERE v.case_id = p_case AND v.received > t.at) FROM t $$;

-- --- drafts ---

-- The strictest label of what came from these addresses to a case.
CREATE OR REPLACE FUNCTION thread_tlp(p_case bigint, p_addresses text[]) RETURNS smallint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT max(r.tlp) FROM case_member m JOIN report_content r ON r.report_id = m.report_id AND r.received = m.received
    WHERE m.case_id = p_case AND m.until IS NULL AND report_author(m.report_id) = ANY (p_addresses) $$;

-- The thread with a contact, made where the case has none with it. Its label is the strictest of what they reported, else the case's; it rises with what
-- comes later, so that an answer never says at a lower label what it quotes. It is called as its first mail is, unless that mail's label (p_tlp, NULL: the
-- thread's own) is stricter.
SELECT drop_overloads('thread_with');
CREATE OR REPLACE FUNCTION thread_with(p_case bigint, p_contact bigint, p_subject text, p_tlp smallint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_id bigint;
BEGIN
    SELECT t.id INTO v_id FROM thread t JOIN contact c ON c.id = p_contact
        WHERE t.case_id = p_case AND (t.contact_id = p_contact OR c.address = ANY (t.addresses)) ORDER BY t.contact_id <> p_contact, t.id LIMIT 1;
    UPDATE thread t SET tlp = x.tlp FROM (SELECT thread_tlp(o.case_id, o.addresses) FROM thread o WHERE o.id = v_id) x(tlp) WHERE t.id = v_id AND t.tlp < x.tlp;
    IF v_id IS NULL THEN
        INSERT INTO thread (case_id, drill_id, compartment_id, contact_id, addresses, tlp, lang, subject)
            SELECT k.id, k.drill_id, k.compartment_id, c.id, ARRAY[c.address], l.tlp, contact_lang(c.id, k.id),
                   coalesce(CASE WHEN p_tlp > l.tlp THEN NULL ELSE nullif(btrim(p_subject), '') END, thread_called(k.id, ARRAY[c.address], l.tlp))
            FROM incident_case k, contact c, coalesce(thread_tlp(k.id, ARRAY[c.address]), k.tlp) l(tlp) WHERE k.id = p_case AND c.id = p_contact
            ON CONFLICT (case_id, contact_id) DO UPDATE SET case_id = EXCLUDED.case_id RETURNING id INTO v_id;
    END IF;
    RETURN v_id;
END $$;

-- The counterparty that was meant: a thread ("t3"), an address, or NULL where there is only one. Several and none named: asked back.
CREATE OR REPLACE FUNCTION correspondent_find(p_case bigint, p_word text, OUT thread bigint, OUT address text, OUT name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_all json;
    v_number bigint := (SELECT k.number FROM incident_case k WHERE k.id = p_case);
    v_count int;
BEGIN
    IF p_word IS NOT NULL THEN
        SELECT x.id, x.address, x.name INTO thread, correspondent_find.address, correspondent_find.name FROM visible_correspondent x
            WHERE x.case_id = p_case AND (x.id::text = substr(lower(p_word), 2) AND lower(p_word) ~ '^t\d{1,18}$' OR lower(p_word) = ANY (x.addresses));
        IF correspondent_find.address IS NULL THEN
            PERFORM refuse('CI404', format('case %s has no thread with "%s"', v_number, left(p_word, 100)),
                           format('cirt mails %s lists them; somebody new: cirt mail %s --to ADDRESS', v_number, v_number));
        END IF;
        RETURN;
    END IF;
    SELECT count(*), json_agg(json_build_object('id', 't' || x.id, 'contact', x.address, 'name', x.name) ORDER BY x.id, x.address) INTO v_count, v_all
        FROM visible_correspondent x WHERE x.case_id = p_case;
    IF v_count = 0 THEN
        PERFORM refuse('CI422', format('nobody wrote to case %s by mail: there is nobody to answer', v_number), format('cirt mail %s --to ADDRESS', v_number));
    ELSIF v_count > 1 THEN
        PERFORM refuse('CI409', format('case %s has %s threads: whom do you mean?', v_number, v_count),
                       format('cirt reply %s --thread %s', v_number, v_all -> 0 ->> 'contact'), json_build_object('threads', v_all));
    END IF;
    SELECT x.id, x.address, x.name INTO thread, correspondent_find.address, correspondent_find.name FROM visible_correspondent x WHERE x.case_id = p_case;
END $$;

-- The recipients become these: [{kind, address, name}], each address once. Addresses are in the form in which they go into an envelope.
CREATE OR REPLACE FUNCTION mail_set_recipients(p_mail bigint, p_people jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    DELETE FROM mail_recipient r WHERE r.mail_id = p_mail;
    INSERT INTO mail_recipient (mail_id, no, kind, address, name, contact_id)
        SELECT p_mail, row_number() OVER (ORDER BY x.rank, x.ord), x.kind, x.address, x.name, contact_remember(x.address, x.name)
        FROM (SELECT DISTINCT ON (lower(e ->> 'address')) e ->> 'kind' AS kind, lower(e ->> 'address') AS address, nullif(btrim(e ->> 'name'), '') AS name, o.ord, k.rank
              FROM jsonb_array_elements(p_people) WITH ORDINALITY o(e, ord) CROSS JOIN array_position(ARRAY['to', 'cc', 'bcc'], e ->> 'kind') k(rank)
              ORDER BY lower(e ->> 'address'), k.rank, o.ord) x;
    IF (SELECT count(*) FROM mail_recipient r WHERE r.mail_id = p_mail) > 100 THEN
        PERFORM refuse('CI422', 'a mail has at most 100 recipients', 'send it in parts');
    ELSIF EXISTS (SELECT FROM mail_recipient r WHERE r.mail_id = p_mail AND r.contact_id IS NULL) THEN
        PERFORM refuse('CI422', format('"%s" is no address that mail of ours can go to',
            (SELECT left(min(r.address), 100) FROM mail_recipient r WHERE r.mail_id = p_mail AND r.contact_id IS NULL)));
    END IF;
END $$;

-- Where a text does not say it: a label by its name, or refused.
CREATE OR REPLACE FUNCTION mail_label(p_name text, p_else smallint) RETURNS smallint
LANGUAGE plpgsql AS $$
BEGIN
    IF p_name IS NOT NULL AND tlp_number(lower(p_name)) IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is no label', left(p_name, 100)), 'one of clear, green, amber, amber+strict, red');
    END IF;
    RETURN coalesce(tlp_number(lower(p_name)), p_else);
END $$;

-- A draft in a case. p_people as mail_set_recipients() takes it, empty: the thread's counterparty, or for a notice the contacts of the case's constituent.
CREATE OR REPLACE FUNCTION mail_draft(p_ref text, p_occasion text, p_thread text, p_people jsonb, p_sender text, p_subject text, p_lang text, p_tlp text,
                                      p_answers bigint, OUT id bigint, OUT lang text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case;
    v_address text;
    v_name text;
    v_thread thread;
    v_tlp smallint;
    v_answers bigint := p_answers;
    v_id bigint;
    v_lang text;
BEGIN
    SELECT * INTO c FROM incident_case k WHERE k.id = case_find(p_ref);
    IF p_answers IS NOT NULL THEN
        SELECT report_author(r.id) INTO v_address FROM visible_member m JOIN visible_report r ON r.id = m.report_id AND r.received = m.received
            WHERE m.case_id = c.id AND m.report_id = p_answers AND r.is_whole;
        IF v_address IS NULL THEN
            PERFORM refuse('CI422', format('r%s is no mail in case %s that could be answered', p_answers, c.number), format('cirt mails %s', c.number));
        END IF;
    ELSIF p_thread IS NOT NULL OR (p_occasion IN ('reply', 'question', 'closing') AND jsonb_array_length(p_people) = 0) THEN
        SELECT x.address, x.name INTO v_address, v_name FROM correspondent_find(c.id, p_thread) x;
    ELSIF jsonb_array_length(p_people) = 0 AND p_occasion = 'notice' THEN
        -- Others who hold the same are told, too, unseen by the first and each other.
        SELECT jsonb_agg(jsonb_build_object('kind', CASE WHEN k.constituent_id = c.constituent_id THEN 'to' ELSE 'bcc' END, 'address', lower(k.email), 'name', k.name)
                         ORDER BY k.constituent_id <> c.constituent_id, k.id) INTO p_people FROM constituent_contact k
            WHERE (k.constituent_id = c.constituent_id OR k.constituent_id IN (SELECT o.constituent_id FROM case_owner o WHERE o.case_id = c.id)) AND k.email ~ '^[^@[:space:]<>]+@[^@[:space:]<>]+$';
        IF p_people IS NULL THEN
            PERFORM refuse('CI422', CASE WHEN c.constituent_id IS NULL THEN format('case %s has no constituent who could be told', c.number)
                           ELSE 'its constituent has no contact with a mail address' END, format('cirt notify %s --to ADDRESS', c.number));
        END IF;
    END IF;
    IF jsonb_array_length(coalesce(p_people, '[]')) = 0 AND v_address IS NOT NULL THEN
        p_people := jsonb_build_array(jsonb_build_object('kind', 'to', 'address', v_address, 'name', v_name));
    END IF;
    IF jsonb_array_length(coalesce(p_people, '[]')) = 0 THEN
        PERFORM refuse('CI422', 'a mail needs somebody to go to', format('cirt mail %s --to ADDRESS', c.number));
    END IF;
    v_id := thread_with(c.id, contact_remember(coalesce(v_address, p_people -> 0 ->> 'address'), coalesce(v_name, p_people -> 0 ->> 'name')), p_subject, mail_label(p_tlp, NULL));
    IF v_id IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is no address that mail of ours can go to', left(coalesce(v_address, p_people -> 0 ->> 'address'), 100)),
                       format('cirt mail %s --to ADDRESS', c.number));
    END IF;
    SELECT * INTO v_thread FROM thread t WHERE t.id = v_id;
    v_lang := coalesce(p_lang, v_thread.lang);
    v_tlp := mail_label(p_tlp, v_thread.tlp);
    IF v_answers IS NULL AND p_occasion = 'reply' THEN
        SELECT max(r.id) INTO v_answers FROM visible_member m JOIN visible_report r ON r.id = m.report_id AND r.received = m.received
            WHERE m.case_id = c.id AND report_author(r.id) = ANY (v_thread.addresses) AND r.is_whole;
    END IF;
    INSERT INTO mail (case_id, drill_id, compartment_id, thread_id, occasion, author_id, answers, sender, subject, body, lang, tlp)
        VALUES (c.id, c.drill_id, c.compartment_id, v_thread.id, p_occasion, viewer(), v_answers, p_sender,
                coalesce(nullif(btrim(p_subject), ''), CASE WHEN v_tlp < v_thread.tlp THEN
                    coalesce((SELECT o.subject FROM mail o WHERE o.thread_id = v_thread.id AND o.author_id IS NOT NULL AND o.tlp <= v_tlp AND o.sent IS NOT NULL
                              ORDER BY o.sent DESC LIMIT 1), thread_called(c.id, v_thread.addresses, v_tlp)) END, v_thread.subject), '', v_lang, v_tlp)
        RETURNING mail.id INTO v_id;
    PERFORM mail_set_recipients(v_id, p_people);
    PERFORM mail_set_references(v_id);
    mail_draft.id := v_id;
    mail_draft.lang := v_lang;
END $$;

-- What it follows: the report it answers, else the last that was said in its thread.
CREATE OR REPLACE FUNCTION mail_set_references(p_mail bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    UPDATE mail m SET in_reply_to = f.message_id, refs = f.refs FROM (
        SELECT x.message_id, (x.refs || x.message_id)[greatest(1, cardinality(x.refs) - 18):] AS refs FROM (
            SELECT 1 AS rank, w.received AS at, w.message_id, w.refs FROM mail d JOIN report_mail w ON w.report_id = d.answers
                WHERE d.id = p_mail AND w.message_id IS NOT NULL
            UNION ALL
            SELECT 2, o.decided, o.message_id, o.refs FROM mail d JOIN mail o ON o.thread_id = d.thread_id AND o.id <> d.id
                AND o.state NOT IN ('draft', 'dropped', 'recalled') WHERE d.id = p_mail AND d.answers IS NULL) x
        ORDER BY x.rank, x.at DESC LIMIT 1) f
    WHERE m.id = p_mail $$;

-- A draft that the viewer sees, locked, of this revision. One that was recalled becomes a draft again.
CREATE OR REPLACE FUNCTION mail_lock(p_mail bigint, p_revision int) RETURNS mail
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    m mail;
BEGIN
    SELECT * INTO m FROM mail x WHERE x.id = (SELECT v.id FROM visible_mail v WHERE v.id = p_mail) FOR UPDATE;
    IF m.id IS NULL THEN
        PERFORM refuse('CI404', format('there is no mail m%s', p_mail), 'cirt draft ls --all');
    ELSIF m.author_id IS NULL OR m.state NOT IN ('draft', 'recalled') THEN
        PERFORM refuse('CI409', format('m%s is %s', m.id, CASE m.state WHEN 'dropped' THEN 'no draft any more' ELSE m.state END),
                       CASE m.state WHEN 'waiting' THEN format('cirt recall m%s', m.id) END, json_build_object('state', m.state, 'revision', m.revision));
    ELSIF m.revision IS DISTINCT FROM p_revision THEN
        PERFORM refuse('CI412', format('m%s changed: it is revision %s now', m.id, m.revision), format('look at it, then repeat: cirt draft show m%s', m.id),
                       json_build_object('revision', m.revision));
    END IF;
    RETURN m;
END $$;

-- The text a fresh draft begins with; p_subject NULL: it stays.
CREATE OR REPLACE FUNCTION mail_set_text(p_mail bigint, p_subject text, p_body text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF length(p_body) > 500000 THEN
        PERFORM refuse('CI422', 'a mail has at most 500,000 characters', 'attach what is longer');
    END IF;
    UPDATE mail m SET subject = coalesce(nullif(btrim(p_subject), ''), m.subject), body = p_body WHERE m.id = p_mail AND m.state = 'draft' AND m.author_id = viewer();
END $$;

-- Members of p_values that are there: subject, text, lang, tlp; p_people NULL: the recipients stay.
CREATE OR REPLACE FUNCTION mail_edit(p_mail bigint, p_revision int, p_values jsonb, p_people jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    m mail := mail_lock(p_mail, p_revision);
BEGIN
    DELETE FROM mail_piece p WHERE p.mail_id = m.id;
    UPDATE mail x SET state = 'draft', decided = NULL, decided_by = NULL, decision = NULL, is_strict_decided = false, journal_seq = NULL, message_id = NULL,
        not_before = NULL, error = NULL, revision = x.revision + 1, updated = now(),
        subject = coalesce(nullif(btrim(p_values ->> 'subject'), ''), x.subject), body = coalesce(p_values ->> 'text', x.body),
        lang = coalesce(p_values ->> 'lang', x.lang), tlp = mail_label(p_values ->> 'tlp', x.tlp)
        WHERE x.id = m.id;
    IF p_people IS NOT NULL THEN
        IF jsonb_array_length(p_people) = 0 THEN
            PERFORM refuse('CI422', 'a mail needs somebody to go to', format('cirt draft edit m%s --to ADDRESS', m.id));
        END IF;
        PERFORM mail_set_recipients(m.id, p_people);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION mail_attach(p_mail bigint, p_name text, p_media_type text, p_bytes bytea, p_tlp smallint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    INSERT INTO mail_attachment (mail_id, no, name, media_type, bytes, sha256, tlp)
        SELECT d.id, 1 + (SELECT count(*) FROM mail_attachment a WHERE a.mail_id = d.id), p_name, p_media_type, p_bytes, sha256(p_bytes), p_tlp
        FROM mail d WHERE d.id = p_mail AND d.state = 'draft' AND EXISTS (SELECT FROM visible_mail v WHERE v.id = d.id) $$;

CREATE OR REPLACE FUNCTION mail_detach(p_mail bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    DELETE FROM mail_attachment a USING mail d WHERE a.mail_id = d.id AND d.id = p_mail AND d.state = 'draft' AND EXISTS (SELECT FROM visible_mail v WHERE v.id = d.id) $$;

-- Evidence of the same case, under its own label.
CREATE OR REPLACE FUNCTION mail_attach_evidence(p_mail bigint, p_evidence bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    e visible_evidence;
BEGIN
    SELECT x.* INTO e FROM visible_evidence x JOIN visible_mail m ON m.case_id = x.case_id WHERE m.id = p_mail AND x.id = p_evidence;
    IF e.id IS NULL THEN
        PERFORM refuse('CI404', format('the case has no evidence e%s', p_evidence), 'cirt evidence CASE ls');
    END IF;
    PERFORM mail_attach(p_mail, e.name, coalesce(e.media_type, 'application/octet-stream'), e.bytes, e.tlp);
END $$;

-- A draft that came to nothing leaves no thread behind: who is in a thread has a part in the case. Nor a contact that was only remembered for it.
CREATE OR REPLACE FUNCTION mail_tidy(p_thread bigint, p_contacts bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_contacts bigint[] := p_contacts;
BEGIN
    IF p_thread IS NOT NULL AND NOT EXISTS (SELECT FROM mail m WHERE m.thread_id = p_thread AND m.state <> 'dropped') THEN
        UPDATE mail m SET thread_id = NULL WHERE m.thread_id = p_thread;
        v_contacts := v_contacts || (SELECT t.contact_id FROM thread t WHERE t.id = p_thread);
        DELETE FROM thread t WHERE t.id = p_thread;
    END IF;
    SELECT array_agg(c.id) INTO v_contacts FROM contact c
        WHERE c.id = ANY (v_contacts) AND NOT c.is_known AND c.enabled AND c.bounced IS NULL AND c.vouched_by IS NULL AND c.created_by = viewer()
          AND NOT EXISTS (SELECT FROM thread t WHERE t.contact_id = c.id) AND NOT EXISTS (SELECT FROM waiver w WHERE w.contact_id = c.id)
          AND NOT EXISTS (SELECT FROM mail_key k WHERE k.contact_id = c.id)
          AND NOT EXISTS (SELECT FROM mail_recipient r JOIN mail m ON m.id = r.mail_id WHERE r.contact_id = c.id AND m.state <> 'dropped');
    UPDATE mail_recipient r SET contact_id = NULL WHERE r.contact_id = ANY (v_contacts);
    DELETE FROM contact c WHERE c.id = ANY (v_contacts);
END $$;

CREATE OR REPLACE FUNCTION mail_drop(p_mail bigint, p_revision int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    m mail := mail_lock(p_mail, coalesce(p_revision, (SELECT x.revision FROM mail x WHERE x.id = p_mail)));
BEGIN
    UPDATE mail x SET state = 'dropped', revision = x.revision + 1, updated = now() WHERE x.id = m.id;
    PERFORM mail_tidy(m.thread_id, ARRAY(SELECT r.contact_id FROM mail_recipient r WHERE r.mail_id = m.id));
END $$;

-- A draft that was only made to be looked at.
CREATE OR REPLACE FUNCTION mail_forget(p_mail bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_contacts bigint[] := ARRAY(SELECT r.contact_id FROM mail_recipient r WHERE r.mail_id = p_mail);
    v_thread bigint;
BEGIN
    DELETE FROM mail m WHERE m.id = p_mail AND m.state = 'draft' AND m.author_id = viewer() RETURNING m.thread_id INTO v_thread;
    IF FOUND THEN
        PERFORM mail_tidy(v_thread, v_contacts);
    END IF;
END $$;

-- Who reported what to a case and gets its closing: each once, the newest report of each, unless they got one already.
CREATE OR REPLACE FUNCTION case_tell(p_ref text) RETURNS TABLE (address text, report_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT x.author, max(x.report_id) FROM (
        SELECT m.case_id, m.report_id, report_author(m.report_id) AS author FROM visible_member m JOIN visible_report r ON r.id = m.report_id AND r.received = m.received
        WHERE m.case_id = case_find(p_ref) AND r.channel IN ('mail', 'phone', 'walk-in', 'chat', 'letter') AND r.is_whole) x
    WHERE x.author IS NOT NULL AND NOT EXISTS (
        SELECT FROM mail m JOIN mail_recipient q ON q.mail_id = m.id
        WHERE m.case_id = x.case_id AND m.occasion = 'closing' AND q.address = x.author AND m.state NOT IN ('draft', 'dropped', 'recalled', 'failed', 'expired'))
    GROUP BY x.author ORDER BY x.author $$;
