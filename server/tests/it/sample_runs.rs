//! Specs that are tried for nothing on the rows that a publisher shows.

use atoll_protocol::{
    api::{MAX_SAMPLE_MODEL_BYTES, SampleLease, SampleRun, SampleRunStatus},
    failure::FailureCode,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    person::{Person, expect, problem},
    world::{Listed, World},
};

async fn scene() -> (World, Listed, Person, Person) {
    let world = World::start().await;
    let (publisher, provider, consumer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    (world, listed, provider, consumer)
}

async fn tried(world: &World, consumer: &Person, listed: &Listed) -> SampleRun {
    let answer = consumer.post("/v1/sample-runs", &json!({"spec": world.spec(listed)})).await;
    expect(answer, StatusCode::CREATED).await
}

async fn leased(provider: &Person) -> SampleLease {
    expect(provider.post("/v1/sample-leases", &Value::Null).await, StatusCode::CREATED).await
}

async fn read(person: &Person, run: &SampleRun) -> SampleRun {
    expect(person.get(&format!("/v1/sample-runs/{}", run.id)).await, StatusCode::OK).await
}

/// What a runner says at a run's good end.
pub(crate) fn completed(model: Value) -> Value {
    let epoch = json!({"epoch": 1, "epochs": 1, "loss": 0.5, "test_metric": null});
    let input = json!({"column": "x", "category": null, "scaling": {"offset": 5.0, "scale": 5.0}});
    let report = json!({
        "train_rows": 1, "test_rows": 1, "test_accuracy": null, "test_rmse": null, "test_confusion": [null, null],
        "final_loss": 0.5, "history": [epoch], "inputs": [input], "classes": ["a", "b"], "output_scaling": null,
        "trainer": "a trainer",
    });
    json!({"status": "completed", "report": report, "model": model})
}

async fn end(provider: &Person, run: uuid::Uuid, outcome: &Value) -> reqwest::Response {
    provider.post(&format!("/v1/sample-runs/{run}/outcome"), outcome).await
}

#[tokio::test]
async fn a_spec_is_tried_by_the_provider_and_the_consumer_gets_report_and_model() {
    let (world, listed, provider, consumer) = scene().await;
    let run = tried(&world, &consumer, &listed).await;
    assert_eq!((run.status, run.rows, run.provider), (SampleRunStatus::Queued, 2, provider.address()));
    problem(consumer.get(&format!("/v1/sample-runs/{}/model", run.id)).await, 409, "no-result").await;

    let lease = leased(&provider).await;
    assert_eq!((lease.run, &lease.spec), (run.id, &world.spec(&listed)));
    assert_eq!(lease.metadata["atoll:market"]["sample_rows"], json!([["1", "a"], ["2", "b"]]));
    let nothing = provider.post("/v1/sample-leases", &Value::Null).await;
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);
    assert_eq!(read(&consumer, &run).await.status, SampleRunStatus::Running);

    let ended: SampleRun = expect(end(&provider, run.id, &completed(json!("0x0102"))).await, StatusCode::OK).await;
    assert_eq!(ended, read(&consumer, &run).await);
    assert_eq!((ended.status, ended.model_bytes, &ended.failure), (SampleRunStatus::Completed, Some(2), &None));
    assert_eq!(ended.report.unwrap().final_loss, Some(0.5));
    let model = consumer.get(&format!("/v1/sample-runs/{}/model", run.id)).await;
    assert_eq!(model.bytes().await.unwrap()[..], [1, 2]);
    problem(
        end(&provider, run.id, &json!({"status": "failed", "failure": {"code": "diverged"}})).await,
        409,
        "lease-ended",
    )
    .await;
}

