//! Blocks that were indexed.

use alloy::primitives::B256;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    StoreError,
    column::{bigint, hash},
};

/// A block as it was indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) parent_hash: B256,
    pub(crate) at: OffsetDateTime,
}

pub(crate) async fn insert(connection: &mut PgConnection, block: &Block) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO chain_blocks (number, hash, parent_hash, at) VALUES ($1, $2, $3, $4)",
        bigint("chain_blocks.number", block.number)?,
        block.hash.as_slice(),
        block.parent_hash.as_slice(),
        block.at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Time of an indexed block.
pub(crate) async fn time_of(connection: &mut PgConnection, number: u64) -> Result<Option<OffsetDateTime>, StoreError> {
    let number = bigint("chain_blocks.number", number)?;
    Ok(sqlx::query_scalar!("SELECT at FROM chain_blocks WHERE number = $1", number).fetch_optional(connection).await?)
}

pub(crate) async fn hash_of(connection: &mut PgConnection, number: u64) -> Result<Option<B256>, StoreError> {
    let number = bigint("chain_blocks.number", number)?;
    let row = sqlx::query_scalar!("SELECT hash FROM chain_blocks WHERE number = $1", number)
        .fetch_optional(connection)
        .await?;
    row.map(|bytes| hash("chain_blocks.hash", &bytes)).transpose()
}
