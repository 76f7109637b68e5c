-- Of which RED report a text is: only who reads all of it finds its cases by its words. NULL: what people wrote, and what is not RED.
ALTER TABLE case_text ADD COLUMN report_id bigint;
-- Of texts kept before it is not known: those of RED reports, as they are kept.
UPDATE case_text t SET report_id = c.report_id FROM report_content c
    CROSS JOIN LATERAL (VALUES (left(c.summary, 100000)), (left(c.description, 100000))) w(body), case_member m
WHERE c.tlp = 4 AND w.body <> '' AND m.report_id = c.report_id AND t.case_id = m.case_id AND t.tlp = 4 AND t.hash64 = hashtextextended(w.body, 0);
