//! The largest or the mean of each channel in parts of an image or of a sequence.

use atoll_protocol::job::Shape;

use super::{
    pieces::{by_row, each, rows},
    sides,
};
use crate::operation::Operation;

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
                let output = &mut output[to..to + channels];
                output.copy_from_slice(&input[from..from + channels]);
                for distance in &distances[1..] {
                    let values = &input[from + distance..from + distance + channels];
                    output.iter_mut().zip(values).for_each(|(most, value)| *most = larger(*most, *value));
                }
            });
        })
    }

    /// The first of equals has it all.
    fn backward(&self, input: &[f32], delta: &[f32], count: usize) -> Vec<f32> {
        let (from, to) = self.0.rows();
        let (channels, distances) = (self.0.input[2], self.0.distances());
        let mut gradient = vec![0.0; count * from];
        each(4 * gradient.len(), &mut gradient, from, |row, gradient| {
            let (input, delta) = (rows(input, from, row..row + 1), rows(delta, to, row..row + 1));
            let (mut most, mut first) = (vec![0.0; channels], vec![0_u32; channels]);
            self.0.each(|to, from| {
                most.copy_from_slice(&input[from..from + channels]);
                first.fill(0);
                for (part, distance) in (0..).zip(&distances).skip(1) {
                    let values = &input[from + distance..from + distance + channels];
                    for ((most, first), value) in most.iter_mut().zip(&mut first).zip(values) {
                        *first = if *value > *most { part } else { *first };
                        *most = if *value > *most { *value } else { *most };
                    }
                }
                for (part, distance) in (0..).zip(&distances) {
                    let gradient = &mut gradient[from + distance..from + distance + channels];
                    for ((gradient, first), delta) in gradient.iter_mut().zip(&first).zip(&delta[to..to + channels]) {
                        *gradient = if *first == part { *delta } else { 0.0 };
                    }
                }
            });
        });
        gradient
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
