-- What a viewer may see. Plain views (docs/ARCHITECTURE.md, "who sees what"), restricted by viewer(): nobody sees a row of a compartment
-- without being its member, nor anything TLP:RED without being named for it. desk reads nothing else.
-- Made anew at every migration: what hangs on them (functions by row type) follows in the files behind this one.

DROP VIEW IF EXISTS viewer_case, visible_case_key, visible_report_key, visible_report_whole, visible_site, visible_compartment, visible_drill, visible_identity, visible_peer, visible_agreement, visible_constituent, visible_rule, visible_case,
    visible_member, visible_case_text, visible_tag, visible_alias, visible_link, visible_task, visible_note, visible_report,
    visible_report_raw, visible_report_extra, visible_report_reporter, visible_report_mail, visible_observation, visible_sighting, visible_verdict, visible_share, visible_share_item, visible_incoming,
    visible_journal CASCADE;

-- What the channel of a report proves about its sender. A mail is worth what its signature is worth (p_summary: of the last verdict), else what our
-- own MTA found out by DMARC; the report itself never changes.
CREATE OR REPLACE FUNCTION report_assurance(p_channel text, p_assurance text, p_summary text, p_dmarc text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_channel <> 'mail' THEN p_assurance WHEN p_summary = 'verified' THEN 'pinned-key' WHEN p_dmarc = 'pass' THEN 'dmarc' ELSE p_assurance END;

-- --- who is named for what is RED: asked for RED rows only, so they may cost something ---

CREATE OR REPLACE FUNCTION viewer_is(p_role text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM identity i WHERE i.id = viewer() AND i.role = p_role AND i.enabled);
END $$;

-- Cases that the viewer is named for: as the owner, or a named reader. A case that has neither waits for a lead, who names somebody.
CREATE VIEW viewer_case AS
SELECT c.id FROM incident_case c
WHERE c.owner_id = viewer() OR EXISTS (SELECT FROM case_reader r WHERE r.case_id = c.id AND r.identity_id = viewer())
   OR (c.owner_id IS NULL AND NOT EXISTS (SELECT FROM case_reader r WHERE r.case_id = c.id) AND viewer_is('lead'));

CREATE OR REPLACE FUNCTION viewer_reads_case(p_case bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM viewer_case v WHERE v.id = p_case);
END $$;

-- That there is such a report: who is named for a case it is in; in no case yet: a lead. A feed's report is in cases of many owners: what of it somebody reads is
-- decided by its rows (viewer_reads_row()), and the document as a whole is for who reads all of them (viewer_reads_report()).
CREATE OR REPLACE FUNCTION viewer_knows_report(p_report bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN EXISTS (SELECT FROM case_member m WHERE m.report_id = p_report AND m.until IS NULL AND EXISTS (SELECT FROM viewer_case v WHERE v.id = m.case_id OFFSET 0))
        OR (viewer_is('lead') AND NOT EXISTS (SELECT FROM case_member m WHERE m.report_id = p_report AND m.until IS NULL));
END $$;

-- A lead or admin who knows a report and is named for all RED cases that it is in reads all of it: also rows in a case that is not RED, and those that are in
-- none (waiting, kept back, dropped). Told by the cases alone: their observations may be many.
CREATE OR REPLACE FUNCTION viewer_leads_report(p_report bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN EXISTS (SELECT FROM identity i WHERE i.id = viewer() AND i.enabled AND i.role IN ('lead', 'admin'))
       AND NOT EXISTS (SELECT FROM case_member m WHERE m.report_id = p_report AND m.until IS NULL
                       AND EXISTS (SELECT FROM incident_case k WHERE k.id = m.case_id AND k.tlp = 4 OFFSET 0)
                       AND NOT EXISTS (SELECT FROM viewer_case v WHERE v.id = m.case_id OFFSET 0))
       AND viewer_knows_report(p_report);
END $$;

-- An observation that is RED, or of a report that is: who is named for the case it is in. (Whether the case has it is asked last, and of one's own only: that
-- may be half a million scattered rows.) These functions are asked row by row: in plpgsql, which keeps its plans; OFFSET 0 keeps each look-up one by index.
CREATE OR REPLACE FUNCTION viewer_reads_row(p_report bigint, p_no int) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN viewer_leads_report(p_report)
        OR EXISTS (SELECT FROM case_member m WHERE m.report_id = p_report AND m.until IS NULL
                   AND CASE WHEN EXISTS (SELECT FROM viewer_case v WHERE v.id = m.case_id OFFSET 0) THEN m.observations @> p_no END);
END $$;

-- The whole document: who is named for all cases that it is in, where none of its rows is left in no case. (Of what a person wrote a rule may drop rows; its reader reads it.)
CREATE OR REPLACE FUNCTION viewer_reads_report(p_report bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF NOT viewer_knows_report(p_report) THEN
        RETURN false;
    ELSIF viewer_leads_report(p_report) THEN
        RETURN true;
    ELSIF EXISTS (SELECT FROM case_member m WHERE m.report_id = p_report AND m.until IS NULL AND NOT EXISTS (SELECT FROM viewer_case v WHERE v.id = m.case_id OFFSET 0)) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        SELECT FROM report r JOIN report_content c ON c.report_id = r.id AND c.received = r.received LEFT JOIN sender s ON s.id = r.sender_id LEFT JOIN identity i ON i.id = s.identity_id
        WHERE r.id = p_report AND (triage_is_person(r.channel, i.role, c.format) OR int4multirange(int4range(1, c.observations + 1)) <@ (
            SELECT range_agg(m.observations) FROM case_member m WHERE m.report_id = p_report AND m.until IS NULL)));
END $$;

-- How many of its rows are in cases of the viewer's.
CREATE OR REPLACE FUNCTION viewer_rows(p_report bigint) RETURNS int
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(sum(upper(n) - lower(n)), 0)::int FROM case_member m JOIN viewer_case v ON v.id = m.case_id CROSS JOIN LATERAL unnest(m.observations) n
    WHERE m.report_id = p_report AND m.until IS NULL
$$;

-- --- records: no secrets, for everybody who may read ---

CREATE VIEW visible_site AS SELECT name, prefix, domain, zone FROM site WHERE viewer() IS NOT NULL;

-- Only the circles one is in.
CREATE VIEW visible_compartment AS
SELECT c.id, c.name FROM compartment c JOIN compartment_member m ON m.compartment_id = c.id WHERE m.identity_id = viewer();
CREATE VIEW visible_drill AS SELECT d.id, d.name FROM drill d WHERE d.id <> 0 AND viewer() IS NOT NULL;

CREATE VIEW visible_identity AS
SELECT i.id, i.login, i.name, i.role, i.mail, i.level, i.default_tlp, i.default_class, i.enabled,
       ARRAY(SELECT encode(k.key_sha256, 'hex') FROM registered_key k WHERE k.identity_id = i.id ORDER BY k.added, 1) AS keys,
       key_list(i.id, NULL) AS mail_keys
FROM identity i WHERE viewer() IS NOT NULL;

CREATE VIEW visible_peer AS
SELECT p.id, p.name, p.title, p.url, p.rid_url, p.document_url, p.format, p.ca, p.mail, p.enabled,
       ARRAY(SELECT n.name FROM peer_issuer_name n WHERE n.peer_id = p.id ORDER BY n.name) AS issuer_names,
       ARRAY(SELECT i.login FROM feed f JOIN identity i ON i.id = f.identity_id WHERE f.peer_id = p.id ORDER BY i.login) AS feeds,
       ARRAY(SELECT encode(k.key_sha256, 'hex') FROM registered_key k WHERE k.peer_id = p.id ORDER BY k.added, 1) AS keys,
       key_list(NULL, p.id) AS mail_keys, waiver_list(NULL, p.id) AS waivers
FROM peer p WHERE viewer() IS NOT NULL;

CREATE VIEW visible_agreement AS
SELECT a.id, a.version, a.peer_id, p.name AS peer, a.valid_from, a.valid_until, a.ceiling, a.classes, a.document, a.enabled
FROM agreement a JOIN peer p ON p.id = a.peer_id WHERE a.is_current AND viewer() IS NOT NULL;

CREATE VIEW visible_constituent AS
SELECT k.id, k.name, k.title, k.sector, k.criticality, k.lang, k.enabled,
       ARRAY(SELECT n.network::text FROM constituent_network n WHERE n.constituent_id = k.id AND n.since <= now() AND (n.until IS NULL OR n.until > now()) ORDER BY n.network) AS networks,
       ARRAY(SELECT a.asn FROM constituent_asn a WHERE a.constituent_id = k.id AND a.since <= now() AND (a.until IS NULL OR a.until > now()) ORDER BY a.asn) AS asns,
       ARRAY(SELECT d.domain FROM constituent_domain d WHERE d.constituent_id = k.id AND d.since <= now() AND (d.until IS NULL OR d.until > now()) ORDER BY d.domain) AS domains,
       (SELECT coalesce(json_agg(json_build_object('name', c.name, 'email', c.email, 'phone', c.phone) ORDER BY c.id), '[]')
        FROM constituent_contact c WHERE c.constituent_id = k.id) AS contacts
FROM constituent k WHERE viewer() IS NOT NULL;

-- --- cases ---

-- Which cases, without what is shown of them: what others join, since the planner stops looking at eight joins.
CREATE VIEW visible_case_key AS
SELECT c.id, c.number, c.name, c.class, c.state, c.tlp, c.drill_id, c.constituent_id
FROM incident_case c
WHERE viewer() IS NOT NULL
  AND (c.compartment_id = 0 OR c.compartment_id IN (SELECT m.compartment_id FROM compartment_member m WHERE m.identity_id = viewer()))
  AND (c.tlp < 4 OR viewer_reads_case(c.id));

-- (Here and in visible_report viewer() is asked beside a column: a condition of its own, without one, keeps the planner from leaving out joins that a list does not
-- need, which cost it 2 ms each time.)
CREATE VIEW visible_case AS
SELECT c.id, c.number, c.name, c.kind, c.state, c.class, c.priority, c.severity, c.tlp, c.owner_id, o.login AS owner, c.level, c.queue,
       c.summary, c.opened, c.updated, c.closed, c.due, c.revision, coalesce(t.reports, 0) AS reports,
       coalesce(t.observations, 0) AS observations, coalesce(t.repeats, 0) AS repeats, coalesce(t.waited, 0) AS waited, t.first_seen, t.last_seen, c.drill_id,
       CASE WHEN c.drill_id <> 0 THEN d.name END AS drill, c.compartment_id,
       c.resolution, c.waiting_for, c.waiting_until, c.merged_into, c.constituent_id, k.name AS constituent, k.sector, c.pap
FROM incident_case c
    LEFT JOIN identity o ON o.id = c.owner_id
    LEFT JOIN case_tally t ON t.case_id = c.id
    LEFT JOIN constituent k ON k.id = c.constituent_id
    LEFT JOIN drill d ON d.id = c.drill_id
WHERE ((c.compartment_id = 0 AND (SELECT viewer()) IS NOT NULL) OR c.compartment_id IN (SELECT m.compartment_id FROM compartment_member m WHERE m.identity_id = viewer()))
  AND (c.tlp < 4 OR viewer_reads_case(c.id));

CREATE VIEW visible_member AS
SELECT m.case_id, v.number AS case_number, v.name AS case_name, m.report_id, m.received, m.observations, m.since, m.rule
FROM case_member m JOIN visible_case_key v ON v.id = m.case_id WHERE m.until IS NULL;

CREATE VIEW visible_case_text AS
SELECT t.case_id, t.at, t.body, t.words FROM case_text t
WHERE viewer() IS NOT NULL AND (t.tlp < 4 OR (viewer_reads_case(t.case_id) AND (t.report_id IS NULL OR viewer_reads_report(t.report_id))));

CREATE VIEW visible_tag AS SELECT t.case_id, t.tag FROM case_tag t JOIN visible_case_key v ON v.id = t.case_id;
CREATE VIEW visible_alias AS SELECT a.case_id, a.issuer, a.alias FROM case_alias a JOIN visible_case_key v ON v.id = a.case_id;
CREATE VIEW visible_task AS SELECT t.id, t.case_id, t.text, t.due, t.done FROM task t JOIN visible_case_key v ON v.id = t.case_id;
-- Both ends must be visible, or the other one would show through.
CREATE VIEW visible_link AS
SELECT l.case_id, l.other_id, l.kind FROM case_link l JOIN visible_case_key v ON v.id = l.case_id JOIN visible_case_key w ON w.id = l.other_id
WHERE l.until IS NULL;

CREATE VIEW visible_note AS
SELECT n.id, n.case_id, n.written, i.login AS author, n.tlp, n.share, n.text
FROM note n JOIN visible_case_key v ON v.id = n.case_id LEFT JOIN identity i ON i.id = n.author_id
WHERE n.tlp < 4 OR n.author_id = viewer() OR viewer_reads_case(n.case_id);

-- --- reports ---

-- What lists, filters and rules call the summary of a report: the beginning of its text where it has none.
CREATE OR REPLACE FUNCTION report_summary(p_summary text, p_description text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(p_summary, left(p_description, 120));

-- As visible_case_key. Of what is RED also those of which the viewer reads a part.
CREATE VIEW visible_report_key AS
SELECT r.id, r.received, coalesce(c.tlp, 2::smallint) AS tlp FROM report r LEFT JOIN report_content c ON c.report_id = r.id AND c.received = r.received
WHERE viewer() IS NOT NULL
  AND (r.compartment_id = 0 OR r.compartment_id IN (SELECT m.compartment_id FROM compartment_member m WHERE m.identity_id = viewer()))
  AND (coalesce(c.tlp, 2) < 4 OR viewer_knows_report(r.id));

-- Those that one reads with all that is in them: also a single value that is for named persons only.
CREATE VIEW visible_report_whole AS
SELECT k.id, k.received FROM visible_report_key k
WHERE (k.tlp < 4 AND NOT EXISTS (SELECT FROM sighting s WHERE s.report_id = k.id AND s.received = k.received AND s.tlp = 4)) OR viewer_reads_report(k.id);

CREATE OR REPLACE FUNCTION viewer_reads_whole(p_report bigint, p_received timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN EXISTS (SELECT FROM visible_report_whole w WHERE w.id = p_report AND w.received = p_received);
END $$;

-- Of a RED report what its document says as a whole is for who reads the whole, and counted are the rows that one reads.
CREATE VIEW visible_report AS
SELECT r.id, r.received, coalesce(i.login, p.name, s.address) AS sender, r.sender_id,
       CASE WHEN r.channel <> 'mail' THEN r.assurance ELSE report_assurance(r.channel, r.assurance,
           (SELECT d.summary FROM report_verdict d WHERE d.report_id = r.id ORDER BY d.checked DESC LIMIT 1),
           (SELECT f.dmarc FROM report_mail f WHERE f.report_id = r.id)) END AS assurance,
       r.channel, c.format, r.sha256, r.size,
       CASE WHEN coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id) THEN r.name END AS name, r.media_type,
       CASE WHEN c.state = 'malformed' THEN 'malformed' ELSE coalesce(u.state, c.state, 'received') END AS state,
       coalesce(c.tlp, 2::smallint) AS tlp, coalesce(c.tlp_assumed, true) AS tlp_assumed, c.class,
       CASE WHEN coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id) THEN c.summary END AS summary, CASE WHEN coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id) THEN c.description END AS description, c.lang,
       CASE WHEN coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id) THEN c.reference END AS reference, CASE WHEN coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id) THEN c.reference_issuer END AS reference_issuer, c.time,
       CASE WHEN coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id) THEN coalesce(c.observations, 0) ELSE viewer_rows(r.id) END AS observations,
       CASE WHEN coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id) THEN coalesce(c.rejected_total, 0) ELSE 0 END AS rejected_total, CASE WHEN coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id) THEN c.rejected END AS rejected,
       CASE WHEN coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id) THEN c.error END AS error, CASE WHEN coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id) THEN c.error_at END AS error_at,
       CASE WHEN u.rule IS NOT NULL AND viewer_reads_whole(r.id, r.received) THEN u.rule END AS rule, -- which may be about a value of another's
       CASE WHEN u.reason IS NOT NULL AND viewer_reads_whole(r.id, r.received) THEN u.reason END AS reason, u.held_for, r.drill_id, r.compartment_id,
       CASE WHEN r.channel = 'mail' AND c.format = 'mail' AND (coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id)) THEN c.extra::json END AS mail_read, -- what was read out of a mail beside its text
       CASE WHEN r.channel = 'mail' AND c.format = 'mail' AND (coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id)) THEN c.extra::json #> '{headers,from}' END AS mail_from,
       EXISTS (SELECT FROM report_verdict d WHERE d.report_id = r.id) AS has_verdict, coalesce(c.tlp, 2) < 4 OR viewer_reads_report(r.id) AS is_whole
