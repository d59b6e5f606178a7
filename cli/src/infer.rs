//! A proposal of column declarations from the table itself, for publishers who wrote none.
//!
//! Declarations are public. Bounds are therefore rounded outward to round numbers, and the caller warns that even so
//! they tell a little about the rows.

use std::{collections::BTreeSet, io::Read};

use atoll_protocol::document::{Column, ColumnKind};

use crate::table::{self, Faults, MISSING, Place, TableErrors, number, shown};

/// Most different texts that a column may hold to pass as a category.
const MAX_CATEGORIES: usize = 100;

/// What the publisher said of columns by name.
#[derive(Clone, Copy, Default)]
pub(crate) struct Named<'a> {
    /// Categories, even if they hold numbers.
    pub(crate) categories: &'a [String],
    /// What says whose row it is.
    pub(crate) keys: &'a [String],
}

impl Named<'_> {
    pub(crate) fn is_category(&self, name: &str) -> bool {
        self.categories.iter().any(|category| category == name)
    }

    pub(crate) fn is_key(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key == name)
    }
}

/// What is known of a column so far.
#[derive(Default)]
pub(crate) struct Seen {
    numbers: Option<(f64, f64)>,
    texts: BTreeSet<String>,
    first_text: Option<(u64, u64, String)>,
}

impl Seen {
    /// A cell that is a number.
    pub(crate) fn number(&mut self, value: f64) {
        let (min, max) = self.numbers.unwrap_or((value, value));
        self.numbers = Some((min.min(value), max.max(value)));
    }

    /// A cell that is a text, and its place.
    pub(crate) fn text(&mut self, row: u64, line: u64, cell: &str) {
        self.first_text.get_or_insert_with(|| (row, line, cell.to_owned()));
        // One more than allowed is enough to know that they are too many.
        if self.texts.len() <= MAX_CATEGORIES && !self.texts.contains(cell) {
            self.texts.insert(cell.to_owned());
        }
    }
}

/// Proposes a declaration for every column: all numbers → bounds; all texts, and few of them → categories, else keys; those that
/// are `named` are what they are named.
///
/// # Errors
/// Missing values; columns that mix numbers and texts; texts with too many different values, or only one.
pub(crate) fn columns(source: impl Read, named: Named<'_>) -> Result<Vec<Column>, TableErrors> {
    let mut faults = Faults::default();
    let mut names: Vec<String> = Vec::new();
    let header = |header: &csv::StringRecord, faults: &mut Faults| {
        names = header.iter().map(str::to_owned).collect();
        check_names(&names, named, faults);
        true
    };
    let mut cells: Vec<Seen> = Vec::new();
    let visit = |at: Place<'_>, record: &csv::StringRecord, faults: &mut Faults| {
        cells.resize_with(record.len(), Seen::default);
        for ((cell, name), seen) in record.iter().zip(at.names).zip(&mut cells) {
            if cell.trim().is_empty() {
                faults.push(at.row, at.line, Some(name), MISSING);
            } else if named.is_key(name) {
                // Nothing about it is public.
            } else if let (Some(value), false) = (number(cell), named.is_category(name)) {
                seen.number(value);
            } else {
                seen.text(at.row, at.line, cell);
            }
        }
    };
    table::read(source, &mut faults, header, visit)?;
    faults.finish()?;
    propose(names, cells, named)
}

/// Faults of names that are missing, that occur twice, or that the table does not have.
pub(crate) fn check_names(names: &[String], named: Named<'_>, faults: &mut Faults) {
    for (i, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            faults.push(0, 1, None, format!("column {} has no name; give it one in the header", i + 1));
        } else if names[..i].contains(name) {
            faults.push(0, 1, Some(name), "is in the header twice; rename one");
        }
    }
    for (option, given) in [("--categories", named.categories), ("--keys", named.keys)] {
        for name in given.iter().filter(|name| !names.contains(name)) {
            faults.push(0, 1, Some(name), format!("is named in {option} and not in the table; correct the name"));
        }
    }
    for name in named.keys.iter().filter(|name| named.is_category(name)) {
        faults.push(0, 1, Some(name), "is named in --categories and in --keys; drop it from one");
    }
}

