//! Convolutions as products of matrices: each place of the output sees a patch of the input, and the patches of several
//! places, one in each row, times the weights are their outputs.
//!
//! Rows are computed on several threads.

use std::{cell::RefCell, sync::Arc};

use atoll_protocol::job::Shape;
use burn::{
    backend::flex::FlexTensor,
    tensor::{Tensor, TensorData},
};

use super::{
    Learnt,
    pieces::{made, rows, summed},
    sides, squared, uniform,
};
use crate::{
    operation::{Operation, apply, held, slice},
    product::{Matrix, multiply},
    random::Random,
};

/// Numbers of the patches that are there at once: 256 KiB, which a core's cache holds.
const PATCHES: usize = 1 << 16;
/// Numbers of single rows' gradients that are kept: 8 MiB.
const KEPT: usize = 1 << 21;

thread_local! {
    /// Room for patches.
    static ROOM: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
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

    /// Numbers that are learnt.
    fn learnt(&self) -> usize {
        (self.patch() + 1) * self.channels()
    }

    /// Places whose patches are there at once.
    fn tile(&self) -> usize {
        (PATCHES / self.patch()).clamp(1, self.places())
    }

    /// The places of the output from one on, each by its row and its column.
    fn places_from(&self, first: usize) -> impl Iterator<Item = (usize, usize)> {
        let width = self.output[1];
        let next = move |(y, x): &(usize, usize)| Some(if x + 1 < width { (*y, x + 1) } else { (y + 1, 0) });
        std::iter::successors(Some((first / width, first % width)), next)
    }

    /// Gives `take` each stretch of a place's patch that is not padding: where it is in the patch, where in the input, and how
    /// long it is.
    fn stretches(&self, (y, x): (usize, usize), mut take: impl FnMut(usize, usize, usize)) {
        let [height, width, channels] = self.input;
        let [tall, wide] = self.kernel;
        let (top, left) = (y * self.stride[0], x * self.stride[1]);
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
        for (place, patch) in self.places_from(first).zip(patches.chunks_exact_mut(self.patch())) {
            let mut there = 0;
            self.stretches(place, |to, from, length| {
                if there < to {
                    patch[there..to].fill(0.0);
                }
                copy(&input[from..from + length], &mut patch[to..to + length]);
                there = to + length;
            });
            if there < patch.len() {
                patch[there..].fill(0.0);
            }
        }
    }

    /// Adds the patches of the places from one on to what they were made from.
    fn fold(&self, patches: &[f32], first: usize, input: &mut [f32]) {
        for (place, patch) in self.places_from(first).zip(patches.chunks_exact(self.patch())) {
            self.stretches(place, |from, to, length| {
                let sums = input[to..to + length].iter_mut().zip(&patch[from..from + length]);
                sums.for_each(|(sum, value)| *sum += value);
            });
        }
    }

    /// Adds the gradient of one of the rows, by the weights and then by the biases.
    fn add_row(&self, input: &[f32], delta: &[f32], row: usize, sum: &mut [f32]) {
        let (input, delta) = (rows(input, self.inputs(), row..row + 1), rows(delta, self.outputs(), row..row + 1));
        let (patch, tile, channels) = (self.patch(), self.tile(), self.channels());
        let (weights, biases) = sum.split_at_mut(patch * channels);
        for (index, delta) in delta.chunks(tile * channels).enumerate() {
            let places = delta.len() / channels;
            ROOM.with_borrow_mut(|patches| {
                let patches = room(patches, places * patch);
                self.unfold(input, index * tile, patches);
                let patches = Matrix::new(patches, places, patch);
                multiply(weights, true, patches.transposed(), Matrix::new(delta, places, channels));
            });
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

/// Copies a stretch. Where it is short, as of an image of one channel or of three colours, a call would take longer than the
/// copying.
fn copy(from: &[f32], to: &mut [f32]) {
    fn short<const N: usize>(from: &[f32], to: &mut [f32]) {
        if let (Some(from), Some(to)) = (from.first_chunk::<N>(), to.first_chunk_mut::<N>()) {
            *to = *from;
        }
    }
    match from.len() {
        3 => short::<3>(from, to),
        5 => short::<5>(from, to),
        9 => short::<9>(from, to),
        15 => short::<15>(from, to),
        _ => to.copy_from_slice(from),
    }
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
        let sum = summed(count * self.0.products(), count, self.0.learnt(), |some, sum| {
            for row in some {
                self.0.add_row(slice(&input), slice(&delta), row, sum);
            }
        });
        let tensor = |values: &[f32]| Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &device);
        let (weights, biases) = sum.split_at(self.0.patch() * self.0.channels());
        vec![tensor(weights), tensor(biases)]
    }

    /// They are written out in any case, and kept if they are not too many numbers.
    fn singles(&self, input: &Tensor<2>, delta: &Tensor<2>) -> Option<Vec<f32>> {
        let ([count, _], length) = (input.dims(), self.0.learnt());
        if count * length > KEPT {
            return None;
        }
        let (input, delta) = (held(input.clone()), held(delta.clone()));
        Some(made(count * self.0.products(), count, length, |row, gradient| {
            self.0.add_row(slice(&input), slice(&delta), row, gradient);
        }))
    }

    fn squares(&self, input: &Tensor<2>, delta: &Tensor<2>) -> Vec<f32> {
        let [count, _] = input.dims();
        let (input, delta) = (held(input.clone()), held(delta.clone()));
        made(count * self.0.products(), count, 1, |row, square| {
            let mut gradient = vec![0.0; self.0.learnt()];
            self.0.add_row(slice(&input), slice(&delta), row, &mut gradient);
            square[0] = squared(&gradient);
        })
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
        made(count * geometry.products(), count, geometry.outputs(), |row, output| {
            let input = rows(input, geometry.inputs(), row..row + 1);
            ROOM.with_borrow_mut(|patches| {
                for (index, output) in output.chunks_mut(tile * channels).enumerate() {
                    let places = output.len() / channels;
                    let patches = room(patches, places * patch);
                    geometry.unfold(input, index * tile, patches);
                    output.chunks_exact_mut(channels).for_each(|place| place.copy_from_slice(bias));
                    multiply(output, true, Matrix::new(patches, places, patch), weight);
                }
            });
        })
    }

    fn backward(&self, _: &[f32], delta: &[f32], count: usize) -> Vec<f32> {
        let geometry = &self.geometry;
        let (patch, channels, tile) = (geometry.patch(), geometry.channels(), geometry.tile());
        let weight = Matrix::new(slice(&self.weight), patch, channels).transposed();
        made(count * geometry.products(), count, geometry.inputs(), |row, gradient| {
            let delta = rows(delta, geometry.outputs(), row..row + 1);
            ROOM.with_borrow_mut(|patches| {
                for (index, delta) in delta.chunks(tile * channels).enumerate() {
                    let places = delta.len() / channels;
                    let patches = room(patches, places * patch);
                    multiply(patches, false, Matrix::new(delta, places, channels), weight);
                    geometry.fold(patches, index * tile, gradient);
                }
            });
        })
    }
}
