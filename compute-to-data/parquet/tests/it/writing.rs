//! Files as the `parquet` crate writes them.

use std::sync::Arc;

use parquet::{
    data_type::{
        BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
        Int32Type, Int64Type,
    },
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::parser::parse_message_type,
};

/// The values of a column, none where one is missing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cells {
    Boolean(Vec<Option<bool>>),
    Int32(Vec<Option<i32>>),
    Int64(Vec<Option<i64>>),
    Float(Vec<Option<f32>>),
    Double(Vec<Option<f64>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Fixed(Vec<Option<Vec<u8>>>),
}

/// A file of these columns, in groups of the properties' size.
pub(crate) fn write(schema: &str, properties: WriterProperties, columns: &[Cells]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let group = properties.max_row_group_row_count().unwrap_or(usize::MAX);
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let rows = columns[0].len();
    let mut from = 0;
    while from < rows {
        let to = rows.min(from.saturating_add(group));
        let mut rows = file.next_row_group().unwrap();
        for cells in columns {
            let mut writer = rows.next_column().unwrap().unwrap();
            cells.write(from, to, &mut writer);
            writer.close().unwrap();
        }
        rows.close().unwrap();
        from = to;
    }
    file.into_inner().unwrap()
}

impl Cells {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Boolean(cells) => cells.len(),
            Self::Int32(cells) => cells.len(),
            Self::Int64(cells) => cells.len(),
            Self::Float(cells) => cells.len(),
            Self::Double(cells) => cells.len(),
            Self::Bytes(cells) | Self::Fixed(cells) => cells.len(),
        }
    }

    fn write(&self, from: usize, to: usize, writer: &mut SerializedColumnWriter<'_>) {
        fn put<T: DataType, C: Clone>(
            cells: &[Option<C>],
            writer: &mut SerializedColumnWriter<'_>,
            value: impl Fn(C) -> T::T,
        ) {
            let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
            let values: Vec<T::T> = cells.iter().flatten().cloned().map(value).collect();
            writer.typed::<T>().write_batch(&values, Some(&levels), None).unwrap();
        }
        let fixed = |bytes: Vec<u8>| FixedLenByteArray::from(bytes);
        match self {
            Self::Boolean(cells) => put::<BoolType, _>(&cells[from..to], writer, |value| value),
            Self::Int32(cells) => put::<Int32Type, _>(&cells[from..to], writer, |value| value),
            Self::Int64(cells) => put::<Int64Type, _>(&cells[from..to], writer, |value| value),
            Self::Float(cells) => put::<FloatType, _>(&cells[from..to], writer, |value| value),
            Self::Double(cells) => put::<DoubleType, _>(&cells[from..to], writer, |value| value),
            Self::Bytes(cells) => put::<ByteArrayType, _>(&cells[from..to], writer, ByteArray::from),
            Self::Fixed(cells) => put::<FixedLenByteArrayType, _>(&cells[from..to], writer, fixed),
        }
    }
}
