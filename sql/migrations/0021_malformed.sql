-- What waits for somebody is few among many: found without reading all reports (reports_in()).
CREATE INDEX report_content_malformed ON report_content (report_id) WHERE state = 'malformed';
