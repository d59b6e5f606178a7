//! A job that its provider runs again: the same model, or the reason why it can not be.

use std::{fs, io::Write};

use alloy::{
    primitives::B256,
    signers::{SignerSync, local::PrivateKeySigner},
};
use atoll_devnet::{Market, Options, repository, sample};
use atoll_protocol::{api::SignedReceipt, signed};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::refused::{refused, text};

/// Changes a column of the market's one job.
async fn change(market: &Market, column: &str, value: &Value) {
    let mut database = PgConnection::connect(&market.database_url()).await.unwrap();
    let statement = AssertSqlSafe(format!("UPDATE jobs SET {column} = $1"));
    sqlx::query(statement).bind(value).execute(&mut database).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_run_again_gives_the_model_of_its_receipt() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish(&market).await.unwrap();
    let asset = text(&published, "asset");
    // Dropout and several threads: all randomness is from the spec's seeds.
    let spec = sample::spec(&market.buyer, asset, |spec| {
        spec["layers"] = json!([{"kind": "linear", "units": 64}, {"kind": "relu"}, {"kind": "dropout", "rate": 0.2},
            {"kind": "linear", "units": 2}]);
        spec["training"]["epochs"] = json!(20);
    });
    let (_, submitted) = sample::order(&market.buyer, asset, &spec.unwrap()).await.unwrap();
    let job = text(&submitted, "job");
    market.buyer.atoll(&["job", "watch", job]).await.unwrap();
    let trainer = repository::binary("atoll-trainer").unwrap();
    let trainer = trainer.to_string_lossy();
    let replay = ["receipt", "replay", job, "--trainer", &trainer];
    let same = market.provider.atoll(&replay).await.unwrap();
    assert_eq!(same["same"], true, "{same}");

    // Another version of the document does not matter: the chain has the one of then.
    let file = market.publisher.home().join("document.json");
    let document = file.to_string_lossy();
    market.publisher.atoll(&["asset", "show", asset, "--out", &document]).await.unwrap();
    let mut newer: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    newer["description"] = json!("As before, in other words.");
    fs::write(&file, newer.to_string()).unwrap();
    market.publisher.atoll(&["asset", "metadata", asset, "--document", &document]).await.unwrap();
    assert_eq!(market.provider.atoll(&replay).await.unwrap()["same"], true);

    refused(&market.buyer, &replay).await.says(5, &["only its provider can open the data"]);
    let other = market.dir().join("another-trainer");
    fs::copy(&*trainer, &other).unwrap();
    fs::OpenOptions::new().append(true).open(&other).unwrap().write_all(b"\0").unwrap();
    let with_other = ["receipt", "replay", job, "--trainer", &other.to_string_lossy()];
    refused(&market.provider, &with_other).await.says(5, &["was run by the trainer", "give the same"]);

    // A server that shows another receipt, even one that the provider has signed, and one that shows another spec.
    let mut database = PgConnection::connect(&market.database_url()).await.unwrap();
    let honest: (Value, Value) =
        sqlx::query_as("SELECT receipt, spec FROM jobs").fetch_one(&mut database).await.unwrap();
    let mut receipt: SignedReceipt = serde_json::from_value(honest.0.clone()).unwrap();
    receipt.receipt.modelHash = B256::repeat_byte(1);
    let key = fs::read_to_string(market.provider.home().join("wallet.key")).unwrap();
    let wallet: PrivateKeySigner = key.trim().parse().unwrap();
    let hash = signed::signing_hash(&receipt.receipt, &signed::domain(31337, market.deployment().orders));
    receipt.signature = wallet.sign_hash_sync(&hash).unwrap().as_bytes().to_vec().into();
    change(&market, "receipt", &serde_json::to_value(&receipt).unwrap()).await;
    refused(&market.provider, &replay).await.says(7, &["gives the model", "its receipt names"]);
    change(&market, "receipt", &honest.0).await;
    let mut spec = honest.1;
    spec["training"]["seed"] = json!(99);
    change(&market, "spec", &spec).await;
    refused(&market.provider, &replay).await.says(7, &["do not belong together"]);
}
