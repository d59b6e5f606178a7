//! The sample that a publisher shows, as a data set of its own: whoever wants to can try a spec on it.

use super::{AssetDocument, Column, ColumnKind, MediaType};

/// A document's public rows, and the document as it would be if they were all there are.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The same asset with the sample's rows and no rule on how few they may be.
    pub document: AssetDocument,
    /// The rows as CSV (RFC 4180) with a header, as a worker reads a table.
    pub table: Vec<u8>,
}

impl AssetDocument {
    /// The sample; none if the publisher shows no rows, or rows with images, which have no place in a CSV.
    pub fn sample(&self) -> Option<Sample> {
        let rows = &self.atoll.sample_rows;
        let is_image = |column: &Column| matches!(column.kind, ColumnKind::Image(_));
        if rows.is_empty() || self.atoll.columns.iter().any(is_image) {
            return None;
        }
        let mut document = self.clone();
        document.atoll.content.rows = rows.len() as u64;
        document.atoll.content.media_type = MediaType::Csv;
        document.atoll.policy.min_rows = 1;
        // What everybody sees needs no budget.
        document.atoll.policy.privacy = None;
        let mut table = Vec::new();
        line(&mut table, self.atoll.columns.iter().map(|column| column.name.as_str()));
        for row in rows {
            line(&mut table, row.iter().map(String::as_str));
        }
        Some(Sample { document, table })
    }
}

/// Every cell in quotes: none can be taken for more than one.
fn line<'a>(table: &mut Vec<u8>, cells: impl Iterator<Item = &'a str>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            table.push(b',');
        }
        table.push(b'"');
        table.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
        table.push(b'"');
    }
    table.push(b'\n');
}

#[cfg(test)]
mod tests {
    use crate::document::example;

    #[test]
    fn the_rows_become_a_table_whatever_their_cells_hold() {
        let mut document = example();
        assert_eq!(document.sample(), None);
        document.atoll.sample_rows =
            vec![vec!["1".into(), "-0.5".into(), "a".into()], vec!["0".into(), "1e-3".into(), "say \"b\",\nor".into()]];
        document.atoll.policy.min_rows = 100;
        let sample = document.sample().unwrap();
        let table = "\"x0\",\"x1\",\"y\"\n\"1\",\"-0.5\",\"a\"\n\"0\",\"1e-3\",\"say \"\"b\"\",\nor\"\n";
        assert_eq!(String::from_utf8(sample.table).unwrap(), table);
        assert_eq!((sample.document.atoll.content.rows, sample.document.atoll.policy.min_rows), (2, 1));
        assert_eq!(sample.document.atoll.policy.max_seconds, document.atoll.policy.max_seconds);
    }
}
