-- Constituents: what they hold has from and until. One is written like every record; many come as a file: its parts are kept (constituent_stage),
-- then compared with what is known and applied in one transaction (constituent_import).

CREATE OR REPLACE FUNCTION constituent_holds(p_since timestamptz, p_until timestamptz, p_at timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_since <= p_at AND (p_until IS NULL OR p_until > p_at);

-- Whether it was held at a moment, as far as we know: what was registered without its beginning counts for the time before, too.
CREATE OR REPLACE FUNCTION constituent_held(p_since timestamptz, p_until timestamptz, p_is_dated boolean, p_at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (p_since <= p_at OR NOT p_is_dated) AND (p_until IS NULL OR p_until > p_at);

-- All that was ever held, as text: 1 networks, 2 AS numbers, 3 domains.
CREATE OR REPLACE VIEW constituent_holding AS
SELECT n.constituent_id, 1 AS kind, n.network::text AS value, n.since, n.until, n.is_dated FROM constituent_network n
UNION ALL SELECT a.constituent_id, 2, a.asn::text, a.since, a.until, a.is_dated FROM constituent_asn a
UNION ALL SELECT d.constituent_id, 3, d.domain, d.since, d.until, d.is_dated FROM constituent_domain d;

-- Lengths are only added: one too many costs a look-up that finds nothing.
CREATE OR REPLACE FUNCTION constituent_lengths() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'constituent_network' THEN
        INSERT INTO constituent_length SELECT DISTINCT family(n.network), masklen(n.network) FROM after_change n ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO constituent_length SELECT DISTINCT 0, cardinality(string_to_array(n.domain, '.')) FROM after_change n ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER constituent_network_length AFTER INSERT ON constituent_network REFERENCING NEW TABLE AS after_change
    FOR EACH STATEMENT EXECUTE FUNCTION constituent_lengths();
CREATE OR REPLACE TRIGGER constituent_domain_length AFTER INSERT ON constituent_domain REFERENCING NEW TABLE AS after_change
    FOR EACH STATEMENT EXECUTE FUNCTION constituent_lengths();

-- Whoever disables a constituent: what it holds counts till then.
CREATE OR REPLACE FUNCTION constituent_switch() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.disabled_at := CASE WHEN NOT NEW.enabled THEN coalesce(NEW.disabled_at, now()) END;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER constituent_switch BEFORE INSERT OR UPDATE OF enabled ON constituent FOR EACH ROW EXECUTE FUNCTION constituent_switch();

CREATE OR REPLACE FUNCTION constituent_kind(p_kind int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (ARRAY['network', 'asn', 'domain'])[p_kind];

-- --- one ---

-- What is held becomes exactly this list: the rest ends now. What somebody held before begins now; when anything else began is not known. What is to begin later
-- stays so, and what begins now lasts till then.
CREATE OR REPLACE FUNCTION constituent_set_holdings(p_constituent bigint, p_kind int, p_values text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    CASE p_kind
    WHEN 1 THEN
        UPDATE constituent_network n SET until = greatest(now(), n.since) WHERE n.constituent_id = p_constituent AND (n.until IS NULL OR n.until > now())
            AND n.network <> ALL (p_values::cidr[]);
        INSERT INTO constituent_network (constituent_id, network, until, is_dated)
            SELECT p_constituent, x::cidr, (SELECT min(f.since) FROM constituent_network f WHERE f.constituent_id = p_constituent AND f.network = x::cidr AND f.since > now()
                AND f.until IS DISTINCT FROM f.since), EXISTS (SELECT FROM constituent_network o WHERE o.network = x::cidr AND o.until IS NOT NULL) FROM unnest(p_values) x
            WHERE NOT EXISTS (SELECT FROM constituent_network n WHERE n.constituent_id = p_constituent AND n.network = x::cidr AND constituent_holds(n.since, n.until, now()))
            ON CONFLICT (constituent_id, network, since) DO UPDATE SET until = EXCLUDED.until;
    WHEN 2 THEN
        UPDATE constituent_asn n SET until = greatest(now(), n.since) WHERE n.constituent_id = p_constituent AND (n.until IS NULL OR n.until > now())
            AND n.asn <> ALL (p_values::bigint[]);
        INSERT INTO constituent_asn (constituent_id, asn, until, is_dated)
            SELECT p_constituent, x::bigint, (SELECT min(f.since) FROM constituent_asn f WHERE f.constituent_id = p_constituent AND f.asn = x::bigint AND f.since > now()
                AND f.until IS DISTINCT FROM f.since), EXISTS (SELECT FROM constituent_asn o WHERE o.asn = x::bigint AND o.until IS NOT NULL) FROM unnest(p_values) x
            WHERE NOT EXISTS (SELECT FROM constituent_asn n WHERE n.constituent_id = p_constituent AND n.asn = x::bigint AND constituent_holds(n.since, n.until, now()))
            ON CONFLICT (constituent_id, asn, since) DO UPDATE SET until = EXCLUDED.until;
    WHEN 3 THEN
        UPDATE constituent_domain n SET until = greatest(now(), n.since) WHERE n.constituent_id = p_constituent AND (n.until IS NULL OR n.until > now())
            AND n.domain <> ALL (p_values);
        INSERT INTO constituent_domain (constituent_id, domain, until, is_dated)
            SELECT p_constituent, x, (SELECT min(f.since) FROM constituent_domain f WHERE f.constituent_id = p_constituent AND f.domain = x AND f.since > now()
                AND f.until IS DISTINCT FROM f.since), EXISTS (SELECT FROM constituent_domain o WHERE o.domain = x AND o.until IS NOT NULL) FROM unnest(p_values) x
            WHERE NOT EXISTS (SELECT FROM constituent_domain n WHERE n.constituent_id = p_constituent AND n.domain = x AND constituent_holds(n.since, n.until, now()))
            ON CONFLICT (constituent_id, domain, since) DO UPDATE SET until = EXCLUDED.until;
    END CASE;
END $$;

CREATE OR REPLACE FUNCTION constituent_write(p_name text, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v constituent;
    v_name text := coalesce(p_name, p_body ->> 'name');
BEGIN
    PERFORM record_check(p_body, '{name,title,networks,asns,domains,contacts,sector,criticality,lang,enabled}');
    SELECT * INTO v FROM constituent k WHERE k.name = v_name FOR UPDATE;
    IF p_name IS NULL THEN
        IF v.id IS NOT NULL THEN
            PERFORM record_exists('constituent', v_name);
        ELSIF coalesce(v_name, '') !~ '^[^[:space:][:cntrl:]/?#]{1,63}$' THEN
            PERFORM refuse('CI422', format('"%s" is no short name', left(v_name, 100)), 'up to 63 characters without blanks and /', '{"at": "/name"}');
        END IF;
        INSERT INTO constituent (name) VALUES (v_name) RETURNING * INTO v;
    ELSIF v.id IS NULL THEN
        PERFORM record_missing('constituent', p_name);
    END IF;
    IF p_body ->> 'criticality' NOT IN ('low', 'medium', 'high', 'critical') THEN
        PERFORM refuse('CI422', format('"%s" is no criticality', left(p_body ->> 'criticality', 100)), 'one of low, medium, high, critical', '{"at": "/criticality"}');
    END IF;
    UPDATE constituent SET title = record_text(p_body, 'title', title), sector = record_text(p_body, 'sector', sector), lang = record_text(p_body, 'lang', lang),
        criticality = record_text(p_body, 'criticality', criticality), enabled = record_enabled(p_body, enabled) WHERE id = v.id;
    IF p_body ? 'networks' THEN
        BEGIN
            PERFORM record_list(p_body, 'networks')::cidr[];
        EXCEPTION WHEN invalid_text_representation THEN
            PERFORM refuse('CI422', 'a network is an address with its prefix length and no bits set behind it, not ' || substring(SQLERRM FROM '".*"'),
                           'as 198.51.100.0/24 or 2001:db8:a::/48', '{"at": "/networks"}');
        END;
        PERFORM constituent_set_holdings(v.id, 1, record_list(p_body, 'networks'));
    END IF;
    IF p_body ? 'asns' THEN
        PERFORM constituent_set_holdings(v.id, 2, record_list(p_body, 'asns'));
    END IF;
    IF p_body ? 'domains' THEN
        PERFORM constituent_set_holdings(v.id, 3, lower(record_list(p_body, 'domains')::text)::text[]);
    END IF;
    IF p_body ? 'contacts' THEN
        DELETE FROM constituent_contact c WHERE c.constituent_id = v.id;
        INSERT INTO constituent_contact (constituent_id, name, email, phone) SELECT v.id, x ->> 'name', x ->> 'email', x ->> 'phone'
            FROM jsonb_array_elements(CASE jsonb_typeof(p_body -> 'contacts') WHEN 'array' THEN p_body -> 'contacts' ELSE '[]' END) x;
    END IF;
    PERFORM record_journal('constituent', CASE WHEN p_name IS NULL THEN 'add' ELSE 'set' END, v_name, p_body);
    PERFORM pg_notify('cirt_constituents', '');
    RETURN (SELECT constituent_json(k) FROM visible_constituent k WHERE k.id = v.id);
END $$;

CREATE OR REPLACE FUNCTION constituent_remove(p_name text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT constituent_write(p_name, '{"enabled": false}') $$;

-- Also what ended and what has not begun, newest first; but not what was to begin and was taken back before.
CREATE OR REPLACE FUNCTION constituent_history(p_constituent bigint) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_object('kind', constituent_kind(h.kind), 'value', h.value, 'from', time_text(h.since), 'until', time_text(h.until), 'dated', h.is_dated)
                             ORDER BY h.kind, h.until DESC NULLS FIRST, h.since DESC, h.value), '[]')
    FROM constituent_holding h WHERE h.constituent_id = p_constituent AND viewer() IS NOT NULL AND (NOT h.is_dated OR h.until IS DISTINCT FROM h.since) $$;

-- --- many ---

-- Keeps a part of a file of the caller's; p_import NULL begins one. What nobody applied within a day goes.
CREATE OR REPLACE FUNCTION constituent_stage(p_import bigint, p_items jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_id bigint := p_import;
    v_parts int;
BEGIN
    IF v_id IS NULL THEN
        DELETE FROM constituent_import i WHERE i.started < now() - interval '1 day';
        INSERT INTO constituent_import (identity_id) VALUES (viewer()) RETURNING id INTO v_id;
    END IF;
    PERFORM constituent_import_lock(v_id);
    SELECT count(*) INTO v_parts FROM constituent_import_part p WHERE p.import_id = v_id;
    IF v_parts >= 256 THEN
        PERFORM refuse('CI413', 'the file has too many parts', 'at most 256 of 4 MiB each: import it in pieces, without --prune');
    END IF;
    INSERT INTO constituent_import_part (import_id, no, items) VALUES (v_id, v_parts + 1, p_items);
    RETURN json_build_object('import', v_id, 'parts', v_parts + 1, 'items', jsonb_array_length(p_items));
END $$;

CREATE OR REPLACE FUNCTION constituent_import_lock(p_import bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    PERFORM 1 FROM constituent_import i WHERE i.id = p_import AND i.identity_id = viewer() FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM refuse('CI404', format('there is no import %s', p_import), 'it was applied already, or is a day old: begin again');
    END IF;
END $$;

-- A day is a day of the site's zone: it begins at midnight there, and as an end it counts to its last moment. Anything else is a moment.
CREATE OR REPLACE FUNCTION constituent_moment(p_text text, p_offset int, p_days int) RETURNS timestamptz LANGUAGE sql STABLE
RETURN CASE WHEN p_text ~ '^\d{4}-\d\d-\d\d$' THEN (p_text::date + p_days)::timestamp AT TIME ZONE 'UTC' - make_interval(mins => p_offset) ELSE p_text::timestamptz END;

-- What stands wrong in a file, at most 20 of it, as one refusal.
CREATE OR REPLACE FUNCTION constituent_import_refuse(p_at text[], p_error text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(p_at) > 0 THEN
        PERFORM refuse('CI422', p_error[1], CASE WHEN cardinality(p_at) > 1 THEN format('%s more are wrong too', cardinality(p_at) - 1) ELSE '' END,
                       json_build_object('at', p_at[1], 'errors', (SELECT json_agg(json_build_object('at', u.at, 'error', u.error))
                                         FROM (SELECT * FROM unnest(p_at, p_error) WITH ORDINALITY x(at, error, no) ORDER BY no LIMIT 20) u)));
    END IF;
END $$;

-- The file as rows: import_row an item, import_site a constituent, import_value what one holds (as constituent_holding), import_person a contact.
CREATE OR REPLACE FUNCTION constituent_import_read(p_import bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_offset int := site_offset();
    v_at text[];
    v_error text[];
BEGIN
    CREATE TEMP TABLE import_row ON COMMIT DROP AS
        SELECT row_number() OVER (ORDER BY p.no, e.ord) AS no, e.item ->> 'at' AS at, e.item ->> 'name' AS name, e.item
        FROM constituent_import_part p CROSS JOIN LATERAL jsonb_array_elements(p.items) WITH ORDINALITY e(item, ord) WHERE p.import_id = p_import;
    CREATE TEMP TABLE import_site ON COMMIT DROP AS
        SELECT r.name, k.id, k.id IS NULL AS is_new, min(r.no) AS no, count(*) AS rows, jsonb_object_agg(f.member, f.value ORDER BY r.no DESC) FILTER (WHERE f.member IS NOT NULL) AS fields
        FROM import_row r LEFT JOIN constituent k ON k.name = r.name
        LEFT JOIN LATERAL jsonb_each(r.item) f(member, value) ON f.member IN ('title', 'sector', 'criticality', 'lang', 'enabled')
        GROUP BY r.name, k.id;
    SELECT array_agg(x.at ORDER BY x.no), array_agg(format('%s of %s is %s here and %s before', x.member, x.name, x.value, x.first) ORDER BY x.no) INTO v_at, v_error
    FROM (SELECT r.no, r.at, r.name, f.member, f.value, s.fields -> f.member AS first FROM import_row r JOIN import_site s ON s.name = r.name AND s.rows > 1
          CROSS JOIN LATERAL jsonb_each(r.item) f(member, value)
          WHERE f.member IN ('title', 'sector', 'criticality', 'lang', 'enabled') AND f.value <> s.fields -> f.member) x;
    PERFORM constituent_import_refuse(v_at, v_error);
    CREATE TEMP TABLE import_value ON COMMIT DROP AS
        SELECT r.name, x.kind, x.value, constituent_moment(x.since, v_offset, 0) AS since, constituent_moment(x.until, v_offset, 1) AS until, min(r.no) AS no
        FROM import_row r CROSS JOIN LATERAL (
            SELECT 1 AS kind, (e ->> 'value')::cidr::text AS value, e ->> 'from' AS since, e ->> 'until' AS until FROM jsonb_array_elements(r.item -> 'networks') e
            UNION ALL SELECT 2, e ->> 'value', e ->> 'from', e ->> 'until' FROM jsonb_array_elements(r.item -> 'asns') e
            UNION ALL SELECT 3, e ->> 'value', e ->> 'from', e ->> 'until' FROM jsonb_array_elements(r.item -> 'domains') e) x
        GROUP BY 1, 2, 3, 4, 5;
    SELECT array_agg(r.at ORDER BY r.no), array_agg(x.error ORDER BY r.no) INTO v_at, v_error
    FROM (SELECT v.no, CASE WHEN v.since >= v.until THEN format('%s ends before it begins', v.value)
                            WHEN v.before IS NOT NULL THEN format('%s is held by %s twice at the same time: see also %s', v.value, v.name, r.at) END AS error
          FROM (SELECT w.*, lag(w.no) OVER same AS before, lag(coalesce(w.until, 'infinity')) OVER same AS before_until FROM import_value w
                WINDOW same AS (PARTITION BY w.name, w.kind, w.value ORDER BY coalesce(w.since, least(now(), w.until)), w.until NULLS LAST)) v
          LEFT JOIN import_row r ON r.no = v.before
          WHERE v.since >= v.until OR v.before_until > coalesce(v.since, least(now(), v.until))) x
    JOIN import_row r ON r.no = x.no WHERE x.error IS NOT NULL;
    PERFORM constituent_import_refuse(v_at, v_error);
    CREATE TEMP TABLE import_person ON COMMIT DROP AS
        SELECT x.site, (array_agg(x.name ORDER BY x.no) FILTER (WHERE x.name IS NOT NULL))[1] AS name, min(x.email) AS email,
               (array_agg(x.phone ORDER BY x.no) FILTER (WHERE x.phone IS NOT NULL))[1] AS phone, min(x.no) AS no
        FROM (SELECT r.name AS site, nullif(btrim(e ->> 'name'), '') AS name, nullif(btrim(e ->> 'email'), '') AS email, nullif(btrim(e ->> 'phone'), '') AS phone, r.no
              FROM import_row r CROSS JOIN LATERAL jsonb_array_elements(r.item -> 'contacts') e) x
        WHERE x.email IS NOT NULL OR x.phone IS NOT NULL GROUP BY x.site, lower(x.email), CASE WHEN x.email IS NULL THEN x.phone END;
    ANALYZE import_site, import_value, import_person;
END $$;

-- What the file changes, as rows: import_change in what is held (add, set, end), import_contact in contacts (add, set, end), import_gone whom it does not name.
-- A value without a beginning stands for what is held now, and lasts till what is to begin later; with an end in the past it stands for what ended then. One with
-- another beginning than what is held now corrects it, and so does the past where a beginning was never known: there `since` goes back to the end where it must,
-- standing for nothing. What is held now is changed by the latest that the file says of it.
CREATE OR REPLACE FUNCTION constituent_import_compare(p_prune boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    CREATE TEMP TABLE import_gone ON COMMIT DROP AS
        SELECT k.id, k.name FROM constituent k WHERE p_prune AND k.enabled AND NOT EXISTS (SELECT FROM import_site s WHERE s.id = k.id);
    CREATE TEMP TABLE import_have ON COMMIT DROP AS
        SELECT h.*, coalesce(s.name, g.name) AS name, g.id IS NOT NULL AS is_gone, constituent_holds(h.since, h.until, now()) AS is_now, v.name IS NOT NULL AS is_named
        FROM constituent_holding h LEFT JOIN import_site s ON s.id = h.constituent_id LEFT JOIN import_gone g ON g.id = h.constituent_id
        LEFT JOIN import_value v ON v.name = s.name AND v.kind = h.kind AND v.value = h.value AND v.since = h.since
        WHERE s.id IS NOT NULL OR g.id IS NOT NULL;
    ANALYZE import_have;
    CREATE TEMP TABLE import_change ON COMMIT DROP AS
        SELECT v.name, v.kind, v.value, v.no, o.since AS old_since, CASE WHEN o.since IS NULL THEN 'add' WHEN o.is_same THEN 'keep' ELSE 'set' END AS action,
               v.since IS NOT NULL AS is_dated,
               coalesce(v.since, CASE WHEN o.is_dated THEN o.since ELSE least(o.since, v.until) END, least(now(), v.until)) AS since,
               CASE WHEN v.since IS NOT NULL OR v.until IS NOT NULL THEN v.until WHEN o.since IS NOT NULL THEN o.until ELSE f.since END AS until
        FROM (SELECT w.*, row_number() OVER (PARTITION BY w.name, w.kind, w.value ORDER BY coalesce(w.since, now()) > now(), w.until DESC NULLS FIRST) = 1 AS is_latest
              FROM import_value w) v
        LEFT JOIN import_have x ON x.name = v.name AND x.kind = v.kind AND x.value = v.value
             AND (x.since = v.since OR (v.since IS NULL AND x.until = v.until AND (NOT x.is_dated OR x.since < x.until)))
        LEFT JOIN import_have y ON y.name = v.name AND y.kind = v.kind AND y.value = v.value AND x.since IS NULL AND NOT y.is_named
             AND CASE WHEN v.since IS NULL OR constituent_holds(v.since, v.until, now()) THEN y.is_now AND v.is_latest
                      WHEN v.since < now() THEN NOT y.is_dated AND (y.until = v.until OR (y.until IS NULL AND v.is_latest)) END
        LEFT JOIN (SELECT h.name, h.kind, h.value, min(h.since) AS since FROM import_have h WHERE h.since > now() AND h.until IS DISTINCT FROM h.since GROUP BY 1, 2, 3) f
             ON f.name = v.name AND f.kind = v.kind AND f.value = v.value
        CROSS JOIN LATERAL (SELECT coalesce(x.since, y.since), coalesce(x.is_dated, y.is_dated), CASE WHEN x.since IS NOT NULL THEN x.until ELSE y.until END,
            CASE WHEN x.since IS NOT NULL THEN x.until IS NOT DISTINCT FROM v.until ELSE v.since IS NULL AND (v.until IS NULL OR v.until = y.until) END)
            o(since, is_dated, until, is_same);
    PERFORM constituent_import_check();
    IF p_prune THEN
        INSERT INTO import_change (name, kind, value, old_since, action, since, until)
            SELECT h.name, h.kind, h.value, h.since, 'end', h.since, greatest(now(), h.since) FROM import_have h
            WHERE (h.until IS NULL OR h.until > greatest(now(), h.since))
              AND (h.is_gone OR (EXISTS (SELECT FROM import_row r WHERE r.item ? (constituent_kind(h.kind) || 's'))
                                 AND NOT EXISTS (SELECT FROM import_value v WHERE v.name = h.name AND v.kind = h.kind AND v.value = h.value)));
    END IF;
    CREATE TEMP TABLE import_contact ON COMMIT DROP AS
        SELECT p.site, p.name, p.email, p.phone, min(c.id) AS id, CASE WHEN min(c.id) IS NULL THEN 'add'
               WHEN bool_or((c.name, c.email, c.phone) IS NOT DISTINCT FROM (coalesce(p.name, c.name), p.email, coalesce(p.phone, c.phone))) THEN 'keep' ELSE 'set' END AS action
        FROM import_person p JOIN import_site s ON s.name = p.site
        LEFT JOIN constituent_contact c ON c.constituent_id = s.id
             AND CASE WHEN p.email IS NOT NULL THEN lower(btrim(c.email)) = lower(p.email) ELSE c.email IS NULL AND c.phone = p.phone END
        GROUP BY p.site, p.name, p.email, p.phone, p.no ORDER BY p.no;
    IF p_prune AND EXISTS (SELECT FROM import_row r WHERE r.item ? 'contacts') THEN
        INSERT INTO import_contact (site, name, email, phone, id, action)
            SELECT s.name, c.name, c.email, c.phone, c.id, 'end' FROM constituent_contact c JOIN import_site s ON s.id = c.constituent_id
            WHERE NOT EXISTS (SELECT FROM import_contact n WHERE n.id = c.id);
    END IF;
END $$;

-- What the file would make of what is held, refused by line where it cannot be: an end before its beginning, and two at the same time.
CREATE OR REPLACE FUNCTION constituent_import_check() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_at text[];
    v_error text[];
BEGIN
    CREATE TEMP TABLE import_after ON COMMIT DROP AS
        SELECT row_number() OVER () AS id, a.* FROM (
            SELECT c.name, c.kind, c.value, c.no, c.is_dated, c.since, c.until FROM import_change c WHERE c.action IN ('add', 'set') AND (c.since <= c.until) IS NOT FALSE
            UNION ALL SELECT h.name, h.kind, h.value, NULL, h.is_dated, h.since, h.until FROM import_have h
                WHERE (NOT h.is_dated OR h.until IS DISTINCT FROM h.since) AND NOT EXISTS (SELECT FROM import_change c
                    WHERE c.action = 'set' AND c.name = h.name AND c.kind = h.kind AND c.value = h.value AND c.old_since = h.since)) a;
    ANALYZE import_after;
    SELECT array_agg(r.at ORDER BY r.no), array_agg(x.error ORDER BY r.no) INTO v_at, v_error FROM (
        SELECT c.no, format('%s is held by %s from %s on: what ended before that needs the day on which it began', c.value, c.name, time_text(c.since)) AS error
            FROM import_change c WHERE c.action = 'set' AND c.until < c.since
        UNION ALL SELECT a.no, format('%s is held by %s already,%s%s: give other days here, or that one its end, in a row with its beginning', a.value, a.name,
                                      CASE WHEN b.is_dated OR b.until IS NULL THEN ' from ' || time_text(b.since) END, ' until ' || time_text(b.until))
            FROM import_after a JOIN import_after b ON b.name = a.name AND b.kind = a.kind AND b.value = a.value AND (b.no IS NULL OR b.id < a.id)
            WHERE a.no IS NOT NULL AND b.id <> a.id AND (b.since = a.since OR (b.since < coalesce(a.until, 'infinity') AND a.since < coalesce(b.until, 'infinity')))) x
        JOIN import_row r ON r.no = x.no;
    PERFORM constituent_import_refuse(v_at, v_error);
END $$;

-- Whether the file says something else about a constituent itself; who was disabled and is named is served again.
CREATE OR REPLACE FUNCTION constituent_differs(k constituent, p_fields jsonb) RETURNS boolean LANGUAGE sql STABLE
RETURN (k.title, k.sector, k.criticality, k.lang, k.enabled) IS DISTINCT FROM (record_text(p_fields, 'title', k.title), record_text(p_fields, 'sector', k.sector),
    record_text(p_fields, 'criticality', k.criticality), record_text(p_fields, 'lang', k.lang), coalesce((p_fields ->> 'enabled')::boolean, true));

CREATE OR REPLACE FUNCTION constituent_import_apply() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO constituent (name, title, sector, criticality, lang, enabled)
        SELECT s.name, s.fields ->> 'title', s.fields ->> 'sector', s.fields ->> 'criticality', s.fields ->> 'lang', coalesce((s.fields ->> 'enabled')::boolean, true)
        FROM import_site s WHERE s.is_new ORDER BY s.no;
    UPDATE constituent k SET title = record_text(s.fields, 'title', k.title), sector = record_text(s.fields, 'sector', k.sector),
        criticality = record_text(s.fields, 'criticality', k.criticality), lang = record_text(s.fields, 'lang', k.lang),
        enabled = coalesce((s.fields ->> 'enabled')::boolean, true)
        FROM import_site s WHERE s.id = k.id AND constituent_differs(k, s.fields);
    UPDATE constituent k SET enabled = false FROM import_gone g WHERE g.id = k.id;
    -- The new ones have their numbers now.
    UPDATE import_site s SET id = k.id FROM constituent k WHERE s.is_new AND k.name = s.name;
    ANALYZE import_change;
    UPDATE constituent_network n SET since = c.since, until = c.until, is_dated = n.is_dated OR coalesce(c.is_dated, false) FROM import_change c JOIN constituent k ON k.name = c.name
        WHERE c.kind = 1 AND c.action IN ('set', 'end') AND n.constituent_id = k.id AND n.network = c.value::cidr AND n.since = c.old_since;
    UPDATE constituent_asn n SET since = c.since, until = c.until, is_dated = n.is_dated OR coalesce(c.is_dated, false) FROM import_change c JOIN constituent k ON k.name = c.name
        WHERE c.kind = 2 AND c.action IN ('set', 'end') AND n.constituent_id = k.id AND n.asn = c.value::bigint AND n.since = c.old_since;
    UPDATE constituent_domain n SET since = c.since, until = c.until, is_dated = n.is_dated OR coalesce(c.is_dated, false) FROM import_change c JOIN constituent k ON k.name = c.name
        WHERE c.kind = 3 AND c.action IN ('set', 'end') AND n.constituent_id = k.id AND n.domain = c.value AND n.since = c.old_since;
    -- What somebody held before begins now.
    UPDATE import_change c SET is_dated = true FROM constituent_holding h
        WHERE c.action = 'add' AND (c.until > c.since) IS NOT FALSE AND h.kind = c.kind AND h.value = c.value AND h.until IS NOT NULL;
    INSERT INTO constituent_network (constituent_id, network, since, until, is_dated) SELECT s.id, c.value::cidr, c.since, c.until, c.is_dated
        FROM import_change c JOIN import_site s ON s.name = c.name WHERE c.kind = 1 AND c.action = 'add' ORDER BY c.no;
    INSERT INTO constituent_asn (constituent_id, asn, since, until, is_dated) SELECT s.id, c.value::bigint, c.since, c.until, c.is_dated
        FROM import_change c JOIN import_site s ON s.name = c.name WHERE c.kind = 2 AND c.action = 'add' ORDER BY c.no;
    INSERT INTO constituent_domain (constituent_id, domain, since, until, is_dated) SELECT s.id, c.value, c.since, c.until, c.is_dated
        FROM import_change c JOIN import_site s ON s.name = c.name WHERE c.kind = 3 AND c.action = 'add' ORDER BY c.no;
    DELETE FROM constituent_contact x USING import_contact c WHERE c.action = 'end' AND x.id = c.id;
    UPDATE constituent_contact x SET name = coalesce(c.name, x.name), email = c.email, phone = coalesce(c.phone, x.phone) FROM import_contact c
        WHERE c.action = 'set' AND x.id = c.id;
    INSERT INTO constituent_contact (constituent_id, name, email, phone) SELECT s.id, c.name, c.email, c.phone
        FROM import_contact c JOIN import_site s ON s.name = c.site WHERE c.action = 'add';
END $$;

-- What was, or would be, done: counts, and the first 200 constituents that it touches.
CREATE OR REPLACE FUNCTION constituent_import_json(p_import bigint, p_is_dry boolean) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_kinds json;
    v_contacts json;
    v_rows json;
    v_counts record;
BEGIN
    CREATE TEMP TABLE import_touched ON COMMIT DROP AS
        SELECT x.name, bool_or(x.action = 'add') AS is_new, bool_or(x.action = 'disable') AS is_gone, bool_or(x.action = 'set') AS is_other,
               sum(x.added) AS added, sum(x.changed) AS changed, sum(x.ended) AS ended
        FROM (SELECT s.name, CASE WHEN s.is_new THEN 'add' ELSE 'set' END AS action, 0 AS added, 0 AS changed, 0 AS ended
                  FROM import_site s LEFT JOIN constituent k ON k.id = s.id WHERE s.is_new OR constituent_differs(k, s.fields)
              UNION ALL SELECT g.name, 'disable', 0, 0, 0 FROM import_gone g
              UNION ALL SELECT c.name, NULL, (c.action = 'add')::int, (c.action = 'set')::int, (c.action = 'end')::int FROM import_change c WHERE c.action <> 'keep'
              UNION ALL SELECT c.site, NULL, (c.action = 'add')::int, (c.action = 'set')::int, (c.action = 'end')::int FROM import_contact c WHERE c.action <> 'keep') x
        GROUP BY x.name;
    SELECT json_object_agg(constituent_kind(i) || 's', (SELECT json_build_object('added', count(*) FILTER (WHERE c.action = 'add'), 'changed', count(*) FILTER (WHERE c.action = 'set'),
               'ended', count(*) FILTER (WHERE c.action = 'end'), 'unchanged', count(*) FILTER (WHERE c.action = 'keep')) FROM import_change c WHERE c.kind = i) ORDER BY i)
        INTO v_kinds FROM generate_series(1, 3) i;
    SELECT json_build_object('added', count(*) FILTER (WHERE c.action = 'add'), 'changed', count(*) FILTER (WHERE c.action = 'set'),
               'ended', count(*) FILTER (WHERE c.action = 'end'), 'unchanged', count(*) FILTER (WHERE c.action = 'keep')) INTO v_contacts FROM import_contact c;
    SELECT count(*) FILTER (WHERE t.is_new) AS added, count(*) FILTER (WHERE t.is_new IS NOT TRUE AND t.is_gone IS NOT TRUE) AS changed,
           count(*) FILTER (WHERE t.is_gone) AS ended INTO v_counts FROM import_touched t;
    SELECT coalesce(json_agg(json_build_object('constituent', t.name, 'action', CASE WHEN t.is_new THEN 'add' WHEN t.is_gone THEN 'disable' ELSE 'change' END,
               'record', t.is_other IS TRUE, 'added', t.added, 'changed', t.changed, 'ended', t.ended) ORDER BY t.name), '[]')
        INTO v_rows FROM (SELECT * FROM import_touched y ORDER BY y.is_gone IS TRUE DESC, y.ended DESC, y.name LIMIT 200) t;
    RETURN json_build_object('import', p_import, 'applied', NOT p_is_dry, 'constituents', json_build_object('added', v_counts.added, 'changed', v_counts.changed, 'ended',
            v_counts.ended, 'unchanged', (SELECT count(*) FROM import_site) - v_counts.added - v_counts.changed),
        'networks', v_kinds -> 'networks', 'asns', v_kinds -> 'asns', 'domains', v_kinds -> 'domains', 'contacts', v_contacts, 'items', v_rows,
        'total', (SELECT count(*) FROM import_touched));
END $$;

-- Without p_is_dry all of the file is applied, or nothing. With p_prune what the file does not name ends: what a constituent of it holds of a kind that the
-- file has, and who is not in it at all.
CREATE OR REPLACE FUNCTION constituent_import(p_import bigint, p_prune boolean, p_is_dry boolean) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_done json;
BEGIN
    PERFORM constituent_import_lock(p_import);
    IF NOT coalesce(p_is_dry, false) THEN
        -- One at a time, and nobody changes a record meanwhile.
        LOCK TABLE constituent, constituent_network, constituent_asn, constituent_domain, constituent_contact IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    PERFORM constituent_import_read(p_import);
    IF NOT EXISTS (SELECT FROM import_row) THEN
        PERFORM refuse('CI422', 'the file names no constituent');
    END IF;
    PERFORM constituent_import_compare(coalesce(p_prune, false));
    v_done := constituent_import_json(p_import, coalesce(p_is_dry, false));
    IF NOT coalesce(p_is_dry, false) THEN
        PERFORM constituent_import_apply();
        DELETE FROM constituent_import i WHERE i.id = p_import;
        IF (v_done ->> 'total')::int > 0 THEN
            PERFORM journal_append(0, viewer_login(), 'constituent import', format('%s constituents touched', v_done ->> 'total'), v_done::jsonb - 'import' - 'applied');
            PERFORM pg_notify('cirt_constituents', '');
        END IF;
    END IF;
    RETURN v_done;
END $$;

-- --- whose is it ---

-- Who held a value on a day and was served then, each once, best first, with the reason; of several who hold the same, who was registered first. p_at NULL: now. An address by the
-- longest network around it, an AS number, a name by its longest suffix.
CREATE OR REPLACE FUNCTION constituent_who(p_type text, p_value text, p_host text, p_at timestamptz)
RETURNS TABLE (constituent_id bigint, kind int, value text, since timestamptz, until timestamptz, is_dated boolean, is_owner boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_at timestamptz := coalesce(p_at, now());
    v_name text := coalesce(p_host, CASE WHEN p_type = 'domain' THEN p_value END);
BEGIN
    IF viewer() IS NULL THEN
        RETURN;
    ELSIF p_type IN ('ipv4', 'ipv6', 'cidr') THEN
        RETURN QUERY SELECT n.constituent_id, 1, n.network::text, n.since, n.until, n.is_dated, masklen(n.network) = max(masklen(n.network)) OVER ()
            FROM (SELECT DISTINCT ON (x.constituent_id, x.network) x.constituent_id, x.network, x.since, h.until, x.is_dated FROM constituent_network x
                  JOIN constituent k ON k.id = x.constituent_id CROSS JOIN LATERAL (SELECT least(x.until, k.disabled_at)) h(until)
                  WHERE x.network >>= p_value::inet AND constituent_held(x.since, h.until, x.is_dated, v_at) ORDER BY x.constituent_id, x.network, x.since <= v_at DESC, x.since DESC) n
            ORDER BY masklen(n.network) DESC, n.constituent_id LIMIT 100;
        RETURN QUERY SELECT n.constituent_id, 1, n.network::text, n.since, n.until, n.is_dated, false
            FROM (SELECT DISTINCT ON (x.constituent_id, x.network) x.constituent_id, x.network, x.since, h.until, x.is_dated FROM constituent_network x
                  JOIN constituent k ON k.id = x.constituent_id CROSS JOIN LATERAL (SELECT least(x.until, k.disabled_at)) h(until)
                  WHERE p_type = 'cidr' AND x.network << p_value::inet AND constituent_held(x.since, h.until, x.is_dated, v_at)
                  ORDER BY x.constituent_id, x.network, x.since <= v_at DESC, x.since DESC) n
            ORDER BY n.network, n.constituent_id LIMIT 100;
    ELSIF p_type = 'asn' THEN
        RETURN QUERY SELECT DISTINCT ON (x.constituent_id) x.constituent_id, 2, x.asn::text, x.since, h.until, x.is_dated, true FROM constituent_asn x
            JOIN constituent k ON k.id = x.constituent_id CROSS JOIN LATERAL (SELECT least(x.until, k.disabled_at)) h(until)
            WHERE x.asn = p_value::bigint AND constituent_held(x.since, h.until, x.is_dated, v_at) ORDER BY x.constituent_id, x.since <= v_at DESC, x.since DESC LIMIT 100;
    ELSIF v_name IS NOT NULL THEN
        RETURN QUERY SELECT d.constituent_id, 3, d.domain, d.since, d.until, d.is_dated, length(d.domain) = max(length(d.domain)) OVER ()
            FROM (SELECT DISTINCT ON (x.constituent_id, x.domain) x.constituent_id, x.domain, x.since, h.until, x.is_dated FROM constituent_domain x
                  JOIN constituent k ON k.id = x.constituent_id CROSS JOIN LATERAL (SELECT least(x.until, k.disabled_at)) h(until)
                  WHERE x.domain = ANY (ARRAY(SELECT array_to_string(l[i:], '.') FROM string_to_array(v_name, '.') l, generate_series(1, cardinality(l)) i))
                    AND constituent_held(x.since, h.until, x.is_dated, v_at) ORDER BY x.constituent_id, x.domain, x.since <= v_at DESC, x.since DESC) d
            ORDER BY length(d.domain) DESC, d.constituent_id LIMIT 100;
    END IF;
END $$;
