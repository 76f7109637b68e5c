-- What every format may say beside: how sure the sender is, until when an indicator holds, what may be done with it (PAP), and which kind of case
-- it asks for. And what an observation states as a number, to know it again.
ALTER TABLE report_content
    ADD COLUMN pap smallint CHECK (pap BETWEEN 0 AND 4),
    ADD COLUMN case_kind text CHECK (case_kind IN ('vulnerability', 'notice', 'request')); -- NULL: incident
ALTER TABLE report_content_before ADD COLUMN pap smallint, ADD COLUMN case_kind text;
ALTER TABLE observation ADD COLUMN statement bigint;
ALTER TABLE sighting ADD COLUMN confidence smallint CHECK (confidence BETWEEN 0 AND 100), ADD COLUMN valid_until timestamptz;
