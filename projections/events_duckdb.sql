-- The relation `events` on DuckDB: records as typed columns. `fresh` and `earlier` are relations of
-- records as JSON, one column `record`; `earlier` are those that the batch reaches back into.
-- What they correct follows in corrections.sql; on PostgreSQL it is events.sql that decodes.
-- What is not what its column holds is an error, and so is a type that is not in :types.
-- Ids of streams are text, and sealed texts are the text of their JSON as PostgreSQL writes it.
CREATE OR REPLACE TEMPORARY MACRO sealed_text(value) AS
    CASE WHEN value <> 'null' THEN replace(replace(value, '":', '": '), ',"', ', "') END;
-- A cast alone would round what is no whole number, and leave an id as it is written.
CREATE OR REPLACE TEMPORARY MACRO whole(value) AS
    CASE WHEN contains(value, '.') THEN error('''' || value || ''' is no whole number')
         ELSE CAST(value AS bigint) END;
CREATE OR REPLACE TEMPORARY MACRO uuid_text(value) AS CAST(CAST(value AS uuid) AS varchar);
-- Select
WITH parsed AS (
    SELECT is_fresh, from_json(record, '{
        "actor": "VARCHAR", "id": "VARCHAR", "recordedtime": "VARCHAR", "sequence": "VARCHAR",
        "subject": "VARCHAR", "time": "VARCHAR", "type": "VARCHAR",
        "data": {
            "channel": "VARCHAR", "language": "VARCHAR", "category": "VARCHAR",
            "district": "VARCHAR", "citizen": "VARCHAR", "due_at": "VARCHAR", "queue": "VARCHAR",
            "visit": "VARCHAR", "enqueued_at": "VARCHAR", "agent": "VARCHAR",
            "waited_ms": "VARCHAR", "reason": "VARCHAR", "talk_ms": "VARCHAR",
            "hold_ms": "VARCHAR", "wrapup_ms": "VARCHAR", "ended_by": "VARCHAR",
            "from_agent": "VARCHAR", "kind": "VARCHAR", "to": "VARCHAR", "hop": "VARCHAR",
            "holds": "VARCHAR", "of": "VARCHAR", "agency": "VARCHAR", "outcome": "VARCHAR",
            "took_ms": "VARCHAR", "reply_ms": "VARCHAR", "by_first_agent": "VARCHAR",
            "first_answered_at": "VARCHAR", "ordinal": "VARCHAR", "medium": "VARCHAR",
            "purpose": "VARCHAR", "score": "VARCHAR", "moderator": "VARCHAR", "other": "VARCHAR",
            "attributes": "JSON", "author": "JSON", "comment": "JSON", "message": "JSON",
            "note": "JSON", "place": "JSON", "question": "JSON", "reply": "JSON",
            "resolution": "JSON", "story": "JSON", "title": "JSON"}}') AS r
    FROM (SELECT true AS is_fresh, record FROM fresh
          UNION ALL SELECT false, record FROM earlier) records),
decoded AS MATERIALIZED (
    SELECT is_fresh,
        coalesce(CAST(r.sequence AS bigint), error('a record has no sequence')) AS position,
        coalesce(r.subject, error('a record has no subject')) AS stream_id,
        coalesce(CAST(split_part(r.id, '/', 2) AS integer), error('a record has no id')) AS version,
        CASE WHEN r.type IN (:types) THEN regexp_replace(r.type, '\.v[0-9]+$', '')
             ELSE error('position ' || r.sequence || ' has the type ''' || r.type
                        || ''', which this version of Dasan does not know') END AS type,
        coalesce(CAST(r.time AS timestamptz), error('a record has no time')) AS time,
        coalesce(CAST(r.recordedtime AS timestamptz), error('a record has no recorded time'))
            AS recordedtime,
        coalesce(r.actor, error('a record has no actor')) AS actor,
        r.data.channel, r.data.language, r.data.category, r.data.district,
        uuid_text(r.data.citizen) AS citizen,
        CAST(r.data.due_at AS timestamptz) AS due_at, r.data.queue,
        CAST(whole(r.data.visit) AS integer) AS visit,
        CAST(r.data.enqueued_at AS timestamptz) AS enqueued_at, r.data.agent,
        whole(r.data.waited_ms) AS waited_ms, r.data.reason,
        whole(r.data.talk_ms) AS talk_ms, whole(r.data.hold_ms) AS hold_ms,
        whole(r.data.wrapup_ms) AS wrapup_ms, r.data.ended_by, r.data.from_agent,
        r.data.kind, r.data."to" AS target, CAST(whole(r.data.hop) AS integer) AS hop,
        CAST(r.data.holds AS boolean) AS holds, CAST(whole(r.data."of") AS integer) AS "of",
        r.data.agency, r.data.outcome, whole(r.data.took_ms) AS took_ms,
        whole(r.data.reply_ms) AS reply_ms,
        CAST(r.data.by_first_agent AS boolean) AS by_first_agent,
        CAST(r.data.first_answered_at AS timestamptz) AS first_answered_at,
        CAST(whole(r.data.ordinal) AS integer) AS ordinal, r.data.medium, r.data.purpose,
        CAST(whole(r.data.score) AS integer) AS score, r.data.moderator,
        uuid_text(r.data.other) AS other,
        sealed_text(r.data.title) AS title, sealed_text(r.data.story) AS story,
        sealed_text(r.data.author) AS author,
        nullif(list_filter([
            CASE WHEN r.data.attributes <> 'null' THEN 'attributes' END,
            CASE WHEN r.data.author <> 'null' THEN 'author' END,
            CASE WHEN r.data.comment <> 'null' THEN 'comment' END,
            CASE WHEN r.data.message <> 'null' THEN 'message' END,
            CASE WHEN r.data.note <> 'null' THEN 'note' END,
            CASE WHEN r.data.place <> 'null' THEN 'place' END,
            CASE WHEN r.data.question <> 'null' THEN 'question' END,
            CASE WHEN r.data.reply <> 'null' THEN 'reply' END,
            CASE WHEN r.data.resolution <> 'null' THEN 'resolution' END,
            CASE WHEN r.data.story <> 'null' THEN 'story' END,
            CASE WHEN r.data.title <> 'null' THEN 'title' END
        ], lambda name: name IS NOT NULL), []) AS sealed
    FROM parsed)
