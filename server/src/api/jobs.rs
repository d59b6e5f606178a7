//! `/v1/jobs`: the caller's jobs, as consumer or as provider.

use alloy::primitives::B256;
use atoll_protocol::{
    api::{Job, JobStatus, NewJob, Page, ResultInfo, SignedReceipt, SubmittedRequest},
    job::Declared,
};
use axum::{
    Json as JsonAnswer,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    App, Problems,
    caller::Caller,
    ciphertext::{self, Ciphertext},
    cursor,
    extract::{Id, IdempotencyKey, Json, Query},
    idempotency::{Creation, about, create as create_once},
    job_request::{self, Asked},
    problem::{ApiError, Kind},
    providers,
};
use crate::{
    deployment::Deployment,
    job::{self, Actor, Step, asset_id},
    store::{
        Tx,
        contents::{self, Content},
        job_events, job_orders, jobs,
    },
};

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// Items per page, 1 to 100; 20 if absent.
    pub(super) limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

pub(crate) fn resource(deployment: &Deployment, job: &jobs::Job) -> Job {
    Job {
        id: job.id,
        kind: job.request.kind(),
        order_id: job.order_id,
        asset: asset_id(deployment, job.token_id),
        consumer: job.consumer,
        provider: job.provider,
        status: job.status,
        failure: job.failure.clone(),
        attempts: job.attempts,
        progress: job.progress,
        result: job.result.as_ref().filter(|_| job.status == JobStatus::Completed).map(|r| r.info.clone()),
        receipt: job.receipt.clone(),
        created_at: job.created_at,
        updated_at: job.updated_at,
    }
}

/// A job that concerns the caller.
pub(crate) fn own(job: Option<jobs::Job>, caller: Caller) -> Result<jobs::Job, ApiError> {
    job.filter(|job| [job.consumer, job.provider].contains(&caller.address)).ok_or_else(|| ApiError::not_found("job"))
}

/// Checks what a consumer asks for, and queues it.
pub(super) async fn queue(app: &App, tx: &mut Tx, caller: Caller, asked: Asked) -> Result<jobs::Job, ApiError> {
    let now = app.clock.now();
    let checked = job_request::check(tx, &app.deployment, caller, &asked, now).await?;
    let job = jobs::Job {
        id: app.randomness.id(now)?,
        order_id: checked.order.id,
        token_id: checked.order.token_id,
        consumer: checked.order.terms.consumer,
        provider: checked.order.terms.provider,
        status: JobStatus::Queued,
        failure: None,
        attempts: 0,
        progress: None,
        request: asked.request,
        signature: asked.signature,
        spec: asked.spec,
        cancel_requested: false,
        result: None,
        receipt: None,
        access: checked.access,
        created_at: now,
        updated_at: now,
    };
    jobs::insert(tx, &job).await?;
    job_orders::insert(tx, job.id, &checked.further).await?;
    let event = job_events::NewEvent {
        at: now,
        actor: Actor::Consumer.name(),
        status: JobStatus::Queued,
        progress: None,
        reason: None,
    };
    job_events::insert(tx, job.id, &event).await?;
    tracing::info!(job.id = %job.id, order.id = %job.order_id, job.kind = ?job.request.kind(), "job queued");
    Ok(job)
}

/// Submits a job for an open order.
#[utoipa::path(
    post, path = "/v1/jobs", operation_id = "create_job", tag = "jobs", security(("session" = [])), request_body = NewJob,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe")),
    extensions(("x-problems" = json!([
        "not-found", "forbidden", "request-expired", "order-not-open", "order-used", "invalid-spec",
        "wrong-service", "invalid-signature", "asset-unusable", "asset-hidden", "content-missing", "index-halted",
        "chain-unavailable"
    ]))),
    responses((status = 201, description = "The job", body = Job), Problems)
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    key: Option<IdempotencyKey>,
    body: Json<NewJob>,
) -> Result<(StatusCode, JsonAnswer<Job>), ApiError> {
    app.require_live_index()?;
    let new = body.value;
    let creation = Creation { name: "create job", account: caller.address, key, body: body.sha256 };
    let answer = create_once(&app, creation, async |mut tx| {
        let job = queue(&app, &mut tx, caller, new.into()).await?;
        Ok((tx, resource(&app.deployment, &job)))
    })
    .await?;
    Ok((StatusCode::CREATED, JsonAnswer(answer)))
}

/// The caller's jobs, downloads among them, newest first.
#[utoipa::path(
    get, path = "/v1/jobs", operation_id = "list_jobs", tag = "jobs", security(("session" = [])), params(Paging),
    responses((status = 200, description = "A page of jobs", body = Page<Job>), Problems)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<JsonAnswer<Page<Job>>, ApiError> {
    let limit = cursor::limit(paging.limit)?;
    let before = cursor::decode(paging.cursor.as_deref())?;
    let mut connection = app.store.connection().await?;
    let found = jobs::list(&mut connection, caller.address, None, before, limit + 1).await?;
    let (found, next_cursor) = cursor::page(found, limit, |job| job.id)?;
    let items = found.iter().map(|job| resource(&app.deployment, job)).collect();
    Ok(JsonAnswer(Page { items, next_cursor }))
}

