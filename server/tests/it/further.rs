//! Jobs that use several assets, and algorithms in the catalogue.

use alloy::primitives::{Address, B256, U256};
use atoll_protocol::{
    algorithm::{AlgorithmDocument, Template},
    api::{Job, JobPreview, JobStatus, Lease, OrderTerms},
    canonical,
    contracts::IAssetRegistry,
    document::{AssetDocument, Column, ColumnKind},
    job::JobSpec,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    person::{Person, expect, problem},
    world::{Listed, World, in_an_hour},
};

fn id(world: &World, token_id: U256) -> String {
    format!("eip155:31337/erc721:{}/{token_id}", world.chain.deployment.asset_registry)
}

/// Gives a document a key column and other names, with all that follows from its columns.
fn keyed(document: &mut AssetDocument, column: &str, join_with: &[String]) {
    let mut section = document.atoll.clone();
    section.columns[0].name = column.to_owned();
    section.columns.push(Column { name: "who".into(), kind: ColumnKind::Key {}, description: None });
    section.policy.join_with = join_with.iter().map(|id| id.parse().unwrap()).collect();
    // One provider with one key, as the chain and the runner know it.
    section.provider.public_key = B256::repeat_byte(7);
    section.content.keys[0].recipient = section.provider.public_key;
    let (content, provider, policy) = (section.content, section.provider, section.policy);
    *document = AssetDocument::table("Keyed", "", "MIT", section.columns, content, provider, policy);
}

async fn publish_algorithm(world: &World, author: &Person, provider: Address, template: Template) -> Listed {
    let (salt, registry) = (world.next_salt(), world.chain.deployment.asset_registry);
    let metadata = AlgorithmDocument::new("Tiny net", "One layer.", "MIT", template).to_bytes().unwrap();
    let terms = world.terms(provider, Address::ZERO, 0);
    let call = IAssetRegistry::publishCall { salt, metadata: metadata.clone().into(), terms };
    let receipt = world.chain.rpc.send(author.address(), registry, call).await.unwrap();
    world.indexed(&receipt).await;
    let call = IAssetRegistry::assetIdOfCall { publisher: author.address(), salt };
    let token_id = world.chain.rpc.read(registry, call).await.unwrap();
    let call = IAssetRegistry::datatokenOfCall { assetId: token_id, serviceIndex: 0, provider };
    let datatoken = world.chain.rpc.read(registry, call).await.unwrap();
    Listed { token_id, datatoken, provider, metadata, ciphertext: Vec::new() }
}

/// Two data sets that may be joined, an algorithm, and a spec that uses all three.
struct Three {
    first: Listed,
    second: Listed,
    algorithm: Listed,
    spec: Value,
}

async fn three(world: &World, publisher: &Person, provider: &Person) -> Three {
    let mut second = world.publish_changed(publisher, provider, |document| keyed(document, "z", &[])).await;
    let other = id(world, second.token_id);
    let first =
        world.publish_changed(publisher, provider, |document| keyed(document, "x", std::slice::from_ref(&other))).await;
    let mut agreed = AssetDocument::parse(&second.metadata).unwrap();
    agreed.atoll.policy.join_with = vec![id(world, first.token_id).parse().unwrap()];
    second.metadata = agreed.to_bytes().unwrap();
    let call =
        IAssetRegistry::updateMetadataCall { assetId: second.token_id, metadata: second.metadata.clone().into() };
    let registry = world.chain.deployment.asset_registry;
    let receipt = world.chain.rpc.send(publisher.address(), registry, call).await.unwrap();
    world.indexed(&receipt).await;

    let mut spec = world.spec(&first);
    spec["data"]["joined"] = json!([{"asset": other, "key": "who", "on": "who", "features": ["z"]}]);
    let template = Template::of(&JobSpec::parse(&spec).unwrap());
    let hash = template.hash().unwrap();
    let algorithm = publish_algorithm(world, publisher, provider.address(), template).await;
    spec["algorithm"] = json!({"asset": id(world, algorithm.token_id), "hash": hash});
    Three { first, second, algorithm, spec }
}

