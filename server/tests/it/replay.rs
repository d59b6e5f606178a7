//! What was signed, issued or used once, brought again or elsewhere. Every case has a name and is refused with its own
//! problem; the things stay as good for their owner as they were.

use std::collections::BTreeSet;

use alloy::{
    primitives::{Address, B256, Bytes, Signature, U256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use atoll_protocol::{
    api::{Job, Lease, NewJob},
    canonical, signed,
};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    person::{Message, Person, expect, problem, sha256},
    stage::{key_path, now, registered, registration},
    world::{World, database, in_an_hour, until},
};

/// Order of the curve's group: s and order − s are two forms of one signature.
const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// Counts the cases, each by its name.
#[derive(Default)]
pub(crate) struct Suite(BTreeSet<&'static str>);

impl Suite {
    pub(crate) async fn refused(&mut self, name: &'static str, answer: Response, status: u16, kind: &str) {
        assert!(self.0.insert(name), "two cases are called {name}");
        println!("{name}");
        problem(answer, status, kind).await;
    }

    /// Also the reason has to be the one that is meant.
    pub(crate) async fn because(&mut self, name: &'static str, answer: Response, status: u16, kind: &str, words: &str) {
        assert!(self.0.insert(name), "two cases are called {name}");
        println!("{name}");
        let problem = problem(answer, status, kind).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{name}: {detail}");
    }

    pub(crate) fn at_least(&self, cases: usize) {
        assert!(self.0.len() >= cases, "only {} cases", self.0.len());
    }
}

/// The other form of a signature.
fn high(signature: &Signature) -> Vec<u8> {
    let order: U256 = ORDER.parse().unwrap();
    Signature::new(signature.r(), order - signature.s(), !signature.v()).as_bytes().to_vec()
}

/// Second forms of a good signature, and what is none.
pub(crate) fn forms(signature: &Signature) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = signature.as_bytes().to_vec();
    let v = |v: u8| [&good[..64], &[v]].concat();
    vec![
        ("with the other s", high(signature), "upper half"),
        ("with v as 0 or 1", v(good[64] - 27), "27 or 28"),
        ("with v of EIP-155", v(good[64] + 8 + 2 * 31), "27 or 28"),
        ("cut short", good[..64].to_vec(), "65 bytes"),
        ("in EIP-2098's short form", good[..64].to_vec(), "65 bytes"),
        ("with a byte more", [&good[..], &[0]].concat(), "65 bytes"),
        ("empty", Vec::new(), "65 bytes"),
        ("of zeros", [&[0; 64][..], &[27]].concat(), "not valid for any key"),
    ]
}

struct SignIn<'a> {
    base: &'a str,
    http: crate::contract::Client,
    wallet: PrivateKeySigner,
}

impl SignIn<'_> {
    async fn message(&self) -> Message {
        Message::for_server(&self.http, self.base).await
    }

    async fn text(&self) -> String {
        self.message().await.text(self.wallet.address())
    }

    fn sign(&self, text: &str) -> Signature {
        self.wallet.sign_message_sync(text.as_bytes()).unwrap()
    }

    async fn send(&self, text: &str, signature: &[u8]) -> Response {
        let body = json!({"message": text, "signature": Bytes::copy_from_slice(signature)});
        self.http.post(format!("{}/v1/sessions", self.base)).json(&body).send().await.unwrap()
    }

    async fn signed(&self, text: &str) -> Response {
        self.send(text, &self.sign(text).as_bytes()).await
    }
}

