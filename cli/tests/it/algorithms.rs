//! Algorithms: published by an author, trusted by publishers, paid with the data in one transaction, and exactly what runs.

use std::{fs, path::PathBuf};

use alloy::primitives::U256;
use atoll_devnet::{Market, Options, sample};
use atoll_protocol::contracts::IOrders;
use serde_json::{Value, json};

use crate::refused::{refused, text};

/// Publishes the sample's model as the market's buyer, who is its author here; for the jobs of one provider.
async fn publish(market: &Market, epochs: u32, price: &str) -> Value {
    let spec =
        sample::spec(&market.buyer, "eip155:31337/erc721:0x0000000000000000000000000000000000000001/1", |spec| {
            spec["training"]["epochs"] = json!(epochs);
        });
    let (spec, token) = (spec.unwrap(), market.test_dollar().to_string());
    let provider = market.provider.address().to_string();
    let publish =
        ["algorithm", "publish", &spec.to_string_lossy(), "--name", "Small net", "--license", "MIT", "--price", price];
    let more = ["--payment-token", &token, "--provider", &provider, "--keywords", "net"];
    market.buyer.atoll(&[&publish[..], &more].concat()).await.unwrap()
}

/// A spec for the data set that is the algorithm, as `atoll algorithm apply` writes it.
async fn apply(market: &Market, algorithm: &str, asset: &str, name: &str) -> PathBuf {
    let own = sample::spec(&market.buyer, asset, |spec| {
        spec["layers"] = json!([{"kind": "linear", "units": 2}]);
        spec["training"] = json!({"epochs": 1, "batch_size": 1, "seed": 7});
    });
    let (own, file) = (own.unwrap(), market.dir().join(name));
    let apply = ["algorithm", "apply", algorithm, "--spec", &own.to_string_lossy(), "--out", &file.to_string_lossy()];
    market.buyer.atoll(&apply).await.unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_publisher_trusts_runs_and_its_author_is_paid() {
    let market = Market::start(Options::default()).await.unwrap();
    let author = market.buyer.address().to_string().to_lowercase();
    let published = publish(&market, 5, "1").await;
    let (algorithm, hash) = (text(&published, "asset"), text(&published, "hash"));
    let data = sample::publish_selling(&market, &["--price", "5", "--trust-algorithm", hash]).await.unwrap();
    let asset = text(&data, "asset");
    let shown = market.buyer.atoll(&["algorithm", "show", algorithm]).await.unwrap();
    assert_eq!((text(&shown, "hash"), text(&shown, "author")), (hash, author.as_str()));
    let found = market.buyer.atoll(&["search", "Small"]).await.unwrap();
    assert_eq!(found["assets"][0]["kind"], "algorithm", "{found}");

    let applied = apply(&market, algorithm, asset, "mine.json").await;
    let spec: Value = serde_json::from_slice(&fs::read(&applied).unwrap()).unwrap();
    assert_eq!(spec["training"], json!({"epochs": 5, "batch_size": 32, "seed": 7}));
    let before = sample::dollars(&market, market.buyer.address()).await.unwrap();
    let (bought, submitted) = sample::order(&market.buyer, asset, &applied).await.unwrap();
    let after = sample::dollars(&market, market.buyer.address()).await.unwrap();
    assert_eq!(before - after, U256::from(6_000_000), "one transaction for both");
    let job = text(&submitted, "job");
    market.buyer.atoll(&["job", "watch", job]).await.unwrap();
    for order in [text(&bought, "order"), text(&bought["further"][0], "order")] {
        assert!(matches!(sample::order_status(&market, order).await.unwrap(), IOrders::Status::Fulfilled));
    }
    let earned = market.buyer.atoll(&["earnings"]).await.unwrap();
    assert!(earned.to_string().contains("\"1000000\"") || earned.to_string().contains("\"990000\""), "{earned}");
    let verified = market.buyer.atoll(&["receipt", "verify", job]).await.unwrap();
    assert_eq!(verified["verified"], true, "{verified}");

    // The same layers without the algorithm, a changed one under its name, and an algorithm that nobody trusts.
    let buy =
        async |file: &std::path::Path| refused(&market.buyer, &["buy", asset, "--spec", &file.to_string_lossy()]).await;
    let change = |name: &str, change: fn(&mut Value)| {
        let mut other = spec.clone();
        change(&mut other);
        let file = market.dir().join(name);
        fs::write(&file, other.to_string()).unwrap();
        file
    };
    let copied = change("copied.json", |spec| drop(spec.as_object_mut().unwrap().remove("algorithm")));
    buy(&copied).await.says(3, &["/algorithm", "lets only algorithms run that it lists"]);
    let changed = change("changed.json", |spec| spec["training"]["epochs"] = json!(6));
    buy(&changed).await.says(3, &["/algorithm/hash", "are not the algorithm's"]);
    let other = publish(&market, 6, "0").await;
    let untrusted = apply(&market, text(&other, "asset"), asset, "untrusted.json").await;
    buy(&untrusted).await.says(3, &["trusts neither this algorithm nor its author"]);
    // A data set is no algorithm, and an algorithm no data set.
    let swapped = ["algorithm", "show", asset];
    refused(&market.buyer, &swapped).await.says(3, &["is a data set and no algorithm"]);
    let trained = sample::spec(&market.buyer, algorithm, |_| {}).unwrap();
    let on_algorithm = ["buy", algorithm, "--spec", &trained.to_string_lossy()];
    refused(&market.buyer, &on_algorithm).await.says(3, &["is an algorithm and no data set"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_is_trusted_with_all_that_it_publishes_and_sells_for_named_providers() {
    let market = Market::start(Options::default()).await.unwrap();
    let author = market.buyer.address().to_string();
    let data = sample::publish_selling(&market, &["--price", "0", "--trust-author", &author]).await.unwrap();
    let asset = text(&data, "asset");
    let published = publish(&market, 4, "0").await;
    let applied = apply(&market, text(&published, "asset"), asset, "mine.json").await;
    let (_, submitted) = sample::order(&market.buyer, asset, &applied).await.unwrap();
    market.buyer.atoll(&["job", "watch", text(&submitted, "job")]).await.unwrap();

    // One that is sold for the jobs of somebody else, until its author adds the provider.
    let spec = sample::spec(&market.buyer, asset, |spec| spec["training"]["epochs"] = json!(3)).unwrap();
    let token = market.test_dollar().to_string();
    let somebody = market.buyer.address().to_string();
    let publish = ["algorithm", "publish", &spec.to_string_lossy(), "--name", "Other net", "--license", "MIT"];
    let terms = ["--price", "0", "--payment-token", &token, "--provider", &somebody];
    let other = market.buyer.atoll(&[&publish[..], &terms].concat()).await.unwrap();
    let other = text(&other, "asset");
    let applied = apply(&market, other, asset, "other.json").await;
    let buy = ["buy", asset, "--spec", &applied.to_string_lossy()];
    refused(&market.buyer, &buy).await.says(5, &["is not sold for jobs of the provider"]);
    let provider = market.provider.address().to_string();
    let offer = ["algorithm", "offer", other, "--provider", &provider, "--price", "0", "--payment-token", &token];
    refused(&market.publisher, &offer).await.says(5, &["only its owner can change it"]);
    market.buyer.atoll(&offer).await.unwrap();
    let (_, submitted) = sample::order(&market.buyer, asset, &applied).await.unwrap();
    market.buyer.atoll(&["job", "watch", text(&submitted, "job")]).await.unwrap();

    // Given away, it is not the trusted author's any more.
    let transfer = ["asset", "transfer", other, "--to", &market.publisher.address().to_string()];
    market.buyer.atoll(&transfer).await.unwrap();
    refused(&market.buyer, &buy).await.says(3, &["trusts neither this algorithm nor its author"]);
}
