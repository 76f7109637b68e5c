-- Whose words come to us by mail or by a feed, so that another peer's stay; and what waits or was put away, which marks nothing for detection.

-- Mail addresses of those who speak in a mail beside its author: further authors, mails within it, what it quotes.
ALTER TABLE report_mail ADD COLUMN voices text[] NOT NULL DEFAULT '{}';
-- The peers whose addresses were among them, or its author's or envelope's, when it was read: they stay so when a peer has another address.
ALTER TABLE report_mail ADD COLUMN peers bigint[] NOT NULL DEFAULT '{}';
-- The peer that a feed is of.
ALTER TABLE feed ADD COLUMN peer_id bigint REFERENCES peer;
CREATE INDEX report_outcome_aside ON report_outcome (report_id) WHERE state IN ('held', 'dropped');
