-- The conditions of filters on reports (libcirt/model/filter): one for each field and comparison. v is visible_report. $1 and $2 are the comparison's own
-- parameters: a list for equal, a beginning for prefix, both ends for range (NULL is open), a word for text.

-- filter: state.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: state.common
v.state = ANY ($1::text[])
-- filter: state.prefix
starts_with(v.state, $1::text)
-- filter: state.none
v.state IS NULL

-- filter: is.equal
true
-- filter: is.prefix
false

-- (coalesce in what is common: what cannot be NULL the planner joins the other way round, and takes the two columns of that join for independent of each other.
-- strpos: of ILIKE it thinks that hardly anything has it.)
-- filter: class.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: class.common
coalesce(v.class, '') = ANY ($1::text[])
-- filter: class.prefix
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: class.common_prefix
starts_with(coalesce(v.class, ''), lower($1::text))
-- filter: class.none
v.class IS NULL

-- filter: tlp.equal
v.tlp = ANY ($1::bigint[])
-- filter: tlp.range
($1::bigint IS NULL OR v.tlp >= $1::bigint) AND ($2::bigint IS NULL OR v.tlp <= $2::bigint)
-- filter: tlp.none
v.tlp IS NULL

-- filter: summary.text
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: summary.common
strpos(lower(coalesce(report_summary(v.summary, v.description), '')), lower($1::text)) > 0

-- filter: drill.equal
v.drill_id IN (SELECT k.id FROM visible_drill k WHERE lower(k.name) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x)))
-- filter: drill.prefix
v.drill_id IN (SELECT k.id FROM visible_drill k WHERE starts_with(lower(k.name), lower($1::text)))
-- filter: drill.none
v.drill_id = 0

-- filter: channel.equal
lower(v.channel) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: channel.prefix
starts_with(lower(v.channel), lower($1::text))
-- filter: channel.none
v.channel IS NULL

-- filter: sender.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: sender.common
lower(v.sender) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: sender.prefix
starts_with(lower(v.sender), lower($1::text))
-- filter: sender.none
v.sender IS NULL

-- filter: format.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: format.common
lower(coalesce(v.format, '')) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))
-- filter: format.prefix
starts_with(lower(v.format), lower($1::text))
-- filter: format.none
v.format IS NULL

-- filter: signed.equal
EXISTS (SELECT FROM visible_verdict d WHERE d.report_id = v.id
        AND (d.summary = ANY ($1::text[]) OR ('fresh' = ANY ($1::text[]) AND d.is_fresh AND d.summary = 'verified')))
-- filter: signed.prefix
EXISTS (SELECT FROM visible_verdict d WHERE d.report_id = v.id AND starts_with(lower(d.summary), lower($1::text)))
-- filter: signed.none
NOT EXISTS (SELECT FROM visible_verdict d WHERE d.report_id = v.id AND d.summary IS NOT NULL)

-- filter: signer.equal
EXISTS (SELECT FROM visible_verdict d WHERE d.report_id = v.id AND d.summary = 'verified' AND lower(d.signer) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x)))
-- filter: signer.prefix
EXISTS (SELECT FROM visible_verdict d WHERE d.report_id = v.id AND d.summary = 'verified' AND starts_with(lower(d.signer), lower($1::text)))
-- filter: signer.none
NOT EXISTS (SELECT FROM visible_verdict d WHERE d.report_id = v.id AND d.summary = 'verified')

-- filter: kind.equal
EXISTS (SELECT FROM visible_report_mail m WHERE m.report_id = v.id AND m.kind = ANY ($1::text[]))
-- filter: kind.prefix
EXISTS (SELECT FROM visible_report_mail m WHERE m.report_id = v.id AND starts_with(m.kind, lower($1::text)))
-- filter: kind.none
NOT EXISTS (SELECT FROM visible_report_mail m WHERE m.report_id = v.id AND m.kind IS NOT NULL)

-- filter: author.equal
v.id = ANY (ARRAY(SELECT m.report_id FROM visible_report_mail m WHERE m.author = ANY ($1::text[])))
-- filter: author.prefix
EXISTS (SELECT FROM visible_report_mail m WHERE m.report_id = v.id AND starts_with(m.author, $1::text))
-- filter: author.none
NOT EXISTS (SELECT FROM visible_report_mail m WHERE m.report_id = v.id AND m.author IS NOT NULL)

