//! How many there are of what changes: for measurements.

use atoll_protocol::api::JobStatus;
use sqlx::PgConnection;

use super::StoreError;

/// Jobs that have not ended, by status.
pub(crate) async fn live_jobs(connection: &mut PgConnection) -> Result<[(JobStatus, i64); 3], StoreError> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE status = 'queued') AS "queued!",
                  count(*) FILTER (WHERE status = 'leased') AS "leased!",
                  count(*) FILTER (WHERE status = 'running') AS "running!"
           FROM jobs WHERE status IN ('queued', 'leased', 'running')"#
    )
    .fetch_one(connection)
    .await?;
    Ok([(JobStatus::Queued, row.queued), (JobStatus::Leased, row.leased), (JobStatus::Running, row.running)])
}

/// Uploads that are announced and not complete.
pub(crate) async fn open_uploads(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let open = sqlx::query_scalar!(r#"SELECT count(*) AS "open!" FROM uploads WHERE NOT complete"#);
    Ok(open.fetch_one(connection).await?)
}
