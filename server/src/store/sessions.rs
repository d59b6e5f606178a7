//! Sessions, by the hash of their bearer token.

use alloy::primitives::{Address, B256};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{StoreError, column::address};

pub(crate) async fn insert(
    connection: &mut PgConnection,
    token_hash: B256,
    account: Address,
    expires_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO sessions (token_hash, account, expires_at) VALUES ($1, $2, $3)",
        token_hash.as_slice(),
        account.as_slice(),
        expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whose session this is, unless it has ended.
pub(crate) async fn account_of(
    connection: &mut PgConnection,
    token_hash: B256,
    now: OffsetDateTime,
) -> Result<Option<Address>, StoreError> {
    let account = sqlx::query_scalar!(
        "SELECT account FROM sessions WHERE token_hash = $1 AND expires_at > $2",
        token_hash.as_slice(),
        now
    )
    .fetch_optional(connection)
    .await?;
    account.map(|bytes| address("sessions.account", &bytes)).transpose()
}

pub(crate) async fn delete(connection: &mut PgConnection, token_hash: B256) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM sessions WHERE token_hash = $1", token_hash.as_slice()).execute(connection).await?;
    Ok(())
}

pub(crate) async fn delete_expired(connection: &mut PgConnection, now: OffsetDateTime) -> Result<u64, StoreError> {
    let done = sqlx::query!("DELETE FROM sessions WHERE expires_at <= $1", now).execute(connection).await?;
    Ok(done.rows_affected())
}
