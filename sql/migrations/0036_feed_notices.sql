-- Feeds of which something is missing, and files of drop folders that cannot be read, are told as such.
ALTER TABLE feed_notice DROP CONSTRAINT feed_notice_kind_check,
    ADD CONSTRAINT feed_notice_kind_check CHECK (kind IN ('silent', 'columns', 'volume', 'failing', 'quota', 'malformed', 'incomplete', 'unreadable'));
