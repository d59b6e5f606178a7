//! Parquet against CSV: the same values are the same matrix, and the same model.

use std::sync::Arc;

use atoll_protocol::{
    document::{Column, ColumnKind, Image, MediaType},
    job::{JobSpec, Optimizer, SplitBy, Task},
};
use parquet::{
    basic::Compression,
    data_type::{
        BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
        Int64Type, Int96Type,
    },
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::parser::parse_message_type,
};

use super::*;
use crate::plan::Plan;
use crate::{
    sample::{
        cancer_columns, cancer_csv, cancer_spec, category, inputs, number, perceptron, plaintext, read_as, run, run_as,
        spec,
    },
    table::Targets,
};

type Write<'a> = &'a dyn Fn(&mut SerializedColumnWriter<'_>);

/// A file of one group of rows, each column written by one of these.
fn file(schema: &str, properties: WriterProperties, columns: &[Write<'_>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message table {{ {schema} }}")).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut rows = file.next_row_group().unwrap();
    for write in columns {
        let mut column = rows.next_column().unwrap().unwrap();
        write(&mut column);
        column.close().unwrap();
    }
    rows.close().unwrap();
    file.into_inner().unwrap()
}

/// Writes these values, of which none is missing.
fn put<T: DataType>(values: impl Into<Vec<T::T>>) -> impl Fn(&mut SerializedColumnWriter<'_>) {
    let values = values.into();
    // An optional column wants to know that each is there; to a required one it is no news.
    let there = vec![1; values.len()];
    move |writer| {
        writer.typed::<T>().write_batch(&values, Some(&there), None).unwrap();
    }
}

fn texts(texts: &[&str]) -> impl Fn(&mut SerializedColumnWriter<'_>) + use<> {
    put::<ByteArrayType>(texts.iter().map(|&text| text.into()).collect::<Vec<_>>())
}

fn plain() -> WriterProperties {
    WriterProperties::builder().build()
}

#[test]
fn a_training_on_parquet_gives_the_model_of_the_same_training_on_csv() {
    let csv = cancer_csv();
    let mut spec = cancer_spec(perceptron(&[16, 2]));
    spec.training.epochs = 4;
    let (report, model) = run(&spec, &cancer_columns(), &csv).unwrap();

    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let names = cancer_columns().into_iter().map(|column| column.name).collect::<Vec<_>>();
    let mut schema: String = names[..30].iter().map(|name| format!("required double {name};")).collect();
    schema += &format!("optional binary {} (STRING);", names[30]);
    let numbers = |column: usize| rows.iter().map(|row| row[column].parse().unwrap()).collect::<Vec<f64>>();
    let numbers: Vec<_> = (0..30).map(|column| put::<DoubleType>(numbers(column))).collect();
    let classes = texts(&rows.iter().map(|row| row[30]).collect::<Vec<_>>());
    let mut writes: Vec<Write<'_>> = numbers.iter().map(|write| write as Write<'_>).collect();
    writes.push(&classes);
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
        let properties = WriterProperties::builder().set_compression(compression).build();
        let bytes = file(&schema, properties, &writes);
        let (same_report, same_model) = run_as(MediaType::Parquet, &spec, &cancer_columns(), &bytes).unwrap();
        assert!(same_model == model, "another model out of {compression:?}");
        assert_eq!(same_report, report);
    }
}

