-- The catalogue: what codes in events are called, and what is aimed at. Reference data, no events:
-- the owner writes it (`dasan catalogue load`), everybody else reads.
CREATE SCHEMA catalogue;
CREATE TABLE catalogue.category (
    code   text PRIMARY KEY,
    ko     text NOT NULL,
    en     text NOT NULL,
    agency text NOT NULL            -- code of who answers for it
);
CREATE TABLE catalogue.district (
    code text PRIMARY KEY,
    ko   text NOT NULL,
    en   text NOT NULL
);
-- A target holds from its date, in the city's zone, until the next one of its KPI.
CREATE TABLE catalogue.target (
    kpi   text NOT NULL,
    since date NOT NULL,
    value double precision NOT NULL,
    PRIMARY KEY (kpi, since)
);
GRANT USAGE ON SCHEMA catalogue TO dasan_service, dasan_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA catalogue TO dasan_service, dasan_auditor;
