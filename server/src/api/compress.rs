//! Which answers are compressed for clients that accept it: text that was made in memory, and nothing secret.

use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer, Predicate,
        predicate::{And, SizeAbove},
    },
};

/// Below this the header costs more than is won.
const WORTH_IT: u64 = 1024;

/// Media types that shrink. Not `text/event-stream`, whose events would wait for one another, and not sealed content,
/// which does not shrink.
const TEXT: &[&str] = &[
    "application/json",
    "application/yaml",
    "image/svg+xml",
    "text/css",
    "text/html",
    "text/javascript",
    "text/plain",
];

type Wanted = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// The layer.
pub(crate) fn layer() -> CompressionLayer<And<SizeAbove, Wanted>> {
    let wanted: Wanted = |_, _, headers, _| is_wanted(headers);
    // Somebody waits for it.
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(WORTH_IT).and(wanted))
}

/// Only what may be kept: an answer that says nothing about that, or `no-store`, may hold a secret, and the length of a
/// compressed text tells about the secrets in it (BREACH).
fn is_wanted(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let essence = text(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or("").trim();
    let partial = headers.contains_key(header::CONTENT_RANGE);
    let kept = text(header::CACHE_CONTROL).is_some_and(|value| !value.contains("no-store"));
    TEXT.contains(&essence) && kept && !partial
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn streams_ciphertext_and_secrets_are_left_as_they_are() {
        let wanted = |lines: &[(HeaderName, &'static str)]| {
            is_wanted(&lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect())
        };
        let kept = (header::CACHE_CONTROL, "private, no-cache");
        assert!(wanted(&[(header::CONTENT_TYPE, "application/json"), kept.clone()]));
        assert!(wanted(&[(header::CONTENT_TYPE, "text/html; charset=utf-8"), kept.clone()]));
        assert!(!wanted(&[(header::CONTENT_TYPE, "application/json")]));
        assert!(!wanted(&[(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")]));
        let part = (header::CONTENT_RANGE, "bytes 0-1/2");
        assert!(!wanted(&[(header::CONTENT_TYPE, "application/json"), kept.clone(), part]));
        for kind in ["text/event-stream", "application/octet-stream", "application/problem+json", ""] {
            assert!(!wanted(&[(header::CONTENT_TYPE, kind), kept.clone()]), "{kind}");
        }
        assert!(!wanted(&[]));
    }
}
