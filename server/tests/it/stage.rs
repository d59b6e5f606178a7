//! A market in which every operation of the API can be asked for with success: people in every role, things of theirs, and
//! the request that their owner would make.

use alloy::{
    primitives::{Address, B256, Bytes},
    signers::{SignerSync, local::PrivateKeySigner},
};
use atoll_protocol::{
    api::{Environment, Job, Lease, ProviderStatus, SampleLease, SampleRun, Upload},
    canonical, signed,
    signed::KeyRegistration,
};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    person::{Message, Person, expect, sha256},
    world::{Listed, World, in_an_hour},
};

/// Who asks. Those called other have the same role towards other things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Nobody,
    Stranger,
    Publisher,
    Provider,
    Consumer,
    OtherPublisher,
    OtherProvider,
    OtherConsumer,
}

impl Role {
    pub(crate) const ALL: [Self; 8] = [
        Self::Nobody,
        Self::Stranger,
        Self::Publisher,
        Self::Provider,
        Self::Consumer,
        Self::OtherPublisher,
        Self::OtherProvider,
        Self::OtherConsumer,
    ];
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Nothing,
    Json(Value),
    Bytes(Vec<u8>),
}

/// A request that its owner makes with success.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) owner: Role,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content: Content,
}

impl Asked {
    fn new(owner: Role, method: Method, path: impl Into<String>, content: Content) -> Self {
        Self { owner, method, path: path.into(), headers: Vec::new(), content }
    }

    fn get(owner: Role, path: impl Into<String>) -> Self {
        Self::new(owner, Method::GET, path, Content::Nothing)
    }

    fn post(owner: Role, path: impl Into<String>, body: Value) -> Self {
        Self::new(owner, Method::POST, path, Content::Json(body))
    }

