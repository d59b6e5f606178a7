//! Parquet column by column, into the places that each has in the matrix.
//!
//! `atoll-parquet` reads within limits and wipes what it held. Only the columns that the job names are read; what the
//! others hold does not matter, as in CSV.

use std::{
    io::Write,
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
};

use atoll_parquet::{Error, Kind, Value};
use atoll_protocol::failure::FailureCode;

use crate::{
    plaintext::Plaintext,
    plan::{Cells, Source, TablePlan},
    table::{Table, Targets, category, missing, one_hot, scaled},
};

/// Reads a table of at most the last number of `rows` into at most `max_bytes`; see [`Table::read`].
pub(crate) fn read(
    plan: &TablePlan,
    plaintext: &Plaintext,
    rows: &RangeInclusive<u64>,
    max_bytes: usize,
) -> Result<Table, FailureCode> {
    // The reader has no panic that is known. Should a table find one, then the table is at fault and not the worker, which
    // would be started again with the same table.
    catch_unwind(AssertUnwindSafe(|| read_within(plan, plaintext, rows, max_bytes)))
        .unwrap_or(Err(FailureCode::MalformedTable))
}

fn read_within(
    plan: &TablePlan,
    plaintext: &Plaintext,
    rows: &RangeInclusive<u64>,
    max_bytes: usize,
) -> Result<Table, FailureCode> {
    let mut file = atoll_parquet::Table::open(plaintext).map_err(|error| failure(&error))?;
    if !file.columns().iter().map(|column| &column.name).eq(&plan.header) {
        return Err(FailureCode::ColumnsDiffer);
    }
    let split = plan.split.as_ref().map(|split| &split.source);
    for source in plan.features.iter().chain(&plan.target).chain(&plan.keys).chain(split) {
        if !fits(&source.cells, file.columns()[source.index].kind) {
            return Err(FailureCode::ColumnsDiffer);
        }
    }
    if file.rows() > *rows.end() {
        return Err(FailureCode::MalformedTable);
    }
    if file.rows() < *rows.start() {
        return Err(FailureCode::TooFewRows);
    }
    let rows = usize::try_from(file.rows()).map_err(|_| FailureCode::MemoryLimit)?;
    // Keys may unpack to more than the file; how much they need is known once they were read.
    let mut key_bytes = 0;
    for key in &plan.keys {
        let mut bytes = 0;
        each_key(&mut file, key, |text| {
            bytes += text.len();
            Ok(())
        })?;
        key_bytes = key_bytes.max(bytes);
    }
    let mut table = Table::with_capacity(plan, rows, key_bytes, max_bytes)?;
    for (key, keys) in plan.keys.iter().zip(&mut table.keys) {
        each_key(&mut file, key, |text| keys.push(text))?;
    }
    // The target first: its values are put one after the other, and the matrix is taken only when they are sound.
    if let Some(source) = &plan.target {
        target(&mut file, source, &mut table.targets)?;
    }
    if let Some(split) = &plan.split {
        each(&mut file, &split.source, |value| {
            table.held_out.push(split.held_out[named(&split.source, value)? as usize]);
            Ok(())
        })?;
    }
    table.inputs.resize(rows * plan.inputs, 0.0);
    let mut place = 0;
    for feature in &plan.features {
        let width = feature.cells.width();
        let rows = table.inputs.chunks_exact_mut(plan.inputs.max(1)).map(|row| &mut row[place..place + width]);
        inputs(&mut file, feature, rows)?;
        place += width;
    }
    table.set_rows(rows);
    Ok(table)
}

/// What is wrong with a file, in the closed list of reasons.
fn failure(error: &Error) -> FailureCode {
    match error {
        Error::Malformed(_) | Error::Limit(_) | Error::Unsupported(_) | Error::Io(_) | Error::Ended => {
            FailureCode::MalformedTable
        }
    }
}

