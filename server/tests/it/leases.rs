//! Runners that fall silent, give up, or come too late.

use std::time::Duration;

use alloy::primitives::B256;
use atoll_protocol::{
    api::{HeartbeatAnswer, Job, JobStatus, Lease},
    contracts::IOrders,
    failure::FailureCode,
};
use atoll_server::{clock::Clock, reaper::Reaper, store::Store};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    person::{Person, expect, problem},
    world::{World, until},
};

async fn lease(provider: &Person) -> Option<Lease> {
    let answer = provider.post("/v1/leases", &Value::Null).await;
    if answer.status() == StatusCode::NO_CONTENT { None } else { Some(expect(answer, StatusCode::CREATED).await) }
}

async fn read(person: &Person, job: &Job) -> Job {
    expect(person.get(&format!("/v1/jobs/{}", job.id)).await, StatusCode::OK).await
}

#[tokio::test]
async fn a_silent_runner_loses_the_job_three_times_and_then_it_fails() {
    let world = World::with_lease(Some(Duration::from_millis(600))).await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let (_, job) = world.submit(&buyer, &listed).await;

    let first = lease(&provider).await.unwrap();
    // Heartbeats keep it well beyond its length.
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let beat = json!({"status": "running", "progress": []});
        let path = format!("/v1/leases/{}/heartbeats", first.id);
        let _: HeartbeatAnswer = expect(provider.post(&path, &beat).await, StatusCode::OK).await;
    }
    assert_eq!(read(&buyer, &job).await.status, JobStatus::Running);
    until("queued again", async || read(&buyer, &job).await.status == JobStatus::Queued).await;
    let beat = json!({"status": "running", "progress": []});
    problem(provider.post(&format!("/v1/leases/{}/heartbeats", first.id), &beat).await, 409, "lease-ended").await;
    problem(provider.put_bytes(&format!("/v1/leases/{}/result", first.id), vec![1]).await, 409, "lease-ended").await;

    for attempt in 2..=3 {
        let next = lease(&provider).await.unwrap();
        assert_eq!((next.job.id, next.job.attempts), (job.id, attempt));
        assert_ne!(next.id, first.id);
        until("taken away", async || read(&buyer, &job).await.status != JobStatus::Leased).await;
    }
    let ended = read(&buyer, &job).await;
    assert_eq!((ended.status, ended.failure), (JobStatus::Failed, Some(FailureCode::WorkerCrashed)));
    assert!(lease(&provider).await.is_none());
}

#[tokio::test]
async fn a_runner_gives_up_with_a_reason() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;

    // What may succeed later is queued again; what can not is refused, and said twice it is said once.
    let (_, job) = world.submit(&buyer, &listed).await;
    let held = lease(&provider).await.unwrap();
    let fail = async |lease: &Lease, body: serde_json::Value| {
        provider.post(&format!("/v1/leases/{}/failure", lease.id), &body).await
    };
    let crashed = json!({"failure": {"code": "worker_crashed"}, "retry": true, "transaction": null});
    let again: Job = expect(fail(&held, crashed).await, StatusCode::OK).await;
    assert_eq!(again.status, JobStatus::Queued);
    let held = lease(&provider).await.unwrap();
    let refusal = json!({"failure": {"code": "refused", "reason": "not today"}, "retry": false, "transaction": null});
    let refused: Job = expect(fail(&held, refusal.clone()).await, StatusCode::OK).await;
    assert_eq!(refused.status, JobStatus::Refused);
    let twice: Job = expect(fail(&held, refusal).await, StatusCode::OK).await;
    assert_eq!(twice, refused);
    let other = json!({"failure": {"code": "diverged"}, "retry": false, "transaction": null});
    problem(fail(&held, other).await, 409, "lease-ended").await;
    let reason = format!("SELECT reason FROM job_events WHERE job_id = '{}' ORDER BY id DESC LIMIT 1", job.id);
    assert_eq!(world.rows(&reason).await, ["the provider refused the job: not today"]);

    // A cancelled order: the runner is told to stop, and says so itself.
    let (opened, job) = world.submit(&buyer, &listed).await;
    let held = lease(&provider).await.unwrap();
    let call = IOrders::cancelCall { order: opened.terms, reason: B256::ZERO };
    let receipt = world.chain.rpc.send(provider.address(), world.chain.deployment.orders, call).await.unwrap();
    world.indexed(&receipt).await;
    assert_eq!(read(&buyer, &job).await.status, JobStatus::Leased);
    let beat = json!({"status": "running", "progress": []});
    let answer: HeartbeatAnswer =
        expect(provider.post(&format!("/v1/leases/{}/heartbeats", held.id), &beat).await, StatusCode::OK).await;
    assert!(answer.cancel);
    let transaction = receipt["transactionHash"].clone();
    let limit = json!({"failure": {"code": "time_limit"}, "retry": true, "transaction": transaction});
    let ended: Job = expect(fail(&held, limit).await, StatusCode::OK).await;
    assert_eq!((ended.status, ended.failure), (JobStatus::Failed, Some(FailureCode::TimeLimit)));
}

