//! A trained model's file in the hands of others: PyTorch, whose outputs `tests/vectors/pytorch.py` recorded, and burn's own
//! modules. `tests/vectors/trained.safetensors` was written by the trainer.

use burn::{
    module::Param,
    nn::{GroupNormConfig, LayerNormConfig, LinearConfig, PaddingConfig2d, conv::Conv2dConfig, pool::MaxPool2dConfig},
    tensor::activation::{relu, tanh},
};
use serde_json::Value;

use super::pytorch::{assert_near, get, model, vectors};
use super::*;
use crate::{export, sample};

const FILE: &[u8] = include_bytes!("../../../tests/vectors/trained.safetensors");

fn case() -> Value {
    vectors("trained")[0].clone()
}

#[test]
fn pytorch_computes_of_a_trained_file_what_the_trainer_computes() {
    let case = case();
    let trained = Snapshot::read(&model(&case), FILE).unwrap();
    let outputs = trained.outputs(get(&case, "inputs"));
    assert_near("PyTorch", outputs.into_iter().map(f64::from), &get::<Vec<f64>>(&case, "outputs"));
    assert_eq!(export::safetensors(&trained.tensors()), FILE, "it is as the trainer writes it");
}

/// One of the file's tensors.
fn given<const D: usize>(name: &str, device: &Device) -> Tensor<D> {
    let (shape, values) = sample::tensors(FILE).remove(name).unwrap();
    let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The same layers in burn's modules, which have everything as PyTorch has it but the weights of `linear`, rows for columns.
#[test]
fn burn_computes_of_a_trained_file_what_the_trainer_computes() {
    let (case, device) = (case(), Device::flex());
    let inputs: Vec<f32> = get(&case, "inputs");
    let expected = Snapshot::read(&model(&case), FILE).unwrap().outputs(inputs.clone());

    let parameter = |name: &str| Param::from_tensor(given::<1>(name, &device));
    let linear = |place: usize, [from, to]: [usize; 2]| {
        let mut linear = LinearConfig::new(from, to).init(&device);
        linear.weight = Param::from_tensor(given::<2>(&format!("{place}.weight"), &device).transpose());
        linear.bias = Some(parameter(&format!("{place}.bias")));
        linear
    };
    let padding = PaddingConfig2d::Explicit(1, 1, 1, 1);
    let mut convolution = Conv2dConfig::new([2, 4], [3, 3]).with_padding(padding).init(&device);
    convolution.weight = Param::from_tensor(given::<4>("1.weight", &device));
    convolution.bias = Some(parameter("1.bias"));
    let mut groups = GroupNormConfig::new(2, 4).init(&device);
    (groups.gamma, groups.beta) = (Some(parameter("2.weight")), Some(parameter("2.bias")));
    let mut norm = LayerNormConfig::new(6).init(&device);
    (norm.gamma, norm.beta) = (parameter("7.weight"), Some(parameter("7.bias")));

    let rows = inputs.len() / 60;
    let x = Tensor::<4>::from_data(TensorData::new(inputs, [rows, 5, 6, 2]), &device).permute([0, 3, 1, 2]);
    let x = relu(groups.forward(convolution.forward(x)));
    let x: Tensor<2> = MaxPool2dConfig::new([2, 2]).init().forward(x).flatten(1, 3);
    let x = tanh(norm.forward(linear(6, [24, 6]).forward(x)));
    let outputs = floats(linear(9, [6, 3]).forward(x));
    let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
    assert_near("burn", outputs.into_iter().map(f64::from), &expected);
}
