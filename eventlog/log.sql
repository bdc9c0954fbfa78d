-- The ordered log. One row, log_head, is the order: whoever appends holds its lock until commit, so
-- positions are dense and in commit order, and recorded times never decrease along them.

CREATE TABLE log_identity (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    source      text NOT NULL,   -- the log's own URI, in every record and checkpoint
    timezone    text NOT NULL,   -- the city's IANA zone: what a day is
    lookup_id   bytea NOT NULL,  -- tells whether a home holds the look-up key of this log
    log_id      uuid NOT NULL DEFAULT gen_random_uuid()  -- tells this log from others of the city
);

CREATE TABLE log_head (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    position     bigint NOT NULL,
    recordedtime timestamptz NOT NULL
);
INSERT INTO log_head (position, recordedtime) VALUES (0, '1970-01-01T00:00:00Z');

CREATE TABLE log (
    position  bigint PRIMARY KEY,
    stream_id uuid NOT NULL,
    version   integer NOT NULL CHECK (version > 0),
    type      text NOT NULL,
    record    bytea NOT NULL CHECK (length(record) <= 65535),
    UNIQUE (stream_id, version)
);

-- Idempotency: the first answer to a client's key, kept 72 hours.
CREATE TABLE command (
    client         text NOT NULL,
    key            text NOT NULL,
    fingerprint    bytea NOT NULL,
    response       text NOT NULL,
    first_position bigint,
    last_position  bigint,
    recordedtime   timestamptz NOT NULL,
    PRIMARY KEY (client, key)
);
CREATE INDEX command_by_age ON command USING brin (recordedtime);  -- they come in that order

-- The only tables that forget.
CREATE SCHEMA vault;
CREATE TABLE vault.key (
    kid       bytea PRIMARY KEY CHECK (length(kid) = 16),
    stream_id uuid NOT NULL,
    wrapped   bytea NOT NULL,
    kek       bytea NOT NULL    -- names the key-encryption key that wraps it
);
CREATE INDEX key_by_stream ON vault.key (stream_id);
CREATE TABLE vault.lookup (
    hash    bytea PRIMARY KEY CHECK (length(hash) = 32),
    citizen uuid NOT NULL
);
CREATE INDEX lookup_by_citizen ON vault.lookup (citizen);

-- Guards: what is in the log stays as it is, for the owner and for replication roles as well.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Record a correction as a new event; forget a citizen by destroying keys.';
END $$;
CREATE TRIGGER log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE log ENABLE ALWAYS TRIGGER log_is_append_only;
CREATE TRIGGER head_stays BEFORE DELETE OR TRUNCATE ON log_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE log_head ENABLE ALWAYS TRIGGER head_stays;

-- Appenders call the function, readers read. The service does both and keeps the views.
GRANT SELECT ON log_identity, log_head, log TO dasan_auditor, dasan_projector, dasan_service;
GRANT SELECT ON command TO dasan_service;
GRANT USAGE ON SCHEMA vault TO dasan_service, dasan_appender;
GRANT SELECT ON vault.key TO dasan_service;
