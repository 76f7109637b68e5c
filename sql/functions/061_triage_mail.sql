-- Mail at triage: what is known of each letter, which case it names and whether its sender has a part in that, and which letters wait for a person.
-- A chunk's letters lie in temporary tables beside its observations (sql/functions/060_triage.sql): triage_letter, a row a report that people
-- wrote, and triage_named, a row a case that a letter names.

DROP FUNCTION IF EXISTS triage_reference(text, text, text, text[], int);

CREATE OR REPLACE FUNCTION triage_letter_tables() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF to_regclass('pg_temp.triage_letter') IS NULL THEN
        CREATE TEMP TABLE triage_letter (report_id bigint PRIMARY KEY, received timestamptz, drill_id int, is_mail boolean, is_released boolean,
            is_repeat boolean, kind text, author text, tags text[], numbers bigint[], names text[], ids text[], about text, about_recipient text,
            about_status text, about_text text, reference_issuer text, reference text, dmarc text, spf text, dkim text, spam boolean, spam_score real,
            summary text, encryption text, signer text, fingerprint text, is_fresh boolean, copy_of bigint, needed_keys text[], unknown_keys text[],
            is_known boolean, case_id bigint, is_quiet boolean, held_for text) ON COMMIT DELETE ROWS;
        CREATE TEMP TABLE triage_named (report_id bigint, case_id bigint, how smallint, is_ours boolean, may boolean) ON COMMIT DELETE ROWS;
    END IF;
    DELETE FROM triage_letter;
    DELETE FROM triage_named;
END $$;