#[tokio::test]
async fn a_job_of_several_assets_needs_an_order_of_each_that_no_other_job_lives_on() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let Three { first, second, algorithm, spec } = three(&world, &publisher, &provider).await;
    let hash = canonical::hash(&spec).unwrap();
    let submit = async |order: B256| {
        let job = buyer.job(world.chain.deployment.orders, order, &spec, in_an_hour());
        buyer.post("/v1/jobs", &serde_json::to_value(&job).unwrap()).await
    };
    let lease =
        async || -> Lease { expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await };

    let own = world.open(&buyer, &first, hash).await;
    let names = async |listed: &Listed| {
        let refused = problem(submit(own.id).await, 409, "order-not-open").await;
        assert!(refused["detail"].as_str().unwrap().contains(&id(&world, listed.token_id)), "{refused}");
    };
    names(&second).await;
    // Neither somebody else's order nor one for another spec will do.
    let stranger = world.person(4).await;
    world.open(&stranger, &second, hash).await;
    world.open(&buyer, &second, B256::repeat_byte(1)).await;
    names(&second).await;
    let joined = world.open(&buyer, &second, hash).await;
    names(&algorithm).await;
    let trained = world.open(&buyer, &algorithm, hash).await;
    let job: Job = expect(submit(own.id).await, StatusCode::CREATED).await;

    let held = lease().await;
    assert_eq!((held.job.id, held.further.len()), (job.id, 2));
    for (further, (listed, opened)) in held.further.iter().zip([(&second, &joined), (&algorithm, &trained)]) {
        assert_eq!((&further.order, further.service_index), (&OrderTerms::from(&opened.terms), 0));
        assert_eq!(canonical::to_bytes(&further.metadata).unwrap(), listed.metadata);
    }

    // While that job lives, its orders pay for no other one; once it has failed, they do.
    let again = world.open(&buyer, &first, hash).await;
    problem(submit(again.id).await, 409, "order-not-open").await;
    let failure = json!({"failure": {"code": "diverged"}, "retry": false, "transaction": null});
    let failed: Job =
        expect(provider.post(&format!("/v1/leases/{}/failure", held.id), &failure).await, StatusCode::OK).await;
    assert_eq!(failed.status, JobStatus::Failed);
    let _: Job = expect(submit(again.id).await, StatusCode::CREATED).await;
    let held = lease().await;
    assert_eq!(held.further.len(), 2);

    // The receipt's list has to be what its hash says.
    let mut completion = world.fulfil(&provider, &held, b"sealed").await;
    completion["receipt"]["further"] = json!([B256::repeat_byte(1)]);
    let path = format!("/v1/leases/{}/completion", held.id);
    let refused = problem(provider.post(&path, &completion).await, 422, "receipt-mismatch").await;
    assert_eq!(refused["errors"][0]["pointer"], "/receipt/receipt/furtherHash", "{refused}");
}

/// Two jobs that are handed in at once for the same further order: one gets it.
#[tokio::test]
async fn an_order_is_given_to_one_of_two_jobs_that_ask_at_once() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let Three { first, second, algorithm, spec } = three(&world, &publisher, &provider).await;
    let hash = canonical::hash(&spec).unwrap();
    for round in 0..4 {
        let (one, other) = (world.open(&buyer, &first, hash).await, world.open(&buyer, &first, hash).await);
        world.open(&buyer, &second, hash).await;
        world.open(&buyer, &algorithm, hash).await;
        let submit = async |order: B256| {
            let job = buyer.job(world.chain.deployment.orders, order, &spec, in_an_hour());
            buyer.post("/v1/jobs", &serde_json::to_value(&job).unwrap()).await.status()
        };
        let (one, other) = tokio::join!(submit(one.id), submit(other.id));
        let mut both = [one, other];
        both.sort();
        assert_eq!(both, [StatusCode::CREATED, StatusCode::CONFLICT], "round {round}");
    }
    let shared = world
        .rows("SELECT count(*)::text FROM (SELECT order_id FROM job_orders GROUP BY order_id HAVING count(*) > 1) x");
    assert_eq!(shared.await, ["0"]);
}

