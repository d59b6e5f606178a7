//! The private rows as the matrix that a model is trained on.

use atoll_protocol::failure::FailureCode;
use zeroize::Zeroize;

use crate::{
    plaintext::Plaintext,
    plan::{Cells, Plan, Source},
    rows::{Row, Rows},
};

/// Inputs and targets of all rows. Wiped when dropped; has no `Debug` on purpose.
pub struct Table {
    width: usize,
    inputs: Vec<f32>,
    targets: Targets,
}

/// What is predicted.
pub enum Targets {
    /// Places in the declared list of categories.
    Classes(Vec<u32>),
    /// Scaled to −1 … 1 by the declared bounds.
    Values(Vec<f32>),
}

impl Table {
    /// Reads the table into at most `max_bytes`.
    ///
    /// # Errors
    /// [`FailureCode`] for everything that a table can be wrong in, without a word of its content;
    /// [`FailureCode::TooFewRows`] below `min_rows`; [`FailureCode::MemoryLimit`] above `max_bytes`.
    pub fn read(plan: &Plan, plaintext: &Plaintext, min_rows: u64, max_bytes: usize) -> Result<Self, FailureCode> {
        let mut rows = Rows::new(plaintext.segments());
        let header = rows.next_row()?.ok_or(FailureCode::ColumnsDiffer)?;
        if !header.cells().eq(plan.header.iter().map(String::as_bytes)) {
            return Err(FailureCode::ColumnsDiffer);
        }
        let mut table = Self::with_capacity(plan, most_rows(plaintext, plan.header.len()), max_bytes)?;
        while let Some(row) = rows.next_row()? {
            if row.len() != plan.header.len() {
                return Err(FailureCode::MalformedTable);
            }
            table.push(plan, &row)?;
        }
        if (table.rows() as u64) < min_rows || table.rows() == 0 {
            return Err(FailureCode::TooFewRows);
        }
        Ok(table)
    }

    /// Room for all rows at once: a vector that grows leaves readable copies of itself in freed memory.
    fn with_capacity(plan: &Plan, rows: usize, max_bytes: usize) -> Result<Self, FailureCode> {
        let cells = rows.checked_mul(plan.inputs).ok_or(FailureCode::MemoryLimit)?;
        if cells.checked_add(rows).and_then(|c| c.checked_mul(4)).is_none_or(|bytes| bytes > max_bytes) {
            return Err(FailureCode::MemoryLimit);
        }
        fn reserved<T>(count: usize) -> Result<Vec<T>, FailureCode> {
            let mut room = Vec::new();
            room.try_reserve_exact(count).map_err(|_| FailureCode::MemoryLimit)?;
            Ok(room)
        }
        let targets = match plan.target.cells {
            Cells::Number { .. } => Targets::Values(reserved(rows)?),
            Cells::Category { .. } => Targets::Classes(reserved(rows)?),
        };
        Ok(Self { width: plan.inputs, inputs: reserved(cells)?, targets })
    }

    fn push(&mut self, plan: &Plan, row: &Row<'_>) -> Result<(), FailureCode> {
        for feature in &plan.features {
            match &feature.cells {
                Cells::Number { .. } => self.inputs.push(number(feature, row)?),
                Cells::Category { names, .. } => {
                    let place = category(feature, row)? as usize;
                    self.inputs.extend((0..names.len()).map(|other| f32::from(u8::from(other == place))));
                }
            }
        }
        match &mut self.targets {
            Targets::Classes(classes) => classes.push(category(&plan.target, row)?),
            Targets::Values(values) => values.push(number(&plan.target, row)?),
        }
        Ok(())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        match &self.targets {
            Targets::Classes(classes) => classes.len(),
            Targets::Values(values) => values.len(),
        }
    }

    /// Inputs per row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Inputs of the chosen rows, one after the other.
    pub fn inputs(&self, chosen: &[usize]) -> Vec<f32> {
        let mut inputs = Vec::with_capacity(chosen.len() * self.width);
        for &row in chosen {
            inputs.extend_from_slice(&self.inputs[row * self.width..(row + 1) * self.width]);
        }
        inputs
    }

    /// Targets of the chosen rows.
    pub fn targets(&self, chosen: &[usize]) -> Targets {
        match &self.targets {
            Targets::Classes(classes) => Targets::Classes(chosen.iter().map(|&row| classes[row]).collect()),
            Targets::Values(values) => Targets::Values(chosen.iter().map(|&row| values[row]).collect()),
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.inputs.zeroize();
        match &mut self.targets {
            Targets::Classes(classes) => classes.zeroize(),
            Targets::Values(values) => values.zeroize(),
        }
    }
}

/// An upper bound of the rows: each has a line's end (but the last) and a comma between any two cells.
fn most_rows(plaintext: &Plaintext, columns: usize) -> usize {
    let ends = |piece: &[u8]| piece.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count();
    let lines: usize = plaintext.segments().map(ends).sum();
    lines.min(plaintext.len() / columns) + 1
}

fn number(source: &Source, row: &Row<'_>) -> Result<f32, FailureCode> {
    let Cells::Number { min, max, scaling } = &source.cells else { unreachable!("a plan keeps the kinds apart") };
    let cell = row.cell(source.index).trim_ascii();
    if cell.is_empty() {
        return Err(FailureCode::MissingValue { column: source.name.clone() });
    }
    let value = std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok()).filter(|v| v.is_finite());
    let value = value.ok_or_else(|| FailureCode::NotANumber { column: source.name.clone() })?;
    Ok(((value.clamp(*min, *max) - scaling.offset) / scaling.scale) as f32)
}

fn category(source: &Source, row: &Row<'_>) -> Result<u32, FailureCode> {
    let Cells::Category { places, .. } = &source.cells else { unreachable!("a plan keeps the kinds apart") };
    let cell = row.cell(source.index);
    let column = || source.name.clone();
    match places.get(cell) {
        Some(place) => Ok(*place),
        None if cell.trim_ascii().is_empty() => Err(FailureCode::MissingValue { column: column() }),
        None => Err(FailureCode::UnknownCategory { column: column() }),
    }
}

#[cfg(test)]
mod tests;
