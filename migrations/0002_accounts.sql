-- Sign-in, retries and what accounts told the server about themselves.

CREATE TABLE nonces (
    nonce      text        PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

CREATE TABLE sessions (
    -- SHA-256 of the bearer token; the token itself is nowhere.
    token_hash bytea       PRIMARY KEY,
    account    bytea       NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT sessions_lengths CHECK (octet_length(token_hash) = 32 AND octet_length(account) = 20)
);

-- The answer to a creating request, kept in the transaction of its effect.
CREATE TABLE idempotency_keys (
    account      bytea       NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    -- Null only inside the transaction that makes it.
    answer       json,
    created_at   timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (account, key),
    CONSTRAINT idempotency_keys_length CHECK (octet_length(key) BETWEEN 1 AND 255)
);

CREATE TABLE providers (
    address      bytea       PRIMARY KEY,
    public_key   bytea       NOT NULL,
    sandbox      text[]      NOT NULL,
    trainer_hash bytea       NOT NULL,
    seen_at      timestamptz NOT NULL,
    CONSTRAINT providers_lengths CHECK (
        octet_length(address) = 20 AND octet_length(public_key) = 32 AND octet_length(trainer_hash) = 32
    )
);
