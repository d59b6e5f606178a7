//! Headers of pages (`PageHeader` in `parquet.thrift`).

use crate::{
    Error, MAX_PAGE, Result,
    thrift::{Field, Thrift},
};

/// A page's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes behind the header.
    pub(crate) stored: usize,
    /// Bytes when it is decompressed.
    pub(crate) size: usize,
    pub(crate) contents: Contents,
}

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    Dictionary {
        values: u64,
        encoding: u64,
    },
    /// Levels and values, compressed together.
    Data1 {
        values: u64,
        encoding: u64,
        levels: u64,
    },
    /// Levels, then values, of which only these may be compressed.
    Data2 {
        values: u64,
        nulls: u64,
        encoding: u64,
        levels: u64,
        repetitions: u64,
        compressed: bool,
    },
}

const INCOMPLETE: Error = Error::Malformed("a page's header is incomplete");

impl Header {
    /// Reads a header from the start of `bytes`, and says how long it is.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, usize)> {
        let mut thrift = Thrift::new(bytes);
        let [mut kind, mut size, mut stored] = [None; 3];
        let [mut data1, mut dictionary, mut data2] = [None; 3];
        thrift.each_field(|thrift, field| {
            match field.id {
                1 => kind = Some(thrift.count(field)?),
                2 => size = Some(thrift.count(field)?),
                3 => stored = Some(thrift.count(field)?),
                5 => data1 = Some(data_1(thrift, field)?),
                7 => dictionary = Some(self::dictionary(thrift, field)?),
                8 => data2 = Some(data_2(thrift, field)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let contents = match kind {
            Some(0) => data1,
            Some(2) => dictionary,
            Some(3) => data2,
            _ => return Err(Error::Unsupported("pages of an unknown type")),
        };
        let (Some(contents), Some(size), Some(stored)) = (contents, size, stored) else { return Err(INCOMPLETE) };
        let limited = |size: u64| {
            let size = usize::try_from(size).ok().filter(|size| *size <= MAX_PAGE);
            size.ok_or(Error::Limit("a page has more than 16 MiB"))
        };
        Ok((Self { stored: limited(stored)?, size: limited(size)?, contents }, bytes.len() - thrift.left()))
    }
}

/// Reads the numbers of these fields of a struct.
fn counts<const N: usize>(thrift: &mut Thrift<'_>, field: &Field, ids: [i16; N]) -> Result<[u64; N]> {
    let mut found = [None; N];
    thrift.structure(field, |thrift, field| match ids.iter().position(|id| *id == field.id) {
        Some(place) => {
            found[place] = Some(thrift.count(field)?);
            Ok(true)
        }
        None => Ok(false),
    })?;
    if found.contains(&None) {
        return Err(INCOMPLETE);
    }
    Ok(found.map(|count| count.expect("there is none without")))
}

fn dictionary(thrift: &mut Thrift<'_>, field: &Field) -> Result<Contents> {
    let [values, encoding] = counts(thrift, field, [1, 2])?;
    Ok(Contents::Dictionary { values, encoding })
}

fn data_1(thrift: &mut Thrift<'_>, field: &Field) -> Result<Contents> {
    let [values, encoding, levels] = counts(thrift, field, [1, 2, 3])?;
    Ok(Contents::Data1 { values, encoding, levels })
}

fn data_2(thrift: &mut Thrift<'_>, field: &Field) -> Result<Contents> {
    let mut found = [None; 6];
    let mut compressed = true;
    thrift.structure(field, |thrift, field| {
        match field.id {
            id @ 1..=6 => found[id as usize - 1] = Some(thrift.count(field)?),
            7 => compressed = thrift.boolean(field)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let [Some(values), Some(nulls), Some(_rows), Some(encoding), Some(levels), Some(repetitions)] = found else {
        return Err(INCOMPLETE);
    };
    Ok(Contents::Data2 { values, nulls, encoding, levels, repetitions, compressed })
}
