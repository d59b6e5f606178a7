//! Raw logs, read back.

use alloy::primitives::{Address, B256, Log, U256};
use futures_util::{StreamExt, TryStreamExt};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    StoreError,
    column::{address, bigint, hash, token_id_bytes, unsigned},
    events::Position,
};

/// Most logs of one transaction that are read.
const MOST_OF_TRANSACTION: i64 = 1_000;

/// A log as it was indexed.
pub(crate) struct StoredLog {
    pub(crate) at: Position,
    /// Time of its block.
    pub(crate) time: OffsetDateTime,
    pub(crate) log: Log,
    /// Why it could not be projected, if it could not.
    pub(crate) problem: Option<String>,
}

struct Row {
    block_number: i64,
    log_index: i64,
    tx_hash: Vec<u8>,
    contract: Vec<u8>,
    topics: Vec<Vec<u8>>,
    data: Vec<u8>,
    problem: Option<String>,
    at: OffsetDateTime,
}

impl TryFrom<Row> for StoredLog {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let contract: Address = address("events.contract", &row.contract)?;
        let topics = row.topics.iter().map(|topic| hash("events.topics", topic)).collect::<Result<_, _>>()?;
        Ok(Self {
            at: Position {
                block: unsigned("events.block_number", row.block_number)?,
                log: unsigned("events.log_index", row.log_index)?,
                transaction: hash("events.tx_hash", &row.tx_hash)?,
            },
            time: row.at,
            log: Log::new_unchecked(contract, topics, row.data.into()),
            problem: row.problem,
        })
    }
}

/// Logs of a transaction, in their order.
pub(crate) async fn of_transaction(
    connection: &mut PgConnection,
    transaction: B256,
) -> Result<Vec<StoredLog>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT e.block_number, e.log_index, e.tx_hash, e.contract, e.topics, e.data, e.problem, b.at
         FROM events e JOIN chain_blocks b ON b.number = e.block_number
         WHERE e.tx_hash = $1 ORDER BY e.block_number, e.log_index LIMIT $2",
        transaction.as_slice(),
        MOST_OF_TRANSACTION,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(StoredLog::try_from).collect()
}

/// What changed an asset, newest first, each as `read` makes it. Only one log is in memory at a time: metadata is long.
pub(crate) async fn changes<T>(
    connection: &mut PgConnection,
    asset: U256,
    before: Option<(u64, u64)>,
    limit: u32,
    mut read: impl FnMut(StoredLog) -> T,
) -> Result<Vec<T>, StoreError> {
    let (block, log) = before.unwrap_or((i64::MAX as u64, i64::MAX as u64));
    let (block, log) = (bigint("events.block_number", block)?, bigint("events.log_index", log)?);
    sqlx::query_as!(
        Row,
        "SELECT e.block_number, e.log_index, e.tx_hash, e.contract, e.topics, e.data, e.problem, b.at
         FROM events e JOIN chain_blocks b ON b.number = e.block_number
         WHERE e.changed_asset = $1 AND (e.block_number, e.log_index) < ($2, $3)
         ORDER BY e.block_number DESC, e.log_index DESC LIMIT $4",
        &token_id_bytes(asset),
        block,
        log,
        i64::from(limit),
    )
    .fetch(connection)
    .map(|row| row.map_err(StoreError::from).and_then(StoredLog::try_from).map(&mut read))
    .try_collect()
    .await
}

/// One change of an asset, by its place.
pub(crate) async fn change(
    connection: &mut PgConnection,
    asset: U256,
    block: u64,
    log: u64,
) -> Result<Option<StoredLog>, StoreError> {
    let (Ok(block), Ok(log)) = (i64::try_from(block), i64::try_from(log)) else { return Ok(None) };
    let row = sqlx::query_as!(
        Row,
        "SELECT e.block_number, e.log_index, e.tx_hash, e.contract, e.topics, e.data, e.problem, b.at
         FROM events e JOIN chain_blocks b ON b.number = e.block_number
         WHERE e.changed_asset = $1 AND e.block_number = $2 AND e.log_index = $3",
        &token_id_bytes(asset),
        block,
        log,
    )
    .fetch_optional(connection)
    .await?;
    row.map(StoredLog::try_from).transpose()
}
