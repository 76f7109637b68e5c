-- Known-good lists (MISP's warninglist format): what is on one is marked and explained, never dropped, and never exported to a block list.

CREATE OR REPLACE FUNCTION observable_type_number(p_name text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT n::smallint FROM generate_series(1, 19) n WHERE observable_type_name(n) = p_name);

-- How many patterns (substrings, regular expressions) there may be in all lists together: each is tried on each value.
CREATE OR REPLACE FUNCTION warninglist_patterns_max() RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 200;

DROP VIEW IF EXISTS visible_warninglist CASCADE;
CREATE VIEW visible_warninglist AS
SELECT w.id, w.name, w.title, w.description, w.version, w.kind, w.types, w.category, w.loaded, w.skipped, w.imported,
       (SELECT i.login FROM identity i WHERE i.id = w.imported_by) AS imported_by,
       (SELECT count(*) FROM warninglist_entry e WHERE e.list_id = w.id) + (SELECT count(*) FROM warninglist_network n WHERE n.list_id = w.id)
           + (SELECT count(*) FROM warninglist_pattern p WHERE p.list_id = w.id) AS entries,
       (SELECT count(*) FROM known_good_mark m WHERE m.list = w.name AND m.is_open) AS marked
FROM warninglist w WHERE viewer() IS NOT NULL AND (w.loaded OR NOT EXISTS (SELECT FROM warninglist x WHERE x.name = w.name AND x.loaded));

CREATE OR REPLACE FUNCTION warninglist_json(w visible_warninglist) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('name', w.name, 'title', w.title, 'description', w.description, 'version', w.version, 'kind', w.kind,
    'types', coalesce((SELECT json_agg(observable_type_name(t) ORDER BY t) FROM unnest(w.types) t), '[]'), 'category', w.category, 'loaded', w.loaded, 'entries', w.entries,
    'skipped', w.skipped, 'marked', w.marked, 'imported', time_text(w.imported), 'imported_by', w.imported_by);

-- The head of a list that is brought in, maybe anew: it counts when its last part is here, and till then the one that there was.
CREATE OR REPLACE FUNCTION warninglist_begin(p_name text, p_title text, p_description text, p_version text, p_kind text, p_types smallint[], p_category text)
RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_id int;
BEGIN
    IF coalesce(p_name, '') !~ '^[a-z0-9][a-z0-9._-]{0,63}$' THEN
        PERFORM refuse('CI422', format('"%s" is no short name of a list', left(p_name, 100)), 'small letters, digits, ".", "_" and "-"', '{"at": "/name"}');
    END IF;
    INSERT INTO warninglist AS w (name, title, description, version, kind, types, category, imported_by)
        VALUES (p_name, p_title, p_description, p_version, p_kind, p_types, p_category, viewer())
        ON CONFLICT (name, loaded) DO UPDATE SET title = EXCLUDED.title, description = EXCLUDED.description, version = EXCLUDED.version, kind = EXCLUDED.kind,
            types = EXCLUDED.types, category = EXCLUDED.category, skipped = 0, imported = now(), imported_by = EXCLUDED.imported_by
        RETURNING w.id INTO v_id;
    DELETE FROM warninglist_entry e WHERE e.list_id = v_id;
    DELETE FROM warninglist_network n WHERE n.list_id = v_id;
    DELETE FROM warninglist_pattern p WHERE p.list_id = v_id;
    RETURN v_id;
END $$;

-- A part of it. Patterns that PostgreSQL cannot read, that look back at themselves, or take long to be made ready (some take many seconds), are skipped and
-- counted.
CREATE OR REPLACE FUNCTION warninglist_add(p_name text, p_values text[], p_skipped int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    w warninglist;
    v_pattern text;
    v_skipped int := p_skipped;
    v_no int;
    v_begun timestamptz := clock_timestamp();
    v_before timestamptz;
BEGIN
    SELECT * INTO w FROM warninglist x WHERE x.name = p_name AND NOT x.loaded FOR UPDATE;
    IF w.id IS NULL THEN
        PERFORM record_missing('warninglist', p_name);
    ELSIF w.kind = 'cidr' THEN
        INSERT INTO warninglist_network (network, list_id) SELECT DISTINCT v::inet, w.id FROM unnest(p_values) v ON CONFLICT DO NOTHING;
    ELSIF w.kind IN ('string', 'hostname') THEN
        INSERT INTO warninglist_entry (value, list_id) SELECT DISTINCT v, w.id FROM unnest(p_values) v ON CONFLICT DO NOTHING;
    ELSE
        v_no := (SELECT count(*) FROM warninglist_pattern p WHERE p.list_id = w.id);
        IF (SELECT count(*) FROM warninglist_pattern p JOIN warninglist x ON x.id = p.list_id WHERE x.id = w.id OR x.name <> w.name) + cardinality(p_values) > warninglist_patterns_max() THEN
            PERFORM refuse('CI422', format('%s: there would be more than %s patterns in all lists', p_name, warninglist_patterns_max()),
                           'each is tried on each value: remove a list of substrings or expressions');
        END IF;
        FOREACH v_pattern IN ARRAY p_values LOOP
            v_before := clock_timestamp();
            IF v_before > v_begun + interval '10 seconds' THEN
                PERFORM refuse('CI422', format('%s: the expressions of this list take too long', p_name), 'take those out that repeat long parts many times');
            END IF;
            BEGIN
                IF w.kind = 'regex' AND (v_pattern ~ '\\[1-9]' OR '' ~ v_pattern OR clock_timestamp() > v_before + interval '100 milliseconds') THEN
                    v_skipped := v_skipped + 1;
                    CONTINUE;
                END IF;
            EXCEPTION WHEN invalid_regular_expression THEN
                v_skipped := v_skipped + 1;
                CONTINUE;
            END;
            v_no := v_no + 1;
            INSERT INTO warninglist_pattern (list_id, no, pattern, is_regex) VALUES (w.id, v_no, v_pattern, w.kind = 'regex');
        END LOOP;
    END IF;
    UPDATE warninglist SET skipped = skipped + v_skipped WHERE id = w.id;
END $$;

-- Names the rules that throw away by what is on it: a longer list, or a shorter one, changes what they take, without a second person.
CREATE OR REPLACE FUNCTION warninglist_warnings(p_name text) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT format('the rule "%s" of %s throws away by what is on it; what it takes: cirt rule swallowed %s', d.rule, d.set_name, d.set_name)), '{}')
    FROM rule_drops('', NULL) d, regexp_matches(split_part(regexp_replace(d.line, '"(?:[^"\\]|\\.)*"', '""', 'g'), '=>', 1), 'known-good:([^ \t()]+)', 'g') m,
        string_to_table(lower(m[1]), ',') v
    WHERE p_name LIKE replace(replace(v, '_', '\_'), '*', '%') $$;

