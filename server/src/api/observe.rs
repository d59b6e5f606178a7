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
    App,
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
    with_id(response, &id)
}

fn with_id(mut response: Response, id: &str) -> Response {
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
    let (parts, _) = response.into_parts();
    let mut problem = (parts.status, Json(error.problem(Some(id.to_owned())))).into_response();
    for name in [header::ALLOW, header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
        if let Some(value) = parts.headers.get(&name) {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    let media_type = HeaderValue::from_static("application/problem+json");
    problem.headers_mut().insert(header::CONTENT_TYPE, media_type);
    problem
}

/// A panic is a bug: the log has its place, the client an id.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> axum::http::Response<Body> {
    tracing::error!("a request handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
