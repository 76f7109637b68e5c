-- The conditions of filters on cases (libcirt/model/filter): one for each field and comparison. v is visible_case. $1 and $2 are the comparison's own
-- parameters: a list for equal, a beginning for prefix, both ends for range (NULL is open), a word for text.
-- What is looked up elsewhere comes as an array, evaluated once: as a join the planner reads all cases. A field that has `common` is looked up before the list
-- (sql/functions/060_find.sql): equal, text then get the ids found as $1, and common takes their place where they are too many.

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
v.owner_id = ANY ($1::bigint[])
-- filter: owner.common
false
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
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: tag.common
EXISTS (SELECT FROM visible_tag t WHERE t.case_id = v.id AND lower(t.tag) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x)) OFFSET 0)
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
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: summary.common
v.summary ILIKE '%' || regexp_replace($1::text, '([\\%_])', '\\\1', 'g') || '%'

-- filter: peer.equal
v.id = ANY (ARRAY(SELECT p.case_id FROM (SELECT s.case_id, s.peer FROM visible_share s UNION ALL SELECT n.case_id, n.peer FROM visible_incoming n) p
    WHERE lower(p.peer) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))))
-- filter: peer.prefix
v.id = ANY (ARRAY(SELECT p.case_id FROM (SELECT s.case_id, s.peer FROM visible_share s UNION ALL SELECT n.case_id, n.peer FROM visible_incoming n) p
    WHERE starts_with(lower(p.peer), lower($1::text))))
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
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: ip.common
find_seen_in(v.id, NULL, NULL, 'ip', 'equal', $1::text[])
-- filter: ip.none
NOT find_seen_in(v.id, NULL, NULL, 'ip', 'any', NULL)

-- filter: domain.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: domain.common
find_seen_in(v.id, NULL, NULL, 'domain', 'equal', $1::text[])
-- filter: domain.none
NOT find_seen_in(v.id, NULL, NULL, 'domain', 'any', NULL)

-- filter: url.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: url.common
find_seen_in(v.id, NULL, NULL, 'url', 'equal', $1::text[])
-- filter: url.prefix
find_seen_in(v.id, NULL, NULL, 'url', 'prefix', ARRAY[$1::text])
-- filter: url.none
NOT find_seen_in(v.id, NULL, NULL, 'url', 'any', NULL)

-- filter: email.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: email.common
find_seen_in(v.id, NULL, NULL, 'email', 'equal', $1::text[])
-- filter: email.prefix
find_seen_in(v.id, NULL, NULL, 'email', 'prefix', ARRAY[$1::text])
-- filter: email.none
NOT find_seen_in(v.id, NULL, NULL, 'email', 'any', NULL)

-- filter: hash.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: hash.common
find_seen_in(v.id, NULL, NULL, 'hash', 'equal', $1::text[])
-- filter: hash.prefix
find_seen_in(v.id, NULL, NULL, 'hash', 'prefix', ARRAY[$1::text])
-- filter: hash.none
NOT find_seen_in(v.id, NULL, NULL, 'hash', 'any', NULL)

-- filter: asn.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: asn.common
find_seen_in(v.id, NULL, NULL, 'asn', 'equal', $1::text[])
-- filter: asn.none
NOT find_seen_in(v.id, NULL, NULL, 'asn', 'any', NULL)

-- filter: cve.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: cve.common
find_seen_in(v.id, NULL, NULL, 'cve', 'equal', $1::text[])
-- filter: cve.prefix
find_seen_in(v.id, NULL, NULL, 'cve', 'prefix', ARRAY[$1::text])
-- filter: cve.none
NOT find_seen_in(v.id, NULL, NULL, 'cve', 'any', NULL)

-- filter: country.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: country.common
find_seen_in(v.id, NULL, NULL, 'country', 'equal', $1::text[])
-- filter: country.prefix
find_seen_in(v.id, NULL, NULL, 'country', 'prefix', ARRAY[$1::text])
-- filter: country.none
NOT find_seen_in(v.id, NULL, NULL, 'country', 'any', NULL)

-- filter: port.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: port.common
find_port_in(v.id, NULL, NULL, $1::bigint[], NULL, NULL)
-- What was found stands in $1; $2 only keeps its place.
-- filter: port.range
v.id = ANY (ARRAY(SELECT unnest($1::bigint[]))) AND $2::bigint IS DISTINCT FROM -1
-- filter: port.common_range
find_port_in(v.id, NULL, NULL, NULL, $1::bigint, $2::bigint)
-- filter: port.none
NOT find_port_in(v.id, NULL, NULL, NULL, NULL, NULL)

-- filter: sector.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: sector.common
lower(v.sector) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: sector.prefix
starts_with(lower(v.sector), lower($1::text))
-- filter: sector.none
v.sector IS NULL

-- filter: constituent.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: constituent.common
(lower(v.constituent) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
    OR v.id IN (SELECT o.case_id FROM visible_case_owner o WHERE lower(o.constituent) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))))
-- filter: constituent.prefix
starts_with(lower(v.constituent), lower($1::text))
-- filter: constituent.none
v.constituent IS NULL

-- filter: count.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: count.common
v.observations = ANY ($1::bigint[])
-- filter: count.range
v.id = ANY (ARRAY(SELECT unnest($1::bigint[]))) AND $2::bigint IS DISTINCT FROM -1
-- filter: count.common_range
($1::bigint IS NULL OR v.observations >= $1::bigint) AND ($2::bigint IS NULL OR v.observations <= $2::bigint)
-- filter: count.none
v.observations IS NULL

-- filter: text.text
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: text.common
EXISTS (SELECT FROM visible_case_text t WHERE t.case_id = v.id AND (t.words @@ phraseto_tsquery('simple', $1::text)
    OR ($1::text ~ '[^\x01-\x7f]' AND left(t.body, 2000) ILIKE '%' || regexp_replace($1::text, '([\\%_])', '\\\1', 'g') || '%')) OFFSET 0)

-- What was looked up, where another such list leads: no condition for the index.
-- filter: found.also
v.id + 0 = ANY ($1::bigint[])
-- filter: found.also_range
v.id + 0 = ANY ($1::bigint[]) AND $2::bigint IS DISTINCT FROM -1
