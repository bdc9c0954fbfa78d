-- Audit: who did what, when, to which stream. Sealed fields are named and not opened.
-- actor is who did it; agent whom it is about: who answered, was rated, handed over, moderated;
-- to_agent to whom it was handed, or the interpreter who joined.
-- The entries of one stream are found by way of log, whose index on (stream_id, version) gives their
-- positions: a second such index here would cost as much as all the rest. Recorded times never decrease
-- along positions, so they need none; times of the world nearly so. Of the frequent types a page is soon full.
CREATE TABLE audit.entry (
    position     bigint PRIMARY KEY,
    recordedtime timestamptz NOT NULL,
    time         timestamptz NOT NULL,
    stream_id    uuid NOT NULL,
    version      integer NOT NULL,
    type         text NOT NULL,
    actor        text NOT NULL,
    agent        text,
    to_agent     text,
    sealed       text[]
);
CREATE INDEX entry_by_actor ON audit.entry (actor, position);
CREATE INDEX entry_by_agent ON audit.entry (agent, position) WHERE agent IS NOT NULL;
CREATE INDEX entry_by_to_agent ON audit.entry (to_agent, position) WHERE to_agent IS NOT NULL;
CREATE INDEX entry_by_type ON audit.entry (type, position) WHERE type NOT IN (
    'inquiry.received', 'inquiry.queued', 'inquiry.answered', 'inquiry.ended', 'inquiry.resolved');
CREATE INDEX entry_by_time ON audit.entry USING brin (time);

-- Given
WITH entry AS (
    SELECT position, recordedtime, time, stream_id, version, type, actor,
        coalesce(agent, from_agent, moderator) AS agent,
        CASE WHEN kind IN ('agent', 'interpreter') THEN target END AS to_agent, sealed
    FROM events WHERE NOT restated)
-- Fold entry
SELECT position, recordedtime, time, stream_id, version, type, actor, agent, to_agent, sealed FROM entry
-- Merge
INSERT INTO audit.entry (
    position, recordedtime, time, stream_id, version, type, actor, agent, to_agent, sealed)
SELECT position, recordedtime, time, stream_id, version, type, actor, agent, to_agent, sealed
FROM entry ORDER BY position
