-- What a share is written as; what a peer reads where nothing else is said, and where documents are posted that are no RID messages
-- (NULL: where those go).
ALTER TABLE share ADD COLUMN format text NOT NULL DEFAULT 'rid';
ALTER TABLE peer ADD COLUMN format text NOT NULL DEFAULT 'rid';
ALTER TABLE peer ADD COLUMN document_url text;
-- What may be done with what an analyst marked, as the case and its reports say.
ALTER TABLE indicator_mark ADD COLUMN pap smallint CHECK (pap BETWEEN 0 AND 4);
ALTER TABLE outbox ADD COLUMN media_type text NOT NULL DEFAULT 'text/xml';
