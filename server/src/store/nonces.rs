//! Nonces of sign-in messages: each works once.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::StoreError;

pub(crate) async fn insert(
    connection: &mut PgConnection,
    nonce: &str,
    expires_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!("INSERT INTO nonces (nonce, expires_at) VALUES ($1, $2)", nonce, expires_at)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes a nonce out of the world; true if it was there and had not expired.
pub(crate) async fn consume(
    connection: &mut PgConnection,
    nonce: &str,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let expires_at = sqlx::query_scalar!("DELETE FROM nonces WHERE nonce = $1 RETURNING expires_at", nonce)
        .fetch_optional(connection)
        .await?;
    Ok(expires_at.is_some_and(|end| end > now))
}

pub(crate) async fn delete_expired(connection: &mut PgConnection, now: OffsetDateTime) -> Result<u64, StoreError> {
    let done = sqlx::query!("DELETE FROM nonces WHERE expires_at <= $1", now).execute(connection).await?;
    Ok(done.rows_affected())
}