CREATE OR REPLACE FUNCTION warninglist_end(p_name text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_version text;
BEGIN
    DELETE FROM warninglist w WHERE w.name = p_name AND w.loaded AND EXISTS (SELECT FROM warninglist x WHERE x.name = p_name AND NOT x.loaded);
    UPDATE warninglist w SET loaded = true, labels = (
            SELECT coalesce(max(cardinality(string_to_array(e.value, '.'))), 0) FROM warninglist_entry e WHERE e.list_id = w.id)
        WHERE w.name = p_name AND NOT w.loaded RETURNING w.version INTO v_version;
    PERFORM record_journal('warninglist', 'import', p_name, jsonb_build_object('version', v_version));
    RETURN (SELECT json_join(warninglist_json(w), json_build_object('warnings', to_json(warninglist_warnings(p_name)))) FROM visible_warninglist w WHERE w.name = p_name);
END $$;

CREATE OR REPLACE FUNCTION warninglist_remove(p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    DELETE FROM warninglist w WHERE w.name = p_name;
    IF NOT FOUND THEN
        PERFORM record_missing('warninglist', p_name);
    END IF;
    DELETE FROM known_good_mark m WHERE m.list = p_name;
    PERFORM record_journal('warninglist', 'remove', p_name, '{}');
END $$;

-- Which lists have these observables, by what they say today: an entry of each list. Set-based; nothing where there are no lists. Values come from strangers
-- and patterns from files: together they get p_patience, and what is not tried by then is on no list of patterns or hosts.
SELECT drop_overloads('known_good');
CREATE OR REPLACE FUNCTION known_good(p_types smallint[], p_values text[], p_hosts text[], p_addrs inet[], p_patience interval DEFAULT '3 seconds')
RETURNS TABLE (ord bigint, list text, title text, entry text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_hashjoin = on SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_end timestamptz := clock_timestamp() + p_patience;
    v_labels int := (SELECT coalesce(max(w.labels), 0) FROM warninglist w WHERE w.loaded AND w.kind = 'hostname');
BEGIN
    IF NOT EXISTS (SELECT FROM warninglist w WHERE w.loaded) THEN
        RETURN;
    END IF;
    -- A URL stands on an address, too; that of a whole site is on a list where the site is.
    RETURN QUERY WITH given AS (
        SELECT u.type, u.value, u.host, coalesce(u.addr, CASE WHEN u.type = 6 THEN url_address(u.value) END) AS addr, u.ord
        FROM unnest(p_types, p_values, p_hosts, p_addrs) WITH ORDINALITY u(type, value, host, addr, ord)),
    asked AS MATERIALIZED (
        SELECT g.type, g.value, g.host, g.addr, g.ord FROM given g
        UNION ALL
        SELECT (CASE family(g.addr) WHEN 4 THEN 1 WHEN 6 THEN 2 ELSE 5 END)::smallint, coalesce(host(g.addr), g.host), g.host, g.addr, g.ord FROM given g
            WHERE g.type = 6 AND g.value ~ '^[^:]+://[^/?#]*/?$' AND coalesce(host(g.addr), g.host) IS NOT NULL),
    short AS MATERIALIZED (
        SELECT a.ord, a.type, left(a.value, 2048) AS value, lower(left(a.value, 2048)) AS low FROM asked a WHERE EXISTS (SELECT FROM warninglist_pattern)),
    found AS (
        SELECT a.ord, a.type, e.list_id, e.value AS entry FROM asked a
            CROSS JOIN LATERAL (SELECT x.list_id, x.value FROM warninglist_entry x WHERE x.value = a.value OFFSET 0) e
        UNION ALL
        SELECT a.ord, a.type, e.list_id, e.value FROM asked a CROSS JOIN LATERAL string_to_array(a.host, '.') l
            -- A document may hold very many names of very many labels: only so many of each as the longest entry has, and only for a while.
            CROSS JOIN LATERAL generate_series(CASE WHEN clock_timestamp() > v_end THEN cardinality(l) + 1 ELSE greatest(cardinality(l) - v_labels + 1, 1) END, cardinality(l)) i
            CROSS JOIN LATERAL (SELECT x.list_id, x.value FROM warninglist_entry x WHERE x.value = array_to_string(l[i:], '.') OFFSET 0) e
            JOIN warninglist w ON w.id = e.list_id AND w.kind = 'hostname'
        UNION ALL
        SELECT a.ord, a.type, n.list_id, n.network::text FROM asked a
            JOIN (SELECT DISTINCT family(x.network) AS family, masklen(x.network) AS bits FROM warninglist_network x) b
                ON b.family = family(a.addr) AND b.bits <= masklen(a.addr)
            CROSS JOIN LATERAL (SELECT x.list_id, x.network FROM warninglist_network x WHERE x.network = network(set_masklen(a.addr, b.bits)) OFFSET 0) n
        UNION ALL
        -- One pattern after the other over all values: PostgreSQL keeps 32 expressions compiled.
        SELECT m.ord, m.type, p.list_id, p.pattern FROM warninglist_pattern p JOIN warninglist w ON w.id = p.list_id AND w.loaded
            CROSS JOIN LATERAL (SELECT a.ord, a.type FROM short a WHERE a.type = ANY (w.types)
                AND CASE WHEN clock_timestamp() > v_end THEN false WHEN p.is_regex THEN a.value ~ p.pattern ELSE strpos(a.low, p.pattern) > 0 END OFFSET 0) m)
    SELECT DISTINCT ON (f.ord, w.name) f.ord, w.name, w.title, f.entry FROM found f
    JOIN warninglist w ON w.id = f.list_id AND w.loaded AND f.type = ANY (w.types) ORDER BY f.ord, w.name, length(f.entry) DESC;
    IF clock_timestamp() > v_end THEN
        RAISE WARNING 'known-good lists took longer than % for % values: not all were tried', p_patience, cardinality(p_values);
    END IF;
END $$;

-- As the API tells it: [{"type":..,"value":..,"list":..,"title":..,"entry":..}], of what the caller could see anyway.
CREATE OR REPLACE FUNCTION known_good_json(p_types smallint[], p_values text[], p_hosts text[], p_addrs inet[]) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_object('type', observable_type_name(p_types[g.ord]), 'value', p_values[g.ord], 'list', g.list, 'title', g.title,
        'entry', g.entry) ORDER BY p_types[g.ord], p_values[g.ord], g.list), '[]')
    FROM known_good(p_types, p_values, p_hosts, p_addrs) g WHERE viewer() IS NOT NULL $$;

-- Of what case_observables() looks at, and of the first 2,000 observables of a report.
CREATE OR REPLACE FUNCTION case_known_good(p_case bigint) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT known_good_json(array_agg(x.type), array_agg(x.value), array_agg(x.host), array_agg(x.addr)) FROM (
    SELECT DISTINCT s.type, s.value, s.host, s.addr FROM (
        SELECT i.type, i.value, i.host, i.addr FROM case_sightings(p_case, 300, 3000) i WHERE i.type NOT IN (16, 17)) s) x);
