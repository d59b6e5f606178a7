//! A whole training: split, epochs, measuring, report and model.

use std::io;

use atoll_protocol::{
    failure::FailureCode,
    job::JobSpec,
    report::{MAX_CONFUSION_CLASSES, MIN_METRIC_ROWS, Progress, Report},
};

use crate::{
    export,
    learner::{Learner, Snapshot},
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

/// Trains what the job declares. `over_time` is asked before each step; `tell` gets each epoch's end.
///
/// # Errors
/// See [`Stop`]: the failures are [`FailureCode::TooFewRows`], [`FailureCode::TimeLimit`] and
/// [`FailureCode::Diverged`].
pub fn train(
    spec: &JobSpec,
    plan: &Plan,
    table: &Table,
    over_time: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> Result<(Report, Vec<u8>), Stop> {
    let (mut train_rows, test_rows) = split(table.rows(), spec.split.test_fraction, spec.split.seed);
    if train_rows.is_empty() {
        return Err(FailureCode::TooFewRows.into());
    }
    let mut learner = Learner::new(&spec.layers, table.width(), &spec.optimizer, spec.training.seed);
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
            loss: three_digits(sum / train_rows.len() as f64),
            test_metric: metric(&learner.snapshot(), plan, table, &test_rows),
        };
        tell(progress)?;
        history.push(progress);
    }
    let tensors = learner.tensors();
    // The last step may have spoiled the weights after the last loss was finite.
    if tensors.iter().flat_map(|tensor| &tensor.values).any(|value| !value.is_finite()) {
        return Err(FailureCode::Diverged.into());
    }
    let model = export::safetensors(&tensors);
    let last = history.last().expect("a plan has at least one epoch");
    let (final_loss, metric) = (last.loss, last.test_metric);
    let output_scaling = plan.output_scaling();
    let regression = output_scaling.is_some();
    let report = Report {
        train_rows: train_rows.len() as u64,
        test_rows: test_rows.len() as u64,
        test_accuracy: metric.filter(|_| !regression),
        test_rmse: metric.filter(|_| regression),
        test_confusion: confusion(&learner.snapshot(), plan, table, &test_rows),
        final_loss,
        history,
        inputs: plan.report_inputs(),
        classes: plan.classes(),
        output_scaling,
        trainer: TRAINER.to_owned(),
    };
    Ok((report, model))
}

/// Rows to train on and rows held out, chosen by the seed: all rows in random order, of which the first
/// `round(rows × fraction)` are held out.
pub fn split(rows: usize, test_fraction: f64, seed: u32) -> (Vec<usize>, Vec<usize>) {
    let mut all: Vec<usize> = (0..rows).collect();
    Random::new(seed, Stream::Split).shuffle(&mut all);
    let held_out = (rows as f64 * test_fraction).round() as usize;
    let train = all.split_off(held_out.min(rows));
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
    let classes = plan.classes().len();
    if !(1..=MAX_CONFUSION_CLASSES).contains(&classes) {
        return Vec::new();
    }
    let mut counts = vec![vec![0usize; classes]; classes];
    for batch in rows.chunks(MEASURED_ROWS) {
        let outputs = snapshot.outputs(table.inputs(batch));
        if let Targets::Classes(actual) = table.targets(batch) {
            for (guess, class) in outputs.chunks(plan.outputs).map(largest).zip(actual) {
                counts[class as usize][guess] += 1;
            }
        }
    }
    let shares = |guesses: Vec<usize>| {
        let all: usize = guesses.iter().sum();
        let share = |count: usize| three_digits(count as f64 / all as f64);
        (all >= MIN_METRIC_ROWS).then(|| guesses.into_iter().map(share).collect())
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

#[cfg(test)]
mod tests;
