-- The relation `events` on PostgreSQL: the log's records after :from up to :upto as typed columns,
-- decoded once and shared by all views. What they correct follows in corrections.sql, the same text
-- on every engine; on DuckDB it is events_duckdb.sql that decodes.
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
           data ->> 'from_agent' AS from_agent, data ->> 'kind' AS kind, data ->> 'to' AS target,
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
    FROM cut LEFT JOIN unnest(:types::text[], :names::text[]) AS names(type, name) USING (type))
