-- Roles and database, once, by a superuser: psql -f packaging/database.sql postgres (the sandbox and the tests do the same).
-- One statement a line, since postgres --single reads it too. Rights on tables and functions come from sql/grants with cirtd migrate.
CREATE ROLE cirt_owner NOLOGIN;
CREATE ROLE cirt_migrator LOGIN NOINHERIT IN ROLE cirt_owner;
CREATE ROLE cirt_intake LOGIN;
CREATE ROLE cirt_mail LOGIN;
CREATE ROLE cirt_fetch LOGIN;
CREATE ROLE cirt_decode LOGIN;
CREATE ROLE cirt_verify LOGIN;
CREATE ROLE cirt_seal LOGIN;
CREATE ROLE cirt_triage LOGIN;
CREATE ROLE cirt_desk LOGIN;
CREATE ROLE cirt_share LOGIN;
CREATE ROLE cirt_push LOGIN;
CREATE ROLE cirt_clock LOGIN;
CREATE ROLE cirt_reader LOGIN IN ROLE pg_read_all_data;
ALTER ROLE cirt_reader SET default_transaction_read_only = on;
ALTER ROLE cirt_reader SET search_path = cirt, public;
CREATE DATABASE cirt OWNER cirt_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
ALTER DATABASE cirt SET timezone = 'UTC';
REVOKE ALL ON DATABASE cirt FROM PUBLIC;
GRANT CONNECT ON DATABASE cirt TO cirt_migrator, cirt_reader, cirt_intake, cirt_mail, cirt_fetch, cirt_decode, cirt_verify, cirt_seal, cirt_triage, cirt_desk, cirt_share, cirt_push, cirt_clock;
