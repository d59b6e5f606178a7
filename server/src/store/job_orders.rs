//! The orders of the further assets that a job uses.

use alloy::primitives::{Address, B256, U256};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    StoreError,
    column::{hash, token_id_bytes},
};

/// What an order has to be to pay for a further asset.
pub(crate) struct Wanted {
    pub(crate) consumer: Address,
    pub(crate) provider: Address,
    /// Hash of the spec that it was opened for.
    pub(crate) request_hash: B256,
    pub(crate) token_id: U256,
}

/// Keeps other transactions from taking orders of this consumer until this one ends.
pub(crate) async fn lock(connection: &mut PgConnection, consumer: Address) -> Result<(), StoreError> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 4))", consumer.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// The oldest order that is wanted, is open and pays for no other job.
pub(crate) async fn find_free(
    connection: &mut PgConnection,
    wanted: &Wanted,
    now: OffsetDateTime,
) -> Result<Option<B256>, StoreError> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM orders o
         WHERE consumer = $1 AND provider = $2 AND request_hash = $3 AND token_id = $4 AND status = 'open' AND deadline > $5
           AND NOT EXISTS (
               SELECT FROM job_orders u JOIN jobs j ON j.id = u.job_id
               WHERE u.order_id = o.id AND j.status IN ('queued', 'leased', 'running', 'completed')
           )
         ORDER BY opened_block, opened_log LIMIT 1",
        wanted.consumer.as_slice(),
        wanted.provider.as_slice(),
        wanted.request_hash.as_slice(),
        &token_id_bytes(wanted.token_id),
        now.unix_timestamp(),
    )
    .fetch_optional(connection)
    .await?;
    id.map(|id| hash("orders.id", &id)).transpose()
}

/// Says which orders a job lives on beside its own, in the spec's order.
pub(crate) async fn insert(connection: &mut PgConnection, job: Uuid, orders: &[B256]) -> Result<(), StoreError> {
    let ids: Vec<Vec<u8>> = orders.iter().map(|id| id.to_vec()).collect();
    sqlx::query!(
        "INSERT INTO job_orders (job_id, position, order_id)
         SELECT $1, position::smallint, id FROM unnest($2::bytea[]) WITH ORDINALITY AS orders (id, position)",
        job,
        &ids
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The orders that a job lives on beside its own, in the spec's order.
pub(crate) async fn of_job(connection: &mut PgConnection, job: Uuid) -> Result<Vec<B256>, StoreError> {
    let ids = sqlx::query_scalar!("SELECT order_id FROM job_orders WHERE job_id = $1 ORDER BY position", job)
        .fetch_all(connection)
        .await?;
    ids.iter().map(|id| hash("job_orders.order_id", id)).collect()
}
