-- Which disclosures opened a field of a stream: they stand in streams of their own, and the view
-- `audit` has no row for each field that they name. Of the log this indexes those events only.
-- Asked first: CREATE INDEX IF NOT EXISTS would make all appends wait.
DO $$ BEGIN
    IF to_regclass('log_disclosures') IS NULL THEN
        -- Immutable, since a log is UTF-8 throughout: nothing is converted.
        CREATE OR REPLACE FUNCTION opened_fields(record bytea) RETURNS jsonb
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            RETURN convert_from(record, 'UTF8')::jsonb #> '{data,fields}';
        CREATE INDEX log_disclosures ON log USING gin (opened_fields(record) jsonb_path_ops)
            WHERE type = 'disclosure.made.v1';
    END IF;
END $$;
