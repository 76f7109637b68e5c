-- Whoever was hurt is blocked nowhere: values that are a victim's or a target's, whatever else is said of them elsewhere.

-- Whether it counts that a victim or target was seen: where somebody we know said so, or where it is a constituent's; else a stranger could take his own
-- servers off every list by calling them victims. What is not for everybody (a compartment, RED) counts for those who read it, so that a list tells
-- nobody else of it; what stands in a drill for nobody.
CREATE OR REPLACE FUNCTION victim_counts(s sighting) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF s.drill_id <> 0 OR ((s.compartment_id <> 0 OR s.tlp = 4) AND NOT EXISTS (
            SELECT FROM visible_sighting v WHERE v.report_id = s.report_id AND v.received = s.received AND v.observation_no = s.observation_no AND v.value = s.value)) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (SELECT FROM sender o WHERE o.id = s.origin AND num_nonnulls(o.identity_id, o.peer_id) > 0)
        OR reports_vouched(ARRAY[s.report_id], ARRAY[s.origin]) <> '{}'
        OR EXISTS (SELECT FROM find_constituents(observable_type_name(s.type), coalesce(s.host, s.value), 1));
END $$;

-- A URL as its server sees it: without its fragment; an empty query is none.
CREATE OR REPLACE FUNCTION url_asked(p_url text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN regexp_replace(split_part(p_url, '#', 1), '\?$', '');

-- Which of these, by their places from 1, are a victim's or target's; of networks, whether such an address lies in one; of URLs, by url_asked().
-- By the indexes of sighting, whatever the planner takes an array for.
CREATE OR REPLACE FUNCTION victims_among(p_types smallint[], p_values text[], p_hosts text[], p_addrs inet[]) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_nestloop = on AS $$
BEGIN
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT u.ord, u.type, u.value, u.host, u.addr, CASE u.type WHEN 6 THEN url_asked(u.value) END AS url
        FROM unnest(p_types, p_values, p_hosts, p_addrs) WITH ORDINALITY u(type, value, host, addr, ord))
    SELECT a.ord FROM asked a WHERE a.addr IS NOT NULL AND EXISTS (
        SELECT FROM sighting s WHERE s.addr = a.addr AND s.type = a.type AND s.role IN (2, 3) AND victim_counts(s))
    UNION SELECT a.ord FROM asked a WHERE a.type = 3 AND a.addr IS NOT NULL AND EXISTS (
        SELECT FROM sighting s WHERE s.addr BETWEEN network(a.addr) AND set_masklen(broadcast(a.addr), CASE family(a.addr) WHEN 4 THEN 32 ELSE 128 END)
            AND s.addr << a.addr AND s.role IN (2, 3) AND victim_counts(s))
    UNION SELECT a.ord FROM asked a WHERE a.addr IS NULL AND a.host IS NOT NULL AND EXISTS (
        SELECT FROM sighting s WHERE s.host IS NOT NULL AND reverse(s.host) = reverse(a.host) AND s.type = a.type AND s.role IN (2, 3)
            AND CASE s.type WHEN 6 THEN starts_with(s.value, a.url) AND url_asked(s.value) = a.url ELSE s.value = a.value END AND victim_counts(s))
    UNION SELECT a.ord FROM asked a WHERE a.type = 6 AND a.host IS NULL AND EXISTS (
        SELECT FROM sighting s WHERE url_host(s.value) = url_host(a.value) AND s.type = 6 AND s.host IS NULL AND s.role IN (2, 3)
            AND starts_with(s.value, a.url) AND url_asked(s.value) = a.url AND victim_counts(s))
    UNION SELECT a.ord FROM asked a WHERE a.addr IS NULL AND a.host IS NULL AND EXISTS (
        SELECT FROM sighting s WHERE s.addr IS NULL AND s.host IS NULL AND hashtextextended(s.value, 0) = hashtextextended(a.value, 0) AND s.value = a.value
            AND s.type = a.type AND s.role IN (2, 3) AND victim_counts(s));
