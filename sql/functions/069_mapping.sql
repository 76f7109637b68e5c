-- Mappings of CSV. desk has read them before; intake and decode read them anew.

CREATE OR REPLACE FUNCTION mapping_text(p_name text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT m.text FROM csv_mapping m WHERE m.name = lower(p_name) $$;

-- A format that names a mapping needs it.
CREATE OR REPLACE FUNCTION mapping_check(p_format text) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_format ILIKE 'csv:%' AND mapping_text(substr(p_format, 5)) IS NULL THEN
        PERFORM refuse('CI422', format('there is no mapping "%s"', left(substr(p_format, 5), 100)), 'cirt mapping ls; cirt mapping add NAME --file FILE', '{"at": "/format"}');
    END IF;
END $$;

DROP VIEW IF EXISTS visible_mapping CASCADE;
CREATE VIEW visible_mapping AS
SELECT m.name, m.text, m.changed, i.login AS changed_by FROM csv_mapping m LEFT JOIN identity i ON i.id = m.changed_by WHERE viewer() IS NOT NULL;

CREATE OR REPLACE FUNCTION mapping_json(m visible_mapping) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('name', m.name, 'format', 'csv:' || m.name, 'text', m.text, 'changed', time_text(m.changed), 'changed_by', m.changed_by);

CREATE OR REPLACE FUNCTION mapping_write(p_name text, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_name text := lower(coalesce(p_name, p_body ->> 'name'));
BEGIN
    PERFORM record_check(p_body, '{name,text}');
    IF coalesce(v_name, '') !~ '^[a-z0-9][a-z0-9._-]{0,62}$' THEN
        PERFORM refuse('CI422', format('"%s" is no name of a mapping', left(v_name, 100)), 'letters, digits, ".", "_" and "-", at most 63', '{"at": "/name"}');
    ELSIF p_body ->> 'text' IS NULL THEN
        PERFORM refuse('CI422', 'a mapping needs text', 'cirt mapping add NAME --file FILE', '{"at": "/text"}');
    ELSIF p_name IS NULL AND EXISTS (SELECT FROM csv_mapping m WHERE m.name = v_name) THEN
        PERFORM record_exists('mapping', v_name);
    ELSIF p_name IS NOT NULL AND NOT EXISTS (SELECT FROM csv_mapping m WHERE m.name = v_name) THEN
        PERFORM record_missing('mapping', p_name);
    END IF;
    INSERT INTO csv_mapping (name, text, changed_by) VALUES (v_name, p_body ->> 'text', viewer())
        ON CONFLICT (name) DO UPDATE SET text = EXCLUDED.text, changed = now(), changed_by = EXCLUDED.changed_by;
    PERFORM record_journal('mapping', CASE WHEN p_name IS NULL THEN 'add' ELSE 'set' END, v_name, p_body);
    RETURN (SELECT mapping_json(m) FROM visible_mapping m WHERE m.name = v_name);
END $$;

CREATE OR REPLACE FUNCTION mapping_remove(p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_feed text;
BEGIN
    SELECT i.login INTO v_feed FROM feed f JOIN identity i ON i.id = f.identity_id WHERE lower(f.format) = 'csv:' || lower(p_name) AND i.enabled LIMIT 1;
    IF v_feed IS NOT NULL THEN
        PERFORM refuse('CI409', format('feed %s is read by it', v_feed), format('cirt feed set %s --format F', v_feed));
    END IF;
    DELETE FROM csv_mapping m WHERE m.name = lower(p_name);
    IF NOT FOUND THEN
        PERFORM record_missing('mapping', p_name);
    END IF;
    PERFORM record_journal('mapping', 'remove', lower(p_name), '{}');
END $$;
