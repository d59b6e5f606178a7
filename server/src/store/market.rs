//! Which market this database follows, and how far.

use alloy::primitives::Address;
use sqlx::PgConnection;

use super::{
    StoreError,
    column::{address, bigint, unsigned},
};
use crate::deployment::Deployment;

/// Writes the market's identity into an empty database and returns what the database now says it follows.
pub(crate) async fn adopt(connection: &mut PgConnection, deployment: &Deployment) -> Result<Deployment, StoreError> {
    sqlx::query!(
        "INSERT INTO market (chain_id, asset_registry, market, orders, start_block) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (singleton) DO NOTHING",
        bigint("market.chain_id", deployment.chain_id)?,
        deployment.asset_registry.as_slice(),
        deployment.market.as_slice(),
        deployment.orders.as_slice(),
        bigint("market.start_block", deployment.start_block)?,
    )
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query!("SELECT chain_id, asset_registry, market, orders, start_block FROM market")
        .fetch_one(connection)
        .await?;
    let contract = |column, bytes: &[u8]| -> Result<Address, StoreError> { address(column, bytes) };
    Ok(Deployment {
        chain_id: unsigned("market.chain_id", row.chain_id)?,
        start_block: unsigned("market.start_block", row.start_block)?,
        asset_registry: contract("market.asset_registry", &row.asset_registry)?,
        market: contract("market.market", &row.market)?,
        orders: contract("market.orders", &row.orders)?,
    })
}

/// The last indexed block, if any.
pub(crate) async fn indexed_block(connection: &mut PgConnection) -> Result<Option<u64>, StoreError> {
    let number = sqlx::query_scalar!("SELECT indexed_block FROM market").fetch_optional(connection).await?.flatten();
    number.map(|n| unsigned("market.indexed_block", n)).transpose()
}

/// Moves the cursor on from `from` to `to`. False if another indexer was faster.
pub(crate) async fn advance(connection: &mut PgConnection, from: Option<u64>, to: u64) -> Result<bool, StoreError> {
    let from = from.map(|n| bigint("market.indexed_block", n)).transpose()?;
    let done = sqlx::query!(
        "UPDATE market SET indexed_block = $2 WHERE indexed_block IS NOT DISTINCT FROM $1",
        from,
        bigint("market.indexed_block", to)?,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
