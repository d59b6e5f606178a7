//! A training as the sealed worker is given it, and as the gate lets its output go: the same for a job, for a run on a
//! sample, and for a job that is run again.

use std::{io::Read, time::Duration};

use atoll_protocol::{
    document::AssetDocument,
    envelope::{ContentKey, Context},
    job::{Cost, JobSpec, SpecErrors},
    report::Report,
    worker::WorkerJob,
};
use zeroize::Zeroizing;

use crate::{
    gate::{self, OutputError},
    jail::{Jail, Limits, RunError, Stop, Task},
};

/// A declared training on one content.
#[derive(Clone)]
pub struct Training {
    spec: JobSpec,
    cost: Cost,
    document: AssetDocument,
    context: Context,
}

/// Why a training gave no model.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The worker.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The gate.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl Training {
    /// A training that the document allows, on the content that `context` names.
    ///
    /// # Errors
    /// The rules that the spec breaks.
    pub fn new(spec: JobSpec, document: AssetDocument, context: Context) -> Result<Self, SpecErrors> {
        let cost = spec.check(&document)?;
        Ok(Self { spec, cost, document, context })
    }

    /// What the worker is given.
    pub(crate) fn task<'a>(&self, key: &ContentKey, ciphertext: &'a mut dyn Read) -> Task<'a> {
        let section = &self.document.atoll;
        let job = WorkerJob {
            spec: self.spec.clone(),
            media_type: section.content.media_type,
            columns: section.columns.clone(),
            rows: section.content.rows,
            min_rows: section.policy.min_rows,
            context: self.context.to_bytes(),
        };
        let limits = Limits {
            memory_bytes: u64::from(self.spec.limits.max_memory_mib) << 20,
            wall: Duration::from_secs(self.spec.limits.max_seconds.into()),
        };
        let answer_limit = gate::answer_limit(&self.spec, &self.document, &self.cost);
        Task { job, key: Zeroizing::new(*key.as_bytes()), ciphertext, limits, answer_limit }
    }

    /// What may leave of a worker's output.
    pub(crate) fn gate(&self, report: Report, model: &[u8]) -> Result<(Report, Vec<u8>), OutputError> {
        gate::output(&self.spec, &self.document, &self.cost, report, model)
    }

    /// Trains in a sealed worker, on this thread, and lets through what is declared: what a receipt says was run, run
    /// again.
    ///
    /// # Errors
    /// See [`TrainingError`].
    pub fn run(
        &self,
        jail: &Jail,
        key: &ContentKey,
        ciphertext: &mut dyn Read,
    ) -> Result<(Report, Vec<u8>), TrainingError> {
        let (report, model) = jail.run(self.task(key, ciphertext), &Stop::default(), || {}, |_| {})?;
        Ok(self.gate(report, &model)?)
    }
}
