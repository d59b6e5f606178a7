//! Jobs.

use alloy::primitives::{Address, B256, Bytes, U256};
use atoll_protocol::{
    api::{JobStatus, ResultInfo, SignedReceipt},
    document::ServiceKind,
    failure::FailureCode,
    report::Progress,
    signed::{DownloadRequest, JobRequest, Request},
};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    StoreError,
    column::{address, bigint, by_name, hash, json, name_of, to_json, token_id, token_id_bytes, unsigned},
};

/// A job's row.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: Uuid,
    pub(crate) order_id: B256,
    pub(crate) token_id: U256,
    pub(crate) consumer: Address,
    pub(crate) provider: Address,
    pub(crate) status: JobStatus,
    pub(crate) failure: Option<FailureCode>,
    pub(crate) attempts: u32,
    pub(crate) progress: Option<Progress>,
    pub(crate) request: Request,
    pub(crate) signature: Bytes,
    pub(crate) spec: serde_json::Value,
    pub(crate) cancel_requested: bool,
    pub(crate) result: Option<StoredResult>,
    pub(crate) receipt: Option<SignedReceipt>,
    /// What it gives access to, if it is a download.
    pub(crate) access: Option<Access>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

/// A sealed result in the object store.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredResult {
    /// Names the object; new for every attempt, so that nothing ever changes under a name.
    pub(crate) object: Uuid,
    pub(crate) info: ResultInfo,
}

/// What a download gives access to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// SHA-256 of the ciphertext.
    pub(crate) content: B256,
    /// Seconds after completion.
    pub(crate) valid_for_seconds: u32,
    /// End of that time, once it is completed.
    pub(crate) expires_at: Option<OffsetDateTime>,
}

struct Row {
    id: Uuid,
    kind: String,
    order_id: Vec<u8>,
    token_id: Vec<u8>,
    consumer: Vec<u8>,
    provider: Vec<u8>,
    status: String,
    failure: Option<serde_json::Value>,
    attempts: i32,
    progress: Option<serde_json::Value>,
    spec_hash: Vec<u8>,
    result_key: Vec<u8>,
    request_deadline: i64,
    signature: Vec<u8>,
    spec: serde_json::Value,
    cancel_requested: bool,
    result_object: Option<Uuid>,
    result_sha256: Option<Vec<u8>>,
    result_bytes: Option<i64>,
    receipt: Option<serde_json::Value>,
    content_sha256: Option<Vec<u8>>,
    valid_for_seconds: Option<i64>,
    expires_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<Row> for Job {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let order_id = hash("jobs.order_id", &row.order_id)?;
        let result = match (row.result_object, row.result_sha256, row.result_bytes) {
            (Some(object), Some(sha256), Some(bytes)) => Some(StoredResult {
                object,
                info: ResultInfo {
                    sha256: hash("jobs.result_sha256", &sha256)?,
                    bytes: unsigned("jobs.result_bytes", bytes)?,
                },
            }),
            _ => None,
        };
        let access = match (row.content_sha256, row.valid_for_seconds) {
            (Some(content), Some(seconds)) => Some(Access {
                content: hash("jobs.content_sha256", &content)?,
                valid_for_seconds: unsigned("jobs.valid_for_seconds", seconds)?,
                expires_at: row.expires_at,
            }),
            _ => None,
        };
        let spec_hash = hash("jobs.spec_hash", &row.spec_hash)?;
        let recipient = hash("jobs.result_key", &row.result_key)?;
        let deadline = unsigned("jobs.request_deadline", row.request_deadline)?;
        Ok(Self {
            id: row.id,
            order_id,
            token_id: token_id("jobs.token_id", &row.token_id)?,
            consumer: address("jobs.consumer", &row.consumer)?,
            provider: address("jobs.provider", &row.provider)?,
            status: by_name("jobs.status", row.status)?,
            failure: row.failure.map(|v| json("jobs.failure", v)).transpose()?,
            attempts: unsigned("jobs.attempts", row.attempts.into())?,
            progress: row.progress.map(|v| json("jobs.progress", v)).transpose()?,
            request: match by_name("jobs.kind", row.kind)? {
                ServiceKind::Compute => Request::Compute(JobRequest {
                    orderId: order_id,
                    specHash: spec_hash,
                    resultKey: recipient,
                    deadline,
                }),
                ServiceKind::Download => Request::Download(DownloadRequest {
                    orderId: order_id,
                    requestHash: spec_hash,
                    recipientKey: recipient,
                    deadline,
                }),
            },
            signature: row.signature.into(),
            spec: row.spec,
            cancel_requested: row.cancel_requested,
            result,
            receipt: row.receipt.map(|v| json("jobs.receipt", v)).transpose()?,
            access,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Stores a new job, which is queued.
pub(crate) async fn insert(connection: &mut PgConnection, job: &Job) -> Result<(), StoreError> {
    let (spec_hash, recipient) = (job.request.spec_hash(), job.request.recipient());
    sqlx::query!(
        "INSERT INTO jobs (id, order_id, token_id, consumer, provider, status, spec_hash, result_key, request_deadline,
                           signature, spec, created_at, updated_at, kind, content_sha256, valid_for_seconds)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14, $15)",
        job.id,
        job.order_id.as_slice(),
        &token_id_bytes(job.token_id),
        job.consumer.as_slice(),
        job.provider.as_slice(),
        name_of(job.status),
        spec_hash.as_slice(),
        recipient.as_slice(),
        bigint("jobs.request_deadline", job.request.deadline())?,
        job.signature.as_ref(),
        job.spec,
        job.created_at,
        name_of(job.request.kind()),
        job.access.as_ref().map(|access| access.content.as_slice()),
        job.access.as_ref().map(|access| i64::from(access.valid_for_seconds)),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, kind, order_id, token_id, consumer, provider, status, failure, attempts, progress, spec_hash, result_key,
                request_deadline, signature, spec, cancel_requested, result_object, result_sha256, result_bytes,
                receipt, content_sha256, valid_for_seconds, expires_at, created_at, updated_at
         FROM jobs WHERE id = $1",
        id
    )
    .fetch_optional(connection)
    .await?;
    row.map(Job::try_from).transpose()
}

/// As [`find`]; the job is the transaction's own until it ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Job>, StoreError> {
    sqlx::query_scalar!("SELECT id FROM jobs WHERE id = $1 FOR UPDATE", id).fetch_optional(&mut *connection).await?;
    find(connection, id).await
}

/// Jobs of which the account is the consumer or the provider, of one kind or of all, newest first.
pub(crate) async fn list(
    connection: &mut PgConnection,
    account: Address,
    kind: Option<ServiceKind>,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, kind, order_id, token_id, consumer, provider, status, failure, attempts, progress, spec_hash, result_key,
                request_deadline, signature, spec, cancel_requested, result_object, result_sha256, result_bytes,
                receipt, content_sha256, valid_for_seconds, expires_at, created_at, updated_at
         FROM jobs WHERE (consumer = $1 OR provider = $1) AND id < $2 AND ($4::text IS NULL OR kind = $4)
         ORDER BY id DESC LIMIT $3",
        account.as_slice(),
        before.unwrap_or(Uuid::max()),
        i64::from(limit),
        kind.map(name_of),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Job::try_from).collect()
}

