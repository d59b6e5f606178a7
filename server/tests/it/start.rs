//! Jobs that begin with a model of the buyer's: sealed to the provider, uploaded like content, and handed to who runs them.

use alloy::primitives::B256;
use atoll_protocol::{
    api::{Job, Lease},
    canonical,
    document::AssetDocument,
    envelope::{ContentKey, PublicKey, content, key_wrap},
    ids::AssetId,
    job::Start,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    person::{Person, expect, problem, sha256},
    world::{Listed, Opened, World, in_an_hour},
};

/// A spec that begins with some bytes, and those sealed to the provider.
fn begun(world: &World, listed: &Listed) -> (Value, Vec<u8>) {
    let asset = AssetId { chain_id: 31337, registry: world.chain.deployment.asset_registry, token_id: listed.token_id };
    let provider = PublicKey(AssetDocument::parse(&listed.metadata).unwrap().atoll.provider.public_key);
    let (key, context, model) = (ContentKey::generate().unwrap(), Start::context(&asset), b"a model");
    let mut sealed = Vec::new();
    content::encrypt(&key, &context.to_bytes(), &model[..], &mut sealed).unwrap();
    let start = Start {
        model_sha256: sha256(model),
        ciphertext_sha256: sha256(&sealed),
        ciphertext_bytes: sealed.len() as u64,
        key: key_wrap::wrap(&provider, &context, &key).unwrap(),
    };
    let mut spec = world.spec(listed);
    spec["start"] = json!(start);
    (spec, sealed)
}

async fn hand_in(world: &World, consumer: &Person, opened: &Opened, spec: &Value) -> reqwest::Response {
    let job = consumer.job(world.chain.deployment.orders, opened.id, spec, in_an_hour());
    consumer.post("/v1/jobs", &serde_json::to_value(&job).unwrap()).await
}

/// Orders and hands in a job that begins with a model.
pub(crate) async fn submit(world: &World, consumer: &Person, listed: &Listed) -> Job {
    let (spec, sealed) = begun(world, listed);
    consumer.upload(&sealed).await;
    let opened = world.open(consumer, listed, canonical::hash(&spec).unwrap()).await;
    expect(hand_in(world, consumer, &opened, &spec).await, StatusCode::CREATED).await
}

#[tokio::test]
async fn a_job_begins_with_a_model_that_was_uploaded_and_its_provider_fetches_it() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let (spec, sealed) = begun(&world, &listed);
    let opened = world.open(&buyer, &listed, canonical::hash(&spec).unwrap()).await;
    problem(hand_in(&world, &buyer, &opened, &spec).await, 409, "content-missing").await;
    buyer.upload(&sealed).await;
    let job: Job = expect(hand_in(&world, &buyer, &opened, &spec).await, StatusCode::CREATED).await;
    let path = format!("/v1/jobs/{}/start-model", job.id);
    let lease: Lease = expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;
    assert_eq!(lease.job.id, job.id);
    for person in [&provider, &buyer] {
        let answer = person.get(&path).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.bytes().await.unwrap(), sealed);
    }
    problem(publisher.get(&path).await, 404, "not-found").await;

    // A job without one has none to fetch.
    let (_, other) = world.submit(&buyer, &listed).await;
    problem(provider.get(&format!("/v1/jobs/{}/start-model", other.id)).await, 404, "not-found").await;
}

#[tokio::test]
async fn a_model_that_can_not_be_opened_or_is_another_is_told_before_it_is_paid_for() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let (mut spec, sealed) = begun(&world, &listed);
    buyer.upload(&sealed).await;
    let preview = async |spec: &Value| buyer.post("/v1/jobs/preview", &json!({"spec": spec})).await;
    assert_eq!(preview(&spec).await.status(), StatusCode::OK);
    let mut stranger = spec.clone();
    stranger["start"]["key"]["recipient"] = json!(B256::repeat_byte(7));
    let told = problem(preview(&stranger).await, 422, "invalid-spec").await;
    assert_eq!(told["errors"][0]["pointer"], "/spec/start/key/recipient", "{told}");
    // Samples are public and tried by everyone: no model of a buyer's is sent there.
    let told = problem(buyer.post("/v1/sample-runs", &json!({"spec": spec})).await, 422, "invalid-spec").await;
    assert_eq!(told["errors"][0]["pointer"], "/spec/start", "{told}");
    // Of another length than what was uploaded.
    spec["start"]["ciphertext_bytes"] = json!(sealed.len() + 1);
    let opened = world.open(&buyer, &listed, canonical::hash(&spec).unwrap()).await;
    problem(hand_in(&world, &buyer, &opened, &spec).await, 409, "content-missing").await;
}