#[tokio::test]
async fn a_sign_in_is_good_once_here_and_now() {
    const REFUSED: &str = "sign-in-refused";
    let world = World::start().await;
    let elsewhere = world.second(&database().await).await;
    let wallet: PrivateKeySigner = world.chain.accounts[3].key.parse().unwrap();
    let me = SignIn { base: world.server.url(), http: crate::contract::Client::new(), wallet };
    let address = me.wallet.address();
    let mut suite = Suite::default();
    let now = OffsetDateTime::now_utc();
    let at = |time: OffsetDateTime| time.format(&Rfc3339).unwrap();

    // The nonce.
    let text = me.text().await;
    expect::<Value>(me.signed(&text).await, StatusCode::CREATED).await;
    suite.because("a nonce twice", me.signed(&text).await, 401, REFUSED, "nonce was used").await;
    let text = me.text().await;
    let all = futures_util::future::join_all((0..100).map(|_| me.signed(&text))).await;
    let (good, bad): (Vec<_>, Vec<_>) = all.into_iter().partition(|answer| answer.status() == StatusCode::CREATED);
    assert_eq!((good.len(), bad.len()), (1, 99));
    for (at, answer) in bad.into_iter().enumerate() {
        match at {
            0 => suite.because("a nonce a hundred times at once", answer, 401, REFUSED, "nonce was used").await,
            _ => drop(problem(answer, 401, REFUSED).await),
        }
    }
    let unknown = Message { nonce: "0123456789abcdef0123456789abcdef".into(), ..me.message().await };
    suite.because("a nonce never given", me.signed(&unknown.text(address)).await, 401, REFUSED, "never was").await;
    let foreign = Message { nonce: Message::for_server(&me.http, elsewhere.url()).await.nonce, ..me.message().await };
    let answer = me.signed(&foreign.text(address)).await;
    suite.because("a nonce of another server", answer, 401, REFUSED, "never was").await;
    let text = me.text().await;
    world.rows("WITH t AS (UPDATE nonces SET expires_at = now() - interval '1 s') SELECT ''").await;
    suite.because("an expired nonce", me.signed(&text).await, 401, REFUSED, "has expired").await;
    let text = me.text().await;
    problem(me.send(&text, &[0; 65]).await, 401, REFUSED).await;
    suite.because("a nonce of a refused try", me.signed(&text).await, 401, REFUSED, "nonce was used").await;

    // The message.
    type Spoil = fn(&mut Message, OffsetDateTime);
    let spoilt: [(&str, Spoil, &str); 12] = [
        ("for another domain", |m, _| m.domain = "evil.example".into(), "is for `evil.example`"),
        ("for another port", |m, _| m.domain = "127.0.0.1:1".into(), "is for `127.0.0.1:1`"),
        ("for the domain with another scheme", |m, _| m.domain.insert_str(0, "https://"), "is for"),
        ("for a domain below", |m, _| m.domain.insert_str(0, "x."), "is for `x."),
        ("for another URI", |m, _| m.uri = "http://evil.example".into(), "URI is"),
        ("for a URI with another scheme", |m, _| m.uri = m.uri.replace("http", "https"), "URI is"),
        ("for a path of the URI", |m, _| m.uri.push_str("/admin"), "URI is"),
        ("for another chain", |m, _| m.chain = 1, "is for chain 1;"),
        ("issued too long ago", |m, now| m.issued = now - Duration::seconds(90), "more than a minute ago"),
        ("issued in the future", |m, now| m.issued = now + Duration::seconds(90), "or ahead"),
        ("expired", |m, now| m.expires = now - Duration::seconds(1), "has expired"),
        ("good for too long", |m, now| m.expires = now + Duration::minutes(20), "at most 10 minutes"),
    ];
    for (name, spoil, words) in spoilt {
        let mut message = me.message().await;
        spoil(&mut message, now);
        suite.because(name, me.signed(&message.text(address)).await, 401, REFUSED, words).await;
    }
    let text = me.text().await;
    let endless = text.split("\nExpiration Time").next().unwrap().to_owned();
    suite.because("without an end", me.signed(&endless).await, 401, REFUSED, "needs an expiration").await;
    let early = format!("{}\nNot Before: {}", me.text().await, at(now + Duration::minutes(2)));
    suite.because("not valid yet", me.signed(&early).await, 401, REFUSED, "not valid yet").await;
    // One letter in the other case (EIP-55).
    let mut wrong = address.to_string();
    let letter = wrong.rfind(|c: char| c.is_ascii_alphabetic()).unwrap();
    let other = if wrong.as_bytes()[letter].is_ascii_lowercase() { str::to_uppercase } else { str::to_lowercase };
    wrong.replace_range(letter..=letter, &other(&wrong[letter..=letter]));
    let form = [
        ("of another version", "Version: 1", "Version: 2"),
        ("with CR LF for its lines", "\n", "\r\n"),
        ("with an address of a wrong checksum", &address.to_string(), &wrong),
        ("with a field twice", "\nNonce:", "\nChain ID: 31337\nNonce:"),
    ];
    for (name, from, to) in form {
        let text = me.text().await.replace(from, to);
        suite.because(name, me.signed(&text).await, 401, REFUSED, "not a sign-in message").await;
    }

    // The signature.
    for (name, bytes, words) in forms(&me.sign(&me.text().await)) {
        // Of this message: the form alone is wrong.
        let text = me.text().await;
        let bytes =
            forms(&me.sign(&text)).into_iter().find(|(other, ..)| *other == name).map_or(bytes, |found| found.1);
        suite.because(name, me.send(&text, &bytes).await, 401, REFUSED, words).await;
    }
    let (one, two) = (me.text().await, me.text().await);
    let other = me.sign(&one).as_bytes();
    suite.because("signed for another message", me.send(&two, &other).await, 401, REFUSED, "is signed by").await;
    let text = me.text().await;
    let signature = me.sign(&text).as_bytes();
    let said = text.replace("Sign in to Atoll.", "Sign in to Atoll!");
    suite.because("changed after signing", me.send(&said, &signature).await, 401, REFUSED, "is signed by").await;
    let text = me.text().await;
    let bare = me.wallet.sign_hash_sync(&alloy::primitives::keccak256(&text)).unwrap().as_bytes();
    suite.because("signed without the prefix", me.send(&text, &bare).await, 401, REFUSED, "is signed by").await;
    let text = me.message().await.text(world.chain.accounts[4].address);
    suite.because("for another wallet", me.signed(&text).await, 401, REFUSED, "is signed by").await;

    suite.at_least(30);
    assert_eq!(world.rows("SELECT count(*)::text FROM sessions").await, ["2"]);
}

