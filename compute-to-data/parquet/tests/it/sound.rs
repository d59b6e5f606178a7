//! Every type in every encoding, compression and version is read back as it was written.

use atoll_parquet::{Error, Kind, Table, Value};
use parquet::{
    basic::{Compression, Encoding, GzipLevel},
    file::properties::{EnabledStatistics, WriterProperties, WriterVersion},
};

use crate::writing::{Cells, write};

/// Rows of the tables here: some pages, some groups, and no round number.
const ROWS: usize = 2_347;

/// The same numbers on every machine.
fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// A column as it is read.
fn read(file: &[u8], column: usize) -> atoll_parquet::Result<Cells> {
    let mut table = Table::open(file).unwrap();
    let kind = table.columns()[column].kind;
    let mut cells = Vec::new();
    table.read(column, |value| {
        cells.push(match value {
            Value::Missing => None,
            Value::Bytes(bytes) => Some(Err(bytes.to_vec())),
            value => Some(Ok(value.number().unwrap())),
        });
        Ok(())
    })?;
    Ok(match kind {
        Kind::Text | Kind::Bytes => Cells::Bytes(cells.into_iter().map(|c| c.map(|c| c.unwrap_err())).collect()),
        Kind::Fixed(_) => Cells::Fixed(cells.into_iter().map(|c| c.map(|c| c.unwrap_err())).collect()),
        _ => Cells::Double(cells.into_iter().map(|c| c.map(|c| c.unwrap())).collect()),
    })
}

/// As all numbers are read: as those of 64 bits.
fn as_read(cells: &Cells) -> Cells {
    fn doubles<T: Copy>(cells: &[Option<T>], number: impl Fn(T) -> f64) -> Cells {
        Cells::Double(cells.iter().map(|cell| cell.map(&number)).collect())
    }
    match cells {
        Cells::Boolean(cells) => doubles(cells, |v| f64::from(u8::from(v))),
        Cells::Int32(cells) => doubles(cells, f64::from),
        Cells::Int64(cells) => doubles(cells, |v| v as f64),
        Cells::Float(cells) => doubles(cells, f64::from),
        other => other.clone(),
    }
}

const SCHEMA: &str = "message table {
    required boolean truth; optional boolean perhaps;
    required int32 small; optional int64 large; required int64 steps;
    required float single; optional double number;
    required binary text (UTF8); optional binary bytes;
    required fixed_len_byte_array(5) five; optional fixed_len_byte_array(300) image;
}";

fn columns(seed: u64) -> Vec<Cells> {
    let mut next = random(seed);
    let mut cells = |missing: bool| -> Vec<Option<u64>> {
        let mut run = 0;
        (0..ROWS)
            .map(|_| {
                // Runs of missing values and single ones.
                run = if run > 0 {
                    run - 1
                } else if next().is_multiple_of(50) {
                    next() % 40
                } else {
                    0
                };
                let value = next();
                (!missing || (run == 0 && !value.is_multiple_of(3))).then_some(value)
            })
            .collect()
    };
    fn all<T>(cells: Vec<Option<u64>>, value: impl Fn(u64) -> T) -> Vec<Option<T>> {
        cells.into_iter().map(|cell| cell.map(&value)).collect()
    }
    let text =
        |v: u64| "abcdefghij".repeat(1 + (v % 7) as usize)[..(v % 61) as usize % 10 + (v % 7) as usize * 10].into();
    let fixed = |length: usize| move |v: u64| (0..length).map(|i| (v >> (i % 8 * 8)) as u8 & 3).collect::<Vec<u8>>();
    vec![
        Cells::Boolean(all(cells(false), |v| v % 2 == 0)),
        Cells::Boolean(all(cells(true), |v| v % 16 != 0)),
        Cells::Int32(all(cells(false), |v| v as i32)),
        Cells::Int64(all(cells(true), |v| v as i64)),
        Cells::Int64(all(cells(false), |v| (v % 1_000) as i64 - 500)),
        Cells::Float(all(cells(false), |v| f32::from_bits(v as u32 & 0xbfff_ffff))),
        Cells::Double(all(cells(true), |v| (v % 10_000) as f64 / 7.0)),
        Cells::Bytes(all(cells(false), text)),
        Cells::Bytes(all(cells(true), |v| vec![v as u8; (v % 300) as usize])),
        Cells::Fixed(all(cells(false), fixed(5))),
        Cells::Fixed(all(cells(true), fixed(300))),
    ]
}

