-- Lists of any length: indicators are gathered part by part, in the order of this key, and a list that is being made remembers how far it has got.
CREATE INDEX sighting_key ON sighting (type, hashtextextended(value, 0)) WHERE is_indicator;
CREATE INDEX indicator_mark_key ON indicator_mark (type, hashtextextended(value, 0)) WHERE ended IS NULL;

ALTER TABLE export
    ADD COLUMN blocks boolean NOT NULL DEFAULT false,
    ADD COLUMN looked_at bigint NOT NULL DEFAULT 0, -- marks of reports and analysts
    ADD COLUMN at_type smallint,                    -- the last key that was looked at; NULL: the list is whole
    ADD COLUMN at_key bigint;
CREATE INDEX export_made ON export (made);

-- Parts come in the order of the key, lists leave in the order of values, of which start is the beginning.
ALTER TABLE export_item ADD COLUMN type smallint NOT NULL DEFAULT 0, ADD COLUMN start text NOT NULL DEFAULT '';
CREATE INDEX export_item_order ON export_item (export_id, type, start, no);
