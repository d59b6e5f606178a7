//! Specs that are tried on a publisher's sample.

use alloy::primitives::{Address, U256};
use atoll_protocol::{api::SampleRunStatus, failure::FailureCode, report::Report};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    StoreError,
    column::{address, bigint, by_name, json, to_json, token_id, token_id_bytes, unsigned},
};

/// How often a run is given to a runner.
const MAX_ATTEMPTS: i32 = 2;

/// A run's row, without its model.
#[derive(Clone, Debug)]
pub(crate) struct SampleRun {
    pub(crate) id: Uuid,
    pub(crate) token_id: U256,
    pub(crate) consumer: Address,
    pub(crate) provider: Address,
    pub(crate) spec: serde_json::Value,
    pub(crate) rows: u64,
    pub(crate) status: SampleRunStatus,
    pub(crate) failure: Option<FailureCode>,
    pub(crate) report: Option<Report>,
    pub(crate) model_bytes: Option<u64>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

struct Row {
    id: Uuid,
    token_id: Vec<u8>,
    consumer: Vec<u8>,
    provider: Vec<u8>,
    spec: serde_json::Value,
    rows: i64,
    status: String,
    failure: Option<serde_json::Value>,
    report: Option<serde_json::Value>,
    model_bytes: Option<i32>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<Row> for SampleRun {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            token_id: token_id("sample_runs.token_id", &row.token_id)?,
            consumer: address("sample_runs.consumer", &row.consumer)?,
            provider: address("sample_runs.provider", &row.provider)?,
            spec: row.spec,
            rows: unsigned("sample_runs.rows", row.rows)?,
            status: by_name("sample_runs.status", row.status)?,
            failure: row.failure.map(|v| json("sample_runs.failure", v)).transpose()?,
            report: row.report.map(|v| json("sample_runs.report", v)).transpose()?,
            model_bytes: row.model_bytes.map(|bytes| unsigned("sample_runs.model", bytes.into())).transpose()?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Stores a new run, unless its consumer has `most` that have not ended. False if so.
pub(crate) async fn insert(connection: &mut PgConnection, run: &SampleRun, most: i64) -> Result<bool, StoreError> {
    // One after the other for each consumer, so that nobody gets more by asking for many at once.
    let consumer = run.consumer.as_slice();
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))", consumer)
        .fetch_one(&mut *connection)
        .await?;
    let done = sqlx::query!(
        "INSERT INTO sample_runs (id, token_id, consumer, provider, spec, rows, created_at, updated_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $7
         WHERE (SELECT count(*) FROM sample_runs WHERE consumer = $3 AND status IN ('queued', 'running')) < $8",
        run.id,
        &token_id_bytes(run.token_id),
        consumer,
        run.provider.as_slice(),
        run.spec,
        bigint("sample_runs.rows", run.rows)?,
        run.created_at,
        most,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<SampleRun>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, token_id, consumer, provider, spec, rows, status, failure, report, length(model) AS model_bytes,
                created_at, updated_at
         FROM sample_runs WHERE id = $1",
        id
    )
    .fetch_optional(connection)
    .await?;
    row.map(SampleRun::try_from).transpose()
}

/// The model of a run, if it was kept.
pub(crate) async fn model(connection: &mut PgConnection, id: Uuid) -> Result<Option<Vec<u8>>, StoreError> {
    let model =
        sqlx::query_scalar!("SELECT model FROM sample_runs WHERE id = $1", id).fetch_optional(connection).await?;
    Ok(model.flatten())
}

/// True if a run waits for this provider.
pub(crate) async fn is_any_queued(connection: &mut PgConnection, provider: Address) -> Result<bool, StoreError> {
    let any = sqlx::query_scalar!(
        "SELECT EXISTS (SELECT FROM sample_runs WHERE provider = $1 AND status = 'queued') AS \"any!\"",
        provider.as_slice()
    )
    .fetch_one(connection)
    .await?;
    Ok(any)
}

/// Gives the provider's oldest queued run to whoever asks, until `expires_at`.
pub(crate) async fn lease_next(
    connection: &mut PgConnection,
    provider: Address,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<Option<SampleRun>, StoreError> {
    let id = sqlx::query_scalar!(
        "UPDATE sample_runs SET status = 'running', attempts = attempts + 1, lease_expires_at = $3, updated_at = $2
         WHERE id = (
             SELECT id FROM sample_runs WHERE provider = $1 AND status = 'queued' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
         )
         RETURNING id",
        provider.as_slice(),
        now,
        expires_at,
    )
    .fetch_optional(&mut *connection)
    .await?;
    match id {
        Some(id) => find(connection, id).await,
        None => Ok(None),
    }
}

/// How a run ended.
pub(crate) enum Outcome<'a> {
    /// With a report, and the model if it is small enough.
    Completed(&'a Report, Option<&'a [u8]>),
    /// Without.
    Failed(&'a FailureCode),
}

/// Ends a running run; false if it is none.
pub(crate) async fn end(
    connection: &mut PgConnection,
    id: Uuid,
    outcome: Outcome<'_>,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let (status, failure, report, model) = match outcome {
        Outcome::Completed(report, model) => ("completed", None, Some(to_json("sample_runs.report", report)?), model),
        Outcome::Failed(failure) => ("failed", Some(to_json("sample_runs.failure", failure)?), None, None),
    };
    let done = sqlx::query!(
        "UPDATE sample_runs SET status = $2, failure = $3, report = $4, model = $5, lease_expires_at = NULL, updated_at = $6
         WHERE id = $1 AND status = 'running'",
        id,
        status,
        failure,
        report,
        model,
        now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Runs whose runner is gone are queued again, once; what waits since before `unwanted` ends with that failure.
pub(crate) async fn settle_abandoned(
    connection: &mut PgConnection,
    now: OffsetDateTime,
    unwanted: OffsetDateTime,
    nobody: &FailureCode,
) -> Result<(), StoreError> {
    let crashed = to_json("sample_runs.failure", &FailureCode::WorkerCrashed)?;
    sqlx::query!(
        "UPDATE sample_runs SET lease_expires_at = NULL, updated_at = $1,
                status = CASE WHEN attempts < $2 THEN 'queued' ELSE 'failed' END,
                failure = CASE WHEN attempts < $2 THEN NULL ELSE $3::json END
         WHERE status = 'running' AND lease_expires_at <= $1",
        now,
        MAX_ATTEMPTS,
        crashed,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE sample_runs SET status = 'failed', failure = $3, updated_at = $1
         WHERE status = 'queued' AND created_at <= $2",
        now,
        unwanted,
        to_json("sample_runs.failure", nobody)?,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn delete_older(connection: &mut PgConnection, than: OffsetDateTime) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM sample_runs WHERE created_at <= $1", than).execute(connection).await?;
    Ok(())
}
