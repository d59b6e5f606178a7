//! The runner's side of the jail. What is here starts a worker, looks at it from outside until it believes the seal, and
//! only then lets a secret through; and it ends the worker whatever happens.
//!
//! Order of operations, each fail closed:
//! 1. [`trainer`]: the executable is opened and hashed once; every worker runs that open file, whatever happens to its
//!    path.
//! 2. [`group`]: a memory and process cgroup, where one is writable (version 1 or 2).
//! 3. [`launch`]: a fresh process: empty environment, three pipes, every other descriptor closed on exec, limits on
//!    memory and processor time, in the cgroup before its first instruction, dies with the thread that started it.
//! 4. The worker seals itself (the trainer's module `seal`) and says so.
//! 5. [`inspect`]: the runner reads in /proc what became of it: namespaces, root, descriptors, capabilities, seccomp,
//!    limits.
//! 6. [`exchange`]: task, then key and ciphertext of each content; then progress and one answer, with a deadline and a byte limit on
//!    everything that is read.
//! 7. [`launch`]: killed by pidfd, reaped, the cgroup removed. This happens on every path, also on a panic.
//!
//! The kernel ties a worker's life to the *thread* that started it, so a worker is started, spoken to and ended by one
//! thread that lives as long ([`Jail::run`] blocks; give it a thread of its own).

#![allow(unsafe_code)] // System calls that the standard library does not offer; each block says why it is sound.

use std::{
    io::Read,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use atoll_protocol::{
    failure::FailureCode,
    report::{Progress, Report},
    worker::WorkerJob,
};
use zeroize::Zeroizing;

mod exchange;
mod group;
mod inspect;
mod launch;
mod limits;
mod pipes;
mod trainer;

pub use limits::Limits;

/// Time for a worker to seal itself: milliseconds on an idle machine.
const SEAL_TIME: Duration = Duration::from_secs(20);

/// Why there is no sealed worker.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    /// The trainer can not be opened.
    #[error(
        "the trainer at {path} can not be opened ({cause}); build it with `cargo build -p atoll-trainer`, or give its path with --trainer"
    )]
    Trainer {
        /// Where it should be.
        path: String,
        /// Why not.
        cause: String,
    },
    /// A process can not be started or spoken to.
    #[error("the worker could not be started: {step}: {source}")]
    Start {
        /// What was tried.
        step: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The worker says that a layer failed.
    #[error("the worker can not be sealed on this machine, so no data is opened here ({report})")]
    Layer {
        /// The worker's own words; it had no data yet.
        report: String,
    },
    /// The worker says that it is sealed, and is not.
    #[error("the worker is not sealed as it says, so it gets no key ({what})")]
    NotSealed {
        /// What the runner saw.
        what: String,
    },
}

/// Why a run gave no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No sealed worker.
    #[error(transparent)]
    Jail(#[from] JailError),
    /// A reason that the buyer may know.
    #[error("{0}")]
    Failure(FailureCode),
    /// The ciphertext could not be read from the runner's own disk.
    #[error("the downloaded content could not be read: {0}")]
    Content(std::io::Error),
}

/// A sealed content and what opens it.
pub struct Content<'a> {
    /// The content key.
    pub key: Zeroizing<[u8; 32]>,
    /// The ciphertext.
    pub ciphertext: &'a mut dyn Read,
}

/// What a worker is to do.
pub struct Task<'a> {
    /// The job, as far as the worker needs it.
    pub job: WorkerJob,
    /// The secret seed of its noise, if it is private.
    pub noise: Option<Zeroizing<[u8; 32]>>,
    /// What it reads: the data set's content, then those that are joined to it, then the model that it begins with.
    pub contents: Vec<Content<'a>>,
    /// What the worker may use.
    pub limits: Limits,
    /// Longest answer in bytes.
    pub answer_limit: usize,
}

/// What a worker answers, before the gate.
#[derive(Debug)]
pub enum Output {
    /// How a model was trained, and the model as safetensors.
    Model(Box<Report>, Vec<u8>),
    /// What was measured, with noise.
    Measured(Vec<f64>),
}

/// A flag that ends a run from another thread.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the run soon.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A place where workers can be run: a trainer, and a machine whose every layer was found working.
pub struct Jail {
    trainer: trainer::Trainer,
    layers: Vec<String>,
}

impl Jail {
    /// Opens the trainer and proves every layer by starting, inspecting and ending a worker.
    ///
    /// # Errors
    /// The first mechanism that this machine lacks.
    pub fn open(trainer: &Path) -> Result<Self, JailError> {
        let trainer = trainer::Trainer::open(trainer)?;
        group::remove_stale();
        let mut jail = Self { trainer, layers: Vec::new() };
        jail.layers = jail.self_test()?;
        Ok(jail)
    }

    /// SHA-256 of the trainer that every worker runs.
    pub fn trainer_hash(&self) -> B256 {
        self.trainer.hash()
    }

    /// Names of the layers that the self-test found working.
    pub fn layers(&self) -> &[String] {
        &self.layers
    }

    /// Starts a worker, believes nothing that can be looked up, and ends it.
    fn self_test(&self) -> Result<Vec<String>, JailError> {
        let limits = Limits { memory_bytes: 512 << 20, wall: SEAL_TIME };
        let mut worker = launch::Worker::start(&self.trainer, &limits)?;
        worker.can_be_ended()?;
        exchange::await_seal(&mut worker, Instant::now() + SEAL_TIME, &Stop::default())?;
        let mut layers = inspect::inspect(&worker, &limits)?;
        if worker.has_group() {
            layers.push("cgroup");
        }
        worker.end();
        Ok(layers.into_iter().map(str::to_owned).collect())
    }

    /// Runs one task in a sealed worker, on this thread. The key leaves this process only after the seal was inspected.
    ///
    /// # Errors
    /// See [`RunError`]; nothing of the worker's output is in it but a reason from a closed list.
    pub fn run(
        &self,
        task: Task<'_>,
        stop: &Stop,
        on_sealed: impl FnOnce(),
        on_progress: impl FnMut(Progress),
    ) -> Result<Output, RunError> {
        let mut worker = launch::Worker::start(&self.trainer, &task.limits)?;
        exchange::await_seal(&mut worker, Instant::now() + SEAL_TIME, stop)?;
        inspect::inspect(&worker, &task.limits)?;
        on_sealed();
        exchange::run(&mut worker, task, stop, on_progress)
    }
}
