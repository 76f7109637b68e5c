-- Where addresses and AS numbers were handed out, by the registries' own files (delegated-extended), brought in by hand: nothing is fetched.

DROP VIEW IF EXISTS visible_rir_file CASCADE;
CREATE VIEW visible_rir_file AS
SELECT f.registry, f.serial, f.entries, f.skipped, f.loaded, f.imported, (SELECT i.login FROM identity i WHERE i.id = f.imported_by) AS imported_by
FROM rir_file f WHERE viewer() IS NOT NULL AND (f.loaded OR NOT EXISTS (SELECT FROM rir_file x WHERE x.registry = f.registry AND x.loaded));

CREATE OR REPLACE FUNCTION rir_file_json(f visible_rir_file) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('registry', f.registry, 'serial', f.serial, 'entries', f.entries, 'skipped', f.skipped, 'loaded', f.loaded,
    'imported', time_text(f.imported), 'imported_by', f.imported_by);

-- The head of a registry's file, maybe anew: it counts when its last part is here, and till then the one that there was.
CREATE OR REPLACE FUNCTION rir_begin(p_registry text, p_serial text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_file int;
    v_loaded text := (SELECT f.serial FROM rir_file f WHERE f.registry = p_registry AND f.loaded);
BEGIN
    IF coalesce(p_registry, '') !~ '^[a-z]{2,20}$' THEN
        PERFORM refuse('CI422', format('"%s" is no registry', left(p_registry, 40)), 'afrinic apnic arin lacnic ripencc', '{"at": "/registry"}');
    ELSIF coalesce(p_serial, '') !~ '^[0-9]{1,20}$' THEN
        PERFORM refuse('CI422', format('"%s" is no serial number of a registry''s file', left(p_serial, 40)), NULL, '{"at": "/serial"}');
    ELSIF v_loaded ~ '^[0-9]{1,20}$' AND p_serial::numeric < v_loaded::numeric THEN
        PERFORM refuse('CI409', format('the file of %s that is here is newer: its serial is %s, and this one''s %s', p_registry, v_loaded, p_serial),
                       format('to go back all the same: cirt rir rm %s, then import it again', p_registry));
    END IF;
    INSERT INTO rir_file AS f (registry, serial, imported_by) VALUES (p_registry, p_serial, viewer())
        ON CONFLICT (registry, loaded) DO UPDATE SET serial = EXCLUDED.serial, entries = 0, skipped = 0, imported = now(), imported_by = EXCLUDED.imported_by
        RETURNING f.id INTO v_file;
    DELETE FROM rir_range r WHERE r.file_id = v_file;
    DELETE FROM rir_asn a WHERE a.file_id = v_file;
END $$;

-- NULL for what is no address, so that one spoilt row costs no more than itself.
CREATE OR REPLACE FUNCTION rir_address(p_text text) RETURNS inet LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_text ~ '^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.|$)){4}$' AND p_text !~ '\.$' THEN p_text::inet
    WHEN p_text ~* '^([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?::([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?$' AND p_text !~ '(:.*){8}' THEN p_text::inet
    WHEN p_text ~* '^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}$' THEN p_text::inet END;

-- Rows as they stand in the file: [type, start, value, country, date, status]. What was not handed out to a country says nothing.
CREATE OR REPLACE FUNCTION rir_add(p_registry text, p_rows jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_file int;
    v_all bigint;
    v_taken bigint := 0;
    v_count bigint;
BEGIN
    SELECT f.id INTO v_file FROM rir_file f WHERE f.registry = p_registry AND NOT f.loaded FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM record_missing('registry', p_registry);
    END IF;
    CREATE TEMP TABLE IF NOT EXISTS rir_row (type text, start text, value bigint, country text, day date) ON COMMIT DELETE ROWS;
    DELETE FROM rir_row;
    INSERT INTO rir_row SELECT r ->> 0, r ->> 1, (r ->> 2)::bigint, r ->> 3, CASE WHEN r ->> 4 ~ '^(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])$'
            THEN make_date(left(r ->> 4, 4)::int, 1, 1) + (substr(r ->> 4, 5, 2)::int - 1) * interval '1 month' + (right(r ->> 4, 2)::int - 1) * interval '1 day' END
        FROM jsonb_array_elements(p_rows) r
        WHERE jsonb_typeof(r) = 'array' AND r ->> 2 ~ '^[0-9]{1,10}$' AND r ->> 3 ~ '^[A-Z]{2}$' AND r ->> 3 <> 'ZZ' AND r ->> 5 IN ('allocated', 'assigned');
    INSERT INTO rir_range (first, last, country, file_id, day)
        SELECT a.first, a.first + (x.value - 1), x.country, v_file, x.day FROM rir_row x CROSS JOIN LATERAL (SELECT rir_address(x.start) AS first OFFSET 0) a
        WHERE x.type = 'ipv4' AND family(a.first) = 4 AND x.value > 0
            AND CASE WHEN family(a.first) = 4 THEN a.first - inet '0.0.0.0' + x.value <= 4294967296 END ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_taken := v_taken + v_count;
    INSERT INTO rir_range (first, last, country, file_id, day)
        SELECT a.first, host(broadcast(set_masklen(a.first, x.value::int)))::inet, x.country, v_file, x.day
        FROM rir_row x CROSS JOIN LATERAL (SELECT rir_address(x.start) AS first OFFSET 0) a
        WHERE x.type = 'ipv6' AND family(a.first) = 6 AND x.value BETWEEN 1 AND 128 ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_taken := v_taken + v_count;
    INSERT INTO rir_asn (first, last, country, file_id, day)
        SELECT x.start::bigint, x.start::bigint + x.value - 1, x.country, v_file, x.day FROM rir_row x
        WHERE x.type = 'asn' AND x.start ~ '^[0-9]{1,10}$' AND x.value BETWEEN 1 AND 4294967295 ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_taken := v_taken + v_count;
    v_all := jsonb_array_length(p_rows);
    UPDATE rir_file SET entries = entries + v_taken, skipped = skipped + v_all - v_taken WHERE id = v_file;
END $$;

-- Takes away a registry's files that are loaded, or are not; false where there is none.
CREATE OR REPLACE FUNCTION rir_drop(p_registry text, p_loaded boolean) RETURNS boolean
LANGUAGE plpgsql SET search_path = cirt, pg_temp AS $$
DECLARE
    v_file int;
BEGIN
    DELETE FROM rir_file f WHERE f.registry = p_registry AND f.loaded = p_loaded RETURNING f.id INTO v_file;
    DELETE FROM rir_range r WHERE r.file_id = v_file;
    DELETE FROM rir_asn a WHERE a.file_id = v_file;
    RETURN v_file IS NOT NULL;
END $$;

CREATE OR REPLACE FUNCTION rir_end(p_registry text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM rir_file f WHERE f.registry = p_registry AND NOT f.loaded AND f.entries = 0) THEN
        PERFORM refuse('CI422', 'none of its rows says what was handed out to a country', 'what is here stays');
    ELSIF EXISTS (SELECT FROM rir_file f WHERE f.registry = p_registry AND NOT f.loaded) THEN
        PERFORM rir_drop(p_registry, true);
    END IF;
    UPDATE rir_file f SET loaded = true WHERE f.registry = p_registry AND NOT f.loaded;
    PERFORM record_journal('rir', 'import', p_registry, (SELECT jsonb_build_object('serial', f.serial, 'entries', f.entries) FROM rir_file f WHERE f.registry = p_registry));
    RETURN (SELECT rir_file_json(f) FROM visible_rir_file f WHERE f.registry = p_registry);
END $$;

CREATE OR REPLACE FUNCTION rir_remove(p_registry text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_is_loaded boolean := rir_drop(p_registry, true);
    v_is_coming boolean := rir_drop(p_registry, false);
BEGIN
    IF NOT v_is_loaded AND NOT v_is_coming THEN
        PERFORM record_missing('rir', p_registry);
    END IF;
    PERFORM record_journal('rir', 'remove', p_registry, '{}');
END $$;

-- Of addresses and AS numbers: the range that each lies in. One step down an index for each file.
CREATE OR REPLACE FUNCTION rir_places(p_values text[]) RETURNS TABLE (place json)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT json_build_object('value', v.value, 'country', r.country, 'asn', NULL, 'name', NULL, 'network', host(r.first) || ' - ' || host(r.last),
        'source', f.registry || ' ' || f.serial, 'date', to_char(r.day, 'YYYY-MM-DD'))
    FROM (SELECT DISTINCT x AS value FROM unnest(p_values) x WHERE x ~ '[.:]') v
    CROSS JOIN rir_file f
    CROSS JOIN LATERAL (SELECT y.* FROM rir_range y WHERE y.file_id = f.id AND y.first <= host(network(v.value::inet))::inet ORDER BY y.first DESC LIMIT 1) r
    WHERE viewer() IS NOT NULL AND f.loaded AND family(r.first) = family(v.value::inet) AND r.last >= host(broadcast(v.value::inet))::inet
    UNION ALL
    SELECT json_build_object('value', v.value, 'country', a.country, 'asn', v.value::bigint, 'name', NULL, 'network', NULL, 'source', f.registry || ' ' || f.serial,
        'date', to_char(a.day, 'YYYY-MM-DD'))
    FROM (SELECT DISTINCT x AS value FROM unnest(p_values) x WHERE x ~ '^[0-9]{1,10}$') v
    CROSS JOIN rir_file f
    CROSS JOIN LATERAL (SELECT y.* FROM rir_asn y WHERE y.file_id = f.id AND y.first <= v.value::bigint ORDER BY y.first DESC LIMIT 1) a
    WHERE viewer() IS NOT NULL AND f.loaded AND a.last >= v.value::bigint $$;
