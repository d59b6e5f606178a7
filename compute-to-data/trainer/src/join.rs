//! Rows of several tables, joined by their keys: an inner join in the order of the first table's rows.

use std::collections::HashMap;

use atoll_protocol::failure::FailureCode;
use zeroize::Zeroizing;

use crate::{
    plan::{Plan, Source},
    table::{Table, Targets},
};

/// The keys of a table's rows. Wiped when dropped; has no `Debug` on purpose.
#[derive(Default)]
pub struct Keys {
    text: Zeroizing<Vec<u8>>,
    ends: Vec<usize>,
}

impl Keys {
    /// Room for all keys at once: none is left behind in freed memory by growing.
    pub(crate) fn with_capacity(rows: usize, bytes: usize) -> Result<Self, FailureCode> {
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        text.try_reserve_exact(bytes).map_err(|_| FailureCode::MemoryLimit)?;
        ends.try_reserve_exact(rows).map_err(|_| FailureCode::MemoryLimit)?;
        Ok(Self { text: Zeroizing::new(text), ends })
    }

    /// The next row's key.
    ///
    /// # Errors
    /// [`FailureCode::MemoryLimit`] if there is no room; the room is that of the whole table.
    pub(crate) fn push(&mut self, key: &[u8]) -> Result<(), FailureCode> {
        if key.len() > self.text.capacity() - self.text.len() || self.ends.len() == self.ends.capacity() {
            return Err(FailureCode::MemoryLimit);
        }
        self.text.extend_from_slice(key);
        self.ends.push(self.text.len());
        Ok(())
    }

    /// Bytes that they hold.
    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity() + size_of::<usize>() * self.ends.capacity()
    }

    fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[start..self.ends[row]]
    }

    fn len(&self) -> usize {
        self.ends.len()
    }
}

/// Joins tables to the first, each by the first's key column at its own place. What comes out takes at most `max_bytes`. With
/// `once`, no row may be joined twice: what is accounted for a row holds for a row that is used once.
///
/// # Errors
/// [`FailureCode::KeyRepeated`] if a joined table, or with `once` any, holds a key twice; [`FailureCode::MemoryLimit`].
pub(crate) fn join(
    first: &Table,
    joined: &[Table],
    plan: &Plan,
    once: bool,
    max_bytes: usize,
) -> Result<Table, FailureCode> {
    let mut places = Vec::with_capacity(joined.len());
    for (table, plan) in joined.iter().zip(&plan.joined) {
        places.push(rows_by_key(&table.keys[0], &plan.keys[0])?);
    }
    if once {
        for (keys, source) in first.keys.iter().zip(&plan.first.keys) {
            rows_by_key(keys, source)?;
        }
    }
    let of = |row: usize| -> Option<Vec<usize>> {
        places.iter().zip(&first.keys).map(|(places, keys)| places.get(keys.get(row)).copied()).collect()
    };
    let rows: Vec<(usize, Vec<usize>)> = (0..first.rows()).filter_map(|row| Some((row, of(row)?))).collect();
    let width = first.width() + joined.iter().map(Table::width).sum::<usize>();
    let mut table = Table::room(width, rows.len(), &first.targets, !first.held_out.is_empty(), max_bytes)?;
    for (row, others) in &rows {
        table.inputs.extend_from_slice(first.inputs_of(*row));
        for (other, place) in joined.iter().zip(others) {
            table.inputs.extend_from_slice(other.inputs_of(*place));
        }
        match (&mut table.targets, &first.targets) {
            (Targets::Classes(classes), Targets::Classes(all)) => classes.push(all[*row]),
            (Targets::Values(values), Targets::Values(all)) => values.push(all[*row]),
            _ => unreachable!("the room is made for the first table's targets"),
        }
        table.held_out.extend(first.is_held_out(*row));
    }
    table.set_rows(rows.len());
    table.places = Some(rows.into_iter().map(|(row, _)| row).collect());
    Ok(table)
}

fn rows_by_key<'k>(keys: &'k Keys, source: &Source) -> Result<HashMap<&'k [u8], usize>, FailureCode> {
    let mut rows = HashMap::new();
    rows.try_reserve(keys.len()).map_err(|_| FailureCode::MemoryLimit)?;
    for row in 0..keys.len() {
        if rows.insert(keys.get(row), row).is_some() {
            return Err(FailureCode::KeyRepeated { column: source.name.clone() });
        }
    }
    Ok(rows)
}
