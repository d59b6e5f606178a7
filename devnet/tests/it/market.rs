//! Whole markets.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use atoll_devnet::{
    Chain, Error, Market, Options, Postgres, Scratch,
    actor::field,
    process::{Launch, running_with},
    sample, tools,
};
use atoll_protocol::contracts::IOrders;
use serde_json::Value;
use sqlx::{Connection, PgConnection};

async fn catalogue(market: &Market) -> Vec<String> {
    let page: Value = reqwest::get(format!("{}/v1/assets", market.server_url())).await.unwrap().json().await.unwrap();
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn two_markets_side_by_side_share_nothing() {
    let options = || Options { runner: false, ..Options::default() };
    // Built before, so that the time below is that of a market.
    tokio::task::spawn_blocking(|| atoll_devnet::tools::build(false)).await.unwrap().unwrap();
    let start = Instant::now();
    let (one, two) = tokio::try_join!(Market::start(options()), Market::start(options())).unwrap();
    eprintln!("two markets in {:?}", start.elapsed());
    assert_ne!(one.server_url(), two.server_url());
    assert_ne!(one.rpc_url(), two.rpc_url());
    assert_ne!(one.database_url(), two.database_url());
    let published = sample::publish(&one).await.unwrap();
    assert_eq!(catalogue(&one).await, [published["asset"].as_str().unwrap()]);
    assert!(catalogue(&two).await.is_empty());
    assert!(one.metrics_url().ends_with("/metrics"), "{}", one.metrics_url());
    let metrics = reqwest::get(one.metrics_url()).await.unwrap();
    assert!(metrics.status().is_success());

    let dirs = [one.dir().to_owned(), two.dir().to_owned()];
    drop((one, two));
    for dir in dirs {
        assert!(!dir.exists());
        let left = running_with(&dir.to_string_lossy());
        // The watchers end a moment after what they watch.
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(running_with(&dir.to_string_lossy()).is_empty(), "{left:?}");
    }
}

#[tokio::test]
async fn a_table_becomes_a_model_that_only_the_buyer_opens() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish(&market).await.unwrap();
    let asset: String = field(&published, "asset").unwrap();
    let spec = sample::spec(&market.buyer, &asset, |_| {}).unwrap();
    let before = sample::dollars(&market, market.buyer.address()).await.unwrap();
    let (bought, submitted) = sample::order(&market.buyer, &asset, &spec).await.unwrap();
    let (order, job): (String, String) = (field(&bought, "order").unwrap(), field(&submitted, "job").unwrap());
    let mut epochs = Vec::new();
    let watch = ["job", "watch", &job];
    let ended = market.buyer.follow(&watch, |event| epochs.extend(event["progress"]["epoch"].as_u64())).await.unwrap();
    assert_eq!(ended["status"], "completed", "{ended}");
    assert!(!epochs.is_empty(), "no progress was shown");
    assert!(matches!(sample::order_status(&market, &order).await.unwrap(), IOrders::Status::Fulfilled));
    let paid = before - sample::dollars(&market, market.buyer.address()).await.unwrap();
    assert_eq!(paid, alloy_primitives::U256::from(5_000_000));

    let out = market.dir().join("tmp/result");
    let fetched = market.buyer.atoll(&["job", "fetch", &job, "--out", &out.to_string_lossy()]).await.unwrap();
    assert!(fetched["test_accuracy"].as_f64().unwrap() >= 0.95, "{fetched}");
    let model = fs::read(out.join("model.safetensors")).unwrap();
    let header = u64::from_le_bytes(model[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&model[8..8 + header]).unwrap();
    assert!(header.as_object().unwrap().len() >= 4, "two layers have two tensors each: {header}");

    // Nobody else gets it: not the publisher, and not with the buyer's wallet but another identity.
    let other = market.dir().join("tmp/other").to_string_lossy().into_owned();
    let refused = market.publisher.atoll(&["job", "fetch", &job, "--out", &other]).await.unwrap_err();
    assert!(matches!(refused, Error::Atoll { .. }), "{refused}");
}

#[tokio::test]
async fn a_market_can_use_somebody_elses_postgres_and_node() {
    let (postgres, chain) = (Postgres::start().await.unwrap(), Chain::start().await.unwrap());
    let options = Options {
        database_url: Some(postgres.url()),
        rpc_url: Some(chain.rpc_url().to_owned()),
        runner: false,
        ..Options::default()
    };
    let databases = async || {
        let mut connection = PgConnection::connect(&postgres.url()).await.unwrap();
        let query = "SELECT datname::text FROM pg_database WHERE datname LIKE 'atoll\\_%'";
        let names: Vec<(String,)> = sqlx::query_as(query).fetch_all(&mut connection).await.unwrap();
        names
    };
    let market = Market::start(options).await.unwrap();
    assert_eq!(market.rpc_url(), chain.rpc_url());
    assert_ne!(market.deployment().orders, chain.deployment.orders, "contracts of its own are deployed");
    assert_eq!(databases().await.len(), 1);
    let published = sample::publish(&market).await.unwrap();
    assert_eq!(catalogue(&market).await, [published["asset"].as_str().unwrap()]);
    drop(market);
    assert!(databases().await.is_empty(), "its database is left in somebody's Postgres");
}

#[tokio::test]
async fn a_node_of_another_chain_is_refused() {
    let scratch = Arc::new(Scratch::create().unwrap());
    let mut other = Launch::new("other", tools::foundry("anvil").unwrap())
        .args(["--port", "0", "--chain-id", "1"])
        .start(&scratch)
        .unwrap();
    let listening = |line: &str| line.strip_prefix("Listening on ").map(|at| format!("http://{at}"));
    let url = other.ready(Duration::from_secs(20), listening).await.unwrap();
    let said = Chain::attach(&scratch, &url).await.unwrap_err().to_string();
    assert!(said.contains("its chain id is 1, and local markets are for test chains with id 31337"), "{said}");
}
