//! Flat Parquet tables (<https://parquet.apache.org/docs/file-format/>), read value by value by who trusts neither the file
//! nor its writer: the sealed worker, and the publisher's command line, which so accepts what the worker accepts.
//!
//! Nothing is allocated because a file says so: every size is held against a limit and against what is there first. What
//! held a value, or could hold one (footers and page headers have the smallest and largest of a column), is wiped.
//! There is no recursion and no `unsafe` here.
//!
//! [`Table`] reads the footer and gives out columns. Below it, `thrift` is the encoding of all headers, `footer` and
//! `page` are those headers, `codec` decompresses, `hybrid`, `delta` and `values` decode.
//!
//! Read: columns without nesting, required or optional; pages of version 1 and 2, plain, Snappy or gzip; the encodings
//! `PLAIN`, `PLAIN_DICTIONARY`, `RLE_DICTIONARY`, `RLE`, `DELTA_*` and `BYTE_STREAM_SPLIT`. Everything else is refused by name.

mod bytes;
mod codec;
mod column;
mod delta;
mod footer;
mod hybrid;
mod page;
mod schema;
mod source;
mod table;
mod thrift;
mod values;

pub use schema::{Column, Kind};
pub use source::Source;
pub use table::Table;
pub use values::Value;

/// Columns that a table may have.
pub const MAX_COLUMNS: usize = 4_096;
/// Row groups that a table may have.
pub const MAX_GROUPS: usize = 1_024;
/// Bytes that a footer may have.
pub const MAX_FOOTER: usize = 8 << 20;
/// Bytes that a page may have, compressed or not.
pub const MAX_PAGE: usize = 16 << 20;
/// Bytes that a page's header may have.
pub const MAX_PAGE_HEADER: usize = 1 << 20;
/// Bytes that a value may have.
pub const MAX_FIELD: usize = 64 << 10;
/// Bytes that may come out for each byte of the file.
pub const MAX_GROWTH: u64 = 100;
/// Bytes that may come out whatever the size of the file: small tables repeat themselves.
pub const FREE_GROWTH: u64 = 1 << 20;

/// The first and last four bytes of a file.
pub const MAGIC: [u8; 4] = *b"PAR1";

/// Why a table can not be read. The texts are this crate's own: none quotes the file, but for names of columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file contradicts itself or the format.
    #[error("the file is not sound Parquet: {0}")]
    Malformed(&'static str),
    /// Something is larger than anybody needs.
    #[error("the file breaks a limit: {0}")]
    Limit(&'static str),
    /// Sound, but not of the kinds that are read.
    #[error("the file uses what is not read here: {0}")]
    Unsupported(&'static str),
    /// The bytes can not be got.
    #[error("the file can not be read ({0})")]
    Io(std::io::ErrorKind),
    /// Who asked for the values had enough.
    #[error("the reading was ended")]
    Ended,
}

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}
