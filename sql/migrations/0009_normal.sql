-- Normal forms: names of classes, warninglists, local look-ups.

-- Of a URL: as it was written, where that is not the value.
ALTER TABLE sighting ADD COLUMN original text;
