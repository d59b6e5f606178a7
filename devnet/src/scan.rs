//! Looks for a private table's cells where they must not be.
//!
//! A cell counts if it can not be there by accident: a number with a fraction, at least six characters and four
//! significant digits, that few rows share and no public text holds. It is found as text in any notation, as a binary
//! float of eight bytes in either order, beside its neighbour in the row as binary floats of four bytes, and all of that
//! also where bytes are written as hex, as Postgres and Ethereum do. Eight bytes that are mostly zeros can be there by
//! accident: what they stand for (7/16, say) is looked for in the other forms only.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{Error, Market, postgres::quoted};

/// Rows that may share a cell.
const SHARED: usize = 3;
/// Bytes of a file that are looked at in one piece; longer files overlap by a bit.
const PIECE: usize = 8 << 20;

/// What to look for.
#[derive(Debug)]
pub struct Needles {
    /// Bits of a cell as eight bytes → its text.
    cells: HashMap<u64, String>,
    /// Eight bytes that give a cell away → its bits as eight bytes.
    binary: HashMap<[u8; 8], u64>,
    /// Second-highest bytes of the keys above, by which nearly everything is passed over.
    marks: [bool; 65_536],
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Text of each cell → places where it was seen.
    pub cells: BTreeMap<String, BTreeSet<String>>,
    /// Bytes that were looked at.
    pub bytes: u64,
    /// Files and tables that were looked at.
    pub places: u64,
}

impl Needles {
    /// Takes the distinctive cells of a CSV table, except those that a public text holds.
    pub fn of_table(csv: &str, public: &str) -> Self {
        let known: HashSet<u64> = numbers(public.as_bytes()).map(f64::to_bits).collect();
        let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').map(str::trim).collect()).collect();
        let mut rows_with: HashMap<u64, usize> = HashMap::new();
        for value in rows.iter().flatten().filter_map(|cell| cell.parse::<f64>().ok()) {
            *rows_with.entry(value.to_bits()).or_default() += 1;
        }
        let mut this = Self { cells: HashMap::new(), binary: HashMap::new(), marks: [false; 65_536] };
        for row in &rows {
            for (at, cell) in row.iter().enumerate() {
                let Some(value) = distinctive(cell) else { continue };
                let bits = value.to_bits();
                if known.contains(&bits) || rows_with.get(&bits).is_none_or(|rows| *rows > SHARED) {
                    continue;
                }
                this.cells.insert(bits, (*cell).to_owned());
                if !is_plain(value) {
                    this.add(value.to_le_bytes(), bits);
                    this.add(value.to_be_bytes(), bits);
                }
                let next = row.get(at + 1).and_then(|next| next.parse::<f64>().ok()).filter(|next| *next != 0.0);
                if let Some(next) = next {
                    let mut pair = [0; 8];
                    pair[..4].copy_from_slice(&(value as f32).to_le_bytes());
                    pair[4..].copy_from_slice(&(next as f32).to_le_bytes());
                    this.add(pair, bits);
                }
            }
        }
        this
    }

    fn add(&mut self, bytes: [u8; 8], bits: u64) {
        self.marks[mark(&bytes)] = true;
        self.binary.insert(bytes, bits);
    }

    /// How many cells are looked for.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// True if no cell of the table is distinctive.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Looks at bytes.
    pub fn look(&self, place: &str, bytes: &[u8], found: &mut Found) {
        found.bytes += bytes.len() as u64;
        self.look_plainly(place, bytes, found);
        for decoded in hex_runs(bytes) {
            self.look_plainly(place, &decoded, found);
        }
    }

    fn look_plainly(&self, place: &str, bytes: &[u8], found: &mut Found) {
        for value in numbers(bytes) {
            if let Some(text) = self.cells.get(&value.to_bits()) {
                found.add(text, place);
            }
        }
        for window in bytes.windows(8) {
            if !self.marks[mark(window)] {
                continue;
            }
            let hit = window.try_into().ok().and_then(|key: [u8; 8]| self.binary.get(&key));
            if let Some(text) = hit.and_then(|bits| self.cells.get(bits)) {
                found.add(text, place);
            }
        }
    }

    /// Looks at every file below a directory, except the given ones.
    ///
    /// # Errors
    /// If something there can not be read, other than because it has gone.
    pub fn look_below(&self, dir: &Path, except: &[PathBuf], found: &mut Found) -> Result<(), Error> {
        each_file(dir, except, &mut |file, bytes| self.look(&file.to_string_lossy(), bytes, found), &mut 0)
            .inspect(|files| found.places += files)
            .map(drop)
    }

    /// Looks at every row of every table of a database.
    ///
    /// # Errors
    /// If Postgres refuses.
    pub async fn look_in_database(&self, url: &str, found: &mut Found) -> Result<(), Error> {
        each_row(url, |table, row| self.look(table, row.as_bytes(), found))
            .await
            .inspect(|tables| found.places += tables)?;
        Ok(())
    }