-- filter: auth.equal
EXISTS (SELECT FROM visible_report_mail m WHERE m.report_id = v.id AND ARRAY['dmarc-' || m.dmarc, 'spf-' || m.spf, 'dkim-' || m.dkim] && $1::text[])
-- filter: auth.prefix
EXISTS (SELECT FROM visible_report_mail m WHERE m.report_id = v.id AND (starts_with('dmarc-' || m.dmarc, $1::text) OR starts_with('spf-' || m.spf, $1::text) OR starts_with('dkim-' || m.dkim, $1::text)))
-- filter: auth.none
NOT EXISTS (SELECT FROM visible_report_mail m WHERE m.report_id = v.id AND coalesce(m.dmarc, m.spf, m.dkim) IS NOT NULL)

-- filter: spam.equal
EXISTS (SELECT FROM visible_report_mail m WHERE m.report_id = v.id AND CASE WHEN m.spam THEN 'yes' WHEN NOT m.spam THEN 'no' END = ANY ($1::text[]))
-- filter: spam.range
EXISTS (SELECT FROM visible_report_mail m WHERE m.report_id = v.id AND m.spam_score IS NOT NULL AND m.spam_score::numeric * 1000 BETWEEN coalesce($1::bigint, -9223372036854775808) AND coalesce($2::bigint, 9223372036854775807))
-- filter: spam.none
NOT EXISTS (SELECT FROM visible_report_mail m WHERE m.report_id = v.id AND (m.spam IS NOT NULL OR m.spam_score IS NOT NULL))

-- filter: encryption.equal
EXISTS (SELECT FROM visible_verdict d WHERE d.report_id = v.id AND d.encryption = ANY ($1::text[]))
-- filter: encryption.prefix
EXISTS (SELECT FROM visible_verdict d WHERE d.report_id = v.id AND d.encryption <> 'none' AND starts_with(d.encryption, lower($1::text)))
-- filter: encryption.none
NOT EXISTS (SELECT FROM visible_verdict d WHERE d.report_id = v.id AND d.encryption <> 'none')

-- filter: assurance.equal
v.assurance = ANY ($1::text[])
-- filter: assurance.prefix
starts_with(v.assurance, lower($1::text))
-- filter: assurance.none
v.assurance IS NULL

-- filter: received.range
($1::timestamptz IS NULL OR v.received >= $1::timestamptz) AND ($2::timestamptz IS NULL OR v.received <= $2::timestamptz)
-- filter: received.none
v.received IS NULL

-- filter: size.equal
v.size = ANY ($1::bigint[])
-- filter: size.range
($1::bigint IS NULL OR v.size >= $1::bigint) AND ($2::bigint IS NULL OR v.size <= $2::bigint)
-- filter: size.none
v.size IS NULL

-- filter: case.equal
v.id = ANY (ARRAY(SELECT m.report_id FROM visible_case_key k JOIN visible_member m ON m.case_id = k.id WHERE k.number = ANY ($1::bigint[])))
-- filter: case.range
EXISTS (SELECT FROM visible_member m JOIN visible_case_key k ON k.id = m.case_id WHERE m.report_id = v.id AND k.number BETWEEN coalesce($1::bigint, 0) AND coalesce($2::bigint, 9223372036854775807))
-- filter: case.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_case k ON k.id = m.case_id WHERE m.report_id = v.id AND true)

-- filter: ip.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: ip.common
find_seen_in(NULL, v.id, v.received, 'ip', 'equal', $1::text[])
-- filter: ip.none
NOT find_seen_in(NULL, v.id, v.received, 'ip', 'any', NULL)

-- filter: domain.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: domain.common
find_seen_in(NULL, v.id, v.received, 'domain', 'equal', $1::text[])
-- filter: domain.none
NOT find_seen_in(NULL, v.id, v.received, 'domain', 'any', NULL)

-- filter: url.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: url.common
find_seen_in(NULL, v.id, v.received, 'url', 'equal', $1::text[])
-- filter: url.prefix
find_seen_in(NULL, v.id, v.received, 'url', 'prefix', ARRAY[$1::text])
-- filter: url.none
NOT find_seen_in(NULL, v.id, v.received, 'url', 'any', NULL)

-- filter: email.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: email.common
find_seen_in(NULL, v.id, v.received, 'email', 'equal', $1::text[])
-- filter: email.prefix
find_seen_in(NULL, v.id, v.received, 'email', 'prefix', ARRAY[$1::text])
-- filter: email.none
NOT find_seen_in(NULL, v.id, v.received, 'email', 'any', NULL)

-- filter: hash.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: hash.common
find_seen_in(NULL, v.id, v.received, 'hash', 'equal', $1::text[])
-- filter: hash.prefix
find_seen_in(NULL, v.id, v.received, 'hash', 'prefix', ARRAY[$1::text])
-- filter: hash.none
NOT find_seen_in(NULL, v.id, v.received, 'hash', 'any', NULL)

