//! `atoll job`: from a paid order to a model.

use std::path::{Path, PathBuf};

use alloy::primitives::Bytes;
use atoll_protocol::{
    job::{Declared, Task},
    signed::Request,
};
use clap::Subcommand;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{error::CliError, options::Options, output::Output};

mod answers;
mod cancel;
pub(crate) mod fetch;
mod list;
mod preview;
mod start;
pub(crate) mod submit;
mod try_out;
pub(crate) mod watch;

/// Preview, try, submit, watch, fetch or cancel a job.
#[derive(Subcommand, Debug)]
pub(crate) enum Job {
    /// Check a spec, and tell what the job would cost and need
    Preview(preview::Preview),
    /// Begin with a model of yours: seal it to the provider
    Start(start::StartWith),
    /// Run a spec for nothing on the rows that the publisher shows
    Try(try_out::Try),
    /// Sign a job for an open order and hand it in
    Submit(submit::Submit),
    /// Your jobs and downloads
    List(list::List),
    /// Follow a job until it ends
    Watch(watch::Watch),
    /// Download, check and decrypt a job's result
    Fetch(fetch::Fetch),
    /// End a job; its stake comes back
    Cancel(cancel::Cancel),
}

impl Job {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        match self {
            Self::Preview(command) => command.run(options, out).await,
            Self::Start(command) => command.run(options, out).await,
            Self::Try(command) => command.run(options, out).await,
            Self::List(command) => command.run(options, out).await,
            Self::Submit(command) => command.run(options, out).await,
            Self::Watch(command) => command.run(options, out).await,
            Self::Fetch(command) => command.run(options, out).await,
            Self::Cancel(command) => command.run(options, out).await,
        }
    }
}

/// What was submitted, kept in the home: the server shows a job's state and not its spec.
#[derive(Serialize, Deserialize)]
pub(crate) struct Submitted {
    /// What was signed.
    pub(crate) request: Request,
    /// The signature.
    pub(crate) signature: Bytes,
    /// The spec.
    pub(crate) spec: serde_json::Value,
}

impl Submitted {
    fn path(home: &Path, job: Uuid) -> PathBuf {
        home.join("jobs").join(format!("{job}.json"))
    }

    /// Keeps it. Losing it loses no money, so the caller only notes a failure.
    pub(crate) fn keep(&self, home: &Path, job: Uuid) -> std::io::Result<()> {
        std::fs::create_dir_all(home.join("jobs"))?;
        std::fs::write(Self::path(home, job), serde_json::to_vec_pretty(self)?)
    }

    /// What was kept of a job, if it was submitted from this home.
    pub(crate) fn find(home: &Path, job: Uuid) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(Self::path(home, job)).ok()?).ok()
    }

    /// The name of the job's held-out metric.
    pub(crate) fn metric(&self) -> Option<&'static str> {
        let spec = Declared::parse(&self.spec).ok()?;
        Some(if spec.model()?.task == Task::Regression { "rmse" } else { "accuracy" })
    }
}
