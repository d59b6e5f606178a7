//! The runner: offers this machine to a market, and turns leased jobs into settled orders.
//!
//! One job at a time: it has all processors while it runs, but for the short runs on samples. Whatever happens to it, the job ends or goes back: a check
//! that fails cancels the order at once, a fault of this machine or of the network gives the job back to the queue, and
//! a runner that is killed after training finds the sealed result in its journal and settles it when it is back.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy::{
    primitives::{Address, B256},
    signers::local::PrivateKeySigner,
};
use atoll_protocol::{
    api::{Decimal, Lease, LeaseFailure, PrivacyLedger, PrivacySpent, ProviderStatus},
    contracts::Order,
    envelope::SecretKey,
    failure::FailureCode,
};
use tokio::sync::watch;

use crate::{
    chain::{Chain, ChainError, Deployment},
    checks,
    client::ClientError,
    jail::{Jail, JailError},
    journal::Journal,
    ledger::{Ledger, LedgerError, Spent},
    noise::NoiseSecret,
    speed,
};

mod environment;
mod job;
mod pulse;
mod sample;
mod session;
mod settle;

use pulse::Pulse;
use session::Session;

/// How often an idle runner asks for a job where the server does not wait for one.
const POLL: Duration = Duration::from_millis(500);
/// How often it asks while the server does not answer.
const POLL_BROKEN: Duration = Duration::from_secs(3);
/// How often it says that it is there. The server calls it offline after a minute of silence.
const PRESENCE: Duration = Duration::from_secs(20);
/// How often it tries to settle what a crash or a lost connection has left.
const LEFTOVERS: Duration = Duration::from_secs(10);

/// Entries of the ledger that are told: what the server takes.
const MOST_TOLD: usize = 10_000;

/// What a runner needs to know.
pub struct Config {
    /// Address of the server.
    pub server_url: String,
    /// The provider's own Ethereum RPC endpoint.
    pub rpc_url: String,
    /// The market's contracts, from the provider's own file.
    pub deployment: Deployment,
    /// Wallet that signs receipts and ends orders.
    pub wallet: PrivateKeySigner,
    /// X25519 key that content keys are wrapped to.
    pub identity: SecretKey,
    /// Path of `atoll-trainer`.
    pub trainer: PathBuf,
    /// Directory for ciphertext in use, for results that are not settled yet, and for the account of what was given away.
    pub scratch: PathBuf,
}

/// Why a runner can not start.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The sandbox.
    #[error(transparent)]
    Jail(#[from] JailError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The account of what was given away.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The scratch directory.
    #[error("the directory {path} can not be used ({source}); give a directory that this user may write")]
    Scratch {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// How a job ended for the runner, if not with a settled order.
enum GiveUp {
    /// It ends without a result; the orders that are given are cancelled.
    Fail(FailureCode, Vec<Order>),
    /// Somebody may try again: the fault is not the job's.
    Return(String),
    /// The lease is another runner's, or the job has ended.
    Lost,
}

impl std::fmt::Display for GiveUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fail(failure, _) => failure.fmt(f),
            Self::Return(cause) => cause.fmt(f),
            Self::Lost => f.write_str("the lease is not this runner's any more"),
        }
    }
}

/// A provider's runner that has proved its sandbox, found its chain and signed in.
pub struct Runner {
    session: Session,
    chain: Chain,
    jail: Arc<Jail>,
    identity: SecretKey,
    wallet: PrivateKeySigner,
    journal: Journal,
    ledger: Arc<Ledger>,
    /// Head of the ledger as the server was last told.
    told: tokio::sync::Mutex<Option<B256>>,
    noise: NoiseSecret,
    scratch: PathBuf,
    status: ProviderStatus,
}

