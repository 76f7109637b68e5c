-- Before the migrations. Nobody logs in as the owner; what cirtd migrate makes is the owner's. The lock keeps two migrations apart.
SET ROLE cirt_owner;
SET client_min_messages = warning;
SELECT pg_advisory_lock(20260101);
CREATE SCHEMA IF NOT EXISTS cirt;
SET search_path = cirt, pg_temp;
CREATE TABLE IF NOT EXISTS cirt.schema_migration (name text PRIMARY KEY, sha256 text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS cirt.schema_version (one boolean PRIMARY KEY CHECK (one), version text NOT NULL, at timestamptz NOT NULL DEFAULT now());
GRANT USAGE ON SCHEMA cirt TO PUBLIC;
GRANT SELECT ON cirt.schema_version TO PUBLIC;
