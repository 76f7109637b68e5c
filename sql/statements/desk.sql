-- What desk says: views by viewer and functions only (tests/checks/statements.py). Answers are JSON texts that desk passes on as they are.

-- name: caller
SELECT id, login, role, enabled, name, level, utc_offset_minutes FROM desk_caller(decode($1::text, 'hex'))

-- name: me
SELECT json_build_object('login', i.login, 'name', i.name, 'role', i.role, 'level', i.level, 'team', s.name, 'prefix', s.prefix, 'domain', s.domain, 'zone', s.zone,
                         'version', $1::text)
FROM visible_identity i CROSS JOIN visible_site s WHERE i.id = viewer()

-- --- cases ---

-- The page's ids by index and without what is only shown; then their rows, by a plan that is kept.
-- name: case_list_due
SELECT case_page(ARRAY(SELECT v.id FROM visible_case v WHERE /*filter*/ ORDER BY v.due, v.priority, v.id LIMIT $1::bigint OFFSET $2::bigint))
-- name: case_list_due_back
SELECT case_page(ARRAY(SELECT v.id FROM visible_case v WHERE /*filter*/ ORDER BY v.due DESC NULLS LAST, v.priority, v.id LIMIT $1::bigint OFFSET $2::bigint))
-- name: case_list_priority
SELECT case_page(ARRAY(SELECT v.id FROM visible_case v WHERE /*filter*/ ORDER BY v.priority, v.due, v.id LIMIT $1::bigint OFFSET $2::bigint))
-- name: case_list_priority_back
SELECT case_page(ARRAY(SELECT v.id FROM visible_case v WHERE /*filter*/ ORDER BY v.priority DESC, v.due, v.id LIMIT $1::bigint OFFSET $2::bigint))
-- name: case_list_opened
SELECT case_page(ARRAY(SELECT v.id FROM visible_case v WHERE /*filter*/ ORDER BY v.opened, v.id LIMIT $1::bigint OFFSET $2::bigint))
-- name: case_list_opened_back
SELECT case_page(ARRAY(SELECT v.id FROM visible_case v WHERE /*filter*/ ORDER BY v.opened DESC, v.id DESC LIMIT $1::bigint OFFSET $2::bigint))
-- name: case_list_updated
SELECT case_page(ARRAY(SELECT v.id FROM visible_case v WHERE /*filter*/ ORDER BY v.updated, v.id LIMIT $1::bigint OFFSET $2::bigint))
-- name: case_list_updated_back
SELECT case_page(ARRAY(SELECT v.id FROM visible_case v WHERE /*filter*/ ORDER BY v.updated DESC, v.id DESC LIMIT $1::bigint OFFSET $2::bigint))
-- name: case_list_number
SELECT case_page(ARRAY(SELECT v.id FROM visible_case v WHERE /*filter*/ ORDER BY v.drill_id, v.number LIMIT $1::bigint OFFSET $2::bigint))
-- name: case_list_number_back
SELECT case_page(ARRAY(SELECT v.id FROM visible_case v WHERE /*filter*/ ORDER BY v.drill_id DESC, v.number DESC LIMIT $1::bigint OFFSET $2::bigint))

-- name: case_open_count
SELECT count(*) FROM visible_case_key WHERE state IN ('new', 'open', 'waiting') AND drill_id = 0

-- name: case_short
SELECT case_short(case_find($1::text))

-- name: case_show
SELECT json_join(json_join(case_json(v), case_related(v.id)), json_build_object(
    'report_list', (SELECT coalesce(json_agg(x.report), '[]') FROM (
        SELECT json_join(report_json(r), json_build_object('in_case', (SELECT coalesce(sum(upper(n) - lower(n)), 0) FROM unnest(m.observations) n), 'rule', m.rule)) AS report
        FROM case_reports(v.id, 100) m JOIN visible_report r ON r.id = m.report_id AND r.received = m.received ORDER BY r.received, r.id) x),
    'observable_list', case_observables(v.id),
    'known_good', case_known_good(v.id),
    'indicator_list', case_indicators(v.id),
    'note_list', (SELECT coalesce(json_agg(json_build_object('id', n.id, 'time', time_text(n.written), 'author', n.author, 'tlp', tlp_name(n.tlp), 'share', n.share,
        'text', n.text) ORDER BY n.id), '[]') FROM visible_note n WHERE n.case_id = v.id),
    'share_list', (SELECT coalesce(json_agg(share_json(s) ORDER BY s.id), '[]') FROM visible_share s WHERE s.case_id = v.id),
    'task_list', (SELECT coalesce(json_agg(json_build_object('id', t.id, 'number', t.number, 'text', t.text, 'due', time_text(t.due), 'done', time_text(t.done)) ORDER BY t.id), '[]')
        FROM (SELECT x.*, row_number() OVER (ORDER BY x.id) AS number FROM visible_task x WHERE x.case_id = v.id) t),
    'constituent_list', (SELECT coalesce(json_agg(json_build_object('name', k.name, 'title', k.title, 'told', time_text(d.told), 'answered', time_text(d.answered))
        ORDER BY k.id = v.constituent_id DESC, k.id), '[]') FROM visible_constituent k CROSS JOIN LATERAL case_told(v.id, k.id) d
        WHERE k.id = v.constituent_id OR k.id IN (SELECT o.constituent_id FROM visible_case_owner o WHERE o.case_id = v.id)),
    'related_list', (SELECT coalesce(json_agg(json_build_object('case', w.name, 'kind', l.kind, 'class', w.class, 'state', w.state) ORDER BY w.number), '[]')
        FROM (SELECT other_id AS id, kind FROM visible_link WHERE case_id = v.id UNION SELECT case_id, kind FROM visible_link WHERE other_id = v.id) l
        JOIN visible_case_key w ON w.id = l.id),
    'rule_list', case_rules(v.id),
    'alias_list', (SELECT coalesce(json_agg(json_build_object('issuer', a.issuer, 'id', a.alias) ORDER BY a.issuer, a.alias), '[]')
        FROM visible_alias a WHERE a.case_id = v.id),
    'tags', (SELECT coalesce(json_agg(t.tag ORDER BY t.tag), '[]') FROM visible_tag t WHERE t.case_id = v.id),
    'first_seen', time_text(v.first_seen), 'last_seen', time_text(v.last_seen), 'repeats', v.repeats, 'waited', v.waited,
    'waiting_for', v.waiting_for, 'wait_until', time_text(v.waiting_until), 'resolution', v.resolution, 'closed', time_text(v.closed),
    'last', (SELECT coalesce(json_agg(x.entry), '[]') FROM (
        SELECT json_build_object('seq', j.seq, 'time', time_text(j.recorded), 'actor', j.payload::json ->> 'actor', 'action', j.payload::json ->> 'action', 'text',
            j.payload::json ->> 'text') AS entry
        FROM visible_journal j WHERE j.case_id = v.id ORDER BY j.seq DESC LIMIT 5) x)))
