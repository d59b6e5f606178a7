//! The publisher's table: every cell is held against the declared columns before anything leaves the machine.
//!
//! The rules are those that the provider's worker applies to the decrypted table; found here, a fault costs nothing.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::Path,
};

use alloy::primitives::B256;
use atoll_protocol::document::{Column, ColumnKind, MediaType};

use crate::{error::CliError, hashing::Hashing};

pub(crate) mod parquet;

/// Most columns of a table.
pub(crate) const MAX_COLUMNS: usize = 4096;
/// Longest field in bytes.
const MAX_FIELD: usize = 64 << 10;
/// Longest row in bytes.
const MAX_ROW: usize = 1 << 20;
/// Faults that are listed; the rest is counted.
const LISTED: usize = 10;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Number of the row below the header, from 1; 0 for the header itself.
    pub(crate) row: u64,
    /// Line of the file on which the row starts; 0 where there are no lines.
    pub(crate) line: u64,
    /// Name of the column, where it is about one.
    pub(crate) column: Option<String>,
    /// What is wrong and what to do.
    pub(crate) text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.row, &self.column) {
            (0, Some(column)) => write!(f, "column `{column}`: {}", self.text),
            (0, None) => write!(f, "{}", self.text),
            (row, Some(column)) if self.line == 0 => write!(f, "row {row}, column `{column}`: {}", self.text),
            (row, Some(column)) => write!(f, "row {row} (line {}), column `{column}`: {}", self.line, self.text),
            (row, None) => write!(f, "row {row} (line {}): {}", self.line, self.text),
        }
    }
}

/// Why a table can not be published. Nothing was uploaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableErrors {
    /// Cells or columns that break the rules: the first of them, and how many there are.
    #[error("the table can not be published as it is; nothing was uploaded.{}", list(.faults, *.total))]
    Faults {
        /// The first few.
        faults: Vec<Fault>,
        /// All of them.
        total: u64,
    },
    /// The file as a whole is not Parquet that the worker reads.
    #[error("the table can not be published as it is; nothing was uploaded. In Parquet, {0}")]
    Parquet(#[from] atoll_parquet::Error),
    /// The file can not be read.
    #[error("the table can not be read ({0}); nothing was uploaded")]
    Io(#[from] io::Error),
}

fn list(faults: &[Fault], total: u64) -> String {
    let mut text: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    if total > faults.len() as u64 {
        text.push_str(&format!("\n  … and {} more", total - faults.len() as u64));
    }
    text
}

/// What a file is: Parquet says so in its first four letters, or is called so; everything else is taken for CSV.
pub(crate) fn format(path: &Path) -> Result<MediaType, CliError> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(CliError::reading(path))?;
    file.take(4).read_to_end(&mut start).map_err(CliError::reading(path))?;
    let called = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    let parquet = called || start == atoll_parquet::MAGIC;
    Ok(if parquet { MediaType::Parquet } else { MediaType::Csv })
}

/// Collects faults and keeps the first few.
#[derive(Default)]
pub(crate) struct Faults {
    faults: Vec<Fault>,
    total: u64,
}

impl Faults {
    pub(crate) fn push(&mut self, row: u64, line: u64, column: Option<&str>, text: impl Into<String>) {
        self.total += 1;
        if self.faults.len() < LISTED {
            self.faults.push(Fault { row, line, column: column.map(str::to_owned), text: text.into() });
        }
    }

    pub(crate) fn finish(self) -> Result<(), TableErrors> {
        if self.total == 0 { Ok(()) } else { Err(TableErrors::Faults { faults: self.faults, total: self.total }) }
    }

    /// True once so many were found that reading on would tell nothing new.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.total >= 10_000
    }
}

/// What a check found out.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What the file is.
    pub(crate) format: MediaType,
    /// Rows below the header.
    pub(crate) rows: u64,
    /// SHA-256 of the file as it was checked, so that exactly this is encrypted.
    pub(crate) sha256: B256,
    /// The first rows, as many as were asked for.
    pub(crate) sample: Vec<Vec<String>>,
}

/// Where a row is, and the names of its cells.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) row: u64,
    pub(crate) line: u64,
    pub(crate) names: &'a csv::StringRecord,
}

