//! Values out of the bytes of a page (<https://parquet.apache.org/docs/file-format/data-pages/encodings/>).

use zeroize::Zeroizing;

use crate::{
    Error, MAX_FIELD, Result,
    bytes::{CUT, take, take_array},
    delta::Delta,
    hybrid::{Hybrid, bits},
    schema::{Column, Kind, Physical},
};

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// There is none.
    Missing,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number of a column without signs.
    Unsigned(u64),
    /// A number; any that 64 bits can hold, so it may be infinite or none.
    Real(f64),
    /// A text or bytes, at most [`MAX_FIELD`].
    Bytes(&'a [u8]),
}

impl Value<'_> {
    /// As a number, true as 1; none for bytes and for what is missing.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Missing | Self::Bytes(_) => None,
            Self::Boolean(value) => Some(f64::from(u8::from(value))),
            Self::Integer(value) => Some(value as f64),
            Self::Unsigned(value) => Some(value as f64),
            Self::Real(value) => Some(value),
        }
    }
}

/// The values of a page, without those that are missing.
pub(crate) struct Values<'a> {
    column: &'a Column,
    encoded: Encoded<'a>,
}

enum Encoded<'a> {
    Plain(&'a [u8]),
    PlainTruths {
        bytes: &'a [u8],
        bit: usize,
    },
    Truths(Hybrid<'a>),
    Indices(Hybrid<'a>, &'a Dictionary),
    Deltas(Delta<'a>),
    /// Lengths, then the values one after the other.
    Lengths(Delta<'a>, &'a [u8]),
    /// The same, but each begins with so many bytes of the one before it.
    Prefixes {
        prefixes: Delta<'a>,
        lengths: Delta<'a>,
        suffixes: &'a [u8],
        value: Zeroizing<Vec<u8>>,
    },
    /// The first bytes of all values, then the second, and so on.
    Split {
        bytes: &'a [u8],
        place: usize,
        value: Zeroizing<Vec<u8>>,
    },
}

const NOT_IN_USE: Error = Error::Unsupported("an encoding that does not belong to its type");

impl<'a> Values<'a> {
    /// Begins to read the values of a page of `count`, of which some may be missing.
    pub(crate) fn new(
        column: &'a Column,
        encoding: u64,
        mut data: &'a [u8],
        count: u64,
        dictionary: Option<&'a Dictionary>,
    ) -> Result<Self> {
        let bytes = matches!(column.physical, Physical::ByteArray);
        let fixed = matches!(column.physical, Physical::Fixed(_));
        let encoded = match (encoding, column.physical) {
            // A page of nothing but missing values may have not even a head.
            (0..=9, _) if data.is_empty() => Encoded::Plain(data),
            (0, Physical::Boolean) => Encoded::PlainTruths { bytes: data, bit: 0 },
            (0, _) => Encoded::Plain(data),
            (2 | 8, _) => {
                let dictionary = dictionary.ok_or(Error::Malformed("indices come without a dictionary"))?;
                let [width] = take_array(&mut data)?;
                Encoded::Indices(Hybrid::new(data, width)?, dictionary)
            }
            (3, Physical::Boolean) => {
                let length = u32::from_le_bytes(take_array(&mut data)?);
                Encoded::Truths(Hybrid::new(take(&mut data, length as usize)?, 1)?)
            }
            (5, Physical::Int32 | Physical::Int64) => Encoded::Deltas(Delta::new(data)?),
            (6, _) if bytes => {
                let lengths = Delta::new(data)?;
                let values = lengths.clone().behind(count)?;
                Encoded::Lengths(lengths, values)
            }
            (7, _) if bytes || fixed => {
                let prefixes = Delta::new(data)?;
                let lengths = Delta::new(prefixes.clone().behind(count)?)?;
                let suffixes = lengths.clone().behind(count)?;
                Encoded::Prefixes { prefixes, lengths, suffixes, value: Zeroizing::default() }
            }
            (9, physical) => {
                let width = physical.width().ok_or(NOT_IN_USE)?;
                check_field(width)?;
                // How many are missing is not known here.
                if !data.len().is_multiple_of(width) {
                    return Err(CUT);
                }
                Encoded::Split { bytes: data, place: 0, value: Zeroizing::new(vec![0; width]) }
            }
            (0..=9, _) => return Err(NOT_IN_USE),
            _ => return Err(Error::Unsupported("an unknown encoding")),
        };
        Ok(Self { column, encoded })
    }

    /// Checks, behind the last value, that there is nothing more where it would be seen.
    pub(crate) fn end(&self) -> Result<()> {
        match &self.encoded {
            Encoded::Plain(rest) | Encoded::Lengths(_, rest) | Encoded::Prefixes { suffixes: rest, .. }
                if !rest.is_empty() =>
            {
                Err(Error::Malformed("a page holds more than its values"))
            }
            _ => Ok(()),
        }
    }

    /// The next value.
    pub(crate) fn next(&mut self) -> Result<Value<'_>> {
        let column = self.column;
        match &mut self.encoded {
            Encoded::Plain(data) => plain(column, data),
            Encoded::PlainTruths { bytes, bit } => {
                let truth = bits(bytes, *bit, 1).ok_or(CUT)?;
                *bit += 1;
                Ok(Value::Boolean(truth == 1))
            }
            Encoded::Truths(truths) => Ok(Value::Boolean(truths.next()? == 1)),
            Encoded::Indices(indices, dictionary) => dictionary.value(column, indices.next()?),
            Encoded::Deltas(deltas) => {
                let value = deltas.next()?;
                // Differences of 32 bits go round at 32.
                Ok(whole(column, if column.physical == Physical::Int32 { i64::from(value as i32) } else { value }))
            }
            Encoded::Lengths(lengths, values) => {
                let length = length(lengths.next()?)?;
                Ok(Value::Bytes(take(values, length)?))
            }
            Encoded::Prefixes { prefixes, lengths, suffixes, value } => {
                let prefix = length(prefixes.next()?)?;
                let suffix = take(suffixes, length(lengths.next()?)?)?;
                if prefix > value.len() {
                    return Err(Error::Malformed("a value begins with more than there is of the one before"));
                }
                check_field(prefix + suffix.len())?;
                // Room for the largest at once: a vector that grows leaves copies of itself behind.
                if value.capacity() == 0 {
                    value.reserve_exact(MAX_FIELD);
                }
                value.truncate(prefix);
                value.extend_from_slice(suffix);
                match column.physical {
                    Physical::Fixed(length) if length != value.len() => Err(OTHER_LENGTH),
                    _ => Ok(Value::Bytes(value)),
                }
            }
            Encoded::Split { bytes, place, value } => {
                let count = bytes.len() / value.len();
                for (at, byte) in value.iter_mut().enumerate() {
                    *byte = *bytes.get(at * count + *place).filter(|_| *place < count).ok_or(CUT)?;
                }
                *place += 1;
                plain(column, &mut &value[..])
            }
        }
    }
}

const OTHER_LENGTH: Error = Error::Malformed("a value of a fixed length has another");

fn length(length: i64) -> Result<usize> {
    let length = usize::try_from(length).map_err(|_| Error::Malformed("a length is negative"))?;
    check_field(length)?;
    Ok(length)
}

fn check_field(length: usize) -> Result<()> {
    if length > MAX_FIELD { Err(Error::Limit("a value has more than 64 KiB")) } else { Ok(()) }
}

/// A value in plain encoding, which `data` loses.
fn plain<'d>(column: &Column, data: &mut &'d [u8]) -> Result<Value<'d>> {
    Ok(match column.physical {
        Physical::Int32 => whole(column, i32::from_le_bytes(take_array(data)?).into()),
        Physical::Int64 => whole(column, i64::from_le_bytes(take_array(data)?)),
        Physical::Float => Value::Real(f32::from_le_bytes(take_array(data)?).into()),
        Physical::Double => Value::Real(f64::from_le_bytes(take_array(data)?)),
        Physical::ByteArray => {
            let length = u32::from_le_bytes(take_array(data)?) as usize;
            check_field(length)?;
            Value::Bytes(take(data, length)?)
        }
        Physical::Fixed(length) => {
            check_field(length)?;
            Value::Bytes(take(data, length)?)
        }
        // Not reached: truths are no bytes, and the others are of no kind that is read.
        Physical::Boolean | Physical::Int96 => return Err(NOT_IN_USE),
    })
}

