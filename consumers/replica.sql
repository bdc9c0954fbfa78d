-- What makes a log a replica: it is written from a topic, and by nothing else.
CREATE TABLE replica (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    id     uuid NOT NULL DEFAULT gen_random_uuid(),  -- names the group of its consumers
    origin uuid                                      -- id of the log that it is of, once known
);
INSERT INTO replica DEFAULT VALUES;
GRANT SELECT ON replica TO dasan_auditor, dasan_service;

CREATE FUNCTION refuse_append() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('dasan.replicating', true), '') <> 'on' THEN
        RAISE EXCEPTION 'this database is a replica: its log is written at its origin'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Send commands to the service at the origin.';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER log_is_replicated BEFORE INSERT ON log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_append();
ALTER TABLE log ENABLE ALWAYS TRIGGER log_is_replicated;

-- The rows of records, read from their own bytes, whose order is known (RFC 8785):
-- {…,"id":"stream/version","recordedtime":"27 characters","sequence":"20 digits",…,"type":"…"}.
-- Only the envelope has a "recordedtime", and no value outside `data` holds a quote.
CREATE FUNCTION log_rows(records bytea[]) RETURNS SETOF log LANGUAGE sql IMMUTABLE AS $$
    SELECT convert_from(substr(record, at + 57, 20), 'UTF8')::bigint,
           split_part(id, '/', 1)::uuid, split_part(id, '/', 2)::integer,
           split_part(convert_from(substr(record, greatest(length(record) - 127, 1)), 'UTF8'),
                      '"', -2),
           record
    FROM unnest(records) AS record
    CROSS JOIN LATERAL (
        SELECT nullif(position('"recordedtime":"'::bytea IN record), 0) AS at OFFSET 0) place
    CROSS JOIN LATERAL (
        SELECT split_part(convert_from(substr(record, at - 64, 64), 'UTF8'), '"', -2) AS id
        OFFSET 0) named
$$;

-- Take over records with their places in the topic, all or nothing, and return the new head: the
-- longest prefix of positions without a gap. Several members write at the same time; what one of
-- them adds below what another has shows the other's, too.
CREATE FUNCTION replicate(
    topic uuid, log_id_of_all uuid, partitions integer[], begins bigint[], ends bigint[],
    records bytea[]
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_bitmapscan = off AS $$
DECLARE
    changed integer;
    other   bigint;
    before  bigint;
    reached bigint;
BEGIN
    PERFORM set_config('dasan.replicating', 'on', true);
    UPDATE replica SET origin = log_id_of_all WHERE origin IS NULL;
    IF FOUND THEN
        UPDATE log_identity SET log_id = log_id_of_all;
    END IF;
    IF NOT EXISTS (SELECT FROM replica WHERE origin = log_id_of_all) THEN
        RAISE EXCEPTION 'this is a replica of the log %, and the topic holds records of the log %',
            (SELECT origin FROM replica), log_id_of_all USING ERRCODE = 'data_exception';
    END IF;

    UPDATE consumed SET next = m.end_
    FROM unnest(partitions, begins, ends) AS m(partition, begin_, end_)
    WHERE topic_id = topic AND consumed.partition = m.partition AND next = m.begin_;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> cardinality(partitions) THEN
        RAISE EXCEPTION 'somebody else reads a partition that was ours'
            USING ERRCODE = 'serialization_failure';
    END IF;

    BEGIN
        INSERT INTO log SELECT * FROM log_rows(records);
    EXCEPTION WHEN unique_violation THEN
        -- Some came before, as after a topic was made again: they have to be the same.
        SELECT position INTO other
        FROM log_rows(records) AS n JOIN log USING (position)
        WHERE log.record <> n.record ORDER BY position LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'the topic has another record at position % than this replica', other
                USING ERRCODE = 'data_exception';
        END IF;
        INSERT INTO log SELECT * FROM log_rows(records) ON CONFLICT (position) DO NOTHING;
    END;

    -- Last, so that others wait briefly; what they have committed by then is seen.
    SELECT position INTO before FROM log_head FOR UPDATE;
    IF NOT EXISTS (SELECT FROM log WHERE position = before + 1) THEN
        RETURN before;
    END IF;
    SELECT position INTO reached
    FROM (SELECT position, lead(position) OVER (ORDER BY position) AS following
          FROM log WHERE position > before) AS ahead
    WHERE following IS DISTINCT FROM position + 1
    ORDER BY position LIMIT 1;
    UPDATE log_head SET position = reached, recordedtime = (
        SELECT (convert_from(record, 'UTF8')::jsonb ->> 'recordedtime')::timestamptz
        FROM log WHERE position = reached);
    RETURN reached;
END $$;
REVOKE ALL ON FUNCTION replicate, log_rows FROM PUBLIC;
GRANT EXECUTE ON FUNCTION replicate TO dasan_appender;
