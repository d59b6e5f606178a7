//! CSV as a stream of rows, within limits.
//!
//! The state machine of the `csv` crate (`csv-core`) writes into buffers that are sized to the limits, once: a hostile
//! table can not make them grow, and they are wiped like everything else that held a row.

use atoll_protocol::failure::FailureCode;
use csv_core::{ReadRecordResult, Reader};
use zeroize::Zeroizing;

use crate::{
    plaintext::Plaintext,
    plan::{Cells, Source, TablePlan},
    table::{Table, Targets, category, missing, one_hot, scaled},
};

/// Columns that a table may have.
pub const MAX_COLUMNS: usize = 4_096;
/// Bytes that a cell may have.
pub const MAX_FIELD: usize = 64 << 10;
/// Bytes that a row's cells may have together.
pub const MAX_ROW: usize = 1 << 20;

/// Reads rows out of pieces of text.
pub struct Rows<'a, I> {
    reader: Reader,
    pieces: I,
    input: &'a [u8],
    text: Zeroizing<Vec<u8>>,
    ends: Vec<usize>,
}

/// The cells of one row.
pub struct Row<'r> {
    text: &'r [u8],
    ends: &'r [usize],
}

impl<'a, I: Iterator<Item = &'a [u8]>> Rows<'a, I> {
    /// Reads the pieces one after the other. None may be empty: an empty one would be the end.
    pub fn new(pieces: I) -> Self {
        Self {
            reader: Reader::new(),
            pieces,
            input: &[],
            // One more than the limits: a buffer that is full is a limit that was broken.
            text: Zeroizing::new(vec![0; MAX_ROW + 1]),
            ends: vec![0; MAX_COLUMNS + 1],
        }
    }

    /// The next row, or none at the end. Empty lines are no rows.
    ///
    /// # Errors
    /// [`FailureCode::MalformedTable`] for a row that breaks a limit.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, FailureCode> {
        let (mut bytes, mut cells) = (0, 0);
        loop {
            if self.input.is_empty() {
                self.input = self.pieces.next().unwrap_or_default();
            }
            let (result, read, written, ended) =
                self.reader.read_record(self.input, &mut self.text[bytes..], &mut self.ends[cells..]);
            self.input = &self.input[read..];
            bytes += written;
            cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(FailureCode::MalformedTable);
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        let row = Row { text: &self.text[..bytes], ends: &self.ends[..cells] };
        if bytes > MAX_ROW || cells > MAX_COLUMNS || row.cells().any(|cell| cell.len() > MAX_FIELD) {
            return Err(FailureCode::MalformedTable);
        }
        Ok(Some(row))
    }
}

impl<'r> Row<'r> {
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True if there is no cell.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The cell at an index.
    ///
    /// # Panics
    /// If the row has no such cell.
    pub fn cell(&self, index: usize) -> &'r [u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    /// Every cell, from the left.
    pub fn cells(&self) -> impl Iterator<Item = &'r [u8]> {
        (0..self.len()).map(|index| self.cell(index))
    }
}

/// Reads a table of at most `most` rows into at most `max_bytes`; see [`Table::read`].
pub(crate) fn read(plan: &TablePlan, plaintext: &Plaintext, most: u64, max_bytes: usize) -> Result<Table, FailureCode> {
    let mut rows = Rows::new(plaintext.segments());
    let header = rows.next_row()?.ok_or(FailureCode::ColumnsDiffer)?;
    if !header.cells().eq(plan.header.iter().map(String::as_bytes)) {
        return Err(FailureCode::ColumnsDiffer);
    }
    let room = most_rows(plaintext, plan.header.len());
    let mut table = Table::with_capacity(plan, room, plaintext.len(), max_bytes)?;
    let mut count = 0;
    while let Some(row) = rows.next_row()? {
        if row.len() != plan.header.len() || count as u64 == most {
            return Err(FailureCode::MalformedTable);
        }
        push(&mut table, plan, &row)?;
        count += 1;
    }
    table.set_rows(count);
    Ok(table)
}

/// An upper bound of the rows: each has a line's end (but the last) and a comma between any two cells.
fn most_rows(plaintext: &Plaintext, columns: usize) -> usize {
    let ends = |piece: &[u8]| piece.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count();
    let lines: usize = plaintext.segments().map(ends).sum();
    lines.min(plaintext.len() / columns) + 1
}

