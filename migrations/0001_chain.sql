-- What the chain said. Everything in this file can be rebuilt from the chain alone.

-- The market that this database follows: one row, written by the first start and never changed in its identity.
CREATE TABLE market (
    singleton      boolean PRIMARY KEY DEFAULT true,
    chain_id       bigint  NOT NULL,
    asset_registry bytea   NOT NULL,
    market         bytea   NOT NULL,
    orders         bytea   NOT NULL,
    start_block    bigint  NOT NULL,
    -- Last block whose events are all projected; null before the first.
    indexed_block  bigint,
    CONSTRAINT market_one_row CHECK (singleton),
    CONSTRAINT market_addresses CHECK (
        octet_length(asset_registry) = 20 AND octet_length(market) = 20 AND octet_length(orders) = 20
    )
);

CREATE TABLE chain_blocks (
    number      bigint      PRIMARY KEY,
    hash        bytea       NOT NULL,
    parent_hash bytea       NOT NULL,
    at          timestamptz NOT NULL,
    CONSTRAINT chain_blocks_hash_once UNIQUE (hash),
    CONSTRAINT chain_blocks_hashes CHECK (octet_length(hash) = 32 AND octet_length(parent_hash) = 32)
);

-- Every log of the market's contracts, raw.
CREATE TABLE events (
    block_number bigint   NOT NULL,
    log_index    bigint   NOT NULL,
    tx_hash      bytea    NOT NULL,
    contract     bytea    NOT NULL,
    topics       bytea[]  NOT NULL,
    data         bytea    NOT NULL,
    -- Asset whose metadata, owner, state or terms of sale it changed; null for every other log.
    changed_asset bytea,
    -- Why it could not be projected, if it could not.
    problem      text,
    CONSTRAINT events_pkey PRIMARY KEY (block_number, log_index),
    CONSTRAINT events_block FOREIGN KEY (block_number) REFERENCES chain_blocks (number)
);
CREATE INDEX events_by_changed_asset ON events (changed_asset, block_number DESC, log_index DESC)
    WHERE changed_asset IS NOT NULL;
CREATE INDEX events_by_transaction ON events (tx_hash);

-- Payment tokens, as their contracts describe themselves.
CREATE TABLE tokens (
    address  bytea    PRIMARY KEY,
    decimals smallint NOT NULL,
    symbol   text     NOT NULL,
    CONSTRAINT tokens_address CHECK (octet_length(address) = 20),
    CONSTRAINT tokens_decimals CHECK (decimals BETWEEN 0 AND 255)
);

CREATE TABLE assets (
    -- ERC-721 token id, 32 bytes big endian.
    token_id        bytea       PRIMARY KEY,
    publisher       bytea       NOT NULL,
    state           text        NOT NULL,
    metadata_hash   bytea       NOT NULL,
    -- The published bytes, whatever they are.
    metadata        bytea       NOT NULL,
    name            text        NOT NULL,
    description     text        NOT NULL,
    -- From a valid document of a data set: SHA-256 of the ciphertext and the wallet that may fetch it. An algorithm has none.
    content_sha256  bytea,
    provider        bytea,
    -- From it as well: words to find it by, each once; terms of the data; numbers of the services that hand the data over.
    keywords        text[]      NOT NULL,
    license         text        NOT NULL,
    downloads       bigint[]    NOT NULL,
    -- Why the document can not be shown; null if it can.
    hidden_reason   text,
    tx_hash         bytea       NOT NULL,
    block_number    bigint      NOT NULL,
    log_index       bigint      NOT NULL,
    published_at    timestamptz NOT NULL,
    CONSTRAINT assets_published_once UNIQUE (block_number, log_index),
    CONSTRAINT assets_state CHECK (state IN ('active', 'retired', 'revoked', 'ordering_disabled', 'unlisted')),
    CONSTRAINT assets_lengths CHECK (
        octet_length(token_id) = 32 AND octet_length(publisher) = 20 AND octet_length(metadata_hash) = 32
        AND octet_length(content_sha256) = 32 AND octet_length(provider) = 20
    )
);
CREATE INDEX assets_by_keyword ON assets USING gin (keywords);
CREATE INDEX assets_by_publisher ON assets (publisher, block_number DESC, log_index DESC);

