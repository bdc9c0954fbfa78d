-- Audit: who did what, when, to which stream. Sealed fields are named and not opened.
-- The entries of one stream are found by way of log, whose index on (stream_id, version) gives their
-- positions: a second such index here would cost as much as all the rest.
CREATE TABLE audit.entry (
    position     bigint PRIMARY KEY,
    recordedtime timestamptz NOT NULL,
    time         timestamptz NOT NULL,
    stream_id    uuid NOT NULL,
    version      integer NOT NULL,
    type         text NOT NULL,
    actor        text NOT NULL,
    agent        text,
    sealed       text[]
);
CREATE INDEX entry_by_actor ON audit.entry (actor, position);
CREATE INDEX entry_by_agent ON audit.entry (agent, position) WHERE agent IS NOT NULL;
CREATE INDEX entry_by_time ON audit.entry USING brin (recordedtime);

-- Given
WITH entry AS (
    SELECT position, recordedtime, time, stream_id, version, type, actor,
        coalesce(agent, from_agent, moderator) AS agent, sealed
    FROM events WHERE NOT restated)
-- Fold entry
SELECT position, recordedtime, time, stream_id, version, type, actor, agent, sealed FROM entry
-- Merge
INSERT INTO audit.entry (
    position, recordedtime, time, stream_id, version, type, actor, agent, sealed)
SELECT position, recordedtime, time, stream_id, version, type, actor, agent, sealed
FROM entry ORDER BY position
