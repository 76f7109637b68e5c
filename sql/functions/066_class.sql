-- Senders' words for classes. The built-in ones are resolved where a document is read; here those of the operator, who may overrule them, and the
-- count of words that nobody knows.

-- Lower case; blanks, "_" and "-" alike; as rsit.c reads names.
CREATE OR REPLACE FUNCTION class_word(p_text text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(btrim(regexp_replace(lower(p_text), '[\s_-]+', '-', 'g'), '-'), 200);

DROP VIEW IF EXISTS visible_class_alias, visible_class_unmapped CASCADE;
CREATE VIEW visible_class_alias AS
SELECT a.word, a.class, a.added, (SELECT i.login FROM identity i WHERE i.id = a.added_by) AS added_by FROM class_alias a WHERE viewer() IS NOT NULL;
CREATE VIEW visible_class_unmapped AS
SELECT u.word, coalesce(i.login, p.name, s.address, 's' || u.sender_id) AS sender, u.count, u.first, u.last
FROM class_unmapped u LEFT JOIN sender s ON s.id = u.sender_id LEFT JOIN identity i ON i.id = s.identity_id LEFT JOIN peer p ON p.id = s.peer_id
WHERE viewer() IS NOT NULL AND NOT EXISTS (SELECT FROM class_alias a WHERE a.word = u.word);

CREATE OR REPLACE FUNCTION class_alias_json(a visible_class_alias) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('word', a.word, 'class', a.class, 'added', time_text(a.added), 'added_by', a.added_by);

-- What throws away by this class: an alias, which takes one person, gives it more, or less.
CREATE OR REPLACE FUNCTION class_alias_warnings(p_class text) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT ARRAY(
        SELECT DISTINCT format('the rule "%s" of %s throws away by this class; what it takes: cirt rule swallowed %s', d.rule, d.set_name, d.set_name)
        FROM rule_drops('', NULL) d, regexp_matches(split_part(regexp_replace(d.line, '"(?:[^"\\]|\\.)*"', '""', 'g'), '=>', 1), '[ \t(:-]class:([^ \t()]+)', 'g') m,
            string_to_table(lower(m[1]), ',') v
        WHERE v LIKE '%*%' OR v IN (p_class, split_part(p_class, '/', 1), split_part(p_class, '/', 2))
        UNION
        SELECT format('the suppression %s takes rows of this class: cirt suppression show %s', s.name, s.name) FROM suppression s
        WHERE s.class IN (p_class, split_part(p_class, '/', 1)) AND s.until > now() AND s.ended IS NULL AND s.approved IS NOT NULL) $$;

-- p_word NULL: a new one.
CREATE OR REPLACE FUNCTION class_alias_write(p_word text, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_word text := class_word(coalesce(p_word, p_body ->> 'word'));
    v_class text := p_body ->> 'class';
BEGIN
    PERFORM record_check(p_body, '{word,class}');
    IF coalesce(v_word, '') = '' THEN
        PERFORM refuse('CI422', 'the word is empty', NULL, '{"at": "/word"}');
    ELSIF v_class IS NULL THEN
        PERFORM refuse('CI422', 'which class the word means is missing', 'cirt alias add WORD --class CLASS', '{"at": "/class"}');
    ELSIF p_word IS NULL AND EXISTS (SELECT FROM class_alias a WHERE a.word = v_word) THEN
        PERFORM record_exists('alias', v_word);
    ELSIF p_word IS NOT NULL AND NOT EXISTS (SELECT FROM class_alias a WHERE a.word = v_word) THEN
        PERFORM record_missing('alias', p_word);
    END IF;
    INSERT INTO class_alias (word, class, added_by) VALUES (v_word, v_class, viewer())
        ON CONFLICT (word) DO UPDATE SET class = EXCLUDED.class, added = now(), added_by = EXCLUDED.added_by;
    DELETE FROM class_unmapped u WHERE u.word = v_word;
    PERFORM record_journal('alias', CASE WHEN p_word IS NULL THEN 'add' ELSE 'set' END, v_word, p_body);
    RETURN (SELECT json_join(class_alias_json(a), json_build_object('warnings', class_alias_warnings(v_class))) FROM visible_class_alias a WHERE a.word = v_word);
END $$;

CREATE OR REPLACE FUNCTION class_alias_remove(p_word text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    DELETE FROM class_alias a WHERE a.word = class_word(p_word);
    IF NOT FOUND THEN
        PERFORM record_missing('alias', p_word);
    END IF;
    PERFORM record_journal('alias', 'remove', class_word(p_word), '{}');
END $$;

-- Of the chunk: statements whose word the operator knows get its class; words that nobody knows are counted. The part of the key that names the
-- class follows. Words of what is RED or in a compartment are not counted, since everybody reads that list. Nothing is read where every statement has a class and there is no alias.
CREATE OR REPLACE FUNCTION triage_aliases() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
    span chunk_range := triage_range();
    v_aliases boolean := EXISTS (SELECT FROM class_alias);
BEGIN
    IF NOT v_aliases AND NOT EXISTS (SELECT FROM triage_chunk c WHERE c.class = 'other/undetermined') THEN
        RETURN;
    END IF;
    CREATE TEMP TABLE IF NOT EXISTS triage_word (ord int, word text, is_unmapped boolean) ON COMMIT DELETE ROWS;
    DELETE FROM triage_word;
    INSERT INTO triage_word
        SELECT c.ord, class_word(coalesce(o.class_claim, rc.class_claim)), o.class IS NULL AND rc.class IS NULL
        FROM triage_chunk c
        JOIN report_content rc ON rc.report_id = c.report_id AND rc.received = c.received AND rc.report_id BETWEEN span.low AND span.high
             AND rc.received BETWEEN span.since AND span.until
        LEFT JOIN triage_observations(span) o ON o.report_id = c.report_id AND o.no = c.no
        WHERE (v_aliases OR c.class = 'other/undetermined') AND coalesce(o.class_claim, rc.class_claim) IS NOT NULL;
    UPDATE triage_chunk c SET class = a.class, grp = triage_grp(c.is_person, c.report_id, a.class, c.constituent_id, c.subject, c.kind, c.tlp)
        FROM triage_word w JOIN class_alias a ON a.word = w.word WHERE w.ord = c.ord AND a.class <> c.class;
    INSERT INTO class_unmapped AS u (word, sender_id, count)
        WITH full_up AS MATERIALIZED (
            SELECT s.sender_id FROM (SELECT DISTINCT c.sender_id FROM triage_chunk c) s
            WHERE (SELECT count(*) FROM (SELECT FROM class_unmapped x WHERE x.sender_id = s.sender_id LIMIT 1000) y) = 1000)
        SELECT w.word, c.sender_id, count(*) FROM triage_word w JOIN triage_chunk c ON c.ord = w.ord
        WHERE w.is_unmapped AND w.word <> '' AND NOT c.is_repeat AND c.tlp < 4 AND c.compartment_id = 0 AND NOT EXISTS (SELECT FROM class_alias a WHERE a.word = w.word)
          -- Whoever makes words up fills no table.
          AND (c.sender_id NOT IN (SELECT f.sender_id FROM full_up f) OR EXISTS (SELECT FROM class_unmapped x WHERE x.word = w.word AND x.sender_id = c.sender_id))
        GROUP BY w.word, c.sender_id ORDER BY 1, 2 LIMIT 1000
        ON CONFLICT (word, sender_id) DO UPDATE SET count = u.count + EXCLUDED.count, last = now();
END $$;
