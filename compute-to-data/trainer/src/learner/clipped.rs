//! Gradients of single rows, each scaled down to a norm, as their sum: what DP-SGD (Abadi et al., 2016) adds noise to.
//!
//! No row's gradient is ever written out. A zero tensor that asks for a gradient, a probe, is added to what each layer gives
//! before its activation; one backward pass then leaves every row's δ there. A linear layer with input a has the gradient
//! a ⊗ δ, whose squared norm is ‖a‖²·‖δ‖², and ‖δ‖² for its bias (Goodfellow, 2015); the sum of the rows' gradients, each
//! times its own factor c, is aᵀ(c·δ).

use burn::{
    optim::GradientsParams,
    tensor::{Int, Tensor, TensorData},
};

use super::{Learner, loss_sum, matrix};
use crate::{
    network::{Tap, floats},
    table::Targets,
};

/// A clipped norm leaves room for the rounding of norms and sums.
const SLACK: f64 = 1.0 - 1e-5;

impl Learner {
    /// Numbers of each trainable tensor: weight and bias of one linear layer after the other.
    pub fn lengths(&self) -> Vec<usize> {
        let lengths = self.network.linears.iter().map(|linear| linear.weight.dims());
        lengths.flat_map(|[inputs, outputs]| [inputs * outputs, outputs]).collect()
    }

    /// Adds the gradient of each row's loss to `sum`, scaled down to a norm of at most `norm`. A gradient that is not finite
    /// counts as none. Row by row as [`Learner::step`].
    pub fn add_clipped(&mut self, batch: Vec<f32>, targets: Targets, norm: f64, sum: &mut [Vec<f64>]) {
        let mut taps = Vec::with_capacity(self.network.linears.len());
        let outputs = self.network.valid().forward_tapped(
            matrix(batch, self.inputs, &self.device),
            Some(&mut self.dropout),
            &mut taps,
        );
        let mut gradients = loss_sum(outputs, targets).backward();
        let taps: Vec<(Tensor<2>, Tensor<2>)> = taps
            .into_iter()
            .map(|Tap { input, probe }| (input, probe.grad_remove(&mut gradients).expect("the loss depends on it")))
            .collect();
        let squares = taps.iter().map(|(input, delta)| squared(input).add_scalar(1.0) * squared(delta));
        let squares = floats(squares.reduce(|sum, of_layer| sum + of_layer).expect("a model has a linear layer"));
        let finite: Vec<i64> =
            (0..).zip(&squares).filter(|(_, square)| square.is_finite()).map(|(row, _)| row).collect();
        let factors = |square: &f32| (SLACK * norm / f64::from(*square).sqrt().max(norm)) as f32;
        let factors: Vec<f32> = squares.iter().filter(|square| square.is_finite()).map(factors).collect();
        if finite.is_empty() {
            return;
        }
        let device = taps[0].1.device();
        let all = finite.len() == squares.len();
        let factors = Tensor::<2>::from_data(TensorData::new(factors, [finite.len(), 1]), &device);
        let finite = Tensor::<1, Int>::from_data(TensorData::new(finite, [factors.dims()[0]]), &device);
        let chosen = |tensor: Tensor<2>| if all { tensor } else { tensor.select(0, finite.clone()) };
        for ((input, delta), sum) in taps.into_iter().zip(sum.chunks_exact_mut(2)) {
            let delta = chosen(delta) * factors.clone();
            add(&mut sum[1], floats(delta.clone().sum_dim(0)));
            add(&mut sum[0], floats(chosen(input).transpose().matmul(delta)));
        }
    }

    /// A step along a gradient that was made elsewhere, in the form of [`Learner::lengths`].
    pub fn step_along(&mut self, gradient: Vec<Vec<f32>>) {
        let device = self.device.clone().without_autodiff();
        let mut gradients = GradientsParams::new();
        let mut gradient = gradient.into_iter();
        let mut next = || gradient.next().expect("one for each tensor");
        for linear in &self.network.linears {
            let shape = linear.weight.dims();
            gradients.register(linear.weight.id, Tensor::<2>::from_data(TensorData::new(next(), shape), &device));
            let bias = linear.bias.as_ref().expect("every linear layer has a bias");
            gradients.register(bias.id, Tensor::<1>::from_data(TensorData::new(next(), [shape[1]]), &device));
        }
        let linears = std::mem::take(&mut self.network.linears);
        self.network.linears = self.optimizer.step(self.learning_rate, linears, gradients);
    }
}

/// Squared norm of each row, [rows, 1].
fn squared(rows: &Tensor<2>) -> Tensor<2> {
    rows.clone().square().sum_dim(1)
}

fn add(sum: &mut [f64], values: Vec<f32>) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += f64::from(value);
    }
}

#[cfg(test)]
mod tests;
