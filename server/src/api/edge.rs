//! The first look at a request, before anything is read for it: is its head of a usual size, whose is it, has that
//! client asked too often, and is there a database to ask?

use axum::{
    body::HttpBody,
    extract::{Request, State},
    http::{HeaderMap, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    App,
    client::Peer,
    drain,
    problem::{ApiError, Kind},
};

/// Most fields of a request's head. A larger one that the connection still takes is answered with a problem.
const FIELDS: usize = 64;
/// Most bytes of a request's target, and of all its fields' names and values.
const HEAD_BYTES: usize = 16 << 10;

pub(crate) async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    if let Err(refused) = check(&app, &request) {
        return refused.into_response();
    }
    if !needs_database(&request) {
        return drain::rest(request, next).await;
    }
    // A database that is frozen, or behind a broken network, answers nothing at all, and nothing else ends the wait soon.
    tokio::select! {
        biased;
        () = app.pulse.stops() => ApiError::database_unavailable().into_response(),
        response = drain::rest(request, next) => response,
    }
}

/// Bytes of sealed content go on while there is no database: at their end it may be there again.
fn needs_database(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let streams = !request.body().is_end_stream() && !kind.starts_with("application/json");
    request.uri().path().starts_with("/v1/") && !streams
}

fn check(app: &App, request: &Request) -> Result<(), ApiError> {
    usual(request.uri(), request.headers())?;
    // Without a connection, as in a test of the router, there is no client to count for.
    let Some(Peer(peer)) = request.extensions().get() else { return Ok(()) };
    let client = app.proxies.client(*peer, request.headers());
    tracing::Span::current().record("client", tracing::field::display(client));
    app.rates.address(client, signs_in(request))
}

fn usual(target: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let target = target.path_and_query().map_or(0, |target| target.as_str().len());
    let fields: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() <= FIELDS && target + fields <= HEAD_BYTES {
        return Ok(());
    }
    let detail = format!(
        "The request's head has to be smaller: at most {FIELDS} header fields, and at most {HEAD_BYTES} bytes of target \
         and header fields."
    );
    Err(ApiError::new(Kind::HeadTooLarge, detail))
}

fn signs_in(request: &Request) -> bool {
    request.method() == Method::POST && matches!(request.uri().path(), "/v1/nonces" | "/v1/sessions")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_head_is_measured_to_the_byte() {
        let target = |bytes: usize| format!("/{}", "a".repeat(bytes - 1)).parse::<Uri>().unwrap();
        let field = |bytes: usize| {
            let value = HeaderValue::from_str(&"b".repeat(bytes - 1)).unwrap();
            [(HeaderName::from_static("x"), value)].into_iter().collect::<HeaderMap>()
        };
        assert!(usual(&target(100), &field(HEAD_BYTES - 100)).is_ok());
        assert_eq!(usual(&target(100), &field(HEAD_BYTES - 99)).unwrap_err().kind(), Kind::HeadTooLarge);
        assert_eq!(usual(&target(101), &field(HEAD_BYTES - 100)).unwrap_err().kind(), Kind::HeadTooLarge);
    }

    #[test]
    fn fields_are_counted() {
        let fields = |count: usize| {
            let mut headers = HeaderMap::new();
            for _ in 0..count {
                headers.append("x", HeaderValue::from_static("1"));
            }
            headers
        };
        let target = Uri::from_static("/");
        assert!(usual(&target, &fields(FIELDS)).is_ok());
        assert!(usual(&target, &fields(FIELDS + 1)).is_err());
    }
}
