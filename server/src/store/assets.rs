//! Assets, as their events left them.

use alloy::primitives::{Address, B256, U256};
use atoll_protocol::api::AssetState;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    StoreError,
    column::{address, bigint, by_name, hash, name_of, token_id, token_id_bytes, unsigned},
    events::Position,
};

/// An asset's row.
#[derive(Clone, Debug)]
pub(crate) struct Asset {
    pub(crate) token_id: U256,
    pub(crate) publisher: Address,
    pub(crate) state: AssetState,
    pub(crate) metadata_hash: B256,
    pub(crate) metadata: Vec<u8>,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) content_sha256: Option<B256>,
    pub(crate) provider: Option<Address>,
    pub(crate) hidden_reason: Option<String>,
    pub(crate) at: Position,
    pub(crate) published_at: OffsetDateTime,
}

struct Row {
    token_id: Vec<u8>,
    publisher: Vec<u8>,
    state: String,
    metadata_hash: Vec<u8>,
    metadata: Vec<u8>,
    name: String,
    description: String,
    content_sha256: Option<Vec<u8>>,
    provider: Option<Vec<u8>>,
    hidden_reason: Option<String>,
    tx_hash: Vec<u8>,
    block_number: i64,
    log_index: i64,
    published_at: OffsetDateTime,
}

impl TryFrom<Row> for Asset {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            token_id: token_id("assets.token_id", &row.token_id)?,
            publisher: address("assets.publisher", &row.publisher)?,
            state: by_name("assets.state", row.state)?,
            metadata_hash: hash("assets.metadata_hash", &row.metadata_hash)?,
            metadata: row.metadata,
            name: row.name,
            description: row.description,
            content_sha256: row.content_sha256.map(|b| hash("assets.content_sha256", &b)).transpose()?,
            provider: row.provider.map(|b| address("assets.provider", &b)).transpose()?,
            hidden_reason: row.hidden_reason,
            at: Position {
                block: unsigned("assets.block_number", row.block_number)?,
                log: unsigned("assets.log_index", row.log_index)?,
                transaction: hash("assets.tx_hash", &row.tx_hash)?,
            },
            published_at: row.published_at,
        })
    }
}

/// What is taken from the metadata, or why nothing could be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Projection {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) content_sha256: Option<B256>,
    pub(crate) provider: Option<Address>,
    pub(crate) hidden_reason: Option<String>,
}

/// Published metadata.
pub(crate) struct Metadata<'a> {
    pub(crate) hash: B256,
    pub(crate) bytes: &'a [u8],
    pub(crate) projection: Projection,
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    id: U256,
    publisher: Address,
    metadata: &Metadata<'_>,
    at: Position,
    published_at: OffsetDateTime,
) -> Result<(), StoreError> {
    let projection = &metadata.projection;
    sqlx::query!(
        "INSERT INTO assets (token_id, publisher, state, metadata_hash, metadata, name, description, content_sha256,
                             provider, hidden_reason, tx_hash, block_number, log_index, published_at)
         VALUES ($1, $2, 'active', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &token_id_bytes(id),
        publisher.as_slice(),
        metadata.hash.as_slice(),
        metadata.bytes,
        projection.name,
        projection.description,
        projection.content_sha256.as_ref().map(|h| h.as_slice()),
        projection.provider.as_ref().map(|a| a.as_slice()),
        projection.hidden_reason,
        at.transaction.as_slice(),
        bigint("assets.block_number", at.block)?,
        bigint("assets.log_index", at.log)?,
        published_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn set_metadata(
    connection: &mut PgConnection,
    id: U256,
    metadata: &Metadata<'_>,
) -> Result<bool, StoreError> {
    let projection = &metadata.projection;
    let done = sqlx::query!(
        "UPDATE assets SET metadata_hash = $2, metadata = $3, name = $4, description = $5, content_sha256 = $6,
                           provider = $7, hidden_reason = $8
         WHERE token_id = $1",
        &token_id_bytes(id),
        metadata.hash.as_slice(),
        metadata.bytes,
        projection.name,
        projection.description,
        projection.content_sha256.as_ref().map(|h| h.as_slice()),
        projection.provider.as_ref().map(|a| a.as_slice()),
        projection.hidden_reason,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn set_publisher(
    connection: &mut PgConnection,
    id: U256,
    publisher: Address,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query!("UPDATE assets SET publisher = $2 WHERE token_id = $1", &token_id_bytes(id), publisher.as_slice())
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn set_state(connection: &mut PgConnection, id: U256, state: AssetState) -> Result<bool, StoreError> {
    let done = sqlx::query!("UPDATE assets SET state = $2 WHERE token_id = $1", &token_id_bytes(id), name_of(state))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether there is an asset, shown or hidden.
pub(crate) async fn exists(connection: &mut PgConnection, id: U256) -> Result<bool, StoreError> {
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM assets WHERE token_id = $1) AS "known!""#,
        &token_id_bytes(id)
    )
    .fetch_one(connection)
    .await?;
    Ok(known)
}

pub(crate) async fn find(connection: &mut PgConnection, id: U256) -> Result<Option<Asset>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT token_id, publisher, state, metadata_hash, metadata, name, description, content_sha256, provider,
                hidden_reason, tx_hash, block_number, log_index, published_at
         FROM assets WHERE token_id = $1",
        &token_id_bytes(id)
    )
    .fetch_optional(connection)
    .await?;
    row.map(Asset::try_from).transpose()
}

/// Which assets to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// Words that occur in the name or the description.
    pub(crate) text: Option<String>,
    /// Owner of the token.
    pub(crate) publisher: Option<Address>,
    pub(crate) state: Option<AssetState>,
    /// What one of its services is sold for.
    pub(crate) payment_token: Option<Address>,
    /// Most that this service costs, in base units.
    pub(crate) max_price: Option<U256>,
    /// Only those published before this position.
    pub(crate) before: Option<(u64, u64)>,
}

/// Assets that are to be found, newest first.
pub(crate) async fn search(
    connection: &mut PgConnection,
    search: &Search,
    limit: u32,
) -> Result<Vec<Asset>, StoreError> {
    let pattern = search.text.as_ref().map(|text| {
        let literal = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        format!("%{literal}%")
    });
    let (block, log) = search.before.unwrap_or((i64::MAX as u64, i64::MAX as u64));
    let rows = sqlx::query_as!(
        Row,
        "SELECT token_id, publisher, state, metadata_hash, metadata, name, description, content_sha256, provider,
                hidden_reason, tx_hash, block_number, log_index, published_at
         FROM assets
         WHERE state IN ('active', 'ordering_disabled') AND hidden_reason IS NULL
           AND ($1::text IS NULL OR name ILIKE $1 OR description ILIKE $1)
           AND ($2::bytea IS NULL OR publisher = $2)
           AND (block_number, log_index) < ($3, $4)
           AND ($6::text IS NULL OR state = $6)
           AND ($7::bytea IS NULL OR EXISTS (
               SELECT FROM services s
               WHERE s.token_id = assets.token_id AND s.payment_token = $7
                 AND ($8::text IS NULL OR s.price <= $8::text::numeric)
           ))
         ORDER BY block_number DESC, log_index DESC LIMIT $5",
        pattern,
        search.publisher.as_ref().map(|a| a.as_slice()),
        bigint("assets.block_number", block)?,
        bigint("assets.log_index", log)?,
        i64::from(limit),
        search.state.map(name_of),
        search.payment_token.as_ref().map(|a| a.as_slice()),
        search.max_price.map(|price| price.to_string()),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Asset::try_from).collect()
}
