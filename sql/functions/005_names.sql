-- Names of the numbers that the schema keeps; the same as in libcirt/model (a db test compares).
CREATE OR REPLACE FUNCTION tlp_name(p_tlp int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (ARRAY['clear', 'green', 'amber', 'amber+strict', 'red'])[p_tlp + 1] $$;
CREATE OR REPLACE FUNCTION tlp_number(p_name text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (array_position(ARRAY['clear', 'green', 'amber', 'amber+strict', 'red'], p_name) - 1)::smallint $$;
CREATE OR REPLACE FUNCTION priority_name(p_priority int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (ARRAY['critical', 'high', 'medium', 'low'])[p_priority] $$;
CREATE OR REPLACE FUNCTION priority_number(p_name text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT array_position(ARRAY['critical', 'high', 'medium', 'low'], p_name)::smallint $$;
CREATE OR REPLACE FUNCTION observable_type_name(p_type int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (ARRAY['ipv4', 'ipv6', 'cidr', 'asn', 'domain', 'url', 'email', 'md5', 'sha1', 'sha256', 'sha512', 'cve', 'mac', 'user-agent',
                 'filename', 'country', 'text', 'crypto', 'phone'])[p_type] $$;
CREATE OR REPLACE FUNCTION sighting_role_name(p_role int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (ARRAY['source', 'target', 'victim', 'infrastructure', 'other'])[p_role] $$;
CREATE OR REPLACE FUNCTION sighting_role_number(p_name text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT array_position(ARRAY['source', 'target', 'victim', 'infrastructure', 'other'], p_name)::smallint $$;
-- "1 report", "2 reports"
CREATE OR REPLACE FUNCTION counted(p_count numeric, p_noun text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_count || ' ' || p_noun || CASE p_count WHEN 1 THEN '' ELSE 's' END;
-- RFC 3339, UTC, a fraction only where there is one.
CREATE OR REPLACE FUNCTION time_text(p_time timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN p_time = date_trunc('second', p_time, 'UTC') THEN to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            ELSE to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END;
-- A plain mail address in the form we compare; NULL for anything else.
CREATE OR REPLACE FUNCTION mail_address(p_text text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN length(p_text) <= 254 AND btrim(p_text) ~ '^[^@[:space:][:cntrl:]<>]+@[^@[:space:][:cntrl:]<>]+$' THEN lower(btrim(p_text)) END;

-- Before a function gets other parameters: else the older one would stay beside it.
CREATE OR REPLACE FUNCTION drop_overloads(p_name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v regprocedure;
BEGIN
    FOR v IN SELECT p.oid FROM pg_proc p WHERE p.proname = p_name AND p.pronamespace = 'cirt'::regnamespace LOOP
        EXECUTE format('DROP FUNCTION %s', v);
    END LOOP;
END $$;
