//! `/v1/sessions`: sign-in with Ethereum (EIP-4361), and the caller's sessions.

use alloy::primitives::hex;
use atoll_protocol::api::{NewSession, OpenSession, Page, Session};
use axum::{
    Json as JsonAnswer,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::{
    App, Problems,
    caller::{self, Caller, token_hash},
    cursor,
    extract::{Id, Json, Query},
    jobs::Paging,
    problem::{ApiError, Kind},
    sign_in::{self, Refusal},
    signer,
};
use crate::store::{nonces, sessions};

/// How long a session lasts.
const LIFETIME: time::Duration = time::Duration::hours(12);

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::new(Kind::SignInRefused, format!("The sign-in was refused: {refusal}."))
    }
}

/// Signs in. The nonce works once, whatever comes of it: after a lost answer, sign in anew with another.
#[utoipa::path(
    post, path = "/v1/sessions", operation_id = "create_session", tag = "sign-in", request_body = NewSession,
    extensions(("x-problems" = json!(["sign-in-refused", "cross-site", "chain-unavailable"]))),
    responses(
        (
            status = 201, description = "A session; with `cookie`, its token is in `Set-Cookie`", body = Session,
            headers(("Set-Cookie" = String, description = "The session's cookie, if one was asked for (RFC 6265)"))
        ),
        Problems
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    body: Json<NewSession>,
) -> Result<Response, ApiError> {
    let NewSession { message: text, signature, cookie } = body.value;
    if cookie {
        // Otherwise another site's page could sign a browser in to a wallet of its own.
        caller::from_own_page(&headers, &app.site)?;
    }
    let message = sign_in::parse(&text)?;
    let now = app.clock.now();
    let mut connection = app.store.connection().await?;
    // Before any other check: whatever is wrong with the message, its nonce is gone.
    if !nonces::consume(&mut connection, &message.nonce, now).await? {
        return Err(Refusal::Nonce.into());
    }
    // The chain may be asked next, and may be slow.
    drop(connection);
    let (address, hash) = sign_in::check(&text, &message, &app.site, now)?;
    if let Err(refused) = signer::verify(&app.chain, hash, &signature, address).await? {
        return Err(Refusal::from(refused).into());
    }
    let token = format!("atoll_{}", hex::encode(app.randomness.bytes::<32>()?));
    let session = sessions::Session {
        id: app.randomness.id(now)?,
        account: address,
        cookie,
        created_at: now,
        expires_at: now + LIFETIME,
    };
    let mut connection = app.store.connection().await?;
    sessions::insert(&mut connection, token_hash(&token), &session).await?;
    tracing::info!(account = %address, "signed in");
    let answer = |token| {
        let sessions::Session { id, expires_at, .. } = session;
        (StatusCode::CREATED, JsonAnswer(Session { id, token, address, expires_at }))
    };
    Ok(if cookie {
        let kept = caller::cookie(&token, LIFETIME.whole_seconds())?;
        ([(header::SET_COOKIE, kept)], answer(None)).into_response()
    } else {
        answer(Some(token)).into_response()
    })
}

/// The caller's sessions, newest first.
#[utoipa::path(
    get, path = "/v1/sessions", operation_id = "list_sessions", tag = "sign-in", security(("session" = [])), params(Paging),
    responses((status = 200, description = "A page of sessions that have not ended", body = Page<OpenSession>), Problems)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<JsonAnswer<Page<OpenSession>>, ApiError> {
    let limit = cursor::limit(paging.limit)?;
    let before = cursor::decode(paging.cursor.as_deref())?;
    let mut connection = app.store.connection().await?;
    let found = sessions::list(&mut connection, caller.address, before, limit + 1, app.clock.now()).await?;
    let (found, next_cursor) = cursor::page(found, limit, |session| session.id)?;
    let items = found
        .into_iter()
        .map(|sessions::Session { id, cookie, created_at, expires_at, .. }| OpenSession {
            id,
            cookie,
            current: id == caller.session,
            created_at,
            expires_at,
        })
        .collect();
    Ok(JsonAnswer(Page { items, next_cursor }))
}

/// Revokes one of the caller's sessions.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", operation_id = "revoke_session", tag = "sign-in", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The session")),
    responses((status = 204, description = "The session has ended"), Problems)
)]
pub(crate) async fn revoke(State(app): State<App>, caller: Caller, Id(id): Id<Uuid>) -> Result<Response, ApiError> {
    let mut connection = app.store.connection().await?;
    if !sessions::delete(&mut connection, caller.address, id).await? {
        return Err(ApiError::not_found("session"));
    }
    ended(caller, id == caller.session)
}

/// Revokes all of the caller's sessions, this one too.
#[utoipa::path(
    delete, path = "/v1/sessions", operation_id = "revoke_sessions", tag = "sign-in", security(("session" = [])),
    responses((status = 204, description = "All sessions have ended"), Problems)
)]
pub(crate) async fn revoke_all(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let mut connection = app.store.connection().await?;
    sessions::delete_all(&mut connection, caller.address).await?;
    tracing::info!(account = %caller.address, "all sessions revoked");
    ended(caller, true)
}

/// Signs out.
#[utoipa::path(
    delete, path = "/v1/sessions/current", operation_id = "delete_session", tag = "sign-in", security(("session" = [])),
    responses(
        (
            status = 204, description = "The session has ended",
            headers(("Set-Cookie" = String, description = "Takes the session's cookie away"))
        ),
        Problems
    )
)]
pub(crate) async fn delete(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let mut connection = app.store.connection().await?;
    sessions::delete(&mut connection, caller.address, caller.session).await?;
    ended(caller, true)
}

/// A browser forgets the cookie of a session that has ended.
fn ended(caller: Caller, current: bool) -> Result<Response, ApiError> {
    Ok(if caller.cookie && current {
        (StatusCode::NO_CONTENT, [(header::SET_COOKIE, caller::cookie("", 0)?)]).into_response()
    } else {
        StatusCode::NO_CONTENT.into_response()
    })
}
