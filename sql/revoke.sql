-- Between functions and grants: rights are taken away and granted anew, so that a grant that left sql/grants leaves the database too.
-- Functions of extensions stay as they are: they are not ours, and everybody may call them.
DO $$
DECLARE
    v_roles text;
    r record;
BEGIN
    SELECT string_agg(quote_ident(rolname), ', ') INTO v_roles FROM pg_roles
    WHERE rolname LIKE 'cirt\_%' AND rolname NOT IN ('cirt_owner', 'cirt_migrator', 'cirt_reader');
    EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA cirt FROM ' || v_roles;
    EXECUTE 'REVOKE ALL ON ALL SEQUENCES IN SCHEMA cirt FROM ' || v_roles;
    FOR r IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'cirt'::regnamespace
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, %s', r.name, v_roles);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
