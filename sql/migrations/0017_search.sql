-- Indexes for what lists are asked for (docs/PERFORMANCE.md, "Lists and filters"): an owner's closed cases too, the orders of cases that had none, words of
-- summaries, tags in any case.

DROP INDEX incident_case_owner;
CREATE INDEX incident_case_owner ON incident_case (owner_id, due, priority, id);
CREATE INDEX incident_case_priority ON incident_case (priority, due, id);
CREATE INDEX incident_case_priority_back ON incident_case (priority DESC, due, id);
CREATE INDEX incident_case_due_back ON incident_case (due DESC NULLS LAST, priority, id);
CREATE INDEX incident_case_severity ON incident_case (severity) WHERE severity IS NOT NULL;
CREATE INDEX incident_case_summary ON incident_case USING gin (summary gin_trgm_ops);
CREATE INDEX case_tag_lower ON case_tag (lower(tag), case_id);
