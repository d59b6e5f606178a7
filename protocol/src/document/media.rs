//! Formats that a sealed table may have.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Format of a table's plaintext, by its media type (IANA).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaType {
    /// RFC 4180, with a header line, in UTF-8.
    #[default]
    #[serde(rename = "text/csv")]
    Csv,
    /// Apache Parquet with flat columns.
    #[serde(rename = "application/vnd.apache.parquet")]
    Parquet,
}

impl MediaType {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
