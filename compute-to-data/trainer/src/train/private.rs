//! DP-SGD (Abadi et al., 2016): what a private job trains by, and the one noisy measurement at its end.
//!
//! What is public are the spec and the declared number of rows; everything that depends on a row, down to how many there are,
//! leaves only through noise. So there is no loss to tell of, a step on an empty sample is a step, and the divisor is the
//! expected number of sampled rows.

use std::io;

use atoll_protocol::{
    failure::FailureCode,
    job::{JobSpec, Privacy, Sampling, measurement_noise, sampled_at_once},
    report::{MAX_CONFUSION_CLASSES, MIN_METRIC_ROWS, Progress, canaries},
};

use super::{
    Outcome, Stop,
    audit::Canaries,
    measure::{MEASURED_ROWS, Measured, counts, shares, three_digits},
};
use crate::{
    learner::{Learner, Snapshot},
    noise::{GRID, Gaussian, Secret, whole},
    plan::Plan,
    samples::{Parts, Samples},
    table::Targets,
};

/// Trains, and measures.
#[expect(clippy::too_many_arguments, reason = "those of `train`, and what it decided")]
pub(super) fn train(
    spec: &JobSpec,
    privacy: &Privacy,
    plan: &Plan,
    samples: Samples<'_>,
    learner: &mut Learner,
    secret: &mut Secret,
    over_time: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> Result<Outcome, Stop> {
    let sampling = spec.sampling(samples.declared()).ok_or(FailureCode::TooFewRows)?;
    let curve = spec.renyi(samples.declared()).ok_or(FailureCode::TooFewRows)?;
    let Parts { train, test } = samples.private_parts(spec);
    let planted = if spec.evaluates() { 0 } else { canaries(sampling.train_rows) };
    let canaries = Canaries::new(planted, secret.directions());
    let before = learner.parameters();
    let mut steps = Steps::new(spec, (privacy, &sampling), (samples, &train), &canaries, learner.size());
    let mut history = Vec::new();
    let mut done = 0;
    for epoch in 1..=spec.training.epochs {
        for _ in 0..sampling.steps_per_epoch {
            if over_time() {
                return Err(FailureCode::TimeLimit.into());
            }
            let factor = spec.schedule.factor(done, sampling.steps_per_epoch, spec.training.epochs);
            done += 1;
            steps.step(learner, secret, factor);
        }
        let progress = Progress { epoch, epochs: spec.training.epochs, loss: None, test_metric: None };
        tell(progress)?;
        history.push(progress);
    }
    let deviation = measurement_noise(&curve);
    let model = learner.snapshot();
    let measured = measure(&model, plan, samples, &test, sampling.test_rows, deviation, secret.measurement());
    let train_rows = if spec.evaluates() { 0 } else { sampling.train_rows };
    let audit = canaries.attack(&before, &learner.parameters());
    Ok(Outcome { model, train_rows, test_rows: sampling.test_rows, history, measured, audit })
}

/// What all steps of a job have in common, and the memory that they share.
struct Steps<'a> {
    privacy: &'a Privacy,
    sampling: &'a Sampling,
    samples: Samples<'a>,
    rows: &'a [usize],
    canaries: &'a Canaries,
    /// Most rows that are looked at together.
    at_once: usize,
    sum: Vec<f64>,
    noise: Vec<f64>,
}

impl<'a> Steps<'a> {
    fn new(
        spec: &JobSpec,
        (privacy, sampling): (&'a Privacy, &'a Sampling),
        (samples, rows): (Samples<'a>, &'a [usize]),
        canaries: &'a Canaries,
        size: usize,
    ) -> Self {
        let at_once = sampled_at_once(spec.training.batch_size) as usize;
        let (sum, noise) = (vec![0.0; size], vec![0.0; size]);
        Self { privacy, sampling, samples, rows, canaries, at_once, sum, noise }
    }