/// One of the caller's jobs.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", operation_id = "read_job", tag = "jobs", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The job")),
    responses((status = 200, description = "The job", body = Job), Problems)
)]
pub(crate) async fn read(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<JsonAnswer<Job>, ApiError> {
    let mut connection = app.store.connection().await?;
    let job = own(jobs::find(&mut connection, id).await?, caller)?;
    Ok(JsonAnswer(resource(&app.deployment, &job)))
}

/// What the consumer of a job signed and sent.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/request", operation_id = "read_job_request", tag = "jobs", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The job")),
    responses((status = 200, description = "The request", body = SubmittedRequest), Problems)
)]
pub(crate) async fn request(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<JsonAnswer<SubmittedRequest>, ApiError> {
    let mut connection = app.store.connection().await?;
    let jobs::Job { request, signature, spec, .. } = own(jobs::find(&mut connection, id).await?, caller)?;
    Ok(JsonAnswer(SubmittedRequest { request, signature, spec }))
}

/// The sealed model that a job begins with, for its provider.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/start-model", operation_id = "read_job_start_model", tag = "jobs",
    security(("session" = [])),
    params(
        ("id" = Uuid, Path, description = "The job"),
        ("Range" = Option<String>, Header, description = "One range of bytes (RFC 9110); `If-Range` takes the ETag")
    ),
    extensions(("x-problems" = json!(["range-not-satisfiable"]))),
    responses(
        (status = 200, description = "The sealed model", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "A range of it", body = Vec<u8>, content_type = "application/octet-stream"),
        Problems
    )
)]
pub(crate) async fn start_model(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut connection = app.store.connection().await?;
    let job = own(jobs::find(&mut connection, id).await?, caller)?;
    let missing =
        || ApiError::new(Kind::NotFound, "The job begins with no model, or with one that is not kept any more.");
    let start = Declared::parse(&job.spec).ok().and_then(|spec| spec.start().cloned()).ok_or_else(missing)?;
    let sha256 = start.ciphertext_sha256;
    let Content { bytes, blob } = contents::find(&mut connection, sha256).await?.ok_or_else(missing)?;
    drop(connection);
    ciphertext::answer(&app, &headers, Ciphertext { blob, bytes, sha256 }).await
}

/// The provider's signed receipt of a job that was done: what ran on what data, and what came out.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/receipt", operation_id = "read_job_receipt", tag = "jobs", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The job")),
    extensions(("x-problems" = json!(["no-result"]))),
    responses((status = 200, description = "The receipt, with its EIP-712 signature", body = SignedReceipt), Problems)
)]
pub(crate) async fn receipt(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<JsonAnswer<SignedReceipt>, ApiError> {
    let mut connection = app.store.connection().await?;
    let job = own(jobs::find(&mut connection, id).await?, caller)?;
    match job.receipt {
        Some(receipt) if job.status == JobStatus::Completed => Ok(JsonAnswer(receipt)),
        _ => Err(without_result(job.status)),
    }
}

/// Asks for a job's end. A runner that is there ends it and gives the stake back at once; without one, a queued job
/// ends here and the stake comes back at the order's deadline.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancellation", operation_id = "cancel_job", tag = "jobs", security(("session" = [])),
    params(
        ("id" = Uuid, Path, description = "The job"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe")
    ),
    extensions(("x-problems" = json!(["job-ended"]))),
    responses((status = 202, description = "The job as it is now", body = Job), Problems)
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    key: Option<IdempotencyKey>,
) -> Result<(StatusCode, JsonAnswer<Job>), ApiError> {
    let now = app.clock.now();
    let creation = Creation { name: "cancel job", account: caller.address, key, body: about(id, B256::ZERO) };
    let answer = create_once(&app, creation, async |mut tx| {
        let job = jobs::lock(&mut tx, id).await?.filter(|job| job.consumer == caller.address);
        let mut job = job.ok_or_else(|| ApiError::not_found("job"))?;
        if job.status.is_final() {
            return Err(ApiError::new(Kind::JobEnded, "The job has ended already; there is nothing to cancel."));
        }
        let online = providers::find(&mut tx, job.provider, now).await?.is_some_and(|p| p.online);
        job.cancel_requested = true;
        job.updated_at = now;
        if job.status == JobStatus::Queued && !online {
            job.failure = Some(atoll_protocol::failure::FailureCode::Cancelled);
            let reason = "cancelled while no runner was there; the stake comes back at the order's deadline";
            job::advance(&mut tx, &mut job, JobStatus::Cancelled, Step::by(Actor::Consumer, now, reason)).await?;
        } else {
            jobs::update(&mut tx, &job).await?;
        }
        Ok((tx, resource(&app.deployment, &job)))
    })
    .await?;
    Ok((StatusCode::ACCEPTED, JsonAnswer(answer)))
}

/// The sealed result, for the consumer; of a download, the content key, wrapped to the consumer.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/result", operation_id = "read_job_result", tag = "jobs", security(("session" = [])),
    params(
        ("id" = Uuid, Path, description = "The job"),
        ("Range" = Option<String>, Header, description = "One range of bytes (RFC 9110); `If-Range` takes the ETag")
    ),
    extensions(("x-problems" = json!(["no-result", "range-not-satisfiable"]))),
    responses(
        (status = 200, description = "The sealed result", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "A range of it", body = Vec<u8>, content_type = "application/octet-stream"),
        Problems
    )
)]
pub(crate) async fn result(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut connection = app.store.connection().await?;
    let job = jobs::find(&mut connection, id).await?.filter(|job| job.consumer == caller.address);
    let job = job.ok_or_else(|| ApiError::not_found("job"))?;
    drop(connection);
    match job.result {
        Some(stored) if job.status == JobStatus::Completed => {
            let ResultInfo { sha256, bytes } = stored.info;
            ciphertext::answer(&app, &headers, Ciphertext { blob: stored.object, bytes, sha256 }).await
        }
        _ => Err(without_result(job.status)),
    }
}

fn without_result(status: JobStatus) -> ApiError {
    ApiError::new(
        Kind::NoResult,
        match status.is_final() {
            true => "The job ended without a result.",
            false => "The job has no result yet; watch its events until it is completed.",
        },
    )
}
