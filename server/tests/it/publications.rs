//! From a document to an asset: checked, built, signed elsewhere, sent and followed.

use alloy::primitives::{Address, U256, keccak256};
use atoll_protocol::{
    api::{Asset, PublicationIdentity, UnsignedTransaction, Validation},
    canonical,
    contracts::IAssetRegistry,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    outsider::Outsider,
    person::{expect, problem},
    world::World,
};

/// Broken documents: where, what is put there (nothing: it is taken away), and every pointer that has to be named.
fn broken() -> Vec<(&'static str, Option<Value>, Vec<&'static str>)> {
    let one = |at: &'static str, value: Value| (at, Some(value), vec![at]);
    let gone = |at: &'static str| (at, None, vec![at]);
    vec![
        one("/@type", json!("sc:Person")),
        one("/conformsTo", json!("http://example.org")),
        one("/name", json!("  ")),
        one("/name", json!("x".repeat(201))),
        one("/name", json!(7)),
        gone("/name"),
        one("/description", json!("x".repeat(10_001))),
        gone("/description"),
        one("/license", json!("")),
        gone("/license"),
        one("/keywords/0", json!(1)),
        gone("/distribution"),
        one("/distribution/0/sha256", json!(null)),
        gone("/recordSet"),
        one("/recordSet/0/field/0/dataType", json!([])),
        one("/recordSet/0/field/0/dataType", json!({"@id": "sc:Float"})),
        one("/atoll:market/version", json!(2)),
        gone("/atoll:market"),
        // A union is read as a whole.
        ("/atoll:market/columns/0/type/min", Some(json!("low")), vec!["/atoll:market/columns/0/type"]),
        one("/atoll:market/columns/1/type/values", json!(["one"])),
        one("/atoll:market/columns/1/type/values", json!(["a", "a"])),
        one("/atoll:market/content/format", json!("zip")),
        one("/atoll:market/content/rows", json!(0)),
        one("/atoll:market/content/rows", json!(-1)),
        one("/atoll:market/content/ciphertext_sha256", json!("0x12")),
        one("/atoll:market/content/ciphertext_bytes", json!(71)),
        gone("/atoll:market/content"),
        one("/atoll:market/content/keys", json!([])),
        one("/atoll:market/content/keys/0/recipient", json!("key")),
        one("/atoll:market/provider/wallet", json!("me")),
        gone("/atoll:market/provider/public_key"),
        one("/atoll:market/policy/max_memory_mib", json!(63)),
        one("/atoll:market/policy/min_rows", json!(1.5)),
        one("/atoll:market/policy/surprise", json!(true)),
        one("/atoll:market/policy/model_families/0", json!("oracle")),
        one("/atoll:market/sample_rows", json!([["1"]])),
        ("/recordSet/0/field/0/name", Some(json!("other")), vec!["/recordSet"]),
    ]
}

fn put(document: &mut Value, at: &str, value: Option<Value>) {
    let (parent, name) = at.rsplit_once('/').unwrap();
    if at == "/keywords/0" {
        document["keywords"] = json!([value.unwrap()]);
        return;
    }
    let parent = document.pointer_mut(parent).unwrap();
    match (value, name.parse::<usize>()) {
        (Some(value), Ok(index)) => parent[index] = value,
        (Some(value), Err(_)) => parent[name] = value,
        (None, _) => drop(parent.as_object_mut().unwrap().remove(name).unwrap()),
    }
}

#[tokio::test]
async fn a_broken_document_is_told_everything_at_once() {
    let world = World::start().await;
    let (document, _) = world.document(U256::from(1), Address::repeat_byte(2), "Points");
    let sound = serde_json::to_value(&document).unwrap();
    let url = format!("{}/v1/publications/validate", world.server.url());
    let http = crate::contract::Client::new();
    let validate = async |document: &Value| -> Validation {
        expect(http.post(&url).json(document).send().await.unwrap(), StatusCode::OK).await
    };

    let valid = validate(&sound).await;
    assert!(valid.valid && valid.errors.is_empty(), "{valid:?}");
    let bytes = canonical::to_bytes(&sound).unwrap();
    assert_eq!((valid.canonical.as_bytes(), valid.bytes), (bytes.as_slice(), bytes.len() as u64));
    assert_eq!(valid.metadata_hash, keccak256(&bytes));

    let cases = broken();
    assert!(cases.len() >= 30);
    for (at, value, expected) in &cases {
        let mut document = sound.clone();
        put(&mut document, at, value.clone());
        let found = validate(&document).await;
        let pointers: Vec<_> = found.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert!(!found.valid && pointers == *expected, "{at} = {value:?}: {:?}", found.errors);
    }

    // All of them that do not touch each other, at once.
    let together = ["/name", "/license", "/atoll:market/content/rows", "/atoll:market/policy/max_memory_mib"];
    let mut document = sound.clone();
    for at in together {
        put(&mut document, at, Some(json!(0)));
    }
    let mut pointers: Vec<_> = validate(&document).await.errors.into_iter().map(|error| error.pointer).collect();
    pointers.sort();
    let mut expected = together;
    expected.sort_unstable();
    assert_eq!(pointers, expected);
    let long = json!({"name": "x".repeat(70_000)});
    assert!(validate(&long).await.errors[0].detail.contains("too many"));
    let answer = http.post(&url).header("content-type", "application/json").body("{").send().await.unwrap();
    problem(answer, 400, "malformed-json").await;
}

