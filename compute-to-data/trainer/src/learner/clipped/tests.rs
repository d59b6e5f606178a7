use atoll_protocol::job::{Layer, Optimizer};

use super::*;
use crate::{
    random::{Random, Stream},
    sample::{self, perceptron},
};

const INPUTS: usize = 3;
const ROWS: usize = 6;
/// A norm that no gradient here reaches.
const NO_CLIPPING: f64 = 1e4;

fn learner() -> Learner {
    let mut layers = perceptron(&[5, 4, 2]);
    layers[1] = Layer::Tanh {};
    layers[3] = Layer::Gelu {};
    // A rate of 1 makes a step the gradient itself.
    let optimizer = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0, weight_decay: 0.0 };
    sample::learner(&layers, INPUTS, &optimizer, 3)
}

fn rows() -> (Vec<f32>, Vec<u32>) {
    let mut random = Random::new(11, Stream::Order);
    let inputs = (0..ROWS * INPUTS).map(|_| (4.0 * random.unit() - 2.0) as f32).collect();
    (inputs, (0..ROWS as u32).map(|row| row % 2).collect())
}

fn row(place: usize) -> (Vec<f32>, Targets) {
    let (inputs, classes) = rows();
    (inputs[place * INPUTS..(place + 1) * INPUTS].to_vec(), Targets::Classes(vec![classes[place]]))
}

fn clipped(learner: &mut Learner, (inputs, targets): (Vec<f32>, Targets), norm: f64) -> Vec<f64> {
    let mut sum = vec![0.0; learner.size()];
    learner.add_clipped(inputs, targets, norm, &mut sum);
    sum
}

fn norm(gradient: &[f64]) -> f64 {
    gradient.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn all() -> (Vec<f32>, Targets) {
    let (inputs, classes) = rows();
    (inputs, Targets::Classes(classes))
}

/// Values of all tensors in the order of the gradient.
fn weights(learner: &Learner) -> Vec<f32> {
    learner.network.parameters.iter().flat_map(|parameter| floats(parameter.clone())).collect()
}

#[test]
fn a_rows_gradient_is_that_of_an_ordinary_step_on_it_alone() {
    // An ordinary step's gradient is compared with differences in the learner's own tests.
    for place in 0..ROWS {
        let (mut one, mut other) = (learner(), learner());
        let before = weights(&other);
        let (inputs, targets) = row(place);
        other.step(inputs, targets, 1.0);
        let step: Vec<f64> = before.iter().zip(weights(&other)).map(|(b, a)| f64::from(b - a)).collect();
        let gradient = clipped(&mut one, row(place), NO_CLIPPING);
        assert!(norm(&step) > 0.1);
        let apart: Vec<f64> = step.iter().zip(&gradient).map(|(step, gradient)| step - gradient).collect();
        assert!(norm(&apart) < 2e-5 * norm(&step), "row {place}: {}", norm(&apart) / norm(&step));
    }
}

#[test]
fn the_norm_that_clips_is_that_of_the_whole_gradient_measured_by_differences() {
    for place in 0..ROWS {
        let mut learner = learner();
        let mut square = 0.0;
        let loss = |learner: &Learner| {
            let (inputs, targets) = row(place);
            let outputs = learner.snapshot().outputs(inputs);
            let Targets::Classes(class) = targets else { unreachable!() };
            let outputs: Vec<f64> = outputs.into_iter().map(f64::from).collect();
            outputs.iter().map(|output| output.exp()).sum::<f64>().ln() - outputs[class[0] as usize]
        };
        let size = learner.size();
        for value in 0..size {
            let mut moved = |by: f32| {
                let along = |by: f32| (0..size).map(move |place| if place == value { by } else { 0.0 });
                learner.step_along(along(-by), 1.0);
                let loss = loss(&learner);
                learner.step_along(along(by), 1.0);
                loss
            };
            square += ((moved(0.01) - moved(-0.01)) / 0.02_f64).powi(2);
        }
        let measured = norm(&clipped(&mut learner, row(place), NO_CLIPPING));
        assert!((square.sqrt() / measured - 1.0).abs() < 2e-3, "row {place}: {} and {measured}", square.sqrt());
    }
}

#[test]
fn each_row_is_clipped_by_itself_before_the_sum() {
    let mut learner = learner();
    let alone: Vec<Vec<f64>> = (0..ROWS).map(|place| clipped(&mut learner, row(place), NO_CLIPPING)).collect();
    let mut norms: Vec<f64> = alone.iter().map(|gradient| norm(gradient)).collect();
    norms.sort_by(f64::total_cmp);
    // Between the norms: some rows are clipped and some are not.
    let bound = (norms[2] + norms[3]) / 2.0;
    let mut expected = vec![0.0; alone[0].len()];
    for gradient in &alone {
        let factor = (bound / norm(gradient)).min(1.0);
        expected.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += factor * value);
    }
    let sum = clipped(&mut learner, all(), bound);
    let apart: Vec<f64> = expected.iter().zip(&sum).map(|(expected, sum)| expected - sum).collect();
    assert!(norm(&apart) < 1e-4 * norm(&expected), "{}", norm(&apart));
    for place in 0..ROWS {
        assert!(norm(&clipped(&mut learner, row(place), bound)) <= bound);
    }
}

mod every_layer;

#[test]
fn a_row_without_a_finite_gradient_adds_nothing_and_spoils_nothing() {
    let mut learner = learner();
    let (mut inputs, classes) = rows();
    let expected = clipped(&mut learner, all(), 1.0);
    // Its products overflow.
    inputs.extend([f32::MAX, -f32::MAX, f32::MAX]);
    let mut targets = classes;
    targets.push(1);
    let sum = clipped(&mut learner, (inputs, Targets::Classes(targets)), 1.0);
    let apart: Vec<f64> = expected.iter().zip(&sum).map(|(expected, sum)| expected - sum).collect();
    assert!(norm(&apart) < 1e-5, "{sum:?}");
    let alone = clipped(&mut learner, (vec![f32::MAX; 3], Targets::Classes(vec![0])), 1.0);
    assert!(alone.iter().all(|value| *value == 0.0));
}

#[test]
fn a_number_that_is_predicted_has_gradients_too() {
    let optimizer = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0, weight_decay: 0.0 };
    let mut learner = sample::learner(&perceptron(&[1]), 2, &optimizer, 5);
    let weights = weights(&learner);
    // (w·x + b − y)²: the gradients are 2·e·x and 2·e.
    let (x, y) = ([0.5_f32, -1.0], 0.25_f32);
    let error = f64::from(weights[0] * x[0] + weights[1] * x[1] + weights[2] - y);
    let gradient = clipped(&mut learner, (x.to_vec(), Targets::Values(vec![y])), NO_CLIPPING);
    let expected = [2.0 * error * 0.5, -2.0 * error, 2.0 * error];
    assert!(gradient.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4 * error.abs().max(0.1)), "{gradient:?}");
}
