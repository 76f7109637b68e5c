-- A share may go by mail: as a mail of the case, to the address of the peer's record, with the document attached.
ALTER TABLE share ADD COLUMN by_mail boolean NOT NULL DEFAULT false;
ALTER TABLE mail DROP CONSTRAINT mail_occasion_check;
ALTER TABLE mail
    ADD CONSTRAINT mail_occasion_check CHECK (occasion IN ('reply', 'mail', 'notice', 'question', 'closing', 'acknowledgement', 'warning', 'share')),
    ADD COLUMN share_id bigint REFERENCES share, -- of which it takes a document, and which one
    ADD COLUMN share_version int,
    ADD COLUMN share_part int,
    ADD CONSTRAINT mail_share CHECK (num_nulls(share_id, share_version, share_part) IN (0, 3) AND (share_id IS NULL OR occasion = 'share'));
CREATE INDEX mail_of_share ON mail (share_id) WHERE share_id IS NOT NULL;
