-- Mail both ways: whom we write with, keys, what is said about mail that came, threads, and mail that leaves.

-- --- whom we write with ---

-- A mail address that somebody here vouches for, or that we have written to. Personal data.
CREATE TABLE contact (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address text NOT NULL UNIQUE CHECK (address = lower(address) AND address ~ '^[^@[:space:]<>]+@[^@[:space:]<>]+$'),
    name text,
    lang text,
    constituent_id bigint REFERENCES constituent,
    peer_id bigint REFERENCES peer,
    identity_id bigint REFERENCES identity,
    -- Vouched for: a record names the address, or an analyst does. Else it is only remembered (we answered a stranger).
    is_known boolean NOT NULL DEFAULT true,
    enabled boolean NOT NULL DEFAULT true,
    bounced timestamptz, -- mail to it came back since then; what it said
    bounce text,
    created timestamptz NOT NULL DEFAULT now(),
    created_by bigint REFERENCES identity,
    vouched_by bigint REFERENCES identity -- the analyst who vouches for it, whatever the records say
);
CREATE INDEX contact_constituent ON contact (constituent_id) WHERE constituent_id IS NOT NULL;
CREATE INDEX contact_peer ON contact (peer_id) WHERE peer_id IS NOT NULL;
CREATE INDEX constituent_contact_email ON constituent_contact (lower(btrim(email)));

-- Leave to send to them in clear up to a label: who granted it, until when.
CREATE TABLE waiver (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contact_id bigint REFERENCES contact,
    peer_id bigint REFERENCES peer,
    up_to smallint NOT NULL CHECK (up_to BETWEEN 0 AND 2),
    reason text NOT NULL,
    granted timestamptz NOT NULL DEFAULT now(),
    granted_by bigint NOT NULL REFERENCES identity,
    until timestamptz NOT NULL,
    ended timestamptz,
    CHECK (num_nonnulls(contact_id, peer_id) = 1)
);
CREATE INDEX waiver_contact ON waiver (contact_id) WHERE ended IS NULL;
CREATE INDEX waiver_peer ON waiver (peer_id) WHERE ended IS NULL;

-- --- keys ---

-- Others' OpenPGP keys and S/MIME certificates. pinned NULL: a candidate, that came in a header or attachment or waits for a second person.
ALTER TABLE openpgp_key RENAME TO mail_key;
ALTER TABLE mail_key DROP CONSTRAINT openpgp_key_check;
ALTER TABLE mail_key ALTER COLUMN pinned DROP NOT NULL, ALTER COLUMN pinned DROP DEFAULT;
UPDATE mail_key SET pinned = coalesce(pinned, now());
ALTER TABLE mail_key
    ADD COLUMN protocol text NOT NULL DEFAULT 'openpgp' CHECK (protocol IN ('openpgp', 'smime')),
    ADD COLUMN contact_id bigint REFERENCES contact,
    ADD COLUMN key_ids text[] NOT NULL DEFAULT '{}', -- 16 hex digits each, of the primary key and its subkeys; of a certificate "ISSUER SERIAL"
    ADD COLUMN user_id text,                         -- what the key says of its owner: a claim
    ADD COLUMN claims text[] NOT NULL DEFAULT '{}',  -- the addresses it names itself; `addresses` are those it counts for, since it is pinned
    ADD COLUMN unusable text,                        -- why GnuPG or OpenSSL does not take the text, as verify found
    ADD COLUMN can_encrypt boolean NOT NULL DEFAULT true,
    ADD COLUMN expires timestamptz,
    ADD COLUMN revoked timestamptz,                  -- when we learned of it
    ADD COLUMN confirmed timestamptz,                -- when verify looked at the text
    ADD COLUMN source text NOT NULL DEFAULT 'record' CHECK (source IN ('record', 'file', 'autocrypt', 'attachment', 'signature')),
    ADD COLUMN source_report bigint,
    ADD COLUMN seen timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN pinned_by bigint REFERENCES identity,
    ADD COLUMN asked_by bigint REFERENCES identity,  -- of a peer's key: who asked to pin it; another grants it
    ADD COLUMN distrusted_by bigint REFERENCES identity,
    ADD COLUMN distrust_reason text,
    ADD CONSTRAINT mail_key_whose CHECK (num_nonnulls(identity_id, peer_id, contact_id) = 1 OR (pinned IS NULL AND num_nonnulls(identity_id, peer_id, contact_id) = 0)),
    ADD CONSTRAINT mail_key_four_eyes CHECK (pinned_by <> asked_by);
