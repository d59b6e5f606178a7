//! Publishing: bad tables go nowhere, a good one is published once.

use std::{fs, path::Path};

use atoll_devnet::{Market, sample};
use serde_json::json;

use crate::refused::{Refused, market_without_runner, refused, text};

/// A table of 60 rows with one cell replaced.
fn table(path: &Path, row: usize, column: usize, cell: &str) {
    let mut csv = String::from("size,weight,kind\n");
    for i in 1..=60 {
        let mut cells = [format!("{}", i % 7), format!("{}.5", i % 11), ["a", "b"][i % 2].to_owned()];
        if i == row {
            cells[column] = cell.to_owned();
        }
        csv.push_str(&format!("{}\n", cells.join(",")));
    }
    fs::write(path, csv).unwrap();
}

async fn publish(market: &Market, path: &Path, more: &[&str]) -> Refused {
    let token = market.test_dollar().to_string();
    let path = path.to_string_lossy();
    let mut arguments = vec!["publish", &path, "--name", "Bad", "--license", "CC0-1.0", "--price", "1"];
    arguments.extend(["--payment-token", &token]);
    arguments.extend(more);
    refused(&market.publisher, &arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_table_is_told_by_row_and_column_and_nothing_is_uploaded() {
    let market = market_without_runner().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.csv");
    let columns = dir.path().join("columns.json");
    let declared = r#"[{"name": "size", "type": {"kind": "number", "min": 0, "max": 10}},
        {"name": "weight", "type": {"kind": "number", "min": 0, "max": 20}},
        {"name": "kind", "type": {"kind": "category", "values": ["a", "b"]}}]"#;
    fs::write(&columns, declared).unwrap();
    let declared = ["--columns", columns.to_str().unwrap()];

    for more in [&declared[..], &[]] {
        table(&path, 7, 1, "");
        publish(&market, &path, more).await.says(3, &["row 7 (line 8)", "`weight`", "missing", "nothing was uploaded"]);
        table(&path, 9, 0, "large");
        publish(&market, &path, more).await.says(3, &["row 9 (line 10)", "`size`", "`large` is not a number"]);
    }
    table(&path, 3, 2, "c");
    publish(&market, &path, &declared).await.says(3, &["row 3 (line 4)", "`kind`", "`c` is not a declared category"]);
    table(&path, 0, 0, "");
    publish(&market, &path, &["--min-rows", "61"]).await.says(3, &["60 rows", "--min-rows"]);
    publish(&market, &path, &["--target", "colour"])
        .await
        .says(3, &["`colour`", "no column that can be predicted", "size, weight, kind"]);
    publish(&market, &path, &["--provider-wallet", "0x0000000000000000000000000000000000000001"]).await.says(2, &[]);

    let found = market.buyer.atoll(&["search"]).await.unwrap();
    assert_eq!(found["assets"].as_array().unwrap().len(), 0);
    let stored = fs::read_dir(market.server.storage().join("pieces")).map_or(0, Iterator::count);
    assert_eq!(stored, 0, "ciphertext of a refused table is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_with_the_same_salt_publishes_nothing_twice() {
    let market = market_without_runner().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.csv");
    table(&path, 0, 0, "");
    let (token, path) = (market.test_dollar().to_string(), path.to_string_lossy().into_owned());
    let salt = format!("0x{}", "5a".repeat(32));
    let arguments = [
        "publish",
        &path,
        "--name",
        "Small stones",
        "--license",
        "CC0-1.0",
        "--price",
        "0.25",
        "--payment-token",
        &token,
        "--salt",
        &salt,
        "--sample-rows",
        "2",
        "--keywords",
        "stones",
        "--target",
        "kind",
    ];
    let first = market.publisher.atoll(&arguments).await.unwrap();
    let second = market.publisher.atoll(&arguments).await.unwrap();
    assert_eq!(first["asset"], second["asset"]);
    assert_eq!(first["transaction"], second["transaction"]);
    assert_eq!(first["metadata_hash"], second["metadata_hash"]);
    assert_eq!(first["price"]["amount"], "250000");

    let found = market.buyer.atoll(&["search", "stones"]).await.unwrap();
    let assets = found["assets"].as_array().unwrap();
    assert_eq!(assets.len(), 1, "{found}");
    assert_eq!(assets[0]["id"], first["asset"]);
    let section = &assets[0]["metadata"]["atoll:market"];
    assert_eq!(section["sample_rows"], json!([["1", "1.5", "b"], ["2", "2.5", "a"]]));
    assert_eq!(section["columns"][0]["type"], json!({"kind": "number", "min": 0, "max": 6}));
    let fields = assets[0]["metadata"]["recordSet"][0]["field"].as_array().unwrap();
    let types: Vec<_> = fields.iter().map(|field| field["dataType"].clone()).collect();
    assert_eq!(types, [json!("sc:Float"), json!("sc:Float"), json!(["sc:Text", "cr:Label"])]);

    // Another wallet's asset of the same salt is another asset.
    let other = market.provider.atoll(&arguments).await.unwrap();
    assert_ne!(other["asset"], first["asset"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_ciphertext_of_the_published_hash() {
    let market = market_without_runner().await;
    let published = sample::publish(&market).await.unwrap();
    let asset = market.buyer.atoll(&["search", "breast"]).await.unwrap()["assets"][0].clone();
    assert_eq!(asset["id"], published["asset"]);
    let content = &asset["metadata"]["atoll:market"]["content"];
    let plain = fs::read_to_string(sample::table()).unwrap();
    let rows: Vec<&str> = plain.lines().skip(1).step_by(100).collect();
    let mut files = vec![market.server.storage()];
    let mut sizes = Vec::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let stored = fs::read(path).unwrap();
            sizes.push(stored.len() as u64);
            for row in &rows {
                assert!(!stored.windows(row.len()).any(|window| window == row.as_bytes()), "a row is stored in clear");
            }
        }
    }
    assert_eq!(sizes, [content["ciphertext_bytes"].as_u64().unwrap()], "{}", text(&published, "asset"));
}