#[test]
fn a_column_says_which_rows_are_held_out_in_either_format() {
    let columns = [number("a", 0.0, 10.0), category("t", &["no", "yes"]), category("part", &["1", "2"])];
    let mut job = spec(&["a"], "t", Task::BinaryClassification, perceptron(&[2]), SGD);
    (job.split.by, job.split.test_fraction) =
        (Some(SplitBy { column: "part".to_owned(), test: vec!["2".to_owned()] }), 0.0);
    let rows = 90;
    let (labels, parts) = (|row: usize| ["no", "yes"][row % 2], |row: usize| 1 + i64::from(row % 3 == 1));
    let csv: String = (0..rows).map(|row| format!("{},{},{}\n", row % 10, labels(row), parts(row))).collect();
    let expected = run(&job, &columns, &format!("a,t,part\n{csv}")).unwrap();
    assert_eq!((expected.0.train_rows, expected.0.test_rows), (60, 30));
    let bytes = |parts: &dyn Fn(usize) -> i64| {
        let numbers = put::<DoubleType>((0..rows).map(|row| (row % 10) as f64).collect::<Vec<_>>());
        let classes = texts(&(0..rows).map(labels).collect::<Vec<_>>());
        let parts = put::<Int64Type>((0..rows).map(parts).collect::<Vec<_>>());
        let schema = "required double a; required binary t (STRING); required int64 part;";
        file(schema, plain(), &[&numbers, &classes, &parts])
    };
    assert!(run_as(MediaType::Parquet, &job, &columns, bytes(&parts)).unwrap() == expected);
    let unknown = FailureCode::UnknownCategory { column: "part".to_owned() };
    assert_eq!(run_as(MediaType::Parquet, &job, &columns, bytes(&|_| 3)).err(), Some(unknown));
}

const SGD: Optimizer = Optimizer::Sgd { learning_rate: 0.1, momentum: 0.0, weight_decay: 0.0 };

fn columns() -> Vec<Column> {
    vec![
        number("a", 0.0, 10.0),
        category("kind", &["x", "y", "z"]),
        number("unused", 0.0, 1.0),
        category("t", &["false", "true"]),
    ]
}

fn job() -> JobSpec {
    spec(&["kind", "a"], "t", Task::BinaryClassification, perceptron(&[2]), SGD)
}

/// Three rows of the columns above, of which one is written as it is given.
fn three(place: usize, schema: &str, write: Write<'_>) -> Vec<u8> {
    let mut schemas =
        ["required double a;", "required binary kind (STRING);", "required int96 unused;", "required boolean t;"];
    schemas[place] = schema;
    let unused = [parquet::data_type::Int96::new(); 3];
    let mut writes: [Write<'_>; 4] = [
        &put::<DoubleType>([0.0, 5.0, 15.0]),
        &texts(&["z", "x", "y"]),
        &put::<Int96Type>(unused),
        &put::<BoolType>([true, false, true]),
    ];
    writes[place] = write;
    file(&schemas.concat(), plain(), &writes)
}

fn reading(bytes: &[u8]) -> Result<(Vec<f32>, Vec<u32>), FailureCode> {
    let (_, table) = read_as(MediaType::Parquet, &job(), &columns(), bytes)?;
    let Targets::Classes(classes) = table.targets(&[0, 1, 2]) else { panic!("a category is a class") };
    Ok((inputs(&table, &[0, 1, 2]), classes))
}

const EXPECTED: [[f32; 4]; 3] = [[0.0, 0.0, 1.0, -1.0], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0]];

