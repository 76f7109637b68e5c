-- Rows that name no address or name waited for different ones, which they never bring: they are let go. Of a report that triage takes in parts they stay with
-- what waits, and come along with the next of its key.
INSERT INTO to_triage (reports, received, observations, released)
    SELECT int8multirange(int8range(w.report_id, w.report_id + 1)), min(w.received), sum(w.rows), true
    FROM waiting_row w JOIN report_content c ON c.report_id = w.report_id AND c.received = w.received AND c.observations <= 60000
    WHERE w.subjects = '{}'
      AND (SELECT sum(x.rows) FROM waiting_row x WHERE x.join_key = w.join_key AND x.drill_id = w.drill_id AND x.compartment_id = w.compartment_id)
          >= (SELECT s.observations FROM class_setting s WHERE s.class IN (w.class, split_part(w.class, '/', 1), '*') AND s.observations IS NOT NULL
              ORDER BY length(s.class) DESC LIMIT 1)
    GROUP BY w.report_id;
