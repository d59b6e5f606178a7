//! Payment tokens.

use alloy::primitives::Address;
use sqlx::PgConnection;

use super::StoreError;

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
