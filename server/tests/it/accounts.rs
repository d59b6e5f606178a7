//! Keys that accounts register: who may, what is proven, and what can not come back.

use alloy::{
    primitives::{Address, B256, Bytes},
    signers::{SignerSync, local::PrivateKeySigner},
};
use atoll_protocol::{
    api::{NewKey, RegisteredKey},
    signed,
};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    contract_wallet,
    person::{Message, Person, expect, problem},
    stage::{key_path, now, registered, registration},
    world::World,
};

async fn put(person: &Person, path: &str, body: &Value) -> Response {
    person.request(Method::PUT, path).json(body).send().await.unwrap()
}

#[tokio::test]
async fn a_registered_key_is_public_proven_and_replaced_only_by_a_later_one() {
    let world = World::start().await;
    let (ada, bob) = (world.person(3).await, world.person(4).await);
    let (orders, path) = (world.chain.deployment.orders, key_path(ada.address()));
    let missing = reqwest::get(format!("{}{path}", ada.base)).await.unwrap();
    problem(missing, 404, "not-found").await;

    let time = now();
    let first = registration(ada.address(), B256::repeat_byte(7), time - 10);
    let body = registered(&ada.wallet, orders, first.clone());
    let kept: RegisteredKey = expect(put(&ada, &path, &body).await, StatusCode::OK).await;
    assert_eq!((kept.key, &kept.registration), (B256::repeat_byte(7), &first));
    let again: RegisteredKey = expect(put(&ada, &path, &body).await, StatusCode::OK).await;
    assert_eq!(again, kept);

    // Anybody reads it, and can check for himself that it is hers.
    let read: RegisteredKey = expect(reqwest::get(format!("{}{path}", ada.base)).await.unwrap(), StatusCode::OK).await;
    assert_eq!(read, kept);
    let hash = signed::signing_hash(&read.registration, &signed::domain(31337, orders));
    assert_eq!(signed::verify(hash, &read.signature, ada.address()), Ok(()));

    // Nobody else writes it, with whatever signature.
    problem(put(&bob, &path, &body).await, 403, "forbidden").await;
    let theirs = registered(&bob.wallet, orders, registration(ada.address(), B256::repeat_byte(8), time));
    problem(put(&bob, &path, &theirs).await, 403, "forbidden").await;
    problem(put(&ada, &path, &theirs).await, 422, "invalid-signature").await;

    let second = registered(&ada.wallet, orders, registration(ada.address(), B256::repeat_byte(9), time));
    let replaced: RegisteredKey = expect(put(&ada, &path, &second).await, StatusCode::OK).await;
    assert_eq!(replaced.key, B256::repeat_byte(9));
    problem(put(&ada, &path, &body).await, 409, "key-superseded").await;
    let rival = registered(&ada.wallet, orders, registration(ada.address(), B256::repeat_byte(8), time));
    problem(put(&ada, &path, &rival).await, 409, "key-superseded").await;

    // Each purpose has its own key.
    let publisher = path.replace("consumer", "publisher");
    problem(put(&ada, &publisher, &second).await, 422, "invalid-body").await;
    let mut other = registration(ada.address(), B256::repeat_byte(3), time);
    other.purpose = "publisher".to_owned();
    let other = registered(&ada.wallet, orders, other);
    let _: RegisteredKey = expect(put(&ada, &publisher, &other).await, StatusCode::OK).await;
    let read: RegisteredKey = expect(ada.get(&path).await, StatusCode::OK).await;
    assert_eq!(read, replaced);
    problem(put(&ada, &path.replace("consumer", "miner"), &second).await, 404, "not-found").await;
    problem(ada.get("/v1/accounts/0x12/keys/consumer").await, 404, "not-found").await;
}

#[tokio::test]
async fn reads_have_a_weak_tag_that_changes_with_what_they_say() {
    let world = World::start().await;
    let ada = world.person(3).await;
    let (orders, path) = (world.chain.deployment.orders, key_path(ada.address()));
    let register = async |key: u8, issued: u64| {
        let registration = registration(ada.address(), B256::repeat_byte(key), issued);
        let body = registered(&ada.wallet, orders, registration);
        expect::<Value>(put(&ada, &path, &body).await, StatusCode::OK).await;
    };
    let known = async |tag: &str| ada.request(Method::GET, &path).header("if-none-match", tag).send().await.unwrap();
    register(7, now() - 1).await;
    let read = ada.get(&path).await;
    let tag = read.headers()["etag"].to_str().unwrap().to_owned();
    let opaque = tag.strip_prefix("W/").unwrap();
    for asked in [&tag, opaque, &format!("\"x\", {tag}"), "*"] {
        let same = known(asked).await;
        assert_eq!((same.status(), same.headers()["etag"].to_str().unwrap()), (StatusCode::NOT_MODIFIED, &*tag));
        assert_eq!(same.headers()["cache-control"], "private, no-cache");
        assert!(same.bytes().await.unwrap().is_empty());
    }
    assert_eq!(known("\"x\"").await.status(), StatusCode::OK);
    register(8, now()).await;
    let changed = known(&tag).await;
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()["etag"].to_str().unwrap(), tag);
}