/// A stored whole number as what it means.
fn whole(column: &Column, value: i64) -> Value<'static> {
    match column.kind {
        // Both are exact, so the quotient is the number nearest to the decimal one.
        Kind::Decimal(scale) => Value::Real(value as f64 / 10_f64.powi(scale as i32)),
        _ if column.unsigned && column.physical == Physical::Int32 => Value::Unsigned(u64::from(value as u32)),
        _ if column.unsigned => Value::Unsigned(value as u64),
        _ => Value::Integer(value),
    }
}

/// The different values of a column, which indices name.
pub(crate) struct Dictionary {
    bytes: Zeroizing<Vec<u8>>,
    count: usize,
    /// Where each value begins, if they differ in length.
    starts: Vec<u32>,
}

impl Dictionary {
    /// Takes a page in plain encoding. There are as many values as its bytes are enough for.
    pub(crate) fn new(column: &Column, bytes: Zeroizing<Vec<u8>>, count: u64) -> Result<Self> {
        let count = usize::try_from(count).ok().filter(|count| *count <= bytes.len()).ok_or(CUT)?;
        let mut starts = Vec::new();
        match column.physical {
            Physical::Boolean => return Err(NOT_IN_USE),
            Physical::ByteArray => {
                if count > bytes.len() / 4 {
                    return Err(CUT);
                }
                starts.reserve_exact(count);
                let mut rest = &bytes[..];
                for _ in 0..count {
                    starts.push(u32::try_from(bytes.len() - rest.len()).map_err(|_| CUT)?);
                    plain(column, &mut rest)?;
                }
            }
            physical => {
                let width = physical.width().ok_or(NOT_IN_USE)?;
                if count.checked_mul(width).is_none_or(|length| length > bytes.len()) {
                    return Err(CUT);
                }
            }
        }
        Ok(Self { bytes, count, starts })
    }

    fn value(&self, column: &Column, index: u32) -> Result<Value<'_>> {
        let index = index as usize;
        if index >= self.count {
            return Err(Error::Malformed("an index names no value of its dictionary"));
        }
        let start = match column.physical.width() {
            Some(width) => index * width,
            None => self.starts[index] as usize,
        };
        plain(column, &mut &self.bytes[start..])
    }
}
