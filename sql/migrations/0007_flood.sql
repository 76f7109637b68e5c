-- From flood to cases: settings of classes, suppressions, statements seen before.

-- How machine reports of a class become cases: of one class, of all classes of a type ("fraud"), or of all ("*"). What a row leaves NULL the wider one
-- says. A site's own rows; what holds without any is in the row "*".
CREATE TABLE class_setting (
    class text PRIMARY KEY CHECK (class = '*' OR class ~ '^[a-z-]+(/[a-z0-9-]+)?$'),
    window_days int CHECK (window_days BETWEEN 1 AND 3650),       -- a case is joined while it is younger
    observations int CHECK (observations BETWEEN 1 AND 1000000),  -- a case is opened by so many rows within the window
    addresses int CHECK (addresses BETWEEN 1 AND 1000),           -- and by so many different addresses or names
    immediate boolean,                                            -- a case is opened at the first row all the same
    sectors text[],                                               -- so it is for constituents of these sectors
    unowned int CHECK (unowned BETWEEN 0 AND 10000),              -- cases about nobody's addresses that one sender may have open; the rest shares one
    relapse_days int CHECK (relapse_days BETWEEN 0 AND 3650),     -- what is seen again so soon after its end opens its case again
    age_days int CHECK (age_days BETWEEN 0 AND 3650),             -- what nobody touched and was not seen for so long is resolved; 0: never
    priority smallint CHECK (priority BETWEEN 1 AND 4),
    changed timestamptz NOT NULL DEFAULT now(),
    changed_by bigint REFERENCES identity
);
INSERT INTO class_setting (class, window_days, observations, addresses, immediate, sectors, unowned, relapse_days, age_days)
    VALUES ('*', 7, 1, 1, false, '{}', 25, 14, 30);

ALTER TABLE incident_case
    ADD COLUMN resolved timestamptz,                    -- when our part was done; `closed` is the end
    ADD COLUMN reopened timestamptz,                    -- when triage opened it again
    ADD COLUMN sender_id bigint REFERENCES sender;      -- whose rows opened it, of a case about nobody's addresses
CREATE INDEX incident_case_unowned ON incident_case (sender_id, class, opened) WHERE state IN ('new', 'open', 'waiting') AND sender_id IS NOT NULL;
CREATE INDEX incident_case_ended ON incident_case (join_key, opened) WHERE state IN ('resolved', 'closed') AND join_key IS NOT NULL;

ALTER TABLE case_tally
    ADD COLUMN repeats bigint NOT NULL DEFAULT 0,       -- observations that say what another one in the case says already
    ADD COLUMN waited bigint NOT NULL DEFAULT 0,        -- observations that lay below the threshold before the case was opened
    ADD COLUMN first_seen timestamptz,                  -- by the times of the observations
    ADD COLUMN last_seen timestamptz;

-- Rows below a class's threshold: a row a key and report. They are in no case until the threshold is reached within the window.
CREATE TABLE waiting_row (
    join_key text NOT NULL,
    drill_id int NOT NULL,
    compartment_id int NOT NULL,
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    class text NOT NULL,
    constituent_id bigint,
    sender_id bigint NOT NULL,
    observations int4multirange NOT NULL,
    rows int NOT NULL,
    subjects text[] NOT NULL,                           -- the different addresses and names
    tlp smallint NOT NULL,
    assurance smallint NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (join_key, drill_id, compartment_id, report_id)
);
CREATE INDEX waiting_row_class ON waiting_row (class, since);

-- What opens no case for a time, with a reason. What a NULL says nothing about may be anything.
CREATE TABLE suppression (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    class text,                                         -- a class, or all of a type
    constituent_id bigint REFERENCES constituent,
    sender_id bigint REFERENCES sender,
    value text,                                         -- as it was asked for; one of the next three says it in normal form
    addr inet,
    host text,
    other text,
    until timestamptz NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    created timestamptz NOT NULL DEFAULT now(),
    created_by bigint REFERENCES identity,
    approved timestamptz,                               -- by the second person; it counts from then on
    approved_by bigint REFERENCES identity,
    ended timestamptz,                                  -- taken back before its time
    ended_by bigint REFERENCES identity,
    rows bigint NOT NULL DEFAULT 0,
    last_row timestamptz,
    CHECK (num_nonnulls(class, constituent_id, sender_id, value) > 0),
    CHECK (num_nonnulls(addr, host, other) = num_nonnulls(value))
);
-- What waits for a second person: a new one, or a later end of one in force.
CREATE TABLE suppression_waiting (
    suppression_id bigint PRIMARY KEY REFERENCES suppression ON DELETE CASCADE,
    approval_id bigint NOT NULL REFERENCES approval,
    asked_by bigint NOT NULL REFERENCES identity,
    asked timestamptz NOT NULL DEFAULT now(),
    until timestamptz NOT NULL
);
CREATE TABLE suppressed_row (
    suppression_id bigint NOT NULL REFERENCES suppression,
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    observations int4multirange NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (suppression_id, report_id)
);

-- What each sender states (model/report.h, report_statement()): first and last seen, how often, in which case it lies. A bucket is four weeks; what is
-- stated again in a later one moves there, and the clock empties those before the last.
CREATE TABLE statement (
    bucket smallint NOT NULL,
    statement bigint NOT NULL,
    sender_id bigint NOT NULL,
    drill_id int NOT NULL,
    case_id bigint,
    rows bigint NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    PRIMARY KEY (bucket, statement, sender_id, drill_id)
) WITH (fillfactor = 90);
