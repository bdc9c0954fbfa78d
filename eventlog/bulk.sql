-- A simulated history in bulk: recorded times come from outside, so only into a log that says so.

-- One row marks a log as simulated, set while it is empty and never taken back.
CREATE TABLE log_simulation (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    history text NOT NULL,        -- what is simulated: the arguments that make it again
    upto    timestamptz NOT NULL  -- all of it that happens before is in the log
);

CREATE FUNCTION refuse_late_mark() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    head log_head;
BEGIN
    SELECT * INTO head FROM log_head FOR UPDATE;
    IF head.position > 0 THEN
        RAISE EXCEPTION 'the log holds % events: only an empty log can be marked as simulated',
            head.position USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_comes_first BEFORE INSERT ON log_simulation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_mark();
ALTER TABLE log_simulation ENABLE ALWAYS TRIGGER mark_comes_first;
CREATE TRIGGER mark_stays BEFORE UPDATE OF history OR DELETE OR TRUNCATE ON log_simulation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE log_simulation ENABLE ALWAYS TRIGGER mark_stays;

-- Append what the session has staged, whole or not at all, and return how many events that are.
-- It checks what `append` checks; recorded times are the staged ones, which must not decrease.
-- Staged is what happens from `since`, where the one before has ended, until before `until`.
CREATE FUNCTION append_staged(since timestamptz, until timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = public, pg_temp
-- Its plans are made when the log is empty, and must fit a full one.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    head   log_head;
    mark   log_simulation;
    wrong  record;
    events bigint;
    latest timestamptz;
BEGIN
    SELECT * INTO head FROM log_head FOR UPDATE;

    SELECT * INTO mark FROM log_simulation;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'recorded times are taken by a log that is marked as simulated, no other'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    ELSIF mark.upto <> since THEN
        RAISE EXCEPTION 'the history stands at %, not at %: another run has gone on with it',
            mark.upto, since USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    SELECT * INTO wrong FROM (
        SELECT ordinal, stream_id, version, 1 + coalesce(
                lag(version) OVER (PARTITION BY stream_id ORDER BY ordinal),
                (SELECT max(l.version) FROM log l WHERE l.stream_id = s.stream_id), 0) AS due
        FROM pg_temp.staged_event s) numbered
    WHERE version <> due ORDER BY ordinal LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'version % of % is due, and version % was staged',
            wrong.due, wrong.stream_id, wrong.version USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    SELECT * INTO wrong FROM (
        SELECT ordinal, stream_id, version, recordedtime,
               lag(recordedtime, 1, head.recordedtime) OVER (ORDER BY ordinal) AS earliest
        FROM pg_temp.staged_event) timed
    WHERE recordedtime < earliest OR recordedtime < since OR recordedtime >= until
    ORDER BY ordinal LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'version % of % is recorded at %: before % or not from % to %', wrong.version,
            wrong.stream_id, wrong.recordedtime, wrong.earliest, since, until
            USING ERRCODE = 'integrity_constraint_violation',
                  HINT = 'The log has gone on meanwhile: simulate into an empty database.';
    END IF;

    INSERT INTO vault.key (kid, stream_id, wrapped, kek)
    SELECT kid, stream_id, wrapped, kek FROM pg_temp.staged_key WHERE wrapped IS NOT NULL;
    -- Whoever destroys a key waits for us, or we see that it is gone.
    SELECT * INTO wrong FROM pg_temp.staged_key s
    WHERE wrapped IS NULL AND NOT EXISTS (SELECT FROM vault.key k WHERE k.kid = s.kid FOR KEY SHARE)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a key of % was destroyed meanwhile', wrong.stream_id
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'Run it again: it goes on.';
    END IF;

    INSERT INTO log (position, stream_id, version, type, record)
    SELECT position, stream_id, version, type,
           -- Recorded time and position, neighbours by RFC 8785's order, over their places.
           overlay(record PLACING convert_to(
                       to_char(recordedtime AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                       || '","sequence":"' || lpad(position::text, 20, '0'), 'UTF8')
                   FROM stamp_at + 1)
    FROM (SELECT *, head.position + row_number() OVER (ORDER BY ordinal) AS position
          FROM pg_temp.staged_event) placed
    ORDER BY position;

    SELECT count(*), max(recordedtime) INTO events, latest FROM pg_temp.staged_event;
    UPDATE log_head SET position = head.position + events,
                        recordedtime = coalesce(latest, head.recordedtime);
    UPDATE log_simulation SET upto = until;
    RETURN events;
END $$;

-- The owner fills a log; the service cannot tell it when something was recorded.
REVOKE ALL ON FUNCTION append_staged, refuse_late_mark FROM PUBLIC;
GRANT SELECT ON log_simulation TO dasan_auditor, dasan_projector, dasan_service;
