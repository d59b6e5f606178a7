//! What a pass over a batch leaves of a layer that learns, and the gradients that are made of it.

use std::sync::Arc;

use burn::tensor::{Gradients, Int, Tensor, TensorData};

use super::{
    Learnt, floats,
    pieces::{each, made, rows},
    squared,
};

/// Numbers of a sum over single rows' gradients that one thread adds up.
const SUMMED: usize = 1 << 10;

/// What the gradients of a layer are made from.
pub struct Tap {
    layer: Arc<dyn Learnt>,
    input: Tensor<2>,
    probe: Tensor<2>,
}

/// A layer's inputs, and the loss's gradient by its outputs.
pub struct Trace {
    layer: Arc<dyn Learnt>,
    input: Tensor<2>,
    delta: Tensor<2>,
    /// Each row's own gradient, once a layer that writes them out was asked for their norms.
    singles: Option<Vec<f32>>,
}

impl Tap {
    pub(super) fn new(layer: Arc<dyn Learnt>, input: Tensor<2>, probe: Tensor<2>) -> Self {
        Self { layer, input, probe }
    }

    /// What is left after the backward pass.
    pub fn trace(self, gradients: &mut Gradients) -> Trace {
        let delta = self.probe.grad_remove(gradients).expect("the loss depends on every layer");
        Trace { layer: self.layer, input: self.input, delta, singles: None }
    }
}

impl Trace {
    /// The gradient by each of the layer's tensors, summed over the rows.
    pub fn gradients(self) -> Vec<Tensor<1>> {
        self.layer.gradients(self.input, self.delta)
    }

    /// Squared norm of each row's own gradient.
    pub fn squares(&mut self) -> Vec<f32> {
        self.singles = self.layer.singles(&self.input, &self.delta);
        let Some(singles) = &self.singles else { return self.layer.squares(&self.input, &self.delta) };
        let [count, _] = self.input.dims();
        let length = singles.len() / count;
        made(singles.len(), count, 1, |row, square| {
            square[0] = squared(rows(singles, length, row..row + 1));
        })
    }

    /// As [`Trace::gradients`], each row times its factor, in one or more pieces. A row without a factor adds nothing, whatever
    /// it holds: what is not finite would stay so times 0.
    pub fn scaled(self, factors: &[Option<f32>]) -> Vec<Vec<f32>> {
        if let Some(singles) = &self.singles {
            return vec![weighted(singles, factors)];
        }
        let device = self.input.device();
        let chosen: Vec<i64> = (0..).zip(factors).filter(|(_, factor)| factor.is_some()).map(|(row, _)| row).collect();
        let factors: Vec<f32> = factors.iter().copied().flatten().collect();
        let (all, count) = (chosen.len() == self.input.dims()[0], chosen.len());
        let chosen = Tensor::<1, Int>::from_data(TensorData::new(chosen, [count]), &device);
        let factors = Tensor::<2>::from_data(TensorData::new(factors, [count, 1]), &device);
        let of_chosen = |tensor: Tensor<2>| if all { tensor } else { tensor.select(0, chosen.clone()) };
        let gradients = self.layer.gradients(of_chosen(self.input), of_chosen(self.delta) * factors);
        gradients.into_iter().map(floats).collect()
    }
}

/// Sum of the rows that have a factor, each times that.
fn weighted(rows: &[f32], factors: &[Option<f32>]) -> Vec<f32> {
    let length = rows.len() / factors.len();
    let mut sum = vec![0.0; length];
    each(rows.len(), &mut sum, SUMMED, |piece, sum| {
        for (row, factor) in rows.chunks_exact(length).zip(factors) {
            let Some(factor) = factor else { continue };
            let row = &row[piece * SUMMED..piece * SUMMED + sum.len()];
            sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += factor * value);
        }
    });
    sum
}
