//! Without Postgres: clients are told at once, nothing breaks, and work goes on when it is back.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use atoll_devnet::Postgres;
use atoll_protocol::contracts::IAssetRegistry;
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::world::{World, until};

/// What clients saw.
#[derive(Default)]
struct Seen {
    good: usize,
    refused: usize,
    slowest_refusal: Duration,
    slowest: Duration,
    odd: Vec<String>,
}

/// Asks again and again until told to stop.
async fn load(http: Client, base: String, path: &'static str, stop: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let request =
            if path == "/v1/nonces" { http.post(format!("{base}{path}")) } else { http.get(format!("{base}{path}")) };
        let answer = request.send().await;
        seen.slowest = seen.slowest.max(start.elapsed());
        match answer {
            Ok(answer) if answer.status().is_success() => seen.good += 1,
            Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
                seen.refused += 1;
                seen.slowest_refusal = seen.slowest_refusal.max(start.elapsed());
                let told = answer.headers().contains_key("retry-after");
                let problem: Value = answer.json().await.unwrap();
                if !told || problem["type"] != "https://atoll.dev/problems/database-unavailable" {
                    seen.odd.push(problem.to_string());
                }
            }
            Ok(answer) => seen.odd.push(format!("{} {}", answer.status(), answer.text().await.unwrap())),
            Err(error) => seen.odd.push(format!("{error:?}")),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    seen
}

/// An outage of some seconds under load.
async fn outage<T>(begin: impl FnOnce(&mut Postgres) -> T, end: impl AsyncFnOnce(&mut Postgres, T)) {
    let mut postgres = Postgres::start().await.unwrap();
    let mut world = World::on(postgres.create_database("market").await.unwrap()).await;
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    let (registry, salt) = (world.chain.deployment.asset_registry, world.next_salt());
    let id = IAssetRegistry::assetIdOfCall { publisher: publisher.address(), salt };
    let id = world.chain.rpc.read(registry, id).await.unwrap();
    let (document, ciphertext) = world.document(id, provider.address(), "Published while Postgres was away");
    publisher.upload(&ciphertext).await;
    let base = world.server.url().to_owned();
    let stop = Arc::new(AtomicBool::new(false));
    let http = Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let paths = ["/v1/market", "/v1/nonces", "/v1/assets"];
    // More than there are connections to the database.
    let begin_load = |path: &'static str| tokio::spawn(load(http.clone(), base.clone(), path, Arc::clone(&stop)));
    let clients: Vec<_> = (0..24).map(|n| begin_load(paths[n % paths.len()])).collect();
    // It needs no database: what it takes is the machine's own slowness.
    let alive = begin_load("/livez");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = tokio::task::block_in_place(|| begin(&mut postgres));
    until("it says that it is not ready", async || {
        let answer = reqwest::get(format!("{base}/readyz")).await.unwrap();
        answer.status() == StatusCode::SERVICE_UNAVAILABLE && answer.text().await.unwrap().contains("database")
    })
    .await;
    assert_eq!(reqwest::get(format!("{base}/livez")).await.unwrap().status(), StatusCode::NO_CONTENT);
    tokio::time::sleep(Duration::from_secs(4)).await;
    // What happens on chain meanwhile is not lost.
    let terms = world.terms(provider.address(), Address::ZERO, 0);
    let call = IAssetRegistry::publishCall { salt, metadata: document.to_bytes().unwrap().into(), terms };
    let receipt = world.chain.rpc.send(publisher.address(), registry, call).await.unwrap();
    end(&mut postgres, begun).await;
    until("it is ready again", async || {
        reqwest::get(format!("{base}/readyz")).await.unwrap().status() == StatusCode::NO_CONTENT
    })
    .await;
    world.indexed(&receipt).await;
    assert_eq!(reqwest::get(format!("{base}/v1/assets/{id}")).await.unwrap().status(), StatusCode::OK);
    stop.store(true, Ordering::Relaxed);
    let alive = alive.await.unwrap();
    assert!(alive.odd.is_empty() && alive.refused == 0, "{:#?}", alive.odd);
    for client in clients {
        let seen = client.await.unwrap();
        assert!(seen.odd.is_empty(), "{:#?}", seen.odd);
        assert!(seen.good > 0 && seen.refused > 0, "{} {}", seen.good, seen.refused);
        let patience = Duration::from_secs(2) + alive.slowest;
        assert!(
            seen.slowest_refusal < patience,
            "{:?}, and {:?} without a database",
            seen.slowest_refusal,
            alive.slowest
        );
    }
    let log = world.server.process().stderr();
    assert!(!log.contains("panicked"), "{log}");
    assert!(world.server.process().status().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_gone_is_told_at_once() {
    outage(Postgres::kill, async |postgres, ()| postgres.restart().await.unwrap()).await;
}

/// Connections stay open and nothing answers, as behind a broken network.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_hangs_is_told_as_soon() {
    outage(|postgres| Frozen::all_of(postgres.process().pid()), async |_, frozen| drop(frozen)).await;
}

/// A process and its children, stopped until this is dropped.
struct Frozen(Vec<u32>);

impl Frozen {
    fn all_of(parent: u32) -> Self {
        // The parent first: it would start others.
        let mut frozen = Self(vec![parent]);
        frozen.signal("STOP");
        frozen.0.extend(children(parent));
        assert!(frozen.0.len() > 1, "Postgres without a process for a client");
        frozen.signal("STOP");
        frozen
    }

    fn signal(&self, signal: &str) {
        for pid in &self.0 {
            let _ = Command::new("kill").args(["-s", signal, &pid.to_string()]).status();
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}

fn children(of: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        parent == Some(of)
    })
    .collect()
}
