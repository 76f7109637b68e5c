-- Files of drop folders that turned out malformed when they were read: role fetch puts each from done/ to failed/, with the reason beside it.
CREATE TABLE drop_malformed (
    report_id bigint NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (report_id, name)
);

-- Where the drop folders are, as role fetch tells when it starts; NULL: it watches none.
CREATE TABLE drop_root (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    folder text
);