    /// Looks at the transactions and logs of a market's whole chain.
    ///
    /// # Errors
    /// If the node refuses.
    pub async fn look_at_chain(&self, market: &Market, found: &mut Found) -> Result<(), Error> {
        let rpc = &market.chain.rpc;
        let head: alloy_primitives::U256 = rpc.answer("eth_blockNumber", json!([])).await?;
        for number in market.deployment().start_block..=head.to::<u64>() {
            let block = rpc.call("eth_getBlockByNumber", json!([format!("{number:#x}"), true])).await?;
            self.look(&format!("block {number}"), block.to_string().as_bytes(), found);
        }
        let logs = rpc.call("eth_getLogs", json!([{"fromBlock": "0x0", "toBlock": "latest"}])).await?;
        self.look("events of the contracts", logs.to_string().as_bytes(), found);
        found.places += 1;
        Ok(())
    }
}

impl Found {
    fn add(&mut self, text: &str, place: &str) {
        self.cells.entry(text.to_owned()).or_default().insert(place.to_owned());
    }
}

/// Whether some bytes are in any file below a directory.
///
/// # Errors
/// If something there can not be read.
pub fn holds_below(dir: &Path, needle: &[u8]) -> Result<bool, Error> {
    let mut held = false;
    each_file(dir, &[], &mut |_, bytes| held = held || holds(bytes, needle), &mut 0)?;
    Ok(held)
}

/// Whether a text is in any row of a database.
///
/// # Errors
/// If Postgres refuses.
pub async fn held_in_database(url: &str, needle: &str) -> Result<bool, Error> {
    let mut held = false;
    each_row(url, |_, row| held = held || holds(row.as_bytes(), needle.as_bytes())).await?;
    Ok(held)
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// True for sixteenths and their like, whose eight bytes are mostly zeros. A position in Postgres's log can be the same bytes:
/// `b0 3f dc 00 00 00 00 00 00`, which is 0xdc3fb0, holds those of 0.4375.
fn is_plain(value: f64) -> bool {
    value.to_bits() & 0xffff_ffff == 0
}

/// The cell as a number, if it can not be elsewhere by accident.
fn distinctive(cell: &str) -> Option<f64> {
    let value: f64 = cell.parse().ok()?;
    let digits: String = cell.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0').len();
    (cell.len() >= 6 && significant >= 4 && value.is_finite() && value.fract() != 0.0).then_some(value)
}

/// Every decimal number with a point in some bytes, however it is written, unless it is part of a longer one or the
/// seconds of a time of day.
fn numbers(bytes: &[u8]) -> impl Iterator<Item = f64> {
    let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    let mut end = 0;
    bytes.split(move |byte| !part(byte)).flat_map(move |token| {
        let start = end;
        end += token.len() + 1;
        if token.len() < 4 || !token.contains(&b'.') || is_time(&bytes[..start]) {
            return Vec::new();
        }
        // `1.5-2.25` is two numbers, `2.5e-3` is one; a sentence may end after a number.
        let text = std::str::from_utf8(token).unwrap_or_default().trim_matches(['.', 'e', 'E', '+', '-']);
        match text.parse() {
            Ok(number) => vec![number],
            Err(_) => text.split(['-', '+', 'e', 'E']).filter_map(|part| part.trim_matches('.').parse().ok()).collect(),
        }
    })
}

/// Whether some bytes end like `12:34:`.
fn is_time(before: &[u8]) -> bool {
    let form = b"00:00:";
    before.len() >= form.len()
        && before[before.len() - form.len()..]
            .iter()
            .zip(form)
            .all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form })
}

/// Runs of hex digits of an even length that may hold a cell, as the bytes that they stand for.
fn hex_runs(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let nibble = |byte: &u8| (*byte as char).to_digit(16).map(|digit| digit as u8);
    bytes.split(|byte| !byte.is_ascii_hexdigit()).filter(|run| run.len() >= 12).flat_map(move |run| {
        // `0x` was cut off by the split, but its 0 may be here; so both alignments are tried.
        [run, &run[1..]].map(|run| {
            run.chunks_exact(2).filter_map(|pair| Some(nibble(&pair[0])? << 4 | nibble(&pair[1])?)).collect::<Vec<u8>>()
        })
    })
}

fn mark(window: &[u8]) -> usize {
    usize::from(window[7]) << 8 | usize::from(window[0])
}

/// Calls `each` with the pieces of every file; gives the number of files.
fn each_file(
    dir: &Path,
    except: &[PathBuf],
    each: &mut impl FnMut(&Path, &[u8]),
    files: &mut u64,
) -> Result<u64, Error> {
    let gone = |failed: &std::io::Error| failed.kind() == std::io::ErrorKind::NotFound;
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(failed) if gone(&failed) => return Ok(*files),
        Err(source) => return Err(Error::Io { doing: format!("{} could not be read", dir.display()), source }),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if except.contains(&path) {
            continue;
        }
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            each_file(&path, except, each, files)?;
        } else if kind.is_file() {
            match fs::read(&path) {
                Ok(bytes) => {
                    *files += 1;
                    let mut start = 0;
                    while start < bytes.len() {
                        let end = bytes.len().min(start + PIECE);
                        each(&path, &bytes[start..end]);
                        // A cell on the seam is in one of the two.
                        start = if end == bytes.len() { end } else { end - 64 };
                    }
                }
                // A server may remove its files while they are looked at.
                Err(failed) if gone(&failed) => {}
                Err(source) => {
                    return Err(Error::Io { doing: format!("{} could not be read", path.display()), source });
                }
            }
        }
    }
    Ok(*files)
}

