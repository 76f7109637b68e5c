-- What leaves, and what peers sent.

CREATE TABLE share (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL,
    drill_id int NOT NULL DEFAULT 0,
    compartment_id int NOT NULL DEFAULT 0,
    peer_id bigint NOT NULL REFERENCES peer,
    agreement_id bigint NOT NULL,
    agreement_version int NOT NULL,
    version int NOT NULL DEFAULT 1,
    tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 3),
    state text NOT NULL CHECK (state IN ('planned', 'held', 'queued', 'sent', 'acknowledged', 'accepted', 'declined', 'failed', 'expired', 'withdrawn')),
    filter text,
    ordered timestamptz NOT NULL DEFAULT now(),
    ordered_by bigint NOT NULL REFERENCES identity,
    sent timestamptz,
    acknowledged timestamptz,
    error text,
    FOREIGN KEY (case_id, drill_id, compartment_id) REFERENCES incident_case (id, drill_id, compartment_id),
    FOREIGN KEY (agreement_id, agreement_version) REFERENCES agreement (id, version)
);
CREATE INDEX share_case ON share (case_id);
CREATE INDEX share_planned ON share (id) WHERE state = 'planned';

-- What was decided to go, each with the hash of what it was then.
CREATE TABLE share_item (
    share_id bigint NOT NULL REFERENCES share,
    version int NOT NULL,
    no int NOT NULL,
    kind text NOT NULL CHECK (kind IN ('case', 'sighting', 'note')),
    ref text NOT NULL,
    content text NOT NULL,
    sha256 bytea NOT NULL,
    tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 4),
    PRIMARY KEY (share_id, version, no)
);

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    share_id bigint NOT NULL REFERENCES share,
    version int NOT NULL,
    document bytea NOT NULL,
    sha256 bytea NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz,
    expires timestamptz NOT NULL DEFAULT now() + interval '14 days',
    error text,
    UNIQUE (share_id, version)
);
CREATE INDEX outbox_due ON outbox (not_before);

-- Every try to hand something over.
CREATE TABLE delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    share_id bigint NOT NULL REFERENCES share,
    version int NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    status int,
    outcome text NOT NULL,
    answer bytea
);
CREATE INDEX delivery_share ON delivery (share_id);

-- What the share stage has to do: orders to write as documents, answers of peers to read. A claim leases a row by moving not_before ahead.
CREATE TABLE to_share (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('order', 'answer')),
    share_id bigint NOT NULL REFERENCES share,
    version int NOT NULL,
    delivery_id bigint REFERENCES delivery,
    attempts int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    CHECK ((kind = 'answer') = (delivery_id IS NOT NULL))
);
CREATE UNIQUE INDEX to_share_order ON to_share (share_id) WHERE kind = 'order';

-- A peer's document. The bytes are the report's; its label bounds everything made of it.
CREATE TABLE incoming (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    peer_id bigint NOT NULL REFERENCES peer,
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    issuer text NOT NULL,
    theirs text NOT NULL,
    tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 4),
    items int NOT NULL,
    state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'accepted', 'declined')),
    case_id bigint REFERENCES incident_case,
    decided_by bigint REFERENCES identity,
    decided timestamptz,
    reason text,
    UNIQUE (report_id)
);
CREATE INDEX incoming_theirs ON incoming (issuer, theirs);
CREATE INDEX incoming_new ON incoming (id) WHERE state = 'new';
-- Who delivered a foreign case first: updates come from that peer only.
CREATE TABLE incoming_source (
    issuer text NOT NULL,
    theirs text NOT NULL,
    peer_id bigint NOT NULL REFERENCES peer,
    PRIMARY KEY (issuer, theirs)
);
