-- KPI. Sums only: a ratio is taken when it is read. `sign` is -1 for what an annulment, a
-- classification or a late fact takes back. Definitions: docs/kpi.md.
--
-- Three steps. `counted`: what each event counts as, and in which bucket. `gathered`: how much of
-- each, for every combination of a table's labels; it holds one table after the other, by the same
-- words for each. Sums: the columns of those tables.
--
-- Bucket (`counted_at`): a visit counts where it entered its queue, whenever it ended; so do an
-- inquiry's first answer, and a first-agent resolution beside it; a withdrawn resolution and a
-- delivered follow-up where they were made; everything else at its own time.
--
-- what     the event's type without `inquiry.`, or by-first-agent, withdrawn
-- detail   the reason of leaving, the kind of a transfer, the medium and the fate of a follow-up
-- grade    of a wait: the least of the thresholds in seconds that it is within, the limit included,
--          121 past them all; of a change of holder: its number; of a rating: the score; of an end:
--          1 if the talk time is known, which handling times are taken from
-- ms       how long it was: waited, talked, until the reply, until the agency's
WITH counted AS (
    SELECT
        CASE WHEN type = 'inquiry.follow-up-reported' THEN of_time
             ELSE coalesce(enqueued_at, time) END AS counted_at,
        substr(type, 9) AS what, sign, channel, language, category, district, queue,
        CASE WHEN type = 'inquiry.transferred' THEN from_agent ELSE agent END AS agent,
        CASE WHEN type = 'inquiry.transferred' AND kind = 'agency' THEN target ELSE agency END
            AS agency,
        CASE type
            WHEN 'inquiry.left-queue' THEN reason
            WHEN 'inquiry.transferred' THEN kind
            WHEN 'inquiry.followed-up' THEN medium
            WHEN 'inquiry.follow-up-reported' THEN outcome
        END AS detail,
        CASE
            WHEN type IN ('inquiry.answered', 'inquiry.abandoned') THEN
                CASE WHEN waited_ms <= 5000 THEN 5 WHEN waited_ms <= 10000 THEN 10
                     WHEN waited_ms <= 15000 THEN 15 WHEN waited_ms <= 20000 THEN 20
                     WHEN waited_ms <= 30000 THEN 30 WHEN waited_ms <= 60000 THEN 60
                     WHEN waited_ms <= 120000 THEN 120 WHEN visit > 0 THEN 121 END
            WHEN type = 'inquiry.transferred' AND holds THEN hop
            WHEN type = 'inquiry.rated' THEN score
            WHEN type = 'inquiry.ended' AND talk_ms IS NOT NULL THEN 1
        END AS grade,
        sign * CASE type
            WHEN 'inquiry.ended' THEN talk_ms
            WHEN 'inquiry.replied' THEN reply_ms
            WHEN 'inquiry.agency-replied' THEN took_ms
            ELSE waited_ms
        END AS ms,
        CASE WHEN talk_ms IS NOT NULL THEN sign * hold_ms END AS hold_ms,
        CASE WHEN talk_ms IS NOT NULL THEN sign * wrapup_ms END AS wrapup_ms
    FROM events
    WHERE sign <> 0 AND type IN (
        'inquiry.received', 'inquiry.queued', 'inquiry.answered', 'inquiry.first-answered',
        'inquiry.abandoned', 'inquiry.left-queue', 'inquiry.ended', 'inquiry.transferred',
        'inquiry.agency-replied', 'inquiry.replied', 'inquiry.resolved', 'inquiry.reopened',
        'inquiry.rated', 'inquiry.praised', 'inquiry.followed-up', 'inquiry.follow-up-reported')
    UNION ALL
    SELECT first_entered_at, 'by-first-agent', sign, channel, language, category, district, queue,
        agent, agency, NULL, NULL, NULL, NULL, NULL
    FROM events WHERE sign <> 0 AND type = 'inquiry.resolved' AND by_first_agent
    UNION ALL
    SELECT of_time, 'withdrawn', sign, channel, language, category, district, queue,
        of_agent, agency, NULL, NULL, NULL, NULL, NULL
    FROM events WHERE sign <> 0 AND type = 'inquiry.reopened'
),
labelled AS (
    SELECT city_hour(counted_at) AS hour, city_day(counted_at) AS day,
        channel, language, queue, category, district, agent, agency,
        what, detail, grade, sign, ms, hold_ms, wrapup_ms
    FROM counted
)
-- Gathered
SELECT ':table' AS of_table, :dimensions, what, detail, grade,
    channel IN ('phone', 'video') AS live, CAST(sum(sign) AS integer) AS n,
    sum(ms) AS ms, sum(hold_ms) AS hold_ms, sum(wrapup_ms) AS wrapup_ms
FROM labelled WHERE :where
GROUP BY :grouped, what, detail, grade
-- Sums
-- A condition in the sum: DuckDB takes less time over it than over FILTER, PostgreSQL as much.
-- Queue sums are of channels with a live queue (phone, video); replies of text channels.
-- offered = answered + abandoned + left_queue + blocked + those still waiting.
-- transferred counts an inquiry once, at its first change of holder; hops count each.
sum(CASE WHEN what = 'received' THEN n END) AS received,
sum(CASE WHEN live AND (what = 'queued'
    OR what = 'left-queue' AND detail IN ('full', 'closed')) THEN n END) AS offered,
sum(CASE WHEN live AND what = 'answered' AND grade > 0 THEN n END) AS answered,
sum(CASE WHEN live AND what = 'abandoned' THEN n END) AS abandoned,
sum(CASE WHEN live AND what = 'left-queue' AND detail NOT IN ('full', 'closed')
    THEN n END) AS left_queue,