#[tokio::test]
async fn a_session_is_good_where_it_was_opened_until_it_ends() {
    const REFUSED: &str = "unauthenticated";
    let world = World::start().await;
    let base = world.server.url();
    let elsewhere = world.second(&database().await).await;
    let ada = world.person(3).await;
    let mut suite = Suite::default();
    let with = async |token: &str| ada.http.get(format!("{base}/v1/jobs")).bearer_auth(token).send().await.unwrap();
    let delete = async |person: &Person, path: &str| person.request(Method::DELETE, path).send().await.unwrap();

    let stranger = Person::sign_in(elsewhere.url(), ada.wallet.clone()).await;
    suite.refused("a token of another server", with(&stranger.token).await, 401, REFUSED).await;
    let mut changed = ada.token.clone();
    let last = if changed.pop() == Some('0') { '1' } else { '0' };
    changed.push(last);
    suite.refused("a token with another digit", with(&changed).await, 401, REFUSED).await;
    suite.refused("a token in capitals", with(&ada.token.to_uppercase()).await, 401, REFUSED).await;
    suite.refused("a token cut short", with(&ada.token[..ada.token.len() - 1]).await, 401, REFUSED).await;
    suite.refused("a token's hash", with(&sha256(ada.token.as_bytes()).to_string()).await, 401, REFUSED).await;
    let sessions: Value = expect(ada.get("/v1/sessions").await, StatusCode::OK).await;
    let id = sessions["items"][0]["id"].as_str().unwrap();
    suite.refused("a session's id as a token", with(id).await, 401, REFUSED).await;
    let cookie = ada.http.get(format!("{base}/v1/jobs")).header("cookie", format!("__Host-atoll={}", ada.token));
    suite.refused("a bearer token as a cookie", cookie.send().await.unwrap(), 401, REFUSED).await;
    let query = ada.http.get(format!("{base}/v1/jobs?token={}", ada.token)).send().await.unwrap();
    suite.refused("a token in the query", query, 401, REFUSED).await;
    let basic = ada.http.get(format!("{base}/v1/jobs")).basic_auth("", Some(&ada.token)).send().await.unwrap();
    suite.refused("a token as a password", basic, 401, REFUSED).await;

    let out = world.person(3).await;
    assert_eq!(delete(&out, "/v1/sessions/current").await.status(), StatusCode::NO_CONTENT);
    suite.refused("a token after sign-out", with(&out.token).await, 401, REFUSED).await;
    suite.refused("a sign-out twice", delete(&out, "/v1/sessions/current").await, 401, REFUSED).await;
    let revoked = world.person(3).await;
    let sessions: Value = expect(revoked.get("/v1/sessions").await, StatusCode::OK).await;
    let path = format!("/v1/sessions/{}", sessions["items"][0]["id"].as_str().unwrap());
    assert_eq!(delete(&ada, &path).await.status(), StatusCode::NO_CONTENT);
    suite.refused("a token after its revocation", with(&revoked.token).await, 401, REFUSED).await;
    suite.refused("a revocation twice", delete(&ada, &path).await, 404, "not-found").await;
    let old = world.person(3).await;
    world.rows("WITH t AS (UPDATE sessions SET expires_at = now() - interval '1 s') SELECT ''").await;
    suite.refused("an expired token", with(&old.token).await, 401, REFUSED).await;
    let (one, all) = (world.person(3).await, world.person(3).await);
    assert_eq!(delete(&all, "/v1/sessions").await.status(), StatusCode::NO_CONTENT);
    suite.refused("a token after all were revoked", with(&one.token).await, 401, REFUSED).await;
    suite.at_least(14);
}