#[tokio::test]
async fn a_cancellation_reaches_the_runner() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let (_, job) = world.submit(&buyer, &listed).await;
    let held = lease(&provider).await.unwrap();
    let path = format!("/v1/jobs/{}/cancellation", job.id);
    let wished: Job = expect(buyer.post(&path, &Value::Null).await, StatusCode::ACCEPTED).await;
    assert_eq!(wished.status, JobStatus::Leased);
    let beat = json!({"status": "leased", "progress": []});
    let answer: HeartbeatAnswer =
        expect(provider.post(&format!("/v1/leases/{}/heartbeats", held.id), &beat).await, StatusCode::OK).await;
    assert!(answer.cancel);
    let gave_up = json!({"failure": {"code": "cancelled"}, "retry": false, "transaction": null});
    let path = format!("/v1/leases/{}/failure", held.id);
    let ended: Job = expect(provider.post(&path, &gave_up).await, StatusCode::OK).await;
    assert_eq!(ended.status, JobStatus::Cancelled);
}

#[tokio::test]
async fn runners_at_the_same_time_get_different_jobs() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let mut submitted = Vec::new();
    for _ in 0..3 {
        submitted.push(world.submit(&buyer, &listed).await.1.id);
    }
    let polls = (0..8).map(|_| lease(&provider));
    let mut leased: Vec<_> =
        futures_util::future::join_all(polls).await.into_iter().flatten().map(|l| l.job.id).collect();
    // A runner that meets another's row passes over it, so none may come back empty-handed for longer than a poll.
    while let Some(lease) = lease(&provider).await {
        leased.push(lease.job.id);
    }
    leased.sort();
    submitted.sort();
    assert_eq!(leased, submitted);
}

#[tokio::test]
async fn jobs_end_with_their_orders_deadline() {
    let world = World::with_lease(Some(Duration::from_millis(500))).await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let (_, queued) = world.submit(&buyer, &listed).await;
    let clock = Clock::new(|| OffsetDateTime::now_utc() + time::Duration::hours(2));
    let store = Store::connect(&world.database, 2).await.unwrap();
    let reaper = Reaper { store, clock, interval: Duration::from_secs(1) };
    assert_eq!(reaper.round().await.unwrap().jobs, 1);
    let ended = read(&buyer, &queued).await;
    assert_eq!((ended.status, ended.failure), (JobStatus::Expired, None));
    assert!(lease(&provider).await.is_none());
    assert_eq!(reaper.round().await.unwrap().jobs, 0);
}

#[tokio::test]
async fn a_fulfilled_order_completes_its_job_even_if_the_runner_never_says_so() {
    let world = World::with_lease(Some(Duration::from_millis(500))).await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let (_, job) = world.submit(&buyer, &listed).await;
    let held = lease(&provider).await.unwrap();
    let completion = world.fulfil(&provider, &held, b"sealed").await;
    until("completed", async || read(&buyer, &job).await.status == JobStatus::Completed).await;
    assert_eq!(read(&buyer, &job).await.receipt, None);
    assert_eq!(buyer.get(&format!("/v1/jobs/{}/result", job.id)).await.bytes().await.unwrap(), "sealed");

    // The runner is back and brings the receipt.
    let path = format!("/v1/leases/{}/completion", held.id);
    let done: Job = expect(provider.post(&path, &completion).await, StatusCode::OK).await;
    assert_eq!(done.status, JobStatus::Completed);
    assert!(done.receipt.is_some());
}

/// Whoever prefers to wait is given a job as soon as it is there, and an answer without one when the time is over.
#[tokio::test]
async fn a_runner_that_waits_has_a_job_at_once() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let waiting = async |seconds: &str| {
        let request = provider.request(Method::POST, "/v1/leases").header("prefer", seconds);
        request.send().await.unwrap()
    };
    let start = std::time::Instant::now();
    assert_eq!(waiting("wait=2").await.status(), StatusCode::NO_CONTENT);
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    // What is not understood is passed over.
    assert_eq!(waiting("wait=long, handling=strict").await.status(), StatusCode::NO_CONTENT);

    let (answer, job) = tokio::join!(waiting("respond-async, wait=10"), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.submit(&buyer, &listed).await.1
    });
    let lease: Lease = expect(answer, StatusCode::CREATED).await;
    assert_eq!(lease.job.id, job.id);
}
