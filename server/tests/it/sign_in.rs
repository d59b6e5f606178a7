//! Sign-in and what tries to get around it.

use alloy::{
    primitives::{Bytes, Signature, U256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use atoll_protocol::api::{OpenSession, Page, Session};
use reqwest::{Method, StatusCode};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{
    person::{Message, Person, expect, problem, sha256},
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
    let http = crate::contract::Client::new();
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

#[tokio::test]
async fn sessions_are_listed_and_revoked_by_their_wallet_alone() {
    let world = World::start().await;
    let (ada, bob) = (world.person(3).await, world.person(4).await);
    let more = world.person(3).await;
    let list = async |person: &Person, query: &str| -> Page<OpenSession> {
        expect(person.get(&format!("/v1/sessions{query}")).await, StatusCode::OK).await
    };
    let page = list(&ada, "").await;
    assert_eq!(page.items.iter().map(|s| s.current).collect::<Vec<_>>(), [false, true]);
    let text = ada.get("/v1/sessions").await.text().await.unwrap();
    assert!(!text.contains(&more.token) && !text.contains("token"), "{text}");
    let first = list(&ada, "?limit=1").await;
    let second = list(&ada, &format!("?limit=1&cursor={}", first.next_cursor.unwrap())).await;
    assert_eq!([&first.items[..], &second.items[..]].concat(), page.items);
    assert_eq!(second.next_cursor, None);

    // One of hers, by its id; not by bob, and not twice.
    let path = format!("/v1/sessions/{}", page.items[0].id);
    let revoke = async |person: &Person, path: &str| person.request(Method::DELETE, path).send().await.unwrap();
    problem(revoke(&bob, &path).await, 404, "not-found").await;
    assert_eq!(list(&more, "").await.items.len(), 2);
    assert_eq!(revoke(&ada, &path).await.status(), StatusCode::NO_CONTENT);
    problem(more.get("/v1/sessions").await, 401, "unauthenticated").await;
    problem(revoke(&ada, &path).await, 404, "not-found").await;
    problem(revoke(&ada, "/v1/sessions/mine").await, 404, "not-found").await;

    // All of hers, and nobody else's.
    let third = world.person(3).await;
    assert_eq!(revoke(&third, "/v1/sessions").await.status(), StatusCode::NO_CONTENT);
    for ended in [&ada, &third] {
        problem(ended.get("/v1/sessions").await, 401, "unauthenticated").await;
    }
    assert_eq!(list(&bob, "").await.items.len(), 1);
}

#[tokio::test]
async fn a_pages_session_is_a_cookie_that_only_its_own_pages_can_use() {
    let world = World::start().await;
    let base = world.server.url().to_owned();
    let http = crate::contract::Client::new();
    let wallet: PrivateKeySigner = world.chain.accounts[3].key.parse().unwrap();
    let sign_in = async |origin: Option<&str>| {
        let text = Message::for_server(&http, &base).await.text(wallet.address());
        let signature = Bytes::from(wallet.sign_message_sync(text.as_bytes()).unwrap().as_bytes());
        let body = json!({"message": text, "signature": signature, "cookie": true});
        let request = http.post(format!("{base}/v1/sessions")).json(&body);
        let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
        request.send().await.unwrap()
    };
    // No other site's page can put a session of its own into a browser.
    problem(sign_in(Some("https://evil.example")).await, 403, "cross-site").await;
    problem(sign_in(None).await, 403, "cross-site").await;
    let answer = sign_in(Some(&base)).await;
    let set = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let session: Session = expect(answer, StatusCode::CREATED).await;
    assert_eq!(session.token, None);
    let (pair, attributes) = set.split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Strict");
    let token = pair.strip_prefix("__Host-atoll=").unwrap();

    let send = async |method: Method, path: &str, origin: Option<&str>| {
        let request = http.request(method, format!("{base}{path}")).header("cookie", format!("theme=dark; {pair}"));
        let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
        request.send().await.unwrap()
    };
    // Reading needs no origin: no other page sees the answer.
    let page: Page<OpenSession> = expect(send(Method::GET, "/v1/sessions", None).await, StatusCode::OK).await;
    assert!(page.items[0].cookie && page.items[0].current);
    let path = format!("/v1/sessions/{}", session.id);
    for origin in [None, Some("null"), Some("https://evil.example"), Some("http://127.0.0.1:1")] {
        problem(send(Method::DELETE, &path, origin).await, 403, "cross-site").await;
        problem(send(Method::POST, "/v1/leases", origin).await, 403, "cross-site").await;
    }
    assert_eq!(send(Method::POST, "/v1/leases", Some(&base)).await.status(), StatusCode::NO_CONTENT);
    // The cookie's token is no bearer, so that it is worth nothing outside a cookie.
    let bearer = http.get(format!("{base}/v1/sessions")).bearer_auth(token).send().await.unwrap();
    problem(bearer, 401, "unauthenticated").await;
    let ended = send(Method::DELETE, "/v1/sessions/current", Some(&base)).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert!(ended.headers()["set-cookie"].to_str().unwrap().starts_with("__Host-atoll=; Path=/; Max-Age=0;"));
    problem(send(Method::GET, "/v1/sessions", None).await, 401, "unauthenticated").await;
}