#[test]
fn everything_that_is_written_is_read_back() {
    let columns = columns(1);
    let encodings: [&[Encoding]; 11] = [
        &[Encoding::PLAIN, Encoding::RLE],
        &[Encoding::PLAIN, Encoding::RLE],
        &[Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT],
        &[Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT],
        &[Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT],
        &[Encoding::PLAIN, Encoding::BYTE_STREAM_SPLIT],
        &[Encoding::PLAIN, Encoding::BYTE_STREAM_SPLIT],
        &[Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY],
        &[Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY],
        &[Encoding::PLAIN, Encoding::DELTA_BYTE_ARRAY, Encoding::BYTE_STREAM_SPLIT],
        &[Encoding::PLAIN, Encoding::DELTA_BYTE_ARRAY, Encoding::BYTE_STREAM_SPLIT],
    ];
    let names = ["truth", "perhaps", "small", "large", "steps", "single", "number", "text", "bytes", "five", "image"];
    let mut files = 0;
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(GzipLevel::default())] {
            for choice in 0..4 {
                let mut properties = WriterProperties::builder()
                    .set_writer_version(version)
                    .set_compression(compression)
                    // The last choice is a dictionary, which becomes full for the long columns.
                    .set_dictionary_enabled(choice == 3)
                    .set_dictionary_page_size_limit(2_000)
                    .set_write_page_header_statistics(choice % 2 == 0)
                    .set_statistics_enabled(EnabledStatistics::Page)
                    .set_statistics_truncate_length(None)
                    .set_write_batch_size(100)
                    .set_data_page_row_count_limit(311)
                    .set_max_row_group_row_count(Some([1_000, ROWS][choice % 2]));
                for (name, encodings) in names.iter().zip(encodings) {
                    if choice < 3 {
                        properties =
                            properties.set_column_encoding((*name).into(), encodings[choice % encodings.len()]);
                    }
                }
                let file = write(SCHEMA, properties.build(), &columns);
                assert_eq!(Table::open(&file[..]).unwrap().rows(), ROWS as u64);
                for (place, cells) in columns.iter().enumerate() {
                    let name = names[place];
                    let found = read(&file, place);
                    let same = found.as_ref() == Ok(&as_read(cells));
                    assert!(same, "{name}: {version:?}, {compression:?}, choice {choice}: {:?}", found.err());
                }
                files += 1;
            }
        }
    }
    assert_eq!(files, 24);
}

#[test]
fn types_and_annotations_say_what_values_are() {
    let schema = "message table {
        required int32 a; required int32 b (INTEGER(16, true)); required int32 c (INTEGER(32, false));
        required int64 d (UINT_64); required int32 e (DECIMAL(9, 2)); required int64 f (DECIMAL(18, 4));
        required int32 g (DATE); required int64 h (TIMESTAMP(MILLIS, true)); required binary i (ENUM);
        required binary j (JSON); required binary k (STRING); required binary l;
        required fixed_len_byte_array(16) m (UUID); required fixed_len_byte_array(9) n (DECIMAL(20, 2));
        required fixed_len_byte_array(12) o; optional double p;
    }";
    let bytes = |length: usize| Cells::Fixed(vec![Some(vec![1; length])]);
    let (int32, int64) = (|v| Cells::Int32(vec![Some(v)]), |v| Cells::Int64(vec![Some(v)]));
    let text = || Cells::Bytes(vec![Some(b"x".to_vec())]);
    let columns = [
        int32(-1),
        int32(-2),
        int32(-3),
        int64(-4),
        int32(-1234),
        int64(123_456_789),
        int32(1),
        int64(1),
        text(),
        text(),
        text(),
        text(),
        bytes(16),
        bytes(9),
        bytes(12),
        Cells::Double(vec![None]),
    ];
    let file = write(schema, WriterProperties::builder().build(), &columns);
    let mut table = Table::open(&file[..]).unwrap();
    let kinds: Vec<Kind> = table.columns().iter().map(|column| column.kind).collect();
    let dates = Kind::Other("dates and times");
    use Kind::{Bytes, Decimal, Fixed, Integer, Other, Real, Text};
    let expected = [
        [Integer, Integer, Integer, Integer],
        [Decimal(2), Decimal(4), dates, dates],
        [Text, Other("JSON"), Text, Bytes],
        [Other("UUIDs"), Other("decimal numbers of more than 64 bits"), Fixed(12), Real],
    ];
    assert_eq!(kinds, expected.concat());
    let mut first = |column: usize| {
        let mut number = None;
        let read = table.read(column, |value| {
            number = value.number();
            Ok(())
        });
        read.map(|()| number)
    };
    for (column, expected) in
        [(0, -1.0), (1, -2.0), (2, 4_294_967_293.0), (3, 1.844_674_407_370_955_2e19), (4, -12.34), (5, 12_345.678_9)]
    {
        assert_eq!(first(column), Ok(Some(expected)), "column {column}");
    }
    assert_eq!(first(6), Err(Error::Unsupported("dates and times")));
    assert_eq!(first(15), Ok(None));
}

#[test]
fn who_asks_may_stop() {
    let file = write(SCHEMA, WriterProperties::builder().build(), &columns(2));
    let mut seen = 0;
    let ended = Table::open(&file[..]).unwrap().read(2, |_| {
        seen += 1;
        if seen == 10 { Err(Error::Ended) } else { Ok(()) }
    });
    assert_eq!((ended, seen), (Err(Error::Ended), 10));
}
