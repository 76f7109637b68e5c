-- What lists of cases are asked for by network and by name (sql/functions/059_seen.sql): once for each case and block of addresses, and for each case and
-- group of names, whatever the number of sightings behind it. is_red: all that stand behind it are for named readers only.

CREATE TABLE case_network (
    case_id bigint NOT NULL,
    network inet NOT NULL, -- a /24 or /48 where an address or a network was seen, or the network as it was named where that is wider
    is_red boolean NOT NULL,
    PRIMARY KEY (case_id, network)
);
CREATE INDEX case_network_network ON case_network (network) INCLUDE (case_id, is_red);

CREATE TABLE case_name (
    case_id bigint NOT NULL,
    name text NOT NULL, -- as name_group() makes it: reversed
    is_red boolean NOT NULL,
    PRIMARY KEY (case_id, name)
);
CREATE INDEX case_name_name ON case_name (name text_pattern_ops) INCLUDE (case_id, is_red);
