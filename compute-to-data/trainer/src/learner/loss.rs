//! What is minimised, as functions of burn: the sum over the rows of a batch.

use std::sync::Arc;

use atoll_protocol::job::{ClassWeights, Huber, Loss};
use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};

use super::matrix;
use crate::{network::Softplus, operation::apply, table::Targets};

/// Sum of the rows' losses, of [rows, outputs].
///
/// # Panics
/// If the targets are not of the loss's kind, which a plan keeps apart.
pub(super) fn sum(loss: &Loss, outputs: Tensor<2>, targets: Targets) -> Tensor<1> {
    let device = outputs.device();
    match (targets, loss) {
        (Targets::Classes(classes), Loss::BinaryCrossEntropy) => {
            // ln(1 + e^−z) of the second class, ln(1 + e^z) of the first.
            let signs = classes.into_iter().map(|class| if class == 0 { 1.0 } else { -1.0 }).collect();
            apply(outputs * matrix(signs, 1, &device), Arc::new(Softplus)).sum()
        }
        (Targets::Classes(classes), Loss::CrossEntropy | Loss::WeightedCrossEntropy(_)) => {
            let rows = classes.len();
            let weights = match loss {
                Loss::WeightedCrossEntropy(ClassWeights { class_weights }) => {
                    Some(classes.iter().map(|class| class_weights[*class as usize] as f32).collect())
                }
                _ => None,
            };
            let classes = classes.into_iter().map(i64::from).collect::<Vec<_>>();
            let classes = Tensor::<2, Int>::from_data(TensorData::new(classes, [rows, 1]), &device);
            let likely = log_softmax(outputs, 1).gather(1, classes);
            match weights {
                Some(weights) => likely * matrix(weights, 1, &device),
                None => likely,
            }
            .sum()
            .neg()
        }
        (Targets::Values(values), loss) => {
            let error = outputs - matrix(values, 1, &device);
            match loss {
                Loss::MeanAbsoluteError => error.abs().sum(),
                // c · (e − c/2), where c is e within ±δ: e²/2 there, and δ·(|e| − δ/2) beyond.
                Loss::Huber(Huber { delta }) => {
                    let near = error.clone().clamp(-delta, *delta);
                    ((error - near.clone().mul_scalar(0.5)) * near).sum()
                }
                _ => error.square().sum(),
            }
        }
        (Targets::Classes(_), _) => unreachable!("a plan lets no loss of numbers be used for classes"),
    }
}