END $$;
CREATE OR REPLACE FUNCTION report_known_good(p_report bigint, p_received timestamptz) RETURNS json LANGUAGE sql STABLE
RETURN (SELECT known_good_json(array_agg(x.type), array_agg(x.value), array_agg(x.host), array_agg(x.addr)) FROM (
    SELECT DISTINCT s.type, s.value, s.host, s.addr FROM (
        SELECT i.type, i.value, i.host, i.addr FROM visible_sighting i
        WHERE i.report_id = p_report AND i.received = p_received AND i.type NOT IN (16, 17) ORDER BY i.observation_no LIMIT 2000) s) x);
-- Of a value that somebody asks for, seen or not.
CREATE OR REPLACE FUNCTION find_known_good(p_type text, p_value text, p_host text) RETURNS json LANGUAGE sql STABLE
RETURN known_good_json(ARRAY[observable_type_number(p_type)], ARRAY[p_value], ARRAY[p_host], ARRAY[CASE WHEN p_type IN ('ipv4', 'ipv6', 'cidr') THEN p_value::inet END]);

-- Marks what of the chunk is on a list. Each distinct observable is asked for once; of a chunk with more than 50,000 (12 an observation) not all are.
CREATE OR REPLACE FUNCTION triage_known_good() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    span chunk_range := triage_range();
    v record;
