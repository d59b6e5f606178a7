//! `/v1/uploads`: ciphertext on its way into the store, at once or in as many requests as it takes.

use atoll_protocol::api::{NewUpload, Upload};
use axum::{
    Json as JsonAnswer,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::{
    App, Problems,
    caller::Caller,
    extract::{Id, IdempotencyKey, Json},
    idempotency::{Creation, create as create_once},
    problem::{ApiError, Kind},
};
use crate::store::uploads;

mod write;

use write::{Start, write};

/// How many bytes of an upload are stored.
pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// How many bytes it has in all.
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
/// `?1` once all are stored (RFC 9651).
const COMPLETE: HeaderName = HeaderName::from_static("upload-complete");

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
) -> Result<(StatusCode, JsonAnswer<Upload>), ApiError> {
    let NewUpload { sha256, bytes } = body.value;
    if bytes == 0 || bytes > app.limits.upload_bytes {
        let detail = format!("`bytes` has to be from 1 to {}.", app.limits.upload_bytes);
        return Err(ApiError::field(Kind::InvalidBody, "/bytes", detail));
    }
    let now = app.clock.now();
    let expires_at = Some(now + uploads::KEEP_OPEN);
    let upload = Upload { id: app.randomness.id(now)?, sha256, bytes, offset: 0, complete: false, expires_at };
    let creation = Creation { name: "create upload", account: caller.address, key, body: body.sha256 };
    let upload = create_once(&app, creation, async |mut tx| {
        uploads::insert(&mut tx, &upload, caller.address, now).await?;
        Ok((tx, upload))
    })
    .await?;
    Ok((StatusCode::CREATED, JsonAnswer(upload)))
}

/// Sends all bytes, from the first. If the connection breaks, what came is stored and can be gone on from.
#[utoipa::path(
    put, path = "/v1/uploads/{id}/content", operation_id = "put_upload_content", tag = "uploads", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The upload")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    extensions(("x-problems" = json!(["upload-mismatch", "upload-complete", "upload-offset"]))),
    responses((status = 200, description = "The complete upload", body = Upload), Problems)
)]
pub(crate) async fn put_content(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let length = content_length(&headers);
    let upload = write(app, (id, caller.address), Start::Anew, length, body.into_data_stream()).await?;
    if !upload.complete {
        let detail = format!(
            "The body has only {} of the declared {} bytes; send the rest with PATCH.",
            upload.offset, upload.bytes
        );
        return Err(ApiError::new(Kind::UploadMismatch, detail).header(OFFSET, offset_header(upload.offset)));
    }
    Ok(answer(upload))
}

/// Sends the next bytes, as many as one likes. They must go on where the stored ones end. The last ones complete the
/// upload, if all together have the declared hash; if not, it begins anew.
#[utoipa::path(
    patch, path = "/v1/uploads/{id}/content", operation_id = "append_upload_content", tag = "uploads", security(("session" = [])),
    params(
        ("id" = Uuid, Path, description = "The upload"),
        ("Upload-Offset" = u64, Header, description = "How many bytes are stored, as the client knows it")
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    extensions(("x-problems" = json!(["upload-mismatch", "upload-complete", "upload-offset"]))),
    responses((status = 200, description = "The upload, complete or not", body = Upload), Problems)
)]
pub(crate) async fn append_content(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mut values = headers.get_all(&OFFSET).iter();
    let offset = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().filter(|text| digits(text)).and_then(|text| text.parse().ok()),
        _ => None,
    };
    let offset = offset.ok_or_else(|| {
        let detail = "Upload-Offset has to be the number of bytes that are stored; ask for it with HEAD.";
        ApiError::new(Kind::InvalidHeader, detail)
    })?;
    let length = content_length(&headers);
    let upload = write(app, (id, caller.address), Start::After(offset), length, body.into_data_stream()).await?;
    Ok(answer(upload))
}

/// How many bytes of an upload are stored, in headers.
#[utoipa::path(
    head, path = "/v1/uploads/{id}/content", operation_id = "read_upload_offset", tag = "uploads", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The upload")),
    responses((status = 204, description = "The upload is there"), Problems)
)]
pub(crate) async fn read_offset(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<Response, ApiError> {
    let upload = find(&app, caller, id).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    describe(&mut response, &upload);
    // The next answer may be another.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// One's own upload.
#[utoipa::path(
    get, path = "/v1/uploads/{id}", operation_id = "read_upload", tag = "uploads", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The upload")),
    responses((status = 200, description = "The upload", body = Upload), Problems)
)]
pub(crate) async fn read(State(app): State<App>, caller: Caller, Id(id): Id<Uuid>) -> Result<Response, ApiError> {
    Ok(answer(find(&app, caller, id).await?))
}

async fn find(app: &App, caller: Caller, id: Uuid) -> Result<Upload, ApiError> {
    let mut connection = app.store.connection().await?;
    let upload = uploads::find(&mut connection, id, caller.address, app.clock.now()).await?;
    upload.ok_or_else(|| ApiError::not_found("upload"))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

fn offset_header(bytes: u64) -> HeaderValue {
    bytes.into()
}

fn answer(upload: Upload) -> Response {
    let mut response = JsonAnswer(&upload).into_response();
    describe(&mut response, &upload);
    response
}

fn describe(response: &mut Response, upload: &Upload) {
    let headers = response.headers_mut();
    headers.insert(OFFSET, offset_header(upload.offset));
    headers.insert(LENGTH, offset_header(upload.bytes));
    headers.insert(COMPLETE, HeaderValue::from_static(if upload.complete { "?1" } else { "?0" }));
}
