//! The page's files over HTTP: each at its own path and no other, under a policy that lets nothing in from elsewhere.

use axum::{
    Router,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::etag;
use crate::page::{File, Page};

/// Scripts, styles and requests of this origin only; pictures also from within the page, which wallets bring as theirs.
/// Nothing can be written into the document as markup, and no other site shows the page in a frame. The one policy of trusted
/// types says where workers' scripts come from (`web/src/envelope/trusted.ts`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types atoll-workers";
/// A page that asked for none of these can not be made to use them.
const PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(), payment=(), usb=()";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Asked for again each time, which costs a few bytes while nothing has changed.
const ASK_FIRST: &str = "public, no-cache";

/// The routes; none without a page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(page: Option<&Page>) -> Router<S> {
    page.into_iter().flat_map(Page::files).fold(Router::new(), |router, (path, file)| {
        let file = file.clone();
        router.route(path, get(async move |headers: HeaderMap| answer(&file, &headers)))
    })
}

fn answer(file: &File, asked: &HeaderMap) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (header::CACHE_CONTROL, if file.hashed { FOR_EVER } else { ASK_FIRST }),
        (header::ETAG, &file.tag),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        // A page that opened this one, or that this one opened, gets no hold of it.
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    if asked.get(header::IF_NONE_MATCH).is_some_and(|asked| etag::matches(asked, &file.tag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, file.kind)], file.bytes.clone()).into_response()
}