FROM report r
    LEFT JOIN report_content c ON c.report_id = r.id AND c.received = r.received
    LEFT JOIN report_outcome u ON u.report_id = r.id
    LEFT JOIN sender s ON s.id = r.sender_id
    LEFT JOIN identity i ON i.id = s.identity_id
    LEFT JOIN peer p ON p.id = s.peer_id
WHERE ((r.compartment_id = 0 AND (SELECT viewer()) IS NOT NULL) OR r.compartment_id IN (SELECT m.compartment_id FROM compartment_member m WHERE m.identity_id = viewer()))
  AND (coalesce(c.tlp, 2) < 4 OR viewer_knows_report(r.id));

CREATE VIEW visible_report_raw AS
SELECT w.report_id, w.no, w.bytes FROM report_raw w JOIN visible_report_whole r ON r.id = w.report_id AND r.received = w.received;

-- What has no place of its own; of a mail that came as one, report_mail_json() tells it. (Not in visible_report: whole rows of that are made for lists, and this may have megabytes.)
CREATE VIEW visible_report_extra AS
SELECT c.report_id, c.received, c.extra FROM report_content c JOIN visible_report_key k ON k.id = c.report_id AND k.received = c.received
    JOIN report r ON r.id = c.report_id AND r.received = c.received
WHERE NOT (r.channel = 'mail' AND c.format = 'mail') AND (k.tlp < 4 OR viewer_reads_report(k.id));

