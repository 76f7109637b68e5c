-- The sender's own name of an indicator as a number, so that what he says of it later ends what he said before.
ALTER TABLE sighting ADD COLUMN indicator_id bigint;
CREATE INDEX sighting_indicator_id ON sighting (indicator_id) WHERE indicator_id IS NOT NULL;
