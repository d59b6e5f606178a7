//! The history of jobs.

use std::collections::HashMap;

use atoll_protocol::{
    api::{JobEvent, JobStatus},
    report::Progress,
};
use sqlx::{
    PgConnection,
    postgres::{PgListener, PgNotification},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Store, StoreError,
    column::{by_name, json, name_of, to_json},
};

/// An event to be; its number is the next of its job.
pub(crate) struct NewEvent {
    pub(crate) at: OffsetDateTime,
    pub(crate) actor: &'static str,
    pub(crate) status: JobStatus,
    pub(crate) progress: Option<Progress>,
    pub(crate) reason: Option<String>,
}

/// Adds an event. The caller has locked the job, so numbers have no gap.
pub(crate) async fn insert(connection: &mut PgConnection, job: Uuid, event: &NewEvent) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO job_events (job_id, id, at, actor, status, progress, reason)
         SELECT $1::uuid, coalesce(max(id), 0) + 1, $2::timestamptz, $3::text, $4::text, $5::json, $6::text
         FROM job_events WHERE job_id = $1",
        job,
        event.at,
        event.actor,
        name_of(event.status),
        event.progress.as_ref().map(|p| to_json("job_events.progress", p)).transpose()?,
        event.reason,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What was last said of each of some jobs, where anything was.
pub(crate) async fn last_reasons(
    connection: &mut PgConnection,
    jobs: &[Uuid],
) -> Result<HashMap<Uuid, String>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT ON (job_id) job_id, reason AS "reason!" FROM job_events
           WHERE job_id = ANY($1) AND reason IS NOT NULL ORDER BY job_id, id DESC"#,
        jobs,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.job_id, row.reason)).collect())
}

/// Events after number `after`, in order.
pub(crate) async fn list(
    connection: &mut PgConnection,
    job: Uuid,
    after: i64,
    limit: u32,
) -> Result<Vec<JobEvent>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, at, actor, status, progress, reason FROM job_events WHERE job_id = $1 AND id > $2
         ORDER BY id LIMIT $3",
        job,
        after,
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(JobEvent {
                id: row.id,
                at: row.at,
                actor: row.actor,
                status: by_name("job_events.status", row.status)?,
                progress: row.progress.map(|v| json("job_events.progress", v)).transpose()?,
                reason: row.reason,
            })
        })
        .collect()
}

/// News of jobs, from all servers on this database.
pub(crate) struct Listener(PgListener);

impl Listener {
    pub(crate) async fn connect(store: &Store) -> Result<Self, StoreError> {
        let mut listener = PgListener::connect_with(store.pool()).await?;
        listener.listen("job_events").await?;
        Ok(Self(listener))
    }

    /// The next job of which there is news. None if some may have been missed, because the connection was lost.
    pub(crate) async fn next(&mut self) -> Result<Option<Uuid>, StoreError> {
        let notification: Option<PgNotification> = self.0.try_recv().await?;
        Ok(notification.and_then(|n| n.payload().parse().ok()))
    }
}
