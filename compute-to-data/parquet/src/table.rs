//! A table: what the footer says, and columns one after the other.

use crate::{
    Error, FREE_GROWTH, MAX_GROWTH, Result, Source,
    column::{GROWTH, Reading},
    footer::{self, Footer},
    schema::{Column, Kind},
    values::Value,
};

/// Bytes that a cell takes at least for who reads it.
const CELL: u64 = 4;

/// An open table. It has no `Debug` on purpose.
pub struct Table<S> {
    source: S,
    footer: Footer,
    /// Bytes that may still come out.
    allowance: u64,
}

impl<S: Source> Table<S> {
    /// Reads the footer.
    ///
    /// # Errors
    /// See [`Error`]: for every column, also those that are not going to be read.
    pub fn open(source: S) -> Result<Self> {
        let footer = footer::read(&source)?;
        let allowance = source.size().saturating_mul(MAX_GROWTH).max(FREE_GROWTH);
        Ok(Self { source, footer, allowance })
    }

    /// The columns in their order.
    pub fn columns(&self) -> &[Column] {
        &self.footer.columns
    }

    /// Number of rows, as the footer and each of its groups say.
    pub fn rows(&self) -> u64 {
        self.footer.rows
    }

    /// Reads a column from its first row to its last. All columns together may unpack to [`MAX_GROWTH`] times the file's
    /// size, at least [`FREE_GROWTH`]; each cell counts with four bytes more.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Ended`] and others that `visit` returns.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn read(&mut self, column: usize, mut visit: impl FnMut(Value<'_>) -> Result<()>) -> Result<()> {
        let place = column;
        let column = &self.footer.columns[place];
        if let Kind::Other(name) = column.kind {
            return Err(Error::Unsupported(name));
        }
        let cells = self.footer.rows.checked_mul(CELL).ok_or(GROWTH)?;
        self.allowance = self.allowance.checked_sub(cells).ok_or(GROWTH)?;
        for group in &self.footer.groups {
            let reading = Reading {
                source: &self.source,
                column,
                chunk: group.chunks[place],
                rows: group.rows,
                allowance: &mut self.allowance,
            };
            reading.run(&mut visit)?;
        }
        Ok(())
    }
}
