-- A peer's case as it came over RID.

-- May this peer send this case? 'yes'; 'name': the issuing name is not one of the peer's; 'owner': another peer delivered the case; 'long': a number
-- that no index holds.
CREATE OR REPLACE FUNCTION incoming_issuer_may(p_peer bigint, p_issuer text, p_theirs text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT CASE
        WHEN NOT EXISTS (SELECT FROM peer_issuer_name n WHERE n.peer_id = p_peer AND n.name = p_issuer) THEN 'name'
        WHEN octet_length(p_theirs) > 500 THEN 'long'
        WHEN EXISTS (SELECT FROM incoming_source s WHERE s.issuer = p_issuer AND s.theirs = p_theirs AND s.peer_id <> p_peer) THEN 'owner'
        ELSE 'yes' END $$;

-- Files a report of a peer as incoming. Checks again what incoming_issuer_may() told, under the lock of the foreign case's row.
CREATE OR REPLACE FUNCTION incoming_insert(p_report bigint, p_peer bigint, p_issuer text, p_theirs text, p_tlp smallint, p_items int,
                                           OUT incoming_id bigint, OUT verdict text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_case bigint;
BEGIN
    INSERT INTO incoming_source (issuer, theirs, peer_id) SELECT p_issuer, p_theirs, p_peer WHERE octet_length(p_theirs) <= 500 ON CONFLICT DO NOTHING;
    verdict := incoming_issuer_may(p_peer, p_issuer, p_theirs);
    IF verdict <> 'yes' THEN
        RAISE EXCEPTION 'this peer may not issue or update %/%', p_issuer, p_theirs USING ERRCODE = 'CI403';
    END IF;
    SELECT a.case_id INTO v_case FROM case_alias a WHERE a.issuer = p_issuer AND a.alias = p_theirs;
    INSERT INTO incoming (peer_id, report_id, received, issuer, theirs, tlp, items, case_id)
        SELECT p_peer, r.id, r.received, p_issuer, p_theirs, p_tlp, p_items, v_case FROM report r WHERE r.id = p_report
        ON CONFLICT (report_id) DO UPDATE SET items = EXCLUDED.items
        RETURNING id INTO incoming_id;
    PERFORM journal_append(coalesce(v_case, 0), (SELECT name FROM peer WHERE id = p_peer), 'incoming',
                           p_issuer || '/' || p_theirs, jsonb_build_object('incoming', incoming_id, 'report', p_report, 'items', p_items));
    PERFORM pg_notify('cirt_changes', '');
END $$;
