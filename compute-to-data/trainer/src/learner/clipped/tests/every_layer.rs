//! Single rows' gradients of every kind of layer that learns, against differences in plain loops and double precision.

use atoll_protocol::job::{Block, ClassWeights, Huber, Loss, Model};

use super::*;
use crate::sample::{Tensors, forward_from};

/// Layers on inputs, and what is minimised.
struct Net {
    model: Model,
    layers: Vec<Layer>,
    loss: Loss,
}

fn net(blocks: &[Block], layers: &str, loss: Loss) -> Net {
    let layers: Vec<Layer> = serde_json::from_str(layers).unwrap();
    Net { model: Model::of(&layers, blocks.to_vec()).unwrap(), layers, loss }
}

fn nets() -> Vec<Net> {
    let weighted = Loss::WeightedCrossEntropy(ClassWeights { class_weights: vec![0.5, 3.0] });
    vec![
        net(
            &[Block::Category(3), Block::Numbers(2), Block::Category(2)],
            r#"[{"kind": "embedding", "dimensions": 3}, {"kind": "layer_norm"}, {"kind": "linear", "units": 2}]"#,
            weighted,
        ),
        net(
            &[Block::Numbers(5 * 4 * 2)],
            r#"[{"kind": "as_image", "height": 5, "width": 4, "channels": 2},
                {"kind": "conv2d", "channels": 4, "kernel": 3, "padding": 1}, {"kind": "group_norm", "groups": 2},
                {"kind": "tanh"}, {"kind": "average_pool", "size": 2},
                {"kind": "conv2d", "channels": 3, "kernel": 2, "stride": 2, "padding": 1}, {"kind": "gelu"},
                {"kind": "flatten"}, {"kind": "linear", "units": 2}]"#,
            Loss::CrossEntropy,
        ),
        net(
            &[Block::Numbers(9 * 2)],
            r#"[{"kind": "as_sequence", "length": 9, "channels": 2},
                {"kind": "conv1d", "channels": 3, "kernel": 4, "stride": 2, "padding": 3}, {"kind": "softplus"},
                {"kind": "max_pool", "size": 2}, {"kind": "flatten"}, {"kind": "linear", "units": 1}]"#,
            Loss::BinaryCrossEntropy,
        ),
        net(
            &[Block::Numbers(3)],
            r#"[{"kind": "linear", "units": 4}, {"kind": "group_norm", "groups": 2}, {"kind": "sigmoid"},
                {"kind": "linear", "units": 1}]"#,
            Loss::Huber(Huber { delta: 0.1 }),
        ),
        net(&[Block::Numbers(3)], r#"[{"kind": "linear", "units": 1}]"#, Loss::MeanAbsoluteError),
    ]
}

impl Net {
    fn learner(&self) -> Learner {
        let optimizer = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0, weight_decay: 0.0 };
        Learner::new(&self.model, &self.loss, &optimizer, None, 3)
    }

    fn width(&self) -> usize {
        self.model.inputs.iter().map(|block| block.inputs() as usize).sum()
    }

    /// Inputs of a row; of categories one.
    fn inputs(&self, row: usize) -> Vec<f32> {
        let mut random = Random::new(row as u32, Stream::Order);
        let mut inputs = Vec::new();
        for block in &self.model.inputs {
            match block {
                Block::Numbers(count) => inputs.extend((0..*count).map(|_| (4.0 * random.unit() - 2.0) as f32)),
                Block::Category(count) => {
                    let category = random.below(*count);
                    inputs.extend((0..*count).map(|place| f32::from(u8::from(place == category))));
                }
            }
        }
        inputs
    }

    fn targets(&self, rows: std::ops::Range<usize>) -> Targets {
        match self.loss {
            Loss::Huber(_) | Loss::MeanAbsoluteError => {
                Targets::Values(rows.map(|row| [0.3, -0.8, 0.1][row % 3]).collect())
            }
            _ => Targets::Classes(rows.map(|row| row as u32 % 2).collect()),
        }
    }

    fn rows(&self, rows: std::ops::Range<usize>) -> (Vec<f32>, Targets) {
        (rows.clone().flat_map(|row| self.inputs(row)).collect(), self.targets(rows))
    }

    /// One row's loss, by its definition.
    fn row_loss(&self, tensors: &Tensors, row: usize) -> f64 {
        let inputs: Vec<f64> = self.inputs(row).into_iter().map(f64::from).collect();
        let outputs = forward_from(&self.model.inputs, &self.layers, tensors, &inputs);
        let likely = |class: usize| outputs.iter().map(|output| output.exp()).sum::<f64>().ln() - outputs[class];
        match (self.targets(row..row + 1), &self.loss) {
            (Targets::Classes(class), Loss::WeightedCrossEntropy(ClassWeights { class_weights })) => {
                class_weights[class[0] as usize] * likely(class[0] as usize)
            }
            (Targets::Classes(class), Loss::BinaryCrossEntropy) => {
                let chance = 1.0 / (1.0 + (-outputs[0]).exp());
                -(if class[0] == 1 { chance } else { 1.0 - chance }).ln()
            }
            (Targets::Classes(class), _) => likely(class[0] as usize),
            (Targets::Values(value), Loss::Huber(Huber { delta })) => {
                let error = (outputs[0] - f64::from(value[0])).abs();
                if error < *delta { error * error / 2.0 } else { delta * (error - delta / 2.0) }
            }
            (Targets::Values(value), _) => (outputs[0] - f64::from(value[0])).abs(),
        }
    }

    /// One row's gradient by differences, in the order of the named tensors.
    fn measured(&self, tensors: &[crate::network::NamedTensor], row: usize) -> Vec<f64> {
        let all: Tensors = tensors
            .iter()
            .map(|t| (t.name.clone(), (t.shape.clone(), t.values.iter().map(|v| f64::from(*v)).collect())))
            .collect();
        let mut gradient = Vec::new();
        for tensor in tensors {
            for place in 0..tensor.values.len() {
                let moved = |by: f64| {
                    let mut tensors = all.clone();
                    tensors.get_mut(&tensor.name).unwrap().1[place] += by;
                    self.row_loss(&tensors, row)
                };
                gradient.push((moved(1e-5) - moved(-1e-5)) / 2e-5);
            }
        }
        gradient
    }
}