CREATE INDEX mail_key_ids ON mail_key USING gin (key_ids);
CREATE INDEX mail_key_contact ON mail_key (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX mail_key_peer ON mail_key (peer_id) WHERE peer_id IS NOT NULL;
CREATE INDEX mail_key_identity ON mail_key (identity_id) WHERE identity_id IS NOT NULL;
CREATE INDEX mail_key_addresses ON mail_key USING gin (addresses);
CREATE INDEX mail_key_claims ON mail_key USING gin (claims);
CREATE INDEX mail_key_changed ON mail_key (changed);

-- Our own, as seal told: public parts only.
CREATE TABLE own_key (
    fingerprint text PRIMARY KEY CHECK (fingerprint ~ '^[0-9A-F]{40,64}$'),
    protocol text NOT NULL CHECK (protocol IN ('openpgp', 'smime')),
    key_ids text[] NOT NULL DEFAULT '{}',
    addresses text[] NOT NULL DEFAULT '{}',
    user_id text,
    public_text text NOT NULL,   -- armoured, or PEM
    expires timestamptz,
    can_sign boolean NOT NULL,
    can_decrypt boolean NOT NULL,
    signs boolean NOT NULL DEFAULT false, -- the one that signs what leaves
    revoked boolean NOT NULL DEFAULT false,
    seen timestamptz NOT NULL DEFAULT now(),
    gone timestamptz
);

-- Keys that mails brought along, for verify to look at; what was looked at has no bytes any more and is here to be known again.
CREATE TABLE key_offer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 bytea NOT NULL UNIQUE,
    report_id bigint NOT NULL,
    source text NOT NULL CHECK (source IN ('autocrypt', 'attachment', 'signature')),
    bytes bytea CHECK (length(bytes) <= 65536),
    fingerprints text[] NOT NULL DEFAULT '{}', -- what was in it
    offered timestamptz NOT NULL DEFAULT now(),
    attempts int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    error text
);
CREATE INDEX key_offer_due ON key_offer (not_before) WHERE bytes IS NOT NULL;
CREATE INDEX key_offer_fingerprints ON key_offer USING gin (fingerprints);

-- A warning is given once a key and day count.
CREATE TABLE key_warning (
    fingerprint text NOT NULL,
    expires timestamptz NOT NULL,
    days int NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fingerprint, expires, days)
);

-- --- what is said about mail that came ---

ALTER TABLE report_mail
    ADD COLUMN message_id text,
    ADD COLUMN in_reply_to text,
    ADD COLUMN refs text[] NOT NULL DEFAULT '{}',
    ADD COLUMN tags text[] NOT NULL DEFAULT '{}', -- what stands in [brackets] in the subjects, outer and protected
    ADD COLUMN author text,                       -- the only From address, lower case; NULL where there is none or are several
    ADD COLUMN kind text NOT NULL DEFAULT 'message' CHECK (kind IN ('message', 'auto-reply', 'list', 'bounce', 'mdn')),
    ADD COLUMN is_automatic boolean NOT NULL DEFAULT false, -- nobody wrote it by hand: never to be answered by a machine
    ADD COLUMN dmarc text,                        -- of our own MTA's Authentication-Results: pass, fail, none, ...
    ADD COLUMN spf text,
    ADD COLUMN dkim text,
    ADD COLUMN spam boolean,
    ADD COLUMN spam_score real,
    ADD COLUMN about text,                        -- of a bounce or MDN: the Message-ID it is about
    ADD COLUMN about_recipient text,
    ADD COLUMN about_status text,                 -- "5.1.1"
    ADD COLUMN about_text text,
    ADD COLUMN looked_at timestamptz;             -- when it was decided whether to acknowledge it
