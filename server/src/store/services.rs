//! Services: what of an asset is sold, by whom it is provided and at what price.

use alloy::primitives::{Address, U256};
use atoll_protocol::api::{Money, Service};
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

/// The services of several assets, each with its asset, in order of their numbers.
pub(crate) async fn of_assets(
    connection: &mut PgConnection,
    assets: &[U256],
) -> Result<Vec<(U256, Service)>, StoreError> {
    let ids: Vec<Vec<u8>> = assets.iter().map(|id| token_id_bytes(*id).to_vec()).collect();
    let rows = sqlx::query!(
        r#"SELECT s.datatoken, s.token_id, s.service_index, s.provider, s.payment_token, s.price::text AS "price!",
                  s.paused, t.decimals, t.symbol
           FROM services s JOIN tokens t ON t.address = s.payment_token
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
                provider: address("services.provider", &row.provider)?,
                price: Money {
                    amount: row.price,
                    token: address("services.payment_token", &row.payment_token)?,
                    decimals: unsigned("tokens.decimals", row.decimals.into())?,
                    symbol: row.symbol,
                },
                paused: row.paused,
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
