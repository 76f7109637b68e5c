-- Finding: by observable and by word, each in the form that stays fast for rare and for common ones (docs/PERFORMANCE.md).

-- Sightings of an observable: an address also in the networks that hold it, a network with all in it, a name with all below it. At most p_limit.
CREATE OR REPLACE FUNCTION find_sightings(p_type text, p_value text, p_host text, p_limit int) RETURNS SETOF visible_sighting
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp AS $$
DECLARE
    v_net inet;
    v_name text;
BEGIN
    IF p_type IN ('ipv4', 'ipv6') THEN
        v_net := p_value::inet;
        RETURN QUERY (SELECT s.* FROM visible_sighting s WHERE s.addr = v_net LIMIT p_limit)
            UNION ALL (SELECT s.* FROM visible_sighting s WHERE s.type = 3 AND s.addr >> v_net LIMIT p_limit);
    ELSIF p_type = 'cidr' THEN
        v_net := p_value::inet;
        -- Hosts by a range of the btree, networks by containment.
        RETURN QUERY (SELECT s.* FROM visible_sighting s WHERE s.type <> 3 AND s.addr BETWEEN host(network(v_net))::inet AND host(broadcast(v_net))::inet
                      LIMIT p_limit)
            UNION ALL (SELECT s.* FROM visible_sighting s WHERE s.type = 3 AND s.addr && v_net LIMIT p_limit);
    ELSIF p_type = 'domain' THEN
        -- "." and "/" are neighbours in ASCII: what begins with the reversed name and a dot.
        v_name := reverse(p_value);
        RETURN QUERY (SELECT s.* FROM visible_sighting s WHERE s.host IS NOT NULL AND reverse(s.host) = v_name LIMIT p_limit)
            UNION ALL (SELECT s.* FROM visible_sighting s WHERE s.host IS NOT NULL AND reverse(s.host) ~>=~ (v_name || '.')
                       AND reverse(s.host) ~<~ (v_name || '/') LIMIT p_limit);
    ELSIF p_host IS NOT NULL THEN
        RETURN QUERY SELECT s.* FROM visible_sighting s WHERE s.host IS NOT NULL AND reverse(s.host) = reverse(p_host) AND s.value = p_value LIMIT p_limit;
    ELSE
        RETURN QUERY SELECT s.* FROM visible_sighting s WHERE s.addr IS NULL AND s.host IS NULL
            AND hashtextextended(s.value, 0) = hashtextextended(p_value, 0) AND s.value = p_value LIMIT p_limit;
    END IF;
END $$;

-- --- what filters look up: a list of ids where they are few, and a question to each case or report along the list where they are many ---
-- Neither form is good for both: by index the common ones are found in most cases first, along the list the rare ones in none. desk asks find_look()
-- before the list, and writes the condition of each term accordingly (cirtd/desk/desk_list.c).

SELECT drop_overloads('find_word'), drop_overloads('find_seen'), drop_overloads('find_word_in'), drop_overloads('find_owned'), drop_overloads('find_seen_ids');
DROP FUNCTION IF EXISTS reports_in(text[]);

