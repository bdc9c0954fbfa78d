-- Steps of contacts whose predecessor has not come yet, for an hour. It stands with what forgets:
-- whoever destroys an inquiry's keys deletes its rows here, by stream_id.
CREATE TABLE IF NOT EXISTS vault.pending (
    ref       text PRIMARY KEY,     -- keyed hash of the step's source, contact and id
    stream_id uuid NOT NULL,        -- the inquiry that the contact has or will have
    kept_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    step      bytea NOT NULL        -- the envelope, AES-256-GCM: nonce, then ciphertext
);
ALTER TABLE vault.pending
    ADD COLUMN IF NOT EXISTS origin text;  -- the message's place in its topic; null: of a file
CREATE INDEX IF NOT EXISTS pending_by_stream ON vault.pending (stream_id);
CREATE INDEX IF NOT EXISTS pending_by_age ON vault.pending (kept_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.pending TO dasan_service;

-- Messages of a topic that can never be taken, each once. They go to the topic of rejected ones in
-- the order of `number`, which is the order of their commits; then their text is cleared here.
CREATE TABLE vault.rejected (
    ref         text PRIMARY KEY,   -- of the step, or keyed hash of the place of what is no step
    number      bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    stream_id   uuid,
    origin      text NOT NULL,
    reason      text NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    message     bytea               -- as `step` above; null: it was sent
);
-- The planner's statistics keep samples of what columns hold: of these there shall be none.
ALTER TABLE vault.pending ALTER COLUMN step SET STATISTICS 0;
ALTER TABLE vault.rejected
    ALTER COLUMN message SET STATISTICS 0, ALTER COLUMN reason SET STATISTICS 0;
CREATE INDEX rejected_unsent ON vault.rejected (number) WHERE message IS NOT NULL;
CREATE INDEX rejected_by_stream ON vault.rejected (stream_id);
CREATE INDEX rejected_by_age ON vault.rejected (rejected_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.rejected TO dasan_service;
GRANT SELECT, UPDATE ON SEQUENCE vault.rejected_number_seq TO dasan_service;
