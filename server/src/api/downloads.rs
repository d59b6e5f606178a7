//! `/v1/downloads`: content that the caller bought. A download is a job whose result is the content key, wrapped to the
//! consumer: its events, its cancellation and its result are those of the job with the same id.

use atoll_protocol::{
    api::{Download, JobStatus, NewDownload, Page},
    document::ServiceKind,
};
use axum::{
    Json as JsonAnswer,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use uuid::Uuid;

use super::{
    App, Problems,
    caller::Caller,
    ciphertext::{self, Ciphertext},
    cursor,
    extract::{Id, IdempotencyKey, Json, Query},
    idempotency::{Creation, create as create_once},
    jobs::{Paging, own, queue},
    problem::{ApiError, Kind},
};
use crate::{
    deployment::Deployment,
    job::asset_id,
    store::{
        StoreError,
        contents::{self, Content},
        job_events, jobs,
    },
};

fn resource(deployment: &Deployment, job: &jobs::Job, reason: Option<String>) -> Result<Download, ApiError> {
    let completed = job.status == JobStatus::Completed;
    Ok(Download {
        id: job.id,
        order_id: job.order_id,
        asset: asset_id(deployment, job.token_id),
        spec: serde_json::from_value(job.spec.clone())?,
        consumer: job.consumer,
        provider: job.provider,
        status: job.status,
        failure: job.failure.clone(),
        reason,
        key: job.result.as_ref().filter(|_| completed).map(|result| result.info.clone()),
        receipt: job.receipt.clone(),
        expires_at: job.access.and_then(|access| access.expires_at),
        created_at: job.created_at,
        updated_at: job.updated_at,
    })
}

/// Asks for the content of an open order's asset. The provider wraps the content key to the key in the request.
#[utoipa::path(
    post, path = "/v1/downloads", operation_id = "create_download", tag = "downloads", security(("session" = [])), request_body = NewDownload,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe")),
    extensions(("x-problems" = json!([
        "not-found", "forbidden", "request-expired", "order-not-open", "order-used", "invalid-spec",
        "wrong-service", "invalid-signature", "asset-unusable", "asset-hidden", "content-missing", "index-halted",
        "chain-unavailable"
    ]))),
    responses((status = 201, description = "The download", body = Download), Problems)
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    key: Option<IdempotencyKey>,
    body: Json<NewDownload>,
) -> Result<(StatusCode, JsonAnswer<Download>), ApiError> {
    app.require_live_index()?;
    let asked = body.value.try_into()?;
    let creation = Creation { name: "create download", account: caller.address, key, body: body.sha256 };
    let answer = create_once(&app, creation, async |mut tx| {
        let job = queue(&app, &mut tx, caller, asked).await?;
        Ok((tx, resource(&app.deployment, &job, None)?))
    })
    .await?;
    Ok((StatusCode::CREATED, JsonAnswer(answer)))
}

/// The caller's downloads, as consumer or as provider, newest first.
#[utoipa::path(
    get, path = "/v1/downloads", operation_id = "list_downloads", tag = "downloads", security(("session" = [])), params(Paging),
    responses((status = 200, description = "A page of downloads", body = Page<Download>), Problems)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<JsonAnswer<Page<Download>>, ApiError> {
    let limit = cursor::limit(paging.limit)?;
    let before = cursor::decode(paging.cursor.as_deref())?;
    let mut connection = app.store.connection().await?;
    let found = jobs::list(&mut connection, caller.address, Some(ServiceKind::Download), before, limit + 1).await?;
    let (found, next_cursor) = cursor::page(found, limit, |job| job.id)?;
    let ids: Vec<Uuid> = found.iter().map(|job| job.id).collect();
    let mut reasons = job_events::last_reasons(&mut connection, &ids).await?;
    let items =
        found.iter().map(|job| resource(&app.deployment, job, reasons.remove(&job.id))).collect::<Result<_, _>>()?;
    Ok(JsonAnswer(Page { items, next_cursor }))
}

fn of_kind(job: Option<jobs::Job>) -> Option<jobs::Job> {
    job.filter(|job| job.request.kind() == ServiceKind::Download)
}

/// One of the caller's downloads.
#[utoipa::path(
    get, path = "/v1/downloads/{id}", operation_id = "read_download", tag = "downloads", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The download")),
    responses((status = 200, description = "The download", body = Download), Problems)
)]
pub(crate) async fn read(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<JsonAnswer<Download>, ApiError> {
    let mut connection = app.store.connection().await?;
    let job = own(of_kind(jobs::find(&mut connection, id).await?), caller)?;
    let reason = job_events::last_reasons(&mut connection, &[id]).await?.remove(&id);
    Ok(JsonAnswer(resource(&app.deployment, &job, reason)?))
}

/// The ciphertext, for the consumer, from the delivery of its key until the download expires.
#[utoipa::path(
    get, path = "/v1/downloads/{id}/content", operation_id = "read_download_content", tag = "downloads", security(("session" = [])),
    params(
        ("id" = Uuid, Path, description = "The download"),
        ("Range" = Option<String>, Header, description = "One range of bytes (RFC 9110); `If-Range` takes the ETag")
    ),
    extensions(("x-problems" = json!(["no-result", "download-expired", "range-not-satisfiable"]))),
    responses(
        (status = 200, description = "The ciphertext", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "A range of it", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The client has it already"),
        Problems
    )
)]
pub(crate) async fn content(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut connection = app.store.connection().await?;
    let job = of_kind(jobs::find(&mut connection, id).await?).filter(|job| job.consumer == caller.address);
    let job = job.ok_or_else(|| ApiError::not_found("download"))?;
    let access = job.access.ok_or(StoreError::Unreadable { column: "jobs.content_sha256" })?;
    let Some(expires_at) = access.expires_at else {
        let detail = match job.status.is_final() {
            true => "The download ended without a key, so there is nothing to fetch; order it again.",
            false => "The provider has not delivered the key yet; wait until the download is completed.",
        };
        return Err(ApiError::new(Kind::NoResult, detail));
    };
    if expires_at <= app.clock.now() {
        let detail = format!(
            "The content could be fetched for {} s after the delivery of its key; order it again to fetch it again.",
            access.valid_for_seconds
        );
        return Err(ApiError::new(Kind::DownloadExpired, detail));
    }
    let stored = contents::find(&mut connection, access.content).await?;
    drop(connection);
    let Content { bytes, blob } = stored.ok_or_else(|| {
        let detail = "The content is not on this server any more; ask its publisher for it.";
        ApiError::new(Kind::NotFound, detail)
    })?;
    ciphertext::answer(&app, &headers, Ciphertext { blob, bytes, sha256: access.content }).await
}
