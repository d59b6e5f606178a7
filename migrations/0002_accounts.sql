-- Sign-in, retries and what accounts told the server about themselves.

CREATE TABLE nonces (
    nonce      text        PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

CREATE TABLE sessions (
    -- SHA-256 of the bearer token; the token itself is nowhere.
    token_hash bytea       PRIMARY KEY,
    -- What the session is listed and revoked by. It lets nobody in.
    id         uuid        NOT NULL,
    account    bytea       NOT NULL,
    -- True if the token is in a page's cookie.
    cookie     boolean     NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT sessions_id_once UNIQUE (id),
    CONSTRAINT sessions_lengths CHECK (octet_length(token_hash) = 32 AND octet_length(account) = 20)
);
CREATE INDEX sessions_by_account ON sessions (account, id DESC);

-- The keys that accounts registered, each with its proof. A row is replaced and never deleted: its `issued_at` keeps
-- older registrations from coming back.
CREATE TABLE account_keys (
    account       bytea       NOT NULL,
    purpose       text        NOT NULL,
    key           bytea       NOT NULL,
    issued_at     bigint      NOT NULL,
    deadline      bigint      NOT NULL,
    signature     bytea       NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT account_keys_pkey PRIMARY KEY (account, purpose),
    CONSTRAINT account_keys_purpose CHECK (purpose IN ('consumer', 'publisher', 'provider')),
    CONSTRAINT account_keys_lengths CHECK (octet_length(account) = 20 AND octet_length(key) = 32)
);

-- The answer to a creating request, kept in the transaction of its effect. A key is one account's own at one route.
CREATE TABLE idempotency_keys (
    account      bytea       NOT NULL,
    route        text        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    answer       json        NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (account, route, key),
    CONSTRAINT idempotency_keys_length CHECK (octet_length(key) BETWEEN 1 AND 255)
);

CREATE TABLE providers (
    address      bytea       PRIMARY KEY,
    public_key   bytea       NOT NULL,
    sandbox      text[]      NOT NULL,
    trainer_hash bytea       NOT NULL,
    -- The machine: cores, memory in MiB, how many jobs a runner has at once, and how quickly a worker computes, if that was
    -- measured.
    cores        integer     NOT NULL,
    memory_mib   integer     NOT NULL,
    jobs_at_once integer     NOT NULL,
    flops_per_second bigint,
    seen_at      timestamptz NOT NULL,
    CONSTRAINT providers_lengths CHECK (
        octet_length(address) = 20 AND octet_length(public_key) = 32 AND octet_length(trainer_hash) = 32
    ),
    CONSTRAINT providers_environment CHECK (
        cores BETWEEN 1 AND 65536 AND memory_mib > 0 AND jobs_at_once BETWEEN 1 AND 65536 AND flops_per_second > 0
    )
);

-- The head of a provider's privacy ledger, and what it says was spent of each data set, as the provider last told.
CREATE TABLE privacy_ledgers (
    provider    bytea       PRIMARY KEY,
    head        bytea       NOT NULL,
    reported_at timestamptz NOT NULL,
    CONSTRAINT privacy_ledgers_lengths CHECK (octet_length(provider) = 20 AND octet_length(head) = 32)
);

CREATE TABLE privacy_spent (
    provider       bytea  NOT NULL,
    token_id       bytea  NOT NULL,
    -- The zero address stands for all buyers together.
    buyer          bytea  NOT NULL,
    jobs           bigint NOT NULL,
    epsilon_micros bigint NOT NULL,
    CONSTRAINT privacy_spent_pkey PRIMARY KEY (provider, token_id, buyer),
    CONSTRAINT privacy_spent_ledger FOREIGN KEY (provider) REFERENCES privacy_ledgers (provider) ON DELETE CASCADE,
    CONSTRAINT privacy_spent_lengths CHECK (octet_length(token_id) = 32 AND octet_length(buyer) = 20),
    CONSTRAINT privacy_spent_range CHECK (jobs > 0 AND epsilon_micros >= 0)
);
