-- The functions that write to the log. They may change while its tables stay: this file is run again
-- wherever its text is not the one that was run last (eventlog/database.py).

-- With other parameters it was another function.
DO $$
DECLARE
    former regprocedure;
BEGIN
    FOR former IN SELECT oid FROM pg_proc
        WHERE proname = 'append' AND pronamespace = 'public'::regnamespace LOOP
        EXECUTE format('DROP FUNCTION %s', former);
    END LOOP;
END $$;

-- Append commands, each whole or not at all, in the order given; one answer a command:
--   accepted    its events are in the log
--   repeated    its key was seen with the same fingerprint: response and positions are the first
--   key-reused  its key was seen with another fingerprint
--   conflict    a stream is at another version than the command expected
--   other-kind  a stream is of another kind: what its types begin with, such as inquiry or citizen
--   key-gone    a key that it sealed with was destroyed meanwhile
-- A command without a client has no key to remember. Events stand in the order of their commands.
-- `asked_at` is when it is by the clock of who asks: recorded times never go back, so that a clock of
-- the database that is far ahead would set them for ever. Then nothing is appended.
CREATE OR REPLACE FUNCTION append(
    clients text[], keys text[], fingerprints bytea[], responses text[],
    event_commands integer[], streams uuid[], versions integer[], types text[],
    records bytea[], stamps_at integer[],
    new_commands integer[], new_kids bytea[], new_streams uuid[], new_wrapped bytea[],
    new_keks bytea[],
    used_commands integer[], used_kids bytea[],
    asked_at timestamptz DEFAULT NULL
) RETURNS TABLE (outcome text, first_position bigint, last_position bigint, response text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
-- Its plans are made once in each connection, maybe when the log is empty, and must fit a full one.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    head     log_head;
    taken_at timestamptz;
    stamp    bytea;
    outcomes text[];
    taken    boolean[];
    held     bytea[] := '{}';
    clear    boolean;
    firsts   bigint[];
    lasts    bigint[];
BEGIN
    SELECT * INTO head FROM log_head FOR UPDATE;
    IF clock_timestamp() > asked_at + interval '10 minutes' THEN
        RAISE EXCEPTION 'the clock of the database is at %, and that of the program at %',
            clock_timestamp(), asked_at
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Set the clocks by NTP: recorded times can never go back.';
    END IF;
    taken_at := greatest(clock_timestamp(), head.recordedtime);
    stamp := convert_to(to_char(taken_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                        || '","sequence":"', 'UTF8');

    IF cardinality(used_kids) > 0 THEN
        -- Whoever destroys a key waits for us, or we see that it is gone.
        SELECT coalesce(array_agg(kid), '{}') INTO held
        FROM (SELECT kid FROM vault.key WHERE kid = ANY (used_kids) FOR KEY SHARE) k;
    END IF;

    -- The common case in one look: the commands are new and stand in nobody's way.
    SELECT NOT EXISTS (
            SELECT FROM unnest(clients, keys) k(client, key)
            WHERE client IS NOT NULL GROUP BY client, key HAVING count(*) > 1)
        AND NOT EXISTS (
            SELECT FROM unnest(clients, keys) k(client, key)
            JOIN command USING (client, key))
        AND NOT EXISTS (
            SELECT FROM unnest(used_kids) kid WHERE kid <> ALL (held))
        AND NOT EXISTS (
            SELECT FROM (
                SELECT stream_id, version, split_part(type, '.', 1) AS kind,
                       lag(version) OVER stream AS previous,
                       lag(split_part(type, '.', 1)) OVER stream AS previous_kind
                FROM unnest(streams, versions, types)
                    WITH ORDINALITY e(stream_id, version, type, ordinal)
                WINDOW stream AS (PARTITION BY stream_id ORDER BY ordinal)) e
            LEFT JOIN LATERAL (
                SELECT l.version, split_part(l.type, '.', 1) AS kind FROM log l
                WHERE l.stream_id = e.stream_id AND e.previous IS NULL
                ORDER BY l.version DESC LIMIT 1) last ON true
            WHERE e.version <> 1 + coalesce(e.previous, last.version, 0)
                OR e.kind <> coalesce(e.previous_kind, last.kind, e.kind))
    INTO clear;

    IF clear THEN
        outcomes := array_fill('accepted'::text, ARRAY[cardinality(clients)]);
        taken := array_fill(true, ARRAY[cardinality(clients)]);
    ELSE
        SELECT array_agg(answer ORDER BY ordinal), array_agg(answer = 'accepted' ORDER BY ordinal)
        INTO outcomes, taken
        FROM (
            SELECT k.ordinal, CASE WHEN c.fingerprint IS NULL THEN 'accepted'
                                   WHEN c.fingerprint = k.fingerprint THEN 'repeated'
                                   ELSE 'key-reused' END AS answer
            FROM unnest(clients, keys, fingerprints) WITH ORDINALITY
                k(client, key, fingerprint, ordinal)
            LEFT JOIN command c USING (client, key)) answers;

        -- One by one: each sees the log and those before it that were taken.
        FOR one IN 1 .. cardinality(clients) LOOP
            CONTINUE WHEN NOT taken[one];
            outcomes[one] := coalesce(
                (SELECT CASE WHEN fingerprint = fingerprints[one]
                             THEN 'repeated' ELSE 'key-reused' END
                 FROM unnest(clients, keys, fingerprints) WITH ORDINALITY
                     k(client, key, fingerprint, ordinal)
                 WHERE client = clients[one] AND key = keys[one] AND ordinal < one
                     AND outcomes[ordinal] = 'accepted'),
                (SELECT 'key-gone' FROM unnest(used_commands, used_kids) u(command, kid)
                 WHERE command = one AND kid <> ALL (held) LIMIT 1),
                (SELECT CASE WHEN e.kind <> coalesce(previous_kind, last.kind, e.kind)
                             THEN 'other-kind' ELSE 'conflict' END
                 FROM (
                     SELECT command, stream_id, version, split_part(type, '.', 1) AS kind,
                            lag(version) OVER stream AS previous,
                            lag(split_part(type, '.', 1)) OVER stream AS previous_kind
                     FROM unnest(event_commands, streams, versions, types)
                         WITH ORDINALITY e(command, stream_id, version, type, ordinal)
                     WHERE command = one OR command < one AND taken[command]
                     WINDOW stream AS (PARTITION BY stream_id ORDER BY ordinal)) e
                 LEFT JOIN LATERAL (
                     SELECT l.version, split_part(l.type, '.', 1) AS kind FROM log l
                     WHERE l.stream_id = e.stream_id AND e.previous IS NULL
                     ORDER BY l.version DESC LIMIT 1) last ON true
                 WHERE command = one AND (e.version <> 1 + coalesce(previous, last.version, 0)
                     OR e.kind <> coalesce(previous_kind, last.kind, e.kind))
                 ORDER BY 1 DESC LIMIT 1),
                'accepted');
            taken[one] := outcomes[one] = 'accepted';
        END LOOP;
    END IF;

    WITH kept AS (
        INSERT INTO vault.key (kid, stream_id, wrapped, kek)
        SELECT kid, stream_id, wrapped, kek
        FROM unnest(new_commands, new_kids, new_streams, new_wrapped, new_keks)
            n(command, kid, stream_id, wrapped, kek)
        WHERE taken[command]
        ON CONFLICT (kid) DO NOTHING),
    placed AS (
        SELECT command, stream_id, version, type, record, stamp_at,
               head.position + row_number() OVER (ORDER BY ordinal) AS position
        FROM unnest(event_commands, streams, versions, types, records, stamps_at)
            WITH ORDINALITY e(command, stream_id, version, type, record, stamp_at, ordinal)
        WHERE taken[command]),
    written AS (
        INSERT INTO log (position, stream_id, version, type, record)
        SELECT position, stream_id, version, type,
               -- Recorded time and position, neighbours by RFC 8785's order, over their places.
               overlay(record PLACING stamp || lpad(position::text, 20, '0')::bytea
                       FROM stamp_at + 1)
        FROM placed),
    places AS (
        SELECT command, min(position) AS first_position, max(position) AS last_position
        FROM placed GROUP BY command),
    answered AS (
        SELECT k.*, first_position, last_position
        FROM unnest(clients, keys, fingerprints, responses) WITH ORDINALITY
            k(client, key, fingerprint, response, ordinal)
        LEFT JOIN places ON command = ordinal),
    remembered AS (
        INSERT INTO command
        SELECT client, key, fingerprint, response, first_position, last_position, taken_at
        FROM answered WHERE taken[ordinal] AND client IS NOT NULL),
    moved AS (
        UPDATE log_head SET position = head.position + (SELECT count(*) FROM placed),
                            recordedtime = taken_at)
    SELECT array_agg(first_position ORDER BY ordinal), array_agg(last_position ORDER BY ordinal)
    INTO firsts, lasts FROM answered;

    RETURN QUERY
    SELECT o.outcome, coalesce(c.first_position, o.first), coalesce(c.last_position, o.last),
           coalesce(c.response, CASE WHEN o.outcome = 'accepted' THEN o.response END)
    FROM unnest(outcomes, clients, keys, firsts, lasts, responses) WITH ORDINALITY
        o(outcome, client, key, first, last, response, ordinal)
    LEFT JOIN LATERAL (
        SELECT * FROM command
        WHERE client = o.client AND key = o.key AND o.outcome = 'repeated' LIMIT 1) c ON true
    ORDER BY o.ordinal;
END $$;

-- Answers are promised for 72 hours (the draft on the Idempotency-Key header leaves it to us).
CREATE OR REPLACE FUNCTION forget_old_answers() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH gone AS (DELETE FROM command WHERE recordedtime < now() - interval '72 hours' RETURNING 1)
    SELECT count(*) FROM gone
$$;

-- The citizen of each keyed hash; a hash seen for the first time gets the fresh id beside it.
CREATE OR REPLACE FUNCTION vault.citizens(hashes bytea[], fresh uuid[]) RETURNS TABLE (hash bytea, citizen uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO lookup SELECT * FROM unnest(hashes, fresh) AS f(h, c) ORDER BY h
    ON CONFLICT (hash) DO NOTHING;
    RETURN QUERY SELECT l.hash, l.citizen FROM lookup l WHERE l.hash = ANY (hashes);
END $$;

REVOKE ALL ON FUNCTION append, forget_old_answers, vault.citizens FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append TO dasan_appender;
GRANT EXECUTE ON FUNCTION forget_old_answers, vault.citizens TO dasan_appender;