#[tokio::test]
async fn what_can_not_be_tried_is_refused_with_the_reason() {
    let (world, listed, provider, consumer) = scene().await;
    let mut spec = world.spec(&listed);
    spec["training"]["epochs"] = json!(0);
    let refused = problem(consumer.post("/v1/sample-runs", &json!({"spec": spec})).await, 422, "invalid-spec").await;
    assert_eq!(refused["errors"][0]["pointer"], "/spec/training/epochs");

    let hidden = world.publish_without_sample(&world.person(1).await, &provider).await;
    let refused =
        problem(consumer.post("/v1/sample-runs", &json!({"spec": world.spec(&hidden)})).await, 409, "asset-unusable")
            .await;
    assert!(refused["detail"].as_str().unwrap().contains("no sample rows"), "{refused}");

    // A model that is too large for an answer is left away; the rest of the answer stands.
    let run = tried(&world, &consumer, &listed).await;
    assert_eq!(leased(&provider).await.run, run.id);
    let large = format!("0x{}", "00".repeat(MAX_SAMPLE_MODEL_BYTES + 1));
    let refused = problem(end(&provider, run.id, &completed(json!(large))).await, 422, "invalid-body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/model");
    expect::<SampleRun>(end(&provider, run.id, &completed(Value::Null)).await, StatusCode::OK).await;
    let refused = problem(consumer.get(&format!("/v1/sample-runs/{}/model", run.id)).await, 409, "no-result").await;
    assert!(refused["detail"].as_str().unwrap().contains("too large"), "{refused}");
}

#[tokio::test]
async fn nobody_keeps_a_provider_busy_for_nothing() {
    let (world, listed, provider, consumer) = scene().await;
    let body = json!({"spec": world.spec(&listed)});
    let asked = (0..10).map(|_| consumer.post("/v1/sample-runs", &body));
    let answers = futures_util::future::join_all(asked).await;
    let (created, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status() == StatusCode::CREATED);
    assert_eq!((created.len(), refused.len()), (3, 7));
    for answer in refused {
        assert_eq!(answer.headers()["retry-after"], "5");
        problem(answer, 429, "rate-limited").await;
    }
    // Another consumer is not kept waiting, and the first may go on when one has ended.
    tried(&world, &world.person(4).await, &listed).await;
    let lease = leased(&provider).await;
    let failed = json!({"status": "failed", "failure": {"code": "diverged"}});
    let ended: SampleRun = expect(end(&provider, lease.run, &failed).await, StatusCode::OK).await;
    assert_eq!((ended.status, ended.failure), (SampleRunStatus::Failed, Some(FailureCode::Diverged)));
    tried(&world, &consumer, &listed).await;
}

#[tokio::test]
async fn a_run_that_is_left_alone_is_tried_again_and_ends() {
    let (world, listed, provider, consumer) = scene().await;
    let run = tried(&world, &consumer, &listed).await;
    let expire = "UPDATE sample_runs SET lease_expires_at = now() WHERE status = 'running' RETURNING id::text";
    // A second runner gets it when the first has gone, and a third does not.
    for _ in 0..2 {
        assert_eq!(leased(&provider).await.run, run.id);
        assert_eq!(world.rows(expire).await.len(), 1);
        until(&consumer, &run, |run| run.status != SampleRunStatus::Running).await;
    }
    assert_eq!(read(&consumer, &run).await.failure, Some(FailureCode::WorkerCrashed));
    // Whoever comes back too late is told.
    problem(end(&provider, run.id, &completed(Value::Null)).await, 409, "lease-ended").await;

    let unwanted = tried(&world, &consumer, &listed).await;
    world.rows("UPDATE sample_runs SET created_at = now() - interval '6 minutes' RETURNING id::text").await;
    until(&consumer, &unwanted, |run| run.status == SampleRunStatus::Failed).await;
    let failure = read(&consumer, &unwanted).await.failure.unwrap().to_string();
    assert!(failure.contains("no runner of the provider took it within 5 minutes"), "{failure}");

    world.rows("UPDATE sample_runs SET created_at = now() - interval '25 hours' RETURNING id::text").await;
    for _ in 0..100 {
        if consumer.get(&format!("/v1/sample-runs/{}", run.id)).await.status() == StatusCode::NOT_FOUND {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("it is never forgotten");
}

async fn until(person: &Person, run: &SampleRun, is: impl Fn(&SampleRun) -> bool) {
    for _ in 0..100 {
        if is(&read(person, run).await) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("it stays as it is: {:?}", read(person, run).await);
}
