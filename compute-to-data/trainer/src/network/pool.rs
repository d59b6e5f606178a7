//! The largest or the mean of each channel in parts of an image or of a sequence.

use atoll_protocol::job::Shape;

use super::{
    pieces::{by_row, made, rows},
    sides,
};
use crate::operation::Operation;

/// Channels that are compared at once: what the registers of any processor of 64 bits hold.
const LANES: usize = 8;

/// Parts that lie side by side; what is left over at the end of a side is in none.
#[derive(Debug)]
pub(super) struct Windows {
    /// Height, width and channels of the input.
    input: [usize; 3],
    /// Those of the output.
    output: [usize; 3],
    /// Height and width of a part.
    size: [usize; 2],
}

/// The largest.
#[derive(Debug)]
pub(super) struct MaxPool(pub(super) Windows);

/// The mean.
#[derive(Debug)]
pub(super) struct AveragePool(pub(super) Windows);

impl Windows {
    pub(super) fn new(input: Shape, output: Shape, size: u32) -> Self {
        let size = size as usize;
        let tall = if matches!(input, Shape::Image { .. }) { size } else { 1 };
        Self { input: sides(input), output: sides(output), size: [tall, size] }
    }

    /// Numbers of a row, in and out.
    fn rows(&self) -> (usize, usize) {
        (self.input.iter().product(), self.output.iter().product())
    }

    /// Gives `take` the place of each output's channels, and that of the first input's that belong to it.
    fn each(&self, mut take: impl FnMut(usize, usize)) {
        let ([_, width, channels], [tall, wide]) = (self.input, self.size);
        for y in 0..self.output[0] {
            for x in 0..self.output[1] {
                take((y * self.output[1] + x) * channels, (y * tall * width + x * wide) * channels);
            }
        }
    }

    /// From the first input of a part to each of them.
    fn distances(&self) -> Vec<usize> {
        let ([_, width, channels], [tall, wide]) = (self.input, self.size);
        (0..tall * wide).map(|place| (place / wide * width + place % wide) * channels).collect()
    }
}

impl Operation for MaxPool {
    fn forward(&self, input: &[f32], _: usize) -> Vec<f32> {
        let (channels, distances) = (self.0.input[2], self.0.distances());
        by_row(input, self.0.rows(), 2, |input, output| {
            self.0.each(|to, from| {
                let (input, output) = (&input[from..], &mut output[to..to + channels]);
                let (blocks, rest) = output.as_chunks_mut::<LANES>();
                let first = blocks.len() * LANES;
                for (block, output) in blocks.iter_mut().enumerate() {
                    *output = largest(&input[block * LANES..], &distances);
                }
                for (channel, output) in rest.iter_mut().enumerate() {
                    [*output] = largest(&input[first + channel..], &distances);
                }
            });
        })
    }

    /// The first of equals has it all.
    fn backward(&self, input: &[f32], delta: &[f32], count: usize) -> Vec<f32> {
        let (from, to) = self.0.rows();
        let (channels, distances) = (self.0.input[2], self.0.distances());
        made(4 * count * from, count, from, |row, gradient| {
            let (input, delta) = (rows(input, from, row..row + 1), rows(delta, to, row..row + 1));
            self.0.each(|to, from| {
                let (input, gradient) = (&input[from..], &mut gradient[from..]);
                let (blocks, rest) = delta[to..to + channels].as_chunks::<LANES>();
                let first = blocks.len() * LANES;
                for (block, delta) in blocks.iter().enumerate() {
                    route(&input[block * LANES..], delta, &distances, &mut gradient[block * LANES..]);
                }
                for (channel, delta) in rest.iter().enumerate() {
                    route(&input[first + channel..], &[*delta], &distances, &mut gradient[first + channel..]);
                }
            });
        })
    }
}

/// The first so many numbers of a slice.
fn lanes<const N: usize>(values: &[f32]) -> &[f32; N] {
    values.first_chunk().expect("a part of the input holds all channels")
}

