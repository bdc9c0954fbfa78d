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
) ON COMMIT :kept ROWS;

-- Fill
INSERT INTO events
-- Only an inquiry that began before, and that something reaches back into, is read again.
WITH begun AS (
    SELECT stream_id, min(version) AS version
    FROM log WHERE position > :from AND position <= :upto
    GROUP BY stream_id
    HAVING min(version) > 1 AND bool_or(type = ANY (:reaching_back::text[]))),
-- Only `data` is parsed: the order of a record's bytes is known (RFC 8785), and no value outside
-- `data` holds a quote: {"actor":"…",…,"data":{…},"id":"stream/version","recordedtime":"…",…,
-- "time":"…",…}. What is not found is null, which `events` refuses. OFFSET 0: computed once.
cut AS (
    SELECT l.*, substr(record, 1, starts) AS head, substr(record, ends) AS tail,
           convert_from(substr(record, starts, ends - starts), 'UTF8')::jsonb AS data
    FROM (SELECT *, true AS is_fresh FROM log WHERE position > :from AND position <= :upto
          UNION ALL
          SELECT log.*, false FROM begun JOIN log ON log.stream_id = begun.stream_id
              AND log.version < begun.version) l
    CROSS JOIN LATERAL (
        SELECT nullif(position('"data":{'::bytea IN record), 0) + 7 AS starts,
               nullif(position(convert_to(',"id":"' || stream_id || '/', 'UTF8') IN record), 0) AS ends
        OFFSET 0) place
    OFFSET 0),
decoded AS MATERIALIZED (
    SELECT position, stream_id, version, names.name AS type, is_fresh,
           convert_from(substr(tail, 9 + position(',"time":"'::bytea IN tail), 27), 'UTF8')
               ::timestamptz AS time,
           convert_from(substr(tail, 17 + position(',"recordedtime":"'::bytea IN tail), 27), 'UTF8')
               ::timestamptz AS recordedtime,
           split_part(convert_from(head, 'UTF8'), '"', 4) AS actor,
           data ->> 'channel' AS channel, data ->> 'language' AS language,
           data ->> 'category' AS category, data ->> 'district' AS district,
           (data ->> 'citizen')::uuid AS citizen, (data ->> 'due_at')::timestamptz AS due_at,
           data ->> 'queue' AS queue, (data ->> 'visit')::integer AS visit,
           (data ->> 'enqueued_at')::timestamptz AS enqueued_at, data ->> 'agent' AS agent,
           (data ->> 'waited_ms')::bigint AS waited_ms, data ->> 'reason' AS reason,
           (data ->> 'talk_ms')::bigint AS talk_ms, (data ->> 'hold_ms')::bigint AS hold_ms,
           (data ->> 'wrapup_ms')::bigint AS wrapup_ms, data ->> 'ended_by' AS ended_by,
           data ->> 'from_agent' AS from_agent, data ->> 'kind' AS kind, data ->> 'to' AS "to",
           (data ->> 'hop')::integer AS hop, (data ->> 'holds')::boolean AS holds,
           (data ->> 'of')::integer AS of, data ->> 'agency' AS agency,
           data ->> 'outcome' AS outcome, (data ->> 'took_ms')::bigint AS took_ms,
           (data ->> 'reply_ms')::bigint AS reply_ms,
           (data ->> 'by_first_agent')::boolean AS by_first_agent,
           (data ->> 'first_answered_at')::timestamptz AS first_answered_at,
           (data ->> 'ordinal')::integer AS ordinal, data ->> 'medium' AS medium,
           data ->> 'purpose' AS purpose, (data ->> 'score')::integer AS score,
           data ->> 'moderator' AS moderator, (data ->> 'other')::uuid AS other,
           nullif(data -> 'title', 'null') AS title, nullif(data -> 'story', 'null') AS story,
           nullif(data -> 'author', 'null') AS author,
           CASE WHEN data @? '$.*.k' THEN ARRAY(
               SELECT field FROM jsonb_each(data) AS f(field, value)
               WHERE jsonb_typeof(value) = 'object' AND value ? 'k' ORDER BY field) END AS sealed
    FROM cut LEFT JOIN unnest(:types::text[], :names::text[]) AS names(type, name) USING (type)),
-- What asks for the first answer, or may change an earlier count; with the labels before it.
turning AS (
    SELECT t.position, t.stream_id, t.version, t.type, t.time,
           t.channel, t.language, t.category, t.district,
           before.channel AS old_channel, before.language AS old_language,
           before.category AS old_category, before.district AS old_district
    FROM decoded t
    LEFT JOIN decoded before ON before.stream_id = t.stream_id AND before.version = t.version - 1
    WHERE t.is_fresh AND t.type IN ('inquiry.answered', 'inquiry.replied',
                                    'inquiry.classified', 'inquiry.annulled')
        OR t.type = 'inquiry.resolved'),
-- The answer that was first, in the world's time, until then.
first_before AS (
    SELECT DISTINCT ON (t.position) t.*, a.position AS answer, a.time AS answered_at,
           coalesce(a.enqueued_at, a.time) AS entered_at
    FROM turning t
    LEFT JOIN decoded a ON a.stream_id = t.stream_id AND a.version < t.version
        AND a.type IN ('inquiry.answered', 'inquiry.replied')
    ORDER BY t.position, a.time, a.version),
-- Whose earlier rows are counted anew, under which labels; and which rows as the first answer.
relabelled (at_position, stream_id, version, sign, channel, language, category, district) AS (
    SELECT position, stream_id, version, -1, old_channel, old_language, old_category, old_district
    FROM turning WHERE type IN ('inquiry.classified', 'inquiry.annulled')
    UNION ALL
    SELECT position, stream_id, version, 1, channel, language, category, district
    FROM turning WHERE type = 'inquiry.classified'),
first_answers (at_position, answer, sign, channel, language, category, district) AS (
    SELECT position, answer, -1, old_channel, old_language, old_category, old_district
    FROM first_before
    WHERE answer IS NOT NULL AND (type IN ('inquiry.classified', 'inquiry.annulled')
        OR type IN ('inquiry.answered', 'inquiry.replied') AND time < answered_at)
    UNION ALL
    SELECT position, answer, 1, channel, language, category, district
    FROM first_before WHERE type = 'inquiry.classified' AND answer IS NOT NULL
    UNION ALL
    SELECT position, position, 1, channel, language, category, district
    FROM first_before
    WHERE type IN ('inquiry.answered', 'inquiry.replied')
      AND (answer IS NULL OR time < answered_at)),
shown AS (
    SELECT position AS at_position, 1 AS sign, false AS restated, type AS shown_type,
           channel AS in_channel, language AS in_language, category AS in_category,
           district AS in_district, decoded.*
    FROM decoded WHERE is_fresh
    UNION ALL
    SELECT n.at_position, n.sign, true, r.type, n.channel, n.language, n.category, n.district, r.*
    FROM decoded r JOIN relabelled n ON n.stream_id = r.stream_id AND r.version < n.version
    UNION ALL
    SELECT n.at_position, n.sign, true, 'inquiry.first-answered',
           n.channel, n.language, n.category, n.district, a.*
    FROM decoded a JOIN first_answers n ON n.answer = a.position)
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
