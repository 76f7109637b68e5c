-- Reports of a format that few have (060_find.sql).
CREATE INDEX report_content_format ON report_content (format);
