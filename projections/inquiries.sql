-- Inquiries as they stand: state, holder, and the visits that are open now.
--
-- Counts and the latest known, so that a batch of events folds in at once. `status` is a function
-- of the counts alone and says what `Inquiry.status` says in domain/inquiry.py.
CREATE TABLE inquiries.inquiry (
    stream_id         uuid PRIMARY KEY,
    version           integer NOT NULL,
    channel           text NOT NULL,
    language          text,
    category          text,
    district          text,
    citizen           uuid,
    received_at       timestamptz NOT NULL,
    due_at            timestamptz,
    changed_at        timestamptz NOT NULL,  -- when the last recorded event happened
    first_answered_at timestamptz,
    resolved_at       timestamptz,           -- of the resolution that holds
    outcome           text,
    holder            text,
    held_since        timestamptz NOT NULL,
    queue             text,                  -- the last that it entered
    agent             text,                  -- the last who answered or replied
    agency            text,                  -- the last that was asked
    visits            bigint NOT NULL,
    waiting           bigint NOT NULL,
    lost              bigint NOT NULL,       -- visits abandoned, or left but for a callback
    talking           bigint NOT NULL,
    answers           bigint NOT NULL,
    transfers         bigint NOT NULL,
    hops              integer NOT NULL,      -- changes of holder
    asked             bigint NOT NULL,       -- agencies that have not replied yet
    resolutions       bigint NOT NULL,
    reopened          bigint NOT NULL,
    follow_ups        bigint NOT NULL,
    praised           bigint NOT NULL,
    score             integer,               -- the last
    annulled          boolean NOT NULL,
    status            text NOT NULL GENERATED ALWAYS AS (CASE
        WHEN annulled THEN 'annulled'
        WHEN resolutions > reopened THEN 'resolved'
        WHEN talking > 0 THEN 'in_conversation'
        WHEN waiting > 0 THEN 'queued'
        WHEN asked > 0 THEN 'at_agency'
        WHEN visits > 0 AND lost = visits AND answers = 0 AND transfers = 0 THEN 'abandoned'
        ELSE 'received' END) STORED
);
CREATE INDEX inquiry_by_arrival ON inquiries.inquiry (received_at, stream_id);
CREATE INDEX inquiry_by_citizen ON inquiries.inquiry (citizen) WHERE citizen IS NOT NULL;

-- Who waits or talks now; labels are those of the inquiry.
CREATE TABLE inquiries.visit (
    stream_id   uuid NOT NULL,
    visit       integer NOT NULL,
    queue       text NOT NULL,
    enqueued_at timestamptz NOT NULL,
    answered_at timestamptz,
    agent       text,
    PRIMARY KEY (stream_id, visit)
);

-- Given: what the events tell of each inquiry and of each visit
WITH fact AS (
    SELECT * FROM events WHERE NOT restated AND type LIKE 'inquiry.%'),
latest AS (
    SELECT DISTINCT ON (stream_id) stream_id, version, time, channel, language, category, district
    FROM fact ORDER BY stream_id, version DESC),
-- The last of each kind that the batch tells of.
learnt AS (
    SELECT stream_id,
        (array_agg(citizen ORDER BY version DESC) FILTER (WHERE citizen IS NOT NULL))[1] AS citizen,
        (array_agg(queue ORDER BY version DESC) FILTER (
            WHERE type = 'inquiry.queued' OR reason IN ('full', 'closed')))[1] AS queue,
        (array_agg(agent ORDER BY version DESC) FILTER (
            WHERE type IN ('inquiry.answered', 'inquiry.replied')))[1] AS agent,
        (array_agg(target ORDER BY version DESC) FILTER (
            WHERE type = 'inquiry.transferred' AND kind = 'agency'))[1] AS agency,
        (array_agg(score ORDER BY version DESC) FILTER (WHERE score IS NOT NULL))[1] AS score
    FROM fact
    WHERE type IN ('inquiry.received', 'inquiry.identified', 'inquiry.queued',
                   'inquiry.left-queue', 'inquiry.answered', 'inquiry.replied',
                   'inquiry.transferred', 'inquiry.rated')
    GROUP BY stream_id),
settled AS (
    SELECT DISTINCT ON (stream_id) stream_id,
        CASE WHEN type = 'inquiry.resolved' THEN time END AS resolved_at,
        CASE WHEN type = 'inquiry.resolved' THEN outcome END AS outcome
    FROM fact WHERE type IN ('inquiry.resolved', 'inquiry.reopened')
    ORDER BY stream_id, version DESC),
held AS (
    SELECT DISTINCT ON (stream_id) stream_id, time AS held_since, coalesce(target, agent) AS holder
    FROM fact
    WHERE type IN ('inquiry.answered', 'inquiry.replied')
        OR type = 'inquiry.transferred' AND holds
    ORDER BY stream_id, time DESC, version DESC),
summed AS (
    SELECT stream_id,
        min(time) FILTER (WHERE type = 'inquiry.received') AS received_at,
        min(due_at) AS due_at,
        min(time) FILTER (WHERE type IN ('inquiry.answered', 'inquiry.replied'))
            AS first_answered_at,
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
        coalesce(max(hop), 0) AS hops,
        count(*) FILTER (WHERE type = 'inquiry.transferred' AND kind = 'agency')
            - count(*) FILTER (WHERE type = 'inquiry.agency-replied') AS asked,
        count(*) FILTER (WHERE type = 'inquiry.resolved') AS resolutions,
        count(*) FILTER (WHERE type = 'inquiry.reopened') AS reopened,
        count(*) FILTER (WHERE type = 'inquiry.followed-up') AS follow_ups,
        count(*) FILTER (WHERE type = 'inquiry.praised') AS praised,
        bool_or(type = 'inquiry.annulled') AS annulled
    FROM fact GROUP BY stream_id),