impl Runner {
    /// Proves the sandbox, connects to chain and server, signs in and registers.
    ///
    /// # Errors
    /// The first thing that is missing; a runner without its sandbox does not start.
    pub async fn new(config: Config) -> Result<Self, RunnerError> {
        let scratch = prepare(&config.scratch)
            .map_err(|source| RunnerError::Scratch { path: config.scratch.display().to_string(), source })?;
        let journal = Journal::open(&scratch)
            .map_err(|source| RunnerError::Scratch { path: scratch.display().to_string(), source })?;
        let noise = NoiseSecret::open(&scratch)
            .map_err(|source| RunnerError::Scratch { path: scratch.display().to_string(), source })?;
        let ledger = Ledger::open(&scratch)?;
        let (jail, speed) = on_own_thread(move || {
            let jail = Jail::open(&config.trainer)?;
            let speed = speed::flops_per_second(&jail);
            Ok::<_, JailError>((jail, speed))
        })
        .await??;
        tracing::info!(sandbox.layers = %jail.layers().join(", "), trainer.hash = %jail.trainer_hash(), "the sandbox works");
        let chain = Chain::connect(&config.rpc_url, config.deployment, config.wallet.clone()).await?;
        let session = Session::open(&config.server_url, config.wallet.clone(), chain.deployment().chain_id).await?;
        let status = ProviderStatus {
            public_key: config.identity.public_key().0,
            sandbox: jail.layers().to_vec(),
            trainer_hash: jail.trainer_hash(),
            environment: environment::environment(speed),
        };
        let runner = Self {
            session,
            chain,
            jail: Arc::new(jail),
            identity: config.identity,
            wallet: config.wallet,
            journal,
            ledger: Arc::new(ledger),
            told: tokio::sync::Mutex::default(),
            noise,
            scratch,
            status,
        };
        runner.say_present().await?;
        runner.tell_ledger().await;
        Ok(runner)
    }

    /// The provider's wallet.
    pub fn address(&self) -> Address {
        self.wallet.address()
    }

    /// Names of the sandbox's layers that were found working.
    pub fn layers(&self) -> &[String] {
        self.jail.layers()
    }