/// The job of an order that has not ended, locked.
pub(crate) async fn lock_live_of_order(
    connection: &mut PgConnection,
    order_id: B256,
) -> Result<Option<Job>, StoreError> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM jobs WHERE order_id = $1 AND status IN ('queued', 'leased', 'running') FOR UPDATE",
        order_id.as_slice()
    )
    .fetch_optional(&mut *connection)
    .await?;
    match id {
        Some(id) => find(connection, id).await,
        None => Ok(None),
    }
}

/// True if there is a queued job that this provider can still run, which another runner may be taking.
pub(crate) async fn is_any_queued(
    connection: &mut PgConnection,
    provider: Address,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let any = sqlx::query_scalar!(
        "SELECT EXISTS (
             SELECT FROM jobs j JOIN orders o ON o.id = j.order_id
             WHERE j.provider = $1 AND j.status = 'queued' AND o.status = 'open' AND o.deadline > $2
         ) AS \"any!\"",
        provider.as_slice(),
        now.unix_timestamp(),
    )
    .fetch_one(connection)
    .await?;
    Ok(any)
}

/// The oldest queued job that this provider can still run, locked; jobs that another runner is taking are passed over.
pub(crate) async fn lock_next_queued(
    connection: &mut PgConnection,
    provider: Address,
    now: OffsetDateTime,
) -> Result<Option<Job>, StoreError> {
    let id = sqlx::query_scalar!(
        "SELECT j.id FROM jobs j JOIN orders o ON o.id = j.order_id
         WHERE j.provider = $1 AND j.status = 'queued' AND o.status = 'open' AND o.deadline > $2
         ORDER BY j.id LIMIT 1 FOR UPDATE OF j SKIP LOCKED",
        provider.as_slice(),
        now.unix_timestamp(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    match id {
        Some(id) => find(connection, id).await,
        None => Ok(None),
    }
}

/// Queued jobs whose order can not be fulfilled any more.
pub(crate) async fn queued_in_vain(
    connection: &mut PgConnection,
    now: OffsetDateTime,
    limit: u32,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT j.id FROM jobs j JOIN orders o ON o.id = j.order_id
         WHERE j.status = 'queued' AND (o.status <> 'open' OR o.deadline <= $1) ORDER BY j.id LIMIT $2",
        now.unix_timestamp(),
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// Writes all of a job that can change.
pub(crate) async fn update(connection: &mut PgConnection, job: &Job) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE jobs SET status = $2, failure = $3, attempts = $4, progress = $5, cancel_requested = $6,
                         result_object = $7, result_sha256 = $8, result_bytes = $9, receipt = $10, updated_at = $11,
                         expires_at = $12
         WHERE id = $1",
        job.id,
        name_of(job.status),
        job.failure.as_ref().map(|f| to_json("jobs.failure", f)).transpose()?,
        i32::try_from(job.attempts).map_err(|_| StoreError::Unreadable { column: "jobs.attempts" })?,
        job.progress.as_ref().map(|p| to_json("jobs.progress", p)).transpose()?,
        job.cancel_requested,
        job.result.as_ref().map(|r| r.object),
        job.result.as_ref().map(|r| r.info.sha256.as_slice()),
        job.result.as_ref().map(|r| bigint("jobs.result_bytes", r.info.bytes)).transpose()?,
        job.receipt.as_ref().map(|r| to_json("jobs.receipt", r)).transpose()?,
        job.updated_at,
        job.access.and_then(|access| access.expires_at),
    )
    .execute(connection)
    .await?;
    Ok(())
}
