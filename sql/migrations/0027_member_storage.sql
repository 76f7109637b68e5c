-- Scattered rows of a large report do not get smaller by compression, and are written anew with each part of it.

ALTER TABLE case_member ALTER COLUMN observations SET STORAGE EXTERNAL;
