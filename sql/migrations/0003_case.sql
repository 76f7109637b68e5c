-- Cases, what belongs to them, and their history.

CREATE SEQUENCE case_number_seq;

CREATE TABLE incident_case (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number bigint NOT NULL,
    name text NOT NULL UNIQUE,
    drill_id int NOT NULL DEFAULT 0 REFERENCES drill,
    compartment_id int NOT NULL DEFAULT 0 REFERENCES compartment,
    kind text NOT NULL DEFAULT 'incident' CHECK (kind IN ('incident', 'vulnerability', 'notice', 'request')),
    state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'open', 'waiting', 'resolved', 'closed', 'rejected', 'merged')),
    class text NOT NULL,
    priority smallint NOT NULL CHECK (priority BETWEEN 1 AND 4),
    severity smallint CHECK (severity BETWEEN 1 AND 4),
    tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 4),
    pap smallint CHECK (pap BETWEEN 0 AND 4),
    owner_id bigint REFERENCES identity,
    level text,
    queue text NOT NULL DEFAULT 'national',
    summary text NOT NULL,
    lang text,
    opened timestamptz NOT NULL DEFAULT now(),
    updated timestamptz NOT NULL DEFAULT now(),
    closed timestamptz,
    due timestamptz,
    confirmed_at timestamptz,
    aware_at timestamptz NOT NULL DEFAULT now(),
    resolution text CHECK (resolution IN ('fixed', 'mitigated', 'false-positive', 'not-ours', 'no-answer', 'duplicate')),
    waiting_for text,
    waiting_until timestamptz,
    merged_into bigint REFERENCES incident_case,
    constituent_id bigint REFERENCES constituent,
    join_key text,
    assurance smallint NOT NULL DEFAULT 0,
    revision int NOT NULL DEFAULT 1,
    extra jsonb,
    UNIQUE (id, drill_id, compartment_id),
    UNIQUE (drill_id, number),
    CHECK ((state IN ('closed')) <= (resolution IS NOT NULL)),
    CHECK ((state = 'waiting') = (waiting_for IS NOT NULL)),
    CHECK ((state = 'merged') = (merged_into IS NOT NULL))
);
CREATE INDEX incident_case_open ON incident_case (due, id) WHERE state IN ('new', 'open', 'waiting');
CREATE INDEX incident_case_due ON incident_case (due, priority, id);
-- To count what is open without reading it.
CREATE INDEX incident_case_open_count ON incident_case (drill_id, compartment_id, tlp, id) WHERE state IN ('new', 'open', 'waiting');
CREATE INDEX incident_case_owner ON incident_case (owner_id, due, id) WHERE state IN ('new', 'open', 'waiting');
CREATE INDEX incident_case_join ON incident_case (join_key, opened) WHERE state IN ('new', 'open', 'waiting') AND join_key IS NOT NULL;
CREATE INDEX incident_case_opened ON incident_case (opened DESC, id DESC);
CREATE INDEX incident_case_updated ON incident_case (updated DESC, id DESC);
CREATE INDEX incident_case_class ON incident_case (class, opened DESC);
CREATE INDEX incident_case_constituent ON incident_case (constituent_id, opened DESC) WHERE constituent_id IS NOT NULL;

-- Counts, apart from the case so that a flood does not rewrite it.
CREATE TABLE case_tally (
    case_id bigint PRIMARY KEY REFERENCES incident_case,
    reports bigint NOT NULL DEFAULT 0,
    observations bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Which observations of which report belong to a case: from, until, and the journal entries that say why.
CREATE TABLE case_member (
    case_id bigint NOT NULL,
    drill_id int NOT NULL DEFAULT 0,
    compartment_id int NOT NULL DEFAULT 0,
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    observations int4multirange NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    until timestamptz,
    since_seq bigint NOT NULL,
    until_seq bigint,
    rule text,
    FOREIGN KEY (case_id, drill_id, compartment_id) REFERENCES incident_case (id, drill_id, compartment_id)
);
CREATE UNIQUE INDEX case_member_now ON case_member (case_id, report_id) WHERE until IS NULL;
CREATE INDEX case_member_report ON case_member (report_id) WHERE until IS NULL;

CREATE TABLE case_tag (
    case_id bigint NOT NULL REFERENCES incident_case,
    tag text NOT NULL CHECK (tag ~ '^[[:alnum:]][^[:space:][:cntrl:],]{0,62}$'),
    PRIMARY KEY (case_id, tag)
);
CREATE INDEX case_tag_tag ON case_tag (tag, case_id);

-- Numbers that peers and old systems use for the same case.
CREATE TABLE case_alias (
    case_id bigint NOT NULL REFERENCES incident_case,
    issuer text NOT NULL,
    alias text NOT NULL,
    PRIMARY KEY (issuer, alias)
);
CREATE INDEX case_alias_case ON case_alias (case_id);

CREATE TABLE case_link (
    case_id bigint NOT NULL REFERENCES incident_case,
    other_id bigint NOT NULL REFERENCES incident_case,
    kind text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    until timestamptz,
    since_seq bigint NOT NULL,
    until_seq bigint,
    CHECK (case_id <> other_id)
);
CREATE UNIQUE INDEX case_link_now ON case_link (case_id, other_id, kind) WHERE until IS NULL;
CREATE INDEX case_link_other ON case_link (other_id);

-- A RED item has named readers: those of its case.
CREATE TABLE case_reader (
    case_id bigint NOT NULL REFERENCES incident_case,
    identity_id bigint NOT NULL REFERENCES identity,
    PRIMARY KEY (case_id, identity_id)
);

CREATE TABLE note (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL,
    drill_id int NOT NULL DEFAULT 0,
    compartment_id int NOT NULL DEFAULT 0,
    author_id bigint REFERENCES identity,
    origin bigint REFERENCES sender,
    written timestamptz NOT NULL DEFAULT now(),
    text text NOT NULL,
    lang text,
    tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 4),
    pap smallint,
    share boolean NOT NULL DEFAULT false,
    personal boolean NOT NULL DEFAULT false,
    FOREIGN KEY (case_id, drill_id, compartment_id) REFERENCES incident_case (id, drill_id, compartment_id)
);
CREATE INDEX note_case ON note (case_id);

