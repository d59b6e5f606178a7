//! Leases: which runner holds which job, and until when.

use alloy::primitives::{Address, B256};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{StoreError, column::hash};

/// A lease's row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lease {
    pub(crate) id: Uuid,
    pub(crate) job_id: Uuid,
    /// Hash of the metadata that the lease carried.
    pub(crate) metadata_hash: B256,
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) ended_at: Option<OffsetDateTime>,
}

pub(crate) async fn insert(connection: &mut PgConnection, lease: &Lease, provider: Address) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO leases (id, job_id, provider, metadata_hash, expires_at) VALUES ($1, $2, $3, $4, $5)",
        lease.id,
        lease.job_id,
        provider.as_slice(),
        lease.metadata_hash.as_slice(),
        lease.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A provider's own lease, ended or not.
pub(crate) async fn find(
    connection: &mut PgConnection,
    id: Uuid,
    provider: Address,
) -> Result<Option<Lease>, StoreError> {
    let row = sqlx::query!(
        "SELECT job_id, metadata_hash, expires_at, ended_at FROM leases WHERE id = $1 AND provider = $2",
        id,
        provider.as_slice()
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Lease {
            id,
            job_id: row.job_id,
            metadata_hash: hash("leases.metadata_hash", &row.metadata_hash)?,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
        })
    })
    .transpose()
}

pub(crate) async fn extend(
    connection: &mut PgConnection,
    id: Uuid,
    expires_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!("UPDATE leases SET expires_at = $2 WHERE id = $1 AND ended_at IS NULL", id, expires_at)
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends whatever lease the job is under.
pub(crate) async fn end_of_job(
    connection: &mut PgConnection,
    job: Uuid,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!("UPDATE leases SET ended_at = $2 WHERE job_id = $1 AND ended_at IS NULL", job, now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Jobs whose lease has expired.
pub(crate) async fn expired(
    connection: &mut PgConnection,
    now: OffsetDateTime,
    limit: u32,
) -> Result<Vec<Uuid>, StoreError> {
    let jobs = sqlx::query_scalar!(
        "SELECT job_id FROM leases WHERE ended_at IS NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2",
        now,
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    Ok(jobs)
}

/// True if the job's lease, if it has one, has expired. The caller has locked the job.
pub(crate) async fn has_expired(
    connection: &mut PgConnection,
    job: Uuid,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let expired = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM leases WHERE job_id = $1 AND ended_at IS NULL AND expires_at <= $2)
           AS "expired!""#,
        job,
        now
    )
    .fetch_one(connection)
    .await?;
    Ok(expired)
}
