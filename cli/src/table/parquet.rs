//! A Parquet table of the publisher's, read by the worker's own reader: what is found sound here is sound there.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use alloy::primitives::B256;
use atoll_parquet::{Error, Kind, Source, Table, Value};
use atoll_protocol::document::{Column, ColumnKind, Image, MediaType};

use super::{Checked, Faults, MISSING, TableErrors, same_names, shown};
use crate::{
    error::CliError,
    infer::{self, Named, Seen},
};

/// A file that can be read anywhere.
pub(crate) struct OnDisk {
    file: File,
    size: u64,
}

impl OnDisk {
    pub(crate) fn open(path: &Path) -> Result<Self, CliError> {
        let open = || {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            Ok(Self { file, size })
        };
        open().map_err(CliError::reading(path))
    }
}

impl Source for OnDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(into)
    }
}

/// Holds every cell of a table against the declared columns, as [`super::check`] does for CSV. `sha256` is that of the whole
/// file.
pub(crate) fn check(
    source: &impl Source,
    sha256: B256,
    columns: &[Column],
    sample_rows: usize,
) -> Result<Checked, TableErrors> {
    let mut table = Table::open(source)?;
    let mut faults = Faults::default();
    let rows = table.rows();
    let mut sample = vec![Vec::with_capacity(columns.len()); sample_rows.min(rows as usize)];
    if same_names(table.columns().iter().map(|column| column.name.as_str()), columns, &mut faults) {
        for (place, column) in columns.iter().enumerate() {
            let kind = table.columns()[place].kind;
            if let Some(text) = misfit(&column.kind, kind) {
                faults.push(0, 0, Some(&column.name), text);
                continue;
            }
            each(&mut table, place, &mut faults, |row, value, faults| {
                if let Some(text) = fault_of(value, &column.kind) {
                    faults.push(row, 0, Some(&column.name), text);
                }
                if let Some(cells) = sample.get_mut(row as usize - 1) {
                    cells.push(text_of(value, &column.kind));
                }
            })?;
        }
    }
    if rows == 0 {
        faults.push(0, 0, None, "the table has columns but no rows");
    }
    faults.finish()?;
    Ok(Checked { format: MediaType::Parquet, rows, sha256, sample })
}

/// Proposes a declaration for every column, as [`infer::columns`] does for CSV: numbers → bounds; texts and truths →
/// categories. Images have to be declared, for nothing says their height and width.
pub(crate) fn infer(source: &impl Source, named: Named<'_>) -> Result<Vec<Column>, TableErrors> {
    let mut table = Table::open(source)?;
    let mut faults = Faults::default();
    let names: Vec<String> = table.columns().iter().map(|column| column.name.clone()).collect();
    infer::check_names(&names, named, &mut faults);
    let mut cells = Vec::with_capacity(names.len());
    for (place, name) in names.iter().enumerate() {
        let mut seen = Seen::default();
        let as_category = named.is_category(name);
        match table.columns()[place].kind {
            Kind::Other(what) => faults.push(0, 0, Some(name), not_read(what)),
            kind if named.is_key(name) => match misfit(&ColumnKind::Key {}, kind) {
                Some(text) => faults.push(0, 0, Some(name), text),
                None => each(&mut table, place, &mut faults, |row, value, faults| {
                    if is_missing(value) {
                        faults.push(row, 0, Some(name), MISSING);
                    }
                })?,
            },
            Kind::Bytes | Kind::Fixed(_) => {
                let text = "holds bytes; if they are images, declare their height, width and channels with --columns, and if they \
                            are texts, annotate them as UTF-8";
                faults.push(0, 0, Some(name), text);
            }
            Kind::Real | Kind::Decimal(_) if as_category => {
                faults.push(
                    0,
                    0,
                    Some(name),
                    "holds numbers with fractions, which are no categories; write it as texts",
                );
            }
            kind => each(&mut table, place, &mut faults, |row, value, faults| match (kind, value.number()) {
                (_, None) if is_missing(value) => faults.push(row, 0, Some(name), MISSING),
                (Kind::Integer | Kind::Real | Kind::Decimal(_), Some(number)) if !as_category => {
                    if number.is_finite() {
                        seen.number(number);
                    } else {
                        faults.push(row, 0, Some(name), format!("`{number}` is not a number; correct it"));
                    }
                }
                _ => seen.text(row, 0, &category_text(value)),
            })?,
        }
        cells.push(seen);
    }
    if table.rows() == 0 {
        faults.push(0, 0, None, "the table has columns but no rows");
    }
    faults.finish()?;
    infer::propose(names, cells, named)
}

