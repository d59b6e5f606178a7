//! DP-SGD (Abadi et al., 2016): what a private job trains by, and the one noisy measurement at its end.
//!
//! What is public are the spec and the declared number of rows; everything that depends on a row, down to how many there are,
//! leaves only through noise. So there is no loss to tell of, a step on an empty sample is a step, and the divisor is the
//! expected number of sampled rows.

use std::io;

use atoll_protocol::{
    failure::FailureCode,
    job::{JobSpec, Privacy, Sampling, measurement_noise},
    report::{MAX_CONFUSION_CLASSES, MIN_METRIC_ROWS, Progress},
};

use super::{MEASURED_ROWS, Outcome, Rows, Stop, counts, shares, split, three_digits};
use crate::{
    learner::{Learner, Snapshot},
    noise::{Gaussian, Secret},
    plan::Plan,
    table::{Table, Targets},
};

/// Steps of the grid that a noisy sum is rounded to, per standard deviation of its noise: which of the neighbouring floating
/// point numbers a sum fell on could tell what it was before the noise (Mironov, 2012).
const GRID: f64 = (1_u64 << 20) as f64;

/// Trains, and measures.
#[expect(clippy::too_many_arguments, reason = "those of `train`, and what it decided")]
pub(super) fn train(
    spec: &JobSpec,
    privacy: &Privacy,
    plan: &Plan,
    rows: Rows<'_>,
    learner: &mut Learner,
    secret: &mut Secret,
    over_time: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> Result<Outcome, Stop> {
    let sampling = spec.sampling(rows.declared).ok_or(FailureCode::TooFewRows)?;
    let curve = spec.renyi(rows.declared).ok_or(FailureCode::TooFewRows)?;
    let table = rows.table;
    let (train_rows, test_rows) = parts(spec, rows);
    let mut history = Vec::new();
    for epoch in 1..=spec.training.epochs {
        for _ in 0..sampling.steps_per_epoch {
            if over_time() {
                return Err(FailureCode::TimeLimit.into());
            }
            step(privacy, &sampling, spec.training.batch_size as usize, learner, table, &train_rows, secret);
        }
        let progress = Progress { epoch, epochs: spec.training.epochs, loss: None, test_metric: None };
        tell(progress)?;
        history.push(progress);
    }
    let deviation = measurement_noise(&curve);
    let (metric, confusion) =
        measure(&learner.snapshot(), plan, table, &test_rows, sampling.test_rows, deviation, secret.measurement());
    Ok(Outcome { train_rows: sampling.train_rows, test_rows: sampling.test_rows, history, metric, confusion })
}

/// Rows to train on and rows held out. A row's part follows from its place among those declared, so that no row decides about
/// another.
fn parts(spec: &JobSpec, rows: Rows<'_>) -> (Vec<usize>, Vec<usize>) {
    let declared = usize::try_from(rows.declared).unwrap_or(usize::MAX);
    let (_, held_out) = split(declared, spec.split.test_fraction, spec.split.seed);
    let held_out: std::collections::HashSet<usize> = held_out.into_iter().collect();
    (0..rows.table.rows()).partition(|row| !held_out.contains(&rows.table.place(*row)))
}

/// One step: sample, clip, sum, add noise, divide by the expected number of rows. The noise of a large network is drawn
/// beside the sum.
fn step(
    privacy: &Privacy,
    sampling: &Sampling,
    batch_size: usize,
    learner: &mut Learner,
    table: &Table,
    rows: &[usize],
    secret: &mut Secret,
) {
    let sampled = secret.sample(rows, sampling.rate);
    let zeros: Vec<Vec<f64>> = learner.lengths().into_iter().map(|length| vec![0.0; length]).collect();
    let (mut sum, mut noise) = (zeros.clone(), zeros);
    let deviation = privacy.noise_multiplier * privacy.clipping_norm;
    let add_up = || {
        // A sample may be far larger than its expectation; its memory is that of a batch.
        for batch in sampled.chunks(batch_size) {
            learner.add_clipped(table.inputs(batch), table.targets(batch), privacy.clipping_norm, &mut sum);
        }
    };
    let draw = || noise.iter_mut().flatten().for_each(|noise| *noise = deviation * secret.gradients().draw());
    rayon::join(add_up, draw);
    let (expected, grid) = (sampling.rate * sampling.train_rows as f64, deviation / GRID);
    let noisy = |(sum, noise): (f64, f64)| (((sum + noise) / grid).round() * grid / expected) as f32;
    let gradient = sum.into_iter().zip(noise).map(|(sum, noise)| sum.into_iter().zip(noise).map(noisy).collect());
    learner.step_along(gradient.collect());
}

/// Accuracy and confusion, or root mean square error, of a measurement that each row changes by at most 1 (an error by at most
/// 4), with noise of that many deviations. The rest is arithmetic on what is public then.
fn measure(
    snapshot: &Snapshot,
    plan: &Plan,
    table: &Table,
    rows: &[usize],
    declared: u64,
    deviation: f64,
    noise: &mut Gaussian,
) -> (Option<f64>, Vec<Option<Vec<f64>>>) {
    if declared < MIN_METRIC_ROWS as u64 {
        return (
            None,
            vec![None; if plan.classes().len() <= MAX_CONFUSION_CLASSES { plan.classes().len() } else { 0 }],
        );
    }
    let Some(scaling) = plan.output_scaling() else {
        let mut counts = counts(snapshot, plan, table, rows);
        counts.iter_mut().flatten().for_each(|count| *count = (*count + deviation * noise.draw()).round());
        let right: f64 = counts.iter().enumerate().map(|(class, guesses)| guesses[class]).sum();
        let accuracy = three_digits((right / declared as f64).clamp(0.0, 1.0));
        if counts.len() > MAX_CONFUSION_CLASSES {
            return (Some(accuracy), Vec::new());
        }
        counts.iter_mut().flatten().for_each(|count| *count = count.max(0.0));
        return (Some(accuracy), at_most(declared, shares(counts)));
    };
    let mut sum = 0.0;
    for batch in rows.chunks(MEASURED_ROWS) {
        let outputs = snapshot.outputs(table.inputs(batch));
        if let Targets::Values(values) = table.targets(batch) {
            // What is not a number is as wrong as can be.
            let error = |(output, value): (f32, f32)| {
                let output = if output.is_nan() { f64::INFINITY } else { f64::from(output) };
                (output.clamp(-1.0, 1.0) - f64::from(value)).powi(2).min(4.0)
            };
            sum += outputs.into_iter().zip(values).map(error).sum::<f64>();
        }
    }
    let mean = ((sum + 4.0 * deviation * noise.draw()) / declared as f64).max(0.0);
    (Some(three_digits(mean.sqrt() * scaling.scale)), Vec::new())
}

/// No more classes told of than the gate lets out: noise could make each of them seem to have enough rows.
fn at_most(rows: u64, mut shares: Vec<Option<Vec<f64>>>) -> Vec<Option<Vec<f64>>> {
    let most = (rows / MIN_METRIC_ROWS as u64) as usize;
    let told = shares.iter_mut().filter(|shares| shares.is_some());
    told.skip(most).for_each(|shares| *shares = None);
    shares
}

#[cfg(test)]
mod tests;
