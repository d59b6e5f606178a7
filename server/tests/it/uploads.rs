//! Ciphertext on its way in and out.

use atoll_protocol::{api::Upload, canonical, contracts::IAssetRegistry};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    person::{expect, problem, sha256},
    world::{World, in_an_hour},
};

#[tokio::test]
async fn only_the_announced_bytes_are_kept_and_only_for_their_owner() {
    let world = World::start().await;
    let (ada, bob) = (world.person(3).await, world.person(4).await);
    let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let announced = json!({"sha256": sha256(&bytes), "bytes": bytes.len()});
    let upload: Upload = expect(ada.post("/v1/uploads", &announced).await, StatusCode::CREATED).await;
    let (path, content) = (format!("/v1/uploads/{}", upload.id), format!("/v1/uploads/{}/content", upload.id));

    problem(bob.get(&path).await, 404, "not-found").await;
    problem(bob.put_bytes(&content, bytes.clone()).await, 404, "not-found").await;
    let mut tampered = bytes.clone();
    tampered[150_000] ^= 1;
    let refused = problem(ada.put_bytes(&content, tampered).await, 422, "upload-mismatch").await;
    assert!(refused["detail"].as_str().unwrap().contains("Nothing was stored"), "{refused}");
    problem(ada.put_bytes(&content, bytes[1..].to_vec()).await, 422, "upload-mismatch").await;
    let stored = || std::fs::read_dir(world.server.storage().join("pieces")).map_or(0, |found| found.count());
    assert_eq!(stored(), 0);
    let still: Upload = expect(ada.get(&path).await, StatusCode::OK).await;
    assert_eq!((still.offset, still.complete), (0, false));

    // Refused while much is still to come, and the reason arrives all the same.
    problem(ada.put_bytes(&content, vec![0; 8 << 20]).await, 422, "upload-mismatch").await;
    let stranger = ada.http.put(format!("{}{content}", ada.base)).body(vec![0; 8 << 20]).send().await.unwrap();
    problem(stranger, 401, "unauthenticated").await;

    let complete: Upload = expect(ada.put_bytes(&content, bytes.clone()).await, StatusCode::OK).await;
    assert!(complete.complete && complete.offset == complete.bytes && complete.expires_at.is_none());
    assert_eq!(stored(), 1);
    problem(ada.put_bytes(&content, bytes).await, 409, "upload-complete").await;
    problem(ada.post("/v1/uploads", &json!({"sha256": upload.sha256, "bytes": 0})).await, 422, "invalid-body").await;
    problem(ada.post("/v1/uploads", &json!({"sha256": "0x12", "bytes": 5})).await, 422, "invalid-body").await;
}

#[tokio::test]
async fn a_retry_with_the_same_key_has_the_same_answer_and_no_second_effect() {
    let world = World::start().await;
    let (ada, bob) = (world.person(3).await, world.person(4).await);
    let announced = json!({"sha256": sha256(b"x"), "bytes": 1});
    let create = async |person: &crate::person::Person, key: &str, body: &Value| {
        person.request(Method::POST, "/v1/uploads").header("idempotency-key", key).json(body).send().await.unwrap()
    };
    let first: Value = expect(create(&ada, "one", &announced).await, StatusCode::CREATED).await;
    let again: Value = expect(create(&ada, "one", &announced).await, StatusCode::CREATED).await;
    assert_eq!(first, again);
    let other = json!({"sha256": sha256(b"y"), "bytes": 1});
    problem(create(&ada, "one", &other).await, 422, "idempotency-key-reused").await;
    for key in ["", "a\tb", "\u{e9}"] {
        problem(create(&ada, key, &announced).await, 400, "invalid-header").await;
    }
    let foreign: Value = expect(create(&bob, "one", &announced).await, StatusCode::CREATED).await;
    assert_ne!(first["id"], foreign["id"]);

    assert_eq!(world.rows("SELECT count(*)::text FROM uploads").await, ["2"]);
}

#[tokio::test]
async fn sealed_content_goes_to_the_named_provider_only() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let path = format!("/v1/assets/{}/content", listed.token_id);
    let answer = provider.get(&path).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-length"], listed.ciphertext.len().to_string().as_str());
    assert_eq!(answer.bytes().await.unwrap(), listed.ciphertext);
    for person in [&publisher, &buyer] {
        problem(person.get(&path).await, 403, "forbidden").await;
    }
    problem(provider.get("/v1/assets/7/content").await, 404, "not-found").await;

    // New metadata whose content nobody has uploaded: nothing to fetch, and no job can start.
    let (document, _) = world.document(listed.token_id, provider.address(), "Not here yet");
    let metadata = document.to_bytes().unwrap().into();
    let call = IAssetRegistry::updateMetadataCall { assetId: listed.token_id, metadata };
    let registry = world.chain.deployment.asset_registry;
    let receipt = world.chain.rpc.send(publisher.address(), registry, call).await.unwrap();
    world.indexed(&receipt).await;
    problem(provider.get(&path).await, 404, "not-found").await;
    let spec = world.spec(&listed);
    let opened = world.open(&buyer, &listed, canonical::hash(&spec).unwrap()).await;
    let job = buyer.job(world.chain.deployment.orders, opened.id, &spec, in_an_hour());
    problem(buyer.post("/v1/jobs", &serde_json::to_value(&job).unwrap()).await, 409, "content-missing").await;
    problem(provider.get(&format!("/v1/assets/0{}/content", listed.token_id)).await, 404, "not-found").await;
}