BEGIN
    IF NOT EXISTS (SELECT FROM warninglist w WHERE w.loaded) THEN
        RETURN;
    END IF;
    SELECT array_agg(s.type) AS types, array_agg(s.value) AS values, array_agg(s.host) AS hosts, array_agg(s.addr) AS addrs, array_agg(s.is_open) AS open INTO v
    FROM (SELECT x.type, x.value, x.host, x.addr, bool_or(x.tlp < 4 AND x.compartment_id = 0) AS is_open FROM triage_sightings(span) x
          WHERE x.type NOT IN (16, 17) GROUP BY x.type, x.value, x.host, x.addr LIMIT 50000) s;
    INSERT INTO known_good_mark AS m (value_md5, type, list, entry, value, is_open)
        SELECT md5(v.values[g.ord])::uuid, v.types[g.ord], g.list, g.entry, v.values[g.ord], v.open[g.ord] FROM known_good(v.types, v.values, v.hosts, v.addrs) g
        ORDER BY 1, 2, 3
        ON CONFLICT (value_md5, type, list) DO UPDATE SET is_open = true WHERE NOT m.is_open AND EXCLUDED.is_open;
END $$;

-- Which lists the observations of the chunk are on, by what was marked: a fact for rules. Nothing where no rule asks.
CREATE OR REPLACE FUNCTION triage_known_lists(p_asked boolean) RETURNS TABLE (ord int, list text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    span chunk_range := triage_range();
BEGIN
    IF NOT p_asked OR NOT EXISTS (SELECT FROM known_good_mark) THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT DISTINCT c.ord, m.list FROM triage_chunk c
    JOIN triage_sightings(span) s ON s.report_id = c.report_id AND s.observation_no = c.no
    JOIN known_good_mark m ON m.value_md5 = md5(s.value)::uuid AND m.type = s.type
    JOIN warninglist w ON w.name = m.list AND w.loaded;
END $$;
