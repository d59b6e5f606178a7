//! The private rows as the matrix that a model is trained on.

use std::ops::RangeInclusive;

use atoll_protocol::{document::MediaType, failure::FailureCode};
use zeroize::Zeroize;

use crate::{
    columns,
    join::Keys,
    plaintext::Plaintext,
    plan::{Cells, Source, TablePlan},
    rows,
};

/// Inputs and targets of all rows. Wiped when dropped; has no `Debug` on purpose.
pub struct Table {
    width: usize,
    rows: usize,
    pub(crate) inputs: Vec<f32>,
    /// As many as rows in a first table; none in one that is joined to it.
    pub(crate) targets: Targets,
    /// Whether a column says of each row that it is held out; as many as rows, or none.
    pub(crate) held_out: Vec<bool>,
    /// As in the plan.
    pub(crate) keys: Vec<Keys>,
    /// Of what is joined, the place of each row in the first table.
    pub(crate) places: Option<Vec<usize>>,
}

/// What is predicted.
pub enum Targets {
    /// Places in the declared list of categories.
    Classes(Vec<u32>),
    /// Scaled to −1 … 1 by the declared bounds.
    Values(Vec<f32>),
}

impl Table {
    /// Reads a table of a number of rows in `rows` into at most `max_bytes`. The same values give the same matrix, whatever
    /// the format.
    ///
    /// # Errors
    /// [`FailureCode`] for everything that a table can be wrong in, without a word of its content;
    /// [`FailureCode::TooFewRows`] below the first number of `rows`, [`FailureCode::MalformedTable`] above the last;
    /// [`FailureCode::MemoryLimit`] above `max_bytes`.
    pub fn read(
        format: MediaType,
        plan: &TablePlan,
        plaintext: &Plaintext,
        rows: &RangeInclusive<u64>,
        max_bytes: usize,
    ) -> Result<Self, FailureCode> {
        let table = match format {
            MediaType::Csv => rows::read(plan, plaintext, *rows.end(), max_bytes)?,
            MediaType::Parquet => columns::read(plan, plaintext, rows, max_bytes)?,
        };
        if (table.rows() as u64) < *rows.start() || table.rows() == 0 {
            return Err(FailureCode::TooFewRows);
        }
        Ok(table)
    }

    /// Room for all rows at once: a vector that grows leaves readable copies of itself in freed memory. All keys of a column
    /// have at most `key_bytes`.
    pub(crate) fn with_capacity(
        plan: &TablePlan,
        rows: usize,
        key_bytes: usize,
        max_bytes: usize,
    ) -> Result<Self, FailureCode> {
        // Beside its text, where each ends, and its place in the map that finds it.
        let key = rows.checked_mul(5 * size_of::<usize>()).and_then(|ends| ends.checked_add(key_bytes));
        let keys = key.and_then(|key| key.checked_mul(plan.keys.len())).ok_or(FailureCode::MemoryLimit)?;
        let left = max_bytes.checked_sub(keys).ok_or(FailureCode::MemoryLimit)?;
        let targets = match plan.target.as_ref().map(|target| &target.cells) {
            Some(Cells::Category { .. }) => Targets::Classes(Vec::new()),
            _ => Targets::Values(Vec::new()),
        };
        let mut table = Self::room(plan.inputs, rows, &targets, plan.split.is_some(), left)?;
        for _ in &plan.keys {
            table.keys.push(Keys::with_capacity(rows, key_bytes)?);
        }
        Ok(table)
    }

    /// Room for rows of this width, with targets of the same kind, and whether each is held out if that is `split`.
    pub(crate) fn room(
        width: usize,
        rows: usize,
        like: &Targets,
        split: bool,
        max_bytes: usize,
    ) -> Result<Self, FailureCode> {
        let cells = rows.checked_mul(width).ok_or(FailureCode::MemoryLimit)?;
        let parts = if split { rows } else { 0 };
        let bytes = cells.checked_add(rows).and_then(|c| c.checked_mul(4)).and_then(|bytes| bytes.checked_add(parts));
        if bytes.is_none_or(|bytes| bytes > max_bytes) {
            return Err(FailureCode::MemoryLimit);
        }
        fn reserved<T>(count: usize) -> Result<Vec<T>, FailureCode> {
            let mut room = Vec::new();
            room.try_reserve_exact(count).map_err(|_| FailureCode::MemoryLimit)?;
            Ok(room)
        }
        let targets = match like {
            Targets::Classes(_) => Targets::Classes(reserved(rows)?),
            Targets::Values(_) => Targets::Values(reserved(rows)?),
        };
        let (inputs, held_out) = (reserved(cells)?, reserved(parts)?);
        Ok(Self { width, rows: 0, inputs, targets, held_out, keys: Vec::new(), places: None })
    }

    /// Says how many rows there are, once all are there.
    pub(crate) fn set_rows(&mut self, rows: usize) {
        self.rows = rows;
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Place of a row in the first table, whatever became of the rows before it.
    pub fn place(&self, row: usize) -> usize {
        self.places.as_ref().map_or(row, |places| places[row])
    }

    /// Inputs of one row.
    pub(crate) fn inputs_of(&self, row: usize) -> &[f32] {
        self.inputs_from(row, 1)
    }

    /// Inputs of so many rows that follow each other.
    pub(crate) fn inputs_from(&self, row: usize, count: usize) -> &[f32] {
        &self.inputs[row * self.width..(row + count) * self.width]
    }

    /// Whether a column says that a row is held out; none if no column does.
    pub fn is_held_out(&self, row: usize) -> Option<bool> {
        self.held_out.get(row).copied()
    }

    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        4 * (self.inputs.capacity() + self.rows)
            + self.held_out.capacity()
            + self.keys.iter().map(Keys::bytes).sum::<usize>()
    }

    /// Inputs per row.
    pub fn width(&self) -> usize {
        self.width
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
        self.held_out.zeroize();
        match &mut self.targets {
            Targets::Classes(classes) => classes.zeroize(),
            Targets::Values(values) => values.zeroize(),
        }
    }
}

/// The number that a text or a value of this column stands for, as a model sees it; none where it is none, or not finite.
pub(crate) fn scaled(source: &Source, value: Option<f64>) -> Result<f32, FailureCode> {
    let Cells::Number { min, max, scaling } = &source.cells else { unreachable!("a plan keeps the kinds apart") };
    let value = value.filter(|value| value.is_finite());
    let value = value.ok_or_else(|| FailureCode::NotANumber { column: source.name.clone() })?;
    Ok(((value.clamp(*min, *max) - scaling.offset) / scaling.scale) as f32)
}

/// The place of a category among the declared ones. White space alone is a missing one.
pub(crate) fn category(source: &Source, name: &[u8]) -> Result<u32, FailureCode> {
    let Cells::Category { places, .. } = &source.cells else { unreachable!("a plan keeps the kinds apart") };
    match places.get(name) {
        Some(place) => Ok(*place),
        None if name.trim_ascii().is_empty() => Err(missing(source)),
        None => Err(FailureCode::UnknownCategory { column: source.name.clone() }),
    }
}

/// Said of a cell of this column that is empty.
pub(crate) fn missing(source: &Source) -> FailureCode {
    FailureCode::MissingValue { column: source.name.clone() }
}

/// A category as the inputs that it becomes.
pub(crate) fn one_hot(place: u32, names: &[String]) -> impl Iterator<Item = f32> {
    (0..names.len()).map(move |other| f32::from(u8::from(other == place as usize)))
}

#[cfg(test)]
mod tests;
