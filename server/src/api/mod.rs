//! The REST API: one file per resource, and what they share.

use std::{ops::Deref, sync::Arc, time::Duration};

use atoll_protocol::api::Problem;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, header},
    middleware,
    routing::get,
};
use tokio_util::sync::CancellationToken;
use tower_http::{
    catch_panic::CatchPanicLayer, sensitive_headers::SetSensitiveRequestHeadersLayer, timeout::TimeoutLayer,
};
use utoipa_axum::{router::OpenApiRouter, routes};

mod assets;
mod caller;
mod completion;
mod cursor;
mod drain;
mod etag;
mod extract;
mod health;
mod idempotency;
mod job_events;
mod job_request;
mod jobs;
mod leases;
mod market;
mod nonces;
mod observe;
mod orders;
mod problem;
mod providers;
mod sessions;
mod sign_in;
mod uploads;

pub use job_events::News;
pub use problem::Kind;
pub(crate) use sign_in::Site;

use crate::{
    chain::Chain,
    clock::{Clock, Randomness},
    deployment::Deployment,
    indexer::IndexStatus,
    storage::Storage,
    store::Store,
};
use problem::ApiError;

/// Most bytes of a JSON body.
const JSON_BYTES: usize = 1 << 20;
/// How long a request without a streamed body may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What an operator can set.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most bytes of an upload.
    pub upload_bytes: u64,
    /// Most bytes of a sealed result.
    pub result_bytes: u64,
    /// How long a lease lasts without a heartbeat.
    pub lease: Duration,
}

/// Everything that requests share.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Ciphertext.
    pub storage: Storage,
    /// The node.
    pub chain: Chain,
    /// The market.
    pub deployment: Deployment,
    /// How far the index is.
    pub index: IndexStatus,
    /// News of jobs.
    pub news: News,
    /// The time.
    pub clock: Clock,
    /// Unpredictable bytes.
    pub randomness: Randomness,
    /// Limits.
    pub limits: Limits,
    /// What wallets sign in to.
    pub(crate) site: Site,
    /// Set once the server stops: streams end.
    pub stop: CancellationToken,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl From<Parts> for App {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl App {
    /// Refuses work that starts something on the ground of an index that is known to be wrong.
    fn require_live_index(&self) -> Result<(), ApiError> {
        match self.index.view().halted {
            None => Ok(()),
            Some(reason) => Err(ApiError::new(
                Kind::IndexHalted,
                format!("No job can start while the index has stopped: {reason}. The operator has to act."),
            )),
        }
    }
}

/// The problems that every route may answer with.
struct Problems;

impl utoipa::IntoResponses for Problems {
    fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::response::Response>> {
        use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new()
            .description("A problem (RFC 9457); docs/api.md lists the types")
            .content("application/problem+json", content)
            .build();
        [("default".to_owned(), response.into())].into()
    }
}

/// Every documented route, with its documentation.
pub(crate) fn routes() -> OpenApiRouter<App> {
    let quick = OpenApiRouter::new()
        .routes(routes!(nonces::create))
        .routes(routes!(sessions::create))
        .routes(routes!(sessions::delete))
        .routes(routes!(market::read))
        .routes(routes!(assets::list))
        .routes(routes!(assets::read))
        .routes(routes!(uploads::create))
        .routes(routes!(uploads::read))
        .routes(routes!(orders::list))
        .routes(routes!(orders::read))
        .routes(routes!(jobs::create, jobs::list))
        .routes(routes!(jobs::read))
        .routes(routes!(jobs::cancel))
        .routes(routes!(providers::put, providers::read))
        .routes(routes!(leases::create))
        .routes(routes!(leases::heartbeat))
        .routes(routes!(leases::fail))
        .routes(routes!(completion::create))
        // These answer at once and stream afterwards.
        .routes(routes!(assets::content))
        .routes(routes!(jobs::result))
        .routes(routes!(job_events::stream))
        .layer(middleware::from_fn(etag::tag))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        .layer(DefaultBodyLimit::max(JSON_BYTES));
    // Long bodies: no limit in time as long as something comes, a limit in bytes of their own.
    let streamed = OpenApiRouter::new()
        .routes(routes!(uploads::put_content))
        .routes(routes!(leases::put_result))
        .layer(DefaultBodyLimit::disable());
    quick.merge(streamed)
}

/// The API as a service.
pub fn router(app: App) -> Router {
    let (documented, _) = routes().split_for_parts();
    documented
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(middleware::from_fn(drain::rest))
        .layer(middleware::from_fn_with_state(app.clone(), observe::around))
        .layer(SetSensitiveRequestHeadersLayer::new([header::AUTHORIZATION, header::COOKIE]))
        .with_state(app)
}

/// Named so that the document has its schema.
pub(crate) type AnyProblem = Problem;