/// A declaration for each column, out of what was seen of it.
pub(crate) fn propose(names: Vec<String>, cells: Vec<Seen>, named: Named<'_>) -> Result<Vec<Column>, TableErrors> {
    let mut faults = Faults::default();
    let mut columns = Vec::new();
    for (name, seen) in names.into_iter().zip(cells) {
        match (seen.numbers, &seen.first_text) {
            _ if named.is_key(&name) => columns.push(Column { name, kind: ColumnKind::Key {}, description: None }),
            (Some((min, max)), None) => {
                let (min, max) = outward(min, max);
                columns.push(Column { name, kind: ColumnKind::Number { min, max }, description: None });
            }
            (None, Some(_)) if seen.texts.len() == 1 => {
                faults.push(
                    0,
                    1,
                    Some(&name),
                    "holds the same text in every row, which nothing can be learnt from; drop the column",
                );
            }
            (None, Some(_)) if seen.texts.len() <= MAX_CATEGORIES => {
                let values = seen.texts.into_iter().collect();
                columns.push(Column { name, kind: ColumnKind::Category { values }, description: None });
            }
            (None, _) if named.is_category(&name) => {
                let text = format!(
                    "holds more than {MAX_CATEGORIES} different texts, which is no category to learn from; drop the column, or do \
                     not name it in --categories"
                );
                faults.push(0, 1, Some(&name), text);
            }
            // Names, numbers of patients, remarks: nothing to learn from.
            (None, _) => columns.push(Column { name, kind: ColumnKind::Key {}, description: None }),
            (Some(_), Some((row, line, cell))) => {
                let text = format!(
                    "`{}` is not a number, and other cells of this column are; correct it, or declare the column as a \
                     category with --columns",
                    shown(cell)
                );
                faults.push(*row, *line, Some(&name), text);
            }
        }
    }
    faults.finish()?;
    Ok(columns)
}