FROM visible_case v WHERE v.id = case_find($1::text)

-- name: case_observables
SELECT item, cursor FROM case_values(case_find($1::text), $2::text, $3::bigint, $4::boolean)

-- name: case_add
SELECT case_open($1::text, $2::text, $3::text, $4::text, $5::text)
-- name: case_take
SELECT case_take($1::text, $2::int, $3::boolean, $4::text)
-- name: case_assign
SELECT case_assign($1::text, $2::int, $3::text)
-- name: case_unassign
SELECT case_unassign($1::text, $2::int)
-- name: case_escalate
SELECT case_escalate($1::text, $2::int, $3::text, $4::text)
-- name: case_priority
SELECT case_priority($1::text, $2::int, $3::text)
-- name: case_summary
SELECT case_summary($1::text, $2::int, $3::text)
-- name: case_classify
SELECT case_classify($1::text, $2::int, $3::text)
-- name: case_tlp
SELECT case_tlp($1::text, $2::int, $3::text)
-- name: case_tag
SELECT case_tag($1::text, $2::int, $3::text[], $4::text[])
-- name: case_task
SELECT case_task($1::text, $2::int, $3::text, $4::timestamptz, $5::bigint)
-- name: case_note
SELECT case_note($1::text, $2::int, $3::text, $4::text, $5::boolean)
-- name: case_state
SELECT case_state($1::text, $2::int, $3::text)
-- name: case_wait
SELECT case_wait($1::text, $2::int, $3::text, $4::timestamptz)
-- name: case_close
SELECT case_close($1::text, $2::int, $3::text, $4::text)
-- name: case_reopen
SELECT case_reopen($1::text, $2::int, $3::text)

-- name: case_journal
SELECT CASE WHEN $4::boolean THEN json_build_object('seq', j.seq, 'time', time_text(j.recorded), 'actor', j.payload::json ->> 'actor', 'action', j.payload::json ->> 'action',
    'text', j.payload::json ->> 'text') ELSE
    json_build_object('seq', j.seq, 'time', time_text(j.recorded), 'actor', j.payload::json ->> 'actor', 'action', j.payload::json ->> 'action', 'text',
    j.payload::json ->> 'text', 'previous', encode(j.previous, 'hex'), 'hash', encode(j.hash, 'hex'), 'commitment', encode(j.commitment, 'hex'), 'salt',
    encode(j.salt, 'hex'), 'payload', j.payload) END
FROM visible_journal j WHERE j.case_id = case_find($1::text) ORDER BY j.seq LIMIT $2::bigint OFFSET $3::bigint
-- name: case_chain
SELECT id, number FROM visible_case_key WHERE id = case_find($1::text)
-- name: journal_verify
SELECT journal_check($1::text)

-- name: changes
SELECT json_build_object('cursor', j.transaction || '-' || j.id, 'time', time_text(j.recorded), 'case', j.case_number, 'id', j.case_name, 'action',
    j.payload::json ->> 'action', 'actor', j.payload::json ->> 'actor', 'text', j.payload::json ->> 'text'), j.transaction || '-' || j.id
FROM visible_journal j
WHERE (j.transaction, j.id) > ($1::text::xid8, $2::bigint) AND j.transaction < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY j.transaction, j.id LIMIT $3::bigint
-- name: changes_now
SELECT pg_snapshot_xmin(pg_current_snapshot()) || '-0'

-- --- reports ---

-- name: report_list
SELECT report_page(ARRAY(SELECT v.id FROM visible_report v WHERE /*filter*/ ORDER BY v.received DESC, v.id DESC LIMIT $1::bigint OFFSET $2::bigint))

