-- A newer file of a registry counts when all of it is here, and till then the older one does: both may be there at once.
-- No foreign keys: a quarter of a million rows a file are each asked for one.
ALTER TABLE rir_file DROP CONSTRAINT rir_file_pkey;
ALTER TABLE rir_file ADD COLUMN id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ADD UNIQUE (registry, loaded);
ALTER TABLE rir_range ADD COLUMN file_id int;
UPDATE rir_range r SET file_id = f.id FROM rir_file f WHERE f.registry = r.registry;
ALTER TABLE rir_range ALTER COLUMN file_id SET NOT NULL, DROP CONSTRAINT rir_range_pkey, ADD PRIMARY KEY (file_id, first), DROP COLUMN registry;
ALTER TABLE rir_asn ADD COLUMN file_id int;
UPDATE rir_asn a SET file_id = f.id FROM rir_file f WHERE f.registry = a.registry;
ALTER TABLE rir_asn ALTER COLUMN file_id SET NOT NULL, DROP CONSTRAINT rir_asn_pkey, ADD PRIMARY KEY (file_id, first), DROP COLUMN registry;
