-- Forgetting: the keys of a citizen's inquiries are destroyed in the transaction that appends what
-- says so, under the lock of the order. Whoever appends at the same time comes before, and what it
-- sealed is forgotten, too, or comes after and hears that its key is gone.

-- Which inquiries name which citizen, and where first. Derived from the log, as far as `asked_upto`
-- says; an inquiry that was found to be another citizen's names both.
CREATE TABLE vault.asked (
    citizen   uuid NOT NULL,
    stream_id uuid NOT NULL,
    position  bigint NOT NULL,
    PRIMARY KEY (citizen, stream_id)
);
CREATE INDEX asked_by_stream ON vault.asked (stream_id);
CREATE TABLE vault.asked_upto (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    position  bigint NOT NULL
);
INSERT INTO vault.asked_upto (position) VALUES (0);

-- Each change of the key-encryption key: until `done_at` the old one was still there.
CREATE TABLE vault.rotation (
    new_kek  bytea PRIMARY KEY,
    old_kek  bytea NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at  timestamptz
);

-- The planner's statistics keep samples of what columns hold: of these there shall be none. A change
-- of the type, though to the same, drops those that there were.
ALTER TABLE vault.key ALTER COLUMN wrapped TYPE bytea, ALTER COLUMN wrapped SET STATISTICS 0;
ALTER TABLE vault.lookup ALTER COLUMN hash TYPE bytea, ALTER COLUMN hash SET STATISTICS 0;
ALTER TABLE command
    ALTER COLUMN fingerprint TYPE bytea, ALTER COLUMN fingerprint SET STATISTICS 0,
    ALTER COLUMN response TYPE text, ALTER COLUMN response SET STATISTICS 0;

GRANT SELECT ON vault.asked, vault.rotation TO dasan_service;
-- Rows that are gone leave the files by VACUUM, of the tables that come later, too.
GRANT MAINTAIN ON command TO dasan_service;
GRANT MAINTAIN ON ALL TABLES IN SCHEMA vault TO dasan_service;
ALTER DEFAULT PRIVILEGES IN SCHEMA vault GRANT MAINTAIN ON TABLES TO dasan_service;
