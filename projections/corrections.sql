-- From the records of a batch as `decoded` columns to the relation `events`, on every engine.
--
-- `decoded` holds the batch (is_fresh), and the earlier records of the inquiries that the batch
-- reaches back into. `events` holds each event of the batch itself (restated = false), and beside it
-- what the batch corrects:
--   an annulment      takes back all that the inquiry counted for: its earlier rows with sign -1
--   a classification  moves it: its earlier rows with sign -1 under the old labels, 1 under the new
--   a first answer    is a row of type inquiry.first-answered; when a late earlier answer takes its
--                     place, it comes again with sign -1
-- Corrections within the batch come netted: an event that was counted anew in the same batch has
-- sign 0 itself and a row with the labels that hold at the batch's end. So every KPI is a sum over
-- sign, whichever batches the log is cut into, and a view needs no memory of its own.
--
-- Derived columns: of_time and of_agent are those of the event that `of` names; queue and
-- enqueued_at of an end are those of its visit; first_entered_at of a resolution is when the first
-- answer, as known then, entered its queue, or was given if it entered none; sealed lists the event's
-- sealed fields by name.
--
-- Nothing follows an annulment (domain/known.py), and labels change by a classification only.
reach AS (
    SELECT stream_id,
        max(position) FILTER (WHERE NOT is_fresh) AS stood_at,
        max(position) AS stands_at,
        max(position) FILTER (
            WHERE is_fresh AND type IN ('inquiry.classified', 'inquiry.annulled')) AS moved_at,
        coalesce(bool_or(is_fresh AND type = 'inquiry.annulled'), false) AS annulled
    FROM decoded GROUP BY stream_id),
-- The labels of an inquiry before the batch and after it; `moves`: what it counted for before does.
inquiry AS (
    SELECT stream_id, stands_at, coalesce(moved_at, 0) AS moved_at, annulled,
        stood.channel AS old_channel, stood.language AS old_language,
        stood.category AS old_category, stood.district AS old_district,
        stands.channel AS new_channel, stands.language AS new_language,
        stands.category AS new_category, stands.district AS new_district,
        moved_at IS NOT NULL AND (annulled
            OR stood.channel IS DISTINCT FROM stands.channel
            OR stood.language IS DISTINCT FROM stands.language
            OR stood.category IS DISTINCT FROM stands.category
            OR stood.district IS DISTINCT FROM stands.district) AS moves
    FROM reach
    JOIN (SELECT position, channel, language, category, district FROM decoded) stands
        ON stands.position = stands_at
    LEFT JOIN (SELECT position, channel, language, category, district FROM decoded) stood
        ON stood.position = stood_at),
placed AS (
    SELECT d.position, d.is_fresh, d.type, d.channel, d.language, d.category, d.district,
        i.stands_at, i.annulled, i.moves,
        i.old_channel, i.old_language, i.old_category, i.old_district,
        i.new_channel, i.new_language, i.new_category, i.new_district,
        d.is_fresh AND d.position < i.moved_at AND (i.annulled
            OR d.channel IS DISTINCT FROM i.new_channel
            OR d.language IS DISTINCT FROM i.new_language
            OR d.category IS DISTINCT FROM i.new_category
            OR d.district IS DISTINCT FROM i.new_district) AS moves_at_once
    FROM decoded d JOIN inquiry i ON i.stream_id = d.stream_id),
-- The answer that is first in the world's time: of all that are known, and of those known before.
first_known AS (
    SELECT DISTINCT ON (stream_id) position, is_fresh
    FROM decoded WHERE type IN ('inquiry.answered', 'inquiry.replied')
    ORDER BY stream_id, time, version),
first_before AS (
    SELECT DISTINCT ON (stream_id) position
    FROM decoded WHERE type IN ('inquiry.answered', 'inquiry.replied') AND NOT is_fresh
    ORDER BY stream_id, time, version),
-- And the one that was known to be when an inquiry was resolved.
first_resolved AS (
    SELECT DISTINCT ON (r.position) r.position, coalesce(a.enqueued_at, a.time) AS entered_at
    FROM decoded r JOIN decoded a ON a.stream_id = r.stream_id AND a.version < r.version
        AND a.type IN ('inquiry.answered', 'inquiry.replied')
    WHERE r.type = 'inquiry.resolved'
    ORDER BY r.position, a.time, a.version),
named AS (
    SELECT r.position, n.time, n.agent
    FROM (SELECT position, stream_id, "of" FROM decoded WHERE "of" IS NOT NULL) r
    JOIN decoded n ON n.stream_id = r.stream_id AND n.version = r."of"),
shown (of_position, position, sign, restated, type, channel, language, category, district) AS (
    SELECT position, position, CASE WHEN moves_at_once THEN 0 ELSE 1 END, false,
        type, channel, language, category, district
    FROM placed WHERE is_fresh
    UNION ALL
    SELECT position, stands_at, -1, true,
        type, old_channel, old_language, old_category, old_district
    FROM placed WHERE moves AND NOT is_fresh
    UNION ALL
    SELECT position, stands_at, 1, true,
        type, new_channel, new_language, new_category, new_district
    FROM placed WHERE NOT annulled AND (moves_at_once OR moves AND NOT is_fresh)
    UNION ALL
    SELECT p.position, stands_at, -1, true,
        'inquiry.first-answered', old_channel, old_language, old_category, old_district
    FROM first_before b JOIN placed p ON p.position = b.position
    WHERE moves OR b.position NOT IN (SELECT position FROM first_known)
    UNION ALL
    SELECT p.position, stands_at, 1, true,
        'inquiry.first-answered', new_channel, new_language, new_category, new_district
    FROM first_known k JOIN placed p ON p.position = k.position
    WHERE NOT annulled AND (k.is_fresh OR moves))
SELECT s.position, s.sign, s.restated, r.stream_id, r.version, s.type,
       r.time, r.recordedtime, r.actor, s.channel, s.language, s.category, s.district,
       r.citizen, r.due_at, coalesce(r.queue, entry.queue) AS queue, r.visit,
       coalesce(r.enqueued_at, entry.time) AS enqueued_at, r.agent, r.waited_ms, r.reason,
       r.talk_ms, r.hold_ms, r.wrapup_ms, r.ended_by, r.from_agent, r.kind, r.target, r.hop, r.holds,
       r.of, r.agency, r.outcome, r.took_ms, r.reply_ms,
       r.by_first_agent, r.first_answered_at, r.ordinal, r.medium, r.purpose, r.score, r.moderator,
       r.other, r.title, r.story, r.author,
       named.time AS of_time, named.agent AS of_agent, f.entered_at AS first_entered_at, r.sealed
FROM shown s
JOIN decoded r ON r.position = s.of_position
LEFT JOIN (SELECT stream_id, visit, queue, time FROM decoded WHERE type = 'inquiry.queued') entry
    ON entry.visit = r.visit
    AND entry.stream_id = CASE WHEN r.type = 'inquiry.ended' THEN r.stream_id END
LEFT JOIN named ON named.position = r.position
LEFT JOIN first_resolved f ON f.position = r.position
