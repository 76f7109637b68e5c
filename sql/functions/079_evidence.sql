-- Evidence: bytes that are kept with a case as they came, with their hash. What mails brought is evidence of the cases they are in; the rest was added by hand.

-- decode keeps the files of the mail in its hands. What is there keeps its number, so that a number that was told means the same for ever.
CREATE OR REPLACE FUNCTION inbox_attachments(p_report bigint, p_paths text[], p_names text[], p_types text[], p_bytes bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM stage_holds(inbox_holds(p_report), p_report);
    INSERT INTO report_attachment (report_id, received, path, name, media_type, sha256, bytes)
        SELECT r.id, r.received, u.path, u.name, u.type, sha256(u.bytes), u.bytes FROM report r, unnest(p_paths, p_names, p_types, p_bytes) u(path, name, type, bytes)
        WHERE r.id = p_report
        ON CONFLICT (report_id, path) DO UPDATE SET name = EXCLUDED.name, media_type = EXCLUDED.media_type, sha256 = EXCLUDED.sha256, bytes = EXCLUDED.bytes
        WHERE report_attachment.sha256 <> EXCLUDED.sha256;
END $$;

DROP VIEW IF EXISTS visible_evidence CASCADE;
CREATE VIEW visible_evidence AS
SELECT e.id, e.case_id, e.report_id, e.added, i.login AS added_by, e.name, e.media_type, e.tlp, e.sha256, e.bytes
FROM evidence e JOIN visible_case_key v ON v.id = e.case_id LEFT JOIN identity i ON i.id = e.added_by
WHERE e.tlp < 4 OR viewer_reads_case(e.case_id)
UNION ALL
SELECT a.id, m.case_id, a.report_id, a.received, NULL, coalesce(nullif(a.name, ''), 'part ' || a.path), a.media_type, c.tlp, a.sha256, a.bytes
FROM report_attachment a
    JOIN visible_report_whole r ON r.id = a.report_id AND r.received = a.received
    JOIN report_content c ON c.report_id = a.report_id AND c.received = a.received
    JOIN visible_member m ON m.report_id = a.report_id;

CREATE OR REPLACE FUNCTION evidence_json(e visible_evidence, p_verifies boolean) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('id', 'e' || e.id, 'case', (SELECT v.name FROM visible_case_key v WHERE v.id = e.case_id), 'report', 'r' || e.report_id, 'added',
    time_text(e.added), 'added_by', e.added_by, 'name', e.name, 'media_type', e.media_type, 'size', length(e.bytes), 'sha256', encode(e.sha256, 'hex'), 'tlp',
    tlp_name(e.tlp), 'intact', CASE WHEN p_verifies THEN sha256(e.bytes) = e.sha256 END);

-- A file that somebody brings to a case.
CREATE OR REPLACE FUNCTION evidence_add(p_ref text, p_revision int, p_name text, p_media_type text, p_bytes bytea, p_tlp text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    c incident_case := case_lock(p_ref, p_revision, true, NULL);
    v_tlp smallint := coalesce(tlp_number(lower(p_tlp)), c.tlp);
    v_id bigint;
BEGIN
    IF p_tlp IS NOT NULL AND tlp_number(lower(p_tlp)) IS NULL THEN
        PERFORM refuse('CI422', format('"%s" is no label', left(p_tlp, 100)), 'one of clear, green, amber, amber+strict, red');
    ELSIF coalesce(btrim(p_name), '') = '' OR length(p_name) > 255 THEN
        PERFORM refuse('CI422', 'evidence needs a name of at most 255 characters', format('cirt evidence %s add FILE', c.number));
    END IF;
    INSERT INTO evidence (case_id, drill_id, compartment_id, added_by, name, media_type, sha256, bytes, tlp)
        VALUES (c.id, c.drill_id, c.compartment_id, viewer(), p_name, p_media_type, sha256(p_bytes), p_bytes, v_tlp) RETURNING id INTO v_id;
    PERFORM case_save(c, 'evidence', format('added evidence e%s', v_id),
                      jsonb_build_object('evidence', 'e' || v_id, 'sha256', encode(sha256(p_bytes), 'hex'), 'size', length(p_bytes), 'tlp', tlp_name(v_tlp)));
    RETURN (SELECT evidence_json(e, false) FROM visible_evidence e WHERE e.id = v_id);
END $$;