/// Reads a column, rows from 1, until it ends or its faults are hopeless.
fn each(
    table: &mut Table<&impl Source>,
    column: usize,
    faults: &mut Faults,
    mut visit: impl FnMut(u64, Value<'_>, &mut Faults),
) -> Result<(), TableErrors> {
    let mut row = 0;
    let read = table.read(column, |value| {
        row += 1;
        visit(row, value, faults);
        if faults.is_hopeless() { Err(Error::Ended) } else { Ok(()) }
    });
    match read {
        Ok(()) | Err(Error::Ended) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Why values of this kind can not be what is declared, if they can not.
fn misfit(declared: &ColumnKind, kind: Kind) -> Option<String> {
    let fits = match declared {
        ColumnKind::Number { .. } => matches!(kind, Kind::Boolean | Kind::Integer | Kind::Real | Kind::Decimal(_)),
        ColumnKind::Category { .. } => matches!(kind, Kind::Text | Kind::Bytes | Kind::Boolean | Kind::Integer),
        ColumnKind::Key {} => matches!(kind, Kind::Text | Kind::Bytes | Kind::Integer),
        ColumnKind::Image(image) => match kind {
            Kind::Bytes => true,
            Kind::Fixed(length) => length as u64 == image.bytes(),
            _ => false,
        },
    };
    if fits {
        return None;
    }
    let declared = match declared {
        ColumnKind::Number { .. } => "a number".to_owned(),
        ColumnKind::Category { .. } => "a category".to_owned(),
        ColumnKind::Image(image) => format!("an image of {} bytes", image.bytes()),
        ColumnKind::Key {} => "a key".to_owned(),
    };
    let holds = match kind {
        Kind::Boolean => "truths".to_owned(),
        Kind::Integer => "whole numbers".to_owned(),
        Kind::Real | Kind::Decimal(_) => "numbers with fractions".to_owned(),
        Kind::Text => "texts".to_owned(),
        Kind::Bytes => "bytes".to_owned(),
        Kind::Fixed(length) => format!("{length} bytes in each row"),
        Kind::Other(what) => return Some(not_read(what)),
    };
    Some(format!("is declared as {declared} and holds {holds}; declare it as what it is, or write it as another type"))
}

fn not_read(what: &str) -> String {
    format!("holds {what}, which nothing can be learnt from; write it as numbers or texts, or drop it")
}

/// What is wrong with a value, if anything.
fn fault_of(value: Value<'_>, kind: &ColumnKind) -> Option<String> {
    match (kind, value) {
        (ColumnKind::Image(image), Value::Bytes(bytes)) if bytes.len() as u64 == image.bytes() => None,
        (ColumnKind::Image(image), Value::Bytes(bytes)) => Some(format!(
            "the image has {} bytes and not {}; scale it to the declared size",
            bytes.len(),
            image.bytes()
        )),
        (_, value) if is_missing(value) => Some(MISSING.into()),
        (ColumnKind::Number { .. }, value) if !value.number().is_some_and(f64::is_finite) => {
            let number = value.number().unwrap_or(f64::NAN);
            Some(format!("`{number}` is not a number; correct it"))
        }
        (ColumnKind::Category { values }, value) => {
            let text = category_text(value);
            (!values.contains(&text)).then(|| {
                let shown = shown(&text);
                format!("`{shown}` is not a declared category; declare it with --columns, or correct the cell")
            })
        }
        _ => None,
    }
}

fn is_missing(value: Value<'_>) -> bool {
    match value {
        Value::Missing => true,
        Value::Bytes(text) => text.trim_ascii().is_empty(),
        _ => false,
    }
}

/// The text by which a value is a category.
fn category_text(value: Value<'_>) -> String {
    match value {
        Value::Bytes(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Unsigned(value) => value.to_string(),
        Value::Real(value) => value.to_string(),
        Value::Missing => String::new(),
    }
}

/// A value as a sample row shows it.
fn text_of(value: Value<'_>, kind: &ColumnKind) -> String {
    match (kind, value) {
        (ColumnKind::Image(_), Value::Bytes(bytes)) => Image::to_text(bytes),
        // Never shown.
        (ColumnKind::Key {}, _) => String::new(),
        _ => category_text(value),
    }
}

#[cfg(test)]
mod tests;
