//! Convolutions as products of matrices: each place of the output sees a patch of the input, and the patches of several
//! places, one in each row, times the weights are their outputs.
//!
//! Rows are computed on several threads. What is summed over the rows is summed in parts that do not depend on the number of
//! threads, so that every machine gets the same bits.

use std::{cell::RefCell, sync::Arc};

use atoll_protocol::job::Shape;
use burn::{
    backend::flex::FlexTensor,
    tensor::{Tensor, TensorData},
};

use super::{
    Learnt,
    pieces::{each, rows},
    sides, uniform,
};
use crate::{
    operation::{Operation, apply, held, slice},
    product::{Matrix, multiply},
    random::Random,
};

/// Numbers of the patches that are there at once: 256 KiB, which a core's cache holds.
const PATCHES: usize = 1 << 16;
/// Parts that a sum over rows is made of.
const PARTS: usize = 16;

thread_local! {
    /// Room for patches, and for what one row adds to the weights.
    static ROOM: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Weights, [kernel height, kernel width, inputs, outputs], and biases.
pub(super) struct Convolution(Arc<Geometry>);

#[derive(Debug)]
struct Geometry {
    /// Height, width and channels of the input.
    input: [usize; 3],
    /// Those of the output.
    output: [usize; 3],
    /// Height and width of the kernel.
    kernel: [usize; 2],
    /// From one place to the next, down and across.
    stride: [usize; 2],
    /// Zeros above and below, and on either side.
    padding: [usize; 2],
}

/// One with its weights.
#[derive(Debug)]
struct Convolve {
    geometry: Arc<Geometry>,
    weight: FlexTensor,
    bias: FlexTensor,
}

impl Convolution {
    pub(super) fn new(input: Shape, output: Shape, [kernel, stride, padding]: [usize; 3]) -> Self {
        let image = matches!(input, Shape::Image { .. });
        Self(Arc::new(Geometry {
            input: sides(input),
            output: sides(output),
            kernel: [if image { kernel } else { 1 }, kernel],
            stride: [if image { stride } else { 1 }, stride],
            padding: [if image { padding } else { 0 }, padding],
        }))
    }
}

impl Geometry {
    /// Numbers of a row that come in.
    fn inputs(&self) -> usize {
        self.input.iter().product()
    }

    /// Numbers of a row that come out.
    fn outputs(&self) -> usize {
        self.output.iter().product()
    }

    /// Places of the output.
    fn places(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Numbers of a patch.
    fn patch(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.input[2]
    }

    /// Channels that come out.
    fn channels(&self) -> usize {
        self.output[2]
    }

    /// Multiplications for one row.
    fn products(&self) -> usize {
        self.places() * self.patch() * self.channels()
    }

    /// Places whose patches are there at once.
    fn tile(&self) -> usize {
        (PATCHES / self.patch()).clamp(1, self.places())
    }

    /// Gives `take` each stretch of a place's patch that is not padding: where it is in the patch, where in the input, and how
    /// long it is.
    fn stretches(&self, place: usize, mut take: impl FnMut(usize, usize, usize)) {
        let [height, width, channels] = self.input;
        let [tall, wide] = self.kernel;
        let (top, left) = (place / self.output[1] * self.stride[0], place % self.output[1] * self.stride[1]);
        // Columns of the kernel that are within the input.
        let first = self.padding[1].saturating_sub(left).min(wide);
        let last = (width + self.padding[1]).saturating_sub(left).min(wide);
        if first >= last {
            return;
        }
        let column = left + first - self.padding[1];
        for row in 0..tall {
            let y = top + row;
            if y >= self.padding[0] && y - self.padding[0] < height {
                let from = ((y - self.padding[0]) * width + column) * channels;
                take((row * wide + first) * channels, from, (last - first) * channels);
            }
        }
    }

    /// The patches of the places from one on, as many as there is room for.
    fn unfold(&self, input: &[f32], first: usize, patches: &mut [f32]) {
        for (place, patch) in (first..).zip(patches.chunks_exact_mut(self.patch())) {
            let mut there = 0;
            self.stretches(place, |to, from, length| {
                patch[there..to].fill(0.0);
                patch[to..to + length].copy_from_slice(&input[from..from + length]);
                there = to + length;
            });
            patch[there..].fill(0.0);
        }
    }

    /// Adds the patches of the places from one on to what they were made from.
    fn fold(&self, patches: &[f32], first: usize, input: &mut [f32]) {
        for (place, patch) in (first..).zip(patches.chunks_exact(self.patch())) {
            self.stretches(place, |from, to, length| {
                let sums = input[to..to + length].iter_mut().zip(&patch[from..from + length]);
                sums.for_each(|(sum, value)| *sum += value);
            });
        }
    }

    /// Adds one row's gradient, by the weights and then by the biases.
    fn add_gradient(&self, input: &[f32], delta: &[f32], sum: &mut [f32], patches: &mut Vec<f32>) {
        let (patch, tile, channels) = (self.patch(), self.tile(), self.channels());
        let (weights, biases) = sum.split_at_mut(patch * channels);
        for (index, delta) in delta.chunks(tile * channels).enumerate() {
            let places = delta.len() / channels;
            let patches = room(patches, places * patch);
            self.unfold(input, index * tile, patches);
            let patches = Matrix::new(patches, places, patch);
            multiply(weights, true, patches.transposed(), Matrix::new(delta, places, channels));
        }
        for delta in delta.chunks_exact(channels) {
            biases.iter_mut().zip(delta).for_each(|(sum, delta)| *sum += delta);
        }
    }
}

/// Room for so many numbers, whatever they are.
fn room(numbers: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if numbers.len() < length {
        numbers.resize(length, 0.0);
    }
    &mut numbers[..length]
}

impl Learnt for Convolution {
    fn start(&self, random: &mut Random) -> Vec<Vec<f32>> {
        let (patch, channels) = (self.0.patch(), self.0.channels());
        let weight = uniform(patch * channels, patch, random);
        vec![weight, uniform(channels, patch, random)]
    }

    fn forward(&self, x: Tensor<2>, parameters: &[Tensor<1>]) -> (Tensor<2>, Tensor<2>) {
        let (weight, bias) = (held(parameters[0].clone()), held(parameters[1].clone()));
        let output = apply(x.clone(), Arc::new(Convolve { geometry: self.0.clone(), weight, bias }));
        (x, output)
    }

    fn gradients(&self, input: Tensor<2>, delta: Tensor<2>) -> Vec<Tensor<1>> {
        let ([count, _], device) = (input.dims(), input.device());
        let (input, delta) = (held(input), held(delta));
        let (patch, channels) = (self.0.patch(), self.0.channels());
        let (part, length) = (count.div_ceil(PARTS), (patch + 1) * channels);
        let mut sums = vec![0.0_f32; count.div_ceil(part) * length];
        each(count * self.0.products(), &mut sums, length, |number, sum| {
            let of = |values, width| rows(values, width, number * part..count.min((number + 1) * part));
            let (input, delta) = (of(slice(&input), self.0.inputs()), of(slice(&delta), self.0.outputs()));
            ROOM.with_borrow_mut(|(patches, _)| {
                for (input, delta) in input.chunks_exact(self.0.inputs()).zip(delta.chunks_exact(self.0.outputs())) {
                    self.0.add_gradient(input, delta, sum, patches);
                }
            });
        });
        let (sum, others) = sums.split_at_mut(length);
        for part in others.chunks_exact(length) {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        let tensor = |values: &[f32]| Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &device);
        let (weights, biases) = sum.split_at(patch * channels);
        vec![tensor(weights), tensor(biases)]
    }

    /// A row's own gradient is written out, and only its norm kept.
    fn squares(&self, input: &Tensor<2>, delta: &Tensor<2>) -> Vec<f32> {
        let [count, _] = input.dims();
        let (input, delta) = (held(input.clone()), held(delta.clone()));
        let length = (self.0.patch() + 1) * self.0.channels();
        let mut squares = vec![0.0; count];
        each(count * self.0.products(), &mut squares, 1, |row, square| {
            let of = |values, width| rows(values, width, row..row + 1);
            let (input, delta) = (of(slice(&input), self.0.inputs()), of(slice(&delta), self.0.outputs()));
            ROOM.with_borrow_mut(|(patches, gradient)| {
                let gradient = room(gradient, length);
                gradient.fill(0.0);
                self.0.add_gradient(input, delta, gradient, patches);
                square[0] = gradient.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() as f32;
            });
        });
        squares
    }

    fn order(&self, parameter: usize) -> Option<Vec<usize>> {
        let ([tall, wide], inputs, outputs) = (self.0.kernel, self.0.input[2], self.0.channels());
        let sides = tall * wide;
        let of = move |output| {
            (0..inputs).flat_map(move |input| (0..sides).map(move |side| (side * inputs + input) * outputs + output))
        };
        (parameter == 0).then(|| (0..outputs).flat_map(of).collect())
    }
}

impl Operation for Convolve {
    fn forward(&self, input: &[f32], count: usize) -> Vec<f32> {
        let geometry = &self.geometry;
        let (patch, channels, tile) = (geometry.patch(), geometry.channels(), geometry.tile());
        let (weight, bias) = (Matrix::new(slice(&self.weight), patch, channels), slice(&self.bias));
        let mut output = vec![0.0; count * geometry.outputs()];
        each(count * geometry.products(), &mut output, geometry.outputs(), |row, output| {
            let input = rows(input, geometry.inputs(), row..row + 1);
            ROOM.with_borrow_mut(|(patches, _)| {
                for (index, output) in output.chunks_mut(tile * channels).enumerate() {
                    let places = output.len() / channels;
                    let patches = room(patches, places * patch);
                    geometry.unfold(input, index * tile, patches);
                    output.chunks_exact_mut(channels).for_each(|place| place.copy_from_slice(bias));
                    multiply(output, true, Matrix::new(patches, places, patch), weight);
                }
            });
        });
        output
    }

    fn backward(&self, _: &[f32], delta: &[f32], count: usize) -> Vec<f32> {
        let geometry = &self.geometry;
        let (patch, channels, tile) = (geometry.patch(), geometry.channels(), geometry.tile());
        let weight = Matrix::new(slice(&self.weight), patch, channels).transposed();
        let mut gradient = vec![0.0; count * geometry.inputs()];
        each(count * geometry.products(), &mut gradient, geometry.inputs(), |row, gradient| {
            let delta = rows(delta, geometry.outputs(), row..row + 1);
            ROOM.with_borrow_mut(|(patches, _)| {
                for (index, delta) in delta.chunks(tile * channels).enumerate() {
                    let places = delta.len() / channels;
                    let patches = room(patches, places * patch);
                    multiply(patches, false, Matrix::new(delta, places, channels), weight);
                    geometry.fold(patches, index * tile, gradient);
                }
            });
        });
        gradient
    }
}
