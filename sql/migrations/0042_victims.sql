-- Names and networks of victims and targets, found from a domain above or an address within (049_victim.sql). Few of all that is seen.
CREATE INDEX sighting_victim_host ON sighting (reverse(host) text_pattern_ops) WHERE host IS NOT NULL AND role IN (2, 3);
CREATE INDEX sighting_victim_network ON sighting USING gist (addr inet_ops) WHERE type = 3 AND role IN (2, 3);