-- Who reported it, by its own word.
CREATE VIEW visible_report_reporter AS
SELECT w.report_id, w.received, w.name, w.email FROM report_reporter w JOIN visible_report_key r ON r.id = w.report_id AND r.received = w.received
WHERE r.tlp < 4 OR viewer_reads_report(r.id);

-- What is said about a mail: by its head, and by our own MTA.
CREATE VIEW visible_report_mail AS
SELECT m.report_id, m.mail_from, m.recipients, m.message_id, m.in_reply_to, m.author, m.kind, m.dmarc, m.spf, m.dkim, m.spam, m.spam_score, m.about,
       m.about_recipient, m.about_status, m.about_text
FROM report_mail m JOIN visible_report_key r ON r.id = m.report_id AND r.received = m.received
WHERE r.tlp < 4 OR viewer_reads_report(r.id);

-- description, extra and its sender's word for the class may say of a value what the value's own label keeps for few.
CREATE VIEW visible_observation AS
SELECT o.report_id, o.received, o.no, o.time, o.class, o.count,
       CASE WHEN o.description IS NULL OR w.is_open THEN o.description END AS description,
       o.protocol, o.source_port, o.target_port, o.time_text, o.time_rule,
       CASE WHEN o.class_claim IS NULL OR w.is_open THEN o.class_claim END AS class_claim,
       CASE WHEN o.extra IS NULL OR w.is_open THEN o.extra END AS extra