/// Reads a table: calls `header` with the names, which says whether to go on, and `visit` with each row. Faults of form
/// go to `faults`. Returns the SHA-256 of the whole file.
pub(crate) fn read(
    source: impl Read,
    faults: &mut Faults,
    mut header: impl FnMut(&csv::StringRecord, &mut Faults) -> bool,
    mut visit: impl FnMut(Place<'_>, &csv::StringRecord, &mut Faults),
) -> Result<B256, TableErrors> {
    let mut hashing = Hashing::new(source);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&mut hashing);
    let names = match reader.headers() {
        Ok(names) => names.clone(),
        Err(error) => return Err(malformed(error, faults)),
    };
    if names.is_empty() || (names.len() == 1 && names[0].is_empty()) {
        faults.push(0, 1, None, "the file is empty; it needs a header line with the columns' names");
    } else if names.len() > MAX_COLUMNS {
        faults.push(0, 1, None, format!("{} columns are more than the {MAX_COLUMNS} that are allowed", names.len()));
    } else if header(&names, faults) {
        let mut record = csv::StringRecord::new();
        let mut row = 0;
        loop {
            match reader.read_record(&mut record) {
                Ok(false) => break,
                Ok(true) => {}
                Err(error) => return Err(malformed(error, faults)),
            }
            row += 1;
            let line = record.position().map_or(0, csv::Position::line);
            if record.len() != names.len() {
                let text = format!(
                    "{} cells where the header has {} columns; add or remove cells, or quote those with a comma",
                    record.len(),
                    names.len()
                );
                faults.push(row, line, None, text);
            } else if record.as_slice().len() > MAX_ROW {
                faults.push(row, line, None, "longer than 1 MiB; shorten it");
            } else {
                if let Some(at) = record.iter().position(|cell| cell.len() > MAX_FIELD) {
                    faults.push(row, line, Some(&names[at]), "longer than 64 KiB; shorten it");
                }
                visit(Place { row, line, names: &names }, &record, faults);
            }
            if faults.is_hopeless() {
                break;
            }
        }
        if row == 0 {
            faults.push(0, 1, None, "the table has a header but no rows");
        }
    }
    drop(reader);
    // What the reader left, so that the hash is of the whole file whatever happened.
    io::copy(&mut hashing, &mut io::sink())?;
    Ok(hashing.finish())
}

fn malformed(error: csv::Error, faults: &mut Faults) -> TableErrors {
    let position = error.position().map(|p| (p.record(), p.line()));
    let text = match error.into_kind() {
        csv::ErrorKind::Io(error) => return TableErrors::Io(error),
        csv::ErrorKind::Utf8 { .. } => "not UTF-8 text; convert the file to UTF-8".to_owned(),
        kind => format!("not CSV ({kind:?})"),
    };
    let (row, line) = position.unwrap_or((0, 1));
    faults.push(row, line, None, text);
    let Faults { faults, total } = std::mem::take(faults);
    TableErrors::Faults { faults, total }
}

/// Holds every cell of a table against the declared columns.
///
/// # Errors
/// Every missing value, text in a number column and undeclared category, with row and column (the first few, counted).
pub(crate) fn check(source: impl Read, columns: &[Column], sample_rows: usize) -> Result<Checked, TableErrors> {
    let mut faults = Faults::default();
    let (mut rows, mut sample) = (0, Vec::new());
    let header = |names: &csv::StringRecord, faults: &mut Faults| same_names(names.iter(), columns, faults);
    let visit = |at: Place<'_>, record: &csv::StringRecord, faults: &mut Faults| {
        rows = at.row;
        for (cell, column) in record.iter().zip(columns) {
            if let Some(text) = fault_of(cell, &column.kind) {
                faults.push(at.row, at.line, Some(&column.name), text);
            }
        }
        if sample.len() < sample_rows {
            // What says whose row it is is never shown.
            let shown = |(cell, column): (&str, &Column)| match column.kind {
                ColumnKind::Key {} => String::new(),
                _ => cell.to_owned(),
            };
            sample.push(record.iter().zip(columns).map(shown).collect());
        }
    };
    let sha256 = read(source, &mut faults, header, visit)?;
    faults.finish()?;
    Ok(Checked { format: MediaType::Csv, rows, sha256, sample })
}

/// Whether these are the names of the declared columns, in their order; faults where they are not.
fn same_names<'n>(names: impl Iterator<Item = &'n str>, columns: &[Column], faults: &mut Faults) -> bool {
    let names: Vec<&str> = names.collect();
    let declared: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    if names == declared {
        return true;
    }
    for name in names.iter().filter(|name| !declared.contains(name)) {
        faults.push(0, 1, Some(name), "is in the table and not among the declared columns; declare it or drop it");
    }
    for name in declared.iter().filter(|name| !names.contains(name)) {
        faults.push(0, 1, Some(name), "is declared and not in the table; add it or do not declare it");
    }
    if faults.total == 0 {
        faults.push(0, 1, None, "the columns are declared in another order than the table's; use the table's order");
    }
    false
}

/// Said of a cell that is empty.
pub(crate) const MISSING: &str = "the value is missing; fill it in, or drop the row or the column";

/// What is wrong with a cell, if anything.
fn fault_of(cell: &str, kind: &ColumnKind) -> Option<String> {
    if cell.trim().is_empty() {
        return Some(MISSING.into());
    }
    match kind {
        ColumnKind::Number { .. } if number(cell).is_none() => {
            Some(format!("`{}` is not a number; correct it, or declare the column as a category", shown(cell)))
        }
        ColumnKind::Category { values } if !values.iter().any(|value| value == cell) => Some(format!(
            "`{}` is not a declared category; declare it with --columns, or correct the cell",
            shown(cell)
        )),
        ColumnKind::Image(_) => Some("images can be in Parquet only".into()),
        ColumnKind::Key {} => None,
        _ => None,
    }
}

