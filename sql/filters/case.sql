-- The conditions of filters on cases (libcirt/model/filter): one for each field and comparison. v is visible_case. $1 and $2 are the comparison's own
-- parameters: a list for equal, a beginning for prefix, both ends for range (NULL is open), a word for text.
-- What is looked up elsewhere comes as an array, evaluated once: as a join the planner reads all cases. text has two forms (sql/functions/060_find.sql): the first is refused for a common word, the second is asked then.

-- filter: number.equal
v.number = ANY ($1::bigint[])
-- filter: number.range
($1::bigint IS NULL OR v.number >= $1::bigint) AND ($2::bigint IS NULL OR v.number <= $2::bigint)
-- filter: number.none
v.number IS NULL

-- filter: state.equal
v.state = ANY ($1::text[])
-- filter: state.prefix
starts_with(v.state, $1::text)
-- filter: state.none
v.state IS NULL

-- filter: is.equal
('any' = ANY ($1::text[]))
    OR ('open' = ANY ($1::text[]) AND v.state IN ('new', 'open', 'waiting'))
    OR ('overdue' = ANY ($1::text[]) AND v.state IN ('new', 'open', 'waiting') AND v.due < now())
    OR ('mine' = ANY ($1::text[]) AND v.owner_id = viewer())
    OR ('unowned' = ANY ($1::text[]) AND v.owner_id IS NULL)
-- filter: is.prefix
false

-- filter: class.equal
v.class = ANY ($1::text[])
-- filter: class.prefix
starts_with(v.class, lower($1::text))
-- filter: class.none
v.class IS NULL

-- filter: kind.equal
lower(v.kind) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: kind.prefix
starts_with(lower(v.kind), lower($1::text))
-- filter: kind.none
v.kind IS NULL

-- filter: priority.equal
v.priority = ANY ($1::bigint[])
-- filter: priority.range
($1::bigint IS NULL OR v.priority >= $1::bigint) AND ($2::bigint IS NULL OR v.priority <= $2::bigint)
-- filter: priority.none
v.priority IS NULL

-- filter: severity.equal
v.severity = ANY ($1::bigint[])
-- filter: severity.range
($1::bigint IS NULL OR v.severity >= $1::bigint) AND ($2::bigint IS NULL OR v.severity <= $2::bigint)
-- filter: severity.none
v.severity IS NULL

-- filter: tlp.equal
v.tlp = ANY ($1::bigint[])
-- filter: tlp.range
($1::bigint IS NULL OR v.tlp >= $1::bigint) AND ($2::bigint IS NULL OR v.tlp <= $2::bigint)
-- filter: tlp.none
v.tlp IS NULL

-- filter: owner.equal
v.owner_id = ANY (ARRAY(SELECT i.id FROM visible_identity i WHERE lower(i.login) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))))
-- filter: owner.prefix
v.owner_id = ANY (ARRAY(SELECT i.id FROM visible_identity i WHERE starts_with(i.login, lower($1::text))))
-- filter: owner.none
v.owner_id IS NULL

-- filter: queue.equal
lower(v.queue) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: queue.prefix
starts_with(lower(v.queue), lower($1::text))
-- filter: queue.none
v.queue IS NULL

-- filter: tag.equal
v.id = ANY (ARRAY(SELECT t.case_id FROM visible_tag t WHERE lower(t.tag) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))))
-- filter: tag.prefix
v.id = ANY (ARRAY(SELECT t.case_id FROM visible_tag t WHERE starts_with(lower(t.tag), lower($1::text))))
-- filter: tag.none
NOT EXISTS (SELECT FROM visible_tag t WHERE t.case_id = v.id)

-- filter: due.range
($1::timestamptz IS NULL OR v.due >= $1::timestamptz) AND ($2::timestamptz IS NULL OR v.due <= $2::timestamptz)
-- filter: due.none
v.due IS NULL

-- filter: opened.range
($1::timestamptz IS NULL OR v.opened >= $1::timestamptz) AND ($2::timestamptz IS NULL OR v.opened <= $2::timestamptz)
-- filter: opened.none
v.opened IS NULL

-- filter: updated.range
($1::timestamptz IS NULL OR v.updated >= $1::timestamptz) AND ($2::timestamptz IS NULL OR v.updated <= $2::timestamptz)
-- filter: updated.none
v.updated IS NULL

-- filter: closed.range
($1::timestamptz IS NULL OR v.closed >= $1::timestamptz) AND ($2::timestamptz IS NULL OR v.closed <= $2::timestamptz)
-- filter: closed.none
v.closed IS NULL

-- filter: summary.text
v.summary ILIKE '%' || regexp_replace($1::text, '([\\%_])', '\\\1', 'g') || '%'

-- filter: peer.equal
EXISTS (SELECT FROM (SELECT s.peer FROM visible_share s WHERE s.case_id = v.id UNION ALL SELECT n.peer FROM visible_incoming n WHERE n.case_id = v.id) p
    WHERE lower(p.peer) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x)))
-- filter: peer.prefix
EXISTS (SELECT FROM (SELECT s.peer FROM visible_share s WHERE s.case_id = v.id UNION ALL SELECT n.peer FROM visible_incoming n WHERE n.case_id = v.id) p
    WHERE starts_with(lower(p.peer), lower($1::text)))
-- filter: peer.none
NOT EXISTS (SELECT FROM (SELECT s.peer FROM visible_share s WHERE s.case_id = v.id UNION ALL SELECT n.peer FROM visible_incoming n WHERE n.case_id = v.id) p
    WHERE p.peer IS NOT NULL)

