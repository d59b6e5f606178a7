//! The declared layers as a network of burn.

use atoll_protocol::job::Layer;
use burn::{
    module::{Module, Param},
    nn::Linear,
    tensor::{Device, Tensor, TensorData, activation},
};

use crate::random::Random;

/// Layers, applied in order.
pub struct Network {
    steps: Vec<Step>,
    /// The trainable part: what the optimiser steps.
    pub linears: Vec<Linear>,
}

#[derive(Clone, Copy)]
enum Step {
    /// The next of the linear layers.
    Linear,
    Relu,
    Tanh,
    Sigmoid,
    Gelu,
    Dropout(f64),
}

/// A trained tensor under the name that PyTorch's `nn.Sequential` gives it.
pub struct NamedTensor {
    /// `{layer}.weight` or `{layer}.bias`.
    pub name: String,
    /// [outputs, inputs], or [outputs].
    pub shape: Vec<usize>,
    /// Row by row.
    pub values: Vec<f32>,
}

/// What the gradients of a linear layer's rows are made from.
pub struct Tap {
    /// What went in, [rows, inputs], without gradients.
    pub input: Tensor<2>,
    /// Zeros that were added to what came out, [rows, outputs].
    pub probe: Tensor<2>,
}

impl Network {
    /// The declared layers with initial weights and biases uniform in ±1/√inputs, PyTorch's default for a linear layer.
    pub fn new(layers: &[Layer], inputs: usize, random: &mut Random, device: &Device) -> Self {
        let mut width = inputs;
        let mut linears = Vec::new();
        let steps = layers.iter().map(|layer| match layer {
            Layer::Linear { units } => {
                let units = *units as usize;
                linears.push(linear(width, units, random, device));
                width = units;
                Step::Linear
            }
            Layer::Relu {} => Step::Relu,
            Layer::Tanh {} => Step::Tanh,
            Layer::Sigmoid {} => Step::Sigmoid,
            Layer::Gelu {} => Step::Gelu,
            Layer::Dropout { rate } => Step::Dropout(*rate),
        });
        let steps = steps.collect();
        Self { steps, linears }
    }

    /// Outputs for a batch, [rows, inputs] to [rows, outputs]. Drops only while training, that is, if given random
    /// numbers to drop by.
    pub fn forward(&self, batch: Tensor<2>, dropout: Option<&mut Random>) -> Tensor<2> {
        self.apply(batch, dropout, &mut |linear, x| linear.forward(x))
    }

    /// [`Network::forward`] that leaves at each linear layer what its rows' gradients are made from, once there was a backward
    /// pass.
    pub fn forward_tapped(&self, batch: Tensor<2>, dropout: Option<&mut Random>, taps: &mut Vec<Tap>) -> Tensor<2> {
        let device = batch.device();
        self.apply(batch, dropout, &mut |linear, x| {
            let output = linear.forward(x.clone());
            let probe = Tensor::zeros(output.dims(), &device).require_grad();
            taps.push(Tap { input: x.without_autodiff(), probe: probe.clone() });
            output + probe
        })
    }

    fn apply(
        &self,
        batch: Tensor<2>,
        mut dropout: Option<&mut Random>,
        affine: &mut dyn FnMut(&Linear, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let mut linears = self.linears.iter();
        self.steps.iter().fold(batch, |x, step| match step {
            Step::Linear => affine(linears.next().expect("one for each such step"), x),
            Step::Relu => activation::relu(x),
            Step::Tanh => activation::tanh(x),
            Step::Sigmoid => activation::sigmoid(x),
            Step::Gelu => activation::gelu(x),
            Step::Dropout(rate) => match &mut dropout {
                Some(random) if *rate > 0.0 => drop_out(x, *rate, random),
                _ => x,
            },
        })
    }

    /// The network as it is used, without gradients and without dropout.
    pub fn valid(&self) -> Self {
        Self { steps: self.steps.clone(), linears: self.linears.valid() }
    }

    /// The trained tensors. Burn keeps a weight as [inputs, outputs], PyTorch as [outputs, inputs]: this gives the latter.
    pub fn tensors(&self) -> Vec<NamedTensor> {
        let mut tensors = Vec::with_capacity(2 * self.linears.len());
        let places = (0..).zip(&self.steps).filter(|(_, step)| matches!(step, Step::Linear)).map(|(place, _)| place);
        for (place, linear) in places.zip(&self.linears) {
            let place: usize = place;
            let weight = linear.weight.val().without_autodiff();
            let [inputs, outputs] = weight.dims();
            tensors.push(NamedTensor {
                name: format!("{place}.weight"),
                shape: vec![outputs, inputs],
                values: floats(weight.transpose()),
            });
            let bias = linear.bias.as_ref().expect("every linear layer has a bias").val().without_autodiff();
            tensors.push(NamedTensor { name: format!("{place}.bias"), shape: vec![outputs], values: floats(bias) });
        }
        tensors
    }
}

/// The values of a tensor, row by row.
pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().expect("a tensor in memory can be read")
}

fn linear(inputs: usize, outputs: usize, random: &mut Random, device: &Device) -> Linear {
    let bound = 1.0 / (inputs as f64).sqrt();
    let mut draw =
        |count: usize| -> Vec<f32> { (0..count).map(|_| (bound * (2.0 * random.unit() - 1.0)) as f32).collect() };
    let weight = TensorData::new(draw(inputs * outputs), [inputs, outputs]);
    let bias = TensorData::new(draw(outputs), [outputs]);
    Linear { weight: Param::from_data(weight, device), bias: Some(Param::from_data(bias, device)) }
}

/// Each value is dropped with this probability; the rest grow so that the expected sum stays.
fn drop_out(x: Tensor<2>, rate: f64, random: &mut Random) -> Tensor<2> {
    let [rows, width] = x.dims();
    let kept = (1.0 / (1.0 - rate)) as f32;
    let mask = (0..rows * width).map(|_| if random.unit() < rate { 0.0 } else { kept }).collect::<Vec<f32>>();
    let mask = Tensor::from_data(TensorData::new(mask, [rows, width]), &x.device());
    x * mask
}

#[cfg(test)]
mod tests;
