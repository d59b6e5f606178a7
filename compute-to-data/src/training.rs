//! A training as the sealed worker is given it, and as the gate lets its output go: the same for a job, for a run on a
//! sample, and for a job that is run again.

use std::{io::Read, time::Duration};

use atoll_privacy::RenyiCurve;
use atoll_protocol::{
    document::{AssetDocument, Column, PrivacyPolicy},
    envelope::{ContentKey, Context},
    ids::AssetId,
    job::{Cost, Declared, Further, JobSpec, PrivacyCost, SpecErrors, Start},
    result::JobResult,
    worker::{JoinedTable, WorkerJob},
};
use zeroize::Zeroizing;

use crate::{
    gate::{self, OutputError},
    jail::{Content, Jail, Limits, Output, RunError, Stop, Task},
};

/// A declared training on the contents of one data set, or of several that are joined; or statistics of one.
#[derive(Clone)]
pub struct Training {
    spec: Declared,
    cost: Cost,
    /// The data sets' documents, in the spec's order, and the context of each content.
    tables: Vec<(AssetDocument, Context)>,
}

/// What opens one of a training's contents.
pub struct Sealed<'a> {
    /// The content key.
    pub key: &'a ContentKey,
    /// The ciphertext.
    pub ciphertext: &'a mut dyn Read,
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

/// Takes out of a spec and its documents whose algorithm it is and whom the publishers trust: for rows that are public, and for
/// a job that was allowed when it ran.
pub fn forget_trust<'d>(spec: &mut JobSpec, documents: impl IntoIterator<Item = &'d mut AssetDocument>) {
    spec.algorithm = None;
    documents.into_iter().for_each(|document| document.atoll.policy.trusted_algorithms = None);
}

impl Training {
    /// A training that the data sets' documents allow.
    ///
    /// # Errors
    /// The rules that the spec breaks.
    pub fn new(spec: impl Into<Declared>, document: AssetDocument, further: Further) -> Result<Self, SpecErrors> {
        let spec = spec.into();
        let cost = spec.check_with(&document, &further)?;
        let documents = std::iter::once(document).chain(further.joined);
        let tables = spec.assets().into_iter().zip(documents).map(|(asset, document)| {
            let context = Context::of_content(&asset, document.atoll.content.version);
            (document, context)
        });
        Ok(Self { cost, tables: tables.collect(), spec })
    }

    /// The contents that it reads: what each is, and the context that its key and its ciphertext are bound to.
    pub fn contents(&self) -> impl ExactSizeIterator<Item = (&AssetDocument, &Context)> {
        self.tables.iter().map(|(document, context)| (document, context))
    }

    /// The model that it begins with, and the context that its key and its ciphertext are bound to. It is the last of the
    /// contents.
    pub fn start(&self) -> Option<(&Start, Context)> {
        Some((self.spec.start()?, Start::context(&self.spec.asset())))
    }

    /// What it gives away; none of an exact training.
    pub(crate) fn spends(&self) -> Option<(PrivacyCost, RenyiCurve)> {
        Some((self.cost.privacy?, self.spec.renyi(self.tables[0].0.atoll.content.rows)?))
    }

    /// True if it draws noise.
    pub fn is_private(&self) -> bool {
        self.spec.is_private()
    }

    /// What each publisher allows to be given away.
    pub(crate) fn budgets(&self) -> Vec<(AssetId, Option<PrivacyPolicy>)> {
        self.spec
            .assets()
            .into_iter()
            .zip(self.tables.iter().map(|(document, _)| document.atoll.policy.privacy))
            .collect()
    }

    /// What the worker is given: the contents of the data sets and, if there is one, the model to begin with. A private training needs the secret seed of its noise.
    pub(crate) fn task<'a>(&self, contents: Vec<Sealed<'a>>, noise: Option<Zeroizing<[u8; 32]>>) -> Task<'a> {
        let ((first, context), joined) = self.tables.split_first().expect("a training reads a data set");
        let section = &first.atoll;
        let joined = joined.iter().map(|(document, context)| JoinedTable {
            media_type: document.atoll.content.media_type,
            columns: document.atoll.columns.clone(),
            rows: document.atoll.content.rows,
            context: context.to_bytes(),
        });
        let job = WorkerJob {
            spec: self.spec.clone(),
            media_type: section.content.media_type,
            columns: section.columns.clone(),
            rows: section.content.rows,
            // Every publisher's floor holds for the rows that are learnt from.
            min_rows: self.tables.iter().map(|(document, _)| document.atoll.policy.min_rows).max().unwrap_or(1),
            context: context.to_bytes(),
            joined: joined.collect(),
            start_context: self.start().map(|(_, context)| context.to_bytes()).unwrap_or_default(),
        };
        let limits = Limits {
            memory_bytes: u64::from(self.spec.limits().max_memory_mib) << 20,
            wall: Duration::from_secs(self.spec.limits().max_seconds.into()),
        };
        let answer_limit = match &self.spec {
            Declared::Model(spec) => gate::answer_limit(spec, &self.columns(spec), &self.cost),
            Declared::Statistics(_) => gate::statistics::answer_limit(&self.cost),
        };
        let contents = contents
            .into_iter()
            .map(|Sealed { key, ciphertext }| Content { key: Zeroizing::new(*key.as_bytes()), ciphertext });
        Task { job, noise, contents: contents.collect(), limits, answer_limit }
    }

    /// What may leave of a worker's output.
    pub(crate) fn gate(&self, output: Output) -> Result<JobResult, OutputError> {
        match (&self.spec, output) {
            (Declared::Model(spec), Output::Model(report, model)) => {
                let (report, model) = gate::output(spec, &self.columns(spec), &self.cost, *report, &model)?;
                Ok(JobResult::Model { report: Box::new(report), model })
            }
            (Declared::Statistics(spec), Output::Measured(numbers)) => {
                gate::statistics::output(spec, &self.tables[0].0, &self.cost, &numbers).map(JobResult::Statistics)
            }
            _ => Err(OutputError::Undeclared("an output of the other kind of job")),
        }
    }

    /// The columns that the model sees or predicts, of whatever data set: the checks let no two have one name.
    fn columns(&self, spec: &JobSpec) -> Vec<Column> {
        let data = &spec.data;
        let of_first = data.features.iter().chain([&data.target]).map(|name| (0, name));
        let of_joined =
            data.joined.iter().zip(1..).flat_map(|(join, table)| join.features.iter().map(move |name| (table, name)));
        let columns = of_first.chain(of_joined).filter_map(|(table, name)| self.tables[table].0.column(name));
        columns.cloned().collect()
    }

    /// Trains in a sealed worker, on this thread, and lets through what is declared: what a receipt says was run, run
    /// again.
    ///
    /// # Errors
    /// See [`TrainingError`].
    pub fn run(
        &self,
        jail: &Jail,
        contents: Vec<Sealed<'_>>,
        noise: Option<Zeroizing<[u8; 32]>>,
    ) -> Result<JobResult, TrainingError> {
        let output = jail.run(self.task(contents, noise), &Stop::default(), || {}, |_| {})?;
        Ok(self.gate(output)?)
    }
}
