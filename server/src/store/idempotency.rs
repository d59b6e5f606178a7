//! Answers to creating requests, so that a retry has the same answer and no second effect.

use alloy::primitives::{Address, B256};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{StoreError, column::hash};

/// What is known of a key.
pub(crate) enum Claim {
    /// It is new and now the transaction's own.
    Fresh,
    /// It was used by this request; this was the answer.
    Answered { request_hash: B256, answer: serde_json::Value },
}

/// Takes the key for this transaction. Waits for another transaction that holds it.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    account: Address,
    key: &str,
    request_hash: B256,
    now: OffsetDateTime,
) -> Result<Claim, StoreError> {
    let inserted = sqlx::query!(
        "INSERT INTO idempotency_keys (account, key, request_hash, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account, key) DO NOTHING",
        account.as_slice(),
        key,
        request_hash.as_slice(),
        now,
    )
    .execute(&mut *connection)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(Claim::Fresh);
    }
    let row = sqlx::query!(
        "SELECT request_hash, answer FROM idempotency_keys WHERE account = $1 AND key = $2",
        account.as_slice(),
        key
    )
    .fetch_one(connection)
    .await?;
    Ok(Claim::Answered {
        request_hash: hash("idempotency_keys.request_hash", &row.request_hash)?,
        answer: row.answer.ok_or(StoreError::Unreadable { column: "idempotency_keys.answer" })?,
    })
}

pub(crate) async fn answer(
    connection: &mut PgConnection,
    account: Address,
    key: &str,
    answer: &serde_json::Value,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE idempotency_keys SET answer = $3 WHERE account = $1 AND key = $2",
        account.as_slice(),
        key,
        answer
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn delete_older(connection: &mut PgConnection, than: OffsetDateTime) -> Result<u64, StoreError> {
    let done = sqlx::query!("DELETE FROM idempotency_keys WHERE created_at < $1", than).execute(connection).await?;
    Ok(done.rows_affected())
}
