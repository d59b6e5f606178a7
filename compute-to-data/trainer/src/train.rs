//! A whole training: split, epochs, measuring, report and model.

use std::io;

use atoll_protocol::{
    failure::FailureCode,
    job::{JobSpec, held_out},
    report::{MAX_CONFUSION_CLASSES, MIN_METRIC_ROWS, Progress, Report},
};

use crate::{
    export,
    learner::{Learner, Snapshot},
    noise::Secret,
    plan::Plan,
    random::{Random, Stream},
    table::{Table, Targets},
};

/// Rows that are measured at once.
const MEASURED_ROWS: usize = 1_024;

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

/// The rows of a job.
#[derive(Clone, Copy)]
pub struct Rows<'t> {
    /// Those that there are.
    pub table: &'t Table,
    /// How many were declared, which is no secret.
    pub declared: u64,
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
    rows: Rows<'_>,
    secret: Option<&mut Secret>,
    over_time: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> Result<(Report, Vec<u8>), Stop> {
    let mut learner = Learner::new(&spec.layers, rows.table.width(), &spec.optimizer, spec.training.seed);
    let outcome = match (spec.privacy, secret) {
        (None, None) => exact(spec, plan, rows.table, &mut learner, over_time, tell)?,
        (Some(privacy), Some(secret)) => {
            private::train(spec, &privacy, plan, rows, &mut learner, secret, over_time, tell)?
        }
        _ => {
            let reason = "a private job needs secret noise, and no other has any".to_owned();
            return Err(FailureCode::Refused { reason }.into());
        }
    };
    let tensors = learner.tensors();
    // The last step may have spoiled the weights after the last loss was finite.
    if tensors.iter().flat_map(|tensor| &tensor.values).any(|value| !value.is_finite()) {
        return Err(FailureCode::Diverged.into());
    }
    let output_scaling = plan.output_scaling();
    let regression = output_scaling.is_some();
    let report = Report {
        train_rows: outcome.train_rows,
        test_rows: outcome.test_rows,
        test_accuracy: outcome.metric.filter(|_| !regression),
        test_rmse: outcome.metric.filter(|_| regression),
        test_confusion: outcome.confusion,
        final_loss: outcome.history.last().expect("a plan has at least one epoch").loss,
        history: outcome.history,
        inputs: plan.report_inputs(),
        classes: plan.classes(),
        output_scaling,
        // Computed by the runner, which has accounted for it.
        privacy: None,
        trainer: TRAINER.to_owned(),
    };
    Ok((report, export::safetensors(&tensors)))
}

/// What a training leaves beside its weights.
struct Outcome {
    train_rows: u64,
    test_rows: u64,
    history: Vec<Progress>,
    metric: Option<f64>,
    confusion: Vec<Option<Vec<f64>>>,
}

