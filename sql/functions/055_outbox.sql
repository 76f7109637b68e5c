-- What follows an order: the last proof of its items, what the share stage reads of it, and the document's way into the outbox.

-- What the database itself knows of each item of a share: its strictest label now, the peer who said it (0: we, or no peer; another peer where its AMBER
-- is among what was seen), what keeps it home, and what may be done with it. victim: of a value that is marked as indicator, that somebody was hurt there.
-- tlp NULL: the case has no such item. Of one part, with the case, which stands in each.
DROP VIEW IF EXISTS releasable_item;
SELECT drop_overloads('share_item_facts');
CREATE OR REPLACE FUNCTION share_item_facts(p_share bigint, p_version int, p_part int)
RETURNS TABLE (no int, tlp smallint, origin_peer bigint, personal boolean, shareable boolean, restricted boolean, pap smallint, victim boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    WITH s AS (
        SELECT x.case_id, x.peer_id, c.name, c.tlp, c.pap, c.compartment_id <> 0 AS restricted
        FROM share x JOIN incident_case c ON c.id = x.case_id WHERE x.id = p_share),
    item AS (
        SELECT t.no, t.kind, t.ref, j.type, j.role, j.value, j.indicator
        FROM share_item t
            LEFT JOIN LATERAL (SELECT t.content::json ->> 'type', t.content::json ->> 'role', t.content::json ->> 'value', (t.content::json ->> 'indicator')::boolean)
                j(type, role, value, indicator) ON t.kind = 'sighting'
        WHERE t.share_id = p_share AND t.version = p_version AND (t.part = p_part OR t.kind = 'case')),
    voice AS MATERIALIZED (SELECT x.* FROM s CROSS JOIN LATERAL case_voices(s.case_id, s.peer_id) x),
    -- Items and what was seen side by side in one group: a join would be planned for one item, and there may be thousands.
    seen AS MATERIALIZED (
        SELECT array_agg(v.no) FILTER (WHERE v.no IS NOT NULL) AS numbers, max(v.tlp) AS tlp, bool_or(v.personal) AS personal, max(v.pap) AS pap,
               coalesce(max(v.other) FILTER (WHERE v.tlp >= 2), CASE WHEN bool_and(v.is_theirs) THEN s.peer_id END, 0) AS origin_peer,
               max(v.type_number) AS type_number, v.value, min(v.host) AS host, min(v.addr) AS addr, bool_or(v.indicator) AS indicator
        FROM s CROSS JOIN (
            SELECT i.no, i.type, i.role, i.value, i.indicator, NULL::smallint AS tlp, NULL::smallint AS pap, NULL::boolean AS personal, NULL::bigint AS other,
                   NULL::boolean AS is_theirs, NULL::smallint AS type_number, NULL::text AS host, NULL::inet AS addr FROM item i WHERE i.kind = 'sighting'
            UNION ALL
            SELECT NULL, observable_type_name(g.type), sighting_role_name(g.role), g.value, NULL, g.tlp, g.pap, g.personal, x.other, coalesce(x.is_theirs, false), g.type, g.host, g.addr
            FROM s JOIN case_member m ON m.case_id = s.case_id AND m.until IS NULL
                JOIN sighting g ON g.report_id = m.report_id AND g.received = m.received AND m.observations @> g.observation_no
                LEFT JOIN voice x ON x.report_id = g.report_id
            -- CASE: looked up in a hash; as a join it would be planned for one item, too. The case may have many times what stands in this part.
            WHERE CASE WHEN g.value IN (SELECT i.value FROM item i WHERE i.kind = 'sighting') THEN true END) v
        GROUP BY v.type, v.role, v.value, s.peer_id HAVING count(v.no) > 0 AND count(v.tlp) > 0),
    marked AS (
        SELECT array_agg(g.type_number) AS types, array_agg(g.value) AS values, array_agg(g.host) AS hosts, array_agg(g.addr) AS addrs FROM seen g WHERE g.indicator),
    victim AS MATERIALIZED (SELECT DISTINCT m.types[v] AS type, m.values[v] AS value FROM marked m CROSS JOIN LATERAL victims_among(m.types, m.values, m.hosts, m.addrs) v),
    accepted AS (SELECT n.peer_id, n.tlp FROM incoming n JOIN s ON n.case_id = s.case_id WHERE n.state = 'accepted')
    SELECT i.no, s.tlp,
           coalesce((SELECT max(a.peer_id) FROM accepted a WHERE a.tlp >= 2 AND a.peer_id <> s.peer_id), case_words_peer(s.case_id, s.peer_id),
                    (SELECT s.peer_id FROM accepted HAVING count(*) > 0
                         AND count(*) >= coalesce((SELECT y.reports FROM case_tally y WHERE y.case_id = s.case_id), 0)), 0),
           false, true, s.restricted, s.pap, false
        FROM s JOIN item i ON i.kind = 'case' AND i.ref = s.name
    UNION ALL
    SELECT n, g.tlp, g.origin_peer, g.personal, true, s.restricted, g.pap, EXISTS (SELECT FROM victim x WHERE x.type = g.type_number AND x.value = g.value)
        FROM s CROSS JOIN seen g CROSS JOIN unnest(g.numbers) n
    UNION ALL
    SELECT i.no, n.tlp, coalesce(x.peer_id, 0), n.personal, n.share, s.restricted, NULL, false
        FROM s CROSS JOIN item i JOIN note n ON n.case_id = s.case_id AND n.id::text = i.ref LEFT JOIN sender x ON x.id = n.origin WHERE i.kind = 'note' $$;

-- The agreement's half of the last line: whatever ordered it, an item that the agreement does not carry never becomes a row. The same rules as
-- libcirt/rules/disclosure.c. Why those with this label stay, as things are, or NULL.
CREATE OR REPLACE FUNCTION share_items_refused(p_share bigint, p_version int, p_tlp int) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT CASE
        WHEN p_tlp = 4 THEN 'TLP:RED is for named persons and is never shared'
        WHEN p_tlp > a.ceiling THEN format('TLP:%s is above the agreement''s ceiling, TLP:%s', upper(tlp_name(p_tlp)), upper(tlp_name(a.ceiling)))
        WHEN p_tlp = 3 AND s.by_mail THEN 'TLP:AMBER+STRICT goes by no mail that nobody decides on'
        WHEN p_tlp > s.tlp THEN format('TLP:%s does not fit into a document of TLP:%s', upper(tlp_name(p_tlp)), upper(tlp_name(s.tlp)))
        WHEN a.peer_id <> s.peer_id OR NOT a.is_current OR NOT a.enabled OR now() < a.valid_from OR now() >= a.valid_until
            THEN 'there is no agreement in force with this peer'
        WHEN NOT agreement_covers(a.classes, c.class) THEN format('the agreement does not cover %s', c.class)
        WHEN NOT p.enabled THEN format('peer %s is disabled', p.name)
        WHEN p_version <> s.version OR s.state <> 'planned' THEN 'that order is closed' END
    FROM share s JOIN agreement a ON a.id = s.agreement_id AND a.version = s.agreement_version JOIN incident_case c ON c.id = s.case_id JOIN peer p ON p.id = s.peer_id
    WHERE s.id = p_share $$;

-- The item's own half: an item is what the case has, under no wider label than it has there, and stays where libcirt/rules/disclosure.c says that it stays.
-- The first of a part that stays and why, or no row.
SELECT drop_overloads('share_item_stays');
CREATE OR REPLACE FUNCTION share_item_stays(p_share bigint, p_version int, p_part int) RETURNS TABLE (ref text, why text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off AS $$
    WITH t AS MATERIALIZED (
        SELECT x.no, x.kind, x.ref, x.content, x.content::json AS said, x.sha256, x.tlp FROM share_item x
        WHERE x.share_id = p_share AND x.version = p_version AND (x.part = p_part OR x.kind = 'case')),
    -- PAP is said of a document as a whole, and is the strictest of what stands in it. By itself: in the join it would be reckoned anew for each item.
    d AS MATERIALIZED (SELECT coalesce(max(tlp_number(t.said ->> 'pap')), 0) AS pap FROM t WHERE t.kind <> 'note')
    SELECT x.ref, x.why FROM (
        SELECT t.ref, CASE
            WHEN t.sha256 <> sha256(convert_to(t.content, 'UTF8')) THEN 'its digest is not that of its content'
            WHEN f.tlp IS NULL THEN 'the case does not have it'
            WHEN greatest(f.tlp, t.tlp) = 4 THEN 'TLP:RED is for named persons and is never shared'
            WHEN t.tlp < f.tlp THEN format('its label is TLP:%s', upper(tlp_name(f.tlp)))
            WHEN t.tlp = 3 AND f.origin_peer <> s.peer_id THEN 'TLP:AMBER+STRICT goes back to who said it only'
            WHEN t.tlp = 2 AND f.origin_peer NOT IN (0, s.peer_id) THEN 'TLP:AMBER of another peer'
            WHEN f.restricted THEN 'restricted to a compartment'
            WHEN NOT f.shareable THEN 'not marked for sharing'
            WHEN f.personal THEN 'personal data'
            WHEN t.kind = 'sighting' AND (t.said ->> 'indicator')::boolean AND ((SELECT case_is_refuted(c.case_id) FROM share c WHERE c.id = p_share) OR EXISTS (
                SELECT FROM indicator_withdrawal w WHERE w.ended IS NULL AND md5(w.value) = md5(t.said ->> 'value')
                    AND observable_type_name(w.type) = t.said ->> 'type')) THEN 'it is no indicator any more'
            WHEN f.victim THEN 'it is a victim''s or target''s elsewhere, and no indicator'
            WHEN f.pap > d.pap THEN format('what may be done with it is PAP:%s now', upper(tlp_name(f.pap))) END AS why
        FROM share s CROSS JOIN t CROSS JOIN d
            LEFT JOIN share_item_facts(p_share, p_version, p_part) f ON f.no = t.no -- once for all items
        WHERE s.id = p_share) x
    WHERE x.why IS NOT NULL ORDER BY x.why LIMIT 1 $$;

-- Both halves, whoever wrote the rows.
CREATE OR REPLACE FUNCTION share_items_proved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_bad record;
BEGIN
    PERFORM share_refuse_drill(s.case_id) FROM (SELECT DISTINCT n.share_id FROM fresh n) d JOIN share s ON s.id = d.share_id;
    SELECT y.why INTO v_bad FROM (SELECT n.share_id, n.version, n.tlp FROM fresh n GROUP BY 1, 2, 3) d
        CROSS JOIN LATERAL (SELECT share_items_refused(d.share_id, d.version, d.tlp) AS why) y WHERE y.why IS NOT NULL LIMIT 1;
    IF v_bad.why IS NOT NULL THEN
        PERFORM refuse('CI422', v_bad.why);
    END IF;
    SELECT y.ref, y.why INTO v_bad FROM (SELECT n.share_id, n.version, n.part FROM fresh n GROUP BY 1, 2, 3) d
        CROSS JOIN LATERAL share_item_stays(d.share_id, d.version, d.part) y LIMIT 1;
    IF v_bad.why IS NOT NULL THEN
        RAISE EXCEPTION '"%" stays: %', left(v_bad.ref, 100), v_bad.why USING ERRCODE = 'CI422';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS share_items_proof ON share_item;
CREATE TRIGGER share_items_proof AFTER INSERT ON share_item REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION share_items_proved();
ALTER TABLE share_item ENABLE ALWAYS TRIGGER share_items_proof;
DROP TRIGGER IF EXISTS share_item_check ON share_item;
DROP FUNCTION IF EXISTS share_item_checked();

-- What was decided stays as it was decided: items never change, and of a version of a share neither case, peer, label, format nor agreement. Only while it is
-- ordered part by part does its label become as strict as what is in it.
CREATE OR REPLACE FUNCTION share_is_fixed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'what was decided to be shared does not change' USING ERRCODE = 'CI403', HINT = 'order it anew: cirt share CASE --with PEER';
END $$;
DROP TRIGGER IF EXISTS share_item_fixed ON share_item;
CREATE TRIGGER share_item_fixed BEFORE UPDATE OR TRUNCATE ON share_item FOR EACH STATEMENT EXECUTE FUNCTION share_is_fixed();
ALTER TABLE share_item ENABLE ALWAYS TRIGGER share_item_fixed;
DROP TRIGGER IF EXISTS share_fixed ON share;
CREATE TRIGGER share_fixed BEFORE UPDATE ON share FOR EACH ROW
    WHEN (OLD.case_id <> NEW.case_id OR OLD.peer_id <> NEW.peer_id OR (OLD.version = NEW.version AND (OLD.format <> NEW.format OR OLD.by_mail <> NEW.by_mail
          OR OLD.tlp <> NEW.tlp AND (NEW.tlp < OLD.tlp OR OLD.ordered_to IS NULL)
          OR OLD.labels <> NEW.labels AND OLD.ordered_to IS NULL
          OR OLD.agreement_id <> NEW.agreement_id OR OLD.agreement_version <> NEW.agreement_version)))
    EXECUTE FUNCTION share_is_fixed();
ALTER TABLE share ENABLE ALWAYS TRIGGER share_fixed;

-- An order, or the next part of it, waits for the share stage from the moment it is planned as a whole; a newer version takes the place of an older one.
CREATE OR REPLACE FUNCTION share_is_planned() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO to_share (kind, share_id, version) VALUES ('order', NEW.id, NEW.version)
        ON CONFLICT (share_id) WHERE kind = 'order' DO UPDATE SET version = EXCLUDED.version, attempts = 0, not_before = now();
    PERFORM pg_notify('cirt_share', '');
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS share_planned ON share;
CREATE TRIGGER share_planned AFTER INSERT OR UPDATE ON share FOR EACH ROW
    WHEN (NEW.state = 'planned' AND NEW.ordered_to IS NULL) EXECUTE FUNCTION share_is_planned();

-- Why the part of this share that is at hand may not leave now, or NULL: the agreement is judged as it stands today, whatever version it was ordered under,
-- and so are the items: what was narrowed while the document waited stays.
CREATE OR REPLACE FUNCTION share_stops(p_share bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT CASE
        WHEN NOT p.enabled THEN format('peer %s is disabled', p.name)
        WHEN a.id IS NULL OR NOT a.enabled THEN format('there is no agreement in force with %s', p.name)
        WHEN now() < a.valid_from THEN format('the agreement with %s begins %s', p.name, to_char(a.valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD'))
        WHEN now() >= a.valid_until THEN format('the agreement with %s ended %s', p.name, to_char(a.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD'))
        WHEN (SELECT max(t.tlp) FROM share_item t WHERE t.share_id = s.id AND t.version = s.version AND (t.part = s.part OR t.kind = 'case')) > a.ceiling
            THEN format('TLP:%s is the ceiling of the agreement with %s', upper(tlp_name(a.ceiling)), p.name)
        WHEN NOT agreement_covers(a.classes, c.class)
            THEN format('the agreement with %s does not cover %s', p.name, c.class)
        ELSE (SELECT format('"%s" stays: %s', left(x.ref, 100), x.why) FROM share_item_stays(s.id, s.version, s.part) x) END
    FROM share s JOIN peer p ON p.id = s.peer_id JOIN incident_case c ON c.id = s.case_id
        LEFT JOIN agreement a ON a.id = s.agreement_id AND a.is_current AND a.peer_id = s.peer_id
    WHERE s.id = p_share $$;

-- "part 3 of 10", where there are several.
CREATE OR REPLACE FUNCTION share_part_text(s share) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN s.parts > 1 THEN format('part %s of %s', s.part, s.parts) END;

-- Notes what became of a share, in its row and in the history of its case. A newer version is not touched by news of an older one.
CREATE OR REPLACE FUNCTION share_becomes(p_share bigint, p_version int, p_actor text, p_state text, p_error text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    s share;
BEGIN
    UPDATE share x SET state = p_state, error = CASE WHEN p_error IS NOT NULL THEN concat_ws(': ', share_part_text(x), p_error) END,
        sent = CASE WHEN p_state = 'sent' THEN now() ELSE x.sent END, acknowledged = CASE WHEN p_state = 'acknowledged' THEN now() ELSE x.acknowledged END
        WHERE x.id = p_share AND x.version = p_version RETURNING * INTO s;
    IF s.id IS NOT NULL THEN
        PERFORM journal_append(s.case_id, p_actor, 'share ' || p_state,
            concat_ws(', ', format('s%s to %s: %s', s.id, (SELECT p.name FROM peer p WHERE p.id = s.peer_id), p_state), share_part_text(s), p_error),
            jsonb_build_object('share', 's' || s.id, 'version', s.version));
    END IF;
END $$;

-- The peer has the part at hand, and took it or has not said so: the next one is planned, or that was all.
CREATE OR REPLACE FUNCTION share_goes_on(p_delivery bigint, p_is_taken boolean, p_text text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    s share;
BEGIN
    SELECT x.* INTO s FROM delivery d JOIN share x ON x.id = d.share_id AND x.version = d.version AND x.part = d.part AND x.state = 'sent'
        WHERE d.id = p_delivery FOR UPDATE OF x;
    IF s.part < s.parts THEN
        UPDATE share x SET state = 'planned', part = x.part + 1, taken = x.taken + p_is_taken::int WHERE x.id = s.id;
    ELSIF s.taken + p_is_taken::int = s.parts THEN
        UPDATE share x SET taken = s.parts WHERE x.id = s.id;
        PERFORM share_becomes(s.id, s.version, 'share', 'acknowledged', NULL);
    ELSIF s.id IS NOT NULL AND NOT s.by_mail THEN
        UPDATE share x SET taken = x.taken + p_is_taken::int,
            error = CASE WHEN s.parts = 1 THEN p_text ELSE concat_ws(': ', format('%s of %s parts acknowledged', s.taken + p_is_taken::int, s.parts), p_text) END WHERE x.id = s.id;
    END IF;
END $$;

-- --- what the share stage may read: the one share that it set for the transaction, no more ---

DROP VIEW IF EXISTS releasable_share, releasable_item, releasable_answer;
CREATE VIEW releasable_share AS
SELECT s.id, s.version, coalesce(s.labels[s.part], s.tlp) AS tlp, s.ordered, c.name AS case_name, c.class, p.id AS peer_id, p.name AS peer, p.enabled AS peer_enabled, p.rid_url,
       a.ceiling, a.classes, coalesce(a.enabled, false) AS agreed, a.valid_from, a.valid_until, o.name AS team, o.prefix, o.domain, s.format, s.part, s.by_mail
FROM share s JOIN incident_case c ON c.id = s.case_id JOIN peer p ON p.id = s.peer_id CROSS JOIN site o
    LEFT JOIN agreement a ON a.id = s.agreement_id AND a.is_current AND a.peer_id = s.peer_id
WHERE s.id = nullif(current_setting('cirt.share', true), '')::bigint AND s.state = 'planned' AND s.ordered_to IS NULL;

CREATE VIEW releasable_item AS
SELECT t.no, t.kind, t.ref, t.content, t.sha256, greatest(t.tlp, coalesce(f.tlp, 4)) AS tlp, f.origin_peer, f.personal, f.shareable, f.restricted
FROM releasable_share s JOIN share_item t ON t.share_id = s.id AND t.version = s.version AND (t.part = s.part OR t.kind = 'case')
    -- Once for all items: no argument is a column.
    LEFT JOIN share_item_facts(nullif(current_setting('cirt.share', true), '')::bigint, (SELECT x.version FROM releasable_share x), (SELECT x.part FROM releasable_share x)) f
        ON f.no = t.no;

CREATE VIEW releasable_answer AS
SELECT d.id, d.status, d.answer, c.name AS case_name, o.prefix, s.format
FROM delivery d JOIN share s ON s.id = d.share_id JOIN incident_case c ON c.id = s.case_id CROSS JOIN site o
WHERE d.share_id = nullif(current_setting('cirt.share', true), '')::bigint;

-- --- the share stage ---

-- Fresh ones by the handful, one that failed before alone. What ended its worker again and again has failed.
CREATE OR REPLACE FUNCTION share_claim() RETURNS TABLE (id bigint, attempts int, kind text, share_id bigint, version int, delivery_id bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    q to_share;
    v_ids bigint[] := '{}';
BEGIN
    FOR q IN SELECT x.* FROM to_share x WHERE x.not_before <= now() ORDER BY x.attempts = 0, x.not_before, x.id LIMIT 16 FOR UPDATE SKIP LOCKED LOOP
        EXIT WHEN cardinality(v_ids) > 0 AND q.attempts > 0;
        IF queue_is_spent(q.attempts) THEN
            PERFORM share_fail(q.id, q.attempts, queue_died(q.attempts), true);
        ELSE
            v_ids := v_ids || q.id;
            EXIT WHEN q.attempts > 0;
        END IF;
    END LOOP;
    RETURN QUERY UPDATE to_share x SET attempts = x.attempts + 1, not_before = now() + queue_lease() WHERE x.id = ANY (v_ids)
        RETURNING x.id, x.attempts, x.kind, x.share_id, x.version, x.delivery_id;
END $$;

CREATE OR REPLACE FUNCTION share_settle(p_id bigint, p_attempts int) RETURNS SETOF bigint
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ DELETE FROM to_share q WHERE q.id = p_id AND q.attempts = p_attempts RETURNING q.id $$;

-- After five tries, or at once where trying again would not help, an order has failed and says why; an answer nobody can read leaves its share as sent.
CREATE OR REPLACE FUNCTION share_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    q to_share;
BEGIN
    IF p_final OR p_attempts >= 5 THEN
        DELETE FROM to_share x WHERE x.id = p_id AND x.attempts = p_attempts RETURNING * INTO q;
        IF q.kind = 'order' THEN
            PERFORM share_becomes(q.share_id, q.version, 'share', 'failed', p_error);
        ELSIF q.kind = 'answer' THEN
            UPDATE share s SET error = p_error WHERE s.id = q.share_id AND s.version = q.version;
            PERFORM share_goes_on(q.delivery_id, false, p_error);
        END IF;
    ELSE
        UPDATE to_share x SET not_before = now() + interval '1 second' * power(2, p_attempts) WHERE x.id = p_id AND x.attempts = p_attempts;
    END IF;
END $$;

-- This share is at hand, for the transaction, and nobody else's meanwhile.
CREATE OR REPLACE FUNCTION share_open(p_share bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM 1 FROM share s WHERE s.id = p_share FOR UPDATE;
    PERFORM set_config('cirt.share', p_share::text, true);
END $$;

-- The document of a planned share, or of the part at hand, goes to the outbox.
SELECT drop_overloads('share_queued');
CREATE OR REPLACE FUNCTION share_queued(p_share bigint, p_version int, p_document bytea, p_sha256 bytea, p_media_type text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_stop text := share_stops(p_share);
BEGIN
    IF NOT EXISTS (SELECT FROM share s WHERE s.id = p_share AND s.version = p_version AND s.state = 'planned') THEN
        RAISE EXCEPTION 'share s% version % is not planned', p_share, p_version USING ERRCODE = 'CI409';
    ELSIF v_stop IS NOT NULL THEN
        RAISE EXCEPTION '%', v_stop USING ERRCODE = 'CI422';
    ELSIF p_sha256 <> sha256(p_document) THEN
        RAISE EXCEPTION 'the digest is not that of the document' USING ERRCODE = 'CI400';
    END IF;
    INSERT INTO outbox (share_id, version, document, sha256, media_type)
        SELECT s.id, s.version, p_document, p_sha256, p_media_type FROM share s WHERE s.id = p_share AND NOT s.by_mail;
    PERFORM share_mail(s, p_document, p_media_type) FROM share s WHERE s.id = p_share AND s.by_mail;
    IF EXISTS (SELECT FROM share s WHERE s.id = p_share AND s.part = 1) THEN
        PERFORM share_becomes(p_share, p_version, 'share', 'queued', NULL);
    ELSE -- the history says when each part was sent, and when all was ordered
        UPDATE share s SET state = 'queued', error = NULL WHERE s.id = p_share;
    END IF;
    PERFORM pg_notify('cirt_push', '');
END $$;

-- What the peer's answer to a delivery said: 'acknowledged', 'failed' or 'sent' (not yet), with what there is to say about it. A refusal has failed
-- already; here it learns why.
CREATE OR REPLACE FUNCTION share_answered(p_delivery bigint, p_state text, p_text text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    d delivery;
BEGIN
    IF p_state NOT IN ('acknowledged', 'failed', 'sent') THEN
        RAISE EXCEPTION 'no answer makes a share "%"', p_state USING ERRCODE = 'CI400';
    END IF;
    SELECT * INTO STRICT d FROM delivery x WHERE x.id = p_delivery;
    IF d.status >= 300 THEN
        UPDATE share s SET error = s.error || ': ' || p_text WHERE s.id = d.share_id AND s.version = d.version AND s.state = 'failed' AND p_text IS NOT NULL;
    ELSIF p_state <> 'failed' THEN
        PERFORM share_goes_on(p_delivery, p_state = 'acknowledged', p_text);
    ELSIF EXISTS (SELECT FROM share s WHERE s.id = d.share_id AND s.version = d.version AND s.part = d.part AND s.state = 'sent') THEN
        PERFORM share_becomes(d.share_id, d.version, 'share', p_state, p_text);
    END IF;
END $$;
