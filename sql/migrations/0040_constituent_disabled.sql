-- What a constituent holds counts till it was disabled. Of those disabled before this was kept nobody knows when: they count for no time, as they did.
ALTER TABLE constituent ADD disabled_at timestamptz;
UPDATE constituent SET disabled_at = '-infinity' WHERE NOT enabled;
ALTER TABLE constituent ADD CHECK (enabled = (disabled_at IS NULL));
