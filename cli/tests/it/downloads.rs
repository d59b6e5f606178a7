//! Downloads: paid, delivered by the provider's runner, decrypted by the buyer.

use std::{
    fs,
    time::{Duration, Instant},
};

use alloy::primitives::U256;
use atoll_devnet::{Market, Options, process::Process, sample};
use atoll_protocol::contracts::{IAssetRegistry, IOrders};
use serde_json::{Value, json};

use crate::refused::{market_without_runner, refused, text};

const BOTH: [&str; 4] = ["--price", "5", "--download", "20"];

async fn dollars(market: &Market) -> U256 {
    sample::dollars(market, market.buyer.address()).await.unwrap()
}

/// A folder, and a file in it as an argument.
fn target() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("table.csv").to_string_lossy().into_owned();
    (dir, file)
}

/// Starts a download and waits until it was asked for.
async fn asked(market: &Market, arguments: &[&str]) -> Process {
    let mut waiting = market.buyer.start(arguments).unwrap();
    let began = Instant::now();
    while !waiting.stderr().contains("Waiting for the provider") {
        assert!(began.elapsed().as_secs() < 60 && waiting.status().is_none(), "{}", waiting.last_words());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    waiting
}

/// What a download says that ends without a key.
async fn ends_in_vain(waiting: &mut Process) -> String {
    let began = Instant::now();
    let status = loop {
        match waiting.status() {
            Some(status) => break status,
            None => assert!(began.elapsed().as_secs() < 120, "it does not end: {}", waiting.last_words()),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(status.code(), Some(6), "{}", waiting.last_words());
    waiting.stdout()
}

async fn download(market: &Market, asset: &str) -> (Value, Vec<u8>) {
    let (_dir, file) = target();
    let done = market.buyer.atoll(&["download", asset, "--again", "--out", &file]).await.unwrap();
    (done, fs::read(&file).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buyer_of_a_download_has_the_very_bytes() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish_selling(&market, &BOTH).await.unwrap();
    let asset = text(&published, "asset");
    let before = dollars(&market).await;
    let (dir, file) = target();
    let arguments = ["download", asset, "--out", &file];
    let done = market.buyer.atoll(&arguments).await.unwrap();
    let original = fs::read(sample::table()).unwrap();
    assert!(fs::read(&file).unwrap() == original, "other bytes came out");
    assert_eq!(done["bytes"].as_u64().unwrap(), original.len() as u64);
    assert_eq!(before - dollars(&market).await, U256::from(20_000_000));
    let status = sample::order_status(&market, text(&done, "order")).await.unwrap();
    assert!(matches!(status, IOrders::Status::Fulfilled));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "something was left beside the file");

    // What was bought can be fetched again and is not paid again.
    refused(&market.buyer, &arguments).await.says(3, &["not overwritten"]);
    let again = dir.path().join("again.csv").to_string_lossy().into_owned();
    let second = market.buyer.atoll(&["download", asset, "--out", &again]).await.unwrap();
    assert_eq!((&second["download"], &second["sha256"]), (&done["download"], &done["sha256"]));
    assert_eq!(before - dollars(&market).await, U256::from(20_000_000));
    assert!(fs::read(&again).unwrap() == original);

    // It is a job like others: with a receipt, and without a model.
    let job = text(&done, "download");
    let verified = market.buyer.atoll(&["receipt", "verify", job]).await.unwrap();
    assert_eq!(verified["verified"], true, "{verified}");
    assert_eq!(verified["receipt"]["modelHash"], json!(format!("0x{}", "00".repeat(32))));
    let model = dir.path().join("model").to_string_lossy().into_owned();
    let fetch = ["job", "fetch", job, "--out", &model];
    refused(&market.buyer, &fetch).await.says(5, &["is a download", "atoll download"]);
    let watched = market.buyer.atoll(&["job", "watch", job]).await.unwrap();
    assert_eq!(text(&watched, "status"), "completed");

    // The same asset still computes.
    let spec = sample::spec(&market.buyer, asset, |spec| spec["training"]["epochs"] = json!(5)).unwrap();
    let (_, submitted) = sample::order(&market.buyer, asset, &spec).await.unwrap();
    let ended = market.buyer.atoll(&["job", "watch", text(&submitted, "job")]).await.unwrap();
    assert_eq!(text(&ended, "status"), "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_alone_is_sold_to_whom_the_publisher_lets() {
    let market = Market::start(Options::default()).await.unwrap();
    let stranger = market.publisher.address().to_string();
    let only = ["--download", "2", "--download-valid-for", "1h", "--deny", &stranger];
    let published = sample::publish_selling(&market, &only).await.unwrap();
    let asset = text(&published, "asset");
    assert_eq!(published["services"].as_array().unwrap().len(), 1);
    let (_dir, file) = target();
    // Nobody else's business: no order, no bytes, and nothing was paid.
    refused(&market.publisher, &["download", asset, "--out", &file])
        .await
        .says(5, &["does not admit", "Nothing was spent"]);
    let spec = sample::spec(&market.buyer, asset, |_| {}).unwrap();
    let buy = refused(&market.buyer, &["buy", asset, "--spec", &spec.to_string_lossy()]).await;
    buy.says(5, &["sells no computation", "atoll download", "Nothing was spent"]);
    let computing = sample::publish(&market).await.unwrap();
    let none = refused(&market.buyer, &["download", text(&computing, "asset"), "--out", &file]).await;
    none.says(5, &["sells no download", "atoll buy"]);
    let dear = refused(&market.buyer, &["download", asset, "--max-price", "1.99", "--out", &file]).await;
    dear.says(5, &["the price is 2 tUSD", "Nothing was spent"]);
    let nowhere = refused(&market.buyer, &["download", asset, "--out", "/nowhere/at/all.csv"]).await;
    nowhere.says(3, &["there is no folder /nowhere/at"]);
    let bad = ["publish", "x.csv", "--name", "x", "--license", "x", "--payment-token", &stranger];
    refused(&market.publisher, &[&bad[..], &["--download-valid-for", "1h"]].concat()).await.says(2, &[]);
    refused(&market.publisher, &[&bad[..], &["--download", "1", "--download-valid-for", "59"]].concat())
        .await
        .says(2, &[]);

    // With a datatoken that is held.
    let held = market.buyer.atoll(&["buy", asset, "--hold", "--download"]).await.unwrap();
    assert_eq!(held["paid"]["amount"], "2000000");
    let before = dollars(&market).await;
    let with = ["download", asset, "--with-datatoken", "--out", &file];
    let done = market.buyer.atoll(&with).await.unwrap();
    assert_eq!(dollars(&market).await, before);
    assert!(fs::read(&file).unwrap() == fs::read(sample::table()).unwrap());
    let (again, bytes) = download(&market, asset).await;
    assert_ne!(again["download"], done["download"]);
    assert_eq!(before - dollars(&market).await, U256::from(2_000_000));
    assert!(bytes == fs::read(sample::table()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_can_not_be_had_gives_the_stake_back_and_says_why() {
    let mut market = market_without_runner().await;
    let published = sample::publish_selling(&market, &BOTH).await.unwrap();
    let asset = text(&published, "asset");
    let before = dollars(&market).await;
    let (_dir, file) = target();
    let arguments = ["download", asset, "--out", &file];
    refused(&market.buyer, &arguments)
        .await
        .says(5, &["has never been online", "--even-if-offline", "Nothing was spent"]);
    let mut waiting = asked(&market, &[&arguments[..], &["--even-if-offline"]].concat()).await;
    // Meanwhile the publisher closes the asset for good.
    let token = asset.rsplit('/').next().unwrap().parse().unwrap();
    let call = IAssetRegistry::setStateCall { assetId: token, newState: IAssetRegistry::State::Revoked };
    market.chain.rpc.send(market.publisher.address(), market.deployment().asset_registry, call).await.unwrap();
    market.add_runner().await.unwrap();
    let said = ends_in_vain(&mut waiting).await;
    for part in ["refused", "the publisher has revoked this data set", "the stake came back"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert_eq!(dollars(&market).await, before);
    assert!(!std::path::Path::new(&file).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_homes_identity_does_not_open_what_was_delivered() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish_selling(&market, &BOTH).await.unwrap();
    let asset = text(&published, "asset");
    download(&market, asset).await;
    let identity = market.buyer.home().join("identity.key");
    fs::copy(market.publisher.home().join("identity.key"), &identity).unwrap();
    let (_dir, file) = target();
    let other = refused(&market.buyer, &["download", asset, "--out", &file]).await;
    other.says(7, &["does not open with this home's identity", "--again"]);
    assert!(!std::path::Path::new(&file).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_was_cancelled_before_its_delivery_is_not_delivered() {
    let mut market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish_selling(&market, &BOTH).await.unwrap();
    let asset = text(&published, "asset");
    let before = dollars(&market).await;
    // The runner is gone, and the server does not know it yet.
    market.runners[0].kill();
    let (_dir, file) = target();
    let mut waiting = asked(&market, &["download", asset, "--out", &file]).await;
    let kept = fs::read_dir(market.buyer.home().join("jobs")).unwrap().next().unwrap().unwrap().file_name();
    let job = kept.to_str().unwrap().strip_suffix(".json").unwrap().to_owned();
    market.buyer.atoll(&["job", "cancel", &job]).await.unwrap();
    market.runners[0].restart().await.unwrap();
    let said = ends_in_vain(&mut waiting).await;
    assert!(said.contains("cancelled") && said.contains("the stake came back"), "{said}");
    assert_eq!(dollars(&market).await, before);
    assert!(!std::path::Path::new(&file).exists());
}