    fn put(owner: Role, path: impl Into<String>, content: Content) -> Self {
        Self::new(owner, Method::PUT, path, content)
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Sends it to a server, with the session of whoever asks.
    pub(crate) async fn send(&self, base: &str, token: Option<&str>) -> Result<Response, reqwest::Error> {
        // A client for each: nothing is sent again by itself over a connection that was kept.
        let mut request = crate::contract::Client::new().request(self.method.clone(), format!("{base}{}", self.path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        match &self.content {
            Content::Nothing => request,
            Content::Json(body) => request.json(body),
            Content::Bytes(bytes) => request.header("content-type", "application/octet-stream").body(bytes.clone()),
        }
        .send()
        .await
    }
}

/// A completed job with its order, and a completed download.
struct Done {
    order: B256,
    job: Job,
    download: uuid::Uuid,
}

/// The market.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) people: Vec<Person>,
    pub(crate) listed: Listed,
    /// Another asset, whose content is sold.
    downloadable: Listed,
    done: Done,
    serial: std::cell::Cell<u64>,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        // No lease runs out meanwhile.
        let world = World::with_lease(Some(std::time::Duration::from_secs(3600))).await;
        let mut people = Vec::new();
        for account in [8, 1, 2, 3, 4, 5, 6] {
            people.push(world.person(account).await);
        }
        let [_, publisher, provider, consumer, other_publisher, other_provider, other_consumer] = &people[..] else {
            unreachable!()
        };
        let listed = world.publish(publisher, provider).await;
        let elsewhere = world.publish(other_publisher, other_provider).await;
        // The others have an order, a job and a lease as well, of their own.
        world.submit(other_consumer, &elsewhere).await;
        expect::<Lease>(other_provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;

        let status = ProviderStatus {
            public_key: B256::repeat_byte(5),
            sandbox: vec!["seccomp".into()],
            trainer_hash: B256::repeat_byte(6),
            environment: Environment { cores: 2, memory_mib: 4096, jobs_at_once: 1, flops_per_second: Some(2_000_000) },
        };
        let path = format!("/v1/providers/{}", provider.address());
        expect::<Value>(provider.request(Method::PUT, &path).json(&status).send().await.unwrap(), StatusCode::OK).await;

        let (order, job) = world.submit(consumer, &listed).await;
        let job_done = world.complete(provider, b"sealed").await;
        assert_eq!(job_done.id, job.id);
        let downloadable = world.publish_download(publisher, provider).await;
        let (_, download) = world.submit_download(consumer, &downloadable).await;
        assert_eq!(world.complete(provider, b"wrapped").await.id, download.id);
        let done = Done { order: order.id, job: job_done, download: download.id };
        Self { world, people, listed, downloadable, done, serial: std::cell::Cell::new(1) }
    }

    /// The person of a role that has a session.
    pub(crate) fn person(&self, role: Role) -> &Person {
        &self.people[role as usize - 1]
    }

    /// Signs the person of a role in again.
    pub(crate) async fn renew(&mut self, role: Role) {
        let wallet = self.person(role).wallet.clone();
        self.people[role as usize - 1] = Person::sign_in(self.world.server.url(), wallet).await;
    }

    pub(crate) fn token(&self, role: Role) -> Option<&str> {
        (role != Role::Nobody).then(|| self.person(role).token.as_str())
    }

    /// A number that was not given before.
    fn next(&self) -> u64 {
        self.serial.replace(self.serial.get() + 1)
    }

    /// A job of the consumer's that the provider holds.
    async fn held(&self) -> Lease {
        let (_, job) = self.world.submit(self.person(Role::Consumer), &self.listed).await;
        loop {
            // What is still queued from before goes first.
            let answer = self.person(Role::Provider).post("/v1/leases", &Value::Null).await;
            let lease: Lease = expect(answer, StatusCode::CREATED).await;
            if lease.job.id == job.id {
                return lease;
            }
        }
    }

    /// A consumer has only so many that have not ended.
    async fn end_sample_runs(&self) {
        let end = r#"UPDATE sample_runs SET status = 'failed', failure = '{"code": "cancelled"}', lease_expires_at = NULL
                     WHERE status IN ('queued', 'running') RETURNING id::text"#;
        self.world.rows(end).await;
    }

    /// A sample run of the consumer's, which the provider's runner holds or could take.
    async fn sample_run(&self, held: bool) -> uuid::Uuid {
        self.end_sample_runs().await;
        let body = json!({"spec": self.world.spec(&self.listed)});
        let run: SampleRun =
            expect(self.person(Role::Consumer).post("/v1/sample-runs", &body).await, StatusCode::CREATED).await;
        if held {
            let lease = self.person(Role::Provider).post("/v1/sample-leases", &Value::Null).await;
            assert_eq!(expect::<SampleLease>(lease, StatusCode::CREATED).await.run, run.id);
        }
        run.id
    }

    async fn upload(&self) -> (Upload, Vec<u8>) {
        let bytes = format!("ciphertext {}", self.next()).into_bytes();
        let announced = json!({"sha256": sha256(&bytes), "bytes": bytes.len()});
        let publisher = self.person(Role::Publisher);
        (expect(publisher.post("/v1/uploads", &announced).await, StatusCode::CREATED).await, bytes)
    }

    /// A registration of the consumer's, later than every one before.
    fn new_key(&self) -> Value {
        let consumer = self.person(Role::Consumer);
        let registration = registration(consumer.address(), B256::repeat_byte(7), now() - 300 + self.next());
        registered(&consumer.wallet, self.world.chain.deployment.orders, registration)
    }

    /// The request of an operation about fresh things, wherever the request uses them up; none if this stage does not
    /// know the operation.
    pub(crate) async fn request(&self, operation: &str) -> Option<Asked> {
        use Role::{Consumer, Nobody, Provider, Publisher};
        let consumer = self.person(Consumer);
        let done = &self.done;
        let asset = self.listed.token_id;
        Some(match operation {
            "create_nonce" => Asked::new(Nobody, Method::POST, "/v1/nonces", Content::Nothing),
            "create_session" => {
                let message = Message::for_server(&consumer.http, self.world.server.url()).await;
                let text = message.text(consumer.address());
                let signature = Bytes::from(consumer.wallet.sign_message_sync(text.as_bytes()).unwrap().as_bytes());
                Asked::post(Nobody, "/v1/sessions", json!({"message": text, "signature": signature}))
            }
            "list_sessions" => Asked::get(Consumer, "/v1/sessions"),
            "delete_session" => Asked::new(Consumer, Method::DELETE, "/v1/sessions/current", Content::Nothing),
            "revoke_sessions" => Asked::new(Consumer, Method::DELETE, "/v1/sessions", Content::Nothing),
            "revoke_session" => {
                let more = Person::sign_in(self.world.server.url(), consumer.wallet.clone()).await;
                let sessions: Value = expect(more.get("/v1/sessions").await, StatusCode::OK).await;
                let newest = sessions["items"][0]["id"].as_str().unwrap();
                Asked::new(Consumer, Method::DELETE, format!("/v1/sessions/{newest}"), Content::Nothing)
            }
            "put_account_key" => Asked::put(Consumer, key_path(consumer.address()), Content::Json(self.new_key())),
            "read_account_key" => {
                let path = key_path(consumer.address());
                let put = consumer.request(Method::PUT, &path).json(&self.new_key()).send().await.unwrap();
                expect::<Value>(put, StatusCode::OK).await;
                Asked::get(Nobody, path)
            }
            "read_market" => Asked::get(Nobody, "/v1/market"),
            "list_assets" => Asked::get(Nobody, "/v1/assets"),
            "read_asset_facets" => Asked::get(Nobody, "/v1/assets/facets?pricing=free"),
            "list_asset_history" => Asked::get(Nobody, format!("/v1/assets/{asset}/history")),
            "read_asset_history" => {
                let path = format!("/v1/assets/{asset}/history");
                let page: Value = expect(consumer.get(&path).await, StatusCode::OK).await;
                Asked::get(Nobody, format!("{path}/{}", page["items"][0]["id"].as_str().unwrap()))
            }
            "read_asset_statistics" => Asked::get(Nobody, format!("/v1/assets/{asset}/statistics")),
            "validate_document" => {
                let document = serde_json::from_slice(&self.listed.metadata).unwrap();
                Asked::post(Nobody, "/v1/publications/validate", document)
            }
            "read_publication_identity" => {
                Asked::get(Nobody, format!("/v1/publications/identity?publisher={}", consumer.address()))
            }
            "quote" => {
                let body = json!({"token_id": asset.to_string(), "buyer": consumer.address(), "kind": "buy"});
                Asked::post(Nobody, "/v1/quotes", body)
            }
            "build_permit" => {
                let token = self.world.chain.deployment.test_dollar;
                Asked::post(Nobody, "/v1/permits", json!({"owner": consumer.address(), "token": token, "value": "1"}))
            }
            "build_transaction" => {
                let (from, datatoken) = (self.person(Publisher).address(), self.listed.datatoken);
                let body = json!({"kind": "set_paused", "from": from, "datatoken": datatoken, "paused": false});
                Asked::post(Nobody, "/v1/transactions", body)
            }
            "read_transaction" | "stream_transaction" => {
                let shown: Value = expect(consumer.get(&format!("/v1/assets/{asset}")).await, StatusCode::OK).await;
                let path = format!("/v1/transactions/{}", shown["transaction"].as_str().unwrap());
                Asked::get(Nobody, if operation == "read_transaction" { path } else { format!("{path}/events") })
            }
            "read_asset" => Asked::get(Nobody, format!("/v1/assets/{asset}")),
            "read_asset_content" => Asked::get(Provider, format!("/v1/assets/{asset}/content")),
            "create_upload" => {
                let bytes = format!("announced {}", self.next());
                let announced = json!({"sha256": sha256(bytes.as_bytes()), "bytes": bytes.len()});
                Asked::post(Publisher, "/v1/uploads", announced)
            }
            "read_upload" => Asked::get(Publisher, format!("/v1/uploads/{}", self.upload().await.0.id)),
            "put_upload_content" => {
                let (upload, bytes) = self.upload().await;
                Asked::put(Publisher, format!("/v1/uploads/{}/content", upload.id), Content::Bytes(bytes))
            }
            "append_upload_content" => {
                let (upload, bytes) = self.upload().await;
                let path = format!("/v1/uploads/{}/content", upload.id);
                Asked::new(Publisher, Method::PATCH, path, Content::Bytes(bytes)).with("upload-offset", 0)
            }
            "read_upload_offset" => {
                let path = format!("/v1/uploads/{}/content", self.upload().await.0.id);
                Asked::new(Publisher, Method::HEAD, path, Content::Nothing)
            }
            "list_orders" => Asked::get(Consumer, "/v1/orders"),
            "read_order" => Asked::get(Consumer, format!("/v1/orders/{}", done.order)),
            "create_job" => {
                let spec = self.world.spec(&self.listed);
                let opened = self.world.open(consumer, &self.listed, canonical::hash(&spec).unwrap()).await;
                let job = consumer.job(self.world.chain.deployment.orders, opened.id, &spec, in_an_hour());
                Asked::post(Consumer, "/v1/jobs", serde_json::to_value(&job).unwrap())
            }
            "preview_job" => Asked::post(Nobody, "/v1/jobs/preview", json!({"spec": self.world.spec(&self.listed)})),
            "create_sample_run" => {
                self.end_sample_runs().await;
                Asked::post(Consumer, "/v1/sample-runs", json!({"spec": self.world.spec(&self.listed)}))
            }
            "read_sample_run" => Asked::get(Consumer, format!("/v1/sample-runs/{}", self.sample_run(true).await)),
            "read_sample_run_model" => {
                let run = self.sample_run(true).await;
                let outcome = crate::sample_runs::completed(json!("0x00"));
                let ended = self.person(Provider).post(&format!("/v1/sample-runs/{run}/outcome"), &outcome).await;
                expect::<Value>(ended, StatusCode::OK).await;
                Asked::get(Consumer, format!("/v1/sample-runs/{run}/model"))
            }
            "create_sample_lease" => {
                self.sample_run(false).await;
                Asked::new(Provider, Method::POST, "/v1/sample-leases", Content::Nothing)
            }
            "end_sample_run" => {
                let path = format!("/v1/sample-runs/{}/outcome", self.sample_run(true).await);
                Asked::post(Provider, path, crate::sample_runs::completed(Value::Null))
            }
            "list_jobs" => Asked::get(Consumer, "/v1/jobs"),
            "read_job" => Asked::get(Consumer, format!("/v1/jobs/{}", done.job.id)),
            "read_job_request" => Asked::get(Consumer, format!("/v1/jobs/{}/request", done.job.id)),
            "read_job_receipt" => Asked::get(Consumer, format!("/v1/jobs/{}/receipt", done.job.id)),
            "read_job_start_model" => {
                let job = crate::start::submit(&self.world, consumer, &self.listed).await;
                Asked::get(Consumer, format!("/v1/jobs/{}/start-model", job.id))
            }
            "cancel_job" => {
                let job = self.held().await.job.id;
                Asked::new(Consumer, Method::POST, format!("/v1/jobs/{job}/cancellation"), Content::Nothing)
            }
            "read_job_result" => Asked::get(Consumer, format!("/v1/jobs/{}/result", done.job.id)),
            "stream_job_events" => Asked::get(Consumer, format!("/v1/jobs/{}/events", done.job.id)),
            "create_download" => {
                let spec = self.world.download_spec(&self.downloadable);
                let opened = self.world.open(consumer, &self.downloadable, canonical::hash(&spec).unwrap()).await;
                let download = consumer.download(self.world.chain.deployment.orders, opened.id, &spec, in_an_hour());
                Asked::post(Consumer, "/v1/downloads", serde_json::to_value(&download).unwrap())
            }
            "list_downloads" => Asked::get(Consumer, "/v1/downloads"),
            "read_download" => Asked::get(Consumer, format!("/v1/downloads/{}", done.download)),
            "read_download_content" => Asked::get(Consumer, format!("/v1/downloads/{}/content", done.download)),
            "put_provider" => {
                let status = ProviderStatus {
                    public_key: B256::repeat_byte(5),
                    sandbox: vec![format!("layer {}", self.next())],
                    trainer_hash: B256::repeat_byte(6),
                    environment: Environment {
                        cores: 2,
                        memory_mib: 4096,
                        jobs_at_once: 1,
                        flops_per_second: Some(2_000_000),
                    },
                };
                let path = format!("/v1/providers/{}", self.person(Provider).address());
                Asked::put(Provider, path, Content::Json(serde_json::to_value(&status).unwrap()))
            }
            "put_privacy_ledger" => {
                let spent =
                    json!([{"token_id": self.listed.token_id.to_string(), "jobs": 1, "epsilon_micros": 2_500_000}]);
                let path = format!("/v1/providers/{}/privacy-ledger", self.person(Provider).address());
                Asked::put(
                    Provider,
                    path,
                    Content::Json(json!({"head": B256::repeat_byte(self.next() as u8), "spent": spent})),
                )
            }
            "read_privacy_budget" => Asked::get(Nobody, format!("/v1/assets/{}/privacy-budget", self.listed.token_id)),
            "read_provider" => Asked::get(Nobody, format!("/v1/providers/{}", self.person(Provider).address())),
            "create_lease" => {
                self.world.submit(consumer, &self.listed).await;
                Asked::new(Provider, Method::POST, "/v1/leases", Content::Nothing)
            }
            "create_heartbeat" => {
                let progress = json!([{"epoch": 1, "epochs": 3, "loss": 0.5, "test_metric": null}]);
                let path = format!("/v1/leases/{}/heartbeats", self.held().await.id);
                Asked::post(Provider, path, json!({"status": "running", "progress": progress}))
            }
            "fail_lease" => {
                let body = json!({"failure": {"code": "worker_crashed"}, "retry": false, "transaction": null});
                Asked::post(Provider, format!("/v1/leases/{}/failure", self.held().await.id), body)
            }
            "put_lease_result" => {
                let path = format!("/v1/leases/{}/result", self.held().await.id);
                Asked::put(Provider, path, Content::Bytes(b"sealed".to_vec()))
            }
            "complete_lease" => {
                let lease = self.held().await;
                let completion = self.world.fulfil(self.person(Provider), &lease, b"sealed").await;
                // Until the index has it, so that nothing else moves the order while somebody looks.
                self.world.fulfilled(self.person(Provider), lease.job.order_id).await;
                Asked::post(Provider, format!("/v1/leases/{}/completion", lease.id), completion)
            }
            _ => return None,
        })
    }
}

pub(crate) fn now() -> u64 {
    OffsetDateTime::now_utc().unix_timestamp().try_into().unwrap()
}

pub(crate) fn key_path(account: Address) -> String {
    format!("/v1/accounts/{account}/keys/consumer")
}

/// A registration of a consumer's key, good for ten minutes.
pub(crate) fn registration(account: Address, key: B256, issued: u64) -> KeyRegistration {
    KeyRegistration { account, purpose: "consumer".to_owned(), key, issuedAt: issued, deadline: issued + 600 }
}

/// It, signed.
pub(crate) fn registered(wallet: &PrivateKeySigner, orders: Address, registration: KeyRegistration) -> Value {
    let hash = signed::signing_hash(&registration, &signed::domain(31337, orders));
    let signature = Bytes::from(wallet.sign_hash_sync(&hash).unwrap().as_bytes());
    json!({"registration": registration, "signature": signature})
}
