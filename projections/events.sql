-- The relation `events` on PostgreSQL: the log's records after :from up to :upto as typed columns,
-- decoded once and shared by all views. The views' SQL is the same text on every engine; what
-- differs by engine stands here.
--
-- Beside each event itself (restated = false, sign 1) it holds what the event corrects, counted at
-- the correcting event's position:
--   an annulment      the inquiry's earlier rows with sign -1
--   a classification  the inquiry's earlier rows with sign -1 under the old labels and 1 under the new
--   a first answer    a row of type inquiry.first-answered; a late earlier answer takes the place of
--                     the one that was first until then, which comes again with sign -1
-- So every KPI is a sum over sign, and a view needs no memory of its own.
--
-- Derived columns: of_time and of_agent are those of the event that `of` names; queue and
-- enqueued_at of an end are those of its visit; first_entered_at of a resolution is when the first
-- answer, as known then, entered its queue, or was given if it entered none; sealed lists the event's
-- sealed fields by name.
CREATE TEMPORARY TABLE IF NOT EXISTS events (
    position bigint NOT NULL, sign integer NOT NULL, restated boolean NOT NULL,
    stream_id uuid NOT NULL, version integer NOT NULL, type text NOT NULL,
    time timestamptz NOT NULL, recordedtime timestamptz NOT NULL, actor text NOT NULL,
    channel text, language text, category text, district text,
    citizen uuid, due_at timestamptz, queue text, visit integer, enqueued_at timestamptz,
    agent text, waited_ms bigint, reason text, talk_ms bigint, hold_ms bigint, wrapup_ms bigint,
    ended_by text, from_agent text, kind text, target text, hop integer, holds boolean,
    of integer, agency text, outcome text, took_ms bigint, reply_ms bigint,
    by_first_agent boolean, first_answered_at timestamptz, ordinal integer, medium text,
    purpose text, score integer, moderator text, other uuid, title jsonb, story jsonb, author jsonb,
    of_time timestamptz, of_agent text, first_entered_at timestamptz, sealed text[]
) ON COMMIT DELETE ROWS;

-- Fill
INSERT INTO events
-- Only an inquiry that began before, and that something reaches back into, is read again.
WITH begun AS (
    SELECT stream_id, min(version) AS version
    FROM log WHERE position > :from AND position <= :upto
    GROUP BY stream_id
    HAVING min(version) > 1 AND bool_or(type = ANY (:reaching_back::text[]))),
decoded AS MATERIALIZED (
    SELECT l.position, l.stream_id, l.version, names.name AS type, l.is_fresh,
           envelope.time, envelope.recordedtime, envelope.actor, data.*,
           CASE WHEN l.type = ANY (:with_sealed::text[]) AND envelope.data @? '$.*.k' THEN ARRAY(
               SELECT field FROM jsonb_each(envelope.data) AS f(field, value)
               WHERE jsonb_typeof(value) = 'object' AND value ? 'k' ORDER BY field) END AS sealed
    FROM (SELECT *, true AS is_fresh FROM log WHERE position > :from AND position <= :upto
          UNION ALL
          SELECT log.*, false FROM begun JOIN log ON log.stream_id = begun.stream_id
              AND log.version < begun.version) l
    LEFT JOIN unnest(:types::text[], :names::text[]) AS names(type, name) ON names.type = l.type
    CROSS JOIN LATERAL jsonb_to_record(convert_from(l.record, 'UTF8')::jsonb) AS envelope(
        time timestamptz, recordedtime timestamptz, actor text, data jsonb)
    CROSS JOIN LATERAL jsonb_to_record(envelope.data) AS data(
        channel text, language text, category text, district text,
        citizen uuid, due_at timestamptz,
        queue text, visit integer, enqueued_at timestamptz, agent text, waited_ms bigint,
        reason text, talk_ms bigint, hold_ms bigint, wrapup_ms bigint, ended_by text,
        from_agent text, kind text, "to" text, hop integer, holds boolean,
        of integer, agency text, outcome text, took_ms bigint, reply_ms bigint,
        by_first_agent boolean, first_answered_at timestamptz, ordinal integer,
        medium text, purpose text, score integer, moderator text, other uuid,
        title jsonb, story jsonb, author jsonb)),
