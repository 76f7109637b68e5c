-- A case that triage opened goes on taking rows: its summary says how many, behind its title.
ALTER TABLE incident_case ADD COLUMN title text; -- the summary up to what it counts; NULL: the summary is somebody's own words
