//! Work on rows, on several threads where it is worth it. What is computed does not depend on how many there are.

use std::ops::Range;

use rayon::prelude::*;

/// Multiplications, or as much, from which on several threads are worth their start.
const SHARED: usize = 1 << 18;

/// Gives `run` each piece of so many items and its number, on several threads if `work` is enough.
pub(super) fn each<T: Send>(work: usize, items: &mut [T], length: usize, run: impl Fn(usize, &mut [T]) + Send + Sync) {
    if work < SHARED {
        items.chunks_mut(length).enumerate().for_each(|(number, piece)| run(number, piece));
    } else {
        items.par_chunks_mut(length).enumerate().for_each(|(number, piece)| run(number, piece));
    }
}

/// A row's outputs from its inputs, for rows of so many numbers in and out. `steps` are those of one number that comes in.
pub(super) fn by_row(
    input: &[f32],
    (from, to): (usize, usize),
    steps: usize,
    run: impl Fn(&[f32], &mut [f32]) + Send + Sync,
) -> Vec<f32> {
    let mut output = vec![0.0; input.len() / from * to];
    each(input.len() * steps, &mut output, to, |row, output| run(rows(input, from, row..row + 1), output));
    output
}

/// These rows of so many numbers each.
pub(super) fn rows(values: &[f32], width: usize, rows: Range<usize>) -> &[f32] {
    &values[rows.start * width..rows.end * width]
}
