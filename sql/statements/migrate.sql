-- name: applied
SELECT name, sha256 FROM cirt.schema_migration ORDER BY name

-- name: record
INSERT INTO cirt.schema_migration (name, sha256) VALUES ($1::text, encode(sha256(convert_to($2::text, 'UTF8')), 'hex'))

-- name: digest
SELECT encode(sha256(convert_to($1::text, 'UTF8')), 'hex')

-- name: version
INSERT INTO cirt.schema_version (one, version) VALUES (true, $1::text) ON CONFLICT (one) DO UPDATE SET version = EXCLUDED.version, at = now()

-- name: site
INSERT INTO cirt.site (one, name, prefix, domain, zone) VALUES (true, $1::text, $2::text, $3::text, $4::text)
ON CONFLICT (one) DO UPDATE SET name = EXCLUDED.name, prefix = EXCLUDED.prefix, domain = EXCLUDED.domain, zone = EXCLUDED.zone

-- name: first_admin
SELECT cirt.first_admin($1::text, decode($2::text, 'hex'))
