use std::sync::Arc;

use ::parquet::{
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, Int32Type},
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::parser::parse_message_type,
};
use serde_json::{Value as Json, json};

use super::{super::Fault, *};

type Write<'a> = &'a dyn Fn(&mut SerializedColumnWriter<'_>);

/// Columns, each by its declaration in the schema and what writes it.
fn file(columns: &[(&str, Write<'_>)]) -> Vec<u8> {
    let schema: String = columns.iter().map(|(schema, _)| format!("{schema};")).collect();
    let schema = Arc::new(parse_message_type(&format!("message table {{ {schema} }}")).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut rows = file.next_row_group().unwrap();
    for (_, write) in columns {
        let mut column = rows.next_column().unwrap().unwrap();
        write(&mut column);
        column.close().unwrap();
    }
    rows.close().unwrap();
    file.into_inner().unwrap()
}

fn put<T: DataType>(values: Vec<T::T>) -> impl Fn(&mut SerializedColumnWriter<'_>) {
    let there = vec![1; values.len()];
    move |writer| {
        writer.typed::<T>().write_batch(&values, Some(&there), None).unwrap();
    }
}

fn texts(texts: &[&str]) -> impl Fn(&mut SerializedColumnWriter<'_>) + use<> {
    put::<ByteArrayType>(texts.iter().map(|&text| text.into()).collect())
}

fn declared(columns: Json) -> Vec<Column> {
    serde_json::from_value(columns).unwrap()
}

fn number(name: &str) -> Json {
    json!({"name": name, "type": {"kind": "number", "min": 0.0, "max": 10.0}})
}

fn category(name: &str, values: &[&str]) -> Json {
    json!({"name": name, "type": {"kind": "category", "values": values}})
}

fn faults(found: Result<impl Sized, TableErrors>) -> Vec<String> {
    match found {
        Err(TableErrors::Faults { faults, .. }) => faults.iter().map(Fault::to_string).collect(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nothing is wrong"),
    }
}

fn check(file: &[u8], columns: Json) -> Result<Checked, TableErrors> {
    super::check(&file, B256::ZERO, &declared(columns), 2)
}

#[test]
fn a_good_table_gives_rows_and_a_sample_with_images_as_base64() {
    let picture = |bytes: &[u8]| ByteArray::from(bytes.to_vec()).into();
    let file = file(&[
        ("required double size", &put::<DoubleType>(vec![0.1, 2.0, 3.0])),
        ("required int32 count (INTEGER(8, false))", &put::<Int32Type>(vec![1, 2, 200])),
        ("required boolean sick", &put::<BoolType>(vec![true, false, true])),
        ("optional binary kind (STRING)", &texts(&["a", "b", "a"])),
        (
            "required fixed_len_byte_array(4) picture",
            &put::<FixedLenByteArrayType>(vec![picture(&[0, 1, 2, 3]), picture(&[255; 4]), picture(&[9; 4])]),
        ),
    ]);
    let image = json!({"name": "picture", "type": {"kind": "image", "height": 2, "width": 2, "channels": 1}});
    let columns = json!([
        number("size"),
        number("count"),
        category("sick", &["false", "true"]),
        category("kind", &["a", "b"]),
        image
    ]);
    let checked = check(&file, columns).unwrap();
    assert_eq!((checked.rows, checked.format), (3, MediaType::Parquet));
    assert_eq!(checked.sample, [["0.1", "1", "true", "a", "AAECAw=="], ["2", "2", "false", "b", "/////w=="]]);
}

#[test]
fn what_is_wrong_is_told_by_row_and_column() {
    let gaps: Write<'_> = &|writer| {
        writer.typed::<DoubleType>().write_batch(&[1.0, f64::NAN], Some(&[1, 0, 1]), None).unwrap();
    };
    let file = file(&[("optional double size", gaps), ("required binary kind (STRING)", &texts(&["a", "c", " "]))]);
    let found = faults(check(&file, json!([number("size"), category("kind", &["a", "b"])])));
    assert_eq!(found[0], format!("row 2, column `size`: {MISSING}"));
    assert_eq!(found[1], "row 3, column `size`: `NaN` is not a number; correct it");
    assert!(found[2].starts_with("row 2, column `kind`: `c` is not a declared category"), "{}", found[2]);
    assert_eq!(found[3], format!("row 3, column `kind`: {MISSING}"));

    let found = faults(check(&file, json!([category("size", &["1", "2"]), number("kind")])));
    assert!(found[0].contains("declared as a category and holds numbers with fractions"), "{}", found[0]);
    assert!(found[1].contains("declared as a number and holds texts"), "{}", found[1]);
    let found = faults(check(&file, json!([category("kind", &["a", "b"]), number("size")])));
    assert!(found[0].contains("another order"), "{}", found[0]);
    let found = faults(check(&file, json!([number("size"), number("sort")])));
    assert!(found[0].contains("`kind`: is in the table") && found[1].contains("`sort`: is declared"), "{found:?}");
}

#[test]
fn images_of_another_size_are_faults() {
    let pictures = [vec![0; 6], vec![0; 5]].map(ByteArray::from).to_vec();
    let file = file(&[("required binary picture", &put::<ByteArrayType>(pictures))]);
    let image = |width: u32| json!([{"name": "picture", "type": {"kind": "image", "height": 2, "width": width, "channels": 1}}]);
    let found = faults(check(&file, image(3)));
    assert_eq!(found, ["row 2, column `picture`: the image has 5 bytes and not 6; scale it to the declared size"]);
    let found = faults(infer(&&file[..], Named::default()));
    assert!(found[0].contains("declare their height, width and channels with --columns"), "{}", found[0]);
}

#[test]
fn columns_are_inferred_by_their_types() {
    let good = file(&[
        ("required double size", &put::<DoubleType>(vec![7.0, 28.1, 9.0])),
        ("required int32 grade", &put::<Int32Type>(vec![1, 2, 1])),
        ("required boolean sick", &put::<BoolType>(vec![true, false, true])),
        ("required binary kind (STRING)", &texts(&["b", "a", "1"])),
    ]);
    let columns = infer(&&good[..], Named { categories: &["grade".to_owned()], ..Named::default() }).unwrap();
    let kinds = serde_json::to_value(columns.iter().map(|column| &column.kind).collect::<Vec<_>>()).unwrap();
    let expected = json!([
        {"kind": "number", "min": 0.0, "max": 30.0},
        {"kind": "category", "values": ["1", "2"]},
        {"kind": "category", "values": ["false", "true"]},
        {"kind": "category", "values": ["1", "a", "b"]},
    ]);
    assert_eq!(kinds, expected);
    let columns = infer(&&good[..], Named::default()).unwrap();
    assert_eq!(columns[1].kind, ColumnKind::Number { min: 1.0, max: 2.0 });

    let bad = file(&[
        ("required double size", &put::<DoubleType>(vec![7.0, f64::INFINITY])),
        ("required int32 day (DATE)", &put::<Int32Type>(vec![1, 2])),
    ]);
    let found = faults(infer(&&bad[..], Named { categories: &["nothing".to_owned()], ..Named::default() }));
    assert!(found[0].contains("`nothing`: is named in --categories"), "{}", found[0]);
    assert!(found[1].contains("`inf` is not a number"), "{}", found[1]);
    assert!(found[2].contains("holds dates and times"), "{}", found[2]);
    let found = faults(infer(&&bad[..], Named { categories: &["size".to_owned()], ..Named::default() }));
    assert!(found[0].contains("fractions, which are no categories"), "{}", found[0]);
}

#[test]
fn a_file_is_parquet_by_its_start_or_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes, expected) in [
        ("a.csv", &b"x,y\n"[..], MediaType::Csv),
        ("b.csv", b"PAR1...", MediaType::Parquet),
        ("c", b"PAR1", MediaType::Parquet),
        ("d.parquet", b"x,y\n", MediaType::Parquet),
        ("e.PARQUET", b"", MediaType::Parquet),
        ("f", b"PA", MediaType::Csv),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(super::super::format(&path).unwrap(), expected, "{name}");
    }
    assert!(super::super::format(&dir.path().join("nowhere")).is_err());
    let text = check(b"x,y\n1,2\n3,4\n", json!([number("x")])).unwrap_err().to_string();
    assert!(text.contains("nothing was uploaded. In Parquet, the file is not sound"), "{text}");
}

#[test]
fn a_file_on_disk_is_read_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.parquet");
    std::fs::write(&path, file(&[("required binary kind (STRING)", &texts(&["b", "a"]))])).unwrap();
    let columns = infer(&OnDisk::open(&path).unwrap(), Named::default()).unwrap();
    assert_eq!(columns[0].name, "kind");
    assert!(OnDisk::open(&dir.path().join("nowhere")).is_err());
}
