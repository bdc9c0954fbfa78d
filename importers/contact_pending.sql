-- Steps of contacts whose predecessor has not come yet, for an hour. It stands with what forgets:
-- whoever destroys an inquiry's keys deletes its rows here, by stream_id.
CREATE TABLE vault.pending (
    ref       text PRIMARY KEY,     -- keyed hash of the step's source, contact and id
    stream_id uuid NOT NULL,        -- the inquiry that the contact has or will have
    kept_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    step      bytea NOT NULL        -- the envelope, AES-256-GCM: nonce, then ciphertext
);
CREATE INDEX pending_by_stream ON vault.pending (stream_id);
CREATE INDEX pending_by_age ON vault.pending (kept_at);
GRANT SELECT, INSERT, DELETE ON vault.pending TO dasan_service;