-- filter: compartment.equal
v.compartment_id IN (SELECT k.id FROM visible_compartment k WHERE lower(k.name) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x)))
-- filter: compartment.prefix
v.compartment_id IN (SELECT k.id FROM visible_compartment k WHERE starts_with(lower(k.name), lower($1::text)))
-- filter: compartment.none
v.compartment_id = 0

-- filter: drill.equal
lower(v.drill) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: drill.prefix
starts_with(lower(v.drill), lower($1::text))
-- filter: drill.none
v.drill IS NULL

-- filter: ip.equal
v.id = ANY (ARRAY(SELECT DISTINCT m.case_id FROM find_seen('ip', $1::text[]) s JOIN visible_member m ON s.report_id = m.report_id AND m.observations @> s.observation_no))
-- filter: ip.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type IN (1, 2, 3))

-- filter: domain.equal
v.id = ANY (ARRAY(SELECT DISTINCT m.case_id FROM find_seen('domain', $1::text[]) s JOIN visible_member m ON s.report_id = m.report_id AND m.observations @> s.observation_no))
-- filter: domain.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.host IS NOT NULL)

-- filter: url.equal
v.id = ANY (ARRAY(SELECT DISTINCT m.case_id FROM find_seen('url', $1::text[]) s JOIN visible_member m ON s.report_id = m.report_id AND m.observations @> s.observation_no))
-- filter: url.prefix
EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type = 6
        AND starts_with(lower(s.value), lower($1::text)))
-- filter: url.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type = 6)

-- filter: email.equal
v.id = ANY (ARRAY(SELECT DISTINCT m.case_id FROM find_seen('email', $1::text[]) s JOIN visible_member m ON s.report_id = m.report_id AND m.observations @> s.observation_no))
-- filter: email.prefix
EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type = 7
        AND starts_with(lower(s.value), lower($1::text)))
-- filter: email.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type = 7)

-- filter: hash.equal
v.id = ANY (ARRAY(SELECT DISTINCT m.case_id FROM find_seen('hash', $1::text[]) s JOIN visible_member m ON s.report_id = m.report_id AND m.observations @> s.observation_no))
-- filter: hash.prefix
EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type BETWEEN 8 AND 11
        AND starts_with(lower(s.value), lower($1::text)))
-- filter: hash.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type BETWEEN 8 AND 11)

-- filter: asn.equal
v.id = ANY (ARRAY(SELECT DISTINCT m.case_id FROM find_seen('asn', $1::text[]) s JOIN visible_member m ON s.report_id = m.report_id AND m.observations @> s.observation_no))
-- filter: asn.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type = 4)

-- filter: cve.equal
v.id = ANY (ARRAY(SELECT DISTINCT m.case_id FROM find_seen('cve', $1::text[]) s JOIN visible_member m ON s.report_id = m.report_id AND m.observations @> s.observation_no))
-- filter: cve.prefix
EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type = 12
        AND starts_with(lower(s.value), lower($1::text)))
-- filter: cve.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type = 12)

-- filter: country.equal
v.id = ANY (ARRAY(SELECT DISTINCT m.case_id FROM find_seen('country', $1::text[]) s JOIN visible_member m ON s.report_id = m.report_id AND m.observations @> s.observation_no))
-- filter: country.prefix
EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type = 16
        AND starts_with(lower(s.value), lower($1::text)))
-- filter: country.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_sighting s ON s.report_id = m.report_id AND m.observations @> s.observation_no WHERE m.case_id = v.id AND s.type = 16)

-- filter: port.equal
EXISTS (SELECT FROM visible_member m JOIN visible_observation o ON o.report_id = m.report_id AND m.observations @> o.no
    WHERE m.case_id = v.id AND (o.source_port = ANY ($1::bigint[]) OR o.target_port = ANY ($1::bigint[])))
-- filter: port.range
EXISTS (SELECT FROM visible_member m JOIN visible_observation o ON o.report_id = m.report_id AND m.observations @> o.no
    WHERE m.case_id = v.id AND (o.source_port BETWEEN coalesce($1::bigint, 0) AND coalesce($2::bigint, 65535)
        OR o.target_port BETWEEN coalesce($1::bigint, 0) AND coalesce($2::bigint, 65535)))
-- filter: port.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_observation o ON o.report_id = m.report_id AND m.observations @> o.no
    WHERE m.case_id = v.id AND coalesce(o.source_port, o.target_port) IS NOT NULL)

-- filter: sector.equal
lower(v.sector) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: sector.prefix
starts_with(lower(v.sector), lower($1::text))
-- filter: sector.none
v.sector IS NULL

-- filter: constituent.equal
(lower(v.constituent) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
    OR v.id IN (SELECT o.case_id FROM visible_case_owner o WHERE lower(o.constituent) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))))
-- filter: constituent.prefix
starts_with(lower(v.constituent), lower($1::text))
-- filter: constituent.none
v.constituent IS NULL

-- filter: count.equal
v.observations = ANY ($1::bigint[])
-- filter: count.range
($1::bigint IS NULL OR v.observations >= $1::bigint) AND ($2::bigint IS NULL OR v.observations <= $2::bigint)
-- filter: count.none
v.observations IS NULL

-- filter: text.text
v.id = ANY (ARRAY(SELECT find_word($1::text)))
-- filter: text.common
find_word_in(v.id, $1::text)
