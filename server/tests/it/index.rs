//! The index against the chain: rebuilt, interrupted, reorganised, misdirected.

use std::time::Duration;

use alloy::primitives::{B256, U256};
use atoll_devnet::{Scratch, Server, server::Settings};
use atoll_protocol::contracts::IOrders;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    person::problem,
    world::{World, caught_up, database, in_an_hour, rows, until},
};

/// Everything that the chain decides.
async fn index(database: &str) -> Vec<(&'static str, Vec<String>)> {
    let mut tables = Vec::new();
    for table in ["market", "chain_blocks", "events", "tokens", "assets", "services", "orders"] {
        let found = rows(database, &format!("SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1")).await;
        tables.push((table, found));
    }
    tables
}

async fn head(world: &World) -> u64 {
    world.chain.rpc.answer::<U256>("eth_blockNumber", json!([])).await.unwrap().to()
}

#[tokio::test]
async fn an_index_from_nothing_equals_the_one_that_lived_through_it() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let second = world.publish(&publisher, &provider).await;
    world.submit(&buyer, &listed).await;
    let (opened, _) = world.submit(&buyer, &second).await;
    let cancel = IOrders::cancelCall { order: opened.terms, reason: B256::ZERO };
    world.chain.rpc.send(provider.address(), world.chain.deployment.orders, cancel).await.unwrap();
    // More blocks than one step takes.
    world.chain.rpc.call("anvil_mine", json!(["0x1f4"])).await.unwrap();
    let last = head(&world).await;
    caught_up(world.server.url(), last).await;

    let empty = database().await;
    let late = world.second(&empty).await;
    caught_up(late.url(), last).await;
    let (lived, rebuilt) = (index(&world.database).await, index(&empty).await);
    assert!(lived.iter().all(|(_, rows)| !rows.is_empty()), "{lived:?}");
    assert_eq!(lived, rebuilt);
}

#[tokio::test]
async fn a_killed_server_loses_nothing() {
    let mut world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let (_, job) = world.submit(&buyer, &listed).await;
    let mint = |n: u64| {
        let (at, publisher) = (&world.chain.deployment, publisher.address());
        let terms = world.terms(provider.address(), at.test_dollar, n);
        let metadata = format!("no document {n}").into_bytes().into();
        let call = atoll_protocol::contracts::IAssetRegistry::publishCall { salt: world.next_salt(), metadata, terms };
        (publisher, at.asset_registry, call)
    };
    let calls: Vec<_> = (0..40).map(mint).collect();
    for (n, (from, to, call)) in calls.into_iter().enumerate() {
        world.chain.rpc.send(from, to, call).await.unwrap();
        if n % 10 == 4 {
            // At whatever it is doing just now.
            tokio::time::sleep(Duration::from_millis(7 * n as u64)).await;
            world.server.kill();
            world.server.restart().await.unwrap();
        }
    }
    let last = head(&world).await;
    caught_up(world.server.url(), last).await;
    let empty = database().await;
    let fresh = world.second(&empty).await;
    caught_up(fresh.url(), last).await;
    assert_eq!(index(&world.database).await, index(&empty).await);
    assert_eq!(world.rows("SELECT count(*)::text FROM assets").await, ["41"]);

    // Sessions, jobs and content are still there.
    let path = format!("/v1/jobs/{}", job.id);
    assert_eq!(buyer.get(&path).await.status(), StatusCode::OK);
    let content = provider.get(&format!("/v1/assets/{}/content", listed.token_id)).await;
    assert_eq!(content.bytes().await.unwrap(), listed.ciphertext);
}

#[tokio::test]
async fn a_reorganised_chain_stops_the_index_and_everything_that_would_trust_it() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let spec = world.spec(&listed);
    let opened = world.open(&buyer, &listed, atoll_protocol::canonical::hash(&spec).unwrap()).await;
    world.chain.rpc.call("anvil_mine", json!(["0x3"])).await.unwrap();
    let last = head(&world).await;
    caught_up(world.server.url(), last).await;
    let ready = format!("{}/readyz", world.server.url());
    until("ready", async || reqwest::get(&ready).await.unwrap().status() == StatusCode::NO_CONTENT).await;

    let hash =
        async || world.chain.rpc.call("eth_getBlockByNumber", json!([format!("0x{last:x}"), false])).await.unwrap();
    let before = hash().await;
    world.chain.rpc.call("anvil_reorg", json!([2, []])).await.unwrap();
    assert_ne!(before["hash"], hash().await["hash"]);
    until("unready", async || reqwest::get(&ready).await.unwrap().status() == StatusCode::SERVICE_UNAVAILABLE).await;
    let said = problem(reqwest::get(&ready).await.unwrap(), 503, "not-ready").await;
    assert!(said["detail"].as_str().unwrap().contains("reorganised"), "{said}");

    // Reads go on; nothing new starts.
    assert_eq!(buyer.get("/v1/assets").await.status(), StatusCode::OK);
    let job = buyer.job(world.chain.deployment.orders, opened.id, &spec, in_an_hour());
    problem(buyer.post("/v1/jobs", &serde_json::to_value(&job).unwrap()).await, 503, "index-halted").await;
    problem(provider.post("/v1/leases", &Value::Null).await, 503, "index-halted").await;
    assert_eq!(reqwest::get(format!("{}/livez", world.server.url())).await.unwrap().status(), StatusCode::NO_CONTENT);

    // A restart does not forget, even if the new chain has become longer meanwhile.
    let mut world = world;
    world.server.kill();
    world.chain.rpc.call("anvil_mine", json!(["0x5"])).await.unwrap();
    world.server.restart().await.unwrap();
    until("unready again", async || {
        let answer = reqwest::get(&ready).await.unwrap();
        answer.status() == StatusCode::SERVICE_UNAVAILABLE && answer.text().await.unwrap().contains("reorganised")
    })
    .await;
}

#[tokio::test]
async fn a_wrong_chain_a_foreign_database_and_an_empty_one_are_refused() {
    let world = World::start().await;
    let text = std::fs::read_to_string(&world.chain.deployment_file).unwrap();
    let deployment: Value = serde_json::from_str(&text).unwrap();
    let start = async |field: &str, value: Value, database: &str| {
        let mut other = deployment.clone();
        other[field] = value;
        let file = world.scratch.path().join("other.json");
        std::fs::write(&file, other.to_string()).unwrap();
        let settings = Settings {
            database_url: database.to_owned(),
            rpc_url: world.chain.rpc_url().to_owned(),
            deployment: file,
            port: None,
            lease: None,
            arguments: Vec::new(),
        };
        let scratch = std::sync::Arc::new(Scratch::create().unwrap());
        Server::start_in(&scratch, settings).await.unwrap_err().to_string()
    };
    let refused = start("chain_id", json!(1), &database().await).await;
    assert!(refused.contains("follows chain 31337, but the contracts are on chain 1"), "{refused}");
    let refused = start("orders", json!(world.chain.accounts[0].address), &world.database).await;
    assert!(refused.contains("follows another market"), "{refused}");
    let refused = start("orders", json!("0x12"), &database().await).await;
    assert!(refused.contains("not what the deploy script writes"), "{refused}");
}
