-- The addresses that URLs of victims and targets stand on (049_victim.sql, which has the same expression). Few of all that is seen.
CREATE INDEX sighting_victim_url ON sighting (substring(value FROM '^[a-z0-9+.-]+://(?:[^/@]*@)?(\[[^]]*\]|[^/:?#]+)')) WHERE type = 6 AND host IS NULL AND role IN (2, 3);