-- extra as far as it is short, of the observations as far as all of them are together: the bytes are kept.
-- name: report_show
SELECT json_join(report_json(v), json_build_object('description', v.description, 'lang', v.lang, 'name', v.name, 'media_type', v.media_type, 'reference',
    v.reference, 'reference_issuer', v.reference_issuer, 'time', time_text(v.time), 'rule', v.rule,
    'incoming', CASE WHEN v.channel = 'rid' THEN (SELECT 'i' || n.id FROM visible_incoming n WHERE n.report_id = v.id AND n.received = v.received AND n.state = 'new' LIMIT 1) END,
    'kept', CASE WHEN v.state = 'malformed' THEN (SELECT coalesce(sum(octet_length(w.bytes)), 0) FROM visible_report_raw w WHERE w.report_id = v.id) END,
    'rejected_list', v.rejected, 'from', v.mail_from, 'mail', report_mail_json(v),
    'reporter', (SELECT json_build_object('name', w.name, 'email', w.email) FROM visible_report_reporter w WHERE w.report_id = v.id AND w.received = v.received),
    'extra', CASE WHEN octet_length(e.extra) <= 262144 THEN e.extra::json END, 'extra_size', octet_length(e.extra),
    'observation_list', (SELECT coalesce(json_agg(x.observation), '[]') FROM (
        SELECT json_build_object('time', time_text(o.time), 'time_text', o.time_text, 'time_rule', o.time_rule, 'class', o.class, 'class_claim', o.class_claim, 'count', o.count, 'description', o.description, 'protocol', o.protocol, 'source_port',
            o.source_port, 'target_port', o.target_port, 'stated', (SELECT json_build_object('times', t.rows, 'first_seen', time_text(t.first_seen), 'last_seen', time_text(t.last_seen))
                FROM visible_statement t WHERE t.report_id = o.report_id AND t.received = o.received AND t.no = o.no), 'observables', (SELECT coalesce(json_agg(json_build_object('type', observable_type_name(s.type), 'value',
                s.value, 'original', s.original, 'role', sighting_role_name(s.role), 'tlp', tlp_name(s.tlp), 'indicator', s.is_indicator, 'confidence', s.confidence,
                'until', time_text(s.valid_until)) ORDER BY s.role, s.type, s.value), '[]')
                FROM visible_sighting s WHERE s.report_id = o.report_id AND s.received = o.received AND s.observation_no = o.no),
            'extra', CASE WHEN o.said <= 262144 THEN o.extra::json END, 'extra_size', octet_length(o.extra)) AS observation
        FROM (SELECT y.*, sum(octet_length(y.extra)) OVER (ORDER BY y.no) AS said FROM (
            SELECT z.* FROM visible_observation z WHERE z.report_id = v.id AND z.received = v.received ORDER BY z.no LIMIT $2::bigint) y) o ORDER BY o.no) x),
    'cases', (SELECT coalesce(json_agg(x.case_name ORDER BY x.case_id), '[]') FROM (
        SELECT m.case_id, m.case_name FROM visible_member m WHERE m.report_id = v.id AND m.received = v.received ORDER BY m.case_id LIMIT 1000) x),
    'known_good', report_known_good(v.id, v.received), 'set_aside', report_set_aside(v.id)))
FROM visible_report v LEFT JOIN visible_report_extra e ON e.report_id = v.id AND e.received = v.received WHERE v.id = $1::bigint

-- name: report_raw
SELECT w.no, w.bytes FROM visible_report_raw w WHERE w.report_id = $1::bigint AND w.no > $2::int ORDER BY w.no LIMIT 4
-- name: report_size
SELECT size FROM visible_report WHERE id = $1::bigint
-- name: report_verify
SELECT report_verify($1::bigint)
-- name: report_replay
SELECT report_replay($1::bigint, $2::text)

-- name: reports_replay
SELECT reports_replay($3::bigint[], $1::text, $2::boolean)
-- name: reports_replay_filtered
SELECT reports_replay(ARRAY(SELECT v.id FROM visible_report v WHERE v.state = 'malformed' AND /*filter*/ ORDER BY v.id LIMIT 10001), $1::text, $2::boolean)

-- name: reports_decide
SELECT reports_decide($1::text, $3::bigint[], $2::jsonb ->> 'reason', ($2::jsonb ->> 'dry_run')::boolean)
-- name: reports_decide_filtered
SELECT reports_decide($1::text, ARRAY(SELECT v.id FROM visible_report v WHERE v.state IN ('held', 'dropped') AND /*filter*/ ORDER BY v.id LIMIT 10001),
    $2::jsonb ->> 'reason', ($2::jsonb ->> 'dry_run')::boolean)

-- --- evidence ---

-- name: evidence_list
SELECT evidence_json(e, $2::boolean) FROM visible_evidence e WHERE e.case_id = case_find($1::text) ORDER BY e.id LIMIT $3::bigint OFFSET $4::bigint
-- name: evidence_add
SELECT evidence_add($1::text, $2::int, $3::text, $4::text, $5::bytea, $6::text)
-- name: evidence_bytes
SELECT e.bytes FROM visible_evidence e WHERE e.id = $1::bigint LIMIT 1

-- --- find ---

-- The first $4 of each list; `more` names those that are not whole, also since no more sightings were looked at.
-- name: find_observable
WITH seen AS MATERIALIZED (SELECT * FROM find_sightings($1::text, $2::text, $3::text, greatest(2000, 40 * $4::bigint)::int)),
x AS MATERIALIZED (SELECT g.*, row_number() OVER () AS no FROM (
    SELECT s.type, s.value, s.role, min(s.received) AS first, max(s.received) AS last, max(s.tlp) AS tlp, min(s.addr) AS addr, min(s.host) AS host
    FROM seen s GROUP BY s.type, s.value, s.role ORDER BY max(s.received) DESC LIMIT $4::bigint + 1) g),
