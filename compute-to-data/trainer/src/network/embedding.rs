//! A learnt vector for each category, in place of its inputs.

use std::{f64::consts::TAU, ops::Range, sync::Arc};

use atoll_protocol::job::Block;
use burn::{
    backend::flex::FlexTensor,
    tensor::{Tensor, TensorData},
};

use super::{
    Learnt,
    pieces::{by_row, each, made, rows},
};
use crate::{
    operation::{Operation, apply, held, slice},
    random::Random,
};

/// Categories whose vectors' gradients are summed by one thread.
const CATEGORIES: usize = 16;

/// Vectors, [categories, dimensions] for each column of categories.
#[derive(Clone, Debug)]
pub(super) struct Embedding {
    blocks: Vec<Part>,
    dimensions: usize,
    inputs: usize,
    outputs: usize,
}

/// A block of inputs, and where it goes.
#[derive(Clone, Debug)]
struct Part {
    from: Range<usize>,
    to: Range<usize>,
    is_category: bool,
}

/// One with its vectors.
#[derive(Debug)]
struct Look {
    embedding: Embedding,
    vectors: Vec<FlexTensor>,
}

impl Embedding {
    pub(super) fn new(inputs: &[Block], dimensions: usize) -> Self {
        let (mut blocks, mut from, mut to) = (Vec::with_capacity(inputs.len()), 0, 0);
        for block in inputs {
            let is_category = matches!(block, Block::Category(_));
            let width = block.inputs() as usize;
            let given = if is_category { dimensions } else { width };
            blocks.push(Part { from: from..from + width, to: to..to + given, is_category });
            (from, to) = (from + width, to + given);
        }
        Self { blocks, dimensions, inputs: from, outputs: to }
    }

    fn categories(&self) -> impl Iterator<Item = &Part> {
        self.blocks.iter().filter(|part| part.is_category)
    }
}

impl Learnt for Embedding {
    fn start(&self, random: &mut Random) -> Vec<Vec<f32>> {
        self.categories().map(|part| normal(part.from.len() * self.dimensions, random)).collect()
    }

    fn forward(&self, x: Tensor<2>, parameters: &[Tensor<1>]) -> (Tensor<2>, Tensor<2>) {
        let vectors = parameters[..self.categories().count()].iter().map(|vectors| held(vectors.clone())).collect();
        let output = apply(x.clone(), Arc::new(Look { embedding: self.clone(), vectors }));
        (x, output)
    }

    fn gradients(&self, input: Tensor<2>, delta: Tensor<2>) -> Vec<Tensor<1>> {
        let ([count, _], device) = (input.dims(), input.device());
        let (input, delta) = (held(input), held(delta));
        let gradient = |part: &Part| {
            let mut gradient = vec![0.0_f32; part.from.len() * self.dimensions];
            each(count * part.from.len(), &mut gradient, CATEGORIES * self.dimensions, |piece, gradient| {
                let first = part.from.start + piece * CATEGORIES;
                let categories = first..first + gradient.len() / self.dimensions;
                let rows = slice(&input).chunks_exact(self.inputs).zip(slice(&delta).chunks_exact(self.outputs));
                for (input, delta) in rows {
                    let delta = &delta[part.to.clone()];
                    let vectors = gradient.chunks_exact_mut(self.dimensions);
                    for (weight, vector) in input[categories.clone()].iter().zip(vectors) {
                        if *weight != 0.0 {
                            vector.iter_mut().zip(delta).for_each(|(sum, delta)| *sum += weight * delta);
                        }
                    }
                }
            });
            let length = gradient.len();
            Tensor::from_data(TensorData::new(gradient, [length]), &device)
        };
        self.categories().map(gradient).collect()
    }

    /// Each column is a linear layer without a bias.
    fn squares(&self, input: &Tensor<2>, delta: &Tensor<2>) -> Vec<f32> {
        let [count, _] = input.dims();
        let (input, delta) = (held(input.clone()), held(delta.clone()));
        let squared = |values: &[f32]| values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
        made(count * self.inputs, count, 1, |row, square| {
            let input = rows(slice(&input), self.inputs, row..row + 1);
            let delta = rows(slice(&delta), self.outputs, row..row + 1);
            let of = |part: &Part| squared(&input[part.from.clone()]) * squared(&delta[part.to.clone()]);
            square[0] = self.categories().map(of).sum::<f64>() as f32;
        })
    }
}

impl Operation for Look {
    fn forward(&self, input: &[f32], _: usize) -> Vec<f32> {
        let Embedding { blocks, dimensions, inputs, outputs } = &self.embedding;
        by_row(input, (*inputs, *outputs), 1, |input, output| {
            let mut vectors = self.vectors.iter();
            for part in blocks {
                let (input, output) = (&input[part.from.clone()], &mut output[part.to.clone()]);
                if !part.is_category {
                    output.copy_from_slice(input);
                    continue;
                }
                let vectors = slice(vectors.next().expect("one for each column of categories"));
                for (weight, vector) in input.iter().zip(vectors.chunks_exact(*dimensions)) {
                    if *weight != 0.0 {
                        output.iter_mut().zip(vector).for_each(|(sum, value)| *sum += weight * value);
                    }
                }
            }
        })
    }

    fn backward(&self, _: &[f32], _: &[f32], _: usize) -> Vec<f32> {
        unreachable!("an embedding is the first layer: nothing before it asks for a gradient")
    }
}

/// Standard normal numbers (Box and Muller, 1958), with libm's functions, so that they are the same on every machine.
fn normal(count: usize, random: &mut Random) -> Vec<f32> {
    let pair = |random: &mut Random| {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - random.unit()));
        let (sine, cosine) = libm::sincos(TAU * random.unit());
        [(radius * cosine) as f32, (radius * sine) as f32]
    };
    let mut values: Vec<f32> = (0..count.div_ceil(2)).flat_map(|_| pair(random)).collect();
    values.truncate(count);
    values
}
