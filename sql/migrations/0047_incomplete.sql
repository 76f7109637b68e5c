-- Whether the run of polls that goes on has met something its server keeps back: a failed poll in between does not end what is told of it.
ALTER TABLE feed_state ADD COLUMN incomplete boolean NOT NULL DEFAULT false;