c AS MATERIALIZED (SELECT g.*, row_number() OVER () AS no FROM (
    SELECT DISTINCT m.case_id FROM seen s JOIN visible_member m ON m.report_id = s.report_id AND m.observations @> s.observation_no ORDER BY m.case_id DESC LIMIT $4::bigint + 1) g),
r AS MATERIALIZED (SELECT g.*, row_number() OVER () AS no FROM (SELECT DISTINCT s.report_id FROM seen s ORDER BY s.report_id DESC LIMIT $4::bigint + 1) g),
k AS MATERIALIZED (SELECT f.* FROM find_constituents($1::text, coalesce($3::text, $2::text), ($4::bigint + 1)::int) WITH ORDINALITY f(id, no))
SELECT json_build_object('observable', json_build_object('type', $1::text, 'value', $2::text),
    'known_good', find_known_good($1::text, $2::text, $3::text),
    'observables', (SELECT coalesce(json_agg(json_build_object('type', observable_type_name(x.type), 'value', x.value, 'role', sighting_role_name(x.role),
        'first_seen', time_text(x.first), 'last_seen', time_text(x.last), 'tlp', tlp_name(x.tlp), 'cases', coalesce(n.numbers, '{}')) ORDER BY x.no), '[]')
        FROM x LEFT JOIN find_case_numbers_of(ARRAY(SELECT x.value FROM x ORDER BY x.no), ARRAY(SELECT x.addr FROM x ORDER BY x.no), ARRAY(SELECT x.host FROM x ORDER BY x.no),
            NULL) n ON n.no = x.no WHERE x.no <= $4::bigint),
    'cases', (SELECT coalesce(json_agg(case_json(v) ORDER BY v.updated DESC), '[]') FROM visible_case v WHERE v.id = ANY (ARRAY(SELECT c.case_id FROM c WHERE c.no <= $4::bigint))),
    'reports', (SELECT coalesce(json_agg(o.report), '[]') FROM (SELECT report_json(v) AS report FROM visible_report v
        WHERE v.id = ANY (ARRAY(SELECT r.report_id FROM r WHERE r.no <= $4::bigint)) ORDER BY v.received DESC) o),
    'constituents', (SELECT coalesce(json_agg(constituent_json(v) ORDER BY k.no), '[]') FROM k JOIN visible_constituent v ON v.id = k.id WHERE k.no <= $4::bigint),
    'more', (SELECT coalesce(json_agg(l.list), '[]') FROM (VALUES
        ('observables', (SELECT count(*) FROM x), true), ('cases', (SELECT count(*) FROM c), true), ('reports', (SELECT count(*) FROM r), true),
        ('constituents', (SELECT count(*) FROM k), false)) l(list, found, is_seen)
        WHERE l.found > $4::bigint OR (l.is_seen AND (SELECT count(*) FROM seen) >= greatest(2000, 40 * $4::bigint))))

-- What is looked up before a list: find_look(). The values are arrays as text, or words.
-- name: look
SELECT x.f::text FROM find_look($1::text, $2::text[], $3::text[], $4::boolean) WITH ORDINALITY x(f, n) ORDER BY x.n
-- Behind the list, which find_look() may have given little time.
-- name: look_end
SET LOCAL statement_timeout TO DEFAULT

-- name: find_words
WITH c AS MATERIALIZED (SELECT g.id, row_number() OVER () AS no FROM (
    SELECT v.id FROM visible_case v WHERE v.id = ANY ($3::bigint[]) ORDER BY v.opened DESC, v.id DESC LIMIT $2::bigint + 1) g),
k AS MATERIALIZED (SELECT f.* FROM find_constituents('text', $1::text, ($2::bigint + 1)::int) WITH ORDINALITY f(id, no))
SELECT json_build_object('observable', NULL, 'observables', '[]'::json,
    'cases', (SELECT coalesce(json_agg(p), '[]') FROM case_page(ARRAY(SELECT c.id FROM c WHERE c.no <= $2::bigint ORDER BY c.no)) p), 'reports', '[]'::json,
    'constituents', (SELECT coalesce(json_agg(constituent_json(v) ORDER BY k.no), '[]') FROM k JOIN visible_constituent v ON v.id = k.id WHERE k.no <= $2::bigint),
    'more', (SELECT coalesce(json_agg(l.list), '[]') FROM (VALUES ('cases', (SELECT count(*) FROM c)), ('constituents', (SELECT count(*) FROM k))) l(list, found)
        WHERE l.found > $2::bigint))
-- name: find_words_common
WITH c AS MATERIALIZED (SELECT g.id, row_number() OVER () AS no FROM (
    SELECT v.id FROM visible_case v WHERE EXISTS (SELECT FROM visible_case_text t WHERE t.case_id = v.id AND (t.words @@ phraseto_tsquery('simple', $1::text)
            OR ($1::text ~ '[^\x01-\x7f]' AND left(t.body, 2000) ILIKE '%' || regexp_replace($1::text, '([\\%_])', '\\\1', 'g') || '%')) OFFSET 0)
        ORDER BY v.opened DESC, v.id DESC LIMIT $2::bigint + 1) g),
k AS MATERIALIZED (SELECT f.* FROM find_constituents('text', $1::text, ($2::bigint + 1)::int) WITH ORDINALITY f(id, no))
SELECT json_build_object('observable', NULL, 'observables', '[]'::json,
    'cases', (SELECT coalesce(json_agg(p), '[]') FROM case_page(ARRAY(SELECT c.id FROM c WHERE c.no <= $2::bigint ORDER BY c.no)) p), 'reports', '[]'::json,
    'constituents', (SELECT coalesce(json_agg(constituent_json(v) ORDER BY k.no), '[]') FROM k JOIN visible_constituent v ON v.id = k.id WHERE k.no <= $2::bigint),
    'more', (SELECT coalesce(json_agg(l.list), '[]') FROM (VALUES ('cases', (SELECT count(*) FROM c)), ('constituents', (SELECT count(*) FROM k))) l(list, found)
        WHERE l.found > $2::bigint))

