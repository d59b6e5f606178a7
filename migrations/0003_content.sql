-- Ciphertext. The bytes are in the object store.

-- Which objects make a blob: what one upload, or one sealed result, brought. A blob is named by its upload's id or by the
-- job's `result_object`. Objects of the store that are not here are deleted a day after they were written.
CREATE TABLE pieces (
    blob   uuid   NOT NULL,
    -- Where the piece starts in the blob. There are no gaps.
    start  bigint NOT NULL,
    bytes  bigint NOT NULL,
    object uuid   NOT NULL,
    CONSTRAINT pieces_pkey PRIMARY KEY (blob, start),
    CONSTRAINT pieces_object_once UNIQUE (object),
    CONSTRAINT pieces_lengths CHECK (start >= 0 AND bytes > 0)
);

CREATE TABLE contents (
    sha256    bytea       PRIMARY KEY,
    bytes     bigint      NOT NULL,
    blob      uuid        NOT NULL,
    stored_at timestamptz NOT NULL,
    -- Since when no asset's document names it, as far as is known; null while one does.
    unnamed_since timestamptz,
    CONSTRAINT contents_lengths CHECK (octet_length(sha256) = 32 AND bytes >= 0)
);
CREATE INDEX contents_unnamed ON contents (unnamed_since) WHERE unnamed_since IS NOT NULL;
CREATE INDEX assets_by_content ON assets (content_sha256) WHERE content_sha256 IS NOT NULL;

CREATE TABLE uploads (
    id           uuid        PRIMARY KEY,
    account      bytea       NOT NULL,
    sha256       bytea       NOT NULL,
    bytes        bigint      NOT NULL,
    complete     boolean     NOT NULL DEFAULT false,
    -- So many bytes are stored, from the start, and this is the state of SHA-256 after them; null after none.
    stored_bytes bigint      NOT NULL DEFAULT 0,
    hash_state   bytea,
    -- The request that may add bytes: the one that came last.
    writer       uuid,
    created_at   timestamptz NOT NULL,
    -- When bytes were last stored.
    written_at   timestamptz NOT NULL,
    CONSTRAINT uploads_lengths CHECK (octet_length(account) = 20 AND octet_length(sha256) = 32 AND bytes >= 0),
    CONSTRAINT uploads_stored CHECK (stored_bytes BETWEEN 0 AND bytes AND (NOT complete OR stored_bytes = bytes))
);
CREATE INDEX uploads_open ON uploads (written_at) WHERE NOT complete;
CREATE INDEX uploads_by_content ON uploads (sha256) WHERE complete;
