//! What was paid for assets, and whose it became.

use alloy::primitives::{Address, B256, U256};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    StoreError,
    column::{bigint, token_id_bytes},
    events::Position,
};

/// A sale of datatokens.
pub(crate) struct Sale {
    pub(crate) token_id: U256,
    pub(crate) buyer: Address,
    pub(crate) count: U256,
    pub(crate) token: Address,
    pub(crate) paid: U256,
    pub(crate) referral_fee: U256,
    pub(crate) protocol_fee: U256,
}

/// Notes a sale; false if its asset is not known.
pub(crate) async fn sold(
    connection: &mut PgConnection,
    sale: &Sale,
    at: Position,
    time: OffsetDateTime,
) -> Result<bool, StoreError> {
    let earned = sale.paid.saturating_sub(sale.referral_fee).saturating_sub(sale.protocol_fee);
    let done = sqlx::query!(
        "INSERT INTO revenue (block_number, log_index, at, token_id, buyer, datatokens, payment_token, paid, earned,
                              referral_fee, protocol_fee)
         SELECT $1::bigint, $2::bigint, $3::timestamptz, $4::bytea, $5::bytea, $6::text::numeric, $7::bytea,
                $8::text::numeric, $9::text::numeric, $10::text::numeric, $11::text::numeric
         WHERE EXISTS (SELECT FROM assets WHERE token_id = $4)",
        bigint("revenue.block_number", at.block)?,
        bigint("revenue.log_index", at.log)?,
        time,
        &token_id_bytes(sale.token_id),
        sale.buyer.as_slice(),
        sale.count.to_string(),
        sale.token.as_slice(),
        sale.paid.to_string(),
        earned.to_string(),
        sale.referral_fee.to_string(),
        sale.protocol_fee.to_string(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes what a fulfilled order brought. One that was opened with a datatoken brings nothing: that was sold before.
pub(crate) async fn fulfilled(
    connection: &mut PgConnection,
    order: B256,
    earned: U256,
    at: Position,
    time: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO revenue (block_number, log_index, at, token_id, buyer, datatokens, payment_token, paid, earned,
                              referral_fee, protocol_fee)
         SELECT $2::bigint, $3::bigint, $4::timestamptz, token_id, consumer, 0, escrow_token, escrow_amount,
                $5::text::numeric, referral_fee, protocol_fee
         FROM orders WHERE id = $1 AND escrow_token <> datatoken",
        order.as_slice(),
        bigint("revenue.block_number", at.block)?,
        bigint("revenue.log_index", at.log)?,
        time,
        earned.to_string(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
