//! Several servers on one database, and one that is restarted while it is used.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use atoll_protocol::api::{Job, JobStatus, Lease};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    person::{Person, expect},
    world::World,
};

/// The next event of a stream.
async fn event(stream: &mut Response, text: &mut String) -> Option<Value> {
    loop {
        if let Some((one, rest)) = text.split_once("\n\n") {
            let data = one.lines().find_map(|line| line.strip_prefix("data: ")).map(str::to_owned);
            *text = rest.to_owned();
            match data {
                Some(data) => return Some(serde_json::from_str(&data).unwrap()),
                None => continue,
            }
        }
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap()?).unwrap());
    }
}

#[tokio::test]
async fn a_job_goes_through_two_servers_and_its_stream_hears_of_it_at_once() {
    let world = World::start().await;
    let other = world.beside().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let there = |person: &Person| Person { base: other.url().to_owned(), ..person.clone() };
    // Announced on one, sent to the other, published: both know it.
    let listed = world.publish(&there(&publisher), &provider).await;
    let (_, job) = world.submit(&buyer, &listed).await;
    let mut stream = there(&buyer).get(&format!("/v1/jobs/{}/events", job.id)).await;
    let mut text = String::new();
    let first = event(&mut stream, &mut text).await.unwrap();
    assert_eq!((&first["id"], &first["status"]), (&json!(1), &json!("queued")));

    // A stream that hears of nothing looks every 5 s by itself: news that are there in 4 s came from the database.
    let mut heard = async |status: &str| {
        let next = tokio::time::timeout(Duration::from_secs(4), event(&mut stream, &mut text));
        let next = next.await.unwrap_or_else(|_| panic!("no news of {status}")).unwrap();
        assert_eq!(next["status"], status);
        next["id"].as_u64().unwrap()
    };
    let lease: Lease = expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;
    assert_eq!(heard("leased").await, 2);
    let beat = json!({"status": "running", "progress": []});
    let path = format!("/v1/leases/{}/heartbeats", lease.id);
    let beaten = there(&provider).post(&path, &beat).await;
    assert!(beaten.status().is_success(), "{}", beaten.text().await.unwrap());
    assert_eq!(heard("running").await, 3);
    let completion = world.fulfil(&provider, &lease, b"sealed").await;
    let path = format!("/v1/leases/{}/completion", lease.id);
    let completed = there(&provider).post(&path, &completion).await;
    assert!(completed.status().is_success(), "{}", completed.text().await.unwrap());
    while heard_until_end(&mut stream, &mut text).await != "completed" {}
    for buyer in [&buyer, &there(&buyer)] {
        let read: Job = expect(buyer.get(&format!("/v1/jobs/{}", job.id)).await, StatusCode::OK).await;
        assert_eq!(read.status, JobStatus::Completed);
        let result = buyer.get(&format!("/v1/jobs/{}/result", job.id)).await;
        assert_eq!(result.bytes().await.unwrap(), "sealed");
    }
}

async fn heard_until_end(stream: &mut Response, text: &mut String) -> String {
    event(stream, text)
        .await
        .expect("the stream ended before the job")
        .get("status")
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn two_servers_never_lease_one_job_twice() {
    let world = World::start().await;
    let other = world.beside().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(world.submit(&buyer, &listed).await.1.id);
    }
    let there = Person { base: other.url().to_owned(), ..provider.clone() };
    let runners = (0..12).map(|n| {
        let runner = if n % 2 == 0 { provider.clone() } else { there.clone() };
        tokio::spawn(async move {
            let answer = runner.post("/v1/leases", &Value::Null).await;
            match answer.status() {
                StatusCode::CREATED => Some(expect::<Lease>(answer, StatusCode::CREATED).await.job.id),
                _ => None,
            }
        })
    });
    let mut leased = Vec::new();
    for runner in runners {
        leased.extend(runner.await.unwrap());
    }
    leased.sort();
    jobs.sort();
    assert_eq!(leased, jobs);
}

/// Asks again and again until told to stop. A connection that is refused is tried once more when the server listens
/// again; any other failure is told.
async fn load(
    http: Client,
    base: String,
    made: usize,
    token: String,
    stop: Arc<AtomicBool>,
) -> (usize, usize, Vec<String>) {
    let (mut asked, mut refused, mut failures) = (0, 0, Vec::new());
    let request = |n: usize| -> RequestBuilder {
        match n % 3 {
            0 => http.get(format!("{base}/v1/market")),
            1 => http.post(format!("{base}/v1/nonces")),
            _ => http
                .post(format!("{base}/v1/uploads"))
                .bearer_auth(&token)
                .header("idempotency-key", format!("load-{made}-{n}"))
                .json(&json!({"sha256": crate::person::sha256(n.to_string().as_bytes()), "bytes": 1})),
        }
    };
    while !stop.load(Ordering::Relaxed) {
        asked += 1;
        let mut answer = request(asked).send().await;
        if answer.as_ref().is_err_and(reqwest::Error::is_connect) {
            refused += 1;
            listens(&base).await;
            answer = request(asked).send().await;
        }
        match answer {
            Ok(answer) if answer.status().is_success() => drop(answer.bytes().await),
            Ok(answer) => failures.push(format!("{} {}", answer.status(), answer.text().await.unwrap_or_default())),
            Err(error) => failures.push(format!("{error:?}")),
        }
    }
    (asked, refused, failures)
}

async fn listens(base: &str) {
    let address = base.strip_prefix("http://").unwrap();
    for _ in 0..1200 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nobody listens at {address} for 30 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_under_load_loses_no_request() {
    let mut world = World::start().await;
    let publisher = world.person(1).await;
    let base = world.server.url().to_owned();
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|n| tokio::spawn(load(Client::new(), base.clone(), n, publisher.token.clone(), Arc::clone(&stop))))
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        world.server.restart().await.unwrap();
        assert_eq!(world.server.url(), base);
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    stop.store(true, Ordering::Relaxed);
    let (mut asked, mut refused) = (0, 0);
    for client in clients {
        let (requests, connections, failures) = client.await.unwrap();
        assert!(failures.is_empty(), "{failures:#?}");
        asked += requests;
        refused += connections;
    }
    assert!(asked > 100 && refused > 0, "{asked} requests, {refused} refused: the restart was not under load");
}
