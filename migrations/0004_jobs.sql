-- Jobs, their history and who holds them.

CREATE TABLE jobs (
    id               uuid        PRIMARY KEY,
    kind             text        NOT NULL,
    order_id         bytea       NOT NULL,
    token_id         bytea       NOT NULL,
    consumer         bytea       NOT NULL,
    provider         bytea       NOT NULL,
    status           text        NOT NULL,
    failure          json,
    attempts         integer     NOT NULL DEFAULT 0,
    progress         json,
    -- What the consumer signed, and the spec as it came.
    spec_hash        bytea       NOT NULL,
    result_key       bytea       NOT NULL,
    request_deadline bigint      NOT NULL,
    signature        bytea       NOT NULL,
    spec             json        NOT NULL,
    cancel_requested boolean     NOT NULL DEFAULT false,
    -- The sealed result: the object's name in the store, and what it holds.
    result_object    uuid,
    result_sha256    bytea,
    result_bytes     bigint,
    receipt          json,
    -- Of a download: which ciphertext it gives access to, for how long after its completion, and so until when.
    content_sha256    bytea,
    valid_for_seconds bigint,
    expires_at        timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT jobs_order FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT jobs_status CHECK (
        status IN ('queued', 'leased', 'running', 'completed', 'refused', 'failed', 'cancelled', 'expired')
    ),
    CONSTRAINT jobs_result CHECK (
        (result_object IS NULL) = (result_sha256 IS NULL) AND (result_object IS NULL) = (result_bytes IS NULL)
    ),
    CONSTRAINT jobs_completed_has_result CHECK (status <> 'completed' OR result_object IS NOT NULL),
    CONSTRAINT jobs_kind CHECK (kind IN ('compute', 'download')),
    CONSTRAINT jobs_download CHECK (
        (kind = 'download') = (content_sha256 IS NOT NULL) AND (kind = 'download') = (valid_for_seconds IS NOT NULL)
        AND (kind = 'download' AND status = 'completed') = (expires_at IS NOT NULL)
    )
);
-- An order pays for one job. A job that ended without a result leaves its order free while that is open.
CREATE UNIQUE INDEX jobs_one_per_order ON jobs (order_id)
    WHERE status IN ('queued', 'leased', 'running', 'completed');
CREATE INDEX jobs_by_consumer ON jobs (consumer, id DESC);
CREATE INDEX jobs_by_provider ON jobs (provider, id DESC);
CREATE INDEX jobs_by_asset ON jobs (token_id, created_at);
CREATE INDEX jobs_queue ON jobs (provider, id) WHERE status = 'queued';
CREATE INDEX jobs_by_content ON jobs (content_sha256) WHERE content_sha256 IS NOT NULL;
-- Sealed models that jobs begin with.
CREATE INDEX jobs_by_start ON jobs (lower(spec #>> '{start,ciphertext_sha256}'))
    WHERE status IN ('queued', 'leased', 'running');
CREATE INDEX jobs_live ON jobs (order_id) WHERE status IN ('queued', 'leased', 'running');

-- Orders of the further assets that a job uses, beside its own, in its spec's order.
CREATE TABLE job_orders (
    job_id   uuid     NOT NULL,
    position smallint NOT NULL,
    order_id bytea    NOT NULL,
    CONSTRAINT job_orders_pkey PRIMARY KEY (job_id, position),
    CONSTRAINT job_orders_job FOREIGN KEY (job_id) REFERENCES jobs (id),
    CONSTRAINT job_orders_order FOREIGN KEY (order_id) REFERENCES orders (id)
);
CREATE INDEX job_orders_by_order ON job_orders (order_id);

-- The same list as `JobStatus::can_become`; a test compares them.
CREATE TABLE job_transitions (
    from_status text NOT NULL,
    to_status   text NOT NULL,
    CONSTRAINT job_transitions_pkey PRIMARY KEY (from_status, to_status)
);
INSERT INTO job_transitions (from_status, to_status) VALUES
    ('queued', 'leased'), ('queued', 'cancelled'), ('queued', 'expired'),
    ('leased', 'running'), ('leased', 'queued'), ('leased', 'refused'), ('leased', 'failed'),
    ('leased', 'cancelled'), ('leased', 'expired'),
    ('running', 'completed'), ('running', 'queued'), ('running', 'failed'), ('running', 'cancelled'),
    ('running', 'expired');

CREATE FUNCTION jobs_check_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'queued' THEN
            RAISE EXCEPTION 'a job starts as queued and not as %', NEW.status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_transition', TABLE = 'jobs';
        END IF;
    ELSIF NEW.status <> OLD.status AND NOT EXISTS (
        SELECT FROM job_transitions WHERE from_status = OLD.status AND to_status = NEW.status
    ) THEN
        RAISE EXCEPTION 'a job can not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_transition', TABLE = 'jobs';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER jobs_transition BEFORE INSERT OR UPDATE OF status ON jobs
    FOR EACH ROW EXECUTE FUNCTION jobs_check_transition();

CREATE TABLE job_events (
    job_id   uuid        NOT NULL,
    id       bigint      NOT NULL,
    at       timestamptz NOT NULL,
    actor    text        NOT NULL,
    status   text        NOT NULL,
    progress json,
    reason   text,
    CONSTRAINT job_events_pkey PRIMARY KEY (job_id, id),
    CONSTRAINT job_events_job FOREIGN KEY (job_id) REFERENCES jobs (id),
    CONSTRAINT job_events_actor CHECK (actor IN ('consumer', 'provider', 'server'))
);

-- Streams of events wake up on this; it is delivered when the transaction commits.
CREATE FUNCTION job_events_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('job_events', NEW.job_id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER job_events_notify AFTER INSERT ON job_events
    FOR EACH ROW EXECUTE FUNCTION job_events_notify();

CREATE TABLE leases (
    id            uuid        PRIMARY KEY,
    job_id        uuid        NOT NULL,
    provider      bytea       NOT NULL,
    -- The asset's metadata that the lease carried; the receipt must name it.
    metadata_hash bytea       NOT NULL,
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    CONSTRAINT leases_job FOREIGN KEY (job_id) REFERENCES jobs (id)
);
CREATE UNIQUE INDEX leases_one_holder ON leases (job_id) WHERE ended_at IS NULL;
CREATE INDEX leases_by_expiry ON leases (expires_at) WHERE ended_at IS NULL;
