//! Sign-in and what tries to get around it.

use alloy::{
    primitives::{Bytes, Signature, U256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{
    person::{Message, expect, problem, sha256},
    world::World,
};

type Spoil = fn(&mut Message, OffsetDateTime);

#[tokio::test]
async fn a_session_lasts_until_it_is_ended_and_only_its_hash_is_kept() {
    let world = World::start().await;
    let ada = world.person(3).await;
    let _: serde_json::Value = expect(ada.get("/v1/jobs").await, StatusCode::OK).await;
    let kept = world.rows("SELECT encode(token_hash, 'hex') FROM sessions").await;
    assert_eq!(kept, [alloy::primitives::hex::encode(sha256(ada.token.as_bytes()))]);

    let ended = ada.request(Method::DELETE, "/v1/sessions/current").send().await.unwrap();
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    let refused = ada.get("/v1/jobs").await;
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    problem(refused, 401, "unauthenticated").await;
    let without = ada.http.get(format!("{}/v1/jobs", ada.base)).send().await.unwrap();
    problem(without, 401, "unauthenticated").await;
    let other =
        ada.http.get(format!("{}/v1/jobs", ada.base)).header("authorization", "Basic eDp5").send().await.unwrap();
    problem(other, 401, "unauthenticated").await;
}

#[tokio::test]
async fn every_wrong_sign_in_is_refused_and_costs_its_nonce() {
    let world = World::start().await;
    let base = world.server.url().to_owned();
    let http = reqwest::Client::new();
    let wallet: PrivateKeySigner = world.chain.accounts[3].key.parse().unwrap();
    let sign = |text: &str| wallet.sign_message_sync(text.as_bytes()).unwrap();
    let send = async |text: String, signature: Signature| {
        let body = json!({"message": text, "signature": Bytes::from(signature.as_bytes())});
        http.post(format!("{base}/v1/sessions")).json(&body).send().await.unwrap()
    };

    let now = OffsetDateTime::now_utc();
    let spoil: [(&str, Spoil); 8] = [
        ("is for `evil.example`", |m, _| m.domain = "evil.example".into()),
        ("URI is `http://evil.example`", |m, _| m.uri = "http://evil.example".into()),
        ("is for chain 1;", |m, _| m.chain = 1),
        ("issued more than a minute ago", |m, now| m.issued = now - Duration::seconds(90)),
        ("issued more than a minute ago or ahead", |m, now| m.issued = now + Duration::seconds(90)),
        ("at most 10 minutes", |m, now| m.expires = now + Duration::minutes(20)),
        ("has expired", |m, now| m.expires = now - Duration::seconds(1)),
        ("nonce was used, has expired or never was", |m, _| m.nonce = "0123456789abcdef0123456789abcdef".into()),
    ];
    for (words, spoil) in spoil {
        let mut message = Message::for_server(&http, &base).await;
        let nonce = message.nonce.clone();
        spoil(&mut message, now);
        let text = message.text(wallet.address());
        let refused = problem(send(text.clone(), sign(&text)).await, 401, "sign-in-refused").await;
        assert!(refused["detail"].as_str().unwrap().contains(words), "{words}: {refused}");
        if message.nonce != nonce {
            continue;
        }
        // Put right, the message does not help any more: its nonce is gone.
        let right = Message { nonce, ..Message::for_server(&http, &base).await }.text(wallet.address());
        let refused = problem(send(right.clone(), sign(&right)).await, 401, "sign-in-refused").await;
        assert!(refused["detail"].as_str().unwrap().contains("nonce"), "{refused}");
    }

    // The other form of a good signature, and somebody else's.
    let order: U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap();
    let text = Message::for_server(&http, &base).await.text(wallet.address());
    let good = sign(&text);
    let high = Signature::new(good.r(), order - good.s(), !good.v());
    let refused = problem(send(text, high).await, 401, "sign-in-refused").await;
    assert!(refused["detail"].as_str().unwrap().contains("upper half"), "{refused}");
    let text = Message::for_server(&http, &base).await.text(world.chain.accounts[4].address);
    let refused = problem(send(text.clone(), sign(&text)).await, 401, "sign-in-refused").await;
    assert!(refused["detail"].as_str().unwrap().contains("is signed by"), "{refused}");

    // A good one works once.
    let text = Message::for_server(&http, &base).await.text(wallet.address());
    let _: serde_json::Value = expect(send(text.clone(), sign(&text)).await, StatusCode::CREATED).await;
    problem(send(text.clone(), sign(&text)).await, 401, "sign-in-refused").await;
    assert_eq!(world.rows("SELECT count(*)::text FROM sessions").await, ["1"]);

    problem(send("no sign-in message".into(), good).await, 401, "sign-in-refused").await;
}