fn push(table: &mut Table, plan: &TablePlan, row: &Row<'_>) -> Result<(), FailureCode> {
    for feature in &plan.features {
        match &feature.cells {
            Cells::Number { .. } => table.inputs.push(number(feature, row)?),
            Cells::Category { names, .. } => {
                table.inputs.extend(one_hot(category(feature, row.cell(feature.index))?, names));
            }
            // A document can not declare the one, and a plan learns from none of the others.
            Cells::Image(_) | Cells::Key => return Err(FailureCode::ColumnsDiffer),
        }
    }
    if let Some(target) = &plan.target {
        match &mut table.targets {
            Targets::Classes(classes) => classes.push(category(target, row.cell(target.index))?),
            Targets::Values(values) => values.push(number(target, row)?),
        }
    }
    if let Some(split) = &plan.split {
        let place = category(&split.source, row.cell(split.source.index))?;
        table.held_out.push(split.held_out[place as usize]);
    }
    for (key, keys) in plan.keys.iter().zip(&mut table.keys) {
        let text = row.cell(key.index);
        if text.trim_ascii().is_empty() {
            return Err(missing(key));
        }
        keys.push(text)?;
    }
    Ok(())
}

fn number(source: &Source, row: &Row<'_>) -> Result<f32, FailureCode> {
    let cell = row.cell(source.index).trim_ascii();
    if cell.is_empty() {
        return Err(missing(source));
    }
    scaled(source, std::str::from_utf8(cell).ok().and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use atoll_protocol::job::{Optimizer, Task};

    use super::*;
    use crate::{
        plan::Plan,
        sample::{category, number, perceptron, plaintext, spec},
    };

    #[test]
    fn the_matrix_never_grows_after_it_was_made() {
        let columns = [number("a", 0.0, 10.0), category("t", &["no", "yes"])];
        let sgd = Optimizer::Sgd { learning_rate: 0.1, momentum: 0.0, weight_decay: 0.0 };
        let job = spec(&["a"], "t", Task::BinaryClassification, perceptron(&[2]), sgd);
        let plan = Plan::compile(&job, &columns, &[]).unwrap();
        for csv in ["a,t\n1,no\n2,yes", "a,t\r\n1,no\r\n2,yes\r\n", "a,t\r1,no\r"] {
            let room = Table::with_capacity(&plan.first, most_rows(&plaintext(csv), 2), 0, 1 << 20).unwrap();
            let full = super::read(&plan.first, &plaintext(csv), 100, 1 << 20).unwrap();
            assert!(full.rows() > 0);
            assert_eq!(room.inputs.capacity(), full.inputs.capacity(), "{csv:?}");
        }
    }

    fn read(text: &[u8], piece: usize) -> Result<Vec<Vec<String>>, FailureCode> {
        let mut rows = Rows::new(text.chunks(piece));
        let mut all = Vec::new();
        while let Some(row) = rows.next_row()? {
            all.push(row.cells().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect());
        }
        Ok(all)
    }

    #[test]
    fn reads_the_same_rows_however_the_text_is_cut() {
        let text = "a,b,c\r\n1,\"x, \"\"y\"\"\nz\",3\n\n,,\n7,8,9".as_bytes();
        let expected = vec![vec!["a", "b", "c"], vec!["1", "x, \"y\"\nz", "3"], vec!["", "", ""], vec!["7", "8", "9"]];
        for piece in [1, 2, 3, 5, 1_000] {
            assert_eq!(read(text, piece).unwrap(), expected, "pieces of {piece}");
        }
        assert!(read(b"", 1).unwrap().is_empty());
        assert!(read(b"\n\r\n", 1).unwrap().is_empty());
    }

    #[test]
    fn each_limit_holds_exactly() {
        let columns = |n: usize| vec!["1"; n].join(",");
        assert_eq!(read(columns(MAX_COLUMNS).as_bytes(), 4_096).unwrap()[0].len(), MAX_COLUMNS);
        assert_eq!(read(columns(MAX_COLUMNS + 1).as_bytes(), 4_096), Err(FailureCode::MalformedTable));
        assert_eq!(read(columns(3 * MAX_COLUMNS).as_bytes(), 4_096), Err(FailureCode::MalformedTable));

        assert!(read(&[b'x'; MAX_FIELD], 4_096).is_ok());
        assert_eq!(read(&[b'x'; MAX_FIELD + 1], 4_096), Err(FailureCode::MalformedTable));

        let row = |n: usize| vec!["x".repeat(MAX_FIELD); n].join(",");
        assert!(read(row(MAX_ROW / MAX_FIELD).as_bytes(), 65_536).is_ok());
        assert_eq!(read((row(MAX_ROW / MAX_FIELD) + ",x").as_bytes(), 65_536), Err(FailureCode::MalformedTable));
    }

    #[test]
    fn a_quote_that_never_closes_does_not_grow_memory() {
        let text = [b"\"".as_slice(), &vec![b'y'; 4 * MAX_ROW]].concat();
        assert_eq!(read(&text, 65_536), Err(FailureCode::MalformedTable));
    }
}
