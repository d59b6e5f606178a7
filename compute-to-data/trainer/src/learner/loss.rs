//! What is minimised, as one operation: the loss of each row of a batch, and its gradient by the row's outputs. As functions of
//! burn, each in a node of the graph, these were half of a small network's step.

use std::{fmt, sync::Arc};

use atoll_protocol::job::{ClassWeights, Huber, Loss};
use burn::tensor::Tensor;

use crate::{
    network::{sigmoid, softplus},
    operation::{Operation, apply},
    table::Targets,
};

/// Losses of these rows, each divided by a number.
struct Losses {
    loss: Loss,
    targets: Targets,
    divisor: f32,
}

/// Without the targets, which are private.
impl fmt::Debug for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Losses").field("loss", &self.loss).finish_non_exhaustive()
    }
}

/// The rows' losses, each divided by `divisor`, of [rows, outputs]; [rows, 1].
///
/// # Panics
/// If the targets are not of the loss's kind, which a plan keeps apart.
pub(super) fn of_rows(loss: &Loss, outputs: Tensor<2>, targets: Targets, divisor: f64) -> Tensor<2> {
    apply(outputs, Arc::new(Losses { loss: loss.clone(), targets, divisor: divisor as f32 }))
}

impl Losses {
    /// What the loss of a row of this class counts.
    fn weight(&self, class: u32) -> f32 {
        match &self.loss {
            Loss::WeightedCrossEntropy(ClassWeights { class_weights }) => class_weights[class as usize] as f32,
            _ => 1.0,
        }
    }

    /// The loss of a number that is so far off.
    fn of_error(&self, error: f32) -> f32 {
        match self.loss {
            Loss::MeanAbsoluteError => error.abs(),
            // c · (e − c/2), where c is e within ±δ: e²/2 there, and δ·(|e| − δ/2) beyond.
            Loss::Huber(Huber { delta }) => {
                let near = error.clamp(-delta as f32, delta as f32);
                near * (error - near / 2.0)
            }
            _ => error * error,
        }
    }

    /// Its slope; 0 where there are two.
    fn slope_of_error(&self, error: f32) -> f32 {
        match self.loss {
            Loss::MeanAbsoluteError if error == 0.0 => 0.0,
            Loss::MeanAbsoluteError => error.signum(),
            Loss::Huber(Huber { delta }) => error.clamp(-delta as f32, delta as f32),
            _ => 2.0 * error,
        }
    }
}

impl Operation for Losses {
    fn forward(&self, input: &[f32], rows: usize) -> Vec<f32> {
        let width = input.len() / rows;
        match &self.targets {
            Targets::Classes(classes) if self.loss == Loss::BinaryCrossEntropy => {
                let of = |(logit, class): (&f32, &u32)| softplus(against(*logit, *class)) / self.divisor;
                input.iter().zip(classes).map(of).collect()
            }
            Targets::Classes(classes) => {
                let of = |(row, class): (&[f32], &u32)| {
                    let most = largest(row);
                    let sum: f32 = row.iter().map(|output| libm::expf(output - most)).sum();
                    self.weight(*class) * (libm::logf(sum) - (row[*class as usize] - most)) / self.divisor
                };
                input.chunks_exact(width).zip(classes).map(of).collect()
            }
            Targets::Values(values) => {
                let of = |(output, value): (&f32, &f32)| self.of_error(output - value) / self.divisor;
                input.iter().zip(values).map(of).collect()
            }
        }
    }

    fn backward(&self, input: &[f32], delta: &[f32], rows: usize) -> Vec<f32> {
        let width = input.len() / rows;
        match &self.targets {
            Targets::Classes(classes) if self.loss == Loss::BinaryCrossEntropy => {
                let of = |((logit, class), delta): ((&f32, &u32), &f32)| {
                    let slope = sigmoid(against(*logit, *class)) * delta / self.divisor;
                    if *class == 0 { slope } else { -slope }
                };
                input.iter().zip(classes).zip(delta).map(of).collect()
            }
            Targets::Classes(classes) => {
                let mut gradient = Vec::with_capacity(input.len());
                for ((row, class), delta) in input.chunks_exact(width).zip(classes).zip(delta) {
                    let (most, start) = (largest(row), gradient.len());
                    gradient.extend(row.iter().map(|output| libm::expf(output - most)));
                    let gradient = &mut gradient[start..];
                    let (sum, scale) = (gradient.iter().sum::<f32>(), self.weight(*class) * delta / self.divisor);
                    gradient.iter_mut().for_each(|power| *power = *power / sum * scale);
                    gradient[*class as usize] -= scale;
                }
                gradient
            }
            Targets::Values(values) => {
                let of = |((output, value), delta): ((&f32, &f32), &f32)| {
                    self.slope_of_error(output - value) * delta / self.divisor
                };
                input.iter().zip(values).zip(delta).map(of).collect()
            }
        }
    }
}

/// The logit that speaks against a class: ln(1 + e^z) of it is the loss.
fn against(logit: f32, class: u32) -> f32 {
    if class == 0 { logit } else { -logit }
}

/// The largest of a row's outputs, which keeps the powers from overflowing. What is not a number is not it, and spoils them.
fn largest(row: &[f32]) -> f32 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}