CREATE TABLE task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL,
    drill_id int NOT NULL DEFAULT 0,
    compartment_id int NOT NULL DEFAULT 0,
    text text NOT NULL,
    due timestamptz,
    done timestamptz,
    FOREIGN KEY (case_id, drill_id, compartment_id) REFERENCES incident_case (id, drill_id, compartment_id)
);
CREATE INDEX task_case ON task (case_id);

-- Bytes kept as evidence with a case; label and origin of their own.
CREATE TABLE evidence (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL,
    drill_id int NOT NULL DEFAULT 0,
    compartment_id int NOT NULL DEFAULT 0,
    report_id bigint,
    received timestamptz,
    origin bigint REFERENCES sender,
    name text NOT NULL,
    media_type text,
    sha256 bytea NOT NULL,
    bytes bytea NOT NULL,
    tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 4),
    pap smallint,
    personal boolean NOT NULL DEFAULT true,
    FOREIGN KEY (case_id, drill_id, compartment_id) REFERENCES incident_case (id, drill_id, compartment_id)
);
CREATE INDEX evidence_case ON evidence (case_id);

CREATE TABLE legal_hold (
    case_id bigint NOT NULL REFERENCES incident_case,
    reason text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    until timestamptz,
    PRIMARY KEY (case_id, since)
);

-- What people search: summary, notes and report text, one row a text; the same text twice in a case is one row.
-- Made out of summaries, notes and reports by definer functions; at feed speed a foreign key would cost as much as the row.
CREATE TABLE case_text (
    case_id bigint NOT NULL,
    tlp smallint NOT NULL,
    hash64 bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    body text NOT NULL,
    words tsvector GENERATED ALWAYS AS (to_tsvector('simple', left(body, 200000))) STORED,
    PRIMARY KEY (case_id, hash64)
);
CREATE INDEX case_text_words ON case_text USING gin (words);
-- For scripts without spaces: a text of ASCII only is found by its words.
CREATE INDEX case_text_trigrams ON case_text USING gin (left(body, 2000) gin_trgm_ops) WHERE left(body, 2000) ~ '[^\x01-\x7f]';

-- The history: a chain a case (case 0: the site's own). hash = SHA-256(previous, seq as 8 bytes big-endian, commitment);
-- commitment = SHA-256(salt, payload). Payload and salt can be erased by law; the chain stays whole.
CREATE TABLE journal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL,
    seq bigint NOT NULL,
    recorded timestamptz NOT NULL DEFAULT now(),
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    previous bytea NOT NULL,
    commitment bytea NOT NULL,
    hash bytea NOT NULL,
    UNIQUE (case_id, seq)
);
-- In the order in which transactions become visible: for those who follow changes.
CREATE INDEX journal_transaction ON journal (transaction, id);
CREATE TABLE journal_payload (
    case_id bigint NOT NULL,
    seq bigint NOT NULL,
    salt bytea NOT NULL,
    payload text NOT NULL,
    PRIMARY KEY (case_id, seq)
);
CREATE TABLE journal_head (
    case_id bigint PRIMARY KEY,
    seq bigint NOT NULL,
    hash bytea NOT NULL
) WITH (fillfactor = 50);
INSERT INTO journal_head VALUES (0, 0, sha256('cirt journal, site'));
-- The heads of all chains are sealed into the site's chain from time to time: what was settled then (transactions before `through`).
CREATE TABLE journal_anchor (
    seq bigint PRIMARY KEY,
    through xid8 NOT NULL,
    last_id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only' USING ERRCODE = 'CI403';
END $$;
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();
ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_append_only;
CREATE TRIGGER journal_payload_fixed BEFORE UPDATE OR TRUNCATE ON journal_payload
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();
ALTER TABLE journal_payload ENABLE ALWAYS TRIGGER journal_payload_fixed;