/// Whole passes over the rows in random order, and exact metrics.
fn exact(
    spec: &JobSpec,
    plan: &Plan,
    table: &Table,
    learner: &mut Learner,
    over_time: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> Result<Outcome, Stop> {
    let (mut train_rows, test_rows) = split(table.rows(), spec.split.test_fraction, spec.split.seed);
    if train_rows.is_empty() {
        return Err(FailureCode::TooFewRows.into());
    }
    let mut order = Random::new(spec.training.seed, Stream::Order);
    let mut history = Vec::new();
    for epoch in 1..=spec.training.epochs {
        order.shuffle(&mut train_rows);
        let mut sum = 0.0;
        for batch in train_rows.chunks(spec.training.batch_size as usize) {
            if over_time() {
                return Err(FailureCode::TimeLimit.into());
            }
            let loss = learner.step(table.inputs(batch), table.targets(batch));
            if !loss.is_finite() {
                return Err(FailureCode::Diverged.into());
            }
            sum += loss * batch.len() as f64;
        }
        let progress = Progress {
            epoch,
            epochs: spec.training.epochs,
            loss: Some(three_digits(sum / train_rows.len() as f64)),
            test_metric: metric(&learner.snapshot(), plan, table, &test_rows),
        };
        tell(progress)?;
        history.push(progress);
    }
    Ok(Outcome {
        train_rows: train_rows.len() as u64,
        test_rows: test_rows.len() as u64,
        metric: history.last().and_then(|progress| progress.test_metric),
        confusion: confusion(&learner.snapshot(), plan, table, &test_rows),
        history,
    })
}

/// Rows to train on and rows held out, chosen by the seed: all rows in random order, of which the first
/// `round(rows × fraction)` are held out.
pub fn split(rows: usize, test_fraction: f64, seed: u32) -> (Vec<usize>, Vec<usize>) {
    let mut all: Vec<usize> = (0..rows).collect();
    Random::new(seed, Stream::Split).shuffle(&mut all);
    let train = all.split_off(held_out(rows as u64, test_fraction) as usize);
    (train, all)
}

/// Accuracy, or root mean square error in the target's own unit; none over so few rows that it would tell about one.
fn metric(snapshot: &Snapshot, plan: &Plan, table: &Table, rows: &[usize]) -> Option<f64> {
    if rows.len() < MIN_METRIC_ROWS {
        return None;
    }
    let mut sum = 0.0;
    for batch in rows.chunks(MEASURED_ROWS) {
        let outputs = snapshot.outputs(table.inputs(batch));
        sum += match table.targets(batch) {
            Targets::Classes(classes) => {
                let guesses = outputs.chunks(plan.outputs).map(largest);
                guesses.zip(classes).filter(|(guess, class)| *guess == *class as usize).count() as f64
            }
            Targets::Values(values) => {
                let square = |(output, value): (f32, f32)| (f64::from(output) - f64::from(value)).powi(2);
                outputs.into_iter().zip(values).map(square).sum()
            }
        };
    }
    let mean = sum / rows.len() as f64;
    Some(three_digits(match plan.output_scaling() {
        None => mean,
        Some(scaling) => mean.sqrt() * scaling.scale,
    }))
}

/// Shares of what the rows of each class are taken for; see [`Report::test_confusion`].
fn confusion(snapshot: &Snapshot, plan: &Plan, table: &Table, rows: &[usize]) -> Vec<Option<Vec<f64>>> {
    if !(1..=MAX_CONFUSION_CLASSES).contains(&plan.classes().len()) {
        return Vec::new();
    }
    shares(counts(snapshot, plan, table, rows))
}

/// Of each class, how many rows are taken for each class.
fn counts(snapshot: &Snapshot, plan: &Plan, table: &Table, rows: &[usize]) -> Vec<Vec<f64>> {
    let mut counts = vec![vec![0.0; plan.outputs]; plan.outputs];
    for batch in rows.chunks(MEASURED_ROWS) {
        let outputs = snapshot.outputs(table.inputs(batch));
        if let Targets::Classes(actual) = table.targets(batch) {
            for (guess, class) in outputs.chunks(plan.outputs).map(largest).zip(actual) {
                counts[class as usize][guess] += 1.0;
            }
        }
    }
    counts
}

/// Counts of each class as shares of it; none of a class of few rows.
fn shares(counts: Vec<Vec<f64>>) -> Vec<Option<Vec<f64>>> {
    let shares = |guesses: Vec<f64>| {
        let all: f64 = guesses.iter().sum();
        let share = |count: f64| three_digits(count / all);
        (all >= MIN_METRIC_ROWS as f64).then(|| guesses.into_iter().map(share).collect())
    };
    counts.into_iter().map(shares).collect()
}

/// Place of the largest value, the first of equals.
fn largest(values: &[f32]) -> usize {
    (1..values.len()).fold(0, |best, place| if values[place] > values[best] { place } else { best })
}

/// Rounded to 3 significant digits: the rest would say more about single rows than about the training.
pub fn three_digits(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

mod private;

#[cfg(test)]
mod tests;
