-- How far each view has come; outside the views' own schemas, so that it outlives them.
CREATE TABLE IF NOT EXISTS projection (
    view       text PRIMARY KEY,
    definition text NOT NULL,           -- SHA-256 of the view's text
    position   bigint NOT NULL DEFAULT 0,
    error      text,                    -- why it stopped; null: it runs
    changed_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON projection TO dasan_auditor, dasan_service;
GRANT SELECT, UPDATE ON projection TO dasan_projector;

-- Tables of a view beside the live ones: <view>_next, which a rebuild fills, and <view>_before, which
-- one left standing for a rollback.
CREATE TABLE IF NOT EXISTS shadow (
    schema     text PRIMARY KEY,
    definition text NOT NULL,
    position   bigint NOT NULL
);