    /// One step: sample, clip, sum, add noise, divide by the expected number of rows. The noise is drawn beside the
    /// sum, and so is what canaries add to it.
    fn step(&mut self, learner: &mut Learner, secret: &mut Secret, factor: f64) {
        let (rate, norm) = (self.sampling.rate, self.privacy.clipping_norm);
        let sampled = secret.sample(self.rows, rate);
        let planted = secret.sample_planted(self.canaries.count(), rate);
        let deviation = self.privacy.noise_multiplier * norm;
        let add_up = || {
            self.sum.fill(0.0);
            for rows in sampled.chunks(self.at_once) {
                learner.add_clipped(self.samples.inputs(rows), self.samples.targets(rows), norm, &mut self.sum);
            }
        };
        let draw = || {
            self.noise.iter_mut().for_each(|noise| *noise = deviation * secret.gradients().draw());
            self.canaries.add(&planted, norm, &mut self.noise);
        };
        rayon::join(add_up, draw);
        let grid = deviation / GRID;
        let (steps, step) = (1.0 / grid, grid / (rate * self.sampling.train_rows as f64));
        let sums = self.sum.iter().zip(&self.noise);
        learner.step_along(sums.map(|(sum, noise)| (whole((sum + noise) * steps) * step) as f32), factor);
    }
}

/// Accuracy, F1 and confusion, or root mean square error, of a measurement that each row changes by at most 1 (an error by at most
/// 4), with noise of that many deviations. The rest is arithmetic on what is public then.
fn measure(
    snapshot: &Snapshot,
    plan: &Plan,
    samples: Samples<'_>,
    rows: &[usize],
    declared: u64,
    deviation: f64,
    noise: &mut Gaussian,
) -> Measured {
    if declared < MIN_METRIC_ROWS as u64 {
        return Measured::nothing(plan);
    }
    let Some(scaling) = plan.output_scaling() else {
        let mut counts = counts(snapshot, plan, samples, rows);
        counts.iter_mut().flatten().for_each(|count| *count = (*count + deviation * noise.draw()).round());
        let right: f64 = counts.iter().enumerate().map(|(class, guesses)| guesses[class]).sum();
        let accuracy = three_digits((right / declared as f64).clamp(0.0, 1.0));
        counts.iter_mut().flatten().for_each(|count| *count = count.max(0.0));
        let f1 = three_digits(f1(&counts));
        let confusion =
            if counts.len() > MAX_CONFUSION_CLASSES { Vec::new() } else { at_most(declared, shares(counts)) };
        return Measured { accuracy: Some(accuracy), f1: Some(f1), confusion, ..Measured::default() };
    };
    let mut sum = 0.0;
    for batch in rows.chunks(MEASURED_ROWS) {
        let outputs = snapshot.outputs(samples.inputs(batch));
        if let Targets::Values(values) = samples.targets(batch) {
            // What is not a number is as wrong as can be.
            let error = |(output, value): (f32, f32)| {
                let output = if output.is_nan() { f64::INFINITY } else { f64::from(output) };
                (output.clamp(-1.0, 1.0) - f64::from(value)).powi(2).min(4.0)
            };
            sum += outputs.into_iter().zip(values).map(error).sum::<f64>();
        }
    }
    let mean = ((sum + 4.0 * deviation * noise.draw()) / declared as f64).max(0.0);
    Measured { rmse: Some(three_digits(mean.sqrt() * scaling.scale)), ..Measured::default() }
}

/// Mean over the classes of F1, of counts that noise may have left empty: a class that is neither there nor guessed has none of
/// it.
fn f1(counts: &[Vec<f64>]) -> f64 {
    let of = |class: usize| {
        let there: f64 = counts[class].iter().sum();
        let guessed: f64 = counts.iter().map(|guesses| guesses[class]).sum();
        if there + guessed > 0.0 { 2.0 * counts[class][class] / (there + guessed) } else { 0.0 }
    };
    (0..counts.len()).map(of).sum::<f64>() / counts.len() as f64
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
