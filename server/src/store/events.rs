//! Raw logs of the market's contracts.

use alloy::{primitives::B256, rpc::types::Log};
use sqlx::PgConnection;

use super::{StoreError, column::bigint};

/// Where a log is on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) block: u64,
    pub(crate) log: u64,
    pub(crate) transaction: B256,
}

/// Stores a log; `problem` says why it could not be projected.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    at: Position,
    log: &Log,
    problem: Option<&str>,
) -> Result<(), StoreError> {
    let topics: Vec<Vec<u8>> = log.topics().iter().map(|t| t.to_vec()).collect();
    let (contract, data): (_, &[u8]) = (log.address(), &log.data().data);
    let (block, index) = (bigint("events.block_number", at.block)?, bigint("events.log_index", at.log)?);
    sqlx::query!(
        "INSERT INTO events (block_number, log_index, tx_hash, contract, topics, data, problem)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        block,
        index,
        at.transaction.as_slice(),
        contract.as_slice(),
        &topics,
        data,
        problem,
    )
    .execute(connection)
    .await?;
    Ok(())
}
