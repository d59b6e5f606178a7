use atoll_protocol::job::{Layer, Optimizer};

use super::*;
use crate::sample::{Tensors, forward, learner, perceptron};

mod elsewhere;
mod pytorch;

const INPUTS: usize = 3;

fn batch() -> (Vec<f32>, Vec<u32>) {
    let mut random = Random::new(11, Stream::Order);
    let inputs = (0..8 * INPUTS).map(|_| (2.0 * random.unit() - 1.0) as f32).collect();
    (inputs, (0..8).map(|row| row % 2).collect())
}

fn tensors(learner: &Learner) -> Tensors {
    sample_of(learner.snapshot().tensors())
}

fn sample_of(tensors: Vec<NamedTensor>) -> Tensors {
    let values = |t: &NamedTensor| t.values.iter().map(|&v| f64::from(v)).collect();
    tensors.into_iter().map(|t| (t.name.clone(), (t.shape.clone(), values(&t)))).collect()
}

/// Mean cross entropy in plain loops.
fn cross_entropy(layers: &[Layer], tensors: &Tensors, inputs: &[f32], classes: &[u32]) -> f64 {
    let rows = inputs.chunks(INPUTS).zip(classes);
    let losses = rows.map(|(row, class)| {
        let logits = forward(layers, tensors, &row.iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
        logits.iter().map(|logit| logit.exp()).sum::<f64>().ln() - logits[*class as usize]
    });
    losses.sum::<f64>() / classes.len() as f64
}

#[test]
fn a_step_of_gradient_descent_goes_along_the_measured_gradient() {
    let mut layers = perceptron(&[4, 3, 2]);
    layers[1] = Layer::Tanh {};
    layers[3] = Layer::Gelu {};
    let optimizer = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0, weight_decay: 0.0 };
    let mut learner = learner(&layers, INPUTS, &optimizer, 3);
    let (inputs, classes) = batch();
    let before = tensors(&learner);
    let loss = learner.step(inputs.clone(), Targets::Classes(classes.clone()), 1.0);
    let after = tensors(&learner);
    assert!((loss - cross_entropy(&layers, &before, &inputs, &classes)).abs() < 1e-5);
    let mut largest: f64 = 0.0;
    for (name, (_, values)) in &before {
        for (place, value) in values.iter().enumerate() {
            let moved = |by: f64| {
                let mut tensors = before.clone();
                tensors.get_mut(name).unwrap().1[place] += by;
                cross_entropy(&layers, &tensors, &inputs, &classes)
            };
            let gradient = (moved(1e-4) - moved(-1e-4)) / 2e-4;
            let step = value - after[name].1[place];
            assert!((step - gradient).abs() < 1e-5, "{name}[{place}]: step {step}, gradient {gradient}");
            largest = largest.max(gradient.abs());
        }
    }
    assert!(largest > 0.01, "there was something to compare");
}

/// One weight and one bias on one row, (weight·x + bias − y)²: the gradients are 2·e·x and 2·e.
fn by_hand(row: (f64, f64), optimizer: &Optimizer, mut rule: impl FnMut(i32, usize, f64, f64) -> f64) {
    let (x, y) = row;
    let mut learner = learner(&perceptron(&[1]), 1, optimizer, 4);
    let start = tensors(&learner);
    let mut parameters = [start["0.weight"].1[0], start["0.bias"].1[0]];
    for time in 1..=6 {
        let error = parameters[0] * x + parameters[1] - y;
        let loss = learner.step(vec![x as f32], Targets::Values(vec![y as f32]), 1.0);
        assert!((loss - error * error).abs() < 1e-5);
        for (which, gradient) in [2.0 * error * x, 2.0 * error].into_iter().enumerate() {
            parameters[which] -= rule(time, which, gradient, parameters[which]);
        }
        let now = tensors(&learner);
        for (name, expected) in [("0.weight", parameters[0]), ("0.bias", parameters[1])] {
            let value = now[name].1[0];
            assert!((value - expected).abs() < 1e-5, "{name} after step {time}: {value}, by hand {expected}");
        }
    }
}

#[test]
fn momentum_and_weight_decay_are_pytorchs() {
    let optimizer = Optimizer::Sgd { learning_rate: 0.02, momentum: 0.9, weight_decay: 0.1 };
    let mut velocity = [0.0; 2];
    by_hand((2.0, 0.5), &optimizer, |_, which, gradient, value| {
        velocity[which] = 0.9 * velocity[which] + gradient + 0.1 * value;
        0.02 * velocity[which]
    });
}

#[test]
fn adam_is_the_papers() {
    // The second row's input is so small that the constant below the fraction shows.
    for (row, weight_decay) in [((2.0, 0.5), 0.01), ((1e-6, 0.5), 0.0)] {
        let optimizer = Optimizer::Adam { learning_rate: 0.05, weight_decay };
        let (mut first, mut second) = ([0.0; 2], [0.0; 2]);
        by_hand(row, &optimizer, |time, which, gradient, value| {
            let gradient = gradient + weight_decay * value;
            first[which] = 0.9 * first[which] + 0.1 * gradient;
            second[which] = 0.999 * second[which] + 0.001 * gradient * gradient;
            let mean = first[which] / (1.0 - 0.9_f64.powi(time));
            let spread: f64 = second[which] / (1.0 - 0.999_f64.powi(time));
            0.05 * mean / (spread.sqrt() + 1e-8)
        });
    }
}