#[tokio::test]
async fn a_job_request_starts_one_job_for_its_order_and_a_receipt_ends_it() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let other = world.person(4).await;
    let listed = world.publish(&publisher, &provider).await;
    let (orders, spec) = (world.chain.deployment.orders, world.spec(&listed));
    let hash = canonical::hash(&spec).unwrap();
    let (one, two) = (world.open(&buyer, &listed, hash).await, world.open(&buyer, &listed, hash).await);
    let good = buyer.job(orders, one.id, &spec, in_an_hour());
    let mut suite = Suite::default();
    let send = async |person: &Person, job: &NewJob| person.post("/v1/jobs", &serde_json::to_value(job).unwrap()).await;
    let signed_for = |chain: u64, contract: Address| {
        let hash = signed::signing_hash(&good.request, &signed::domain(chain, contract));
        let signature = Bytes::from(buyer.wallet.sign_hash_sync(&hash).unwrap().as_bytes());
        NewJob { signature, ..good.clone() }
    };
    const SIGNATURE: &str = "invalid-signature";

    // Before it is used: a stolen session alone starts nothing, and no part of the request can be another.
    let unsigned = NewJob { signature: Bytes::new(), ..good.clone() };
    suite.refused("a job without a signature", send(&buyer, &unsigned).await, 422, SIGNATURE).await;
    let mut moved = good.clone();
    moved.request.orderId = two.id;
    suite.refused("a job's signature for another order", send(&buyer, &moved).await, 422, SIGNATURE).await;
    suite.refused("a job for another chain", send(&buyer, &signed_for(1, orders)).await, 422, SIGNATURE).await;
    let contract = signed_for(31337, world.chain.deployment.market);
    suite.refused("a job for another contract", send(&buyer, &contract).await, 422, SIGNATURE).await;
    suite.refused("a job of another wallet's session", send(&other, &good).await, 404, "not-found").await;
    let forged = NewJob { signature: other.job(orders, one.id, &spec, in_an_hour()).signature, ..good.clone() };
    suite.refused("a job signed by another wallet", send(&buyer, &forged).await, 422, SIGNATURE).await;
    let mut key = good.clone();
    key.request.resultKey = B256::repeat_byte(8);
    suite.refused("a job for another result key", send(&buyer, &key).await, 422, SIGNATURE).await;
    let mut later = good.clone();
    later.request.deadline += 1;
    suite.refused("a job with a later deadline", send(&buyer, &later).await, 422, SIGNATURE).await;
    let mut swapped = good.clone();
    swapped.spec["training"]["epochs"] = json!(4);
    suite.refused("a job with another spec", send(&buyer, &swapped).await, 422, "invalid-body").await;
    let resigned = buyer.job(orders, one.id, &swapped.spec, in_an_hour());
    suite.refused("a job that was not ordered", send(&buyer, &resigned).await, 422, "invalid-body").await;
    let past = buyer.job(orders, one.id, &spec, OffsetDateTime::now_utc() - Duration::seconds(1));
    suite.refused("an expired job request", send(&buyer, &past).await, 422, "request-expired").await;
    let unknown = buyer.job(orders, B256::repeat_byte(1), &spec, in_an_hour());
    suite.refused("a job for no order", send(&buyer, &unknown).await, 404, "not-found").await;
    let signature = Signature::try_from(good.signature.as_ref()).unwrap();
    let names = ["a job with the other s", "a job with v as 0 or 1", "a job with v of EIP-155", "a job cut short"];
    for (name, (_, bytes, words)) in names.into_iter().zip(forms(&signature)) {
        let form = NewJob { signature: bytes.into(), ..good.clone() };
        suite.because(name, send(&buyer, &form).await, 422, SIGNATURE, words).await;
    }
    let key = registered(&buyer.wallet, orders, registration(buyer.address(), B256::repeat_byte(9), now()));
    let statement = NewJob { signature: serde_json::from_value(key["signature"].clone()).unwrap(), ..good.clone() };
    suite.refused("a key's registration as a job", send(&buyer, &statement).await, 422, SIGNATURE).await;

    let job: Job = expect(send(&buyer, &good).await, StatusCode::CREATED).await;
    suite.refused("a job request twice", send(&buyer, &good).await, 409, "order-used").await;
    let all = futures_util::future::join_all((0..10).map(|_| send(&buyer, &good))).await;
    for (at, answer) in all.into_iter().enumerate() {
        match at {
            0 => suite.refused("a job request ten times at once", answer, 409, "order-used").await,
            _ => drop(problem(answer, 409, "order-used").await),
        }
    }
    let again = buyer.job(orders, one.id, &spec, in_an_hour() + Duration::seconds(1));
    suite.refused("another request for a used order", send(&buyer, &again).await, 409, "order-used").await;

    // The lease and the receipt.
    let lease: Lease = expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;
    assert_eq!(lease.job.id, job.id);
    let beat = json!({"status": "running", "progress": []});
    let path = |lease: &Lease, what: &str| format!("/v1/leases/{}/{what}", lease.id);
    let stolen = other.post(&path(&lease, "heartbeats"), &beat).await;
    suite.refused("a lease of another provider", stolen, 404, "not-found").await;
    let bearer = provider.http.get(format!("{}/v1/jobs", provider.base)).bearer_auth(lease.id.to_string());
    suite.refused("a lease's id as a token", bearer.send().await.unwrap(), 401, "unauthenticated").await;
    let completion = world.fulfil(&provider, &lease, b"sealed").await;
    let complete = async |lease: &Lease, body: &Value| provider.post(&path(lease, "completion"), body).await;
    let stolen = other.post(&path(&lease, "completion"), &completion).await;
    suite.refused("a receipt of another provider's", stolen, 404, "not-found").await;
    let mut changed = completion.clone();
    changed["receipt"]["receipt"]["epsilonMicros"] = json!(1);
    suite.refused("a receipt with another field", complete(&lease, &changed).await, 422, SIGNATURE).await;
    let receipt: signed::Receipt = serde_json::from_value(completion["receipt"]["receipt"].clone()).unwrap();
    for (name, chain, contract) in [
        ("a receipt for another chain", 1, orders),
        ("a receipt for another contract", 31337, world.chain.deployment.market),
    ] {
        let hash = signed::signing_hash(&receipt, &signed::domain(chain, contract));
        let mut foreign = completion.clone();
        foreign["receipt"]["signature"] = json!(Bytes::from(provider.wallet.sign_hash_sync(&hash).unwrap().as_bytes()));
        suite.refused(name, complete(&lease, &foreign).await, 422, SIGNATURE).await;
    }
    let done: Job = expect(complete(&lease, &completion).await, StatusCode::OK).await;
    let twice: Job = expect(complete(&lease, &completion).await, StatusCode::OK).await;
    assert_eq!(done, twice);
    let beat_late = provider.post(&path(&lease, "heartbeats"), &beat).await;
    suite.refused("a heartbeat after the end", beat_late, 409, "lease-ended").await;
    let late = provider.put_bytes(&path(&lease, "result"), b"other".to_vec()).await;
    suite.refused("a result after the end", late, 409, "lease-ended").await;
    let order = format!("/v1/orders/{}", one.id);
    until("fulfilled in the index", async || {
        expect::<Value>(buyer.get(&order).await, StatusCode::OK).await["status"] == "fulfilled"
    })
    .await;
    suite.refused("a job request after its job", send(&buyer, &good).await, 409, "order-not-open").await;

    let job: Job =
        expect(send(&buyer, &buyer.job(orders, two.id, &spec, in_an_hour())).await, StatusCode::CREATED).await;
    let next: Lease = expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;
    assert_eq!(next.job.id, job.id);
    expect::<Value>(provider.put_bytes(&path(&next, "result"), b"sealed".to_vec()).await, StatusCode::OK).await;
    suite.refused("a receipt for another lease", complete(&next, &completion).await, 422, "receipt-mismatch").await;
    suite.at_least(28);
}