    /// Works until `shutdown` is done. A job that runs then is given back to the queue.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let work = self.work_until(stopped);
        tokio::pin!(work);
        tokio::select! {
            () = &mut work => return,
            () = shutdown => {}
        }
        let _ = stop.send(true);
        work.await;
    }

    async fn work_until(&self, mut stopped: watch::Receiver<bool>) {
        let samples = self.try_samples(stopped.clone());
        let presence = async {
            loop {
                tokio::time::sleep(PRESENCE).await;
                if let Err(error) = self.say_present().await {
                    tracing::warn!(%error, "the server could not be told that this provider is there");
                }
                // Other runners may have written to it.
                self.tell_ledger().await;
            }
        };
        let jobs = async {
            let mut leftovers = tokio::time::Instant::now();
            while !*stopped.borrow() {
                if tokio::time::Instant::now() >= leftovers {
                    self.settle_leftovers().await;
                    leftovers = tokio::time::Instant::now() + LEFTOVERS;
                }
                let asked = tokio::time::Instant::now();
                let leased = tokio::select! {
                    leased = self.session.call(async |client| client.lease().await) => leased,
                    // A job that was leased just now goes back to the queue when the lease runs out.
                    _ = stopped.wait_for(|stopped| *stopped) => break,
                };
                let pause = match leased {
                    Ok(Some(lease)) => {
                        self.work(lease, stopped.clone()).await;
                        continue;
                    }
                    Ok(None) => POLL.saturating_sub(asked.elapsed()),
                    Err(error) => {
                        tracing::warn!(%error, "no lease could be asked for");
                        POLL_BROKEN
                    }
                };
                let _ = tokio::time::timeout(pause, stopped.wait_for(|stopped| *stopped)).await;
            }
        };
        tokio::select! {
            () = presence => {}
            _ = futures_util::future::join(jobs, samples) => {}
        }
    }

    async fn say_present(&self) -> Result<(), ClientError> {
        let address = self.address();
        self.session.call(async |client| client.put_provider(address, &self.status).await).await.map(drop)
    }

    /// Tells the server what the ledger says, if that is something new.
    async fn tell_ledger(&self) {
        let ledger = Arc::clone(&self.ledger);
        let spent = tokio::task::spawn_blocking(move || ledger.spent()).await;
        let (spent, head) = match spent {
            Ok(Ok(spent)) => spent,
            Ok(Err(error)) => return tracing::error!(%error, "the privacy ledger could not be told of"),
            Err(error) => return tracing::error!(%error, "the privacy ledger could not be told of"),
        };
        if *self.told.lock().await == Some(head) {
            return;
        }
        let (address, here) = (self.address(), self.chain.deployment());
        let own = |spent: &Spent| (spent.asset.chain_id, spent.asset.registry) == (here.chain_id, here.asset_registry);
        let told = |spent: Spent| PrivacySpent {
            token_id: Decimal(spent.asset.token_id),
            buyer: spent.buyer,
            jobs: u32::try_from(spent.jobs).unwrap_or(u32::MAX),
            epsilon_micros: spent.epsilon_micros().min(1 << 52),
        };
        let spent = spent.into_iter().filter(own).map(told).take(MOST_TOLD).collect();
        let body = PrivacyLedger { head, spent };
        match self.session.call(async |client| client.put_privacy_ledger(address, &body).await).await {
            Ok(()) => *self.told.lock().await = Some(head),
            Err(error) => tracing::warn!(%error, "the server could not be told what was given away"),
        }
    }

    /// Takes one leased job to an end, with heartbeats until it is there.
    async fn work(&self, lease: Lease, stopped: watch::Receiver<bool>) {
        tracing::info!(job.id = %lease.job.id, lease.id = %lease.id, job.attempt = lease.job.attempts, "leased a job");
        let pulse = Pulse::default();
        // However this future ends, the worker does.
        let _stop = pulse.stop_on_drop();
        let run = async {
            match self.check_and_run(&lease, &pulse).await {
                Ok(()) => tracing::info!(job.id = %lease.job.id, "the job is settled"),
                Err(give_up) => self.give_up(&lease, give_up).await,
            }
            self.tell_ledger().await;
        };
        tokio::select! {
            () = run => {}
            () = pulse.beat(&self.session, lease.id, stopped) => {}
        }
    }

    /// Ends a job that has no result, or gives it back.
    async fn give_up(&self, lease: &Lease, give_up: GiveUp) {
        let (id, job) = (lease.id, lease.job.id);
        let failure = match give_up {
            GiveUp::Lost => return tracing::warn!(job.id = %job, "the lease was lost; the job is left alone"),
            GiveUp::Return(cause) => {
                tracing::warn!(job.id = %job, cause, "the job goes back to the queue");
                LeaseFailure { failure: FailureCode::WorkerCrashed, retry: true, transaction: None }
            }
            GiveUp::Fail(failure, orders) => {
                tracing::warn!(job.id = %job, %failure, "the job ends without a result");
                let transaction = self.cancel_all(&orders, &failure).await;
                LeaseFailure { failure, retry: false, transaction }
            }
        };
        match self.session.call(async |client| client.fail_lease(id, &failure).await).await {
            // It was tried often enough: nobody will run it, so the stake goes back.
            Ok(ended) if failure.retry && ended.status.is_final() => {
                if let Ok(authentic) = checks::authentic(&self.own(), lease) {
                    self.cancel_all(&authentic.orders(), &failure.failure).await;
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(job.id = %job, %error, "the server could not be told how the job ended; its lease runs out");
            }
        }
    }

    /// Who checks.
    fn own(&self) -> checks::Own<'_> {
        checks::Own {
            deployment: self.chain.deployment(),
            wallet: self.address(),
            public_key: self.identity.public_key(),
        }
    }
}

/// Makes the scratch directory, for this user alone.
fn prepare(scratch: &Path) -> io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(scratch)?;
    fs::canonicalize(scratch)
}

/// Runs blocking work on a thread that lives exactly as long as it: a worker dies with the thread that started it.
async fn on_own_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JailError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("atoll-jail".to_owned())
        .spawn(move || {
            let _ = sender.send(work());
        })
        .map_err(|source| JailError::Start { step: "start a thread", source })?;
    receiver.await.map_err(|_| JailError::Start {
        step: "speak to the worker",
        source: io::Error::other("the thread that speaks to the worker panicked"),
    })
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
