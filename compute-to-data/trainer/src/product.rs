//! Products of matrices in slices.

use gemm::Parallelism;

/// Multiplications from which on several threads are worth their start.
const SHARED: usize = 1 << 21;

/// A matrix, row by row or column by column.
#[derive(Clone, Copy)]
pub struct Matrix<'m> {
    values: &'m [f32],
    rows: usize,
    columns: usize,
    transposed: bool,
}

impl<'m> Matrix<'m> {
    /// A matrix of so many rows, row by row.
    ///
    /// # Panics
    /// If they are not as many numbers as that takes.
    pub fn new(values: &'m [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(Some(values.len()), rows.checked_mul(columns), "a matrix has a number in each place");
        Self { values, rows, columns, transposed: false }
    }

    /// With rows for columns.
    pub fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, transposed: !self.transposed, ..self }
    }

    /// From one column to the next, and from one row to the next.
    fn strides(&self) -> (isize, isize) {
        if self.transposed { (self.rows as isize, 1) } else { (1, self.columns as isize) }
    }
}

/// Adds left · right to a matrix that is there row by row, or puts it in its place; on the thread that asks for it.
///
/// # Panics
/// If the three do not fit each other.
pub fn multiply(product: &mut [f32], add: bool, left: Matrix<'_>, right: Matrix<'_>) {
    run(product, add, left, right, Parallelism::None);
}

/// The same, a large product on all threads of the pool. Each number is computed by one of them, so that there may be any number of
/// them.
///
/// # Panics
/// If the three do not fit each other.
pub fn multiply_shared(product: &mut [f32], add: bool, left: Matrix<'_>, right: Matrix<'_>) {
    let large = left.rows * left.columns * right.columns >= SHARED;
    run(product, add, left, right, if large { Parallelism::Rayon(0) } else { Parallelism::None });
}

fn run(product: &mut [f32], add: bool, left: Matrix<'_>, right: Matrix<'_>, parallelism: Parallelism) {
    let (rows, columns, depth) = (left.rows, right.columns, left.columns);
    assert_eq!(right.rows, depth, "as many columns on the left as rows on the right");
    assert_eq!(Some(product.len()), rows.checked_mul(columns), "a number in each place of the product");
    let (left_columns, left_rows) = left.strides();
    let (right_columns, right_rows) = right.strides();
    #[expect(unsafe_code, reason = "the product's one entrance takes pointers")]
    // SAFETY: the three slices are borrowed for the call and hold `rows × depth`, `depth × columns` and `rows × columns`
    // numbers, as was asserted here and in `Matrix::new`; each stride stays within its own of them.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            product.as_mut_ptr(),
            1,
            columns as isize,
            add,
            left.values.as_ptr(),
            left_columns,
            left_rows,
            right.values.as_ptr(),
            right_columns,
            right_rows,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, Stream};

    #[test]
    fn a_product_is_that_of_plain_loops_whichever_side_is_transposed() {
        let mut random = Random::new(1, Stream::Order);
        for (rows, columns, depth) in [(1, 1, 1), (3, 5, 2), (17, 9, 33), (64, 1, 7)] {
            let mut draw = |count: usize| (0..count).map(|_| random.unit() as f32 - 0.5).collect::<Vec<_>>();
            let (left, right, start) = (draw(rows * depth), draw(depth * columns), draw(rows * columns));
            let turned = |values: &[f32], rows: usize, columns: usize| -> Vec<f32> {
                (0..rows * columns).map(|place| values[(place % rows) * columns + place / rows]).collect()
            };
            let (left_turned, right_turned) = (turned(&left, rows, depth), turned(&right, depth, columns));
            let lefts = [Matrix::new(&left, rows, depth), Matrix::new(&left_turned, depth, rows).transposed()];
            let rights = [Matrix::new(&right, depth, columns), Matrix::new(&right_turned, columns, depth).transposed()];
            for (left_side, right_side) in lefts.iter().flat_map(|left| rights.iter().map(move |right| (left, right))) {
                for add in [false, true] {
                    let mut product = start.clone();
                    multiply(&mut product, add, *left_side, *right_side);
                    for (place, value) in product.iter().enumerate() {
                        let (row, column) = (place / columns, place % columns);
                        let terms = (0..depth).map(|k| left[row * depth + k] * right[k * columns + column]);
                        let expected = terms.sum::<f32>() + if add { start[place] } else { 0.0 };
                        assert!((value - expected).abs() < 1e-5, "{value} and {expected}");
                    }
                }
            }
        }
    }
}
