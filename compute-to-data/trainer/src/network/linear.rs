//! An affine map of a row.

use std::sync::Arc;

use atoll_protocol::job::Shape;
use burn::{
    backend::flex::FlexTensor,
    tensor::{Tensor, TensorData},
};

use super::{
    Learnt,
    pieces::{made, rows},
    squared, uniform,
};
use crate::{
    operation::{Operation, apply, held, slice},
    product::{Matrix, multiply_shared},
    random::Random,
};

/// Weights, [inputs, outputs], and biases.
pub(super) struct Linear {
    inputs: usize,
    outputs: usize,
}

/// One with its weights.
#[derive(Debug)]
struct Affine {
    inputs: usize,
    outputs: usize,
    weight: FlexTensor,
    bias: FlexTensor,
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
        let (weight, bias) = (held(parameters[0].clone()), held(parameters[1].clone()));
        let affine = Affine { inputs: self.inputs, outputs: self.outputs, weight, bias };
        (x.clone(), apply(x, Arc::new(affine)))
    }

    fn gradients(&self, input: Tensor<2>, delta: Tensor<2>) -> Vec<Tensor<1>> {
        let ([count, _], device) = (input.dims(), input.device());
        let (input, delta) = (held(input), held(delta));
        let mut weight = vec![0.0; self.inputs * self.outputs];
        let input = Matrix::new(slice(&input), count, self.inputs);
        multiply_shared(&mut weight, false, input.transposed(), Matrix::new(slice(&delta), count, self.outputs));
        let mut bias = vec![0.0_f32; self.outputs];
        for delta in slice(&delta).chunks_exact(self.outputs) {
            bias.iter_mut().zip(delta).for_each(|(sum, delta)| *sum += delta);
        }
        let tensor = |values: Vec<f32>| {
            let length = values.len();
            Tensor::from_data(TensorData::new(values, [length]), &device)
        };
        vec![tensor(weight), tensor(bias)]
    }

    /// A row's gradient by the weights is a ⊗ δ, whose squared norm is ‖a‖²·‖δ‖² (Goodfellow, 2015), and δ by the biases.
    fn squares(&self, input: &Tensor<2>, delta: &Tensor<2>) -> Vec<f32> {
        let [count, _] = input.dims();
        let (input, delta) = (held(input.clone()), held(delta.clone()));
        let (input, delta) = (slice(&input), slice(&delta));
        made(count * (self.inputs + self.outputs), count, 1, |row, square| {
            let input = squared(rows(input, self.inputs, row..row + 1));
            square[0] = (input + 1.0) * squared(rows(delta, self.outputs, row..row + 1));
        })
    }

    fn order(&self, parameter: usize) -> Option<Vec<usize>> {
        let places = (0..self.outputs).flat_map(|o| (0..self.inputs).map(move |i| i * self.outputs + o));
        (parameter == 0).then(|| places.collect())
    }
}

impl Affine {
    fn weight(&self) -> Matrix<'_> {
        Matrix::new(slice(&self.weight), self.inputs, self.outputs)
    }
}

impl Operation for Affine {
    fn forward(&self, input: &[f32], count: usize) -> Vec<f32> {
        let (bias, mut output) = (slice(&self.bias), Vec::with_capacity(count * self.outputs));
        (0..count).for_each(|_| output.extend_from_slice(bias));
        multiply_shared(&mut output, true, Matrix::new(input, count, self.inputs), self.weight());
        output
    }

    fn backward(&self, _: &[f32], delta: &[f32], count: usize) -> Vec<f32> {
        let mut gradient = vec![0.0; count * self.inputs];
        let delta = Matrix::new(delta, count, self.outputs);
        multiply_shared(&mut gradient, false, delta, self.weight().transposed());
        gradient
    }
}
