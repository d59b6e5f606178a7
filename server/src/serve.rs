//! The server's life: open everything, refuse to start if anything is odd, serve, stop in order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, App, Limits, News, Parts, Site},
    chain::{Chain, ChainError},
    clock::{Clock, Randomness},
    config::{Config, PublicUrl},
    deployment::{Deployment, DeploymentError},
    indexer::{IndexError, IndexStatus, Indexer},
    reaper::Reaper,
    storage::{Storage, StorageError},
    store::{Store, StoreError, schema},
};

/// A client has so long to send a request's head; slower ones only hold sockets.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Requests have so long to end when the server stops.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
/// Pause between the reaper's rounds.
const REAP_EVERY: Duration = Duration::from_secs(1);
/// Connections to the database.
const DATABASE_CONNECTIONS: u32 = 16;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
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
    /// The storage directory.
    #[error(transparent)]
    Storage(#[from] StorageError),
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
    address: SocketAddr,
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
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
        let recorder = PrometheusBuilder::new()
            .set_buckets(&[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0])?
            .build_recorder();
        let handle = recorder.handle();
        // Only the first server of a process measures; there is one, except in tests.
        let _ = metrics::set_global_recorder(recorder);

        let deployment = Deployment::read(&config.deployment)?;
        let store = Store::connect(config.database_url.expose(), DATABASE_CONNECTIONS).await?;
        schema::check(&store).await?;
        let chain = Chain::connect(config.rpc_url.expose(), deployment.chain_id).await?;
        let storage = Storage::in_directory(&config.storage)?;
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
        let (listener, address) = listen(config.listen).await?;
        let (metrics_listener, metrics_address) = listen(config.metrics_listen).await?;
        tracing::info!(metrics.address = %metrics_address, chain.id = deployment.chain_id, "opened");
        let url = config.public_url.unwrap_or_else(|| PublicUrl::of_address(address));
        let app = App::from(Parts {
            store,
            storage,
            chain,
            deployment,
            index,
            news: News::default(),
            clock,
            randomness,
            limits: Limits {
                upload_bytes: config.max_upload_bytes,
                result_bytes: config.max_result_bytes,
                lease: config.lease,
            },
            site: Site { scheme: url.scheme, authority: url.authority, chain_id: deployment.chain_id },
            stop: CancellationToken::new(),
        });
        Ok(Self { app, indexer, listener, metrics: (metrics_listener, handle), address })
    }

    /// Where the API is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is done, then lets requests end and closes everything.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { app, indexer, listener, metrics, .. } = self;
        let token = app.stop.clone();
        let reaper = Reaper { store: app.store.clone(), clock: app.clock.clone(), interval: REAP_EVERY };
        let mut tasks = JoinSet::new();
        tasks.spawn(indexer.run(token.clone()));
        tasks.spawn(Arc::new(reaper).run(token.clone()));
        tasks.spawn(app.news.clone().run(app.store.clone(), token.clone()));
        let (metrics_listener, handle) = metrics;
        tasks.spawn(upkeep(handle.clone(), token.clone()));
        let report = axum::routing::get(async move || handle.render());
        tasks.spawn(accept(metrics_listener, Router::new().route("/metrics", report), token.clone()));
        tasks.spawn(accept(listener, api::router(app.clone()), token.clone()));

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

async fn upkeep(handle: PrometheusHandle, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(5)) => handle.run_upkeep(),
        }
    }
}

/// Accepts connections. Not `axum::serve`: that gives a client that never finishes its request's head a socket for ever.
async fn accept(listener: TcpListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, mostly; others will be freed.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let _ = stream.set_nodelay(true);
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_WITHIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests that did not end in time were cut");
    }
}
