//! Around every request: an id, a span, a measurement, and the problem's body if it failed.

use std::time::Instant;

use axum::{
    Json,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::{Instrument, field};

use super::{
    App, headers,
    problem::{ApiError, Kind},
};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    // Our own id and never the client's: it goes into the log.
    let id = app.randomness.id(app.clock.now()).map(|id| id.to_string()).unwrap_or_default();
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", |path| path.as_str()).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        request.id = %id,
        http.method = %method,
        http.route = %route,
        client = field::Empty,
        account = field::Empty
    );
    let start = Instant::now();
    let response = async {
        let response = next.run(request).await;
        let status = response.status();
        let seconds = start.elapsed().as_secs_f64();
        tracing::debug!(http.status = status.as_u16(), http.seconds = seconds, "answered");
        metrics::histogram!(
            "atoll_request_seconds",
            "method" => method.to_string(), "route" => route, "status" => status.as_u16().to_string()
        )
        .record(seconds);
        if status.is_client_error() || status.is_server_error() { describe(response, &id) } else { response }
    }
    .instrument(span)
    .await;
    finish(response, &id, app.site.scheme == "https")
}

fn finish(mut response: Response, id: &str, tls: bool) -> Response {
    headers::secure(response.headers_mut(), tls);
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    response
}

/// Gives a failed answer its problem. Answers of the framework have none of their own.
fn describe(mut response: Response, id: &str) -> Response {
    let status = response.status();
    let error = response.extensions_mut().remove::<ApiError>().unwrap_or_else(|| {
        let detail = match Kind::of_status(status) {
            Kind::NotFound => "There is no such resource; docs/api.md lists what there is.",
            Kind::MethodNotAllowed => "This resource does not have this method; the Allow header lists those it has.",
            Kind::TooSlow => "The request took too long to arrive; send it again.",
            Kind::TooLarge => "The body is larger than this resource accepts.",
            Kind::HeadTooLarge => "The request's head has to be smaller.",
            Kind::Overloaded => "The server took too long; try again in a few seconds.",
            Kind::Internal => "The server failed; try again, and if it goes on, give the operator the request id.",
            _ => "The request can not be read; correct it and send it again.",
        };
        ApiError::new(Kind::of_status(status), detail)
    });
    if error.kind().status().is_server_error() {
        match error.source() {
            Some(source) => tracing::error!(error = source as &dyn std::error::Error, "request failed"),
            None => tracing::warn!(problem = error.kind().slug(), "request failed"),
        }
    }
    // All that was said beside the body still holds; what described the old body does not.
    let (mut parts, _) = response.into_parts();
    let problem = Json(error.problem(Some(id.to_owned()))).into_response();
    for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG, header::CACHE_CONTROL] {
        parts.headers.remove(name);
    }
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if parts.status == StatusCode::SERVICE_UNAVAILABLE {
        parts.headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("5"));
    }
    Response::from_parts(parts, problem.into_body())
}

/// A panic is a bug: the log has its place, the client an id.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> axum::http::Response<Body> {
    tracing::error!("a request handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
