-- Whom we serve: several owners, history, and what links cases.

-- Who held what is asked about today and about a day in the past.
DROP INDEX constituent_network_range, constituent_asn_number, constituent_domain_name;
CREATE INDEX constituent_network_range ON constituent_network USING gist (network inet_ops);
CREATE INDEX constituent_asn_number ON constituent_asn (asn);
CREATE INDEX constituent_domain_name ON constituent_domain (domain);
-- is_dated: `since` is when it began to be held; else it is when we were told, and it counts for the time before, too.
ALTER TABLE constituent_network ADD CHECK (since <= until), ADD COLUMN is_dated boolean NOT NULL DEFAULT false;
ALTER TABLE constituent_asn ADD CHECK (since <= until), ADD COLUMN is_dated boolean NOT NULL DEFAULT false;
ALTER TABLE constituent_domain ADD CHECK (since <= until), ADD COLUMN is_dated boolean NOT NULL DEFAULT false;

-- Which lengths networks (family 4, 6) and domains (family 0, in labels) have or had: triage looks up by these.
CREATE TABLE constituent_length (
    family int NOT NULL,
    length int NOT NULL,
    PRIMARY KEY (family, length)
);
INSERT INTO constituent_length SELECT DISTINCT family(network), masklen(network) FROM constituent_network
    UNION SELECT DISTINCT 0, cardinality(string_to_array(domain, '.')) FROM constituent_domain;

CREATE INDEX constituent_contact_constituent ON constituent_contact (constituent_id);

-- Who else holds what a case is about: its first owner is incident_case.constituent_id.
CREATE TABLE case_owner (
    case_id bigint NOT NULL REFERENCES incident_case,
    constituent_id bigint NOT NULL REFERENCES constituent,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (case_id, constituent_id)
);
CREATE INDEX case_owner_constituent ON case_owner (constituent_id, case_id);

-- A file of constituents on its way in: the parts as they came, until they are applied, all at once, or a day old.
CREATE UNLOGGED TABLE constituent_import (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity_id bigint NOT NULL,
    started timestamptz NOT NULL DEFAULT now()
);
CREATE UNLOGGED TABLE constituent_import_part (
    import_id bigint NOT NULL REFERENCES constituent_import ON DELETE CASCADE,
    no int NOT NULL,
    items jsonb NOT NULL,
    PRIMARY KEY (import_id, no)
);

-- Numbers and words that a site decides on (sql/functions/065_setting.sql says which there are). No row: the default.
CREATE TABLE setting (
    name text PRIMARY KEY,
    value text NOT NULL,
    changed timestamptz NOT NULL DEFAULT now(),
    changed_by bigint REFERENCES identity
);
