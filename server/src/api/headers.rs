//! What every answer says to browsers: no guessing of types, no framing, no referrer, and who may read it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use crate::config::Origin;

/// What an answer gets that does not say otherwise itself, as the pages do with their own policy. `no-store` because
/// tokens and what one account sees are not for caches.
const DEFAULTS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// For a year: the server is reached by TLS only.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// How long a browser may remember that a page may ask.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Adds what is missing.
pub(crate) fn secure(headers: &mut HeaderMap, tls: bool) {
    for (name, value) in &DEFAULTS {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    if tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TLS_ONLY);
    }
}

/// Request headers that a page of another origin may send.
const SENT: &[&str] = &[
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "range",
    "upload-complete",
    "upload-offset",
];

/// Answer headers that it may read.
const READ: &[&str] = &[
    "accept-ranges",
    "content-range",
    "etag",
    "link",
    "location",
    "retry-after",
    "upload-complete",
    "upload-length",
    "upload-offset",
    "www-authenticate",
    "x-request-id",
];

/// Lets pages of exactly these origins ask; without any, browsers let none. No cookies: such a page signs in with a
/// bearer token.
pub(crate) fn cross_origin(origins: &[Origin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let origins: Vec<HeaderValue> = origins.iter().map(|origin| origin.header().clone()).collect();
    let names = |names: &[&'static str]| names.iter().map(|name| HeaderName::from_static(name)).collect::<Vec<_>>();
    Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers(names(SENT))
            .expose_headers(names(READ))
            .max_age(REMEMBERED),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// What is picked anywhere in a document.
    fn named(value: &Value, found: &mut Vec<String>, pick: &dyn Fn(&Value) -> Vec<String>) {
        found.extend(pick(value));
        match value {
            Value::Object(fields) => fields.values().for_each(|field| named(field, found, pick)),
            Value::Array(items) => items.iter().for_each(|item| named(item, found, pick)),
            _ => {}
        }
    }

    fn described(pick: &dyn Fn(&Value) -> Vec<String>) -> Vec<String> {
        let mut found = Vec::new();
        named(&serde_json::to_value(crate::openapi::document()).unwrap(), &mut found, pick);
        found.iter().map(|name| name.to_lowercase()).collect()
    }

    #[test]
    fn pages_of_other_origins_may_send_and_read_all_that_the_api_describes() {
        let sent = described(&|value| {
            let name = value["name"].as_str().filter(|_| value["in"] == "header");
            name.map(str::to_owned).into_iter().collect()
        });
        assert!(sent.contains(&"idempotency-key".to_owned()), "{sent:?}");
        for name in sent {
            assert!(SENT.contains(&name.as_str()), "a page of another origin can not send {name}");
        }
        let read = described(&|value| {
            let of_answer = value["headers"].as_object().filter(|_| value["description"].is_string());
            of_answer.map(|headers| headers.keys().cloned().collect()).unwrap_or_default()
        });
        // A cookie is no page's to read, and Cache-Control is any page's (CORS-safelisted, Fetch).
        for name in read.iter().filter(|name| !["set-cookie", "cache-control"].contains(&name.as_str())) {
            assert!(READ.contains(&name.as_str()), "a page of another origin can not read {name}");
        }
    }
}
