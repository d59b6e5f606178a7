//! Answers to requests that change something, so that a retry has the same answer and no second effect.

use alloy::primitives::{Address, B256, keccak256};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{StoreError, column::hash};

/// What a key belongs to: the same text of another account or at another route is another key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    pub(crate) account: Address,
    pub(crate) route: &'a str,
    pub(crate) text: &'a str,
}

impl Key<'_> {
    /// The number of its lock. Two keys with one number would only keep each other waiting.
    fn lock(&self) -> i64 {
        let parts = [self.account.as_slice(), self.route.as_bytes(), &[0], self.text.as_bytes()].concat();
        let hash = keccak256(parts);
        i64::from_be_bytes(std::array::from_fn(|at| hash[at]))
    }
}

/// What is known of a key.
pub(crate) enum Claim {
    /// It is new and now the transaction's own.
    Fresh,
    /// Another transaction holds it and has not ended.
    InFlight,
    /// It was used by this request; this was the answer.
    Answered { request_hash: B256, answer: serde_json::Value },
}

/// Takes the key for this transaction, without waiting for another that holds it. The lock ends with the transaction,
/// and so with the connection of a server that died.
pub(crate) async fn claim(connection: &mut PgConnection, key: Key<'_>) -> Result<Claim, StoreError> {
    let free = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "free!""#, key.lock())
        .fetch_one(&mut *connection)
        .await?;
    if !free {
        return Ok(Claim::InFlight);
    }
    // A statement of its own, so that it sees what the last holder of the lock committed.
    let row = sqlx::query!(
        "SELECT request_hash, answer FROM idempotency_keys WHERE account = $1 AND route = $2 AND key = $3",
        key.account.as_slice(),
        key.route,
        key.text,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(Claim::Fresh) };
    let request_hash = hash("idempotency_keys.request_hash", &row.request_hash)?;
    Ok(Claim::Answered { request_hash, answer: row.answer })
}

/// Keeps the answer under a key that this transaction has claimed.
pub(crate) async fn answer(
    connection: &mut PgConnection,
    key: Key<'_>,
    request_hash: B256,
    answer: &serde_json::Value,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO idempotency_keys (account, route, key, request_hash, answer, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        key.account.as_slice(),
        key.route,
        key.text,
        request_hash.as_slice(),
        answer,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn delete_older(connection: &mut PgConnection, than: OffsetDateTime) -> Result<u64, StoreError> {
    let done = sqlx::query!("DELETE FROM idempotency_keys WHERE created_at < $1", than).execute(connection).await?;
    Ok(done.rows_affected())
}