/// A finite number, as the worker reads one: spaces around it do not matter.
pub(crate) fn number(cell: &str) -> Option<f64> {
    cell.trim_ascii().parse().ok().filter(|value: &f64| value.is_finite())
}

/// A cell short enough for a message and harmless for a terminal. It is the publisher's own data on its own screen.
pub(crate) fn shown(cell: &str) -> String {
    let mut text: String = crate::output::printable(cell).chars().take(40).collect();
    if text.len() < cell.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        serde_json::from_value(serde_json::json!([
            {"name": "size", "type": {"kind": "number", "min": 0.0, "max": 10.0}},
            {"name": "kind", "type": {"kind": "category", "values": ["a", "b"]}}
        ]))
        .unwrap()
    }

    fn faults(text: &str) -> (Vec<Fault>, u64) {
        match check(text.as_bytes(), &columns(), 0) {
            Err(TableErrors::Faults { faults, total }) => (faults, total),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_good_table_gives_rows_sample_and_the_hash_of_the_whole_file() {
        let text = "size,kind\n1,a\n-2.5e1,b\n\"3\",\"a\"\n";
        let checked = check(text.as_bytes(), &columns(), 2).unwrap();
        assert_eq!(checked.rows, 3);
        assert_eq!(checked.sample, [["1", "a"], ["-2.5e1", "b"]]);
        assert_eq!(checked.sha256, crate::hashing::sha256(text.as_bytes()));
    }

    #[test]
    fn every_kind_of_bad_cell_is_named_with_row_line_and_column() {
        let (found, total) = faults("size,kind\n1,a\n,a\nlarge,b\n4,c\nNaN,a\ninf,a\n 5,a\n7, \n0x10,b\n");
        let at: Vec<_> = found.iter().map(|f| (f.row, f.line, f.column.as_deref().unwrap())).collect();
        let size = |row| (row, row + 1, "size");
        assert_eq!(at, [size(2), size(3), (4, 5, "kind"), size(5), size(6), (8, 9, "kind"), size(9)]);
        assert_eq!(total, 7);
        let text = found.iter().map(Fault::to_string).collect::<Vec<_>>();
        assert_eq!(
            text[0],
            "row 2 (line 3), column `size`: the value is missing; fill it in, or drop the row or the column"
        );
        assert!(text[1].contains("`large` is not a number"), "{}", text[1]);
        assert!(text[2].contains("`c` is not a declared category"), "{}", text[2]);
    }

    #[test]
    fn a_quoted_line_break_does_not_shift_the_line_that_is_named() {
        let (found, _) = faults("size,kind\n1,\"a\nb\"\nx,a\n");
        assert_eq!((found[1].row, found[1].line), (2, 4));
    }

    #[test]
    fn rows_of_another_length_are_named() {
        let (found, total) = faults("size,kind\n1\n1,a,b\n");
        assert_eq!(total, 2);
        assert!(found[0].text.starts_with("1 cells where the header has 2"), "{}", found[0]);
        assert_eq!(found[1].row, 2);
    }

    #[test]
    fn headers_that_differ_are_told_by_name() {
        let (found, _) = faults("size,sort\n1,a\n");
        let names: Vec<_> = found.iter().map(|f| f.column.as_deref().unwrap()).collect();
        assert_eq!(names, ["sort", "kind"]);
        let (found, _) = faults("kind,size\na,1\n");
        assert!(found[0].text.contains("another order"), "{}", found[0]);
    }

    #[test]
    fn empty_and_headless_files_are_refused() {
        for (text, part) in [("", "empty"), ("size,kind\n", "no rows")] {
            let (found, _) = faults(text);
            assert!(found[0].text.contains(part), "{}", found[0]);
        }
        let latin1 = b"size,kind\n1,\xe4\n";
        let error = check(&latin1[..], &columns(), 0).unwrap_err().to_string();
        assert!(error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn many_faults_are_counted_and_few_are_listed() {
        let text = format!("size,kind\n{}", "x,a\n".repeat(500));
        let error = check(text.as_bytes(), &columns(), 0).unwrap_err().to_string();
        assert!(error.ends_with("… and 490 more"), "{error}");
        assert!(error.contains("nothing was uploaded"), "{error}");
    }

    #[test]
    fn long_fields_and_many_columns_are_refused() {
        let (found, _) = faults(&format!("size,kind\n1,{}\n", "x".repeat(MAX_FIELD + 1)));
        assert!(found[0].text.contains("64 KiB"), "{}", found[0]);
        let (found, _) = faults(&format!("{}\n", vec!["c"; MAX_COLUMNS + 1].join(",")));
        assert!(found[0].text.contains("4096"), "{}", found[0]);
    }
}
