-- Who we are, who may call us, whom we serve, with whom we share.
-- Migrations run as cirt_owner, are forward only, and never change once released (tests/checks/migrations.sh).

CREATE EXTENSION pg_trgm WITH SCHEMA cirt;

CREATE TABLE site (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    name text NOT NULL,
    prefix text NOT NULL CHECK (prefix ~ '^[A-Z0-9][A-Z0-9-]{1,30}$'),
    domain text NOT NULL,
    zone text NOT NULL DEFAULT 'UTC'
);

-- Exercises. 0 is "no drill": rows carry it so that composite keys keep drill and life apart.
CREATE TABLE drill (
    id int PRIMARY KEY,
    name text NOT NULL UNIQUE,
    started timestamptz,
    ended timestamptz
);
INSERT INTO drill VALUES (0, 'none', NULL, NULL);

-- Restricted circles. 0 is "everyone".
CREATE TABLE compartment (
    id int PRIMARY KEY,
    name text NOT NULL UNIQUE
);
INSERT INTO compartment VALUES (0, 'none');

CREATE TABLE identity (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login text NOT NULL UNIQUE CHECK (login ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    name text,
    role text NOT NULL CHECK (role IN ('feed', 'analyst', 'lead', 'admin', 'auditor')),
    mail text,
    level text CHECK (level ~ '^[a-z][a-z0-9-]{0,30}$'),
    default_tlp smallint CHECK (default_tlp BETWEEN 0 AND 4),
    default_class text,
    enabled boolean NOT NULL DEFAULT true,
    created timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE compartment_member (
    compartment_id int NOT NULL REFERENCES compartment,
    identity_id bigint NOT NULL REFERENCES identity,
    PRIMARY KEY (compartment_id, identity_id)
);

CREATE TABLE peer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[A-Z0-9][A-Z0-9-]{1,30}$'),
    title text,
    url text,
    rid_url text,
    ca text,
    mail text,
    enabled boolean NOT NULL DEFAULT true,
    created timestamptz NOT NULL DEFAULT now()
);

-- The names a peer may put into IncidentID@name. A name belongs to one peer.
CREATE TABLE peer_issuer_name (
    name text PRIMARY KEY,
    peer_id bigint NOT NULL REFERENCES peer
);

-- Registered public keys: SHA-256 of the certificate's SubjectPublicKeyInfo. The pinned key decides who calls.
CREATE TABLE registered_key (
    key_sha256 bytea PRIMARY KEY CHECK (length(key_sha256) = 32),
    identity_id bigint REFERENCES identity,
    peer_id bigint REFERENCES peer,
    added timestamptz NOT NULL DEFAULT now(),
    CHECK (num_nonnulls(identity_id, peer_id) = 1)
);
CREATE INDEX registered_key_identity ON registered_key (identity_id);
CREATE INDEX registered_key_peer ON registered_key (peer_id);

-- OpenPGP keys pinned to a person or a peer; verify reads them, nobody's key server is asked.
CREATE TABLE openpgp_key (
    fingerprint text PRIMARY KEY CHECK (fingerprint ~ '^[0-9A-F]{40,64}$'),
    identity_id bigint REFERENCES identity,
    peer_id bigint REFERENCES peer,
    addresses text[] NOT NULL,
    armoured text NOT NULL,
    pinned timestamptz NOT NULL DEFAULT now(),
    changed timestamptz NOT NULL DEFAULT now(), -- when this armoured text came: a later one may hold a revocation
    distrusted timestamptz,
    CHECK (num_nonnulls(identity_id, peer_id) = 1)
);

-- Where a report came from. Mail addresses are personal data and are rows here only.
CREATE TABLE sender (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity_id bigint UNIQUE REFERENCES identity,
    peer_id bigint UNIQUE REFERENCES peer,
    address text UNIQUE,
    CHECK (num_nonnulls(identity_id, peer_id, address) = 1)
);

CREATE FUNCTION sender_made() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'peer' THEN
        INSERT INTO sender (peer_id) VALUES (NEW.id);
    ELSE
        INSERT INTO sender (identity_id) VALUES (NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER identity_sender AFTER INSERT ON identity FOR EACH ROW EXECUTE FUNCTION sender_made();
CREATE TRIGGER peer_sender AFTER INSERT ON peer FOR EACH ROW EXECUTE FUNCTION sender_made();

-- The MoU with a peer. A change is a new version; shares point at the version they were made under.
CREATE TABLE agreement (
    id bigint NOT NULL,
    version int NOT NULL,
    peer_id bigint NOT NULL REFERENCES peer,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    ceiling smallint NOT NULL CHECK (ceiling BETWEEN 0 AND 3),
    classes text[],
    document text,
    enabled boolean NOT NULL DEFAULT true,
    is_current boolean NOT NULL DEFAULT true,
    created timestamptz NOT NULL DEFAULT now(),
    created_by bigint REFERENCES identity,
    PRIMARY KEY (id, version),
    CHECK (valid_from < valid_until)
);
CREATE SEQUENCE agreement_id_seq;
CREATE UNIQUE INDEX agreement_current ON agreement (id) WHERE is_current;
CREATE INDEX agreement_peer ON agreement (peer_id) WHERE is_current;

CREATE TABLE constituent (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    title text,
    sector text,
    criticality text CHECK (criticality IN ('low', 'medium', 'high', 'critical')),
    lang text,
    enabled boolean NOT NULL DEFAULT true
);
CREATE TABLE constituent_network (
    constituent_id bigint NOT NULL REFERENCES constituent,
    network cidr NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    until timestamptz,
    PRIMARY KEY (constituent_id, network, since)
);
CREATE INDEX constituent_network_range ON constituent_network USING gist (network inet_ops) WHERE until IS NULL;
CREATE TABLE constituent_asn (
    constituent_id bigint NOT NULL REFERENCES constituent,
    asn bigint NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    until timestamptz,
    PRIMARY KEY (constituent_id, asn, since)
);
CREATE INDEX constituent_asn_number ON constituent_asn (asn) WHERE until IS NULL;
CREATE TABLE constituent_domain (
    constituent_id bigint NOT NULL REFERENCES constituent,
    domain text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    until timestamptz,
    PRIMARY KEY (constituent_id, domain, since)
);
CREATE INDEX constituent_domain_name ON constituent_domain (domain) WHERE until IS NULL;
-- Personal data.
CREATE TABLE constituent_contact (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    constituent_id bigint NOT NULL REFERENCES constituent,
    name text,
    email text,
    phone text
);

-- Triage rules: every text that was ever in force is kept.
CREATE TABLE rule_set (
    name text NOT NULL,
    version int NOT NULL,
    text text NOT NULL,
    changed timestamptz NOT NULL DEFAULT now(),
    changed_by bigint REFERENCES identity,
    is_current boolean NOT NULL DEFAULT true,
    PRIMARY KEY (name, version)
);
CREATE UNIQUE INDEX rule_set_current ON rule_set (name) WHERE is_current;
CREATE TABLE rule_hits (
    name text NOT NULL,
    version int NOT NULL,
    rule text NOT NULL,
    hits bigint NOT NULL,
    PRIMARY KEY (name, version, rule),
    FOREIGN KEY (name, version) REFERENCES rule_set
);

-- What needs a second pair of eyes: asked by one, granted by another.
CREATE TABLE approval (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action text NOT NULL,
    subject text NOT NULL,
    asked_by bigint NOT NULL REFERENCES identity,
    asked timestamptz NOT NULL DEFAULT now(),
    granted_by bigint REFERENCES identity,
    granted timestamptz,
    CHECK (granted_by <> asked_by)
);

-- Which columns hold personal data: for erasure, exports and answers to persons.
CREATE TABLE personal_field (
    table_name text NOT NULL,
    column_name text NOT NULL,
    what text NOT NULL,
    PRIMARY KEY (table_name, column_name)
);
INSERT INTO personal_field VALUES
    ('sender', 'address', 'mail address of a reporter'),
    ('report_reporter', 'name', 'name of a reporter'),
    ('report_reporter', 'email', 'mail address of a reporter'),
    ('report_raw', 'bytes', 'whatever the sender wrote'),
    ('report_content', 'description', 'whatever the sender wrote'),
    ('constituent_contact', 'name', 'contact of a constituent'),
    ('constituent_contact', 'email', 'contact of a constituent'),
    ('constituent_contact', 'phone', 'contact of a constituent'),
    ('identity', 'name', 'name of a user'),
    ('identity', 'mail', 'mail address of a user'),
    ('sighting', 'value', 'addresses and mail addresses of victims, where personal is set'),
    ('note', 'text', 'whatever an analyst wrote'),
    ('journal_payload', 'payload', 'names and text in the history');
