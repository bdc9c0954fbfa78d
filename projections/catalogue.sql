-- The catalogue: what codes in events are called, and what is aimed at. Reference data, no events:
-- the owner writes it (`dasan catalogue load`), everybody else reads.
CREATE SCHEMA IF NOT EXISTS catalogue;
CREATE TABLE IF NOT EXISTS catalogue.category (
    code   text PRIMARY KEY,
    ko     text NOT NULL,
    en     text NOT NULL,
    agency text NOT NULL            -- code of who answers for it
);
CREATE TABLE IF NOT EXISTS catalogue.district (
    code text PRIMARY KEY,
    ko   text NOT NULL,
    en   text NOT NULL
);
-- A target holds from its date, in the city's zone, until the next one of its KPI.
CREATE TABLE IF NOT EXISTS catalogue.target (
    kpi   text NOT NULL,
    since date NOT NULL,
    value double precision NOT NULL,
    PRIMARY KEY (kpi, since)
);
-- A queue that a telephone system names otherwise than by a code. Importers add those that they meet.
CREATE TABLE IF NOT EXISTS catalogue.queue (
    code text PRIMARY KEY,
    ko   text NOT NULL,
    en   text NOT NULL
);
-- A name means one queue for ever: what was imported under it would be counted twice otherwise.
CREATE TABLE IF NOT EXISTS catalogue.queue_name (
    name text PRIMARY KEY,
    code text NOT NULL
);
GRANT USAGE ON SCHEMA catalogue TO dasan_service, dasan_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA catalogue TO dasan_service, dasan_auditor;
GRANT INSERT ON catalogue.queue, catalogue.queue_name TO dasan_service;