fn apart(one: &[f64], other: &[f64]) -> f64 {
    norm(&one.iter().zip(other).map(|(one, other)| one - other).collect::<Vec<_>>())
}

#[test]
fn a_rows_gradient_and_the_norm_that_clips_it_are_those_that_differences_measure() {
    for net in nets() {
        for row in 0..4 {
            let mut learner = net.learner();
            let measured = net.measured(&learner.snapshot().tensors(), row);
            let gradient = clipped(&mut learner, net.rows(row..row + 1), NO_CLIPPING);
            // By name and in PyTorch's order, as the measured one.
            let mut named = learner.snapshot();
            let mut left = &gradient[..];
            for parameter in &mut named.network.parameters {
                let (own, rest) = left.split_at(parameter.dims()[0]);
                let own: Vec<f32> = own.iter().map(|value| *value as f32).collect();
                *parameter = Tensor::from_data(TensorData::new(own, parameter.dims()), &parameter.device());
                left = rest;
            }
            let in_order: Vec<f64> =
                named.tensors().into_iter().flat_map(|tensor| tensor.values).map(f64::from).collect();
            let what = format!("{:?}, row {row}", net.layers);
            assert!(norm(&measured) > 0.005, "{what}: nothing to compare");
            assert!(apart(&in_order, &measured) < 1e-4 * norm(&measured), "{what}: {in_order:?} and {measured:?}");
            for part in [0.9, 0.01] {
                let bound = part * norm(&measured);
                let scaled = clipped(&mut learner, net.rows(row..row + 1), bound);
                assert!((norm(&scaled) / bound - SLACK).abs() < 2e-6, "{what}: {} of {bound}", norm(&scaled));
                assert!(norm(&scaled) <= bound, "{what}");
            }
        }
    }
}

#[test]
fn rows_of_every_layer_are_clipped_one_by_one_before_the_sum() {
    for net in nets() {
        let mut learner = net.learner();
        let alone: Vec<Vec<f64>> =
            (0..ROWS).map(|row| clipped(&mut learner, net.rows(row..row + 1), NO_CLIPPING)).collect();
        let mut norms: Vec<f64> = alone.iter().map(|gradient| norm(gradient)).collect();
        norms.sort_by(f64::total_cmp);
        let bound = (norms[2] + norms[3]) / 2.0;
        let mut expected = vec![0.0; alone[0].len()];
        for gradient in &alone {
            let factor = (bound / norm(gradient)).min(1.0);
            expected.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += factor * value);
        }
        let sum = clipped(&mut learner, net.rows(0..ROWS), bound);
        assert!(apart(&expected, &sum) < 1e-4 * norm(&expected), "{:?}", net.layers);
    }
}

#[test]
fn a_row_that_is_not_finite_adds_nothing_in_any_layer() {
    for net in nets() {
        let mut learner = net.learner();
        let expected = clipped(&mut learner, net.rows(0..ROWS), 0.1);
        for spoilt in [f32::NAN, f32::INFINITY] {
            let mut inputs = net.rows(0..ROWS).0;
            inputs.splice(net.width()..net.width(), vec![spoilt; net.width()]);
            let targets = match (net.targets(0..1), net.targets(0..ROWS)) {
                (Targets::Classes(one), Targets::Classes(all)) => {
                    Targets::Classes([&one[..], &one[..], &all[1..]].concat())
                }
                (Targets::Values(one), Targets::Values(all)) => {
                    Targets::Values([&one[..], &one[..], &all[1..]].concat())
                }
                _ => unreachable!(),
            };
            let sum = clipped(&mut learner, (inputs, targets), 0.1);
            assert!(apart(&expected, &sum) < 1e-5 * norm(&expected), "{:?}: {sum:?}", net.layers);
            let alone = clipped(&mut learner, (vec![spoilt; net.width()], net.targets(0..1)), 0.1);
            assert!(alone.iter().all(|value| *value == 0.0), "{:?}", net.layers);
        }
    }
}

#[test]
fn the_gradient_of_many_rows_is_the_sum_of_theirs_however_they_are_cut() {
    for net in nets() {
        let mut learner = net.learner();
        let rows = 40;
        let all = clipped(&mut learner, net.rows(0..rows), NO_CLIPPING);
        let mut sum = vec![0.0; all.len()];
        for row in 0..rows {
            let alone = clipped(&mut learner, net.rows(row..row + 1), NO_CLIPPING);
            sum.iter_mut().zip(alone).for_each(|(sum, value)| *sum += value);
        }
        assert!(apart(&all, &sum) < 1e-5 * norm(&all).max(1.0), "{:?}", net.layers);
    }
}
