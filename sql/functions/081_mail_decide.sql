-- What may go to whom by mail, and how: libcirt/rules/mail_disclosure.h says it and explains it, here it holds whoever calls.

-- The key that mail to this address is encrypted to, of one kind, and how good it is: usable, or what is wrong with the best there is.
CREATE OR REPLACE FUNCTION mail_key_for(p_address text, p_protocol text, OUT fingerprint text, OUT state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT x.fingerprint, x.state FROM (
        SELECT k.fingerprint, k.changed, k.addresses @> ARRAY[p_address] AS names_it, CASE WHEN NOT k.can_encrypt OR k.unusable IS NOT NULL OR (k.pinned IS NOT NULL AND NOT key_owner_enabled(k)) THEN 'signs-only'
            ELSE CASE key_state(k) WHEN 'pinned' THEN 'usable' WHEN 'asked' THEN 'candidate' ELSE key_state(k) END END AS state
        FROM keys_of_address(p_address) k WHERE k.protocol = p_protocol) x
    ORDER BY array_position(ARRAY['usable', 'candidate', 'expired', 'signs-only', 'revoked', 'distrusted'], x.state), x.changed DESC, x.fingerprint LIMIT 1 $$;

-- Whether a key may be used at this moment, whoever it is for.
CREATE OR REPLACE FUNCTION mail_key_is_usable(p_fingerprint text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT EXISTS (SELECT FROM mail_key k WHERE k.fingerprint = p_fingerprint AND key_state(k) = 'pinned' AND k.can_encrypt AND k.unusable IS NULL AND key_owner_enabled(k)) $$;

-- Which kinds of signature we can make. What seal has not told yet is taken to be there for OpenPGP, whose key every site has.
CREATE OR REPLACE FUNCTION mail_signs(p_protocol text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT EXISTS (SELECT FROM own_key k WHERE k.protocol = p_protocol AND k.signs AND k.can_sign AND k.gone IS NULL)
        OR (p_protocol = 'openpgp' AND NOT EXISTS (SELECT FROM own_key)) $$;

-- An address of ours that comes back to us as a report. "incident"@ is incident@ (RFC 5321 section 4.1.2).
CREATE OR REPLACE FUNCTION mail_is_intake(p_address text, p_sender text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT x.a = lower(p_sender) OR (x.a ~ '^case\+[^@]*@' AND split_part(x.a, '@', 2) IN (lower(split_part(p_sender, '@', 2)), (SELECT lower(s.domain) FROM site s)))
    FROM (SELECT replace(lower(p_address), '"', '')) x(a) $$;

CREATE OR REPLACE FUNCTION identity_reads_case(p_identity bigint, p_case bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT EXISTS (SELECT FROM incident_case c JOIN identity i ON i.id = p_identity AND i.enabled
                   WHERE c.id = p_case
                     AND (c.compartment_id = 0 OR EXISTS (SELECT FROM compartment_member m WHERE m.compartment_id = c.compartment_id AND m.identity_id = i.id))
                     AND (c.tlp < 4 OR c.owner_id = i.id OR EXISTS (SELECT FROM case_reader r WHERE r.case_id = c.id AND r.identity_id = i.id))) $$;

-- What is known of each recipient of a mail.
CREATE OR REPLACE FUNCTION mail_routes(p_mail bigint)
RETURNS TABLE (no int, kind text, address text, name text, openpgp text, openpgp_state text, smime text, smime_state text, waiver_id bigint, waiver_up_to smallint,
               waiver_from timestamptz, waiver_until timestamptz, waiver_by text, waiver_of_peer boolean, is_disabled boolean, is_intake boolean, is_ours boolean,
               may_read boolean, takes_part boolean, is_known boolean, bounced timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT r.no, r.kind, r.address, coalesce(r.name, c.name), g.fingerprint, g.state, s.fingerprint, s.state, w.id, w.up_to, w.granted, w.until, w.login, w.peer_id IS NOT NULL,
           NOT c.enabled, mail_is_intake(r.address, m.sender), i.id IS NOT NULL, i.id IS NOT NULL AND identity_reads_case(i.id, m.case_id),
           m.drill_id = 0 OR i.id IS NOT NULL, c.is_known, c.bounced
    FROM mail m JOIN mail_recipient r ON r.mail_id = m.id JOIN contact c ON c.id = r.contact_id
        LEFT JOIN LATERAL mail_key_for(r.address, 'openpgp') g ON true
        LEFT JOIN LATERAL mail_key_for(r.address, 'smime') s ON true
        LEFT JOIN identity i ON i.id = c.identity_id AND i.enabled
        LEFT JOIN LATERAL (
            SELECT w.*, y.login FROM waiver w JOIN identity y ON y.id = w.granted_by
            WHERE (w.contact_id = c.id OR w.peer_id = c.peer_id) AND w.ended IS NULL
            ORDER BY now() >= w.granted AND now() < w.until DESC, CASE WHEN now() < w.until THEN w.up_to END DESC NULLS LAST, w.until DESC LIMIT 1) w ON true
    WHERE m.id = p_mail ORDER BY r.no $$;

-- The decision: how it goes to each ('encrypted', 'signed'), or why it stays (goes NULL). p_strict: a person decided that this very mail may go though
-- it is AMBER+STRICT, or though it answers in clear what came closed.
CREATE OR REPLACE FUNCTION mail_decide(p_mail bigint, p_strict boolean)
RETURNS TABLE (no int, grp int, goes text, protocol text, fingerprint text, waiver_id bigint, why text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    WITH m AS (
        SELECT d.*, d.compartment_id <> 0 AS is_restricted, mail_signs('openpgp') AS signs_openpgp, mail_signs('smime') AS signs_smime,
               d.answers IS NOT NULL AND d.author_id IS NOT NULL AND report_is_closed(d.answers) AS is_closed,
               (SELECT max(a.tlp) FROM mail_attachment a WHERE a.mail_id = d.id) AS attached
        FROM mail d WHERE d.id = p_mail),
    r AS (
        SELECT x.*, CASE WHEN x.kind = 'bcc' THEN x.no ELSE 0 END AS grp, m.signs_openpgp AND x.openpgp_state = 'usable' AS has_openpgp,
               m.signs_smime AND x.smime_state = 'usable' AS has_smime,
               NOT m.is_restricted AND CASE WHEN m.tlp = 3 THEN p_strict ELSE (m.tlp <= 1 AND (p_strict OR NOT m.is_closed))
                   OR (x.waiver_up_to >= greatest(m.tlp, 2) AND now() >= x.waiver_from AND now() < x.waiver_until) END AS may_clear,
               CASE WHEN m.tlp >= 4 THEN 'TLP:RED is for named persons and is never mailed'
                    WHEN m.attached > m.tlp THEN format('an attachment is TLP:%s', upper(tlp_name(m.attached)))
                    WHEN NOT m.signs_openpgp AND NOT m.signs_smime THEN 'we have no key to sign with'
                    WHEN m.tlp = 3 AND NOT p_strict THEN 'TLP:AMBER+STRICT needs a decision on this message'
                    WHEN x.is_intake THEN 'it would come back to us as a report'
                    WHEN x.is_disabled THEN 'the contact is disabled'
                    WHEN x.is_ours AND m.is_restricted AND NOT x.may_read THEN 'may not read this restricted case'
                    WHEN NOT x.takes_part THEN 'takes no part in the exercise' END AS stays
        FROM m CROSS JOIN LATERAL mail_routes(m.id) x),
    g AS (
        SELECT r.grp, bool_and(r.stays IS NULL) AS goes, bool_and(r.has_openpgp IS TRUE OR r.has_smime IS TRUE) AS keys, bool_and(r.may_clear IS TRUE) AS clear,
               bool_and(r.has_openpgp IS TRUE) AS openpgp, bool_and(r.has_smime IS TRUE) AS smime, bool_or(r.openpgp IS NOT NULL) AS any_openpgp,
               bool_or(r.smime IS NOT NULL) AS any_smime
        FROM r GROUP BY r.grp)
    SELECT r.no, r.grp, d.goes, p.protocol, CASE WHEN d.goes = 'encrypted' THEN CASE p.protocol WHEN 'smime' THEN r.smime ELSE r.openpgp END END,
           CASE WHEN d.goes = 'signed' AND m.tlp <= 2 AND (m.tlp = 2 OR m.is_closed) THEN r.waiver_id END,
           CASE WHEN d.goes IS NULL THEN coalesce(r.stays, CASE WHEN g.goes THEN CASE WHEN r.has_openpgp IS NOT TRUE AND r.has_smime IS NOT TRUE AND r.may_clear IS NOT TRUE
                    THEN 'no usable key, and no leave to get it in clear' WHEN r.may_clear IS NOT TRUE THEN 'not everybody has a key, and no leave to get it in clear' END END,
                    'another one stands in the way') END
    FROM r JOIN g ON g.grp = r.grp CROSS JOIN m
        CROSS JOIN LATERAL (SELECT CASE WHEN g.goes AND g.keys THEN 'encrypted' WHEN g.goes AND g.clear THEN 'signed' END AS goes) d
        CROSS JOIN LATERAL (SELECT CASE
            WHEN d.goes = 'encrypted' THEN CASE WHEN (g.smime AND NOT g.openpgp) OR r.has_openpgp IS NOT TRUE THEN 'smime' ELSE 'openpgp' END
            WHEN d.goes = 'signed' THEN CASE WHEN NOT m.signs_openpgp OR (m.signs_smime AND g.any_smime AND NOT g.any_openpgp) THEN 'smime' ELSE 'openpgp' END END AS protocol) p
    ORDER BY r.no $$;

-- Why a piece must not go as it was decided any more, or NULL: between the decision and the MTA may lie days, and meanwhile a key, a contact or the leave to
-- get it in clear ends. What each of those who still wait would be told today counts, not what stands in another's way; nor does our own key, which seal needs
-- and what is signed does not; nor a key that came meanwhile, as long as what let it go in clear holds.
CREATE OR REPLACE FUNCTION mail_way_stops(p_mail bigint, p_no int) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT s.why FROM mail m JOIN mail_piece p ON p.mail_id = m.id AND p.no = p_no
        JOIN mail_recipient r ON r.mail_id = m.id AND r.address = ANY (p.recipients) AND r.state IN ('waiting', 'delayed')
        JOIN mail_decide(p_mail, m.is_strict_decided) d ON d.no = r.no
        CROSS JOIN LATERAL (SELECT CASE
            WHEN r.protection = 'encrypted' AND NOT mail_key_is_usable(r.fingerprint) THEN format('the key %s is not usable any more', r.fingerprint)
            WHEN d.why IN ('we have no key to sign with', 'another one stands in the way') THEN NULL
            WHEN r.protection = 'encrypted' AND d.why LIKE '%, and no leave to get it in clear' THEN NULL
            WHEN d.goes IS NULL THEN d.why
            WHEN r.protection = 'signed' AND d.goes = 'encrypted' AND r.waiver_id IS NOT NULL AND NOT (m.tlp <= 1 AND m.is_strict_decided)
                AND NOT EXISTS (SELECT FROM mail_routes(p_mail) x WHERE x.no = r.no AND x.waiver_up_to >= greatest(m.tlp, 2) AND now() >= x.waiver_from AND now() < x.waiver_until)
                THEN 'the leave to get it in clear has ended' END) s(why)
    WHERE m.id = p_mail AND s.why IS NOT NULL ORDER BY r.no LIMIT 1 $$;

-- Sends a mail: fixes the decision, keeps the pieces, writes the journal, and hands them to seal once the time for recalling has passed. p_pieces:
-- [{protocol, protection, recipients:[no], head}] with their payloads in the same order; they must be those that the decision asks for. A person's mail
-- is sent by a person, a machine's by the clock. Returns when it goes.
CREATE OR REPLACE FUNCTION mail_send(p_mail bigint, p_revision int, p_strict boolean, p_message_id text, p_recall_s int, p_pieces jsonb, p_payloads bytea[])
RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    m mail;
    c incident_case;
    v_strict boolean := coalesce(p_strict, false);
    v_stays record;
    v_decision jsonb;
    v_seq bigint;
    v_when timestamptz := now() + make_interval(secs => greatest(p_recall_s, 0));
BEGIN
    IF viewer() IS NOT NULL THEN
        m := mail_lock(p_mail, p_revision);
        SELECT * INTO c FROM incident_case k WHERE k.id = m.case_id FOR NO KEY UPDATE;
        PERFORM mail_may_send(m, c);
    ELSE
        SELECT * INTO m FROM mail x WHERE x.id = p_mail AND x.author_id IS NULL AND x.state = 'draft' FOR UPDATE;
        v_strict := false;
    END IF;
    IF m.id IS NULL THEN
        PERFORM refuse('CI409', format('m%s is no draft', p_mail), format('cirt draft edit m%s', p_mail));
    END IF;
    SELECT r.address, d.why INTO v_stays FROM mail_decide(m.id, v_strict) d JOIN mail_recipient r ON r.mail_id = m.id AND r.no = d.no
        WHERE d.goes IS NULL ORDER BY d.why = 'another one stands in the way', d.no LIMIT 1;
    IF v_stays.why IS NOT NULL THEN
        PERFORM refuse('CI422', format('%s: %s', v_stays.address, v_stays.why), format('cirt draft show m%s', m.id));
    ELSIF NOT EXISTS (SELECT FROM mail_recipient r WHERE r.mail_id = m.id) THEN
        PERFORM refuse('CI422', 'a mail needs somebody to go to', format('cirt draft edit m%s --to ADDRESS', m.id));
    END IF;
    UPDATE mail_recipient r SET protection = d.goes, fingerprint = d.fingerprint, waiver_id = d.waiver_id, state = 'waiting', status = NULL, at = NULL
        FROM mail_decide(m.id, v_strict) d WHERE r.mail_id = m.id AND r.no = d.no;
    PERFORM mail_keep_pieces(m.id, v_strict, p_pieces, p_payloads);
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('address', r.address, 'kind', r.kind, 'protection', r.protection, 'key', r.fingerprint, 'waiver', r.waiver_id))
                     ORDER BY r.no) INTO v_decision FROM mail_recipient r WHERE r.mail_id = m.id;
    v_seq := journal_append(coalesce(m.case_id, 0), coalesce(viewer_login(), 'clock'), 'mail', mail_sentence(m.id),
        jsonb_build_object('mail', 'm' || m.id, 'occasion', m.occasion, 'tlp', tlp_name(m.tlp), 'message_id', p_message_id, 'strict', nullif(v_strict, false), 'recipients', v_decision,
            'pieces', (SELECT jsonb_agg(encode(p.sha256, 'hex') ORDER BY p.no) FROM mail_piece p WHERE p.mail_id = m.id)));
    UPDATE mail x SET state = 'waiting', decided = now(), decided_by = viewer(), decision = v_decision, is_strict_decided = v_strict, journal_seq = v_seq,
        message_id = p_message_id, not_before = v_when, error = NULL, revision = x.revision + 1, updated = now() WHERE x.id = m.id;
    INSERT INTO to_sign (mail_id, piece_no, not_before) SELECT p.mail_id, p.no, v_when FROM mail_piece p WHERE p.mail_id = m.id ORDER BY p.no;
    IF c.id IS NOT NULL THEN
        UPDATE incident_case k SET updated = now(), due = CASE WHEN k.state = 'open' THEN case_due('open', k.priority, k.opened, NULL) ELSE k.due END WHERE k.id = c.id;
        PERFORM case_text_add(c.id, m.tlp, m.body);
    END IF;
    PERFORM pg_notify('cirt_to_sign', '');
    RETURN v_when;
END $$;

-- A text to compare with: neither line breaks nor quote marks make it another one.
CREATE OR REPLACE FUNCTION mail_words(p_text text) RETURNS text LANGUAGE sql IMMUTABLE RETURN btrim(regexp_replace(p_text, '[\s>]+', ' ', 'g'));

-- The case's mail leaves in the name of the house: its owner's to send, or a lead's; anybody's where nobody owns it. What a note says stays at home,
-- whatever its label, unless it was written to be shared.
CREATE OR REPLACE FUNCTION mail_may_send(m mail, c incident_case) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_owner text := (SELECT i.login FROM identity i WHERE i.id = c.owner_id);
    v_note bigint;
BEGIN
    IF c.owner_id <> viewer() AND NOT viewer_is('lead') AND NOT viewer_is('admin') THEN
        PERFORM refuse('CI409', format('case %s is %s''s', c.number, v_owner), format('take it from them: cirt take %s --steal -m WHY', c.number),
                       json_build_object('owner', v_owner));
    ELSIF btrim(m.body, E' \t\r\n') = '' THEN
        PERFORM refuse('CI422', 'the mail is empty', format('cirt draft edit m%s', m.id));
    END IF;
    SELECT n.id INTO v_note FROM note n WHERE n.case_id = m.case_id AND NOT n.share AND length(mail_words(n.text)) >= 20
        AND strpos(mail_words(m.subject || ' ' || m.body), mail_words(n.text)) > 0 LIMIT 1;
    IF v_note IS NOT NULL THEN
        PERFORM refuse('CI422', format('the text repeats note %s, which stays in the house', v_note), format('write it in other words: cirt draft edit m%s', m.id));
    END IF;
END $$;

-- The pieces are exactly those of the decision: who sees each other's names and has the same kind of key gets one, each hidden recipient one of
-- their own; the keys are ours to name.
CREATE OR REPLACE FUNCTION mail_keep_pieces(p_mail bigint, p_strict boolean, p_pieces jsonb, p_payloads bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF jsonb_array_length(p_pieces) IS DISTINCT FROM cardinality(p_payloads) OR EXISTS (
        WITH wanted AS (
            SELECT d.goes, d.protocol, array_agg(d.no ORDER BY d.no) AS recipients FROM mail_decide(p_mail, p_strict) d GROUP BY d.grp, d.goes, d.protocol),
        given AS (
            SELECT e ->> 'protection', e ->> 'protocol', ARRAY(SELECT n::int FROM jsonb_array_elements_text(e -> 'recipients') n ORDER BY n::int) FROM jsonb_array_elements(p_pieces) e)
        (SELECT * FROM wanted EXCEPT ALL SELECT * FROM given) UNION ALL (SELECT * FROM given EXCEPT ALL SELECT * FROM wanted)) THEN
        PERFORM refuse('CI409', 'keys or waivers of its recipients changed meanwhile', format('look at it again: cirt draft show m%s', p_mail));
    END IF;
    DELETE FROM mail_piece p WHERE p.mail_id = p_mail;
    INSERT INTO mail_piece (mail_id, no, protocol, protection, recipients, fingerprints, head, payload, sha256)
        SELECT p_mail, o.no, o.e ->> 'protocol', o.e ->> 'protection', array_agg(r.address ORDER BY r.no),
               coalesce(array_agg(DISTINCT r.fingerprint) FILTER (WHERE r.fingerprint IS NOT NULL), '{}'), o.e ->> 'head', p_payloads[o.no], sha256(p_payloads[o.no])
        FROM jsonb_array_elements(p_pieces) WITH ORDINALITY o(e, no)
        JOIN mail_recipient r ON r.mail_id = p_mail AND o.e -> 'recipients' @> to_jsonb(r.no) GROUP BY o.no, o.e;
END $$;

-- "mails m12 (reply) to a@b.example encrypted, c@d.example in clear"
CREATE OR REPLACE FUNCTION mail_sentence(p_mail bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT format('mails m%s (%s, TLP:%s) to %s', m.id, m.occasion, upper(tlp_name(m.tlp)), string_agg(r.address || CASE r.kind WHEN 'bcc' THEN ' (hidden)' ELSE '' END
               || CASE r.protection WHEN 'encrypted' THEN ' encrypted' ELSE ' in clear' END, ', ' ORDER BY r.no))
    FROM mail m JOIN mail_recipient r ON r.mail_id = m.id WHERE m.id = p_mail GROUP BY m.id $$;

-- What was decided stays as it was decided.
CREATE OR REPLACE FUNCTION mail_is_fixed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a mail that was decided on does not change' USING ERRCODE = 'CI403';
END $$;
DROP TRIGGER IF EXISTS mail_fixed ON mail;
CREATE TRIGGER mail_fixed BEFORE UPDATE ON mail FOR EACH ROW
    WHEN (OLD.state NOT IN ('draft', 'recalled') AND (OLD.subject, OLD.body, OLD.tlp, OLD.sender, OLD.message_id, OLD.decision::text, OLD.journal_seq, OLD.case_id, OLD.auto_submitted)
          IS DISTINCT FROM (NEW.subject, NEW.body, NEW.tlp, NEW.sender, NEW.message_id, NEW.decision::text, NEW.journal_seq, NEW.case_id, NEW.auto_submitted))
    EXECUTE FUNCTION mail_is_fixed();
ALTER TABLE mail ENABLE ALWAYS TRIGGER mail_fixed;
DROP TRIGGER IF EXISTS mail_piece_fixed ON mail_piece;
CREATE TRIGGER mail_piece_fixed BEFORE UPDATE OR TRUNCATE ON mail_piece FOR EACH STATEMENT EXECUTE FUNCTION mail_is_fixed();
ALTER TABLE mail_piece ENABLE ALWAYS TRIGGER mail_piece_fixed;

-- --- what desk and clock compose from ---

-- All of a mail but its recipients and files: a person's for who sees it, a machine's for the machine.
CREATE OR REPLACE FUNCTION mail_outline(p_mail bigint)
RETURNS TABLE (id bigint, state text, revision int, occasion text, sender text, subject text, body text, lang text, tlp smallint, in_reply_to text, refs text, auto_submitted text,
               case_name text, case_tlp smallint, team text, is_restricted boolean, is_drill boolean, is_closed boolean, attached smallint, signs_openpgp boolean, signs_smime boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT m.id, m.state, m.revision, m.occasion, m.sender, m.subject, m.body, m.lang, m.tlp, m.in_reply_to, array_to_string(m.refs, E'\n'), m.auto_submitted,
           k.name, k.tlp, s.name, m.compartment_id <> 0, m.drill_id <> 0, m.answers IS NOT NULL AND m.author_id IS NOT NULL AND report_is_closed(m.answers),
           (SELECT max(a.tlp) FROM mail_attachment a WHERE a.mail_id = m.id), mail_signs('openpgp'), mail_signs('smime')
    FROM mail m CROSS JOIN site s LEFT JOIN incident_case k ON k.id = m.case_id
    WHERE m.id = p_mail AND CASE WHEN viewer() IS NULL THEN m.author_id IS NULL ELSE EXISTS (SELECT FROM visible_mail v WHERE v.id = m.id) END $$;

CREATE OR REPLACE FUNCTION mail_files(p_mail bigint) RETURNS TABLE (name text, media_type text, bytes bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT a.name, a.media_type, a.bytes FROM mail_attachment a
    WHERE a.mail_id = p_mail AND EXISTS (SELECT FROM mail_outline(p_mail)) ORDER BY a.no $$;

-- What came encrypted is quoted only where its sender proved to have written it, with a signature inside of the encryption: a stranger who sends us
-- somebody else's ciphertext, under his own name or his own signature around it, would get the clear text of it back in our answer.
CREATE OR REPLACE FUNCTION verdict_is_signed_inside(p_summary text, p_parts jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN p_summary = 'verified' AND EXISTS (
    SELECT FROM jsonb_array_elements(p_parts) s WHERE s ->> 'kind' = 'signed' AND (s ->> 'covered')::boolean AND s ->> 'verdict' = 'good'
      AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_parts) c WHERE c ->> 'kind' = 'encrypted' AND (c ->> 'covered')::boolean
                      AND ((c ->> 'step')::int > (s ->> 'step')::int OR ((c ->> 'step')::int = (s ->> 'step')::int AND c ->> 'path' <> s ->> 'path'))));

-- Whether a report may be told to its author again in a mail of that label: what they labelled higher may not.
CREATE OR REPLACE FUNCTION report_fits(r report_content, p_tlp smallint) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN r.tlp <= p_tlp OR r.tlp_assumed;

-- The subject of a report as it may be said to its author: not one that came out of an encryption which they did not prove to have written.
CREATE OR REPLACE FUNCTION report_subject(p_report bigint, p_tlp smallint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT r.summary FROM report_content r LEFT JOIN LATERAL (SELECT d.* FROM report_verdict d WHERE d.report_id = r.report_id ORDER BY d.checked DESC LIMIT 1) d ON true
    WHERE r.report_id = p_report AND report_fits(r, p_tlp) AND (d.encryption IS DISTINCT FROM 'whole' OR verdict_is_signed_inside(d.summary, d.parts)) $$;

-- What a case is called in a mail of that label: its summary where the label carries it and it is no such subject, else its number.
CREATE OR REPLACE FUNCTION case_called(p_case bigint, p_tlp smallint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT CASE WHEN k.tlp <= p_tlp AND NOT EXISTS (
        SELECT FROM case_member b JOIN report_mail w ON w.report_id = b.report_id JOIN report_content r ON r.report_id = b.report_id AND r.received = b.received
        WHERE b.case_id = k.id AND r.summary = k.summary AND report_subject(b.report_id, 4::smallint) IS NULL) THEN k.summary ELSE k.name END
    FROM incident_case k WHERE k.id = p_case $$;

-- The peers that would read a mail to these addresses.
CREATE OR REPLACE FUNCTION mail_peers(p_addresses text[]) RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT ARRAY(SELECT DISTINCT p.peer_id FROM peer_addresses() p WHERE p.address = ANY (p_addresses)) $$;

-- The same for those who will read it: to a peer it is not called by what another peer said under AMBER.
CREATE OR REPLACE FUNCTION case_called_for(p_case bigint, p_addresses text[], p_tlp smallint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM unnest(mail_peers(p_addresses)) p WHERE case_words_peer(p_case, p) IS NOT NULL)
        THEN (SELECT k.name FROM incident_case k WHERE k.id = p_case) ELSE case_called(p_case, p_tlp) END $$;

-- What a thread is about, in a mail of that label: the newest that they said of it, else what the case is called.
CREATE OR REPLACE FUNCTION thread_called(p_case bigint, p_addresses text[], p_tlp smallint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce((SELECT report_subject(m.report_id, p_tlp) FROM case_member m WHERE m.case_id = p_case AND m.until IS NULL AND report_author(m.report_id) = ANY (p_addresses)
                         AND report_subject(m.report_id, p_tlp) <> '' AND (viewer() IS NULL OR EXISTS (SELECT FROM visible_report r WHERE r.id = m.report_id AND r.is_whole)) ORDER BY m.report_id DESC LIMIT 1), case_called_for(p_case, p_addresses, p_tlp)) $$;

-- What templates may say: only what the label of the mail carries, nothing personal; to a reporter nothing that another one said; to a peer nothing that
-- another peer said under AMBER. Observables one a line, as they are, at most 500 and
-- 100,000 characters, which leave room in a mail (mail_set_text()) however they are written; and how many more there are.
CREATE OR REPLACE FUNCTION mail_variables(p_mail bigint) RETURNS TABLE (name text, value text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    WITH m AS (SELECT d.*, ARRAY(SELECT r.address FROM mail_recipient r WHERE r.mail_id = d.id) AS addresses, k.name AS case_name, k.class, k.opened, k.tlp AS case_tlp, s.name AS team, i.name AS author
               FROM mail d CROSS JOIN site s LEFT JOIN incident_case k ON k.id = d.case_id LEFT JOIN identity i ON i.id = d.author_id
               WHERE d.id = p_mail AND EXISTS (SELECT FROM mail_outline(p_mail))),
    foreign_value AS MATERIALIZED (
        SELECT DISTINCT g.type, g.value FROM m CROSS JOIN LATERAL unnest(mail_peers(m.addresses)) p CROSS JOIN LATERAL case_voices(m.case_id, p) v
            JOIN case_member b ON b.case_id = m.case_id AND b.report_id = v.report_id AND b.until IS NULL
            JOIN sighting g ON g.report_id = b.report_id AND g.received = b.received AND b.observations @> g.observation_no
        WHERE m.occasion = 'notice' AND v.other IS NOT NULL AND g.tlp >= 2)
    SELECT v.name, v.value FROM m CROSS JOIN LATERAL (VALUES
        ('case', m.case_name),
        ('reference', '[' || m.case_name || ']'),
        ('team', m.team),
        ('signature', concat_ws(E'\n', m.author, m.team, nullif(m.sender, ''))),
        ('contact', (SELECT coalesce(r.name, c.name, r.address) FROM mail_recipient r LEFT JOIN contact c ON c.id = r.contact_id WHERE r.mail_id = m.id ORDER BY r.no LIMIT 1)),
        ('summary', CASE WHEN m.auto_submitted IS NULL THEN CASE WHEN m.answers IS NULL THEN case_called_for(m.case_id, m.addresses, m.tlp)
                                                                 ELSE coalesce(nullif(report_subject(m.answers, m.tlp), ''), m.case_name) END END),
        ('class', CASE WHEN m.case_tlp <= m.tlp THEN m.class END),
        ('label', 'TLP:' || upper(tlp_name(m.tlp))),
        ('date', to_char(m.opened AT TIME ZONE 'UTC', 'YYYY-MM-DD')),
        ('text', (SELECT a.name FROM mail_attachment a WHERE a.mail_id = m.id AND m.share_id IS NOT NULL)),
        ('observables', CASE WHEN m.occasion = 'notice' THEN (SELECT string_agg(x.value, E'\n' ORDER BY x.type, x.addr, x.value) || CASE WHEN max(x.total) > count(*) THEN format(E'\n… (+%s)', max(x.total) - count(*)) ELSE '' END FROM (
            SELECT y.*, sum(length(y.value) + 1) OVER (ORDER BY y.type, y.addr, y.value) AS size FROM (
                SELECT g.type, g.value, min(g.addr) AS addr, count(*) OVER () AS total FROM case_member b JOIN sighting g ON g.report_id = b.report_id AND g.received = b.received AND b.observations @> g.observation_no
                WHERE b.case_id = m.case_id AND b.until IS NULL AND g.tlp <= m.tlp AND NOT g.personal AND g.compartment_id = m.compartment_id
                  AND observable_type_name(g.type) NOT IN ('asn', 'country') AND NOT EXISTS (SELECT FROM foreign_value f WHERE f.type = g.type AND f.value = g.value)
                GROUP BY g.type, g.value ORDER BY g.type, min(g.addr), g.value LIMIT 500) y) x WHERE x.size <= 100000) END)) v(name, value)
    WHERE v.name <> 'text' OR m.share_id IS NOT NULL $$; -- the name of the document; of other mails the analyst's words, which come with the order

-- What a reply quotes: the text of the mail it answers, where all of that has one and the same protection, and the label of the answer carries it; of
-- anything else nothing.
CREATE OR REPLACE FUNCTION mail_quoted(p_mail bigint) RETURNS TABLE (name text, address text, at_us bigint, text text, summary text, case_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT r.mail_from #>> '{0,name}', report_author(r.id), (extract(epoch FROM coalesce(r.time, r.received)) * 1000000)::bigint,
           CASE WHEN r.channel = 'mail' AND (r.tlp <= m.tlp OR r.tlp_assumed) AND CASE d.encryption WHEN 'whole' THEN verdict_is_signed_inside(d.summary, d.parts)
               WHEN 'none' THEN d.covers = 'whole' OR d.summary = 'unprotected' ELSE false END THEN r.description END, report_subject(r.id, m.tlp), m.case_name
    FROM visible_mail m JOIN visible_report r ON r.id = m.answers LEFT JOIN visible_verdict d ON d.report_id = r.id WHERE m.id = p_mail $$;
