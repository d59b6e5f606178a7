//! What was given away of a data set: its provider says it, and anybody can read it.

use alloy::primitives::{Address, B256};
use atoll_protocol::api::{PrivacyBudget, PrivacyUse};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    person::{Person, expect, problem},
    world::World,
};

async fn say(provider: &Person, of: Address, body: &Value) -> reqwest::Response {
    provider.request(Method::PUT, &format!("/v1/providers/{of}/privacy-ledger")).json(body).send().await.unwrap()
}

fn used(jobs: u32, epsilon_micros: u64) -> PrivacyUse {
    PrivacyUse { jobs, epsilon_micros }
}

#[tokio::test]
async fn a_budget_is_what_its_provider_last_said() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let (first, second) = (world.publish(&publisher, &provider).await, world.publish(&publisher, &provider).await);
    let read = async |token_id, who: Option<Address>| -> PrivacyBudget {
        let query = who.map(|wallet| format!("?buyer={wallet}")).unwrap_or_default();
        expect(buyer.get(&format!("/v1/assets/{token_id}/privacy-budget{query}")).await, StatusCode::OK).await
    };
    let silent = read(first.token_id, Some(buyer.address())).await;
    assert_eq!((silent.spent, silent.spent_by_buyer), (used(0, 0), Some(used(0, 0))));
    assert_eq!((silent.ledger_head, silent.reported_at), (None, None));

    let (all, theirs) = (first.token_id.to_string(), buyer.address());
    let ledger = |head: u8, spent: Value| json!({"head": B256::repeat_byte(head), "spent": spent});
    let spent = json!([
        {"token_id": all, "jobs": 3, "epsilon_micros": 4_000_001},
        {"token_id": all, "buyer": theirs, "jobs": 2, "epsilon_micros": 3_000_000},
    ]);
    assert_eq!(say(&provider, provider.address(), &ledger(1, spent)).await.status(), StatusCode::NO_CONTENT);
    let told = read(first.token_id, Some(buyer.address())).await;
    assert_eq!((told.spent, told.spent_by_buyer), (used(3, 4_000_001), Some(used(2, 3_000_000))));
    assert_eq!(told.ledger_head, Some(B256::repeat_byte(1)));
    assert!(told.reported_at.is_some());
    assert_eq!(read(first.token_id, Some(publisher.address())).await.spent_by_buyer, Some(used(0, 0)));
    assert_eq!(read(first.token_id, None).await.spent_by_buyer, None);
    assert_eq!(read(second.token_id, None).await.spent, used(0, 0));

    // What is said takes the place of what was said, all of it.
    let spent = json!([{"token_id": second.token_id.to_string(), "jobs": 1, "epsilon_micros": 5}]);
    say(&provider, provider.address(), &ledger(2, spent)).await;
    assert_eq!(read(first.token_id, Some(theirs)).await.spent, used(0, 0));
    assert_eq!(read(second.token_id, None).await.spent, used(1, 5));

    // Another provider's word on this one's data is of another ledger.
    let spent = json!([{"token_id": second.token_id.to_string(), "jobs": 9, "epsilon_micros": 9}]);
    say(&buyer, buyer.address(), &ledger(3, spent)).await;
    let told = read(second.token_id, None).await;
    assert_eq!((told.spent, told.ledger_head), (used(1, 5), Some(B256::repeat_byte(2))));
}

#[tokio::test]
async fn a_ledger_that_is_none_is_refused_and_nothing_of_it_is_kept() {
    let world = World::start().await;
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    let listed = world.publish(&publisher, &provider).await;
    let id = listed.token_id.to_string();
    let entry = json!({"token_id": id, "jobs": 1, "epsilon_micros": 5});
    let with = |member: &str, value: Value| {
        let mut entry = entry.clone();
        entry[member] = value;
        json!({"head": B256::ZERO, "spent": [entry]})
    };
    let head = B256::ZERO;
    let address = provider.address();
    for (body, pointer) in [
        (with("jobs", json!(0)), "/spent/0/jobs"),
        (with("jobs", json!(-1)), "/spent/0/jobs"),
        (with("epsilon_micros", json!(1_u64 << 53)), "/spent/0/epsilon_micros"),
        (with("buyer", json!(Address::ZERO)), "/spent/0/buyer"),
        (with("token_id", json!("-1")), "/spent/0/token_id"),
        (with("sigma", json!(1)), "/spent/0/sigma"),
        (json!({"head": head, "spent": [entry, entry]}), "/spent/1/token_id"),
        (json!({"head": head, "spent": vec![entry.clone(); 10_001]}), "/spent"),
        (json!({"head": "0x12", "spent": []}), "/head"),
        (json!({"spent": []}), ""),
    ] {
        let told = problem(say(&provider, address, &body).await, 422, "invalid-body").await;
        let at = told["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert!(at.starts_with(pointer) || pointer.starts_with(at), "{pointer}: {told}");
    }
    let sound = json!({"head": head, "spent": [entry]});
    problem(say(&publisher, address, &sound).await, 403, "forbidden").await;
    let none: PrivacyBudget =
        expect(publisher.get(&format!("/v1/assets/{id}/privacy-budget")).await, StatusCode::OK).await;
    assert_eq!((none.spent, none.ledger_head), (used(0, 0), None));
    problem(publisher.get("/v1/assets/77/privacy-budget").await, 404, "not-found").await;
    problem(publisher.get(&format!("/v1/assets/{id}/privacy-budget?buyer=0x12")).await, 400, "invalid-query").await;
}