#[test]
fn numbers_and_categories_come_from_every_type_that_can_hold_them() {
    let expected = Ok((EXPECTED.concat(), vec![1, 0, 1]));
    let doubles: Write<'_> = &put::<DoubleType>([0.0, 5.0, 15.0]);
    assert_eq!(reading(&three(0, "required double a;", doubles)), expected);
    let small: Write<'_> = &put::<Int32Type>([-3, 5, 15]);
    for schema in ["required int32 a;", "required int32 a (INTEGER(8, true));"] {
        assert_eq!(reading(&three(0, schema, small)), expected, "{schema}");
    }
    let large: Write<'_> = &put::<Int64Type>([0, 5, i64::MAX]);
    for schema in ["required int64 a;", "optional int64 a;"] {
        assert_eq!(reading(&three(0, schema, large)), expected, "{schema}");
    }
    let cents: Write<'_> = &put::<Int64Type>([-1, 500, 1_234]);
    assert_eq!(reading(&three(0, "required int64 a (DECIMAL(18, 2));", cents)), expected);

    let names: Write<'_> = &texts(&["z", "x", "y"]);
    assert_eq!(reading(&three(1, "required binary kind;", names)), expected, "not annotated");

    // The text of a whole number, as CSV would have it.
    let numbered = vec![number("a", 0.0, 10.0), category("n", &["-7", "0", "18446744073709551609"])];
    let job = spec(&["a"], "n", Task::MulticlassClassification, perceptron(&[3]), SGD);
    for (schema, expected) in [("int64 n", [0, 1]), ("int64 n (INTEGER(64, false))", [2, 1])] {
        let bytes = file(
            &format!("required boolean a; required {schema};"),
            plain(),
            &[&put::<BoolType>([true, false]), &put::<Int64Type>([-7, 0])],
        );
        let (_, table) = read_as(MediaType::Parquet, &job, &numbered, bytes).unwrap();
        let Targets::Classes(classes) = table.targets(&[0, 1]) else { panic!("a category is a class") };
        assert_eq!(classes, expected, "{schema}");
        assert_eq!(inputs(&table, &[0, 1]), [-0.8, -1.0]);
    }
}

#[test]
fn says_which_column_is_wrong_and_how() {
    let missing = |column: &str| FailureCode::MissingValue { column: column.to_owned() };
    let gaps: Write<'_> = &|writer| {
        writer.typed::<DoubleType>().write_batch(&[1.0, 2.0], Some(&[1, 0, 1]), None).unwrap();
    };
    assert_eq!(reading(&three(0, "optional double a;", gaps)), Err(missing("a")));
    let blank: Write<'_> = &texts(&["x", " ", "y"]);
    assert_eq!(reading(&three(1, "required binary kind (STRING);", blank)), Err(missing("kind")));
    let other: Write<'_> = &texts(&["x", "w", "y"]);
    let unknown = FailureCode::UnknownCategory { column: "kind".to_owned() };
    assert_eq!(reading(&three(1, "required binary kind (STRING);", other)), Err(unknown));
    for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let write: Write<'_> = &put::<DoubleType>([1.0, none, 2.0]);
        let error = FailureCode::NotANumber { column: "a".to_owned() };
        assert_eq!(reading(&three(0, "required double a;", write)), Err(error), "{none}");
    }
}

#[test]
fn columns_of_another_name_order_or_type_are_not_the_declared_ones() {
    let differ = Err(FailureCode::ColumnsDiffer);
    let words: Write<'_> = &texts(&["1", "2", "3"]);
    assert_eq!(reading(&three(0, "required binary a (STRING);", words)), differ);
    let days: Write<'_> = &put::<Int32Type>([1, 2, 3]);
    assert_eq!(reading(&three(0, "required int32 a (DATE);", days)), differ);
    let doubles: Write<'_> = &put::<DoubleType>([1.0, 2.0, 3.0]);
    assert_eq!(reading(&three(0, "required double b;", doubles)), differ);
    assert_eq!(reading(&three(1, "required double kind;", doubles)), differ);
    let mut swapped = columns();
    swapped.swap(0, 2);
    let bytes = three(0, "required double a;", doubles);
    assert_eq!(read_as(MediaType::Parquet, &job(), &swapped, &bytes).err(), Some(FailureCode::ColumnsDiffer));
    assert_eq!(read_as(MediaType::Parquet, &job(), &columns()[..3], &bytes).err().map(|_| ()), Some(()));
}

