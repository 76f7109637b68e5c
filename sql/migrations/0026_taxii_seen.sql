-- Pages of a TAXII collection that follow by date: which objects the last one had (eight bytes of each one's SHA-256), while there are more, and how many
-- are asked for at once where the usual number was too few for one date.
ALTER TABLE feed_state ADD COLUMN seen bytea, ADD COLUMN page_limit int;
