//! Raw logs of the market's contracts.

use alloy::{
    primitives::{B256, U256},
    rpc::types::Log,
};
use sqlx::PgConnection;

use super::{
    StoreError,
    column::{bigint, token_id_bytes},
};

/// Where a log is on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) block: u64,
    pub(crate) log: u64,
    pub(crate) transaction: B256,
}

/// Stores a log; `changed_asset` says whose history it belongs to, `problem` says why it could not be projected.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    at: Position,
    log: &Log,
    changed_asset: Option<U256>,
    problem: Option<&str>,
) -> Result<(), StoreError> {
    let topics: Vec<Vec<u8>> = log.topics().iter().map(|t| t.to_vec()).collect();
    let (contract, data): (_, &[u8]) = (log.address(), &log.data().data);
    let changed_asset = changed_asset.map(token_id_bytes);
    let (block, index) = (bigint("events.block_number", at.block)?, bigint("events.log_index", at.log)?);
    sqlx::query!(
        "INSERT INTO events (block_number, log_index, tx_hash, contract, topics, data, changed_asset, problem)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        block,
        index,
        at.transaction.as_slice(),
        contract.as_slice(),
        &topics,
        data,
        changed_asset.as_ref().map(|id| id.as_slice()),
        problem,
    )
    .execute(connection)
    .await?;
    Ok(())
}
