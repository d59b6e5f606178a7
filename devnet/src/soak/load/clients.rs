//! The load: clients that each do one kind of thing again and again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy_primitives::Address;
use atoll_devnet::chain::Rpc;
use atoll_protocol::api::{NewUpload, Nonce, Session, Upload};
use bytes::Bytes;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    super::streams::{User, signed},
    seen::Seen,
};

/// How many of each there are, and how long each pauses before it does the same again.
const READERS: (usize, Duration) = (8, Duration::from_millis(20));
const SIGNERS: (usize, Duration) = (2, Duration::from_millis(250));
const UPLOADERS: (usize, Duration) = (2, Duration::from_millis(500));
const BUYERS: (usize, Duration) = (4, Duration::from_millis(100));
const LISTENERS: (usize, Duration) = (32, Duration::from_millis(200));
/// How long a stream of events is listened to.
const LISTENED: Duration = Duration::from_secs(20);
/// Bytes of an upload.
const UPLOADED: usize = 64 << 10;
/// Clients wait for longer than any answer may take, so that it is known how long it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whom they ask for what.
pub(super) struct Target {
    pub(super) user: User,
    pub(super) rpc: Rpc,
    pub(super) base: String,
    pub(super) wallet: Address,
    pub(super) token_id: String,
    pub(super) job: String,
}

struct Load {
    target: Target,
    http: Client,
    seen: Arc<Seen>,
    /// Makes uploads differ.
    number: AtomicU64,
}

/// Begins; dropping what it gives ends the load.
pub(super) fn begin(target: Target, seen: &Arc<Seen>) -> JoinSet<()> {
    let load = Load { target, http: Client::new(), seen: Arc::clone(seen), number: AtomicU64::new(0) };
    let load = Arc::new(load);
    let mut clients = JoinSet::new();
    macro_rules! clients {
        ($what:ident, $how:expr) => {
            for n in 0..$how.0 {
                let load = Arc::clone(&load);
                clients.spawn(async move {
                    // Not all at once.
                    sleep($how.1.mul_f64(n as f64 / $how.0 as f64)).await;
                    loop {
                        load.$what().await;
                        sleep($how.1).await;
                    }
                });
            }
        };
    }
    clients!(read, READERS);
    clients!(sign_in, SIGNERS);
    clients!(upload, UPLOADERS);
    clients!(quote, BUYERS);
    clients!(listen, LISTENERS);
    clients
}

impl Load {
    fn public(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v1/{path}", self.target.base))
    }

    /// What a good answer says.
    async fn ask(&self, kind: &'static str, request: RequestBuilder) -> Option<Bytes> {
        let (away, start) = (self.seen.is_away(), Instant::now());
        let answer = async {
            let answer = request.timeout(PATIENCE).send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        };
        let (answer, bytes) = match answer.await {
            Ok((status, bytes)) => (Ok(status), bytes),
            Err(none) => (Err(format!("{none:?}")), Bytes::new()),
        };
        let good = answer.as_ref().is_ok_and(StatusCode::is_success);
        self.seen.count(kind, away, start.elapsed(), answer);
        good.then_some(bytes)
    }

    async fn told<T: DeserializeOwned>(&self, kind: &'static str, request: RequestBuilder) -> Option<T> {
        serde_json::from_slice(&self.ask(kind, request).await?).ok()
    }

    async fn read(&self) {
        let Target { user, token_id, job, .. } = &self.target;
        let public = [
            format!("assets/{token_id}"),
            "assets".into(),
            "assets?q=breast".into(),
            format!("assets/{token_id}/history"),
            format!("assets/{token_id}/statistics"),
            "market".into(),
        ];
        for path in public {
            self.ask("reads", self.public(Method::GET, &path)).await;
        }
        for path in ["orders".into(), "jobs".into(), format!("jobs/{job}")] {
            self.ask("reads", user.request(Method::GET, &path)).await;
        }
    }

    async fn sign_in(&self) {
        let Target { rpc, base, wallet, .. } = &self.target;
        let Some(nonce) = self.told::<Nonce>("sign_ins", self.public(Method::POST, "nonces")).await else { return };
        let Ok(body) = signed(rpc, base, *wallet, &nonce).await else { return };
        let session = self.told::<Session>("sign_ins", self.public(Method::POST, "sessions").json(&body)).await;
        if let Some(token) = session.and_then(|session| session.token) {
            self.ask("sign_ins", self.public(Method::DELETE, "sessions/current").bearer_auth(token)).await;
        }
    }

    async fn upload(&self) {
        let user = &self.target.user;
        let mut content = vec![0; UPLOADED];
        content[..8].copy_from_slice(&self.number.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let hash: [u8; 32] = Sha256::digest(&content).into();
        let announced = NewUpload { sha256: hash.into(), bytes: UPLOADED as u64 };
        let announce = user.request(Method::POST, "uploads").json(&announced);
        let Some(upload) = self.told::<Upload>("uploads", announce).await else { return };
        let send = user.request(Method::PUT, &format!("uploads/{}/content", upload.id));
        self.ask("uploads", send.header(header::CONTENT_TYPE, "application/octet-stream").body(content)).await;
    }

    async fn quote(&self) {
        let Target { user, wallet, token_id, .. } = &self.target;
        let body = json!({"token_id": token_id, "buyer": wallet, "kind": "buy_and_open"});
        self.ask("quotes", user.request(Method::POST, "quotes").json(&body)).await;
    }

    /// What is measured is how soon the stream begins; an outage may end it.
    async fn listen(&self) {
        let request = self.target.user.request(Method::GET, &format!("jobs/{}/events", self.target.job));
        let (away, start) = (self.seen.is_away(), Instant::now());
        let answer = timeout(PATIENCE, request.send()).await;
        let took = start.elapsed();
        let (told, stream) = match answer {
            Ok(Ok(answer)) => (Ok(answer.status()), Some(answer)),
            Ok(Err(none)) => (Err(format!("{none:?}")), None),
            Err(late) => (Err(late.to_string()), None),
        };
        self.seen.count("streams", away, took, told);
        if let Some(stream) = stream {
            let _ = timeout(LISTENED, drained(stream)).await;
        }
    }
}

async fn drained(mut stream: Response) {
    while let Ok(Some(_)) = stream.chunk().await {}
}
