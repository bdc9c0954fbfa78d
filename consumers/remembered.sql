-- What the programs around Kafka remember. It stands beside the log: what was sent and what was read
-- is as durable as what was written.

-- How far a topic has what it is sent. Stored after the broker's acknowledgement, so that the topic
-- may be ahead after a crash; where a sender goes on, the topic itself tells.
CREATE TABLE relay (
    topic      text PRIMARY KEY,
    position   bigint NOT NULL,
    topic_id   uuid NOT NULL,      -- one that was deleted and made again has another
    partitions integer NOT NULL,   -- with another number, keys would move and lose their order
    sent_at    timestamptz NOT NULL
);

-- The offset that comes next, by topic and partition; committed with what was read. A topic that was
-- deleted and made again has another id, and begins at its beginning.
CREATE TABLE consumed (
    topic_id  uuid NOT NULL,
    partition integer NOT NULL,
    next      bigint NOT NULL,
    PRIMARY KEY (topic_id, partition)
);
GRANT SELECT ON relay, consumed TO dasan_auditor;
GRANT SELECT, INSERT, UPDATE ON relay, consumed TO dasan_service;
