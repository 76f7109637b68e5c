-- Rules: what needs a second person, what they did to cases, what they swallowed.

-- A text that waits for a second person: it throws away what the one in force does not. One a set; the one in force stays meanwhile.
CREATE TABLE rule_waiting (
    name text PRIMARY KEY,
    text text NOT NULL,
    approval_id bigint NOT NULL REFERENCES approval,
    asked_by bigint NOT NULL REFERENCES identity,
    asked timestamptz NOT NULL DEFAULT now(),
    drops text[] NOT NULL  -- names of the rules that need it
);

-- Which rule did what to which case. `applied`: it changed the case; else an earlier decision stood, and note may say which.
-- Written at feed speed by one definer function, as case_member is.
CREATE TABLE case_rule (
    case_id bigint NOT NULL,
    set_name text NOT NULL,
    version int NOT NULL,
    rule text NOT NULL,
    action text NOT NULL,
    kind text NOT NULL,
    value text,
    place int NOT NULL,     -- in the order in which the rules spoke
    opened boolean NOT NULL, -- it spoke when the case was opened
    applied boolean NOT NULL,
    note text,
    observations bigint NOT NULL,
    report_id bigint NOT NULL, -- the first
    since timestamptz NOT NULL DEFAULT now(),
    last timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (case_id, set_name, rule, action)
) WITH (fillfactor = 80);

-- What a rule kept back or threw away: a row a rule and report.
CREATE TABLE rule_swallowed (
    set_name text NOT NULL,
    rule text NOT NULL,
    version int NOT NULL,
    kind text NOT NULL CHECK (kind IN ('hold', 'drop', 'suppress')),
    reason text,
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    observations int4multirange NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (report_id, set_name, rule, kind)
);
CREATE INDEX rule_swallowed_rule ON rule_swallowed (rule, at DESC);

-- Notices of rules, to count them.
CREATE TABLE rule_notice (
    address text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    case_id bigint NOT NULL
);
CREATE INDEX rule_notice_address ON rule_notice (address, at);
INSERT INTO personal_field VALUES ('rule_notice', 'address', 'mail address of an analyst, for a day');
