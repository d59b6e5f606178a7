//! Stored ciphertext as an answer: streamed, whole or from where a client was cut off (RFC 9110, range requests).

use std::ops::Range;

use alloy::primitives::{B256, hex};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::{
    App,
    problem::{ApiError, Kind},
};
use crate::store::pieces;

/// Bytes to answer with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ciphertext {
    pub(crate) blob: Uuid,
    pub(crate) bytes: u64,
    pub(crate) sha256: B256,
}

/// Answers with the bytes, or the one range of them that was asked for. Several ranges at once are answered with the
/// whole, as RFC 9110 permits. The entity tag is strong: it is the hash of the bytes.
pub(crate) async fn answer(app: &App, asked: &HeaderMap, ciphertext: Ciphertext) -> Result<Response, ApiError> {
    let Ciphertext { blob, bytes, sha256 } = ciphertext;
    let tag = format!("\"{}\"", hex::encode(sha256));
    let mut headers = HeaderMap::new();
    let text = |text: &str| HeaderValue::from_str(text).map_err(|_| ApiError::new(Kind::Internal, "No such header."));
    headers.insert(header::ETAG, text(&tag)?);
    // Ciphertext is not for caches that others share, and does not get smaller.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache, no-transform"));
    if asked.get_all(header::IF_NONE_MATCH).iter().any(|value| names(value, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let range = match part(asked, &tag, bytes) {
        Part::Whole => 0..bytes,
        Part::Range(range) => {
            let place = format!("bytes {}-{}/{bytes}", range.start, range.end - 1);
            headers.insert(header::CONTENT_RANGE, text(&place)?);
            range
        }
        Part::Outside => {
            let detail = format!("There are {bytes} bytes; ask for a range within them.");
            let refused = ApiError::new(Kind::RangeNotSatisfiable, detail);
            return Err(refused.header(header::CONTENT_RANGE, text(&format!("bytes */{bytes}"))?));
        }
    };
    let status = if headers.contains_key(header::CONTENT_RANGE) { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    let mut connection = app.store.connection().await?;
    let pieces = pieces::of(&mut connection, blob, range.clone()).await?;
    drop(connection);
    Ok((status, headers, Body::from_stream(app.storage.read(blob, pieces, range))).into_response())
}

/// True if a list of entity tags has this one; weak comparison, as `If-None-Match` wants it.
fn names(value: &HeaderValue, tag: &str) -> bool {
    let Ok(list) = value.to_str() else { return false };
    list.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Range(Range<u64>),
    Outside,
}

/// The part that was asked for. What is not understood is ignored, and so are ranges of other bytes (`If-Range`).
fn part(asked: &HeaderMap, tag: &str, bytes: u64) -> Part {
    let one = |name: HeaderName| {
        let mut values = asked.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    let Some(range) = one(header::RANGE) else { return Part::Whole };
    if asked.contains_key(header::IF_RANGE) && one(header::IF_RANGE) != Some(tag) {
        return Part::Whole;
    }
    parse(range, bytes)
}

fn parse(range: &str, bytes: u64) -> Part {
    let digits = |text: &str| {
        // A number too large to be told is past every end.
        let all = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        all.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let Some((unit, set)) = range.split_once('=') else { return Part::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Part::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Part::Whole };
    match (first, digits(first), last, digits(last)) {
        ("", _, _, Some(suffix)) if suffix == 0 || bytes == 0 => Part::Outside,
        ("", _, _, Some(suffix)) => Part::Range(bytes.saturating_sub(suffix)..bytes),
        (_, Some(first), _, Some(last)) if last < first => Part::Whole,
        (_, Some(first), _, Some(_)) | (_, Some(first), "", _) if first >= bytes => Part::Outside,
        (_, Some(first), _, Some(last)) => Part::Range(first..last.saturating_add(1).min(bytes)),
        (_, Some(first), "", _) => Part::Range(first..bytes),
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_and_everything_odd_ignored() {
        let within = |range: &str| parse(range, 100);
        for (text, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-99", 0..100),
            ("bytes=99-", 99..100),
            ("bytes=10-1000", 10..100),
            ("bytes=10-99999999999999999999999", 10..100),
            ("bytes=-1", 99..100),
            ("bytes=-1000", 0..100),
            ("Bytes= 5-6 ", 5..7),
        ] {
            assert_eq!(within(text), Part::Range(range), "{text}");
        }
        for text in ["bytes=100-", "bytes=100-100", "bytes=99999999999999999999999-", "bytes=-0"] {
            assert_eq!(within(text), Part::Outside, "{text}");
        }
        for text in [
            "bytes=5-4",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=1-2,4-5",
            "rows=0-1",
            "0-1",
            "bytes=+1-2",
            "bytes=1-2-3",
            "bytes=--1",
            "bytes=1.0-2",
        ] {
            assert_eq!(within(text), Part::Whole, "{text}");
        }
        assert_eq!(parse("bytes=0-", 0), Part::Outside);
        assert_eq!(parse("bytes=-1", 0), Part::Outside);
    }

    #[test]
    fn a_range_of_other_bytes_is_the_whole() {
        let asked = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(name, value);
            }
            part(&headers, "\"ab\"", 10)
        };
        let range = (header::RANGE, "bytes=5-");
        assert_eq!(asked(std::slice::from_ref(&range)), Part::Range(5..10));
        assert_eq!(asked(&[range.clone(), (header::IF_RANGE, "\"ab\"")]), Part::Range(5..10));
        // Strong comparison; a date can not be right, since no answer has one.
        for other in ["\"cd\"", "W/\"ab\"", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(asked(&[range.clone(), (header::IF_RANGE, other)]), Part::Whole);
        }
        assert_eq!(asked(&[range.clone(), range]), Part::Whole);
        assert_eq!(asked(&[]), Part::Whole);
    }
}