CREATE TABLE services (
    datatoken     bytea    PRIMARY KEY,
    token_id      bytea    NOT NULL,
    service_index bigint   NOT NULL,
    provider      bytea    NOT NULL,
    payment_token bytea    NOT NULL,
    price         numeric(78, 0) NOT NULL,
    paused        boolean  NOT NULL DEFAULT false,
    referral_bps  integer  NOT NULL DEFAULT 0,
    -- The contract that says who may order; null if everyone may.
    gate          bytea,
    -- Whole datatokens that are given away while the price is 0, to each account and to all; 0 for no limit.
    free_per_wallet numeric(20, 0) NOT NULL DEFAULT 0,
    free_total      numeric(20, 0) NOT NULL DEFAULT 0,
    CONSTRAINT services_asset FOREIGN KEY (token_id) REFERENCES assets (token_id),
    CONSTRAINT services_payment_token FOREIGN KEY (payment_token) REFERENCES tokens (address),
    CONSTRAINT services_index_once UNIQUE (token_id, service_index),
    CONSTRAINT services_lengths CHECK (
        octet_length(datatoken) = 20 AND octet_length(provider) = 20 AND octet_length(gate) = 20
    )
);

CREATE TABLE orders (
    id            bytea    PRIMARY KEY,
    token_id      bytea    NOT NULL,
    datatoken     bytea    NOT NULL,
    consumer      bytea    NOT NULL,
    provider      bytea    NOT NULL,
    request_hash  bytea    NOT NULL,
    deadline      bigint   NOT NULL,
    salt          bytea    NOT NULL,
    escrow_token  bytea    NOT NULL,
    escrow_amount numeric(78, 0) NOT NULL,
    referrer      bytea    NOT NULL,
    referral_fee  numeric(78, 0) NOT NULL,
    protocol_fee  numeric(78, 0) NOT NULL,
    status        text     NOT NULL,
    opened_tx     bytea    NOT NULL,
    opened_block  bigint   NOT NULL,
    opened_log    bigint   NOT NULL,
    opened_at     timestamptz NOT NULL,
    ended_tx      bytea,
    receipt_hash  bytea,
    CONSTRAINT orders_opened_once UNIQUE (opened_block, opened_log),
    CONSTRAINT orders_service FOREIGN KEY (datatoken) REFERENCES services (datatoken),
    CONSTRAINT orders_status CHECK (status IN ('open', 'fulfilled', 'cancelled', 'returned')),
    CONSTRAINT orders_end CHECK ((status = 'open') = (ended_tx IS NULL)),
    CONSTRAINT orders_receipt CHECK ((status = 'fulfilled') = (receipt_hash IS NOT NULL)),
    CONSTRAINT orders_lengths CHECK (
        octet_length(id) = 32 AND octet_length(consumer) = 20 AND octet_length(provider) = 20
        AND octet_length(request_hash) = 32 AND octet_length(salt) = 32
    )
);
CREATE INDEX orders_by_consumer ON orders (consumer, opened_block DESC, opened_log DESC);
CREATE INDEX orders_by_provider ON orders (provider, opened_block DESC, opened_log DESC);
CREATE INDEX orders_by_asset ON orders (token_id, opened_at);

-- What was paid for assets and is final: sales of datatokens, and orders that were fulfilled.
CREATE TABLE revenue (
    block_number  bigint      NOT NULL,
    log_index     bigint      NOT NULL,
    at            timestamptz NOT NULL,
    token_id      bytea       NOT NULL,
    buyer         bytea       NOT NULL,
    -- Whole datatokens that were sold; 0 for an order.
    datatokens    numeric(78, 0) NOT NULL,
    payment_token bytea       NOT NULL,
    paid          numeric(78, 0) NOT NULL,
    -- Parts of what was paid: they add up to it.
    earned        numeric(78, 0) NOT NULL,
    referral_fee  numeric(78, 0) NOT NULL,
    protocol_fee  numeric(78, 0) NOT NULL,
    CONSTRAINT revenue_pkey PRIMARY KEY (block_number, log_index),
    CONSTRAINT revenue_block FOREIGN KEY (block_number) REFERENCES chain_blocks (number),
    CONSTRAINT revenue_asset FOREIGN KEY (token_id) REFERENCES assets (token_id),
    CONSTRAINT revenue_payment_token FOREIGN KEY (payment_token) REFERENCES tokens (address),
    CONSTRAINT revenue_lengths CHECK (octet_length(buyer) = 20)
);
CREATE INDEX revenue_by_asset ON revenue (token_id, at);