/// Calls `each` with every row of every table, as text; gives the number of tables.
async fn each_row(url: &str, mut each: impl FnMut(&str, &str)) -> Result<u64, Error> {
    let mut connection = PgConnection::connect(url).await?;
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT schemaname::text, tablename::text FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut connection)
    .await?;
    for (schema, table) in &tables {
        let statement = format!("SELECT t::text FROM {}.{} t", quoted(schema), quoted(table));
        let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(statement)).fetch_all(&mut connection).await?;
        for (row,) in rows {
            each(&format!("table {table}"), &row);
        }
    }
    connection.close().await?;
    Ok(tables.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "a,b,c\n17.9912,0.006399,yes\n0.1184,122.8,no\n1001.0,0.04904,no\n";

    fn found(bytes: &[u8]) -> Vec<String> {
        let mut found = Found::default();
        Needles::of_table(TABLE, "bounds 0 and 0.04904").look("here", bytes, &mut found);
        found.cells.into_keys().collect()
    }

    #[test]
    fn only_distinctive_cells_count() {
        // 122.8 is short, 1001.0 is whole, 0.04904 is public.
        let needles = Needles::of_table(TABLE, "bounds 0 and 0.04904");
        let mut cells: Vec<&String> = needles.cells.values().collect();
        cells.sort();
        assert_eq!(cells, ["0.006399", "0.1184", "17.9912"]);
    }

    #[test]
    fn a_cell_is_found_in_every_notation() {
        assert_eq!(found(b"x=0.006399,"), ["0.006399"]);
        assert_eq!(found(b"[6.399e-3]"), ["0.006399"]);
        assert_eq!(found(b"12:0.1184 {\"x\":0.006399}"), ["0.006399", "0.1184"]);
        assert_eq!(found(b"17.9912-0.1184."), ["0.1184", "17.9912"]);
        assert_eq!(found(&[b"..".as_slice(), &17.9912f64.to_le_bytes()].concat()), ["17.9912"]);
        assert_eq!(found(&[b".".as_slice(), &17.9912f64.to_be_bytes()].concat()), ["17.9912"]);
        let floats = [17.9912f32.to_le_bytes(), 0.006399f32.to_le_bytes()].concat();
        assert_eq!(found(&floats), ["17.9912"]);
        assert_eq!(found(format!("\\x{}", alloy_primitives::hex::encode("row 0.1184 end")).as_bytes()), ["0.1184"]);
        assert_eq!(found(format!("0x0{}", alloy_primitives::hex::encode("17.9912")).as_bytes()), ["17.9912"]);
    }

    #[test]
    fn a_cell_of_few_bits_is_found_but_not_by_eight_bytes_that_are_mostly_zeros() {
        let needles = Needles::of_table("a,b\n0.4375,0.1184\n", "");
        let cells = |bytes: &[u8]| {
            let mut found = Found::default();
            needles.look("here", bytes, &mut found);
            found.cells.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(cells(b" 0.4375 "), ["0.4375"]);
        assert_eq!(cells(&[0.4375f32.to_le_bytes(), 0.1184f32.to_le_bytes()].concat()), ["0.4375"]);
        assert_eq!(cells(&0.4375f64.to_le_bytes()), [""; 0]);
        assert_eq!(cells(&0.1184f64.to_le_bytes()), ["0.1184"]);
    }

    #[test]
    fn what_only_looks_alike_is_not_found() {
        for harmless in
            ["10.1184", "0.11845", "17.99", "0.118", "12:00:00.1184", "T09:14:17.9912Z", "1184", "0.04904", "1001.0"]
        {
            assert!(found(harmless.as_bytes()).is_empty(), "{harmless}");
        }
    }

    #[test]
    fn files_are_looked_at_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut long = vec![b'x'; PIECE - 3];
        long.extend_from_slice(b" 17.9912 ");
        fs::create_dir(dir.path().join("deep")).unwrap();
        fs::write(dir.path().join("deep/long"), long).unwrap();
        fs::write(dir.path().join("own.csv"), "0.1184").unwrap();
        let mut found = Found::default();
        let needles = Needles::of_table(TABLE, "");
        needles.look_below(dir.path(), &[dir.path().join("own.csv")], &mut found).unwrap();
        let cells: Vec<&str> = found.cells.keys().map(String::as_str).collect();
        assert_eq!((cells, found.places), (vec!["17.9912"], 1));
        assert!(holds_below(dir.path(), b"17.9912 ").unwrap());
        assert!(!holds_below(dir.path(), b"nothing like it").unwrap());
    }
}
