-- A feed of whose documents most cannot be read is told of; and when a fetch last brought something that was not here before.
ALTER TABLE feed_notice DROP CONSTRAINT feed_notice_kind_check,
    ADD CONSTRAINT feed_notice_kind_check CHECK (kind IN ('silent', 'columns', 'volume', 'failing', 'quota', 'malformed'));
ALTER TABLE feed_state ADD COLUMN brought timestamptz;
