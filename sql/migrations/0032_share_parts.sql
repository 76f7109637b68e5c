-- A share of more than a document has room for goes as several, one after another, each complete in itself: items belong to a part, and an order that is
-- given part by part says how far it is.
ALTER TABLE share
    ADD COLUMN ordered_to text,               -- the last value that was looked at; NULL: the order is whole
    ADD COLUMN parts int NOT NULL DEFAULT 1,
    ADD COLUMN part int NOT NULL DEFAULT 1,   -- the one at hand
    ADD COLUMN taken int NOT NULL DEFAULT 0;  -- parts that the peer acknowledged
ALTER TABLE share_item ADD COLUMN part int NOT NULL DEFAULT 1;
ALTER TABLE delivery ADD COLUMN part int NOT NULL DEFAULT 1;
