-- Each document of a share has a label of its own, as strict as what is in it: with that of another one its values would need marks one by one, and it would be
-- longer than when it was tried.
ALTER TABLE share ADD COLUMN labels smallint[] NOT NULL DEFAULT '{}'; -- of each part; none: tlp
