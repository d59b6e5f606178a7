//! A market of a test's own: a chain, a server and a database in a Postgres that the tests share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    signers::SignerSync,
};
use atoll_devnet::{
    Chain, Postgres, Scratch, Server,
    server::{Settings, Storage, unhurried},
};
use atoll_protocol::{
    api::{Download, Job, Lease, OrderTerms, ResultInfo},
    contracts::{IAssetRegistry, IMarket, IOrders, Limits, OpenRequest, Order, ServiceTerms},
    document::{AssetDocument, Column, ColumnKind, Content, MediaType, Policy, Provider, ServiceOffer},
    download::DownloadSpec,
    envelope::{self, ContentKey, Context, SecretKey, content, key_wrap},
    ids::AssetId,
    job::ModelFamily,
    signed::{self, Receipt},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::OffsetDateTime;
use tokio::sync::OnceCell;

use crate::person::{Person, expect, sha256};

static POSTGRES: OnceCell<Postgres> = OnceCell::const_new();
static DATABASES: AtomicU64 = AtomicU64::new(0);

/// An empty database.
pub(crate) async fn database() -> String {
    let postgres = POSTGRES.get_or_init(async || Postgres::start().await.unwrap()).await;
    let name = format!("it_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    postgres.create_database(&name).await.unwrap()
}

/// A market.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) chain: Chain,
    pub(crate) database: String,
    pub(crate) scratch: Arc<Scratch>,
    storage: Storage,
    salt: AtomicU64,
}

/// A published asset.
pub(crate) struct Listed {
    pub(crate) token_id: U256,
    pub(crate) datatoken: Address,
    pub(crate) provider: Address,
    pub(crate) metadata: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

/// An opened order.
pub(crate) struct Opened {
    pub(crate) id: B256,
    pub(crate) terms: Order,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with_lease(None).await
    }

    pub(crate) async fn with_lease(lease: Option<Duration>) -> Self {
        Self::with(lease, unhurried(), database().await).await
    }

    /// A market on a database that the test has to itself.
    pub(crate) async fn on(database: String) -> Self {
        Self::with(None, unhurried(), database).await
    }

    /// A market whose server has these arguments, and otherwise its own defaults.
    pub(crate) async fn with_arguments(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self::with(None, arguments, database().await).await
    }

    /// A market that keeps its bytes there.
    pub(crate) async fn storing(storage: Storage) -> Self {
        Self::with_storage(None, unhurried(), database().await, storage).await
    }

    async fn with(lease: Option<Duration>, arguments: Vec<String>, database: String) -> Self {
        Self::with_storage(lease, arguments, database, Storage::Own).await
    }

    async fn with_storage(lease: Option<Duration>, arguments: Vec<String>, database: String, storage: Storage) -> Self {
        let scratch = Arc::new(Scratch::create().unwrap());
        let chain = Chain::start_in(&scratch, None).await.unwrap();
        let settings = Settings {
            database_url: database.clone(),
            rpc_url: chain.rpc_url().to_owned(),
            deployment: chain.deployment_file.clone(),
            port: None,
            lease,
            arguments,
        };
        let server = Server::start_storing(&scratch, settings, storage.clone()).await.unwrap();
        Self { server, chain, database, scratch, storage, salt: AtomicU64::new(1) }
    }

    /// A server beside the first, with a database of its own, on the same chain.
    pub(crate) async fn second(&self, database: &str) -> Server {
        self.server_in(&Arc::new(Scratch::create().unwrap()), database).await
    }

    /// A server beside the first, with the same database and the same storage.
    pub(crate) async fn beside(&self) -> Server {
        self.server_in(&self.scratch, &self.database).await
    }

    async fn server_in(&self, scratch: &Arc<Scratch>, database: &str) -> Server {
        let settings = Settings {
            database_url: database.to_owned(),
            rpc_url: self.chain.rpc_url().to_owned(),
            deployment: self.chain.deployment_file.clone(),
            port: None,
            lease: None,
            arguments: unhurried(),
        };
        Server::start_storing(scratch, settings, self.storage.clone()).await.unwrap()
    }

    /// One of the chain's funded accounts, signed in.
    pub(crate) async fn person(&self, account: usize) -> Person {
        let wallet = self.chain.accounts[account].key.parse().unwrap();
        Person::sign_in(self.server.url(), wallet).await
    }

    pub(crate) fn next_salt(&self) -> B256 {
        U256::from(self.salt.fetch_add(1, Ordering::Relaxed)).into()
    }

    /// Waits until the block of a transaction is indexed.
    pub(crate) async fn indexed(&self, receipt: &Value) {
        let block: U256 = serde_json::from_value(receipt["blockNumber"].clone()).unwrap();
        caught_up(self.server.url(), block.to()).await;
    }

    pub(crate) fn terms(&self, provider: Address, token: Address, price: u64) -> ServiceTerms {
        let price = price.try_into().unwrap();
        ServiceTerms { provider, paymentToken: token, price }
    }

    /// Publishes a small sealed table that costs nothing, and uploads it.
    pub(crate) async fn publish(&self, publisher: &Person, provider: &Person) -> Listed {
        self.publish_selling(publisher, provider, Vec::new()).await
    }

    /// Publishes such a table of which nobody is shown a row.
    pub(crate) async fn publish_without_sample(&self, publisher: &Person, provider: &Person) -> Listed {
        self.publish_changed(publisher, provider, |document| document.atoll.sample_rows.clear()).await
    }

    /// Publishes such a table of which service 0 is a download.
    pub(crate) async fn publish_download(&self, publisher: &Person, provider: &Person) -> Listed {
        let offer = ServiceOffer::Download { service_index: 0, valid_for_seconds: 3600 };
        self.publish_selling(publisher, provider, vec![offer]).await
    }

    /// Publishes such a table with what its document says of its services, of which the chain has service 0.
    pub(crate) async fn publish_selling(
        &self,
        publisher: &Person,
        provider: &Person,
        services: Vec<ServiceOffer>,
    ) -> Listed {
        self.publish_changed(publisher, provider, |document| document.atoll.services = services).await
    }

    /// Publishes such a table whose document is changed before.
    pub(crate) async fn publish_changed(
        &self,
        publisher: &Person,
        provider: &Person,
        change: impl FnOnce(&mut AssetDocument),
    ) -> Listed {
        let salt = self.next_salt();
        let registry = self.chain.deployment.asset_registry;
        let token_id =
            self.chain.rpc.read(registry, IAssetRegistry::assetIdOfCall { publisher: publisher.address(), salt }).await;
        let token_id = token_id.unwrap();
        let (mut document, ciphertext) = self.document(token_id, provider.address(), "Small table");
        change(&mut document);
        publisher.upload(&ciphertext).await;
        let metadata = document.to_bytes().unwrap();
        let terms = self.terms(provider.address(), Address::ZERO, 0);
        let call = IAssetRegistry::publishCall { salt, metadata: metadata.clone().into(), terms };
        let receipt = self.chain.rpc.send(publisher.address(), registry, call).await.unwrap();
        self.indexed(&receipt).await;
        let call = IAssetRegistry::datatokenOfCall { assetId: token_id, serviceIndex: 0, provider: provider.address() };
        let datatoken = self.chain.rpc.read(registry, call).await.unwrap();
        Listed { token_id, datatoken, provider: provider.address(), metadata, ciphertext }
    }

    /// A valid document with its sealed content.
    pub(crate) fn document(&self, token_id: U256, provider: Address, name: &str) -> (AssetDocument, Vec<u8>) {
        let context = Context {
            chain_id: 31337,
            registry: self.chain.deployment.asset_registry,
            token_id,
            service_index: 0,
            version: 1,
        };
        let (key, identity) = (ContentKey::generate().unwrap(), SecretKey::generate().unwrap());
        let mut ciphertext = Vec::new();
        content::encrypt(&key, &context.to_bytes(), &b"x,y\n1,a\n2,b\n"[..], &mut ciphertext).unwrap();
        let number = ColumnKind::Number { min: 0.0, max: 10.0 };
        let category = ColumnKind::Category { values: vec!["a".into(), "b".into()] };
        let column = |name: &str, kind| Column { name: name.into(), kind, description: None };
        let mut document = AssetDocument::table(
            name,
            "A table for tests of 100% of the server.",
            "CC-BY-4.0",
            vec![column("x", number), column("y", category)],
            Content {
                version: 1,
                format: envelope::FORMAT.into(),
                ciphertext_sha256: sha256(&ciphertext),
                ciphertext_bytes: ciphertext.len() as u64,
                media_type: MediaType::Csv,
                rows: 100,
                keys: vec![key_wrap::wrap(&identity.public_key(), &context, &key).unwrap()],
            },
            Provider { wallet: provider, public_key: identity.public_key().0 },
            Policy {
                model_families: vec![ModelFamily::LogisticRegression],
                min_rows: 10,
                max_seconds: 60,
                max_memory_mib: 512,
                max_parameters: 1000,
                allow: None,
                deny: vec![self.chain.accounts[9].address],
                join_with: Vec::new(),
                statistics: true,
                trusted_algorithms: None,
                privacy: None,
            },
        );
        document.atoll.sample_rows = vec![vec!["1".into(), "a".into()], vec!["2".into(), "b".into()]];
        (document, ciphertext)
    }

    /// A job that fits the published tables.
    pub(crate) fn spec(&self, listed: &Listed) -> Value {
        let registry = self.chain.deployment.asset_registry;
        json!({
            "version": 1,
            "task": "binary_classification",
            "data": {"asset": format!("eip155:31337/erc721:{registry}/{}", listed.token_id), "features": ["x"], "target": "y"},
            "layers": [{"kind": "linear", "units": 2}],
            "loss": "cross_entropy",
            "optimizer": {"kind": "sgd", "learning_rate": 0.1},
            "training": {"epochs": 3, "batch_size": 8, "seed": 1},
            "split": {"test_fraction": 0.25, "seed": 1},
            "limits": {"max_seconds": 30, "max_memory_mib": 256}
        })
    }

    /// What is asked for to download a published table.
    pub(crate) fn download_spec(&self, listed: &Listed) -> DownloadSpec {
        let asset =
            AssetId { chain_id: 31337, registry: self.chain.deployment.asset_registry, token_id: listed.token_id };
        DownloadSpec::of(asset, 0, &AssetDocument::parse(&listed.metadata).unwrap())
    }

    /// Opens an order for a download and asks for it.
    pub(crate) async fn submit_download(&self, consumer: &Person, listed: &Listed) -> (Opened, Download) {
        let spec = self.download_spec(listed);
        let opened = self.open(consumer, listed, atoll_protocol::canonical::hash(&spec).unwrap()).await;
        let download = consumer.download(self.chain.deployment.orders, opened.id, &spec, in_an_hour());
        let answer = consumer.post("/v1/downloads", &serde_json::to_value(&download).unwrap()).await;
        (opened, expect(answer, StatusCode::CREATED).await)
    }

    /// Takes the provider's next job to its end with this result.
    pub(crate) async fn complete(&self, provider: &Person, result: &[u8]) -> Job {
        let lease: Lease = expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;
        let completion = self.fulfil(provider, &lease, result).await;
        let path = format!("/v1/leases/{}/completion", lease.id);
        let done = expect(provider.post(&path, &completion).await, StatusCode::OK).await;
        self.fulfilled(provider, lease.job.order_id).await;
        done
    }

    /// Waits until the index has it that an order of the provider's is fulfilled.
    pub(crate) async fn fulfilled(&self, provider: &Person, order: B256) {
        let path = format!("/v1/orders/{order}");
        until("fulfilled in the index", async || {
            let order: Value = expect(provider.get(&path).await, StatusCode::OK).await;
            order["status"] == "fulfilled"
        })
        .await;
    }

    /// Opens an order for an hour.
    pub(crate) async fn open(&self, consumer: &Person, listed: &Listed, request_hash: B256) -> Opened {
        let deadline = u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap() + 3600;
        let limits = Limits { paymentToken: Address::ZERO, maxPrice: U256::ZERO, deadline, referrer: Address::ZERO };
        let call = IMarket::buyAndOpenCall {
            request: OpenRequest {
                datatoken: listed.datatoken,
                provider: listed.provider,
                requestHash: request_hash,
                deadline,
                salt: self.next_salt(),
            },
            limits,
        };
        let receipt = self.chain.rpc.send(consumer.address(), self.chain.deployment.market, call).await.unwrap();
        self.indexed(&receipt).await;
        let id: B256 = serde_json::from_value(receipt["logs"][0]["topics"][1].clone()).unwrap();
        let order: Value = expect(consumer.get(&format!("/v1/orders/{id}")).await, StatusCode::OK).await;
        let terms: OrderTerms = serde_json::from_value(order["terms"].clone()).unwrap();
        Opened { id, terms: (&terms).try_into().unwrap() }
    }

    /// Opens an order for the fitting spec and submits the job.
    pub(crate) async fn submit(&self, consumer: &Person, listed: &Listed) -> (Opened, Job) {
        let spec = self.spec(listed);
        let opened = self.open(consumer, listed, atoll_protocol::canonical::hash(&spec).unwrap()).await;
        let job = consumer.job(self.chain.deployment.orders, opened.id, &spec, in_an_hour());
        let answer = consumer.post("/v1/jobs", &serde_json::to_value(&job).unwrap()).await;
        (opened, expect(answer, StatusCode::CREATED).await)
    }

    /// Stores a result and fulfils the order on chain; returns the completion's body.
    pub(crate) async fn fulfil(&self, provider: &Person, lease: &Lease, result: &[u8]) -> Value {
        let path = format!("/v1/leases/{}/result", lease.id);
        let info: ResultInfo = expect(provider.put_bytes(&path, result.to_vec()).await, StatusCode::OK).await;
        assert_eq!(info, ResultInfo { sha256: sha256(result), bytes: result.len() as u64 });
        let domain = signed::domain(31337, self.chain.deployment.orders);
        let receipt = Receipt {
            orderId: lease.job.order_id,
            requestHash: lease.request.signing_hash(&domain),
            metadataHash: alloy::primitives::keccak256(atoll_protocol::canonical::to_bytes(&lease.metadata).unwrap()),
            dataCommitment: B256::repeat_byte(1),
            furtherHash: B256::ZERO,
            specHash: lease.request.spec_hash(),
            trainerHash: B256::repeat_byte(2),
            modelHash: B256::repeat_byte(3),
            resultHash: sha256(result),
            epsilonMicros: 0,
            seedCommitment: B256::ZERO,
            ledgerHead: B256::ZERO,
            finishedAt: 1_700_000_000,
        };
        let hash = signed::signing_hash(&receipt, &domain);
        let order = (&lease.order).try_into().unwrap();
        let call = IOrders::fulfilCall { order, receiptHash: hash };
        let mined = self.chain.rpc.send(provider.address(), self.chain.deployment.orders, call).await.unwrap();
        let signature = Bytes::from(provider.wallet.sign_hash_sync(&hash).unwrap().as_bytes());
        json!({"receipt": {"receipt": receipt, "signature": signature}, "transaction": mined["transactionHash"]})
    }

    /// A row of the database, as text.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        rows(&self.database, sql).await
    }
}

/// Runs a query whose one column is text.
pub(crate) async fn rows(database: &str, sql: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(database).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap()
}

/// Waits until a server has indexed a block.
pub(crate) async fn caught_up(base: &str, block: u64) {
    for _ in 0..400 {
        let market: Value = reqwest::get(format!("{base}/v1/market")).await.unwrap().json().await.unwrap();
        if market["indexed_block"].as_u64().is_some_and(|indexed| indexed >= block) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("block {block} was not indexed within 10 s");
}

/// Waits until a condition holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not within 10 s: {what}");
}

pub(crate) fn in_an_hour() -> OffsetDateTime {
    OffsetDateTime::now_utc() + time::Duration::HOUR
}
