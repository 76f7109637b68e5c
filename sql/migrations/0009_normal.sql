-- Normal forms: names of classes, warninglists, local look-ups.

-- Of a URL: as it was written, where that is not the value.
ALTER TABLE sighting ADD COLUMN original text;

-- Words of senders for classes, beside those that are built in (libcirt/model/rsit.c): the operator's come first. word is class_word()'s form.
CREATE TABLE class_alias (
    word text PRIMARY KEY CHECK (word <> '' AND length(word) <= 200),
    class text NOT NULL,
    added timestamptz NOT NULL DEFAULT now(),
    added_by bigint REFERENCES identity
);
-- Words that nobody knows, by sender: what they named was triaged as other/undetermined.
CREATE TABLE class_unmapped (
    word text NOT NULL,
    sender_id bigint NOT NULL,
    count bigint NOT NULL,
    first timestamptz NOT NULL DEFAULT now(),
    last timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (word, sender_id)
);
CREATE INDEX class_unmapped_sender ON class_unmapped (sender_id);

-- Known-good lists in MISP's warninglist format. types: numbers of observable types that the list speaks of.
CREATE TABLE warninglist (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    title text NOT NULL,
    description text,
    version text,
    kind text NOT NULL CHECK (kind IN ('string', 'hostname', 'substring', 'cidr', 'regex')),
    types smallint[] NOT NULL,
    category text,
    loaded boolean NOT NULL DEFAULT false, -- all parts are here: it counts
    skipped int NOT NULL DEFAULT 0,        -- entries that say nothing we can match
    labels int NOT NULL DEFAULT 0,         -- of a hostname list: the most that an entry has
    imported timestamptz NOT NULL DEFAULT now(),
    imported_by bigint REFERENCES identity
);
CREATE TABLE warninglist_entry (
    value text NOT NULL CHECK (length(value) <= 1000),
    list_id int NOT NULL REFERENCES warninglist ON DELETE CASCADE,
    PRIMARY KEY (value, list_id)
);
CREATE INDEX warninglist_entry_list ON warninglist_entry (list_id);
CREATE TABLE warninglist_network (
    network inet NOT NULL,
    list_id int NOT NULL REFERENCES warninglist ON DELETE CASCADE,
    PRIMARY KEY (network, list_id)
);
CREATE INDEX warninglist_network_list ON warninglist_network (list_id);
-- Few, by a bound: each is tried on each value. pattern is a regular expression, or part of a value as it stands.
CREATE TABLE warninglist_pattern (
    list_id int NOT NULL REFERENCES warninglist ON DELETE CASCADE,
    no int NOT NULL,
    pattern text NOT NULL CHECK (length(pattern) <= 1000),
    is_regex boolean NOT NULL,
    PRIMARY KEY (list_id, no)
);
-- What triage found on a list: once an observable, list and entry. Values may be too long for an index; their digest is not.
CREATE TABLE known_good_mark (
    value_md5 uuid NOT NULL,
    type smallint NOT NULL,
    list text NOT NULL,
    entry text NOT NULL,
    value text NOT NULL,
    first timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (value_md5, type, list)
);
CREATE INDEX known_good_mark_first ON known_good_mark (first);

-- The registries' files of what they handed out. Ranges do not overlap: each is found by its first address.
CREATE TABLE rir_file (
    registry text PRIMARY KEY,
    serial text,
    entries bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    loaded boolean NOT NULL DEFAULT false,
    imported timestamptz NOT NULL DEFAULT now(),
    imported_by bigint REFERENCES identity
);
CREATE TABLE rir_range (
    first inet PRIMARY KEY,
    last inet NOT NULL,
    country text NOT NULL,
    registry text NOT NULL,
    day date
);
CREATE INDEX rir_range_registry ON rir_range (registry);
CREATE TABLE rir_asn (
    first bigint PRIMARY KEY,
    last bigint NOT NULL,
    country text NOT NULL,
    registry text NOT NULL,
    day date
);
CREATE INDEX rir_asn_registry ON rir_asn (registry);
