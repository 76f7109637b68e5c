-- Which of two statements about an indicator is the newer one is for its sender to say: documents come late, and again.
ALTER TABLE sighting ADD COLUMN indicator_time timestamptz; -- when the sender last changed the indicator, by his own word
CREATE TABLE indicator_revoked (
    sender_id bigint NOT NULL,
    indicator_id bigint NOT NULL,
    time timestamptz NOT NULL, -- as above: what he said of it until then holds no more, whenever it comes
    received timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sender_id, indicator_id)
);
CREATE INDEX indicator_revoked_received ON indicator_revoked (received);
