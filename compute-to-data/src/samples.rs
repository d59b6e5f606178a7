//! A market of one data set, one provider and one consumer, for this crate's tests.

use alloy::{
    primitives::{Address, B256, U256, address, keccak256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use atoll_protocol::{
    api::{Job, JobStatus, Lease, OrderTerms, SignedReceipt},
    canonical,
    contracts::{IAssetRegistry, IOrders, Order, Service},
    document::{AssetDocument, Column, ColumnKind, Content, MediaType, Policy, Provider, ServiceOffer},
    download::DownloadSpec,
    envelope::{ContentKey, Context, FORMAT, SecretKey, key_wrap},
    ids::AssetId,
    job::{JobSpec, ModelFamily},
    report::{Input, Progress, Report, Scaling},
    signed::{self, DownloadRequest, JobRequest, Receipt, Request},
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    chain::{Deployment, Facts, Standing, order_id},
    checks::Own,
    journal::Entry,
};

pub(crate) const NOW: u64 = 1_790_000_000;

pub(crate) fn deployment() -> Deployment {
    Deployment {
        chain_id: 31337,
        start_block: 1,
        asset_registry: address!("0x5FbDB2315678afecb367f032d93F642f64180aa3"),
        market: address!("0xa513E6E4b8f2a923D98304ec87F64353C4D5C853"),
        orders: address!("0x2279B7A0a67DB372996a5FaB50D91eAA73d2eBe6"),
        code_hashes: None,
    }
}

pub(crate) fn wallet(seed: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(seed)).unwrap()
}

pub(crate) fn identity() -> SecretKey {
    SecretKey::from_bytes([7; 32]).unwrap()
}

pub(crate) fn asset() -> AssetId {
    let deployment = deployment();
    AssetId { chain_id: deployment.chain_id, registry: deployment.asset_registry, token_id: U256::from(42) }
}

pub(crate) const DATATOKEN: Address = address!("0x00000000000000000000000000000000000000d7");

pub(crate) fn document() -> AssetDocument {
    let number = ColumnKind::Number { min: 0.0, max: 10.0 };
    let column = |name: &str, kind: &ColumnKind| Column { name: name.into(), kind: kind.clone(), description: None };
    let context = Context {
        chain_id: asset().chain_id,
        registry: asset().registry,
        token_id: asset().token_id,
        service_index: 0,
        version: 1,
    };
    let key = ContentKey::generate().unwrap();
    AssetDocument::table(
        "Sample",
        "A table for tests.",
        "CC0-1.0",
        vec![
            column("x0", &number),
            column("x1", &number),
            column("y", &ColumnKind::Category { values: vec!["no".into(), "yes".into()] }),
        ],
        Content {
            version: 1,
            format: FORMAT.into(),
            ciphertext_sha256: B256::repeat_byte(1),
            ciphertext_bytes: 1000,
            media_type: MediaType::Csv,
            rows: 100,
            keys: vec![key_wrap::wrap(&identity().public_key(), &context, &key).unwrap()],
        },
        Provider { wallet: wallet(1).address(), public_key: identity().public_key().0 },
        Policy {
            model_families: vec![ModelFamily::LogisticRegression, ModelFamily::MultilayerPerceptron],
            min_rows: 20,
            max_seconds: 600,
            max_memory_mib: 1024,
            max_parameters: 10_000,
            allow: None,
            deny: Vec::new(),
            join_with: Vec::new(),
            statistics: true,
            trusted_algorithms: None,
            privacy: None,
        },
    )
}

pub(crate) fn spec_json() -> Value {
    json!({
        "version": 1,
        "task": "binary_classification",
        "data": {"asset": asset().to_string(), "features": ["x0", "x1"], "target": "y"},
        "layers": [{"kind": "linear", "units": 2}],
        "loss": "cross_entropy",
        "optimizer": {"kind": "adam", "learning_rate": 0.01},
        "training": {"epochs": 2, "batch_size": 8, "seed": 1},
        "split": {"test_fraction": 0.25, "seed": 1},
        "limits": {"max_seconds": 60, "max_memory_mib": 256}
    })
}

/// The document of a data set whose service 1 is a download.
pub(crate) fn sold_document() -> AssetDocument {
    let mut document = document();
    document.atoll.services = vec![
        ServiceOffer::Compute { service_index: 0 },
        ServiceOffer::Download { service_index: 1, valid_for_seconds: 3600 },
    ];
    document
}

/// A download lease in which everything is right, with the facts that belong to it.
pub(crate) fn download() -> (Lease, Facts) {
    let document = sold_document();
    let spec = serde_json::to_value(DownloadSpec::of(asset(), 1, &document)).unwrap();
    let order = Order { requestHash: canonical::hash(&spec).unwrap(), ..order() };
    let mut lease = lease_of(&order, spec, &document);
    let request = DownloadRequest {
        orderId: lease.job.order_id,
        requestHash: order.requestHash,
        recipientKey: consumer_key().public_key().0,
        deadline: NOW + 1800,
    };
    lease.request = Request::Download(request);
    lease.job.kind = lease.request.kind();
    lease.signature = sign(&lease.request, &wallet(2));
    lease.service_index = 1;
    let mut facts = facts(&document);
    facts.service.serviceIndex = 1;
    (lease, facts)
}

/// The consumer's X25519 key.
pub(crate) fn consumer_key() -> SecretKey {
    SecretKey::from_bytes([9; 32]).unwrap()
}

pub(crate) fn spec() -> JobSpec {
    JobSpec::parse(&spec_json()).unwrap()
}

pub(crate) fn report() -> Report {
    let input = |name: &str| Input {
        column: name.to_owned(),
        category: None,
        scaling: Some(Scaling { offset: 5.0, scale: 5.0 }),
        image: None,
    };
    let progress = |epoch| Progress { epoch, epochs: 2, loss: Some(0.456_78), test_metric: Some(0.9) };
    Report {
        train_rows: 75,
        test_rows: 25,
        test_accuracy: Some(0.92),
        test_confusion: vec![Some(vec![0.9, 0.1]), None],
        test_f1: Some(0.9),
        test_auc: Some(0.97),
        test_log_loss: Some(0.3),
        test_rmse: None,
        test_mae: None,
        test_r2: None,
        final_loss: Some(0.4),
        history: vec![progress(1), progress(2)],
        inputs: vec![input("x0"), input("x1")],
        classes: vec!["no".to_owned(), "yes".to_owned()],
        output_scaling: None,
        privacy: None,
        audit: None,
        trainer: "atoll-trainer".to_owned(),
    }
}

pub(crate) fn order() -> Order {
    Order {
        assetId: asset().token_id,
        datatoken: DATATOKEN,
        consumer: wallet(2).address(),
        provider: wallet(1).address(),
        requestHash: canonical::hash(&spec_json()).unwrap(),
        deadline: NOW + 3600,
        salt: B256::repeat_byte(5),
        escrowToken: DATATOKEN,
        escrowAmount: U256::from(10).pow(U256::from(18)),
        referrer: Address::ZERO,
        referralFee: U256::ZERO,
        protocolFee: U256::ZERO,
    }
}

/// A lease in which everything is right, for this order, spec and document.
pub(crate) fn lease_of(order: &Order, spec: Value, document: &AssetDocument) -> Lease {
    let request = JobRequest {
        orderId: order_id(&deployment(), order),
        specHash: canonical::hash(&spec).unwrap(),
        resultKey: consumer_key().public_key().0,
        deadline: NOW + 1800,
    };
    let order_id = request.orderId;
    let request = Request::Compute(request);
    let at = OffsetDateTime::from_unix_timestamp(NOW as i64).unwrap();
    Lease {
        id: Uuid::from_u128(1),
        job: Job {
            id: Uuid::from_u128(2),
            kind: request.kind(),
            order_id,
            asset: asset(),
            consumer: order.consumer,
            provider: order.provider,
            status: JobStatus::Leased,
            failure: None,
            attempts: 1,
            progress: None,
            result: None,
            receipt: None,
            created_at: at,
            updated_at: at,
        },
        signature: sign(&request, &wallet(2)),
        request,
        spec,
        order: OrderTerms::from(order),
        metadata: serde_json::to_value(document).unwrap(),
        service_index: 0,
        further: Vec::new(),
        expires_at: at,
    }
}

pub(crate) fn sign(request: &Request, wallet: &PrivateKeySigner) -> alloy::primitives::Bytes {
    let domain = signed::domain(deployment().chain_id, deployment().orders);
    wallet.sign_hash_sync(&request.signing_hash(&domain)).unwrap().as_bytes().to_vec().into()
}

pub(crate) fn facts(document: &AssetDocument) -> Facts {
    Facts {
        metadata_hash: keccak256(document.to_bytes().unwrap()),
        asset_state: IAssetRegistry::State::Active,
        service: Service { assetId: asset().token_id, serviceIndex: 0, provider: wallet(1).address() },
        block_time: NOW,
    }
}

pub(crate) fn standing() -> Standing {
    Standing { chain_id: 31337, order_status: IOrders::Status::Open }
}

pub(crate) fn own(deployment: &Deployment) -> Own<'_> {
    Own { deployment, wallet: wallet(1).address(), public_key: identity().public_key() }
}

pub(crate) fn journal_entry() -> Entry {
    let receipt = Receipt {
        orderId: B256::repeat_byte(1),
        requestHash: B256::repeat_byte(2),
        metadataHash: B256::repeat_byte(3),
        dataCommitment: B256::repeat_byte(4),
        furtherHash: B256::ZERO,
        specHash: B256::repeat_byte(5),
        trainerHash: B256::repeat_byte(6),
        modelHash: B256::repeat_byte(7),
        resultHash: B256::repeat_byte(8),
        epsilonMicros: 0,
        seedCommitment: B256::ZERO,
        ledgerHead: B256::ZERO,
        finishedAt: NOW,
    };
    Entry {
        lease: Uuid::from_u128(1),
        order_id: receipt.orderId,
        order: OrderTerms::from(&order()),
        further: Vec::new(),
        receipt: SignedReceipt { receipt, signature: vec![1; 65].into(), further: Vec::new() },
        receipt_hash: B256::repeat_byte(9),
    }
}
