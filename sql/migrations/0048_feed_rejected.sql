-- A feed of whose rows most cannot be read.
ALTER TABLE feed_notice DROP CONSTRAINT feed_notice_kind_check,
    ADD CONSTRAINT feed_notice_kind_check CHECK (kind IN ('silent', 'columns', 'volume', 'failing', 'quota', 'malformed', 'incomplete', 'unreadable', 'rejected'));
