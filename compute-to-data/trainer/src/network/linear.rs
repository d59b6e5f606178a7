//! An affine map of a row.

use atoll_protocol::job::Shape;
use burn::tensor::{Tensor, module};

use super::{Learnt, floats, uniform};
use crate::random::Random;

/// Weights, [inputs, outputs], and biases.
pub(super) struct Linear {
    inputs: usize,
    outputs: usize,
}

impl Linear {
    pub(super) fn new(input: Shape, output: Shape) -> Self {
        Self { inputs: input.numbers() as usize, outputs: output.numbers() as usize }
    }
}

impl Learnt for Linear {
    fn start(&self, random: &mut Random) -> Vec<Vec<f32>> {
        let weight = uniform(self.inputs * self.outputs, self.inputs, random);
        vec![weight, uniform(self.outputs, self.inputs, random)]
    }

    fn forward(&self, x: Tensor<2>, parameters: &[Tensor<1>]) -> (Tensor<2>, Tensor<2>) {
        let weight = parameters[0].clone().reshape([self.inputs, self.outputs]);
        let output = module::linear(x.clone(), weight, Some(parameters[1].clone()));
        (x, output)
    }

    fn gradients(&self, input: Tensor<2>, delta: Tensor<2>) -> Vec<Tensor<1>> {
        let bias = delta.clone().sum_dim(0).reshape([self.outputs]);
        let weight = input.transpose().matmul(delta);
        vec![weight.reshape([self.inputs * self.outputs]), bias]
    }

    /// A row's gradient by the weights is a ⊗ δ, whose squared norm is ‖a‖²·‖δ‖² (Goodfellow, 2015), and δ by the biases.
    fn squares(&self, input: &Tensor<2>, delta: &Tensor<2>) -> Vec<f32> {
        let squared = |rows: &Tensor<2>| rows.clone().square().sum_dim(1);
        let squares = squared(input).add_scalar(1.0) * squared(delta);
        floats(squares)
    }

    fn order(&self, parameter: usize) -> Option<Vec<usize>> {
        let places = (0..self.outputs).flat_map(|o| (0..self.inputs).map(move |i| i * self.outputs + o));
        (parameter == 0).then(|| places.collect())
    }
}
