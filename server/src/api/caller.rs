//! Who calls: the wallet of a session.

use alloy::primitives::{Address, B256};
use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use sha2::{Digest, Sha256};

use super::{
    App,
    problem::{ApiError, Kind},
};
use crate::store::sessions;

/// A wallet that has signed in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) address: Address,
    /// Hash of the session's token.
    pub(crate) session: B256,
}

/// What the store keeps of a bearer token.
pub(crate) fn token_hash(token: &str) -> B256 {
    B256::from_slice(&Sha256::digest(token.as_bytes()))
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let refused = |detail: &'static str| ApiError::new(Kind::Unauthenticated, detail);
        let header = parts
            .headers
            .get(header::AUTHORIZATION)
            .ok_or_else(|| refused("Sign in at POST /v1/sessions and send the token as `Authorization: Bearer …`."))?;
        let token = header
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| refused("The Authorization header has to be `Bearer …` with the session's token."))?;
        let session = token_hash(token);
        let mut connection = app.store.connection().await?;
        let address = sessions::account_of(&mut connection, session, app.clock.now())
            .await?
            .ok_or_else(|| refused("The session has ended or never was; sign in again at POST /v1/sessions."))?;
        tracing::Span::current().record("account", tracing::field::display(address));
        Ok(Self { address, session })
    }
}
