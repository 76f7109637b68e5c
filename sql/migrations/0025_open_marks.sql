-- Whether a mark rests on something that everybody may see. How much was found on a list is read by all.
ALTER TABLE known_good_mark ADD COLUMN is_open boolean NOT NULL DEFAULT true;
