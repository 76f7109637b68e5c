-- Statements of every role.

-- name: schema_version
SELECT version FROM cirt.schema_version

-- name: rights
-- What this login may do beyond connecting: as "PRIVILEGE object", and its dangerous attributes.
WITH me AS (SELECT * FROM pg_catalog.pg_roles WHERE rolname = current_user),
who AS (SELECT oid FROM me UNION ALL SELECT 0)
SELECT a.privilege_type || ' ' || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND a.grantee IN (SELECT oid FROM who) AND c.relname <> 'schema_version'
UNION
SELECT a.privilege_type || ' ' || p.proname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND a.grantee IN (SELECT oid FROM who)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION
SELECT 'MEMBER ' || r.rolname FROM pg_catalog.pg_auth_members m JOIN me ON m.member = me.oid JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
UNION
SELECT 'ATTRIBUTE ' || x.name FROM me CROSS JOIN LATERAL (VALUES ('superuser', rolsuper), ('createrole', rolcreaterole), ('createdb', rolcreatedb),
    ('replication', rolreplication), ('bypassrls', rolbypassrls)) x(name, holds) WHERE x.holds
UNION
SELECT 'CREATE schema ' || n.nspname FROM pg_catalog.pg_namespace n
    WHERE n.nspname NOT LIKE 'pg\_%' AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')
