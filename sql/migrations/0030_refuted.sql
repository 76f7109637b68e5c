-- Cases that turned out to be nothing, and what was merged into them: what is in them is for detection no more.
CREATE INDEX incident_case_refuted ON incident_case (id) WHERE state = 'rejected' OR (state = 'closed' AND resolution = 'false-positive');
CREATE INDEX incident_case_merged_into ON incident_case (merged_into) WHERE merged_into IS NOT NULL;
