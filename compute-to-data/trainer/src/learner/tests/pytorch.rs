//! Layers, losses, optimisers and schedules against PyTorch, whose numbers `tests/vectors/pytorch.py` wrote.

use std::collections::BTreeMap;

use atoll_protocol::job::{Block, Layer, Loss, Model, Optimizer, Schedule};
use serde_json::Value;

use super::*;
use crate::sample::{Tensors, forward_from};

/// Largest difference to what double precision gives, of the largest number of its kind.
const NEAR: f64 = 1e-5;

pub(super) fn vectors(of: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../../tests/vectors/pytorch.json")).unwrap();
    all[of].as_array().unwrap().clone()
}

pub(super) fn get<T: serde::de::DeserializeOwned>(of: &Value, name: &str) -> T {
    serde_json::from_value(of[name].clone()).unwrap()
}

pub(super) fn model(case: &Value) -> Model {
    let blocks = get::<Vec<(String, u64)>>(case, "blocks").into_iter().map(|(kind, inputs)| match kind.as_str() {
        "numbers" => Block::Numbers(inputs),
        _ => Block::Category(inputs),
    });
    Model::of(&get::<Vec<Layer>>(case, "layers"), blocks.collect()).unwrap()
}

fn given(case: &Value) -> Tensors {
    let tensors: BTreeMap<String, Value> = get(case, "tensors");
    tensors.into_iter().map(|(name, tensor)| (name, (get(&tensor, "shape"), get(&tensor, "values")))).collect()
}

fn targets(case: &Value, loss: &Loss) -> Targets {
    match loss {
        Loss::CrossEntropy | Loss::WeightedCrossEntropy(_) | Loss::BinaryCrossEntropy => {
            Targets::Classes(get(case, "targets"))
        }
        Loss::MeanSquaredError | Loss::MeanAbsoluteError | Loss::Huber(_) => Targets::Values(get(case, "targets")),
    }
}

/// Asserts that two lists are the same but for the rounding of single precision.
pub(super) fn assert_near(what: &str, values: impl IntoIterator<Item = f64>, expected: &[f64]) {
    let values: Vec<f64> = values.into_iter().collect();
    assert_eq!(values.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-2_f64, |most, value| most.max(value.abs()));
    for (place, (value, expected)) in values.iter().zip(expected).enumerate() {
        assert!((value - expected).abs() <= NEAR * scale, "{what}[{place}]: {value} and {expected}");
    }
}

fn learner(case: &Value, loss: &Loss, optimizer: &Optimizer, clip: Option<f64>) -> Learner {
    let mut learner = Learner::new(&model(case), loss, optimizer, clip, 1);
    learner.network.load(&given(case));
    learner
}

#[test]
fn every_layer_and_loss_gives_pytorchs_outputs_and_gradients() {
    let mut seen = std::collections::BTreeSet::new();
    for case in [vectors("layers"), vectors("losses")].concat() {
        let (loss, inputs): (Loss, Vec<f32>) = (get(&case, "loss"), get(&case, "inputs"));
        let what = format!("{}, {loss:?}", get::<String>(&case, "name"));
        // A step of rate 1 is the gradient.
        let sgd = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0, weight_decay: 0.0 };
        let mut learner = learner(&case, &loss, &sgd, None);
        let outputs = learner.snapshot().outputs(inputs.clone());
        assert_near(&what, outputs.into_iter().map(f64::from), &get::<Vec<f64>>(&case, "outputs"));
        let before = learner.snapshot().tensors();
        let (traces, value) =
            learner.traces(inputs.clone(), targets(&case, &loss), get::<Vec<Value>>(&case, "targets").len() as f64);
        assert_near(&what, [value], &[get(&case, "value")]);
        let gradients = traces.into_iter().flat_map(Trace::gradients).collect();
        // Named and in PyTorch's order like the tensors that they belong to.
        learner.network.parameters = gradients;
        let expected: BTreeMap<String, Vec<f64>> = get(&case, "gradients");
        let gradients = learner.snapshot().tensors();
        assert_eq!(gradients.len(), expected.len(), "{what}");
        for (gradient, tensor) in gradients.iter().zip(before) {
            let what = format!("{what}: {}", gradient.name);
            assert_near(&what, gradient.values.iter().map(|value| f64::from(*value)), &expected[&gradient.name]);
            let (shape, values) = &given(&case)[&tensor.name];
            assert_eq!((&tensor.shape, tensor.values.len()), (shape, values.len()), "{what}");
        }
        seen.extend(
            get::<Vec<Layer>>(&case, "layers").iter().map(std::mem::discriminant).map(|kind| format!("{kind:?}")),
        );
        // The plain loops of the other tests are held against the same numbers.
        let model = model(&case);
        let width = inputs.len() / get::<Vec<Value>>(&case, "targets").len();
        let layers: Vec<Layer> = get(&case, "layers");
        let by_hand = inputs.chunks(width).flat_map(|row| {
            let row: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
            forward_from(&model.inputs, &layers, &given(&case), &row)
        });
        assert_near(&format!("{what} in plain loops"), by_hand, &get::<Vec<f64>>(&case, "outputs"));
    }
    assert_eq!(seen.len(), 16, "every kind of layer but dropout, which the network's own tests know");
}

#[test]
fn every_optimizer_goes_pytorchs_way_with_and_without_a_clipped_gradient() {
    for case in vectors("optimizers") {
        let (optimizer, clip): (Optimizer, Option<f64>) = (get(&case, "optimizer"), get(&case, "clip"));
        let mut learner = learner(&case, &Loss::MeanSquaredError, &optimizer, clip);
        let after: Vec<BTreeMap<String, Vec<f64>>> = get(&case, "after");
        for (step, expected) in after.iter().enumerate() {
            let factor = if step == 2 { 0.5 } else { 1.0 };
            learner.step(get(&case, "inputs"), Targets::Values(get(&case, "targets")), factor);
            for tensor in learner.snapshot().tensors() {
                let what = format!("{optimizer:?}, clip {clip:?}, step {step}: {}", tensor.name);
                assert_near(&what, tensor.values.iter().map(|value| f64::from(*value)), &expected[&tensor.name]);
            }
        }
    }
}

#[test]
fn every_schedule_falls_and_grows_like_pytorchs() {
    for case in vectors("schedules") {
        let schedule: Schedule = get(&case, "schedule");
        let factors: Vec<f64> = get(&case, "factors");
        let ours = (0..factors.len() as u64)
            .map(|step| schedule.factor(step, get(&case, "steps_per_epoch"), get(&case, "epochs")));
        assert_near(&format!("{schedule:?}"), ours, &factors);
    }
}