FROM observation o JOIN visible_report_key r ON r.id = o.report_id AND r.received = o.received
    CROSS JOIN LATERAL (SELECT NOT EXISTS (
        SELECT FROM sighting s WHERE s.report_id = o.report_id AND s.received = o.received AND s.observation_no = o.no AND s.tlp = 4)
        OR viewer_reads_row(o.report_id, o.no) AS is_open) w
WHERE r.tlp < 4 OR viewer_reads_row(o.report_id, o.no);

-- The label is the sighting's own: it is never wider than what its sender said of it. (viewer() as in visible_case: as a condition of its own it is asked for each
-- partition at each of many look-ups, a fourth of their time.)
CREATE VIEW visible_sighting AS
SELECT s.report_id, s.received, s.observation_no, s.origin, s.type, s.role, s.tlp, s.personal, s.is_indicator, s.addr, s.host, s.value, s.drill_id, s.original,
       s.pap, s.confidence, s.valid_until, s.compartment_id
FROM sighting s
WHERE ((s.compartment_id = 0 AND (SELECT viewer()) IS NOT NULL) OR s.compartment_id IN (SELECT m.compartment_id FROM compartment_member m WHERE m.identity_id = viewer()))
  AND (s.tlp < 4 OR viewer_reads_row(s.report_id, s.observation_no));