CREATE INDEX report_mail_unseen ON report_mail (report_id) WHERE looked_at IS NULL;
CREATE INDEX report_mail_message_id ON report_mail (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX report_mail_author ON report_mail (author) WHERE author IS NOT NULL;

ALTER TABLE report_verdict
    ADD COLUMN protocol text CHECK (protocol IN ('openpgp', 'smime')),
    ADD COLUMN algorithm text,
    ADD COLUMN is_fresh boolean NOT NULL DEFAULT false, -- made within 24 hours of its arrival, and addressed to us inside of what is signed
    ADD COLUMN copy_of bigint,                          -- the report whose signed payload this repeats
    ADD COLUMN needed_keys text[] NOT NULL DEFAULT '{}', -- what could open it, where it could not be opened
    ADD COLUMN unknown_keys text[] NOT NULL DEFAULT '{}'; -- fingerprints or key ids of signers nobody vouches for
-- For those that a key may help, or that rest on one.
CREATE INDEX report_verdict_keys ON report_verdict USING gin (jsonb_path_query_array(parts, '$[*].fingerprint')) WHERE parts <> '[]';
CREATE INDEX report_verdict_needed ON report_verdict USING gin (needed_keys) WHERE needed_keys <> '{}';
CREATE INDEX report_verdict_unknown ON report_verdict USING gin (unknown_keys) WHERE unknown_keys <> '{}';

-- What was signed, by whom and when, by a hash of all three: the same again is a copy, whoever sends it.
CREATE TABLE signed_payload (
    sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
    report_id bigint NOT NULL,
    received timestamptz NOT NULL
);

-- Why triage held a report: a word for programs ('rule', 'undecryptable', 'unknown-key', 'spam', 'auto-reply', 'no-part', ...); reason says it to people.
ALTER TABLE report_outcome ADD COLUMN held_for text;
CREATE INDEX report_outcome_held ON report_outcome (report_id) WHERE state = 'held';
-- The same mail came again, to other addresses of ours: a case may be among them.
ALTER TABLE to_triage ADD COLUMN repeated boolean NOT NULL DEFAULT false;
-- The numbers of peers and old systems stand in subjects with and without their issuer.
CREATE INDEX case_alias_tag ON case_alias (upper(ltrim(alias, '#')));

-- What was closed and is open now, step by step: the outermost envelope is step 0.
ALTER TABLE report_clear ADD COLUMN step int NOT NULL DEFAULT 0,
    ADD COLUMN protocol text NOT NULL DEFAULT 'openpgp' CHECK (protocol IN ('openpgp', 'smime')),
    ADD COLUMN kind text NOT NULL DEFAULT 'encrypted' CHECK (kind IN ('encrypted', 'signed', 'compressed')),
    ADD COLUMN problem text,                           -- why it could not be opened
    ADD COLUMN is_stale boolean NOT NULL DEFAULT false; -- to be opened again: a key came or went
ALTER TABLE report_clear DROP CONSTRAINT report_clear_pkey, ADD PRIMARY KEY (report_id, step, path);
CREATE INDEX to_open_report ON to_open (report_id);
CREATE INDEX to_verify_report ON to_verify (report_id);
CREATE INDEX inbox_report ON inbox (report_id);
ALTER TABLE to_open ADD COLUMN step int NOT NULL DEFAULT 0;
-- unwraps: no verdict yet; what is signed opaquely or compressed is taken out and goes back to decode.
ALTER TABLE to_verify ADD COLUMN unwraps boolean NOT NULL DEFAULT false;
ALTER TABLE signed_part ADD COLUMN step int NOT NULL DEFAULT 0,
    ADD COLUMN kind text NOT NULL DEFAULT 'detached' CHECK (kind IN ('detached', 'signed', 'compressed')); -- signed, compressed: to be unwrapped
-- Parts go with their row by a trigger a statement (026_decoded.sql): a foreign key asks for each row.
ALTER TABLE signed_part DROP CONSTRAINT signed_part_pkey, ADD PRIMARY KEY (to_verify_id, step, path), DROP CONSTRAINT signed_part_to_verify_id_fkey;

-- What was claimed before and comes again is found without reading what waits.
CREATE INDEX inbox_claimed ON inbox (not_before) WHERE attempts > 0 AND failed IS NULL;
CREATE INDEX to_verify_claimed ON to_verify (not_before) WHERE attempts > 0 AND failed IS NULL;
CREATE INDEX to_open_claimed ON to_open (not_before) WHERE attempts > 0 AND failed IS NULL;

ALTER TABLE evidence ADD COLUMN added timestamptz NOT NULL DEFAULT now(), ADD COLUMN added_by bigint REFERENCES identity;

-- The files that a mail brought: evidence of each case that the mail is in. Numbered as evidence is.
CREATE TABLE report_attachment (
    id bigint PRIMARY KEY DEFAULT nextval('evidence_id_seq'),
    report_id bigint NOT NULL,
    received timestamptz NOT NULL,
    path text NOT NULL, -- of the part in what the mail says
    name text,
    media_type text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    bytes bytea NOT NULL,
    UNIQUE (report_id, path)
);

-- --- mail that leaves ---

-- The correspondence of a case with one counterparty.
CREATE TABLE thread (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL,
    drill_id int NOT NULL DEFAULT 0,
    compartment_id int NOT NULL DEFAULT 0,
    contact_id bigint NOT NULL REFERENCES contact, -- the counterparty
    addresses text[] NOT NULL,                     -- all of its addresses in this thread, the contact's first
    tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 4),
    lang text NOT NULL,
    subject text NOT NULL,
    opened timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (case_id, drill_id, compartment_id) REFERENCES incident_case (id, drill_id, compartment_id),
    UNIQUE (case_id, contact_id)
);