-- --- indicators ---

-- The newest 20,000 marks of reports, and all of analysts; victims and targets are never indicators. A value holds as long as one mark of it does.
-- name: indicator_list
SELECT json_build_object('type', observable_type_name(x.type), 'value', x.value, 'role', sighting_role_name(x.role), 'tlp', tlp_name(x.tlp), 'first_seen',
    time_text(x.first), 'last_seen', time_text(x.last), 'confidence', x.confidence, 'until', time_text(x.expires), 'cases',
    indicator_cases(x.value, x.addr, x.host, x.marked_in))
FROM (
    SELECT v.* FROM (
        SELECT s.type, s.value, s.role, max(s.tlp) AS tlp, min(s.marked) AS first, max(s.marked) AS last, min(s.addr) AS addr, min(s.host) AS host,
               max(s.confidence)::int AS confidence, CASE WHEN bool_and(s.until IS NOT NULL) THEN max(s.until) END AS expires,
               max(ARRAY[s.report_id, s.observation_no]) FILTER (WHERE s.report_id IS NOT NULL) AS newest, array_agg(DISTINCT s.case_number) AS marked_in
        FROM ((SELECT * FROM visible_indicator_seen i ORDER BY i.marked DESC LIMIT 20000) UNION ALL SELECT * FROM visible_indicator_mark) s
        GROUP BY s.type, s.value, s.role) v
    WHERE /*filter*/ ORDER BY v.last DESC, v.type, v.value LIMIT $1::bigint OFFSET $2::bigint) x
ORDER BY x.last DESC, x.type, x.value
-- name: indicator_add
SELECT indicator_add($1::text, $2::smallint[], ARRAY(SELECT jsonb_array_elements_text($3::jsonb)), ARRAY(SELECT jsonb_array_elements_text($4::jsonb)), $5::text, $6::text,
    $7::int, $8::timestamptz, $9::text)
-- name: indicator_withdraw
SELECT indicator_withdraw($1::smallint[], ARRAY(SELECT jsonb_array_elements_text($2::jsonb)), ARRAY(SELECT jsonb_array_elements_text($3::jsonb)), $4::text)
-- name: export_begin
SELECT export_next(export_begin($1::jsonb))
-- name: export_next
SELECT export_next($1::bigint)
-- $1 the part, as export_next() made it; $2 whether what has ended is asked for.
-- name: export_take
SELECT export_take($1::jsonb, array_agg(x.type), array_agg(x.value), array_agg(x.role), array_agg(x.tlp), array_agg(x.pap), array_agg(x.confidence::smallint), array_agg(x.expires),
    array_agg(x.first), array_agg(x.last), array_agg(x.host), array_agg(x.addr), array_agg(x.personal), array_agg(x.class))
FROM (SELECT v.* FROM export_part($1::jsonb) v WHERE ($2::boolean OR v.expires IS NULL OR v.expires > now()) AND /*filter*/) x
-- name: export_exists
SELECT x.is_whole FROM visible_export x WHERE x.id = $1::bigint
-- Behind the item of that number; 0: from the first.
-- name: export_page
SELECT i.content, i.no FROM visible_export_item i WHERE i.export_id = $1::bigint
    AND (i.type, i.start, i.no) > (SELECT a.type, a.start, a.no FROM visible_export_item a WHERE a.export_id = $1::bigint AND a.no = $2::bigint
        UNION ALL SELECT 0::smallint, '', 0 WHERE $2::bigint = 0)
ORDER BY i.type, i.start, i.no LIMIT $3::bigint

-- --- sharing ---

-- name: share_agreements
SELECT a.id, a.version, a.ceiling, a.enabled, (extract(epoch FROM a.valid_from) * 1000000)::bigint, (extract(epoch FROM a.valid_until) * 1000000)::bigint,
       array_to_string(a.classes, ' '), CASE WHEN a.id IS NOT NULL THEN agreement_json(a) END, p.enabled, p.name, p.id, p.format, p.rid_url, p.document_url, p.mail, s.name, s.prefix, s.domain
FROM visible_site s CROSS JOIN visible_peer p LEFT JOIN visible_agreement a ON a.peer_id = p.id
WHERE p.name = upper($1::text) ORDER BY a.enabled AND now() >= a.valid_from AND now() < a.valid_until DESC NULLS LAST, a.valid_until DESC LIMIT 1
-- name: share_candidates
SELECT kind, ref, text, type, value, role, class, tlp, to_share, personal, origin_peer, restricted, content
FROM share_candidates($1::text, $2::text, $3::text)
-- name: share_order
SELECT share_order($1::text, $2::text, $3::bigint, $4::int, $5::int, $6::text, $7::jsonb, $8::text, $9::text, $10::text, $11::boolean)
-- name: share_mail_how
SELECT goes, why FROM share_mail_how($1::text, $2::text, $3::int)
-- name: share_list
SELECT share_json(s) FROM visible_share s WHERE $3::text IS NULL OR s.case_id = case_find($3::text) ORDER BY s.id DESC LIMIT $1::bigint OFFSET $2::bigint
-- name: share_show
-- Items by parts; part 1 where none is asked for.
SELECT json_join(share_json(s), json_build_object('agreement', 'a' || s.agreement_id, 'agreement_version', s.agreement_version, 'only', s.filter,
    'item_list', (SELECT coalesce(json_agg(json_build_object('kind', t.kind, 'ref', t.ref, 'tlp', tlp_name(t.tlp), 'sha256', encode(t.sha256, 'hex'), 'content',
        t.content::json) ORDER BY t.no), '[]') FROM visible_share_item t WHERE t.share_id = s.id AND t.version = s.version AND t.part = coalesce($2::int, 1))))
