//! Assets, as their events left them.

use alloy::primitives::{Address, B256, U256};
use atoll_protocol::api::{AssetKind, AssetState};
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

pub(super) struct Row {
    pub(super) token_id: Vec<u8>,
    pub(super) publisher: Vec<u8>,
    pub(super) state: String,
    pub(super) metadata_hash: Vec<u8>,
    pub(super) metadata: Vec<u8>,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) content_sha256: Option<Vec<u8>>,
    pub(super) provider: Option<Vec<u8>>,
    pub(super) hidden_reason: Option<String>,
    pub(super) tx_hash: Vec<u8>,
    pub(super) block_number: i64,
    pub(super) log_index: i64,
    pub(super) published_at: OffsetDateTime,
}

impl Asset {
    /// What it is; a hidden one is taken for data.
    pub(crate) fn kind(&self) -> AssetKind {
        let is_algorithm = self.hidden_reason.is_none() && self.content_sha256.is_none();
        if is_algorithm { AssetKind::Algorithm } else { AssetKind::Dataset }
    }
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
    /// Each once.
    pub(crate) keywords: Vec<String>,
    pub(crate) license: String,
    /// Numbers of the services that hand the data over.
    pub(crate) downloads: Vec<u32>,
    pub(crate) hidden_reason: Option<String>,
}

impl Projection {
    fn downloads(&self) -> Vec<i64> {
        self.downloads.iter().map(|index| i64::from(*index)).collect()
    }
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
                             provider, hidden_reason, tx_hash, block_number, log_index, published_at, keywords, license,
                             downloads)
         VALUES ($1, $2, 'active', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
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
        &projection.keywords,
        projection.license,
        &projection.downloads(),
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
                           provider = $7, hidden_reason = $8, keywords = $9, license = $10, downloads = $11
         WHERE token_id = $1",
        &token_id_bytes(id),
        metadata.hash.as_slice(),
        metadata.bytes,
        projection.name,
        projection.description,
        projection.content_sha256.as_ref().map(|h| h.as_slice()),
        projection.provider.as_ref().map(|a| a.as_slice()),
        projection.hidden_reason,
        &projection.keywords,
        projection.license,
        &projection.downloads(),
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
