//! Entity tags (RFC 9110): a client that has an answer already is told so instead of sent it again.
//!
//! The tags are weak: they name what an answer says, and not its bytes, which differ where they are compressed.

use alloy::primitives::hex;
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

/// Tags answers that were made in memory; streams pass through.
pub(crate) async fn tag(request: Request, next: Next) -> Response {
    let (method, asked) = (request.method().clone(), request.headers().get(header::IF_NONE_MATCH).cloned());
    let response = next.run(request).await;
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes() == b"application/json");
    if method != Method::GET || response.status() != StatusCode::OK || !json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..16]));
    let Ok(value) = HeaderValue::from_str(&format!("W/{tag}")) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // What one account sees is not for another.
    let cache = HeaderValue::from_static("private, no-cache");
    if asked.is_some_and(|asked| matches(&asked, &tag)) {
        let headers: HeaderMap = [(header::ETAG, value), (header::CACHE_CONTROL, cache)].into_iter().collect();
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    parts.headers.insert(header::ETAG, value);
    parts.headers.insert(header::CACHE_CONTROL, cache);
    Response::from_parts(parts, Body::from(bytes))
}

/// The weak comparison (RFC 9110, 8.8.3.2), which `If-None-Match` asks for.
pub(super) fn matches(asked: &HeaderValue, tag: &str) -> bool {
    let Ok(asked) = asked.to_str() else { return false };
    asked.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others() {
        let asked = |text: &str| matches(&HeaderValue::from_str(text).unwrap(), "\"ab\"");
        assert!(asked("\"ab\"") && asked("\"x\", W/\"ab\"") && asked("*"));
        assert!(!asked("\"abc\"") && !asked("ab") && !asked(""));
    }
}