-- Cases with this word or these words one after the other; NULL where more than p_limit texts have them.
CREATE OR REPLACE FUNCTION find_word(p_word text, p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_cases bigint[];
BEGIN
    IF p_word ~ '[^\x01-\x7f]' THEN
        -- Scripts without blanks have no words for the parser: any part of the text counts.
        v_cases := ARRAY(SELECT t.case_id FROM visible_case_text t WHERE t.words @@ phraseto_tsquery('simple', p_word)
            UNION ALL SELECT t.case_id FROM visible_case_text t WHERE left(t.body, 2000) ~ '[^\x01-\x7f]'
                AND left(t.body, 2000) ILIKE '%' || regexp_replace(p_word, '([\\%_])', '\\\1', 'g') || '%'
            LIMIT p_limit + 1);
    ELSE
        v_cases := ARRAY(SELECT t.case_id FROM visible_case_text t WHERE t.words @@ phraseto_tsquery('simple', p_word) LIMIT p_limit + 1);
    END IF;
    RETURN CASE WHEN cardinality(v_cases) <= p_limit THEN v_cases END;
END $$;

-- Cases with this in their summary, with one of these tags (whoever may see them: the list takes those that its reader may), and of one of these
-- constituents or of those of a sector; NULL where they are more than p_limit.
CREATE OR REPLACE FUNCTION find_summary(p_word text, p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_cases bigint[] := ARRAY(SELECT k.id FROM visible_case k WHERE k.summary ILIKE '%' || regexp_replace(p_word, '([\\%_])', '\\\1', 'g') || '%' LIMIT p_limit + 1);
BEGIN
    RETURN CASE WHEN cardinality(v_cases) <= p_limit THEN v_cases END;
END $$;

CREATE OR REPLACE FUNCTION find_tagged(p_tags text[], p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_tags text[] := ARRAY(SELECT lower(x) FROM unnest(p_tags) x);
    v_cases bigint[] := ARRAY(SELECT t.case_id FROM case_tag t WHERE lower(t.tag) = ANY (v_tags) LIMIT p_limit + 1);
BEGIN
    RETURN CASE WHEN cardinality(v_cases) <= p_limit THEN v_cases END;
END $$;

CREATE OR REPLACE FUNCTION find_owned(p_field text, p_values text[], p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_values text[] := ARRAY(SELECT lower(x) FROM unnest(p_values) x);
    v_ids bigint[] := CASE p_field WHEN 'sector' THEN ARRAY(SELECT k.id FROM visible_constituent k WHERE lower(k.sector) = ANY (v_values) LIMIT p_limit + 1)
        ELSE ARRAY(SELECT k.id FROM visible_constituent k WHERE lower(k.name) = ANY (v_values) LIMIT p_limit + 1) END;
    v_cases bigint[];
BEGIN
    IF cardinality(v_ids) > p_limit THEN
        RETURN NULL;
    END IF;
    v_cases := ARRAY(SELECT k.id FROM visible_case_key k WHERE k.constituent_id = ANY (v_ids)
        UNION ALL SELECT o.case_id FROM visible_case_owner o WHERE p_field = 'constituent' AND o.constituent_id = ANY (v_ids) LIMIT p_limit + 1);
    RETURN CASE WHEN cardinality(v_cases) <= p_limit THEN v_cases END;
END $$;

-- Reports in such cases.
CREATE OR REPLACE FUNCTION find_owned_reports(p_field text, p_values text[], p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_cases bigint[] := find_owned(p_field, p_values, p_limit);
    v_reports bigint[] := ARRAY(SELECT m.report_id FROM visible_member m WHERE m.case_id = ANY (v_cases) LIMIT p_limit + 1);
BEGIN
    RETURN CASE WHEN v_cases IS NOT NULL AND cardinality(v_reports) <= p_limit THEN v_reports END;
END $$;

-- Reports of a class (p_how equal: of one of these; prefix: whose name begins so), of a format, in a state that few are in, and from a sender, whoever may see them (the list
-- takes those that its reader may); NULL where they are more than p_limit.
CREATE OR REPLACE FUNCTION find_classed(p_how text, p_values text[], p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
    v_reports bigint[];
BEGIN
    IF p_how = 'prefix' THEN
        v_reports := ARRAY(SELECT c.report_id FROM report_content c WHERE c.class ~>=~ lower(p_values[1]) AND c.class ~<~ (lower(p_values[1]) || chr(1114111)) LIMIT p_limit + 1);
    ELSE
        v_reports := ARRAY(SELECT c.report_id FROM report_content c WHERE c.class = ANY (p_values) LIMIT p_limit + 1);
    END IF;
    RETURN CASE WHEN cardinality(v_reports) <= p_limit THEN v_reports END;
END $$;

CREATE OR REPLACE FUNCTION find_formatted(p_formats text[], p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
    v_reports bigint[] := ARRAY(SELECT c.report_id FROM report_content c WHERE c.format = ANY (ARRAY(SELECT lower(x) FROM unnest(p_formats) x)) LIMIT p_limit + 1);
BEGIN
    RETURN CASE WHEN cardinality(v_reports) <= p_limit THEN v_reports END;
END $$;

-- (What is neither malformed nor decided yet stands in a queue, where it failed there too.)
CREATE OR REPLACE FUNCTION find_in_state(p_states text[], p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
    v_reports bigint[];
BEGIN
    IF 'triaged' = ANY (p_states) THEN
        RETURN NULL;
    END IF;
    v_reports := ARRAY((SELECT c.report_id FROM report_content c WHERE c.state = 'malformed' AND 'malformed' = ANY (p_states) LIMIT p_limit + 1)
        UNION ALL (SELECT o.report_id FROM report_outcome o WHERE o.state IN ('held', 'dropped') AND o.state = ANY (p_states)
            AND NOT EXISTS (SELECT FROM report_content c WHERE c.report_id = o.report_id AND c.state = 'malformed') LIMIT p_limit + 1)
        UNION ALL (SELECT q.report_id FROM (SELECT i.report_id FROM inbox i UNION ALL SELECT w.report_id FROM to_verify w UNION ALL SELECT w.report_id FROM to_open w
                UNION ALL SELECT generate_series(lower(x), upper(x) - 1) FROM to_triage t, unnest(t.reports) x) q
            WHERE p_states && '{received,decoding}' AND coalesce((SELECT o.state FROM report_outcome o WHERE o.report_id = q.report_id),
                (SELECT c.state FROM report_content c WHERE c.report_id = q.report_id), 'received') = ANY (p_states)
                AND NOT EXISTS (SELECT FROM report_content c WHERE c.report_id = q.report_id AND c.state = 'malformed') LIMIT p_limit + 1));
    RETURN CASE WHEN cardinality(v_reports) <= p_limit THEN v_reports END;
END $$;

CREATE OR REPLACE FUNCTION find_sent(p_senders text[], p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
    v_names text[] := ARRAY(SELECT lower(x) FROM unnest(p_senders) x);
    v_ids bigint[] := ARRAY(SELECT s.id FROM sender s LEFT JOIN identity i ON i.id = s.identity_id LEFT JOIN peer p ON p.id = s.peer_id
        WHERE lower(coalesce(i.login, p.name, s.address)) = ANY (v_names));
    v_reports bigint[] := ARRAY(SELECT r.id FROM report r WHERE r.sender_id = ANY (v_ids) LIMIT p_limit + 1);
BEGIN
    RETURN CASE WHEN cardinality(v_reports) <= p_limit THEN v_reports END;
END $$;

-- Cases with so many observations, whoever may see them; NULL where they are more than p_limit, or those without any are meant too. Their numbers change too often
-- for an index: all are read.
CREATE OR REPLACE FUNCTION find_counted(p_counts bigint[], p_from bigint, p_until bigint, p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_cases bigint[];
BEGIN
    IF 0 = ANY (p_counts) OR p_counts IS NULL AND coalesce(p_from, 0) <= 0 THEN
        RETURN NULL;
    END IF;
    v_cases := ARRAY(SELECT t.case_id FROM case_tally t
        WHERE CASE WHEN p_counts IS NOT NULL THEN t.observations = ANY (p_counts) ELSE t.observations BETWEEN p_from AND coalesce(p_until, 9223372036854775807) END LIMIT p_limit + 1);
    RETURN CASE WHEN cardinality(v_cases) <= p_limit THEN v_cases END;
END $$;

-- Reports by what no index knows: of all that there are.
CREATE OR REPLACE FUNCTION find_told(p_field text, p_value text, p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_pattern text := '%' || regexp_replace(p_value, '([\\%_])', '\\\1', 'g') || '%';
    v_reports bigint[];
BEGIN
    v_reports := ARRAY(SELECT v.id FROM visible_report v WHERE report_summary(v.summary, v.description) ILIKE v_pattern OR (p_field = 'text' AND v.description ILIKE v_pattern) LIMIT p_limit + 1);
    RETURN CASE WHEN cardinality(v_reports) <= p_limit THEN v_reports END;
END $$;

-- The types of the fields that are looked for by their value as it stands.
CREATE OR REPLACE FUNCTION find_types(p_field text) RETURNS smallint[] LANGUAGE sql IMMUTABLE
RETURN CASE p_field WHEN 'url' THEN '{6}' WHEN 'email' THEN '{7}' WHEN 'hash' THEN '{8,9,10,11}' WHEN 'asn' THEN '{4}' WHEN 'cve' THEN '{12}'
    WHEN 'country' THEN '{16}' ELSE '{}' END::smallint[];

-- Sightings by a field of the filter language: any of the values. At most p_limit of each, by index only.
CREATE OR REPLACE FUNCTION find_seen(p_field text, p_values text[], p_limit int) RETURNS TABLE (report_id bigint, observation_no int)
LANGUAGE plpgsql STABLE ROWS 500 SET search_path = cirt, pg_temp SET enable_seqscan = off AS $$
DECLARE
    v_value text;
    v_host text;
BEGIN
    FOREACH v_value IN ARRAY p_values LOOP
        v_host := CASE p_field
            WHEN 'url' THEN substring(v_value FROM '^[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)')
            WHEN 'email' THEN split_part(v_value, '@', 2) END;
        IF p_field = 'ip' THEN
            RETURN QUERY SELECT s.report_id, s.observation_no FROM find_sightings(CASE WHEN v_value LIKE '%/%' THEN 'cidr' ELSE 'ipv4' END, v_value, NULL, p_limit) s;
        ELSIF p_field = 'domain' THEN
            RETURN QUERY SELECT s.report_id, s.observation_no FROM find_sightings('domain', v_value, NULL, p_limit) s;
        ELSE
            RETURN QUERY SELECT s.report_id, s.observation_no FROM find_sightings(p_field, v_value, v_host, p_limit) s WHERE s.type = ANY (find_types(p_field));
            -- A URL whose host is an address has no name to be found by.
            IF v_host IS NOT NULL THEN
                RETURN QUERY SELECT s.report_id, s.observation_no FROM find_sightings(p_field, v_value, NULL, p_limit) s WHERE s.type = ANY (find_types(p_field));
            END IF;
        END IF;
    END LOOP;
END $$;

-- About how many sightings these networks hold, as the planner thinks. (Of names it knows nothing. EXPLAIN wants VOLATILE.)
CREATE OR REPLACE FUNCTION find_estimate(p_networks inet[]) RETURNS float8
LANGUAGE plpgsql VOLATILE SET search_path = cirt, pg_temp AS $$
DECLARE
    v_network inet;
    v_plan json;
    v_rows float8 := 0;
BEGIN
    FOREACH v_network IN ARRAY p_networks LOOP
        EXECUTE format('EXPLAIN (FORMAT json) SELECT FROM visible_sighting s WHERE s.addr BETWEEN %L AND %L', host(network(v_network)), host(broadcast(v_network))) INTO v_plan;
        v_rows := v_rows + (v_plan #>> '{0,Plan,Plan Rows}')::float8;
    END LOOP;
    RETURN v_rows;
END $$;

-- The same of cases by their blocks of addresses and groups of names: of p_case, or of any, whoever may see it (the list takes those that its reader may).
-- is_sure: what the block says is all that was asked, and nothing RED; else visible sightings tell. At most p_limit of each value.
CREATE OR REPLACE FUNCTION find_block(p_case bigint, p_field text, p_values text[], p_limit int) RETURNS TABLE (case_id bigint, is_sure boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 500 SET search_path = cirt, pg_temp SET enable_seqscan = off AS $$
DECLARE
    v_value text;
    v_network inet;
    v_block inet;
    v_name text;
    v_group text;
    v_is_whole boolean;
BEGIN
    FOREACH v_value IN ARRAY p_values LOOP
        IF p_field = 'ip' THEN
            v_network := v_value::inet;
            v_block := network_block(v_network);
            v_is_whole := v_block = network(v_network)::inet;
            IF p_case IS NULL THEN
                RETURN QUERY (SELECT n.case_id, v_is_whole AND NOT n.is_red FROM case_network n
                              WHERE n.network BETWEEN v_block AND host(broadcast(v_block))::inet LIMIT p_limit)
                    UNION ALL (SELECT n.case_id, NOT n.is_red FROM case_network n
                               WHERE n.network = ANY (ARRAY(SELECT network(set_masklen(v_block, m))::inet FROM generate_series(0, masklen(v_block) - 1) m)) LIMIT p_limit);
            ELSE
                RETURN QUERY SELECT n.case_id, (v_is_whole OR masklen(n.network) < masklen(v_block)) AND NOT n.is_red FROM case_network n
                    WHERE n.case_id = p_case AND n.network && v_block LIMIT p_limit;
            END IF;
        ELSE
            v_name := reverse(v_value);
            v_group := name_group(v_value);
            v_is_whole := v_group = v_name;
            IF p_case IS NULL THEN
                RETURN QUERY (SELECT n.case_id, v_is_whole AND NOT n.is_red FROM case_name n WHERE n.name = v_group LIMIT p_limit)
                    UNION ALL (SELECT n.case_id, NOT n.is_red FROM case_name n WHERE v_is_whole AND n.name ~>=~ (v_name || '.') AND n.name ~<~ (v_name || '/')
                               LIMIT p_limit);
            ELSE
                RETURN QUERY SELECT n.case_id, v_is_whole AND NOT n.is_red FROM case_name n
                    WHERE n.case_id = p_case AND (n.name = v_group OR v_is_whole AND starts_with(n.name, v_name || '.')) LIMIT p_limit;
            END IF;
        END IF;
    END LOOP;
END $$;

-- Observations with one of these ports, or with one from p_from to p_until, whoever may see them. At most p_limit, by index only.
CREATE OR REPLACE FUNCTION find_ports(p_ports bigint[], p_from bigint, p_until bigint, p_limit int)
RETURNS TABLE (report_id bigint, received timestamptz, observation_no int)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 500 SET search_path = cirt, pg_temp SET enable_seqscan = off AS $$
DECLARE
    v_ports int[] := ARRAY(SELECT x::int FROM unnest(p_ports) x WHERE x BETWEEN 0 AND 65535);
    v_from int := least(greatest(coalesce(p_from, 0), 0), 65536);
    v_until int := least(coalesce(p_until, 65535), 65535);
BEGIN
    IF p_ports IS NOT NULL THEN
        RETURN QUERY (SELECT o.report_id, o.received, o.no FROM observation o WHERE o.target_port = ANY (v_ports) LIMIT p_limit)
            UNION ALL (SELECT o.report_id, o.received, o.no FROM observation o WHERE o.source_port = ANY (v_ports) LIMIT p_limit) LIMIT p_limit;
    ELSE
        RETURN QUERY (SELECT o.report_id, o.received, o.no FROM observation o WHERE o.target_port BETWEEN v_from AND v_until LIMIT p_limit)
            UNION ALL (SELECT o.report_id, o.received, o.no FROM observation o WHERE o.source_port BETWEEN v_from AND v_until LIMIT p_limit) LIMIT p_limit;
    END IF;
END $$;

-- Cases or reports with such a sighting or port; NULL where they are common: more than p_limit of them, or rows of blocks. What whole blocks and groups are asked of
-- is known without sightings; of what lies in few blocks all the same some more sightings are looked up than the list can ask cases in that time.
CREATE OR REPLACE FUNCTION find_seen_ids(p_object text, p_field text, p_values text[], p_limit int) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET search_path = cirt, pg_temp AS $$
DECLARE
    v_blocks constant int := greatest(p_limit, 8000);
    v_rows bigint;
    v_sure bigint[];
    v_unsure bigint[];
    v_reports bigint[];
    v_numbers int[];
    v_found bigint;
    v_is_range boolean;
BEGIN
    IF p_object = 'case' AND p_field IN ('ip', 'domain') THEN
        SELECT count(*), array_agg(DISTINCT b.case_id) FILTER (WHERE b.is_sure), array_agg(DISTINCT b.case_id) FILTER (WHERE NOT b.is_sure)
            INTO v_rows, v_sure, v_unsure FROM find_block(NULL, p_field, p_values, v_blocks + 1) b;
        IF v_rows <= v_blocks AND coalesce(cardinality(v_unsure), 0) <= 30 THEN
            RETURN coalesce(v_sure, '{}') || ARRAY(SELECT u FROM unnest(v_unsure) u WHERE u <> ALL (coalesce(v_sure, '{}')) AND find_seen_in(u, NULL, NULL, p_field, 'equal', p_values));
        END IF;
        -- In more cases than sightings would be looked up: there are more of these still.
        IF v_rows > v_blocks AND cardinality(v_sure) > p_limit THEN
            RETURN NULL;
        END IF;
    END IF;
    IF p_field IN ('port', 'port.range') THEN
        v_is_range := p_field = 'port.range';
        WITH found AS MATERIALIZED (SELECT o.* FROM find_ports(CASE WHEN NOT v_is_range THEN p_values::bigint[] END, CASE WHEN v_is_range THEN p_values[1]::bigint END,
                CASE WHEN v_is_range THEN p_values[2]::bigint END, p_limit + 1) o),
            n AS (SELECT count(*) AS found FROM found)
        SELECT n.found, array_agg(o.report_id), array_agg(o.observation_no) INTO v_found, v_reports, v_numbers
            FROM n LEFT JOIN (SELECT f.* FROM found f JOIN visible_report_key r ON r.id = f.report_id AND r.received = f.received
                WHERE (SELECT n.found FROM n) <= p_limit AND (r.tlp < 4 OR viewer_reads_row(f.report_id, f.observation_no))) o ON true GROUP BY n.found;
    ELSE
        SELECT count(*), array_agg(s.report_id), array_agg(s.observation_no) INTO v_found, v_reports, v_numbers FROM find_seen(p_field, p_values, p_limit + 1) s;
    END IF;
    IF v_found > p_limit THEN
        IF p_limit <= 2000 AND (p_object = 'case' AND v_rows <= 1000 OR p_object = 'report' AND p_field = 'ip' AND find_estimate(p_values::inet[]) < 100000) THEN
            RETURN find_seen_ids(p_object, p_field, p_values, 150000);
        END IF;
        RETURN NULL;
    END IF;
    IF p_object = 'report' THEN
        RETURN ARRAY(SELECT DISTINCT u FROM unnest(v_reports) u);
    END IF;
    -- A report once: to ask its members for each of its sightings would cost their product.
    RETURN ARRAY(SELECT DISTINCT m.case_id
        FROM (SELECT u.report_id, range_agg(int4range(u.no, u.no, '[]')) AS numbers FROM unnest(v_reports, v_numbers) u(report_id, no) GROUP BY u.report_id) g
        JOIN visible_member m ON m.report_id = g.report_id AND m.observations && g.numbers);
END $$;

-- What a case has of its reports, or a whole report: one of the two is NULL.
CREATE OR REPLACE FUNCTION find_spans(p_case bigint, p_report bigint, p_received timestamptz) RETURNS TABLE (report_id bigint, received timestamptz, low int, high int) LANGUAGE sql STABLE ROWS 3 AS $$
    SELECT m.report_id, m.received, lower(r), upper(r) FROM visible_member m CROSS JOIN LATERAL unnest(m.observations) r WHERE m.case_id = p_case
    UNION ALL SELECT p_report, p_received, 0, 2147483647 WHERE p_report IS NOT NULL
$$;

-- Whether a case, or a report, has a sighting that find_seen() finds (p_how equal), one whose value begins so (prefix), or any of the field (any).
CREATE OR REPLACE FUNCTION find_seen_in(p_case bigint, p_report bigint, p_received timestamptz, p_field text, p_how text, p_values text[]) RETURNS boolean
LANGUAGE plpgsql STABLE COST 5000 AS $$
DECLARE
    v_networks inet[];
    v_below text[];
    v_is_sure boolean;
BEGIN
    IF p_case IS NOT NULL AND p_how = 'equal' AND p_field IN ('ip', 'domain') THEN
        v_is_sure := (SELECT bool_or(b.is_sure) FROM find_block(p_case, p_field, p_values, 1000) b);
        IF v_is_sure IS DISTINCT FROM false THEN
            RETURN coalesce(v_is_sure, false);
        END IF;
    END IF;
    IF p_field = 'ip' THEN
        v_networks := p_values::inet[];
        RETURN EXISTS (SELECT FROM find_spans(p_case, p_report, p_received) n CROSS JOIN LATERAL (SELECT s.addr, s.type FROM visible_sighting s
            WHERE s.report_id = n.report_id AND s.received = n.received AND s.observation_no >= n.low AND s.observation_no < n.high OFFSET 0) s
            WHERE CASE p_how WHEN 'any' THEN s.type IN (1, 2, 3) ELSE s.addr && ANY (v_networks) END);
    ELSIF p_field = 'domain' THEN
        v_below := ARRAY(SELECT '%.' || regexp_replace(x, '([\\%_])', '\\\1', 'g') FROM unnest(p_values) x);
        RETURN EXISTS (SELECT FROM find_spans(p_case, p_report, p_received) n CROSS JOIN LATERAL (SELECT s.host FROM visible_sighting s
            WHERE s.report_id = n.report_id AND s.received = n.received AND s.observation_no >= n.low AND s.observation_no < n.high OFFSET 0) s
            WHERE s.host IS NOT NULL AND (p_how = 'any' OR s.host = ANY (p_values) OR s.host LIKE ANY (v_below)));
    END IF;
    RETURN EXISTS (SELECT FROM find_spans(p_case, p_report, p_received) n CROSS JOIN LATERAL (SELECT s.type, s.value FROM visible_sighting s
        WHERE s.report_id = n.report_id AND s.received = n.received AND s.observation_no >= n.low AND s.observation_no < n.high OFFSET 0) s
        WHERE s.type = ANY (find_types(p_field))
            AND CASE p_how WHEN 'any' THEN true WHEN 'equal' THEN s.value = ANY (p_values) ELSE starts_with(lower(s.value), lower(p_values[1])) END);
END $$;

-- Whether a case, or a report, has an observation with a port from p_from to p_until, or with any.
CREATE OR REPLACE FUNCTION find_port_in(p_case bigint, p_report bigint, p_received timestamptz, p_ports bigint[], p_from bigint, p_until bigint) RETURNS boolean
LANGUAGE plpgsql STABLE COST 5000 AS $$
BEGIN
    RETURN EXISTS (SELECT FROM find_spans(p_case, p_report, p_received) n CROSS JOIN LATERAL (SELECT o.source_port, o.target_port FROM visible_observation o
        WHERE o.report_id = n.report_id AND o.received = n.received AND o.no >= n.low AND o.no < n.high OFFSET 0) o
        WHERE CASE WHEN p_ports IS NOT NULL THEN o.source_port = ANY (p_ports) OR o.target_port = ANY (p_ports)
            ELSE o.source_port BETWEEN coalesce(p_from, 0) AND coalesce(p_until, 65535) OR o.target_port BETWEEN coalesce(p_from, 0) AND coalesce(p_until, 65535) END);
END $$;

-- Of each looked-up term of a filter its cases or reports; NULL where they are common. Then the list has 200 ms to fill its page, which common ones
-- take 10 of. What is common, but not where the list begins, takes longer: then desk asks again (p_again), and all are looked up that can be.
CREATE OR REPLACE FUNCTION find_look(p_object text, p_fields text[], p_values text[], p_again boolean) RETURNS SETOF bigint[]
LANGUAGE plpgsql SET search_path = cirt, pg_temp AS $$
DECLARE
    v_limit int := CASE WHEN p_again THEN 500000 ELSE 2000 END;
    v_found bigint[];
    v_is_common boolean := false;
BEGIN
    FOR i IN 1..coalesce(cardinality(p_fields), 0) LOOP
        v_found := CASE WHEN p_object = 'report' AND p_fields[i] IN ('text', 'summary') THEN CASE WHEN p_again THEN find_told(p_fields[i], p_values[i], v_limit) END
            WHEN p_fields[i] = 'text' THEN find_word(p_values[i], v_limit)
            WHEN p_fields[i] = 'summary' THEN find_summary(p_values[i], v_limit)
            WHEN p_fields[i] = 'tag' THEN find_tagged(p_values[i]::text[], v_limit)
            WHEN p_fields[i] = 'owner' THEN ARRAY(SELECT k.id FROM visible_identity k WHERE lower(k.login) = ANY (ARRAY(SELECT lower(x) FROM unnest(p_values[i]::text[]) x)))
            WHEN p_fields[i] = 'class' THEN find_classed('equal', p_values[i]::text[], v_limit)
            WHEN p_fields[i] = 'class.prefix' THEN find_classed('prefix', ARRAY[p_values[i]], v_limit)
            WHEN p_fields[i] = 'count' THEN find_counted(p_values[i]::bigint[], NULL, NULL, v_limit)
            WHEN p_fields[i] = 'count.range' THEN find_counted(NULL, (p_values[i]::bigint[])[1], (p_values[i]::bigint[])[2], v_limit)
            WHEN p_fields[i] = 'state' THEN find_in_state(p_values[i]::text[], v_limit)
            WHEN p_fields[i] = 'format' THEN find_formatted(p_values[i]::text[], v_limit)
            WHEN p_fields[i] = 'sender' THEN find_sent(p_values[i]::text[], v_limit)
            WHEN p_fields[i] IN ('constituent', 'sector') AND p_object = 'report' THEN find_owned_reports(p_fields[i], p_values[i]::text[], v_limit)
            WHEN p_fields[i] IN ('constituent', 'sector') THEN find_owned(p_fields[i], p_values[i]::text[], v_limit)
            ELSE find_seen_ids(p_object, p_fields[i], p_values[i]::text[], v_limit) END;
        v_is_common := v_is_common OR v_found IS NULL;
        RETURN NEXT v_found;
    END LOOP;
    IF v_is_common AND NOT p_again THEN
        PERFORM set_config('statement_timeout', '200', true);
    END IF;
END $$;

-- At most p_limit constituents that hold an address, network, AS number or name; of words, those whose name or title has them.
SELECT drop_overloads('find_constituents');
CREATE FUNCTION find_constituents(p_type text, p_value text, p_limit int) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF p_type IN ('ipv4', 'ipv6', 'cidr') THEN
        RETURN QUERY SELECT n.constituent_id FROM constituent_network n WHERE constituent_holds(n.since, n.until, now()) AND n.network && p_value::inet
            GROUP BY n.constituent_id ORDER BY max(masklen(n.network)) DESC, n.constituent_id LIMIT p_limit;
    ELSIF p_type = 'asn' THEN
        RETURN QUERY SELECT DISTINCT a.constituent_id FROM constituent_asn a WHERE constituent_holds(a.since, a.until, now()) AND a.asn = p_value::bigint LIMIT p_limit;
    ELSIF p_type IN ('domain', 'url', 'email') THEN
        RETURN QUERY SELECT DISTINCT d.constituent_id FROM constituent_domain d WHERE constituent_holds(d.since, d.until, now()) AND d.domain = ANY (
            SELECT array_to_string(l[i:], '.') FROM string_to_array(p_value, '.') l, generate_series(1, cardinality(l)) i) LIMIT p_limit;
    ELSIF p_type = 'text' THEN
        RETURN QUERY SELECT k.id FROM constituent k WHERE strpos(lower(k.name || ' ' || coalesce(k.title, '')), lower(p_value)) > 0 ORDER BY k.name LIMIT p_limit;
    END IF;
END $$;
