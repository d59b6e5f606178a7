//! `/v1/providers`: who computes, and whether it is there.

use alloy::primitives::Address;
use atoll_protocol::api::{Environment, Provider, ProviderStatus};
use axum::extract::State;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use super::{
    App, Problems,
    caller::Caller,
    extract::{Id, Json},
    problem::{ApiError, Kind},
};
use crate::store::providers;

/// A provider that was silent for longer is not counted on.
const ONLINE_WITHIN: Duration = Duration::seconds(60);
/// Most cores and jobs at once that a provider can name.
const MOST_AT_ONCE: u32 = 65_536;
/// Most operations per second that it can name: what a JavaScript number holds.
const MOST_SPEED: u64 = (1 << 53) - 1;
/// Most layers that a provider can list.
const MOST_LAYERS: usize = 64;
/// Longest name of a layer.
const LAYER_CHARS: usize = 64;

/// The provider, if it has introduced itself.
pub(crate) async fn find(
    connection: &mut PgConnection,
    address: Address,
    now: OffsetDateTime,
) -> Result<Option<Provider>, ApiError> {
    let found = providers::find(connection, address).await?;
    Ok(found.map(|(status, seen_at)| Provider { address, status, seen_at, online: now - seen_at <= ONLINE_WITHIN }))
}

/// Says that the caller's runner is there, and what it is.
#[utoipa::path(
    put, path = "/v1/providers/{address}", operation_id = "put_provider", tag = "providers", security(("session" = [])),
    params(("address" = String, Path, description = "The caller's own wallet")), request_body = ProviderStatus,
    extensions(("x-problems" = json!(["forbidden"]))),
    responses((status = 200, description = "The provider", body = Provider), Problems)
)]
pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Id(address): Id<Address>,
    body: Json<ProviderStatus>,
) -> Result<axum::Json<Provider>, ApiError> {
    if address != caller.address {
        return Err(ApiError::new(Kind::Forbidden, "A wallet can speak only for itself; sign in with the provider's."));
    }
    let status = body.value;
    let plain = |layer: &String| {
        let ascii = layer.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        ascii && (1..=LAYER_CHARS).contains(&layer.len()) && layer.trim() == layer
    };
    if status.sandbox.len() > MOST_LAYERS || !status.sandbox.iter().all(plain) {
        let detail =
            format!("At most {MOST_LAYERS} layers, named with 1 to {LAYER_CHARS} printable ASCII characters each.");
        return Err(ApiError::field(Kind::InvalidBody, "/sandbox", detail));
    }
    let Environment { cores, memory_mib, jobs_at_once, flops_per_second } = status.environment;
    for (name, number, most) in [
        ("cores", cores, MOST_AT_ONCE),
        ("memory_mib", memory_mib, i32::MAX.unsigned_abs()),
        ("jobs_at_once", jobs_at_once, MOST_AT_ONCE),
    ] {
        if !(1..=most).contains(&number) {
            let detail = format!("`{name}` is from 1 to {most}.");
            return Err(ApiError::field(Kind::InvalidBody, &format!("/environment/{name}"), detail));
        }
    }
    if flops_per_second.is_some_and(|speed| !(1..=MOST_SPEED).contains(&speed)) {
        let detail = format!("`flops_per_second` is from 1 to {MOST_SPEED}, or absent.");
        return Err(ApiError::field(Kind::InvalidBody, "/environment/flops_per_second", detail));
    }
    let now = app.clock.now();
    let mut connection = app.store.connection().await?;
    providers::put(&mut connection, address, &status, now).await?;
    Ok(axum::Json(Provider { address, status, seen_at: now, online: true }))
}

/// A provider as the server last heard of it.
#[utoipa::path(
    get, path = "/v1/providers/{address}", operation_id = "read_provider", tag = "providers",
    params(("address" = String, Path, description = "Its wallet")),
    responses((status = 200, description = "The provider", body = Provider), Problems)
)]
pub(crate) async fn read(State(app): State<App>, Id(address): Id<Address>) -> Result<axum::Json<Provider>, ApiError> {
    let mut connection = app.store.connection().await?;
    find(&mut connection, address, app.clock.now()).await?.map(axum::Json).ok_or_else(|| {
        ApiError::new(Kind::NotFound, "No runner with this wallet has introduced itself to this server.")
    })
}
