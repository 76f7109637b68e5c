-- The conditions of filters on indicators (libcirt/model/filter): one for each field and comparison. v is the list of desk.sql, one row an observable and role. $1 and $2 are the comparison's own
-- parameters: a list for equal, a beginning for prefix, both ends for range (NULL is open), a word for text.

-- The class of the newest observation.
-- filter: class.equal
EXISTS (SELECT FROM visible_observation o WHERE o.report_id = v.newest[1] AND o.no = v.newest[2] AND o.class = ANY ($1::text[]))
-- filter: class.prefix
EXISTS (SELECT FROM visible_observation o WHERE o.report_id = v.newest[1] AND o.no = v.newest[2] AND starts_with(o.class, lower($1::text)))
-- filter: class.none
NOT EXISTS (SELECT FROM visible_observation o WHERE o.report_id = v.newest[1] AND o.no = v.newest[2] AND o.class IS NOT NULL)

-- filter: tlp.equal
v.tlp = ANY ($1::bigint[])
-- filter: tlp.range
($1::bigint IS NULL OR v.tlp >= $1::bigint) AND ($2::bigint IS NULL OR v.tlp <= $2::bigint)
-- filter: tlp.none
v.tlp IS NULL

-- filter: ip.equal
v.addr IS NOT NULL AND EXISTS (SELECT FROM unnest($1::text[]) x WHERE v.addr && x::inet)
-- filter: ip.none
v.addr IS NULL

-- filter: domain.equal
v.host IS NOT NULL AND EXISTS (SELECT FROM unnest($1::text[]) x WHERE v.host = x OR right(v.host, length(x) + 1) = '.' || x)
-- filter: domain.none
v.host IS NULL

-- filter: url.equal
v.type = 6 AND lower(v.value) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: url.prefix
v.type = 6 AND starts_with(lower(v.value), lower($1::text))
-- filter: url.none
NOT (v.type = 6)

-- filter: email.equal
v.type = 7 AND lower(v.value) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: email.prefix
v.type = 7 AND starts_with(lower(v.value), lower($1::text))
-- filter: email.none
NOT (v.type = 7)

-- filter: hash.equal
v.type BETWEEN 8 AND 11 AND lower(v.value) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: hash.prefix
v.type BETWEEN 8 AND 11 AND starts_with(lower(v.value), lower($1::text))
-- filter: hash.none
NOT (v.type BETWEEN 8 AND 11)

-- filter: asn.equal
v.type = 4 AND lower(v.value) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: asn.prefix
v.type = 4 AND starts_with(lower(v.value), lower($1::text))
-- filter: asn.none
NOT (v.type = 4)

-- filter: cve.equal
v.type = 12 AND lower(v.value) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: cve.prefix
v.type = 12 AND starts_with(lower(v.value), lower($1::text))
-- filter: cve.none
NOT (v.type = 12)

-- filter: type.equal
observable_type_name(v.type) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: type.prefix
starts_with(lower(observable_type_name(v.type)), lower($1::text))
-- filter: type.none
observable_type_name(v.type) IS NULL

-- filter: confidence.equal
v.confidence = ANY ($1::bigint[])
-- filter: confidence.range
($1::bigint IS NULL OR v.confidence >= $1::bigint) AND ($2::bigint IS NULL OR v.confidence <= $2::bigint)
-- filter: confidence.none
v.confidence IS NULL

-- filter: expires.range
($1::timestamptz IS NULL OR v.expires >= $1::timestamptz) AND ($2::timestamptz IS NULL OR v.expires <= $2::timestamptz)
-- filter: expires.none
v.expires IS NULL

-- filter: text.text
v.value ILIKE '%' || regexp_replace($1::text, '([\\%_])', '\\\1', 'g') || '%'