END $$;

-- The name or address that a URL stands on, an IPv6 address in brackets. The index sighting_victim_url has the same expression.
CREATE OR REPLACE FUNCTION url_host(p_url text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(p_url FROM '^[a-z0-9+.-]+://(?:[^/@]*@)?(\[[^]]*\]|[^/:?#]+)');

-- Which of these, by their places from 1, must not be blocked for a victim's or target's sake though they are not theirs: a domain at or above a name of theirs
-- (also of their URL or mail address), an address that a URL of theirs stands on, an address or network within a network of theirs, and the URL of a whole site
-- on such an address or such a name. Nor may what takes a whole constituent with it: a domain at or above his (somebody impersonated it, or a feed is wrong), its
-- site, a network that holds one of his; a single name or address of his may well be the culprit.
SELECT drop_overloads('victims_behind');
CREATE OR REPLACE FUNCTION victims_behind(p_types smallint[], p_values text[], p_hosts text[], p_addrs inet[]) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_nestloop = on AS $$
BEGIN
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT u.ord, u.type, u.host, CASE u.type WHEN 6 THEN url_address(u.value) ELSE u.addr END AS addr
        FROM unnest(p_types, p_values, p_hosts, p_addrs) WITH ORDINALITY u(type, value, host, addr, ord) WHERE u.type <> 6 OR url_asked(u.value) ~ '^[a-z0-9+.-]+://[^/?]*/?$')
    SELECT a.ord FROM asked a WHERE a.type IN (5, 6) AND EXISTS (
        SELECT FROM sighting s WHERE s.host IS NOT NULL AND reverse(s.host) = reverse(a.host) AND s.role IN (2, 3) AND victim_counts(s))
    -- "." and "/" are neighbours in ASCII.
    UNION SELECT a.ord FROM asked a WHERE a.type = 5 AND EXISTS (
        SELECT FROM sighting s WHERE s.host IS NOT NULL AND reverse(s.host) ~>=~ (reverse(a.host) || '.') AND reverse(s.host) ~<~ (reverse(a.host) || '/')
            AND s.role IN (2, 3) AND victim_counts(s))
    UNION SELECT a.ord FROM asked a WHERE a.type IN (1, 2, 6) AND EXISTS (
        SELECT FROM sighting s WHERE url_host(s.value) = CASE family(a.addr) WHEN 4 THEN host(a.addr) ELSE '[' || host(a.addr) || ']' END
            AND s.type = 6 AND s.host IS NULL AND s.role IN (2, 3) AND victim_counts(s))
    UNION SELECT a.ord FROM asked a WHERE a.type = 6 AND EXISTS (
        SELECT FROM sighting s WHERE s.addr = a.addr AND s.type IN (1, 2) AND s.role IN (2, 3) AND victim_counts(s))
    UNION SELECT a.ord FROM asked a WHERE a.type IN (1, 2, 3, 6) AND EXISTS (
        SELECT FROM sighting s WHERE s.type = 3 AND s.addr >>= a.addr AND s.role IN (2, 3) AND victim_counts(s))
    UNION SELECT a.ord FROM asked a WHERE a.type IN (5, 6) AND EXISTS (
        SELECT FROM constituent_domain d WHERE d.domain = a.host AND constituent_holds(d.since, d.until, now()))
    UNION SELECT a.ord FROM asked a WHERE a.type = 5 AND EXISTS (
        SELECT FROM constituent_domain d WHERE reverse(d.domain) ~>=~ (reverse(a.host) || '.') AND reverse(d.domain) ~<~ (reverse(a.host) || '/')
            AND constituent_holds(d.since, d.until, now()))
    UNION SELECT a.ord FROM asked a WHERE a.type = 3 AND EXISTS (
        SELECT FROM constituent_network n WHERE n.network <<= a.addr AND constituent_holds(n.since, n.until, now()));
END $$;
