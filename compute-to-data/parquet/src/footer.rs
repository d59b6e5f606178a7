//! The footer: schema, and where the values of each column are (`FileMetaData` in `parquet.thrift`).

use zeroize::Zeroizing;

use crate::{
    Error, MAGIC, MAX_FOOTER, MAX_GROUPS, Result, Source,
    codec::Codec,
    schema::{self, Column, Physical},
    thrift::{Field, Thrift},
};

/// Bytes before the first page: the file's name.
const HEAD: u64 = 4;
/// Bytes behind the footer: its length, and the name again.
const TAIL: u64 = 8;

/// What is kept of a footer.
pub(crate) struct Footer {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: u64,
    pub(crate) groups: Vec<Group>,
}

/// Rows whose values are stored together.
pub(crate) struct Group {
    pub(crate) rows: u64,
    /// Of each column, in the schema's order.
    pub(crate) chunks: Vec<Chunk>,
}

/// Where a group's values of one column are.
#[derive(Clone, Copy)]
pub(crate) struct Chunk {
    pub(crate) start: u64,
    pub(crate) length: u64,
    /// Bytes of all pages together when they are decompressed.
    pub(crate) uncompressed: u64,
    pub(crate) codec: Codec,
}

/// Reads and checks the footer. Of what it says nothing is believed that is not held against the file's size.
pub(crate) fn read(source: &impl Source) -> Result<Footer> {
    let size = source.size();
    if size < HEAD + TAIL {
        return Err(Error::Malformed("it is too short"));
    }
    let (mut head, mut length, mut tail) = ([0; 4], [0; 4], [0; 4]);
    source.read_at(0, &mut head)?;
    source.read_at(size - TAIL, &mut length)?;
    source.read_at(size - 4, &mut tail)?;
    if head == *b"PARE" || tail == *b"PARE" {
        return Err(ENCRYPTED);
    }
    if head != MAGIC || tail != MAGIC {
        return Err(Error::Malformed("it does not begin and end with PAR1"));
    }
    let length = u32::from_le_bytes(length);
    if length as usize > MAX_FOOTER {
        return Err(Error::Limit("its footer has more than 8 MiB"));
    }
    let start = (size - TAIL).checked_sub(length.into()).filter(|start| *start >= HEAD);
    let start = start.ok_or(Error::Malformed("its footer is longer than the file"))?;
    // It holds the smallest and largest values of columns.
    let mut bytes = Zeroizing::new(vec![0; length as usize]);
    source.read_at(start, &mut bytes)?;
    let footer = parse(&bytes)?;
    check_places(&footer, start)?;
    Ok(footer)
}

const ENCRYPTED: Error = Error::Unsupported("Parquet's own encryption");
const DISORDER: Error = Error::Malformed("its footer is incomplete or in disorder");

