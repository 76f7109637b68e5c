-- Whether the pages of a collection lead anywhere: what role fetch keeps of the run at hand (cirtd/stages/fetch_trail.h).
ALTER TABLE feed_state ADD COLUMN trail bytea;
