//! The database. SQL is here and nowhere else; every query is checked against the schema when it is compiled.

use std::{
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, PgPool, Postgres, pool::PoolConnection, postgres::PgPoolOptions};

pub(crate) mod account_keys;
pub(crate) mod assets;
pub(crate) mod blocks;
pub(crate) mod census;
mod column;
pub(crate) mod contents;
mod error;
pub(crate) mod events;
#[cfg(feature = "bench")]
pub mod fill;
pub(crate) mod idempotency;
pub(crate) mod job_events;
pub(crate) mod job_orders;
pub(crate) mod jobs;
pub(crate) mod leases;
pub(crate) mod logs;
pub(crate) mod market;
pub(crate) mod nonces;
pub(crate) mod orders;
pub(crate) mod pieces;
pub(crate) mod privacy;
pub(crate) mod providers;
pub(crate) mod revenue;
pub(crate) mod sample_runs;
pub mod schema;
pub(crate) mod search;
pub(crate) mod services;
pub(crate) mod sessions;
pub(crate) mod statistics;
pub(crate) mod tokens;
pub(crate) mod uploads;

pub use error::{Constraint, StoreError};

/// A connection that was idle for longer is tested before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// Longest wait for a connection: who asks is told that the database does not answer within two seconds.
const CONNECTION_WITHIN: Duration = Duration::from_millis(1200);

/// The database, shared by all who use it.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// Connects to Postgres.
    ///
    /// # Errors
    /// If nothing answers at the URL.
    pub async fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(CONNECTION_WITHIN)
            // A connection that has just been used is not asked whether it lives: that would be a round trip for each.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > TRUSTED_FOR {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect(url)
            .await?;
        Ok(Self { pool })
    }

    /// A connection for reads and for single statements.
    pub(crate) async fn connection(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        Ok(self.pool.acquire().await?)
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Runs `work` in a transaction. It commits when `work` hands the transaction back and rolls back when it fails or
    /// is dropped. `name` shows in logs and metrics.
    pub(crate) async fn run_tx<T, E, F>(&self, name: &'static str, work: impl FnOnce(Tx) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<(Tx, T), E>>,
        E: From<StoreError>,
    {
        let start = Instant::now();
        let tx = self.begin().await?;
        let result = match work(tx).await {
            Ok((tx, value)) => match tx.0.commit().await {
                Ok(()) => Ok(value),
                Err(error) => Err(StoreError::from(error).into()),
            },
            Err(error) => Err(error),
        };
        let outcome = if result.is_ok() { "committed" } else { "rolled back" };
        metrics::histogram!("atoll_transaction_seconds", "transaction" => name, "outcome" => outcome)
            .record(start.elapsed().as_secs_f64());
        tracing::trace!(tx.name = name, tx.outcome = outcome, "transaction ended");
        result
    }

    /// Begins a transaction, in a task of its own: whoever asked may be gone at any moment, and sqlx 0.9.0 forgets the
    /// `BEGIN` of a dropped call and hands the connection, inside that transaction, to the next
    /// (<https://github.com/transact-rs/sqlx/issues/4385>). A task goes on to its end, and then rolls back.
    async fn begin(&self) -> Result<Tx, StoreError> {
        let pool = self.pool.clone();
        let begun = tokio::spawn(async move { pool.begin().await }).await;
        // It does not panic, and is cancelled only with the whole runtime.
        Ok(Tx(begun.map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))??))
    }

    /// A connection of its own that is only asked whether anybody is there.
    pub(crate) async fn ping(&self) -> Result<Ping, StoreError> {
        let options = self.pool.connect_options();
        Ok(Ping(PgConnection::connect_with(&options).await?))
    }

    /// Waits until no connection is used any more and closes them.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A connection that is only asked whether anybody is there.
pub(crate) struct Ping(PgConnection);

impl Ping {
    pub(crate) async fn is_answered(&mut self) -> bool {
        self.0.ping().await.is_ok()
    }
}

/// A running transaction; used as a connection.
pub(crate) struct Tx(sqlx::Transaction<'static, Postgres>);

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
