-- What lists of cases and reports are asked for and few have: a port, a class, a sender, a constituent (sql/functions/060_find.sql, find_look).
CREATE INDEX observation_source_port ON observation (source_port) WHERE source_port IS NOT NULL;
CREATE INDEX observation_target_port ON observation (target_port) WHERE target_port IS NOT NULL;
CREATE INDEX report_content_class ON report_content (class text_pattern_ops) WHERE class IS NOT NULL;
CREATE INDEX report_sender ON report (sender_id);
CREATE INDEX constituent_name ON constituent (lower(name));
CREATE INDEX constituent_sector ON constituent (lower(sector)) WHERE sector IS NOT NULL;
