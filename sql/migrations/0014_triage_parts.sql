-- A large report waits for triage in parts, so that two workers may be at it.
ALTER TABLE to_triage ADD COLUMN until_no int; -- the part ends with this observation of its one report; NULL: with the last of its last report