fn parse(bytes: &[u8]) -> Result<Footer> {
    let mut thrift = Thrift::new(bytes);
    let (mut columns, mut rows, mut groups) = (None, None, None);
    thrift.each_field(|thrift, field| {
        match (field.id, &columns) {
            (2, None) => {
                let count = thrift.structures(field)?;
                columns = Some(schema::read(thrift, count)?);
            }
            (3, _) => rows = Some(thrift.count(field)?),
            (4, Some(columns)) if groups.is_none() => groups = Some(row_groups(thrift, field, columns)?),
            (2 | 4, _) => return Err(DISORDER),
            (8, _) => return Err(ENCRYPTED),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if thrift.left() != 0 {
        return Err(Error::Malformed("something follows its footer"));
    }
    let (Some(columns), Some(rows), Some(groups)) = (columns, rows, groups) else { return Err(DISORDER) };
    let sum = groups.iter().try_fold(0_u64, |sum, group: &Group| sum.checked_add(group.rows));
    if sum != Some(rows) {
        return Err(Error::Malformed("its groups have not as many rows as it says"));
    }
    Ok(Footer { columns, rows, groups })
}

fn row_groups(thrift: &mut Thrift<'_>, field: &Field, columns: &[Column]) -> Result<Vec<Group>> {
    let count = thrift.structures(field)?;
    if count > MAX_GROUPS {
        return Err(Error::Limit("it has more than 1,024 groups of rows"));
    }
    (0..count).map(|_| row_group(thrift, columns)).collect()
}

fn row_group(thrift: &mut Thrift<'_>, columns: &[Column]) -> Result<Group> {
    let (mut chunks, mut rows) = (Vec::new(), None);
    thrift.each_field(|thrift, field| {
        match field.id {
            1 if chunks.is_empty() => {
                if thrift.structures(field)? != columns.len() {
                    return Err(Error::Malformed("a group of rows has not every column once"));
                }
                chunks.reserve_exact(columns.len());
                for column in columns {
                    chunks.push(chunk(thrift, column)?);
                }
            }
            3 => rows = Some(thrift.count(field)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let rows = rows.filter(|_| !chunks.is_empty()).ok_or(DISORDER)?;
    // Without nesting, each row has one value, be it a missing one.
    if chunks.iter().any(|(values, _)| *values != rows) {
        return Err(Error::Malformed("a column has not as many values as its group has rows"));
    }
    Ok(Group { rows, chunks: chunks.into_iter().map(|(_, chunk)| chunk).collect() })
}

/// A `ColumnChunk`: its number of values, and where it is.
fn chunk(thrift: &mut Thrift<'_>, column: &Column) -> Result<(u64, Chunk)> {
    let mut found = None;
    thrift.each_field(|thrift, field| {
        match field.id {
            1 => return Err(Error::Unsupported("columns in other files")),
            3 => found = Some(chunk_metadata(thrift, field, column)?),
            8 | 9 => return Err(ENCRYPTED),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    found.ok_or(DISORDER)
}

fn chunk_metadata(thrift: &mut Thrift<'_>, field: &Field, column: &Column) -> Result<(u64, Chunk)> {
    let [mut kind, mut codec, mut values, mut uncompressed, mut length, mut data, mut dictionary] = [None; 7];
    thrift.structure(field, |thrift, field| {
        let place = match field.id {
            1 => &mut kind,
            4 => &mut codec,
            5 => &mut values,
            6 => &mut uncompressed,
            7 => &mut length,
            9 => &mut data,
            11 => &mut dictionary,
            _ => return Ok(false),
        };
        *place = Some(thrift.count(field)?);
        Ok(true)
    })?;
    let (Some(kind), Some(codec), Some(values)) = (kind, codec, values) else { return Err(DISORDER) };
    let (Some(uncompressed), Some(length), Some(data)) = (uncompressed, length, data) else { return Err(DISORDER) };
    let declared = match column.physical {
        Physical::Fixed(length) => Some(length as u64),
        _ => None,
    };
    if Physical::of(kind, declared)? != column.physical {
        return Err(Error::Malformed("a column is stored as another type than the schema says"));
    }
    // Some writers say 0 where there is no dictionary.
    let start = dictionary.filter(|place| *place != 0).map_or(data, |place| place.min(data));
    Ok((values, Chunk { start, length, uncompressed, codec: Codec::of(codec) }))
}

/// Every column is between the file's head and its footer, and none lies in another: else a few bytes would be as many
/// columns as one likes.
fn check_places(footer: &Footer, end: u64) -> Result<()> {
    let chunks = footer.groups.iter().flat_map(|group| &group.chunks);
    let mut places: Vec<(u64, u64)> =
        chunks.filter(|chunk| chunk.length > 0).map(|chunk| (chunk.start, chunk.length)).collect();
    places.sort_unstable();
    let mut free = HEAD;
    for (start, length) in places {
        if start < HEAD {
            return Err(OUTSIDE);
        }
        if start < free {
            return Err(Error::Malformed("two columns lie in the same place"));
        }
        free = start.checked_add(length).filter(|free| *free <= end).ok_or(OUTSIDE)?;
    }
    Ok(())
}

const OUTSIDE: Error = Error::Malformed("a column lies outside of the file's pages");
