//! Another provider for an asset: the ciphertext stays, the key is wrapped anew, and the old provider is out.

use std::{fs, time::Duration};

use alloy::primitives::U256;
use atoll_devnet::{Actor, Market, Options, sample};
use atoll_protocol::contracts::{IAssetRegistry, IOrders};
use serde_json::{Value, json};

use crate::refused::{refused, text};

async fn shown(market: &Market, asset: &str) -> Value {
    let found = market.buyer.atoll(&["search"]).await.unwrap();
    let all = found["assets"].as_array().unwrap();
    all.iter().find(|one| one["id"] == asset).unwrap_or_else(|| panic!("{asset} is not in {found}")).clone()
}

fn content(shown: &Value) -> &Value {
    &shown["metadata"]["atoll:market"]["content"]
}

/// Names of everything that the server stores, with its length.
fn stored(market: &Market) -> Vec<(String, u64)> {
    let (mut files, mut found) = (vec![market.server.storage().join("pieces")], Vec::new());
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push((path.display().to_string(), fs::metadata(&path).unwrap().len()));
        }
    }
    found.sort();
    found
}

async fn fetched(market: &Market, asset: &str) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("table.csv");
    let done = market.buyer.atoll(&["download", asset, "--again", "--out", &file.to_string_lossy()]).await.unwrap();
    assert!(fs::read(file).unwrap() == fs::read(sample::table()).unwrap());
    done
}

fn keys(actor: &Actor) -> [String; 4] {
    let (wallet, key) = (actor.address().to_string(), actor.public_key().to_string());
    ["--provider-wallet".into(), wallet, "--provider-key".into(), key]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_provider_serves_the_same_ciphertext_and_the_first_no_longer() {
    let mut market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish_selling(&market, &["--price", "5", "--download", "20"]).await.unwrap();
    let asset = text(&published, "asset").to_owned();
    let (old, new) = (market.provider.clone(), market.publisher.clone());
    let (before, bytes) = (shown(&market, &asset).await, stored(&market));

    // An order for the first provider, who is away when the second takes over.
    market.runners[0].kill();
    let spec = sample::spec(&market.buyer, &asset, |spec| spec["training"]["epochs"] = json!(5)).unwrap();
    let purse = sample::dollars(&market, market.buyer.address()).await.unwrap();
    let (bought, submitted) = sample::order(&market.buyer, &asset, &spec).await.unwrap();

    // Who has no key, and who may not publish, is told what to do.
    let to_new = keys(&new);
    let rewrap: Vec<&str> = ["rewrap", &asset].into_iter().chain(to_new.iter().map(String::as_str)).collect();
    refused(&market.buyer, &rewrap).await.says(5, &["only the publisher", "--out FILE", "--document FILE"]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("metadata.json").to_string_lossy().into_owned();
    let written = [&rewrap[..], &["--out", &file]].concat();
    refused(&market.buyer, &written).await.says(5, &["not wrapped to this home's identity"]);

    // The provider wraps, the publisher publishes; a document with any other change is not published.
    old.atoll(&written).await.unwrap();
    let mut greedy: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    greedy["atoll:market"]["policy"]["min_rows"] = json!(1);
    let changed = dir.path().join("greedy.json").to_string_lossy().into_owned();
    fs::write(&changed, greedy.to_string()).unwrap();
    let publish = |file| ["rewrap", asset.as_str(), "--document", file];
    refused(&new, &publish(&changed)).await.says(3, &["changes more than the provider"]);
    let done = new.atoll(&publish(&file)).await.unwrap();
    assert_eq!(done["transactions"].as_array().unwrap().len(), 3, "{done}");
    let again = new.atoll(&publish(&file)).await.unwrap();
    assert_eq!((again["transactions"].as_array().unwrap().len(), &again["metadata_hash"]), (0, &done["metadata_hash"]));

    // The same ciphertext, under the same hash; nothing was uploaded; the log has the change.
    let after = shown(&market, &asset).await;
    let same = ["version", "format", "ciphertext_sha256", "ciphertext_bytes"];
    assert!(same.iter().all(|field| content(&before)[field] == content(&after)[field]), "{after}");
    assert_eq!(stored(&market), bytes);
    let recipients: Vec<_> = content(&after)["keys"].as_array().unwrap().iter().map(|key| &key["recipient"]).collect();
    assert_eq!(recipients, [&json!(new.public_key())]);
    let registry = market.deployment().asset_registry;
    let token: U256 = asset.rsplit('/').next().unwrap().parse().unwrap();
    let call = IAssetRegistry::metadataHashOfCall { assetId: token };
    assert_eq!(json!(market.chain.rpc.read(registry, call).await.unwrap()), done["metadata_hash"]);

    // The first comes back and finds its order: it has no key any more, and gives the stake back.
    market.runners[0].restart().await.unwrap();
    let ended = refused(&market.buyer, &["job", "watch", text(&submitted, "job")]).await;
    ended.says(6, &["refused", "names another provider", "the stake came back"]);
    assert!(matches!(sample::order_status(&market, text(&bought, "order")).await.unwrap(), IOrders::Status::Cancelled));
    assert_eq!(sample::dollars(&market, market.buyer.address()).await.unwrap(), purse);

    // The second serves both kinds; the first, although it is there, neither.
    market.provider = new.clone();
    market.add_runner().await.unwrap();
    let done = fetched(&market, &asset).await;
    let order = sample::listed_order(&market.buyer, "fulfilled").await.unwrap();
    assert_eq!((&order["id"], &order["terms"]["provider"]), (&done["order"], &json!(new.address())));
    let (_, submitted) = sample::order(&market.buyer, &asset, &spec).await.unwrap();
    let ended = market.buyer.atoll(&["job", "watch", text(&submitted, "job")]).await.unwrap();
    assert_eq!(text(&ended, "status"), "completed");

    // And back, by the publisher alone, who keeps its own way to the content.
    let to_old = keys(&old);
    let back: Vec<&str> = ["rewrap", &asset].into_iter().chain(to_old.iter().map(String::as_str)).collect();
    new.atoll(&back).await.unwrap();
    let last = shown(&market, &asset).await;
    let recipients: Vec<_> = content(&last)["keys"].as_array().unwrap().iter().map(|key| &key["recipient"]).collect();
    assert_eq!(recipients, [&json!(old.public_key()), &json!(new.public_key())]);
    tokio::time::timeout(Duration::from_secs(60), fetched(&market, &asset)).await.expect("nobody serves it");
}
