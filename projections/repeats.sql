-- Resolutions from :begin until :end after which the citizen did not come back (fcr_repeat), as known
-- at the position that the relation `events` ends at. Sums only: a ratio is taken when it is read.
--
-- Each resolution counts by itself, at its own time and under the labels that its inquiry has: one
-- that was withdrawn by a re-opening, too. Inquiries that were annulled count for nothing.
-- citizen      whose inquiry it is, as learnt last, whenever; null is not known
-- known_at     when the last event was recorded: the "now" of the answer
-- returned_at  when the citizen's next new inquiry of the same category was received: the first after
--              the resolution, so never the inquiry itself, nor one that was there already. Inquiries
--              without a category have the same one: none. Merged citizens stay two.
--
-- A window w is over (mature) when known_at - resolved_at >= w; the citizen came back within it when
-- returned_at - resolved_at <= w, the limit included. The longest is 30 days.
-- fcr_repeat = unrepeated / mature, fcr_identified = identified / resolutions.
WITH inquiry AS (
    SELECT stream_id, time AS received_at, coalesce(category, '') AS category
    FROM events
    WHERE type = 'inquiry.received' AND time > :begin AND time <= :end + INTERVAL '720' HOUR
    GROUP BY stream_id, time, category HAVING sum(sign) > 0),
resolution AS (
    SELECT stream_id, time AS resolved_at, channel, coalesce(language, '') AS language,
        coalesce(category, '') AS category, coalesce(district, '') AS district,
        coalesce(agent, '') AS agent
    FROM events WHERE type = 'inquiry.resolved' AND time >= :begin AND time < :end
    GROUP BY stream_id, version, time, channel, language, category, district, agent
    HAVING sum(sign) > 0),
learnt AS (
    SELECT stream_id, citizen,
        row_number() OVER (PARTITION BY stream_id ORDER BY version DESC) AS nth
    FROM events WHERE type = 'inquiry.identified'),
asker AS (
    SELECT r.stream_id, coalesce(l.citizen, r.citizen) AS citizen
    FROM (SELECT stream_id, citizen FROM events
          WHERE type = 'inquiry.received' AND NOT restated) r
    LEFT JOIN learnt l ON l.stream_id = r.stream_id AND l.nth = 1),
-- What citizens asked and were told, in the order of time; at one time the question comes first.
-- Of somebody unknown only this one inquiry is.
turn AS (
    SELECT citizen AS whose, i.category, received_at AS told_at, 1 AS nth, received_at,
        NULL AS channel, NULL AS language, NULL AS district, NULL AS agent, true AS is_identified
    FROM inquiry i JOIN asker a ON a.stream_id = i.stream_id WHERE citizen IS NOT NULL
    UNION ALL
    SELECT coalesce(citizen, r.stream_id), r.category, resolved_at, 2, NULL,
        channel, language, district, agent, citizen IS NOT NULL
    FROM resolution r JOIN asker a ON a.stream_id = r.stream_id),
followed AS (
    SELECT category, told_at AS resolved_at, nth, channel, language, district, agent, is_identified,
        min(received_at) OVER (PARTITION BY whose, category ORDER BY told_at, nth
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS returned_at
    FROM turn)
SELECT city_hour(resolved_at) AS hour, city_day(resolved_at) AS day, resolved_at,
    channel, language, '' AS queue, category, district, agent, '' AS agency,
    is_identified, returned_at, (SELECT max(recordedtime) FROM events) AS known_at
FROM followed WHERE nth = 2
-- Sums
count(*) FILTER (WHERE is_identified) AS identified,
count(*) FILTER (WHERE is_identified
    AND known_at >= resolved_at + INTERVAL '24' HOUR) AS mature_24h,
count(*) FILTER (WHERE is_identified AND known_at >= resolved_at + INTERVAL '24' HOUR
    AND coalesce(returned_at > resolved_at + INTERVAL '24' HOUR, true)) AS unrepeated_24h,
count(*) FILTER (WHERE is_identified
    AND known_at >= resolved_at + INTERVAL '168' HOUR) AS mature_7d,
count(*) FILTER (WHERE is_identified AND known_at >= resolved_at + INTERVAL '168' HOUR
    AND coalesce(returned_at > resolved_at + INTERVAL '168' HOUR, true)) AS unrepeated_7d,
count(*) FILTER (WHERE is_identified
    AND known_at >= resolved_at + INTERVAL '720' HOUR) AS mature_30d,
count(*) FILTER (WHERE is_identified AND known_at >= resolved_at + INTERVAL '720' HOUR
    AND coalesce(returned_at > resolved_at + INTERVAL '720' HOUR, true)) AS unrepeated_30d