/// Whether values of this kind can be what was declared.
fn fits(cells: &Cells, kind: Kind) -> bool {
    match cells {
        Cells::Number { .. } => matches!(kind, Kind::Boolean | Kind::Integer | Kind::Real | Kind::Decimal(_)),
        Cells::Category { .. } => matches!(kind, Kind::Text | Kind::Bytes | Kind::Boolean | Kind::Integer),
        Cells::Key => matches!(kind, Kind::Text | Kind::Bytes | Kind::Integer),
        Cells::Image(image) => match kind {
            Kind::Bytes => true,
            Kind::Fixed(length) => length as u64 == image.bytes(),
            _ => false,
        },
    }
}

/// Reads a column and gives `put` every value. The first fault that `put` finds ends it.
fn each(
    file: &mut atoll_parquet::Table<&Plaintext>,
    source: &Source,
    mut put: impl FnMut(Value<'_>) -> Result<(), FailureCode>,
) -> Result<(), FailureCode> {
    let mut fault = None;
    let read = file.read(source.index, |value| {
        let put = if value == Value::Missing { Err(missing(source)) } else { put(value) };
        put.map_err(|code| {
            fault = Some(code);
            Error::Ended
        })
    });
    match (fault, read) {
        (Some(code), _) => Err(code),
        (None, read) => read.map_err(|error| failure(&error)),
    }
}

fn target(
    file: &mut atoll_parquet::Table<&Plaintext>,
    source: &Source,
    targets: &mut Targets,
) -> Result<(), FailureCode> {
    each(file, source, |value| {
        match targets {
            Targets::Classes(classes) => classes.push(named(source, value)?),
            Targets::Values(values) => values.push(scaled(source, value.number())?),
        }
        Ok(())
    })
}

/// Fills these places, one for each row.
fn inputs<'t>(
    file: &mut atoll_parquet::Table<&Plaintext>,
    source: &Source,
    mut rows: impl Iterator<Item = &'t mut [f32]>,
) -> Result<(), FailureCode> {
    each(file, source, |value| {
        let row = rows.next().ok_or(FailureCode::MalformedTable)?;
        match (&source.cells, value) {
            (Cells::Number { .. }, value) => row[0] = scaled(source, value.number())?,
            (Cells::Category { names, .. }, value) => {
                let inputs = one_hot(named(source, value)?, names);
                row.iter_mut().zip(inputs).for_each(|(place, input)| *place = input);
            }
            (Cells::Image(_), Value::Bytes(bytes)) if bytes.len() == row.len() => {
                row.iter_mut().zip(bytes).for_each(|(place, byte)| *place = f32::from(*byte) / 255.0);
            }
            (Cells::Image(_) | Cells::Key, _) => return Err(FailureCode::MalformedTable),
        }
        Ok(())
    })
}

/// Reads a column of keys.
fn each_key(
    file: &mut atoll_parquet::Table<&Plaintext>,
    source: &Source,
    mut put: impl FnMut(&[u8]) -> Result<(), FailureCode>,
) -> Result<(), FailureCode> {
    each(file, source, |value| {
        in_words(value, |text| match text {
            Some(text) if text.trim_ascii().is_empty() => Err(missing(source)),
            Some(text) => put(text),
            None => Err(FailureCode::ColumnsDiffer),
        })
    })
}

/// The place of a category that is a text, a whole number or a truth.
fn named(source: &Source, value: Value<'_>) -> Result<u32, FailureCode> {
    in_words(value, |text| match text {
        Some(text) => category(source, text),
        None => Err(FailureCode::UnknownCategory { column: source.name.clone() }),
    })
}

/// Gives `take` the text that a value stands as in CSV; none for what has fractions or is missing.
fn in_words<T>(value: Value<'_>, take: impl FnOnce(Option<&[u8]>) -> Result<T, FailureCode>) -> Result<T, FailureCode> {
    // Longer than any number of 64 bits.
    let mut digits = [0; 24];
    let room = digits.len();
    let mut rest = &mut digits[..];
    let written = match value {
        Value::Bytes(text) => return take(Some(text)),
        Value::Boolean(value) => write!(rest, "{value}"),
        Value::Integer(value) => write!(rest, "{value}"),
        Value::Unsigned(value) => write!(rest, "{value}"),
        Value::Missing | Value::Real(_) => return take(None),
    };
    let length = room - rest.len();
    written.map_err(|_| FailureCode::MalformedTable)?;
    take(Some(&digits[..length]))
}

#[cfg(test)]
mod tests;
