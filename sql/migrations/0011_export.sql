-- Indicators that analysts keep, and what left as lists.

-- What an analyst marked for detection, in a case. What reports mark stands in sighting; neither is ever changed, a mark ends.
CREATE TABLE indicator_mark (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL,
    drill_id int NOT NULL,
    compartment_id int NOT NULL,
    type smallint NOT NULL,
    value text NOT NULL CHECK (length(value) <= 8192),
    role smallint NOT NULL CHECK (role IN (1, 4, 5)), -- never a target or victim
    addr inet,
    host text,
    tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 4),
    confidence smallint CHECK (confidence BETWEEN 0 AND 100),
    until timestamptz,
    reason text NOT NULL,
    marked timestamptz NOT NULL DEFAULT now(),
    marked_by bigint NOT NULL REFERENCES identity,
    ended timestamptz,
    FOREIGN KEY (case_id, drill_id, compartment_id) REFERENCES incident_case (id, drill_id, compartment_id)
);
CREATE INDEX indicator_mark_case ON indicator_mark (case_id);
CREATE INDEX indicator_mark_value ON indicator_mark (md5(value), type) WHERE ended IS NULL;

-- An analyst says that a value is no indicator, whoever marked it: it stays none, also where a feed marks it again, until an analyst marks it.
CREATE TABLE indicator_withdrawal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type smallint NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    withdrawn timestamptz NOT NULL DEFAULT now(),
    withdrawn_by bigint NOT NULL REFERENCES identity,
    ended timestamptz
);
CREATE UNIQUE INDEX indicator_withdrawal_value ON indicator_withdrawal (md5(value), type) WHERE ended IS NULL;

-- A list that was asked for: by whom, of what, as what. The items are what he fetches, page by page, and go after a day; the row and its journal entry stay.
CREATE TABLE export (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made timestamptz NOT NULL DEFAULT now(),
    made_by bigint NOT NULL REFERENCES identity,
    format text NOT NULL,
    filter text,
    ceiling smallint NOT NULL CHECK (ceiling BETWEEN 0 AND 3), -- RED never leaves as a list
    tlp smallint CHECK (tlp <= ceiling),                        -- the strictest label in it
    items int NOT NULL DEFAULT 0,
    withheld jsonb
);
CREATE TABLE export_item (
    export_id bigint NOT NULL REFERENCES export ON DELETE CASCADE,
    no int NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (export_id, no)
);