#[tokio::test]
async fn a_publisher_with_any_signer_knows_the_id_before_and_follows_the_publication() {
    let world = World::start().await;
    let (publisher, provider) = (Outsider::fund(&world, 1).await, Outsider::fund(&world, 2).await);
    let registry = world.chain.deployment.asset_registry;
    let path = format!("/v1/publications/identity?publisher={}&provider={}", publisher.address(), provider.address());
    let identity: PublicationIdentity = publisher.read(&path).await;
    let call = IAssetRegistry::assetIdOfCall { publisher: publisher.address(), salt: identity.salt };
    assert_eq!(world.chain.rpc.read(registry, call).await.unwrap(), identity.token_id.0);
    assert!(!identity.published);

    let (document, _) = world.document(identity.token_id.0, provider.address(), "Known before");
    let metadata = serde_json::to_value(&document).unwrap();
    let request = json!({
        "kind": "publish", "from": publisher.address(), "salt": identity.salt, "metadata": metadata,
        "service": {"provider": provider.address(), "price": "0"},
    });
    let (unsigned, sent) = publisher.act(&request).await;
    let expected = &unsigned.expected;
    assert_eq!((expected.token_id, expected.datatoken), (Some(identity.token_id), Some(identity.datatoken)));
    assert_eq!(expected.metadata_hash, Some(keccak256(document.to_bytes().unwrap())));
    assert_eq!((unsigned.to, unsigned.value.0, unsigned.chain_id), (registry, U256::ZERO, 31337));
    let asset: Asset = publisher.read(&format!("/v1/assets/{}", identity.token_id)).await;
    assert_eq!((asset.id, asset.services[0].datatoken), (identity.asset, identity.datatoken));
    assert_eq!(asset.transaction, sent);
    let again: PublicationIdentity = publisher.read(&format!("{path}&salt={}", identity.salt)).await;
    assert!(again.published && again.token_id == identity.token_id);

    // Without a salt of one's own the answer brings one.
    let mut request = request;
    request.as_object_mut().unwrap().remove("salt");
    let first: UnsignedTransaction = publisher.built(&request).await;
    let second: UnsignedTransaction = publisher.built(&request).await;
    assert_ne!(first.expected.salt.unwrap(), second.expected.salt.unwrap());
    let call = IAssetRegistry::assetIdOfCall { publisher: publisher.address(), salt: first.expected.salt.unwrap() };
    let token_id = world.chain.rpc.read(registry, call).await.unwrap();
    assert_eq!(first.expected.token_id.unwrap().0, token_id);

    // What would be hidden, or could never be fulfilled, is not built.
    request["metadata"]["license"] = json!("");
    request["metadata"]["atoll:market"]["policy"]["min_rows"] = json!(0);
    let refused = problem(publisher.post("/v1/transactions", &request).await, 422, "invalid-document").await;
    let pointers: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!(pointers, ["/metadata/license", "/metadata/atoll:market/policy/min_rows"]);
    request["metadata"] = metadata;
    request["service"]["provider"] = json!(Address::repeat_byte(9));
    let refused = problem(publisher.post("/v1/transactions", &request).await, 422, "invalid-document").await;
    assert_eq!(refused["errors"][0]["pointer"], "/service/provider");
    for bad in ["", "?publisher=me", "?publisher=0x0000000000000000000000000000000000000001&salt=0x12"] {
        problem(publisher.get(&format!("/v1/publications/identity{bad}")).await, 400, "invalid-query").await;
    }
}
