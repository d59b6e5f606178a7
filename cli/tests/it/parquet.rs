//! Parquet against the real market: images are learnt from, and numbers as if they stood in CSV.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use atoll_devnet::{Market, Options, repository, sample};
use parquet::{
    data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, Int32Type},
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::parser::parse_message_type,
};
use serde_json::{Value, json};

use crate::refused::text;

/// The names and the rows of one of the project's own tables.
fn table(name: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let all = fs::read_to_string(repository::root().join("data").join(name)).unwrap();
    let mut lines = all.lines().map(|line| line.split(',').map(str::to_owned).collect());
    (lines.next().unwrap(), lines.collect())
}

type Write<'a> = Box<dyn Fn(&mut SerializedColumnWriter<'_>) + 'a>;

/// Writes one group of rows: each column's declaration, and what writes its values.
struct Writing<'a> {
    schema: String,
    columns: Vec<Write<'a>>,
}

impl<'a> Writing<'a> {
    fn new() -> Self {
        Self { schema: String::new(), columns: Vec::new() }
    }

    fn column<T: DataType>(mut self, declared: &str, values: Vec<T::T>) -> Self
    where
        T::T: 'a,
    {
        self.schema.push_str(&format!("required {declared};"));
        self.columns.push(Box::new(move |writer| {
            writer.typed::<T>().write_batch(&values, None, None).unwrap();
        }));
        self
    }

    fn into(self, path: &Path) {
        let schema = Arc::new(parse_message_type(&format!("message table {{ {} }}", self.schema)).unwrap());
        let properties = Arc::new(WriterProperties::builder().build());
        let mut file = SerializedFileWriter::new(fs::File::create(path).unwrap(), schema, properties).unwrap();
        let mut rows = file.next_row_group().unwrap();
        for write in &self.columns {
            let mut column = rows.next_column().unwrap().unwrap();
            write(&mut column);
            column.close().unwrap();
        }
        rows.close().unwrap();
        file.close().unwrap();
    }
}

/// Publishes a table, for nothing, and gives the asset's id.
async fn publish(market: &Market, table: &Path, columns: &Path) -> String {
    let (wallet, key) = (market.provider.address().to_string(), market.provider.public_key().to_string());
    let (table, columns) = (table.to_string_lossy(), columns.to_string_lossy());
    let mut arguments = vec!["publish", "--name", "A table", "--description", "Of a test", "--license", "CC-BY-4.0"];
    let token = market.test_dollar().to_string();
    arguments.extend(["--price", "0", "--payment-token", &token, "--min-rows", "200", "--sample-rows", "2", "--exact"]);
    arguments.extend(["--provider-wallet", &wallet, "--provider-key", &key, "--columns", &columns, &table]);
    text(&market.publisher.atoll(&arguments).await.unwrap(), "asset").to_owned()
}

/// Orders a job and waits for it. Gives the folder of its result.
async fn train(market: &Market, asset: &str, change: impl FnOnce(&mut Value), out: PathBuf) -> PathBuf {
    let spec = sample::spec(&market.buyer, asset, change).unwrap();
    let (_, submitted) = sample::order(&market.buyer, asset, &spec).await.unwrap();
    let job = text(&submitted, "job");
    let ended = market.buyer.follow(&["job", "watch", job], |_| {}).await.unwrap();
    assert_eq!(text(&ended, "status"), "completed", "{ended}");
    market.buyer.atoll(&["job", "fetch", job, "--out", &out.to_string_lossy()]).await.unwrap();
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn images_and_numbers_in_parquet_are_trained_on() {
    let market = Market::start(Options::default()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();

    // Handwritten digits: the sixty-four pixels of a row are one image of bytes.
    let (_, rows) = table("digits.csv");
    let (digits, declared) = (dir.path().join("digits.parquet"), dir.path().join("digits.json"));
    let pixels =
        |row: &Vec<String>| row[..64].iter().map(|shade| shade.parse::<u8>().unwrap() * 15).collect::<Vec<_>>();
    Writing::new()
        .column::<FixedLenByteArrayType>(
            "fixed_len_byte_array(64) picture",
            rows.iter().map(|row| ByteArray::from(pixels(row)).into()).collect(),
        )
        .column::<Int32Type>("int32 digit", rows.iter().map(|row| row[64].parse().unwrap()).collect())
        .into(&digits);
    let names: Vec<_> = (0..10).map(|digit| digit.to_string()).collect();
    let columns = json!([
        {"name": "picture", "type": {"kind": "image", "height": 8, "width": 8, "channels": 1}},
        {"name": "digit", "type": {"kind": "category", "values": names}},
    ]);
    fs::write(&declared, columns.to_string()).unwrap();
    let asset = publish(&market, &digits, &declared).await;
    let learn = |spec: &mut Value| {
        spec["task"] = json!("multiclass_classification");
        spec["data"] = json!({"asset": spec["data"]["asset"], "features": ["picture"], "target": "digit"});
        spec["layers"][2]["units"] = json!(10);
    };
    let result = train(&market, &asset, learn, dir.path().join("digits")).await;
    let report: Value = serde_json::from_slice(&fs::read(result.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["train_rows"].as_u64().unwrap() + report["test_rows"].as_u64().unwrap(), 1797, "{report}");
    assert!(report["test_accuracy"].as_f64().unwrap() > 0.93, "{report}");

    // A convolutional network, exactly and privately.
    let layers = json!([
        {"kind": "as_image", "height": 8, "width": 8, "channels": 1},
        {"kind": "conv2d", "channels": 16, "kernel": 3, "padding": 1},
        {"kind": "relu"},
        {"kind": "max_pool", "size": 2},
        {"kind": "flatten"},
        {"kind": "linear", "units": 10},
    ]);
    for private in [false, true] {
        let convolve = |spec: &mut Value| {
            learn(spec);
            (spec["task"], spec["layers"]) = (json!("image_classification"), layers.clone());
            spec["training"]["epochs"] = json!(8);
            if private {
                spec["privacy"] = json!({"noise_multiplier": 1.0, "clipping_norm": 1.0});
            }
        };
        let out = train(&market, &asset, convolve, dir.path().join(format!("convolved-{private}"))).await;
        let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
        let least = if private { 0.7 } else { 0.95 };
        assert!(report["test_accuracy"].as_f64().unwrap() > least, "{report}");
        let card = fs::read_to_string(out.join("model-card.md")).unwrap();
        assert!(card.contains("A convolutional network for image classification"), "{card}");
        assert_eq!(card.contains("Differentially private for a row"), private, "{card}");
    }

    // The same numbers in both forms give the same model, byte for byte.
    let (names, rows) = table("breast_cancer.csv");
    let (numbers, last) = (dir.path().join("cells.parquet"), names.len() - 1);
    let mut writing = Writing::new();
    for (at, name) in names[..last].iter().enumerate() {
        let values = rows.iter().map(|row| row[at].parse().unwrap()).collect();
        writing = writing.column::<DoubleType>(&format!("double {name}"), values);
    }
    let diagnoses = rows.iter().map(|row| row[last].as_str().into()).collect();
    writing.column::<ByteArrayType>("binary diagnosis (STRING)", diagnoses).into(&numbers);
    let columns = repository::root().join("data/demo/columns.json");
    let mut models = Vec::new();
    for (name, table) in [("parquet", &numbers), ("csv", &sample::table())] {
        let asset = publish(&market, table, &columns).await;
        let result = train(&market, &asset, |_| {}, dir.path().join(name)).await;
        models.push(fs::read(result.join("model.safetensors")).unwrap());
    }
    assert!(models[0] == models[1], "the two models differ");
}
