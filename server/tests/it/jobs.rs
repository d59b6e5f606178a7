//! Jobs, from the order to the result.

use alloy::primitives::{B256, Bytes};
use atoll_protocol::{
    api::{
        Environment, Job, JobEvent, JobPreview, JobStatus, Lease, NewJob, Order, OrderStatus, Page, ProviderStatus,
        SignedReceipt,
    },
    canonical,
    contracts::IOrders,
    document::AssetDocument,
    job::JobSpec,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::{
    person::{expect, problem},
    world::{World, in_an_hour, until},
};

fn body(job: &NewJob) -> Value {
    serde_json::to_value(job).unwrap()
}

fn events(stream: &str) -> Vec<JobEvent> {
    stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

#[tokio::test]
async fn a_job_runs_from_order_to_result() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let status = ProviderStatus {
        public_key: B256::repeat_byte(5),
        sandbox: vec!["seccomp".into()],
        trainer_hash: B256::repeat_byte(6),
        environment: Environment { cores: 2, memory_mib: 4096, jobs_at_once: 1, flops_per_second: Some(2_000_000) },
    };
    let own = format!("/v1/providers/{}", provider.address());
    let put = provider.request(Method::PUT, &own).json(&status).send().await.unwrap();
    let known: Value = expect(put, StatusCode::OK).await;
    assert_eq!((&known["online"], &known["status"]["sandbox"][0]), (&json!(true), &json!("seccomp")));
    assert_eq!(
        known["status"]["environment"],
        json!({"cores": 2, "memory_mib": 4096, "jobs_at_once": 1, "flops_per_second": 2_000_000})
    );
    for layers in [vec![String::new()], vec!["a\0".into()], vec!["x".repeat(65)], vec!["seccomp".into(); 65]] {
        let odd = ProviderStatus { sandbox: layers, ..status.clone() };
        let refused = provider.request(Method::PUT, &own).json(&odd).send().await.unwrap();
        assert_eq!(problem(refused, 422, "invalid-body").await["errors"][0]["pointer"], "/sandbox");
    }
    for name in ["cores", "memory_mib", "jobs_at_once"] {
        let mut odd = serde_json::to_value(&status).unwrap();
        odd["environment"][name] = json!(0);
        let refused = provider.request(Method::PUT, &own).json(&odd).send().await.unwrap();
        let refused = problem(refused, 422, "invalid-body").await;
        assert_eq!(refused["errors"][0]["pointer"], format!("/environment/{name}"));
    }
    problem(buyer.request(Method::PUT, &own).json(&status).send().await.unwrap(), 403, "forbidden").await;
    problem(buyer.get(&format!("/v1/providers/{}", buyer.address())).await, 404, "not-found").await;

    let nothing = provider.post("/v1/leases", &Value::Null).await;
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);
    let (opened, job) = world.submit(&buyer, &listed).await;
    assert_eq!((job.status, job.consumer, job.provider), (JobStatus::Queued, buyer.address(), provider.address()));
    let path = format!("/v1/jobs/{}", job.id);
    let stream = tokio::spawn({
        let (buyer, path) = (buyer.clone(), path.clone());
        async move { buyer.get(&format!("{path}/events")).await.text().await.unwrap() }
    });
    for early in ["result", "receipt"] {
        problem(buyer.get(&format!("{path}/{early}")).await, 409, "no-result").await;
    }

    assert_eq!(buyer.post("/v1/leases", &Value::Null).await.status(), StatusCode::NO_CONTENT);
    let lease: Lease = expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;
    assert_eq!((lease.job.id, lease.job.status, lease.job.attempts), (job.id, JobStatus::Leased, 1));
    assert_eq!(canonical::to_bytes(&lease.metadata).unwrap(), listed.metadata);
    assert_eq!((canonical::hash(&lease.spec).unwrap(), lease.service_index), (lease.request.spec_hash(), 0));
    assert_eq!(provider.post("/v1/leases", &Value::Null).await.status(), StatusCode::NO_CONTENT);

    let beats = format!("/v1/leases/{}/heartbeats", lease.id);
    let progress = |epoch: u32| json!({"epoch": epoch, "epochs": 3, "loss": 0.5, "test_metric": null});
    let beat = json!({"status": "running", "progress": [progress(1), progress(2)]});
    problem(buyer.post(&beats, &beat).await, 404, "not-found").await;
    problem(provider.post(&beats, &json!({"status": "completed", "progress": []})).await, 422, "invalid-body").await;
    let answer: Value = expect(provider.post(&beats, &beat).await, StatusCode::OK).await;
    assert_eq!(answer["cancel"], false);

    let sealed = vec![7u8; 100_000];
    let completion = world.fulfil(&provider, &lease, &sealed).await;
    let complete = format!("/v1/leases/{}/completion", lease.id);
    let mut wrong = completion.clone();
    wrong["receipt"]["receipt"]["epsilonMicros"] = json!(1);
    problem(provider.post(&complete, &wrong).await, 422, "invalid-signature").await;
    problem(buyer.post(&complete, &completion).await, 404, "not-found").await;
    let done: Job = expect(provider.post(&complete, &completion).await, StatusCode::OK).await;
    assert_eq!((done.status, done.result.as_ref().unwrap().bytes), (JobStatus::Completed, 100_000));
    let again: Job = expect(provider.post(&complete, &completion).await, StatusCode::OK).await;
    assert_eq!(again, done);

    for person in [&publisher, &provider] {
        problem(person.get(&format!("{path}/result")).await, 404, "not-found").await;
    }
    assert_eq!(buyer.get(&format!("{path}/result")).await.bytes().await.unwrap(), sealed);
    let seen: Job = expect(buyer.get(&path).await, StatusCode::OK).await;
    assert_eq!(seen, done);
    let receipt: SignedReceipt = expect(provider.get(&format!("{path}/receipt")).await, StatusCode::OK).await;
    assert_eq!(Some(receipt), done.receipt);
    problem(publisher.get(&format!("{path}/receipt")).await, 404, "not-found").await;

    let live = events(&stream.await.unwrap());
    let steps: Vec<_> = live.iter().map(|e| (e.id, e.status, e.progress.map(|p| p.epoch))).collect();
    assert_eq!(
        steps,
        [
            (1, JobStatus::Queued, None),
            (2, JobStatus::Leased, None),
            (3, JobStatus::Running, None),
            (4, JobStatus::Running, Some(1)),
            (5, JobStatus::Running, Some(2)),
            (6, JobStatus::Completed, None)
        ]
    );
    let resume = async |last: &str| {
        let request = buyer.request(Method::GET, &format!("{path}/events")).header("last-event-id", last);
        request.send().await.unwrap()
    };
    assert_eq!(events(&resume("4").await.text().await.unwrap()), live[4..]);
    assert_eq!(resume("6").await.status(), StatusCode::NO_CONTENT);
    problem(resume("x").await, 400, "invalid-header").await;
    problem(publisher.get(&format!("{path}/events")).await, 404, "not-found").await;

    until("the order is fulfilled", async || {
        let order: Order = expect(buyer.get(&format!("/v1/orders/{}", opened.id)).await, StatusCode::OK).await;
        order.status == OrderStatus::Fulfilled && order.receipt_hash.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_request_that_does_not_hold_is_refused_with_its_reason() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let (orders, spec) = (world.chain.deployment.orders, world.spec(&listed));
    let opened = world.open(&buyer, &listed, canonical::hash(&spec).unwrap()).await;
    let good = buyer.job(orders, opened.id, &spec, in_an_hour());
    let send = async |job: &NewJob| buyer.post("/v1/jobs", &body(job)).await;

    // Another wallet's signature; another wallet's order; an order that is not there.
    let foreign = NewJob { signature: publisher.job(orders, opened.id, &spec, in_an_hour()).signature, ..good.clone() };
    let refused = problem(send(&foreign).await, 422, "invalid-signature").await;
    assert!(refused["detail"].as_str().unwrap().contains("is signed by"), "{refused}");
    let other = publisher.job(orders, opened.id, &spec, in_an_hour());
    problem(publisher.post("/v1/jobs", &body(&other)).await, 404, "not-found").await;
    problem(publisher.get(&format!("/v1/orders/{}", opened.id)).await, 404, "not-found").await;
    let missing = buyer.job(orders, B256::repeat_byte(1), &spec, in_an_hour());
    problem(send(&missing).await, 404, "not-found").await;
    let mut cut = good.clone();
    cut.signature = Bytes::from(good.signature[..64].to_vec());
    problem(send(&cut).await, 422, "invalid-signature").await;

    // Past its own deadline; another spec than signed; another spec than ordered.
    let late = buyer.job(orders, opened.id, &spec, OffsetDateTime::now_utc() - Duration::seconds(5));
    problem(send(&late).await, 422, "request-expired").await;
    let mut swapped = good.clone();
    swapped.spec["training"]["epochs"] = json!(4);
    let refused = problem(send(&swapped).await, 422, "invalid-body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/request/specHash");
    let other = buyer.job(orders, opened.id, &swapped.spec, in_an_hour());
    let refused = problem(send(&other).await, 422, "invalid-body").await;
    assert!(refused["detail"].as_str().unwrap().contains("another spec"), "{refused}");

    // A spec that can not run, ordered and signed all the same: every place is named.
    let mut bad = spec.clone();
    bad["data"]["target"] = json!("accuracy");
    bad["training"]["epochs"] = json!(0);
    let ordered = world.open(&buyer, &listed, canonical::hash(&bad).unwrap()).await;
    let refused = problem(send(&buyer.job(orders, ordered.id, &bad, in_an_hour())).await, 422, "invalid-spec").await;
    let pointers: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert!(pointers.contains(&"/spec/training/epochs"), "{pointers:?}");
    let mut unknown = spec.clone();
    unknown["layers"][0]["kind"] = json!("attention");
    let ordered = world.open(&buyer, &listed, canonical::hash(&unknown).unwrap()).await;
    let refused =
        problem(send(&buyer.job(orders, ordered.id, &unknown, in_an_hour())).await, 422, "invalid-spec").await;
    assert!(refused["detail"].as_str().unwrap().contains("attention"), "{refused}");
    let mut target = spec.clone();
    target["data"]["target"] = json!("accuracy");
    let ordered = world.open(&buyer, &listed, canonical::hash(&target).unwrap()).await;
    let refused = problem(send(&buyer.job(orders, ordered.id, &target, in_an_hour())).await, 422, "invalid-spec").await;
    assert_eq!(refused["errors"][0]["pointer"], "/spec/data/target");

    // Whom the policy excludes.
    let denied = world.person(9).await;
    let ordered = world.open(&denied, &listed, canonical::hash(&spec).unwrap()).await;
    let job = denied.job(orders, ordered.id, &spec, in_an_hour());
    problem(denied.post("/v1/jobs", &body(&job)).await, 403, "forbidden").await;

    // Bodies of another form.
    problem(buyer.post("/v1/jobs", &json!({})).await, 422, "invalid-body").await;
    let text = buyer.request(Method::POST, "/v1/jobs").header("content-type", "application/json").body("{");
    problem(text.send().await.unwrap(), 400, "malformed-json").await;
    let plain = buyer.request(Method::POST, "/v1/jobs").body("{}").send().await.unwrap();
    problem(plain, 415, "unsupported-media-type").await;
    let large = json!({"spec": "x".repeat(2 << 20)});
    problem(buyer.post("/v1/jobs", &large).await, 413, "too-large").await;

    // Nothing of all this used the order.
    let job: Job = expect(send(&good).await, StatusCode::CREATED).await;
    assert_eq!(job.order_id, opened.id);
    assert_eq!(world.rows("SELECT count(*)::text FROM jobs").await, ["1"]);
}

#[tokio::test]
async fn an_order_pays_for_one_job_and_jobs_are_their_partys_own() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let (orders, spec) = (world.chain.deployment.orders, world.spec(&listed));
    let opened = world.open(&buyer, &listed, canonical::hash(&spec).unwrap()).await;
    let job = buyer.job(orders, opened.id, &spec, in_an_hour());
    let send = async |key: &str| {
        buyer.request(Method::POST, "/v1/jobs").header("idempotency-key", key).json(&job).send().await.unwrap()
    };
    let first: Job = expect(send("one").await, StatusCode::CREATED).await;
    let again: Job = expect(send("one").await, StatusCode::CREATED).await;
    assert_eq!(first, again);
    let refused = problem(send("two").await, 409, "order-used").await;
    assert!(refused["detail"].as_str().unwrap().contains("already pays for a job"), "{refused}");

    let path = format!("/v1/jobs/{}", first.id);
    problem(publisher.get(&path).await, 404, "not-found").await;
    problem(publisher.post(&format!("{path}/cancellation"), &Value::Null).await, 404, "not-found").await;
    problem(provider.post(&format!("{path}/cancellation"), &Value::Null).await, 404, "not-found").await;
    problem(buyer.get("/v1/jobs/no-id").await, 404, "not-found").await;
    let _: Job = expect(provider.get(&path).await, StatusCode::OK).await;
    for (person, jobs) in [(&publisher, 0), (&provider, 1), (&buyer, 1)] {
        let page: Page<Job> = expect(person.get("/v1/jobs").await, StatusCode::OK).await;
        assert_eq!(page.items.len(), jobs);
    }

    // No runner was ever there, so the wish is granted at once and the order is free for another try.
    let cancelled: Job =
        expect(buyer.post(&format!("{path}/cancellation"), &Value::Null).await, StatusCode::ACCEPTED).await;
    assert_eq!(cancelled.status, JobStatus::Cancelled);
    problem(buyer.post(&format!("{path}/cancellation"), &Value::Null).await, 409, "job-ended").await;
    let second: Job = expect(send("three").await, StatusCode::CREATED).await;
    let page: Page<Job> = expect(buyer.get("/v1/jobs?limit=1").await, StatusCode::OK).await;
    assert_eq!(page.items[0].id, second.id);
    let next = format!("/v1/jobs?limit=1&cursor={}", page.next_cursor.unwrap());
    let page: Page<Job> = expect(buyer.get(&next).await, StatusCode::OK).await;
    assert_eq!((page.items[0].id, page.next_cursor), (first.id, None));

    // A cancelled order takes its queued job with it and pays for nothing more.
    let call = IOrders::cancelCall { order: opened.terms, reason: B256::ZERO };
    let receipt = world.chain.rpc.send(provider.address(), orders, call).await.unwrap();
    world.indexed(&receipt).await;
    let ended: Job = expect(buyer.get(&format!("/v1/jobs/{}", second.id)).await, StatusCode::OK).await;
    assert_eq!(ended.status, JobStatus::Cancelled);
    problem(send("four").await, 409, "order-not-open").await;
    let page: Page<Order> = expect(buyer.get("/v1/orders?status=cancelled").await, StatusCode::OK).await;
    assert_eq!(page.items.len(), 1);
    let page: Page<Order> = expect(buyer.get("/v1/orders?status=open").await, StatusCode::OK).await;
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn a_preview_says_what_a_job_would_need_and_what_stands_against_it() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let spec = world.spec(&listed);
    let ask = async |spec: &Value| buyer.post("/v1/jobs/preview", &json!({"spec": spec})).await;
    let preview: JobPreview = expect(ask(&spec).await, StatusCode::OK).await;
    assert_eq!(preview.spec_hash, canonical::hash(&spec).unwrap());
    let document = AssetDocument::parse(&listed.metadata).unwrap();
    let cost = JobSpec::parse(&spec).unwrap().check(&document).unwrap();
    assert_eq!((preview.cost, preview.rows), (cost, document.atoll.content.rows));
    assert!(cost.flops > 0 && cost.memory_bytes > 0 && cost.parameters > 0);
    // How long it takes is told by the provider's own speed, once it has told of one.
    assert_eq!(preview.seconds, None);
    let path = format!("/v1/providers/{}", provider.address());
    let status = |speed: Option<u64>| {
        let machine = json!({"cores": 2, "memory_mib": 4096, "jobs_at_once": 1, "flops_per_second": speed});
        json!({"public_key": B256::repeat_byte(1), "sandbox": [], "trainer_hash": B256::repeat_byte(2), "environment": machine})
    };
    let put = async |status: &Value| provider.request(Method::PUT, &path).json(status).send().await.unwrap();
    for (speed, seconds) in [(None, None), (Some(cost.flops - 1), Some(2)), (Some(cost.flops * 9), Some(1))] {
        let _: Value = expect(put(&status(speed)).await, StatusCode::OK).await;
        let preview: JobPreview = expect(ask(&spec).await, StatusCode::OK).await;
        assert_eq!(preview.seconds, seconds, "{speed:?}");
    }
    let wrong = problem(put(&status(Some(0))).await, 422, "invalid-body").await;
    assert_eq!(wrong["errors"][0]["pointer"], "/environment/flops_per_second");

    let with = |pointer: &str, value: Value| {
        let mut spec = spec.clone();
        *spec.pointer_mut(pointer).unwrap() = value;
        spec
    };
    let wrong = problem(ask(&with("/training/epochs", json!(0))).await, 422, "invalid-spec").await;
    assert_eq!(wrong["errors"][0]["pointer"], "/spec/training/epochs");
    let name = spec["data"]["asset"].as_str().unwrap();
    let unknown = format!("{}/1", name.rsplit_once('/').unwrap().0);
    problem(ask(&with("/data/asset", json!(unknown))).await, 404, "not-found").await;
    let elsewhere = name.replace("eip155:31337", "eip155:1");
    let wrong = problem(ask(&with("/data/asset", json!(elsewhere))).await, 422, "invalid-spec").await;
    assert_eq!(wrong["errors"][0]["pointer"], "/spec/data/asset");
}
