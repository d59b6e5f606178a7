//! Columns: what their values are stored as, and what they mean.

use crate::{Error, MAX_COLUMNS, Result, thrift::Thrift};

/// A column of a flat table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    pub(crate) physical: Physical,
    /// Whole numbers have no sign.
    pub(crate) unsigned: bool,
    /// A value may be missing.
    pub(crate) optional: bool,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Boolean,
    /// Whole numbers: [`crate::Value::Integer`], or [`crate::Value::Unsigned`].
    Integer,
    /// Numbers of 32 or 64 bits: [`crate::Value::Real`].
    Real,
    /// Decimal numbers of at most 64 bits with so many decimals: [`crate::Value::Real`].
    Decimal(u32),
    /// Bytes that are annotated as text.
    Text,
    /// Bytes without an annotation, of any length.
    Bytes,
    /// Bytes without an annotation, all of this length.
    Fixed(usize),
    /// What is not read, by its name.
    Other(&'static str),
}

/// What a value is stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Physical {
    Boolean,
    Int32,
    Int64,
    Int96,
    Float,
    Double,
    ByteArray,
    /// Of so many bytes.
    Fixed(usize),
}

impl Physical {
    /// By its number in the format.
    pub(crate) fn of(number: u64, length: Option<u64>) -> Result<Self> {
        Ok(match number {
            0 => Self::Boolean,
            1 => Self::Int32,
            2 => Self::Int64,
            3 => Self::Int96,
            4 => Self::Float,
            5 => Self::Double,
            6 => Self::ByteArray,
            7 => match length.and_then(|length| usize::try_from(length).ok()) {
                Some(length @ 1..) => Self::Fixed(length),
                _ => return Err(Error::Malformed("values of a fixed length have none")),
            },
            _ => return Err(Error::Malformed("a column is of no known type")),
        })
    }

    /// Bytes of a value in plain encoding; none if it differs, or is a bit.
    pub(crate) fn width(self) -> Option<usize> {
        match self {
            Self::Boolean | Self::ByteArray => None,
            Self::Int32 | Self::Float => Some(4),
            Self::Int64 | Self::Double => Some(8),
            Self::Int96 => Some(12),
            Self::Fixed(length) => Some(length),
        }
    }
}

