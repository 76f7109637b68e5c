-- What the columns of other people's CSV mean, as an operator wrote it down: the format "csv:NAME".
CREATE TABLE csv_mapping (
    name text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    text text NOT NULL,
    changed timestamptz NOT NULL DEFAULT now(),
    changed_by bigint REFERENCES identity
);
