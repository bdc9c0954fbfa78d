-- The functions that forget: run again wherever this text is not the one that was run last.

-- Look through the log for who asked, at most so many positions further; true if more are left.
CREATE OR REPLACE FUNCTION vault.look_through(at_most bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    begins bigint;
    ends   bigint;
    head   bigint;
BEGIN
    SELECT position INTO begins FROM vault.asked_upto FOR UPDATE;
    SELECT position INTO head FROM log_head;
    ends := least(head, begins + at_most);
    -- A record's keys and ids hold no quote, so that "citizen":"…" is the field and nothing else.
    INSERT INTO vault.asked (citizen, stream_id, position)
    SELECT convert_from(substr(record, at + 11, 36), 'UTF8')::uuid, stream_id, min(position)
    FROM (SELECT record, stream_id, position,
                 nullif(position('"citizen":"'::bytea IN record), 0) AS at
          FROM log WHERE position > begins AND position <= ends
              AND type IN ('inquiry.received.v1', 'inquiry.identified.v1') OFFSET 0) named
    WHERE at IS NOT NULL GROUP BY 1, 2
    ON CONFLICT DO NOTHING;
    UPDATE vault.asked_upto SET position = ends;
    RETURN ends < head;
END $$;

-- What forgetting a citizen, or whoever asked one inquiry, destroys as things stand.
-- inquiries  those that name the citizen, or the one
-- citizens   all whom those inquiries name: none of them may be held
-- is_known   whether there is anything at all of that id
-- is_left    whether there is a key or a look-up to destroy
CREATE OR REPLACE FUNCTION vault.forgettable(of_citizen uuid, of_inquiry uuid)
RETURNS TABLE (inquiries uuid[], citizens uuid[], kids bytea[], is_known boolean, is_left boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH inquiry AS (
        SELECT stream_id FROM vault.asked WHERE citizen = of_citizen
        UNION
        SELECT stream_id FROM log
        WHERE stream_id = of_inquiry AND version = 1 AND type LIKE 'inquiry.%'),
    named AS (
        SELECT citizen FROM vault.asked JOIN inquiry USING (stream_id)
        UNION SELECT of_citizen WHERE of_citizen IS NOT NULL),
    key AS (SELECT kid FROM vault.key JOIN inquiry USING (stream_id)),
    looked_up AS (SELECT FROM vault.lookup WHERE citizen = of_citizen)
    SELECT coalesce((SELECT array_agg(stream_id ORDER BY stream_id) FROM inquiry), '{}'),
        coalesce((SELECT array_agg(citizen ORDER BY citizen) FROM named), '{}'),
        coalesce((SELECT array_agg(kid ORDER BY kid) FROM key), '{}'),
        EXISTS (SELECT FROM inquiry) OR EXISTS (SELECT FROM looked_up)
            OR EXISTS (SELECT FROM log WHERE stream_id = of_citizen AND type LIKE 'citizen.%'),
        EXISTS (SELECT FROM key) OR EXISTS (SELECT FROM looked_up)
$$;

-- Destroy what `forgettable` tells and append the events that say so, in one. It is as the caller
-- has seen it, or nothing happens: a serialization failure, and the caller looks again.
CREATE OR REPLACE FUNCTION vault.forget(
    of_citizen uuid, of_inquiry uuid,
    seen_kids bytea[], seen_citizens uuid[], seen_versions integer[],
    client text, key text, fingerprint bytea, response text,
    streams uuid[], versions integer[], types text[], records bytea[], stamps_at integer[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    began  timestamptz := (SELECT recordedtime FROM log_head);
    found  record;
    names  text[];
    answer text;
BEGIN
    -- Answers name their inquiry. What is long to look for comes before the lock of the order.
    SELECT * INTO found FROM vault.forgettable(of_citizen, of_inquiry);
    names := found.inquiries::text[];
    DELETE FROM command WHERE split_part(response, '/', 1) = ANY (names);

    PERFORM FROM log_head FOR UPDATE;
    WHILE vault.look_through(100000) LOOP END LOOP;
    SELECT * INTO found FROM vault.forgettable(of_citizen, of_inquiry);
    IF found.kids <> seen_kids OR found.citizens <> seen_citizens OR EXISTS (
        SELECT FROM unnest(seen_citizens, seen_versions) AS seen(citizen, version)
        WHERE version <> coalesce(
            (SELECT max(l.version) FROM log l WHERE l.stream_id = citizen), 0))
    THEN
        RAISE EXCEPTION 'something was recorded meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;

    SELECT a.outcome INTO answer FROM append(
        ARRAY[client], ARRAY[key], ARRAY[fingerprint], ARRAY[response],
        array_fill(1, ARRAY[cardinality(streams)]), streams, versions, types, records, stamps_at,
        '{}', '{}', '{}', '{}', '{}', '{}', '{}') AS a;
    IF answer <> 'accepted' THEN
        RAISE EXCEPTION 'not appended: %', answer USING ERRCODE = 'serialization_failure';
    END IF;

    names := found.inquiries::text[];
    DELETE FROM vault.key WHERE stream_id = ANY (found.inquiries);
    DELETE FROM vault.lookup WHERE citizen = of_citizen;
    DELETE FROM command
    WHERE recordedtime >= began AND split_part(response, '/', 1) = ANY (names);

    -- Whoever settles a step may wait for the order while it has the row: it is left to the caller,
    -- who comes again for it (eventlog/forgetting.py).
    IF to_regclass('vault.rejected') IS NOT NULL THEN
        EXECUTE 'DELETE FROM vault.pending WHERE ref IN ('
            'SELECT ref FROM vault.pending WHERE stream_id = ANY ($1) FOR UPDATE SKIP LOCKED)'
            USING found.inquiries;
        EXECUTE 'UPDATE vault.rejected SET message = NULL, reason = ''forgotten'' WHERE ref IN ('
            'SELECT ref FROM vault.rejected WHERE stream_id = ANY ($1) FOR UPDATE SKIP LOCKED)'
            USING found.inquiries;
    END IF;
END $$;

REVOKE ALL ON FUNCTION vault.look_through, vault.forgettable, vault.forget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.look_through, vault.forgettable, vault.forget TO dasan_service;
