//! Work on rows, on several threads where it is worth it. What is computed does not depend on how many there are.

use std::{
    mem::MaybeUninit,
    ops::{AddAssign, Range},
};

use rayon::prelude::*;

/// Multiplications, or as much, from which on several threads are worth their start.
const SHARED: usize = 1 << 18;
/// Parts that a sum over rows is made of.
const PARTS: usize = 16;

/// Gives `run` each piece of so many items and its number, on several threads if `work` is enough.
pub(super) fn each<T: Send>(work: usize, items: &mut [T], length: usize, run: impl Fn(usize, &mut [T]) + Send + Sync) {
    if work < SHARED {
        items.chunks_mut(length).enumerate().for_each(|(number, piece)| run(number, piece));
    } else {
        items.par_chunks_mut(length).enumerate().for_each(|(number, piece)| run(number, piece));
    }
}

/// So many pieces of so many numbers. `run` is given each as zeros, by the thread that then writes it: zeros that one thread
/// writes for all, before the others begin, were a tenth of a step.
pub(super) fn made(
    work: usize,
    count: usize,
    length: usize,
    run: impl Fn(usize, &mut [f32]) + Send + Sync,
) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(count * length);
    each(work, &mut numbers.spare_capacity_mut()[..count * length], length, |number, piece| {
        piece.fill(MaybeUninit::new(0.0));
        #[expect(
            unsafe_code,
            reason = "there is no other way to have one thread for each piece from the beginning on"
        )]
        // SAFETY: each number of the piece was just written.
        run(number, unsafe { piece.assume_init_mut() });
    });
    #[expect(unsafe_code, reason = "as above")]
    // SAFETY: the pieces are all of the numbers, and each of them was written before it was given away.
    unsafe {
        numbers.set_len(count * length);
    }
    numbers
}

/// A row's outputs from its inputs, for rows of so many numbers in and out. `steps` are those of one number that comes in.
pub(super) fn by_row(
    input: &[f32],
    (from, to): (usize, usize),
    steps: usize,
    run: impl Fn(&[f32], &mut [f32]) + Send + Sync,
) -> Vec<f32> {
    made(input.len() * steps, input.len() / from, to, |row, output| run(rows(input, from, row..row + 1), output))
}

/// Sums over so many rows. `add` adds some rows to one part of the sums; the parts are always the same, so that every machine
/// gets the same bits.
pub(super) fn summed<T: AddAssign + Copy + Default + Send>(
    work: usize,
    count: usize,
    length: usize,
    add: impl Fn(Range<usize>, &mut [T]) + Send + Sync,
) -> Vec<T> {
    let part = count.div_ceil(PARTS).max(1);
    let mut sums = vec![T::default(); count.div_ceil(part).max(1) * length];
    each(work, &mut sums, length, |number, sum| add(number * part..count.min((number + 1) * part), sum));
    let (sum, others) = sums.split_at_mut(length);
    for part in others.chunks_exact(length) {
        sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += *part);
    }
    sums.truncate(length);
    sums
}

/// These rows of so many numbers each.
pub(super) fn rows(values: &[f32], width: usize, rows: Range<usize>) -> &[f32] {
    &values[rows.start * width..rows.end * width]
}