/// Bounds with at most one or two digits that matter, around `min` and `max`: steps of the power of ten below their
/// distance, so 6.98 … 28.11 becomes 0 … 30.
fn outward(min: f64, max: f64) -> (f64, f64) {
    let distance = max - min;
    let measure = if distance > 0.0 && distance.is_finite() { distance } else { min.abs().max(max.abs()).max(1.0) };
    let exponent = measure.log10().floor().clamp(-300.0, 300.0) as i32;
    let step = 10f64.powi(exponent);
    let (mut low, mut high) = ((min / step).floor(), (max / step).ceil());
    if low >= high {
        (low, high) = (low - 1.0, high + 1.0);
    }
    // Through the decimal form, so that 7 × 0.1 is 0.7 and not 0.7000000000000001.
    let decimal = |count: f64| format!("{count:.0}e{exponent}").parse().unwrap_or(count * step);
    let (low, high): (f64, f64) = (decimal(low), decimal(high));
    (if low.is_finite() { low } else { f64::MIN }, if high.is_finite() { high } else { f64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_round_and_outside() {
        for (min, max, expected) in [
            (6.981, 28.11, (0.0, 30.0)),
            (0.04996, 0.09744, (0.04, 0.1)),
            (0.1, 0.7, (0.1, 0.7)),
            (-3.2, 3.2, (-4.0, 4.0)),
            (143.5, 2501.0, (0.0, 3000.0)),
            (5.0, 5.0, (4.0, 6.0)),
            (0.0, 0.0, (-1.0, 1.0)),
            (1e-9, 3e-9, (1e-9, 3e-9)),
        ] {
            assert_eq!(outward(min, max), expected, "{min} … {max}");
        }
        for (min, max) in [(f64::MIN, f64::MAX), (0.0, f64::MIN_POSITIVE), (1e300, 1.1e300), (-1e-320, 1e-320)] {
            let (low, high) = outward(min, max);
            assert!(low <= min && high >= max && low < high && low.is_finite() && high.is_finite(), "{min} … {max}");
        }
    }

    #[test]
    fn numbers_get_bounds_and_texts_get_categories() {
        let columns = columns("size,kind\n7,b\n28.1,a\n9,b\n".as_bytes(), Named::default()).unwrap();
        assert_eq!(columns[0].kind, ColumnKind::Number { min: 0.0, max: 30.0 });
        assert_eq!(columns[1].kind, ColumnKind::Category { values: vec!["a".into(), "b".into()] });
        assert_eq!(columns[1].name, "kind");
    }

    #[test]
    fn a_text_among_numbers_is_a_fault_and_not_a_category() {
        let error = columns("size,kind\n7,b\nbig,a\n".as_bytes(), Named::default()).unwrap_err().to_string();
        assert!(error.contains("row 2 (line 3), column `size`: `big` is not a number"), "{error}");
    }

    #[test]
    fn missing_values_doubled_names_and_free_text_are_faults() {
        let error = columns("size,kind\n7,\n".as_bytes(), Named::default()).unwrap_err().to_string();
        assert!(error.contains("row 1 (line 2), column `kind`: the value is missing"), "{error}");
        let error = columns("a,a\n7,8\n".as_bytes(), Named::default()).unwrap_err().to_string();
        assert!(error.contains("column `a`: is in the header twice"), "{error}");
        let words: String = (0..150).map(|i| format!("word{i}x\n")).collect();
        let (note, table) = (["note".to_owned()], format!("note\n{words}"));
        let as_category = Named { categories: &note, ..Named::default() };
        let error = columns(table.as_bytes(), as_category).unwrap_err().to_string();
        assert!(error.contains("column `note`: holds more than 100"), "{error}");
    }

    #[test]
    fn what_says_whose_row_it_is_is_a_key_if_it_is_named_or_can_be_nothing_else() {
        let kinds = |table: &str, named| -> Vec<_> {
            columns(table.as_bytes(), named).unwrap().into_iter().map(|column| column.kind).collect()
        };
        let words: String = (0..101).map(|i| format!("{i}x,{i}\n")).collect();
        let hundred = ColumnKind::Number { min: 0.0, max: 100.0 };
        assert_eq!(kinds(&format!("id,size\n{words}"), Named::default()), [ColumnKind::Key {}, hundred]);
        let id = ["id".to_owned()];
        let named = Named { keys: &id, ..Named::default() };
        assert_eq!(kinds("id,size\n7,0\nb,1\n", named)[0], ColumnKind::Key {});
        let error = columns("id,size\n7,0\n,1\n".as_bytes(), named).unwrap_err().to_string();
        assert!(error.contains("row 2 (line 3), column `id`: the value is missing"), "{error}");
        let error = columns("size,kind\n7,b\n".as_bytes(), named).unwrap_err().to_string();
        assert!(error.contains("`id`: is named in --keys"), "{error}");
        let both = Named { keys: &id, categories: &id };
        let error = columns("id,size\n7,0\n8,1\n".as_bytes(), both).unwrap_err().to_string();
        assert!(error.contains("`id`: is named in --categories and in --keys"), "{error}");
    }

    #[test]
    fn a_column_of_numbers_can_be_asked_for_as_a_category() {
        let columns_of = |categories: &[String]| {
            columns("size,sick\n7,0\n8,1\n".as_bytes(), Named { categories, ..Named::default() })
        };
        let columns = columns_of(&["sick".into()]).unwrap();
        assert_eq!(columns[1].kind, ColumnKind::Category { values: vec!["0".into(), "1".into()] });
        let error = columns_of(&["sickness".into()]).unwrap_err().to_string();
        assert!(error.contains("`sickness`: is named in --categories"), "{error}");
    }
}
