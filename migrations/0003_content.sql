-- Ciphertext. The bytes are in the object store, named by their hash.

CREATE TABLE contents (
    sha256    bytea       PRIMARY KEY,
    bytes     bigint      NOT NULL,
    stored_at timestamptz NOT NULL,
    CONSTRAINT contents_lengths CHECK (octet_length(sha256) = 32 AND bytes >= 0)
);

CREATE TABLE uploads (
    id         uuid        PRIMARY KEY,
    account    bytea       NOT NULL,
    sha256     bytea       NOT NULL,
    bytes      bigint      NOT NULL,
    complete   boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    CONSTRAINT uploads_lengths CHECK (octet_length(account) = 20 AND octet_length(sha256) = 32 AND bytes >= 0)
);