-- The last word on each mail.
CREATE VIEW visible_verdict AS
SELECT d.report_id, d.checked, d.summary, d.encryption, d.covers, d.signer, d.fingerprint, d.key_now, d.signed, d.parts, d.protocol, d.algorithm,
       d.is_fresh, d.copy_of, d.needed_keys, d.unknown_keys
FROM report_verdict d JOIN visible_report_key r ON r.id = d.report_id AND r.received = d.received
WHERE NOT EXISTS (SELECT FROM report_verdict n WHERE n.report_id = d.report_id AND n.checked > d.checked);

-- --- what leaves and what peers sent ---

CREATE VIEW visible_share AS
SELECT s.id, s.case_id, v.name AS case_name, v.number AS case_number, p.name AS peer, s.agreement_id, s.agreement_version, s.version, s.tlp,
       s.state, s.format, s.filter, s.ordered, i.login AS ordered_by, s.sent, s.acknowledged, coalesce(x.error, s.error) AS error,
       coalesce(x.attempts, 0) AS attempts, x.not_before AS next_attempt, x.expires,
       (SELECT count(*) FROM share_item t WHERE t.share_id = s.id AND t.version = s.version) AS items, s.parts, s.part, s.taken, s.by_mail
FROM share s
    JOIN visible_case_key v ON v.id = s.case_id
    JOIN peer p ON p.id = s.peer_id
    JOIN identity i ON i.id = s.ordered_by
    LEFT JOIN outbox x ON x.share_id = s.id AND x.version = s.version;

CREATE VIEW visible_share_item AS
SELECT t.share_id, t.version, t.part, t.no, t.kind, t.ref, t.content, t.sha256, t.tlp FROM share_item t JOIN visible_share s ON s.id = t.share_id;

CREATE VIEW visible_incoming AS
SELECT n.id, n.peer_id, p.name AS peer, n.report_id, n.received, n.issuer, n.theirs, n.tlp, n.items, n.state, n.case_id, v.name AS case_name,
       i.login AS decided_by, n.decided, n.reason
FROM incoming n
    JOIN peer p ON p.id = n.peer_id
    LEFT JOIN visible_case_key v ON v.id = n.case_id
    LEFT JOIN identity i ON i.id = n.decided_by
WHERE viewer() IS NOT NULL
  AND (n.case_id IS NULL OR v.id IS NOT NULL)
  AND (n.tlp < 4 OR viewer_is('lead') OR (n.case_id IS NOT NULL AND viewer_reads_case(n.case_id)));

-- --- history ---

CREATE VIEW visible_journal AS
SELECT j.id, j.case_id, v.name AS case_name, v.number AS case_number, v.drill_id, j.seq, j.recorded, j.transaction, j.previous, j.commitment,
       j.hash, p.salt, p.payload
FROM journal j JOIN visible_case_key v ON v.id = j.case_id LEFT JOIN journal_payload p ON p.case_id = j.case_id AND p.seq = j.seq;

-- --- the JSON of the lists ---

-- The members of both, in order (jsonb would sort them).
CREATE OR REPLACE FUNCTION json_join(a json, b json) RETURNS json LANGUAGE sql IMMUTABLE
RETURN (left(a::text, -1) || ', ' || substr(b::text, 2))::json;

CREATE OR REPLACE FUNCTION case_json(v visible_case) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('id', v.name, 'number', v.number, 'kind', v.kind, 'state', v.state, 'class', v.class, 'priority',
    priority_name(v.priority), 'severity', priority_name(v.severity), 'tlp', tlp_name(v.tlp), 'pap', tlp_name(v.pap), 'owner', v.owner, 'level', v.level, 'queue', v.queue,
    'summary', v.summary, 'opened', time_text(v.opened), 'updated', time_text(v.updated), 'due', time_text(v.due), 'revision', v.revision,
    'reports', v.reports, 'observations', v.observations, 'drill', v.drill);

-- Rows of a list by their ids, in that order.
CREATE OR REPLACE FUNCTION case_page(p_ids bigint[]) RETURNS SETOF json
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT case_json(v) FROM unnest(p_ids) WITH ORDINALITY u(id, no) JOIN visible_case v ON v.id = u.id ORDER BY u.no;
END $$;

