-- Feeds: where documents are fetched, what came, what is amiss. A feed is an identity of role feed: what its sender is called, its keys, its
-- label and class stand there; here stands how its documents come and what is expected of them.

CREATE TABLE feed (
    identity_id bigint PRIMARY KEY REFERENCES identity,
    kind text NOT NULL DEFAULT 'push' CHECK (kind IN ('push', 'drop', 'https', 'taxii')),
    paused boolean NOT NULL DEFAULT false,
    format text,
    confidence smallint CHECK (confidence BETWEEN 0 AND 100), -- of sightings that name none
    url text,
    credentials text CHECK (credentials ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'), -- a file in the folder that only fetch reads
    ca text,
    every_s int NOT NULL DEFAULT 3600 CHECK (every_s BETWEEN 1 AND 2592000),
    fresh_s int CHECK (fresh_s > 0),
    documents_per_hour bigint CHECK (documents_per_hour > 0),
    bytes_per_hour bigint CHECK (bytes_per_hour > 0),
    document_bytes_max bigint CHECK (document_bytes_max > 0),
    keeps_files boolean NOT NULL DEFAULT true, -- of a drop folder: what was taken moves to done/, else it goes
    CHECK ((kind IN ('https', 'taxii')) = (url IS NOT NULL))
);

-- How far fetching has come.
CREATE TABLE feed_state (
    identity_id bigint PRIMARY KEY REFERENCES feed,
    attempts int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    asked timestamptz,   -- somebody wants it fetched now
    started timestamptz, -- the last try
    ended timestamptz,   -- the last one that went well
    failures int NOT NULL DEFAULT 0,
    failed timestamptz,
    error text,
    rest_s int,          -- the server asked us to wait so long
    etag text,
    last_modified text,
    added_after text,    -- TAXII: all up to here is stored
    query_after text,    -- what the pages at hand were asked with
    next text,           -- where their next one is
    more boolean NOT NULL DEFAULT false
);

CREATE FUNCTION feed_made() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF NEW.role = 'feed' THEN
        INSERT INTO feed (identity_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
        INSERT INTO feed_state (identity_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER identity_feed AFTER INSERT OR UPDATE OF role ON identity FOR EACH ROW EXECUTE FUNCTION feed_made();
INSERT INTO feed (identity_id) SELECT i.id FROM identity i WHERE i.role = 'feed';
INSERT INTO feed_state (identity_id) SELECT f.identity_id FROM feed f;

-- What came since the clock last added it up. Rows are only added, so that nobody waits for another's.
CREATE TABLE feed_count (
    sender_id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    documents bigint NOT NULL DEFAULT 0,
    duplicates bigint NOT NULL DEFAULT 0, -- documents that came before
    malformed bigint NOT NULL DEFAULT 0,  -- of the documents
    refused bigint NOT NULL DEFAULT 0,    -- beyond a quota
    bytes bigint NOT NULL DEFAULT 0,
    rows bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,   -- rows that could not be read
    known bigint NOT NULL DEFAULT 0,      -- rows that state what this sender stated before
    lag_rows bigint NOT NULL DEFAULT 0,
    lag_s double precision NOT NULL DEFAULT 0 -- of lag_rows together: from what happened to its coming here
);
CREATE INDEX feed_count_sender ON feed_count (sender_id, at);
CREATE TABLE feed_tally (
    sender_id bigint NOT NULL,
    hour timestamptz NOT NULL,
    last timestamptz NOT NULL,
    documents bigint NOT NULL,
    duplicates bigint NOT NULL,
    malformed bigint NOT NULL,
    refused bigint NOT NULL,
    bytes bigint NOT NULL,
    rows bigint NOT NULL,
    rejected bigint NOT NULL,
    known bigint NOT NULL,
    lag_rows bigint NOT NULL,
    lag_s double precision NOT NULL,
    PRIMARY KEY (sender_id, hour)
);

-- The columns that documents of each kind of a feed had the last time.
CREATE TABLE feed_columns (
    sender_id bigint NOT NULL,
    what text NOT NULL,
    columns text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sender_id, what)
);

CREATE TABLE feed_notice (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity_id bigint NOT NULL REFERENCES feed,
    kind text NOT NULL CHECK (kind IN ('silent', 'columns', 'volume', 'failing', 'quota')),
    subject text NOT NULL DEFAULT '',
    text text NOT NULL,
    raised timestamptz NOT NULL DEFAULT now(),
    told timestamptz,      -- who is on duty was
    ended timestamptz,
    ended_by bigint REFERENCES identity -- NULL: it ended by itself
);
CREATE UNIQUE INDEX feed_notice_open ON feed_notice (identity_id, kind, subject) WHERE ended IS NULL;