#[tokio::test]
async fn what_several_assets_would_cost_is_said_before_anything_is_paid() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let Three { second, algorithm, spec, .. } = three(&world, &publisher, &provider).await;
    let preview = async |spec: &Value| buyer.post("/v1/jobs/preview", &json!({"spec": spec})).await;
    let told: JobPreview = expect(preview(&spec).await, StatusCode::OK).await;
    assert_eq!(told.cost.inputs, 2);
    let refused = async |change: &dyn Fn(&mut Value), pointer: &str| {
        let mut spec = spec.clone();
        change(&mut spec);
        let problem = problem(preview(&spec).await, 422, "invalid-spec").await;
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    };
    let data = id(&world, second.token_id);
    refused(&|spec| spec["algorithm"]["asset"] = json!(data), "/spec/algorithm/asset").await;
    refused(&|spec| spec["algorithm"]["hash"] = json!(B256::ZERO), "/spec/algorithm/hash").await;
    refused(&|spec| spec["training"]["epochs"] = json!(9), "/spec/algorithm/hash").await;
    refused(&|spec| spec["data"]["joined"][0]["key"] = json!("z"), "/spec/data/joined/0/key").await;
    let elsewhere = data.replace("31337", "1");
    refused(&|spec| spec["data"]["joined"][0]["asset"] = json!(elsewhere), "/spec/data/joined/0/asset").await;
    refused(&|spec| spec["algorithm"]["asset"] = json!(elsewhere), "/spec/algorithm/asset").await;
    let mut unknown = spec.clone();
    unknown["data"]["joined"][0]["asset"] = json!(id(&world, algorithm.token_id));
    problem(preview(&unknown).await, 409, "asset-unusable").await;

    let tried = buyer.post("/v1/sample-runs", &json!({"spec": spec})).await;
    let problem = problem(tried, 422, "invalid-spec").await;
    assert_eq!(problem["errors"][0]["pointer"], "/spec/data/joined", "{problem}");
}

#[tokio::test]
async fn algorithms_are_in_the_catalogue_and_can_be_told_from_data() {
    let world = World::start().await;
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    let data = world.publish(&publisher, &provider).await;
    let template = Template::of(&JobSpec::parse(&world.spec(&data)).unwrap());
    let algorithm = publish_algorithm(&world, &publisher, provider.address(), template).await;
    let found = async |query: &str| -> Vec<String> {
        let page: Value = expect(publisher.get(&format!("/v1/assets{query}")).await, StatusCode::OK).await;
        page["items"].as_array().unwrap().iter().map(|one| one["token_id"].as_str().unwrap().to_owned()).collect()
    };
    let (data, algorithm) = (data.token_id.to_string(), algorithm.token_id.to_string());
    assert_eq!(found("").await, [algorithm.clone(), data.clone()]);
    assert_eq!(found("?kind=algorithm").await, std::slice::from_ref(&algorithm));
    assert_eq!(found("?kind=dataset").await, [data]);
    assert_eq!(found("?q=tiny&kind=dataset").await, [] as [String; 0]);
    let facets: Value = expect(publisher.get("/v1/assets/facets?kind=algorithm").await, StatusCode::OK).await;
    assert_eq!(facets["total"], 1);
    problem(publisher.get("/v1/assets?kind=model").await, 400, "invalid-query").await;

    let shown: Value = expect(publisher.get(&format!("/v1/assets/{algorithm}")).await, StatusCode::OK).await;
    assert_eq!((&shown["kind"], &shown["name"]), (&json!("algorithm"), &json!("Tiny net")));
    let valid: Value =
        expect(publisher.post("/v1/publications/validate", &shown["metadata"]).await, StatusCode::OK).await;
    assert_eq!(valid["valid"], true, "{valid}");
    let mut broken = shown["metadata"].clone();
    broken["atoll:algorithm"]["template"]["training"]["epochs"] = json!(0);
    let valid: Value = expect(publisher.post("/v1/publications/validate", &broken).await, StatusCode::OK).await;
    assert_eq!(valid["errors"][0]["pointer"], "/atoll:algorithm/template/training/epochs", "{valid}");
    let history: Value = expect(publisher.get(&format!("/v1/assets/{algorithm}/history")).await, StatusCode::OK).await;
    assert!(history.to_string().contains("published"), "{history}");
    // There is no content that anybody could fetch.
    problem(provider.get(&format!("/v1/assets/{algorithm}/content")).await, 403, "forbidden").await;
}
