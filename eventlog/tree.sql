-- The log as a Merkle tree: tiles of hashes, and the checkpoints that were signed. Derived from the
-- log, and kept: what was signed once is what the log has to continue for ever.
CREATE SCHEMA tree;

-- A tile holds up to 256 hashes of 32 bytes, those of the subtrees with 256 ^ level leaves each.
CREATE TABLE tree.tile (
    level  smallint NOT NULL,
    number bigint   NOT NULL,
    hashes bytea    NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (level, number)
);
ALTER TABLE tree.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;  -- hashes do not compress

-- How many leaves the tiles have. Whoever lets the tree grow holds its lock.
CREATE TABLE tree.head (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    size bigint NOT NULL
);
INSERT INTO tree.head (size) VALUES (0);

-- There are never two roots for one size.
CREATE TABLE tree.checkpoint (
    size      bigint PRIMARY KEY,
    root      bytea NOT NULL CHECK (length(root) = 32),
    note      text NOT NULL,        -- the signed note, as it is published
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER checkpoints_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON tree.checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE tree.checkpoint ENABLE ALWAYS TRIGGER checkpoints_stay;

GRANT USAGE ON SCHEMA tree TO dasan_auditor, dasan_service;
GRANT SELECT ON ALL TABLES IN SCHEMA tree TO dasan_auditor, dasan_service;
GRANT INSERT, UPDATE ON tree.tile TO dasan_service;
GRANT UPDATE ON tree.head TO dasan_service;
GRANT INSERT ON tree.checkpoint TO dasan_service;
