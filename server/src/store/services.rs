//! Services: what of an asset is sold, by whom it is provided, at what price and to whom.

use alloy::primitives::{Address, U256};
use atoll_protocol::{
    api::{FreeLimits, Money, Service},
    document::ServiceKind,
};
use sqlx::PgConnection;

use super::{
    StoreError,
    column::{address, token_id, token_id_bytes, unsigned},
};

/// Terms of a new service.
pub(crate) struct NewService {
    pub(crate) datatoken: Address,
    pub(crate) token_id: U256,
    pub(crate) service_index: u32,
    pub(crate) provider: Address,
    pub(crate) payment_token: Address,
    pub(crate) price: String,
}

/// Adds a service; false if its asset is not known.
pub(crate) async fn insert(connection: &mut PgConnection, service: &NewService) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO services (datatoken, token_id, service_index, provider, payment_token, price)
         SELECT $1::bytea, $2::bytea, $3::bigint, $4::bytea, $5::bytea, $6::text::numeric
         WHERE EXISTS (SELECT FROM assets WHERE token_id = $2)",
        service.datatoken.as_slice(),
        &token_id_bytes(service.token_id),
        i64::from(service.service_index),
        service.provider.as_slice(),
        service.payment_token.as_slice(),
        service.price,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn set_price(
    connection: &mut PgConnection,
    datatoken: Address,
    payment_token: Address,
    price: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE services SET payment_token = $2, price = $3::text::numeric WHERE datatoken = $1",
        datatoken.as_slice(),
        payment_token.as_slice(),
        price,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn set_paused(
    connection: &mut PgConnection,
    datatoken: Address,
    paused: bool,
) -> Result<bool, StoreError> {
    let done = sqlx::query!("UPDATE services SET paused = $2 WHERE datatoken = $1", datatoken.as_slice(), paused)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn set_provider(
    connection: &mut PgConnection,
    datatoken: Address,
    provider: Address,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE services SET provider = $2 WHERE datatoken = $1",
        datatoken.as_slice(),
        provider.as_slice()
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn set_referral(
    connection: &mut PgConnection,
    datatoken: Address,
    basis_points: u16,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE services SET referral_bps = $2 WHERE datatoken = $1",
        datatoken.as_slice(),
        i32::from(basis_points)
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn set_gate(
    connection: &mut PgConnection,
    datatoken: Address,
    gate: Option<Address>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE services SET gate = $2 WHERE datatoken = $1",
        datatoken.as_slice(),
        gate.as_ref().map(|address| address.as_slice()),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn set_free_limits(
    connection: &mut PgConnection,
    datatoken: Address,
    per_wallet: u64,
    total: u64,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE services SET free_per_wallet = $2::text::numeric, free_total = $3::text::numeric WHERE datatoken = $1",
        datatoken.as_slice(),
        per_wallet.to_string(),
        total.to_string(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The limits as the API says them: what is 0 on chain is no limit.
fn free_limits(per_wallet: &str, total: &str) -> Result<Option<FreeLimits>, StoreError> {
    let limit = |column, text: &str| match text.parse() {
        Ok(0) => Ok(None),
        Ok(limit) => Ok(Some(limit)),
        Err(_) => Err(StoreError::Unreadable { column }),
    };
    let (per_wallet, total) = (limit("services.free_per_wallet", per_wallet)?, limit("services.free_total", total)?);
    Ok((per_wallet.is_some() || total.is_some()).then_some(FreeLimits { per_wallet, total }))
}

/// The services of several assets, each with its asset, in order of their numbers.
pub(crate) async fn of_assets(
    connection: &mut PgConnection,
    assets: &[U256],
) -> Result<Vec<(U256, Service)>, StoreError> {
    let ids: Vec<Vec<u8>> = assets.iter().map(|id| token_id_bytes(*id).to_vec()).collect();
    let rows = sqlx::query!(
        r#"SELECT s.datatoken, s.token_id, s.service_index, s.provider, s.payment_token, s.price::text AS "price!",
                  s.paused, s.gate, s.free_per_wallet::text AS "free_per_wallet!", s.free_total::text AS "free_total!",
                  t.decimals, t.symbol, s.service_index = ANY (a.downloads) AS "download!"
           FROM services s JOIN tokens t ON t.address = s.payment_token JOIN assets a USING (token_id)
           WHERE s.token_id = ANY($1) ORDER BY s.token_id, s.service_index"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let service = Service {
                datatoken: address("services.datatoken", &row.datatoken)?,
                service_index: unsigned("services.service_index", row.service_index)?,
                kind: if row.download { ServiceKind::Download } else { ServiceKind::Compute },
                provider: address("services.provider", &row.provider)?,
                price: Money {
                    amount: row.price,
                    token: address("services.payment_token", &row.payment_token)?,
                    decimals: unsigned("tokens.decimals", row.decimals.into())?,
                    symbol: row.symbol,
                },
                paused: row.paused,
                gate: row.gate.map(|bytes| address("services.gate", &bytes)).transpose()?,
                free_limits: free_limits(&row.free_per_wallet, &row.free_total)?,
            };
            Ok((token_id("services.token_id", &row.token_id)?, service))
        })
        .collect()
}

/// Number of a service within its asset.
pub(crate) async fn index_of(connection: &mut PgConnection, datatoken: Address) -> Result<Option<u32>, StoreError> {
    let index = sqlx::query_scalar!("SELECT service_index FROM services WHERE datatoken = $1", datatoken.as_slice())
        .fetch_optional(connection)
        .await?;
    index.map(|i| unsigned("services.service_index", i)).transpose()
}
