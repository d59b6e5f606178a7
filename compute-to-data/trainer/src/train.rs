//! A whole training: split, epochs, measuring, report and model.

use std::io;

use atoll_protocol::{
    failure::FailureCode,
    job::{JobSpec, Task},
    report::{Audit, Progress, Report},
};

use crate::{
    export,
    learner::{Learner, Snapshot},
    noise::Secret,
    plan::Plan,
    random::{Random, Stream},
    samples::{Parts, Samples},
};

use measure::Measured;
pub use measure::three_digits;

/// Name and version, as reports give it.
pub const TRAINER: &str = concat!("atoll-trainer ", env!("CARGO_PKG_VERSION"));

/// Why a training ended early.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The job fails, for this reason.
    #[error(transparent)]
    Failure(#[from] FailureCode),
    /// Nobody listens any more.
    #[error("the runner's pipe ended: {0}")]
    Pipe(#[from] io::Error),
}

/// Trains what the job declares; a private job by the secret draws. `over_time` is asked before each step; `tell` gets each
/// epoch's end.
///
/// # Errors
/// See [`Stop`]: the failures are [`FailureCode::TooFewRows`], [`FailureCode::TimeLimit`],
/// [`FailureCode::Diverged`], and [`FailureCode::Refused`] if a private job comes without secret draws.
pub fn train(
    spec: &JobSpec,
    plan: &Plan,
    samples: Samples<'_>,
    start: Option<&[u8]>,
    secret: Option<&mut Secret>,
    over_time: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> Result<(Report, Vec<u8>), Stop> {
    let training = &spec.training;
    let mut learner = Learner::new(&plan.model, &spec.loss, &spec.optimizer, training.gradient_clip, training.seed);
    if let Some(file) = start {
        learner.begin_with(file)?;
    }
    let outcome = match (spec.privacy, secret) {
        (None, None) => exact(spec, plan, samples, &mut learner, over_time, tell)?,
        (Some(privacy), Some(secret)) => {
            private::train(spec, &privacy, plan, samples, &mut learner, secret, over_time, tell)?
        }
        _ => {
            let reason = "a private job needs secret noise, and no other has any".to_owned();
            return Err(FailureCode::Refused { reason }.into());
        }
    };
    let tensors = outcome.model.tensors();
    // The last step may have spoiled the weights after the last loss was finite.
    if tensors.iter().flat_map(|tensor| &tensor.values).any(|value| !value.is_finite()) {
        return Err(FailureCode::Diverged.into());
    }
    let measured = outcome.measured;
    let report = Report {
        train_rows: outcome.train_rows,
        test_rows: outcome.test_rows,
        test_accuracy: measured.accuracy,
        test_confusion: measured.confusion,
        test_f1: measured.f1,
        test_auc: measured.auc,
        test_log_loss: measured.log_loss,
        test_rmse: measured.rmse,
        test_mae: measured.mae,
        test_r2: measured.r2,
        final_loss: outcome.history.last().and_then(|progress| progress.loss),
        history: outcome.history,
        inputs: plan.report_inputs(),
        classes: plan.classes(),
        output_scaling: plan.output_scaling(),
        // Computed by the runner, which has accounted for it.
        privacy: None,
        audit: outcome.audit,
        trainer: TRAINER.to_owned(),
    };
    Ok((report, export::safetensors(&tensors)))
}

/// What a training leaves.
struct Outcome {
    model: Snapshot,
    train_rows: u64,
    test_rows: u64,
    history: Vec<Progress>,
    measured: Measured,
    audit: Option<Audit>,
}

/// Whole passes over the samples in random order, and exact metrics.
fn exact(
    spec: &JobSpec,
    plan: &Plan,
    samples: Samples<'_>,
    learner: &mut Learner,
    over_time: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> Result<Outcome, Stop> {
    let Parts { mut train, test } = samples.exact_parts(spec)?;
    let (epochs, batch_size) = (spec.training.epochs, spec.training.batch_size as usize);
    let steps_per_epoch = train.len().div_ceil(batch_size) as u64;
    let mut order = Random::new(spec.training.seed, Stream::Order);
    let mut history = Vec::new();
    let mut best = Best::new(spec);
    let mut step = 0;
    for epoch in 1..=epochs {
        order.shuffle(&mut train);
        let mut sum = 0.0;
        for batch in train.chunks(batch_size) {
            if over_time() {
                return Err(FailureCode::TimeLimit.into());
            }
            let factor = spec.schedule.factor(step, steps_per_epoch, epochs);
            step += 1;
            let loss = learner.step(samples.inputs(batch), samples.targets(batch), factor);
            if !loss.is_finite() {
                return Err(FailureCode::Diverged.into());
            }
            sum += loss * batch.len() as f64;
        }
        let snapshot = learner.snapshot();
        let test_metric = measure::metric(&snapshot, plan, samples, &test);
        let loss = Some(three_digits(sum / train.len() as f64));
        let progress = Progress { epoch, epochs, loss, test_metric };
        tell(progress)?;
        history.push(progress);
        if best.is_enough(snapshot, test_metric) {
            break;
        }
    }
    let model = best.model.map_or_else(|| learner.snapshot(), |(model, _)| model);
    let parts = Parts { train, test };
    let audit = if spec.evaluates() { None } else { audit::held_out(&model, plan, samples, &parts) };
    Ok(Outcome {
        train_rows: if spec.evaluates() { 0 } else { parts.train.len() as u64 },
        test_rows: parts.test.len() as u64,
        measured: Measured::exact(&model, plan, samples, &parts.test),
        audit,
        model,
        history,
    })
}

/// The model that a training is to give.
struct Best {
    /// Epochs in a row that may be no better; none if the training never stops early.
    patience: Option<u32>,
    /// Whether a smaller metric is the better one.
    is_error: bool,
    /// The best one, or the last one if it never stops early or nothing is measured, and its metric.
    model: Option<(Snapshot, Option<f64>)>,
    /// Epochs since that.
    since: u32,
}

impl Best {
    fn new(spec: &JobSpec) -> Self {
        let patience = spec.training.early_stopping.map(|stopping| stopping.patience);
        Self { patience, is_error: spec.task == Task::Regression, model: None, since: 0 }
    }

    /// Takes an epoch's model if it is the one to give so far. True if no epoch is to follow. Metrics are compared as they
    /// are told, so that a report's reader can follow.
    fn is_enough(&mut self, model: Snapshot, metric: Option<f64>) -> bool {
        let better = match (self.patience, &self.model, metric) {
            (Some(_), Some((_, Some(best))), Some(metric)) => {
                if self.is_error {
                    metric < *best
                } else {
                    metric > *best
                }
            }
            _ => true,
        };
        if better {
            (self.model, self.since) = (Some((model, metric)), 0);
        } else {
            self.since += 1;
        }
        self.patience.is_some_and(|patience| self.since >= patience)
    }
}

mod audit;
mod measure;
mod private;

#[cfg(test)]
mod tests;
