//! Payment tokens.

use alloy::primitives::Address;
use sqlx::PgConnection;

use super::{
    StoreError,
    column::{address, unsigned},
};

/// What a token's contract says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) address: Address,
    pub(crate) decimals: u8,
    pub(crate) symbol: String,
}

pub(crate) async fn is_known(connection: &mut PgConnection, token: Address) -> Result<bool, StoreError> {
    let known =
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM tokens WHERE address = $1) AS "known!""#, token.as_slice())
            .fetch_one(connection)
            .await?;
    Ok(known)
}

/// Those of some addresses that are known.
pub(crate) async fn some(connection: &mut PgConnection, addresses: &[Address]) -> Result<Vec<Token>, StoreError> {
    let addresses: Vec<Vec<u8>> = addresses.iter().map(|address| address.to_vec()).collect();
    let rows = sqlx::query!("SELECT address, decimals, symbol FROM tokens WHERE address = ANY($1)", &addresses)
        .fetch_all(connection)
        .await?;
    rows.into_iter()
        .map(|row| {
            let decimals = unsigned("tokens.decimals", row.decimals.into())?;
            Ok(Token { address: address("tokens.address", &row.address)?, decimals, symbol: row.symbol })
        })
        .collect()
}

pub(crate) async fn insert(connection: &mut PgConnection, token: &Token) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO tokens (address, decimals, symbol) VALUES ($1, $2, $3) ON CONFLICT (address) DO NOTHING",
        token.address.as_slice(),
        i16::from(token.decimals),
        token.symbol,
    )
    .execute(connection)
    .await?;
    Ok(())
}