/// What an annotation says of stored values.
enum Meaning {
    Nothing,
    Text,
    Unsigned,
    Decimal(u64),
    Other(&'static str),
}

/// The schema's elements in the footer: the root, then its columns.
///
/// # Errors
/// For columns that hold lists or records, and for more than [`MAX_COLUMNS`].
pub(crate) fn read(thrift: &mut Thrift<'_>, count: usize) -> Result<Vec<Column>> {
    if count > MAX_COLUMNS + 1 {
        return Err(Error::Limit("it has more than 4,096 columns"));
    }
    let mut columns = Vec::with_capacity(count.saturating_sub(1));
    for number in 0..count {
        let element = Element::read(thrift)?;
        match (number, element.children, element.physical) {
            (0, Some(children), None) if children + 1 == count as u64 => {}
            // Fewer children than elements: some of these have children of their own.
            (0, Some(_), None) => return Err(NESTED),
            (0, ..) => return Err(Error::Malformed("the schema has no root")),
            (_, None | Some(0), Some(physical)) => columns.push(element.column(physical)?),
            _ => return Err(NESTED),
        }
    }
    if columns.is_empty() {
        return Err(Error::Malformed("it has no columns"));
    }
    Ok(columns)
}

const NESTED: Error = Error::Unsupported("columns that hold lists or records");

/// An element of the schema (`SchemaElement` in `parquet.thrift`).
struct Element {
    name: String,
    physical: Option<u64>,
    length: Option<u64>,
    repetition: Option<u64>,
    children: Option<u64>,
    scale: u64,
    converted: Option<u64>,
    logical: Option<Meaning>,
}

impl Element {
    fn read(thrift: &mut Thrift<'_>) -> Result<Self> {
        let mut element = Self {
            name: String::new(),
            physical: None,
            length: None,
            repetition: None,
            children: None,
            scale: 0,
            converted: None,
            logical: None,
        };
        thrift.each_field(|thrift, field| {
            match field.id {
                1 => element.physical = Some(thrift.count(field)?),
                2 => element.length = Some(thrift.count(field)?),
                3 => element.repetition = Some(thrift.count(field)?),
                4 => {
                    let name = std::str::from_utf8(thrift.binary(field)?);
                    element.name = name.map_err(|_| Error::Malformed("a column's name is not UTF-8"))?.to_owned();
                }
                5 => element.children = Some(thrift.count(field)?),
                6 => element.converted = Some(thrift.count(field)?),
                7 => element.scale = thrift.count(field)?,
                10 => thrift.structure(field, |thrift, field| {
                    element.logical = logical(thrift, field)?;
                    // What was read of it is in `logical` unless it holds nothing of interest.
                    Ok(matches!(field.id, 5 | 10))
                })?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(element)
    }

    fn column(self, physical: u64) -> Result<Column> {
        let physical = Physical::of(physical, self.length)?;
        let optional = match self.repetition {
            Some(0) => false,
            Some(1) => true,
            Some(2) => return Err(NESTED),
            _ => return Err(Error::Malformed("a column does not say whether its values may be missing")),
        };
        let meaning = match (self.logical, self.converted) {
            (Some(meaning), _) => meaning,
            (None, Some(number)) => converted(number, self.scale),
            (None, None) => Meaning::Nothing,
        };
        let mut unsigned = false;
        let kind = match (physical, meaning) {
            (Physical::Int96, _) => Kind::Other("dates and times"),
            (_, Meaning::Other(name)) => Kind::Other(name),
            (Physical::Boolean, Meaning::Nothing) => Kind::Boolean,
            (Physical::Int32 | Physical::Int64, Meaning::Nothing) => Kind::Integer,
            (Physical::Int32 | Physical::Int64, Meaning::Unsigned) => {
                unsigned = true;
                Kind::Integer
            }
            // More would not be exact as a number of 64 bits.
            (Physical::Int32 | Physical::Int64, Meaning::Decimal(scale @ 0..=18)) => Kind::Decimal(scale as u32),
            (Physical::Float | Physical::Double, Meaning::Nothing) => Kind::Real,
            (Physical::ByteArray, Meaning::Text) => Kind::Text,
            (Physical::ByteArray, Meaning::Nothing) => Kind::Bytes,
            (Physical::Fixed(length), Meaning::Nothing) => Kind::Fixed(length),
            (_, Meaning::Decimal(_)) => Kind::Other("decimal numbers of more than 64 bits"),
            _ => Kind::Other("values whose type and annotation do not fit"),
        };
        Ok(Column { name: self.name, kind, physical, unsigned, optional })
    }
}

/// A member of the union `LogicalType`; those with nothing of interest are left to be skipped.
fn logical(thrift: &mut Thrift<'_>, field: &crate::thrift::Field) -> Result<Option<Meaning>> {
    Ok(Some(match field.id {
        1 | 4 => Meaning::Text,
        5 => {
            let mut scale = 0;
            thrift.structure(field, |thrift, field| {
                if field.id == 1 {
                    scale = thrift.count(field)?;
                }
                Ok(field.id == 1)
            })?;
            Meaning::Decimal(scale)
        }
        6..=8 => Meaning::Other("dates and times"),
        10 => {
            let mut signed = true;
            thrift.structure(field, |thrift, field| {
                if field.id == 2 {
                    signed = thrift.boolean(field)?;
                }
                Ok(field.id == 2)
            })?;
            if signed { Meaning::Nothing } else { Meaning::Unsigned }
        }
        // A column of nothing but missing values.
        11 => Meaning::Nothing,
        12 | 13 => Meaning::Other("JSON"),
        14 => Meaning::Other("UUIDs"),
        15 => Meaning::Other("numbers of 16 bits"),
        _ => Meaning::Other("values of an unknown annotation"),
    }))
}

/// An older annotation (`ConvertedType`).
fn converted(number: u64, scale: u64) -> Meaning {
    match number {
        0 | 4 => Meaning::Text,
        5 => Meaning::Decimal(scale),
        6..=10 | 21 => Meaning::Other("dates and times"),
        11..=14 => Meaning::Unsigned,
        15..=18 => Meaning::Nothing,
        19 | 20 => Meaning::Other("JSON"),
        _ => Meaning::Other("values of an unknown annotation"),
    }
}
