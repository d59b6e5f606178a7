//! Functions of a row without anything to learn.

use atoll_protocol::job::Shape;

use super::{pieces::by_row, sides};
use crate::operation::Operation;

/// Places of channels to channels of places, PyTorch's order of an image in one row.
#[derive(Debug)]
pub(super) struct Flatten {
    places: usize,
    channels: usize,
}

impl Flatten {
    pub(super) fn new(input: Shape) -> Self {
        let [height, width, channels] = sides(input);
        Self { places: height * width, channels }
    }
}

/// Each matrix of so many rows and columns, one after the other, with rows for columns.
fn turned(input: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    if rows == 1 || columns == 1 {
        return input.to_vec();
    }
    by_row(input, (rows * columns, rows * columns), 1, |input, output| {
        for (column, output) in output.chunks_exact_mut(rows).enumerate() {
            for (row, output) in output.iter_mut().enumerate() {
                *output = input[row * columns + column];
            }
        }
    })
}

impl Operation for Flatten {
    fn forward(&self, input: &[f32], _: usize) -> Vec<f32> {
        turned(input, self.places, self.channels)
    }

    fn backward(&self, _: &[f32], delta: &[f32], _: usize) -> Vec<f32> {
        turned(delta, self.channels, self.places)
    }
}

/// ln(1 + e^x) of each number, without overflow; burn's own overflows from 89 on.
#[derive(Debug)]
pub(super) struct Softplus;

impl Operation for Softplus {
    fn forward(&self, input: &[f32], _: usize) -> Vec<f32> {
        input.iter().copied().map(softplus).collect()
    }

    fn backward(&self, input: &[f32], delta: &[f32], _: usize) -> Vec<f32> {
        input.iter().zip(delta).map(|(x, delta)| delta * sigmoid(*x)).collect()
    }
}

/// ln(1 + e^x).
pub(crate) fn softplus(x: f32) -> f32 {
    x.max(0.0) + libm::log1pf(libm::expf(-x.abs()))
}

/// 1 / (1 + e^−x), the slope of [`softplus`].
pub(crate) fn sigmoid(x: f32) -> f32 {
    let small = libm::expf(-x.abs());
    if x < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) }
}