sum(CASE WHEN live AND what = 'left-queue' AND detail IN ('full', 'closed') THEN n END) AS blocked,
sum(CASE WHEN live AND what = 'answered' THEN ms END) AS waited_ms,
sum(CASE WHEN live AND what = 'abandoned' THEN ms END) AS abandoned_waited_ms,
sum(CASE WHEN live AND what = 'answered' AND grade <= 5 THEN n END) AS answered_within_5,
sum(CASE WHEN live AND what = 'answered' AND grade <= 10 THEN n END) AS answered_within_10,
sum(CASE WHEN live AND what = 'answered' AND grade <= 15 THEN n END) AS answered_within_15,
sum(CASE WHEN live AND what = 'answered' AND grade <= 20 THEN n END) AS answered_within_20,
sum(CASE WHEN live AND what = 'answered' AND grade <= 30 THEN n END) AS answered_within_30,
sum(CASE WHEN live AND what = 'answered' AND grade <= 60 THEN n END) AS answered_within_60,
sum(CASE WHEN live AND what = 'answered' AND grade <= 120 THEN n END) AS answered_within_120,
sum(CASE WHEN live AND what = 'abandoned' AND grade <= 5 THEN n END) AS abandoned_within_5,
sum(CASE WHEN live AND what = 'abandoned' AND grade <= 10 THEN n END) AS abandoned_within_10,
sum(CASE WHEN live AND what = 'abandoned' AND grade <= 15 THEN n END) AS abandoned_within_15,
sum(CASE WHEN live AND what = 'abandoned' AND grade <= 20 THEN n END) AS abandoned_within_20,
sum(CASE WHEN live AND what = 'abandoned' AND grade <= 30 THEN n END) AS abandoned_within_30,
sum(CASE WHEN live AND what = 'abandoned' AND grade <= 60 THEN n END) AS abandoned_within_60,
sum(CASE WHEN live AND what = 'abandoned' AND grade <= 120 THEN n END) AS abandoned_within_120,
sum(CASE WHEN live AND what = 'ended' THEN n END) AS ended,
sum(CASE WHEN live AND what = 'ended' AND grade = 1 THEN n END) AS ended_with_talk,
sum(CASE WHEN live AND what = 'ended' THEN ms END) AS talk_ms,
sum(CASE WHEN live AND what = 'ended' THEN hold_ms END) AS hold_ms,
sum(CASE WHEN live AND what = 'ended' THEN wrapup_ms END) AS wrapup_ms,
sum(CASE WHEN what = 'first-answered' THEN n END) AS answered_inquiries,
sum(CASE WHEN NOT live AND what = 'replied' THEN n END) AS replied,
sum(CASE WHEN NOT live AND what = 'replied' THEN ms END) AS reply_ms,
sum(CASE WHEN what = 'transferred' AND grade = 1 THEN n END) AS transferred,
sum(CASE WHEN what = 'transferred' AND detail = 'agent' THEN n END) AS transferred_agent,
sum(CASE WHEN what = 'transferred' AND detail = 'interpreter'
    THEN n END) AS transferred_interpreter,
sum(CASE WHEN what = 'transferred' AND detail = 'agency' THEN n END) AS transferred_agency,
sum(CASE WHEN what = 'transferred' AND grade > 0 THEN n END) AS transfer_hops,
sum(CASE WHEN what = 'agency-replied' THEN n END) AS agency_replied,
sum(CASE WHEN what = 'agency-replied' THEN ms END) AS agency_took_ms,
sum(CASE WHEN what = 'resolved' THEN n END) AS resolutions,
sum(CASE WHEN what = 'by-first-agent' THEN n END) AS resolved_by_first_agent,
sum(CASE WHEN what = 'withdrawn' THEN n END) AS resolutions_withdrawn,
sum(CASE WHEN what = 'reopened' THEN n END) AS reopened,
sum(CASE WHEN what = 'rated' THEN n END) AS rated,
sum(CASE WHEN what = 'rated' AND grade >= 4 THEN n END) AS satisfied,
sum(CASE WHEN what = 'rated' THEN n * grade END) AS score_sum,
sum(CASE WHEN what = 'praised' THEN n END) AS praised,
sum(CASE WHEN what = 'followed-up' THEN n END) AS followed_up,
sum(CASE WHEN what = 'followed-up' AND detail = 'sms' THEN n END) AS followed_up_sms,
sum(CASE WHEN what = 'followed-up' AND detail = 'call' THEN n END) AS followed_up_call,
sum(CASE WHEN what = 'followed-up' AND detail = 'email' THEN n END) AS followed_up_email,
sum(CASE WHEN what = 'followed-up' AND detail = 'post' THEN n END) AS followed_up_post,
sum(CASE WHEN what = 'follow-up-reported' AND detail = 'delivered' THEN n END) AS delivered
-- Waits
-- Waits in whole seconds, rounded up, so that any threshold in seconds is exact: a wait is at most
-- X s exactly when it stands in a row of at most X seconds.
SELECT
    city_hour(enqueued_at) AS hour,
    channel,
    coalesce(language, '') AS language,
    coalesce(queue, '') AS queue,
    CAST(ceil(waited_ms / 1000.0) AS bigint) AS seconds,
    coalesce(sum(sign) FILTER (WHERE type = 'inquiry.answered'), 0) AS answered,
    coalesce(sum(sign) FILTER (WHERE type = 'inquiry.abandoned'), 0) AS abandoned
FROM events
WHERE sign <> 0 AND type IN ('inquiry.answered', 'inquiry.abandoned')
    AND channel IN ('phone', 'video') AND waited_ms IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
