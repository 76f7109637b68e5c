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

-- Cases with this word or these words one after the other. Complete, or CI429 where more than 2000 match: then the caller walks the cases by
-- date and asks find_word_in() of each instead.
CREATE OR REPLACE FUNCTION find_word(p_word text) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 100 SET search_path = cirt, pg_temp AS $$
DECLARE
    v_cases bigint[];
BEGIN
    IF p_word ~ '[^\x01-\x7f]' THEN
        -- Scripts without blanks have no words for the parser: any part of the text counts.
        v_cases := ARRAY(SELECT t.case_id FROM visible_case_text t WHERE t.words @@ phraseto_tsquery('simple', p_word)
            UNION ALL SELECT t.case_id FROM visible_case_text t WHERE left(t.body, 2000) ~ '[^\x01-\x7f]'
                AND left(t.body, 2000) ILIKE '%' || regexp_replace(p_word, '([\\%_])', '\\\1', 'g') || '%'
            LIMIT 4001);
    ELSE
        v_cases := ARRAY(SELECT t.case_id FROM visible_case_text t WHERE t.words @@ phraseto_tsquery('simple', p_word) LIMIT 2001);
    END IF;
    IF cardinality(v_cases) > 2000 THEN
        RAISE EXCEPTION 'a common word' USING ERRCODE = 'CI429';
    END IF;
    RETURN QUERY SELECT DISTINCT unnest(v_cases);
END $$;

CREATE OR REPLACE FUNCTION find_word_in(p_case bigint, p_word text) RETURNS boolean LANGUAGE sql STABLE
RETURN EXISTS (SELECT FROM visible_case_text t WHERE t.case_id = p_case AND (t.words @@ phraseto_tsquery('simple', p_word)
    OR (p_word ~ '[^\x01-\x7f]' AND left(t.body, 2000) ILIKE '%' || regexp_replace(p_word, '([\\%_])', '\\\1', 'g') || '%')));

-- Sightings by a field of the filter language: any of the values.
CREATE OR REPLACE FUNCTION find_seen(p_field text, p_values text[]) RETURNS SETOF visible_sighting
LANGUAGE plpgsql STABLE ROWS 500 SET search_path = cirt, pg_temp AS $$
DECLARE
    v_value text;
    v_host text;
BEGIN
    FOREACH v_value IN ARRAY p_values LOOP
        v_host := CASE p_field
            WHEN 'url' THEN substring(v_value FROM '^[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)')
            WHEN 'email' THEN split_part(v_value, '@', 2) END;
        IF p_field = 'ip' THEN
            RETURN QUERY SELECT * FROM find_sightings(CASE WHEN v_value LIKE '%/%' THEN 'cidr' ELSE 'ipv4' END, v_value, NULL, NULL);
        ELSIF p_field = 'domain' THEN
            RETURN QUERY SELECT * FROM find_sightings('domain', v_value, NULL, NULL);
        ELSE
            RETURN QUERY SELECT * FROM find_sightings(p_field, v_value, v_host, NULL) s WHERE s.type = ANY (CASE p_field
                WHEN 'url' THEN '{6}' WHEN 'email' THEN '{7}' WHEN 'hash' THEN '{8,9,10,11}' WHEN 'asn' THEN '{4}' WHEN 'cve' THEN '{12}'
                WHEN 'country' THEN '{16}' ELSE '{}' END::smallint[]);
            -- A URL whose host is an address has no name to be found by.
            IF v_host IS NOT NULL THEN
                RETURN QUERY SELECT * FROM find_sightings(p_field, v_value, NULL, NULL);
            END IF;
        END IF;
    END LOOP;
END $$;

-- Constituents that hold an address, network, AS number or name; of words, those whose name or title has them.
CREATE OR REPLACE FUNCTION find_constituents(p_type text, p_value text) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF p_type IN ('ipv4', 'ipv6', 'cidr') THEN
        RETURN QUERY SELECT n.constituent_id FROM constituent_network n WHERE constituent_holds(n.since, n.until, now()) AND n.network && p_value::inet
            GROUP BY n.constituent_id ORDER BY max(masklen(n.network)) DESC LIMIT 50;
    ELSIF p_type = 'asn' THEN
        RETURN QUERY SELECT DISTINCT a.constituent_id FROM constituent_asn a WHERE constituent_holds(a.since, a.until, now()) AND a.asn = p_value::bigint LIMIT 50;
    ELSIF p_type IN ('domain', 'url', 'email') THEN
        RETURN QUERY SELECT DISTINCT d.constituent_id FROM constituent_domain d WHERE constituent_holds(d.since, d.until, now()) AND d.domain = ANY (
            SELECT array_to_string(l[i:], '.') FROM string_to_array(p_value, '.') l, generate_series(1, cardinality(l)) i) LIMIT 50;
    ELSIF p_type = 'text' THEN
        RETURN QUERY SELECT k.id FROM constituent k WHERE strpos(lower(k.name || ' ' || coalesce(k.title, '')), lower(p_value)) > 0 ORDER BY k.name LIMIT 50;
    END IF;
END $$;