#[test]
fn rows_and_memory_are_bounded_before_anything_is_taken() {
    let doubles: Write<'_> = &put::<DoubleType>([0.0, 5.0, 15.0]);
    let bytes = plaintext(three(0, "required double a;", doubles));
    let plan = Plan::compile(&job(), &columns(), &[]).unwrap();
    let read = |rows, bytes_at_most| {
        Table::read(MediaType::Parquet, &plan.first, &bytes, &rows, bytes_at_most).map(|table| table.rows())
    };
    let needed = 3 * (4 + 1) * 4;
    assert_eq!(read(3..=3, needed), Ok(3));
    assert_eq!(read(3..=3, needed - 1), Err(FailureCode::MemoryLimit));
    assert_eq!(read(4..=4, needed), Err(FailureCode::TooFewRows));
    assert_eq!(read(1..=2, needed), Err(FailureCode::MalformedTable));
}

#[test]
fn an_image_is_its_bytes_from_the_top_each_divided_by_255() {
    let columns = vec![
        number("a", 0.0, 10.0),
        Column {
            name: "picture".to_owned(),
            kind: ColumnKind::Image(Image { height: 2, width: 1, channels: 3 }),
            description: None,
        },
        category("t", &["no", "yes"]),
    ];
    let job = spec(&["picture", "a"], "t", Task::BinaryClassification, perceptron(&[2]), SGD);
    let pictures: [&[u8]; 2] = [&[0, 51, 102, 153, 204, 255], &[255, 0, 0, 0, 0, 1]];
    let rest: [Write<'_>; 2] = [&put::<DoubleType>([5.0, 10.0]), &texts(&["no", "yes"])];
    let with = |schema: &str, write: Write<'_>| {
        let schema = format!("required double a; required {schema}; required binary t (STRING);");
        let bytes = file(&schema, plain(), &[rest[0], write, rest[1]]);
        read_as(MediaType::Parquet, &job, &columns, bytes).map(|(plan, table)| (plan, inputs(&table, &[0, 1])))
    };
    let expected = [[0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0, 1.0 / 255.0, 1.0]].concat();
    let fixed = |pictures: &[&[u8]]| -> Vec<FixedLenByteArray> {
        pictures.iter().map(|bytes| FixedLenByteArray::from(bytes.to_vec())).collect()
    };
    let (plan, inputs) =
        with("fixed_len_byte_array(6) picture", &put::<FixedLenByteArrayType>(fixed(&pictures))).unwrap();
    assert_eq!(inputs, expected);
    let told = plan.report_inputs();
    assert_eq!((plan.first.inputs, told.len()), (7, 2));
    assert_eq!(told[0].image, Some(Image { height: 2, width: 1, channels: 3 }));
    assert_eq!(told[0].scaling.map(|scaling| (scaling.offset, scaling.scale)), Some((0.0, 255.0)));

    let bytes = |pictures: &[&[u8]]| -> Vec<ByteArray> {
        pictures.iter().map(|bytes| ByteArray::from(bytes.to_vec())).collect()
    };
    let free =
        |pictures: &[&[u8]]| with("binary picture", &put::<ByteArrayType>(bytes(pictures))).map(|(_, inputs)| inputs);
    assert_eq!(free(&pictures), Ok(expected));
    assert_eq!(free(&[pictures[0], &pictures[1][..5]]), Err(FailureCode::MalformedTable));
    assert_eq!(free(&[pictures[0], &[0; 7]]), Err(FailureCode::MalformedTable));
    let five = fixed(&[&[0; 5], &[1; 5]]);
    let other_length = with("fixed_len_byte_array(5) picture", &put::<FixedLenByteArrayType>(five));
    assert_eq!(other_length.err(), Some(FailureCode::ColumnsDiffer));
    let text = with("binary picture (STRING)", &texts(&["abcdef", "ghijkl"]));
    assert_eq!(text.err(), Some(FailureCode::ColumnsDiffer));
    // In CSV there is nothing that it could be.
    let csv = read_as(MediaType::Csv, &job, &columns, "a,picture,t\n1,abcdef,no\n");
    assert_eq!(csv.err(), Some(FailureCode::ColumnsDiffer));
}
