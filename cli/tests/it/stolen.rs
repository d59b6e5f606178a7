//! A data set that its buyer publishes again as his own: the same ciphertext and the same wrapped key, under terms that he
//! chooses. The key opens for the asset that it was wrapped for, and for no other.

use std::fs;

use alloy::primitives::{Address, B256};
use atoll_devnet::{Market, Options, sample};
use atoll_protocol::{
    canonical,
    contracts::{IAssetRegistry, ServiceTerms},
};
use serde_json::{Value, json};

use crate::refused::{refused, text};

/// Publishes somebody's data set again, as one that computes and is sold as it is, for nothing; gives the asset's id.
async fn steal(market: &Market, asset: &str) -> String {
    let (thief, registry) = (market.buyer.address(), market.deployment().asset_registry);
    let shown = market.buyer.atoll(&["search"]).await.unwrap();
    let found = shown["assets"].as_array().unwrap().iter().find(|one| one["id"] == asset);
    let mut metadata = found.unwrap()["metadata"].clone();
    metadata["name"] = json!("Mine now");
    metadata["atoll:market"]["services"] = json!([
        {"kind": "compute", "service_index": 0},
        {"kind": "download", "service_index": 1, "valid_for_seconds": 86_400},
    ]);
    metadata["atoll:market"]["policy"]["min_rows"] = json!(1);
    let terms =
        ServiceTerms { provider: market.provider.address(), paymentToken: Address::ZERO, price: Default::default() };
    let (salt, metadata) = (B256::repeat_byte(7), canonical::to_bytes(&metadata).unwrap().into());
    let publish = IAssetRegistry::publishCall { salt, metadata, terms: terms.clone() };
    market.chain.rpc.send(thief, registry, publish).await.unwrap();
    let id = market.chain.rpc.read(registry, IAssetRegistry::assetIdOfCall { publisher: thief, salt }).await.unwrap();
    let call = IAssetRegistry::addServiceCall { assetId: id, serviceIndex: 1, terms };
    market.chain.rpc.send(thief, registry, call).await.unwrap();
    for _ in 0..100 {
        let found = market.buyer.atoll(&["search", "Mine now"]).await.unwrap();
        match found["assets"].as_array().unwrap().first() {
            Some(asset) if asset["services"].as_array().unwrap().len() == 2 => return text(asset, "id").to_owned(),
            _ => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
    }
    panic!("the second publication is not shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_copied_to_another_asset_neither_computes_nor_is_delivered() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish(&market).await.unwrap();
    let stolen = steal(&market, text(&published, "asset")).await;

    let spec = sample::spec(&market.buyer, &stolen, |spec| spec["training"]["epochs"] = json!(5)).unwrap();
    let (_, submitted) = sample::order(&market.buyer, &stolen, &spec).await.unwrap();
    let watched = refused(&market.buyer, &["job", "watch", text(&submitted, "job")]).await;
    watched.says(6, &["the content key does not open"]);

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("table.csv");
    let download = refused(&market.buyer, &["download", &stolen, "--out", &file.to_string_lossy()]).await;
    download.says(6, &["the content key does not open"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "something was written");
    let orders = market.buyer.atoll(&["order", "list"]).await.unwrap();
    let states: Vec<&Value> = orders["orders"].as_array().unwrap().iter().map(|order| &order["status"]).collect();
    assert!(states.len() == 2 && states.iter().all(|state| **state == "cancelled"), "{states:?}");
}
