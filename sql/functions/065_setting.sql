-- Numbers and words that a site decides on. To add one: a row here, where it is used, and in docs/OPERATIONS.md.

CREATE OR REPLACE FUNCTION setting_list() RETURNS TABLE (name text, kind text, value text, usual text, about text, changed timestamptz, changed_by bigint)
LANGUAGE sql STABLE ROWS 10 SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT d.name, d.kind, coalesce(s.value, d.usual), d.usual, d.about, s.changed, s.changed_by
    FROM (VALUES ('related.cases', 'number', '10', 'an observable that is in more cases than this is common: it relates none'),
                 ('priority.sectors', 'words', 'energy health transport water', 'sectors whose new cases are a level more urgent than their class says'))
        d(name, kind, usual, about)
    LEFT JOIN setting s ON s.name = d.name $$;

CREATE OR REPLACE FUNCTION setting_number(p_name text) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT l.value::bigint FROM setting_list() l WHERE l.name = p_name $$;
CREATE OR REPLACE FUNCTION setting_words(p_name text) RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT regexp_split_to_array(nullif(btrim(lower(l.value)), ''), '[\s,]+') FROM setting_list() l WHERE l.name = p_name $$;

DROP VIEW IF EXISTS visible_setting CASCADE;
CREATE VIEW visible_setting AS
SELECT l.name, l.value, l.usual, l.about, l.changed, i.login AS changed_by FROM setting_list() l LEFT JOIN identity i ON i.id = l.changed_by WHERE viewer() IS NOT NULL;

CREATE OR REPLACE FUNCTION setting_json(s visible_setting) RETURNS json LANGUAGE sql STABLE
RETURN json_build_object('name', s.name, 'value', s.value, 'default', s.usual, 'about', s.about, 'changed', time_text(s.changed), 'changed_by', s.changed_by);

-- value null: the default again.
CREATE OR REPLACE FUNCTION setting_write(p_name text, p_body jsonb) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v record;
    v_value text := btrim(p_body ->> 'value');
BEGIN
    PERFORM record_check(p_body, '{value}');
    SELECT * INTO v FROM setting_list() l WHERE l.name = lower(p_name);
    IF v.name IS NULL THEN
        PERFORM record_missing('setting', p_name);
    ELSIF NOT p_body ? 'value' THEN
        PERFORM refuse('CI422', 'a setting needs its value', NULL, '{"at": "/value"}');
    ELSIF v.kind = 'number' AND v_value !~ '^\d{1,6}$' THEN
        PERFORM refuse('CI422', format('"%s" is no number from 0 to 999999', left(v_value, 100)), NULL, '{"at": "/value"}');
    ELSIF v.kind = 'words' AND (length(v_value) > 1000 OR v_value ~ '[[:cntrl:]]') THEN
        PERFORM refuse('CI422', 'words are parted by blanks, 1000 characters at most', NULL, '{"at": "/value"}');
    END IF;
    DELETE FROM setting s WHERE s.name = v.name;
    INSERT INTO setting (name, value, changed_by) SELECT v.name, v_value, viewer() WHERE v_value IS NOT NULL AND v_value <> v.usual;
    PERFORM record_journal('setting', 'set', v.name, p_body);
    RETURN (SELECT setting_json(s) FROM visible_setting s WHERE s.name = v.name);
END $$;
