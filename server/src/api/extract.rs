//! Parts of a request, each of which fails with a problem.

use std::str::FromStr;

use alloy::primitives::B256;
use atoll_protocol::canonical;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Path as AxumPath, Request},
    http::{header, request::Parts},
};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{
    App,
    problem::{ApiError, Kind},
};

/// A JSON body, with the hash of its bytes.
pub(crate) struct Json<T> {
    pub(crate) value: T,
    pub(crate) sha256: B256,
}

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let essence = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        if essence != "application/json" {
            let detail = "The body has to be JSON; send it with `Content-Type: application/json`.";
            return Err(ApiError::new(Kind::UnsupportedMediaType, detail));
        }
        let bytes =
            Bytes::from_request(request, app).await.map_err(|rejection| match Kind::of_status(rejection.status()) {
                Kind::TooLarge => ApiError::new(Kind::TooLarge, "A JSON body has at most 1 MiB."),
                kind => ApiError::new(kind, "The body ended early; send it again."),
            })?;
        Ok(Self { value: parse(&bytes)?, sha256: B256::from_slice(&Sha256::digest(&bytes)) })
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = canonical::pointer(error.path());
        let inner = error.into_inner();
        if inner.is_data() {
            ApiError::field(Kind::InvalidBody, &pointer, format!("The body is not as expected: {inner}."))
        } else {
            ApiError::new(Kind::MalformedJson, format!("The body is not JSON: {inner}."))
        }
    })?;
    deserializer.end().map_err(|e| ApiError::new(Kind::MalformedJson, format!("The body is not JSON: {e}.")))?;
    Ok(value)
}

/// Query parameters; unknown ones are for the type to refuse.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri).map(|query| Self(query.0)).map_err(|error| {
            ApiError::new(Kind::InvalidQuery, format!("A query parameter is wrong: {}.", error.body_text()))
        })
    }
}

/// The one variable part of a path. What can not be an id is not found.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr> FromRequestParts<App> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let not_found = || ApiError::not_found("resource");
        let AxumPath(text) = <AxumPath<String> as FromRequestParts<App>>::from_request_parts(parts, app)
            .await
            .map_err(|_| not_found())?;
        text.parse().map(Self).map_err(|_| not_found())
    }
}

/// `Idempotency-Key`: a retry with the same key has the same answer and no second effect.
pub(crate) struct IdempotencyKey(pub(crate) String);

impl OptionalFromRequestParts<App> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Option<Self>, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(None) };
        match value.to_str() {
            Ok(key) if !key.is_empty() && key.len() <= 255 => Ok(Some(Self(key.to_owned()))),
            _ => Err(ApiError::new(Kind::InvalidHeader, "An Idempotency-Key has 1 to 255 visible ASCII characters.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Inner {
        #[allow(dead_code)]
        numbers: Vec<u8>,
    }

    #[test]
    fn a_wrong_body_names_its_place() {
        let error = parse::<Inner>(br#"{"numbers": [1, 2, "x"]}"#).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidBody);
        assert_eq!(error.problem(None).errors[0].pointer, "/numbers/2");
        assert_eq!(parse::<Inner>(b"{").unwrap_err().kind(), Kind::MalformedJson);
        assert_eq!(parse::<Inner>(br#"{"numbers": []} x"#).unwrap_err().kind(), Kind::MalformedJson);
    }
}
