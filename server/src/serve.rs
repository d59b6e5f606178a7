//! The server's life: open everything, refuse to start if anything is odd, serve, stop in order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, App, Limits, News, Parts, Rates, Site},
    chain::{Chain, ChainError},
    clock::{Clock, Randomness},
    collector::Collector,
    config::{Config, ConfigError, PublicUrl},
    deployment::{Deployment, DeploymentError},
    gauges,
    indexer::{IndexError, IndexStatus, Indexer},
    listen,
    page::{Page, PageError},
    pulse::Pulse,
    reaper::Reaper,
    storage::{Storage, StorageError},
    store::{Store, StoreError, schema},
};

/// Pause between the reaper's rounds.
const REAP_EVERY: Duration = Duration::from_secs(1);
/// Pause between looks through the whole storage for bytes that nobody needs.
const COLLECT_EVERY: Duration = Duration::from_secs(3600);
/// Connections to the database.
const DATABASE_CONNECTIONS: u32 = 16;
/// Descriptors for everything but clients' connections: the database, the node, files, listeners.
const OTHER_DESCRIPTORS: usize = 512;
/// Most connections for metrics.
const METRICS_CONNECTIONS: usize = 64;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system allows too few connections.
    #[error(
        "the system allows {allowed} open files and {needed} are needed; raise the limit or lower --max-connections"
    )]
    Descriptors {
        /// The hard limit.
        allowed: u64,
        /// What the settings need.
        needed: u64,
    },
    /// The deployment file.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Postgres.
    #[error("Postgres can not be used ({0}); is it up, and is DATABASE_URL right?")]
    Database(#[from] StoreError),
    /// Its schema.
    #[error(transparent)]
    Schema(#[from] schema::SchemaError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// A port.
    #[error("{address} can not be listened on ({source}); is another server there? Choose another port")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Metrics.
    #[error("metrics can not be set up: {0}")]
    Metrics(#[from] BuildError),
}

/// A server that listens.
pub struct Server {
    app: App,
    indexer: Indexer,
    listener: TcpListener,
    metrics: (TcpListener, PrometheusHandle),
    rules: listen::Rules,
    address: SocketAddr,
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

impl Server {
    /// Opens and checks everything.
    ///
    /// # Errors
    /// See [`ServeError`]; nothing is left running then.
    pub async fn open(config: Config, clock: Clock, randomness: Randomness) -> Result<Self, ServeError> {
        config.check()?;
        allow_connections(config.max_connections)?;
        let recorder = PrometheusBuilder::new()
            .set_buckets(&[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0])?
            .build_recorder();
        let handle = recorder.handle();
        // Only the first server of a process measures; there is one, except in tests.
        let _ = metrics::set_global_recorder(recorder);

        let page = config.web.as_deref().map(|web| Page::read(web, &config.network)).transpose()?;
        let deployment = Deployment::read(&config.deployment)?;
        let store = Store::connect(config.database_url.expose(), DATABASE_CONNECTIONS).await?;
        schema::check(&store).await?;
        let chain = Chain::connect(config.rpc_url.expose(), deployment.chain_id).await?;
        let storage = Storage::open(&config.storage).await?;
        let index = IndexStatus::default();
        let indexer = Indexer {
            chain: chain.clone(),
            store: store.clone(),
            deployment,
            clock: clock.clone(),
            poll: config.poll,
            batch: config.index_batch,
            status: index.clone(),
        };
        indexer.adopt().await?;
        let (listener, address) = bind(config.listen).await?;
        let (metrics_listener, metrics_address) = bind(config.metrics_listen).await?;
        tracing::info!(metrics.address = %metrics_address, chain.id = deployment.chain_id, "opened");
        let url = config.public_url.unwrap_or_else(|| PublicUrl::of_address(address));
        let rules = listen::Rules {
            all: config.max_connections,
            per_address: config.max_connections_per_address,
            proxies: config.proxies.clone(),
            drain: config.drain,
        };
        let app = App::from(Parts {
            store,
            storage,
            chain,
            deployment,
            index,
            news: News::default(),
            pulse: Pulse::default(),
            clock,
            randomness,
            limits: Limits {
                upload_bytes: config.max_upload_bytes,
                result_bytes: config.max_result_bytes,
                lease: config.lease,
            },
            rates: Rates::new(config.quotas),
            proxies: config.proxies,
            cors_origins: config.cors_origins,
            page,
            site: Site { scheme: url.scheme, authority: url.authority, chain_id: deployment.chain_id },
            stop: CancellationToken::new(),
        });
        Ok(Self { app, indexer, listener, metrics: (metrics_listener, handle), rules, address })
    }

    /// Where the API is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Only the listener and the route that `cargo dev bench api` measures, and nothing around them.
    #[cfg(feature = "bench")]
    pub fn bare(self) -> (TcpListener, Router) {
        (self.listener, api::bare(self.app))
    }

    /// Serves until `stop` is done, then lets requests end and closes everything.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { app, indexer, listener, metrics, rules, .. } = self;
        let token = app.stop.clone();
        let reaper = Reaper { store: app.store.clone(), clock: app.clock.clone(), interval: REAP_EVERY };
        let mut tasks = JoinSet::new();
        tasks.spawn(indexer.run(token.clone()));
        tasks.spawn(Arc::new(reaper).run(token.clone()));
        let (store, storage, clock) = (app.store.clone(), app.storage.clone(), app.clock.clone());
        let collector = Collector { store, storage, clock, interval: COLLECT_EVERY };
        tasks.spawn(Arc::new(collector).run(token.clone()));
        tasks.spawn(app.news.clone().run(app.store.clone(), token.clone()));
        tasks.spawn(app.pulse.clone().feel(app.store.clone(), token.clone()));
        let (metrics_listener, handle) = metrics;
        tasks.spawn(gauges::watch(app.clone(), handle.clone(), token.clone()));
        let report = Router::new().route("/metrics", axum::routing::get(async move || handle.render()));
        let of_metrics = listen::Rules {
            all: METRICS_CONNECTIONS,
            per_address: METRICS_CONNECTIONS,
            proxies: rules.proxies.clone(),
            drain: rules.drain,
        };
        tasks.spawn(listen::serve(metrics_listener, report, of_metrics, token.clone()));
        tasks.spawn(listen::serve(listener, api::router(app.clone()), rules, token.clone()));

        stop.await;
        tracing::info!("stopping");
        token.cancel();
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(error = &error as &dyn std::error::Error, "a part of the server ended badly");
            }
        }
        app.store.close().await;
        tracing::info!("stopped");
    }
}

/// Raises the process's own limit of open files as far as the connections need it.
fn allow_connections(connections: usize) -> Result<(), ServeError> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let needed = u64::try_from(connections.saturating_add(OTHER_DESCRIPTORS)).unwrap_or(u64::MAX);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(allowed) = limit.maximum.filter(|maximum| *maximum < needed) {
        return Err(ServeError::Descriptors { allowed, needed });
    }
    let raised = rustix::process::Rlimit { current: Some(needed), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised)
        .map_err(|_| ServeError::Descriptors { allowed: limit.current.unwrap_or(0), needed })
}
