//! Numbers of an asset, in all or for each day.

use alloy::primitives::{Address, U256};
use atoll_protocol::api::OrderStatus;
use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use super::{
    StoreError,
    column::{address, by_name, token_id_bytes, unsigned},
    tokens::Token,
};

/// What is counted: everything (`days` false), or each day in UTC by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// First moment.
    pub(crate) from: OffsetDateTime,
    /// First moment after it.
    pub(crate) to: OffsetDateTime,
    pub(crate) days: bool,
}

/// Takes what the following reads see from one moment of the database.
pub(crate) async fn freeze(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(connection).await?;
    Ok(())
}

/// Orders by day and by what became of them.
pub(crate) async fn orders(
    connection: &mut PgConnection,
    asset: U256,
    range: Range,
) -> Result<Vec<(Option<Date>, OrderStatus, u64)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT CASE WHEN $4::boolean THEN (opened_at AT TIME ZONE 'UTC')::date END AS "day?", status, count(*) AS "count!"
           FROM orders WHERE token_id = $1 AND opened_at >= $2 AND opened_at < $3 GROUP BY 1, 2"#,
        &token_id_bytes(asset),
        range.from,
        range.to,
        range.days,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.day, by_name("orders.status", row.status)?, unsigned("orders.count", row.count)?)))
        .collect()
}

/// Sums of one token.
pub(crate) struct Sums {
    pub(crate) day: Option<Date>,
    pub(crate) token: Token,
    pub(crate) datatokens: U256,
    pub(crate) paid: U256,
    pub(crate) earned: U256,
    pub(crate) referral_fees: U256,
    pub(crate) protocol_fees: U256,
}

/// A sum of what contracts say. A token of somebody's own can say anything, so a sum can be beyond 256 bits.
fn saturated(text: &str) -> U256 {
    text.parse().unwrap_or(U256::MAX)
}

/// Revenue by day and token.
pub(crate) async fn revenue(connection: &mut PgConnection, asset: U256, range: Range) -> Result<Vec<Sums>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT CASE WHEN $4::boolean THEN (r.at AT TIME ZONE 'UTC')::date END AS "day?", r.payment_token, t.decimals, t.symbol,
                  sum(r.datatokens)::text AS "datatokens!", sum(r.paid)::text AS "paid!", sum(r.earned)::text AS "earned!",
                  sum(r.referral_fee)::text AS "referral_fees!", sum(r.protocol_fee)::text AS "protocol_fees!"
           FROM revenue r JOIN tokens t ON t.address = r.payment_token
           WHERE r.token_id = $1 AND r.at >= $2 AND r.at < $3 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2"#,
        &token_id_bytes(asset),
        range.from,
        range.to,
        range.days,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let address: Address = address("revenue.payment_token", &row.payment_token)?;
            let decimals = unsigned("tokens.decimals", row.decimals.into())?;
            Ok(Sums {
                day: row.day,
                token: Token { address, decimals, symbol: row.symbol },
                datatokens: saturated(&row.datatokens),
                paid: saturated(&row.paid),
                earned: saturated(&row.earned),
                referral_fees: saturated(&row.referral_fees),
                protocol_fees: saturated(&row.protocol_fees),
            })
        })
        .collect()
}

/// Accounts that opened an order or bought a datatoken, by day.
pub(crate) async fn buyers(
    connection: &mut PgConnection,
    asset: U256,
    range: Range,
) -> Result<Vec<(Option<Date>, u64)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT CASE WHEN $4::boolean THEN (at AT TIME ZONE 'UTC')::date END AS "day?", count(DISTINCT buyer) AS "count!"
           FROM (
               SELECT opened_at AS at, consumer AS buyer FROM orders
               WHERE token_id = $1 AND opened_at >= $2 AND opened_at < $3
               UNION ALL
               SELECT at, buyer FROM revenue WHERE token_id = $1 AND at >= $2 AND at < $3 AND datatokens > 0
           ) bought GROUP BY 1"#,
        &token_id_bytes(asset),
        range.from,
        range.to,
        range.days,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| Ok((row.day, unsigned("orders.consumer", row.count)?))).collect()
}

/// Jobs that compute, by day: submitted, and of these completed.
pub(crate) async fn jobs(
    connection: &mut PgConnection,
    asset: U256,
    range: Range,
) -> Result<Vec<(Option<Date>, u64, u64)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT CASE WHEN $4::boolean THEN (created_at AT TIME ZONE 'UTC')::date END AS "day?", count(*) AS "submitted!",
                  count(*) FILTER (WHERE status = 'completed') AS "completed!"
           FROM jobs WHERE token_id = $1 AND kind = 'compute' AND created_at >= $2 AND created_at < $3 GROUP BY 1"#,
        &token_id_bytes(asset),
        range.from,
        range.to,
        range.days,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.day, unsigned("jobs.count", row.submitted)?, unsigned("jobs.count", row.completed)?)))
        .collect()
}
