-- Reports as they came, what was read out of them, and the queues behind them.
-- The five bulk tables are partitioned by month of `received`; child rows carry (report_id, received) and are written only by
-- the definer functions in sql/functions/report.sql, in the transaction of their report: no foreign keys, which at feed speed
-- would cost as much as the rows.

CREATE SEQUENCE report_id_seq;

-- The envelope: never changed.
CREATE TABLE report (
    id bigint NOT NULL,
    received timestamptz NOT NULL,
    sender_id bigint NOT NULL,
    channel text NOT NULL,
    assurance text NOT NULL,
    sha256 bytea NOT NULL,
    size bigint NOT NULL,
    name text,
    media_type text,
    drill_id int NOT NULL DEFAULT 0,
    compartment_id int NOT NULL DEFAULT 0,
    PRIMARY KEY (id, received)
) PARTITION BY RANGE (received);
CREATE INDEX report_received ON report (received, id);

CREATE TABLE report_raw (
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    no int NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (report_id, no, received)
) PARTITION BY RANGE (received);

-- What the last decoding read; an earlier reading moves to report_content_before.
CREATE TABLE report_content (
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    decoded timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL CHECK (state IN ('received', 'decoding', 'malformed')),
    format text,
    tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 4),
    tlp_assumed boolean NOT NULL,
    class text,
    class_claim text,
    description text,
    summary text,
    lang text,
    reference text,
    reference_issuer text,
    time timestamptz,
    time_text text,
    time_rule text,
    extra text,
    observations int NOT NULL DEFAULT 0,
    rejected_total int NOT NULL DEFAULT 0,
    rejected jsonb,
    error text,
    error_at text,
    PRIMARY KEY (report_id, received)
) PARTITION BY RANGE (received);
CREATE TABLE report_content_before (LIKE report_content, replaced timestamptz NOT NULL DEFAULT now());
CREATE INDEX report_content_before_report ON report_content_before (report_id);

CREATE TABLE observation (
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    no int NOT NULL,
    time timestamptz,
    time_text text,
    time_rule text,
    class text,
    class_claim text,
    count bigint NOT NULL DEFAULT 1,
    description text,
    protocol text,
    source_port int,
    target_port int,
    extra text,
    drill_id int NOT NULL DEFAULT 0,
    compartment_id int NOT NULL DEFAULT 0,
    PRIMARY KEY (report_id, no, received)
) PARTITION BY RANGE (received);

-- An observable is (type, value) in its normal form; it has no row of its own, since it carries nothing else (docs/ARCHITECTURE.md).
CREATE TABLE sighting (
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    observation_no int NOT NULL,
    origin bigint NOT NULL,
    drill_id int NOT NULL DEFAULT 0,
    compartment_id int NOT NULL DEFAULT 0,
    type smallint NOT NULL,
    role smallint NOT NULL,
    tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 4),
    pap smallint,
    personal boolean NOT NULL DEFAULT false,
    is_indicator boolean NOT NULL DEFAULT false,
    addr inet,
    host text,
    value text NOT NULL
) PARTITION BY RANGE (received);
CREATE INDEX sighting_report ON sighting (report_id, observation_no);
-- One index a row: addresses by range, networks by containment, names by their reversed form (subdomains are a prefix), the rest by value.
CREATE INDEX sighting_addr ON sighting (addr) WHERE addr IS NOT NULL;
CREATE INDEX sighting_network ON sighting USING gist (addr inet_ops) WHERE type = 3;
CREATE INDEX sighting_host ON sighting (reverse(host) text_pattern_ops) WHERE host IS NOT NULL;
CREATE INDEX sighting_indicator ON sighting (received) WHERE is_indicator;
CREATE INDEX sighting_value ON sighting (hashtextextended(value, 0)) WHERE addr IS NULL AND host IS NULL;

-- Identity of a reporter: kept apart, withheld from shares.
CREATE TABLE report_reporter (
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    name text,
    email text,
    PRIMARY KEY (report_id, received)
);

-- Same bytes from the same sender: unique within a week, looked up over five. Bucket first, so that the random part stays in a small tree.
CREATE TABLE report_digest (
    week int NOT NULL,
    sender_id bigint NOT NULL,
    hash64 bigint NOT NULL,
    sha256 bytea NOT NULL,
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    PRIMARY KEY (week, sender_id, hash64, sha256)
);

-- Bytes of malformed documents a sender and day: beyond a quota only head, hash and error are kept.
CREATE TABLE malformed_tally (
    sender_id bigint NOT NULL,
    day date NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (sender_id, day)
);

-- What triage made of a report.
CREATE TABLE report_outcome (
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('triaged', 'held', 'dropped')),
    rule text,
    reason text,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (report_id)
);

-- The verdict on a mail's protection, written anew by each check; the newest counts.
CREATE TABLE report_verdict (
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    checked timestamptz NOT NULL DEFAULT clock_timestamp(),
    summary text NOT NULL CHECK (summary IN ('unprotected', 'verified', 'unknown-key', 'not-sender', 'bad', 'expired', 'revoked', 'mixed')),
    encryption text NOT NULL CHECK (encryption IN ('none', 'part', 'whole', 'undecryptable')),
    covers text CHECK (covers IN ('whole', 'part')),
    signer text,
    fingerprint text,
    key_now text,
    signed timestamptz,
    parts jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (report_id, checked)
);

-- Facts of the envelope of a mail, as LMTP gave them.
CREATE TABLE report_mail (
    report_id bigint PRIMARY KEY,
    received timestamptz NOT NULL,
    mail_from text NOT NULL,
    recipients text[] NOT NULL
);

-- Clear text that seal opened; decode reads it in place of the encrypted part.
CREATE TABLE report_clear (
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    path text NOT NULL,
    bytes bytea,
    needed_keys text[],
    signatures jsonb NOT NULL DEFAULT '[]',
    opened timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (report_id, path)
);

-- Queues: narrow; a row goes when it is settled. Rows that failed too often are set aside (failed) for an analyst to see and replay.
CREATE TABLE inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    failed timestamptz,
    error text
);
CREATE TABLE to_verify (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    message jsonb NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    failed timestamptz,
    error text
);
-- The signed parts of a to_verify row, cut byte for byte.
CREATE TABLE signed_part (
    to_verify_id bigint NOT NULL REFERENCES to_verify ON DELETE CASCADE,
    path text NOT NULL,
    protocol text NOT NULL,
    bytes bytea NOT NULL,
    signature bytea NOT NULL,
    PRIMARY KEY (to_verify_id, path)
);
CREATE TABLE to_open (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    path text NOT NULL,
    protocol text NOT NULL,
    bytes bytea NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    failed timestamptz,
    error text
);
CREATE TABLE to_triage (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reports int8multirange NOT NULL,
    received timestamptz NOT NULL,
    received_until timestamptz, -- of rows put together; NULL: all came at the same moment
    observations bigint NOT NULL,
    next_no int NOT NULL DEFAULT 0,           -- of the first report this many observations are done
    released boolean NOT NULL DEFAULT false,  -- an analyst has decided: a rule does not hold it again
    attempts int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    failed timestamptz,
    error text
);

-- Partitions: one default each, and the months that clock_partitions() makes ahead.
CREATE TABLE report_default PARTITION OF report DEFAULT;
CREATE TABLE report_raw_default PARTITION OF report_raw DEFAULT;
CREATE TABLE report_content_default PARTITION OF report_content DEFAULT;
CREATE TABLE observation_default PARTITION OF observation DEFAULT;
CREATE TABLE sighting_default PARTITION OF sighting DEFAULT;
