-- Between functions and grants: rights are taken away and granted anew, so that a grant that left sql/grants leaves the database too.
DO $$
DECLARE r record;
BEGIN
    FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'cirt\_%' AND rolname NOT IN ('cirt_owner', 'cirt_migrator', 'cirt_reader') LOOP
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA cirt FROM %I', r.rolname);
        EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA cirt FROM %I', r.rolname);
        EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA cirt FROM %I', r.rolname);
    END LOOP;
    FOR r IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'cirt'::regnamespace
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', r.name);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
