//! One data set and one job on it, for all targets.

use std::sync::OnceLock;

use alloy_primitives::{Address, B256};
use atoll_protocol::{
    document::{AssetDocument, Content, MediaType, Policy, Provider},
    envelope::FORMAT,
    job::{Cost, JobSpec, ModelFamily},
};
use serde_json::{Value, json};

/// The data set: two numbers, a category, an image, and a yes or no.
pub(crate) fn document() -> &'static AssetDocument {
    static ONCE: OnceLock<AssetDocument> = OnceLock::new();
    ONCE.get_or_init(|| {
        let columns = json!([
            {"name": "n", "type": {"kind": "number", "min": -1, "max": 1}},
            {"name": "c", "type": {"kind": "category", "values": ["a", "b"]}},
            {"name": "m", "type": {"kind": "number", "min": 0, "max": 1000}},
            {"name": "p", "type": {"kind": "image", "height": 2, "width": 1, "channels": 1}},
            {"name": "y", "type": {"kind": "category", "values": ["no", "yes"]}},
        ]);
        let content = Content {
            version: 1,
            format: FORMAT.into(),
            ciphertext_sha256: B256::repeat_byte(1),
            ciphertext_bytes: 1000,
            media_type: MediaType::Parquet,
            rows: 1000,
            keys: Vec::new(),
        };
        let policy = Policy {
            model_families: vec![ModelFamily::LogisticRegression, ModelFamily::MultilayerPerceptron],
            min_rows: 1,
            max_seconds: 600,
            max_memory_mib: 1024,
            max_parameters: 10_000,
            allow: None,
            deny: Vec::new(),
            join_with: Vec::new(),
            statistics: true,
            trusted_algorithms: None,
            privacy: None,
        };
        let provider = Provider { wallet: Address::repeat_byte(2), public_key: B256::repeat_byte(3) };
        let columns = serde_json::from_value(columns).expect("columns");
        AssetDocument::table("Sample", "A table to fuzz.", "CC0-1.0", columns, content, provider, policy)
    })
}

/// A small network that learns the yes or no from what `features` names, and what it costs.
pub(crate) fn spec(features: &[&str]) -> (JobSpec, Cost) {
    let value = json!({
        "version": 1,
        "task": "binary_classification",
        "data": {
            "asset": "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/42",
            "features": features, "target": "y",
        },
        "layers": [{"kind": "linear", "units": 3}, {"kind": "relu"}, {"kind": "linear", "units": 2}],
        "loss": "cross_entropy",
        "optimizer": {"kind": "adam", "learning_rate": 0.01},
        "training": {"epochs": 2, "batch_size": 8, "seed": 1},
        "split": {"test_fraction": 0.25, "seed": 1},
        "limits": {"max_seconds": 60, "max_memory_mib": 256},
    });
    let spec = JobSpec::parse(&value).expect("a spec");
    let cost = spec.check(document()).expect("that fits the data set");
    (spec, cost)
}

/// What a truthful worker says at the end of the job on `n`, `c` and `m`.
pub(crate) fn report() -> Value {
    json!({
        "train_rows": 75, "test_rows": 25, "test_accuracy": 0.92, "test_rmse": null,
        "test_confusion": [null, null], "final_loss": 0.25,
        "history": [
            {"epoch": 1, "epochs": 2, "loss": 0.5, "test_metric": 0.8},
            {"epoch": 2, "epochs": 2, "loss": 0.25, "test_metric": 0.92},
        ],
        "inputs": [
            {"column": "n", "category": null, "scaling": {"offset": 0.0, "scale": 1.0}},
            {"column": "c", "category": "a", "scaling": null},
            {"column": "c", "category": "b", "scaling": null},
            {"column": "m", "category": null, "scaling": {"offset": 500.0, "scale": 500.0}},
        ],
        "classes": ["no", "yes"], "output_scaling": null, "trainer": "atoll-trainer 0.1.0",
    })
}