#[tokio::test]
async fn a_registration_is_good_for_one_key_at_one_time() {
    const SIGNATURE: &str = "invalid-signature";
    let world = World::start().await;
    let (ada, bob) = (world.person(3).await, world.person(4).await);
    let orders = world.chain.deployment.orders;
    let (path, time) = (key_path(ada.address()), now());
    let mut suite = Suite::default();
    let put = async |person: &Person, path: &str, body: &Value| {
        person.request(Method::PUT, path).json(body).send().await.unwrap()
    };
    let statement = |issued: u64| registration(ada.address(), B256::repeat_byte(7), issued);
    let mine = |issued: u64| registered(&ada.wallet, orders, statement(issued));
    let good = mine(time);

    suite.refused("a registration by another session", put(&bob, &path, &good).await, 403, "forbidden").await;
    let theirs = put(&bob, &key_path(bob.address()), &good).await;
    suite.refused("a registration for another account", theirs, 422, "invalid-body").await;
    let purpose = put(&ada, &path.replace("consumer", "provider"), &good).await;
    suite.refused("a registration for another purpose", purpose, 422, "invalid-body").await;
    let forged = registered(&bob.wallet, orders, statement(time));
    suite.refused("a registration by another wallet", put(&ada, &path, &forged).await, 422, SIGNATURE).await;
    for (name, chain, contract) in [
        ("a registration for another chain", 1, orders),
        ("a registration for another contract", 31337, world.chain.deployment.market),
    ] {
        let hash = signed::signing_hash(&statement(time), &signed::domain(chain, contract));
        let signature = Bytes::from(ada.wallet.sign_hash_sync(&hash).unwrap().as_bytes());
        let body = json!({"registration": statement(time), "signature": signature});
        suite.refused(name, put(&ada, &path, &body).await, 422, SIGNATURE).await;
    }
    let mut changed = good.clone();
    changed["registration"]["key"] = json!(B256::repeat_byte(8));
    suite.refused("a registration with another key", put(&ada, &path, &changed).await, 422, SIGNATURE).await;
    let mut changed = good.clone();
    changed["registration"]["issuedAt"] = json!(time + 1);
    suite.refused("a registration with a later time", put(&ada, &path, &changed).await, 422, SIGNATURE).await;
    let job = ada.job(orders, B256::repeat_byte(7), &json!({}), in_an_hour());
    let body = json!({"registration": statement(time), "signature": job.signature});
    suite.refused("a job request as a registration", put(&ada, &path, &body).await, 422, SIGNATURE).await;
    let signature: Bytes = serde_json::from_value(good["signature"].clone()).unwrap();
    let signature = Signature::try_from(signature.as_ref()).unwrap();
    let names = ["a registration with the other s", "a registration with v as 0 or 1"];
    for (name, (_, bytes, words)) in names.into_iter().zip(forms(&signature)) {
        let body = json!({"registration": statement(time), "signature": Bytes::from(bytes)});
        suite.because(name, put(&ada, &path, &body).await, 422, SIGNATURE, words).await;
    }
    suite.refused("an expired registration", put(&ada, &path, &mine(time - 601)).await, 422, "request-expired").await;
    let ahead = put(&ada, &path, &mine(time + 120)).await;
    suite.because("a registration of the future", ahead, 422, "invalid-body", "`issuedAt`").await;
    let mut long = statement(time);
    long.deadline += 1;
    let long = put(&ada, &path, &registered(&ada.wallet, orders, long)).await;
    suite.because("a registration that is good for long", long, 422, "invalid-body", "10 minutes").await;
    let weak = registered(&ada.wallet, orders, registration(ada.address(), B256::ZERO, time));
    let weak = put(&ada, &path, &weak).await;
    suite.because("a key that anybody can open", weak, 422, "invalid-body", "X25519").await;

    expect::<Value>(put(&ada, &path, &mine(time - 5)).await, StatusCode::OK).await;
    expect::<Value>(put(&ada, &path, &good).await, StatusCode::OK).await;
    let old = put(&ada, &path, &mine(time - 5)).await;
    suite.refused("a registration that was replaced", old, 409, "key-superseded").await;
    let rival = registered(&ada.wallet, orders, registration(ada.address(), B256::repeat_byte(8), time));
    suite.refused("a registration of the same second", put(&ada, &path, &rival).await, 409, "key-superseded").await;
    suite.at_least(16);
}