/// The largest of each of some channels.
fn largest<const N: usize>(input: &[f32], distances: &[usize]) -> [f32; N] {
    let mut most: [f32; N] = *lanes(input);
    for distance in &distances[1..] {
        let values: &[f32; N] = lanes(&input[*distance..]);
        most.iter_mut().zip(values).for_each(|(most, value)| *most = larger(*most, *value));
    }
    most
}

/// Gives each of some channels' gradients to where its largest is, and none to the others.
fn route<const N: usize>(input: &[f32], delta: &[f32; N], distances: &[usize], gradient: &mut [f32]) {
    let (mut most, mut first): ([f32; N], [u32; N]) = (*lanes(input), [0; N]);
    for (part, distance) in (0..).zip(distances).skip(1) {
        let values: &[f32; N] = lanes(&input[*distance..]);
        for ((most, first), value) in most.iter_mut().zip(&mut first).zip(values) {
            *first = if *value > *most { part } else { *first };
            *most = if *value > *most { *value } else { *most };
        }
    }
    for (part, distance) in (0..).zip(distances) {
        let gradient: &mut [f32; N] = gradient[*distance..].first_chunk_mut().expect("it is as long as the input");
        for ((gradient, first), delta) in gradient.iter_mut().zip(&first).zip(delta) {
            *gradient = if *first == part { *delta } else { 0.0 };
        }
    }
}

/// The larger of two, and what is not a number before all.
fn larger(one: f32, other: f32) -> f32 {
    if other > one || other.is_nan() { other } else { one }
}

impl Operation for AveragePool {
    fn forward(&self, input: &[f32], _: usize) -> Vec<f32> {
        let (channels, distances) = (self.0.input[2], self.0.distances());
        by_row(input, self.0.rows(), 1, |input, output| {
            self.0.each(|to, from| {
                let output = &mut output[to..to + channels];
                for distance in &distances {
                    let values = &input[from + distance..from + distance + channels];
                    output.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                }
                output.iter_mut().for_each(|sum| *sum /= distances.len() as f32);
            });
        })
    }

    fn backward(&self, _: &[f32], delta: &[f32], _: usize) -> Vec<f32> {
        let ((inputs, outputs), channels, distances) = (self.0.rows(), self.0.input[2], self.0.distances());
        by_row(delta, (outputs, inputs), distances.len(), |delta, gradient| {
            self.0.each(|from, to| {
                let delta = &delta[from..from + channels];
                for distance in &distances {
                    let gradient = &mut gradient[to + distance..to + distance + channels];
                    let shares = gradient.iter_mut().zip(delta);
                    shares.for_each(|(share, delta)| *share = delta / distances.len() as f32);
                }
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(side: u64) -> Shape {
        Shape::Image { height: side, width: side, channels: 1 }
    }

    #[test]
    fn of_equals_the_first_has_the_whole_gradient_as_in_pytorch() {
        let pool = MaxPool(Windows::new(image(4), image(2), 2));
        // Parts whose largest is twice there: in a row, in a column, across, and four times.
        let input = [5.0, 5.0, 1.0, 7.0, 0.0, 1.0, 2.0, 7.0, 0.0, 3.0, 4.0, 4.0, 3.0, 1.0, 4.0, 4.0];
        assert_eq!(pool.forward(&input, 1), [5.0, 7.0, 3.0, 4.0]);
        let gradient = pool.backward(&input, &[1.0, 2.0, 3.0, 4.0], 1);
        let expected = [1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(gradient, expected);
    }

    #[test]
    fn what_is_not_a_number_is_not_hidden_by_a_pool() {
        for place in 0..4 {
            let mut input = [1.0; 4];
            input[place] = f32::NAN;
            assert!(MaxPool(Windows::new(image(2), image(1), 2)).forward(&input, 1)[0].is_nan(), "{place}");
            assert!(AveragePool(Windows::new(image(2), image(1), 2)).forward(&input, 1)[0].is_nan(), "{place}");
        }
    }
}
