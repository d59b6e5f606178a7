//! Somebody with a wallet and a session.

use alloy::{
    primitives::{Address, B256, Bytes},
    signers::{SignerSync, local::PrivateKeySigner},
};
use atoll_protocol::{
    api::{NewDownload, NewJob, Session, Upload},
    canonical,
    download::DownloadSpec,
    signed,
};
use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::contract::{Call, Client};

/// Somebody.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) wallet: PrivateKeySigner,
    pub(crate) token: String,
    pub(crate) base: String,
    pub(crate) http: Client,
}

/// A sign-in message that is right in everything, to be spoilt by tests.
pub(crate) struct Message {
    pub(crate) domain: String,
    pub(crate) uri: String,
    pub(crate) chain: u64,
    pub(crate) nonce: String,
    pub(crate) issued: OffsetDateTime,
    pub(crate) expires: OffsetDateTime,
}

impl Message {
    pub(crate) async fn for_server(http: &Client, base: &str) -> Self {
        let answer = http.post(format!("{base}/v1/nonces")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let nonce: Value = answer.json().await.unwrap();
        let now = OffsetDateTime::now_utc();
        Self {
            domain: base.strip_prefix("http://").unwrap().to_owned(),
            uri: base.to_owned(),
            chain: 31337,
            nonce: nonce["nonce"].as_str().unwrap().to_owned(),
            issued: now,
            expires: now + Duration::minutes(5),
        }
    }

    pub(crate) fn text(&self, address: Address) -> String {
        format!(
            "{} wants you to sign in with your Ethereum account:\n{address}\n\nSign in to Atoll.\n\nURI: {}\nVersion: 1\n\
             Chain ID: {}\nNonce: {}\nIssued At: {}\nExpiration Time: {}",
            self.domain,
            self.uri,
            self.chain,
            self.nonce,
            self.issued.format(&Rfc3339).unwrap(),
            self.expires.format(&Rfc3339).unwrap(),
        )
    }
}

impl Person {
    pub(crate) async fn sign_in(base: &str, wallet: PrivateKeySigner) -> Self {
        let http = Client::new();
        let text = Message::for_server(&http, base).await.text(wallet.address());
        let signature = Bytes::from(wallet.sign_message_sync(text.as_bytes()).unwrap().as_bytes());
        let body = json!({"message": text, "signature": signature});
        let answer = http.post(format!("{base}/v1/sessions")).json(&body).send().await.unwrap();
        let session: Session = expect(answer, StatusCode::CREATED).await;
        assert_eq!(session.address, wallet.address());
        Self { wallet, token: session.token.unwrap(), base: base.to_owned(), http }
    }

    pub(crate) fn address(&self) -> Address {
        self.wallet.address()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Call {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// Posts JSON, or no body if it is null.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        let call = self.request(Method::POST, path);
        let call = if body.is_null() { call } else { call.json(body) };
        call.send().await.unwrap()
    }

    pub(crate) async fn put_bytes(&self, path: &str, bytes: Vec<u8>) -> Response {
        self.request(Method::PUT, path).body(bytes).send().await.unwrap()
    }

    /// Announces and sends.
    pub(crate) async fn upload(&self, bytes: &[u8]) -> Upload {
        let announced = json!({"sha256": sha256(bytes), "bytes": bytes.len()});
        let upload: Upload = expect(self.post("/v1/uploads", &announced).await, StatusCode::CREATED).await;
        let path = format!("/v1/uploads/{}/content", upload.id);
        let upload: Upload = expect(self.put_bytes(&path, bytes.to_vec()).await, StatusCode::OK).await;
        assert!(upload.complete);
        upload
    }

    /// A signed request for the content that a download spec names.
    pub(crate) fn download(
        &self,
        orders: Address,
        order_id: B256,
        spec: &DownloadSpec,
        deadline: OffsetDateTime,
    ) -> NewDownload {
        let request = signed::DownloadRequest {
            orderId: order_id,
            requestHash: canonical::hash(spec).unwrap(),
            recipientKey: B256::repeat_byte(9),
            deadline: deadline.unix_timestamp().try_into().unwrap(),
        };
        let hash = signed::signing_hash(&request, &signed::domain(31337, orders));
        let signature = self.wallet.sign_hash_sync(&hash).unwrap().as_bytes().into();
        NewDownload { request, signature, spec: spec.clone() }
    }

    /// A signed request for the spec.
    pub(crate) fn job(&self, orders: Address, order_id: B256, spec: &Value, deadline: OffsetDateTime) -> NewJob {
        let request = signed::JobRequest {
            orderId: order_id,
            specHash: canonical::hash(spec).unwrap(),
            resultKey: B256::repeat_byte(9),
            deadline: deadline.unix_timestamp().try_into().unwrap(),
        };
        let hash = signed::signing_hash(&request, &signed::domain(31337, orders));
        let signature = self.wallet.sign_hash_sync(&hash).unwrap().as_bytes().into();
        NewJob { request, signature, spec: spec.clone() }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> B256 {
    B256::from_slice(&Sha256::digest(bytes))
}

/// The body of an answer that has to have this status.
pub(crate) async fn expect<T: DeserializeOwned>(answer: Response, status: StatusCode) -> T {
    let actual = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(actual, status, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The problem of an answer that has to be of this kind; checks what holds for all problems.
pub(crate) async fn problem(answer: Response, status: u16, name: &str) -> Value {
    let (actual, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    assert_eq!(actual, status, "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(problem["type"], format!("https://atoll.dev/problems/{name}"), "{text}");
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(problem["request_id"].as_str().unwrap(), headers["x-request-id"].to_str().unwrap());
    assert!(problem["detail"].as_str().unwrap().ends_with('.'), "{text}");
    problem
}
