//! `/v1/nonces`: what a sign-in message has to contain, once.

use alloy::primitives::hex;
use atoll_protocol::api::Nonce;
use axum::{Json, extract::State, http::StatusCode};

use super::{App, Problems, problem::ApiError};
use crate::store::nonces;

/// How long a nonce can be used.
const LIFETIME: time::Duration = time::Duration::minutes(10);

/// Makes a nonce for a sign-in message.
#[utoipa::path(
    post, path = "/v1/nonces", operation_id = "create_nonce", tag = "sign-in",
    responses((status = 201, description = "A nonce", body = Nonce), Problems)
)]
pub(crate) async fn create(State(app): State<App>) -> Result<(StatusCode, Json<Nonce>), ApiError> {
    let nonce = hex::encode(app.randomness.bytes::<16>()?);
    let mut connection = app.store.connection().await?;
    nonces::insert(&mut connection, &nonce, app.clock.now() + LIFETIME).await?;
    Ok((StatusCode::CREATED, Json(Nonce { nonce })))
}
