-- KPI. Sums only: a ratio is taken when it is read. `sign` is -1 for what an annulment, a
-- classification or a late fact takes back. Definitions: docs/kpi.md.
--
-- Bucket (`at`): a visit counts where it entered its queue, whenever it ended; so do an inquiry's
-- first answer, and a first-agent resolution beside it; a withdrawn resolution and a delivered
-- follow-up where they were made; everything else at its own time.
--
-- Queue sums are of channels with a live queue (phone, video); replies of text channels.
-- answered_within_15: answered visits whose wait is at most 15 s, the limit included.
-- offered = answered + abandoned + left_queue + blocked + those still waiting.
-- transferred counts an inquiry once, at its first change of holder; hops count each.
-- ended_with_talk: ends with a known talk time, the only ones that handling times are taken from.
WITH counted AS (
    SELECT
        CASE
            WHEN type IN ('inquiry.answered', 'inquiry.first-answered', 'inquiry.abandoned',
                          'inquiry.left-queue', 'inquiry.ended') THEN coalesce(enqueued_at, time)
            WHEN type = 'inquiry.follow-up-reported' THEN of_time
            ELSE time
        END AS at,
        type, sign, channel, language, category, district, queue,
        CASE WHEN type = 'inquiry.transferred' THEN from_agent ELSE agent END AS agent,
        CASE WHEN type = 'inquiry.transferred' AND kind = 'agency' THEN target ELSE agency END
            AS agency,
        channel IN ('phone', 'video') AS live,
        visit, waited_ms, reason, talk_ms, hold_ms, wrapup_ms, kind, hop, holds, outcome, took_ms,
        reply_ms, medium, score
    FROM events
    WHERE type IN (
        'inquiry.received', 'inquiry.queued', 'inquiry.answered', 'inquiry.first-answered',
        'inquiry.abandoned', 'inquiry.left-queue', 'inquiry.ended', 'inquiry.transferred',
        'inquiry.agency-replied', 'inquiry.replied', 'inquiry.resolved', 'inquiry.reopened',
        'inquiry.rated', 'inquiry.praised', 'inquiry.followed-up', 'inquiry.follow-up-reported')
    UNION ALL
    SELECT first_entered_at, 'by-first-agent', sign, channel, language, category, district, queue,
        agent, agency, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL
    FROM events WHERE type = 'inquiry.resolved' AND by_first_agent
    UNION ALL
    SELECT of_time, 'withdrawn', sign, channel, language, category, district, queue,
        of_agent, agency, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL
    FROM events WHERE type = 'inquiry.reopened'
)
SELECT
    utc_hour(at) AS hour,
    city_day(at) AS day,
    channel,
    coalesce(language, '') AS language,
    coalesce(queue, '') AS queue,
    coalesce(category, '') AS category,
    coalesce(district, '') AS district,
    coalesce(agent, '') AS agent,
    coalesce(agency, '') AS agency,

    sum(sign) FILTER (WHERE type = 'inquiry.received') AS received,

    sum(sign) FILTER (WHERE live AND (type = 'inquiry.queued'
        OR type = 'inquiry.left-queue' AND reason IN ('full', 'closed'))) AS offered,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.answered' AND visit > 0) AS answered,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.abandoned') AS abandoned,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.left-queue'
        AND reason NOT IN ('full', 'closed')) AS left_queue,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.left-queue'
        AND reason IN ('full', 'closed')) AS blocked,
    sum(sign * waited_ms) FILTER (WHERE live AND type = 'inquiry.answered') AS waited_ms,
    sum(sign * waited_ms) FILTER (WHERE live AND type = 'inquiry.abandoned') AS abandoned_waited_ms,

    sum(sign) FILTER (WHERE live AND type = 'inquiry.answered' AND waited_ms <= 5000)
        AS answered_within_5,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.answered' AND waited_ms <= 10000)
        AS answered_within_10,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.answered' AND waited_ms <= 15000)
        AS answered_within_15,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.answered' AND waited_ms <= 20000)
        AS answered_within_20,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.answered' AND waited_ms <= 30000)
        AS answered_within_30,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.answered' AND waited_ms <= 60000)
        AS answered_within_60,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.answered' AND waited_ms <= 120000)
        AS answered_within_120,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.abandoned' AND waited_ms <= 5000)
        AS abandoned_within_5,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.abandoned' AND waited_ms <= 10000)
        AS abandoned_within_10,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.abandoned' AND waited_ms <= 15000)
        AS abandoned_within_15,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.abandoned' AND waited_ms <= 20000)
        AS abandoned_within_20,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.abandoned' AND waited_ms <= 30000)
        AS abandoned_within_30,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.abandoned' AND waited_ms <= 60000)
        AS abandoned_within_60,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.abandoned' AND waited_ms <= 120000)
        AS abandoned_within_120,

    sum(sign) FILTER (WHERE live AND type = 'inquiry.ended') AS ended,
    sum(sign) FILTER (WHERE live AND type = 'inquiry.ended' AND talk_ms IS NOT NULL)
        AS ended_with_talk,
    sum(sign * talk_ms) FILTER (WHERE live AND type = 'inquiry.ended') AS talk_ms,
    sum(sign * hold_ms) FILTER (WHERE live AND type = 'inquiry.ended' AND talk_ms IS NOT NULL)
        AS hold_ms,
    sum(sign * wrapup_ms) FILTER (WHERE live AND type = 'inquiry.ended' AND talk_ms IS NOT NULL)
        AS wrapup_ms,

    sum(sign) FILTER (WHERE type = 'inquiry.first-answered') AS answered_inquiries,
    sum(sign) FILTER (WHERE type = 'inquiry.replied' AND NOT live) AS replied,
    sum(sign * reply_ms) FILTER (WHERE type = 'inquiry.replied' AND NOT live) AS reply_ms,

    sum(sign) FILTER (WHERE type = 'inquiry.transferred' AND holds AND hop = 1) AS transferred,
    sum(sign) FILTER (WHERE type = 'inquiry.transferred' AND kind = 'agent') AS transferred_agent,
    sum(sign) FILTER (WHERE type = 'inquiry.transferred' AND kind = 'interpreter')
        AS transferred_interpreter,
    sum(sign) FILTER (WHERE type = 'inquiry.transferred' AND kind = 'agency') AS transferred_agency,
    sum(sign) FILTER (WHERE type = 'inquiry.transferred' AND holds AND hop > 0) AS transfer_hops,
    sum(sign) FILTER (WHERE type = 'inquiry.agency-replied') AS agency_replied,
    sum(sign * took_ms) FILTER (WHERE type = 'inquiry.agency-replied') AS agency_took_ms,

    sum(sign) FILTER (WHERE type = 'inquiry.resolved') AS resolutions,
    sum(sign) FILTER (WHERE type = 'by-first-agent') AS resolved_by_first_agent,
    sum(sign) FILTER (WHERE type = 'withdrawn') AS resolutions_withdrawn,
    sum(sign) FILTER (WHERE type = 'inquiry.reopened') AS reopened,

    sum(sign) FILTER (WHERE type = 'inquiry.rated') AS rated,
    sum(sign) FILTER (WHERE type = 'inquiry.rated' AND score >= 4) AS satisfied,
    sum(sign * score) FILTER (WHERE type = 'inquiry.rated') AS score_sum,
    sum(sign) FILTER (WHERE type = 'inquiry.praised') AS praised,

    sum(sign) FILTER (WHERE type = 'inquiry.followed-up') AS followed_up,
    sum(sign) FILTER (WHERE type = 'inquiry.followed-up' AND medium = 'sms') AS followed_up_sms,
    sum(sign) FILTER (WHERE type = 'inquiry.followed-up' AND medium = 'call') AS followed_up_call,
    sum(sign) FILTER (WHERE type = 'inquiry.followed-up' AND medium = 'email') AS followed_up_email,
    sum(sign) FILTER (WHERE type = 'inquiry.followed-up' AND medium = 'post') AS followed_up_post,
    sum(sign) FILTER (WHERE type = 'inquiry.follow-up-reported' AND outcome = 'delivered')
        AS delivered
FROM counted
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

-- Waits in whole seconds, rounded up, so that any threshold in seconds is exact: a wait is at most
-- X s exactly when it stands in a row of at most X seconds.
SELECT
    utc_hour(enqueued_at) AS hour,
    channel,
    coalesce(language, '') AS language,
    coalesce(queue, '') AS queue,
    CAST(ceil(waited_ms / 1000.0) AS bigint) AS seconds,
    sum(sign) FILTER (WHERE type = 'inquiry.answered') AS answered,
    sum(sign) FILTER (WHERE type = 'inquiry.abandoned') AS abandoned
FROM events
WHERE type IN ('inquiry.answered', 'inquiry.abandoned')
    AND channel IN ('phone', 'video') AND waited_ms IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