FROM visible_share s WHERE s.id = $1::bigint
-- name: incoming_list
SELECT incoming_json(n) FROM visible_incoming n WHERE $3::text IS NULL OR n.state = $3::text ORDER BY n.state <> 'new', n.id DESC LIMIT $1::bigint OFFSET $2::bigint
-- name: incoming_show
SELECT json_join(incoming_json(n), json_build_object('summary', report_summary(r.summary, r.description), 'report', 'r' || n.report_id, 'issuer', n.issuer, 'class',
    r.class, 'description', r.description, 'decided_by', n.decided_by, 'decided', time_text(n.decided), 'reason', n.reason,
    'joins', (SELECT k.name FROM visible_alias a JOIN visible_case_key k ON k.id = a.case_id WHERE a.issuer = n.issuer AND a.alias = n.theirs AND n.state = 'new'),
    'observable_list', (SELECT coalesce(json_agg(json_build_object('type', observable_type_name(x.type), 'value', x.value, 'role', sighting_role_name(x.role),
        'first_seen', time_text(x.first), 'last_seen', time_text(x.last), 'tlp', tlp_name(x.tlp), 'cases', find_case_numbers(x.value, x.addr, x.host, NULL))), '[]')
        FROM (SELECT s.type, s.value, s.role, min(s.received) AS first, max(s.received) AS last, max(s.tlp) AS tlp, min(s.addr) AS addr, min(s.host) AS host
              FROM visible_sighting s WHERE s.report_id = n.report_id AND s.received = n.received GROUP BY s.type, s.value, s.role
              ORDER BY s.type, s.value LIMIT 100) x)))
FROM visible_incoming n LEFT JOIN visible_report r ON r.id = n.report_id AND r.received = n.received WHERE n.id = $1::bigint
-- name: incoming_accept
SELECT incoming_accept($1::bigint, $2::text, $3::int)
-- name: incoming_class
SELECT r.class FROM visible_incoming n JOIN visible_report r ON r.id = n.report_id AND r.received = n.received WHERE n.id = $1::bigint
-- name: incoming_decline
SELECT incoming_decline($1::bigint, $2::text)

-- --- records: list and show are one statement, $1 NULL for all ---

-- name: peer_list
SELECT peer_json(p) FROM visible_peer p WHERE $1::text IS NULL OR p.name = upper($1::text) ORDER BY p.name
-- name: agreement_list
SELECT agreement_json(a) FROM visible_agreement a WHERE $1::text IS NULL OR 'a' || a.id = lower($1::text) OR a.peer = upper($1::text) ORDER BY a.peer, a.id
-- name: constituent_list
SELECT constituent_json(k) FROM visible_constituent k WHERE $1::text IS NULL OR k.name = $1::text ORDER BY k.name
-- name: constituent_page
SELECT constituent_json(k) FROM visible_constituent k WHERE $3::text IS NULL OR position(lower($3) IN lower(concat_ws(' ', k.name, k.title))) > 0
ORDER BY k.name LIMIT $1::bigint OFFSET $2::bigint
-- name: mapping_list
SELECT mapping_json(m) FROM visible_mapping m WHERE $1::text IS NULL OR m.name = lower($1::text) ORDER BY m.name
-- name: suppression_list
SELECT i FROM suppression_list($1::text) i
-- name: class_list
SELECT i FROM class_list($1::text[], $2::smallint[], $3::boolean) i
-- name: rule_list
SELECT rule_json(r) FROM visible_rule r WHERE $1::text IS NULL OR r.name = $1::text ORDER BY r.name
-- name: analyst_list
SELECT analyst_json(i) FROM visible_identity i WHERE $1::text IS NULL OR i.login = lower($1::text) ORDER BY i.login
-- name: feed_list
SELECT CASE WHEN $1::text IS NULL THEN feed_json(f) ELSE feed_json_whole(f) END FROM visible_feed f WHERE $1::text IS NULL OR f.name = lower($1::text) ORDER BY f.name
-- name: peer_write
SELECT peer_write($1::text, $2::jsonb)
-- name: agreement_write
SELECT agreement_write($1::text, $2::jsonb)
-- name: constituent_write
SELECT constituent_write($1::text, $2::jsonb)
-- name: mapping_write
SELECT mapping_write($1::text, $2::jsonb)
-- name: suppression_write
SELECT suppression_write($1::text, $2::jsonb)
-- name: class_write
SELECT class_write($1::text, $2::smallint, $3::jsonb)
-- name: rule_write
SELECT rule_write($1::text, $2::jsonb)
-- name: analyst_write
SELECT analyst_write($1::text, $2::jsonb)
-- name: feed_write
SELECT feed_write($1::text, $2::jsonb)
-- name: peer_remove
SELECT peer_remove($1::text)
-- name: agreement_remove
SELECT agreement_remove($1::text)
-- name: constituent_remove
SELECT constituent_remove($1::text)
-- name: constituent_stage
SELECT constituent_stage($1::bigint, $2::jsonb)
-- name: constituent_import
SELECT constituent_import($1::bigint, $2::boolean, $3::boolean)
-- name: constituent_export
SELECT json_join(constituent_json(k), json_build_object('history', constituent_history(k.id))) FROM visible_constituent k
WHERE $1::text IS NULL OR k.name = $1::text ORDER BY k.name
-- name: owner_find
SELECT json_build_object('type', $1::text, 'value', $2::text, 'at', time_text(constituent_moment($4::text, 0, 0)), 'items', (
    SELECT coalesce(json_agg(json_build_object('constituent', k.name, 'title', k.title, 'sector', k.sector, 'criticality', k.criticality, 'owner', w.is_owner,
        'kind', constituent_kind(w.kind), 'match', w.value, 'from', time_text(w.since), 'until', time_text(w.until), 'dated', w.is_dated) ORDER BY w.no), '[]')
    FROM constituent_who($1::text, $2::text, $3::text, constituent_moment($4::text, 0, 0)) WITH ORDINALITY w(id, kind, value, since, until, is_dated, is_owner, no)
    JOIN visible_constituent k ON k.id = w.id))
