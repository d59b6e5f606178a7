//! Orders, as their events left them.

use alloy::primitives::{Address, B256, U256};
use atoll_protocol::{
    api::{OrderStatus, OrderTerms},
    contracts,
};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    StoreError,
    column::{address, bigint, by_name, hash, name_of, token_id, token_id_bytes, unsigned},
    events::Position,
};

/// An order's row.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: B256,
    pub(crate) token_id: U256,
    pub(crate) terms: OrderTerms,
    pub(crate) status: OrderStatus,
    pub(crate) opened: Position,
    pub(crate) opened_at: OffsetDateTime,
    pub(crate) ended_in: Option<B256>,
    pub(crate) receipt_hash: Option<B256>,
}

struct Row {
    id: Vec<u8>,
    token_id: Vec<u8>,
    datatoken: Vec<u8>,
    consumer: Vec<u8>,
    provider: Vec<u8>,
    request_hash: Vec<u8>,
    deadline: i64,
    salt: Vec<u8>,
    escrow_token: Vec<u8>,
    escrow_amount: String,
    referrer: Vec<u8>,
    referral_fee: String,
    protocol_fee: String,
    status: String,
    opened_tx: Vec<u8>,
    opened_block: i64,
    opened_log: i64,
    opened_at: OffsetDateTime,
    ended_tx: Option<Vec<u8>>,
    receipt_hash: Option<Vec<u8>>,
}

impl TryFrom<Row> for Order {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let token_id = token_id("orders.token_id", &row.token_id)?;
        Ok(Self {
            id: hash("orders.id", &row.id)?,
            token_id,
            terms: OrderTerms {
                asset_id: token_id.to_string(),
                datatoken: address("orders.datatoken", &row.datatoken)?,
                consumer: address("orders.consumer", &row.consumer)?,
                provider: address("orders.provider", &row.provider)?,
                request_hash: hash("orders.request_hash", &row.request_hash)?,
                deadline: unsigned("orders.deadline", row.deadline)?,
                salt: hash("orders.salt", &row.salt)?,
                escrow_token: address("orders.escrow_token", &row.escrow_token)?,
                escrow_amount: row.escrow_amount,
                referrer: address("orders.referrer", &row.referrer)?,
                referral_fee: row.referral_fee,
                protocol_fee: row.protocol_fee,
            },
            status: by_name("orders.status", row.status)?,
            opened: Position {
                block: unsigned("orders.opened_block", row.opened_block)?,
                log: unsigned("orders.opened_log", row.opened_log)?,
                transaction: hash("orders.opened_tx", &row.opened_tx)?,
            },
            opened_at: row.opened_at,
            ended_in: row.ended_tx.map(|b| hash("orders.ended_tx", &b)).transpose()?,
            receipt_hash: row.receipt_hash.map(|b| hash("orders.receipt_hash", &b)).transpose()?,
        })
    }
}

/// Adds an open order; false if its service is not known.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    id: B256,
    order: &contracts::Order,
    at: Position,
    opened_at: OffsetDateTime,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO orders (id, token_id, datatoken, consumer, provider, request_hash, deadline, salt, escrow_token,
                             escrow_amount, referrer, referral_fee, protocol_fee, status, opened_tx, opened_block,
                             opened_log, opened_at)
         SELECT $1::bytea, $2::bytea, $3::bytea, $4::bytea, $5::bytea, $6::bytea, $7::bigint, $8::bytea, $9::bytea,
                $10::text::numeric, $11::bytea, $12::text::numeric, $13::text::numeric, 'open', $14::bytea,
                $15::bigint, $16::bigint, $17::timestamptz
         WHERE EXISTS (SELECT FROM services WHERE datatoken = $3)",
        id.as_slice(),
        &token_id_bytes(order.assetId),
        order.datatoken.as_slice(),
        order.consumer.as_slice(),
        order.provider.as_slice(),
        order.requestHash.as_slice(),
        bigint("orders.deadline", order.deadline)?,
        order.salt.as_slice(),
        order.escrowToken.as_slice(),
        order.escrowAmount.to_string(),
        order.referrer.as_slice(),
        order.referralFee.to_string(),
        order.protocolFee.to_string(),
        at.transaction.as_slice(),
        bigint("orders.opened_block", at.block)?,
        bigint("orders.opened_log", at.log)?,
        opened_at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends an open order.
pub(crate) async fn end(
    connection: &mut PgConnection,
    id: B256,
    status: OrderStatus,
    transaction: B256,
    receipt_hash: Option<B256>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE orders SET status = $2, ended_tx = $3, receipt_hash = $4 WHERE id = $1 AND status = 'open'",
        id.as_slice(),
        name_of(status),
        transaction.as_slice(),
        receipt_hash.as_ref().map(|h| h.as_slice()),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn find(connection: &mut PgConnection, id: B256) -> Result<Option<Order>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, token_id, datatoken, consumer, provider, request_hash, deadline, salt, escrow_token,
                  escrow_amount::text AS "escrow_amount!", referrer, referral_fee::text AS "referral_fee!",
                  protocol_fee::text AS "protocol_fee!", status, opened_tx, opened_block, opened_log, opened_at,
                  ended_tx, receipt_hash
           FROM orders WHERE id = $1"#,
        id.as_slice()
    )
    .fetch_optional(connection)
    .await?;
    row.map(Order::try_from).transpose()
}

/// Orders of which the account is the consumer or the provider, newest first.
pub(crate) async fn list(
    connection: &mut PgConnection,
    account: Address,
    status: Option<OrderStatus>,
    before: Option<(u64, u64)>,
    limit: u32,
) -> Result<Vec<Order>, StoreError> {
    let (block, log) = before.unwrap_or((i64::MAX as u64, i64::MAX as u64));
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, token_id, datatoken, consumer, provider, request_hash, deadline, salt, escrow_token,
                  escrow_amount::text AS "escrow_amount!", referrer, referral_fee::text AS "referral_fee!",
                  protocol_fee::text AS "protocol_fee!", status, opened_tx, opened_block, opened_log, opened_at,
                  ended_tx, receipt_hash
           FROM orders
           WHERE (consumer = $1 OR provider = $1) AND ($2::text IS NULL OR status = $2)
             AND (opened_block, opened_log) < ($3, $4)
           ORDER BY opened_block DESC, opened_log DESC LIMIT $5"#,
        account.as_slice(),
        status.map(name_of),
        bigint("orders.opened_block", block)?,
        bigint("orders.opened_log", log)?,
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Order::try_from).collect()
}