-- signer: who, where verified; signature.signer also names whose a good signature is that is not its sender's. case: the first it is in, of those the viewer may
-- see; case_count: how many these are. (In plpgsql, which keeps its plans: a function in SQL is planned anew by each statement that calls it. Without SET, which costs 80 us a call.)
DROP FUNCTION IF EXISTS report_case(bigint), report_signature(bigint);
CREATE OR REPLACE FUNCTION report_json(r visible_report) RETURNS json
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_case text;
    v_cases bigint;
    v_summary text;
    v_signer text;
    v_signature json;
BEGIN
    SELECT m.case_name, count(*) OVER () INTO v_case, v_cases FROM visible_member m WHERE m.report_id = r.id ORDER BY m.since, m.case_id LIMIT 1;
    IF r.has_verdict THEN
        SELECT d.summary, d.signer, json_build_object('summary', d.summary, 'signer', d.signer, 'fingerprint', d.fingerprint, 'covers', d.covers, 'key_now', d.key_now,
            'signed', time_text(d.signed), 'encryption', d.encryption, 'protocol', d.protocol, 'algorithm', d.algorithm, 'fresh', d.is_fresh, 'copy_of', 'r' || d.copy_of,
            'needed_keys', d.needed_keys, 'unknown_keys', d.unknown_keys, 'checked', time_text(d.checked), 'parts', d.parts)
            INTO v_summary, v_signer, v_signature FROM visible_verdict d WHERE d.report_id = r.id;
    END IF;
    RETURN json_build_object('id', 'r' || r.id, 'received', time_text(r.received), 'sender', r.sender, 'assurance', r.assurance, 'channel', r.channel,
        'format', r.format, 'sha256', encode(r.sha256, 'hex'), 'size', r.size, 'state', r.state, 'tlp', tlp_name(r.tlp), 'tlp_assumed', r.tlp_assumed,
        'partial', NOT r.is_whole, 'class', r.class, 'case', v_case, 'case_count', coalesce(v_cases, 0), 'observations', r.observations, 'rejected', r.rejected_total, 'summary', report_summary(r.summary, r.description),
        'reason', r.reason, 'error', r.error, 'at', r.error_at, 'signed', v_summary, 'signer', CASE v_summary WHEN 'verified' THEN v_signer END, 'signature', v_signature);
END $$;

CREATE OR REPLACE FUNCTION report_page(p_ids bigint[]) RETURNS SETOF json
LANGUAGE plpgsql STABLE ROWS 50 SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT report_json(v) FROM unnest(p_ids) WITH ORDINALITY u(id, no) JOIN visible_report v ON v.id = u.id ORDER BY u.no;
END $$;

-- What is known of a mail beside its text and signature: of its envelope, its head (a claim), our own MTA's word, its parts. texts: which bytes of the
-- description are which part's. NULL where it is none.
CREATE OR REPLACE FUNCTION report_mail_json(r visible_report) RETURNS json LANGUAGE sql STABLE
RETURN (SELECT json_build_object('kind', m.kind, 'author', m.author, 'message_id', m.message_id, 'in_reply_to', m.in_reply_to, 'envelope_from', m.mail_from,
    'recipients', m.recipients, 'dmarc', m.dmarc, 'spf', m.spf, 'dkim', m.dkim, 'spam', m.spam, 'spam_score', m.spam_score, 'about',
    CASE WHEN m.about IS NOT NULL OR m.about_status IS NOT NULL THEN json_build_object('message_id', m.about, 'recipient', m.about_recipient, 'status', m.about_status,
        'text', m.about_text) END,
    'headers', r.mail_read -> 'headers', 'protected', r.mail_read -> 'protected', 'layers', r.mail_read -> 'protection', 'texts', r.mail_read -> 'texts',
    'text_is_cut', coalesce((r.mail_read ->> 'text_is_cut')::boolean, false), 'attachments', coalesce(r.mail_read -> 'attachments', '[]'),
    'attachment_total', coalesce((r.mail_read ->> 'attachment_total')::int, json_array_length(coalesce(r.mail_read -> 'attachments', '[]'))),
    'attached_reports', coalesce(r.mail_read -> 'attached_reports', '[]'), 'opened_parts', coalesce(r.mail_read -> 'opened_parts', '[]'))
    FROM visible_report_mail m WHERE m.report_id = r.id);

CREATE OR REPLACE FUNCTION share_json(s visible_share) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('id', 's' || s.id, 'case', s.case_name, 'peer', s.peer, 'tlp', tlp_name(s.tlp), 'state', s.state, 'format', s.format, 'items', s.items,
    'sent', time_text(s.sent), 'acknowledged', time_text(s.acknowledged), 'attempts', s.attempts, 'next_attempt', time_text(s.next_attempt),
    'error', s.error, 'theirs', (SELECT a.issuer || ' ' || a.alias FROM visible_alias a WHERE a.case_id = s.case_id AND a.issuer = s.peer LIMIT 1),
    'version', s.version, 'ordered', time_text(s.ordered), 'ordered_by', s.ordered_by, 'parts', s.parts, 'part', s.part, 'parts_acknowledged', s.taken,
    'by', CASE WHEN s.by_mail THEN 'mail' ELSE 'https' END);

