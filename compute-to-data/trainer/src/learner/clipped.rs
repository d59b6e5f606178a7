//! Gradients of single rows, each scaled down to a norm, as their sum: what DP-SGD (Abadi et al., 2016) adds noise to.
//!
//! Few layers write a row's gradient out: most know the norms of their rows' gradients from what went in and from δ, and the sum
//! of the gradients, each times its own factor c, is that of a whole batch whose δ is c·δ.

use burn::tensor::{Tensor, TensorData};

use super::Learner;
use crate::{
    network::{Trace, floats},
    table::Targets,
};

/// A clipped norm leaves room for the rounding of norms and sums.
const SLACK: f64 = 1.0 - 1e-5;

impl Learner {
    /// How many numbers are trained.
    pub fn size(&self) -> usize {
        self.network.parameters.iter().map(|parameter| parameter.dims()[0]).sum()
    }

    /// Every trainable number, tensor by tensor.
    pub fn parameters(&self) -> Vec<Vec<f32>> {
        self.network.parameters.iter().cloned().map(floats).collect()
    }

    /// Adds the gradient of each row's loss to `sum`, scaled down to a norm of at most `norm`. A gradient that is not finite
    /// counts as none. Row by row as [`Learner::step`], and all tensors one after the other.
    pub fn add_clipped(&mut self, batch: Vec<f32>, targets: Targets, norm: f64, sum: &mut [f64]) {
        let (mut traces, _) = self.traces(batch, targets, 1.0);
        let mut squares = traces.iter_mut().map(Trace::squares);
        let first = squares.next().expect("a model has a layer that learns");
        let squares = squares.fold(first, |mut sum, of_layer| {
            sum.iter_mut().zip(of_layer).for_each(|(sum, square)| *sum += square);
            sum
        });
        let factor = |square: f32| (SLACK * norm / f64::from(square).sqrt().max(norm)) as f32;
        let factors: Vec<Option<f32>> =
            squares.into_iter().map(|square| square.is_finite().then(|| factor(square))).collect();
        if factors.iter().all(Option::is_none) {
            return;
        }
        let mut left = sum;
        for trace in traces {
            for gradient in trace.scaled(&factors) {
                let (sum, others) = left.split_at_mut(gradient.len());
                sum.iter_mut().zip(&gradient).for_each(|(sum, value)| *sum += f64::from(*value));
                left = others;
            }
        }
    }

    /// A step along a gradient that was made elsewhere, all tensors one after the other; see [`Learner::step`] for the factor.
    pub fn step_along(&mut self, mut gradient: impl Iterator<Item = f32>, factor: f64) {
        let device = self.device.clone().without_autodiff();
        let tensors = self.network.parameters.iter().map(|parameter| {
            let length = parameter.dims()[0];
            Tensor::from_data(TensorData::new(gradient.by_ref().take(length).collect(), [length]), &device)
        });
        let tensors = tensors.collect();
        self.move_along(tensors, factor);
    }
}

#[cfg(test)]
mod tests;
