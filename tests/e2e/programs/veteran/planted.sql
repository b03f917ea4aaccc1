-- What a login had made before the product came: one of each kind that can be given away, and one that cannot.
CREATE SCHEMA "Odd Schema";
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE tenants (id serial PRIMARY KEY, name text NOT NULL, mood mood DEFAULT 'good');
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant int REFERENCES tenants, n positive
);
CREATE TABLE "Odd Schema"."Odd Table" (id int);
CREATE TABLE events (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE SEQUENCE loose;
CREATE VIEW names AS SELECT name FROM tenants;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM tenants;
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE STATISTICS moods ON name, mood FROM tenants;
CREATE PUBLICATION changes FOR TABLE tenants;
CREATE EXTENSION pg_trgm;
SELECT lo_from_bytea(4711, 'large');
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON tenants USING (true);
INSERT INTO tenants (name) SELECT 'tenant ' || n FROM generate_series(1, 500) n;
INSERT INTO orders (tenant, n) SELECT id, id FROM tenants;
INSERT INTO events VALUES ('2026-05-01', 'first');
GRANT SELECT ON orders TO veteran_guest;