CREATE OR REPLACE FUNCTION incoming_json(n visible_incoming) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('id', 'i' || n.id, 'peer', n.peer, 'received', time_text(n.received), 'tlp', tlp_name(n.tlp), 'state', n.state,
    'items', n.items, 'theirs', n.theirs, 'case', n.case_name);

CREATE OR REPLACE FUNCTION peer_json(p visible_peer) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('name', p.name, 'title', p.title, 'url', p.url, 'rid_url', p.rid_url, 'document_url', p.document_url, 'format', p.format,
    'issuer_names', p.issuer_names, 'feeds', p.feeds, 'ca', p.ca,
    'keys', p.keys, 'mail', p.mail, 'mail_keys', p.mail_keys, 'waivers', p.waivers, 'enabled', p.enabled);
CREATE OR REPLACE FUNCTION agreement_json(a visible_agreement) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('id', 'a' || a.id, 'peer', a.peer, 'version', a.version, 'from', time_text(a.valid_from), 'until',
    time_text(a.valid_until), 'ceiling', tlp_name(a.ceiling), 'classes', a.classes, 'enabled', a.enabled, 'document', a.document);
CREATE OR REPLACE FUNCTION constituent_json(k visible_constituent) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('name', k.name, 'title', k.title, 'networks', k.networks, 'asns', k.asns, 'domains', k.domains, 'contacts', k.contacts,
    'sector', k.sector, 'criticality', k.criticality, 'lang', k.lang, 'enabled', k.enabled);
CREATE OR REPLACE FUNCTION analyst_json(i visible_identity) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('login', i.login, 'name', i.name, 'role', i.role, 'mail', i.mail, 'keys', i.keys, 'mail_keys', i.mail_keys, 'level', i.level,
    'default_tlp', tlp_name(i.default_tlp), 'default_class', i.default_class, 'enabled', i.enabled);

-- The numbers of the cases that exactly this observable is in, newest first, at most 20.
CREATE OR REPLACE FUNCTION find_case_numbers(p_value text, p_addr inet, p_host text, p_not bigint) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_reports bigint[];
    v_numbers int[];
BEGIN
    IF p_addr IS NOT NULL THEN
        SELECT array_agg(f.report_id), array_agg(f.observation_no) INTO v_reports, v_numbers FROM (
            SELECT s.report_id, s.observation_no FROM visible_sighting s WHERE s.addr = p_addr LIMIT 2000) f;
    ELSIF p_host IS NOT NULL THEN
        SELECT array_agg(f.report_id), array_agg(f.observation_no) INTO v_reports, v_numbers FROM (
            SELECT s.report_id, s.observation_no FROM visible_sighting s WHERE s.host IS NOT NULL AND reverse(s.host) = reverse(p_host)
                AND s.value = p_value LIMIT 2000) f;
    ELSE
        SELECT array_agg(f.report_id), array_agg(f.observation_no) INTO v_reports, v_numbers FROM (
            SELECT s.report_id, s.observation_no FROM visible_sighting s WHERE s.addr IS NULL AND s.host IS NULL
                AND hashtextextended(s.value, 0) = hashtextextended(p_value, 0) AND s.value = p_value LIMIT 2000) f;
    END IF;
    RETURN ARRAY(SELECT DISTINCT m.case_number FROM unnest(v_reports, v_numbers) f(report_id, observation_no)
        JOIN visible_member m ON m.report_id = f.report_id AND m.observations @> f.observation_no
        WHERE m.case_id IS DISTINCT FROM p_not ORDER BY m.case_number DESC LIMIT 20);
END $$;

-- The same of many: those of no 1 are of the first value. In one statement, by index only; where there are none is no row.
CREATE OR REPLACE FUNCTION find_case_numbers_of(p_values text[], p_addrs inet[], p_hosts text[], p_not bigint) RETURNS TABLE (no int, numbers bigint[])
LANGUAGE plpgsql STABLE ROWS 100 SET search_path = cirt, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT u.no, u.value, u.addr, u.host FROM unnest(p_values, p_addrs, p_hosts) WITH ORDINALITY u(value, addr, host, no)),
    hit AS MATERIALIZED (
        SELECT a.no, x.report_id, x.observation_no FROM asked a
            CROSS JOIN LATERAL (SELECT s.report_id, s.observation_no FROM visible_sighting s WHERE s.addr = a.addr LIMIT 2000) x WHERE a.addr IS NOT NULL
        UNION ALL SELECT a.no, x.report_id, x.observation_no FROM asked a
            CROSS JOIN LATERAL (SELECT s.report_id, s.observation_no FROM visible_sighting s WHERE s.host IS NOT NULL AND reverse(s.host) = reverse(a.host)
                                    AND s.value = a.value LIMIT 2000) x WHERE a.addr IS NULL AND a.host IS NOT NULL
        UNION ALL SELECT a.no, x.report_id, x.observation_no FROM asked a
            CROSS JOIN LATERAL (SELECT s.report_id, s.observation_no FROM visible_sighting s WHERE s.addr IS NULL AND s.host IS NULL
                                    AND hashtextextended(s.value, 0) = hashtextextended(a.value, 0) AND s.value = a.value LIMIT 2000) x
            WHERE a.addr IS NULL AND a.host IS NULL)
    SELECT h.no::int, (array_agg(DISTINCT m.case_number ORDER BY m.case_number DESC))[:20]
    FROM hit h JOIN visible_member m ON m.report_id = h.report_id AND m.observations @> h.observation_no
    WHERE m.case_id IS DISTINCT FROM p_not GROUP BY h.no;
