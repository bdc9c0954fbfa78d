-- Praise: the board "Thank you 120". The stories stay sealed here and are opened when they are
-- read; publishing ends the seal for the readers of the board.
CREATE TABLE praise.story (
    stream_id    uuid NOT NULL,
    version      integer NOT NULL,          -- of the praise
    praised_at   timestamptz NOT NULL,
    agent        text,
    title        jsonb NOT NULL,
    story        jsonb NOT NULL,
    author       jsonb NOT NULL,
    status       text NOT NULL DEFAULT 'pending' CHECK (
                     status IN ('pending', 'published', 'withdrawn', 'annulled')),
    moderated    integer NOT NULL DEFAULT 0, -- version of the moderation that holds
    moderated_at timestamptz,
    moderator    text,
    reason       text,
    shown_title  jsonb,                      -- as moderated; null: as it was written
    shown_story  jsonb,
    PRIMARY KEY (stream_id, version)
);
CREATE INDEX story_on_board ON praise.story (moderated_at, stream_id) WHERE status = 'published';

-- Given
WITH fact AS (
    SELECT * FROM events WHERE NOT restated AND type IN (
        'inquiry.praised', 'inquiry.praise-published', 'inquiry.praise-withdrawn',
        'inquiry.annulled')),
praised AS (
    SELECT stream_id, version, time, agent, title, story, author
    FROM fact WHERE type = 'inquiry.praised'),
annulled AS (
    SELECT stream_id FROM fact WHERE type = 'inquiry.annulled'),
moderated AS (
    SELECT DISTINCT ON (stream_id, of) *,
        CASE WHEN type = 'inquiry.praise-published' THEN 'published' ELSE 'withdrawn' END AS status
    FROM fact WHERE type IN ('inquiry.praise-published', 'inquiry.praise-withdrawn')
    ORDER BY stream_id, of, version DESC)
-- Fold story
SELECT p.stream_id, p.version, p.time AS praised_at, p.agent, p.title, p.story, p.author,
    CASE WHEN a.stream_id IS NOT NULL THEN 'annulled' ELSE coalesce(m.status, 'pending') END
        AS status,
    coalesce(m.version, 0) AS moderated, m.time AS moderated_at, m.moderator, m.reason,
    m.title AS shown_title, m.story AS shown_story
FROM praised p
LEFT JOIN moderated m ON m.stream_id = p.stream_id AND m.of = p.version
LEFT JOIN annulled a ON a.stream_id = p.stream_id
-- Merge
, told AS (
    SELECT stream_id, version FROM praised
    UNION SELECT stream_id, of FROM moderated
    UNION SELECT s.stream_id, s.version FROM praise.story s JOIN annulled USING (stream_id))
MERGE INTO praise.story AS s
USING (
    SELECT told.stream_id, told.version, p.time AS praised_at, p.agent, p.title, p.story, p.author,
        CASE WHEN a.stream_id IS NOT NULL THEN 'annulled' ELSE m.status END AS status,
        m.version AS moderated, m.time AS moderated_at, m.moderator, m.reason,
        m.title AS shown_title, m.story AS shown_story
    FROM told
    LEFT JOIN praised p USING (stream_id, version)
    LEFT JOIN moderated m ON m.stream_id = told.stream_id AND m.of = told.version
    LEFT JOIN annulled a ON a.stream_id = told.stream_id) AS n
ON s.stream_id = n.stream_id AND s.version = n.version
WHEN NOT MATCHED THEN INSERT (
    stream_id, version, praised_at, agent, title, story, author,
    status, moderated, moderated_at, moderator, reason, shown_title, shown_story)
VALUES (
    n.stream_id, n.version, n.praised_at, n.agent, n.title, n.story, n.author,
    coalesce(n.status, 'pending'), coalesce(n.moderated, 0), n.moderated_at, n.moderator, n.reason,
    n.shown_title, n.shown_story)
WHEN MATCHED THEN UPDATE SET
    status = coalesce(n.status, s.status),
    moderated = coalesce(n.moderated, s.moderated),
    moderated_at = coalesce(n.moderated_at, s.moderated_at),
    moderator = coalesce(n.moderator, s.moderator),
    reason = CASE WHEN n.moderated IS NULL THEN s.reason ELSE n.reason END,
    shown_title = CASE WHEN n.moderated IS NULL THEN s.shown_title ELSE n.shown_title END,
    shown_story = CASE WHEN n.moderated IS NULL THEN s.shown_story ELSE n.shown_story END