CREATE TABLE mail (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint,      -- NULL: about no case (a warning about a key)
    drill_id int NOT NULL DEFAULT 0,
    compartment_id int NOT NULL DEFAULT 0,
    thread_id bigint REFERENCES thread,
    occasion text NOT NULL CHECK (occasion IN ('reply', 'mail', 'notice', 'question', 'closing', 'acknowledgement', 'warning')),
    state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'waiting', 'signing', 'queued', 'sent', 'failed', 'bounced', 'expired', 'recalled', 'dropped')),
    author_id bigint REFERENCES identity, -- NULL: written by a machine
    answers bigint,                       -- the report it answers
    sender text NOT NULL,                 -- our address
    subject text NOT NULL,
    body text NOT NULL,
    lang text NOT NULL,
    tlp smallint NOT NULL CHECK (tlp BETWEEN 0 AND 4),
    message_id text UNIQUE,
    in_reply_to text,
    refs text[] NOT NULL DEFAULT '{}',
    auto_submitted text,
    -- The decision: fixed from then on. decision: per recipient what was decided and why, as the author saw it.
    decided timestamptz,
    decided_by bigint REFERENCES identity,
    decision jsonb,
    is_strict_decided boolean NOT NULL DEFAULT false, -- AMBER+STRICT: a person decided it for this message
    journal_seq bigint,                               -- in the chain of the case, or of the site
    not_before timestamptz,                           -- until then it can be recalled
    expires timestamptz,
    sent timestamptz,
    error text,
    revision int NOT NULL DEFAULT 1,
    created timestamptz NOT NULL DEFAULT now(),
    updated timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (case_id, drill_id, compartment_id) REFERENCES incident_case (id, drill_id, compartment_id),
    CHECK (tlp < 4 OR state IN ('draft', 'dropped')),
    CHECK (state IN ('draft', 'dropped') OR (decided IS NOT NULL AND decision IS NOT NULL AND journal_seq IS NOT NULL AND message_id IS NOT NULL)),
    CHECK (tlp < 3 OR state IN ('draft', 'dropped') OR is_strict_decided)
);
CREATE INDEX mail_case ON mail (case_id);
CREATE INDEX mail_thread ON mail (thread_id);
CREATE INDEX mail_waiting ON mail (not_before) WHERE state = 'waiting';
CREATE INDEX mail_automatic ON mail (created) WHERE author_id IS NULL;

