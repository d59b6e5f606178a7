//! What providers say was given away of their data sets.

use alloy::primitives::{Address, B256, U256};
use atoll_protocol::api::{PrivacyLedger, PrivacyUse};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    StoreError,
    column::{bigint, hash, token_id_bytes, unsigned},
};

/// Puts what a provider says in the place of what it said before.
pub(crate) async fn put(
    connection: &mut PgConnection,
    provider: Address,
    ledger: &PrivacyLedger,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO privacy_ledgers (provider, head, reported_at) VALUES ($1, $2, $3)
         ON CONFLICT (provider) DO UPDATE SET head = EXCLUDED.head, reported_at = EXCLUDED.reported_at",
        provider.as_slice(),
        ledger.head.as_slice(),
        now,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("DELETE FROM privacy_spent WHERE provider = $1", provider.as_slice())
        .execute(&mut *connection)
        .await?;
    let (mut token_ids, mut buyers, mut jobs, mut epsilons) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for spent in &ledger.spent {
        token_ids.push(token_id_bytes(spent.token_id.0).to_vec());
        buyers.push(spent.buyer.unwrap_or_default().to_vec());
        jobs.push(i64::from(spent.jobs));
        epsilons.push(bigint("privacy_spent.epsilon_micros", spent.epsilon_micros)?);
    }
    sqlx::query!(
        "INSERT INTO privacy_spent (provider, token_id, buyer, jobs, epsilon_micros)
         SELECT $1, * FROM unnest($2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[])",
        provider.as_slice(),
        &token_ids,
        &buyers,
        &jobs,
        &epsilons,
    )
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// The head of a provider's ledger, and when it was told.
pub(crate) async fn ledger(
    connection: &mut PgConnection,
    provider: Address,
) -> Result<Option<(B256, OffsetDateTime)>, StoreError> {
    let row = sqlx::query!("SELECT head, reported_at FROM privacy_ledgers WHERE provider = $1", provider.as_slice())
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((hash("privacy_ledgers.head", &row.head)?, row.reported_at))).transpose()
}

/// What a provider says was spent of a data set, by everyone together or by one buyer.
pub(crate) async fn spent(
    connection: &mut PgConnection,
    provider: Address,
    token_id: U256,
    buyer: Option<Address>,
) -> Result<PrivacyUse, StoreError> {
    let buyer = buyer.unwrap_or_default();
    let row = sqlx::query!(
        "SELECT jobs, epsilon_micros FROM privacy_spent WHERE provider = $1 AND token_id = $2 AND buyer = $3",
        provider.as_slice(),
        &token_id_bytes(token_id),
        buyer.as_slice(),
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(PrivacyUse::default()) };
    Ok(PrivacyUse {
        jobs: unsigned("privacy_spent.jobs", row.jobs)?,
        epsilon_micros: unsigned("privacy_spent.epsilon_micros", row.epsilon_micros)?,
    })
}
