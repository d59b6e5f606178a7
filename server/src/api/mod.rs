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
use tower::{ServiceBuilder, util::option_layer};
use tower_http::{
    catch_panic::CatchPanicLayer, sensitive_headers::SetSensitiveRequestHeadersLayer, timeout::TimeoutLayer,
};
use utoipa_axum::{router::OpenApiRouter, routes};

mod accounts;
mod assets;
mod caller;
mod ciphertext;
mod client;
mod completion;
mod compress;
mod cursor;
mod downloads;
mod drain;
mod edge;
mod etag;
mod extract;
mod further;
mod headers;
mod health;
mod history;
mod idempotency;
mod job_events;
mod job_preview;
mod job_request;
mod jobs;
mod leases;
mod market;
mod nonces;
mod observe;
mod orders;
mod page;
mod permits;
mod privacy;
mod problem;
mod providers;
mod publications;
mod quotes;
mod rates;
mod reference;
mod sample_runs;
mod sessions;
mod sign_in;
mod signer;
mod statistics;
mod transactions;
mod uploads;

pub use client::Proxies;
pub(crate) use client::{Peer, household};
pub use job_events::News;
pub(crate) use problem::ApiError;
pub use problem::Kind;
pub use rates::Quotas;
pub(crate) use rates::Rates;
pub(crate) use sign_in::Site;

use crate::{
    chain::Chain,
    clock::{Clock, Randomness},
    config::Origin,
    deployment::Deployment,
    indexer::IndexStatus,
    page::Page,
    pulse::Pulse,
    storage::Storage,
    store::Store,
};

/// Items of a page: the usual number and the most.
pub(crate) const PAGE: (u32, u32) = (cursor::USUAL, cursor::MOST);
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
    /// Whether the database answers.
    pub pulse: Pulse,
    /// The time.
    pub clock: Clock,
    /// Unpredictable bytes.
    pub randomness: Randomness,
    /// Limits.
    pub limits: Limits,
    /// How often clients have asked.
    pub(crate) rates: Rates,
    /// Who may name clients, and how.
    pub proxies: Proxies,
    /// Origins whose pages may use the API.
    pub cors_origins: Vec<Origin>,
    /// The market's page, if this server has one.
    pub(crate) page: Option<Page>,
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
    /// Forgets clients that have not asked for a while.
    pub(crate) fn forget_clients(&self) {
        self.rates.forget();
    }

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
        .routes(routes!(sessions::create, sessions::list, sessions::revoke_all))
        .routes(routes!(sessions::delete))
        .routes(routes!(sessions::revoke))
        .routes(routes!(accounts::put, accounts::read))
        .routes(routes!(market::read))
        .routes(routes!(assets::list))
        .routes(routes!(assets::facets))
        .routes(routes!(assets::read))
        .routes(routes!(history::list))
        .routes(routes!(history::read_one))
        .routes(routes!(statistics::read))
        .routes(routes!(publications::validate))
        .routes(routes!(publications::identity))
        .routes(routes!(quotes::create))
        .routes(routes!(permits::build))
        .routes(routes!(transactions::build))
        .routes(routes!(transactions::status::read))
        .routes(routes!(uploads::create))
        .routes(routes!(uploads::read))
        .routes(routes!(orders::list))
        .routes(routes!(orders::read))
        .routes(routes!(jobs::create, jobs::list))
        .routes(routes!(job_preview::create))
        .routes(routes!(sample_runs::create))
        .routes(routes!(sample_runs::read))
        .routes(routes!(sample_runs::model))
        .routes(routes!(sample_runs::lease))
        .routes(routes!(sample_runs::end))
        .routes(routes!(jobs::read))
        .routes(routes!(jobs::request))
        .routes(routes!(jobs::receipt))
        .routes(routes!(jobs::start_model))
        .routes(routes!(jobs::cancel))
        .routes(routes!(downloads::create, downloads::list))
        .routes(routes!(downloads::read))
        .routes(routes!(providers::put, providers::read))
        .routes(routes!(privacy::put))
        .routes(routes!(privacy::read))
        .routes(routes!(leases::create))
        .routes(routes!(leases::heartbeat))
        .routes(routes!(leases::fail))
        .routes(routes!(completion::create))
        // These answer at once and stream afterwards.
        .routes(routes!(assets::content))
        .routes(routes!(jobs::result))
        .routes(routes!(downloads::content))
        .routes(routes!(job_events::stream))
        .routes(routes!(transactions::status::stream))
        .layer(
            ServiceBuilder::new()
                .layer(DefaultBodyLimit::max(JSON_BYTES))
                .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
                .layer(middleware::from_fn(etag::tag)),
        );
    // Long bodies: no limit in time as long as something comes, a limit in bytes of their own.
    let streamed = OpenApiRouter::new()
        .routes(routes!(uploads::put_content, uploads::append_content, uploads::read_offset))
        .routes(routes!(leases::put_result))
        .layer(DefaultBodyLimit::disable());
    quick.merge(streamed)
}

/// The API as a service.
pub fn router(app: App) -> Router {
    let (documented, _) = routes().split_for_parts();
    let cross_origin = headers::cross_origin(&app.cors_origins);
    documented
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .merge(reference::routes())
        .merge(page::routes(app.page.as_ref()))
        // As one layer: the router boxes each that it is given, and every request would pay for that.
        .layer(
            ServiceBuilder::new()
                .layer(SetSensitiveRequestHeadersLayer::new([header::AUTHORIZATION, header::COOKIE]))
                .layer(middleware::from_fn_with_state(app.clone(), observe::around))
                .layer(option_layer(cross_origin))
                .layer(compress::layer())
                .layer(middleware::from_fn_with_state(app.clone(), edge::admit))
                .layer(CatchPanicLayer::custom(observe::panicked)),
        )
        .with_state(app)
}

/// One asset, and no middleware.
#[cfg(feature = "bench")]
pub(crate) fn bare(app: App) -> Router {
    Router::new().route("/v1/assets/{token_id}", get(assets::read)).with_state(app)
}

/// Named so that the document has its schema.
pub(crate) type AnyProblem = Problem;
