//! `/v1/sessions`: sign-in with Ethereum (EIP-4361).

use alloy::primitives::hex;
use atoll_protocol::api::{NewSession, Session};
use axum::{extract::State, http::StatusCode};

use super::{
    App, Problems,
    caller::{Caller, token_hash},
    extract::Json,
    problem::{ApiError, Kind},
    sign_in::{self, Refusal},
};
use crate::store::{nonces, sessions};

/// How long a session lasts.
const LIFETIME: time::Duration = time::Duration::hours(12);

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::new(Kind::SignInRefused, format!("The sign-in was refused: {refusal}."))
    }
}

/// Signs in.
#[utoipa::path(
    post, path = "/v1/sessions", operation_id = "create_session", tag = "sign-in", request_body = NewSession,
    responses((status = 201, description = "A session", body = Session), Problems)
)]
pub(crate) async fn create(
    State(app): State<App>,
    body: Json<NewSession>,
) -> Result<(StatusCode, axum::Json<Session>), ApiError> {
    let NewSession { message: text, signature } = body.value;
    let message = sign_in::parse(&text)?;
    let now = app.clock.now();
    let mut connection = app.store.connection().await?;
    // Before any other check: whatever is wrong with the message, its nonce is gone.
    if !nonces::consume(&mut connection, &message.nonce, now).await? {
        return Err(Refusal::Nonce.into());
    }
    let address = sign_in::check(&text, &message, &signature, &app.site, now)?;
    let token = format!("atoll_{}", hex::encode(app.randomness.bytes::<32>()?));
    let expires_at = now + LIFETIME;
    sessions::insert(&mut connection, token_hash(&token), address, expires_at).await?;
    tracing::info!(account = %address, "signed in");
    Ok((StatusCode::CREATED, axum::Json(Session { token, address, expires_at })))
}

/// Signs out.
#[utoipa::path(
    delete, path = "/v1/sessions/current", operation_id = "delete_session", tag = "sign-in", security(("session" = [])),
    responses((status = 204, description = "The session has ended"), Problems)
)]
pub(crate) async fn delete(State(app): State<App>, caller: Caller) -> Result<StatusCode, ApiError> {
    let mut connection = app.store.connection().await?;
    sessions::delete(&mut connection, caller.session).await?;
    Ok(StatusCode::NO_CONTENT)
}