END $$;

-- The first reports of a case. Here and below along the index: the planner takes a case for one of four reports, and would sort all of 25,000.
CREATE OR REPLACE FUNCTION case_reports(p_case bigint, p_limit int) RETURNS TABLE (report_id bigint, received timestamptz, observations int4multirange, rule text)
LANGUAGE plpgsql STABLE ROWS 100 SET search_path = cirt, pg_temp SET enable_sort = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT m.report_id, m.received, m.observations, m.rule FROM visible_member m JOIN visible_report_key r ON r.id = m.report_id AND r.received = m.received
        WHERE m.case_id = p_case ORDER BY m.report_id LIMIT p_limit;
END $$;

-- The newest sightings of a case: of so many of its newest reports, so many in all. By the parts of the reports that are in the case: a feed's report
-- has a million rows, of which a case may have ten.
CREATE OR REPLACE FUNCTION case_sightings(p_case bigint, p_reports int, p_limit int) RETURNS SETOF visible_sighting
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = cirt, pg_temp SET enable_sort = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT s.* FROM (SELECT v.report_id, v.received, v.observations FROM visible_member v WHERE v.case_id = p_case ORDER BY v.report_id DESC LIMIT p_reports) m
        CROSS JOIN LATERAL (SELECT lower(u) AS low, upper(u) AS high FROM unnest(m.observations) u ORDER BY lower(u) DESC LIMIT p_limit) n
        CROSS JOIN LATERAL (SELECT v.* FROM visible_sighting v WHERE v.report_id = m.report_id AND v.received = m.received
                            AND v.observation_no >= n.low AND v.observation_no < n.high ORDER BY v.observation_no DESC LIMIT p_limit) s
        LIMIT p_limit;
END $$;

-- What was seen in a case, by kind and role, of the newest 3,000 sightings of it; AS number and country stand beside their address.
CREATE OR REPLACE FUNCTION case_observables(p_case bigint) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (WITH x AS MATERIALIZED (
        SELECT g.*, row_number() OVER () AS no, CASE WHEN g.addr IS NOT NULL THEN (SELECT min(a.value) FROM visible_sighting a WHERE a.report_id = g.report_id AND a.role = g.role AND a.type = 4
                   AND a.observation_no = g.observation_no) END AS asn,
               CASE WHEN g.addr IS NOT NULL THEN (SELECT min(a.value) FROM visible_sighting a WHERE a.report_id = g.report_id AND a.role = g.role AND a.type = 16
                   AND a.observation_no = g.observation_no) END AS country
        FROM (
            SELECT s.type, s.value, s.role, min(coalesce(s.time, s.received)) AS first, max(coalesce(s.time, s.received)) AS last, max(s.tlp) AS tlp,
                   min(s.addr) AS addr, min(s.host) AS host, max(s.report_id) AS report_id,
                   (max(ARRAY[s.report_id, s.observation_no]))[2]::int AS observation_no
            -- The newest first, and no more than are worth looking at: a flood has hundreds of thousands.
            FROM (SELECT i.*, o.time, bool_or(i.addr IS NOT NULL) OVER () AS has_address
                  FROM case_sightings(p_case, 300, 3000) i
                      LEFT JOIN LATERAL (SELECT x.time FROM visible_observation x WHERE x.report_id = i.report_id AND x.received = i.received AND x.no = i.observation_no
                                         OFFSET 0) o ON true) s
            WHERE s.type NOT IN (4, 16) OR NOT s.has_address
            GROUP BY s.type, s.value, s.role ORDER BY s.type, s.role, max(s.received) DESC, s.value LIMIT 100) g)
    SELECT coalesce(json_agg(json_build_object('type', observable_type_name(x.type), 'value', x.value, 'role', sighting_role_name(x.role), 'first_seen',
            time_text(x.first), 'last_seen', time_text(x.last), 'tlp', tlp_name(x.tlp), 'asn', x.asn, 'country', x.country, 'cases',
            coalesce(n.numbers, '{}')) ORDER BY x.type, x.role, x.addr, x.value), '[]')
    FROM x LEFT JOIN find_case_numbers_of(ARRAY(SELECT x.value FROM x ORDER BY x.no), ARRAY(SELECT x.addr FROM x ORDER BY x.no), ARRAY(SELECT x.host FROM x ORDER BY x.no), p_case) n
        ON n.no = x.no);
END $$;
