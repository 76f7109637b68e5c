-- Statements of every role.

-- name: schema_version
SELECT version FROM cirt.schema_version

-- name: rights
-- What this login may do beyond connecting: as "PRIVILEGE object", and its dangerous attributes. What everybody may do counts as its own.
WITH me AS (SELECT * FROM pg_catalog.pg_roles WHERE rolname = current_user),
held AS (
    SELECT a.*, c.relname AS object FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relname <> 'schema_version'
    UNION ALL
    SELECT a.*, c.relname || '.' || t.attname FROM pg_catalog.pg_attribute t JOIN pg_catalog.pg_class c ON c.oid = t.attrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL pg_catalog.aclexplode(t.attacl) a
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
    UNION ALL
    SELECT a.*, p.proname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT a.*, 'database' FROM pg_catalog.pg_database d
        CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
        WHERE d.datname = pg_catalog.current_database() AND (a.privilege_type <> 'CONNECT' OR a.is_grantable))
SELECT h.privilege_type || ' ' || h.object || CASE WHEN h.is_grantable THEN ' with grant option' ELSE '' END
    FROM held h WHERE h.grantee IN (SELECT oid FROM me UNION ALL SELECT 0)
UNION
SELECT 'MEMBER ' || r.rolname FROM pg_catalog.pg_auth_members m JOIN me ON m.member = me.oid JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
UNION
SELECT 'ATTRIBUTE ' || x.name FROM me CROSS JOIN LATERAL (VALUES ('superuser', rolsuper), ('createrole', rolcreaterole), ('createdb', rolcreatedb),
    ('replication', rolreplication), ('bypassrls', rolbypassrls)) x(name, holds) WHERE x.holds
UNION
SELECT 'CREATE schema ' || n.nspname FROM pg_catalog.pg_namespace n
    WHERE n.nspname NOT LIKE 'pg\_%' AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')
