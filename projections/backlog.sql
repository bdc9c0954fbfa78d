-- Backlog: the inquiries that are open at an instant, :at, as known at the position that the relation
-- `events` ends at.
--
-- Facts count where they happened, however late they were told: what had happened by :at, the instant
-- included, makes the state of each inquiry then. Its words are those of inquiries.sql. Open is what
-- was received by then and is received, queued, in_conversation or at_agency: a re-opened one again,
-- one that was abandoned or resolved not. What was annulled, whenever, was never there.
-- Labels are those that the inquiry has as known now; queue is the last that it had entered by :at.
WITH fact AS (
    SELECT * FROM events WHERE NOT restated AND type LIKE 'inquiry.%'),
summed AS (
    SELECT stream_id,
        min(time) FILTER (WHERE type = 'inquiry.received') AS received_at,
        count(*) FILTER (WHERE type = 'inquiry.queued'
            OR type = 'inquiry.left-queue' AND reason IN ('full', 'closed')) AS visits,
        count(*) FILTER (WHERE type = 'inquiry.queued')
            - count(*) FILTER (WHERE type IN ('inquiry.answered', 'inquiry.abandoned')
                AND visit IS NOT NULL
                OR type = 'inquiry.left-queue' AND reason NOT IN ('full', 'closed')) AS waiting,
        count(*) FILTER (WHERE type = 'inquiry.abandoned'
            OR type = 'inquiry.left-queue' AND reason <> 'callback') AS lost,
        count(*) FILTER (WHERE type = 'inquiry.answered')
            - count(*) FILTER (WHERE type = 'inquiry.ended') AS talking,
        count(*) FILTER (WHERE type IN ('inquiry.answered', 'inquiry.replied')) AS answers,
        count(*) FILTER (WHERE type = 'inquiry.transferred') AS transfers,
        count(*) FILTER (WHERE type = 'inquiry.transferred' AND kind = 'agency')
            - count(*) FILTER (WHERE type = 'inquiry.agency-replied') AS asked,
        count(*) FILTER (WHERE type = 'inquiry.resolved')
            - count(*) FILTER (WHERE type = 'inquiry.reopened') AS resolved
    FROM fact WHERE time <= :at GROUP BY stream_id),
open_then AS (
    SELECT stream_id, received_at FROM summed
    WHERE received_at IS NOT NULL AND CASE
        WHEN resolved > 0 THEN 'resolved'
        WHEN talking > 0 THEN 'in_conversation'
        WHEN waiting > 0 THEN 'queued'
        WHEN asked > 0 THEN 'at_agency'
        WHEN visits > 0 AND lost = visits AND answers = 0 AND transfers = 0 THEN 'abandoned'
        ELSE 'received' END IN ('received', 'queued', 'in_conversation', 'at_agency')),
latest AS (
    SELECT f.stream_id, o.received_at, f.type, f.channel, f.language, f.category, f.district,
        row_number() OVER (PARTITION BY f.stream_id ORDER BY f.version DESC) AS nth
    FROM fact f JOIN open_then o ON o.stream_id = f.stream_id),
entry AS (
    SELECT f.stream_id, f.queue,
        row_number() OVER (PARTITION BY f.stream_id ORDER BY f.version DESC) AS nth
    FROM fact f JOIN open_then o ON o.stream_id = f.stream_id
    WHERE f.time <= :at AND (f.type = 'inquiry.queued'
        OR f.type = 'inquiry.left-queue' AND f.reason IN ('full', 'closed')))
SELECT l.stream_id, l.received_at, e.queue, l.channel, l.language, l.category, l.district
FROM latest l LEFT JOIN entry e ON e.stream_id = l.stream_id AND e.nth = 1
WHERE l.nth = 1 AND l.type <> 'inquiry.annulled'  -- which nothing follows
-- Ages
-- By :label; a percentile is the least age that this share does not exceed. A day has 24 hours.
SELECT label, count(*) AS open,
    max(received_at) FILTER (WHERE nth * 2 >= n) AS p50_received_at,
    max(received_at) FILTER (WHERE nth * 10 >= n * 9) AS p90_received_at,
    min(received_at) AS first_received_at,
    count(*) FILTER (WHERE received_at > :at - INTERVAL '24' HOUR) AS under_1d,
    count(*) FILTER (WHERE received_at <= :at - INTERVAL '24' HOUR
        AND received_at > :at - INTERVAL '168' HOUR) AS from_1d_to_7d,
    count(*) FILTER (WHERE received_at <= :at - INTERVAL '168' HOUR
        AND received_at > :at - INTERVAL '720' HOUR) AS from_7d_to_30d,
    count(*) FILTER (WHERE received_at <= :at - INTERVAL '720' HOUR) AS from_30d
FROM (
    SELECT label, received_at, count(*) OVER (PARTITION BY label) AS n,
        row_number() OVER (PARTITION BY label ORDER BY received_at DESC) AS nth
    FROM (SELECT :label AS label, received_at FROM backlog) labelled) ranked
GROUP BY label