-- What asks for the first answer, or may change an earlier count; with the labels before it.
turning AS (
    SELECT t.*, before.channel AS old_channel, before.language AS old_language,
           before.category AS old_category, before.district AS old_district
    FROM decoded t
    LEFT JOIN decoded before ON before.stream_id = t.stream_id AND before.version = t.version - 1
    WHERE t.is_fresh AND t.type IN ('inquiry.answered', 'inquiry.replied',
                                    'inquiry.classified', 'inquiry.annulled')
        OR t.type = 'inquiry.resolved'),
-- The answer that was first, in the world's time, until then.
first_before AS (
    SELECT DISTINCT ON (t.position) t.position, a.position AS answer, a.time,
           coalesce(a.enqueued_at, a.time) AS entered_at
    FROM turning t
    JOIN decoded a ON a.stream_id = t.stream_id AND a.version < t.version
    WHERE a.type IN ('inquiry.answered', 'inquiry.replied')
    ORDER BY t.position, a.time, a.version),
-- What is counted anew: which row, at which position, under which labels.
recount (at_position, of_position, sign, as_first, channel, language, category, district) AS (
    SELECT t.position, r.position, -1, false,
           old_channel, old_language, old_category, old_district
    FROM turning t JOIN decoded r ON r.stream_id = t.stream_id AND r.version < t.version
    WHERE t.type IN ('inquiry.classified', 'inquiry.annulled')
    UNION ALL
    SELECT t.position, r.position, 1, false, t.channel, t.language, t.category, t.district
    FROM turning t JOIN decoded r ON r.stream_id = t.stream_id AND r.version < t.version
    WHERE t.type = 'inquiry.classified'
    UNION ALL
    SELECT t.position, f.answer, -1, true, old_channel, old_language, old_category, old_district
    FROM turning t JOIN first_before f USING (position)
    WHERE t.type IN ('inquiry.classified', 'inquiry.annulled')
       OR t.type IN ('inquiry.answered', 'inquiry.replied') AND t.time < f.time
    UNION ALL
    SELECT t.position, f.answer, 1, true, t.channel, t.language, t.category, t.district
    FROM turning t JOIN first_before f USING (position)
    WHERE t.type = 'inquiry.classified'
    UNION ALL
    SELECT t.position, t.position, 1, true, t.channel, t.language, t.category, t.district
    FROM turning t LEFT JOIN first_before f USING (position)
    WHERE t.type IN ('inquiry.answered', 'inquiry.replied')
      AND (f.position IS NULL OR t.time < f.time)),
shown AS (
    SELECT position AS at_position, 1 AS sign, false AS restated, type AS shown_type,
           channel AS in_channel, language AS in_language, category AS in_category,
           district AS in_district, decoded.*
    FROM decoded WHERE is_fresh
    UNION ALL
    SELECT n.at_position, n.sign, true,
           CASE WHEN n.as_first THEN 'inquiry.first-answered' ELSE decoded.type END,
           n.channel, n.language, n.category, n.district, decoded.*
    FROM recount n JOIN decoded ON decoded.position = n.of_position)
SELECT r.at_position, r.sign, r.restated, r.stream_id, r.version, r.shown_type,
       r.time, r.recordedtime, r.actor,
       r.in_channel, r.in_language, r.in_category, r.in_district,
       r.citizen, r.due_at, coalesce(r.queue, entry.queue), r.visit,
       coalesce(r.enqueued_at, entry.time), r.agent, r.waited_ms, r.reason,
       r.talk_ms, r.hold_ms, r.wrapup_ms, r.ended_by, r.from_agent, r.kind, r."to", r.hop, r.holds,
       r.of, r.agency, r.outcome, r.took_ms, r.reply_ms,
       r.by_first_agent, r.first_answered_at, r.ordinal, r.medium, r.purpose, r.score, r.moderator,
       r.other, r.title, r.story, r.author, named.time, named.agent, first.entered_at, r.sealed
FROM shown r
LEFT JOIN decoded entry ON entry.type = 'inquiry.queued' AND entry.visit = r.visit
    AND entry.stream_id = CASE WHEN r.type = 'inquiry.ended' THEN r.stream_id END
LEFT JOIN decoded named ON named.stream_id = r.stream_id AND named.version = r.of
LEFT JOIN first_before first
    ON first.position = CASE WHEN r.type = 'inquiry.resolved' THEN r.position END