#[tokio::test]
async fn registrations_at_the_same_time_leave_the_latest() {
    let world = World::start().await;
    let ada = world.person(3).await;
    let path = key_path(ada.address());
    let time = now() - 100;
    let bodies: Vec<_> = (1..=40u8)
        .map(|at| {
            let registration = registration(ada.address(), B256::repeat_byte(at), time + u64::from(at));
            registered(&ada.wallet, world.chain.deployment.orders, registration)
        })
        .collect();
    futures_util::future::join_all(bodies.iter().map(|body| put(&ada, &path, body))).await;
    let read: RegisteredKey = expect(ada.get(&path).await, StatusCode::OK).await;
    assert_eq!(read.key, B256::repeat_byte(40));
}

#[tokio::test]
async fn a_wallet_that_is_a_contract_signs_in_and_registers_by_what_it_accepts() {
    let world = World::start().await;
    let (base, rpc) = (world.server.url(), &world.chain.rpc);
    let owner: PrivateKeySigner = world.chain.accounts[3].key.parse().unwrap();
    let stranger: PrivateKeySigner = world.chain.accounts[4].key.parse().unwrap();
    let wallet = Address::repeat_byte(0xc0);
    let http = crate::contract::Client::new();
    let sign_in = async |signer: &PrivateKeySigner| {
        let text = Message::for_server(&http, base).await.text(wallet);
        let signature = Bytes::from(signer.sign_message_sync(text.as_bytes()).unwrap().as_bytes());
        let body = json!({"message": text, "signature": signature});
        http.post(format!("{base}/v1/sessions")).json(&body).send().await.unwrap()
    };
    // Nothing is there yet: the owner's signature is somebody else's.
    let refused = problem(sign_in(&owner).await, 401, "sign-in-refused").await;
    assert!(refused["detail"].as_str().unwrap().contains("is signed by"), "{refused}");

    contract_wallet::put(rpc, wallet, owner.address()).await;
    let refused = problem(sign_in(&stranger).await, 401, "sign-in-refused").await;
    assert!(refused["detail"].as_str().unwrap().contains("EIP-1271"), "{refused}");
    let session: Value = expect(sign_in(&owner).await, StatusCode::CREATED).await;
    assert_eq!(session["address"], json!(wallet));
    let token = session["token"].as_str().unwrap().to_owned();
    let contract = Person { wallet: owner.clone(), token, base: base.to_owned(), http: http.clone() };

    let orders = world.chain.deployment.orders;
    let statement = registration(wallet, B256::repeat_byte(7), now());
    let foreign = registered(&stranger, orders, statement.clone());
    let refused = problem(put(&contract, &key_path(wallet), &foreign).await, 422, "invalid-signature").await;
    assert!(refused["detail"].as_str().unwrap().contains("EIP-1271"), "{refused}");
    let good = registered(&owner, orders, statement);
    let kept: RegisteredKey = expect(put(&contract, &key_path(wallet), &good).await, StatusCode::OK).await;
    assert_eq!(json!(NewKey { registration: kept.registration, signature: kept.signature }), good);

    // A signature of no form that a key makes is the contract's to judge, up to a length; one without code is not.
    contract_wallet::remove(rpc, wallet).await;
    problem(sign_in(&owner).await, 401, "sign-in-refused").await;
    contract_wallet::put(rpc, wallet, owner.address()).await;
    let text = Message::for_server(&http, base).await.text(wallet);
    let good = owner.sign_message_sync(text.as_bytes()).unwrap().as_bytes();
    let long = Bytes::from([good.as_slice(), &[0; 8192]].concat());
    let body = json!({"message": text, "signature": long});
    let refused = http.post(format!("{base}/v1/sessions")).json(&body).send().await.unwrap();
    problem(refused, 401, "sign-in-refused").await;
}