-- name: setting_list
SELECT setting_json(s) FROM visible_setting s WHERE $1::text IS NULL OR s.name = lower($1::text) ORDER BY s.name
-- name: setting_write
SELECT setting_write($1::text, $2::jsonb)
-- name: mapping_remove
SELECT mapping_remove($1::text)
-- name: suppression_approve
SELECT suppression_approve($1::text, $2::bigint)
-- name: suppression_refuse
SELECT suppression_refuse($1::text, $2::text)
-- name: suppression_remove
SELECT suppression_remove($1::text)
-- name: class_remove
SELECT class_remove($1::text)
-- name: rule_remove
SELECT rule_remove($1::text)
-- name: analyst_remove
SELECT analyst_remove($1::text)
-- name: feed_remove
SELECT feed_remove($1::text)
-- name: feed_run
SELECT feed_run($1::text)
-- name: feed_pause
SELECT feed_pause($1::text, $2::boolean)
-- name: feed_seen
SELECT feed_seen($1::text)

-- --- contacts and keys ---

-- name: contact_list
SELECT json_join(contact_json(c), (SELECT json_build_object('key', k.fingerprint, 'key_reason', k.reason, 'key_hint', k.hint) FROM contact_key(c.address) k))
FROM visible_contact c WHERE c.address = mail_address($1::text)
-- name: contact_page
SELECT contact_json(c) FROM visible_contact c
WHERE ($3::text IS NULL OR position(lower($3) IN lower(concat_ws(' ', c.address, c.name, c.constituent, c.peer, c.analyst))) > 0)
  AND ($4::boolean IS NULL OR c.is_known = $4) ORDER BY c.is_known DESC, c.analyst IS NOT NULL, c.address LIMIT $1::bigint OFFSET $2::bigint
-- name: contact_write
SELECT contact_write($1::text, $2::jsonb)
-- name: contact_remove
SELECT contact_remove($1::text)
-- name: contact_waiver
SELECT contact_waiver_write($1::text, $2::text, $3::timestamptz, $4::text)
-- name: contact_waiver_end
SELECT contact_waiver_end($1::text)
-- name: peer_waiver
SELECT peer_waiver_write($1::text, $2::text, $3::timestamptz, $4::text)
-- name: peer_waiver_end
SELECT peer_waiver_end($1::text)
-- $3 a state, a peer, a login, an address or the end of a fingerprint; $4 days.
-- name: key_list
SELECT key_json(v) FROM visible_key v
WHERE ($3::text IS NULL OR v.state = lower($3) OR v.peer = upper($3) OR v.analyst = lower($3) OR v.protocol = lower($3) OR v.addresses @> ARRAY[mail_address($3)]
       OR v.claims @> ARRAY[mail_address($3)] OR (length($3) >= 8 AND right(v.fingerprint, length($3)) = upper($3)))
  AND ($4::int IS NULL OR (v.expires > now() - interval '30 days' AND v.expires <= now() + make_interval(days => $4) AND v.state IN ('own', 'pinned', 'expired')
       AND (v.own OR v.pinned IS NOT NULL)))
ORDER BY CASE WHEN $4::int IS NULL THEN key_rank(v.state) END, v.expires NULLS LAST, v.fingerprint LIMIT $1::bigint OFFSET $2::bigint
-- name: key_show
SELECT json_join(key_json(v), json_build_object('text', v.text)) FROM visible_key v WHERE v.fingerprint = key_find($1::text)
-- name: key_own
SELECT v.text FROM visible_key v WHERE v.state = 'own' ORDER BY v.protocol, v.signs DESC, v.fingerprint
-- name: key_add
SELECT key_add($1::jsonb)
-- name: key_pin
SELECT key_pin($1::text, $2::text, $3::text, $4::text, $5::text[])
-- name: key_distrust
SELECT key_distrust($1::text, $2::text)

-- --- rules: what they are tried against is laid out as triage sees it ---

-- name: rule_texts
SELECT r.name, r.text FROM visible_rule r WHERE r.text IS NOT NULL ORDER BY r.name
-- name: rule_faults
SELECT no, place, said, is_wrong FROM rule_faults($1::text, $2::text)
-- name: rule_take
SELECT observations, reports, is_cut FROM rule_trial_take($1::bigint, $2::timestamptz, $3::int, $4::int, $5::int)
-- name: rule_facts
SELECT ord, class, class_claim, tlp, tlp_claim, channel, sender, format, assurance, signed, signer, size, summary, description, observed, reporter,
    count, source_port, target_port, constituent, sector, kind, author, dmarc, spf, dkim, spam, spam_score, encryption, fresh