visit AS (
    SELECT stream_id, visit,
        min(time) FILTER (WHERE type = 'inquiry.queued') AS opened_at,
        min(time) FILTER (WHERE type = 'inquiry.answered') AS answered_at,
        min(agent) FILTER (WHERE type = 'inquiry.answered') AS agent,
        min(queue) FILTER (WHERE type = 'inquiry.queued') AS queue,
        bool_or(type IN ('inquiry.abandoned', 'inquiry.left-queue', 'inquiry.ended')) AS is_over
    FROM fact WHERE visit IS NOT NULL GROUP BY stream_id, visit),
told AS (
    SELECT
        s.stream_id, l.version, l.channel, l.language, l.category, l.district, n.citizen,
        s.received_at, s.due_at, l.time AS changed_at, s.first_answered_at,
        d.resolved_at, d.outcome, d.stream_id IS NOT NULL AS is_settled,
        h.holder, coalesce(h.held_since, s.received_at) AS held_since, n.queue, n.agent, n.agency,
        s.visits, s.waiting, s.lost, s.talking, s.answers, s.transfers, s.hops, s.asked,
        s.resolutions, s.reopened, s.follow_ups, s.praised, n.score, s.annulled
    FROM summed s
    JOIN latest l ON l.stream_id = s.stream_id
    LEFT JOIN learnt n ON n.stream_id = s.stream_id
    LEFT JOIN settled d ON d.stream_id = s.stream_id
    LEFT JOIN held h ON h.stream_id = s.stream_id)
-- Fold inquiry
SELECT
    stream_id, version, channel, language, category, district, citizen, received_at, due_at,
    changed_at, first_answered_at, resolved_at, outcome, holder, held_since, queue, agent, agency,
    visits, waiting, lost, talking, answers, transfers, hops, asked, resolutions, reopened,
    follow_ups, praised, score, annulled
FROM told
-- Fold visit
SELECT v.stream_id, v.visit, v.queue, v.opened_at AS enqueued_at, v.answered_at, v.agent
FROM visit v JOIN summed s ON s.stream_id = v.stream_id
WHERE v.opened_at IS NOT NULL AND NOT v.is_over AND NOT s.annulled
-- Merge
, closed AS (
    DELETE FROM inquiries.visit v
    WHERE (stream_id, visit) IN (SELECT stream_id, visit FROM visit WHERE is_over)
       OR stream_id IN (SELECT stream_id FROM summed WHERE annulled)),
opened AS (
    INSERT INTO inquiries.visit (stream_id, visit, queue, enqueued_at, answered_at, agent)
    SELECT v.stream_id, v.visit, v.queue, v.opened_at, v.answered_at, v.agent
    FROM visit v JOIN summed s USING (stream_id)
    WHERE v.opened_at IS NOT NULL AND NOT v.is_over AND NOT s.annulled),
answered AS (
    UPDATE inquiries.visit v SET answered_at = n.answered_at, agent = n.agent
    FROM visit n JOIN summed s USING (stream_id)
    WHERE v.stream_id = n.stream_id AND v.visit = n.visit
        AND n.answered_at IS NOT NULL AND NOT n.is_over AND NOT s.annulled),
changed AS (
    UPDATE inquiries.inquiry i SET
        version = t.version, changed_at = t.changed_at,
        channel = t.channel, language = t.language, category = t.category, district = t.district,
        citizen = coalesce(t.citizen, i.citizen),
        first_answered_at = least(i.first_answered_at, t.first_answered_at),
        resolved_at = CASE WHEN t.is_settled THEN t.resolved_at ELSE i.resolved_at END,
        outcome = CASE WHEN t.is_settled THEN t.outcome ELSE i.outcome END,
        holder = CASE WHEN t.held_since >= i.held_since THEN t.holder ELSE i.holder END,
        held_since = greatest(i.held_since, t.held_since),
        queue = coalesce(t.queue, i.queue), agent = coalesce(t.agent, i.agent),
        agency = coalesce(t.agency, i.agency), score = coalesce(t.score, i.score),
        visits = i.visits + t.visits, waiting = i.waiting + t.waiting, lost = i.lost + t.lost,
        talking = i.talking + t.talking, answers = i.answers + t.answers,
        transfers = i.transfers + t.transfers, hops = greatest(i.hops, t.hops),
        asked = i.asked + t.asked,
        resolutions = i.resolutions + t.resolutions, reopened = i.reopened + t.reopened,
        follow_ups = i.follow_ups + t.follow_ups, praised = i.praised + t.praised,
        annulled = i.annulled OR t.annulled
    FROM told t
    WHERE i.stream_id = t.stream_id AND t.received_at IS NULL)
INSERT INTO inquiries.inquiry (
    stream_id, version, channel, language, category, district, citizen, received_at, due_at,
    changed_at, first_answered_at, resolved_at, outcome, holder, held_since, queue, agent, agency,
    visits, waiting, lost, talking, answers, transfers, hops, asked, resolutions, reopened,
    follow_ups, praised, score, annulled)
SELECT
    stream_id, version, channel, language, category, district, citizen, received_at, due_at,
    changed_at, first_answered_at, resolved_at, outcome, holder, held_since, queue, agent, agency,
    visits, waiting, lost, talking, answers, transfers, hops, asked, resolutions, reopened,
    follow_ups, praised, score, annulled
FROM told WHERE received_at IS NOT NULL
