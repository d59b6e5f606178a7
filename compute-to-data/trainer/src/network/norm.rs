//! Groups of a row's numbers brought to mean 0 and variance 1, then scaled and shifted.

use std::sync::Arc;

use atoll_protocol::job::Shape;
use burn::{
    backend::flex::FlexTensor,
    tensor::{Tensor, TensorData},
};

use super::{
    Learnt,
    pieces::{by_row, made, rows, summed},
    sides,
};
use crate::{
    operation::{Operation, apply, held, slice},
    random::Random,
};

/// What keeps a variance of 0 from dividing, PyTorch's.
const EPSILON: f64 = 1e-5;

/// Scale and shift, one of each for every channel; of a flat row, for every number.
pub(super) struct Norm {
    channels: usize,
    standard: Arc<Standard>,
}

/// Each group of channels, over all places, to mean 0 and variance 1.
#[derive(Debug)]
struct Standard {
    places: usize,
    channels: usize,
    groups: usize,
}

/// x · scale + shift, by channel.
#[derive(Debug)]
struct Affine {
    scale: FlexTensor,
    shift: FlexTensor,
}

impl Norm {
    pub(super) fn new(input: Shape, groups: usize) -> Self {
        let [height, width, channels] = sides(input);
        Self { channels, standard: Arc::new(Standard { places: height * width, channels, groups }) }
    }

    /// Sums over the places of one row: the gradient by the scale, then that by the shift.
    fn add(&self, input: &[f32], delta: &[f32], sums: &mut [f64]) {
        let (scale, shift) = sums.split_at_mut(self.channels);
        for (input, delta) in input.chunks_exact(self.channels).zip(delta.chunks_exact(self.channels)) {
            for (channel, (input, delta)) in input.iter().zip(delta).enumerate() {
                scale[channel] += f64::from(*input) * f64::from(*delta);
                shift[channel] += f64::from(*delta);
            }
        }
    }

    fn row(&self) -> usize {
        self.standard.places * self.channels
    }
}

impl Learnt for Norm {
    fn start(&self, _: &mut Random) -> Vec<Vec<f32>> {
        vec![vec![1.0; self.channels], vec![0.0; self.channels]]
    }

    fn forward(&self, x: Tensor<2>, parameters: &[Tensor<1>]) -> (Tensor<2>, Tensor<2>) {
        let standard = apply(x, self.standard.clone());
        let affine = Affine { scale: held(parameters[0].clone()), shift: held(parameters[1].clone()) };
        (standard.clone(), apply(standard, Arc::new(affine)))
    }

    fn gradients(&self, input: Tensor<2>, delta: Tensor<2>) -> Vec<Tensor<1>> {
        let ([count, _], device) = (input.dims(), input.device());
        let (input, delta) = (held(input), held(delta));
        let sums = summed(2 * count * self.row(), count, 2 * self.channels, |some, sums| {
            let of = |values| rows(values, self.row(), some.clone());
            self.add(of(slice(&input)), of(slice(&delta)), sums);
        });
        let gradient = |sums: &[f64]| {
            let sums: Vec<f32> = sums.iter().map(|sum| *sum as f32).collect();
            Tensor::from_data(TensorData::new(sums, [self.channels]), &device)
        };
        sums.chunks_exact(self.channels).map(gradient).collect()
    }

    fn squares(&self, input: &Tensor<2>, delta: &Tensor<2>) -> Vec<f32> {
        let [count, _] = input.dims();
        let (input, delta) = (held(input.clone()), held(delta.clone()));
        made(2 * count * self.row(), count, 1, |row, square| {
            let of = |values| rows(values, self.row(), row..row + 1);
            let mut sums = vec![0.0; 2 * self.channels];
            self.add(of(slice(&input)), of(slice(&delta)), &mut sums);
            square[0] = sums.iter().map(|sum| sum * sum).sum::<f64>() as f32;
        })
    }
}

impl Standard {
    /// Places of a group's numbers within a row.
    fn group(&self, group: usize) -> impl Iterator<Item = usize> + Clone {
        let (width, channels) = (self.channels / self.groups, self.channels);
        (0..self.places).flat_map(move |place| {
            let start = place * channels + group * width;
            start..start + width
        })
    }

    /// Mean of a group, and what its distances from that are multiplied by.
    fn moments(&self, row: &[f32], group: usize) -> (f64, f64) {
        let count = (self.places * self.channels / self.groups) as f64;
        let mean = self.group(group).map(|place| f64::from(row[place])).sum::<f64>() / count;
        let variance = self.group(group).map(|place| (f64::from(row[place]) - mean).powi(2)).sum::<f64>() / count;
        (mean, 1.0 / (variance + EPSILON).sqrt())
    }
}

impl Operation for Standard {
    fn forward(&self, input: &[f32], _: usize) -> Vec<f32> {
        let row = self.places * self.channels;
        by_row(input, (row, row), 4, |input, output| {
            for group in 0..self.groups {
                let (mean, factor) = self.moments(input, group);
                for place in self.group(group) {
                    output[place] = ((f64::from(input[place]) - mean) * factor) as f32;
                }
            }
        })
    }

    /// With y = (x − mean) · factor: factor · (δ − mean of δ − y · mean of δ·y).
    fn backward(&self, input: &[f32], delta: &[f32], _: usize) -> Vec<f32> {
        let row = self.places * self.channels;
        let count = (row / self.groups) as f64;
        made(8 * input.len(), input.len() / row, row, |number, gradient| {
            let (input, delta) = (rows(input, row, number..number + 1), rows(delta, row, number..number + 1));
            for group in 0..self.groups {
                let (mean, factor) = self.moments(input, group);
                let standard = |place: usize| (f64::from(input[place]) - mean) * factor;
                let (mut of_delta, mut of_product) = (0.0, 0.0);
                for place in self.group(group) {
                    of_delta += f64::from(delta[place]);
                    of_product += f64::from(delta[place]) * standard(place);
                }
                let (of_delta, of_product) = (of_delta / count, of_product / count);
                for place in self.group(group) {
                    let by_place = f64::from(delta[place]) - of_delta - standard(place) * of_product;
                    gradient[place] = (factor * by_place) as f32;
                }
            }
        })
    }
}

impl Operation for Affine {
    fn forward(&self, input: &[f32], rows: usize) -> Vec<f32> {
        let (scale, shift, width) = (slice(&self.scale), slice(&self.shift), input.len() / rows);
        by_row(input, (width, width), 1, |input, output| {
            for (input, output) in input.chunks_exact(scale.len()).zip(output.chunks_exact_mut(scale.len())) {
                let numbers = output.iter_mut().zip(input).zip(scale).zip(shift);
                numbers.for_each(|(((output, x), scale), shift)| *output = x * scale + shift);
            }
        })
    }

    fn backward(&self, _: &[f32], delta: &[f32], rows: usize) -> Vec<f32> {
        let (scale, width) = (slice(&self.scale), delta.len() / rows);
        by_row(delta, (width, width), 1, |delta, gradient| {
            for (delta, gradient) in delta.chunks_exact(scale.len()).zip(gradient.chunks_exact_mut(scale.len())) {
                gradient.iter_mut().zip(delta).zip(scale).for_each(|((by, delta), scale)| *by = delta * scale);
            }
        })
    }
}