FROM triage_rule_facts($1::boolean, $2::boolean, $3::boolean)
-- name: rule_sightings
SELECT ord, type, value, host FROM triage_rule_sightings($1::smallint[], $2::boolean)
-- name: rule_approve
SELECT rule_approve($1::text, $2::bigint)
-- name: rule_refuse
SELECT rule_refuse($1::text, $2::text)
-- $3 a rule or a set.
-- name: rule_swallowed
SELECT rule_swallowed_json($3::text, $4::timestamptz, $1::bigint, $2::bigint)
-- name: rule_cases
SELECT ord, report, case_name FROM rule_trial_cases()

-- --- mail that leaves ---

-- name: mail_threads
SELECT json_build_object('case', v.name, 'threads', (SELECT coalesce(json_agg(thread_json(t) ORDER BY t.id NULLS LAST, t.address), '[]')
    FROM visible_correspondent t WHERE t.case_id = v.id)) FROM visible_case_key v WHERE v.id = case_find($1::text)
-- name: mail_list
SELECT mail_json(m) FROM visible_mail m WHERE m.state = $3::text OR ($3::text = 'draft' AND m.state = 'recalled') OR ($3::text IS NULL AND m.state <> 'dropped') ORDER BY m.id DESC LIMIT $1::bigint OFFSET $2::bigint
-- name: mail_show
SELECT mail_json(m) FROM visible_mail m WHERE m.id = $1::bigint
-- name: mail_draft
SELECT id, lang FROM mail_draft($1::text, $2::text, $3::text, $4::jsonb, $5::text, $6::text, $7::text, $8::text, $9::bigint)
-- name: mail_text
SELECT mail_set_text($1::bigint, $2::text, $3::text)
-- name: mail_edit
SELECT mail_edit($1::bigint, $2::int, $3::jsonb, $4::jsonb)
-- name: mail_attach
SELECT mail_attach($1::bigint, $2::text, $3::text, $4::bytea, NULL)
-- name: mail_detach
SELECT mail_detach($1::bigint)
-- name: mail_attach_evidence
SELECT mail_attach_evidence($1::bigint, $2::bigint)
-- name: mail_drop
SELECT mail_drop($1::bigint, NULL)
-- name: mail_forget
SELECT mail_forget($1::bigint)
-- name: mail_outline
SELECT id, state, occasion, sender, subject, body, lang, tlp, in_reply_to, refs, auto_submitted, case_name, case_tlp, team, is_restricted, is_drill, is_closed, attached,
       signs_openpgp, signs_smime FROM mail_outline($1::bigint)
-- name: mail_routes
SELECT no, kind, address, name, openpgp, openpgp_state, smime, smime_state, waiver_up_to, (extract(epoch FROM waiver_from) * 1000000)::bigint,
       (extract(epoch FROM waiver_until) * 1000000)::bigint, waiver_by, waiver_of_peer, is_disabled, is_intake, is_ours, may_read, takes_part, is_known, time_text(bounced)
FROM mail_routes($1::bigint)
-- name: mail_files
SELECT name, media_type, bytes FROM mail_files($1::bigint)
-- name: mail_variables
SELECT name, value FROM mail_variables($1::bigint)
-- name: mail_quoted
SELECT name, address, at_us, text, summary, case_name FROM mail_quoted($1::bigint)
-- name: mail_send
SELECT mail_send($1::bigint, $2::int, $3::boolean, $4::text, $5::int, $6::jsonb, $7::bytea[])
-- name: mail_recall
SELECT mail_recall($1::bigint)
-- name: mail_tell
SELECT address, report_id FROM case_tell($1::text)

-- --- doctor ---

-- name: doctor
SELECT name, ok, text, hint FROM doctor_checks()

-- --- words for classes, known-good lists ---

-- name: alias_list
SELECT class_alias_json(a) FROM visible_class_alias a WHERE $1::text IS NULL OR a.word = class_word($1::text) ORDER BY a.word
-- name: alias_write
SELECT class_alias_write($1::text, $2::jsonb)
-- name: alias_remove
SELECT class_alias_remove($1::text)
-- name: alias_unmapped
SELECT json_build_object('word', u.word, 'sender', u.sender, 'count', u.count, 'first', time_text(u.first), 'last', time_text(u.last))
FROM visible_class_unmapped u ORDER BY u.count DESC, u.word, u.sender LIMIT 500

-- name: warninglist_list
SELECT warninglist_json(w) FROM visible_warninglist w WHERE $1::text IS NULL OR w.name = $1::text ORDER BY w.name
-- name: warninglist_begin
SELECT warninglist_begin($1::text, $2::text, $3::text, $4::text, $5::text, $6::smallint[], $7::text)
-- name: warninglist_add
SELECT warninglist_add($1::text, ARRAY(SELECT jsonb_array_elements_text($2::jsonb)), $3::bigint::int)
-- name: warninglist_end
SELECT warninglist_end($1::text)
-- name: warninglist_remove
SELECT warninglist_remove($1::text)

-- name: rir_places
SELECT place FROM rir_places(ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))
-- name: rir_begin
SELECT rir_begin($1::text, $2::text)
-- name: rir_add
SELECT rir_add($1::text, $2::jsonb)
-- name: rir_end
SELECT rir_end($1::text)
-- name: rir_list
SELECT rir_file_json(f) FROM visible_rir_file f ORDER BY f.registry
-- name: rir_remove
SELECT rir_remove($1::text)
