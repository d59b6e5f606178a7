-- Specs tried on the rows that publishers show. Nothing of value depends on them; they are forgotten after a day.

CREATE TABLE sample_runs (
    id               uuid        PRIMARY KEY,
    token_id         bytea       NOT NULL,
    consumer         bytea       NOT NULL,
    provider         bytea       NOT NULL,
    spec             json        NOT NULL,
    rows             bigint      NOT NULL,
    status           text        NOT NULL DEFAULT 'queued',
    attempts         integer     NOT NULL DEFAULT 0,
    lease_expires_at timestamptz,
    failure          json,
    report           json,
    model            bytea,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT sample_runs_status CHECK (status IN ('queued', 'running', 'completed', 'failed')),
    CONSTRAINT sample_runs_lease CHECK ((status = 'running') = (lease_expires_at IS NOT NULL)),
    CONSTRAINT sample_runs_outcome CHECK (
        (status = 'completed') = (report IS NOT NULL) AND (status = 'failed') = (failure IS NOT NULL)
        AND (model IS NULL OR status = 'completed')
    )
);
CREATE INDEX sample_runs_queue ON sample_runs (provider, id) WHERE status = 'queued';
CREATE INDEX sample_runs_live ON sample_runs (consumer) WHERE status IN ('queued', 'running');
CREATE INDEX sample_runs_by_age ON sample_runs (created_at);

-- Runners that wait for work wake up on this, as on the news of jobs.
CREATE FUNCTION sample_runs_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('job_events', NEW.id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER sample_runs_notify AFTER INSERT ON sample_runs
    FOR EACH ROW EXECUTE FUNCTION sample_runs_notify();
