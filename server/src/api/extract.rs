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
use serde_json::Value;
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
    parse_as_written(bytes).or_else(|error| {
        // To JSON, and so to some clients, 7.0 is an integer (JSON Schema 2020-12, validation, 6.1.1).
        let mut value: Value = serde_json::from_slice(bytes).map_err(|_| error.clone())?;
        whole_numbers(&mut value);
        T::deserialize(value).map_err(|_| error)
    })
}

/// Writes numbers without a fraction as integers, as far as they are exact.
fn whole_numbers(value: &mut Value) {
    const EXACT: f64 = (1_u64 << 53) as f64;
    match value {
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(members) => members.values_mut().for_each(whole_numbers),
        Value::Number(number) => {
            let whole = number.as_f64().filter(|it| number.is_f64() && it.fract() == 0.0 && it.abs() <= EXACT);
            if let Some(whole) = whole {
                *number = (whole as i64).into();
            }
        }
        _ => {}
    }
}

fn parse_as_written<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
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
        // A header may hold a tab as well, and so would a text of it.
        let visible = |key: &&str| key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        match value.to_str().ok().filter(visible) {
            Some(key) if (1..=255).contains(&key.len()) => Ok(Some(Self(key.to_owned()))),
            _ => Err(ApiError::new(
                Kind::InvalidHeader,
                "An Idempotency-Key has 1 to 255 visible ASCII characters or spaces.",
            )),
        }
    }
}

/// `Last-Event-ID`: the number of the last event of a stream that a client has (HTML, server-sent events).
pub(crate) struct LastEventId(pub(crate) i64);

impl OptionalFromRequestParts<App> for LastEventId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Option<Self>, ApiError> {
        let Some(value) = parts.headers.get("last-event-id") else { return Ok(None) };
        let digits = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.to_str().ok().filter(digits).and_then(|text| text.parse().ok());
        let odd = || ApiError::new(Kind::InvalidHeader, "Last-Event-ID is the number of an event of this stream.");
        Ok(Some(Self(number.ok_or_else(odd)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Inner {
        numbers: Vec<u8>,
    }

    #[test]
    fn a_wrong_body_names_its_place() {
        let error = parse::<Inner>(br#"{"numbers": [1, 2, "x"]}"#).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidBody);
        assert_eq!(error.problem(None).errors[0].pointer, "/numbers/2");
        assert_eq!(parse::<Inner>(br#"{"numbers": [1.5]}"#).unwrap_err().problem(None).errors[0].pointer, "/numbers/0");
        assert_eq!(
            parse::<Inner>(br#"{"numbers": [256.0]}"#).unwrap_err().problem(None).errors[0].pointer,
            "/numbers/0"
        );
        assert_eq!(parse::<Inner>(b"{").unwrap_err().kind(), Kind::MalformedJson);
        assert_eq!(parse::<Inner>(br#"{"numbers": []} x"#).unwrap_err().kind(), Kind::MalformedJson);
    }

    #[test]
    fn a_number_without_a_fraction_is_an_integer() {
        assert_eq!(parse::<Inner>(br#"{"numbers": [7.0, 2e2, 1]}"#).unwrap().numbers, [7, 200, 1]);
        let mut value = serde_json::json!([9007199254740992.0, 9007199254740994.0, 0.5, "1.0"]);
        whole_numbers(&mut value);
        assert_eq!(value.to_string(), r#"[9007199254740992,9007199254740994.0,0.5,"1.0"]"#);
    }
}