-- filter: asn.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: asn.common
find_seen_in(NULL, v.id, v.received, 'asn', 'equal', $1::text[])
-- filter: asn.none
NOT find_seen_in(NULL, v.id, v.received, 'asn', 'any', NULL)

-- filter: cve.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: cve.common
find_seen_in(NULL, v.id, v.received, 'cve', 'equal', $1::text[])
-- filter: cve.prefix
find_seen_in(NULL, v.id, v.received, 'cve', 'prefix', ARRAY[$1::text])
-- filter: cve.none
NOT find_seen_in(NULL, v.id, v.received, 'cve', 'any', NULL)

-- filter: country.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: country.common
find_seen_in(NULL, v.id, v.received, 'country', 'equal', $1::text[])
-- filter: country.prefix
find_seen_in(NULL, v.id, v.received, 'country', 'prefix', ARRAY[$1::text])
-- filter: country.none
NOT find_seen_in(NULL, v.id, v.received, 'country', 'any', NULL)

-- filter: port.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: port.common
find_port_in(NULL, v.id, v.received, $1::bigint[], NULL, NULL)
-- What was found stands in $1; $2 only keeps its place.
-- filter: port.range
v.id = ANY (ARRAY(SELECT unnest($1::bigint[]))) AND $2::bigint IS DISTINCT FROM -1
-- filter: port.common_range
find_port_in(NULL, v.id, v.received, NULL, $1::bigint, $2::bigint)
-- filter: port.none
NOT find_port_in(NULL, v.id, v.received, NULL, NULL, NULL)

-- (OFFSET 0: asked of each report along the list; turned round, it reads all cases first.)
-- filter: sector.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: sector.common
EXISTS (SELECT FROM visible_member m JOIN visible_case_key k ON k.id = m.case_id WHERE m.report_id = v.id AND k.constituent_id = ANY (ARRAY(SELECT c.id FROM visible_constituent c WHERE lower(c.sector) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x)))) OFFSET 0)
-- filter: sector.prefix
EXISTS (SELECT FROM visible_member m JOIN visible_case_key k ON k.id = m.case_id WHERE m.report_id = v.id AND k.constituent_id = ANY (ARRAY(SELECT c.id FROM visible_constituent c WHERE starts_with(lower(c.sector), lower($1::text)))) OFFSET 0)
-- filter: sector.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_case_key k ON k.id = m.case_id WHERE m.report_id = v.id AND k.constituent_id IN (SELECT c.id FROM visible_constituent c WHERE c.sector IS NOT NULL) OFFSET 0)

-- filter: constituent.equal
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: constituent.common
EXISTS (SELECT FROM visible_member m JOIN visible_case_key k ON k.id = m.case_id WHERE m.report_id = v.id AND (k.constituent_id = ANY (ARRAY(SELECT c.id FROM visible_constituent c WHERE lower(c.name) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x))))
    OR EXISTS (SELECT FROM visible_case_owner o WHERE o.case_id = k.id AND o.constituent_id = ANY (ARRAY(SELECT c.id FROM visible_constituent c WHERE lower(c.name) = ANY (ARRAY(SELECT lower(x) FROM unnest($1::text[]) x)))))) OFFSET 0)
-- filter: constituent.prefix
EXISTS (SELECT FROM visible_member m JOIN visible_case_key k ON k.id = m.case_id WHERE m.report_id = v.id AND k.constituent_id = ANY (ARRAY(SELECT c.id FROM visible_constituent c WHERE starts_with(lower(c.name), lower($1::text)))) OFFSET 0)
-- filter: constituent.none
NOT EXISTS (SELECT FROM visible_member m JOIN visible_case_key k ON k.id = m.case_id WHERE m.report_id = v.id AND k.constituent_id IS NOT NULL OFFSET 0)

-- filter: count.equal
v.observations = ANY ($1::bigint[])
-- filter: count.range
($1::bigint IS NULL OR v.observations >= $1::bigint) AND ($2::bigint IS NULL OR v.observations <= $2::bigint)
-- filter: count.none
v.observations IS NULL

-- filter: text.text
v.id = ANY (ARRAY(SELECT unnest($1::bigint[])))
-- filter: text.common
(strpos(lower(coalesce(v.summary, '')), lower($1::text)) > 0 OR strpos(lower(coalesce(v.description, '')), lower($1::text)) > 0)

-- What was looked up, where another such list leads: no condition for the index.
-- filter: found.also
v.id + 0 = ANY ($1::bigint[])
-- filter: found.also_range
v.id + 0 = ANY ($1::bigint[]) AND $2::bigint IS DISTINCT FROM -1