-- Whose mail addresses are: of contacts, and of the records that name them. An address that an analyst disabled is nobody's.
CREATE OR REPLACE FUNCTION mail_parties(p_addresses text[])
RETURNS TABLE (address text, constituent_id bigint, peer_id bigint, identity_id bigint, is_staff boolean, is_known boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    WITH party AS (
        SELECT c.address, c.constituent_id, c.peer_id, c.identity_id, c.is_known FROM contact c WHERE c.address = ANY (p_addresses) AND c.enabled
        UNION ALL SELECT lower(i.mail), NULL, NULL, i.id, true FROM identity i WHERE lower(i.mail) = ANY (p_addresses)
        UNION ALL SELECT lower(p.mail), NULL, p.id, NULL, true FROM peer p WHERE lower(p.mail) = ANY (p_addresses) AND p.enabled
        UNION ALL SELECT lower(k.email), k.constituent_id, NULL, NULL, true FROM constituent_contact k WHERE lower(k.email) = ANY (p_addresses))
    SELECT p.address, p.constituent_id, p.peer_id, p.identity_id, i.role IN ('analyst', 'lead', 'admin') IS TRUE, p.is_known
    FROM party p LEFT JOIN identity i ON i.id = p.identity_id LEFT JOIN constituent o ON o.id = p.constituent_id
    WHERE coalesce(i.enabled, o.enabled, true) AND NOT EXISTS (SELECT FROM contact c WHERE c.address = p.address AND NOT c.enabled) $$;

-- What stands in [brackets] in a subject; at most 10.
CREATE OR REPLACE FUNCTION subject_tags(p_subject text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(SELECT btrim(m[1]) FROM regexp_matches(left(p_subject, 1000), '\[([^][]{1,100})\]', 'g') m LIMIT 10);

-- The letters of the chunk. A sender is known where a record or a contact vouches for the only From address and our MTA does not call it forged.
CREATE OR REPLACE FUNCTION triage_letters() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    span chunk_range;
BEGIN
    PERFORM triage_letter_tables();
    IF NOT EXISTS (SELECT FROM triage_chunk c WHERE c.may_refer) THEN
        RETURN;
    END IF;
    span := triage_range();
    INSERT INTO triage_letter (report_id, received, drill_id, is_mail, is_released, is_repeat, kind, author, tags, numbers, names, ids, about,
                               about_recipient, about_status, about_text, reference_issuer, reference, dmarc, spf, dkim, spam, spam_score, summary,
                               encryption, signer, fingerprint, is_fresh, copy_of, needed_keys, unknown_keys, is_known, is_quiet)
    SELECT x.report_id, x.received, x.drill_id, x.is_mail, x.is_released, x.is_repeat, CASE WHEN x.is_mail THEN coalesce(m.kind, 'message') ELSE 'message' END,
           m.author, ARRAY(SELECT DISTINCT t FROM unnest(m.tags[:10] || subject_tags(rc.summary)) t WHERE t <> ''),
           ARRAY(SELECT DISTINCT r[1]::bigint FROM unnest(m.recipients) a, regexp_match(a, '^<?case\+(\d{1,18})@', 'i') r WHERE r IS NOT NULL LIMIT 10),
           ARRAY(SELECT DISTINCT upper(r[1]) FROM unnest(m.recipients) a, regexp_match(a, '^<?case\+([a-z0-9-]{1,80}-\d{6,18})@', 'i') r WHERE r IS NOT NULL LIMIT 10),
           ARRAY(SELECT DISTINCT i FROM unnest(ARRAY[m.in_reply_to, m.about] || m.refs[greatest(cardinality(m.refs) - 9, 1):]) i WHERE i <> ''),
           m.about, m.about_recipient, m.about_status, m.about_text, rc.reference_issuer,
           -- A mail's own reference is its Message-ID, which says nothing.
           CASE WHEN NOT x.is_mail OR rc.reference_issuer IS NOT NULL THEN rc.reference END,
           m.dmarc, m.spf, m.dkim, m.spam, m.spam_score, d.summary, d.encryption, CASE d.summary WHEN 'verified' THEN d.signer END, d.fingerprint,
           d.is_fresh AND d.summary = 'verified', d.copy_of, d.needed_keys, d.unknown_keys, false, coalesce(x.is_mail AND m.kind <> 'message', false)
    FROM (SELECT c.report_id, min(c.received) AS received, min(c.drill_id) AS drill_id, bool_and(c.is_mail) AS is_mail, bool_or(c.is_released) AS is_released,
                 bool_or(c.is_repeat) AS is_repeat FROM triage_chunk c WHERE c.may_refer GROUP BY c.report_id) x
    JOIN report_content rc ON rc.report_id = x.report_id AND rc.received = x.received AND rc.report_id BETWEEN span.low AND span.high
         AND rc.received BETWEEN span.since AND span.until
    LEFT JOIN report_mail m ON m.report_id = x.report_id
    LEFT JOIN LATERAL (SELECT * FROM report_verdict v WHERE v.report_id = x.report_id ORDER BY v.checked DESC LIMIT 1) d ON true;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE triage_letter l SET is_known = true
        WHERE l.summary = 'verified' OR (l.dmarc IS DISTINCT FROM 'fail' AND l.author IN (
            SELECT p.address FROM mail_parties(ARRAY(SELECT DISTINCT x.author FROM triage_letter x WHERE x.author IS NOT NULL)) p WHERE p.is_known));
    UPDATE triage_chunk c SET assurance = triage_assurance(report_assurance('mail', 'unknown', l.summary, l.dmarc))
        FROM triage_letter l WHERE l.report_id = c.report_id AND l.is_mail;
END $$;

-- --- which case a letter names ---

-- All that it says, each found by an index and bounded: how 0 (an earlier part of the same report is there), 1 a tag with our name, our reference or
-- case+NUMBER@ or case+NAME@, 2 a number of a peer or old system with its issuer, 3 the Message-ID of a mail of ours, 4 of a report, 5 a foreign number alone.
CREATE OR REPLACE FUNCTION triage_name_cases() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO triage_named
    WITH tag AS MATERIALIZED (
        SELECT l.report_id, l.drill_id, t, regexp_match(t, '^(.+?)[\s:#]+([^\s:#]+)$') AS parts FROM triage_letter l, unnest(l.tags) t WHERE NOT l.is_repeat),
    id AS MATERIALIZED (
        SELECT l.report_id, l.drill_id, i FROM triage_letter l, unnest(l.ids) i WHERE NOT l.is_repeat)
    SELECT l.report_id, m.case_id, 0, false, true FROM triage_letter l JOIN case_member m ON m.report_id = l.report_id AND m.until IS NULL
        WHERE NOT l.is_repeat
    UNION
    SELECT g.report_id, k.id, 1, false, false FROM tag g JOIN incident_case k ON k.name = upper(g.t) AND k.drill_id = g.drill_id
    UNION
    SELECT l.report_id, k.id, 1, false, false FROM triage_letter l JOIN incident_case k ON k.name = upper(l.reference) AND k.drill_id = l.drill_id
        WHERE NOT l.is_repeat
    UNION
    SELECT l.report_id, k.id, 1, false, false FROM triage_letter l CROSS JOIN unnest(l.numbers) n JOIN incident_case k ON k.number = n AND k.drill_id = 0
        WHERE l.drill_id = 0
    UNION
    SELECT l.report_id, k.id, 1, false, false FROM triage_letter l CROSS JOIN unnest(l.names) n JOIN incident_case k ON k.name = n AND k.drill_id = l.drill_id
    UNION
    SELECT l.report_id, k.id, 2, false, false FROM triage_letter l JOIN case_alias a ON a.issuer = l.reference_issuer AND a.alias = l.reference
        JOIN incident_case k ON k.id = a.case_id AND k.drill_id = l.drill_id WHERE NOT l.is_repeat
    UNION
    SELECT g.report_id, k.id, 2, false, false FROM tag g JOIN case_alias a ON upper(ltrim(a.alias, '#')) = upper(g.parts[2]) AND upper(a.issuer) = upper(g.parts[1])
        JOIN incident_case k ON k.id = a.case_id AND k.drill_id = g.drill_id
    UNION
    SELECT i.report_id, k.id, 3, true, false FROM id i JOIN mail x ON x.message_id = i.i
        JOIN incident_case k ON k.id = x.case_id AND k.drill_id = i.drill_id
    UNION
    SELECT i.report_id, k.id, 4, false, false FROM id i
        CROSS JOIN LATERAL (SELECT p.report_id FROM report_mail p WHERE p.message_id = i.i AND p.report_id <> i.report_id ORDER BY p.report_id LIMIT 10) p
        JOIN case_member m ON m.report_id = p.report_id AND m.until IS NULL JOIN incident_case k ON k.id = m.case_id AND k.drill_id = i.drill_id
    UNION
    -- "[1]" or "[urgent]" says nothing: a number alone has five characters at least, and a digit among them.
    SELECT g.report_id, k.id, 5, false, false FROM tag g JOIN case_alias a ON upper(ltrim(a.alias, '#')) = upper(ltrim(g.t, '#'))
        JOIN incident_case k ON k.id = a.case_id AND k.drill_id = g.drill_id WHERE length(g.t) >= 5 AND g.t ~ '\d';
    -- A merged case stands for the one it went into.
    FOR i IN 1..10 LOOP
        UPDATE triage_named n SET case_id = k.merged_into FROM incident_case k WHERE k.id = n.case_id AND k.state = 'merged';
        EXIT WHEN NOT FOUND;
    END LOOP;
END $$;

-- Who has a part in the case it names: who writes to it already (an address of its threads or mails, a reporter of it), who is one of ours, a contact of
-- its constituent, a peer it is shared with or came from. What our MTA calls forged has none. A released one has an analyst's word.
CREATE OR REPLACE FUNCTION triage_parts() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    UPDATE triage_named n SET may = true FROM triage_letter l
        WHERE l.report_id = n.report_id AND (NOT l.is_mail OR l.is_released OR (n.is_ours AND l.kind <> 'message'));
    IF NOT EXISTS (SELECT FROM triage_named n WHERE NOT n.may) THEN
        RETURN;
    END IF;
    WITH pair AS MATERIALIZED (
        SELECT DISTINCT n.case_id, l.author FROM triage_named n JOIN triage_letter l ON l.report_id = n.report_id
        WHERE NOT n.may AND l.author IS NOT NULL AND (l.summary = 'verified' OR l.dmarc IS DISTINCT FROM 'fail')),
    party AS MATERIALIZED (
        SELECT * FROM mail_parties(ARRAY(SELECT DISTINCT p.author FROM pair p))),
    part AS MATERIALIZED (
        SELECT p.case_id, p.author FROM pair p JOIN incident_case k ON k.id = p.case_id
        WHERE EXISTS (SELECT FROM party w WHERE w.address = p.author AND (
                (w.is_staff AND (k.compartment_id = 0 OR EXISTS (SELECT FROM compartment_member m WHERE m.compartment_id = k.compartment_id AND m.identity_id = w.identity_id)))
                OR w.constituent_id = k.constituent_id
                OR EXISTS (SELECT FROM share s WHERE s.case_id = p.case_id AND s.peer_id = w.peer_id AND s.sent IS NOT NULL)
                OR EXISTS (SELECT FROM incoming i WHERE i.case_id = p.case_id AND i.peer_id = w.peer_id AND i.state = 'accepted')))
           OR EXISTS (SELECT FROM thread t WHERE t.case_id = p.case_id AND t.addresses @> ARRAY[p.author])
           OR EXISTS (SELECT FROM mail_recipient r JOIN mail x ON x.id = r.mail_id WHERE r.address = p.author AND x.case_id = p.case_id AND x.sent IS NOT NULL)
           -- Who sends on what another signed, or a machine that answers, is no reporter.
           OR EXISTS (SELECT FROM report_mail f JOIN case_member m ON m.case_id = p.case_id AND m.report_id = f.report_id AND m.until IS NULL
                      WHERE f.author = p.author AND f.kind = 'message'
                        AND NOT EXISTS (SELECT FROM report_verdict d WHERE d.report_id = f.report_id AND d.copy_of IS NOT NULL))
           -- Whom an analyst wrote down as the reporter, on the telephone.
           OR EXISTS (SELECT FROM (SELECT m.report_id, m.received FROM case_member m WHERE m.case_id = p.case_id AND m.until IS NULL ORDER BY m.report_id LIMIT 1000) m
                      JOIN report r ON r.id = m.report_id AND r.received = m.received AND r.channel <> 'mail'
                      JOIN report_reporter w ON w.report_id = m.report_id AND w.received = m.received WHERE lower(w.email) = p.author))
    UPDATE triage_named n SET may = true FROM triage_letter l JOIN part p ON p.author = l.author
        WHERE l.report_id = n.report_id AND p.case_id = n.case_id AND (l.summary = 'verified' OR l.dmarc IS DISTINCT FROM 'fail');
END $$;

-- Gives each letter the case it joins. What a closed or rejected case is named by opens its own, but bounces, automatic answers and copies are
-- laid with their like whatever the state, quietly: they change nothing about it.
CREATE OR REPLACE FUNCTION triage_refer() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM triage_letter) THEN
        RETURN;
    END IF;
    PERFORM triage_name_cases();
    DELETE FROM triage_named n USING triage_letter l WHERE l.report_id = n.report_id AND l.is_repeat
        AND EXISTS (SELECT FROM case_member m WHERE m.case_id = n.case_id AND m.report_id = n.report_id AND m.until IS NULL);
    PERFORM triage_parts();
    UPDATE triage_letter l SET case_id = f.case_id FROM (
        SELECT DISTINCT ON (n.report_id) n.report_id, n.case_id FROM triage_named n
        JOIN incident_case k ON k.id = n.case_id JOIN triage_letter x ON x.report_id = n.report_id
        WHERE n.may AND (k.state IN ('new', 'open', 'waiting', 'resolved') OR x.is_quiet)
        ORDER BY n.report_id, k.state IN ('closed', 'rejected'), n.how, n.case_id) f
        WHERE f.report_id = l.report_id;
    -- The same signed payload again: with the first, wherever that is.
    UPDATE triage_letter l SET is_quiet = true, case_id = (
        SELECT coalesce((WITH RECURSIVE way AS (
                             SELECT k.id, k.merged_into, 1 AS step FROM incident_case k WHERE k.id = m.case_id
                             UNION ALL SELECT k.id, k.merged_into, w.step + 1 FROM way w JOIN incident_case k ON k.id = w.merged_into WHERE w.step < 10)
                         SELECT w.id FROM way w ORDER BY w.step DESC LIMIT 1), m.case_id)
        FROM case_member m WHERE m.report_id = l.copy_of AND m.until IS NULL ORDER BY m.case_id LIMIT 1)
        WHERE l.copy_of IS NOT NULL AND NOT l.is_repeat AND NOT l.is_released;
    UPDATE triage_chunk c SET case_id = l.case_id, is_quiet = l.is_quiet, grp = 'case ' || l.case_id || CASE WHEN l.is_quiet THEN ' quiet' ELSE '' END
        FROM triage_letter l WHERE l.report_id = c.report_id AND l.case_id IS NOT NULL;
END $$;

-- Mail that came again, to a case this time: where its sender has a part in it, the report joins that one too. Nothing else happens to it again.
CREATE OR REPLACE FUNCTION triage_repeats() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    -- All rows of a chunk came again, or none.
    IF (SELECT c.is_repeat FROM triage_chunk c LIMIT 1) IS NOT TRUE THEN
        RETURN;
    END IF;
    UPDATE report_outcome o SET reason = concat_ws('; ', o.reason, 'sent again to a case in which its sender has no part') FROM triage_letter l
        WHERE o.report_id = l.report_id AND l.is_repeat AND l.case_id IS NULL AND o.state = 'triaged'
          AND o.reason LIKE '%sent again to a case%' IS NOT TRUE
          AND EXISTS (SELECT FROM triage_named n WHERE n.report_id = l.report_id AND NOT n.may);
    UPDATE triage_chunk c SET decision = NULL, priority = NULL, queue = NULL, assign = NULL WHERE c.is_repeat;
    DELETE FROM triage_chunk c WHERE c.is_repeat AND c.case_id IS NULL;
END $$;

-- --- what waits for a person ---

-- Up to three keys, shortened as people compare them.
CREATE OR REPLACE FUNCTION key_words(p_keys text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce((SELECT string_agg(CASE WHEN k ~ '^[0-9A-Fa-f]{16,64}$' THEN right(k, 16) ELSE left(k, 60) END, ', ') FROM unnest(p_keys[:3]) k), 'an unknown key')
    || CASE WHEN cardinality(p_keys) > 3 THEN ', ...' ELSE '' END;

DROP TYPE IF EXISTS triage_letter_facts CASCADE;
CREATE TYPE triage_letter_facts AS (author text, needed_keys text[], unknown_keys text[], spam_score real, copy_of bigint);

-- Why, and what would help: a word for programs, a colon, and words for people.
CREATE OR REPLACE FUNCTION held_reason(p_for text, l triage_letter_facts, p_case text) RETURNS text LANGUAGE sql STABLE
RETURN p_for || ': ' || CASE p_for
    WHEN 'undecryptable' THEN 'encrypted to ' || key_words(l.needed_keys) || ', which is none of ours; opened by itself when seal gets that key, else ask the sender to use ours'
    WHEN 'unknown-key' THEN 'signed with ' || key_words(l.unknown_keys) || ', which is pinned to nobody; checked again by itself once you pin it (cirt key pin)'
    WHEN 'not-sender' THEN 'well signed, but not with a key of ' || coalesce(left(l.author, 100), 'its sender') || '; ask them, or accept it as unsigned'
    WHEN 'bad' THEN 'its signature does not fit its text, or cannot be checked; ask the sender to send it again'
    WHEN 'expired' THEN 'signed with a key that had ended; ask the sender for the new one (cirt key import), or accept it as unsigned'
    WHEN 'revoked' THEN 'signed with a key that its owner revoked; ask the sender for the new one (cirt key import), or accept it as unsigned'
    WHEN 'mixed' THEN 'signed in part only, or by several; read it part by part, then accept or reject it'
    WHEN 'spam' THEN 'our mail server calls it spam' || coalesce(' (' || round(l.spam_score::numeric, 1) || ')', '') || '; accept it if it is none'
    WHEN 'auto-reply' THEN 'an automatic answer that belongs to no case'
    WHEN 'list' THEN 'mail of a list that belongs to no case'
    WHEN 'mdn' THEN 'a receipt that belongs to no case'
    WHEN 'bounce' THEN 'about no mail of ours'
    WHEN 'no-part' THEN 'names ' || coalesce(p_case, 'a case') || ', in which ' || coalesce(left(l.author, 100), 'its sender') || ' has no part; accepted, it goes there'
    WHEN 'copy' THEN 'repeats what was signed in r' || l.copy_of || ', which is in no case' END;

-- Of all letters that no analyst has let go and no rule holds or drops: what is not to be trusted and comes from nobody we know, what machines answer, spam.
CREATE OR REPLACE FUNCTION triage_hold() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM triage_letter) THEN
        RETURN;
    END IF;
    UPDATE triage_letter l SET held_for = w.held_for
    FROM (
        SELECT x.report_id, CASE
            WHEN x.case_id IS NOT NULL THEN NULL
            WHEN x.copy_of IS NOT NULL THEN 'copy'
            WHEN x.kind <> 'message' THEN x.kind
            WHEN n.case_id IS NOT NULL AND NOT x.is_known THEN 'no-part'
            WHEN r.is_welcome THEN NULL
            WHEN x.spam AND x.summary IS DISTINCT FROM 'verified' THEN 'spam'
            WHEN x.is_known THEN NULL
            WHEN x.encryption = 'undecryptable' THEN 'undecryptable'
            WHEN x.summary NOT IN ('verified', 'unprotected') THEN x.summary END AS held_for
        FROM triage_letter x
        LEFT JOIN LATERAL (SELECT m.case_id FROM triage_named m WHERE m.report_id = x.report_id AND m.how < 5 AND NOT m.may ORDER BY m.how, m.case_id LIMIT 1) n ON true
        LEFT JOIN (SELECT c.report_id, bool_or(c.rule IS NOT NULL AND c.decision IS NULL) AS is_welcome FROM triage_chunk c GROUP BY c.report_id) r
             ON r.report_id = x.report_id
        WHERE x.is_mail AND NOT x.is_released AND NOT x.is_repeat) w
    WHERE w.report_id = l.report_id AND w.held_for IS NOT NULL;
    -- A case of a closed circle, or one that only named persons read, is not told of here.
    UPDATE triage_chunk c SET decision = 'hold', held_for = l.held_for, rule = NULL, reason = held_reason(l.held_for, row(l.author, l.needed_keys,
            coalesce(nullif(l.unknown_keys, '{}'), array_remove(ARRAY[l.fingerprint], NULL)), l.spam_score, l.copy_of)::triage_letter_facts,
            (SELECT k.name FROM triage_named m JOIN incident_case k ON k.id = m.case_id WHERE m.report_id = l.report_id AND m.how < 5 AND NOT m.may
             AND k.compartment_id = 0 AND k.tlp < 4 ORDER BY m.how, m.case_id LIMIT 1))
        FROM triage_letter l WHERE l.report_id = c.report_id AND l.held_for IS NOT NULL AND l.report_id IN (
            SELECT o.report_id FROM triage_chunk o GROUP BY o.report_id HAVING bool_or(o.decision IS NULL) AND bool_or(o.decision = 'hold') IS NOT TRUE);
END $$;

-- A copy that came together with its original goes where that goes.
CREATE OR REPLACE FUNCTION triage_copies() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM triage_letter) THEN
        RETURN;
    END IF;
    UPDATE triage_chunk c SET decision = NULL, reason = NULL, held_for = NULL, case_id = o.case_id, grp = o.grp
        FROM triage_letter l JOIN LATERAL (
            SELECT x.case_id, x.grp FROM triage_chunk x WHERE x.report_id = l.copy_of AND x.decision IS NULL ORDER BY x.ord LIMIT 1) o ON true
        WHERE l.report_id = c.report_id AND c.held_for = 'copy';
END $$;

-- Bounces tell the mail they are about, and its contact.
CREATE OR REPLACE FUNCTION triage_bounces() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM mail_bounced(l.about, l.about_recipient, l.about_status, l.about_text) FROM triage_letter l
        WHERE l.kind = 'bounce' AND l.about IS NOT NULL AND NOT l.is_repeat AND NOT l.is_released ORDER BY l.report_id;
END $$;
