//! `/v1/uploads`: ciphertext on its way into the store.

use atoll_protocol::api::{NewUpload, Upload};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use uuid::Uuid;

use super::{
    App, Problems,
    caller::Caller,
    extract::{Id, IdempotencyKey, Json},
    idempotency::{Creation, create as create_once},
    problem::{ApiError, Kind},
};
use crate::{
    storage::{Expected, Storage, StorageError, Stored},
    store::uploads,
};

/// Announces an upload.
#[utoipa::path(
    post, path = "/v1/uploads", operation_id = "create_upload", tag = "uploads", security(("session" = [])), request_body = NewUpload,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe")),
    responses((status = 201, description = "The upload", body = Upload), Problems)
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    key: Option<IdempotencyKey>,
    body: Json<NewUpload>,
) -> Result<(StatusCode, axum::Json<Upload>), ApiError> {
    let NewUpload { sha256, bytes } = body.value;
    if bytes == 0 || bytes > app.limits.upload_bytes {
        let detail = format!("`bytes` has to be from 1 to {}.", app.limits.upload_bytes);
        return Err(ApiError::field(Kind::InvalidBody, "/bytes", detail));
    }
    let now = app.clock.now();
    let upload = Upload { id: app.randomness.id(now)?, sha256, bytes, complete: false };
    let creation = Creation { name: "create upload", account: caller.address, key, body: body.sha256 };
    let upload = create_once(&app, creation, async |mut tx| {
        uploads::insert(&mut tx, &upload, caller.address, now).await?;
        Ok((tx, upload))
    })
    .await?;
    Ok((StatusCode::CREATED, axum::Json(upload)))
}

/// Sends the bytes. They are kept only if they are the announced ones.
#[utoipa::path(
    put, path = "/v1/uploads/{id}/content", operation_id = "put_upload_content", tag = "uploads", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The upload")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The complete upload", body = Upload), Problems)
)]
pub(crate) async fn put_content(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    headers: HeaderMap,
    body: Body,
) -> Result<axum::Json<Upload>, ApiError> {
    let mut connection = app.store.connection().await?;
    let upload = uploads::find(&mut connection, id, caller.address).await?;
    let mut upload = upload.ok_or_else(|| ApiError::not_found("upload"))?;
    drop(connection);
    if upload.complete {
        return Err(ApiError::new(Kind::UploadComplete, "This upload is complete; nothing is left to send."));
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length != upload.bytes) {
        return Err(StorageError::Length { declared: upload.bytes }.into());
    }
    let expected = Expected::Exactly(Stored { sha256: upload.sha256, bytes: upload.bytes });
    app.storage.put(&Storage::content(upload.sha256), body.into_data_stream(), expected).await?;
    let now = app.clock.now();
    app.store
        .run_tx::<_, ApiError, _>("complete upload", async |mut tx| {
            uploads::complete(&mut tx, &upload, now).await?;
            Ok((tx, ()))
        })
        .await?;
    upload.complete = true;
    metrics::counter!("atoll_uploaded_bytes_total").increment(upload.bytes);
    Ok(axum::Json(upload))
}

/// One's own upload.
#[utoipa::path(
    get, path = "/v1/uploads/{id}", operation_id = "read_upload", tag = "uploads", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The upload")),
    responses((status = 200, description = "The upload", body = Upload), Problems)
)]
pub(crate) async fn read(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<axum::Json<Upload>, ApiError> {
    let mut connection = app.store.connection().await?;
    let upload = uploads::find(&mut connection, id, caller.address).await?;
    upload.map(axum::Json).ok_or_else(|| ApiError::not_found("upload"))
}