CREATE TABLE mail_recipient (
    mail_id bigint NOT NULL REFERENCES mail ON DELETE CASCADE,
    no int NOT NULL,
    kind text NOT NULL CHECK (kind IN ('to', 'cc', 'bcc')),
    address text NOT NULL,
    name text,
    contact_id bigint REFERENCES contact,
    protection text CHECK (protection IN ('signed', 'encrypted')), -- as decided
    fingerprint text,                                              -- of the key it is encrypted to
    waiver_id bigint REFERENCES waiver,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'delivered', 'delayed', 'failed', 'bounced')),
    status text,
    at timestamptz,
    PRIMARY KEY (mail_id, no)
);
CREATE INDEX mail_recipient_address ON mail_recipient (address);

CREATE TABLE mail_attachment (
    mail_id bigint NOT NULL REFERENCES mail ON DELETE CASCADE,
    no int NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    bytes bytea NOT NULL,
    sha256 bytea NOT NULL,
    tlp smallint CHECK (tlp BETWEEN 0 AND 4), -- of evidence: its own label
    PRIMARY KEY (mail_id, no)
);

-- What goes in one piece: all that see each other's names; each hidden recipient is a piece of its own. payload: the MIME part to be signed, in
-- clear, kept with the case, so that it can be read when keys have changed.
CREATE TABLE mail_piece (
    mail_id bigint NOT NULL REFERENCES mail ON DELETE CASCADE,
    no int NOT NULL,
    protocol text NOT NULL CHECK (protocol IN ('openpgp', 'smime')),
    protection text NOT NULL CHECK (protection IN ('signed', 'encrypted')),
    recipients text[] NOT NULL,        -- envelope addresses
    fingerprints text[] NOT NULL,      -- of the keys it is encrypted to; ours is added by seal
    head text NOT NULL,                -- the outer header fields, which the signed or encrypted entity follows
    payload bytea NOT NULL,
    sha256 bytea NOT NULL,
    CHECK (sha256 = sha256(payload)),
    CHECK ((protection = 'encrypted') = (cardinality(fingerprints) > 0)),
    PRIMARY KEY (mail_id, no)
);

CREATE TABLE to_sign (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail_id bigint NOT NULL,
    piece_no int NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    failed timestamptz,
    error text,
    FOREIGN KEY (mail_id, piece_no) REFERENCES mail_piece,
    UNIQUE (mail_id, piece_no)
);

-- Whole messages that wait for the MTA.
CREATE TABLE outbox_mail (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail_id bigint NOT NULL,
    piece_no int NOT NULL,
    bytes bytea NOT NULL,
    sha256 bytea NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz,
    expires timestamptz NOT NULL DEFAULT now() + interval '5 days',
    error text,
    FOREIGN KEY (mail_id, piece_no) REFERENCES mail_piece,
    UNIQUE (mail_id, piece_no)
);
CREATE INDEX outbox_mail_due ON outbox_mail (not_before);

-- Automatic mail (drafts without an author) that waits for its text.
CREATE TABLE to_compose (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail_id bigint NOT NULL UNIQUE REFERENCES mail,
    attempts int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    error text
);

-- The MTA that push hands mail to, as push says; smtp NULL: none is configured.
CREATE TABLE mta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    smtp text,
    told timestamptz NOT NULL,
    error text, -- of the last try that did not reach it
    failing timestamptz
);

-- Whom the machine has acknowledged what: once a case and sender.
CREATE TABLE acknowledgement (
    case_id bigint NOT NULL REFERENCES incident_case,
    address text NOT NULL,
    report_id bigint NOT NULL,
    mail_id bigint REFERENCES mail,
    outcome text NOT NULL, -- 'sent', or why none was
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (case_id, address)
);
CREATE INDEX acknowledgement_at ON acknowledgement (at);

INSERT INTO personal_field VALUES
    ('contact', 'address', 'mail address of a contact'),
    ('contact', 'name', 'name of a contact'),
    ('report_attachment', 'bytes', 'whatever the sender attached'),
    ('mail', 'body', 'whatever an analyst wrote'),
    ('mail_recipient', 'address', 'mail address of a recipient'),
    ('mail_recipient', 'name', 'name of a recipient'),
    ('report_mail', 'author', 'mail address of a reporter'),
    ('report_clear', 'bytes', 'whatever the sender wrote'),
    ('mail_key', 'addresses', 'mail addresses of a key''s owner'),
    ('key_offer', 'bytes', 'a key as it came with a mail'),
    ('mail_key', 'user_id', 'name of a key''s owner');
